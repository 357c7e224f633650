/* Time, in two kinds that never mix.
 *
 * Monotonic milliseconds measure waits on this machine. Instants are points on *the server's*
 * clock: microseconds since 1970 UTC, parsed from what Pipedrive sent. This machine's wall clock is
 * never compared with an instant. */
#ifndef PENSTOCK_BASE_CLOCK_H
#define PENSTOCK_BASE_CLOCK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Microseconds since 1970-01-01 UTC on the server's clock; INSTANT_NONE = unknown. */
typedef int64_t instant_t;
#define INSTANT_NONE   INT64_MIN
#define INSTANT_SECOND INT64_C(1000000)

/* Big enough for every text that the functions below write, terminating zero included. */
#define INSTANT_TEXT_BYTES 32

int64_t clock_monotonic_ms(void);

/* Accepts RFC 3339 ("2026-11-02T08:15:30Z", fraction, offset) and "2026-11-02 08:15:30" (UTC, with
 * or without fraction), 1 to 9 fraction digits; digits after the sixth are dropped. False for
 * anything else, including dates that do not exist (2026-02-29) and leap seconds. Year 0001 to
 * 9999, in UTC too. */
bool instant_parse(const char *text, size_t length, instant_t *ret);
/* HTTP date: "Tue, 24 Nov 2026 19:17:00 GMT". Whether the weekday fits the date is not checked. */
bool instant_parse_http(const char *text, instant_t *ret);
/* A calendar date that exists, exactly YYYY-MM-DD. */
bool date_is_valid(const char *text, size_t length);
/* HH:MM or HH:MM:SS, 00:00:00 to 23:59:59. */
bool time_of_day_is_valid(const char *text, size_t length);
/* "MM/DD/YYYY" or "YYYY-MM-DD" to the instant of its midnight UTC: what people type as a start
 * date. */
bool instant_parse_day(const char *text, instant_t *ret);

/* Both write "" for INSTANT_NONE.
 * "2026-11-02T08:15:30Z", whole seconds rounded down: what the API takes as a parameter. */
void instant_format_rfc3339(instant_t instant, char ret[INSTANT_TEXT_BYTES]);
/* "2026-11-02 08:15:30", with ".ffffff" only when there is a fraction: what tables hold. */
void instant_format_sql(instant_t instant, char ret[INSTANT_TEXT_BYTES]);

#endif
