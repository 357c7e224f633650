#include "sync/queue_private.h"

#include "sync/system.h"

#include <string.h>

/* Priorities sort ascending: what changed today (oldest first), what failed, then the past (newest
 * first). */
#define CLASS_RETRY    INT64_C(1000000000000)
#define CLASS_BACKFILL INT64_C(3000000000000)

/* Backoff of a parent that failed: 10 minutes, doubled a try, a day at most. */
#define RETRY_FIRST_S INT64_C(600)
#define RETRY_LAST_S  INT64_C(86400)

void queue_init(struct queue *queue)
{
    *queue = (struct queue){
        .parents = system_parents_table(),
        .taken_lines = g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free, NULL),
        .taken_flow = g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free, NULL),
    };
}

void queue_done(struct queue *queue)
{
    table_free(queue->parents);
    g_hash_table_unref(queue->taken_lines);
    g_hash_table_unref(queue->taken_flow);
}

static GHashTable *taken(const struct queue *queue, const char *child)
{
    return strcmp(child, QUEUE_FLOW) == 0 ? queue->taken_flow : queue->taken_lines;
}

struct deal_columns deal_columns(const struct table *deals)
{
    return (struct deal_columns){
        .id = deals->keys[0],
        .time = (unsigned)deals->version,
        .stage_time = (unsigned)table_find_column(deals, "stage_change_time"),
        .count = (unsigned)table_find_column(deals, "products_count"),
        .deleted = deals->deleted_at,
    };
}

instant_t queue_instant(const struct cell *cell)
{
    instant_t instant;

    return cell->kind == CELL_VALUE && instant_parse(cell->text, cell->length, &instant)
               ? instant
               : INSTANT_NONE;
}

int64_t queue_priority(instant_t time, bool backfill)
{
    int64_t seconds = time == INSTANT_NONE ? 0 : time / INSTANT_SECOND;

    return backfill ? CLASS_BACKFILL - seconds : seconds;
}

/* --- writing entries --- */

void queue_add_entry(const struct queue *queue, struct batch *batch, const char *child,
                     const struct parent *parent, instant_t not_before)
{
    struct cell *cells = batch_add_row(batch)->cells;

    g_hash_table_remove(taken(queue, child), &parent->id);
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

void queue_add_removal(const struct queue *queue, struct batch *batch, const char *child,
                       int64_t deal)
{
    struct row *row = batch_add_row(batch);

    g_hash_table_remove(taken(queue, child), &deal);
    row->remove = true;
    cell_set_string(batch, &row->cells[PARENT_CHILD], child);
    cell_set_int(batch, &row->cells[PARENT_DEAL], deal);
}

struct batch *queue_batch_new(const struct queue *queue)
{
    struct batch *batch = batch_new();

    batch_prepare(batch, queue->parents, 16);
    return batch;
}

bool queue_write_batch(const struct queue *queue, struct batch *batch, GError **error)
{
    struct write_counts counts;
    bool good = batch->row_count == 0 || destination_write(queue->dest, batch, &counts, error);

    batch_release(batch);
    return good;
}

/* --- reading entries --- */

struct reading {
    struct queue_round round; /* parents: NULL = they are only counted */
    unsigned limit;
    instant_t now;
};

static void take_entry(const struct cell *cells, void *opaque)
{
    struct reading *reading = opaque;
    instant_t not_before = queue_instant(&cells[PARENT_NOT_BEFORE]);
    struct parent parent = {.count = -1, .time = queue_instant(&cells[PARENT_TIME])};

    reading->round.waiting++;
    if (!reading->round.parents)
        return;
    if (not_before != INSTANT_NONE && not_before > reading->now &&
        not_before <= reading->now + RETRY_LAST_S * INSTANT_SECOND) { /* else a clock was ahead */
        reading->round.not_due++;
        return;
    }
    if (reading->round.parents->len >= reading->limit)
        return;
    cell_int64(&cells[PARENT_DEAL], &parent.id);
    cell_int64(&cells[PARENT_COUNT], &parent.count);
    cell_int64(&cells[PARENT_PRIORITY], &parent.priority);
    cell_int64(&cells[PARENT_TRIES], &parent.tries);
    g_array_append_val(reading->round.parents, parent);
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

static void give_out(GHashTable *out, const GArray *parents)
{
    g_hash_table_remove_all(out);
    for (unsigned i = 0; i < parents->len; i++) {
        const struct parent *parent = &g_array_index(parents, struct parent, i);

        g_hash_table_add(out, g_memdup2(&parent->id, sizeof parent->id));
    }
}

bool queue_take(const struct queue *queue, const char *child, unsigned limit, unsigned multiple,
                instant_t now, struct queue_round *ret, GError **error)
{
    struct reading reading = {.limit = limit, .now = now};
    GArray *parents = g_array_new(FALSE, FALSE, sizeof(struct parent));

    reading.round.parents = parents;
    if (!read_entries(queue, child, &reading, error)) {
        g_array_unref(parents);
        return false;
    }
    g_array_set_size(parents, parents->len - parents->len % multiple);
    give_out(taken(queue, child), parents);
    *ret = reading.round;
    return true;
}

bool queue_count(const struct queue *queue, const char *child, int64_t *ret, GError **error)
{
    struct reading reading = {.now = INSTANT_NONE};

    if (!read_entries(queue, child, &reading, error))
        return false;
    *ret = reading.round.waiting;
    return true;
}

/* --- what was taken, and its answer --- */

static bool stands(const struct queue *queue, const char *child, int64_t deal)
{
    return g_hash_table_contains(taken(queue, child), &deal);
}

static void drop_outdated_rows(const struct queue *queue, struct batch *batch)
{
    int deal_column = table_find_column(batch->table, "deal_id");
    unsigned kept = 0;

    for (unsigned i = 0; i < batch->row_count; i++) {
        int64_t deal;

        if (cell_int64(&batch->rows[i].cells[deal_column], &deal) &&
            stands(queue, QUEUE_LINES, deal))
            batch->rows[kept++] = batch->rows[i];
    }
    batch->row_count = kept;
}

void queue_drop_outdated(const struct queue *queue, const struct work *work)
{
    if (!work->groups || work->stream->walk != WALK_LINES)
        return;
    if (work->batch)
        drop_outdated_rows(queue, work->batch);
    for (unsigned i = work->groups->len; i-- > 0;) {
        struct walk_group *group = &g_array_index(work->groups, struct walk_group, i);

        if (stands(queue, QUEUE_LINES, group->parent))
            continue;
        g_array_unref(group->seen);
        g_array_remove_index(work->groups, i);
    }
}

bool queue_remove(const struct queue *queue, const char *child, const GArray *parents,
                  GError **error)
{
    struct batch *batch = queue_batch_new(queue);

    for (unsigned i = 0; i < parents->len; i++) {
        int64_t deal = g_array_index(parents, struct parent, i).id;

        if (stands(queue, child, deal))
            queue_add_removal(queue, batch, child, deal);
    }
    return queue_write_batch(queue, batch, error);
}

bool queue_retry(const struct queue *queue, const char *child, const GArray *parents, instant_t now,
                 GError **error)
{
    struct batch *batch = queue_batch_new(queue);

    for (unsigned i = 0; i < parents->len; i++) {
        struct parent parent = g_array_index(parents, struct parent, i);
        int64_t wait_s = RETRY_FIRST_S << MIN(parent.tries, 8);

        if (!stands(queue, child, parent.id))
            continue;
        parent.tries++;
        parent.priority = CLASS_RETRY + queue_priority(parent.time, false);
        queue_add_entry(queue, batch, child, &parent,
                        now + MIN(wait_s, RETRY_LAST_S) * INSTANT_SECOND);
    }
    return queue_write_batch(queue, batch, error);
}

static void remove_entry(const struct cell *cells, void *opaque)
{
    struct batch *batch = opaque;

    batch_copy_row(batch, cells);
    batch->rows[batch->row_count - 1].remove = true;
}

bool queue_clear(const struct queue *queue, const char *child, GError **error)
{
    struct batch *batch = queue_batch_new(queue);
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
    return queue_write_batch(queue, batch, error);
}

/* --- seeding --- */

/* Bounds the memory, whatever the number of deals. */
#define SEEDS_AT_ONCE 2000u

struct seeding {
    GArray *parents; /* struct parent */
    const struct stream *child;
};

static void seed_deal(const struct cell *cells, void *opaque)
{
    struct seeding *seeding = opaque;
    struct parent parent = {.count = -1, .time = queue_instant(&cells[1])};

    if (!cell_int64(&cells[0], &parent.id))
        return;
    cell_int64(&cells[2], &parent.count);
    if (seeding->child->walk == WALK_LINES && parent.count == 0)
        return;
    parent.priority = queue_priority(parent.time, true);
    g_array_append_val(seeding->parents, parent);
}

static bool write_seeds(const struct queue *queue, const char *child, const GArray *parents,
                        GError **error)
{
    unsigned next = 0;

    while (next < parents->len) {
        struct batch *batch = queue_batch_new(queue);

        for (unsigned i = 0; i < SEEDS_AT_ONCE && next < parents->len; i++)
            queue_add_entry(queue, batch, child, &g_array_index(parents, struct parent, next++),
                            INSTANT_NONE);
        if (!queue_write_batch(queue, batch, error))
            return false;
    }
    return true;
}

bool queue_seed(const struct queue *queue, const struct stream *child, const struct table *deals,
                GError **error)
{
    struct deal_columns columns = deal_columns(deals);
    const unsigned wanted[] = {columns.id, columns.time, columns.count};
    g_autoptr(GArray) parents = g_array_new(FALSE, FALSE, sizeof(struct parent));
    struct seeding seeding = {parents, child};
    struct read_query query = {.table = deals,
                               .columns = wanted,
                               .column_count = G_N_ELEMENTS(wanted),
                               .where = -1,
                               .live_only = true,
                               .order_by = -1};

    return destination_read(queue->dest, &query, seed_deal, &seeding, error) &&
           write_seeds(queue, child->name, parents, error);
}
