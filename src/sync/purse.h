/* Purse: one run's hand in the company's budget. It books blocks of tokens in the ledger and pays
 * requests out of them, so that most requests cost no file access and a killed run leaves at most a
 * block that was booked and not spent. The rest of a block goes back at a clean end.
 *
 * The server's clock is read once; from then on this machine's monotonic clock counts, so that a
 * clock that jumps in mid-run frees nothing. Should the server's have gone further (a machine that
 * slept), bookings count from its time: both ways nothing is forgotten too early. May not know:
 * jobs, tables. I/O thread. */
#ifndef PENSTOCK_SYNC_PURSE_H
#define PENSTOCK_SYNC_PURSE_H

#include "base/clock.h"
#include "sync/budget.h"
#include "sync/ledger.h"

#define PURSE_COUNT 2 /* daily, backfill */

/* The ledger's last no: it is not asked the same again at once. */
struct refusal {
    int64_t until_ms, share, tokens, wait_s;
    enum budget_verdict why;
};

struct purse {
    struct budget budget;
    struct ledger *ledger;
    int64_t start_s, start_ms;     /* the server's time, and ours at that moment */
    int64_t ahead_s;               /* how much further it was seen since */
    int64_t hand[PURSE_COUNT];     /* booked, not sent */
    int64_t booked_s[PURSE_COUNT]; /* when last, by the server's clock */
    struct refusal refused[PURSE_COUNT];
    char *warning; /* something a person should know; the owner takes it */
    bool changed;  /* a ledger in memory: its text is to be kept */
};

/* now: the server's; INSTANT_NONE: that of the last booking. folder: as in ledger.h. */
void purse_open(struct purse *purse, const struct budget_settings *settings, const char *folder,
                int64_t company_id, instant_t now);
/* Gives back what was not spent. Safe on a zeroed purse. */
void purse_close(struct purse *purse);
bool purse_is_open(const struct purse *purse);

/* Was sent before the purse was open, or must be: books it and counts it, whatever is allowed.
 * tokens < 0: so many were noted before, by this purse or another one, and not sent. */
void purse_note(struct purse *purse, int64_t tokens);
/* GO: it is booked and counts as sent. Else nothing has changed, and *ret_wait_s is the seconds
 * until it may go by what is known now; -1 = unknown. is_late: leaves half of the backfill to
 * others. PARKED when the ledger cannot be had. */
MUST_USE bool purse_pay(struct purse *purse, enum budget_class class, int64_t tokens, bool is_late,
                        enum budget_verdict *ret, int64_t *ret_wait_s, GError **error);
/* Will so many more tokens be there, as far as is known now? Books nothing. */
bool purse_affords(const struct purse *purse, enum budget_class class, int64_t tokens);
/* It was not sent after all. */
void purse_refund(struct purse *purse, enum budget_class class, int64_t tokens);
/* An answer said what time it is; INSTANT_NONE: it did not. */
void purse_hear_time(struct purse *purse, instant_t date);
/* The answer to a request that was paid for: see budget_answer(). */
void purse_answer(struct purse *purse, int64_t sent_ms, int64_t tokens, int64_t limit,
                  int64_t left);

#endif
