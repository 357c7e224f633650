/* Guard: when a full read that saw too little is not believed. Nothing is deleted then; a small
 * table is read a second time, a person is asked about a large one. Pure; any thread. */
#ifndef PENSTOCK_SYNC_GUARD_H
#define PENSTOCK_SYNC_GUARD_H

#include "base/error.h"
#include "pipedrive/catalog.h"

/* Rows that a small table has at most. */
#define GUARD_SMALL_TABLE 20

/* Would a table lose most of the rows that are alive? */
bool guard_is_most(int64_t lost, int64_t alive);
/* The API answered no row at all: GUARD. */
void guard_set_nothing_seen(GError **error, const struct stream *stream, int64_t alive);

#endif
