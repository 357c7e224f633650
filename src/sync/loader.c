#include "sync/loader.h"

#include "base/fault.h"
#include "base/handover.h"
#include "sync/run_log.h"
#include "sync/seen.h"
#include "sync/system.h"
#include "sync/views.h"

#include <string.h>

struct loader {
    struct loader_settings settings;
    GThread *thread;
    GAsyncQueue *works, *replies;
    struct destination *dest;
    struct table *state_table, *runs_table, *fields_table, *options_table;
    struct views *views; /* NULL: nobody asked for them */
    bool views_are_healed;
    struct queue queue;
    struct seen seen;
    const struct table *prepared[STREAM_COUNT]; /* newest definition that the destination has */
    char *nonces[STREAM_COUNT];
    GPtrArray *known; /* struct table: definitions made here */
    instant_t started;
    int64_t rows[STREAM_COUNT], deleted[STREAM_COUNT]; /* committed by this run, a table */
    int64_t noted[STREAM_COUNT]; /* rows that the state says a table has; -1 = it says nothing */
    char *noted_nonces[STREAM_COUNT];
    bool anew[STREAM_COUNT]; /* the table is loaded anew: the next commit forgets what was noted */
    bool broken;
    bool trimmed;               /* the run log was, in a commit of this run */
    bool refused[STREAM_COUNT]; /* its table is not ours to write: nothing of it is, in this run */
};

/* --- opening --- */

static void take_state(const struct cell *cells, void *opaque)
{
    if (cells[STATE_NAME].kind != CELL_VALUE || cells[STATE_VALUE].kind != CELL_VALUE)
        return;
    g_hash_table_insert(opaque, g_strndup(cells[STATE_NAME].text, cells[STATE_NAME].length),
                        g_strndup(cells[STATE_VALUE].text, cells[STATE_VALUE].length));
}

static void take_field(const struct cell *cells, void *opaque)
{
    batch_copy_row(opaque, cells);
}

static bool read_all(struct loader *loader, const struct table *table, destination_row_func func,
                     void *opaque, GError **error)
{
    struct read_query query = {.table = table, .where = -1, .order_by = -1};

    return destination_read(loader->dest, &query, func, opaque, error);
}

static char *table_state_name(const struct stream *stream)
{
    return g_strdup_printf("table:%s", stream->name);
}

/* What was noted about a table when a run last ended it: its nonce and how many rows it held. */
static bool parse_table_state(const char *text, char **ret_nonce, int64_t *ret_rows)
{
    struct json_parser *parser = json_parser_new();
    struct arena *arena = arena_new();
    const struct json_value *root;
    bool good = json_parse_copy(parser, text, strlen(text), arena, &root, NULL) &&
                json_int64(json_member(root, "rows"), ret_rows);

    if (good)
        *ret_nonce = json_dup_string(json_member(root, "nonce"));
    arena_free(arena);
    json_parser_free(parser);
    return good;
}

/* What somebody else made has neither a nonce nor our columns; prepare() will say so. */
static bool is_ours(const struct table *table, const struct table_info *info)
{
    unsigned found = 0, system = 0;

    if (!info->exists || info->nonce)
        return info->exists;
    for (unsigned i = 0; i < table->columns->len; i++) {
        const struct column *column = table_column(table, i);

        if (!column->is_system)
            continue;
        system++;
        for (unsigned j = 0; info->columns && j < info->columns->len; j++)
            found += strcmp(g_array_index(info->columns, struct table_info_column, j).name,
                            column->name) == 0;
    }
    return system > 0 && found == system;
}

static bool has_column(const struct table_info *info, const char *name)
{
    for (unsigned i = 0; i < info->columns->len; i++)
        if (g_ascii_strcasecmp(g_array_index(info->columns, struct table_info_column, i).name,
                               name) == 0)
            return true;
    return false;
}

/* A column that was dropped by hand comes back empty, and old rows would stay so. Which run wrote a
 * row, and when, is no loss. */
static const char *missing_column(const struct table *table, const struct table_info *info)
{
    for (unsigned i = 0; i < table->columns->len; i++) {
        const char *name = table_column(table, i)->name;

        if ((int)i != table->synced_at && (int)i != table->run_id && !has_column(info, name))
            return name;
    }
    return NULL;
}

/* A table that was dropped, replaced or emptied behind our back must be loaded anew. */
static bool look_at_table(struct loader *loader, const struct stream *stream, struct opened *opened,
                          GError **error)
{
    g_autofree char *name = table_state_name(stream), *nonce = NULL;
    const char *text = g_hash_table_lookup(opened->states, name);
    struct table *table = fields_build_table(stream, NULL, loader->settings.metadata);
    struct table_info info;
    int64_t rows = 0;

    g_ptr_array_add(loader->known, table);
    loader->noted[stream->id] = -1;
    if (!destination_inspect(loader->dest, table, &info, error))
        return false;
    if (text && parse_table_state(text, &nonce, &rows)) {
        if (!info.exists)
            opened->lost[stream->id] = g_strdup("it was dropped");
        else if (g_strcmp0(info.nonce ? info.nonce : "", nonce) != 0)
            opened->lost[stream->id] = g_strdup("it was replaced by another table");
        else if (info.rows < rows)
            opened->lost[stream->id] = g_strdup_printf(
                "it has %" G_GINT64_FORMAT " rows where %" G_GINT64_FORMAT " were loaded",
                info.rows, rows);
        else if (missing_column(table, &info))
            opened->lost[stream->id] =
                g_strdup_printf("its column %s is gone", missing_column(table, &info));
        loader->noted[stream->id] = rows;
        loader->noted_nonces[stream->id] = g_strdup(nonce);
    } else if (!text && g_hash_table_contains(opened->states, stream->name) && !info.exists) {
        opened->lost[stream->id] = g_strdup("it was dropped");
    }
    loader->anew[stream->id] = opened->lost[stream->id] != NULL;
    opened->columns[stream->id] = g_ptr_array_new_with_free_func(g_free);
    for (unsigned i = 0; info.columns && i < info.columns->len; i++)
        g_ptr_array_add(opened->columns[stream->id],
                        g_strdup(g_array_index(info.columns, struct table_info_column, i).name));
    loader->nonces[stream->id] =
        info.exists && info.nonce ? g_strdup(info.nonce) : g_uuid_string_random();
    if (loader->anew[stream->id]) {
        g_free(loader->noted_nonces[stream->id]);
        loader->noted_nonces[stream->id] =
            g_strdup(!info.exists || info.nonce ? loader->nonces[stream->id] : "");
    }
    if (stream->id == STREAM_DEAL_PRODUCTS && is_ours(table, &info))
        loader->queue.lines_table = table;
    table_info_done(&info);
    return true;
}

/* What stands in one table's place is that table's trouble. */
static bool look_at_tables(struct loader *loader, struct opened *opened, GError **error)
{
    for (unsigned i = 0; i < STREAM_COUNT; i++) {
        GError *failure = NULL;

        if (!loader->settings.selected[i] &&
            (i != STREAM_DEAL_PRODUCTS || !loader->queue.settings.lines))
            continue;
        if (look_at_table(loader, &catalog[i], opened, &failure))
            continue;
        if (!error_is(failure, PENSTOCK_ERROR_CONFIG)) {
            g_propagate_error(error, failure);
            return false;
        }
        loader->refused[i] = true;
        opened->refused[i] = failure;
    }
    return true;
}

static bool prepare_system(struct loader *loader, const struct table *table, GError **error)
{
    bool good = destination_prepare(loader->dest, table, "system", error);

    fault_point("after-system-table");
    return good;
}

/* One by one where DDL is not transactional: each view is whole or as it was. */
static bool replace_all_views(struct loader *loader, GError **error)
{
    if (!loader->dest->ops->caps.transactional_ddl)
        return views_replace(loader->views, NULL, NULL, error);
    if (!destination_begin(loader->dest, error))
        return false;
    if (views_replace(loader->views, NULL, NULL, error) && destination_commit(loader->dest, error))
        return true;
    destination_rollback(loader->dest);
    return false;
}

static void open_views(struct loader *loader, const struct opened *opened)
{
    if (!g_hash_table_contains(opened->states, VIEWS_STATE))
        return;
    loader->views = views_new(loader->dest, loader->settings.metadata);
    views_learn(loader->views, opened->fields);
}

/* Heals what a kill, a reset or a person's hand left. Not before the first commit: until then the
 * run may turn out to be of another company or style. */
static bool heal_views(struct loader *loader, GError **error)
{
    if (!loader->views || loader->views_are_healed)
        return true;
    loader->views_are_healed = true;
    return replace_all_views(loader, error);
}

static bool open_destination(struct loader *loader, struct opened *opened, GError **error)
{
    if (!destination_open(loader->settings.driver, &loader->settings.destination, &loader->dest,
                          error))
        return false;
    g_strlcpy(loader->dest->run_id, loader->settings.run_id, sizeof loader->dest->run_id);
    fault_point("after-open");
    loader->queue.dest = loader->seen.dest = loader->dest;
    if (!prepare_system(loader, loader->state_table, error) ||
        !prepare_system(loader, loader->fields_table, error) ||
        !prepare_system(loader, loader->options_table, error) ||
        !prepare_system(loader, loader->runs_table, error) ||
        !prepare_system(loader, loader->queue.parents, error) ||
        !prepare_system(loader, loader->seen.table, error))
        return false;
    if (!read_all(loader, loader->state_table, take_state, opened->states, error) ||
        !read_all(loader, loader->fields_table, take_field, opened->fields, error))
        return false;
    open_views(loader, opened);
    /* A child that this run leaves out still hears of deals that change: nobody will tell it later.
     */
    loader->queue.settings.lines |= opened_knows(opened, STREAM_DEAL_PRODUCTS);
    loader->queue.settings.flow |= opened_knows(opened, STREAM_DEALFLOW);
    return look_at_tables(loader, opened, error);
}

static bool do_open(struct loader *loader, const struct work *work, struct reply *reply,
                    GError **error)
{
    struct opened *opened = g_new0(struct opened, 1);
    struct batch *fields = batch_new();

    loader->started = work->now;
    opened->states = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    opened->fields = fields;
    batch_prepare(fields, loader->fields_table, 64);
    reply->opened = opened;
    return open_destination(loader, opened, error);
}

/* --- one transaction --- */

static bool write_row(struct loader *loader, struct batch *batch, GError **error)
{
    struct write_counts counts;
    bool good = destination_write(loader->dest, batch, &counts, error);

    batch_release(batch);
    return good;
}

static bool put_state(struct loader *loader, const char *name, const char *value, GError **error)
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
    cell_set_int(batch, &cells[RUN_REJECTED], progress->rejected);
    cell_set_int(batch, &cells[RUN_REQUESTS], progress->requests);
    cell_set_int(batch, &cells[RUN_TOKENS], progress->tokens);
    cell_set_string(batch, &cells[RUN_MESSAGE], work->run.message);
    return write_row(loader, batch, error);
}

static bool note_rows(struct loader *loader, const struct stream *stream, const char *nonce,
                      int64_t rows, GError **error)
{
    g_autofree char *name = table_state_name(stream), *value = NULL;

    value = g_strdup_printf("{\"nonce\":\"%s\",\"rows\":%" G_GINT64_FORMAT "}", nonce, rows);
    loader->noted[stream->id] = rows;
    if (nonce != loader->noted_nonces[stream->id]) {
        g_free(loader->noted_nonces[stream->id]);
        loader->noted_nonces[stream->id] = g_strdup(nonce);
    }
    return put_state(loader, name, value, error);
}

/* Once a run, in the first commit that ends a table. */
static bool trim_runs(struct loader *loader, const struct work *work, GError **error)
{
    return !work->run.ended || loader->trimmed ||
           run_log_trim(loader->dest, loader->runs_table, work->now, error);
}

/* How many rows the table holds now; the next run compares. */
static bool put_table_state(struct loader *loader, const struct work *work, GError **error)
{
    struct table_info info;
    bool good;

    if (!loader->prepared[work->stream->id])
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
    if (counts.flagged == 0)
        return true;
    reply->alive = alive;
    if (work->seen->len == 0) {
        error_setf(error, PENSTOCK_ERROR_GUARD,
                   "the API answered no row of %s where %" G_GINT64_FORMAT
                   " were alive: nothing was deleted. Check the token's rights; `penstock reset` "
                   "empties the table",
                   work->stream->name, alive);
        return false;
    }
    if (work->sweep_other_user) {
        error_setf(error, PENSTOCK_ERROR_GUARD,
                   "%s would lose %" G_GINT64_FORMAT " of %" G_GINT64_FORMAT
                   " rows, but the token's user or rights are others than before, so they may just "
                   "be out of sight: nothing was deleted. If they are gone, run again with --yes",
                   work->stream->name, counts.flagged, alive);
        return false;
    }
    if (counts.flagged * 2 > alive && !work->sweep_confirmed) {
        error_setf(error, PENSTOCK_ERROR_GUARD,
                   "%s would lose %" G_GINT64_FORMAT " of %" G_GINT64_FORMAT
                   " rows: nothing was deleted. If that is right, run again with --yes",
                   work->stream->name, counts.flagged, alive);
        return false;
    }
    return true;
}

static bool replace_groups(struct loader *loader, const struct work *work, struct reply *reply,
                           GError **error)
{
    for (unsigned i = 0; i < work->groups->len; i++) {
        const struct walk_group *group = &g_array_index(work->groups, struct walk_group, i);
        struct sweep_counts counts;
        struct sweep sweep;

        if (!group->replace || work->stream->walk != WALK_LINES ||
            loader->settings.deletes == DELETES_IGNORE)
            continue;
        sweep = (struct sweep){.table = work->table,
                               .scope = table_find_column(work->table, "deal_id"),
                               .scope_value = group->parent,
                               .seen = (const int64_t *)(void *)group->seen->data,
                               .seen_count = group->seen->len,
                               .deleted_at = work->now,
                               .remove = removes(loader, work->table)};
        if (!destination_sweep(loader->dest, &sweep, &counts, error))
            return false;
        fault_point("after-group");
        reply->deleted += counts.flagged;
        reply->removed += sweep.remove ? counts.flagged : 0;
    }
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

    if (!work->batch || !work->rows_are_stored)
        return true;
    deleted = apply_deletes(loader, work, reply);
    if (!destination_write(loader->dest, work->batch, &counts, error))
        return false;
    fault_point("after-rows");
    /* One that a full pass asked for was alive, so the deletion is news. */
    reply->rows = work->is_record && deleted ? 0 : counts.inserted_or_updated;
    reply->deleted += work->is_record ? deleted : 0;
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

static bool write_fields(struct loader *loader, const struct work *work, GError **error)
{
    struct write_counts counts;

    return (!work->fields || destination_write(loader->dest, work->fields, &counts, error)) &&
           (!work->options || destination_write(loader->dest, work->options, &counts, error));
}

static bool put_states(struct loader *loader, const struct work *work, GError **error)
{
    for (unsigned i = 0; work->states && i + 1 < work->states->len; i += 2)
        if (!put_state(loader, work->states->pdata[i], work->states->pdata[i + 1], error) ||
            !seen_clear(&loader->seen, work->states->pdata[i], error))
            return false;
    return true;
}

static bool fill_transaction(struct loader *loader, const struct work *work, struct reply *reply,
                             GError **error)
{
    struct queue_plan *plan = NULL;
    int64_t alive = 0;
    bool good;

    if (!count_alive(loader, work, &alive, error) ||
        (work->queue_parents && !queue_plan_page(&loader->queue, work, &plan, error)))
        return false;
    good = write_rows(loader, work, reply, error) && write_seen(loader, work, error) &&
           write_fields(loader, work, error) &&
           (!work->groups || replace_groups(loader, work, reply, error)) &&
           (!work->sweep || sweep_whole(loader, work, alive, reply, error)) &&
           write_queue(loader, work, plan, reply, error) &&
           (!work->state || put_state(loader, work->state_name, work->state, error)) &&
           put_states(loader, work, error) && forget_lost(loader, work, error) &&
           note_all_removed(loader, work, reply, error) &&
           (!work->ends_table || put_table_state(loader, work, error)) &&
           put_run(loader, work, reply, error) && trim_runs(loader, work, error);
    queue_plan_free(plan);
    return good;
}

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
        if (!write_fields(loader, work, error) || !destination_commit(loader->dest, error)) {
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
    if (!heal_views(loader, error))
        return false;
    if (!inside && !prepare_outside(loader, work, error))
        return false;
    if (!destination_begin(loader->dest, error))
        return false;
    fault_point("after-begin");
    if ((inside && !prepare_table(loader, work, error)) ||
        !fill_transaction(loader, work, reply, error)) {
        roll_back(loader, work);
        return false;
    }
    fault_point("before-commit");
    if (!destination_commit(loader->dest, error)) {
        roll_back(loader, work);
        return false;
    }
    loader->trimmed |= work->run.ended;
    if (work->stream) {
        loader->rows[work->stream->id] += reply->rows;
        loader->deleted[work->stream->id] += reply->deleted;
        loader->deleted[STREAM_DEAL_PRODUCTS] += reply->lines_flagged;
    }
    fault_point("after-commit");
    return true;
}

static bool do_queue(struct loader *loader, const struct work *work, struct reply *reply,
                     GError **error)
{
    return queue_read(&loader->queue, work->stream->name, work->limit, work->now, &reply->parents,
                      &reply->not_due, error) &&
           queue_count(&loader->queue, work->stream->name, &reply->queue, error);
}

static bool do_seed(struct loader *loader, const struct work *work, struct reply *reply,
                    GError **error)
{
    loader->dest->now = work->now;
    if (!destination_begin(loader->dest, error))
        return false;
    if (!queue_seed(&loader->queue, work->stream, work->table, error) ||
        !put_state(loader, work->state_name, work->state, error)) {
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
        return do_open(loader, work, reply, error);
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
    loader->queue.parents = system_parents_table();
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
    table_free(loader->queue.parents);
    table_free(loader->seen.table);
    for (unsigned i = 0; i < STREAM_COUNT; i++)
        g_free(loader->nonces[i]);
    for (unsigned i = 0; i < STREAM_COUNT; i++)
        g_free(loader->noted_nonces[i]);
    g_ptr_array_unref(loader->known);
    g_free(loader);
}
