/* Plan probes: what the lists of a first load hold, for few tokens.
 *
 * No list tells a total. What there is, for a call each: the newest page by id, which tells the
 * highest id too; and a hundred of the older ids, drawn by chance (ids=). Lists without ids= take
 * an offset: the page that begins at row N shows that N rows have lower ids. Every list gets its
 * newest page, and deals a sample, since archived deals, lines and histories hang from them; what
 * is left of the allowance goes where the price is most in doubt. The draw is the same for the same
 * ids, so a plan that is made twice says the same. */
#ifndef PENSTOCK_SYNC_PLAN_PROBE_H
#define PENSTOCK_SYNC_PLAN_PROBE_H

#include "sync/api.h"
#include "sync/census.h"

struct probe_settings {
    bool wanted[STREAM_COUNT]; /* lists of pages whose first load is to be priced */
    bool lines, flow;          /* children of deals that are to be */
    instant_t now;             /* the server's */
    instant_t start_date;      /* NONE = everything */
    int64_t company_id;
    size_t page_bytes;  /* that the sync takes in one answer */
    int64_t tokens_max; /* that the api may have spent afterwards */
};

struct probe_result {
    struct census lists[STREAM_COUNT][STREAM_MAX_LISTS];
};
/* probe_result_done() ret in any case. */
MUST_USE bool probe_lists(struct api *api, const struct probe_settings *settings,
                          struct probe_result *ret, GError **error);
void probe_result_done(struct probe_result *result);

#endif
