#include "cli/commands.h"
#include "cli/format.h"
#include "sync/commands.h"
#include "json/json.h"

#include <unistd.h>

static bool is_selected(const struct connection *connection, const char *table)
{
    return connection->tables == NULL ||
           g_strv_contains((const char *const *)connection->tables, table);
}

/* "drop 2 tables with 173,000 rows in sqlite:crm.db" */
static bool describe(const struct connection *connection, char **ret, GError **error)
{
    struct status_report status = {0};
    if (!status_run(&connection->settings, &status, error))
        return false;
    int64_t tables = 0, rows = 0;
    for (unsigned i = 0; i < status.tables->len; i++) {
        const struct status_table *table = &g_array_index(status.tables, struct status_table, i);
        int64_t all = table->rows + table->deleted;
        if ((!table->loaded && all == 0) || !is_selected(connection, table->table))
            continue;
        tables++;
        rows += all;
    }
    status_report_done(&status);
    g_autofree char *table_text = format_plural(tables, "table");
    g_autofree char *row_text = format_plural(rows, "row");
    *ret = tables > 0
               ? g_strdup_printf("drop %s with %s in %s", table_text, row_text,
                                 connection->destination)
               : g_strdup_printf("drop what is left of the tables in %s", connection->destination);
    return true;
}

/* 1 yes, 0 no, -1 nobody can be asked. */
static int ask(const char *question)
{
    if (isatty(STDIN_FILENO) != 1 || isatty(STDERR_FILENO) != 1)
        return -1;
    char answer[16] = "";
    fprintf(stderr, "%s? [y/N] ", question);
    fflush(stderr);
    if (fgets(answer, sizeof answer, stdin) == NULL) {
        fputc('\n', stderr);
        return 0;
    }
    g_strstrip(answer);
    return g_ascii_strcasecmp(answer, "y") == 0 || g_ascii_strcasecmp(answer, "yes") == 0;
}

/* The exit code, or -1 to go on. */
static int confirm(const struct ui *ui, const struct connection *connection)
{
    g_autofree char *question = NULL;
    g_autoptr(GError) error = NULL;
    if (ui->options->yes)
        return -1;
    if (!describe(connection, &question, &error))
        return ui_fail(ui, connection->name, error);
    switch (ask(question)) {
    case 1:
        return -1;
    case 0:
        fputs("penstock: nothing was dropped\n", stderr);
        return 1;
    default:
        break;
    }
    g_autofree char *text = g_strdup_printf("this would %s; add --yes to do it", question);
    ui_error(ui, connection->name, "config", text);
    return 2;
}

static void print_json(const struct connection *connection, unsigned dropped)
{
    struct json_writer json = {.out = g_string_new(NULL)};
    json_begin_object(&json, NULL);
    json_put_string(&json, "connection", connection->name);
    json_put_int(&json, "dropped", dropped);
    json_end_object(&json);
    ui_print_json(json.out);
}

static int reset_one(const struct ui *ui, const struct connection *connection)
{
    g_autoptr(GError) error = NULL;
    unsigned dropped = 0;
    int code = confirm(ui, connection);
    if (code >= 0)
        return code;
    if (!reset_run(&connection->settings, &dropped, &error))
        return ui_fail(ui, connection->name, error);
    if (ui->options->json) {
        print_json(connection, dropped);
    } else if (!ui->options->quiet && dropped == 0) {
        g_autofree char *text =
            g_strdup_printf("there was nothing to drop in %s", connection->destination);
        print_title(connection, text);
    } else if (!ui->options->quiet) {
        g_autofree char *tables = format_plural(dropped, "table");
        g_autofree char *text =
            g_strdup_printf("%s dropped in %s; the next sync loads %s anew", tables,
                            connection->destination, dropped == 1 ? "it" : "them");
        print_title(connection, text);
    }
    return 0;
}

int cmd_reset(const struct ui *ui)
{
    return for_each_connection(ui, NEEDS_DESTINATION | NEEDS_ONE_NAME, reset_one);
}
