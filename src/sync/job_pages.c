/* What answers and replies do to a job. */
#include "base/log.h"
#include "sync/guard.h"
#include "sync/job_private.h"

#include <string.h>

/* --- deals without a table: what was read within the overlap is no news when it is read again ---
 */

static bool was_recent(const GArray *recent, int64_t id, instant_t time)
{
    for (unsigned i = 0; i < recent->len; i++) {
        const struct recent_row *row = &g_array_index(recent, struct recent_row, i);

        if (row->id == id && row->time == time)
            return true;
    }
    return false;
}

static void filter_recent(struct job *job, struct batch *batch, instant_t t0)
{
    unsigned kept = 0, list = job->legs[job->leg].list;

    for (unsigned i = 0; i < batch->row_count; i++) {
        const struct cell *cells = batch->rows[i].cells;
        const struct cell *time_cell = &cells[batch->table->version];
        struct recent_row row = {.list = list};

        if (time_cell->kind == CELL_VALUE &&
            instant_parse(time_cell->text, time_cell->length, &row.time) &&
            cell_int64(&cells[batch->table->keys[0]], &row.id)) {
            if (t0 != INSTANT_NONE && row.time >= t0 - STATE_OVERLAP &&
                row.time < t0 - STATE_UNSETTLED)
                g_array_append_val(job->recent, row);
            if (was_recent(job->state.recent, row.id, row.time))
                continue;
        }
        batch->rows[kept++] = batch->rows[i];
    }
    batch->row_count = kept;
}

/* At the end of a leg, which knows nothing of the other list. A stretch moves no bookmark. */
static void keep_recent(struct job *job)
{
    const struct schedule_leg *leg = &job->legs[job->leg];
    GArray *old = job->state.recent;

    for (unsigned i = 0; i < old->len; i++) {
        struct recent_row row = g_array_index(old, struct recent_row, i);

        if (row.list != leg->list || leg->leg == LEG_STRETCH)
            g_array_append_val(job->recent, row);
    }
    job->state.recent = job->recent;
    job->recent = old;
    g_array_set_size(job->recent, 0);
}

/* When the walk under way began, or begins with this answer. */
static instant_t leg_t0(const struct job *job, instant_t date)
{
    const struct schedule_leg *leg = &job->legs[job->leg];
    instant_t t0 = walk_leg_t0(leg->list, leg->leg, &job->state);

    return t0 != INSTANT_NONE ? t0 : date;
}

/* --- pages --- */

/* What the next page of this job will probably need: the largest so far, slowly forgotten. */
static void learn_page_bytes(struct job *job, struct batch *batch)
{
    size_t used = batch_used_bytes(batch);
    size_t padded = used + used / 8 + 4096;

    job->page_bytes = MAX(padded, job->page_bytes - job->page_bytes / 8);
    batch_adjust_credit(batch, used);
}

/* Records without an id. Subfields have none by design. */
static unsigned count_skipped(const struct task *task)
{
    return task->job->stream->id == STREAM_DEAL_FIELDS ? 0 : task->batch->skipped;
}

static void warn_skipped(struct job *job, unsigned skipped)
{
    g_autofree char *text = NULL;

    if (skipped == 0)
        return;
    text = g_strdup_printf("%u record(s) without an id were left out: they cannot be told apart",
                           skipped);
    job->context->warn(job->context->opaque, job->stream->name, text);
}

static struct work *page_work(struct task *task, struct walk_step *step)
{
    struct job *job = task->job;
    struct work *work = job_work(job, WORK_COMMIT);
    const struct schedule_leg *leg = job_is_child(job) ? NULL : &job->legs[job->leg];

    work->table = task->batch->table;
    work->queue_parents = job->feeds_children && !step->discard_rows && task->batch->row_count > 0;
    work->note_seen = job->selected && job->state.pass.open && !step->discard_rows;
    work->finds_drift = leg && leg->leg == LEG_PASS;
    work->is_backfill = leg && leg->leg != LEG_PASS && (leg->leg != LEG_HEAD || job->backfill_leg);
    work->since = job->leg_since;
    work->rejected = count_skipped(task) + (step->discard_rows ? 0 : task->batch->rejected);
    if (step->sweep) {
        const GArray *seen = walk_seen(task->walk);

        work->sweep = true;
        work->sweep_confirmed = task->confirming || job->context->settings->assume_yes;
        work->sweep_other_user = job->context->other_user && !job->context->settings->assume_yes;
        work->seen = g_array_sized_new(FALSE, FALSE, sizeof(int64_t), seen->len);
        g_array_append_vals(work->seen, seen->data, seen->len);
    }
    if (step->discard_rows || (task->batch->row_count == 0 && !work->sweep))
        batch_release(g_steal_pointer(&task->batch));
    else
        work->batch = g_steal_pointer(&task->batch);
    return work;
}

/* After the last page of a window. */
static void end_list_walk(struct task *task, const struct walk_step *step)
{
    struct job *job = task->job;

    if (step->is_given_back)
        job->context->warn(job->context->opaque, job->stream->name,
                           "the server does not heed updated_since: the list is read in one piece");
    if (step->sweep)
        task->phase = TASK_WAITING; /* the guard may have a say */
    else if (step->ends_leg)
        job_end_leg(job);
    else
        g_ptr_array_remove(job->tasks, task);
}

static bool apply_page(struct task *task, const struct json_value *root, instant_t date,
                       const struct page_facts *facts, GError **error)
{
    struct job *job = task->job;
    instant_t t0 = job->selected ? INSTANT_NONE : leg_t0(job, date);
    struct walk_step step;
    struct work *work;

    if (!walk_advance(task->walk, root, facts, task->batch, date, &step, error))
        return false;
    task->history = (struct retry_history){0};
    task->doubts_ids = false;
    task->phase = TASK_READY;
    learn_page_bytes(job, task->batch);
    warn_skipped(job, count_skipped(task));
    task->lost_ids |= count_skipped(task) > 0;
    step.sweep &= !task->lost_ids;
    if (!job->selected) {
        filter_recent(job, task->batch, t0);
        if (step.ends_leg)
            keep_recent(job);
    }
    if (step.found_gated)
        job->context->warn(
            job->context->opaque, job->stream->name,
            "some fields need a plan or an app that the company lacks: they are left out");
    work = page_work(task, &step);
    if (job_is_child(job)) {
        job_children_step(task, &step, work);
        walk_step_done(&step);
        return true;
    }
    job_put_state(job, work);
    job_push(job, work);
    if (step.done)
        end_list_walk(task, &step);
    walk_step_done(&step);
    return true;
}

static bool reading_fields(const struct job *job)
{
    for (unsigned i = 0; i < job->tasks->len; i++)
        if (!((const struct task *)job->tasks->pdata[i])->walk)
            return true;
    return false;
}

/* A record without an id is lost: the page is asked for a second time before that is believed. */
static bool has_ids(struct task *task, GError **error)
{
    if (count_skipped(task) == 0 || task->doubts_ids)
        return true;
    task->doubts_ids = true;
    error_setf(error, PENSTOCK_ERROR_DATA, "a record has no id");
    return false;
}

bool job_take_page(struct task *task, const struct json_value *root, instant_t date, GError **error)
{
    struct job *job = task->job;
    struct page_facts facts;

    if (walk_record(task->walk))
        return job_take_record(task, root, error);
    if (!walk_decode(task->walk, job->decoder, root, task->batch, &facts, error) ||
        !has_ids(task, error))
        return false;
    if (facts.unknown_field) {
        task->phase = TASK_HELD;
        task->held = json_keep(root, task->batch->arena);
        batch_adjust_credit(task->batch, batch_used_bytes(task->batch));
        task->held_date = date;
        if (!reading_fields(job))
            job_read_fields(job);
        return true;
    }
    return apply_page(task, root, date, &facts, error);
}

/* --- the list of custom fields --- */

static struct task *held_task(const struct job *job)
{
    for (unsigned i = 0; i < job->tasks->len; i++) {
        struct task *task = job->tasks->pdata[i];

        if (task->phase == TASK_HELD)
            return task;
    }
    return NULL;
}

/* A held page that turns out to be no good is asked for again, now that its fields are known; its
 * failures are counted then. */
static void release_held(struct job *job)
{
    struct task *task;

    decoder_ignore(job->decoder, job->ignored_fields, true);
    while ((task = held_task(job))) {
        g_autoptr(GError) error = NULL;

        task->phase = TASK_SENT;
        if (!job_take_page(task, task->held, task->held_date, &error)) {
            batch_release(g_steal_pointer(&task->batch));
            task->phase = TASK_READY;
        }
    }
}

static bool take_fields(struct task *task, const struct json_value *root, instant_t date,
                        GError **error)
{
    struct job *job = task->job;
    bool changed;

    g_clear_pointer(&task->fields_cursor, g_free);
    if (!fields_take_page(job->fields, root, &task->fields_cursor, error))
        return false;
    batch_release(g_steal_pointer(&task->batch));
    task->phase = TASK_READY;
    if (task->fields_cursor)
        return true;
    fields_end_list(job->fields, &changed);
    job->state.fields_at = date;
    if (changed) {
        job->fields_dirty = true;
        job_build_table(job);
    }
    g_ptr_array_remove(job->tasks, task);
    if (job->phase == JOB_FIELDS)
        job_begin_leg(job);
    else
        release_held(job);
    decoder_ignore(job->decoder, job->ignored_fields, false);
    return true;
}

bool task_take(struct task *task, const struct json_value *root, instant_t date, GError **error)
{
    struct job *job = task->job;

    if (task->is_ahead) {
        job_take_ahead(task, root, date);
        return true;
    }
    if (!(task->walk ? job_take_page : take_fields)(task, root, date, error))
        return false;
    job_feed_ahead(job);
    return true;
}

/* --- failures --- */

void job_fail(struct job *job, const GError *failure)
{
    if (job->error) /* the first one counts */
        return;
    g_clear_pointer(&job->message, g_free); /* a remark gives way */
    job->error = g_error_copy(failure);
    job_stop(job, OUTCOME_FAILED, failure->message);
}

static void fail_table_too_large(struct job *job, const GError *failure)
{
    job_fail(job, failure);
    g_free(job->message);
    job->message = g_strdup_printf("%s, even for one record: leave the table out, and report this",
                                   failure->message);
}

/* The walk knows better than the policy: 400 and 403 may be about a name that the plan does not
 * allow. */
static bool walk_copes(struct task *task, const GError *failure)
{
    struct job *job = task->job;
    bool gated = job->state.gated;

    bool copes = task->walk && walk_refused(task->walk, failure);

    if (gated != job->state.gated)
        job_build_table(job);
    return copes;
}

static bool deal_with(struct task *task, const GError *failure, const struct retry_policy *policy,
                      double random, bool *ret_parks)
{
    struct job *job = task->job;
    bool forbidden =
        error_is(failure, PENSTOCK_ERROR_AUTH) && error_detail(failure)->origin_code == 403;
    bool is_record = task->walk && walk_record(task->walk);
    struct retry_decision decision;

    *ret_parks = false;
    batch_release(g_steal_pointer(&task->batch));
    task->phase = TASK_READY;
    if (walk_copes(task, failure))
        return true;
    if (forbidden) { /* this list, not the credential as a whole */
        if (job_is_child(job))
            job_give_up_children(task, failure);
        else if (is_record)
            job_record_failed(task, failure);
        else
            job_fail(job, failure);
        return true;
    }
    decision = retry_decide(policy, job_is_child(job) || is_record ? CALL_RECORD : CALL_PAGE,
                            &task->history, failure, random);
    if (is_record && decision.action == RETRY_SMALLER)
        decision.action = RETRY_GIVE_UP_REQUEST;
    log_debug("failure", "table", job->stream->name, "error", failure->message, "action",
              retry_action_name(decision.action), "wait_ms", log_int(decision.wait_ms), NULL);
    switch (decision.action) {
    case RETRY_AFTER:
        task->not_before_ms = clock_monotonic_ms() + decision.wait_ms;
        if (job_is_child(job) && !error_is(failure, PENSTOCK_ERROR_THROTTLED))
            retry_streak_failure(&job->streak, false);
        if (job->gave_up)
            job_children_settle(job);
        return true;
    case RETRY_SMALLER:
        if (!task->walk || !walk_ask_less(task->walk))
            fail_table_too_large(job, failure);
        else
            job->page_bytes = MAX(job->page_bytes / 2, 4096);
        return true;
    case RETRY_GIVE_UP_REQUEST:
        if (is_record)
            job_record_failed(task, failure);
        else
            job_give_up_children(task, failure);
        return true;
    case RETRY_STOP_TABLE:
        job_fail(job, failure);
        return true;
    case RETRY_STOP_RUN:
        *ret_parks = decision.parks;
        return false;
    }
    g_assert_not_reached();
}

bool task_fail(struct task *task, const GError *failure, const struct retry_policy *policy,
               double random, bool *ret_parks)
{
    struct job *job = task->job;

    if (task->is_ahead)
        return job_fail_ahead(task, failure, policy, random, ret_parks);
    if (!deal_with(task, failure, policy, random, ret_parks))
        return false;
    job_feed_ahead(job); /* a page that is here may bring what was asked for */
    return true;
}

/* --- the loader's replies --- */

static struct task *waiting_task(const struct job *job)
{
    for (unsigned i = 0; i < job->tasks->len; i++) {
        struct task *task = job->tasks->pdata[i];

        if (task->phase == TASK_WAITING)
            return task;
    }
    return NULL;
}

/* A small table is read a second time before anything is flagged. */
static void take_guard(struct job *job, const struct reply *reply)
{
    struct task *task = waiting_task(job);

    if (task && !task->confirming && reply->alive <= GUARD_SMALL_TABLE &&
        walk_seen(task->walk)->len > 0) {
        g_ptr_array_set_size(job->tasks, 0);
        job_begin_leg(job);
        ((struct task *)job->tasks->pdata[0])->confirming = true;
        return;
    }
    job_fail(job, reply->error);
}

static void count_reply(struct job *job, const struct reply *reply)
{
    job->progress.rows += reply->rows;
    job->progress.deleted += reply->deleted;
    job->progress.rejected += reply->rejected;
    job->fed += job->feeds_children && reply->had_page;
}

static void take_committed(struct job *job)
{
    job_note_drained(job);
    if (waiting_task(job) && job->works == 0)
        job_end_leg(job);
    else if (job->phase == JOB_ASKING && job->tasks->len == 0 && job->works == 0)
        job_go_on_asking(job);
    else
        job_children_settle(job);
}

bool job_take_reply(struct job *job, struct reply *reply, GError **error)
{
    job->works--;
    if (reply->error && error_is(reply->error, PENSTOCK_ERROR_GUARD)) {
        take_guard(job, reply);
        return true;
    }
    if (reply->error && reply->of_table) {
        job->table_refused = true;
        job_fail(job, reply->error);
        return true;
    }
    if (reply->error) {
        g_propagate_error(error, g_steal_pointer(&reply->error));
        return false;
    }
    count_reply(job, reply);
    if (job->phase != JOB_ENDED) {
        if (reply->kind == WORK_QUEUE)
            job_queue_came(job, reply);
        else if (reply->kind == WORK_SUSPECTS)
            job_suspects_came(job, reply);
        else
            take_committed(job);
    }
    job_report(job);
    return true;
}
