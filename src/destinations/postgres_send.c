/* How statements reach the server.
 *
 * Most are sent without waiting for the one before (libpq's pipeline mode). Who needs the outcome
 * settles, which waits for all that was sent; at the latest the commit does. BEGIN goes with the
 * first statement of its transaction. A text of several statements and COPY cannot be part of a
 * pipeline, so what was sent is settled before them. */
#include "destinations/postgres_private.h"

#define BEGIN "BEGIN READ WRITE"

/* A statement whose outcome nobody has asked for. */
struct sent {
    char *what;
    unsigned *rows; /* gets what it changed; may be NULL */
};

static void sent_free(void *item)
{
    struct sent *sent = item;
    g_free(sent->what);
    g_free(sent);
}

GPtrArray *postgres_sent_new(void)
{
    return g_ptr_array_new_with_free_func(sent_free);
}

/* ── Sending ── */

static bool note_sent(struct postgres *p, int ok, const char *what, unsigned *rows, GError **error)
{
    if (!ok)
        return postgres_fail(p, NULL, what, error);
    struct sent *sent = g_new(struct sent, 1);
    *sent = (struct sent){g_strdup(what), rows};
    g_ptr_array_add(p->sent, sent);
    return true;
}

static bool enter_pipeline(struct postgres *p, const char *what, GError **error)
{
    if (PQpipelineStatus(p->conn) == PQ_PIPELINE_OFF && !PQenterPipelineMode(p->conn))
        return postgres_fail(p, NULL, what, error);
    if (!p->owes_begin)
        return true;
    p->owes_begin = false;
    int ok = PQsendQueryParams(p->conn, BEGIN, 0, NULL, NULL, NULL, NULL, 0);
    return note_sent(p, ok, "beginning a transaction", NULL, error);
}

bool postgres_send_typed(struct postgres *p, const char *sql, unsigned count, const Oid *oids,
                         const char *const *values, const char *what, GError **error)
{
    return enter_pipeline(p, what, error) &&
           note_sent(p, PQsendQueryParams(p->conn, sql, (int)count, oids, values, NULL, NULL, 0),
                     what, NULL, error);
}

bool postgres_send(struct postgres *p, const char *sql, unsigned count, const char *const *values,
                   const char *what, GError **error)
{
    return postgres_send_typed(p, sql, count, NULL, values, what, error);
}

bool postgres_send_prepared(struct postgres *p, const char *name,
                            const struct postgres_values *values, const char *what, unsigned *rows,
                            GError **error)
{
    return enter_pipeline(p, what, error) &&
           note_sent(p,
                     PQsendQueryPrepared(p->conn, name, (int)values->count, values->texts,
                                         values->lengths, values->formats, 0),
                     what, rows, error);
}

/* ── Settling ── */

/* Of one statement, with the null that ends it. NULL: the connection is lost. */
static PGresult *take_result(struct postgres *p)
{
    PGresult *result = PQgetResult(p->conn);
    for (PGresult *more; result && (more = PQgetResult(p->conn));)
        PQclear(more);
    return result;
}

static bool is_good(const PGresult *result)
{
    ExecStatusType status = PQresultStatus(result);
    return status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK;
}

/* Of the first statements that were sent; *last is the result of the last of them. The first
 * failure is the one that counts: the server skips what comes behind it. */
static bool take_outcomes(struct postgres *p, unsigned count, PGresult **last, GError **error)
{
    bool ok = true;
    for (unsigned i = 0; i < count; i++) {
        const struct sent *sent = g_ptr_array_index(p->sent, i);
        PQclear(*last);
        *last = take_result(p);
        if (ok && !is_good(*last))
            ok = postgres_fail(p, *last, sent->what, error);
        if (ok && sent->rows)
            *sent->rows += (unsigned)g_ascii_strtoull(PQcmdTuples(*last), NULL, 10);
    }
    return ok;
}

static void end_pipeline(struct postgres *p)
{
    g_ptr_array_set_size(p->sent, 0);
    PQclear(PQgetResult(p->conn)); /* PGRES_PIPELINE_SYNC */
    PQexitPipelineMode(p->conn);
}

static bool settle(struct postgres *p, PGresult **last, GError **error)
{
    PQpipelineSync(p->conn);
    bool ok = take_outcomes(p, p->sent->len, last, error);
    end_pipeline(p);
    return ok;
}

/* What could not even be sent leaves a pipeline with nothing in it, which has to end all the same.
 */
bool postgres_settle(struct postgres *p, GError **error)
{
    g_autoptr(PgResult) last = NULL;
    return PQpipelineStatus(p->conn) == PQ_PIPELINE_OFF || settle(p, &last, error);
}

PGresult *postgres_settle_last(struct postgres *p, GError **error)
{
    g_autoptr(PgResult) last = NULL;
    return settle(p, &last, error) ? g_steal_pointer(&last) : NULL;
}

/* Only inside a pipeline does libpq go back to whole results by itself. */
bool postgres_settle_rows(struct postgres *p, postgres_take_func take, void *opaque, GError **error)
{
    g_autoptr(PgResult) last = NULL;
    PQpipelineSync(p->conn);
    bool ok = take_outcomes(p, p->sent->len - 1, &last, error);
    PQsetSingleRowMode(p->conn);
    for (PGresult *result; (result = PQgetResult(p->conn)); PQclear(result))
        ok = ok && take(result, opaque, error);
    end_pipeline(p);
    return ok;
}

/* The counters of what is discarded may be gone. */
void postgres_discard(struct postgres *p)
{
    p->owes_begin = false;
    for (unsigned i = 0; i < p->sent->len; i++)
        ((struct sent *)g_ptr_array_index(p->sent, i))->rows = NULL;
    postgres_settle(p, NULL);
}

/* ── Alone ── */

PGresult *postgres_run(struct postgres *p, const char *sql, const char *what, GError **error)
{
    if (!postgres_settle(p, error))
        return NULL;
    g_autofree char *text = p->owes_begin ? g_strconcat(BEGIN "; ", sql, NULL) : NULL;
    p->owes_begin = false;
    g_autoptr(PgResult) result = PQexec(p->conn, text ? text : sql);
    if (is_good(result) || PQresultStatus(result) == PGRES_COPY_IN)
        return g_steal_pointer(&result);
    postgres_fail(p, result, what, error);
    return NULL;
}

bool postgres_execute(struct postgres *p, const char *sql, const char *what, GError **error)
{
    g_autoptr(PgResult) result = postgres_run(p, sql, what, error);
    return result != NULL;
}

PGresult *postgres_query(struct postgres *p, const char *sql, unsigned count,
                         const char *const *values, const char *what, GError **error)
{
    return postgres_send(p, sql, count, values, what, error) ? postgres_settle_last(p, error)
                                                             : NULL;
}

/* ── COPY ── */

#define COPY_CHUNK_BYTES 65536

static bool flush_copy(struct postgres *p, const char *what, GError **error)
{
    int rc = PQputCopyData(p->conn, p->buffer.bytes, (int)p->buffer.length);
    p->buffer.length = 0;
    return rc == 1 || postgres_fail(p, NULL, what, error);
}

static bool send_items(struct postgres *p, size_t count, postgres_put_func put, void *opaque,
                       const char *what, GError **error)
{
    p->buffer.length = 0;
    copy_begin(&p->buffer);
    for (size_t i = 0; i < count; i++) {
        if (!put(&p->buffer, i, opaque, error))
            return false;
        if (p->buffer.length >= COPY_CHUNK_BYTES && !flush_copy(p, what, error))
            return false;
    }
    copy_end(&p->buffer);
    return flush_copy(p, what, error);
}

/* The first result is the COPY's; the loop brings the connection back to idle. */
static PGresult *finish_copy(struct postgres *p, const char *cancel)
{
    PQputCopyEnd(p->conn, cancel);
    PGresult *first = NULL;
    for (PGresult *result; (result = PQgetResult(p->conn));) {
        if (first)
            PQclear(result);
        else
            first = result;
        if (PQstatus(p->conn) == CONNECTION_BAD)
            break;
    }
    return first;
}

bool postgres_copy(struct postgres *p, const char *sql, size_t count, postgres_put_func put,
                   void *opaque, const char *what, bool *ret_duplicate, GError **error)
{
    g_autoptr(PgResult) begun = postgres_run(p, sql, what, error);
    if (!begun)
        return false;
    bool sent = send_items(p, count, put, opaque, what, error);
    g_autoptr(PgResult) result = finish_copy(p, sent ? NULL : "a value cannot be encoded");
    if (!sent || PQresultStatus(result) == PGRES_COMMAND_OK)
        return sent;
    if (ret_duplicate && postgres_failed_with(result, "23505")) {
        *ret_duplicate = true;
        return true;
    }
    return postgres_fail(p, result, what, error);
}
