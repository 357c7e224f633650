#include "sync/extract_private.h"

/* Making way for a person or for another run is no failure. */
static enum outcome early_outcome(const struct extract *x)
{
    if (error_is(x->error, PENSTOCK_ERROR_CANCELLED) || error_is(x->error, PENSTOCK_ERROR_FENCED))
        return OUTCOME_STOPPED;
    return extract_is_parked(x) ? OUTCOME_PARKED : OUTCOME_FAILED;
}

static void stop_jobs(struct extract *x, bool loader_is_gone)
{
    enum outcome outcome = early_outcome(x);

    for (unsigned i = 0; i < STREAM_COUNT; i++) {
        struct job *job = x->jobs[i];

        if (!job || job->phase == JOB_ENDED)
            continue;
        /* What was read to its end and only waits for the loader may yet be done. */
        if (job->phase != JOB_DRAINING || loader_is_gone)
            job_stop(job, outcome, NULL);
    }
}

/* The run log says how each table ended. */
static void log_ends(struct extract *x)
{
    for (unsigned i = 0; i < STREAM_COUNT; i++) {
        struct job *job = x->jobs[i];
        struct work *work;

        if (!job || !job->selected || job->phase == JOB_DRAINING ||
            job->progress.outcome == OUTCOME_DONE || job->progress.outcome == OUTCOME_NOT_DUE)
            continue;
        work = work_new(WORK_COMMIT, job->stream, NULL);
        work->now = api_now(&x->api);
        work->run.progress = job->progress;
        work->run.message = g_strdup(job->message ? job->message
                                     : x->error   ? x->error->message
                                                  : NULL);
        work->run.ended = true;
        loader_push(x->loader, work);
    }
}

static void drain_loader(struct extract *x)
{
    for (;;) {
        struct reply *reply = loader_wait(x->loader);
        bool last = reply->kind == WORK_CLOSE;

        extract_count_lines(x, reply);
        extract_tell_remark(x, reply);
        if (reply->tag && !reply->error) {
            struct job *job = reply->tag;

            job->works--;
            job->progress.rows += reply->rows;
            job->progress.deleted += reply->deleted;
            job_note_drained(job);
        } else if (reply->tag && reply->of_table) {
            ((struct job *)reply->tag)->works--;
            job_fail(reply->tag, reply->error);
        } else if (reply->error && !x->error) {
            x->error = g_steal_pointer(&reply->error);
        }
        reply_free(reply);
        if (last)
            return;
    }
}

static void end_jobs(struct extract *x)
{
    extract_say_when(x);
    if (x->error)
        stop_jobs(x, false);
    if (!x->loader)
        extract_close_purse(x);
    if (x->loader) {
        log_ends(x);
        extract_close_purse(x);
        loader_push(x->loader, work_new(WORK_CLOSE, NULL, NULL));
        drain_loader(x);
        loader_free(x->loader);
    }
    if (x->error)
        stop_jobs(x, true);
}

static void add_table_results(struct extract *x)
{
    for (unsigned i = 0; i < STREAM_COUNT; i++) {
        const struct job *job = x->jobs[i];
        struct table_result result;

        if (!job || !job->selected)
            continue;
        result =
            (struct table_result){.progress = job->progress, .message = g_strdup(job->message)};
        g_array_append_val(x->sync->result.tables, result);
    }
}

static void count_tables(const struct extract *x, unsigned *ret_all, unsigned *ret_failed)
{
    *ret_all = *ret_failed = 0;
    for (unsigned i = 0; i < STREAM_COUNT; i++) {
        if (!x->jobs[i])
            continue;
        (*ret_all)++;
        *ret_failed += x->jobs[i]->progress.outcome == OUTCOME_FAILED;
    }
}

/* Every table stands in somebody's way: a person must change a setting. */
static bool all_refused(const struct extract *x)
{
    for (unsigned i = 0; i < STREAM_COUNT; i++)
        if (x->jobs[i] && !x->jobs[i]->table_refused)
            return false;
    return true;
}

static int exit_code_of(const GError *error, bool parked)
{
    if (parked)
        return 75;
    if (error->domain != PENSTOCK_ERROR)
        return 1;
    switch ((enum penstock_error)error->code) {
    case PENSTOCK_ERROR_PARKED:
    case PENSTOCK_ERROR_FENCED:
    case PENSTOCK_ERROR_CANCELLED:
        return 75;
    case PENSTOCK_ERROR_AUTH:
        return 4;
    case PENSTOCK_ERROR_CONFIG:
        return 2;
    case PENSTOCK_ERROR_RETRY:
    case PENSTOCK_ERROR_THROTTLED:
    case PENSTOCK_ERROR_GONE:
    case PENSTOCK_ERROR_REFUSED:
    case PENSTOCK_ERROR_TOO_LARGE:
    case PENSTOCK_ERROR_DATA:
    case PENSTOCK_ERROR_STORAGE:
    case PENSTOCK_ERROR_GUARD:
    case PENSTOCK_ERROR_BUG:
        return 1;
    }
    return 1;
}

static void judge_failure(const struct extract *x, struct sync_result *result)
{
    result->outcome = early_outcome(x);
    result->exit_code = exit_code_of(x->error, extract_is_parked(x));
    result->error_code = error_code_name(x->error);
    result->message = g_strdup(x->error->message);
    if (result->outcome == OUTCOME_PARKED)
        result->resume_s = error_detail(x->error)->retry_after_ms / 1000;
}

static void judge_run(const struct extract *x, struct sync_result *result)
{
    unsigned all, failed;

    count_tables(x, &all, &failed);
    if (x->error) {
        judge_failure(x, result);
    } else if (failed > 0) {
        result->outcome = OUTCOME_FAILED;
        result->exit_code = all_refused(x) ? 2 : failed == all ? 1 : 3;
        result->error_code = "tables";
        result->message = g_strdup_printf("%u of %u tables failed", failed, all);
    } else {
        result->outcome = OUTCOME_DONE;
    }
}

static void fill_result(struct extract *x)
{
    struct sync_result *result = &x->sync->result;

    add_table_results(x);
    judge_run(x, result);
    result->requests = x->api.requests;
    result->tokens = x->api.tokens;
    for (unsigned i = 0; i < result->tables->len; i++)
        result->rows += g_array_index(result->tables, struct table_result, i).progress.rows;
    result->wall_ms = clock_monotonic_ms() - x->started_ms;
}

void extract_end(struct extract *x)
{
    end_jobs(x);
    fill_result(x);
}
