#include "sql/sweep.h"

static void append_name(GString *sql, const struct dialect *dialect, const struct table *table,
                        int column)
{
    dialect_quote(dialect, sql, table_column(table, (unsigned)column)->name);
}

/* Alive and in its scope, whose value is parameter `number`. */
static void append_scope(GString *sql, const struct dialect *dialect, const struct sweep *sweep,
                         unsigned number)
{
    const char *word = " WHERE ";
    if (sweep->table->deleted_at >= 0) {
        g_string_append(sql, word);
        append_name(sql, dialect, sweep->table, sweep->table->deleted_at);
        g_string_append(sql, " IS NULL");
        word = " AND ";
    }
    if (sweep->scope < 0)
        return;
    g_string_append(sql, word);
    append_name(sql, dialect, sweep->table, sweep->scope);
    g_string_append(sql, " = ");
    dialect_placeholder(dialect, sql, number);
}

void sweep_count_statement(GString *sql, const struct dialect *dialect, const struct sweep *sweep,
                           const char *name)
{
    g_string_append_printf(sql, "SELECT count(*) FROM %s", name);
    append_scope(sql, dialect, sweep, 1);
}

static unsigned append_update(GString *sql, const struct dialect *dialect,
                              const struct table *table, const char *name)
{
    const int columns[] = {table->deleted_at, table->synced_at, table->run_id};
    unsigned number = 0;
    g_string_append_printf(sql, "UPDATE %s SET ", name);
    for (unsigned i = 0; i < G_N_ELEMENTS(columns); i++) {
        g_string_append(sql, i ? ", " : "");
        append_name(sql, dialect, table, columns[i]);
        g_string_append(sql, " = ");
        dialect_placeholder(dialect, sql, ++number);
    }
    return number;
}

void sweep_statement(GString *sql, const struct dialect *dialect, const struct sweep *sweep,
                     const char *name, const char *seen)
{
    unsigned number = 0;
    if (sweep->remove)
        g_string_append_printf(sql, "DELETE FROM %s", name);
    else
        number = append_update(sql, dialect, sweep->table, name);
    append_scope(sql, dialect, sweep, number + 1);
    if (!seen)
        return;
    bool first = sweep->table->deleted_at < 0 && sweep->scope < 0;
    g_string_append(sql, first ? " WHERE " : " AND ");
    append_name(sql, dialect, sweep->table, (int)sweep->table->keys[0]);
    g_string_append_printf(sql, " NOT IN (SELECT id FROM %s)", seen);
}
