#include "attrs.h"

#include <stdlib.h>

#include "text.h"
#include "times.h"

uint64_t view_dice(const struct view *v, const struct record *r, int purpose)
{
    return record_hash(v->company, v->entity, r, (uint32_t)purpose);
}

/* Whether the shape in view writes v2 stamps: all that moved to v2, and the product lines. */
static bool is_v2(const struct view *v)
{
    switch (v->entity) {
    case E_NOTE:
    case E_FILE:
    case E_FILTER:
    case E_USER:
    case E_ACTIVITY_TYPE:
    case E_CURRENCY:
        return false;
    default:
        return v->shape == SHAPE_LIST;
    }
}

enum time_style view_time_style(const struct view *v)
{
    if (!is_v2(v))
        return TIME_V1;
    return company_switch(v->company, SW_TIME_FRACTION) ? TIME_V2_FRACTION : TIME_V2;
}

void attr_id(struct buf *b, const struct view *v, const struct record *r, int arg)
{
    (void)v, (void)arg;
    buf_int(b, r->id);
}

void attr_link(struct buf *b, const struct view *v, const struct record *r, int arg)
{
    (void)v;
    if (r->link[arg])
        buf_int(b, r->link[arg]);
    else
        BUF_LIT(b, "null");
}

void attr_add_time(struct buf *b, const struct view *v, const struct record *r, int arg)
{
    (void)arg;
    time_write(b, r->add_time, view_time_style(v));
}

void attr_update_time(struct buf *b, const struct view *v, const struct record *r, int arg)
{
    (void)arg;
    time_write(b, r->update_time, view_time_style(v));
}

void attr_null(struct buf *b, const struct view *v, const struct record *r, int arg)
{
    (void)v, (void)r, (void)arg;
    BUF_LIT(b, "null");
}

void attr_true(struct buf *b, const struct view *v, const struct record *r, int arg)
{
    (void)v, (void)r, (void)arg;
    BUF_LIT(b, "true");
}

void attr_false(struct buf *b, const struct view *v, const struct record *r, int arg)
{
    (void)v, (void)r, (void)arg;
    BUF_LIT(b, "false");
}

void attr_number(struct buf *b, const struct view *v, const struct record *r, int arg)
{
    (void)v, (void)r;
    buf_int(b, arg);
}

void attr_empty(struct buf *b, const struct view *v, const struct record *r, int arg)
{
    (void)v, (void)r, (void)arg;
    BUF_LIT(b, "\"\"");
}

void attr_empty_array(struct buf *b, const struct view *v, const struct record *r, int arg)
{
    (void)v, (void)r, (void)arg;
    BUF_LIT(b, "[]");
}

void attr_visible_to(struct buf *b, const struct view *v, const struct record *r, int arg)
{
    (void)v, (void)arg;
    buf_int(b, r->visible_to);
}

void attr_visible_to_string(struct buf *b, const struct view *v, const struct record *r, int arg)
{
    (void)v, (void)arg;
    buf_printf(b, "\"%d\"", r->visible_to);
}

void attr_deleted(struct buf *b, const struct view *v, const struct record *r, int arg)
{
    (void)v, (void)arg;
    buf_bool(b, record_deleted(r));
}

void attr_active(struct buf *b, const struct view *v, const struct record *r, int arg)
{
    (void)v, (void)arg;
    buf_bool(b, !record_deleted(r));
}

/* An id, or null in most rows. */
void attr_dice_id(struct buf *b, const struct view *v, const struct record *r, int arg)
{
    uint64_t hash = view_dice(v, r, arg);
    if (chance(hash, 30))
        buf_int(b, 1 + (int64_t)pick(mix(hash, 1), 5000));
    else
        BUF_LIT(b, "null");
}

void attr_dice_flag(struct buf *b, const struct view *v, const struct record *r, int arg)
{
    buf_bool(b, chance(view_dice(v, r, arg / 100), (uint32_t)(arg % 100)));
}

void attr_dice_count(struct buf *b, const struct view *v, const struct record *r, int arg)
{
    uint64_t hash = view_dice(v, r, arg);
    buf_int(b, chance(hash, 40) ? 0 : (int64_t)pick(mix(hash, 1), 30));
}

void attr_dice_uuid(struct buf *b, const struct view *v, const struct record *r, int arg)
{
    uint64_t hash = view_dice(v, r, arg / 100);
    if (chance(hash, (uint32_t)(arg % 100)))
        text_uuid(b, hash);
    else
        BUF_LIT(b, "null");
}

/* A time between add_time and the company's birth, or null in half of the rows. */
void attr_dice_time(struct buf *b, const struct view *v, const struct record *r, int arg)
{
    uint64_t hash = view_dice(v, r, arg);
    int64_t span = MAX(v->company->born - (int64_t)r->add_time, 1);
    int64_t when = chance(hash, 50) ? (int64_t)r->add_time + (int64_t)(hash % (uint64_t)span) : 0;
    time_write(b, when, view_time_style(v));
}

void write_text(struct buf *b, const struct view *v, const struct record *r, uint32_t purpose,
                uint32_t words)
{
    uint64_t hash = record_text_hash(v->company, v->entity, r, purpose);
    buf_char(b, '"');
    if ((uint32_t)r->id <= text_nasty_count() && !r->version)
        text_nasty(b, (uint32_t)r->id);
    else
        text_words(b, hash, words);
    if (chance(mix(hash, 5), 5)) {
        buf_char(b, ' ');
        text_nasty(b, 1 + pick(mix(hash, 6), text_nasty_count()));
    }
    if (company_switch(v->company, SW_NUL_CHARS) && chance(mix(hash, 7), 10))
        BUF_LIT(b, "\\u0000");
    buf_char(b, '"');
}

void attr_words(struct buf *b, const struct view *v, const struct record *r, int arg)
{
    write_text(b, v, r, (uint32_t)arg, 2 + (uint32_t)r->id % 4);
}

/* The name of a person (arg 0 whole, 1 first, 2 last), user, company or product. */
void attr_name(struct buf *b, const struct view *v, const struct record *r, int arg)
{
    uint64_t hash = record_text_hash(v->company, v->entity, r, 40);
    bool nasty = (uint32_t)r->id <= text_nasty_count() && !r->version;

    buf_char(b, '"');
    if (v->entity == E_ORG || v->entity == E_PRODUCT) {
        if (nasty)
            text_nasty(b, (uint32_t)r->id);
        else if (v->entity == E_ORG)
            text_company(b, hash);
        else
            text_product(b, hash);
    } else {
        if (arg != 2)
            text_first_name(b, hash);
        if (arg == 0)
            buf_char(b, ' ');
        if (arg != 1 && nasty)
            text_nasty(b, (uint32_t)r->id);
        else if (arg != 1)
            text_last_name(b, mix(hash, 1));
    }
    buf_char(b, '"');
}

/* Label ids of a record: made up, or read out of the edited array. Returns how many. */
static int label_ids(const struct view *v, const struct record *r, int ids[16])
{
    const char *edited = r->edits ? record_edit(r, "label_ids") : NULL;
    int n = 0;
    if (edited) {
        for (const char *p = edited; *p && n < 16;) {
            char *end;
            long id = strtol(p, &end, 10);
            if (end != p)
                ids[n++] = (int)id;
            p = end == p ? p + 1 : end;
        }
        return n;
    }
    if (r->flags & REC_ADDED)
        return 0;
    uint64_t hash = view_dice(v, r, 45);
    for (int id = 1; id <= LABELS; id++)
        if (chance(mix(hash, (uint64_t)id), 20))
            ids[n++] = id;
    return n;
}

void attr_label_ids(struct buf *b, const struct view *v, const struct record *r, int arg)
{
    int ids[16];
    int n = label_ids(v, r, ids);
    (void)arg;
    buf_char(b, '[');
    for (int i = 0; i < n; i++) {
        buf_int(b, ids[i]);
        buf_char(b, ',');
    }
    buf_trim_comma(b);
    buf_char(b, ']');
}

void attr_labels(struct buf *b, const struct view *v, const struct record *r, int arg)
{
    int ids[16];
    int n = label_ids(v, r, ids);
    const struct field *field = field_set_find(&v->company->fields[v->entity], "label_ids");
    (void)arg;
    buf_char(b, '[');
    for (int i = 0; i < n; i++) {
        const struct field_option *option = field ? field_option(field, ids[i]) : NULL;
        if (!option || option->deleted)
            continue;
        buf_printf(b, "{\"id\":%d,\"label\":", ids[i]);
        buf_json_string(b, option->label);
        BUF_LIT(b, "},");
    }
    buf_trim_comma(b);
    buf_char(b, ']');
}

static bool wants_key(const struct view *v, const char *key)
{
    if (!v->custom_keys)
        return true;
    for (guint i = 0; i < v->custom_keys->len; i++)
        if (strcmp(v->custom_keys->pdata[i], key) == 0)
            return true;
    return false;
}

void attr_custom_fields(struct buf *b, const struct view *v, const struct record *r, int arg)
{
    const GPtrArray *list = v->company->fields[v->entity].list;
    (void)arg;
    buf_char(b, '{');
    for (guint i = 0; i < list->len; i++) {
        const struct field *field = list->pdata[i];
        if (!field->custom || !wants_key(v, field->key))
            continue;
        buf_char(b, '"');
        buf_str(b, field->key);
        BUF_LIT(b, "\":");
        field_value(b, v, r, field);
        buf_char(b, ',');
    }
    buf_trim_comma(b);
    buf_char(b, '}');
}

/* Not one value but the members `"key":value,…` of the old shape; view_record() knows this one. */
void attr_custom_fields_flat(struct buf *b, const struct view *v, const struct record *r, int arg)
{
    const GPtrArray *list = v->company->fields[v->entity].list;
    (void)arg;
    for (guint i = 0; i < list->len; i++) {
        const struct field *field = list->pdata[i];
        if (field->custom)
            field_value_flat(b, v, r, field);
    }
    buf_trim_comma(b);
}

void attr_smart_bcc(struct buf *b, const struct view *v, const struct record *r, int arg)
{
    static const char *const kinds[] = {[E_DEAL] = "deal", [E_PERSON] = "person", [E_ORG] = "org"};
    (void)arg;
    buf_printf(b, "\"%s+%s%d@pipedrivemail.com\"", v->company->domain, kinds[v->entity], r->id);
}

void attr_creator(struct buf *b, const struct view *v, const struct record *r, int arg)
{
    const struct table *users = &v->company->tables[E_USER];
    buf_int(b, users->rows[pick(view_dice(v, r, arg), users->n)].id);
}

/* arg 1: the old shape's empty entry for a person without any. */
void attr_email_array(struct buf *b, const struct view *v, const struct record *r, int arg)
{
    uint64_t hash = view_dice(v, r, 47);
    uint32_t n = pick(hash, 10) < 2 ? 0 : 1 + pick(mix(hash, 1), 2);
    if (!n && arg)
        BUF_LIT(b, "[{\"value\":\"\",\"primary\":true}]");
    else
        buf_char(b, '[');
    for (uint32_t i = 0; i < n; i++) {
        buf_str(b, i ? ",{\"value\":\"" : "{\"value\":\"");
        text_slug(b, mix(hash, i + 5));
        buf_printf(b, "@example.com\",\"primary\":%s,\"label\":\"%s\"}", i ? "false" : "true",
                   i ? "home" : "work");
    }
    if (n || !arg)
        buf_char(b, ']');
}

void attr_phone_array(struct buf *b, const struct view *v, const struct record *r, int arg)
{
    uint64_t hash = view_dice(v, r, 48);
    if (pick(hash, 10) < 3) {
        buf_str(b, arg ? "[{\"value\":\"\",\"primary\":true}]" : "[]");
        return;
    }
    buf_printf(b, "[{\"value\":\"+372555%05u\",\"primary\":true,\"label\":\"mobile\"}]",
               pick(mix(hash, 1), 100000));
}

void write_address_part(struct buf *b, uint64_t hash, const char *part)
{
    buf_char(b, '"');
    if (strcmp(part, "value") == 0 || strcmp(part, "formatted_address") == 0) {
        buf_int(b, 1 + (int64_t)pick(hash, 200));
        buf_char(b, ' ');
        text_street(b, hash);
        BUF_LIT(b, ", ");
        text_city(b, hash);
    } else if (strcmp(part, "street_number") == 0) {
        buf_int(b, 1 + (int64_t)pick(hash, 200));
    } else if (strcmp(part, "route") == 0) {
        text_street(b, hash);
    } else if (strcmp(part, "locality") == 0) {
        text_city(b, hash);
    } else if (strcmp(part, "country") == 0) {
        text_country(b, hash);
    } else if (strcmp(part, "postal_code") == 0) {
        buf_printf(b, "%05u", pick(mix(hash, 3), 100000)); /* leading zeros count */
    } else if (chance(mix(hash, strlen(part)), 30)) {
        text_words(b, mix(hash, strlen(part)), 1);
    } else {
        b->len--; /* the opening quote */
        BUF_LIT(b, "null");
        return;
    }
    buf_char(b, '"');
}

void write_address(struct buf *b, uint64_t hash, bool formatted)
{
    static const char *const parts[] = {"value",
                                        "country",
                                        "admin_area_level_1",
                                        "admin_area_level_2",
                                        "locality",
                                        "sublocality",
                                        "route",
                                        "street_number",
                                        "subpremise",
                                        "postal_code",
                                        "formatted_address"};
    size_t n = G_N_ELEMENTS(parts) - !formatted;
    buf_char(b, '{');
    for (size_t i = 0; i < n; i++) {
        buf_char(b, '"');
        buf_str(b, parts[i]);
        BUF_LIT(b, "\":");
        write_address_part(b, hash, parts[i]);
        buf_char(b, i + 1 < n ? ',' : '}');
    }
}

/* Money as the API spells it: 0, 0.0, integers, decimals, now and then more digits than a double
 * holds. */
bool money_literal(struct buf *b, uint64_t hash)
{
    uint32_t kind = pick(hash, 20);
    if (kind == 0)
        BUF_LIT(b, "0");
    else if (kind == 1)
        BUF_LIT(b, "0.0");
    else if (kind == 2)
        BUF_LIT(b, "12345678901234.567");
    else if (kind == 3)
        BUF_LIT(b, "0.30000000000000004");
    else if (kind < 10)
        buf_int(b, 10 * (int64_t)pick(mix(hash, 1), 100000));
    else
        buf_decimal(b, (int64_t)pick(mix(hash, 1), 100000000), 2);
    return true;
}

int64_t view_history_end(const struct view *v, const struct record *r)
{
    if (r->flags & REC_ADDED)
        return r->add_time;
    return MAX(born_update_time(v->company, v->entity, r->id), (int64_t)r->add_time);
}

const char *currency_code(uint32_t number)
{
    static const char *const codes[] = {"EUR", "USD", "GBP", "JPY"};
    return codes[number % G_N_ELEMENTS(codes)];
}

void attr_currency(struct buf *b, const struct view *v, const struct record *r, int arg)
{
    (void)arg;
    buf_printf(b, "\"%s\"", currency_code(pick(view_dice(v, r, 101), 4)));
}

void attr_activities_count(struct buf *b, const struct view *v, const struct record *r, int arg)
{
    uint64_t hash = view_dice(v, r, 60);
    int64_t done = pick(hash, 12), open = pick(mix(hash, 1), 5);
    buf_int(b, arg == 0 ? done + open : arg == 1 ? done : open);
}

void attr_html(struct buf *b, const struct view *v, const struct record *r, int arg)
{
    uint64_t hash = record_text_hash(v->company, v->entity, r, (uint32_t)arg);
    if (!chance(hash, 60)) {
        BUF_LIT(b, "null");
        return;
    }
    buf_char(b, '"');
    text_html(b, hash);
    buf_char(b, '"');
}
