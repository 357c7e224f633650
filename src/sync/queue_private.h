/* What queue.c (the entries) and queue_plan.c (what a page of deals makes of them) share. */
#ifndef PENSTOCK_SYNC_QUEUE_PRIVATE_H
#define PENSTOCK_SYNC_QUEUE_PRIVATE_H

#include "sync/queue.h"

#define QUEUE_LINES catalog[STREAM_DEAL_PRODUCTS].name
#define QUEUE_FLOW  catalog[STREAM_DEALFLOW].name

/* Columns of deals that matter here. deleted: -1 = a deleted deal is not stored. */
struct deal_columns {
    unsigned id, time, stage_time, count;
    int deleted;
};
struct deal_columns deal_columns(const struct table *deals);

/* NONE: null, or no time. */
instant_t queue_instant(const struct cell *cell);
int64_t queue_priority(instant_t time, bool backfill);

/* Changes of entries, which are no longer those that were taken. */
struct batch *queue_batch_new(const struct queue *queue);
void queue_add_entry(const struct queue *queue, struct batch *batch, const char *child,
                     const struct parent *parent, instant_t not_before);
void queue_add_removal(const struct queue *queue, struct batch *batch, const char *child,
                       int64_t deal);
/* Writes and releases. */
MUST_USE bool queue_write_batch(const struct queue *queue, struct batch *batch, GError **error);

#endif
