#include "json/json.h"
#include "json/simdjson_shim.h"

#include <string.h>

/* Reads the tokens that simdjson found into the tape, and checks all that it left unchecked: the
 * grammar, every number and literal to its last byte, every escape. Recursion is bounded by
 * JSON_MAX_DEPTH. */
struct walk {
    const char *bytes;
    const uint32_t *token;      /* the next one: an offset into bytes */
    const uint32_t *tokens_end; /* holds the length of the document */
    struct json_value *free;    /* the tape from here on */
    struct arena *arena;
    const char *fault; /* set once, by the first thing wrong */
    size_t fault_offset;
};

struct json_parser {
    struct shim *shim;
    struct arena *brief; /* values of the last document that was parsed briefly */
};

struct json_parser *json_parser_new(void)
{
    struct json_parser *parser = g_new0(struct json_parser, 1);

    parser->shim = shim_new();
    if (!parser->shim)
        g_error("json: out of memory");
    parser->brief = arena_new();
    return parser;
}

void json_parser_free(struct json_parser *parser)
{
    if (!parser)
        return;
    shim_free(parser->shim);
    arena_free(parser->brief);
    g_free(parser);
}

/* --- tokens --- */

G_GNUC_NO_INLINE static bool fail_at(struct walk *walk, const char *at, const char *fault)
{
    walk->fault = fault;
    walk->fault_offset = (size_t)(at - walk->bytes);
    return false;
}

static bool fail(struct walk *walk, const char *fault)
{
    return fail_at(walk, walk->bytes + *walk->token,
                   walk->token == walk->tokens_end ? "it ends too early" : fault);
}

/* The first byte of the next token; 0, with which none begins, after the last. */
static inline char peek(const struct walk *walk)
{
    return walk->token == walk->tokens_end ? '\0' : walk->bytes[*walk->token];
}

static inline bool is_space(char c)
{
    return c == ' ' || c == '\n' || c == '\r' || c == '\t';
}

/* Takes the next token, all of it but the white space after it. */
static inline struct json_value *push_token(struct walk *walk, enum json_kind kind)
{
    struct json_value *value = walk->free++;
    const char *start = walk->bytes + walk->token[0];
    const char *end = walk->bytes + walk->token[1];

    while (is_space(end[-1]))
        end--;
    walk->token++;
    *value = (struct json_value){
        .text = start, .length = (uint32_t)(end - start), .next = 1, .kind = (uint8_t)kind};
    return value;
}

static bool walk_literal(struct walk *walk, enum json_kind kind, const char *word, uint32_t length)
{
    const struct json_value *value = push_token(walk, kind);

    return (value->length == length && memcmp(value->text, word, length) == 0) ||
           fail_at(walk, value->text, "expected a value");
}

/* --- numbers --- */

static inline const char *skip_digits(const char *at, const char *end)
{
    while (at < end && *at >= '0' && *at <= '9')
        at++;
    return at;
}

/* number = [ "-" ] int [ frac ] [ exp ]; NULL, or where what is no part of it begins. (RFC 8259,
 * section 6) */
static inline const char *skip_number(const char *at, const char *end)
{
    if (*at == '-')
        at++;
    const char *digits = at;
    at = skip_digits(at, end);
    if (at == digits || (*digits == '0' && at > digits + 1))
        return NULL;
    if (at < end && *at == '.') {
        digits = ++at;
        at = skip_digits(at, end);
        if (at == digits)
            return NULL;
    }
    if (at < end && (*at | 0x20) == 'e') {
        at++;
        if (at < end && (*at == '+' || *at == '-'))
            at++;
        digits = at;
        at = skip_digits(at, end);
        if (at == digits)
            return NULL;
    }
    return at;
}

static inline bool walk_number(struct walk *walk)
{
    const struct json_value *value = push_token(walk, JSON_NUMBER);
    const char *end = value->text + value->length;

    return skip_number(value->text, end) == end || fail_at(walk, value->text, "invalid number");
}

/* --- strings --- */

static bool take_hex4(const char **at, const char *end, uint32_t *ret)
{
    uint32_t code = 0;

    if (end - *at < 4)
        return false;
    for (int i = 0; i < 4; i++) {
        int digit = g_ascii_xdigit_value((*at)[i]);
        if (digit < 0)
            return false;
        code = code << 4 | (uint32_t)digit;
    }
    *at += 4;
    *ret = code;
    return true;
}

/* Half of a surrogate pair means no character: a server that cut an emoji in two sends it. It
 * becomes U+FFFD, since one damaged character must not cost a table its page. */
#define REPLACEMENT UINT32_C(0xfffd)

static bool take_low_surrogate(const char **at, const char *end, uint32_t *ret)
{
    const char *ahead = *at;

    if (end - ahead < 6 || ahead[0] != '\\' || ahead[1] != 'u')
        return false;
    ahead += 2;
    if (!take_hex4(&ahead, end, ret) || *ret < 0xdc00 || *ret > 0xdfff)
        return false;
    *at = ahead;
    return true;
}

/* What follows "\u". */
static bool take_code_point(const char **at, const char *end, uint32_t *ret)
{
    uint32_t code, low;

    if (!take_hex4(at, end, &code))
        return false;
    if (code >= 0xd800 && code <= 0xdfff) {
        if (code < 0xdc00 && take_low_surrogate(at, end, &low))
            code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
        else
            code = REPLACEMENT;
    }
    *ret = code;
    return true;
}

/* Reads one escape from its backslash on, writes what it means. Never more bytes than it had. */
static bool take_escape(const char **at, const char *end, char **out)
{
    static const char letters[] = "\"\\/bfnrt", meanings[] = "\"\\/\b\f\n\r\t";
    uint32_t code;

    if (end - *at < 2)
        return false;
    char letter = (*at)[1];
    *at += 2;
    if (letter == 'u') {
        if (!take_code_point(at, end, &code))
            return false;
        *out += g_unichar_to_utf8(code, *out);
        return true;
    }
    const char *found = memchr(letters, letter, sizeof(letters) - 1);
    if (!found)
        return false;
    *(*out)++ = meanings[found - letters];
    return true;
}

/* Points value at an unescaped copy in the arena, if it has escapes at all. */
G_GNUC_NO_INLINE static bool unescape(struct walk *walk, struct json_value *value)
{
    const char *at = value->text, *end = at + value->length;
    const char *slash = memchr(at, '\\', value->length);

    if (!slash)
        return true;
    char *copy = arena_alloc(walk->arena, value->length), *out = copy;
    while (slash) {
        memcpy(out, at, (size_t)(slash - at));
        out += slash - at;
        at = slash;
        if (!take_escape(&at, end, &out))
            return fail_at(walk, slash, "invalid escape");
        slash = memchr(at, '\\', (size_t)(end - at));
    }
    memcpy(out, at, (size_t)(end - at));
    out += end - at;
    value->text = copy;
    value->length = (uint32_t)(out - copy);
    return true;
}

/* Eight bytes a step, so that it may look at bytes behind the text (JSON_PADDING) and be wrong
 * about "yes". */
static inline bool may_have_backslash(const char *text, uint32_t length)
{
    const uint64_t ones = UINT64_C(0x0101010101010101);

    for (uint32_t i = 0; i < length; i += 8) {
        uint64_t word;
        memcpy(&word, text + i, sizeof(word));
        word ^= ones * '\\';
        if ((word - ones) & ~word & (ones << 7))
            return true;
    }
    return false;
}

static inline bool walk_string(struct walk *walk)
{
    struct json_value *value = push_token(walk, JSON_STRING);

    /* Inside a string no token begins, so the last byte before the next one is its quote. */
    if (G_UNLIKELY(value->length < 2 || value->text[value->length - 1] != '"'))
        return fail_at(walk, value->text, "invalid string");
    value->text++;
    value->length -= 2;
    return !may_have_backslash(value->text, value->length) || unescape(walk, value);
}

/* --- containers --- */

static bool walk_value(struct walk *walk, unsigned depth);

static inline bool take(struct walk *walk, char token)
{
    if (peek(walk) != token)
        return false;
    walk->token++;
    return true;
}

static struct json_value *open_container(struct walk *walk, enum json_kind kind)
{
    struct json_value *container = walk->free++;

    *container = (struct json_value){.text = walk->bytes + *walk->token++, .kind = (uint8_t)kind};
    return container;
}

/* The token before the next one was its closing bracket. */
static bool close_container(struct walk *walk, struct json_value *container, uint32_t count)
{
    const char *end = walk->bytes + walk->token[-1] + 1;

    container->length = (uint32_t)(end - container->text);
    container->next = (uint32_t)(walk->free - container);
    container->count = count;
    return true;
}

static bool walk_array(struct walk *walk, unsigned depth)
{
    struct json_value *array = open_container(walk, JSON_ARRAY);
    uint32_t count = 0;

    if (take(walk, ']'))
        return close_container(walk, array, 0);
    do {
        if (!walk_value(walk, depth))
            return false;
        count++;
    } while (take(walk, ','));
    if (!take(walk, ']'))
        return fail(walk, "expected ',' or ']'");
    return close_container(walk, array, count);
}

static bool walk_object(struct walk *walk, unsigned depth)
{
    struct json_value *object = open_container(walk, JSON_OBJECT);
    uint32_t count = 0;

    if (take(walk, '}'))
        return close_container(walk, object, 0);
    do {
        if (peek(walk) != '"')
            return fail(walk, "expected a member's name");
        if (!walk_string(walk))
            return false;
        if (!take(walk, ':'))
            return fail(walk, "expected ':'");
        if (!walk_value(walk, depth))
            return false;
        count++;
    } while (take(walk, ','));
    if (!take(walk, '}'))
        return fail(walk, "expected ',' or '}'");
    return close_container(walk, object, count);
}

/* depth: containers around this value. */
static bool walk_value(struct walk *walk, unsigned depth)
{
    switch (peek(walk)) {
    case '"':
        return walk_string(walk);
    case '-':
    case '0' ... '9':
        return walk_number(walk);
    case 'n':
        return walk_literal(walk, JSON_NULL, "null", 4);
    case 't':
        return walk_literal(walk, JSON_TRUE, "true", 4);
    case 'f':
        return walk_literal(walk, JSON_FALSE, "false", 5);
    case '{':
        return depth < JSON_MAX_DEPTH ? walk_object(walk, depth + 1)
                                      : fail(walk, "nested too deeply");
    case '[':
        return depth < JSON_MAX_DEPTH ? walk_array(walk, depth + 1)
                                      : fail(walk, "nested too deeply");
    default:
        return fail(walk, "expected a value");
    }
}

/* --- documents --- */

static bool fail_document(GError **error, const char *fault, size_t offset)
{
    error_setf(error, PENSTOCK_ERROR_DATA, "not JSON at byte %zu: %s", offset, fault);
    return false;
}

/* Bytes of the UTF-8 character that begins here, 0 if none does. */
static size_t utf8_length(const char *at, size_t length)
{
    gunichar c = g_utf8_get_char_validated(at, (gssize)MIN(length, 6));

    return c == (gunichar)-1 || c == (gunichar)-2 ? 0 : (size_t)g_unichar_to_utf8(c, NULL);
}

/* Looks slowly for what the scan refused, since it does not say where it was. */
static bool fail_malformed(GError **error, const char *bytes, size_t length)
{
    size_t opening = 0;
    bool in_string = false;

    for (size_t i = 0; i < length; i++) {
        unsigned char c = (unsigned char)bytes[i];
        if (c >= 0x80) {
            size_t n = utf8_length(bytes + i, length - i);
            if (n == 0)
                return fail_document(error, "invalid UTF-8", i);
            i += n - 1;
        } else if (in_string && c < 0x20) {
            return fail_document(error, "unescaped control character", i);
        } else if (c == '"') {
            in_string = !in_string;
            opening = i;
        } else if (in_string && c == '\\' && i + 1 < length &&
                   (bytes[i + 1] == '"' || bytes[i + 1] == '\\')) {
            i++;
        }
    }
    return in_string ? fail_document(error, "this string has no end", opening)
                     : fail_document(error, "malformed", 0);
}

/* A value within a container is paired with a separator or bracket of its own: each but the first
 * of an array or an object's names follows a comma or colon, and the first is paired with the
 * closing bracket. Only containers still open lack that; hence, at any point of a walk over n
 * tokens, at most (n + depth + 1) / 2 values. */
static size_t tape_length(size_t tokens)
{
    return (tokens + JSON_MAX_DEPTH + 1) / 2 + 1;
}

static bool walk_document(const char *bytes, const uint32_t *tokens, size_t count,
                          struct arena *values, struct arena *arena, const struct json_value **ret,
                          GError **error)
{
    struct json_value *tape = arena_alloc(values, tape_length(count) * sizeof(*tape));
    struct walk walk = {.bytes = bytes,
                        .token = tokens,
                        .tokens_end = tokens + count,
                        .free = tape,
                        .arena = arena};

    if (!walk_value(&walk, 0))
        return fail_document(error, walk.fault, walk.fault_offset);
    if (walk.token != walk.tokens_end)
        return fail_document(error, "something follows the document", *walk.token);
    *ret = tape;
    return true;
}

static bool parse(struct json_parser *parser, const char *bytes, size_t length,
                  struct arena *values, struct arena *arena, const struct json_value **ret,
                  GError **error)
{
    const uint32_t *tokens;
    size_t count;

    if (length > UINT32_MAX)
        return fail_document(error, "over 4 GiB", UINT32_MAX);
    switch (shim_scan(parser->shim, bytes, length, &tokens, &count)) {
    case SHIM_OK:
        return walk_document(bytes, tokens, count, values, arena, ret, error);
    case SHIM_EMPTY:
        return fail_document(error, "it is empty", length);
    case SHIM_MALFORMED:
        return fail_malformed(error, bytes, length);
    case SHIM_NO_MEMORY:
        break;
    }
    g_error("json: no memory for a document of %zu bytes", length);
}

bool json_parse(struct json_parser *parser, const char *bytes, size_t length, struct arena *arena,
                const struct json_value **ret, GError **error)
{
    return parse(parser, bytes, length, arena, arena, ret, error);
}

bool json_parse_briefly(struct json_parser *parser, const char *bytes, size_t length,
                        struct arena *arena, const struct json_value **ret, GError **error)
{
    arena_reset(parser->brief);
    return parse(parser, bytes, length, parser->brief, arena, ret, error);
}

const struct json_value *json_keep(const struct json_value *value, struct arena *arena)
{
    size_t size = value->next * sizeof(*value);

    return memcpy(arena_alloc(arena, size), value, size);
}
