#include "sync/purse.h"

/* A block is a 200th of what may be spent, within these bounds: a thousand kills a day may not
 * book a small share away, and a large share may not cost a file a request. */
#define BLOCK_SHARE 200
#define BLOCK_LEAST INT64_C(50)
#define BLOCK_MOST  INT64_C(500)
/* Tokens that are held longer are booked anew: they count from the second in which they are spent.
 */
#define HELD_S 1
/* A ledger that said no is not asked again sooner. */
#define REFUSED_MS 500

/* For all connections of the company, so that none of them waits for a time that was told once. */
static void heed_clock(struct purse *purse)
{
    struct budget_log *log;

    if (ledger_begin(purse->ledger, purse->start_s, &log, NULL))
        ledger_end(purse->ledger, budget_log_heed_clock(log, purse->start_s), 0, NULL);
}

void purse_open(struct purse *purse, const struct budget_settings *settings, const char *folder,
                int64_t company_id, instant_t now)
{
    *purse = (struct purse){.start_ms = clock_monotonic_ms()};
    budget_init(&purse->budget, settings);
    purse->ledger = ledger_open(folder, company_id, &purse->warning);
    purse->start_s = now == INSTANT_NONE ? ledger_newest_s(purse->ledger) : now / INSTANT_SECOND;
    heed_clock(purse);
    ledger_look(purse->ledger, purse->start_s, &purse->budget.remembered);
}

bool purse_is_open(const struct purse *purse)
{
    return purse->ledger != NULL;
}

/* The server's time at least, as the purse counts it. */
static int64_t now_of(const struct purse *purse)
{
    return purse->start_s + (clock_monotonic_ms() - purse->start_ms) / 1000;
}

/* And at most, for what is spent now. */
static int64_t booking_s(const struct purse *purse)
{
    return now_of(purse) + purse->ahead_s;
}

void purse_hear_time(struct purse *purse, instant_t date)
{
    if (date != INSTANT_NONE)
        purse->ahead_s = MAX(purse->ahead_s, date / INSTANT_SECOND - now_of(purse));
}

static unsigned index_of(enum budget_class class)
{
    return class == BUDGET_RECONCILE || class == BUDGET_BACKFILL;
}

static void end_booking(struct purse *purse)
{
    g_autofree char *warning = NULL;

    ledger_end(purse->ledger, true, purse->budget.limit, &warning);
    if (warning && !purse->warning)
        purse->warning = g_steal_pointer(&warning);
    purse->changed = true;
}

static void book(struct purse *purse, int64_t second, enum budget_class class, int64_t tokens)
{
    struct budget_log *log;

    if (!ledger_begin(purse->ledger, now_of(purse), &log, NULL))
        return;
    budget_log_add(log, second, class, tokens);
    end_booking(purse);
}

void purse_close(struct purse *purse)
{
    if (!purse->ledger)
        return;
    if (purse->hand[0] > 0)
        book(purse, purse->booked_s[0], BUDGET_INCREMENTAL, -purse->hand[0]);
    if (purse->hand[1] > 0)
        book(purse, purse->booked_s[1], BUDGET_BACKFILL, -purse->hand[1]);
    purse->hand[0] = purse->hand[1] = 0;
}

void purse_note(struct purse *purse, int64_t tokens)
{
    if (tokens == 0)
        return;
    book(purse, booking_s(purse), BUDGET_CHECK, tokens);
    purse->budget.spent += tokens;
}

static int64_t block_size(const struct budget *budget, int64_t tokens)
{
    return MAX(tokens, CLAMP(budget_share(budget) / BLOCK_SHARE, BLOCK_LEAST, BLOCK_MOST));
}

/* More than a run may spend, or more than the pool has to give, is not booked. */
static int64_t worth_booking(const struct budget *budget, int64_t tokens)
{
    const struct budget_amount *run = &budget->settings.run;
    int64_t block = block_size(budget, tokens);

    if (run->is_set)
        block = MIN(block, run->value - budget->spent);
    return MAX(block, tokens);
}

/* What of the hand may still be spent, should the share have become smaller since it was booked. */
static int64_t usable(const struct purse *purse, unsigned i)
{
    const struct budget_log *log = ledger_known(purse->ledger);
    int64_t over = budget_log_used(log, false) - budget_share(&purse->budget);

    if (i == 1)
        over = MAX(over, budget_log_used(log, true) - budget_backfill_share(&purse->budget));
    return MAX(purse->hand[i] - MAX(over, 0), 0);
}

static bool is_stale(const struct purse *purse, unsigned i)
{
    return purse->hand[i] > 0 && booking_s(purse) - purse->booked_s[i] > HELD_S;
}

/* With the ledger in hand. */
static bool return_stale(struct purse *purse, struct budget_log *log, enum budget_class class)
{
    unsigned i = index_of(class);

    if (!is_stale(purse, i))
        return false;
    budget_log_add(log, purse->booked_s[i], class, -purse->hand[i]);
    purse->hand[i] = 0;
    return true;
}

/* With the ledger in hand. */
static enum budget_verdict book_block(struct purse *purse, struct budget_log *log,
                                      enum budget_class class, int64_t tokens, int64_t *ret_wait_s)
{
    const struct budget *budget = &purse->budget;
    unsigned i = index_of(class);
    int64_t missing = tokens - usable(purse, i), now_s = now_of(purse);
    enum budget_verdict why;
    int64_t room = budget_room(budget, log, class, &why);

    if (room < missing) {
        *ret_wait_s = budget_wait_s(budget, log, class, missing, now_s);
        return why;
    }
    int64_t block = MIN(worth_booking(budget, missing), room);
    purse->booked_s[i] = booking_s(purse);
    budget_log_add(log, purse->booked_s[i], class, block);
    purse->hand[i] += block;
    return BUDGET_GO;
}

static bool is_refused_again(const struct refusal *no, int64_t share, int64_t tokens)
{
    return clock_monotonic_ms() < no->until_ms && share <= no->share && tokens >= no->tokens;
}

static bool ask_ledger(struct purse *purse, enum budget_class class, int64_t tokens,
                       enum budget_verdict *ret, int64_t *ret_wait_s, GError **error)
{
    struct refusal *no = &purse->refused[index_of(class)];
    int64_t share = budget_share(&purse->budget);
    struct budget_log *log;
    bool returned;

    if (is_refused_again(no, share, tokens)) {
        *ret = no->why;
        *ret_wait_s = no->wait_s;
        return true;
    }
    if (!ledger_begin(purse->ledger, now_of(purse), &log, error))
        return false;
    returned = return_stale(purse, log, class);
    *ret = book_block(purse, log, class, tokens, ret_wait_s);
    if (*ret == BUDGET_GO || returned)
        end_booking(purse);
    else
        ledger_end(purse->ledger, false, purse->budget.limit, NULL);
    if (*ret != BUDGET_GO)
        *no = (struct refusal){clock_monotonic_ms() + REFUSED_MS, share, tokens, *ret_wait_s, *ret};
    return true;
}

/* Whoever is late leaves half of the backfill to others, also what they have booked. */
static bool is_half_spent(const struct purse *purse, int64_t tokens)
{
    int64_t spent = budget_log_used(ledger_known(purse->ledger), true) - purse->hand[1];

    return spent + tokens > budget_backfill_share(&purse->budget) / 2;
}

bool purse_pay(struct purse *purse, enum budget_class class, int64_t tokens, bool is_late,
               enum budget_verdict *ret, int64_t *ret_wait_s, GError **error)
{
    unsigned i = index_of(class);

    *ret_wait_s = -1;
    *ret = budget_ask(&purse->budget, ledger_known(purse->ledger), class, tokens);
    if (*ret == BUDGET_GO && is_late && is_half_spent(purse, tokens))
        *ret = BUDGET_BACKFILL_SPENT;
    if (*ret == BUDGET_POOL_SPENT)
        *ret_wait_s = budget_new_day_s(now_of(purse));
    if (*ret != BUDGET_GO)
        return true;
    if ((usable(purse, i) < tokens || is_stale(purse, i)) &&
        !ask_ledger(purse, class, tokens, ret, ret_wait_s, error))
        return false;
    if (*ret == BUDGET_GO) {
        purse->hand[i] -= tokens;
        budget_sent(&purse->budget, tokens);
    }
    return true;
}

bool purse_affords(const struct purse *purse, enum budget_class class, int64_t tokens)
{
    const struct budget_log *log = ledger_known(purse->ledger);
    enum budget_verdict why;
    int64_t room = budget_room(&purse->budget, log, class, &why);

    return budget_ask(&purse->budget, log, class, tokens) == BUDGET_GO &&
           tokens <= room + usable(purse, index_of(class));
}

void purse_refund(struct purse *purse, enum budget_class class, int64_t tokens)
{
    purse->hand[index_of(class)] += tokens;
    purse->budget.in_flight -= tokens;
    purse->budget.spent -= tokens;
}

void purse_answer(struct purse *purse, int64_t sent_ms, int64_t tokens, int64_t limit, int64_t left)
{
    budget_answer(&purse->budget, sent_ms, tokens, limit, left);
}
