#include "sql/epoch.h"

struct table *epoch_table_new(void)
{
    struct table *table = table_new(EPOCH_TABLE, TABLE_SYSTEM);
    table->keys[0] = table_add_column(table, "name", COLUMN_TEXT, NULL);
    table->key_count = 1;
    table_add_column(table, "epoch", COLUMN_INTEGER, NULL);
    table_add_column(table, "holder", COLUMN_TEXT, NULL);
    return table;
}

static void append_parameters(GString *sql, const struct dialect *dialect, const char *format)
{
    for (const char *p = format; *p; p++) {
        if (*p == '$')
            dialect_parameter(dialect, sql, (unsigned)g_ascii_digit_value(*++p));
        else
            g_string_append_c(sql, *p);
    }
}

void epoch_take_statement(GString *sql, const struct dialect *dialect, const char *table)
{
    g_string_append_printf(sql, "INSERT INTO %s (name, epoch, holder) VALUES (", table);
    append_parameters(sql, dialect, "$1, 1, $2) ON CONFLICT (name) DO UPDATE SET epoch = ");
    g_string_append_printf(sql, "%s.epoch + 1, holder = excluded.holder RETURNING epoch", table);
}

void epoch_hold_statement(GString *sql, const struct dialect *dialect, const char *table)
{
    g_string_append_printf(sql, "UPDATE %s SET epoch = epoch WHERE ", table);
    append_parameters(sql, dialect, "name = $1 AND epoch = $2");
}

void epoch_holder_statement(GString *sql, const struct dialect *dialect, const char *table)
{
    g_string_append_printf(sql, "SELECT holder FROM %s WHERE ", table);
    append_parameters(sql, dialect, "name = $1");
}
