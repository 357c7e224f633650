/* Reading ahead: which pages of a list by offset are asked for side by side, what that costs, and
 * that they are taken in order. tests/unit/test_walk_model.c edits the list meanwhile. */
#include "pipedrive/walk_private.h"
#include "walks.h"

#include <string.h>

/* The server answers so many rows at most. */
#define PAGE_ROWS 10

struct page {
    int64_t start;
    char *answer; /* NULL: under way */
};

/* A list of files, and one that reads it with so many requests under way. */
struct race {
    struct walks w;
    GArray *ids;   /* int64_t, on the server */
    GArray *pages; /* struct page: asked for ahead */
    GHashTable *read;
    unsigned depth, calls, rounds;
    int last_deletes; /* so many rows of the beginning, a round */
};

static void free_page(void *data)
{
    g_free(((struct page *)data)->answer);
}

static void set_up(struct race *race, const void *unused)
{
    (void)unused;
    *race = (struct race){.ids = g_array_new(FALSE, FALSE, sizeof(int64_t)),
                          .pages = g_array_new(FALSE, FALSE, sizeof(struct page)),
                          .read = g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free, NULL),
                          .depth = 10};
    g_array_set_clear_func(race->pages, free_page);
    walks_init(&race->w);
    race->w.date = at(T0);
}

static void tear_down(struct race *race, const void *unused)
{
    (void)unused;
    walks_done(&race->w);
    g_array_unref(race->ids);
    g_array_unref(race->pages);
    g_hash_table_unref(race->read);
}

static char *serve(struct race *race, const char *request)
{
    GString *text = g_string_new("{'success':true,'data':[");
    const char *asked = strstr(request, "start=");
    int64_t start, end;

    g_assert_nonnull(asked);
    start = g_ascii_strtoll(asked + strlen("start="), NULL, 10);
    end = MIN(start + PAGE_ROWS, (int64_t)race->ids->len);
    for (int64_t i = start; i < end; i++)
        g_string_append_printf(text, "%s{'id':%" G_GINT64_FORMAT "}", i > start ? "," : "",
                               g_array_index(race->ids, int64_t, i));
    g_string_append_printf(text,
                           "],'additional_data':{'pagination':{'more_items_in_collection':%s}}}",
                           end < (int64_t)race->ids->len ? "true" : "false");
    race->calls++;
    return g_string_free(text, FALSE);
}

static void begin(struct race *race, unsigned rows)
{
    g_array_set_size(race->ids, 0);
    g_array_set_size(race->pages, 0);
    g_hash_table_remove_all(race->read);
    for (int64_t id = 1; id <= rows; id++)
        g_array_append_val(race->ids, id);
    race->calls = race->rounds = 0;
    walks_choose(&race->w, STREAM_FILES);
    walks_begin_head(&race->w);
}

static struct page *next_page(struct race *race)
{
    for (unsigned i = 0; i < race->pages->len; i++) {
        struct page *page = &g_array_index(race->pages, struct page, i);

        if (walk_place_of(race->w.walk, page->start) == PLACE_NEXT)
            return page;
    }
    return NULL;
}

static void take(struct race *race, const char *answer)
{
    walks_answer(&race->w, "%s", answer);
    for (unsigned i = 0; i < race->w.batch->row_count; i++) {
        int64_t id;

        g_assert_true(cell_int64(&race->w.batch->rows[i].cells[race->w.table->keys[0]], &id));
        g_hash_table_add(race->read, g_memdup2(&id, sizeof id));
    }
}

static void remove_page(struct race *race, struct page *page)
{
    g_array_remove_index(race->pages,
                         (unsigned)(page - &g_array_index(race->pages, struct page, 0)));
}

/* Those whose turn it is, and away with those that brought nothing. */
static void take_pages(struct race *race)
{
    struct page *page;

    while (!race->w.step.done && (page = next_page(race)) && page->answer) {
        walk_ahead_take(race->w.walk, page->start);
        take(race, page->answer);
        remove_page(race, page);
    }
    for (unsigned i = race->pages->len; !race->w.step.done && i-- > 0;) {
        page = &g_array_index(race->pages, struct page, i);
        if (walk_place_of(race->w.walk, page->start) == PLACE_NONE) {
            walk_ahead_drop(race->w.walk, page->start);
            g_array_remove_index(race->pages, i);
        }
    }
}

static unsigned under_way(const struct race *race)
{
    unsigned count = 0;

    for (unsigned i = 0; i < race->pages->len; i++)
        count += !g_array_index(race->pages, struct page, i).answer;
    return count;
}

/* The last one first, so that none comes in order. */
static void answer_pages(struct race *race)
{
    for (unsigned i = race->pages->len; i-- > 0;) {
        struct page *page = &g_array_index(race->pages, struct page, i);
        g_autoptr(GString) request = g_string_new(NULL);

        if (page->answer)
            continue;
        walk_request_ahead(race->w.walk, page->start, request);
        page->answer = serve(race, request->str);
        if (!walk_glimpse(race->w.walk, page->start,
                          pages_parse(race->w.pages, "%s", page->answer)))
            g_array_remove_index(race->pages, i);
    }
}

/* What is sent together is answered together. */
static void run_round(struct race *race)
{
    bool asks_itself = !next_page(race);
    g_autofree char *request = walks_request(&race->w), *answer = NULL;
    struct page page = {0};

    while (under_way(race) + asks_itself < race->depth &&
           walk_ahead(race->w.walk, race->depth, &page.start))
        g_array_append_val(race->pages, page);
    answer_pages(race);
    if (race->last_deletes > 0 && race->ids->len > 100)
        g_array_remove_range(race->ids, 0, (unsigned)race->last_deletes);
    if (asks_itself) {
        answer = serve(race, request);
        take(race, answer);
    }
    take_pages(race);
    race->rounds++;
}

static void run(struct race *race, unsigned rows)
{
    begin(race, rows);
    do
        run_round(race);
    while (!race->w.step.done);
    for (unsigned i = 0; i < race->ids->len; i++)
        g_assert_true(g_hash_table_contains(race->read, &g_array_index(race->ids, int64_t, i)));
}

/* Pages share a row. */
static unsigned serial_calls(unsigned rows)
{
    return rows <= PAGE_ROWS ? 1 : 1 + (rows - PAGE_ROWS + PAGE_ROWS - 2) / (PAGE_ROWS - 1);
}

static void costs_two_per_cent(struct race *race, const void *unused)
{
    (void)unused;
    for (unsigned rows = 0; rows < 3000; rows += rows < 200 ? 1 : 37) {
        unsigned serial = serial_calls(rows);

        run(race, rows);
        g_test_message("%u rows, %u calls, %u rounds", rows, race->calls, race->rounds);
        g_assert_cmpuint(race->calls, <=, serial + MAX(1, serial / 50));
        g_assert_cmpuint(race->rounds, <=, serial);
    }
}

/* It may miss the end by a leap; before it leaps, it looks. */
static void uses_the_depth(struct race *race, const void *unused)
{
    static const unsigned depths[] = {1, 2, 5, 10, 40};

    (void)unused;
    for (unsigned i = 0; i < G_N_ELEMENTS(depths); i++) {
        unsigned rows = 18000, serial = serial_calls(rows);

        race->depth = depths[i];
        run(race, rows);
        g_test_message("depth %u: %u rounds", depths[i], race->rounds);
        g_assert_cmpuint(race->rounds, <=, serial * 5 / (4 * depths[i]) + 2 * depths[i] + 10);
        g_assert_cmpuint(race->rounds, >=, serial / depths[i]);
    }
}

static void short_lists_are_read_page_after_page(struct race *race, const void *unused)
{
    (void)unused;
    run(race, 5 * (PAGE_ROWS - 1) + 1);
    g_assert_cmpuint(race->calls, ==, 5);
    g_assert_cmpuint(race->rounds, ==, 5);
}

/* Every round rows of the beginning go: each page ahead begins behind the one before it. */
static void what_slips_away_is_asked_for(struct race *race, const void *unused)
{
    (void)unused;
    for (race->last_deletes = 1; race->last_deletes < 4 * PAGE_ROWS; race->last_deletes += 3)
        run(race, 2000);
}

/* After as many pages as it takes; the walk's own request is under way. */
static int64_t ask_one(struct race *race)
{
    int64_t start = 0;

    begin(race, 2000);
    race->depth = 1; /* none ahead */
    while (!walk_ahead(race->w.walk, 4, &start))
        run_round(race);
    return start;
}

static void nothing_is_read_ahead_twice(struct race *race, const void *unused)
{
    int64_t first, second = -1;

    (void)unused;
    first = ask_one(race);
    g_assert_cmpint(first, >, walks_range(&race->w)->start);
    g_assert_cmpint(walk_place_of(race->w.walk, first), ==, PLACE_LATER);
    if (walk_ahead(race->w.walk, 4, &second))
        g_assert_cmpint(first, !=, second);
}

/* It was asked for before these rows came to be seen, and they are read first. */
static void a_page_waits_for_its_turn(struct race *race, const void *unused)
{
    g_autofree char *answer = NULL, *own = NULL;
    g_autofree char *request = NULL;
    int64_t start;

    (void)unused;
    start = ask_one(race);
    request = g_strdup_printf("start=%" G_GINT64_FORMAT, start);
    answer = serve(race, request);
    g_assert_true(walk_glimpse(race->w.walk, start, pages_parse(race->w.pages, "%s", answer)));
    while (walk_place_of(race->w.walk, start) == PLACE_LATER)
        run_round(race);
    g_assert_cmpint(walk_place_of(race->w.walk, start), ==, PLACE_NEXT);
    g_assert_cmpint(walks_range(&race->w)->start, ==, start);
}

static void the_end_is_no_page(struct race *race, const void *unused)
{
    int64_t start;

    (void)unused;
    start = ask_one(race);
    g_assert_false(walk_glimpse(race->w.walk, start, pages_parse(race->w.pages, V1("", "false"))));
    g_assert_cmpint(walk_place_of(race->w.walk, start), ==, PLACE_NONE);
    g_assert_false(walk_ahead(race->w.walk, 4, &start)); /* one call may come to nothing */
}

static void only_walks_by_id(struct race *race, const void *unused)
{
    int64_t start;

    (void)unused;
    begin(race, 2000);
    walks_choose(&race->w, STREAM_FILES);
    walks_pretend_loaded(&race->w, "2026-11-20T08:00:00Z");
    walks_begin_head(&race->w); /* newest first */
    for (int i = 0; i < 20; i++) {
        g_autofree char *answer = serve(race, "start=0");

        walks_answer(&race->w, "%s", answer);
        g_assert_false(walk_ahead(race->w.walk, 10, &start));
    }
}

#define add(path, function)                                                                        \
    g_test_add("/walk/ahead/" path, struct race, NULL, set_up, function, tear_down)

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    add("cost", costs_two_per_cent);
    add("depth", uses_the_depth);
    add("short", short_lists_are_read_page_after_page);
    add("deletes", what_slips_away_is_asked_for);
    add("twice", nothing_is_read_ahead_twice);
    add("turn", a_page_waits_for_its_turn);
    add("end", the_end_is_no_page);
    add("newest", only_walks_by_id);
    return g_test_run();
}
