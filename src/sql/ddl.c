#include "sql/ddl.h"

#include <string.h>

#include "sql/inspect.h"

/* derived holds one %s, for the column that it follows. */
void ddl_derive(GString *sql, const struct dialect *dialect, const struct table *table)
{
    const char *place = strstr(dialect->derived, "%s");
    g_string_append_c(sql, ' ');
    g_string_append_len(sql, dialect->derived, place - dialect->derived);
    dialect_quote(dialect, sql, table_column(table, (unsigned)table->deleted_at)->name);
    g_string_append(sql, place + strlen("%s"));
}

void ddl_column(GString *sql, const struct dialect *dialect, const struct table *table,
                unsigned column)
{
    const struct column *c = table_column(table, column);
    dialect_quote(dialect, sql, c->name);
    g_string_append_printf(sql, " %s", dialect->types[c->type]);
    if (c->is_derived)
        ddl_derive(sql, dialect, table);
}

bool ddl_has_integer_key(const struct table *table)
{
    return table->key_count == 1 && table_column(table, table->keys[0])->type == COLUMN_INTEGER;
}

static void append_primary_key(GString *sql, const struct dialect *dialect,
                               const struct table *table)
{
    g_string_append(sql, "    PRIMARY KEY (");
    for (unsigned i = 0; i < table->key_count; i++) {
        g_string_append(sql, i ? ", " : "");
        dialect_quote(dialect, sql, table_column(table, table->keys[i])->name);
    }
    g_string_append(sql, ")\n)");
}

void ddl_create_table(GString *sql, const struct dialect *dialect, const struct table *table,
                      const char *name, const char *note)
{
    g_string_append_printf(sql, "CREATE TABLE %s (", name);
    if (note)
        g_string_append_printf(sql, " /* %s */", note);
    g_string_append_c(sql, '\n');
    for (unsigned i = 0; i < table->columns->len; i++) {
        g_string_append(sql, "    ");
        ddl_column(sql, dialect, table, i);
        g_string_append(sql, table_is_key(table, i) ? " NOT NULL,\n" : ",\n");
    }
    append_primary_key(sql, dialect, table);
    bool system_key = table->kind == TABLE_SYSTEM && !ddl_has_integer_key(table);
    g_string_append(sql, system_key ? dialect->create_suffix_system_key : dialect->create_suffix);
}

void ddl_add_column(GString *sql, const struct dialect *dialect, const struct table *table,
                    unsigned column, const char *name)
{
    g_string_append_printf(sql, "ALTER TABLE %s ADD COLUMN ", name);
    ddl_column(sql, dialect, table, column);
}

bool ddl_diff(const struct dialect *dialect, const struct table *table,
              const struct table_info *info, GArray *changes, GError **error)
{
    for (unsigned i = 0; i < table->columns->len; i++) {
        const struct column *want = table_column(table, i);
        const struct table_info_column *have = inspect_column(dialect, info, want->name);
        struct ddl_change change = {.column = i, .add = !have, .to = want->type};
        if (have && have->type < 0) {
            error_setf(error, PENSTOCK_ERROR_CONFIG,
                       "table %s has a column %s that Penstock did not make and whose type cannot "
                       "hold %s values: rename that column, then run again",
                       table->name, want->name, column_type_name(want->type));
            return false;
        }
        if (have) {
            change.from = (enum column_type)have->type;
            change.to = column_type_widen(change.from, want->type);
        }
        if (change.add || change.from != change.to)
            g_array_append_val(changes, change);
    }
    return true;
}
