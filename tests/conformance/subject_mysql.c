/* MariaDB: each case has a database of its own on the server that PENSTOCK_TEST_MARIADB names. */
#include <mysql.h>
#include <stdlib.h>
#include <string.h>

#include "destinations/mysql.h"
#include "fixture.h"

static MYSQL *connect_without_database(const char *url)
{
    g_autoptr(GUri) uri = g_uri_parse(url, G_URI_FLAGS_HAS_PASSWORD, NULL);
    g_assert_nonnull(uri);
    MYSQL *session = mysql_init(NULL);
    unsigned tcp = MYSQL_PROTOCOL_TCP;
    mysql_optionsv(session, MYSQL_OPT_PROTOCOL, &tcp);
    mysql_optionsv(session, MYSQL_SET_CHARSET_NAME, "utf8mb4");
    if (!mysql_real_connect(session, g_uri_get_host(uri), g_uri_get_user(uri),
                            g_uri_get_password(uri), NULL, (unsigned)g_uri_get_port(uri), NULL, 0))
        g_error("connecting: %s", mysql_error(session));
    return session;
}

static char *database_of(const char *url)
{
    g_autoptr(GUri) uri = g_uri_parse(url, G_URI_FLAGS_HAS_PASSWORD, NULL);
    return g_strdup(g_uri_get_path(uri) + 1);
}

static void run(MYSQL *session, const char *sql)
{
    if (mysql_query(session, sql) != 0)
        g_error("%s: %s", sql, mysql_error(session));
}

/* As a person whose statements have double quotes around names, and a server's own defaults. */
static MYSQL *mysql_connect_as_person(const char *url)
{
    MYSQL *session = connect_without_database(url);
    g_autofree char *name = database_of(url);
    if (mysql_select_db(session, name) != 0)
        g_error("%s: %s", name, mysql_error(session));
    run(session, "SET sql_mode = 'ANSI_QUOTES', lock_wait_timeout = 20, "
                 "innodb_lock_wait_timeout = 20");
    return session;
}

static char *mysql_fresh(void)
{
    const char *server = g_getenv("PENSTOCK_TEST_MARIADB");
    g_autofree char *random = g_uuid_string_random();
    random[8] = '\0';
    return server ? g_strdup_printf("%s/penstock_%s", server, random) : NULL;
}

static void mysql_discard(const char *url)
{
    g_autofree char *name = database_of(url);
    const char *names[] = {name, "acme", "other"}; /* schemas that the cases open */
    MYSQL *session = connect_without_database(url);
    for (unsigned i = 0; i < G_N_ELEMENTS(names); i++) {
        g_autofree char *sql = g_strdup_printf("DROP DATABASE IF EXISTS `%s`", names[i]);
        run(session, sql);
    }
    mysql_close(session);
}

static void mysql_run(const char *url, const char *sql)
{
    MYSQL *session = mysql_connect_as_person(url);
    run(session, sql);
    mysql_close(session);
}

static char *mysql_query_one(const char *url, const char *sql)
{
    MYSQL *session = mysql_connect_as_person(url);
    run(session, sql);
    MYSQL_RES *result = mysql_store_result(session);
    MYSQL_ROW row = result ? mysql_fetch_row(result) : NULL;
    char *text = g_strdup(row ? row[0] : NULL);
    mysql_free_result(result);
    mysql_close(session);
    return text;
}

/* The row that every commit needs, and the definition of deals. */
static void *mysql_lock(const char *url)
{
    MYSQL *session = mysql_connect_as_person(url);
    run(session, "START TRANSACTION");
    run(session, "SELECT * FROM _penstock_epoch FOR UPDATE");
    mysql_free_result(mysql_store_result(session));
    run(session, "SELECT 1 FROM deals LIMIT 1");
    mysql_free_result(mysql_store_result(session));
    return session;
}

static void mysql_unlock(void *session)
{
    mysql_close(session);
}

/* Ends every session in the database but our own, as a broken network would. */
static void mysql_cut(const char *url)
{
    MYSQL *session = mysql_connect_as_person(url);
    run(session, "SELECT id FROM information_schema.processlist WHERE db = DATABASE() AND id <> "
                 "CONNECTION_ID()");
    MYSQL_RES *result = mysql_store_result(session);
    MYSQL_ROW row;
    while ((row = mysql_fetch_row(result))) {
        g_autofree char *sql = g_strdup_printf("KILL %s", row[0]);
        mysql_query(session, sql); /* it may be gone by itself */
    }
    mysql_free_result(result);
    mysql_close(session);
}

const struct subject mysql_subject = {
    .ops = &mysql_destination,
    .dialect = &dialect_mysql,
    .lock_waited = "1 s",
    .ends_session = "KILL ",
    .fresh = mysql_fresh,
    .discard = mysql_discard,
    .execute = mysql_run,
    .query = mysql_query_one,
    .lock = mysql_lock,
    .unlock = mysql_unlock,
    .cut = mysql_cut,
};
