/* The v2 shape of activities. Source: openapi-v2.yaml of 2026-08-18, schemas and examples of the
 * lists; `outcome`: official client of 2026-09-08. */
#include "attrs.h"
#include "shapes.h"
#include "text.h"
#include "times.h"

enum {
    DICE_TYPE = 107,
    DICE_LOCATION,
    DICE_MEETING,
    DICE_DUE = 115
};

static void activity_type(struct buf *b, const struct view *v, const struct record *r, int arg)
{
    const struct table *types = &v->company->tables[E_ACTIVITY_TYPE];
    (void)arg;
    if (!types->n) {
        BUF_LIT(b, "\"task\"");
        return;
    }
    const struct record *type = &types->rows[pick(view_dice(v, r, DICE_TYPE), types->n)];
    view_other(b, v, E_ACTIVITY_TYPE, type->id, "key_string");
}

/* arg 0 due_date, 1 due_time, 2 duration */
static void activity_due(struct buf *b, const struct view *v, const struct record *r, int arg)
{
    uint64_t hash = view_dice(v, r, DICE_DUE);
    if (arg == 0)
        date_write(b, activity_due_day(v->company, r) * DAY_S);
    else if (!chance(mix(hash, (uint64_t)arg), 70))
        BUF_LIT(b, "null");
    else if (arg == 1)
        buf_printf(b, "\"%02u:%02u:00\"", pick(hash, 24), pick(mix(hash, 3), 4) * 15);
    else
        buf_printf(b, "\"%02u:%02u:00\"", pick(hash, 3), 15 + pick(mix(hash, 4), 3) * 15);
}

static void activity_done(struct buf *b, const struct view *v, const struct record *r, int arg)
{
    (void)v, (void)arg;
    buf_bool(b, r->status);
}

static void activity_done_time(struct buf *b, const struct view *v, const struct record *r, int arg)
{
    (void)arg;
    time_write(b, r->status ? view_history_end(v, r) : 0, view_time_style(v));
}

static void activity_location(struct buf *b, const struct view *v, const struct record *r, int arg)
{
    uint64_t hash = view_dice(v, r, DICE_LOCATION);
    (void)arg;
    if (chance(hash, 40))
        write_address(b, hash, true);
    else
        BUF_LIT(b, "null");
}

static void activity_participants(struct buf *b, const struct view *v, const struct record *r,
                                  int arg)
{
    (void)v, (void)arg;
    if (r->link[LINK_PERSON])
        buf_printf(b, "[{\"person_id\":%d,\"primary\":true}]", r->link[LINK_PERSON]);
    else
        BUF_LIT(b, "[]");
}

static void activity_attendees(struct buf *b, const struct view *v, const struct record *r, int arg)
{
    uint64_t hash = view_dice(v, r, DICE_MEETING);
    (void)arg;
    if (!chance(hash, 30)) {
        BUF_LIT(b, "[]");
        return;
    }
    BUF_LIT(b, "[{\"email\":\"");
    text_slug(b, hash);
    BUF_LIT(b, "@example.com\",\"name\":\"");
    text_first_name(b, hash);
    BUF_LIT(b, "\",\"status\":\"accepted\",\"is_organizer\":false,\"person_id\":");
    attr_link(b, v, r, LINK_PERSON);
    BUF_LIT(b, ",\"user_id\":null}]");
}

/* arg 0 client, 1 url, 2 id */
static void activity_meeting(struct buf *b, const struct view *v, const struct record *r, int arg)
{
    uint64_t hash = view_dice(v, r, DICE_MEETING);
    if (!chance(hash, 15))
        BUF_LIT(b, "null");
    else if (arg == 0)
        BUF_LIT(b, "\"google_meet\"");
    else
        buf_printf(b, "\"%sabc-%u\"", arg == 1 ? "https://meet.example.com/" : "",
                   pick(mix(hash, 1), 10000));
}

const struct attr activity_attrs[] = {
    ID,
    ATTR("subject", attr_words, 41),
    ATTR("type", activity_type, 0),
    STORED("owner_id", attr_link, LINK_OWNER, STORE_LINK0),
    ATTR("creator_user_id", attr_creator, 42),
    STORED("is_deleted", attr_deleted, 0, STORE_DELETED),
    TIMES,
    STORED("deal_id", attr_link, LINK_DEAL, STORE_LINK1),
    ATTR("lead_id", attr_dice_uuid, 4305),
    STORED("person_id", attr_link, LINK_PERSON, STORE_LINK2),
    STORED("org_id", attr_link, LINK_ORG, STORE_LINK3),
    ATTR("project_id", attr_null, 0),
    ATTR("due_date", activity_due, 0),
    ATTR("due_time", activity_due, 1),
    ATTR("duration", activity_due, 2),
    ATTR("busy", attr_dice_flag, 4450),
    STORED("done", activity_done, 0, STORE_DONE),
    ATTR("marked_as_done_time", activity_done_time, 0),
    ATTR("location", activity_location, 0),
    ATTR("participants", activity_participants, 0),
    INCLUDE("attendees", activity_attendees, 0),
    ATTR("conference_meeting_client", activity_meeting, 0),
    ATTR("conference_meeting_url", activity_meeting, 1),
    ATTR("conference_meeting_id", activity_meeting, 2),
    ATTR("public_description", attr_html, 61),
    ATTR("priority", attr_dice_id, 62),
    GATED("outcome", attr_dice_id, 63, SW_ACTIVITY_OUTCOME),
    ATTR("note", attr_html, 64),
    END,
};
