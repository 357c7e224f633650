/* The shapes of what lives on v1. Source: openapi-v1.yaml of 2026-08-18, schemas and examples. */
#include "attrs.h"
#include "shapes.h"
#include "text.h"
#include "times.h"

static uint64_t dice(const struct view *v, const struct record *r, int purpose)
{
    return record_hash(v->company, v->entity, r, (uint32_t)purpose);
}

/* --- notes --- */

static void note_content(struct buf *b, const struct view *v, const struct record *r, int arg)
{
    (void)arg;
    buf_char(b, '"');
    text_html(b, record_text_hash(v->company, v->entity, r, 41));
    buf_char(b, '"');
}

static void note_parent(struct buf *b, const struct view *v, const struct record *r, int arg)
{
    static const enum entity parents[] = {0, E_DEAL, E_PERSON, E_ORG};
    static const char *const names[] = {"", "title", "name", "name"};
    const struct record *parent = company_find(v->company, parents[arg], r->link[arg]);
    if (!parent) {
        BUF_LIT(b, "null");
        return;
    }
    buf_printf(b, "{\"%s\":", names[arg]);
    view_other(b, v, parents[arg], parent->id, names[arg]);
    buf_char(b, '}');
}

static void note_user(struct buf *b, const struct view *v, const struct record *r, int arg)
{
    int32_t user = r->link[LINK_OWNER];
    (void)arg;
    if (!company_find(v->company, E_USER, user)) {
        BUF_LIT(b, "null");
        return;
    }
    BUF_LIT(b, "{\"email\":");
    view_other(b, v, E_USER, user, "email");
    buf_printf(b, ",\"icon_url\":null,\"is_you\":%s,\"name\":", user == v->user ? "true" : "false");
    view_other(b, v, E_USER, user, "name");
    buf_char(b, '}');
}

/* arg: the link that the note is pinned to */
static void note_pinned(struct buf *b, const struct view *v, const struct record *r, int arg)
{
    buf_bool(b, r->link[arg] && chance(dice(v, r, 120 + arg), 20));
}

static void note_last_user(struct buf *b, const struct view *v, const struct record *r, int arg)
{
    if (chance(dice(v, r, 125), 50))
        attr_creator(b, v, r, arg);
    else
        BUF_LIT(b, "null");
}

static const struct attr note_attrs[] = {
    ID,
    STORED("active_flag", attr_active, 0, STORE_NOT_DELETED),
    TIMES,
    ATTR("content", note_content, 0),
    FIXED("deal", note_parent, LINK_DEAL),
    ATTR("lead_id", attr_dice_uuid, 4305),
    STORED("deal_id", attr_link, LINK_DEAL, STORE_LINK1),
    ATTR("last_update_user_id", note_last_user, 46),
    STORED("org_id", attr_link, LINK_ORG, STORE_LINK3),
    FIXED("organization", note_parent, LINK_ORG),
    FIXED("person", note_parent, LINK_PERSON),
    STORED("person_id", attr_link, LINK_PERSON, STORE_LINK2),
    ATTR("project_id", attr_null, 0),
    ATTR("project", attr_null, 0),
    ATTR("task_id", attr_null, 0),
    ATTR("task", attr_null, 0),
    ATTR("pinned_to_lead_flag", attr_false, 0),
    ATTR("pinned_to_deal_flag", note_pinned, LINK_DEAL),
    ATTR("pinned_to_organization_flag", note_pinned, LINK_ORG),
    ATTR("pinned_to_person_flag", note_pinned, LINK_PERSON),
    ATTR("pinned_to_project_flag", attr_false, 0),
    ATTR("pinned_to_task_flag", attr_false, 0),
    FIXED("user", note_user, 0),
    STORED("user_id", attr_link, LINK_OWNER, STORE_LINK0),
    END,
};

/* --- files --- */

struct file_kind {
    const char *type, *extension;
};
static const struct file_kind file_kinds[] = {{"pdf", "pdf"}, {"img", "jpg"},   {"doc", "docx"},
                                              {"other", ""},  {"audio", "m4a"}, {"csv", "CSV"}};

/* arg 0 file_name, 1 file_type, 2 name */
static void file_name(struct buf *b, const struct view *v, const struct record *r, int arg)
{
    uint64_t hash = dice(v, r, 130);
    const struct file_kind *kind = &file_kinds[pick(hash, 6)];
    if (arg == 1) {
        buf_printf(b, "\"%s\"", kind->type);
        return;
    }
    if (arg == 2) {
        write_text(b, v, r, 131, 2);
        b->len--;
    } else {
        buf_char(b, '"');
        text_slug(b, hash);
        buf_printf(b, "_%08x", (unsigned)(hash >> 32));
    }
    buf_printf(b, "%s%s\"", *kind->extension ? "." : "", kind->extension);
}

/* 0, ordinary, and above 2^31 and 2^53. */
static void file_size(struct buf *b, const struct view *v, const struct record *r, int arg)
{
    uint64_t hash = dice(v, r, 132);
    uint32_t kind = pick(hash, 50);
    (void)arg;
    buf_int(b, kind == 0   ? 0
               : kind == 1 ? 4294967297
               : kind == 2 ? 9007199254740993
                           : (int64_t)pick(mix(hash, 1), 20000000));
}

static void file_parent_name(struct buf *b, const struct view *v, const struct record *r, int arg)
{
    static const enum entity parents[] = {0, E_DEAL, E_PERSON, E_ORG};
    if (company_find(v->company, parents[arg], r->link[arg]))
        view_other(b, v, parents[arg], r->link[arg], arg == LINK_DEAL ? "title" : "name");
    else
        BUF_LIT(b, "\"\"");
}

/* arg 0 remote_location, 1 remote_id */
static void file_remote(struct buf *b, const struct view *v, const struct record *r, int arg)
{
    bool elsewhere = chance(dice(v, r, 133), 20);
    if (arg == 0)
        buf_str(b, elsewhere ? "\"googledocs\"" : "\"s3\"");
    else if (elsewhere)
        buf_printf(b, "\"1mT6jshiv6537IirwOExXJuG1jdR4%04x\"", (unsigned)(r->id & 0xffff));
    else
        BUF_LIT(b, "\"\"");
}

static void file_url(struct buf *b, const struct view *v, const struct record *r, int arg)
{
    (void)arg;
    buf_printf(b, "\"https://%s.pipedrive.com/v1/files/%d/download\"", v->company->domain, r->id);
}

static void file_product(struct buf *b, const struct view *v, const struct record *r, int arg)
{
    const struct table *products = &v->company->tables[E_PRODUCT];
    uint64_t hash = dice(v, r, 134);
    (void)arg;
    if (products->n && chance(hash, 10))
        buf_int(b, products->rows[pick(hash, products->n)].id);
    else
        BUF_LIT(b, "null");
}

static void file_description(struct buf *b, const struct view *v, const struct record *r, int arg)
{
    (void)arg;
    if (chance(dice(v, r, 135), 30))
        write_text(b, v, r, 136, 4);
    else
        BUF_LIT(b, "\"\"");
}

static const struct attr file_attrs[] = {
    ID,
    STORED("user_id", attr_link, LINK_OWNER, STORE_LINK0),
    STORED("deal_id", attr_link, LINK_DEAL, STORE_LINK1),
    STORED("person_id", attr_link, LINK_PERSON, STORE_LINK2),
    STORED("org_id", attr_link, LINK_ORG, STORE_LINK3),
    ATTR("product_id", file_product, 0),
    ATTR("activity_id", attr_dice_id, 137),
    ATTR("lead_id", attr_dice_uuid, 4305),
    ATTR("project_id", attr_null, 0),
    ATTR("log_id", attr_null, 0),
    TIMES,
    ATTR("file_name", file_name, 0),
    ATTR("file_type", file_name, 1),
    ATTR("file_size", file_size, 0),
    STORED("active_flag", attr_active, 0, STORE_NOT_DELETED),
    ATTR("inline_flag", attr_dice_flag, 4420),
    ATTR("remote_location", file_remote, 0),
    ATTR("remote_id", file_remote, 1),
    ATTR("cid", attr_empty, 0),
    ATTR("s3_bucket", attr_empty, 0),
    ATTR("mail_message_id", attr_empty, 0),
    ATTR("mail_template_id", attr_empty, 0),
    FIXED("deal_name", file_parent_name, LINK_DEAL),
    FIXED("person_name", file_parent_name, LINK_PERSON),
    ATTR("lead_name", attr_null, 0),
    ATTR("project_name", attr_null, 0),
    FIXED("org_name", file_parent_name, LINK_ORG),
    ATTR("product_name", attr_empty, 0),
    FIXED("url", file_url, 0),
    ATTR("name", file_name, 2),
    ATTR("description", file_description, 0),
    END,
};

/* --- filters --- */

static void filter_type(struct buf *b, const struct view *v, const struct record *r, int arg)
{
    static const char *const types[] = {"deals",    "org",   "people",  "products",
                                        "activity", "leads", "projects"};
    (void)v, (void)arg;
    buf_printf(b, "\"%s\"", types[r->id % 7]);
}

static void filter_conditions(struct buf *b, const struct view *v, const struct record *r, int arg)
{
    (void)arg;
    BUF_LIT(
        b,
        "{\"glue\":\"and\",\"conditions\":[{\"glue\":\"and\",\"conditions\":[{\"object\":\"deal\","
        "\"field_id\":\"123\",\"operator\":\"IS NOT NULL\",\"value\":null,\"extra_value\":null,"
        "\"json_value_flag\":false");
    if (v->field_codes)
        BUF_LIT(b, ",\"field_code\":\"status\"");
    BUF_LIT(b, "}]},{\"glue\":\"or\",\"conditions\":[]}]}");
    (void)r;
}

static const struct attr filter_attrs[] = {
    ID,
    ATTR("name", attr_words, 41),
    ATTR("filter_code", attr_null, 0),
    ATTR("is_editable", attr_true, 0),
    STORED("active_flag", attr_active, 0, STORE_NOT_DELETED),
    ATTR("type", filter_type, 0),
    ATTR("temporary_flag", attr_null, 0),
    STORED("user_id", attr_link, LINK_OWNER, STORE_LINK0),
    TIMES,
    STORED("visible_to", attr_visible_to_string, 0, STORE_VISIBLE_TO),
    ATTR("last_used_time", attr_dice_time, 140),
    ATTR("custom_view_id", attr_dice_id, 141),
    {.name = "conditions",
     .fn = filter_conditions,
     .store = STORE_NEVER,
     .when = WHEN_FILTER_BY_ID},
    END,
};

/* --- users --- */

static bool is_admin(const struct view *v, const struct record *r)
{
    return r->id == v->company->admin_id || (r->id != v->company->member_id && r->id % 7 == 3);
}

static void user_email(struct buf *b, const struct view *v, const struct record *r, int arg)
{
    (void)arg;
    buf_printf(b, "\"user%d@%s.example.com\"", r->id, v->company->domain);
}

static void user_access(struct buf *b, const struct view *v, const struct record *r, int arg)
{
    static const char *const apps[] = {"sales", "global", "account_settings", "campaigns"};
    bool admin = is_admin(v, r);
    size_t n = admin ? G_N_ELEMENTS(apps) : 2;
    (void)arg;
    buf_char(b, '[');
    for (size_t i = 0; i < n; i++) {
        buf_printf(b, "%s{\"app\":\"%s\",\"admin\":%s,\"permission_set_id\":", i ? "," : "",
                   apps[i], admin ? "true" : "false");
        text_uuid(b, mix3(v->company->seed, i, (uint64_t)admin));
        buf_char(b, '}');
    }
    buf_char(b, ']');
}

static void user_phone(struct buf *b, const struct view *v, const struct record *r, int arg)
{
    (void)arg;
    if (chance(dice(v, r, 150), 40))
        buf_printf(b, "\"0000-%04d\"", r->id % 10000);
    else
        BUF_LIT(b, "null");
}

/* Some users are deactivated: listed still, not active. Never the two whose tokens are handed out.
 */
static void user_active(struct buf *b, const struct view *v, const struct record *r, int arg)
{
    (void)arg;
    int number = r->id - v->company->admin_id;
    buf_bool(b, !record_deleted(r) && (number < 2 || number % 5 != 4));
}

static void user_is_you(struct buf *b, const struct view *v, const struct record *r, int arg)
{
    (void)arg;
    buf_bool(b, r->id == v->user);
}

static void user_founder(struct buf *b, const struct view *v, const struct record *r, int arg)
{
    (void)arg;
    buf_bool(b, r->id == v->company->admin_id);
}

static void user_login(struct buf *b, const struct view *v, const struct record *r, int arg)
{
    (void)arg;
    time_write(b, v->company->born - (int64_t)(dice(v, r, 151) % (40 * DAY_S)) - 60, TIME_V1);
}

static void constant(struct buf *b, const struct view *v, const struct record *r, int arg)
{
    static const char *const texts[] = {"\"EUR\"", "\"et_EE\"", "\"Europe/Tallinn\"", "\"+02:00\""};
    (void)v, (void)r;
    buf_str(b, texts[arg]);
}

static const struct attr user_attrs[] = {
    ID,
    ATTR("name", attr_name, 0),
    ATTR("default_currency", constant, 0),
    ATTR("locale", constant, 1),
    ATTR("lang", attr_number, 1),
    ATTR("email", user_email, 0),
    ATTR("phone", user_phone, 0),
    ATTR("activated", attr_true, 0),
    ATTR("last_login", user_login, 0),
    STORED("created", attr_add_time, 0, STORE_ADD_TIME),
    STORED("modified", attr_update_time, 0, STORE_UPDATE_TIME),
    ATTR("has_created_company", user_founder, 0),
    ATTR("access", user_access, 0),
    ATTR("active_flag", user_active, 0),
    ATTR("timezone_name", constant, 2),
    ATTR("timezone_offset", constant, 3),
    ATTR("role_id", attr_number, 1),
    ATTR("icon_url", attr_null, 0),
    FIXED("is_you", user_is_you, 0),
    STORED("is_deleted", attr_deleted, 0, STORE_DELETED),
    END,
};

void write_me_members(struct buf *b, const struct view *v)
{
    const struct company *c = v->company;
    buf_printf(b,
               ",\"company_id\":%d,\"company_name\":\"Acme %d\",\"company_domain\":\"%s\","
               "\"company_country\":\"EE\",\"company_industry\":\"IT Services\","
               "\"language\":{\"language_code\":\"en\",\"country_code\":\"US\"}",
               c->id, c->id, c->domain);
}

/* --- activity types and currencies --- */

struct activity_type {
    const char *name, *key, *icon;
};
static const struct activity_type activity_types[] = {
    {"Call", "call", "call"},          {"Meeting", "meeting", "meeting"},
    {"Task", "task", "task"},          {"Deadline", "deadline", "deadline"},
    {"Email", "email", "email"},       {"Lunch", "lunch", "lunch"},
    {"現地訪問", "site_visit", "car"}, {"Old \\\"fax\\\"", "fax", "document"},
    {"Démo", "demo", "camera"},
};

/* arg 0 name, 1 key_string, 2 icon_key */
static void type_word(struct buf *b, const struct view *v, const struct record *r, int arg)
{
    const struct activity_type *t = &activity_types[(uint32_t)(r->id - 1) % 9];
    (void)v;
    bool again = r->id > 9;
    buf_printf(b, "\"%s", arg == 0 ? t->name : arg == 1 ? t->key : t->icon);
    if (again && arg < 2)
        buf_printf(b, "%s%d", arg ? "_" : " ", r->id);
    buf_char(b, '"');
}

static void type_custom(struct buf *b, const struct view *v, const struct record *r, int arg)
{
    (void)v, (void)arg;
    buf_bool(b, r->id > 6);
}

static void type_active(struct buf *b, const struct view *v, const struct record *r, int arg)
{
    (void)v, (void)arg;
    buf_bool(b, !record_deleted(r) && r->id != 8);
}

static void type_colour(struct buf *b, const struct view *v, const struct record *r, int arg)
{
    (void)v, (void)arg;
    buf_str(b, r->id == 7 ? "null" : "\"FFFFFF\"");
}

static const struct attr type_attrs[] = {
    ID,
    ATTR("order_nr", attr_id, 0),
    ATTR("name", type_word, 0),
    ATTR("key_string", type_word, 1),
    ATTR("icon_key", type_word, 2),
    STORED("active_flag", type_active, 0, STORE_NOT_DELETED),
    ATTR("color", type_colour, 0),
    ATTR("is_custom_flag", type_custom, 0),
    TIMES,
    END,
};

struct currency {
    const char *code, *name, *symbol;
    int decimals;
};
static const struct currency currencies[] = {
    {"EUR", "Euro", "€", 2},
    {"USD", "US Dollar", "$", 2},
    {"GBP", "Pound Sterling", "£", 2},
    {"JPY", "Japanese Yen", "¥", 0},
    {"CHF", "Swiss Franc", "CHF", 2},
    {"SEK", "Swedish Krona", "kr", 2},
    {"PLN", "Złoty", "zł", 2},
    {"INR", "Indian Rupee", "₹", 2},
    {"KWD", "Kuwaiti Dinar", "د.ك", 3},
    {"BRL", "Brazilian Real", "R$", 2},
    {"KRW", "Won", "₩", 0},
    {"CZK", "Koruna", "Kč", 2},
    {"AUD", "Australian Dollar", "A$", 2},
    {"CAD", "Canadian Dollar", "C$", 2},
    {"BTC", "Bitcoin", "₿", 8},
    {"PTS", "Loyalty \\\"points\\\"", "pts", 0},
};

static const struct currency *currency_of(const struct record *r)
{
    return &currencies[(uint32_t)(r->id - 1) % G_N_ELEMENTS(currencies)];
}

/* arg 0 code, 1 name, 2 symbol */
static void currency_word(struct buf *b, const struct view *v, const struct record *r, int arg)
{
    const struct currency *c = currency_of(r);
    (void)v;
    buf_printf(b, "\"%s\"", arg == 0 ? c->code : arg == 1 ? c->name : c->symbol);
}

static void currency_number(struct buf *b, const struct view *v, const struct record *r, int arg)
{
    (void)v, (void)arg;
    buf_int(b, currency_of(r)->decimals);
}

static void currency_custom(struct buf *b, const struct view *v, const struct record *r, int arg)
{
    (void)v, (void)arg;
    buf_bool(b, r->id > 14);
}

static const struct attr currency_attrs[] = {
    ID,
    ATTR("code", currency_word, 0),
    ATTR("name", currency_word, 1),
    ATTR("decimal_points", currency_number, 0),
    ATTR("symbol", currency_word, 2),
    STORED("active_flag", attr_active, 0, STORE_NOT_DELETED),
    ATTR("is_custom_flag", currency_custom, 0),
    END,
};

const struct attr *attrs_v1(enum entity e)
{
    switch (e) {
    case E_NOTE:
        return note_attrs;
    case E_FILE:
        return file_attrs;
    case E_FILTER:
        return filter_attrs;
    case E_USER:
        return user_attrs;
    case E_ACTIVITY_TYPE:
        return type_attrs;
    case E_CURRENCY:
        return currency_attrs;
    default:
        return NULL;
    }
}
