/* The history of a record: flow (v1, offset) and changelog (v1, cursor). What happened before the
 * simulator started is made up from the record's birth and never moves; edits through the admin API
 * are appended. */
#include <stdlib.h>

#include "request.h"
#include "text.h"
#include "times.h"
#include "truth.h"

enum {
    IDS_PER_ITEM = 64,
    DICE_HISTORY = 300
};

struct history {
    GArray *changes; /* struct change, oldest first */
    GStringChunk *texts;
};

static void add_change(struct history *h, const struct record *r, struct change change)
{
    change.id = (int64_t)r->id * IDS_PER_ITEM + h->changes->len;
    change.item = r->id;
    change.key = g_string_chunk_insert_const(h->texts, change.key);
    change.old_value = g_string_chunk_insert(h->texts, change.old_value);
    change.new_value = g_string_chunk_insert(h->texts, change.new_value);
    g_array_append_val(h->changes, change);
}

static int some_user(const struct view *v, uint64_t hash)
{
    const struct table *users = &v->company->tables[E_USER];
    return users->rows[pick(hash, users->n)].id;
}

static void add_creation(struct history *h, const struct view *v, const struct record *r)
{
    struct buf when = {0};
    time_write(&when, r->add_time, TIME_V1);
    uint64_t hash = record_hash(v->company, v->entity, r, DICE_HISTORY);
    add_change(h, r,
               (struct change){.time = r->add_time,
                               .user = some_user(v, hash),
                               .key = "add_time",
                               .old_value = "null",
                               .new_value = buf_cstr(&when)});
    buf_done(&when);
}

/* From the pipeline's first stage to the one that the deal was born in. */
static void add_stage_moves(struct history *h, const struct view *v, const struct record *r)
{
    const struct record *stage = company_find(v->company, E_STAGE, born_stage(v->company, r));
    int64_t last = born_stage_change(v->company, r);
    int moves = stage ? stage->link[STAGE_ORDER] - 1 : 0;
    if (!last)
        return;
    for (int i = 1; i <= moves; i++) {
        char from[16], to[16];
        g_snprintf(from, sizeof from, "%d", stage->id - moves + i - 1);
        g_snprintf(to, sizeof to, "%d", stage->id - moves + i);
        uint64_t hash = record_hash(v->company, E_DEAL, r, DICE_HISTORY + (uint32_t)i);
        add_change(h, r,
                   (struct change){.time = r->add_time + (last - (int64_t)r->add_time) * i / moves,
                                   .user = some_user(v, hash),
                                   .key = "stage_id",
                                   .old_value = from,
                                   .new_value = to,
                                   .bulk = i == 3});
    }
}

static void add_value_change(struct history *h, const struct view *v, const struct record *r,
                             int64_t end)
{
    uint64_t hash = record_hash(v->company, v->entity, r, DICE_HISTORY + 20);
    if (!chance(hash, 40))
        return;
    bool deal = v->entity == E_DEAL;
    struct buf old_value = {0}, new_value = {0};
    if (deal) {
        buf_int(&old_value, pick(hash, 1000));
        buf_decimal(&new_value, pick(mix(hash, 1), 1000000), 2);
    } else {
        buf_char(&old_value, '"');
        text_words(&old_value, hash, 2);
        buf_char(&old_value, '"');
        view_attribute(&new_value, v, r, "name");
    }
    add_change(h, r,
               (struct change){.time = r->add_time + (end - (int64_t)r->add_time) / 2,
                               .user = some_user(v, mix(hash, 2)),
                               .key = deal ? "value" : "name",
                               .old_value = chance(hash, 20) ? "null" : buf_cstr(&old_value),
                               .new_value = buf_cstr(&new_value)});
    buf_done(&old_value);
    buf_done(&new_value);
}

/* The scalar inside a custom value, as log lines have it. */
static const char *scalar(struct buf *value, struct buf *out)
{
    const char *text = buf_cstr(value);
    if (text[0] == '{' && g_str_has_prefix(text, "{\"value\":")) {
        size_t n = text[9] == '"' ? strcspn(text + 10, "\"") + 2 : strcspn(text + 9, ",}");
        buf_bytes(out, text + 9, n);
    } else if (text[0] == '{' || text[0] == '[') {
        buf_json_string(out, text);
    } else {
        buf_str(out, text);
    }
    return buf_cstr(out);
}

/* Up to two custom fields that were filled in once. A field that is gone takes its lines along. */
static void add_custom_changes(struct history *h, const struct view *v, const struct record *r,
                               int64_t end)
{
    const struct field_set *set = &v->company->fields[v->entity];
    for (uint32_t i = 0; i < 2 && set->born_customs; i++) {
        uint64_t hash = record_hash(v->company, v->entity, r, DICE_HISTORY + 30 + i);
        int id = set->first_custom + (int)pick(hash, (uint32_t)set->born_customs);
        const struct field *f = field_set_find_id(set, id);
        struct buf value = {0}, out = {0};
        if (!f || !chance(mix(hash, 1), 50))
            continue;
        struct record bare = {.id = r->id, .add_time = r->add_time};
        field_value(&value, v, &bare, f);
        if (strcmp(buf_cstr(&value), "null") == 0) { /* never filled in */
            buf_done(&value);
            continue;
        }
        add_change(h, r,
                   (struct change){.time = end,
                                   .user = some_user(v, mix(hash, 2)),
                                   .key = f->key,
                                   .old_value = "null",
                                   .new_value = scalar(&value, &out),
                                   .custom = true});
        buf_done(&value);
        buf_done(&out);
    }
}

static void add_closing(struct history *h, const struct view *v, const struct record *r,
                        int64_t end)
{
    uint8_t status = born_status(v->company, r);
    if (status == DEAL_OPEN)
        return;
    add_change(h, r,
               (struct change){.time = end,
                               .user = some_user(v, record_hash(v->company, E_DEAL, r, 340)),
                               .key = "status",
                               .old_value = "\"open\"",
                               .new_value = status == DEAL_WON ? "\"won\"" : "\"lost\""});
}

static int compare_changes(gconstpointer a, gconstpointer b)
{
    const struct change *x = a, *y = b;
    if (x->time != y->time)
        return x->time < y->time ? -1 : 1;
    return (x->id > y->id) - (x->id < y->id);
}

static void history_init(struct history *h, const struct view *v, const struct record *r)
{
    h->changes = g_array_new(FALSE, FALSE, sizeof(struct change));
    h->texts = g_string_chunk_new(1024);
    if (v->entity == E_DEAL)
        add_creation(h, v, r);
    if (!(r->flags & REC_ADDED)) {
        int64_t end = MAX(born_update_time(v->company, v->entity, r->id), (int64_t)r->add_time);
        if (v->entity == E_DEAL)
            add_stage_moves(h, v, r);
        add_value_change(h, v, r, end);
        add_custom_changes(h, v, r, end);
        if (v->entity == E_DEAL)
            add_closing(h, v, r, end);
    }
    const GArray *logged = change_log_of(&v->company->log, (int)v->entity, r->id);
    if (logged)
        g_array_append_vals(h->changes, logged->data, logged->len);
    g_array_sort(h->changes, compare_changes);
}

static void history_done(struct history *h)
{
    g_array_unref(h->changes);
    g_string_chunk_free(h->texts);
}

/* --- flow --- */

static const char agent[] =
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_14_6) AppleWebKit/537.36 (KHTML, like Gecko)";

static void write_change(struct buf *b, const struct view *v, const struct change *c)
{
    bool api = c->id % 5 == 0;
    buf_printf(b, "{\"id\":%lld,\"item_id\":%d,\"user_id\":%d,\"field_key\":\"%s\",\"old_value\":",
               (long long)c->id, c->item, c->user, c->key);
    buf_str(b, c->old_value);
    BUF_LIT(b, ",\"new_value\":");
    buf_str(b, c->new_value);
    buf_printf(b, ",\"is_bulk_update_flag\":%s,\"log_time\":", c->bulk ? "true" : "null");
    time_write(b, c->time, TIME_V1);
    buf_printf(b, ",\"change_source\":\"%s\",\"change_source_user_agent\":", api ? "api" : "app");
    if (api)
        BUF_LIT(b, "null");
    else
        buf_json_string(b, agent);
    BUF_LIT(b, ",\"additional_data\":");
    if (strcmp(c->key, "stage_id") == 0) {
        BUF_LIT(b, "{\"old_value_formatted\":");
        view_other(b, v, E_STAGE, atoi(c->old_value), "name");
        BUF_LIT(b, ",\"new_value_formatted\":");
        view_other(b, v, E_STAGE, atoi(c->new_value), "name");
        buf_char(b, '}');
    } else {
        BUF_LIT(b, "[]");
    }
    buf_char(b, '}');
}

void truth_flow(struct buf *b, const struct view *v, const struct record *deal)
{
    struct history h;
    history_init(&h, v, deal);
    for (guint i = 0; i < h.changes->len; i++) {
        write_change(b, v, &g_array_index(h.changes, struct change, i));
        buf_char(b, '\n');
    }
    history_done(&h);
}

struct flow_item {
    int64_t time, id;
    enum entity entity; /* E_DEAL: a change; else an object of the deal */
    uint32_t index;     /* of the change, or the row */
};

static int compare_items(gconstpointer a, gconstpointer b)
{
    const struct flow_item *x = a, *y = b;
    if (x->time != y->time)
        return x->time < y->time ? -1 : 1;
    if (x->entity != y->entity)
        return x->entity < y->entity ? -1 : 1;
    return (x->id > y->id) - (x->id < y->id);
}

static bool item_wanted(const struct request *q, const char *name)
{
    if (!has_arg(q, P_ITEMS))
        return true;
    g_auto(GStrv) names = g_strsplit(q->args[P_ITEMS], ",", -1);
    for (int i = 0; names[i]; i++)
        if (strcmp(g_strstrip(names[i]), name) == 0)
            return true;
    return false;
}

struct flow_object {
    enum entity entity;
    const char *name;
};

static const struct flow_object flow_objects[] = {
    {E_ACTIVITY, "activity"}, {E_NOTE, "note"}, {E_FILE, "file"}};

static void gather_objects(const struct request *q, GArray *items, int32_t deal)
{
    for (size_t k = 0; k < G_N_ELEMENTS(flow_objects); k++) {
        enum entity e = flow_objects[k].entity;
        if (!item_wanted(q, flow_objects[k].name))
            continue;
        const struct order *o = company_order(q->company, e, SORT_DEAL_ID);
        uint32_t from, to = company_of_deal(q->company, e, deal, &from);
        for (uint32_t i = from; i < to; i++) {
            const struct record *r = &q->company->tables[e].rows[o->rows[i]];
            struct flow_item item = {r->add_time, r->id, e, o->rows[i]};
            if (!record_gone(r, q->now) && !record_deleted(r))
                g_array_append_val(items, item);
        }
    }
}

static void gather_changes(const struct request *q, GArray *items, const struct history *h)
{
    bool all = has_arg(q, P_ALL_CHANGES) && strcmp(q->args[P_ALL_CHANGES], "1") == 0;
    if (!item_wanted(q, "dealChange") && !item_wanted(q, "change"))
        return;
    for (guint i = 0; i < h->changes->len; i++) {
        const struct change *c = &g_array_index(h->changes, struct change, i);
        struct flow_item item = {c->time, c->id, E_DEAL, i};
        if (all || !c->custom)
            g_array_append_val(items, item);
    }
}

static void write_item(struct buf *b, const struct request *q, const struct history *h,
                       const struct flow_item *item)
{
    const char *name = "dealChange";
    for (size_t k = 0; k < G_N_ELEMENTS(flow_objects); k++)
        if (flow_objects[k].entity == item->entity)
            name = flow_objects[k].name;
    buf_printf(b, "{\"object\":\"%s\",\"timestamp\":", name);
    time_write(b, item->time, TIME_V1);
    BUF_LIT(b, ",\"data\":");
    struct view v = request_view(q, item->entity);
    v.shape = SHAPE_OLD;
    if (item->entity == E_DEAL)
        write_change(b, &v, &g_array_index(h->changes, struct change, item->index));
    else
        view_record(b, &v, &q->company->tables[item->entity].rows[item->index]);
    buf_char(b, '}');
}

static void write_person_object(struct buf *b, const struct request *q, int32_t id)
{
    struct view v = request_view(q, E_PERSON);
    const struct record *r = company_find(q->company, E_PERSON, id);
    if (!r)
        return;
    buf_printf(b, ",\"person\":{\"%d\":{\"active_flag\":%s,\"id\":%d,\"name\":", id,
               record_deleted(r) ? "false" : "true", id);
    view_attribute(b, &v, r, "name");
    BUF_LIT(b, ",\"email\":");
    view_attribute(b, &v, r, "emails");
    BUF_LIT(b, ",\"phone\":");
    view_attribute(b, &v, r, "phones");
    buf_printf(b, ",\"owner_id\":%d}}", r->link[LINK_OWNER]);
}

static void write_org_object(struct buf *b, const struct request *q, int32_t id)
{
    struct view v = request_view(q, E_ORG);
    const struct record *r = company_find(q->company, E_ORG, id);
    if (!r)
        return;
    buf_printf(b, ",\"organization\":{\"%d\":{\"id\":%d,\"name\":", id, id);
    view_attribute(b, &v, r, "name");
    buf_printf(b, ",\"people_count\":1,\"owner_id\":%d,\"address\":null,\"cc_email\":",
               r->link[LINK_OWNER]);
    view_attribute(b, &v, r, "smart_bcc_email");
    BUF_LIT(b, "}}");
}

static void write_related(struct buf *b, const struct request *q, const struct record *deal)
{
    struct view v = request_view(q, E_DEAL);
    static const char *const names[] = {"title",    "status",   "value",
                                        "currency", "stage_id", "pipeline_id"};
    buf_printf(b, ",\"related_objects\":{\"deal\":{\"%d\":{\"id\":%d", deal->id, deal->id);
    for (size_t i = 0; i < G_N_ELEMENTS(names); i++) {
        buf_printf(b, ",\"%s\":", names[i]);
        view_attribute(b, &v, deal, names[i]);
    }
    int32_t owner = deal->link[LINK_OWNER];
    buf_printf(b, "}},\"user\":{\"%d\":{\"id\":%d,\"name\":", owner, owner);
    view_other(b, &v, E_USER, owner, "name");
    BUF_LIT(b, ",\"email\":");
    view_other(b, &v, E_USER, owner, "email");
    BUF_LIT(b, ",\"has_pic\":0,\"pic_hash\":null,\"active_flag\":true}}");
    write_org_object(b, q, deal->link[DEAL_ORG]);
    write_person_object(b, q, deal->link[DEAL_PERSON]);
    buf_char(b, '}');
}

static void write_flow(struct request *q, const struct record *deal, const struct history *h,
                       const GArray *items)
{
    struct buf *b = &q->answer->body;
    int64_t start = has_arg(q, P_START) ? MAX(q->numbers[P_START], 0) : 0;
    int64_t limit = request_limit(q), n = items->len;
    bool oldest_first = company_switch(q->company, SW_FLOW_ORDER);

    answer_begin(q->answer);
    size_t bracket = b->len;
    buf_char(b, '[');
    for (int64_t i = start; i < n && i < start + limit; i++) {
        guint at = (guint)(oldest_first ? i : n - 1 - i);
        if (q->answer->rows++)
            buf_char(b, ',');
        write_item(b, q, h, &g_array_index(items, struct flow_item, at));
    }
    buf_char(b, ']');
    if (!q->answer->rows && !company_switch(q->company, SW_EMPTY_V1)) {
        b->len = bracket;
        BUF_LIT(b, "null");
    }
    answer_end_v1(q, start, limit, start + limit < n, true);
    b->len--; /* the closing brace: one more member follows */
    write_related(b, q, deal);
    buf_char(b, '}');
}

/* The record of the path, if the token may see it. Deleted ones still have a history. */
static const struct record *find_item(struct request *q)
{
    enum entity e = q->endpoint->entity;
    const struct record *r = company_find(q->company, e, q->id);
    if (r && !record_gone(r, q->now) && company_sees(q->company, q->user, e, r))
        return r;
    answer_not_found(q);
    return NULL;
}

void deal_flow(struct request *q)
{
    const struct record *deal = find_item(q);
    struct history h;
    if (!deal)
        return;
    struct view v = request_view(q, E_DEAL);
    history_init(&h, &v, deal);
    g_autoptr(GArray) items = g_array_new(FALSE, FALSE, sizeof(struct flow_item));
    gather_changes(q, items, &h);
    gather_objects(q, items, deal->id);
    g_array_sort(items, compare_items);
    write_flow(q, deal, &h, items);
    history_done(&h);
}

/* --- changelog --- */

/* Values are strings or null here. */
static void write_string_value(struct buf *b, const char *literal)
{
    if (literal[0] == '"' || strcmp(literal, "null") == 0)
        buf_str(b, literal);
    else
        buf_json_string(b, literal);
}

static void write_log_line(struct buf *b, const struct change *c)
{
    buf_printf(b, "{\"field_key\":\"%s\",\"old_value\":", c->key);
    write_string_value(b, c->old_value);
    BUF_LIT(b, ",\"new_value\":");
    write_string_value(b, c->new_value);
    buf_printf(b, ",\"actor_user_id\":%d,\"time\":", c->user);
    time_write(b, c->time, TIME_V1);
    BUF_LIT(b, ",\"change_source\":\"app\",\"change_source_user_agent\":");
    buf_json_string(b, agent);
    buf_printf(b, ",\"is_bulk_update_flag\":%s}", c->bulk ? "true" : "false");
}

/* base64 of `id:N`, as in the example of the v1 document. */
static char *log_cursor(int64_t id)
{
    g_autofree char *text = g_strdup_printf("id:%lld", (long long)id);
    char *cursor = g_base64_encode((guchar *)text, strlen(text));
    return g_strdelimit(cursor, "=", '\0');
}

/* The position behind the cursor in `changes` from the newest; -1: no such cursor. */
static int64_t log_position(const GArray *changes, const char *cursor)
{
    for (guint i = 0; i < changes->len; i++) {
        g_autofree char *here =
            log_cursor(g_array_index(changes, struct change, changes->len - 1 - i).id);
        if (strcmp(here, cursor) == 0)
            return (int64_t)i + 1;
    }
    return -1;
}

/* The log has no line for the creation. */
static void drop_creation(GArray *changes)
{
    for (guint i = 0; i < changes->len; i++)
        if (strcmp(g_array_index(changes, struct change, i).key, "add_time") == 0) {
            g_array_remove_index(changes, i);
            return;
        }
}

static void write_log(struct request *q, const GArray *changes)
{
    struct buf *b = &q->answer->body;
    int64_t n = changes->len, at = 0, limit = request_limit(q);
    if (has_arg(q, P_CURSOR))
        at = log_position(changes, q->args[P_CURSOR]);
    if (at < 0) {
        answer_error(q->answer, 400, NULL, "Invalid cursor");
        return;
    }
    int64_t end = MIN(n, at + limit);
    answer_begin(q->answer);
    buf_char(b, '[');
    for (; at < end; at++) {
        if (q->answer->rows++)
            buf_char(b, ',');
        write_log_line(b, &g_array_index(changes, struct change, (guint)(n - 1 - at)));
    }
    BUF_LIT(b, "],\"additional_data\":{\"next_cursor\":");
    if (end < n) {
        g_autofree char *cursor =
            log_cursor(g_array_index(changes, struct change, (guint)(n - end)).id);
        buf_printf(b, "\"%s\"}}", cursor);
    } else {
        BUF_LIT(b, "null}}");
    }
}

void record_changelog(struct request *q)
{
    const struct record *r = find_item(q);
    struct history h;
    if (!r)
        return;
    struct view v = request_view(q, q->endpoint->entity);
    history_init(&h, &v, r);
    drop_creation(h.changes);
    write_log(q, h.changes);
    history_done(&h);
}
