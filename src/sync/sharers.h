/* Sharers: how many processes and runs of this machine use one token at the same time, so that they
 * can divide its burst window. Each holds a lock of its own beside the ledger; a killed process
 * gives it up. Whoever comes keeps quiet until the others have seen it and what they sent before
 * has left the window; whoever leaves counts for as long, and the lock's time of modification says
 * until when the window is too full for a newcomer. May not know: HTTP, jobs. I/O thread. */
#ifndef PENSTOCK_SYNC_SHARERS_H
#define PENSTOCK_SYNC_SHARERS_H

#include <stdint.h>

struct secret;
struct sharers;

/* folder: as in ledger.h. Nothing can be read out of the names of the locks. Never fails: where no
 * file can be locked, the run counts as alone. */
struct sharers *sharers_join(const char *folder, const struct secret *token, int64_t now_ms);
/* busy_ms: until there is room in the window. */
void sharers_leave(struct sharers *sharers, int64_t busy_ms);
/* At least 1: this run. Looks again after a tenth of a second. Accepts NULL. */
unsigned sharers_count(struct sharers *sharers, int64_t now_ms);
/* Before this time nothing should be sent. */
int64_t sharers_quiet_until_ms(const struct sharers *sharers);

#endif
