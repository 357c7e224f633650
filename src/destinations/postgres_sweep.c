/* Flags or removes what a pass did not see: in one statement, whose counts are of one moment. */
#include <string.h>

#include "destinations/postgres_private.h"
#include "sql/dialect.h"

/* So few ids travel as an array; more go through a temporary table. */
#define SEEN_ARRAY_MAX 1000
#define SEEN_TABLE     "pg_temp._penstock_seen"
#define VALUES_MAX     5

struct sweeping {
    struct postgres *p;
    const struct sweep *sweep;
    const struct postgres_table *table;
    const char *what;
    GString *sql;
    char *values[VALUES_MAX];
    unsigned count;
};

/* Appends a parameter; takes the text. */
static void append_value(struct sweeping *s, char *text)
{
    g_assert(s->count < VALUES_MAX);
    s->values[s->count++] = text;
    dialect_parameter(&dialect_postgres, s->sql, s->count);
}

static void append_name(struct sweeping *s, unsigned column)
{
    dialect_quote(&dialect_postgres, s->sql, table_column(s->sweep->table, column)->name);
}

static char *instant_text(instant_t instant)
{
    char text[INSTANT_TEXT_BYTES];
    instant_format_sql(instant, text);
    return g_strdup(text);
}

/* ── The ids that were seen ── */

static bool put_seen(struct copy_buffer *buffer, size_t index, void *opaque, GError **error)
{
    (void)error;
    copy_row(buffer, 1);
    copy_int64(buffer, ((const struct sweep *)opaque)->seen[index]);
    return true;
}

static bool fill_seen(struct sweeping *s, GError **error)
{
    static const char sql[] = "CREATE TEMP TABLE IF NOT EXISTS " SEEN_TABLE
                              " (id bigint) ON COMMIT DELETE ROWS; DELETE FROM " SEEN_TABLE
                              "; COPY " SEEN_TABLE " FROM STDIN (FORMAT binary)";
    return postgres_copy(s->p, sql, s->sweep->seen_count, put_seen, (void *)s->sweep, s->what, NULL,
                         error);
}

static char *array_of(const int64_t *ids, size_t count)
{
    g_autoptr(GString) text = g_string_new("{");
    for (size_t i = 0; i < count; i++)
        g_string_append_printf(text, "%s%" G_GINT64_FORMAT, i ? "," : "", ids[i]);
    g_string_append_c(text, '}');
    return g_string_free(g_steal_pointer(&text), false);
}

/* A key may have become text or numeric in the database. */
static enum column_type stored_type(const struct sweeping *s, unsigned index)
{
    return (enum column_type)postgres_stored_type(s->table, s->sweep->table, (int)index,
                                                  COLUMN_INTEGER);
}

static const char *key_type(const struct sweeping *s)
{
    return dialect_postgres.types[stored_type(s, s->sweep->table->keys[0])];
}

static void append_unseen(struct sweeping *s)
{
    if (s->sweep->seen_count == 0)
        return;
    g_string_append(s->sql, " AND ");
    if (s->sweep->seen_count > SEEN_ARRAY_MAX) {
        g_string_append_printf(
            s->sql, "NOT EXISTS (SELECT FROM " SEEN_TABLE " AS seen WHERE seen.id::%s = %s.",
            key_type(s), s->table->quoted);
        append_name(s, s->sweep->table->keys[0]);
        g_string_append_c(s->sql, ')');
        return;
    }
    append_name(s, s->sweep->table->keys[0]);
    g_string_append(s->sql, " <> ALL (");
    append_value(s, array_of(s->sweep->seen, s->sweep->seen_count));
    g_string_append_printf(s->sql, "::%s[])", key_type(s));
}

/* ── The statement ── */

/* Which rows a sweep looks at: alive and in its scope, whose values are parameter `scope`. */
static void append_scope(struct sweeping *s, unsigned scope)
{
    const struct sweep *sweep = s->sweep;
    g_string_append(s->sql, " WHERE true");
    if (sweep->table->deleted_at >= 0) {
        g_string_append(s->sql, " AND ");
        append_name(s, (unsigned)sweep->table->deleted_at);
        g_string_append(s->sql, " IS NULL");
    }
    if (sweep->scope < 0)
        return;
    g_string_append(s->sql, " AND ");
    postgres_append_one_of(s->sql, s->table, sweep->table, (unsigned)sweep->scope, scope,
                           stored_type(s, (unsigned)sweep->scope));
}

static void append_assignment(struct sweeping *s, int column, char *value, const char *before)
{
    if (column < 0) {
        g_free(value);
        return;
    }
    g_string_append(s->sql, before);
    append_name(s, (unsigned)column);
    g_string_append(s->sql, " = ");
    append_value(s, value);
}

static void append_change(struct sweeping *s)
{
    const struct table *table = s->sweep->table;
    if (s->sweep->remove || table->deleted_at < 0) {
        g_string_append_printf(s->sql, "DELETE FROM %s", s->table->quoted);
        return;
    }
    g_string_append_printf(s->sql, "UPDATE %s SET ", s->table->quoted);
    append_assignment(s, table->deleted_at, instant_text(s->sweep->deleted_at), "");
    append_assignment(s, table->synced_at, instant_text(s->p->base.now), ", ");
    append_assignment(s, table->run_id, g_strdup(s->p->base.run_id), ", ");
}

/* The outer SELECT still sees the rows as they were before. */
static void append_statement(struct sweeping *s)
{
    unsigned scope = 0;
    g_string_append(s->sql, "WITH gone AS (");
    if (s->sweep->scope >= 0) {
        scope = ++s->count;
        s->values[scope - 1] = array_of(s->sweep->scopes, s->sweep->scope_count);
    }
    append_change(s);
    append_scope(s, scope);
    append_unseen(s);
    g_string_append_printf(s->sql, " RETURNING 1) SELECT (SELECT count(*) FROM %s",
                           s->table->quoted);
    append_scope(s, scope);
    g_string_append(s->sql, "), (SELECT count(*) FROM gone)");
}

static bool run(struct sweeping *s, struct sweep_counts *ret, GError **error)
{
    if (s->sweep->seen_count > SEEN_ARRAY_MAX && !fill_seen(s, error))
        return false;
    append_statement(s);
    g_autoptr(PgResult) result =
        postgres_query(s->p, s->sql->str, s->count, (const char *const *)s->values, s->what, error);
    if (!result)
        return false;
    ret->alive_before = g_ascii_strtoll(PQgetvalue(result, 0, 0), NULL, 10);
    ret->flagged = g_ascii_strtoll(PQgetvalue(result, 0, 1), NULL, 10);
    return true;
}

bool postgres_sweep(struct destination *d, const struct sweep *sweep, struct sweep_counts *ret,
                    GError **error)
{
    struct postgres *p = (struct postgres *)d;
    struct sweeping s = {.p = p, .sweep = sweep};
    s.table = postgres_table_get(p, sweep->table, error);
    if (!s.table)
        return false;
    if (!s.table->exists)
        return postgres_set_missing_error(p, s.table, error);
    g_autofree char *what = g_strdup_printf("sweeping %s", s.table->name);
    s.what = what;
    s.sql = g_string_new(NULL);
    bool ok = run(&s, ret, error);
    g_string_free(s.sql, true);
    for (unsigned i = 0; i < s.count; i++)
        g_free(s.values[i]);
    return ok;
}
