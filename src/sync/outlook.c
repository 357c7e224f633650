#include "sync/outlook.h"

#include "base/format.h"
#include "pipedrive/catalog.h"
#include "sync/purse.h"

static void read_spent(struct outlook *ret, const struct sync_settings *settings,
                       struct memory *memory, int64_t company_id, int64_t now_s, int64_t limit)
{
    struct ledger *ledger =
        ledger_peek(settings->state_dir, company_id, g_hash_table_lookup(memory->states, "budget"));
    struct budget budget;
    const struct budget_log *log;

    budget_init(&budget, &settings->budget);
    log = ledger_look(ledger, now_s, &budget.remembered);
    budget_answer(&budget, 0, 0, limit, -1);
    ret->pool = budget_pool(&budget);
    ret->share = budget_share(&budget);
    ret->backfill_share = budget_backfill_share(&budget);
    ret->used = budget_log_used(log, false);
    ret->used_backfill = budget_log_used(log, true);
    ledger_free(ledger);
}

/* --- how fast the queue grows --- */

#define WEEK_DAYS 7

struct recent_deals {
    instant_t since;
    int64_t count;
};

/* Times of one deal: any of them within the week makes it one that was queued. */
static void take_deal(const struct cell *cells, void *opaque)
{
    struct recent_deals *recent = opaque;

    for (unsigned i = 0; i < 2; i++) {
        instant_t at;

        if (cells[i].kind == CELL_VALUE && instant_parse(cells[i].text, cells[i].length, &at) &&
            at >= recent->since) {
            recent->count++;
            return;
        }
    }
}

/* What the table of deals tells: how many were new or moved stage, or changed at all, in the week
 * before its bookmark. Without such a table nobody knows. */
static bool count_new(struct outlook *ret, const struct sync_settings *settings,
                      struct memory *memory, GError **error)
{
    const struct stream *deals = &catalog[STREAM_DEALS];
    g_autoptr(Table) table = fields_build_table(deals, NULL, memory->metadata);
    bool all = settings->dealflow == DEALFLOW_ALL;
    int times[] = {table_find_column(table, all ? "update_time" : "stage_change_time"),
                   table_find_column(table, "add_time")};
    const unsigned columns[] = {(unsigned)times[0], (unsigned)times[1]};
    struct read_query query = {.table = table,
                               .columns = columns,
                               .column_count = G_N_ELEMENTS(columns),
                               .where = -1,
                               .order_by = -1};
    struct recent_deals recent = {0};
    struct stream_state state;
    instant_t bookmark;

    if (!memory_is_selected(settings, deals) || times[0] < 0 || times[1] < 0)
        return true;
    if (!memory_stream(memory, deals, &state, error))
        return false;
    bookmark = stream_state_bookmark(&state, deals);
    stream_state_done(&state);
    if (bookmark == INSTANT_NONE)
        return true;
    recent.since = bookmark - WEEK_DAYS * BUDGET_DAY_S * INSTANT_SECOND;
    if (!destination_read(memory->dest, &query, take_deal, &recent, error))
        return false;
    ret->new_a_day = (recent.count + WEEK_DAYS / 2) / WEEK_DAYS;
    return true;
}

int64_t outlook_days(int64_t backlog, int64_t new_a_day, int64_t tokens_a_day, int cost_tokens)
{
    int64_t read_a_day = tokens_a_day / cost_tokens, less_a_day = read_a_day - MAX(new_a_day, 0);

    if (backlog <= 0)
        return 0;
    return less_a_day <= 0 ? -1 : (backlog + less_a_day - 1) / less_a_day;
}

static char *flow_text(const struct outlook *outlook, int cost)
{
    g_autofree char *new_ones =
        outlook->new_a_day > 0
            ? g_strdup_printf(" (%s new one%s a day)", COUNT_TEXT(outlook->new_a_day),
                              outlook->new_a_day == 1 ? "" : "s")
            : g_strdup("");

    if (outlook->backlog == 0)
        return NULL;
    if (outlook->days > 0)
        return g_strdup_printf("%s deal%s, %s day%s at today's budget%s",
                               COUNT_TEXT(outlook->backlog),
                               outlook->backlog == 1 ? " waits" : "s wait",
                               COUNT_TEXT(outlook->days), outlook->days == 1 ? "" : "s", new_ones);
    return g_strdup_printf("%s deals wait and it never catches up: %s a day are new, %s can be "
                           "read: raise the budget (per_day, backfill), or set dealflow to off",
                           COUNT_TEXT(outlook->backlog), COUNT_TEXT(MAX(outlook->new_a_day, 0)),
                           COUNT_TEXT(outlook->backfill_share / cost));
}

bool outlook_read(struct outlook *ret, const struct sync_settings *settings, struct memory *memory,
                  int64_t company_id, int64_t now_s, int64_t limit, GError **error)
{
    int cost = catalog[STREAM_DEALFLOW].lists[0].cost_tokens;

    *ret = (struct outlook){0};
    read_spent(ret, settings, memory, company_id, now_s, limit);
    ret->new_a_day = -1;
    if (!memory_is_selected(settings, &catalog[STREAM_DEALFLOW]))
        return true;
    if (!memory_backlog(memory, catalog[STREAM_DEALFLOW].name, &ret->backlog, error) ||
        (ret->backlog > 0 && !count_new(ret, settings, memory, error)))
        return false;
    ret->days = outlook_days(ret->backlog, ret->new_a_day, ret->backfill_share, cost);
    ret->text = flow_text(ret, cost);
    return true;
}

void outlook_done(struct outlook *outlook)
{
    g_clear_pointer(&outlook->text, g_free);
}

void outlook_book(const struct api *api, const struct sync_settings *settings, int64_t company_id,
                  int64_t tokens)
{
    struct purse purse;

    purse_open(&purse, &settings->budget, settings->state_dir, company_id, api_now(api));
    purse_answer(&purse, 0, 0, api->daily_limit, api->daily_remaining);
    purse_note(&purse, tokens);
    ledger_free(purse.ledger);
    g_free(purse.warning);
}
