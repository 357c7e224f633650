/* The three ways to write rows that carry the same columns.
 *
 * A page: its rows are one parameter, an array of rows, and one INSERT … SELECT … FROM unnest() ON
 * CONFLICT. Measured against COPY into a temporary table and INSERT … SELECT from that: a quarter
 * less of the server's time, where rows are wide two thirds (a table would move their values out
 * of line), one round trip instead of three. Straight: COPY into the table itself, under a
 * savepoint, as long as no key is there yet; half the time of a page. One by one: for few rows and
 * for deletions. Rows of system tables are not waited for: nobody asks how many changed. */
#include <string.h>

#include "destinations/postgres_private.h"
#include "sql/dialect.h"

#define DRIVER_VALUES 3 /* _synced_at, _run_id, asked_at */
#define PAGE_VALUES   (DRIVER_VALUES + 1)

/* Bounds the memory here and on the server. */
#define MESSAGE_BYTES ((size_t)512 * 1024)

/* ── The driver's own columns ── */

/* As the database stores them; text where there is no such column. */
static enum column_type stored_type(const struct postgres_writing *w, int index)
{
    return (enum column_type)postgres_stored_type(w->table, w->batch->table, index, COLUMN_TEXT);
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
        return postgres_set_column_error(w, column, error);
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
        ok = postgres_send(w->p, "ROLLBACK TO SAVEPOINT penstock", 0, NULL, w->what, error);
    return ok;
}

/* ── Counts ── */

/* Rows of system tables are written whatever was stored. */
static bool counts(const struct postgres_writing *w)
{
    return w->batch->table->kind == TABLE_REPLICATED;
}

static bool finish(const struct postgres_writing *w, unsigned count, unsigned *ret, GError **error)
{
    if (counts(w))
        return postgres_settle(w->p, error);
    *ret = count;
    return true;
}

/* ── A page ── */

/* Its length, the number of values, and each with its type in front. */
static bool put_record(struct copy_buffer *buffer, const struct postgres_writing *w,
                       const struct postgres_statement *statement, const struct row *row,
                       GError **error)
{
    size_t place = buffer->length;
    copy_word(buffer, 0);
    copy_word(buffer, statement->count);
    for (unsigned i = 0; i < statement->count; i++) {
        unsigned column = statement->columns[i];
        copy_word(buffer, postgres_type_oid(statement->to[i]));
        if (!copy_cell(buffer, statement->to[i], &row->cells[column]))
            return set_cell_error(w, column, statement->to[i], error);
    }
    copy_word_at(buffer, place, (uint32_t)(buffer->length - place - 4));
    return true;
}

/* As many rows as go into a message; 0: an error. The array has one dimension, may hold nulls
 * (which is a hint), and begins at 1. */
static unsigned put_array(const struct postgres_writing *w,
                          const struct postgres_statement *statement, struct row *const *rows,
                          unsigned count, GError **error)
{
    struct copy_buffer *buffer = &w->p->buffer;
    const uint32_t header[] = {1, 0, statement->type_oid, 0, 1};
    unsigned put = 0;
    buffer->length = 0;
    for (unsigned i = 0; i < G_N_ELEMENTS(header); i++)
        copy_word(buffer, header[i]);
    while (put < count && buffer->length < MESSAGE_BYTES) {
        if (!put_record(buffer, w, statement, rows[put++], error))
            return 0;
    }
    copy_word_at(buffer, 3 * sizeof *header, put);
    return put;
}

static bool send_page(const struct postgres_writing *w, struct postgres_statement *statement,
                      enum postgres_way way, unsigned *ret, GError **error)
{
    const char *texts[PAGE_VALUES] = {0};
    Oid oids[PAGE_VALUES];
    driver_values(w, texts, oids);
    texts[DRIVER_VALUES] = w->p->buffer.bytes;
    oids[DRIVER_VALUES] = statement->array_oid;
    const int lengths[PAGE_VALUES] = {[DRIVER_VALUES] = (int)w->p->buffer.length};
    const int formats[PAGE_VALUES] = {[DRIVER_VALUES] = 1};
    const struct postgres_values values = {texts, lengths, formats, PAGE_VALUES};
    char name[POSTGRES_STATEMENT_BYTES];
    postgres_statement_name(statement, way, name);
    return postgres_statement_prepare(w, statement, way, PAGE_VALUES, oids, error) &&
           postgres_send_prepared(w->p, name, &values, w->what, ret, error);
}

bool postgres_write_page(const struct postgres_writing *w, struct postgres_statement *statement,
                         struct row *const *rows, unsigned count, unsigned *ret, GError **error)
{
    enum postgres_way way = statement->changes_little ? WAY_SIFTED_PAGE : WAY_PAGE;
    unsigned *changed = counts(w) ? ret : NULL;
    *ret = 0;
    if (!postgres_statement_make_type(w, statement, error))
        return false;
    for (unsigned put, done = 0; done < count; done += put) {
        put = put_array(w, statement, rows + done, count - done, error);
        if (put == 0 || !send_page(w, statement, way, changed, error))
            return false;
    }
    if (!finish(w, count, ret, error))
        return false;
    statement->changes_little = *ret < count / 2;
    return true;
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

static bool send_row(const struct postgres_writing *w, struct postgres_statement *statement,
                     struct parameters *parameters, const struct row *row, unsigned *ret,
                     GError **error)
{
    char name[POSTGRES_STATEMENT_BYTES];
    postgres_statement_name(statement, WAY_ROW, name);
    if (!encode_parameters(parameters, w, statement, row->cells, error) ||
        !postgres_statement_prepare(w, statement, WAY_ROW, parameters->count, parameters->oids,
                                    error))
        return false;
    const struct postgres_values values = {parameters->values, parameters->lengths,
                                           parameters->formats, parameters->count};
    return postgres_send_prepared(w->p, name, &values, w->what, ret, error);
}

bool postgres_write_rows(const struct postgres_writing *w, struct postgres_statement *statement,
                         struct row *const *rows, unsigned count, unsigned *ret, GError **error)
{
    struct parameters parameters;
    unsigned *changed = counts(w) ? ret : NULL;
    parameters_init(&parameters, w, statement);
    *ret = 0;
    bool ok = true;
    for (unsigned i = 0; ok && i < count; i++)
        ok = send_row(w, statement, &parameters, rows[i], changed, error);
    parameters_done(&parameters);
    return ok && finish(w, count, ret, error);
}
