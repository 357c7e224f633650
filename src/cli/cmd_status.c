#include "cli/budget_report.h"
#include "cli/commands.h"
#include "cli/format.h"
#include "cli/report.h"
#include "sync/commands.h"
#include "json/json.h"

/* --- which tables lag --- */

static bool is_selected(const struct connection *connection, const char *table)
{
    return connection->tables == NULL ||
           g_strv_contains((const char *const *)connection->tables, table);
}

/* What is asked for once a day may be a day older than the rest. */
static bool lags(const struct ui *ui, const struct connection *connection,
                 const struct status_table *table)
{
    return ui->options->max_lag_s >= 0 && is_selected(connection, table->table) &&
           (!table->loaded || table->lag_s < 0 ||
            table->lag_s - table->every_s > ui->options->max_lag_s);
}

/* One line for monitoring; the exit code. */
static int complain(const struct ui *ui, const struct connection *connection,
                    const struct status_report *status)
{
    char lag[FORMAT_BYTES], most[FORMAT_BYTES];
    g_autoptr(GString) late = g_string_new(NULL);
    unsigned count = 0;
    for (unsigned i = 0; i < status->tables->len; i++) {
        const struct status_table *table = &g_array_index(status->tables, struct status_table, i);
        if (!lags(ui, connection, table))
            continue;
        bool never = !table->loaded || table->lag_s < 0;
        g_string_append_printf(late, "%s%s %s%s", count++ > 0 ? ", " : "", table->table,
                               never ? "was never synced" : "lags ",
                               never ? "" : format_duration(table->lag_s, lag));
    }
    if (count == 0)
        return 0;
    g_string_append_printf(late, " (at most %s is allowed after it was due): run penstock sync",
                           format_duration(ui->options->max_lag_s, most));
    ui_error(ui, connection->name, "lag", late->str);
    return 1;
}

/* --- output --- */

static void put_text(struct json_writer *json, const char *key, const char *text)
{
    json_put_string(json, key, text != NULL && *text != '\0' ? text : NULL);
}

static void put_table(struct json_writer *json, const struct status_table *table)
{
    json_begin_object(json, NULL);
    json_put_string(json, "table", table->table);
    json_put_bool(json, "loaded", table->loaded);
    json_put_int(json, "rows", table->rows);
    json_put_int(json, "deleted", table->deleted);
    put_text(json, "bookmark", table->bookmark);
    put_text(json, "last_run", table->last_run);
    if (table->lag_s >= 0)
        json_put_int(json, "lag_s", table->lag_s);
    else
        json_put_null(json, "lag_s");
    put_text(json, "last_outcome", table->last_outcome);
    json_put_int(json, "backlog", table->backlog);
    put_text(json, "last_full_pass", table->last_pass);
    if (table->pass_due_s >= 0)
        json_put_int(json, "full_pass_due_in_s", table->pass_due_s);
    else
        json_put_null(json, "full_pass_due_in_s");
    if (table->pass_open)
        json_put_int(json, "full_pass_rows", table->pass_rows);
    json_end_object(json);
}

static void print_json(const struct ui *ui, const struct connection *connection,
                       const struct status_report *status)
{
    struct json_writer json = {.out = g_string_new(NULL)};
    json_begin_object(&json, NULL);
    json_put_string(&json, "connection", connection->name);
    json_put_string(&json, "company", status->company);
    if (status->company != NULL)
        json_put_int(&json, "company_id", status->company_id);
    else
        json_put_null(&json, "company_id");
    if (status->max_lag_s >= 0)
        json_put_int(&json, "max_lag_s", status->max_lag_s);
    else
        json_put_null(&json, "max_lag_s");
    put_budget(&json, &status->outlook);
    json_begin_array(&json, "lagging");
    for (unsigned i = 0; i < status->tables->len; i++) {
        const struct status_table *table = &g_array_index(status->tables, struct status_table, i);
        if (lags(ui, connection, table))
            json_put_string(&json, NULL, table->table);
    }
    json_end_array(&json);
    json_begin_array(&json, "tables");
    for (unsigned i = 0; i < status->tables->len; i++)
        put_table(&json, &g_array_index(status->tables, struct status_table, i));
    json_end_array(&json);
    json_end_object(&json);
    ui_print_json(json.out);
}

/* When the next full pass is due, or how far the one under way is. */
static const char *format_pass(const struct status_table *table, char text[2 * FORMAT_BYTES])
{
    char count[FORMAT_BYTES];
    if (table->pass_open)
        g_snprintf(text, 2 * FORMAT_BYTES, "at row %s", format_count(table->pass_rows, count));
    else if (table->pass_due_s > 0)
        g_snprintf(text, 2 * FORMAT_BYTES, "in %s", format_duration(table->pass_due_s, count));
    else
        g_strlcpy(text, table->pass_due_s == 0 ? "due" : "", 2 * FORMAT_BYTES);
    return text;
}

static void add_table(const struct ui *ui, const struct connection *connection,
                      struct report *report, const struct status_table *table)
{
    char rows[FORMAT_BYTES], deleted[FORMAT_BYTES], lag[FORMAT_BYTES], backlog[FORMAT_BYTES];
    char pass[2 * FORMAT_BYTES];
    const char *cells[] = {
        table->table,
        table->lag_s >= 0 ? format_duration(table->lag_s, lag) : "never synced",
        format_count(table->rows, rows),
        format_count(table->deleted, deleted),
        table->bookmark,
        table->last_run,
        table->backlog > 0 ? format_count(table->backlog, backlog) : "",
        table->last_outcome,
        format_pass(table, pass),
    };
    report_add(report, cells);
    if (lags(ui, connection, table))
        report_color_last(report, "red");
}

static void print_people(const struct ui *ui, const struct connection *connection,
                         const struct status_report *status)
{
    static const struct report_column columns[] = {
        {"TABLE", false, 0},  {"LAG", true, 0},       {"ROWS", true, 1},
        {"DELETED", true, 6}, {"BOOKMARK", false, 5}, {"LAST RUN", false, 4},
        {"BACKLOG", true, 3}, {"ENDED", false, 2},    {"FULL PASS", true, 7},
    };
    if (status->company == NULL) {
        print_title(connection, "never synced; start with penstock plan, then penstock sync");
        return;
    }
    g_autofree char *title = g_strdup_printf("%s (id %" G_GINT64_FORMAT ") in %s", status->company,
                                             status->company_id, connection->destination);
    print_title(connection, title);
    struct report *report = report_new(ui, columns, G_N_ELEMENTS(columns));
    for (unsigned i = 0; i < status->tables->len; i++) {
        const struct status_table *table = &g_array_index(status->tables, struct status_table, i);
        if (is_selected(connection, table->table) || table->loaded)
            add_table(ui, connection, report, table);
    }
    report_print(report);
    report_free(report);
    print_budget(&status->outlook);
}

static int status_one(const struct ui *ui, const struct connection *connection)
{
    struct status_report status = {0};
    g_autoptr(GError) error = NULL;
    if (!status_run(&connection->settings, &status, &error))
        return ui_fail(ui, connection->name, error);
    if (ui->options->json)
        print_json(ui, connection, &status);
    else if (!ui->options->quiet)
        print_people(ui, connection, &status);
    int code = 0;
    if (ui->options->max_lag_s >= 0 && status.company == NULL) {
        ui_error(ui, connection->name, "lag", "was never synced: run penstock sync");
        code = 1;
    } else {
        code = complain(ui, connection, &status);
    }
    status_report_done(&status);
    return code;
}

int cmd_status(const struct ui *ui)
{
    return for_each_connection(ui, NEEDS_DESTINATION, status_one);
}
