#include "cli/commands.h"
#include "cli/format.h"
#include "sync/commands.h"
#include "json/json.h"

static void put_known(struct json_writer *json, const char *key, int64_t value)
{
    if (value >= 0)
        json_put_int(json, key, value);
    else
        json_put_null(json, key);
}

/* The engine names the destination by its URL, which may hold a password. */
static void hide_password(char **text, const struct connection *connection)
{
    if (*text == NULL)
        return;
    GString *clean = g_string_new(*text);
    g_string_replace(clean, connection->url, connection->destination, 0);
    g_free(*text);
    *text = g_string_free(clean, FALSE);
}

static void print_json(const struct connection *connection, const struct check_report *report)
{
    struct json_writer json = {.out = g_string_new(NULL)};
    json_begin_object(&json, NULL);
    json_put_string(&json, "connection", connection->name);
    json_put_string(&json, "user", report->user_name);
    json_put_int(&json, "user_id", report->user_id);
    json_put_bool(&json, "is_admin", report->is_admin);
    json_put_string(&json, "company", report->company_name);
    json_put_string(&json, "company_domain", report->company_domain);
    json_put_int(&json, "company_id", report->company_id);
    put_known(&json, "burst_limit", report->burst_limit);
    put_known(&json, "daily_limit", report->daily_limit);
    put_known(&json, "daily_remaining", report->daily_remaining);
    json_put_string(&json, "destination", report->destination);
    json_put_bool(&json, "destination_ok", report->destination_ok);
    json_put_string(&json, "destination_error",
                    report->destination_error != NULL ? report->destination_error->message : NULL);
    json_put_bool(&json, "other_company", report->other_company);
    json_begin_array(&json, "gated");
    for (unsigned i = 0; report->gated != NULL && i < report->gated->len; i++)
        json_put_string(&json, NULL, report->gated->pdata[i]);
    json_end_array(&json);
    json_put_int(&json, "tokens", report->tokens);
    json_end_object(&json);
    ui_print_json(json.out);
}

static void print_line(const char *label, const char *text)
{
    g_autofree char *clean = text_clean(text);
    printf("  %-12s %s\n", label, clean);
}

static void print_budget(const struct check_report *report)
{
    char remaining[FORMAT_BYTES], limit[FORMAT_BYTES], burst[FORMAT_BYTES];
    g_autofree char *day = report->daily_remaining >= 0 && report->daily_limit >= 0
                               ? g_strdup_printf("%s of %s tokens left today",
                                                 format_count(report->daily_remaining, remaining),
                                                 format_count(report->daily_limit, limit))
                               : g_strdup("the API does not say what is left today");
    print_line("budget", day);
    if (report->burst_limit >= 0) {
        g_autofree char *text =
            g_strdup_printf("%s requests in 2 seconds", format_count(report->burst_limit, burst));
        print_line("speed", text);
    }
}

static void print_people(const struct connection *connection, const struct check_report *report)
{
    print_title(connection, report->destination_ok && !report->other_company ? "the API answers"
                                                                             : "needs attention");
    g_autofree char *user =
        g_strdup_printf("%s (id %" G_GINT64_FORMAT "), %s", report->user_name, report->user_id,
                        report->is_admin ? "administrator" : "not an administrator");
    g_autofree char *company =
        g_strdup_printf("%s (%s, id %" G_GINT64_FORMAT ")", report->company_name,
                        report->company_domain, report->company_id);
    print_line("user", user);
    print_line("company", company);
    print_budget(report);
    print_line("destination",
               report->destination != NULL ? report->destination : connection->destination);
    if (report->gated != NULL && report->gated->len > 0) {
        g_autoptr(GString) names = g_string_new(NULL);
        for (unsigned i = 0; i < report->gated->len; i++)
            g_string_append_printf(names, "%s%s", i > 0 ? ", " : "",
                                   (const char *)report->gated->pdata[i]);
        g_string_append(names, " (the company's plan does not include them)");
        print_line("left out", names->str);
    }
}

/* What needs a person, on standard error; the exit code. */
static int complain(const struct ui *ui, const struct connection *connection,
                    const struct check_report *report)
{
    int code = 0;
    if (!report->is_admin)
        ui_warning(ui, connection->name, NULL,
                   "the token's user is not an administrator: records that this user may not see "
                   "are missed "
                   "silently; take the token of an administrator");
    if (!report->destination_ok)
        code = ui_fail(ui, connection->name, report->destination_error);
    if (report->other_company) {
        ui_error(ui, connection->name, "config",
                 "the destination holds the tables of another company: take that company's token, "
                 "or another "
                 "destination or schema");
        code = 2;
    }
    return code;
}

static int check_one(const struct ui *ui, const struct connection *connection)
{
    struct check_report report = {0};
    g_autoptr(GError) error = NULL;
    if (!check_run(&connection->settings, &report, &error))
        return ui_fail(ui, connection->name, error);
    hide_password(&report.destination, connection);
    if (report.destination_error != NULL)
        hide_password(&report.destination_error->message, connection);
    if (ui->options->json)
        print_json(connection, &report);
    else if (!ui->options->quiet)
        print_people(connection, &report);
    int code = complain(ui, connection, &report);
    check_report_done(&report);
    return code;
}

int cmd_check(const struct ui *ui)
{
    return for_each_connection(ui, NEEDS_DESTINATION | NEEDS_TOKEN, check_one);
}
