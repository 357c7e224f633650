/* What runs would cost: what is wanted, and what is known of it. The lists of first loads are asked
 * (plan_probe.h); tables that are loaded are priced by what the destination holds (plan_stored.h),
 * and their lists are asked for what changed since, if they are due. */
#include "sync/plan_private.h"

#include "sync/plan_stored.h"

bool plan_is_child(const struct stream *stream)
{
    return stream->walk == WALK_LINES || stream->walk == WALK_FLOW;
}

bool plan_is_selected(const struct planning *planning, enum stream_id id)
{
    return memory_is_selected(planning->settings, &catalog[id]);
}

bool plan_is_daily(const struct planning *planning, enum interval_class interval)
{
    const int64_t day_s = INT64_C(86400);

    return planning->schedule.every_s[interval] <= day_s;
}

static bool has_pages(const struct subject *subject)
{
    return subject->stream && subject->stream->walk != WALK_WHOLE &&
           !plan_is_child(subject->stream);
}

/* --- what is wanted --- */

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
    bool children = plan_is_selected(planning, STREAM_DEAL_PRODUCTS) ||
                    plan_is_selected(planning, STREAM_DEALFLOW);

    for (unsigned i = STREAM_COUNT; i-- > 0;) { /* children before their deals */
        struct subject *subject = &planning->subjects[i];

        subject->selected = plan_is_selected(planning, i);
        if (!subject->selected && !(i == STREAM_DEALS && children))
            continue;
        subject->stream = &catalog[i];
        if (!(subject->selected
                  ? memory_stream(&planning->memory, subject->stream, &subject->state, error)
                  : read_parents_state(planning, subject, error)))
            return false;
        subject->first_load = schedule_is_first_load(subject->stream, &subject->state);
        subject->lists = subject->first_load ? planning->seen.lists[i] : planning->stored[i];
        subject->changes = planning->seen.lists[i];
    }
    return true;
}

/* --- what is known --- */

static bool count_stored(struct planning *planning, GError **error)
{
    for (unsigned i = 0; i < STREAM_COUNT; i++) {
        const struct subject *subject = &planning->subjects[i];
        instant_t until;

        if (!has_pages(subject) || subject->first_load)
            continue;
        until = stream_state_bookmark(&subject->state, subject->stream);
        if (!stored_census(&planning->memory, subject->stream, planning->schedule.now,
                           until != INSTANT_NONE ? until : planning->schedule.now, subject->lists,
                           error))
            return false;
    }
    return true;
}

/* What changed since, if it comes as in the last week. */
static struct probe_changes expect(const struct planning *planning, const struct subject *subject,
                                   unsigned index)
{
    const struct list_state *list = &subject->state.lists[index];
    const struct tally *stored = &subject->lists[index].known;
    double seconds = list->done_at == INSTANT_NONE
                         ? 0
                         : (double)(planning->schedule.now - list->done_at) / INSTANT_SECOND;

    return (struct probe_changes){.since = list->bookmark,
                                  .read_at = list->done_at,
                                  .rows = subject->selected ? stored->of[CENSUS_ROWS] : -1,
                                  .expected = (double)stored->of[CENSUS_RECENT] * MAX(seconds, 0) /
                                              (double)CENSUS_WEEK_S};
}

/* Its first load; or what changed in those of its lists that are due. */
static void wish(const struct planning *planning, const struct subject *subject,
                 struct probe_settings *ret)
{
    enum stream_id id = subject->stream->id;
    struct schedule_leg legs[SCHEDULE_MAX_LEGS];
    int64_t due_in_s;
    unsigned count =
        schedule_legs(subject->stream, &subject->state, &planning->schedule, legs, &due_in_s);

    for (unsigned i = 0; subject->first_load && i < subject->stream->list_count; i++)
        ret->wish[id][i] = WISH_LOAD;
    for (unsigned i = 0; !subject->first_load && i < count; i++)
        if (legs[i].leg == LEG_HEAD) {
            ret->wish[id][legs[i].list] = WISH_CHANGES;
            ret->changes[id][legs[i].list] = expect(planning, subject, legs[i].list);
        }
}

static bool ask_lists(struct planning *planning, GError **error)
{
    struct probe_settings settings = {
        .lines = planning->subjects[STREAM_DEAL_PRODUCTS].stream != NULL,
        .flow = planning->subjects[STREAM_DEALFLOW].stream != NULL,
        .flow_changes = planning->settings->dealflow == DEALFLOW_ALL ? CENSUS_RECENT : CENSUS_MOVED,
        .now = planning->schedule.now,
        .start_date = planning->schedule.start_date,
        .company_id = planning->report->company_id,
        .page_bytes = sync_memory_bytes(planning->settings) / SYNC_PAGE_SHARE,
        .tokens_max = PLAN_TOKENS_MAX,
    };

    for (unsigned i = 0; i < STREAM_COUNT; i++)
        if (has_pages(&planning->subjects[i]))
            wish(planning, &planning->subjects[i], &settings);
    return probe_lists(&planning->api, &settings, &planning->seen, error);
}

/* Rows that are stored are as wide as those that changed. */
static void note_widths(struct planning *planning)
{
    for (unsigned i = 0; i < STREAM_COUNT; i++) {
        const struct subject *subject = &planning->subjects[i];

        for (unsigned j = 0; has_pages(subject) && j < subject->stream->list_count; j++) {
            subject->lists[j].row_bytes = subject->changes[j].row_bytes;
            subject->lists[j].page_bytes = subject->changes[j].page_bytes;
        }
    }
}

/* --- all of it --- */

static bool price_all(struct planning *planning, GError **error)
{
    for (unsigned i = 0; i < STREAM_COUNT; i++) {
        struct subject *subject = &planning->subjects[i];

        if (!subject->stream)
            continue;
        subject->row = (struct plan_table){
            .table = subject->stream->name, .first_load = subject->first_load, .pass_due_s = -1};
        if (!plan_is_child(subject->stream))
            plan_price_table(planning, subject);
        else if (!plan_price_children(planning, subject, error))
            return false;
    }
    return true;
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
    if (!good || !find_subjects(planning, error) || !count_stored(planning, error) ||
        !ask_lists(planning, error))
        return false;
    note_widths(planning);
    return price_all(planning, error);
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
        if (ret->company_id) /* spent, whatever it was good for */
            outlook_book(&planning.api, settings, ret->company_id, planning.api.tokens);
        if (good) {
            plan_fill_report(&planning);
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
