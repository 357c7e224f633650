/* The walks of a full pass, and records that are asked for by id. */
#include "walks.h"

#include <string.h>

#define BY_ID "limit=500 sort_by=id sort_direction=asc"

static void set_up(struct walks *w, const void *unused)
{
    (void)unused;
    walks_init(w);
    walks_choose(w, STREAM_PRODUCTS);
    w->date = at(T0);
}

static void tear_down(struct walks *w, const void *unused)
{
    (void)unused;
    walks_done(w);
}

/* A pass of a table that was loaded from this start date on; NULL = from the beginning. */
static void begin(struct walks *w, enum stream_id id, const char *floor)
{
    walks_choose(w, id);
    walks_pretend_loaded(w, "2026-11-20T08:00:00Z");
    for (unsigned i = 0; i < w->stream->list_count; i++)
        w->state.lists[i].floor = floor ? at(floor) : INSTANT_NONE;
    walks_begin(w, 0, LEG_PASS, INSTANT_NONE);
}

static void assert_untouched(struct walks *w)
{
    for (unsigned i = 0; i < w->stream->list_count; i++) {
        g_assert_true(w->state.lists[i].loaded);
        assert_instant(w->state.lists[i].bookmark, "2026-11-20T08:00:00Z");
        assert_instant(w->state.lists[i].done_at, "2026-11-20T08:00:00Z");
    }
}

static void reads_every_id(struct walks *w, const void *unused)
{
    (void)unused;
    begin(w, STREAM_PRODUCTS, NULL);
    walks_assert_request(w, "/api/v2/products", BY_ID);
    walks_answer(w, MORE(ROW(1, "2026-11-24T00:00:00Z") "," NEW(2, "2020-01-01T00:00:00Z"), "c1"));
    assert_step(w, false, false);
    walks_assert_rows(w, "1 2");
    g_assert_true(w->state.pass.open);
    walks_restart(w);
    w->date = at("2026-11-27T00:00:00Z"); /* days later */
    walks_assert_request(w, "/api/v2/products", BY_ID " cursor=c1");
    walks_answer(w, LAST(ROW(9, "2020-01-01T00:00:00Z")));
    assert_step(w, true, false);
    assert_instant(w->state.pass.t0, T0);
    g_assert_cmpint(w->state.pass.rows, ==, 3);
    g_assert_cmpint((int)w->state.pass.step, ==, PASS_JUDGE);
    g_assert_false(w->state.pass.walk.active);
    assert_untouched(w);
}

static void a_stale_cursor_begins_again(struct walks *w, const void *unused)
{
    (void)unused;
    begin(w, STREAM_PRODUCTS, NULL);
    walks_answer(w, MORE(ROW(1, "2026-11-24T00:00:00Z"), "c1"));
    walks_restart(w);
    g_assert_true(walks_refused(w, PENSTOCK_ERROR_REFUSED, 400));
    walks_assert_request(w, "/api/v2/products", BY_ID);
    g_assert_false(walks_refused(w, PENSTOCK_ERROR_REFUSED, 400));
}

/* What is older than the start date was never loaded, and costs nothing. */
static void a_start_date_is_walked_by_time(struct walks *w, const void *unused)
{
    const char *since = "limit=500 sort_by=update_time sort_direction=asc "
                        "updated_since=2024-01-01T00:00:00Z";
    g_autofree char *second = g_strconcat(since, " cursor=c1", NULL);

    (void)unused;
    begin(w, STREAM_PRODUCTS, "2024-01-01T00:00:00Z");
    walks_assert_request(w, "/api/v2/products", since);
    walks_answer(w, MORE(ROW(5, "2024-02-01T00:00:00Z"), "c1"));
    walks_assert_request(w, "/api/v2/products", second);
    walks_answer(w, MORE(ROW(3, "2025-01-01T00:00:00Z") "," ROW(4, "2025-02-01T00:00:00Z"), "c2"));
    walks_restart(w); /* from the watermark */
    walks_assert_request(w, "/api/v2/products",
                         "limit=500 sort_by=update_time sort_direction=asc "
                         "updated_since=2025-02-01T00:00:00Z");
    w->date = at("2026-11-27T00:00:00Z");
    walks_answer(w, LAST(ROW(4, "2025-02-01T00:00:00Z") "," ROW(6, "2026-11-26T00:00:00Z")));
    assert_step(w, true, false);
    assert_instant(w->state.pass.t0, T0);
    assert_untouched(w);
}

static void rows_without_update_time_need_ids(struct walks *w, const void *unused)
{
    (void)unused;
    walks_choose(w, STREAM_PRODUCTS);
    walks_pretend_loaded(w, "2026-11-20T08:00:00Z");
    walks_list(w)->floor = at("2024-01-01T00:00:00Z");
    walks_list(w)->has_nulls = true;
    walks_begin(w, 0, LEG_PASS, INSTANT_NONE);
    walks_assert_request(w, "/api/v2/products", BY_ID);
    walks_answer(w, LAST(ROW(1, "2020-01-01T00:00:00Z") "," NEW(2, "2025-01-01T00:00:00Z") "," NEW(
                        3, "2020-01-01T00:00:00Z")));
    walks_assert_rows(w, "2"); /* the others were never to be loaded */
}

static void v1_lists(struct walks *w, const void *unused)
{
    (void)unused;
    begin(w, STREAM_NOTES, NULL);
    walks_assert_request(w, "/api/v1/notes", "start=0 limit=500 sort=id%20ASC");
    walks_answer(w, V1(ROW(1, "2026-11-24T00:00:00Z") "," ROW(2, "2020-01-01T00:00:00Z"), "true"));
    walks_restart(w);
    walks_assert_request(w, "/api/v1/notes", "start=1 limit=500 sort=id%20ASC");
    walks_answer(w, V1(ROW(2, "2020-01-01T00:00:00Z"), "false"));
    assert_step(w, true, false);
    assert_untouched(w);
    begin(w, STREAM_NOTES, "2024-01-01T00:00:00Z");
    walks_assert_request(w, "/api/v1/notes",
                         "start=0 limit=500 sort=update_time%20ASC "
                         "updated_since=2024-01-01T00:00:00Z");
    begin(w, STREAM_FILES, "2024-01-01T00:00:00Z"); /* it has no filter */
    walks_assert_request(w, "/api/v1/files", "start=0 limit=100 sort=id%20ASC");
    walks_answer(w, V1(ROW(1, "2026-11-24T00:00:00Z") "," ROW(2, "2020-01-01T00:00:00Z"), "false"));
    walks_assert_rows(w, "1");
}

/* Archived, normal, archived again: then the pass is read. */
static void deals_have_three_walks(struct walks *w, const void *unused)
{
    unsigned lists[PASS_MAX_WALKS];

    (void)unused;
    g_assert_cmpuint(walk_pass_lists(&catalog[STREAM_DEALS], lists), ==, 3);
    g_assert_cmpuint(lists[0], ==, 1);
    g_assert_cmpuint(lists[1], ==, 0);
    g_assert_cmpuint(lists[2], ==, 1);
    g_assert_cmpuint(walk_pass_lists(&catalog[STREAM_PERSONS], lists), ==, 1);
    g_assert_cmpuint(walk_pass_lists(&catalog[STREAM_USERS], lists), ==, 0);
    g_assert_cmpuint(walk_pass_lists(&catalog[STREAM_DEAL_PRODUCTS], lists), ==, 0);
    begin(w, STREAM_DEALS, NULL);
    pass_state_clear(&w->state.pass);
    for (unsigned i = 0; i < 3; i++) {
        g_assert_cmpint((int)w->state.pass.step, ==, PASS_WALK);
        g_assert_cmpuint(w->state.pass.leg, ==, i);
        walks_begin(w, i == 1 ? 0 : 1, LEG_PASS, INSTANT_NONE);
        g_assert_true(walks_asks_for(w, i == 1 ? "/deals?" : "/deals/archived?"));
        walks_answer(w, LAST(ROW(1, "2026-11-24T00:00:00Z")));
        assert_step(w, true, false);
    }
    g_assert_cmpint((int)w->state.pass.step, ==, PASS_JUDGE);
    assert_untouched(w);
}

/* A first load sees everything, so it counts. */
static void a_first_load_counts_as_a_pass(struct walks *w, const void *unused)
{
    (void)unused;
    walks_begin_head(w);
    walks_answer(w, LAST(ROW(1, "2020-01-01T00:00:00Z")));
    assert_instant(w->state.pass_at, T0);
    w->date = at("2026-11-27T00:00:00Z");
    walks_begin_head(w);
    walks_answer(w, LAST(""));
    assert_instant(w->state.pass_at, T0); /* what changed is no pass */
}

/* --- records --- */

#define RECORD(rows) "{'success':true,'data':" rows "}"

static void ask_for(struct walks *w, enum stream_id id, int64_t record)
{
    walks_choose(w, id);
    w->walk = walk_new_record(w->stream, record, &w->state);
}

static void records_are_asked_for_whole(struct walks *w, const void *unused)
{
    (void)unused;
    ask_for(w, STREAM_PRODUCTS, 7);
    walks_assert_request(w, "/api/v2/products/7", "");
    g_assert_cmpint(walk_record(w->walk), ==, 7);
    g_assert_cmpint(walk_cost(w->walk), ==, 1);
    ask_for(w, STREAM_NOTES, 7);
    walks_assert_request(w, "/api/v1/notes/7", "");
    g_assert_cmpint(walk_cost(w->walk), ==, 2);
    ask_for(w, STREAM_ACTIVITIES, 7);
    walks_assert_request(w, "/api/v2/activities/7", "include_fields=attendees");
    ask_for(w, STREAM_PERSONS, 7);
    g_assert_true(walks_asks_for(w, "/persons/7?include_fields=next_activity_id,"));
    g_assert_true(walks_asks_for(w, "marketing_status"));
    w->state.gated = true;
    g_assert_false(walks_asks_for(w, "marketing_status"));
}

static void a_record_comes_as_a_row(struct walks *w, const void *unused)
{
    (void)unused;
    ask_for(w, STREAM_PRODUCTS, 7);
    walks_answer(w, RECORD("{'id':7,'update_time':'2026-11-24T00:00:00Z','is_deleted':true}"));
    assert_step(w, true, false);
    walks_assert_rows(w, "7");
    assert_cell(w->batch, 0, "_deleted_at", "2026-11-24 00:00:00");
    assert_cell(w->batch, 0, "name", IS_NULL); /* the record is complete */
    assert_instant(w->state.lists[0].walk.t0, "none");
}

static void another_answer_is_no_record(struct walks *w, const void *unused)
{
    static const char *const answers[] = {
        RECORD("{'id':8}"), RECORD("{'name':'x'}"), RECORD("null"),     RECORD("[{'id':7}]"),
        RECORD("7"),        RECORD("{}"),           "{'success':true}",
    };

    (void)unused;
    for (size_t i = 0; i < G_N_ELEMENTS(answers); i++) {
        ask_for(w, STREAM_PRODUCTS, 7);
        g_assert_false(walks_try(w, answers[i]));
        g_assert_error(w->error, PENSTOCK_ERROR, PENSTOCK_ERROR_DATA);
    }
}

/* A record that may not be seen says nothing about names that the plan does not allow. */
static void a_forbidden_record_gates_nothing(struct walks *w, const void *unused)
{
    (void)unused;
    ask_for(w, STREAM_PERSONS, 7);
    g_assert_false(walks_refused(w, PENSTOCK_ERROR_AUTH, 403));
    g_assert_false(walks_refused(w, PENSTOCK_ERROR_REFUSED, 400));
    g_assert_false(w->state.gated);
    g_assert_false(walk_ask_less(w->walk));
}

#define add(path, function)                                                                        \
    g_test_add("/walk/pass/" path, struct walks, NULL, set_up, function, tear_down)

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    add("ids", reads_every_id);
    add("stale", a_stale_cursor_begins_again);
    add("start-date", a_start_date_is_walked_by_time);
    add("nulls", rows_without_update_time_need_ids);
    add("v1", v1_lists);
    add("deals", deals_have_three_walks);
    add("first-load", a_first_load_counts_as_a_pass);
    add("record/request", records_are_asked_for_whole);
    add("record/row", a_record_comes_as_a_row);
    add("record/other", another_answer_is_no_record);
    add("record/forbidden", a_forbidden_record_gates_nothing);
    return g_test_run();
}
