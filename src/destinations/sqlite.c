#include "destinations/sqlite.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "destinations/sqlite_private.h"
#include "sql/ddl.h"
#include "sql/epoch.h"

#define LOCK_TIMEOUT_MS 10000

/* ── Errors: what SQLite says, and what a person does about it ── */

/* Stands for a code that SQLite has not. */
#define TOO_MANY_COLUMNS (-1)

static const struct {
    int code; /* primary result code */
    enum penstock_error error;
    const char *problem;
    const char *next;
} failures[] = {
    {SQLITE_FULL, PENSTOCK_ERROR_STORAGE, "the disk is full",
     "free some space, then run again; nothing is left half-written"},
    {SQLITE_IOERR, PENSTOCK_ERROR_STORAGE, "the disk refuses to read or write",
     "check the disk and its quota, then run again; nothing is left half-written"},
    {SQLITE_READONLY, PENSTOCK_ERROR_STORAGE, "it is not writable",
     "give this user the right to write to the file and its directory"},
    {SQLITE_PERM, PENSTOCK_ERROR_STORAGE, "it may not be opened",
     "give this user the right to read and write the file and its directory"},
    {SQLITE_AUTH, PENSTOCK_ERROR_STORAGE, "it may not be opened",
     "give this user the right to read and write the file and its directory"},
    {SQLITE_CANTOPEN, PENSTOCK_ERROR_STORAGE, "it cannot be opened",
     "check that the directory exists and that this user may write to it"},
    {SQLITE_NOTADB, PENSTOCK_ERROR_STORAGE, "it is not an SQLite database (or an encrypted one)",
     "choose another path, or move that file away"},
    {SQLITE_CORRUPT, PENSTOCK_ERROR_STORAGE, "the database is damaged",
     "restore it from a backup, or rescue it with the command .recover of sqlite3"},
    {SQLITE_CONSTRAINT, PENSTOCK_ERROR_STORAGE, "a constraint or trigger refuses a row",
     "remove what was added to the table, or reset it"},
    {SQLITE_TOOBIG, PENSTOCK_ERROR_STORAGE, "a value is too large for SQLite", "report this"},
    {SQLITE_SCHEMA, PENSTOCK_ERROR_STORAGE, "tables were changed while they were in use",
     "run again"},
    {TOO_MANY_COLUMNS, PENSTOCK_ERROR_CONFIG, "the table has more columns than SQLite can hold",
     "set custom_fields: json for this connection, then run again"},
    {SQLITE_ERROR, PENSTOCK_ERROR_STORAGE, "tables were changed while they were in use",
     "run again; what is missing is then created anew"},
};

static bool set_error(enum penstock_error code, int origin, char *message, GError **error)
{
    g_set_error_literal(error, PENSTOCK_ERROR, (int)code, message);
    struct error_detail detail = {.origin_code = origin};
    if (error)
        error_set_detail(*error, &detail);
    g_free(message);
    return false;
}

static char *locked_message(const struct sqlite *s)
{
    g_autofree char *waited =
        s->lock_timeout_ms % 1000
            ? g_strdup_printf("%" G_GINT64_FORMAT " ms", s->lock_timeout_ms)
            : g_strdup_printf("%" G_GINT64_FORMAT " s", s->lock_timeout_ms / 1000);
    return g_strdup_printf("%s is locked by another process (waited %s): close it or wait, then "
                           "run again",
                           s->path, waited);
}

bool sqlite_fail(struct sqlite *s, const char *what, GError **error)
{
    int extended = sqlite3_extended_errcode(s->db), primary = extended & 0xff;
    const char *said = sqlite3_errmsg(s->db);
    /* Not every file of a database says so by itself: the one of the WAL's index does not. */
    int system = primary == SQLITE_IOERR ? sqlite3_system_errno(s->db) : 0;
    if (system == ENOSPC || system == EDQUOT)
        primary = SQLITE_FULL;
    if (primary == SQLITE_ERROR && g_str_has_prefix(said, "too many columns on "))
        primary = TOO_MANY_COLUMNS;
    if (primary == SQLITE_BUSY || primary == SQLITE_LOCKED)
        return set_error(PENSTOCK_ERROR_STORAGE, extended, locked_message(s), error);
    for (unsigned i = 0; i < G_N_ELEMENTS(failures); i++) {
        if (failures[i].code == primary)
            return set_error(failures[i].error, extended,
                             g_strdup_printf("%s: %s: %s (%s): %s", s->path, what,
                                             failures[i].problem, said, failures[i].next),
                             error);
    }
    return set_error(
        PENSTOCK_ERROR_STORAGE, extended,
        g_strdup_printf("%s: %s: %s: run again, and report this if it stays", s->path, what, said),
        error);
}

/* ── Statements ── */

bool sqlite_execute(struct sqlite *s, const char *sql, const char *what, GError **error)
{
    return sqlite3_exec(s->db, sql, NULL, NULL, NULL) == SQLITE_OK || sqlite_fail(s, what, error);
}

sqlite3_stmt *sqlite_prepare(struct sqlite *s, const char *sql, const char *what, GError **error)
{
    sqlite3_stmt *statement = NULL;
    if (sqlite3_prepare_v2(s->db, sql, -1, &statement, NULL) != SQLITE_OK)
        sqlite_fail(s, what, error);
    return statement;
}

int sqlite_step(struct sqlite *s, sqlite3_stmt *statement, const char *what, GError **error)
{
    int rc = sqlite3_step(statement);
    if (rc == SQLITE_ROW || rc == SQLITE_DONE)
        return rc;
    sqlite_fail(s, what, error);
    return -1;
}

void sqlite_bind_text(sqlite3_stmt *statement, int number, const char *text)
{
    sqlite3_bind_text(statement, number, text, -1, SQLITE_TRANSIENT);
}

/* ── Transactions ── */

bool sqlite_refresh(struct sqlite *s, GError **error)
{
    g_autoptr(SqliteStmt) statement =
        sqlite_prepare(s, "PRAGMA schema_version", "reading the schema", error);
    if (!statement || sqlite_step(s, statement, "reading the schema", error) < 0)
        return false;
    int64_t version = sqlite3_column_int64(statement, 0);
    if (version != s->schema_version)
        sqlite_forget_tables(s);
    s->schema_version = version;
    return true;
}

void sqlite_rollback_write(struct sqlite *s)
{
    if (!s->db)
        return;
    /* SQLite rolls back by itself after some failures (full disk). */
    if (!sqlite3_get_autocommit(s->db))
        sqlite3_exec(s->db, "ROLLBACK", NULL, NULL, NULL);
    sqlite_forget_tables(s); /* they may have been prepared inside */
}

bool sqlite_begin_write(struct sqlite *s, GError **error)
{
    g_assert(s->db && !s->read_only);
    if (!sqlite_execute(s, "BEGIN IMMEDIATE", "beginning a transaction", error))
        return false;
    if (sqlite_refresh(s, error))
        return true;
    sqlite_rollback_write(s);
    return false;
}

static char *epoch_holder(struct sqlite *s)
{
    g_autoptr(GString) sql = g_string_new(NULL);
    epoch_holder_statement(sql, &dialect_sqlite, "main." EPOCH_TABLE);
    g_autoptr(SqliteStmt) statement = sqlite_prepare(s, sql->str, "", NULL);
    if (!statement)
        return g_strdup("unknown");
    sqlite_bind_text(statement, 1, s->scope);
    bool found = sqlite3_step(statement) == SQLITE_ROW;
    const char *holder = found ? (const char *)sqlite3_column_text(statement, 0) : NULL;
    return g_strdup(holder ? holder : "unknown");
}

static bool set_fenced_error(struct sqlite *s, GError **error)
{
    g_autofree char *holder = epoch_holder(s);
    return set_error(PENSTOCK_ERROR_FENCED, 0,
                     g_strdup_printf("another penstock (%s) took over %s: what this one had not "
                                     "committed is dropped: run again when the other is done",
                                     holder, s->path),
                     error);
}

/* Inside the transaction, whose lock keeps the row as it is until the commit. */
static bool hold_epoch(struct sqlite *s, GError **error)
{
    g_autoptr(GString) sql = g_string_new(NULL);
    epoch_hold_statement(sql, &dialect_sqlite, "main." EPOCH_TABLE);
    g_autoptr(SqliteStmt) statement = sqlite_prepare(s, sql->str, "checking the epoch", error);
    if (!statement)
        return false;
    sqlite_bind_text(statement, 1, s->scope);
    sqlite3_bind_int64(statement, 2, s->epoch);
    if (sqlite_step(s, statement, "checking the epoch", error) < 0)
        return false;
    return sqlite3_changes(s->db) == 1 || set_fenced_error(s, error);
}

bool sqlite_commit_write(struct sqlite *s, GError **error)
{
    if (sqlite3_get_autocommit(s->db)) /* a failure rolled back and the caller went on */
        return set_error(PENSTOCK_ERROR_BUG, 0,
                         g_strdup_printf("%s: commit without a transaction", s->path), error);
    if (hold_epoch(s, error) && sqlite_execute(s, "COMMIT", "committing", error))
        return true;
    sqlite_rollback_write(s);
    return false;
}

static bool begin(struct destination *d, GError **error)
{
    return sqlite_begin_write((struct sqlite *)d, error);
}

static bool commit(struct destination *d, GError **error)
{
    return sqlite_commit_write((struct sqlite *)d, error);
}

static void rollback(struct destination *d)
{
    struct sqlite *s = (struct sqlite *)d;
    if (s->db && !sqlite3_get_autocommit(s->db))
        sqlite_rollback_write(s);
    else if (d->in_transaction)
        sqlite_forget_tables(s);
}

/* ── Opening ── */

static bool config_error(GError **error, char *message)
{
    return set_error(PENSTOCK_ERROR_CONFIG, 0, message, error);
}

static bool parse_url(const char *url, char **ret, GError **error)
{
    const char *path = strchr(url, ':') + 1;
    if (!*path)
        return config_error(error, g_strdup("the destination names no file: write for example "
                                            "sqlite:crm.db"));
    if (g_str_has_prefix(path, "//") && !g_str_has_prefix(path, "///"))
        return config_error(error,
                            g_strdup_printf("the destination %s has two slashes: write sqlite:%s "
                                            "for a file in this directory, or sqlite:/%s for one "
                                            "in the root directory",
                                            url, path + 2, path + 2));
    if (strcmp(path, ":memory:") == 0)
        return config_error(error, g_strdup("a database in memory would be gone with the run: "
                                            "write for example sqlite:crm.db"));
    *ret = g_strdup(path);
    return true;
}

/* The prefix goes into names of tables, a file's name and a comment. */
static bool check_prefix(const char *prefix, GError **error)
{
    for (const char *p = prefix; *p; p++) {
        if (!g_ascii_isalnum(*p) && !strchr("_-", *p) && !((unsigned char)*p & 0x80))
            return config_error(error,
                                g_strdup_printf("schema \"%s\" cannot be a prefix of table names: "
                                                "use letters, digits, _ and -",
                                                prefix));
    }
    if (g_ascii_strcasecmp(prefix, "sqlite") == 0)
        return config_error(error, g_strdup("schema \"sqlite\": SQLite keeps names that begin with "
                                            "sqlite_ for itself: choose another schema"));
    return true;
}

static bool path_error(struct sqlite *s, int code, const char *problem, GError **error)
{
    return set_error(PENSTOCK_ERROR_STORAGE, code, g_strdup_printf("%s: %s", s->path, problem),
                     error);
}

/* Beside the database stand its WAL and our lock; a writer fails at the latter. */
static bool check_directory(struct sqlite *s, const char *directory, GError **error)
{
    if (access(directory, W_OK | X_OK) == 0)
        return true;
    g_autofree char *problem = g_strdup_printf(
        "the directory %s is not writable: give this user the right to write to it", directory);
    return path_error(s, EACCES, problem, error);
}

/* SQLite has one message for all of these. */
static bool check_path(struct sqlite *s, bool probe, bool *exists, GError **error)
{
    struct stat st;
    g_autofree char *directory = g_path_get_dirname(s->path);
    bool writes = !s->read_only || probe;
    *exists = stat(s->path, &st) == 0;
    int code = errno;
    if (*exists && S_ISDIR(st.st_mode))
        return path_error(s, EISDIR, "this is a directory: name a file in it", error);
    if (*exists && writes && access(s->path, W_OK) != 0)
        return path_error(s, EACCES,
                          "it is not writable: give this user the right to write to the file and "
                          "its directory",
                          error);
    if (*exists || (code == ENOENT && !writes))
        return !probe || check_directory(s, directory, error);
    if (code != ENOENT) {
        g_autofree char *problem = g_strdup_printf("%s: choose another path, or give this user "
                                                   "the right to it",
                                                   g_strerror(code));
        return path_error(s, code, problem, error);
    }
    if (stat(directory, &st) == 0 && S_ISDIR(st.st_mode))
        return !probe || check_directory(s, directory, error);
    g_autofree char *problem = g_strdup_printf(
        "the directory %s does not exist: create it, or choose another path", directory);
    return path_error(s, ENOENT, problem, error);
}

/* WAL: readers go on while a page commits. NORMAL: a power cut may lose the last transactions, but
 * whole ones: rows and the state that speaks of them stay together. Pages come in the order of time
 * and touch the table everywhere: with few checkpoints each of its pages is written and synced
 * fewer times. The file of the WAL shrinks again after a large transaction. */
static bool set_pragmas(struct sqlite *s, GError **error)
{
    static const char common[] = "PRAGMA foreign_keys = OFF; PRAGMA cache_size = -8192;"
                                 "PRAGMA temp.cache_size = -2048;";
    static const char writer[] = "PRAGMA synchronous = NORMAL; PRAGMA wal_autocheckpoint = 16000;"
                                 "PRAGMA journal_size_limit = 67108864;";
    const char *what = "opening";
    if (!sqlite_execute(s, common, what, error))
        return false;
    if (s->read_only)
        return sqlite_execute(s, "PRAGMA query_only = ON", what, error);
    g_autoptr(SqliteStmt) wal = sqlite_prepare(s, "PRAGMA journal_mode = WAL", what, error);
    if (!wal || sqlite_step(s, wal, what, error) < 0)
        return false;
    /* Some network file systems cannot do WAL; a rollback journal is safe only when fully synced.
     */
    bool is_wal = g_strcmp0((const char *)sqlite3_column_text(wal, 0), "wal") == 0;
    return is_wal ? sqlite_execute(s, writer, what, error)
                  : sqlite_execute(s, "PRAGMA synchronous = FULL", what, error);
}

/* Without SQLITE_OPEN_READONLY even for readers: only then the last one cleans up the WAL's files.
 */
static bool open_database(struct sqlite *s, GError **error)
{
    int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE;
    if (!s->read_only)
        flags |= SQLITE_OPEN_CREATE;
    /* "file:…" would be taken for a URI. */
    g_autofree char *path =
        g_str_has_prefix(s->path, "file:") ? g_strdup_printf("./%s", s->path) : g_strdup(s->path);
    if (sqlite3_open_v2(path, &s->db, flags, NULL) != SQLITE_OK)
        return sqlite_fail(s, "opening", error);
    sqlite3_busy_timeout(s->db, (int)MIN(s->lock_timeout_ms, INT_MAX));
    /* A quoted name that does not exist must be an error, not a string. */
    sqlite3_db_config(s->db, SQLITE_DBCONFIG_DQS_DML, 0, NULL);
    if (!s->read_only && sqlite3_db_readonly(s->db, "main") == 1)
        return path_error(s, EACCES,
                          "it is not writable: give this user the right to write to the file and "
                          "its directory",
                          error);
    if (!sqlite_register_text_function(s->db))
        return sqlite_fail(s, "opening", error);
    return set_pragmas(s, error);
}

static bool create_epoch_table(struct sqlite *s, GError **error)
{
    struct table *table = epoch_table_new();
    g_autoptr(GString) sql = g_string_new(NULL);
    ddl_create_table(sql, &dialect_sqlite, table, "IF NOT EXISTS main." EPOCH_TABLE, NULL);
    table_free(table);
    return sqlite_execute(s, sql->str, "creating " EPOCH_TABLE, error);
}

static bool take_epoch(struct sqlite *s, const char *connection, GError **error)
{
    const char *what = "taking the epoch";
    g_autoptr(GString) sql = g_string_new(NULL);
    epoch_take_statement(sql, &dialect_sqlite, EPOCH_TABLE);
    g_autoptr(SqliteStmt) statement = sqlite_prepare(s, sql->str, what, error);
    if (!statement)
        return false;
    g_autofree char *since = sqlite_wall_clock_text();
    g_autofree char *holder =
        g_strdup_printf("process %d on %s, connection %s, since %s", (int)getpid(),
                        g_get_host_name(), connection ? connection : "without a name", since);
    sqlite_bind_text(statement, 1, s->scope);
    sqlite_bind_text(statement, 2, holder);
    if (sqlite_step(s, statement, what, error) < 0)
        return false;
    s->epoch = sqlite3_column_int64(statement, 0);
    return true;
}

static bool become_writer(struct sqlite *s, const char *connection, GError **error)
{
    if (!sqlite_begin_write(s, error))
        return false;
    if (create_epoch_table(s, error) && sqlite_create_columns_table(s, error) &&
        take_epoch(s, connection, error) && sqlite_commit_write(s, error))
        return true;
    sqlite_rollback_write(s);
    return false;
}

static void close_sqlite(struct destination *d)
{
    struct sqlite *s = (struct sqlite *)d;
    if (!s)
        return;
    sqlite_forget_tables(s);
    g_hash_table_unref(s->tables);
    g_ptr_array_unref(s->statements);
    int rc = sqlite3_close(s->db);
    g_assert(rc == SQLITE_OK); /* else a statement was left open */
    sqlite_lock_release(&s->lock);
    g_free(s->path);
    g_free(s->prefix);
    g_free(s->scope);
    g_free(s);
}

static struct sqlite *sqlite_new(const struct destination_settings *settings)
{
    struct sqlite *s = g_new0(struct sqlite, 1);
    s->base.ops = &sqlite_destination;
    s->base.now = INSTANT_NONE;
    s->read_only = settings->read_only;
    s->lock_timeout_ms =
        settings->lock_timeout_ms > 0 ? settings->lock_timeout_ms : LOCK_TIMEOUT_MS;
    s->prefix = g_strdup(settings->schema ? settings->schema : "");
    s->scope = *s->prefix ? g_ascii_strdown(s->prefix, -1) : g_strdup("main");
    s->lock.fd = -1;
    s->schema_version = -1;
    s->tables =
        g_hash_table_new_full(g_str_hash, g_str_equal, NULL, (GDestroyNotify)sqlite_table_free);
    s->statements = g_ptr_array_new();
    return s;
}

static bool open_into(struct sqlite *s, const struct destination_settings *settings, GError **error)
{
    bool exists;
    if (!parse_url(settings->url, &s->path, error) || !check_prefix(s->prefix, error) ||
        !check_path(s, settings->probe, &exists, error))
        return false;
    if (s->read_only)
        return !exists || open_database(s, error);
    return sqlite_lock_take(&s->lock, s->path, s->scope, settings->connection, error) &&
           open_database(s, error) && become_writer(s, settings->connection, error);
}

static bool open_sqlite(const struct destination_settings *settings, struct destination **ret,
                        GError **error)
{
    struct sqlite *s = sqlite_new(settings);
    if (!open_into(s, settings, error)) {
        close_sqlite(&s->base);
        return false;
    }
    *ret = &s->base;
    return true;
}

const struct destination_ops sqlite_destination = {
    .scheme = "sqlite",
    .url_help = "sqlite:PATH",
    /* SQLite has no limit on names; 128 bytes are what people can read. 2,000 is SQLITE_MAX_COLUMN.
     */
    .caps = {.identifier_bytes = 128,
             .max_columns = 2000,
             .folds_case = true,
             .transactional_ddl = true,
             .keeps_json_text = true,
             .zero_bytes = true},
    .open = open_sqlite,
    .inspect = sqlite_inspect,
    .prepare = sqlite_prepare_table,
    .begin = begin,
    .write = sqlite_write,
    .sweep = sqlite_sweep,
    .read = sqlite_read,
    .commit = commit,
    .rollback = rollback,
    .replace_view = sqlite_replace_view,
    .drop_view = sqlite_drop_view,
    .drop = sqlite_drop,
    .close = close_sqlite,
};
