/* Arguments of admin operations. */
#include "admin_op.h"
#include "times.h"

void op_fail(struct op *op, const char *format, ...)
{
    va_list args;
    if (op->error)
        return;
    va_start(args, format);
    op->error = g_strdup_vprintf(format, args);
    va_end(args);
}

JsonNode *arg_node(const struct op *op, const char *name)
{
    return json_object_get_member(op->args, name);
}

bool arg_is(JsonNode *node, GType type)
{
    return node && JSON_NODE_HOLDS_VALUE(node) && json_node_get_value_type(node) == type;
}

int64_t arg_int(const struct op *op, const char *name, int64_t fallback)
{
    JsonNode *node = arg_node(op, name);
    if (arg_is(node, G_TYPE_DOUBLE))
        return (int64_t)json_node_get_double(node);
    return arg_is(node, G_TYPE_INT64) ? json_node_get_int(node) : fallback;
}

double arg_double(const struct op *op, const char *name, double fallback)
{
    JsonNode *node = arg_node(op, name);
    if (arg_is(node, G_TYPE_INT64))
        return (double)json_node_get_int(node);
    return arg_is(node, G_TYPE_DOUBLE) ? json_node_get_double(node) : fallback;
}

const char *arg_text(const struct op *op, const char *name)
{
    JsonNode *node = arg_node(op, name);
    return arg_is(node, G_TYPE_STRING) ? json_node_get_string(node) : NULL;
}

bool arg_bool(const struct op *op, const char *name, bool fallback)
{
    JsonNode *node = arg_node(op, name);
    if (arg_is(node, G_TYPE_INT64))
        return json_node_get_int(node) != 0;
    return arg_is(node, G_TYPE_BOOLEAN) ? json_node_get_boolean(node) : fallback;
}

JsonObject *arg_object(const struct op *op, const char *name)
{
    JsonNode *node = arg_node(op, name);
    return node && JSON_NODE_HOLDS_OBJECT(node) ? json_node_get_object(node) : NULL;
}

const char *need_text(struct op *op, const char *name)
{
    const char *text = arg_text(op, name);
    if (!text)
        op_fail(op, "%s: a string is needed", name);
    return text;
}

int need_entity(struct op *op)
{
    const char *name = need_text(op, "entity");
    int e = name ? entity_by_name(name) : -1;
    if (name && e < 0)
        op_fail(op, "entity: unknown table %s", name);
    return e;
}

struct record *need_record(struct op *op, enum entity e)
{
    int64_t id = arg_int(op, "id", 0);
    struct record *r = company_find(op->company, e, id);
    if (!r)
        op_fail(op, "%s has no row %lld", entity_name(e), (long long)id);
    return r;
}

struct change_request arg_change(struct op *op)
{
    struct change_request q = {
        .attributes = arg_object(op, "attributes"),
        .raw = arg_object(op, "raw"),
        .now = op->now,
        .user = (int)arg_int(op, "user", op->company->admin_id),
    };
    JsonNode *touch = arg_node(op, "touch");
    if (touch && JSON_NODE_HOLDS_NULL(touch)) {
        q.touch = TOUCH_AT;
    } else if (arg_is(touch, G_TYPE_STRING)) {
        q.touch = TOUCH_AT;
        if (!time_parse_any(json_node_get_string(touch), &q.touch_time))
            op_fail(op, "touch: not a time");
    } else if (!arg_bool(op, "touch", true)) {
        q.touch = TOUCH_NOT;
    }
    return q;
}

void op_take_error(struct op *op, char *error)
{
    if (op->error)
        g_free(error);
    else
        op->error = error;
}
