/* Errors: what the server or libmariadb says, and what a person does about it. Numbers: "MariaDB
 * Error Codes" and "Server Error Message Reference" of MySQL 8.0, November 2026. */
#include <errmsg.h>
#include <mysqld_error.h>
#include <string.h>

#include "destinations/mysql_private.h"

/* How MariaDB tells of InnoDB's limit: inside ER_CANT_CREATE_TABLE. */
#define TOO_MANY_COLUMNS "errno: 185 "

/* Of MySQL 8 only. */
#define MYSQL_READ_ONLY_MODE      1836
#define MYSQL_CHECK_VIOLATED      3819
#define MYSQL_IDLE_SESSION        4031
#define MARIADB_CONSTRAINT_FAILED 4025

static const char run_again[] = "run again; nothing is left half-written";
static const char grant[] = "ask an administrator for these rights: GRANT ALL PRIVILEGES ON the "
                            "database TO this user";
static const char constraint[] = "a constraint, unique index or trigger refuses a row";
static const char unconstrain[] = "remove what was added to the table, or reset it";
static const char foreign_key[] = "a foreign key of a table that Penstock did not make stands in "
                                  "the way";
static const char drop_foreign_key[] = "drop that foreign key, then run again";
static const char too_wide[] = "the table has more columns than the server can hold";
static const char narrower[] = "set custom_fields: json for this connection, or choose fewer "
                               "tables, then run again";

static const struct {
    int number;
    enum penstock_error error;
    const char *problem;
    const char *next;
} failures[] = {
    {ER_ACCESS_DENIED_ERROR, PENSTOCK_ERROR_CONFIG, "the server refuses this user or password",
     "check user and password in the URL, MYSQL_PWD or ~/.my.cnf"},
    {ER_ACCESS_DENIED_NO_PASSWORD_ERROR, PENSTOCK_ERROR_CONFIG, "the server refuses this user",
     "check user and password in the URL, MYSQL_PWD or ~/.my.cnf"},
    {ER_HOST_NOT_PRIVILEGED, PENSTOCK_ERROR_CONFIG, "the server takes nobody from this machine",
     "ask an administrator to allow this host for the user"},
    {ER_HOST_IS_BLOCKED, PENSTOCK_ERROR_STORAGE, "the server blocks this machine",
     "ask an administrator to run FLUSH HOSTS"},
    {ER_MUST_CHANGE_PASSWORD_LOGIN, PENSTOCK_ERROR_CONFIG, "the password has expired",
     "set a new one with a client, then run again"},
    {ER_BAD_DB_ERROR, PENSTOCK_ERROR_STORAGE, "there is no such database", "run again"},
    {ER_DBACCESS_DENIED_ERROR, PENSTOCK_ERROR_STORAGE, "the user has no right to it", grant},
    {ER_TABLEACCESS_DENIED_ERROR, PENSTOCK_ERROR_STORAGE, "the user lacks a right", grant},
    {ER_COLUMNACCESS_DENIED_ERROR, PENSTOCK_ERROR_STORAGE, "the user lacks a right", grant},
    {ER_SPECIFIC_ACCESS_DENIED_ERROR, PENSTOCK_ERROR_STORAGE, "the user lacks a right", grant},
    {ER_OPTION_PREVENTS_STATEMENT, PENSTOCK_ERROR_STORAGE, "the server is read-only",
     "give the URL of the primary server, or end its read-only mode"},
    {MYSQL_READ_ONLY_MODE, PENSTOCK_ERROR_STORAGE, "the server is read-only",
     "give the URL of the primary server, or end its read-only mode"},
    {ER_CANT_EXECUTE_IN_READ_ONLY_TRANSACTION, PENSTOCK_ERROR_STORAGE, "the server is read-only",
     "give the URL of the primary server, or end its read-only mode"},
    {ER_RECORD_FILE_FULL, PENSTOCK_ERROR_STORAGE, "the table or the disk is full",
     "free some space on the server, then run again; nothing is left half-written"},
    {ER_DISK_FULL, PENSTOCK_ERROR_STORAGE, "the server's disk is full",
     "free some space on the server, then run again; nothing is left half-written"},
    {ER_CANT_CREATE_TABLE, PENSTOCK_ERROR_STORAGE, "the server's disk may be full",
     "free some space on the server, or see what it says, then run again"},
    {ER_ERROR_ON_WRITE, PENSTOCK_ERROR_STORAGE, "the server cannot write to its disk",
     "check the server's disk, then run again; nothing is left half-written"},
    {ER_LOCK_DEADLOCK, PENSTOCK_ERROR_STORAGE, "another session holds what this one needs",
     run_again},
    {ER_NET_PACKET_TOO_LARGE, PENSTOCK_ERROR_STORAGE, "a row is larger than the server takes",
     "raise max_allowed_packet on the server (SET GLOBAL max_allowed_packet = 1073741824), then "
     "run again"},
    {CR_NET_PACKET_TOO_LARGE, PENSTOCK_ERROR_STORAGE, "a row is larger than the server takes",
     "raise max_allowed_packet on the server (SET GLOBAL max_allowed_packet = 1073741824), then "
     "run again"},
    {ER_CON_COUNT_ERROR, PENSTOCK_ERROR_STORAGE, "the server has no connection left",
     "close some, or raise max_connections, then run again"},
    {ER_TOO_MANY_USER_CONNECTIONS, PENSTOCK_ERROR_STORAGE, "the user has no connection left",
     "close some, or raise its limit, then run again"},
    {ER_USER_LIMIT_REACHED, PENSTOCK_ERROR_STORAGE, "the user has reached a limit",
     "raise its limit, or wait an hour, then run again"},
    {ER_MAX_PREPARED_STMT_COUNT_REACHED, PENSTOCK_ERROR_STORAGE,
     "the server has no prepared statement left",
     "close other clients, or raise max_prepared_stmt_count, then run again"},
    {ER_DUP_ENTRY, PENSTOCK_ERROR_STORAGE, constraint, unconstrain},
    {ER_BAD_NULL_ERROR, PENSTOCK_ERROR_STORAGE, constraint, unconstrain},
    {ER_NO_DEFAULT_FOR_FIELD, PENSTOCK_ERROR_STORAGE, constraint, unconstrain},
    {ER_NO_REFERENCED_ROW_2, PENSTOCK_ERROR_STORAGE, constraint, unconstrain},
    {ER_ROW_IS_REFERENCED_2, PENSTOCK_ERROR_CONFIG, foreign_key, drop_foreign_key},
    {ER_SIGNAL_EXCEPTION, PENSTOCK_ERROR_STORAGE, constraint, unconstrain},
    {MYSQL_CHECK_VIOLATED, PENSTOCK_ERROR_STORAGE, constraint, unconstrain},
    {MARIADB_CONSTRAINT_FAILED, PENSTOCK_ERROR_STORAGE, constraint, unconstrain},
    {ER_TOO_BIG_ROWSIZE, PENSTOCK_ERROR_STORAGE, "a row has more than fits into a page", narrower},
    {ER_TOO_MANY_FIELDS, PENSTOCK_ERROR_CONFIG, too_wide, narrower},
    {ER_BLOB_KEY_WITHOUT_LENGTH, PENSTOCK_ERROR_CONFIG,
     "a column must become text, but an index that Penstock did not make needs it as it is",
     "drop that index, then run again"},
    {ER_FK_COLUMN_CANNOT_CHANGE, PENSTOCK_ERROR_CONFIG, foreign_key, drop_foreign_key},
    {ER_FK_COLUMN_CANNOT_CHANGE_CHILD, PENSTOCK_ERROR_CONFIG, foreign_key, drop_foreign_key},
    {ER_ROW_IS_REFERENCED, PENSTOCK_ERROR_CONFIG, foreign_key, drop_foreign_key},
    {ER_NO_SUCH_TABLE, PENSTOCK_ERROR_STORAGE, "tables were changed while they were in use",
     "run again; what is missing is then created anew"},
    {ER_BAD_FIELD_ERROR, PENSTOCK_ERROR_STORAGE, "tables were changed while they were in use",
     "run again; what is missing is then created anew"},
    {ER_TABLE_DEF_CHANGED, PENSTOCK_ERROR_STORAGE, "tables were changed while they were in use",
     "run again"},
    {ER_CRASHED_ON_USAGE, PENSTOCK_ERROR_STORAGE, "the table is damaged",
     "restore it from a backup, or reset it"},
    {ER_NOT_KEYFILE, PENSTOCK_ERROR_STORAGE, "the table is damaged",
     "restore it from a backup, or reset it"},
    {ER_QUERY_INTERRUPTED, PENSTOCK_ERROR_STORAGE, "somebody stopped the statement", run_again},
    {ER_DATA_TOO_LONG, PENSTOCK_ERROR_STORAGE, "a value does not fit its column",
     "rename the column if somebody changed it, or report this"},
    {CR_CONN_HOST_ERROR, PENSTOCK_ERROR_STORAGE, "no server answers there",
     "check host and port, and that the server runs"},
    {CR_CONNECTION_ERROR, PENSTOCK_ERROR_STORAGE, "no server answers there",
     "check host, port or socket, and that the server runs"},
    {CR_UNKNOWN_HOST, PENSTOCK_ERROR_STORAGE, "no machine has that name",
     "check the host in the URL"},
    {CR_SSL_CONNECTION_ERROR, PENSTOCK_ERROR_CONFIG, "no encrypted connection comes about",
     "check ssl-mode and ssl-ca in the URL"},
    {CR_AUTH_PLUGIN_CANNOT_LOAD, PENSTOCK_ERROR_CONFIG, "the way to log in is not known here",
     "install libmariadb's plugin for it, or let the user log in by a password"},
};

static const int losses[] = {
    CR_SERVER_GONE_ERROR,        CR_SERVER_LOST,
    CR_SERVER_LOST_EXTENDED,     ER_SERVER_SHUTDOWN,
    ER_CONNECTION_KILLED,        MYSQL_IDLE_SESSION,
    ER_NET_READ_INTERRUPTED,     ER_NET_READ_ERROR,
    ER_NET_ERROR_ON_WRITE,       ER_NET_WRITE_INTERRUPTED,
    ER_NET_PACKETS_OUT_OF_ORDER,
};

bool mysqldb_error(enum penstock_error code, int origin, char *message, GError **error)
{
    g_set_error_literal(error, PENSTOCK_ERROR, (int)code, message);
    struct error_detail detail = {.origin_code = origin};
    if (error)
        error_set_detail(*error, &detail);
    g_free(message);
    return false;
}

static bool is_loss(unsigned number)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(losses); i++) {
        if ((unsigned)losses[i] == number)
            return true;
    }
    return false;
}

static char *locked_message(const struct mysqldb *s, const char *what)
{
    return g_strdup_printf("%s: %s: locked by another process (waited %u s): close it or wait, "
                           "then run again",
                           s->place, what, s->lock_wait_s);
}

static bool fail(struct mysqldb *s, unsigned number, const char *said, const char *what,
                 GError **error)
{
    if (number == ER_LOCK_WAIT_TIMEOUT)
        return mysqldb_error(PENSTOCK_ERROR_STORAGE, (int)number, locked_message(s, what), error);
    if (is_loss(number) && strcmp(what, "connecting") == 0)
        return mysqldb_error(PENSTOCK_ERROR_STORAGE, (int)number,
                             g_strdup_printf("%s: connecting: no MariaDB or MySQL server answers "
                                             "there (%s): check host and port in the URL, and that "
                                             "the server runs",
                                             s->place, said),
                             error);
    if (is_loss(number)) {
        s->lost = true;
        return mysqldb_error(PENSTOCK_ERROR_STORAGE, (int)number,
                             g_strdup_printf("%s: %s: the connection was lost (%s): %s", s->place,
                                             what, said, run_again),
                             error);
    }
    if (number == ER_CANT_CREATE_TABLE && strstr(said, TOO_MANY_COLUMNS))
        number = ER_TOO_MANY_FIELDS;
    for (unsigned i = 0; i < G_N_ELEMENTS(failures); i++) {
        if ((unsigned)failures[i].number == number)
            return mysqldb_error(failures[i].error, (int)number,
                                 g_strdup_printf("%s: %s: %s (%s): %s", s->place, what,
                                                 failures[i].problem, said, failures[i].next),
                                 error);
    }
    return mysqldb_error(PENSTOCK_ERROR_STORAGE, (int)number,
                         g_strdup_printf("%s: %s: %s (error %u): run again, and report this if it "
                                         "stays",
                                         s->place, what, said, number),
                         error);
}

bool mysqldb_fail(struct mysqldb *s, const char *what, GError **error)
{
    return fail(s, mysql_errno(s->session), mysql_error(s->session), what, error);
}

bool mysqldb_fail_statement(struct mysqldb *s, MYSQL_STMT *statement, const char *what,
                            GError **error)
{
    return fail(s, mysql_stmt_errno(statement), mysql_stmt_error(statement), what, error);
}
