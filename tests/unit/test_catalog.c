/* pipedrive/catalog.c against the official OpenAPI documents: tests/data/openapi, made by
 * script/make-test-data and never read by the program itself. What differs stands here with its
 * reason, and nothing that is listed may have become needless. */
#include "pipedrive/catalog.h"
#include "json/json.h"

#include <string.h>

/* Where the documents describe a list of a stream. */
static const struct documented {
    enum stream_id stream;
    unsigned list;
    const char *file;
} lists[] = {
    {STREAM_ACTIVITY_TYPES, 0, "v1/activityTypes"},
    {STREAM_CURRENCY, 0, "v1/currencies"},
    {STREAM_FILTERS, 0, "v1/filters"},
    {STREAM_PIPELINES, 0, "v2/pipelines"},
    {STREAM_STAGES, 0, "v2/stages"},
    {STREAM_USERS, 0, "v1/users"},
    {STREAM_DEAL_FIELDS, 0, "v1/dealFields"},
    {STREAM_DEALS, 0, "v2/deals"},
    {STREAM_DEALS, 1, "v2/deals-archived"},
    {STREAM_PERSONS, 0, "v2/persons"},
    {STREAM_ORGANIZATIONS, 0, "v2/organizations"},
    {STREAM_ACTIVITIES, 0, "v2/activities"},
    {STREAM_PRODUCTS, 0, "v2/products"},
    {STREAM_NOTES, 0, "v1/notes"},
    {STREAM_FILES, 0, "v1/files"},
    {STREAM_DEAL_PRODUCTS, 0, "v2/deals-products"},
    {STREAM_DEALFLOW, 0, "v1/deals-id-flow"},
};

struct remark {
    enum stream_id stream;
    const char *name, *reason;
};

/* Documented, and no column. */
static const struct remark left_out[] = {
    {STREAM_DEALS, "custom_fields", "custom fields have columns of their own"},
    {STREAM_PERSONS, "custom_fields", "custom fields have columns of their own"},
    {STREAM_ORGANIZATIONS, "custom_fields", "custom fields have columns of their own"},
    {STREAM_PRODUCTS, "custom_fields", "custom fields have columns of their own"},
    {STREAM_ORGANIZATIONS, "org_id", "a stray of the example alone: it goes to _extra"},
};

/* A column that no document has. */
static const struct remark added[] = {
    {STREAM_ACTIVITIES, "outcome", "official client of 2026-09-08"},
    {STREAM_ORGANIZATIONS, "picture_id", "guide (API.md 8.11)"},
    {STREAM_USERS, "is_admin", "older answers, and Stitch's column"},
    {STREAM_DEAL_FIELDS, "description", "seen by others (API.md 8.4)"},
};

/* A column whose type is not what the schema's type alone would make of it. */
static const struct {
    enum stream_id stream;
    const char *name;
    enum column_type type;
    const char *reason;
} other_types[] = {
    {STREAM_PRODUCTS, "visible_to", COLUMN_INTEGER, "number, but one of 1, 3, 5, 7"},
    {STREAM_DEALFLOW, "old_value", COLUMN_TEXT, "of any type (API.md 8.6: store as text)"},
    {STREAM_DEALFLOW, "new_value", COLUMN_TEXT, "of any type (API.md 8.6: store as text)"},
};

/* --- the documents --- */

struct fixture {
    struct json_parser *parser;
    struct arena *arena;
    GPtrArray *bytes;
};

static void set_up(struct fixture *f, const void *unused)
{
    (void)unused;
    f->parser = json_parser_new();
    f->arena = arena_new();
    f->bytes = g_ptr_array_new_with_free_func(g_free);
}

static void tear_down(struct fixture *f, const void *unused)
{
    (void)unused;
    json_parser_free(f->parser);
    arena_free(f->arena);
    g_ptr_array_unref(f->bytes);
}

static char *file_path(const char *name)
{
    g_autofree char *file = g_strconcat(name, ".json", NULL);

    return g_test_build_filename(G_TEST_DIST, "data", "openapi", file, NULL);
}

static const struct json_value *read_operation(struct fixture *f, const char *name)
{
    g_autofree char *path = file_path(name), *text = NULL;
    g_autoptr(GError) error = NULL;
    const struct json_value *root = NULL;
    size_t length;

    if (!g_file_get_contents(path, &text, &length, &error))
        g_error("%s", error->message);
    char *padded = g_malloc0(length + JSON_PADDING);
    memcpy(padded, text, length);
    g_ptr_array_add(f->bytes, padded);
    if (!json_parse(f->parser, padded, length, f->arena, &root, &error))
        g_error("%s: %s", path, error->message);
    return root;
}

static const struct json_value *find_parameter(const struct json_value *operation, const char *name)
{
    for (json_each_item(parameter, json_member(operation, "parameters")))
        if (json_text_is(json_member(parameter, "name"), name))
            return parameter;
    return NULL;
}

/* The values that a parameter takes, wherever the document lists them. */
static const struct json_value *values_of(const struct json_value *parameter)
{
    const struct json_value *listed = json_member(parameter, "enum");

    return listed ? listed : json_member(parameter, "words");
}

static bool takes(const struct json_value *operation, const char *name, const char *value)
{
    for (json_each_item(item, values_of(find_parameter(operation, name))))
        if (json_text_is(item, value))
            return true;
    return false;
}

/* The properties of one record. */
static const struct json_value *properties(const struct json_value *operation)
{
    const struct json_value *data =
        json_member(json_member(json_member(operation, "answer"), "properties"), "data");

    return json_member(json_member(data, "items"), "properties");
}

/* The first example's first record; for the log of a deal, what it wraps. */
static const struct json_value *example(const struct json_value *operation,
                                        const struct stream *stream)
{
    const struct json_value *answer = json_first(json_member(operation, "examples"), JSON_ARRAY);
    const struct json_value *record = json_first(json_member(answer, "data"), JSON_ARRAY);

    return stream->id == STREAM_DEALFLOW ? json_member(record, "data") : record;
}

/* --- looking things up --- */

static const struct stream_column *find_column(const struct stream *stream, const char *name)
{
    for (unsigned i = 0; i < stream->column_count; i++)
        if (strcmp(stream->columns[i].name, name) == 0)
            return &stream->columns[i];
    return NULL;
}

static bool has_remark(const struct remark *remarks, size_t count, const struct stream *stream,
                       const char *name)
{
    for (size_t i = 0; i < count; i++)
        if (remarks[i].stream == stream->id && strcmp(remarks[i].name, name) == 0)
            return true;
    return false;
}

static bool is_documented(struct fixture *f, const struct stream *stream, const char *name)
{
    for (size_t i = 0; i < G_N_ELEMENTS(lists); i++) {
        const struct json_value *operation;

        if (lists[i].stream != stream->id)
            continue;
        operation = read_operation(f, lists[i].file);
        if (json_member(properties(operation), name) || takes(operation, "include_fields", name) ||
            json_member(example(operation, stream), name))
            return true;
    }
    return false;
}

/* --- the tests --- */

static void every_list_is_documented(struct fixture *f, const void *unused)
{
    (void)f, (void)unused;
    for (unsigned id = 0; id < STREAM_COUNT; id++)
        for (unsigned list = 0; list < catalog[id].list_count; list++) {
            unsigned found = 0;

            for (size_t i = 0; i < G_N_ELEMENTS(lists); i++)
                found += lists[i].stream == id && lists[i].list == list;
            g_assert_cmpuint(found, ==, 1);
        }
}

static void paths_and_prices(struct fixture *f, const void *unused)
{
    (void)unused;
    for (size_t i = 0; i < G_N_ELEMENTS(lists); i++) {
        const struct stream_list *list = &catalog[lists[i].stream].lists[lists[i].list];
        const struct json_value *operation = read_operation(f, lists[i].file);
        g_autofree char *api = json_dup_string(json_member(operation, "api"));
        g_autofree char *path = json_dup_string(json_member(operation, "path"));
        g_autofree char *whole = g_strdup_printf("/api/%s%s", api, path);
        int64_t price;

        g_assert_cmpstr(list->path, ==, whole);
        g_assert_true(json_int64(json_member(operation, "price"), &price));
        g_assert_cmpint(list->cost_tokens, ==, price);
        g_assert_cmpint(json_member(operation, "deprecated")->kind, ==, JSON_FALSE);
    }
}

/* The largest page is the cheapest: a call has one price. Where the document is silent, the guide
 * says 500 (API.md 5). */
static void pages(struct fixture *f, const void *unused)
{
    (void)unused;
    for (size_t i = 0; i < G_N_ELEMENTS(lists); i++) {
        const struct stream *stream = &catalog[lists[i].stream];
        const struct json_value *operation = read_operation(f, lists[i].file);
        const struct json_value *limit = find_parameter(operation, "limit");
        enum paging paging = find_parameter(operation, "cursor")  ? PAGING_CURSOR
                             : find_parameter(operation, "start") ? PAGING_OFFSET
                                                                  : PAGING_NONE;
        int64_t most = 500;

        g_assert_cmpint((int)stream->paging, ==, (int)paging);
        g_assert_cmpint(limit != NULL, ==, paging != PAGING_NONE);
        (void)json_int64(json_member(limit, "maximum"), &most);
        if (limit)
            g_assert_cmpint(stream->page_rows, ==, most);
    }
}

/* v2 refuses unknown parameters: whatever a request holds must be declared. */
static void fixed_parameters_are_declared(struct fixture *f, const void *unused)
{
    (void)unused;
    for (size_t i = 0; i < G_N_ELEMENTS(lists); i++) {
        const struct json_value *operation = read_operation(f, lists[i].file);
        const char *query = catalog[lists[i].stream].lists[lists[i].list].query;
        g_auto(GStrv) pairs = g_strsplit(query, "&", -1);

        for (unsigned j = 1; pairs[0] && pairs[j]; j++) {
            g_auto(GStrv) pair = g_strsplit(pairs[j], "=", 2);
            g_auto(GStrv) values = g_strsplit(pair[1], ",", -1);
            const struct json_value *parameter = find_parameter(operation, pair[0]);

            g_assert_nonnull(parameter);
            for (unsigned k = 0; values[k] && values_of(parameter); k++)
                g_assert_true(takes(operation, pair[0], values[k]));
        }
    }
}

static void lists_can_be_walked_as_they_are(struct fixture *f, const void *unused)
{
    (void)unused;
    for (size_t i = 0; i < G_N_ELEMENTS(lists); i++) {
        const struct stream *stream = &catalog[lists[i].stream];
        const struct json_value *operation = read_operation(f, lists[i].file);
        bool since = find_parameter(operation, "updated_since") != NULL;
        const char *sort = stream->walk == WALK_CURSOR_TIME ? "sort_by" : "sort";

        g_assert_cmpint(since, ==, stream->walk == WALK_CURSOR_TIME || stream->walk == WALK_NOTES);
        g_assert_cmpint(stream->has_until, ==, find_parameter(operation, "updated_until") != NULL);
        {
            const struct json_value *ids = find_parameter(operation, "ids");
            int64_t most = 0;

            g_assert_true(!ids || json_int64(json_member(ids, "max_items"), &most));
            g_assert_cmpint(stream->ids_a_call, ==, most);
        }
        if (!since && stream->walk != WALK_FILES)
            continue;
        g_assert_true(takes(operation, sort, "id"));
        g_assert_true(takes(operation, sort, "update_time"));
        if (stream->walk == WALK_CURSOR_TIME) {
            g_assert_true(takes(operation, "sort_direction", "asc"));
            g_assert_true(takes(operation, "sort_direction", "desc"));
        }
    }
}

static void deal_ids_are_joined(struct fixture *f, const void *unused)
{
    const struct json_value *operation = read_operation(f, "v2/deals-products");
    const struct json_value *ids = find_parameter(operation, "deal_ids");
    int64_t most;

    (void)unused;
    g_assert_cmpint(json_member(ids, "explode")->kind, ==, JSON_FALSE);
    g_assert_true(json_int64(json_member(ids, "max_items"), &most));
    g_assert_cmpint(most, ==, 100);
    g_assert_true(takes(operation, "sort_by", "deal_id"));
}

static void include_fields(struct fixture *f, const void *unused)
{
    (void)unused;
    for (size_t i = 0; i < G_N_ELEMENTS(lists); i++) {
        const struct stream *stream = &catalog[lists[i].stream];
        const struct json_value *operation = read_operation(f, lists[i].file);
        const struct json_value *listed = values_of(find_parameter(operation, "include_fields"));
        unsigned asked = 0;

        for (unsigned j = 0; j < stream->column_count; j++) {
            const struct stream_column *column = &stream->columns[j];

            g_test_message("%s.%s", stream->name, column->name);
            g_assert_cmpint(takes(operation, "include_fields", column->name), ==,
                            column->source != SOURCE_ALWAYS);
            asked += column->source != SOURCE_ALWAYS;
        }
        g_assert_cmpuint(asked, ==, listed ? listed->count : 0); /* every one of them */
    }
}

static void assert_is_column(const struct stream *stream, const struct json_value *key)
{
    g_autofree char *name = g_strndup(key->text, key->length);

    g_test_message("%s.%s", stream->name, name);
    g_assert_cmpint(find_column(stream, name) == NULL, ==,
                    has_remark(left_out, G_N_ELEMENTS(left_out), stream, name));
}

static void every_property_is_a_column(struct fixture *f, const void *unused)
{
    (void)unused;
    for (size_t i = 0; i < G_N_ELEMENTS(lists); i++) {
        const struct stream *stream = &catalog[lists[i].stream];
        const struct json_value *operation = read_operation(f, lists[i].file);

        g_assert_nonnull(example(operation, stream));
        for (json_each_member(key, value, example(operation, stream)))
            assert_is_column(stream, key);
        if (stream->id == STREAM_DEALFLOW) /* {object, timestamp, data}: the schema knows no more */
            continue;
        g_assert_nonnull(properties(operation));
        for (json_each_member(key, value, properties(operation)))
            assert_is_column(stream, key);
    }
}

static void every_column_is_documented(struct fixture *f, const void *unused)
{
    (void)unused;
    for (unsigned id = 0; id < STREAM_COUNT; id++)
        for (unsigned i = 0; i < catalog[id].column_count; i++) {
            const char *name = catalog[id].columns[i].name;

            g_test_message("%s.%s", catalog[id].name, name);
            g_assert_cmpint(is_documented(f, &catalog[id], name), !=,
                            has_remark(added, G_N_ELEMENTS(added), &catalog[id], name));
        }
}

static void remarks_are_needed(struct fixture *f, const void *unused)
{
    (void)unused;
    for (size_t i = 0; i < G_N_ELEMENTS(left_out); i++)
        g_assert_true(is_documented(f, &catalog[left_out[i].stream], left_out[i].name));
    for (size_t i = 0; i < G_N_ELEMENTS(added); i++)
        g_assert_nonnull(find_column(&catalog[added[i].stream], added[i].name));
    for (size_t i = 0; i < G_N_ELEMENTS(other_types); i++)
        g_assert_nonnull(find_column(&catalog[other_types[i].stream], other_types[i].name));
}

/* --- types --- */

static bool is_one_of(const char *name, const char *const *names)
{
    return g_strv_contains(names, name);
}

/* JSON has no times: their names tell (API.md 6). */
static enum column_type type_of_text(const char *name)
{
    static const char *const times[] = {"created", "modified", "last_login", NULL};
    static const char *const dates[] = {"birthday", NULL};

    if (strcmp(name, "due_time") == 0)
        return COLUMN_TIME;
    if (g_str_has_suffix(name, "_time") || is_one_of(name, times))
        return COLUMN_TIMESTAMP;
    if (g_str_has_suffix(name, "_date") || is_one_of(name, dates))
        return COLUMN_DATE;
    return COLUMN_TEXT;
}

static enum column_type type_of(const char *name, const char *schema_type)
{
    static const struct {
        const char *schema;
        enum column_type type;
    } types[] = {
        {"integer", COLUMN_INTEGER}, {"number", COLUMN_DECIMAL}, {"boolean", COLUMN_BOOLEAN},
        {"array", COLUMN_JSON},      {"object", COLUMN_JSON},
    };

    for (size_t i = 0; i < G_N_ELEMENTS(types); i++)
        if (strcmp(types[i].schema, schema_type) == 0)
            return types[i].type;
    g_assert_cmpstr(schema_type, ==, "string");
    return type_of_text(name);
}

static void assert_type(const struct stream *stream, const struct stream_column *column,
                        enum column_type documented)
{
    g_test_message("%s.%s", stream->name, column->name);
    for (size_t i = 0; i < G_N_ELEMENTS(other_types); i++)
        if (other_types[i].stream == stream->id && strcmp(other_types[i].name, column->name) == 0) {
            g_assert_cmpint((int)column->type, ==, (int)other_types[i].type);
            g_assert_cmpint((int)column->type, !=, (int)documented); /* else it is no exception */
            return;
        }
    g_assert_cmpint((int)column->type, ==, (int)documented);
}

static void types_of_the_schema(struct fixture *f, const void *unused)
{
    (void)unused;
    for (size_t i = 0; i < G_N_ELEMENTS(lists); i++) {
        const struct stream *stream = &catalog[lists[i].stream];

        for (json_each_member(key, property, properties(read_operation(f, lists[i].file)))) {
            g_autofree char *name = g_strndup(key->text, key->length);
            g_autofree char *schema_type = json_dup_string(json_member(property, "type"));
            const struct stream_column *column = find_column(stream, name);

            if (column)
                assert_type(stream, column, type_of(name, schema_type));
        }
    }
}

/* What only examples show. A number without fraction may be either kind. */
static bool suits(const struct stream_column *column, const struct json_value *value)
{
    switch ((enum json_kind)value->kind) {
    case JSON_NULL:
        return true;
    case JSON_FALSE:
    case JSON_TRUE:
        return column->type == COLUMN_BOOLEAN;
    case JSON_NUMBER:
        return column->type == COLUMN_INTEGER || column->type == COLUMN_DECIMAL;
    case JSON_STRING:
        return column->type == type_of_text(column->name);
    case JSON_ARRAY:
    case JSON_OBJECT:
        return column->type == COLUMN_JSON;
    }
    g_assert_not_reached();
}

static void types_of_the_examples(struct fixture *f, const void *unused)
{
    (void)unused;
    for (size_t i = 0; i < G_N_ELEMENTS(lists); i++) {
        const struct stream *stream = &catalog[lists[i].stream];

        for (json_each_member(key, value, example(read_operation(f, lists[i].file), stream))) {
            g_autofree char *name = g_strndup(key->text, key->length);
            const struct stream_column *column = find_column(stream, name);
            bool any_type = stream->id == STREAM_DEALFLOW && g_str_has_suffix(name, "_value");

            g_test_message("%s.%s", stream->name, name);
            g_assert_true(!column || any_type || suits(column, value));
        }
    }
}

/* --- what the rest of the program relies on --- */

static void keys_and_marks_are_columns(struct fixture *f, const void *unused)
{
    (void)f, (void)unused;
    for (unsigned id = 0; id < STREAM_COUNT; id++) {
        const struct stream *stream = &catalog[id];

        g_assert_cmpint((int)stream->id, ==, (int)id);
        g_assert_true(catalog_find(stream->name) == stream);
        g_assert_cmpstr(stream->columns[0].name, ==, "id"); /* primary key everywhere */
        g_assert_cmpint((int)stream->columns[0].type, ==, COLUMN_INTEGER);
        if (stream->replication_key)
            g_assert_cmpint((int)find_column(stream, stream->replication_key)->type, ==,
                            COLUMN_TIMESTAMP);
        g_assert_cmpint(stream->replication_key != NULL, ==, strcmp(stream->method, "CDC") == 0);
        if (stream->deleted_key)
            g_assert_cmpint((int)find_column(stream, stream->deleted_key)->type, ==,
                            COLUMN_BOOLEAN);
        if (stream->parent_column)
            g_assert_cmpint((int)find_column(stream, stream->parent_column)->type, ==,
                            COLUMN_INTEGER);
    }
    g_assert_null(catalog_find("leads"));
    g_assert_null(catalog_find(""));
}

static void names_fit_every_destination(struct fixture *f, const void *unused)
{
    (void)f, (void)unused;
    for (unsigned id = 0; id < STREAM_COUNT; id++)
        for (unsigned i = 0; i < catalog[id].column_count; i++) {
            const struct stream_column *column = &catalog[id].columns[i];

            g_assert_true(find_column(&catalog[id], column->name) == column); /* once */
            g_assert_cmpuint(strlen(column->name), <=, 59); /* "_std" may follow */
            g_assert_false(g_str_has_prefix(column->name, "_"));
        }
}

/* Method and replication key of the reference contract. */
static void methods_of_the_contract(struct fixture *f, const void *unused)
{
    static const struct {
        const char *name, *method, *key;
    } contract[] = {
        {"activities", "CDC", "update_time"},
        {"activity_types", "full", NULL},
        {"currency", "full", NULL},
        {"deal_fields", "CDC", "update_time"},
        {"deal_products", "full", NULL},
        {"dealflow", "CDC", "log_time"},
        {"deals", "CDC", "update_time"},
        {"files", "CDC", "update_time"},
        {"filters", "full", NULL},
        {"notes", "CDC", "update_time"},
        {"organizations", "CDC", "update_time"},
        {"persons", "CDC", "update_time"},
        {"pipelines", "full", NULL},
        {"products", "CDC", "update_time"},
        {"stages", "full", NULL},
        {"users", "full", NULL},
    };

    (void)f, (void)unused;
    g_assert_cmpuint(G_N_ELEMENTS(contract), ==, STREAM_COUNT);
    for (size_t i = 0; i < G_N_ELEMENTS(contract); i++) {
        const struct stream *stream = catalog_find(contract[i].name);

        g_assert_nonnull(stream);
        g_assert_cmpstr(stream->method, ==, contract[i].method);
        g_assert_cmpstr(stream->replication_key, ==, contract[i].key);
    }
}

static void assert_fields_list(struct fixture *f, enum fields_entity entity, const char *file,
                               const char *name)
{
    const struct json_value *operation = read_operation(f, file);
    const struct json_value *limit = find_parameter(operation, "limit");
    g_autofree char *path = json_dup_string(json_member(operation, "path"));
    g_autofree char *whole = g_strdup_printf("/api/v2%s", path);
    int64_t price, most;

    g_assert_cmpstr(catalog_fields_path(entity), ==, whole);
    g_assert_cmpstr(catalog_fields_name(entity), ==, name);
    g_assert_true(json_int64(json_member(operation, "price"), &price));
    g_assert_cmpint(price, ==, CATALOG_FIELDS_COST);
    g_assert_true(json_int64(json_member(limit, "maximum"), &most));
    g_assert_cmpint(most, ==, CATALOG_FIELDS_PAGE);
    g_assert_nonnull(find_parameter(operation, "cursor"));
}

static void lists_of_fields(struct fixture *f, const void *unused)
{
    (void)unused;
    assert_fields_list(f, FIELDS_DEAL, "v2/dealFields", "deal");
    assert_fields_list(f, FIELDS_PERSON, "v2/personFields", "person");
    assert_fields_list(f, FIELDS_ORGANIZATION, "v2/organizationFields", "organization");
    assert_fields_list(f, FIELDS_PRODUCT, "v2/productFields", "product");
    g_assert_null(catalog_fields_path(FIELDS_NONE));
    for (unsigned id = 0; id < STREAM_COUNT; id++) /* whose records have custom fields */
        g_assert_cmpint(
            catalog[id].fields != FIELDS_NONE, ==,
            has_remark(left_out, G_N_ELEMENTS(left_out), &catalog[id], "custom_fields"));
}

static void who_am_i(struct fixture *f, const void *unused)
{
    int64_t price;

    (void)unused;
    g_assert_true(json_int64(json_member(read_operation(f, "v1/users-me"), "price"), &price));
    g_assert_cmpint(price, ==, CATALOG_ME_COST);
    g_assert_cmpstr(CATALOG_ME_PATH, ==, "/api/v1/users/me");
}

static void single_records(struct fixture *f, const void *unused)
{
    (void)unused;
    for (size_t i = 0; i < G_N_ELEMENTS(lists); i++) {
        const struct stream *stream = &catalog[lists[i].stream];
        g_autofree char *name = g_strconcat(lists[i].file, "-id", NULL);

        if (stream->get_tokens > 0 && lists[i].list == 0) {
            int64_t price;

            g_assert_true(json_int64(json_member(read_operation(f, name), "price"), &price));
            g_assert_cmpint(price, ==, stream->get_tokens);
        }
    }
}

#define add(path, function)                                                                        \
    g_test_add("/catalog/" path, struct fixture, NULL, set_up, function, tear_down)

static void add_lists(void)
{
    add("lists/all", every_list_is_documented);
    add("lists/prices", paths_and_prices);
    add("lists/pages", pages);
    add("lists/parameters", fixed_parameters_are_declared);
    add("lists/walks", lists_can_be_walked_as_they_are);
    add("lists/deal-ids", deal_ids_are_joined);
    add("lists/single", single_records);
    add("lists/fields", lists_of_fields);
    add("lists/me", who_am_i);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    add_lists();
    add("columns/include", include_fields);
    add("columns/complete", every_property_is_a_column);
    add("columns/documented", every_column_is_documented);
    add("columns/remarks", remarks_are_needed);
    add("columns/types", types_of_the_schema);
    add("columns/examples", types_of_the_examples);
    add("columns/keys", keys_and_marks_are_columns);
    add("columns/names", names_fit_every_destination);
    add("contract", methods_of_the_contract);
    return g_test_run();
}
