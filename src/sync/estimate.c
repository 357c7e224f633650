#include "sync/estimate.h"

#include <glib.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>

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

/* --- distributions --- */

#define DRAWS 20000
/* Of draws: any will do, as long as a plan that is made twice says the same. */
#define SEED 1

/* The standard normal distribution, from the left. */
static double chance_below(double deviations)
{
    return erfc(-deviations / G_SQRT2) / 2;
}

/* How many standard deviations leave so much on the left; by halves, it is asked for seldom. */
static double deviations_of(double chance)
{
    double low = -8, high = 8;

    while (high - low > 1e-9) {
        double middle = (low + high) / 2;

        if (chance_below(middle) < chance)
            low = middle;
        else
            high = middle;
    }
    return (low + high) / 2;
}

double estimate_reach(unsigned point)
{
    static double reach[ESTIMATE_POINTS];
    static gsize known;

    if (g_once_init_enter(&known)) {
        double most = deviations_of(0.5 / ESTIMATE_POINTS);

        for (unsigned i = 0; i < ESTIMATE_POINTS; i++)
            reach[i] = -deviations_of((i + 0.5) / ESTIMATE_POINTS) / most;
        g_once_init_leave(&known, 1);
    }
    return reach[point];
}

double estimate_at(struct estimate estimate, unsigned point)
{
    double reach = estimate_reach(point);

    return reach < 0 ? estimate.value + reach * (estimate.value - estimate.low)
                     : estimate.value + reach * (estimate.high - estimate.value);
}

static int compare(gconstpointer a, gconstpointer b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

struct estimate estimate_total(const double (*at)[ESTIMATE_POINTS], unsigned count, double tail)
{
    g_autofree double *sums = g_new0(double, DRAWS);
    g_autoptr(GRand) dice = g_rand_new_with_seed(SEED);
    unsigned left_out = (unsigned)(tail * DRAWS);

    for (unsigned i = 0; i < DRAWS; i++)
        for (unsigned j = 0; j < count; j++)
            sums[i] += at[j][g_rand_int_range(dice, 0, ESTIMATE_POINTS)];
    qsort(sums, DRAWS, sizeof *sums, compare);
    return (struct estimate){.low = sums[left_out], .high = sums[DRAWS - 1 - left_out]};
}
