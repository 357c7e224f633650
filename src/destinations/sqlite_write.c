/* Rows into the database: the hot path. One prepared statement per set of present columns, values
 * bound without copies, one step and one reset a row. */
#include <string.h>

#include "destinations/sqlite_private.h"
#include "sql/upsert.h"

/* Both bounds: a statement over 1,500 columns takes about a megabyte. */
#define STATEMENTS_MAX       64
#define STATEMENTS_MAX_BYTES (8 * 1024 * 1024)

struct sqlite_statement {
    const struct sqlite_table *table;
    uint8_t *presence; /* one byte a column, enum presence; NULL: the DELETE of row.remove */
    unsigned *columns; /* that are present: column of parameter i + 1 */
    unsigned count;
    sqlite3_stmt *statement;
    size_t bytes;
    uint64_t used; /* s->uses when last used */
    bool bound;    /* _synced_at and the like are, for the batch in hand */
};

/* What stays the same for the rows of a batch. */
struct writing {
    struct sqlite *s;
    struct sqlite_table *table;
    const struct batch *batch;
    uint8_t *presence; /* of the row in hand */
    const char *what;
    char now[INSTANT_TEXT_BYTES];
    char asked_at[INSTANT_TEXT_BYTES]; /* "" = unknown */
    struct sqlite_statement *current;
};

/* ── The cache of statements ── */

static void statement_free(struct sqlite *s, struct sqlite_statement *statement)
{
    sqlite3_finalize(statement->statement);
    s->statement_bytes -= statement->bytes;
    g_free(statement->presence);
    g_free(statement->columns);
    g_free(statement);
}

void sqlite_forget_statements(struct sqlite *s, const struct sqlite_table *t)
{
    for (unsigned i = s->statements->len; i-- > 0;) {
        struct sqlite_statement *statement = g_ptr_array_index(s->statements, i);
        if (t && statement->table != t)
            continue;
        statement_free(s, statement);
        g_ptr_array_remove_index_fast(s->statements, i);
    }
}

static void evict_oldest(struct sqlite *s)
{
    unsigned oldest = 0;
    for (unsigned i = 1; i < s->statements->len; i++) {
        const struct sqlite_statement *a = g_ptr_array_index(s->statements, i);
        const struct sqlite_statement *b = g_ptr_array_index(s->statements, oldest);
        if (a->used < b->used)
            oldest = i;
    }
    statement_free(s, g_ptr_array_index(s->statements, oldest));
    g_ptr_array_remove_index_fast(s->statements, oldest);
}

static bool has_presence(const struct sqlite_statement *statement, const struct sqlite_table *t,
                         const uint8_t *presence)
{
    if (statement->table != t || !statement->presence != !presence)
        return false;
    return !presence || memcmp(statement->presence, presence, t->layout->columns->len) == 0;
}

static struct sqlite_statement *find_statement(struct sqlite *s, const struct sqlite_table *t,
                                               const uint8_t *presence)
{
    for (unsigned i = 0; i < s->statements->len; i++) {
        struct sqlite_statement *statement = g_ptr_array_index(s->statements, i);
        if (has_presence(statement, t, presence))
            return statement;
    }
    return NULL;
}

static void note_parameters(struct sqlite_statement *statement, const struct table *table,
                            const uint8_t *presence)
{
    if (!presence) {
        statement->count = table->key_count + (table->version >= 0);
        statement->columns = g_new(unsigned, statement->count);
        memcpy(statement->columns, table->keys, sizeof(unsigned) * table->key_count);
        if (table->version >= 0)
            statement->columns[table->key_count] = (unsigned)table->version;
        return;
    }
    statement->presence = g_memdup2(presence, table->columns->len);
    statement->columns = g_new(unsigned, table->columns->len);
    for (unsigned i = 0; i < table->columns->len; i++) {
        if (presence[i] != PRESENCE_ABSENT)
            statement->columns[statement->count++] = i;
    }
}

static struct sqlite_statement *make_statement(struct writing *w, const uint8_t *presence,
                                               GError **error)
{
    struct sqlite *s = w->s;
    const struct table *table = w->table->layout;
    g_autoptr(GString) sql = g_string_new(NULL);
    if (presence)
        upsert_statement(sql, &dialect_sqlite, table, w->table->quoted, presence);
    else
        upsert_delete_statement(sql, &dialect_sqlite, table, w->table->quoted, table->version >= 0);
    sqlite3_stmt *prepared = sqlite_prepare(s, sql->str, w->what, error);
    if (!prepared)
        return NULL;
    struct sqlite_statement *statement = g_new0(struct sqlite_statement, 1);
    statement->table = w->table;
    statement->statement = prepared;
    statement->bytes = (size_t)sqlite3_stmt_status(prepared, SQLITE_STMTSTATUS_MEMUSED, 0);
    note_parameters(statement, table, presence);
    s->statement_bytes += statement->bytes;
    while (s->statements->len &&
           (s->statements->len >= STATEMENTS_MAX || s->statement_bytes > STATEMENTS_MAX_BYTES))
        evict_oldest(s);
    g_ptr_array_add(s->statements, statement);
    return statement;
}

/* They keep their values over resets, so once per batch. */
static void bind_driver_columns(const struct writing *w, struct sqlite_statement *statement)
{
    statement->bound = true;
    if (w->batch->table->kind != TABLE_REPLICATED || !statement->presence)
        return;
    int next = (int)statement->count + 1;
    sqlite3_bind_text(statement->statement, next, w->now, -1, SQLITE_TRANSIENT);
    sqlite3_bind_text(statement->statement, next + 1, w->s->base.run_id, -1, SQLITE_TRANSIENT);
    int flag = w->table->layout->deleted_at;
    if (flag < 0 || statement->presence[flag] != PRESENCE_REVIVE)
        return;
    if (*w->asked_at)
        sqlite3_bind_text(statement->statement, next + 2, w->asked_at, -1, SQLITE_TRANSIENT);
    else
        sqlite3_bind_null(statement->statement, next + 2);
}

/* Rows of a page mostly carry the same columns: the statement of the row before is tried first. */
static struct sqlite_statement *statement_for(struct writing *w, const uint8_t *presence,
                                              GError **error)
{
    struct sqlite_statement *statement = w->current;
    if (!statement || !has_presence(statement, w->table, presence)) {
        statement = find_statement(w->s, w->table, presence);
        if (!statement)
            statement = make_statement(w, presence, error);
        if (!statement)
            return NULL;
        statement->used = ++w->s->uses;
        w->current = statement;
    }
    if (!statement->bound)
        bind_driver_columns(w, statement);
    return statement;
}

/* ── The layout: which column is stored how ── */

static bool same_layout(const struct table *a, const struct table *b)
{
    if (!a || a->kind != b->kind || a->columns->len != b->columns->len ||
        a->key_count != b->key_count || a->version != b->version || a->extra != b->extra ||
        memcmp(a->keys, b->keys, sizeof(unsigned) * a->key_count) != 0)
        return false;
    for (unsigned i = 0; i < a->columns->len; i++) {
        if (strcmp(table_column(a, i)->name, table_column(b, i)->name) != 0)
            return false;
    }
    return true;
}

/* The caller's table may be gone while statements are still cached. */
static struct table *copy_layout(const struct table *table)
{
    struct table *copy = table_new(table->name, table->kind);
    for (unsigned i = 0; i < table->columns->len; i++) {
        const struct column *column = table_column(table, i);
        table_add_column(copy, column->name, column->type, NULL);
    }
    memcpy(copy->keys, table->keys, sizeof copy->keys);
    copy->key_count = table->key_count;
    copy->version = table->version;
    copy->synced_at = table->synced_at;
    copy->deleted_at = table->deleted_at;
    copy->run_id = table->run_id;
    copy->extra = table->extra;
    return copy;
}

struct sqlite_table *sqlite_table_to_write(struct sqlite *s, const struct table *table,
                                           GError **error)
{
    struct sqlite_table *t = sqlite_table_get(s, table, error);
    if (t && !t->exists) {
        error_setf(error, PENSTOCK_ERROR_STORAGE,
                   "%s: table %s is gone: run again, it is then created and loaded anew", s->path,
                   t->name);
        return NULL;
    }
    if (!t || same_layout(t->layout, table))
        return t;
    sqlite_forget_statements(s, t);
    table_free(t->layout);
    g_free(t->storage);
    t->layout = copy_layout(table);
    t->storage = g_new(enum sqlite_storage, table->columns->len);
    t->indexed_scope = -1;
    for (unsigned i = 0; i < table->columns->len; i++) {
        const struct sqlite_column *column = sqlite_table_column(t, table_column(table, i)->name);
        t->storage[i] = sqlite_column_storage(column);
    }
    return t;
}

/* ── Writing ── */

static void note_presence(const struct writing *w, const struct row *row)
{
    const struct table *table = w->batch->table;
    for (unsigned i = 0; i < table->columns->len; i++)
        w->presence[i] = row->cells[i].kind != CELL_ABSENT ? PRESENCE_GIVEN : PRESENCE_ABSENT;
    if (table->kind != TABLE_REPLICATED)
        return;
    for (unsigned i = 0; i < table->columns->len; i++) {
        if (table_column(table, i)->is_derived || (int)i == table->synced_at ||
            (int)i == table->run_id)
            w->presence[i] = PRESENCE_ABSENT;
    }
    if (table->deleted_at >= 0 && row->cells[table->deleted_at].kind == CELL_NULL)
        w->presence[table->deleted_at] = PRESENCE_REVIVE;
}

static bool set_cell_error(const struct writing *w, unsigned column, GError **error)
{
    error_setf(error, PENSTOCK_ERROR_BUG, "%s: %s: a value of column %s is no integer", w->s->path,
               w->what, table_column(w->batch->table, column)->name);
    return false;
}

static bool bind_row(const struct writing *w, const struct sqlite_statement *statement,
                     const struct row *row, GError **error)
{
    for (unsigned i = 0; i < statement->count; i++) {
        unsigned column = statement->columns[i];
        if (!sqlite_bind_cell(statement->statement, (int)i + 1, w->table->storage[column],
                              &row->cells[column]))
            return set_cell_error(w, column, error);
    }
    return true;
}

static bool write_row(struct writing *w, const struct row *row, struct write_counts *counts,
                      GError **error)
{
    const struct table *table = w->batch->table;
    for (unsigned i = 0; i < table->key_count; i++)
        g_assert(row->cells[table->keys[i]].kind == CELL_VALUE);
    if (!row->remove)
        note_presence(w, row);
    struct sqlite_statement *statement = statement_for(w, row->remove ? NULL : w->presence, error);
    if (!statement || !bind_row(w, statement, row, error))
        return false;
    int rc = sqlite3_step(statement->statement);
    if (rc != SQLITE_DONE) {
        sqlite_fail(w->s, w->what, error);
        sqlite3_reset(statement->statement);
        return false;
    }
    if (sqlite3_changes(w->s->db) > 0)
        counts->inserted_or_updated++;
    else
        counts->unchanged++;
    sqlite3_reset(statement->statement);
    return true;
}

/* Values of the last batch would dangle: nothing reads them before they are bound again, but
 * nothing should. */
static void unbind(struct sqlite *s)
{
    for (unsigned i = 0; i < s->statements->len; i++) {
        struct sqlite_statement *statement = g_ptr_array_index(s->statements, i);
        if (statement->bound)
            sqlite3_clear_bindings(statement->statement);
        statement->bound = false;
    }
}

bool sqlite_write(struct destination *d, struct batch *batch, struct write_counts *ret,
                  GError **error)
{
    struct sqlite *s = (struct sqlite *)d;
    struct write_counts counts = {0};
    struct writing w = {.s = s, .batch = batch};
    w.table = sqlite_table_to_write(s, batch->table, error);
    if (!w.table)
        return false;
    g_autofree char *what = g_strdup_printf("writing to %s", w.table->name);
    w.what = what;
    w.presence = g_newa(uint8_t, batch->table->columns->len);
    if (d->now != INSTANT_NONE)
        instant_format_sql(d->now, w.now);
    if (batch->asked_at != INSTANT_NONE)
        instant_format_sql(batch->asked_at, w.asked_at);
    bool ok = true;
    for (unsigned i = 0; ok && i < batch->row_count; i++)
        ok = write_row(&w, &batch->rows[i], &counts, error);
    unbind(s);
    if (ok)
        *ret = counts;
    return ok;
}
