/* Sharers: how many processes and runs of this machine use one token at the same time, so that they
 * can divide its burst window. Each holds a lock of its own beside the ledger; a killed process
 * gives it up. Whoever comes keeps quiet until the others have seen it and what they sent before
 * has left the window; whoever leaves counts for as long. In the lock stands until when nobody
 * should send: whoever is refused tells the others, whoever leaves a full window tells those who
 * come. May not know: HTTP, jobs. I/O thread. */
#ifndef PENSTOCK_SYNC_SHARERS_H
#define PENSTOCK_SYNC_SHARERS_H

#include <stdint.h>

struct secret;
struct sharers;

/* folder: as in ledger.h. Nothing can be read out of the names of the locks. Never fails: where no
 * file can be locked, the run counts as alone. */
struct sharers *sharers_join(const char *folder, const struct secret *token, int64_t now_ms);
void sharers_leave(struct sharers *sharers);
/* At least 1: this run. Looks again after a tenth of a second. */
unsigned sharers_count(struct sharers *sharers, int64_t now_ms);
/* Nobody should send before: the server asked this run for a wait, and requests of the same token
 * that ignore it get the token blocked; or this run leaves, and the window is full until then. */
void sharers_tell_wait(const struct sharers *sharers, int64_t until_ms);
/* Before this time nothing should be sent, as of the last look; long ago if nobody said so. */
int64_t sharers_quiet_until_ms(const struct sharers *sharers);

#endif
