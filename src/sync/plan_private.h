/* Plan, inside: what is wanted and known of each stream (plan.c), what its runs cost (plan_runs.c,
 * plan_children.c), and the sums (plan_report.c). */
#ifndef PENSTOCK_SYNC_PLAN_PRIVATE_H
#define PENSTOCK_SYNC_PLAN_PRIVATE_H

#include "sync/commands.h"
#include "sync/memory.h"
#include "sync/plan_price.h"
#include "sync/plan_probe.h"
#include "sync/schedule.h"
#include "sync/sync_private.h"

/* Runs that have a price; a pass is the better part of a refresh. */
enum run {
    NEXT,
    DAY,
    REFRESH,
    PASS,
    RUNS,
};

/* One stream, and what is known of it. */
struct subject {
    const struct stream *stream;
    bool selected; /* false: deals without a table, read for their children */
    struct stream_state state;
    bool first_load;
    struct census *lists;   /* by list: all of its rows, asked for or stored */
    struct census *changes; /* by list: since its bookmark; of loaded ones, where SEEN */
    struct plan_table row;
    struct price price[RUNS];
};

struct planning {
    const struct sync_settings *settings;
    struct api api;
    struct memory memory;
    struct schedule_settings schedule;
    struct plan_report *report;
    struct probe_result seen;
    struct census stored[STREAM_COUNT][STREAM_MAX_LISTS];
    struct subject subjects[STREAM_COUNT]; /* stream NULL: not wanted */
};

bool plan_is_child(const struct stream *stream);
bool plan_is_selected(const struct planning *planning, enum stream_id id);
/* Does each run of a day find it due, if there is one a day? */
bool plan_is_daily(const struct planning *planning, enum interval_class interval);

/* --- plan_runs.c --- */

/* Fills the row and the prices of a table that is read by lists, or whole. */
void plan_price_table(const struct planning *planning, struct subject *subject);
/* What changes in a day, by what did in a week. */
struct estimate plan_day_of(struct estimate week);

/* --- plan_children.c --- */

MUST_USE bool plan_price_children(struct planning *planning, struct subject *subject,
                                  GError **error);

/* --- plan_report.c --- */

struct plan_range plan_whole(struct estimate estimate, double more);
void plan_fill_report(struct planning *planning);

#endif
