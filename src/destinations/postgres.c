#include "destinations/postgres.h"

#include <string.h>

#include "destinations/postgres_private.h"
#include "sql/dialect.h"

#define DEFAULT_SCHEMA  "pipedrive"
#define LOCK_TIMEOUT_MS 10000

/* ── Transactions ── */

/* BEGIN is sent with the first statement. */
void postgres_begin_write(struct postgres *p)
{
    p->owes_begin = true;
}

/* A transaction that failed answers COMMIT with ROLLBACK, which is no error to libpq. */
static bool set_commit_error(struct postgres *p, GError *inner, GError **error)
{
    if (postgres_is_fenced(p)) {
        g_clear_error(&inner);
        return postgres_set_fenced_error(p, error);
    }
    if (inner)
        g_propagate_error(error, inner);
    else
        error_setf(error, PENSTOCK_ERROR_STORAGE,
                   "%s: committing: the server gave the transaction up: run again", p->label);
    return false;
}

/* All in one message with what was sent before: where a statement fails, the server skips the rest,
 * COMMIT included. */
static PGresult *send_commit(struct postgres *p, GError **error)
{
    static const char what[] = "committing";
    g_autofree char *epoch = postgres_epoch_statement(p);
    return postgres_send(p, epoch, 0, NULL, what, error) &&
                   postgres_send(p, "COMMIT", 0, NULL, what, error)
               ? postgres_settle_last(p, error)
               : NULL;
}

bool postgres_commit_write(struct postgres *p, GError **error)
{
    GError *inner = NULL;
    g_autoptr(PgResult) result = send_commit(p, &inner);
    if (result && strcmp(PQcmdStatus(result), "COMMIT") == 0) {
        p->unsynced = true;
        return true;
    }
    postgres_rollback_write(p);
    return set_commit_error(p, inner, error);
}

/* What is cached may speak of tables that are gone again. */
void postgres_rollback_write(struct postgres *p)
{
    if (p->conn) {
        postgres_discard(p);
        if (PQtransactionStatus(p->conn) != PQTRANS_IDLE)
            PQclear(PQexec(p->conn, "ROLLBACK"));
    }
    postgres_forget_tables(p);
    p->rollbacks++;
}

static bool begin(struct destination *d, GError **error)
{
    (void)error;
    postgres_begin_write((struct postgres *)d);
    return true;
}

static bool commit(struct destination *d, GError **error)
{
    return postgres_commit_write((struct postgres *)d, error);
}

static void rollback(struct destination *d)
{
    struct postgres *p = (struct postgres *)d;
    if (d->in_transaction)
        postgres_rollback_write(p);
}

/* ── Opening and closing ── */

static void set_names(struct postgres *p)
{
    g_autoptr(GString) name = g_string_new(NULL);
    dialect_quote(&dialect_postgres, name, p->schema);
    p->quoted_schema = g_strdup(name->str);
    g_string_append(name, ".\"_penstock_epoch\"");
    p->epoch_name = g_strdup(name->str);
}

static struct postgres *postgres_new(const struct destination_settings *settings)
{
    struct postgres *p = g_new0(struct postgres, 1);
    p->base.ops = &postgres_destination;
    p->base.now = INSTANT_NONE;
    p->read_only = settings->read_only;
    p->lock_timeout_ms =
        settings->lock_timeout_ms > 0 ? settings->lock_timeout_ms : LOCK_TIMEOUT_MS;
    p->schema = g_strdup(settings->schema ? settings->schema : DEFAULT_SCHEMA);
    set_names(p);
    p->tables =
        g_hash_table_new_full(g_str_hash, g_str_equal, NULL, (GDestroyNotify)postgres_table_free);
    p->loads = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    p->view_grants = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    p->sent = postgres_sent_new();
    p->statements = g_ptr_array_new_with_free_func((GDestroyNotify)postgres_statement_free);
    return p;
}

/* Commits were not waited for (set_session()). One that is flushed carries all before it to the
 * disk. "local": a standby that is down must not keep the run from ending. Should it fail, the
 * server has crashed, and rows and state are both as the last flushed commit left them. */
static void make_durable(struct postgres *p)
{
    if (!p->unsynced || PQstatus(p->conn) != CONNECTION_OK)
        return;
    g_autofree char *sql = g_strdup_printf(
        "SET synchronous_commit = local; UPDATE %s SET epoch = epoch", p->epoch_name);
    PQclear(PQexec(p->conn, sql));
}

static void close_postgres(struct destination *d)
{
    struct postgres *p = (struct postgres *)d;
    if (!p)
        return;
    make_durable(p);
    postgres_unlock(p);
    PQfinish(p->conn);
    g_hash_table_unref(p->tables);
    g_hash_table_unref(p->loads);
    g_hash_table_unref(p->view_grants);
    g_ptr_array_unref(p->sent);
    g_ptr_array_unref(p->statements);
    copy_buffer_done(&p->buffer);
    g_free(p->label);
    g_free(p->schema);
    g_free(p->quoted_schema);
    g_free(p->epoch_name);
    g_free(p);
}

static bool check_schema(const char *schema, GError **error)
{
    const char *problem = NULL;
    if (!*schema)
        problem = "has no name";
    else if (strlen(schema) > POSTGRES_NAME_BYTES)
        problem = "has a name of more than 63 bytes";
    else if (g_str_has_prefix(schema, "pg_") || strcmp(schema, "information_schema") == 0)
        problem = "is one that PostgreSQL keeps for itself";
    if (!problem)
        return true;
    return postgres_config_error(
        error, g_strdup_printf("schema \"%s\" %s: choose another", schema, problem));
}

static bool open_into(struct postgres *p, const struct destination_settings *settings,
                      GError **error)
{
    bool writes = !p->read_only || settings->probe;
    if (!check_schema(p->schema, error) || !postgres_connect(p, settings->url, writes, error))
        return false;
    return !writes || postgres_become_writer(p, settings->connection, settings->probe, error);
}

static bool open_postgres(const struct destination_settings *settings, struct destination **ret,
                          GError **error)
{
    struct postgres *p = postgres_new(settings);
    if (!open_into(p, settings, error)) {
        close_postgres(&p->base);
        return false;
    }
    *ret = &p->base;
    return true;
}

/* PostgreSQL, "System Columns". */
static const char *const own_columns[] = {"tableoid", "xmin", "cmin", "xmax", "cmax", "ctid", NULL};

const struct destination_ops postgres_destination = {
    .scheme = "postgres",
    .alias = "postgresql",
    .url_help = "postgres://USER@HOST:PORT/DATABASE",
    /* Names are quoted, so Name and name are two columns. 1,600 columns are the server's limit;
     * columns that were dropped count, and a person may add some. row_bytes: a page of 8 KiB less
     * its header, the row's and the map of nulls. */
    .caps = {.identifier_bytes = POSTGRES_NAME_BYTES,
             .max_columns = 1550,
             .folds_case = false,
             .transactional_ddl = true,
             .keeps_json_text = false,
             .zero_bytes = false,
             .decimal_integer_digits = NUMERIC_INTEGER_DIGITS,
             .decimal_scale = NUMERIC_SCALE,
             .row_bytes = 7900,
             .own_columns = own_columns},
    .open = open_postgres,
    .inspect = postgres_inspect,
    .prepare = postgres_prepare,
    .begin = begin,
    .write = postgres_write,
    .sweep = postgres_sweep,
    .read = postgres_read,
    .commit = commit,
    .rollback = rollback,
    .replace_view = postgres_replace_view,
    .drop_view = postgres_drop_view,
    .drop = postgres_drop,
    .close = close_postgres,
};
