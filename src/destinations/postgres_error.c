/* What the server says, and what a person does about it. */
#include <string.h>

#include "destinations/postgres_private.h"

/* Stand for a SQLSTATE where there is none. */
#define LOST          "08"
#define NOT_A_SESSION "pool"
#define WRONG_OPTION  "option"
#define NO_POSTGRES   "no-postgres"
#define NO_TLS        "no-tls"
#define NO_HOST       "no-host"
#define TRIGGER       "trigger"

/* By SQLSTATE or its beginning; the first that fits counts. */
static const struct {
    const char *state;
    enum penstock_error error;
    const char *problem;
    const char *next;
} failures[] = {
    {"28", PENSTOCK_ERROR_CONFIG, "the server refuses this user or password",
     "check both, in the URL, PGPASSWORD or ~/.pgpass, and the server's pg_hba.conf"},
    {"3D000", PENSTOCK_ERROR_CONFIG, "there is no such database",
     "create it with CREATE DATABASE, or correct its name in the URL"},
    {"42501", PENSTOCK_ERROR_STORAGE, "this user lacks a right",
     "give it with GRANT, or make this user the owner of Penstock's tables"},
    {"25006", PENSTOCK_ERROR_STORAGE, "the server is read-only",
     "connect to the primary server, or lift default_transaction_read_only"},
    {"53100", PENSTOCK_ERROR_STORAGE, "the server's disk is full",
     "free some space there, then run again; nothing is left half-written"},
    {"53300", PENSTOCK_ERROR_STORAGE, "the server has no connection left",
     "close some, or raise max_connections, then run again"},
    {"53", PENSTOCK_ERROR_STORAGE, "the server lacks memory or another resource",
     "free some, then run again; nothing is left half-written"},
    {"25P03", PENSTOCK_ERROR_STORAGE, "the connection to the server was lost",
     "run again; nothing is left half-written"},
    {"57014", PENSTOCK_ERROR_STORAGE, "somebody cancelled the statement",
     "run again; nothing is left half-written"},
    {"57P03", PENSTOCK_ERROR_STORAGE, "the server is starting or stopping",
     "wait a moment, then run again"},
    {"57P", PENSTOCK_ERROR_STORAGE, "the connection to the server was lost",
     "see that the server runs, then run again; nothing is left half-written"},
    {"08P01", PENSTOCK_ERROR_STORAGE, "tables were changed while they were in use",
     "run again; what is missing is then created anew"},
    {"08", PENSTOCK_ERROR_STORAGE, "the connection to the server was lost",
     "see that the server runs, then run again; nothing is left half-written"},
    {"40", PENSTOCK_ERROR_STORAGE, "another session is in the way",
     "run again; nothing is left half-written"},
    {"23", PENSTOCK_ERROR_STORAGE, "a constraint or trigger refuses a row",
     "remove what was added to the table, or reset it"},
    {"P0", PENSTOCK_ERROR_STORAGE, "a constraint or trigger refuses a row",
     "remove what was added to the table, or reset it"},
    {TRIGGER, PENSTOCK_ERROR_STORAGE, "a trigger of the table fails",
     "let it name tables with their schema, or remove it, then run again"},
    {"2BP01", PENSTOCK_ERROR_CONFIG, "something depends on it",
     "drop that, run again, then create it again"},
    {"0A000", PENSTOCK_ERROR_CONFIG, "something that was added to the table is in the way",
     "drop that, run again, then create it again"},
    {"54011", PENSTOCK_ERROR_CONFIG, "the table has more columns than the server can hold",
     "set custom_fields: json for this connection, then run again"},
    {"54", PENSTOCK_ERROR_STORAGE, "a row or value is too large for PostgreSQL", "report this"},
    {"42P07", PENSTOCK_ERROR_CONFIG, "something else has that name",
     "rename it, or choose another schema"},
    {"42710", PENSTOCK_ERROR_CONFIG, "something else has that name",
     "rename it, or choose another schema"},
    {"42P05", PENSTOCK_ERROR_STORAGE, "the session is not ours alone",
     "connect to the server itself, or to a pool in session mode, then run again"},
    {"26000", PENSTOCK_ERROR_STORAGE, "the session is not ours alone",
     "connect to the server itself, or to a pool in session mode, then run again"},
    {"3F000", PENSTOCK_ERROR_STORAGE, "tables were changed while they were in use",
     "run again; what is missing is then created anew"},
    {"42", PENSTOCK_ERROR_STORAGE, "tables were changed while they were in use",
     "run again; what is missing is then created anew"},
    {"22P03", PENSTOCK_ERROR_STORAGE, "tables were changed while they were in use",
     "run again; what is missing is then created anew"},
    {NOT_A_SESSION, PENSTOCK_ERROR_STORAGE, "what answers does not give us a session of our own",
     "connect to the server itself, or to a pool in session mode"},
    {WRONG_OPTION, PENSTOCK_ERROR_CONFIG, "an option is wrong",
     "correct it in the URL, which has the form postgres://USER@HOST:PORT/DATABASE, or in the "
     "environment"},
    {"XX00", PENSTOCK_ERROR_STORAGE, "the database is damaged, or the server failed",
     "look into the server's log"},
    {"58", PENSTOCK_ERROR_STORAGE, "the server's disk refuses to read or write",
     "look into the server's log, then run again; nothing is left half-written"},
    {NO_POSTGRES, PENSTOCK_ERROR_STORAGE, "what answers there is no PostgreSQL server",
     "check host and port in the URL"},
    {NO_TLS, PENSTOCK_ERROR_CONFIG, "no encrypted connection (TLS) comes about",
     "check sslmode and sslrootcert in the URL, and the server's certificate"},
    {NO_HOST, PENSTOCK_ERROR_STORAGE, "no machine has that name", "check the host in the URL"},
};

/* A failed connect comes without a SQLSTATE: by words of the server, which speaks English unless
 * lc_messages says otherwise, or of libpq. */
static const struct {
    const char *said;
    const char *state;
} refusals[] = {
    {"certificate", NO_TLS},
    {"response to SSL negotiation", NO_POSTGRES},
    {"expected authentication request", NO_POSTGRES},
    {"too many clients", "53300"},
    {"remaining connection slots", "53300"},
    {"too many connections", "53300"},
    {"authentication failed", "28"},
    {"no password supplied", "28"},
    {"no pg_hba.conf entry", "28"},
    {"is not permitted to log in", "28"},
    {"role \"", "28"},
    {"does not exist", "3D000"},
    {"is starting up", "57P03"},
    {"is shutting down", "57P03"},
    {"in recovery mode", "57P03"},
    {"unsupported startup", NOT_A_SESSION},
    {"not yet accepting connections", "57P03"},
    {"permission denied for database", "42501"},
    {"SSL", NO_TLS},
    {"translate host name", NO_HOST},
    {"invalid ", WRONG_OPTION},
};

bool postgres_config_error(GError **error, char *message)
{
    error_setf(error, PENSTOCK_ERROR_CONFIG, "%s", message);
    g_free(message);
    return false;
}

/* Five characters of base 36. */
static int state_number(const char *state)
{
    return state ? (int)g_ascii_strtoll(state, NULL, 36) : 0;
}

static bool set_error(enum penstock_error code, const char *state, char *message, GError **error)
{
    g_set_error_literal(error, PENSTOCK_ERROR, (int)code, message);
    struct error_detail detail = {.origin_code = state_number(state)};
    if (error)
        error_set_detail(*error, &detail);
    g_free(message);
    return false;
}

static bool set_failure(const char *label, const char *what, const char *state, const char *said,
                        GError **error)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(failures); i++) {
        if (g_str_has_prefix(state, failures[i].state))
            return set_error(failures[i].error, state,
                             g_strdup_printf("%s: %s: %s (%s): %s", label, what,
                                             failures[i].problem, said, failures[i].next),
                             error);
    }
    return set_error(
        PENSTOCK_ERROR_STORAGE, state,
        g_strdup_printf("%s: %s: %s: run again, and report this if it stays", label, what, said),
        error);
}

static bool set_locked_error(const struct postgres *p, const char *what, GError **error)
{
    int64_t ms = p->lock_timeout_ms;
    g_autofree char *waited = ms % 1000 ? g_strdup_printf("%" G_GINT64_FORMAT " ms", ms)
                                        : g_strdup_printf("%" G_GINT64_FORMAT " s", ms / 1000);
    return set_error(PENSTOCK_ERROR_STORAGE, "55P03",
                     g_strdup_printf("%s: %s: the table is locked by another process (waited %s): "
                                     "end its session (see pg_stat_activity) or wait, then run "
                                     "again",
                                     p->label, what, waited),
                     error);
}

/* In one line, without "FATAL:" and the like. */
static char *tidy(const char *said)
{
    const char *fatal = strstr(said, "FATAL:");
    g_auto(GStrv) words = g_strsplit_set(fatal ? fatal + strlen("FATAL:") : said, " \n\t", -1);
    g_autoptr(GString) text = g_string_new(NULL);
    for (char **word = words; *word; word++) {
        if (**word)
            g_string_append_printf(text, "%s%s", text->len ? " " : "", *word);
    }
    while (text->len && text->str[text->len - 1] == '.')
        g_string_truncate(text, text->len - 1);
    return g_string_free(g_steal_pointer(&text), false);
}

/* The detail names what depends on a table; elsewhere it may quote values of rows. */
static char *said_by(const PGresult *result, const char *state)
{
    const char *primary = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
    const char *detail = PQresultErrorField(result, PG_DIAG_MESSAGE_DETAIL);
    bool tells = detail && (strcmp(state, "2BP01") == 0 || strcmp(state, "0A000") == 0);
    g_autofree char *text =
        g_strdup_printf("%s%s%s", primary ? primary : "", tells ? "; " : "", tells ? detail : "");
    return tidy(text);
}

bool postgres_failed_with(const PGresult *result, const char *state)
{
    return g_strcmp0(PQresultErrorField(result, PG_DIAG_SQLSTATE), state) == 0;
}

/* What a person's function asks for is not there: its names are looked for in our search_path. */
static bool is_of_trigger(const PGresult *result, const char *state)
{
    return PQresultErrorField(result, PG_DIAG_INTERNAL_QUERY) && g_str_has_prefix(state, "42") &&
           strcmp(state, "42501") != 0;
}

bool postgres_fail(struct postgres *p, const PGresult *result, const char *what, GError **error)
{
    const char *state = result ? PQresultErrorField(result, PG_DIAG_SQLSTATE) : NULL;
    if (!state) {
        g_autofree char *said = tidy(PQerrorMessage(p->conn));
        bool lost = PQstatus(p->conn) == CONNECTION_BAD;
        return set_failure(p->label, what, lost ? LOST : "", said, error);
    }
    if (strcmp(state, "55P03") == 0)
        return set_locked_error(p, what, error);
    g_autofree char *said = said_by(result, state);
    return set_failure(p->label, what, is_of_trigger(result, state) ? TRIGGER : state, said, error);
}

bool postgres_fail_connect(const char *label, PGconn *conn, GError **error)
{
    const char *said = PQerrorMessage(conn);
    g_autofree char *text = tidy(said);
    for (unsigned i = 0; i < G_N_ELEMENTS(refusals); i++) {
        if (strstr(said, refusals[i].said))
            return set_failure(label, "connecting", refusals[i].state, text, error);
    }
    return set_error(PENSTOCK_ERROR_STORAGE, LOST,
                     g_strdup_printf("%s: connecting: %s: see that the server runs there and "
                                     "that the URL is right, then run again",
                                     label, text),
                     error);
}
