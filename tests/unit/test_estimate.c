/* sync/estimate.c: limits hold as often as they say, and never leave what is certain. Truths are
 * made here; limits for small cases are counted by hand. */
#include "sync/estimate.h"

#include <glib.h>
#include <math.h>
#include <stdbool.h>

/* A shuffled urn: so many of the drawn are marked. */
static int64_t draw(GRand *dice, int64_t population, int64_t marked, int64_t sampled)
{
    int64_t found = 0;

    for (int64_t i = 0; i < sampled; i++, population--) {
        bool hit = g_rand_double(dice) * (double)population < (double)marked;

        found += hit;
        marked -= hit;
    }
    return found;
}

static const struct {
    int64_t population, marked, sampled;
} urns[] = {
    {1, 1, 1},
    {5, 0, 3},
    {120, 119, 100},
    {150, 75, 100},
    {1000, 3, 100},
    {1000, 997, 100},
    {5000, 4500, 100},
    {20000, 17600, 200},
    {1000000, 2000, 100},
    {300000, 264000, 100},
    {2000000000, 1000000000, 300},
};

/* Confidence is 99 %; 500 draws show it to within two percent. */
static void limits_hold(void)
{
    g_autoptr(GRand) dice = g_rand_new_with_seed(4);
    const int rounds = 500;

    for (size_t i = 0; i < G_N_ELEMENTS(urns); i++) {
        double marked = (double)urns[i].marked;
        int inside = 0;

        for (int round = 0; round < rounds; round++) {
            int64_t found = draw(dice, urns[i].population, urns[i].marked, urns[i].sampled);
            struct estimate e = estimate_share(urns[i].population, urns[i].sampled, found);

            inside += e.low <= marked && marked <= e.high;
            g_assert_cmpfloat(e.low, <=, e.value);
            g_assert_cmpfloat(e.value, <=, e.high);
            g_assert_cmpfloat(e.low, >=, (double)found);
            g_assert_cmpfloat(e.high, <=, (double)(urns[i].population - urns[i].sampled + found));
        }
        g_test_message("%zu: %d of %d", i, inside, rounds);
        g_assert_cmpint(inside, >=, rounds * 97 / 100);
    }
}

/* Limits that are always right because they are wide would be no use: 100 of 10,000, 90 found, are
 * within 11 points (the normal approximation says 2.576 × 3 = 7.7). */
static void limits_are_narrow(void)
{
    struct estimate e = estimate_share(10000, 100, 90);

    g_assert_cmpfloat(e.value, ==, 9000);
    g_assert_cmpfloat(e.low, >, 7900);
    g_assert_cmpfloat(e.high, <, 9700);
    g_assert_cmpfloat(e.high - e.low, >, 1400);
}

static void assert_is(struct estimate e, double low, double value, double high)
{
    g_assert_cmpfloat_with_epsilon(e.low, low, 1e-9);
    g_assert_cmpfloat_with_epsilon(e.value, value, 1e-9);
    g_assert_cmpfloat_with_epsilon(e.high, high, 1e-9);
}

static void edges(void)
{
    assert_is(estimate_share(100, 100, 37), 37, 37, 37); /* everything was looked at */
    assert_is(estimate_share(3, 3, 0), 0, 0, 0);
    /* One ball of two was drawn and is marked: the other may be anything (its chance is a half). */
    assert_is(estimate_share(2, 1, 1), 1, 2, 2);
    assert_is(estimate_share(2, 1, 0), 0, 0, 1);
    /* None of 100: less than 5.2 % (0.948^100 = 0.5 %); all of them: the same from above. */
    struct estimate none = estimate_share(100000, 100, 0), all = estimate_share(100000, 100, 100);
    g_assert_cmpfloat(none.low, ==, 0);
    g_assert_cmpfloat(none.value, ==, 0);
    g_assert_cmpfloat_with_epsilon(none.high, 5160, 20);
    assert_is(all, 100000 - none.high, 100000, 100000);
}

/* An id that no company ever reached. */
static void absurd_populations(void)
{
    struct estimate small = estimate_share(1000000000, 100, 90),
                    large = estimate_share(1000000000000000000, 100, 90);

    g_assert_cmpfloat_with_epsilon(large.low / 1e18, small.low / 1e9, 1e-4);
    g_assert_cmpfloat_with_epsilon(large.value / 1e18, 0.9, 1e-9);
    g_assert_cmpfloat_with_epsilon(large.high / 1e18, small.high / 1e9, 1e-4);
}

static void guesses(void)
{
    assert_is(estimate_guess(0, 0.9), 0, 0, 0);
    assert_is(estimate_guess(900, 0.8), 480, 720, 810);
    assert_is(estimate_guess(900, 1.5), 600, 900, 900);
}

static double pages(double rows, const void *opaque)
{
    return ceil(rows / *(const double *)opaque);
}

static void sums(void)
{
    const struct estimate a = {97, 100, 103}, b = {6, 10, 14};
    const double page = 10;

    assert_is(estimate_add(a, b), 105, 110, 115); /* 3, 4, 5 */
    assert_is(estimate_add_joint(a, b), 103, 110, 117);
    assert_is(estimate_add(a, estimate_exact(5)), 102, 105, 108);
    assert_is(estimate_scale(b, 20), 120, 200, 280);
    assert_is(estimate_map(a, pages, &page), 10, 10, 11);
}

/* Ten tables, each sampled: the sum's limits hold as often. */
static void sums_hold(void)
{
    g_autoptr(GRand) dice = g_rand_new_with_seed(5);
    const int rounds = 200;
    int inside = 0;

    for (int round = 0; round < rounds; round++) {
        struct estimate sum = estimate_exact(0);
        double truth = 0;

        for (int table = 0; table < 10; table++) {
            int64_t population = g_rand_int_range(dice, 200, 50000);
            int64_t marked = (int64_t)((double)population * g_rand_double(dice));

            truth += (double)marked;
            sum = estimate_add(
                sum, estimate_share(population, 100, draw(dice, population, marked, 100)));
        }
        inside += sum.low <= truth && truth <= sum.high;
    }
    g_test_message("%d of %d", inside, rounds);
    g_assert_cmpint(inside, >=, rounds * 97 / 100);
}

/* Half of the points are on either side of the middle; the limits are the ends. A normal
 * distribution has 68 % within one of its 2.576 deviations. */
static void distributions(void)
{
    const struct estimate e = {100, 200, 500};
    unsigned near = 0;

    g_assert_cmpfloat_with_epsilon(estimate_at(e, 0), 100, 1e-6);
    g_assert_cmpfloat_with_epsilon(estimate_at(e, ESTIMATE_POINTS / 2), 200, 1e-6);
    g_assert_cmpfloat_with_epsilon(estimate_at(e, ESTIMATE_POINTS - 1), 500, 1e-6);
    for (unsigned i = 0; i < ESTIMATE_POINTS; i++) {
        near += fabs(estimate_reach(i)) <= 1 / 2.576;
        if (i > 0)
            g_assert_cmpfloat(estimate_at(e, i), >, estimate_at(e, i - 1));
    }
    g_assert_cmpuint(near, >=, ESTIMATE_POINTS * 67 / 100);
    g_assert_cmpuint(near, <=, ESTIMATE_POINTS * 70 / 100);
}

/* The sum of ten that miss by 100 at most: by the square root of ten hundreds, and some more or
 * less, since it is drawn. What is certain has no doubt. */
static void total_of_distributions(void)
{
    double at[10][ESTIMATE_POINTS], certain[1][ESTIMATE_POINTS];
    struct estimate sum;

    for (unsigned i = 0; i < ESTIMATE_POINTS; i++) {
        certain[0][i] = 7;
        for (unsigned j = 0; j < 10; j++)
            at[j][i] = estimate_at((struct estimate){900, 1000, 1100}, i);
    }
    sum = estimate_total(at, 10, 0.005);
    g_assert_cmpfloat_with_epsilon(sum.low, 10000 - 316, 16);
    g_assert_cmpfloat_with_epsilon(sum.high, 10000 + 316, 16);
    sum = estimate_total(certain, 1, 0.005);
    assert_is((struct estimate){sum.low, sum.low, sum.high}, 7, 7, 7);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/estimate/limits-hold", limits_hold);
    g_test_add_func("/estimate/limits-are-narrow", limits_are_narrow);
    g_test_add_func("/estimate/edges", edges);
    g_test_add_func("/estimate/absurd-populations", absurd_populations);
    g_test_add_func("/estimate/guesses", guesses);
    g_test_add_func("/estimate/sums", sums);
    g_test_add_func("/estimate/sums-hold", sums_hold);
    g_test_add_func("/estimate/distributions", distributions);
    g_test_add_func("/estimate/total-of-distributions", total_of_distributions);
    return g_test_run();
}
