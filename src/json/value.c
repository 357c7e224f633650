#include "json/json.h"

#include <string.h>

const struct json_value *json_first(const struct json_value *container, enum json_kind kind)
{
    return container && container->kind == kind ? container + 1 : NULL;
}

const struct json_value *json_end(const struct json_value *container, enum json_kind kind)
{
    return container && container->kind == kind ? json_next(container) : NULL;
}

const struct json_value *json_member(const struct json_value *object, const char *key)
{
    const struct json_value *found = NULL;
    size_t length = strlen(key);

    for (json_each_member(name, value, object))
        if (name->length == length && memcmp(name->text, key, length) == 0)
            found = value;
    return found;
}

bool json_text_is(const struct json_value *value, const char *text)
{
    size_t length = strlen(text);

    return value && value->kind == JSON_STRING && value->length == length &&
           memcmp(value->text, text, length) == 0;
}

/* Counts below zero, where one value more fits. */
bool json_int64(const struct json_value *value, int64_t *ret)
{
    int64_t number = 0;

    if (!value || value->kind != JSON_NUMBER)
        return false;
    bool negative = value->text[0] == '-';
    for (uint32_t i = negative; i < value->length; i++) {
        int digit = g_ascii_digit_value(value->text[i]);
        if (digit < 0 || __builtin_mul_overflow(number, 10, &number) ||
            __builtin_sub_overflow(number, digit, &number))
            return false;
    }
    if (!negative && __builtin_sub_overflow(0, number, &number))
        return false;
    *ret = number;
    return true;
}

bool json_is_true(const struct json_value *value)
{
    return value && value->kind == JSON_TRUE;
}

char *json_dup_string(const struct json_value *value)
{
    char *copy;

    if (!value || value->kind != JSON_STRING)
        return NULL;
    copy = g_malloc((gsize)value->length + 1);
    memcpy(copy, value->text, value->length);
    copy[value->length] = '\0';
    return copy;
}

bool json_parse_copy(struct json_parser *parser, const char *text, size_t length,
                     struct arena *arena, const struct json_value **ret, GError **error)
{
    char *padded = arena_alloc0(arena, length + JSON_PADDING);

    memcpy(padded, text, length);
    return json_parse(parser, padded, length, arena, ret, error);
}
