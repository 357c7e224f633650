/* The list of fields as the API answers it, and what it changes of those that are known. */
#include "pipedrive/fields_private.h"

#include <string.h>

void field_read_options(struct field *field, const struct json_value *list, bool stored)
{
    for (json_each_item(item, list)) {
        const struct json_value *id = json_member(item, "id");
        struct field_option option = {.label = json_dup_string(json_member(item, "label"))};

        if (!id) {
            g_free(option.label);
            continue;
        }
        if (id->kind == JSON_STRING) {
            g_autoptr(GString) text = g_string_new(NULL);
            struct json_writer writer = {.out = text};

            json_put_text(&writer, NULL, id->text, id->length);
            option.id = g_strdup(text->str);
        } else {
            option.id = g_strndup(id->text, id->length);
        }
        option.deleted = stored && json_is_true(json_member(item, "deleted"));
        g_array_append_val(field->options, option);
    }
}

void fields_begin_list(struct fields *fields)
{
    g_clear_pointer(&fields->listed, g_ptr_array_unref);
    fields->listed = g_ptr_array_new_with_free_func(field_free);
}

bool fields_take_page(struct fields *fields, const struct json_value *root, char **ret_cursor,
                      GError **error)
{
    const struct json_value *data = json_member(root, "data");

    if (!data || (data->kind != JSON_ARRAY && data->kind != JSON_NULL)) {
        error_setf(error, PENSTOCK_ERROR_DATA, "the list of fields has no \"data\" array");
        return false;
    }
    for (json_each_item(item, data)) {
        char *key = json_dup_string(json_member(item, "field_code"));
        struct field *field;

        if (!key)
            continue;
        field = field_new(key, json_dup_string(json_member(item, "field_name")),
                          json_dup_string(json_member(item, "field_type")));
        field->is_custom = json_is_true(json_member(item, "is_custom_field"));
        field_read_options(field, json_member(item, "options"), false);
        g_ptr_array_add(fields->listed, field);
    }
    *ret_cursor = json_dup_string(json_member(json_member(root, "additional_data"), "next_cursor"));
    return true;
}

static bool replace_text(char **stored, const char *now)
{
    if (strcmp(*stored, now) == 0)
        return false;
    g_free(*stored);
    *stored = g_strdup(now);
    return true;
}

static struct field_option *find_option(const struct field *field, const char *id)
{
    for (unsigned i = 0; i < field->options->len; i++) {
        struct field_option *option = &g_array_index(field->options, struct field_option, i);

        if (strcmp(option->id, id) == 0)
            return option;
    }
    return NULL;
}

/* Options that vanished stay, marked deleted: records may still hold their ids. */
static bool merge_options(struct field *field, const struct field *listed)
{
    bool changed = false;

    for (unsigned i = 0; i < field->options->len; i++) {
        struct field_option *option = &g_array_index(field->options, struct field_option, i);
        bool deleted = !find_option(listed, option->id);

        changed |= option->deleted != deleted;
        option->deleted = deleted;
    }
    for (unsigned i = 0; i < listed->options->len; i++) {
        const struct field_option *now = &g_array_index(listed->options, struct field_option, i);
        struct field_option *option = find_option(field, now->id);

        if (!option) {
            struct field_option copy = {g_strdup(now->id), g_strdup(now->label), false};

            g_array_append_val(field->options, copy);
            changed = true;
        } else if (g_strcmp0(option->label, now->label) != 0) {
            g_free(option->label);
            option->label = g_strdup(now->label);
            changed = true;
        }
    }
    return changed;
}

static bool is_in_catalog(const struct fields *fields, const char *key)
{
    for (unsigned i = 0; i < fields->stream->column_count; i++)
        if (strcmp(fields->stream->columns[i].name, key) == 0)
            return true;
    return false;
}

/* Only custom fields get columns; a standard field is kept when it has options, for their labels.
 */
static bool is_kept(const struct fields *fields, const struct field *listed)
{
    return is_in_catalog(fields, listed->key) ? listed->options->len > 0 : listed->is_custom;
}

static bool merge_field(struct fields *fields, const struct field *listed)
{
    struct field *field = g_hash_table_lookup(fields->by_key, listed->key);
    bool is_custom = !is_in_catalog(fields, listed->key);
    bool changed = !field;

    if (!field) {
        field = field_new(g_strdup(listed->key), g_strdup(listed->name), g_strdup(listed->type));
        g_hash_table_insert(fields->by_key, field->key, field);
    }
    changed |= replace_text(&field->name, listed->name);
    changed |= replace_text(&field->type, listed->type);
    changed |= !field->active || field->is_custom < is_custom;
    field->active = true;
    field->is_custom |= is_custom;
    changed |= merge_options(field, listed);
    if (field->is_custom)
        return fields_give_columns(fields, field) || changed;
    if (field->parts->len == 0) {
        struct field_part part = {"", "", g_strdup(field->key), COLUMN_JSON};

        g_array_append_val(field->parts, part);
    }
    return changed;
}

void fields_end_list(struct fields *fields, bool *ret_changed)
{
    g_autoptr(GHashTable) present = g_hash_table_new(g_str_hash, g_str_equal);
    GHashTableIter iter;
    void *value;
    bool changed = false;

    /* In the order of the keys, so that of two fields with one name always the same gets the plain
     * column. */
    fields_sort(fields->listed);
    for (unsigned i = 0; i < fields->listed->len; i++) {
        const struct field *listed = fields->listed->pdata[i];

        if (!is_kept(fields, listed))
            continue;
        changed |= merge_field(fields, listed);
        g_hash_table_add(present, listed->key);
    }
    g_hash_table_iter_init(&iter, fields->by_key);
    while (g_hash_table_iter_next(&iter, NULL, &value)) {
        struct field *field = value;

        if (field->active && !g_hash_table_contains(present, field->key)) {
            field->active = false;
            changed = true;
        }
    }
    *ret_changed = changed;
    g_clear_pointer(&fields->listed, g_ptr_array_unref);
}
