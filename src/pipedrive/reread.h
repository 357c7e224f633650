/* Reread: requests that ask for records which are already stored, for the comparison of `verify`.
 *
 * Paths alone, in the same shape as the walks ask for: every include field, so that an answer
 * decodes to the same cells. May not know: HTTP, destinations. */
#ifndef PENSTOCK_PIPEDRIVE_REREAD_H
#define PENSTOCK_PIPEDRIVE_REREAD_H

#include "base/clock.h"
#include "pipedrive/catalog.h"
#include "json/json.h"

/* One list of a stream. gated: leave the names out that the company's plan refuses. */
struct reread {
    const struct stream *stream;
    unsigned list;
    bool gated;
    unsigned limit; /* rows a page */
};

/* By id, at most stream->ids_a_call of them; not for lists that do not take ids. */
void reread_ids(const struct reread *reread, const int64_t *ids, unsigned count, GString *path);
/* The records that changed last, newest first. */
void reread_newest(const struct reread *reread, GString *path);
/* v2: the records from this time on, oldest first. */
void reread_since(const struct reread *reread, instant_t since, GString *path);
/* v1: the page that begins at this offset, in the order of ids. */
void reread_offset(const struct reread *reread, int64_t start, GString *path);
/* Did the list go on after this answer? */
bool reread_has_more(const struct stream *stream, const struct json_value *root);

#endif
