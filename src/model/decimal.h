/* Decimal: a JSON number taken apart, with every digit, and compared by value.
 *
 * Databases spell numbers in their own ways and limit them in others; what they all ask is which
 * digits count and where they stand. Points into the text, allocates nothing. */
#ifndef PENSTOCK_MODEL_DECIMAL_H
#define PENSTOCK_MODEL_DECIMAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct decimal {
    bool negative;
    const char *digits; /* the first that is not 0; read them with decimal_next() */
    size_t count;       /* from there to the last that is not 0; 0 = the number is zero */
    int64_t first;      /* power of ten of the first: 1 for 12.5, -3 for 0.00125, 0 for 0 */
    int64_t scale;      /* digits behind the point as written: 2 for 12.50, 0 for 1.5e3 */
};

/* False for what is no number. Exponents beyond all reason are cut; they still are beyond it. */
bool decimal_parse(const char *text, size_t length, struct decimal *ret);
/* Power of ten of the last digit; not of zero, which has none. */
static inline int64_t decimal_last(const struct decimal *decimal)
{
    return decimal->first - (int64_t)decimal->count + 1;
}
/* The digit at *digits, over the point, at most `count` times from decimal->digits on. */
static inline char decimal_next(const char **digits)
{
    *digits += **digits == '.';
    return *(*digits)++;
}
/* 12.50, 12.5 and 125e-1 are equal, and so are 0 and -0. */
bool decimal_equal(const struct decimal *a, const struct decimal *b);

#endif
