/* sync/queue.c over a real database: which deals' children wait, in which order, and what a commit
 * takes away. */
#include "destinations/sqlite.h"
#include "pages.h"
#include "sync/queue.h"
#include "sync/system.h"

#include <glib/gstdio.h>
#include <string.h>

#define NOW   "2026-11-24T12:00:00Z"
#define LINES "deal_products"
#define FLOW  "dealflow"

/* A deal: id, update_time, stage_change_time, products_count. */
#define DEAL(id, time, stage, count)                                                               \
    "{'id':" #id ",'update_time':'" time "','stage_change_time':'" stage                           \
    "','products_count':" count "}"
#define DELETED(id, time)                                                                          \
    "{'id':" #id ",'update_time':'" time "','stage_change_time':'" MONDAY                          \
    "','products_count':2,'is_deleted':true}"
#define THREE(a, b, c) a "," b "," c
#define LINE(id, deal) "{'id':" #id ",'deal_id':" #deal "}"

#define SUNDAY    "2026-11-22T09:00:00Z"
#define MONDAY    "2026-11-23T09:00:00Z"
#define TUESDAY   "2026-11-24T09:00:00Z"
#define WEDNESDAY "2026-11-25T09:00:00Z"

struct fixture {
    char *folder, *url;
    struct pages *pages;
    struct destination *dest;
    struct table *deals, *lines;
    struct queue queue, looker; /* what looks takes nothing */
    bool backfill;              /* of the next page */
    bool is_missing;            /* of the next page */
    instant_t since;            /* of the next page */
    instant_t now;
};

static struct destination *open_database(const struct fixture *f)
{
    struct destination_settings settings = {.url = f->url, .connection = "test"};
    struct destination *dest = NULL;
    g_autoptr(GError) error = NULL;

    if (!destination_open(&sqlite_destination, &settings, &dest, &error))
        g_error("%s", error->message);
    g_strlcpy(dest->run_id, "run-1", sizeof dest->run_id);
    dest->now = at(NOW);
    return dest;
}

static void prepare(struct fixture *f, const struct table *table)
{
    g_autoptr(GError) error = NULL;

    if (!destination_prepare(f->dest, table, "nonce", &error))
        g_error("%s", error->message);
}

static void set_up(struct fixture *f, const void *unused)
{
    (void)unused;
    f->folder = g_dir_make_tmp("penstock-queue-XXXXXX", NULL);
    f->url = g_strdup_printf("sqlite:%s/test.db", f->folder);
    f->pages = pages_new();
    f->dest = open_database(f);
    f->deals = fields_build_table(&catalog[STREAM_DEALS], NULL, METADATA_NATIVE);
    f->lines = fields_build_table(&catalog[STREAM_DEAL_PRODUCTS], NULL, METADATA_NATIVE);
    f->since = INSTANT_NONE;
    f->now = at(NOW);
    queue_init(&f->queue);
    queue_init(&f->looker);
    f->queue.dest = f->looker.dest = f->dest;
    f->queue.lines_table = f->lines;
    f->queue.settings = (struct queue_settings){.lines = true, .flow = true, .deals_table = true};
    prepare(f, f->queue.parents);
    prepare(f, f->deals);
    prepare(f, f->lines);
}

static void remove_folder(const char *path)
{
    g_autoptr(GDir) folder = g_dir_open(path, 0, NULL);

    for (const char *name; folder && (name = g_dir_read_name(folder));) {
        g_autofree char *file = g_build_filename(path, name, NULL);

        g_remove(file);
    }
    g_rmdir(path);
}

static void tear_down(struct fixture *f, const void *unused)
{
    (void)unused;
    destination_close(f->dest);
    table_free(f->deals);
    table_free(f->lines);
    queue_done(&f->queue);
    queue_done(&f->looker);
    pages_free(f->pages);
    remove_folder(f->folder);
    g_free(f->folder);
    g_free(f->url);
}

/* --- what the loader does --- */

static struct batch *decode(struct fixture *f, enum stream_id id, const struct table *table,
                            const char *records)
{
    struct decoder *decoder = decoder_new(&catalog[id], NULL, table, false);
    struct batch *batch = batch_new();
    struct page_facts facts;
    g_autoptr(GError) error = NULL;

    if (!page_decode(decoder, pages_parse(f->pages, "{'data':[%s]}", records), NULL, batch, &facts,
                     &error))
        g_error("%s", error->message);
    decoder_free(decoder);
    return batch;
}

static void begin(struct fixture *f)
{
    g_assert_true(destination_begin(f->dest, NULL));
}

static void commit(struct fixture *f)
{
    g_assert_true(destination_commit(f->dest, NULL));
}

static void store(struct fixture *f, struct batch *batch)
{
    struct write_counts counts;

    g_assert_true(destination_write(f->dest, batch, &counts, NULL));
}

/* Inside a transaction: plan, write, apply. Returns how many lines were flagged. */
static int64_t apply_page(struct fixture *f, const char *deals)
{
    struct work *work = work_new(WORK_COMMIT, &catalog[STREAM_DEALS], NULL);
    struct queue_plan *plan = NULL;
    g_autoptr(GError) error = NULL;
    int64_t flagged = 0;

    work->now = f->now;
    work->table = f->deals;
    work->batch = decode(f, STREAM_DEALS, f->deals, deals);
    work->is_backfill = f->backfill;
    work->is_missing = f->is_missing;
    work->since = f->since;
    if (!queue_plan_page(&f->queue, work, &plan, &error))
        g_error("%s", error->message);
    if (f->queue.settings.deals_table)
        store(f, work->batch);
    if (!queue_apply_plan(&f->queue, work, plan, &flagged, &error))
        g_error("%s", error->message);
    queue_plan_free(plan);
    work_free(work);
    return flagged;
}

static int64_t commit_page(struct fixture *f, const char *deals)
{
    int64_t flagged;

    begin(f);
    flagged = apply_page(f, deals);
    commit(f);
    return flagged;
}

static void commit_lines(struct fixture *f, const char *lines)
{
    struct batch *batch = decode(f, STREAM_DEAL_PRODUCTS, f->lines, lines);

    begin(f);
    store(f, batch);
    commit(f);
    batch_release(batch);
}

/* --- looking --- */

static struct queue_round read_round(const struct fixture *f, const struct queue *queue,
                                     const char *child, unsigned limit, unsigned multiple)
{
    struct queue_round round;
    g_autoptr(GError) error = NULL;

    if (!queue_take(queue, child, limit, multiple, f->now, &round, &error))
        g_error("%s", error->message);
    return round;
}

static GArray *take(const struct fixture *f, const char *child, unsigned limit)
{
    return read_round(f, &f->queue, child, limit, 1).parents;
}

/* The deals that are due, in their order. */
static void assert_queue(const struct fixture *f, const char *child, const char *expected)
{
    g_autoptr(GArray) parents = read_round(f, &f->looker, child, 1000, 1).parents;
    g_autoptr(GString) found = g_string_new(NULL);

    for (unsigned i = 0; i < parents->len; i++)
        g_string_append_printf(found, "%s%" G_GINT64_FORMAT, i ? " " : "",
                               g_array_index(parents, struct parent, i).id);
    g_assert_cmpstr(found->str, ==, expected);
}

static void assert_waiting(const struct fixture *f, const char *child, int64_t all, int64_t not_due)
{
    struct queue_round round = read_round(f, &f->looker, child, 1000, 1);
    int64_t count;

    g_assert_true(queue_count(&f->queue, child, &count, NULL));
    g_assert_cmpint(count, ==, all);
    g_assert_cmpint(round.waiting, ==, all);
    g_assert_cmpint(round.not_due, ==, not_due);
    g_array_unref(round.parents);
}

static void take_line(const struct cell *cells, void *opaque)
{
    GString *found = opaque;
    g_autofree char *id = cell_text(&cells[0]), *deleted = cell_text(&cells[1]);

    g_string_append_printf(found, "%s%s", found->len ? " " : "", id);
    if (cells[1].kind == CELL_VALUE)
        g_string_append_printf(found, "(%s)", deleted);
}

/* Every line, with when it was flagged: "11 12(2026-11-24 12:00:00)". */
static void assert_lines(const struct fixture *f, const char *expected)
{
    const unsigned columns[] = {0, (unsigned)f->lines->deleted_at};
    struct read_query query = {
        .table = f->lines, .columns = columns, .column_count = 2, .where = -1, .order_by = 0};
    g_autoptr(GString) found = g_string_new(NULL);

    g_assert_true(destination_read(f->dest, &query, take_line, found, NULL));
    g_assert_cmpstr(found->str, ==, expected);
}

/* --- what makes an entry --- */

static void new_deals_wait(struct fixture *f, const void *unused)
{
    (void)unused;
    g_assert_cmpint(
        commit_page(f, DEAL(1, TUESDAY, MONDAY, "2") "," DEAL(2, MONDAY, MONDAY, "1") "," DEAL(
                           3, SUNDAY, SUNDAY, "0") "," DEAL(4, WEDNESDAY, MONDAY, "null")),
        ==, 0);
    assert_queue(f, LINES, "2 1 4"); /* the oldest change first; 3 has no products */
    assert_queue(f, FLOW, "3 2 1 4");
    g_autoptr(GArray) parents = take(f, LINES, 10);
    const struct parent *first = &g_array_index(parents, struct parent, 0);
    g_assert_cmpint(first->count, ==, 1);
    g_assert_cmpint(first->tries, ==, 0);
    assert_instant(first->time, MONDAY);
    g_assert_cmpint(g_array_index(parents, struct parent, 2).count, ==, -1); /* unknown */
}

static void forget_all(struct fixture *f)
{
    begin(f);
    g_assert_true(queue_clear(&f->queue, LINES, NULL));
    g_assert_true(queue_clear(&f->queue, FLOW, NULL));
    commit(f);
}

static void begin_with_a_deal(struct fixture *f)
{
    commit_page(f, DEAL(1, MONDAY, MONDAY, "2"));
    commit_lines(f, LINE(11, 1) "," LINE(12, 1) "," LINE(21, 2));
    forget_all(f);
}

static void what_did_not_change_is_no_news(struct fixture *f, const void *unused)
{
    (void)unused;
    begin_with_a_deal(f);
    commit_page(f, DEAL(1, MONDAY, MONDAY, "2"));
    assert_queue(f, LINES, "");
    assert_queue(f, FLOW, "");
}

static void what_changed_waits(struct fixture *f, const void *unused)
{
    (void)unused;
    begin_with_a_deal(f);
    commit_page(f, DEAL(1, TUESDAY, MONDAY, "2"));
    assert_queue(f, LINES, "1");
    assert_queue(f, FLOW, ""); /* it did not move stage */
    forget_all(f);
    commit_page(f, DEAL(1, WEDNESDAY, TUESDAY, "2"));
    assert_queue(f, FLOW, "1");
}

static void every_change_waits_if_all_are_wanted(struct fixture *f, const void *unused)
{
    (void)unused;
    begin_with_a_deal(f);
    f->queue.settings.flow_all = true;
    commit_page(f, DEAL(1, TUESDAY, MONDAY, "2"));
    assert_queue(f, FLOW, "1");
}

/* Lines come and go without moving the deal's update_time. */
static void another_count_is_a_change(struct fixture *f, const void *unused)
{
    (void)unused;
    begin_with_a_deal(f);
    commit_page(f, DEAL(1, MONDAY, MONDAY, "3"));
    assert_queue(f, LINES, "1");
    assert_queue(f, FLOW, "");
}

/* Only a full pass meets it: what an edit without update_time moved. */
static void a_move_without_a_change_is_news(struct fixture *f, const void *unused)
{
    (void)unused;
    begin_with_a_deal(f);
    commit_page(f, DEAL(1, MONDAY, TUESDAY, "2"));
    assert_queue(f, FLOW, "1");
}

static void late_pages_are_no_news(struct fixture *f, const void *unused)
{
    (void)unused;
    begin_with_a_deal(f);
    g_assert_cmpint(commit_page(f, DEAL(1, SUNDAY, SUNDAY, "0")), ==, 0);
    assert_queue(f, LINES, "");
    assert_queue(f, FLOW, "");
    assert_lines(f, "11 12 21");
}

/* state.h, STATE_UNSETTLED: what was younger than 10 s when it was read may have changed once more
 * within its second. The walk before began 60 s after the bookmark. */
static void what_may_have_changed_again_is_news(struct fixture *f, const void *unused)
{
    static const char page[] = THREE(DEAL(1, "2026-11-23T09:00:49Z", MONDAY, "1"),
                                     DEAL(2, "2026-11-23T09:00:50Z", MONDAY, "1"),
                                     DEAL(3, "2026-11-23T09:00:51Z", "2026-11-23T09:00:51Z", "1"));

    (void)unused;
    commit_page(f, page);
    forget_all(f);
    f->since = at("2026-11-23T09:00:00Z");
    commit_page(f, page);
    assert_queue(f, LINES, "2 3");
    assert_queue(f, FLOW, "3");
}

static void children_that_nobody_wants_do_not_wait(struct fixture *f, const void *unused)
{
    (void)unused;
    f->queue.settings.lines = f->queue.settings.flow = false;
    commit_page(f, DEAL(1, MONDAY, MONDAY, "2"));
    assert_queue(f, LINES, "");
    assert_queue(f, FLOW, "");
    f->queue.settings.flow = true;
    commit_page(f, DEAL(2, MONDAY, MONDAY, "2"));
    assert_queue(f, LINES, "");
    assert_queue(f, FLOW, "2");
}

/* --- lines that go with their deal --- */

static void count_of_zero_flags_without_a_call(struct fixture *f, const void *unused)
{
    (void)unused;
    begin_with_a_deal(f);
    commit_page(f, DEAL(1, TUESDAY, MONDAY, "2"));
    g_assert_cmpint(commit_page(f, DEAL(1, WEDNESDAY, MONDAY, "0")), ==, 2);
    assert_queue(f, LINES, ""); /* nothing to ask any more */
    assert_lines(f, "11(2026-11-24 12:00:00) 12(2026-11-24 12:00:00) 21");
}

static void lines_of_a_deleted_deal_are_flagged_with_it(struct fixture *f, const void *unused)
{
    (void)unused;
    begin_with_a_deal(f);
    commit_page(f, DEAL(1, TUESDAY, TUESDAY, "2"));
    g_assert_cmpint(commit_page(f, DELETED(1, WEDNESDAY)), ==, 2);
    assert_queue(f, LINES, "");
    assert_lines(f, "11(2026-11-25 09:00:00) 12(2026-11-25 09:00:00) 21");
    g_assert_cmpint(commit_page(f, DELETED(1, WEDNESDAY)), ==, 0); /* once */
}

static void deals_that_come_back_wait_again(struct fixture *f, const void *unused)
{
    (void)unused;
    begin_with_a_deal(f);
    commit_page(f, DELETED(1, TUESDAY));
    forget_all(f);
    commit_page(f, DEAL(1, WEDNESDAY, MONDAY, "2"));
    assert_queue(f, LINES, "1");
    assert_queue(f, FLOW, "1"); /* what happened while it was deleted is not known */
}

static void deals_that_come_deleted_have_nothing(struct fixture *f, const void *unused)
{
    (void)unused;
    g_assert_cmpint(commit_page(f, DELETED(7, TUESDAY)), ==, 0);
    assert_queue(f, LINES, "");
    assert_queue(f, FLOW, "");
}

static void without_a_table_of_lines_nothing_is_flagged(struct fixture *f, const void *unused)
{
    (void)unused;
    begin_with_a_deal(f);
    f->queue.lines_table = NULL;
    g_assert_cmpint(commit_page(f, DELETED(1, TUESDAY)), ==, 0);
    assert_lines(f, "11 12 21");
}

/* --- deletes: remove, ignore --- */

static void lines_are_removed_with_their_deal(struct fixture *f, const void *unused)
{
    (void)unused;
    begin_with_a_deal(f);
    f->queue.settings.deletes = DELETES_REMOVE;
    g_assert_cmpint(commit_page(f, DELETED(1, TUESDAY)), ==, 2);
    assert_lines(f, "21");
}

static void lines_of_a_missing_deal_are_flagged_at_most(struct fixture *f, const void *unused)
{
    (void)unused;
    begin_with_a_deal(f);
    f->queue.settings.deletes = DELETES_REMOVE;
    f->is_missing = true;
    g_assert_cmpint(commit_page(f, DELETED(1, TUESDAY)), ==, 2);
    assert_lines(f, "11(2026-11-24 09:00:00) 12(2026-11-24 09:00:00) 21");
}

static void lines_may_be_left_alone(struct fixture *f, const void *unused)
{
    (void)unused;
    begin_with_a_deal(f);
    commit_page(f, DEAL(1, TUESDAY, MONDAY, "2"));
    f->queue.settings.deletes = DELETES_IGNORE;
    g_assert_cmpint(commit_page(f, DELETED(1, WEDNESDAY)), ==, 0);
    assert_queue(f, LINES, ""); /* nothing is asked for either */
    assert_lines(f, "11 12 21");
}

/* --- the order --- */

static void first_loads_queue_newest_first(struct fixture *f, const void *unused)
{
    (void)unused;
    f->backfill = true;
    commit_page(f, DEAL(1, MONDAY, MONDAY, "1") "," DEAL(2, TUESDAY, MONDAY,
                                                         "1") "," DEAL(3, SUNDAY, MONDAY, "1"));
    assert_queue(f, LINES, "2 1 3");
    f->backfill = false;
    commit_page(f, DEAL(4, WEDNESDAY, MONDAY, "1") "," DEAL(5, TUESDAY, MONDAY, "1"));
    assert_queue(f, LINES, "5 4 2 1 3"); /* what changes today goes before the past */
}

static void retry(struct fixture *f, const char *child, const struct parent *parent)
{
    g_autoptr(GArray) parents = g_array_new(FALSE, FALSE, sizeof(struct parent));

    g_array_append_val(parents, *parent);
    begin(f);
    g_assert_true(queue_retry(&f->queue, child, parents, f->now, NULL));
    commit(f);
}

static struct parent first_due(const struct fixture *f, const char *child)
{
    g_autoptr(GArray) parents = take(f, child, 1);

    g_assert_cmpuint(parents->len, ==, 1);
    return g_array_index(parents, struct parent, 0);
}

static void failures_go_between_today_and_the_past(struct fixture *f, const void *unused)
{
    (void)unused;
    f->backfill = true;
    commit_page(f, DEAL(1, SUNDAY, SUNDAY, "1"));
    f->backfill = false;
    commit_page(f, DEAL(2, MONDAY, MONDAY, "1"));
    struct parent failed = first_due(f, LINES);
    g_assert_cmpint(failed.id, ==, 2);
    retry(f, LINES, &failed);
    commit_page(f, DEAL(3, TUESDAY, TUESDAY, "1"));
    f->now += INT64_C(86400) * INSTANT_SECOND;
    assert_queue(f, LINES, "3 2 1");
}

static void failures_back_off(struct fixture *f, const void *unused)
{
    static const int64_t waits_s[] = {600,   1200,  2400,  4800,  9600,
                                      19200, 38400, 76800, 86400, 86400};

    (void)unused;
    commit_page(f, DEAL(1, MONDAY, MONDAY, "1"));
    for (size_t i = 0; i < G_N_ELEMENTS(waits_s); i++) {
        struct parent parent = first_due(f, FLOW);

        g_assert_cmpint(parent.tries, ==, (int64_t)i);
        retry(f, FLOW, &parent);
        f->now += (waits_s[i] - 1) * INSTANT_SECOND;
        assert_queue(f, FLOW, "");
        assert_waiting(f, FLOW, 1, 1);
        f->now += INSTANT_SECOND;
        assert_waiting(f, FLOW, 1, 0);
    }
}

/* A deal that is edited again is tried at once. */
static void news_end_the_backoff(struct fixture *f, const void *unused)
{
    (void)unused;
    commit_page(f, DEAL(1, MONDAY, MONDAY, "1"));
    struct parent parent = first_due(f, FLOW);
    retry(f, FLOW, &parent);
    assert_queue(f, FLOW, "");
    commit_page(f, DEAL(1, TUESDAY, TUESDAY, "1"));
    assert_queue(f, FLOW, "1");
    g_assert_cmpint(first_due(f, FLOW).tries, ==, 0);
    assert_waiting(f, FLOW, 1, 0);
}

static void readers_take_no_more_than_they_want(struct fixture *f, const void *unused)
{
    (void)unused;
    commit_page(f, DEAL(1, SUNDAY, MONDAY, "1") "," DEAL(2, MONDAY, MONDAY,
                                                         "1") "," DEAL(3, TUESDAY, MONDAY, "1"));
    g_autoptr(GArray) parents = take(f, LINES, 2);
    g_assert_cmpuint(parents->len, ==, 2);
    g_assert_cmpint(g_array_index(parents, struct parent, 0).id, ==, 1);
    g_assert_cmpint(g_array_index(parents, struct parent, 1).id, ==, 2);
    assert_waiting(f, LINES, 3, 0);
}

/* --- what takes an entry away --- */

static void remove_parents(struct fixture *f, const char *child, const GArray *parents)
{
    begin(f);
    g_assert_true(queue_remove(&f->queue, child, parents, NULL));
    commit(f);
}

static void what_was_read_is_removed(struct fixture *f, const void *unused)
{
    (void)unused;
    commit_page(f, DEAL(1, SUNDAY, MONDAY, "1") "," DEAL(2, MONDAY, MONDAY,
                                                         "1") "," DEAL(3, TUESDAY, MONDAY, "1"));
    g_autoptr(GArray) parents = take(f, LINES, 2);
    remove_parents(f, LINES, parents);
    assert_queue(f, LINES, "3");
    assert_queue(f, FLOW, "1 2 3");    /* another child's entries are its own */
    remove_parents(f, LINES, parents); /* twice is once */
    assert_queue(f, LINES, "3");
    g_array_set_size(parents, 0);
    remove_parents(f, LINES, parents);
    assert_queue(f, LINES, "3");
}

/* A deal edited again while it was being read must be read again. */
static void what_was_queued_anew_stays(struct fixture *f, const void *unused)
{
    (void)unused;
    commit_page(f, DEAL(1, MONDAY, MONDAY, "1") "," DEAL(2, MONDAY, MONDAY, "1"));
    g_autoptr(GArray) parents = take(f, LINES, 2);
    commit_page(f, DEAL(1, TUESDAY, MONDAY, "5"));
    assert_waiting(f, LINES, 2, 0); /* read once: there is one entry a deal */
    remove_parents(f, LINES, parents);
    assert_queue(f, LINES, "1");
    g_assert_cmpint(first_due(f, LINES).count, ==, 5);
}

static void retry_all(struct fixture *f, const char *child, const GArray *parents)
{
    begin(f);
    g_assert_true(queue_retry(&f->queue, child, parents, f->now, NULL));
    commit(f);
}

/* state.h, STATE_UNSETTLED: two changes within one second have one update_time. */
static void what_was_queued_anew_with_the_same_time_stays(struct fixture *f, const void *unused)
{
    static const char page[] = DEAL(1, MONDAY, MONDAY, "1");

    (void)unused;
    f->since = at("2026-11-23T08:59:10Z");
    commit_page(f, page);
    g_autoptr(GArray) parents = take(f, LINES, 1);
    commit_page(f, page);
    remove_parents(f, LINES, parents);
    assert_queue(f, LINES, "1");
}

/* It failed as it was then; as it is now it was not tried yet. */
static void a_failure_leaves_what_was_queued_anew(struct fixture *f, const void *unused)
{
    (void)unused;
    commit_page(f, DEAL(1, MONDAY, MONDAY, "1") "," DEAL(2, MONDAY, MONDAY, "1"));
    g_autoptr(GArray) parents = take(f, LINES, 2);
    commit_page(f, DEAL(1, TUESDAY, MONDAY, "5"));
    retry_all(f, LINES, parents);
    assert_queue(f, LINES, "1"); /* 2 waits */
    struct parent found = first_due(f, LINES);
    g_assert_cmpint(found.count, ==, 5);
    g_assert_cmpint(found.tries, ==, 0);
    assert_instant(found.time, TUESDAY);
}

static void a_failure_brings_no_deleted_deal_back(struct fixture *f, const void *unused)
{
    (void)unused;
    commit_page(f, DEAL(1, MONDAY, MONDAY, "1") "," DEAL(2, MONDAY, MONDAY, "1"));
    g_autoptr(GArray) parents = take(f, LINES, 2);
    commit_page(f, DELETED(1, TUESDAY));
    retry_all(f, LINES, parents);
    assert_waiting(f, LINES, 1, 1);
}

/* One round after the other: what the one before left behind is not its any more. */
static void what_is_left_of_a_round_is_taken_again(struct fixture *f, const void *unused)
{
    (void)unused;
    commit_page(f, DEAL(1, MONDAY, MONDAY, "1") "," DEAL(2, TUESDAY, MONDAY, "1"));
    g_autoptr(GArray) before = take(f, LINES, 2);
    g_autoptr(GArray) parents = take(f, LINES, 1);
    g_assert_cmpuint(parents->len, ==, 1);
    remove_parents(f, LINES, before);
    assert_queue(f, LINES, "2");
}

static void calls_are_full(struct fixture *f, const void *unused)
{
    struct queue_round round;

    (void)unused;
    commit_page(f, DEAL(1, SUNDAY, MONDAY, "1") "," DEAL(2, MONDAY, MONDAY,
                                                         "1") "," DEAL(3, TUESDAY, MONDAY, "1"));
    round = read_round(f, &f->queue, LINES, 10, 4);
    g_assert_cmpuint(round.parents->len, ==, 0);
    g_assert_cmpint(round.waiting, ==, 3);
    g_array_unref(round.parents);
    round = read_round(f, &f->queue, LINES, 10, 2);
    g_assert_cmpuint(round.parents->len, ==, 2);
    remove_parents(f, LINES, round.parents);
    g_array_unref(round.parents);
    assert_queue(f, LINES, "3");
}

/* --- an answer that came too late --- */

static void add_group(struct work *work, int64_t deal)
{
    struct walk_group group = {
        .parent = deal, .replace = true, .seen = g_array_new(FALSE, FALSE, sizeof(int64_t))};

    g_array_append_val(work->groups, group);
}

/* The answer to a round of the deals 1, 2 and 3: a line each. */
static struct work *lines_answer(struct fixture *f)
{
    struct work *work = work_new(WORK_COMMIT, &catalog[STREAM_DEAL_PRODUCTS], NULL);

    work->batch =
        decode(f, STREAM_DEAL_PRODUCTS, f->lines, THREE(LINE(11, 1), LINE(21, 2), LINE(31, 3)));
    work->groups = g_array_new(FALSE, FALSE, sizeof(struct walk_group));
    for (int64_t deal = 1; deal <= 3; deal++)
        add_group(work, deal);
    return work;
}

static void what_an_answer_says_of_changed_deals_is_dropped(struct fixture *f, const void *unused)
{
    (void)unused;
    commit_page(f, THREE(DEAL(1, MONDAY, MONDAY, "1"), DEAL(2, MONDAY, MONDAY, "1"),
                         DEAL(3, MONDAY, MONDAY, "1")));
    g_array_unref(take(f, LINES, 3));
    commit_page(f, DELETED(1, TUESDAY) "," DEAL(2, TUESDAY, MONDAY, "1"));
    struct work *work = lines_answer(f);
    queue_drop_outdated(&f->queue, work);
    begin(f);
    store(f, work->batch);
    commit(f);
    assert_lines(f, "31");
    g_assert_cmpuint(work->groups->len, ==, 1);
    g_assert_cmpint(g_array_index(work->groups, struct walk_group, 0).parent, ==, 3);
    work_free(work);
    assert_queue(f, LINES, "3 2"); /* 2 is taken again */
}

static void what_an_answer_says_of_unchanged_deals_counts(struct fixture *f, const void *unused)
{
    (void)unused;
    commit_page(f, THREE(DEAL(1, MONDAY, MONDAY, "1"), DEAL(2, MONDAY, MONDAY, "1"),
                         DEAL(3, MONDAY, MONDAY, "1")));
    g_array_unref(take(f, LINES, 3));
    commit_page(f, DEAL(1, MONDAY, MONDAY, "1")); /* as before: no news */
    struct work *work = lines_answer(f);
    queue_drop_outdated(&f->queue, work);
    g_assert_cmpuint(work->batch->row_count, ==, 3);
    g_assert_cmpuint(work->groups->len, ==, 3);
    work_free(work);
}

static void clearing_forgets_one_child(struct fixture *f, const void *unused)
{
    (void)unused;
    commit_page(f, DEAL(1, MONDAY, MONDAY, "1") "," DEAL(2, MONDAY, MONDAY, "1"));
    begin(f);
    g_assert_true(queue_clear(&f->queue, LINES, NULL));
    commit(f);
    assert_queue(f, LINES, "");
    assert_queue(f, FLOW, "1 2");
}

/* --- every deal --- */

static void seed(struct fixture *f, enum stream_id child)
{
    begin(f);
    g_assert_true(queue_seed(&f->queue, &catalog[child], f->deals, NULL));
    commit(f);
}

static void seeding_queues_every_live_deal(struct fixture *f, const void *unused)
{
    (void)unused;
    commit_page(f, DEAL(1, SUNDAY, MONDAY, "1") "," DEAL(2, MONDAY, MONDAY, "0") "," DEAL(
                       3, TUESDAY, MONDAY, "null") "," DELETED(4, TUESDAY) "," DEAL(5, WEDNESDAY,
                                                                                    MONDAY, "7"));
    forget_all(f);
    seed(f, STREAM_DEAL_PRODUCTS);
    assert_queue(f, LINES, "5 3 1"); /* newest first; 2 says that it has none */
    assert_queue(f, FLOW, "");
    seed(f, STREAM_DEALFLOW);
    assert_queue(f, FLOW, "5 3 2 1");
    seed(f, STREAM_DEALFLOW);
    assert_waiting(f, FLOW, 4, 0);
}

/* --- deals without a table --- */

static void without_a_table_the_page_is_the_news(struct fixture *f, const void *unused)
{
    (void)unused;
    f->queue.settings.deals_table = false;
    f->since = at(MONDAY);
    commit_page(f, DEAL(1, TUESDAY, SUNDAY, "1") "," DEAL(2, TUESDAY, TUESDAY,
                                                          "1") "," DEAL(3, TUESDAY, MONDAY, "0"));
    assert_queue(f, LINES, "1 2");
    assert_queue(f, FLOW, "2 3"); /* 1 moved stage before this walk's time */
    forget_all(f);
    f->queue.settings.flow_all = true;
    commit_page(f, DEAL(1, TUESDAY, SUNDAY, "1"));
    assert_queue(f, FLOW, "1");
    commit_lines(f, LINE(11, 1));
    g_assert_cmpint(commit_page(f, DEAL(1, WEDNESDAY, SUNDAY, "0")), ==, 1);
    assert_queue(f, LINES, "");
}

static void without_a_table_a_first_load_queues_all(struct fixture *f, const void *unused)
{
    (void)unused;
    f->queue.settings.deals_table = false;
    f->backfill = true;
    commit_page(f, DEAL(1, MONDAY, SUNDAY, "1") "," DEAL(2, TUESDAY, SUNDAY, "null"));
    assert_queue(f, LINES, "2 1");
    assert_queue(f, FLOW, "2 1");
}

/* --- one transaction --- */

/* Rows, queue and flags: all or nothing, whatever happens before the commit. */
static void what_is_rolled_back_was_never_there(struct fixture *f, const void *unused)
{
    (void)unused;
    begin_with_a_deal(f);
    begin(f);
    g_assert_cmpint(apply_page(f, DELETED(1, TUESDAY) "," DEAL(9, MONDAY, MONDAY, "1")), ==, 2);
    destination_rollback(f->dest);
    assert_queue(f, LINES, "");
    assert_lines(f, "11 12 21");
    g_assert_cmpint(commit_page(f, DELETED(1, TUESDAY) "," DEAL(9, MONDAY, MONDAY, "1")), ==, 2);
    assert_queue(f, LINES, "9");
}

static void the_queue_survives_the_process(struct fixture *f, const void *unused)
{
    (void)unused;
    commit_page(f, DEAL(1, MONDAY, MONDAY, "3") "," DEAL(2, MONDAY, MONDAY, "1"));
    struct parent failed = first_due(f, FLOW);
    retry(f, FLOW, &failed);
    destination_close(f->dest);
    f->queue.dest = f->looker.dest = f->dest = open_database(f);
    assert_queue(f, LINES, "1 2");
    assert_queue(f, FLOW, "2");
    assert_waiting(f, FLOW, 2, 1);
    g_assert_cmpint(first_due(f, LINES).count, ==, 3);
}

/* --- a destination that fails --- */

static bool fail_read(struct destination *dest, const struct read_query *query,
                      destination_row_func func, void *opaque, GError **error)
{
    (void)dest, (void)query, (void)func, (void)opaque;
    error_setf(error, PENSTOCK_ERROR_STORAGE, "cannot read");
    return false;
}

static bool fail_write(struct destination *dest, struct batch *batch, struct write_counts *ret,
                       GError **error)
{
    (void)dest, (void)batch, (void)ret;
    error_setf(error, PENSTOCK_ERROR_STORAGE, "cannot write");
    return false;
}

static bool fail_sweep(struct destination *dest, const struct sweep *sweep,
                       struct sweep_counts *ret, GError **error)
{
    (void)dest, (void)sweep, (void)ret;
    error_setf(error, PENSTOCK_ERROR_STORAGE, "cannot sweep");
    return false;
}

/* Every function that touches the destination, by name. */
static bool try_function(struct fixture *f, const char *name, const GArray *parents, GError **error)
{
    struct queue_round round;
    int64_t number;

    if (strcmp(name, "take") == 0)
        return queue_take(&f->queue, LINES, 1, 1, f->now, &round, error);
    if (strcmp(name, "count") == 0)
        return queue_count(&f->queue, LINES, &number, error);
    if (strcmp(name, "remove") == 0)
        return queue_remove(&f->queue, LINES, parents, error);
    if (strcmp(name, "retry") == 0)
        return queue_retry(&f->queue, LINES, parents, f->now, error);
    if (strcmp(name, "clear") == 0)
        return queue_clear(&f->queue, LINES, error);
    g_assert_cmpstr(name, ==, "seed");
    return queue_seed(&f->queue, &catalog[STREAM_DEALFLOW], f->deals, error);
}

static void assert_passed_on(struct fixture *f, const struct destination_ops *ops, const char *name)
{
    const struct destination_ops *real = f->dest->ops;
    g_autoptr(GError) error = NULL;

    g_autoptr(GArray) parents = take(f, LINES, 1);

    begin(f);
    f->dest->ops = ops;
    g_test_message("%s", name);
    g_assert_false(try_function(f, name, parents, &error));
    g_assert_error(error, PENSTOCK_ERROR, PENSTOCK_ERROR_STORAGE);
    f->dest->ops = real;
    destination_rollback(f->dest);
}

static void failures_are_passed_on(struct fixture *f, const void *unused)
{
    struct destination_ops unreadable = sqlite_destination, unwritable = sqlite_destination;
    static const char *const readers[] = {"take", "count", "clear", "seed"};
    static const char *const writers[] = {"remove", "retry", "clear", "seed"};

    (void)unused;
    unreadable.read = fail_read;
    unwritable.write = fail_write;
    commit_page(f, DEAL(1, MONDAY, MONDAY, "1"));
    for (size_t i = 0; i < G_N_ELEMENTS(readers); i++)
        assert_passed_on(f, &unreadable, readers[i]);
    for (size_t i = 0; i < G_N_ELEMENTS(writers); i++)
        assert_passed_on(f, &unwritable, writers[i]);
    assert_queue(f, LINES, "1");
}

/* Plans a page that deletes a deal with lines; where it fails, nothing of it may be believed. */
static bool try_page(struct fixture *f, const struct destination_ops *ops, GError **error)
{
    const struct destination_ops *real = f->dest->ops;
    struct work *work = work_new(WORK_COMMIT, &catalog[STREAM_DEALS], NULL);
    struct queue_plan *plan = NULL;
    int64_t flagged = 0;
    bool good;

    work->now = f->now;
    work->table = f->deals;
    work->batch = decode(f, STREAM_DEALS, f->deals, DELETED(1, TUESDAY));
    begin(f);
    f->dest->ops = ops;
    good = queue_plan_page(&f->queue, work, &plan, error) &&
           queue_apply_plan(&f->queue, work, plan, &flagged, error);
    f->dest->ops = real;
    destination_rollback(f->dest);
    queue_plan_free(plan);
    work_free(work);
    return good;
}

static void failing_pages_are_passed_on(struct fixture *f, const void *unused)
{
    struct destination_ops broken[] = {sqlite_destination, sqlite_destination, sqlite_destination};

    (void)unused;
    begin_with_a_deal(f);
    broken[0].read = fail_read;
    broken[1].write = fail_write;
    broken[2].sweep = fail_sweep;
    for (size_t i = 0; i < G_N_ELEMENTS(broken); i++) {
        g_autoptr(GError) error = NULL;

        g_assert_false(try_page(f, &broken[i], &error));
        g_assert_error(error, PENSTOCK_ERROR, PENSTOCK_ERROR_STORAGE);
    }
    assert_lines(f, "11 12 21");
}

#define add(path, function)                                                                        \
    g_test_add("/queue/" path, struct fixture, NULL, set_up, function, tear_down)

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    add("news/new", new_deals_wait);
    add("news/unchanged", what_did_not_change_is_no_news);
    add("news/changed", what_changed_waits);
    add("news/all", every_change_waits_if_all_are_wanted);
    add("news/count", another_count_is_a_change);
    add("news/moved", a_move_without_a_change_is_news);
    add("news/late", late_pages_are_no_news);
    add("news/unsettled", what_may_have_changed_again_is_news);
    add("news/unwanted", children_that_nobody_wants_do_not_wait);
    add("gone/zero", count_of_zero_flags_without_a_call);
    add("gone/deleted", lines_of_a_deleted_deal_are_flagged_with_it);
    add("gone/back", deals_that_come_back_wait_again);
    add("gone/new", deals_that_come_deleted_have_nothing);
    add("gone/no-table", without_a_table_of_lines_nothing_is_flagged);
    add("deletes/remove", lines_are_removed_with_their_deal);
    add("deletes/missing", lines_of_a_missing_deal_are_flagged_at_most);
    add("deletes/ignore", lines_may_be_left_alone);
    add("order/backfill", first_loads_queue_newest_first);
    add("order/retry", failures_go_between_today_and_the_past);
    add("order/backoff", failures_back_off);
    add("order/news", news_end_the_backoff);
    add("order/limit", readers_take_no_more_than_they_want);
    add("remove/read", what_was_read_is_removed);
    add("remove/anew", what_was_queued_anew_stays);
    add("remove/anew-in-a-second", what_was_queued_anew_with_the_same_time_stays);
    add("remove/clear", clearing_forgets_one_child);
    add("retry/anew", a_failure_leaves_what_was_queued_anew);
    add("retry/deleted", a_failure_brings_no_deleted_deal_back);
    add("round/again", what_is_left_of_a_round_is_taken_again);
    add("round/calls", calls_are_full);
    add("outdated/dropped", what_an_answer_says_of_changed_deals_is_dropped);
    add("outdated/none", what_an_answer_says_of_unchanged_deals_counts);
    add("seed", seeding_queues_every_live_deal);
    add("no-table/news", without_a_table_the_page_is_the_news);
    add("no-table/first", without_a_table_a_first_load_queues_all);
    add("commit/rollback", what_is_rolled_back_was_never_there);
    add("commit/durable", the_queue_survives_the_process);
    add("failure/functions", failures_are_passed_on);
    add("failure/page", failing_pages_are_passed_on);
    return g_test_run();
}
