/* What changed lately (v1), and the v1 lists out of support. */
#include <stdlib.h>

#include "request.h"
#include "times.h"

/* Since 2024-12-01 recents reaches back one month at most, without saying so (changelog of the
 * API). */
enum {
    RECENTS_REACH_S = 31 * DAY_S
};

struct recents_kind {
    const char *item;
    enum entity entity;
};

static const struct recents_kind kinds[] = {
    {"activity", E_ACTIVITY}, {"activityType", E_ACTIVITY_TYPE},
    {"deal", E_DEAL},         {"file", E_FILE},
    {"filter", E_FILTER},     {"note", E_NOTE},
    {"person", E_PERSON},     {"organization", E_ORG},
    {"pipeline", E_PIPELINE}, {"product", E_PRODUCT},
    {"stage", E_STAGE},       {"user", E_USER},
};

struct recent {
    uint32_t time, row;
    const struct recents_kind *kind;
};

static int compare(gconstpointer a, gconstpointer b)
{
    const struct recent *x = a, *y = b;
    if (x->time != y->time)
        return x->time < y->time ? -1 : 1;
    if (x->kind != y->kind)
        return x->kind < y->kind ? -1 : 1;
    return (x->row > y->row) - (x->row < y->row);
}

static bool kind_wanted(const struct request *q, const char *item)
{
    if (!has_arg(q, P_ITEMS))
        return true;
    g_auto(GStrv) names = g_strsplit(q->args[P_ITEMS], ",", -1);
    return g_strv_contains((const char *const *)names, item);
}

/* Exclusive of `since`; deleted rows show, as inactive ones. */
static void gather(const struct request *q, const struct recents_kind *kind, int64_t since,
                   GArray *out)
{
    const struct table *t = &q->company->tables[kind->entity];
    const struct order *o = company_order(q->company, kind->entity, SORT_UPDATE_TIME);
    for (uint32_t i = o->n; i-- > 0;) {
        const struct record *r = &t->rows[o->rows[i]];
        if ((int64_t)r->update_time <= since)
            break;
        struct recent recent = {r->update_time, o->rows[i], kind};
        if (!record_gone(r, q->now) && company_sees(q->company, q->user, kind->entity, r))
            g_array_append_val(out, recent);
    }
}

static void write_recent(struct buf *b, const struct request *q, const struct recent *recent)
{
    enum entity e = recent->kind->entity;
    const struct record *r = &q->company->tables[e].rows[recent->row];
    struct view v = request_view(q, e);
    v.shape = SHAPE_OLD;
    v.recent = true;
    buf_printf(b, "{\"item\":\"%s\",\"id\":%d,\"data\":", recent->kind->item, r->id);
    /* The schema says object; arrays of one have been reported (S9). Odd ids come as such. */
    bool in_array = e == E_USER && r->id % 2;
    if (in_array)
        buf_char(b, '[');
    view_record(b, &v, r);
    buf_str(b, in_array ? "]}" : "}");
}

static void write_recents(struct request *q, const GArray *all)
{
    struct buf *b = &q->answer->body;
    int64_t start = has_arg(q, P_START) ? MAX(q->numbers[P_START], 0) : 0;
    int64_t limit = request_limit(q), n = all->len, last = 0;

    answer_begin(q->answer);
    size_t bracket = b->len;
    buf_char(b, '[');
    for (int64_t i = start; i < n && i < start + limit; i++) {
        const struct recent *recent = &g_array_index(all, struct recent, i);
        if (q->answer->rows++)
            buf_char(b, ',');
        write_recent(b, q, recent);
        last = recent->time;
    }
    answer_end_list_v1(q, bracket);
    BUF_LIT(b, ",\"additional_data\":{\"since_timestamp\":");
    buf_json_string(b, q->args[P_SINCE_TIMESTAMP]);
    BUF_LIT(b, ",\"last_timestamp_on_page\":");
    time_write(b, last, TIME_V1);
    bool more = start + limit < n;
    buf_printf(b, ",\"pagination\":{\"start\":%lld,\"limit\":%lld,\"more_items_in_collection\":%s",
               (long long)start, (long long)limit, more ? "true" : "false");
    if (more)
        buf_printf(b, ",\"next_start\":%lld", (long long)(start + limit));
    BUF_LIT(b, "}}}");
}

void list_recents(struct request *q)
{
    int64_t since;
    if (!has_arg(q, P_SINCE_TIMESTAMP) || !time_parse_any(q->args[P_SINCE_TIMESTAMP], &since)) {
        answer_error(q->answer, 400, NULL, "since_timestamp is missing or invalid");
        return;
    }
    since = MAX(since, q->now - RECENTS_REACH_S);
    g_autoptr(GArray) all = g_array_new(FALSE, FALSE, sizeof(struct recent));
    for (size_t i = 0; i < G_N_ELEMENTS(kinds); i++)
        if (kind_wanted(q, kinds[i].item))
            gather(q, &kinds[i], since, all);
    g_array_sort(all, compare);
    write_recents(q, all);
}

/* --- out of support since 2026-08-01 --- */

bool out_of_support(struct request *q)
{
    int answers = company_switch(q->company, SW_OLD_V1);
    if (answers == OLD_ANSWERS)
        return false;
    answer_error(q->answer, answers == OLD_GONE ? 410 : 404, NULL,
                 answers == OLD_GONE ? "This endpoint is gone" : "Unknown method.");
    return true;
}

static bool listed(const struct request *q, const struct record *r)
{
    enum entity e = q->endpoint->entity;
    if (record_gone(r, q->now) || record_deleted(r) || (r->flags & REC_ARCHIVED))
        return false;
    return company_sees(q->company, q->user, e, r);
}

void list_old_v1(struct request *q)
{
    enum entity e = q->endpoint->entity;
    const struct table *t = &q->company->tables[e];
    struct buf *b = &q->answer->body;
    bool paged = q->endpoint->max_limit > 0, more = false;
    int64_t start = has_arg(q, P_START) ? MAX(q->numbers[P_START], 0) : 0, skipped = 0;
    uint32_t limit = paged ? request_limit(q) : UINT32_MAX;
    struct view v = request_view(q, e);

    if (out_of_support(q))
        return;
    v.shape = SHAPE_OLD;
    answer_begin(q->answer);
    size_t bracket = b->len;
    buf_char(b, '[');
    for (uint32_t i = 0; i < t->n && !more; i++) {
        if (!listed(q, &t->rows[i]) || skipped++ < start)
            continue;
        more = q->answer->rows == limit;
        if (more)
            break;
        if (q->answer->rows++)
            buf_char(b, ',');
        view_record(b, &v, &t->rows[i]);
    }
    answer_end_list_v1(q, bracket);
    if (paged)
        answer_end_v1(q, start, limit, more, false);
    else
        buf_char(b, '}');
}

void get_old_v1(struct request *q)
{
    enum entity e = q->endpoint->entity;
    const struct record *r = company_find(q->company, e, q->id);
    if (out_of_support(q))
        return;
    if (!r || record_gone(r, q->now) || !company_sees(q->company, q->user, e, r)) {
        answer_not_found(q);
        return;
    }
    struct view v = request_view(q, e);
    v.shape = SHAPE_OLD;
    answer_begin(q->answer);
    view_record(&q->answer->body, &v, r);
    buf_char(&q->answer->body, '}');
    q->answer->rows = 1;
}
