/* PostgreSQL as a subject of the cases: a database of its own on the server of tests/servers.py. */
#include <libpq-fe.h>
#include <string.h>

#include "destinations/postgres.h"
#include "fixture.h"

static const char *server_url(void)
{
    const char *url = g_getenv("PENSTOCK_TEST_POSTGRES");
    if (!url)
        g_error("PENSTOCK_TEST_POSTGRES is not set: run this under tests/servers.py postgres --");
    return url;
}

static PGconn *connect_to(const char *url)
{
    /* Cases give their databases a time-out of 1 ms: it would also end what looks into them. */
    static const char *const names[] = {"dbname", "options", NULL};
    const char *const values[] = {url, "-c statement_timeout=0", NULL};
    PGconn *conn = PQconnectdbParams(names, values, true);
    if (PQstatus(conn) != CONNECTION_OK)
        g_error("%s", PQerrorMessage(conn));
    return conn;
}

static void run_on(PGconn *conn, const char *sql)
{
    PGresult *result = PQexec(conn, sql);
    ExecStatusType status = PQresultStatus(result);
    if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK)
        g_error("%s: %s", sql, PQerrorMessage(conn));
    PQclear(result);
}

/* On the server, without a database of the test's. */
static void administer(const char *format, const char *database)
{
    g_autofree char *url = g_strconcat(server_url(), "/postgres", NULL);
    g_autofree char *sql = g_strdup_printf(format, database);
    PGconn *conn = connect_to(url);
    run_on(conn, sql);
    PQfinish(conn);
}

static char *postgres_fresh(void)
{
    g_autofree char *uuid = g_uuid_string_random();
    g_autofree char *name = g_strdup_printf("penstock_%.8s", uuid);
    /* The default, copying through the log, is slow for many small databases. */
    administer("CREATE DATABASE %s STRATEGY file_copy", name);
    return g_strconcat(server_url(), "/", name, NULL);
}

static void postgres_discard(const char *url)
{
    administer("DROP DATABASE %s WITH (FORCE)", strrchr(url, '/') + 1);
}

static PGconn *connect_inside(const char *url)
{
    PGconn *conn = connect_to(url);
    run_on(conn, "SET client_min_messages = warning; SET search_path = pipedrive");
    return conn;
}

static void postgres_run(const char *url, const char *sql)
{
    PGconn *conn = connect_inside(url);
    run_on(conn, sql);
    PQfinish(conn);
}

static char *postgres_query(const char *url, const char *sql)
{
    PGconn *conn = connect_inside(url);
    PGresult *result = PQexec(conn, sql);
    if (PQresultStatus(result) != PGRES_TUPLES_OK)
        g_error("%s: %s", sql, PQerrorMessage(conn));
    bool is_null = PQntuples(result) == 0 || PQgetisnull(result, 0, 0);
    char *text = is_null ? NULL : g_strdup(PQgetvalue(result, 0, 0));
    PQclear(result);
    PQfinish(conn);
    return text;
}

static void *postgres_lock(const char *url)
{
    PGconn *conn = connect_inside(url);
    run_on(conn, "BEGIN; LOCK TABLE deals IN ACCESS EXCLUSIVE MODE");
    return conn;
}

static void postgres_unlock(void *conn)
{
    PQfinish(conn);
}

static void postgres_cut(const char *url)
{
    administer("SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity WHERE datname = '%s'",
               strrchr(url, '/') + 1);
}

const struct subject postgres_subject = {
    .ops = &postgres_destination,
    .dialect = &dialect_postgres,
    .views_hold_types = true,
    .ends_session = "pg_terminate_backend(",
    .fresh = postgres_fresh,
    .discard = postgres_discard,
    .execute = postgres_run,
    .query = postgres_query,
    .lock = postgres_lock,
    .unlock = postgres_unlock,
    .cut = postgres_cut,
};
