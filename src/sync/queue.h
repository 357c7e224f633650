/* Queue of parents, as the loader keeps it in _penstock_parents: which deals' children are to be
 * read.
 *
 * Entries are written in the commit of the page of deals that made them, and removed in the commit
 * of the page that completes their children. Deals go on being read meanwhile, so what was taken
 * may be queued anew, or dropped with its deal, before its answer is committed. The answer then
 * counts for nothing: it may be older than what the page of deals said, and would bring lines of a
 * deleted deal back to life; the entry stands, and is taken again. update_time does not tell (two
 * changes in one second), so the queue remembers what it gave out. Only this process writes to it:
 * after a kill nothing is given out, and every entry is taken again. Loader thread. */
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
    GHashTable *taken_lines, *taken_flow; /* deals whose entries stand as they were taken */
};
/* dest, lines_table and settings are the caller's to fill. */
void queue_init(struct queue *queue);
void queue_done(struct queue *queue);

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

/* What is read next. */
struct queue_round {
    GArray *parents; /* struct parent: the first of those that are due, in their order */
    int64_t not_due; /* entries whose backoff has not passed */
    int64_t waiting; /* all entries, those of the round too */
};
/* Takes up to limit entries of a child that are due, or the most that is a multiple of a call's
 * size. Entries of the round before that are still there may be taken again. */
MUST_USE bool queue_take(const struct queue *queue, const char *child, unsigned limit,
                         unsigned multiple, instant_t now, struct queue_round *ret, GError **error);
MUST_USE bool queue_count(const struct queue *queue, const char *child, int64_t *ret,
                          GError **error);
/* Before an answer is written: takes out of the work what it says about deals whose entries no
 * longer stand as they were taken. A log only grows, so of logs nothing is outdated. */
void queue_drop_outdated(const struct queue *queue, const struct work *work);
/* Removes the entries of these parents, or puts them back with backoff: those that stand as they
 * were taken. */
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
