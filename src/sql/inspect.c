#include "sql/inspect.h"

const struct table_info_column *inspect_column(const struct dialect *dialect,
                                               const struct table_info *info, const char *name)
{
    for (unsigned i = 0; i < info->columns->len; i++) {
        const struct table_info_column *column =
            &g_array_index(info->columns, struct table_info_column, i);
        if (dialect_same_identifier(dialect, column->name, name))
            return column;
    }
    return NULL;
}

bool inspect_is_ours(const struct dialect *dialect, const struct table *table,
                     const struct table_info *info)
{
    unsigned found = 0;
    if (info->nonce)
        return true;
    for (unsigned i = 0; i < table->columns->len; i++) {
        const struct column *column = table_column(table, i);
        if (column->is_system && !inspect_column(dialect, info, column->name))
            return false;
        found += column->is_system;
    }
    return found > 0;
}

bool inspect_has_key(const struct dialect *dialect, const struct table *table,
                     const struct table_info *info)
{
    unsigned keys = 0;
    for (unsigned i = 0; i < info->columns->len; i++)
        keys += g_array_index(info->columns, struct table_info_column, i).is_key;
    for (unsigned i = 0; i < table->key_count; i++) {
        const struct table_info_column *column =
            inspect_column(dialect, info, table_column(table, table->keys[i])->name);
        if (!column || !column->is_key)
            return false;
    }
    return keys == table->key_count;
}

void inspect_count_statement(GString *sql, const struct dialect *dialect, const struct table *table,
                             const struct table_info *info, const char *name)
{
    const char *flag =
        table->deleted_at >= 0 ? table_column(table, (unsigned)table->deleted_at)->name : NULL;
    g_string_append(sql, "SELECT count(*), count(*)");
    if (flag && inspect_column(dialect, info, flag)) {
        g_string_append(sql, " - count(");
        dialect_quote(dialect, sql, flag);
        g_string_append_c(sql, ')');
    }
    g_string_append_printf(sql, " FROM %s", name);
}
