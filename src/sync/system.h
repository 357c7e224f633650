/* System tables: what Penstock keeps in the destination beside the replicated rows. */
#ifndef PENSTOCK_SYNC_SYSTEM_H
#define PENSTOCK_SYNC_SYSTEM_H

#include "model/table.h"

/* _penstock_state: one row a stream (its walks), a table (nonce, rows) and the connection. */
enum {
    STATE_NAME,
    STATE_VALUE
};
struct table *system_state_table(void);

/* _penstock_parents: deals whose children are still to be read. */
enum {
    PARENT_CHILD, /* stream: deal_products, dealflow */
    PARENT_DEAL,
    PARENT_TIME,     /* the deal's update_time when it was queued */
    PARENT_COUNT,    /* its products_count; null = unknown */
    PARENT_PRIORITY, /* ascending: incremental, retry, backfill newest first */
    PARENT_TRIES,
    PARENT_NOT_BEFORE, /* backoff of what failed */
};
struct table *system_parents_table(void);

/* _penstock_pass: ids that a full pass under way has seen, 4,096 a row. */
enum {
    SEEN_CHUNK, /* id divided by 4,096; first in the key, because it is looked up by it */
    SEEN_TABLE,
    SEEN_IDS, /* bits, as base64 */
};
struct table *system_seen_table(void);

/* _penstock_runs: one row a run and table. */
enum {
    RUN_ID,
    RUN_TABLE,
    RUN_STARTED,
    RUN_FINISHED,
    RUN_OUTCOME,
    RUN_FIRST_LOAD,
    RUN_ROWS,
    RUN_DELETED,
    RUN_REJECTED,
    RUN_REQUESTS,
    RUN_TOKENS,
    RUN_MESSAGE,
};
struct table *system_runs_table(void);

#endif
