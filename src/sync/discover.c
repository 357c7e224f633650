#include "sync/api.h"
#include "sync/commands.h"
#include "sync/memory.h"
#include "sync/outlook.h"

static void column_clear(void *data)
{
    struct discover_column *column = data;

    g_free(column->name);
    g_free(column->source);
    g_free(column->comment);
}

static void table_free_one(void *data)
{
    struct discover_table *table = data;

    g_array_unref(table->columns);
    g_free((char *)table->source);
    g_free(table);
}

static const struct field *custom_field(const struct fields *fields, const char *column)
{
    g_autoptr(GPtrArray) list = fields ? fields_list(fields) : NULL;

    for (unsigned i = 0; list && i < list->len; i++) {
        const struct field *field = list->pdata[i];

        for (unsigned j = 0; field->is_custom && j < field->parts->len; j++)
            if (g_strcmp0(g_array_index(field->parts, struct field_part, j).column, column) == 0)
                return field;
    }
    return NULL;
}

static struct discover_table *describe(const struct sync_settings *settings,
                                       const struct stream *stream, const struct fields *fields)
{
    struct discover_table *result = g_new0(struct discover_table, 1);
    g_autoptr(Table) table = fields_build_table(stream, fields, settings->metadata);

    result->name = stream->name;
    result->method = stream->method;
    result->key = "id";
    result->replication_key = stream->replication_key;
    result->source = g_strdup_printf("GET %s", stream->lists[0].path);
    result->cost_tokens = stream->lists[0].cost_tokens;
    result->selected = memory_is_selected(settings, stream);
    result->columns = g_array_new(FALSE, TRUE, sizeof(struct discover_column));
    g_array_set_clear_func(result->columns, column_clear);
    for (unsigned i = 0; i < table->columns->len; i++) {
        const struct column *column = table_column(table, i);
        const struct field *field = custom_field(fields, column->name);
        struct discover_column row = {.name = g_strdup(column->name),
                                      .type = column_type_name(column->type)};

        if (field) {
            row.source = g_strdup(field->key);
            row.comment = g_strdup(field->name);
        } else if (!column->is_system) {
            row.source = g_strdup(column->comment ? column->comment : column->name);
        }
        g_array_append_val(result->columns, row);
    }
    return result;
}

static bool add_stream(const struct sync_settings *settings, struct api *api, struct memory *memory,
                       const struct stream *stream, GPtrArray *tables, GError **error)
{
    struct fields *fields =
        stream->fields == FIELDS_NONE ? NULL : memory_fields_new(settings, stream);
    bool good = true;

    for (unsigned i = 0; fields && memory->fields && i < memory->fields->row_count; i++)
        fields_restore(fields, memory->fields->rows[i].cells);
    if (fields && api->client && fields_mode(fields) != FIELDS_AS_JSON)
        good = api_fields(api, stream, fields, error);
    if (good)
        g_ptr_array_add(tables, describe(settings, stream, fields));
    fields_free(fields);
    return good;
}

/* Whose tokens they are is known once something was synced. */
static void book_tokens(const struct api *api, const struct sync_settings *settings,
                        struct memory *memory)
{
    int64_t company;

    if (json_int64(json_member(memory_state(memory, "connection"), "company_id"), &company))
        outlook_book(api, settings, company, api->tokens);
}

bool discover_run(const struct sync_settings *settings, GPtrArray **ret_tables, GError **error)
{
    GPtrArray *tables = g_ptr_array_new_with_free_func(table_free_one);
    struct memory memory = {0};
    struct api api = {0};
    bool good = (!settings->token || api_open(&api, settings, error)) &&
                (!settings->driver || memory_open(&memory, settings, true, error));

    for (unsigned i = 0; good && i < STREAM_COUNT; i++)
        good = add_stream(settings, &api, &memory, &catalog[i], tables, error);
    if (memory.states && api.client)
        book_tokens(&api, settings, &memory);
    if (memory.states)
        memory_close(&memory);
    api_close(&api);
    if (good)
        *ret_tables = tables;
    else
        g_ptr_array_unref(tables);
    return good;
}
