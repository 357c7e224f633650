/* One writer per database and schema: an advisory lock of the session, which the server gives back
 * however the process ends, and the epoch for sessions that outlive their lock. */
#include <string.h>
#include <unistd.h>

#include "destinations/postgres_private.h"
#include "sql/ddl.h"
#include "sql/epoch.h"

/* First half of the lock's key: "pens". */
#define LOCK_CLASS 0x70656e73

/* A writer that was just killed holds the lock until the server has noticed. */
#define LOCK_WAIT_MS 2000

/* One name is enough: each schema has its own table. */
#define EPOCH_NAME "writer"

/* FNV-1a; must not change, or two versions of Penstock would not see each other. */
static int32_t schema_hash(const char *schema)
{
    uint32_t hash = 2166136261u;
    for (const char *c = schema; *c; c++)
        hash = (hash ^ (unsigned char)*c) * 16777619u;
    return (int32_t)hash;
}

/* ── Schema and epoch table ── */

/* CREATE SCHEMA IF NOT EXISTS would ask for the right to create it where it exists. */
static bool find_schema(struct postgres *p, bool *ret_exists, bool *ret_may, GError **error)
{
    const char *values[] = {p->schema};
    g_autoptr(PgResult) result = postgres_query(
        p,
        "SELECT n.oid IS NOT NULL, CASE WHEN n.oid IS NULL "
        "THEN has_database_privilege(current_database(), 'CREATE') "
        "ELSE has_schema_privilege(n.oid, 'CREATE') AND has_schema_privilege(n.oid, 'USAGE') END "
        "FROM (SELECT) AS one LEFT JOIN pg_namespace n ON n.nspname = $1",
        1, values, "looking for the schema", error);
    if (!result)
        return false;
    *ret_exists = PQgetvalue(result, 0, 0)[0] == 't';
    *ret_may = PQgetvalue(result, 0, 1)[0] == 't';
    return true;
}

static bool set_right_error(const struct postgres *p, bool exists, GError **error)
{
    const char *user = PQuser(p->conn), *database = PQdb(p->conn);
    if (exists)
        error_setf(error, PENSTOCK_ERROR_STORAGE,
                   "%s: user %s may not create tables in schema %s: let its owner run GRANT USAGE, "
                   "CREATE ON SCHEMA %s TO \"%s\"",
                   p->label, user, p->schema, p->quoted_schema, user);
    else
        error_setf(error, PENSTOCK_ERROR_STORAGE,
                   "%s: there is no schema %s, and user %s may not create one: let an "
                   "administrator run CREATE SCHEMA %s AUTHORIZATION \"%s\", or GRANT CREATE ON "
                   "DATABASE \"%s\" TO \"%s\"",
                   p->label, p->schema, user, p->quoted_schema, user, database, user);
    return false;
}

static bool ensure_schema(struct postgres *p, GError **error)
{
    bool exists, may;
    if (!find_schema(p, &exists, &may, error))
        return false;
    if (!may)
        return set_right_error(p, exists, error);
    if (exists)
        return true;
    g_autofree char *sql = g_strdup_printf("CREATE SCHEMA %s", p->quoted_schema);
    return postgres_execute(p, sql, "creating the schema", error);
}

static bool create_epoch_table(struct postgres *p, GError **error)
{
    struct table *table = epoch_table_new();
    g_autofree char *name = g_strconcat("IF NOT EXISTS ", p->epoch_name, NULL);
    g_autoptr(GString) sql = g_string_new(NULL);
    ddl_create_table(sql, &dialect_postgres, table, name, NULL);
    table_free(table);
    return postgres_execute(p, sql->str, "creating " EPOCH_TABLE, error);
}

/* ── The advisory lock ── */

static char *read_holder(struct postgres *p, GError **error)
{
    g_autoptr(GString) sql = g_string_new(NULL);
    epoch_holder_statement(sql, &dialect_postgres, p->epoch_name);
    const char *values[] = {EPOCH_NAME};
    g_autoptr(PgResult) result =
        postgres_query(p, sql->str, 1, values, "looking for another writer", error);
    if (!result)
        return NULL;
    bool known = PQntuples(result) > 0 && !PQgetisnull(result, 0, 0);
    return g_strdup(known ? PQgetvalue(result, 0, 0) : "since an unknown time");
}

/* The session that holds the lock; NULL when it is gone by now. */
static char *holding_session(struct postgres *p)
{
    g_autofree char *key = g_strdup_printf("%u", (uint32_t)schema_hash(p->schema));
    const char *values[] = {key};
    g_autoptr(PgResult) result = postgres_query(
        p,
        "SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND classid = 1885695603 "
        "AND objid = $1::oid AND objsubid = 2 AND granted AND database = "
        "(SELECT oid FROM pg_database WHERE datname = current_database())",
        1, values, "looking for another writer", NULL);
    bool known = result && PQntuples(result) > 0;
    return known ? g_strdup(PQgetvalue(result, 0, 0)) : NULL;
}

static bool set_held_error(struct postgres *p, GError **error)
{
    g_autofree char *holder = read_holder(p, NULL);
    g_autofree char *pid = holding_session(p);
    g_autoptr(GString) next = g_string_new("wait until it is done, or stop it, then run again");
    if (pid)
        g_string_append_printf(
            next, "; if it hangs, end its session with SELECT pg_terminate_backend(%s)", pid);
    error_setf(error, PENSTOCK_ERROR_FENCED,
               "another penstock (%s) is writing to schema %s of %s: %s",
               holder ? holder : "since an unknown time", p->schema, p->label, next->str);
    return false;
}

static bool take_lock(struct postgres *p, GError **error)
{
    g_autofree char *sql =
        g_strdup_printf("SET lock_timeout = %" G_GINT64_FORMAT "; SELECT pg_advisory_lock(%d, %d)",
                        MIN(p->lock_timeout_ms, LOCK_WAIT_MS), LOCK_CLASS, schema_hash(p->schema));
    g_autoptr(PgResult) result = PQexec(p->conn, sql);
    p->locked = PQresultStatus(result) == PGRES_TUPLES_OK;
    if (!p->locked)
        return postgres_failed_with(result, "55P03")
                   ? set_held_error(p, error)
                   : postgres_fail(p, result, "locking out other writers", error);
    g_autofree char *reset =
        g_strdup_printf("SET lock_timeout = %" G_GINT64_FORMAT, p->lock_timeout_ms);
    return postgres_execute(p, reset, "locking out other writers", error);
}

void postgres_unlock(struct postgres *p)
{
    if (!p->locked)
        return;
    g_autofree char *sql =
        g_strdup_printf("SELECT pg_advisory_unlock(%d, %d)", LOCK_CLASS, schema_hash(p->schema));
    PQclear(PQexec(p->conn, sql));
    p->locked = false;
}

/* ── The epoch ── */

static bool take_epoch(struct postgres *p, const char *connection, GError **error)
{
    g_autoptr(GString) sql = g_string_new(NULL);
    epoch_take_statement(sql, &dialect_postgres, p->epoch_name);
    g_autoptr(GDateTime) now = g_date_time_new_now_utc(); /* only ever shown to people */
    g_autofree char *since = g_date_time_format(now, "%Y-%m-%d %H:%M:%S UTC");
    g_autofree char *holder =
        g_strdup_printf("process %d on %s, connection %s, since %s", (int)getpid(),
                        g_get_host_name(), connection ? connection : "without a name", since);
    const char *values[] = {EPOCH_NAME, holder};
    g_autoptr(PgResult) result = postgres_query(p, sql->str, 2, values, "taking the epoch", error);
    if (!result)
        return false;
    p->epoch = g_ascii_strtoll(PQgetvalue(result, 0, 0), NULL, 10);
    return true;
}

bool postgres_is_fenced(struct postgres *p)
{
    g_autofree char *sql = g_strdup_printf("SELECT 1 FROM %s WHERE name = '" EPOCH_NAME
                                           "' AND epoch = %" G_GINT64_FORMAT,
                                           p->epoch_name, p->epoch);
    g_autoptr(PgResult) result = postgres_query(p, sql, 0, NULL, "looking at the epoch", NULL);
    return result && PQntuples(result) == 0;
}

bool postgres_set_fenced_error(struct postgres *p, GError **error)
{
    g_autofree char *holder = read_holder(p, error);
    if (holder)
        error_setf(error, PENSTOCK_ERROR_FENCED,
                   "%s: another penstock (%s) took over schema %s: nothing of this transaction was "
                   "kept; see that only one of them is started, then run again",
                   p->label, holder, p->schema);
    return false;
}

/* Touching no row divides by zero, and the COMMIT behind it is skipped. */
char *postgres_epoch_statement(const struct postgres *p)
{
    return g_strdup_printf("WITH held AS (UPDATE %s SET epoch = epoch WHERE name = '" EPOCH_NAME
                           "' AND epoch = %" G_GINT64_FORMAT
                           " RETURNING 1) SELECT 1 / count(*) FROM held",
                           p->epoch_name, p->epoch);
}

/* ── Opening ── */

/* Pages are rows of a temporary type, which takes the same right. */
static bool try_temporary(struct postgres *p, GError **error)
{
    return postgres_execute(p, "CREATE TEMP TABLE _penstock_probe (id bigint)",
                            "creating a temporary table", error);
}

static bool probe_inside(struct postgres *p, GError **error)
{
    return ensure_schema(p, error) && create_epoch_table(p, error) && try_temporary(p, error);
}

static bool probe_writer(struct postgres *p, GError **error)
{
    bool ok = postgres_execute(p, "BEGIN READ WRITE", "opening", error) && probe_inside(p, error);
    postgres_rollback_write(p);
    return ok;
}

bool postgres_become_writer(struct postgres *p, const char *connection, bool probe, GError **error)
{
    if (probe)
        return probe_writer(p, error);
    if (!take_lock(p, error) || !postgres_execute(p, "BEGIN READ WRITE", "opening", error))
        return false;
    return ensure_schema(p, error) && create_epoch_table(p, error) &&
           take_epoch(p, connection, error) && postgres_execute(p, "COMMIT", "opening", error);
}
