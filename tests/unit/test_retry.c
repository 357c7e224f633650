/* sync/retry.c: the table of its header, answer by answer. */
#include "sync/retry.h"

static const struct retry_policy defaults = {0};

static GError *error_of(enum penstock_error code, int64_t retry_after_ms)
{
    GError *error = g_error_new_literal(PENSTOCK_ERROR, (int)code, "test");
    struct error_detail detail = {.retry_after_ms = retry_after_ms};
    error_set_detail(error, &detail);
    return error;
}

static struct retry_decision decide(struct retry_history *history, enum call_scope scope,
                                    enum penstock_error code, int64_t retry_after_ms, double random)
{
    g_autoptr(GError) error = error_of(code, retry_after_ms);
    return retry_decide(&defaults, scope, history, error, random);
}

static void first_decisions(void)
{
    static const struct {
        enum penstock_error code;
        enum retry_action page, record;
        bool parks;
    } rows[] = {
        {PENSTOCK_ERROR_RETRY, RETRY_AFTER, RETRY_AFTER, false},
        {PENSTOCK_ERROR_THROTTLED, RETRY_AFTER, RETRY_AFTER, false},
        {PENSTOCK_ERROR_PARKED, RETRY_STOP_RUN, RETRY_STOP_RUN, true},
        {PENSTOCK_ERROR_AUTH, RETRY_STOP_RUN, RETRY_STOP_RUN, false},
        {PENSTOCK_ERROR_GONE, RETRY_STOP_TABLE, RETRY_GIVE_UP_REQUEST, false},
        {PENSTOCK_ERROR_REFUSED, RETRY_STOP_TABLE, RETRY_GIVE_UP_REQUEST, false},
        {PENSTOCK_ERROR_TOO_LARGE, RETRY_SMALLER, RETRY_SMALLER, false},
        {PENSTOCK_ERROR_DATA, RETRY_AFTER, RETRY_AFTER, false},
        {PENSTOCK_ERROR_CONFIG, RETRY_STOP_RUN, RETRY_STOP_RUN, false},
        {PENSTOCK_ERROR_STORAGE, RETRY_STOP_RUN, RETRY_STOP_RUN, false},
        {PENSTOCK_ERROR_FENCED, RETRY_STOP_RUN, RETRY_STOP_RUN, false},
        {PENSTOCK_ERROR_GUARD, RETRY_STOP_TABLE, RETRY_STOP_TABLE, false},
        {PENSTOCK_ERROR_CANCELLED, RETRY_STOP_RUN, RETRY_STOP_RUN, false},
        {PENSTOCK_ERROR_BUG, RETRY_STOP_RUN, RETRY_STOP_RUN, false},
    };
    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        struct retry_history page = {0}, record = {0};
        struct retry_decision decision = decide(&page, CALL_PAGE, rows[i].code, 0, 0.5);
        g_assert_cmpint(decision.action, ==, rows[i].page);
        g_assert_cmpint(decision.parks, ==, rows[i].parks);
        decision = decide(&record, CALL_RECORD, rows[i].code, 0, 0.5);
        g_assert_cmpint(decision.action, ==, rows[i].record);
    }
}

static void other_domains_stop_the_run(void)
{
    struct retry_history history = {0};
    g_autoptr(GError) error = g_error_new_literal(G_FILE_ERROR, G_FILE_ERROR_IO, "test");
    struct retry_decision decision = retry_decide(&defaults, CALL_RECORD, &history, error, 0.5);
    g_assert_cmpint(decision.action, ==, RETRY_STOP_RUN);
    g_assert_false(decision.parks);
}

/* Six requests in all: five waits, each at most twice the one before. */
static void backoff(void)
{
    static const int64_t most_ms[] = {500, 1000, 2000, 4000, 8000};
    for (int step = 0; step < 4; step++) {
        double random = (double)step / 4;
        struct retry_history history = {0};
        for (size_t i = 0; i < G_N_ELEMENTS(most_ms); i++) {
            struct retry_decision decision =
                decide(&history, CALL_PAGE, PENSTOCK_ERROR_RETRY, 0, random);
            g_assert_cmpint(decision.action, ==, RETRY_AFTER);
            g_assert_cmpint(decision.wait_ms, ==, most_ms[i] * step / 4);
        }
        g_assert_cmpint(decide(&history, CALL_PAGE, PENSTOCK_ERROR_RETRY, 0, random).action, ==,
                        RETRY_STOP_TABLE);
    }
}

static void backoff_is_capped(void)
{
    struct retry_policy patient = {.max_tries = 100};
    struct retry_history history = {0};
    g_autoptr(GError) error = error_of(PENSTOCK_ERROR_RETRY, 0);
    for (int i = 0; i < 99; i++) {
        struct retry_decision decision =
            retry_decide(&patient, CALL_PAGE, &history, error, 0.999999);
        g_assert_cmpint(decision.action, ==, RETRY_AFTER);
        g_assert_cmpint(decision.wait_ms, <=, 60000);
        g_assert_cmpint(decision.wait_ms, >=, i < 7 ? 0 : 59999);
    }
}

static void stated_waits(void)
{
    struct retry_history history = {0};
    /* a 503 that says how long */
    g_assert_cmpint(decide(&history, CALL_PAGE, PENSTOCK_ERROR_RETRY, 7000, 0.5).wait_ms, ==, 7000);
    g_assert_cmpint(decide(&history, CALL_PAGE, PENSTOCK_ERROR_RETRY, 3939000, 0.5).wait_ms, ==,
                    60000);
    /* a 429: what it says and a little more, so that not all come back in the same instant */
    g_assert_cmpint(decide(&history, CALL_PAGE, PENSTOCK_ERROR_THROTTLED, 2000, 0).wait_ms, ==,
                    2000);
    g_assert_cmpint(decide(&history, CALL_PAGE, PENSTOCK_ERROR_THROTTLED, 2000, 0.5).wait_ms, ==,
                    2250);
    g_assert_cmpint(decide(&history, CALL_PAGE, PENSTOCK_ERROR_THROTTLED, -5, 0).wait_ms, ==, 0);
}

static void throttled_for_ever(void)
{
    struct retry_history history = {0};
    for (int i = 0; i < 19; i++)
        g_assert_cmpint(decide(&history, CALL_RECORD, PENSTOCK_ERROR_THROTTLED, 2000, 0.5).action,
                        ==, RETRY_AFTER);
    struct retry_decision decision =
        decide(&history, CALL_RECORD, PENSTOCK_ERROR_THROTTLED, 2000, 0.5);
    g_assert_cmpint(decision.action, ==, RETRY_STOP_RUN);
    g_assert_true(decision.parks);
}

/* A 429 is no try of the request; another fault ends the row of 429s. */
static void throttles_and_faults_are_counted_apart(void)
{
    struct retry_history history = {0};
    for (int i = 0; i < 5; i++) {
        for (int j = 0; j < 19; j++)
            g_assert_cmpint(decide(&history, CALL_PAGE, PENSTOCK_ERROR_THROTTLED, 2000, 0.5).action,
                            ==, RETRY_AFTER);
        g_assert_cmpint(decide(&history, CALL_PAGE, PENSTOCK_ERROR_RETRY, 0, 0.5).action, ==,
                        RETRY_AFTER);
    }
    g_assert_cmpint(decide(&history, CALL_PAGE, PENSTOCK_ERROR_RETRY, 0, 0.5).action, ==,
                    RETRY_STOP_TABLE);
}

/* What still fails for one deal waits in its queue and never fails the table. */
static void a_record_never_fails_the_table(void)
{
    struct retry_history history = {0};
    for (int i = 0; i < 5; i++)
        decide(&history, CALL_RECORD, PENSTOCK_ERROR_RETRY, 0, 0.5);
    g_assert_cmpint(decide(&history, CALL_RECORD, PENSTOCK_ERROR_RETRY, 0, 0.5).action, ==,
                    RETRY_GIVE_UP_REQUEST);
}

static void wrong_shape_gets_two_more_tries(void)
{
    struct retry_history history = {0};
    for (int i = 0; i < 2; i++)
        g_assert_cmpint(decide(&history, CALL_PAGE, PENSTOCK_ERROR_DATA, 0, 0.5).action, ==,
                        RETRY_AFTER);
    g_assert_cmpint(decide(&history, CALL_PAGE, PENSTOCK_ERROR_DATA, 0, 0.5).action, ==,
                    RETRY_STOP_TABLE);
}

static void a_fast_policy(void)
{
    struct retry_policy fast = {.base_ms = 1, .cap_ms = 10};
    struct retry_history history = {0};
    g_autoptr(GError) error = error_of(PENSTOCK_ERROR_THROTTLED, 2000);
    g_assert_cmpint(retry_decide(&fast, CALL_PAGE, &history, error, 0.5).wait_ms, ==, 10);
    g_autoptr(GError) passing = error_of(PENSTOCK_ERROR_RETRY, 0);
    for (int i = 0; i < 5; i++)
        g_assert_cmpint(retry_decide(&fast, CALL_PAGE, &history, passing, 0.99).wait_ms, <=, 10);
    g_assert_cmpint(retry_decide(&fast, CALL_PAGE, &history, passing, 0.99).action, ==,
                    RETRY_STOP_TABLE);
}

/* Five records in a row, or one where the last run ended so; a success forgives everything. */
static void streaks(void)
{
    struct retry_streak streak = {0}, again = {.was_hopeless = true, .in_doubt = true};

    for (unsigned i = 0; i < 100; i++)
        retry_streak_failure(&streak, false); /* tries of records that are not given up yet */
    g_assert_true(streak.in_doubt);
    g_assert_false(retry_streak_is_hopeless(&streak));
    for (unsigned i = 0; i < 4; i++)
        retry_streak_failure(&streak, true);
    g_assert_false(retry_streak_is_hopeless(&streak));
    retry_streak_success(&streak);
    g_assert_false(streak.in_doubt);
    for (unsigned i = 0; i < 5; i++)
        retry_streak_failure(&streak, true);
    g_assert_true(retry_streak_is_hopeless(&streak));

    g_assert_false(retry_streak_is_hopeless(&again));
    retry_streak_failure(&again, true);
    g_assert_true(retry_streak_is_hopeless(&again));
    retry_streak_success(&again);
    retry_streak_failure(&again, true);
    g_assert_false(retry_streak_is_hopeless(&again));
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/retry/first-decisions", first_decisions);
    g_test_add_func("/retry/other-domains-stop-the-run", other_domains_stop_the_run);
    g_test_add_func("/retry/backoff", backoff);
    g_test_add_func("/retry/backoff-is-capped", backoff_is_capped);
    g_test_add_func("/retry/stated-waits", stated_waits);
    g_test_add_func("/retry/throttled-for-ever", throttled_for_ever);
    g_test_add_func("/retry/throttles-and-faults-are-counted-apart",
                    throttles_and_faults_are_counted_apart);
    g_test_add_func("/retry/a-record-never-fails-the-table", a_record_never_fails_the_table);
    g_test_add_func("/retry/wrong-shape-gets-two-more-tries", wrong_shape_gets_two_more_tries);
    g_test_add_func("/retry/a-fast-policy", a_fast_policy);
    g_test_add_func("/retry/streaks", streaks);
    return g_test_run();
}
