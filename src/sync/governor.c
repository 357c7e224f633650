#include "sync/governor.h"

#include <glib.h>
#include <stdbool.h>

#define RING G_N_ELEMENTS(((struct governor *)0)->sent_ms)
/* Long ago: everything counts as after it, and sums with it do not overflow. */
#define NEVER_MS (INT64_MIN / 4)
/* Beside others, in parts of the limit: how much of the window stays free, with how much one
 * begins, how much more one takes at a time; and of its own part, how much one gives away. */
#define SPARE 8
#define BEGIN 4
#define TAKE  64
#define GIVE  4
/* What was given shows in the window when the old requests have left it; what was taken must not
 * run ahead of what others see. */
#define GIVE_EVERY_MS GOVERNOR_WINDOW_MS
#define TAKE_EVERY_MS 500
/* What the window is longer than the server's, at most; and for how long a late answer counts, once
 * to twice: a request that was late is in the window long after its answer. */
#define LATE_MOST_MS (GOVERNOR_WINDOW_MS - GOVERNOR_SERVER_WINDOW_MS - GOVERNOR_MARGIN_MS)
#define LATE_FOR_MS  (2 * GOVERNOR_WINDOW_MS)
/* Requests that departed this much later may have arrived earlier, on another connection. */
#define OVERTAKE_MS 250

void governor_init(struct governor *governor)
{
    *governor = (struct governor){.limit = GOVERNOR_LIMIT_FIRST,
                                  .slowdown = 1,
                                  .sharers = 1,
                                  .foreign_ms = NEVER_MS,
                                  .learned_ms = NEVER_MS,
                                  .others_ms = NEVER_MS,
                                  .others_since_ms = NEVER_MS,
                                  .turned_ms = NEVER_MS,
                                  .throttled_ms = NEVER_MS,
                                  .not_before_ms = NEVER_MS,
                                  .quickest_ms = INT64_MAX,
                                  .late_ms = LATE_MOST_MS,
                                  .late_since_ms = NEVER_MS};
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

void governor_hold(struct governor *governor, int64_t until_ms)
{
    governor->not_before_ms = MAX(governor->not_before_ms, until_ms);
}

int64_t governor_held_until_ms(const struct governor *governor)
{
    return governor->not_before_ms;
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

/* More sharers than the limit each send one request in so many windows. Should they come together
 * all the same, some are refused, but their rate is right. */
static int64_t windows_a_turn(const struct governor *governor)
{
    unsigned all = slowed_limit(governor);
    return (governor->sharers + all - 1) / all;
}

/* When the next request fits under so many a window. */
static int64_t fits_ms(const struct governor *governor, unsigned allowed)
{
    int64_t late_ms = MAX(governor->late_ms, governor->late_before_ms);
    int64_t window_ms = GOVERNOR_SERVER_WINDOW_MS + GOVERNOR_MARGIN_MS + late_ms;
    return sent_back(governor, allowed) + window_ms * windows_a_turn(governor);
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

/* Beside others requests are spread evenly: a burst would meet a window that was free when the last
 * answer left the server. */
static int64_t paced_ms(const struct governor *governor, int64_t now_ms)
{
    if (governor->part == 0 || now_ms - governor->others_ms > GOVERNOR_CALM_MS)
        return NEVER_MS;
    return sent_back(governor, 1) + GOVERNOR_WINDOW_MS * 1000 / governor->part;
}

int64_t governor_wait_ms(const struct governor *governor, int64_t now_ms)
{
    int64_t then_ms = MAX(window_ms(governor, now_ms), paced_ms(governor, now_ms));

    return MAX(MAX(then_ms, governor->not_before_ms) - now_ms, 0);
}

int64_t governor_spare_wait_ms(const struct governor *governor, int64_t now_ms)
{
    int64_t half_ms = fits_ms(governor, MAX(governor_share(governor) / 2, 1)) - now_ms;
    return MAX(governor_wait_ms(governor, now_ms), half_ms);
}

int64_t governor_room_wait_ms(const struct governor *governor, int64_t now_ms)
{
    unsigned share = governor_share(governor), room = share / SPARE + 1;
    int64_t then_ms = fits_ms(governor, share > room ? share - room : 1);
    return MAX(MAX(then_ms, governor->not_before_ms) - now_ms, 0);
}

void governor_sent(struct governor *governor, int64_t now_ms)
{
    governor->sent_ms[governor->next] = now_ms;
    governor->next = (governor->next + 1) % RING;
}

/* Our own requests that departed after one time and until another. */
static unsigned own_between(const struct governor *governor, int64_t after_ms, int64_t last_ms)
{
    unsigned own = 0;
    for (unsigned back = 1; back < RING; back++) {
        int64_t at_ms = sent_back(governor, back);
        if (at_ms <= after_ms)
            break;
        if (at_ms <= last_ms)
            own++;
    }
    return own;
}

/* Those of the server's window when it took the one of sent_ms, that departed until last_ms. */
static unsigned own_until(const struct governor *governor, int64_t sent_ms, int64_t last_ms)
{
    return own_between(governor, sent_ms - GOVERNOR_SERVER_WINDOW_MS, last_ms);
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

/* --- others on the token, of whom nobody on this machine knows --- */

static void turn(struct governor *governor, int64_t now_ms, int64_t part)
{
    governor->part = CLAMP(part, 1000, (int64_t)slowed_limit(governor) * 1000);
    governor->turned_ms = now_ms;
}

/* One burst of theirs is left room for and forgotten; whoever is still there a window later stays.
 */
static void notice_others(struct governor *governor, int64_t now_ms, int64_t part, bool for_sure)
{
    if (now_ms - governor->others_ms > GOVERNOR_CALM_MS)
        governor->others_since_ms = now_ms;
    governor->others_ms = now_ms;
    for_sure |= now_ms - governor->others_since_ms > GOVERNOR_WINDOW_MS;
    if (governor->part == 0 && for_sure)
        turn(governor, now_ms, part);
}

/* Did the server count more than runs of this machine can have sent? A burst of our own that
 * arrives a little later than another one may be counted with it, those that are spread may not. */
static bool are_strangers(const struct governor *governor, int64_t sent_ms, int64_t of,
                          int64_t counted)
{
    int64_t since_ms = sent_ms - GOVERNOR_SERVER_WINDOW_MS;
    int64_t own = own_between(governor, since_ms - (governor->part > 0 ? 0 : OVERTAKE_MS),
                              sent_ms + OVERTAKE_MS);
    int64_t known = slowed_limit(governor) - governor_share(governor);
    return counted > own + known + MAX(of / (2 * SPARE), 1);
}

/* As TCP shares a line: whoever finds the window nearly full gives some of its part away, else it
 * takes a little more. Parts that differ come nearer with every turn; and since all stop before the
 * window is full, nobody is refused. Answers to requests that departed before the last turn say
 * nothing about it. */
static void share_window(struct governor *governor, int64_t sent_ms, int64_t now_ms, int64_t of,
                         int64_t remaining)
{
    int64_t since_ms = sent_ms - governor->turned_ms;
    bool is_full = remaining < of / SPARE;

    if (governor->part == 0)
        return;
    if (now_ms - governor->others_ms > GOVERNOR_CALM_MS)
        governor->part = 0;
    else if (is_full && since_ms > GIVE_EVERY_MS)
        turn(governor, now_ms, governor->part - governor->part / GIVE);
    else if (!is_full && since_ms > TAKE_EVERY_MS)
        turn(governor, now_ms, governor->part + of * 1000 / TAKE);
}

/* Few of our own, and refused all the same. */
static void refused_by_others(struct governor *governor, unsigned own, int64_t now_ms)
{
    if (governor->part > 0)
        turn(governor, now_ms, governor->part / 2);
    notice_others(governor, now_ms, (int64_t)(own - own / SPARE) * 1000, true);
}

/* Of two that departed together nobody knows which the server met later: the smaller limit counts.
 */
static void learn_limit(struct governor *governor, int64_t sent_ms, unsigned limit)
{
    int64_t margin_ms = limit > governor->limit ? OVERTAKE_MS : -OVERTAKE_MS;
    if (sent_ms <= governor->learned_ms + margin_ms)
        return;
    governor->limit = limit;
    governor->learned_ms = MAX(governor->learned_ms, sent_ms);
}

static void note_latency(struct governor *governor, int64_t now_ms, int64_t took_ms)
{
    governor->latency_ms = (3 * governor->latency_ms + took_ms) / 4;
    governor->quickest_ms = MIN(governor->quickest_ms, took_ms);
    if (now_ms - governor->late_since_ms > LATE_FOR_MS) {
        governor->late_before_ms = governor->late_ms;
        governor->late_ms = 0;
        governor->late_since_ms = now_ms;
    }
    int64_t late_ms = MIN(took_ms - governor->quickest_ms, LATE_MOST_MS);
    governor->late_ms = MAX(governor->late_ms, late_ms);
}

void governor_answer(struct governor *governor, int64_t sent_ms, int64_t now_ms, int64_t limit,
                     int64_t remaining, int64_t reset_s)
{
    note_latency(governor, now_ms, MAX(now_ms - sent_ms, 0));
    if (limit_is_sane(limit))
        learn_limit(governor, sent_ms, (unsigned)MIN(limit, GOVERNOR_LIMIT_MAX));
    int64_t of = limit_is_sane(limit) ? limit : governor->limit;
    if (remaining < 0 || remaining > of || sent_ms < governor->foreign_ms)
        return;
    bool is_known;
    governor->foreign =
        (unsigned)foreign_among(governor, of - remaining, sent_ms, now_ms, &is_known);
    governor->foreign_ms = sent_ms;
    if (!is_known)
        governor->foreign_until_ms = now_ms + reset_ms(reset_s);
    if (are_strangers(governor, sent_ms, of, of - remaining))
        notice_others(governor, now_ms, of * 1000 / BEGIN, false);
    share_window(governor, sent_ms, now_ms, of, remaining);
}

void governor_throttled(struct governor *governor, int64_t sent_ms, int64_t now_ms,
                        int64_t retry_after_ms)
{
    int64_t until_ms =
        now_ms + CLAMP(retry_after_ms, GOVERNOR_SERVER_WINDOW_MS, GOVERNOR_HOLD_MAX_MS);
    if (sent_ms >= governor->throttled_ms) { /* else it departed before we knew: same burst */
        unsigned own = own_until(governor, sent_ms, sent_ms + OVERTAKE_MS);
        bool is_again = now_ms <= governor->not_before_ms + GOVERNOR_CALM_MS;
        if (own <= governor_share(governor))
            refused_by_others(governor, own, now_ms);
        if (own > governor->limit / SPARE) /* else it was not our rate */
            governor->strikes = is_again ? governor->strikes + 1 : 1;
        governor->throttled_ms = now_ms;
    }
    if (governor->strikes >= GOVERNOR_STRIKES) {
        governor->strikes = 0;
        governor->slowdown = MIN(governor->slowdown * 2, GOVERNOR_LIMIT_MAX);
    }
    governor_hold(governor, until_ms);
}
