#include "cli/commands.h"
#include "cli/format.h"
#include "cli/report.h"
#include "sync/commands.h"
#include "json/json.h"

#include <string.h>

/* --- JSON --- */

static void put_table(struct json_writer *json, const struct discover_table *table)
{
    json_begin_object(json, NULL);
    json_put_string(json, "table", table->name);
    json_put_string(json, "method", table->method);
    json_put_string(json, "key", table->key);
    json_put_string(json, "replication_key", table->replication_key);
    json_put_string(json, "source", table->source);
    json_put_int(json, "cost_tokens", table->cost_tokens);
    json_put_bool(json, "selected", table->selected);
    json_begin_array(json, "columns");
    for (unsigned i = 0; i < table->columns->len; i++) {
        const struct discover_column *column =
            &g_array_index(table->columns, struct discover_column, i);
        json_begin_object(json, NULL);
        json_put_string(json, "column", column->name);
        json_put_string(json, "type", column->type);
        json_put_string(json, "source", column->source);
        json_put_string(json, "comment", column->comment);
        json_end_object(json);
    }
    json_end_array(json);
    json_end_object(json);
}

static void print_json(const struct connection *connection, const GPtrArray *tables)
{
    struct json_writer json = {.out = g_string_new(NULL)};
    json_begin_object(&json, NULL);
    json_put_string(&json, "connection", connection->name);
    json_begin_array(&json, "tables");
    for (unsigned i = 0; i < tables->len; i++)
        put_table(&json, tables->pdata[i]);
    json_end_array(&json);
    json_end_object(&json);
    ui_print_json(json.out);
}

/* --- YAML --- */

/* Single quotes take any text but need their own doubled. */
static char *quoted(const char *text)
{
    g_auto(GStrv) parts = g_strsplit(text, "'", -1);
    g_autofree char *doubled = g_strjoinv("''", parts);
    return g_strdup_printf("'%s'", doubled);
}

static void print_optional(const char *key, const char *value)
{
    if (value == NULL)
        return;
    g_autofree char *text = quoted(value);
    printf("    %s: %s\n", key, text);
}

static void print_yaml_connection(const struct connection *connection)
{
    const char *token =
        connection->token_reference != NULL ? connection->token_reference : "env:" TOKEN_VARIABLE;
    g_autofree char *reference = quoted(token);
    g_autofree char *url = quoted(connection->url != NULL ? connection->url : "sqlite:crm.db");
    printf("  - name: %s\n    api_token: %s\n    destination: %s\n", connection->name, reference,
           url);
    print_optional("schema", connection->schema);
    print_optional("api_url", connection->api_url);
    printf("    # start_date: 01/31/2024   # first load: only what was changed since\n"
           "    # custom_fields: names     # names, keys or json\n"
           "    # metadata_columns: native # native, stitch, fivetran, airbyte or none\n"
           "    # dealflow: stages         # stages, all or off\n"
           "    # every: {hot: 0, archived: 6h, full: 24h}\n"
           "    # full_every: 7d\n"
           "    # deletes: flag            # flag, remove or ignore\n"
           "    # refresh_every: 14d       # full pass; or never\n"
           "    # budget: {per_day: 20%%, reserve: 5000, backfill: 50%%, tokens: 30000}\n");
}

static void print_yaml_table(const struct discover_table *table)
{
    g_autofree char *entry = g_strdup_printf("%s- %s", table->selected ? "  " : "# ", table->name);
    printf("    %-20s # %s%s%s, %u columns, %d tokens a call\n", entry, table->method,
           table->replication_key != NULL ? " by " : "",
           table->replication_key != NULL ? table->replication_key : "", table->columns->len,
           table->cost_tokens);
}

static void print_yaml(const struct connection *connection, const GPtrArray *tables)
{
    print_yaml_connection(connection);
    printf("    tables:\n");
    for (unsigned i = 0; i < tables->len; i++)
        print_yaml_table(tables->pdata[i]);
}

/* --- people --- */

static void print_columns(const struct ui *ui, const struct discover_table *table)
{
    static const struct report_column columns[] = {
        {"COLUMN", false, 0}, {"TYPE", false, 0}, {"NAME", false, 1}, {"SOURCE", false, 2}};
    struct report *report = report_new(ui, columns, G_N_ELEMENTS(columns));
    for (unsigned i = 0; i < table->columns->len; i++) {
        const struct discover_column *column =
            &g_array_index(table->columns, struct discover_column, i);
        const char *cells[] = {column->name, column->type, column->comment, column->source};
        report_add(report, cells);
    }
    printf("\n%s: %s\n", table->name, table->source);
    report_print(report);
    report_free(report);
}

static void print_tables(const struct ui *ui, const GPtrArray *tables)
{
    static const struct report_column columns[] = {
        {"TABLE", false, 0},  {"METHOD", false, 1}, {"REPLICATION KEY", false, 3},
        {"KEY", false, 5},    {"COLUMNS", true, 2}, {"TOKENS A CALL", true, 4},
        {"SOURCE", false, 6},
    };
    struct report *report = report_new(ui, columns, G_N_ELEMENTS(columns));
    for (unsigned i = 0; i < tables->len; i++) {
        const struct discover_table *table = tables->pdata[i];
        char count[FORMAT_BYTES], tokens[FORMAT_BYTES];
        if (!table->selected)
            continue;
        const char *cells[] = {table->name,
                               table->method,
                               table->replication_key,
                               table->key,
                               format_count(table->columns->len, count),
                               format_count(table->cost_tokens, tokens),
                               table->source};
        report_add(report, cells);
    }
    report_print(report);
    report_free(report);
}

static void print_people(const struct ui *ui, const struct connection *connection,
                         const GPtrArray *tables)
{
    print_title(connection, connection->token != NULL ? "tables with the company's custom fields"
                                                      : "tables (custom fields need a token)");
    print_tables(ui, tables);
    bool one_by_one = ui->options->tables != NULL || ui->options->verbose > 0;
    for (unsigned i = 0; one_by_one && i < tables->len; i++)
        if (((const struct discover_table *)tables->pdata[i])->selected)
            print_columns(ui, tables->pdata[i]);
    if (!one_by_one)
        printf("\nColumns: penstock discover --tables deals, or --json; to edit: --yaml\n");
}

static int discover_one(const struct ui *ui, const struct connection *connection)
{
    g_autoptr(GPtrArray) tables = NULL;
    g_autoptr(GError) error = NULL;
    if (!discover_run(&connection->settings, &tables, &error))
        return ui_fail(ui, connection->name, error);
    if (ui->options->json)
        print_json(connection, tables);
    else if (ui->options->yaml)
        print_yaml(connection, tables);
    else
        print_people(ui, connection, tables);
    return 0;
}

int cmd_discover(const struct ui *ui)
{
    if (ui->options->yaml)
        printf("# Written by penstock discover --yaml. Save it as penstock.yaml, take out the "
               "tables that you do not\n"
               "# need, then: penstock check; penstock plan; penstock sync\n"
               "connections:\n");
    return for_each_connection(ui, WANTS_TOKEN, discover_one);
}
