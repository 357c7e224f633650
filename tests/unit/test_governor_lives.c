/* sync/governor.c through random lives: a server written from API.md section 4 (N requests of a
 * token in any rolling 2 s, refused ones not counted, the headers, a wait that a refusal states),
 * lines that delay, reorder and lose, plans that change, others on the token, clocks that stand or
 * leap. A life is a seed: a failure prints it, PENSTOCK_TEST_SEED=N lives it again. */
#include "lives.h"
#include "sync/governor.h"

#include <glib.h>
#include <stdbool.h>

#define SERVER_WINDOW_MS 2000
#define MOST_CLIENTS     4
#define NEVER            INT64_MAX

/* How the server's headers are. */
enum headers {
    HEADERS_TRUE,
    HEADERS_MISSING,
    HEADERS_COME_AND_GO,
    HEADERS_ABSURD,
};

/* A request, on its way there or, once it has met the server, back. */
struct flight {
    int64_t due_ms;  /* by the server's clock */
    int64_t sent_ms; /* by the client's */
    unsigned client;
    bool is_back, is_refused;
    int64_t limit, remaining, reset_s;
};

struct client {
    struct governor governor;
    int64_t lag_ms;          /* the server's clock less this one's, which may have stood still */
    int64_t absent_until_ms; /* stopped, by the server's clock */
    int64_t held_until_ms;   /* end of the wait that a refusal stated, by its own clock */
    unsigned sent, accepted, refused;
    bool met;              /* the server, at least once */
    unsigned late_refused; /* since end_ms */
};

struct world {
    GRand *random;
    int64_t now_ms;
    int64_t end_ms;  /* refusals from then on are late */
    GArray *flights; /* struct flight, unordered */
    GArray *counted; /* arrivals in the window, oldest first */
    unsigned limit, clients;
    unsigned stated; /* the limit that headers tell; 0 = as it is */
    /* No refusal is excused from then on; NEVER = a new plan is not told yet. */
    int64_t calm_from_ms;
    int64_t next_plan_ms;
    int line_ms, jitter_ms, loss; /* each way; one in so many answers is lost, 0 = none */
    int work_ms;                  /* of the server and the way back, at most */
    enum headers headers;
    struct client client[MOST_CLIENTS];
    unsigned strangers_a_s; /* requests of others on the token */
    unsigned steady_refused;
};

static int64_t roll(struct world *w, int64_t from, int64_t to)
{
    return g_rand_int_range(w->random, (gint32)from, (gint32)to + 1);
}

static bool chance(struct world *w, int one_in)
{
    return one_in > 0 && roll(w, 0, one_in - 1) == 0;
}

/* --- the server --- */

static void forget_old(struct world *w)
{
    unsigned old = 0;

    while (old < w->counted->len &&
           g_array_index(w->counted, int64_t, old) <= w->now_ms - SERVER_WINDOW_MS)
        old++;
    if (old > 0)
        g_array_remove_range(w->counted, 0, old);
}

static bool takes(struct world *w)
{
    forget_old(w);
    if (w->counted->len >= w->limit)
        return false;
    g_array_append_val(w->counted, w->now_ms);
    return true;
}

static void put_headers(struct world *w, struct flight *flight)
{
    static const int64_t absurd[] = {-1, 0, -7, 100001, G_MAXINT64, G_MININT64};
    bool missing =
        w->headers == HEADERS_MISSING || (w->headers == HEADERS_COME_AND_GO && chance(w, 2));

    flight->limit = w->stated > 0 ? w->stated : w->limit;
    flight->remaining = w->limit - MIN(w->counted->len, w->limit);
    flight->reset_s = chance(w, 2) ? 1 : 2;
    if (missing)
        flight->limit = flight->remaining = flight->reset_s = -1;
    if (w->headers == HEADERS_ABSURD) {
        flight->limit = absurd[roll(w, 0, G_N_ELEMENTS(absurd) - 1)];
        flight->remaining = chance(w, 2) ? -1 : G_MAXINT64;
        flight->reset_s = absurd[roll(w, 0, G_N_ELEMENTS(absurd) - 1)];
    }
}

static void meet_server(struct world *w, struct flight *flight)
{
    struct client *client = &w->client[flight->client];

    flight->is_back = true;
    flight->is_refused = !takes(w);
    client->accepted += !flight->is_refused;
    client->refused += flight->is_refused;
    client->late_refused += flight->is_refused && w->now_ms >= w->end_ms;
    w->steady_refused += flight->is_refused && w->now_ms >= w->calm_from_ms;
    put_headers(w, flight);
    flight->due_ms = w->now_ms + w->line_ms + roll(w, 0, w->work_ms);
}

/* --- the clients --- */

static int64_t clock_of(const struct world *w, const struct client *client)
{
    return w->now_ms - client->lag_ms;
}

static void meet_client(struct world *w, const struct flight *flight)
{
    struct client *client = &w->client[flight->client];
    int64_t now_ms = clock_of(w, client), wait_ms = MAX(flight->reset_s, 2) * 1000;

    if (w->calm_from_ms == NEVER && flight->limit == w->limit) /* and what is under way */
        w->calm_from_ms = w->now_ms + GOVERNOR_WINDOW_MS + 2 * (w->line_ms + w->jitter_ms);
    governor_answer(&client->governor, flight->sent_ms, now_ms, flight->limit, flight->remaining,
                    flight->reset_s);
    if (!flight->is_refused)
        return;
    if (w->headers == HEADERS_ABSURD)
        wait_ms = 2000;
    governor_throttled(&client->governor, flight->sent_ms, now_ms, wait_ms);
    client->held_until_ms = MAX(client->held_until_ms, now_ms + wait_ms);
}

static void send_all(struct world *w, unsigned index)
{
    struct client *client = &w->client[index];
    int64_t now_ms = clock_of(w, client), wait_ms;

    if (w->now_ms < client->absent_until_ms || (client->sent > 0 && !client->met))
        return;
    while ((wait_ms = governor_wait_ms(&client->governor, now_ms)) == 0) {
        struct flight flight = {.due_ms = w->now_ms + w->line_ms + roll(w, 0, w->jitter_ms),
                                .sent_ms = now_ms,
                                .client = index};

        g_assert_cmpint(now_ms, >=, client->held_until_ms); /* or the company gets blocked */
        governor_sent(&client->governor, now_ms);
        client->sent++;
        if (!client->met) { /* who am I is asked alone */
            g_array_append_val(w->flights, flight);
            return;
        }
        g_array_append_val(w->flights, flight);
    }
    g_assert_cmpint(wait_ms, >, 0);
    g_assert_cmpint(wait_ms, <=, GOVERNOR_HOLD_MAX_MS);
}

static void fly(struct world *w)
{
    for (unsigned i = 0; i < w->flights->len;) {
        struct flight *flight = &g_array_index(w->flights, struct flight, i);
        const struct client *client = &w->client[flight->client];

        if (flight->due_ms > w->now_ms ||
            (flight->is_back && w->now_ms < client->absent_until_ms)) {
            i++;
            continue;
        }
        if (!flight->is_back) {
            meet_server(w, flight);
            continue;
        }
        if (w->loss == 0 || !chance(w, w->loss))
            meet_client(w, flight);
        w->client[flight->client].met = true; /* or it has given up */
        g_array_remove_index_fast(w->flights, i);
    }
}

static void world_init(struct world *w, guint32 seed)
{
    *w = (struct world){.clients = 1, .limit = 20};
    w->random = g_rand_new_with_seed(seed);
    w->flights = g_array_new(FALSE, FALSE, sizeof(struct flight));
    w->counted = g_array_new(FALSE, FALSE, sizeof(int64_t));
    for (unsigned i = 0; i < MOST_CLIENTS; i++) {
        governor_init(&w->client[i].governor);
        w->client[i].lag_ms = roll(w, -1000000, 1000000);
        w->client[i].held_until_ms = INT64_MIN;
        w->client[i].absent_until_ms = INT64_MIN;
    }
}

static void world_done(struct world *w)
{
    g_rand_free(w->random);
    g_array_unref(w->flights);
    g_array_unref(w->counted);
}

static void live(struct world *w, int64_t ms, void (*happen)(struct world *))
{
    for (int64_t end_ms = w->now_ms + ms; w->now_ms < end_ms; w->now_ms++) {
        if (happen)
            happen(w);
        fly(w);
        for (unsigned i = 0; i < w->clients; i++)
            send_all(w, i);
    }
}

/* --- one process, alone on its token --- */

#define PLAN_LEAST 20
#define PLAN_MOST  120

static bool headers_tell(const struct world *w)
{
    return w->headers == HEADERS_TRUE || w->headers == HEADERS_COME_AND_GO;
}

/* What was sent before the client can know of it may be refused. */
static void change_plan(struct world *w)
{
    w->limit = (unsigned)roll(w, PLAN_LEAST, PLAN_MOST);
    w->next_plan_ms = w->now_ms + 20000; /* several at once look like a server that lies */
    if (headers_tell(w))
        w->calm_from_ms = NEVER;
}

/* A stopped process, a suspended machine: our clock leaps, or it stood while the server's went on.
 */
static void stop_a_while(struct world *w)
{
    struct client *client = &w->client[0];

    client->absent_until_ms = w->now_ms + roll(w, 1, 8000);
    if (chance(w, 2))
        client->lag_ms += client->absent_until_ms - w->now_ms;
}

static void happen(struct world *w)
{
    if (chance(w, 10000) && w->now_ms >= w->next_plan_ms)
        change_plan(w);
    if (chance(w, 8000) && w->now_ms >= w->client[0].absent_until_ms)
        stop_a_while(w);
}

static void draw(struct world *w, enum headers headers)
{
    w->headers = headers;
    w->limit = (unsigned)roll(w, PLAN_LEAST, PLAN_MOST);
    w->line_ms = (int)roll(w, 0, 200);
    w->jitter_ms = (int)roll(w, 0, 90); /* what the governor's window forgives */
    w->work_ms = (int)roll(w, 0, chance(w, 2) ? 20 : 4 * w->jitter_ms + 50);
    w->loss = chance(w, 2) ? (int)roll(w, 5, 50) : 0;
}

/* Never a refusal of our own making, whatever the plan and the clocks do; and in the end the limit
 * is used, as far as a header tells it. */
static void live_alone(struct world *w)
{
    const unsigned windows = 5;
    unsigned known, before;

    draw(w, (enum headers)roll(w, HEADERS_TRUE, HEADERS_ABSURD));
    live(w, 60000, happen);
    live(w, 40000, NULL); /* what a change of plan led to is over */
    before = w->client[0].accepted;
    live(w, windows * GOVERNOR_WINDOW_MS, NULL);
    known = headers_tell(w) ? w->limit : PLAN_LEAST;
    g_assert_cmpuint(w->steady_refused, ==, 0);
    g_assert_cmpuint(governor_share(&w->client[0].governor), ==, known);
    g_assert_cmpuint(w->client[0].accepted - before, >=, windows * known * 9 / 10);
}

/* --- a server that does not keep to what it says --- */

static void live_with_a_lie(struct world *w)
{
    draw(w, HEADERS_TRUE);
    w->limit = PLAN_LEAST;
    w->stated = PLAN_MOST;
    live(w, 240000, NULL);
    w->end_ms = w->now_ms; /* refusals from now on are late */
    live(w, 60000, NULL);
    g_assert_cmpuint(w->client[0].late_refused, <=, 2);
    g_assert_cmpuint(w->client[0].accepted, >, 300);
}

/* --- others on the token --- */

/* They ask at their own rate, whoever is refused. */
static void strangers_ask(struct world *w)
{
    if (chance(w, 5000))
        w->strangers_a_s = (unsigned)roll(w, 0, w->limit);
    if ((unsigned)roll(w, 1, 1000) <= w->strangers_a_s)
        (void)takes(w);
}

/* Goes on as long as there is room, and never asks while it was told to wait (send_all() looks). */
static void live_with_strangers(struct world *w)
{
    draw(w, HEADERS_TRUE);
    w->loss = 0;
    for (int minute = 0; minute < 3; minute++) {
        unsigned before = w->client[0].sent;

        live(w, GOVERNOR_HOLD_MAX_MS, strangers_ask);
        g_assert_cmpuint(w->client[0].sent, >, before);
    }
    w->strangers_a_s = 0;
    live(w, 60000, NULL);
    unsigned before = w->client[0].accepted;
    live(w, 5 * GOVERNOR_WINDOW_MS, NULL);
    g_assert_cmpuint((w->client[0].accepted - before) * governor_limit(&w->client[0].governor), >=,
                     5 * 9 / 10 * governor_share(&w->client[0].governor) * w->limit);
}

/* --- two machines, which know nothing of each other --- */

struct tally {
    unsigned lives, sent, refused, accepted, allowed;
};

static void live_beside(guint32 seed, unsigned limit, struct tally *tally)
{
    struct world w;

    world_init(&w, seed);
    w.clients = 2;
    w.limit = limit;
    w.line_ms = (int)roll(&w, 20, 200);
    w.jitter_ms = 40;
    w.work_ms = 210;
    w.client[1].absent_until_ms = roll(&w, 0, 8000);
    live(&w, 60000, NULL);
    for (unsigned i = 0; i < w.clients; i++) {
        tally->sent += w.client[i].sent;
        tally->refused += w.client[i].refused;
        tally->accepted += w.client[i].accepted;
    }
    tally->allowed += limit * 30;
    tally->lives++;
    world_done(&w);
}

/* Both at full speed for a minute: a window's worth of refusals while they meet, hardly any
 * afterwards, and most of the limit is used. The same lives every time: single ones may do worse.
 */
static void two_machines(void)
{
    static const unsigned plans[] = {20, 40, 100, 120};

    for (unsigned i = 0; i < G_N_ELEMENTS(plans); i++) {
        struct tally tally = {0};

        for (guint32 seed = 1; seed <= 20; seed++)
            live_beside(seed, plans[i], &tally);
        g_test_message("limit %u: %.1f refused a minute, %u %% of the limit used", plans[i],
                       (double)tally.refused / tally.lives, tally.accepted * 100 / tally.allowed);
        g_assert_cmpuint(tally.refused * 100, <=, tally.sent * 5);
        g_assert_cmpuint(tally.accepted * 100, >=, tally.allowed * 65);
    }
}

/* --- seeds --- */

static void live_once(guint32 seed, gconstpointer life)
{
    void (*const *of)(struct world *) = life;
    struct world w;

    world_init(&w, seed);
    w.end_ms = NEVER;
    (*of)(&w);
    world_done(&w);
}

static void live_often(gconstpointer life)
{
    lives_try(30, 2000, live_once, life);
}

int main(int argc, char **argv)
{
    static void (*const alone)(struct world *) = live_alone;
    static void (*const lie)(struct world *) = live_with_a_lie;
    static void (*const strangers)(struct world *) = live_with_strangers;

    g_test_init(&argc, &argv, NULL);
    g_test_add_data_func("/governor/lives/alone", &alone, live_often);
    g_test_add_data_func("/governor/lives/lie", &lie, live_often);
    g_test_add_data_func("/governor/lives/strangers", &strangers, live_often);
    g_test_add_func("/governor/lives/two-machines", two_machines);
    return g_test_run();
}
