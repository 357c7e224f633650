/* sync/schedule.c: which walks a run owes a stream (deals, intervals). */
#include "pages.h"
#include "sync/schedule.h"

#include <string.h>

#define NOW       "2026-11-24T12:00:00Z"
#define HOUR_AGO  "2026-11-24T11:00:00Z"
#define NIGHT_AGO "2026-11-24T05:59:59Z" /* 6 h and a second */
#define DAY_AGO   "2026-11-23T12:00:00Z"
#define START     "2024-01-01T00:00:00Z"
#define EARLIER   "2022-01-01T00:00:00Z"
#define LATER     "2025-01-01T00:00:00Z"

struct list_case {
    bool loaded, walking;
    const char *floor, *done_at; /* NULL = none */
};

/* Legs as text: "head:0@2024 stretch:0@2022", with the list and the year of the start date. */
struct schedule_case {
    const char *what;
    enum stream_id stream;
    const char *start; /* NULL = everything */
    const char *legs;
    int64_t due_in_s;
    struct list_case lists[2];
};

/* clang-format off: dense tables */
#define LOADED(floor, done_at)                                                                     \
    {                                                                                              \
        true, false, floor, done_at                                                                \
    }
#define WALKING(floor, done_at)                                                                    \
    {                                                                                              \
        true, true, floor, done_at                                                                 \
    }
#define STARTED(floor)                                                                             \
    {                                                                                              \
        false, true, floor, NULL                                                                   \
    }
#define NEVER                                                                                      \
    {                                                                                              \
        false, false, NULL, NULL                                                                   \
    }

static const struct schedule_case first_loads[] = {
    {"nothing yet", STREAM_PERSONS, NULL, "head:0@none", 0, {NEVER}},
    {"from a start date", STREAM_PERSONS, START, "head:0@2024", 0, {NEVER}},
    {"under way", STREAM_PERSONS, START, "head:0@2024", 0, {STARTED(START)}},
    {"whole table", STREAM_USERS, START, "head:0@2024", 0, {NEVER}},
    {"archived, normal, archived again",
     STREAM_DEALS,
     START,
     "head:1@2024 head:0@2024 again:1@2024",
     0,
     {NEVER, NEVER}},
    {"the archive is done",
     STREAM_DEALS,
     START,
     "head:0@2024 again:1@2024",
     0,
     {NEVER, LOADED(START, HOUR_AGO)}},
    {"only the second look is missing",
     STREAM_DEALS,
     START,
     "again:1@2024",
     0,
     {LOADED(START, HOUR_AGO), LOADED(START, HOUR_AGO)}},
    {"it knows no interval",
     STREAM_DEALS,
     START,
     "again:1@2024",
     0,
     {LOADED(START, NOW), WALKING(START, NOW)}},
};

static const struct schedule_case increments[] = {
    {"every run", STREAM_PERSONS, NULL, "head:0@none", 0, {LOADED(NULL, NOW)}},
    {"6 h are not over", STREAM_FILES, NULL, "", 5 * 3600, {LOADED(NULL, HOUR_AGO)}},
    {"6 h are over", STREAM_FILES, NULL, "head:0@none", 0, {LOADED(NULL, NIGHT_AGO)}},
    {"the day is not over", STREAM_USERS, NULL, "", 86400 - 21601, {LOADED(NULL, NIGHT_AGO)}},
    {"the day is over to the second",
     STREAM_USERS,
     NULL,
     "head:0@none",
     0,
     {LOADED(NULL, DAY_AGO)}},
    {"a day", STREAM_DEAL_FIELDS, NULL, "", 23 * 3600, {LOADED(NULL, HOUR_AGO)}},
    {"only the normal list is due",
     STREAM_DEALS,
     NULL,
     "head:0@none",
     0,
     {LOADED(NULL, HOUR_AGO), LOADED(NULL, HOUR_AGO)}},
    {"both lists are due",
     STREAM_DEALS,
     NULL,
     "head:0@none head:1@none",
     0,
     {LOADED(NULL, HOUR_AGO), LOADED(NULL, NIGHT_AGO)}},
    {"done at an unknown time", STREAM_FILES, NULL, "head:0@none", 0, {LOADED(NULL, NULL)}},
    {"interrupted, it goes on at once",
     STREAM_FILES,
     NULL,
     "head:0@none",
     0,
     {WALKING(NULL, HOUR_AGO)}},
    /* the start date */
    {"lowered", STREAM_PERSONS, EARLIER, "head:0@2022 stretch:0@2022", 0, {LOADED(START, NOW)}},
    {"taken away", STREAM_PERSONS, NULL, "head:0@none stretch:0@none", 0, {LOADED(START, NOW)}},
    {"raised", STREAM_PERSONS, LATER, "head:0@2025", 0, {LOADED(START, NOW)}},
    {"as it was", STREAM_PERSONS, START, "head:0@2024", 0, {LOADED(START, NOW)}},
    {"set where everything was loaded",
     STREAM_PERSONS,
     START,
     "head:0@2024",
     0,
     {LOADED(NULL, NOW)}},
    {"lowered, nothing else is due",
     STREAM_FILES,
     EARLIER,
     "stretch:0@2022",
     0,
     {LOADED(START, HOUR_AGO)}},
    {"lowered, each list has its stretch",
     STREAM_DEALS,
     EARLIER,
     "head:0@2022 stretch:0@2022 stretch:1@2022",
     0,
     {LOADED(START, HOUR_AGO), LOADED(START, HOUR_AGO)}},
    {"lowered, one list has been there",
     STREAM_DEALS,
     EARLIER,
     "head:0@2022 stretch:1@2022",
     0,
     {LOADED(EARLIER, HOUR_AGO), LOADED(START, HOUR_AGO)}},
    {"lowered, full tables ignore it", STREAM_USERS, EARLIER, "", 86400, {LOADED(START, NOW)}},
    {"lowered, deal_fields ignores it",
     STREAM_DEAL_FIELDS,
     EARLIER,
     "",
     86400,
     {LOADED(START, NOW)}},
};

static const struct schedule_case all_now[] = {
    {"a day", STREAM_USERS, NULL, "head:0@none", 0, {LOADED(NULL, NOW)}},
    {"both lists",
     STREAM_DEALS,
     NULL,
     "head:0@none head:1@none",
     0,
     {LOADED(NULL, NOW), LOADED(NULL, NOW)}},
};
/* clang-format on */

static instant_t instant_or_none(const char *text)
{
    return text ? at(text) : INSTANT_NONE;
}

static void make_state(const struct schedule_case *c, bool again_done, struct stream_state *state)
{
    stream_state_init(state);
    state->again_done = again_done;
    for (int i = 0; i < 2; i++) {
        struct list_state *list = &state->lists[i];

        list->loaded = c->lists[i].loaded;
        list->walk.active = c->lists[i].walking;
        list->floor = instant_or_none(c->lists[i].floor);
        list->done_at = instant_or_none(c->lists[i].done_at);
    }
}

static char *legs_text(const struct schedule_leg *legs, unsigned count)
{
    static const char *const names[] = {
        [LEG_HEAD] = "head", [LEG_AGAIN] = "again", [LEG_STRETCH] = "stretch"};
    GString *text = g_string_new(NULL);

    for (unsigned i = 0; i < count; i++) {
        g_autofree char *from = instant_text(legs[i].from);

        g_string_append_printf(text, "%s%s:%u@%.4s", i ? " " : "", names[legs[i].leg], legs[i].list,
                               from);
    }
    return g_string_free(text, FALSE);
}

static void check(const struct schedule_case *c, bool is_first, bool all)
{
    struct schedule_settings settings = {
        .now = at(NOW),
        .start_date = instant_or_none(c->start),
        .every_s = {[INTERVAL_HOT] = 0, [INTERVAL_ARCHIVED] = 6 * 3600, [INTERVAL_FULL] = 86400},
        .all_now = all};
    struct schedule_leg legs[SCHEDULE_MAX_LEGS];
    struct stream_state state;
    int64_t due_in_s = -1;

    make_state(c, !is_first, &state);
    unsigned count = schedule_legs(&catalog[c->stream], &state, &settings, legs, &due_in_s);
    g_autofree char *text = legs_text(legs, count);
    g_assert_cmpstr(text, ==, c->legs);
    g_assert_cmpint(due_in_s, ==, c->due_in_s);
    g_assert_cmpint(schedule_is_first_load(&catalog[c->stream], &state), ==, is_first);
    stream_state_done(&state);
}

static void check_first_load(const void *data)
{
    check(data, true, false);
}

static void check_increment(const void *data)
{
    check(data, false, false);
}

static void check_all_now(const void *data)
{
    check(data, false, true);
}

static void add_cases(const char *group, const struct schedule_case *cases, size_t count,
                      GTestDataFunc function)
{
    for (size_t i = 0; i < count; i++) {
        g_autofree char *path = g_strdup_printf("/schedule/%s/%s: %s", group,
                                                catalog[cases[i].stream].name, cases[i].what);

        g_test_add_data_func(path, &cases[i], function);
    }
}

/* The default intervals. */
static void intervals(void)
{
    const int64_t nothing_said[3] = {-1, -1, -1}, all_said[3] = {0, 7, 86401};
    int64_t found[4] = {42, 42, 42, 42};

    schedule_intervals(nothing_said, found);
    g_assert_cmpint(found[INTERVAL_HOT], ==, 0);
    g_assert_cmpint(found[INTERVAL_ARCHIVED], ==, 6 * 3600);
    g_assert_cmpint(found[INTERVAL_FULL], ==, 24 * 3600);
    schedule_intervals(all_said, found);
    g_assert_cmpint(found[INTERVAL_HOT], ==, 0);
    g_assert_cmpint(found[INTERVAL_ARCHIVED], ==, 7);
    g_assert_cmpint(found[INTERVAL_FULL], ==, 86401);
    g_assert_cmpint(found[3], ==, 42);
}

static void due(void)
{
    struct schedule_settings settings = {.now = at(NOW)};

    g_assert_true(schedule_is_due(&settings, INSTANT_NONE, 86400)); /* never done */
    g_assert_false(schedule_is_due(&settings, at(HOUR_AGO), 3601));
    g_assert_true(schedule_is_due(&settings, at(HOUR_AGO), 3600));
    g_assert_true(schedule_is_due(&settings, at(NOW), 0));
    g_assert_false(schedule_is_due(&settings, at("2026-11-24T12:00:01Z"), 3600));
    settings.all_now = true;
    g_assert_true(schedule_is_due(&settings, at(NOW), 86400));
}

/* The server never said what time it is: then everything is due. */
static void due_at_an_unknown_time(void)
{
    struct schedule_settings settings = {.now = INSTANT_NONE};

    g_assert_true(schedule_is_due(&settings, at(NOW), 86400));
}

/* --- full passes --- */

#define WEEK_AGO     "2026-11-17T12:00:00Z"
#define FORTNIGHT    "2026-11-10T12:00:00Z"
#define ALMOST       "2026-11-10T12:00:01Z"
#define DAYS_25      "2026-10-30T12:00:00Z"
#define DAYS_25_MORE "2026-10-30T11:59:59Z"

struct pass_case {
    const char *what;
    enum stream_id stream;
    const char *pass_at, *done_at; /* of the last pass, of all lists */
    int64_t every_s;
    bool open;
    unsigned leg; /* of the one that is open */
    const char *legs;
};

static const struct pass_case passes[] = {
    {"not yet", STREAM_PERSONS, ALMOST, NOW, SCHEDULE_REFRESH_S, false, 0, ""},
    {"due", STREAM_PERSONS, FORTNIGHT, NOW, SCHEDULE_REFRESH_S, false, 0, "pass:0 confirm:0"},
    {"never made", STREAM_NOTES, NULL, NOW, SCHEDULE_REFRESH_S, false, 0, "pass:0 confirm:0"},
    {"never by itself", STREAM_PERSONS, FORTNIGHT, NOW, 0, false, 0, ""},
    {"asked for", STREAM_FILES, NOW, NOW, 0, true, 0, "pass:0 confirm:0"},
    {"deals have two lists", STREAM_DEALS, FORTNIGHT, NOW, SCHEDULE_REFRESH_S, false, 0,
     "pass:1 pass:0 pass:1 confirm:0"},
    {"one list is read", STREAM_DEALS, NOW, NOW, 0, true, 1, "pass:0 pass:1 confirm:0"},
    {"all lists are read", STREAM_DEALS, NOW, NOW, 0, true, 3, "confirm:0"},
    {"a pause", STREAM_DEALS, WEEK_AGO, DAYS_25_MORE, 60 * SCHEDULE_REFRESH_S, false, 0,
     "pass:1 pass:0 pass:1 confirm:0"},
    {"no pause", STREAM_DEALS, WEEK_AGO, DAYS_25, 60 * SCHEDULE_REFRESH_S, false, 0, ""},
    {"a pause, but never", STREAM_DEALS, WEEK_AGO, DAYS_25_MORE, 0, false, 0, ""},
    {"what is read whole needs none", STREAM_USERS, NULL, NOW, SCHEDULE_REFRESH_S, false, 0, ""},
    {"children need none", STREAM_DEALFLOW, NULL, NOW, SCHEDULE_REFRESH_S, false, 0, ""},
};

/* The legs of the pass, behind all others. */
static char *pass_text(const struct schedule_leg *legs, unsigned count)
{
    GString *text = g_string_new(NULL);

    for (unsigned i = 0; i < count; i++) {
        bool of_pass = legs[i].leg == LEG_PASS || legs[i].leg == LEG_CONFIRM;

        g_assert_true(of_pass || text->len == 0);
        if (of_pass)
            g_string_append_printf(text, "%s%s:%u", text->len ? " " : "",
                                   legs[i].leg == LEG_PASS ? "pass" : "confirm", legs[i].list);
    }
    return g_string_free(text, FALSE);
}

static void check_pass(const void *data)
{
    const struct pass_case *c = data;
    struct schedule_settings settings = {.now = at(NOW),
                                         .start_date = INSTANT_NONE,
                                         .every_s = {0, 6 * 3600, 86400},
                                         .refresh_every_s = c->every_s};
    struct schedule_leg legs[SCHEDULE_MAX_LEGS];
    struct stream_state state;
    int64_t due_in_s;

    stream_state_init(&state);
    for (unsigned i = 0; i < STREAM_MAX_LISTS; i++) {
        state.lists[i].loaded = true;
        state.lists[i].done_at = at(c->done_at);
    }
    state.again_done = true;
    state.pass_at = instant_or_none(c->pass_at);
    state.pass.open = c->open;
    state.pass.leg = c->leg;
    unsigned count = schedule_legs(&catalog[c->stream], &state, &settings, legs, &due_in_s);
    g_autofree char *text = pass_text(legs, count);
    g_assert_cmpstr(text, ==, c->legs);
    state.again_done = state.lists[0].loaded = false; /* a first load is one */
    count = schedule_legs(&catalog[c->stream], &state, &settings, legs, &due_in_s);
    g_autofree char *first = pass_text(legs, count);
    g_assert_cmpstr(first, ==, "");
    stream_state_done(&state);
}

/* A question to a person waits a day; one about an empty list is asked anew at once. */
static void stale_questions(void)
{
    struct schedule_settings settings = {.now = at(NOW), .every_s = {0, 6 * 3600, 86400}};
    struct stream_state state;

    stream_state_init(&state);
    state.pass.open = true;
    state.pass.step = PASS_JUDGE;
    state.pass.t0 = at("2026-01-01T00:00:00Z");
    state.pass.rows = 7;
    g_assert_false(schedule_pass_is_stale(&state, &settings)); /* it was only interrupted */
    state.pass.refused_at = at(HOUR_AGO);
    g_assert_false(schedule_pass_is_stale(&state, &settings));
    state.pass.refused_at = at(DAY_AGO);
    g_assert_true(schedule_pass_is_stale(&state, &settings));
    state.pass.refused_at = at(HOUR_AGO);
    state.pass.rows = 0;
    g_assert_true(schedule_pass_is_stale(&state, &settings));
    stream_state_done(&state);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    add_cases("first", first_loads, G_N_ELEMENTS(first_loads), check_first_load);
    add_cases("increment", increments, G_N_ELEMENTS(increments), check_increment);
    add_cases("all", all_now, G_N_ELEMENTS(all_now), check_all_now);
    for (size_t i = 0; i < G_N_ELEMENTS(passes); i++) {
        g_autofree char *path = g_strdup_printf("/schedule/pass/%s", passes[i].what);

        g_test_add_data_func(path, &passes[i], check_pass);
    }
    g_test_add_func("/schedule/pass/stale", stale_questions);
    g_test_add_func("/schedule/intervals", intervals);
    g_test_add_func("/schedule/due", due);
    g_test_add_func("/schedule/due-unknown", due_at_an_unknown_time);
    return g_test_run();
}
