/* Sharers: how many runs of this machine use one token at the same time, so that they can divide
 * its burst window. Each holds a lock of its own beside the ledger; a killed process gives it up.
 * May not know: HTTP, jobs. I/O thread. */
#ifndef PENSTOCK_SYNC_SHARERS_H
#define PENSTOCK_SYNC_SHARERS_H

#include <stdint.h>

struct sharers;

/* A token belongs to a user of a company. folder: as in ledger.h. Never fails: where no file can be
 * locked, the run counts as alone. */
struct sharers *sharers_join(const char *folder, int64_t company_id, int64_t user_id);
/* Accepts NULL. */
void sharers_leave(struct sharers *sharers);
/* At least 1: this run. Looks again after half a second. Accepts NULL. */
unsigned sharers_count(struct sharers *sharers, int64_t now_ms);

#endif
