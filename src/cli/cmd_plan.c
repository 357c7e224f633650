#include "cli/budget_report.h"
#include "cli/commands.h"
#include "cli/format.h"
#include "cli/report.h"
#include "sync/commands.h"
#include "json/json.h"

#include <string.h>

static void put_known(struct json_writer *json, const char *key, int64_t value)
{
    if (value >= 0)
        json_put_int(json, key, value);
    else
        json_put_null(json, key);
}

static void put_part(struct json_writer *json, const char *name, const char *part, int64_t value)
{
    g_autofree char *key = g_strdup_printf("%s_%s", name, part);
    json_put_int(json, key, value);
}

static void put_range(struct json_writer *json, const char *name, struct plan_range range)
{
    put_part(json, name, "low", range.low);
    put_part(json, name, "likely", range.likely);
    put_part(json, name, "high", range.high);
}

static void put_price(struct json_writer *json, const struct plan_price *price)
{
    put_range(json, "calls", price->calls);
    put_range(json, "tokens", price->tokens);
    put_range(json, "seconds", price->seconds);
}

static void put_price_object(struct json_writer *json, const char *name,
                             const struct plan_price *price)
{
    json_begin_object(json, name);
    put_price(json, price);
    json_end_object(json);
}

static void put_pass(struct json_writer *json, const struct plan_table *table)
{
    if (table->pass.calls.high == 0)
        return;
    json_begin_object(json, "full_pass");
    json_put_int(json, "calls", table->pass.calls.high);
    json_put_int(json, "tokens", table->pass.tokens.high);
    json_put_bool(json, "due", table->pass_due);
    put_known(json, "due_in_s", table->pass_due_s);
    json_end_object(json);
}

static void put_table(struct json_writer *json, const struct plan_table *table)
{
    json_begin_object(json, NULL);
    json_put_string(json, "table", table->table);
    json_put_bool(json, "first_load", table->first_load);
    put_range(json, "rows", table->rows);
    put_price(json, &table->next);
    put_price_object(json, "day", &table->day);
    put_price_object(json, "refresh", &table->refresh);
    put_pass(json, table);
    json_put_string(json, "note", table->note);
    json_end_object(json);
}

static void put_days(struct json_writer *json, double days)
{
    char text[G_ASCII_DTOSTR_BUF_SIZE];
    if (days < 0) {
        json_put_null(json, "days");
        return;
    }
    g_ascii_formatd(text, sizeof text, "%.2f", days);
    json_put_raw(json, "days", text, strlen(text));
}

/* By the part of the budget that first loads may use. -1: never. */
static int64_t days_at_budget(const struct plan_report *plan, int64_t tokens)
{
    return outlook_days(tokens, 0, plan->outlook.backfill_share, 1);
}

static void print_json(const struct connection *connection, const struct plan_report *plan)
{
    struct json_writer json = {.out = g_string_new(NULL)};
    json_begin_object(&json, NULL);
    json_put_string(&json, "connection", connection->name);
    put_price(&json, &plan->next);
    put_days(&json, plan->days);
    put_known(&json, "budget_days_low", days_at_budget(plan, plan->next.tokens.low));
    put_known(&json, "budget_days_high", days_at_budget(plan, plan->next.tokens.high));
    put_price_object(&json, "day", &plan->day);
    put_price_object(&json, "refresh", &plan->refresh);
    put_price_object(&json, "idle", &plan->idle);
    json_put_int(&json, "full_pass_tokens", plan->pass_tokens);
    json_put_int(&json, "spent_tokens", plan->spent_tokens);
    put_known(&json, "burst_limit", plan->burst_limit);
    put_known(&json, "daily_limit", plan->daily_limit);
    put_known(&json, "daily_remaining", plan->daily_remaining);
    put_budget(&json, &plan->outlook);
    json_begin_array(&json, "tables");
    for (unsigned i = 0; i < plan->tables->len; i++)
        put_table(&json, &g_array_index(plan->tables, struct plan_table, i));
    json_end_array(&json);
    json_end_object(&json);
    ui_print_json(json.out);
}

static char *range_text(struct plan_range range)
{
    return format_range(range.low, range.high);
}

struct cost {
    const struct plan_price *next, *day, *refresh;
};

static void add_line(struct report *report, const char *name, const char *rows, struct cost cost,
                     const char *note)
{
    g_autofree char *calls = range_text(cost.next->calls);
    g_autofree char *tokens = range_text(cost.next->tokens);
    g_autofree char *day = range_text(cost.day->tokens);
    g_autofree char *refresh = range_text(cost.refresh->tokens);
    const char *cells[] = {name, rows, calls, tokens, day, refresh, note};
    report_add(report, cells);
}

static void add_table(struct report *report, const struct plan_table *table)
{
    g_autofree char *rows = table->rows.high > 0 ? range_text(table->rows) : NULL;
    const char *note = table->note != NULL ? table->note : table->first_load ? "first load" : "";
    add_line(report, table->table, rows, (struct cost){&table->next, &table->day, &table->refresh},
             note);
}

static void print_table(const struct ui *ui, const struct plan_report *plan)
{
    static const struct report_column columns[] = {
        {"TABLE", false, 0}, {"ROWS", true, 2},    {"CALLS", true, 3}, {"TOKENS", true, 0},
        {"A DAY", true, 1},  {"REFRESH", true, 4}, {"NOTE", false, 5}};
    struct report *report = report_new(ui, columns, G_N_ELEMENTS(columns));
    bool sampled = false;
    for (unsigned i = 0; i < plan->tables->len; i++) {
        const struct plan_table *table = &g_array_index(plan->tables, struct plan_table, i);
        sampled |= table->first_load && table->rows.low < table->rows.high;
        add_table(report, table);
    }
    add_line(report, "the whole run", NULL, (struct cost){&plan->next, &plan->day, &plan->refresh},
             "ranges of sums are narrower");
    report_print(report);
    report_free(report);
}

static void print_time(const struct plan_report *plan)
{
    char low[FORMAT_BYTES], high[FORMAT_BYTES];
    g_autofree char *tokens = range_text(plan->next.tokens);
    format_duration(plan->next.seconds.low, low);
    format_duration(plan->next.seconds.high, high);
    bool same = strcmp(low, high) == 0;
    ui_say("The next sync: %s tokens, %s%s%s at the speed that the API allows.", tokens, low,
           same ? "" : " to ", same ? "" : high);
}

static void print_others(const struct plan_report *plan)
{
    g_autofree char *idle = range_text(plan->idle.tokens);
    ui_say("A day is one run with what a day brings. A run when nothing changed, soon after "
           "another: %s tokens.",
           idle);
    ui_say("A refresh costs 1 or 2 tokens more for each row that is gone.");
}

static bool has_first_load(const struct plan_report *plan)
{
    for (unsigned i = 0; i < plan->tables->len; i++)
        if (g_array_index(plan->tables, struct plan_table, i).first_load)
            return true;
    return false;
}

/* What waits now; the line before it counts the deals, too, that come meanwhile. */
static void print_days(const struct plan_report *plan)
{
    char few[FORMAT_BYTES];
    if (plan->outlook.share == 0) {
        ui_say("At this budget a sync reads nothing: raise it (budget: per_day), or lower what is "
               "kept for others (budget: reserve).");
        return;
    }
    if (plan->outlook.backfill_share == 0 && has_first_load(plan)) {
        ui_say("At this budget no table is loaded for the first time: raise it (budget: "
               "backfill).");
        return;
    }
    int64_t low = days_at_budget(plan, plan->next.tokens.low);
    int64_t high = days_at_budget(plan, plan->next.tokens.high);
    const char *proviso = plan->outlook.new_a_day > 0 ? ", if no deal moves meanwhile" : "";
    if (high <= 1 || plan->outlook.days < 0)
        return;
    g_autofree char *days = format_plural(high, "day");
    if (low == high)
        ui_say("At this budget the next sync takes %s%s.", days, proviso);
    else
        ui_say("At this budget the next sync takes %s to %s%s.", format_count(low, few), days,
               proviso);
}

static void print_company(const struct plan_report *plan)
{
    char limit[FORMAT_BYTES], left[FORMAT_BYTES];
    if (plan->daily_limit > 0 && plan->daily_remaining >= 0)
        ui_say("The company has %s tokens a day, %s are left today.",
               format_count(plan->daily_limit, limit), format_count(plan->daily_remaining, left));
    if (plan->days >= 0)
        ui_say("The next sync is at most %.1f%% of a day's tokens.", plan->days * 100);
}

static void print_people(const struct ui *ui, const struct connection *connection,
                         const struct plan_report *plan)
{
    print_title(connection, "what the next sync costs");
    print_table(ui, plan);
    putchar('\n');
    print_time(plan);
    print_others(plan);
    print_company(plan);
    print_budget(&plan->outlook);
    print_days(plan);
    g_autofree char *spent = format_plural(plan->spent_tokens, "token");
    ui_say("This plan itself cost %s.", spent);
}

static int plan_one(const struct ui *ui, const struct connection *connection)
{
    struct plan_report plan = {0};
    g_autoptr(GError) error = NULL;
    if (!plan_run(&connection->settings, &plan, &error))
        return ui_fail(ui, connection->name, error);
    if (ui->options->json)
        print_json(connection, &plan);
    else
        print_people(ui, connection, &plan);
    plan_report_done(&plan);
    return 0;
}

int cmd_plan(const struct ui *ui)
{
    return for_each_connection(ui, NEEDS_DESTINATION | NEEDS_TOKEN, plan_one);
}
