/* Governor: how soon the next request may start, so that the burst limit is used but not broken.
 *
 * Pipedrive allows a number of requests in any rolling 2 s, a token (API.md section 4, 2026-09: 20
 * to 480 by plan). The governor remembers when this process sent its last requests and never lets
 * more than the limit into a window. What the headers say is respected: the limit, and requests
 * that others of the same token must have sent. Where those go on, on another machine that knows as
 * little of this one, both take what is left free, step by step, and give way before the window is
 * full. A 429 holds everything back; repeated ones halve the rate for good, since ignoring them
 * gets the company's API traffic blocked. A pure function of its state and the times that are
 * passed in (monotonic ms, never decreasing). Embedded by value, no heap. One owner: the I/O
 * thread. May not know: HTTP, budgets, retries. */
#ifndef PENSTOCK_SYNC_GOVERNOR_H
#define PENSTOCK_SYNC_GOVERNOR_H

#include <stdint.h>

/* The server counts arrivals, we count departures: the window is longer than its 2 s, so that a
 * request which travels longer than the one a window later still fits. By how much lately the
 * slowest answer took longer than the quickest, and 20 ms; at most by 5 %, since what exceeds that
 * is rather the server's work. */
#define GOVERNOR_SERVER_WINDOW_MS INT64_C(2000)
#define GOVERNOR_MARGIN_MS        INT64_C(20)
#define GOVERNOR_WINDOW_MS        INT64_C(2100)
/* Until a header tells: the smallest plan. */
#define GOVERNOR_LIMIT_FIRST 20
/* What the state can remember; the largest plan has 480. A higher limit is used up to here. */
#define GOVERNOR_LIMIT_MAX 1024
/* A stated wait is obeyed from 2 s up to this; longer ones are no burst (pipedrive/answer.h sorts
 * them out). */
#define GOVERNOR_HOLD_MAX_MS INT64_C(60000)
/* A 429 within this time after the end of the last one's wait is "again", and so many of them halve
 * the rate. */
#define GOVERNOR_CALM_MS INT64_C(10000)
#define GOVERNOR_STRIKES 3

/* Fields are private to governor.c; governor_limit() and the like read. */
struct governor {
    int64_t sent_ms[2 * GOVERNOR_LIMIT_MAX]; /* ring of departures, oldest first from next */
    unsigned next;                           /* where the next departure goes */
    unsigned limit;                          /* as the server says, or LIMIT_FIRST */
    unsigned slowdown;                       /* limit is divided by it: 1, 2, 4 … */
    unsigned sharers;                        /* runs that divide the window, this one too */
    unsigned strikes;                        /* 429s in a row */
    unsigned foreign;                        /* requests of others, as of foreign_ms */
    int64_t foreign_ms, foreign_until_ms;    /* departure that told; when they leave the window */
    int64_t learned_ms;                      /* departure whose answer told the limit */
    int64_t part;            /* beside others: thousandths of a request a window; 0 = alone */
    int64_t others_since_ms; /* since when others are noticed */
    int64_t others_ms;       /* when others were last noticed */
    int64_t turned_ms;       /* when part last changed */
    int64_t throttled_ms;    /* when the last 429 came that was not an echo */
    int64_t not_before_ms;   /* end of the wait after a 429 */
    int64_t latency_ms;      /* of answers, the newest counting most */
    int64_t quickest_ms;     /* of answers */
    int64_t late_ms;         /* what the slowest took longer, since late_since_ms */
    int64_t late_before_ms;  /* and before that */
    int64_t late_since_ms;
};

void governor_init(struct governor *governor);
/* Milliseconds until the next request may start; 0 now. Ask again after waiting: an answer may have
 * changed it. */
int64_t governor_wait_ms(const struct governor *governor, int64_t now_ms);
/* The same for requests that can wait: they leave half of the window to others. */
int64_t governor_spare_wait_ms(const struct governor *governor, int64_t now_ms);
/* Milliseconds until there is room for somebody who knows nothing of what was sent, but learns it
 * from the first answer. */
int64_t governor_room_wait_ms(const struct governor *governor, int64_t now_ms);
/* A request departs now. */
void governor_sent(struct governor *governor, int64_t now_ms);
/* Headers of an answer, -1 where missing; absurd ones are ignored. sent_ms is when its request
 * departed: answers overtake each other, and only the newest knowledge counts. */
void governor_answer(struct governor *governor, int64_t sent_ms, int64_t now_ms, int64_t limit,
                     int64_t remaining, int64_t reset_s);
/* The answer was a burst 429 that asks for this wait. Several from one burst count as one. */
void governor_throttled(struct governor *governor, int64_t sent_ms, int64_t now_ms,
                        int64_t retry_after_ms);

/* So many runs of this machine use the token, this one too: each takes its part of the window, and
 * what the others send is no surprise. */
void governor_divide(struct governor *governor, unsigned sharers);
/* Nothing departs before this time. */
void governor_hold(struct governor *governor, int64_t until_ms);
/* The end of such a wait, or of the one after a 429; long ago if there was none. */
int64_t governor_held_until_ms(const struct governor *governor);

/* Requests a window that the server allows, as far as known. */
unsigned governor_limit(const struct governor *governor);
/* Requests a window that the governor sends at most, as far as runs of this machine go: its part of
 * them, after slowing down. */
unsigned governor_share(const struct governor *governor);
/* How long answers take, the newest counting most. */
int64_t governor_latency_ms(const struct governor *governor);
/* Requests that must be under way to send as many, while answers take as long as they do. */
unsigned governor_depth(const struct governor *governor);

#endif
