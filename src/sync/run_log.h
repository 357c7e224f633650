/* Run log: _penstock_runs stays a log of late, not of all times.
 *
 * Kept are 90 days, and at most 16,000 rows: a thousand runs of all tables. Loader thread. */
#ifndef PENSTOCK_SYNC_RUN_LOG_H
#define PENSTOCK_SYNC_RUN_LOG_H

#include "model/destination.h"

#define RUN_LOG_DAYS 90
#define RUN_LOG_ROWS 16000

/* Inside a transaction: removes what is too old or too much, oldest first, some of it where there
 * is plenty. now: the server's time. */
MUST_USE bool run_log_trim(struct destination *dest, const struct table *runs, instant_t now,
                           GError **error);

#endif
