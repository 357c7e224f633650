#include "base/clock.h"

#include <glib.h>
#include <string.h>

/* Expected seconds come from Python's datetime. */
static const struct {
    const char *text;
    int64_t seconds;
    int microseconds;
} good_instants[] = {
    {"1970-01-01T00:00:00Z", 0, 0},
    {"2026-11-02T08:15:30Z", 1793607330, 0},
    {"2026-11-02t08:15:30z", 1793607330, 0},
    {"2026-11-02 08:15:30", 1793607330, 0},
    {"2026-11-02 08:15:30.5", 1793607330, 500000},
    {"2026-11-02T08:15:30.000001Z", 1793607330, 1},
    {"2026-11-02T08:15:30.123456789Z", 1793607330, 123456},
    {"2026-11-02T09:45:30+01:30", 1793607330, 0},
    {"2026-11-01T20:15:30.25-12:00", 1793607330, 250000},
    {"2026-11-02T08:15:30-00:00", 1793607330, 0},
    {"2000-02-29T12:00:00Z", 951825600, 0},
    {"1969-12-31T23:59:59.999999Z", -1, 999999},
    {"0001-01-01T00:00:00Z", -62135596800, 0},
    {"9999-12-31T23:59:59Z", 253402300799, 0},
};

static const char *const bad_instants[] = {
    "",
    "2026",
    "2026-11-02",
    "2026-11-02T08:15:30",
    "2026-11-02 08:15:30Z",
    "2026-11-02 08:15:30+01:00",
    "2026-11-02  08:15:30",
    " 2026-11-02 08:15:30",
    "2026-11-02 08:15:30 ",
    "2026-11-02T08:15Z",
    "2026-11-02T08:15:30.Z",
    "2026-11-02T08:15:30.1234567890Z",
    "2026-11-02T08:15:30,5Z",
    "2026-11-02T08:15:60Z",
    "2016-12-31T23:59:60Z",
    "2026-11-02T24:00:00Z",
    "2026-11-02T08:60:00Z",
    "2026-11-02T08:15:30+0100",
    "2026-11-02T08:15:30+01",
    "2026-11-02T08:15:30+24:00",
    "2026-11-02T08:15:30+01:60",
    "2026-11-02T08:15:30ZZ",
    "2026-02-29T00:00:00Z",
    "1900-02-29T00:00:00Z",
    "2026-04-31T00:00:00Z",
    "2026-13-01T00:00:00Z",
    "2026-00-01T00:00:00Z",
    "2026-01-00T00:00:00Z",
    "0000-01-01T00:00:00Z",
    "0000-00-00 00:00:00",
    "0001-01-01T00:00:00+00:01",
    "9999-12-31T23:59:59-00:01",
    "-026-11-02T08:15:30Z",
    "+026-11-02T08:15:30Z",
    "2026-1-02T08:15:30Z",
    "2026-11-02T8:15:30Z",
    "2026/11/02 08:15:30",
    "20261102T081530Z",
};

static void instants_are_read(void)
{
    for (size_t i = 0; i < G_N_ELEMENTS(good_instants); i++) {
        const char *text = good_instants[i].text;
        instant_t instant = INSTANT_NONE;
        g_assert_true(instant_parse(text, strlen(text), &instant));
        g_assert_cmpint(instant, ==,
                        good_instants[i].seconds * INSTANT_SECOND + good_instants[i].microseconds);
    }
}

static void other_texts_are_no_instants(void)
{
    instant_t instant = 42;

    for (size_t i = 0; i < G_N_ELEMENTS(bad_instants); i++)
        if (instant_parse(bad_instants[i], strlen(bad_instants[i]), &instant))
            g_error("accepted: %s", bad_instants[i]);
    g_assert_false(instant_parse("2026-11-02 08:15:30\0", 20, &instant));
    g_assert_false(instant_parse(NULL, 0, &instant));
    g_assert_cmpint(instant, ==, 42);
}

/* The calendar counted on the fingers: each day is the one before and a day. */
static void every_day_follows_its_day_before(void)
{
    int lengths[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    instant_t expected = INT64_C(-62135596800) * INSTANT_SECOND;

    for (int year = 1; year <= 9999; year++) {
        lengths[1] = year % 400 == 0 || (year % 4 == 0 && year % 100 != 0) ? 29 : 28;
        for (int month = 1; month <= 12; month++) {
            for (int day = 1; day <= lengths[month - 1]; day++) {
                /* All days of eras at both ends and around today; else the ends of months. */
                bool is_checked = year < 5 || year > 9995 || (year > 1895 && year < 2105) ||
                                  day == 1 || day == lengths[month - 1];
                char text[INSTANT_TEXT_BYTES], back[INSTANT_TEXT_BYTES];
                instant_t instant;
                if (is_checked) {
                    g_snprintf(text, sizeof(text), "%04d-%02d-%02d", year, month, day);
                    g_assert_true(instant_parse_day(text, &instant));
                    g_assert_cmpint(instant, ==, expected);
                    instant_format_sql(instant, back);
                    g_assert_true(g_str_has_prefix(back, text));
                }
                expected += 86400 * INSTANT_SECOND;
            }
        }
    }
}

static void http_dates_are_read(void)
{
    instant_t instant;

    g_assert_true(instant_parse_http("Tue, 24 Nov 2026 19:17:00 GMT", &instant));
    g_assert_cmpint(instant, ==, 1795547820 * INSTANT_SECOND);
    g_assert_true(instant_parse_http("Thu, 01 Jan 1970 00:00:00 GMT", &instant));
    g_assert_cmpint(instant, ==, 0);
}

static void other_texts_are_no_http_dates(void)
{
    static const char *const texts[] = {
        "",
        "Tue, 24 Nov 2026 19:17:00",
        "Tue, 24 Nov 2026 19:17:00 UTC",
        "Tue, 24 Nov 2026 19:17:00 GMT ",
        "tue, 24 nov 2026 19:17:00 GMT",
        "Tuesday, 24-Nov-26 19:17:00 GMT",
        "Tue Nov 24 19:17:00 2026",
        "Tue, 4 Nov 2026 19:17:00 GMT",
        "Tue, 31 Nov 2026 19:17:00 GMT",
        "Tue, 24 Nov 2026 24:17:00 GMT",
        "ueW, 24 Nov 2026 19:17:00 GMT",
        "Tue, 24 anF 2026 19:17:00 GMT",
    };
    instant_t instant;

    for (size_t i = 0; i < G_N_ELEMENTS(texts); i++)
        g_assert_false(instant_parse_http(texts[i], &instant));
    g_assert_false(instant_parse_http(NULL, &instant));
}

static void start_dates_are_read(void)
{
    static const char *const bad[] = {"",           "1/2/2026",    "13/01/2026", "02/29/2026",
                                      "2026-02-29", "11/02/26",    "02-11-2026", "2026/11/02",
                                      "2026-11-2",  "11/02/2026 ", "01/01/0000"};
    instant_t iso, american;

    g_assert_true(instant_parse_day("2026-11-02", &iso));
    g_assert_true(instant_parse_day("11/02/2026", &american));
    g_assert_cmpint(iso, ==, 1793577600 * INSTANT_SECOND);
    g_assert_cmpint(american, ==, iso);
    for (size_t i = 0; i < G_N_ELEMENTS(bad); i++)
        g_assert_false(instant_parse_day(bad[i], &iso));
}

static void dates_are_checked(void)
{
    g_assert_true(date_is_valid("2024-02-29", 10));
    g_assert_false(date_is_valid("2023-02-29", 10));
    g_assert_false(date_is_valid("2024-02-29T", 11));
    g_assert_false(date_is_valid("2024-02-2", 9));
    g_assert_false(date_is_valid("0000-00-00", 10));
    g_assert_false(date_is_valid("", 0));
    g_assert_false(date_is_valid(NULL, 0));
}

static void times_of_day_are_checked(void)
{
    static const char *const good[] = {"00:00", "23:59", "00:00:00", "23:59:59"};
    static const char *const bad[] = {"",       "24:00",   "23:60",     "23:59:60", "1:00", "01:0",
                                      "01:00:", "01:00:0", "01:00:000", "-1:00",    "01.00"};

    for (size_t i = 0; i < G_N_ELEMENTS(good); i++)
        g_assert_true(time_of_day_is_valid(good[i], strlen(good[i])));
    for (size_t i = 0; i < G_N_ELEMENTS(bad); i++)
        g_assert_false(time_of_day_is_valid(bad[i], strlen(bad[i])));
    g_assert_false(time_of_day_is_valid(NULL, 0));
}

static void instants_are_written(void)
{
    char text[INSTANT_TEXT_BYTES];

    instant_format_rfc3339(1793607330 * INSTANT_SECOND + 999999, text);
    g_assert_cmpstr(text, ==, "2026-11-02T08:15:30Z");
    instant_format_sql(1793607330 * INSTANT_SECOND, text);
    g_assert_cmpstr(text, ==, "2026-11-02 08:15:30");
    instant_format_sql(1793607330 * INSTANT_SECOND + 1, text);
    g_assert_cmpstr(text, ==, "2026-11-02 08:15:30.000001");
    instant_format_sql(-1, text);
    g_assert_cmpstr(text, ==, "1969-12-31 23:59:59.999999");
    instant_format_rfc3339(-1, text);
    g_assert_cmpstr(text, ==, "1969-12-31T23:59:59Z");
    instant_format_sql(INSTANT_NONE, text);
    g_assert_cmpstr(text, ==, "");
    instant_format_rfc3339(INSTANT_NONE, text);
    g_assert_cmpstr(text, ==, "");
}

static void no_instant_overflows_the_text(void)
{
    const instant_t ends[] = {INT64_MIN + 1, INT64_MAX};
    char text[INSTANT_TEXT_BYTES];

    for (size_t i = 0; i < G_N_ELEMENTS(ends); i++) {
        instant_format_sql(ends[i], text);
        g_assert_cmpuint(strlen(text), >, 20);
        instant_format_rfc3339(ends[i], text);
        g_assert_true(g_str_has_suffix(text, "Z"));
    }
}

static void monotonic_clock_goes_on(void)
{
    int64_t before = clock_monotonic_ms();

    g_usleep(20000);
    g_assert_cmpint(clock_monotonic_ms() - before, >=, 19);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/clock/parse", instants_are_read);
    g_test_add_func("/clock/refuse", other_texts_are_no_instants);
    g_test_add_func("/clock/calendar", every_day_follows_its_day_before);
    g_test_add_func("/clock/http", http_dates_are_read);
    g_test_add_func("/clock/http-refuse", other_texts_are_no_http_dates);
    g_test_add_func("/clock/start-date", start_dates_are_read);
    g_test_add_func("/clock/date", dates_are_checked);
    g_test_add_func("/clock/time-of-day", times_of_day_are_checked);
    g_test_add_func("/clock/format", instants_are_written);
    g_test_add_func("/clock/format-ends", no_instant_overflows_the_text);
    g_test_add_func("/clock/monotonic", monotonic_clock_goes_on);
    return g_test_run();
}
