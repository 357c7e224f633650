/* Schedule: which walks a run owes a stream. A pure function of state, settings and the server's
 * time. */
#ifndef PENSTOCK_SYNC_SCHEDULE_H
#define PENSTOCK_SYNC_SCHEDULE_H

#include "pipedrive/walk.h"

struct schedule_settings {
    instant_t now;        /* the server's */
    instant_t start_date; /* NONE = everything */
    int64_t every_s[3];   /* per enum interval_class */
    bool all_now;         /* the intervals do not matter */
};

struct schedule_leg {
    unsigned list;
    enum leg leg;
    instant_t from; /* start date of first loads and stretches */
};

#define SCHEDULE_MAX_LEGS 6

/* At most SCHEDULE_MAX_LEGS legs, in order. 0: nothing is due for another *ret_due_in_s seconds. */
unsigned schedule_legs(const struct stream *stream, const struct stream_state *state,
                       const struct schedule_settings *settings, struct schedule_leg *ret,
                       int64_t *ret_due_in_s);
/* The intervals that are in force: asked_s where it is not negative, else the defaults. */
void schedule_intervals(const int64_t asked_s[3], int64_t ret_s[3]);
/* True until the first load of every list is complete. */
bool schedule_is_first_load(const struct stream *stream, const struct stream_state *state);
/* Is something that was last done at `at` due again? */
bool schedule_is_due(const struct schedule_settings *settings, instant_t at, int64_t every_s);

#endif
