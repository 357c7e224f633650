/* The two limiters: requests per rolling 2 s and token of a user, tokens per day and company; and
 * the HTML block of those who ignore refusals. Time is passed in. Guarded by the company's lock. */
#ifndef SIM_THROTTLE_H
#define SIM_THROTTLE_H

#include <stdbool.h>
#include <stdint.h>

enum {
    BURST_WINDOW_US = 2000000,
    DAY_TOKENS = 30000
};

struct burst {
    int64_t *at_us; /* of the requests in the window; ring */
    int first, n;
    int64_t refused_us, wait_until_us; /* of the last refusal */
    int ignored;
    int64_t blocked_until_us;
};

struct limits {
    struct burst of_admin, of_member;
    int room;           /* of the rings */
    int burst;          /* --burst; 0: the plan's window */
    int64_t used_today; /* tokens */
    int64_t day;        /* the simulated day that they belong to */
};

enum verdict {
    VERDICT_GO,
    VERDICT_BURST,
    VERDICT_DAILY,
    VERDICT_BLOCKED
};

struct company;

void limits_init(struct limits *l, int burst);
void limits_done(struct limits *l);

/* Decides about one request, and books it in the window when it may go. `enforce` false: it always
 * may, and the window stays empty. */
enum verdict limits_ask(struct company *c, int user, int64_t now, int64_t now_us, bool enforce);
void limits_charge(struct company *c, int64_t now, int tokens);
int64_t limits_budget(const struct company *c);
int64_t limits_left(struct company *c, int64_t now);
int limits_window(const struct company *c); /* requests per 2 s */
int limits_window_left(const struct company *c, int user, int64_t now_us);
/* Whole seconds until the oldest request leaves the window, at least 1. */
int limits_window_reset(const struct company *c, int user, int64_t now_us);
int64_t limits_day_reset(const struct company *c, int64_t now); /* seconds */

#endif
