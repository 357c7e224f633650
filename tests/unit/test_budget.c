/* sync/budget.c, ledger.c, purse.c and outlook.c. Figures from the documents of 2026-09: the
 * smallest plan has 30,000 tokens a day and seat; defaults are 20 % of the day, a reserve of 5,000,
 * and half of the share for backfill. */
#include "base/secret.h"
#include "sync/budget.h"
#include "sync/governor.h"
#include "sync/ledger.h"
#include "sync/outlook.h"
#include "sync/purse.h"
#include "sync/sharers.h"

#include <glib/gstdio.h>
#include <string.h>

#define T0 INT64_C(1800000000) /* some second of the server's clock */

static const struct budget_settings usual;

/* --- settings --- */

static void amounts(void)
{
    static const struct {
        const char *text;
        bool is_percent;
        int64_t value;
    } good[] = {{"0", false, 0},     {"5000", false, 5000},    {"0%", true, 0},
                {"20%", true, 2000}, {"12.5%", true, 1250},    {"100%", true, 10000},
                {"0.05%", true, 5},  {"100.00%", true, 10000}, {"1000000000", false, 1000000000}};
    static const char *const bad[] = {"",
                                      "%",
                                      "-1",
                                      "+1",
                                      " 1",
                                      "1 ",
                                      "20 %",
                                      "100.01%",
                                      "101%",
                                      "1.5",
                                      "1.234%",
                                      ".5%",
                                      "1.%",
                                      "1e3",
                                      "20%%",
                                      "1000000001",
                                      "99999999999999999999",
                                      "abc"};
    struct budget_amount amount;

    for (size_t i = 0; i < G_N_ELEMENTS(good); i++) {
        g_assert_true(budget_amount_parse(good[i].text, true, &amount));
        g_assert_true(amount.is_set);
        g_assert_cmpint(amount.is_percent, ==, good[i].is_percent);
        g_assert_cmpint(amount.value, ==, good[i].value);
        g_assert_cmpint(budget_amount_parse(good[i].text, false, &amount), ==, !good[i].is_percent);
    }
    for (size_t i = 0; i < G_N_ELEMENTS(bad); i++)
        g_assert_false(budget_amount_parse(bad[i], true, &amount));
}

static struct budget_amount tokens(int64_t value)
{
    return (struct budget_amount){.is_set = true, .value = value};
}

static struct budget_amount percent(int64_t value)
{
    return (struct budget_amount){true, true, value * 100};
}

static void shares(void)
{
    static const struct {
        struct budget_settings settings;
        int64_t limit, share, backfill;
    } cases[] = {
        {{{0}}, -1, 6000, 3000},       /* no header: the smallest plan */
        {{{0}}, 300000, 60000, 30000}, /* Growth, five seats */
        {{{0}}, 5001, 1, 0},           /* the reserve comes first */
        {{{0}}, 4000, 0, 0},
        {{.per_day = {true, true, 10000}}, 30000, 25000, 12500},
        {{.per_day = {true, true, 10000}, .reserve = {.is_set = true}}, 30000, 30000, 15000},
        {{.per_day = {true, false, 700}}, 30000, 700, 350},
        {{.per_day = {true, false, 0}}, 30000, 0, 0},
        {{.per_day = {true, false, 700}, .backfill = {true, false, 900}}, 30000, 700, 700},
        {{.backfill = {true, true, 0}}, 30000, 6000, 0},
        {{.pool = {true, false, 60000}}, -1, 12000, 6000},
        {{.pool = {true, false, 60000}}, 30000, 6000, 3000}, /* the header knows better */
    };

    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        struct budget budget;

        budget_init(&budget, &cases[i].settings);
        budget_answer(&budget, 0, 0, cases[i].limit, -1);
        g_assert_cmpint(budget_share(&budget), ==, cases[i].share);
        g_assert_cmpint(budget_backfill_share(&budget), ==, cases[i].backfill);
    }
}

/* --- what was spent --- */

/* A day, and 5 s for what lies between a booking and the arrival of its request. */
#define COUNTS_S (86400 + 5)

struct fixture {
    struct budget budget;
    struct budget_log log;
};

static void set_up(struct fixture *f, const void *settings)
{
    budget_init(&f->budget, settings ? settings : &usual);
    budget_log_init(&f->log);
}

static void tear_down(struct fixture *f, const void *unused)
{
    (void)unused;
    budget_log_done(&f->log);
}

static int64_t room(const struct fixture *f, enum budget_class class, enum budget_verdict *ret_why)
{
    return budget_room(&f->budget, &f->log, class, ret_why);
}

static void backfill_leaves_room(struct fixture *f, const void *unused)
{
    enum budget_verdict why;
    (void)unused;

    g_assert_cmpint(room(f, BUDGET_BACKFILL, &why), ==, 3000);
    budget_log_add(&f->log, T0, BUDGET_BACKFILL, 3000);
    g_assert_cmpint(room(f, BUDGET_BACKFILL, &why), ==, 0);
    g_assert_cmpint(why, ==, BUDGET_BACKFILL_SPENT);
    g_assert_cmpint(room(f, BUDGET_RECONCILE, &why), ==, 0);
    g_assert_cmpint(room(f, BUDGET_INCREMENTAL, &why), ==, 3000);
    budget_log_add(&f->log, T0, BUDGET_INCREMENTAL, 3000);
    g_assert_cmpint(room(f, BUDGET_INCREMENTAL, &why), ==, 0);
    g_assert_cmpint(why, ==, BUDGET_SHARE_SPENT);
    g_assert_cmpint(room(f, BUDGET_CHECK, &why), >, 1000000); /* who am I, always */
}

static void daily_runs_may_take_all(struct fixture *f, const void *unused)
{
    enum budget_verdict why;
    (void)unused;

    budget_log_add(&f->log, T0, BUDGET_INCREMENTAL, 5000);
    g_assert_cmpint(room(f, BUDGET_INCREMENTAL, &why), ==, 1000);
    g_assert_cmpint(room(f, BUDGET_BACKFILL, &why), ==, 1000);
    g_assert_cmpint(why, ==, BUDGET_SHARE_SPENT);
}

static void a_day_passes(struct fixture *f, const void *unused)
{
    (void)unused;
    budget_log_add(&f->log, T0, BUDGET_BACKFILL, 2000);
    budget_log_add(&f->log, T0 + 3600, BUDGET_BACKFILL, 1000);
    g_assert_cmpint(budget_wait_s(&f->budget, &f->log, BUDGET_BACKFILL, 40, T0 + 7200), ==,
                    COUNTS_S - 7200);
    g_assert_cmpint(budget_wait_s(&f->budget, &f->log, BUDGET_BACKFILL, 2001, T0 + 7200), ==,
                    COUNTS_S - 3600);
    g_assert_cmpint(budget_wait_s(&f->budget, &f->log, BUDGET_BACKFILL, 3001, T0 + 7200), ==, -1);
    g_assert_cmpint(budget_wait_s(&f->budget, &f->log, BUDGET_INCREMENTAL, 3000, T0), ==, 0);
    budget_log_tidy(&f->log, T0 + COUNTS_S - 1);
    g_assert_cmpint(budget_log_used(&f->log, true), ==, 3000);
    budget_log_tidy(&f->log, T0 + COUNTS_S);
    g_assert_cmpint(budget_log_used(&f->log, true), ==, 1000);
    budget_log_tidy(&f->log, T0 + 3600 + COUNTS_S);
    g_assert_cmpint(budget_log_used(&f->log, false), ==, 0);
}

static void new_day_at_a_full_hour(void)
{
    const int64_t hour = T0 / 3600 * 3600;

    g_assert_cmpint(budget_new_day_s(hour), ==, 3600); /* this hour's has come and was none */
    g_assert_cmpint(budget_new_day_s(hour + 1), ==, 3599);
    g_assert_cmpint(budget_new_day_s(hour + 3599), ==, 1);
}

/* What was spent "tomorrow" counts from now on, and no longer than a day. */
static void the_clock_goes_back(struct fixture *f, const void *unused)
{
    (void)unused;
    budget_log_add(&f->log, T0, BUDGET_INCREMENTAL, 10);
    budget_log_add(&f->log, T0 + 500000, BUDGET_INCREMENTAL, 100);
    budget_log_tidy(&f->log, T0 + 60);
    g_assert_cmpint(budget_wait_s(&f->budget, &f->log, BUDGET_INCREMENTAL, 6000, T0 + 60), ==,
                    COUNTS_S); /* never longer than a day */
    g_assert_true(budget_log_heed_clock(&f->log, T0 + 60));
    g_assert_false(budget_log_heed_clock(&f->log, T0 + 60));
    g_assert_cmpint(budget_log_used(&f->log, false), ==, 110);
    budget_log_tidy(&f->log, T0 + COUNTS_S);
    g_assert_cmpint(budget_log_used(&f->log, false), ==, 100);
    budget_log_tidy(&f->log, T0 + 60 + COUNTS_S);
    g_assert_cmpint(budget_log_used(&f->log, false), ==, 0);
}

static void gives_back(struct fixture *f, const void *unused)
{
    (void)unused;
    budget_log_add(&f->log, T0, BUDGET_INCREMENTAL, 100);
    budget_log_add(&f->log, T0 + 10, BUDGET_INCREMENTAL, 50);
    budget_log_add(&f->log, T0 + 20, BUDGET_INCREMENTAL, 7); /* another process's */
    budget_log_add(&f->log, T0 + 10, BUDGET_INCREMENTAL, -60);
    g_assert_cmpint(budget_log_used(&f->log, false), ==, 97);
    budget_log_add(&f->log, T0 + 10, BUDGET_BACKFILL, -60); /* nothing was booked */
    g_assert_cmpint(budget_log_used(&f->log, false), ==, 97);
    budget_log_add(&f->log, T0 + 20, BUDGET_INCREMENTAL, -1000);
    g_assert_cmpint(budget_log_used(&f->log, false), ==, 0);
}

/* --- the pool --- */

static enum budget_verdict ask(const struct fixture *f, enum budget_class class, int64_t price)
{
    return budget_ask(&f->budget, &f->log, class, price);
}

static void reserve_stays(struct fixture *f, const void *unused)
{
    (void)unused;
    budget_answer(&f->budget, 1, 0, 30000, 5100);
    g_assert_cmpint(ask(f, BUDGET_INCREMENTAL, 100), ==, BUDGET_GO);
    g_assert_cmpint(ask(f, BUDGET_INCREMENTAL, 101), ==, BUDGET_POOL_SPENT);
    g_assert_cmpint(ask(f, BUDGET_CHECK, 101), ==, BUDGET_GO);
    /* Backfill leaves what the daily runs may still want, too. */
    g_assert_cmpint(ask(f, BUDGET_BACKFILL, 1), ==, BUDGET_POOL_SPENT);
    budget_answer(&f->budget, 2, 0, 30000, 8040);
    g_assert_cmpint(ask(f, BUDGET_BACKFILL, 40), ==, BUDGET_GO);
    g_assert_cmpint(ask(f, BUDGET_BACKFILL, 41), ==, BUDGET_POOL_SPENT);
    budget_log_add(&f->log, T0, BUDGET_INCREMENTAL, 1000);
    g_assert_cmpint(ask(f, BUDGET_BACKFILL, 1040), ==, BUDGET_GO);
}

static void counts_what_is_in_flight(struct fixture *f, const void *unused)
{
    (void)unused;
    budget_answer(&f->budget, 1, 0, 30000, 5100);
    budget_sent(&f->budget, 60);
    g_assert_cmpint(ask(f, BUDGET_INCREMENTAL, 41), ==, BUDGET_POOL_SPENT);
    budget_answer(&f->budget, 2, 60, -1, -1); /* no header: less by what it cost */
    g_assert_cmpint(ask(f, BUDGET_INCREMENTAL, 40), ==, BUDGET_GO);
    g_assert_cmpint(ask(f, BUDGET_INCREMENTAL, 41), ==, BUDGET_POOL_SPENT);
}

static void newest_answer_counts(struct fixture *f, const void *unused)
{
    (void)unused;
    budget_answer(&f->budget, 10, 0, 30000, 5200);
    budget_answer(&f->budget, 5, 0, 30000, 9000); /* departed earlier, arrived later */
    g_assert_cmpint(ask(f, BUDGET_INCREMENTAL, 201), ==, BUDGET_POOL_SPENT);
    budget_answer(&f->budget, 10, 0, 30000, 5100); /* at the same time: the smaller is the later */
    g_assert_cmpint(ask(f, BUDGET_INCREMENTAL, 101), ==, BUDGET_POOL_SPENT);
    budget_answer(&f->budget, 11, 0, 30000, 29000); /* a new day */
    g_assert_cmpint(ask(f, BUDGET_INCREMENTAL, 5000), ==, BUDGET_GO);
}

static void absurd_headers(struct fixture *f, const void *unused)
{
    static const int64_t absurd[] = {-1, 0, -300000, INT64_MIN, INT64_MAX, BUDGET_TOKENS_MAX + 1};
    (void)unused;

    budget_answer(&f->budget, 1, 0, 60000, 50000);
    for (size_t i = 0; i < G_N_ELEMENTS(absurd); i++) {
        budget_answer(&f->budget, 2, 0, absurd[i], -1);
        g_assert_cmpint(budget_pool(&f->budget), ==, 60000);
        if (absurd[i] != 0) {
            budget_answer(&f->budget, 3, 0, 60000, absurd[i]);
            g_assert_cmpint(ask(f, BUDGET_INCREMENTAL, 45000), ==, BUDGET_GO);
            g_assert_cmpint(ask(f, BUDGET_INCREMENTAL, 45001), ==, BUDGET_POOL_SPENT);
        }
    }
    budget_answer(&f->budget, 4, 0, 60000, 60001); /* more is left than there is */
    g_assert_cmpint(ask(f, BUDGET_INCREMENTAL, 45001), ==, BUDGET_POOL_SPENT);
    budget_answer(&f->budget, 5, 0, 60000, 0);
    g_assert_cmpint(ask(f, BUDGET_INCREMENTAL, 1), ==, BUDGET_POOL_SPENT);
}

static void a_run_has_an_end(struct fixture *f, const void *unused)
{
    (void)unused;
    f->budget.settings.run = tokens(100);
    budget_sent(&f->budget, 60);
    g_assert_cmpint(ask(f, BUDGET_INCREMENTAL, 40), ==, BUDGET_GO);
    g_assert_cmpint(ask(f, BUDGET_INCREMENTAL, 41), ==, BUDGET_RUN_SPENT);
    g_assert_cmpint(ask(f, BUDGET_CHECK, 41), ==, BUDGET_RUN_SPENT);
}

/* --- properties --- */

/* Whatever is asked in whatever order, no 24 hours see more than the share, nor more backfill than
 * its part; and daily runs find their part even when backfill asks all the time. Entries are merged
 * meanwhile. */
static void never_past_the_share(void)
{
    for (int round = 0; round < 20; round++) {
        struct fixture f;
        g_autoptr(GArray) spent = g_array_new(FALSE, TRUE, sizeof(struct budget_entry));
        int64_t now = T0;

        set_up(&f, NULL);
        f.budget.settings.per_day = tokens(g_test_rand_int_range(0, 20000));
        f.budget.settings.backfill = percent(g_test_rand_int_range(0, 101));
        for (int i = 0; i < 4000; i++) {
            enum budget_class class =
                g_test_rand_int_range(0, 4) ? BUDGET_BACKFILL : BUDGET_INCREMENTAL;
            int64_t price = g_test_rand_int_range(1, 60), all = 0, backfill = 0;
            enum budget_verdict why;

            now += g_test_rand_int_range(0, 10) ? g_test_rand_int_range(0, 90) : 3600;
            budget_log_tidy(&f.log, now);
            g_assert_cmpuint(f.log.entries->len, <=, BUDGET_ENTRIES_MAX);
            if (budget_room(&f.budget, &f.log, class, &why) >= price) {
                struct budget_entry entry = {.second = now};

                g_assert_cmpint(budget_wait_s(&f.budget, &f.log, class, price, now), ==, 0);
                *(class == BUDGET_BACKFILL ? &entry.backfill : &entry.daily) = price;
                g_array_append_val(spent, entry);
                budget_log_add(&f.log, now, class, price);
            } else {
                int64_t wait = budget_wait_s(&f.budget, &f.log, class, price, now);

                g_assert_cmpint(wait, !=, 0);
                g_assert_cmpint(wait, <=, COUNTS_S);
            }
            for (unsigned j = spent->len; j-- > 0;) {
                const struct budget_entry *entry = &g_array_index(spent, struct budget_entry, j);

                if (entry->second <= now - 86400)
                    break;
                all += entry->daily + entry->backfill;
                backfill += entry->backfill;
            }
            g_assert_cmpint(all, <=, budget_share(&f.budget));
            g_assert_cmpint(backfill, <=, budget_backfill_share(&f.budget));
        }
        tear_down(&f, NULL);
    }
}

/* --- the ledger --- */

struct folder {
    char *path;
};

static void folder_set_up(struct folder *f, const void *unused)
{
    (void)unused;
    f->path = g_dir_make_tmp("penstock-budget-XXXXXX", NULL);
}

static void folder_tear_down(struct folder *f, const void *unused)
{
    (void)unused;
    GDir *dir = g_dir_open(f->path, 0, NULL);
    for (const char *name; (name = g_dir_read_name(dir));) {
        g_autofree char *file = g_build_filename(f->path, name, NULL);
        g_unlink(file);
    }
    g_dir_close(dir);
    g_rmdir(f->path);
    g_free(f->path);
}

static struct ledger *open_quietly(const struct folder *f, int64_t company)
{
    char *warning = NULL;
    struct ledger *ledger = ledger_open(f->path, company, &warning);

    g_assert_null(warning);
    g_assert_true(ledger_is_file(ledger));
    return ledger;
}

static void put(struct ledger *ledger, int64_t second, int64_t amount)
{
    struct budget_log *log;

    g_assert_true(ledger_begin(ledger, second, &log, NULL));
    budget_log_add(log, second, BUDGET_INCREMENTAL, amount);
    ledger_end(ledger, true, 30000, NULL);
}

static int64_t used(struct ledger *ledger, int64_t now)
{
    int64_t limit;

    return budget_log_used(ledger_look(ledger, now, &limit), false);
}

static void ledger_is_shared(struct folder *f, const void *unused)
{
    (void)unused;
    struct ledger *a = open_quietly(f, 7001), *b = open_quietly(f, 7001),
                  *c = open_quietly(f, 7002);

    put(a, T0, 100);
    put(b, T0 + 1, 20);
    g_assert_cmpint(used(a, T0 + 2), ==, 120);
    g_assert_cmpint(used(b, T0 + 2), ==, 120);
    g_assert_cmpint(used(c, T0 + 2), ==, 0);
    ledger_free(a); /* without another word, as a kill would */
    a = open_quietly(f, 7001);
    g_assert_cmpint(used(a, T0 + 2), ==, 120);
    ledger_free(a);
    ledger_free(b);
    ledger_free(c);
}

static void ledger_waits_for_nobody_for_ever(struct folder *f, const void *unused)
{
    (void)unused;
    struct ledger *a = open_quietly(f, 7001), *b = open_quietly(f, 7001);
    struct budget_log *log;
    g_autoptr(GError) error = NULL;

    g_assert_true(ledger_begin(a, T0, &log, NULL));
    g_assert_false(ledger_begin(b, T0, &log, &error));
    g_assert_true(error_is(error, PENSTOCK_ERROR_PARKED));
    ledger_end(a, false, 0, NULL);
    g_assert_true(ledger_begin(b, T0, &log, NULL));
    ledger_end(b, false, 0, NULL);
    ledger_free(a);
    ledger_free(b);
}

static void ledger_elsewhere(struct folder *f, const void *unused)
{
    (void)unused;
    g_autofree char *file = g_build_filename(f->path, "file", NULL);
    g_autofree char *below = g_build_filename(file, "state", NULL);
    g_autofree char *warning = NULL, *text = NULL;

    g_assert_true(g_file_set_contents(file, "x", 1, NULL));
    struct ledger *a = ledger_open(below, 7001, &warning);
    g_assert_false(ledger_is_file(a));
    g_assert_nonnull(strstr(warning, "--state-dir"));
    put(a, T0, 100);
    text = ledger_text(a);
    ledger_free(a);
    g_clear_pointer(&warning, g_free);
    a = ledger_open(below, 7001, &warning);
    g_assert_true(ledger_take_text(a, text));
    g_assert_cmpint(used(a, T0 + 1), ==, 100);
    g_assert_false(ledger_take_text(a, "{\"company_id\":7002,\"limit\":0,\"entries\":[[1,1,1]]}"));
    g_assert_cmpint(used(a, T0 + 1), ==, 0);
    ledger_free(a);
}

static void peeking_changes_nothing(struct folder *f, const void *unused)
{
    (void)unused;
    struct ledger *a = ledger_peek(f->path, 7001, NULL);

    g_assert_cmpint(used(a, T0), ==, 0);
    ledger_free(a);
    g_autofree char *path = g_build_filename(f->path, "company-7001.json", NULL);
    g_assert_false(g_file_test(path, G_FILE_TEST_EXISTS));
}

/* --- the purse --- */

static void purse_books_blocks(struct folder *f, const void *unused)
{
    (void)unused;
    struct purse purse;
    enum budget_verdict verdict;
    int64_t wait_s, sent = 0, limit;

    purse_open(&purse, &usual, f->path, 7001, T0 * INSTANT_SECOND);
    for (;;) {
        struct ledger *other = ledger_peek(f->path, 7001, NULL);

        g_assert_true(purse_pay(&purse, BUDGET_BACKFILL, 40, false, &verdict, &wait_s, NULL));
        if (verdict != BUDGET_GO) {
            ledger_free(other);
            break;
        }
        sent += 40;
        /* What was sent is always booked, and not much more. */
        int64_t booked = budget_log_used(ledger_look(other, T0 + 10, &limit), false);
        g_assert_cmpint(booked, >=, sent);
        g_assert_cmpint(booked, <, sent + 50);
        ledger_free(other);
    }
    g_assert_cmpint(verdict, ==, BUDGET_BACKFILL_SPENT);
    g_assert_cmpint(sent, ==, 3000);
    g_assert_cmpint(wait_s, >, 86390);
    g_assert_true(purse_pay(&purse, BUDGET_INCREMENTAL, 10, false, &verdict, &wait_s, NULL));
    g_assert_cmpint(verdict, ==, BUDGET_GO);
    purse_close(&purse);
    struct ledger *after = ledger_peek(f->path, 7001, NULL);
    g_assert_cmpint(budget_log_used(ledger_look(after, T0 + 10, &limit), false), ==, 3010);
    ledger_free(after);
    ledger_free(purse.ledger);
}

static void purse_forgets_a_refund(struct folder *f, const void *unused)
{
    (void)unused;
    struct budget_settings settings = {.run = tokens(50)};
    struct purse purse;
    enum budget_verdict verdict;
    int64_t wait_s;

    purse_open(&purse, &settings, f->path, 7001, T0 * INSTANT_SECOND);
    for (int i = 0; i < 3; i++) {
        g_assert_true(purse_pay(&purse, BUDGET_BACKFILL, 40, false, &verdict, &wait_s, NULL));
        g_assert_cmpint(verdict, ==, BUDGET_GO);
        purse_refund(&purse, BUDGET_BACKFILL, 40);
    }
    purse_close(&purse);
    ledger_free(purse.ledger);
}

static void purse_takes_a_note_back(struct folder *f, const void *unused)
{
    (void)unused;
    struct purse before, after;
    int64_t limit;

    purse_open(&before, &usual, f->path, 7001, T0 * INSTANT_SECOND);
    purse_note(&before, 150);
    purse_open(&after, &usual, f->path, 7001, (T0 + 10) * INSTANT_SECOND);
    purse_note(&after, -110);
    g_assert_cmpint(budget_log_used(ledger_look(before.ledger, T0 + 10, &limit), false), ==, 40);
    purse_note(&after, -1000); /* never more than there is */
    g_assert_cmpint(budget_log_used(ledger_look(before.ledger, T0 + 10, &limit), false), ==, 0);
    ledger_free(before.ledger);
    ledger_free(after.ledger);
}

/* A smaller plan in mid-run: what was booked under the larger one is not spent. */
static void purse_follows_a_smaller_plan(struct folder *f, const void *unused)
{
    (void)unused;
    struct purse purse;
    enum budget_verdict verdict;
    int64_t wait_s;

    purse_open(&purse, &usual, f->path, 7001, T0 * INSTANT_SECOND);
    purse_answer(&purse, 1, 0, 1000000, 900000); /* share 200,000, blocks of 500 */
    for (int i = 0; i < 76; i++)                 /* 3,040 tokens */
        g_assert_true(purse_pay(&purse, BUDGET_BACKFILL, 40, false, &verdict, &wait_s, NULL));
    g_assert_cmpint(verdict, ==, BUDGET_GO);
    purse_answer(&purse, 2, 0, 30000, 29000); /* share 6,000, of which 3,000 for backfill */
    g_assert_true(purse_pay(&purse, BUDGET_BACKFILL, 40, false, &verdict, &wait_s, NULL));
    g_assert_cmpint(verdict, ==, BUDGET_BACKFILL_SPENT);
    g_assert_true(purse_pay(&purse, BUDGET_INCREMENTAL, 40, false, &verdict, &wait_s, NULL));
    g_assert_cmpint(verdict, ==, BUDGET_GO);
    purse_close(&purse);
    ledger_free(purse.ledger);
}

static void late_ones_leave_half(struct folder *f, const void *unused)
{
    (void)unused;
    struct purse purse;
    enum budget_verdict verdict = BUDGET_GO;
    int64_t wait_s, sent = 0;

    purse_open(&purse, &usual, f->path, 7001, T0 * INSTANT_SECOND);
    while (verdict == BUDGET_GO) {
        g_assert_true(purse_pay(&purse, BUDGET_BACKFILL, 40, true, &verdict, &wait_s, NULL));
        sent += verdict == BUDGET_GO ? 40 : 0;
    }
    g_assert_cmpint(sent, ==, 1480); /* of 1,500 */
    g_assert_true(purse_pay(&purse, BUDGET_BACKFILL, 40, false, &verdict, &wait_s, NULL));
    g_assert_cmpint(verdict, ==, BUDGET_GO);
    purse_close(&purse);
    ledger_free(purse.ledger);
}

/* A server that tells no time: what was spent before still counts. */
static void purse_without_a_clock(struct folder *f, const void *unused)
{
    (void)unused;
    struct purse purse;
    enum budget_verdict verdict;
    int64_t wait_s;
    struct ledger *before = open_quietly(f, 7001);

    put(before, T0, 5990);
    ledger_free(before);
    purse_open(&purse, &usual, f->path, 7001, INSTANT_NONE);
    g_assert_true(purse_pay(&purse, BUDGET_INCREMENTAL, 20, false, &verdict, &wait_s, NULL));
    g_assert_cmpint(verdict, ==, BUDGET_SHARE_SPENT);
    g_assert_true(purse_pay(&purse, BUDGET_INCREMENTAL, 10, false, &verdict, &wait_s, NULL));
    g_assert_cmpint(verdict, ==, BUDGET_GO);
    purse_close(&purse);
    ledger_free(purse.ledger);
    before = open_quietly(f, 7001);
    g_assert_cmpint(used(before, T0 + 10), ==, 6000);
    ledger_free(before);
}

/* --- who shares a token --- */

static struct sharers *join(const char *folder, const char *token, int64_t now_ms)
{
    struct secret *secret = secret_new(token);
    struct sharers *sharers = sharers_join(folder, secret, now_ms);
    secret_free(secret);
    return sharers;
}

static void sharers_see_each_other(struct folder *f, const void *unused)
{
    (void)unused;
    struct sharers *a = join(f->path, "0123", 0);
    g_assert_cmpuint(sharers_count(a, 0), ==, 1);
    g_assert_cmpint(sharers_quiet_until_ms(a), <, 0);
    struct sharers *b = join(f->path, "0123", 50);
    struct sharers *other = join(f->path, "0124", 50);
    g_assert_cmpuint(sharers_count(b, 50), ==, 2);
    g_assert_cmpuint(sharers_count(other, 50), ==, 1);
    g_assert_cmpuint(sharers_count(a, 150), ==, 2);
    /* What a sent until it looked again leaves the window before b begins. */
    g_assert_cmpint(sharers_quiet_until_ms(b), >=, 150 + GOVERNOR_WINDOW_MS);
    g_assert_cmpint(sharers_quiet_until_ms(other), <, 0);
    sharers_leave(a);
    sharers_leave(b);
    sharers_leave(other);
    a = join("/dev/null/none", "0123", 0);
    g_assert_cmpuint(sharers_count(a, 0), ==, 1);
    sharers_leave(a);
}

/* However many there are, nobody takes the window for its own. */
static void sharers_are_many(struct folder *f, const void *unused)
{
    (void)unused;
    struct sharers *all[70];
    for (unsigned i = 0; i < G_N_ELEMENTS(all); i++)
        all[i] = join(f->path, "0123", 0);
    for (unsigned i = 0; i < G_N_ELEMENTS(all); i++)
        g_assert_cmpuint(sharers_count(all[i], 100), >=, 64);
    for (unsigned i = 1; i < G_N_ELEMENTS(all); i++)
        g_assert_cmpint(sharers_quiet_until_ms(all[i]), >=, GOVERNOR_WINDOW_MS * (1 + i / 20));
    for (unsigned i = 20; i < G_N_ELEMENTS(all); i++)
        sharers_leave(all[i]);
    g_assert_cmpuint(sharers_count(all[0], 200 + GOVERNOR_WINDOW_MS), ==, 20);
    for (unsigned i = 0; i < 20; i++)
        sharers_leave(all[i]);
}

/* What it sent last is in the window as long as that is. */
static void sharer_who_leaves_counts_for_a_window(struct folder *f, const void *unused)
{
    (void)unused;
    struct sharers *a = join(f->path, "0123", 0), *b = join(f->path, "0123", 0);
    g_assert_cmpuint(sharers_count(b, 1000), ==, 2);
    sharers_leave(a);
    g_assert_cmpuint(sharers_count(b, 1000 + GOVERNOR_WINDOW_MS - 1), ==, 2);
    g_assert_cmpuint(sharers_count(b, 1000 + GOVERNOR_WINDOW_MS), ==, 1);
    sharers_leave(b);
}

/* Whoever comes finds no room until then; those who are there count it as they did. */
static void who_left_a_full_window_is_waited_for(struct folder *f, const void *unused)
{
    (void)unused;
    struct sharers *a = join(f->path, "0123", 0), *b = join(f->path, "0123", 0);
    int64_t quiet_ms = sharers_quiet_until_ms(a);
    sharers_tell_wait(b, 6500);
    sharers_leave(b);
    (void)sharers_count(a, 5000);
    g_assert_cmpint(sharers_quiet_until_ms(a), ==, quiet_ms);
    sharers_leave(a);
    struct sharers *c = join(f->path, "0123", 5000), *other = join(f->path, "0124", 5000);
    g_assert_cmpuint(sharers_count(c, 5000), ==, 1);
    g_assert_cmpint(sharers_quiet_until_ms(c), ==, 6500);
    g_assert_cmpint(sharers_quiet_until_ms(other), <, 5000);
    sharers_leave(c);
    sharers_leave(other);
}

/* The others wait as long as the one that was asked to, and who comes meanwhile, too; a wait that
 * no server asks for was one of before the machine's start. */
static void sharers_tell_of_refusals(struct folder *f, const void *unused)
{
    (void)unused;
    struct sharers *a = join(f->path, "0123", 1000), *b = join(f->path, "0123", 1000);
    sharers_tell_wait(a, 9500);
    (void)sharers_count(b, 1100);
    g_assert_cmpint(sharers_quiet_until_ms(b), ==, 9500);
    (void)sharers_count(a, 1100);
    g_assert_cmpint(sharers_quiet_until_ms(a), <, 9500); /* its own governor knows */
    sharers_leave(b);
    sharers_leave(a);
    a = join(f->path, "0123", 1200);
    g_assert_cmpint(sharers_quiet_until_ms(a), ==, 9500);
    sharers_tell_wait(a, G_MAXINT64);
    b = join(f->path, "0123", 5000);
    g_assert_cmpint(sharers_quiet_until_ms(b), <, 9500);
    sharers_leave(a);
    sharers_leave(b);
    a = join("/dev/null/none", "0123", 0);
    sharers_tell_wait(a, 3500);
    sharers_leave(a);
}

/* A folder that other users may list tells nothing of the token. */
static void sharers_name_no_token(struct folder *f, const void *unused)
{
    (void)unused;
    struct sharers *a = join(f->path, "0123456789abcdef0123456789abcdef01234567", 0);
    g_autoptr(GDir) dir = g_dir_open(f->path, 0, NULL);
    const char *name = g_dir_read_name(dir);
    g_assert_nonnull(name);
    for (; name; name = g_dir_read_name(dir))
        g_assert_null(strstr(name, "0123456"));
    sharers_leave(a);
}

/* --- how long the histories take --- */

static void days(void)
{
    g_assert_cmpint(outlook_days(0, 500, 3000, 40), ==, 0);
    g_assert_cmpint(outlook_days(75, -1, 3000, 40), ==, 1);
    g_assert_cmpint(outlook_days(76, 0, 3000, 40), ==, 2);
    g_assert_cmpint(outlook_days(50000, 0, 105000, 40), ==, 20); /* 2,625 a day */
    g_assert_cmpint(outlook_days(76, 70, 3000, 40), ==, 16);
    g_assert_cmpint(outlook_days(1, 75, 3000, 40), ==, -1);
    g_assert_cmpint(outlook_days(1, 0, 39, 40), ==, -1);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
#define LOG(name) g_test_add("/budget/" #name, struct fixture, NULL, set_up, name, tear_down)
#define FOLDER(name)                                                                               \
    g_test_add("/budget/" #name, struct folder, NULL, folder_set_up, name, folder_tear_down)
    g_test_add_func("/budget/amounts", amounts);
    g_test_add_func("/budget/shares", shares);
    LOG(backfill_leaves_room);
    LOG(daily_runs_may_take_all);
    LOG(a_day_passes);
    LOG(the_clock_goes_back);
    LOG(gives_back);
    LOG(reserve_stays);
    LOG(counts_what_is_in_flight);
    LOG(newest_answer_counts);
    LOG(absurd_headers);
    LOG(a_run_has_an_end);
    g_test_add_func("/budget/never_past_the_share", never_past_the_share);
    g_test_add_func("/budget/new_day_at_a_full_hour", new_day_at_a_full_hour);
    FOLDER(ledger_is_shared);
    FOLDER(ledger_waits_for_nobody_for_ever);
    FOLDER(ledger_elsewhere);
    FOLDER(peeking_changes_nothing);
    FOLDER(purse_books_blocks);
    FOLDER(purse_forgets_a_refund);
    FOLDER(purse_takes_a_note_back);
    FOLDER(purse_follows_a_smaller_plan);
    FOLDER(late_ones_leave_half);
    FOLDER(purse_without_a_clock);
    FOLDER(sharers_see_each_other);
    FOLDER(sharers_are_many);
    FOLDER(sharers_tell_of_refusals);
    FOLDER(sharer_who_leaves_counts_for_a_window);
    FOLDER(who_left_a_full_window_is_waited_for);
    FOLDER(sharers_name_no_token);
    g_test_add_func("/budget/days", days);
    return g_test_run();
}
