#include "cli/budget_report.h"
#include "cli/format.h"
#include "cli/ui.h"

void print_budget(const struct outlook *outlook)
{
    char share[FORMAT_BYTES], backfill[FORMAT_BYTES], pool[FORMAT_BYTES], used[FORMAT_BYTES],
        used_backfill[FORMAT_BYTES];
    ui_say("The budget is %s of the company's %s tokens in 24 hours, %s of them for first loads "
           "and histories; %s were used, %s of them for those.",
           format_count(outlook->share, share), format_count(outlook->pool, pool),
           format_count(outlook->backfill_share, backfill), format_count(outlook->used, used),
           format_count(outlook->used_backfill, used_backfill));
    if (outlook->text != NULL)
        ui_say("dealflow: %s", outlook->text);
}

void put_budget(struct json_writer *json, const struct outlook *outlook)
{
    json_begin_object(json, "budget");
    json_put_int(json, "pool", outlook->pool);
    json_put_int(json, "share", outlook->share);
    json_put_int(json, "backfill_share", outlook->backfill_share);
    json_put_int(json, "used", outlook->used);
    json_put_int(json, "used_backfill", outlook->used_backfill);
    json_end_object(json);
    json_begin_object(json, "dealflow");
    json_put_int(json, "backlog", outlook->backlog);
    if (outlook->new_a_day >= 0)
        json_put_int(json, "new_a_day", outlook->new_a_day);
    else
        json_put_null(json, "new_a_day");
    if (outlook->days >= 0)
        json_put_int(json, "days", outlook->days);
    else
        json_put_null(json, "days");
    json_put_string(json, "text", outlook->text);
    json_end_object(json);
}
