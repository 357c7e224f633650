#include "sync/memory.h"

#include "sync/api.h"
#include "sync/queue.h"
#include "sync/system.h"

#include <string.h>

bool memory_is_selected(const struct sync_settings *settings, const struct stream *stream)
{
    if (stream->id == STREAM_DEALFLOW && settings->dealflow == DEALFLOW_OFF)
        return false;
    return !settings->tables ||
           g_strv_contains((const char *const *)settings->tables, stream->name);
}

enum fields_mode memory_fields_mode(const struct sync_settings *settings)
{
    static const enum fields_mode modes[] = {
        [CUSTOM_FIELDS_NAMES] = FIELDS_AS_NAMES,
        [CUSTOM_FIELDS_KEYS] = FIELDS_AS_KEYS,
        [CUSTOM_FIELDS_JSON] = FIELDS_AS_JSON,
    };

    return modes[settings->custom_fields];
}

struct fields *memory_fields_new(const struct sync_settings *settings, const struct stream *stream)
{
    struct fields *fields = fields_new(stream, memory_fields_mode(settings));
    const char *const *names = settings->driver ? settings->driver->caps.own_columns : NULL;

    for (; names && *names; names++)
        fields_reserve(fields, *names);
    return fields;
}

static void take_state(const struct cell *cells, void *opaque)
{
    if (cells[STATE_NAME].kind == CELL_VALUE && cells[STATE_VALUE].kind == CELL_VALUE)
        g_hash_table_insert(opaque, g_strndup(cells[STATE_NAME].text, cells[STATE_NAME].length),
                            g_strndup(cells[STATE_VALUE].text, cells[STATE_VALUE].length));
}

static void take_field(const struct cell *cells, void *opaque)
{
    batch_copy_row(opaque, cells);
}

static bool read_table(struct memory *memory, const struct table *table, destination_row_func func,
                       void *opaque, GError **error)
{
    struct read_query query = {.table = table, .where = -1, .order_by = -1};

    return destination_read(memory->dest, &query, func, opaque, error);
}

/* Whoever only looks need not know what the tables were made with. */
static enum metadata_style remembered_style(struct memory *memory, enum metadata_style otherwise)
{
    const struct json_value *root = memory_state(memory, "connection");
    g_autofree char *name = json_dup_string(json_member(root, "metadata_columns"));
    enum metadata_style style = otherwise;

    if (name)
        metadata_style_from_name(name, &style);
    return style;
}

static bool open_as(struct memory *memory, const struct sync_settings *settings, bool read_only,
                    bool probe, GError **error)
{
    struct destination_settings destination = {.url = settings->destination_url,
                                               .schema = settings->schema,
                                               .connection = settings->connection,
                                               .read_only = read_only,
                                               .probe = probe,
                                               .lock_timeout_ms = settings->lock_timeout_ms};

    *memory = (struct memory){0};
    memory->states = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    memory->fields_table = fields_table();
    memory->state_table = system_state_table();
    memory->fields = batch_new();
    memory->parser = json_parser_new();
    memory->arena = arena_new();
    batch_prepare(memory->fields, memory->fields_table, 64);
    if (destination_open(settings->driver, &destination, &memory->dest, error) &&
        read_table(memory, memory->state_table, take_state, memory->states, error) &&
        read_table(memory, memory->fields_table, take_field, memory->fields, error)) {
        memory->metadata = remembered_style(memory, settings->metadata);
        return true;
    }
    memory_close(memory);
    return false;
}

bool memory_open(struct memory *memory, const struct sync_settings *settings, bool read_only,
                 GError **error)
{
    return open_as(memory, settings, read_only, false, error);
}

bool memory_probe(struct memory *memory, const struct sync_settings *settings, GError **error)
{
    return open_as(memory, settings, true, true, error);
}

void memory_close(struct memory *memory)
{
    destination_close(memory->dest);
    g_clear_pointer(&memory->states, g_hash_table_unref);
    batch_release(memory->fields);
    table_free(memory->fields_table);
    table_free(memory->state_table);
    json_parser_free(memory->parser);
    arena_free(memory->arena);
    *memory = (struct memory){0};
}

bool memory_look(const struct sync_settings *settings, bool *ret_empty, GError **error)
{
    struct memory memory;

    if (!memory_open(&memory, settings, true, error))
        return false;
    *ret_empty = g_hash_table_size(memory.states) == 0;
    memory_close(&memory);
    return true;
}

const struct json_value *memory_state(struct memory *memory, const char *name)
{
    const char *text = g_hash_table_lookup(memory->states, name);
    const struct json_value *root;

    if (!text || !json_parse_copy(memory->parser, text, strlen(text), memory->arena, &root, NULL))
        return NULL;
    return root;
}

bool memory_stream(struct memory *memory, const struct stream *stream, struct stream_state *ret,
                   GError **error)
{
    const struct json_value *root = memory_state(memory, stream->name);

    stream_state_init(ret);
    if (!root || stream_state_read(ret, stream, root, error))
        return true;
    stream_state_done(ret);
    return false;
}

bool memory_backlog(struct memory *memory, const char *child, int64_t *ret, GError **error)
{
    struct queue queue;
    bool good;

    queue_init(&queue);
    queue.dest = memory->dest;
    good = queue_count(&queue, child, ret, error);
    queue_done(&queue);
    return good;
}

/* A sync would refuse it too (extract_begin.c). */
bool memory_check_company(struct memory *memory, const struct identity *who, GError **error)
{
    const struct json_value *connection = memory_state(memory, "connection");
    int64_t company;

    if (!connection || !json_int64(json_member(connection, "company_id"), &company) ||
        company == who->company_id)
        return true;
    error_setf(error, PENSTOCK_ERROR_CONFIG,
               "the destination holds company %" G_GINT64_FORMAT
               ", but the token belongs to %s (company %" G_GINT64_FORMAT
               "): use that company's token, or another destination or schema",
               company, who->company_name ? who->company_name : "?", who->company_id);
    return false;
}
