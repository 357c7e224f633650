/* Plan probes: ids by chance, whose share in what is there tells how many rows there are. */
#include "sync/plan_probe_private.h"

/* So many ids by chance find a hundred gaps, unless there are hardly any. */
#define TRIES_MAX 10000

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
    const struct stream_list *source = probe_list_of(list);

    g_string_printf(path, "%s?limit=%u%s&ids=", source->path, ids->len, source->query);
    for (unsigned i = 0; i < ids->len; i++)
        g_string_append_printf(path, "%s%" G_GINT64_FORMAT, i > 0 ? "," : "",
                               g_array_index(ids, int64_t, i));
    probe_append_include(list, path);
}

bool probe_sample(struct probing *probing, struct list_probe *list, GError **error)
{
    g_autoptr(GArray) ids = g_array_new(FALSE, FALSE, sizeof(int64_t));
    g_autoptr(GHashTable) there = g_hash_table_new(NULL, NULL);
    g_autoptr(GString) path = g_string_new(NULL);
    struct probe_page page;

    draw_ids(probing, list, ids);
    if (ids->len == 0)
        return true;
    request_ids(list, ids, path);
    if (!probe_read_page(probing, list, path->str, &page, error))
        return false;
    for (json_each_item(record, json_member(page.root, "data"))) {
        probe_take_record(list, record, &list->census->older.found);
        g_hash_table_add(there, ID_KEY(probe_id_of(record)));
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

void probe_begin_archived(struct probing *probing)
{
    const struct list_probe *deals = &probing->lists[STREAM_DEALS][0];

    *probing->lists[STREAM_DEALS][1].census = (struct census){
        .row_bytes = deals->census->row_bytes,
        .page_bytes = deals->census->page_bytes,
        .density = 1 - deals->census->density,
        .bounded = deals->census->bounded,
        .paired = true,
        .older = {.ids = deals->census->older.ids},
        .gaps = {.ids = deals->highest - deals->floor + 1 - g_hash_table_size(deals->newest)},
    };
}

bool probe_archived(struct probing *probing, GError **error)
{
    struct list_probe *deals = &probing->lists[STREAM_DEALS][0];
    struct list_probe *archived = &probing->lists[STREAM_DEALS][1];
    struct census *census = archived->census;
    g_autoptr(GArray) ids = g_array_new(FALSE, FALSE, sizeof(int64_t));
    g_autoptr(GString) path = g_string_new(NULL);
    struct probe_page page;
    unsigned absent;

    /* Another sample of one would not fit to the other. */
    deals->settled = archived->settled = census->seen = true;
    g_array_append_vals(ids, deals->absent->data,
                        MIN(deals->absent->len, archived->stream->ids_a_call));
    absent = ids->len;
    draw_gaps(probing, deals, archived->stream->ids_a_call - absent, ids);
    census->older.asked = deals->census->older.asked;
    census->gaps.asked = ids->len - absent;
    if (ids->len == 0)
        return true;
    request_ids(archived, ids, path);
    if (!probe_read_page(probing, archived, path->str, &page, error))
        return false;
    for (json_each_item(record, json_member(page.root, "data")))
        probe_take_record(archived, record,
                          probe_id_of(record) < deals->floor ? &census->older.found
                                                             : &census->gaps.found);
    arena_free(page.arena);
    return true;
}
