/* Walks of a deal's children: product lines (100 deals a call) and its log (one deal a call). */
#include "pipedrive/walk_private.h"

#include <string.h>

#define PARENT_KEY(id) ((void *)(intptr_t)(id))

/* --- product lines --- */

static void request_lines(const struct walk *walk, GString *path)
{
    const struct stream_list *list = &walk->stream->lists[0];

    g_string_append_printf(path, "%s?limit=%u%s&deal_ids=", list->path, walk->limit, list->query);
    /* Comma-joined in one parameter: the repeated form is refused (openapi-v2.yaml: explode false).
     */
    for (unsigned i = 0; i < walk->parents->len; i++)
        g_string_append_printf(path, "%s%" G_GINT64_FORMAT, i ? "," : "",
                               g_array_index(walk->parents, struct parent, i).id);
    if (walk->cursor) {
        g_string_append(path, "&cursor=");
        g_string_append_uri_escaped(path, walk->cursor, NULL, FALSE);
    }
}

static const struct parent *find_parent(const struct walk *walk, int64_t id)
{
    for (unsigned i = 0; i < walk->parents->len; i++)
        if (g_array_index(walk->parents, struct parent, i).id == id)
            return &g_array_index(walk->parents, struct parent, i);
    return NULL;
}

/* A set is believed if it has as many lines as its deal says. If not, the deal is asked for alone;
 * what that answers is stored, but nothing is flagged for a line that merely wasn't there. */
static void close_group(struct walk *walk, int64_t id, GArray *ids, struct walk_step *step)
{
    const struct parent *parent = find_parent(walk, id);
    struct walk_group group = {.parent = id, .replace = true, .seen = ids};

    if (!parent) {
        g_array_unref(ids);
        return;
    }
    g_hash_table_add(walk->finished, PARENT_KEY(id));
    if (parent->count >= 0 && parent->count != ids->len) {
        if (walk->parents->len > 1) {
            g_array_append_val(step->ask_alone, *parent);
            g_array_unref(ids);
            return;
        }
        group.replace = false;
    }
    g_array_append_val(step->groups, group);
}

static void take_line(struct walk *walk, int64_t deal, int64_t line, struct walk_step *step)
{
    if (!walk->group || walk->group_parent != deal) {
        if (walk->group)
            close_group(walk, walk->group_parent, g_steal_pointer(&walk->group), step);
        walk->group = g_array_new(FALSE, FALSE, sizeof(int64_t));
        walk->group_parent = deal;
    }
    g_array_append_val(walk->group, line);
}

static void close_rest(struct walk *walk, struct walk_step *step)
{
    if (walk->group)
        close_group(walk, walk->group_parent, g_steal_pointer(&walk->group), step);
    for (unsigned i = 0; i < walk->parents->len; i++) {
        int64_t id = g_array_index(walk->parents, struct parent, i).id;

        if (!g_hash_table_contains(walk->finished, PARENT_KEY(id)))
            close_group(walk, id, g_array_new(FALSE, FALSE, sizeof(int64_t)), step);
    }
}

static bool advance_lines(struct walk *walk, const struct json_value *root,
                          const struct page_facts *facts, const struct batch *batch, instant_t date,
                          struct walk_step *step, GError **error)
{
    int deal_column = table_find_column(batch->table, "deal_id");
    g_autofree char *next = NULL;

    (void)facts, (void)date;
    if (!walk_next_cursor(walk, root, &next, error))
        return false;
    step->groups = g_array_new(FALSE, FALSE, sizeof(struct walk_group));
    step->ask_alone = g_array_new(FALSE, FALSE, sizeof(struct parent));
    for (unsigned i = 0; i < batch->row_count; i++) {
        const struct cell *cells = batch->rows[i].cells;
        int64_t deal, line;

        if (!cell_int64(&cells[deal_column], &deal) ||
            !cell_int64(&cells[batch->table->keys[0]], &line))
            continue;
        if (deal < walk->group_parent) {
            error_setf(error, PENSTOCK_ERROR_DATA,
                       "deals/products is not in the order of deal_id that was asked for");
            return false;
        }
        take_line(walk, deal, line, step);
    }
    g_free(walk->cursor);
    walk->cursor = g_steal_pointer(&next);
    if (!walk->cursor) {
        close_rest(walk, step);
        step->done = true;
    }
    return true;
}

static const struct walk_ops lines_ops = {.request = request_lines, .advance = advance_lines};

struct walk *walk_new_lines(const struct stream *stream, const struct parent *parents,
                            unsigned count)
{
    struct walk *walk = walk_alloc(&lines_ops, stream);

    walk->parents = g_array_new(FALSE, FALSE, sizeof(struct parent));
    g_array_append_vals(walk->parents, parents, count);
    walk->finished = g_hash_table_new(NULL, NULL);
    return walk;
}

/* --- the log of one deal --- */

static void request_flow(const struct walk *walk, GString *path)
{
    const struct stream_list *list = &walk->stream->lists[0];

    g_autofree char *id =
        g_strdup_printf("%" G_GINT64_FORMAT, g_array_index(walk->parents, struct parent, 0).id);
    g_auto(GStrv) parts = g_strsplit(list->path, "{id}", 2);

    g_string_append_printf(path, "%s%s%s?start=%" G_GINT64_FORMAT "&limit=%u%s", parts[0], id,
                           parts[1], walk->start, walk->limit, list->query);
}

/* A line is {object, timestamp, data}; only changes of the deal itself become rows. */
static bool decode_flow(const struct walk *walk, struct decoder *decoder,
                        const struct json_value *root, struct batch *batch, struct page_facts *ret,
                        GError **error)
{
    const struct json_value *data = json_member(root, "data");

    (void)walk;
    if (!data || (data->kind != JSON_ARRAY && data->kind != JSON_NULL)) {
        error_setf(error, PENSTOCK_ERROR_DATA,
                   "the answer has no \"data\" array: run again later; if it stays so, report it");
        return false;
    }
    *ret = (struct page_facts){.first_time = INSTANT_NONE, .last_time = INSTANT_NONE};
    ret->records = data->kind == JSON_ARRAY ? data->count : 0;
    batch_prepare(batch, decoder_table(decoder), MAX(ret->records, 1));
    batch->rejected = batch->skipped = 0;
    for (json_each_item(line, data)) {
        const struct json_value *record = json_member(line, "data");

        if (record && json_text_is(json_member(line, "object"), "dealChange"))
            page_decode_record(decoder, record, batch, ret);
    }
    return true;
}

static bool advance_flow(struct walk *walk, const struct json_value *root,
                         const struct page_facts *facts, const struct batch *batch, instant_t date,
                         struct walk_step *step, GError **error)
{
    (void)batch, (void)date, (void)error;
    walk->start += facts->records;
    step->done = facts->records == 0 || !page_has_more(root);
    if (step->done) {
        struct walk_group group = {.parent = g_array_index(walk->parents, struct parent, 0).id,
                                   .seen = g_array_new(FALSE, FALSE, sizeof(int64_t))};

        step->groups = g_array_new(FALSE, FALSE, sizeof(struct walk_group));
        g_array_append_val(step->groups, group);
    }
    return true;
}

static const struct walk_ops flow_ops = {
    .request = request_flow, .decode = decode_flow, .advance = advance_flow};

struct walk *walk_new_flow(const struct stream *stream, const struct parent *parent)
{
    struct walk *walk = walk_alloc(&flow_ops, stream);

    walk->parents = g_array_new(FALSE, FALSE, sizeof(struct parent));
    g_array_append_val(walk->parents, *parent);
    return walk;
}
