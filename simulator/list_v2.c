/* v2 lists by keyset cursor, and v2 records by id. A page costs what it holds plus the rows that
 * filters skip. */
#include "cursor.h"
#include "times.h"

enum {
    LIST_NORMAL,
    LIST_ARCHIVED
};

/* The walk over one order, as the request wants it: nulls first or last, up or down. Position 0 is
 * the first row. */
struct walk {
    const struct company *company;
    enum entity entity;
    enum sort_key key;
    bool descending, nulls_last;
    const struct order *order;
};

static struct walk walk_of(const struct request *q)
{
    const char *direction = q->args[P_SORT_DIRECTION];
    struct walk w = {
        .company = q->company,
        .entity = q->endpoint->entity,
        .key = request_sort(q),
        .descending = direction && strcmp(direction, "desc") == 0,
        .nulls_last = company_switch(q->company, SW_NULL_SORT) == LAST,
    };
    w.order = company_order(q->company, w.entity, w.key);
    return w;
}

static const struct record *walk_at(const struct walk *w, uint32_t position)
{
    const struct order *o = w->order;
    uint32_t up = w->descending ? o->n - 1 - position : position;
    if (w->nulls_last)
        up = up < o->n - o->n_null ? up + o->n_null : up - (o->n - o->n_null);
    return &w->company->tables[w->entity].rows[o->rows[up]];
}

/* Where a record stands relative to a cursor, in ascending terms. */
static int compare(const struct walk *w, const struct record *r, const struct cursor *c)
{
    if (w->key == SORT_NAME) {
        struct buf name = {0};
        company_sort_name(w->company, w->entity, r, &name);
        int by_name = strcmp(buf_cstr(&name), c->name ? c->name : "");
        buf_done(&name);
        if (by_name)
            return by_name;
    } else {
        int64_t number = 0;
        bool null = !company_sort_value(w->company, w->entity, r, w->key, &number);
        if (null != c->null)
            return (null == w->nulls_last) ? 1 : -1;
        if (!null && number != c->number)
            return number < c->number ? -1 : 1;
    }
    return (r->id > c->id) - (r->id < c->id);
}

/* The first position behind the cursor. */
static uint32_t walk_find(const struct walk *w, const struct cursor *c)
{
    uint32_t low = 0, high = w->order->n;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        int where = compare(w, walk_at(w, middle), c);
        if (w->descending ? where >= 0 : where <= 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* The part of a walk by update_time that a window leaves: [*from, *to). */
static void narrow(const struct request *q, const struct walk *w, uint32_t *from, uint32_t *to)
{
    if (w->key != SORT_UPDATE_TIME)
        return;
    if (has_arg(q, P_UPDATED_SINCE)) {
        struct cursor edge = {.number = q->numbers[P_UPDATED_SINCE]};
        if (w->descending)
            *to = MIN(*to, walk_find(w, &edge));
        else
            *from = MAX(*from, walk_find(w, &edge));
    }
    if (has_arg(q, P_UPDATED_UNTIL)) {
        struct cursor edge = {.number = q->numbers[P_UPDATED_UNTIL]};
        if (w->descending)
            *from = MAX(*from, walk_find(w, &edge));
        else
            *to = MIN(*to, walk_find(w, &edge));
    }
}

static bool in_window(const struct request *q, const struct record *r)
{
    if (has_arg(q, P_UPDATED_SINCE) &&
        (!r->update_time || r->update_time < q->numbers[P_UPDATED_SINCE]))
        return false;
    if (has_arg(q, P_UPDATED_UNTIL) &&
        (!r->update_time || r->update_time >= q->numbers[P_UPDATED_UNTIL]))
        return false;
    return true;
}

static bool status_wanted(const struct request *q, const struct record *r)
{
    static const char *const words[] = {"open", "won", "lost"};
    const char *wanted = q->args[P_STATUS];
    if (!wanted)
        return !record_deleted(r);
    return strstr(wanted, record_deleted(r) ? "deleted" : words[r->status]) != NULL;
}

static bool link_wanted(const struct request *q, enum param p, int32_t link)
{
    return !has_arg(q, p) || q->numbers[p] == link;
}

static int32_t deal_of_person(const struct request *q)
{
    const struct record *deal = company_find(q->company, E_DEAL, q->numbers[P_DEAL_ID]);
    return deal ? deal->link[DEAL_PERSON] : -1;
}

static bool quick_filters(const struct request *q, const struct record *r)
{
    if (!link_wanted(q, P_OWNER_ID, r->link[LINK_OWNER]))
        return false;
    switch (q->endpoint->entity) {
    case E_ACTIVITY:
        return link_wanted(q, P_DEAL_ID, r->link[LINK_DEAL]) &&
               link_wanted(q, P_PERSON_ID, r->link[LINK_PERSON]) &&
               link_wanted(q, P_ORG_ID, r->link[LINK_ORG]) &&
               (!has_arg(q, P_DONE) || q->numbers[P_DONE] == r->status) &&
               attribute_wanted(q, P_LEAD_ID, r);
    case E_DEAL:
        return link_wanted(q, P_PERSON_ID, r->link[DEAL_PERSON]) &&
               link_wanted(q, P_ORG_ID, r->link[DEAL_ORG]) &&
               link_wanted(q, P_STAGE_ID, r->link[DEAL_STAGE]) &&
               (!has_arg(q, P_PIPELINE_ID) ||
                q->numbers[P_PIPELINE_ID] == deal_pipeline(q->company, r));
    case E_PERSON:
        return link_wanted(q, P_ORG_ID, r->link[PERSON_ORG]) &&
               (!has_arg(q, P_DEAL_ID) || deal_of_person(q) == r->id);
    case E_STAGE:
        return link_wanted(q, P_PIPELINE_ID, r->link[STAGE_PIPELINE]);
    default:
        return true;
    }
}

static bool wanted(const struct request *q, const struct record *r)
{
    enum entity e = q->endpoint->entity;
    if (record_gone(r, q->now) || !in_window(q, r))
        return false;
    if (e == E_DEAL) {
        bool archived = r->flags & REC_ARCHIVED;
        if (archived != (q->endpoint->arg == LIST_ARCHIVED))
            return false;
    }
    bool funnel = e == E_PIPELINE || e == E_STAGE;
    if (record_deleted(r) && e != E_DEAL &&
        !(funnel && company_switch(q->company, SW_LIST_DELETED)))
        return false;
    if (has_arg(q, P_FILTER_ID)) { /* switches off ids, status and the quick filters */
        if (record_deleted(r) || (r->id & 1) != (q->numbers[P_FILTER_ID] & 1))
            return false;
    } else if ((e == E_DEAL && !status_wanted(q, r)) || !quick_filters(q, r)) {
        return false;
    }
    return company_sees(q->company, q->user, e, r);
}

/* Ids that were asked for, as a bare order in the walk's own sorting. */
static bool order_of_ids(const struct request *q, const struct walk *w, struct order *ret)
{
    int64_t ids[MAX_IDS];
    uint32_t n;
    if (!has_arg(q, P_IDS) || has_arg(q, P_FILTER_ID) ||
        !parse_ids(q->args[P_IDS], ids, MAX_IDS, &n))
        return false;
    const struct table *t = &q->company->tables[w->entity];
    g_autoptr(GHashTable) rows = g_hash_table_new(NULL, NULL);
    for (uint32_t i = 0; i < n; i++) {
        const struct record *r = table_find(t, ids[i]);
        if (r)
            g_hash_table_add(rows, GUINT_TO_POINTER(table_row(t, r) + 1));
    }
    *ret = (struct order){.rows = g_new(uint32_t, n + 1)};
    /* Insertion sort by (key, id): at most 100 of them. */
    GHashTableIter iter;
    gpointer key;
    g_hash_table_iter_init(&iter, rows);
    while (g_hash_table_iter_next(&iter, &key, NULL)) {
        uint32_t row = GPOINTER_TO_UINT(key) - 1;
        const struct record *r = &t->rows[row];
        struct walk plain = {.company = w->company, .entity = w->entity, .key = w->key};
        struct cursor mark = {.id = r->id};
        struct buf name = {0};
        if (w->key == SORT_NAME) {
            company_sort_name(w->company, w->entity, r, &name);
            mark.name = g_strdup(buf_cstr(&name));
        } else {
            mark.null = !company_sort_value(w->company, w->entity, r, w->key, &mark.number);
        }
        uint32_t at = ret->n++;
        while (at && compare(&plain, &t->rows[ret->rows[at - 1]], &mark) > 0) {
            ret->rows[at] = ret->rows[at - 1];
            at--;
        }
        ret->rows[at] = row;
        ret->n_null += mark.null;
        g_free(mark.name);
        buf_done(&name);
    }
    return true;
}

static void write_page(struct request *q, const struct walk *w, uint32_t from, uint32_t to)
{
    struct buf *b = &q->answer->body;
    struct view v = request_view(q, w->entity);
    uint32_t limit = request_limit(q);
    const struct record *last = NULL;
    bool more = false;

    answer_begin(q->answer);
    buf_char(b, '[');
    for (uint32_t i = from; i < to; i++) {
        const struct record *r = walk_at(w, i);
        if (!wanted(q, r))
            continue;
        if (q->answer->rows == limit) {
            more = true;
            break;
        }
        if (last)
            buf_char(b, ',');
        view_record(b, &v, r);
        last = r;
        q->answer->rows++;
    }
    BUF_LIT(b, "],\"additional_data\":{\"next_cursor\":");
    if (more)
        cursor_write(b, w->company, w->entity, last, w->key, w->descending);
    else
        BUF_LIT(b, "null");
    BUF_LIT(b, "}}");
    if (v.custom_keys)
        g_ptr_array_unref((GPtrArray *)v.custom_keys);
}

void list_records(struct request *q)
{
    struct walk w = walk_of(q);
    struct order chosen = {0};
    struct cursor cursor = {0};
    bool by_ids = order_of_ids(q, &w, &chosen);

    if (by_ids)
        w.order = &chosen;
    if (has_arg(q, P_CURSOR) && !cursor_parse(q->args[P_CURSOR], w.key, w.descending, &cursor)) {
        answer_error(q->answer, 400, "ERR_SCHEMA_VALIDATION_FAILED", "cursor: invalid value");
    } else if (has_arg(q, P_FILTER_ID) &&
               !company_find(q->company, E_FILTER, q->numbers[P_FILTER_ID])) {
        answer_error(q->answer, 404, NULL, "Filter not found");
    } else {
        uint32_t from = has_arg(q, P_CURSOR) ? walk_find(&w, &cursor) : 0, to = w.order->n;
        narrow(q, &w, &from, &to);
        write_page(q, &w, from, to);
    }
    g_free(cursor.name);
    g_free(chosen.rows);
}

void get_record(struct request *q)
{
    enum entity e = q->endpoint->entity;
    const struct record *r = company_find(q->company, e, q->id);

    if (!r || record_gone(r, q->now) ||
        (record_deleted(r) && company_switch(q->company, SW_DELETED_GET) != 200)) {
        answer_not_found(q);
        return;
    }
    if (!company_sees(q->company, q->user, e, r)) {
        if (company_switch(q->company, SW_INVISIBLE) == 403)
            answer_error(q->answer, 403, NULL, "You do not have access to this item");
        else
            answer_not_found(q);
        return;
    }
    struct view v = request_view(q, e);
    answer_begin(q->answer);
    view_record(&q->answer->body, &v, r);
    buf_char(&q->answer->body, '}');
    q->answer->rows = 1;
    if (v.custom_keys)
        g_ptr_array_unref((GPtrArray *)v.custom_keys);
}
