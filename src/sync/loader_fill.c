/* What one transaction holds: rows, sweeps, the queue, the state that they justify, the run log. */
#include "base/fault.h"
#include "base/format.h"
#include "sync/guard.h"
#include "sync/loader_private.h"
#include "sync/run_log.h"
#include "sync/system.h"

#include <string.h>

static bool write_row(struct loader *loader, struct batch *batch, GError **error)
{
    struct write_counts counts;
    bool good = destination_write(loader->dest, batch, &counts, error);

    batch_release(batch);
    return good;
}

bool loader_put_state(struct loader *loader, const char *name, const char *value, GError **error)
{
    struct batch *batch = batch_new();
    struct cell *cells;

    batch_prepare(batch, loader->state_table, 1);
    cells = batch_add_row(batch)->cells;
    cell_set_string(batch, &cells[STATE_NAME], name);
    cell_set_string(batch, &cells[STATE_VALUE], value);
    return write_row(loader, batch, error);
}

/* Counts are the loader's own: what the I/O thread knows lags behind by the commits under way. */
static bool put_run(struct loader *loader, const struct work *work, const struct reply *reply,
                    GError **error)
{
    const struct table_progress *progress = &work->run.progress;
    struct batch *batch;
    struct cell *cells;

    if (!progress->table)
        return true;
    batch = batch_new();
    batch_prepare(batch, loader->runs_table, 1);
    cells = batch_add_row(batch)->cells;
    cell_set_string(batch, &cells[RUN_ID], loader->settings.run_id);
    cell_set_string(batch, &cells[RUN_TABLE], progress->table);
    cell_set_instant(batch, &cells[RUN_STARTED], loader->started);
    /* The server's Date is cut to the second: the end may seem to come before the beginning. */
    cell_set_instant(batch, &cells[RUN_FINISHED],
                     work->run.ended ? MAX(work->now, loader->started) : INSTANT_NONE);
    cell_set_string(batch, &cells[RUN_OUTCOME], outcome_name(progress->outcome));
    cell_set_string(batch, &cells[RUN_FIRST_LOAD], progress->first_load ? "1" : "0");
    cell_set_int(batch, &cells[RUN_ROWS], loader->rows[work->stream->id] + reply->rows);
    cell_set_int(batch, &cells[RUN_DELETED], loader->deleted[work->stream->id] + reply->deleted);
    cell_set_int(batch, &cells[RUN_REJECTED], loader->rejected[work->stream->id] + reply->rejected);
    cell_set_int(batch, &cells[RUN_REQUESTS], progress->requests);
    cell_set_int(batch, &cells[RUN_TOKENS], progress->tokens);
    cell_set_string(batch, &cells[RUN_MESSAGE], work->run.message);
    return write_row(loader, batch, error);
}

static bool note_rows(struct loader *loader, const struct stream *stream, const char *nonce,
                      int64_t rows, GError **error)
{
    g_autofree char *name = loader_table_state_name(stream), *value = NULL;

    value = g_strdup_printf("{\"nonce\":\"%s\",\"rows\":%" G_GINT64_FORMAT "}", nonce, rows);
    loader->noted[stream->id] = rows;
    if (nonce != loader->noted_nonces[stream->id]) {
        g_free(loader->noted_nonces[stream->id]);
        loader->noted_nonces[stream->id] = g_strdup(nonce);
    }
    return loader_put_state(loader, name, value, error);
}

/* Once a run, in the first commit that ends a table. */
static bool tidy_runs(struct loader *loader, const struct work *work, GError **error)
{
    return !work->run.ended || loader->tidied ||
           run_log_tidy(loader->dest, loader->runs_table, loader->settings.run_id, work->now,
                        error);
}

/* Did this run, with the commit under way, leave the table as it found it? */
static bool is_untouched(const struct loader *loader, const struct work *work,
                         const struct reply *reply)
{
    enum stream_id id = work->stream->id;

    return loader->rows[id] + reply->rows == 0 && loader->deleted[id] + reply->deleted == 0;
}

/* How many rows the table holds now; the next run compares. Counting reads the whole table, so an
 * idle run leaves what was noted. */
static bool put_table_state(struct loader *loader, const struct work *work,
                            const struct reply *reply, GError **error)
{
    struct table_info info;
    bool good;

    if (!loader->prepared[work->stream->id] ||
        (loader->is_as_noted[work->stream->id] && is_untouched(loader, work, reply)))
        return true;
    if (!destination_inspect(loader->dest, loader->prepared[work->stream->id], &info, error))
        return false;
    /* The one that is there: a table that somebody else made has none. */
    good = note_rows(loader, work->stream, info.nonce ? info.nonce : "", info.rows, error);
    table_info_done(&info);
    return good;
}

/* Rows that we remove are not lost: without this a run that is killed before its end would look as
 * if somebody had emptied the table. */
static bool note_removed(struct loader *loader, enum stream_id id, int64_t removed, GError **error)
{
    if (removed == 0 || loader->noted[id] < 0)
        return true;
    return note_rows(loader, &catalog[id], loader->noted_nonces[id] ? loader->noted_nonces[id] : "",
                     MAX(loader->noted[id] - removed, 0), error);
}

/* Before the pass writes its own rows: what it brings must not hide what it lost. */
static bool count_alive(struct loader *loader, const struct work *work, int64_t *ret,
                        GError **error)
{
    struct table_info info;

    if (!work->sweep || loader->settings.deletes == DELETES_IGNORE)
        return true;
    if (!destination_inspect(loader->dest, work->table, &info, error))
        return false;
    *ret = info.live_rows;
    table_info_done(&info);
    return true;
}

/* Where there is no column that could say it, nothing else is left. */
static bool removes(const struct loader *loader, const struct table *table)
{
    return loader->settings.deletes == DELETES_REMOVE || table->deleted_at < 0;
}

static bool believe_sweep(const struct work *work, int64_t lost, int64_t alive, GError **error)
{
    if (work->seen->len == 0) {
        guard_set_nothing_seen(error, work->stream, alive);
        return false;
    }
    if (work->sweep_other_user) {
        error_setf(
            error, PENSTOCK_ERROR_GUARD,
            "%s would lose %s of %s rows, but the token's user or rights are others than "
            "before, so they may just be out of sight: nothing was deleted. If they are gone, "
            "run again with --yes",
            work->stream->name, COUNT_TEXT(lost), COUNT_TEXT(alive));
        return false;
    }
    if (guard_is_most(lost, alive) && !work->sweep_confirmed) {
        error_setf(error, PENSTOCK_ERROR_GUARD,
                   "%s would lose %s of %s rows: nothing was deleted. If that is right, run again "
                   "with --yes",
                   work->stream->name, COUNT_TEXT(lost), COUNT_TEXT(alive));
        return false;
    }
    return true;
}

static bool sweep_whole(struct loader *loader, const struct work *work, int64_t alive,
                        struct reply *reply, GError **error)
{
    struct sweep sweep = {.table = work->table,
                          .scope = -1,
                          .seen = (const int64_t *)(void *)work->seen->data,
                          .seen_count = work->seen->len,
                          .deleted_at = work->now,
                          .remove = removes(loader, work->table)};
    struct sweep_counts counts;

    if (loader->settings.deletes == DELETES_IGNORE)
        return true;
    if (!destination_sweep(loader->dest, &sweep, &counts, error))
        return false;
    fault_point("after-sweep");
    reply->deleted += counts.flagged;
    reply->removed += sweep.remove ? counts.flagged : 0;
    reply->alive = alive;
    return counts.flagged == 0 || believe_sweep(work, counts.flagged, alive, error);
}

static void gather_groups(const struct work *work, GArray *deals, GArray *seen)
{
    for (unsigned i = 0; i < work->groups->len; i++) {
        const struct walk_group *group = &g_array_index(work->groups, struct walk_group, i);

        if (!group->replace)
            continue;
        g_array_append_val(deals, group->parent);
        g_array_append_vals(seen, group->seen->data, group->seen->len);
    }
}

/* All of them at once: a line that is in any of the answers is alive, and with its deal by now. */
static bool replace_groups(struct loader *loader, const struct work *work, struct reply *reply,
                           GError **error)
{
    g_autoptr(GArray) deals = g_array_new(FALSE, FALSE, sizeof(int64_t)),
                      seen = g_array_new(FALSE, FALSE, sizeof(int64_t));
    struct sweep_counts counts;
    struct sweep sweep;

    if (work->stream->walk != WALK_LINES || loader->settings.deletes == DELETES_IGNORE)
        return true;
    gather_groups(work, deals, seen);
    if (deals->len == 0)
        return true;
    sweep = (struct sweep){.table = work->table,
                           .scope = table_find_column(work->table, "deal_id"),
                           .scopes = (const int64_t *)(void *)deals->data,
                           .scope_count = deals->len,
                           .seen = (const int64_t *)(void *)seen->data,
                           .seen_count = seen->len,
                           .deleted_at = work->now,
                           .remove = removes(loader, work->table)};
    if (!destination_sweep(loader->dest, &sweep, &counts, error))
        return false;
    fault_point("after-groups");
    reply->deleted += counts.flagged;
    reply->removed += sweep.remove ? counts.flagged : 0;
    return true;
}

/* What the setting makes of rows that are deleted in Pipedrive; returns how many there are. Missing
 * ones are not known to be deleted, so they are only ever flagged. */
static unsigned apply_deletes(struct loader *loader, const struct work *work, struct reply *reply)
{
    int flag = work->batch->table->deleted_at;
    unsigned count = 0;

    for (unsigned i = 0; i < work->batch->row_count; i++) {
        struct row *row = &work->batch->rows[i];

        if (!row->remove && (flag < 0 || row->cells[flag].kind != CELL_VALUE))
            continue;
        count++;
        row->remove = removes(loader, work->batch->table) && !work->is_missing;
        if (loader->settings.deletes == DELETES_IGNORE) {
            row->remove = false;
            if (flag >= 0)
                row->cells[flag].kind = CELL_ABSENT;
        }
        reply->removed += row->remove;
    }
    return count;
}

static bool write_rows(struct loader *loader, const struct work *work, struct reply *reply,
                       GError **error)
{
    struct write_counts counts = {0};
    unsigned deleted;

    reply->rejected = work->rejected;
    if (!work->batch || !work->rows_are_stored)
        return true;
    deleted = apply_deletes(loader, work, reply);
    if (!destination_write(loader->dest, work->batch, &counts, error))
        return false;
    fault_point("after-rows");
    /* One that a full pass asked for was alive, so the deletion is news. */
    reply->rows = work->is_record && deleted ? 0 : counts.inserted_or_updated;
    reply->deleted += work->is_record ? deleted : 0;
    reply->rejected += counts.rejected;
    return true;
}

/* What a full pass saw, and whom it has asked for. */
static bool write_seen(struct loader *loader, const struct work *work, GError **error)
{
    return (!work->clear_seen || seen_clear(&loader->seen, work->stream->name, error)) &&
           (!work->note_seen || !work->batch ||
            seen_note_batch(&loader->seen, work->batch, error)) &&
           (!work->answered || seen_note(&loader->seen, work->stream->name, work->answered, error));
}

static bool write_queue(struct loader *loader, const struct work *work,
                        const struct queue_plan *plan, struct reply *reply, GError **error)
{
    if (plan && !queue_apply_plan(&loader->queue, work, plan, &reply->lines_flagged, error))
        return false;
    if (work->parents && !queue_remove(&loader->queue, work->stream->name, work->parents, error))
        return false;
    if (work->retry &&
        !queue_retry(&loader->queue, work->stream->name, work->retry, work->now, error))
        return false;
    return true;
}

/* In the commit of the first page of a table that is loaded anew. Else every run until its end
 * would find it lost again, and begin again. */
static bool forget_lost(struct loader *loader, const struct work *work, GError **error)
{
    if (!work->stream || !work->state || !work->rows_are_stored || !loader->anew[work->stream->id])
        return true;
    loader->anew[work->stream->id] = false;
    return note_rows(loader, work->stream, loader->noted_nonces[work->stream->id], 0, error);
}

static bool note_all_removed(struct loader *loader, const struct work *work,
                             const struct reply *reply, GError **error)
{
    bool lines = loader->queue.lines_table && removes(loader, loader->queue.lines_table);

    return (!work->stream || note_removed(loader, work->stream->id, reply->removed, error)) &&
           (!lines || note_removed(loader, STREAM_DEAL_PRODUCTS, reply->lines_flagged, error));
}

bool loader_write_fields(struct loader *loader, const struct work *work, GError **error)
{
    struct write_counts counts;

    return (!work->fields || destination_write(loader->dest, work->fields, &counts, error)) &&
           (!work->options || destination_write(loader->dest, work->options, &counts, error));
}

static bool put_states(struct loader *loader, const struct work *work, GError **error)
{
    for (unsigned i = 0; work->states && i + 1 < work->states->len; i += 2)
        if (!loader_put_state(loader, work->states->pdata[i], work->states->pdata[i + 1], error) ||
            !seen_clear(&loader->seen, work->states->pdata[i], error))
            return false;
    return true;
}

bool loader_fill(struct loader *loader, const struct work *work, struct reply *reply,
                 GError **error)
{
    struct queue_plan *plan = NULL;
    int64_t alive = 0;
    bool good;

    queue_drop_outdated(&loader->queue, work);
    if (!count_alive(loader, work, &alive, error) ||
        (work->queue_parents && !queue_plan_page(&loader->queue, work, &plan, error)))
        return false;
    good = write_rows(loader, work, reply, error) && write_seen(loader, work, error) &&
           loader_write_fields(loader, work, error) &&
           (!work->groups || replace_groups(loader, work, reply, error)) &&
           (!work->sweep || sweep_whole(loader, work, alive, reply, error)) &&
           write_queue(loader, work, plan, reply, error) &&
           (!work->state || loader_put_state(loader, work->state_name, work->state, error)) &&
           put_states(loader, work, error) && forget_lost(loader, work, error) &&
           note_all_removed(loader, work, reply, error) &&
           (!work->ends_table || put_table_state(loader, work, reply, error)) &&
           put_run(loader, work, reply, error) && tidy_runs(loader, work, error);
    queue_plan_free(plan);
    return good;
}
