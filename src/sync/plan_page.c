/* Plan probes: one page of a list, and what its records say. */
#include "sync/plan_probe_private.h"

#include "pipedrive/reread.h"

#include <math.h>
#include <string.h>

#define WEEK (CENSUS_WEEK_S * INSTANT_SECOND)
/* A page whose rows are too wide for one answer is asked for again, this short. */
#define SHORT_PAGE 50
/* A value with its marks, beside its name. */
#define INCLUDE_BYTES 8
/* An offset that should exist: a tenth less than what the newest page promises of the older rows,
 * since of these more are gone, but not more than half a page; and not within what the newest page
 * may promise too much by chance, in standard deviations. A second try, after too high a one. */
#define OFFSET_LESS       0.1
#define OFFSET_DEVIATIONS 2.6
#define OFFSET_AGAIN      0.85

bool probe_read_page(struct probing *probing, const struct list_probe *list, const char *path,
                     struct probe_page *ret, GError **error)
{
    *ret = (struct probe_page){.arena = arena_new()};
    if (!api_get(probing->api, path, probe_list_of(list)->cost_tokens, ret->arena, NULL, &ret->root,
                 error)) {
        g_prefix_error(error, "%s: ", list->stream->name);
        arena_free(ret->arena);
        return false;
    }
    ret->more = reread_has_more(list->stream, ret->root);
    return true;
}

/* --- records --- */

static instant_t time_of(const struct json_value *record, const char *key)
{
    const struct json_value *value = json_member(record, key);
    instant_t time;

    return value && value->kind == JSON_STRING && instant_parse(value->text, value->length, &time)
               ? time
               : INSTANT_NONE;
}

int64_t probe_id_of(const struct json_value *record)
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

static bool is_in_scope(const struct list_probe *list, const struct census_row *row)
{
    instant_t time = row->updated != INSTANT_NONE ? row->updated : row->added;

    return list->since == INSTANT_NONE || time == INSTANT_NONE || time >= list->since;
}

void probe_take_record(const struct list_probe *list, const struct json_value *record,
                       struct tally *tally)
{
    struct census_row row = row_of(list->stream, record);

    if (!is_in_scope(list, &row))
        return;
    tally_row(tally, &row, list->recent);
    list->census->has_nulls |= row.updated == INSTANT_NONE;
}

/* --- the newest pages --- */

void probe_append_include(const struct list_probe *list, GString *path)
{
    if (list->stream->id == STREAM_DEALS)
        g_string_append(path, "&include_fields=products_count");
}

/* Files know no filter. */
static void append_since(const struct list_probe *list, GString *path)
{
    char text[INSTANT_TEXT_BYTES];

    if (list->since == INSTANT_NONE || list->stream->walk == WALK_FILES)
        return;
    instant_format_rfc3339(list->since, text);
    g_string_append_printf(path, "&updated_since=%s", text);
}

static void request_newest(const struct list_probe *list, GString *path)
{
    const struct stream_list *source = probe_list_of(list);

    g_string_printf(path, "%s?limit=%u%s", source->path, list->limit, source->query);
    g_string_append(path, list->stream->paging == PAGING_CURSOR ? "&sort_by=id&sort_direction=desc"
                                                                : "&start=0&sort=id%20DESC");
    append_since(list, path);
    probe_append_include(list, path);
    if (list->cursor) {
        g_string_append(path, "&cursor=");
        g_string_append_uri_escaped(path, list->cursor, NULL, FALSE);
    }
}

static bool read_newest(struct probing *probing, struct list_probe *list, struct probe_page *ret,
                        GError **error)
{
    g_autoptr(GString) path = g_string_new(NULL);
    g_autoptr(GError) failure = NULL;

    request_newest(list, path);
    if (probe_read_page(probing, list, path->str, ret, &failure))
        return true;
    if (!error_is(failure, PENSTOCK_ERROR_TOO_LARGE) || !probe_may_ask(probing, list)) {
        g_propagate_error(error, g_steal_pointer(&failure));
        return false;
    }
    list->limit = SHORT_PAGE;
    request_newest(list, path);
    return probe_read_page(probing, list, path->str, ret, error);
}

/* The sync asks for every include field. */
static void note_width(struct probing *probing, const struct list_probe *list,
                       const struct probe_page *page)
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

static void take_newest(struct list_probe *list, const struct json_value *record)
{
    instant_t added = time_of(record, "add_time"), updated = time_of(record, "update_time");
    int64_t id = probe_id_of(record);

    probe_take_record(list, record, &list->census->known);
    list->highest = MAX(list->highest, id);
    list->floor = list->floor == 0 ? id : MIN(list->floor, id);
    g_hash_table_add(list->newest, ID_KEY(id));
    if (added != INSTANT_NONE && (list->oldest == INSTANT_NONE || added < list->oldest))
        list->oldest = added;
    if (list->census->seconds && updated != INSTANT_NONE)
        g_array_append_val(list->census->seconds, updated);
}

static void note_cursor(struct list_probe *list, const struct probe_page *page)
{
    const struct json_value *next =
        json_member(json_member(page->root, "additional_data"), "next_cursor");

    g_clear_pointer(&list->cursor, g_free);
    if (page->more && next && next->kind == JSON_STRING)
        list->cursor = g_strndup(next->text, next->length);
}

/* What the newest pages say of the ids before them. */
static void note_older(struct probing *probing, struct list_probe *list, bool more)
{
    struct census *census = list->census;
    double age = list->oldest == INSTANT_NONE ? 0 : (double)(probing->settings->now - list->oldest);

    if (!more || list->floor < 1)
        list->floor = 1;
    census->older = (struct stretch){.ids = list->floor - 1};
    census->bounded = list->since != INSTANT_NONE;
    if (list->highest > 0)
        census->density =
            (double)g_hash_table_size(list->newest) / (double)(list->highest - list->floor + 1);
    census->week_growth = 0;
    if (more && age > 0 && !list->changes)
        census->week_growth = (double)census->known.of[CENSUS_ROWS] * (double)WEEK / age;
}

/* The page behind those that were read, if any were. */
bool probe_next_page(struct probing *probing, struct list_probe *list, GError **error)
{
    struct probe_page page;

    if (!read_newest(probing, list, &page, error))
        return false;
    for (json_each_item(record, json_member(page.root, "data")))
        take_newest(list, record);
    if (list->census->row_bytes == 0)
        note_width(probing, list, &page);
    note_cursor(list, &page);
    note_older(probing, list, page.more);
    list->census->seen = true;
    arena_free(page.arena);
    return true;
}

/* --- files that changed --- */

/* Beyond what was counted the list is tried at so many times as many rows, so often. */
#define FILES_STEP  4
#define FILES_TRIES 2

/* Sorted by their changes, newest first: those in scope. ret_more: all of the page are, and it is
 * not the last. */
static bool read_changed_files(struct probing *probing, const struct list_probe *list,
                               int64_t start, struct tally *ret, bool *ret_more, GError **error)
{
    g_autofree char *path =
        g_strdup_printf("%s?start=%" G_GINT64_FORMAT "&limit=%u&sort=update_time%%20DESC",
                        probe_list_of(list)->path, start, list->limit);
    struct probe_page page;
    int64_t records = 0;

    *ret = (struct tally){0};
    if (!probe_read_page(probing, list, path, &page, error))
        return false;
    for (json_each_item(record, json_member(page.root, "data"))) {
        probe_take_record(list, record, ret);
        records++;
    }
    *ret_more = page.more && ret->of[CENSUS_ROWS] == records;
    arena_free(page.arena);
    return true;
}

static bool probe_changed_files(struct probing *probing, struct list_probe *list, GError **error)
{
    struct census *census = list->census;
    int64_t start = 0, rows = 0;
    struct tally page;
    bool more = true;

    for (unsigned tries = 0; more && tries <= FILES_TRIES; tries++) {
        if (tries > 0 && !probe_may_ask(probing, list))
            break;
        if (!read_changed_files(probing, list, start, &page, &more, error))
            return false;
        if (start > 0 && page.of[CENSUS_ROWS] == 0) /* they end before this page */
            break;
        rows = start + page.of[CENSUS_ROWS];
        start = FILES_STEP * rows;
    }
    census->known.of[CENSUS_ROWS] = census->known.of[CENSUS_ALIVE] = rows;
    if (more)
        census->older.ids = probing->settings->changes[STREAM_FILES][0].rows;
    else if (rows < start && page.of[CENSUS_ROWS] == 0 && rows > 0)
        census->older.ids = start - rows;
    census->bounded = census->seen = list->settled = true;
    return true;
}

bool probe_newest(struct probing *probing, struct list_probe *list, GError **error)
{
    if (list->changes && list->stream->walk == WALK_FILES)
        return probe_changed_files(probing, list, error);
    return probe_next_page(probing, list, error);
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

static int64_t offset_of(const struct list_probe *list)
{
    const struct census *census = list->census;
    double rows = census->density * (double)census->older.ids, chance;

    if (list->beyond > 0)
        return (int64_t)(OFFSET_AGAIN * (double)list->beyond);
    chance = rows * sqrt((1 - census->density) / MAX(g_hash_table_size(list->newest), 1));
    return (int64_t)MAX(
        rows - MAX(MIN(OFFSET_LESS * rows, list->limit / 2.0), OFFSET_DEVIATIONS * chance), 0);
}

/* There are fewer rows than that; maybe hardly fewer. */
static void note_beyond(struct list_probe *list, int64_t start)
{
    list->settled = list->beyond > 0;
    list->beyond = start;
    list->census->older.ids = MIN(list->census->older.ids, start);
    list->census->density = 1;
}

/* Rows before `start` are counted by this page, as far as ids go it is known what is there. */
bool probe_offset(struct probing *probing, struct list_probe *list, GError **error)
{
    int64_t start = offset_of(list), first = 0, last = 0;
    g_autoptr(GString) path = g_string_new(NULL);
    struct tally tally = {0};
    struct probe_page page;
    bool meets = false;

    list->settled = true;
    g_string_printf(path, "%s?start=%" G_GINT64_FORMAT "&limit=%u&sort=id%%20ASC",
                    probe_list_of(list)->path, start, list->limit);
    append_since(list, path);
    if (!probe_read_page(probing, list, path->str, &page, error))
        return false;
    for (json_each_item(record, json_member(page.root, "data"))) {
        int64_t id = probe_id_of(record);

        first = first == 0 ? id : first;
        if (id >= list->floor) {
            meets = true;
            break;
        }
        probe_take_record(list, record, &tally);
        last = id;
    }
    if (first == 0)
        note_beyond(list, start);
    else
        count_to_page(list, start, &tally, first, last, meets || !page.more);
    arena_free(page.arena);
    return true;
}
