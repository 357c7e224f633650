#include "cursor.h"

#include <json-glib/json-glib.h>

#include "times.h"

static bool is_time(enum sort_key key)
{
    return key == SORT_UPDATE_TIME || key == SORT_ADD_TIME;
}

static guchar *decode(const char *text, gsize *ret_n)
{
    g_autoptr(GString) padded = g_string_new(text);
    if (padded->len == 0 || padded->len > 4096 ||
        strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_=") !=
            padded->len)
        return NULL;
    for (gsize i = 0; i < padded->len; i++) {
        char c = padded->str[i];
        padded->str[i] = c == '-' ? '+' : c == '_' ? '/' : c;
    }
    while (padded->len % 4)
        g_string_append_c(padded, '=');
    return g_base64_decode(padded->str, ret_n);
}

static bool parse_value(JsonNode *node, enum sort_key key, struct cursor *ret)
{
    if (!node)
        return false;
    if (JSON_NODE_HOLDS_NULL(node)) {
        ret->null = true;
        return true;
    }
    GType type = JSON_NODE_HOLDS_VALUE(node) ? json_node_get_value_type(node) : G_TYPE_NONE;
    if (type == G_TYPE_INT64 && key != SORT_NAME && !is_time(key) && key != SORT_DUE_DATE) {
        ret->number = json_node_get_int(node);
        return true;
    }
    if (type != G_TYPE_STRING)
        return false;
    const char *text = json_node_get_string(node);
    if (key == SORT_NAME) {
        ret->name = g_strdup(text);
        return true;
    }
    return time_parse_any(text, &ret->number);
}

static bool parse_object(JsonObject *o, enum sort_key key, bool descending, struct cursor *ret)
{
    static const char *const members[] = {"field", "sortDirection", "id"};
    for (size_t i = 0; i < G_N_ELEMENTS(members); i++) {
        JsonNode *node = json_object_get_member(o, members[i]);
        GType wanted = i == 2 ? G_TYPE_INT64 : G_TYPE_STRING;
        if (!node || !JSON_NODE_HOLDS_VALUE(node) || json_node_get_value_type(node) != wanted)
            return false;
    }
    if (strcmp(json_object_get_string_member(o, "field"), sort_key_name(key)) != 0 ||
        strcmp(json_object_get_string_member(o, "sortDirection"), descending ? "desc" : "asc") != 0)
        return false;
    ret->id = json_object_get_int_member(o, "id");
    return parse_value(json_object_get_member(o, "fieldValue"), key, ret);
}

bool cursor_parse(const char *text, enum sort_key key, bool descending, struct cursor *ret)
{
    gsize n;
    g_autofree guchar *bytes = decode(text, &n);
    g_autoptr(JsonParser) parser = json_parser_new();
    *ret = (struct cursor){0};
    if (!bytes || !json_parser_load_from_data(parser, (char *)bytes, (gssize)n, NULL))
        return false;
    JsonNode *root = json_parser_get_root(parser);
    if (!root || !JSON_NODE_HOLDS_OBJECT(root))
        return false;
    return parse_object(json_node_get_object(root), key, descending, ret);
}

static void write_value(struct buf *b, const struct company *c, enum entity e,
                        const struct record *r, enum sort_key key)
{
    int64_t number;
    if (key == SORT_NAME)
        company_sort_name(c, e, r, b); /* a JSON string already; the order is by its text */
    else if (!company_sort_value(c, e, r, key, &number))
        BUF_LIT(b, "null");
    else if (is_time(key))
        time_write(b, number, TIME_V2);
    else if (key == SORT_DUE_DATE)
        date_write(b, number);
    else
        buf_int(b, number);
}

void cursor_write(struct buf *b, const struct company *c, enum entity e, const struct record *r,
                  enum sort_key key, bool descending)
{
    struct buf json = {0};
    buf_printf(&json, "{\"field\":\"%s\",\"fieldValue\":", sort_key_name(key));
    if (key == SORT_NAME) { /* JSON within JSON, so that it comes back byte for byte */
        struct buf name = {0};
        write_value(&name, c, e, r, key);
        buf_json_string(&json, buf_cstr(&name));
        buf_done(&name);
    } else {
        write_value(&json, c, e, r, key);
    }
    buf_printf(&json, ",\"sortDirection\":\"%s\",\"id\":%d}", descending ? "desc" : "asc", r->id);

    g_autofree char *text = g_base64_encode((guchar *)json.data, json.len);
    buf_char(b, '"');
    for (const char *p = text; *p && *p != '='; p++)
        buf_char(b, *p == '+' ? '-' : *p == '/' ? '_' : *p);
    buf_char(b, '"');
    buf_done(&json);
}
