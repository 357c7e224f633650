#include "walks.h"

#include <string.h>

void walks_init(struct walks *w)
{
    *w = (struct walks){.pages = pages_new(), .date = INSTANT_NONE, .from = INSTANT_NONE};
    stream_state_init(&w->state);
}

static void forget_walk(struct walks *w)
{
    walk_step_done(&w->step);
    w->step = (struct walk_step){0};
    walk_free(g_steal_pointer(&w->walk));
    batch_release(g_steal_pointer(&w->batch));
    g_clear_error(&w->error);
}

void walks_done(struct walks *w)
{
    forget_walk(w);
    decoder_free(w->decoder);
    table_free(w->table);
    stream_state_done(&w->state);
    pages_free(w->pages);
}

void walks_build_decoder(struct walks *w)
{
    batch_release(g_steal_pointer(&w->batch));
    decoder_free(w->decoder);
    table_free(w->table);
    w->table = fields_build_table(w->stream, NULL, METADATA_NATIVE);
    w->decoder = decoder_new(w->stream, NULL, w->table, w->state.gated);
}

void walks_choose(struct walks *w, enum stream_id id)
{
    forget_walk(w);
    w->stream = &catalog[id];
    stream_state_done(&w->state);
    stream_state_init(&w->state);
    walks_build_decoder(w);
}

void walks_begin(struct walks *w, unsigned list, enum leg leg, instant_t from)
{
    forget_walk(w);
    w->list = list;
    w->leg = leg;
    w->from = from;
    walk_begin_leg(w->stream, list, leg, &w->state, from);
    w->walk = walk_new_list(w->stream, list, leg, &w->state);
}

void walks_restart(struct walks *w)
{
    g_autoptr(GString) text = g_string_new(NULL);
    g_autoptr(GError) error = NULL;

    stream_state_write(&w->state, w->stream, text);
    forget_walk(w);
    stream_state_done(&w->state);
    stream_state_init(&w->state);
    g_assert_true(
        stream_state_read(&w->state, w->stream, pages_parse_raw(w->pages, text->str), &error));
    g_assert_no_error(error);
    walks_begin(w, w->list, w->leg, w->from);
}

void walks_pretend_loaded(struct walks *w, const char *bookmark)
{
    for (unsigned i = 0; i < w->stream->list_count; i++) {
        w->state.lists[i].loaded = true;
        w->state.lists[i].bookmark = w->state.lists[i].done_at = at(bookmark);
    }
    w->state.again_done = true;
}

void walks_begin_head(struct walks *w)
{
    walks_begin(w, 0, LEG_HEAD, INSTANT_NONE);
}

void walks_begin_stretch(struct walks *w, const char *floor, instant_t from)
{
    walks_pretend_loaded(w, "2026-11-20T08:00:00Z");
    walks_list(w)->floor = at(floor);
    walks_begin(w, 0, LEG_STRETCH, from);
}

/* --- requests --- */

char *walks_request(const struct walks *w)
{
    GString *path = g_string_new(NULL);

    walk_request(w->walk, path);
    return g_string_free(path, FALSE);
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static char *sorted(const char *words, const char *separator)
{
    g_auto(GStrv) list = g_strsplit(words, separator, -1);

    qsort(list, g_strv_length(list), sizeof *list, by_text);
    return g_strjoinv(" ", list);
}

void walks_assert_request(const struct walks *w, const char *path, const char *parameters)
{
    g_autofree char *request = walks_request(w);
    char *query = strchr(request, '?');
    g_autofree char *found = NULL, *expected = sorted(parameters, " ");

    if (query)
        *query++ = '\0';
    found = sorted(query ? query : "", "&");
    g_assert_cmpstr(request, ==, path);
    g_assert_cmpstr(found, ==, expected);
}

bool walks_asks_for(const struct walks *w, const char *text)
{
    g_autofree char *request = walks_request(w);

    return strstr(request, text) != NULL;
}

/* --- answers --- */

static bool take(struct walks *w, const struct json_value *root)
{
    struct page_facts facts;

    walk_step_done(&w->step);
    w->step = (struct walk_step){0};
    batch_release(w->batch);
    g_clear_error(&w->error);
    w->batch = batch_new();
    return walk_decode(w->walk, w->decoder, root, w->batch, &facts, &w->error) &&
           walk_advance(w->walk, root, &facts, w->batch, w->date, &w->step, &w->error);
}

bool walks_try(struct walks *w, const char *document)
{
    return take(w, pages_parse(w->pages, "%s", document));
}

void walks_answer(struct walks *w, const char *format, ...)
{
    g_autofree char *text = NULL;
    va_list list;

    va_start(list, format);
    text = g_strdup_vprintf(format, list);
    va_end(list);
    if (!walks_try(w, text))
        g_error("%s: %s", text, w->error->message);
    g_assert_no_error(w->error);
}

bool walks_refused(struct walks *w, enum penstock_error code, int status)
{
    struct error_detail detail = {.origin_code = status};
    g_autoptr(GError) error = g_error_new(PENSTOCK_ERROR, (int)code, "refused");

    error_set_detail(error, &detail);
    return walk_refused(w->walk, error);
}

/* --- what came of it --- */

struct list_state *walks_list(struct walks *w)
{
    return &w->state.lists[w->list];
}

struct walk_state *walks_range(struct walks *w)
{
    if (w->leg == LEG_PASS)
        return &w->state.pass.walk;
    return w->leg == LEG_STRETCH ? &walks_list(w)->stretch : &walks_list(w)->walk;
}

void walks_assert_rows(const struct walks *w, const char *ids)
{
    g_autoptr(GString) found = g_string_new(NULL);

    for (unsigned i = 0; i < w->batch->row_count; i++) {
        g_autofree char *id = cell_text(&w->batch->rows[i].cells[w->table->keys[0]]);

        g_string_append_printf(found, "%s%s", i ? " " : "", id);
    }
    g_assert_cmpstr(found->str, ==, ids);
}
