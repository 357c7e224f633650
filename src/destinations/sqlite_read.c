#include <string.h>

#include "destinations/sqlite_private.h"
#include "sql/dialect.h"

/* A read under way: cells and the texts of numbers, one a column, for the row in hand. */
struct reading {
    sqlite3_stmt *statement;
    unsigned count;
    struct cell *cells;
    char (*numbers)[SQLITE_REAL_TEXT_BYTES];
};

static void append_column(GString *sql, const struct sqlite_table *t, const struct table *table,
                          unsigned index)
{
    const char *name = table_column(table, index)->name;
    if (sqlite_table_column(t, name))
        dialect_quote(&dialect_sqlite, sql, name);
    else /* an older database, opened to look at */
        g_string_append(sql, "NULL");
}

static void append_conditions(GString *sql, const struct sqlite_table *t,
                              const struct read_query *query)
{
    if (query->where >= 0) {
        g_string_append(sql, " WHERE ");
        append_column(sql, t, query->table, (unsigned)query->where);
        g_string_append(sql, " IN (");
        for (unsigned i = 0; i < query->value_count; i++)
            g_string_append_printf(sql, "%s?%u", i ? ", " : "", i + 1);
        g_string_append_c(sql, ')');
    }
    int flag = query->table->deleted_at;
    if (!query->live_only || flag < 0)
        return;
    g_string_append(sql, query->where >= 0 ? " AND " : " WHERE ");
    append_column(sql, t, query->table, (unsigned)flag);
    g_string_append(sql, " IS NULL");
}

static unsigned column_count(const struct read_query *query)
{
    return query->columns ? query->column_count : query->table->columns->len;
}

static char *select_statement(const struct sqlite_table *t, const struct read_query *query)
{
    g_autoptr(GString) sql = g_string_new("SELECT ");
    for (unsigned i = 0; i < column_count(query); i++) {
        g_string_append(sql, i ? ", " : "");
        append_column(sql, t, query->table, query->columns ? query->columns[i] : i);
    }
    g_string_append_printf(sql, " FROM main.%s", t->quoted);
    append_conditions(sql, t, query);
    if (query->order_by >= 0) {
        g_string_append(sql, " ORDER BY ");
        append_column(sql, t, query->table, (unsigned)query->order_by);
    }
    if (query->limit)
        g_string_append_printf(sql, " LIMIT %u", query->limit);
    return g_string_free(g_steal_pointer(&sql), false);
}

static bool bind_values(const struct sqlite_table *t, const struct read_query *query,
                        sqlite3_stmt *statement, GError **error)
{
    if (query->where < 0)
        return true;
    const char *name = table_column(query->table, (unsigned)query->where)->name;
    enum sqlite_storage storage = sqlite_column_storage(sqlite_table_column(t, name));
    for (unsigned i = 0; i < query->value_count; i++) {
        if (!sqlite_bind_cell(statement, (int)i + 1, storage, &query->values[i])) {
            error_setf(error, PENSTOCK_ERROR_BUG, "reading %s: a value for %s is no integer",
                       t->name, name);
            return false;
        }
    }
    return true;
}

static void read_cell(struct reading *r, unsigned index)
{
    struct cell *cell = &r->cells[index];
    char *number = r->numbers[index];
    int column = (int)index;
    switch (sqlite3_column_type(r->statement, column)) {
    case SQLITE_NULL:
        cell_set_null(cell);
        return;
    case SQLITE_INTEGER:
        g_snprintf(number, SQLITE_REAL_TEXT_BYTES, "%" G_GINT64_FORMAT,
                   (gint64)sqlite3_column_int64(r->statement, column));
        cell_set(cell, number, strlen(number));
        return;
    case SQLITE_FLOAT:
        sqlite_real_format(sqlite3_column_double(r->statement, column), number);
        cell_set(cell, number, strlen(number));
        return;
    default: {
        const char *text = sqlite3_column_blob(r->statement, column);
        cell_set(cell, text ? text : "", (size_t)sqlite3_column_bytes(r->statement, column));
    }
    }
}

static bool read_rows(struct sqlite *s, struct reading *r, const char *what,
                      destination_row_func func, void *opaque, GError **error)
{
    int rc;
    while ((rc = sqlite_step(s, r->statement, what, error)) == SQLITE_ROW) {
        for (unsigned i = 0; i < r->count; i++)
            read_cell(r, i);
        func(r->cells, opaque);
    }
    return rc == SQLITE_DONE;
}

static bool read_table(struct sqlite *s, const struct sqlite_table *t,
                       const struct read_query *query, destination_row_func func, void *opaque,
                       GError **error)
{
    g_autofree char *what = g_strdup_printf("reading %s", t->name);
    g_autofree char *sql = select_statement(t, query);
    g_autoptr(SqliteStmt) statement = sqlite_prepare(s, sql, what, error);
    if (!statement || !bind_values(t, query, statement, error))
        return false;
    struct reading r = {.statement = statement, .count = column_count(query)};
    r.cells = g_new0(struct cell, r.count);
    r.numbers = g_malloc_n(r.count, sizeof *r.numbers);
    bool ok = read_rows(s, &r, what, func, opaque, error);
    g_free(r.cells);
    g_free(r.numbers);
    return ok;
}

bool sqlite_read(struct destination *d, const struct read_query *query, destination_row_func func,
                 void *opaque, GError **error)
{
    struct sqlite *s = (struct sqlite *)d;
    if (s->db && !d->in_transaction && !sqlite_refresh(s, error))
        return false;
    const struct sqlite_table *t = sqlite_table_get(s, query->table, error);
    if (!t || !t->exists)
        return t != NULL;
    return read_table(s, t, query, func, opaque, error);
}
