/* What a sync would cost. Rows are not counted by any list; the highest id bounds them from above
 * for one call. */
#include "sync/api.h"
#include "sync/commands.h"
#include "sync/memory.h"
#include "sync/schedule.h"
#include "sync/system.h"

#include <string.h>

/* Deals whose lines one call asks for. */
#define LINES_A_CALL 100

struct planning {
    const struct sync_settings *settings;
    struct api api;
    struct memory memory;
    struct schedule_settings schedule;
    struct plan_report *report;
    int64_t deals_high;
};

static bool highest_id(struct planning *planning, const struct stream *stream, unsigned list,
                       int64_t *ret, GError **error)
{
    struct arena *arena = arena_new();
    g_autofree char *path =
        stream->paging == PAGING_CURSOR
            ? g_strdup_printf("%s?limit=1&sort_by=id&sort_direction=desc%s",
                              stream->lists[list].path, stream->lists[list].query)
            : g_strdup_printf("%s?start=0&limit=1&sort=id%%20DESC", stream->lists[list].path);
    const struct json_value *root;
    bool good =
        api_get(&planning->api, path, stream->lists[list].cost_tokens, arena, NULL, &root, error);

    *ret = 0;
    if (good)
        for (json_each_item(record, json_member(root, "data")))
            json_int64(json_member(record, "id"), ret);
    arena_free(arena);
    return good;
}

static int64_t pages(int64_t rows, unsigned page_rows)
{
    return rows <= 0 ? 1 : (rows + page_rows - 1) / page_rows;
}

static void add_calls(struct plan_table *row, int64_t low, int64_t high, int cost)
{
    row->calls_low += low;
    row->calls_high += high;
    row->tokens_low += low * cost;
    row->tokens_high += high * cost;
}

static bool plan_first_load(struct planning *planning, const struct stream *stream,
                            struct plan_table *row, GError **error)
{
    int64_t id;

    if (!highest_id(planning, stream, 0, &id, error))
        return false;
    row->rows_high = id;
    if (stream->id == STREAM_DEALS)
        planning->deals_high = id;
    /* The first page of each list, the look for rows without update_time, and archived deals twice.
     */
    for (unsigned i = 0; i < stream->list_count; i++) {
        int passes = i > 0 ? 2 : 1;

        add_calls(row, passes, passes * (pages(id, stream->page_rows) + 1),
                  stream->lists[i].cost_tokens);
    }
    return true;
}

/* --- full passes --- */

static void count_row(const struct cell *cells, void *opaque)
{
    (void)cells;
    ++*(int64_t *)opaque;
}

/* Rows of the table that a list will show: deals are in one of two. */
static bool count_archived(struct planning *planning, const struct table *table, int64_t *ret,
                           GError **error)
{
    struct cell yes = {.text = "1", .length = 1, .kind = CELL_VALUE};
    struct read_query query = {.table = table,
                               .columns = table->keys,
                               .column_count = 1,
                               .where = table_find_column(table, "is_archived"),
                               .values = &yes,
                               .value_count = 1,
                               .order_by = -1};

    *ret = 0;
    return query.where < 0 ||
           destination_read(planning->memory.dest, &query, count_row, ret, error);
}

static void add_pass_walk(const struct stream *stream, unsigned list, int64_t rows,
                          struct plan_table *row)
{
    bool overlaps = stream->walk == WALK_NOTES || stream->walk == WALK_FILES;
    int64_t calls =
        stream->paging == PAGING_NONE ? 1 : pages(rows, stream->page_rows - (overlaps ? 1 : 0));

    row->pass_calls += calls;
    row->pass_tokens += calls * stream->lists[list].cost_tokens;
}

/* Deals that have lines: rows come in the order of their deals. */
struct counting {
    int64_t last, count;
};

static void count_deal(const struct cell *cells, void *opaque)
{
    struct counting *counting = opaque;
    int64_t deal;

    if (!cell_int64(&cells[0], &deal) || (counting->count > 0 && deal == counting->last))
        return;
    counting->last = deal;
    counting->count++;
}

static bool price_lines(struct planning *planning, const struct stream *stream,
                        const struct table *table, struct plan_table *row, GError **error)
{
    const unsigned deal = (unsigned)table_find_column(table, stream->parent_column);
    struct counting counting = {0};
    struct read_query query = {.table = table,
                               .columns = &deal,
                               .column_count = 1,
                               .where = -1,
                               .live_only = true,
                               .order_by = (int)deal};

    if (!destination_read(planning->memory.dest, &query, count_deal, &counting, error))
        return false;
    if (counting.count > 0) {
        row->pass_calls = pages(counting.count, LINES_A_CALL);
        row->pass_tokens = row->pass_calls * stream->lists[0].cost_tokens;
    }
    return true;
}

/* What the destination holds is about what the lists have. */
static bool price_pass(struct planning *planning, const struct stream *stream,
                       struct plan_table *row, GError **error)
{
    g_autoptr(Table) table = fields_build_table(stream, NULL, planning->memory.metadata);
    unsigned lists[PASS_MAX_WALKS] = {0}, walks = walk_pass_lists(stream, lists);
    struct table_info info;
    int64_t archived = 0, rows;

    if (stream->walk == WALK_FLOW)
        return true;
    if (stream->walk == WALK_LINES)
        return price_lines(planning, stream, table, row, error);
    if (!destination_inspect(planning->memory.dest, table, &info, error))
        return false;
    rows = stream->id == STREAM_DEALS ? info.rows : info.live_rows; /* deleted ones are listed */
    table_info_done(&info);
    if (stream->list_count > 1 && !count_archived(planning, table, &archived, error))
        return false;
    for (unsigned i = 0; i < MAX(walks, 1); i++)
        add_pass_walk(stream, lists[i], lists[i] > 0 ? archived : rows - archived, row);
    return true;
}

static bool plan_pass(struct planning *planning, const struct stream *stream,
                      const struct stream_state *state, struct plan_table *row, GError **error)
{
    const struct schedule_settings *schedule = &planning->schedule;
    unsigned lists[PASS_MAX_WALKS];

    row->pass_due_s = -1;
    if (!price_pass(planning, stream, row, error))
        return false;
    row->pass_due = schedule_pass_is_due(stream, state, schedule);
    if (row->pass_due) {
        row->pass_due_s = 0;
        row->calls_low += row->pass_calls;
        row->calls_high += row->pass_calls;
        row->tokens_low += row->pass_tokens;
        row->tokens_high += row->pass_tokens;
        row->note = "with a full pass";
    } else if (walk_pass_lists(stream, lists) > 0 && schedule->refresh_every_s > 0 &&
               state->pass_at != INSTANT_NONE) {
        row->pass_due_s =
            MAX(0, schedule->refresh_every_s - (schedule->now - state->pass_at) / INSTANT_SECOND);
    }
    return true;
}

static void plan_increment(struct planning *planning, const struct stream *stream,
                           const struct stream_state *state, struct plan_table *row)
{
    struct schedule_leg legs[SCHEDULE_MAX_LEGS];
    int64_t due_in_s;
    unsigned count = schedule_legs(stream, state, &planning->schedule, legs, &due_in_s);

    for (unsigned i = 0; i < count && legs[i].leg != LEG_PASS && legs[i].leg != LEG_CONFIRM; i++)
        add_calls(row, 1, 1, stream->lists[legs[i].list].cost_tokens);
    row->note = count == 0                   ? "not due"
                : stream->walk == WALK_WHOLE ? NULL
                                             : "and one call a page of changes";
}

static bool plan_children(struct planning *planning, const struct stream *stream,
                          const struct stream_state *state, struct plan_table *row, GError **error)
{
    int64_t backlog = 0, high;
    int deals_a_call = stream->walk == WALK_LINES ? 100 : 1;

    if (!memory_backlog(&planning->memory, stream->name, &backlog, error))
        return false;
    high = state->seeded ? backlog : MAX(backlog, planning->deals_high);
    row->first_load = !state->seeded;
    add_calls(row, (backlog + deals_a_call - 1) / deals_a_call,
              (high + deals_a_call - 1) / deals_a_call, stream->lists[0].cost_tokens);
    row->note = stream->walk == WALK_LINES ? "100 deals a call" : "one deal a call";
    return true;
}

static bool plan_stream(struct planning *planning, const struct stream *stream, GError **error)
{
    struct plan_table row = {.table = stream->name};
    struct stream_state state;
    bool good = true;

    if (!memory_stream(&planning->memory, stream, &state, error))
        return false;
    row.first_load = schedule_is_first_load(stream, &state);
    if (stream->walk == WALK_LINES || stream->walk == WALK_FLOW)
        good = plan_children(planning, stream, &state, &row, error);
    else if (row.first_load && stream->walk != WALK_WHOLE)
        good = plan_first_load(planning, stream, &row, error);
    else
        plan_increment(planning, stream, &state, &row);
    good = good && plan_pass(planning, stream, &state, &row, error);
    if (good && stream->fields != FIELDS_NONE &&
        planning->settings->custom_fields != CUSTOM_FIELDS_JSON &&
        schedule_is_due(&planning->schedule, state.fields_at,
                        planning->schedule.every_s[INTERVAL_FULL]))
        add_calls(&row, 1, 1, CATALOG_FIELDS_COST);
    stream_state_done(&state);
    if (good)
        g_array_append_val(planning->report->tables, row);
    return good;
}

static void add_up(struct planning *planning)
{
    struct plan_report *report = planning->report;
    int64_t burst =
        planning->api.burst_limit > 0 ? planning->api.burst_limit : GOVERNOR_LIMIT_FIRST;

    report->calls_high = 1;
    report->tokens_low = report->tokens_high = CATALOG_ME_COST;
    for (unsigned i = 0; i < report->tables->len; i++) {
        const struct plan_table *row = &g_array_index(report->tables, struct plan_table, i);

        report->calls_high += row->calls_high;
        report->tokens_low += row->tokens_low;
        report->tokens_high += row->tokens_high;
        report->pass_calls += row->pass_calls;
        report->pass_tokens += row->pass_tokens;
    }
    report->burst_limit = planning->api.burst_limit;
    report->daily_limit = planning->api.daily_limit;
    report->daily_remaining = planning->api.daily_remaining;
    report->seconds = report->calls_high * GOVERNOR_WINDOW_MS / 1000 / burst;
    report->days =
        report->daily_limit > 0 ? (double)report->tokens_high / (double)report->daily_limit : -1;
    report->spent_tokens = planning->api.tokens;
}

static bool plan_all(struct planning *planning, GError **error)
{
    struct identity who = {0};
    bool good = api_who(&planning->api, NULL, &who, error) &&
                memory_check_company(&planning->memory, &who, error);

    planning->report->company_id = who.company_id;
    identity_done(&who);
    planning->schedule =
        (struct schedule_settings){.now = api_now(&planning->api),
                                   .start_date = planning->settings->start_date,
                                   .all_now = planning->settings->all_now,
                                   .refresh_every_s = planning->settings->refresh_every_s >= 0
                                                          ? planning->settings->refresh_every_s
                                                          : SCHEDULE_REFRESH_S};
    schedule_intervals(planning->settings->every_s, planning->schedule.every_s);
    for (unsigned i = 0; good && i < STREAM_COUNT; i++)
        if (memory_is_selected(planning->settings, &catalog[i]))
            good = plan_stream(planning, &catalog[i], error);
    return good;
}

bool plan_run(const struct sync_settings *settings, struct plan_report *ret, GError **error)
{
    struct planning planning = {.settings = settings, .report = ret};
    bool good;

    *ret = (struct plan_report){.tables = g_array_new(FALSE, TRUE, sizeof(struct plan_table))};
    good = memory_open(&planning.memory, settings, true, error);
    if (good) {
        good = api_open(&planning.api, settings, error) && plan_all(&planning, error);
        if (good) {
            add_up(&planning);
            outlook_book(&planning.api, settings, ret->company_id, planning.api.tokens);
            good = outlook_read(&ret->outlook, settings, &planning.memory, ret->company_id,
                                api_now(&planning.api) / INSTANT_SECOND, ret->daily_limit, error);
        }
        api_close(&planning.api);
        memory_close(&planning.memory);
    }
    if (!good)
        plan_report_done(ret);
    return good;
}

void plan_report_done(struct plan_report *report)
{
    g_clear_pointer(&report->tables, g_array_unref);
    outlook_done(&report->outlook);
}
