/* From a URL to a session that is set up the same whatever the server's defaults are. */
#include <string.h>

#include "destinations/postgres_private.h"

#define CONNECT_TIMEOUT_S "10"
#define MAX_OPTIONS       64

/* ── The URL ── */

/* libpq knows its prefixes in lower case only. What has no slashes is a text of key=value. */
static char *conninfo_of(const char *url)
{
    const char *rest = strchr(url, ':') + 1;
    return g_str_has_prefix(rest, "//") ? g_strconcat("postgresql:", rest, NULL) : g_strdup(rest);
}

/* libpq's own words may repeat a part of the password. */
static PQconninfoOption *parse_url(const char *url, GError **error)
{
    g_autofree char *conninfo = conninfo_of(url);
    char *said = NULL;
    PQconninfoOption *options = PQconninfoParse(conninfo, &said);
    if (!options) {
        bool harmless = !strchr(conninfo, '@') || (said && strstr(said, "query parameter"));
        bool tell = said && harmless && !strstr(conninfo, "password");
        g_autofree char *text = tell ? g_strchomp(g_strdup(said)) : NULL;
        postgres_config_error(
            error, g_strdup_printf("the destination is not a URL that PostgreSQL's library "
                                   "understands%s%s%s: write postgres://USER@HOST:PORT/DATABASE; "
                                   "in a password write @ as %%40, : as %%3A, / as %%2F, %% as "
                                   "%%25, or leave it to PGPASSWORD or ~/.pgpass",
                                   text ? " (" : "", text ? text : "", text ? ")" : ""));
    }
    PQfreemem(said);
    return options;
}

static const char *option_value(const PQconninfoOption *options, const char *keyword)
{
    for (; options->keyword; options++) {
        if (strcmp(options->keyword, keyword) == 0)
            return options->val && *options->val ? options->val : NULL;
    }
    return NULL;
}

static char *make_label(const char *host, const char *port, const char *database)
{
    const char *name = database ? database : "";
    if (!host || *host == '/')
        return g_strdup_printf("postgres:///%s%s%s", name, host ? "?host=" : "", host ? host : "");
    return g_strdup_printf("postgres://%s%s%s/%s", host, port ? ":" : "", port ? port : "", name);
}

/* ── Connecting ── */

struct parameters {
    const char *keywords[MAX_OPTIONS + 1], *values[MAX_OPTIONS + 1];
    unsigned count;
};

static void add_parameter(struct parameters *to, const char *keyword, const char *value)
{
    if (to->count == MAX_OPTIONS)
        return;
    to->keywords[to->count] = keyword;
    to->values[to->count++] = value;
}

/* What a person set wins: in the URL, in the environment, in a service file (whose content libpq
 * does not show, so with one nothing is added). Dead peers are noticed after a minute. */
static void add_defaults(struct parameters *to, const PQconninfoOption *options)
{
    static const struct {
        const char *keyword, *value, *variable;
    } defaults[] = {
        {"connect_timeout", CONNECT_TIMEOUT_S, "PGCONNECT_TIMEOUT"},
        {"keepalives_idle", "30", NULL},
        {"keepalives_interval", "10", NULL},
        {"keepalives_count", "3", NULL},
        {"tcp_user_timeout", "60000", NULL},
    };
    if (option_value(options, "service") || g_getenv("PGSERVICE"))
        return;
    for (unsigned i = 0; i < G_N_ELEMENTS(defaults); i++) {
        bool set = option_value(options, defaults[i].keyword) ||
                   (defaults[i].variable && g_getenv(defaults[i].variable));
        if (!set)
            add_parameter(to, defaults[i].keyword, defaults[i].value);
    }
}

static void ignore_notice(void *opaque, const PGresult *result)
{
    (void)opaque;
    (void)result;
}

static PGconn *connect_with(const PQconninfoOption *options)
{
    struct parameters parameters = {0};
    for (const PQconninfoOption *o = options; o->keyword; o++) {
        if (o->val && strcmp(o->keyword, "client_encoding") != 0)
            add_parameter(&parameters, o->keyword, o->val);
    }
    add_parameter(&parameters, "fallback_application_name", "penstock");
    add_parameter(&parameters, "client_encoding", "UTF8");
    add_defaults(&parameters, options);
    PGconn *conn = PQconnectdbParams(parameters.keywords, parameters.values, 0);
    PQsetNoticeReceiver(conn, ignore_notice, NULL);
    return conn;
}

static bool open_connection(struct postgres *p, const char *url, GError **error)
{
    PQconninfoOption *options = parse_url(url, error);
    if (!options)
        return false;
    p->conn = connect_with(options);
    bool ok = PQstatus(p->conn) == CONNECTION_OK;
    p->label = ok ? make_label(PQhost(p->conn), PQport(p->conn), PQdb(p->conn))
                  : make_label(option_value(options, "host"), option_value(options, "port"),
                               option_value(options, "dbname"));
    PQconninfoFree(options);
    return ok || postgres_fail_connect(p->label, p->conn, error);
}

/* ── The session ── */

#define LIFT_TRIES 100

/* A limit that an administrator set holds for the statement that lifts it, too, and a busy server
 * may need some milliseconds even for that. */
static bool lift_statement_timeout(struct postgres *p, GError **error)
{
    for (unsigned tries = 1;; tries++) {
        g_autoptr(PgResult) result = PQexec(p->conn, "SET statement_timeout = 0");
        if (PQresultStatus(result) == PGRES_COMMAND_OK)
            return true;
        if (!postgres_failed_with(result, "57014") || tries == LIFT_TRIES)
            return postgres_fail(p, result, "setting up the session", error);
    }
}

/* What else an administrator may have put a limit on; an older server knows no such setting. */
static const char *newer_settings(const struct postgres *p)
{
    int version = PQserverVersion(p->conn);
    if (version >= 170000)
        return "SET idle_session_timeout = 0; SET transaction_timeout = 0;";
    return version >= 140000 ? "SET idle_session_timeout = 0;" : "";
}

/* synchronous_commit off: rows and the state that speaks of them are in one transaction, so a crash
 * of the server loses whole recent ones, which the next run reads again; close makes the last
 * durable. JIT would compile each wide statement for longer than it runs. row_security: better an
 * error than rows that are silently out of sight. */
static bool set_session(struct postgres *p, GError **error)
{
    static const char settings[] =
        "SET search_path = pg_catalog; SET TimeZone = 'UTC'; SET DateStyle = 'ISO, YMD';"
        "SET standard_conforming_strings = on; SET client_min_messages = warning;"
        "SET idle_in_transaction_session_timeout = '5min';"
        "SET default_transaction_isolation = 'read committed';"
        "SET default_transaction_deferrable = off; SET row_security = off; SET jit = off;"
        "SET array_nulls = on; SET exit_on_error = off; SET tcp_keepalives_idle = 30;"
        "SET tcp_keepalives_interval = 10; SET tcp_keepalives_count = 3;"
        "SET tcp_user_timeout = 60000;";
    g_autofree char *sql = g_strdup_printf("%s%sSET lock_timeout = %" G_GINT64_FORMAT "; %s",
                                           settings, newer_settings(p), p->lock_timeout_ms,
                                           p->read_only ? "SET default_transaction_read_only = on"
                                                        : "SET synchronous_commit = off");
    return postgres_execute(p, sql, "setting up the session", error);
}

static bool check_version(const struct postgres *p, GError **error)
{
    int version = PQserverVersion(p->conn);
    if (version >= POSTGRES_MIN_VERSION)
        return true;
    return postgres_config_error(
        error, g_strdup_printf("%s is PostgreSQL %s, and Penstock needs %d or later: upgrade the "
                               "server, or choose another one",
                               p->label, PQparameterStatus(p->conn, "server_version"),
                               POSTGRES_MIN_VERSION / 10000));
}

static bool check_encoding(const struct postgres *p, GError **error)
{
    const char *encoding = PQparameterStatus(p->conn, "server_encoding");
    if (g_strcmp0(encoding, "UTF8") == 0)
        return true;
    return postgres_config_error(
        error, g_strdup_printf("%s: the database is encoded in %s, which cannot hold every text: "
                               "create one with CREATE DATABASE … ENCODING 'UTF8' TEMPLATE "
                               "template0",
                               p->label, encoding ? encoding : "something else"));
}

/* default_transaction_read_only is respected, not overridden: an administrator or a service whose
 * disk is nearly full has set it. */
static bool check_writable(struct postgres *p, GError **error)
{
    g_autoptr(PgResult) result = postgres_query(
        p, "SELECT pg_is_in_recovery(), current_setting('default_transaction_read_only')", 0, NULL,
        "looking at the server", error);
    if (!result)
        return false;
    bool standby = PQgetvalue(result, 0, 0)[0] == 't';
    if (!standby && strcmp(PQgetvalue(result, 0, 1), "off") == 0)
        return true;
    error_setf(error, PENSTOCK_ERROR_STORAGE, "%s is read-only: %s", p->label,
               standby ? "it is a standby; connect to its primary server"
                       : "default_transaction_read_only is on; where that is not on purpose, lift "
                         "it with ALTER DATABASE or ALTER ROLE … SET "
                         "default_transaction_read_only = off");
    return false;
}

bool postgres_connect(struct postgres *p, const char *url, bool writes, GError **error)
{
    return open_connection(p, url, error) && check_version(p, error) && check_encoding(p, error) &&
           lift_statement_timeout(p, error) && (!writes || check_writable(p, error)) &&
           set_session(p, error);
}
