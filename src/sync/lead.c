#include "sync/lead.h"

#include <glib.h>

/* One in the loader's hands, one behind it. */
#define PAGES_AT_HAND 2
/* Enough with the loader until its first page is done, which may take long: it makes the table. */
#define PAGES_UNMEASURED 4

void lead_loaded(struct lead *lead, int64_t took_us)
{
    took_us = MAX(took_us, 1);
    lead->load_us = lead->load_us ? (3 * lead->load_us + took_us) / 4 : took_us;
}

bool lead_is_enough(const struct lead *lead, unsigned with_loader, unsigned under_way,
                    int64_t latency_ms)
{
    if (lead->load_us == 0)
        return with_loader >= PAGES_UNMEASURED;
    if (with_loader == 0)
        return false;
    /* Twice what is loaded until the answer comes: neither time is steady. */
    int64_t meanwhile = 2 * latency_ms * 1000 / lead->load_us;
    return with_loader + under_way >= PAGES_AT_HAND + 1 + meanwhile;
}
