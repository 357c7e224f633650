/* pipedrive/walk_list.c: lists by offset (notes, files), which shift under change, and whole tables
 */
#include "walks.h"

#include <string.h>

static void set_up(struct walks *w, const void *unused)
{
    (void)unused;
    walks_init(w);
    walks_choose(w, STREAM_NOTES);
    w->date = at(T0);
}

static void tear_down(struct walks *w, const void *unused)
{
    (void)unused;
    walks_done(w);
}

/* --- notes --- */

#define NOTES      "/api/v1/notes"
#define NOTES_PAGE "limit=500 sort=update_time%20ASC"

/* Nothing is older than everything, so pages can be read ahead. */
static void notes_without_a_start_date_go_by_id(struct walks *w, const void *unused)
{
    (void)unused;
    walks_choose(w, STREAM_NOTES);
    walks_begin_head(w);
    walks_assert_request(w, NOTES, "start=0 limit=500 sort=id%20ASC");
    walks_answer(w, V1(ROW(1, "2020-01-01 00:00:00") "," NEW(2, "2020-01-01 00:00:00"), "true"));
    assert_step(w, false, false);
    walks_assert_rows(w, "1 2");
    walks_restart(w);
    walks_assert_request(w, NOTES, "start=1 limit=500 sort=id%20ASC");
    walks_answer(w, V1(NEW(2, "2020-01-01 00:00:00") "," ROW(3, "2020-01-01 00:00:00"), "false"));
    assert_step(w, true, false);
    assert_instant(walks_list(w)->bookmark, OVERLAP);
}

/* A start date: what is older costs nothing. */
static void begin_bounded_notes(struct walks *w)
{
    walks_choose(w, STREAM_NOTES);
    walks_begin(w, 0, LEG_HEAD, at("2019-12-01T00:00:00Z"));
    walks_assert_request(w, NOTES, "start=0 limit=1 sort=update_time%20ASC");
}

static void notes_advance_by_time(struct walks *w, const void *unused)
{
    (void)unused;
    begin_bounded_notes(w);
    walks_answer(w, V1(ROW(1, "2020-01-01 00:00:00"), "true"));
    assert_step(w, false, true);
    walks_assert_request(w, NOTES, "start=0 limit=1 sort=update_time%20DESC");
    walks_answer(w, V1(ROW(9, "2026-01-02 00:00:00"), "true"));
    assert_step(w, false, true);
    walks_assert_request(w, NOTES, NOTES_PAGE " start=0 updated_since=2019-12-01T00:00:00Z");
    walks_answer(w, V1(ROW(1, "2020-01-01 00:00:00") "," ROW(2, "2020-01-02 00:00:00"), "true"));
    assert_step(w, false, false);
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
    walks_pretend_loaded(w, "2026-11-20T08:00:00Z");
    walks_begin_head(w);
    walks_answer(w, V1(ROW(1, "2026-11-20 08:00:00") "," ROW(2, "2026-11-20 08:00:00") "," ROW(
                           3, "2026-11-20 08:00:00"),
                       "true"));
    g_assert_true(walks_asks_for(w, "updated_since=2026-11-20T08:00:00Z"));
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
    g_assert_true(walks_asks_for(w, "updated_since=2026-11-20T08:00:00Z"));
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

/* Number 4 came after number 3, until 3 was edited and a note before them deleted. */
static void a_note_that_was_edited_is_no_anchor(struct walks *w, const void *unused)
{
    (void)unused;
    begin_within_a_second(w);
    walks_answer(w, V1(ROW(3, "2026-11-20 08:00:07"), "false"));
    assert_step(w, false, false);
    walks_assert_request(w, NOTES, NOTES_PAGE " start=0 updated_since=2026-11-20T08:00:00Z");
}

static void notes_without_update_time(struct walks *w, const void *unused)
{
    (void)unused;
    begin_bounded_notes(w);
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
        walks_pretend_loaded(w, "2026-11-20T08:00:00Z");
        walks_begin_head(w);
        walks_answer(w, "%s", ends[i]);
        assert_step(w, true, false);
        assert_instant(walks_list(w)->bookmark, OVERLAP);
    }
}

static void notes_take_the_flat_envelope(struct walks *w, const void *unused)
{
    (void)unused;
    walks_choose(w, STREAM_NOTES);
    walks_pretend_loaded(w, "2026-11-20T08:00:00Z");
    walks_begin_head(w);
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
    walks_begin_stretch(w, "2024-01-01T00:00:00Z", at("2022-01-01T00:00:00Z"));
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
    walks_begin_head(w);
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

static void files_step_back_from_a_page_of_two(struct walks *w, const void *unused)
{
    (void)unused;
    begin_files(w);
    walks_answer(w, V1(ROW(12, "2019-01-01 00:00:00") "," ROW(13, "2020-01-01 00:00:00"), "true"));
    walks_assert_request(w, FILES, "start=3 limit=100 sort=id%20ASC");
    walks_answer(w, V1(ROW(15, "2020-01-01 00:00:00"), "false"));
    assert_step(w, false, false);
    walks_assert_request(w, FILES, "start=0 limit=100 sort=id%20ASC");
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
    walks_begin_head(w);
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
    walks_pretend_loaded(w, "2026-11-20T08:00:00Z");
    walks_begin_head(w);
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
    walks_begin_head(w);
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
    walks_begin_head(w);
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
        walks_begin_head(w);
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
    walks_begin_head(w);
    walks_answer(w, MORE("{'id':1}", "c1"));
    walks_restart(w);
    walks_assert_request(w, "/api/v2/stages", "limit=500");
    walks_answer(w, LAST("{'id':2}"));
    assert_seen(w, "2");
    walks_choose(w, STREAM_DEAL_FIELDS);
    walks_begin_head(w);
    walks_answer(w, V1("{'id':1}", "true"));
    walks_restart(w);
    walks_assert_request(w, "/api/v1/dealFields", "start=0 limit=500");
}

#define add(path, function)                                                                        \
    g_test_add("/walk/" path, struct walks, NULL, set_up, function, tear_down)

static void add_v1(void)
{
    add("notes/by-id", notes_without_a_start_date_go_by_id);
    add("notes/time", notes_advance_by_time);
    add("notes/second", notes_go_on_inside_a_second);
    add("notes/edited-anchor", a_note_that_was_edited_is_no_anchor);
    add("notes/moved", notes_that_moved_up_are_not_left_out);
    add("notes/nulls", notes_without_update_time);
    add("notes/end", notes_end_in_any_envelope);
    add("notes/flat", notes_take_the_flat_envelope);
    add("notes/stretch", stretch_of_notes);
    add("files/overlap", files_overlap_by_one_row);
    add("files/step-back", files_step_back_when_the_anchor_moved);
    add("files/page-of-two", files_step_back_from_a_page_of_two);
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
    add_v1();
    add("whole/one-answer", whole_table_in_one_answer);
    add("whole/cursor", whole_table_by_cursor);
    add("whole/offset", whole_table_by_offset);
    add("whole/empty", whole_table_that_is_empty);
    add("whole/anew", whole_table_begins_anew);
    return g_test_run();
}
