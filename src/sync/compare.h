/* Compare: does a stored cell mean what Pipedrive sent?
 *
 * Databases keep values in their own writing: 12.50 comes back as 12.5, a JSON document with its
 * keys in another order. So numbers are compared as numbers, documents by value, times as points in
 * time, texts byte by byte. Pure functions but for the parser. May not know: the API, destinations.
 */
#ifndef PENSTOCK_SYNC_COMPARE_H
#define PENSTOCK_SYNC_COMPARE_H

#include "model/batch.h"
#include "json/json.h"

struct comparer {
    struct json_parser *parser;
    bool zero_bytes; /* the database keeps U+0000; else it stands for U+FFFD there */
};

/* stored and sent may not be absent. */
bool compare_cells(const struct comparer *comparer, enum column_type type,
                   const struct cell *stored, const struct cell *sent);
/* JSON numbers: 12.50, 12.5 and 125e-1 are the same. False for what is no number. */
bool compare_numbers(const char *a, size_t a_length, const char *b, size_t b_length);
/* By value: order of keys and writing of numbers do not matter, the order of items does. */
bool compare_documents(const struct comparer *comparer, const struct json_value *stored,
                       const struct json_value *sent);

#endif
