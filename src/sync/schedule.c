#include "sync/schedule.h"

static const int64_t defaults_s[] = {
    [INTERVAL_HOT] = 0,
    [INTERVAL_ARCHIVED] = 6 * 3600,
    [INTERVAL_FULL] = 24 * 3600,
};

void schedule_intervals(const int64_t asked_s[3], int64_t ret_s[3])
{
    for (unsigned i = 0; i < G_N_ELEMENTS(defaults_s); i++)
        ret_s[i] = asked_s[i] >= 0 ? asked_s[i] : defaults_s[i];
}

int64_t schedule_full_every_s(bool all_now, int64_t asked_s)
{
    const int64_t week_s = INT64_C(7) * 24 * 3600;

    if (all_now)
        return 0;
    return asked_s >= 0 ? asked_s : week_s;
}

bool schedule_is_due(const struct schedule_settings *settings, instant_t at, int64_t every_s)
{
    return settings->all_now || at == INSTANT_NONE || settings->now == INSTANT_NONE ||
           settings->now - at >= every_s * INSTANT_SECOND;
}

bool schedule_is_first_load(const struct stream *stream, const struct stream_state *state)
{
    for (unsigned i = 0; i < stream->list_count; i++)
        if (!state->lists[i].loaded)
            return true;
    return stream->list_count > 1 && !state->again_done;
}

static void add_leg(struct schedule_leg *legs, unsigned *count, unsigned list, enum leg leg,
                    instant_t from)
{
    legs[(*count)++] = (struct schedule_leg){.list = list, .leg = leg, .from = from};
}

/* Deals change between their two lists while they are read: archived, normal, archived again finds
 * all of them. */
static unsigned first_load_legs(const struct stream *stream, const struct stream_state *state,
                                instant_t start, struct schedule_leg *legs)
{
    unsigned count = 0;

    for (unsigned i = stream->list_count; i-- > 0;)
        if (!state->lists[i].loaded)
            add_leg(legs, &count, i, LEG_HEAD, start);
    if (stream->list_count > 1 && !state->again_done)
        add_leg(legs, &count, stream->list_count - 1, LEG_AGAIN, start);
    return count;
}

/* A start date earlier than what was loaded uncovers a stretch; a later one changes nothing. */
static bool is_lowered(const struct list_state *list, instant_t start)
{
    return list->floor != INSTANT_NONE && (start == INSTANT_NONE || start < list->floor);
}

bool schedule_was_paused(const struct stream *stream, const struct stream_state *state,
                         const struct schedule_settings *settings)
{
    for (unsigned i = 0; i < stream->list_count; i++) {
        instant_t done = state->lists[i].done_at;

        if (done != INSTANT_NONE && settings->now != INSTANT_NONE &&
            settings->now - done > SCHEDULE_PAUSE_S * INSTANT_SECOND)
            return true;
    }
    return false;
}

bool schedule_pass_is_stale(const struct stream_state *state,
                            const struct schedule_settings *settings)
{
    const struct pass_state *pass = &state->pass;

    if (!pass->open || pass->refused_at == INSTANT_NONE)
        return false;
    return pass->rows == 0 || settings->now == INSTANT_NONE ||
           settings->now - pass->refused_at >= settings->every_s[INTERVAL_FULL] * INSTANT_SECOND;
}

bool schedule_pass_is_due(const struct stream *stream, const struct stream_state *state,
                          const struct schedule_settings *settings)
{
    unsigned lists[PASS_MAX_WALKS];

    if (walk_pass_lists(stream, lists) == 0 || schedule_is_first_load(stream, state))
        return false;
    if (state->pass.open)
        return true;
    if (settings->refresh_every_s == 0)
        return false;
    return state->pass_at == INSTANT_NONE || settings->now == INSTANT_NONE ||
           settings->now - state->pass_at >= settings->refresh_every_s * INSTANT_SECOND ||
           schedule_was_paused(stream, state, settings);
}

unsigned schedule_pass_legs(const struct stream *stream, const struct stream_state *state,
                            struct schedule_leg *ret)
{
    unsigned lists[PASS_MAX_WALKS], count = 0, walks = walk_pass_lists(stream, lists);

    for (unsigned i = state->pass.leg; i < walks; i++)
        add_leg(ret, &count, lists[i], LEG_PASS, INSTANT_NONE);
    add_leg(ret, &count, 0, LEG_CONFIRM, INSTANT_NONE);
    return count;
}

unsigned schedule_legs(const struct stream *stream, const struct stream_state *state,
                       const struct schedule_settings *settings, struct schedule_leg *ret,
                       int64_t *ret_due_in_s)
{
    unsigned count = 0;
    int64_t soonest = INT64_MAX;

    *ret_due_in_s = 0;
    if (stream->walk != WALK_WHOLE && schedule_is_first_load(stream, state))
        return first_load_legs(stream, state, settings->start_date, ret);
    for (unsigned i = 0; i < stream->list_count; i++) {
        const struct list_state *list = &state->lists[i];
        int64_t every_s = settings->every_s[stream->lists[i].interval];

        /* A walk that was interrupted goes on at once. */
        if (list->walk.active || schedule_is_due(settings, list->done_at, every_s))
            add_leg(ret, &count, i, LEG_HEAD, settings->start_date);
        else
            soonest = MIN(soonest, every_s - (settings->now - list->done_at) / INSTANT_SECOND);
        if (stream->walk != WALK_WHOLE && is_lowered(list, settings->start_date))
            add_leg(ret, &count, i, LEG_STRETCH, settings->start_date);
    }
    if (schedule_pass_is_due(stream, state, settings))
        count += schedule_pass_legs(stream, state, ret + count);
    if (count == 0)
        *ret_due_in_s = soonest;
    return count;
}
