#include "sync/plan_probe.h"

#include "pipedrive/reread.h"

#include <math.h>
#include <string.h>

#define WEEK (CENSUS_WEEK_S * INSTANT_SECOND)
/* A page whose rows are too wide for one answer is asked for again, this short. */
#define SHORT_PAGE 50
/* A value with its marks, beside its name. */
#define INCLUDE_BYTES 8
/* An offset that should exist: so much of what the newest page promises of the older rows. */
#define OFFSET_SHARE 0.9
/* Doubt about the whole price that is not worth a call: a part of it. */
#define DOUBT_SHARE 0.03

/* So many ids by chance find a hundred gaps, unless there are hardly any. */
#define TRIES_MAX 10000

/* Ids as keys of a set. */
#define ID_KEY(id) ((void *)(intptr_t)(id))

struct list_probe {
    const struct stream *stream;
    unsigned list;
    struct census *census;
    int64_t highest;    /* id */
    int64_t floor;      /* ids before it are older than the newest page */
    GHashTable *newest; /* ids of the newest page */
    GHashTable *drawn;  /* ids that were asked for */
    GArray *absent;     /* int64_t: of them, those that are not there */
    bool settled;       /* nothing more is to be asked of it */
};

struct probing {
    struct api *api;
    const struct probe_settings *settings;
    struct probe_result *result;
    GRand *dice;
    struct list_probe lists[STREAM_COUNT]; /* the first list of each */
    struct list_probe archived;
};

/* --- one page --- */

struct page {
    struct arena *arena; /* the answer */
    const struct json_value *root;
    bool more;
};

static const struct stream_list *list_of(const struct list_probe *list)
{
    return &list->stream->lists[list->list];
}

static bool may_ask(const struct probing *probing, const struct list_probe *list)
{
    return probing->api->tokens + list_of(list)->cost_tokens <= probing->settings->tokens_max;
}

static bool read_page(struct probing *probing, const struct list_probe *list, const char *path,
                      struct page *ret, GError **error)
{
    *ret = (struct page){.arena = arena_new()};
    if (!api_get(probing->api, path, list_of(list)->cost_tokens, ret->arena, NULL, &ret->root,
                 error)) {
        g_prefix_error(error, "%s: ", list->stream->name);
        arena_free(ret->arena);
        return false;
    }
    ret->more = reread_has_more(list->stream, ret->root);
    return true;
}

static instant_t time_of(const struct json_value *record, const char *key)
{
    const struct json_value *value = json_member(record, key);
    instant_t time;

    return value && value->kind == JSON_STRING && instant_parse(value->text, value->length, &time)
               ? time
               : INSTANT_NONE;
}

static int64_t id_of(const struct json_value *record)
{
    int64_t id = 0;

    json_int64(json_member(record, "id"), &id);
    return id;
}

static struct census_row row_of(const struct stream *stream, const struct json_value *record)
{
    const struct json_value *flag =
        stream->deleted_key ? json_member(record, stream->deleted_key) : NULL;
    struct census_row row = {
        .added = time_of(record, "add_time"),
        .updated = time_of(record, "update_time"),
        .moved = time_of(record, "stage_change_time"),
        .deleted = flag && flag->kind == (stream->deleted_when ? JSON_TRUE : JSON_FALSE),
        .products = -1,
    };

    json_int64(json_member(record, "products_count"), &row.products);
    return row;
}

/* Files are walked whole, whatever the start date. */
static bool is_in_scope(const struct probing *probing, const struct list_probe *list,
                        const struct census_row *row)
{
    instant_t time = row->updated != INSTANT_NONE ? row->updated : row->added;

    return list->stream->walk == WALK_FILES || probing->settings->start_date == INSTANT_NONE ||
           time == INSTANT_NONE || time >= probing->settings->start_date;
}

static void take_record(struct probing *probing, const struct list_probe *list,
                        const struct json_value *record, struct tally *tally)
{
    struct census_row row = row_of(list->stream, record);

    if (!is_in_scope(probing, list, &row))
        return;
    tally_row(tally, &row, probing->settings->now - WEEK);
    list->census->has_nulls |= row.updated == INSTANT_NONE;
}

/* --- the newest page --- */

static void append_include(const struct list_probe *list, GString *path)
{
    if (list->stream->id == STREAM_DEALS)
        g_string_append(path, "&include_fields=products_count");
}

static void append_start(const struct probing *probing, const struct list_probe *list,
                         GString *path)
{
    char text[INSTANT_TEXT_BYTES];

    if (probing->settings->start_date == INSTANT_NONE || list->stream->walk == WALK_FILES)
        return;
    instant_format_rfc3339(probing->settings->start_date, text);
    g_string_append_printf(path, "&updated_since=%s", text);
}

static void request_newest(const struct probing *probing, const struct list_probe *list,
                           unsigned limit, GString *path)
{
    g_string_printf(path, "%s?limit=%u%s", list_of(list)->path, limit, list_of(list)->query);
    g_string_append(path, list->stream->paging == PAGING_CURSOR ? "&sort_by=id&sort_direction=desc"
                                                                : "&start=0&sort=id%20DESC");
    append_start(probing, list, path);
    append_include(list, path);
}

static bool read_newest(struct probing *probing, const struct list_probe *list, struct page *ret,
                        GError **error)
{
    g_autoptr(GString) path = g_string_new(NULL);
    g_autoptr(GError) failure = NULL;

    request_newest(probing, list, list->stream->page_rows, path);
    if (read_page(probing, list, path->str, ret, &failure))
        return true;
    if (!error_is(failure, PENSTOCK_ERROR_TOO_LARGE) || !may_ask(probing, list)) {
        g_propagate_error(error, g_steal_pointer(&failure));
        return false;
    }
    request_newest(probing, list, SHORT_PAGE, path);
    return read_page(probing, list, path->str, ret, error);
}

static void note_growth(struct probing *probing, struct census *census, instant_t oldest)
{
    double age = oldest == INSTANT_NONE ? 0 : (double)(probing->settings->now - oldest);

    if (age > 0)
        census->week_growth = (double)census->known.of[CENSUS_ROWS] * (double)WEEK / age;
}

/* The sync asks for every include field. */
static void note_width(struct probing *probing, const struct list_probe *list,
                       const struct page *page)
{
    const struct json_value *data = json_member(page->root, "data");
    const struct json_value *first = json_first(data, JSON_ARRAY);
    struct census *census = list->census;

    if (!data || data->kind != JSON_ARRAY || data->count == 0)
        return;
    census->page_bytes = (double)probing->settings->page_bytes;
    census->row_bytes = (double)data->length / data->count;
    for (unsigned i = 0; i < list->stream->column_count; i++)
        if (list->stream->columns[i].source != SOURCE_ALWAYS)
            census->row_bytes += (double)strlen(list->stream->columns[i].name) + INCLUDE_BYTES;
    for (json_each_member(key, value, json_member(first, "custom_fields")))
        census->custom_fields++;
}

static bool probe_newest(struct probing *probing, struct list_probe *list, GError **error)
{
    struct census *census = list->census;
    instant_t oldest = INSTANT_NONE;
    struct page page;

    if (!read_newest(probing, list, &page, error))
        return false;
    for (json_each_item(record, json_member(page.root, "data"))) {
        instant_t added = time_of(record, "add_time"), updated = time_of(record, "update_time");
        int64_t id = id_of(record);

        take_record(probing, list, record, &census->known);
        list->highest = MAX(list->highest, id);
        list->floor = list->floor == 0 ? id : MIN(list->floor, id);
        g_hash_table_add(list->newest, ID_KEY(id));
        if (added != INSTANT_NONE && (oldest == INSTANT_NONE || added < oldest))
            oldest = added;
        if (census->seconds && updated != INSTANT_NONE)
            g_array_append_val(census->seconds, updated);
    }
    note_width(probing, list, &page);
    if (!page.more || list->floor < 1)
        list->floor = 1;
    census->older.ids = list->floor - 1;
    if (list->highest > 0)
        census->density =
            (double)g_hash_table_size(list->newest) / (double)(list->highest - list->floor + 1);
    if (page.more)
        note_growth(probing, census, oldest);
    arena_free(page.arena);
    return true;
}

/* --- a sample of the older ids --- */

/* Of [low, high] one that was not drawn before; 0 = there is none. */
static int64_t draw_id(struct probing *probing, const struct list_probe *list, int64_t low,
                       int64_t high)
{
    int64_t span = high - low + 1;
    int64_t first = (int64_t)(g_rand_double(probing->dice) * (double)span);

    for (int64_t i = 0; i < MIN(span, 2 * (int64_t)list->stream->ids_a_call); i++) {
        int64_t id = low + (first + i) % span;

        if (!g_hash_table_contains(list->drawn, ID_KEY(id)))
            return id;
    }
    return 0;
}

/* One of each of a hundred equal parts; all that are left, where these are fewer. */
static void draw_ids(struct probing *probing, const struct list_probe *list, GArray *ret)
{
    int64_t ids = list->census->older.ids, count = list->stream->ids_a_call;
    bool all = ids - list->census->older.asked <= count;
    int64_t parts = all ? ids : count;

    for (int64_t i = 0; i < parts && ret->len < count; i++) {
        int64_t low = 1 + (int64_t)((double)ids * (double)i / (double)parts);
        int64_t high = (int64_t)((double)ids * (double)(i + 1) / (double)parts);
        int64_t id = draw_id(probing, list, low, MAX(low, high));

        if (id > 0)
            g_array_append_val(ret, id);
    }
}

static void request_ids(const struct list_probe *list, const GArray *ids, GString *path)
{
    g_string_printf(path, "%s?limit=%u%s&ids=", list_of(list)->path, ids->len,
                    list_of(list)->query);
    for (unsigned i = 0; i < ids->len; i++)
        g_string_append_printf(path, "%s%" G_GINT64_FORMAT, i > 0 ? "," : "",
                               g_array_index(ids, int64_t, i));
    append_include(list, path);
}

static bool probe_sample(struct probing *probing, struct list_probe *list, GError **error)
{
    g_autoptr(GArray) ids = g_array_new(FALSE, FALSE, sizeof(int64_t));
    g_autoptr(GHashTable) there = g_hash_table_new(NULL, NULL);
    g_autoptr(GString) path = g_string_new(NULL);
    struct page page;

    draw_ids(probing, list, ids);
    if (ids->len == 0)
        return true;
    request_ids(list, ids, path);
    if (!read_page(probing, list, path->str, &page, error))
        return false;
    for (json_each_item(record, json_member(page.root, "data"))) {
        take_record(probing, list, record, &list->census->older.found);
        g_hash_table_add(there, ID_KEY(id_of(record)));
    }
    for (unsigned i = 0; i < ids->len; i++) {
        int64_t id = g_array_index(ids, int64_t, i);

        g_hash_table_add(list->drawn, ID_KEY(id));
        if (!g_hash_table_contains(there, ID_KEY(id)))
            g_array_append_val(list->absent, id);
    }
    list->census->older.asked += ids->len;
    arena_free(page.arena);
    return true;
}

/* --- archived deals: they have ids that the other list does not show --- */

/* Of the ids within the newest page that are not there, so many by chance. One id far away from the
 * others makes a long span, so ids are tried, not walked through. */
static void draw_gaps(struct probing *probing, const struct list_probe *deals, unsigned count,
                      GArray *ret)
{
    g_autoptr(GHashTable) drawn = g_hash_table_new(NULL, NULL);
    int64_t span = deals->highest - deals->floor + 1;
    bool all = span - g_hash_table_size(deals->newest) <= count;

    for (int64_t i = 0; g_hash_table_size(drawn) < count && i < (all ? span : TRIES_MAX); i++) {
        int64_t offset = all ? i : (int64_t)(g_rand_double(probing->dice) * (double)span);
        int64_t id = deals->floor + offset;

        if (!g_hash_table_contains(deals->newest, ID_KEY(id)) &&
            g_hash_table_add(drawn, ID_KEY(id)))
            g_array_append_val(ret, id);
    }
}

/* At most a page, and nobody cares what they are like: two calls, whatever the answer were. */
static bool is_a_page_at_most(const struct probing *probing, const struct list_probe *archived)
{
    const struct census *census = archived->census;

    return !probing->settings->lines && !probing->settings->flow &&
           census->older.ids + census->gaps.ids <= archived->stream->page_rows;
}

static bool probe_archived(struct probing *probing, const struct list_probe *deals, GError **error)
{
    struct list_probe *archived = &probing->archived;
    struct census *census = archived->census;
    g_autoptr(GArray) ids = g_array_new(FALSE, FALSE, sizeof(int64_t));
    g_autoptr(GString) path = g_string_new(NULL);
    struct page page;
    unsigned absent;

    census->row_bytes = deals->census->row_bytes;
    census->page_bytes = deals->census->page_bytes;
    census->density = 1 - deals->census->density;
    census->older.ids = deals->census->older.ids;
    census->gaps.ids = deals->highest - deals->floor + 1 - g_hash_table_size(deals->newest);
    g_array_append_vals(ids, deals->absent->data,
                        MIN(deals->absent->len, archived->stream->ids_a_call));
    absent = ids->len;
    draw_gaps(probing, deals, archived->stream->ids_a_call - absent, ids);
    if (is_a_page_at_most(probing, archived) || !may_ask(probing, archived))
        return true;
    census->older.asked = deals->census->older.asked;
    census->gaps.asked = ids->len - absent;
    if (ids->len == 0)
        return true;
    request_ids(archived, ids, path);
    if (!read_page(probing, archived, path->str, &page, error))
        return false;
    for (json_each_item(record, json_member(page.root, "data")))
        take_record(probing, archived, record,
                    id_of(record) < deals->floor ? &census->older.found : &census->gaps.found);
    arena_free(page.arena);
    return true;
}

/* --- lists by offset --- */

/* Rows of the newest page with lower ids. */
static int64_t count_before(const struct list_probe *list, int64_t id)
{
    GHashTableIter iter;
    void *key;
    int64_t count = 0;

    g_hash_table_iter_init(&iter, list->newest);
    while (g_hash_table_iter_next(&iter, &key, NULL))
        count += (intptr_t)key < id;
    return count;
}

static void count_to_page(struct list_probe *list, int64_t start, const struct tally *page,
                          int64_t first, int64_t last, bool meets)
{
    struct census *census = list->census;
    struct tally skipped = {.of = {[CENSUS_ROWS] = start, [CENSUS_ALIVE] = start}};

    if (first >= list->floor) { /* the offset lies within the newest page */
        skipped.of[CENSUS_ROWS] -= count_before(list, first);
        meets = true;
    }
    tally_add(&census->known, &skipped);
    tally_add(&census->known, page);
    census->older.ids = meets ? 0 : list->floor - 1 - last;
    census->density = (double)(start + page->of[CENSUS_ROWS]) / (double)MAX(last, 1);
}

/* Rows before `start` are counted by this page, as far as ids go it is known what is there. */
static bool probe_offset(struct probing *probing, struct list_probe *list, GError **error)
{
    struct census *census = list->census;
    int64_t start = (int64_t)(OFFSET_SHARE * census->density * (double)census->older.ids);
    int64_t first = 0, last = 0;
    g_autoptr(GString) path = g_string_new(NULL);
    struct tally tally = {0};
    struct page page;
    bool meets = false;

    list->settled = true;
    g_string_printf(path, "%s?start=%" G_GINT64_FORMAT "&limit=%u&sort=id%%20ASC",
                    list_of(list)->path, start, list->stream->page_rows);
    append_start(probing, list, path);
    if (!read_page(probing, list, path->str, &page, error))
        return false;
    for (json_each_item(record, json_member(page.root, "data"))) {
        int64_t id = id_of(record);

        first = first == 0 ? id : first;
        if (id >= list->floor) {
            meets = true;
            break;
        }
        take_record(probing, list, record, &tally);
        last = id;
    }
    if (first == 0) /* there are fewer rows than that */
        census->older.ids = MIN(census->older.ids, start);
    else
        count_to_page(list, start, &tally, first, last, meets || !page.more);
    arena_free(page.arena);
    return true;
}

/* --- where the rest of the allowance goes --- */

static double tokens_a_row(const struct list_probe *list)
{
    return (double)list_of(list)->cost_tokens / list->stream->page_rows;
}

static double width(struct estimate estimate)
{
    return estimate.high - estimate.low;
}

/* Tokens of the list, with the children of its rows. */
static struct estimate tokens_of(const struct probing *probing, const struct list_probe *list)
{
    const struct stream *lines = &catalog[STREAM_DEAL_PRODUCTS], *flow = &catalog[STREAM_DEALFLOW];
    struct estimate tokens =
        estimate_scale(census_estimate(list->census, CENSUS_ROWS), tokens_a_row(list));

    if (list->stream->id == STREAM_DEALS && probing->settings->lines)
        tokens = estimate_add(
            tokens, estimate_scale(census_estimate(list->census, CENSUS_SOLD),
                                   (double)lines->lists[0].cost_tokens / list->stream->ids_a_call));
    if (list->stream->id == STREAM_DEALS && probing->settings->flow)
        tokens = estimate_add(tokens, estimate_scale(census_estimate(list->census, CENSUS_ALIVE),
                                                     flow->lists[0].cost_tokens));
    return tokens;
}

/* How far they would still be in doubt after one more probe. */
static double width_after(const struct list_probe *list, double now)
{
    const struct stretch *older = &list->census->older;
    int64_t asked = MIN(older->asked + list->stream->ids_a_call, older->ids);

    if (list->stream->ids_a_call == 0)
        return (1 - OFFSET_SHARE) * now;
    if (older->asked > 0)
        return now * sqrt((double)older->asked / (double)asked);
    return tokens_a_row(list) *
           width(estimate_share(older->ids, asked,
                                (int64_t)(CLAMP(list->census->density, 0, 1) * (double)asked)));
}

/* The squared doubt that one token takes away; 0 = it cannot be asked. */
static double gain(const struct probing *probing, const struct list_probe *list)
{
    double now, then;

    if (!list->stream || list->settled || list->census->older.ids == 0 ||
        list->census->older.asked == list->census->older.ids || !may_ask(probing, list))
        return 0;
    now = width(tokens_of(probing, list));
    then = width_after(list, now);
    return (now * now - then * then) / list_of(list)->cost_tokens;
}

static bool is_narrow_enough(const struct probing *probing)
{
    double doubt = 0, tokens = 0;

    for (unsigned i = 0; i < STREAM_COUNT; i++) {
        struct estimate here;

        if (!probing->lists[i].stream)
            continue;
        here = tokens_of(probing, &probing->lists[i]);
        doubt = hypot(doubt, width(here));
        tokens += here.value;
    }
    return doubt <= DOUBT_SHARE * tokens;
}

static struct list_probe *most_in_doubt(struct probing *probing)
{
    struct list_probe *best = NULL;
    double most = 0;

    for (unsigned i = 0; i < STREAM_COUNT; i++) {
        double here = gain(probing, &probing->lists[i]);

        if (here > most) {
            most = here;
            best = &probing->lists[i];
        }
    }
    return is_narrow_enough(probing) ? NULL : best;
}

/* A second hundred, where deals are most of the price, if one call for archived deals holds all
 * that were not there. */
static bool probe_deals(struct probing *probing, GError **error)
{
    struct list_probe *deals = &probing->lists[STREAM_DEALS];

    deals->settled = deals->highest == 0;
    if (deals->settled) /* all of them are archived, or there are none */
        return probe_newest(probing, &probing->archived, error);
    if (deals->census->older.ids > 0 && !probe_sample(probing, deals, error))
        return false;
    if (deals->absent->len <= deals->stream->ids_a_call / 3 && most_in_doubt(probing) == deals &&
        !probe_sample(probing, deals, error))
        return false;
    deals->settled = true;
    return probe_archived(probing, deals, error);
}

static bool probe_the_rest(struct probing *probing, GError **error)
{
    struct list_probe *list;

    while ((list = most_in_doubt(probing)))
        if (!(list->stream->ids_a_call > 0 ? probe_sample(probing, list, error)
                                           : probe_offset(probing, list, error)))
            return false;
    return true;
}

/* --- all of it --- */

static void list_probe_init(struct list_probe *list, const struct stream *stream, unsigned index,
                            struct census *census)
{
    *list = (struct list_probe){
        .stream = stream,
        .list = index,
        .census = census,
        .newest = g_hash_table_new(NULL, NULL),
        .drawn = g_hash_table_new(NULL, NULL),
        .absent = g_array_new(FALSE, FALSE, sizeof(int64_t)),
    };
    if (stream->walk == WALK_NOTES)
        census->seconds = g_array_new(FALSE, FALSE, sizeof(instant_t));
}

static void list_probe_done(struct list_probe *list)
{
    g_clear_pointer(&list->newest, g_hash_table_unref);
    g_clear_pointer(&list->drawn, g_hash_table_unref);
    g_clear_pointer(&list->absent, g_array_unref);
}

static bool probe_all(struct probing *probing, GError **error)
{
    for (unsigned i = 0; i < STREAM_COUNT; i++)
        if (probing->lists[i].stream && !probe_newest(probing, &probing->lists[i], error))
            return false;
    if (probing->lists[STREAM_DEALS].stream && !probe_deals(probing, error))
        return false;
    return probe_the_rest(probing, error);
}

bool probe_lists(struct api *api, const struct probe_settings *settings, struct probe_result *ret,
                 GError **error)
{
    struct probing probing = {.api = api, .settings = settings, .result = ret};
    bool good;

    *ret = (struct probe_result){0};
    probing.dice = g_rand_new_with_seed((guint32)settings->company_id);
    for (unsigned i = 0; i < STREAM_COUNT; i++)
        if (settings->wanted[i])
            list_probe_init(&probing.lists[i], &catalog[i], 0, &ret->lists[i][0]);
    if (settings->wanted[STREAM_DEALS])
        list_probe_init(&probing.archived, &catalog[STREAM_DEALS], 1, &ret->lists[STREAM_DEALS][1]);
    good = probe_all(&probing, error);
    for (unsigned i = 0; i < STREAM_COUNT; i++)
        list_probe_done(&probing.lists[i]);
    list_probe_done(&probing.archived);
    g_rand_free(probing.dice);
    return good;
}

void probe_result_done(struct probe_result *result)
{
    for (unsigned i = 0; i < STREAM_COUNT; i++)
        for (unsigned list = 0; list < STREAM_MAX_LISTS; list++)
            census_done(&result->lists[i][list]);
}
