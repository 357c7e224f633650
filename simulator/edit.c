#include "edit.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "times.h"
#include "view.h"

/* --- literals --- */

static void write_double(struct buf *b, double value)
{
    char text[40];
    for (int digits = 15; digits <= 17; digits++) {
        g_ascii_formatd(text, sizeof text,
                        digits == 15   ? "%.15g"
                        : digits == 16 ? "%.16g"
                                       : "%.17g",
                        value);
        if (g_ascii_strtod(text, NULL) == value)
            break;
    }
    buf_str(b, text);
    if (!strpbrk(text, ".en"))
        BUF_LIT(b, ".0");
}

static void write_node(struct buf *b, JsonNode *node)
{
    if (JSON_NODE_HOLDS_OBJECT(node)) {
        JsonObject *object = json_node_get_object(node);
        g_autoptr(GList) names = json_object_get_members(object);
        buf_char(b, '{');
        for (GList *l = names; l; l = l->next) {
            buf_json_string(b, l->data);
            buf_char(b, ':');
            write_node(b, json_object_get_member(object, l->data));
            buf_char(b, ',');
        }
        buf_trim_comma(b);
        buf_char(b, '}');
    } else if (JSON_NODE_HOLDS_ARRAY(node)) {
        JsonArray *array = json_node_get_array(node);
        buf_char(b, '[');
        for (guint i = 0; i < json_array_get_length(array); i++) {
            if (i)
                buf_char(b, ',');
            write_node(b, json_array_get_element(array, i));
        }
        buf_char(b, ']');
    } else if (JSON_NODE_HOLDS_NULL(node)) {
        BUF_LIT(b, "null");
    } else if (json_node_get_value_type(node) == G_TYPE_STRING) {
        buf_json_string(b, json_node_get_string(node));
    } else if (json_node_get_value_type(node) == G_TYPE_INT64) {
        buf_int(b, json_node_get_int(node));
    } else if (json_node_get_value_type(node) == G_TYPE_BOOLEAN) {
        buf_bool(b, json_node_get_boolean(node));
    } else {
        write_double(b, json_node_get_double(node));
    }
}

char *node_literal(JsonNode *node)
{
    struct buf b = {0};
    write_node(&b, node);
    char *text = g_strdup(buf_cstr(&b));
    buf_done(&b);
    return text;
}

/* --- one attribute --- */

static bool parse_link(const char *literal, int32_t *ret)
{
    char *end;
    if (strcmp(literal, "null") == 0) {
        *ret = 0;
        return true;
    }
    long n = strtol(literal, &end, 10);
    *ret = (int32_t)n;
    return end != literal && !*end && n > 0 && n <= INT32_MAX;
}

static bool parse_time_literal(const char *literal, int64_t *ret)
{
    g_autofree char *text = g_strdup(literal);
    size_t n = strlen(text);
    *ret = 0;
    if (strcmp(text, "null") == 0)
        return true;
    if (n < 2 || text[0] != '"')
        return false;
    text[n - 1] = '\0';
    return time_parse_any(text + 1, ret);
}

static void set_time_edit(struct record *r, const char *name, int64_t when)
{
    struct buf b = {0};
    time_write(&b, when, TIME_V2);
    record_set_edit(r, name, buf_cstr(&b));
    buf_done(&b);
}

static void set_flag(struct record *r, uint8_t flag, bool on)
{
    r->flags = (uint8_t)(on ? r->flags | flag : r->flags & ~flag);
}

/* A deal's status moves its close, won and lost times. */
static bool set_status(struct record *r, const char *literal, int64_t now)
{
    static const char *const words[] = {"\"open\"", "\"won\"", "\"lost\"", "\"deleted\""};
    static const char *const times[] = {"close_time", "won_time", "lost_time"};
    uint8_t status = 0;
    while (status < 4 && strcmp(words[status], literal) != 0)
        status++;
    if (status == 4)
        return false;
    if (status == 3) {
        set_flag(r, REC_DELETED, true);
        return true;
    }
    r->status = status;
    for (uint8_t i = 0; i < 3; i++)
        set_time_edit(r, times[i], status && (i == 0 || i == status) ? now : 0);
    return true;
}

static bool set_pipeline(struct company *c, struct record *r, int32_t pipeline, int64_t now)
{
    const struct table *stages = &c->tables[E_STAGE];
    for (uint32_t i = 0; i < stages->n; i++)
        if (stages->rows[i].link[STAGE_PIPELINE] == pipeline) {
            r->link[DEAL_STAGE] = stages->rows[i].id;
            set_time_edit(r, "stage_change_time", now);
            return true;
        }
    return false;
}

static bool store(struct company *c, enum entity e, struct record *r, const struct attr *a,
                  const char *literal, int64_t now)
{
    bool yes = strcmp(literal, "true") == 0 || strcmp(literal, "1") == 0;
    int64_t when;
    int32_t link;

    switch (a->store) {
    case STORE_EDIT:
        record_set_edit(r, a->name, literal);
        return true;
    case STORE_NEVER:
        return false;
    case STORE_LINK0:
    case STORE_LINK1:
    case STORE_LINK2:
    case STORE_LINK3:
        if (!parse_link(literal, &link))
            return false;
        if (e == E_DEAL && a->store == STORE_LINK3 && r->link[DEAL_STAGE] != link)
            set_time_edit(r, "stage_change_time", now);
        r->link[a->store - STORE_LINK0] = link;
        return true;
    case STORE_VISIBLE_TO:
        r->visible_to = (uint8_t)atoi(literal + (literal[0] == '"'));
        return true;
    case STORE_STATUS:
        return set_status(r, literal, now);
    case STORE_DONE:
        r->status = yes;
        set_time_edit(r, "marked_as_done_time", yes ? now : 0);
        return true;
    case STORE_ADD_TIME:
        if (!parse_time_literal(literal, &when))
            return false;
        r->add_time = (uint32_t)when;
        return true;
    case STORE_UPDATE_TIME: /* edit_touch() does it */
        return parse_time_literal(literal, &when);
    case STORE_DELETED:
        set_flag(r, REC_DELETED, yes);
        return true;
    case STORE_NOT_DELETED:
        set_flag(r, REC_DELETED, !yes);
        return true;
    case STORE_ARCHIVED:
        set_flag(r, REC_ARCHIVED, yes);
        return true;
    case STORE_PIPELINE:
        return parse_link(literal, &link) && set_pipeline(c, r, link, now);
    }
    return false;
}

/* --- the log --- */

static bool is_logged(enum entity e)
{
    return e == E_DEAL || e == E_PERSON || e == E_ORG;
}

/* The scalar that a log line shows: the value of an object, else the JSON as a string. */
static char *scalar_of(const char *literal)
{
    if (literal[0] != '{' && literal[0] != '[')
        return g_strdup(literal);
    g_autoptr(JsonNode) node = json_from_string(literal, NULL);
    if (node && JSON_NODE_HOLDS_OBJECT(node)) {
        JsonNode *value = json_object_get_member(json_node_get_object(node), "value");
        if (value && JSON_NODE_HOLDS_VALUE(value))
            return node_literal(value);
    }
    struct buf b = {0};
    buf_json_string(&b, literal);
    char *text = g_strdup(buf_cstr(&b));
    buf_done(&b);
    return text;
}

static void log_change(struct company *c, enum entity e, const struct record *r, const char *name,
                       const char *old_literal, const char *new_literal, bool custom,
                       const struct change_request *q)
{
    if (!is_logged(e) || strcmp(old_literal, new_literal) == 0)
        return;
    const char *key = strcmp(name, "owner_id") == 0 && e == E_DEAL ? "user_id"
                      : strcmp(name, "label_ids") == 0             ? "label"
                                                                   : name;
    g_autofree char *old_value = scalar_of(old_literal);
    g_autofree char *new_value = scalar_of(new_literal);
    change_log_add(&c->log, (struct change){.time = q->now,
                                            .entity = (int)e,
                                            .item = r->id,
                                            .user = q->user,
                                            .key = key,
                                            .old_value = old_value,
                                            .new_value = new_value,
                                            .custom = custom,
                                            .bulk = q->bulk});
}

/* --- records --- */

static void write_present(struct buf *b, struct company *c, enum entity e, const struct record *r,
                          const struct field *custom, const char *name, int64_t now)
{
    struct view v = {.company = c, .entity = e, .user = c->admin_id, .now = now};
    b->len = 0;
    if (custom)
        field_value(b, &v, r, custom);
    else
        view_attribute(b, &v, r, name);
}

static char *set_one(struct company *c, enum entity e, struct record *r, const char *name,
                     const char *literal, const struct change_request *q)
{
    const struct attr *a = attr_find(e, name);
    const struct field *custom = a ? NULL : field_set_find(&c->fields[e], name);
    if (!a && (!custom || !custom->custom))
        return g_strdup_printf("%s has no attribute %s", entity_name(e), name);

    struct buf old_value = {0}, new_value = {0};
    char *error = NULL;
    write_present(&old_value, c, e, r, custom, name, q->now);
    if (custom)
        record_set_edit(r, custom->key, literal);
    else if (!store(c, e, r, a, literal, q->now))
        error = g_strdup_printf("%s.%s cannot be set to %s", entity_name(e), name, literal);
    if (!error) {
        write_present(&new_value, c, e, r, custom, name, q->now);
        log_change(c, e, r, name, buf_cstr(&old_value), buf_cstr(&new_value), custom != NULL, q);
    }
    buf_done(&old_value);
    buf_done(&new_value);
    return error;
}

static char *set_all(struct company *c, enum entity e, struct record *r, JsonObject *from, bool raw,
                     const struct change_request *q)
{
    g_autoptr(GList) names = from ? json_object_get_members(from) : NULL;
    char *error = NULL;
    for (GList *l = names; l && !error; l = l->next) {
        JsonNode *node = json_object_get_member(from, l->data);
        bool text = JSON_NODE_HOLDS_VALUE(node) && json_node_get_value_type(node) == G_TYPE_STRING;
        if (raw && !text)
            return g_strdup_printf("raw.%s is not a string", (char *)l->data);
        g_autofree char *literal = raw ? g_strdup(json_node_get_string(node)) : node_literal(node);
        error = set_one(c, e, r, l->data, literal, q);
    }
    return error;
}

char *edit_record(struct company *c, enum entity e, struct record *r,
                  const struct change_request *q)
{
    if (!q->attributes && !q->raw)
        r->version++; /* other texts and values */
    char *error = set_all(c, e, r, q->attributes, false, q);
    if (!error)
        error = set_all(c, e, r, q->raw, true, q);
    return error;
}

/* update_time among the attributes wins over `touch`. */
static bool explicit_time(const struct change_request *q, int64_t *ret)
{
    const char *const names[] = {"update_time", "modified"};
    for (size_t i = 0; q->attributes && i < G_N_ELEMENTS(names); i++) {
        JsonNode *node = json_object_get_member(q->attributes, names[i]);
        g_autofree char *literal = node ? node_literal(node) : NULL;
        if (literal && parse_time_literal(literal, ret))
            return true;
    }
    return false;
}

void edit_touch(struct company *c, enum entity e, const uint32_t *rows, uint32_t n,
                const struct change_request *q)
{
    int64_t when = q->touch == TOUCH_AT ? q->touch_time : q->now;
    bool given = explicit_time(q, &when);
    if (given || q->touch != TOUCH_NOT)
        table_touch(&c->tables[e], rows, n, (uint32_t)when);
    else
        for (int k = 0; k < N_SORT_KEYS; k++) /* update_time stands still, other keys may not */
            c->tables[e].orders[k].valid &= k == SORT_UPDATE_TIME;
}

static void touch_one(struct company *c, enum entity e, const struct record *r, int64_t now)
{
    struct change_request q = {.now = now};
    uint32_t row = table_row(&c->tables[e], r);
    edit_touch(c, e, &row, 1, &q);
}

char *edit_add(struct company *c, enum entity e, int64_t id, const struct change_request *q,
               int32_t *ret_id)
{
    struct table *t = &c->tables[e];
    int32_t last = t->n ? t->rows[t->n - 1].id : 0;
    if (last == INT32_MAX)
        return g_strdup_printf("%s has used up its ids: the last is %d", entity_name(e), last);
    if (id && (id <= last || id > INT32_MAX))
        return g_strdup_printf("id must be from %d to %d, and %lld is not", last + 1, INT32_MAX,
                               (long long)id);
    struct record r = {
        .id = id ? (int32_t)id : last + 1,
        .add_time = (uint32_t)q->now,
        .update_time = (uint32_t)q->now,
        .visible_to = 3,
        .flags = REC_ADDED,
    };
    if (e != E_LINE && e != E_STAGE && e != E_PIPELINE)
        r.link[LINK_OWNER] = c->admin_id;
    if (e == E_DEAL && c->tables[E_STAGE].n)
        r.link[DEAL_STAGE] = c->tables[E_STAGE].rows[0].id;
    struct record *row = table_append(t, &r);
    table_invalidate(t);
    *ret_id = row->id;
    char *error = q->attributes || q->raw ? edit_record(c, e, row, q) : NULL;
    int64_t when;
    if (error) {
        row->flags |= REC_PURGED;
    } else {
        /* What it was born with is no change. */
        change_log_forget(&c->log, (int)e, row->id);
        if (explicit_time(q, &when))
            row->update_time = (uint32_t)when;
        else if (q->touch == TOUCH_AT)
            row->update_time = (uint32_t)q->touch_time;
    }
    return error;
}

char *edit_delete(struct company *c, enum entity e, int64_t id, bool deleted, int64_t now)
{
    struct record *r = company_find(c, e, id);
    if (!r || record_gone(r, now))
        return g_strdup_printf("%s has no row %lld", entity_name(e), (long long)id);
    set_flag(r, REC_DELETED, deleted);
    touch_one(c, e, r, now);
    return NULL;
}

char *edit_purge(struct company *c, enum entity e, int64_t id)
{
    struct record *r = company_find(c, e, id);
    if (!r)
        return g_strdup_printf("%s has no row %lld", entity_name(e), (long long)id);
    r->flags |= REC_PURGED;
    table_invalidate(&c->tables[e]);
    return NULL;
}

char *edit_archive(struct company *c, int64_t id, bool archived, int64_t now)
{
    struct record *r = company_find(c, E_DEAL, id);
    if (!r || record_gone(r, now))
        return g_strdup_printf("deals has no row %lld", (long long)id);
    set_flag(r, REC_ARCHIVED, archived);
    set_time_edit(r, "archive_time", archived ? now : 0);
    if (company_switch(c, SW_ARCHIVE_MOVES))
        touch_one(c, E_DEAL, r, now);
    return NULL;
}

/* --- merging --- */

struct child {
    enum entity parent, entity;
    int link;
};

static const struct child children[] = {
    {E_DEAL, E_ACTIVITY, LINK_DEAL}, {E_DEAL, E_NOTE, LINK_DEAL},
    {E_DEAL, E_FILE, LINK_DEAL},     {E_DEAL, E_LINE, LINE_DEAL},
    {E_PERSON, E_DEAL, DEAL_PERSON}, {E_PERSON, E_ACTIVITY, LINK_PERSON},
    {E_PERSON, E_NOTE, LINK_PERSON}, {E_PERSON, E_FILE, LINK_PERSON},
    {E_ORG, E_DEAL, DEAL_ORG},       {E_ORG, E_PERSON, PERSON_ORG},
    {E_ORG, E_ACTIVITY, LINK_ORG},   {E_ORG, E_NOTE, LINK_ORG},
    {E_ORG, E_FILE, LINK_ORG},
};

static void repoint(struct company *c, const struct child *child, int32_t winner, int32_t loser,
                    int64_t now)
{
    struct table *t = &c->tables[child->entity];
    g_autoptr(GArray) rows = g_array_new(FALSE, FALSE, sizeof(uint32_t));
    for (uint32_t i = 0; i < t->n; i++)
        if (t->rows[i].link[child->link] == loser) {
            t->rows[i].link[child->link] = winner;
            g_array_append_val(rows, i);
        }
    struct change_request q = {.now = now};
    q.touch = company_switch(c, SW_MERGE_MOVES) ? TOUCH_NOW : TOUCH_NOT;
    edit_touch(c, child->entity, (uint32_t *)(void *)rows->data, rows->len, &q);
}

char *edit_merge(struct company *c, enum entity e, int64_t winner, int64_t loser, int64_t now)
{
    struct record *w = company_find(c, e, winner), *l = company_find(c, e, loser);
    if (e != E_DEAL && e != E_PERSON && e != E_ORG)
        return g_strdup("only deals, persons and organizations can be merged");
    if (!w || !l || w == l)
        return g_strdup("winner or loser unknown");
    for (size_t i = 0; i < G_N_ELEMENTS(children); i++)
        if (children[i].parent == e)
            repoint(c, &children[i], w->id, l->id, now);
    set_flag(l, REC_DELETED, true);
    touch_one(c, e, l, now);
    touch_one(c, e, w, now);
    return NULL;
}
