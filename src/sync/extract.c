/* The I/O thread: sends the requests that jobs want, as far as credit and the burst window allow,
 * feeds answers to the jobs and their works to the loader. It never waits for disk, lock or
 * database. */
#include "base/handover.h"
#include "sync/extract_private.h"

#define WAIT_WORTH_TELLING_MS 500
#define SETTLE_MS             100

G_STATIC_ASSERT(HTTP_BODY_PADDING >= JSON_PADDING);

/* --- events --- */

struct event *extract_event(struct extract *x, enum event_kind kind, char *text)
{
    struct event *event = g_new0(struct event, 1);

    event->kind = kind;
    event->connection = x->settings->connection;
    event->text = text;
    event->requests = x->api.requests;
    event->tokens = x->api.tokens;
    for (unsigned i = 0; i < STREAM_COUNT; i++)
        event->rows += x->jobs[i] && x->jobs[i]->selected ? x->jobs[i]->progress.rows : 0;
    return event;
}

void extract_send(struct extract *x, struct event *event)
{
    handover_give(event);
    g_async_queue_push(x->sync->events, event);
}

void extract_warn(void *opaque, const char *table, const char *text)
{
    struct event *event = extract_event(opaque, EVENT_WARNING, g_strdup(text));

    event->progress.table = table;
    extract_send(opaque, event);
}

void extract_job_changed(void *opaque, struct job *job)
{
    struct event *event;

    if (!job->selected)
        return;
    event = extract_event(opaque, EVENT_TABLE, g_strdup(job->message));
    event->progress = job->progress;
    extract_send(opaque, event);
}

instant_t extract_now(void *opaque)
{
    return api_now(&((struct extract *)opaque)->api);
}

void extract_push(void *opaque, struct work *work)
{
    struct extract *x = opaque;

    x->pages_with_loader += work->batch != NULL;
    loader_push(x->loader, work);
}

void extract_wake(void *opaque)
{
    sync_wake(opaque);
}

/* --- the loop --- */

void extract_stop(struct extract *x, GError *error, bool parks)
{
    x->stopping = true;
    x->parked |= parks;
    if (x->error)
        g_error_free(error);
    else
        x->error = error;
}

static size_t page_ceiling(const struct extract *x)
{
    return x->memory_bytes / SYNC_PAGE_SHARE;
}

/* False when credit is short. */
static bool send_task(struct extract *x, struct task *task)
{
    int cost;

    /* The field list that a held page waits for must not wait for that page's credit. */
    task->batch = task->walk ? batch_acquire(x->pool, task_credit(task)) : batch_new();
    if (!task->batch) {
        extract_not_sent(x, task);
        return false;
    }
    task->batch->asked_at = api_now(&x->api);
    task->phase = TASK_SENT;
    task_request(task, x->path, &cost);
    task->job->progress.requests++;
    task->job->progress.tokens += cost;
    api_send(&x->api, x->path->str, cost, page_ceiling(x), task);
    return true;
}

static bool lists_are_read(const struct extract *x)
{
    for (unsigned i = 0; i < STREAM_COUNT; i++)
        if (x->jobs[i] && !job_is_child(x->jobs[i]) && !job_is_ended(x->jobs[i]) &&
            !(x->held_jobs >> i & 1))
            return true;
    return false;
}

/* A list waits for one page after the other, children can be asked for side by side at any time:
 * they leave half of the burst window to the lists. */
static int64_t wait_for_room(const struct extract *x, const struct job *job, int64_t now_ms)
{
    return job_is_child(job) && lists_are_read(x) ? governor_spare_wait_ms(&x->api.governor, now_ms)
                                                  : 0;
}

static bool loader_has_enough(const struct extract *x)
{
    return lead_is_enough(&x->lead, x->pages_with_loader, http_client_in_flight(x->api.client),
                          governor_latency_ms(&x->api.governor));
}

/* Pages that wait for their turn hold credit: not more than half of it. And where the tokens run
 * out before their turn comes, they were read for nothing. */
static bool read_ahead(struct extract *x, unsigned most)
{
    if (batch_pool_used_bytes(x->pool) > x->memory_bytes / 2)
        return false;
    for (unsigned i = 0; i < STREAM_COUNT; i++)
        if (x->jobs[i] && extract_affords(x, x->jobs[i], JOB_FARTHEST_AHEAD * most) &&
            job_read_ahead(x->jobs[i], most))
            return true;
    return false;
}

/* One request at a time for each list is less than the burst limit allows while answers take long:
 * a long walk is cut in two, or a page is read ahead. */
static bool ask_for_more(struct extract *x)
{
    unsigned depth = governor_depth(&x->api.governor);

    if (x->stopping || x->held != BUDGET_GO || loader_has_enough(x) ||
        http_client_in_flight(x->api.client) >= depth)
        return false;
    for (unsigned i = 0; i < STREAM_COUNT; i++)
        if (x->jobs[i] && job_cut(x->jobs[i]))
            return true;
    return read_ahead(x, depth);
}

/* Pages that wait for their turn while the one before them finds no credit. */
static bool give_up_ahead(struct extract *x)
{
    bool gave_up = false;

    if (http_client_in_flight(x->api.client) > 0 || x->pages_with_loader > 0)
        return false;
    for (unsigned i = 0; i < STREAM_COUNT; i++)
        gave_up |= x->jobs[i] && job_drop_ahead(x->jobs[i]);
    return gave_up;
}

/* Milliseconds until it is worth looking again; -1: something will wake us. */
static int64_t send_what_may_go(struct extract *x)
{
    int64_t now_ms = clock_monotonic_ms(), soonest_ms = INT64_MAX;
    bool short_of_credit = false;

    x->held = BUDGET_GO;
    x->held_jobs = 0;
    for (unsigned i = 0; i < STREAM_COUNT && !x->stopping; i++) {
        struct task *task;

        while (x->jobs[i] && (task = job_next_task(x->jobs[i], now_ms, &soonest_ms))) {
            int64_t wait_ms;

            if (loader_has_enough(x)) /* its reply will wake us */
                return -1;
            if (short_of_credit && task->walk)
                break;
            wait_ms = api_wait_ms(&x->api, now_ms);
            x->waits_for_burst = wait_ms > 0;
            if (wait_ms > 0)
                return wait_ms;
            wait_ms = wait_for_room(x, x->jobs[i], now_ms);
            if (wait_ms > 0) {
                soonest_ms = MIN(soonest_ms, now_ms + wait_ms);
                break;
            }
            if (!extract_may_send(x, task))
                break;
            /* Nobody else takes the credit that comes back, but lists of fields go, for which pages
             * that hold some of it may wait. */
            short_of_credit |= !send_task(x, task);
        }
    }
    if (short_of_credit && give_up_ahead(x))
        return 0;
    if (short_of_credit) {
        bool busy = http_client_in_flight(x->api.client) || batch_pool_used_bytes(x->pool);

        /* A page that holds the credit may itself wait: for the budget, or for another try of its
         * list of fields. */
        soonest_ms = busy ? soonest_ms : MIN(soonest_ms, now_ms + SETTLE_MS);
    } else if (ask_for_more(x)) {
        return 0;
    }
    return extract_wait_for_budget(x, soonest_ms == INT64_MAX ? -1 : MAX(soonest_ms - now_ms, 1));
}

/* The task may be gone afterwards. */
static void take_answer(struct extract *x, struct http_answer *answer)
{
    struct task *task = answer->opaque;
    struct job *job = task->job;
    const struct json_value *root;
    GError *error = NULL;
    bool parks, good;

    extract_paid_answer(x, task, answer);
    good = api_judge(&x->api, answer, task->batch->arena, &root, &error);
    if (job->phase == JOB_ENDED) { /* its table failed meanwhile */
        g_clear_error(&error);
        http_answer_free(answer);
        batch_release(g_steal_pointer(&task->batch));
        return;
    }
    if (good) {
        task->batch->body_bytes = answer->body_bytes;
        task->batch->body = http_answer_take_body(answer);
        good = task_take(task, root, api_now(&x->api), &error);
    }
    if (!good && job->phase != JOB_ENDED &&
        !task_fail(task, error, &x->api.policy, g_random_double(), &parks)) {
        g_prefix_error(&error, "%s: ", job->stream->name);
        extract_stop(x, g_steal_pointer(&error), parks);
    }
    g_clear_error(&error);
    http_answer_free(answer);
}

void extract_tell_remark(struct extract *x, const struct reply *reply)
{
    if (reply->remark)
        extract_warn(x, reply->stream ? reply->stream->name : NULL, reply->remark);
}

void extract_count_lines(struct extract *x, const struct reply *reply)
{
    if (x->jobs[STREAM_DEAL_PRODUCTS])
        x->jobs[STREAM_DEAL_PRODUCTS]->progress.deleted += reply->lines_flagged;
}

static void take_reply(struct extract *x, struct reply *reply)
{
    GError *error = NULL;

    extract_count_lines(x, reply);
    extract_tell_remark(x, reply);
    if (reply->had_page) {
        x->pages_with_loader--;
        lead_loaded(&x->lead, reply->took_us);
    }
    if (!reply->tag) {
        x->works--;
        if (reply->error)
            extract_stop(x, g_steal_pointer(&reply->error), false);
    } else if (!job_take_reply(reply->tag, reply, &error)) {
        extract_stop(x, error, false);
    }
    reply_free(reply);
}

static void follow_deals(struct extract *x)
{
    const struct job *deals = x->jobs[STREAM_DEALS];
    static const enum stream_id children[] = {STREAM_DEAL_PRODUCTS, STREAM_DEALFLOW};

    for (unsigned i = 0; i < G_N_ELEMENTS(children); i++)
        if (x->jobs[children[i]])
            job_follow_parents(x->jobs[children[i]], deals,
                               job_is_ended(deals) || extract_is_held_in_pass(x, deals));
}

static bool all_ended(const struct extract *x)
{
    if (x->works > 0)
        return false;
    for (unsigned i = 0; i < STREAM_COUNT; i++)
        if (x->jobs[i] && !job_is_ended(x->jobs[i]))
            return false;
    return true;
}

static void explain_wait(struct extract *x, int64_t wait_ms)
{
    struct event *event;
    int64_t now_ms = clock_monotonic_ms();

    if (wait_ms < WAIT_WORTH_TELLING_MS || http_client_in_flight(x->api.client) > 0 ||
        now_ms < x->told_until_ms)
        return;
    event = extract_event(x, EVENT_WAITING,
                          g_strdup(x->waits_for_burst     ? "the burst limit"
                                   : x->held != BUDGET_GO ? "the budget"
                                                          : "another try"));
    event->wait_ms = wait_ms;
    x->told_until_ms = now_ms + wait_ms;
    extract_send(x, event);
}

static void loop(struct extract *x)
{
    while (!x->stopping && !all_ended(x)) {
        struct http_answer *answer;
        struct reply *reply;
        int64_t wait_ms;

        if (g_atomic_int_get(&x->sync->cancelled)) {
            extract_stop(x,
                         g_error_new(PENSTOCK_ERROR, PENSTOCK_ERROR_CANCELLED,
                                     "stopped as asked; run again to go on from here"),
                         false);
            break;
        }
        while ((reply = loader_take(x->loader)))
            take_reply(x, reply);
        while (!x->stopping && (answer = http_client_take(x->api.client)))
            take_answer(x, answer);
        follow_deals(x);
        if (x->stopping || all_ended(x))
            break;
        wait_ms = send_what_may_go(x);
        explain_wait(x, wait_ms);
        http_client_wait(x->api.client, wait_ms);
    }
}

static void extract_done(struct extract *x)
{
    sync_set_client(x->sync, NULL);
    for (unsigned i = 0; i < STREAM_COUNT; i++)
        job_free(x->jobs[i]);
    api_close(&x->api);
    ledger_free(x->purse.ledger);
    g_free(x->purse.warning);
    if (x->pool)
        batch_pool_free(x->pool);
    table_free(x->fields_table);
    table_free(x->options_table);
    identity_done(&x->who);
    g_string_free(x->path, TRUE);
    g_clear_error(&x->error);
}

void *extract_run(void *opaque)
{
    struct sync *sync = opaque;
    struct extract x = {
        .sync = sync,
        .settings = &sync->settings,
        .path = g_string_new(NULL),
        .started_ms = clock_monotonic_ms(),
    };

    if (extract_begin(&x, &x.error))
        loop(&x);
    extract_end(&x);
    extract_send(&x, extract_event(&x, EVENT_DONE, NULL));
    extract_done(&x);
    return NULL;
}
