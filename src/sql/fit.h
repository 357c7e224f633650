/* Fit: makes the rows of a batch fit a database that holds less than the model does.
 *
 * A value that cannot be stored never costs the row: it becomes null, and what was sent is kept in
 * the row's _extra under the column's name. Drivers call it at the beginning of write(); which
 * values do not fit is data: caps and dialect. */
#ifndef PENSTOCK_SQL_FIT_H
#define PENSTOCK_SQL_FIT_H

#include "model/destination.h"
#include "sql/dialect.h"

/* Changes the batch; returns how many values were moved. U+0000 in texts and JSON becomes U+FFFD,
 * and so does half a surrogate pair in JSON, which is not counted: the rest of the text is more
 * useful than none. A table without _extra loses what does not fit; keys must fit. */
unsigned fit_batch(struct batch *batch, const struct destination_caps *caps,
                   const struct dialect *dialect);

#endif
