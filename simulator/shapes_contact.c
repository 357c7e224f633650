/* The v2 shapes of organizations and persons. Source: openapi-v2.yaml of 2026-08-18, schemas and
 * examples of the lists; `formatted_address` and `picture_id`: migration guide. */
#include "attrs.h"
#include "shapes.h"
#include "text.h"
#include "times.h"

enum {
    DICE_ADDRESS = 110,
    DICE_PROFILE,
    DICE_CONTACT
};

static void org_address(struct buf *b, const struct view *v, const struct record *r, int arg)
{
    uint64_t hash = record_text_hash(v->company, v->entity, r, DICE_ADDRESS);
    if (chance(hash, 70))
        write_address(b, hash, arg);
    else
        BUF_LIT(b, "null");
}

/* arg 0 website, 1 linkedin, 2 industry, 3 annual_revenue, 4 employee_count */
static void org_profile(struct buf *b, const struct view *v, const struct record *r, int arg)
{
    uint64_t hash = mix(view_dice(v, r, DICE_PROFILE), (uint64_t)arg);
    if (!chance(hash, 40)) {
        BUF_LIT(b, "null");
    } else if (arg < 2) {
        buf_str(b, arg ? "\"https://linkedin.com/company/" : "\"https://www.example.com/");
        text_slug(b, hash);
        buf_char(b, '"');
    } else {
        buf_int(b, (int64_t)(hash % (arg == 2 ? 12 : arg == 3 ? 9999999999 : 5000)));
    }
}

const struct attr org_attrs[] = {
    ID,
    ATTR("name", attr_name, 0),
    STORED("owner_id", attr_link, LINK_OWNER, STORE_LINK0),
    TIMES,
    ATTR("address", org_address, 1),
    STORED("is_deleted", attr_deleted, 0, STORE_DELETED),
    STORED("visible_to", attr_visible_to, 0, STORE_VISIBLE_TO),
    ATTR("label_ids", attr_label_ids, 0),
    ATTR("picture_id", attr_dice_id, 49),
    GATED("website", org_profile, 0, SW_ORG_PROFILE),
    GATED("linkedin", org_profile, 1, SW_ORG_PROFILE),
    GATED("industry", org_profile, 2, SW_ORG_PROFILE),
    GATED("annual_revenue", org_profile, 3, SW_ORG_PROFILE),
    GATED("employee_count", org_profile, 4, SW_ORG_PROFILE),
    FIXED("custom_fields", attr_custom_fields, 0),
    INCLUDE("next_activity_id", attr_dice_id, 50),
    INCLUDE("last_activity_id", attr_dice_id, 51),
    INCLUDE("open_deals_count", attr_dice_count, 70),
    INCLUDE("related_open_deals_count", attr_dice_count, 71),
    INCLUDE("closed_deals_count", attr_dice_count, 72),
    INCLUDE("related_closed_deals_count", attr_dice_count, 73),
    INCLUDE("email_messages_count", attr_dice_count, 55),
    INCLUDE("people_count", attr_dice_count, 74),
    INCLUDE("activities_count", attr_activities_count, 0),
    INCLUDE("done_activities_count", attr_activities_count, 1),
    INCLUDE("undone_activities_count", attr_activities_count, 2),
    INCLUDE("files_count", attr_dice_count, 52),
    INCLUDE("notes_count", attr_dice_count, 53),
    INCLUDE("followers_count", attr_dice_count, 54),
    INCLUDE("won_deals_count", attr_dice_count, 75),
    INCLUDE("related_won_deals_count", attr_dice_count, 76),
    INCLUDE("lost_deals_count", attr_dice_count, 77),
    INCLUDE("related_lost_deals_count", attr_dice_count, 78),
    INCLUDE("smart_bcc_email", attr_smart_bcc, 0),
    {.name = "labels", .fn = attr_labels, .store = STORE_NEVER, .when = WHEN_LABELS},
    END,
};

/* arg 0 notes, 1 im, 2 birthday, 3 job_title, 4 postal_address */
static void person_contact(struct buf *b, const struct view *v, const struct record *r, int arg)
{
    uint64_t hash = mix(view_dice(v, r, DICE_CONTACT), (uint64_t)arg);
    bool set = chance(hash, 40);
    if (arg == 1) {
        buf_char(b, '[');
        if (set) {
            BUF_LIT(b, "{\"value\":\"");
            text_slug(b, hash);
            BUF_LIT(b, "\",\"primary\":true,\"label\":\"skype\"}");
        }
        buf_char(b, ']');
    } else if (!set) {
        BUF_LIT(b, "null");
    } else if (arg == 2) {
        date_write(b, (int64_t)pick(hash, 15000) * DAY_S);
    } else if (arg == 4) {
        write_address(b, hash, false);
    } else {
        write_text(b, v, r, 65 + (uint32_t)arg, 4);
    }
}

static void person_marketing(struct buf *b, const struct view *v, const struct record *r, int arg)
{
    static const char *const marketing[] = {"no_consent", "unsubscribed", "subscribed", "archived"};
    static const char *const doi[] = {"no_status", "sent", "confirmed", "no_status"};
    buf_printf(b, "\"%s\"", (arg ? doi : marketing)[pick(view_dice(v, r, 69), 4)]);
}

const struct attr person_attrs[] = {
    ID,
    ATTR("name", attr_name, 0),
    ATTR("first_name", attr_name, 1),
    ATTR("last_name", attr_name, 2),
    STORED("owner_id", attr_link, LINK_OWNER, STORE_LINK0),
    STORED("org_id", attr_link, PERSON_ORG, STORE_LINK1),
    TIMES,
    ATTR("emails", attr_email_array, 0),
    ATTR("phones", attr_phone_array, 0),
    STORED("is_deleted", attr_deleted, 0, STORE_DELETED),
    STORED("visible_to", attr_visible_to, 0, STORE_VISIBLE_TO),
    ATTR("label_ids", attr_label_ids, 0),
    ATTR("picture_id", attr_dice_id, 49),
    FIXED("custom_fields", attr_custom_fields, 0),
    GATED("notes", person_contact, 0, SW_CONTACT_SYNC),
    GATED("im", person_contact, 1, SW_CONTACT_SYNC),
    GATED("birthday", person_contact, 2, SW_CONTACT_SYNC),
    GATED("job_title", person_contact, 3, SW_CONTACT_SYNC),
    GATED("postal_address", person_contact, 4, SW_CONTACT_SYNC),
    INCLUDE("next_activity_id", attr_dice_id, 50),
    INCLUDE("last_activity_id", attr_dice_id, 51),
    INCLUDE("open_deals_count", attr_dice_count, 70),
    INCLUDE("related_open_deals_count", attr_dice_count, 71),
    INCLUDE("closed_deals_count", attr_dice_count, 72),
    INCLUDE("related_closed_deals_count", attr_dice_count, 73),
    INCLUDE("participant_open_deals_count", attr_dice_count, 79),
    INCLUDE("participant_closed_deals_count", attr_dice_count, 80),
    INCLUDE("email_messages_count", attr_dice_count, 55),
    INCLUDE("activities_count", attr_activities_count, 0),
    INCLUDE("done_activities_count", attr_activities_count, 1),
    INCLUDE("undone_activities_count", attr_activities_count, 2),
    INCLUDE("files_count", attr_dice_count, 52),
    INCLUDE("notes_count", attr_dice_count, 53),
    INCLUDE("followers_count", attr_dice_count, 54),
    INCLUDE("won_deals_count", attr_dice_count, 75),
    INCLUDE("related_won_deals_count", attr_dice_count, 76),
    INCLUDE("lost_deals_count", attr_dice_count, 77),
    INCLUDE("related_lost_deals_count", attr_dice_count, 78),
    INCLUDE("last_incoming_mail_time", attr_dice_time, 57),
    INCLUDE("last_outgoing_mail_time", attr_dice_time, 58),
    INCLUDE("marketing_status", person_marketing, 0),
    INCLUDE("doi_status", person_marketing, 1),
    INCLUDE("smart_bcc_email", attr_smart_bcc, 0),
    {.name = "labels", .fn = attr_labels, .store = STORE_NEVER, .when = WHEN_LABELS},
    END,
};
