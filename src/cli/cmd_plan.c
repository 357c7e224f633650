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

static void put_table(struct json_writer *json, const struct plan_table *table)
{
    json_begin_object(json, NULL);
    json_put_string(json, "table", table->table);
    json_put_bool(json, "first_load", table->first_load);
    json_put_int(json, "rows_low", table->rows_low);
    json_put_int(json, "rows_high", table->rows_high);
    json_put_int(json, "calls_low", table->calls_low);
    json_put_int(json, "calls_high", table->calls_high);
    json_put_int(json, "tokens_low", table->tokens_low);
    json_put_int(json, "tokens_high", table->tokens_high);
    if (table->pass_calls > 0) {
        json_begin_object(json, "full_pass");
        json_put_int(json, "calls", table->pass_calls);
        json_put_int(json, "tokens", table->pass_tokens);
        json_put_bool(json, "due", table->pass_due);
        put_known(json, "due_in_s", table->pass_due_s);
        json_end_object(json);
    }
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

/* At most; by the part that first loads may use. -1: never. */
static int64_t days_at_budget(const struct plan_report *plan)
{
    return outlook_days(plan->tokens_high, 0, plan->outlook.backfill_share, 1);
}

static void print_json(const struct connection *connection, const struct plan_report *plan)
{
    struct json_writer json = {.out = g_string_new(NULL)};
    json_begin_object(&json, NULL);
    json_put_string(&json, "connection", connection->name);
    json_put_int(&json, "calls_high", plan->calls_high);
    json_put_int(&json, "tokens_low", plan->tokens_low);
    json_put_int(&json, "tokens_high", plan->tokens_high);
    json_put_int(&json, "seconds", plan->seconds);
    put_days(&json, plan->days);
    json_put_int(&json, "full_pass_tokens", plan->pass_tokens);
    json_put_int(&json, "spent_tokens", plan->spent_tokens);
    put_known(&json, "burst_limit", plan->burst_limit);
    put_known(&json, "daily_limit", plan->daily_limit);
    put_known(&json, "daily_remaining", plan->daily_remaining);
    put_budget(&json, &plan->outlook);
    if (days_at_budget(plan) >= 0)
        json_put_int(&json, "budget_days", days_at_budget(plan));
    else
        json_put_null(&json, "budget_days");
    json_begin_array(&json, "tables");
    for (unsigned i = 0; i < plan->tables->len; i++)
        put_table(&json, &g_array_index(plan->tables, struct plan_table, i));
    json_end_array(&json);
    json_end_object(&json);
    ui_print_json(json.out);
}

static void add_table(struct report *report, const struct plan_table *table)
{
    g_autofree char *rows = format_range(table->rows_low, table->rows_high);
    g_autofree char *calls = format_range(table->calls_low, table->calls_high);
    g_autofree char *tokens = format_range(table->tokens_low, table->tokens_high);
    const char *note = table->note != NULL ? table->note : table->first_load ? "first load" : "";
    const char *cells[] = {table->table, rows, calls, tokens, note};
    report_add(report, cells);
}

static void print_price(const struct plan_report *plan)
{
    char calls[FORMAT_BYTES], time[FORMAT_BYTES], limit[FORMAT_BYTES], left[FORMAT_BYTES];
    g_autofree char *tokens = format_range(plan->tokens_low, plan->tokens_high);
    printf("\nAltogether %s tokens, at most %s calls, %s at the speed that the API allows.\n",
           tokens, format_count(plan->calls_high, calls), format_duration(plan->seconds, time));
    if (plan->daily_limit > 0 && plan->daily_remaining >= 0)
        printf("The company has %s tokens a day, %s are left today.\n",
               format_count(plan->daily_limit, limit), format_count(plan->daily_remaining, left));
    if (plan->days >= 0)
        printf("That is %.1f%% of a day's tokens.\n", plan->days * 100);
    if (plan->pass_tokens > 0) {
        g_autofree char *pass_calls = format_plural(plan->pass_calls, "call");
        g_autofree char *pass_tokens = format_plural(plan->pass_tokens, "token");
        printf(
            "A full pass of these tables (penstock refresh) takes about %s, %s, and 1 or 2 tokens "
            "for each row that is gone.\n",
            pass_calls, pass_tokens);
    }
    print_budget(&plan->outlook);
    int64_t days = days_at_budget(plan);
    if (days > 1) {
        g_autofree char *text = format_plural(days, "day");
        printf("At this budget it takes at most %s.\n", text);
    }
    g_autofree char *spent = format_plural(plan->spent_tokens, "token");
    printf("This plan itself cost %s.\n", spent);
}

static void print_people(const struct ui *ui, const struct connection *connection,
                         const struct plan_report *plan)
{
    static const struct report_column columns[] = {{"TABLE", false, 0},
                                                   {"ROWS", true, 1},
                                                   {"CALLS", true, 3},
                                                   {"TOKENS", true, 0},
                                                   {"NOTE", false, 2}};
    struct report *report = report_new(ui, columns, G_N_ELEMENTS(columns));
    for (unsigned i = 0; i < plan->tables->len; i++)
        add_table(report, &g_array_index(plan->tables, struct plan_table, i));
    print_title(connection, "what the next sync costs");
    report_print(report);
    report_free(report);
    print_price(plan);
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
