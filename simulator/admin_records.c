/* Admin operations on records and product lines. */
#include "admin_op.h"

/* A change of a line is a change of its deal. */
static void touch_deal_of(struct op *op, const struct record *line)
{
    struct record *deal = company_find(op->company, E_DEAL, line->link[LINE_DEAL]);
    if (!deal || !arg_bool(op, "touch_deal", true))
        return;
    struct change_request q = {.now = op->now};
    uint32_t row = table_row(&op->company->tables[E_DEAL], deal);
    edit_touch(op->company, E_DEAL, &row, 1, &q);
}

void op_edit(struct op *op)
{
    int e = need_entity(op);
    struct record *r = e < 0 ? NULL : need_record(op, (enum entity)e);
    struct change_request q = arg_change(op);
    if (op->error)
        return;
    op_take_error(op, edit_record(op->company, (enum entity)e, r, &q));
    uint32_t row = table_row(&op->company->tables[e], r);
    edit_touch(op->company, (enum entity)e, &row, 1, &q);
    if (e == E_LINE)
        touch_deal_of(op, r);
}

void op_add(struct op *op)
{
    int e = need_entity(op);
    struct change_request q = arg_change(op);
    int32_t id;
    if (op->error)
        return;
    op_take_error(op, edit_add(op->company, (enum entity)e, arg_int(op, "id", 0), &q, &id));
    if (!op->error)
        buf_printf(op->result, ",\"id\":%d", id);
}

typedef char *each_fn(struct op *op, enum entity e, int64_t id);

/* `id` or `ids`. */
static void for_each_id(struct op *op, enum entity e, each_fn *fn)
{
    JsonNode *node = arg_node(op, "ids");
    if (!node || !JSON_NODE_HOLDS_ARRAY(node)) {
        op_take_error(op, fn(op, e, arg_int(op, "id", 0)));
        return;
    }
    JsonArray *ids = json_node_get_array(node);
    for (guint i = 0; i < json_array_get_length(ids) && !op->error; i++)
        op_take_error(op, fn(op, e, json_array_get_int_element(ids, i)));
}

static char *delete_one(struct op *op, enum entity e, int64_t id)
{
    return edit_delete(op->company, e, id, true, op->now);
}

static char *undelete_one(struct op *op, enum entity e, int64_t id)
{
    return edit_delete(op->company, e, id, false, op->now);
}

static char *purge_one(struct op *op, enum entity e, int64_t id)
{
    return edit_purge(op->company, e, id);
}

static char *archive_one(struct op *op, enum entity e, int64_t id)
{
    (void)e;
    return edit_archive(op->company, id, true, op->now);
}

static char *unarchive_one(struct op *op, enum entity e, int64_t id)
{
    (void)e;
    return edit_archive(op->company, id, false, op->now);
}

void op_delete(struct op *op)
{
    int e = need_entity(op);
    if (e >= 0)
        for_each_id(op, (enum entity)e, delete_one);
}

void op_undelete(struct op *op)
{
    int e = need_entity(op);
    if (e >= 0)
        for_each_id(op, (enum entity)e, undelete_one);
}

void op_purge(struct op *op)
{
    int e = need_entity(op);
    if (e >= 0)
        for_each_id(op, (enum entity)e, purge_one);
}

void op_archive(struct op *op)
{
    for_each_id(op, E_DEAL, archive_one);
}

void op_unarchive(struct op *op)
{
    for_each_id(op, E_DEAL, unarchive_one);
}

void op_merge(struct op *op)
{
    int e = need_entity(op);
    if (e >= 0)
        op_take_error(op, edit_merge(op->company, (enum entity)e, arg_int(op, "winner", 0),
                                     arg_int(op, "loser", 0), op->now));
}

void op_bulk(struct op *op)
{
    int e = need_entity(op);
    struct change_request q = arg_change(op);
    if (op->error)
        return;
    struct table *t = &op->company->tables[e];
    int64_t count = arg_int(op, "count", 1), from = arg_int(op, "from_id", 0);
    g_autoptr(GArray) rows = g_array_new(FALSE, FALSE, sizeof(uint32_t));
    q.bulk = true;
    for (uint32_t i = 0; i < t->n && rows->len < count && !op->error; i++) {
        if (t->rows[i].id < from || (t->rows[i].flags & (REC_DELETED | REC_PURGED)))
            continue;
        op_take_error(op, edit_record(op->company, (enum entity)e, &t->rows[i], &q));
        g_array_append_val(rows, i);
    }
    edit_touch(op->company, (enum entity)e, (uint32_t *)(void *)rows->data, rows->len, &q);
    buf_printf(op->result, ",\"count\":%u", rows->len);
}

void op_bulk_add(struct op *op)
{
    int e = need_entity(op);
    struct change_request q = arg_change(op);
    int64_t count = CLAMP(arg_int(op, "count", 1), 0, 10000000);
    int32_t first = 0, id = 0;
    for (int64_t i = 0; i < count && !op->error; i++) {
        op_take_error(op, edit_add(op->company, (enum entity)e, 0, &q, &id));
        first = first ? first : id;
    }
    if (!op->error)
        buf_printf(op->result, ",\"first_id\":%d,\"last_id\":%d", first, id);
}

void op_line_add(struct op *op)
{
    struct company *c = op->company;
    struct record *deal = company_find(c, E_DEAL, arg_int(op, "deal", 0));
    struct record *product = company_find(c, E_PRODUCT, arg_int(op, "product", 0));
    struct change_request q = arg_change(op);
    int32_t id;
    if (!deal || !product) {
        op_fail(op, "no such deal or product");
        return;
    }
    uint32_t from, to = company_of_deal(c, E_LINE, deal->id, &from);
    struct change_request bare = {.now = op->now};
    op_take_error(op, edit_add(c, E_LINE, 0, &bare, &id));
    struct record *line = op->error ? NULL : company_find(c, E_LINE, id);
    if (!line)
        return;
    line->link[LINE_DEAL] = deal->id;
    line->link[LINE_PRODUCT] = product->id;
    line->link[LINE_ORDER] = (int32_t)(to - from) + 1;
    if (q.attributes || q.raw)
        op_take_error(op, edit_record(c, E_LINE, line, &q));
    touch_deal_of(op, line);
    buf_printf(op->result, ",\"id\":%d", id);
}

void op_line_remove(struct op *op)
{
    struct record *line = need_record(op, E_LINE);
    if (!line)
        return;
    touch_deal_of(op, line);
    op_take_error(op, edit_purge(op->company, E_LINE, line->id));
}
