/* What runs would cost. Tables that are loaded are priced by what the destination holds and spend
 * nothing; the lists of first loads are asked (plan_probe.h). */
#include "sync/commands.h"
#include "sync/memory.h"
#include "sync/plan_price.h"
#include "sync/plan_probe.h"
#include "sync/plan_stored.h"
#include "sync/schedule.h"
#include "sync/sync_private.h"

#include <math.h>

#define DAY_S INT64_C(86400)
/* A day brings half to twice the mean of its week. */
#define DAY_LEAST 0.5
#define DAY_MOST  2.0
/* The call for the highest id of the deals, by which a sync tells its price (price.c). */
#define TELL_COST 10

/* Runs that have a price; a pass is the better part of a refresh. */
enum run {
    NEXT,
    DAY,
    REFRESH,
    PASS,
    RUNS,
};

/* Of deals, that every company has; about. */
#define STANDARD_FIELDS 60

/* One stream, and what is known of it. */
struct subject {
    const struct stream *stream;
    bool selected; /* false: deals without a table, read for their children */
    struct stream_state state;
    bool first_load;
    struct census *lists; /* of the stream, by list */
    struct plan_table row;
    struct price price[RUNS];
};

struct planning {
    const struct sync_settings *settings;
    struct api api;
    struct memory memory;
    struct schedule_settings schedule;
    struct plan_report *report;
    struct probe_result seen;
    struct subject subjects[STREAM_COUNT]; /* stream NULL: not wanted */
};

static bool is_child(const struct stream *stream)
{
    return stream->walk == WALK_LINES || stream->walk == WALK_FLOW;
}

static bool is_selected(const struct planning *planning, enum stream_id id)
{
    return memory_is_selected(planning->settings, &catalog[id]);
}

/* Each run of a day comes a day after the one before. */
static bool is_daily(const struct planning *planning, enum interval_class interval)
{
    return planning->schedule.every_s[interval] <= DAY_S;
}

static struct plan_range whole(struct estimate estimate, double more)
{
    return (struct plan_range){.low = (int64_t)floor(MAX(estimate.low, 0)),
                               .likely = llround(estimate.value),
                               .high = (int64_t)ceil(estimate.high + more)};
}

/* --- the next sync: a first load --- */

static void price_load(const struct planning *planning, struct subject *subject)
{
    const struct stream *stream = subject->stream;
    bool bounded = planning->schedule.start_date != INSTANT_NONE;
    bool gated = false;

    for (unsigned i = 0; i < stream->list_count; i++)
        if (!subject->state.lists[i].loaded)
            price_first_load(&subject->price[NEXT], stream, i, &subject->lists[i], bounded, i > 0);
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
    bool begun = false;

    for (unsigned i = 0; i < subject->stream->list_count; i++)
        begun |= subject->state.lists[i].walk.active || subject->state.lists[i].loaded;
    if (!begun)
        return;
    subject->row.note = "a part is loaded already";
    subject->price[NEXT].calls.low = MIN(subject->price[NEXT].calls.low, 1);
    subject->price[NEXT].tokens.low =
        MIN(subject->price[NEXT].tokens.low, subject->stream->lists[0].cost_tokens);
}

/* --- the next sync: what is due --- */

/* Changes since the list was read, if they come as in the last week. */
static struct estimate changes_since(const struct planning *planning, const struct census *list,
                                     instant_t done_at)
{
    double seconds = done_at == INSTANT_NONE
                         ? 0
                         : (double)(planning->schedule.now - done_at) / (double)INSTANT_SECOND;
    struct estimate week = census_estimate(list, CENSUS_WEEK);
    struct estimate rows = estimate_scale(week, MAX(seconds, 0) / (double)CENSUS_WEEK_S);

    return (struct estimate){0, rows.value, DAY_MOST * rows.high};
}

static void price_increment(const struct planning *planning, struct subject *subject)
{
    const struct stream *stream = subject->stream;
    struct schedule_leg legs[SCHEDULE_MAX_LEGS];
    int64_t due_in_s;
    unsigned count = schedule_legs(stream, &subject->state, &planning->schedule, legs, &due_in_s);

    for (unsigned i = 0; i < count && legs[i].leg != LEG_PASS && legs[i].leg != LEG_CONFIRM; i++) {
        const struct list_state *list = &subject->state.lists[legs[i].list];

        price_walk(&subject->price[NEXT], stream, legs[i].list, &subject->lists[legs[i].list],
                   changes_since(planning, &subject->lists[legs[i].list], list->done_at));
        if (legs[i].leg == LEG_STRETCH)
            subject->row.note = "and the stretch that the start date uncovers";
    }
    if (count == 0)
        subject->row.note = "not due";
}

/* --- full passes --- */

static void price_pass(struct subject *subject)
{
    const struct stream *stream = subject->stream;
    unsigned lists[PASS_MAX_WALKS], walks = walk_pass_lists(stream, lists);

    for (unsigned i = 0; i < walks; i++)
        price_walk(&subject->price[PASS], stream, lists[i], &subject->lists[lists[i]],
                   census_estimate(&subject->lists[lists[i]], CENSUS_ROWS));
}

static void tell_when_pass_is_due(const struct planning *planning, struct subject *subject)
{
    const struct schedule_settings *schedule = &planning->schedule;
    const struct stream_state *state = &subject->state;
    struct plan_table *row = &subject->row;
    unsigned lists[PASS_MAX_WALKS];

    row->pass_due_s = -1;
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

static struct estimate a_day_of(struct estimate week)
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
        if (is_daily(planning, stream->lists[i].interval))
            price_walk(&subject->price[DAY], stream, i, &subject->lists[i],
                       a_day_of(census_estimate(&subject->lists[i], CENSUS_WEEK)));
    /* Before its pass a list is asked for what changed, if it is due. */
    subject->price[REFRESH] = subject->price[DAY];
    for (unsigned i = 0; i < stream->list_count; i++)
        if (stream->lists[i].interval != INTERVAL_HOT &&
            is_daily(planning, stream->lists[i].interval)) {
            subject->price[REFRESH].calls.low -= 1;
            subject->price[REFRESH].tokens.low -= stream->lists[i].cost_tokens;
        }
    subject->price[REFRESH] = price_sum_joint(subject->price[REFRESH], subject->price[PASS]);
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
    struct estimate rows = whole_rows(planning, stream);
    struct schedule_leg legs[SCHEDULE_MAX_LEGS];
    struct price price = {0};
    int64_t due_in_s;

    price_walk(&price, stream, 0, &subject->lists[0], rows);
    subject->price[PASS] = subject->price[REFRESH] = price;
    if (is_daily(planning, stream->lists[0].interval))
        subject->price[DAY] = price;
    if (schedule_legs(stream, &subject->state, &planning->schedule, legs, &due_in_s) > 0)
        subject->price[NEXT] = price;
    else
        subject->row.note = "not due";
}

/* --- lists of custom fields --- */

static void price_fields(const struct planning *planning, struct subject *subject)
{
    const struct schedule_settings *schedule = &planning->schedule;
    struct estimate one = estimate_exact(1);

    if (subject->stream->fields == FIELDS_NONE ||
        planning->settings->custom_fields == CUSTOM_FIELDS_JSON)
        return;
    if (schedule_is_due(schedule, subject->state.fields_at, schedule->every_s[INTERVAL_FULL]))
        price_add_calls(&subject->price[NEXT], one, CATALOG_FIELDS_COST);
    if (is_daily(planning, INTERVAL_FULL)) {
        price_add_calls(&subject->price[DAY], one, CATALOG_FIELDS_COST);
        price_add_more(&subject->price[REFRESH], 1, CATALOG_FIELDS_COST);
    }
}

/* --- children of deals --- */

/* Of both lists, whoever counted them. */
static void join_deals(const struct planning *planning, struct census *ret)
{
    const struct subject *deals = &planning->subjects[STREAM_DEALS];

    *ret = (struct census){0};
    if (deals->stream)
        census_join(ret, &deals->lists[0], &deals->lists[1]);
}

/* Will all deals be queued again (job_children.c)? */
static bool all_are_due(const struct planning *planning, const struct subject *subject)
{
    const struct sync_settings *settings = planning->settings;

    if (!subject->state.seeded)
        return true;
    return subject->stream->walk == WALK_LINES && is_selected(planning, STREAM_DEALS) &&
           schedule_is_due(&planning->schedule, subject->state.full_at,
                           schedule_full_every_s(settings->all_now, settings->full_every_s));
}

/* Deals that the next sync will read: those that wait, and what is new meanwhile, or all. */
static struct estimate children_to_read(const struct planning *planning,
                                        const struct subject *subject, struct estimate all,
                                        struct estimate day, int64_t backlog)
{
    double waiting = (double)backlog;
    struct estimate next = estimate_exact(waiting);

    if (all_are_due(planning, subject))
        next = (struct estimate){MAX(all.low, waiting), MAX(all.value, waiting),
                                 MAX(all.high, waiting)};
    return subject->state.seeded ? estimate_add_joint(next, (struct estimate){0, 0, day.high})
                                 : next;
}

static void price_lines_of(struct subject *subject, const struct census *deals,
                           struct estimate next, struct estimate day, struct estimate all)
{
    double mean = census_lines_mean(deals);

    price_lines(&subject->price[NEXT], next, mean);
    price_lines(&subject->price[DAY], day, mean);
    price_lines(&subject->price[PASS], all, mean);
    subject->row.note = subject->state.seeded && next.low > day.high ? "all deals, as every week"
                                                                     : "100 deals a call";
}

static void price_histories_of(struct subject *subject, struct estimate next, struct estimate day)
{
    price_histories(&subject->price[NEXT], next);
    price_histories(&subject->price[DAY], day);
    if (!subject->state.seeded)
        price_add_more(&subject->price[NEXT], 1, TELL_COST);
    subject->row.note = "one deal a call";
}

static bool price_children(struct planning *planning, struct subject *subject, GError **error)
{
    bool lines = subject->stream->walk == WALK_LINES;
    enum census_kind changed =
        planning->settings->dealflow == DEALFLOW_ALL ? CENSUS_WEEK : CENSUS_MOVED;
    struct price *refresh = &subject->price[REFRESH];
    struct census deals;
    struct estimate next, day, all;
    int64_t backlog, sold;

    if (!memory_backlog(&planning->memory, subject->stream->name, &backlog, error) ||
        !stored_sold(&planning->memory, &sold, error))
        return false;
    join_deals(planning, &deals);
    all = census_estimate(&deals, lines ? CENSUS_SOLD : CENSUS_ALIVE);
    day = a_day_of(census_estimate(&deals, lines ? CENSUS_WEEK_SOLD : changed));
    next = children_to_read(planning, subject, all, day, backlog);
    if (lines)
        price_lines_of(subject, &deals, next, day,
                       subject->state.seeded ? estimate_exact((double)sold) : all);
    else
        price_histories_of(subject, next, day);
    subject->row.first_load = !subject->state.seeded;
    *refresh = price_sum_joint(subject->price[DAY], subject->price[PASS]);
    refresh->calls.low = subject->price[PASS].calls.low;
    refresh->tokens.low = subject->price[PASS].tokens.low;
    return true;
}

static void price_lists(const struct planning *planning, struct subject *subject)
{
    struct estimate rows = estimate_exact(0);

    price_pass(subject);
    if (subject->first_load) {
        price_load(planning, subject);
        lower_for_what_is_read(subject);
        for (unsigned i = 0; i < subject->stream->list_count; i++)
            rows = estimate_add(rows, census_estimate(&subject->lists[i], CENSUS_ROWS));
        subject->row.rows = whole(rows, 0);
    } else {
        price_increment(planning, subject);
    }
    price_day(planning, subject);
    price_fields(planning, subject);
    tell_when_pass_is_due(planning, subject);
    if (!subject->selected)
        subject->row.note = "read for what belongs to them";
}

static bool price_subject(struct planning *planning, struct subject *subject, GError **error)
{
    subject->row = (struct plan_table){
        .table = subject->stream->name, .first_load = subject->first_load, .pass_due_s = -1};
    if (is_child(subject->stream))
        return price_children(planning, subject, error);
    if (subject->stream->walk == WALK_WHOLE)
        price_whole(planning, subject);
    else
        price_lists(planning, subject);
    return true;
}

/* --- what is wanted, and what is known of it --- */

/* Deals without a table have a state of their own, and begin anew for a child that was never read
 * (extract_begin.c). */
static bool read_parents_state(struct planning *planning, struct subject *deals, GError **error)
{
    static const enum stream_id children[] = {STREAM_DEAL_PRODUCTS, STREAM_DEALFLOW};
    const struct json_value *root;

    stream_state_init(&deals->state);
    for (unsigned i = 0; i < G_N_ELEMENTS(children); i++) {
        const struct subject *child = &planning->subjects[children[i]];

        if (child->stream && !child->state.seeded)
            return true;
    }
    root = memory_state(&planning->memory, "deals#parents");
    return !root || stream_state_read(&deals->state, deals->stream, root, error);
}

static bool find_subjects(struct planning *planning, GError **error)
{
    bool children =
        is_selected(planning, STREAM_DEAL_PRODUCTS) || is_selected(planning, STREAM_DEALFLOW);

    for (unsigned i = STREAM_COUNT; i-- > 0;) { /* children before their deals */
        struct subject *subject = &planning->subjects[i];

        subject->selected = is_selected(planning, i);
        if (!subject->selected && !(i == STREAM_DEALS && children))
            continue;
        subject->stream = &catalog[i];
        if (!(subject->selected
                  ? memory_stream(&planning->memory, subject->stream, &subject->state, error)
                  : read_parents_state(planning, subject, error)))
            return false;
        subject->first_load = schedule_is_first_load(subject->stream, &subject->state);
        subject->lists = planning->seen.lists[i];
    }
    return true;
}

static bool probe_first_loads(struct planning *planning, int64_t company_id, GError **error)
{
    const struct subject *lines = &planning->subjects[STREAM_DEAL_PRODUCTS];
    const struct subject *flow = &planning->subjects[STREAM_DEALFLOW];
    struct probe_settings settings = {
        .lines = lines->stream != NULL,
        .flow = flow->stream != NULL,
        .now = planning->schedule.now,
        .start_date = planning->schedule.start_date,
        .company_id = company_id,
        .page_bytes = sync_memory_bytes(planning->settings) / SYNC_PAGE_SHARE,
        .tokens_max = PLAN_TOKENS_MAX,
    };

    for (unsigned i = 0; i < STREAM_COUNT; i++) {
        const struct subject *subject = &planning->subjects[i];

        settings.wanted[i] = subject->stream && subject->first_load &&
                             subject->stream->walk != WALK_WHOLE && !is_child(subject->stream);
    }
    return probe_lists(&planning->api, &settings, &planning->seen, error);
}

static bool count_stored(struct planning *planning, GError **error)
{
    for (unsigned i = 0; i < STREAM_COUNT; i++) {
        const struct subject *subject = &planning->subjects[i];
        instant_t until;

        if (!subject->stream || subject->first_load || subject->stream->walk == WALK_WHOLE ||
            is_child(subject->stream))
            continue;
        until = stream_state_bookmark(&subject->state, subject->stream);
        if (!stored_census(&planning->memory, subject->stream, planning->schedule.now,
                           until != INSTANT_NONE ? until : planning->schedule.now, subject->lists,
                           error))
            return false;
    }
    return true;
}

/* --- the report --- */

static struct plan_price report_price(const struct planning *planning, const struct price *price)
{
    int64_t burst =
        planning->api.burst_limit > 0 ? planning->api.burst_limit : GOVERNOR_LIMIT_FIRST;
    struct plan_price ret = {.calls = whole(price->calls, price->more_calls),
                             .tokens = whole(price->tokens, price->more_tokens)};

    ret.seconds.low = ret.calls.low * GOVERNOR_WINDOW_MS / 1000 / burst;
    ret.seconds.likely = ret.calls.likely * GOVERNOR_WINDOW_MS / 1000 / burst;
    ret.seconds.high = ret.calls.high * GOVERNOR_WINDOW_MS / 1000 / burst;
    return ret;
}

/* Samples of first loads miss to all sides. (Deals and their children were seen in one sample and
 * err together a little; but where there are children, theirs is nearly all of the doubt.) What
 * changes does not: a busy day is busy everywhere. */
static struct plan_price report_run(const struct planning *planning, enum run run)
{
    struct price samples[STREAM_COUNT] = {0}, others = {0}, all;

    price_add_calls(&others, estimate_exact(1), CATALOG_ME_COST);
    for (unsigned i = 0; i < STREAM_COUNT; i++) {
        const struct subject *subject = &planning->subjects[i];

        if (!subject->stream)
            continue;
        if (run == NEXT && subject->row.first_load)
            samples[i] = subject->price[run];
        else
            others = price_sum_joint(others, subject->price[run]);
    }
    all = price_sum_joint(price_total(samples, G_N_ELEMENTS(samples)), others);
    return report_price(planning, &all);
}

/* Soon after another run only the lists are asked that are asked every time. */
static struct price price_idle(const struct planning *planning)
{
    struct price idle = {0};

    price_add_calls(&idle, estimate_exact(1), CATALOG_ME_COST);
    for (unsigned i = 0; i < STREAM_COUNT; i++) {
        const struct stream *stream = planning->subjects[i].stream;

        for (unsigned list = 0; stream && !is_child(stream) && list < stream->list_count; list++)
            if (planning->schedule.every_s[stream->lists[list].interval] == 0)
                price_add_calls(&idle, estimate_exact(1), stream->lists[list].cost_tokens);
    }
    return idle;
}

static void report_table(const struct planning *planning, struct subject *subject)
{
    struct plan_table *row = &subject->row;

    row->next = report_price(planning, &subject->price[NEXT]);
    row->day = report_price(planning, &subject->price[DAY]);
    row->refresh = report_price(planning, &subject->price[REFRESH]);
    row->pass = report_price(planning, &subject->price[PASS]);
    planning->report->pass_tokens += row->pass.tokens.high;
    g_array_append_val(planning->report->tables, *row);
}

static void fill_report(struct planning *planning)
{
    struct plan_report *report = planning->report;
    const struct price idle = price_idle(planning);

    for (unsigned i = 0; i < STREAM_COUNT; i++)
        if (planning->subjects[i].stream)
            report_table(planning, &planning->subjects[i]);
    report->next = report_run(planning, NEXT);
    report->day = report_run(planning, DAY);
    report->refresh = report_run(planning, REFRESH);
    report->idle = report_price(planning, &idle);
    report->burst_limit = planning->api.burst_limit;
    report->daily_limit = planning->api.daily_limit;
    report->daily_remaining = planning->api.daily_remaining;
    report->days = report->daily_limit > 0
                       ? (double)report->next.tokens.high / (double)report->daily_limit
                       : -1;
    report->spent_tokens = planning->api.tokens;
}

static bool plan_all(struct planning *planning, GError **error)
{
    const struct sync_settings *settings = planning->settings;
    struct identity who = {0};
    bool good = api_who(&planning->api, NULL, &who, error) &&
                memory_check_company(&planning->memory, &who, error);

    planning->report->company_id = who.company_id;
    identity_done(&who);
    planning->schedule = (struct schedule_settings){
        .now = api_now(&planning->api),
        .start_date = settings->start_date,
        .all_now = settings->all_now,
        .refresh_every_s =
            settings->refresh_every_s >= 0 ? settings->refresh_every_s : SCHEDULE_REFRESH_S};
    schedule_intervals(settings->every_s, planning->schedule.every_s);
    good = good && find_subjects(planning, error) &&
           probe_first_loads(planning, planning->report->company_id, error) &&
           count_stored(planning, error);
    for (unsigned i = 0; good && i < STREAM_COUNT; i++)
        if (planning->subjects[i].stream)
            good = price_subject(planning, &planning->subjects[i], error);
    return good;
}

static void planning_done(struct planning *planning)
{
    for (unsigned i = 0; i < STREAM_COUNT; i++)
        if (planning->subjects[i].stream)
            stream_state_done(&planning->subjects[i].state);
    probe_result_done(&planning->seen);
    api_close(&planning->api);
    memory_close(&planning->memory);
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
            fill_report(&planning);
            outlook_book(&planning.api, settings, ret->company_id, planning.api.tokens);
            good = outlook_read(&ret->outlook, settings, &planning.memory, ret->company_id,
                                api_now(&planning.api) / INSTANT_SECOND, ret->daily_limit, error);
        }
        planning_done(&planning);
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
