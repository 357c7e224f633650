/* sync/compare.c: what a database gives back may look different and mean the same. */
#include "sync/compare.h"

#include <string.h>

static struct cell cell_of(const char *text)
{
    struct cell cell;

    if (text)
        cell_set(&cell, text, strlen(text));
    else
        cell_set_null(&cell);
    return cell;
}

static const struct {
    enum column_type type;
    const char *stored, *sent; /* NULL = null */
    bool same;
} cases[] = {
    {COLUMN_INTEGER, "12", "12", true},
    {COLUMN_INTEGER, "12", "13", false},
    {COLUMN_INTEGER, NULL, NULL, true},
    {COLUMN_INTEGER, NULL, "0", false},
    {COLUMN_INTEGER, "0", NULL, false},
    {COLUMN_DECIMAL, "12.5", "12.50", true},
    {COLUMN_DECIMAL, "12.50000", "1.25e1", true},
    {COLUMN_DECIMAL, "125", "1.25E+2", true},
    {COLUMN_DECIMAL, "0.00125", "125e-5", true},
    {COLUMN_DECIMAL, "1000", "1e3", true},
    {COLUMN_DECIMAL, "0", "-0.00", true},
    {COLUMN_DECIMAL, "0", "0e99", true},
    {COLUMN_DECIMAL, "12.5", "-12.5", false},
    {COLUMN_DECIMAL, "12.5", "125", false},
    {COLUMN_DECIMAL, "12.5", "1.205", false},
    {COLUMN_DECIMAL, "1205", "125", false},
    {COLUMN_DECIMAL, "10", "1", false},
    {COLUMN_DECIMAL, "0.1", "0.01", false},
    {COLUMN_DECIMAL, "0.30000000000000004", "0.3", false},
    {COLUMN_DECIMAL, "9007199254740993", "9007199254740992", false},
    {COLUMN_DECIMAL, "9007199254740993.0", "9007199254740993", true},
    {COLUMN_DECIMAL, "12x", "12", false},
    {COLUMN_DECIMAL, "1e", "1", false},
    {COLUMN_DECIMAL, "", "0", false},
    {COLUMN_DECIMAL, "-", "0", false},
    {COLUMN_BOOLEAN, "1", "1", true},
    {COLUMN_BOOLEAN, "1", "0", false},
    {COLUMN_TIMESTAMP, "2026-11-02 08:15:30", "2026-11-02 08:15:30", true},
    {COLUMN_TIMESTAMP, "2026-11-02 08:15:30.5", "2026-11-02 08:15:30.500000", true},
    {COLUMN_TIMESTAMP, "2026-11-02 08:15:30", "2026-11-02 08:15:31", false},
    {COLUMN_TIMESTAMP, "2026-11-02 08:15:30", "2026-11-02 08:15:30.000001", false},
    {COLUMN_TIMESTAMP, "soon", "2026-11-02 08:15:30", false},
    {COLUMN_DATE, "2026-11-02", "2026-11-03", false},
    {COLUMN_TIME, "08:15:30", "08:15:30", true},
    {COLUMN_TEXT, "12.5", "12.50", false},
    {COLUMN_TEXT, "a", "A", false},
    {COLUMN_TEXT, "a ", "a", false},
    {COLUMN_TEXT, "", NULL, false},
    {COLUMN_JSON, "{\"b\": 2.0, \"a\": [1, null]}", "{\"a\":[1,null],\"b\":2}", true},
    {COLUMN_JSON, "[1,2]", "[2,1]", false},
    {COLUMN_JSON, "[1]", "[1,1]", false},
    {COLUMN_JSON, "{\"a\":1}", "{\"a\":1,\"b\":null}", false},
    {COLUMN_JSON, "{\"a\":1,\"b\":null}", "{\"a\":1}", false},
    {COLUMN_JSON, "{\"a\":1}", "{\"b\":1}", false},
    {COLUMN_JSON, "{\"a\":2}", "{\"a\":1,\"a\":2}", true}, /* the last one counts */
    {COLUMN_JSON, "\"\\u00e9\"", "\"\xc3\xa9\"", true},
    {COLUMN_JSON, "\"1\"", "1", false},
    {COLUMN_JSON, "true", "false", false},
    {COLUMN_JSON, "{\"a\":", "{\"a\":1}", false},
    {COLUMN_JSON, "{}", "[]", false},
};

static void cells(void)
{
    struct comparer comparer = {.parser = json_parser_new(), .zero_bytes = true};

    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        struct cell stored = cell_of(cases[i].stored), sent = cell_of(cases[i].sent);

        g_test_message("%s: %s and %s", column_type_name(cases[i].type),
                       cases[i].stored ? cases[i].stored : "null",
                       cases[i].sent ? cases[i].sent : "null");
        g_assert_cmpint(compare_cells(&comparer, cases[i].type, &stored, &sent), ==, cases[i].same);
    }
    json_parser_free(comparer.parser);
}

/* A database that cannot keep U+0000 holds U+FFFD for it; one that can must not. */
static void zero_bytes(void)
{
    struct comparer comparer = {.parser = json_parser_new()};
    struct cell stored = cell_of("a\xef\xbf\xbd"
                                 "b"),
                sent, other = cell_of("a\xef\xbf\xbd");
    struct cell stored_json = cell_of("{\"\xef\xbf\xbd\": \"x\xef\xbf\xbd\"}");
    struct cell sent_json = cell_of("{\"\\u0000\":\"x\\u0000\"}");

    cell_set(&sent, "a\0b", 3);
    g_assert_true(compare_cells(&comparer, COLUMN_TEXT, &stored, &sent));
    g_assert_false(compare_cells(&comparer, COLUMN_TEXT, &other, &sent));
    g_assert_true(compare_cells(&comparer, COLUMN_JSON, &stored_json, &sent_json));
    comparer.zero_bytes = true;
    g_assert_false(compare_cells(&comparer, COLUMN_TEXT, &stored, &sent));
    g_assert_false(compare_cells(&comparer, COLUMN_JSON, &stored_json, &sent_json));
    json_parser_free(comparer.parser);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/compare/cells", cells);
    g_test_add_func("/compare/zero-bytes", zero_bytes);
    return g_test_run();
}
