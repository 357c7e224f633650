#include "pipedrive/walk_private.h"

#include <string.h>

void walk_step_done(struct walk_step *step)
{
    for (unsigned i = 0; step->groups && i < step->groups->len; i++)
        g_array_unref(g_array_index(step->groups, struct walk_group, i).seen);
    g_clear_pointer(&step->groups, g_array_unref);
    g_clear_pointer(&step->ask_alone, g_array_unref);
}

struct walk *walk_alloc(const struct walk_ops *ops, const struct stream *stream)
{
    struct walk *walk = g_new0(struct walk, 1);

    walk->ops = ops;
    walk->stream = stream;
    walk->limit = stream->page_rows;
    walk->marker_due = 1;
    walk->anchor_time = walk->newest_time = INSTANT_NONE;
    return walk;
}

static struct walk_state *leg_head(unsigned index, enum leg leg, struct stream_state *state)
{
    struct list_state *list = &state->lists[index];

    if (leg == LEG_PASS)
        return &state->pass.walk;
    return leg == LEG_STRETCH ? &list->stretch : &list->walk;
}

const struct walk_state *walk_leg_state(unsigned list, enum leg leg,
                                        const struct stream_state *state)
{
    return leg_head(list, leg, (struct stream_state *)state);
}

instant_t walk_leg_t0(unsigned list, enum leg leg, const struct stream_state *state)
{
    return walk_state_last(leg_head(list, leg, (struct stream_state *)state))->t0;
}

struct walk *walk_new_window(const struct stream *stream, unsigned list, enum leg leg,
                             struct stream_state *state, struct walk_state *range)
{
    static const struct walk_ops *const kinds[] = {
        [WALK_CURSOR_TIME] = &walk_cursor_ops,
        [WALK_NOTES] = &walk_notes_ops,
        [WALK_FILES] = &walk_files_ops,
        [WALK_WHOLE] = &walk_whole_ops,
    };
    struct walk *walk = walk_alloc(kinds[stream->walk], stream);

    walk->list = list;
    walk->leg = leg;
    walk->state = state;
    walk->head = leg_head(list, leg, state);
    walk->range = range;
    walk->until = range->until;
    walk->knows_gated = state->gated;
    walk->seen = g_array_new(FALSE, FALSE, sizeof(int64_t));
    walk->cursor = g_strdup(range->cursor);
    return walk;
}

static struct walk_state *first_to_read(struct walk_state *range)
{
    while (range && range->done)
        range = range->next;
    return range;
}

struct walk *walk_new_list(const struct stream *stream, unsigned list, enum leg leg,
                           struct stream_state *state)
{
    return walk_new_window(stream, list, leg, state, first_to_read(leg_head(list, leg, state)));
}

struct walk *walk_new_next(const struct walk *walk)
{
    struct walk_state *range = first_to_read(walk->range->next);

    return range ? walk_new_window(walk->stream, walk->list, walk->leg, walk->state, range) : NULL;
}

void walk_free(struct walk *walk)
{
    if (!walk)
        return;
    g_free(walk->cursor);
    g_free(walk->marker);
    g_clear_pointer(&walk->seen, g_array_unref);
    g_clear_pointer(&walk->parents, g_array_unref);
    g_clear_pointer(&walk->group, g_array_unref);
    g_clear_pointer(&walk->ahead.asked, g_array_unref);
    g_clear_pointer(&walk->finished, g_hash_table_unref);
    g_free(walk);
}

struct walk_state *walk_range(const struct walk *walk)
{
    return walk->range;
}

static bool any_list_has_nulls(const struct stream *stream, const struct stream_state *state)
{
    for (unsigned i = 0; i < stream->list_count; i++)
        if (state->lists[i].has_nulls)
            return true;
    return false;
}

/* Without a place inside a second a walk by time goes on from its watermark, and the last one as if
 * it began now. */
static void resume_window(struct walk_state *window)
{
    if (window->done || window->mode != MODE_TIME || window->cursor || window->start > 0)
        return;
    window->since = window->at != INSTANT_NONE ? window->at : window->from;
    if (!window->next)
        window->t0 = INSTANT_NONE;
}

/* Between its newest row and the bookmark a list has none, unless a clock that was ahead set the
 * bookmark: then it has those that changed since. */
static instant_t read_up_to(const struct list_state *list)
{
    if (list->newest == INSTANT_NONE)
        return list->bookmark;
    return MIN(list->bookmark, list->newest / INSTANT_SECOND * INSTANT_SECOND + INSTANT_SECOND);
}

void walk_begin_leg(const struct stream *stream, unsigned index, enum leg leg,
                    struct stream_state *state, instant_t from)
{
    struct list_state *list = &state->lists[index];
    struct walk_state *walk = leg_head(index, leg, state);

    state->pass.open |= leg == LEG_PASS;
    /* An unbroken pass begins anew, and so does a descending walk, which has nothing to show before
     * its end. */
    if (stream->walk == WALK_WHOLE || walk->mode == MODE_NEWEST)
        walk_state_clear(walk);
    if (walk->active && (leg != LEG_STRETCH || walk->from == from)) {
        for (struct walk_state *window = walk; window; window = window->next)
            resume_window(window);
        return;
    }
    walk_state_clear(walk);
    walk->active = true;
    walk->mode = MODE_TIME;
    switch (leg) {
    case LEG_HEAD:
        walk->from = list->loaded ? read_up_to(list) : from;
        if (list->loaded && list->floor != INSTANT_NONE && walk->from < list->floor)
            walk->from = list->floor;
        if (!list->loaded)
            list->floor = from;
        if (stream->walk == WALK_FILES)
            walk->mode = list->loaded ? MODE_NEWEST : MODE_ID;
        else if (stream->walk == WALK_NOTES && !list->loaded && from == INSTANT_NONE)
            walk->mode = MODE_ID; /* pages that can be read ahead, and no look for nulls */
        else if (stream->walk != WALK_WHOLE && !list->loaded)
            walk->probe = PROBE_FIRST;
        break;
    case LEG_AGAIN:
        walk->from = list->floor;
        if (any_list_has_nulls(stream, state))
            walk->mode = MODE_ID;
        break;
    case LEG_STRETCH:
        walk->from = from;
        walk->until = list->floor;
        if (stream->walk == WALK_FILES || any_list_has_nulls(stream, state))
            walk->mode = MODE_ID;
        break;
    case LEG_PASS:
        /* Every id, so that rows without update_time are seen too; with a start date, by time, so
         * that what is older than it costs nothing. */
        walk->from = list->floor;
        if (stream->walk == WALK_FILES || list->floor == INSTANT_NONE ||
            any_list_has_nulls(stream, state))
            walk->mode = MODE_ID;
        break;
    case LEG_CONFIRM:
        g_assert_not_reached(); /* it has no walk of a list */
    }
    walk->since = walk->from;
}

void walk_request(const struct walk *walk, GString *path)
{
    walk->ops->request(walk, path);
}

bool walk_decode(const struct walk *walk, struct decoder *decoder, const struct json_value *root,
                 struct batch *batch, struct page_facts *ret, GError **error)
{
    struct page_bounds bounds = {INSTANT_NONE, INSTANT_NONE};

    if (walk->ops->decode)
        return walk->ops->decode(walk, decoder, root, batch, ret, error);
    if (walk->state && walk->stream->walk != WALK_WHOLE) {
        const struct walk_state *range = walk_range(walk);

        /* Incremental walks take what they are given; first loads and stretches stay inside their
         * range. */
        if (walk->leg != LEG_HEAD || !walk->state->lists[walk->list].loaded)
            bounds = (struct page_bounds){range->from, range->until};
        else if (range->next) /* windows share no row */
            bounds.until = range->until;
    }
    return page_decode(decoder, root, &bounds, batch, ret, error);
}

static void note_pass(struct pass_state *pass, const struct walk_state *range,
                      const struct batch *batch)
{
    if (pass->t0 == INSTANT_NONE)
        pass->t0 = range->t0;
    pass->rows += batch->row_count;
}

bool walk_advance(struct walk *walk, const struct json_value *root, const struct page_facts *facts,
                  const struct batch *batch, instant_t date, struct walk_step *ret, GError **error)
{
    *ret = (struct walk_step){.facts = *facts, .found_gated = walk->suspects_gated};
    walk->suspects_gated = false;
    walk->newest_time = MAX(walk->newest_time, facts->newest_time);
    if (walk->state && !walk->record) {
        struct walk_state *range = walk_range(walk);

        if (range->t0 == INSTANT_NONE)
            range->t0 = date;
        if (walk->leg == LEG_PASS)
            note_pass(&walk->state->pass, range, batch);
    }
    if (walk->head && !window_look(walk, facts, ret, error))
        return false;
    if (!ret->done && !walk->ops->advance(walk, root, facts, batch, date, ret, error)) {
        walk_step_done(ret);
        return false;
    }
    ret->ends_leg = ret->done && (!walk->head || !walk->head->active);
    return true;
}

static bool has_gated(const struct stream *stream)
{
    for (unsigned i = 0; i < stream->column_count; i++)
        if (stream->columns[i].source == SOURCE_GATED)
            return true;
    return false;
}

bool walk_refused(struct walk *walk, const GError *error)
{
    int status = error_detail(error)->origin_code;
    struct walk_state *range;

    if ((status != 400 && status != 403) || !walk->state || walk->record)
        return false;
    if (error_is(error, PENSTOCK_ERROR_PARKED)) /* the firewall's 403 is about all requests */
        return false;
    range = walk_range(walk);
    if (walk->suspects_gated) { /* refused without them too: it was not they */
        walk->suspects_gated = walk->state->gated = walk->knows_gated = false;
    } else if (has_gated(walk->stream) && (!walk->knows_gated || !walk->state->gated)) {
        walk->suspects_gated = !walk->state->gated; /* else another window found out */
        walk->knows_gated = walk->state->gated = true;
        return true;
    }
    if (range->cursor &&
        walk->pages == 0) { /* a hint of an earlier run that the server no longer knows */
        g_clear_pointer(&range->cursor, g_free);
        g_clear_pointer(&walk->cursor, g_free);
        range->since = range->at != INSTANT_NONE ? range->at : range->from;
        range->t0 = INSTANT_NONE;
        return true;
    }
    return false;
}

bool walk_ask_less(struct walk *walk)
{
    if (walk->limit <= 1)
        return false;
    walk->limit /= 2;
    return true;
}

unsigned walk_list(const struct walk *walk)
{
    return walk->list;
}

int walk_cost(const struct walk *walk)
{
    return walk->record ? walk->stream->get_tokens : walk->stream->lists[walk->list].cost_tokens;
}

int64_t walk_record(const struct walk *walk)
{
    return walk->record;
}

const GArray *walk_seen(const struct walk *walk)
{
    return walk->seen;
}

const struct parent *walk_parents(const struct walk *walk, unsigned *ret_count)
{
    *ret_count = walk->parents ? walk->parents->len : 0;
    return walk->parents ? (const struct parent *)(void *)walk->parents->data : NULL;
}

void append_instant(GString *path, const char *parameter, instant_t instant)
{
    char text[INSTANT_TEXT_BYTES];

    if (instant == INSTANT_NONE)
        return;
    instant_format_rfc3339(instant, text);
    g_string_append_printf(path, "&%s=%s", parameter, text);
}

bool walk_next_cursor(struct walk *walk, const struct json_value *root, char **ret, GError **error)
{
    const struct json_value *next =
        json_member(json_member(root, "additional_data"), "next_cursor");

    *ret = NULL;
    if (!next || next->kind == JSON_NULL)
        return true;
    if (next->kind != JSON_STRING || next->length == 0) {
        error_setf(error, PENSTOCK_ERROR_DATA, "the answer's next_cursor is not a text");
        return false;
    }
    if (walk->marker && json_text_is(next, walk->marker)) {
        error_setf(error, PENSTOCK_ERROR_DATA,
                   "the server repeats a cursor, so the list has no end: run again later; if it "
                   "stays so, report it to "
                   "Pipedrive");
        return false;
    }
    *ret = json_dup_string(next);
    if (++walk->pages >= walk->marker_due) {
        g_free(walk->marker);
        walk->marker = g_strdup(*ret);
        walk->marker_due *= 2;
    }
    return true;
}

bool page_has_more(const struct json_value *root)
{
    const struct json_value *more = json_member(root, "additional_data");
    const struct json_value *wrapped = json_member(more, "pagination");

    return json_is_true(json_member(wrapped ? wrapped : more, "more_items_in_collection"));
}

void overlap_pages(struct walk_state *range, const struct page_facts *facts)
{
    bool overlaps = facts->records > 1; /* a page of one row cannot, or it would never end */

    range->anchor = overlaps ? facts->last_id : 0;
    range->start += overlaps ? (int64_t)facts->records - 1 : 1;
}

static void raise_bookmark(struct list_state *list, instant_t time)
{
    if (time != INSTANT_NONE && (list->bookmark == INSTANT_NONE || time > list->bookmark))
        list->bookmark = time;
}

void move_watermark(struct walk *walk, instant_t time)
{
    struct walk_state *range = walk_range(walk);
    struct list_state *list = &walk->state->lists[walk->list];

    if (time == INSTANT_NONE || range->t0 == INSTANT_NONE)
        return;
    if (walk->leg == LEG_HEAD && range->mode == MODE_TIME)
        list->newest = MAX(list->newest, time);
    time = MIN(time, range->t0 - STATE_OVERLAP) / INSTANT_SECOND * INSTANT_SECOND;
    if (range->until != INSTANT_NONE) /* the rows behind it are the next window's */
        time = MIN(time, range->until);
    if (range->at == INSTANT_NONE || time > range->at)
        range->at = time;
    if (walk->leg == LEG_HEAD)
        raise_bookmark(list, windows_reached(walk->head));
}

static void end_pass_walk(struct walk *walk)
{
    struct pass_state *pass = &walk->state->pass;
    unsigned lists[PASS_MAX_WALKS];

    if (++pass->leg == walk_pass_lists(walk->stream, lists))
        pass->step = PASS_JUDGE;
}

static void finish_leg(struct walk *walk)
{
    struct list_state *list = &walk->state->lists[walk->list];
    instant_t t0 = walk_state_last(walk->head)->t0;

    if (walk->leg == LEG_STRETCH) {
        list->floor = walk->head->from;
    } else if (walk->leg == LEG_PASS) {
        end_pass_walk(walk);
    } else {
        /* The first load sees everything, so it counts as a full pass. */
        if (!list->loaded && walk->state->pass_at == INSTANT_NONE)
            walk->state->pass_at = t0;
        if (t0 != INSTANT_NONE)
            raise_bookmark(list, t0 - STATE_OVERLAP);
        list->loaded = true;
        list->done_at = t0;
        if (walk->leg == LEG_AGAIN)
            walk->state->again_done = true;
    }
    walk_state_clear(walk->head);
    walk->range = walk->head;
}

void finish_window(struct walk *walk)
{
    struct walk_state *range = walk->range;
    struct list_state *list = &walk->state->lists[walk->list];

    if (walk->leg == LEG_HEAD && range->mode != MODE_TIME)
        list->newest = MAX(list->newest, walk->newest_time);
    range->done = true;
    g_clear_pointer(&range->cursor, g_free);
    range->start = range->anchor = 0;
    if (windows_are_done(walk->head))
        finish_leg(walk);
    else if (walk->leg == LEG_HEAD)
        raise_bookmark(list, windows_reached(walk->head));
}
