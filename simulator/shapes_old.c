/* The v1 shapes of entities that moved to v2, for recents, flow and the lists out of support.
 * Source: the schemas of recents in openapi-v1.yaml of 2026-08-18 and, for the rest, the January
 * 2026 document. Attributes that a v2 row also has borrow its function and its edits. */
#include "attrs.h"
#include "shapes.h"
#include "times.h"

/* The value that the current shape gives to another name: edits and all. The names are indexed by
 * arg. */
static const char *const v2_names[] = {
    "title",
    "value",
    "currency",
    "stage_change_time",
    "probability",
    "lost_reason",
    "close_time",
    "won_time",
    "first_won_time",
    "lost_time",
    "products_count",
    "expected_close_date",
    "origin",
    "origin_id",
    "channel",
    "channel_id",
    "arr",
    "mrr",
    "acv",
    "name",
    "first_name",
    "last_name",
    "subject",
    "type",
    "due_date",
    "due_time",
    "duration",
    "busy",
    "note",
    "public_description",
    "marked_as_done_time",
    "code",
    "unit",
    "tax",
    "category",
    "description",
    "prices",
    "billing_frequency",
    "billing_frequency_cycles",
    "order_nr",
    "deal_probability",
    "days_to_rotten",
    "is_deal_rot_enabled",
    "is_deal_probability_enabled",
    "is_linkable",
    "status",
    "pipeline_id",
    "archive_time",
    "lead_id",
    "activities_count",
    "done_activities_count",
    "undone_activities_count",
    "product_id",
    "product_variation_id",
    "item_price",
    "discount",
    "discount_type",
    "sum",
    "is_enabled",
    "comments",
    "tax_method",
    "quantity",
};

enum {
    N_TITLE,
    N_VALUE,
    N_CURRENCY,
    N_STAGE_CHANGE,
    N_PROBABILITY,
    N_LOST_REASON,
    N_CLOSE,
    N_WON,
    N_FIRST_WON,
    N_LOST,
    N_PRODUCTS,
    N_EXPECTED,
    N_ORIGIN,
    N_ORIGIN_ID,
    N_CHANNEL,
    N_CHANNEL_ID,
    N_ARR,
    N_MRR,
    N_ACV,
    N_NAME,
    N_FIRST,
    N_LAST,
    N_SUBJECT,
    N_TYPE,
    N_DUE_DATE,
    N_DUE_TIME,
    N_DURATION,
    N_BUSY,
    N_NOTE,
    N_PUBLIC,
    N_DONE_TIME,
    N_CODE,
    N_UNIT,
    N_TAX,
    N_CATEGORY,
    N_DESCRIPTION,
    N_PRICES,
    N_BILLING,
    N_CYCLES,
    N_ORDER,
    N_DEAL_PROBABILITY,
    N_DAYS,
    N_ROT,
    N_PIPELINE_PROBABILITY,
    N_LINKABLE,
    N_STATUS,
    N_PIPELINE,
    N_ARCHIVE,
    N_LEAD,
    N_ACTIVITIES,
    N_DONE,
    N_UNDONE,
    N_PRODUCT,
    N_VARIATION,
    N_ITEM_PRICE,
    N_DISCOUNT,
    N_DISCOUNT_TYPE,
    N_SUM,
    N_ENABLED,
    N_COMMENTS,
    N_TAX_METHOD,
    N_QUANTITY,
};

static void v2_value(struct buf *b, const struct view *v, const struct record *r, int arg)
{
    view_attribute(b, v, r, v2_names[arg]);
}

/* As v2_value(), but a null is the empty string, as v1 had it. */
static void v2_or_empty(struct buf *b, const struct view *v, const struct record *r, int arg)
{
    size_t start = b->len;
    view_attribute(b, v, r, v2_names[arg]);
    if (b->len - start == 4 && memcmp(b->data + start, "null", 4) == 0) {
        b->len = start;
        BUF_LIT(b, "\"\"");
    }
}

/* A linked record's name; arg: link × 100 + entity. */
static void linked_name(struct buf *b, const struct view *v, const struct record *r, int arg)
{
    enum entity e = (enum entity)(arg % 100);
    view_other(b, v, e, r->link[arg / 100], e == E_DEAL ? "title" : "name");
}

static void labels_string(struct buf *b, const struct view *v, const struct record *r, int arg)
{
    struct buf ids = {0};
    (void)arg;
    attr_label_ids(&ids, v, r, 0);
    if (ids.len <= 2) {
        BUF_LIT(b, "null");
    } else {
        buf_char(b, '"');
        buf_bytes(b, ids.data + 1, ids.len - 2);
        buf_char(b, '"');
    }
    buf_done(&ids);
}

static void first_label(struct buf *b, const struct view *v, const struct record *r, int arg)
{
    struct buf ids = {0};
    (void)arg;
    attr_label_ids(&ids, v, r, 0);
    size_t n = ids.len > 2 ? strcspn(buf_cstr(&ids) + 1, ",]") : 0;
    if (n)
        buf_bytes(b, ids.data + 1, n);
    else
        BUF_LIT(b, "null");
    buf_done(&ids);
}

static void company_id(struct buf *b, const struct view *v, const struct record *r, int arg)
{
    (void)r, (void)arg;
    buf_int(b, v->company->id);
}

static void archived(struct buf *b, const struct view *v, const struct record *r, int arg)
{
    (void)v, (void)arg;
    buf_bool(b, r->flags & REC_ARCHIVED);
}

static void done(struct buf *b, const struct view *v, const struct record *r, int arg)
{
    (void)v, (void)arg;
    buf_bool(b, r->status);
}

/* arg: the v2 name of the money; "EUR 1200". */
static void formatted(struct buf *b, const struct view *v, const struct record *r, int arg)
{
    buf_char(b, '"');
    v2_value(b, v, r, arg);
    buf_char(b, '"');
}

static void address_value(struct buf *b, const struct view *v, const struct record *r, int arg)
{
    static const char *const parts[] = {
        "value",       "subpremise",  "street_number",      "route",
        "sublocality", "locality",    "admin_area_level_1", "admin_area_level_2",
        "country",     "postal_code", "formatted_address"};
    write_address_part(b, record_hash(v->company, v->entity, r, 110), parts[arg]);
}

/* The owner as an object, as v1 organizations have it. */
static void owner(struct buf *b, const struct view *v, const struct record *r, int arg)
{
    int32_t id = r->link[LINK_OWNER];
    (void)arg;
    if (!company_find(v->company, E_USER, id)) {
        BUF_LIT(b, "null");
        return;
    }
    buf_printf(b, "{\"id\":%d,\"name\":", id);
    view_other(b, v, E_USER, id, "name");
    BUF_LIT(b, ",\"email\":");
    view_other(b, v, E_USER, id, "email");
    BUF_LIT(b, ",\"has_pic\":0,\"pic_hash\":null,\"active_flag\":");
    view_other(b, v, E_USER, id, "active_flag");
    buf_printf(b, ",\"value\":%d}", id);
}

static void first_char(struct buf *b, const struct view *v, const struct record *r, int arg)
{
    (void)v, (void)r, (void)arg;
    BUF_LIT(b, "\"a\"");
}

#define SAME(n, index)                                                                             \
    {                                                                                              \
        .name = n, .fn = v2_value, .arg = index, .store = STORE_NEVER                              \
    }
#define LISTED(n, f, a)                                                                            \
    {                                                                                              \
        .name = n, .fn = f, .arg = a, .store = STORE_NEVER, .when = WHEN_NOT_RECENT                \
    }
#define STAMPS FIXED("add_time", attr_add_time, 0), FIXED("update_time", attr_update_time, 0)

static const struct attr old_deal_attrs[] = {
    FIXED("id", attr_id, 0),
    FIXED("creator_user_id", attr_creator, 42),
    FIXED("user_id", attr_link, LINK_OWNER),
    FIXED("person_id", attr_link, DEAL_PERSON),
    FIXED("org_id", attr_link, DEAL_ORG),
    FIXED("stage_id", attr_link, DEAL_STAGE),
    SAME("title", N_TITLE),
    SAME("value", N_VALUE),
    SAME("currency", N_CURRENCY),
    STAMPS,
    SAME("stage_change_time", N_STAGE_CHANGE),
    FIXED("active", attr_active, 0),
    FIXED("deleted", attr_deleted, 0),
    FIXED("is_archived", archived, 0),
    SAME("archive_time", N_ARCHIVE),
    SAME("status", N_STATUS),
    SAME("probability", N_PROBABILITY),
    FIXED("next_activity_date", attr_null, 0),
    FIXED("next_activity_time", attr_null, 0),
    FIXED("next_activity_id", attr_dice_id, 50),
    FIXED("last_activity_id", attr_dice_id, 51),
    FIXED("last_activity_date", attr_null, 0),
    SAME("lost_reason", N_LOST_REASON),
    FIXED("visible_to", attr_visible_to_string, 0),
    SAME("close_time", N_CLOSE),
    SAME("pipeline_id", N_PIPELINE),
    SAME("won_time", N_WON),
    SAME("first_won_time", N_FIRST_WON),
    SAME("lost_time", N_LOST),
    SAME("products_count", N_PRODUCTS),
    FIXED("files_count", attr_dice_count, 52),
    FIXED("notes_count", attr_dice_count, 53),
    FIXED("followers_count", attr_dice_count, 54),
    FIXED("email_messages_count", attr_dice_count, 55),
    SAME("activities_count", N_ACTIVITIES),
    SAME("done_activities_count", N_DONE),
    SAME("undone_activities_count", N_UNDONE),
    FIXED("participants_count", attr_dice_count, 56),
    SAME("expected_close_date", N_EXPECTED),
    FIXED("last_incoming_mail_time", attr_dice_time, 57),
    FIXED("last_outgoing_mail_time", attr_dice_time, 58),
    FIXED("label", labels_string, 0),
    FIXED("stage_order_nr", attr_number, 1),
    FIXED("person_name", linked_name, DEAL_PERSON * 100 + E_PERSON),
    FIXED("org_name", linked_name, DEAL_ORG * 100 + E_ORG),
    FIXED("next_activity_subject", attr_null, 0),
    FIXED("next_activity_type", attr_null, 0),
    FIXED("next_activity_duration", attr_null, 0),
    FIXED("next_activity_note", attr_null, 0),
    FIXED("formatted_value", formatted, N_VALUE),
    SAME("weighted_value", N_VALUE),
    FIXED("formatted_weighted_value", formatted, N_VALUE),
    SAME("weighted_value_currency", N_CURRENCY),
    FIXED("rotten_time", attr_null, 0),
    FIXED("owner_name", linked_name, LINK_OWNER * 100 + E_USER),
    FIXED("cc_email", attr_smart_bcc, 0),
    FIXED("org_hidden", attr_false, 0),
    FIXED("person_hidden", attr_false, 0),
    SAME("origin", N_ORIGIN),
    SAME("origin_id", N_ORIGIN_ID),
    SAME("channel", N_CHANNEL),
    SAME("channel_id", N_CHANNEL_ID),
    SAME("arr", N_ARR),
    SAME("mrr", N_MRR),
    SAME("acv", N_ACV),
    SAME("arr_currency", N_CURRENCY),
    SAME("mrr_currency", N_CURRENCY),
    SAME("acv_currency", N_CURRENCY),
    FIXED("", attr_custom_fields_flat, 0),
    END,
};

#define CONTACT_COUNTS                                                                             \
    FIXED("email_messages_count", attr_dice_count, 55), SAME("activities_count", N_ACTIVITIES),    \
        SAME("done_activities_count", N_DONE), SAME("undone_activities_count", N_UNDONE),          \
        FIXED("files_count", attr_dice_count, 52), FIXED("notes_count", attr_dice_count, 53),      \
        FIXED("followers_count", attr_dice_count, 54),                                             \
        FIXED("open_deals_count", attr_dice_count, 70),                                            \
        FIXED("related_open_deals_count", attr_dice_count, 71),                                    \
        FIXED("closed_deals_count", attr_dice_count, 72),                                          \
        FIXED("related_closed_deals_count", attr_dice_count, 73),                                  \
        FIXED("won_deals_count", attr_dice_count, 75),                                             \
        FIXED("related_won_deals_count", attr_dice_count, 76),                                     \
        FIXED("lost_deals_count", attr_dice_count, 77),                                            \
        FIXED("related_lost_deals_count", attr_dice_count, 78),                                    \
        FIXED("next_activity_date", attr_null, 0), FIXED("next_activity_time", attr_null, 0),      \
        FIXED("next_activity_id", attr_dice_id, 50), FIXED("last_activity_id", attr_dice_id, 51),  \
        FIXED("last_activity_date", attr_null, 0)

static const struct attr old_person_attrs[] = {
    FIXED("id", attr_id, 0),
    FIXED("company_id", company_id, 0),
    FIXED("active_flag", attr_active, 0),
    FIXED("phone", attr_phone_array, 1),
    FIXED("email", attr_email_array, 1),
    FIXED("first_char", first_char, 0),
    STAMPS,
    FIXED("visible_to", attr_visible_to_string, 0),
    FIXED("picture_id", attr_null, 0),
    FIXED("label", first_label, 0),
    FIXED("label_ids", attr_label_ids, 0),
    FIXED("org_name", linked_name, PERSON_ORG * 100 + E_ORG),
    FIXED("owner_name", linked_name, LINK_OWNER * 100 + E_USER),
    FIXED("cc_email", attr_smart_bcc, 0),
    FIXED("owner_id", attr_link, LINK_OWNER),
    FIXED("org_id", attr_link, PERSON_ORG),
    FIXED("merge_what_id", attr_null, 0),
    SAME("name", N_NAME),
    SAME("first_name", N_FIRST),
    SAME("last_name", N_LAST),
    CONTACT_COUNTS,
    FIXED("last_incoming_mail_time", attr_dice_time, 57),
    FIXED("last_outgoing_mail_time", attr_dice_time, 58),
    FIXED("participant_open_deals_count", attr_dice_count, 79),
    FIXED("participant_closed_deals_count", attr_dice_count, 80),
    FIXED("", attr_custom_fields_flat, 0),
    END,
};

static const struct attr old_org_attrs[] = {
    FIXED("id", attr_id, 0),
    FIXED("company_id", company_id, 0),
    FIXED("owner_id", owner, 0),
    SAME("name", N_NAME),
    FIXED("active_flag", attr_active, 0),
    FIXED("picture_id", attr_null, 0),
    FIXED("country_code", attr_null, 0),
    FIXED("first_char", first_char, 0),
    STAMPS,
    FIXED("visible_to", attr_visible_to_string, 0),
    FIXED("label", first_label, 0),
    FIXED("label_ids", attr_label_ids, 0),
    FIXED("owner_name", linked_name, LINK_OWNER * 100 + E_USER),
    FIXED("cc_email", attr_smart_bcc, 0),
    FIXED("people_count", attr_dice_count, 74),
    CONTACT_COUNTS,
    FIXED("address", address_value, 0),
    FIXED("address_subpremise", address_value, 1),
    FIXED("address_street_number", address_value, 2),
    FIXED("address_route", address_value, 3),
    FIXED("address_sublocality", address_value, 4),
    FIXED("address_locality", address_value, 5),
    FIXED("address_admin_area_level_1", address_value, 6),
    FIXED("address_admin_area_level_2", address_value, 7),
    FIXED("address_country", address_value, 8),
    FIXED("address_postal_code", address_value, 9),
    FIXED("address_formatted_address", address_value, 10),
    FIXED("", attr_custom_fields_flat, 0),
    END,
};

static const struct attr old_activity_attrs[] = {
    FIXED("id", attr_id, 0),
    FIXED("company_id", company_id, 0),
    FIXED("user_id", attr_link, LINK_OWNER),
    FIXED("done", done, 0),
    SAME("type", N_TYPE),
    FIXED("reference_type", attr_null, 0),
    FIXED("reference_id", attr_null, 0),
    FIXED("conference_meeting_client", attr_null, 0),
    FIXED("conference_meeting_url", attr_null, 0),
    FIXED("conference_meeting_id", attr_null, 0),
    SAME("due_date", N_DUE_DATE),
    {.name = "due_time", .fn = v2_or_empty, .arg = N_DUE_TIME, .store = STORE_NEVER},
    {.name = "duration", .fn = v2_or_empty, .arg = N_DURATION, .store = STORE_NEVER},
    SAME("busy_flag", N_BUSY),
    STAMPS,
    {.name = "marked_as_done_time", .fn = v2_or_empty, .arg = N_DONE_TIME, .store = STORE_NEVER},
    FIXED("last_notification_time", attr_null, 0),
    FIXED("last_notification_user_id", attr_null, 0),
    FIXED("notification_language_id", attr_number, 1),
    SAME("subject", N_SUBJECT),
    SAME("public_description", N_PUBLIC),
    FIXED("calendar_sync_include_context", attr_empty, 0),
    FIXED("location", attr_empty, 0),
    FIXED("org_id", attr_link, LINK_ORG),
    FIXED("person_id", attr_link, LINK_PERSON),
    FIXED("deal_id", attr_link, LINK_DEAL),
    SAME("lead_id", N_LEAD),
    FIXED("project_id", attr_null, 0),
    FIXED("active_flag", attr_active, 0),
    FIXED("update_user_id", attr_null, 0),
    FIXED("gcal_event_id", attr_empty, 0),
    FIXED("google_calendar_id", attr_empty, 0),
    FIXED("google_calendar_etag", attr_empty, 0),
    FIXED("source_timezone", attr_empty, 0),
    FIXED("rec_rule", attr_empty, 0),
    FIXED("rec_rule_extension", attr_empty, 0),
    FIXED("rec_master_activity_id", attr_null, 0),
    FIXED("series", attr_empty_array, 0),
    SAME("note", N_NOTE),
    FIXED("created_by_user_id", attr_creator, 42),
    FIXED("location_subpremise", attr_empty, 0),
    FIXED("location_street_number", attr_empty, 0),
    FIXED("location_route", attr_empty, 0),
    FIXED("location_sublocality", attr_empty, 0),
    FIXED("location_locality", attr_empty, 0),
    FIXED("location_admin_area_level_1", attr_empty, 0),
    FIXED("location_admin_area_level_2", attr_empty, 0),
    FIXED("location_country", attr_empty, 0),
    FIXED("location_postal_code", attr_empty, 0),
    FIXED("location_formatted_address", attr_empty, 0),
    FIXED("attendees", attr_null, 0),
    FIXED("participants", attr_null, 0),
    FIXED("org_name", linked_name, LINK_ORG * 100 + E_ORG),
    FIXED("person_name", linked_name, LINK_PERSON * 100 + E_PERSON),
    FIXED("deal_title", linked_name, LINK_DEAL * 100 + E_DEAL),
    FIXED("owner_name", linked_name, LINK_OWNER * 100 + E_USER),
    FIXED("person_dropbox_bcc", attr_empty, 0),
    FIXED("deal_dropbox_bcc", attr_empty, 0),
    FIXED("assigned_to_user_id", attr_link, LINK_OWNER),
    FIXED("file", attr_null, 0),
    END,
};

static const struct attr old_product_attrs[] = {
    FIXED("id", attr_id, 0),
    SAME("name", N_NAME),
    SAME("code", N_CODE),
    SAME("description", N_DESCRIPTION),
    SAME("unit", N_UNIT),
    SAME("tax", N_TAX),
    SAME("category", N_CATEGORY),
    FIXED("active_flag", attr_active, 0),
    SAME("selectable", N_LINKABLE),
    FIXED("first_char", first_char, 0),
    FIXED("visible_to", attr_visible_to, 0),
    FIXED("owner_id", attr_link, LINK_OWNER),
    FIXED("files_count", attr_null, 0),
    STAMPS,
    SAME("billing_frequency", N_BILLING),
    SAME("billing_frequency_cycles", N_CYCLES),
    SAME("prices", N_PRICES),
    FIXED("", attr_custom_fields_flat, 0),
    END,
};

static const struct attr old_pipeline_attrs[] = {
    FIXED("id", attr_id, 0),
    SAME("name", N_NAME),
    FIXED("url_title", attr_empty, 0),
    SAME("order_nr", N_ORDER),
    FIXED("active", attr_active, 0),
    SAME("deal_probability", N_PIPELINE_PROBABILITY),
    STAMPS,
    LISTED("selected", attr_false, 0),
    END,
};

static const struct attr old_stage_attrs[] = {
    FIXED("id", attr_id, 0),
    SAME("order_nr", N_ORDER),
    SAME("name", N_NAME),
    FIXED("active_flag", attr_active, 0),
    SAME("deal_probability", N_DEAL_PROBABILITY),
    FIXED("pipeline_id", attr_link, STAGE_PIPELINE),
    SAME("rotten_flag", N_ROT),
    SAME("rotten_days", N_DAYS),
    STAMPS,
    LISTED("pipeline_name", linked_name, STAGE_PIPELINE * 100 + E_PIPELINE),
    LISTED("pipeline_deal_probability", attr_false, 0),
    END,
};

static const struct attr old_line_attrs[] = {
    FIXED("id", attr_id, 0),
    FIXED("deal_id", attr_link, LINE_DEAL),
    SAME("order_nr", N_ORDER),
    SAME("product_id", N_PRODUCT),
    SAME("product_variation_id", N_VARIATION),
    SAME("item_price", N_ITEM_PRICE),
    SAME("discount", N_DISCOUNT),
    SAME("discount_type", N_DISCOUNT_TYPE),
    SAME("sum", N_SUM),
    SAME("currency", N_CURRENCY),
    SAME("enabled_flag", N_ENABLED),
    FIXED("add_time", attr_add_time, 0),
    FIXED("last_edit", attr_update_time, 0),
    SAME("comments", N_COMMENTS),
    FIXED("active_flag", attr_active, 0),
    SAME("tax", N_TAX),
    SAME("tax_method", N_TAX_METHOD),
    SAME("name", N_NAME),
    FIXED("sum_formatted", formatted, N_SUM),
    FIXED("quantity_formatted", formatted, N_QUANTITY),
    SAME("quantity", N_QUANTITY),
    SAME("billing_frequency", N_BILLING),
    SAME("billing_frequency_cycles", N_CYCLES),
    END,
};

const struct attr *attrs_old(enum entity e)
{
    switch (e) {
    case E_DEAL:
        return old_deal_attrs;
    case E_PERSON:
        return old_person_attrs;
    case E_ORG:
        return old_org_attrs;
    case E_ACTIVITY:
        return old_activity_attrs;
    case E_PRODUCT:
        return old_product_attrs;
    case E_PIPELINE:
        return old_pipeline_attrs;
    case E_STAGE:
        return old_stage_attrs;
    case E_LINE:
        return old_line_attrs;
    default:
        return NULL;
    }
}
