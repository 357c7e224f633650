/* Census: what was seen of a list's rows, and what that says of all of them. Pure functions.
 *
 * Some rows were counted (the newest page, or a stored table); of stretches of ids some were drawn
 * by chance and asked for, or none. */
#ifndef PENSTOCK_SYNC_CENSUS_H
#define PENSTOCK_SYNC_CENSUS_H

#include "base/clock.h"
#include "sync/estimate.h"

#include <glib.h>
#include <stdbool.h>

#define CENSUS_WEEK_DAYS 7
#define CENSUS_WEEK_S    (CENSUS_WEEK_DAYS * INT64_C(86400))

/* Kinds of rows that have a price of their own. */
enum census_kind {
    CENSUS_ROWS,        /* the list shows them, and the start date lets them in */
    CENSUS_ALIVE,       /* deals that are not deleted: their history is read */
    CENSUS_SOLD,        /* of them, those with products: their lines are read */
    CENSUS_RECENT,      /* changed of late: within a week, or since the last walk */
    CENSUS_RECENT_SOLD, /* both */
    CENSUS_NEW,         /* added of late */
    CENSUS_MOVED,       /* deals alive: new, or with another stage, of late */
    CENSUS_KINDS,
};

/* Times may be INSTANT_NONE. */
struct census_row {
    instant_t added, updated, moved;
    bool deleted;
    int64_t products; /* -1 = unknown */
};

struct tally {
    int64_t of[CENSUS_KINDS];
    int64_t lines; /* of rows that are SOLD */
};
void tally_row(struct tally *tally, const struct census_row *row, instant_t late);
void tally_add(struct tally *tally, const struct tally *more);

struct stretch {
    int64_t ids, asked;
    struct tally found;
};

struct census {
    struct tally known;
    struct stretch older; /* ids before those of the known rows */
    struct stretch gaps;  /* ids among those of the known rows, for a second list of the same ids */
    double density;       /* rows an id, where they are known */
    double week_growth;   /* new rows a week, by the age of the known ones; 0 = all are known */
    double row_bytes;     /* of an answer; 0 = nobody looked */
    double page_bytes; /* what an answer may have: a page that is larger is asked for by halves */
    unsigned custom_fields; /* of a row */
    bool has_nulls;         /* rows without update_time were seen */
    bool seen;              /* the list was asked */
    bool bounded;           /* by time: older rows may be out of scope, all of them */
    bool paired;     /* its ids are those that the list before it may have, as is its sample */
    GArray *seconds; /* instant_t: when known rows changed; NULL = nobody needs it */
};
/* Zeroed: there are no rows. */
void census_done(struct census *census);
struct estimate census_estimate(const struct census *census, enum census_kind kind);
/* Product lines of a deal that has any, in either list. */
double census_lines_mean(const struct census *first, const struct census *second);
/* In both lists of the same ids. */
struct estimate census_estimate_both(const struct census *first, const struct census *second,
                                     enum census_kind kind);

/* How rows of one second hinder a walk that has to begin each page at a second: rows that a page
 * reads again on the mean, and seconds that are longer than a page, among so many rows. */
void census_ties(const struct census *census, double rows, unsigned page_rows, double *ret_overlap,
                 unsigned *ret_long);

#endif
