/* Seen: which ids a full pass under way has met, kept in _penstock_pass so that a pass may take
 * days.
 *
 * A row holds 4,096 ids as bits: a table of five million rows needs about 1,200 of them, and a page
 * changes one or two. Written in the commit of the rows that were seen. Loader thread. */
#ifndef PENSTOCK_SYNC_SEEN_H
#define PENSTOCK_SYNC_SEEN_H

#include "model/destination.h"

struct seen {
    struct destination *dest;
    struct table *table; /* definition of _penstock_pass */
};

/* name: the replicated table's. Inside a transaction. */
MUST_USE bool seen_note(const struct seen *seen, const char *name, const GArray *ids,
                        GError **error);
/* The keys of all rows of a batch. */
MUST_USE bool seen_note_batch(const struct seen *seen, const struct batch *batch, GError **error);
/* Forgets all of a table. */
MUST_USE bool seen_clear(const struct seen *seen, const char *name, GError **error);

/* Rows that are alive and were not seen. */
struct suspects {
    GArray *ids;   /* int64_t: the first of them, ascending, at most the limit */
    int64_t total; /* all of them */
    int64_t alive; /* all rows that are alive */
};
/* Reads the keys of the whole table once. ret->ids is the caller's on success. */
MUST_USE bool seen_suspects(const struct seen *seen, const struct table *table, unsigned limit,
                            struct suspects *ret, GError **error);

#endif
