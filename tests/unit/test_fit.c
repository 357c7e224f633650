/* What a database cannot hold goes to _extra, and the row stays. */
#include "sql/fit.h"

#include <string.h>

static const struct dialect dialect = {
    .name = "narrow",
    .inside_row =
        {
            [COLUMN_INTEGER] = {8, false},
            [COLUMN_DECIMAL] = {30, false},
            [COLUMN_BOOLEAN] = {1, false},
            [COLUMN_TIMESTAMP] = {8, false},
            [COLUMN_DATE] = {3, false},
            [COLUMN_TIME] = {3, false},
            [COLUMN_TEXT] = {40, true},
            [COLUMN_JSON] = {40, true},
        },
};

struct fixture {
    struct table *table;
    struct batch *batch;
    struct cell *cells;
};

enum {
    ID,
    NUMBER,
    TEXT,
    DOCUMENT,
    TIME
};

static void set_up(struct fixture *f, const void *unused)
{
    (void)unused;
    f->table = table_new("deals", TABLE_REPLICATED);
    f->table->keys[f->table->key_count++] = table_add_column(f->table, "id", COLUMN_INTEGER, NULL);
    table_add_column(f->table, "number", COLUMN_DECIMAL, NULL);
    table_add_column(f->table, "text", COLUMN_TEXT, NULL);
    table_add_column(f->table, "document", COLUMN_JSON, NULL);
    f->table->version = (int)table_add_column(f->table, "update_time", COLUMN_TIMESTAMP, NULL);
    table_add_system_columns(f->table, METADATA_NATIVE);
    f->batch = batch_new();
    batch_prepare(f->batch, f->table, 1);
    f->cells = batch_add_row(f->batch)->cells;
    cell_set_int(f->batch, &f->cells[ID], 1);
}

static void tear_down(struct fixture *f, const void *unused)
{
    (void)unused;
    batch_release(f->batch);
    table_free(f->table);
}

static void set(struct fixture *f, unsigned column, const char *text)
{
    cell_set_string(f->batch, &f->cells[column], text);
}

static void check_cell(const struct fixture *f, int column, const char *expected)
{
    const struct cell *cell = &f->cells[column];
    if (!expected) {
        g_assert_cmpint(cell->kind, ==, CELL_NULL);
        return;
    }
    g_autofree char *text = g_strndup(cell->text, cell->length);
    g_assert_cmpint(cell->kind, ==, CELL_VALUE);
    g_assert_cmpstr(text, ==, expected);
}

static const struct destination_caps holds_all = {.zero_bytes = true, .keeps_json_text = true};

static void everything_fits(struct fixture *f, const void *unused)
{
    (void)unused;
    set(f, NUMBER, "1e999999");
    set(f, DOCUMENT, "\"\\u0000\"");
    g_assert_cmpuint(fit_batch(f->batch, &holds_all, &dialect), ==, 0);
    check_cell(f, NUMBER, "1e999999");
    check_cell(f, DOCUMENT, "\"\\u0000\"");
}

/* Limits: 3 digits before the point, 2 after. */
static const struct {
    const char *number;
    bool fits;
} numbers[] = {
    {"0", true},
    {"-0.0", true},
    {"999", true},
    {"-999.99", true},
    {"1000", false},
    {"0.001", false},
    {"1e2", true},
    {"1e3", false},
    {"1E+2", true},
    {"0001", true},
    {"12.3400", true},
    {"0.010e2", true},
    {"12345e-2", true},
    {"12345e-3", false},
    {"0e999999999999", true},
    {"1e-999999999999", false},
    {"100000000000000000000e-18", true},
};

static void decimals(struct fixture *f, const void *unused)
{
    (void)unused;
    struct destination_caps caps = holds_all;
    caps.decimal_integer_digits = 3;
    caps.decimal_scale = 2;
    for (unsigned i = 0; i < G_N_ELEMENTS(numbers); i++) {
        g_test_message("%s", numbers[i].number);
        set(f, NUMBER, numbers[i].number);
        cell_set_null(&f->cells[f->table->extra]);
        g_assert_cmpuint(fit_batch(f->batch, &caps, &dialect), ==, !numbers[i].fits);
        check_cell(f, NUMBER, numbers[i].fits ? numbers[i].number : NULL);
        g_autofree char *extra = g_strdup_printf("{\"number\":%s}", numbers[i].number);
        check_cell(f, f->table->extra, numbers[i].fits ? NULL : extra);
    }
}

static void joins_what_is_there(struct fixture *f, const void *unused)
{
    (void)unused;
    struct destination_caps caps = holds_all;
    caps.decimal_integer_digits = 3;
    set(f, NUMBER, "1000");
    set(f, (unsigned)f->table->extra, "{\"new\": [1]}");
    g_assert_cmpuint(fit_batch(f->batch, &caps, &dialect), ==, 1);
    check_cell(f, f->table->extra, "{\"new\": [1],\"number\":1000}");
}

static void unicode(struct fixture *f, const void *unused)
{
    (void)unused;
    struct destination_caps caps = {.keeps_json_text = true};
    cell_set(&f->cells[TEXT], "a\0b", 3);
    set(f, DOCUMENT, "[\"\\u0000\\\\u0000\\ud83d\\ude80\\ud83d\\uDE80x\\ud83d\\n\\ude80\"]");
    set(f, (unsigned)f->table->extra, "{\"k\\u0000\":1}");
    g_assert_cmpuint(fit_batch(f->batch, &caps, &dialect), ==, 0);
    check_cell(f, TEXT,
               "a\xef\xbf\xbd"
               "b");
    check_cell(f, DOCUMENT, "[\"\\ufffd\\\\u0000\\ud83d\\ude80\\ud83d\\uDE80x\\ufffd\\n\\ufffd\"]");
    check_cell(f, f->table->extra, "{\"k\\ufffd\":1}");
}

/* A document with a number that the database's own number type refuses. */
static void numbers_in_documents(struct fixture *f, const void *unused)
{
    (void)unused;
    struct destination_caps caps = {.zero_bytes = true, .decimal_integer_digits = 3};
    set(f, DOCUMENT, "{\"a\": [\"1e9 \\\" 1e9\", 999, true, null]}");
    g_assert_cmpuint(fit_batch(f->batch, &caps, &dialect), ==, 0);
    set(f, DOCUMENT, "{\"a\": [1, 1e9]}");
    g_assert_cmpuint(fit_batch(f->batch, &caps, &dialect), ==, 1);
    check_cell(f, DOCUMENT, NULL);
    check_cell(f, f->table->extra, "{\"document\":\"{\\\"a\\\": [1, 1e9]}\"}");
}

/* What _extra got from the decoder can go nowhere else: values of the wrong type, unknown keys. */
static void numbers_in_extra(struct fixture *f, const void *unused)
{
    (void)unused;
    struct destination_caps caps = {.zero_bytes = true, .decimal_integer_digits = 3};
    set(f, (unsigned)f->table->extra, "{\"a\": [-1e9, \"1e9\", 12], \"b\": 1000}");
    g_assert_cmpuint(fit_batch(f->batch, &caps, &dialect), ==, 0);
    check_cell(f, f->table->extra, "{\"a\": [\"-1e9\", \"1e9\", 12], \"b\": \"1000\"}");
    caps.keeps_json_text = true;
    set(f, (unsigned)f->table->extra, "{\"a\": -1e9}");
    g_assert_cmpuint(fit_batch(f->batch, &caps, &dialect), ==, 0);
    check_cell(f, f->table->extra, "{\"a\": -1e9}");
}

static void rows_that_are_too_wide(struct fixture *f, const void *unused)
{
    (void)unused;
    struct destination_caps caps = holds_all;
    caps.row_bytes = 8 + 8 + 30 + 12; /* key, time, number, and 12 bytes of text */
    set(f, TIME, "2026-01-01 00:00:00");
    set(f, NUMBER, "1");
    set(f, TEXT, "ten bytes.");
    g_assert_cmpuint(fit_batch(f->batch, &caps, &dialect), ==, 0);
    set(f, DOCUMENT, "{}");
    g_assert_cmpuint(fit_batch(f->batch, &caps, &dialect), ==, 0);
    set(f, DOCUMENT, "[1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18]");
    g_assert_cmpuint(fit_batch(f->batch, &caps, &dialect), ==, 1);
    check_cell(f, DOCUMENT, NULL); /* the largest went; 40 bytes of it counted */
    check_cell(f, NUMBER, "1");
    check_cell(f, TEXT, "ten bytes.");
    check_cell(f, f->table->extra,
               "{\"document\":[1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18]}");
}

/* Where a longer text may stand outside, its pointer counts. */
static void texts_outside_the_row(struct fixture *f, const void *unused)
{
    (void)unused;
    struct dialect outside = dialect;
    outside.inside_row[COLUMN_TEXT].pointer = outside.inside_row[COLUMN_JSON].pointer = 22;
    g_autofree char *long_text = g_strnfill(outside.inside_row[COLUMN_TEXT].bytes + 1, 'x');
    struct destination_caps caps = holds_all;
    caps.row_bytes = 8 + 22;
    set(f, TEXT, long_text);
    g_assert_cmpuint(fit_batch(f->batch, &caps, &outside), ==, 0);
    long_text[outside.inside_row[COLUMN_TEXT].bytes] = '\0'; /* too short for that */
    set(f, TEXT, long_text);
    g_assert_cmpuint(fit_batch(f->batch, &caps, &outside), ==, 1);
    check_cell(f, TEXT, NULL);
}

static void keys_and_versions_stay(struct fixture *f, const void *unused)
{
    (void)unused;
    struct destination_caps caps = holds_all;
    caps.row_bytes = 1;
    set(f, TIME, "2026-01-01 00:00:00");
    set(f, TEXT, "a");
    g_assert_cmpuint(fit_batch(f->batch, &caps, &dialect), ==, 1);
    check_cell(f, ID, "1");
    check_cell(f, TIME, "2026-01-01 00:00:00");
}

static void add(const char *path, void (*test)(struct fixture *, const void *))
{
    g_test_add(path, struct fixture, NULL, set_up, test, tear_down);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    add("/fit/everything", everything_fits);
    add("/fit/decimals", decimals);
    add("/fit/joins", joins_what_is_there);
    add("/fit/unicode", unicode);
    add("/fit/numbers-in-documents", numbers_in_documents);
    add("/fit/numbers-in-extra", numbers_in_extra);
    add("/fit/wide-rows", rows_that_are_too_wide);
    add("/fit/texts-outside", texts_outside_the_row);
    add("/fit/keys-and-versions", keys_and_versions_stay);
    return g_test_run();
}
