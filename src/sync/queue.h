/* Queue of parents, as the loader keeps it in _penstock_parents: which deals' children are to be
 * read.
 *
 * Entries are written in the commit of the page of deals that made them, and removed in the commit
 * of the page that completes their children. Loader thread. */
#ifndef PENSTOCK_SYNC_QUEUE_H
#define PENSTOCK_SYNC_QUEUE_H

#include "sync/message.h"
#include "sync/sync.h"

struct queue_settings {
    bool lines;                /* deal_products is replicated */
    bool flow;                 /* dealflow is replicated */
    bool flow_all;             /* every changed deal, not only those that are new or moved stage */
    enum deletes_mode deletes; /* of the lines that go with their deal */
    bool deals_table;          /* the table deals exists: what it holds tells what is new */
};

struct queue {
    struct destination *dest;
    struct table *parents;           /* definition of _penstock_parents */
    const struct table *lines_table; /* deal_products as it stands, NULL = never created */
    struct queue_settings settings;
};

/* Before the page of deals is written: what of it is news. Compares with the rows that are stored
 * now. */
struct queue_plan;
MUST_USE bool queue_plan_page(const struct queue *queue, const struct work *work,
                              struct queue_plan **ret, GError **error);
/* In the same transaction. Adds entries, drops those of deleted deals, flags lines that went with
 * their deal. */
MUST_USE bool queue_apply_plan(const struct queue *queue, const struct work *work,
                               const struct queue_plan *plan, int64_t *ret_flagged, GError **error);
/* Accepts NULL. */
void queue_plan_free(struct queue_plan *plan);

/* Up to limit entries of a child that are due, in their order. */
MUST_USE bool queue_read(const struct queue *queue, const char *child, unsigned limit,
                         instant_t now, GArray **ret, int64_t *ret_not_due, GError **error);
MUST_USE bool queue_count(const struct queue *queue, const char *child, int64_t *ret,
                          GError **error);
/* Removes the entries of these parents, unless they were queued anew (a later update_time) since
 * they were read. */
MUST_USE bool queue_remove(const struct queue *queue, const char *child, const GArray *parents,
                           GError **error);
MUST_USE bool queue_retry(const struct queue *queue, const char *child, const GArray *parents,
                          instant_t now, GError **error);
/* Forgets every entry of a child (reset). */
MUST_USE bool queue_clear(const struct queue *queue, const char *child, GError **error);
/* Every live deal of the table (for lines: those with products). */
MUST_USE bool queue_seed(const struct queue *queue, const struct stream *child,
                         const struct table *deals, GError **error);

#endif
