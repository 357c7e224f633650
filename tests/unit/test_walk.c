/* pipedrive/walk_list.c: how lists are walked (DESIGN.md, section 4). Whatever happens between two
 * answers, no row may be left out and no bookmark may say more than was read. */
#include "walks.h"

#include <string.h>

#define T0      "2026-11-24T12:00:00Z"
#define OVERLAP "2026-11-24T11:59:00Z" /* T0 less 60 s: the most that a bookmark may say */

#define ROW(id, time) "{'id':" #id ",'update_time':'" time "'}"
/* A row that was never changed. */
#define NEW(id, time) "{'id':" #id ",'update_time':null,'add_time':'" time "'}"

#define V2(rows, cursor)                                                                           \
    "{'success':true,'data':[" rows "],'additional_data':{'next_cursor':" cursor "}}"
#define LAST(rows)       V2(rows, "null")
#define MORE(rows, name) V2(rows, "'" name "'")
#define V1(rows, more)                                                                             \
    "{'success':true,'data':[" rows "],'additional_data':{'pagination':{'start':0,'limit':100,"    \
    "'more_items_in_collection':" more "}}}"

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

/* The first load is over; everything up to this time was read. */
static void pretend_loaded(struct walks *w, const char *bookmark)
{
    for (unsigned i = 0; i < w->stream->list_count; i++) {
        w->state.lists[i].loaded = true;
        w->state.lists[i].bookmark = w->state.lists[i].done_at = at(bookmark);
    }
    w->state.again_done = true;
}

static void begin_head(struct walks *w)
{
    walks_begin(w, 0, LEG_HEAD, INSTANT_NONE);
}

/* --- v2: a first load --- */

#define PRODUCTS "/api/v2/products"
#define BY_TIME  "limit=500 sort_by=update_time sort_direction=asc"
#define BY_ID    "limit=500 sort_by=id sort_direction=asc"
#define OLD_END  "limit=1 sort_by=update_time sort_direction=asc"
#define NEW_END  "limit=1 sort_by=update_time sort_direction=desc"

static void first_load_in_one_page(struct walks *w, const void *unused)
{
    (void)unused;
    begin_head(w);
    walks_assert_request(w, PRODUCTS, BY_TIME);
    walks_answer(w, LAST(ROW(1, "2020-01-01T00:00:00Z") "," NEW(2, "2020-02-01T00:00:00Z")));
    assert_step(w, true, false);
    walks_assert_rows(w, "1 2"); /* one page holds all there is, whatever its times */
    g_assert_true(walks_list(w)->loaded);
    g_assert_false(walks_list(w)->walk.active);
    assert_instant(walks_list(w)->bookmark, OVERLAP);
    assert_instant(walks_list(w)->done_at, T0);
}

static void first_load_looks_at_both_ends(struct walks *w, const void *unused)
{
    (void)unused;
    begin_head(w);
    walks_assert_request(w, PRODUCTS, BY_TIME); /* the first page is the look at the old end */
    walks_answer(w, MORE(ROW(1, "2020-01-01T00:00:00Z") "," ROW(2, "2020-01-02T00:00:00Z"), "c1"));
    assert_step(w, false, false);
    walks_assert_rows(w, "1 2");
    w->date = at("2026-11-24T12:30:00Z"); /* T0 stays where it was */
    walks_assert_request(w, PRODUCTS, NEW_END);
    walks_answer(w, MORE(ROW(9, "2026-11-20T00:00:00Z"), "never"));
    assert_step(w, false, true);
    walks_assert_request(w, PRODUCTS, BY_TIME " cursor=c1");
    walks_answer(w, MORE(ROW(3, "2020-01-03T00:00:00Z"), "c=2/ü"));
    assert_step(w, false, false);
    assert_instant(walks_list(w)->bookmark, "2020-01-03T00:00:00Z");
    g_assert_false(walks_list(w)->loaded);
    walks_assert_request(w, PRODUCTS, BY_TIME " cursor=c%3D2%2F%C3%BC");
    walks_answer(w, LAST(ROW(9, "2026-11-20T00:00:00Z")));
    assert_step(w, true, false);
    g_assert_true(walks_list(w)->loaded);
    assert_instant(walks_list(w)->bookmark, OVERLAP);
    assert_instant(walks_list(w)->done_at, T0);
    assert_instant(walks_list(w)->floor, "none");
}

static void first_load_from_a_start_date(struct walks *w, const void *unused)
{
    (void)unused;
    walks_begin(w, 0, LEG_HEAD, at("2024-01-01T00:00:00Z"));
    walks_assert_request(w, PRODUCTS, OLD_END);
    walks_answer(w, MORE(ROW(1, "2020-01-01T00:00:00Z"), "x"));
    assert_step(w, false, true);
    walks_assert_request(w, PRODUCTS, NEW_END);
    walks_answer(w, MORE(ROW(9, "2026-11-20T00:00:00Z"), "y"));
    assert_step(w, false, true);
    assert_instant(walks_list(w)->bookmark, "none"); /* a look is no reading */
    walks_assert_request(w, PRODUCTS, BY_TIME " updated_since=2024-01-01T00:00:00Z");
    walks_answer(w, MORE(ROW(5, "2024-01-01T00:00:00Z"), "c1"));
    walks_assert_request(w, PRODUCTS, BY_TIME " updated_since=2024-01-01T00:00:00Z cursor=c1");
    walks_answer(w, LAST(ROW(9, "2026-11-20T00:00:00Z")));
    assert_step(w, true, false);
    assert_instant(walks_list(w)->floor, "2024-01-01T00:00:00Z");
    assert_instant(walks_list(w)->bookmark, OVERLAP);
}

static void empty_list(struct walks *w, const void *unused)
{
    (void)unused;
    walks_begin(w, 0, LEG_HEAD, at("2024-01-01T00:00:00Z"));
    walks_answer(w, LAST(""));
    assert_step(w, false, true);
    walks_answer(w, "{'success':true,'data':null,'additional_data':null}");
    assert_step(w, false, true);
    walks_answer(w, LAST(""));
    assert_step(w, true, false);
    g_assert_true(walks_list(w)->loaded);
    assert_instant(walks_list(w)->bookmark, OVERLAP);
}

/* --- rows without update_time: only a walk by id finds them --- */

static void walk_by_id_to_the_end(struct walks *w)
{
    walks_assert_request(w, PRODUCTS, BY_ID);
    walks_answer(w, MORE(NEW(1, "2019-01-01T00:00:00Z") "," ROW(2, "2026-11-20T00:00:00Z"), "c1"));
    assert_step(w, false, false);
    assert_instant(walks_list(w)->bookmark, "none"); /* ids say nothing about times */
    walks_restart(w);
    walks_assert_request(w, PRODUCTS, BY_ID " cursor=c1");
    walks_answer(w, MORE(NEW(3, "2025-01-01T00:00:00Z"), "c2"));
    walks_restart(w);
    walks_assert_request(w, PRODUCTS, BY_ID " cursor=c2");
    w->date = at("2026-11-26T00:00:00Z");
    walks_answer(w, LAST(ROW(4, "2026-11-25T00:00:00Z")));
    assert_step(w, true, false);
    g_assert_true(walks_list(w)->loaded);
    assert_instant(walks_list(w)->bookmark, OVERLAP); /* of the T0 of days ago */
}

static void nulls_at_the_old_end(struct walks *w, const void *unused)
{
    (void)unused;
    begin_head(w);
    walks_answer(w, MORE(NEW(1, "2019-01-01T00:00:00Z") "," ROW(5, "2020-01-01T00:00:00Z"), "x"));
    assert_step(w, false, false);
    walks_assert_rows(w, "1 5");
    walk_by_id_to_the_end(w);
}

static void nulls_at_the_new_end(struct walks *w, const void *unused)
{
    (void)unused;
    begin_head(w);
    walks_answer(w, MORE(ROW(5, "2020-01-01T00:00:00Z"), "x"));
    walks_assert_request(w, PRODUCTS, NEW_END);
    walks_answer(w, MORE(NEW(1, "2019-01-01T00:00:00Z"), "y"));
    assert_step(w, false, true);
    walks_assert_request(w, PRODUCTS, BY_ID);
}

/* Cursors are opaque: the list by id may use the words of the list by time. */
static void cursors_of_the_list_by_time_are_forgotten(struct walks *w, const void *unused)
{
    (void)unused;
    begin_head(w);
    walks_answer(w, MORE(NEW(1, "2019-01-01T00:00:00Z") "," ROW(5, "2020-01-01T00:00:00Z"), "x"));
    walks_assert_request(w, PRODUCTS, BY_ID);
    walks_answer(w, MORE(NEW(1, "2019-01-01T00:00:00Z"), "x"));
    walks_assert_request(w, PRODUCTS, BY_ID " cursor=x");
}

/* A kill between the first page and the look at the new end must not make it forget to look. */
static void look_at_the_new_end_survives_a_kill(struct walks *w, const void *unused)
{
    (void)unused;
    begin_head(w);
    walks_answer(w, MORE(ROW(5, "2020-01-01T00:00:00Z"), "x"));
    walks_restart(w);
    for (int i = 0; i < 3 && walks_range(w)->mode != MODE_ID; i++) {
        g_autofree char *request = walks_request(w);

        if (strstr(request, "sort_direction=desc"))
            walks_answer(w, MORE(NEW(1, "2019-01-01T00:00:00Z"), "y"));
        else
            walks_answer(w, MORE(ROW(5, "2020-01-01T00:00:00Z"), "x"));
    }
    walks_assert_request(w, PRODUCTS, BY_ID);
}

/* coalesce(update_time, add_time) decides what a start date leaves out. */
static void start_date_bounds_a_walk_by_id(struct walks *w, const void *unused)
{
    (void)unused;
    walks_begin(w, 0, LEG_HEAD, at("2024-01-01T00:00:00Z"));
    walks_answer(w, MORE(NEW(1, "2019-01-01T00:00:00Z"), "x"));
    assert_step(w, false, true);
    walks_assert_request(w, PRODUCTS, BY_ID);
    walks_answer(w, LAST(NEW(1, "2019-01-01T00:00:00Z") "," NEW(2, "2024-01-01T00:00:00Z") "," ROW(
                        3, "2023-12-31T23:59:59Z") "," ROW(4, "2024-01-01T00:00:00Z") ","
                                                                                      "{'id':5}"));
    walks_assert_rows(w, "2 4 5"); /* of a row without any time nobody can say that it is old */
    assert_step(w, true, false);
}

/* --- v2: what changed --- */

static void increment_begins_at_the_bookmark(struct walks *w, const void *unused)
{
    (void)unused;
    pretend_loaded(w, "2026-11-20T08:00:00Z");
    begin_head(w);
    walks_assert_request(w, PRODUCTS, BY_TIME " updated_since=2026-11-20T08:00:00Z");
    walks_answer(w, MORE(ROW(1, "2026-11-20T08:00:00Z") "," ROW(2, "2026-11-21T00:00:00Z"), "c1"));
    assert_step(w, false, false);
    assert_instant(walks_list(w)->bookmark, "2026-11-21T00:00:00Z");
    walks_assert_request(w, PRODUCTS, BY_TIME " updated_since=2026-11-20T08:00:00Z cursor=c1");
    walks_answer(w, LAST(ROW(3, "2026-11-22T00:00:00Z")));
    assert_step(w, true, false);
    assert_instant(walks_list(w)->bookmark, OVERLAP);
}

static void increment_without_changes_moves_the_bookmark(struct walks *w, const void *unused)
{
    (void)unused;
    pretend_loaded(w, "2026-11-20T08:00:00Z");
    begin_head(w);
    walks_answer(w, LAST(""));
    assert_step(w, true, false);
    assert_instant(walks_list(w)->bookmark, OVERLAP);
}

static void start_date_bounds_increments_only_from_below(struct walks *w, const void *unused)
{
    (void)unused;
    pretend_loaded(w, "2026-11-20T08:00:00Z");
    walks_list(w)->floor = at("2026-11-22T00:00:00Z"); /* it lies ahead of the first load's end */
    walks_begin(w, 0, LEG_HEAD, at("2026-11-22T00:00:00Z"));
    walks_assert_request(w, PRODUCTS, BY_TIME " updated_since=2026-11-22T00:00:00Z");
}

static void bookmarks_stay_behind_t0(struct walks *w, const void *unused)
{
    (void)unused;
    pretend_loaded(w, "2026-11-20T08:00:00Z");
    begin_head(w);
    walks_answer(w, MORE(ROW(1, "2026-11-24T11:59:30Z"), "c1"));
    assert_step(w, false, false);
    assert_instant(walks_list(w)->bookmark, OVERLAP);
    walks_answer(w, MORE(ROW(2, "2026-11-24T12:00:00Z"), "c2"));
    assert_step(w, false, false); /* T0 itself still belongs to this walk */
    assert_instant(walks_list(w)->bookmark, OVERLAP);
    walks_answer(w, MORE(ROW(3, "2026-11-24T12:00:01Z"), "c3"));
    assert_step(w, true, false); /* what is edited after T0 belongs to the next */
    walks_assert_rows(w, "3");
    assert_instant(walks_list(w)->bookmark, OVERLAP);
}

static void bookmarks_never_go_back(struct walks *w, const void *unused)
{
    (void)unused;
    pretend_loaded(w, "2026-11-20T08:00:00Z");
    begin_head(w);
    walks_answer(w, MORE(ROW(1, "2026-11-22T00:00:00Z"), "c1"));
    walks_answer(w, MORE(ROW(2, "2026-11-21T00:00:00Z"), "c2"));
    assert_instant(walks_list(w)->bookmark, "2026-11-22T00:00:00Z");
    w->date = at("2026-11-20T08:00:30Z"); /* the server's clock was set back */
    pretend_loaded(w, "2026-11-20T08:00:00Z");
    walk_state_clear(walks_range(w));
    begin_head(w);
    walks_answer(w, LAST(""));
    assert_step(w, true, false);
    assert_instant(walks_list(w)->bookmark, "2026-11-20T08:00:00Z");
}

/* No Date in the answer: then nothing is known to be complete, and nothing ends early. */
static void without_date_no_bookmark(struct walks *w, const void *unused)
{
    (void)unused;
    w->date = INSTANT_NONE;
    begin_head(w);
    walks_answer(w, MORE(ROW(1, "2020-01-01T00:00:00Z"), "c1"));
    assert_step(w, false, false);
    walks_answer(w, LAST(ROW(1, "2020-01-01T00:00:00Z"))); /* the look at the new end */
    assert_step(w, false, true);
    walks_answer(w, MORE(ROW(2, "2020-01-02T00:00:00Z"), "c2"));
    assert_step(w, false, false);
    walks_answer(w, LAST(ROW(3, "2020-01-03T00:00:00Z")));
    assert_step(w, true, false);
    assert_instant(walks_list(w)->bookmark, "none");
}

/* --- stopping and going on --- */

static void goes_on_from_the_watermark(struct walks *w, const void *unused)
{
    (void)unused;
    pretend_loaded(w, "2026-11-20T08:00:00Z");
    begin_head(w);
    walks_answer(w, MORE(ROW(1, "2026-11-21T00:00:00Z") "," ROW(2, "2026-11-22T00:00:00Z"), "c1"));
    walks_restart(w);
    walks_assert_request(w, PRODUCTS, BY_TIME " updated_since=2026-11-22T00:00:00Z");
    w->date = at("2026-11-26T00:00:00Z");
    walks_answer(w, LAST(ROW(2, "2026-11-22T00:00:00Z") "," ROW(3, "2026-11-25T00:00:00Z")));
    assert_step(w, true, false);
    assert_instant(walks_list(w)->bookmark, "2026-11-25T23:59:00Z"); /* it began anew: a new T0 */
}

/* A bulk import: thousands of rows with one update_time. The cursor is the only way on. */
static void ties_go_on_from_the_cursor(struct walks *w, const void *unused)
{
    (void)unused;
    pretend_loaded(w, "2026-11-20T08:00:00Z");
    begin_head(w);
    walks_answer(w, MORE(ROW(1, "2026-11-21T00:00:00Z") "," ROW(2, "2026-11-21T00:00:00Z"), "c1"));
    walks_restart(w);
    walks_assert_request(w, PRODUCTS, BY_TIME " updated_since=2026-11-20T08:00:00Z cursor=c1");
    w->date = at("2026-11-26T00:00:00Z");
    walks_answer(w, MORE(ROW(3, "2026-11-21T00:00:00Z") "," ROW(4, "2026-11-21T00:00:00Z"), "c2"));
    walks_restart(w);
    walks_assert_request(w, PRODUCTS, BY_TIME " updated_since=2026-11-20T08:00:00Z cursor=c2");
    walks_answer(w, MORE(ROW(5, "2026-11-21T00:00:00Z") "," ROW(6, "2026-11-22T00:00:00Z"), "c3"));
    g_assert_null(walks_range(w)->cursor); /* the second is over: the watermark does again */
    walks_answer(w, LAST(ROW(7, "2026-11-23T00:00:00Z")));
    assert_step(w, true, false);
    assert_instant(walks_list(w)->bookmark, OVERLAP); /* the old T0 holds */
}

static void stale_cursor_is_dropped(struct walks *w, const void *unused)
{
    (void)unused;
    pretend_loaded(w, "2026-11-20T08:00:00Z");
    begin_head(w);
    walks_answer(w, MORE(ROW(1, "2026-11-21T00:00:00Z") "," ROW(2, "2026-11-21T00:00:00Z"), "c1"));
    walks_restart(w);
    g_assert_true(walks_refused(w, PENSTOCK_ERROR_REFUSED, 400));
    walks_assert_request(w, PRODUCTS, BY_TIME " updated_since=2026-11-21T00:00:00Z");
    g_assert_false(walks_refused(w, PENSTOCK_ERROR_REFUSED, 400)); /* nothing left to blame */
    w->date = at("2026-11-26T00:00:00Z");
    walks_answer(w, LAST(ROW(1, "2026-11-21T00:00:00Z")));
    assert_instant(walks_list(w)->bookmark, "2026-11-25T23:59:00Z");
}

static void other_refusals_are_none_of_its_business(struct walks *w, const void *unused)
{
    (void)unused;
    pretend_loaded(w, "2026-11-20T08:00:00Z");
    begin_head(w);
    g_assert_false(walks_refused(w, PENSTOCK_ERROR_REFUSED, 400));
    walks_answer(w, MORE(ROW(1, "2026-11-21T00:00:00Z") "," ROW(2, "2026-11-21T00:00:00Z"), "c1"));
    g_assert_false(walks_refused(w, PENSTOCK_ERROR_REFUSED, 400)); /* a cursor of this very run */
    walks_restart(w);
    g_assert_false(walks_refused(w, PENSTOCK_ERROR_RETRY, 500));
    g_assert_false(walks_refused(w, PENSTOCK_ERROR_GONE, 404));
    g_assert_false(walks_refused(w, PENSTOCK_ERROR_PARKED, 403)); /* Cloudflare's block */
    walks_assert_request(w, PRODUCTS, BY_TIME " updated_since=2026-11-20T08:00:00Z cursor=c1");
}

/* --- include fields --- */

#define GATED "marketing_status,doi_status"

static bool asks_for(const struct walks *w, const char *name)
{
    g_autofree char *request = walks_request(w);

    return strstr(request, name) != NULL;
}

static void gated_names_are_dropped(struct walks *w, const void *unused)
{
    (void)unused;
    walks_choose(w, STREAM_PERSONS);
    pretend_loaded(w, "2026-11-20T08:00:00Z");
    begin_head(w);
    g_assert_true(asks_for(w, "," GATED ","));
    g_assert_true(walks_refused(w, PENSTOCK_ERROR_REFUSED, 400));
    g_assert_true(w->state.gated);
    g_assert_false(asks_for(w, "marketing_status"));
    g_assert_false(asks_for(w, "doi_status"));
    g_assert_true(asks_for(w, "smart_bcc_email"));
    walks_build_decoder(w);
    walks_answer(w, LAST(ROW(1, "2026-11-21T00:00:00Z")));
    assert_cell(w->batch, 0, "marketing_status", IS_ABSENT);
    g_assert_true(w->state.gated); /* remembered */
    walks_restart(w);
    g_assert_false(asks_for(w, "marketing_status"));
    g_assert_false(walks_refused(w, PENSTOCK_ERROR_REFUSED, 400));
}

static void forbidden_counts_as_gated(struct walks *w, const void *unused)
{
    (void)unused;
    walks_choose(w, STREAM_PERSONS);
    begin_head(w);
    g_assert_false(walks_refused(w, PENSTOCK_ERROR_PARKED, 403));
    g_assert_true(asks_for(w, GATED));
    g_assert_true(walks_refused(w, PENSTOCK_ERROR_AUTH, 403));
    g_assert_false(asks_for(w, "doi_status"));
}

static void every_include_field_is_asked_for(struct walks *w, const void *unused)
{
    (void)unused;
    walks_choose(w, STREAM_ACTIVITIES);
    pretend_loaded(w, "2026-11-20T08:00:00Z");
    begin_head(w);
    walks_assert_request(w, "/api/v2/activities",
                         BY_TIME " include_fields=attendees updated_since=2026-11-20T08:00:00Z");
    walks_choose(w, STREAM_DEALS);
    pretend_loaded(w, "2026-11-20T08:00:00Z");
    begin_head(w);
    walks_assert_request(
        w, "/api/v2/deals",
        BY_TIME " status=open,won,lost,deleted updated_since=2026-11-20T08:00:00Z "
                "include_fields=source_lead_id,next_activity_id,last_activity_id,first_won_time,"
                "products_count,files_count,notes_count,followers_count,email_messages_count,"
                "activities_count,done_activities_count,undone_activities_count,"
                "participants_count,last_incoming_mail_time,last_outgoing_mail_time,"
                "smart_bcc_email");
}

/* --- pages and cursors that are no good --- */

static void pages_are_halved(struct walks *w, const void *unused)
{
    static const char *const limits[] = {"250", "125", "62", "31", "15", "7", "3", "1"};

    (void)unused;
    begin_head(w);
    for (size_t i = 0; i < G_N_ELEMENTS(limits); i++) {
        g_autofree char *parameters =
            g_strdup_printf("limit=%s sort_by=update_time sort_direction=asc", limits[i]);

        g_assert_true(walk_ask_less(w->walk));
        walks_assert_request(w, PRODUCTS, parameters);
    }
    g_assert_false(walk_ask_less(w->walk));
    walks_assert_request(w, PRODUCTS, "limit=1 sort_by=update_time sort_direction=asc");
}

static void cursors_in_a_circle_are_noticed(struct walks *w, const void *unused)
{
    (void)unused;
    for (int circle = 1; circle <= 7; circle++) {
        int pages = 0;

        walks_choose(w, STREAM_PRODUCTS);
        pretend_loaded(w, "2026-11-20T08:00:00Z");
        begin_head(w);
        for (bool good = true; good; pages++) {
            g_autofree char *page =
                g_strdup_printf(MORE(ROW(1, "2026-11-21T00:00:00Z"), "cursor%d"), pages % circle);

            g_assert_cmpint(pages, <, 40);
            good = walks_try(w, page);
        }
        g_assert_error(w->error, PENSTOCK_ERROR, PENSTOCK_ERROR_DATA);
    }
}

static void odd_cursors_are_refused(struct walks *w, const void *unused)
{
    static const char *const pages[] = {V2("", "7"), V2("", "''"), V2("", "{}"), V2("", "true")};

    (void)unused;
    pretend_loaded(w, "2026-11-20T08:00:00Z");
    for (size_t i = 0; i < G_N_ELEMENTS(pages); i++) {
        begin_head(w);
        g_assert_false(walks_try(w, pages[i]));
        g_assert_error(w->error, PENSTOCK_ERROR, PENSTOCK_ERROR_DATA);
        assert_instant(walks_list(w)->bookmark, "2026-11-20T08:00:00Z");
    }
}

static void odd_envelopes_are_the_end(struct walks *w, const void *unused)
{
    static const char *const pages[] = {"{'data':[]}", "{'data':[],'additional_data':null}",
                                        "{'data':[],'additional_data':{}}",
                                        "{'data':null,'additional_data':[]}"};

    (void)unused;
    for (size_t i = 0; i < G_N_ELEMENTS(pages); i++) {
        walks_choose(w, STREAM_PRODUCTS);
        pretend_loaded(w, "2026-11-20T08:00:00Z");
        begin_head(w);
        walks_answer(w, "%s", pages[i]);
        assert_step(w, true, false);
    }
}

/* --- deals: two lists --- */

static void archived_deals_are_a_list_of_their_own(struct walks *w, const void *unused)
{
    (void)unused;
    walks_choose(w, STREAM_DEALS);
    walks_begin(w, 1, LEG_HEAD, INSTANT_NONE);
    g_assert_true(asks_for(w, "/api/v2/deals/archived?"));
    g_assert_true(asks_for(w, "status=open,won,lost,deleted"));
    g_assert_cmpint(walk_cost(w->walk), ==, 20);
    walks_answer(w, LAST(ROW(1, "2020-01-01T00:00:00Z")));
    g_assert_true(w->state.lists[1].loaded);
    g_assert_false(w->state.lists[0].loaded);
    assert_instant(w->state.lists[0].bookmark, "none");
    walks_begin(w, 0, LEG_HEAD, INSTANT_NONE);
    g_assert_true(asks_for(w, "/api/v2/deals?"));
    g_assert_cmpint(walk_cost(w->walk), ==, 10);
}

/* Deals that were archived while the normal ones were read. */
static void archived_deals_are_read_again(struct walks *w, const void *unused)
{
    (void)unused;
    walks_choose(w, STREAM_DEALS);
    walks_begin(w, 1, LEG_HEAD, at("2024-01-01T00:00:00Z"));
    for (int i = 0; i < 3; i++)
        walks_answer(w, LAST(ROW(1, "2025-01-01T00:00:00Z")));
    assert_step(w, true, false);
    w->date = at("2026-11-24T14:00:00Z");
    walks_begin(w, 1, LEG_AGAIN, at("2024-01-01T00:00:00Z"));
    g_assert_true(asks_for(w, "/api/v2/deals/archived?"));
    g_assert_true(asks_for(w, "updated_since=2024-01-01T00:00:00Z")); /* from where it began */
    walks_answer(w, MORE(ROW(1, "2024-01-01T00:00:00Z") "," ROW(2, "2025-01-01T00:00:00Z"), "c1"));
    g_assert_false(w->state.again_done);
    walks_restart(w);
    g_assert_true(asks_for(w, "updated_since=2025-01-01T00:00:00Z"));
    walks_answer(w, LAST(ROW(2, "2023-06-01T00:00:00Z") "," ROW(3, "2025-06-01T00:00:00Z")));
    walks_assert_rows(w, "3");
    assert_step(w, true, false);
    g_assert_true(w->state.again_done);
    assert_instant(w->state.lists[1].bookmark, "2026-11-24T13:59:00Z");
}

/* --- a lowered start date --- */

static void begin_stretch(struct walks *w, const char *floor, instant_t from)
{
    pretend_loaded(w, "2026-11-20T08:00:00Z");
    walks_list(w)->floor = at(floor);
    walks_begin(w, 0, LEG_STRETCH, from);
}

static void stretch_lies_between_the_start_dates(struct walks *w, const void *unused)
{
    (void)unused;
    walks_choose(w, STREAM_ACTIVITIES);
    begin_stretch(w, "2024-01-01T00:00:00Z", at("2022-01-01T00:00:00Z"));
    walks_assert_request(w, "/api/v2/activities",
                         BY_TIME " include_fields=attendees updated_since=2022-01-01T00:00:00Z "
                                 "updated_until=2024-01-01T00:00:00Z");
    walks_answer(w, MORE(ROW(1, "2022-01-01T00:00:00Z") "," ROW(2, "2022-06-01T00:00:00Z"), "c1"));
    assert_instant(walks_list(w)->bookmark, "2026-11-20T08:00:00Z"); /* untouched */
    assert_instant(walks_list(w)->floor, "2024-01-01T00:00:00Z");    /* not yet */
    walks_restart(w);
    walks_assert_request(w, "/api/v2/activities",
                         BY_TIME " include_fields=attendees updated_since=2022-06-01T00:00:00Z "
                                 "updated_until=2024-01-01T00:00:00Z");
    walks_answer(w, LAST(ROW(2, "2022-06-01T00:00:00Z") "," ROW(3, "2023-12-31T23:59:59Z")));
    walks_assert_rows(w, "2 3");
    assert_step(w, true, false);
    assert_instant(walks_list(w)->floor, "2022-01-01T00:00:00Z");
    assert_instant(walks_list(w)->bookmark, "2026-11-20T08:00:00Z");
    g_assert_false(walks_list(w)->stretch.active);
}

static void stretch_without_start_date_has_no_beginning(struct walks *w, const void *unused)
{
    (void)unused;
    walks_choose(w, STREAM_ACTIVITIES);
    begin_stretch(w, "2024-01-01T00:00:00Z", INSTANT_NONE);
    walks_assert_request(w, "/api/v2/activities",
                         BY_TIME " include_fields=attendees updated_until=2024-01-01T00:00:00Z");
    walks_answer(w, LAST(ROW(1, "2015-01-01T00:00:00Z")));
    walks_assert_rows(w, "1");
    assert_step(w, true, false);
    assert_instant(walks_list(w)->floor, "none");
}

/* products has no updated_until: the walk itself must know when to stop. */
static void stretch_of_products_ends_by_itself(struct walks *w, const void *unused)
{
    (void)unused;
    begin_stretch(w, "2024-01-01T00:00:00Z", at("2022-01-01T00:00:00Z"));
    walks_assert_request(w, PRODUCTS, BY_TIME " updated_since=2022-01-01T00:00:00Z");
    walks_answer(w, MORE(ROW(1, "2023-12-31T23:59:59Z") "," ROW(2, "2024-01-01T00:00:00Z"), "c1"));
    walks_assert_rows(w, "1");
    assert_step(w, true, false);
    assert_instant(walks_list(w)->floor, "2022-01-01T00:00:00Z");
}

static void stretch_begins_anew_for_another_date(struct walks *w, const void *unused)
{
    (void)unused;
    begin_stretch(w, "2024-01-01T00:00:00Z", at("2022-01-01T00:00:00Z"));
    walks_answer(w, MORE(ROW(1, "2022-06-01T00:00:00Z") "," ROW(2, "2022-07-01T00:00:00Z"), "c1"));
    w->from = at("2020-01-01T00:00:00Z");
    walks_restart(w);
    walks_assert_request(w, PRODUCTS, BY_TIME " updated_since=2020-01-01T00:00:00Z");
}

/* Rows without update_time are in no window of time. */
static void stretch_walks_by_id_where_rows_have_no_time(struct walks *w, const void *unused)
{
    (void)unused;
    walks_begin(w, 0, LEG_HEAD, at("2024-01-01T00:00:00Z"));
    walks_answer(w, MORE(NEW(1, "2023-01-01T00:00:00Z"), "x"));
    walks_answer(w, LAST(NEW(1, "2023-01-01T00:00:00Z") "," NEW(2, "2025-01-01T00:00:00Z")));
    walks_assert_rows(w, "2");
    assert_step(w, true, false);
    walks_restart(w);
    walks_begin(w, 0, LEG_STRETCH, at("2022-01-01T00:00:00Z"));
    walks_assert_request(w, PRODUCTS, BY_ID);
    walks_answer(w, LAST(NEW(1, "2023-01-01T00:00:00Z") "," NEW(2, "2025-01-01T00:00:00Z")));
    walks_assert_rows(w, "1");
    assert_step(w, true, false);
    assert_instant(walks_list(w)->floor, "2022-01-01T00:00:00Z");
}

/* --- notes --- */

#define NOTES      "/api/v1/notes"
#define NOTES_PAGE "limit=500 sort=update_time%20ASC"

static void notes_advance_by_time(struct walks *w, const void *unused)
{
    (void)unused;
    walks_choose(w, STREAM_NOTES);
    begin_head(w);
    walks_assert_request(w, NOTES, NOTES_PAGE " start=0");
    walks_answer(w, V1(ROW(1, "2020-01-01 00:00:00") "," ROW(2, "2020-01-02 00:00:00"), "true"));
    assert_step(w, false, false);
    walks_assert_request(w, NOTES, "start=0 limit=1 sort=update_time%20DESC");
    walks_answer(w, V1(ROW(9, "2026-01-02 00:00:00"), "true"));
    assert_step(w, false, true);
    walks_assert_request(w, NOTES, NOTES_PAGE " start=0 updated_since=2020-01-02T00:00:00Z");
    walks_answer(w, V1(ROW(2, "2020-01-02 00:00:00") "," ROW(3, "2020-01-03 00:00:00"), "true"));
    assert_instant(walks_list(w)->bookmark, "2020-01-03T00:00:00Z");
    walks_restart(w);
    walks_assert_request(w, NOTES, NOTES_PAGE " start=0 updated_since=2020-01-03T00:00:00Z");
    walks_answer(w, V1(ROW(3, "2020-01-03 00:00:00") "," ROW(9, "2026-01-02 00:00:00"), "false"));
    assert_step(w, true, false);
    assert_instant(walks_list(w)->bookmark, OVERLAP);
}

static int64_t asked_start(const struct walks *w)
{
    g_autofree char *request = walks_request(w);
    const char *found = strstr(request, "start=");

    g_assert_nonnull(found);
    return g_ascii_strtoll(found + strlen("start="), NULL, 10);
}

static void begin_within_a_second(struct walks *w)
{
    walks_choose(w, STREAM_NOTES);
    pretend_loaded(w, "2026-11-20T08:00:00Z");
    begin_head(w);
    walks_answer(w, V1(ROW(1, "2026-11-20 08:00:00") "," ROW(2, "2026-11-20 08:00:00") "," ROW(
                           3, "2026-11-20 08:00:00"),
                       "true"));
    g_assert_true(asks_for(w, "updated_since=2026-11-20T08:00:00Z"));
    g_assert_cmpint(asked_start(w), >, 0); /* the offset is the only way on */
    g_assert_cmpint(asked_start(w), <=, 3);
}

static void notes_go_on_inside_a_second(struct walks *w, const void *unused)
{
    (void)unused;
    begin_within_a_second(w);
    int64_t start = asked_start(w);
    walks_restart(w);
    g_assert_cmpint(asked_start(w), ==, start);
    g_assert_true(asks_for(w, "updated_since=2026-11-20T08:00:00Z"));
    walks_answer(w, V1(ROW(3, "2026-11-20 08:00:00") "," ROW(4, "2026-11-20 08:00:00"), "true"));
    g_assert_cmpint(asked_start(w), >, start);
    walks_answer(w, V1(ROW(4, "2026-11-20 08:00:00") "," ROW(5, "2026-11-20 08:00:01"), "true"));
    walks_assert_request(w, NOTES, NOTES_PAGE " start=0 updated_since=2026-11-20T08:00:01Z");
    walks_answer(w, V1(ROW(5, "2026-11-20 08:00:01"), "false"));
    assert_step(w, true, false);
}

/* A note of the second was edited: it moved to the end, and the others moved up by one. */
static void notes_that_moved_up_are_not_left_out(struct walks *w, const void *unused)
{
    (void)unused;
    begin_within_a_second(w);
    walks_answer(w, V1(ROW(5, "2026-11-20 08:00:00") "," ROW(6, "2026-11-20 08:00:00"), "true"));
    assert_step(w, false, false);
    walks_assert_request(w, NOTES, NOTES_PAGE " start=0 updated_since=2026-11-20T08:00:00Z");
}

static void notes_without_update_time(struct walks *w, const void *unused)
{
    (void)unused;
    walks_choose(w, STREAM_NOTES);
    begin_head(w);
    walks_answer(w, V1(NEW(1, "2020-01-01 00:00:00"), "true"));
    walks_assert_request(w, NOTES, "start=0 limit=500 sort=id%20ASC");
    walks_answer(w, V1(NEW(1, "2020-01-01 00:00:00") "," ROW(2, "2020-01-01 00:00:00"), "true"));
    walks_assert_request(w, NOTES, "start=1 limit=500 sort=id%20ASC");
    walks_restart(w);
    walks_assert_request(w, NOTES, "start=1 limit=500 sort=id%20ASC");
    walks_answer(w, V1(ROW(2, "2020-01-01 00:00:00") "," NEW(3, "2020-01-01 00:00:00"), "false"));
    assert_step(w, true, false);
    assert_instant(walks_list(w)->bookmark, OVERLAP);
}

static void notes_end_in_any_envelope(struct walks *w, const void *unused)
{
    static const char *const ends[] = {
        "{'success':true,'data':null}",
        "{'success':true,'data':null,'additional_data':null}",
        "{'success':true,'data':[],'additional_data':{'pagination':{'start':0,'limit':500,"
        "'more_items_in_collection':false}}}",
        "{'success':true,'data':[],'additional_data':{'more_items_in_collection':true}}",
        "{'success':true,'data':[" ROW(
            1, "2026-11-21 00:00:00") "],'additional_data':{'start':0,"
                                      "'limit':500,'more_items_in_collection':false}}",
    };

    (void)unused;
    for (size_t i = 0; i < G_N_ELEMENTS(ends); i++) {
        walks_choose(w, STREAM_NOTES);
        pretend_loaded(w, "2026-11-20T08:00:00Z");
        begin_head(w);
        walks_answer(w, "%s", ends[i]);
        assert_step(w, true, false);
        assert_instant(walks_list(w)->bookmark, OVERLAP);
    }
}

static void notes_take_the_flat_envelope(struct walks *w, const void *unused)
{
    (void)unused;
    walks_choose(w, STREAM_NOTES);
    pretend_loaded(w, "2026-11-20T08:00:00Z");
    begin_head(w);
    walks_answer(w,
                 "{'success':true,'data':[%s],'additional_data':{'start':0,'limit':500,"
                 "'more_items_in_collection':true}}",
                 ROW(1, "2026-11-21 00:00:00"));
    assert_step(w, false, false);
    walks_assert_request(w, NOTES, NOTES_PAGE " start=0 updated_since=2026-11-21T00:00:00Z");
}

/* v1 has no updated_until for notes. */
static void stretch_of_notes(struct walks *w, const void *unused)
{
    (void)unused;
    walks_choose(w, STREAM_NOTES);
    begin_stretch(w, "2024-01-01T00:00:00Z", at("2022-01-01T00:00:00Z"));
    walks_assert_request(w, NOTES, NOTES_PAGE " start=0 updated_since=2022-01-01T00:00:00Z");
    walks_answer(w, V1(ROW(1, "2022-01-01 00:00:00") "," ROW(2, "2024-01-01 00:00:00"), "true"));
    walks_assert_rows(w, "1");
    assert_step(w, true, false);
    assert_instant(walks_list(w)->floor, "2022-01-01T00:00:00Z");
}

/* --- files: the first load by id --- */

#define FILES "/api/v1/files"

static void begin_files(struct walks *w)
{
    walks_choose(w, STREAM_FILES);
    begin_head(w);
    walks_assert_request(w, FILES, "start=0 limit=100 sort=id%20ASC");
    walks_answer(w, V1(ROW(10, "2020-01-01 00:00:00") "," ROW(11, "2026-01-01 00:00:00") "," ROW(
                           12, "2019-01-01 00:00:00"),
                       "true"));
    assert_step(w, false, false);
}

static void files_overlap_by_one_row(struct walks *w, const void *unused)
{
    (void)unused;
    begin_files(w);
    walks_assert_request(w, FILES, "start=2 limit=100 sort=id%20ASC");
    assert_instant(walks_list(w)->bookmark, "none");
    walks_restart(w);
    walks_assert_request(w, FILES, "start=2 limit=100 sort=id%20ASC");
    walks_answer(w, V1(ROW(12, "2019-01-01 00:00:00") "," ROW(13, "2020-01-01 00:00:00"), "true"));
    walks_assert_request(w, FILES, "start=3 limit=100 sort=id%20ASC");
    walks_answer(w, V1(ROW(13, "2020-01-01 00:00:00") "," ROW(14, "2020-01-01 00:00:00"), "false"));
    assert_step(w, true, false);
    assert_instant(walks_list(w)->bookmark, OVERLAP);
    g_assert_true(walks_list(w)->loaded);
}

/* Files before us were deleted and the list moved up: unseen rows slipped past the offset. */
static void files_step_back_when_the_anchor_moved(struct walks *w, const void *unused)
{
    (void)unused;
    begin_files(w);
    walks_answer(w, V1(ROW(15, "2020-01-01 00:00:00") "," ROW(16, "2020-01-01 00:00:00"), "true"));
    assert_step(w, false, false);
    walks_assert_request(w, FILES, "start=0 limit=100 sort=id%20ASC");
    walks_answer(w, V1(ROW(11, "2026-01-01 00:00:00") "," ROW(14, "2020-01-01 00:00:00") "," ROW(
                           15, "2020-01-01 00:00:00") "," ROW(16, "2020-01-01 00:00:00"),
                       "true"));
    walks_assert_request(w, FILES, "start=3 limit=100 sort=id%20ASC");
    walks_answer(w, V1(ROW(16, "2020-01-01 00:00:00"), "false"));
    assert_step(w, true, false);
}

/* So many were deleted that the offset lies behind the end. */
static void files_step_back_from_behind_the_end(struct walks *w, const void *unused)
{
    (void)unused;
    begin_files(w);
    walks_answer(w, V1("", "false"));
    assert_step(w, false, false);
    g_assert_false(walks_list(w)->loaded);
    walks_assert_request(w, FILES, "start=0 limit=100 sort=id%20ASC");
    walks_answer(w, V1(ROW(13, "2020-01-01 00:00:00"), "false"));
    assert_step(w, true, false);
    walks_assert_rows(w, "13");
}

/* All that was there is gone, up to the first row. */
static void files_step_back_to_the_beginning_at_most(struct walks *w, const void *unused)
{
    (void)unused;
    begin_files(w);
    walks_answer(w, V1(ROW(20, "2020-01-01 00:00:00"), "true"));
    walks_answer(w, V1(ROW(20, "2020-01-01 00:00:00") "," ROW(21, "2020-01-01 00:00:00"), "true"));
    assert_step(w, false, false);
    walks_assert_request(w, FILES, "start=1 limit=100 sort=id%20ASC");
    walks_answer(w, V1("", "false"));
    walks_answer(w, V1("", "false"));
    assert_step(w, true, false);
}

/* A page of one row cannot overlap with the next, and must not go in a circle. */
static void files_one_by_one(struct walks *w, const void *unused)
{
    (void)unused;
    walks_choose(w, STREAM_FILES);
    begin_head(w);
    while (walk_ask_less(w->walk))
        ;
    for (int i = 0; i < 20; i++) {
        g_autofree char *page =
            g_strdup_printf(V1("{'id':%d,'update_time':'2020-01-01 00:00:00'}", "%s"),
                            (int)asked_start(w) + 1, asked_start(w) == 4 ? "false" : "true");

        walks_answer(w, "%s", page);
        if (w->step.done)
            return;
    }
    g_error("five files in twenty pages, and no end");
}

static void files_take_the_start_date(struct walks *w, const void *unused)
{
    (void)unused;
    walks_choose(w, STREAM_FILES);
    walks_begin(w, 0, LEG_HEAD, at("2024-01-01T00:00:00Z"));
    walks_assert_request(w, FILES, "start=0 limit=100 sort=id%20ASC");
    walks_answer(w, V1(ROW(1, "2023-12-31 23:59:59") "," ROW(2, "2024-01-01 00:00:00"), "false"));
    walks_assert_rows(w, "2");
    assert_step(w, true, false);
    walks_begin(w, 0, LEG_STRETCH, at("2022-01-01T00:00:00Z"));
    walks_assert_request(w, FILES, "start=0 limit=100 sort=id%20ASC");
    walks_answer(w, V1(ROW(1, "2023-12-31 23:59:59") "," ROW(2, "2024-01-01 00:00:00"), "false"));
    walks_assert_rows(w, "1");
    assert_step(w, true, false);
    assert_instant(walks_list(w)->floor, "2022-01-01T00:00:00Z");
}

/* --- files: what changed --- */

#define NEWEST "limit=100 sort=update_time%20DESC"

static void begin_newest(struct walks *w)
{
    walks_choose(w, STREAM_FILES);
    pretend_loaded(w, "2026-11-20T08:00:00Z");
    begin_head(w);
    walks_assert_request(w, FILES, NEWEST " start=0");
    walks_answer(w, V1(ROW(30, "2026-11-24 00:00:00") "," ROW(5, "2026-11-23 00:00:00") "," ROW(
                           20, "2026-11-22 00:00:00"),
                       "true"));
    assert_step(w, false, false);
}

static void files_go_down_to_the_bookmark(struct walks *w, const void *unused)
{
    (void)unused;
    begin_newest(w);
    assert_instant(walks_list(w)->bookmark, "2026-11-20T08:00:00Z"); /* once, at the end */
    walks_assert_request(w, FILES, NEWEST " start=2");
    walks_answer(w, V1(ROW(20, "2026-11-22 00:00:00") "," ROW(7, "2026-11-20 08:00:00"), "true"));
    assert_step(w, false, false); /* the bookmark's second is inclusive */
    walks_answer(w, V1(ROW(7, "2026-11-20 08:00:00") "," ROW(6, "2026-11-20 07:59:59"), "true"));
    assert_step(w, true, false);
    assert_instant(walks_list(w)->bookmark, OVERLAP);
}

static void files_begin_anew_after_a_kill(struct walks *w, const void *unused)
{
    (void)unused;
    begin_newest(w);
    walks_restart(w);
    walks_assert_request(w, FILES, NEWEST " start=0");
    w->date = at("2026-11-26T00:00:00Z");
    walks_answer(w, V1(ROW(30, "2026-11-24 00:00:00"), "false"));
    assert_step(w, true, false);
    assert_instant(walks_list(w)->bookmark, "2026-11-25T23:59:00Z");
}

/* Edits push rows down: they are seen twice, and nothing is left out. */
static void files_that_moved_down_are_harmless(struct walks *w, const void *unused)
{
    (void)unused;
    begin_newest(w);
    walks_answer(w, V1(ROW(5, "2026-11-23 00:00:00") "," ROW(20, "2026-11-22 00:00:00") "," ROW(
                           7, "2026-11-21 00:00:00"),
                       "true"));
    assert_step(w, false, false);
    g_assert_cmpint(asked_start(w), >=, 3);
}

/* Deletions pull rows up past the offset. */
static void files_step_back_when_rows_moved_up(struct walks *w, const void *unused)
{
    (void)unused;
    begin_newest(w);
    walks_answer(w, V1(ROW(7, "2026-11-21 00:00:00") "," ROW(6, "2026-11-20 09:00:00"), "true"));
    assert_step(w, false, false);
    walks_assert_request(w, FILES, NEWEST " start=0");
    begin_newest(w);
    walks_answer(w, V1("", "false"));
    assert_step(w, false, false);
    walks_assert_request(w, FILES, NEWEST " start=0");
    begin_newest(w); /* within one second only the id shows it */
    walks_answer(w, V1(ROW(8, "2026-11-22 00:00:00") "," ROW(6, "2026-11-20 09:00:00"), "true"));
    assert_step(w, false, false);
    walks_assert_request(w, FILES, NEWEST " start=0");
}

/* --- whole tables --- */

static void assert_seen(const struct walks *w, const char *ids)
{
    const GArray *seen = walk_seen(w->walk);
    g_autoptr(GString) found = g_string_new(NULL);

    for (unsigned i = 0; i < seen->len; i++)
        g_string_append_printf(found, "%s%" G_GINT64_FORMAT, i ? " " : "",
                               g_array_index(seen, int64_t, i));
    g_assert_cmpstr(found->str, ==, ids);
}

static void whole_table_in_one_answer(struct walks *w, const void *unused)
{
    (void)unused;
    walks_choose(w, STREAM_USERS);
    begin_head(w);
    walks_assert_request(w, "/api/v1/users", "");
    walks_answer(w, "{'success':true,'data':[{'id':5},{'id':3},{'name':'no id'},{'id':9}]}");
    assert_step(w, true, false);
    g_assert_true(w->step.sweep);
    assert_seen(w, "5 3 9");
    assert_instant(walks_list(w)->done_at, T0);
}

static void whole_table_by_cursor(struct walks *w, const void *unused)
{
    (void)unused;
    walks_choose(w, STREAM_STAGES);
    begin_head(w);
    walks_assert_request(w, "/api/v2/stages", "limit=500");
    walks_answer(w, MORE("{'id':1},{'id':2}", "c1"));
    assert_step(w, false, false);
    g_assert_false(w->step.sweep);
    walks_assert_request(w, "/api/v2/stages", "limit=500 cursor=c1");
    walks_answer(w, LAST("{'id':3}"));
    assert_step(w, true, false);
    g_assert_true(w->step.sweep);
    assert_seen(w, "1 2 3");
}

static void whole_table_by_offset(struct walks *w, const void *unused)
{
    (void)unused;
    walks_choose(w, STREAM_DEAL_FIELDS);
    walks_begin(w, 0, LEG_HEAD, at("2026-01-01T00:00:00Z"));
    walks_assert_request(w, "/api/v1/dealFields", "start=0 limit=500");
    walks_answer(w, V1("{'id':1,'update_time':'2019-01-01 00:00:00'},{'id':null,'key':'a_part'},"
                       "{'id':2,'update_time':null}",
                       "true"));
    assert_step(w, false, false);
    walks_assert_rows(w, "1 2"); /* it ignores the start date */
    walks_assert_request(w, "/api/v1/dealFields", "start=3 limit=500");
    walks_answer(w, V1("{'id':3}", "false"));
    assert_step(w, true, false);
    g_assert_true(w->step.sweep);
    assert_seen(w, "1 2 3");
}

static void whole_table_that_is_empty(struct walks *w, const void *unused)
{
    static const enum stream_id ids[] = {STREAM_USERS, STREAM_STAGES, STREAM_DEAL_FIELDS};

    (void)unused;
    for (size_t i = 0; i < G_N_ELEMENTS(ids); i++) {
        walks_choose(w, ids[i]);
        begin_head(w);
        walks_answer(w, "{'success':true,'data':null,'additional_data':null}");
        assert_step(w, true, false);
        g_assert_true(w->step.sweep); /* the loader's guard has the last word */
        assert_seen(w, "");
    }
}

/* What an unfinished pass saw is worth nothing to the next. */
static void whole_table_begins_anew(struct walks *w, const void *unused)
{
    (void)unused;
    walks_choose(w, STREAM_STAGES);
    begin_head(w);
    walks_answer(w, MORE("{'id':1}", "c1"));
    walks_restart(w);
    walks_assert_request(w, "/api/v2/stages", "limit=500");
    walks_answer(w, LAST("{'id':2}"));
    assert_seen(w, "2");
    walks_choose(w, STREAM_DEAL_FIELDS);
    begin_head(w);
    walks_answer(w, V1("{'id':1}", "true"));
    walks_restart(w);
    walks_assert_request(w, "/api/v1/dealFields", "start=0 limit=500");
}

#define add(path, function)                                                                        \
    g_test_add("/walk/" path, struct walks, NULL, set_up, function, tear_down)

static void add_v2(void)
{
    add("first/one-page", first_load_in_one_page);
    add("first/both-ends", first_load_looks_at_both_ends);
    add("first/start-date", first_load_from_a_start_date);
    add("first/empty", empty_list);
    add("nulls/old-end", nulls_at_the_old_end);
    add("nulls/new-end", nulls_at_the_new_end);
    add("nulls/cursors", cursors_of_the_list_by_time_are_forgotten);
    add("nulls/kill", look_at_the_new_end_survives_a_kill);
    add("nulls/start-date", start_date_bounds_a_walk_by_id);
    add("increment/bookmark", increment_begins_at_the_bookmark);
    add("increment/nothing", increment_without_changes_moves_the_bookmark);
    add("increment/start-date", start_date_bounds_increments_only_from_below);
    add("increment/overlap", bookmarks_stay_behind_t0);
    add("increment/never-back", bookmarks_never_go_back);
    add("increment/no-date", without_date_no_bookmark);
    add("resume/watermark", goes_on_from_the_watermark);
    add("resume/ties", ties_go_on_from_the_cursor);
    add("resume/stale-cursor", stale_cursor_is_dropped);
    add("resume/other-refusals", other_refusals_are_none_of_its_business);
    add("include/gated", gated_names_are_dropped);
    add("include/forbidden", forbidden_counts_as_gated);
    add("include/all", every_include_field_is_asked_for);
    add("pages/halved", pages_are_halved);
    add("pages/circle", cursors_in_a_circle_are_noticed);
    add("pages/odd-cursor", odd_cursors_are_refused);
    add("pages/odd-envelope", odd_envelopes_are_the_end);
    add("deals/archived", archived_deals_are_a_list_of_their_own);
    add("deals/again", archived_deals_are_read_again);
    add("stretch/window", stretch_lies_between_the_start_dates);
    add("stretch/no-start", stretch_without_start_date_has_no_beginning);
    add("stretch/products", stretch_of_products_ends_by_itself);
    add("stretch/anew", stretch_begins_anew_for_another_date);
    add("stretch/by-id", stretch_walks_by_id_where_rows_have_no_time);
}

static void add_v1(void)
{
    add("notes/time", notes_advance_by_time);
    add("notes/second", notes_go_on_inside_a_second);
    add("notes/moved", notes_that_moved_up_are_not_left_out);
    add("notes/nulls", notes_without_update_time);
    add("notes/end", notes_end_in_any_envelope);
    add("notes/flat", notes_take_the_flat_envelope);
    add("notes/stretch", stretch_of_notes);
    add("files/overlap", files_overlap_by_one_row);
    add("files/step-back", files_step_back_when_the_anchor_moved);
    add("files/behind-the-end", files_step_back_from_behind_the_end);
    add("files/to-the-beginning", files_step_back_to_the_beginning_at_most);
    add("files/one-by-one", files_one_by_one);
    add("files/start-date", files_take_the_start_date);
    add("newest/bookmark", files_go_down_to_the_bookmark);
    add("newest/kill", files_begin_anew_after_a_kill);
    add("newest/moved-down", files_that_moved_down_are_harmless);
    add("newest/moved-up", files_step_back_when_rows_moved_up);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    add_v2();
    add_v1();
    add("whole/one-answer", whole_table_in_one_answer);
    add("whole/cursor", whole_table_by_cursor);
    add("whole/offset", whole_table_by_offset);
    add("whole/empty", whole_table_that_is_empty);
    add("whole/anew", whole_table_begins_anew);
    return g_test_run();
}
