/* Readable views. The server keeps no comment of a view, so the mark is a condition of it that is
 * always true, and lives and dies with it. A view is a text to the server, never in the way of a
 * change to its table; people's grants and views hold to its name. */
#include <string.h>

#include "destinations/mysql_private.h"
#include "sql/view.h"

static bool type_of(void *opaque, const char *table, const char *column, int *ret, GError **error)
{
    const struct table named = {.name = (char *)table};
    const struct mysqldb_table *t = mysqldb_table_get(opaque, &named, error);
    if (!t)
        return false;
    const struct mysqldb_column *found = t->nonce ? mysqldb_table_column(t, column) : NULL;
    *ret = found ? found->type : t->nonce ? VIEW_TYPE_ABSENT : VIEW_NO_TABLE;
    return true;
}

static void append_relation(void *opaque, GString *sql, const char *table)
{
    (void)opaque; /* the session's database */
    dialect_quote(&dialect_mysql, sql, table);
}

static struct view_place place_of(struct mysqldb *s)
{
    return (struct view_place){&dialect_mysql, append_relation, s, s->collation};
}

/* What the database has under the name: *ret_definition is NULL where it is no view. Who may not
 * see a view's text gets an empty one, and leaves it alone. */
static bool look(struct mysqldb *s, const char *name, bool *ret_exists, char **ret_definition,
                 GError **error)
{
    static const char *const queries[] = {
        "SELECT VIEW_DEFINITION FROM information_schema.VIEWS WHERE TABLE_SCHEMA = DATABASE() "
        "AND TABLE_NAME = ",
        "SELECT TABLE_NAME FROM information_schema.TABLES WHERE TABLE_SCHEMA = DATABASE() "
        "AND TABLE_NAME = ",
    };
    *ret_exists = false;
    *ret_definition = NULL;
    for (unsigned i = 0; i < G_N_ELEMENTS(queries) && !*ret_exists; i++) {
        g_autoptr(GString) sql = g_string_new(queries[i]);
        g_auto(GStrv) row = NULL;
        mysqldb_literal(s, sql, name, strlen(name));
        if (!mysqldb_row(s, sql->str, "reading the schema", &row, error))
            return false;
        *ret_exists = row != NULL;
        if (row && i == 0)
            *ret_definition = g_strdup(row[0]);
    }
    return true;
}

static bool is_ours(const char *definition)
{
    return definition && strstr(definition, "'" VIEW_MARK);
}

static bool drop(struct mysqldb *s, const char *name, GError **error)
{
    g_autofree char *what = g_strdup_printf("dropping view %s", name);
    g_autoptr(GString) sql = g_string_new("DROP VIEW ");
    dialect_quote(&dialect_mysql, sql, name);
    return mysqldb_execute(s, sql->str, what, error);
}

static bool create(struct mysqldb *s, const struct view *view, const char *mark, GError **error)
{
    const struct view_place place = place_of(s);
    g_autofree char *what = g_strdup_printf("replacing view %s", view->name);
    g_autoptr(GString) sql = g_string_new("CREATE OR REPLACE VIEW ");
    dialect_quote(&dialect_mysql, sql, view->name);
    view_definition(sql, &place, view, mark);
    return mysqldb_execute(s, sql->str, what, error);
}

bool mysqldb_replace_view(struct destination *d, struct view *view, enum view_result *ret,
                          GError **error)
{
    struct mysqldb *s = (struct mysqldb *)d;
    g_autofree char *definition = NULL;
    bool exists;
    if (!view_fit(view, &d->ops->caps, type_of, s, error) ||
        !look(s, view->name, &exists, &definition, error))
        return false;
    *ret = VIEW_TAKEN;
    if (exists && !is_ours(definition))
        return true;
    *ret = VIEW_MISSING;
    if (view->columns->len == 0)
        return !exists || drop(s, view->name, error);
    const struct view_place place = place_of(s);
    g_autofree char *mark = view_mark(&place, view);
    *ret = VIEW_SAME;
    if (exists && strstr(definition, mark))
        return true;
    *ret = VIEW_REPLACED;
    return create(s, view, mark, error);
}

bool mysqldb_drop_view(struct destination *d, const char *name, bool *ret_dropped, GError **error)
{
    struct mysqldb *s = (struct mysqldb *)d;
    g_autofree char *definition = NULL;
    bool exists;
    if (!look(s, name, &exists, &definition, error))
        return false;
    *ret_dropped = is_ours(definition);
    return !*ret_dropped || drop(s, name, error);
}
