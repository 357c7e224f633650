/* Run log: _penstock_runs stays a log of late, not of all times.
 *
 * Kept are 90 days, and at most 16,000 rows: a thousand runs of all tables. Loader thread. */
#ifndef PENSTOCK_SYNC_RUN_LOG_H
#define PENSTOCK_SYNC_RUN_LOG_H

#include "model/destination.h"

#define RUN_LOG_DAYS 90
#define RUN_LOG_ROWS 16000

/* The outcome of a run that ended without a last word: killed, or cut off from its database. */
#define RUN_LOG_INTERRUPTED "interrupted"

/* Inside a transaction of the run run_id: removes what is too old or too much, oldest first, some
 * of it where there is plenty, and says of other runs that seem to go on that they do not. now: the
 * server's time. */
MUST_USE bool run_log_tidy(struct destination *dest, const struct table *runs, const char *run_id,
                           instant_t now, GError **error);

#endif
