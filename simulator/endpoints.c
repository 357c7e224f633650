/* Every endpoint is a row. Prices: x-token-cost of openapi-v1.yaml and openapi-v2.yaml, 2026-08-18;
 * prices of v1 lists out of support: the January 2026 document. */
#include "request.h"

#define PAGED          (BIT(P_LIMIT) | BIT(P_CURSOR))
#define SORTED         (BIT(P_SORT_BY) | BIT(P_SORT_DIRECTION))
#define WINDOW         (BIT(P_UPDATED_SINCE) | BIT(P_UPDATED_UNTIL))
#define COMMON         (PAGED | SORTED | BIT(P_FILTER_ID) | BIT(P_IDS) | BIT(P_OWNER_ID))
#define LABEL_SWITCHES (BIT(P_INCLUDE_OPTION_LABELS) | BIT(P_INCLUDE_LABELS))
#define CHOSEN         (BIT(P_INCLUDE_FIELDS) | BIT(P_CUSTOM_FIELDS))
#define DEAL_LIST                                                                                  \
    (COMMON | WINDOW | CHOSEN | BIT(P_PERSON_ID) | BIT(P_ORG_ID) | BIT(P_PIPELINE_ID) |            \
     BIT(P_STAGE_ID) | BIT(P_STATUS))
#define TIMES  (BIT(SORT_ID) | BIT(SORT_UPDATE_TIME) | BIT(SORT_ADD_TIME))
#define OFFSET (BIT(P_START) | BIT(P_LIMIT))
#define NOTE_LIST                                                                                  \
    (OFFSET | BIT(P_SORT) | BIT(P_UPDATED_SINCE) | BIT(P_USER_ID) | BIT(P_LEAD_ID) |               \
     BIT(P_DEAL_ID) | BIT(P_PERSON_ID) | BIT(P_ORG_ID) | BIT(P_START_DATE) | BIT(P_END_DATE) |     \
     BIT(P_PROJECT_ID) | BIT(P_TASK_ID) | BIT(P_PINNED_LEAD) | BIT(P_PINNED_DEAL) |                \
     BIT(P_PINNED_ORG) | BIT(P_PINNED_PERSON) | BIT(P_PINNED_PROJECT) | BIT(P_PINNED_TASK))
#define FIELD_LIST (PAGED | BIT(P_INCLUDE_FIELDS))

/* clang-format off */
static const struct endpoint rows[] = {
    {"/api/v2/activities", 10, COMMON | WINDOW | BIT(P_INCLUDE_FIELDS) | BIT(P_DEAL_ID) | BIT(P_LEAD_ID) |
        BIT(P_PERSON_ID) | BIT(P_ORG_ID) | BIT(P_DONE), TIMES | BIT(SORT_DUE_DATE), 500, list_records, E_ACTIVITY, 0},
    {"/api/v2/activities/{id}", 1, BIT(P_INCLUDE_FIELDS), 0, 0, get_record, E_ACTIVITY, 0},
    {"/api/v2/deals", 10, DEAL_LIST | LABEL_SWITCHES, TIMES, 500, list_records, E_DEAL, 0},
    {"/api/v2/deals/archived", 20, DEAL_LIST, TIMES, 500, list_records, E_DEAL, 1},
    {"/api/v2/deals/products", 10, PAGED | SORTED | BIT(P_DEAL_IDS), TIMES | BIT(SORT_DEAL_ID) | BIT(SORT_ORDER_NR),
        500, list_lines_of_deals, E_LINE, 0},
    {"/api/v2/deals/{id}", 1, CHOSEN | LABEL_SWITCHES, 0, 0, get_record, E_DEAL, 0},
    {"/api/v2/deals/{id}/products", 10, PAGED | SORTED, TIMES | BIT(SORT_ORDER_NR), 500, list_deal_lines, E_LINE, 0},
    {"/api/v2/persons", 10, COMMON | WINDOW | CHOSEN | LABEL_SWITCHES | BIT(P_ORG_ID) | BIT(P_DEAL_ID), TIMES, 500,
        list_records, E_PERSON, 0},
    {"/api/v2/persons/{id}", 1, CHOSEN | LABEL_SWITCHES, 0, 0, get_record, E_PERSON, 0},
    {"/api/v2/organizations", 10, COMMON | WINDOW | CHOSEN | LABEL_SWITCHES, TIMES, 500, list_records, E_ORG, 0},
    {"/api/v2/organizations/{id}", 1, CHOSEN | LABEL_SWITCHES, 0, 0, get_record, E_ORG, 0},
    {"/api/v2/products", 10, COMMON | BIT(P_UPDATED_SINCE) | BIT(P_CUSTOM_FIELDS), TIMES | BIT(SORT_NAME), 500,
        list_records, E_PRODUCT, 0},
    {"/api/v2/products/{id}", 1, 0, 0, 0, get_record, E_PRODUCT, 0},
    {"/api/v2/pipelines", 5, PAGED | SORTED, TIMES, 500, list_records, E_PIPELINE, 0},
    {"/api/v2/pipelines/{id}", 1, 0, 0, 0, get_record, E_PIPELINE, 0},
    {"/api/v2/stages", 5, PAGED | SORTED | BIT(P_PIPELINE_ID), TIMES | BIT(SORT_ORDER_NR), 500, list_records, E_STAGE, 0},
    {"/api/v2/stages/{id}", 1, 0, 0, 0, get_record, E_STAGE, 0},
    {"/api/v2/dealFields", 10, FIELD_LIST, 0, 500, list_fields_v2, E_DEAL, 0},
    {"/api/v2/dealFields/{field_code}", 1, BIT(P_INCLUDE_FIELDS), 0, 0, get_field_v2, E_DEAL, 0},
    {"/api/v2/personFields", 10, FIELD_LIST, 0, 500, list_fields_v2, E_PERSON, 0},
    {"/api/v2/personFields/{field_code}", 1, BIT(P_INCLUDE_FIELDS), 0, 0, get_field_v2, E_PERSON, 0},
    {"/api/v2/organizationFields", 10, FIELD_LIST, 0, 500, list_fields_v2, E_ORG, 0},
    {"/api/v2/organizationFields/{field_code}", 1, BIT(P_INCLUDE_FIELDS), 0, 0, get_field_v2, E_ORG, 0},
    {"/api/v2/productFields", 10, FIELD_LIST, 0, 500, list_fields_v2, E_PRODUCT, 0},
    {"/api/v2/productFields/{field_code}", 1, BIT(P_INCLUDE_FIELDS), 0, 0, get_field_v2, E_PRODUCT, 0},
    {"/api/v2/activityFields", 10, FIELD_LIST, 0, 500, list_fields_v2, E_ACTIVITY, 0},
    {"/api/v2/activityFields/{field_code}", 1, BIT(P_INCLUDE_FIELDS), 0, 0, get_field_v2, E_ACTIVITY, 0},

    {"/v1/activityTypes", 20, 0, 0, 0, list_all_v1, E_ACTIVITY_TYPE, 0},
    {"/v1/currencies", 20, BIT(P_TERM), 0, 0, list_all_v1, E_CURRENCY, 0},
    {"/v1/files", 20, OFFSET | BIT(P_SORT), 0, 100, list_paged_v1, E_FILE, 0},
    {"/v1/files/{id}", 2, 0, 0, 0, get_v1, E_FILE, 0},
    {"/v1/filters", 20, BIT(P_TYPE), 0, 0, list_all_v1, E_FILTER, 0},
    {"/v1/filters/{id}", 2, BIT(P_INCLUDE_FIELD_CODE), 0, 0, get_v1, E_FILTER, 0},
    {"/v1/notes", 20, NOTE_LIST, 0, 500, list_paged_v1, E_NOTE, 0},
    {"/v1/notes/{id}", 2, 0, 0, 0, get_v1, E_NOTE, 0},
    {"/v1/users", 20, 0, 0, 0, list_all_v1, E_USER, 0},
    {"/v1/users/me", 2, 0, 0, 0, get_me, E_USER, 0},
    {"/v1/users/{id}", 2, 0, 0, 0, get_v1, E_USER, 0},
    {"/v1/dealFields", 20, OFFSET, 0, 500, list_fields_v1, E_DEAL, 0},
    {"/v1/dealFields/{id}", 2, 0, 0, 0, get_field_v1, E_DEAL, 0},
    {"/v1/personFields", 20, OFFSET, 0, 500, list_fields_v1, E_PERSON, 0},
    {"/v1/personFields/{id}", 2, 0, 0, 0, get_field_v1, E_PERSON, 0},
    {"/v1/organizationFields", 20, OFFSET, 0, 500, list_fields_v1, E_ORG, 0},
    {"/v1/organizationFields/{id}", 2, 0, 0, 0, get_field_v1, E_ORG, 0},
    {"/v1/productFields", 20, OFFSET, 0, 500, list_fields_v1, E_PRODUCT, 0},
    {"/v1/productFields/{id}", 2, 0, 0, 0, get_field_v1, E_PRODUCT, 0},
    {"/v1/activityFields", 20, 0, 0, 0, list_fields_v1, E_ACTIVITY, 0},
    {"/v1/noteFields", 20, 0, 0, 0, list_fields_v1, E_NOTE, 0},
    {"/v1/deals/{id}/flow", 40, OFFSET | BIT(P_ALL_CHANGES) | BIT(P_ITEMS), 0, 500, deal_flow, E_DEAL, 0},
    {"/v1/deals/{id}/changelog", 20, PAGED, 0, 500, record_changelog, E_DEAL, 0},
    {"/v1/persons/{id}/changelog", 20, PAGED, 0, 500, record_changelog, E_PERSON, 0},
    {"/v1/organizations/{id}/changelog", 20, PAGED, 0, 500, record_changelog, E_ORG, 0},
    {"/v1/recents", 20, OFFSET | BIT(P_SINCE_TIMESTAMP) | BIT(P_ITEMS), 0, 500, list_recents, E_DEAL, 0},

    {"/v1/deals", 20, OFFSET, 0, 500, list_old_v1, E_DEAL, 0},
    {"/v1/deals/{id}", 2, 0, 0, 0, get_old_v1, E_DEAL, 0},
    {"/v1/deals/{id}/products", 20, OFFSET, 0, 500, list_old_lines, E_LINE, 0},
    {"/v1/persons", 20, OFFSET, 0, 500, list_old_v1, E_PERSON, 0},
    {"/v1/persons/{id}", 2, 0, 0, 0, get_old_v1, E_PERSON, 0},
    {"/v1/organizations", 20, OFFSET, 0, 500, list_old_v1, E_ORG, 0},
    {"/v1/organizations/{id}", 2, 0, 0, 0, get_old_v1, E_ORG, 0},
    {"/v1/activities", 20, OFFSET, 0, 500, list_old_v1, E_ACTIVITY, 0},
    {"/v1/activities/{id}", 2, 0, 0, 0, get_old_v1, E_ACTIVITY, 0},
    {"/v1/products", 20, OFFSET, 0, 500, list_old_v1, E_PRODUCT, 0},
    {"/v1/products/{id}", 2, 0, 0, 0, get_old_v1, E_PRODUCT, 0},
    {"/v1/pipelines", 10, 0, 0, 0, list_old_v1, E_PIPELINE, 0},
    {"/v1/pipelines/{id}", 2, 0, 0, 0, get_old_v1, E_PIPELINE, 0},
    {"/v1/stages", 10, 0, 0, 0, list_old_v1, E_STAGE, 0},
    {"/v1/stages/{id}", 2, 0, 0, 0, get_old_v1, E_STAGE, 0},
};
/* clang-format on */

const struct endpoint *endpoint_row(size_t number)
{
    return number < G_N_ELEMENTS(rows) ? &rows[number] : NULL;
}

/* Compares up to the variable part, takes that up to the next slash, compares the rest. */
static bool matches(const char *pattern, const char *path, const char **ret_key)
{
    const char *brace = strchr(pattern, '{');
    *ret_key = NULL;
    if (!brace)
        return strcmp(pattern, path) == 0;
    size_t n = (size_t)(brace - pattern);
    if (strncmp(pattern, path, n) != 0 || !path[n])
        return false;
    *ret_key = path + n;
    const char *rest = strchr(path + n, '/');
    return strcmp(strchr(brace, '}') + 1, rest ? rest : "") == 0;
}

const struct endpoint *endpoint_find(const char *path, const char **ret_key)
{
    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++)
        if (matches(rows[i].path, path, ret_key))
            return &rows[i];
    return NULL;
}
