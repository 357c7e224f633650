/* Statements that write rows, and the three ways to run them.
 *
 * Staged: COPY into a temporary table of the session, then one INSERT … SELECT … ON CONFLICT: two
 * round trips for any number of rows. Straight: COPY into the table itself, under a savepoint, as
 * long as no key is there yet. One by one: a prepared statement with binary parameters, for the
 * few rows of state and log that go with each page. */
#include <string.h>

#include "destinations/postgres_private.h"
#include "sql/upsert.h"

/* Each has a staging table, all of which the server empties at each commit. */
#define STATEMENTS_MAX   24
#define COPY_CHUNK_BYTES 65536
#define DRIVER_VALUES    3 /* _synced_at, _run_id, asked_at: the last parameters */

/* ── The cache ── */

void postgres_statement_free(struct postgres_statement *statement)
{
    g_free(statement->signature);
    g_free(statement->columns);
    g_free(statement->to);
    g_free(statement->presence);
    g_free(statement->stage);
    g_free(statement);
}

static void append_layout(GString *text, const struct table *table)
{
    g_string_append_printf(text, "%d %d %d %d %d %u", (int)table->kind, table->version,
                           table->synced_at, table->deleted_at, table->run_id, table->key_count);
    for (unsigned i = 0; i < table->key_count; i++)
        g_string_append_printf(text, " %u", table->keys[i]);
}

/* The statements depend on nothing else, so a table that grows or widens simply gets others. */
static GString *make_signature(const struct postgres_writing *w, const uint8_t *presence)
{
    const struct table *table = w->batch->table;
    GString *text = g_string_new(w->table->quoted);
    append_layout(text, table);
    for (unsigned i = 0; i < table->columns->len; i++) {
        const char *name = table_column(table, i)->name;
        const struct postgres_column *column = postgres_table_column(w->table, name);
        g_string_append_len(text, name, (gssize)strlen(name) + 1);
        g_string_append_c(text, column ? (char)column->type : '?');
        g_string_append_c(text, presence ? (char)presence[i] : 'd');
    }
    return text;
}

static struct postgres_statement *find_statement(struct postgres *p, const GString *signature)
{
    for (unsigned i = 0; i < p->statements->len; i++) {
        struct postgres_statement *statement = g_ptr_array_index(p->statements, i);
        if (statement->signature_length == signature->len &&
            memcmp(statement->signature, signature->str, signature->len) == 0)
            return statement;
    }
    return NULL;
}

static bool evict_oldest(struct postgres *p, const char *what, GError **error)
{
    unsigned oldest = 0;
    for (unsigned i = 1; i < p->statements->len; i++) {
        const struct postgres_statement *a = g_ptr_array_index(p->statements, i);
        const struct postgres_statement *b = g_ptr_array_index(p->statements, oldest);
        if (a->used < b->used)
            oldest = i;
    }
    const struct postgres_statement *statement = g_ptr_array_index(p->statements, oldest);
    g_autoptr(GString) sql = g_string_new(NULL);
    if (statement->row_ready)
        g_string_append_printf(sql, "DEALLOCATE row_%u;", statement->number);
    if (statement->stage_ready)
        g_string_append_printf(sql, "DEALLOCATE stage_%u;", statement->number);
    if (statement->made)
        g_string_append_printf(sql, "DROP TABLE IF EXISTS %s", statement->stage);
    bool ok = sql->len == 0 || postgres_execute(p, sql->str, what, error);
    g_ptr_array_remove_index_fast(p->statements, oldest);
    return ok;
}

static bool set_column_error(const struct postgres_writing *w, unsigned column, GError **error)
{
    error_setf(error, PENSTOCK_ERROR_STORAGE,
               "%s: %s: column %s is gone or has another type now: run again, or reset the table "
               "to load it anew",
               w->p->label, w->what, table_column(w->batch->table, column)->name);
    return false;
}

static bool add_column(const struct postgres_writing *w, struct postgres_statement *statement,
                       unsigned index, GError **error)
{
    const char *name = table_column(w->batch->table, index)->name;
    const struct postgres_column *column = postgres_table_column(w->table, name);
    if (!column || column->type < 0)
        return set_column_error(w, index, error);
    statement->columns[statement->count] = index;
    statement->to[statement->count++] = (enum column_type)column->type;
    return true;
}

static bool add_columns(const struct postgres_writing *w, struct postgres_statement *statement,
                        GError **error)
{
    const struct table *table = w->batch->table;
    bool ok = true;
    for (unsigned i = 0; ok && statement->presence && i < table->columns->len; i++)
        ok = statement->presence[i] == PRESENCE_ABSENT || add_column(w, statement, i, error);
    for (unsigned i = 0; ok && !statement->presence && i < table->key_count; i++)
        ok = add_column(w, statement, table->keys[i], error);
    if (ok && !statement->presence && table->version >= 0)
        ok = add_column(w, statement, (unsigned)table->version, error);
    return ok;
}

static struct postgres_statement *make_statement(const struct postgres_writing *w,
                                                 const uint8_t *presence, GString *signature)
{
    unsigned columns = w->batch->table->columns->len;
    struct postgres_statement *statement = g_new0(struct postgres_statement, 1);
    statement->signature_length = signature->len;
    statement->signature = g_string_free(signature, false);
    statement->number = ++w->p->numbers;
    statement->presence = presence ? g_memdup2(presence, columns) : NULL;
    statement->columns = g_new(unsigned, columns + 1);
    statement->to = g_new(enum column_type, columns + 1);
    statement->stage = g_strdup_printf("pg_temp._penstock_stage_%u", statement->number);
    return statement;
}

struct postgres_statement *postgres_statement_get(const struct postgres_writing *w,
                                                  const uint8_t *presence, GError **error)
{
    struct postgres *p = w->p;
    GString *signature = make_signature(w, presence);
    struct postgres_statement *statement = find_statement(p, signature);
    if (statement) {
        g_string_free(signature, true);
    } else {
        statement = make_statement(w, presence, signature);
        if (!add_columns(w, statement, error) ||
            (p->statements->len >= STATEMENTS_MAX && !evict_oldest(p, w->what, error))) {
            postgres_statement_free(statement);
            return NULL;
        }
        g_ptr_array_add(p->statements, statement);
    }
    statement->used = ++p->uses;
    return statement;
}

/* ── The driver's own columns ── */

/* As the database stores them; text where there is no such column. */
static enum column_type stored_type(const struct postgres_writing *w, int index)
{
    const struct postgres_column *column =
        index < 0
            ? NULL
            : postgres_table_column(w->table, table_column(w->batch->table, (unsigned)index)->name);
    return column && column->type >= 0 ? (enum column_type)column->type : COLUMN_TEXT;
}

static void driver_values(const struct postgres_writing *w, const char *values[DRIVER_VALUES],
                          Oid oids[DRIVER_VALUES])
{
    const struct table *table = w->batch->table;
    values[0] = *w->now ? w->now : NULL;
    values[1] = w->p->base.run_id;
    values[2] = *w->asked_at ? w->asked_at : NULL;
    oids[0] = postgres_type_oid(stored_type(w, table->synced_at));
    oids[1] = postgres_type_oid(stored_type(w, table->run_id));
    oids[2] = postgres_type_oid(stored_type(w, table->deleted_at));
}

/* ── Encoding ── */

static bool set_cell_error(const struct postgres_writing *w, unsigned column,
                           enum column_type stored, GError **error)
{
    const struct column *c = table_column(w->batch->table, column);
    if (c->type != stored)
        return set_column_error(w, column, error);
    error_setf(error, PENSTOCK_ERROR_BUG, "%s: %s: a value of column %s is no %s", w->p->label,
               w->what, c->name, column_type_name(c->type));
    return false;
}

struct putting {
    const struct postgres_writing *w;
    const struct postgres_statement *statement;
    struct row *const *rows;
    struct copy_buffer tail; /* the driver's columns, the same in each row */
    unsigned tail_columns;
};

static bool put_row(struct copy_buffer *buffer, size_t index, void *opaque, GError **error)
{
    const struct putting *put = opaque;
    const struct postgres_statement *statement = put->statement;
    const struct cell *cells = put->rows[index]->cells;
    copy_row(buffer, statement->count + put->tail_columns);
    for (unsigned i = 0; i < statement->count; i++) {
        unsigned column = statement->columns[i];
        if (!copy_cell(buffer, statement->to[i], &cells[column]))
            return set_cell_error(put->w, column, statement->to[i], error);
    }
    copy_bytes(buffer, put->tail.bytes, put->tail.length);
    return true;
}

/* ── COPY ── */

static bool flush_copy(struct postgres *p, const char *what, GError **error)
{
    int rc = PQputCopyData(p->conn, p->buffer.bytes, (int)p->buffer.length);
    p->buffer.length = 0;
    return rc == 1 || postgres_fail(p, NULL, what, error);
}

static bool send_items(struct postgres *p, size_t count, postgres_put_func put, void *opaque,
                       const char *what, GError **error)
{
    p->buffer.length = 0;
    copy_begin(&p->buffer);
    for (size_t i = 0; i < count; i++) {
        if (!put(&p->buffer, i, opaque, error))
            return false;
        if (p->buffer.length >= COPY_CHUNK_BYTES && !flush_copy(p, what, error))
            return false;
    }
    copy_end(&p->buffer);
    return flush_copy(p, what, error);
}

/* The first result is the COPY's; the loop brings the connection back to idle. */
static PGresult *finish_copy(struct postgres *p, const char *cancel)
{
    PQputCopyEnd(p->conn, cancel);
    PGresult *first = NULL;
    for (PGresult *result; (result = PQgetResult(p->conn));) {
        if (first)
            PQclear(result);
        else
            first = result;
        if (PQstatus(p->conn) == CONNECTION_BAD)
            break;
    }
    return first;
}

bool postgres_copy(struct postgres *p, const char *sql, size_t count, postgres_put_func put,
                   void *opaque, const char *what, bool *ret_duplicate, GError **error)
{
    g_autoptr(PgResult) begun = PQexec(p->conn, sql);
    if (PQresultStatus(begun) != PGRES_COPY_IN)
        return postgres_fail(p, begun, what, error);
    bool sent = send_items(p, count, put, opaque, what, error);
    g_autoptr(PgResult) result = finish_copy(p, sent ? NULL : "a value cannot be encoded");
    if (!sent || PQresultStatus(result) == PGRES_COMMAND_OK)
        return sent;
    if (ret_duplicate && postgres_failed_with(result, "23505")) {
        *ret_duplicate = true;
        return true;
    }
    return postgres_fail(p, result, what, error);
}

static void append_names(GString *sql, const struct postgres_writing *w,
                         const struct postgres_statement *statement)
{
    for (unsigned i = 0; i < statement->count; i++) {
        g_string_append(sql, i ? ", " : "");
        dialect_quote(&dialect_postgres, sql,
                      table_column(w->batch->table, statement->columns[i])->name);
    }
}

/* ── Straight ── */

static void add_tail(struct putting *put, GString *names, int index, const char *text)
{
    if (index < 0)
        return;
    struct cell cell;
    cell_set(&cell, text, strlen(text));
    bool ok = copy_cell(&put->tail, stored_type(put->w, index), &cell);
    g_assert(ok); /* made by us */
    g_string_append(names, ", ");
    dialect_quote(&dialect_postgres, names,
                  table_column(put->w->batch->table, (unsigned)index)->name);
    put->tail_columns++;
}

/* The savepoint ends with the transaction. */
bool postgres_write_straight(const struct postgres_writing *w, struct postgres_statement *statement,
                             struct row *const *rows, unsigned count, bool *ret_duplicate,
                             GError **error)
{
    const struct table *table = w->batch->table;
    struct putting put = {.w = w, .statement = statement, .rows = rows};
    g_autoptr(GString) sql = g_string_new(NULL);
    g_string_printf(sql, "SAVEPOINT penstock; COPY %s (", w->table->quoted);
    append_names(sql, w, statement);
    add_tail(&put, sql, table->synced_at, w->now);
    add_tail(&put, sql, table->run_id, w->p->base.run_id);
    g_string_append(sql, ") FROM STDIN (FORMAT binary)");
    *ret_duplicate = false;
    bool ok = postgres_copy(w->p, sql->str, count, put_row, &put, w->what, ret_duplicate, error);
    copy_buffer_done(&put.tail);
    if (ok && *ret_duplicate)
        ok = postgres_execute(w->p, "ROLLBACK TO SAVEPOINT penstock", w->what, error);
    return ok;
}

/* ── Staged ── */

/* A rollback takes along a table that was made in its transaction. */
static void append_stage(GString *sql, const struct postgres_writing *w,
                         struct postgres_statement *statement)
{
    if (statement->made != w->p->rollbacks + 1) {
        g_string_append_printf(sql, "CREATE TEMP TABLE IF NOT EXISTS %s (", statement->stage);
        for (unsigned i = 0; i < statement->count; i++) {
            g_string_append(sql, i ? ", " : "");
            dialect_quote(&dialect_postgres, sql,
                          table_column(w->batch->table, statement->columns[i])->name);
            g_string_append_printf(sql, " %s", dialect_postgres.types[statement->to[i]]);
        }
        g_string_append(sql, ") ON COMMIT DELETE ROWS;");
        statement->made = w->p->rollbacks + 1;
    }
    if (statement->filled == w->p->transactions)
        g_string_append_printf(sql, "DELETE FROM %s;", statement->stage);
    statement->filled = w->p->transactions;
}

static bool prepare_statement(const struct postgres_writing *w, const char *name, const char *sql,
                              unsigned count, const Oid *oids, GError **error)
{
    g_autoptr(PgResult) result = PQprepare(w->p->conn, name, sql, (int)count, oids);
    return PQresultStatus(result) == PGRES_COMMAND_OK ||
           postgres_fail(w->p, result, w->what, error);
}

static char *staged_sql(const struct postgres_writing *w,
                        const struct postgres_statement *statement)
{
    const struct table *table = w->batch->table;
    g_autoptr(GString) sql = g_string_new(NULL);
    if (statement->presence)
        upsert_from_statement(sql, &dialect_postgres, table, w->table->quoted, statement->presence,
                              statement->stage, statement->changes_little);
    else
        upsert_delete_from_statement(sql, &dialect_postgres, table, w->table->quoted,
                                     table->version >= 0, statement->stage);
    return g_string_free(g_steal_pointer(&sql), false);
}

/* What joins the table is planned each time: it may have grown since the last. */
static PGresult *run_staged(const struct postgres_writing *w, struct postgres_statement *statement,
                            GError **error)
{
    PGconn *conn = w->p->conn;
    const char *values[DRIVER_VALUES];
    Oid oids[DRIVER_VALUES];
    char name[32];
    driver_values(w, values, oids);
    g_snprintf(name, sizeof name, "stage_%u", statement->number);
    int count = statement->presence ? DRIVER_VALUES : 0;
    bool joins = !statement->presence || statement->changes_little;
    g_autofree char *sql = joins || !statement->stage_ready ? staged_sql(w, statement) : NULL;
    if (joins)
        return PQexecParams(conn, sql, count, oids, values, NULL, NULL, 0);
    if (!statement->stage_ready && !prepare_statement(w, name, sql, DRIVER_VALUES, oids, error))
        return NULL;
    statement->stage_ready = true;
    return PQexecPrepared(conn, name, count, values, NULL, NULL, 0);
}

static bool apply_staged(const struct postgres_writing *w, struct postgres_statement *statement,
                         unsigned count, unsigned *ret, GError **error)
{
    GError *inner = NULL;
    g_autoptr(PgResult) result = run_staged(w, statement, &inner);
    if (inner) {
        g_propagate_error(error, inner);
        return false;
    }
    if (PQresultStatus(result) != PGRES_COMMAND_OK)
        return postgres_fail(w->p, result, w->what, error);
    *ret = (unsigned)g_ascii_strtoull(PQcmdTuples(result), NULL, 10);
    statement->changes_little = *ret < count / 2;
    return true;
}

bool postgres_write_staged(const struct postgres_writing *w, struct postgres_statement *statement,
                           struct row *const *rows, unsigned count, unsigned *ret, GError **error)
{
    struct putting put = {.w = w, .statement = statement, .rows = rows};
    g_autoptr(GString) sql = g_string_new(NULL);
    append_stage(sql, w, statement);
    g_string_append_printf(sql, "COPY %s (", statement->stage);
    append_names(sql, w, statement);
    g_string_append(sql, ") FROM STDIN (FORMAT binary)");
    return postgres_copy(w->p, sql->str, count, put_row, &put, w->what, NULL, error) &&
           apply_staged(w, statement, count, ret, error);
}

/* ── One by one ── */

/* Parameters of a statement: cells in binary, then the driver's values as text. */
struct parameters {
    Oid *oids;
    const char **values;
    int *lengths, *formats;
    size_t *ends; /* of the encoded cells in the buffer */
    unsigned count;
};

static void parameters_init(struct parameters *to, const struct postgres_writing *w,
                            const struct postgres_statement *statement)
{
    unsigned room = statement->count + DRIVER_VALUES;
    *to = (struct parameters){.oids = g_new0(Oid, room),
                              .values = g_new0(const char *, room),
                              .lengths = g_new0(int, room),
                              .formats = g_new0(int, room),
                              .ends = g_new0(size_t, room),
                              .count = statement->presence ? room : statement->count};
    for (unsigned i = 0; i < statement->count; i++) {
        to->oids[i] = postgres_type_oid(statement->to[i]);
        to->formats[i] = 1;
    }
    if (statement->presence)
        driver_values(w, to->values + statement->count, to->oids + statement->count);
}

static void parameters_done(struct parameters *parameters)
{
    g_free(parameters->oids);
    g_free(parameters->values);
    g_free(parameters->lengths);
    g_free(parameters->formats);
    g_free(parameters->ends);
}

/* Only when all cells are encoded does the buffer stay where it is. */
static bool encode_parameters(struct parameters *to, const struct postgres_writing *w,
                              const struct postgres_statement *statement, const struct cell *cells,
                              GError **error)
{
    struct copy_buffer *buffer = &w->p->buffer;
    buffer->length = 0;
    for (unsigned i = 0; i < statement->count; i++) {
        if (!copy_cell(buffer, statement->to[i], &cells[statement->columns[i]]))
            return set_cell_error(w, statement->columns[i], statement->to[i], error);
        to->ends[i] = buffer->length;
    }
    size_t start = 0;
    for (unsigned i = 0; i < statement->count; start = to->ends[i++]) {
        bool is_null = cells[statement->columns[i]].kind != CELL_VALUE;
        to->values[i] = is_null ? NULL : buffer->bytes + start + 4;
        to->lengths[i] = is_null ? 0 : (int)(to->ends[i] - start - 4);
    }
    return true;
}

static bool prepare_row(const struct postgres_writing *w, struct postgres_statement *statement,
                        const struct parameters *parameters, const char *name, GError **error)
{
    if (statement->row_ready)
        return true;
    g_autoptr(GString) sql = g_string_new(NULL);
    if (statement->presence)
        upsert_statement(sql, &dialect_postgres, w->batch->table, w->table->quoted,
                         statement->presence);
    else
        upsert_delete_statement(sql, &dialect_postgres, w->batch->table, w->table->quoted,
                                w->batch->table->version >= 0);
    statement->row_ready =
        prepare_statement(w, name, sql->str, parameters->count, parameters->oids, error);
    return statement->row_ready;
}

static bool write_row(const struct postgres_writing *w, struct postgres_statement *statement,
                      struct parameters *parameters, const struct row *row, unsigned *ret,
                      GError **error)
{
    char name[32];
    g_snprintf(name, sizeof name, "row_%u", statement->number);
    if (!encode_parameters(parameters, w, statement, row->cells, error) ||
        !prepare_row(w, statement, parameters, name, error))
        return false;
    g_autoptr(PgResult) result =
        PQexecPrepared(w->p->conn, name, (int)parameters->count, parameters->values,
                       parameters->lengths, parameters->formats, 0);
    if (PQresultStatus(result) != PGRES_COMMAND_OK)
        return postgres_fail(w->p, result, w->what, error);
    *ret += strcmp(PQcmdTuples(result), "0") != 0;
    return true;
}

bool postgres_write_rows(const struct postgres_writing *w, struct postgres_statement *statement,
                         struct row *const *rows, unsigned count, unsigned *ret, GError **error)
{
    struct parameters parameters;
    parameters_init(&parameters, w, statement);
    *ret = 0;
    bool ok = true;
    for (unsigned i = 0; ok && i < count; i++)
        ok = write_row(w, statement, &parameters, rows[i], ret, error);
    parameters_done(&parameters);
    return ok;
}
