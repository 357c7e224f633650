/* sync/census.c, sync/plan_price.c: what was seen becomes rows, and rows become calls. Calls are
 * counted by hand, page by page, as the walks of pipedrive/walk_list.c ask for them. */
#include "sync/plan_price.h"

#define NOW  (INT64_C(1795000000) * INSTANT_SECOND)
#define HOUR (3600 * INSTANT_SECOND)
#define WEEK (CENSUS_WEEK_S * INSTANT_SECOND)

static void assert_is(struct estimate e, double low, double value, double high)
{
    g_assert_cmpfloat_with_epsilon(e.low, low, 1e-9);
    g_assert_cmpfloat_with_epsilon(e.value, value, 1e-9);
    g_assert_cmpfloat_with_epsilon(e.high, high, 1e-9);
}

static struct census counted(int64_t rows)
{
    return (struct census){.known = {.of = {[CENSUS_ROWS] = rows}}};
}

/* --- calls --- */

struct load_case {
    enum stream_id stream;
    unsigned list;
    bool bounded;
    int64_t rows;
    double calls, more;
};

/* One page of 500 is the look at the old end, a single row that at the new one. What fits into the
 * first page needs nothing else; a start date makes both looks single rows. */
static const struct load_case loads[] = {
    {STREAM_PERSONS, 0, false, 0, 1, 0},
    {STREAM_PERSONS, 0, false, 500, 1, 0},
    {STREAM_PERSONS, 0, false, 501, 3, 0},
    {STREAM_PERSONS, 0, false, 1000, 3, 0},
    {STREAM_PERSONS, 0, false, 1001, 4, 0},
    {STREAM_PERSONS, 0, false, 2000, 5, 0},
    {STREAM_PERSONS, 0, false, 2001, 6, 1}, /* long enough to be cut once */
    {STREAM_ACTIVITIES, 0, false, 300000, 601, 12},
    {STREAM_PERSONS, 0, true, 0, 3, 0},
    {STREAM_PERSONS, 0, true, 501, 4, 0},
    {STREAM_DEALS, 0, false, 501, 3, 0},
    /* Archived deals are read again, without a look. */
    {STREAM_DEALS, 1, false, 0, 2, 0},
    {STREAM_DEALS, 1, false, 500, 2, 0},
    {STREAM_DEALS, 1, false, 501, 5, 0},
    /* By id: no look, and pages overlap by a row. */
    {STREAM_NOTES, 0, false, 500, 1, 0},
    {STREAM_NOTES, 0, false, 501, 2, 0},
    {STREAM_NOTES, 0, false, 999, 2, 0},
    {STREAM_NOTES, 0, false, 1000, 3, 0},
    {STREAM_NOTES, 0, true, 501, 4, 0}, /* by time, with two looks */
    {STREAM_NOTES, 0, false, 100000, 201, 4},
    /* Files, too, a hundred a page. */
    {STREAM_FILES, 0, false, 100, 1, 0},
    {STREAM_FILES, 0, false, 101, 2, 0},
    {STREAM_FILES, 0, false, 199, 2, 0},
    {STREAM_FILES, 0, false, 200, 3, 0},
    {STREAM_FILES, 0, true, 200, 3, 0},
    {STREAM_FILES, 0, false, 500, 6, 1}, /* a guess may lie behind the end */
    {STREAM_FILES, 0, false, 20000, 203, 4},
};

static void first_loads(void)
{
    for (size_t i = 0; i < G_N_ELEMENTS(loads); i++) {
        const struct stream *stream = &catalog[loads[i].stream];
        const struct census census = counted(loads[i].rows);
        struct price price = {0};

        g_test_message("%s %" G_GINT64_FORMAT, stream->name, loads[i].rows);
        price_first_load(&price, stream, loads[i].list, &census, loads[i].bounded,
                         loads[i].list > 0);
        g_assert_cmpfloat(price.calls.low, ==, loads[i].calls);
        g_assert_cmpfloat(price.calls.value, ==, loads[i].calls);
        g_assert_cmpfloat(price.tokens.low, ==,
                          loads[i].calls * stream->lists[loads[i].list].cost_tokens);
        g_assert_cmpfloat(price.more_calls, ==, loads[i].more);
    }
}

/* 5,000 notes, all at times of their own but for 300 (of 500 seen, 30) in one second: a page that
 * ends within it is followed by one that reads up to 300 rows again. */
static void notes_of_one_second(void)
{
    struct census census = counted(5000);
    double overlap;
    unsigned longer;

    census.seconds = g_array_new(FALSE, FALSE, sizeof(instant_t));
    for (int i = 0; i < 500; i++) {
        instant_t time = i % 17 == 0 ? NOW : NOW - (i + 1) * INSTANT_SECOND;

        g_array_append_val(census.seconds, time);
    }
    census_ties(&census, 5000, 500, &overlap, &longer);
    g_assert_cmpfloat_with_epsilon(overlap, 30 / 500.0 * 300 / 2, 1e-9);
    g_assert_cmpuint(longer, ==, 0);
    census_ties(&census, 50000, 500, &overlap, &longer); /* 3,000 of them: walked by offset */
    g_assert_cmpfloat(overlap, ==, 0);
    g_assert_cmpuint(longer, ==, 1);

    struct price price = {0};
    price_first_load(&price, &catalog[STREAM_NOTES], 0, &census, true, false);
    g_assert_cmpfloat(price.calls.low, ==,
                      13); /* 500 and ten times 499 less a rest, and two looks */
    g_assert_cmpfloat(price.calls.high, ==, 13); /* 4,500 rows by 480 */
    census_done(&census);
}

static void lines(void)
{
    struct price none = {0}, some = {0}, crowded = {0};

    price_lines(&none, estimate_exact(0), 0);
    g_assert_cmpfloat(none.calls.high, ==, 0);
    price_lines(&some, (struct estimate){100, 201, 301}, 3);
    assert_is(some.calls, 1, 3, 4);
    assert_is(some.tokens, 10, 30, 40);
    /* Ten lines a deal: a thousand a call, two pages each. */
    price_lines(&crowded, estimate_exact(1000), 10);
    g_assert_cmpfloat(crowded.calls.low, <=, 20);
    g_assert_cmpfloat(crowded.calls.value, ==, 20);
    g_assert_cmpfloat(crowded.calls.high, >=, 20);
}

static void sums(void)
{
    struct price a = {.calls = {7, 10, 13}, .tokens = {70, 100, 130}, .more_calls = 1},
                 b = {.calls = {6, 10, 14}, .tokens = {60, 100, 140}, .more_tokens = 5};
    struct price joint = price_sum_joint(a, b);

    assert_is(joint.calls, 13, 20, 27);
    assert_is(joint.tokens, 130, 200, 270);
    g_assert_cmpfloat(joint.more_calls, ==, 1);
    g_assert_cmpfloat(joint.more_tokens, ==, 5);
}

/* Ten tables of which each takes three calls or four, which is about as likely (50 to 51): of ten
 * such coins at most one shows heads in 11 of a thousand throws, at most two in 55, and the limits
 * leave out 20. */
static void total_of_coins(void)
{
    struct price coins[10] = {0}, all;

    for (size_t i = 0; i < G_N_ELEMENTS(coins); i++) {
        coins[i].calls = (struct estimate){3, 4, 4};
        for (unsigned j = 0; j < ESTIMATE_POINTS; j++)
            coins[i].calls_at[j] = j < ESTIMATE_POINTS / 2 ? 3 : 4;
    }
    all = price_total(coins, G_N_ELEMENTS(coins));
    g_assert_cmpfloat(all.calls.low, ==, 32);
    g_assert_cmpfloat(all.calls.high, ==, 40); /* the likely value is never outside */
}

/* A page more or less, where rows may be on both sides of its end: the distribution has both, in
 * the shares that rows have. */
static void pages_as_a_distribution(void)
{
    struct census census = counted(500);
    struct price price = {0};
    unsigned few = 0;

    census.density = 0.9;
    census.older =
        (struct stretch){.ids = 600, .asked = 100, .found = {.of = {[CENSUS_ROWS] = 83}}};
    price_first_load(&price, &catalog[STREAM_PERSONS], 0, &census, false, false);
    assert_is(price.calls, 3, 3, 4); /* likely 998 rows */
    for (unsigned i = 0; i < ESTIMATE_POINTS; i++) {
        g_assert_true(price.calls_at[i] == 3 || price.calls_at[i] == 4);
        few += price.calls_at[i] == 3;
    }
    g_assert_cmpuint(few, >, ESTIMATE_POINTS / 2);
    g_assert_cmpuint(few, <, ESTIMATE_POINTS * 2 / 3);
}

/* What changed: files end with a row that did not; a table of 500 rows or less is a page, whatever
 * changed. */
static void changes(void)
{
    static const struct {
        enum stream_id stream;
        int64_t rows;
        double low, high, more;
    } cases[] = {
        {STREAM_PERSONS, 0, 1, 1, 0},   {STREAM_PERSONS, 500, 1, 1, 0},
        {STREAM_PERSONS, 501, 2, 2, 1}, {STREAM_PERSONS, 2501, 6, 6, 1},
        {STREAM_NOTES, 0, 1, 1, 0},     {STREAM_NOTES, 999, 2, 3, 1},
        {STREAM_FILES, 0, 1, 1, 0},     {STREAM_FILES, 99, 1, 1, 0},
        {STREAM_FILES, 100, 1, 2, 0},   {STREAM_FILES, 150, 2, 2, 0},
    };

    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        const struct stream *stream = &catalog[cases[i].stream];
        const struct census census = counted(cases[i].rows);
        struct price price = {0};

        price_changes(&price, stream, 0, &census, estimate_exact((double)cases[i].rows));
        g_assert_cmpfloat(price.calls.low, ==, cases[i].low);
        g_assert_cmpfloat(price.calls.high, ==, cases[i].high);
        g_assert_cmpfloat(price.more_calls, ==, cases[i].more);
    }
}

/* --- what was seen --- */

static void kinds_of_rows(void)
{
    static const struct census_row rows[] = {
        {NOW - 2 * WEEK, NOW - HOUR, NOW - 2 * WEEK, false, 2},  /* changed, sold */
        {NOW - HOUR, NOW - HOUR, INSTANT_NONE, false, 0},        /* new */
        {NOW - 2 * WEEK, NOW - 2 * WEEK, NOW - HOUR, false, 5},  /* moved */
        {NOW - 2 * WEEK, NOW - HOUR, NOW - HOUR, true, 3},       /* deleted today */
        {NOW - 2 * WEEK, INSTANT_NONE, INSTANT_NONE, false, -1}, /* nobody counts its products */
        {NOW - 2 * WEEK, NOW - WEEK, INSTANT_NONE, false, 0},    /* to the second a week ago */
    };
    static const int64_t expected[CENSUS_KINDS] = {
        [CENSUS_ROWS] = 6,        [CENSUS_ALIVE] = 5, [CENSUS_SOLD] = 3,  [CENSUS_RECENT] = 4,
        [CENSUS_RECENT_SOLD] = 1, [CENSUS_NEW] = 1,   [CENSUS_MOVED] = 2,
    };
    struct tally tally = {0};

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++)
        tally_row(&tally, &rows[i], NOW - WEEK);
    for (unsigned i = 0; i < CENSUS_KINDS; i++)
        g_assert_cmpint(tally.of[i], ==, expected[i]);
    g_assert_cmpint(tally.lines, ==, 2 + 5 + 1);
}

static void known_and_unknown(void)
{
    struct census census = counted(500);
    struct estimate rows;

    assert_is(census_estimate(&census, CENSUS_ROWS), 500, 500, 500);
    census.density = 0.8;
    census.older.ids = 900;
    assert_is(census_estimate(&census, CENSUS_ROWS), 980, 1220, 1310); /* nobody looked */
    census.older.asked = 100;
    census.older.found.of[CENSUS_ROWS] = 80;
    rows = census_estimate(&census, CENSUS_ROWS);
    g_assert_cmpfloat(rows.value, ==, 500 + 720);
    g_assert_cmpfloat(rows.low, >, 500 + 600);
    g_assert_cmpfloat(rows.high, <, 500 + 820);
    census.older = (struct stretch){.ids = 3, .asked = 3, .found = {.of = {[CENSUS_ROWS] = 2}}};
    assert_is(census_estimate(&census, CENSUS_ROWS), 502, 502, 502);
}

/* 500 rows in a day and a half, then nobody looked: about 2,333 a week. */
static void changes_of_a_fast_list(void)
{
    struct census census = counted(500);
    struct estimate week;

    census.known.of[CENSUS_RECENT] = 500;
    census.density = 1;
    census.week_growth = 500 * 7 / 1.5;
    census.older.ids = 100000;
    week = census_estimate(&census, CENSUS_RECENT);
    g_assert_cmpfloat(week.low, ==, 500);
    g_assert_cmpfloat_with_epsilon(week.value, 500 * 7 / 1.5, 1e-6);
    g_assert_cmpfloat(week.high, >, week.value);
}

/* Of 100 ids, 70 are in one list and 20 in the other: 90 deals, to the same 100. */
static void two_lists_of_the_same_ids(void)
{
    struct census normal = counted(400), archived = {.paired = true, .seen = true};
    struct estimate both;

    normal.older = (struct stretch){1000, 100, {.of = {[CENSUS_ROWS] = 70}}};
    archived.older = (struct stretch){1000, 100, {.of = {[CENSUS_ROWS] = 20}}};
    archived.gaps = (struct stretch){100, 50, {.of = {[CENSUS_ROWS] = 50}}};
    both = census_estimate_both(&normal, &archived, CENSUS_ROWS);
    g_assert_cmpfloat(both.value, ==, 400 + 900 + 100);
    g_assert_cmpfloat(both.high, <, 400 + 980 + 100);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/plan-price/first-loads", first_loads);
    g_test_add_func("/plan-price/notes-of-one-second", notes_of_one_second);
    g_test_add_func("/plan-price/lines", lines);
    g_test_add_func("/plan-price/sums", sums);
    g_test_add_func("/plan-price/total-of-coins", total_of_coins);
    g_test_add_func("/plan-price/pages-as-a-distribution", pages_as_a_distribution);
    g_test_add_func("/plan-price/changes", changes);
    g_test_add_func("/census/kinds-of-rows", kinds_of_rows);
    g_test_add_func("/census/known-and-unknown", known_and_unknown);
    g_test_add_func("/census/changes-of-a-fast-list", changes_of_a_fast_list);
    g_test_add_func("/census/two-lists-of-the-same-ids", two_lists_of_the_same_ids);
    return g_test_run();
}
