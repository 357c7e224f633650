/* Rows out of the database, one by one as the server sends them, so that memory stays flat; until
 * the last one nothing else runs on the session, so the callback may not use the destination. */
#include <mysqld_error.h>
#include <string.h>

#include "destinations/mysql_private.h"
#include "sql/dialect.h"

/* A read under way. */
struct reading {
    unsigned count;
    int *types; /* of each column as stored; -1: it is text for us, or missing */
    struct cell *cells;
    destination_row_func func;
    void *opaque;
    uint64_t rows;
};

static const struct mysqldb_column *stored_column(const struct mysqldb_table *t,
                                                  const struct read_query *query, unsigned index)
{
    return mysqldb_table_column(t, table_column(query->table, index)->name);
}

static void append_column(GString *sql, const struct mysqldb_table *t,
                          const struct read_query *query, unsigned index)
{
    if (stored_column(t, query, index))
        dialect_quote(&dialect_mysql, sql, table_column(query->table, index)->name);
    else /* an older database, opened to look at */
        g_string_append(sql, "NULL");
}

/* ── The query ── */

static bool is_number(const struct cell *cell, const char *others)
{
    for (uint32_t i = 0; i < cell->length; i++) {
        if (!g_ascii_isdigit(cell->text[i]) && !strchr(others, cell->text[i]))
            return false;
    }
    return cell->length > 0;
}

/* Compared in the column's own type: the server would compare a number with a text as doubles. A
 * value that cannot be equal to any becomes null, which equals nothing. */
static void append_value(struct mysqldb *s, GString *sql, int type, const struct cell *cell)
{
    bool integer = type == COLUMN_INTEGER || type == COLUMN_BOOLEAN;
    if (cell->kind != CELL_VALUE || (integer && !is_number(cell, "-")) ||
        (type == COLUMN_DECIMAL && !is_number(cell, "+-.eE"))) {
        g_string_append(sql, "NULL");
    } else if (integer) {
        g_string_append_len(sql, cell->text, cell->length);
    } else if (type == COLUMN_DECIMAL) {
        g_string_append(sql, "CAST('");
        g_string_append_len(sql, cell->text, cell->length);
        g_string_append(sql, "' AS DECIMAL(65,30))");
    } else {
        mysqldb_literal(s, sql, cell->text, cell->length);
    }
}

static void append_where(struct mysqldb *s, GString *sql, const struct mysqldb_table *t,
                         const struct read_query *query)
{
    const struct mysqldb_column *column = stored_column(t, query, (unsigned)query->where);
    g_string_append(sql, " WHERE ");
    append_column(sql, t, query, (unsigned)query->where);
    g_string_append(sql, " IN (");
    if (query->value_count == 0)
        g_string_append(sql, "NULL");
    for (unsigned i = 0; i < query->value_count; i++) {
        g_string_append(sql, i ? "," : "");
        append_value(s, sql, column ? column->type : -1, &query->values[i]);
    }
    g_string_append_c(sql, ')');
}

static void append_conditions(struct mysqldb *s, GString *sql, const struct mysqldb_table *t,
                              const struct read_query *query)
{
    int deleted_at = query->table->deleted_at;
    if (query->where >= 0)
        append_where(s, sql, t, query);
    if (!query->live_only || deleted_at < 0 || !stored_column(t, query, (unsigned)deleted_at))
        return;
    g_string_append(sql, query->where >= 0 ? " AND " : " WHERE ");
    append_column(sql, t, query, (unsigned)deleted_at);
    g_string_append(sql, " IS NULL");
}

static unsigned column_count(const struct read_query *query)
{
    return query->columns ? query->column_count : query->table->columns->len;
}

static char *select_statement(struct mysqldb *s, const struct mysqldb_table *t,
                              const struct read_query *query)
{
    g_autoptr(GString) sql = g_string_new("SELECT ");
    for (unsigned i = 0; i < column_count(query); i++) {
        g_string_append(sql, i ? ", " : "");
        append_column(sql, t, query, query->columns ? query->columns[i] : i);
    }
    g_string_append_printf(sql, " FROM %s", t->quoted);
    append_conditions(s, sql, t, query);
    if (query->order_by >= 0) {
        g_string_append(sql, " ORDER BY ");
        append_column(sql, t, query, (unsigned)query->order_by);
    }
    if (query->limit)
        g_string_append_printf(sql, " LIMIT %u", query->limit);
    return g_string_free(g_steal_pointer(&sql), false);
}

/* ── Values in Penstock's form ── */

/* "1.500000000000000000000000000000" → "1.5" */
static size_t decimal_length(const char *text, size_t length)
{
    if (!memchr(text, '.', length))
        return length;
    while (text[length - 1] == '0')
        length--;
    return text[length - 1] == '.' ? length - 1 : length;
}

/* "2026-11-02 08:15:30.000000" → "2026-11-02 08:15:30" */
static size_t timestamp_length(const char *text, size_t length)
{
    static const char none[] = ".000000";
    size_t zeros = strlen(none);
    bool whole = length > zeros && memcmp(text + length - zeros, none, zeros) == 0;
    return whole ? length - zeros : length;
}

static void take_row(char *const *values, const unsigned long *lengths, void *opaque)
{
    struct reading *r = opaque;
    for (unsigned i = 0; i < r->count; i++) {
        size_t length = lengths[i];
        if (!values[i]) {
            cell_set_null(&r->cells[i]);
            continue;
        }
        if (r->types[i] == COLUMN_DECIMAL)
            length = decimal_length(values[i], length);
        else if (r->types[i] == COLUMN_TIMESTAMP)
            length = timestamp_length(values[i], length);
        cell_set(&r->cells[i], values[i], length);
    }
    r->rows++;
    r->func(r->cells, r->opaque);
}

/* ── Reading ── */

static bool read_table(struct mysqldb *s, const struct mysqldb_table *t,
                       const struct read_query *query, struct reading *r, GError **error)
{
    g_autofree char *what = g_strdup_printf("reading %s", t->name);
    g_autofree char *sql = select_statement(s, t, query);
    r->count = column_count(query);
    r->cells = g_new0(struct cell, r->count);
    r->types = g_new(int, r->count);
    for (unsigned i = 0; i < r->count; i++) {
        const struct mysqldb_column *column =
            stored_column(t, query, query->columns ? query->columns[i] : i);
        r->types[i] = column ? column->type : -1;
    }
    bool ok = mysqldb_each(s, sql, what, take_row, r, error);
    g_free(r->cells);
    g_free(r->types);
    return ok;
}

static bool is_stale(const GError *error)
{
    int code = error_detail(error)->origin_code;
    return code == ER_NO_SUCH_TABLE || code == ER_BAD_FIELD_ERROR;
}

/* What is remembered of the table may be old: somebody dropped it, or a column. Then once more. */
bool mysqldb_read(struct destination *d, const struct read_query *query, destination_row_func func,
                  void *opaque, GError **error)
{
    struct mysqldb *s = (struct mysqldb *)d;
    struct reading r = {.func = func, .opaque = opaque};
    for (bool again = false;; again = true) {
        g_autoptr(GError) inner = NULL;
        const struct mysqldb_table *t = mysqldb_table_get(s, query->table, error);
        if (!t || !t->exists)
            return t != NULL;
        if (read_table(s, t, query, &r, &inner))
            return true;
        if (again || r.rows > 0 || !is_stale(inner)) {
            g_propagate_error(error, g_steal_pointer(&inner));
            return false;
        }
        mysqldb_forget_tables(s);
    }
}
