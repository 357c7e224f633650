/* Format: how numbers, durations and foreign text look to people, and how people write durations
 * and names. Pure functions; any thread. */
#ifndef PENSTOCK_CLI_FORMAT_H
#define PENSTOCK_CLI_FORMAT_H

#include "base/format.h"

#include <stdbool.h>
#include <stddef.h>

/* "12,500 - 14,000", or one number when both are the same. New; g_free(). */
char *format_range(int64_t low, int64_t high);
/* Two units at most: "45 s", "2 h 5 min", "3 d". Negative: "unknown". */
const char *format_duration(int64_t seconds, char ret[FORMAT_BYTES]);
/* A stopwatch: "0:07", "12:30", "1:02:03". */
const char *format_elapsed(int64_t ms, char ret[FORMAT_BYTES]);
/* "1 table", "2 tables", "1,200 tables". New; g_free(). */
char *format_plural(int64_t count, const char *noun);

/* "90s", "15m", "6h", "7d", "1h30m", "0"; in seconds, at most 3650 days. Nothing else. */
bool duration_parse(const char *text, int64_t *ret_seconds);
/* 1 to 40 letters, digits, '_' and '-'. */
bool connection_name_is_valid(const char *name);
/* 1 to 40 ASCII letters, digits, '_', no digit first. */
bool schema_is_valid(const char *schema);

/* A copy fit for a terminal: control characters and broken UTF-8 become '?'. New; NULL stays NULL.
 */
char *text_clean(const char *text);
/* A destination's URL without its password. New; g_free(). */
char *url_without_password(const char *url);

/* Columns on a terminal. */
size_t text_width(const char *text);
/* Cuts text, in place, to at most `columns`. */
void text_cut(char *text, size_t columns);
/* Text folded at blanks to lines of at most `columns`, each after `indent` blanks. '\n' stays. New;
 * g_free(). */
char *text_fold(const char *text, size_t columns, size_t indent);

#endif
