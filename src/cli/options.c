#include "cli/options.h"
#include "cli/format.h"

#include <string.h>

#define FOR(command) (1u << (command))
#define FOR_RUNS     (FOR(COMMAND_PLAN) | FOR(COMMAND_SYNC) | FOR(COMMAND_REFRESH))
#define FOR_API      (FOR_RUNS | FOR(COMMAND_CHECK) | FOR(COMMAND_DISCOVER) | FOR(COMMAND_VERIFY))
#define FOR_WORK     (FOR_API | FOR(COMMAND_STATUS) | FOR(COMMAND_VIEWS) | FOR(COMMAND_RESET))
#define FOR_ALL      (FOR_WORK | FOR(COMMAND_NONE) | FOR(COMMAND_HELP))

#define FIELD(member) offsetof(struct options, member)

const struct command_row command_rows[COMMAND_COUNT] = {
    [COMMAND_CHECK] =
        {"check", "[CONNECTION...]",
         "who the token belongs to, what it may see, what is left of the budget",
         "Asks Pipedrive who the token belongs to and looks at the destination without changing "
         "it. "
         "Costs 2 tokens. Warns when the user is not an administrator, because such a "
         "token silently misses rows.",
         "penstock check --to sqlite:crm.db"},
    [COMMAND_DISCOVER] =
        {"discover", "[CONNECTION...]", "tables, columns, keys and methods that are replicated",
         "With a token it also shows the company's custom fields, which costs 40 tokens; without "
         "one it shows what every company has. --yaml writes a configuration file to edit.",
         "penstock discover --to sqlite:crm.db --yaml > penstock.yaml"},
    [COMMAND_PLAN] =
        {"plan", "[CONNECTION...]",
         "calls, tokens, rows and time of a sync before anything is spent",
         "Prints what the next sync, a day in one run, and a refresh cost, per table and "
         "altogether, each as a range. Tables that are not there yet are priced from "
         "samples of their lists, for at most 150 tokens; 99 of 100 such ranges hold, "
         "96 of 100 of a whole run. Lists that add little are not sampled: their older "
         "rows are taken to be about as dense as the newest. Tables that are there are "
         "priced by what is stored; their lists are asked for what changed since, a call "
         "each, where that may be more than a page.",
         "penstock plan --to sqlite:crm.db"},
    [COMMAND_SYNC] =
        {"sync", "[CONNECTION...]", "replicate once: what changed, or everything the first time",
         "Shows its progress on standard error and one summary table on standard output. Run it as "
         "often as you like: it goes on from its bookmarks. With a configuration file it runs all "
         "connections, or those that are named: side by side, but one after another where they "
         "share "
         "a destination.\n\n"
         "SIGINT and SIGTERM stop it after the pages in hand are committed; a second one quits at "
         "once, which is safe too.",
         "penstock sync --to sqlite:crm.db"},
    [COMMAND_REFRESH] =
        {"refresh", "[CONNECTION...]",
         "a sync with a full pass: finds deletes, and what changed without a trace",
         "Does what sync does, and reads each table from end to end, whatever its bookmarks "
         "say: "
         "that brings what never moves an update time (counts, next activities, what a merge "
         "moved), "
         "and it shows which rows are gone. Those are asked for one by one; only what Pipedrive "
         "then "
         "calls deleted is deleted. Rows about which Pipedrive says nothing are missing: they are "
         "never removed, and flagged only if the token is an administrator's and still the one of "
         "before. A sync does the same by itself every 14 days (refresh_every). An interrupted "
         "pass goes on where it was, in the next sync too.",
         "penstock refresh --to sqlite:crm.db --tables deals,persons"},
    [COMMAND_STATUS] =
        {"status", "[CONNECTION...]",
         "bookmarks, lag, rows and backlog, read from the destination alone",
         "Spends no token and needs none. LAG is the time since a table was last brought up to "
         "date; histories of deals that wait for the budget (BACKLOG) do not lag. With --max-lag "
         "it exits 1 when a table lags more than that, or more than that beyond its interval "
         "(every): tables that are read once a day lag a day anyway.",
         "penstock status --to sqlite:crm.db --max-lag 2h"},
    [COMMAND_VIEWS] =
        {"views", "[CONNECTION...]", "readable views: labels of options, names behind ids",
         "Makes a view beside each table (deals_view beside deals) that shows the rows that are "
         "alive, with the labels of options, the names of owners, stages, pipelines and "
         "organizations, and the primary e-mail and phone as columns. Spends no token and needs "
         "none. From then on every sync keeps the views up to date: new fields appear, new labels "
         "are shown, types follow. --drop removes them and ends that.",
         "penstock views --to sqlite:crm.db"},
    [COMMAND_VERIFY] =
        {"verify", "[CONNECTION...]",
         "read a sample of the records again and compare it with what is stored",
         "Says first what it will cost at most. Reads small tables whole; of the others the newest "
         "records, those from a random time on, and a random choice of the stored ones; then "
         "compares column by column. Changes nothing, and may run beside a sync. Exits 1 when a "
         "record differs or is missing.\n\n"
         "NEWER counts records that were changed in Pipedrive after the last sync's bookmark. "
         "DRIFT "
         "counts records that differ only in columns which change without a new update_time, such "
         "as counts, the next activity and names of linked records. GONE counts stored records "
         "that "
         "Pipedrive no longer shows. None of the three is a difference: a sync brings the first, a "
         "refresh the others.",
         "penstock verify --to sqlite:crm.db --tables deals,persons"},
    [COMMAND_RESET] =
        {"reset", "[CONNECTION [TABLE...]]", "drop tables with their bookmarks, to load them anew",
         "Drops the tables of a connection, or only those that are named. The column names of "
         "custom "
         "fields stay as they are. Asks first on a terminal; elsewhere it needs --yes. With a "
         "configuration file the connection must be named.",
         "penstock reset acme deals dealflow"},
    [COMMAND_HELP] = {"help", "[COMMAND]", "this text, or that of a command",
                      "Shows how a command is used; the same as --help after it.",
                      "penstock help sync"},
};

const struct option_row option_rows[] = {
    {"to", 0, OPTION_TEXT, FIELD(to), "URL", NULL, VALUES_DESTINATIONS, FOR_WORK, false,
     "Write into this database, for example sqlite:crm.db. The token then comes from the "
     "environment variable "
     "PIPEDRIVE_API_TOKEN, and no configuration file is read."},
    {"schema", 0, OPTION_TEXT, FIELD(schema), "NAME", NULL, VALUES_NONE, FOR_WORK, false,
     "Schema for the tables; in SQLite a prefix of their names. Only with --to."},
    {"config", 0, OPTION_TEXT, FIELD(config), "FILE", NULL, VALUES_FILES, FOR_WORK, false,
     "Configuration file with the connections. Default: penstock.yaml in the current folder, when "
     "--to is not "
     "given."},
    {"tables", 0, OPTION_TEXT, FIELD(tables), "NAME,...", NULL, VALUES_TABLES,
     FOR_WORK & ~FOR(COMMAND_VIEWS), false,
     "Only these tables, separated by commas. Default: all."},
    {"start-date", 0, OPTION_DAY, FIELD(start_date), "MM/DD/YYYY", NULL, VALUES_NONE, FOR_RUNS,
     false,
     "The first load takes what was changed on or after this day (UTC); YYYY-MM-DD is understood "
     "too. Tables "
     "that are always read whole ignore it."},
    {"custom-fields", 0, OPTION_CHOICE, FIELD(custom_fields), "names|keys|json", "names|keys|json",
     VALUES_NONE, FOR_RUNS | FOR(COMMAND_DISCOVER) | FOR(COMMAND_VERIFY), false,
     "Custom fields become columns named after the field (names, the default), after its "
     "40-character key "
     "(keys), or one JSON column (json). Columns that are there keep their names."},
    {"metadata-columns", 0, OPTION_CHOICE, FIELD(metadata), "STYLE",
     "native|stitch|fivetran|airbyte|none", VALUES_NONE, FOR_RUNS | FOR(COMMAND_DISCOVER), false,
     "Names of the columns that Penstock adds to a row (native, stitch, fivetran, airbyte or "
     "none), so "
     "that queries written for another connector go on working. Chosen before the first load."},
    {"dealflow", 0, OPTION_CHOICE, FIELD(dealflow), "stages|all|off", "stages|all|off", VALUES_NONE,
     FOR_RUNS | FOR(COMMAND_STATUS) | FOR(COMMAND_VERIFY), false,
     "History of deals, 40 tokens a deal: for deals that are new or moved to another stage "
     "(stages, the default), "
     "for every deal that changed (all), or not at all (off)."},
    {"deletes", 0, OPTION_CHOICE, FIELD(deletes), "flag|remove|ignore", "flag|remove|ignore",
     VALUES_NONE, FOR_RUNS | FOR(COMMAND_VERIFY), false,
     "A row that is deleted in Pipedrive gets its time in _deleted_at (flag, the default), goes "
     "(remove), or stays as it was last seen (ignore)."},
    {"all", 0, OPTION_FLAG, FIELD(all), NULL, NULL, VALUES_NONE, FOR_RUNS, false,
     "Ask for every table now, also for those whose interval has not passed."},
    {"budget", 0, OPTION_AMOUNT, FIELD(budget), "SHARE", NULL, VALUES_NONE,
     FOR_RUNS | FOR(COMMAND_STATUS), false,
     "What may be spent of the company's daily API tokens in any 24 hours, as a percentage or a "
     "number of tokens. Default: 20%."},
    {"max-tokens", 0, OPTION_NUMBER, FIELD(max_tokens), "N", NULL, VALUES_NONE,
     FOR(COMMAND_SYNC) | FOR(COMMAND_REFRESH), false,
     "Stop before this run would spend more tokens than this, with exit code 75; the next run "
     "goes on from there."},
    {"state-dir", 0, OPTION_TEXT, FIELD(state_dir), "FOLDER", NULL, VALUES_FILES, FOR_WORK, false,
     "Where what was spent of each company's tokens is remembered, for all connections of this "
     "machine. Default: $PENSTOCK_STATE_DIR, else penstock in $XDG_STATE_HOME, else in "
     "~/.local/state."},
    {"api-url", 0, OPTION_TEXT, FIELD(api_url), "URL", NULL, VALUES_NONE, FOR_API, false,
     "Ask this server instead of https://api.pipedrive.com."},
    {"max-lag", 0, OPTION_DURATION, FIELD(max_lag_s), "DURATION", NULL, VALUES_NONE,
     FOR(COMMAND_STATUS), false,
     "Exit with 1 when a table lags more than this beyond its interval, for example 90m, 2h or "
     "1d."},
    {"sample", 0, OPTION_NUMBER, FIELD(sample), "N", NULL, VALUES_NONE, FOR(COMMAND_VERIFY), false,
     "Compare about so many records of each table that is not read whole, and what else their "
     "pages bring. Default: 100."},
    {"seed", 0, OPTION_NUMBER, FIELD(seed), "N", NULL, VALUES_NONE, FOR(COMMAND_VERIFY), false,
     "Choose the same records as the run that printed this number."},
    {"yes", 'y', OPTION_FLAG, FIELD(yes), NULL, NULL, VALUES_NONE,
     FOR(COMMAND_SYNC) | FOR(COMMAND_REFRESH) | FOR(COMMAND_RESET), false,
     "Do not ask: drop the tables (reset), carry out a delete that a safety guard stopped (sync, "
     "refresh)."},
    {"drop", 0, OPTION_FLAG, FIELD(drop), NULL, NULL, VALUES_NONE, FOR(COMMAND_VIEWS), false,
     "Drop the views instead."},
    {"json", 0, OPTION_FLAG, FIELD(json), NULL, NULL, VALUES_NONE, FOR_WORK, false,
     "Print one JSON object a connection on standard output, each on a line of its own."},
    {"yaml", 0, OPTION_FLAG, FIELD(yaml), NULL, NULL, VALUES_NONE, FOR(COMMAND_DISCOVER), false,
     "Print a configuration file to edit."},
    {"verbose", 'v', OPTION_COUNT, FIELD(verbose), NULL, NULL, VALUES_NONE, FOR_ALL, false,
     "Log what happens; twice, also each request."},
    {"quiet", 'q', OPTION_FLAG, FIELD(quiet), NULL, NULL, VALUES_NONE, FOR_ALL, false,
     "No progress, no summary and no warnings, only what went wrong."},
    {"log-format", 0, OPTION_CHOICE, FIELD(log_format), "text|json", "text|json", VALUES_NONE,
     FOR_ALL, false,
     "Log lines and plain progress on standard error as text (the default) or as JSON."},
    {"no-color", 0, OPTION_FLAG, FIELD(no_color), NULL, NULL, VALUES_NONE, FOR_ALL, false,
     "No colours. They are only used on a terminal, and never when NO_COLOR is set."},
    {"help", 'h', OPTION_FLAG, FIELD(help), NULL, NULL, VALUES_NONE, FOR_ALL, false,
     "Show how to use penstock or the command."},
    {"version", 0, OPTION_FLAG, FIELD(version), NULL, NULL, VALUES_NONE, FOR_ALL, false,
     "Show the version."},
    {"generate", 0, OPTION_TEXT, FIELD(generate), "man|completion|connections", NULL, VALUES_NONE,
     FOR_ALL, true,
     "Write the man page or the completion from the frame on standard input, or the names of the "
     "connections."},
    {"retry-base-ms", 0, OPTION_NUMBER, FIELD(retry_base_ms), "MS", NULL, VALUES_NONE, FOR_WORK,
     true, "First wait before a retry."},
    {"timeout-ms", 0, OPTION_NUMBER, FIELD(timeout_ms), "MS", NULL, VALUES_NONE, FOR_WORK, true,
     "How long a server may be silent; a request may take twice that."},
    {"lock-timeout-ms", 0, OPTION_NUMBER, FIELD(lock_timeout_ms), "MS", NULL, VALUES_NONE, FOR_WORK,
     true, "How long another process may hold the database."},
    {"memory-mib", 0, OPTION_NUMBER, FIELD(memory_mib), "MIB", NULL, VALUES_NONE, FOR_WORK, true,
     "Memory for pages under way."},
    {NULL},
};

/* --- values --- */

struct parse {
    struct options *options;
    uint64_t seen; /* bit a row of option_rows */
};

static void *field(struct options *options, const struct option_row *row)
{
    return (char *)options + row->offset;
}

static bool set_choice(int *field_value, const struct option_row *row, const char *value,
                       GError **error)
{
    g_auto(GStrv) choices = g_strsplit(row->choices, "|", -1);
    for (int i = 0; choices[i] != NULL; i++)
        if (strcmp(choices[i], value) == 0) {
            *field_value = i;
            return true;
        }
    g_autofree char *known = g_strjoinv(", ", choices);
    error_setf(error, PENSTOCK_ERROR_CONFIG, "--%s takes one of %s, not \"%s\"", row->name, known,
               value);
    return false;
}

static bool set_number(int64_t *field_value, const struct option_row *row, const char *value,
                       GError **error)
{
    if (g_ascii_string_to_signed(value, 10, 0, INT32_MAX, field_value, NULL))
        return true;
    error_setf(error, PENSTOCK_ERROR_CONFIG,
               "--%s takes a whole number up to 2147483647, not \"%s\"", row->name, value);
    return false;
}

static bool set_amount(struct budget_amount *field_value, const struct option_row *row,
                       const char *value, GError **error)
{
    if (budget_amount_parse(value, true, field_value))
        return true;
    error_setf(error, PENSTOCK_ERROR_CONFIG,
               "--%s takes a share such as 20%% (at most 100%%), or a number of tokens, not \"%s\"",
               row->name, value);
    return false;
}

static bool set_day(instant_t *field_value, const struct option_row *row, const char *value,
                    GError **error)
{
    if (instant_parse_day(value, field_value))
        return true;
    error_setf(error, PENSTOCK_ERROR_CONFIG,
               "--%s takes a day as MM/DD/YYYY or YYYY-MM-DD, not \"%s\"", row->name, value);
    return false;
}

static bool set_value(struct options *options, const struct option_row *row, const char *value,
                      GError **error)
{
    void *place = field(options, row);
    switch (row->kind) {
    case OPTION_FLAG:
        *(bool *)place = true;
        return true;
    case OPTION_COUNT:
        ++*(int *)place;
        return true;
    case OPTION_TEXT:
        if (*value == '\0') {
            error_setf(error, PENSTOCK_ERROR_CONFIG, "--%s is empty; it takes %s", row->name,
                       row->argument);
            return false;
        }
        g_free(*(char **)place);
        *(char **)place = g_strdup(value);
        return true;
    case OPTION_CHOICE:
        return set_choice(place, row, value, error);
    case OPTION_DURATION:
        if (duration_parse(value, place))
            return true;
        error_setf(error, PENSTOCK_ERROR_CONFIG,
                   "--%s takes a duration such as 90m, 2h or 1d, not \"%s\"", row->name, value);
        return false;
    case OPTION_DAY:
        return set_day(place, row, value, error);
    case OPTION_NUMBER:
        return set_number(place, row, value, error);
    case OPTION_AMOUNT:
        return set_amount(place, row, value, error);
    }
    g_assert_not_reached();
}

/* GLib hands us the option as typed: "--to" or "-q". */
static const struct option_row *row_as_typed(const char *typed)
{
    bool is_long = g_str_has_prefix(typed, "--");
    for (const struct option_row *row = option_rows; row->name != NULL; row++)
        if (is_long ? strcmp(row->name, typed + 2) == 0 : row->letter == typed[1])
            return row;
    return NULL;
}

static gboolean take_option(const char *typed, const char *value, gpointer opaque, GError **error)
{
    struct parse *parse = opaque;
    const struct option_row *row = row_as_typed(typed);
    g_assert(row != NULL);
    parse->seen |= UINT64_C(1) << (row - option_rows);
    return set_value(parse->options, row, value, error);
}

/* --- help with mistakes --- */

/* Damerau-Levenshtein distance of short words; swapped neighbours count one. */
static unsigned distance(const char *a, const char *b)
{
    enum {
        MOST = 40
    };
    unsigned d[MOST + 1][MOST + 1];
    size_t n = MIN(strlen(a), MOST), m = MIN(strlen(b), MOST);
    for (unsigned i = 0; i <= n; i++)
        for (unsigned j = 0; j <= m; j++) {
            d[i][j] = i == 0 ? j : j == 0 ? i : MIN(d[i - 1][j], d[i][j - 1]) + 1;
            if (i == 0 || j == 0)
                continue;
            d[i][j] = MIN(d[i][j], d[i - 1][j - 1] + (a[i - 1] != b[j - 1]));
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                d[i][j] = MIN(d[i][j], d[i - 2][j - 2] + 1);
        }
    return d[n][m];
}

const char *nearest_word(const char *word, const char *const *words)
{
    const char *best = NULL;
    unsigned least = (unsigned)MIN(strlen(word), 9) / 3 + 1;
    for (; *words != NULL; words++) {
        unsigned d =
            g_str_has_prefix(*words, word) && strlen(word) > 1 ? 1 : distance(word, *words);
        if (d <= least && (best == NULL || d < least)) {
            best = *words;
            least = d;
        }
    }
    return best;
}

static bool unknown_command(const char *word, GError **error)
{
    const char *names[COMMAND_COUNT] = {NULL};
    for (int i = COMMAND_NONE + 1; i < COMMAND_COUNT; i++)
        names[i - 1] = command_rows[i].name;
    const char *near = nearest_word(word, names);
    if (near != NULL)
        error_setf(error, PENSTOCK_ERROR_CONFIG, "unknown command \"%s\"; did you mean %s?", word,
                   near);
    else
        error_setf(error, PENSTOCK_ERROR_CONFIG, "unknown command \"%s\"; see penstock --help",
                   word);
    return false;
}

/* From "--tabels" or "--tabels=x" to a message with the likely option. */
static void unknown_option(const char *typed, GError **error)
{
    const char *names[64] = {NULL};
    unsigned count = 0;
    for (const struct option_row *row = option_rows; row->name != NULL; row++)
        if (!row->hidden)
            names[count++] = row->name;
    g_autofree char *word = g_strndup(typed, strcspn(typed, "="));
    const char *near = g_str_has_prefix(word, "--") ? nearest_word(word + 2, names) : NULL;
    if (near != NULL)
        error_setf(error, PENSTOCK_ERROR_CONFIG, "unknown option %s; did you mean --%s?", word,
                   near);
    else
        error_setf(error, PENSTOCK_ERROR_CONFIG, "unknown option %s; see penstock --help", word);
}

/* GLib's messages end in the option: we keep its finding and say the next step. */
static void explain(GError *glib_error, char **argv, GError **error)
{
    if (g_error_matches(glib_error, G_OPTION_ERROR, G_OPTION_ERROR_UNKNOWN_OPTION))
        for (int i = 1; argv[i] != NULL && strcmp(argv[i], "--") != 0; i++) {
            g_autofree char *word = g_strndup(argv[i], strcspn(argv[i], "="));
            bool is_it = g_str_has_suffix(glib_error->message, argv[i]) ||
                         g_str_has_suffix(glib_error->message, word);
            if (word[0] == '-' && is_it) {
                unknown_option(word, error);
                return;
            }
        }
    if (g_error_matches(glib_error, G_OPTION_ERROR, G_OPTION_ERROR_UNKNOWN_OPTION))
        error_setf(error, PENSTOCK_ERROR_CONFIG,
                   "unknown option; see penstock --help"); /* its value may be a secret */
    else if (glib_error->domain == G_OPTION_ERROR)
        error_setf(error, PENSTOCK_ERROR_CONFIG, "%s; see penstock --help", glib_error->message);
    else
        g_propagate_error(error, g_error_copy(glib_error));
}

/* --- parsing --- */

static bool has_argument(const struct option_row *row)
{
    return row->kind != OPTION_FLAG && row->kind != OPTION_COUNT;
}

static GOptionContext *context_new(struct parse *parse)
{
    GOptionEntry entries[G_N_ELEMENTS(option_rows)] = {0};
    for (unsigned i = 0; option_rows[i].name != NULL; i++) {
        const struct option_row *row = &option_rows[i];
        /* File names are bytes, and we want all values as they were typed. */
        int flags = has_argument(row) ? G_OPTION_FLAG_FILENAME : G_OPTION_FLAG_NO_ARG;
        entries[i] = (GOptionEntry){
            row->name, row->letter,  flags, G_OPTION_ARG_CALLBACK, (gpointer)take_option,
            row->help, row->argument};
    }
    GOptionGroup *group = g_option_group_new("main", "", "", parse, NULL);
    g_option_group_add_entries(group, entries);
    GOptionContext *context = g_option_context_new(NULL);
    g_option_context_set_main_group(context, group);
    g_option_context_set_help_enabled(context, FALSE);
    return context;
}

static bool take_words(struct options *options, char **words, GError **error)
{
    if (words[0] != NULL && strcmp(words[0], "--") == 0)
        words++;
    if (words[0] == NULL)
        return true;
    for (int i = COMMAND_NONE + 1; i < COMMAND_COUNT; i++)
        if (strcmp(command_rows[i].name, words[0]) == 0) {
            options->command = (enum command)i;
            words++;
            if (words[0] != NULL && strcmp(words[0], "--") == 0)
                words++;
            g_strfreev(options->names);
            options->names = g_strdupv(words);
            return true;
        }
    return unknown_command(words[0], error);
}

static bool options_belong(const struct parse *parse, GError **error)
{
    const struct options *options = parse->options;
    for (unsigned i = 0; option_rows[i].name != NULL; i++) {
        const struct option_row *row = &option_rows[i];
        if (!(parse->seen >> i & 1) || row->commands & FOR(options->command) || options->help ||
            options->generate != NULL)
            continue;
        if (options->command == COMMAND_NONE)
            error_setf(error, PENSTOCK_ERROR_CONFIG,
                       "--%s needs a command, for example: penstock sync; see penstock --help",
                       row->name);
        else
            error_setf(error, PENSTOCK_ERROR_CONFIG,
                       "--%s is not an option of %s; see penstock %s --help", row->name,
                       command_rows[options->command].name, command_rows[options->command].name);
        return false;
    }
    return true;
}

static bool options_agree(const struct options *options, GError **error)
{
    const char *problem = NULL;
    if (options->to != NULL && options->config != NULL)
        problem = "--to and --config exclude each other: the configuration file says where its "
                  "connections write";
    else if (options->schema != NULL && options->to == NULL)
        problem = "--schema goes with --to; in a configuration file write \"schema:\" into the "
                  "connection";
    else if (options->json && options->yaml)
        problem = "--json and --yaml exclude each other";
    else if (options->quiet && options->verbose > 0)
        problem = "--quiet and --verbose exclude each other";
    else if (options->schema != NULL && !schema_is_valid(options->schema))
        problem = "--schema takes 1 to 40 letters, digits and underscores, and no digit first";
    if (problem != NULL)
        error_setf(error, PENSTOCK_ERROR_CONFIG, "%s", problem);
    return problem == NULL;
}

bool options_parse(struct options *ret, int argc, char **argv, GError **error)
{
    *ret = (struct options){.names = g_new0(char *, 1),
                            .start_date = INSTANT_NONE,
                            .max_lag_s = -1,
                            .max_tokens = -1,
                            .sample = -1,
                            .seed = -1,
                            .retry_base_ms = -1,
                            .timeout_ms = -1,
                            .lock_timeout_ms = -1,
                            .memory_mib = -1,
                            .custom_fields = -1,
                            .dealflow = -1,
                            .metadata = -1,
                            .deletes = -1,
                            .log_format = -1};
    struct parse parse = {.options = ret};
    g_auto(GStrv) words =
        argc > 0 ? g_strdupv(argv) : g_new0(char *, 1); /* GLib moves its pointers about */
    g_autofree char **moving = g_memdup2(words, sizeof *words * (g_strv_length(words) + 1));
    int count = argc;
    g_autoptr(GOptionContext) context = context_new(&parse);
    g_autoptr(GError) glib_error = NULL;
    if (!g_option_context_parse(context, &count, &moving, &glib_error)) {
        explain(glib_error, argv, error);
        return false;
    }
    return take_words(ret, count > 0 ? moving + 1 : moving, error) &&
           options_belong(&parse, error) && options_agree(ret, error);
}

void options_done(struct options *options)
{
    char **texts[] = {&options->to,     &options->api_url,  &options->tables,   &options->config,
                      &options->schema, &options->generate, &options->state_dir};
    for (unsigned i = 0; i < G_N_ELEMENTS(texts); i++)
        g_clear_pointer(texts[i], g_free);
    g_clear_pointer(&options->names, g_strfreev);
}
