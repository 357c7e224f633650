/* Estimate: what a sample says of a whole: a likely value, and limits around it. Pure functions.
 *
 * Limits of a sample hold with a confidence of 99 %: exact tests of the hypergeometric distribution
 * (Clopper and Pearson's way, without replacement), so they are never outside of what the sample
 * leaves possible, and a sample of everything leaves no doubt. */
#ifndef PENSTOCK_SYNC_ESTIMATE_H
#define PENSTOCK_SYNC_ESTIMATE_H

#include <stdint.h>

/* low <= value <= high */
struct estimate {
    double low, value, high;
};

struct estimate estimate_exact(double value);
/* How many of a population have what `found` of `sampled` have, which were drawn by chance, each
 * once. sampled > 0. */
struct estimate estimate_share(int64_t population, int64_t sampled, int64_t found);
/* Nobody looked: likely as dense as its neighbours (0 to 1); two thirds of that at least, and half
 * of what is missing more at most. An assumption, for what is too cheap to be looked at. */
struct estimate estimate_guess(int64_t population, double density);

/* Of independent ones: distances from value to limit add as variances do (the method of variance
 * estimates recovery, Zou and Donner 2008), since not all of them miss to the same side. */
struct estimate estimate_add(struct estimate a, struct estimate b);
/* Of ones that err together: limits add. */
struct estimate estimate_add_joint(struct estimate a, struct estimate b);
struct estimate estimate_scale(struct estimate estimate, double factor);
/* Through a function that never falls. */
struct estimate estimate_map(struct estimate estimate, double (*map)(double, const void *),
                             const void *opaque);

/* As a distribution: so many values that are equally likely, from low to high, the one in the
 * middle is `value`: a normal distribution on either side, whose limits of 99 % these are. */
#define ESTIMATE_POINTS 101
double estimate_at(struct estimate estimate, unsigned point);
/* How far to its limit a point lies: -1 to 1. */
double estimate_reach(unsigned point);
/* The sum of `count` independent ones, each row of `at` such values: draws by chance, always the
 * same. low and high leave out a part `tail` of them on either side; value stays 0. */
struct estimate estimate_total(const double (*at)[ESTIMATE_POINTS], unsigned count, double tail);

#endif
