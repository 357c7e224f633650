/* Windows: where a walk by time is cut, what that costs, and what becomes of its parts. */
#include "pipedrive/walk_private.h"
#include "walks.h"

#include <math.h>
#include <string.h>

#define PRODUCTS "/api/v2/products"
#define BY_TIME  "limit=500 sort_by=update_time sort_direction=asc"

/* --- by hand --- */

/* A first load of activities by everything since 2024, four pages or more by the looks of it. */
static void begin_long(struct walks *w)
{
    walks_choose(w, STREAM_ACTIVITIES);
    walks_begin(w, 0, LEG_HEAD, at("2024-01-01T00:00:00Z"));
    walks_answer(w, LAST(ROW(1, "2024-02-01T00:00:00Z")));
    walks_answer(w, LAST(ROW(9000, "2026-11-20T00:00:00Z")));
    walks_answer(w, MORE(ROW(1, "2024-02-01T00:00:00Z") "," ROW(2, "2024-02-02T00:00:00Z"), "c1"));
}

/* The other walk answers from now on; the one before is returned. */
static struct walk *change(struct walks *w, struct walk *other)
{
    struct walk *before = w->walk;

    w->walk = other;
    return before;
}

static void each_half_is_read(struct walks *w, const void *unused)
{
    struct walk *early, *late;

    (void)unused;
    begin_long(w);
    late = walk_cut(w->walk);
    g_assert_nonnull(late);
    early = change(w, late);
    /* 2024-02-02 to T0 is 1026.5 days. */
    g_assert_true(walks_asks_for(w, "updated_since=2025-06-29T06:00:00Z"));
    g_assert_false(walks_asks_for(w, "updated_until="));
    walks_answer(w, LAST(ROW(9000, "2026-11-20T00:00:00Z")));
    assert_step(w, true, false);
    g_assert_false(w->step.ends_leg);
    g_assert_false(walks_list(w)->loaded);
    assert_instant(walks_list(w)->bookmark, "2024-02-02T00:00:00Z");
    walk_free(change(w, early));
    g_assert_true(walks_asks_for(w, "cursor=c1"));
    g_assert_false(walks_asks_for(w, "updated_until=")); /* what the cursor was made for */
    walks_answer(w, MORE(ROW(3, "2025-01-01T00:00:00Z") "," ROW(4, "2025-06-29T06:00:00Z"), "c2"));
    walks_assert_rows(w, "3");
    assert_step(w, true, false);
    g_assert_true(w->step.ends_leg);
    g_assert_true(walks_list(w)->loaded);
    assert_instant(walks_list(w)->bookmark, OVERLAP);
}

static void bookmark_moves_without_gaps(struct walks *w, const void *unused)
{
    struct walk *early, *late;

    (void)unused;
    begin_long(w);
    late = walk_cut(w->walk);
    early = change(w, late);
    walks_answer(w, MORE(ROW(8, "2026-01-01T00:00:00Z") "," ROW(9, "2026-02-01T00:00:00Z"), "d1"));
    assert_instant(walks_list(w)->bookmark, "2024-02-02T00:00:00Z");
    late = change(w, early);
    walks_answer(w, LAST(ROW(3, "2025-01-01T00:00:00Z")));
    g_assert_false(w->step.ends_leg);
    assert_instant(walks_list(w)->bookmark, "2026-02-01T00:00:00Z");
    walk_free(change(w, late));
}

/* The windows of an earlier run go on; the last one up to the new T0. */
static void windows_survive(struct walks *w, const void *unused)
{
    struct walk *late;

    (void)unused;
    begin_long(w);
    walk_free(change(w, walk_cut(w->walk)));
    walks_answer(w, MORE(ROW(8, "2026-01-01T00:00:00Z") "," ROW(9, "2026-02-01T00:00:00Z"), "d1"));
    walks_restart(w);
    assert_instant(walk_leg_t0(0, LEG_HEAD, &w->state), "none");
    walks_assert_request(w, "/api/v2/activities",
                         BY_TIME " include_fields=attendees updated_since=2024-02-02T00:00:00Z "
                                 "updated_until=2025-06-29T06:00:00Z");
    late = walk_new_next(w->walk);
    g_assert_nonnull(late);
    g_assert_null(walk_new_next(late));
    w->date = at("2026-11-26T12:00:00Z");
    walks_answer(w, LAST(ROW(3, "2025-01-01T00:00:00Z")));
    g_assert_false(w->step.ends_leg);
    walk_free(change(w, late));
    g_assert_true(walks_asks_for(w, "updated_since=2026-02-01T00:00:00Z"));
    walks_restart(w); /* the early one is done and needs no walk any more */
    g_assert_true(walks_asks_for(w, "updated_since=2026-02-01T00:00:00Z"));
    g_assert_null(walk_new_next(w->walk));
    walks_answer(w, LAST(ROW(9, "2026-02-01T00:00:00Z")));
    g_assert_true(w->step.ends_leg);
    assert_instant(walks_list(w)->bookmark, "2026-11-26T11:59:00Z");
}

/* Names that another window found to be refused were in a request that was under way then. */
static void gated_names_are_found_once(struct walks *w, const void *unused)
{
    struct walk *early;

    (void)unused;
    walks_choose(w, STREAM_PERSONS);
    walks_begin_head(w);
    walks_answer(w, MORE(ROW(1, "2024-02-01T00:00:00Z") "," ROW(2, "2024-02-02T00:00:00Z"), "c1"));
    walks_answer(w, LAST(ROW(9000, "2026-11-20T00:00:00Z")));
    early = change(w, walk_cut(w->walk));
    g_assert_true(walks_refused(w, PENSTOCK_ERROR_REFUSED, 403));
    walk_free(change(w, early));
    g_assert_true(walks_refused(w, PENSTOCK_ERROR_REFUSED, 403));
    g_assert_false(walks_asks_for(w, "marketing_status"));
    g_assert_false(walks_refused(w, PENSTOCK_ERROR_REFUSED, 403));
    w->state.gated =
        false; /* the other window found that it was not they: as before the first refusal */
    g_assert_true(walks_refused(w, PENSTOCK_ERROR_REFUSED, 403));
}

/* --- a server that does not heed updated_since --- */

static void unheeded_window_is_given_back(struct walks *w, const void *unused)
{
    struct walk *early;

    (void)unused;
    begin_long(w);
    early = change(w, walk_cut(w->walk));
    walks_answer(w, MORE(ROW(1, "2024-02-01T00:00:00Z") "," ROW(2, "2024-02-02T00:00:00Z"), "d1"));
    assert_step(w, true, true);
    g_assert_true(w->step.is_given_back);
    g_assert_false(w->step.ends_leg);
    walk_free(change(w, early));
    g_assert_null(walk_cut(w->walk)); /* once is enough */
    walks_answer(w, LAST(ROW(8, "2026-01-01T00:00:00Z")));
    walks_assert_rows(w, "8");
    g_assert_true(w->step.ends_leg);
    assert_instant(walks_list(w)->bookmark, OVERLAP);
}

static void unheeded_bookmark_is_an_error(struct walks *w, const void *unused)
{
    (void)unused;
    walks_choose(w, STREAM_PRODUCTS);
    walks_pretend_loaded(w, "2026-11-20T08:00:00Z");
    walks_begin_head(w);
    g_assert_false(walks_try(w, LAST(ROW(1, "2024-02-01T00:00:00Z"))));
    g_assert_error(w->error, PENSTOCK_ERROR, PENSTOCK_ERROR_DATA);
    assert_instant(walks_list(w)->bookmark, "2026-11-20T08:00:00Z");
    walks_answer(w, LAST(ROW(1, "2026-11-20T08:00:00Z"))); /* the next try */
    g_assert_true(w->step.ends_leg);
}

/* --- what cuts cost --- */

#define SLOTS     12
#define PAGE_ROWS 31 /* 500 halved as often as that fits */

struct company {
    const char *name;
    int rows;
    double power;     /* how rows gather towards the present: 1 = evenly */
    int bulk_percent; /* of one second */
    int gone_percent; /* ids that are no more */
    int clusters;     /* days on which all happens; 0 = all the time */
};

static const struct company companies[] = {
    {"even", 12000, 1, 0, 0, 0},
    {"growing", 12000, 3, 0, 0, 0},
    {"exploding", 12000, 12, 0, 2, 0},
    {"older than busy", 12000, 0.3, 0, 0, 0},
    {"mostly of one second", 12000, 1, 60, 2, 0},
    {"all of one second", 6000, 1, 100, 0, 0},
    {"mostly gone", 3000, 1, 0, 90, 0},
    {"mostly gone, growing", 3000, 4, 0, 90, 0},
    {"on few days", 12000, 1, 0, 2, 7},
    {"short", 1000, 1, 0, 2, 0},
    {"shorter", 200, 2, 0, 2, 0},
};

struct model_row {
    instant_t time;
    int64_t id;
};

static int by_time(const void *a, const void *b)
{
    const struct model_row *left = a, *right = b;

    return left->time != right->time ? (left->time > right->time ? 1 : -1)
                                     : (left->id > right->id) - (left->id < right->id);
}

static GArray *make_rows(const struct company *company, GRand *random)
{
    GArray *rows = g_array_new(FALSE, FALSE, sizeof(struct model_row));
    const instant_t first = at("2022-01-01T00:00:00Z"), last = at("2026-11-24T11:00:00Z");
    int64_t id = 0;

    for (int i = 0; i < company->rows; i++) {
        double when = pow(g_rand_double(random), 1 / company->power);
        struct model_row row;

        if (company->clusters > 0)
            when = (floor(when * company->clusters) + when / 1000) / company->clusters;
        if (g_rand_int_range(random, 0, 100) < company->bulk_percent)
            when = 0.7;
        do
            id++;
        while (g_rand_int_range(random, 0, 100) < company->gone_percent);
        row.id = id;
        row.time =
            first + (instant_t)(when * (double)(last - first)) / INSTANT_SECOND * INSTANT_SECOND;
        g_array_append_val(rows, row);
    }
    g_array_sort(rows, by_time);
    return rows;
}

/* The index of the first row that the request asks for; cursors are indices. */
static unsigned first_asked(const GArray *rows, const char *request)
{
    const char *cursor = strstr(request, "cursor="), *since = strstr(request, "updated_since=");
    struct model_row edge = {.id = 0};
    unsigned index = 0;

    if (cursor)
        return (unsigned)g_ascii_strtoull(cursor + strlen("cursor="), NULL, 10);
    if (!since)
        return 0;
    g_assert_true(instant_parse(since + strlen("updated_since="), strlen("2026-11-24T12:00:00Z"),
                                &edge.time));
    while (index < rows->len && by_time(&g_array_index(rows, struct model_row, index), &edge) < 0)
        index++;
    return index;
}

static char *serve_rows(const GArray *rows, const char *request)
{
    GString *text = g_string_new("{'success':true,'data':[");
    unsigned first = first_asked(rows, request), end = MIN(first + PAGE_ROWS, rows->len);

    if (strstr(request, "sort_direction=desc"))
        first = (end = rows->len) - 1;
    for (unsigned i = first; i < end; i++) {
        const struct model_row *row = &g_array_index(rows, struct model_row, i);
        char time[INSTANT_TEXT_BYTES];

        instant_format_rfc3339(row->time, time);
        g_string_append_printf(text, "%s{'id':%" G_GINT64_FORMAT ",'update_time':'%s'}",
                               i > first ? "," : "", row->id, time);
    }
    if (end < rows->len)
        g_string_append_printf(text, "],'additional_data':{'next_cursor':'%u'}}", end);
    else
        g_string_append(text, "],'additional_data':{'next_cursor':null}}");
    return g_string_free(text, FALSE);
}

struct race {
    struct walks w;
    GPtrArray *walks;
    const GArray *rows;
    GHashTable *read;
    unsigned calls, rounds;
};

static void note_read(struct race *race)
{
    const struct batch *batch = race->w.batch;

    for (unsigned i = 0; i < batch->row_count; i++) {
        int64_t id;

        g_assert_true(cell_int64(&batch->rows[i].cells[batch->table->keys[0]], &id));
        g_hash_table_add(race->read, g_memdup2(&id, sizeof id));
    }
}

/* Every walk gets one answer. False: the leg is over. */
static bool one_round(struct race *race)
{
    unsigned count = race->walks->len;

    race->rounds++;
    for (unsigned i = 0; i < count; i++) {
        race->w.walk = race->walks->pdata[i];
        while (race->w.walk->limit > PAGE_ROWS)
            g_assert_true(walk_ask_less(race->w.walk));
        g_autofree char *request = walks_request(&race->w);
        g_autofree char *answer = serve_rows(race->rows, request);

        race->calls++;
        walks_answer(&race->w, "%s", answer);
        if (!race->w.step.discard_rows)
            note_read(race);
        race->w.walk = NULL;
        if (race->w.step.ends_leg)
            return false;
        if (race->w.step.done)
            race->walks->pdata[i] = (walk_free(race->walks->pdata[i]), NULL);
    }
    while (g_ptr_array_remove(race->walks, NULL))
        ;
    return true;
}

/* As the sync does it: a cut where a slot is free. */
static void run_race(struct race *race, unsigned slots, const GArray *rows)
{
    *race = (struct race){.rows = rows,
                          .walks = g_ptr_array_new_with_free_func((GDestroyNotify)walk_free),
                          .read = g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free, NULL)};
    walks_init(&race->w);
    walks_choose(&race->w, STREAM_PRODUCTS);
    race->w.date = at(T0);
    walks_begin_head(&race->w);
    g_ptr_array_add(race->walks, g_steal_pointer(&race->w.walk));
    while (one_round(race)) {
        struct walk *later = NULL;

        while (race->walks->len < slots && (later = walk_cut(race->walks->pdata[0])))
            g_ptr_array_add(race->walks, later);
    }
    g_assert_cmpuint(g_hash_table_size(race->read), ==, rows->len);
}

static void end_race(struct race *race)
{
    walks_done(&race->w);
    g_ptr_array_unref(race->walks);
    g_hash_table_unref(race->read);
}

static void cuts_cost_little(const void *data)
{
    const struct company *company = data;

    for (guint32 seed = 1; seed <= 5; seed++) {
        GRand *random = g_rand_new_with_seed(seed);
        g_autoptr(GArray) rows = make_rows(company, random);
        struct race serial, cut;

        run_race(&serial, 1, rows);
        run_race(&cut, SLOTS, rows);
        g_test_message("seed %u: %u calls, %u with windows, in %u rounds", seed, serial.calls,
                       cut.calls, cut.rounds);
        g_assert_cmpuint(cut.calls, <=, serial.calls + MAX(1, serial.calls / 50));
        end_race(&serial);
        end_race(&cut);
        g_rand_free(random);
    }
}

static void set_up(struct walks *w, const void *unused)
{
    (void)unused;
    walks_init(w);
    w->date = at(T0);
}

static void tear_down(struct walks *w, const void *unused)
{
    (void)unused;
    walks_done(w);
}

#define add(path, function)                                                                        \
    g_test_add("/windows/" path, struct walks, NULL, set_up, function, tear_down)

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    add("halves", each_half_is_read);
    add("bookmark", bookmark_moves_without_gaps);
    add("resume", windows_survive);
    add("gated", gated_names_are_found_once);
    add("given-back", unheeded_window_is_given_back);
    add("unheeded", unheeded_bookmark_is_an_error);
    for (size_t i = 0; i < G_N_ELEMENTS(companies); i++) {
        g_autofree char *path = g_strdup_printf("/windows/cost/%s", companies[i].name);

        g_test_add_data_func(path, &companies[i], cuts_cost_little);
    }
    return g_test_run();
}
