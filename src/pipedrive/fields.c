#include "pipedrive/fields.h"

#include "model/view.h"

#include <string.h>

/* A base name this long leaves room for every suffix in the shortest limit (PostgreSQL's 63 bytes).
 */
#define SLUG_BYTES 40

/* A member that no answer has. */
#define NO_MEMBER "\x01"

struct part_form {
    const char *member, *name;
    enum column_type type;
};

/* How the value of a field type arrives on v2 and which columns it becomes. Suffixes are those of
 * the v1 records. Types that are not here (status, picture, json …) stay whole, as JSON. Source: v2
 * migration guide and openapi-v2.yaml of 2026-08-18. */
static const struct type_form {
    const char *type;
    struct part_form parts[13];
} type_forms[] = {
    {"varchar", {{"", "", COLUMN_TEXT}}},
    {"varchar_auto", {{"", "", COLUMN_TEXT}}},
    {"text", {{"", "", COLUMN_TEXT}}},
    {"phone", {{"", "", COLUMN_TEXT}}},
    {"double", {{"", "", COLUMN_DECIMAL}}},
    {"int", {{"", "", COLUMN_INTEGER}}},
    {"boolean", {{"", "", COLUMN_BOOLEAN}}},
    {"enum", {{"", "", COLUMN_INTEGER}}},
    {"set", {{NULL, "", COLUMN_JSON}}},
    {"user", {{"", "", COLUMN_INTEGER}}},
    {"org", {{"", "", COLUMN_INTEGER}}},
    {"people", {{"", "", COLUMN_INTEGER}}},
    {"deal", {{"", "", COLUMN_INTEGER}}},
    {"stage", {{"", "", COLUMN_INTEGER}}},
    {"project", {{"", "", COLUMN_INTEGER}}},
    {"activity", {{"", "", COLUMN_INTEGER}}},
    {"date", {{"", "", COLUMN_DATE}}},
    {"daterange", {{"value", "", COLUMN_DATE}, {"until", "until", COLUMN_DATE}}},
    {"monetary", {{"value", "", COLUMN_DECIMAL}, {"currency", "currency", COLUMN_TEXT}}},
    {"time",
     {{"value", "", COLUMN_TIME},
      {"timezone_id", "timezone_id", COLUMN_INTEGER},
      {"timezone_name", "timezone_name", COLUMN_TEXT}}},
    {"timerange",
     {{"value", "", COLUMN_TIME},
      {"until", "until", COLUMN_TIME},
      {"timezone_id", "timezone_id", COLUMN_INTEGER},
      {"timezone_name", "timezone_name", COLUMN_TEXT}}},
    {"address",
     {{"value", "", COLUMN_TEXT},
      {"subpremise", "subpremise", COLUMN_TEXT},
      {"street_number", "street_number", COLUMN_TEXT},
      {"route", "route", COLUMN_TEXT},
      {"sublocality", "sublocality", COLUMN_TEXT},
      {"locality", "locality", COLUMN_TEXT},
      {"admin_area_level_1", "admin_area_level_1", COLUMN_TEXT},
      {"admin_area_level_2", "admin_area_level_2", COLUMN_TEXT},
      {"country", "country", COLUMN_TEXT},
      {"postal_code", "postal_code", COLUMN_TEXT},
      {"formatted_address", "formatted_address", COLUMN_TEXT},
      {NULL, "parts", COLUMN_JSON}}},
};
static const struct part_form unknown_form[] = {{NULL, "", COLUMN_JSON}, {0}};

struct fields {
    const struct stream *stream;
    enum fields_mode mode;
    GHashTable *by_key;  /* key → struct field, owned */
    GHashTable *columns; /* names in use, of the whole table; owned text */
    GPtrArray *listed;   /* struct field, of the list being read */
};

static const struct part_form *form_of_type(const char *type)
{
    for (size_t i = 0; i < G_N_ELEMENTS(type_forms); i++)
        if (strcmp(type_forms[i].type, type) == 0)
            return type_forms[i].parts;
    return unknown_form;
}

static void option_clear(void *data)
{
    struct field_option *option = data;

    g_free(option->id);
    g_free(option->label);
}

static void part_clear(void *data)
{
    g_free(((struct field_part *)data)->column);
}

static void field_free(void *data)
{
    struct field *field = data;

    g_free(field->key);
    g_free(field->name);
    g_free(field->type);
    g_array_unref(field->options);
    g_array_unref(field->parts);
    g_free(field);
}

static struct field *field_new(char *key, char *name, char *type)
{
    struct field *field = g_new0(struct field, 1);

    field->key = key;
    field->name = name ? name : g_strdup("");
    field->type = type ? type : g_strdup("");
    field->options = g_array_new(FALSE, TRUE, sizeof(struct field_option));
    g_array_set_clear_func(field->options, option_clear);
    field->parts = g_array_new(FALSE, TRUE, sizeof(struct field_part));
    g_array_set_clear_func(field->parts, part_clear);
    return field;
}

/* Of every style: names are permanent, while a person may choose another style after a reset. */
static void reserve_system_columns(struct fields *fields)
{
    for (int style = METADATA_NATIVE; style <= METADATA_NONE; style++) {
        g_autoptr(Table) table = table_new("", TABLE_REPLICATED);

        table_add_system_columns(table, (enum metadata_style)style);
        for (unsigned i = 0; i < table->columns->len; i++)
            fields_reserve(fields, table_column(table, i)->name);
    }
}

struct fields *fields_new(const struct stream *stream, enum fields_mode mode)
{
    struct fields *fields = g_new0(struct fields, 1);

    fields->stream = stream;
    fields->mode = mode;
    fields->by_key = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, field_free);
    fields->columns = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    for (unsigned i = 0; i < stream->column_count; i++)
        g_hash_table_add(fields->columns, g_strdup(stream->columns[i].name));
    g_hash_table_add(fields->columns, g_strdup("custom_fields"));
    reserve_system_columns(fields);
    return fields;
}

void fields_free(struct fields *fields)
{
    if (!fields)
        return;
    g_hash_table_unref(fields->by_key);
    g_hash_table_unref(fields->columns);
    g_clear_pointer(&fields->listed, g_ptr_array_unref);
    g_free(fields);
}

/* Databases fold the case of names, and the names of fields are in lower case. */
void fields_reserve(struct fields *fields, const char *column)
{
    g_hash_table_add(fields->columns, g_utf8_strdown(column, -1));
}

const struct field *fields_find(const struct fields *fields, const char *key, size_t length)
{
    const struct field *field;
    char text[128];

    if (length >= sizeof text)
        return NULL;
    memcpy(text, key, length);
    text[length] = '\0';
    field = g_hash_table_lookup(fields->by_key, text);
    return field && strlen(field->key) == length ? field : NULL; /* no zero byte cut it short */
}

enum fields_mode fields_mode(const struct fields *fields)
{
    return fields->mode;
}

char *fields_slug(const char *name, const char *key)
{
    g_autofree char *normal = g_utf8_normalize(name, -1, G_NORMALIZE_NFKC);
    g_autofree char *lower = normal ? g_utf8_strdown(normal, -1) : g_strdup("");
    g_autoptr(GString) slug = g_string_new(NULL);

    for (const char *p = lower; *p; p = g_utf8_next_char(p)) {
        gunichar c = g_utf8_get_char(p);

        if (slug->len + 6 > SLUG_BYTES)
            break;
        if (g_unichar_isalnum(c) || g_unichar_ismark(c))
            g_string_append_unichar(slug, c);
        else if (slug->len > 0 && slug->str[slug->len - 1] != '_')
            g_string_append_c(slug, '_');
    }
    while (slug->len > 0 && slug->str[slug->len - 1] == '_')
        g_string_truncate(slug, slug->len - 1);
    if (slug->len == 0)
        g_string_printf(slug, "field_%.8s", key);
    else if (g_ascii_isdigit(slug->str[0]))
        g_string_prepend(slug, "f_");
    return g_strdup(slug->str);
}

static char *join_name(const char *base, const char *suffix)
{
    return *suffix ? g_strdup_printf("%s_%s", base, suffix) : g_strdup(base);
}

static bool is_free(const struct fields *fields, const char *base, const struct part_form *forms)
{
    for (const struct part_form *form = forms; form->name; form++) {
        g_autofree char *column = join_name(base, form->name);

        if (g_hash_table_contains(fields->columns, column))
            return false;
    }
    return true;
}

/* A base that is free with every suffix; a clash is told apart by as much of the key as it takes.
 */
static char *choose_base(const struct fields *fields, const struct field *field,
                         const struct part_form *forms)
{
    g_autofree char *slug = fields->mode == FIELDS_AS_KEYS ? g_strdup(field->key)
                                                           : fields_slug(field->name, field->key);

    if (is_free(fields, slug, forms))
        return g_steal_pointer(&slug);
    for (int bytes = 4; bytes < 40; bytes += 4) {
        g_autofree char *base = g_strdup_printf("%s_%.*s", slug, bytes, field->key);

        if (is_free(fields, base, forms))
            return g_steal_pointer(&base);
    }
    return g_strdup_printf("%.12s_%s", slug, field->key);
}

static const struct field_part *find_part(const struct field *field, const char *name)
{
    for (unsigned i = 0; i < field->parts->len; i++) {
        const struct field_part *part = &g_array_index(field->parts, struct field_part, i);

        if (strcmp(part->name, name) == 0)
            return part;
    }
    return NULL;
}

static void add_part(struct fields *fields, struct field *field, const struct part_form *form,
                     char *column)
{
    struct field_part part = {form->member, form->name, column, form->type};

    g_array_append_val(field->parts, part);
    g_hash_table_add(fields->columns, g_strdup(column));
}

/* Gives a field the columns that its type needs and widens those that it has. Returns whether
 * anything changed. */
static bool give_columns(struct fields *fields, struct field *field)
{
    const struct part_form *forms = form_of_type(field->type);
    const struct field_part *main_part = find_part(field, "");
    g_autofree char *base =
        main_part ? g_strdup(main_part->column) : choose_base(fields, field, forms);
    bool changed = false;

    /* What only an earlier type had keeps its column, and nothing fills it. */
    for (unsigned i = 0; i < field->parts->len; i++)
        g_array_index(field->parts, struct field_part, i).member = NO_MEMBER;
    for (const struct part_form *form = forms; form->name; form++) {
        struct field_part *part = (struct field_part *)find_part(field, form->name);
        g_autofree char *column = join_name(base, form->name);

        if (part) {
            enum column_type wide = column_type_widen(part->type, form->type);

            changed |= wide != part->type;
            part->type = wide;
            part->member = form->member;
            continue;
        }
        if (g_hash_table_contains(fields->columns,
                                  column)) { /* a type change brought a part whose name is taken */
            char *longer = g_strdup_printf("%s_%.8s", column, field->key);

            g_free(column);
            column = longer;
        }
        add_part(fields, field, form, g_steal_pointer(&column));
        changed = true;
    }
    return changed;
}

/* --- the stored list --- */

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

static void read_options(struct field *field, const struct json_value *list, bool stored)
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
        read_options(field, root, true);
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
    g_array_sort_with_data(field->parts, by_rank, (void *)form_of_type(field->type));
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
    for (form = form_of_type(field->type); form->name; form++)
        if (strcmp(form->name, part_name) == 0)
            break;
    if (form->name) {
        add_part(fields, field, form, g_steal_pointer(&column));
        g_array_index(field->parts, struct field_part, field->parts->len - 1).type = type;
    } else { /* a part that today's type of the field no longer has: its column stays, nothing fills
                it */
        struct part_form old = {NO_MEMBER, g_intern_string(part_name), type};

        add_part(fields, field, &old, g_steal_pointer(&column));
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

static int by_key_order(const void *a, const void *b)
{
    const struct field *const *left = a, *const *right = b;

    return strcmp((*left)->key, (*right)->key);
}

GPtrArray *fields_list(const struct fields *fields)
{
    GPtrArray *list = g_ptr_array_new();
    GHashTableIter iter;
    void *field;

    g_hash_table_iter_init(&iter, fields->by_key);
    while (g_hash_table_iter_next(&iter, NULL, &field))
        g_ptr_array_add(list, field);
    g_ptr_array_sort(list, by_key_order);
    return list;
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

/* --- a list read anew --- */

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
        read_options(field, json_member(item, "options"), false);
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
        return give_columns(fields, field) || changed;
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
    g_ptr_array_sort(fields->listed, by_key_order);
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

/* --- the table --- */

static bool is_custom_column(const struct fields *fields, const char *column)
{
    GHashTableIter iter;
    void *value;

    if (!fields)
        return false;
    g_hash_table_iter_init(&iter, fields->by_key);
    while (g_hash_table_iter_next(&iter, NULL, &value)) {
        const struct field *field = value;

        for (unsigned i = 0; field->is_custom && i < field->parts->len; i++)
            if (strcmp(g_array_index(field->parts, struct field_part, i).column, column) == 0)
                return true;
    }
    return false;
}

/* A standard column that is younger than a custom field of that name makes way. */
static char *standard_name(const struct fields *fields, const char *key)
{
    char *name = g_strdup(key);

    while (is_custom_column(fields, name)) {
        char *longer = g_strdup_printf("%s_std", name);

        g_free(name);
        name = longer;
    }
    return name;
}

char *fields_main_column(const struct fields *fields, const struct field *field)
{
    const struct field_part *part = find_part(field, "");

    if (!field->is_custom)
        return standard_name(fields, field->key);
    return part ? g_strdup(part->column) : NULL;
}

/* "Deal source (4f0c…, currency)": what people call it, and the key that the API knows it by. */
static char *field_comment(const struct field *field, const struct field_part *part)
{
    return g_strdup_printf("%s (%s%s%s)", field->name, field->key, *part->name ? ", " : "",
                           part->name);
}

struct table *fields_build_table(const struct stream *stream, const struct fields *fields,
                                 enum metadata_style style)
{
    struct table *table = table_new(stream->name, TABLE_REPLICATED);

    table->comment = g_strdup(stream->comment);
    for (unsigned i = 0; i < stream->column_count; i++) {
        const struct stream_column *column = &stream->columns[i];
        g_autofree char *name = standard_name(fields, column->name);
        const char *comment = strcmp(name, column->name) != 0 ? column->name : NULL;
        unsigned index = table_add_column(table, name, column->type, comment);

        if (stream->parent_column && strcmp(column->name, stream->parent_column) == 0)
            table_index_column(table, index); /* sets are replaced a deal at a time */
        if (strcmp(column->name, "id") == 0)
            table->keys[table->key_count++] = index;
        if (stream->replication_key && strcmp(column->name, stream->replication_key) == 0)
            table->version = (int)index;
    }
    if (fields && fields->mode == FIELDS_AS_JSON) {
        table_add_column(table, "custom_fields", COLUMN_JSON, NULL);
    } else if (fields) {
        g_autoptr(GPtrArray) list = fields_list(fields);

        for (unsigned i = 0; i < list->len; i++) {
            const struct field *field = list->pdata[i];

            for (unsigned j = 0; field->is_custom && j < field->parts->len; j++) {
                const struct field_part *part = &g_array_index(field->parts, struct field_part, j);

                g_autofree char *comment = field_comment(field, part);

                table_add_column(table, part->column, part->type, comment);
            }
        }
    }
    table_add_system_columns(table, style);
    return table;
}
