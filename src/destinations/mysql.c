#include "destinations/mysql.h"

#include <string.h>
#include <unistd.h>

#include "destinations/mysql_private.h"
#include "sql/epoch.h"

/* ── Statements ── */

bool mysqldb_execute(struct mysqldb *s, const char *sql, const char *what, GError **error)
{
    return mysql_real_query(s->session, sql, strlen(sql)) == 0 || mysqldb_fail(s, what, error);
}

int64_t mysqldb_affected(struct mysqldb *s)
{
    return (int64_t)mysql_affected_rows(s->session);
}

bool mysqldb_each(struct mysqldb *s, const char *sql, const char *what, mysqldb_row_func func,
                  void *opaque, GError **error)
{
    if (!mysqldb_execute(s, sql, what, error))
        return false;
    MYSQL_RES *result = mysql_use_result(s->session);
    if (!result)
        return mysqldb_fail(s, what, error);
    MYSQL_ROW row;
    while ((row = mysql_fetch_row(result)))
        func(row, mysql_fetch_lengths(result), opaque);
    bool ok = mysql_errno(s->session) == 0 || mysqldb_fail(s, what, error);
    mysql_free_result(result);
    return ok;
}

bool mysqldb_row(struct mysqldb *s, const char *sql, const char *what, GStrv *ret, GError **error)
{
    if (!mysqldb_execute(s, sql, what, error))
        return false;
    MYSQL_RES *result = mysql_store_result(s->session);
    if (!result)
        return mysqldb_fail(s, what, error);
    MYSQL_ROW row = mysql_fetch_row(result);
    unsigned count = mysql_num_fields(result);
    GStrv copy = row ? g_new0(char *, count + 1) : NULL;
    for (unsigned i = 0; row && i < count; i++)
        copy[i] = g_strdup(row[i] ? row[i] : "");
    mysql_free_result(result);
    *ret = copy;
    return true;
}

void mysqldb_literal(struct mysqldb *s, GString *sql, const char *text, size_t length)
{
    g_string_append_c(sql, '\'');
    size_t before = sql->len;
    g_string_set_size(sql, before + 2 * length + 1);
    unsigned long escaped =
        mysql_real_escape_string(s->session, sql->str + before, length ? text : "", length);
    g_string_truncate(sql, before + escaped);
    g_string_append_c(sql, '\'');
}

/* ── One writer: a lock that the server gives back with the session, and an epoch ── */

/* A lock's name has at most 64 characters and is the server's, not the database's. */
static char *lock_name(const struct mysqldb *s)
{
    g_autofree char *hash = g_compute_checksum_for_string(G_CHECKSUM_SHA1, s->database, -1);
    return g_strdup_printf("penstock-%s", hash);
}

/* The holder writes it after it has the lock, so it may be that of the run before. */
static char *epoch_holder(struct mysqldb *s)
{
    g_auto(GStrv) row = NULL;
    if (!mysqldb_row(s, "SELECT holder FROM " EPOCH_TABLE " WHERE name = 'main'", "", &row, NULL) ||
        !row)
        return g_strdup("unknown");
    return g_strdup(row[0]);
}

static bool set_held_error(struct mysqldb *s, const char *lock, GError **error)
{
    g_autofree char *sql = g_strdup_printf("SELECT COALESCE(IS_USED_LOCK('%s'), 0)", lock);
    g_autofree char *holder = epoch_holder(s);
    g_auto(GStrv) row = NULL;
    if (!mysqldb_row(s, sql, "taking the lock", &row, error))
        return false;
    return mysqldb_error(
        PENSTOCK_ERROR_FENCED, 0,
        g_strdup_printf("another penstock (%s) is writing to %s: wait until it is done, or stop "
                        "it, then run again; if its process is gone, end its session with KILL %s",
                        holder, s->place, row[0]),
        error);
}

/* A writer that has just ended holds the lock until the server has noticed. */
static bool take_lock(struct mysqldb *s, GError **error)
{
    g_autofree char *lock = lock_name(s);
    g_autofree char *sql = g_strdup_printf("SELECT COALESCE(GET_LOCK('%s', 1), 0)", lock);
    g_auto(GStrv) row = NULL;
    if (!mysqldb_row(s, sql, "taking the lock", &row, error))
        return false;
    return strcmp(row[0], "1") == 0 || set_held_error(s, lock, error);
}

static bool create_epoch_table(struct mysqldb *s, GError **error)
{
    g_autofree char *sql = g_strdup_printf(
        "CREATE TABLE IF NOT EXISTS " EPOCH_TABLE " (name varchar(64) NOT NULL PRIMARY KEY, "
        "epoch bigint NOT NULL, holder longtext NOT NULL) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 "
        "COLLATE=%s COMMENT='The session that may write: each commit checks it'",
        s->collation);
    return mysqldb_execute(s, sql, "creating " EPOCH_TABLE, error);
}

static char *describe_holder(const char *connection)
{
    g_autoptr(GDateTime) now = g_date_time_new_now_utc();
    g_autofree char *since = g_date_time_format(now, "%Y-%m-%d %H:%M:%S UTC");
    return g_strdup_printf("process %d on %s, connection %s, since %s", (int)getpid(),
                           g_get_host_name(), connection ? connection : "without a name", since);
}

/* Waits for the transaction of a writer that has lost its lock but not its session. */
static bool take_epoch(struct mysqldb *s, const char *connection, GError **error)
{
    const char *what = "taking the epoch";
    g_autofree char *holder = describe_holder(connection);
    g_autoptr(GString) sql =
        g_string_new("INSERT INTO " EPOCH_TABLE " (name, epoch, holder) VALUES ('main', 1, ");
    mysqldb_literal(s, sql, holder, strlen(holder));
    g_string_append(sql, ") ON DUPLICATE KEY UPDATE epoch = epoch + 1, holder = VALUES(holder)");
    g_auto(GStrv) row = NULL;
    if (!mysqldb_execute(s, "START TRANSACTION", what, error) ||
        !mysqldb_execute(s, sql->str, what, error) ||
        !mysqldb_row(s, "SELECT epoch FROM " EPOCH_TABLE " WHERE name = 'main' FOR UPDATE", what,
                     &row, error))
        return false;
    s->epoch = row ? g_ascii_strtoll(row[0], NULL, 10) : 0;
    return mysqldb_execute(s, "COMMIT", what, error);
}

static bool set_fenced_error(struct mysqldb *s, GError **error)
{
    g_autofree char *holder = epoch_holder(s);
    return mysqldb_error(
        PENSTOCK_ERROR_FENCED, 0,
        g_strdup_printf("another penstock (%s) took over %s: what this one had not committed is "
                        "dropped: run again when the other is done",
                        holder, s->place),
        error);
}

/* Locks the row until the transaction ends, so nobody takes a newer epoch in between. */
static bool hold_epoch(struct mysqldb *s, GError **error)
{
    g_autofree char *sql =
        g_strdup_printf("SELECT 1 FROM " EPOCH_TABLE
                        " WHERE name = 'main' AND epoch = %" G_GINT64_FORMAT " FOR UPDATE",
                        s->epoch);
    g_auto(GStrv) row = NULL;
    if (!mysqldb_row(s, sql, "checking the epoch", &row, error))
        return false;
    return row || set_fenced_error(s, error);
}

/* ── Transactions ── */

static bool begin(struct destination *d, GError **error)
{
    struct mysqldb *s = (struct mysqldb *)d;
    g_assert(!s->read_only);
    return mysqldb_execute(s, "START TRANSACTION", "beginning a transaction", error);
}

static void rollback(struct destination *d)
{
    struct mysqldb *s = (struct mysqldb *)d;
    if (d->in_transaction && !s->lost && mysql_rollback(s->session) != 0)
        mysqldb_fail(s, "rolling back", NULL); /* notes that the connection is gone */
}

static bool commit(struct destination *d, GError **error)
{
    struct mysqldb *s = (struct mysqldb *)d;
    if (hold_epoch(s, error) && mysqldb_execute(s, "COMMIT", "committing", error))
        return true;
    rollback(d);
    return false;
}

/* ── Opening ── */

static void close_mysql(struct destination *d)
{
    struct mysqldb *s = (struct mysqldb *)d;
    if (!s)
        return;
    mysqldb_forget_statements(s);
    mysqldb_forget_tables(s);
    g_hash_table_unref(s->statements);
    g_hash_table_unref(s->tables);
    if (s->session)
        mysql_close(s->session);
    g_free(s->database);
    g_free(s->place);
    g_free(s->variables);
    g_free(s);
}

static bool open_into(struct mysqldb *s, const struct destination_settings *settings,
                      GError **error)
{
    if (!mysqldb_connect(s, settings, error))
        return false;
    if (s->read_only)
        return !settings->probe || mysqldb_probe(s, error);
    return take_lock(s, error) && create_epoch_table(s, error) &&
           take_epoch(s, settings->connection, error);
}

static bool open_mysql(const struct destination_settings *settings, struct destination **ret,
                       GError **error)
{
    struct mysqldb *s = g_new0(struct mysqldb, 1);
    s->base.ops = &mysql_destination;
    s->base.now = INSTANT_NONE;
    s->read_only = settings->read_only;
    s->tables =
        g_hash_table_new_full(g_str_hash, g_str_equal, NULL, (GDestroyNotify)mysqldb_table_free);
    s->statements = g_hash_table_new(g_str_hash, g_str_equal);
    if (!open_into(s, settings, error)) {
        close_mysql(&s->base);
        return false;
    }
    *ret = &s->base;
    return true;
}

/* InnoDB's, in tables as in its full-text indexes. */
static const char *const own_columns[] = {"db_row_id", "db_trx_id", "db_roll_ptr", "fts_doc_id",
                                          NULL};

/* identifier_bytes: 64 characters. max_columns: InnoDB takes 1,017; a person may add some.
 * row_bytes: half a page of 16 KiB holds 8,126; less 146 for header, nulls and hidden columns, and
 * 130 for the driver's own columns and an _extra that appears while values are moved. */
const struct destination_ops mysql_destination = {
    .scheme = "mysql",
    .alias = "mariadb",
    .url_help = "mysql://USER@HOST:PORT/DATABASE",
    .caps = {.identifier_bytes = 64,
             .max_columns = 1000,
             .folds_case = true,
             .transactional_ddl = false,
             .keeps_json_text = true,
             .zero_bytes = true,
             .decimal_integer_digits = 35,
             .decimal_scale = 30,
             .row_bytes = 7850,
             .own_columns = own_columns},
    .open = open_mysql,
    .inspect = mysqldb_inspect,
    .prepare = mysqldb_prepare_table,
    .begin = begin,
    .write = mysqldb_write,
    .sweep = mysqldb_sweep,
    .read = mysqldb_read,
    .commit = commit,
    .rollback = rollback,
    .replace_view = mysqldb_replace_view,
    .drop_view = mysqldb_drop_view,
    .drop = mysqldb_drop,
    .close = close_mysql,
};
