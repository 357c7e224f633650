/* Walks through lists: v2 by cursor, notes, files, and whole tables. */
#include "pipedrive/walk_private.h"

#include <string.h>

/* --- v2 lists, ordered by update_time (or by id, once, where rows have none) --- */

void append_includes(const struct stream *stream, bool gated, char separator, GString *path)
{
    bool first = true;

    for (unsigned i = 0; i < stream->column_count; i++) {
        const struct stream_column *column = &stream->columns[i];

        if (column->source == SOURCE_ALWAYS || (column->source == SOURCE_GATED && gated))
            continue;
        if (first)
            g_string_append_printf(path, "%cinclude_fields=%s", separator, column->name);
        else
            g_string_append_printf(path, ",%s", column->name);
        first = false;
    }
}

/* A first page without a lower bound serves as the probe of the old end; with one, a single row
 * does. */
static bool probes_one_row(const struct walk_state *range)
{
    return range->probe == PROBE_LAST ||
           (range->probe == PROBE_FIRST && range->from != INSTANT_NONE);
}

static void request_by_cursor(const struct walk *walk, GString *path)
{
    const struct stream_list *list = &walk->stream->lists[walk->list];
    const struct walk_state *range = walk_range(walk);

    g_string_append_printf(path, "%s?limit=%u%s", list->path,
                           probes_one_row(range) ? 1 : walk->limit, list->query);
    g_string_append_printf(path, "&sort_by=%s&sort_direction=%s",
                           range->mode == MODE_ID ? "id" : "update_time",
                           range->probe == PROBE_LAST ? "desc" : "asc");
    append_includes(walk->stream, walk->state->gated, '&', path);
    if (range->probe == PROBE_NONE && range->mode == MODE_TIME) {
        append_instant(path, "updated_since", range->since);
        if (walk->stream->has_until)
            append_instant(path, "updated_until", walk->until);
    }
    if (walk->cursor && range->probe == PROBE_NONE) {
        g_string_append(path, "&cursor=");
        g_string_append_uri_escaped(path, walk->cursor, NULL, FALSE);
    }
}

/* Rows without update_time cannot be found by time: the whole list is read once, by id. */
static void turn_to_ids(struct walk *walk)
{
    struct walk_state *range = walk_range(walk);

    range->mode = MODE_ID;
    range->since = INSTANT_NONE;
    range->start = range->anchor = 0;
    range->probe = PROBE_NONE;
    walk->pages = 0;
    walk->marker_due = 1;
    g_clear_pointer(&walk->marker, g_free);
    g_clear_pointer(&walk->cursor, g_free);
    g_clear_pointer(&range->cursor, g_free);
}

/* The probe of a first load. True: the answer was only a probe, the step is complete. */
static bool advance_probe(struct walk *walk, const struct page_facts *facts, bool more,
                          struct walk_step *step)
{
    struct walk_state *range = walk_range(walk);
    bool whole_page = range->probe == PROBE_FIRST && !probes_one_row(range);

    if (range->probe == PROBE_NONE)
        return false;
    if (facts->null_time)
        walk->state->lists[walk->list].has_nulls = true;
    if (whole_page && !more)
        return false; /* one page holds all there is, whatever its times */
    step->discard_rows = !whole_page;
    if (facts->null_time) {
        turn_to_ids(walk);
        return true;
    }
    if (range->probe == PROBE_LAST) {
        range->probe = PROBE_NONE;
        return true;
    }
    range->probe = PROBE_LAST;
    return !whole_page;
}

/* A page that lies within one second must not be asked for again and again: its cursor becomes part
 * of the state. */
static void keep_hint(struct walk *walk, const struct page_facts *facts)
{
    struct walk_state *range = walk_range(walk);
    bool tied = facts->first_time != INSTANT_NONE && facts->first_time == facts->last_time;

    g_clear_pointer(&range->cursor, g_free);
    if (walk->cursor && (range->mode == MODE_ID || tied))
        range->cursor = g_strdup(walk->cursor);
}

static bool is_past_end(const struct walk_state *range, instant_t time)
{
    if (range->mode != MODE_TIME || time == INSTANT_NONE)
        return false;
    if (range->until != INSTANT_NONE)
        return time >= range->until;
    return range->t0 != INSTANT_NONE && time > range->t0;
}

static bool advance_by_cursor(struct walk *walk, const struct json_value *root,
                              const struct page_facts *facts, const struct batch *batch,
                              instant_t date, struct walk_step *step, GError **error)
{
    struct walk_state *range = walk_range(walk);
    bool probing = probes_one_row(range);
    g_autofree char *next = NULL;

    (void)batch, (void)date;
    if (!probing && !walk_next_cursor(walk, root, &next, error))
        return false;
    if (advance_probe(walk, facts, next != NULL, step))
        return true;
    g_free(walk->cursor);
    walk->cursor = g_steal_pointer(&next);
    if (range->mode == MODE_TIME)
        move_watermark(walk, facts->last_time);
    step->done = !walk->cursor || is_past_end(range, facts->last_time);
    if (step->done)
        finish_window(walk);
    else
        keep_hint(walk, facts);
    return true;
}

const struct walk_ops walk_cursor_ops = {.request = request_by_cursor,
                                         .advance = advance_by_cursor};

/* --- v1 lists by offset --- */

#define BY_ID "id%20ASC"

static void append_offset(const struct walk *walk, int64_t start, const char *sort, GString *path)
{
    const struct stream_list *list = &walk->stream->lists[walk->list];

    g_string_append_printf(path, "%s?start=%" G_GINT64_FORMAT "&limit=%u%s&sort=%s", list->path,
                           start, probes_one_row(walk_range(walk)) ? 1 : walk->limit, list->query,
                           sort);
}

static void request_offset(const struct walk *walk, const char *sort, GString *path)
{
    const struct walk_state *range = walk_range(walk);

    append_offset(walk, range->probe == PROBE_LAST ? 0 : range->start, sort, path);
}

void walk_request_ahead(const struct walk *walk, int64_t start, GString *path)
{
    append_offset(walk, start, BY_ID, path);
}

bool advance_by_id(struct walk *walk, const struct json_value *root, const struct page_facts *facts,
                   struct walk_step *step)
{
    struct walk_state *range = walk_range(walk);
    bool gap = range->anchor && range->start > 0 &&
               (facts->records == 0 || facts->first_id > range->anchor);

    if (gap) { /* rows before us were deleted and the list moved up: step back until it joins */
        range->start = MAX(0, range->start - MAX((int64_t)walk->limit - 1, 1));
        return true;
    }
    step->done = facts->records == 0 || !page_has_more(root);
    if (step->done) {
        finish_window(walk);
    } else {
        walk_ahead_note(walk, facts);
        overlap_pages(range, facts);
    }
    return true;
}

/* --- notes --- */

static void request_notes(const struct walk *walk, GString *path)
{
    const struct walk_state *range = walk_range(walk);

    if (range->mode == MODE_ID) {
        request_offset(walk, BY_ID, path);
        return;
    }
    request_offset(walk, range->probe == PROBE_LAST ? "update_time%20DESC" : "update_time%20ASC",
                   path);
    if (range->probe == PROBE_NONE)
        append_instant(path, "updated_since", range->since);
}

/* By time, not by offset: the next page begins at the last row's second. Only inside one second
 * does the offset grow. */
static void move_within_notes(struct walk_state *range, const struct page_facts *facts)
{
    if (facts->last_time == INSTANT_NONE || facts->last_time == range->since) {
        overlap_pages(range, facts);
    } else {
        range->since = facts->last_time;
        range->start = range->anchor = 0;
    }
}

/* Rows of the second were edited or deleted, which moved the others up. An anchor that was edited
 * itself stands elsewhere now. */
static bool lost_the_place(const struct walk_state *range, const struct page_facts *facts)
{
    return range->anchor && range->start > 0 &&
           (facts->first_id != range->anchor ||
            (facts->first_time != INSTANT_NONE && facts->first_time != range->since));
}

static bool advance_notes(struct walk *walk, const struct json_value *root,
                          const struct page_facts *facts, const struct batch *batch, instant_t date,
                          struct walk_step *step, GError **error)
{
    struct walk_state *range = walk_range(walk);
    bool more = page_has_more(root);

    (void)batch, (void)date, (void)error;
    if (range->mode == MODE_ID)
        return advance_by_id(walk, root, facts, step);
    if (advance_probe(walk, facts, more, step))
        return true;
    if (lost_the_place(range, facts)) { /* the second is read anew */
        range->start = range->anchor = 0;
        return true;
    }
    move_watermark(walk, facts->last_time);
    step->done = !more || facts->records == 0 || is_past_end(range, facts->last_time);
    if (step->done)
        finish_window(walk);
    else
        move_within_notes(range, facts);
    return true;
}

const struct walk_ops walk_notes_ops = {.request = request_notes, .advance = advance_notes};

/* --- files --- */

static void request_files(const struct walk *walk, GString *path)
{
    request_offset(walk, walk_range(walk)->mode == MODE_ID ? BY_ID : "update_time%20DESC", path);
}

/* Newest first: edits push rows down (seen twice, harmless), deletions pull them up. Inside one
 * second nobody can tell which it was. */
static bool newest_has_gap(const struct walk *walk, const struct page_facts *facts)
{
    const struct walk_state *range = walk_range(walk);

    if (!range->anchor || range->start == 0 || facts->first_id == range->anchor)
        return false;
    return facts->records == 0 || walk->anchor_time == INSTANT_NONE ||
           facts->first_time == INSTANT_NONE || facts->first_time <= walk->anchor_time;
}

/* Down to the bookmark, which moves once, at the end, since nothing is complete before. */
static bool advance_newest(struct walk *walk, const struct json_value *root,
                           const struct page_facts *facts, struct walk_step *step)
{
    struct walk_state *range = walk_range(walk);

    if (newest_has_gap(walk, facts)) {
        range->start = MAX(0, range->start - MAX((int64_t)walk->limit - 1, 1));
        return true;
    }
    step->done = facts->records == 0 || !page_has_more(root) ||
                 (facts->last_time != INSTANT_NONE && range->from != INSTANT_NONE &&
                  facts->last_time < range->from);
    if (step->done) {
        finish_window(walk);
        return true;
    }
    walk->anchor_time = facts->last_time;
    overlap_pages(range, facts);
    return true;
}

static bool advance_files(struct walk *walk, const struct json_value *root,
                          const struct page_facts *facts, const struct batch *batch, instant_t date,
                          struct walk_step *step, GError **error)
{
    (void)batch, (void)date, (void)error;
    if (walk_range(walk)->mode == MODE_ID)
        return advance_by_id(walk, root, facts, step);
    return advance_newest(walk, root, facts, step);
}

const struct walk_ops walk_files_ops = {.request = request_files, .advance = advance_files};

/* --- whole tables --- */

static void request_whole(const struct walk *walk, GString *path)
{
    const struct stream_list *list = &walk->stream->lists[walk->list];

    g_string_append(path, list->path);
    if (walk->stream->paging == PAGING_NONE)
        return;
    g_string_append_printf(path, "?limit=%u", walk->limit);
    if (walk->stream->paging == PAGING_OFFSET)
        g_string_append_printf(path, "&start=%" G_GINT64_FORMAT, walk_range(walk)->start);
    if (walk->cursor) {
        g_string_append(path, "&cursor=");
        g_string_append_uri_escaped(path, walk->cursor, NULL, FALSE);
    }
}

static void note_seen(struct walk *walk, const struct batch *batch)
{
    for (unsigned i = 0; i < batch->row_count; i++) {
        int64_t id;

        if (cell_int64(&batch->rows[i].cells[batch->table->keys[0]], &id))
            g_array_append_val(walk->seen, id);
    }
}

static bool advance_whole(struct walk *walk, const struct json_value *root,
                          const struct page_facts *facts, const struct batch *batch, instant_t date,
                          struct walk_step *step, GError **error)
{
    struct walk_state *range = walk_range(walk);
    g_autofree char *next = NULL;
    bool more = false;

    (void)date;
    note_seen(walk, batch);
    switch (walk->stream->paging) {
    case PAGING_NONE:
        break;
    case PAGING_CURSOR:
        if (!walk_next_cursor(walk, root, &next, error))
            return false;
        more = next != NULL;
        break;
    case PAGING_OFFSET:
        more = page_has_more(root) && facts->records > 0;
        range->start += facts->records;
        break;
    }
    g_free(walk->cursor);
    walk->cursor = g_steal_pointer(&next);
    if (!more) {
        step->done = step->sweep = true;
        finish_window(walk);
    }
    return true;
}

const struct walk_ops walk_whole_ops = {.request = request_whole, .advance = advance_whole};
