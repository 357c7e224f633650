/* v1 lists: by offset (files, notes), whole (users, filters, …), and records by id. */
#include <stdlib.h>

#include "request.h"
#include "shapes.h"
#include "times.h"

struct order_wanted {
    enum sort_key key;
    bool descending;
};

/* `update_time DESC`, `id`: the first of the fields that were named decides. */
static struct order_wanted parse_sort(const char *sort)
{
    struct order_wanted o = {SORT_ID, false};
    if (!sort)
        return o;
    g_auto(GStrv) first = g_strsplit(sort, ",", 2);
    g_auto(GStrv) words = g_strsplit_set(g_strstrip(first[0]), " ", 2);
    if (words[0] && strcmp(words[0], "update_time") == 0)
        o.key = SORT_UPDATE_TIME;
    else if (words[0] && strcmp(words[0], "add_time") == 0)
        o.key = SORT_ADD_TIME;
    o.descending = words[0] && words[1] && g_ascii_strcasecmp(g_strstrip(words[1]), "desc") == 0;
    return o;
}

static bool link_wanted(const struct request *q, enum param p, int32_t link)
{
    return !has_arg(q, p) || q->numbers[p] == link;
}

static bool note_wanted(const struct request *q, const struct record *r)
{
    static const enum param by_attribute[] = {
        P_LEAD_ID,    P_PROJECT_ID,    P_TASK_ID,        P_PINNED_LEAD, P_PINNED_DEAL,
        P_PINNED_ORG, P_PINNED_PERSON, P_PINNED_PROJECT, P_PINNED_TASK,
    };
    int64_t day;
    if (has_arg(q, P_UPDATED_SINCE) && (int64_t)r->update_time < q->numbers[P_UPDATED_SINCE])
        return false;
    if (has_arg(q, P_START_DATE) && time_parse_any(q->args[P_START_DATE], &day) &&
        (int64_t)r->add_time < day)
        return false;
    if (has_arg(q, P_END_DATE) && time_parse_any(q->args[P_END_DATE], &day) &&
        (int64_t)r->add_time >= day + DAY_S)
        return false;
    if (!link_wanted(q, P_USER_ID, r->link[LINK_OWNER]) ||
        !link_wanted(q, P_DEAL_ID, r->link[LINK_DEAL]) ||
        !link_wanted(q, P_PERSON_ID, r->link[LINK_PERSON]) ||
        !link_wanted(q, P_ORG_ID, r->link[LINK_ORG]))
        return false;
    for (size_t i = 0; i < G_N_ELEMENTS(by_attribute); i++)
        if (!attribute_wanted(q, by_attribute[i], r))
            return false;
    return true;
}

static bool wanted(const struct request *q, const struct record *r)
{
    enum entity e = q->endpoint->entity;
    if (record_gone(r, q->now))
        return false;
    if (record_deleted(r) && e != E_USER && !company_switch(q->company, SW_LIST_DELETED))
        return false;
    if (e == E_NOTE && !note_wanted(q, r))
        return false;
    return company_sees(q->company, q->user, e, r);
}

void list_paged_v1(struct request *q)
{
    enum entity e = q->endpoint->entity;
    struct order_wanted how = parse_sort(q->args[P_SORT]);
    const struct order *o = company_order(q->company, e, how.key);
    struct view v = request_view(q, e);
    struct buf *b = &q->answer->body;
    int64_t start = has_arg(q, P_START) ? MAX(q->numbers[P_START], 0) : 0;
    uint32_t limit = request_limit(q), first = 0;
    int64_t skipped = 0;
    bool more = false;

    if (e == E_NOTE && has_arg(q, P_UPDATED_SINCE) && how.key == SORT_UPDATE_TIME &&
        !how.descending) {
        uint32_t low = 0, high = o->n; /* rows before the bookmark need no look */
        while (low < high) {
            uint32_t middle = low + (high - low) / 2;
            if ((int64_t)q->company->tables[e].rows[o->rows[middle]].update_time <
                q->numbers[P_UPDATED_SINCE])
                low = middle + 1;
            else
                high = middle;
        }
        first = low;
    }
    answer_begin(q->answer);
    size_t bracket = b->len;
    buf_char(b, '[');
    for (uint32_t i = first; i < o->n; i++) {
        const struct record *r =
            &q->company->tables[e].rows[o->rows[how.descending ? o->n - 1 - i : i]];
        if (!wanted(q, r) || skipped++ < start)
            continue;
        more = q->answer->rows == limit;
        if (more)
            break;
        if (q->answer->rows++)
            buf_char(b, ',');
        view_record(b, &v, r);
    }
    answer_end_list_v1(q, bracket);
    answer_end_v1(q, start, limit, more, false);
}

static bool matches_term(const struct request *q, const struct view *v, const struct record *r)
{
    struct buf text = {0};
    const char *term = q->args[q->endpoint->entity == E_CURRENCY ? P_TERM : P_TYPE];
    if (!term)
        return true;
    if (q->endpoint->entity == E_CURRENCY) {
        view_attribute(&text, v, r, "code");
        view_attribute(&text, v, r, "name");
    } else {
        view_attribute(&text, v, r, "type");
    }
    g_autofree char *whole = g_utf8_strdown(buf_cstr(&text), -1);
    g_autofree char *part = g_utf8_strdown(term, -1);
    g_autofree char *quoted = g_strdup_printf("\"%s\"", part);
    bool match = q->endpoint->entity == E_CURRENCY ? strstr(whole, part) != NULL
                                                   : strcmp(whole, quoted) == 0;
    buf_done(&text);
    return match;
}

void list_all_v1(struct request *q)
{
    enum entity e = q->endpoint->entity;
    const struct table *t = &q->company->tables[e];
    struct view v = request_view(q, e);
    struct buf *b = &q->answer->body;

    answer_begin(q->answer);
    size_t bracket = b->len;
    buf_char(b, '[');
    for (uint32_t i = 0; i < t->n; i++) {
        const struct record *r = &t->rows[i];
        if (!wanted(q, r) || !matches_term(q, &v, r))
            continue;
        if (q->answer->rows++)
            buf_char(b, ',');
        view_record(b, &v, r);
    }
    answer_end_list_v1(q, bracket);
    buf_char(b, '}');
}

static void write_one(struct request *q, const struct record *r, bool me)
{
    struct view v = request_view(q, q->endpoint->entity);
    struct buf *b = &q->answer->body;
    v.conditions = true;
    answer_begin(q->answer);
    view_record(b, &v, r);
    if (me) {
        b->len--; /* the closing brace */
        write_me_members(b, &v);
        buf_char(b, '}');
    }
    buf_char(b, '}');
    q->answer->rows = 1;
}

void get_v1(struct request *q)
{
    enum entity e = q->endpoint->entity;
    const struct record *r = company_find(q->company, e, q->id);
    if (!r || record_gone(r, q->now) ||
        (record_deleted(r) && company_switch(q->company, SW_DELETED_GET) != 200)) {
        answer_not_found(q);
    } else if (!company_sees(q->company, q->user, e, r)) {
        if (company_switch(q->company, SW_INVISIBLE) == 403)
            answer_error(q->answer, 403, NULL, "You do not have access to this item");
        else
            answer_not_found(q);
    } else {
        write_one(q, r, false);
    }
}

void get_me(struct request *q)
{
    const struct record *r = company_find(q->company, E_USER, q->user);
    if (r)
        write_one(q, r, true);
    else
        answer_not_found(q);
}
