#include "buf.h"

#include <glib.h>
#include <stdarg.h>
#include <stdio.h>

void buf_reserve(struct buf *b, size_t more)
{
    size_t need = b->len + more;
    size_t cap = b->cap ? b->cap : 1024;
    while (cap < need)
        cap *= 2;
    b->data = g_realloc(b->data, cap);
    b->cap = cap;
}

void buf_done(struct buf *b)
{
    g_free(b->data);
    *b = (struct buf){0};
}

void buf_int(struct buf *b, int64_t value)
{
    char digits[24];
    size_t at = sizeof digits;
    uint64_t rest = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;
    do {
        digits[--at] = (char)('0' + rest % 10);
        rest /= 10;
    } while (rest);
    if (value < 0)
        digits[--at] = '-';
    buf_bytes(b, digits + at, sizeof digits - at);
}

void buf_printf(struct buf *b, const char *format, ...)
{
    va_list args;
    char text[512];

    va_start(args, format);
    int n = vsnprintf(text, sizeof text, format, args);
    va_end(args);
    if (n >= 0 && (size_t)n < sizeof text) {
        buf_bytes(b, text, (size_t)n);
        return;
    }
    va_start(args, format);
    g_autofree char *longer = g_strdup_vprintf(format, args);
    va_end(args);
    buf_str(b, longer);
}

void buf_decimal(struct buf *b, int64_t value, int scale)
{
    while (scale > 0 && value % 10 == 0) {
        value /= 10;
        scale--;
    }
    if (scale <= 0) {
        buf_int(b, value);
        return;
    }
    int64_t unit = 1;
    for (int i = 0; i < scale; i++)
        unit *= 10;
    if (value < 0) {
        buf_char(b, '-');
        value = -value;
    }
    buf_int(b, value / unit);
    buf_printf(b, ".%0*lld", scale, (long long)(value % unit));
}

void buf_json_string(struct buf *b, const char *text)
{
    static const char hex[] = "0123456789abcdef";

    buf_char(b, '"');
    for (const unsigned char *p = (const unsigned char *)text; *p; p++) {
        switch (*p) {
        case '"':
        case '\\':
            buf_char(b, '\\');
            buf_char(b, (char)*p);
            break;
        case '\n':
            BUF_LIT(b, "\\n");
            break;
        case '\t':
            BUF_LIT(b, "\\t");
            break;
        default:
            if (*p < 0x20) {
                BUF_LIT(b, "\\u00");
                buf_char(b, hex[*p >> 4]);
                buf_char(b, hex[*p & 15]);
            } else {
                buf_char(b, (char)*p);
            }
        }
    }
    buf_char(b, '"');
}

void buf_bool(struct buf *b, bool value)
{
    buf_str(b, value ? "true" : "false");
}

void buf_trim_comma(struct buf *b)
{
    if (b->len && b->data[b->len - 1] == ',')
        b->len--;
}

const char *buf_cstr(struct buf *b)
{
    buf_reserve(b, 1);
    b->data[b->len] = '\0';
    return b->data;
}
