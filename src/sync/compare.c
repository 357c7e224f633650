#include "sync/compare.h"

#include "model/decimal.h"

#include <string.h>

bool compare_numbers(const char *a, size_t a_length, const char *b, size_t b_length)
{
    struct decimal left, right;

    return decimal_parse(a, a_length, &left) && decimal_parse(b, b_length, &right) &&
           decimal_equal(&left, &right);
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
