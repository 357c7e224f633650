/* What a page of deals makes of the queue: entries for what is news, and an end to those of deals
 * that are gone, with their lines. */
#include "sync/queue_private.h"

#include <string.h>

/* One deal of a page, as it was stored before. */
struct stored_deal {
    char *time, *stage_time, *count;
    bool deleted;
};

struct queue_plan {
    GArray *lines, *flow; /* struct parent: entries to make */
    GArray *unsure;       /* struct parent: entries to make if the row turns out to differ */
    GArray *gone;         /* struct gone */
};

/* A deal without lines, for one of two reasons. */
struct gone {
    int64_t deal;
    bool deleted; /* false: it has no products (any more) */
    instant_t at;
};

static char *cell_dup(const struct cell *cell)
{
    return cell->kind == CELL_VALUE ? g_strndup(cell->text, cell->length) : NULL;
}

static bool cell_equals(const struct cell *cell, const char *text)
{
    return cell->kind == CELL_VALUE ? text && cell_is(cell, text) : !text;
}

static void stored_free(void *data)
{
    struct stored_deal *deal = data;

    g_free(deal->time);
    g_free(deal->stage_time);
    g_free(deal->count);
    g_free(deal);
}

/* What deals look like before the page. */
struct stored_deals {
    GHashTable *by_id;
    bool flagged; /* the columns that are read end with _deleted_at */
};

static void take_stored(const struct cell *cells, void *opaque)
{
    const struct stored_deals *stored = opaque;
    int64_t *id = g_new(int64_t, 1);
    struct stored_deal *deal = g_new0(struct stored_deal, 1);

    if (!cell_int64(&cells[0], id))
        *id = 0;
    deal->time = cell_dup(&cells[1]);
    deal->stage_time = cell_dup(&cells[2]);
    deal->count = cell_dup(&cells[3]);
    deal->deleted = stored->flagged && cells[4].kind == CELL_VALUE;
    g_hash_table_insert(stored->by_id, id, deal);
}

static bool read_stored(const struct queue *queue, const struct work *work, GHashTable *stored,
                        GError **error)
{
    struct deal_columns deals = deal_columns(work->table);
    const unsigned columns[] = {deals.id, deals.time, deals.stage_time, deals.count,
                                (unsigned)MAX(deals.deleted, 0)};
    g_autofree struct cell *ids = g_new0(struct cell, work->batch->row_count);
    struct stored_deals taken = {.by_id = stored, .flagged = deals.deleted >= 0};
    struct read_query query = {.table = work->table,
                               .columns = columns,
                               .column_count = G_N_ELEMENTS(columns) - (deals.deleted < 0),
                               .where = (int)deals.id,
                               .values = ids,
                               .value_count = work->batch->row_count,
                               .order_by = -1};

    for (unsigned i = 0; i < work->batch->row_count; i++)
        ids[i] = work->batch->rows[i].cells[deals.id];
    return work->batch->row_count == 0 ||
           destination_read(queue->dest, &query, take_stored, &taken, error);
}

static void plan_gone(struct queue_plan *plan, int64_t deal, bool deleted, instant_t at)
{
    struct gone gone = {deal, deleted, at};

    g_array_append_val(plan->gone, gone);
}

/* Nothing in the table tells it apart: a deal is news if the walk's lower bound says so. */
static bool moved_since(const struct cell *stage_time, instant_t since, bool backfill)
{
    instant_t moved = queue_instant(stage_time);

    return backfill || since == INSTANT_NONE || moved == INSTANT_NONE || moved >= since;
}

/* Stored by the walk before, which began less than STATE_UNSETTLED after that time. */
static bool is_unsettled(const struct work *work, instant_t time)
{
    return !work->is_backfill && time != INSTANT_NONE && work->since != INSTANT_NONE &&
           time >= work->since + STATE_OVERLAP - STATE_UNSETTLED;
}

static bool is_deleted(const struct deal_columns *columns, const struct row *row)
{
    return row->remove ||
           (columns->deleted >= 0 && row->cells[columns->deleted].kind == CELL_VALUE);
}

static instant_t deleted_at(const struct deal_columns *columns, const struct row *row)
{
    unsigned column = columns->deleted >= 0 ? (unsigned)columns->deleted : columns->time;

    return queue_instant(&row->cells[column]);
}

/* What is compared here is the same; whether the row is, only its write will tell. */
static void plan_unsure(struct queue_plan *plan, const struct deal_columns *columns,
                        const struct cell *cells, const struct parent *deal)
{
    struct parent parent = *deal;

    cell_int64(&cells[columns->count], &parent.count);
    parent.priority = queue_priority(parent.time, false);
    g_array_append_val(plan->unsure, parent);
}

static void plan_deal(const struct queue *queue, const struct work *work,
                      const struct deal_columns *columns, const struct row *row,
                      const struct stored_deal *stored, struct queue_plan *plan)
{
    const struct cell *cells = row->cells;
    struct parent parent = {.count = -1, .time = queue_instant(&cells[columns->time])};
    bool deleted = is_deleted(columns, row);
    bool compare = queue->settings.deals_table;
    bool is_new = compare ? !stored : work->is_backfill;
    bool moved = is_new || (compare ? !cell_equals(&cells[columns->stage_time], stored->stage_time)
                                    : moved_since(&cells[columns->stage_time], work->since,
                                                  work->is_backfill));
    bool changed = is_new || !compare || !cell_equals(&cells[columns->time], stored->time) ||
                   !cell_equals(&cells[columns->count], stored->count) ||
                   !cell_equals(&cells[columns->stage_time], stored->stage_time) ||
                   stored->deleted != deleted || is_unsettled(work, parent.time);

    if (compare && stored) /* moved twice in one second, or its log was not read while deleted */
        moved |= stored->deleted || is_unsettled(work, queue_instant(&cells[columns->stage_time]));
    if (!cell_int64(&cells[columns->id], &parent.id))
        return;
    if (!changed) {
        if (work->finds_drift && !deleted)
            plan_unsure(plan, columns, cells, &parent);
        return;
    }
    if (stored && stored->time && cells[columns->time].kind == CELL_VALUE &&
        strncmp(cells[columns->time].text, stored->time, cells[columns->time].length) < 0)
        return; /* a late page: older than what is stored */
    cell_int64(&cells[columns->count], &parent.count);
    parent.priority = queue_priority(parent.time, work->is_backfill);
    if (queue->settings.lines && (deleted || parent.count == 0)) {
        /* A new deal has no lines, unless the table of deals was loaded anew. */
        if (!is_new || !compare || queue->lines_table)
            plan_gone(plan, parent.id, deleted, deleted ? deleted_at(columns, row) : work->now);
    } else if (queue->settings.lines) {
        g_array_append_val(plan->lines, parent);
    }
    if (queue->settings.flow && !deleted && (queue->settings.flow_all || moved))
        g_array_append_val(plan->flow, parent);
}

bool queue_plan_page(const struct queue *queue, const struct work *work, struct queue_plan **ret,
                     GError **error)
{
    g_autoptr(GHashTable) stored =
        g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free, stored_free);
    struct deal_columns columns = deal_columns(work->table);
    struct queue_plan *plan;

    if (queue->settings.deals_table && !read_stored(queue, work, stored, error))
        return false;
    plan = g_new0(struct queue_plan, 1);
    plan->lines = g_array_new(FALSE, FALSE, sizeof(struct parent));
    plan->flow = g_array_new(FALSE, FALSE, sizeof(struct parent));
    plan->gone = g_array_new(FALSE, FALSE, sizeof(struct gone));
    plan->unsure = g_array_new(FALSE, FALSE, sizeof(struct parent));
    for (unsigned i = 0; i < work->batch->row_count; i++) {
        const struct row *row = &work->batch->rows[i];
        int64_t id;

        if (cell_int64(&row->cells[columns.id], &id))
            plan_deal(queue, work, &columns, row, g_hash_table_lookup(stored, &id), plan);
    }
    *ret = plan;
    return true;
}

void queue_plan_free(struct queue_plan *plan)
{
    if (!plan)
        return;
    g_array_unref(plan->lines);
    g_array_unref(plan->flow);
    g_array_unref(plan->gone);
    g_array_unref(plan->unsure);
    g_free(plan);
}

/* --- applying the plan --- */

static bool flag_lines(const struct queue *queue, const struct work *work, const struct gone *gone,
                       int64_t *flagged, GError **error)
{
    struct sweep_counts counts;
    struct sweep sweep = {.table = queue->lines_table,
                          .scope = table_find_column(queue->lines_table, "deal_id"),
                          .scopes = &gone->deal,
                          .scope_count = 1,
                          .deleted_at = gone->at,
                          .remove =
                              queue->lines_table->deleted_at < 0 ||
                              (queue->settings.deletes == DELETES_REMOVE && !work->is_missing)};
    if (!destination_sweep(queue->dest, &sweep, &counts, error))
        return false;
    *flagged += counts.flagged;
    return true;
}

static void take_id(const struct cell *cells, void *opaque)
{
    int64_t id;

    if (cell_int64(&cells[0], &id))
        g_hash_table_add(opaque, g_memdup2(&id, sizeof id));
}

/* Which of them have lines. While deals are loaded nearly none does, and one question is cheaper
 * than a sweep for each. */
static bool read_deals_with_lines(const struct queue *queue, const GArray *gone, GHashTable *ret,
                                  GError **error)
{
    const unsigned deal = (unsigned)table_find_column(queue->lines_table, "deal_id");
    g_autofree struct cell *values = g_new0(struct cell, gone->len);
    struct read_query query = {.table = queue->lines_table,
                               .columns = &deal,
                               .column_count = 1,
                               .where = (int)deal,
                               .values = values,
                               .value_count = gone->len,
                               .order_by = -1};
    struct batch *scratch = batch_new();
    bool good;

    for (unsigned i = 0; i < gone->len; i++)
        cell_set_int(scratch, &values[i], g_array_index(gone, struct gone, i).deal);
    good = destination_read(queue->dest, &query, take_id, ret, error);
    batch_release(scratch);
    return good;
}

static bool flag_all_lines(const struct queue *queue, const struct work *work,
                           const struct queue_plan *plan, int64_t *flagged, GError **error)
{
    g_autoptr(GHashTable) with_lines =
        g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free, NULL);

    if (plan->gone->len == 0 || !queue->lines_table || queue->settings.deletes == DELETES_IGNORE)
        return true;
    if (!read_deals_with_lines(queue, plan->gone, with_lines, error))
        return false;
    for (unsigned i = 0; i < plan->gone->len; i++) {
        const struct gone *gone = &g_array_index(plan->gone, struct gone, i);

        if (g_hash_table_contains(with_lines, &gone->deal) &&
            !flag_lines(queue, work, gone, flagged, error))
            return false;
    }
    return true;
}

struct written {
    const char *run_id;
    GHashTable *ids; /* of rows that this run wrote */
};

static void take_written(const struct cell *cells, void *opaque)
{
    const struct written *written = opaque;
    int64_t id;

    if (cell_int64(&cells[0], &id) && cell_is(&cells[1], written->run_id))
        g_hash_table_add(written->ids, g_memdup2(&id, sizeof id));
}

static bool read_written(const struct queue *queue, const struct work *work, const GArray *unsure,
                         struct batch *scratch, GHashTable *ids, GError **error)
{
    const struct table *deals = work->table;
    const unsigned columns[] = {deals->keys[0], (unsigned)MAX(deals->run_id, 0)};
    g_autofree struct cell *values = g_new0(struct cell, unsure->len);
    struct written written = {queue->dest->run_id, ids};
    struct read_query query = {.table = deals,
                               .columns = columns,
                               .column_count = G_N_ELEMENTS(columns),
                               .where = (int)deals->keys[0],
                               .values = values,
                               .value_count = unsure->len,
                               .order_by = -1};

    if (deals->run_id < 0) /* nobody can tell */
        return true;
    for (unsigned i = 0; i < unsure->len; i++)
        cell_set_int(scratch, &values[i], g_array_index(unsure, struct parent, i).id);
    return destination_read(queue->dest, &query, take_written, &written, error);
}

/* Rows that a full pass changed, though neither time nor stage nor count told. */
static bool add_drifted(const struct queue *queue, const struct work *work,
                        const struct queue_plan *plan, struct batch *batch, GError **error)
{
    g_autoptr(GHashTable) ids = g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free, NULL);

    if (plan->unsure->len == 0)
        return true;
    if (!read_written(queue, work, plan->unsure, batch, ids, error))
        return false;
    for (unsigned i = 0; i < plan->unsure->len; i++) {
        const struct parent *parent = &g_array_index(plan->unsure, struct parent, i);

        if (!g_hash_table_contains(ids, &parent->id))
            continue;
        if (queue->settings.lines && parent->count != 0)
            queue_add_entry(queue, batch, QUEUE_LINES, parent, INSTANT_NONE);
        if (queue->settings.flow && queue->settings.flow_all)
            queue_add_entry(queue, batch, QUEUE_FLOW, parent, INSTANT_NONE);
    }
    return true;
}

bool queue_apply_plan(const struct queue *queue, const struct work *work,
                      const struct queue_plan *plan, int64_t *ret_flagged, GError **error)
{
    struct batch *batch = queue_batch_new(queue);

    for (unsigned i = 0; i < plan->lines->len; i++)
        queue_add_entry(queue, batch, QUEUE_LINES, &g_array_index(plan->lines, struct parent, i),
                        INSTANT_NONE);
    for (unsigned i = 0; i < plan->flow->len; i++)
        queue_add_entry(queue, batch, QUEUE_FLOW, &g_array_index(plan->flow, struct parent, i),
                        INSTANT_NONE);
    for (unsigned i = 0; i < plan->gone->len; i++)
        queue_add_removal(queue, batch, QUEUE_LINES,
                          g_array_index(plan->gone, struct gone, i).deal);
    if (!add_drifted(queue, work, plan, batch, error)) {
        batch_release(batch);
        return false;
    }
    return queue_write_batch(queue, batch, error) &&
           flag_all_lines(queue, work, plan, ret_flagged, error);
}
