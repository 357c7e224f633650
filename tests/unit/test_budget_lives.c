/* sync/purse.c, budget.c and ledger.c through random lives: two connections of one company that
 * run, end and are killed, over some days; a server written from API.md section 4 (a pool of tokens
 * that is new at its midnight, headers that tell it or do not), others who spend too, plans that
 * change, clocks that stand, leap or tell nonsense. A life is a seed: a failure prints it,
 * PENSTOCK_TEST_SEED=N lives it again. */
#include "lives.h"
#include "sync/purse.h"

#include <glib/gstdio.h>
#include <string.h>

#define DAY_S   INT64_C(86400)
#define RUNS    2
#define COMPANY 7001
#define UNKNOWN -1

int64_t __wrap_clock_monotonic_ms(void);

/* The test owns this machine's clock. */
static int64_t monotonic_ms;

int64_t __wrap_clock_monotonic_ms(void)
{
    return monotonic_ms;
}

struct spending {
    int64_t at_s, tokens;
};

/* A request that was paid for, until its answer. */
struct call {
    int64_t due_s, sent_ms, tokens, limit, left, others;
};

struct run {
    struct purse purse;
    bool is_open;
    int64_t spent; /* by this run */
    GArray *calls; /* struct call */
};

struct world {
    GRand *random;
    char *folder;
    int64_t now_s;  /* the server's clock */
    int64_t told_s; /* what its Date is ahead of it */
    bool told_nonsense;
    int64_t limit, left, zone_s, day;
    int64_t others; /* spent by others, ever */
    int headers;    /* one in so many answers has none, or absurd ones; 0 = all are true */
    struct budget_settings settings;
    struct run runs[RUNS];
    GArray *spent; /* struct spending: of both, oldest first */
    unsigned paid, refused;
};

static int64_t roll(struct world *w, int64_t from, int64_t to)
{
    return from + (int64_t)(g_rand_double(w->random) * (double)(to - from + 1));
}

static bool chance(struct world *w, int64_t one_in)
{
    return one_in > 0 && roll(w, 1, one_in) == 1;
}

/* --- the server --- */

static void new_day(struct world *w)
{
    int64_t day = (w->now_s + w->zone_s) / DAY_S;

    if (day != w->day)
        w->left = w->limit;
    w->day = day;
}

static void pass(struct world *w, int64_t seconds)
{
    w->now_s += seconds;
    monotonic_ms += seconds * 1000;
    new_day(w);
}

static void others_spend(struct world *w, int64_t tokens)
{
    tokens = MIN(tokens, w->left);
    w->left -= tokens;
    w->others += tokens;
}

static void change_plan(struct world *w)
{
    static const int64_t plans[] = {30000, 60000, 150000, 210000, 1050000};
    int64_t used = w->limit - w->left;

    w->limit = plans[roll(w, 0, G_N_ELEMENTS(plans) - 1)];
    w->left = MAX(w->limit - used, 0);
}

/* --- what was spent --- */

static int64_t in_a_day(const struct world *w)
{
    int64_t sum = 0;

    for (unsigned i = w->spent->len; i-- > 0;) {
        const struct spending *each = &g_array_index(w->spent, struct spending, i);

        if (each->at_s <= w->now_s - DAY_S)
            break;
        sum += each->tokens;
    }
    return sum;
}

static void spend(struct world *w, struct run *run, int64_t tokens)
{
    struct spending spending = {w->now_s, tokens};

    run->spent += tokens;
    w->left = MAX(w->left - tokens, 0);
    g_array_append_val(w->spent, spending);
}

/* Whatever happened, the record on disk knows of everything that was sent. */
static void assert_recorded(struct world *w)
{
    struct ledger *ledger = ledger_peek(w->folder, COMPANY, NULL);
    int64_t limit;

    g_assert_cmpint(budget_log_used(ledger_look(ledger, w->now_s, &limit), false), >=, in_a_day(w));
    ledger_free(ledger);
}

/* --- runs --- */

static void end(struct run *run, bool is_killed)
{
    if (!is_killed)
        purse_close(&run->purse);
    ledger_free(run->purse.ledger);
    g_free(run->purse.warning);
    g_array_set_size(run->calls, 0);
    run->is_open = false;
}

static void begin(struct world *w, struct run *run)
{
    purse_open(&run->purse, &w->settings, w->folder, COMPANY,
               (w->now_s + w->told_s) * INSTANT_SECOND);
    g_assert_null(run->purse.warning);
    run->is_open = true;
    run->spent = 0;
    spend(w, run, 2); /* who am I */
    purse_note(&run->purse, 2);
}

static void put_headers(struct world *w, struct call *call)
{
    static const int64_t absurd[] = {UNKNOWN, -5, G_MAXINT64, G_MININT64, BUDGET_TOKENS_MAX + 1};
    bool is_bad = chance(w, w->headers);

    call->limit = is_bad ? absurd[roll(w, 0, G_N_ELEMENTS(absurd) - 1)] : w->limit;
    call->left = is_bad ? UNKNOWN : w->left;
}

static void answer(struct world *w, struct run *run, unsigned i)
{
    struct call call = g_array_index(run->calls, struct call, i);

    g_array_remove_index_fast(run->calls, i);
    purse_hear_time(&run->purse, (w->now_s + w->told_s) * INSTANT_SECOND);
    purse_answer(&run->purse, call.sent_ms, call.tokens, call.limit, call.left);
}

static void ask(struct world *w, struct run *run)
{
    enum budget_class class = (enum budget_class)roll(w, BUDGET_INCREMENTAL, BUDGET_BACKFILL);
    struct call call = {.sent_ms = monotonic_ms, .tokens = roll(w, 1, 40)};
    enum budget_verdict verdict;
    int64_t wait_s;

    g_assert_true(
        purse_pay(&run->purse, class, call.tokens, chance(w, 3), &verdict, &wait_s, NULL));
    if (verdict != BUDGET_GO) {
        w->refused++;
        g_assert_cmpint(wait_s, >=, -1);
        g_assert_cmpint(wait_s, <=, BUDGET_COUNTS_S);
        return;
    }
    w->paid++;
    spend(w, run, call.tokens);
    if (w->settings.run.is_set)
        g_assert_cmpint(run->spent, <=, MAX(w->settings.run.value, 2));
    if (!w->told_nonsense)
        g_assert_cmpint(in_a_day(w), <=, budget_share(&run->purse.budget));
    put_headers(w, &call);
    call.due_s = w->now_s + roll(w, 0, 3);
    if (!chance(w, 200)) /* else it never comes */
        g_array_append_val(run->calls, call);
}

static void step(struct world *w, struct run *run)
{
    if (!run->is_open) {
        if (chance(w, 20))
            begin(w, run);
        return;
    }
    if (run->calls->len > 0 && chance(w, 2))
        answer(w, run, (unsigned)roll(w, 0, run->calls->len - 1)); /* in any order */
    for (int64_t i = roll(w, 0, 5); i > 0; i--)
        ask(w, run);
    if (chance(w, 300))
        end(run, chance(w, 2));
}

static void world_init(struct world *w, guint32 seed)
{
    *w = (struct world){.random = g_rand_new_with_seed(seed), .now_s = INT64_C(1800000000)};
    w->folder = g_dir_make_tmp("penstock-lives-XXXXXX", NULL);
    w->spent = g_array_new(FALSE, FALSE, sizeof(struct spending));
    w->zone_s = roll(w, -12, 12) * 3600;
    w->headers = chance(w, 2) ? (int)roll(w, 1, 20) : 0;
    w->settings.per_day = (struct budget_amount){true, true, roll(w, 0, 10000)};
    w->settings.backfill = (struct budget_amount){true, true, roll(w, 0, 10000)};
    w->settings.reserve = (struct budget_amount){true, chance(w, 2), roll(w, 0, 9000)};
    if (chance(w, 3))
        w->settings.run = (struct budget_amount){.is_set = true, .value = roll(w, 0, 3000)};
    change_plan(w);
    new_day(w);
    for (unsigned i = 0; i < RUNS; i++)
        w->runs[i].calls = g_array_new(FALSE, FALSE, sizeof(struct call));
}

static void world_done(struct world *w)
{
    GDir *dir = g_dir_open(w->folder, 0, NULL);

    for (unsigned i = 0; i < RUNS; i++) {
        if (w->runs[i].is_open)
            end(&w->runs[i], false);
        g_array_unref(w->runs[i].calls);
    }
    for (const char *name; (name = g_dir_read_name(dir));) {
        g_autofree char *file = g_build_filename(w->folder, name, NULL);
        g_unlink(file);
    }
    g_dir_close(dir);
    g_rmdir(w->folder);
    g_free(w->folder);
    g_array_unref(w->spent);
    g_rand_free(w->random);
}

/* --- lives --- */

/* Seconds mostly, sometimes hours. */
static void let_pass(struct world *w)
{
    if (chance(w, 3))
        pass(w, chance(w, 50) ? roll(w, 600, 30000) : roll(w, 0, 5));
    if (chance(w, 50))
        others_spend(w, roll(w, 0, w->limit / 50));
}

static void live(struct world *w, void (*happen)(struct world *))
{
    for (unsigned i = 0; i < 2000; i++) {
        let_pass(w);
        if (happen)
            happen(w);
        step(w, &w->runs[roll(w, 0, RUNS - 1)]);
        if (!w->told_nonsense && chance(w, 50))
            assert_recorded(w);
    }
}

/* Never past the share, in any 24 hours of the server; never past --max-tokens; and the record
 * knows of everything that was sent. */
static void live_quietly(struct world *w)
{
    live(w, NULL);
}

/* Our clock stood while the server's went on: a suspended machine. Its next answer tells. */
static void stand_still(struct world *w)
{
    if (!chance(w, 100))
        return;
    w->now_s += roll(w, 60, 40000);
    new_day(w);
    for (unsigned i = 0; i < RUNS; i++) {
        struct run *run = &w->runs[i];

        if (run->is_open && run->calls->len == 0) /* it asks at least once before it books anew */
            purse_hear_time(&run->purse, w->now_s * INSTANT_SECOND);
        while (run->is_open && run->calls->len > 0)
            answer(w, run, 0);
    }
}

static void live_with_a_clock_that_stands(struct world *w)
{
    live(w, stand_still);
}

/* The server's Date is anything for a while. */
static void tell_nonsense(struct world *w)
{
    static const int64_t nonsense[] = {3600, 86400, 366 * DAY_S, -3600, -30 * DAY_S};

    if (chance(w, 100))
        w->told_s = nonsense[roll(w, 0, G_N_ELEMENTS(nonsense) - 1)];
    else if (chance(w, 30))
        w->told_s = 0;
    w->told_nonsense |= w->told_s != 0;
}

/* No wait is longer than a day (ask() looks), and a day after all is right again the whole share is
 * there, and no more of it. */
static void live_with_nonsense(struct world *w)
{
    live(w, tell_nonsense);
    w->told_s = 0;
    for (unsigned i = 0; i < RUNS; i++)
        if (w->runs[i].is_open)
            end(&w->runs[i], chance(w, 2));
    begin(w, &w->runs[0]);
    end(&w->runs[0], false);
    pass(w, BUDGET_COUNTS_S);
    assert_recorded(w);
    w->told_nonsense = false;
    w->paid = 0;
    live(w, NULL);
    if (!w->settings.run.is_set && w->settings.per_day.value > 1000)
        g_assert_cmpuint(w->paid, >, 0);
}

/* --- nobody starves --- */

/* Backfill asks all the time and gets its part; what is kept for the daily runs is there. */
static void live_greedily(struct world *w)
{
    struct run *run = &w->runs[0];
    enum budget_verdict verdict;
    int64_t wait_s, daily;

    w->settings.reserve = (struct budget_amount){.is_set = true};
    w->settings.run.is_set = false;
    w->headers = 0;
    w->left = w->limit;
    begin(w, run);
    purse_answer(&run->purse, monotonic_ms, 0, w->limit, w->left);
    do {
        g_assert_true(purse_pay(&run->purse, BUDGET_BACKFILL, 40, false, &verdict, &wait_s, NULL));
        if (verdict == BUDGET_GO)
            spend(w, run, 40);
    } while (verdict == BUDGET_GO);
    daily = budget_share(&run->purse.budget) - budget_backfill_share(&run->purse.budget) - 2;
    for (; daily >= 40; daily -= 40) {
        g_assert_true(
            purse_pay(&run->purse, BUDGET_INCREMENTAL, 40, false, &verdict, &wait_s, NULL));
        g_assert_cmpint((int)verdict, ==, BUDGET_GO);
        spend(w, run, 40);
    }
    g_assert_cmpint(in_a_day(w), <=, budget_share(&run->purse.budget) + 2);
}

static void live_once(guint32 seed, gconstpointer life)
{
    void (*const *of)(struct world *) = life;
    struct world w;

    world_init(&w, seed);
    (*of)(&w);
    world_done(&w);
}

static void live_often(gconstpointer life)
{
    lives_try(3, 500, live_once, life);
}

int main(int argc, char **argv)
{
    static void (*const quietly)(struct world *) = live_quietly;
    static void (*const stands)(struct world *) = live_with_a_clock_that_stands;
    static void (*const nonsense)(struct world *) = live_with_nonsense;
    static void (*const greedily)(struct world *) = live_greedily;

    g_test_init(&argc, &argv, NULL);
    g_test_add_data_func("/budget/lives/quietly", &quietly, live_often);
    g_test_add_data_func("/budget/lives/stands", &stands, live_often);
    g_test_add_data_func("/budget/lives/nonsense", &nonsense, live_often);
    g_test_add_data_func("/budget/lives/greedily", &greedily, live_often);
    return g_test_run();
}
