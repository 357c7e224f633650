/* The walks against a small Pipedrive in memory that is edited, filled and emptied between any two
 * requests, by a process that is killed between any two commits. Promise 1: whatever happened, one
 * quiet run later the table holds every record as it is. Each case is a seed: a failure names it.
 */
#include "pipedrive/walk_private.h"
#include "walks.h"

#include <string.h>

#define PAGE_ROWS    3
#define MAX_REQUESTS 4000

struct record {
    int64_t id;
    instant_t time, add_time; /* time: NONE = never updated */
    instant_t shown_from;     /* lists lag behind: until then they show what was before */
    instant_t old_time;
    bool is_new; /* before there was nothing */
};

/* A page that is read ahead; answer: NULL = not yet. */
struct early {
    int64_t start;
    char *answer;
};

struct world {
    struct walks w;
    GRand *random;
    GArray *records;   /* struct record, as the server has them */
    GArray *bin;       /* struct record: deleted, and maybe brought back */
    GArray *early;     /* struct early: any pages by id are read ahead */
    GHashTable *table; /* id → time: what was committed */
    instant_t now;
    int64_t next_id;
    int pace; /* something happens in one request of so many */
    bool nulls_first, quiet;
    bool reads_ahead;
    bool cuts; /* walks by time are cut into windows, anywhere */
    unsigned requests;
    GPtrArray *walks; /* struct walk: of the windows that are not done */
};

static bool chance(struct world *world, int one_in)
{
    return g_rand_int_range(world->random, 0, one_in) == 0;
}

/* --- the server --- */

static struct record *record_at(const GArray *list, unsigned index)
{
    return &g_array_index(list, struct record, index);
}

/* STATE_OVERLAP is what a change may take to become visible. */
static instant_t lag(struct world *world)
{
    return chance(world, 2) ? 0 : g_rand_int_range(world->random, 0, 60) * INSTANT_SECOND;
}

static void insert_records(struct world *world, int count, bool updated)
{
    for (int i = 0; i < count; i++) {
        struct record record = {.id = world->next_id++,
                                .time = updated ? world->now : INSTANT_NONE,
                                .add_time = world->now,
                                .shown_from = world->now + lag(world),
                                .is_new = true};

        g_array_append_val(world->records, record);
    }
}

static void edit_record(struct world *world)
{
    struct record *record;

    if (world->records->len == 0)
        return;
    record = record_at(world->records,
                       (unsigned)g_rand_int_range(world->random, 0, (int)world->records->len));
    if (record->shown_from <= world->now) { /* else it is still on its way */
        record->old_time = record->time;
        record->is_new = false;
        record->shown_from = world->now + lag(world);
    }
    record->time = world->now;
}

static void delete_records(struct world *world, int count)
{
    for (int i = 0; i < count && world->records->len > 1; i++) {
        unsigned index = (unsigned)g_rand_int_range(world->random, 0, (int)world->records->len);

        g_array_append_val(world->bin, *record_at(world->records, index));
        g_array_remove_index(world->records, index);
    }
}

static void undelete_record(struct world *world)
{
    unsigned index;

    if (world->bin->len == 0)
        return;
    index = (unsigned)g_rand_int_range(world->random, 0, (int)world->bin->len);
    record_at(world->bin, index)->time = world->now;
    record_at(world->bin, index)->shown_from = world->now;
    g_array_append_val(world->records, *record_at(world->bin, index));
    g_array_remove_index(world->bin, index);
}

/* What people and other programs do meanwhile; often within one second. */
static void live(struct world *world)
{
    if (world->quiet || !chance(world, world->pace))
        return;
    if (chance(world, 2))
        world->now += g_rand_int_range(world->random, 1, 4) * INSTANT_SECOND;
    if (chance(world, 3))
        edit_record(world);
    if (chance(world, 6))
        insert_records(world, g_rand_int_range(world->random, 1, 6), true);
    if (chance(world, 6))
        delete_records(world, g_rand_int_range(world->random, 1, 4));
    if (chance(world, 12))
        undelete_record(world);
}

struct question {
    bool by_id, descending, nulls_first;
    instant_t since, until;
    int64_t start, limit, after; /* after: records that the cursor says were given */
};

static instant_t asked_instant(const char *request, const char *name)
{
    const char *found = strstr(request, name);
    instant_t instant;

    if (!found)
        return INSTANT_NONE;
    g_assert_true(instant_parse(found + strlen(name), strlen("2026-11-02T08:15:30Z"), &instant));
    return instant;
}

static int64_t asked_number(const char *request, const char *name)
{
    const char *found = strstr(request, name);

    return found ? g_ascii_strtoll(found + strlen(name), NULL, 10) : 0;
}

static struct question read_question(const struct world *world, const char *request)
{
    return (struct question){
        .by_id = strstr(request, "sort_by=id") || strstr(request, "sort=id"),
        .descending = strstr(request, "sort_direction=desc") || strstr(request, "%20DESC"),
        .nulls_first = world->nulls_first,
        .since = asked_instant(request, "updated_since="),
        .until = asked_instant(request, "updated_until="),
        .start = asked_number(request, "start="),
        .limit = asked_number(request, "limit="),
    };
}

static int compare_times(const struct record *a, const struct record *b, bool nulls_first)
{
    instant_t none = nulls_first ? INT64_MIN : INT64_MAX;
    instant_t left = a->time == INSTANT_NONE ? none : a->time;
    instant_t right = b->time == INSTANT_NONE ? none : b->time;

    return left < right ? -1 : left > right;
}

static int compare_records(const void *left, const void *right, void *opaque)
{
    const struct record *a = left, *b = right;
    const struct question *question = opaque;
    int by_time = question->by_id ? 0 : compare_times(a, b, question->nulls_first);
    int order = by_time ? by_time : (a->id > b->id) - (a->id < b->id);

    return question->descending ? -order : order;
}

/* A keyset cursor, as Pipedrive's: the time and id of the last record given. */
static bool is_behind_cursor(const struct record *record, const char *request,
                             struct question *question)
{
    const char *cursor = strstr(request, "cursor=");
    struct record last;

    if (!cursor)
        return true;
    cursor += strlen("cursor=");
    last = (struct record){.time = g_ascii_strtoll(cursor, NULL, 10),
                           .id = g_ascii_strtoll(strchr(cursor, '.') + 1, NULL, 10)};
    return compare_records(record, &last, question) > 0;
}

static bool is_in_window(const struct record *record, const struct question *question)
{
    if (question->since == INSTANT_NONE && question->until == INSTANT_NONE)
        return true;
    return record->time != INSTANT_NONE &&
           (question->since == INSTANT_NONE || record->time >= question->since) &&
           (question->until == INSTANT_NONE || record->time < question->until);
}

static GArray *find_records(const struct world *world, const char *request,
                            struct question *question)
{
    GArray *found = g_array_new(FALSE, FALSE, sizeof(struct record));

    for (unsigned i = 0; i < world->records->len; i++) {
        struct record shown = *record_at(world->records, i);

        if (shown.shown_from > world->now && shown.is_new)
            continue;
        if (shown.shown_from > world->now)
            shown.time = shown.old_time;
        if (is_in_window(&shown, question) && is_behind_cursor(&shown, request, question))
            g_array_append_val(found, shown);
    }
    g_array_sort_with_data(found, compare_records, question);
    return found;
}

static void put_record(GString *text, const struct record *record)
{
    char time[INSTANT_TEXT_BYTES], add_time[INSTANT_TEXT_BYTES];

    instant_format_rfc3339(record->time, time);
    instant_format_rfc3339(record->add_time, add_time);
    g_string_append_printf(text, "%s{'id':%" G_GINT64_FORMAT ",'add_time':'%s'",
                           text->str[text->len - 1] == '}' ? "," : "", record->id, add_time);
    if (record->time == INSTANT_NONE)
        g_string_append(text, ",'update_time':null}");
    else
        g_string_append_printf(text, ",'update_time':'%s'}", time);
}

static char *serve(const struct world *world, const char *request)
{
    struct question question = read_question(world, request);
    g_autoptr(GArray) found = find_records(world, request, &question);
    GString *text = g_string_new("{'success':true,'data':[");
    unsigned first = (unsigned)MIN(question.start, (int64_t)found->len);
    unsigned end = MIN(first + (unsigned)question.limit, found->len);
    bool more = end < found->len;

    for (unsigned i = first; i < end; i++)
        put_record(text, record_at(found, i));
    g_string_append_printf(text,
                           "],'additional_data':{'pagination':{'more_items_in_collection':%s}",
                           more ? "true" : "false");
    if (more)
        g_string_append_printf(text, ",'next_cursor':'%" G_GINT64_FORMAT ".%" G_GINT64_FORMAT "'",
                               record_at(found, end - 1)->time, record_at(found, end - 1)->id);
    g_string_append(text, "}}");
    return g_string_free(text, FALSE);
}

/* --- the destination --- */

/* Last writer wins by source time. */
static void commit_rows(struct world *world)
{
    const struct batch *batch = world->w.batch;

    for (unsigned i = 0; i < batch->row_count && !world->w.step.discard_rows; i++) {
        const struct cell *cells = batch->rows[i].cells;
        const struct cell *time_cell = &cells[batch->table->version];
        instant_t time = INSTANT_NONE, *stored;
        int64_t id;

        g_assert_true(cell_int64(&cells[batch->table->keys[0]], &id));
        if (time_cell->kind == CELL_VALUE)
            g_assert_true(instant_parse(time_cell->text, time_cell->length, &time));
        stored = g_hash_table_lookup(world->table, &id);
        if (!stored || time == INSTANT_NONE || time >= *stored)
            g_hash_table_insert(world->table, g_memdup2(&id, sizeof id),
                                g_memdup2(&time, sizeof time));
    }
}

static void check_record(const struct world *world, const struct record *record)
{
    const instant_t *stored = g_hash_table_lookup(world->table, &record->id);

    if (!stored)
        g_error("record %" G_GINT64_FORMAT " is missing", record->id);
    g_assert_cmpint(*stored, ==, record->time);
}

/* Everything up to the bookmark was read. */
static void check_bookmark(struct world *world)
{
    const struct list_state *list = walks_list(&world->w);
    instant_t t0 = list->walk.active ? walk_leg_t0(0, LEG_HEAD, &world->w.state) : list->done_at;

    if (list->bookmark == INSTANT_NONE)
        return;
    if (t0 != INSTANT_NONE)
        g_assert_cmpint(list->bookmark, <=, t0 - STATE_OVERLAP);
    for (unsigned i = 0; i < world->records->len; i++) {
        const struct record *record = record_at(world->records, i);

        if (record->time != INSTANT_NONE && record->time < list->bookmark &&
            (list->floor == INSTANT_NONE || record->time >= list->floor))
            check_record(world, record);
    }
}

/* --- the process --- */

/* Small pages, as if large ones had not fit. */
static void ask_for_little(struct world *world)
{
    for (;;) {
        g_autofree char *request = walks_request(&world->w);

        if (asked_number(request, "limit=") <= PAGE_ROWS || !walk_ask_less(world->w.walk))
            return;
    }
}

/* One walk a window. */
static void collect_walks(struct world *world)
{
    struct walk *walk = g_steal_pointer(&world->w.walk);

    g_ptr_array_set_size(world->walks, 0);
    for (; walk; walk = walk_new_next(walk))
        g_ptr_array_add(world->walks, walk);
}

static void kill_process(struct world *world)
{
    world->now += g_rand_int_range(world->random, 0, 200) * INSTANT_SECOND;
    world->w.walk = NULL;
    g_ptr_array_set_size(world->walks, 0);
    g_array_set_size(world->early, 0);
    walks_restart(&world->w);
    collect_walks(world);
}

/* Somewhere between what was read and the end; where it pays is of no interest here. */
static void cut_somewhere(struct world *world)
{
    struct walk_state *range = world->w.walk->range;
    instant_t from = range->at != INSTANT_NONE ? range->at : range->from, end, last;

    if (range->mode != MODE_TIME || range->probe != PROBE_NONE || range->t0 == INSTANT_NONE ||
        from == INSTANT_NONE || range->done)
        return;
    last = range->t0 - STATE_OVERLAP;
    end = range->until != INSTANT_NONE ? MIN(range->until - INSTANT_SECOND, last) : last;
    if (end <= from)
        return;
    from = from / INSTANT_SECOND + 1;
    walk_state_cut(range, (from + g_rand_int_range(world->random, 0, 1 << 30) %
                                      (end / INSTANT_SECOND - from + 1)) *
                              INSTANT_SECOND);
    g_ptr_array_add(world->walks, walk_new_next(world->w.walk));
}

/* --- pages that are read ahead --- */

static void free_early(void *data)
{
    g_free(((struct early *)data)->answer);
}

/* Where it pays, or at any row behind the next page's first. */
static void ask_early(struct world *world)
{
    struct walk *walk = world->w.walk;
    struct early early = {0};

    if (walk->range->mode != MODE_ID || walk->range->t0 == INSTANT_NONE ||
        walk->limit > PAGE_ROWS || world->early->len > 6)
        return;
    if (!walk_ahead(walk, 4, &early.start)) {
        struct page_ahead page = {.start = walk->range->start +
                                           g_rand_int_range(world->random, 1, 4 * PAGE_ROWS)};

        if (!walk->ahead.asked)
            walk->ahead.asked = g_array_new(FALSE, FALSE, sizeof page);
        if (walk_place_of(walk, page.start) != PLACE_NONE)
            return;
        walk_ahead_drop(walk, page.start);
        g_array_append_val(walk->ahead.asked, page);
        early.start = page.start;
    }
    g_array_append_val(world->early, early);
}

/* False: it was of no use. */
static bool serve_early(struct world *world, struct early *early)
{
    g_autoptr(GString) request = g_string_new(NULL);

    walk_request_ahead(world->w.walk, early->start, request);
    early->answer = serve(world, request->str);
    return walk_glimpse(world->w.walk, early->start,
                        pages_parse(world->w.pages, "%s", early->answer));
}

/* The answer of the page whose turn it is, or NULL: the walk asks itself. */
static char *take_early(struct world *world)
{
    for (unsigned i = world->early->len; i-- > 0;) {
        struct early *early = &g_array_index(world->early, struct early, i);
        enum walk_place place = walk_place_of(world->w.walk, early->start);
        bool is_due = place == PLACE_NEXT || chance(world, 3);
        char *answer = NULL;

        if (place != PLACE_NONE && !early->answer && is_due)
            place =
                serve_early(world, early) ? walk_place_of(world->w.walk, early->start) : PLACE_NONE;
        if (place == PLACE_NEXT) {
            answer = g_steal_pointer(&early->answer);
            walk_ahead_take(world->w.walk, early->start);
        } else if (place == PLACE_NONE) {
            walk_ahead_drop(world->w.walk, early->start);
        } else {
            continue;
        }
        g_array_remove_index(world->early, i);
        if (answer)
            return answer;
    }
    return NULL;
}

static void answer_one(struct world *world)
{
    g_autofree char *request = walks_request(&world->w);
    g_autofree char *answer = take_early(world);

    if (!answer)
        answer = serve(world, request);
    if (++world->requests > MAX_REQUESTS)
        g_error("no end: %s", request);
    world->w.date = world->now;
    live(world); /* before the next request, and after the Date was set */
    walks_answer(&world->w, "%s", answer);
    commit_rows(world);
    check_bookmark(world);
}

static void run_leg(struct world *world, enum leg leg, instant_t from)
{
    walks_begin(&world->w, 0, leg, from);
    collect_walks(world);
    do {
        unsigned index = (unsigned)g_rand_int_range(world->random, 0, (int)world->walks->len);

        world->w.walk = world->walks->pdata[index];
        ask_for_little(world);
        while (world->reads_ahead && chance(world, 2))
            ask_early(world);
        answer_one(world);
        if (world->w.step.ends_leg)
            break;
        if (world->w.step.done) {
            g_ptr_array_remove_index(world->walks, index);
        } else if (world->cuts && chance(world, 2)) {
            cut_somewhere(world);
        }
        world->w.walk = NULL;
        if (!world->quiet && chance(world, 8 * world->pace))
            kill_process(world);
    } while (true);
    world->w.walk = NULL;
    g_ptr_array_set_size(world->walks, 0);
    g_array_set_size(world->early, 0);
}

static void assert_complete(const struct world *world, instant_t from)
{
    for (unsigned i = 0; i < world->records->len; i++) {
        const struct record *record = record_at(world->records, i);
        instant_t value = record->time != INSTANT_NONE ? record->time : record->add_time;

        if (from == INSTANT_NONE || value >= from)
            check_record(world, record);
    }
}

/* The next run, an hour later, when nobody works. */
static void run_quietly(struct world *world, instant_t from)
{
    world->now += 3600 * INSTANT_SECOND;
    world->quiet = true;
    run_leg(world, LEG_HEAD, from);
    world->quiet = false;
    assert_complete(world, from);
}

/* Newest first, a walk gets nowhere while more rows change than its pages hold. */
static int pace_of(enum stream_id id)
{
    return id == STREAM_FILES ? 5 : 1;
}

static void open_world(struct world *world, enum stream_id id, guint32 seed)
{
    *world =
        (struct world){.random = g_rand_new_with_seed(seed),
                       .records = g_array_new(FALSE, FALSE, sizeof(struct record)),
                       .bin = g_array_new(FALSE, FALSE, sizeof(struct record)),
                       .early = g_array_new(FALSE, FALSE, sizeof(struct early)),
                       .table = g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free, g_free),
                       .now = at("2026-11-24T12:00:00Z"),
                       .next_id = 1,
                       .pace = pace_of(id)};
    g_array_set_clear_func(world->early, free_early);
    walks_init(&world->w);
    walks_choose(&world->w, id);
    world->walks = g_ptr_array_new_with_free_func((GDestroyNotify)walk_free);
    world->cuts = chance(world, 2);
    world->reads_ahead = chance(world, 2);
    world->nulls_first = chance(world, 2);
}

static void close_world(struct world *world)
{
    walks_done(&world->w);
    g_ptr_array_unref(world->walks);
    g_rand_free(world->random);
    g_array_unref(world->records);
    g_array_unref(world->bin);
    g_array_unref(world->early);
    g_hash_table_unref(world->table);
}

/* Years of records, some of one second, some never updated. */
static void make_past(struct world *world, bool with_nulls)
{
    int groups = g_rand_int_range(world->random, 0, 12);

    world->now -= INT64_C(86400) * 365 * INSTANT_SECOND;
    for (int i = 0; i < groups; i++) {
        insert_records(world, g_rand_int_range(world->random, 1, 9),
                       !with_nulls || !chance(world, 4));
        if (chance(world, 2))
            world->now += g_rand_int_range(world->random, 1, 100000) * INSTANT_SECOND;
    }
    world->now = at("2026-11-24T12:00:00Z");
}

static void live_through(enum stream_id id, guint32 seed, bool with_nulls)
{
    struct world world;
    instant_t from = INSTANT_NONE;

    g_test_message("%s, seed %u", catalog[id].name, seed);
    open_world(&world, id, seed);
    make_past(&world, with_nulls);
    if (chance(&world, 3))
        from = at("2025-12-01T00:00:00Z");
    run_leg(&world, LEG_HEAD, from);
    for (int i = 0; i < 3; i++) {
        for (int j = 0; j < 5; j++)
            live(&world);
        run_leg(&world, LEG_HEAD, from);
    }
    run_quietly(&world, from);
    if (from != INSTANT_NONE) { /* then somebody wants all of it */
        run_leg(&world, LEG_STRETCH, INSTANT_NONE);
        run_quietly(&world, INSTANT_NONE);
    }
    close_world(&world);
}

/* -m slow: for the night. */
#define SEEDS (g_test_slow() ? 5000u : 200u)

static void lists_by_cursor(void)
{
    for (guint32 seed = 1; seed <= SEEDS; seed++)
        live_through(STREAM_PRODUCTS, seed, false);
}

static void lists_by_cursor_with_nulls(void)
{
    for (guint32 seed = 1; seed <= SEEDS; seed++)
        live_through(STREAM_ACTIVITIES, seed, true);
}

static void notes(void)
{
    for (guint32 seed = 1; seed <= SEEDS; seed++)
        live_through(STREAM_NOTES, seed, false);
}

static void notes_with_nulls(void)
{
    for (guint32 seed = 1; seed <= SEEDS; seed++)
        live_through(STREAM_NOTES, seed, true);
}

static void files(void)
{
    for (guint32 seed = 1; seed <= SEEDS; seed++)
        live_through(STREAM_FILES, seed, false);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/model/cursor", lists_by_cursor);
    g_test_add_func("/model/cursor-nulls", lists_by_cursor_with_nulls);
    g_test_add_func("/model/notes", notes);
    g_test_add_func("/model/notes-nulls", notes_with_nulls);
    g_test_add_func("/model/files", files);
    return g_test_run();
}
