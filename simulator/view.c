#include "view.h"

#include "attrs.h"
#include "shapes.h"
#include "times.h"

/* An edited time is kept in v2's spelling; v1 shapes want blanks instead of T and Z. */
static void write_literal(struct buf *b, const struct view *v, const char *literal)
{
    int64_t when;
    size_t n = strlen(literal);
    if (n == 22 && literal[0] == '"' && literal[11] == 'T' && literal[20] == 'Z') {
        char text[24];
        memcpy(text, literal + 1, 20);
        text[20] = '\0';
        if (time_parse(text, &when)) {
            time_write(b, when, view_time_style(v));
            return;
        }
    }
    buf_bytes(b, literal, n);
}

static void write_value(struct buf *b, const struct view *v, const struct record *r,
                        const struct attr *a)
{
    const char *literal = NULL;
    if (r->edits && a->store == STORE_EDIT)
        literal = record_edit(r, a->alias ? a->alias : a->name);
    if (literal)
        write_literal(b, v, literal);
    else
        a->fn(b, v, r, a->arg);
}

static bool appears(const struct view *v, const struct attr *a, uint64_t *include_bit)
{
    if (a->gate && !company_switch(v->company, (enum switch_id)(a->gate - 1)))
        return false;
    switch (a->when) {
    case WHEN_ALWAYS:
        return true;
    case WHEN_INCLUDED: {
        bool wanted = v->includes & *include_bit;
        *include_bit <<= 1;
        return wanted;
    }
    case WHEN_LABELS:
        return v->labels;
    case WHEN_FILTER_BY_ID:
        return v->conditions;
    case WHEN_NOT_RECENT:
        return !v->recent;
    }
    return false;
}

void view_record(struct buf *b, const struct view *v, const struct record *r)
{
    const struct attr *attrs = attrs_of(v->entity, v->shape);
    bool leave_out = company_switch(v->company, SW_UNSET);
    uint64_t bit = 1;

    buf_char(b, '{');
    for (const struct attr *a = attrs; a->name; a++) {
        if (!appears(v, a, &bit))
            continue;
        if (a->fn == attr_custom_fields_flat) {
            a->fn(b, v, r, a->arg);
            buf_char(b, ',');
            continue;
        }
        size_t start = b->len;
        buf_char(b, '"');
        buf_str(b, a->name);
        BUF_LIT(b, "\":");
        size_t value = b->len;
        write_value(b, v, r, a);
        if (a->may_be_absent && leave_out && b->len - value == 4 &&
            memcmp(b->data + value, "null", 4) == 0)
            b->len = start;
        else
            buf_char(b, ',');
    }
    buf_trim_comma(b);
    buf_char(b, '}');
}

const struct attr *attr_find(enum entity e, const char *name)
{
    for (const struct attr *a = attrs_of(e, SHAPE_LIST); a && a->name; a++)
        if (strcmp(a->name, name) == 0)
            return a;
    return NULL;
}

int attr_include_bit(enum entity e, const char *name)
{
    int bit = 0;
    for (const struct attr *a = attrs_of(e, SHAPE_LIST); a && a->name; a++) {
        if (a->when != WHEN_INCLUDED)
            continue;
        if (strcmp(a->name, name) == 0)
            return bit;
        bit++;
    }
    return -1;
}

uint64_t attr_include_all(enum entity e)
{
    uint64_t all = 0;
    for (const struct attr *a = attrs_of(e, SHAPE_LIST); a && a->name; a++)
        if (a->when == WHEN_INCLUDED)
            all = all << 1 | 1;
    return all;
}

bool view_attribute(struct buf *b, const struct view *v, const struct record *r, const char *name)
{
    const struct attr *a = attr_find(v->entity, name);
    if (!a)
        return false;
    write_value(b, v, r, a);
    return true;
}

void view_other(struct buf *b, const struct view *v, enum entity e, int32_t id, const char *name)
{
    const struct record *r = company_find(v->company, e, id);
    struct view other = {.company = v->company, .entity = e, .user = v->user, .now = v->now};
    if (!r || !view_attribute(b, &other, r, name))
        BUF_LIT(b, "null");
}

const struct attr *attrs_of(enum entity e, enum shape shape)
{
    static const struct attr *const lists[N_ENTITIES] = {
        [E_ACTIVITY] = activity_attrs, [E_DEAL] = deal_attrs,       [E_PERSON] = person_attrs,
        [E_ORG] = org_attrs,           [E_PRODUCT] = product_attrs, [E_PIPELINE] = pipeline_attrs,
        [E_STAGE] = stage_attrs,       [E_LINE] = line_attrs,
    };
    const struct attr *old = shape == SHAPE_OLD ? attrs_old(e) : NULL;
    if (old)
        return old;
    return lists[e] ? lists[e] : attrs_v1(e);
}
