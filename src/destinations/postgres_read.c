/* Rows out of the database, one at a time: libpq's single-row mode keeps memory bounded whatever
 * the size of the table. The callback must not use the destination. */
#include <string.h>

#include "destinations/postgres_private.h"
#include "sql/dialect.h"

/* A read under way: what each column is stored as, and the cells of the row in hand. */
struct reading {
    struct postgres *p;
    const struct postgres_table *table;
    const struct read_query *query;
    unsigned count;
    int *types; /* enum column_type, -1: shown as the server writes it */
    struct cell *cells;
    char (*texts)[INSTANT_TEXT_BYTES]; /* of timestamps */
};

static unsigned column_index(const struct read_query *query, unsigned i)
{
    return query->columns ? query->columns[i] : i;
}

/* ── The statement ── */

/* NULL where the database has no such column: an older one, opened to look at. */
static void append_column(GString *sql, const struct reading *r, unsigned index)
{
    const char *name = table_column(r->query->table, index)->name;
    if (postgres_table_column(r->table, name))
        dialect_quote(&dialect_postgres, sql, name);
    else
        g_string_append(sql, "NULL");
}

/* OFFSET keeps the rows of one value a query of its own, which takes the index. Of a table that
 * nobody has analyzed yet the planner guesses that each value is in a 200th of its rows, so for a
 * hundred values at once it would read all of it. */
void postgres_append_one_of(GString *sql, const struct postgres_table *t, const struct table *table,
                            unsigned column, unsigned parameter, enum column_type type)
{
    g_autoptr(GString) key = g_string_new(NULL);
    dialect_quote(&dialect_postgres, key, table_column(table, table->keys[0])->name);
    g_string_append_printf(sql, "%s = ANY (ARRAY(SELECT found.%s FROM unnest(", key->str, key->str);
    dialect_parameter(&dialect_postgres, sql, parameter);
    g_string_append_printf(sql, "::%s[]) AS one_of (value), LATERAL (SELECT %s FROM %s WHERE ",
                           dialect_postgres.types[type], key->str, t->quoted);
    dialect_quote(&dialect_postgres, sql, table_column(table, column)->name);
    g_string_append(sql, " = one_of.value OFFSET 0) AS found))");
}

static int stored_type(const struct reading *r, unsigned index)
{
    return postgres_stored_type(r->table, r->query->table, (int)index, -1);
}

static void append_where(GString *sql, const struct reading *r)
{
    const struct table *table = r->query->table;
    unsigned where = (unsigned)r->query->where;
    int type = stored_type(r, where);
    if (table_column(table, where)->is_indexed && table->key_count == 1 && type >= 0) {
        postgres_append_one_of(sql, r->table, table, where, 1, (enum column_type)type);
        return;
    }
    append_column(sql, r, where);
    g_string_append(sql, " = ANY ($1)");
}

static void append_conditions(GString *sql, const struct reading *r)
{
    const struct read_query *query = r->query;
    int deleted_at = query->live_only ? query->table->deleted_at : -1;
    g_string_append(sql, " WHERE true");
    if (query->where >= 0) {
        g_string_append(sql, " AND ");
        append_where(sql, r);
    }
    if (deleted_at >= 0) {
        g_string_append(sql, " AND ");
        append_column(sql, r, (unsigned)deleted_at);
        g_string_append(sql, " IS NULL");
    }
}

/* By bytes, not by the rules of a language. */
static void append_order(GString *sql, const struct reading *r)
{
    if (r->query->order_by < 0)
        return;
    unsigned index = (unsigned)r->query->order_by;
    g_string_append(sql, " ORDER BY ");
    append_column(sql, r, index);
    if (stored_type(r, index) == COLUMN_TEXT)
        g_string_append(sql, " COLLATE \"C\"");
}

static char *select_statement(const struct reading *r)
{
    g_autoptr(GString) sql = g_string_new("SELECT ");
    for (unsigned i = 0; i < r->count; i++) {
        g_string_append(sql, i ? ", " : "");
        append_column(sql, r, column_index(r->query, i));
    }
    g_string_append_printf(sql, " FROM %s", r->table->quoted);
    append_conditions(sql, r);
    append_order(sql, r);
    if (r->query->limit)
        g_string_append_printf(sql, " LIMIT %u", r->query->limit);
    return g_string_free(g_steal_pointer(&sql), false);
}

/* An array's text form; what is null equals nothing, so it is left out. */
static char *values_array(const struct read_query *query)
{
    g_autoptr(GString) text = g_string_new("{");
    for (unsigned i = 0; i < query->value_count; i++) {
        const struct cell *cell = &query->values[i];
        if (cell->kind != CELL_VALUE)
            continue;
        g_string_append(text, text->len > 1 ? ",\"" : "\"");
        for (unsigned c = 0; c < cell->length; c++) {
            if (cell->text[c] == '"' || cell->text[c] == '\\')
                g_string_append_c(text, '\\');
            g_string_append_c(text, cell->text[c]);
        }
        g_string_append_c(text, '"');
    }
    g_string_append_c(text, '}');
    return g_string_free(g_steal_pointer(&text), false);
}

/* ── Rows ── */

/* "2026-11-02 08:15:30.00025+00" to the model's form, whose fraction has six digits. */
static void set_timestamp(struct cell *cell, char room[INSTANT_TEXT_BYTES], const char *text,
                          size_t length)
{
    bool utc = length > 3 && length <= strlen("2026-11-02 08:15:30.000250+00") &&
               memcmp(text + length - 3, "+00", 3) == 0;
    if (!utc) { /* a person's "infinity" or year 20000 */
        cell_set(cell, text, length);
        return;
    }
    length -= 3;
    memcpy(room, text, length);
    const char *point = memchr(text, '.', length);
    size_t digits = point ? (size_t)(text + length - point) - 1 : 6;
    for (; digits < 6; digits++)
        room[length++] = '0';
    cell_set(cell, room, length);
}

static void read_cell(struct reading *r, const PGresult *result, unsigned index)
{
    struct cell *cell = &r->cells[index];
    const char *text = PQgetvalue(result, 0, (int)index);
    size_t length = (size_t)PQgetlength(result, 0, (int)index);
    if (PQgetisnull(result, 0, (int)index))
        cell_set_null(cell);
    else if (r->types[index] == COLUMN_BOOLEAN)
        cell_set(cell, *text == 't' ? "1" : "0", 1);
    else if (r->types[index] == COLUMN_TIMESTAMP)
        set_timestamp(cell, r->texts[index], text, length);
    else
        cell_set(cell, text, length);
}

/* The callback of a read, for the results of it. */
struct taking {
    struct reading *reading;
    const char *what;
    destination_row_func func;
    void *opaque;
};

static bool take_result(const PGresult *result, void *opaque, GError **error)
{
    const struct taking *taking = opaque;
    struct reading *r = taking->reading;
    switch (PQresultStatus(result)) {
    case PGRES_SINGLE_TUPLE:
        for (unsigned i = 0; i < r->count; i++)
            read_cell(r, result, i);
        taking->func(r->cells, taking->opaque);
        return true;
    case PGRES_TUPLES_OK: /* the end */
        g_assert(PQntuples(result) == 0);
        return true;
    default:
        return postgres_fail(r->p, result, taking->what, error);
    }
}

static bool send_query(const struct reading *r, const char *what, GError **error)
{
    const struct read_query *query = r->query;
    g_autofree char *sql = select_statement(r);
    g_autofree char *array = query->where >= 0 ? values_array(query) : NULL;
    int type = query->where >= 0 ? stored_type(r, (unsigned)query->where) : -1;
    Oid oid = postgres_array_oid(type >= 0 ? (enum column_type)type : COLUMN_TEXT);
    const char *values[] = {array};
    return postgres_send_typed(r->p, sql, array ? 1 : 0, &oid, values, what, error);
}

static bool read_table(struct reading *r, destination_row_func func, void *opaque, GError **error)
{
    g_autofree char *what = g_strdup_printf("reading %s", r->table->name);
    g_autofree int *types = g_new(int, r->count);
    g_autofree struct cell *cells = g_new0(struct cell, r->count);
    r->types = types;
    r->cells = cells;
    r->texts = g_malloc_n(r->count, sizeof *r->texts);
    for (unsigned i = 0; i < r->count; i++)
        types[i] = stored_type(r, column_index(r->query, i));
    struct taking taking = {r, what, func, opaque};
    bool ok = send_query(r, what, error) && postgres_settle_rows(r->p, take_result, &taking, error);
    g_free(r->texts);
    return ok;
}

bool postgres_read(struct destination *d, const struct read_query *query, destination_row_func func,
                   void *opaque, GError **error)
{
    struct postgres *p = (struct postgres *)d;
    struct reading r = {.p = p, .query = query};
    r.table = postgres_table_get(p, query->table, error);
    if (!r.table || !r.table->exists)
        return r.table != NULL;
    r.count = query->columns ? query->column_count : query->table->columns->len;
    return read_table(&r, func, opaque, error);
}
