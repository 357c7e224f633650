#include "sync/job.h"

#include "base/log.h"
#include "sync/job_private.h"
#include "sync/memory.h"

#include <string.h>

/* A first guess at what a record needs: body, values, cells. */
#define ROW_BYTES_FIRST ((size_t)4 << 10)
/* What one record alone needs, at first. */
#define RECORD_BYTES ((size_t)64 << 10)

struct task *task_new(struct job *job, struct walk *walk)
{
    struct task *task = g_new0(struct task, 1);

    task->job = job;
    task->walk = walk;
    g_ptr_array_add(job->tasks, task);
    return task;
}

static void task_free(void *data)
{
    struct task *task = data;

    if (!task->is_ahead)
        walk_free(task->walk);
    batch_release(task->batch);
    g_free(task->fields_cursor);
    g_free(task);
}

struct job *job_new(const struct job_context *context, const struct stream *stream, bool selected)
{
    struct job *job = g_new0(struct job, 1);

    job->context = context;
    job->stream = stream;
    job->selected = selected;
    job->state_name =
        selected ? g_strdup(stream->name) : g_strdup_printf("%s#parents", stream->name);
    stream_state_init(&job->state);
    if (stream->fields != FIELDS_NONE)
        job->fields = memory_fields_new(context->settings, stream);
    job->ignored_fields = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    job->old_tables = g_ptr_array_new_with_free_func((GDestroyNotify)table_free);
    job->tasks = g_ptr_array_new_with_free_func(task_free);
    job->ahead = g_ptr_array_new_with_free_func(task_free);
    job->recent = g_array_new(FALSE, FALSE, sizeof(struct recent_row));
    job->page_bytes = MAX(stream->page_rows, 50) * ROW_BYTES_FIRST;
    job->progress.table = stream->name;
    job->progress.outcome = OUTCOME_WAITING;
    return job;
}

void job_free(struct job *job)
{
    if (!job)
        return;
    g_ptr_array_unref(job->ahead);
    g_ptr_array_unref(job->tasks);
    decoder_free(job->decoder);
    fields_free(job->fields);
    g_hash_table_unref(job->ignored_fields);
    g_ptr_array_unref(job->old_tables);
    stream_state_done(&job->state);
    g_array_unref(job->recent);
    g_clear_pointer(&job->suspects, g_array_unref);
    g_clear_error(&job->error);
    g_free(job->state_name);
    g_free(job->message);
    g_free(job->failure);
    g_free(job);
}

/* The table as the fields say now; older definitions live on for batches under way. */
void job_build_table(struct job *job)
{
    decoder_free(job->decoder);
    job->table = fields_build_table(job->stream, job->fields, job->context->settings->metadata);
    g_ptr_array_add(job->old_tables, job->table);
    job->decoder = decoder_new(job->stream, job->fields, job->table, job->state.gated);
    decoder_ignore(job->decoder, job->ignored_fields, false);
}

static bool read_state(struct job *job, const char *text, GError **error)
{
    struct json_parser *parser = json_parser_new();
    struct arena *arena = arena_new();
    const struct json_value *root;
    bool good = json_parse_copy(parser, text, strlen(text), arena, &root, error) &&
                stream_state_read(&job->state, job->stream, root, error);

    arena_free(arena);
    json_parser_free(parser);
    return good;
}

static bool has_begun(const struct job *job)
{
    for (unsigned i = 0; i < job->stream->list_count; i++)
        if (job->state.lists[i].loaded || job->state.lists[i].walk.active)
            return true;
    return false;
}

/* After a switch between columns and JSON the rows that are there lack what the other mode holds.
 */
static void follow_fields_mode(struct job *job)
{
    bool as_json = job->fields && fields_mode(job->fields) == FIELDS_AS_JSON;

    if (as_json != job->state.as_json && job->selected && has_begun(job)) {
        job->context->warn(job->context->opaque, job->stream->name,
                           "the table is read anew: the mode of custom fields was changed");
        stream_state_done(&job->state);
        stream_state_init(&job->state);
    }
    job->state.as_json = as_json;
}

bool job_restore(struct job *job, const char *state_text, const struct batch *stored,
                 GError **error)
{
    for (unsigned i = 0; job->fields && i < stored->row_count; i++)
        fields_restore(job->fields, stored->rows[i].cells);
    if (state_text && !read_state(job, state_text, error))
        return false;
    job->clock_went_back =
        stream_state_heed_clock(&job->state, job->stream, job->context->schedule.now);
    follow_fields_mode(job);
    job_build_table(job);
    return true;
}

void job_report(struct job *job)
{
    instant_t bookmark = job->stream->replication_key
                             ? stream_state_bookmark(&job->state, job->stream)
                             : INSTANT_NONE;

    job->progress.bookmark[0] = '\0';
    if (bookmark != INSTANT_NONE)
        instant_format_rfc3339(bookmark, job->progress.bookmark);
    job->context->changed(job->context->opaque, job);
}

bool job_is_ended(const struct job *job)
{
    return job->phase == JOB_ENDED && job->works == 0;
}

/* What waits in a queue is safe, but that nobody serves it must be seen. */
static enum outcome outcome_of(const struct job *job)
{
    return job->gave_up && !job->read_some ? OUTCOME_FAILED : OUTCOME_DONE;
}

void job_note_drained(struct job *job)
{
    if (job->phase != JOB_DRAINING || job->works > 0)
        return;
    job->phase = JOB_ENDED;
    job->progress.outcome = outcome_of(job);
}

void job_stop(struct job *job, enum outcome outcome, const char *message)
{
    if (job->phase == JOB_ENDED)
        return;
    job->phase = JOB_ENDED;
    job->progress.outcome = outcome;
    if (message && !job->message)
        job->message = g_strdup(message);
    job_end_ahead(job);
    /* Tasks stay: requests under way still point at theirs. Their credit comes back with the
     * answer. */
    for (unsigned i = 0; i < job->tasks->len; i++) {
        struct task *task = job->tasks->pdata[i];

        if (task->phase != TASK_SENT)
            batch_release(g_steal_pointer(&task->batch));
    }
    job_report(job);
}

/* --- works for the loader --- */

struct work *job_work(struct job *job, enum work_kind kind)
{
    struct work *work = work_new(kind, job->stream, job);

    work->now = job->context->now(job->context->opaque);
    work->table = job->table;
    work->rows_are_stored = job->selected;
    work->run.progress = job->progress;
    work->run.message = g_strdup(job->message);
    if (kind == WORK_COMMIT) {
        work->clear_seen = job->clears_seen;
        job->clears_seen = false;
    }
    if (job->fields_dirty && kind == WORK_COMMIT) {
        work->fields = batch_new();
        batch_prepare(work->fields, job->context->fields_table, 64);
        fields_write(job->fields, work->fields);
        work->options = batch_new();
        batch_prepare(work->options, job->context->options_table, 64);
        fields_write_options(job->fields, work->options);
        job->fields_dirty = false;
    }
    return work;
}

void job_put_state(struct job *job, struct work *work)
{
    GString *text = g_string_new(NULL);

    stream_state_write(&job->state, job->stream, text);
    g_free(work->state_name);
    g_free(work->state);
    work->state_name = g_strdup(job->state_name);
    work->state = g_string_free(text, FALSE);
}

void job_push(struct job *job, struct work *work)
{
    job->works++;
    job->context->push(job->context->opaque, work);
}

/* --- the beginning --- */

static bool fields_are_due(const struct job *job)
{
    if (!job->fields || fields_mode(job->fields) == FIELDS_AS_JSON)
        return false;
    return schedule_is_due(&job->context->schedule, job->state.fields_at,
                           job->context->schedule.every_s[INTERVAL_FULL]);
}

/* In the middle of things: an unknown field turned up. */
void job_read_fields(struct job *job)
{
    fields_begin_list(job->fields);
    task_new(job, NULL);
}

/* Before the walks of today move the state. */
static void begin_pass(struct job *job)
{
    const struct schedule_settings *schedule = &job->context->schedule;

    if (schedule_pass_is_stale(&job->state, schedule)) {
        pass_state_clear(&job->state.pass);
        job->state.pass.open = job->clears_seen = true;
    }
    if (job->stream->id == STREAM_DEALS && job->selected &&
        schedule_was_paused(job->stream, &job->state, schedule) &&
        !schedule_pass_is_due(job->stream, &job->state, schedule))
        job->context->warn(
            job->context->opaque, job->stream->name,
            "the last run is so long ago that deals which were deleted meanwhile may "
            "not be listed any more: run penstock refresh");
}

static void not_due(struct job *job, int64_t due_in_s)
{
    g_autofree char *text = g_strdup_printf("due in %" G_GINT64_FORMAT " s", MAX(due_in_s, 0));

    log_debug("table", "table", job->stream->name, "state", text, NULL);
    job_stop(job, OUTCOME_NOT_DUE, NULL);
}

void job_begin(struct job *job)
{
    int64_t due_in_s;

    job->progress.first_load = schedule_is_first_load(job->stream, &job->state);
    if (job->context->settings->all_now &&
        job->state.gated) { /* the company may have a better plan by now */
        job->state.gated = false;
        job_build_table(job);
    }
    if (job_is_child(job)) {
        job->phase = JOB_WAITING;
        return;
    }
    begin_pass(job);
    job->leg_count =
        schedule_legs(job->stream, &job->state, &job->context->schedule, job->legs, &due_in_s);
    if (job->leg_count == 0 && !job->is_unended) {
        not_due(job, due_in_s);
        return;
    }
    job->progress.outcome = OUTCOME_RUNNING;
    if (fields_are_due(job)) {
        job->phase = JOB_FIELDS;
        job_read_fields(job);
    } else {
        job_begin_leg(job);
    }
}

/* --- legs --- */

void job_begin_leg(struct job *job)
{
    const struct schedule_leg *leg;
    struct walk *walk;

    if (job->leg == job->leg_count) {
        job_drain(job);
        return;
    }
    leg = &job->legs[job->leg];
    if (leg->leg == LEG_CONFIRM) {
        job_confirm(job);
        return;
    }
    job->phase = JOB_LEGS;
    job->backfill_leg = !job->state.lists[leg->list].loaded;
    job->clears_seen |= leg->leg == LEG_PASS && !job->state.pass.open;
    walk_begin_leg(job->stream, leg->list, leg->leg, &job->state, leg->from);
    job->leg_since = leg->leg == LEG_PASS ? INSTANT_NONE
                                          : walk_leg_state(leg->list, leg->leg, &job->state)->from;
    job->resumed = walk_leg_t0(leg->list, leg->leg, &job->state) != INSTANT_NONE;
    walk = walk_new_list(job->stream, leg->list, leg->leg, &job->state);
    for (; walk; walk = walk_new_next(walk))
        task_new(job, walk);
}

bool job_cut(struct job *job)
{
    struct walk *later = NULL;

    /* Without a table nothing tells an older page from a newer one, so they must come in order. */
    if (job->phase != JOB_LEGS || !job->selected)
        return false;
    for (unsigned i = 0; i < job->tasks->len; i++) {
        const struct task *task = job->tasks->pdata[i];

        if (task->phase != TASK_SENT) /* it waits for something else than answers */
            return false;
    }
    for (unsigned i = 0; i < job->tasks->len && !later; i++) {
        const struct task *task = job->tasks->pdata[i];

        if (task->walk)
            later = walk_cut(task->walk);
    }
    if (later)
        task_new(job, later);
    return later != NULL;
}

/* What began in an earlier run ended at that run's T0: one more walk brings it up to now. */
static void catch_up(struct job *job)
{
    const struct schedule_leg *leg = &job->legs[job->leg];

    if (job->resumed && leg->leg == LEG_HEAD && job->leg_count < JOB_MAX_LEGS)
        job->legs[job->leg_count++] = *leg;
}

void job_end_leg(struct job *job)
{
    catch_up(job);
    job_end_ahead(job);
    g_ptr_array_set_size(job->tasks, 0);
    job->leg++;
    job_begin_leg(job);
}

/* Nothing more to ask: the last commit notes how many rows the table has. */
void job_drain(struct job *job)
{
    struct work *work;

    job->phase = JOB_DRAINING;
    work = job_work(job, WORK_COMMIT);
    work->run.progress.outcome = outcome_of(job);
    if (!job->selected)
        work->table = NULL;
    work->ends_table = job->selected;
    work->run.ended = true;
    job_put_state(job, work);
    job_push(job, work);
}

/* --- tasks --- */

/* Pages that are held wait for it, with their credit: nothing else of the job goes before it. */
static struct task *fields_task(const struct job *job)
{
    for (unsigned i = 0; i < job->tasks->len; i++) {
        struct task *task = job->tasks->pdata[i];

        if (!task->walk)
            return task;
    }
    return NULL;
}

/* The first of them that may go now. */
static struct task *ready_task(const struct job *job, const GPtrArray *tasks,
                               const struct task *only, int64_t now_ms, int64_t *ret_soonest_ms)
{
    for (unsigned i = 0; i < tasks->len; i++) {
        struct task *task = tasks->pdata[i];

        if (task->phase != TASK_READY || (only && task != only) || job_has_ahead(job, task))
            continue;
        if (task->not_before_ms <= now_ms)
            return task;
        *ret_soonest_ms = MIN(*ret_soonest_ms, task->not_before_ms);
    }
    return NULL;
}

struct task *job_next_task(struct job *job, int64_t now_ms, int64_t *ret_soonest_ms)
{
    struct task *only, *task;
    bool wait;

    if (job->phase == JOB_ENDED || job->phase == JOB_WAITING)
        return NULL;
    only = job_doubtful_task(job, &wait);
    if (wait)
        return NULL;
    if (!only)
        only = fields_task(job);
    task = ready_task(job, job->tasks, only, now_ms, ret_soonest_ms);
    return task ? task : ready_task(job, job->ahead, only, now_ms, ret_soonest_ms);
}

void task_request(const struct task *task, GString *path, int *ret_cost)
{
    const struct job *job = task->job;

    g_string_truncate(path, 0);
    if (task->walk) {
        if (task->is_ahead)
            walk_request_ahead(task->walk, task->start, path);
        else
            walk_request(task->walk, path);
        *ret_cost = walk_cost(task->walk);
        return;
    }
    g_string_printf(path, "%s?limit=%d", catalog_fields_path(job->stream->fields),
                    CATALOG_FIELDS_PAGE);
    if (task->fields_cursor) {
        g_string_append(path, "&cursor=");
        g_string_append_uri_escaped(path, task->fields_cursor, NULL, FALSE);
    }
    *ret_cost = CATALOG_FIELDS_COST;
}

size_t task_credit(const struct task *task)
{
    if (task->walk && walk_record(task->walk))
        return RECORD_BYTES;
    return task->walk ? task->job->page_bytes : (size_t)256 << 10;
}
