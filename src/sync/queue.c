#include "sync/queue.h"

#include "sync/system.h"

#include <string.h>

#define LINES catalog[STREAM_DEAL_PRODUCTS].name
#define FLOW  catalog[STREAM_DEALFLOW].name

/* Priorities sort ascending: what changed today (oldest first), what failed, then the past (newest
 * first). */
#define CLASS_RETRY    INT64_C(1000000000000)
#define CLASS_BACKFILL INT64_C(3000000000000)

/* Backoff of a parent that failed: 10 minutes, doubled a try, a day at most. */
#define RETRY_FIRST_S INT64_C(600)
#define RETRY_LAST_S  INT64_C(86400)

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

/* Columns of deals that matter here. deleted: -1 = a deleted deal is not stored. */
struct deal_columns {
    unsigned id, time, stage_time, count;
    int deleted;
};

static struct deal_columns deal_columns(const struct table *deals)
{
    return (struct deal_columns){
        .id = deals->keys[0],
        .time = (unsigned)deals->version,
        .stage_time = (unsigned)table_find_column(deals, "stage_change_time"),
        .count = (unsigned)table_find_column(deals, "products_count"),
        .deleted = deals->deleted_at,
    };
}

static char *cell_dup(const struct cell *cell)
{
    return cell->kind == CELL_VALUE ? g_strndup(cell->text, cell->length) : NULL;
}

static instant_t cell_instant(const struct cell *cell)
{
    instant_t instant;

    return cell->kind == CELL_VALUE && instant_parse(cell->text, cell->length, &instant)
               ? instant
               : INSTANT_NONE;
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

static int64_t priority_of(instant_t time, bool backfill)
{
    int64_t seconds = time == INSTANT_NONE ? 0 : time / INSTANT_SECOND;

    return backfill ? CLASS_BACKFILL - seconds : seconds;
}

static void plan_gone(struct queue_plan *plan, int64_t deal, bool deleted, instant_t at)
{
    struct gone gone = {deal, deleted, at};

    g_array_append_val(plan->gone, gone);
}

/* Nothing in the table tells it apart: a deal is news if the walk's lower bound says so. */
static bool moved_since(const struct cell *stage_time, instant_t since, bool backfill)
{
    instant_t moved = cell_instant(stage_time);

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

    return cell_instant(&row->cells[column]);
}

/* What is compared here is the same; whether the row is, only its write will tell. */
static void plan_unsure(struct queue_plan *plan, const struct deal_columns *columns,
                        const struct cell *cells, const struct parent *deal)
{
    struct parent parent = *deal;

    cell_int64(&cells[columns->count], &parent.count);
    parent.priority = priority_of(parent.time, false);
    g_array_append_val(plan->unsure, parent);
}

static void plan_deal(const struct queue *queue, const struct work *work,
                      const struct deal_columns *columns, const struct row *row,
                      const struct stored_deal *stored, struct queue_plan *plan)
{
    const struct cell *cells = row->cells;
    struct parent parent = {.count = -1, .time = cell_instant(&cells[columns->time])};
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
        moved |= stored->deleted || is_unsettled(work, cell_instant(&cells[columns->stage_time]));
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
    parent.priority = priority_of(parent.time, work->is_backfill);
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

/* --- writing entries --- */

static void add_entry(struct batch *batch, const char *child, const struct parent *parent,
                      instant_t not_before)
{
    struct cell *cells = batch_add_row(batch)->cells;

    cell_set_string(batch, &cells[PARENT_CHILD], child);
    cell_set_int(batch, &cells[PARENT_DEAL], parent->id);
    cell_set_instant(batch, &cells[PARENT_TIME], parent->time);
    if (parent->count >= 0)
        cell_set_int(batch, &cells[PARENT_COUNT], parent->count);
    else
        cell_set_null(&cells[PARENT_COUNT]);
    cell_set_int(batch, &cells[PARENT_PRIORITY], parent->priority);
    cell_set_int(batch, &cells[PARENT_TRIES], parent->tries);
    cell_set_instant(batch, &cells[PARENT_NOT_BEFORE], not_before);
}

static void add_removal(struct batch *batch, const char *child, int64_t deal)
{
    struct row *row = batch_add_row(batch);

    row->remove = true;
    cell_set_string(batch, &row->cells[PARENT_CHILD], child);
    cell_set_int(batch, &row->cells[PARENT_DEAL], deal);
}

static struct batch *new_batch(const struct queue *queue)
{
    struct batch *batch = batch_new();

    batch_prepare(batch, queue->parents, 16);
    return batch;
}

/* Writes and releases. */
static bool write_batch(const struct queue *queue, struct batch *batch, GError **error)
{
    struct write_counts counts;
    bool good = batch->row_count == 0 || destination_write(queue->dest, batch, &counts, error);

    batch_release(batch);
    return good;
}

static bool flag_lines(const struct queue *queue, const struct work *work, const struct gone *gone,
                       int64_t *flagged, GError **error)
{
    struct sweep_counts counts;
    struct sweep sweep;

    if (!queue->lines_table || queue->settings.deletes == DELETES_IGNORE)
        return true;
    sweep =
        (struct sweep){.table = queue->lines_table,
                       .scope = table_find_column(queue->lines_table, "deal_id"),
                       .scope_value = gone->deal,
                       .deleted_at = gone->at,
                       .remove = queue->lines_table->deleted_at < 0 ||
                                 (queue->settings.deletes == DELETES_REMOVE && !work->is_missing)};
    if (!destination_sweep(queue->dest, &sweep, &counts, error))
        return false;
    *flagged += counts.flagged;
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
            add_entry(batch, LINES, parent, INSTANT_NONE);
        if (queue->settings.flow && queue->settings.flow_all)
            add_entry(batch, FLOW, parent, INSTANT_NONE);
    }
    return true;
}

bool queue_apply_plan(const struct queue *queue, const struct work *work,
                      const struct queue_plan *plan, int64_t *ret_flagged, GError **error)
{
    struct batch *batch = new_batch(queue);

    for (unsigned i = 0; i < plan->lines->len; i++)
        add_entry(batch, LINES, &g_array_index(plan->lines, struct parent, i), INSTANT_NONE);
    for (unsigned i = 0; i < plan->flow->len; i++)
        add_entry(batch, FLOW, &g_array_index(plan->flow, struct parent, i), INSTANT_NONE);
    for (unsigned i = 0; i < plan->gone->len; i++)
        add_removal(batch, LINES, g_array_index(plan->gone, struct gone, i).deal);
    if (!add_drifted(queue, work, plan, batch, error)) {
        batch_release(batch);
        return false;
    }
    if (!write_batch(queue, batch, error))
        return false;
    for (unsigned i = 0; i < plan->gone->len; i++)
        if (!flag_lines(queue, work, &g_array_index(plan->gone, struct gone, i), ret_flagged,
                        error))
            return false;
    return true;
}

/* --- reading entries --- */

struct reading {
    GArray *parents;
    unsigned limit;
    instant_t now;
    int64_t not_due, count;
};

static void take_entry(const struct cell *cells, void *opaque)
{
    struct reading *reading = opaque;
    instant_t not_before = cell_instant(&cells[PARENT_NOT_BEFORE]);
    struct parent parent = {.count = -1, .time = cell_instant(&cells[PARENT_TIME])};

    reading->count++;
    if (!reading->parents)
        return;
    if (not_before != INSTANT_NONE && not_before > reading->now) {
        reading->not_due++;
        return;
    }
    if (reading->parents->len >= reading->limit)
        return;
    cell_int64(&cells[PARENT_DEAL], &parent.id);
    cell_int64(&cells[PARENT_COUNT], &parent.count);
    cell_int64(&cells[PARENT_PRIORITY], &parent.priority);
    cell_int64(&cells[PARENT_TRIES], &parent.tries);
    g_array_append_val(reading->parents, parent);
}

static bool read_entries(const struct queue *queue, const char *child, struct reading *reading,
                         GError **error)
{
    struct cell value;
    struct read_query query = {.table = queue->parents,
                               .where = PARENT_CHILD,
                               .values = &value,
                               .value_count = 1,
                               .order_by = PARENT_PRIORITY};

    cell_set(&value, child, strlen(child));
    return destination_read(queue->dest, &query, take_entry, reading, error);
}

bool queue_read(const struct queue *queue, const char *child, unsigned limit, instant_t now,
                GArray **ret, int64_t *ret_not_due, GError **error)
{
    struct reading reading = {.limit = limit, .now = now};

    reading.parents = g_array_new(FALSE, FALSE, sizeof(struct parent));
    if (!read_entries(queue, child, &reading, error)) {
        g_array_unref(reading.parents);
        return false;
    }
    *ret = reading.parents;
    *ret_not_due = reading.not_due;
    return true;
}

bool queue_count(const struct queue *queue, const char *child, int64_t *ret, GError **error)
{
    struct reading reading = {.now = INSTANT_NONE};

    if (!read_entries(queue, child, &reading, error))
        return false;
    *ret = reading.count;
    return true;
}

/* --- removing and retrying --- */

struct keep {
    const char *child;
    GHashTable *times; /* deal → update_time that its entry has now */
};

static void take_current(const struct cell *cells, void *opaque)
{
    struct keep *keep = opaque;
    int64_t id, time = cell_instant(&cells[PARENT_TIME]);

    if (cell_is(&cells[PARENT_CHILD], keep->child) && cell_int64(&cells[PARENT_DEAL], &id))
        g_hash_table_insert(keep->times, g_memdup2(&id, sizeof id), g_memdup2(&time, sizeof time));
}

bool queue_remove(const struct queue *queue, const char *child, const GArray *parents,
                  GError **error)
{
    g_autoptr(GHashTable) times =
        g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free, g_free);
    struct keep keep = {child, times};
    g_autofree struct cell *ids = g_new0(struct cell, parents->len);
    struct read_query query = {.table = queue->parents,
                               .where = PARENT_DEAL,
                               .values = ids,
                               .value_count = parents->len,
                               .order_by = -1};
    struct batch *batch = new_batch(queue);

    for (unsigned i = 0; i < parents->len; i++)
        cell_set_int(batch, &ids[i], g_array_index(parents, struct parent, i).id);
    if (parents->len > 0 && !destination_read(queue->dest, &query, take_current, &keep, error)) {
        batch_release(batch);
        return false;
    }
    for (unsigned i = 0; i < parents->len; i++) {
        const struct parent *parent = &g_array_index(parents, struct parent, i);
        const int64_t *now = g_hash_table_lookup(times, &parent->id);

        if (now && *now <= parent->time)
            add_removal(batch, child, parent->id);
    }
    return write_batch(queue, batch, error);
}

bool queue_retry(const struct queue *queue, const char *child, const GArray *parents, instant_t now,
                 GError **error)
{
    struct batch *batch = new_batch(queue);

    for (unsigned i = 0; i < parents->len; i++) {
        struct parent parent = g_array_index(parents, struct parent, i);
        int64_t wait_s = RETRY_FIRST_S << MIN(parent.tries, 8);

        parent.tries++;
        parent.priority = CLASS_RETRY + priority_of(parent.time, false);
        add_entry(batch, child, &parent, now + MIN(wait_s, RETRY_LAST_S) * INSTANT_SECOND);
    }
    return write_batch(queue, batch, error);
}

static void remove_entry(const struct cell *cells, void *opaque)
{
    struct batch *batch = opaque;

    batch_copy_row(batch, cells);
    batch->rows[batch->row_count - 1].remove = true;
}

bool queue_clear(const struct queue *queue, const char *child, GError **error)
{
    struct batch *batch = new_batch(queue);
    struct cell value;
    struct read_query query = {.table = queue->parents,
                               .where = PARENT_CHILD,
                               .values = &value,
                               .value_count = 1,
                               .order_by = -1};

    cell_set(&value, child, strlen(child));
    if (!destination_read(queue->dest, &query, remove_entry, batch, error)) {
        batch_release(batch);
        return false;
    }
    return write_batch(queue, batch, error);
}

/* --- seeding --- */

struct seeding {
    struct batch *batch;
    const struct stream *child;
};

static void seed_deal(const struct cell *cells, void *opaque)
{
    struct seeding *seeding = opaque;
    struct parent parent = {.count = -1, .time = cell_instant(&cells[1])};

    if (!cell_int64(&cells[0], &parent.id))
        return;
    cell_int64(&cells[2], &parent.count);
    if (seeding->child->walk == WALK_LINES && parent.count == 0)
        return;
    parent.priority = priority_of(parent.time, true);
    add_entry(seeding->batch, seeding->child->name, &parent, INSTANT_NONE);
}

bool queue_seed(const struct queue *queue, const struct stream *child, const struct table *deals,
                GError **error)
{
    struct deal_columns columns = deal_columns(deals);
    const unsigned wanted[] = {columns.id, columns.time, columns.count};
    struct seeding seeding = {.batch = new_batch(queue), .child = child};
    struct read_query query = {.table = deals,
                               .columns = wanted,
                               .column_count = G_N_ELEMENTS(wanted),
                               .where = -1,
                               .live_only = true,
                               .order_by = -1};

    if (!destination_read(queue->dest, &query, seed_deal, &seeding, error)) {
        batch_release(seeding.batch);
        return false;
    }
    return write_batch(queue, seeding.batch, error);
}
