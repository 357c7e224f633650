#include "cli/summary.h"
#include "cli/format.h"
#include "cli/report.h"
#include "json/json.h"

#include <string.h>

static const struct table_result *table_at(const struct sync_result *result, unsigned i)
{
    return &g_array_index(result->tables, struct table_result, i);
}

static unsigned table_count(const struct sync_result *result)
{
    return result->tables != NULL ? result->tables->len : 0;
}

/* --- JSON --- */

static void put_table(struct json_writer *json, const struct table_result *table)
{
    const struct table_progress *progress = &table->progress;
    json_begin_object(json, NULL);
    json_put_string(json, "table", progress->table);
    json_put_string(json, "outcome", outcome_name(progress->outcome));
    json_put_int(json, "rows", progress->rows);
    json_put_int(json, "deleted", progress->deleted);
    json_put_int(json, "missing", progress->missing);
    json_put_int(json, "rejected", progress->rejected);
    json_put_int(json, "requests", progress->requests);
    json_put_int(json, "tokens", progress->tokens);
    json_put_string(json, "bookmark", progress->bookmark[0] != '\0' ? progress->bookmark : NULL);
    if (table->message != NULL)
        json_put_string(json, "message", table->message);
    json_end_object(json);
}

static void put_ending(struct json_writer *json, const struct sync_result *result)
{
    if (result->outcome == OUTCOME_FAILED) {
        json_begin_object(json, "error");
        json_put_string(json, "code", result->error_code);
        json_put_string(json, "message", result->message);
        json_end_object(json);
    } else if (result->message != NULL) {
        json_put_string(json, "message", result->message);
    }
    if (result->outcome == OUTCOME_PARKED)
        json_put_int(json, "resume_s", result->resume_s);
}

static GString *to_json(const struct sync_result *result)
{
    struct json_writer json = {.out = g_string_new(NULL)};
    char seconds[FORMAT_BYTES];
    g_snprintf(seconds, sizeof seconds, "%" G_GINT64_FORMAT ".%03d", result->wall_ms / 1000,
               (int)(result->wall_ms % 1000));
    json_begin_object(&json, NULL);
    json_put_string(&json, "connection", result->connection);
    json_put_string(&json, "outcome", outcome_name(result->outcome));
    json_put_int(&json, "requests", result->requests);
    json_put_int(&json, "tokens", result->tokens);
    json_put_int(&json, "rows", result->rows);
    json_put_raw(&json, "wall_s", seconds, strlen(seconds));
    put_ending(&json, result);
    json_begin_array(&json, "tables");
    for (unsigned i = 0; i < table_count(result); i++)
        put_table(&json, table_at(result, i));
    json_end_array(&json);
    json_end_object(&json);
    return json.out;
}

void summary_print_json(const struct sync_result *result)
{
    ui_print_json(to_json(result));
}

char *summary_json(const struct sync_result *result)
{
    return g_string_free(to_json(result), FALSE);
}

/* --- people --- */

static const char *color_of(enum outcome outcome)
{
    switch (outcome) {
    case OUTCOME_FAILED:
        return "red";
    case OUTCOME_STOPPED:
    case OUTCOME_PARKED:
        return "yellow";
    case OUTCOME_RUNNING:
    case OUTCOME_WAITING:
    case OUTCOME_DONE:
    case OUTCOME_NOT_DUE:
        return NULL;
    }
    g_assert_not_reached();
}

static const char *outcome_text(enum outcome outcome)
{
    return outcome == OUTCOME_WAITING ? "not reached" : outcome_name(outcome);
}

static void add_table(struct report *report, const struct table_progress *progress)
{
    char rows[FORMAT_BYTES], deleted[FORMAT_BYTES], rejected[FORMAT_BYTES], requests[FORMAT_BYTES],
        tokens[FORMAT_BYTES];
    const char *cells[] = {progress->table,
                           outcome_text(progress->outcome),
                           format_count(progress->rows, rows),
                           format_count(progress->deleted, deleted),
                           format_count(progress->rejected, rejected),
                           format_count(progress->requests, requests),
                           format_count(progress->tokens, tokens),
                           progress->bookmark};
    report_add(report, cells);
    if (color_of(progress->outcome) != NULL)
        report_color_last(report, color_of(progress->outcome));
}

static void print_tables(const struct ui *ui, const struct sync_result *result)
{
    static const struct report_column columns[] = {
        {"TABLE", false, 0},   {"OUTCOME", false, 0}, {"ROWS", true, 0},   {"DELETED", true, 4},
        {"REJECTED", true, 3}, {"REQUESTS", true, 5}, {"TOKENS", true, 1}, {"BOOKMARK", false, 2},
    };
    struct report *report = report_new(ui, columns, G_N_ELEMENTS(columns));
    for (unsigned i = 0; i < table_count(result); i++)
        add_table(report, &table_at(result, i)->progress);
    report_print(report);
    report_free(report);
}

static void print_totals(const struct sync_result *result)
{
    char elapsed[FORMAT_BYTES];
    g_autofree char *rows = format_plural(result->rows, "row");
    g_autofree char *requests = format_plural(result->requests, "request");
    g_autofree char *tokens = format_plural(result->tokens, "token");
    ui_say("%s in %s: %s, %s, %s", outcome_name(result->outcome),
           format_elapsed(result->wall_ms, elapsed), rows, requests, tokens);
}

static void print_remarks(const struct sync_result *result)
{
    for (unsigned i = 0; i < table_count(result); i++) {
        const struct table_result *table = table_at(result, i);
        if (table->message == NULL || table->progress.outcome == OUTCOME_FAILED)
            continue;
        g_autofree char *text = text_clean(table->message);
        ui_say("%s: %s", table->progress.table, text);
    }
}

static void print_failures(const struct ui *ui, const struct sync_result *result, const char *name)
{
    for (unsigned i = 0; i < table_count(result); i++) {
        const struct table_result *table = table_at(result, i);
        if (table->message == NULL || table->progress.outcome != OUTCOME_FAILED)
            continue;
        g_autofree char *text = g_strdup_printf("%s: %s", table->progress.table, table->message);
        ui_error(ui, name, "table", text);
    }
    if (result->outcome == OUTCOME_FAILED)
        ui_error(ui, name, result->error_code,
                 result->message != NULL ? result->message : "failed");
}

/* Stopped and parked are no failures: say when to come back. */
static void print_pause(const struct ui *ui, const struct sync_result *result, const char *name)
{
    char wait[FORMAT_BYTES];
    if (result->outcome != OUTCOME_PARKED && result->outcome != OUTCOME_STOPPED)
        return;
    g_autoptr(GString) text = g_string_new(result->message);
    if (result->resume_s > 0)
        g_string_append_printf(text, "; run again in %s", format_duration(result->resume_s, wait));
    /* Whoever wants only what went wrong wants to know why today's rows are not here. */
    if (ui->options->quiet)
        ui_error(ui, name, result->error_code, text->str);
    else
        ui_note(ui, name, text->str);
}

void summary_print(const struct ui *ui, const struct sync_result *result, bool with_name)
{
    const char *name = with_name || ui->json_log ? result->connection : NULL;
    if (!ui->options->quiet && !ui->options->json) {
        if (with_name)
            printf("%s\n", result->connection);
        print_tables(ui, result);
        print_totals(result);
        print_remarks(result);
        ui_show();
    }
    print_failures(ui, result, name);
    print_pause(ui, result, name);
}
