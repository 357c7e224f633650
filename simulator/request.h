/* One API request after routing: its parameters, parsed and checked, and the answer being written.
 * Lives on the stack of the connection's thread; handlers run under the company's lock. Knows no
 * transport. */
#ifndef SIM_REQUEST_H
#define SIM_REQUEST_H

#include "company.h"
#include "view.h"

enum param {
    P_FILTER_ID,
    P_IDS,
    P_OWNER_ID,
    P_PERSON_ID,
    P_ORG_ID,
    P_DEAL_ID,
    P_LEAD_ID,
    P_PIPELINE_ID,
    P_STAGE_ID,
    P_STATUS,
    P_DONE,
    P_UPDATED_SINCE,
    P_UPDATED_UNTIL,
    P_SORT_BY,
    P_SORT_DIRECTION,
    P_INCLUDE_FIELDS,
    P_CUSTOM_FIELDS,
    P_INCLUDE_OPTION_LABELS,
    P_INCLUDE_LABELS,
    P_LIMIT,
    P_CURSOR,
    P_DEAL_IDS,
    /* v1 only */
    P_START,
    P_SORT,
    P_ITEMS,
    P_ALL_CHANGES,
    P_SINCE_TIMESTAMP,
    P_TERM,
    P_TYPE,
    P_USER_ID,
    P_INCLUDE_FIELD_CODE,
    P_START_DATE,
    P_END_DATE,
    P_PROJECT_ID,
    P_TASK_ID,
    P_PINNED_LEAD,
    P_PINNED_DEAL,
    P_PINNED_ORG,
    P_PINNED_PERSON,
    P_PINNED_PROJECT,
    P_PINNED_TASK,
    N_PARAMS,
};

#define BIT(p) (1ull << (p))

enum {
    MAX_IDS = 100,
    MAX_CUSTOM_KEYS = 15
};

struct answer {
    int status;
    struct buf body;
    uint32_t rows; /* records in it, for the statistics */
};

struct endpoint;

struct request {
    struct company *company;
    const struct endpoint *endpoint;
    int user; /* whose token it is */
    int64_t now;
    const char *args[N_PARAMS]; /* NULL: absent */
    int64_t numbers[N_PARAMS];  /* of integer, boolean and time parameters */
    const char *unknown;        /* a parameter that no endpoint has */
    const char *key;            /* the path's {id} or {field_code} */
    int64_t id;
    struct answer *answer;
};

typedef void handler_fn(struct request *q);

struct endpoint {
    const char *path; /* with {id} or {field_code} */
    int cost;         /* x-token-cost */
    uint64_t params;  /* BIT()s */
    uint32_t sorts;   /* BIT()s of enum sort_key */
    int max_limit;
    handler_fn *handler;
    enum entity entity;
    int arg; /* for the handler */
};

static inline bool has_arg(const struct request *q, enum param p)
{
    return q->args[p] != NULL;
}

/* NULL: no such path. Sets *ret_key to the variable part. v1 paths have no /api. */
const struct endpoint *endpoint_find(const char *path, const char **ret_key);
const struct endpoint *endpoint_row(size_t number); /* NULL behind the last */
static inline bool endpoint_is_v2(const struct endpoint *e)
{
    return strncmp(e->path, "/api/v2/", 8) == 0;
}

int param_by_name(const char *name); /* -1: none */
const char *param_name(enum param p);
/* Checks all parameters of a v2 request; on failure the answer is a 400. v1 is forgiving. */
bool request_validate(struct request *q);
/* `limit`, within the endpoint's maximum. */
uint32_t request_limit(const struct request *q);
enum sort_key request_sort(const struct request *q);
const char *sort_key_name(enum sort_key key);
/* What the request wants to see of `entity`; free the custom keys. */
struct view request_view(const struct request *q, enum entity entity);
/* Whether the record's attribute of the parameter's name has the value that was asked for; true
 * when nothing was. For attributes that are no links. */
bool attribute_wanted(const struct request *q, enum param p, const struct record *r);
/* Up to `max` ids of a comma list; false on anything else. */
bool parse_ids(const char *text, int64_t *ids, uint32_t max, uint32_t *ret_n);

/* answer.c */
void answer_error(struct answer *a, int status, const char *code, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
void answer_not_found(struct request *q);
/* {"success":true,"data":  */
void answer_begin(struct answer *a);
/* Ends the v1 list that began at that byte: an empty one answers null, unless the switch says
 * array. */
void answer_end_list_v1(struct request *q, size_t bracket);
/* v1 paging: ,"additional_data":{…}} in the shape that the switch and the endpoint want. */
void answer_end_v1(struct request *q, int64_t start, int64_t limit, bool more, bool flat_in_spec);

/* Handlers. */
handler_fn list_records, get_record, list_deal_lines, list_lines_of_deals, list_fields_v2,
    get_field_v2, list_fields_v1, get_field_v1, list_all_v1, list_paged_v1, get_v1, get_me,
    deal_flow, record_changelog, list_recents, list_old_v1, get_old_v1, list_old_lines;

/* recents.c: true once it has answered that the path is out of support. */
bool out_of_support(struct request *q);

#endif
