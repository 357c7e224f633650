/* Admin operations on the clock, limits, switches, tokens and faults. */
#include "admin_op.h"
#include "times.h"

void op_clock(struct op *op)
{
    const char *set = arg_text(op, "set");
    int64_t now = op->now;
    if (set && !time_parse_any(set, &now)) {
        op_fail(op, "set: not a time");
        return;
    }
    now += arg_int(op, "advance", 0);
    sim_set_clock(op->sim, now, arg_bool(op, "freeze", sim_clock_frozen(op->sim)));
    BUF_LIT(op->result, ",\"now\":");
    time_write(op->result, now, TIME_V2);
}

void op_plan(struct op *op)
{
    const char *name = arg_text(op, "plan");
    int plan = name ? plan_by_name(name) : (int)op->company->plan;
    if (plan < 0) {
        op_fail(op, "plan: unknown");
        return;
    }
    op->company->plan = (enum plan)plan;
    op->company->seats = (int)CLAMP(arg_int(op, "seats", op->company->seats), 1, SEATS_MAX);
}

void op_budget(struct op *op)
{
    limits_left(op->company, op->now); /* begins a new day if one has come */
    op->company->limits.used_today = arg_int(op, "used", 0);
}

void op_limits(struct op *op)
{
    g_atomic_int_set(&op->sim->no_limits, !arg_bool(op, "on", true));
}

static void set_switch(struct op *op, const char *name, JsonNode *value)
{
    g_autofree char *number = arg_is(value, G_TYPE_INT64)
                                  ? g_strdup_printf("%lld", (long long)json_node_get_int(value))
                                  : NULL;
    const char *text = number                          ? number
                       : arg_is(value, G_TYPE_STRING)  ? json_node_get_string(value)
                       : arg_is(value, G_TYPE_BOOLEAN) ? json_node_get_boolean(value) ? "on" : "off"
                                                       : "";
    bool one = arg_node(op, "company") != NULL, ok = true;
    for (int i = 0; i < op->sim->n_companies && ok; i++) {
        struct company *c = op->sim->companies[i];
        if (c == op->company) {
            ok = switches_set(&c->switches, name, text);
        } else if (!one) {
            /* Only admin operations hold two locks, and they are serialised. */
            g_mutex_lock(&c->lock);
            ok = switches_set(&c->switches, name, text);
            g_mutex_unlock(&c->lock);
        }
    }
    if (!ok)
        op_fail(op, "switch %s cannot be %s", name, text);
}

void op_set(struct op *op)
{
    JsonObject *values = arg_object(op, "values");
    const char *name = values ? NULL : need_text(op, "name");
    if (name)
        set_switch(op, name, arg_node(op, "value"));
    g_autoptr(GList) names = values ? json_object_get_members(values) : NULL;
    for (GList *l = names; l; l = l->next)
        set_switch(op, l->data, json_object_get_member(values, l->data));
}

void op_rotate_token(struct op *op)
{
    op->company->token_generation++;
    company_make_token(op->company, true);
    buf_printf(op->result, ",\"token\":\"%s\"", op->company->admin_token);
}

void op_fault(struct op *op)
{
    const char *name = need_text(op, "kind");
    int kind = name ? fault_kind_by_name(name) : -1;
    if (kind < 0) {
        op_fail(op, "unknown fault %s", name ? name : "");
        return;
    }
    struct fault *f = g_new0(struct fault, 1);
    int64_t amount;
    const char *amount_name = fault_amount_name((enum fault_kind)kind, &amount);
    f->kind = (enum fault_kind)kind;
    f->amount = amount_name ? arg_int(op, amount_name, amount) : 0;
    f->path = g_strdup(arg_text(op, "path"));
    f->query = g_strdup(arg_text(op, "query"));
    f->shape = g_strdup(arg_text(op, "shape"));
    f->company = (int)arg_int(op, "company", 0);
    f->nth = arg_int(op, "nth", 1);
    f->probability = arg_double(op, "probability", -1);
    f->count = arg_int(op, "count", f->probability >= 0 ? 0 : 1);
    f->fraction = arg_double(op, "fraction", 0.5);
    buf_printf(op->result, ",\"fault\":%d", faults_add(&op->sim->faults, f));
}

void op_faults_clear(struct op *op)
{
    faults_clear(&op->sim->faults);
}

void op_reset_counters(struct op *op)
{
    stats_reset(&op->sim->stats);
}
