/* Children of deals: product lines and logs, read from the queue of parents. */
#include "sync/job_private.h"

#include <string.h>

/* openapi-v2.yaml, GET /deals/products: at most 100 deal_ids a call. */
#define LINES_A_CALL 100
/* Parents taken from the queue at once; small enough to be forgotten after a kill, large enough to
 * keep busy. */
#define LINES_A_ROUND 2000
#define FLOWS_A_ROUND 200

static unsigned round_size(const struct job *job)
{
    return job->stream->walk == WALK_LINES ? LINES_A_ROUND : FLOWS_A_ROUND;
}

void job_read_queue(struct job *job)
{
    struct work *work = job_work(job, WORK_QUEUE);

    job->phase = JOB_QUEUE;
    work->limit = round_size(job);
    work->multiple = 1;
    job_push(job, work);
}

static bool must_seed(const struct job *job)
{
    const struct job_context *context = job->context;

    if (!context->has_deals_table)
        return false;
    if (!job->state.seeded)
        return true;
    return job->stream->walk == WALK_LINES &&
           schedule_is_due(&context->schedule, job->state.full_at, context->full_every_s);
}

/* Deals of before this child was chosen, and once a week all deals with products: lines change
 * without a trace. */
static void seed(struct job *job, const struct table *deals)
{
    struct work *work;

    job->phase = JOB_SEEDING;
    job->state.seeded = true;
    job->state.full_at = job->context->now(job->context->opaque);
    work = job_work(job, WORK_SEED);
    work->table = deals;
    job_put_state(job, work);
    job_push(job, work);
}

void job_parents_ended(struct job *job, const struct table *deals, bool lost)
{
    if (job->phase != JOB_WAITING)
        return;
    /* Its first load begins with the deals that are stored; later ones come through the queue. */
    if (lost && !job->state.seeded) {
        job_stop(job, OUTCOME_FAILED, "not read: the deals that it belongs to could not be stored");
        return;
    }
    job->streak.in_doubt = job->streak.was_hopeless = job->state.hopeless;
    job->progress.first_load = !job->state.seeded;
    job->progress.outcome = OUTCOME_RUNNING;
    if (deals && must_seed(job)) {
        seed(job, deals);
        return;
    }
    job->state.seeded = true;
    job_read_queue(job);
}

static void start_tasks(struct job *job, const GArray *parents)
{
    const struct parent *list = (const struct parent *)(void *)parents->data;

    if (job->stream->walk == WALK_FLOW) {
        for (unsigned i = 0; i < parents->len; i++)
            task_new(job, walk_new_flow(job->stream, &list[i]));
        return;
    }
    for (unsigned i = 0; i < parents->len; i += LINES_A_CALL)
        task_new(job, walk_new_lines(job->stream, list + i, MIN(LINES_A_CALL, parents->len - i)));
}

static void note_failed_parents(struct job *job, int64_t waiting)
{
    if (waiting == 0)
        return;
    if (!job->message)
        job->message =
            g_strdup_printf("%" G_GINT64_FORMAT " deal(s) wait for another try", waiting);
}

void job_queue_came(struct job *job, struct reply *reply)
{
    job->progress.queue = reply->queue;
    if (reply->parents->len == 0) {
        note_failed_parents(job, reply->not_due);
        job_drain(job);
        return;
    }
    job->phase = JOB_CHILDREN;
    start_tasks(job, reply->parents);
}

/* --- pages --- */

static const struct parent *find_parent(const struct walk *walk, int64_t id)
{
    unsigned count;
    const struct parent *parents = walk_parents(walk, &count);

    for (unsigned i = 0; i < count; i++)
        if (parents[i].id == id)
            return &parents[i];
    return NULL;
}

void job_children_step(struct task *task, struct walk_step *step, struct work *work)
{
    struct job *job = task->job;

    retry_streak_success(&job->streak);
    job->state.hopeless = job->gave_up;
    work->groups = g_steal_pointer(&step->groups);
    work->parents = g_array_new(FALSE, FALSE, sizeof(struct parent));
    for (unsigned i = 0; work->groups && i < work->groups->len; i++) {
        const struct parent *parent =
            find_parent(task->walk, g_array_index(work->groups, struct walk_group, i).parent);

        if (parent)
            g_array_append_val(work->parents, *parent);
    }
    job->progress.queue = MAX(0, job->progress.queue - (int64_t)work->parents->len);
    for (unsigned i = 0; step->ask_alone && i < step->ask_alone->len; i++)
        task_new(job,
                 walk_new_lines(job->stream, &g_array_index(step->ask_alone, struct parent, i), 1));
    if (step->done)
        g_ptr_array_remove(job->tasks, task);
    job_push(job, work);
}

/* --- failures --- */

struct task *job_doubtful_task(const struct job *job, bool *ret_wait)
{
    struct task *first = NULL;

    *ret_wait = job->gave_up;
    if (!job->streak.in_doubt)
        return NULL;
    for (unsigned i = 0; i < job->tasks->len; i++) {
        struct task *task = job->tasks->pdata[i];

        *ret_wait |= task->phase == TASK_SENT;
        if (!first || (first->history.failures == 0 && task->history.failures > 0))
            first = task;
    }
    return first;
}

/* What was not sent stays in the queue. */
static void leave_the_rest(struct job *job)
{
    for (unsigned i = job->tasks->len; i-- > 0;)
        if (((const struct task *)job->tasks->pdata[i])->phase != TASK_SENT)
            g_ptr_array_remove_index(job->tasks, i);
}

void job_children_settle(struct job *job)
{
    if (job->phase != JOB_CHILDREN)
        return;
    if (job->gave_up)
        leave_the_rest(job);
    if (job->tasks->len > 0 || job->works > 0)
        return;
    if (job->gave_up)
        job_drain(job);
    else
        job_read_queue(job);
}

static void name_failure(struct job *job, const struct parent *first, unsigned count,
                         const GError *failure)
{
    job->failed_parents += count;
    g_free(job->message);
    if (job->gave_up) {
        job->message = g_strdup_printf(
            "one deal after another could not be read: %" G_GINT64_FORMAT
            " deal(s) wait in the queue for the next run; deal %" G_GINT64_FORMAT ": %s",
            job->progress.queue, first->id, failure->message);
        return;
    }
    job->message = g_strdup_printf(
        "%" G_GINT64_FORMAT
        " deal(s) could not be read and wait for another try; deal %" G_GINT64_FORMAT ": %s",
        job->failed_parents, first->id, failure->message);
}

static void put_off(struct task *task, const struct parent *parents, unsigned count,
                    const GError *failure)
{
    struct job *job = task->job;
    struct work *work = job_work(job, WORK_COMMIT);
    GArray *list = g_array_new(FALSE, FALSE, sizeof(struct parent));

    g_array_append_vals(list, parents, count);
    work->table = NULL;
    if (error_is(
            failure,
            PENSTOCK_ERROR_GONE)) { /* the deal vanished between listing and reading: skipped */
        work->parents = list;
    } else {
        work->retry = list;
        retry_streak_failure(&job->streak, true);
        job->gave_up |= retry_streak_is_hopeless(&job->streak);
        job->state.hopeless |= job->gave_up;
        name_failure(job, parents, count, failure);
    }
    g_ptr_array_remove(job->tasks, task);
    job_push(job, work);
}

/* One of them is the trouble. The halves go first: if it is all of them, a few requests show it. */
static void halve(struct task *task, const struct parent *parents, unsigned count)
{
    struct job *job = task->job;
    unsigned half = count / 2, last;

    retry_streak_failure(&job->streak, false);
    task_new(job, walk_new_lines(job->stream, parents + half, count - half));
    task_new(job, walk_new_lines(job->stream, parents, half));
    g_ptr_array_remove(job->tasks, task);
    last = job->tasks->len - 1;
    g_ptr_array_insert(job->tasks, 0, g_ptr_array_steal_index(job->tasks, last - 1));
    g_ptr_array_insert(job->tasks, 0, g_ptr_array_steal_index(job->tasks, last));
}

void job_give_up_children(struct task *task, const GError *failure)
{
    unsigned count;
    const struct parent *parents = walk_parents(task->walk, &count);
    int status = error_detail(failure)->origin_code;

    if (count > 1 && status >= 400 && status < 500) {
        halve(task, parents, count);
        return;
    }
    put_off(task, parents, count, failure);
}
