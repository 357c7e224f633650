/* Format: how whole numbers look to people, in tables and messages alike. Pure; any thread. */
#ifndef PENSTOCK_BASE_FORMAT_H
#define PENSTOCK_BASE_FORMAT_H

#include <stdint.h>

#define FORMAT_BYTES 32

/* "12,500". */
const char *format_count(int64_t value, char ret[FORMAT_BYTES]);
/* The same as an argument of a message: it lives as long as the block around it. */
#define COUNT_TEXT(value) format_count((value), (char[FORMAT_BYTES]){""})

#endif
