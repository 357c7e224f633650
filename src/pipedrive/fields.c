#include "pipedrive/fields_private.h"

#include <string.h>

/* A base name this long leaves room for every suffix in the shortest limit (PostgreSQL's 63 bytes).
 */
#define SLUG_BYTES 40

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

const struct part_form *field_forms(const char *type)
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

void field_free(void *data)
{
    struct field *field = data;

    g_free(field->key);
    g_free(field->name);
    g_free(field->type);
    g_array_unref(field->options);
    g_array_unref(field->parts);
    g_free(field);
}

struct field *field_new(char *key, char *name, char *type)
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

static int by_key_order(const void *a, const void *b)
{
    const struct field *const *left = a, *const *right = b;

    return strcmp((*left)->key, (*right)->key);
}

void fields_sort(GPtrArray *list)
{
    g_ptr_array_sort(list, by_key_order);
}

GPtrArray *fields_list(const struct fields *fields)
{
    GPtrArray *list = g_ptr_array_new();
    GHashTableIter iter;
    void *field;

    g_hash_table_iter_init(&iter, fields->by_key);
    while (g_hash_table_iter_next(&iter, NULL, &field))
        g_ptr_array_add(list, field);
    fields_sort(list);
    return list;
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

void fields_add_part(struct fields *fields, struct field *field, const struct part_form *form,
                     char *column)
{
    struct field_part part = {form->member, form->name, column, form->type};

    g_array_append_val(field->parts, part);
    g_hash_table_add(fields->columns, g_strdup(column));
}

bool fields_give_columns(struct fields *fields, struct field *field)
{
    const struct part_form *forms = field_forms(field->type);
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
        fields_add_part(fields, field, form, g_steal_pointer(&column));
        changed = true;
    }
    return changed;
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
