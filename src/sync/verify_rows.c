/* Verify: what an answer says about the rows that are stored. */
#include "sync/verify_private.h"

#include <string.h>

/* --- stored rows --- */

struct reading {
    const struct target *target;
    struct batch *rows;
    GHashTable *by_id; /* id → index + 1 */
};

/* From the columns that the destination has to all of the table's; the others stay absent. */
static void take_row(const struct cell *cells, void *opaque)
{
    struct reading *reading = opaque;
    const GArray *columns = reading->target->columns;
    const struct table *table = reading->target->table;
    struct cell *row = g_new0(struct cell, table->columns->len);
    int64_t id;

    for (unsigned i = 0; i < columns->len; i++)
        row[g_array_index(columns, unsigned, i)] = cells[i];
    if (cell_int64(&row[table->keys[0]], &id)) {
        batch_copy_row(reading->rows, row);
        g_hash_table_insert(reading->by_id, ID_KEY(id), GUINT_TO_POINTER(reading->rows->row_count));
    }
    g_free(row);
}

/* The rows whose key is in the page. */
static bool read_stored(struct target *target, const struct batch *page, struct reading *ret,
                        GError **error)
{
    struct cell *keys = g_new(struct cell, MAX(page->row_count, 1));
    struct read_query query = {.table = target->table,
                               .columns = (const unsigned *)(void *)target->columns->data,
                               .column_count = target->columns->len,
                               .where = (int)target->table->keys[0],
                               .values = keys,
                               .value_count = MIN(page->row_count, READ_MAX_VALUES),
                               .order_by = -1};
    bool good;

    for (unsigned i = 0; i < page->row_count; i++)
        keys[i] = page->rows[i].cells[target->table->keys[0]];
    *ret = (struct reading){
        .target = target, .rows = batch_new(), .by_id = g_hash_table_new(NULL, NULL)};
    batch_prepare(ret->rows, target->table, MAX(page->row_count, 1));
    good = page->row_count == 0 ||
           destination_read(target->verify->memory.dest, &query, take_row, ret, error);
    g_free(keys);
    return good;
}

static void reading_done(struct reading *reading)
{
    batch_release(reading->rows);
    g_hash_table_unref(reading->by_id);
}

/* --- times --- */

static int standard_column(const struct stream *stream, const char *name)
{
    for (unsigned i = 0; i < stream->column_count; i++)
        if (strcmp(stream->columns[i].name, name) == 0)
            return (int)i;
    return -1;
}

static instant_t cell_instant(const struct cell *cells, int column)
{
    instant_t time;

    if (column < 0 || cells[column].kind != CELL_VALUE ||
        !instant_parse(cells[column].text, cells[column].length, &time))
        return INSTANT_NONE;
    return time;
}

/* When the record last changed; tables that are read whole have no replication key, and most of
 * them a time all the same. */
static instant_t change_time(const struct target *target, const struct cell *cells)
{
    static const char *const names[] = {"update_time", "modified", "add_time", "created"};
    instant_t time = cell_instant(cells, target->table->version);

    for (unsigned i = 0; time == INSTANT_NONE && i < G_N_ELEMENTS(names); i++)
        time = cell_instant(cells, standard_column(target->stream, names[i]));
    return time;
}

static bool is_in_queue(const struct target *target, const struct cell *cells)
{
    int column = target->stream->parent_column
                     ? standard_column(target->stream, target->stream->parent_column)
                     : -1;
    int64_t parent;

    return column >= 0 && cell_int64(&cells[column], &parent) &&
           g_hash_table_contains(target->waiting, ID_KEY(parent));
}

/* The promise of the last sync ends at its bookmark; what changed since is nobody's mistake. */
static bool is_news(const struct target *target, unsigned list, const struct cell *cells)
{
    instant_t time = change_time(target, cells), bookmark = target->bookmark[list];

    if (bookmark == INSTANT_NONE || (time != INSTANT_NONE && time >= bookmark) ||
        is_in_queue(target, cells))
        return true;
    return target->stream->walk == WALK_FLOW &&
           target->verify->settings->dealflow != DEALFLOW_ALL &&
           target->flow_read != INSTANT_NONE && time > target->flow_read;
}

/* Records of before the start date were never asked for. */
static bool is_before_start(const struct target *target, unsigned list, const struct cell *cells)
{
    instant_t floor = target->state.lists[list].floor, time = change_time(target, cells);

    return target->stream->walk != WALK_WHOLE && floor != INSTANT_NONE && time != INSTANT_NONE &&
           time < floor;
}

/* --- findings --- */

static char *cell_text(const struct cell *cell)
{
    return cell && cell->kind == CELL_VALUE ? g_strndup(cell->text, cell->length) : NULL;
}

static void note(struct target *target, int64_t id, enum verify_finding finding, int column,
                 const struct cell *stored, const struct cell *sent)
{
    struct verify_difference difference = {
        .table = target->stream->name,
        .id = id,
        .finding = finding,
        .column =
            column >= 0 ? g_strdup(table_column(target->table, (unsigned)column)->name) : NULL,
        .stored = cell_text(stored),
        .sent = cell_text(sent),
    };

    g_array_append_val(target->verify->report->differences, difference);
}

/* --- one record --- */

static bool is_flagged(const struct target *target, const struct cell *cells)
{
    return target->table->deleted_at >= 0 && cells[target->table->deleted_at].kind == CELL_VALUE;
}

/* A table without a column for it loses the row instead. */
static bool is_deleted(const struct target *target, const struct row *sent)
{
    return sent->remove || is_flagged(target, sent->cells);
}

/* What the database could not hold was moved to _extra, under the column's name. */
static bool was_moved(const struct target *target, unsigned column, const struct cell *stored)
{
    struct arena *arena;
    const struct json_value *root;
    const struct cell *extra;
    bool moved;

    if (target->table->extra < 0 || stored[column].kind != CELL_NULL)
        return false;
    extra = &stored[target->table->extra];
    if (extra->kind != CELL_VALUE)
        return false;
    arena = arena_new();
    moved = json_parse_copy(target->verify->memory.parser, extra->text, extra->length, arena, &root,
                            NULL) &&
            json_member(root, table_column(target->table, column)->name);
    arena_free(arena);
    return moved;
}

static bool is_compared(const struct target *target, unsigned column, const struct cell *stored,
                        const struct cell *sent)
{
    return !table_column(target->table, column)->is_system && stored[column].kind != CELL_ABSENT &&
           sent[column].kind != CELL_ABSENT;
}

static bool drifts(const struct target *target, unsigned column)
{
    return column < target->stream->column_count && target->stream->columns[column].drifts;
}

/* Which columns differ, and whether one of them should not. Notes them unless they are news. */
static void compare_columns(struct target *target, int64_t id, bool news, const struct cell *stored,
                            const struct cell *sent, bool *ret_differs, bool *ret_drifts)
{
    *ret_differs = *ret_drifts = false;
    for (unsigned i = 0; i < target->table->columns->len; i++) {
        bool drift = drifts(target, i);

        if (!is_compared(target, i, stored, sent) ||
            compare_cells(&target->verify->comparer, table_column(target->table, i)->type,
                          &stored[i], &sent[i]) ||
            was_moved(target, i, stored))
            continue;
        *ret_differs |= !drift;
        *ret_drifts |= drift;
        if (!news)
            note(target, id, drift ? FINDING_DRIFT : FINDING_DIFFERENT, (int)i, &stored[i],
                 &sent[i]);
    }
}

static void judge_both(struct target *target, unsigned list, int64_t id, const struct cell *stored,
                       const struct row *record)
{
    const struct cell *sent = record->cells;
    struct verify_table *row = &target->row;
    bool flagged = is_flagged(target, stored), deleted = is_deleted(target, record);
    bool news = is_news(target, list, sent) || is_news(target, list, stored);
    bool differs, drift;

    if (flagged != deleted && news) {
        row->newer++;
    } else if (flagged && !deleted) {
        row->missing++;
        note(target, id, FINDING_FLAGGED, -1, NULL, NULL);
    } else if (deleted && !flagged && target->verify->settings->deletes == DELETES_IGNORE) {
        row->gone++; /* as was asked for: it stays as it was last seen */
    } else if (deleted && !flagged) {
        row->different++;
        note(target, id, FINDING_DELETED, -1, NULL, NULL);
    } else {
        compare_columns(target, id, news, stored, sent, &differs, &drift);
        if (!differs && !drift)
            row->equal++;
        else if (news)
            row->newer++;
        else if (differs)
            row->different++;
        else
            row->drifted++;
    }
}

static void judge_record(struct target *target, unsigned list, const struct reading *reading,
                         const struct row *record)
{
    const struct cell *sent = record->cells;
    unsigned found;
    int64_t id;

    if (!cell_int64(&sent[target->table->keys[0]], &id) ||
        !g_hash_table_add(target->seen, ID_KEY(id)))
        return;
    found = GPOINTER_TO_UINT(g_hash_table_lookup(reading->by_id, ID_KEY(id)));
    if (found > 0) {
        target->row.sampled++;
        judge_both(target, list, id, reading->rows->rows[found - 1].cells, record);
        return;
    }
    /* A record that was deleted before it was ever read is no loss. */
    if (is_deleted(target, record) || is_before_start(target, list, sent))
        return;
    target->row.sampled++;
    if (is_news(target, list, sent)) {
        target->row.newer++;
    } else {
        target->row.missing++;
        note(target, id, FINDING_MISSING, -1, NULL, NULL);
    }
}

bool target_judge(struct target *target, unsigned list, const struct batch *page, GError **error)
{
    struct reading reading;
    bool good = read_stored(target, page, &reading, error);

    for (unsigned i = 0; good && i < page->row_count; i++)
        judge_record(target, list, &reading, &page->rows[i]);
    reading_done(&reading);
    return good;
}

/* --- the other way: rows that no answer showed --- */

struct search {
    struct target *target;
    bool by_stretch;
    int64_t first, last;
};

static void take_unshown(const struct cell *cells, void *opaque)
{
    struct search *search = opaque;
    struct target *target = search->target;
    int64_t id, parent;

    if (!cell_int64(&cells[0], &id) || g_hash_table_contains(target->seen, ID_KEY(id)) ||
        (search->by_stretch && (id < search->first || id > search->last)))
        return;
    g_hash_table_add(target->seen, ID_KEY(id));
    target->row.sampled++;
    if (cell_int64(&cells[1], &parent) && g_hash_table_contains(target->waiting, ID_KEY(parent))) {
        target->row.newer++;
        return;
    }
    target->row.gone++;
    note(target, id, FINDING_GONE, -1, NULL, NULL);
}

static bool find_unshown(struct search *search, int column, const int64_t *ids, unsigned count,
                         GError **error)
{
    struct target *target = search->target;
    const char *parent = target->stream->parent_column;
    struct batch *values = batch_new();
    struct cell *cells = g_new0(struct cell, MAX(count, 1));
    unsigned columns[2] = {target->table->keys[0], target->table->keys[0]};
    struct read_query query = {.table = target->table,
                               .columns = columns,
                               .column_count = 2,
                               .where = column,
                               .values = cells,
                               .value_count = count,
                               .live_only = true,
                               .order_by = (int)target->table->keys[0]};
    bool good;

    if (parent)
        columns[1] = (unsigned)standard_column(target->stream, parent);
    for (unsigned i = 0; i < count; i++)
        cell_set_int(values, &cells[i], ids[i]);
    good = destination_read(target->verify->memory.dest, &query, take_unshown, search, error);
    batch_release(values);
    g_free(cells);
    return good;
}

bool target_judge_gone(struct target *target, int column, const int64_t *ids, unsigned count,
                       GError **error)
{
    struct search search = {.target = target};

    for (unsigned i = 0; column < 0 ? i == 0 : i < count; i += READ_MAX_VALUES)
        if (!find_unshown(&search, column, ids ? ids + i : NULL, MIN(READ_MAX_VALUES, count - i),
                          error))
            return false;
    return true;
}

bool target_judge_gap(struct target *target, int64_t first, int64_t last, GError **error)
{
    struct search search = {.target = target, .by_stretch = true, .first = first, .last = last};

    return find_unshown(&search, -1, NULL, 0, error);
}
