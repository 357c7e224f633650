/* JSON values to cells, by column type. Nothing is rounded, guessed or cut: what does not fit is
 * refused. */
#include "pipedrive/page.h"

#include <errno.h>
#include <string.h>

static bool is_integer(const char *text, size_t length)
{
    size_t i = length > 0 && text[0] == '-' ? 1 : 0;

    if (i == length || length > 20)
        return false;
    for (size_t j = i; j < length; j++)
        if (!g_ascii_isdigit(text[j]))
            return false;
    return length == i + 1 || text[i] != '0';
}

static bool fits_int64(const char *text, size_t length)
{
    char copy[24];
    char *end;

    if (!is_integer(text, length))
        return false;
    if (length <= 18)
        return true;
    memcpy(copy, text, length);
    copy[length] = '\0';
    errno = 0;
    g_ascii_strtoll(copy, &end, 10);
    return errno == 0 && *end == '\0';
}

/* -?digits[.digits][e[±]digits], as JSON writes numbers. */
static bool is_number(const char *text, size_t length)
{
    const char *p = text, *end = text + length;
    const char *digits;

    if (p < end && *p == '-')
        p++;
    digits = p;
    while (p < end && g_ascii_isdigit(*p))
        p++;
    if (p == digits || (*digits == '0' && p - digits > 1))
        return false;
    if (p < end && *p == '.') {
        digits = ++p;
        while (p < end && g_ascii_isdigit(*p))
            p++;
        if (p == digits)
            return false;
    }
    if (p < end && (*p == 'e' || *p == 'E')) {
        p++;
        if (p < end && (*p == '+' || *p == '-'))
            p++;
        digits = p;
        while (p < end && g_ascii_isdigit(*p))
            p++;
        if (p == digits)
            return false;
    }
    return p == end;
}

static bool is_one_of(const struct json_value *value, const char *a, const char *b)
{
    return (value->length == strlen(a) && memcmp(value->text, a, value->length) == 0) ||
           (value->length == strlen(b) && memcmp(value->text, b, value->length) == 0);
}

/* "" and zero dates are how v1 writes "not set". Source: v2 migration guide, 2026. */
static bool is_unset_time(const struct json_value *value)
{
    return value->length == 0 || is_one_of(value, "0000-00-00 00:00:00", "0000-00-00");
}

static bool convert_boolean(const struct json_value *value, struct cell *ret)
{
    if (value->kind == JSON_TRUE || value->kind == JSON_FALSE)
        cell_set(ret, value->kind == JSON_TRUE ? "1" : "0", 1);
    else if ((value->kind == JSON_NUMBER || value->kind == JSON_STRING) &&
             is_one_of(value, "0", "1"))
        cell_set(ret, value->text, 1);
    else
        return false;
    return true;
}

static bool convert_timestamp(const struct json_value *value, struct batch *batch, struct cell *ret)
{
    instant_t instant;
    char *text;

    if (!instant_parse(value->text, value->length, &instant))
        return false;
    text = arena_alloc(batch->arena, INSTANT_TEXT_BYTES);
    instant_format_sql(instant, text);
    cell_set(ret, text, strlen(text));
    return true;
}

static bool convert_time_of_day(const struct json_value *value, struct batch *batch,
                                struct cell *ret)
{
    if (!time_of_day_is_valid(value->text, value->length))
        return false;
    if (value->length == 5) { /* HH:MM */
        char *text = arena_alloc(batch->arena, 8);

        memcpy(text, value->text, 5);
        memcpy(text + 5, ":00", 3);
        cell_set(ret, text, 8);
    } else {
        cell_set(ret, value->text, value->length);
    }
    return true;
}

static bool convert_time(const struct json_value *value, enum column_type type, struct batch *batch,
                         struct cell *ret)
{
    if (value->kind != JSON_STRING)
        return false;
    if (is_unset_time(value)) {
        cell_set_null(ret);
        return true;
    }
    if (type == COLUMN_TIMESTAMP)
        return convert_timestamp(value, batch, ret);
    if (type == COLUMN_TIME)
        return convert_time_of_day(value, batch, ret);
    if (!date_is_valid(value->text, value->length))
        return false;
    cell_set(ret, value->text, value->length);
    return true;
}

static void convert_json(const struct json_value *value, struct batch *batch, struct cell *ret)
{
    g_autoptr(GString) text = NULL;
    struct json_writer writer;

    if (value->kind != JSON_STRING) {
        cell_set(ret, value->text, value->length);
        return;
    }
    text = g_string_new(NULL);
    writer = (struct json_writer){.out = text};
    json_put_text(&writer, NULL, value->text, value->length);
    cell_set(ret, arena_strndup(batch->arena, text->str, text->len), text->len);
}

bool page_convert(const struct json_value *value, enum column_type type, struct batch *batch,
                  struct cell *ret)
{
    bool scalar = value->kind != JSON_ARRAY && value->kind != JSON_OBJECT;

    if (value->kind == JSON_NULL) {
        cell_set_null(ret);
        return true;
    }
    switch (type) {
    case COLUMN_INTEGER:
        if ((value->kind != JSON_NUMBER && value->kind != JSON_STRING) ||
            !fits_int64(value->text, value->length))
            return false;
        break;
    case COLUMN_DECIMAL:
        if ((value->kind != JSON_NUMBER && value->kind != JSON_STRING) ||
            !is_number(value->text, value->length))
            return false;
        break;
    case COLUMN_BOOLEAN:
        return convert_boolean(value, ret);
    case COLUMN_TIMESTAMP:
    case COLUMN_DATE:
    case COLUMN_TIME:
        return convert_time(value, type, batch, ret);
    case COLUMN_TEXT: /* true, 12 and "12" are all fine as text */
        if (!scalar)
            return false;
        break;
    case COLUMN_JSON:
        convert_json(value, batch, ret);
        return true;
    }
    cell_set(ret, value->text, value->length);
    return true;
}
