/* The I/O thread: sends the requests that jobs want, as far as credit and the burst window allow,
 * feeds answers to the jobs and their works to the loader. It never waits for disk, lock or
 * database. */
#include "base/handover.h"
#include "base/log.h"
#include "sync/api.h"
#include "sync/job.h"
#include "sync/loader.h"
#include "sync/memory.h"
#include "sync/sync_private.h"
#include "sync/system.h"

#include <string.h>

#define MEMORY_BYTES_DEFAULT ((size_t)32 << 20)
/* A page may be so much of the credit: body, values and cells of two of them fit. */
#define PAGE_SHARE 4
/* A loader that lags behind is not helped by more pages: they would only fill memory. */
#define LOADER_BACKLOG_PAGES  4
#define WAIT_WORTH_TELLING_MS 500
#define SETTLE_MS             100

G_STATIC_ASSERT(HTTP_BODY_PADDING >= JSON_PADDING);

#define FULL_EVERY_DEFAULT_S (7 * 24 * 3600)

struct extract {
    struct sync *sync;
    const struct sync_settings *settings;
    struct api api;
    struct loader *loader;
    struct batch_pool *pool;
    struct job_context context;
    struct table *fields_table;
    struct job *jobs[STREAM_COUNT]; /* NULL: not wanted */
    struct identity who;
    GString *path;
    char run_id[40];
    unsigned pages_with_loader;
    unsigned works; /* with the loader, of no job */
    int64_t started_ms;
    int64_t told_until_ms; /* the wait that the world knows about */
    bool waits_for_burst;
    bool stopping;
    bool parked;
    GError *error; /* why the run stopped early */
};

/* --- events --- */

static struct event *new_event(struct extract *x, enum event_kind kind, char *text)
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

static void send_event(struct extract *x, struct event *event)
{
    handover_give(event);
    g_async_queue_push(x->sync->events, event);
}

static void warn(void *opaque, const char *table, const char *text)
{
    struct event *event = new_event(opaque, EVENT_WARNING, g_strdup(text));

    event->progress.table = table;
    send_event(opaque, event);
}

static void job_changed(void *opaque, struct job *job)
{
    struct event *event;

    if (!job->selected)
        return;
    event = new_event(opaque, EVENT_TABLE, g_strdup(job->message));
    event->progress = job->progress;
    send_event(opaque, event);
}

static instant_t server_now(void *opaque)
{
    return api_now(&((struct extract *)opaque)->api);
}

static void push_work(void *opaque, struct work *work)
{
    struct extract *x = opaque;

    x->pages_with_loader += work->batch != NULL;
    loader_push(x->loader, work);
}

static void wake(void *opaque)
{
    sync_wake(opaque);
}

/* --- the beginning --- */

static void start_loader(struct extract *x)
{
    const struct sync_settings *settings = x->settings;
    struct loader_settings loader = {
        .driver = settings->driver,
        .destination = {.url = settings->destination_url,
                        .schema = settings->schema,
                        .connection = settings->connection,
                        .metadata_columns = "native",
                        .lock_timeout_ms = settings->lock_timeout_ms},
        .run_id = x->run_id,
        .wake = wake,
        .wake_opaque = x->sync,
    };

    for (unsigned i = 0; i < STREAM_COUNT; i++)
        loader.selected[i] = memory_is_selected(settings, &catalog[i]);
    loader.queue = (struct queue_settings){
        .lines = loader.selected[STREAM_DEAL_PRODUCTS],
        .flow = loader.selected[STREAM_DEALFLOW],
        .flow_all = settings->dealflow == DEALFLOW_ALL,
        .deals_table = loader.selected[STREAM_DEALS],
    };
    x->loader = loader_new(&loader);
}

static void make_run_id(struct extract *x)
{
    g_autofree char *uuid = g_uuid_string_random();
    char text[INSTANT_TEXT_BYTES];

    instant_format_rfc3339(api_now(&x->api), text);
    g_snprintf(x->run_id, sizeof x->run_id, "%s-%.8s", text, uuid);
}

static void setup_context(struct extract *x)
{
    const struct sync_settings *settings = x->settings;

    x->fields_table = fields_table();
    x->context = (struct job_context){
        .settings = settings,
        .schedule = {.now = api_now(&x->api),
                     .start_date = settings->start_date,
                     .all_now = settings->all_now},
        .full_every_s = settings->all_now             ? 0
                        : settings->full_every_s >= 0 ? settings->full_every_s
                                                      : FULL_EVERY_DEFAULT_S,
        .fields_table = x->fields_table,
        .has_deals_table = memory_is_selected(settings, &catalog[STREAM_DEALS]),
        .now = server_now,
        .push = push_work,
        .warn = warn,
        .changed = job_changed,
        .opaque = x,
    };
    schedule_intervals(settings->every_s, x->context.schedule.every_s);
}

static char *identity_json(const struct identity *who)
{
    GString *text = g_string_new(NULL);
    struct json_writer writer = {.out = text};

    json_begin_object(&writer, NULL);
    json_put_int(&writer, "company_id", who->company_id);
    json_put_string(&writer, "company", who->company_name);
    json_put_int(&writer, "user_id", who->user_id);
    json_put_bool(&writer, "is_admin", who->is_admin);
    json_put_raw(&writer, "access", who->access, strlen(who->access));
    json_end_object(&writer);
    return g_string_free(text, FALSE);
}

/* A destination belongs to one company for ever: another company's token would mix two CRMs. */
static bool check_company(struct extract *x, const struct opened *opened, GError **error)
{
    const char *text = g_hash_table_lookup(opened->states, "connection");
    const struct json_value *root;
    struct arena *arena;
    int64_t company = 0;

    if (!text)
        return true;
    arena = arena_new();
    if (json_parse_copy(x->api.parser, text, strlen(text), arena, &root, NULL))
        json_int64(json_member(root, "company_id"), &company);
    arena_free(arena);
    if (company == x->who.company_id)
        return true;
    error_setf(error, PENSTOCK_ERROR_CONFIG,
               "the destination holds company %" G_GINT64_FORMAT
               ", but the token belongs to %s (company %" G_GINT64_FORMAT
               "): use that company's token, or another destination or schema",
               company, x->who.company_name ? x->who.company_name : "?", x->who.company_id);
    return false;
}

static void put_identity(struct extract *x)
{
    struct work *work = work_new(WORK_COMMIT, NULL, NULL);

    work->now = api_now(&x->api);
    work->state_name = g_strdup("connection");
    work->state = identity_json(&x->who);
    x->works++;
    loader_push(x->loader, work);
}

static bool restore_job(struct extract *x, const struct opened *opened, struct job *job,
                        GError **error)
{
    const char *state = g_hash_table_lookup(opened->states, job->state_name);

    if (job->selected && opened->lost[job->stream->id]) {
        g_autofree char *text =
            g_strdup_printf("the table is loaded anew: %s", opened->lost[job->stream->id]);

        warn(x, job->stream->name, text);
        state = NULL;
    }
    return job_restore(job, state, opened->fields->pdata[0], error);
}

static bool is_wanted(const struct extract *x, const struct stream *stream, bool *ret_selected)
{
    *ret_selected = memory_is_selected(x->settings, stream);
    if (stream->id == STREAM_DEALS)
        return *ret_selected || memory_is_selected(x->settings, &catalog[STREAM_DEAL_PRODUCTS]) ||
               memory_is_selected(x->settings, &catalog[STREAM_DEALFLOW]);
    return *ret_selected;
}

/* A child that was chosen later than the walk without a table began needs that walk from its
 * beginning. */
static void reconsider_parents(struct extract *x)
{
    struct job *deals = x->jobs[STREAM_DEALS];
    const struct job *lines = x->jobs[STREAM_DEAL_PRODUCTS], *flow = x->jobs[STREAM_DEALFLOW];

    if (!deals || deals->selected)
        return;
    if ((lines && !lines->state.seeded) || (flow && !flow->state.seeded)) {
        stream_state_done(&deals->state);
        stream_state_init(&deals->state);
    }
}

static bool make_jobs(struct extract *x, const struct opened *opened, GError **error)
{
    for (unsigned i = 0; i < STREAM_COUNT; i++) {
        bool selected;

        if (!is_wanted(x, &catalog[i], &selected))
            continue;
        x->jobs[i] = job_new(&x->context, &catalog[i], selected);
        if (!restore_job(x, opened, x->jobs[i], error))
            return false;
    }
    reconsider_parents(x);
    if (x->jobs[STREAM_DEALS])
        x->jobs[STREAM_DEALS]->feeds_children =
            x->jobs[STREAM_DEAL_PRODUCTS] || x->jobs[STREAM_DEALFLOW];
    for (unsigned i = 0; i < STREAM_COUNT; i++)
        if (x->jobs[i])
            job_begin(x->jobs[i]);
    return true;
}

static bool open_destination(struct extract *x, GError **error)
{
    struct work *work = work_new(WORK_OPEN, NULL, NULL);
    struct reply *reply;
    bool good;

    work->now = api_now(&x->api);
    loader_push(x->loader, work);
    reply = loader_wait(x->loader);
    if (reply->error) {
        g_propagate_error(error, g_steal_pointer(&reply->error));
        good = false;
    } else {
        good = check_company(x, reply->opened, error);
        if (good)
            put_identity(x);
        good = good && make_jobs(x, reply->opened, error);
    }
    reply_free(reply);
    return good;
}

static void announce(struct extract *x)
{
    const struct identity *who = &x->who;

    send_event(
        x, new_event(x, EVENT_CONNECTED,
                     g_strdup_printf("%s (%s) as %s%s", who->company_name ? who->company_name : "?",
                                     who->company_domain ? who->company_domain : "?",
                                     who->user_name ? who->user_name : "?",
                                     who->is_admin ? ", administrator" : "")));
    if (!who->is_admin)
        warn(x, NULL,
             "the token's user is not an administrator: records that this user may not see are "
             "missing without a trace. "
             "Use an administrator's token");
}

static bool begin(struct extract *x, GError **error)
{
    if (!api_open(&x->api, x->settings, error))
        return false;
    sync_set_client(x->sync, x->api.client);
    if (!api_who(&x->api, &x->sync->cancelled, &x->who, error))
        return false;
    announce(x);
    make_run_id(x);
    setup_context(x);
    x->pool = batch_pool_new(x->settings->memory_bytes ? x->settings->memory_bytes
                                                       : MEMORY_BYTES_DEFAULT);
    batch_pool_on_release(x->pool, wake, x->sync);
    start_loader(x);
    return open_destination(x, error);
}

/* --- the loop --- */

static void stop_run(struct extract *x, GError *error, bool parks)
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
    return (x->settings->memory_bytes ? x->settings->memory_bytes : MEMORY_BYTES_DEFAULT) /
           PAGE_SHARE;
}

/* False when credit is short. */
static bool send_task(struct extract *x, struct task *task)
{
    int cost;

    /* The field list that a held page waits for must not wait for that page's credit. */
    task->batch = task->walk ? batch_acquire(x->pool, task_credit(task)) : batch_new();
    if (!task->batch)
        return false;
    task->batch->asked_at = api_now(&x->api);
    task->phase = TASK_SENT;
    task_request(task, x->path, &cost);
    task->job->progress.requests++;
    task->job->progress.tokens += cost;
    api_send(&x->api, x->path->str, cost, page_ceiling(x), task);
    return true;
}

/* Milliseconds until it is worth looking again; -1: something will wake us. */
static int64_t send_what_may_go(struct extract *x)
{
    int64_t now_ms = clock_monotonic_ms(), soonest_ms = INT64_MAX;

    if (x->pages_with_loader >= LOADER_BACKLOG_PAGES) /* a reply will wake us */
        return -1;
    for (unsigned i = 0; i < STREAM_COUNT; i++) {
        struct task *task;

        while (x->jobs[i] && (task = job_next_task(x->jobs[i], now_ms, &soonest_ms))) {
            int64_t wait_ms = governor_wait_ms(&x->api.governor, now_ms);

            x->waits_for_burst = wait_ms > 0;
            if (wait_ms > 0)
                return wait_ms;
            if (!send_task(x, task))
                return http_client_in_flight(x->api.client) || batch_pool_used_bytes(x->pool)
                           ? -1
                           : SETTLE_MS;
        }
    }
    return soonest_ms == INT64_MAX ? -1 : MAX(soonest_ms - now_ms, 1);
}

/* The task may be gone afterwards. */
static void take_answer(struct extract *x, struct http_answer *answer)
{
    struct task *task = answer->opaque;
    struct job *job = task->job;
    const struct json_value *root;
    GError *error = NULL;
    bool parks, good;

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
        good = task_take(task, root, x->api.date, &error);
    }
    if (!good && job->phase != JOB_ENDED &&
        !task_fail(task, error, &x->api.policy, g_random_double(), &parks)) {
        g_prefix_error(&error, "%s: ", job->stream->name);
        stop_run(x, g_steal_pointer(&error), parks);
    }
    g_clear_error(&error);
    http_answer_free(answer);
}

static void take_reply(struct extract *x, struct reply *reply)
{
    GError *error = NULL;

    x->pages_with_loader -= reply->had_page;
    if (!reply->tag) {
        x->works--;
        if (reply->error)
            stop_run(x, g_steal_pointer(&reply->error), false);
    } else if (!job_take_reply(reply->tag, reply, &error)) {
        stop_run(x, error, false);
    }
    reply_free(reply);
}

static void start_children(struct extract *x)
{
    struct job *deals = x->jobs[STREAM_DEALS];
    static const enum stream_id children[] = {STREAM_DEAL_PRODUCTS, STREAM_DEALFLOW};

    if (deals && !job_is_ended(deals))
        return;
    for (unsigned i = 0; i < G_N_ELEMENTS(children); i++)
        if (x->jobs[children[i]])
            job_parents_ended(x->jobs[children[i]], deals && deals->selected ? deals->table : NULL);
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
    event = new_event(x, EVENT_WAITING,
                      g_strdup(x->waits_for_burst ? "the burst limit" : "another try"));
    event->wait_ms = wait_ms;
    x->told_until_ms = now_ms + wait_ms;
    send_event(x, event);
}

static void loop(struct extract *x)
{
    while (!x->stopping && !all_ended(x)) {
        struct http_answer *answer;
        struct reply *reply;
        int64_t wait_ms;

        if (g_atomic_int_get(&x->sync->cancelled)) {
            stop_run(x, g_error_new(PENSTOCK_ERROR, PENSTOCK_ERROR_CANCELLED, "stopped as asked"),
                     false);
            break;
        }
        while ((reply = loader_take(x->loader)))
            take_reply(x, reply);
        while (!x->stopping && (answer = http_client_take(x->api.client)))
            take_answer(x, answer);
        start_children(x);
        if (x->stopping || all_ended(x))
            break;
        wait_ms = send_what_may_go(x);
        explain_wait(x, wait_ms);
        http_client_wait(x->api.client, wait_ms);
    }
}

/* --- the end --- */

static void stop_jobs(struct extract *x, bool loader_is_gone)
{
    enum outcome outcome = error_is(x->error, PENSTOCK_ERROR_CANCELLED) ? OUTCOME_STOPPED
                           : x->parked                                  ? OUTCOME_PARKED
                                                                        : OUTCOME_FAILED;

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

        if (reply->tag && !reply->error) {
            struct job *job = reply->tag;

            job->works--;
            job->progress.rows += reply->rows;
            job->progress.deleted += reply->deleted;
            job_note_drained(job);
        } else if (reply->error && !x->error) {
            x->error = g_steal_pointer(&reply->error);
        }
        reply_free(reply);
        if (last)
            return;
    }
}

static void end(struct extract *x)
{
    if (x->error)
        stop_jobs(x, false);
    if (x->loader) {
        log_ends(x);
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
    bool parked = x->parked || error_is(x->error, PENSTOCK_ERROR_PARKED);

    result->outcome = parked                                         ? OUTCOME_PARKED
                      : error_is(x->error, PENSTOCK_ERROR_CANCELLED) ? OUTCOME_STOPPED
                                                                     : OUTCOME_FAILED;
    result->exit_code = exit_code_of(x->error, x->parked);
    result->error_code = error_code_name(x->error);
    result->message = g_strdup(x->error->message);
    result->resume_s = parked ? error_detail(x->error)->retry_after_ms / 1000 : 0;
}

static void judge_run(const struct extract *x, struct sync_result *result)
{
    unsigned all, failed;

    count_tables(x, &all, &failed);
    if (x->error) {
        judge_failure(x, result);
    } else if (failed > 0) {
        result->outcome = OUTCOME_FAILED;
        result->exit_code = failed == all ? 1 : 3;
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

static void extract_done(struct extract *x)
{
    sync_set_client(x->sync, NULL);
    for (unsigned i = 0; i < STREAM_COUNT; i++)
        job_free(x->jobs[i]);
    api_close(&x->api);
    if (x->pool)
        batch_pool_free(x->pool);
    table_free(x->fields_table);
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

    if (begin(&x, &x.error))
        loop(&x);
    end(&x);
    fill_result(&x);
    send_event(&x, new_event(&x, EVENT_DONE, NULL));
    extract_done(&x);
    return NULL;
}
