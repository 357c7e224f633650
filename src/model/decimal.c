#include "model/decimal.h"

#include <glib.h>

/* Far outside of what any database holds; sums of it do not overflow. */
#define EXPONENT_MAX (INT64_C(1) << 40)

static const char *skip_digits(const char *p, const char *end)
{
    while (p < end && g_ascii_isdigit(*p))
        p++;
    return p;
}

/* What stands behind the digits: nothing, or e and a whole number. */
static bool parse_exponent(const char *p, const char *end, int64_t *ret)
{
    *ret = 0;
    if (p == end)
        return true;
    if (*p != 'e' && *p != 'E')
        return false;
    p++;
    bool negative = p < end && *p == '-';
    p += p < end && (*p == '-' || *p == '+');
    if (p == end || skip_digits(p, end) != end)
        return false;
    for (; p < end; p++)
        *ret = MIN(*ret * 10 + (*p - '0'), EXPONENT_MAX);
    *ret = negative ? -*ret : *ret;
    return true;
}

/* From the first to the last digit that is not 0, of text whose point may be at `point`. */
static void find_digits(struct decimal *decimal, const char *start, const char *point,
                        const char *end)
{
    while (start < end && (*start == '0' || *start == '.'))
        start++;
    while (start < end && (end[-1] == '0' || end[-1] == '.'))
        end--;
    if (start == end) { /* zero, whatever its exponent */
        decimal->first = 0;
        return;
    }
    decimal->digits = start;
    decimal->count = (size_t)(end - start) - (start < point && point < end);
    decimal->first += start < point ? point - start - 1 : point - start;
}

bool decimal_parse(const char *text, size_t length, struct decimal *ret)
{
    const char *end = text + length;
    *ret = (struct decimal){.negative = length > 0 && *text == '-'};
    text += ret->negative;
    const char *point = skip_digits(text, end), *stop = point;
    int64_t exponent;
    if (point == text)
        return false;
    if (point < end && *point == '.') {
        stop = skip_digits(point + 1, end);
        if (stop == point + 1)
            return false;
    }
    if (!parse_exponent(stop, end, &exponent))
        return false;
    ret->first = exponent;
    ret->scale = MAX((stop > point ? stop - point - 1 : 0) - exponent, 0);
    find_digits(ret, text, point, stop);
    return true;
}

bool decimal_equal(const struct decimal *a, const struct decimal *b)
{
    const char *p = a->digits, *q = b->digits;
    if (a->count == 0 || b->count == 0)
        return a->count == b->count;
    if (a->negative != b->negative || a->first != b->first || a->count != b->count)
        return false;
    for (size_t i = 0; i < a->count; i++) {
        if (decimal_next(&p) != decimal_next(&q))
            return false;
    }
    return true;
}
