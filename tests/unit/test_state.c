/* pipedrive/state.c: what a stream remembers comes back as it was, and nothing else is believed. */
#include "pages.h"
#include "pipedrive/state.h"

#include <string.h>

struct fixture {
    struct pages *pages;
    struct stream_state state, back;
};

static const struct stream *deals = &catalog[STREAM_DEALS];

static void set_up(struct fixture *f, const void *unused)
{
    (void)unused;
    f->pages = pages_new();
    stream_state_init(&f->state);
    stream_state_init(&f->back);
}

static void tear_down(struct fixture *f, const void *unused)
{
    (void)unused;
    stream_state_done(&f->state);
    stream_state_done(&f->back);
    pages_free(f->pages);
}

static char *written(const struct stream_state *state)
{
    GString *text = g_string_new(NULL);

    stream_state_write(state, deals, text);
    return g_string_free(text, FALSE);
}

static void round_trip(struct fixture *f)
{
    g_autofree char *text = written(&f->state), *again = NULL;
    g_autoptr(GError) error = NULL;

    stream_state_done(&f->back);
    stream_state_init(&f->back);
    g_assert_true(stream_state_read(&f->back, deals, pages_parse_raw(f->pages, text), &error));
    g_assert_no_error(error);
    again = written(&f->back);
    g_assert_cmpstr(again, ==, text);
}

static void assert_same_walk(const struct walk_state *a, const struct walk_state *b)
{
    g_assert_cmpint(a->active, ==, b->active);
    g_assert_cmpint((int)a->mode, ==, (int)b->mode);
    g_assert_cmpint((int)a->probe, ==, (int)b->probe);
    g_assert_cmpint(a->from, ==, b->from);
    g_assert_cmpint(a->until, ==, b->until);
    g_assert_cmpint(a->since, ==, b->since);
    g_assert_cmpint(a->at, ==, b->at);
    g_assert_cmpint(a->t0, ==, b->t0);
    g_assert_cmpstr(a->cursor, ==, b->cursor);
    g_assert_cmpint(a->start, ==, b->start);
    g_assert_cmpint(a->anchor, ==, b->anchor);
}

static void assert_same_list(const struct list_state *a, const struct list_state *b)
{
    g_assert_cmpint(a->loaded, ==, b->loaded);
    g_assert_cmpint(a->has_nulls, ==, b->has_nulls);
    g_assert_cmpint(a->floor, ==, b->floor);
    g_assert_cmpint(a->bookmark, ==, b->bookmark);
    g_assert_cmpint(a->done_at, ==, b->done_at);
    g_assert_cmpint(a->newest, ==, b->newest);
    assert_same_walk(&a->walk, &b->walk);
    assert_same_walk(&a->stretch, &b->stretch);
}

static void assert_same_pass(const struct pass_state *a, const struct pass_state *b)
{
    g_assert_cmpint(a->open, ==, b->open);
    g_assert_cmpint((int)a->step, ==, (int)b->step);
    g_assert_cmpint(a->twice, ==, b->twice);
    g_assert_cmpuint(a->leg, ==, b->leg);
    g_assert_cmpint(a->t0, ==, b->t0);
    g_assert_cmpint(a->refused_at, ==, b->refused_at);
    g_assert_cmpint(a->rows, ==, b->rows);
    assert_same_walk(&a->walk, &b->walk);
}

static void assert_same(const struct stream_state *a, const struct stream_state *b)
{
    for (unsigned i = 0; i < STREAM_MAX_LISTS; i++)
        assert_same_list(&a->lists[i], &b->lists[i]);
    g_assert_cmpint(a->again_done, ==, b->again_done);
    g_assert_cmpint(a->gated, ==, b->gated);
    g_assert_cmpint(a->as_json, ==, b->as_json);
    g_assert_cmpint(a->seeded, ==, b->seeded);
    g_assert_cmpint(a->fields_at, ==, b->fields_at);
    g_assert_cmpint(a->full_at, ==, b->full_at);
    g_assert_cmpint(a->pass_at, ==, b->pass_at);
    assert_same_pass(&a->pass, &b->pass);
    g_assert_cmpuint(a->recent->len, ==, b->recent->len);
    for (unsigned i = 0; i < a->recent->len; i++) {
        const struct recent_row *left = &g_array_index(a->recent, struct recent_row, i);
        const struct recent_row *right = &g_array_index(b->recent, struct recent_row, i);

        g_assert_cmpint(left->list, ==, right->list);
        g_assert_cmpint(left->id, ==, right->id);
        g_assert_cmpint(left->time, ==, right->time);
    }
}

/* Every member with a value of its own. */
static void fill_walk(struct walk_state *walk, enum walk_mode mode, int day)
{
    instant_t midnight = at("2026-11-01T00:00:00Z") + day * 86400 * INSTANT_SECOND;

    *walk = (struct walk_state){.active = true,
                                .mode = mode,
                                .probe = PROBE_LAST,
                                .from = midnight,
                                .until = midnight + 1 * INSTANT_SECOND,
                                .since = midnight + 2 * INSTANT_SECOND,
                                .at = midnight + 3 * INSTANT_SECOND,
                                .t0 = midnight + 4 * INSTANT_SECOND,
                                .cursor = g_strdup_printf("eyJ\"%d\\ü\n==", day),
                                .start = INT64_MAX - day,
                                .anchor = 7000 + day};
}

static void fill(struct stream_state *state)
{
    const struct recent_row recent[] = {
        {.list = 0, .id = INT64_MAX, .time = at("2026-11-23T08:00:00Z")},
        {.list = 1, .id = -1, .time = at("2026-11-23T08:00:01Z")}};

    for (int i = 0; i < STREAM_MAX_LISTS; i++) {
        struct list_state *list = &state->lists[i];

        list->loaded = list->has_nulls = true;
        list->floor = at("2024-01-01T00:00:00Z") + i * INSTANT_SECOND;
        list->bookmark = at("2025-01-01T00:00:00Z") + i * INSTANT_SECOND;
        list->done_at = at("2026-01-01T00:00:00Z") + i * INSTANT_SECOND;
        list->newest = at("2025-12-24T00:00:00Z") + i * INSTANT_SECOND;
        fill_walk(&list->walk, i == 0 ? MODE_ID : MODE_TIME, i);
        fill_walk(&list->stretch, i == 0 ? MODE_TIME : MODE_NEWEST, 10 + i);
    }
    state->again_done = state->gated = state->as_json = state->seeded = true;
    state->fields_at = at("2026-11-20T00:00:00Z");
    state->full_at = at("2026-11-21T00:00:00Z");
    state->pass_at = at("2026-11-22T00:00:00Z");
    state->pass = (struct pass_state){.open = true,
                                      .step = PASS_ASK,
                                      .twice = true,
                                      .leg = 2,
                                      .t0 = at("2026-11-22T01:00:00Z"),
                                      .refused_at = at("2026-11-22T02:00:00Z"),
                                      .rows = 5000000000};
    fill_walk(&state->pass.walk, MODE_TIME, 20);
    g_array_append_vals(state->recent, recent, G_N_ELEMENTS(recent));
}

static void everything_comes_back(struct fixture *f, const void *unused)
{
    (void)unused;
    fill(&f->state);
    round_trip(f);
    assert_same(&f->state, &f->back);
}

/* [Nov 1 .. 5) done, [5 .. 9), [9 .. */
static void windows_come_back(struct fixture *f, const void *unused)
{
    struct walk_state *walk = &f->state.lists[0].walk, *back = &f->back.lists[0].walk;

    (void)unused;
    walk->active = true;
    walk->from = at("2026-11-01T00:00:00Z");
    walk->t0 = at("2026-11-24T00:00:00Z");
    walk_state_cut(walk, at("2026-11-09T00:00:00Z"))->at = at("2026-11-10T00:00:00Z");
    walk_state_cut(walk, at("2026-11-05T00:00:00Z"))->cursor = g_strdup("abc");
    walk->done = true;
    round_trip(f);
    g_assert_true(back->done);
    assert_instant(back->until, "2026-11-05T00:00:00Z");
    back = back->next;
    assert_instant(back->from, "2026-11-05T00:00:00Z");
    assert_instant(back->until, "2026-11-09T00:00:00Z");
    assert_instant(back->t0, "2026-11-24T00:00:00Z");
    g_assert_cmpstr(back->cursor, ==, "abc");
    g_assert_false(back->done);
    back = back->next;
    assert_instant(back->from, "2026-11-09T00:00:00Z");
    assert_instant(back->until, "none");
    assert_instant(back->at, "2026-11-10T00:00:00Z");
    g_assert_null(back->next);
    walk_state_rejoin(walk);
    assert_instant(walk->until, "2026-11-09T00:00:00Z");
}

static void nothing_comes_back_as_nothing(struct fixture *f, const void *unused)
{
    (void)unused;
    round_trip(f);
    assert_same(&f->state, &f->back);
    g_assert_false(f->back.lists[0].loaded);
    g_assert_false(f->back.lists[0].walk.active);
    g_assert_cmpint(f->back.lists[0].bookmark, ==, INSTANT_NONE);
    g_assert_cmpint(f->back.fields_at, ==, INSTANT_NONE);
}

/* Each flag by itself, so that none is written for another. */
static void flags_are_told_apart(struct fixture *f, const void *unused)
{
    bool *const flags[] = {
        &f->state.again_done,         &f->state.gated,           &f->state.seeded,
        &f->state.lists[0].loaded,    &f->state.lists[1].loaded, &f->state.lists[0].has_nulls,
        &f->state.lists[1].has_nulls, &f->state.pass.open};

    (void)unused;
    for (size_t i = 0; i < G_N_ELEMENTS(flags); i++) {
        *flags[i] = true;
        round_trip(f);
        assert_same(&f->state, &f->back);
        *flags[i] = false;
    }
}

static void each_instant_may_be_missing(struct fixture *f, const void *unused)
{
    struct list_state *list = &f->state.lists[1];
    instant_t *const instants[] = {&list->floor,
                                   &list->bookmark,
                                   &list->done_at,
                                   &list->newest,
                                   &list->walk.from,
                                   &list->walk.until,
                                   &list->walk.since,
                                   &list->walk.at,
                                   &list->walk.t0,
                                   &list->stretch.until,
                                   &f->state.fields_at,
                                   &f->state.full_at,
                                   &f->state.pass_at,
                                   &f->state.pass.t0,
                                   &f->state.pass.refused_at,
                                   &f->state.pass.walk.from};

    (void)unused;
    fill(&f->state);
    for (size_t i = 0; i < G_N_ELEMENTS(instants); i++) {
        instant_t kept = *instants[i];

        *instants[i] = INSTANT_NONE;
        round_trip(f);
        assert_same(&f->state, &f->back);
        *instants[i] = kept;
    }
}

static void clearing_frees_and_forgets(struct fixture *f, const void *unused)
{
    (void)unused;
    fill(&f->state);
    walk_state_clear(&f->state.lists[0].walk);
    pass_state_clear(&f->state.pass);
    assert_same_pass(&f->state.pass, &f->back.pass);
    assert_same_walk(&f->state.lists[0].walk, &f->back.lists[0].walk);
}

/* A whole state, in which each test below breaks one thing. */
static const char good_state[] =
    "{'lists':{'normal':{'loaded':true,'has_nulls':true,'floor':'2024-01-01T00:00:00Z',"
    "'bookmark':'2025-01-01T00:00:00Z','done_at':'2026-01-01T00:00:00Z',"
    "'walk':{'mode':'time','probe':'first','from':'2026-01-02T00:00:00Z','cursor':'abc',"
    "'start':5,'anchor':6}}},'again_done':true,'gated':false,'as_json':false,'seeded':false,"
    "'fields_at':'2026-01-03T00:00:00Z','full_at':'2026-01-04T00:00:00Z',"
    "'pass_at':'2026-01-06T00:00:00Z','pass':{'step':'judge','twice':true,'leg':3,"
    "'t0':'2026-01-07T00:00:00Z','refused_at':'2026-01-08T00:00:00Z','rows':8,"
    "'walk':{'mode':'id','start':9}},"
    "'recent':[[1,7,'2026-01-05T00:00:00Z']]}";

static bool read_text(struct fixture *f, const char *text, GError **error)
{
    stream_state_done(&f->back);
    stream_state_init(&f->back);
    return stream_state_read(&f->back, deals, pages_parse(f->pages, "%s", text), error);
}

static void assert_damaged(struct fixture *f, const char *text)
{
    g_autoptr(GError) error = NULL;

    if (read_text(f, text, &error))
        g_error("believed: %s", text);
    g_assert_error(error, PENSTOCK_ERROR, PENSTOCK_ERROR_DATA);
    g_assert_nonnull(strstr(error->message, "deals"));
    g_assert_nonnull(strstr(error->message, "penstock reset")); /* promise 10 */
}

static void replace(struct fixture *f, const char *part, const char *with)
{
    g_autoptr(GString) text = g_string_new(good_state);

    g_assert_cmpuint(g_string_replace(text, part, with, 0), ==, 1);
    assert_damaged(f, text->str);
}

static void damage_is_refused(struct fixture *f, const void *unused)
{
    static const struct {
        const char *part, *with;
    } damages[] = {
        {"'loaded':true", "'loaded':'yes'"},
        {"'loaded':true", "'loaded':1"},
        {"'loaded':true", "'loaded':null"},
        {"'has_nulls':true", "'has_nulls':[]"},
        {"'floor':'2024-01-01T00:00:00Z'", "'floor':'soon'"},
        {"'floor':'2024-01-01T00:00:00Z'", "'floor':0"},
        {"'floor':'2024-01-01T00:00:00Z'", "'floor':null"},
        {"'bookmark':'2025-01-01T00:00:00Z'", "'bookmark':'2025-02-30T00:00:00Z'"},
        {"'done_at':'2026-01-01T00:00:00Z'", "'done_at':{}"},
        {"'mode':'time'", "'mode':'sideways'"},
        {"'mode':'time'", "'mode':0"},
        {"'mode':'time',", ""},
        {"'probe':'first'", "'probe':'middle'"},
        {"'probe':'first'", "'probe':true"},
        {"'from':'2026-01-02T00:00:00Z'", "'from':''"},
        {"'cursor':'abc'", "'cursor':5"},
        {"'cursor':'abc'", "'cursor':null"},
        {"'start':5", "'start':'5'"},
        {"'start':5", "'start':1.5"},
        {"'start':5", "'start':9223372036854775808"},
        {"'anchor':6", "'anchor':null"},
        {"'again_done':true", "'again_done':1"},
        {"'gated':false", "'gated':'no'"},
        {"'as_json':false", "'as_json':0"},
        {"'seeded':false", "'seeded':{}"},
        {"'fields_at':'2026-01-03T00:00:00Z'", "'fields_at':7"},
        {"'full_at':'2026-01-04T00:00:00Z'", "'full_at':'x'"},
        {"'pass_at':'2026-01-06T00:00:00Z'", "'pass_at':6"},
        {"'pass':{'step':'judge',", "'pass':{"},
        {"'step':'judge'", "'step':'jury'"},
        {"'step':'judge'", "'step':1"},
        {"'twice':true", "'twice':2"},
        {"'leg':3", "'leg':4"},
        {"'leg':3", "'leg':-1"},
        {"'leg':3", "'leg':'3'"},
        {"'t0':'2026-01-07T00:00:00Z'", "'t0':null"},
        {"'refused_at':'2026-01-08T00:00:00Z'", "'refused_at':'never'"},
        {"'rows':8", "'rows':8.5"},
        {"'mode':'id'", "'mode':'sideways'"},
        {"'recent':[[1,7,'2026-01-05T00:00:00Z']]", "'recent':{}"},
        {"'recent':[[1,7,'2026-01-05T00:00:00Z']]", "'recent':7"},
        {"[[1,7,'2026-01-05T00:00:00Z']]", "[7]"},
        {"[[1,7,'2026-01-05T00:00:00Z']]", "[[1,7]]"},
        {"[[1,7,'2026-01-05T00:00:00Z']]", "[[]]"},
        {"[[1,7,'2026-01-05T00:00:00Z']]", "[{'7':'2026-01-05T00:00:00Z'}]"},
        {"[[1,7,'2026-01-05T00:00:00Z']]", "[[1,'7','2026-01-05T00:00:00Z']]"},
        {"[[1,7,'2026-01-05T00:00:00Z']]", "[[1,7,'soon']]"},
        {"[[1,7,'2026-01-05T00:00:00Z']]", "[[1,7,8]]"},
        {"[[1,7,'2026-01-05T00:00:00Z']]", "[['1',7,'2026-01-05T00:00:00Z']]"},
        {"[[1,7,'2026-01-05T00:00:00Z']]", "[[1,7,'2026-01-05T00:00:00Z',1]]"},
    };
    g_autoptr(GError) error = NULL;

    (void)unused;
    g_assert_true(read_text(f, good_state, &error));
    g_assert_no_error(error);
    for (size_t i = 0; i < G_N_ELEMENTS(damages); i++)
        replace(f, damages[i].part, damages[i].with);
}

static void another_shape_is_refused(struct fixture *f, const void *unused)
{
    static const char *const texts[] = {
        "null",
        "7",
        "'x'",
        "[]",
        "[{}]",
        "{}",
        "{'lists':null}",
        "{'lists':[]}",
        "{'lists':{'normal':null}}",
        "{'lists':{'normal':5}}",
        "{'lists':{'archived':[]}}",
        "{'lists':{'normal':{'walk':null}}}",
        "{'lists':{'normal':{'walk':7}}}",
        "{'lists':{'normal':{'walk':[]}}}",
        "{'lists':{'normal':{'stretch':{}}}}",
        "{'lists':{'normal':{'walk':{'mode':'time','windows':{}}}}}",
        "{'lists':{'normal':{'walk':{'mode':'time','windows':[7]}}}}",
        "{'lists':{'normal':{'walk':{'mode':'time','done':true}}}}",
        /* a gap, and a window behind one without an end */
        "{'lists':{'normal':{'walk':{'mode':'time','until':'2026-11-05T00:00:00Z',"
        "'windows':[{'mode':'time','from':'2026-11-06T00:00:00Z'}]}}}}",
        "{'lists':{'normal':{'walk':{'mode':'time',"
        "'windows':[{'mode':'time','from':'2026-11-05T00:00:00Z'}]}}}}",
    };
    g_autoptr(GError) error = NULL;

    (void)unused;
    for (size_t i = 0; i < G_N_ELEMENTS(texts); i++)
        assert_damaged(f, texts[i]);
    g_assert_false(stream_state_read(&f->back, deals, NULL, &error));
    g_assert_error(error, PENSTOCK_ERROR, PENSTOCK_ERROR_DATA);
}

/* An older Penstock knew fewer things, a newer one knows more. */
static void other_versions_are_understood(struct fixture *f, const void *unused)
{
    g_autoptr(GError) error = NULL;

    (void)unused;
    g_assert_true(read_text(f, "{'lists':{}}", &error));
    g_assert_true(
        read_text(f, "{'lists':{'normal':{'loaded':true,'new':[1]},'third':{}},'new':{}}", &error));
    g_assert_true(f->back.lists[0].loaded);
    g_assert_false(f->back.lists[1].loaded);
}

static void bookmark_is_the_oldest(struct fixture *f, const void *unused)
{
    struct list_state *lists = f->state.lists;

    (void)unused;
    assert_instant(stream_state_bookmark(&f->state, deals), "none");
    lists[0].bookmark = at("2026-11-02T00:00:00Z");
    assert_instant(stream_state_bookmark(&f->state, deals),
                   "none"); /* nothing of the archive yet */
    lists[1].bookmark = at("2026-11-01T00:00:00Z");
    assert_instant(stream_state_bookmark(&f->state, deals), "2026-11-01T00:00:00Z");
    lists[1].bookmark = at("2026-11-03T00:00:00Z");
    assert_instant(stream_state_bookmark(&f->state, deals), "2026-11-02T00:00:00Z");
    assert_instant(stream_state_bookmark(&f->state, &catalog[STREAM_PERSONS]),
                   "2026-11-02T00:00:00Z");
}

#define add(path, function) g_test_add(path, struct fixture, NULL, set_up, function, tear_down)

/* --- a server's clock that was ahead --- */

#define NOW  (INT64_C(1800000000) * INSTANT_SECOND)
#define DAY  (86400 * INSTANT_SECOND)
#define YEAR (365 * DAY)

/* A walk ended at T0; its newest row is a day old. */
static struct list_state *walked(struct stream_state *state, instant_t t0, instant_t newest)
{
    struct list_state *list = &state->lists[0];

    list->loaded = true;
    list->done_at = t0;
    list->bookmark = t0 - STATE_OVERLAP;
    list->newest = newest;
    state->pass_at = state->fields_at = state->full_at = t0;
    return list;
}

static void clock_that_is_right(struct fixture *f, const void *unused)
{
    g_autofree char *before = NULL, *after = NULL;

    (void)unused;
    walked(&f->state, NOW + STATE_OVERLAP, NOW - DAY); /* servers may differ by so much */
    before = written(&f->state);
    g_assert_false(stream_state_heed_clock(&f->state, deals, NOW));
    g_assert_false(stream_state_heed_clock(&f->state, deals, INSTANT_NONE));
    after = written(&f->state);
    g_assert_cmpstr(after, ==, before);
}

static void clock_that_was_ahead(struct fixture *f, const void *unused)
{
    struct list_state *list = walked(&f->state, NOW + YEAR, NOW - DAY);

    (void)unused;
    g_assert_true(stream_state_heed_clock(&f->state, deals, NOW));
    g_assert_cmpint(list->done_at, ==, INSTANT_NONE);
    g_assert_cmpint(list->bookmark, ==, NOW - DAY - STATE_OVERLAP);
    g_assert_cmpint(f->state.fields_at, ==, INSTANT_NONE);
    g_assert_cmpint(f->state.full_at, ==, INSTANT_NONE);
    g_assert_cmpint(f->state.pass_at, ==, NOW); /* rows prove enough: no full pass */
    g_assert_false(stream_state_heed_clock(&f->state, deals, NOW));
}

static void clock_that_was_ahead_of_an_empty_list(struct fixture *f, const void *unused)
{
    struct list_state *list = walked(&f->state, NOW + YEAR, INSTANT_NONE);

    (void)unused;
    g_assert_true(stream_state_heed_clock(&f->state, deals, NOW));
    g_assert_cmpint(list->bookmark, ==, NOW - STATE_OVERLAP);
    g_assert_cmpint(f->state.pass_at, ==, INSTANT_NONE); /* a full pass finds what changed */
}

/* By time a walk meets at its end what changed meanwhile; by id it may have passed it by. */
static void clock_that_was_ahead_of_a_walk(struct fixture *f, const void *unused)
{
    struct walk_state *by_time = &f->state.lists[0].walk, *by_id = &f->state.lists[1].walk;

    (void)unused;
    by_time->active = by_id->active = true;
    by_time->t0 = by_id->t0 = NOW + YEAR;
    by_time->at = NOW - DAY;
    by_id->mode = MODE_ID;
    walk_state_cut(by_time, NOW);
    g_assert_true(stream_state_heed_clock(&f->state, deals, NOW));
    g_assert_cmpint(by_time->t0, ==, NOW);
    g_assert_cmpint(by_time->next->t0, ==, NOW);
    g_assert_cmpint(by_time->at, ==, NOW - DAY);
    g_assert_false(by_id->active);
}

/* Cut at a time that is still to come: the first window was read up to what there was then. */
static void clock_that_was_ahead_of_a_cut(struct fixture *f, const void *unused)
{
    struct list_state *list = &f->state.lists[0];

    (void)unused;
    list->walk.active = list->walk.done = true;
    list->walk.t0 = NOW + 2 * YEAR;
    list->walk.at = NOW - DAY;
    walk_state_cut(&list->walk, NOW + YEAR);
    list->bookmark = NOW + YEAR;
    list->newest = NOW - DAY;
    g_assert_true(stream_state_heed_clock(&f->state, deals, NOW));
    g_assert_false(list->walk.done);
    g_assert_null(list->walk.next);
    g_assert_cmpint(list->walk.until, ==, INSTANT_NONE);
    g_assert_cmpint(list->walk.at, ==, NOW - DAY);
    g_assert_cmpint(list->bookmark, ==, NOW - DAY - STATE_OVERLAP);
    g_assert_false(stream_state_heed_clock(&f->state, deals, NOW));
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    add("/state/everything", everything_comes_back);
    add("/state/windows", windows_come_back);
    add("/state/nothing", nothing_comes_back_as_nothing);
    add("/state/flags", flags_are_told_apart);
    add("/state/instants", each_instant_may_be_missing);
    add("/state/clear", clearing_frees_and_forgets);
    add("/state/damage", damage_is_refused);
    add("/state/shape", another_shape_is_refused);
    add("/state/versions", other_versions_are_understood);
    add("/state/bookmark", bookmark_is_the_oldest);
    add("/state/clock-right", clock_that_is_right);
    add("/state/clock-ahead", clock_that_was_ahead);
    add("/state/clock-ahead-empty", clock_that_was_ahead_of_an_empty_list);
    add("/state/clock-ahead-walk", clock_that_was_ahead_of_a_walk);
    add("/state/clock-ahead-cut", clock_that_was_ahead_of_a_cut);
    return g_test_run();
}
