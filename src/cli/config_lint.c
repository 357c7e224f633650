#include "cli/config.h"
#include "cli/config_schema.h"
#include "cli/format.h"
#include "cli/options.h"

#include <string.h>
#include <yaml.h>

struct lint {
    const char *path;
    yaml_document_t *document;
    GHashTable *lines; /* owned text → GUINT_TO_POINTER(line) */
    GHashTable *seen;  /* nodes: one that comes twice is an alias */
    char *connection;  /* name of the one that is looked at, or NULL */
    GError **error;
};

static bool lint_value(struct lint *lint, const cyaml_schema_value_t *schema, yaml_node_t *node,
                       const char *where, const char *key);

static unsigned line_of(const yaml_node_t *node)
{
    return (unsigned)node->start_mark.line + 1;
}

static bool problem(struct lint *lint, const yaml_node_t *node, const char *format, ...)
    G_GNUC_PRINTF(3, 4);
static bool problem(struct lint *lint, const yaml_node_t *node, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    g_autofree char *text = g_strdup_vprintf(format, arguments);
    va_end(arguments);
    if (lint->connection != NULL)
        error_setf(lint->error, PENSTOCK_ERROR_CONFIG, "%s:%u: connection \"%s\": %s", lint->path,
                   line_of(node), lint->connection, text);
    else
        error_setf(lint->error, PENSTOCK_ERROR_CONFIG, "%s:%u: %s", lint->path, line_of(node),
                   text);
    return false;
}

static const char *scalar(const yaml_node_t *node)
{
    return (const char *)node->data.scalar.value;
}

static const char *kind_of(const yaml_node_t *node)
{
    switch (node->type) {
    case YAML_SEQUENCE_NODE:
        return "a list";
    case YAML_MAPPING_NODE:
        return "a mapping";
    case YAML_SCALAR_NODE:
        return *scalar(node) == '\0' ? "nothing" : "a single value";
    case YAML_NO_NODE:
        break;
    }
    return "nothing";
}

/* What may be repeated in a message: a short word. A token in a wrong place is longer. */
static bool is_harmless(const yaml_node_t *node)
{
    return node->type == YAML_SCALAR_NODE && connection_name_is_valid(scalar(node)) &&
           strlen(scalar(node)) <= 24;
}

static char *known_keys(const cyaml_schema_field_t *fields)
{
    GString *text = g_string_new(NULL);
    for (; fields->key != NULL; fields++)
        g_string_append_printf(text, "%s%s", text->len > 0 ? ", " : "", fields->key);
    return g_string_free(text, FALSE);
}

static const char *nearest_key(const char *word, const cyaml_schema_field_t *fields)
{
    const char *names[32] = {NULL};
    for (unsigned i = 0; i < G_N_ELEMENTS(names) - 1 && fields[i].key != NULL; i++)
        names[i] = fields[i].key;
    return nearest_word(word, names);
}

static bool unknown_key(struct lint *lint, yaml_node_t *key, const cyaml_schema_field_t *fields)
{
    g_autofree char *known = known_keys(fields);
    if (!is_harmless(key))
        return problem(lint, key, "unknown key; known keys are %s", known);
    const char *near = nearest_key(scalar(key), fields);
    if (near != NULL)
        return problem(lint, key, "unknown key \"%s\": did you mean \"%s\"? Known keys are %s",
                       scalar(key), near, known);
    return problem(lint, key, "unknown key \"%s\"; known keys are %s", scalar(key), known);
}

static const cyaml_schema_field_t *field_for(const cyaml_schema_field_t *fields,
                                             const yaml_node_t *key)
{
    for (; fields->key != NULL; fields++)
        if (strcmp(fields->key, scalar(key)) == 0 && strlen(scalar(key)) == key->data.scalar.length)
            return fields;
    return NULL;
}

static bool lint_pair(struct lint *lint, const cyaml_schema_field_t *fields, yaml_node_t *key,
                      yaml_node_t *value, const char *where)
{
    if (key->type != YAML_SCALAR_NODE)
        return problem(lint, key, "expected a key, found %s", kind_of(key));
    const cyaml_schema_field_t *field = field_for(fields, key);
    if (field == NULL)
        return unknown_key(lint, key, fields);
    g_autofree char *place =
        g_strdup_printf("%s%s%s", where, *where != '\0' ? "." : "", field->key);
    if (g_hash_table_contains(lint->lines, place))
        return problem(lint, key, "the key \"%s\" is there twice", field->key);
    g_hash_table_insert(lint->lines, g_strdup(place), GUINT_TO_POINTER(line_of(key)));
    return lint_value(lint, &field->value, value, place, field->key);
}

static bool lint_mapping(struct lint *lint, const cyaml_schema_value_t *schema, yaml_node_t *node,
                         const char *where, const char *key)
{
    const cyaml_schema_field_t *fields = schema->mapping.fields;
    if (node->type != YAML_MAPPING_NODE) {
        g_autofree char *known = known_keys(fields);
        return problem(lint, node, "%s%s%s takes a mapping with the keys %s, not %s",
                       key != NULL ? "\"" : "", key != NULL ? key : "this", key != NULL ? "\"" : "",
                       known, kind_of(node));
    }
    for (yaml_node_pair_t *pair = node->data.mapping.pairs.start;
         pair < node->data.mapping.pairs.top; pair++)
        if (!lint_pair(lint, fields, yaml_document_get_node(lint->document, pair->key),
                       yaml_document_get_node(lint->document, pair->value), where))
            return false;
    for (const cyaml_schema_field_t *field = fields; field->key != NULL; field++) {
        g_autofree char *place =
            g_strdup_printf("%s%s%s", where, *where != '\0' ? "." : "", field->key);
        if (!(field->value.flags & CYAML_FLAG_OPTIONAL) &&
            !g_hash_table_contains(lint->lines, place))
            return problem(lint, node, "the key \"%s\" is missing", field->key);
    }
    return true;
}

/* The connection's name, for messages about what comes before it too. */
static char *name_in(struct lint *lint, yaml_node_t *node)
{
    if (node->type != YAML_MAPPING_NODE)
        return NULL;
    for (yaml_node_pair_t *pair = node->data.mapping.pairs.start;
         pair < node->data.mapping.pairs.top; pair++) {
        yaml_node_t *key = yaml_document_get_node(lint->document, pair->key);
        yaml_node_t *value = yaml_document_get_node(lint->document, pair->value);
        if (key->type == YAML_SCALAR_NODE && strcmp(scalar(key), "name") == 0)
            return is_harmless(value) ? g_strdup(scalar(value)) : NULL;
    }
    return NULL;
}

static bool lint_sequence(struct lint *lint, const cyaml_schema_value_t *schema, yaml_node_t *node,
                          const char *where, const char *key)
{
    if (node->type != YAML_SEQUENCE_NODE)
        return problem(lint, node, "\"%s\" takes a list, not %s", key, kind_of(node));
    yaml_node_item_t *start = node->data.sequence.items.start, *top = node->data.sequence.items.top;
    if (top - start < (ptrdiff_t)schema->sequence.min)
        return problem(lint, node, "\"%s\" is an empty list", key);
    if (top - start > (ptrdiff_t)schema->sequence.max)
        return problem(lint, node, "\"%s\" has more than %u entries", key, schema->sequence.max);
    for (yaml_node_item_t *item = start; item < top; item++) {
        yaml_node_t *entry = yaml_document_get_node(lint->document, *item);
        g_autofree char *place = g_strdup_printf("%s[%d]", where, (int)(item - start));
        g_hash_table_insert(lint->lines, g_strdup(place), GUINT_TO_POINTER(line_of(entry)));
        bool is_connection = schema->sequence.entry->type == CYAML_MAPPING;
        if (is_connection) {
            g_free(lint->connection);
            lint->connection = name_in(lint, entry);
        }
        if (!lint_value(lint, schema->sequence.entry, entry, place, is_connection ? NULL : key))
            return false;
        if (is_connection)
            g_clear_pointer(&lint->connection, g_free);
    }
    return true;
}

static bool lint_text(struct lint *lint, const cyaml_schema_value_t *schema, yaml_node_t *node,
                      const char *key)
{
    if (node->type != YAML_SCALAR_NODE)
        return problem(lint, node, "\"%s\" takes a text, not %s", key, kind_of(node));
    size_t length = node->data.scalar.length;
    if (length < schema->string.min)
        return problem(lint, node, "\"%s\" has no value; write one or leave the key out", key);
    if (length > schema->string.max)
        return problem(lint, node, "\"%s\" is longer than %u bytes", key, schema->string.max);
    for (size_t i = 0; i < length; i++)
        if (g_ascii_iscntrl(scalar(node)[i]))
            return problem(lint, node, "\"%s\" holds a control character", key);
    return true;
}

static bool lint_choice(struct lint *lint, const cyaml_schema_value_t *schema, yaml_node_t *node,
                        const char *key)
{
    g_autoptr(GString) known = g_string_new(NULL);
    for (unsigned i = 0; i < schema->enumeration.count; i++) {
        const char *word = schema->enumeration.strings[i].str;
        if (node->type == YAML_SCALAR_NODE && strcmp(scalar(node), word) == 0)
            return true;
        g_string_append_printf(known, "%s%s", i > 0 ? ", " : "", word);
    }
    const char *takes = schema->enumeration.count > 1 ? "one of" : "only";
    if (is_harmless(node))
        return problem(lint, node, "\"%s\" takes %s %s, not \"%s\"", key, takes, known->str,
                       scalar(node));
    return problem(lint, node, "\"%s\" takes %s %s", key, takes, known->str);
}

static bool lint_value(struct lint *lint, const cyaml_schema_value_t *schema, yaml_node_t *node,
                       const char *where, const char *key)
{
    if (!g_hash_table_add(lint->seen, node))
        return problem(lint, node, "aliases (*name) are not understood; write the value out");
    switch (schema->type) {
    case CYAML_MAPPING:
        return lint_mapping(lint, schema, node, where, key);
    case CYAML_SEQUENCE:
        return lint_sequence(lint, schema, node, where, key);
    case CYAML_STRING:
        return lint_text(lint, schema, node, key);
    case CYAML_ENUM:
        return lint_choice(lint, schema, node, key);
    default:
        g_assert_not_reached(); /* the schema has no other types */
    }
}

/* Of bytes that are no text libyaml knows the offset alone. */
static unsigned problem_line(const yaml_parser_t *parser)
{
    if (parser->error != YAML_READER_ERROR)
        return (unsigned)parser->problem_mark.line + 1;
    const unsigned char *bytes = parser->input.string.start;
    unsigned line = 1;
    for (size_t i = 0; i < parser->problem_offset && bytes + i < parser->input.string.end; i++)
        line += bytes[i] == '\n';
    return line;
}

static bool syntax_problem(const char *path, const yaml_parser_t *parser, GError **error)
{
    unsigned line = problem_line(parser);
    const char *text = parser->problem != NULL ? parser->problem : "it cannot be read";
    error_setf(error, PENSTOCK_ERROR_CONFIG, "%s:%u: not YAML: %s", path, line, text);
    return false;
}

static bool lint_root(struct lint *lint)
{
    yaml_node_t *root = yaml_document_get_root_node(lint->document);
    bool is_empty = root == NULL || (root->type == YAML_SCALAR_NODE && *scalar(root) == '\0');
    if (is_empty) {
        error_setf(lint->error, PENSTOCK_ERROR_CONFIG,
                   "%s:1: no connections; penstock discover --yaml writes a file to start from",
                   lint->path);
        return false;
    }
    return lint_value(lint, &config_schema, root, "", NULL);
}

static bool is_last(const char *path, yaml_parser_t *parser, GError **error)
{
    yaml_document_t document;
    if (!yaml_parser_load(parser, &document))
        return syntax_problem(path, parser, error);
    yaml_node_t *root = yaml_document_get_root_node(&document);
    bool last = root == NULL;
    if (!last)
        error_setf(error, PENSTOCK_ERROR_CONFIG,
                   "%s:%u: a second document; write all connections into one list", path,
                   line_of(root));
    yaml_document_delete(&document);
    return last;
}

bool config_lint(const char *path, const char *bytes, size_t length, GHashTable *lines,
                 GError **error)
{
    yaml_parser_t parser;
    yaml_document_t document;
    if (!yaml_parser_initialize(&parser))
        g_error("out of memory");
    yaml_parser_set_input_string(&parser, (const unsigned char *)bytes, length);
    bool good = yaml_parser_load(&parser, &document);
    if (!good) {
        syntax_problem(path, &parser, error);
    } else {
        g_autoptr(GHashTable) seen = g_hash_table_new(NULL, NULL);
        struct lint lint = {path, &document, lines, seen, NULL, error};
        good = lint_root(&lint) && is_last(path, &parser, error);
        g_free(lint.connection);
        yaml_document_delete(&document);
    }
    yaml_parser_delete(&parser);
    return good;
}
