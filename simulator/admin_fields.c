/* Admin operations on field definitions. */
#include "admin_op.h"

static struct field_set *need_fields(struct op *op, enum entity *ret)
{
    int e = need_entity(op);
    if (e < 0)
        return NULL;
    *ret = (enum entity)e;
    return &op->company->fields[e];
}

static struct field *need_field(struct op *op, struct field_set *set)
{
    const char *key = set ? need_text(op, "key") : NULL;
    struct field *f = key ? field_set_find(set, key) : NULL;
    if (key && !f)
        op_fail(op, "no field %s", key);
    return f;
}

static void add_options(struct op *op, struct field_set *set, struct field *f)
{
    JsonNode *node = arg_node(op, "options");
    JsonArray *labels = node && JSON_NODE_HOLDS_ARRAY(node) ? json_node_get_array(node) : NULL;
    for (guint i = 0; labels && i < json_array_get_length(labels); i++)
        field_add_option(set, f, json_array_get_string_element(labels, i), op->now);
}

static int need_type(struct op *op)
{
    const char *name = need_text(op, "type");
    int type = name ? field_type_by_name(name) : -1;
    if (name && type < 0)
        op_fail(op, "unknown field type %s", name);
    return type;
}

void op_field_add(struct op *op)
{
    enum entity e = E_DEAL;
    struct field_set *set = need_fields(op, &e);
    const char *name = need_text(op, "name");
    int type = need_type(op);
    if (op->error)
        return;
    struct field *f = field_set_add(set, op->company, e, name, (enum field_type)type,
                                    arg_text(op, "key"), op->now);
    f->fill = (uint8_t)CLAMP(arg_int(op, "fill", 0), 0, 100);
    add_options(op, set, f);
    buf_printf(op->result, ",\"key\":\"%s\",\"id\":%d", f->key, f->id);
}

void op_field_rename(struct op *op)
{
    enum entity e;
    struct field *f = need_field(op, need_fields(op, &e));
    const char *name = need_text(op, "name");
    if (op->error)
        return;
    g_free(f->name);
    f->name = g_strdup(name);
    f->update_time = op->now;
}

void op_field_remove(struct op *op)
{
    enum entity e;
    struct field_set *set = need_fields(op, &e);
    struct field *f = need_field(op, set);
    if (f)
        field_set_remove(set, f);
}

void op_field_type(struct op *op)
{
    enum entity e;
    struct field_set *set = need_fields(op, &e);
    struct field *f = need_field(op, set);
    int type = need_type(op);
    if (op->error)
        return;
    f->type = (enum field_type)type;
    f->type_version++;
    f->update_time = op->now;
    add_options(op, set, f);
}

void op_option_add(struct op *op)
{
    enum entity e;
    struct field_set *set = need_fields(op, &e);
    struct field *f = need_field(op, set);
    const char *label = need_text(op, "label");
    if (!op->error)
        buf_printf(op->result, ",\"id\":%d", field_add_option(set, f, label, op->now));
}

static struct field_option *need_option(struct op *op, struct field **ret_field)
{
    enum entity e;
    *ret_field = need_field(op, need_fields(op, &e));
    struct field_option *o =
        *ret_field ? field_option(*ret_field, (int)arg_int(op, "id", 0)) : NULL;
    if (!o)
        op_fail(op, "no such option");
    return o;
}

void op_option_remove(struct op *op)
{
    struct field *f;
    struct field_option *o = need_option(op, &f);
    if (op->error)
        return;
    o->deleted = true;
    f->update_time = op->now;
}

void op_option_relabel(struct op *op)
{
    struct field *f;
    struct field_option *o = need_option(op, &f);
    const char *label = need_text(op, "label");
    if (op->error)
        return;
    g_free(o->label);
    o->label = g_strdup(label);
    o->update_time = f->update_time = op->now;
}
