/* Children of deals: product lines and logs, read from the queue of parents. */
#include "base/format.h"
#include "sync/job_private.h"

#include <string.h>

/* openapi-v2.yaml, GET /deals/products: at most 100 deal_ids a call. */
#define LINES_A_CALL 100
/* Parents taken from the queue at once; small enough to be forgotten after a kill, large enough to
 * keep busy. */
#define LINES_A_ROUND 2000
#define FLOWS_A_ROUND 200

bool job_is_child(const struct job *job)
{
    return job->stream->walk == WALK_LINES || job->stream->walk == WALK_FLOW;
}

static unsigned round_size(const struct job *job)
{
    return job->stream->walk == WALK_LINES ? LINES_A_ROUND : FLOWS_A_ROUND;
}

/* A round is read and committed before the next one is taken, so that no two requests about one
 * deal are under way, and the newer answer is never followed by the older. While more deals come,
 * only full calls are taken: so there are as many of them as if all deals had come before. */
static void read_queue(struct job *job)
{
    struct work *work = job_work(job, WORK_QUEUE);

    job->phase = JOB_QUEUE;
    job->progress.outcome = OUTCOME_RUNNING;
    job->has_more = false;
    work->limit = round_size(job);
    work->multiple = job->takes_rest ? 1 : LINES_A_CALL;
    job_push(job, work);
}

/* --- the beginning --- */

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

static void note_seeded(struct job *job, struct work *work)
{
    job->state.seeded = true;
    job->state.full_at = work->now;
    job_put_state(job, work);
    job_push(job, work);
}

/* Deals of before this child was chosen, and once a week all deals with products: lines change
 * without a trace. */
static void seed(struct job *job, const struct table *deals)
{
    struct work *work = job_work(job, WORK_SEED);

    job->phase = JOB_SEEDING;
    job->progress.outcome = OUTCOME_RUNNING;
    work->table = deals;
    note_seeded(job, work);
}

/* There is no deal of before, and from now on each comes through the queue: that is known before
 * the first of them is stored, whatever becomes of this run. The table is made with it, since one
 * that has a state is missed. */
static void note_nothing_to_seed(struct job *job)
{
    struct work *work = job_work(job, WORK_COMMIT);

    work->run.progress.table = NULL; /* its turn is still to come: no line in the run log */
    note_seeded(job, work);
}

/* Before all deals are read nothing can be seeded: those that change would be read twice. */
static bool may_begin(const struct job *job, const struct job *deals, bool deals_ended)
{
    return deals_ended || deals->is_new || !must_seed(job);
}

static void begin(struct job *job, const struct job *deals, bool deals_ended)
{
    job->is_begun = true;
    job->is_first = !job->state.seeded;
    job->streak.in_doubt = job->streak.was_hopeless = job->state.hopeless;
    job->progress.first_load = job->is_first || deals->progress.first_load;
    if (!deals_ended && deals->is_new)
        note_nothing_to_seed(job);
    else if (deals->selected && !deals->table_refused && must_seed(job))
        seed(job, deals->table);
}

/* Logs wait for all deals: they are read newest first, as far as the budget goes, and a call for
 * each deal would take the burst window from the lists for nothing. So do lines without a table of
 * deals, where nothing shows that an archived deal is the same when its list is read again. */
static bool reads_beside(const struct job *job)
{
    return job->stream->walk == WALK_LINES && job->context->has_deals_table;
}

void job_follow_parents(struct job *job, const struct job *deals, bool deals_ended)
{
    if (job->phase != JOB_WAITING)
        return;
    if (!job->is_begun && may_begin(job, deals, deals_ended))
        begin(job, deals, deals_ended);
    if (!job->is_begun || job->phase != JOB_WAITING)
        return;
    /* Its first load begins with the deals that are stored; later ones come through the queue. */
    if (deals_ended && deals->table_refused && job->is_first) {
        job_stop(job, OUTCOME_FAILED, "not read: the deals that it belongs to could not be stored");
        return;
    }
    job->state.seeded |= deals_ended;
    job->takes_rest = deals_ended;
    job->has_more |= job->fed != deals->fed;
    job->fed = deals->fed;
    if (deals_ended || (job->has_more && reads_beside(job) && !job->gave_up))
        read_queue(job);
}

/* --- rounds --- */

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

static void tell_failures(struct job *job)
{
    g_free(job->message);
    if (job->gave_up)
        job->message = g_strdup_printf("one deal after another could not be read: %s deal(s) wait "
                                       "in the queue for the next run; %s",
                                       COUNT_TEXT(job->progress.queue), job->failure);
    else
        job->message = g_strdup_printf("%s deal(s) could not be read and wait for another try; %s",
                                       COUNT_TEXT(job->failed_parents), job->failure);
}

static void note_failed_parents(struct job *job, int64_t waiting)
{
    if (waiting == 0)
        return;
    if (!job->message)
        job->message = g_strdup_printf("%s deal(s) wait for another try", COUNT_TEXT(waiting));
}

void job_queue_came(struct job *job, struct reply *reply)
{
    job->progress.queue = reply->queue;
    if (job->gave_up) { /* only their number was asked for */
        tell_failures(job);
        job_drain(job);
    } else if (reply->parents->len > 0) {
        job->has_more |= reply->parents->len == round_size(job);
        job->phase = JOB_CHILDREN;
        start_tasks(job, reply->parents);
    } else if (job->takes_rest) {
        note_failed_parents(job, reply->not_due);
        job_drain(job);
    } else {
        job->phase = JOB_WAITING; /* for company */
    }
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
    job->read_some = true;
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
    if (job->phase != JOB_CHILDREN && job->phase != JOB_SEEDING)
        return;
    if (job->gave_up)
        leave_the_rest(job);
    if (job->tasks->len == 0 && job->works == 0)
        job->phase = JOB_WAITING;
}

static void name_failure(struct job *job, const struct parent *first, unsigned count,
                         const GError *failure)
{
    job->failed_parents += count;
    g_free(job->failure);
    job->failure = g_strdup_printf("deal %" G_GINT64_FORMAT ": %s", first->id, failure->message);
    tell_failures(job);
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
