#include "company.h"

#include <stdio.h>
#include <stdlib.h>

#include "text.h"
#include "times.h"
#include "view.h"

void company_make_token(struct company *c, bool admin)
{
    g_autofree char *from = g_strdup_printf("token %llu %d %d %u", (unsigned long long)c->seed,
                                            c->id, admin, c->token_generation);
    g_autofree char *hex = g_compute_checksum_for_string(G_CHECKSUM_SHA1, from, -1);
    memcpy(admin ? c->admin_token : c->member_token, hex, TOKEN_CHARS + 1);
}

struct company *company_new(const struct options *o, int number)
{
    struct company *c = g_new0(struct company, 1);
    g_mutex_init(&c->lock);
    c->number = number;
    c->id = 7001 + number;
    snprintf(c->domain, sizeof c->domain, "acme-%d", c->id);
    c->seed = mix((uint64_t)(o->seed + number), 4711);
    c->born = o->now;
    c->admin_id = 900 + number * 1000;
    c->member_id = c->admin_id + 1;
    c->switches = o->switches;
    c->plan = o->plan;
    c->seats = o->seats;
    limits_init(&c->limits, o->burst);
    memcpy(c->tie_percent, o->tie_percent, sizeof c->tie_percent);
    company_make_token(c, true);
    company_make_token(c, false);
    change_log_init(&c->log);
    for (int e = 0; e < N_ENTITIES; e++)
        field_set_init(&c->fields[e], c, (enum entity)e, o->custom_fields);
    company_generate(c, o);
    return c;
}

void company_free(struct company *c)
{
    for (int e = 0; e < N_ENTITIES; e++) {
        table_done(&c->tables[e]);
        field_set_done(&c->fields[e]);
    }
    change_log_done(&c->log);
    limits_done(&c->limits);
    g_mutex_clear(&c->lock);
    g_free(c);
}

int64_t activity_due_day(const struct company *c, const struct record *r)
{
    return (int64_t)r->add_time / DAY_S + pick(record_hash(c, E_ACTIVITY, r, 21), 60);
}

int32_t record_deal(enum entity e, const struct record *r)
{
    switch (e) {
    case E_LINE:
        return r->link[LINE_DEAL];
    case E_ACTIVITY:
    case E_NOTE:
    case E_FILE:
        return r->link[LINK_DEAL];
    default:
        return 0;
    }
}

int32_t deal_pipeline(const struct company *c, const struct record *deal)
{
    const struct record *stage = company_find(c, E_STAGE, deal->link[DEAL_STAGE]);
    return stage ? stage->link[STAGE_PIPELINE] : 0;
}

static int64_t due_date_of(const struct company *c, const struct record *r, bool *ret_null)
{
    const char *literal = record_edit(r, "due_date");
    int64_t when = 0;
    if (!literal)
        return activity_due_day(c, r) * DAY_S;
    char text[11] = "";
    if (literal[0] == '"' && strlen(literal) == 12)
        memcpy(text, literal + 1, 10);
    *ret_null = !time_parse_any(text, &when);
    return when;
}

bool company_sort_value(const struct company *c, enum entity e, const struct record *r,
                        enum sort_key key, int64_t *ret)
{
    bool null = false;
    switch (key) {
    case SORT_ID:
    case SORT_NAME:
    case N_SORT_KEYS:
        *ret = r->id;
        break;
    case SORT_UPDATE_TIME:
        *ret = r->update_time;
        null = r->update_time == 0;
        break;
    case SORT_ADD_TIME:
        *ret = r->add_time;
        break;
    case SORT_DUE_DATE:
        *ret = due_date_of(c, r, &null);
        break;
    case SORT_ORDER_NR:
        *ret = r->link[e == E_LINE ? LINE_ORDER : STAGE_ORDER];
        break;
    case SORT_DEAL_ID:
        *ret = record_deal(e, r);
        break;
    }
    return !null;
}

void company_sort_name(const struct company *c, enum entity e, const struct record *r,
                       struct buf *b)
{
    struct view v = {.company = c, .entity = e};
    view_attribute(b, &v, r, "name");
}

struct sort_item {
    int64_t number; /* INT64_MIN: null */
    char *name;
    uint32_t row;
};

static int compare_items(const void *a, const void *b)
{
    const struct sort_item *x = a, *y = b;
    if (x->name && y->name) {
        int by_name = strcmp(x->name, y->name);
        if (by_name)
            return by_name;
    } else if (x->number != y->number) {
        return x->number < y->number ? -1 : 1;
    }
    return (x->row > y->row) - (x->row < y->row);
}

static void build_order(const struct company *c, enum entity e, enum sort_key key, struct order *o)
{
    const struct table *t = &c->tables[e];
    g_autofree struct sort_item *items = g_new0(struct sort_item, t->n + 1);
    struct buf name = {0};
    uint32_t n = 0;

    o->n_null = 0;
    for (uint32_t i = 0; i < t->n; i++) {
        const struct record *r = &t->rows[i];
        if (r->flags & REC_PURGED)
            continue;
        items[n].row = i;
        if (key == SORT_NAME) {
            name.len = 0;
            company_sort_name(c, e, r, &name);
            items[n].name = g_strdup(buf_cstr(&name));
        } else if (!company_sort_value(c, e, r, key, &items[n].number)) {
            items[n].number = INT64_MIN;
            o->n_null++;
        }
        n++;
    }
    if (n > 1)
        qsort(items, n, sizeof *items, compare_items);
    o->rows = g_renew(uint32_t, o->rows, n + 1);
    o->n = n;
    for (uint32_t i = 0; i < n; i++) {
        o->rows[i] = items[i].row;
        g_free(items[i].name);
    }
    o->valid = true;
    buf_done(&name);
}

const struct order *company_order(const struct company *c, enum entity e, enum sort_key key)
{
    struct order *o = &company_table(c, e)->orders[key];
    if (!o->valid)
        build_order(c, e, key, o);
    return o;
}

static uint32_t first_of_deal(const struct company *c, enum entity e, const struct order *o,
                              int64_t deal)
{
    uint32_t low = 0, high = o->n;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (record_deal(e, &c->tables[e].rows[o->rows[middle]]) < deal)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

uint32_t company_of_deal(const struct company *c, enum entity e, int32_t deal, uint32_t *ret_from)
{
    const struct order *o = company_order(c, e, SORT_DEAL_ID);
    *ret_from = first_of_deal(c, e, o, deal);
    return first_of_deal(c, e, o, (int64_t)deal + 1);
}

bool record_gone(const struct record *r, int64_t now)
{
    if (r->flags & REC_PURGED)
        return true;
    return (r->flags & REC_DELETED) && r->update_time && now - (int64_t)r->update_time > 30 * DAY_S;
}

bool company_sees(const struct company *c, int user, enum entity e, const struct record *r)
{
    if (user != c->member_id)
        return true;
    const struct record *deal;
    switch (e) {
    case E_DEAL:
    case E_PERSON:
    case E_ORG:
    case E_PRODUCT:
    case E_FILTER:
        return r->visible_to >= 3 || r->link[LINK_OWNER] == user;
    case E_ACTIVITY:
    case E_NOTE:
    case E_FILE:
        if (r->link[LINK_OWNER] == user)
            return true;
        deal = company_find(c, E_DEAL, r->link[LINK_DEAL]);
        return !deal || company_sees(c, user, E_DEAL, deal);
    case E_LINE:
        deal = company_find(c, E_DEAL, r->link[LINE_DEAL]);
        return deal && company_sees(c, user, E_DEAL, deal);
    default:
        return true;
    }
}
