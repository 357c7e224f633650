/* Plan: what the runs of a table cost that is read by lists, or whole. */
#include "sync/plan_private.h"

/* A day brings half to twice the mean of its week. */
#define DAY_LEAST 0.5
#define DAY_MOST  2.0
/* Of deals, that every company has; about. */
#define STANDARD_FIELDS 60

/* --- the next sync: a first load --- */

static bool is_bounded(const struct planning *planning)
{
    return planning->schedule.start_date != INSTANT_NONE;
}

static void price_load(const struct planning *planning, struct subject *subject)
{
    const struct stream *stream = subject->stream;
    bool gated = false;

    for (unsigned i = 0; i < stream->list_count; i++)
        if (!subject->state.lists[i].loaded)
            price_first_load(&subject->price[NEXT], stream, i, &subject->lists[i],
                             is_bounded(planning), i > 0);
        else if (i > 0 && !subject->state.again_done)
            price_walk(&subject->price[NEXT], stream, i, &subject->lists[i],
                       census_estimate(&subject->lists[i], CENSUS_ROWS));
    for (unsigned i = 0; i < stream->column_count; i++)
        gated |= stream->columns[i].source == SOURCE_GATED;
    if (gated && !subject->state.gated) /* they may be refused, and the call repeated */
        price_add_more(&subject->price[NEXT], 1, stream->lists[0].cost_tokens);
}

/* What an earlier run read is not read again. */
static void lower_for_what_is_read(struct subject *subject)
{
    struct price *next = &subject->price[NEXT];
    bool begun = false;

    for (unsigned i = 0; i < subject->stream->list_count; i++)
        begun |= subject->state.lists[i].walk.active || subject->state.lists[i].loaded;
    if (!begun)
        return;
    subject->row.note = "a part is loaded already";
    next->calls.low = MIN(next->calls.low, 1);
    next->tokens.low = MIN(next->tokens.low, subject->stream->lists[0].cost_tokens);
}

static void price_first(const struct planning *planning, struct subject *subject)
{
    price_load(planning, subject);
    lower_for_what_is_read(subject);
}

/* --- the next sync: what is due --- */

/* Of a walk that was interrupted a part was read. */
static struct estimate changes_of(const struct subject *subject, unsigned list)
{
    struct estimate rows = census_estimate(&subject->changes[list], CENSUS_ROWS);

    if (subject->state.lists[list].walk.active)
        rows.low = 0;
    return rows;
}

static void price_increment(const struct planning *planning, struct subject *subject)
{
    const struct stream *stream = subject->stream;
    struct schedule_leg legs[SCHEDULE_MAX_LEGS];
    int64_t due_in_s;
    unsigned count = schedule_legs(stream, &subject->state, &planning->schedule, legs, &due_in_s);

    for (unsigned i = 0; i < count && legs[i].leg != LEG_PASS && legs[i].leg != LEG_CONFIRM; i++) {
        unsigned list = legs[i].list;

        price_changes(&subject->price[NEXT], stream, list, &subject->changes[list],
                      changes_of(subject, list));
        if (legs[i].leg == LEG_STRETCH)
            subject->row.note = "and the stretch that the start date uncovers";
    }
    if (count == 0)
        subject->row.note = "not due";
}

/* --- full passes --- */

/* Rows that are new since the list was read are passed, too. */
static struct estimate rows_to_pass(const struct subject *subject, unsigned list)
{
    struct estimate rows = census_estimate(&subject->lists[list], CENSUS_ROWS);

    return subject->first_load
               ? rows
               : estimate_add_joint(rows, census_estimate(&subject->changes[list], CENSUS_NEW));
}

static void price_pass(struct subject *subject)
{
    const struct stream *stream = subject->stream;
    unsigned lists[PASS_MAX_WALKS], walks = walk_pass_lists(stream, lists);

    for (unsigned i = 0; i < walks; i++)
        price_walk(&subject->price[PASS], stream, lists[i], &subject->lists[lists[i]],
                   rows_to_pass(subject, lists[i]));
}

static void tell_when_pass_is_due(const struct planning *planning, struct subject *subject)
{
    const struct schedule_settings *schedule = &planning->schedule;
    const struct stream_state *state = &subject->state;
    struct plan_table *row = &subject->row;
    unsigned lists[PASS_MAX_WALKS];

    row->pass_due = schedule_pass_is_due(subject->stream, state, schedule);
    if (row->pass_due) {
        row->pass_due_s = 0;
        row->note = "with a full pass";
        subject->price[NEXT] = price_sum_joint(subject->price[NEXT], subject->price[PASS]);
    } else if (walk_pass_lists(subject->stream, lists) > 0 && schedule->refresh_every_s > 0 &&
               state->pass_at != INSTANT_NONE) {
        row->pass_due_s =
            MAX(0, schedule->refresh_every_s - (schedule->now - state->pass_at) / INSTANT_SECOND);
    }
}

/* --- a day --- */

struct estimate plan_day_of(struct estimate week)
{
    struct estimate day = estimate_scale(week, 1.0 / CENSUS_WEEK_DAYS);

    day.low *= DAY_LEAST;
    day.high *= DAY_MOST;
    return day;
}

static void price_day(const struct planning *planning, struct subject *subject)
{
    const struct stream *stream = subject->stream;

    for (unsigned i = 0; i < stream->list_count; i++)
        if (plan_is_daily(planning, stream->lists[i].interval))
            price_changes(&subject->price[DAY], stream, i, &subject->lists[i],
                          plan_day_of(census_estimate(&subject->lists[i], CENSUS_RECENT)));
}

/* --- a refresh --- */

/* Before its pass a list is asked for what changed, if it is due: now, or, where the first load is
 * still to come, some day. */
static void price_refresh(const struct planning *planning, struct subject *subject)
{
    const struct stream *stream = subject->stream;
    struct price *refresh = &subject->price[REFRESH];

    *refresh = subject->price[subject->first_load ? DAY : NEXT];
    for (unsigned i = 0; subject->first_load && i < stream->list_count; i++)
        if (stream->lists[i].interval != INTERVAL_HOT &&
            plan_is_daily(planning, stream->lists[i].interval)) {
            refresh->calls.low -= 1;
            refresh->tokens.low -= stream->lists[i].cost_tokens;
        }
    *refresh = price_sum_joint(*refresh, subject->price[PASS]);
}

/* --- lists of custom fields --- */

static void price_fields(const struct planning *planning, struct subject *subject)
{
    const struct schedule_settings *schedule = &planning->schedule;
    struct estimate one = estimate_exact(1);
    bool due =
        schedule_is_due(schedule, subject->state.fields_at, schedule->every_s[INTERVAL_FULL]);

    if (subject->stream->fields == FIELDS_NONE ||
        planning->settings->custom_fields == CUSTOM_FIELDS_JSON)
        return;
    if (due)
        price_add_calls(&subject->price[NEXT], one, CATALOG_FIELDS_COST);
    if (plan_is_daily(planning, INTERVAL_FULL)) {
        price_add_calls(&subject->price[DAY], one, CATALOG_FIELDS_COST);
        price_add_more(&subject->price[REFRESH], 1, CATALOG_FIELDS_COST);
    }
}

/* What nobody asked is not told as if it were known. */
static void count_rows(struct subject *subject)
{
    struct estimate rows = estimate_exact(0);

    if (!subject->selected && !subject->first_load) /* there is no table that holds them */
        return;
    for (unsigned i = 0; i < subject->stream->list_count; i++)
        rows = estimate_add(rows, subject->first_load || subject->changes[i].seen
                                      ? rows_to_pass(subject, i)
                                      : census_estimate(&subject->lists[i], CENSUS_ROWS));
    subject->row.rows = plan_whole(rows, 0);
}

static void price_lists(const struct planning *planning, struct subject *subject)
{
    count_rows(subject);
    price_pass(subject);
    if (subject->first_load)
        price_first(planning, subject);
    else
        price_increment(planning, subject);
    price_day(planning, subject);
    price_refresh(planning, subject);
    price_fields(planning, subject);
    tell_when_pass_is_due(planning, subject);
    if (!subject->selected)
        subject->row.note = "read for what belongs to them";
}

/* --- tables that are read whole --- */

/* A call each; but the fields of deals may be more than a page: each custom field is a row, and so
 * are its parts, beside those that every company has. */
static struct estimate whole_rows(const struct planning *planning, const struct stream *stream)
{
    double fields = planning->seen.lists[STREAM_DEALS][0].custom_fields;

    if (stream->id != STREAM_DEAL_FIELDS)
        return estimate_exact(0);
    return (struct estimate){fields, STANDARD_FIELDS + 2 * fields, STANDARD_FIELDS + 4 * fields};
}

static void price_whole(const struct planning *planning, struct subject *subject)
{
    const struct stream *stream = subject->stream;
    struct schedule_leg legs[SCHEDULE_MAX_LEGS];
    struct price price = {0};
    int64_t due_in_s;

    price_walk(&price, stream, 0, &subject->lists[0], whole_rows(planning, stream));
    subject->price[PASS] = subject->price[REFRESH] = price;
    if (plan_is_daily(planning, stream->lists[0].interval))
        subject->price[DAY] = price;
    if (schedule_legs(stream, &subject->state, &planning->schedule, legs, &due_in_s) > 0)
        subject->price[NEXT] = price;
    else
        subject->row.note = "not due";
}

void plan_price_table(const struct planning *planning, struct subject *subject)
{
    if (subject->stream->walk == WALK_WHOLE)
        price_whole(planning, subject);
    else
        price_lists(planning, subject);
}
