#include "json/json.h"

#include <string.h>

struct fixture {
    struct json_parser *parser;
    struct arena *arena;
    char *bytes; /* of the last document, exactly as long as the contract asks */
};

static void set_up(struct fixture *f, const void *unused)
{
    (void)unused;
    f->parser = json_parser_new();
    f->arena = arena_new();
}

static void tear_down(struct fixture *f, const void *unused)
{
    (void)unused;
    json_parser_free(f->parser);
    arena_free(f->arena);
    g_free(f->bytes);
}

/* What stands behind the document must not matter: padding is filled with one byte. */
static bool parse_padded(struct fixture *f, const char *text, size_t length, char padding,
                         const struct json_value **ret, GError **error)
{
    arena_reset(f->arena);
    g_free(f->bytes);
    f->bytes = g_malloc(length + JSON_PADDING);
    memcpy(f->bytes, text, length);
    memset(f->bytes + length, padding, JSON_PADDING);
    return json_parse(f->parser, f->bytes, length, f->arena, ret, error);
}

static const struct json_value *parse(struct fixture *f, const char *text)
{
    const struct json_value *root = NULL;
    g_autoptr(GError) error = NULL;

    g_assert_true(parse_padded(f, text, strlen(text), '\0', &root, &error));
    g_assert_no_error(error);
    return root;
}

static const char paddings[] = {'\0', ' ', '}', ']', ':', '"', '\\', ',', '0', 'x', '\x80'};

static void assert_accepted(struct fixture *f, const char *text, size_t length)
{
    for (size_t i = 0; i < sizeof(paddings); i++) {
        const struct json_value *root = NULL;
        g_autoptr(GError) error = NULL;
        if (!parse_padded(f, text, length, paddings[i], &root, &error))
            g_error("refused: %s: %s", text, error->message);
        g_assert_no_error(error);
    }
}

static void assert_refused(struct fixture *f, const char *text, size_t length)
{
    for (size_t i = 0; i < sizeof(paddings); i++) {
        const struct json_value *root = NULL;
        g_autoptr(GError) error = NULL;
        if (parse_padded(f, text, length, paddings[i], &root, &error))
            g_error("accepted: %s", text);
        g_assert_error(error, PENSTOCK_ERROR, PENSTOCK_ERROR_DATA);
        g_assert_nonnull(strstr(error->message, "at byte "));
        g_assert_null(root);
    }
}

/* --- what is JSON and what is not: RFC 8259, in the spirit of JSONTestSuite --- */

/* clang-format off: dense tables */
static const char *const good_documents[] = {
    "null",
    "true",
    "false",
    "0",
    "-0",
    "1",
    "-1",
    "\"\"",
    "\"a\"",
    "[]",
    "{}",
    " null",
    "null ",
    "\t\n\r 1 \t\n\r",
    " [ ] ",
    " { } ",
    "[1]",
    "[1,2]",
    "[ 1 , 2 ]",
    "[[]]",
    "[[],[]]",
    "[[],{}]",
    "[null,true,false]",
    "{\"a\":1}",
    "{ \"a\" : 1 }",
    "{\"a\":1,\"b\":2}",
    "{\"a\":{}}",
    "{\"a\":[]}",
    "{\"\":0}",
    "{\"a\":1,\"a\":2}",
    "{\"a\":{\"a\":{\"a\":[{\"a\":\"a\"}]}}}",
    /* numbers */
    "0.0",
    "-0.0",
    "1.5",
    "10",
    "1e1",
    "1E1",
    "1e+1",
    "1e-1",
    "1.5e10",
    "0e0",
    "0.1e00",
    "1e400",
    "123456789012345678901234567890",
    "0.123456789012345678901234567890",
    "[-1.25e-7,0]",
    "9007199254740993",
    "1E0000000001",
    /* strings */
    "\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"",
    "\"\\u0041\"",
    "\"\\u0000\"",
    "\"\\u00e9\\uABCD\\uabcd\"",
    "\"\\ud83d\\ude00\"",
    "\"\\uD83D\\uDE00\"",
    "\"\\udbff\\udfff\"",
    "\"\x7f\"",
    "\"{}[],:\"",
    "\"\xc3\xa9\"",
    "\"\xe2\x82\xac\"",
    "\"\xf0\x9f\x98\x80\"",
    "\"\xf4\x8f\xbf\xbf\"",
    "\"\xef\xbf\xbf\"",
    "\"\xe2\x80\xa8\"",
    "\"\\\\\"",
    "\"\\\\\\\\\"",
    "[\"\\\\\",\"\\\"\"]",
    "\"\\u005c\\u0022\"",
    "\"a\\\\\" ",
    "\"a string that is longer than the sixty-four bytes of a block of simdjson, by a few words\"",
    /* half a surrogate pair */
    "\"\\ud800\"",
    "\"\\udbff\"",
    "\"\\udc00\"",
    "\"\\udfff\"",
    "\"\\ud800\\ud800\"",
    "\"\\udc00\\udc00\"",
    "\"\\ude00\\udfff\"",
    "\"\\ud800\\ue000\"",
    "\"\\ud800\\uffff\"",
    "\"\\ud800a\"",
    "\"\\ud800\\n\"",
    "\"\\ud800\\u0041\"",
    "\"\\ud800\\udbff\"",
    "\"\\ude00\\ud83d\"",
    "\"\\ud83dude00\"",
    "{\"\\ud800\":1}",
};

static const char *const bad_documents[] = {
    "",
    " ",
    "\t\n\r ",
    /* literals */
    "nul",
    "nulll",
    "Null",
    "NULL",
    "tru",
    "truee",
    "True",
    "fals",
    "falsee",
    "none",
    "undefined",
    "nan",
    "NaN",
    "inf",
    "Infinity",
    "-Infinity",
    "n ull",
    "null null",
    "nulltrue",
    "true\"\"",
    "[nul]",
    "[nulll]",
    "[truefalse]",
    "{\"a\":nul}",
    "null,",
    "null]",
    /* numbers */
    "01",
    "-01",
    "00",
    "00.5",
    "+1",
    "++1",
    "--1",
    "-",
    "+",
    "- 1",
    "1.",
    ".5",
    "-.5",
    ".",
    "1.e1",
    "1e",
    "1e+",
    "1e-",
    "1E",
    "1ee1",
    "1e1e1",
    "1e1.5",
    "1.2.3",
    "0x10",
    "0b1",
    "1_000",
    "1,000",
    "1 000",
    "1a",
    "1-",
    "1-1",
    "1+1",
    "0e",
    "0e+",
    "-a",
    "1\"",
    "1null",
    "[01]",
    "[1.]",
    "[-]",
    "[1e]",
    "[+1]",
    "[.5]",
    "[NaN]",
    "[-NaN]",
    "{\"a\":01}",
    "[1 2]",
    "\xef\xbc\x91",
    "[1\xc2\xa0]",
    /* strings */
    "\"",
    "\"a",
    "a\"",
    "'a'",
    "\"\\\"",
    "\"\\",
    "\"\\\\\\\"",
    "\"\\a\"",
    "\"\\x41\"",
    "\"\\0\"",
    "\"\\'\"",
    "\"\\ \"",
    "\"\\u\"",
    "\"\\u1\"",
    "\"\\u12\"",
    "\"\\u123\"",
    "\"\\u123g\"",
    "\"\\u 123\"",
    "\"\\u+123\"",
    "\"\\U0041\"",
    "\"\\N\"",
    "\"\\\n\"",
    "\"\\\xc3\xa9\"",
    "\"a\nb\"",
    "\"a\tb\"",
    "\"\x01\"",
    "\"\x1f\"",
    "\"\r\"",
    "\"a\"b",
    "\"a\" \"b\"",
    "\"a\"\"b\"",
    "\"a\"\\",
    "\\\"a\"",
    "\\",
    "\\n",
    "[\"a]",
    "[\"a\",\"b]",
    "{\"a:1}",
    "[\"a\"b]",
    "\"\\ud83d\\u\"",
    "\"\\ud83d\\ude0\"",
    "\"\\ud83d\\\"",
    /* UTF-8 */
    "\"\x80\"",
    "\"\xff\"",
    "\"\xfe\"",
    "\"\xc3\"",
    "\"\xc3(\"",
    "\"\xc0\x80\"",
    "\"\xc1\xbf\"",
    "\"\xe0\x80\x80\"",
    "\"\xe2\x82\"",
    "\"\xed\xa0\x80\"",
    "\"\xed\xbf\xbf\"",
    "\"\xf0\x80\x80\x80\"",
    "\"\xf4\x90\x80\x80\"",
    "\"\xf5\x80\x80\x80\"",
    "\"\xf0\x9f\x98\"",
    "\"\xf8\x88\x80\x80\x80\"",
    "{\"\xff\":1}",
    "\xff",
    "[\xff]",
    "\"a\"\xc3",
    "\xef\xbb\xbf[]",
    "\xef\xbb\xbf",
    "\xff\xfe[\0]\0",
    "[]\x80",
    /* arrays */
    "[",
    "]",
    "[,",
    "[,]",
    "[1,]",
    "[,1]",
    "[1,,2]",
    "[1,,]",
    "[1",
    "[1,",
    "[1 ",
    "[1,2",
    "[1]]",
    "[[1]",
    "[]]",
    "[[]",
    "[[[",
    "]]]",
    "[1}",
    "[1:2]",
    "[\"a\":1]",
    "[]a",
    "[]1",
    "[],",
    "[][]",
    "[]{}",
    "[1]x",
    "[1];",
    "(1)",
    "[1;2]",
    "[\x0b]",
    "[\x0c]",
    "[1\x0c,2]",
    "[\x1a]",
    "[\xc2\xa0]",
    "[*]",
    "[{]}",
    "[{}",
    "[\"\"",
    "[/* c */]",
    "[] // c",
    "[1]#",
    /* objects */
    "{",
    "}",
    "{,",
    "{,}",
    "{1}",
    "{1:2}",
    "{\"a\"}",
    "{\"a\":}",
    "{\"a\":1,}",
    "{,\"a\":1}",
    "{\"a\":1,,\"b\":2}",
    "{\"a\" 1}",
    "{\"a\"::1}",
    "{\"a\":1:2}",
    "{\"a\":1 \"b\":2}",
    "{\"a\":1",
    "{\"a\":",
    "{\"a\"",
    "{\"a",
    "{\"a\":1,",
    "{\"a\":1,\"b\"",
    "{\"a\":1]",
    "{a:1}",
    "{'a':1}",
    "{null:1}",
    "{true:1}",
    "{[]:1}",
    "{{}:1}",
    "{\"a\":1}}",
    "{{\"a\":1}",
    "{\"a\":{}",
    "{}}",
    "{{}}",
    "{[]}",
    "{\"a\":1}x",
    "{\"a\":1},",
    "{\"a\":1}{}",
    "{\"a\",\"b\"}",
    "{\"a\":\"b\",\"c\"}",
    "{\"a\"=1}",
    "{\"a\":1;\"b\":2}",
    "{\"\\x\":1}",
    ":",
    ",",
    ":1",
    "1:2",
    "\"a\":1",
    "<html>",
};
/* clang-format on */

static void documents_of_the_rfc_are_accepted(struct fixture *f, const void *unused)
{
    (void)unused;
    for (size_t i = 0; i < G_N_ELEMENTS(good_documents); i++)
        assert_accepted(f, good_documents[i], strlen(good_documents[i]));
}

static void everything_else_is_refused(struct fixture *f, const void *unused)
{
    (void)unused;
    for (size_t i = 0; i < G_N_ELEMENTS(bad_documents); i++)
        assert_refused(f, bad_documents[i], strlen(bad_documents[i]));
}

/* Wherever the fault is: deep, and behind a block or two of simdjson. */
static void faults_are_found_anywhere(struct fixture *f, const void *unused)
{
    (void)unused;
    for (size_t i = 0; i < G_N_ELEMENTS(bad_documents); i++) {
        const char *bad = bad_documents[i];
        /* Nothing is a fault only after a comma. */
        const char *before = bad[strspn(bad, " \t\r\n")] ? "" : "1,";
        g_autofree char *item = g_strdup_printf(
            "{\"data\":[{\"label\":\"%0100d\"},[%s%s]],\"success\":true}", 7, before, bad);
        g_autofree char *member = g_strdup_printf("{\"%0130d\":{\"a\":%s}}", 7, bad);
        assert_refused(f, item, strlen(item));
        assert_refused(f, member, strlen(member));
    }
}

static void no_prefix_of_a_document_is_one(struct fixture *f, const void *unused)
{
    static const char text[] =
        "{\"success\":true,\"data\":[{\"id\":12,\"na\\u006de\":\"\\\"A\\\\\","
        "\"value\":1.5e3,\"nested\":{\"list\":[1,[],{},null]}}],\"more\":false}";

    (void)unused;
    assert_accepted(f, text, strlen(text));
    for (size_t length = 0; length < strlen(text); length++)
        assert_refused(f, text, length);
}

static void zero_bytes_are_no_end(struct fixture *f, const void *unused)
{
    (void)unused;
    assert_refused(f, "\0", 1);
    assert_refused(f, "1\0", 2);
    assert_refused(f, "[1\0]", 4);
    assert_refused(f, "[]\0", 3);
    assert_refused(f, "[\"a\0b\"]", 7);
    assert_refused(f, "[null\0]", 7);
}

static char *nested(unsigned depth, const char *open, const char *inner, const char *close)
{
    GString *text = g_string_new(NULL);

    for (unsigned i = 0; i < depth; i++)
        g_string_append(text, open);
    g_string_append(text, inner);
    for (unsigned i = 0; i < depth; i++)
        g_string_append(text, close);
    return g_string_free(text, FALSE);
}

static void depth_has_its_limit(struct fixture *f, const void *unused)
{
    g_autofree char *arrays = nested(JSON_MAX_DEPTH, "[", "1", "]");
    g_autofree char *objects = nested(JSON_MAX_DEPTH, "{\"a\":", "{}", "}");
    g_autofree char *just = nested(JSON_MAX_DEPTH - 1, "{\"a\":", "{}", "}");
    g_autofree char *deeper = nested(JSON_MAX_DEPTH + 1, "[", "", "]");
    g_autofree char *open = nested(1000000, "[", "", "");
    g_autofree char *open_objects = nested(1000000, "{\"a\":", "", "");
    g_autofree char *closed = nested(1000000, "", "", "]");

    (void)unused;
    assert_accepted(f, arrays, strlen(arrays));
    assert_accepted(f, just, strlen(just));
    assert_refused(f, objects, strlen(objects));
    assert_refused(f, deeper, strlen(deeper));
    assert_refused(f, open, strlen(open));
    assert_refused(f, open_objects, strlen(open_objects));
    assert_refused(f, closed, strlen(closed));
}

/* Never "something follows": a bracket behind the end has not been looked at. */
static void padding_does_not_complete_a_document(struct fixture *f, const void *unused)
{
    static const char *const cut[] = {"[1", "[", "[[]", "{\"a\":1", "{\"a\":", "{\"a\""};

    (void)unused;
    for (size_t i = 0; i < G_N_ELEMENTS(cut); i++) {
        for (size_t j = 0; j < sizeof(paddings); j++) {
            const struct json_value *root;
            g_autoptr(GError) error = NULL;
            g_autofree char *expected =
                g_strdup_printf("not JSON at byte %zu: it ends too early", strlen(cut[i]));
            g_assert_false(parse_padded(f, cut[i], strlen(cut[i]), paddings[j], &root, &error));
            g_assert_cmpstr(error->message, ==, expected);
        }
    }
}

static void faults_are_located(struct fixture *f, const void *unused)
{
    static const struct {
        const char *text, *message;
    } faults[] = {
        {"", "not JSON at byte 0: it is empty"},
        {"  ", "not JSON at byte 2: it is empty"},
        {"[1,01]", "not JSON at byte 3: invalid number"},
        {"[1,\n nul]", "not JSON at byte 5: expected a value"},
        {"[1 2]", "not JSON at byte 3: expected ',' or ']'"},
        {"{\"a\":1 \"b\":2}", "not JSON at byte 7: expected ',' or '}'"},
        {"{\"a\",1}", "not JSON at byte 4: expected ':'"},
        {"{1:2}", "not JSON at byte 1: expected a member's name"},
        {"[1,", "not JSON at byte 3: it ends too early"},
        {"[] []", "not JSON at byte 3: something follows the document"},
        {"[\"ab\\x\"]", "not JSON at byte 4: invalid escape"},
        {"[\"ab\\ud83d\\u12\"]", "not JSON at byte 10: invalid escape"},
        {"[\"a\\\"\tb\"]", "not JSON at byte 5: unescaped control character"},
        {"[\"\xc3\xa9\", \"\xff\"]", "not JSON at byte 8: invalid UTF-8"},
        {"[\"a\", \"b]", "not JSON at byte 6: this string has no end"},
    };

    (void)unused;
    for (size_t i = 0; i < G_N_ELEMENTS(faults); i++) {
        const struct json_value *root;
        g_autoptr(GError) error = NULL;
        g_assert_false(
            parse_padded(f, faults[i].text, strlen(faults[i].text), '\0', &root, &error));
        g_assert_cmpstr(error->message, ==, faults[i].message);
    }
}

/* --- the tape --- */

static void assert_value(const struct json_value *value, enum json_kind kind, const char *text)
{
    g_assert_nonnull(value);
    g_assert_cmpint(value->kind, ==, kind);
    g_assert_cmpuint(value->length, ==, strlen(text));
    g_assert_cmpint(memcmp(value->text, text, value->length), ==, 0);
}

static void numbers_keep_their_digits(struct fixture *f, const void *unused)
{
    static const char *const numbers[] = {"0",
                                          "-0",
                                          "1.50",
                                          "1E+02",
                                          "9007199254740993",
                                          "0.10000000000000000555",
                                          "-123456789012345678901234567890"};

    (void)unused;
    for (size_t i = 0; i < G_N_ELEMENTS(numbers); i++) {
        g_autofree char *spaced = g_strdup_printf(" %s\n", numbers[i]);
        assert_value(parse(f, numbers[i]), JSON_NUMBER, numbers[i]);
        assert_value(parse(f, spaced), JSON_NUMBER, numbers[i]);
    }
}

static void tape_has_the_promised_shape(struct fixture *f, const void *unused)
{
    const struct json_value *v = parse(f, " { \"a\" : [ 1 , { } , \"x\" ] , \"b\" : null } ");
    static const struct {
        enum json_kind kind;
        const char *text;
        uint32_t next, count;
    } expected[] = {
        {JSON_OBJECT, "{ \"a\" : [ 1 , { } , \"x\" ] , \"b\" : null }", 8, 2},
        {JSON_STRING, "a", 1, 0},
        {JSON_ARRAY, "[ 1 , { } , \"x\" ]", 4, 3},
        {JSON_NUMBER, "1", 1, 0},
        {JSON_OBJECT, "{ }", 1, 0},
        {JSON_STRING, "x", 1, 0},
        {JSON_STRING, "b", 1, 0},
        {JSON_NULL, "null", 1, 0},
    };

    (void)unused;
    g_assert_cmpuint(sizeof(*v), ==, 24);
    for (size_t i = 0; i < G_N_ELEMENTS(expected); i++) {
        assert_value(v + i, expected[i].kind, expected[i].text);
        g_assert_cmpuint(v[i].next, ==, expected[i].next);
        g_assert_cmpuint(v[i].count, ==, expected[i].count);
    }
}

static bool points_into_document(const struct fixture *f, const char *text, size_t length)
{
    return text >= f->bytes && text < f->bytes + length;
}

static void only_escapes_are_copied(struct fixture *f, const void *unused)
{
    static const char text[] = "[\"plain\",\"es\\u0063aped\",\"beside\\\\\",\"plain again\"]";
    const struct json_value *array = parse(f, text);
    const struct json_value *plain = array + 1, *escaped = array + 2, *again = array + 4;

    (void)unused;
    assert_value(plain, JSON_STRING, "plain");
    assert_value(escaped, JSON_STRING, "escaped");
    assert_value(again, JSON_STRING, "plain again");
    g_assert_true(points_into_document(f, plain->text, strlen(text)));
    g_assert_false(points_into_document(f, escaped->text, strlen(text)));
    g_assert_true(points_into_document(f, again->text, strlen(text)));
}

static void escapes_are_resolved(struct fixture *f, const void *unused)
{
    (void)unused;
    assert_value(parse(f, "\"\\\"\\\\\\/\\b\\f\\n\\r\\t\""), JSON_STRING, "\"\\/\b\f\n\r\t");
    assert_value(parse(f, "\"a\\u0041\\u00e9\\u20ac\\uD83D\\uDE00z\""), JSON_STRING,
                 "aA\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80z");
    assert_value(parse(f, "\"\\uffff\\udbff\\udfff\""), JSON_STRING,
                 "\xef\xbf\xbf\xf4\x8f\xbf\xbf");
    assert_value(parse(f, "\"\\\\u0041\""), JSON_STRING, "\\u0041");
    const struct json_value *zero = parse(f, "\"a\\u0000b\"");
    g_assert_cmpuint(zero->length, ==, 3);
    g_assert_cmpint(memcmp(zero->text, "a\0b", 3), ==, 0);
}

/* A server that cut an emoji in two: the rest of the page is as good as ever. */
static void half_a_pair_is_replaced(struct fixture *f, const void *unused)
{
    static const struct {
        const char *text, *meaning;
    } cases[] = {
        {"\"\\ud83d\"", "\xef\xbf\xbd"},
        {"\"\\ude00\"", "\xef\xbf\xbd"},
        {"\"a\\ud83d z\"", "a\xef\xbf\xbd z"},
        {"\"\\ud83d\\n\"", "\xef\xbf\xbd\n"},
        {"\"\\ud83d\\u0041\"", "\xef\xbf\xbd\x41"},
        {"\"\\ud83dude00\"", "\xef\xbf\xbdude00"},
        {"\"\\ude00\\ud83d\"", "\xef\xbf\xbd\xef\xbf\xbd"},
        {"\"\\ud83d\\ud83d\\ude00\"", "\xef\xbf\xbd\xf0\x9f\x98\x80"},
        {"\"\\ud83d\\ude00\\ude00\"", "\xf0\x9f\x98\x80\xef\xbf\xbd"},
    };

    (void)unused;
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++)
        assert_value(parse(f, cases[i].text), JSON_STRING, cases[i].meaning);
    assert_value(json_member(parse(f, "{\"\\ud800\":7}"), "\xef\xbf\xbd"), JSON_NUMBER, "7");
}

static void members_are_found(struct fixture *f, const void *unused)
{
    const struct json_value *object =
        parse(f, "{\"a\":{\"b\":0},\"b\":[{\"a\":9}],\"k\\u0065y\":1,\"dup\":1,\"dup\":2,\"\":3,"
                 "\"z\\u0000\":4}");

    (void)unused;
    assert_value(json_member(object, "a"), JSON_OBJECT, "{\"b\":0}");
    assert_value(json_member(object, "b"), JSON_ARRAY, "[{\"a\":9}]");
    assert_value(json_member(object, "key"), JSON_NUMBER, "1");
    assert_value(json_member(object, "dup"), JSON_NUMBER, "2");
    assert_value(json_member(object, ""), JSON_NUMBER, "3");
    g_assert_null(json_member(object, "z"));
    g_assert_null(json_member(object, "A"));
    g_assert_null(json_member(NULL, "a"));
    g_assert_null(json_member(json_member(object, "b"), "a"));
    g_assert_null(json_member(json_member(object, "dup"), "a"));
}

static void iteration_visits_each_once(struct fixture *f, const void *unused)
{
    const struct json_value *object = parse(f, "{\"a\":[1,[2,2],{\"x\":2},3],\"b\":{},\"c\":[]}");
    g_autoptr(GString) seen = g_string_new(NULL);

    (void)unused;
    for (json_each_member(key, value, object))
        g_string_append_printf(seen, "%.*s=%.*s;", (int)key->length, key->text, (int)value->length,
                               value->text);
    for (json_each_item(item, json_member(object, "a")))
        g_string_append_printf(seen, "%.*s;", (int)item->length, item->text);
    for (json_each_item(item, json_member(object, "c")))
        g_string_append(seen, "never");
    for (json_each_item(item, object))
        g_string_append(seen, "never");
    for (json_each_item(item, NULL))
        g_string_append(seen, "never");
    for (json_each_member(key, value, json_member(object, "b")))
        g_string_append(seen, "never");
    for (json_each_member(key, value, json_member(object, "a")))
        g_string_append(seen, "never");
    for (json_each_member(key, value, NULL))
        g_string_append(seen, "never");
    g_assert_cmpstr(seen->str, ==, "a=[1,[2,2],{\"x\":2},3];b={};c=[];1;[2,2];{\"x\":2};3;");
}

static void integers_are_exact(struct fixture *f, const void *unused)
{
    static const struct {
        const char *text;
        int64_t value;
    } good[] = {{"0", 0},
                {"-0", 0},
                {"7", 7},
                {"9007199254740993", 9007199254740993},
                {"-12", -12},
                {"9223372036854775807", INT64_MAX},
                {"-9223372036854775808", INT64_MIN}};
    static const char *const bad[] = {"9223372036854775808",
                                      "-9223372036854775809",
                                      "1.0",
                                      "1e2",
                                      "99999999999999999999",
                                      "\"1\"",
                                      "null",
                                      "[1]"};
    int64_t value = 42;

    (void)unused;
    for (size_t i = 0; i < G_N_ELEMENTS(bad); i++)
        g_assert_false(json_int64(parse(f, bad[i]), &value));
    g_assert_false(json_int64(NULL, &value));
    g_assert_cmpint(value, ==, 42);
    for (size_t i = 0; i < G_N_ELEMENTS(good); i++) {
        g_assert_true(json_int64(parse(f, good[i].text), &value));
        g_assert_cmpint(value, ==, good[i].value);
    }
}

static void questions_accept_any_kind(struct fixture *f, const void *unused)
{
    (void)unused;
    g_assert_true(json_is_true(parse(f, "true")));
    g_assert_false(json_is_true(parse(f, "false")));
    g_assert_false(json_is_true(parse(f, "\"true\"")));
    g_assert_false(json_is_true(NULL));
    g_assert_true(json_text_is(parse(f, "\"o\\u0070en\""), "open"));
    g_assert_false(json_text_is(parse(f, "\"opens\""), "open"));
    g_assert_false(json_text_is(parse(f, "\"open\\u0000\""), "open"));
    g_assert_false(json_text_is(parse(f, "1"), "1"));
    g_assert_false(json_text_is(NULL, ""));
    g_autofree char *text = json_dup_string(parse(f, "\"abc\""));
    g_assert_cmpstr(text, ==, "abc");
    g_assert_null(json_dup_string(parse(f, "1")));
    g_assert_null(json_dup_string(NULL));
}

static void parsers_are_reusable_after_faults(struct fixture *f, const void *unused)
{
    GString *text = g_string_new("[");

    (void)unused;
    for (int i = 0; i < 60000; i++)
        g_string_append_printf(text, "%s{\"id\":%d}", i ? "," : "", i);
    g_string_append_c(text, ']');
    assert_accepted(f, "[1]", 3);
    assert_refused(f, "[1", 2);
    const struct json_value *array = parse(f, text->str);
    g_assert_cmpuint(array->count, ==, 60000);
    g_assert_cmpuint(array->next, ==, 1 + 60000 * 3);
    assert_value(parse(f, "2"), JSON_NUMBER, "2");
    g_string_free(text, TRUE);
}

/* --- writer --- */

static void writer_sets_commas(void)
{
    g_autoptr(GString) out = g_string_new(NULL);
    struct json_writer w = {.out = out};

    json_begin_object(&w, NULL);
    json_put_string(&w, "a", "x");
    json_put_string(&w, "none", NULL);
    json_begin_array(&w, "list");
    json_put_int(&w, NULL, INT64_MIN);
    json_begin_object(&w, NULL);
    json_end_object(&w);
    json_begin_array(&w, NULL);
    json_put_bool(&w, NULL, true);
    json_put_null(&w, NULL);
    json_end_array(&w);
    json_end_array(&w);
    json_put_bool(&w, "b", false);
    json_put_raw(&w, "raw", "1.50", 4);
    json_end_object(&w);
    g_assert_cmpstr(out->str, ==,
                    "{\"a\":\"x\",\"none\":null,\"list\":[-9223372036854775808,{},[true,null]],"
                    "\"b\":false,\"raw\":1.50}");
}

static void writer_escapes_what_must_be(void)
{
    g_autoptr(GString) out = g_string_new(NULL);
    struct json_writer w = {.out = out};

    json_put_text(&w, "k\"\n", "\"\\/\b\f\n\r\t\x01\0\x1f\x7f\xc3\xa9", 14);
    g_assert_cmpstr(out->str, ==,
                    "\"k\\\"\\n\":\"\\\"\\\\/\\b\\f\\n\\r\\t\\u0001\\u0000\\u001f\x7f\xc3\xa9\"");
}

static void writer_repairs_what_is_not_utf8(void)
{
    g_autoptr(GString) out = g_string_new(NULL);
    struct json_writer w = {.out = out};

    json_put_string(&w, NULL, "caf\xe9 \xc3\xa9");
    g_assert_cmpstr(out->str, ==, "\"caf\xef\xbf\xbd \xc3\xa9\"");
}

static void values_are_written_as_sent(struct fixture *f, const void *unused)
{
    g_autoptr(GString) out = g_string_new(NULL);
    struct json_writer w = {.out = out};

    (void)unused;
    json_begin_array(&w, NULL);
    for (json_each_item(item, parse(f, "[ 1.50 , \"a\\u0022\\u0000\\/\\u00e9\" , { \"x\" : [ 1e5, "
                                       "\"\\u0041\" ] } , null ]")))
        json_put_value(&w, NULL, item);
    json_end_array(&w);
    g_assert_cmpstr(out->str, ==,
                    "[1.50,\"a\\\"\\u0000/\xc3\xa9\",{ \"x\" : [ 1e5, \"\\u0041\" ] },null]");
}

static void a_brief_value_can_be_kept(struct fixture *f, const void *unused)
{
    const struct json_value *brief, *kept, *item;
    const char *text = "[1,{\"a\":[2,\"\\u0041b\"]},3]", *other = "[{\"z\":0},0,0,0,0,0,0,0]";
    int64_t number;

    (void)unused;
    parse(f, text); /* fills bytes */
    g_assert_true(json_parse_briefly(f->parser, f->bytes, strlen(text), f->arena, &brief, NULL));
    g_assert_cmpuint(brief->count, ==, 3);
    kept = json_keep(brief, f->arena);
    item = json_keep(json_member(brief + 2, "a"), f->arena);

    g_autofree char *bytes = g_malloc0(strlen(other) + JSON_PADDING);
    memcpy(bytes, other, strlen(other));
    g_assert_true(json_parse_briefly(f->parser, bytes, strlen(other), f->arena, &brief, NULL));

    g_assert_cmpuint(kept->count, ==, 3);
    g_assert_true(json_int64(json_next(kept + 2), &number));
    g_assert_cmpint(number, ==, 3);
    g_assert_cmpuint(item->count, ==, 2);
    g_assert_true(json_text_is(item + 2, "Ab"));
}

#define add(path, function) g_test_add(path, struct fixture, NULL, set_up, function, tear_down)

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    add("/json/good", documents_of_the_rfc_are_accepted);
    add("/json/bad", everything_else_is_refused);
    add("/json/bad-within", faults_are_found_anywhere);
    add("/json/prefixes", no_prefix_of_a_document_is_one);
    add("/json/padding", padding_does_not_complete_a_document);
    add("/json/zero-bytes", zero_bytes_are_no_end);
    add("/json/depth", depth_has_its_limit);
    add("/json/offsets", faults_are_located);
    add("/json/digits", numbers_keep_their_digits);
    add("/json/tape", tape_has_the_promised_shape);
    add("/json/copies", only_escapes_are_copied);
    add("/json/escapes", escapes_are_resolved);
    add("/json/surrogates", half_a_pair_is_replaced);
    add("/json/members", members_are_found);
    add("/json/iteration", iteration_visits_each_once);
    add("/json/integers", integers_are_exact);
    add("/json/kinds", questions_accept_any_kind);
    add("/json/reuse", parsers_are_reusable_after_faults);
    add("/json/brief", a_brief_value_can_be_kept);
    g_test_add_func("/json/writer/commas", writer_sets_commas);
    g_test_add_func("/json/writer/escapes", writer_escapes_what_must_be);
    g_test_add_func("/json/writer/utf8", writer_repairs_what_is_not_utf8);
    add("/json/writer/values", values_are_written_as_sent);
    return g_test_run();
}
