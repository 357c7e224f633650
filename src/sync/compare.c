#include "sync/compare.h"

#include <string.h>

/* --- numbers --- */

/* A number as its significant digits and the power of ten of the last one. */
struct number {
    bool negative;
    const char *first, *last; /* significant digits, a point may be among them; NULL = zero */
    int64_t exponent;         /* of the digit at `last` */
};

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* The exponent after e or E; what is beyond all reason is cut, and still differs from the rest. */
static bool read_exponent(const char **p, const char *end, int64_t *ret)
{
    bool negative = *p < end && **p == '-';

    if (*p < end && (**p == '-' || **p == '+'))
        (*p)++;
    if (*p == end)
        return false;
    for (; *p < end && is_digit(**p); (*p)++)
        *ret = MIN(*ret * 10 + (**p - '0'), INT64_C(1) << 40);
    *ret = negative ? -*ret : *ret;
    return *p == end;
}

static bool number_parse(const char *text, size_t length, struct number *ret)
{
    const char *p = text, *end = text + length, *point = NULL, *digits_end;
    int64_t exponent = 0;

    *ret = (struct number){.negative = p < end && *p == '-'};
    p += ret->negative;
    if (p == end || !is_digit(*p))
        return false;
    for (; p < end && (is_digit(*p) || (*p == '.' && !point)); p++) {
        if (*p == '.')
            point = p;
        else if (*p != '0' || ret->first)
            ret->first = ret->first ? ret->first : p;
        if (*p >= '1' && *p <= '9')
            ret->last = p;
    }
    digits_end = p;
    if (p < end && (*p != 'e' && *p != 'E'))
        return false;
    if (p < end && (p++, !read_exponent(&p, end, &exponent)))
        return false;
    if (ret->first) {
        if (!point)
            point = digits_end;
        ret->exponent = exponent + (ret->last < point ? point - ret->last - 1 : point - ret->last);
    }
    return true;
}

/* The next significant digit, 0 at the end. */
static char next_digit(const char **p, const struct number *number)
{
    while (*p && *p <= number->last && **p == '.')
        (*p)++;
    return *p && *p <= number->last ? *(*p)++ : '\0';
}

bool compare_numbers(const char *a, size_t a_length, const char *b, size_t b_length)
{
    struct number left, right;
    const char *p, *q;
    char digit;

    if (!number_parse(a, a_length, &left) || !number_parse(b, b_length, &right))
        return false;
    if (!left.first || !right.first)
        return !left.first && !right.first; /* 0 and -0 are one number */
    if (left.negative != right.negative || left.exponent != right.exponent)
        return false;
    p = left.first;
    q = right.first;
    do {
        digit = next_digit(&p, &left);
        if (digit != next_digit(&q, &right))
            return false;
    } while (digit);
    return true;
}

/* --- texts --- */

/* U+0000 of what was sent, where the database holds U+FFFD for it. */
static bool same_with_replacement(const char *stored, size_t stored_length, const char *sent,
                                  size_t sent_length)
{
    size_t i = 0, j = 0;

    for (; j < sent_length; j++) {
        if (sent[j] == '\0' && stored_length - i >= 3 && memcmp(stored + i, "\xef\xbf\xbd", 3) == 0)
            i += 3;
        else if (i < stored_length && stored[i] == sent[j])
            i++;
        else
            return false;
    }
    return i == stored_length;
}

static bool same_text(const struct comparer *comparer, const char *stored, size_t stored_length,
                      const char *sent, size_t sent_length)
{
    if (stored_length == sent_length && memcmp(stored, sent, sent_length) == 0)
        return true;
    return !comparer->zero_bytes && same_with_replacement(stored, stored_length, sent, sent_length);
}

/* --- documents --- */

static bool same_items(const struct comparer *comparer, const struct json_value *stored,
                       const struct json_value *sent)
{
    const struct json_value *other = json_first(sent, JSON_ARRAY);

    if (stored->count != sent->count)
        return false;
    for (json_each_item(item, stored)) {
        if (!compare_documents(comparer, item, other))
            return false;
        other = json_next(other);
    }
    return true;
}

/* The last of equal keys counts, as databases have it. */
static const struct json_value *find_member(const struct comparer *comparer,
                                            const struct json_value *object,
                                            const struct json_value *name, bool object_is_stored)
{
    const struct json_value *found = NULL;

    for (json_each_member(key, value, object))
        if (object_is_stored
                ? same_text(comparer, key->text, key->length, name->text, name->length)
                : same_text(comparer, name->text, name->length, key->text, key->length))
            found = value;
    return found;
}

static bool same_members(const struct comparer *comparer, const struct json_value *stored,
                         const struct json_value *sent)
{
    for (json_each_member(key, value, stored)) {
        const struct json_value *other = find_member(comparer, sent, key, false);

        (void)value;
        if (!other || !compare_documents(comparer, find_member(comparer, stored, key, true), other))
            return false;
    }
    for (json_each_member(name, sent_value, sent)) {
        (void)sent_value;
        if (!find_member(comparer, stored, name, true))
            return false;
    }
    return true;
}

bool compare_documents(const struct comparer *comparer, const struct json_value *stored,
                       const struct json_value *sent)
{
    if (stored->kind != sent->kind)
        return false;
    switch ((enum json_kind)stored->kind) {
    case JSON_NULL:
    case JSON_TRUE:
    case JSON_FALSE:
        return true;
    case JSON_NUMBER:
        return compare_numbers(stored->text, stored->length, sent->text, sent->length);
    case JSON_STRING:
        return same_text(comparer, stored->text, stored->length, sent->text, sent->length);
    case JSON_ARRAY:
        return same_items(comparer, stored, sent);
    case JSON_OBJECT:
        return same_members(comparer, stored, sent);
    }
    return false;
}

static bool same_json(const struct comparer *comparer, const struct cell *stored,
                      const struct cell *sent)
{
    struct arena *arena = arena_new();
    const struct json_value *a, *b;
    bool same = json_parse_copy(comparer->parser, stored->text, stored->length, arena, &a, NULL) &&
                json_parse_copy(comparer->parser, sent->text, sent->length, arena, &b, NULL) &&
                compare_documents(comparer, a, b);

    arena_free(arena);
    return same;
}

/* --- cells --- */

static bool same_instant(const struct cell *stored, const struct cell *sent)
{
    instant_t a, b;

    return instant_parse(stored->text, stored->length, &a) &&
           instant_parse(sent->text, sent->length, &b) && a == b;
}

bool compare_cells(const struct comparer *comparer, enum column_type type,
                   const struct cell *stored, const struct cell *sent)
{
    if (stored->kind != CELL_VALUE || sent->kind != CELL_VALUE)
        return stored->kind == sent->kind;
    if (same_text(comparer, stored->text, stored->length, sent->text, sent->length))
        return true;
    switch (type) {
    case COLUMN_INTEGER:
    case COLUMN_DECIMAL:
    case COLUMN_BOOLEAN:
        return compare_numbers(stored->text, stored->length, sent->text, sent->length);
    case COLUMN_TIMESTAMP:
        return same_instant(stored, sent);
    case COLUMN_JSON:
        return same_json(comparer, stored, sent);
    case COLUMN_DATE:
    case COLUMN_TIME:
    case COLUMN_TEXT:
        return false;
    }
    return false;
}
