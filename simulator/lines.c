/* Product lines: in bulk by deal ids, and of one deal. Lines are gathered, sorted and cut to a
 * page. */
#include <stdlib.h>

#include "cursor.h"

struct lines {
    const struct company *company;
    GPtrArray *list; /* const struct record * */
    enum sort_key key;
    bool descending;
};

/* A null cannot happen: lines have all their keys. Null times sort as 0. */
static int64_t key_of(const struct lines *l, const struct record *r)
{
    int64_t number = 0;
    if (!company_sort_value(l->company, E_LINE, r, l->key, &number))
        number = 0;
    return number;
}

static int compare_lines(gconstpointer a, gconstpointer b, gpointer data)
{
    const struct lines *l = data;
    const struct record *x = *(const struct record *const *)a,
                        *y = *(const struct record *const *)b;
    int64_t p = key_of(l, x), q = key_of(l, y);
    int order = p != q ? (p < q ? -1 : 1) : (x->id > y->id) - (x->id < y->id);
    return l->descending ? -order : order;
}

static void gather(const struct request *q, struct lines *l, int32_t deal)
{
    const struct table *t = &q->company->tables[E_LINE];
    uint32_t from, to = company_of_deal(q->company, E_LINE, deal, &from);
    const struct order *o = company_order(q->company, E_LINE, SORT_DEAL_ID);
    for (uint32_t i = from; i < to; i++)
        g_ptr_array_add(l->list, &t->rows[o->rows[i]]);
}

static bool lines_shown(const struct request *q, const struct record *deal)
{
    if (!deal || record_gone(deal, q->now) || !company_sees(q->company, q->user, E_DEAL, deal))
        return false;
    if (record_deleted(deal) && !company_switch(q->company, SW_DELETED_LINES))
        return false;
    return !(deal->flags & REC_ARCHIVED) || company_switch(q->company, SW_ARCHIVED_LINES);
}

/* Whether a line comes behind the cursor. */
static bool behind(const struct lines *l, const struct record *r, const struct cursor *c)
{
    int64_t number = key_of(l, r);
    int order =
        number != c->number ? (number < c->number ? -1 : 1) : (r->id > c->id) - (r->id < c->id);
    return l->descending ? order < 0 : order > 0;
}

static void write_lines(struct request *q, struct lines *l)
{
    struct buf *b = &q->answer->body;
    struct view v = request_view(q, E_LINE);
    uint32_t limit = request_limit(q);
    struct cursor cursor = {0};
    const struct record *last = NULL;
    bool more = false;

    if (has_arg(q, P_CURSOR) && !cursor_parse(q->args[P_CURSOR], l->key, l->descending, &cursor)) {
        answer_error(q->answer, 400, "ERR_SCHEMA_VALIDATION_FAILED", "cursor: invalid value");
        return;
    }
    g_ptr_array_sort_with_data(l->list, compare_lines, l);
    answer_begin(q->answer);
    buf_char(b, '[');
    for (guint i = 0; i < l->list->len && !more; i++) {
        const struct record *r = l->list->pdata[i];
        if (has_arg(q, P_CURSOR) && !behind(l, r, &cursor))
            continue;
        more = q->answer->rows == limit;
        if (more)
            break;
        if (last)
            buf_char(b, ',');
        view_record(b, &v, r);
        last = r;
        q->answer->rows++;
    }
    BUF_LIT(b, "],\"additional_data\":{\"next_cursor\":");
    if (more)
        cursor_write(b, q->company, E_LINE, last, l->key, l->descending);
    else
        BUF_LIT(b, "null");
    BUF_LIT(b, "}}");
}

static struct lines lines_of(const struct request *q)
{
    const char *direction = q->args[P_SORT_DIRECTION];
    return (struct lines){
        .company = q->company,
        .list = g_ptr_array_new(),
        .key = request_sort(q),
        .descending = direction && strcmp(direction, "desc") == 0,
    };
}

void list_lines_of_deals(struct request *q)
{
    int64_t ids[MAX_IDS];
    uint32_t n;
    if (!has_arg(q, P_DEAL_IDS) || !parse_ids(q->args[P_DEAL_IDS], ids, MAX_IDS, &n)) {
        answer_error(q->answer, 400, "ERR_SCHEMA_VALIDATION_FAILED",
                     "Validation failed: deal_ids: parameter is required");
        return;
    }
    struct lines l = lines_of(q);
    g_autoptr(GHashTable) seen = g_hash_table_new(g_int64_hash, g_int64_equal);
    for (uint32_t i = 0; i < n; i++) {
        const struct record *deal = company_find(q->company, E_DEAL, ids[i]);
        if (g_hash_table_add(seen, &ids[i]) && lines_shown(q, deal))
            gather(q, &l, deal->id);
    }
    write_lines(q, &l);
    g_ptr_array_unref(l.list);
}

static bool gather_of_deal(struct request *q, struct lines *l)
{
    const struct record *deal = company_find(q->company, E_DEAL, q->id);
    if (!deal || record_gone(deal, q->now) || !company_sees(q->company, q->user, E_DEAL, deal)) {
        answer_error(q->answer, 404, NULL, "Deal not found");
        return false;
    }
    if (!(deal->flags & REC_ARCHIVED) || company_switch(q->company, SW_ARCHIVED_LINES))
        gather(q, l, deal->id);
    return true;
}

void list_deal_lines(struct request *q)
{
    struct lines l = lines_of(q);
    if (gather_of_deal(q, &l))
        write_lines(q, &l);
    g_ptr_array_unref(l.list);
}

/* By offset and in the old shape: out of support, as the v1 lists are. */
static void write_old_lines(struct request *q, const GPtrArray *list)
{
    struct buf *b = &q->answer->body;
    struct view v = request_view(q, E_LINE);
    int64_t start = has_arg(q, P_START) ? MAX(q->numbers[P_START], 0) : 0;
    int64_t limit = request_limit(q), end = MIN(start + limit, (int64_t)list->len);

    v.shape = SHAPE_OLD;
    answer_begin(q->answer);
    size_t bracket = b->len;
    buf_char(b, '[');
    for (int64_t i = start; i < end; i++) {
        if (q->answer->rows++)
            buf_char(b, ',');
        view_record(b, &v, list->pdata[i]);
    }
    answer_end_list_v1(q, bracket);
    answer_end_v1(q, start, limit, end < (int64_t)list->len, false);
}

void list_old_lines(struct request *q)
{
    struct lines l = lines_of(q);
    if (!out_of_support(q) && gather_of_deal(q, &l)) {
        g_ptr_array_sort_with_data(l.list, compare_lines, &l);
        write_old_lines(q, l.list);
    }
    g_ptr_array_unref(l.list);
}
