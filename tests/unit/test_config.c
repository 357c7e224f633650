#include "cli/config.h"
#include "cli/connections.h"

#include <glib/gstdio.h>
#include <string.h>

#define ONE                                                                                        \
    "connections:\n"                                                                               \
    "  - name: acme\n"                                                                             \
    "    api_token: env:ACME_TOKEN\n"                                                              \
    "    destination: sqlite:acme.db\n"

static struct config *parse(const char *text)
{
    struct config *config = NULL;
    GError *error = NULL;
    bool good = config_parse("penstock.yaml", text, strlen(text), &config, &error);
    g_assert_no_error(error);
    g_assert_true(good);
    return config;
}

static void smallest(void)
{
    struct config *config = parse(ONE);
    const struct config_connection *acme = config->document->connections;
    g_assert_cmpuint(config->document->connection_count, ==, 1);
    g_assert_cmpstr(acme->name, ==, "acme");
    g_assert_cmpstr(acme->api_token, ==, "env:ACME_TOKEN");
    g_assert_cmpstr(acme->destination, ==, "sqlite:acme.db");
    g_assert_null(acme->schema);
    g_assert_null(acme->tables);
    g_assert_cmpint(config->values[0].start_date, ==, INSTANT_NONE);
    for (int i = 0; i < 3; i++)
        g_assert_cmpint(config->values[0].every_s[i], ==, -1);
    g_assert_cmpint(config->values[0].full_every_s, ==, -1);
    g_assert_cmpint(config->values[0].refresh_every_s, ==, -1);
    g_assert_cmpint(acme->deletes, ==, DELETES_FLAG);
    g_assert_false(config->values[0].budget.per_day.is_set);
    g_assert_cmpint(acme->custom_fields, ==, CUSTOM_FIELDS_NAMES);
    g_assert_cmpint(acme->dealflow, ==, DEALFLOW_STAGES);
    config_free(config);
}

static void everything(void)
{
    struct config *config = parse(ONE "    schema: acme_crm\n"
                                      "    start_date: 01/31/2024\n"
                                      "    api_url: https://localhost:8080\n"
                                      "    gateway: none\n"
                                      "    tables: [deals, persons]   # two\n"
                                      "    custom_fields: json\n"
                                      "    dealflow: off\n"
                                      "    metadata_columns: stitch\n"
                                      "    every: {hot: 0, archived: 6h, full: 1d12h}\n"
                                      "    full_every: 7d\n"
                                      "    deletes: remove\n"
                                      "    refresh_every: never\n"
                                      "    budget: {per_day: 12.5%, reserve: 0, tokens: 60000}\n");
    const struct config_connection *acme = config->document->connections;
    const struct config_values *values = config->values;
    g_assert_cmpstr(acme->schema, ==, "acme_crm");
    g_assert_cmpuint(acme->table_count, ==, 2);
    g_assert_cmpstr(acme->tables[1], ==, "persons");
    g_assert_cmpint(acme->custom_fields, ==, CUSTOM_FIELDS_JSON);
    g_assert_cmpint(acme->dealflow, ==, DEALFLOW_OFF);
    g_assert_cmpint(acme->metadata, ==, METADATA_STITCH);
    g_assert_cmpint(values->start_date, ==, INT64_C(1706659200) * INSTANT_SECOND);
    g_assert_cmpint(values->every_s[0], ==, 0);
    g_assert_cmpint(values->every_s[1], ==, 6 * 3600);
    g_assert_cmpint(values->every_s[2], ==, 36 * 3600);
    g_assert_cmpint(values->full_every_s, ==, 7 * 86400);
    g_assert_cmpint(values->refresh_every_s, ==, 0);
    g_assert_cmpint(acme->deletes, ==, DELETES_REMOVE);
    g_assert_true(values->budget.per_day.is_percent);
    g_assert_cmpint(values->budget.per_day.value, ==, 1250);
    g_assert_true(values->budget.reserve.is_set);
    g_assert_cmpint(values->budget.reserve.value, ==, 0);
    g_assert_false(values->budget.backfill.is_set);
    g_assert_cmpint(values->budget.pool.value, ==, 60000);
    config_free(config);
}

/* --- what is refused, and with which words --- */

static const struct refused {
    const char *name, *text, *message;
} refused[] = {
    {"empty", "", "penstock.yaml:1: no connections"},
    {"comment", "# nothing\n", "penstock.yaml:1: no connections"},
    {"text", "hello\n",
     "penstock.yaml:1: this takes a mapping with the keys connections, not a single value"},
    {"list", "- name: acme\n",
     "penstock.yaml:1: this takes a mapping with the keys connections, not a list"},
    {"no-list", "connections: acme\n",
     "penstock.yaml:1: \"connections\" takes a list, not a single value"},
    {"no-entries", "connections: []\n", "penstock.yaml:1: \"connections\" is an empty list"},
    {"nothing", "connections:\n", "penstock.yaml:1: \"connections\" takes a list, not nothing"},
    {"entry-text", "connections: [acme]\n",
     "penstock.yaml:1: this takes a mapping with the keys name, api_token"},
    {"root-key", ONE "conections: []\n",
     "penstock.yaml:5: unknown key \"conections\": did you mean \"connections\"?"},
    {"unknown-key", ONE "    tabels: [deals]\n",
     "penstock.yaml:5: connection \"acme\": unknown key \"tabels\": did you mean \"tables\"? Known "
     "keys are name, "},
    {"odd-key", ONE "    quota: 20\n",
     "penstock.yaml:5: connection \"acme\": unknown key \"quota\"; known keys are name, "},
    {"budget-text", ONE "    budget: 20%\n",
     "penstock.yaml:5: connection \"acme\": \"budget\" takes a mapping with the keys per_day, "
     "reserve, backfill, tokens, not a single"},
    {"budget-key", ONE "    budget:\n      per_dya: 20%\n",
     "penstock.yaml:6: connection \"acme\": unknown key \"per_dya\": did you mean \"per_day\"?"},
    {"budget-over", ONE "    budget:\n      reserve: 1000\n      per_day: 101%\n",
     "penstock.yaml:7: connection \"acme\": \"budget.per_day\" takes a share such as 20% (at most "
     "100%), or a number of tokens"},
    {"budget-negative", ONE "    budget: {reserve: -5}\n",
     "penstock.yaml:5: connection \"acme\": \"budget.reserve\" takes a share such as 20%"},
    {"budget-words", ONE "    budget: {backfill: half}\n",
     "penstock.yaml:5: connection \"acme\": \"budget.backfill\" takes a share such as 20%"},
    {"budget-pool", ONE "    budget: {tokens: 20%}\n",
     "penstock.yaml:5: connection \"acme\": \"budget.tokens\" takes a number of tokens"},
    {"budget-no-pool", ONE "    budget: {tokens: 0}\n",
     "penstock.yaml:5: connection \"acme\": \"budget.tokens\" is the company's whole day"},
    {"every-key", ONE "    every:\n      warm: 1h\n",
     "penstock.yaml:6: connection \"acme\": unknown key \"warm\"; known keys are hot, archived, "
     "full"},
    {"twice-key", ONE "    name: acme\n",
     "penstock.yaml:5: connection \"acme\": the key \"name\" is there twice"},
    {"no-name", "connections:\n  - api_token: env:A\n    destination: sqlite:a.db\n",
     "penstock.yaml:2: the key \"name\" is missing"},
    {"no-token", "connections:\n  - name: acme\n    destination: sqlite:a.db\n",
     "penstock.yaml:2: connection \"acme\": the key \"api_token\" is missing"},
    {"no-destination", "connections:\n  - name: acme\n    api_token: env:A\n",
     "penstock.yaml:2: connection \"acme\": the key \"destination\" is missing"},
    {"empty-value", ONE "    schema:\n",
     "penstock.yaml:5: connection \"acme\": \"schema\" has no value; write one or leave the key "
     "out"},
    {"list-value", ONE "    schema: [a]\n",
     "penstock.yaml:5: connection \"acme\": \"schema\" takes a text, not a list"},
    {"tables-text", ONE "    tables: deals\n",
     "penstock.yaml:5: connection \"acme\": \"tables\" takes a list, not a single value"},
    {"tables-mapping", ONE "    tables: [{deals: 1}]\n",
     "penstock.yaml:5: connection \"acme\": \"tables\" takes a text, not a mapping"},
    {"tables-empty", ONE "    tables: []\n",
     "penstock.yaml:5: connection \"acme\": \"tables\" is an empty list"},
    {"every-text", ONE "    every: 6h\n",
     "penstock.yaml:5: connection \"acme\": \"every\" takes a mapping with the keys hot, archived, "
     "full, not a single"},
    {"choice", ONE "    dealflow: some\n",
     "penstock.yaml:5: connection \"acme\": \"dealflow\" takes one of stages, all, off, not "
     "\"some\""},
    {"choice-list", ONE "    dealflow: [all]\n",
     "penstock.yaml:5: connection \"acme\": \"dealflow\" takes one of stages, all, off"},
    {"custom-fields", ONE "    custom_fields: Names\n",
     "penstock.yaml:5: connection \"acme\": \"custom_fields\" takes one of names, keys, json, not "
     "\"Names\""},
    {"gateway", ONE "    gateway: berlin\n",
     "penstock.yaml:5: connection \"acme\": \"gateway\" takes only none, not \"berlin\""},
    {"refresh", ONE "    refresh_every: weekly\n",
     "penstock.yaml:5: connection \"acme\": \"refresh_every\" takes a duration such as 14d, or "
     "never"},
    {"deletes", ONE "    deletes: hide\n",
     "penstock.yaml:5: connection \"acme\": \"deletes\" takes one of flag, remove, ignore"},
    {"duration", ONE "    full_every: weekly\n",
     "penstock.yaml:5: connection \"acme\": \"full_every\" takes a duration such as"},
    {"every-duration", ONE "    every:\n      hot: 0\n      full: 24\n",
     "penstock.yaml:7: connection \"acme\": \"every.full\" takes a duration such as"},
    {"date", ONE "    start_date: 31/01/2024\n",
     "penstock.yaml:5: connection \"acme\": \"start_date\" takes a day as MM/DD/YYYY or "
     "YYYY-MM-DD"},
    {"schema", ONE "    schema: 1st\n",
     "penstock.yaml:5: connection \"acme\": \"schema\" takes 1 to 40 letters"},
    {"schema-quote", ONE "    schema: \"a'b\"\n",
     "penstock.yaml:5: connection \"acme\": \"schema\" takes 1 to 40"},
    {"api-url", ONE "    api_url: localhost\n",
     "penstock.yaml:5: connection \"acme\": \"api_url\" takes a URL"},
    {"name", "connections:\n  - name: a b\n    api_token: env:A\n    destination: sqlite:a.db\n",
     "penstock.yaml:2: \"name\" takes 1 to 40 letters"},
    {"name-option",
     "connections:\n  - name: --yes\n    api_token: env:A\n    destination: sqlite:a.db\n",
     "penstock.yaml:2: \"name\" takes 1 to 40 letters"},
    {"name-twice", ONE "  - destination: sqlite:b.db\n    api_token: env:B\n    name: acme\n",
     "penstock.yaml:7: connection \"acme\": the name is taken by the connection of line 2"},
    {"alias",
     "connections:\n  - &a\n    name: acme\n    api_token: env:A\n    destination: sqlite:a.db\n  "
     "- *a\n",
     "penstock.yaml:2: connection \"acme\": aliases (*name) are not understood"},
    {"cycle", "connections: &a [*a]\n", "penstock.yaml:1: aliases (*name) are not understood"},
    {"two-documents", ONE "---\n" ONE, "penstock.yaml:6: a second document"},
    {"syntax", "connections:\n  - name: [acme\n", "penstock.yaml:3: not YAML: "},
    {"tab", "connections:\n\t- name: acme\n", "penstock.yaml:2: not YAML: "},
    {"control", ONE "    schema: \"a\\0b\"\n",
     "penstock.yaml:5: connection \"acme\": \"schema\" holds a control character"},
    {"key-list", ONE "    ? [a]\n    : b\n",
     "penstock.yaml:5: connection \"acme\": expected a key, found a list"},
};

static void refuses(gconstpointer data)
{
    const struct refused *row = data;
    struct config *config = NULL;
    g_autoptr(GError) error = NULL;
    g_assert_false(config_parse("penstock.yaml", row->text, strlen(row->text), &config, &error));
    g_assert_null(config);
    g_assert_true(error_is(error, PENSTOCK_ERROR_CONFIG));
    g_test_message("%s", error->message);
    g_assert_true(g_str_has_prefix(error->message, row->message));
}

/* --- a token in a wrong place is never repeated --- */

#define TOKEN "0123456789abcdef0123456789abcdef01234567"

static void keeps_tokens(void)
{
    static const char *const texts[] = {
        "connections:\n  - name: acme\n    api_token: " TOKEN "\n    destination: sqlite:a.db\n",
        "connections:\n  - name: acme\n    api_token: {" TOKEN
        ": x}\n    destination: sqlite:a.db\n",
        "connections:\n  - name: acme\n    api_token: [" TOKEN "]\n    destination: sqlite:a.db\n",
        ONE "    " TOKEN ": x\n",
        ONE "    dealflow: " TOKEN "\n",
        ONE "    start_date: " TOKEN "\n",
        ONE "    schema: " TOKEN "x\n",
        ONE "    full_every: " TOKEN "\n",
        ONE "    api_url: " TOKEN "\n",
        TOKEN "\n",
        TOKEN ": x\n",
    };
    for (unsigned i = 0; i < G_N_ELEMENTS(texts); i++) {
        struct config *config = NULL;
        g_autoptr(GError) error = NULL;
        g_assert_false(config_parse("penstock.yaml", texts[i], strlen(texts[i]), &config, &error));
        g_assert_null(strstr(error->message, TOKEN));
    }
}

/* --- from the file to connections --- */

struct folder {
    char *path, *config;
};

static void folder_set_up(struct folder *folder, gconstpointer unused)
{
    (void)unused;
    folder->path = g_dir_make_tmp("penstock-XXXXXX", NULL);
    folder->config = g_build_filename(folder->path, "penstock.yaml", NULL);
    g_setenv("ACME_TOKEN", "abc", TRUE);
}

static void folder_tear_down(struct folder *folder, gconstpointer unused)
{
    (void)unused;
    g_autofree char *token = g_build_filename(folder->path, "token", NULL);
    g_unlink(token);
    g_unlink(folder->config);
    g_rmdir(folder->path);
    g_free(folder->config);
    g_free(folder->path);
}

/* The connections of a command line, or NULL with *error. */
static GPtrArray *make(struct folder *folder, const char *text, const char *line, unsigned needs,
                       GError **error)
{
    g_auto(GStrv) words = NULL;
    g_autofree char *typed = g_strdup_printf("penstock %s --config %s", line, folder->config);
    struct options options;
    GPtrArray *connections = NULL;
    g_assert_true(g_file_set_contents(folder->config, text, -1, NULL));
    g_assert_true(g_shell_parse_argv(typed, NULL, &words, NULL));
    g_assert_true(options_parse(&options, (int)g_strv_length(words), words, NULL));
    if (!connections_new(&options, needs, &connections, error))
        g_assert_null(connections);
    options_done(&options);
    return connections;
}

static const struct connection *at(const GPtrArray *connections, unsigned i)
{
    return connections->pdata[i];
}

#define TWO ONE "  - name: globex\n    api_token: file:token\n    destination: sqlite:globex.db\n"
#define ALL (NEEDS_DESTINATION | NEEDS_TOKEN)

static void token_beside_config(struct folder *folder, gconstpointer unused)
{
    (void)unused;
    g_autofree char *token = g_build_filename(folder->path, "token", NULL);
    g_assert_true(g_file_set_contents(token, "xyz\n", -1, NULL));
    g_autoptr(GPtrArray) connections = make(folder, TWO, "sync", ALL, NULL);
    g_assert_cmpuint(connections->len, ==, 2);
    g_assert_cmpstr(secret_reveal(at(connections, 0)->token), ==, "abc");
    g_assert_cmpstr(secret_reveal(at(connections, 1)->token), ==, "xyz");
}

static void token_missing(struct folder *folder, gconstpointer unused)
{
    (void)unused;
    g_autoptr(GError) error = NULL;
    g_autoptr(GPtrArray) none = make(folder, TWO, "sync globex", ALL, &error);
    g_assert_null(none);
    g_autofree char *start = g_strdup_printf("%s:6: connection \"globex\": ", folder->config);
    g_assert_true(g_str_has_prefix(error->message, start));
    g_autoptr(GPtrArray) status = make(folder, TWO, "status globex", NEEDS_DESTINATION, NULL);
    g_assert_cmpuint(status->len, ==, 1);
    g_assert_null(at(status, 0)->token);
    g_autoptr(GPtrArray) acme = make(folder, TWO, "sync acme", ALL, NULL);
    g_assert_cmpuint(acme->len, ==, 1);
}

static void clash(struct folder *folder, gconstpointer unused)
{
    (void)unused;
    g_autoptr(GError) error = NULL;
    const char *same = ONE "  - name: b\n    api_token: env:B\n    destination: sqlite:./acme.db\n";
    g_autoptr(GPtrArray) none = make(folder, same, "status", NEEDS_DESTINATION, &error);
    g_assert_null(none);
    g_assert_nonnull(
        strstr(error->message, "penstock.yaml:7: connection \"b\": writes to the same tables as"));
    const char *apart =
        ONE "  - name: b\n    api_token: env:B\n    destination: sqlite:./acme.db\n    schema: b\n";
    g_autoptr(GPtrArray) both = make(folder, apart, "status", NEEDS_DESTINATION, NULL);
    g_assert_cmpuint(both->len, ==, 2);
    g_assert_cmpstr(at(both, 0)->destination_id, ==, at(both, 1)->destination_id);
}

static void unknown_destination(struct folder *folder, gconstpointer unused)
{
    (void)unused;
    g_autoptr(GError) error = NULL;
    const char *text = "connections:\n  - name: a\n    api_token: env:A\n    destination: crm.db\n";
    g_autoptr(GPtrArray) none = make(folder, text, "status", NEEDS_DESTINATION, &error);
    g_assert_null(none);
    g_assert_nonnull(strstr(error->message, "penstock.yaml:4: connection \"a\": "));
}

static void unknown_table(struct folder *folder, gconstpointer unused)
{
    (void)unused;
    g_autoptr(GError) error = NULL;
    g_autoptr(GPtrArray) none =
        make(folder, ONE "    tables: [dealz]\n", "status", NEEDS_DESTINATION, &error);
    g_assert_null(none);
    g_assert_nonnull(strstr(error->message, "penstock.yaml:5: connection \"acme\": "));
    g_assert_nonnull(strstr(error->message, "dealz"));
}

static void typed_wins(struct folder *folder, gconstpointer unused)
{
    (void)unused;
    const char *line = "sync --tables notes --dealflow all --start-date 2024-02-01 --all";
    g_autoptr(GPtrArray) connections =
        make(folder, ONE "    tables: [deals]\n    dealflow: off\n", line, ALL, NULL);
    const struct sync_settings *settings = &at(connections, 0)->settings;
    g_assert_cmpstr(settings->tables[0], ==, "notes");
    g_assert_null(settings->tables[1]);
    g_assert_cmpint(settings->dealflow, ==, DEALFLOW_ALL);
    g_assert_cmpint(settings->start_date, ==, INT64_C(1706745600) * INSTANT_SECOND);
    g_assert_true(settings->all_now);
    g_assert_cmpint(settings->deletes, ==, DELETES_FLAG);
    g_autoptr(GPtrArray) removing =
        make(folder, ONE "    deletes: ignore\n", "refresh --deletes remove", ALL, NULL);
    g_assert_cmpint(at(removing, 0)->settings.deletes, ==, DELETES_REMOVE);
}

static void reset_names(struct folder *folder, gconstpointer unused)
{
    (void)unused;
    const unsigned needs = NEEDS_DESTINATION | NEEDS_ONE_NAME;
    g_autoptr(GError) error = NULL;
    g_autoptr(GPtrArray) none = make(folder, TWO, "reset", needs, &error);
    g_assert_null(none);
    g_assert_nonnull(strstr(error->message, "name the connection"));
    g_autoptr(GPtrArray) some =
        make(folder, ONE "    tables: [persons]\n", "reset acme deals notes", needs, NULL);
    g_assert_cmpuint(g_strv_length(at(some, 0)->settings.tables), ==, 2);
    g_autoptr(GPtrArray) all =
        make(folder, ONE "    tables: [persons]\n", "reset acme", needs, NULL);
    g_assert_null(at(all, 0)->settings.tables);
}

static void unknown_name(struct folder *folder, gconstpointer unused)
{
    (void)unused;
    g_autoptr(GError) error = NULL;
    g_autoptr(GPtrArray) none = make(folder, TWO, "status acne", NEEDS_DESTINATION, &error);
    g_assert_null(none);
    g_assert_cmpstr(error->message, ==, "unknown connection \"acne\"; did you mean acme?");
}

static void missing_file(void)
{
    struct config *config = NULL;
    g_autoptr(GError) error = NULL;
    g_assert_false(config_load("/nonexistent/penstock.yaml", &config, &error));
    g_assert_true(error_is(error, PENSTOCK_ERROR_CONFIG));
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/config/smallest", smallest);
    g_test_add_func("/config/everything", everything);
    for (unsigned i = 0; i < G_N_ELEMENTS(refused); i++) {
        g_autofree char *path = g_strdup_printf("/config/refuses/%s", refused[i].name);
        g_test_add_data_func(path, &refused[i], refuses);
    }
    g_test_add_func("/config/keeps_tokens", keeps_tokens);
    g_test_add_func("/config/missing_file", missing_file);
#define ADD(function)                                                                              \
    g_test_add("/config/" #function, struct folder, NULL, folder_set_up, function, folder_tear_down)
    ADD(token_beside_config);
    ADD(token_missing);
    ADD(clash);
    ADD(unknown_destination);
    ADD(unknown_table);
    ADD(typed_wins);
    ADD(reset_names);
    ADD(unknown_name);
    return g_test_run();
}
