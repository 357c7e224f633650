/* Pages that are read ahead: their answers wait for their turn, and are then taken as if the walk
 * had just asked for them. What becomes of them is no part of the state. */
#include "sync/job_private.h"

/* The one task that reads a list by offset. */
static struct task *reader(const struct job *job)
{
    struct task *task;

    if (job->phase != JOB_LEGS || job->tasks->len != 1)
        return NULL;
    task = job->tasks->pdata[0];
    return task->walk ? task : NULL;
}

bool job_read_ahead(struct job *job, unsigned most)
{
    struct task *walker = reader(job), *page;
    int64_t start;

    /* It waits for something else than answers. */
    if (!walker || (walker->phase != TASK_SENT && !job_has_ahead(job, walker)) ||
        !walk_ahead(walker->walk, most, &start))
        return false;
    page = g_new0(struct task, 1);
    page->job = job;
    page->walk = walker->walk;
    page->is_ahead = true;
    page->start = start;
    g_ptr_array_add(job->ahead, page);
    return true;
}

/* The page whose turn it is; one that is here before one that is under way. */
static struct task *next_page(const struct job *job)
{
    struct task *next = NULL;

    for (unsigned i = 0; i < job->ahead->len; i++) {
        struct task *page = job->ahead->pdata[i];

        if (page->walk && walk_place_of(page->walk, page->start) == PLACE_NEXT &&
            (!next || page->phase == TASK_HELD))
            next = page;
    }
    return next;
}

bool job_has_ahead(const struct job *job, const struct task *task)
{
    return !task->is_ahead && task == reader(job) && next_page(job);
}

/* An answer that is under way comes to its task, wanted or not. */
static void drop(struct task *page)
{
    if (page->walk)
        walk_ahead_drop(page->walk, page->start);
    page->walk = NULL;
    if (page->phase == TASK_SENT)
        page->phase = TASK_STRAYED;
    else if (page->phase != TASK_STRAYED)
        g_ptr_array_remove(page->job->ahead, page);
}

static void drop_strayed(struct job *job)
{
    for (unsigned i = job->ahead->len; i-- > 0;) {
        struct task *page = job->ahead->pdata[i];

        if (page->walk && walk_place_of(page->walk, page->start) == PLACE_NONE)
            drop(page);
    }
}

bool job_drop_ahead(struct job *job)
{
    unsigned before = job->ahead->len;

    for (unsigned i = before; i-- > 0;) {
        struct task *page = job->ahead->pdata[i];

        if (page->phase == TASK_HELD)
            drop(page);
    }
    return job->ahead->len < before;
}

void job_end_ahead(struct job *job)
{
    for (unsigned i = job->ahead->len; i-- > 0;)
        drop(job->ahead->pdata[i]);
}

/* A page that is no good is asked for again by the walk itself, whose failures are counted then. */
static void take_in_turn(struct task *walker, struct task *page)
{
    const struct json_value *root = page->held;
    instant_t date = page->held_date;
    g_autoptr(GError) error = NULL;

    walk_ahead_take(page->walk, page->start);
    walker->batch = g_steal_pointer(&page->batch);
    walker->phase = TASK_SENT;
    g_ptr_array_remove(walker->job->ahead, page);
    if (!job_take_page(walker, root, date, &error)) {
        batch_release(g_steal_pointer(&walker->batch));
        walker->phase = TASK_READY;
    }
}

void job_feed_ahead(struct job *job)
{
    struct task *walker, *page;

    drop_strayed(job);
    while ((walker = reader(job)) && walker->phase == TASK_READY && (page = next_page(job)) &&
           page->phase == TASK_HELD) {
        take_in_turn(walker, page);
        drop_strayed(job);
    }
}

void job_take_ahead(struct task *task, const struct json_value *root, instant_t date)
{
    struct job *job = task->job;

    if (!task->walk || !walk_glimpse(task->walk, task->start, root)) {
        g_ptr_array_remove(job->ahead, task);
        return;
    }
    task->phase = TASK_HELD;
    task->held = json_keep(root, task->batch->arena);
    task->held_date = date;
    batch_adjust_credit(task->batch, batch_used_bytes(task->batch));
    job_feed_ahead(job);
}

bool job_fail_ahead(struct task *task, const GError *failure, const struct retry_policy *policy,
                    double random, bool *ret_parks)
{
    struct retry_decision decision;

    *ret_parks = false;
    batch_release(g_steal_pointer(&task->batch));
    task->phase = TASK_READY;
    /* Whether the list may be read is for the walk itself to find out. */
    if (!task->walk || error_is(failure, PENSTOCK_ERROR_AUTH)) {
        drop(task);
        return true;
    }
    decision = retry_decide(policy, CALL_PAGE, &task->history, failure, random);
    switch (decision.action) {
    case RETRY_AFTER:
        task->not_before_ms = clock_monotonic_ms() + decision.wait_ms;
        return true;
    case RETRY_SMALLER:
    case RETRY_GIVE_UP_REQUEST:
    case RETRY_STOP_TABLE:
        drop(task);
        return true;
    case RETRY_STOP_RUN:
        *ret_parks = decision.parks;
        return false;
    }
    g_assert_not_reached();
}
