/* pipedrive/convert.c: which JSON values fit which column, in which form (model/table.h), and which
 * are refused. Odd values are from API.md sections 6, 7 and 12. */
#include "pages.h"
#include "pipedrive/page.h"

#include <string.h>

struct fixture {
    struct pages *pages;
    struct batch *batch;
};

static void set_up(struct fixture *f, const void *unused)
{
    (void)unused;
    f->pages = pages_new();
    f->batch = batch_new();
}

static void tear_down(struct fixture *f, const void *unused)
{
    (void)unused;
    batch_release(f->batch);
    pages_free(f->pages);
}

/* expected: IS_NULL, or the cell's text; NULL: the value is refused. */
struct conversion {
    const char *json, *expected;
};

static void check(struct fixture *f, enum column_type type, const struct conversion *conversion)
{
    const struct json_value *value = pages_parse_raw(f->pages, conversion->json);
    struct cell cell = {0};
    bool fits = page_convert(value, type, f->batch, &cell);
    g_autofree char *found = fits ? cell_text(&cell) : NULL;

    g_test_message("%s as %s", conversion->json, column_type_name(type));
    g_assert_cmpstr(found, ==, conversion->expected);
}

static void check_all(struct fixture *f, enum column_type type, const struct conversion *list,
                      size_t count)
{
    static const struct conversion always[] = {{"null", IS_NULL}};

    check(f, type, &always[0]);
    for (size_t i = 0; i < count; i++)
        check(f, type, &list[i]);
}

#define CHECK(type, list) check_all(f, type, list, G_N_ELEMENTS(list))

static void integers(struct fixture *f, const void *unused)
{
    static const struct conversion list[] = {
        {"0", "0"},
        {"7", "7"},
        {"-5", "-5"},
        {"-12", "-12"},
        {"-0", "-0"},
        {"9007199254740993", "9007199254740993"}, /* a double would make it …992 */
        {"9223372036854775807", "9223372036854775807"},
        {"-9223372036854775808", "-9223372036854775808"},
        {"\"7\"", "7"}, /* v1: visible_to */
        {"\"-9223372036854775808\"", "-9223372036854775808"},
        {"9223372036854775808", NULL},
        {"-9223372036854775809", NULL},
        {"18446744073709551617", NULL},
        {"123456789012345678901234567890", NULL},
        {"1.0", NULL},
        {"1.5", NULL},
        {"1e3", NULL},
        {"\"\"", NULL},
        {"\" 7\"", NULL},
        {"\"7 \"", NULL},
        {"\"+7\"", NULL},
        {"\"-\"", NULL},
        {"\"007\"", NULL}, /* an integer would lose its zeros */
        {"\"-05\"", NULL},
        {"\"0x10\"", NULL},
        {"\"seven\"", NULL},
        {"\"7\\u0000\"", NULL},
        {"\"\xd9\xa7\"", NULL}, /* an Arabic seven */
        {"true", NULL},
        {"false", NULL},
        {"[7]", NULL},
        {"{\"id\":7}", NULL},
    };

    (void)unused;
    CHECK(COLUMN_INTEGER, list);
}

static void decimals(struct fixture *f, const void *unused)
{
    static const struct conversion list[] = {
        {"0", "0"},
        {"0.0", "0.0"}, /* money comes as 0 or as 0.0: both as sent */
        {"-0.0", "-0.0"},
        {"12500.50", "12500.50"},
        {"0.30000000000000004", "0.30000000000000004"}, /* seen live */
        {"9007199254740993", "9007199254740993"},
        {"12345678901234567890.123456789012345678", "12345678901234567890.123456789012345678"},
        {"1e400", "1e400"},
        {"1.5E-7", "1.5E-7"},
        {"1E+2", "1E+2"},
        {"\"19.90\"", "19.90"},
        {"\"-1e5\"", "-1e5"},
        {"\"\"", NULL},
        {"\"1.\"", NULL},
        {"\".5\"", NULL},
        {"\"1,5\"", NULL},
        {"\"01\"", NULL},
        {"\"1e\"", NULL},
        {"\"NaN\"", NULL},
        {"\"Infinity\"", NULL},
        {"\"EUR 5\"", NULL},
        {"true", NULL},
        {"[1]", NULL},
        {"{\"value\":1}", NULL},
    };

    (void)unused;
    CHECK(COLUMN_DECIMAL, list);
}

static void booleans(struct fixture *f, const void *unused)
{
    static const struct conversion list[] = {
        {"true", "1"},      {"false", "0"},    {"1", "1"},       {"0", "0"},       {"\"1\"", "1"},
        {"\"0\"", "0"},     {"2", NULL},       {"-1", NULL},     {"1.0", NULL},    {"\"\"", NULL},
        {"\"true\"", NULL}, {"\"yes\"", NULL}, {"\"on\"", NULL}, {"\"01\"", NULL}, {"[]", NULL},
        {"[true]", NULL},   {"{}", NULL},
    };

    (void)unused;
    CHECK(COLUMN_BOOLEAN, list);
}

static void timestamps(struct fixture *f, const void *unused)
{
    static const struct conversion list[] = {
        {"\"2026-11-02T08:15:30Z\"", "2026-11-02 08:15:30"},
        {"\"2026-11-02 08:15:30\"", "2026-11-02 08:15:30"}, /* v1 */
        {"\"2026-11-02T08:15:30.000Z\"", "2026-11-02 08:15:30"},
        {"\"2020-10-14T11:30:36.551Z\"", "2020-10-14 11:30:36.551000"},
        {"\"2026-11-02T08:15:30+02:00\"", "2026-11-02 06:15:30"},
        {"\"2026-01-01T00:15:30+01:00\"", "2025-12-31 23:15:30"},
        {"\"2024-02-29T00:00:00Z\"", "2024-02-29 00:00:00"},
        {"\"0001-01-01T00:00:00Z\"", "0001-01-01 00:00:00"},
        {"\"9999-12-31T23:59:59Z\"", "9999-12-31 23:59:59"},
        {"\"\"", IS_NULL},
        {"\"0000-00-00 00:00:00\"", IS_NULL},
        {"\"0000-00-00\"", IS_NULL},
        {"\"2026-02-29T00:00:00Z\"", NULL},
        {"\"2026-11-02\"", NULL}, /* a day is no instant: midnight where? */
        {"\"2026-11-02T08:15:30\"", NULL},
        {"\"2026-13-02T08:15:30Z\"", NULL},
        {"\"2026-11-02T24:00:00Z\"", NULL},
        {"\"2026-11-02T08:15Z\"", NULL},
        {"\"2026-11-02T08:15:30Z \"", NULL},
        {"\"02.11.2026\"", NULL},
        {"\"now\"", NULL},
        {"1793607330", NULL},
        {"0", NULL},
        {"false", NULL},
        {"[]", NULL},
        {"{\"date\":\"2026-11-02\"}", NULL},
    };

    (void)unused;
    CHECK(COLUMN_TIMESTAMP, list);
}

static void dates(struct fixture *f, const void *unused)
{
    static const struct conversion list[] = {
        {"\"2026-11-02\"", "2026-11-02"},
        {"\"2024-02-29\"", "2024-02-29"},
        {"\"\"", IS_NULL},
        {"\"0000-00-00\"", IS_NULL},
        {"\"0000-00-00 00:00:00\"", IS_NULL},
        {"\"2026-02-29\"", NULL}, /* stored and returned by a live account */
        {"\"2100-02-29\"", NULL},
        {"\"2026-11-31\"", NULL},
        {"\"2026-11-2\"", NULL},
        {"\"11/02/2026\"", NULL},
        {"\"2026-11-02T00:00:00Z\"", NULL},
        {"\"tomorrow\"", NULL},
        {"20261102", NULL},
        {"true", NULL},
        {"{}", NULL},
    };

    (void)unused;
    CHECK(COLUMN_DATE, list);
}

static void times_of_day(struct fixture *f, const void *unused)
{
    static const struct conversion list[] = {
        {"\"08:15:30\"", "08:15:30"},
        {"\"08:15\"", "08:15:00"}, /* due_time: HH:MM[:SS] */
        {"\"00:00:00\"", "00:00:00"},
        {"\"23:59:59\"", "23:59:59"},
        {"\"\"", IS_NULL},
        {"\"24:00:00\"", NULL},
        {"\"8:15\"", NULL},
        {"\"08:60\"", NULL},
        {"\"08:15:60\"", NULL},
        {"\"08:15:30.5\"", NULL},
        {"\"08:15 AM\"", NULL},
        {"\"08:15:30Z\"", NULL},
        {"815", NULL},
        {"[]", NULL},
    };

    (void)unused;
    CHECK(COLUMN_TIME, list);
}

static void texts(struct fixture *f, const void *unused)
{
    static const struct conversion list[] = {
        {"\"\"", ""}, /* empty is not null */
        {"\"<p>Call <b>back</b></p>\"", "<p>Call <b>back</b></p>"},
        {"\"a\\n\\\"b\\\"\\u00e9\"", "a\n\"b\"\xc3\xa9"},
        {"\"\\ud83d\\ude00 \xe4\xbd\xa0\xe5\xa5\xbd \xe2\x80\x8b\"",
         "\xf0\x9f\x98\x80 \xe4\xbd\xa0\xe5\xa5\xbd \xe2\x80\x8b"},
        {"\"null\"", "null"},
        {"\"0000-00-00\"", "0000-00-00"},
        {"50", "50"}, /* old_value of a log line */
        {"12.50", "12.50"},
        {"1e3", "1e3"},
        {"true", "true"},
        {"false", "false"},
        {"[]", NULL},
        {"[\"a\"]", NULL},
        {"{}", NULL},
        {"{\"label\":\"a\"}", NULL},
    };

    (void)unused;
    CHECK(COLUMN_TEXT, list);
}

static void texts_may_hold_zero_bytes(struct fixture *f, const void *unused)
{
    struct cell cell;

    (void)unused;
    g_assert_true(
        page_convert(pages_parse_raw(f->pages, "\"a\\u0000b\""), COLUMN_TEXT, f->batch, &cell));
    g_assert_cmpuint(cell.length, ==, 3);
    g_assert_cmpint(memcmp(cell.text, "a\0b", 3), ==, 0);
}

static void documents(struct fixture *f, const void *unused)
{
    static const struct conversion list[] = {
        {"[]", "[]"},
        {"{}", "{}"},
        {"[3, 7]", "[3, 7]"},
        {"{ \"value\" : 1.50,\"x\":[1e5,null] }", "{ \"value\" : 1.50,\"x\":[1e5,null] }"},
        {"[9007199254740993, 0.30000000000000004]", "[9007199254740993, 0.30000000000000004]"},
        {"[\"\\u0041\\/\"]", "[\"\\u0041\\/\"]"},
        {"12.50", "12.50"},
        {"true", "true"},
        {"\"\"", "\"\""},
        {"\"plain\"", "\"plain\""},
        {"\"a\\\"b\\\\\\n\"", "\"a\\\"b\\\\\\n\""},
        {"\"a\\u0000b\"", "\"a\\u0000b\""},
        {"\"[1]\"", "\"[1]\""}, /* a text stays one, whatever it looks like */
    };

    (void)unused;
    CHECK(COLUMN_JSON, list);
}

#define add(path, function) g_test_add(path, struct fixture, NULL, set_up, function, tear_down)

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    add("/convert/integer", integers);
    add("/convert/decimal", decimals);
    add("/convert/boolean", booleans);
    add("/convert/timestamp", timestamps);
    add("/convert/date", dates);
    add("/convert/time", times_of_day);
    add("/convert/text", texts);
    add("/convert/text-with-zero-bytes", texts_may_hold_zero_bytes);
    add("/convert/json", documents);
    return g_test_run();
}
