/* Rows into the database: the hot path. One statement per set of present columns decides by itself
 * what a row may overwrite (sql/upsert_duplicate.h), so nothing is staged, looked up or retried.
 *
 * MariaDB takes many rows for one prepared statement in one message. Measured with 10.11 and rows
 * of 60 columns and 1.1 KB, pages of 500 and a commit each, on 2 cores: 77,000 rows/s; INSERT with
 * literals 33,000; LOAD DATA LOCAL per page 44,000, of all rows from one file 57,000; LOAD DATA
 * into a staging table and INSERT … SELECT 32,000. MySQL has no such message: there a statement has
 * the parameters of up to 64 rows. */
#include <stdio.h>
#include <string.h>

#include "destinations/mysql_private.h"
#include "sql/fit.h"
#include "sql/upsert_duplicate.h"

/* Both bounds: the server keeps a statement over 1,000 columns as a few megabytes. */
#define STATEMENTS_MAX       32
#define STATEMENTS_MAX_BYTES ((size_t)1024 * 1024)

/* Of one message: bounds memory here and on the server. */
#define MESSAGE_BYTES  ((size_t)1024 * 1024)
#define MESSAGE_CELLS  32768
#define CELL_OVERHEAD  10 /* length and indicator before each value */
#define PACKET_RESERVE 4096

/* Without arrays: rows of one statement are a power of 4, so that few statements do for any number;
 * the server takes 65,535 parameters. */
#define ROWS_AT_ONCE 64
#define ROWS_STEP    4
#define PARAMETERS   65535

struct mysqldb_statement {
    char *sql;
    MYSQL_STMT *statement;
    uint64_t used; /* s->uses when last used */
};

/* What stays the same for consecutive rows that carry the same columns. */
struct writing {
    struct mysqldb *s;
    struct batch *batch;
    const char *what;
    uint8_t *presence; /* of the rows in hand */
    bool remove;       /* they are deleted */
    unsigned *columns; /* column of each parameter */
    unsigned count;    /* of parameters */
    MYSQL_BIND *binds; /* one a parameter */
    void **texts;      /* parameters × rows of a message */
    unsigned long *lengths;
    char *indicators;
    unsigned room; /* rows of a message */
    struct write_counts counts;
};

/* ── The cache of statements ── */

static void statement_free(struct mysqldb *s, struct mysqldb_statement *statement)
{
    mysql_stmt_close(statement->statement);
    s->statement_bytes -= strlen(statement->sql);
    g_free(statement->sql);
    g_free(statement);
}

void mysqldb_forget_statements(struct mysqldb *s)
{
    GHashTableIter iter;
    void *statement;
    g_hash_table_iter_init(&iter, s->statements);
    while (g_hash_table_iter_next(&iter, NULL, &statement)) {
        g_hash_table_iter_steal(&iter);
        statement_free(s, statement);
    }
}

static void evict_oldest(struct mysqldb *s)
{
    GHashTableIter iter;
    void *value;
    struct mysqldb_statement *oldest = NULL;
    g_hash_table_iter_init(&iter, s->statements);
    while (g_hash_table_iter_next(&iter, NULL, &value)) {
        struct mysqldb_statement *statement = value;
        if (!oldest || statement->used < oldest->used)
            oldest = statement;
    }
    g_hash_table_steal(s->statements, oldest->sql);
    statement_free(s, oldest);
}

static MYSQL_STMT *statement_for(struct writing *w, const char *sql, GError **error)
{
    struct mysqldb *s = w->s;
    struct mysqldb_statement *found = g_hash_table_lookup(s->statements, sql);
    if (found) {
        found->used = ++s->uses;
        return found->statement;
    }
    MYSQL_STMT *statement = mysql_stmt_init(s->session);
    if (mysql_stmt_prepare(statement, sql, strlen(sql)) != 0) {
        mysqldb_fail_statement(s, statement, w->what, error);
        mysql_stmt_close(statement);
        return NULL;
    }
    while (g_hash_table_size(s->statements) &&
           (g_hash_table_size(s->statements) >= STATEMENTS_MAX ||
            s->statement_bytes > STATEMENTS_MAX_BYTES))
        evict_oldest(s);
    found = g_new(struct mysqldb_statement, 1);
    *found = (struct mysqldb_statement){g_strdup(sql), statement, ++s->uses};
    s->statement_bytes += strlen(sql);
    g_hash_table_insert(s->statements, found->sql, found);
    return statement;
}

/* ── What the statements read besides parameters ── */

static void append_instant(GString *sql, const char *name, instant_t instant)
{
    char text[INSTANT_TEXT_BYTES];
    instant_format_sql(instant, text);
    if (*text)
        g_string_append_printf(sql, "%s = '%s'", name, text);
    else
        g_string_append_printf(sql, "%s = NULL", name);
}

static bool set_variables(struct writing *w, GError **error)
{
    struct mysqldb *s = w->s;
    if (w->batch->table->kind != TABLE_REPLICATED)
        return true;
    g_autoptr(GString) sql = g_string_new("SET ");
    append_instant(sql, UPSERT_NOW, s->base.now);
    g_string_append(sql, ", ");
    append_instant(sql, UPSERT_ASKED, w->batch->asked_at);
    g_string_append(sql, ", " UPSERT_RUN " = ");
    mysqldb_literal(s, sql, s->base.run_id, strlen(s->base.run_id));
    if (g_strcmp0(sql->str, s->variables) == 0)
        return true;
    g_clear_pointer(&s->variables, g_free);
    if (!mysqldb_execute(s, sql->str, w->what, error))
        return false;
    s->variables = g_strdup(sql->str);
    return true;
}

/* ── Binding ── */

static void note_presence(const struct writing *w, const struct row *row, uint8_t *presence)
{
    const struct table *table = w->batch->table;
    for (unsigned i = 0; i < table->columns->len; i++) {
        bool given = row->cells[i].kind != CELL_ABSENT && !table_column(table, i)->is_derived;
        presence[i] = given ? PRESENCE_GIVEN : PRESENCE_ABSENT;
    }
    if (table->synced_at >= 0)
        presence[table->synced_at] = PRESENCE_ABSENT;
    if (table->run_id >= 0)
        presence[table->run_id] = PRESENCE_ABSENT;
}

static void note_parameters(struct writing *w)
{
    const struct table *table = w->batch->table;
    w->count = 0;
    if (!w->remove) {
        for (unsigned i = 0; i < table->columns->len; i++) {
            if (w->presence[i] != PRESENCE_ABSENT)
                w->columns[w->count++] = i;
        }
        return;
    }
    for (unsigned i = 0; i < table->key_count; i++)
        w->columns[w->count++] = table->keys[i];
    if (table->kind == TABLE_REPLICATED && table->version >= 0)
        w->columns[w->count++] = (unsigned)table->version;
}

static size_t row_bytes(const struct writing *w, const struct row *row)
{
    size_t bytes = 0;
    for (unsigned i = 0; i < w->count; i++)
        bytes += row->cells[w->columns[i]].length + CELL_OVERHEAD;
    return bytes;
}

static void bind_cell(struct writing *w, unsigned parameter, unsigned row, const struct cell *cell)
{
    size_t place = (size_t)parameter * w->room + row;
    bool value = cell->kind == CELL_VALUE;
    w->texts[place] = (void *)(value && cell->length ? cell->text : "");
    w->lengths[place] = value ? cell->length : 0;
    w->indicators[place] = value ? STMT_INDICATOR_NONE : STMT_INDICATOR_NULL;
}

static void bind_array(struct writing *w)
{
    for (unsigned i = 0; i < w->count; i++) {
        size_t first = (size_t)i * w->room;
        w->binds[i] = (MYSQL_BIND){.buffer_type = MYSQL_TYPE_STRING,
                                   .buffer = &w->texts[first],
                                   .length = &w->lengths[first]};
        w->binds[i].u.indicator = &w->indicators[first];
    }
}

static void bind_rows(struct writing *w, unsigned first, unsigned rows)
{
    MYSQL_BIND *bind = w->binds;
    for (unsigned row = first; row < first + rows; row++) {
        for (unsigned i = 0; i < w->count; i++) {
            size_t place = (size_t)i * w->room + row;
            bool null = w->indicators[place] == STMT_INDICATOR_NULL;
            *bind++ = (MYSQL_BIND){.buffer_type = null ? MYSQL_TYPE_NULL : MYSQL_TYPE_STRING,
                                   .buffer = w->texts[place],
                                   .length = &w->lengths[place]};
        }
    }
}

/* ── Executing ── */

/* The server counts 1 for a row inserted, 2 for one changed, 0 for one left as it was; "Duplicates"
 * are those changed. Without that text it was one row. */
static unsigned written_rows(struct writing *w, MYSQL_STMT *statement, unsigned rows)
{
    unsigned long long affected = mysql_stmt_affected_rows(statement), records, changed;
    const char *info = w->remove ? NULL : mysql_info(w->s->session);
    if (info && sscanf(info, "Records: %llu Duplicates: %llu", &records, &changed) == 2)
        return (unsigned)MIN(affected - MIN(affected, changed), rows);
    return (unsigned)MIN(affected, rows);
}

static bool execute(struct writing *w, MYSQL_STMT *statement, unsigned array_rows, unsigned rows,
                    GError **error)
{
    g_assert(mysql_stmt_param_count(statement) == w->count * (array_rows ? 1 : rows));
    if (mysql_stmt_attr_set(statement, STMT_ATTR_ARRAY_SIZE, &array_rows) != 0 ||
        mysql_stmt_bind_param(statement, w->binds) != 0 || mysql_stmt_execute(statement) != 0)
        return mysqldb_fail_statement(w->s, statement, w->what, error);
    unsigned written = written_rows(w, statement, rows);
    w->counts.inserted_or_updated += written;
    w->counts.unchanged += rows - written;
    return true;
}

static char *statement_text(const struct writing *w, unsigned rows)
{
    const struct table *table = w->batch->table;
    g_autoptr(GString) sql = g_string_new(NULL), name = g_string_new(NULL);
    dialect_quote(&dialect_mysql, name, table->name);
    if (w->remove)
        upsert_duplicate_delete_statement(sql, &dialect_mysql, table, name->str);
    else
        upsert_duplicate_statement(sql, &dialect_mysql, table, name->str, w->presence, rows);
    return g_string_free(g_steal_pointer(&sql), false);
}

static bool execute_array(struct writing *w, unsigned rows, GError **error)
{
    g_autofree char *sql = statement_text(w, 1);
    MYSQL_STMT *statement = statement_for(w, sql, error);
    if (!statement)
        return false;
    bind_array(w);
    return execute(w, statement, rows, rows, error);
}

/* How many of the rest go into the next statement. A DELETE is of one row. */
static unsigned next_rows(const struct writing *w, unsigned rest)
{
    unsigned rows = w->remove ? 1 : ROWS_AT_ONCE;
    while (rows > 1 && (rows > rest || rows * w->count > PARAMETERS))
        rows /= ROWS_STEP;
    return rows;
}

static bool execute_rows(struct writing *w, unsigned rows, GError **error)
{
    unsigned step;
    for (unsigned first = 0; first < rows; first += step) {
        step = next_rows(w, rows - first);
        g_autofree char *sql = statement_text(w, step);
        MYSQL_STMT *statement = statement_for(w, sql, error);
        if (!statement)
            return false;
        bind_rows(w, first, step);
        if (!execute(w, statement, 0, step, error))
            return false;
    }
    return true;
}

static bool set_packet_error(const struct writing *w, size_t bytes, GError **error)
{
    return mysqldb_error(
        PENSTOCK_ERROR_STORAGE, 0,
        g_strdup_printf("%s: %s: a row of %zu bytes is larger than the server takes (%zu): raise "
                        "it (SET GLOBAL max_allowed_packet = 1073741824), then run again",
                        w->s->place, w->what, bytes, w->s->packet_bytes),
        error);
}

/* ── Rows that carry the same columns ── */

/* As many of the rows as go into one message. */
static unsigned fill_message(struct writing *w, unsigned first, unsigned end, GError **error)
{
    size_t most = MIN(MESSAGE_BYTES, w->s->packet_bytes / 2), total = 0;
    unsigned rows = 0;
    for (; rows < w->room && first + rows < end; rows++) {
        const struct row *row = &w->batch->rows[first + rows];
        size_t bytes = row_bytes(w, row);
        if (bytes + PACKET_RESERVE > w->s->packet_bytes) {
            set_packet_error(w, bytes, error);
            return 0;
        }
        if (rows > 0 && total + bytes > most)
            break;
        total += bytes;
        for (unsigned i = 0; i < w->count; i++)
            bind_cell(w, i, rows, &row->cells[w->columns[i]]);
    }
    return rows;
}

static bool write_group(struct writing *w, unsigned first, unsigned end, GError **error)
{
    note_parameters(w);
    w->room = MIN(end - first, MAX(MESSAGE_CELLS / w->count, 1));
    size_t cells = (size_t)w->room * w->count;
    g_autofree MYSQL_BIND *binds = w->binds =
        g_new(MYSQL_BIND, w->count * (w->s->sends_arrays ? 1 : ROWS_AT_ONCE));
    g_autofree void **texts = w->texts = g_new(void *, cells);
    g_autofree unsigned long *lengths = w->lengths = g_new(unsigned long, cells);
    g_autofree char *indicators = w->indicators = g_new(char, cells);
    while (first < end) {
        unsigned rows = fill_message(w, first, end, error);
        if (rows == 0 ||
            !(w->s->sends_arrays ? execute_array(w, rows, error) : execute_rows(w, rows, error)))
            return false;
        first += rows;
    }
    return true;
}

/* ── The batch ── */

static bool same_group(const struct writing *w, const struct row *row, uint8_t *presence)
{
    const struct table *table = w->batch->table;
    if (row->remove != w->remove)
        return false;
    if (row->remove)
        return true;
    note_presence(w, row, presence);
    return memcmp(presence, w->presence, table->columns->len) == 0;
}

static void check_key(const struct writing *w, const struct row *row)
{
    const struct table *table = w->batch->table;
    for (unsigned i = 0; i < table->key_count; i++)
        g_assert(row->cells[table->keys[i]].kind == CELL_VALUE);
}

/* In the batch's order, since it may hold a key twice: only neighbours are put together. */
static bool write_rows(struct writing *w, uint8_t *other, GError **error)
{
    struct batch *batch = w->batch;
    unsigned first = 0;
    while (first < batch->row_count) {
        w->remove = batch->rows[first].remove;
        note_presence(w, &batch->rows[first], w->presence);
        unsigned end = first;
        do {
            check_key(w, &batch->rows[end++]);
        } while (end < batch->row_count && same_group(w, &batch->rows[end], other));
        if (!write_group(w, first, end, error))
            return false;
        first = end;
    }
    return true;
}

bool mysqldb_write(struct destination *d, struct batch *batch, struct write_counts *ret,
                   GError **error)
{
    unsigned columns = batch->table->columns->len;
    g_autofree char *what = g_strdup_printf("writing to %s", batch->table->name);
    g_autofree uint8_t *presence = g_new(uint8_t, columns), *other = g_new(uint8_t, columns);
    g_autofree unsigned *parameters = g_new(unsigned, columns);
    struct writing w = {.s = (struct mysqldb *)d,
                        .batch = batch,
                        .what = what,
                        .presence = presence,
                        .columns = parameters};
    w.counts.rejected = fit_batch(batch, &d->ops->caps, &dialect_mysql);
    if (batch->row_count > 0 && (!set_variables(&w, error) || !write_rows(&w, other, error)))
        return false;
    *ret = w.counts;
    return true;
}
