/* model/decimal.c: which digits count, and where they stand. */
#include "model/decimal.h"

#include <glib.h>
#include <string.h>

static const struct {
    const char *text, *digits;
    bool negative;
    int first, scale;
} numbers[] = {
    {"0", "", false, 0, 0},
    {"-0.00", "", true, 0, 2},
    {"0e99", "", false, 0, 0},
    {"7", "7", false, 0, 0},
    {"12.5", "125", false, 1, 1},
    {"-12.50", "125", true, 1, 2},
    {"1.25e1", "125", false, 1, 1},
    {"125E-1", "125", false, 1, 1},
    {"1000", "1", false, 3, 0},
    {"1.5e+3", "15", false, 3, 0},
    {"100.001", "100001", false, 2, 3},
    {"0.00125", "125", false, -3, 5},
    {"0.010e2", "1", false, 0, 1},
    {"007", "7", false, 0, 0},
    {"123456789012345678901234567890.5", "1234567890123456789012345678905", false, 29, 1},
};

static void parsing(void)
{
    for (size_t i = 0; i < G_N_ELEMENTS(numbers); i++) {
        struct decimal decimal;
        g_autoptr(GString) digits = g_string_new(NULL);
        g_test_message("%s", numbers[i].text);
        g_assert_true(decimal_parse(numbers[i].text, strlen(numbers[i].text), &decimal));
        const char *p = decimal.digits;
        for (size_t j = 0; j < decimal.count; j++)
            g_string_append_c(digits, decimal_next(&p));
        g_assert_cmpstr(digits->str, ==, numbers[i].digits);
        g_assert_cmpint(decimal.negative, ==, numbers[i].negative);
        g_assert_cmpint(decimal.first, ==, numbers[i].first);
        g_assert_cmpint(decimal.scale, ==, numbers[i].scale);
    }
}

static void no_numbers(void)
{
    static const char *const texts[] = {"",  "-",   "+1",    "1.",    ".5",  "1e", "1e+",
                                        "x", "12x", "1.2.3", "1e1.5", "--1", "1 ", "NaN"};
    for (size_t i = 0; i < G_N_ELEMENTS(texts); i++) {
        struct decimal decimal;
        g_test_message("%s", texts[i]);
        g_assert_false(decimal_parse(texts[i], strlen(texts[i]), &decimal));
    }
}

static void beyond_all_reason(void)
{
    struct decimal large, small;
    const char *texts[] = {"1e99999999999999999999", "1e-99999999999999999999"};
    g_assert_true(decimal_parse(texts[0], strlen(texts[0]), &large));
    g_assert_true(decimal_parse(texts[1], strlen(texts[1]), &small));
    g_assert_cmpint(large.first, >, 1000000000);
    g_assert_cmpint(decimal_last(&small), <, -1000000000);
    g_assert_false(decimal_equal(&large, &small));
}

static bool are_equal(const char *a, const char *b)
{
    struct decimal left, right;
    g_assert_true(decimal_parse(a, strlen(a), &left));
    g_assert_true(decimal_parse(b, strlen(b), &right));
    g_assert_cmpint(decimal_equal(&left, &right), ==, decimal_equal(&right, &left));
    return decimal_equal(&left, &right);
}

static void equality(void)
{
    g_assert_true(are_equal("12.50", "125e-1"));
    g_assert_true(are_equal("0", "-0.00"));
    g_assert_true(are_equal("1000", "1e3"));
    g_assert_true(are_equal("9007199254740993.0", "9007199254740993"));
    g_assert_false(are_equal("9007199254740993", "9007199254740992"));
    g_assert_false(are_equal("12.5", "-12.5"));
    g_assert_false(are_equal("12.5", "125"));
    g_assert_false(are_equal("1205", "125"));
    g_assert_false(are_equal("0", "1"));
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/decimal/parsing", parsing);
    g_test_add_func("/decimal/no-numbers", no_numbers);
    g_test_add_func("/decimal/beyond-all-reason", beyond_all_reason);
    g_test_add_func("/decimal/equality", equality);
    return g_test_run();
}
