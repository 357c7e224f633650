#include "sync/system.h"

struct column_row {
    const char *name;
    enum column_type type;
};

static struct table *make_table(const char *name, const struct column_row *rows, unsigned count,
                                unsigned keys)
{
    struct table *table = table_new(name, TABLE_SYSTEM);

    for (unsigned i = 0; i < count; i++)
        table_add_column(table, rows[i].name, rows[i].type, NULL);
    for (unsigned i = 0; i < keys; i++)
        table->keys[i] = i;
    table->key_count = keys;
    return table;
}

struct table *system_state_table(void)
{
    static const struct column_row rows[] = {{"name", COLUMN_TEXT}, {"value", COLUMN_JSON}};

    return make_table("_penstock_state", rows, G_N_ELEMENTS(rows), 1);
}

struct table *system_parents_table(void)
{
    static const struct column_row rows[] = {
        {"child", COLUMN_TEXT},
        {"deal_id", COLUMN_INTEGER},
        {"update_time", COLUMN_TIMESTAMP},
        {"products_count", COLUMN_INTEGER},
        {"priority", COLUMN_INTEGER},
        {"tries", COLUMN_INTEGER},
        {"not_before", COLUMN_TIMESTAMP},
    };

    return make_table("_penstock_parents", rows, G_N_ELEMENTS(rows), 2);
}

struct table *system_seen_table(void)
{
    static const struct column_row rows[] = {
        {"chunk", COLUMN_INTEGER}, {"table", COLUMN_TEXT}, {"ids", COLUMN_TEXT}};

    return make_table("_penstock_pass", rows, G_N_ELEMENTS(rows), 2);
}

struct table *system_runs_table(void)
{
    static const struct column_row rows[] = {
        {"run_id", COLUMN_TEXT},          {"table", COLUMN_TEXT},
        {"started_at", COLUMN_TIMESTAMP}, {"finished_at", COLUMN_TIMESTAMP},
        {"outcome", COLUMN_TEXT},         {"is_first_load", COLUMN_BOOLEAN},
        {"rows", COLUMN_INTEGER},         {"deleted", COLUMN_INTEGER},
        {"rejected", COLUMN_INTEGER},     {"requests", COLUMN_INTEGER},
        {"tokens", COLUMN_INTEGER},       {"message", COLUMN_TEXT},
    };

    return make_table("_penstock_runs", rows, G_N_ELEMENTS(rows), 2);
}
