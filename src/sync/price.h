/* Price: what a first load will cost at most, and how many days that takes, before it spends. The
 * highest ids bound the rows from above; asking for them costs a call a table, so only the tables
 * that make the price are asked about. I/O thread, before its loop. */
#ifndef PENSTOCK_SYNC_PRICE_H
#define PENSTOCK_SYNC_PRICE_H

#include "sync/extract_private.h"

/* Tells one line as EVENT_NOTE; says nothing where this is no first load or the answer is not
 * had. */
void price_tell(struct extract *x);

#endif
