/* Plan, tables that are loaded: the destination holds about what the lists have. No call. */
#ifndef PENSTOCK_SYNC_PLAN_STORED_H
#define PENSTOCK_SYNC_PLAN_STORED_H

#include "sync/census.h"
#include "sync/memory.h"

/* Rows that each list of the stream will show; deals that were deleted of late are listed too.
 * until: the end of the week that counts as recent. Lists in the order of the catalog;
 * census_done() them. */
MUST_USE bool stored_census(struct memory *memory, const struct stream *stream, instant_t now,
                            instant_t until, struct census ret[STREAM_MAX_LISTS], GError **error);
/* Deals that have product lines in their table. */
MUST_USE bool stored_sold(struct memory *memory, int64_t *ret, GError **error);

#endif
