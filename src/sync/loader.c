#include "base/fault.h"
#include "base/handover.h"
#include "sync/loader_private.h"
#include "sync/system.h"

#include <string.h>

/* --- one transaction --- */

/* After a change of the table, or of what is known of its fields. */
static bool follow_views(struct loader *loader, const struct work *work, GError **error)
{
    if (!loader->views)
        return true;
    if (work->fields)
        views_learn(loader->views, work->fields);
    return views_replace(loader->views, work->stream, NULL, error);
}

/* A table that cannot become ours stays refused for the run. */
static bool prepare_definition(struct loader *loader, const struct work *work, GError **error)
{
    enum stream_id id = work->stream->id;
    GError *failure = NULL;

    fault_point("before-prepare");
    if (!destination_prepare(loader->dest, work->table, loader->nonces[id], &failure)) {
        loader->refused[id] = error_is(failure, PENSTOCK_ERROR_CONFIG);
        g_propagate_error(error, failure);
        return false;
    }
    fault_point("prepared");
    return true;
}

static bool prepare_table(struct loader *loader, const struct work *work, GError **error)
{
    enum stream_id id;

    if (!work->table || !work->rows_are_stored)
        return true;
    id = work->stream->id;
    if (loader->prepared[id] != work->table) {
        if (!prepare_definition(loader, work, error))
            return false;
    } else if (!work->fields) {
        return true;
    }
    if (!follow_views(loader, work, error))
        return false;
    fault_point("after-prepare");
    loader->prepared[id] = work->table;
    if (id == STREAM_DEAL_PRODUCTS)
        loader->queue.lines_table = work->table;
    return true;
}

/* Where DDL is not transactional a kill may leave a column without the rest of its commit. So its
 * name is committed before: a column that nobody knows would be taken for a person's, and the field
 * would get another one. */
static bool prepare_outside(struct loader *loader, const struct work *work, GError **error)
{
    if (work->fields) {
        if (!destination_begin(loader->dest, error))
            return false;
        if (!loader_write_fields(loader, work, error) || !destination_commit(loader->dest, error)) {
            destination_rollback(loader->dest);
            return false;
        }
        fault_point("after-names");
    }
    return prepare_table(loader, work, error);
}

/* What was prepared inside is gone too: a guard's second pass prepares it again. */
static void roll_back(struct loader *loader, const struct work *work)
{
    destination_rollback(loader->dest);
    if (work->stream && loader->dest->ops->caps.transactional_ddl)
        loader->prepared[work->stream->id] = NULL;
}

static bool do_commit(struct loader *loader, const struct work *work, struct reply *reply,
                      GError **error)
{
    bool inside = loader->dest->ops->caps.transactional_ddl;

    loader->dest->now = work->now;
    if (!loader_heal_views(loader, error))
        return false;
    if (!inside && !prepare_outside(loader, work, error))
        return false;
    if (!destination_begin(loader->dest, error))
        return false;
    fault_point("after-begin");
    if ((inside && !prepare_table(loader, work, error)) ||
        !loader_fill(loader, work, reply, error)) {
        roll_back(loader, work);
        return false;
    }
    fault_point("before-commit");
    if (!destination_commit(loader->dest, error)) {
        roll_back(loader, work);
        return false;
    }
    loader->tidied |= work->run.ended;
    if (work->stream) {
        loader->rows[work->stream->id] += reply->rows;
        loader->deleted[work->stream->id] += reply->deleted;
        loader->rejected[work->stream->id] += reply->rejected;
        loader->deleted[STREAM_DEAL_PRODUCTS] += reply->lines_flagged;
    }
    fault_point("after-commit");
    return true;
}

static bool do_queue(struct loader *loader, const struct work *work, struct reply *reply,
                     GError **error)
{
    struct queue_round round;

    if (!queue_take(&loader->queue, work->stream->name, work->limit, work->multiple, work->now,
                    &round, error))
        return false;
    reply->parents = round.parents;
    reply->not_due = round.not_due;
    reply->queue = round.waiting;
    return true;
}

static bool do_seed(struct loader *loader, const struct work *work, struct reply *reply,
                    GError **error)
{
    loader->dest->now = work->now;
    if (!destination_begin(loader->dest, error))
        return false;
    if (!queue_seed(&loader->queue, work->stream, work->table, error) ||
        !loader_put_state(loader, work->state_name, work->state, error)) {
        destination_rollback(loader->dest);
        return false;
    }
    fault_point("before-seed-commit");
    if (!destination_commit(loader->dest, error)) {
        destination_rollback(loader->dest);
        return false;
    }
    fault_point("after-seed-commit");
    (void)reply;
    return true;
}

static bool do_suspects(struct loader *loader, const struct work *work, struct reply *reply,
                        GError **error)
{
    struct suspects suspects;

    if (!seen_suspects(&loader->seen, work->table, work->limit, &suspects, error))
        return false;
    reply->suspects = suspects.ids;
    reply->suspects_total = suspects.total;
    reply->alive = suspects.alive;
    return true;
}

static bool serve(struct loader *loader, const struct work *work, struct reply *reply,
                  GError **error)
{
    switch (work->kind) {
    case WORK_OPEN:
        return loader_open(loader, work, reply, error);
    case WORK_COMMIT:
        return do_commit(loader, work, reply, error);
    case WORK_QUEUE:
        return do_queue(loader, work, reply, error);
    case WORK_SEED:
        return do_seed(loader, work, reply, error);
    case WORK_SUSPECTS:
        return do_suspects(loader, work, reply, error);
    case WORK_CLOSE:
        return true;
    }
    g_assert_not_reached();
}

/* Of a table that was refused nothing more is written, even if a person clears the way meanwhile: a
 * later page would move the bookmark past the one that was lost. What has no tag is the run log. */
static bool is_refused(const struct loader *loader, const struct work *work)
{
    return work->stream && work->tag && loader->refused[work->stream->id];
}

/* A guard stops one table, and so does what stands in its place; everything else that fails here
 * stops the run. */
static bool answer(struct loader *loader, struct work *work)
{
    struct reply *reply = g_new0(struct reply, 1);
    bool last = work->kind == WORK_CLOSE;
    int64_t began_us = g_get_monotonic_time();
    reply->kind = work->kind;
    reply->tag = work->tag;
    reply->stream = work->stream;
    reply->queue = -1;
    reply->had_page = work->batch != NULL;
    if (last) {
        g_clear_pointer(&loader->views, views_free);
        destination_close(loader->dest);
        loader->dest = NULL;
    } else if (loader->broken) {
        reply->error = g_error_new(PENSTOCK_ERROR, PENSTOCK_ERROR_CANCELLED,
                                   "not written: the destination failed before");
    } else if (is_refused(loader, work)) {
        reply->of_table = true;
        reply->error = g_error_new(PENSTOCK_ERROR, PENSTOCK_ERROR_CANCELLED,
                                   "not written: the table was refused before");
    } else if (!serve(loader, work, reply, &reply->error)) {
        if (work->stream && work->kind == WORK_COMMIT)
            g_prefix_error(&reply->error, "loading %s: ", work->stream->name);
        reply->of_table = is_refused(loader, work);
        loader->broken = !error_is(reply->error, PENSTOCK_ERROR_GUARD) && !reply->of_table;
    }
    if (loader->views && loader->views->remarks->len) {
        reply->remark = g_strdup(loader->views->remarks->str);
        g_string_truncate(loader->views->remarks, 0);
    }
    work_free(work);
    reply->took_us = g_get_monotonic_time() - began_us;
    handover_give(reply);
    g_async_queue_push(loader->replies, reply);
    loader->settings.wake(loader->settings.wake_opaque);
    return !last;
}

static struct work *next_work(struct loader *loader)
{
    struct work *work = g_async_queue_pop(loader->works);

    handover_take(work);
    return work;
}

static void *loader_thread(void *opaque)
{
    struct loader *loader = opaque;

    handover_take(loader);
    while (answer(loader, next_work(loader)))
        ;
    handover_give(loader);
    return NULL;
}

struct loader *loader_new(const struct loader_settings *settings)
{
    struct loader *loader = g_new0(struct loader, 1);

    loader->settings = *settings;
    loader->works = g_async_queue_new();
    loader->replies = g_async_queue_new_full((GDestroyNotify)reply_free);
    loader->known = g_ptr_array_new_with_free_func((GDestroyNotify)table_free);
    loader->state_table = system_state_table();
    loader->runs_table = system_runs_table();
    loader->fields_table = fields_table();
    loader->options_table = fields_options_table();
    queue_init(&loader->queue);
    loader->seen.table = system_seen_table();
    loader->queue.settings = settings->queue;
    loader->queue.settings.deletes = settings->deletes;
    for (unsigned i = 0; i < STREAM_COUNT; i++)
        loader->noted[i] = -1;
    handover_give(loader);
    loader->thread = g_thread_new("loader", loader_thread, loader);
    return loader;
}

void loader_push(struct loader *loader, struct work *work)
{
    handover_give(work);
    g_async_queue_push(loader->works, work);
}

struct reply *loader_take(struct loader *loader)
{
    struct reply *reply = g_async_queue_try_pop(loader->replies);

    handover_take(reply);
    return reply;
}

struct reply *loader_wait(struct loader *loader)
{
    struct reply *reply = g_async_queue_pop(loader->replies);

    handover_take(reply);
    return reply;
}

void loader_free(struct loader *loader)
{
    if (!loader)
        return;
    g_thread_join(loader->thread);
    handover_take(loader);
    g_async_queue_unref(loader->works);
    g_async_queue_unref(loader->replies);
    table_free(loader->state_table);
    table_free(loader->runs_table);
    table_free(loader->fields_table);
    table_free(loader->options_table);
    queue_done(&loader->queue);
    table_free(loader->seen.table);
    for (unsigned i = 0; i < STREAM_COUNT; i++)
        g_free(loader->nonces[i]);
    for (unsigned i = 0; i < STREAM_COUNT; i++)
        g_free(loader->noted_nonces[i]);
    g_ptr_array_unref(loader->known);
    g_free(loader);
}
