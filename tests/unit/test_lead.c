/* sync/lead.c: the loader never waits for a page that could have been asked for, and where it is
 * the slower one, no more is asked for than it can use. A small world of milliseconds stands in for
 * both. */
#include "sync/lead.h"

#include <glib.h>

#define LISTS      4
#define PAGES_EACH 500

struct world {
    unsigned latency_ms, load_ms;
    int64_t arrives_ms[LISTS]; /* the page under way; -1 = none */
    unsigned left[LISTS];      /* pages not yet asked for */
    unsigned under_way, with_loader;
    int64_t loaded_ms; /* the page in its hands is done then; -1 = none is */
    unsigned last;     /* list of the page that arrived last */
    /* what is asked of it */
    unsigned changes; /* of the list, from one page to the next */
    unsigned most;    /* pages under way and with the loader */
    int64_t idle_ms;
};

/* The lists in their order, each a page at a time, as the I/O thread does. */
static void ask(struct world *w, const struct lead *lead, int64_t now_ms)
{
    for (unsigned i = 0; i < LISTS; i++) {
        if (w->left[i] == 0 || w->arrives_ms[i] >= 0)
            continue;
        if (lead_is_enough(lead, w->with_loader, w->under_way, w->latency_ms))
            return;
        w->arrives_ms[i] = now_ms + MAX(w->latency_ms, 1);
        w->left[i]--;
        w->under_way++;
    }
}

static void receive(struct world *w, int64_t now_ms)
{
    for (unsigned i = 0; i < LISTS; i++) {
        if (w->arrives_ms[i] != now_ms)
            continue;
        w->arrives_ms[i] = -1;
        w->under_way--;
        w->with_loader++;
        w->changes += i != w->last;
        w->last = i;
    }
}

static void load(struct world *w, struct lead *lead, int64_t now_ms)
{
    if (w->loaded_ms == now_ms) {
        lead_loaded(lead, w->load_ms * 1000);
        w->with_loader--;
        w->loaded_ms = -1;
    }
    if (w->loaded_ms < 0 && w->with_loader > 0)
        w->loaded_ms = now_ms + w->load_ms;
    w->idle_ms += w->loaded_ms < 0;
}

static int64_t run(struct world *w)
{
    struct lead lead = {0};
    int64_t now_ms = 0;

    w->loaded_ms = -1;
    for (unsigned i = 0; i < LISTS; i++) {
        w->arrives_ms[i] = -1;
        w->left[i] = PAGES_EACH;
    }
    for (;; now_ms++) {
        receive(w, now_ms);
        load(w, &lead, now_ms);
        ask(w, &lead, now_ms);
        w->most = MAX(w->most, w->under_way + w->with_loader);
        if (w->loaded_ms < 0 && w->under_way == 0)
            return now_ms;
    }
}

/* A slow loader is busy from the first page to the last, and stays with one list. */
static void slow_loader_keeps_to_one_list(void)
{
    struct world w = {.latency_ms = 3, .load_ms = 10};
    int64_t all_ms = run(&w);

    g_assert_cmpint(w.idle_ms, <=, 4); /* before the first page, and after the last */
    g_assert_cmpint(all_ms, <=, LISTS * PAGES_EACH * 10 + 4);
    g_assert_cmpuint(w.changes, <, LISTS * PAGES_EACH / 50);
    g_assert_cmpuint(w.most, <=, 2 * LISTS);
}

/* Answers that take long are all asked for, although pages are small. */
static void latency_is_hidden(void)
{
    struct world w = {.latency_ms = 200, .load_ms = 5};
    int64_t all_ms = run(&w);

    g_assert_cmpint(all_ms, <, PAGES_EACH * (200 + 2 * 5));
}

/* The loader is just as fast as four lists side by side. */
static void neither_waits_for_the_other(void)
{
    struct world w = {.latency_ms = 200, .load_ms = 50};
    int64_t all_ms = run(&w);

    g_assert_cmpint(all_ms, <, LISTS * PAGES_EACH * 50 * 11 / 10);
}

static void bounds(void)
{
    struct lead lead = {0};

    g_assert_false(lead_is_enough(&lead, 0, 1000, 0));
    g_assert_false(lead_is_enough(&lead, 3, 1000, 0)); /* nothing measured */
    g_assert_true(lead_is_enough(&lead, 4, 0, 1000));
    lead_loaded(&lead, 0);
    lead_loaded(&lead, -5); /* no clock should, but does */
    g_assert_false(lead_is_enough(&lead, 3, 1000, 10));
    lead_loaded(&lead, INT64_MAX / 8);
    g_assert_false(lead_is_enough(&lead, 0, 1000, 10));
    g_assert_true(lead_is_enough(&lead, 1, 2, 10));
    g_assert_false(lead_is_enough(&lead, 1, 1, 10));
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/lead/slow-loader", slow_loader_keeps_to_one_list);
    g_test_add_func("/lead/latency", latency_is_hidden);
    g_test_add_func("/lead/balance", neither_waits_for_the_other);
    g_test_add_func("/lead/bounds", bounds);
    return g_test_run();
}
