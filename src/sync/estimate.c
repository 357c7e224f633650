#include "sync/estimate.h"

#include <glib.h>
#include <math.h>
#include <stdbool.h>

/* On either side. */
#define TAIL 0.005
/* Beyond this logarithms lose digits, and a sample says the same of any larger number. */
#define POPULATION_MAX INT64_C(2000000000)

struct estimate estimate_exact(double value)
{
    return (struct estimate){value, value, value};
}

/* --- samples --- */

struct draw {
    int64_t population, sampled, found;
    double log_ways; /* to draw so many of all */
};

static double log_choose(int64_t n, int64_t k)
{
    return lgamma((double)n + 1) - lgamma((double)k + 1) - lgamma((double)(n - k) + 1);
}

/* The chance to draw at most so many of the marked ones. */
static double chance_at_most(const struct draw *draw, int64_t marked, int64_t most)
{
    int64_t others = draw->population - marked;
    int64_t first = MAX(0, draw->sampled - others), last = MIN(draw->sampled, marked);
    double sum = 0;

    if (most >= last)
        return 1;
    for (int64_t i = first; i <= most; i++)
        sum += exp(log_choose(marked, i) + log_choose(others, draw->sampled - i) - draw->log_ways);
    return sum;
}

/* With fewer marked ones, so many would hardly have been found. */
static bool is_too_few(const struct draw *draw, int64_t marked)
{
    return 1 - chance_at_most(draw, marked, draw->found - 1) <= TAIL;
}

static bool is_enough(const struct draw *draw, int64_t marked)
{
    return chance_at_most(draw, marked, draw->found) > TAIL;
}

static int64_t fewest(const struct draw *draw)
{
    int64_t low = draw->found, high = draw->population - draw->sampled + draw->found;

    while (low < high) {
        int64_t middle = low + (high - low) / 2;

        if (is_too_few(draw, middle))
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static int64_t most(const struct draw *draw)
{
    int64_t low = draw->found, high = draw->population - draw->sampled + draw->found;

    while (low < high) {
        int64_t middle = low + (high - low + 1) / 2;

        if (is_enough(draw, middle))
            low = middle;
        else
            high = middle - 1;
    }
    return low;
}

struct estimate estimate_share(int64_t population, int64_t sampled, int64_t found)
{
    if (population > POPULATION_MAX)
        return estimate_scale(estimate_share(POPULATION_MAX, sampled, found),
                              (double)population / POPULATION_MAX);
    const struct draw draw = {population, sampled, found, log_choose(population, sampled)};

    return (struct estimate){
        .low = (double)fewest(&draw),
        .value = (double)population * (double)found / (double)sampled,
        .high = (double)most(&draw),
    };
}

struct estimate estimate_guess(int64_t population, double density)
{
    double all = (double)population, value = all * CLAMP(density, 0, 1);

    return (struct estimate){value * 2 / 3, value, (value + all) / 2};
}

/* --- sums --- */

struct estimate estimate_add(struct estimate a, struct estimate b)
{
    double value = a.value + b.value;

    return (struct estimate){
        .low = value - hypot(a.value - a.low, b.value - b.low),
        .value = value,
        .high = value + hypot(a.high - a.value, b.high - b.value),
    };
}

struct estimate estimate_add_joint(struct estimate a, struct estimate b)
{
    return (struct estimate){a.low + b.low, a.value + b.value, a.high + b.high};
}

struct estimate estimate_narrow(struct estimate estimate)
{
    const double share = 1.96 / 2.576; /* standard deviations on either side */

    return (struct estimate){
        .low = estimate.value - share * (estimate.value - estimate.low),
        .value = estimate.value,
        .high = estimate.value + share * (estimate.high - estimate.value),
    };
}

struct estimate estimate_scale(struct estimate estimate, double factor)
{
    return (struct estimate){estimate.low * factor, estimate.value * factor,
                             estimate.high * factor};
}

struct estimate estimate_map(struct estimate estimate, double (*map)(double, const void *),
                             const void *opaque)
{
    return (struct estimate){map(estimate.low, opaque), map(estimate.value, opaque),
                             map(estimate.high, opaque)};
}
