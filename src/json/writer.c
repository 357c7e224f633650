#include "json/json.h"

#include <string.h>

static bool is_plain(char c)
{
    return (unsigned char)c >= 0x20 && c != '"' && c != '\\';
}

static void append_escape(GString *out, char c)
{
    static const char meanings[] = "\"\\\b\f\n\r\t", letters[] = "\"\\bfnrt";
    const char *found = memchr(meanings, c, sizeof(meanings) - 1);

    if (found) {
        g_string_append_c(out, '\\');
        g_string_append_c(out, letters[found - meanings]);
    } else {
        g_string_append_printf(out, "\\u%04x", (unsigned)c);
    }
}

/* Bytes that need no escape. What is not UTF-8 (a foreign error message, say) must not spoil the
 * document. */
static void append_plain(GString *out, const char *bytes, size_t length, bool is_ascii)
{
    if (is_ascii || g_utf8_validate_len(bytes, length, NULL)) {
        g_string_append_len(out, bytes, (gssize)length);
        return;
    }
    g_autofree char *valid = g_utf8_make_valid(bytes, (gssize)length);
    g_string_append(out, valid);
}

static void append_quoted(GString *out, const char *bytes, size_t length)
{
    const char *at = bytes, *end = bytes + length;

    g_string_append_c(out, '"');
    while (at < end) {
        const char *start = at;
        unsigned char seen = 0;
        for (; at < end && is_plain(*at); at++)
            seen |= (unsigned char)*at;
        append_plain(out, start, (size_t)(at - start), seen < 0x80);
        if (at < end)
            append_escape(out, *at++);
    }
    g_string_append_c(out, '"');
}

static void begin_value(struct json_writer *writer, const char *key)
{
    if (writer->comma)
        g_string_append_c(writer->out, ',');
    if (key) {
        append_quoted(writer->out, key, strlen(key));
        g_string_append_c(writer->out, ':');
    }
    writer->comma = true;
}

static void begin_container(struct json_writer *writer, const char *key, char bracket)
{
    begin_value(writer, key);
    g_string_append_c(writer->out, bracket);
    writer->comma = false;
}

static void end_container(struct json_writer *writer, char bracket)
{
    g_string_append_c(writer->out, bracket);
    writer->comma = true;
}

void json_begin_object(struct json_writer *writer, const char *key)
{
    begin_container(writer, key, '{');
}

void json_end_object(struct json_writer *writer)
{
    end_container(writer, '}');
}

void json_begin_array(struct json_writer *writer, const char *key)
{
    begin_container(writer, key, '[');
}

void json_end_array(struct json_writer *writer)
{
    end_container(writer, ']');
}

void json_put_text(struct json_writer *writer, const char *key, const char *bytes, size_t length)
{
    begin_value(writer, key);
    append_quoted(writer->out, bytes, length);
}

void json_put_string(struct json_writer *writer, const char *key, const char *text)
{
    if (text)
        json_put_text(writer, key, text, strlen(text));
    else
        json_put_null(writer, key);
}

void json_put_int(struct json_writer *writer, const char *key, int64_t value)
{
    begin_value(writer, key);
    g_string_append_printf(writer->out, "%" G_GINT64_FORMAT, value);
}

void json_put_bool(struct json_writer *writer, const char *key, bool value)
{
    begin_value(writer, key);
    g_string_append(writer->out, value ? "true" : "false");
}

void json_put_null(struct json_writer *writer, const char *key)
{
    json_put_raw(writer, key, "null", 4);
}

void json_put_raw(struct json_writer *writer, const char *key, const char *bytes, size_t length)
{
    begin_value(writer, key);
    g_string_append_len(writer->out, bytes, (gssize)length);
}

void json_put_value(struct json_writer *writer, const char *key, const struct json_value *value)
{
    if (value->kind == JSON_STRING)
        json_put_text(writer, key, value->text, value->length);
    else
        json_put_raw(writer, key, value->text, value->length);
}
