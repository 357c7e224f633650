/* Outlook: what the budget means for a connection, for the commands that only look: what may be
 * spent, what was, and how long the histories of deals will take. Writes nothing. */
#ifndef PENSTOCK_SYNC_OUTLOOK_H
#define PENSTOCK_SYNC_OUTLOOK_H

#include "sync/api.h"
#include "sync/memory.h"

struct outlook {
    int64_t pool, share, backfill_share; /* tokens a day, and in any 24 hours */
    int64_t used, used_backfill;         /* in the last 24 hours */
    int64_t backlog;                     /* deals whose history waits */
    int64_t new_a_day; /* deals that want theirs read, a mean of a week; -1 = unknown */
    int64_t days;      /* until it is read; 0 = none waits, -1 = never */
    char *text;        /* "227 deals wait, 4 days at today's budget"; NULL when none waits */
};

/* limit: the company's day as a header told it, -1 = not told. */
MUST_USE bool outlook_read(struct outlook *ret, const struct sync_settings *settings,
                           struct memory *memory, int64_t company_id, int64_t now_s, int64_t limit,
                           GError **error);
/* Days until so many deals are read, when so many tokens a day may be spent on them and so many
 * deals are new each day: 0 = none waits, -1 = never, they come faster than they go. */
int64_t outlook_days(int64_t backlog, int64_t new_a_day, int64_t tokens_a_day, int cost_tokens);
void outlook_done(struct outlook *outlook);

/* A command asks the API by itself: that is always allowed, but counts for the budget of the
 * company. tokens < 0: so many were booked before and not spent. */
void outlook_book(const struct api *api, const struct sync_settings *settings, int64_t company_id,
                  int64_t tokens);

#endif
