/* Schedule: which walks a run owes a stream. A pure function of state, settings and the server's
 * time. */
#ifndef PENSTOCK_SYNC_SCHEDULE_H
#define PENSTOCK_SYNC_SCHEDULE_H

#include "pipedrive/walk.h"

struct schedule_settings {
    instant_t now;           /* the server's */
    instant_t start_date;    /* NONE = everything */
    int64_t every_s[3];      /* per enum interval_class */
    bool all_now;            /* the intervals do not matter */
    int64_t refresh_every_s; /* full passes; 0 = never by itself */
};

struct schedule_leg {
    unsigned list;
    enum leg leg;
    instant_t from; /* start date of first loads and stretches */
};

#define SCHEDULE_MAX_LEGS 8
/* Deals that were deleted are listed for 30 days: after a longer pause only a full pass finds them.
 */
#define SCHEDULE_PAUSE_S   (INT64_C(25) * 24 * 3600)
#define SCHEDULE_REFRESH_S (INT64_C(14) * 24 * 3600)

/* At most SCHEDULE_MAX_LEGS legs, in order. 0: nothing is due for another *ret_due_in_s seconds. */
unsigned schedule_legs(const struct stream *stream, const struct stream_state *state,
                       const struct schedule_settings *settings, struct schedule_leg *ret,
                       int64_t *ret_due_in_s);
/* The legs of a full pass that are still to be walked, and its end. At most PASS_MAX_WALKS + 1. */
unsigned schedule_pass_legs(const struct stream *stream, const struct stream_state *state,
                            struct schedule_leg *ret);
/* Does the run owe the stream a full pass, or the rest of one? Call before its other walks move. */
bool schedule_pass_is_due(const struct stream *stream, const struct stream_state *state,
                          const struct schedule_settings *settings);
/* A pass that ended in a question which nobody answered for a day, or saw nothing, begins anew. */
bool schedule_pass_is_stale(const struct stream_state *state,
                            const struct schedule_settings *settings);
/* Was the stream left alone for so long that deletes of deals may have gone by? */
bool schedule_was_paused(const struct stream *stream, const struct stream_state *state,
                         const struct schedule_settings *settings);
/* The intervals that are in force: asked_s where it is not negative, else the defaults. */
void schedule_intervals(const int64_t asked_s[3], int64_t ret_s[3]);
/* Seconds after which all deals' lines are read again; asked_s < 0: the default. */
int64_t schedule_full_every_s(bool all_now, int64_t asked_s);
/* True until the first load of every list is complete. */
bool schedule_is_first_load(const struct stream *stream, const struct stream_state *state);
/* Is something that was last done at `at` due again? */
bool schedule_is_due(const struct schedule_settings *settings, instant_t at, int64_t every_s);

#endif
