/* Opening: the destination, what it remembers, and what became of its tables meanwhile. */
#include "base/fault.h"
#include "base/format.h"
#include "sync/loader_private.h"
#include "sync/system.h"

#include <string.h>

static void take_state(const struct cell *cells, void *opaque)
{
    if (cells[STATE_NAME].kind != CELL_VALUE || cells[STATE_VALUE].kind != CELL_VALUE)
        return;
    g_hash_table_insert(opaque, g_strndup(cells[STATE_NAME].text, cells[STATE_NAME].length),
                        g_strndup(cells[STATE_VALUE].text, cells[STATE_VALUE].length));
}

static void take_field(const struct cell *cells, void *opaque)
{
    batch_copy_row(opaque, cells);
}

static bool read_all(struct loader *loader, const struct table *table, destination_row_func func,
                     void *opaque, GError **error)
{
    struct read_query query = {.table = table, .where = -1, .order_by = -1};

    return destination_read(loader->dest, &query, func, opaque, error);
}

char *loader_table_state_name(const struct stream *stream)
{
    return g_strdup_printf("table:%s", stream->name);
}

/* What was noted about a table when a run last ended it: its nonce and how many rows it held. */
static bool parse_table_state(const char *text, char **ret_nonce, int64_t *ret_rows)
{
    struct json_parser *parser = json_parser_new();
    struct arena *arena = arena_new();
    const struct json_value *root;
    bool good = json_parse_copy(parser, text, strlen(text), arena, &root, NULL) &&
                json_int64(json_member(root, "rows"), ret_rows);

    if (good)
        *ret_nonce = json_dup_string(json_member(root, "nonce"));
    arena_free(arena);
    json_parser_free(parser);
    return good;
}

static bool has_column(const struct table_info *info, const char *name)
{
    for (unsigned i = 0; i < info->columns->len; i++)
        if (g_ascii_strcasecmp(g_array_index(info->columns, struct table_info_column, i).name,
                               name) == 0)
            return true;
    return false;
}

/* A column that was dropped by hand comes back empty, and old rows would stay so. Which run wrote a
 * row, and when, is no loss. */
static const char *missing_column(const struct table *table, const struct table_info *info)
{
    for (unsigned i = 0; i < table->columns->len; i++) {
        const char *name = table_column(table, i)->name;

        if ((int)i != table->synced_at && (int)i != table->run_id && !has_column(info, name))
            return name;
    }
    return NULL;
}

/* A table that was dropped, replaced or emptied behind our back must be loaded anew. */
static bool look_at_table(struct loader *loader, const struct stream *stream, struct opened *opened,
                          GError **error)
{
    g_autofree char *name = loader_table_state_name(stream), *nonce = NULL;
    const char *text = g_hash_table_lookup(opened->states, name);
    struct table *table = fields_build_table(stream, NULL, loader->settings.metadata);
    struct table_info info;
    int64_t rows = 0;

    g_ptr_array_add(loader->known, table);
    loader->noted[stream->id] = -1;
    if (!destination_inspect(loader->dest, table, &info, error))
        return false;
    if (text && parse_table_state(text, &nonce, &rows)) {
        if (!info.exists)
            opened->lost[stream->id] = g_strdup("it was dropped");
        else if (g_strcmp0(info.nonce ? info.nonce : "", nonce) != 0)
            opened->lost[stream->id] = g_strdup("it was replaced by another table");
        else if (info.rows < rows)
            opened->lost[stream->id] = g_strdup_printf("it has %s rows where %s were loaded",
                                                       COUNT_TEXT(info.rows), COUNT_TEXT(rows));
        else if (missing_column(table, &info))
            opened->lost[stream->id] =
                g_strdup_printf("its column %s is gone", missing_column(table, &info));
        loader->noted[stream->id] = rows;
        loader->is_as_noted[stream->id] = !opened->lost[stream->id] && info.rows == rows;
        loader->noted_nonces[stream->id] = g_strdup(nonce);
    } else if (!text && opened_knows(opened, stream->id)) {
        opened->unended[stream->id] = info.exists;
        opened->lost[stream->id] = info.exists ? NULL : g_strdup("it was dropped");
    }
    loader->anew[stream->id] = opened->lost[stream->id] != NULL;
    opened->columns[stream->id] = g_ptr_array_new_with_free_func(g_free);
    for (unsigned i = 0; info.columns && i < info.columns->len; i++)
        g_ptr_array_add(opened->columns[stream->id],
                        g_strdup(g_array_index(info.columns, struct table_info_column, i).name));
    loader->nonces[stream->id] =
        info.exists && info.nonce ? g_strdup(info.nonce) : g_uuid_string_random();
    if (loader->anew[stream->id]) {
        g_free(loader->noted_nonces[stream->id]);
        loader->noted_nonces[stream->id] =
            g_strdup(!info.exists || info.nonce ? loader->nonces[stream->id] : "");
    }
    if (stream->id == STREAM_DEAL_PRODUCTS && info.is_ours)
        loader->queue.lines_table = table;
    table_info_done(&info);
    return true;
}

/* What stands in one table's place is that table's trouble. */
static bool look_at_tables(struct loader *loader, struct opened *opened, GError **error)
{
    for (unsigned i = 0; i < STREAM_COUNT; i++) {
        GError *failure = NULL;

        if (!loader->settings.selected[i] &&
            (i != STREAM_DEAL_PRODUCTS || !loader->queue.settings.lines))
            continue;
        if (look_at_table(loader, &catalog[i], opened, &failure))
            continue;
        if (!error_is(failure, PENSTOCK_ERROR_CONFIG)) {
            g_propagate_error(error, failure);
            return false;
        }
        loader->refused[i] = true;
        opened->refused[i] = failure;
    }
    return true;
}

static bool prepare_system(struct loader *loader, const struct table *table, GError **error)
{
    bool good = destination_prepare(loader->dest, table, "system", error);

    fault_point("after-system-table");
    return good;
}

/* One by one where DDL is not transactional: each view is whole or as it was. */
static bool replace_all_views(struct loader *loader, GError **error)
{
    if (!loader->dest->ops->caps.transactional_ddl)
        return views_replace(loader->views, NULL, NULL, error);
    if (!destination_begin(loader->dest, error))
        return false;
    if (views_replace(loader->views, NULL, NULL, error) && destination_commit(loader->dest, error))
        return true;
    destination_rollback(loader->dest);
    return false;
}

static void open_views(struct loader *loader, const struct opened *opened)
{
    if (!g_hash_table_contains(opened->states, VIEWS_STATE))
        return;
    loader->views = views_new(loader->dest, loader->settings.metadata);
    views_learn(loader->views, opened->fields);
}

bool loader_heal_views(struct loader *loader, GError **error)
{
    if (!loader->views || loader->views_are_healed)
        return true;
    loader->views_are_healed = true;
    return replace_all_views(loader, error);
}

static bool open_destination(struct loader *loader, struct opened *opened, GError **error)
{
    if (!destination_open(loader->settings.driver, &loader->settings.destination, &loader->dest,
                          error))
        return false;
    g_strlcpy(loader->dest->run_id, loader->settings.run_id, sizeof loader->dest->run_id);
    fault_point("after-open");
    loader->queue.dest = loader->seen.dest = loader->dest;
    if (!prepare_system(loader, loader->state_table, error) ||
        !prepare_system(loader, loader->fields_table, error) ||
        !prepare_system(loader, loader->options_table, error) ||
        !prepare_system(loader, loader->runs_table, error) ||
        !prepare_system(loader, loader->queue.parents, error) ||
        !prepare_system(loader, loader->seen.table, error))
        return false;
    if (!read_all(loader, loader->state_table, take_state, opened->states, error) ||
        !read_all(loader, loader->fields_table, take_field, opened->fields, error))
        return false;
    open_views(loader, opened);
    /* A child that this run leaves out still hears of deals that change: nobody will tell it later.
     */
    loader->queue.settings.lines |= opened_knows(opened, STREAM_DEAL_PRODUCTS);
    loader->queue.settings.flow |= opened_knows(opened, STREAM_DEALFLOW);
    return look_at_tables(loader, opened, error);
}

bool loader_open(struct loader *loader, const struct work *work, struct reply *reply,
                 GError **error)
{
    struct opened *opened = g_new0(struct opened, 1);
    struct batch *fields = batch_new();

    loader->started = work->now;
    opened->states = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    opened->fields = fields;
    batch_prepare(fields, loader->fields_table, 64);
    reply->opened = opened;
    return open_destination(loader, opened, error);
}
