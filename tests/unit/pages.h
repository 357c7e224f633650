/* Documents, cells and times for the tests of the Pipedrive side, as short texts. */
#ifndef PENSTOCK_TESTS_UNIT_PAGES_H
#define PENSTOCK_TESTS_UNIT_PAGES_H

#include "model/batch.h"
#include "json/json.h"

/* Keeps every document that it parsed until it is freed. */
struct pages;

struct pages *pages_new(void);
/* Accepts NULL. */
void pages_free(struct pages *pages);
/* The document in a printf() format, where single quotes stand for double ones. Must be JSON. */
const struct json_value *pages_parse(struct pages *pages, const char *format, ...)
    G_GNUC_PRINTF(2, 3);
/* As it is, quotes too. */
const struct json_value *pages_parse_raw(struct pages *pages, const char *text);

/* What assert_cell() takes beside a value's text. */
#define IS_NULL   "<null>"
#define IS_ABSENT "<absent>"

/* The cell's text, or one of the two above; g_free() it. */
char *cell_text(const struct cell *cell);
void assert_cell(const struct batch *batch, unsigned row, const char *column, const char *expected);

/* "2026-11-02T08:15:30Z" */
instant_t at(const char *text);
/* The reverse, for messages: "none" for INSTANT_NONE; g_free() it. */
char *instant_text(instant_t instant);
#define assert_instant(instant, expected)                                                          \
    G_STMT_START                                                                                   \
    {                                                                                              \
        g_autofree char *found_text = instant_text(instant);                                       \
        g_assert_cmpstr(found_text, ==, expected);                                                 \
    }                                                                                              \
    G_STMT_END

#endif
