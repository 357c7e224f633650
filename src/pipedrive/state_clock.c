/* A server's clock that was ahead and is right again: what the state promised by it is taken back.
 */
#include "pipedrive/state.h"

/* Servers behind one address differ by less, and the overlap covers it. */
static bool is_ahead(instant_t time, instant_t now)
{
    return time != INSTANT_NONE && time > now + STATE_OVERLAP;
}

/* Its cut lies in a time to come. */
static bool is_cut_ahead(const struct walk_state *window, instant_t now)
{
    return window->next && is_ahead(window->until, now);
}

static bool walk_is_ahead(const struct walk_state *walk, instant_t now)
{
    for (; walk; walk = walk->next)
        if (walk->active && (is_ahead(walk->t0, now) || is_cut_ahead(walk, now)))
            return true;
    return false;
}

/* Read to its end, it has what there was then and not what comes until the cut: it goes on from its
 * watermark. */
static void undo_cuts_ahead(struct walk_state *window, instant_t now)
{
    if (!is_cut_ahead(window, now))
        return;
    while (window->next)
        walk_state_rejoin(window);
    window->done = false;
    g_clear_pointer(&window->cursor, g_free);
    window->start = window->anchor = 0;
}

/* By time, whatever changed since the walk began is found at its end; by id it may have been passed
 * by. */
static bool heed_in_walk(struct walk_state *walk, instant_t now)
{
    if (!walk_is_ahead(walk, now))
        return false;
    if (walk->mode != MODE_TIME) {
        walk_state_clear(walk);
        return true;
    }
    for (; walk; walk = walk->next) {
        undo_cuts_ahead(walk, now);
        if (is_ahead(walk->t0, now))
            walk->t0 = now;
    }
    return true;
}

/* The newest row was stamped by the clock that stamps all of them: whatever is older was read. */
static bool heed_in_list(struct stream_state *state, struct list_state *list, instant_t now)
{
    bool heeded = heed_in_walk(&list->walk, now);

    heeded |= heed_in_walk(&list->stretch, now);
    if (!is_ahead(list->done_at, now) && !is_ahead(list->bookmark, now))
        return heeded;
    list->done_at = INSTANT_NONE;
    if (list->newest != INSTANT_NONE) {
        list->bookmark = MIN(list->bookmark, list->newest - STATE_OVERLAP);
    } else {
        state->pass_at = INSTANT_NONE;
        list->bookmark = MIN(list->bookmark, now - STATE_OVERLAP);
    }
    return true;
}

static bool heed(instant_t *time, instant_t now, instant_t otherwise)
{
    if (!is_ahead(*time, now))
        return false;
    *time = otherwise;
    return true;
}

bool stream_state_heed_clock(struct stream_state *state, const struct stream *stream, instant_t now)
{
    bool heeded;

    if (now == INSTANT_NONE)
        return false;
    heeded = heed(&state->fields_at, now, INSTANT_NONE);
    heeded |= heed(&state->full_at, now, INSTANT_NONE);
    heeded |= heed(&state->pass_at, now, now);
    heeded |= heed(&state->pass.refused_at, now, now);
    heeded |= heed(&state->pass.t0, now, now);
    heeded |= heed_in_walk(&state->pass.walk, now);
    for (unsigned i = 0; i < stream->list_count; i++)
        heeded |= heed_in_list(state, &state->lists[i], now);
    return heeded;
}
