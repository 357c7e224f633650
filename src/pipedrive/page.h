/* Page: turns an answer of the API into rows. The inner loop of the whole program, and a pure
 * function.
 *
 * A record is complete: a declared key that is missing becomes NULL, except columns that were not
 * asked for and custom fields that Pipedrive no longer lists: those stay absent, so that what is
 * stored stays. A value that does not fit its column becomes NULL and moves, as sent, to _extra; so
 * do keys that nobody declared. Rows are never dropped for it. */
#ifndef PENSTOCK_PIPEDRIVE_PAGE_H
#define PENSTOCK_PIPEDRIVE_PAGE_H

#include "base/clock.h"
#include "model/batch.h"
#include "pipedrive/fields.h"
#include "json/json.h"

struct decoder;

/* table must come from fields_build_table() with the same fields; all three outlive the decoder.
 * fields may be NULL. gated: leave SOURCE_GATED columns absent. */
struct decoder *decoder_new(const struct stream *stream, const struct fields *fields,
                            const struct table *table, bool gated);
/* Accepts NULL. */
void decoder_free(struct decoder *decoder);
/* Custom field keys that the newest list doesn't have either: they go to _extra and are no news.
 * learn: add what is met. ignored (a set of owned texts) outlives the decoder. */
void decoder_ignore(struct decoder *decoder, GHashTable *ignored, bool learn);
const struct table *decoder_table(const struct decoder *decoder);

/* Which records of a page become rows, by replication value (the replication key, add_time where
 * that is null). */
struct page_bounds {
    instant_t from;  /* inclusive; NONE = no bound. A record without any time passes. */
    instant_t until; /* exclusive; NONE = no bound */
};

struct page_facts {
    unsigned records;          /* on the page */
    int64_t first_id, last_id; /* of the page's records; 0 = none */
    instant_t first_time,
        last_time;         /* replication values of the first and last record that has one; NONE */
    instant_t newest_time; /* the latest of them; NONE */
    bool null_time;        /* a record has no replication key */
    bool unknown_field;    /* a custom field that the list of fields doesn't have: read the list,
                              decode again */
};

/* Decodes root.data (an array, or null for an empty page) into batch, which it prepares.
 * root and the bytes under it must live as long as the batch. DATA when the shape is another. */
MUST_USE bool page_decode(struct decoder *decoder, const struct json_value *root,
                          const struct page_bounds *bounds, struct batch *batch,
                          struct page_facts *ret, GError **error);
/* One record into a new row of a prepared batch; false when it has no usable id (batch->skipped
 * grows). */
bool page_decode_record(struct decoder *decoder, const struct json_value *record,
                        struct batch *batch, struct page_facts *facts);

/* Does text (of a JSON value) fit the column? Writes the cell (maybe into the arena), or returns
 * false. */
bool page_convert(const struct json_value *value, enum column_type type, struct batch *batch,
                  struct cell *ret);

#endif
