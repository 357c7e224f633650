/* Tables appear, grow and widen, each time in one transaction. */
#include <string.h>

#include "destinations/postgres_private.h"
#include "sql/ddl.h"
#include "sql/inspect.h"
#include "sql/view.h"

/* ── Comments and names ── */

static void append_literal(GString *sql, const char *text)
{
    g_string_append_c(sql, '\'');
    for (const char *c = text; *c; c++) {
        if (*c == '\'')
            g_string_append_c(sql, *c);
        g_string_append_c(sql, *c);
    }
    g_string_append_c(sql, '\'');
}

/* Only of what is created here: a comment that a person wrote later is theirs. */
static void append_column_comment(GString *sql, const struct postgres_table *t,
                                  const struct column *column)
{
    if (!column->comment)
        return;
    g_string_append_printf(sql, ";\nCOMMENT ON COLUMN %s.", t->quoted);
    dialect_quote(&dialect_postgres, sql, column->name);
    g_string_append(sql, " IS ");
    append_literal(sql, column->comment);
}

static void append_table_comment(GString *sql, const struct postgres_table *t,
                                 const struct table *table)
{
    if (!table->comment)
        return;
    g_string_append_printf(sql, ";\nCOMMENT ON TABLE %s IS ", t->quoted);
    append_literal(sql, table->comment);
}

static bool check_name(const char *kind, const char *name, GError **error)
{
    if (strlen(name) <= POSTGRES_NAME_BYTES)
        return true;
    return postgres_config_error(
        error, g_strdup_printf("the name of %s %s is longer than the 63 bytes that PostgreSQL "
                               "takes: give it another",
                               kind, name));
}

/* The server would cut them, and two columns might become one. */
static bool check_names(const struct table *table, GError **error)
{
    if (!check_name("table", table->name, error))
        return false;
    for (unsigned i = 0; i < table->columns->len; i++) {
        if (!check_name("column", table_column(table, i)->name, error))
            return false;
    }
    return true;
}

/* ── Is it ours? ── */

static const char *kind_name(char kind)
{
    static const struct {
        char kind;
        const char *name;
    } kinds[] = {
        {'v', "view"},
        {'m', "materialized view"},
        {'p', "partitioned table"},
        {'f', "foreign table"},
        {'S', "sequence"},
        {'i', "index"},
        {'c', "composite type"},
        {'I', "index"},
    };
    for (unsigned i = 0; i < G_N_ELEMENTS(kinds); i++) {
        if (kinds[i].kind == kind)
            return kinds[i].name;
    }
    return "table";
}

static bool check_ours(const struct postgres *p, const struct postgres_table *t,
                       const struct table_info *info, GError **error)
{
    if (info->is_ours)
        return true;
    error_setf(error, PENSTOCK_ERROR_CONFIG,
               "schema %s of %s has a %s %s that Penstock did not make: rename it, or choose "
               "another schema",
               p->schema, p->label, kind_name(t->kind), t->name);
    return false;
}

static bool check_key(const struct postgres *p, const struct postgres_table *t,
                      const struct table *table, const struct table_info *info, GError **error)
{
    if (inspect_has_key(&dialect_postgres, table, info))
        return true;
    error_setf(error, PENSTOCK_ERROR_CONFIG,
               "table %s in schema %s of %s lacks its primary key (%s), so rows cannot be told "
               "apart: rename it, or reset it to load it anew",
               t->name, p->schema, p->label, table_column(table, table->keys[0])->name);
    return false;
}

/* ── Create ── */

static bool set_nonce(struct postgres *p, const struct table *table, const char *nonce,
                      const char *what, GError **error)
{
    const struct postgres_table *t = postgres_table_reload(p, table, error);
    if (!t)
        return false;
    g_assert(t->key_name);
    g_autofree char *own = nonce ? g_strdup(nonce) : g_uuid_string_random();
    g_autofree char *mark = g_strconcat("penstock nonce=", own, NULL);
    g_autoptr(GString) sql = g_string_new("COMMENT ON CONSTRAINT ");
    dialect_quote(&dialect_postgres, sql, t->key_name);
    g_string_append_printf(sql, " ON %s IS ", t->quoted);
    append_literal(sql, mark);
    return postgres_execute(p, sql->str, what, error);
}

/* Rows beyond 2 kB lose their largest values to a side table one by one, each time after a look at
 * all columns: with hundreds of small ones that takes ten times as long as the rest. So rows of
 * such tables may fill their page first. (PostgreSQL, "Storage Parameters"; 8160 is the most.) */
#define WIDE_COLUMNS 100

static bool create_table(struct postgres *p, const struct postgres_table *t,
                         const struct table *table, const char *nonce, GError **error)
{
    g_autofree char *what = g_strdup_printf("creating %s", t->name);
    g_autoptr(GString) sql = g_string_new(NULL);
    ddl_create_table(sql, &dialect_postgres, table, t->quoted, NULL);
    if (table->columns->len >= WIDE_COLUMNS)
        g_string_append(sql, " WITH (toast_tuple_target = 8160)");
    append_table_comment(sql, t, table);
    for (unsigned i = 0; i < table->columns->len; i++)
        append_column_comment(sql, t, table_column(table, i));
    return postgres_execute(p, sql->str, what, error) && set_nonce(p, table, nonce, what, error);
}

/* ── Widen ── */

/* A value of type `from` as text in the model's form (table.h); %s = the column. */
static const char *const text_forms[] = {
    [COLUMN_INTEGER] = "%s::text",
    [COLUMN_DECIMAL] = "%s::text",
    [COLUMN_BOOLEAN] = "%s::integer::text",
    [COLUMN_TIMESTAMP] = "to_char(%s AT TIME ZONE 'UTC', CASE WHEN %s = date_trunc('second', %s) "
                         "THEN 'YYYY-MM-DD HH24:MI:SS' ELSE 'YYYY-MM-DD HH24:MI:SS.US' END)",
    [COLUMN_DATE] = "to_char(%s, 'YYYY-MM-DD')",
    [COLUMN_TIME] = "%s::text",
    [COLUMN_TEXT] = "%s",
    [COLUMN_JSON] = "%s::text",
};

static void append_form(GString *sql, const char *form, const char *column)
{
    g_auto(GStrv) parts = g_strsplit(form, "%s", -1);
    g_autofree char *text = g_strjoinv(column, parts);
    g_string_append(sql, text);
}

static void append_retype(GString *sql, const char *column, const struct ddl_change *change)
{
    g_autoptr(GString) quoted = g_string_new(NULL);
    dialect_quote(&dialect_postgres, quoted, column);
    g_string_append_printf(sql, "ALTER COLUMN %s TYPE %s USING ", quoted->str,
                           dialect_postgres.types[change->to]);
    if (change->to == COLUMN_TEXT)
        append_form(sql, text_forms[change->from], quoted->str);
    else
        g_string_append_printf(sql, "%s::%s", quoted->str, dialect_postgres.types[change->to]);
}

/* ── Views that depend on a column ── */

static bool set_view_error(const struct postgres *p, const char *table, const char *column,
                           const char *view, GError **error)
{
    error_setf(error, PENSTOCK_ERROR_CONFIG,
               "%s: view %s uses column %s of table %s, whose values became of another type in "
               "Pipedrive: drop the view, run again, then create it again",
               p->label, view, column, table);
    return false;
}

/* Those of Penstock go with the change; whoever makes views makes them again. Those of people stay,
 * and so does the column. number 0 = any column of the table. */
static bool drop_own_views(struct postgres *p, const struct postgres_table *t, const char *column,
                           int number, const char *what, GError **error)
{
    g_autofree char *text = g_strdup_printf("%d", number);
    const char *values[] = {t->oid, text};
    g_autoptr(PgResult) result = postgres_query(
        p,
        "SELECT DISTINCT v.oid, v.oid::regclass, "
        "coalesce(obj_description(v.oid, 'pg_class'), '') LIKE '" VIEW_MARK "%' "
        "FROM pg_depend d JOIN pg_rewrite r ON r.oid = d.objid JOIN pg_class v ON v.oid = "
        "r.ev_class "
        "WHERE d.classid = 'pg_rewrite'::regclass AND d.refclassid = 'pg_class'::regclass "
        "AND d.refobjid = $1::oid AND (d.refobjsubid = $2::integer OR $2::integer = 0) "
        "AND v.oid <> d.refobjid",
        2, values, what, error);
    if (!result)
        return false;
    for (int row = 0; row < PQntuples(result); row++) {
        const char *oid = PQgetvalue(result, row, 0), *view = PQgetvalue(result, row, 1);
        bool own = PQgetvalue(result, row, 2)[0] == 't';
        if (!own && column)
            return set_view_error(p, t->name, column, view, error);
        if (own && !postgres_drop_own_view(p, oid, view, what, error))
            return false;
    }
    return true;
}

/* ── Extend ── */

/* All in one ALTER TABLE, which copies the table once at most. */
static void append_changes(GString *sql, const struct postgres_table *t, const struct table *table,
                           const GArray *changes)
{
    g_string_append_printf(sql, "ALTER TABLE %s ", t->quoted);
    for (unsigned i = 0; i < changes->len; i++) {
        const struct ddl_change *change = &g_array_index(changes, struct ddl_change, i);
        g_string_append(sql, i ? ", " : "");
        if (change->add) {
            g_string_append(sql, "ADD COLUMN ");
            ddl_column(sql, &dialect_postgres, table, change->column);
        } else {
            append_retype(sql, table_column(table, change->column)->name, change);
        }
    }
    for (unsigned i = 0; i < changes->len; i++) {
        const struct ddl_change *change = &g_array_index(changes, struct ddl_change, i);
        if (change->add)
            append_column_comment(sql, t, table_column(table, change->column));
    }
}

static bool free_columns(struct postgres *p, const struct postgres_table *t,
                         const struct table *table, const GArray *changes, const char *what,
                         GError **error)
{
    for (unsigned i = 0; i < changes->len; i++) {
        const struct ddl_change *change = &g_array_index(changes, struct ddl_change, i);
        const char *name = table_column(table, change->column)->name;
        if (!change->add &&
            !drop_own_views(p, t, name, postgres_table_column(t, name)->number, what, error))
            return false;
    }
    return true;
}

static bool apply_changes(struct postgres *p, const struct postgres_table *t,
                          const struct table *table, const GArray *changes, GError **error)
{
    if (changes->len == 0)
        return true;
    const struct ddl_change *first = &g_array_index(changes, struct ddl_change, 0);
    g_autofree char *what = g_strdup_printf("%s %s of %s", first->add ? "adding" : "widening",
                                            table_column(table, first->column)->name, t->name);
    g_autoptr(GString) sql = g_string_new(NULL);
    append_changes(sql, t, table, changes);
    return free_columns(p, t, table, changes, what, error) &&
           postgres_execute(p, sql->str, what, error);
}

static bool extend_table(struct postgres *p, const struct postgres_table *t,
                         const struct table *table, GError **error)
{
    struct table_info info;
    postgres_describe(t, table, &info);
    g_autoptr(GArray) changes = g_array_new(false, true, sizeof(struct ddl_change));
    bool ok = check_ours(p, t, &info, error) && check_key(p, t, table, &info, error) &&
              ddl_diff(&dialect_postgres, table, &info, changes, error) &&
              apply_changes(p, t, table, changes, error);
    table_info_done(&info);
    return ok;
}

/* ── Indexes ── */

/* Shortened to what the server takes, with a hash that keeps two of them apart. */
static char *index_name(const char *table, const char *column)
{
    g_autofree char *name = g_strdup_printf("_penstock_%s_%s", table, column);
    if (strlen(name) <= POSTGRES_NAME_BYTES)
        return g_steal_pointer(&name);
    const char *end = g_utf8_find_prev_char(name, name + POSTGRES_NAME_BYTES - 8);
    return g_strdup_printf("%.*s_%08x", (int)(end - name), name, g_str_hash(name));
}

static bool ensure_index(struct postgres *p, const struct postgres_table *t, const char *column,
                         GError **error)
{
    g_autofree char *name = index_name(t->name, column);
    g_autofree char *what = g_strdup_printf("creating an index of %s", t->name);
    g_autoptr(GString) sql = g_string_new("CREATE INDEX IF NOT EXISTS ");
    dialect_quote(&dialect_postgres, sql, name);
    g_string_append_printf(sql, " ON %s (", t->quoted);
    dialect_quote(&dialect_postgres, sql, column);
    g_string_append_c(sql, ')');
    return postgres_execute(p, sql->str, what, error);
}

static bool ensure_indexes(struct postgres *p, const struct postgres_table *t,
                           const struct table *table, GError **error)
{
    for (unsigned i = 0; i < table->columns->len; i++) {
        const struct column *column = table_column(table, i);
        if (column->is_indexed && !ensure_index(p, t, column->name, error))
            return false;
    }
    return true;
}

/* ── Inside a transaction: the caller's, or one of its own ── */

typedef bool (*change_func)(struct postgres *, const struct table *, const char *, GError **);

static bool in_transaction(struct postgres *p, change_func func, const struct table *table,
                           const char *argument, GError **error)
{
    g_hash_table_remove(p->loads, table->name);
    if (p->base.in_transaction)
        return func(p, table, argument, error);
    postgres_begin_write(p);
    if (func(p, table, argument, error))
        return postgres_commit_write(p, error);
    postgres_rollback_write(p);
    return false;
}

static bool prepare_inside(struct postgres *p, const struct table *table, const char *nonce,
                           GError **error)
{
    const struct postgres_table *t = postgres_table_reload(p, table, error);
    if (!t)
        return false;
    bool ok =
        t->exists ? extend_table(p, t, table, error) : create_table(p, t, table, nonce, error);
    t = ok ? postgres_table_reload(p, table, error) : NULL;
    return t && ensure_indexes(p, t, table, error);
}

bool postgres_prepare(struct destination *d, const struct table *table, const char *nonce,
                      GError **error)
{
    return check_names(table, error) &&
           in_transaction((struct postgres *)d, prepare_inside, table, nonce, error);
}

static bool drop_inside(struct postgres *p, const struct table *table, const char *unused,
                        GError **error)
{
    (void)unused;
    const struct postgres_table *t = postgres_table_reload(p, table, error);
    if (!t || !t->exists)
        return t != NULL;
    g_autofree char *what = g_strdup_printf("dropping %s", t->name);
    struct table_info info;
    postgres_describe(t, table, &info);
    bool ours = check_ours(p, t, &info, error);
    table_info_done(&info);
    if (!ours || !drop_own_views(p, t, NULL, 0, what, error))
        return false;
    g_autofree char *sql = g_strdup_printf("DROP TABLE %s", t->quoted);
    bool ok = postgres_execute(p, sql, what, error);
    g_hash_table_remove(p->tables, table->name);
    return ok;
}

bool postgres_drop(struct destination *d, const struct table *table, GError **error)
{
    return in_transaction((struct postgres *)d, drop_inside, table, NULL, error);
}
