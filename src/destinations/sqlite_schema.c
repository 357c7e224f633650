/* What is in the database and how it becomes what is wanted.
 *
 * Where Penstock's marks are kept: the nonce is a comment inside the CREATE TABLE, because it must
 * live and die with the table: it survives VACUUM, backups, .dump, and a person's ALTER TABLE …
 * RENAME or ADD COLUMN, and is gone with DROP TABLE, also when somebody puts another table in its
 * place. Column types are rows of _penstock_columns, because a type may change without the table
 * (timestamp → text is the same storage), and because finding comments of columns again would need
 * a parser of everything that a person may have added. They are looked up by table and nonce, so
 * rows of a table that is gone mean nothing. A column without a row is a person's. */
#include <string.h>

#include "destinations/sqlite_private.h"
#include "sql/ddl.h"
#include "sql/inspect.h"

static void column_done(void *item)
{
    struct sqlite_column *column = item;
    g_free(column->name);
    g_free(column->declared);
}

void sqlite_table_free(struct sqlite_table *t)
{
    if (!t)
        return;
    g_free(t->name);
    g_free(t->quoted);
    g_free(t->sql);
    g_free(t->nonce);
    g_free(t->schema);
    g_array_unref(t->columns);
    table_free(t->layout);
    g_free(t->storage);
    g_free(t);
}

void sqlite_forget_tables(struct sqlite *s)
{
    sqlite_forget_statements(s, NULL);
    g_hash_table_remove_all(s->tables);
}

static struct sqlite_table *table_new_empty(const struct sqlite *s, const char *name)
{
    struct sqlite_table *t = g_new0(struct sqlite_table, 1);
    t->name = *s->prefix ? g_strdup_printf("%s_%s", s->prefix, name) : g_strdup(name);
    g_autoptr(GString) quoted = g_string_new("main.");
    dialect_quote(&dialect_sqlite, quoted, t->name);
    t->quoted = g_strdup(quoted->str + strlen("main."));
    t->columns = g_array_new(false, true, sizeof(struct sqlite_column));
    g_array_set_clear_func(t->columns, column_done);
    t->indexed_scope = -1;
    return t;
}

/* ── Reading the schema ── */

/* The word behind key= in the comment of our CREATE TABLE. */
static char *find_mark(const char *sql, const char *key)
{
    const char *comment = strstr(sql, "/* penstock ");
    const char *end = comment ? strstr(comment, "*/") : NULL;
    const char *mark = comment ? strstr(comment, key) : NULL;
    if (!end || !mark || mark > end)
        return NULL;
    mark += strlen(key);
    return g_strndup(mark, strcspn(mark, " "));
}

static bool load_relation(struct sqlite *s, struct sqlite_table *t, GError **error)
{
    g_autoptr(SqliteStmt) statement =
        sqlite_prepare(s,
                       "SELECT m.name, m.sql, m.type = 'view', l.strict FROM main.sqlite_schema m "
                       "LEFT JOIN pragma_table_list(m.name) l ON l.schema = 'main' "
                       "WHERE m.name = ?1 COLLATE NOCASE AND m.type IN ('table', 'view')",
                       "reading the schema", error);
    if (!statement)
        return false;
    sqlite_bind_text(statement, 1, t->name);
    int rc = sqlite_step(s, statement, "reading the schema", error);
    if (rc != SQLITE_ROW)
        return rc == SQLITE_DONE;
    t->exists = true;
    t->sql = g_strdup((const char *)sqlite3_column_text(statement, 1));
    t->is_view = sqlite3_column_int(statement, 2);
    t->is_strict = sqlite3_column_int(statement, 3);
    t->nonce = find_mark(t->sql, " nonce=");
    t->schema = find_mark(t->sql, " schema=");
    return true;
}

static bool load_columns(struct sqlite *s, struct sqlite_table *t, GError **error)
{
    g_autoptr(SqliteStmt) statement =
        sqlite_prepare(s, "SELECT name, type, pk, hidden FROM pragma_table_xinfo(?1, 'main')",
                       "reading the schema", error);
    if (!statement)
        return false;
    sqlite_bind_text(statement, 1, t->name);
    int rc;
    while ((rc = sqlite_step(s, statement, "reading the schema", error)) == SQLITE_ROW) {
        struct sqlite_column column = {
            .name = g_strdup((const char *)sqlite3_column_text(statement, 0)),
            .declared = g_strdup((const char *)sqlite3_column_text(statement, 1)),
            .recorded = -1,
            .key = sqlite3_column_int(statement, 2),
            .generated = sqlite3_column_int(statement, 3) != 0,
        };
        g_array_append_val(t->columns, column);
    }
    return rc == SQLITE_DONE;
}

const struct sqlite_column *sqlite_table_column(const struct sqlite_table *t, const char *name)
{
    for (unsigned i = 0; i < t->columns->len; i++) {
        const struct sqlite_column *column = &g_array_index(t->columns, struct sqlite_column, i);
        if (g_ascii_strcasecmp(column->name, name) == 0)
            return column;
    }
    return NULL;
}

static void note_recorded_type(struct sqlite_table *t, sqlite3_stmt *statement)
{
    const char *name = (const char *)sqlite3_column_text(statement, 0);
    struct sqlite_column *column = (struct sqlite_column *)sqlite_table_column(t, name);
    enum column_type type;
    if (!column || !column_type_from_name((const char *)sqlite3_column_text(statement, 1), &type))
        return;
    /* Unless a person gave the column another type since. */
    if (g_ascii_strcasecmp(column->declared, dialect_sqlite.types[type]) == 0)
        column->recorded = (int)type;
}

static bool columns_table_exists(struct sqlite *s, bool *ret, GError **error)
{
    g_autoptr(SqliteStmt) statement = sqlite_prepare(
        s, "SELECT 1 FROM main.sqlite_schema WHERE name = '" SQLITE_COLUMNS_TABLE "'",
        "reading the schema", error);
    int rc = statement ? sqlite_step(s, statement, "reading the schema", error) : -1;
    *ret = rc == SQLITE_ROW;
    return rc >= 0;
}

static bool load_recorded_types(struct sqlite *s, struct sqlite_table *t, GError **error)
{
    bool exists;
    if (!columns_table_exists(s, &exists, error))
        return false;
    if (!exists)
        return true;
    g_autoptr(SqliteStmt) statement =
        sqlite_prepare(s,
                       "SELECT column_name, type FROM main." SQLITE_COLUMNS_TABLE
                       " WHERE table_name = ?1 AND nonce = ?2",
                       "reading the schema", error);
    if (!statement)
        return false;
    sqlite_bind_text(statement, 1, t->name);
    sqlite_bind_text(statement, 2, t->nonce ? t->nonce : "");
    int rc;
    while ((rc = sqlite_step(s, statement, "reading the schema", error)) == SQLITE_ROW)
        note_recorded_type(t, statement);
    return rc == SQLITE_DONE;
}

/* Columns of a view are nobody's business here, and asking for those of a broken one fails. */
static bool load_table(struct sqlite *s, struct sqlite_table *t, GError **error)
{
    if (!s->db || !load_relation(s, t, error))
        return !s->db;
    return !t->exists || t->is_view ||
           (load_columns(s, t, error) && load_recorded_types(s, t, error));
}

struct sqlite_table *sqlite_table_named(struct sqlite *s, const char *name, GError **error)
{
    struct sqlite_table *t = g_hash_table_lookup(s->tables, name);
    if (t)
        return t;
    t = table_new_empty(s, name);
    if (!load_table(s, t, error)) {
        sqlite_table_free(t);
        return NULL;
    }
    /* The key is the end of the full name, so it lives as long as the value. */
    g_hash_table_insert(s->tables, t->name + strlen(t->name) - strlen(name), t);
    return t;
}

struct sqlite_table *sqlite_table_get(struct sqlite *s, const struct table *table, GError **error)
{
    return sqlite_table_named(s, table->name, error);
}

/* ── Inspect ── */

/* STRICT keeps a value as it was bound only in ANY; elsewhere ANY means numbers with 15 digits. */
static int type_of(const struct sqlite_table *t, const struct sqlite_column *column,
                   const struct column *wanted)
{
    const char *declared = column->declared;
    if (column->recorded >= 0)
        return column->recorded;
    if (!t->is_strict && g_ascii_strcasecmp(declared, "ANY") == 0)
        return -1;
    if (wanted)
        return g_ascii_strcasecmp(declared, dialect_sqlite.types[wanted->type]) == 0
                   ? (int)wanted->type
                   : -1;
    if (g_ascii_strcasecmp(declared, "INTEGER") == 0)
        return COLUMN_INTEGER;
    if (g_ascii_strcasecmp(declared, "TEXT") == 0)
        return COLUMN_TEXT;
    return g_ascii_strcasecmp(declared, "ANY") == 0 ? COLUMN_DECIMAL : -1;
}

enum sqlite_storage sqlite_column_storage(const struct sqlite_column *column)
{
    if (!column)
        return STORE_MISSING;
    if (g_ascii_strcasecmp(column->declared, "INTEGER") == 0)
        return STORE_INTEGER;
    return g_ascii_strcasecmp(column->declared, "ANY") == 0 ? STORE_NUMBER : STORE_TEXT;
}

static const struct column *find_wanted(const struct table *table, const char *name)
{
    for (unsigned i = 0; i < table->columns->len; i++) {
        const struct column *column = table_column(table, i);
        if (dialect_same_identifier(&dialect_sqlite, column->name, name))
            return column;
    }
    return NULL;
}

static void describe(const struct sqlite_table *t, const struct table *table,
                     struct table_info *ret)
{
    *ret = (struct table_info){.exists = t->exists, .nonce = g_strdup(t->nonce)};
    ret->columns = g_array_new(false, true, sizeof(struct table_info_column));
    for (unsigned i = 0; i < t->columns->len; i++) {
        const struct sqlite_column *column = &g_array_index(t->columns, struct sqlite_column, i);
        struct table_info_column info = {
            .name = g_strdup(column->name),
            .type = type_of(t, column, find_wanted(table, column->name)),
            .is_key = column->key > 0,
        };
        g_array_append_val(ret->columns, info);
    }
    ret->is_ours = !t->is_view && inspect_is_ours(&dialect_sqlite, table, ret);
}

static bool count_rows(struct sqlite *s, const struct sqlite_table *t, const struct table *table,
                       struct table_info *info, GError **error)
{
    g_autofree char *name = g_strconcat("main.", t->quoted, NULL);
    g_autoptr(GString) sql = g_string_new(NULL);
    inspect_count_statement(sql, &dialect_sqlite, table, info, name);
    g_autoptr(SqliteStmt) statement = sqlite_prepare(s, sql->str, "counting rows", error);
    if (!statement || sqlite_step(s, statement, "counting rows", error) < 0)
        return false;
    info->rows = sqlite3_column_int64(statement, 0);
    info->live_rows = sqlite3_column_int64(statement, 1);
    return true;
}

bool sqlite_inspect(struct destination *d, const struct table *table, struct table_info *ret,
                    GError **error)
{
    struct sqlite *s = (struct sqlite *)d;
    struct table_info info;
    if (s->db && !d->in_transaction && !sqlite_refresh(s, error))
        return false;
    const struct sqlite_table *t = sqlite_table_get(s, table, error);
    if (!t)
        return false;
    describe(t, table, &info);
    if (t->exists && !count_rows(s, t, table, &info, error)) {
        table_info_done(&info);
        return false;
    }
    *ret = info;
    return true;
}

/* ── Prepare ── */

bool sqlite_create_columns_table(struct sqlite *s, GError **error)
{
    return sqlite_execute(s,
                          "CREATE TABLE IF NOT EXISTS main." SQLITE_COLUMNS_TABLE " ("
                          "table_name TEXT NOT NULL, nonce TEXT NOT NULL, "
                          "column_name TEXT NOT NULL, type TEXT NOT NULL, "
                          "PRIMARY KEY (table_name, nonce, column_name)) STRICT, WITHOUT ROWID",
                          "creating " SQLITE_COLUMNS_TABLE, error);
}

static bool record_type(struct sqlite *s, const char *name, const char *nonce, const char *column,
                        enum column_type type, GError **error)
{
    const char *what = "writing to " SQLITE_COLUMNS_TABLE;
    g_autoptr(SqliteStmt) statement =
        sqlite_prepare(s,
                       "INSERT INTO main." SQLITE_COLUMNS_TABLE
                       " (table_name, nonce, column_name, type) VALUES (?1, ?2, ?3, ?4) "
                       "ON CONFLICT DO UPDATE SET type = excluded.type",
                       what, error);
    if (!statement)
        return false;
    sqlite_bind_text(statement, 1, name);
    sqlite_bind_text(statement, 2, nonce ? nonce : "");
    sqlite_bind_text(statement, 3, column);
    sqlite_bind_text(statement, 4, column_type_name(type));
    return sqlite_step(s, statement, what, error) == SQLITE_DONE;
}

static bool forget_types(struct sqlite *s, const char *name, GError **error)
{
    const char *what = "writing to " SQLITE_COLUMNS_TABLE;
    g_autoptr(SqliteStmt) statement = sqlite_prepare(
        s, "DELETE FROM main." SQLITE_COLUMNS_TABLE " WHERE table_name = ?1", what, error);
    if (!statement)
        return false;
    sqlite_bind_text(statement, 1, name);
    return sqlite_step(s, statement, what, error) == SQLITE_DONE;
}

static bool create_table(struct sqlite *s, const struct sqlite_table *t, const struct table *table,
                         const char *nonce, GError **error)
{
    g_autofree char *own = nonce ? g_strdup(nonce) : g_uuid_string_random();
    g_assert(*own && strspn(own, G_CSET_a_2_z G_CSET_A_2_Z G_CSET_DIGITS "-_") == strlen(own));
    g_autofree char *note = g_strdup_printf("penstock nonce=%s schema=%s", own, s->prefix);
    g_autofree char *what = g_strdup_printf("creating %s", t->name);
    g_autoptr(GString) sql = g_string_new(NULL);
    g_autofree char *name = g_strconcat("main.", t->quoted, NULL);
    ddl_create_table(sql, &dialect_sqlite, table, name, note);
    if (!sqlite_execute(s, sql->str, what, error) || !forget_types(s, t->name, error))
        return false;
    for (unsigned i = 0; i < table->columns->len; i++) {
        const struct column *column = table_column(table, i);
        if (!record_type(s, t->name, own, column->name, column->type, error))
            return false;
    }
    return true;
}

static bool check_ours(const struct sqlite *s, const struct sqlite_table *t,
                       const struct table_info *info, GError **error)
{
    const char *next = "rename it, or choose another schema, which "
                       "becomes a prefix of Penstock's tables";
    if (!info->is_ours) {
        error_setf(error, PENSTOCK_ERROR_CONFIG, "%s has a %s %s that Penstock did not make: %s",
                   s->path, t->is_view ? "view" : "table", t->name, next);
        return false;
    }
    if (t->schema && g_ascii_strcasecmp(t->schema, s->prefix) != 0) {
        error_setf(error, PENSTOCK_ERROR_CONFIG,
                   "table %s in %s belongs to a connection with %s%s: %s", t->name, s->path,
                   *t->schema ? "schema " : "no schema", t->schema, next);
        return false;
    }
    return true;
}

static bool check_key(const struct sqlite *s, const struct sqlite_table *t,
                      const struct table *table, const struct table_info *info, GError **error)
{
    if (inspect_has_key(&dialect_sqlite, table, info))
        return true;
    error_setf(error, PENSTOCK_ERROR_CONFIG,
               "table %s in %s lacks its primary key (%s), so rows cannot be told apart: rename "
               "it, or reset it to load it anew",
               t->name, s->path, table_column(table, table->keys[0])->name);
    return false;
}

static bool add_column(struct sqlite *s, const struct sqlite_table *t, const struct table *table,
                       unsigned index, GError **error)
{
    const struct column *column = table_column(table, index);
    g_autofree char *what = g_strdup_printf("adding %s to %s", column->name, t->name);
    g_autofree char *name = g_strconcat("main.", t->quoted, NULL);
    g_autoptr(GString) sql = g_string_new(NULL);
    ddl_add_column(sql, &dialect_sqlite, table, index, name);
    return sqlite_execute(s, sql->str, what, error) &&
           record_type(s, t->name, t->nonce, column->name, column->type, error);
}

/* Columns that a person added and Penstock now fills. */
static bool record_adopted(struct sqlite *s, const struct sqlite_table *t,
                           const struct table *table, GError **error)
{
    for (unsigned i = 0; i < table->columns->len; i++) {
        const struct column *wanted = table_column(table, i);
        const struct sqlite_column *column = sqlite_table_column(t, wanted->name);
        if (column && column->recorded < 0 &&
            !record_type(s, t->name, t->nonce, column->name, wanted->type, error))
            return false;
    }
    return true;
}

/* Types that share a storage type differ only in what is recorded. */
static bool widen_columns(struct sqlite *s, const struct sqlite_table *t, const struct table *table,
                          const GArray *changes, GError **error)
{
    g_autoptr(GArray) retypes = g_array_new(false, false, sizeof(struct sqlite_retype));
    for (unsigned i = 0; i < changes->len; i++) {
        const struct ddl_change *change = &g_array_index(changes, struct ddl_change, i);
        if (change->add)
            continue;
        struct sqlite_retype retype = {
            .column = table_column(table, change->column)->name,
            .type = dialect_sqlite.types[change->to],
        };
        if (!record_type(s, t->name, t->nonce, retype.column, change->to, error))
            return false;
        if (strcmp(retype.type, dialect_sqlite.types[change->from]) != 0)
            g_array_append_val(retypes, retype);
    }
    return retypes->len == 0 ||
           sqlite_rebuild(s, t, (struct sqlite_retype *)retypes->data, retypes->len, error);
}

/* The rebuild comes first: it works from the text of the table as it was read. */
static bool apply_changes(struct sqlite *s, const struct sqlite_table *t, const struct table *table,
                          const GArray *changes, GError **error)
{
    if (!widen_columns(s, t, table, changes, error))
        return false;
    for (unsigned i = 0; i < changes->len; i++) {
        const struct ddl_change *change = &g_array_index(changes, struct ddl_change, i);
        if (change->add && !add_column(s, t, table, change->column, error))
            return false;
    }
    return true;
}

static bool extend_table(struct sqlite *s, const struct sqlite_table *t, const struct table *table,
                         GError **error)
{
    struct table_info info;
    describe(t, table, &info);
    g_autoptr(GArray) changes = g_array_new(false, true, sizeof(struct ddl_change));
    bool ok = check_ours(s, t, &info, error) && check_key(s, t, table, &info, error) &&
              ddl_diff(&dialect_sqlite, table, &info, changes, error) &&
              record_adopted(s, t, table, error) && apply_changes(s, t, table, changes, error);
    table_info_done(&info);
    return ok;
}

bool sqlite_ensure_index(struct sqlite *s, const struct sqlite_table *t, const char *column,
                         GError **error)
{
    g_autofree char *index = g_strdup_printf("_penstock_%s_%s", t->name, column);
    g_autofree char *what = g_strdup_printf("creating an index of %s", t->name);
    g_autoptr(GString) sql = g_string_new("CREATE INDEX IF NOT EXISTS main.");
    dialect_quote(&dialect_sqlite, sql, index);
    g_string_append_printf(sql, " ON %s (", t->quoted);
    dialect_quote(&dialect_sqlite, sql, column);
    g_string_append_c(sql, ')');
    return sqlite_execute(s, sql->str, what, error);
}

static bool ensure_indexes(struct sqlite *s, const struct sqlite_table *t,
                           const struct table *table, GError **error)
{
    for (unsigned i = 0; i < table->columns->len; i++) {
        const struct column *column = table_column(table, i);
        if (column->is_indexed && !sqlite_ensure_index(s, t, column->name, error))
            return false;
    }
    return true;
}

static bool prepare_inside(struct sqlite *s, const struct table *table, const char *nonce,
                           GError **error)
{
    const struct sqlite_table *t = sqlite_table_get(s, table, error);
    bool ok = t && (t->exists ? extend_table(s, t, table, error)
                              : create_table(s, t, table, nonce, error));
    ok = ok && ensure_indexes(s, t, table, error);
    sqlite_forget_tables(s);
    return ok;
}

/* Inside the caller's transaction, or one of its own. */
static bool in_transaction(struct sqlite *s,
                           bool (*func)(struct sqlite *, const struct table *, const char *,
                                        GError **),
                           const struct table *table, const char *argument, GError **error)
{
    if (s->base.in_transaction)
        return func(s, table, argument, error);
    if (!sqlite_begin_write(s, error))
        return false;
    if (func(s, table, argument, error))
        return sqlite_commit_write(s, error);
    sqlite_rollback_write(s);
    return false;
}

bool sqlite_prepare_table(struct destination *d, const struct table *table, const char *nonce,
                          GError **error)
{
    return in_transaction((struct sqlite *)d, prepare_inside, table, nonce, error);
}

static bool drop_inside(struct sqlite *s, const struct table *table, const char *unused,
                        GError **error)
{
    (void)unused;
    const struct sqlite_table *t = sqlite_table_get(s, table, error);
    if (!t || !t->exists)
        return t != NULL;
    struct table_info info;
    describe(t, table, &info);
    bool ours = check_ours(s, t, &info, error);
    table_info_done(&info);
    if (!ours)
        return false;
    g_autofree char *what = g_strdup_printf("dropping %s", t->name);
    g_autofree char *sql = g_strdup_printf("DROP TABLE main.%s", t->quoted);
    bool ok = sqlite_execute(s, sql, what, error) && forget_types(s, t->name, error);
    sqlite_forget_tables(s);
    return ok;
}

bool sqlite_drop(struct destination *d, const struct table *table, GError **error)
{
    return in_transaction((struct sqlite *)d, drop_inside, table, NULL, error);
}
