/* What a full read did not see. The ids in the table are compared here, not in a temporary table:
 * so no right is needed to make one, and both counts are those of the rows that were looked at. */
#include <string.h>

#include "destinations/mysql_private.h"
#include "sql/dialect.h"

#define IDS_OF_A_STATEMENT 5000

struct sweeping {
    struct mysqldb *s;
    const struct sweep *sweep;
    const char *what;
    GArray *seen; /* int64_t, sorted */
    GArray *gone; /* int64_t */
    int64_t alive;
};

static int compare_ids(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

static const char *deleted_at_name(const struct sweep *sweep)
{
    int column = sweep->table->deleted_at;
    return column >= 0 ? table_column(sweep->table, (unsigned)column)->name : NULL;
}

static void append_relation(GString *sql, const struct sweep *sweep)
{
    dialect_quote(&dialect_mysql, sql, sweep->table->name);
}

/* Which rows a sweep looks at: alive and in its scope. */
static void append_scope(GString *sql, const struct sweep *sweep)
{
    const char *word = " WHERE ", *deleted_at = deleted_at_name(sweep);
    if (deleted_at) {
        g_string_append(sql, word);
        dialect_quote(&dialect_mysql, sql, deleted_at);
        g_string_append(sql, " IS NULL");
        word = " AND ";
    }
    if (sweep->scope < 0)
        return;
    g_string_append(sql, word);
    dialect_quote(&dialect_mysql, sql, table_column(sweep->table, (unsigned)sweep->scope)->name);
    for (size_t i = 0; i < sweep->scope_count; i++)
        g_string_append_printf(sql, "%s%" G_GINT64_FORMAT, i ? "," : " IN (", sweep->scopes[i]);
    g_string_append_c(sql, ')');
}

static void take_id(char *const *values, const unsigned long *lengths, void *opaque)
{
    struct sweeping *w = opaque;
    int64_t id = g_ascii_strtoll(values[0], NULL, 10);
    (void)lengths;
    w->alive++;
    if (!g_array_binary_search(w->seen, &id, compare_ids, NULL))
        g_array_append_val(w->gone, id);
}

static bool find_gone(struct sweeping *w, GError **error)
{
    g_autoptr(GString) sql = g_string_new("SELECT ");
    dialect_quote(&dialect_mysql, sql,
                  table_column(w->sweep->table, w->sweep->table->keys[0])->name);
    g_string_append(sql, " FROM ");
    append_relation(sql, w->sweep);
    append_scope(sql, w->sweep);
    return mysqldb_each(w->s, sql->str, w->what, take_id, w, error);
}

static void append_column_value(struct sweeping *w, GString *sql, int column, const char *value)
{
    if (column < 0)
        return;
    g_string_append(sql, g_str_has_suffix(sql->str, " SET ") ? "" : ", ");
    dialect_quote(&dialect_mysql, sql, table_column(w->sweep->table, (unsigned)column)->name);
    g_string_append(sql, " = ");
    mysqldb_literal(w->s, sql, value, strlen(value));
}

static void append_action(struct sweeping *w, GString *sql)
{
    const struct table *table = w->sweep->table;
    char deleted_at[INSTANT_TEXT_BYTES], now[INSTANT_TEXT_BYTES];
    bool remove = w->sweep->remove || table->deleted_at < 0;
    g_string_append(sql, remove ? "DELETE FROM " : "UPDATE ");
    append_relation(sql, w->sweep);
    if (remove)
        return;
    instant_format_sql(w->sweep->deleted_at, deleted_at);
    instant_format_sql(w->s->base.now, now);
    g_string_append(sql, " SET ");
    append_column_value(w, sql, table->deleted_at, deleted_at);
    append_column_value(w, sql, table->synced_at, now);
    append_column_value(w, sql, table->run_id, w->s->base.run_id);
}

static bool act_on(struct sweeping *w, unsigned first, unsigned end, int64_t *acted, GError **error)
{
    const char *deleted_at = deleted_at_name(w->sweep);
    g_autoptr(GString) sql = g_string_new(NULL);
    append_action(w, sql);
    g_string_append(sql, " WHERE ");
    dialect_quote(&dialect_mysql, sql,
                  table_column(w->sweep->table, w->sweep->table->keys[0])->name);
    for (unsigned i = first; i < end; i++)
        g_string_append_printf(sql, "%s%" G_GINT64_FORMAT, i > first ? "," : " IN (",
                               g_array_index(w->gone, int64_t, i));
    g_string_append_c(sql, ')');
    if (deleted_at) { /* unless somebody else flagged it meanwhile */
        g_string_append(sql, " AND ");
        dialect_quote(&dialect_mysql, sql, deleted_at);
        g_string_append(sql, " IS NULL");
    }
    if (!mysqldb_execute(w->s, sql->str, w->what, error))
        return false;
    *acted += mysqldb_affected(w->s);
    return true;
}

static bool run_sweep(struct sweeping *w, struct sweep_counts *ret, GError **error)
{
    struct sweep_counts counts = {0};
    if (w->sweep->seen_count)
        g_array_append_vals(w->seen, w->sweep->seen, (unsigned)w->sweep->seen_count);
    g_array_sort(w->seen, compare_ids);
    if (!find_gone(w, error))
        return false;
    counts.alive_before = w->alive;
    for (unsigned first = 0; first < w->gone->len; first += IDS_OF_A_STATEMENT) {
        if (!act_on(w, first, MIN(first + IDS_OF_A_STATEMENT, w->gone->len), &counts.flagged,
                    error))
            return false;
    }
    *ret = counts;
    return true;
}

bool mysqldb_sweep(struct destination *d, const struct sweep *sweep, struct sweep_counts *ret,
                   GError **error)
{
    g_autofree char *what = g_strdup_printf("sweeping %s", sweep->table->name);
    g_autoptr(GArray) seen = g_array_new(false, false, sizeof(int64_t));
    g_autoptr(GArray) gone = g_array_new(false, false, sizeof(int64_t));
    struct sweeping w = {
        .s = (struct mysqldb *)d, .sweep = sweep, .what = what, .seen = seen, .gone = gone};
    return run_sweep(&w, ret, error);
}
