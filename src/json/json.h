/* JSON: reader and writer over bytes; numbers keep their digits.
 *
 * The reader turns a document into a flat array of values in document order ("tape"): no allocation
 * per value, no copy of what needs none. Text and numbers point into the caller's bytes; only
 * strings with escapes are copied, into the arena. Containers know their raw span, so that a nested
 * value can be stored exactly as it was sent. May not know: Pipedrive, tables. */
#ifndef PENSTOCK_JSON_JSON_H
#define PENSTOCK_JSON_JSON_H

#include "base/arena.h"
#include "base/error.h"

/* Nesting beyond this is refused: no answer of the API goes deeper than a dozen. */
#define JSON_MAX_DEPTH 64

enum json_kind {
    JSON_NULL,
    JSON_FALSE,
    JSON_TRUE,
    JSON_NUMBER,
    JSON_STRING,
    JSON_ARRAY,
    JSON_OBJECT
};

/* 24 bytes. An object's members follow it as key (a JSON_STRING), value, key, value …; an array's
 * items follow it. */
struct json_value {
    const char *text; /* string: unescaped bytes; number and literals: as sent; container: from its
                         bracket, raw */
    uint32_t length;  /* of text, in bytes; no terminating zero */
    uint32_t next;    /* index distance from this value to the one after it (1 for scalars) */
    uint32_t count;   /* container: items or members */
    uint8_t kind;     /* enum json_kind */
};

/* Keeps the parser's working memory between documents. Not thread-safe: one a thread. */
struct json_parser;

struct json_parser *json_parser_new(void);
/* Accepts NULL. */
void json_parser_free(struct json_parser *parser);
/* Bytes that simdjson may read (not interpret) beyond a document: buffers must have that much room
 * at their end. */
#define JSON_PADDING 64

/* Parses one document. bytes must stay valid and have JSON_PADDING readable bytes after length.
 * *ret points at the root, in the arena, valid as long as arena and bytes are.
 * Fails with PENSTOCK_ERROR_DATA: not JSON, trailing content, invalid UTF-8, a number that is not
 * one by RFC 8259, deeper than JSON_MAX_DEPTH, over 4 GiB; the message names the byte offset. Half
 * a surrogate pair (\ud83d alone) is no fault: it becomes U+FFFD. */
MUST_USE bool json_parse(struct json_parser *parser, const char *bytes, size_t length,
                         struct arena *arena, const struct json_value **ret, GError **error);

/* The same, but the values stay in the parser and end when it parses again: for a page whose cells
 * point at its bytes and no longer at its values. Unescaped texts are in the arena all the same. */
MUST_USE bool json_parse_briefly(struct json_parser *parser, const char *bytes, size_t length,
                                 struct arena *arena, const struct json_value **ret,
                                 GError **error);
/* A value and all within it, copied into the arena. Texts stay where they are. */
const struct json_value *json_keep(const struct json_value *value, struct arena *arena);

/* json_parse() for a text that lacks the padding: it is copied into the arena first. */
MUST_USE bool json_parse_copy(struct json_parser *parser, const char *text, size_t length,
                              struct arena *arena, const struct json_value **ret, GError **error);

static inline const struct json_value *json_next(const struct json_value *value)
{
    return value + value->next;
}

/* The member's value, NULL if there is none or object is NULL or no object. With duplicate keys the
 * last one wins. */
const struct json_value *json_member(const struct json_value *object, const char *key);
bool json_text_is(const struct json_value *value, const char *text);
/* An integer of 64 bits written without fraction or exponent. */
bool json_int64(const struct json_value *value, int64_t *ret);
/* True for JSON_TRUE; false for everything else including NULL. */
bool json_is_true(const struct json_value *value);
/* A new zero-terminated copy of a string's bytes, or NULL when value is NULL or no string. g_free()
 * it. */
char *json_dup_string(const struct json_value *value);

/* Iterates: for (json_each_item(item, array)) …; array may be NULL or of another kind (then no
 * rounds). */
#define json_each_item(item, array)                                                                \
    const struct json_value *item##_of = (array), *item = json_first(item##_of, JSON_ARRAY),       \
                            *item##_end = json_end(item##_of, JSON_ARRAY);                         \
    item != item##_end;                                                                            \
    item = json_next(item)
/* for (json_each_member(key, value, object)) …: value is declared too. */
#define json_each_member(key, value, object)                                                       \
    const struct json_value *key##_of = (object), *key = json_first(key##_of, JSON_OBJECT),        \
                            *key##_end = json_end(key##_of, JSON_OBJECT),                          \
                            *value = key == key##_end ? key : key + 1;                             \
    key != key##_end;                                                                              \
    key = json_next(value), value = key == key##_end ? key : key + 1

const struct json_value *json_first(const struct json_value *container, enum json_kind kind);
const struct json_value *json_end(const struct json_value *container, enum json_kind kind);

/* --- writer: appends to a GString; commas are its business --- */

struct json_writer {
    GString *out;
    bool comma; /* a value was written at this level */
};

void json_begin_object(struct json_writer *writer,
                       const char *key); /* key NULL inside arrays and at the root */
void json_end_object(struct json_writer *writer);
void json_begin_array(struct json_writer *writer, const char *key);
void json_end_array(struct json_writer *writer);
void json_put_string(struct json_writer *writer, const char *key,
                     const char *text); /* NULL text = null */
/* Bytes that are not UTF-8 become U+FFFD; zero bytes are escaped. */
void json_put_text(struct json_writer *writer, const char *key, const char *bytes, size_t length);
void json_put_int(struct json_writer *writer, const char *key, int64_t value);
void json_put_bool(struct json_writer *writer, const char *key, bool value);
void json_put_null(struct json_writer *writer, const char *key);
/* Already JSON; copied as it is. */
void json_put_raw(struct json_writer *writer, const char *key, const char *bytes, size_t length);
/* Like json_put_raw, from a parsed value: exactly the bytes that were sent, strings escaped again.
 */
void json_put_value(struct json_writer *writer, const char *key, const struct json_value *value);

#endif
