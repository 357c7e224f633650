/* Random lives: each is a seed, which is printed; PENSTOCK_TEST_SEED=N lives one again. */
#ifndef PENSTOCK_TESTS_UNIT_LIVES_H
#define PENSTOCK_TESTS_UNIT_LIVES_H

#include <glib.h>

/* So many with new seeds; many: with -m slow, for the night. */
static inline void lives_try(unsigned few, unsigned many, void (*live)(guint32 seed, gconstpointer),
                             gconstpointer life)
{
    const char *again = g_getenv("PENSTOCK_TEST_SEED");
    unsigned lives = again ? 1 : g_test_slow() ? many : few;

    for (unsigned i = 0; i < lives; i++) {
        guint32 seed = again ? (guint32)g_ascii_strtoull(again, NULL, 10) : g_random_int();

        g_test_message("PENSTOCK_TEST_SEED=%u", seed);
        live(seed, life);
    }
}

#endif
