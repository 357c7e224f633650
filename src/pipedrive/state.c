#include "pipedrive/state.h"

#include <string.h>

static const char *const mode_names[] = {
    [MODE_TIME] = "time", [MODE_ID] = "id", [MODE_NEWEST] = "newest"};
static const char *const probe_names[] = {
    [PROBE_NONE] = "none", [PROBE_FIRST] = "first", [PROBE_LAST] = "last"};
static const char *const step_names[] = {
    [PASS_WALK] = "walk", [PASS_JUDGE] = "judge", [PASS_ASK] = "ask"};

static void walk_state_init(struct walk_state *walk)
{
    *walk = (struct walk_state){.from = INSTANT_NONE,
                                .until = INSTANT_NONE,
                                .since = INSTANT_NONE,
                                .at = INSTANT_NONE,
                                .t0 = INSTANT_NONE,
                                .seen = {.last_time = INSTANT_NONE}};
}

void walk_state_clear(struct walk_state *walk)
{
    while (walk->next)
        walk_state_rejoin(walk);
    g_free(walk->cursor);
    walk_state_init(walk);
}

/* --- windows --- */

/* A window behind this one, which ends where this one did. */
static struct walk_state *add_window(struct walk_state *walk)
{
    struct walk_state *right = g_new(struct walk_state, 1);

    walk_state_init(right);
    right->active = true;
    right->next = walk->next;
    right->until = walk->until;
    walk->next = right;
    return right;
}

struct walk_state *walk_state_cut(struct walk_state *walk, instant_t at)
{
    struct walk_state *right = add_window(walk);

    right->from = right->since = walk->until = at;
    right->t0 = walk->t0;
    return right;
}

void walk_state_rejoin(struct walk_state *walk)
{
    struct walk_state *right = walk->next;

    walk->until = right->until;
    walk->next = right->next;
    g_free(right->cursor);
    g_free(right);
}

struct walk_state *walk_state_last(struct walk_state *walk)
{
    while (walk->next)
        walk = walk->next;
    return walk;
}

static void pass_state_init(struct pass_state *pass)
{
    *pass = (struct pass_state){.t0 = INSTANT_NONE, .refused_at = INSTANT_NONE};
    walk_state_init(&pass->walk);
}

void pass_state_clear(struct pass_state *pass)
{
    walk_state_clear(&pass->walk);
    pass_state_init(pass);
}

void stream_state_init(struct stream_state *state)
{
    *state = (struct stream_state){
        .fields_at = INSTANT_NONE, .full_at = INSTANT_NONE, .pass_at = INSTANT_NONE};
    pass_state_init(&state->pass);
    for (unsigned i = 0; i < STREAM_MAX_LISTS; i++) {
        struct list_state *list = &state->lists[i];

        list->floor = list->bookmark = list->done_at = list->newest = INSTANT_NONE;
        walk_state_init(&list->walk);
        walk_state_init(&list->stretch);
    }
    state->recent = g_array_new(FALSE, FALSE, sizeof(struct recent_row));
}

void stream_state_done(struct stream_state *state)
{
    for (unsigned i = 0; i < STREAM_MAX_LISTS; i++) {
        walk_state_clear(&state->lists[i].walk);
        walk_state_clear(&state->lists[i].stretch);
    }
    pass_state_clear(&state->pass);
    g_clear_pointer(&state->recent, g_array_unref);
}

/* --- to JSON --- */

static void put_instant(struct json_writer *writer, const char *key, instant_t instant)
{
    char text[INSTANT_TEXT_BYTES];

    if (instant == INSTANT_NONE)
        return;
    instant_format_rfc3339(instant, text);
    json_put_string(writer, key, text);
}

static void put_window(struct json_writer *writer, const struct walk_state *walk)
{
    if (walk->done)
        json_put_bool(writer, "done", true);
    json_put_string(writer, "mode", mode_names[walk->mode]);
    if (walk->probe != PROBE_NONE)
        json_put_string(writer, "probe", probe_names[walk->probe]);
    put_instant(writer, "from", walk->from);
    put_instant(writer, "until", walk->until);
    put_instant(writer, "since", walk->since);
    put_instant(writer, "at", walk->at);
    put_instant(writer, "t0", walk->t0);
    if (walk->cursor)
        json_put_string(writer, "cursor", walk->cursor);
    if (walk->start)
        json_put_int(writer, "start", walk->start);
    if (walk->anchor)
        json_put_int(writer, "anchor", walk->anchor);
}

static void put_walk(struct json_writer *writer, const char *key, const struct walk_state *walk)
{
    if (!walk->active)
        return;
    json_begin_object(writer, key);
    put_window(writer, walk);
    if (walk->next)
        json_begin_array(writer, "windows");
    for (const struct walk_state *window = walk->next; window; window = window->next) {
        json_begin_object(writer, NULL);
        put_window(writer, window);
        json_end_object(writer);
    }
    if (walk->next)
        json_end_array(writer);
    json_end_object(writer);
}

static void put_list(struct json_writer *writer, const char *key, const struct list_state *list)
{
    json_begin_object(writer, key);
    json_put_bool(writer, "loaded", list->loaded);
    if (list->has_nulls)
        json_put_bool(writer, "has_nulls", true);
    put_instant(writer, "floor", list->floor);
    put_instant(writer, "bookmark", list->bookmark);
    put_instant(writer, "done_at", list->done_at);
    put_instant(writer, "newest", list->newest);
    put_walk(writer, "walk", &list->walk);
    put_walk(writer, "stretch", &list->stretch);
    json_end_object(writer);
}

static void put_pass(struct json_writer *writer, const struct pass_state *pass)
{
    if (!pass->open)
        return;
    json_begin_object(writer, "pass");
    json_put_string(writer, "step", step_names[pass->step]);
    if (pass->twice)
        json_put_bool(writer, "twice", true);
    json_put_int(writer, "leg", pass->leg);
    put_instant(writer, "t0", pass->t0);
    put_instant(writer, "refused_at", pass->refused_at);
    json_put_int(writer, "rows", pass->rows);
    put_walk(writer, "walk", &pass->walk);
    json_end_object(writer);
}

static void put_recent(struct json_writer *writer, const GArray *recent)
{
    if (recent->len == 0)
        return;
    json_begin_array(writer, "recent");
    for (unsigned i = 0; i < recent->len; i++) {
        const struct recent_row *row = &g_array_index(recent, struct recent_row, i);

        json_begin_array(writer, NULL);
        json_put_int(writer, NULL, row->list);
        json_put_int(writer, NULL, row->id);
        put_instant(writer, NULL, row->time);
        json_end_array(writer);
    }
    json_end_array(writer);
}

void stream_state_write(const struct stream_state *state, const struct stream *stream, GString *out)
{
    struct json_writer writer = {.out = out};

    json_begin_object(&writer, NULL);
    json_begin_object(&writer, "lists");
    for (unsigned i = 0; i < stream->list_count; i++)
        put_list(&writer, stream->lists[i].name, &state->lists[i]);
    json_end_object(&writer);
    json_put_bool(&writer, "again_done", state->again_done);
    json_put_bool(&writer, "gated", state->gated);
    if (state->as_json)
        json_put_bool(&writer, "as_json", true);
    if (state->hopeless)
        json_put_bool(&writer, "hopeless", true);
    json_put_bool(&writer, "seeded", state->seeded);
    put_instant(&writer, "fields_at", state->fields_at);
    put_instant(&writer, "full_at", state->full_at);
    put_instant(&writer, "pass_at", state->pass_at);
    put_pass(&writer, &state->pass);
    put_recent(&writer, state->recent);
    json_end_object(&writer);
}

/* --- from JSON --- */

static bool get_instant(const struct json_value *object, const char *key, instant_t *ret)
{
    const struct json_value *value = json_member(object, key);

    if (!value)
        return true;
    return value->kind == JSON_STRING && instant_parse(value->text, value->length, ret);
}

static bool get_int(const struct json_value *object, const char *key, int64_t *ret)
{
    const struct json_value *value = json_member(object, key);

    return !value || json_int64(value, ret);
}

static bool get_bool(const struct json_value *object, const char *key, bool *ret)
{
    const struct json_value *value = json_member(object, key);

    *ret = json_is_true(value);
    return !value || value->kind == JSON_TRUE || value->kind == JSON_FALSE;
}

static bool get_text(const struct json_value *object, const char *key, char **ret)
{
    const struct json_value *value = json_member(object, key);

    *ret = json_dup_string(value);
    return !value || value->kind == JSON_STRING;
}

static bool get_mode(const struct json_value *value, enum walk_mode *ret)
{
    for (size_t i = 0; i < G_N_ELEMENTS(mode_names); i++)
        if (json_text_is(value, mode_names[i])) {
            *ret = (enum walk_mode)i;
            return true;
        }
    return false;
}

static bool get_probe(const struct json_value *value, enum walk_probe *ret)
{
    for (size_t i = 0; value && i < G_N_ELEMENTS(probe_names); i++)
        if (json_text_is(value, probe_names[i])) {
            *ret = (enum walk_probe)i;
            return true;
        }
    return !value;
}

static bool get_window(const struct json_value *value, struct walk_state *walk)
{
    walk->active = true;
    return value->kind == JSON_OBJECT && get_bool(value, "done", &walk->done) &&
           get_text(value, "cursor", &walk->cursor) &&
           get_mode(json_member(value, "mode"), &walk->mode) &&
           get_probe(json_member(value, "probe"), &walk->probe) &&
           get_instant(value, "from", &walk->from) && get_instant(value, "until", &walk->until) &&
           get_instant(value, "since", &walk->since) && get_instant(value, "at", &walk->at) &&
           get_instant(value, "t0", &walk->t0) && get_int(value, "start", &walk->start) &&
           get_int(value, "anchor", &walk->anchor);
}

/* Windows leave no gap: each begins where the one before it ends. */
static bool get_windows(const struct json_value *list, struct walk_state *walk)
{
    bool is_over = walk->done;

    if (list && list->kind != JSON_ARRAY)
        return false;
    for (json_each_item(value, list)) {
        instant_t end = walk->until;

        if (end == INSTANT_NONE)
            return false;
        walk = add_window(walk);
        walk->until = INSTANT_NONE;
        if (!get_window(value, walk) || walk->from != end)
            return false;
        is_over &= walk->done;
    }
    return !is_over; /* nothing would be left to walk */
}

static bool get_walk(const struct json_value *value, struct walk_state *walk)
{
    return !value || (get_window(value, walk) && get_windows(json_member(value, "windows"), walk));
}

static bool get_list(const struct json_value *value, struct list_state *list)
{
    if (!value)
        return true;
    return value->kind == JSON_OBJECT && get_bool(value, "loaded", &list->loaded) &&
           get_bool(value, "has_nulls", &list->has_nulls) &&
           get_instant(value, "floor", &list->floor) &&
           get_instant(value, "bookmark", &list->bookmark) &&
           get_instant(value, "done_at", &list->done_at) &&
           get_instant(value, "newest", &list->newest) &&
           get_walk(json_member(value, "walk"), &list->walk) &&
           get_walk(json_member(value, "stretch"), &list->stretch);
}

static bool get_step(const struct json_value *value, enum pass_step *ret)
{
    for (size_t i = 0; value && i < G_N_ELEMENTS(step_names); i++)
        if (json_text_is(value, step_names[i])) {
            *ret = (enum pass_step)i;
            return true;
        }
    return false;
}

static bool get_pass(const struct json_value *value, struct pass_state *pass)
{
    int64_t leg = 0;

    if (!value)
        return true;
    if (value->kind != JSON_OBJECT || !get_int(value, "leg", &leg) || leg < 0 || leg > 3)
        return false;
    pass->open = true;
    pass->leg = (unsigned)leg;
    return get_step(json_member(value, "step"), &pass->step) &&
           get_bool(value, "twice", &pass->twice) && get_instant(value, "t0", &pass->t0) &&
           get_instant(value, "refused_at", &pass->refused_at) &&
           get_int(value, "rows", &pass->rows) && get_walk(json_member(value, "walk"), &pass->walk);
}

static bool get_recent(const struct json_value *list, GArray *recent)
{
    if (list && list->kind != JSON_ARRAY)
        return false;
    for (json_each_item(triple, list)) {
        const struct json_value *index = json_first(triple, JSON_ARRAY), *id, *time;
        struct recent_row row;

        if (triple->kind != JSON_ARRAY || triple->count != 3 || !json_int64(index, &row.list))
            return false;
        id = json_next(index);
        if (!json_int64(id, &row.id))
            return false;
        time = json_next(id);
        if (time->kind != JSON_STRING || !instant_parse(time->text, time->length, &row.time))
            return false;
        g_array_append_val(recent, row);
    }
    return true;
}

bool stream_state_read(struct stream_state *state, const struct stream *stream,
                       const struct json_value *root, GError **error)
{
    const struct json_value *lists = json_member(root, "lists");
    bool good = lists && lists->kind == JSON_OBJECT;

    for (unsigned i = 0; good && i < stream->list_count; i++)
        good = get_list(json_member(lists, stream->lists[i].name), &state->lists[i]);
    good = good && get_bool(root, "again_done", &state->again_done) &&
           get_bool(root, "gated", &state->gated) && get_bool(root, "as_json", &state->as_json) &&
           get_bool(root, "hopeless", &state->hopeless) &&
           get_bool(root, "seeded", &state->seeded) &&
           get_instant(root, "fields_at", &state->fields_at) &&
           get_instant(root, "full_at", &state->full_at) &&
           get_instant(root, "pass_at", &state->pass_at) &&
           get_pass(json_member(root, "pass"), &state->pass) &&
           get_recent(json_member(root, "recent"), state->recent);
    if (!good) {
        error_setf(
            error, PENSTOCK_ERROR_DATA,
            "the state of %s in _penstock_state is damaged: run `penstock reset` for this table",
            stream->name);
        return false;
    }
    return true;
}

instant_t stream_state_bookmark(const struct stream_state *state, const struct stream *stream)
{
    instant_t oldest = INSTANT_NONE;

    for (unsigned i = 0; i < stream->list_count; i++) {
        instant_t bookmark = state->lists[i].bookmark;

        if (bookmark == INSTANT_NONE)
            return INSTANT_NONE;
        if (oldest == INSTANT_NONE || bookmark < oldest)
            oldest = bookmark;
    }
    return oldest;
}
