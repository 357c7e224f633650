/* What comes back is what was sent: types, extremes, null and absent. */
#include <string.h>

#include "fixture.h"

#define REPLACEMENT "\xef\xbf\xbd" /* U+FFFD */

static void every_type(struct fixture *f)
{
    g_autoptr(Table) t = replicated("types", "id integer key, i integer, d decimal, b boolean, "
                                             "ts timestamp, da date, ti time, te text, j json");
    prepare(f, t);
    put(f, t, "id", "1", "i", "-42", "d", "12.5", "b", "1", "ts", "2026-11-02 08:15:30.000250",
        "da", "2026-02-28", "ti", "23:59:59", "te", "text", "j", "{\"a\": [1, null]}");
    check_counts(f, 1, 0);
    reopen(f);
    check_dump(f, t, "id,i,d,b,ts,da,ti,te,j",
               "1|-42|12.5|1|2026-11-02 08:15:30.000250|2026-02-28|23:59:59|text|"
               "{\"a\": [1, null]}\n");
    check_dump(f, t, "_synced_at,_deleted_at,_run_id,_extra", T0_TEXT "|~|run-1|~\n");
    for (unsigned i = 0; i < t->columns->len; i++)
        g_assert_cmpint(inspected_type(f, t, table_column(t, i)->name), ==,
                        (int)table_column(t, i)->type);
}

static void integers_to_the_limit(struct fixture *f)
{
    g_autoptr(Table) t = replicated("numbers", "id integer key, i integer");
    prepare(f, t);
    struct batch *batch = batch_of(t);
    add(batch, "id", "-9223372036854775808", "i", "9223372036854775807", NULL);
    add(batch, "id", "1", "i", "-9223372036854775808", NULL);
    add(batch, "id", "9007199254740993", "i", "9007199254740993", NULL);
    apply(f, batch);
    check_dump(f, t, "id,i",
               "-9223372036854775808|9223372036854775807\n1|-9223372036854775808\n"
               "9007199254740993|9007199254740993\n");
}

/* No digit is lost, whatever the database makes of the number. */
static const char *const decimals[] = {
    "0.30000000000000004",
    "12345678901234.567890123",
    "9223372036854775807",
    "-9223372036854775808",
    "9223372036854775808",
    "9007199254740993",
    "9007199254740993.5",
    "12345678901234567890123456789012345.123456789012345678901234567890",
    "0.1",
    "-0.1",
    "2.5",
    "1234.56",
    "99999999999999.99",
    "0.100000000000000005551115123126",
    "10000",
    "100000000.0001",
    "0.00010000",
    "0.0000000000012",
};

/* More digits than some databases have. */
static const char *const long_decimals[] = {
    "1e400",
    "-1e400",
    "1e-400",
    "4.9e-324",
    "1.7976931348623157e+308",
    "0.1000000000000000055511151231257827",
    "123456789012345678901234567890123456789012345678901234567890.123456789",
};

static void check_decimals(struct fixture *f, const char *const *numbers, unsigned count)
{
    g_autoptr(Table) t = replicated("numbers", "id integer key, d decimal");
    prepare(f, t);
    struct batch *batch = batch_of(t);
    for (unsigned i = 0; i < count; i++) {
        g_autofree char *id = g_strdup_printf("%u", i);
        add(batch, "id", id, "d", numbers[i], NULL);
    }
    apply(f, batch);
    g_autofree char *all = dump(f, t, "d");
    g_auto(GStrv) got = g_strsplit(all, "\n", -1);
    for (unsigned i = 0; i < count; i++)
        check_number(got[i], numbers[i]);
}

static void decimals_to_the_last_digit(struct fixture *f)
{
    check_decimals(f, decimals, G_N_ELEMENTS(decimals));
}

static void decimals_beyond_any_double(struct fixture *f)
{
    const struct destination_caps *caps = &f->subject->ops->caps;
    if (caps->decimal_integer_digits == 0 || caps->decimal_integer_digits > 401)
        check_decimals(f, long_decimals, G_N_ELEMENTS(long_decimals));
}

/* The same number in another spelling may come back in a third, but as the same number. */
static void odd_decimals(struct fixture *f)
{
    static const char *const odd[] = {"-0.0", "0",      "-0",    "1E3",  "1.50",    "100.00",
                                      "1e0",  "0.0e10", "0.000", "1e22", "12.3e-2", "1e23"};
    g_autoptr(Table) t = replicated("numbers", "id integer key, d decimal");
    prepare(f, t);
    for (unsigned i = 0; i < G_N_ELEMENTS(odd); i++) {
        put(f, t, "id", "1", "d", odd[i]);
        g_autofree char *got = dump(f, t, "d");
        check_number(g_strchomp(got), odd[i]);
        put(f, t, "id", "1", "d", odd[i]); /* the stored form is recognised */
        check_counts(f, 0, 1);
    }
}

static void texts(struct fixture *f)
{
    g_autoptr(Table) t = replicated("texts", "id integer key, te text, j json");
    prepare(f, t);
    put(f, t, "id", "1", "te", "", "j", "\"\"");
    put(f, t, "id", "2", "te", "\xf0\x9f\x9a\xb0 Grüße, 漢字 \xe2\x80\x8b'\"\\;--", "j",
        "\"\\u0000\"");
    put(f, t, "id", "3", "te", null_cell, "j", null_cell);
    g_autofree char *expected = g_strdup_printf(
        "1||\"\"\n2|\xf0\x9f\x9a\xb0 Grüße, 漢字 \xe2\x80\x8b'\"\\;--|\"%s\"\n3|~|~\n",
        f->subject->ops->caps.zero_bytes ? "\\u0000" : REPLACEMENT);
    check_dump(f, t, "id,te,j", expected);
}

struct bytes {
    const char *bytes;
    size_t length;
    unsigned seen;
};

static void check_bytes(const struct cell *cells, void *opaque)
{
    struct bytes *expected = opaque;
    g_assert_cmpuint(cells[0].length, ==, expected->length);
    g_assert_true(memcmp(cells[0].text, expected->bytes, expected->length) == 0);
    expected->seen++;
}

static void check_stored_bytes(struct fixture *f, const struct table *t, const char *bytes,
                               size_t length)
{
    struct bytes expected = {.bytes = bytes, .length = length};
    unsigned column = 1;
    struct read_query query = {
        .table = t, .columns = &column, .column_count = 1, .where = -1, .order_by = -1};
    GError *error = NULL;
    g_assert_true(destination_read(f->dest, &query, check_bytes, &expected, &error));
    g_assert_no_error(error);
    g_assert_cmpuint(expected.seen, ==, 1);
}

static void put_bytes(struct fixture *f, const struct table *t, const char *bytes, size_t length)
{
    struct batch *batch = batch_of(t);
    struct row *row = add(batch, "id", "1", NULL);
    cell_set(&row->cells[1], bytes, length);
    apply(f, batch);
}

static void zero_bytes(struct fixture *f)
{
    static const char bytes[] = "a\0b\0", replaced[] = "a" REPLACEMENT "b" REPLACEMENT;
    bool kept = f->subject->ops->caps.zero_bytes;
    g_autoptr(Table) t = replicated("texts", "id integer key, te text");
    prepare(f, t);
    put_bytes(f, t, bytes, 4);
    check_stored_bytes(f, t, kept ? bytes : replaced, kept ? 4 : strlen(replaced));
    put_bytes(f, t, bytes, 4);
    check_counts(f, 0, 1);
    put_bytes(f, t, "a\0c\0", 4); /* differs behind the zero byte */
    check_counts(f, 1, 0);
    put_bytes(f, t, "a", 1);
    check_counts(f, 1, 0);
    put_bytes(f, t, NULL, 0); /* empty, not null */
    check_dump(f, t, "id,te", "1|\n");
}

static void long_text(struct fixture *f)
{
    g_autofree char *text = g_malloc(1 << 20);
    memset(text, 'x', 1 << 20);
    g_autoptr(Table) t = replicated("texts", "id integer key, te text");
    prepare(f, t);
    put_bytes(f, t, text, 1 << 20);
    check_stored_bytes(f, t, text, 1 << 20);
}

static void null_present_absent(struct fixture *f)
{
    prepare(f, f->deals);
    put(f, f->deals, "id", "1", "title", "a", "value", "5");
    put(f, f->deals, "id", "1", "title", null_cell); /* value is absent */
    check_dump(f, f->deals, "id,title,value", "1|~|5\n");
    put(f, f->deals, "id", "1", "value", null_cell);
    check_dump(f, f->deals, "id,title,value", "1|~|~\n");
    put(f, f->deals, "id", "2"); /* all absent in a new row */
    check_dump(f, f->deals, "id,title,value", "1|~|~\n2|~|~\n");
    put(f, f->deals, "id", "2");
    check_counts(f, 0, 1);
}

static void identifiers(struct fixture *f)
{
    g_autoptr(Table) t = replicated(
        "order", "'id' integer key, 'select' text, 'with \"quotes\"' text, 'a b,c' text, "
                 "'größe 漢字' text, '1st' text, 'semi;--' text, 'excluded' text, "
                 "'order' text, '*/' text, 'rowid' text");
    prepare(f, t);
    put(f, t, "id", "1", "select", "1", "with \"quotes\"", "2", "a b,c", "3", "größe 漢字", "4",
        "1st", "5", "semi;--", "6", "excluded", "7", "order", "8", "*/", "9", "rowid", "10");
    put(f, t, "id", "1", "select", "x");
    reopen(f);
    prepare(f, t);
    check_dump(f, t, "id,select,with \"quotes\",größe 漢字,1st,semi;--,excluded,order,*/,rowid",
               "1|x|2|4|5|6|7|8|9|10\n");
    g_assert_cmpint(inspected_type(f, t, "a b,c"), ==, COLUMN_TEXT);
}

static struct table *wide_table(unsigned columns)
{
    struct table *t = table_new("wide", TABLE_REPLICATED);
    t->keys[t->key_count++] = table_add_column(t, "id", COLUMN_INTEGER, NULL);
    for (unsigned i = 1; i < columns; i++) {
        g_autofree char *name = g_strdup_printf("column_%u", i);
        table_add_column(t, name, COLUMN_TEXT, NULL);
    }
    table_add_system_columns(t, METADATA_NATIVE);
    return t;
}

static void put_wide(struct fixture *f, const struct table *t, unsigned rows, const char *last)
{
    struct batch *batch = batch_of(t);
    int columns = t->synced_at; /* it is the first behind them */
    for (unsigned r = 1; r <= rows; r++) {
        struct cell *cells = add(batch, "_deleted_at", null_cell, "_extra", null_cell, NULL)->cells;
        cell_set_int(batch, &cells[0], r);
        for (int i = 1; i < columns; i++)
            cell_set_int(batch, &cells[i], i);
        cell_set_string(batch, &cells[columns - 1], last);
    }
    apply(f, batch);
}

/* One row, then a page. */
static void many_columns(struct fixture *f)
{
    unsigned count = MIN(1500, f->subject->ops->caps.max_columns - 10);
    g_autoptr(Table) t = wide_table(count);
    prepare(f, t);
    for (unsigned rows = 1; rows <= 7; rows += 6) {
        put_wide(f, t, rows, "a");
        check_counts(f, rows > 1 ? rows - 1 : 1, rows > 1);
        put_wide(f, t, rows, "a");
        check_counts(f, 0, rows);
        put_wide(f, t, rows, "b"); /* the last column alone differs */
        check_counts(f, rows, 0);
        put_wide(f, t, rows, "a");
    }
    check_dump(f, t, "id,column_1,column_700",
               "1|1|700\n2|1|700\n3|1|700\n4|1|700\n5|1|700\n6|1|700\n7|1|700\n");
}

/* Names as long as the destination takes, whose beginnings are the same. */
static void long_identifiers(struct fixture *f)
{
    unsigned length = MIN(f->subject->ops->caps.identifier_bytes, 128);
    g_autofree char *first = g_strnfill(length, 'x'), *second = g_strnfill(length, 'x');
    g_autofree char *name = g_strnfill(length, 't');
    second[length - 1] = 'y';
    g_autofree char *columns =
        g_strdup_printf("id integer key, %s text, %s integer", first, second);
    g_autoptr(Table) t = replicated(name, columns);
    table_index_column(t, 1);
    table_index_column(t, 2);
    prepare(f, t);
    prepare(f, t);
    put(f, t, "id", "1", first, "a", second, "2");
    g_autofree char *both = g_strdup_printf("%s,%s", first, second);
    check_dump(f, t, both, "a|2\n");
}

static void reserved_words(struct fixture *f)
{
    g_autoptr(Table) t = replicated("user", "id integer key, table text, where text, group text, "
                                            "select text, check text, values text, end text, "
                                            "source text, key_ text, rows text, limit text");
    prepare(f, t);
    for (unsigned round = 0; round < 2; round++) {
        struct batch *batch = batch_of(t);
        for (unsigned i = 0; i < 20; i++) {
            struct row *row = batch_add_row(batch);
            cell_set_int(batch, &row->cells[0], i);
            for (unsigned c = 1; c <= 11; c++)
                cell_set_string(batch, &row->cells[c], round ? "b" : "a");
        }
        apply(f, batch);
        check_counts(f, 20, 0);
    }
    put(f, t, "id", "1", "table", "x", "where", "y");
    check_dump(f, t, "limit", "b\nb\nb\nb\nb\nb\nb\nb\nb\nb\nb\nb\nb\nb\nb\nb\nb\nb\nb\nb\n");
}

/* Every column of every row as long as it gets: what a row cannot hold goes to _extra. */
static void wide_rows(struct fixture *f, enum column_type type, const char *value)
{
    enum {
        COLUMNS = 700
    };
    g_autofree char *name = g_strdup_printf("wide_%s", column_type_name(type));
    struct table *t = table_new(name, TABLE_REPLICATED);
    t->keys[t->key_count++] = table_add_column(t, "id", COLUMN_INTEGER, NULL);
    for (unsigned i = 1; i <= COLUMNS; i++) {
        g_autofree char *column = g_strdup_printf("column_%u", i);
        table_add_column(t, column, type, NULL);
    }
    table_add_system_columns(t, METADATA_NATIVE);
    prepare(f, t);
    for (unsigned round = 0; round < 2; round++) {
        struct batch *batch = batch_of(t);
        for (unsigned row = 0; row < (round ? 1 : 6); row++) {
            struct cell *cells = batch_add_row(batch)->cells;
            cell_set_int(batch, &cells[0], row);
            for (unsigned i = 1; i <= COLUMNS; i++)
                cell_set_string(batch, &cells[i], value);
        }
        apply(f, batch);
        check_counts(f, round ? 0 : 6, round ? 1 : 0);
    }
    g_autofree char *first = dump(f, t, "column_1");
    if (type == COLUMN_TEXT)
        g_assert_true(g_str_has_prefix(first, value));
    table_free(t);
}

enum {
    MIXED_COLUMNS = 1000
};

/* A value that takes as much room inside a row as its type can. */
static const char *const mixed_values[] = {
    [COLUMN_INTEGER] = "9223372036854775807",
    [COLUMN_DECIMAL] = "1.5",
    [COLUMN_BOOLEAN] = "1",
    [COLUMN_TIMESTAMP] = "2026-11-02 08:15:30",
    [COLUMN_DATE] = "2026-11-02",
    [COLUMN_TIME] = "08:15:30",
    [COLUMN_TEXT] = "text of 23 characters..",
    [COLUMN_JSON] = "1",
};

static void put_mixture(struct fixture *f, const enum column_type *types, unsigned count)
{
    g_autofree char *name = g_strdup_printf("mixed_%s", column_type_name(types[0]));
    g_autoptr(Table) t = table_new(name, TABLE_REPLICATED);
    t->keys[t->key_count++] = table_add_column(t, "id", COLUMN_INTEGER, NULL);
    for (unsigned i = 1; i <= MIXED_COLUMNS; i++) {
        g_autofree char *column = g_strdup_printf("c%u", i);
        table_add_column(t, column, types[i % count], NULL);
    }
    table_add_system_columns(t, METADATA_NATIVE);
    prepare(f, t);
    struct batch *batch = batch_of(t);
    struct cell *cells = batch_add_row(batch)->cells;
    cell_set_int(batch, &cells[0], 1);
    for (unsigned i = 1; i <= MIXED_COLUMNS; i++)
        cell_set_string(batch, &cells[i], mixed_values[types[i % count]]);
    apply(f, batch);
    check_counts(f, 1, 0);
}

/* Types side by side: a row also holds the room between them. */
static void wide_mixture(struct fixture *f)
{
    static const enum column_type mixtures[][2] = {
        {COLUMN_TEXT, COLUMN_INTEGER},      {COLUMN_DECIMAL, COLUMN_INTEGER},
        {COLUMN_BOOLEAN, COLUMN_TIMESTAMP}, {COLUMN_JSON, COLUMN_TIME},
        {COLUMN_DATE, COLUMN_INTEGER},
    };
    static const enum column_type all[] = {COLUMN_INTEGER,   COLUMN_DECIMAL, COLUMN_BOOLEAN,
                                           COLUMN_TIMESTAMP, COLUMN_DATE,    COLUMN_TIME,
                                           COLUMN_TEXT,      COLUMN_JSON};
    if (f->subject->ops->caps.max_columns < MIXED_COLUMNS + 10)
        return;
    for (unsigned i = 0; i < G_N_ELEMENTS(mixtures); i++)
        put_mixture(f, mixtures[i], 2);
    put_mixture(f, all, G_N_ELEMENTS(all));
}

static void wide_texts(struct fixture *f)
{
    g_autofree char *value = g_strnfill(3000, 'x');
    wide_rows(f, COLUMN_TEXT, value);
    wide_rows(f, COLUMN_JSON, "{\"a\": [1, 2, 3], \"b\": \"a text of some length, and more\"}");
}

static void wide_numbers(struct fixture *f)
{
    wide_rows(f, COLUMN_INTEGER, "9223372036854775807");
    wide_rows(f, COLUMN_DECIMAL, "12345678901234567890.1234567");
    wide_rows(f, COLUMN_TIMESTAMP, "2026-11-02 08:15:30");
    wide_rows(f, COLUMN_DATE, "2026-11-02");
    wide_rows(f, COLUMN_BOOLEAN, "1");
}

const struct test_case value_cases[] = {
    {"every-type", every_type},
    {"integers", integers_to_the_limit},
    {"decimals", decimals_to_the_last_digit},
    {"long-decimals", decimals_beyond_any_double},
    {"odd-decimals", odd_decimals},
    {"texts", texts},
    {"zero-bytes", zero_bytes},
    {"long-text", long_text},
    {"null-present-absent", null_present_absent},
    {"identifiers", identifiers},
    {"long-identifiers", long_identifiers},
    {"reserved-words", reserved_words},
    {"wide-texts", wide_texts},
    {"wide-numbers", wide_numbers},
    {"wide-mixture", wide_mixture},
    {"many-columns", many_columns},
    {0},
};
