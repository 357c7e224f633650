#include "cli/config.h"
#include "cli/config_schema.h"
#include "cli/format.h"
#include "sync/sync.h"

#include <string.h>

/* --- libcyaml --- */

/* Without a log: what a person needs to know, the lint has said with more words. */
static const cyaml_config_t cyaml_settings = {.mem_fn = cyaml_mem, .flags = CYAML_CFG_NO_ALIAS};

static bool load_document(struct config *config, const char *bytes, size_t length, GError **error)
{
    cyaml_err_t result = cyaml_load_data((const uint8_t *)bytes, length, &cyaml_settings,
                                         &config_schema, (cyaml_data_t **)&config->document, NULL);
    if (result == CYAML_OK)
        return true;
    error_setf(error, PENSTOCK_ERROR_CONFIG, "%s: %s", config->path, cyaml_strerror(result));
    return false;
}

/* --- errors with a line --- */

static unsigned line_of(const struct config *config, unsigned connection, const char *key)
{
    g_autofree char *place = g_strdup_printf("connections[%u]", connection);
    g_autofree char *exact = g_strdup_printf("%s.%s", place, key);
    gpointer line = NULL;
    if (!g_hash_table_lookup_extended(config->lines, exact, NULL, &line))
        line = g_hash_table_lookup(config->lines, place);
    return GPOINTER_TO_UINT(line);
}

void config_error(const struct config *config, unsigned connection, const char *key, GError **error,
                  const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    g_autofree char *text = g_strdup_vprintf(format, arguments);
    va_end(arguments);
    const char *name = config->document->connections[connection].name;
    unsigned line = line_of(config, connection, key);
    if (connection_name_is_valid(name))
        error_setf(error, PENSTOCK_ERROR_CONFIG, "%s:%u: connection \"%s\": %s", config->path, line,
                   name, text);
    else
        error_setf(error, PENSTOCK_ERROR_CONFIG, "%s:%u: %s", config->path, line, text);
}

/* --- what the values mean --- */

static bool read_duration(const struct config *config, unsigned i, const char *key,
                          const char *text, int64_t *ret, GError **error)
{
    *ret = -1;
    if (text == NULL || duration_parse(text, ret))
        return true;
    config_error(config, i, key, error, "\"%s\" takes a duration such as 0, 90s, 15m, 6h or 7d",
                 key);
    return false;
}

static bool read_refresh_every(const struct config *config, unsigned i, GError **error)
{
    const char *text = config->document->connections[i].refresh_every;
    int64_t *ret = &config->values[i].refresh_every_s;
    *ret = -1;
    if (text == NULL || duration_parse(text, ret))
        return true;
    if (strcmp(text, "never") == 0) {
        *ret = 0;
        return true;
    }
    config_error(config, i, "refresh_every", error,
                 "\"refresh_every\" takes a duration such as 14d, or never");
    return false;
}

static bool read_durations(const struct config *config, unsigned i, GError **error)
{
    const struct config_connection *connection = &config->document->connections[i];
    struct config_values *values = &config->values[i];
    return read_duration(config, i, "every.hot", connection->every.hot, &values->every_s[0],
                         error) &&
           read_duration(config, i, "every.archived", connection->every.archived,
                         &values->every_s[1], error) &&
           read_duration(config, i, "every.full", connection->every.full, &values->every_s[2],
                         error) &&
           read_duration(config, i, "full_every", connection->full_every, &values->full_every_s,
                         error) &&
           read_refresh_every(config, i, error);
}

static bool read_amount(const struct config *config, unsigned i, const char *key, const char *text,
                        bool may_be_percent, struct budget_amount *ret, GError **error)
{
    *ret = (struct budget_amount){0};
    if (text == NULL || budget_amount_parse(text, may_be_percent, ret))
        return true;
    config_error(config, i, key, error, "\"%s\" takes %s", key,
                 may_be_percent ? "a share such as 20% (at most 100%), or a number of tokens"
                                : "a number of tokens");
    return false;
}

static bool read_budget(const struct config *config, unsigned i, GError **error)
{
    const struct config_budget *from = &config->document->connections[i].budget;
    struct budget_settings *to = &config->values[i].budget;
    if (!read_amount(config, i, "budget.per_day", from->per_day, true, &to->per_day, error) ||
        !read_amount(config, i, "budget.reserve", from->reserve, true, &to->reserve, error) ||
        !read_amount(config, i, "budget.backfill", from->backfill, true, &to->backfill, error) ||
        !read_amount(config, i, "budget.tokens", from->tokens, false, &to->pool, error))
        return false;
    if (to->pool.is_set && to->pool.value == 0)
        config_error(config, i, "budget.tokens", error,
                     "\"budget.tokens\" is the company's whole day and cannot be 0; to spend "
                     "nothing, set \"budget.per_day\" to 0");
    return !(to->pool.is_set && to->pool.value == 0);
}

static bool read_day(const struct config *config, unsigned i, GError **error)
{
    const char *text = config->document->connections[i].start_date;
    instant_t *ret = &config->values[i].start_date;
    *ret = INSTANT_NONE;
    if (text == NULL || instant_parse_day(text, ret))
        return true;
    config_error(config, i, "start_date", error,
                 "\"start_date\" takes a day as MM/DD/YYYY or YYYY-MM-DD");
    return false;
}

static bool check_token(const struct config *config, unsigned i, GError **error)
{
    const char *reference = config->document->connections[i].api_token;
    bool is_reference = (g_str_has_prefix(reference, "env:") && reference[4] != '\0') ||
                        (g_str_has_prefix(reference, "file:") && reference[5] != '\0');
    if (!is_reference)
        config_error(
            config, i, "api_token", error,
            "\"api_token\" takes env:NAME or file:PATH, so that no token stands in this file; "
            "if one does, take it out");
    return is_reference;
}

static bool check_names(const struct config *config, unsigned i, GHashTable *names, GError **error)
{
    const struct config_connection *connection = &config->document->connections[i];
    gpointer first = NULL;
    if (!connection_name_is_valid(connection->name)) {
        config_error(config, i, "name", error,
                     "\"name\" takes 1 to 40 letters, digits, - and _, and no - first");
    } else if (g_hash_table_lookup_extended(names, connection->name, NULL, &first)) {
        config_error(config, i, "name", error, "the name is taken by the connection of line %u",
                     line_of(config, GPOINTER_TO_UINT(first), "name"));
    } else if (connection->schema != NULL && !schema_is_valid(connection->schema)) {
        config_error(
            config, i, "schema", error,
            "\"schema\" takes 1 to 40 letters, digits and underscores, and no digit first");
    } else {
        g_hash_table_insert(names, connection->name, GUINT_TO_POINTER(i));
        return true;
    }
    return false;
}

static bool check_api_url(const struct config *config, unsigned i, GError **error)
{
    const char *url = config->document->connections[i].api_url;
    g_autoptr(GError) inner = NULL;
    bool is_url =
        url == NULL || g_str_has_prefix(url, "https://") || g_str_has_prefix(url, "http://");
    if (!is_url)
        config_error(config, i, "api_url", error,
                     "\"api_url\" takes a URL that begins with https://");
    else if (url != NULL && !sync_api_url_check(url, &inner))
        config_error(config, i, "api_url", error, "%s", inner->message);
    else
        return true;
    return false;
}

static bool check_connections(struct config *config, GError **error)
{
    g_autoptr(GHashTable) names = g_hash_table_new(g_str_hash, g_str_equal);
    config->values = g_new0(struct config_values, config->document->connection_count);
    for (unsigned i = 0; i < config->document->connection_count; i++)
        if (!check_names(config, i, names, error) || !check_token(config, i, error) ||
            !check_api_url(config, i, error) || !read_day(config, i, error) ||
            !read_durations(config, i, error) || !read_budget(config, i, error))
            return false;
    return true;
}

/* --- life --- */

bool config_parse(const char *path, const char *bytes, size_t length, struct config **ret,
                  GError **error)
{
    struct config *config = g_new0(struct config, 1);
    config->path = g_strdup(path);
    config->lines = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    if (!config_lint(path, bytes, length, config->lines, error) ||
        !load_document(config, bytes, length, error) || !check_connections(config, error)) {
        config_free(config);
        return false;
    }
    *ret = config;
    return true;
}

bool config_load(const char *path, struct config **ret, GError **error)
{
    g_autofree char *bytes = NULL;
    gsize length = 0;
    g_autoptr(GError) file_error = NULL;
    if (!g_file_get_contents(path, &bytes, &length, &file_error)) {
        error_setf(error, PENSTOCK_ERROR_CONFIG, "cannot read the configuration: %s",
                   file_error->message);
        return false;
    }
    if (length > CONFIG_MAX_BYTES) {
        error_setf(error, PENSTOCK_ERROR_CONFIG,
                   "%s: larger than 1 MiB: this is no configuration file", path);
        return false;
    }
    return config_parse(path, bytes, length, ret, error);
}

void config_free(struct config *config)
{
    if (config == NULL)
        return;
    cyaml_free(&cyaml_settings, &config_schema, config->document, 0);
    g_hash_table_unref(config->lines);
    g_free(config->values);
    g_free(config->path);
    g_free(config);
}
