/* Readable views. The mark is a comment inside the CREATE VIEW, which SQLite keeps as it was
 * written: it lives and dies with the view. A view is text to SQLite, never in the way of a change
 * to its table. */
#include <string.h>

#include "destinations/sqlite_private.h"
#include "sql/view.h"

static bool type_of(void *opaque, const char *table, const char *column, int *ret, GError **error)
{
    const struct sqlite_table *t = sqlite_table_named(opaque, table, error);
    if (!t)
        return false;
    const struct sqlite_column *found = t->nonce ? sqlite_table_column(t, column) : NULL;
    *ret = found ? found->recorded : t->nonce ? VIEW_TYPE_ABSENT : VIEW_NO_TABLE;
    return true;
}

static void append_relation(void *opaque, GString *sql, const char *table)
{
    const struct sqlite *s = opaque;
    g_autofree char *name =
        *s->prefix ? g_strdup_printf("%s_%s", s->prefix, table) : g_strdup(table);
    dialect_quote(&dialect_sqlite, sql, name);
}

static bool is_ours(const struct sqlite_table *t)
{
    return t->is_view && strstr(t->sql, "/* " VIEW_MARK);
}

/* t is gone afterwards. */
static bool drop(struct sqlite *s, const struct sqlite_table *t, GError **error)
{
    g_autofree char *what = g_strdup_printf("dropping view %s", t->name);
    g_autofree char *sql = g_strdup_printf("DROP VIEW main.%s", t->quoted);
    bool ok = sqlite_execute(s, sql, what, error);
    sqlite_forget_tables(s);
    return ok;
}

/* So it is here. */
static bool replace(struct sqlite *s, const struct sqlite_table *t, const GString *definition,
                    GError **error)
{
    g_autofree char *what = g_strdup_printf("creating view %s", t->name);
    g_autofree char *sql = g_strdup_printf("CREATE VIEW main.%s%s", t->quoted, definition->str);
    bool ok = (!t->exists || drop(s, t, error)) && sqlite_execute(s, sql, what, error);
    sqlite_forget_tables(s);
    return ok;
}

static bool replace_with(struct sqlite *s, const struct sqlite_table *t, const struct view *view,
                         enum view_result *ret, GError **error)
{
    g_autoptr(GString) definition = g_string_new(NULL);
    const struct view_place place = {&dialect_sqlite, append_relation, s, NULL};
    g_autofree char *mark = view_mark(&place, view);
    view_definition(definition, &place, view, mark);
    *ret = t->exists && strstr(t->sql, mark) ? VIEW_SAME : VIEW_REPLACED;
    if (*ret == VIEW_SAME)
        return true;
    return replace(s, t, definition, error);
}

static bool replace_inside(struct sqlite *s, struct view *view, enum view_result *ret,
                           GError **error)
{
    const struct sqlite_table *t = sqlite_table_named(s, view->name, error);
    if (!t || !view_fit(view, &s->base.ops->caps, type_of, s, error))
        return false;
    if (t->exists && !is_ours(t)) {
        *ret = VIEW_TAKEN;
        return true;
    }
    if (view->columns->len == 0) {
        *ret = VIEW_MISSING;
        return !t->exists || drop(s, t, error);
    }
    return replace_with(s, t, view, ret, error);
}

bool sqlite_replace_view(struct destination *d, struct view *view, enum view_result *ret,
                         GError **error)
{
    struct sqlite *s = (struct sqlite *)d;
    if (d->in_transaction)
        return replace_inside(s, view, ret, error);
    if (!sqlite_begin_write(s, error))
        return false;
    if (replace_inside(s, view, ret, error))
        return sqlite_commit_write(s, error);
    sqlite_rollback_write(s);
    return false;
}

static bool drop_inside(struct sqlite *s, const char *name, bool *ret_dropped, GError **error)
{
    const struct sqlite_table *t = sqlite_table_named(s, name, error);
    if (!t)
        return false;
    *ret_dropped = is_ours(t);
    return !*ret_dropped || drop(s, t, error);
}

bool sqlite_drop_view(struct destination *d, const char *name, bool *ret_dropped, GError **error)
{
    struct sqlite *s = (struct sqlite *)d;
    if (d->in_transaction)
        return drop_inside(s, name, ret_dropped, error);
    if (!sqlite_begin_write(s, error))
        return false;
    if (drop_inside(s, name, ret_dropped, error))
        return sqlite_commit_write(s, error);
    sqlite_rollback_write(s);
    return false;
}
