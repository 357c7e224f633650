/* The v2 shape of deals. Source: openapi-v2.yaml of 2026-08-18, schemas and examples of the lists;
 * order of keys as the examples have it. */
#include "attrs.h"
#include "shapes.h"
#include "text.h"
#include "times.h"

enum {
    DICE_VALUE = 100,
    DICE_WON = 102,
    DICE_REASON,
    DICE_CLOSE,
    DICE_ORIGIN,
    DICE_REVENUE,
};

static void deal_value(struct buf *b, const struct view *v, const struct record *r, int arg)
{
    (void)arg;
    money_literal(b, record_text_hash(v->company, v->entity, r, DICE_VALUE));
}

static void deal_pipeline_id(struct buf *b, const struct view *v, const struct record *r, int arg)
{
    int32_t pipeline = deal_pipeline(v->company, r);
    (void)arg;
    if (pipeline)
        buf_int(b, pipeline);
    else
        BUF_LIT(b, "null");
}

static void deal_status(struct buf *b, const struct view *v, const struct record *r, int arg)
{
    static const char *const words[] = {"\"open\"", "\"won\"", "\"lost\""};
    (void)arg;
    if (record_deleted(r) && !company_switch(v->company, SW_DELETED_STATUS))
        BUF_LIT(b, "\"deleted\"");
    else
        buf_str(b, words[r->status]);
}

static void deal_stage_change(struct buf *b, const struct view *v, const struct record *r, int arg)
{
    (void)arg;
    time_write(b, r->flags & REC_ADDED ? 0 : born_stage_change(v->company, r), view_time_style(v));
}

/* When a deal that is closed was closed. */
static int64_t deal_closed(const struct view *v, const struct record *r)
{
    int64_t update = view_history_end(v, r);
    int64_t add = r->add_time;
    uint64_t part = view_dice(v, r, DICE_WON) % 1000;
    return update <= add ? add : update - (update - add) * (int64_t)part / 4000;
}

enum {
    AS_TIME,
    AS_DATE
};

/* arg: the status that it belongs to (DEAL_OPEN: any closed one) × 2 + spelling. */
static void deal_close(struct buf *b, const struct view *v, const struct record *r, int arg)
{
    static const char *const keys[] = {"close_time", "won_time", "lost_time"};
    const char *edited = r->edits ? record_edit(r, keys[arg / 2]) : NULL;
    int64_t when;
    char text[24] = "";

    if (edited && strlen(edited) == 22)
        memcpy(text, edited + 1, 20);
    if (edited) {
        if (!time_parse(text, &when))
            when = 0;
    } else {
        bool applies = arg / 2 == DEAL_OPEN ? r->status != DEAL_OPEN : r->status == arg / 2;
        when = applies ? deal_closed(v, r) : 0;
    }
    if (!when)
        BUF_LIT(b, "null");
    else if (arg % 2 == AS_DATE)
        date_write(b, when);
    else
        time_write(b, when, view_time_style(v));
}

static void deal_archive_time(struct buf *b, const struct view *v, const struct record *r, int arg)
{
    (void)arg;
    bool archived = r->flags & REC_ARCHIVED;
    time_write(b, archived ? view_history_end(v, r) : 0, view_time_style(v));
}

static void deal_archived(struct buf *b, const struct view *v, const struct record *r, int arg)
{
    (void)v, (void)arg;
    buf_bool(b, r->flags & REC_ARCHIVED);
}

static void deal_probability(struct buf *b, const struct view *v, const struct record *r, int arg)
{
    uint64_t hash = view_dice(v, r, DICE_REASON);
    (void)arg;
    if (chance(hash, 30))
        buf_int(b, (int64_t)pick(mix(hash, 1), 101));
    else
        BUF_LIT(b, "null");
}

static void deal_lost_reason(struct buf *b, const struct view *v, const struct record *r, int arg)
{
    (void)arg;
    if (r->status == DEAL_LOST && chance(view_dice(v, r, DICE_REASON), 80))
        write_text(b, v, r, DICE_REASON, 3);
    else
        BUF_LIT(b, "null");
}

static void deal_expected_close(struct buf *b, const struct view *v, const struct record *r,
                                int arg)
{
    uint64_t hash = view_dice(v, r, DICE_CLOSE);
    (void)arg;
    if (chance(hash, 60))
        date_write(b, (int64_t)r->add_time + (int64_t)pick(mix(hash, 1), 200) * DAY_S);
    else
        BUF_LIT(b, "null");
}

/* arg 0 origin, 1 origin_id, 2 channel, 3 channel_id */
static void deal_origin(struct buf *b, const struct view *v, const struct record *r, int arg)
{
    static const char *const origins[] = {"ManuallyCreated", "API", "Import", "WebForms"};
    uint64_t hash = view_dice(v, r, DICE_ORIGIN);
    uint32_t origin = pick(hash, 4);
    if (arg == 0)
        buf_printf(b, "\"%s\"", origins[origin]);
    else if (arg == 1 && origin == 3)
        buf_printf(b, "\"form-%u\"", pick(mix(hash, 1), 1000));
    else if (arg == 2 && origin == 2)
        buf_int(b, 52);
    else if (arg == 3 && origin == 2)
        BUF_LIT(b, "\"Jun23 Billboards\"");
    else
        BUF_LIT(b, "null");
}

static void deal_revenue(struct buf *b, const struct view *v, const struct record *r, int arg)
{
    uint64_t hash = view_dice(v, r, DICE_REVENUE);
    if (!chance(hash, 25))
        BUF_LIT(b, "null");
    else
        buf_decimal(b, (int64_t)pick(mix(hash, 1), 10000) * 12 / arg, 1);
}

static void deal_products_count(struct buf *b, const struct view *v, const struct record *r,
                                int arg)
{
    uint32_t from, to = company_of_deal(v->company, E_LINE, r->id, &from);
    (void)arg;
    buf_int(b, (int64_t)(to - from));
}

const struct attr deal_attrs[] = {
    ID,
    ATTR("title", attr_words, 41),
    ATTR("creator_user_id", attr_creator, 42),
    STORED("owner_id", attr_link, LINK_OWNER, STORE_LINK0),
    ATTR("value", deal_value, 0),
    STORED("person_id", attr_link, DEAL_PERSON, STORE_LINK1),
    STORED("org_id", attr_link, DEAL_ORG, STORE_LINK2),
    STORED("stage_id", attr_link, DEAL_STAGE, STORE_LINK3),
    STORED("pipeline_id", deal_pipeline_id, 0, STORE_PIPELINE),
    ATTR("currency", attr_currency, 0),
    ATTR("archive_time", deal_archive_time, 0),
    TIMES,
    ATTR("stage_change_time", deal_stage_change, 0),
    STORED("status", deal_status, 0, STORE_STATUS),
    STORED("is_archived", deal_archived, 0, STORE_ARCHIVED),
    STORED("is_deleted", attr_deleted, 0, STORE_DELETED),
    ATTR("probability", deal_probability, 0),
    ATTR("lost_reason", deal_lost_reason, 0),
    STORED("visible_to", attr_visible_to, 0, STORE_VISIBLE_TO),
    ATTR("close_time", deal_close, DEAL_OPEN * 2 + AS_TIME),
    {.name = "won_time", .fn = deal_close, .arg = DEAL_WON * 2 + AS_TIME, .may_be_absent = true},
    {.name = "lost_time", .fn = deal_close, .arg = DEAL_LOST * 2 + AS_TIME, .may_be_absent = true},
    ATTR("local_won_date", deal_close, DEAL_WON * 2 + AS_DATE),
    ATTR("local_lost_date", deal_close, DEAL_LOST * 2 + AS_DATE),
    ATTR("local_close_date", deal_close, DEAL_OPEN * 2 + AS_DATE),
    {.name = "expected_close_date", .fn = deal_expected_close, .may_be_absent = true},
    ATTR("label_ids", attr_label_ids, 0),
    ATTR("origin", deal_origin, 0),
    ATTR("origin_id", deal_origin, 1),
    ATTR("channel", deal_origin, 2),
    ATTR("channel_id", deal_origin, 3),
    GATED("acv", deal_revenue, 1, SW_REVENUE_FIELDS),
    GATED("arr", deal_revenue, 1, SW_REVENUE_FIELDS),
    GATED("mrr", deal_revenue, 12, SW_REVENUE_FIELDS),
    FIXED("custom_fields", attr_custom_fields, 0),
    INCLUDE("next_activity_id", attr_dice_id, 50),
    INCLUDE("last_activity_id", attr_dice_id, 51),
    INCLUDE("first_won_time", deal_close, DEAL_WON * 2 + AS_TIME),
    {.name = "products_count",
     .fn = deal_products_count,
     .store = STORE_NEVER,
     .when = WHEN_INCLUDED},
    INCLUDE("files_count", attr_dice_count, 52),
    INCLUDE("notes_count", attr_dice_count, 53),
    INCLUDE("followers_count", attr_dice_count, 54),
    INCLUDE("email_messages_count", attr_dice_count, 55),
    INCLUDE("activities_count", attr_activities_count, 0),
    INCLUDE("done_activities_count", attr_activities_count, 1),
    INCLUDE("undone_activities_count", attr_activities_count, 2),
    INCLUDE("participants_count", attr_dice_count, 56),
    INCLUDE("last_incoming_mail_time", attr_dice_time, 57),
    INCLUDE("last_outgoing_mail_time", attr_dice_time, 58),
    INCLUDE("smart_bcc_email", attr_smart_bcc, 0),
    INCLUDE("source_lead_id", attr_dice_uuid, 5910),
    {.name = "labels", .fn = attr_labels, .store = STORE_NEVER, .when = WHEN_LABELS},
    END,
};
