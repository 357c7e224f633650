/* sync/governor.c. The server in here is written from API.md section 4: N requests in any rolling 2
 * s. */
#include "sync/governor.h"

#include <glib.h>
#include <stdbool.h>

#define SERVER_WINDOW_MS 2000

/* Sends as many as may start at this instant. */
static unsigned send_all(struct governor *g, int64_t now_ms)
{
    unsigned sent = 0;
    while (governor_wait_ms(g, now_ms) == 0) {
        governor_sent(g, now_ms);
        sent++;
        g_assert_cmpuint(sent, <=, GOVERNOR_LIMIT_MAX);
    }
    return sent;
}

static void starts_with_the_smallest_plan(void)
{
    struct governor g;
    governor_init(&g);
    g_assert_cmpuint(governor_limit(&g), ==, 20);
    g_assert_cmpuint(send_all(&g, 0), ==, 20);
    int64_t wait_ms = governor_wait_ms(&g, 0);
    g_assert_cmpint(wait_ms, >=, SERVER_WINDOW_MS);
    g_assert_cmpint(governor_wait_ms(&g, 500), ==, wait_ms - 500);
    g_assert_cmpuint(send_all(&g, wait_ms), ==, 20);
}

static void learns_the_limit(void)
{
    struct governor g;
    governor_init(&g);
    governor_sent(&g, 0);
    governor_answer(&g, 0, 100, 120, 119, 2);
    g_assert_cmpuint(governor_limit(&g), ==, 120);
    g_assert_cmpuint(send_all(&g, 100), ==, 119);
    /* an older answer that comes late knows less */
    governor_answer(&g, -1000, 200, 40, 39, 2);
    g_assert_cmpuint(governor_limit(&g), ==, 120);
    /* a plan can also get smaller */
    governor_answer(&g, 100, 300, 40, 0, 2);
    g_assert_cmpuint(governor_limit(&g), ==, 40);
    /* requests of one burst arrive in any order, on both ways: the smaller limit is the later */
    governor_answer(&g, 100, 310, 120, 0, 2);
    governor_answer(&g, 105, 311, 120, 0, 2);
    g_assert_cmpuint(governor_limit(&g), ==, 40);
    governor_answer(&g, 95, 312, 20, 0, 2);
    g_assert_cmpuint(governor_limit(&g), ==, 20);
    g_assert_cmpint(governor_wait_ms(&g, 300), >, 0);
}

static void ignores_absurd_headers(void)
{
    static const int64_t absurd[] = {-1, 0, -20, 100001, G_MAXINT64, G_MININT64};
    struct governor g;
    governor_init(&g);
    for (size_t i = 0; i < G_N_ELEMENTS(absurd); i++) {
        governor_answer(&g, 0, 0, absurd[i], -1, 2);
        g_assert_cmpuint(governor_limit(&g), ==, 20);
    }
    governor_answer(&g, 0, 0, 20, 21, 2);
    governor_answer(&g, 0, 0, 20, G_MAXINT64, G_MAXINT64);
    governor_answer(&g, 0, 0, 20, G_MININT64, G_MININT64);
    g_assert_cmpuint(send_all(&g, 0), ==, 20);
    /* a limit beyond what the state holds is used as far as it goes */
    governor_answer(&g, 1000, 1000, 50000, -1, -1);
    g_assert_cmpuint(send_all(&g, 5000), ==, GOVERNOR_LIMIT_MAX);
}

static void leaves_room_for_others(void)
{
    struct governor g;
    governor_init(&g);
    governor_sent(&g, 0);
    governor_answer(&g, 0, 50, 20, 4, 2); /* we sent one, the server counted sixteen */
    g_assert_cmpuint(send_all(&g, 50), ==, 4);
    /* they left the window, but may go on: half of the guess stays */
    g_assert_cmpuint(send_all(&g, 2100), ==, 20 - 7 - 4);
    /* forgotten in the end */
    g_assert_cmpuint(send_all(&g, 60000), ==, 20);
}

/* Those that can wait see half of the window; what others send of it counts as well. */
static void spare_requests_leave_half(void)
{
    struct governor g;
    governor_init(&g); /* 20 a window */
    for (int i = 0; i < 10; i++) {
        g_assert_cmpint(governor_spare_wait_ms(&g, i), ==, 0);
        governor_sent(&g, i);
    }
    g_assert_cmpint(governor_wait_ms(&g, 10), ==, 0);
    g_assert_cmpint(governor_spare_wait_ms(&g, 10), ==, GOVERNOR_WINDOW_MS - 10);
    g_assert_cmpuint(send_all(&g, 1000), ==, 10);
    /* those of the first millisecond have left, ten of the last second have not */
    g_assert_cmpint(governor_wait_ms(&g, GOVERNOR_WINDOW_MS), ==, 0);
    g_assert_cmpint(governor_spare_wait_ms(&g, GOVERNOR_WINDOW_MS + 9), ==, 1000 - 9);
    g_assert_cmpint(governor_spare_wait_ms(&g, GOVERNOR_WINDOW_MS + 1000), ==, 0);
}

/* 3 of 20 for who comes next: until then all of them are needed. */
static void leaves_room_for_who_comes(void)
{
    struct governor g;
    governor_init(&g);
    for (int i = 0; i < 16; i++)
        governor_sent(&g, i);
    g_assert_cmpint(governor_room_wait_ms(&g, 16), ==, 0);
    governor_sent(&g, 16);
    g_assert_cmpint(governor_room_wait_ms(&g, 16), ==, GOVERNOR_WINDOW_MS - 16);
    g_assert_cmpint(governor_room_wait_ms(&g, GOVERNOR_WINDOW_MS), ==, 0);
    governor_throttled(&g, 16, 5000, 9000);
    g_assert_cmpint(governor_room_wait_ms(&g, 6000), ==, 8000);
}

static void spare_requests_are_some(void)
{
    struct governor g;
    governor_init(&g);
    governor_sent(&g, 0);
    governor_answer(&g, 0, 0, 1, 0, 2);
    g_assert_cmpint(governor_spare_wait_ms(&g, GOVERNOR_WINDOW_MS), ==, 0);
}

static void others_take_everything(void)
{
    struct governor g;
    governor_init(&g);
    governor_answer(&g, 0, 0, 20, 0, 2); /* nothing of it is ours */
    int64_t wait_ms = governor_wait_ms(&g, 0);
    g_assert_cmpint(wait_ms, ==, 2000);
    g_assert_cmpint(governor_wait_ms(&g, wait_ms), ==, 0); /* never locked out for good */
}

/* Our own burst explains what is missing: answers of one burst arrive in any order. */
static void own_burst_is_not_foreign(void)
{
    struct governor g;
    governor_init(&g);
    for (int64_t at_ms = 0; at_ms < 20; at_ms++)
        governor_sent(&g, at_ms);
    for (int64_t at_ms = 0; at_ms < 20; at_ms++)
        governor_answer(&g, at_ms, 300 + at_ms, 20, at_ms, 2); /* the first one arrived last */
    g_assert_cmpuint(send_all(&g, 2200), ==, 20);
}

/* A run that begins right after another one: the first answers are to requests behind which more
 * are under way already, and must not make it forget the other's. */
static void others_are_not_forgotten_in_a_burst(void)
{
    const int64_t limit = 20, others = 12;
    struct governor g;
    unsigned sent;
    governor_init(&g);
    governor_sent(&g, 150);
    governor_answer(&g, 150, 151, limit, limit - others - 1, 2);
    sent = 1 + send_all(&g, 151);
    for (unsigned i = 2; i <= sent; i++) {
        governor_answer(&g, 151, 151 + i, limit, MAX(limit - others - i, 0), 2);
        sent += send_all(&g, 151 + i);
        g_assert_cmpint(sent, <=, limit - others);
    }
    /* gone with their window, and told by the first answer of the next one */
    governor_sent(&g, 2300);
    governor_answer(&g, 2300, 2301, limit, limit - 1, 2);
    g_assert_cmpint(send_all(&g, 2301), ==, limit - 1);
}

static void throttled(void)
{
    struct governor g;
    governor_init(&g);
    governor_sent(&g, 0);
    governor_throttled(&g, 0, 100, 3000);
    g_assert_cmpint(governor_wait_ms(&g, 100), ==, 3000);
    governor_init(&g);
    governor_throttled(&g, 0, 100, 0); /* nothing said: the window */
    g_assert_cmpint(governor_wait_ms(&g, 100), ==, 2000);
    governor_init(&g);
    governor_throttled(&g, 0, 100, G_MAXINT64);
    g_assert_cmpint(governor_wait_ms(&g, 100), ==, 60000);
}

/* Two seconds at the rate that it allows, then a refusal. Returns when its wait is over. */
static int64_t strike(struct governor *g, int64_t now_ms)
{
    int64_t last_ms = now_ms;
    for (int64_t end_ms = now_ms + SERVER_WINDOW_MS; now_ms < end_ms; now_ms++)
        if (send_all(g, now_ms) > 0)
            last_ms = now_ms;
    governor_throttled(g, last_ms, now_ms, 2000);
    return now_ms + 2000;
}

static void third_strike_halves_for_good(void)
{
    struct governor g;
    governor_init(&g);
    int64_t now_ms = strike(&g, strike(&g, 1000));
    g_assert_cmpuint(governor_share(&g), ==, 20);
    now_ms = strike(&g, now_ms);
    g_assert_cmpuint(governor_share(&g), ==, 10);
    now_ms += 3600 * 1000;
    g_assert_cmpuint(send_all(&g, now_ms), ==, 10);
    governor_answer(&g, now_ms, now_ms, 40, 30, 0); /* a new limit is halved too */
    g_assert_cmpuint(governor_share(&g), ==, 20);
    for (int i = 0; i < 100; i++)
        now_ms = strike(&g, now_ms);
    g_assert_cmpuint(governor_share(&g), <=, 10);
    g_assert_cmpuint(governor_share(&g), >=, 1); /* never nothing */
}

/* Whoever is refused after one request in two seconds was not too fast. */
static void others_are_no_strike(void)
{
    struct governor g;
    governor_init(&g);
    for (int64_t now_ms = 0; now_ms < 100000; now_ms += 2100) {
        governor_sent(&g, now_ms);
        governor_throttled(&g, now_ms, now_ms + 50, 2000);
    }
    g_assert_cmpuint(governor_share(&g), ==, 20);
    /* but careful: one at a time, until nothing more was noticed of them for a while */
    g_assert_cmpuint(send_all(&g, 102200), ==, 1);
    g_assert_cmpuint(send_all(&g, 102200 + GOVERNOR_CALM_MS), ==, 20);
}

/* Others who go on are given way to, step by step, until a part of the window stays free. */
static void gives_way(void)
{
    struct governor g;
    int64_t now_ms = 0, sent = 0;
    governor_init(&g);
    for (; now_ms < 60000; now_ms++) { /* theirs is all that is not ours */
        if (governor_wait_ms(&g, now_ms) > 0)
            continue;
        governor_sent(&g, now_ms);
        governor_answer(&g, now_ms, now_ms, 40, 0, 2);
        sent += now_ms >= 30000;
    }
    g_assert_cmpint(sent, <=, 30000 / GOVERNOR_WINDOW_MS + 1);
    g_assert_cmpint(sent, >=, 30000 / GOVERNOR_WINDOW_MS / 2);
    for (sent = 0; now_ms < 120000; now_ms++) { /* gone */
        if (governor_wait_ms(&g, now_ms) > 0)
            continue;
        governor_sent(&g, now_ms);
        governor_answer(&g, now_ms, now_ms, 40, 40, 2);
        sent += now_ms >= 120000 - SERVER_WINDOW_MS;
    }
    g_assert_cmpint(sent, >=, 38);
}

static void a_burst_is_one_strike(void)
{
    struct governor g;
    governor_init(&g);
    send_all(&g, 0);
    for (int64_t i = 0; i < 20; i++)
        governor_throttled(&g, 0, 100 + i, 2000);
    g_assert_cmpuint(governor_share(&g), ==, 20);
    g_assert_cmpint(governor_wait_ms(&g, 119), ==, 2000); /* the last one counts for the wait */
}

static void strikes_far_apart_are_forgiven(void)
{
    struct governor g;
    governor_init(&g);
    for (int64_t i = 1; i < 50; i++)
        strike(&g, i * 60000);
    g_assert_cmpuint(governor_share(&g), ==, 20);
}

/* Two runs of this machine: each has half of the window, and what the other sends of its half is no
 * surprise; what strangers send is. */
static void divides_the_window(void)
{
    struct governor g;
    governor_init(&g);
    governor_divide(&g, 2);
    g_assert_cmpuint(send_all(&g, 0), ==, 10);
    governor_answer(&g, 0, 50, 20, 0, 2); /* ten are ours, ten the other's */
    g_assert_cmpuint(send_all(&g, 2100), ==, 10);
    governor_answer(&g, 2100, 2150, 20, 5, 2);
    g_assert_cmpuint(send_all(&g, 4200), ==, 10);
    governor_init(&g);
    governor_divide(&g, 2);
    governor_answer(&g, 0, 50, 20, 4, 2); /* six more than the other's half */
    g_assert_cmpuint(send_all(&g, 50), ==, 4);
    /* the other has ended */
    governor_divide(&g, 1);
    g_assert_cmpuint(send_all(&g, 60000), ==, 20);
    governor_divide(&g, 1000); /* never nothing */
    g_assert_cmpuint(governor_share(&g), ==, 1);
}

/* Whatever the limit, all of them together send no more. */
static void many_divide_the_window(void)
{
    enum {
        SHARERS = 50,
        SECONDS = 30
    };
    static struct governor runs[SHARERS];
    g_autoptr(GArray) sent = g_array_new(FALSE, FALSE, sizeof(int64_t));
    for (unsigned i = 0; i < SHARERS; i++) {
        governor_init(&runs[i]);
        governor_divide(&runs[i], SHARERS);
        governor_hold(&runs[i], 2100 * (i / 20));
    }
    for (int64_t now_ms = 0; now_ms < SECONDS * 1000; now_ms += 10)
        for (unsigned i = 0; i < SHARERS; i++)
            for (unsigned n = send_all(&runs[i], now_ms); n > 0; n--)
                g_array_append_val(sent, now_ms);
    for (unsigned i = 20; i < sent->len; i++)
        g_assert_cmpint(g_array_index(sent, int64_t, i) - g_array_index(sent, int64_t, i - 20), >=,
                        SERVER_WINDOW_MS);
    g_assert_cmpuint(sent->len, >=, SHARERS * (SECONDS * 1000 / (3 * 2100)));
}

/* A full window of requests whose answers all take as long but the last; how long it was. */
static int64_t window_of(struct governor *g, int64_t *now_ms, int64_t took_ms, int64_t last_ms)
{
    int64_t began_ms = *now_ms;
    unsigned sent = send_all(g, began_ms);
    for (unsigned i = 1; i < sent; i++)
        governor_answer(g, began_ms, began_ms + took_ms, 20, -1, -1);
    governor_answer(g, began_ms, began_ms + last_ms, 20, -1, -1);
    *now_ms = began_ms + last_ms + governor_wait_ms(g, began_ms + last_ms);
    return *now_ms - began_ms;
}

/* As long as answers take the same time, requests do on their way there. */
static void window_follows_delays(void)
{
    struct governor g;
    int64_t now_ms = 0;
    governor_init(&g);
    g_assert_cmpint(window_of(&g, &now_ms, 200, 200), ==, GOVERNOR_WINDOW_MS);
    for (int i = 0; i < 5; i++)
        (void)window_of(&g, &now_ms, 200, 200);
    g_assert_cmpint(window_of(&g, &now_ms, 200, 200), ==, SERVER_WINDOW_MS + GOVERNOR_MARGIN_MS);
    g_assert_cmpint(window_of(&g, &now_ms, 200, 230), ==,
                    SERVER_WINDOW_MS + GOVERNOR_MARGIN_MS + 30);
    g_assert_cmpint(window_of(&g, &now_ms, 200, 900), ==, GOVERNOR_WINDOW_MS);
    g_assert_cmpint(window_of(&g, &now_ms, 200, 200), ==, GOVERNOR_WINDOW_MS);
    for (int i = 0; i < 5; i++)
        (void)window_of(&g, &now_ms, 200, 200);
    g_assert_cmpint(window_of(&g, &now_ms, 200, 200), ==, SERVER_WINDOW_MS + GOVERNOR_MARGIN_MS);
}

/* --- properties --- */

/* Saturated for a minute: at least 95 % of the limit, at most the limit in any rolling 2 s (checked
 * by the ring of the test, not the governor's). */
static void saturate(unsigned limit)
{
    struct governor g;
    g_autoptr(GArray) sent = g_array_new(FALSE, FALSE, sizeof(int64_t));
    governor_init(&g);
    governor_answer(&g, 0, 0, limit, limit, 0);
    for (int64_t now_ms = 0; now_ms < 60000;) {
        int64_t wait_ms = governor_wait_ms(&g, now_ms);
        if (wait_ms > 0) {
            now_ms += wait_ms;
            continue;
        }
        governor_sent(&g, now_ms);
        g_array_append_val(sent, now_ms);
        if (sent->len > limit)
            g_assert_cmpint(now_ms - g_array_index(sent, int64_t, sent->len - 1 - limit), >,
                            SERVER_WINDOW_MS);
    }
    g_assert_cmpuint(sent->len * 100, >=, limit * 30 * 95);
}

static void saturated(void)
{
    static const unsigned plans[] = {1, 20, 40, 80, 100, 120, 160, 400, 480, GOVERNOR_LIMIT_MAX};
    for (size_t i = 0; i < G_N_ELEMENTS(plans); i++)
        saturate(plans[i]);
}

struct event {
    int64_t at_ms; /* arrival at the server or at us */
    int64_t sent_ms;
    int64_t remaining; /* -1: on the way there */
    bool is_refused;
};

static int by_time(const void *a, const void *b)
{
    const struct event *left = a, *right = b;
    return left->at_ms < right->at_ms ? -1 : left->at_ms > right->at_ms;
}

/* Half a minute against a server with a rolling window, requests taking up to jitter_ms each way.
 * Returns accepted requests; refused ones go to *ret_refused. */
static unsigned simulate(unsigned limit, int jitter_ms, unsigned *ret_refused)
{
    struct governor g;
    g_autoptr(GArray) events = g_array_new(FALSE, FALSE, sizeof(struct event));
    g_autoptr(GArray) counted = g_array_new(FALSE, FALSE, sizeof(int64_t));
    unsigned accepted = 0;
    *ret_refused = 0;
    governor_init(&g);
    for (int64_t now_ms = 0; now_ms < 30000; now_ms++) {
        while (governor_wait_ms(&g, now_ms) == 0) {
            governor_sent(&g, now_ms);
            struct event event = {now_ms + g_test_rand_int_range(0, jitter_ms + 1), now_ms, -1,
                                  false};
            g_array_append_val(events, event);
        }
        g_array_sort(events, by_time);
        while (events->len > 0 && g_array_index(events, struct event, 0).at_ms <= now_ms) {
            struct event event = g_array_index(events, struct event, 0);
            g_array_remove_index(events, 0);
            if (event.remaining >= 0) {
                governor_answer(&g, event.sent_ms, now_ms, limit, event.remaining, 2);
                if (event.is_refused)
                    governor_throttled(&g, event.sent_ms, now_ms, 2000);
                continue;
            }
            while (counted->len > 0 &&
                   g_array_index(counted, int64_t, 0) <= now_ms - SERVER_WINDOW_MS)
                g_array_remove_index(counted, 0);
            event.is_refused = counted->len >= limit;
            if (!event.is_refused)
                g_array_append_val(counted, now_ms);
            accepted += !event.is_refused;
            *ret_refused += event.is_refused;
            event.remaining = (int64_t)limit - (int64_t)counted->len;
            event.at_ms = now_ms + g_test_rand_int_range(1, jitter_ms + 500);
            g_array_append_val(events, event);
            g_array_sort(events, by_time);
        }
    }
    return accepted;
}

static void against_a_server(void)
{
    static const unsigned plans[] = {20, 120, 480};
    for (size_t i = 0; i < G_N_ELEMENTS(plans); i++) {
        unsigned refused;
        unsigned accepted = simulate(plans[i], 90, &refused);
        g_assert_cmpuint(refused, ==, 0);
        /* the first window runs at the smallest plan's rate */
        g_assert_cmpuint(accepted * 100, >=, plans[i] * 14 * 95);
        accepted = simulate(plans[i], 400, &refused); /* a bad line: refusals, but it goes on */
        g_test_message("limit %u, jitter 400 ms: %u accepted, %u refused", plans[i], accepted,
                       refused);
        g_assert_cmpuint(accepted, >=, plans[i] * 2);
    }
}

/* Whatever happens in whatever order: never more than the limit that was known in the window, never
 * locked out. */
static void random_schedule(void)
{
    struct governor g;
    g_autoptr(GArray) sent = g_array_new(FALSE, FALSE, sizeof(int64_t));
    int64_t now_ms = g_test_rand_int_range(0, 1000000);
    governor_init(&g);
    for (int step = 0; step < 20000; step++) {
        int64_t wait_ms = governor_wait_ms(&g, now_ms);
        g_assert_cmpint(wait_ms, >=, 0);
        g_assert_cmpint(wait_ms, <=, GOVERNOR_HOLD_MAX_MS);
        if (wait_ms == 0) {
            unsigned limit = governor_share(&g);
            governor_sent(&g, now_ms);
            g_array_append_val(sent, now_ms);
            if (sent->len > limit)
                g_assert_cmpint(now_ms - g_array_index(sent, int64_t, sent->len - 1 - limit), >=,
                                GOVERNOR_WINDOW_MS);
        }
        int dice = g_test_rand_int_range(0, 100);
        int64_t sent_ms = now_ms - g_test_rand_int_range(0, 3000);
        if (dice < 20)
            governor_answer(&g, sent_ms, now_ms, g_test_rand_int_range(-5, 60),
                            g_test_rand_int_range(-5, 60), g_test_rand_int_range(-5, 10));
        else if (dice == 20 && g_test_rand_int_range(0, 20) == 0)
            governor_throttled(&g, sent_ms, now_ms, g_test_rand_int_range(0, 90000));
        now_ms += dice < 40 ? 0 : dice < 90 ? g_test_rand_int_range(0, 200) : wait_ms;
    }
    g_assert_cmpuint(sent->len, >, 100);
}

static void random_schedules(void)
{
    for (int i = 0; i < 50; i++)
        random_schedule();
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/governor/starts-with-the-smallest-plan", starts_with_the_smallest_plan);
    g_test_add_func("/governor/learns-the-limit", learns_the_limit);
    g_test_add_func("/governor/ignores-absurd-headers", ignores_absurd_headers);
    g_test_add_func("/governor/leaves-room-for-others", leaves_room_for_others);
    g_test_add_func("/governor/others-take-everything", others_take_everything);
    g_test_add_func("/governor/spare-requests-leave-half", spare_requests_leave_half);
    g_test_add_func("/governor/leaves-room-for-who-comes", leaves_room_for_who_comes);
    g_test_add_func("/governor/spare-requests-are-some", spare_requests_are_some);
    g_test_add_func("/governor/own-burst-is-not-foreign", own_burst_is_not_foreign);
    g_test_add_func("/governor/others-are-not-forgotten-in-a-burst",
                    others_are_not_forgotten_in_a_burst);
    g_test_add_func("/governor/throttled", throttled);
    g_test_add_func("/governor/third-strike-halves-for-good", third_strike_halves_for_good);
    g_test_add_func("/governor/others-are-no-strike", others_are_no_strike);
    g_test_add_func("/governor/gives-way", gives_way);
    g_test_add_func("/governor/a-burst-is-one-strike", a_burst_is_one_strike);
    g_test_add_func("/governor/strikes-far-apart-are-forgiven", strikes_far_apart_are_forgiven);
    g_test_add_func("/governor/divides-the-window", divides_the_window);
    g_test_add_func("/governor/many-divide-the-window", many_divide_the_window);
    g_test_add_func("/governor/window-follows-delays", window_follows_delays);
    g_test_add_func("/governor/saturated", saturated);
    g_test_add_func("/governor/against-a-server", against_a_server);
    g_test_add_func("/governor/random-schedules", random_schedules);
    return g_test_run();
}
