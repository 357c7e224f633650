/* The table of admin operations, and a request that runs one or several. */
#include "admin.h"

#include "admin_op.h"

struct op_row {
    const char *name;
    op_fn *fn;
};

static const struct op_row ops[] = {
    {"clock", op_clock},
    {"edit", op_edit},
    {"add", op_add},
    {"delete", op_delete},
    {"undelete", op_undelete},
    {"purge", op_purge},
    {"archive", op_archive},
    {"unarchive", op_unarchive},
    {"merge", op_merge},
    {"bulk", op_bulk},
    {"bulk_add", op_bulk_add},
    {"field_add", op_field_add},
    {"field_rename", op_field_rename},
    {"field_remove", op_field_remove},
    {"field_type", op_field_type},
    {"option_add", op_option_add},
    {"option_remove", op_option_remove},
    {"option_relabel", op_option_relabel},
    {"line_add", op_line_add},
    {"line_remove", op_line_remove},
    {"plan", op_plan},
    {"budget", op_budget},
    {"limits", op_limits},
    {"set", op_set},
    {"rotate_token", op_rotate_token},
    {"fault", op_fault},
    {"faults_clear", op_faults_clear},
    {"reset_counters", op_reset_counters},
};

static void run_op(struct sim *sim, const char *what, JsonNode *node, struct buf *results,
                   char **ret_error)
{
    if (!JSON_NODE_HOLDS_OBJECT(node)) {
        *ret_error = g_strdup("an operation is an object");
        return;
    }
    struct op op = {.sim = sim, .args = json_node_get_object(node), .result = results};
    const char *name = *what ? what : arg_text(&op, "op");
    const struct op_row *row = NULL;
    for (size_t i = 0; name && i < G_N_ELEMENTS(ops); i++)
        if (strcmp(ops[i].name, name) == 0)
            row = &ops[i];
    op.company = sim_company(sim, arg_int(&op, "company", 0));
    if (!row || !op.company) {
        *ret_error = g_strdup_printf("unknown %s", row ? "company" : "operation");
        return;
    }
    op.now = sim_now(sim);
    buf_printf(results, "{\"op\":\"%s\"", row->name);
    g_mutex_lock(&op.company->lock);
    row->fn(&op);
    g_mutex_unlock(&op.company->lock);
    buf_char(results, '}');
    *ret_error = op.error;
}

int admin_post(struct sim *sim, const char *what, const char *body, size_t n, struct buf *ret)
{
    g_autoptr(JsonParser) parser = json_parser_new();
    g_autoptr(GError) bad = NULL;
    struct buf results = {0};
    char *error = NULL;
    guint done = 0;

    if (n == 0) {
        body = "{}";
        n = 2;
    }
    if (!json_parser_load_from_data(parser, body, (gssize)n, &bad)) {
        BUF_LIT(ret, "{\"ok\":false,\"index\":0,\"error\":");
        buf_json_string(ret, bad->message);
        buf_char(ret, '}');
        return 400;
    }
    JsonNode *root = json_parser_get_root(parser);
    JsonArray *list = root && JSON_NODE_HOLDS_ARRAY(root) ? json_node_get_array(root) : NULL;
    guint total = list ? json_array_get_length(list) : 1;

    g_mutex_lock(&sim->admin_lock);
    for (; done < total && !error; done++) {
        if (done)
            buf_char(&results, ',');
        run_op(sim, what, list ? json_array_get_element(list, done) : root, &results, &error);
    }
    g_mutex_unlock(&sim->admin_lock);
    int status = error ? 400 : 200;
    if (error) {
        buf_printf(ret, "{\"ok\":false,\"index\":%u,\"error\":", done - 1);
        buf_json_string(ret, error);
        buf_char(ret, '}');
        g_free(error);
    } else {
        BUF_LIT(ret, "{\"ok\":true,\"results\":[");
        buf_bytes(ret, results.data, results.len);
        BUF_LIT(ret, "]}");
    }
    buf_done(&results);
    return status;
}
