/* Field lists, v1 (offset, with subfield rows) and v2 (cursor). Source: both OpenAPI documents of
 * 2026-08-18. */
#include <stdlib.h>

#include "request.h"
#include "times.h"
#include "truth.h"

/* v1 names of standard fields whose v2 code differs (v1 examples and the migration guide). */
static const char *v1_key(const struct field *f)
{
    static const char *const renamed[][2] = {
        {"owner_id", "user_id"},
        {"label_ids", "label"},
        {"emails", "email"},
        {"phones", "phone"},
    };
    for (size_t i = 0; !f->custom && i < G_N_ELEMENTS(renamed); i++)
        if (strcmp(renamed[i][0], f->key) == 0)
            return renamed[i][1];
    return f->key;
}

static void write_options_v1(struct buf *b, const struct field *f, bool deleted)
{
    buf_char(b, '[');
    for (guint i = 0; i < f->options->len; i++) {
        const struct field_option *o = &g_array_index(f->options, struct field_option, i);
        if (o->deleted != deleted)
            continue;
        buf_printf(b, "{\"id\":%d,\"label\":", o->id);
        buf_json_string(b, o->label);
        if (o->color)
            buf_printf(b, ",\"color\":\"%s\"", o->color);
        BUF_LIT(b, "},");
    }
    buf_trim_comma(b);
    buf_char(b, ']');
}

static bool any_deleted(const struct field *f)
{
    for (guint i = 0; f->options && i < f->options->len; i++)
        if (g_array_index(f->options, struct field_option, i).deleted)
            return true;
    return false;
}

static void write_name(struct buf *b, const struct field *f, const char *subfield)
{
    g_autofree char *name =
        subfield ? g_strdup_printf("%s (%s)", f->name, subfield) : g_strdup(f->name);
    buf_json_string(b, name);
}

static void write_flags(struct buf *b, const struct field *f, bool sub)
{
    struct flag {
        const char *name;
        bool value;
    } flags[] = {
        {"active_flag", true},
        {"edit_flag", f->custom},
        {"index_visible_flag", true},
        {"details_visible_flag", true},
        {"add_visible_flag", !f->custom},
        {"important_flag", false},
        {"bulk_edit_allowed", !sub},
        {"searchable_flag", f->type == F_TEXT || f->type == F_VARCHAR},
        {"filtering_allowed", true},
        {"sortable_flag", !sub},
        {"mandatory_flag", f->mandatory},
    };
    for (size_t i = 0; i < G_N_ELEMENTS(flags); i++)
        buf_printf(b, ",\"%s\":%s", flags[i].name, flags[i].value ? "true" : "false");
}

/* A field or, with `subfield`, one of its parts: a row of its own whose id is null. */
static void write_field_v1(struct buf *b, const struct company *c, const struct field *f,
                           const char *subfield, int order_nr)
{
    if (subfield)
        BUF_LIT(b, "{\"id\":null");
    else
        buf_printf(b, "{\"id\":%d", f->id);
    buf_printf(b, ",\"key\":\"%s%s%s\",\"name\":", v1_key(f), subfield ? "_" : "",
               subfield ? subfield : "");
    write_name(b, f, subfield);
    buf_printf(b, ",\"order_nr\":%d,\"field_type\":\"%s\",\"add_time\":", order_nr,
               subfield ? (strcmp(subfield, "timezone_id") == 0 ? "int" : "varchar")
                        : field_type_name(f->type));
    time_write(b, f->add_time, TIME_V1);
    BUF_LIT(b, ",\"update_time\":");
    time_write(b, subfield ? 0 : f->update_time, TIME_V1);
    if (f->custom)
        buf_printf(b, ",\"last_updated_by_user_id\":%d,\"created_by_user_id\":%d", c->admin_id,
                   c->admin_id);
    else
        BUF_LIT(b, ",\"last_updated_by_user_id\":null,\"created_by_user_id\":null");
    write_flags(b, f, subfield != NULL);
    BUF_LIT(b, ",\"options\":");
    if (f->options && !subfield)
        write_options_v1(b, f, false);
    else
        BUF_LIT(b, "null");
    if (!subfield && any_deleted(f)) {
        BUF_LIT(b, ",\"options_deleted\":");
        write_options_v1(b, f, true);
    }
    buf_printf(b, ",\"is_subfield\":%s", subfield ? "true" : "false");
    const char *const *parts = subfield ? NULL : field_subfields(f->type);
    BUF_LIT(b, ",\"subfields\":[");
    for (int i = 0; parts && parts[i]; i++)
        buf_printf(b, "%s{\"key\":\"%s_%s\"}", i ? "," : "", v1_key(f), parts[i]);
    BUF_LIT(b, "]}");
}

/* The narrower shape of note fields. */
static void write_note_field(struct buf *b, const struct field *f)
{
    buf_printf(b, "{\"id\":%d,\"key\":\"%s\",\"name\":", f->id, f->key);
    buf_json_string(b, f->name);
    buf_printf(b,
               ",\"field_type\":\"%s\",\"active_flag\":true,\"edit_flag\":false,"
               "\"bulk_edit_allowed\":true,\"mandatory_flag\":%s,\"options\":[]}",
               field_type_name(f->type), f->mandatory ? "true" : "false");
}

/* Product fields: no null id, times and options are never null, no subfield rows (spec). */
static void write_product_field(struct buf *b, const struct company *c, const struct field *f,
                                int order_nr)
{
    buf_printf(b, "{\"id\":%d,\"key\":\"%s\",\"name\":", f->id, v1_key(f));
    buf_json_string(b, f->name);
    buf_printf(b, ",\"order_nr\":%d,\"field_type\":\"%s\",\"add_time\":", order_nr,
               field_type_name(f->type));
    time_write(b, f->add_time, TIME_V1);
    BUF_LIT(b, ",\"update_time\":");
    time_write(b, f->update_time ? f->update_time : f->add_time, TIME_V1);
    buf_printf(b,
               ",\"last_updated_by_user_id\":%d,\"created_by_user_id\":%d,\"active_flag\":true,"
               "\"edit_flag\":%s,\"add_visible_flag\":true,\"important_flag\":false,"
               "\"bulk_edit_allowed\":true,\"searchable_flag\":false,\"filtering_allowed\":true,"
               "\"sortable_flag\":true,\"mandatory_flag\":%s,\"options\":",
               c->admin_id, c->admin_id, f->custom ? "true" : "false",
               f->mandatory ? "true" : "false");
    if (f->options)
        write_options_v1(b, f, false);
    else
        BUF_LIT(b, "[]");
    buf_char(b, '}');
}

struct page {
    int64_t start, end, seen; /* rows [start, end) are written */
    uint32_t rows;
    bool more;
    char separator;
};

static bool page_takes(struct page *p, struct buf *b)
{
    int64_t number = p->seen++;
    if (number >= p->end)
        p->more = true;
    if (number < p->start || number >= p->end)
        return false;
    if (p->rows++)
        buf_char(b, p->separator);
    return true;
}

static void write_rows_v1(struct buf *b, const struct company *c, enum entity e, struct page *p)
{
    const GPtrArray *list = c->fields[e].list;
    for (guint i = 0; i < list->len; i++) {
        const struct field *f = list->pdata[i];
        if (page_takes(p, b)) {
            if (e == E_NOTE)
                write_note_field(b, f);
            else if (e == E_PRODUCT)
                write_product_field(b, c, f, (int)i + 1);
            else
                write_field_v1(b, c, f, NULL, (int)i + 1);
        }
        const char *const *parts = e == E_NOTE || e == E_PRODUCT ? NULL : field_subfields(f->type);
        for (int s = 0; parts && parts[s]; s++)
            if (page_takes(p, b))
                write_field_v1(b, c, f, parts[s], (int)i + 1);
    }
}

void truth_fields(struct buf *b, const struct company *c, enum entity e)
{
    struct page p = {.end = INT64_MAX, .separator = '\n'};
    write_rows_v1(b, c, e, &p);
    buf_char(b, '\n');
}

void list_fields_v1(struct request *q)
{
    struct buf *b = &q->answer->body;
    int64_t start = has_arg(q, P_START) ? MAX(q->numbers[P_START], 0) : 0;
    bool paged = q->endpoint->params & BIT(P_LIMIT);
    int64_t limit = paged ? request_limit(q) : 1000;
    struct page p = {.start = start, .end = start + limit, .separator = ','};

    answer_begin(q->answer);
    size_t bracket = b->len;
    buf_char(b, '[');
    write_rows_v1(b, q->company, q->endpoint->entity, &p);
    if (p.rows || company_switch(q->company, SW_EMPTY_V1)) {
        buf_char(b, ']');
    } else {
        b->len = bracket;
        BUF_LIT(b, "null");
    }
    q->answer->rows = p.rows;
    answer_end_v1(q, start, limit, p.more, q->endpoint->entity != E_PRODUCT);
}

void get_field_v1(struct request *q)
{
    const struct field *f = field_set_find_id(&q->company->fields[q->endpoint->entity], (int)q->id);
    struct buf *b = &q->answer->body;
    if (!f) { /* deleted for good, or never there */
        answer_error(q->answer, q->id > 12000 ? 410 : 404, NULL, "Field not found");
        return;
    }
    guint at = 0;
    g_ptr_array_find(q->company->fields[q->endpoint->entity].list, f, &at);
    answer_begin(q->answer);
    if (q->endpoint->entity == E_PRODUCT)
        write_product_field(b, q->company, f, (int)at + 1);
    else
        write_field_v1(b, q->company, f, NULL, (int)at + 1);
    buf_char(b, '}');
}

/* --- v2 --- */

static void write_options_v2(struct buf *b, const struct field *f)
{
    buf_char(b, '[');
    for (guint i = 0; i < f->options->len; i++) {
        const struct field_option *o = &g_array_index(f->options, struct field_option, i);
        if (o->deleted)
            continue;
        buf_printf(b, "{\"id\":%d,\"label\":", o->id);
        buf_json_string(b, o->label);
        buf_printf(b, ",\"color\":%s%s%s,\"update_time\":", o->color ? "\"" : "",
                   o->color ? o->color : "null", o->color ? "\"" : "");
        time_write(b, o->update_time, TIME_V2);
        BUF_LIT(b, ",\"add_time\":");
        time_write(b, o->add_time, TIME_V2);
        BUF_LIT(b, "},");
    }
    buf_trim_comma(b);
    buf_char(b, ']');
}

static void write_subfields_v2(struct buf *b, const struct field *f)
{
    const char *const *parts = field_subfields(f->type);
    if (!parts) {
        BUF_LIT(b, "null");
        return;
    }
    buf_printf(b, "[{\"field_code\":\"value\",\"field_name\":");
    write_name(b, f, "value");
    buf_printf(b, ",\"field_type\":\"%s\"}", f->type == F_MONETARY ? "double" : "varchar");
    for (int i = 0; parts[i]; i++) {
        buf_printf(b, ",{\"field_code\":\"%s\",\"field_name\":", parts[i]);
        write_name(b, f, parts[i]);
        BUF_LIT(b, ",\"field_type\":\"varchar\"}");
    }
    buf_char(b, ']');
}

static const char show[] = "{\"show\":true,\"order\":1}";

static void write_visibility(struct buf *b, enum entity e)
{
    BUF_LIT(b, ",\"ui_visibility\":{\"add_visible_flag\":true,\"details_visible_flag\":true");
    if (e == E_DEAL)
        BUF_LIT(b, ",\"projects_detail_visible_flag\":false,\"show_in_pipelines\":"
                   "{\"show_in_all\":true,\"pipeline_ids\":[]}");
    if (e == E_ORG)
        BUF_LIT(b, ",\"org_detail_visible_flag\":true,\"person_detail_visible_flag\":true,"
                   "\"deal_detail_visible_flag\":false");
    if (e == E_PERSON || e == E_ORG)
        buf_printf(b, ",\"show_in_add_deal_dialog\":%s", show);
    if (e == E_ORG)
        buf_printf(b, ",\"show_in_add_person_dialog\":%s", show);
    buf_char(b, '}');
}

static void write_field_v2(struct buf *b, const struct request *q, const struct field *f)
{
    enum entity e = q->endpoint->entity;
    const char *includes = q->args[P_INCLUDE_FIELDS] ? q->args[P_INCLUDE_FIELDS] : "";

    BUF_LIT(b, "{\"field_name\":");
    buf_json_string(b, f->name);
    buf_printf(b, ",\"field_code\":\"%s\"", f->key);
    if (e == E_DEAL)
        BUF_LIT(b, ",\"description\":\"\"");
    buf_printf(b, ",\"field_type\":\"%s\",\"options\":", field_type_name(f->type));
    if (f->options)
        write_options_v2(b, f);
    else
        BUF_LIT(b, "null");
    BUF_LIT(b, ",\"subfields\":");
    write_subfields_v2(b, f);
    buf_printf(b, ",\"is_custom_field\":%s,\"is_optional_response_field\":%s",
               f->custom ? "true" : "false", f->optional_response ? "true" : "false");
    if (strstr(includes, "ui_visibility"))
        write_visibility(b, e);
    if (strstr(includes, "important_fields"))
        BUF_LIT(b, ",\"important_fields\":{\"enabled\":false,\"stage_ids\":[]}");
    if (strstr(includes, "required_fields"))
        buf_str(b, e == E_DEAL ? ",\"required_fields\":{\"enabled\":false,\"stage_ids\":[],"
                                 "\"statuses\":{}}"
                               : ",\"required_fields\":{\"enabled\":false}");
    buf_char(b, '}');
}

/* Cursor over the position: {"field":"id","fieldValue":id,…}, as records have it. */
static char *position_cursor(int id)
{
    g_autofree char *json = g_strdup_printf(
        "{\"field\":\"id\",\"fieldValue\":%d,\"sortDirection\":\"asc\",\"id\":%d}", id, id);
    char *text = g_base64_encode((guchar *)json, strlen(json));
    g_strdelimit(text, "=", '\0');
    g_strdelimit(text, "+", '-');
    return g_strdelimit(text, "/", '_');
}

/* The index of the first field behind the cursor; false: none has made this cursor. */
static bool after_cursor(const GPtrArray *list, const char *cursor, guint *ret)
{
    for (guint i = 0; i < list->len; i++) {
        g_autofree char *here = position_cursor(((struct field *)list->pdata[i])->id);
        if (strcmp(here, cursor) == 0) {
            *ret = i + 1;
            return true;
        }
    }
    return false;
}

void list_fields_v2(struct request *q)
{
    const GPtrArray *list = q->company->fields[q->endpoint->entity].list;
    struct buf *b = &q->answer->body;
    uint32_t limit = request_limit(q);
    guint i = 0;

    if (has_arg(q, P_CURSOR) && !after_cursor(list, q->args[P_CURSOR], &i)) {
        answer_error(q->answer, 400, "ERR_SCHEMA_VALIDATION_FAILED", "cursor: invalid value");
        return;
    }
    answer_begin(q->answer);
    buf_char(b, '[');
    for (; i < list->len && q->answer->rows < limit; i++) {
        if (q->answer->rows++)
            buf_char(b, ',');
        write_field_v2(b, q, list->pdata[i]);
    }
    BUF_LIT(b, "],\"additional_data\":{\"next_cursor\":");
    if (i < list->len) {
        g_autofree char *cursor = position_cursor(((struct field *)list->pdata[i - 1])->id);
        buf_printf(b, "\"%s\"}}", cursor);
    } else {
        BUF_LIT(b, "null}}");
    }
}

void get_field_v2(struct request *q)
{
    const struct field *f = field_set_find(&q->company->fields[q->endpoint->entity], q->key);
    if (!f) {
        answer_error(q->answer, 404, NULL, "Field not found");
        return;
    }
    answer_begin(q->answer);
    write_field_v2(&q->answer->body, q, f);
    buf_char(&q->answer->body, '}');
}
