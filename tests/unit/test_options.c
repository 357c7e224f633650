#include "cli/format.h"
#include "cli/options.h"
#include "cli/progress.h"
#include "cli/summary.h"

#include <string.h>

/* --- options --- */

static bool parse(const char *line, struct options *ret, GError **error)
{
    g_auto(GStrv) words = NULL;
    g_autofree char *typed = g_strdup_printf("penstock %s", line);
    g_assert_true(g_shell_parse_argv(typed, NULL, &words, NULL));
    return options_parse(ret, (int)g_strv_length(words), words, error);
}

static void takes_options(void)
{
    struct options options;
    GError *error = NULL;
    bool good = parse("-v sync acme --to=sqlite:crm.db -v --tables a,b globex --start-date "
                      "01/31/2024 --log-format json "
                      "--custom-fields keys --dealflow off --metadata-columns fivetran -y --all",
                      &options, &error);
    g_assert_no_error(error);
    g_assert_true(good);
    g_assert_cmpint(options.command, ==, COMMAND_SYNC);
    g_assert_cmpstr(options.names[0], ==, "acme");
    g_assert_cmpstr(options.names[1], ==, "globex");
    g_assert_null(options.names[2]);
    g_assert_cmpstr(options.to, ==, "sqlite:crm.db");
    g_assert_cmpstr(options.tables, ==, "a,b");
    g_assert_cmpint(options.verbose, ==, 2);
    g_assert_cmpint(options.start_date, ==, INT64_C(1706659200) * INSTANT_SECOND);
    g_assert_cmpint(options.log_format, ==, 1);
    g_assert_cmpint(options.custom_fields, ==, 1);
    g_assert_cmpint(options.dealflow, ==, 2);
    g_assert_cmpint(options.metadata, ==, 2);
    g_assert_true(options.yes && options.all && !options.json);
    options_done(&options);
}

static void takes_nothing(void)
{
    struct options options;
    g_assert_true(parse("", &options, NULL));
    g_assert_cmpint(options.command, ==, COMMAND_NONE);
    g_assert_null(options.names[0]);
    g_assert_cmpint(options.max_lag_s, ==, -1);
    g_assert_cmpint(options.start_date, ==, INSTANT_NONE);
    options_done(&options);
    g_assert_true(parse("-vv status --max-lag 1h30m -- x", &options, NULL));
    g_assert_cmpint(options.max_lag_s, ==, 5400);
    g_assert_cmpint(options.verbose, ==, 2);
    g_assert_cmpstr(options.names[0], ==, "x");
    options_done(&options);
}

static const struct refused {
    const char *line, *message;
} refused[] = {
    {"snyc", "unknown command \"snyc\"; did you mean sync?"},
    {"xyzzy", "unknown command \"xyzzy\"; see penstock --help"},
    {"sync --tabels x", "unknown option --tabels; did you mean --tables?"},
    {"sync --tabels=secret", "unknown option --tabels; did you mean --tables?"},
    {"sync -Z", "unknown option -Z; see penstock --help"},
    {"sync --max-lag 2h", "--max-lag is not an option of sync; see penstock sync --help"},
    {"status --yaml", "--yaml is not an option of status; see penstock status --help"},
    {"--to sqlite:x", "--to needs a command, for example: penstock sync; see penstock --help"},
    {"sync --to", "Missing argument for --to; see penstock --help"},
    {"sync --to ''", "--to is empty; it takes URL"},
    {"status --max-lag 2y", "--max-lag takes a duration such as 90m, 2h or 1d, not \"2y\""},
    {"sync --log-format xml", "--log-format takes one of text, json, not \"xml\""},
    {"sync --start-date 02/30/2024",
     "--start-date takes a day as MM/DD/YYYY or YYYY-MM-DD, not \"02/30/2024\""},
    {"sync --memory-mib -1", "--memory-mib takes a whole number up to 2147483647, not \"-1\""},
    {"sync --to a --config b", "--to and --config exclude each other"},
    {"sync --schema x", "--schema goes with --to"},
    {"sync --to a --schema 'x y'", "--schema takes 1 to 40 letters"},
    {"discover --json --yaml", "--json and --yaml exclude each other"},
    {"sync -q -v", "--quiet and --verbose exclude each other"},
};

static void refuses(void)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(refused); i++) {
        struct options options;
        g_autoptr(GError) error = NULL;
        bool good = parse(refused[i].line, &options, &error);
        options_done(&options);
        g_assert_false(good);
        g_assert_true(error_is(error, PENSTOCK_ERROR_CONFIG));
        g_test_message("%s: %s", refused[i].line, error->message);
        g_assert_true(g_str_has_prefix(error->message, refused[i].message));
    }
}

static void table_is_sound(void)
{
    for (const struct option_row *row = option_rows; row->name != NULL; row++) {
        g_assert_cmpuint(row->commands, !=, 0);
        g_assert_true(g_str_has_suffix(row->help, "."));
        bool is_bare = row->kind == OPTION_FLAG || row->kind == OPTION_COUNT;
        g_assert_true(is_bare == (row->argument == NULL));
        for (const struct option_row *other = option_rows; other != row; other++) {
            g_assert_cmpstr(row->name, !=, other->name);
            g_assert_true(row->letter == 0 || row->letter != other->letter);
        }
    }
}

/* --- format --- */

static void formats_numbers(void)
{
    char text[FORMAT_BYTES];
    g_assert_cmpstr(format_count(0, text), ==, "0");
    g_assert_cmpstr(format_count(999, text), ==, "999");
    g_assert_cmpstr(format_count(12500, text), ==, "12,500");
    g_assert_cmpstr(format_count(-1234567, text), ==, "-1,234,567");
    g_assert_cmpstr(format_count(INT64_MIN, text), ==, "-9,223,372,036,854,775,808");
    g_assert_cmpstr(format_duration(-1, text), ==, "unknown");
    g_assert_cmpstr(format_duration(0, text), ==, "0 s");
    g_assert_cmpstr(format_duration(61, text), ==, "1 min 1 s");
    g_assert_cmpstr(format_duration(7500, text), ==, "2 h 5 min");
    g_assert_cmpstr(format_duration(3 * 86400, text), ==, "3 d");
    g_assert_cmpstr(format_duration(INT64_MAX, text), ==, "106,751,991,167,300 d 15 h");
    g_assert_cmpstr(format_elapsed(7999, text), ==, "0:07");
    g_assert_cmpstr(format_elapsed(3723000, text), ==, "1:02:03");
    g_autofree char *one = format_plural(1, "table"), *many = format_plural(1200, "table");
    g_assert_cmpstr(one, ==, "1 table");
    g_assert_cmpstr(many, ==, "1,200 tables");
    g_autofree char *range = format_range(5, 1200), *point = format_range(7, 7);
    g_assert_cmpstr(range, ==, "5 - 1,200");
    g_assert_cmpstr(point, ==, "7");
}

static void reads_durations(void)
{
    static const struct {
        const char *text;
        int64_t seconds;
    } good[] = {{"0", 0},      {"0s", 0},      {"90s", 90},       {"15m", 900},
                {"6h", 21600}, {"7d", 604800}, {"1d12h", 129600}, {"1h30m5s", 5405}};
    static const char *const bad[] = {"",     "5",    "h",  "-1h",         "1.5h",   "1h 5m",
                                      "5m1h", "1h1h", "1w", "9999999999s", "99999d", "1h5"};
    int64_t seconds = 0;
    for (unsigned i = 0; i < G_N_ELEMENTS(good); i++) {
        g_assert_true(duration_parse(good[i].text, &seconds));
        g_assert_cmpint(seconds, ==, good[i].seconds);
    }
    for (unsigned i = 0; i < G_N_ELEMENTS(bad); i++)
        g_assert_false(duration_parse(bad[i], &seconds));
}

static void hides_passwords(void)
{
    static const char *const urls[][2] = {
        {"sqlite:crm.db", "sqlite:crm.db"},
        {"postgres://bo@host/db", "postgres://bo@host/db"},
        {"postgres://host:5432/db", "postgres://host:5432/db"},
        {"postgres://bo:s3cret@host:5432/db", "postgres://bo:***@host:5432/db"},
        {"postgres://bo:s3c/r@et@host/db", "postgres://bo:***@host/db"},
        {"postgres://host/db?password=s3cret", "postgres://host/db?***"},
        {"mysql://bo:s3cret@host", "mysql://bo:***@host"},
        {"postgres:host=h password='s3 cret' user=u", "postgres:host=h password=***"},
    };
    for (unsigned i = 0; i < G_N_ELEMENTS(urls); i++) {
        g_autofree char *shown = url_without_password(urls[i][0]);
        g_assert_cmpstr(shown, ==, urls[i][1]);
    }
}

static void cleans_text(void)
{
    g_autofree char *clean = text_clean("a\033[31mb\nc\xff\xc2\x9b S\xc3\xb6hne");
    g_assert_cmpstr(clean, ==, "a?[31mb c?? S\xc3\xb6hne");
    g_assert_null(text_clean(NULL));
    char cut[] = "S\xc3\xb6hne";
    text_cut(cut, 2);
    g_assert_cmpstr(cut, ==, "S\xc3\xb6");
    g_autofree char *folded = text_fold("one two three", 9, 2);
    g_assert_cmpstr(folded, ==, "  one two\n  three\n");
}

/* --- progress --- */

static void send(struct progress *progress, const char *table, enum outcome outcome, int64_t rows,
                 int64_t now_ms)
{
    struct event event = {
        .kind = EVENT_TABLE, .connection = g_intern_string("acme"), .rows = rows, .tokens = 250};
    event.progress = (struct table_progress){
        .table = g_intern_string(table), .outcome = outcome, .rows = rows, .tokens = 250};
    progress_event(progress, &event, now_ms);
}

static size_t widest(const char *picture, unsigned *ret_lines)
{
    g_auto(GStrv) lines = g_strsplit(picture, "\n", -1);
    size_t width = 0;
    for (char **line = lines; *line != NULL; line++)
        width = MAX(width, text_width(*line));
    *ret_lines = g_strv_length(lines);
    return width;
}

static void fits_every_terminal(void)
{
    const struct options options = {.quiet = true};
    for (int utf8 = 0; utf8 < 2; utf8++) {
        const struct ui ui = {.options = &options, .utf8 = utf8 != 0};
        struct progress *progress = progress_new(&ui, true, 16, 0);
        send(progress, "organizations", OUTCOME_DONE, 1250000, 2000);
        send(progress, "activities", OUTCOME_FAILED, 7, 3000);
        send(progress, "deals", OUTCOME_RUNNING, 0, 4000);
        send(progress, "deals", OUTCOME_RUNNING, 987654321, 6000);
        struct event wait = {.kind = EVENT_WAITING,
                             .connection = g_intern_string("acme"),
                             .text = (char *)"retry of deals: HTTP 503",
                             .wait_ms = 4000};
        progress_event(progress, &wait, 6000);
        for (unsigned columns = 1; columns < 200; columns++)
            for (unsigned rows = 1; rows < 6; rows++) {
                unsigned lines;
                g_autofree char *picture = progress_picture(progress, columns, rows, 6500);
                g_assert_cmpuint(widest(picture, &lines), <=, columns);
                g_assert_cmpuint(lines, ==, MIN(rows, 4));
            }
        g_autofree char *wide = progress_picture(progress, 160, 10, 6500);
        g_assert_nonnull(strstr(wide, "acme/deals"));
        g_assert_nonnull(strstr(wide, "2/16 tables"));
        g_assert_nonnull(strstr(wide, "waits 4 s: acme: retry of deals: HTTP 503"));
        g_autofree char *narrow = progress_picture(progress, 10, 2, 6500);
        g_assert_nonnull(strstr(narrow, "acme/d")); /* what runs stays longest */
        progress_free(progress);
    }
}

/* Eleven seconds of a run that nobody watches. */
static void plain_run(void)
{
    const struct options options = {0};
    const struct ui ui = {.options = &options};
    struct progress *progress = progress_new(&ui, false, 2, 0);
    send(progress, "deals", OUTCOME_RUNNING, 500, 1000);
    send(progress, "deals", OUTCOME_RUNNING, 6000, 9000); /* too early for a line */
    send(progress, "deals", OUTCOME_RUNNING, 12500, 11000);
    send(progress, "notes", OUTCOME_NOT_DUE, 0, 11000);
    send(progress, "deals", OUTCOME_DONE, 12900, 11500);
    progress_tick(progress, 11600);
    send(progress, "deals", OUTCOME_DONE, 13000, 11700); /* counted late */
    progress_tick(progress, 12300);
    progress_tick(progress, 13000);
    send(progress, "files", OUTCOME_FAILED, 1, 13100);
    progress_free(progress);
}

static void prints_plain_lines(void)
{
    if (g_test_subprocess()) {
        plain_run();
        return;
    }
    g_test_trap_subprocess(NULL, 0, 0);
    g_test_trap_assert_passed();
    g_test_trap_assert_stderr("deals: 12,500 rows, 250 tokens\n"
                              "deals: done, 13,000 rows, 250 tokens\n"
                              "files: failed, 1 row, 250 tokens\n");
}

/* --- summary --- */

static void writes_json(void)
{
    struct table_result table = {.progress = {.table = "deals",
                                              .outcome = OUTCOME_FAILED,
                                              .rows = 5,
                                              .tokens = 10,
                                              .requests = 1},
                                 .message = (char *)"HTTP 500"};
    g_autoptr(GArray) tables = g_array_new(FALSE, FALSE, sizeof table);
    g_array_append_val(tables, table);
    struct sync_result result = {.connection = "acme",
                                 .outcome = OUTCOME_FAILED,
                                 .message = (char *)"1 table failed",
                                 .error_code = "retry",
                                 .requests = 1,
                                 .tokens = 10,
                                 .rows = 5,
                                 .wall_ms = 1050,
                                 .tables = tables};
    g_autofree char *failed = summary_json(&result);
    g_assert_cmpstr(failed, ==,
                    "{\"connection\":\"acme\",\"outcome\":\"failed\",\"requests\":1,\"tokens\":10,"
                    "\"rows\":5,\"wall_s\":1.050,"
                    "\"error\":{\"code\":\"retry\",\"message\":\"1 table failed\"},"
                    "\"tables\":[{\"table\":\"deals\",\"outcome\":\"failed\",\"rows\":5,"
                    "\"deleted\":0,\"missing\":0,\"rejected\":0,\"requests\":1,"
                    "\"tokens\":10,\"bookmark\":null,\"message\":\"HTTP 500\"}]}");
    result = (struct sync_result){.connection = "acme", .outcome = OUTCOME_PARKED, .resume_s = 60};
    g_autofree char *parked = summary_json(&result);
    g_assert_nonnull(strstr(parked, "\"resume_s\":60"));
    g_assert_null(strstr(parked, "error"));
}

static void ranks_exit_codes(void)
{
    g_assert_cmpint(exit_code_worst(0, 0), ==, 0);
    g_assert_cmpint(exit_code_worst(0, 75), ==, 75);
    g_assert_cmpint(exit_code_worst(75, 3), ==, 3);
    g_assert_cmpint(exit_code_worst(3, 1), ==, 1);
    g_assert_cmpint(exit_code_worst(1, 2), ==, 2);
    g_assert_cmpint(exit_code_worst(2, 4), ==, 4);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/options/takes_options", takes_options);
    g_test_add_func("/options/takes_nothing", takes_nothing);
    g_test_add_func("/options/refuses", refuses);
    g_test_add_func("/options/table_is_sound", table_is_sound);
    g_test_add_func("/format/numbers", formats_numbers);
    g_test_add_func("/format/durations", reads_durations);
    g_test_add_func("/format/passwords", hides_passwords);
    g_test_add_func("/format/text", cleans_text);
    g_test_add_func("/progress/fits_every_terminal", fits_every_terminal);
    g_test_add_func("/progress/prints_plain_lines", prints_plain_lines);
    g_test_add_func("/summary/json", writes_json);
    g_test_add_func("/ui/exit_codes", ranks_exit_codes);
    return g_test_run();
}
