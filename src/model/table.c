#include "model/table.h"

#include <string.h>

static const char *const type_names[] = {
    [COLUMN_INTEGER] = "integer",     [COLUMN_DECIMAL] = "decimal", [COLUMN_BOOLEAN] = "boolean",
    [COLUMN_TIMESTAMP] = "timestamp", [COLUMN_DATE] = "date",       [COLUMN_TIME] = "time",
    [COLUMN_TEXT] = "text",           [COLUMN_JSON] = "json",
};

const char *column_type_name(enum column_type type)
{
    return type_names[type];
}

bool column_type_from_name(const char *name, enum column_type *ret)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(type_names); i++) {
        if (strcmp(name, type_names[i]) == 0) {
            *ret = (enum column_type)i;
            return true;
        }
    }
    return false;
}

enum column_type column_type_widen(enum column_type a, enum column_type b)
{
    if (a == b)
        return a;
    bool numbers = (a == COLUMN_INTEGER || a == COLUMN_DECIMAL) &&
                   (b == COLUMN_INTEGER || b == COLUMN_DECIMAL);
    return numbers ? COLUMN_DECIMAL : COLUMN_TEXT;
}

static void column_done(void *item)
{
    struct column *column = item;
    g_free((char *)column->name);
    g_free((char *)column->comment);
}

struct table *table_new(const char *name, enum table_kind kind)
{
    struct table *table = g_new0(struct table, 1);
    table->name = g_strdup(name);
    table->kind = kind;
    table->columns = g_array_new(false, true, sizeof(struct column));
    g_array_set_clear_func(table->columns, column_done);
    table->version = -1;
    table->synced_at = table->deleted_at = table->run_id = table->extra = -1;
    return table;
}

void table_free(struct table *table)
{
    if (!table)
        return;
    g_array_unref(table->columns);
    g_free(table->name);
    g_free(table->comment);
    g_free(table);
}

unsigned table_add_column(struct table *table, const char *name, enum column_type type,
                          const char *comment)
{
    struct column column = {.name = g_strdup(name), .type = type, .comment = g_strdup(comment)};
    g_array_append_val(table->columns, column);
    return table->columns->len - 1;
}

static int add_system_column(struct table *table, const char *name, enum column_type type)
{
    if (!name)
        return -1;
    unsigned index = table_add_column(table, name, type, NULL);
    g_array_index(table->columns, struct column, index).is_system = true;
    return (int)index;
}

/* A style is a row: names of the same facts. Other connectors have no name for some of them, which
 * then keep ours. Sources: the connectors' documentation of system columns, November 2026. */
static const struct {
    const char *name;
    const char *synced_at, *deleted_at, *run_id, *extra; /* NULL = no such column */
    const char *is_deleted;                              /* derived from deleted_at; or NULL */
} styles[] = {
    [METADATA_NATIVE] = {"native", "_synced_at", "_deleted_at", "_run_id", "_extra", NULL},
    [METADATA_STITCH] = {"stitch", "_sdc_batched_at", "_sdc_deleted_at", "_run_id", "_extra", NULL},
    [METADATA_FIVETRAN] = {"fivetran", "_fivetran_synced", "_deleted_at", "_run_id", "_extra",
                           "_fivetran_deleted"},
    [METADATA_AIRBYTE] = {"airbyte", "_airbyte_extracted_at", "_ab_cdc_deleted_at", "_run_id",
                          "_extra", NULL},
    [METADATA_NONE] = {"none", NULL, NULL, NULL, NULL, NULL},
};

const char *metadata_style_name(enum metadata_style style)
{
    return styles[style].name;
}

bool metadata_style_from_name(const char *name, enum metadata_style *ret)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(styles); i++) {
        if (strcmp(name, styles[i].name) == 0) {
            *ret = (enum metadata_style)i;
            return true;
        }
    }
    return false;
}

void table_add_system_columns(struct table *table, enum metadata_style style)
{
    g_assert(table->kind == TABLE_REPLICATED && table->synced_at < 0);
    table->synced_at = add_system_column(table, styles[style].synced_at, COLUMN_TIMESTAMP);
    table->deleted_at = add_system_column(table, styles[style].deleted_at, COLUMN_TIMESTAMP);
    if (styles[style].is_deleted) {
        int index = add_system_column(table, styles[style].is_deleted, COLUMN_BOOLEAN);
        g_array_index(table->columns, struct column, index).is_derived = true;
    }
    table->run_id = add_system_column(table, styles[style].run_id, COLUMN_TEXT);
    table->extra = add_system_column(table, styles[style].extra, COLUMN_JSON);
}

void table_index_column(struct table *table, unsigned index)
{
    g_assert(index < table->columns->len);
    g_array_index(table->columns, struct column, index).is_indexed = true;
}

bool table_is_key(const struct table *table, unsigned index)
{
    for (unsigned i = 0; i < table->key_count; i++) {
        if (table->keys[i] == index)
            return true;
    }
    return false;
}

int table_find_column(const struct table *table, const char *name)
{
    for (unsigned i = 0; i < table->columns->len; i++) {
        if (strcmp(table_column(table, i)->name, name) == 0)
            return (int)i;
    }
    return -1;
}
