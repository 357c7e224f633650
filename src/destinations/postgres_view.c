/* Readable views. The mark is the view's comment, which lives and dies with it.
 *
 * PostgreSQL binds a view to its columns, and people's grants and views to it. So a view is
 * replaced in place where that is allowed, which is when columns are only added at its end: those
 * that are new come last. Otherwise it is dropped and made anew, with the grants that it had. */
#include <string.h>

#include "destinations/postgres_private.h"
#include "sql/view.h"

static struct postgres_table *relation_named(struct postgres *p, const char *name, bool anew,
                                             GError **error)
{
    const struct table named = {.name = (char *)name};
    return anew ? postgres_table_reload(p, &named, error) : postgres_table_get(p, &named, error);
}

static bool type_of(void *opaque, const char *table, const char *column, int *ret, GError **error)
{
    const struct postgres_table *t = relation_named(opaque, table, false, error);
    if (!t)
        return false;
    const struct postgres_column *found = t->nonce ? postgres_table_column(t, column) : NULL;
    *ret = found ? found->type : t->nonce ? VIEW_TYPE_ABSENT : VIEW_NO_TABLE;
    return true;
}

static void append_relation(void *opaque, GString *sql, const char *table)
{
    const struct postgres *p = opaque;
    g_string_append_printf(sql, "%s.", p->quoted_schema);
    dialect_quote(&dialect_postgres, sql, table);
}

static struct view_place place_of(struct postgres *p)
{
    return (struct view_place){&dialect_postgres, append_relation, p, NULL};
}

/* The view's comment: "" where there is none. NULL on error. */
static char *comment_of(struct postgres *p, const struct postgres_table *t, GError **error)
{
    const char *values[] = {t->oid};
    g_autoptr(PgResult) result =
        postgres_query(p, "SELECT coalesce(obj_description($1::oid, 'pg_class'), '')", 1, values,
                       "reading the schema", error);
    return result ? g_strdup(PQgetvalue(result, 0, 0)) : NULL;
}

/* Did people build views on it? */
static bool is_built_on(struct postgres *p, const struct postgres_table *t, bool *ret,
                        GError **error)
{
    const char *values[] = {t->oid};
    g_autoptr(PgResult) result = postgres_query(
        p,
        "SELECT 1 FROM pg_depend d JOIN pg_rewrite r ON r.oid = d.objid "
        "WHERE d.classid = 'pg_rewrite'::regclass AND d.refclassid = 'pg_class'::regclass "
        "AND d.refobjid = $1::oid AND r.ev_class <> d.refobjid LIMIT 1",
        1, values, "reading the schema", error);
    if (result)
        *ret = PQntuples(result) > 0;
    return result != NULL;
}

/* ── Dropping, with a memory for grants ── */

static bool note_grants(struct postgres *p, const char *oid, GError **error)
{
    const char *values[] = {oid};
    g_autoptr(PgResult) result = postgres_query(
        p,
        "SELECT c.relname, string_agg(format('GRANT %s ON %s TO %s%s', a.privilege_type, "
        "c.oid::regclass, CASE WHEN a.grantee = 0 THEN 'PUBLIC' ELSE a.grantee::regrole::text END, "
        "CASE WHEN a.is_grantable THEN ' WITH GRANT OPTION' ELSE '' END), '; ') "
        "FROM pg_class c, aclexplode(c.relacl) a "
        "WHERE c.oid = $1::oid AND a.grantee <> c.relowner GROUP BY c.relname",
        1, values, "reading the grants of a view", error);
    if (!result)
        return false;
    if (PQntuples(result) > 0)
        g_hash_table_insert(p->view_grants, g_strdup(PQgetvalue(result, 0, 0)),
                            g_strdup(PQgetvalue(result, 0, 1)));
    return true;
}

bool postgres_drop_own_view(struct postgres *p, const char *oid, const char *quoted,
                            const char *what, GError **error)
{
    g_autofree char *sql = g_strdup_printf("DROP VIEW %s", quoted);
    return note_grants(p, oid, error) && postgres_execute(p, sql, what, error);
}

static bool restore_grants(struct postgres *p, const char *name, const char *what, GError **error)
{
    const char *grants = g_hash_table_lookup(p->view_grants, name);
    if (!grants)
        return true;
    bool ok = postgres_execute(p, grants, what, error);
    g_hash_table_remove(p->view_grants, name);
    return ok;
}

/* ── Replacing ── */

/* The columns that are there, in their order, then those that are new. */
static void keep_order(struct view *view, const struct postgres_table *t)
{
    unsigned next = 0;
    for (unsigned i = 0; i < t->columns->len; i++) {
        const char *name = g_array_index(t->columns, struct postgres_column, i).name;
        unsigned at = next;
        while (at < view->columns->len && strcmp(view_column(view, at)->name, name) != 0)
            at++;
        if (at == view->columns->len)
            continue;
        struct view_column moved = *view_column(view, at);
        memmove(view_column(view, next + 1), view_column(view, next), sizeof moved * (at - next));
        *view_column(view, next++) = moved;
    }
}

static char *create_statement(struct postgres *p, const char *create, const struct view *view,
                              const char *quoted, const char *mark)
{
    const struct view_place place = place_of(p);
    g_autoptr(GString) sql = g_string_new(create);
    g_string_append_printf(sql, " %s", quoted);
    view_definition(sql, &place, view, mark);
    g_string_append_printf(sql, ";\nCOMMENT ON VIEW %s IS '%s'", quoted, mark);
    return g_string_free(g_steal_pointer(&sql), false);
}

/* Where the server refuses, *ret is false and the transaction goes on. */
static bool replace_in_place(struct postgres *p, struct view *view, const struct postgres_table *t,
                             const char *mark, const char *what, bool *ret, GError **error)
{
    if (!postgres_execute(p, "SAVEPOINT penstock_view", what, error))
        return false;
    keep_order(view, t);
    g_autofree char *sql = create_statement(p, "CREATE OR REPLACE VIEW", view, t->quoted, mark);
    *ret = postgres_execute(p, sql, what, NULL);
    return (*ret || postgres_execute(p, "ROLLBACK TO SAVEPOINT penstock_view", what, error)) &&
           postgres_execute(p, "RELEASE SAVEPOINT penstock_view", what, error);
}

static bool create(struct postgres *p, const struct view *view, const struct postgres_table *t,
                   const char *mark, const char *what, GError **error)
{
    g_autofree char *sql = create_statement(p, "CREATE VIEW", view, t->quoted, mark);
    return postgres_execute(p, sql, what, error) && restore_grants(p, t->name, what, error);
}

static bool replace_existing(struct postgres *p, struct view *view, const struct postgres_table *t,
                             const char *mark, enum view_result *ret, GError **error)
{
    g_autofree char *what = g_strdup_printf("replacing view %s", t->name);
    bool done, built_on;
    if (!replace_in_place(p, view, t, mark, what, &done, error))
        return false;
    *ret = VIEW_REPLACED;
    if (done)
        return true;
    if (!is_built_on(p, t, &built_on, error))
        return false;
    if (built_on) {
        *ret = VIEW_HELD;
        return true;
    }
    return postgres_drop_own_view(p, t->oid, t->quoted, what, error) &&
           create(p, view, t, mark, what, error);
}

/* Without its table there can only be a view that somebody else's table holds. */
static bool drop_existing(struct postgres *p, const struct postgres_table *t, GError **error)
{
    g_autofree char *what = g_strdup_printf("dropping view %s", t->name);
    return postgres_drop_own_view(p, t->oid, t->quoted, what, error);
}

static bool replace_inside(struct postgres *p, struct view *view, enum view_result *ret,
                           GError **error)
{
    const struct postgres_table *t = relation_named(p, view->name, true, error);
    if (!t || !view_fit(view, &p->base.ops->caps, type_of, p, error))
        return false;
    g_autofree char *comment = t->exists ? comment_of(p, t, error) : g_strdup("");
    if (!comment)
        return false;
    *ret = VIEW_TAKEN;
    if (t->exists && (t->kind != 'v' || !g_str_has_prefix(comment, VIEW_MARK)))
        return true;
    *ret = VIEW_MISSING;
    if (view->columns->len == 0)
        return !t->exists || drop_existing(p, t, error);
    const struct view_place place = place_of(p);
    g_autofree char *mark = view_mark(&place, view);
    *ret = VIEW_SAME;
    if (strcmp(comment, mark) == 0)
        return true;
    if (t->exists)
        return replace_existing(p, view, t, mark, ret, error);
    *ret = VIEW_REPLACED;
    g_autofree char *what = g_strdup_printf("creating view %s", t->name);
    return create(p, view, t, mark, what, error);
}

bool postgres_replace_view(struct destination *d, struct view *view, enum view_result *ret,
                           GError **error)
{
    struct postgres *p = (struct postgres *)d;
    if (d->in_transaction)
        return replace_inside(p, view, ret, error);
    postgres_begin_write(p);
    if (replace_inside(p, view, ret, error))
        return postgres_commit_write(p, error);
    postgres_rollback_write(p);
    return false;
}

static bool drop_inside(struct postgres *p, const char *name, bool *ret_dropped, GError **error)
{
    const struct postgres_table *t = relation_named(p, name, true, error);
    if (!t)
        return false;
    g_autofree char *comment = t->exists ? comment_of(p, t, error) : g_strdup("");
    if (!comment)
        return false;
    *ret_dropped = t->exists && t->kind == 'v' && g_str_has_prefix(comment, VIEW_MARK);
    return !*ret_dropped || drop_existing(p, t, error);
}

bool postgres_drop_view(struct destination *d, const char *name, bool *ret_dropped, GError **error)
{
    struct postgres *p = (struct postgres *)d;
    if (d->in_transaction)
        return drop_inside(p, name, ret_dropped, error);
    postgres_begin_write(p);
    if (drop_inside(p, name, ret_dropped, error))
        return postgres_commit_write(p, error);
    postgres_rollback_write(p);
    return false;
}
