#include "request.h"

#include <stdlib.h>

#include "times.h"

enum kind {
    KIND_TEXT,
    KIND_INT,
    KIND_BOOL,
    KIND_TIME,
    KIND_IDS,
    KIND_DEAL_IDS,
    KIND_LIMIT,
    KIND_SORT,
    KIND_DIRECTION,
    KIND_STATUS,
    KIND_KEYS,
    KIND_INCLUDES
};

struct param_row {
    const char *name;
    enum kind kind;
};

static const struct param_row params[N_PARAMS] = {
    [P_FILTER_ID] = {"filter_id", KIND_INT},
    [P_IDS] = {"ids", KIND_IDS},
    [P_OWNER_ID] = {"owner_id", KIND_INT},
    [P_PERSON_ID] = {"person_id", KIND_INT},
    [P_ORG_ID] = {"org_id", KIND_INT},
    [P_DEAL_ID] = {"deal_id", KIND_INT},
    [P_LEAD_ID] = {"lead_id", KIND_TEXT},
    [P_PIPELINE_ID] = {"pipeline_id", KIND_INT},
    [P_STAGE_ID] = {"stage_id", KIND_INT},
    [P_STATUS] = {"status", KIND_STATUS},
    [P_DONE] = {"done", KIND_BOOL},
    [P_UPDATED_SINCE] = {"updated_since", KIND_TIME},
    [P_UPDATED_UNTIL] = {"updated_until", KIND_TIME},
    [P_SORT_BY] = {"sort_by", KIND_SORT},
    [P_SORT_DIRECTION] = {"sort_direction", KIND_DIRECTION},
    [P_INCLUDE_FIELDS] = {"include_fields", KIND_INCLUDES},
    [P_CUSTOM_FIELDS] = {"custom_fields", KIND_KEYS},
    [P_INCLUDE_OPTION_LABELS] = {"include_option_labels", KIND_BOOL},
    [P_INCLUDE_LABELS] = {"include_labels", KIND_BOOL},
    [P_LIMIT] = {"limit", KIND_LIMIT},
    [P_CURSOR] = {"cursor", KIND_TEXT},
    [P_DEAL_IDS] = {"deal_ids", KIND_DEAL_IDS},
    [P_START] = {"start", KIND_INT},
    [P_SORT] = {"sort", KIND_TEXT},
    [P_ITEMS] = {"items", KIND_TEXT},
    [P_ALL_CHANGES] = {"all_changes", KIND_TEXT},
    [P_SINCE_TIMESTAMP] = {"since_timestamp", KIND_TEXT},
    [P_TERM] = {"term", KIND_TEXT},
    [P_TYPE] = {"type", KIND_TEXT},
    [P_USER_ID] = {"user_id", KIND_INT},
    [P_INCLUDE_FIELD_CODE] = {"include_field_code", KIND_BOOL},
    [P_START_DATE] = {"start_date", KIND_TEXT},
    [P_END_DATE] = {"end_date", KIND_TEXT},
    [P_PROJECT_ID] = {"project_id", KIND_INT},
    [P_TASK_ID] = {"task_id", KIND_INT},
    [P_PINNED_LEAD] = {"pinned_to_lead_flag", KIND_BOOL},
    [P_PINNED_DEAL] = {"pinned_to_deal_flag", KIND_BOOL},
    [P_PINNED_ORG] = {"pinned_to_organization_flag", KIND_BOOL},
    [P_PINNED_PERSON] = {"pinned_to_person_flag", KIND_BOOL},
    [P_PINNED_PROJECT] = {"pinned_to_project_flag", KIND_BOOL},
    [P_PINNED_TASK] = {"pinned_to_task_flag", KIND_BOOL},
};

static const char *const sort_names[N_SORT_KEYS] = {
    "id", "update_time", "add_time", "due_date", "order_nr", "deal_id", "name",
};

static const char *const field_namespaces[] = {"ui_visibility", "important_fields",
                                               "required_fields"};

int param_by_name(const char *name)
{
    for (int p = 0; p < N_PARAMS; p++)
        if (strcmp(params[p].name, name) == 0)
            return p;
    return -1;
}

const char *param_name(enum param p)
{
    return params[p].name;
}

const char *sort_key_name(enum sort_key key)
{
    return sort_names[key];
}

static bool parse_number(const char *text, int64_t *ret)
{
    char *end;
    if (!*text || strlen(text) > 18)
        return false;
    *ret = strtoll(text, &end, 10);
    return !*end && (g_ascii_isdigit(*text) || *text == '-');
}

bool parse_ids(const char *text, int64_t *ids, uint32_t max, uint32_t *ret_n)
{
    g_auto(GStrv) parts = g_strsplit(text, ",", -1);
    *ret_n = 0;
    for (int i = 0; parts[i]; i++)
        if (*ret_n == max || !parse_number(g_strstrip(parts[i]), &ids[(*ret_n)++]))
            return false;
    return true;
}

static bool parse_bool(const char *text, int64_t *ret)
{
    *ret = strcmp(text, "true") == 0 || strcmp(text, "1") == 0;
    return *ret || strcmp(text, "false") == 0 || strcmp(text, "0") == 0;
}

static bool all_among(const char *text, const char *const *words, size_t n)
{
    g_auto(GStrv) parts = g_strsplit(text, ",", -1);
    for (int i = 0; parts[i]; i++) {
        bool found = false;
        for (size_t w = 0; w < n; w++)
            found |= strcmp(parts[i], words[w]) == 0;
        if (!found)
            return false;
    }
    return true;
}

static bool check_sort(const struct request *q, const char *text)
{
    for (int k = 0; k < N_SORT_KEYS; k++)
        if ((q->endpoint->sorts & BIT(k)) && strcmp(sort_names[k], text) == 0)
            return true;
    return false;
}

/* Names of optional attributes of the entity, or of the namespaces of field lists. */
static bool check_includes(const struct request *q, const char *text)
{
    if (q->endpoint->handler == list_fields_v2 || q->endpoint->handler == get_field_v2) {
        bool wide = q->endpoint->entity != E_PRODUCT && q->endpoint->entity != E_ACTIVITY;
        return all_among(text, field_namespaces, wide ? 3 : 1);
    }
    g_auto(GStrv) parts = g_strsplit(text, ",", -1);
    for (int i = 0; parts[i]; i++)
        if (attr_include_bit(q->endpoint->entity, parts[i]) < 0)
            return false;
    return true;
}

static bool check_limit(const struct request *q, int64_t limit)
{
    if (limit > q->endpoint->max_limit)
        return !company_switch(q->company, SW_LIMIT_OVER_MAX);
    return limit >= 1;
}

static bool check_param(struct request *q, enum param p)
{
    static const char *const statuses[] = {"open", "won", "lost", "deleted"};
    static const char *const directions[] = {"asc", "desc"};
    const char *text = q->args[p];
    int64_t ids[MAX_IDS];
    uint32_t n;

    switch (params[p].kind) {
    case KIND_TEXT:
        return true;
    case KIND_INT:
        return parse_number(text, &q->numbers[p]);
    case KIND_BOOL:
        return parse_bool(text, &q->numbers[p]);
    case KIND_TIME:
        return time_parse(text, &q->numbers[p]);
    case KIND_IDS:
    case KIND_DEAL_IDS:
        return parse_ids(text, ids, MAX_IDS, &n);
    case KIND_LIMIT:
        return parse_number(text, &q->numbers[p]) && check_limit(q, q->numbers[p]);
    case KIND_SORT:
        return check_sort(q, text);
    case KIND_DIRECTION:
        return all_among(text, directions, 2) && !strchr(text, ',');
    case KIND_STATUS:
        return all_among(text, statuses, 4);
    case KIND_KEYS: {
        g_auto(GStrv) keys = g_strsplit(text, ",", -1);
        return g_strv_length(keys) <= MAX_CUSTOM_KEYS;
    }
    case KIND_INCLUDES:
        return check_includes(q, text);
    }
    return false;
}

/* Names in include_fields that need the marketing application; NULL: none asked for. */
static const char *gated_name(const struct request *q)
{
    static const char *const gated[] = {"marketing_status", "doi_status"};
    const char *text = q->args[P_INCLUDE_FIELDS];
    for (size_t i = 0; text && i < G_N_ELEMENTS(gated); i++)
        if (strstr(text, gated[i]))
            return gated[i];
    return NULL;
}

bool request_validate(struct request *q)
{
    const struct endpoint *e = q->endpoint;
    bool strict = endpoint_is_v2(e);

    if (strict && q->unknown) {
        answer_error(q->answer, 400, "ERR_SCHEMA_VALIDATION_FAILED",
                     "Validation failed: %s: parameter is not allowed", q->unknown);
        return false;
    }
    for (int p = 0; p < N_PARAMS; p++) {
        if (!q->args[p])
            continue;
        if (!(e->params & BIT(p))) {
            q->args[p] = strict ? q->args[p] : NULL;
        } else if (check_param(q, (enum param)p)) {
            continue;
        } else if (!strict && p != P_UPDATED_SINCE && p != P_LIMIT) {
            q->args[p] = NULL;
            continue;
        }
        if (!q->args[p])
            continue;
        bool time = params[p].kind == KIND_TIME && (e->params & BIT(p));
        answer_error(q->answer, 400, "ERR_SCHEMA_VALIDATION_FAILED", "Validation failed: %s: %s",
                     params[p].name,
                     !(e->params & BIT(p)) ? "parameter is not allowed"
                     : time                ? "not a valid datetime"
                                           : "invalid value");
        return false;
    }
    int gate = company_switch(q->company, SW_GATED_INCLUDES);
    const char *gated = e->entity == E_PERSON && gate ? gated_name(q) : NULL;
    if (gated) {
        answer_error(q->answer, gate, gate == 400 ? "ERR_SCHEMA_VALIDATION_FAILED" : NULL,
                     "include_fields: %s is not enabled for this company", gated);
        return false;
    }
    if (company_switch(q->company, SW_WINDOWS) == IGNORED)
        q->args[P_UPDATED_SINCE] = q->args[P_UPDATED_UNTIL] = NULL;
    return true;
}

uint32_t request_limit(const struct request *q)
{
    int64_t limit = q->args[P_LIMIT] ? q->numbers[P_LIMIT] : 100;
    int64_t most = company_switch(q->company, SW_PAGE_MAX);
    return (uint32_t)CLAMP(limit, 1,
                           most > 0 ? MIN(most, q->endpoint->max_limit) : q->endpoint->max_limit);
}

enum sort_key request_sort(const struct request *q)
{
    for (int k = 0; q->args[P_SORT_BY] && k < N_SORT_KEYS; k++)
        if (strcmp(sort_names[k], q->args[P_SORT_BY]) == 0)
            return (enum sort_key)k;
    return SORT_ID;
}

struct view request_view(const struct request *q, enum entity entity)
{
    struct view v = {
        .company = q->company,
        .entity = entity,
        .user = q->user,
        .now = q->now,
        .option_labels = q->args[P_INCLUDE_OPTION_LABELS] && q->numbers[P_INCLUDE_OPTION_LABELS],
        .labels = q->args[P_INCLUDE_LABELS] && q->numbers[P_INCLUDE_LABELS],
        .field_codes = q->args[P_INCLUDE_FIELD_CODE] && q->numbers[P_INCLUDE_FIELD_CODE],
    };
    if (q->args[P_INCLUDE_FIELDS]) {
        g_auto(GStrv) names = g_strsplit(q->args[P_INCLUDE_FIELDS], ",", -1);
        for (int i = 0; names[i]; i++) {
            int bit = attr_include_bit(entity, names[i]);
            if (bit >= 0)
                v.includes |= BIT(bit);
        }
    }
    if (q->args[P_CUSTOM_FIELDS]) {
        GPtrArray *keys = g_ptr_array_new_with_free_func(g_free);
        g_auto(GStrv) names = g_strsplit(q->args[P_CUSTOM_FIELDS], ",", -1);
        for (int i = 0; names[i]; i++)
            g_ptr_array_add(keys, g_strdup(names[i]));
        v.custom_keys = keys;
    }
    return v;
}

bool attribute_wanted(const struct request *q, enum param p, const struct record *r)
{
    if (!has_arg(q, p))
        return true;
    struct view v = {
        .company = q->company, .entity = q->endpoint->entity, .user = q->user, .now = q->now};
    struct buf wanted = {0}, value = {0};
    if (params[p].kind == KIND_BOOL)
        buf_bool(&wanted, q->numbers[p]);
    else if (params[p].kind == KIND_INT)
        buf_int(&wanted, q->numbers[p]);
    else
        buf_json_string(&wanted, q->args[p]);
    view_attribute(&value, &v, r, params[p].name);
    bool same = g_ascii_strcasecmp(buf_cstr(&wanted), buf_cstr(&value)) == 0;
    buf_done(&wanted);
    buf_done(&value);
    return same;
}
