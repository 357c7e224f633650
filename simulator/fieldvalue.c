/* Values of custom fields, made up or set by hand, in the v2 shape and flat as v1 had them. */
#include <json-glib/json-glib.h>

#include "attrs.h"
#include "text.h"
#include "times.h"
#include "view.h"

static uint64_t value_hash(const struct view *v, const struct record *r, const struct field *f)
{
    uint64_t own = record_text_hash(v->company, v->entity, r, 2000 + (uint32_t)f->id);
    return mix(own, f->type_version);
}

/* A made-up row has a value in `fill` percent of the cases, a row added by hand never. */
static bool is_set(const struct view *v, const struct record *r, const struct field *f)
{
    if (r->flags & REC_ADDED)
        return false;
    return chance(record_hash(v->company, v->entity, r, 9000 + (uint32_t)f->id), f->fill);
}

/* Literals that a double cannot hold, sent as they are (seen live in 2026-07). */
static void write_double(struct buf *b, uint64_t hash)
{
    static const char *const literals[] = {"0.30000000000000004",
                                           "9007199254740993",
                                           "9223372036854775807",
                                           "12345678901234.567",
                                           "-0.1",
                                           "0",
                                           "1e3",
                                           "500"};
    uint32_t kind = pick(hash, 24);
    if (kind < G_N_ELEMENTS(literals))
        buf_str(b, literals[kind]);
    else
        buf_decimal(b, (int64_t)pick(mix(hash, 1), 10000000) - 5000000, 3);
}

static void write_date(struct buf *b, const struct view *v, uint64_t hash)
{
    if (pick(hash, 40) == 0)
        BUF_LIT(b, "\"2026-02-29\""); /* not a day; the API does not check */
    else
        date_write(b, v->company->born - (int64_t)pick(mix(hash, 1), 1500) * DAY_S);
}

static void write_clock(struct buf *b, uint64_t hash)
{
    buf_printf(b, "\"%02u:%02u:00\"", pick(hash, 24), pick(mix(hash, 1), 60));
}

static void write_option(struct buf *b, const struct view *v, const struct field_option *o)
{
    if (!v->option_labels) {
        buf_int(b, o->id);
        return;
    }
    buf_printf(b, "{\"id\":%d,\"label\":", o->id);
    if (o->deleted)
        BUF_LIT(b, "null");
    else
        buf_json_string(b, o->label);
    buf_char(b, '}');
}

static void write_options(struct buf *b, const struct view *v, const struct field *f, uint64_t hash)
{
    guint n = f->options ? f->options->len : 0;
    if (!n) {
        BUF_LIT(b, "null");
        return;
    }
    if (f->type == F_ENUM) {
        write_option(b, v, &g_array_index(f->options, struct field_option, pick(hash, n)));
        return;
    }
    buf_char(b, '[');
    for (guint i = 0; i < n; i++)
        if (i == pick(hash, n) || chance(mix(hash, i), 30)) {
            write_option(b, v, &g_array_index(f->options, struct field_option, i));
            buf_char(b, ',');
        }
    buf_trim_comma(b);
    buf_char(b, ']');
}

static void write_row_id(struct buf *b, const struct view *v, enum entity e, uint64_t hash)
{
    const struct table *t = &v->company->tables[e];
    if (t->n)
        buf_int(b, t->rows[pick(hash, t->n)].id);
    else
        BUF_LIT(b, "null");
}

static void write_plain_text(struct buf *b, uint64_t hash, uint32_t words)
{
    buf_char(b, '"');
    if (pick(hash, 25) == 0)
        text_nasty(b, 1 + pick(mix(hash, 1), text_nasty_count()));
    else
        text_words(b, hash, words);
    buf_char(b, '"');
}

#define ZONE ",\"timezone_id\":318,\"timezone_name\":\"Europe/London\"}"

static void made_up_value(struct buf *b, const struct view *v, const struct record *r,
                          const struct field *f)
{
    uint64_t hash = value_hash(v, r, f);
    switch (f->type) {
    case F_TEXT:
        write_plain_text(b, hash, 8);
        break;
    case F_DOUBLE:
        write_double(b, hash);
        break;
    case F_MONETARY:
        BUF_LIT(b, "{\"value\":");
        money_literal(b, hash);
        buf_str(b, pick(mix(hash, 9), 10) ? ",\"currency\":\"EUR\"}" : ",\"currency\":null}");
        break;
    case F_SET:
    case F_ENUM:
        write_options(b, v, f, hash);
        break;
    case F_USER:
        write_row_id(b, v, E_USER, hash);
        break;
    case F_ORG:
        write_row_id(b, v, E_ORG, hash);
        break;
    case F_PEOPLE:
        write_row_id(b, v, E_PERSON, hash);
        break;
    case F_PHONE:
        buf_printf(b, "\"+44 20 7946 %04u\"", pick(hash, 10000));
        break;
    case F_TIME:
        BUF_LIT(b, "{\"value\":");
        write_clock(b, hash);
        BUF_LIT(b, ZONE);
        break;
    case F_TIMERANGE:
        BUF_LIT(b, "{\"value\":");
        write_clock(b, hash);
        BUF_LIT(b, ",\"until\":");
        write_clock(b, mix(hash, 2));
        BUF_LIT(b, ZONE);
        break;
    case F_DATE:
        write_date(b, v, hash);
        break;
    case F_DATERANGE:
        BUF_LIT(b, "{\"value\":");
        write_date(b, v, hash);
        BUF_LIT(b, ",\"until\":");
        write_date(b, v, mix(hash, 2));
        buf_char(b, '}');
        break;
    case F_ADDRESS:
        write_address(b, hash, true);
        break;
    default:
        write_plain_text(b, hash, 2);
        break;
    }
}

void field_value(struct buf *b, const struct view *v, const struct record *r,
                 const struct field *field)
{
    const char *literal = r->edits ? record_edit(r, field->key) : NULL;
    if (literal)
        buf_str(b, literal);
    else if (is_set(v, r, field))
        made_up_value(b, v, r, field);
    else
        BUF_LIT(b, "null");
}

/* The text between two places of a JSON object as the value of `member`; null when it lacks it. */
static void copy_member(struct buf *b, JsonObject *object, const char *member)
{
    JsonNode *node = json_object_get_member(object, member);
    g_autofree char *text = node ? json_to_string(node, FALSE) : g_strdup("null");
    buf_str(b, text);
}

static void flat_object(struct buf *b, const struct field *f, JsonObject *object)
{
    buf_printf(b, "\"%s\":", f->key);
    copy_member(b, object, "value");
    buf_char(b, ',');
    const char *const *subfields = field_subfields(f->type);
    for (int i = 0; subfields && subfields[i]; i++) {
        buf_printf(b, "\"%s_%s\":", f->key, subfields[i]);
        copy_member(b, object, subfields[i]);
        buf_char(b, ',');
    }
}

/* [1,2] and 1 become "1,2" and "1". */
static void flat_options(struct buf *b, const struct field *f, const char *value)
{
    buf_printf(b, "\"%s\":\"", f->key);
    for (const char *p = value; *p; p++)
        if (*p != '[' && *p != ']')
            buf_char(b, *p);
    BUF_LIT(b, "\",");
}

void field_value_flat(struct buf *b, const struct view *v, const struct record *r,
                      const struct field *field)
{
    struct view plain = *v;
    struct buf value = {0};
    plain.option_labels = false;
    field_value(&value, &plain, r, field);
    const char *text = buf_cstr(&value);

    if (text[0] == '{') {
        g_autoptr(JsonNode) node = json_from_string(text, NULL);
        if (node && JSON_NODE_HOLDS_OBJECT(node))
            flat_object(b, field, json_node_get_object(node));
    } else if (field_type_has_options(field->type) && strcmp(text, "null") != 0) {
        flat_options(b, field, text);
    } else {
        buf_printf(b, "\"%s\":", field->key);
        buf_str(b, text);
        buf_char(b, ',');
    }
    buf_done(&value);
}
