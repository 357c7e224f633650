#include "cli/commands.h"
#include "cli/format.h"
#include "cli/report.h"
#include "sync/commands.h"
#include "json/json.h"

static bool is_there(const struct view_report *view)
{
    return view->result == VIEW_SAME || view->result == VIEW_REPLACED || view->result == VIEW_HELD;
}

static void put_view(struct json_writer *json, const struct view_report *view)
{
    json_begin_object(json, NULL);
    json_put_string(json, "view", view->name);
    json_put_string(json, "table", view->table);
    json_put_int(json, "columns", view->columns);
    json_put_int(json, "labels", view->labels);
    json_put_int(json, "names", view->names);
    json_put_bool(json, "changed", view->result == VIEW_REPLACED);
    json_end_object(json);
}

static void print_json(const struct connection *connection, const struct views_report *report)
{
    struct json_writer json = {.out = g_string_new(NULL)};
    json_begin_object(&json, NULL);
    json_put_string(&json, "connection", connection->name);
    json_put_int(&json, "dropped", report->dropped);
    json_begin_array(&json, "views");
    for (unsigned i = 0; i < report->views->len; i++) {
        const struct view_report *view = &g_array_index(report->views, struct view_report, i);
        if (is_there(view))
            put_view(&json, view);
    }
    json_end_array(&json);
    json_put_string(&json, "message", report->remark);
    json_end_object(&json);
    ui_print_json(json.out);
}

static void add_view(struct report *table, const struct view_report *view)
{
    char columns[FORMAT_BYTES], labels[FORMAT_BYTES], names[FORMAT_BYTES];
    const char *cells[] = {view->name, format_count(view->columns, columns),
                           format_count(view->labels, labels), format_count(view->names, names)};
    report_add(table, cells);
}

static void print_people(const struct ui *ui, const struct connection *connection,
                         const struct views_report *report)
{
    static const struct report_column columns[] = {
        {"VIEW", false, 0}, {"COLUMNS", true, 1}, {"LABELS", true, 2}, {"NAMES", true, 2}};
    struct report *table = report_new(ui, columns, G_N_ELEMENTS(columns));
    unsigned count = 0;
    for (unsigned i = 0; i < report->views->len; i++) {
        const struct view_report *view = &g_array_index(report->views, struct view_report, i);
        if (!is_there(view))
            continue;
        add_view(table, view);
        count++;
    }
    g_autofree char *views = format_plural(count, "view");
    g_autofree char *title = g_strdup_printf("%s in %s; every sync keeps them up to date", views,
                                             connection->destination);
    print_title(connection, title);
    report_print(table);
    report_free(table);
}

static void print_dropped(const struct connection *connection, unsigned dropped)
{
    g_autofree char *views = format_plural(dropped, "view");
    g_autofree char *text = g_strdup_printf("%s dropped in %s", views, connection->destination);
    print_title(connection, text);
}

static int views_one(const struct ui *ui, const struct connection *connection)
{
    struct views_report report;
    g_autoptr(GError) error = NULL;
    int code = 0;
    if (!views_run(&connection->settings, ui->options->drop, &report, &error))
        return ui_fail(ui, connection->name, error);
    if (ui->options->json)
        print_json(connection, &report);
    else if (ui->options->quiet)
        ;
    else if (ui->options->drop)
        print_dropped(connection, report.dropped);
    else
        print_people(ui, connection, &report);
    if (report.remark) {
        ui_error(ui, connection->name, "config", report.remark);
        code = 2;
    }
    views_report_done(&report);
    return code;
}

int cmd_views(const struct ui *ui)
{
    return for_each_connection(ui, NEEDS_DESTINATION, views_one);
}
