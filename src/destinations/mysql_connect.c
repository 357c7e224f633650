/* A session that depends on nothing that the server's or the machine's defaults say: character set,
 * time zone, strictness, time limits and isolation are set here, whatever my.cnf has. */
#include <errmsg.h>
#include <mysqld_error.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>

#include "destinations/mysql_private.h"
#include "sql/dialect.h"

#define DEFAULT_DATABASE "pipedrive"

#define LOCK_TIMEOUT_MS INT64_C(10000)
/* Seconds. A dead peer is noticed by TCP in a minute (keep_alive()); the long limit is for a server
 * that is alive and silent, since ALTER TABLE of a large table may take a while; one that takes
 * longer goes on without us, and later runs find the table locked, then changed. */
#define CONNECT_TIMEOUT_S 10
#define SILENCE_TIMEOUT_S 900
#define KEEPALIVE_IDLE_S  30
#define KEEPALIVE_EVERY_S 10
#define KEEPALIVE_TRIES   3

#define OLDEST_MARIADB 100500
#define OLDEST_MYSQL   80017 /* its first with a collation that compares exactly, without padding */

#define DATABASE_CHARACTERS 64

/* What a URL says. */
struct address {
    char *host, *user, *password, *socket; /* NULL: an option file may say it */
    unsigned port;                         /* 0: likewise */
    char *database;
    char *ca, *certificate, *key;
    bool encrypt, plain, verify, no_arrays;
};

static void address_done(struct address *a)
{
    char *texts[] = {a->host,     a->user, a->password,    a->socket,
                     a->database, a->ca,   a->certificate, a->key};
    for (unsigned i = 0; i < G_N_ELEMENTS(texts); i++)
        g_free(texts[i]);
}

/* ── The URL ── */

static bool take_ssl_mode(struct address *a, const char *value)
{
    bool ca = g_ascii_strcasecmp(value, "verify_ca") == 0;
    bool identity = g_ascii_strcasecmp(value, "verify_identity") == 0;
    a->plain = g_ascii_strcasecmp(value, "disabled") == 0;
    a->verify = ca || identity; /* libmariadb checks both or neither */
    a->encrypt = a->verify || g_ascii_strcasecmp(value, "required") == 0;
    return a->encrypt || a->plain || g_ascii_strcasecmp(value, "preferred") == 0;
}

static bool take_bulk(struct address *a, const char *value)
{
    a->no_arrays = strcmp(value, "no") == 0;
    return a->no_arrays || strcmp(value, "yes") == 0;
}

static bool take_parameter(struct address *a, const char *name, const char *value, GError **error)
{
    const struct {
        const char *name;
        char **text;
    } texts[] = {{"socket", &a->socket},
                 {"ssl-ca", &a->ca},
                 {"ssl-cert", &a->certificate},
                 {"ssl-key", &a->key}};
    for (unsigned i = 0; i < G_N_ELEMENTS(texts); i++) {
        if (strcmp(name, texts[i].name) == 0) {
            g_free(*texts[i].text);
            *texts[i].text = g_strdup(value);
            return true;
        }
    }
    if ((strcmp(name, "ssl-mode") == 0 && take_ssl_mode(a, value)) ||
        (strcmp(name, "bulk") == 0 && take_bulk(a, value)))
        return true;
    return mysqldb_error(
        PENSTOCK_ERROR_CONFIG, 0,
        g_strdup_printf("the destination's URL has a parameter that is not understood (%s): "
                        "known are socket=PATH, ssl-mode=disabled|preferred|required|verify_ca|"
                        "verify_identity, ssl-ca=FILE, ssl-cert=FILE, ssl-key=FILE, bulk=yes|no",
                        name),
        error);
}

static bool set_url_error(GError **error)
{
    return mysqldb_error(
        PENSTOCK_ERROR_CONFIG, 0,
        g_strdup("the destination's URL cannot be read: write "
                 "mysql://USER:PASSWORD@HOST:PORT/DATABASE, with %40 for @, %3A for :, %2F for /, "
                 "%3F for ?, %23 for # and %25 for % in a password"),
        error);
}

static bool take_parameters(struct address *a, const char *query, GError **error)
{
    g_autoptr(GError) inner = NULL;
    GUriParamsIter iter;
    char *name, *value;
    bool ok = true;
    if (!query)
        return true;
    g_uri_params_iter_init(&iter, query, -1, "&", G_URI_PARAMS_NONE);
    while (ok && g_uri_params_iter_next(&iter, &name, &value, &inner)) {
        ok = take_parameter(a, name, value, error);
        g_free(name);
        g_free(value);
    }
    return inner ? set_url_error(error) : ok;
}

static char *text_or_null(const char *text)
{
    return text && *text ? g_strdup(text) : NULL;
}

/* A character of the password that stands for itself moves its rest into another part of the URL,
 * from where it could get into a message. */
static bool is_clean(GUri *uri)
{
    const char *host = g_uri_get_host(uri), *path = g_uri_get_path(uri);
    const char *query = g_uri_get_query(uri);
    return host && !strchr(host, '@') && !strchr(path, '@') && !g_uri_get_fragment(uri) &&
           (!query || !strchr(query, '@')) && (!*path || !strchr(path + 1, '/'));
}

static void take_uri(struct address *a, GUri *uri)
{
    const char *path = g_uri_get_path(uri);
    a->host = text_or_null(g_uri_get_host(uri));
    a->user = text_or_null(g_uri_get_user(uri));
    a->password = g_strdup(g_uri_get_password(uri));
    a->port = g_uri_get_port(uri) > 0 ? (unsigned)g_uri_get_port(uri) : 0;
    a->database = *path ? text_or_null(path + 1) : NULL;
}

/* GLib's own messages quote what they could not read, which may be the password. */
static bool parse_url(const char *url, struct address *a, GError **error)
{
    g_autoptr(GUri) uri = g_uri_parse(url, G_URI_FLAGS_HAS_PASSWORD, NULL);
    if (!uri || !is_clean(uri))
        return set_url_error(error);
    take_uri(a, uri);
    return take_parameters(a, g_uri_get_query(uri), error);
}

static bool name_database(struct mysqldb *s, const struct address *a, const char *schema,
                          GError **error)
{
    static const char *const reserved[] = {"mysql", "information_schema", "performance_schema",
                                           "sys"};
    const char *name = schema && *schema ? schema : a->database ? a->database : DEFAULT_DATABASE;
    g_autofree char *plain = dialect_identifier(&dialect_mysql, name);
    bool ok = g_utf8_validate(name, -1, NULL) && strcmp(plain, name) == 0 &&
              g_utf8_strlen(name, -1) <= DATABASE_CHARACTERS;
    for (unsigned i = 0; i < G_N_ELEMENTS(reserved); i++)
        ok &= g_ascii_strcasecmp(name, reserved[i]) != 0;
    if (!ok)
        return mysqldb_error(PENSTOCK_ERROR_CONFIG, 0,
                             g_strdup_printf("\"%s\" cannot be the name of a database of Penstock: "
                                             "choose another schema, of at most 64 letters, "
                                             "digits, _ and -",
                                             name),
                             error);
    s->database = g_strdup(name);
    g_autofree char *port = a->port ? g_strdup_printf(":%u", a->port) : g_strdup("");
    s->place = a->socket ? g_strdup_printf("database %s on socket %s", name, a->socket)
                         : g_strdup_printf("database %s on %s%s", name,
                                           a->host ? a->host : "localhost", port);
    return true;
}

/* ── Connecting ── */

static void init_library(void)
{
    static gsize once;
    if (g_once_init_enter(&once)) {
        mysql_library_init(0, NULL, NULL); /* not safe when two threads do it */
        g_once_init_leave(&once, 1);
    }
}

static void set_options(MYSQL *session, const struct address *a)
{
    unsigned connect_s = CONNECT_TIMEOUT_S, silence_s = SILENCE_TIMEOUT_S, off = 0;
    my_bool yes = 1;
    mysql_optionsv(session, MYSQL_READ_DEFAULT_GROUP, "penstock"); /* and [client] */
    mysql_optionsv(session, MYSQL_SET_CHARSET_NAME, "utf8mb4");
    mysql_optionsv(session, MYSQL_OPT_CONNECT_TIMEOUT, &connect_s);
    mysql_optionsv(session, MYSQL_OPT_READ_TIMEOUT, &silence_s);
    mysql_optionsv(session, MYSQL_OPT_WRITE_TIMEOUT, &silence_s);
    mysql_optionsv(session, MYSQL_OPT_LOCAL_INFILE, &off); /* no server may ask for our files */
    mysql_optionsv(session, MYSQL_OPT_CONNECT_ATTR_ADD, "program_name", "penstock");
    if (a->port && !a->socket) { /* else "localhost" would mean a socket, and the port nothing */
        unsigned tcp = MYSQL_PROTOCOL_TCP;
        mysql_optionsv(session, MYSQL_OPT_PROTOCOL, &tcp);
    }
    if (a->ca || a->certificate || a->key)
        mysql_ssl_set(session, a->key, a->certificate, a->ca, NULL, NULL);
    if (a->encrypt || (a->ca && !a->plain))
        mysql_optionsv(session, MYSQL_OPT_SSL_ENFORCE, &yes);
    if (a->verify)
        mysql_optionsv(session, MYSQL_OPT_SSL_VERIFY_SERVER_CERT, &yes);
}

/* A peer that vanished without a word is noticed, also while we wait for its answer. */
static void keep_alive(MYSQL *session)
{
    int fd = (int)mysql_get_socket(session), on = 1, idle = KEEPALIVE_IDLE_S;
    int every = KEEPALIVE_EVERY_S, tries = KEEPALIVE_TRIES;
    unsigned unanswered_ms = 1000u * (KEEPALIVE_IDLE_S + KEEPALIVE_EVERY_S * KEEPALIVE_TRIES);
    setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on); /* a socket file has none of these */
    setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle, sizeof idle);
    setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &every, sizeof every);
    setsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &tries, sizeof tries);
    setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &unanswered_ms, sizeof unanswered_ms);
}

static bool connect_session(struct mysqldb *s, const struct address *a, GError **error)
{
    init_library();
    s->session = mysql_init(NULL);
    g_assert(s->session); /* out of memory */
    set_options(s->session, a);
    const char *password = a->password ? a->password : g_getenv("MYSQL_PWD");
    if (!mysql_real_connect(s->session, a->host, a->user, password, NULL, a->port, a->socket, 0))
        return mysqldb_fail(s, "connecting", error);
    if (a->encrypt && !mysql_get_ssl_cipher(s->session))
        return mysqldb_error(PENSTOCK_ERROR_CONFIG, 0,
                             g_strdup_printf("%s: the server offers no encrypted connection, which "
                                             "ssl-mode asks for: enable TLS there",
                                             s->place),
                             error);
    keep_alive(s->session);
    return mysql_set_character_set(s->session, "utf8mb4") == 0 ||
           mysqldb_fail(s, "connecting", error);
}

/* ── What server it is ── */

static bool check_version(struct mysqldb *s, GError **error)
{
    unsigned long version = mysql_get_server_version(s->session);
    s->is_mariadb = mariadb_connection(s->session);
    s->collation = s->is_mariadb ? "utf8mb4_nopad_bin" : "utf8mb4_0900_bin";
    if (version >= (s->is_mariadb ? OLDEST_MARIADB : OLDEST_MYSQL))
        return true;
    return mysqldb_error(PENSTOCK_ERROR_CONFIG, 0,
                         g_strdup_printf("%s: the server is %s %s: Penstock needs MariaDB 10.5 or "
                                         "MySQL 8.0.17, or newer ones",
                                         s->place, s->is_mariadb ? "MariaDB" : "MySQL",
                                         mysql_get_server_info(s->session)),
                         error);
}

/* Arrays of rows travel in one message between libmariadb and MariaDB. */
static void find_arrays(struct mysqldb *s, const struct address *a)
{
    unsigned long capabilities = 0;
    mariadb_get_infov(s->session, MARIADB_CONNECTION_EXTENDED_SERVER_CAPABILITIES, &capabilities);
    s->sends_arrays =
        !a->no_arrays && (capabilities & (MARIADB_CLIENT_STMT_BULK_OPERATIONS >> 32)) != 0;
}

/* sql_mode: what does not fit is an error, never cut. READ COMMITTED: no locks on gaps between
 * rows, which would keep people out; with a binary log of statements the server refuses it. A
 * stopped writer ends with its transaction after a minute, or without one after an hour. */
static bool set_session(struct mysqldb *s, bool statement_log, GError **error)
{
    g_autofree char *settings = g_strdup_printf(
        "SET SESSION time_zone = '+00:00', autocommit = 1, sql_mode = 'STRICT_ALL_TABLES,"
        "NO_ZERO_DATE,NO_ZERO_IN_DATE,ERROR_FOR_DIVISION_BY_ZERO,NO_ENGINE_SUBSTITUTION', "
        "innodb_lock_wait_timeout = %u, lock_wait_timeout = %u, wait_timeout = 3600, "
        "net_read_timeout = 120, net_write_timeout = 600",
        s->lock_wait_s, s->lock_wait_s);
    g_autofree char *isolation =
        g_strdup_printf("SET SESSION TRANSACTION ISOLATION LEVEL %s",
                        statement_log ? "REPEATABLE READ" : "READ COMMITTED");
    return mysqldb_execute(s, settings, "setting up the session", error) &&
           mysqldb_execute(s, isolation, "setting up the session", error);
}

/* innodb_strict_mode: a table is refused if its widest thinkable row would not fit into a page;
 * which rows fit is ours to see to (fit.h). check_constraint_checks: the only CHECK that Penstock
 * makes is json_valid(), for people and clients; what Pipedrive sent is valid, and the server would
 * refuse what is nested deeper than 32, and rebuild the table to add such a column. */
static bool set_flavour(struct mysqldb *s, GError **error)
{
    if (s->is_mariadb)
        return mysqldb_execute(s,
                               "SET SESSION innodb_strict_mode = OFF, max_statement_time = 0, "
                               "idle_transaction_timeout = 60, check_constraint_checks = OFF",
                               "setting up the session", error);
    /* MySQL reserves the former for administrators; without it only very wide tables suffer. */
    mysqldb_execute(s, "SET SESSION innodb_strict_mode = OFF", "", NULL);
    return mysqldb_execute(s, "SET SESSION max_execution_time = 0", "setting up the session",
                           error);
}

static bool set_up(struct mysqldb *s, GError **error)
{
    g_auto(GStrv) row = NULL;
    if (!mysqldb_row(s, "SELECT @@max_allowed_packet, @@log_bin AND @@binlog_format = 'STATEMENT'",
                     "setting up the session", &row, error))
        return false;
    s->packet_bytes = (size_t)g_ascii_strtoull(row[0], NULL, 10);
    return set_session(s, strcmp(row[1], "1") == 0, error) && set_flavour(s, error);
}

/* ── The database ── */

static bool set_rights_error(struct mysqldb *s, unsigned number, GError **error)
{
    g_auto(GStrv) row = NULL;
    g_autoptr(GString) user = g_string_new(NULL), name = g_string_new(NULL);
    if (mysqldb_row(s, "SELECT CURRENT_USER()", "", &row, NULL) && row && row[0])
        g_string_assign(user, row[0]);
    dialect_quote(&dialect_mysql, name, s->database);
    g_string_replace(user, "@", "'@'", 0);
    return mysqldb_error(
        PENSTOCK_ERROR_STORAGE, (int)number,
        g_strdup_printf("%s: the user lacks rights to it: ask an administrator for CREATE DATABASE "
                        "IF NOT EXISTS %s; GRANT ALL PRIVILEGES ON %s.* TO '%s';",
                        s->place, name->str, name->str, user->str),
        error);
}

static bool is_about_rights(unsigned number)
{
    return number == ER_DBACCESS_DENIED_ERROR || number == ER_TABLEACCESS_DENIED_ERROR ||
           number == ER_ACCESS_DENIED_ERROR || number == ER_SPECIFIC_ACCESS_DENIED_ERROR;
}

static bool fail_at_database(struct mysqldb *s, const char *what, GError **error)
{
    unsigned number = mysql_errno(s->session);
    return is_about_rights(number) ? set_rights_error(s, number, error)
                                   : mysqldb_fail(s, what, error);
}

static bool create_database(struct mysqldb *s, GError **error)
{
    g_autoptr(GString) sql = g_string_new("CREATE DATABASE IF NOT EXISTS ");
    dialect_quote(&dialect_mysql, sql, s->database);
    g_string_append_printf(sql, " CHARACTER SET utf8mb4 COLLATE %s", s->collation);
    if (mysql_real_query(s->session, sql->str, sql->len) != 0 ||
        mysql_select_db(s->session, s->database) != 0)
        return fail_at_database(s, "creating the database", error);
    return true;
}

/* The server may spell it otherwise (lower_case_table_names), and locks go by its spelling. */
static bool spell_database(struct mysqldb *s, GError **error)
{
    g_auto(GStrv) row = NULL;
    if (!mysqldb_row(s, "SELECT DATABASE()", "opening", &row, error))
        return false;
    g_free(s->database);
    s->database = g_strdup(row[0]);
    return true;
}

static bool enter_database(struct mysqldb *s, GError **error)
{
    if (mysql_select_db(s->session, s->database) == 0)
        return spell_database(s, error);
    if (mysql_errno(s->session) != ER_BAD_DB_ERROR)
        return fail_at_database(s, "opening", error);
    if (!s->read_only)
        return create_database(s, error) && spell_database(s, error);
    s->is_missing = true;
    return true;
}

bool mysqldb_connect(struct mysqldb *s, const struct destination_settings *settings, GError **error)
{
    struct address a = {0};
    int64_t wait_ms = settings->lock_timeout_ms > 0 ? settings->lock_timeout_ms : LOCK_TIMEOUT_MS;
    s->lock_wait_s = (unsigned)CLAMP((wait_ms + 999) / 1000, 1, 3600);
    bool ok = parse_url(settings->url, &a, error) &&
              name_database(s, &a, settings->schema, error) && connect_session(s, &a, error) &&
              check_version(s, error);
    if (ok)
        find_arrays(s, &a);
    ok = ok && set_up(s, error) && enter_database(s, error);
    address_done(&a);
    return ok;
}

/* ── Probing ── */

/* The server checks rights when it prepares a statement, and nothing has happened yet. */
static bool may_prepare(struct mysqldb *s, const char *before, const char *after, GError **error)
{
    g_autoptr(GString) sql = g_string_new(before);
    dialect_quote(&dialect_mysql, sql, s->database);
    g_string_append(sql, after);
    MYSQL_STMT *statement = mysql_stmt_init(s->session);
    bool failed = mysql_stmt_prepare(statement, sql->str, sql->len) != 0;
    unsigned number = mysql_stmt_errno(statement);
    mysql_stmt_close(statement);
    return !failed || !is_about_rights(number) || set_rights_error(s, number, error);
}

bool mysqldb_probe(struct mysqldb *s, GError **error)
{
    g_auto(GStrv) row = NULL;
    if (!mysqldb_row(s, "SELECT @@read_only, @@innodb_read_only", "checking", &row, error))
        return false;
    if (strcmp(row[0], "0") != 0 || strcmp(row[1], "0") != 0)
        return mysqldb_error(PENSTOCK_ERROR_STORAGE, 0,
                             g_strdup_printf("%s: the server is read-only: give the URL of the "
                                             "primary server, or end its read-only mode",
                                             s->place),
                             error);
    return may_prepare(s, "CREATE TABLE ", "._penstock_probe (a INT)", error) &&
           may_prepare(s, "INSERT INTO ", "._penstock_epoch (name) VALUES ('')", error) &&
           may_prepare(s, "UPDATE ", "._penstock_epoch SET epoch = epoch", error) &&
           may_prepare(s, "DELETE FROM ", "._penstock_epoch", error);
}
