/* Names as databases take them. */
#include "sql/dialect.h"

static void check_identifier(const struct dialect *dialect, const char *name, const char *expected)
{
    g_autofree char *got = dialect_identifier(dialect, name);
    g_assert_cmpstr(got, ==, expected);
}

/* MySQL's identifiers are Unicode up to U+FFFF and may not end with a space; 64 characters. */
static void plain_identifiers(void)
{
    check_identifier(&dialect_mysql, "deal_source", "deal_source");
    check_identifier(&dialect_mysql, "größe 漢字", "größe 漢字");
    check_identifier(&dialect_mysql, " two  ", " two__");
    check_identifier(&dialect_mysql, "\xef\xbf\xbd", "\xef\xbf\xbd"); /* U+FFFD */
    /* U+10000 = 65536 = 1·36³ + 14·36² + 20·36 + 16 */
    check_identifier(&dialect_mysql, "a\xf0\x90\x80\x80", "a1ekg");
    /* U+10FFFF = 1114111 = 23·36³ + 31·36² + 23·36 + 19 */
    check_identifier(&dialect_mysql, "\xf4\x8f\xbf\xbf", "nvnj");
    check_identifier(&dialect_sqlite, "a\xf0\x90\x80\x80 ", "a\xf0\x90\x80\x80 ");
}

static void same_identifiers(void)
{
    g_assert_true(dialect_same_identifier(&dialect_mysql, "Name", "name"));
    g_assert_true(dialect_same_identifier(&dialect_mysql, "GRÖSSE", "grösse"));
    g_assert_false(dialect_same_identifier(&dialect_mysql, "grösse", "grosse"));
    g_assert_true(dialect_same_identifier(&dialect_mysql, "a ", "A_")); /* as they are stored */
    g_assert_true(dialect_same_identifier(&dialect_mysql, "\xf0\x90\x80\x80", "1ekg"));
    g_assert_true(dialect_same_identifier(&dialect_sqlite, "Name", "name"));
    g_assert_false(dialect_same_identifier(&dialect_sqlite, "Ö", "ö"));
    g_assert_false(dialect_same_identifier(&dialect_postgres, "Name", "name"));
}

static void quoting(void)
{
    g_autoptr(GString) sql = g_string_new(NULL);
    dialect_quote(&dialect_mysql, sql, "back`tick ");
    g_assert_cmpstr(sql->str, ==, "`back``tick_`");
    g_string_truncate(sql, 0);
    dialect_quote(&dialect_postgres, sql, "double\"quote ");
    g_assert_cmpstr(sql->str, ==, "\"double\"\"quote \"");
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/dialect/plain-identifiers", plain_identifiers);
    g_test_add_func("/dialect/same-identifiers", same_identifiers);
    g_test_add_func("/dialect/quoting", quoting);
    return g_test_run();
}
