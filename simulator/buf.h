/* A growing byte buffer with writers for JSON. Answers are rendered straight into one; it knows no
 * entity. */
#ifndef SIM_BUF_H
#define SIM_BUF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct buf {
    char *data;
    size_t len, cap;
};

/* Makes room for `more` bytes behind the present end. */
void buf_reserve(struct buf *b, size_t more);
void buf_done(struct buf *b);

static inline void buf_bytes(struct buf *b, const char *bytes, size_t n)
{
    if (b->cap - b->len < n)
        buf_reserve(b, n);
    if (n)
        memcpy(b->data + b->len, bytes, n);
    b->len += n;
}

static inline void buf_str(struct buf *b, const char *text)
{
    buf_bytes(b, text, strlen(text));
}

static inline void buf_char(struct buf *b, char c)
{
    if (b->cap == b->len)
        buf_reserve(b, 1);
    b->data[b->len++] = c;
}

#define BUF_LIT(b, literal) buf_bytes((b), "" literal, sizeof(literal) - 1)

void buf_int(struct buf *b, int64_t value);
void buf_printf(struct buf *b, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* value / 10^scale without trailing zeros, exactly. */
void buf_decimal(struct buf *b, int64_t value, int scale);
/* A JSON string with quotes; `text` is UTF-8. */
void buf_json_string(struct buf *b, const char *text);
void buf_bool(struct buf *b, bool value);
/* Takes off a comma at the end, if there is one. */
void buf_trim_comma(struct buf *b);
/* Zero-terminates without counting the zero. */
const char *buf_cstr(struct buf *b);

#endif
