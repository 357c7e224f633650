/* Times as seconds since 1970 (UTC), and their two spellings in the API. */
#ifndef SIM_TIMES_H
#define SIM_TIMES_H

#include "buf.h"

enum {
    DAY_S = 86400
};

enum time_style {
    TIME_V1,          /* 2026-11-02 08:15:30 */
    TIME_V2,          /* 2026-11-02T08:15:30Z */
    TIME_V2_FRACTION, /* 2026-11-02T08:15:30.000Z */
};

/* With quotes; 0 becomes null. */
void time_write(struct buf *b, int64_t when, enum time_style style);
/* With quotes, YYYY-MM-DD. */
void date_write(struct buf *b, int64_t when);
/* RFC 3339 in whole seconds with Z or an offset; a fraction is refused, as the API does. */
bool time_parse(const char *text, int64_t *ret_when);
/* Also `YYYY-MM-DD HH:MM:SS` and `YYYY-MM-DD`. */
bool time_parse_any(const char *text, int64_t *ret_when);
/* RFC 7231, for the Date header. */
void time_http(char out[40], int64_t when);

#endif
