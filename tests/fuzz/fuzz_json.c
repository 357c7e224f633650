/* The JSON reader against another one, written from RFC 8259 alone, a byte at a time: both must
 * take the same documents and understand the same. What was understood is then written and read
 * again. */
#include "fuzz.h"
#include "json/json.h"

#include <string.h>

/* --- the other reader: appends to out what it understands, in the form of describe() below --- */

struct reference {
    const char *at, *end;
    GString *out;
    unsigned depth;
};

static bool read_value(struct reference *r);

static bool read_char(struct reference *r, char c)
{
    if (r->at == r->end || *r->at != c)
        return false;
    r->at++;
    return true;
}

static void skip_space(struct reference *r)
{
    while (r->at < r->end && memchr(" \t\n\r", *r->at, 4))
        r->at++;
}

static bool read_word(struct reference *r, const char *word)
{
    size_t length = strlen(word);

    if ((size_t)(r->end - r->at) < length || memcmp(r->at, word, length) != 0)
        return false;
    r->at += length;
    g_string_append_printf(r->out, "%s\n", word);
    return true;
}

static bool read_digits(struct reference *r)
{
    const char *start = r->at;

    while (r->at < r->end && g_ascii_isdigit(*r->at))
        r->at++;
    return r->at > start;
}

static bool read_number(struct reference *r)
{
    const char *start = r->at;

    (void)read_char(r, '-');
    if (!read_char(r, '0') && !read_digits(r))
        return false;
    if (read_char(r, '.') && !read_digits(r))
        return false;
    if (read_char(r, 'e') || read_char(r, 'E')) {
        if (!read_char(r, '+'))
            (void)read_char(r, '-');
        if (!read_digits(r))
            return false;
    }
    g_string_append_len(r->out, start, r->at - start);
    g_string_append_c(r->out, '\n');
    return true;
}

static bool read_hex(struct reference *r, gunichar *ret)
{
    char digits[5] = {0};

    if (r->end - r->at < 4)
        return false;
    for (int i = 0; i < 4; i++) {
        digits[i] = *r->at++;
        if (!g_ascii_isxdigit(digits[i]))
            return false;
    }
    *ret = (gunichar)g_ascii_strtoull(digits, NULL, 16);
    return true;
}

static bool read_unicode(struct reference *r, GString *text)
{
    gunichar high, low;

    if (!read_hex(r, &high))
        return false;
    if (high < 0xd800 || high > 0xdfff)
        return high ? g_string_append_unichar(text, high) : g_string_append_c(text, '\0');
    const char *after = r->at;
    if (high < 0xdc00 && read_char(r, '\\') && read_char(r, 'u') && read_hex(r, &low) &&
        low >= 0xdc00 && low <= 0xdfff)
        return g_string_append_unichar(text, ((high & 0x3ff) << 10 | (low & 0x3ff)) + 0x10000);
    r->at = after; /* half a pair; what follows it is read on its own */
    return g_string_append_unichar(text, 0xfffd);
}

static bool read_escape(struct reference *r, GString *text)
{
    if (r->at == r->end)
        return false;
    switch (*r->at++) {
    case '"':
        return g_string_append_c(text, '"');
    case '\\':
        return g_string_append_c(text, '\\');
    case '/':
        return g_string_append_c(text, '/');
    case 'b':
        return g_string_append_c(text, '\b');
    case 'f':
        return g_string_append_c(text, '\f');
    case 'n':
        return g_string_append_c(text, '\n');
    case 'r':
        return g_string_append_c(text, '\r');
    case 't':
        return g_string_append_c(text, '\t');
    case 'u':
        return read_unicode(r, text);
    default:
        return false;
    }
}

static bool read_string(struct reference *r)
{
    g_autoptr(GString) text = g_string_new(NULL);

    if (!read_char(r, '"'))
        return false;
    while (!read_char(r, '"')) {
        if (r->at == r->end || (unsigned char)*r->at < 0x20)
            return false;
        char c = *r->at++;
        if (c == '\\' ? !read_escape(r, text) : !g_string_append_c(text, c))
            return false;
    }
    g_string_append_printf(r->out, "string %zu ", text->len);
    g_string_append_len(r->out, text->str, (gssize)text->len);
    g_string_append_c(r->out, '\n');
    return true;
}

static bool read_member(struct reference *r)
{
    skip_space(r);
    if (!read_string(r))
        return false;
    skip_space(r);
    return read_char(r, ':') && read_value(r);
}

static bool read_container(struct reference *r, char closing, bool (*read_one)(struct reference *))
{
    const char *start = r->at++;
    unsigned count = 0;

    if (++r->depth > JSON_MAX_DEPTH)
        return false;
    g_string_append_printf(r->out, "%c\n", *start);
    skip_space(r);
    if (!read_char(r, closing)) {
        do {
            if (!read_one(r))
                return false;
            count++;
        } while (read_char(r, ','));
        if (!read_char(r, closing))
            return false;
    }
    r->depth--;
    g_string_append_printf(r->out, "%c %u of %u\n", closing, count, (unsigned)(r->at - start));
    return true;
}

static bool read_bare_value(struct reference *r)
{
    switch (r->at < r->end ? *r->at : '\0') {
    case '{':
        return read_container(r, '}', read_member);
    case '[':
        return read_container(r, ']', read_value);
    case '"':
        return read_string(r);
    case 'n':
        return read_word(r, "null");
    case 't':
        return read_word(r, "true");
    case 'f':
        return read_word(r, "false");
    default:
        return read_number(r);
    }
}

static bool read_value(struct reference *r)
{
    skip_space(r);
    bool ok = read_bare_value(r);
    skip_space(r);
    return ok;
}

/* Unlike g_utf8_validate_len(), takes zero bytes: a check of JSON finds them anyway. */
static bool is_utf8(const char *bytes, size_t length)
{
    const char *bad = bytes, *end = bytes + length;

    while (!g_utf8_validate_len(bad, (size_t)(end - bad), &bad)) {
        if (*bad != '\0')
            return false;
        bad++;
    }
    return true;
}

static bool reference_accepts(const char *bytes, size_t length, GString *out)
{
    struct reference r = {.at = bytes, .end = bytes + length, .out = out};

    return is_utf8(bytes, length) && read_value(&r) && r.at == r.end;
}

/* --- the tape --- */

static void describe(const struct json_value *value, GString *out)
{
    const struct json_value *end = json_next(value);
    unsigned children = 0;

    switch ((enum json_kind)value->kind) {
    case JSON_STRING:
        g_string_append_printf(out, "string %u ", value->length);
        break;
    case JSON_ARRAY:
    case JSON_OBJECT:
        g_string_append_printf(out, "%c\n", *value->text);
        for (const struct json_value *child = value + 1; child != end; child = json_next(child)) {
            g_assert_true(child < end);
            describe(child, out);
            children++;
        }
        g_assert_cmpuint(children, ==, value->count * (value->kind == JSON_OBJECT ? 2 : 1));
        g_string_append_printf(out, "%c %u of %u\n", value->text[value->length - 1], value->count,
                               value->length);
        return;
    case JSON_NULL:
    case JSON_FALSE:
    case JSON_TRUE:
    case JSON_NUMBER:
        break;
    }
    g_assert_cmpuint(value->next, ==, 1);
    g_string_append_len(out, value->text, value->length);
    g_string_append_c(out, '\n');
}

/* Value by value, not as sent: so that the writer's own commas and escapes are tried. */
static void rewrite(struct json_writer *writer, const char *name, const struct json_value *value)
{
    int64_t number;

    switch ((enum json_kind)value->kind) {
    case JSON_OBJECT:
        json_begin_object(writer, name);
        for (json_each_member(key, member, value)) {
            g_autofree char *text = json_dup_string(key);
            rewrite(writer, text, member);
        }
        json_end_object(writer);
        break;
    case JSON_ARRAY:
        json_begin_array(writer, name);
        for (json_each_item(item, value))
            rewrite(writer, NULL, item);
        json_end_array(writer);
        break;
    case JSON_NUMBER:
        if (json_int64(value, &number))
            json_put_int(writer, name, number);
        else
            json_put_value(writer, name, value);
        break;
    case JSON_NULL:
    case JSON_FALSE:
    case JSON_TRUE:
    case JSON_STRING:
        json_put_value(writer, name, value);
        break;
    }
}

/* Rewritten once, a document stays as it is when rewritten again. */
static GString *rewritten(const struct json_value *root)
{
    struct json_writer writer = {.out = g_string_new(NULL)};

    rewrite(&writer, NULL, root);
    return writer.out;
}

static void check_writer(struct json_parser *parser, struct arena *arena,
                         const struct json_value *root)
{
    const struct json_value *again = NULL;
    g_autoptr(GString) first = rewritten(root);
    size_t length = first->len;

    for (int i = 0; i < JSON_PADDING; i++)
        g_string_append_c(first, '"');
    g_assert_true(json_parse(parser, first->str, length, arena, &again, NULL));
    g_autoptr(GString) second = rewritten(again);
    g_assert_cmpuint(second->len, ==, length);
    g_assert_true(memcmp(second->str, first->str, length) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    /* What stands in the padding must never count: closing brackets tempt the most. */
    static const char padding[] =
        "\"}]\"}]}]}]}]}]}]}]}]}]}]}]}]}]}]}]}]}]}]}]}]}]}]}]}]}]}]}]}]}]}]}]}]";
    G_STATIC_ASSERT(sizeof(padding) > JSON_PADDING);
    g_autofree char *bytes = g_malloc(size + JSON_PADDING);
    g_autoptr(GString) expected = g_string_new(NULL);
    g_autoptr(GString) found = g_string_new(NULL);
    g_autoptr(GError) error = NULL;
    const struct json_value *root = NULL;
    struct json_parser *parser = json_parser_new();
    struct arena *arena = arena_new();

    memcpy(bytes, data, size);
    memcpy(bytes + size, padding, JSON_PADDING);
    bool accepted = json_parse(parser, bytes, size, arena, &root, &error);
    g_assert_true(accepted == reference_accepts(bytes, size, expected));
    if (accepted) {
        g_assert_no_error(error);
        describe(root, found);
        g_assert_cmpuint(found->len, ==, expected->len);
        g_assert_true(memcmp(found->str, expected->str, found->len) == 0);
        check_writer(parser, arena, root);
    } else {
        g_assert_error(error, PENSTOCK_ERROR, PENSTOCK_ERROR_DATA);
        g_assert_null(root);
    }
    arena_free(arena);
    json_parser_free(parser);
    return 0;
}
