/* Prices: calls and tokens of a run, from the number of rows. Pure functions, which know how walks
 * page (pipedrive/walk_list.c, walk_children.c). */
#ifndef PENSTOCK_SYNC_PLAN_PRICE_H
#define PENSTOCK_SYNC_PLAN_PRICE_H

#include "pipedrive/catalog.h"
#include "sync/census.h"

struct price {
    struct estimate calls, tokens;
    double more_calls, more_tokens; /* that may come on top, whatever the rows are */
    /* Calls and tokens as distributions (estimate_at()). */
    double calls_at[ESTIMATE_POINTS], tokens_at[ESTIMATE_POINTS];
};

/* Within a table: limits add, since they err together. */
void price_add_calls(struct price *price, struct estimate calls, int cost_tokens);
void price_add_more(struct price *price, double calls, int cost_tokens);
struct price price_sum_joint(struct price a, struct price b);

/* A run of many tables, which err each by itself: limits of 96 % of the sum. */
struct price price_total(const struct price *prices, unsigned count);

/* The first load of one list. bounded: by a start date. again: it is read twice. */
void price_first_load(struct price *price, const struct stream *stream, unsigned list,
                      const struct census *census, bool bounded, bool again);
/* A walk through what changed, so many rows of the list: since the last one, or in a day. */
void price_changes(struct price *price, const struct stream *stream, unsigned list,
                   const struct census *census, struct estimate rows);
/* The walk of a full pass through so many rows of the list. */
void price_walk(struct price *price, const struct stream *stream, unsigned list,
                const struct census *census, struct estimate rows);
/* Product lines of so many deals, of so many lines each. */
void price_lines(struct price *price, struct estimate deals, double lines_mean);
/* Histories of so many deals. */
void price_histories(struct price *price, struct estimate deals);

#endif
