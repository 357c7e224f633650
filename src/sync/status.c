#include "sync/commands.h"
#include "sync/memory.h"
#include "sync/schedule.h"
#include "sync/system.h"

#include <string.h>

static void table_clear(void *data)
{
    g_free(((struct status_table *)data)->last_outcome);
}

/* What the run log says of a stream. */
struct last_run {
    const struct stream *stream;
    char *started, *outcome; /* of the newest run */
    instant_t done_at;       /* children: when a run last brought the table up to date */
};

/* Histories that wait for the budget do so for weeks: the backlog tells, the table does not lag. */
static bool brings_up_to_date(const struct stream *stream, const struct cell *outcome)
{
    return cell_is(outcome, "done") || (stream->walk == WALK_FLOW && cell_is(outcome, "parked"));
}

static void take_run(const struct cell *cells, void *opaque)
{
    struct last_run *last = opaque;
    const struct cell *started = &cells[RUN_STARTED], *finished = &cells[RUN_FINISHED];
    instant_t at;

    if (started->kind != CELL_VALUE || !cell_is(&cells[RUN_TABLE], last->stream->name))
        return;
    if (finished->kind == CELL_VALUE && brings_up_to_date(last->stream, &cells[RUN_OUTCOME]) &&
        instant_parse(finished->text, finished->length, &at) &&
        (last->done_at == INSTANT_NONE || at > last->done_at))
        last->done_at = at;
    if (last->started && strncmp(last->started, started->text, started->length) > 0)
        return;
    g_free(last->started);
    g_free(last->outcome);
    last->started = g_strndup(started->text, started->length);
    last->outcome = g_strndup(cells[RUN_OUTCOME].text, cells[RUN_OUTCOME].length);
}

static bool read_last_run(struct memory *memory, const struct stream *stream, struct last_run *last,
                          GError **error)
{
    g_autoptr(Table) runs = system_runs_table();
    struct cell value = {
        .text = stream->name, .length = (uint32_t)strlen(stream->name), .kind = CELL_VALUE};
    struct read_query query = {
        .table = runs, .where = RUN_TABLE, .values = &value, .value_count = 1, .order_by = -1};

    *last = (struct last_run){.stream = stream, .done_at = INSTANT_NONE};
    return destination_read(memory->dest, &query, take_run, last, error);
}

/* Since when the table is up to date; NONE = its first load is not complete. Of deals the list of
 * those that people work on counts, which every run reads. */
static instant_t last_done(const struct stream *stream, const struct stream_state *state,
                           const struct last_run *last)
{
    if (stream->walk == WALK_LINES || stream->walk == WALK_FLOW)
        return state->seeded ? last->done_at : INSTANT_NONE;
    if (stream->walk != WALK_WHOLE && schedule_is_first_load(stream, state))
        return INSTANT_NONE;
    return state->lists[0].done_at;
}

static int64_t read_every_s(const struct sync_settings *settings, const struct stream *stream)
{
    int64_t every_s[G_N_ELEMENTS(settings->every_s)];

    schedule_intervals(settings->every_s, every_s);
    return every_s[stream->lists[0].interval];
}

static bool count_rows(struct memory *memory, const struct stream *stream, struct status_table *row,
                       GError **error)
{
    g_autoptr(Table) table = fields_build_table(stream, NULL, memory->metadata);
    struct table_info info;

    if (!destination_inspect(memory->dest, table, &info, error))
        return false;
    row->rows = info.live_rows;
    row->deleted = info.rows - info.live_rows;
    row->loaded = info.exists;
    table_info_done(&info);
    return true;
}

static void fill_times(const struct stream *stream, const struct stream_state *state,
                       const struct last_run *last, struct status_table *row)
{
    instant_t done = last_done(stream, state, last);
    instant_t bookmark =
        stream->replication_key ? stream_state_bookmark(state, stream) : INSTANT_NONE;

    row->lag_s = -1;
    if (bookmark != INSTANT_NONE)
        instant_format_rfc3339(bookmark, row->bookmark);
    if (done == INSTANT_NONE)
        return;
    instant_format_rfc3339(done, row->last_run);
    row->lag_s = MAX(0, (g_get_real_time() - done) / INSTANT_SECOND);
}

static void fill_pass(const struct sync_settings *settings, const struct stream *stream,
                      const struct stream_state *state, struct status_table *row)
{
    int64_t every_s =
        settings->refresh_every_s >= 0 ? settings->refresh_every_s : SCHEDULE_REFRESH_S;
    unsigned lists[PASS_MAX_WALKS];

    row->pass_due_s = -1;
    if (walk_pass_lists(stream, lists) == 0)
        return;
    row->pass_open = state->pass.open;
    row->pass_rows = state->pass.rows;
    if (state->pass_at == INSTANT_NONE)
        return;
    instant_format_rfc3339(state->pass_at, row->last_pass);
    if (every_s > 0)
        row->pass_due_s = MAX(0, every_s - (g_get_real_time() - state->pass_at) / INSTANT_SECOND);
}

static bool add_table(struct memory *memory, const struct sync_settings *settings,
                      const struct stream *stream, struct status_report *report, GError **error)
{
    struct status_table row = {.table = stream->name};
    struct stream_state state;
    struct last_run last = {0};
    bool good;

    if (!memory_stream(memory, stream, &state, error))
        return false;
    good = read_last_run(memory, stream, &last, error) &&
           memory_backlog(memory, stream->name, &row.backlog, error) &&
           count_rows(memory, stream, &row, error);
    fill_times(stream, &state, &last, &row);
    row.every_s = read_every_s(settings, stream);
    fill_pass(settings, stream, &state, &row);
    row.last_outcome = last.outcome;
    if (row.lag_s < 0)
        report->max_lag_s = -1;
    else if (report->max_lag_s >= 0)
        report->max_lag_s = MAX(report->max_lag_s, row.lag_s);
    g_array_append_val(report->tables, row);
    g_free(last.started);
    stream_state_done(&state);
    return good;
}

bool status_run(const struct sync_settings *settings, struct status_report *ret, GError **error)
{
    const struct json_value *connection;
    struct memory memory;
    bool good = true;

    *ret = (struct status_report){0};
    if (!memory_open(&memory, settings, true, error))
        return false;
    ret->tables = g_array_new(FALSE, TRUE, sizeof(struct status_table));
    g_array_set_clear_func(ret->tables, table_clear);
    connection = memory_state(&memory, "connection");
    ret->company = json_dup_string(json_member(connection, "company"));
    json_int64(json_member(connection, "company_id"), &ret->company_id);
    for (unsigned i = 0; good && i < STREAM_COUNT; i++)
        if (memory_is_selected(settings, &catalog[i]))
            good = add_table(&memory, settings, &catalog[i], ret, error);
    good = good && outlook_read(&ret->outlook, settings, &memory, ret->company_id,
                                g_get_real_time() / INSTANT_SECOND, -1, error);
    memory_close(&memory);
    if (!good)
        status_report_done(ret);
    return good;
}

void status_report_done(struct status_report *report)
{
    g_free(report->company);
    outlook_done(&report->outlook);
    g_clear_pointer(&report->tables, g_array_unref);
    *report = (struct status_report){0};
}
