/* Dates and times of the API, of HTTP and of people: whatever is taken survives being written and
 * read again, and GLib's reader, which knows a different code for the calendar, agrees. */
#include "base/clock.h"
#include "fuzz.h"

#include <glib.h>
#include <string.h>

static void check_round_trip(instant_t instant)
{
    char text[INSTANT_TEXT_BYTES];
    instant_t back;

    instant_format_sql(instant, text);
    g_assert_true(instant_parse(text, strlen(text), &back));
    g_assert_cmpint(back, ==, instant);
    instant_format_rfc3339(instant, text);
    g_assert_true(instant_parse(text, strlen(text), &back));
    g_assert_true(back <= instant && instant - back < INSTANT_SECOND);
}

static void check_with_glib(const char *text, instant_t instant)
{
    g_autoptr(GTimeZone) utc = g_time_zone_new_utc();
    g_autoptr(GDateTime) other = g_date_time_new_from_iso8601(text, utc);

    /* GLib knows no "t", no "z" and no offset above its own limits; its fractions are doubles. */
    if (!other)
        return;
    instant_t start = instant - (instant % INSTANT_SECOND + INSTANT_SECOND) % INSTANT_SECOND;
    g_assert_cmpint(g_date_time_to_unix(other) - start / INSTANT_SECOND, <=, 1);
    g_assert_cmpint(g_date_time_to_unix(other) - start / INSTANT_SECOND, >=, 0);
}

static void check_instant(const char *text, size_t length)
{
    instant_t instant;

    if (!instant_parse(text, length, &instant))
        return;
    check_round_trip(instant);
    check_with_glib(text, instant);
}

static void check_date(const char *text, size_t length)
{
    instant_t day;

    if (!date_is_valid(text, length))
        return;
    g_assert_true(instant_parse_day(text, &day));
    g_assert_true(g_date_valid_dmy((GDateDay)atoi(text + 8), (GDateMonth)atoi(text + 5),
                                   (GDateYear)atoi(text)));
}

static void check_day(const char *text)
{
    instant_t day;

    if (!instant_parse_day(text, &day))
        return;
    check_round_trip(day);
    g_assert_cmpint(day % (86400 * INSTANT_SECOND), ==, 0);
}

static void check_http(const char *text)
{
    instant_t instant;

    if (!instant_parse_http(text, &instant))
        return;
    check_round_trip(instant);
    g_assert_cmpint(instant % INSTANT_SECOND, ==, 0);
}

static void check_time_of_day(const char *text, size_t length)
{
    instant_t instant;

    if (!time_of_day_is_valid(text, length))
        return;
    g_autofree char *with_date = g_strdup_printf("2026-11-02 %s%s", text, length == 5 ? ":00" : "");
    g_assert_true(instant_parse(with_date, strlen(with_date), &instant));
}

/* Eight bytes are a number too: any instant at all can be written. */
static void check_any_instant(const uint8_t *data, size_t size)
{
    char text[INSTANT_TEXT_BYTES];
    instant_t instant;

    if (size != sizeof(instant))
        return;
    memcpy(&instant, data, sizeof(instant));
    instant_format_sql(instant, text);
    g_assert_cmpuint(strlen(text), <, INSTANT_TEXT_BYTES);
    instant_format_rfc3339(instant, text);
    g_assert_cmpuint(strlen(text), <, INSTANT_TEXT_BYTES);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    g_autofree char *text = g_malloc0(size + 1);
    const char *exact = (const char *)data; /* no byte behind it, so that overruns are seen */

    memcpy(text, data, size);
    instant_t ignored;
    check_any_instant(data, size);
    if (strlen(text) != size)
        return 0;
    (void)instant_parse(exact, size, &ignored);
    (void)date_is_valid(exact, size);
    (void)time_of_day_is_valid(exact, size);
    check_instant(text, size);
    check_date(text, size);
    check_day(text);
    check_http(text);
    check_time_of_day(text, size);
    return 0;
}
