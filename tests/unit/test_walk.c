/* pipedrive/walk_list.c: how the lists of v2 are walked. Whatever happens
 * between two answers, no row may be left out and no bookmark may say more than was read. */
#include "walks.h"

#include <string.h>

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

/* --- v2: a first load --- */

#define PRODUCTS "/api/v2/products"
#define BY_TIME  "limit=500 sort_by=update_time sort_direction=asc"
#define BY_ID    "limit=500 sort_by=id sort_direction=asc"
#define OLD_END  "limit=1 sort_by=update_time sort_direction=asc"
#define NEW_END  "limit=1 sort_by=update_time sort_direction=desc"

static void first_load_in_one_page(struct walks *w, const void *unused)
{
    (void)unused;
    walks_begin_head(w);
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
    walks_begin_head(w);
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
    walks_begin_head(w);
    walks_answer(w, MORE(NEW(1, "2019-01-01T00:00:00Z") "," ROW(5, "2020-01-01T00:00:00Z"), "x"));
    assert_step(w, false, false);
    walks_assert_rows(w, "1 5");
    walk_by_id_to_the_end(w);
}

static void nulls_at_the_new_end(struct walks *w, const void *unused)
{
    (void)unused;
    walks_begin_head(w);
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
    walks_begin_head(w);
    walks_answer(w, MORE(NEW(1, "2019-01-01T00:00:00Z") "," ROW(5, "2020-01-01T00:00:00Z"), "x"));
    walks_assert_request(w, PRODUCTS, BY_ID);
    walks_answer(w, MORE(NEW(1, "2019-01-01T00:00:00Z"), "x"));
    walks_assert_request(w, PRODUCTS, BY_ID " cursor=x");
}

/* A kill between the first page and the look at the new end must not make it forget to look. */
static void look_at_the_new_end_survives_a_kill(struct walks *w, const void *unused)
{
    (void)unused;
    walks_begin_head(w);
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
    walks_pretend_loaded(w, "2026-11-20T08:00:00Z");
    walks_begin_head(w);
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
    walks_pretend_loaded(w, "2026-11-20T08:00:00Z");
    walks_begin_head(w);
    walks_answer(w, LAST(""));
    assert_step(w, true, false);
    assert_instant(walks_list(w)->bookmark, OVERLAP);
}

static void start_date_bounds_increments_only_from_below(struct walks *w, const void *unused)
{
    (void)unused;
    walks_pretend_loaded(w, "2026-11-20T08:00:00Z");
    walks_list(w)->floor = at("2026-11-22T00:00:00Z"); /* it lies ahead of the first load's end */
    walks_begin(w, 0, LEG_HEAD, at("2026-11-22T00:00:00Z"));
    walks_assert_request(w, PRODUCTS, BY_TIME " updated_since=2026-11-22T00:00:00Z");
}

static void bookmarks_stay_behind_t0(struct walks *w, const void *unused)
{
    (void)unused;
    walks_pretend_loaded(w, "2026-11-20T08:00:00Z");
    walks_begin_head(w);
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
    walks_pretend_loaded(w, "2026-11-20T08:00:00Z");
    walks_begin_head(w);
    walks_answer(w, MORE(ROW(1, "2026-11-22T00:00:00Z"), "c1"));
    walks_answer(w, MORE(ROW(2, "2026-11-21T00:00:00Z"), "c2"));
    assert_instant(walks_list(w)->bookmark, "2026-11-22T00:00:00Z");
    w->date = at("2026-11-20T08:00:30Z"); /* the server's clock was set back */
    walks_pretend_loaded(w, "2026-11-20T08:00:00Z");
    walk_state_clear(walks_range(w));
    walks_begin_head(w);
    walks_answer(w, LAST(""));
    assert_step(w, true, false);
    assert_instant(walks_list(w)->bookmark, "2026-11-20T08:00:00Z");
}

/* No Date in the answer: then nothing is known to be complete, and nothing ends early. */
static void without_date_no_bookmark(struct walks *w, const void *unused)
{
    (void)unused;
    w->date = INSTANT_NONE;
    walks_begin_head(w);
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
    walks_pretend_loaded(w, "2026-11-20T08:00:00Z");
    walks_begin_head(w);
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
    walks_pretend_loaded(w, "2026-11-20T08:00:00Z");
    walks_begin_head(w);
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
    walks_pretend_loaded(w, "2026-11-20T08:00:00Z");
    walks_begin_head(w);
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
    walks_pretend_loaded(w, "2026-11-20T08:00:00Z");
    walks_begin_head(w);
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

static void gated_names_are_dropped(struct walks *w, const void *unused)
{
    (void)unused;
    walks_choose(w, STREAM_PERSONS);
    walks_pretend_loaded(w, "2026-11-20T08:00:00Z");
    walks_begin_head(w);
    g_assert_true(walks_asks_for(w, "," GATED ","));
    g_assert_true(walks_refused(w, PENSTOCK_ERROR_REFUSED, 400));
    g_assert_true(w->state.gated);
    g_assert_false(walks_asks_for(w, "marketing_status"));
    g_assert_false(walks_asks_for(w, "doi_status"));
    g_assert_true(walks_asks_for(w, "smart_bcc_email"));
    walks_build_decoder(w);
    walks_answer(w, LAST(ROW(1, "2026-11-21T00:00:00Z")));
    assert_cell(w->batch, 0, "marketing_status", IS_ABSENT);
    g_assert_true(w->state.gated); /* remembered */
    walks_restart(w);
    g_assert_false(walks_asks_for(w, "marketing_status"));
    g_assert_false(walks_refused(w, PENSTOCK_ERROR_REFUSED, 400));
}

static void forbidden_counts_as_gated(struct walks *w, const void *unused)
{
    (void)unused;
    walks_choose(w, STREAM_PERSONS);
    walks_begin_head(w);
    g_assert_false(walks_refused(w, PENSTOCK_ERROR_PARKED, 403));
    g_assert_true(walks_asks_for(w, GATED));
    g_assert_true(walks_refused(w, PENSTOCK_ERROR_AUTH, 403));
    g_assert_false(walks_asks_for(w, "doi_status"));
}

/* Refused without them too: it was not they. */
static void gated_names_are_acquitted(struct walks *w, const void *unused)
{
    (void)unused;
    walks_choose(w, STREAM_PERSONS);
    walks_pretend_loaded(w, "2026-11-20T08:00:00Z");
    walks_begin_head(w);
    g_assert_true(walks_refused(w, PENSTOCK_ERROR_REFUSED, 400));
    g_assert_false(walks_refused(w, PENSTOCK_ERROR_REFUSED, 400));
    g_assert_false(w->state.gated);
    g_assert_true(walks_asks_for(w, GATED));
}

/* A cursor that the server forgot looks the same at first. */
static void gated_names_are_not_blamed_for_a_stale_cursor(struct walks *w, const void *unused)
{
    (void)unused;
    walks_choose(w, STREAM_PERSONS);
    walks_pretend_loaded(w, "2026-11-20T08:00:00Z");
    walks_begin_head(w);
    walks_answer(w, MORE(ROW(1, "2026-11-21T00:00:00Z") "," ROW(2, "2026-11-21T00:00:00Z"), "c1"));
    walks_restart(w);
    for (int i = 0; i < 3 && walks_asks_for(w, "cursor="); i++)
        g_assert_true(walks_refused(w, PENSTOCK_ERROR_REFUSED, 400));
    g_assert_false(walks_asks_for(w, "cursor="));
    walks_answer(w, LAST(ROW(1, "2026-11-21T00:00:00Z")));
    g_assert_false(w->state.gated);
}

static void every_include_field_is_asked_for(struct walks *w, const void *unused)
{
    (void)unused;
    walks_choose(w, STREAM_ACTIVITIES);
    walks_pretend_loaded(w, "2026-11-20T08:00:00Z");
    walks_begin_head(w);
    walks_assert_request(w, "/api/v2/activities",
                         BY_TIME " include_fields=attendees updated_since=2026-11-20T08:00:00Z");
    walks_choose(w, STREAM_DEALS);
    walks_pretend_loaded(w, "2026-11-20T08:00:00Z");
    walks_begin_head(w);
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
    walks_begin_head(w);
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
        walks_pretend_loaded(w, "2026-11-20T08:00:00Z");
        walks_begin_head(w);
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
    walks_pretend_loaded(w, "2026-11-20T08:00:00Z");
    for (size_t i = 0; i < G_N_ELEMENTS(pages); i++) {
        walks_begin_head(w);
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
        walks_pretend_loaded(w, "2026-11-20T08:00:00Z");
        walks_begin_head(w);
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
    g_assert_true(walks_asks_for(w, "/api/v2/deals/archived?"));
    g_assert_true(walks_asks_for(w, "status=open,won,lost,deleted"));
    g_assert_cmpint(walk_cost(w->walk), ==, 20);
    walks_answer(w, LAST(ROW(1, "2020-01-01T00:00:00Z")));
    g_assert_true(w->state.lists[1].loaded);
    g_assert_false(w->state.lists[0].loaded);
    assert_instant(w->state.lists[0].bookmark, "none");
    walks_begin(w, 0, LEG_HEAD, INSTANT_NONE);
    g_assert_true(walks_asks_for(w, "/api/v2/deals?"));
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
    g_assert_true(walks_asks_for(w, "/api/v2/deals/archived?"));
    g_assert_true(
        walks_asks_for(w, "updated_since=2024-01-01T00:00:00Z")); /* from where it began */
    walks_answer(w, MORE(ROW(1, "2024-01-01T00:00:00Z") "," ROW(2, "2025-01-01T00:00:00Z"), "c1"));
    g_assert_false(w->state.again_done);
    walks_restart(w);
    g_assert_true(walks_asks_for(w, "updated_since=2025-01-01T00:00:00Z"));
    walks_answer(w, LAST(ROW(2, "2025-01-01T00:00:00Z") "," ROW(3, "2025-06-01T00:00:00Z")));
    walks_assert_rows(w, "2 3");
    assert_step(w, true, false);
    g_assert_true(w->state.again_done);
    assert_instant(w->state.lists[1].bookmark, "2026-11-24T13:59:00Z");
}

/* --- a lowered start date --- */

static void stretch_lies_between_the_start_dates(struct walks *w, const void *unused)
{
    (void)unused;
    walks_choose(w, STREAM_ACTIVITIES);
    walks_begin_stretch(w, "2024-01-01T00:00:00Z", at("2022-01-01T00:00:00Z"));
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
    walks_begin_stretch(w, "2024-01-01T00:00:00Z", INSTANT_NONE);
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
    walks_begin_stretch(w, "2024-01-01T00:00:00Z", at("2022-01-01T00:00:00Z"));
    walks_assert_request(w, PRODUCTS, BY_TIME " updated_since=2022-01-01T00:00:00Z");
    walks_answer(w, MORE(ROW(1, "2023-12-31T23:59:59Z") "," ROW(2, "2024-01-01T00:00:00Z"), "c1"));
    walks_assert_rows(w, "1");
    assert_step(w, true, false);
    assert_instant(walks_list(w)->floor, "2022-01-01T00:00:00Z");
}

static void stretch_begins_anew_for_another_date(struct walks *w, const void *unused)
{
    (void)unused;
    walks_begin_stretch(w, "2024-01-01T00:00:00Z", at("2022-01-01T00:00:00Z"));
    walks_answer(w, MORE(ROW(1, "2022-06-01T00:00:00Z") "," ROW(2, "2022-07-01T00:00:00Z"), "c1"));
    w->from = at("2020-01-01T00:00:00Z");
    walks_restart(w);
    walks_assert_request(w, PRODUCTS, BY_TIME " updated_since=2020-01-01T00:00:00Z");
    assert_instant(walks_range(w)->at, "none"); /* what was read belongs to the other stretch */
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

#define add(path, function)                                                                        \
    g_test_add("/walk/" path, struct walks, NULL, set_up, function, tear_down)

static void add_loads(void)
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
    add("include/gated", gated_names_are_dropped);
    add("include/forbidden", forbidden_counts_as_gated);
    add("include/acquitted", gated_names_are_acquitted);
    add("include/stale-cursor", gated_names_are_not_blamed_for_a_stale_cursor);
    add("include/all", every_include_field_is_asked_for);
    add("pages/halved", pages_are_halved);
    add("pages/circle", cursors_in_a_circle_are_noticed);
    add("pages/odd-cursor", odd_cursors_are_refused);
    add("pages/odd-envelope", odd_envelopes_are_the_end);
}

static void add_changes(void)
{
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
    add("deals/archived", archived_deals_are_a_list_of_their_own);
    add("deals/again", archived_deals_are_read_again);
    add("stretch/window", stretch_lies_between_the_start_dates);
    add("stretch/no-start", stretch_without_start_date_has_no_beginning);
    add("stretch/products", stretch_of_products_ends_by_itself);
    add("stretch/anew", stretch_begins_anew_for_another_date);
    add("stretch/by-id", stretch_walks_by_id_where_rows_have_no_time);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    add_loads();
    add_changes();
    return g_test_run();
}
