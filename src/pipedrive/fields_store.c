/* The fields that a destination knows: rows of _penstock_fields and _penstock_options. */
#include "pipedrive/fields_private.h"

#include "model/view.h"

#include <string.h>

enum {
    FIELD_TABLE,
    FIELD_KEY,
    FIELD_PART,
    FIELD_COLUMN,
    FIELD_COLUMN_TYPE,
    FIELD_NAME,
    FIELD_TYPE,
    FIELD_ACTIVE,
    FIELD_CUSTOM,
    FIELD_OPTIONS
};

struct table *fields_table(void)
{
    static const struct {
        const char *name;
        enum column_type type;
    } columns[] = {
        {"table", COLUMN_TEXT},   {"key", COLUMN_TEXT},          {"part", COLUMN_TEXT},
        {"column", COLUMN_TEXT},  {"column_type", COLUMN_TEXT},  {"name", COLUMN_TEXT},
        {"type", COLUMN_TEXT},    {"is_active", COLUMN_BOOLEAN}, {"is_custom", COLUMN_BOOLEAN},
        {"options", COLUMN_JSON},
    };
    struct table *table = table_new("_penstock_fields", TABLE_SYSTEM);

    for (size_t i = 0; i < G_N_ELEMENTS(columns); i++)
        table_add_column(table, columns[i].name, columns[i].type, NULL);
    table->keys[0] = FIELD_TABLE;
    table->keys[1] = FIELD_KEY;
    table->keys[2] = FIELD_PART;
    table->key_count = 3;
    return table;
}

static char *cell_dup(const struct cell *cell)
{
    return cell->kind == CELL_VALUE ? g_strndup(cell->text, cell->length) : NULL;
}

struct table *fields_options_table(void)
{
    struct table *table = table_new(OPTIONS_TABLE, TABLE_SYSTEM);

    table->keys[0] = table_add_column(table, OPTIONS_OF, COLUMN_TEXT, NULL);
    table->keys[1] = table_add_column(table, OPTIONS_COLUMN, COLUMN_TEXT, NULL);
    table->keys[2] = table_add_column(table, OPTIONS_ID, COLUMN_TEXT, NULL);
    table->key_count = 3;
    table_add_column(table, OPTIONS_LABEL, COLUMN_TEXT, NULL);
    table_add_column(table, OPTIONS_DELETED, COLUMN_BOOLEAN, NULL);
    return table;
}

static void restore_options(struct field *field, const struct cell *cell)
{
    struct json_parser *parser;
    struct arena *arena;
    const struct json_value *root;

    if (cell->kind != CELL_VALUE || field->options->len > 0)
        return;
    parser = json_parser_new();
    arena = arena_new();
    if (json_parse_copy(parser, cell->text, cell->length, arena, &root, NULL))
        field_read_options(field, root, true);
    arena_free(arena);
    json_parser_free(parser);
}

bool fields_row_is_of(const struct cell *cells, const struct stream *stream)
{
    return cell_is(&cells[FIELD_TABLE], stream->name);
}

/* Where a part stands among those of today's type; behind them what is of an older one. */
static unsigned part_rank(const struct part_form *forms, const char *name)
{
    unsigned rank = 0;

    while (forms[rank].name && strcmp(forms[rank].name, name) != 0)
        rank++;
    return rank;
}

static int by_rank(const void *a, const void *b, void *forms)
{
    const struct field_part *left = a, *right = b;
    unsigned x = part_rank(forms, left->name), y = part_rank(forms, right->name);

    return x != y ? (x < y ? -1 : 1) : strcmp(left->name, right->name);
}

/* Rows come in any order, columns in that of the type. */
static void sort_parts(struct field *field)
{
    g_array_sort_with_data(field->parts, by_rank, (void *)field_forms(field->type));
}

void fields_restore(struct fields *fields, const struct cell *cells)
{
    g_autofree char *key = cell_dup(&cells[FIELD_KEY]), *part_name = cell_dup(&cells[FIELD_PART]);
    g_autofree char *type_name = cell_dup(&cells[FIELD_COLUMN_TYPE]);
    g_autofree char *column = cell_dup(&cells[FIELD_COLUMN]);
    const struct part_form *form;
    struct field *field;
    enum column_type type;

    if (!fields_row_is_of(cells, fields->stream) || !key || !part_name || !type_name || !column ||
        !*column || !column_type_from_name(type_name, &type))
        return;
    field = g_hash_table_lookup(fields->by_key, key);
    if (!field) {
        field =
            field_new(g_strdup(key), cell_dup(&cells[FIELD_NAME]), cell_dup(&cells[FIELD_TYPE]));
        field->active = cell_is(&cells[FIELD_ACTIVE], "1");
        field->is_custom = cell_is(&cells[FIELD_CUSTOM], "1");
        g_hash_table_insert(fields->by_key, field->key, field);
    }
    restore_options(field, &cells[FIELD_OPTIONS]);
    for (form = field_forms(field->type); form->name; form++)
        if (strcmp(form->name, part_name) == 0)
            break;
    if (form->name) {
        fields_add_part(fields, field, form, g_steal_pointer(&column));
        g_array_index(field->parts, struct field_part, field->parts->len - 1).type = type;
    } else { /* a part that today's type of the field no longer has: its column stays, nothing fills
                it */
        struct part_form old = {NO_MEMBER, g_intern_string(part_name), type};

        fields_add_part(fields, field, &old, g_steal_pointer(&column));
    }
    sort_parts(field);
}

static void write_options(const struct field *field, struct batch *batch, struct cell *cell)
{
    g_autoptr(GString) text = NULL;
    struct json_writer writer;

    if (field->options->len == 0) {
        cell_set_null(cell);
        return;
    }
    text = g_string_new(NULL);
    writer = (struct json_writer){.out = text};
    json_begin_array(&writer, NULL);
    for (unsigned i = 0; i < field->options->len; i++) {
        const struct field_option *option = &g_array_index(field->options, struct field_option, i);

        json_begin_object(&writer, NULL);
        json_put_raw(&writer, "id", option->id, strlen(option->id));
        json_put_string(&writer, "label", option->label);
        if (option->deleted)
            json_put_bool(&writer, "deleted", true);
        json_end_object(&writer);
    }
    json_end_array(&writer);
    cell_set_string(batch, cell, text->str);
}

/* As a column holds it and SQL compares it: 12, open. New. */
static char *option_id_text(struct json_parser *parser, struct arena *arena, const char *json)
{
    const struct json_value *value;

    if (*json == '"' && json_parse_copy(parser, json, strlen(json), arena, &value, NULL))
        return json_dup_string(value);
    return g_strdup(json);
}

static void write_option(const struct fields *fields, const char *column,
                         const struct field_option *option, const char *id, struct batch *batch)
{
    struct cell *cells = batch_add_row(batch)->cells;

    cell_set_string(batch, &cells[0], fields->stream->name);
    cell_set_string(batch, &cells[1], column);
    cell_set_string(batch, &cells[2], id);
    cell_set_string(batch, &cells[3], option->label);
    cell_set_string(batch, &cells[4], option->deleted ? "1" : "0");
}

static void write_part(const struct fields *fields, const struct field *field,
                       const struct field_part *part, struct batch *batch)
{
    struct cell *cells = batch_add_row(batch)->cells;

    cell_set_string(batch, &cells[FIELD_TABLE], fields->stream->name);
    cell_set_string(batch, &cells[FIELD_KEY], field->key);
    cell_set_string(batch, &cells[FIELD_PART], part->name);
    cell_set_string(batch, &cells[FIELD_COLUMN], part->column);
    cell_set_string(batch, &cells[FIELD_COLUMN_TYPE], column_type_name(part->type));
    cell_set_string(batch, &cells[FIELD_NAME], field->name);
    cell_set_string(batch, &cells[FIELD_TYPE], field->type);
    cell_set_string(batch, &cells[FIELD_ACTIVE], field->active ? "1" : "0");
    cell_set_string(batch, &cells[FIELD_CUSTOM], field->is_custom ? "1" : "0");
    write_options(field, batch, &cells[FIELD_OPTIONS]);
}

void fields_write(const struct fields *fields, struct batch *batch)
{
    g_autoptr(GPtrArray) list = fields_list(fields);

    for (unsigned i = 0; i < list->len; i++) {
        const struct field *field = list->pdata[i];

        for (unsigned j = 0; j < field->parts->len; j++)
            write_part(fields, field, &g_array_index(field->parts, struct field_part, j), batch);
    }
}

void fields_write_options(const struct fields *fields, struct batch *batch)
{
    g_autoptr(GPtrArray) list = fields_list(fields);
    struct json_parser *parser = json_parser_new();
    struct arena *arena = arena_new();

    for (unsigned i = 0; i < list->len; i++) {
        const struct field *field = list->pdata[i];
        g_autofree char *column = fields_main_column(fields, field);

        for (unsigned j = 0; column && j < field->options->len; j++) {
            const struct field_option *option =
                &g_array_index(field->options, struct field_option, j);
            g_autofree char *id = option_id_text(parser, arena, option->id);

            write_option(fields, column, option, id, batch);
        }
    }
    arena_free(arena);
    json_parser_free(parser);
}
