/* Retry: what to do about a request that failed. The only place with retry policy.
 *
 *   error        one record (CALL_RECORD)         one page of a table (CALL_PAGE)
 *   RETRY        again, backoff; after 6 tries     again, backoff; after 6 tries
 *                  give up the request               stop the table
 *   THROTTLED    again after the stated wait; the 20th in a row stops the run, parked
 *   TOO_LARGE    ask for less
 *   DATA         again 2 times, backoff, then      again 2 times, backoff, then
 *                  give up the request               stop the table
 *   GONE         give up the request               stop the table: the list is not there
 *   REFUSED      give up the request               stop the table
 *   GUARD        stop the table
 *   PARKED       stop the run, parked
 *   AUTH, CONFIG, STORAGE, FENCED, CANCELLED, BUG, errors of other domains: stop the run
 *
 * Backoff is exponential with full jitter: uniform in [0, 0.5 s · 2^(n-1)), at most 60 s; a wait
 * that the server states is the least, up to the same 60 s (API.md section 4: following a stated
 * wait has hung processes for hours). The walk may know better before it asks here: gated include
 * fields (400 and 403, error_detail()->origin_code), a batch of deals to halve. Pure: chance comes
 * in, waits come out, nobody sleeps here. May not know: HTTP, Pipedrive. */
#ifndef PENSTOCK_SYNC_RETRY_H
#define PENSTOCK_SYNC_RETRY_H

#include "base/error.h"

enum retry_action {
    RETRY_AFTER,   /* the same request again, not before wait_ms */
    RETRY_SMALLER, /* a request for fewer rows instead, at once; if it is one row: treat as DATA */
    RETRY_GIVE_UP_REQUEST, /* this record cannot be had now; go on with the others */
    RETRY_STOP_TABLE,      /* other tables go on */
    RETRY_STOP_RUN,
};

enum call_scope {
    CALL_PAGE,   /* without it its table has a hole */
    CALL_RECORD, /* a get by id, a child of one deal: others do not depend on it */
};

/* Zeroed fields mean the default; tests make it faster. */
struct retry_policy {
    int64_t base_ms;    /* 500: the first backoff, and the jitter that is added to a stated wait */
    int64_t cap_ms;     /* 60,000: the longest wait of any kind, jitter aside */
    unsigned max_tries; /* 6: requests in all, for RETRY */
    unsigned max_data_tries; /* 3: requests in all, for DATA */
    unsigned max_throttles;  /* 20: in a row */
};

/* Of one request; zero it when the request is made, keep it over its tries. */
struct retry_history {
    unsigned failures;  /* RETRY and DATA */
    unsigned throttles; /* in a row */
};

struct retry_decision {
    enum retry_action action;
    int64_t wait_ms; /* RETRY_AFTER */
    bool parks; /* RETRY_STOP_RUN: ends as parked, to be resumed (exit 75), whatever the error's
                   code is */
};

/* error: why this try failed. random: uniform in [0, 1). */
struct retry_decision retry_decide(const struct retry_policy *policy, enum call_scope scope,
                                   struct retry_history *history, const GError *error,
                                   double random);

/* Requests for one record each that fail one after another: then it is not the records. While in
 * doubt only one is asked for at a time, and the one that failed first. */
struct retry_streak {
    bool in_doubt;     /* the newest answer was a failure */
    unsigned given_up; /* records, since the last success */
    bool was_hopeless; /* so the last run ended: one record is enough to see that it still is */
};
void retry_streak_success(struct retry_streak *streak);
void retry_streak_failure(struct retry_streak *streak, bool gave_up);
/* After 5 records, or the first where the last run ended so: leave the rest for another run. */
bool retry_streak_is_hopeless(const struct retry_streak *streak);

/* "retry", "smaller", "give up request" …: for logs. */
const char *retry_action_name(enum retry_action action);

#endif
