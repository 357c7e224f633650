/* Flags or removes what a full read did not see: the ids that were seen go into a temporary table,
 * one statement compares. */
#include "destinations/sqlite_private.h"
#include "sql/dialect.h"

#define SEEN_TABLE "temp._penstock_seen"

/* What stays the same for the statements of one sweep. */
struct sweeping {
    struct sqlite *s;
    const struct sweep *sweep;
    bool remove;
    const char *name; /* of the table, quoted and qualified */
    const char *what;
};

/* ── The ids that were seen ── */

static bool insert_seen(const struct sweeping *w, GError **error)
{
    g_autoptr(SqliteStmt) insert = sqlite_prepare(
        w->s, "INSERT OR IGNORE INTO " SEEN_TABLE " (id) VALUES (?1)", w->what, error);
    if (!insert)
        return false;
    for (size_t i = 0; i < w->sweep->seen_count; i++) {
        sqlite3_bind_int64(insert, 1, w->sweep->seen[i]);
        if (sqlite_step(w->s, insert, w->what, error) < 0)
            return false;
        sqlite3_reset(insert);
    }
    return true;
}

/* On disk when large (SQLite decides), so that memory stays bounded. */
static bool fill_seen(const struct sweeping *w, GError **error)
{
    return sqlite_execute(w->s,
                          "CREATE TABLE IF NOT EXISTS " SEEN_TABLE " (id INTEGER PRIMARY KEY);"
                          "DELETE FROM " SEEN_TABLE,
                          w->what, error) &&
           insert_seen(w, error);
}

/* ── The statements ── */

static void append_name(GString *sql, const struct table *table, int column)
{
    dialect_quote(&dialect_sqlite, sql, table_column(table, (unsigned)column)->name);
}

/* Which rows a sweep looks at: alive and in its scope. */
static void append_scope(GString *sql, const struct sweep *sweep)
{
    g_string_append(sql, " WHERE true");
    if (sweep->table->deleted_at >= 0) {
        g_string_append(sql, " AND ");
        append_name(sql, sweep->table, sweep->table->deleted_at);
        g_string_append(sql, " IS NULL");
    }
    if (sweep->scope < 0)
        return;
    g_string_append(sql, " AND ");
    append_name(sql, sweep->table, sweep->scope);
    for (size_t i = 0; i < sweep->scope_count; i++)
        g_string_append_printf(sql, "%s%" G_GINT64_FORMAT, i ? "," : " IN (", sweep->scopes[i]);
    g_string_append_c(sql, ')');
}

/* Its columns get parameters 1 to 3. */
static void append_change(GString *sql, const struct sweeping *w)
{
    const struct table *table = w->sweep->table;
    const int columns[] = {table->deleted_at, table->synced_at, table->run_id};
    if (w->remove) {
        g_string_append_printf(sql, "DELETE FROM %s", w->name);
        return;
    }
    g_string_append_printf(sql, "UPDATE %s SET ", w->name);
    for (unsigned i = 0; i < G_N_ELEMENTS(columns); i++) {
        g_string_append(sql, i ? ", " : "");
        append_name(sql, table, columns[i]);
        g_string_append_printf(sql, " = ?%u", i + 1);
    }
}

static void append_unseen(GString *sql, const struct sweep *sweep)
{
    if (sweep->seen_count == 0)
        return;
    g_string_append(sql, " AND ");
    append_name(sql, sweep->table, (int)sweep->table->keys[0]);
    g_string_append(sql, " NOT IN (SELECT id FROM " SEEN_TABLE ")");
}

static bool count_alive(const struct sweeping *w, int64_t *ret, GError **error)
{
    g_autoptr(GString) sql = g_string_new(NULL);
    g_string_printf(sql, "SELECT count(*) FROM %s", w->name);
    append_scope(sql, w->sweep);
    g_autoptr(SqliteStmt) statement = sqlite_prepare(w->s, sql->str, w->what, error);
    if (!statement)
        return false;
    if (sqlite_step(w->s, statement, w->what, error) < 0)
        return false;
    *ret = sqlite3_column_int64(statement, 0);
    return true;
}

static void bind_change(const struct sweeping *w, sqlite3_stmt *statement)
{
    char deleted_at[INSTANT_TEXT_BYTES], now[INSTANT_TEXT_BYTES];
    if (w->remove)
        return;
    instant_format_sql(w->sweep->deleted_at, deleted_at);
    instant_format_sql(w->s->base.now, now);
    sqlite_bind_text(statement, 1, deleted_at);
    sqlite_bind_text(statement, 2, now);
    sqlite_bind_text(statement, 3, w->s->base.run_id);
}

static bool take_unseen(const struct sweeping *w, int64_t *ret, GError **error)
{
    g_autoptr(GString) sql = g_string_new(NULL);
    append_change(sql, w);
    append_scope(sql, w->sweep);
    append_unseen(sql, w->sweep);
    g_autoptr(SqliteStmt) statement = sqlite_prepare(w->s, sql->str, w->what, error);
    if (!statement)
        return false;
    bind_change(w, statement);
    if (sqlite_step(w->s, statement, w->what, error) < 0)
        return false;
    *ret = sqlite3_changes64(w->s->db);
    return true;
}

static bool run(const struct sweeping *w, struct sweep_counts *ret, GError **error)
{
    struct sweep_counts counts = {0};
    if (!count_alive(w, &counts.alive_before, error))
        return false;
    if (counts.alive_before > 0 &&
        ((w->sweep->seen_count && !fill_seen(w, error)) || !take_unseen(w, &counts.flagged, error)))
        return false;
    *ret = counts;
    return true;
}

/* Without an index every deal whose products are replaced would read the whole table. */
static bool ensure_scope_index(struct sqlite *s, struct sqlite_table *t, const struct sweep *sweep,
                               GError **error)
{
    if (sweep->scope < 0 || t->indexed_scope == sweep->scope)
        return true;
    const char *column = table_column(sweep->table, (unsigned)sweep->scope)->name;
    if (!sqlite_ensure_index(s, t, column, error))
        return false;
    t->indexed_scope = sweep->scope;
    return true;
}

bool sqlite_sweep(struct destination *d, const struct sweep *sweep, struct sweep_counts *ret,
                  GError **error)
{
    struct sqlite *s = (struct sqlite *)d;
    struct sqlite_table *t = sqlite_table_to_write(s, sweep->table, error);
    if (!t || !ensure_scope_index(s, t, sweep, error))
        return false;
    g_autofree char *name = g_strconcat("main.", t->quoted, NULL);
    g_autofree char *what = g_strdup_printf("sweeping %s", t->name);
    struct sweeping w = {.s = s,
                         .sweep = sweep,
                         .remove = sweep->remove || sweep->table->deleted_at < 0,
                         .name = name,
                         .what = what};
    return run(&w, ret, error);
}
