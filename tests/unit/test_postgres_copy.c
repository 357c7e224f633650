/* PostgreSQL's binary formats. Expected bytes follow the server's documentation (COPY, "Binary
 * Format") and the send functions of its types (numeric_send: groups of four digits). */
#include <string.h>

#include "destinations/postgres_copy.h"

static char *hex_of(const struct copy_buffer *buffer)
{
    g_autoptr(GString) hex = g_string_new(NULL);
    for (size_t i = 0; i < buffer->length; i++)
        g_string_append_printf(hex, "%02x", (unsigned char)buffer->bytes[i]);
    return g_string_free(g_steal_pointer(&hex), false);
}

/* NULL when the text is refused. */
static char *encoded(enum column_type type, const char *text, size_t length)
{
    struct copy_buffer buffer = {0};
    struct cell cell;
    cell_set(&cell, text, length);
    bool ok = copy_cell(&buffer, type, &cell);
    char *hex = ok ? hex_of(&buffer) : NULL;
    g_assert_true(ok || buffer.length == 0);
    copy_buffer_done(&buffer);
    return hex;
}

static void check(enum column_type type, const char *text, const char *expected)
{
    g_autofree char *got = encoded(type, text, strlen(text));
    g_test_message("%s", text);
    g_assert_cmpstr(got, ==, expected);
}

static int64_t number_of(enum column_type type, const char *text)
{
    g_autofree char *hex = encoded(type, text, strlen(text));
    g_assert_nonnull(hex);
    if (strlen(hex) == 16) /* four bytes */
        return (int32_t)g_ascii_strtoull(hex + 8, NULL, 16);
    return (int64_t)g_ascii_strtoull(hex + 8, NULL, 16);
}

static void numerics(void)
{
    static const struct {
        const char *text, *groups, *weight, *sign, *scale, *digits;
    } rows[] = {
        {"0", "0000", "0000", "0000", "0000", ""},
        {"-0.00", "0000", "0000", "0000", "0002", ""},
        {"0e50", "0000", "0000", "0000", "0000", ""},
        {"1", "0001", "0000", "0000", "0000", "0001"},
        {"9999", "0001", "0000", "0000", "0000", "270f"},
        {"10000", "0001", "0001", "0000", "0000", "0001"},
        {"12345", "0002", "0001", "0000", "0000", "00010929"},
        {"-12345.678", "0003", "0001", "4000", "0003", "000109291a7c"},
        {"1.50", "0002", "0000", "0000", "0002", "00011388"},
        {"100.00", "0001", "0000", "0000", "0002", "0064"},
        {"0.0001", "0001", "ffff", "0000", "0004", "0001"},
        {"0.00001", "0001", "fffe", "0000", "0005", "03e8"},
        {"0.05", "0001", "ffff", "0000", "0002", "01f4"},
        {"1e4", "0001", "0001", "0000", "0000", "0001"},
        {"1.5E3", "0001", "0000", "0000", "0000", "05dc"},
        {"1.50e+1", "0001", "0000", "0000", "0001", "000f"},
        {"123e-2", "0002", "0000", "0000", "0002", "000108fc"},
        {"1e400", "0001", "0064", "0000", "0000", "0001"},
        {"-1e-400", "0001", "ff9c", "4000", "0190", "0001"},
        {"1e131071", "0001", "7fff", "0000", "0000", "03e8"},
        {"1e-16383", "0001", "f000", "0000", "3fff", "000a"},
    };
    for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
        size_t bytes = 8 + strlen(rows[i].digits) / 2;
        g_autofree char *expected =
            g_strdup_printf("%08x%s%s%s%s%s", (unsigned)bytes, rows[i].groups, rows[i].weight,
                            rows[i].sign, rows[i].scale, rows[i].digits);
        check(COLUMN_DECIMAL, rows[i].text, expected);
    }
}

static void no_numerics(void)
{
    static const char *const texts[] = {
        "",    "-",        ".",        "1.",  ".5",    "x",   "1x", "1e",
        "1e+", "1e131072", "1e-16384", "--1", "1.2.3", "NaN", " 1", "1e99999999999999"};
    for (unsigned i = 0; i < G_N_ELEMENTS(texts); i++)
        check(COLUMN_DECIMAL, texts[i], NULL);
}

/* The longest that numeric holds: every group is there. */
static void long_numeric(void)
{
    g_autoptr(GString) text = g_string_new(NULL);
    for (unsigned i = 0; i < NUMERIC_INTEGER_DIGITS; i++)
        g_string_append_c(text, '9');
    g_string_append_c(text, '.');
    for (unsigned i = 0; i < NUMERIC_SCALE; i++)
        g_string_append_c(text, '9');
    g_autofree char *hex = encoded(COLUMN_DECIMAL, text->str, text->len);
    unsigned groups = NUMERIC_INTEGER_DIGITS / 4 + (NUMERIC_SCALE + 3) / 4;
    g_assert_cmpuint(strlen(hex), ==, 2 * (4 + 8 + 2 * groups));
    g_assert_true(g_str_has_suffix(hex, "270f2706")); /* 9999, and 999 of a last group: 9990 */
}

static void integers(void)
{
    check(COLUMN_INTEGER, "9223372036854775807", "000000087fffffffffffffff");
    check(COLUMN_INTEGER, "-9223372036854775808", "000000088000000000000000");
    check(COLUMN_INTEGER, "-1", "00000008ffffffffffffffff");
    check(COLUMN_INTEGER, "9223372036854775808", NULL);
    check(COLUMN_INTEGER, "1.0", NULL);
    check(COLUMN_INTEGER, "", NULL);
}

static void booleans(void)
{
    check(COLUMN_BOOLEAN, "1", "0000000101");
    check(COLUMN_BOOLEAN, "0", "0000000100");
    check(COLUMN_BOOLEAN, "true", NULL);
    check(COLUMN_BOOLEAN, "2", NULL);
}

static void dates(void)
{
    check(COLUMN_DATE, "2000-01-01", "0000000400000000");
    check(COLUMN_DATE, "1999-12-31", "00000004ffffffff");
    check(COLUMN_DATE, "2026-02-29", NULL);
    check(COLUMN_DATE, "2026-2-1", NULL);
    g_assert_cmpint(number_of(COLUMN_DATE, "0001-01-01"), ==, -730119);
    g_assert_cmpint(number_of(COLUMN_DATE, "9999-12-31"), ==, 2921939);
    /* GLib counts days from 0001-01-01 = 1. */
    for (unsigned day = 1; day <= 3652059; day += day > 690000 && day < 770000 ? 1 : 89) {
        GDate date;
        char text[16];
        g_date_clear(&date, 1);
        g_date_set_julian(&date, day);
        g_snprintf(text, sizeof text, "%04u-%02u-%02u", g_date_get_year(&date),
                   (unsigned)g_date_get_month(&date), g_date_get_day(&date));
        g_assert_cmpint(number_of(COLUMN_DATE, text), ==, (int64_t)day - 730120);
    }
}

static void timestamps(void)
{
    g_assert_cmpint(number_of(COLUMN_TIMESTAMP, "2000-01-01 00:00:00"), ==, 0);
    g_assert_cmpint(number_of(COLUMN_TIMESTAMP, "1999-12-31 23:59:59.999999"), ==, -1);
    g_assert_cmpint(number_of(COLUMN_TIMESTAMP, "2000-01-01 00:00:01.000250"), ==, 1000250);
    g_assert_cmpint(number_of(COLUMN_TIMESTAMP, "0001-01-01 00:00:00"), ==,
                    INT64_C(-730119) * 86400 * 1000000);
    g_assert_cmpint(number_of(COLUMN_TIMESTAMP, "9999-12-31 23:59:59"), ==,
                    (INT64_C(2921939) * 86400 + 86399) * 1000000);
    check(COLUMN_TIMESTAMP, "2026-11-02", NULL);
    check(COLUMN_TIMESTAMP, "now", NULL);
}

static void times(void)
{
    g_assert_cmpint(number_of(COLUMN_TIME, "00:00:00"), ==, 0);
    g_assert_cmpint(number_of(COLUMN_TIME, "23:59:59"), ==, INT64_C(86399) * 1000000);
    g_assert_cmpint(number_of(COLUMN_TIME, "08:15"), ==, INT64_C(29700) * 1000000);
    check(COLUMN_TIME, "24:00:00", NULL);
    check(COLUMN_TIME, "8:15", NULL);
}

static void texts(void)
{
    check(COLUMN_TEXT, "", "00000000");
    check(COLUMN_TEXT, "a\xc3\xbc", "0000000361c3bc");
    g_autofree char *zero = encoded(COLUMN_TEXT, "a\0b", 3);
    g_assert_cmpstr(zero, ==, "00000003610062");
    g_autofree char *empty = encoded(COLUMN_TEXT, NULL, 0);
    g_assert_cmpstr(empty, ==, "00000000");
    check(COLUMN_JSON, "{}", "00000003017b7d");
}

static void frame(void)
{
    struct copy_buffer buffer = {0};
    struct cell null = {.kind = CELL_NULL}, absent = {.kind = CELL_ABSENT};
    copy_begin(&buffer);
    copy_row(&buffer, 3);
    g_assert_true(copy_cell(&buffer, COLUMN_INTEGER, &null));
    g_assert_true(copy_cell(&buffer, COLUMN_JSON, &absent));
    copy_int64(&buffer, 258);
    copy_end(&buffer);
    g_autofree char *hex = hex_of(&buffer);
    g_assert_cmpstr(hex, ==,
                    "5047434f50590aff0d0a00" /* PGCOPY\n\377\r\n\0 */
                    "0000000000000000"       /* flags, length of the extension */
                    "0003"
                    "ffffffff"
                    "ffffffff"
                    "000000080000000000000102"
                    "ffff");
    copy_buffer_done(&buffer);
}

/* Of an array: lengths and counts that are known only behind what they speak of. */
static void words(void)
{
    struct copy_buffer buffer = {0};
    copy_word(&buffer, 0);
    copy_word(&buffer, 0xfffefdfc);
    copy_word_at(&buffer, 0, 2900);
    g_autofree char *hex = hex_of(&buffer);
    g_assert_cmpstr(hex, ==, "00000b54fffefdfc");
    copy_buffer_done(&buffer);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/postgres-copy/numerics", numerics);
    g_test_add_func("/postgres-copy/words", words);
    g_test_add_func("/postgres-copy/no-numerics", no_numerics);
    g_test_add_func("/postgres-copy/long-numeric", long_numeric);
    g_test_add_func("/postgres-copy/integers", integers);
    g_test_add_func("/postgres-copy/booleans", booleans);
    g_test_add_func("/postgres-copy/dates", dates);
    g_test_add_func("/postgres-copy/timestamps", timestamps);
    g_test_add_func("/postgres-copy/times", times);
    g_test_add_func("/postgres-copy/texts", texts);
    g_test_add_func("/postgres-copy/frame", frame);
    return g_test_run();
}
