/* Budget: may a request of this price be sent, and if not, why and until when.
 *
 * A company's pool of tokens is new each day and shared with people and other programs. Penstock
 * takes a share of it, in any 24 hours, and leaves a reserve of what is left; a part of the share
 * is the most that backfill (first loads, full passes, histories) may use, so that the rest is
 * there for what changed today. What is left is learned from every answer; where no header tells,
 * the pool is what the settings say, or that of the smallest plan.
 *
 * Pure functions of records and the times that are passed in: seconds of the server's clock for
 * what was spent, monotonic ms for which answer is newer. May not know: files, HTTP, jobs. One
 * owner: the I/O thread. */
#ifndef PENSTOCK_SYNC_BUDGET_H
#define PENSTOCK_SYNC_BUDGET_H

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

/* The day's tokens of the smallest plan with one seat (API documents of 2026-09). */
#define BUDGET_POOL_DEFAULT     INT64_C(30000)
#define BUDGET_PER_DAY_DEFAULT  INT64_C(2000) /* 20 %, in hundredths of a percent */
#define BUDGET_RESERVE_DEFAULT  INT64_C(5000)
#define BUDGET_BACKFILL_DEFAULT INT64_C(5000) /* 50 % */
#define BUDGET_DAY_S            INT64_C(86400)
/* What was booked counts for a day, and for as long as may lie between the booking and the arrival
 * of its request: clocks of whole seconds that came with an answer, tokens held in hand, the way
 * there. So no 24 hours see more than the share at the server either. */
#define BUDGET_COUNTS_S (BUDGET_DAY_S + 5)
/* Far above the largest company; a higher number in a header or a setting is a mistake. */
#define BUDGET_TOKENS_MAX INT64_C(1000000000)

/* Who asks. */
enum budget_class {
    BUDGET_CHECK,       /* who am I, what would it cost: always allowed, but counted */
    BUDGET_INCREMENTAL, /* what changed since the bookmark */
    BUDGET_RECONCILE,   /* full passes: of what is there for backfill, before histories */
    BUDGET_BACKFILL,    /* first loads and histories */
};

/* A number of tokens, or hundredths of a percent; zeroed: the default. */
struct budget_amount {
    bool is_set, is_percent;
    int64_t value;
};

/* Zeroed: all defaults. */
struct budget_settings {
    struct budget_amount per_day;  /* of the pool, in any 24 hours */
    struct budget_amount reserve;  /* tokens of the day's pool that stay for others */
    struct budget_amount backfill; /* of the share */
    struct budget_amount pool;     /* tokens a day, where no header tells */
    struct budget_amount run;      /* the most that one run may spend */
};

/* "5000", "20%", "12.5%". A percentage over 100 is none. */
bool budget_amount_parse(const char *text, bool may_be_percent, struct budget_amount *ret);

/* --- what was spent --- */

/* At one second of the server's clock. */
struct budget_entry {
    int64_t second;
    int64_t daily;    /* CHECK, INCREMENTAL */
    int64_t backfill; /* RECONCILE, BACKFILL */
};

/* More entries than this are merged, into the later second: nothing becomes free too early. */
#define BUDGET_ENTRIES_MAX 400

/* What was spent or booked, oldest first; embedded. */
struct budget_log {
    GArray *entries; /* struct budget_entry */
};
void budget_log_init(struct budget_log *log);
void budget_log_done(struct budget_log *log);
/* Before anything else is asked of it: drops what counts no more. */
void budget_log_tidy(struct budget_log *log, int64_t now_s);
/* When the server has just told the time: entries from the future (its clock was put back, or was
 * ahead) count from now on. True where there were some. */
bool budget_log_heed_clock(struct budget_log *log, int64_t now_s);
/* tokens < 0 gives back what was booked and not used, newest first, but never more than there is.
 */
void budget_log_add(struct budget_log *log, int64_t second, enum budget_class class,
                    int64_t tokens);
int64_t budget_log_used(const struct budget_log *log, bool backfill_only);

/* --- the pool --- */

/* Private to budget.c, except where a comment says who writes it. */
struct budget {
    struct budget_settings settings; /* of the caller */
    int64_t remembered; /* limit that an earlier run was told; 0 = none; the caller's */
    int64_t limit;      /* as this run was told; 0 = never */
    int64_t left;       /* of the pool, as told last; -1 = never */
    int64_t left_ms;    /* departure of the request whose answer told */
    int64_t in_flight;  /* tokens of requests without an answer yet */
    int64_t spent;      /* by this run */
};
void budget_init(struct budget *budget, const struct budget_settings *settings);

int64_t budget_pool(const struct budget *budget);
/* Of it, what stays for others. */
int64_t budget_reserve(const struct budget *budget);
/* Tokens in any 24 hours: of the connection, and the part of it that backfill may use. */
int64_t budget_share(const struct budget *budget);
int64_t budget_backfill_share(const struct budget *budget);

enum budget_verdict {
    BUDGET_GO,
    BUDGET_RUN_SPENT,      /* --max-tokens */
    BUDGET_SHARE_SPENT,    /* the connection's share of 24 hours */
    BUDGET_BACKFILL_SPENT, /* the part of it that backfill may use */
    BUDGET_POOL_SPENT,     /* what is left of the company's day is the reserve */
};

/* What this run and the pool allow; says nothing of the log. */
enum budget_verdict budget_ask(const struct budget *budget, const struct budget_log *log,
                               enum budget_class class, int64_t tokens);
/* Tokens that may still be booked; at most INT64_MAX / 2. *ret_why: what limits. */
int64_t budget_room(const struct budget *budget, const struct budget_log *log,
                    enum budget_class class, enum budget_verdict *ret_why);
/* Seconds until so many may be booked by the log; 0 now, -1 never. The log must be tidy. */
int64_t budget_wait_s(const struct budget *budget, const struct budget_log *log,
                      enum budget_class class, int64_t tokens, int64_t now_s);

/* Seconds until a pool that is used up is worth another try: it is new at midnight of a zone that
 * nobody names, so at the next full hour. */
int64_t budget_new_day_s(int64_t now_s);

/* A request departs. */
void budget_sent(struct budget *budget, int64_t tokens);
/* Its answer: headers, -1 where missing; absurd ones are ignored. */
void budget_answer(struct budget *budget, int64_t sent_ms, int64_t tokens, int64_t limit,
                   int64_t left);

#endif
