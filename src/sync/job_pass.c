/* The end of a full pass: rows that it did not see are asked for one by one, and what that says is
 * done. Absence alone deletes nothing. */
#include "base/format.h"
#include "base/log.h"
#include "sync/guard.h"
#include "sync/job_private.h"

/* Suspects that the loader names at once, and those that are asked for side by side. */
#define SUSPECTS_A_ROUND 5000
#define ASKED_AT_ONCE    100

void job_owe_pass(struct job *job, GPtrArray *states)
{
    struct stream_state *state = &job->state;
    GString *text;

    if (!job->selected || job->stream->walk == WALK_FLOW ||
        (job->stream->walk == WALK_LINES && !state->seeded))
        return;
    if (job->stream->walk == WALK_LINES)
        state->full_at = INSTANT_NONE; /* all deals are queued again */
    else if (schedule_is_first_load(job->stream, state))
        return; /* that is one */
    else if (job->stream->walk == WALK_WHOLE)
        state->lists[0].walk.active = true; /* due, as if it had been interrupted */
    else
        state->pass.open = true;
    text = g_string_new(NULL);
    stream_state_write(state, job->stream, text);
    g_ptr_array_add(states, g_strdup(job->state_name));
    g_ptr_array_add(states, g_string_free(text, FALSE));
}

static void ask_loader(struct job *job)
{
    struct work *work = job_work(job, WORK_SUSPECTS);

    job->phase = JOB_SUSPECTS;
    work->limit = SUSPECTS_A_ROUND;
    job_push(job, work);
}

/* --- the end --- */

static void add_count(GString *text, int64_t count, const char *what)
{
    if (count > 0)
        g_string_append_printf(text, ", %s %s", COUNT_TEXT(count), what);
}

static void tell(struct job *job)
{
    const struct pass_counts *counts = &job->pass;
    GString *text = g_string_new("full pass done");

    add_count(text, counts->deleted, "deleted");
    add_count(text, counts->flagged, "missing and flagged");
    add_count(text, counts->missing - counts->flagged, "missing, left as they are");
    add_count(text, counts->forbidden, "not to be seen by this token");
    add_count(text, counts->failed, "could not be asked for");
    g_free(job->message);
    job->message = g_string_free(text, FALSE);
}

static void end_pass(struct job *job)
{
    tell(job);
    job->state.pass_at = job->state.pass.t0;
    pass_state_clear(&job->state.pass);
    job->clears_seen = true;
    job_end_leg(job);
}

void job_confirm(struct job *job)
{
    if (job->context->settings->deletes == DELETES_IGNORE)
        end_pass(job);
    else
        ask_loader(job);
}

/* --- the guard --- */

static void read_again(struct job *job)
{
    job->state.pass.twice = true;
    job->state.pass.step = PASS_WALK;
    job->state.pass.leg = 0;
    job->leg = job->leg_count;
    job->leg_count += schedule_pass_legs(job->stream, &job->state, job->legs + job->leg_count);
    job_begin_leg(job);
}

/* The next runs ask again, without reading again; after a day they read again too. */
static void keep_question(struct job *job)
{
    struct work *work;

    if (job->state.pass.refused_at == INSTANT_NONE)
        job->state.pass.refused_at = job->context->now(job->context->opaque);
    work = job_work(job, WORK_COMMIT);
    work->table = NULL;
    job_put_state(job, work);
    job_push(job, work);
}

static void refuse(struct job *job, const struct reply *reply)
{
    g_autoptr(GError) error = NULL;
    bool saw_nothing = job->state.pass.rows == 0;
    const char *why =
        job->context->other_user
            ? " The token's user or rights are others than before, so they may just be out "
              "of sight."
            : "";

    if (saw_nothing)
        guard_set_nothing_seen(&error, job->stream, reply->alive);
    else
        error_setf(&error, PENSTOCK_ERROR_GUARD,
                   "the full pass did not see %s of %s rows of %s: nothing was deleted.%s To ask "
                   "Pipedrive for each of them (%s tokens) and follow the answers, run again with "
                   "--yes",
                   COUNT_TEXT(reply->suspects_total), COUNT_TEXT(reply->alive), job->stream->name,
                   why, COUNT_TEXT(reply->suspects_total * job->stream->get_tokens));
    keep_question(job);
    job_fail(job, error);
}

/* Before the first of them is asked for: is it credible at all? */
static bool judge(struct job *job, const struct reply *reply)
{
    struct pass_state *pass = &job->state.pass;
    bool most = guard_is_most(reply->suspects_total, reply->alive);
    bool small = reply->alive <= GUARD_SMALL_TABLE;

    if (pass->step == PASS_ASK || !most || (job->context->settings->assume_yes && pass->rows > 0)) {
        pass->step = PASS_ASK;
        return true;
    }
    if (small && pass->twice) {
        pass->step = PASS_ASK;
        return true;
    }
    if (small)
        read_again(job);
    else
        refuse(job, reply);
    return false;
}

/* --- asking --- */

static void start_tasks(struct job *job)
{
    unsigned end = MIN(job->suspect + ASKED_AT_ONCE, job->suspects->len);

    job->phase = JOB_ASKING;
    for (; job->suspect < end; job->suspect++)
        task_new(job,
                 walk_new_record(job->stream, g_array_index(job->suspects, int64_t, job->suspect),
                                 &job->state));
}

void job_suspects_came(struct job *job, struct reply *reply)
{
    if (reply->suspects_total == 0) {
        end_pass(job);
        return;
    }
    if (!judge(job, reply))
        return;
    g_clear_pointer(&job->suspects, g_array_unref);
    job->suspects = g_steal_pointer(&reply->suspects);
    job->suspect = 0;
    start_tasks(job);
}

void job_go_on_asking(struct job *job)
{
    if (job->suspect < job->suspects->len)
        start_tasks(job);
    else
        ask_loader(job);
}

/* --- answers --- */

/* Whatever came of it, this pass asks no second time: the row counts as seen from here on. */
static struct work *answer_work(struct task *task)
{
    struct job *job = task->job;
    struct work *work = job_work(job, WORK_COMMIT);
    int64_t id = walk_record(task->walk);

    work->answered = g_array_new(FALSE, FALSE, sizeof id);
    g_array_append_val(work->answered, id);
    job_put_state(job, work);
    job->pass.asked++;
    return work;
}

static void push_answer(struct task *task, struct work *work)
{
    struct job *job = task->job;

    work->run.progress = job->progress;
    g_ptr_array_remove(job->tasks, task);
    job_push(job, work);
}

static bool is_deleted(const struct batch *batch)
{
    int flag = batch->table->deleted_at;

    return batch->rows[0].remove || (flag >= 0 && batch->rows[0].cells[flag].kind == CELL_VALUE);
}

bool job_take_record(struct task *task, const struct json_value *root, GError **error)
{
    struct job *job = task->job;
    struct page_facts facts;
    struct work *work;

    if (!walk_decode(task->walk, job->decoder, root, task->batch, &facts, error))
        return false;
    if (facts.unknown_field) { /* its columns come with the next list of fields; _extra has it till
                                  then */
        log_debug("field", "table", job->stream->name, "state", "unknown in a record", NULL);
    }
    batch_adjust_credit(task->batch, batch_used_bytes(task->batch));
    work = answer_work(task);
    work->rejected = task->batch->rejected;
    work->table = task->batch->table;
    work->is_record = work->finds_drift = true;
    work->queue_parents = job->feeds_children;
    job->pass.deleted += is_deleted(task->batch);
    work->batch = g_steal_pointer(&task->batch);
    push_answer(task, work);
    return true;
}

/* Nobody knows why it is not there: purged, merged long ago, out of sight. Only one who sees
 * everything, and saw it before, may conclude that it is gone. */
static bool absence_counts(const struct job *job)
{
    const struct job_context *context = job->context;

    return context->is_admin && job->state.pass.rows > 0 && job->table->deleted_at >= 0 &&
           (!context->other_user || context->settings->assume_yes);
}

static void flag_missing(struct job *job, struct work *work, int64_t id)
{
    struct batch *batch = batch_new();
    struct cell *cells;

    batch_prepare(batch, job->table, 1);
    cells = batch_add_row(batch)->cells;
    cell_set_int(batch, &cells[job->table->keys[0]], id);
    cell_set_instant(batch, &cells[job->table->deleted_at], work->now);
    batch->asked_at = work->now;
    work->batch = batch;
    work->table = job->table;
    work->is_record = work->is_missing = true;
    work->queue_parents = job->feeds_children;
    job->pass.flagged++;
}

void job_record_failed(struct task *task, const GError *failure)
{
    struct job *job = task->job;
    struct work *work = answer_work(task);

    work->table = NULL;
    if (error_is(failure, PENSTOCK_ERROR_GONE)) {
        job->pass.missing++;
        job->progress.missing++;
        if (absence_counts(job))
            flag_missing(job, work, walk_record(task->walk));
    } else if (error_detail(failure)->origin_code == 403) {
        job->pass.forbidden++;
    } else {
        job->pass.failed++;
        log_debug("record", "table", job->stream->name, "error", failure->message, NULL);
    }
    push_answer(task, work);
}
