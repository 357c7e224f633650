#include "sync/governor.h"

#include <glib.h>
#include <stdbool.h>

#define RING G_N_ELEMENTS(((struct governor *)0)->sent_ms)
/* Long ago: everything counts as after it, and sums with it do not overflow. */
#define NEVER_MS (INT64_MIN / 4)
/* Requests that departed this much later may have arrived earlier, on another connection. */
#define OVERTAKE_MS 250

void governor_init(struct governor *governor)
{
    *governor = (struct governor){.limit = GOVERNOR_LIMIT_FIRST,
                                  .slowdown = 1,
                                  .sharers = 1,
                                  .foreign_ms = NEVER_MS,
                                  .learned_ms = NEVER_MS,
                                  .throttled_ms = NEVER_MS,
                                  .not_before_ms = NEVER_MS};
    for (size_t i = 0; i < RING; i++)
        governor->sent_ms[i] = NEVER_MS;
}

unsigned governor_limit(const struct governor *governor)
{
    return governor->limit;
}

/* Of all sharers together. */
static unsigned slowed_limit(const struct governor *governor)
{
    return MAX(governor->limit / governor->slowdown, 1);
}

unsigned governor_share(const struct governor *governor)
{
    return MAX(slowed_limit(governor) / governor->sharers, 1);
}

void governor_divide(struct governor *governor, unsigned sharers)
{
    governor->sharers = MAX(sharers, 1);
}

int64_t governor_latency_ms(const struct governor *governor)
{
    return governor->latency_ms;
}

unsigned governor_depth(const struct governor *governor)
{
    return (unsigned)(governor_share(governor) * governor->latency_ms / GOVERNOR_WINDOW_MS) + 1;
}

/* The departure so many requests back: 1 = the last one. */
static int64_t sent_back(const struct governor *governor, unsigned back)
{
    return governor->sent_ms[(governor->next + RING - back) % RING];
}

/* When their time is over nobody knows whether others go on, so the guess halves with each further
 * window instead of vanishing: so often by now. */
static int64_t halvings(const struct governor *governor, int64_t now_ms)
{
    int64_t over_ms = now_ms - governor->foreign_until_ms;
    return over_ms < 0 ? 0 : MIN(1 + over_ms / GOVERNOR_WINDOW_MS, 31);
}

/* When the next request fits under so many a window. */
static int64_t fits_ms(const struct governor *governor, unsigned allowed)
{
    return sent_back(governor, allowed) + GOVERNOR_WINDOW_MS;
}

/* Under the limit, with the requests of others taken off. */
static int64_t window_ms(const struct governor *governor, int64_t now_ms)
{
    unsigned share = governor_share(governor);
    int64_t halved = halvings(governor, now_ms);
    unsigned foreign = governor->foreign >> halved, all = slowed_limit(governor);
    if (foreign <= all - share)
        return fits_ms(governor, share);
    int64_t fewer_ms = governor->foreign_until_ms + halved * GOVERNOR_WINDOW_MS;
    int64_t then_ms = MAX(fewer_ms, fits_ms(governor, share));
    return foreign >= all ? then_ms : MIN(fits_ms(governor, all - foreign), then_ms);
}

int64_t governor_wait_ms(const struct governor *governor, int64_t now_ms)
{
    return MAX(MAX(window_ms(governor, now_ms), governor->not_before_ms) - now_ms, 0);
}

int64_t governor_spare_wait_ms(const struct governor *governor, int64_t now_ms)
{
    int64_t half_ms = fits_ms(governor, MAX(governor_share(governor) / 2, 1)) - now_ms;
    return MAX(governor_wait_ms(governor, now_ms), half_ms);
}

void governor_sent(struct governor *governor, int64_t now_ms)
{
    governor->sent_ms[governor->next] = now_ms;
    governor->next = (governor->next + 1) % RING;
}

/* Our own requests of the server's window when it took the one of sent_ms, that departed until
 * last_ms. */
static unsigned own_until(const struct governor *governor, int64_t sent_ms, int64_t last_ms)
{
    unsigned own = 0;
    for (unsigned back = 1; back < RING; back++) {
        int64_t at_ms = sent_back(governor, back);
        if (at_ms <= sent_ms - GOVERNOR_SERVER_WINDOW_MS)
            break;
        if (at_ms <= last_ms)
            own++;
    }
    return own;
}

/* How many of so many counted requests may have been others': at least all but those of ours that
 * the server may have counted, at most all but those that it must have, the one of sent_ms too. In
 * between it is what was known before, while that lasts: in a burst of ours the first answers do
 * not know of those behind them. */
static int64_t foreign_among(const struct governor *governor, int64_t counted, int64_t sent_ms,
                             int64_t now_ms, bool *ret_is_known)
{
    int64_t least = counted - own_until(governor, sent_ms, sent_ms + OVERTAKE_MS);
    int64_t most = counted - own_until(governor, sent_ms, sent_ms - OVERTAKE_MS) - 1;
    int64_t known = now_ms < governor->foreign_until_ms ? MIN(governor->foreign, most) : 0;

    *ret_is_known = known > least;
    return CLAMP(MAX(known, least), 0, GOVERNOR_LIMIT_MAX);
}

/* When the requests of others leave the window: what the server says, in whole seconds, within
 * reason. */
static int64_t reset_ms(int64_t reset_s)
{
    int64_t longest_s = GOVERNOR_SERVER_WINDOW_MS / 1000;
    return (reset_s < 0 || reset_s > longest_s ? longest_s : MAX(reset_s, 1)) * 1000;
}

/* Two hundred times the largest plan is not a limit. */
static bool limit_is_sane(int64_t limit)
{
    return limit > 0 && limit <= 100000;
}

void governor_answer(struct governor *governor, int64_t sent_ms, int64_t now_ms, int64_t limit,
                     int64_t remaining, int64_t reset_s)
{
    governor->latency_ms = (3 * governor->latency_ms + MAX(now_ms - sent_ms, 0)) / 4;
    if (limit_is_sane(limit) && sent_ms >= governor->learned_ms) {
        governor->limit = (unsigned)MIN(limit, GOVERNOR_LIMIT_MAX);
        governor->learned_ms = sent_ms;
    }
    int64_t of = limit_is_sane(limit) ? limit : governor->limit;
    if (remaining < 0 || remaining > of || sent_ms < governor->foreign_ms)
        return;
    bool is_known;
    governor->foreign =
        (unsigned)foreign_among(governor, of - remaining, sent_ms, now_ms, &is_known);
    governor->foreign_ms = sent_ms;
    if (!is_known)
        governor->foreign_until_ms = now_ms + reset_ms(reset_s);
}

void governor_throttled(struct governor *governor, int64_t sent_ms, int64_t now_ms,
                        int64_t retry_after_ms)
{
    int64_t until_ms =
        now_ms + CLAMP(retry_after_ms, GOVERNOR_SERVER_WINDOW_MS, GOVERNOR_HOLD_MAX_MS);
    if (sent_ms >= governor->throttled_ms) { /* else it departed before we knew: same burst */
        bool is_again = now_ms <= governor->not_before_ms + GOVERNOR_CALM_MS;
        governor->strikes = is_again ? governor->strikes + 1 : 1;
        governor->throttled_ms = now_ms;
    }
    if (governor->strikes >= GOVERNOR_STRIKES) {
        governor->strikes = 0;
        governor->slowdown = MIN(governor->slowdown * 2, GOVERNOR_LIMIT_MAX);
    }
    governor->not_before_ms = MAX(governor->not_before_ms, until_ms);
}
