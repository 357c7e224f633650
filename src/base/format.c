#include "base/format.h"

#include <glib.h>

const char *format_count(int64_t value, char ret[FORMAT_BYTES])
{
    char digits[FORMAT_BYTES];
    uint64_t size = value < 0 ? -(uint64_t)value : (uint64_t)value;
    size_t length = (size_t)g_snprintf(digits, sizeof digits, "%" G_GUINT64_FORMAT, size), out = 0;
    if (value < 0)
        ret[out++] = '-';
    for (size_t i = 0; i < length; i++) {
        if (i > 0 && (length - i) % 3 == 0)
            ret[out++] = ',';
        ret[out++] = digits[i];
    }
    ret[out] = '\0';
    return ret;
}
