#include "cli/commands.h"
#include "cli/format.h"
#include "cli/report.h"
#include "sync/commands.h"
#include "json/json.h"

#define SAMPLE_DEFAULT  100
#define LINES_SHOWN     20
#define VALUE_COLUMNS   40
#define COMPARE_COLUMNS 11

/* --- JSON --- */

static void put_table(struct json_writer *json, const struct verify_table *table)
{
    json_begin_object(json, NULL);
    json_put_string(json, "table", table->table);
    json_put_int(json, "rows", table->rows);
    json_put_int(json, "deleted", table->deleted);
    json_put_bool(json, "whole", table->whole);
    json_put_int(json, "sampled", table->sampled);
    json_put_int(json, "equal", table->equal);
    json_put_int(json, "drifted", table->drifted);
    json_put_int(json, "newer", table->newer);
    json_put_int(json, "different", table->different);
    json_put_int(json, "missing", table->missing);
    json_put_int(json, "gone", table->gone);
    json_put_bool(json, "failed", table->failed);
    json_put_string(json, "note", table->note);
    json_end_object(json);
}

static void put_difference(struct json_writer *json, const struct verify_difference *difference)
{
    json_begin_object(json, NULL);
    json_put_string(json, "table", difference->table);
    json_put_int(json, "id", difference->id);
    json_put_string(json, "finding", finding_name(difference->finding));
    json_put_string(json, "column", difference->column);
    json_put_string(json, "stored", difference->stored);
    json_put_string(json, "pipedrive", difference->sent);
    json_end_object(json);
}

static void print_json(const struct connection *connection, const struct verify_settings *how,
                       const struct verify_report *report)
{
    struct json_writer json = {.out = g_string_new(NULL)};
    json_begin_object(&json, NULL);
    json_put_string(&json, "connection", connection->name);
    json_put_bool(&json, "same", report->same);
    json_put_int(&json, "sample", how->sample);
    json_put_int(&json, "seed", how->seed);
    json_put_int(&json, "requests_high", report->requests_high);
    json_put_int(&json, "tokens_high", report->tokens_high);
    json_put_int(&json, "requests", report->requests);
    json_put_int(&json, "tokens", report->tokens);
    json_begin_array(&json, "tables");
    for (unsigned i = 0; i < report->tables->len; i++)
        put_table(&json, &g_array_index(report->tables, struct verify_table, i));
    json_end_array(&json);
    json_begin_array(&json, "differences");
    for (unsigned i = 0; i < report->differences->len; i++)
        put_difference(&json, &g_array_index(report->differences, struct verify_difference, i));
    json_end_array(&json);
    json_end_object(&json);
    ui_print_json(json.out);
}

/* --- for people --- */

static void add_table(const struct ui *ui, struct report *report, const struct verify_table *table)
{
    char texts[COMPARE_COLUMNS][FORMAT_BYTES];
    const int64_t counts[] = {table->rows,      table->deleted, table->sampled,
                              table->equal,     table->drifted, table->newer,
                              table->different, table->missing, table->gone};
    const char *cells[COMPARE_COLUMNS] = {table->table};
    for (unsigned i = 0; i < G_N_ELEMENTS(counts); i++)
        cells[i + 1] = format_count(counts[i], texts[i]);
    cells[COMPARE_COLUMNS - 1] = table->note != NULL ? table->note
                                 : table->whole      ? "all records"
                                                     : "a sample";
    report_add(report, cells);
    if (ui->color_out && (table->failed || table->different + table->missing > 0))
        report_color_last(report, "red");
}

static void print_table(const struct ui *ui, const struct verify_report *verify)
{
    static const struct report_column columns[COMPARE_COLUMNS] = {
        {"TABLE", false, 0},  {"ROWS", true, 5},  {"DELETED", true, 9},  {"SAMPLED", true, 1},
        {"EQUAL", true, 6},   {"DRIFT", true, 7}, {"NEWER", true, 8},    {"DIFFERENT", true, 0},
        {"MISSING", true, 0}, {"GONE", true, 2},  {"COMPARED", false, 3}};
    struct report *report = report_new(ui, columns, COMPARE_COLUMNS);
    for (unsigned i = 0; i < verify->tables->len; i++)
        add_table(ui, report, &g_array_index(verify->tables, struct verify_table, i));
    report_print(report);
    report_free(report);
}

/* A value on one line, cut where it is long. */
static char *value_text(const char *value)
{
    if (value == NULL)
        return g_strdup("null");
    char *text = text_clean(value);
    if (text_width(text) <= VALUE_COLUMNS)
        return text;
    text_cut(text, VALUE_COLUMNS - 3);
    char *cut = g_strconcat(text, "...", NULL);
    g_free(text);
    return cut;
}

static const char *record_text(enum verify_finding finding)
{
    switch (finding) {
    case FINDING_MISSING:
        return "Pipedrive has it, it is not stored";
    case FINDING_FLAGGED:
        return "flagged as deleted here, Pipedrive has it";
    case FINDING_DELETED:
        return "deleted in Pipedrive, not flagged here";
    case FINDING_GONE:
        return "stored, Pipedrive does not show it: penstock refresh settles that";
    case FINDING_DIFFERENT:
    case FINDING_DRIFT:
        break;
    }
    return "";
}

static void print_difference(const struct verify_difference *difference)
{
    if (difference->column == NULL) {
        printf("  %s %" G_GINT64_FORMAT ": %s\n", difference->table, difference->id,
               record_text(difference->finding));
        return;
    }
    g_autofree char *column = text_clean(difference->column);
    g_autofree char *stored = value_text(difference->stored);
    g_autofree char *sent = value_text(difference->sent);
    printf("  %s %" G_GINT64_FORMAT ", %s: stored %s, Pipedrive has %s%s\n", difference->table,
           difference->id, column, stored, sent,
           difference->finding == FINDING_DRIFT ? " (drift)" : "");
}

static bool is_harmless(enum verify_finding finding)
{
    return finding == FINDING_DRIFT || finding == FINDING_GONE;
}

/* What is wrong first, what only drifts after it. */
static void print_differences(const struct verify_report *verify)
{
    unsigned shown = 0;
    for (int harmless = 0; harmless <= 1; harmless++)
        for (unsigned i = 0; i < verify->differences->len && shown < LINES_SHOWN; i++) {
            const struct verify_difference *difference =
                &g_array_index(verify->differences, struct verify_difference, i);
            if (is_harmless(difference->finding) != (harmless == 1))
                continue;
            if (shown++ == 0)
                printf("\n");
            print_difference(difference);
        }
    if (verify->differences->len > shown)
        printf("  and %s more: --json prints all\n", COUNT_TEXT(verify->differences->len - shown));
}

static const char *verdict(const struct verify_report *verify)
{
    int64_t sampled = 0, wrong = 0;
    for (unsigned i = 0; i < verify->tables->len; i++) {
        const struct verify_table *table = &g_array_index(verify->tables, struct verify_table, i);
        sampled += table->sampled;
        wrong += table->different + table->missing;
    }
    return wrong > 0       ? "not the same as in Pipedrive"
           : !verify->same ? "not every table was compared"
           : sampled == 0  ? "nothing was compared"
                           : "what was compared is the same";
}

static void print_people(const struct ui *ui, const struct connection *connection,
                         const struct verify_settings *how, const struct verify_report *verify)
{
    g_autofree char *tokens = format_plural(verify->tokens, "token");
    g_autofree char *requests = format_plural(verify->requests, "request");
    print_title(connection, verdict(verify));
    print_table(ui, verify);
    print_differences(verify);
    ui_say("\n%s, %s. The same choice again: --sample %u --seed %u", requests, tokens, how->sample,
           how->seed);
}

/* --- the command --- */

struct announcing {
    const struct ui *ui;
    const struct connection *connection;
};

static void announce(void *opaque, int64_t requests, int64_t tokens)
{
    const struct announcing *announcing = opaque;
    g_autofree char *calls = format_plural(requests, "request");
    g_autofree char *price = format_plural(tokens, "token");
    g_autofree char *text = g_strdup_printf("verify will make at most %s for %s", calls, price);
    ui_note(announcing->ui, announcing->connection->name, text);
}

/* "deals (3 different), persons (1 missing)"; NULL when nothing differs. */
static char *what_differs(const struct verify_report *report)
{
    GString *text = g_string_new(NULL);
    for (unsigned i = 0; i < report->tables->len; i++) {
        const struct verify_table *table = &g_array_index(report->tables, struct verify_table, i);
        char different[FORMAT_BYTES], missing[FORMAT_BYTES];
        if (table->different + table->missing == 0)
            continue;
        g_string_append_printf(text, "%s%s (", text->len > 0 ? ", " : "", table->table);
        if (table->different > 0)
            g_string_append_printf(text, "%s different%s",
                                   format_count(table->different, different),
                                   table->missing > 0 ? ", " : "");
        if (table->missing > 0)
            g_string_append_printf(text, "%s missing", format_count(table->missing, missing));
        g_string_append_c(text, ')');
    }
    return g_string_free(text, text->len == 0);
}

static void complain(const struct ui *ui, const struct connection *connection,
                     const struct verify_report *report)
{
    if (!report->is_admin)
        ui_warning(ui, connection->name, NULL,
                   "the token's user is not an administrator: records that this user may not see "
                   "count as gone");
    for (unsigned i = 0; i < report->tables->len; i++) {
        const struct verify_table *table = &g_array_index(report->tables, struct verify_table, i);
        g_autofree char *text = g_strdup_printf("%s was not compared: %s", table->table,
                                                table->note != NULL ? table->note : "");
        if (table->failed)
            ui_error(ui, connection->name, "failed", text);
    }
    g_autofree char *tables = what_differs(report);
    if (tables == NULL)
        return;
    g_autofree char *text = g_strdup_printf(
        "not the same as in Pipedrive: %s: run penstock sync --all, then verify again; what stays "
        "different then was changed by hand, and penstock refresh reads it again, or is worth a "
        "report",
        tables);
    ui_error(ui, connection->name, "different", text);
}

static int verify_one(const struct ui *ui, const struct connection *connection)
{
    struct announcing announcing = {ui, connection};
    struct verify_settings how = {
        .sample = ui->options->sample >= 0 ? (unsigned)ui->options->sample : SAMPLE_DEFAULT,
        .seed = ui->options->seed >= 0 ? (uint32_t)ui->options->seed : g_random_int() >> 1,
        .announce = announce,
        .opaque = &announcing,
    };
    struct verify_report report = {0};
    g_autoptr(GError) error = NULL;
    if (!verify_run(&connection->settings, &how, &report, &error))
        return ui_fail(ui, connection->name, error);
    if (ui->options->json)
        print_json(connection, &how, &report);
    else if (!ui->options->quiet)
        print_people(ui, connection, &how, &report);
    complain(ui, connection, &report);
    int code = report.same ? 0 : 1;
    verify_report_done(&report);
    return code;
}

int cmd_verify(const struct ui *ui)
{
    return for_each_connection(ui, NEEDS_DESTINATION | NEEDS_TOKEN, verify_one);
}
