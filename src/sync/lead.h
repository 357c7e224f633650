/* Lead: how many pages should be on their way or wait at the loader, so that it never idles.
 *
 * More would only fill memory, and make the loader jump between tables: what a database keeps at
 * hand of one is gone when the next page of it comes. Where pages load faster than they arrive,
 * this holds nothing back. A pure function of what was measured. One owner: the I/O thread. May
 * not know: HTTP, jobs, credit. */
#ifndef PENSTOCK_SYNC_LEAD_H
#define PENSTOCK_SYNC_LEAD_H

#include <stdbool.h>
#include <stdint.h>

/* Fields are private to lead.c. All zero: nothing was measured. */
struct lead {
    int64_t load_us; /* of a page, the newest counting most; 0 = unknown */
};

/* A page was loaded in this time. */
void lead_loaded(struct lead *lead, int64_t took_us);
/* Is another page pointless while so many are with the loader (the one in its hands too) and so
 * many requests are under way, answered after latency_ms? Never while the loader has nothing. */
bool lead_is_enough(const struct lead *lead, unsigned with_loader, unsigned under_way,
                    int64_t latency_ms);

#endif
