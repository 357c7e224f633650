/* pipedrive/walk_children.c: product lines (100 deals a call) and the log of a deal. A deal's set
 * of lines is replaced whole, and only when it is known to be whole. */
#include "walks.h"

#include <string.h>

#define UNKNOWN -1

#define LINE(id, deal) "{'id':" #id ",'deal_id':" #deal ",'product_id':1}"
#define LINES_PATH     "/api/v2/deals/products"

static void set_up(struct walks *w, const void *unused)
{
    (void)unused;
    walks_init(w);
    walks_choose(w, STREAM_DEAL_PRODUCTS);
    w->date = at(T0);
}

static void tear_down(struct walks *w, const void *unused)
{
    (void)unused;
    walks_done(w);
}

/* --- product lines --- */

static void begin_lines(struct walks *w, const struct parent *parents, unsigned count)
{
    walk_free(w->walk);
    w->walk = walk_new_lines(w->stream, parents, count);
}

/* Deals 3, 5 and 8, with this many lines each. */
static void begin_three(struct walks *w, int64_t three, int64_t five, int64_t eight)
{
    const struct parent parents[] = {{.id = 3, .count = three, .time = at(T0)},
                                     {.id = 5, .count = five, .time = at(T0)},
                                     {.id = 8, .count = eight, .time = at(T0)}};

    begin_lines(w, parents, G_N_ELEMENTS(parents));
}

/* The groups of the last step: "3=1,2 5= 8~7" (= replaced, ~ not). */
static void assert_groups(const struct walks *w, const char *expected)
{
    g_autoptr(GString) found = g_string_new(NULL);

    for (unsigned i = 0; w->step.groups && i < w->step.groups->len; i++) {
        const struct walk_group *group = &g_array_index(w->step.groups, struct walk_group, i);

        g_string_append_printf(found, "%s%" G_GINT64_FORMAT "%c", i ? " " : "", group->parent,
                               group->replace ? '=' : '~');
        for (unsigned j = 0; j < group->seen->len; j++)
            g_string_append_printf(found, "%s%" G_GINT64_FORMAT, j ? "," : "",
                                   g_array_index(group->seen, int64_t, j));
    }
    g_assert_cmpstr(found->str, ==, expected);
}

static void assert_asks_alone(const struct walks *w, const char *expected)
{
    g_autoptr(GString) found = g_string_new(NULL);

    for (unsigned i = 0; w->step.ask_alone && i < w->step.ask_alone->len; i++)
        g_string_append_printf(found, "%s%" G_GINT64_FORMAT, i ? " " : "",
                               g_array_index(w->step.ask_alone, struct parent, i).id);
    g_assert_cmpstr(found->str, ==, expected);
}

static void page(struct walks *w, const char *lines, const char *cursor)
{
    g_autofree char *quoted = cursor ? g_strdup_printf("'%s'", cursor) : g_strdup("null");

    walks_answer(w, "{'success':true,'data':[%s],'additional_data':{'next_cursor':%s}}", lines,
                 quoted);
}

static void deals_are_joined_by_commas(struct walks *w, const void *unused)
{
    (void)unused;
    begin_three(w, 1, 1, 1);
    walks_assert_request(w, LINES_PATH, "limit=500 sort_by=deal_id deal_ids=3,5,8");
    g_assert_cmpint(walk_cost(w->walk), ==, 10);
    page(w, LINE(1, 3), "c/1");
    walks_assert_request(w, LINES_PATH, "limit=500 sort_by=deal_id deal_ids=3,5,8 cursor=c%2F1");
}

static void sets_are_replaced_whole(struct walks *w, const void *unused)
{
    (void)unused;
    begin_three(w, 2, 1, UNKNOWN);
    page(w, LINE(11, 3) "," LINE(12, 3) "," LINE(13, 5) "," LINE(14, 8) "," LINE(15, 8), NULL);
    assert_step(w, true, false);
    assert_groups(w, "3=11,12 5=13 8=14,15");
    assert_asks_alone(w, "");
    walks_assert_rows(w, "11 12 13 14 15");
}

/* 100 deals may hold more than a page: a deal is over when the next one begins. */
static void sets_go_over_pages(struct walks *w, const void *unused)
{
    (void)unused;
    begin_three(w, 3, 1, 1);
    page(w, LINE(11, 3) "," LINE(12, 3), "c1");
    assert_step(w, false, false);
    assert_groups(w, "");
    page(w, LINE(13, 3) "," LINE(14, 5), "c2");
    assert_step(w, false, false);
    assert_groups(w, "3=11,12,13");
    page(w, "", "c3"); /* an empty page in between says nothing */
    assert_step(w, false, false);
    assert_groups(w, "");
    page(w, LINE(15, 8), NULL);
    assert_step(w, true, false);
    assert_groups(w, "5=14 8=15");
}

/* A deal that the answer doesn't name has no lines, if that is what it says itself. */
static void deals_without_lines_are_emptied(struct walks *w, const void *unused)
{
    (void)unused;
    begin_three(w, 0, UNKNOWN, 1);
    page(w, LINE(11, 8), NULL);
    assert_step(w, true, false);
    assert_groups(w, "8=11 3= 5=");
    begin_three(w, 0, 0, 0);
    walks_answer(w, "{'success':true,'data':null}");
    assert_step(w, true, false);
    assert_groups(w, "3= 5= 8=");
}

/* Fewer or more lines than the deal says: nothing is flagged for a line that merely wasn't there.
 */
static void mismatch_asks_for_the_deal_alone(struct walks *w, const void *unused)
{
    (void)unused;
    begin_three(w, 2, 1, 1);
    page(w, LINE(11, 3) "," LINE(12, 5) "," LINE(13, 5), NULL);
    assert_step(w, true, false);
    assert_groups(w, "");
    assert_asks_alone(w, "3 5 8");
    walks_assert_rows(w, "11 12 13"); /* stored all the same */
}

static void lines_where_none_should_be_are_a_mismatch(struct walks *w, const void *unused)
{
    (void)unused;
    begin_three(w, 0, UNKNOWN, 0);
    page(w, LINE(11, 3) "," LINE(12, 5), NULL);
    assert_groups(w, "5=12 8=");
    assert_asks_alone(w, "3");
}

static void alone_it_is_stored_but_deletes_nothing(struct walks *w, const void *unused)
{
    const struct parent three = {.id = 3, .count = 2};

    (void)unused;
    begin_lines(w, &three, 1);
    walks_assert_request(w, LINES_PATH, "limit=500 sort_by=deal_id deal_ids=3");
    page(w, LINE(11, 3), NULL);
    assert_step(w, true, false);
    assert_groups(w, "3~11");
    assert_asks_alone(w, "");
    begin_lines(w, &three, 1);
    page(w, LINE(11, 3) "," LINE(12, 3), NULL);
    assert_groups(w, "3=11,12");
    begin_lines(w, &three, 1);
    page(w, "", NULL);
    assert_groups(w, "3~");
}

/* Without the order that was asked for nobody knows when a set is whole. */
static void out_of_order_is_refused(struct walks *w, const void *unused)
{
    static const char within[] = "{'data':[" LINE(11, 5) "," LINE(12, 3) "]}";
    static const char behind[] = "{'data':[" LINE(12, 3) "]}";

    (void)unused;
    begin_three(w, 1, 1, 1);
    g_assert_false(walks_try(w, within));
    g_assert_null(w->step.groups); /* nothing to free after a failure */
    g_assert_null(w->step.ask_alone);
    g_assert_error(w->error, PENSTOCK_ERROR, PENSTOCK_ERROR_DATA);
    begin_three(w, 1, 1, 1);
    page(w, LINE(11, 5), "c1");
    g_assert_false(walks_try(w, behind));
    g_assert_error(w->error, PENSTOCK_ERROR, PENSTOCK_ERROR_DATA);
}

/* A purged product leaves nulls behind; a line of a deal that nobody asked for is no deal's set. */
static void odd_lines_fail_nothing(struct walks *w, const void *unused)
{
    (void)unused;
    begin_three(w, 1, 1, 1);
    page(w,
         LINE(9, 0) ",{'id':10,'deal_id':null,'product_id':null}," LINE(
             11, 3) ",{'id':null,'deal_id':3},"
                    "{'id':12,'deal_id':4}," LINE(13, 5) "," LINE(14, 8) "," LINE(15, 9),
         NULL);
    assert_step(w, true, false);
    assert_groups(w, "3=11 5=13 8=14");
    assert_asks_alone(w, "");
    g_assert_cmpuint(w->batch->skipped, ==, 1);
}

static void the_same_line_twice_is_a_mismatch(struct walks *w, const void *unused)
{
    (void)unused;
    begin_three(w, 1, 1, 1);
    page(w, LINE(11, 3) "," LINE(11, 3) "," LINE(13, 5) "," LINE(14, 8), NULL);
    assert_groups(w, "5=13 8=14");
    assert_asks_alone(w, "3");
}

static void cursors_are_watched(struct walks *w, const void *unused)
{
    (void)unused;
    begin_three(w, 1, 1, 1);
    page(w, LINE(11, 3), "c1");
    g_assert_false(walks_try(w, "{'data':[],'additional_data':{'next_cursor':'c1'}}"));
    g_assert_error(w->error, PENSTOCK_ERROR, PENSTOCK_ERROR_DATA);
    begin_three(w, 1, 1, 1);
    g_assert_false(walks_try(w, "{'data':[],'additional_data':{'next_cursor':5}}"));
    g_assert_error(w->error, PENSTOCK_ERROR, PENSTOCK_ERROR_DATA);
}

static void parents_are_told(struct walks *w, const void *unused)
{
    unsigned count;

    (void)unused;
    begin_three(w, 1, 2, 3);
    const struct parent *parents = walk_parents(w->walk, &count);
    g_assert_cmpuint(count, ==, 3);
    g_assert_cmpint(parents[1].id, ==, 5);
    g_assert_cmpint(parents[1].count, ==, 2);
    g_assert_false(walks_refused(w, PENSTOCK_ERROR_REFUSED, 400)); /* halving is the job's */
}

/* --- the log --- */

#define CHANGE(id)                                                                                 \
    "{'object':'dealChange','timestamp':'2026-09-24 14:02:37','data':{'id':" #id                   \
    ",'item_id':31,'field_key':'stage_id','old_value':2,'new_value':3,"                            \
    "'log_time':'2026-09-24 14:02:37','additional_data':[]}}"
#define FLOW_PATH   "/api/v1/deals/31/flow"
#define FLOW_PARAMS "limit=500 items=dealChange all_changes=1"

static void begin_flow(struct walks *w)
{
    const struct parent deal = {.id = 31, .count = UNKNOWN, .time = at(T0)};

    walks_choose(w, STREAM_DEALFLOW);
    w->walk = walk_new_flow(w->stream, &deal);
    walks_assert_request(w, FLOW_PATH, FLOW_PARAMS " start=0");
    g_assert_cmpint(walk_cost(w->walk), ==, 40);
}

static void only_changes_of_the_deal_are_rows(struct walks *w, const void *unused)
{
    (void)unused;
    begin_flow(w);
    walks_answer(w,
                 "{'success':true,'data':[%s,{'object':'activity','data':{'id':8}},"
                 "{'object':'dealChange'},{'object':'dealChange','data':null},"
                 "{'data':{'id':9}},null,7,%s],'additional_data':null,'related_objects':{}}",
                 CHANGE(100), CHANGE(99));
    assert_step(w, true, false);
    walks_assert_rows(w, "100 99");
    assert_cell(w->batch, 0, "item_id", "31");
    assert_cell(w->batch, 0, "old_value", "2");
    assert_cell(w->batch, 0, "log_time", "2026-09-24 14:02:37");
    assert_cell(w->batch, 0, "additional_data", "[]");
    assert_groups(w, "31~"); /* the log is never swept */
}

/* An answer may be decoded again, and counts once. */
static void counting_begins_anew(struct walks *w, const void *unused)
{
    const struct json_value *root =
        pages_parse(w->pages, "{'data':[{'object':'dealChange','data':{'id':7,'user_id':'x'}},"
                              "{'object':'dealChange','data':{'id':null}}]}");
    struct page_facts facts;

    (void)unused;
    begin_flow(w);
    w->batch = batch_new();
    for (int i = 0; i < 2; i++) {
        g_assert_true(walk_decode(w->walk, w->decoder, root, w->batch, &facts, NULL));
        g_assert_cmpuint(w->batch->row_count, ==, 1);
        g_assert_cmpuint(w->batch->rejected, ==, 1);
        g_assert_cmpuint(w->batch->skipped, ==, 1);
    }
}

/* The schema has the paging keys flat, its example wrapped. */
static void the_log_goes_over_pages(struct walks *w, const void *unused)
{
    static const char *const envelopes[] = {
        "'pagination':{'start':0,'limit':500,'more_items_in_collection':%s}",
        "'start':0,'limit':500,'more_items_in_collection':%s",
    };

    (void)unused;
    for (size_t i = 0; i < G_N_ELEMENTS(envelopes); i++) {
        g_auto(GStrv) around = g_strsplit(envelopes[i], "%s", 2);

        begin_flow(w);
        walks_answer(w, "{'data':[%s,{'object':'note','data':{}}],'additional_data':{%strue%s}}",
                     CHANGE(100), around[0], around[1]);
        assert_step(w, false, false);
        assert_groups(w, "");
        walks_assert_request(w, FLOW_PATH, FLOW_PARAMS " start=2"); /* every object counts */
        walks_answer(w, "{'data':[%s],'additional_data':{%sfalse%s}}", CHANGE(98), around[0],
                     around[1]);
        assert_step(w, true, false);
        walks_assert_rows(w, "98");
        assert_groups(w, "31~");
    }
}

static void the_log_may_be_empty(struct walks *w, const void *unused)
{
    static const char *const answers[] = {
        "{'success':true,'data':null}",
        "{'success':true,'data':[]}",
        "{'success':true,'data':[],'additional_data':{'more_items_in_collection':true}}",
    };

    (void)unused;
    for (size_t i = 0; i < G_N_ELEMENTS(answers); i++) {
        begin_flow(w);
        walks_answer(w, "%s", answers[i]);
        assert_step(w, true, false);
        assert_groups(w, "31~");
        g_assert_cmpuint(w->batch->row_count, ==, 0);
    }
}

static void a_log_of_another_shape_is_refused(struct walks *w, const void *unused)
{
    static const char *const answers[] = {"null", "{}", "{'data':{}}", "{'data':'x'}", "[]"};

    (void)unused;
    for (size_t i = 0; i < G_N_ELEMENTS(answers); i++) {
        begin_flow(w);
        g_assert_false(walks_try(w, answers[i]));
        g_assert_error(w->error, PENSTOCK_ERROR, PENSTOCK_ERROR_DATA);
    }
}

#define add(path, function)                                                                        \
    g_test_add("/children/" path, struct walks, NULL, set_up, function, tear_down)

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    add("lines/request", deals_are_joined_by_commas);
    add("lines/whole", sets_are_replaced_whole);
    add("lines/pages", sets_go_over_pages);
    add("lines/empty", deals_without_lines_are_emptied);
    add("lines/mismatch", mismatch_asks_for_the_deal_alone);
    add("lines/unexpected", lines_where_none_should_be_are_a_mismatch);
    add("lines/alone", alone_it_is_stored_but_deletes_nothing);
    add("lines/order", out_of_order_is_refused);
    add("lines/odd", odd_lines_fail_nothing);
    add("lines/twice", the_same_line_twice_is_a_mismatch);
    add("lines/cursors", cursors_are_watched);
    add("lines/parents", parents_are_told);
    add("flow/rows", only_changes_of_the_deal_are_rows);
    add("flow/again", counting_begins_anew);
    add("flow/pages", the_log_goes_over_pages);
    add("flow/empty", the_log_may_be_empty);
    add("flow/shape", a_log_of_another_shape_is_refused);
    return g_test_run();
}
