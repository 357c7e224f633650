/* Plan probes: what lists hold that are to be read, for few tokens: those of first loads, and what
 * changed in those that are loaded.
 *
 * No list tells a total. What there is, for a call each: the newest page by id, which tells the
 * highest id too; the page behind it, if it is the last; and a hundred of the older ids, drawn by
 * chance (ids=). Lists without ids= take an offset: the page that begins at row N shows that N rows
 * have lower ids. What changed is asked for in the same way, from the bookmark on.
 *
 * Every list of a first load gets its newest page; what is left of the allowance goes where the
 * price is most in doubt, until that is not worth a call. The draw is the same for the same ids, so
 * a plan that is made twice says the same. */
#ifndef PENSTOCK_SYNC_PLAN_PROBE_H
#define PENSTOCK_SYNC_PLAN_PROBE_H

#include "sync/api.h"
#include "sync/census.h"

/* What is to be priced of a list of pages. */
enum probe_wish {
    WISH_NONE,
    WISH_LOAD,    /* its first load; both lists of a stream, or none */
    WISH_CHANGES, /* a walk from its bookmark on */
};

/* What is known without a call of what changed. */
struct probe_changes {
    instant_t since, read_at; /* the bookmark, and when the walk began that set it */
    int64_t rows;             /* that are stored; -1 = there is no table */
    double expected;          /* of them, and of new ones, if all goes on as before */
};

struct probe_settings {
    enum probe_wish wish[STREAM_COUNT][STREAM_MAX_LISTS];
    struct probe_changes changes[STREAM_COUNT][STREAM_MAX_LISTS]; /* of WISH_CHANGES */
    bool lines, flow;              /* children of deals that are to be priced */
    enum census_kind flow_changes; /* deals that changed whose histories are read */
    instant_t now;                 /* the server's */
    instant_t start_date;          /* NONE = everything */
    int64_t company_id;
    size_t page_bytes;  /* that the sync takes in one answer */
    int64_t tokens_max; /* that the api may have spent afterwards */
};

struct probe_result {
    struct census lists[STREAM_COUNT][STREAM_MAX_LISTS];
};
/* A list that was not worth a call, or for which there was no token left, is not SEEN: of what
 * changed there is a guess then. probe_result_done() ret in any case. */
MUST_USE bool probe_lists(struct api *api, const struct probe_settings *settings,
                          struct probe_result *ret, GError **error);
void probe_result_done(struct probe_result *result);

#endif
