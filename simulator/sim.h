/* The whole simulator: companies, clock, faults, statistics. Made once in main(); its parts guard
 * themselves. */
#ifndef SIM_SIM_H
#define SIM_SIM_H

#include "company.h"
#include "faults.h"
#include "stats.h"

struct sim_clock {
    GMutex lock;
    int64_t start, started_us; /* simulated seconds, and real monotonic time when they were set */
    bool frozen;
};

struct sim {
    struct options options;
    struct company **companies;
    int n_companies;
    struct sim_clock clock;
    GMutex admin_lock; /* taken before any company's: only admin calls hold two companies */
    struct faults faults;
    struct stats stats;
    gint no_limits; /* atomic */
    gint stopping;  /* atomic; long sleeps look at it */
};

int64_t sim_now(struct sim *sim);
void sim_set_clock(struct sim *sim, int64_t now, bool frozen);
bool sim_clock_frozen(struct sim *sim);
/* NULL: no such company. 0 is the first. */
struct company *sim_company(struct sim *sim, int64_t id);
/* Sleeps, but wakes early when the simulator stops. */
void sim_sleep_us(struct sim *sim, int64_t us);

#endif
