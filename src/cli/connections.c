#include "cli/connections.h"
#include "cli/config.h"
#include "cli/format.h"
#include "destinations/registry.h"

#include <stdlib.h>
#include <string.h>

static void connection_free(gpointer pointer)
{
    struct connection *connection = pointer;
    char *texts[] = {connection->name,
                     connection->destination,
                     connection->destination_id,
                     connection->token_reference,
                     connection->url,
                     connection->schema,
                     connection->api_url,
                     connection->state_dir};
    for (unsigned i = 0; i < G_N_ELEMENTS(texts); i++)
        g_free(texts[i]);
    g_strfreev(connection->tables);
    secret_free(connection->token);
    g_free(connection);
}

/* --- from the options --- */

static char **split_tables(const char *text)
{
    g_auto(GStrv) words = g_strsplit(text, ",", -1);
    GStrvBuilder *builder = g_strv_builder_new();
    for (char **word = words; *word != NULL; word++)
        if (*g_strstrip(*word) != '\0')
            g_strv_builder_add(builder, *word);
    char **tables = g_strv_builder_end(builder);
    g_strv_builder_unref(builder);
    return tables;
}

/* What was typed wins over the file. */
static void apply_options(struct connection *connection, const struct options *options)
{
    struct sync_settings *settings = &connection->settings;
    if (options->tables != NULL) {
        g_strfreev(connection->tables);
        connection->tables = split_tables(options->tables);
    }
    if (options->api_url != NULL) {
        g_free(connection->api_url);
        connection->api_url = g_strdup(options->api_url);
    }
    if (options->start_date != INSTANT_NONE)
        settings->start_date = options->start_date;
    if (options->custom_fields >= 0)
        settings->custom_fields = (enum custom_fields_mode)options->custom_fields;
    if (options->metadata >= 0)
        settings->metadata = (enum metadata_style)options->metadata;
    if (options->dealflow >= 0)
        settings->dealflow = (enum dealflow_mode)options->dealflow;
    if (options->deletes >= 0)
        settings->deletes = (enum deletes_mode)options->deletes;
    if (options->budget.is_set)
        settings->budget.per_day = options->budget;
    if (options->max_tokens >= 0)
        settings->budget.run = (struct budget_amount){.is_set = true, .value = options->max_tokens};
    if (options->state_dir != NULL && connection->state_dir == NULL)
        connection->state_dir = g_strdup(options->state_dir);
    settings->tell_price = !options->quiet && !options->json;
    settings->all_now = options->all;
    settings->assume_yes = options->yes;
    settings->memory_bytes = (size_t)MAX(options->memory_mib, 0) * 1024 * 1024;
    settings->retry_base_ms = MAX(options->retry_base_ms, 0);
    settings->timeout_ms = MAX(options->timeout_ms, 0);
    settings->lock_timeout_ms = MAX(options->lock_timeout_ms, 0);
}

/* Points the engine's record at the texts that the connection owns. */
static void finish(struct connection *connection)
{
    struct sync_settings *settings = &connection->settings;
    settings->connection = connection->name;
    settings->api_url = connection->api_url;
    settings->token = connection->token;
    settings->destination_url = connection->url;
    settings->schema = connection->schema;
    settings->state_dir = connection->state_dir;
    settings->tables = connection->tables;
}

static struct connection *connection_blank(const char *name)
{
    struct connection *connection = g_new0(struct connection, 1);
    connection->name = g_strdup(name);
    connection->settings.start_date = INSTANT_NONE;
    for (unsigned i = 0; i < G_N_ELEMENTS(connection->settings.every_s); i++)
        connection->settings.every_s[i] = -1;
    connection->settings.full_every_s = -1;
    connection->settings.refresh_every_s = -1;
    return connection;
}

/* --- destination --- */

/* "sqlite:./crm.db" and "sqlite:/home/bo/crm.db" are one database. */
static char *identify(const char *url)
{
    g_autofree char *bare = g_strndup(url, strcspn(url, "?#"));
    const char *colon = strchr(bare, ':');
    if (colon == NULL || g_str_has_prefix(colon, "://")) {
        const char *at = strrchr(bare, '@');
        return colon != NULL && at != NULL
                   ? g_strdup_printf("%.*s://%s", (int)(colon - bare), bare, at + 1)
                   : g_strdup(bare);
    }
    g_autofree char *path = g_canonicalize_filename(colon + 1, NULL);
    char *real = realpath(path, NULL);
    char *id = g_strdup_printf("%.*s:%s", (int)(colon - bare), bare, real != NULL ? real : path);
    free(real);
    return id;
}

/* postgres: and POSTGRESQL: are one, too. */
static bool set_destination(struct connection *connection, const char *url, GError **error)
{
    connection->url = g_strdup(url);
    connection->destination = url_without_password(url);
    connection->settings.driver = destination_for_url(url, error);
    if (connection->settings.driver == NULL)
        return false;
    g_autofree char *named =
        g_strconcat(connection->settings.driver->scheme, strchr(url, ':'), NULL);
    connection->destination_id = identify(named);
    return true;
}

/* --- without a configuration file --- */

static bool no_destination(GError **error)
{
    error_setf(error, PENSTOCK_ERROR_CONFIG,
               "no destination: give --to sqlite:crm.db, or write a %s (penstock discover --yaml "
               "shows one)",
               CONFIG_DEFAULT_FILE);
    return false;
}

static bool token_from_environment(struct connection *connection, unsigned needs, GError **error)
{
    const char *token = g_getenv(TOKEN_VARIABLE);
    if (token != NULL && *token != '\0') {
        g_autofree char *stripped = g_strstrip(g_strdup(token));
        connection->token = secret_new(stripped);
        memset(stripped, 0, strlen(stripped));
        return true;
    }
    if (!(needs & NEEDS_TOKEN))
        return true;
    error_setf(error, PENSTOCK_ERROR_CONFIG,
               "no API token: export %s=... (Pipedrive, Personal preferences, API)",
               TOKEN_VARIABLE);
    return false;
}

/* The only connection is called "default"; for reset, tables may follow its name. */
static bool take_default_names(struct connection *connection, const struct options *options,
                               GError **error)
{
    if (options->names[0] == NULL)
        return true;
    if (strcmp(options->names[0], "default") != 0) {
        error_setf(
            error, PENSTOCK_ERROR_CONFIG,
            "unknown connection \"%s\": without a configuration file there is only \"default\"",
            options->names[0]);
        return false;
    }
    if (options->names[1] == NULL)
        return true;
    if (options->command == COMMAND_RESET && options->tables == NULL) {
        connection->tables = g_strdupv(options->names + 1);
        return true;
    }
    error_setf(error, PENSTOCK_ERROR_CONFIG, "\"%s\" is one word too many; see penstock %s --help",
               options->names[1], command_rows[options->command].name);
    return false;
}

static bool from_options(const struct options *options, unsigned needs, GPtrArray *all,
                         GError **error)
{
    struct connection *connection = connection_blank("default");
    g_ptr_array_add(all, connection);
    if (!take_default_names(connection, options, error))
        return false;
    apply_options(connection, options);
    connection->schema = g_strdup(options->schema);
    if (options->to == NULL && needs & NEEDS_DESTINATION)
        return no_destination(error);
    if (options->to != NULL && !set_destination(connection, options->to, error))
        return false;
    if (needs & (NEEDS_TOKEN | WANTS_TOKEN) && !token_from_environment(connection, needs, error))
        return false;
    finish(connection);
    return sync_settings_check(&connection->settings, error);
}

/* --- with one --- */

/* A relative file: belongs to the configuration's folder. */
static char *resolve_reference(const struct config *config, const char *reference)
{
    if (!g_str_has_prefix(reference, "file:") || g_path_is_absolute(reference + strlen("file:")))
        return g_strdup(reference);
    g_autofree char *folder = g_path_get_dirname(config->path);
    return g_strdup_printf("file:%s/%s", folder, reference + strlen("file:"));
}

static bool token_from_config(struct connection *connection, const struct config *config,
                              unsigned i, unsigned needs, GError **error)
{
    g_autoptr(GError) inner = NULL;
    if (secret_from_reference(connection->token_reference, &connection->token, &inner) ||
        !(needs & NEEDS_TOKEN))
        return true;
    config_error(config, i, "api_token", error, "%s", inner->message);
    return false;
}

static char **tables_of(const struct config_connection *from)
{
    if (from->table_count == 0)
        return NULL;
    char **tables = g_new0(char *, from->table_count + 1);
    for (unsigned i = 0; i < from->table_count; i++)
        tables[i] = g_strdup(from->tables[i]);
    return tables;
}

static struct connection *connection_from_config(const struct config *config, unsigned i)
{
    const struct config_connection *from = &config->document->connections[i];
    const struct config_values *values = &config->values[i];
    struct connection *connection = connection_blank(from->name);
    connection->schema = g_strdup(from->schema);
    connection->api_url = g_strdup(from->api_url);
    connection->tables = tables_of(from);
    connection->token_reference = resolve_reference(config, from->api_token);
    connection->settings.start_date = values->start_date;
    connection->settings.custom_fields = (enum custom_fields_mode)from->custom_fields;
    connection->settings.dealflow = (enum dealflow_mode)from->dealflow;
    connection->settings.metadata = (enum metadata_style)from->metadata;
    memcpy(connection->settings.every_s, values->every_s, sizeof values->every_s);
    connection->settings.deletes = (enum deletes_mode)from->deletes;
    connection->settings.full_every_s = values->full_every_s;
    connection->settings.refresh_every_s = values->refresh_every_s;
    connection->settings.budget = values->budget;
    return connection;
}

static bool check_destination(struct connection *connection, const struct config *config,
                              unsigned i, GError **error)
{
    g_autoptr(GError) inner = NULL;
    if (set_destination(connection, config->document->connections[i].destination, &inner))
        return true;
    config_error(config, i, "destination", error, "%s", inner->message);
    return false;
}

static bool check_tables(struct connection *connection, const struct config *config, unsigned i,
                         GError **error)
{
    g_autoptr(GError) inner = NULL;
    finish(connection);
    if (sync_settings_check(&connection->settings, &inner))
        return true;
    config_error(config, i, "tables", error, "%s", inner->message);
    return false;
}

/* Two connections in one schema would overwrite each other's tables and state. Case does not tell
 * schemas apart: several databases fold it. */
static bool check_clash(const GPtrArray *all, const struct config *config, GError **error)
{
    const struct connection *last = all->pdata[all->len - 1];
    for (unsigned i = 0; i + 1 < all->len; i++) {
        const struct connection *other = all->pdata[i];
        if (strcmp(other->destination_id, last->destination_id) != 0 ||
            g_ascii_strcasecmp(other->schema != NULL ? other->schema : "",
                               last->schema != NULL ? last->schema : ""))
            continue;
        config_error(config, all->len - 1, last->schema != NULL ? "schema" : "destination", error,
                     "writes to the same tables as the connection \"%s\" (%s, %s); give each its "
                     "own \"schema\"",
                     other->name, last->destination,
                     last->schema != NULL ? last->schema : "no schema");
        return false;
    }
    return true;
}

static bool all_from_config(const struct config *config, GPtrArray *all, GError **error)
{
    for (unsigned i = 0; i < config->document->connection_count; i++) {
        struct connection *connection = connection_from_config(config, i);
        g_ptr_array_add(all, connection);
        if (!check_destination(connection, config, i, error) ||
            !check_tables(connection, config, i, error) || !check_clash(all, config, error))
            return false;
    }
    return true;
}

/* --- which of them --- */

static bool unknown_connection(const char *name, const GPtrArray *all, GError **error)
{
    g_autofree const char **names = g_new0(const char *, all->len + 1);
    for (unsigned i = 0; i < all->len; i++)
        names[i] = ((const struct connection *)all->pdata[i])->name;
    const char *near = nearest_word(name, names);
    g_autofree char *known = g_strjoinv(", ", (char **)names);
    if (near != NULL)
        error_setf(error, PENSTOCK_ERROR_CONFIG, "unknown connection \"%s\"; did you mean %s?",
                   name, near);
    else
        error_setf(error, PENSTOCK_ERROR_CONFIG, "unknown connection \"%s\"; the file has %s", name,
                   known);
    return false;
}

static bool names_exist(char **names, const GPtrArray *all, GError **error)
{
    for (; *names != NULL; names++) {
        bool found = false;
        for (unsigned i = 0; i < all->len && !found; i++)
            found = strcmp(((const struct connection *)all->pdata[i])->name, *names) == 0;
        if (!found)
            return unknown_connection(*names, all, error);
    }
    return true;
}

static bool is_named(char **names, const char *name)
{
    return names[0] == NULL || g_strv_contains((const char *const *)names, name);
}

/* reset: the first word is the connection, tables follow. */
static bool pick_one(const struct options *options, GPtrArray *all, GError **error)
{
    if (options->names[0] == NULL) {
        error_setf(error, PENSTOCK_ERROR_CONFIG, "name the connection: penstock %s CONNECTION",
                   command_rows[options->command].name);
        return false;
    }
    char *first[] = {options->names[0], NULL};
    if (!names_exist(first, all, error))
        return false;
    if (options->names[1] != NULL && options->tables != NULL) {
        error_setf(error, PENSTOCK_ERROR_CONFIG,
                   "name the tables once: after the connection, or with --tables");
        return false;
    }
    for (unsigned i = all->len; i-- > 0;)
        if (!is_named(first, ((struct connection *)all->pdata[i])->name))
            g_ptr_array_remove_index(all, i);
    struct connection *connection = all->pdata[0];
    g_clear_pointer(&connection->tables,
                    g_strfreev); /* a reset drops all, not those that are selected today */
    if (options->names[1] != NULL)
        connection->tables = g_strdupv(options->names + 1);
    return true;
}

static bool pick(const struct options *options, unsigned needs, GPtrArray *all, GError **error)
{
    if (needs & NEEDS_ONE_NAME)
        return pick_one(options, all, error);
    if (!names_exist(options->names, all, error))
        return false;
    for (unsigned i = all->len; i-- > 0;)
        if (!is_named(options->names, ((struct connection *)all->pdata[i])->name))
            g_ptr_array_remove_index(all, i);
    return true;
}

/* Index in the file, for messages; names are unique. */
static unsigned index_in(const struct config *config, const struct connection *connection)
{
    unsigned i = 0;
    while (strcmp(config->document->connections[i].name, connection->name) != 0)
        i++;
    return i;
}

static bool complete(const struct config *config, const struct options *options, unsigned needs,
                     GPtrArray *all, GError **error)
{
    for (unsigned i = 0; i < all->len; i++) {
        struct connection *connection = all->pdata[i];
        if (needs & (NEEDS_TOKEN | WANTS_TOKEN) &&
            !token_from_config(connection, config, index_in(config, connection), needs, error))
            return false;
        apply_options(connection, options);
        finish(connection);
        if (!sync_settings_check(&connection->settings, error))
            return false;
    }
    return true;
}

static bool from_config(const char *path, const struct options *options, unsigned needs,
                        GPtrArray *all, GError **error)
{
    struct config *config = NULL;
    if (!config_load(path, &config, error))
        return false;
    bool good = all_from_config(config, all, error) && pick(options, needs, all, error) &&
                complete(config, options, needs, all, error);
    config_free(config);
    return good;
}

static const char *config_path(const struct options *options)
{
    if (options->config != NULL)
        return options->config;
    bool is_default = options->to == NULL && g_file_test(CONFIG_DEFAULT_FILE, G_FILE_TEST_EXISTS);
    return is_default ? CONFIG_DEFAULT_FILE : NULL;
}

bool connections_new(const struct options *options, unsigned needs, GPtrArray **ret, GError **error)
{
    g_autoptr(GPtrArray) all = g_ptr_array_new_with_free_func(connection_free);
    const char *path = config_path(options);
    bool good = path != NULL ? from_config(path, options, needs, all, error)
                             : from_options(options, needs, all, error);
    if (good)
        *ret = g_steal_pointer(&all);
    return good;
}

char **connection_names(const struct options *options)
{
    const char *path = config_path(options);
    struct config *config = NULL;
    GStrvBuilder *builder = g_strv_builder_new();
    if (path != NULL && config_load(path, &config, NULL))
        for (unsigned i = 0; i < config->document->connection_count; i++)
            g_strv_builder_add(builder, config->document->connections[i].name);
    else if (path == NULL)
        g_strv_builder_add(builder, "default");
    char **names = g_strv_builder_end(builder);
    g_strv_builder_unref(builder);
    config_free(config);
    return names;
}
