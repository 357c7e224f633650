/* A million rows in one second, as a bulk import leaves them: no watermark leads into it. Read to
 * its end by runs that are killed every hundred pages, by cursor and by offset: no row is left out,
 * and no page is read for nothing. */
#include "walks.h"

#include <stdlib.h>
#include <string.h>

#define MILLION    1000000
#define PAGE       500
#define THE_SECOND "2026-11-21T08:00:00Z"
#define BEFORE     "2026-11-20T08:00:00Z"
#define KILL_EVERY 100

static int64_t number_after(const char *request, const char *name)
{
    const char *found = strstr(request, name);

    return found ? g_ascii_strtoll(found + strlen(name), NULL, 10) : 0;
}

/* Rows that come after so many others, and what says where the next page begins. */
static char *page_text(bool by_cursor, int64_t start)
{
    GString *text = g_string_new("{'success':true,'data':[");
    int64_t end = MIN(start + PAGE, MILLION);

    for (int64_t id = start + 1; id <= end; id++)
        g_string_append_printf(text, "%s{'id':%" G_GINT64_FORMAT ",'update_time':'" THE_SECOND "'}",
                               id > start + 1 ? "," : "", id);
    if (!by_cursor)
        g_string_append_printf(
            text, "],'additional_data':{'pagination':{'more_items_in_collection':%s}}}",
            end < MILLION ? "true" : "false");
    else if (end < MILLION)
        g_string_append_printf(text, "],'additional_data':{'next_cursor':'%" G_GINT64_FORMAT "'}}",
                               end);
    else
        g_string_append(text, "],'additional_data':{'next_cursor':null}}");
    return g_string_free(text, FALSE);
}

/* Nothing of a page is needed when the next one comes. */
static void forget_pages(struct walks *w)
{
    batch_release(g_steal_pointer(&w->batch));
    pages_free(w->pages);
    w->pages = pages_new();
}

/* Returns the number of requests. */
static unsigned read_all(struct walks *w, bool by_cursor)
{
    unsigned requests = 0;
    int64_t seen = 0;

    do {
        g_autofree char *request = walks_request(w);
        int64_t start = number_after(request, by_cursor ? "cursor=" : "start=");
        g_autofree char *text = page_text(by_cursor, start);

        forget_pages(w);
        g_assert_true(start <= seen); /* no row is left out */
        walks_answer(w, "%s", text);
        seen = MAX(seen, start + w->batch->row_count);
        requests++;
        if (requests % KILL_EVERY == 0 && !w->step.done)
            walks_restart(w);
    } while (!w->step.done);
    g_assert_cmpint(seen, ==, MILLION);
    return requests;
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

static void by_cursor(struct walks *w, const void *unused)
{
    (void)unused;
    walks_choose(w, STREAM_PRODUCTS);
    walks_pretend_loaded(w, BEFORE);
    walks_begin_head(w);
    g_assert_cmpuint(read_all(w, true), ==, MILLION / PAGE);
    assert_instant(walks_list(w)->bookmark, OVERLAP);
}

/* Pages share a row, whose place proves that nothing moved; the first one is read once from the
 * bookmark and once from the second. */
static void by_offset(struct walks *w, const void *unused)
{
    (void)unused;
    walks_choose(w, STREAM_NOTES);
    walks_pretend_loaded(w, BEFORE);
    walks_begin_head(w);
    g_assert_cmpuint(read_all(w, false), ==, 2 + (MILLION - 2) / (PAGE - 1));
    assert_instant(walks_list(w)->bookmark, OVERLAP);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
#define ADD(name) g_test_add("/million/" #name, struct walks, NULL, set_up, name, tear_down)
    ADD(by_cursor);
    ADD(by_offset);
    return g_test_run();
}
