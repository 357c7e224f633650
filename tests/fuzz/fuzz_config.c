/* penstock.yaml from whoever wrote it: a configuration, or a CONFIG error with a line; nothing
 * else. What the lint lets through, libcyaml takes too, or the message would have no line. */
#include "cli/config.h"
#include "fuzz.h"

#include <string.h>

#define FILE_NAME "penstock.yaml"

static void check_config(const struct config *config)
{
    g_assert_cmpuint(config->document->connection_count, >, 0);
    for (unsigned i = 0; i < config->document->connection_count; i++) {
        const struct config_connection *connection = &config->document->connections[i];
        g_autoptr(GError) error = NULL;
        g_assert_nonnull(connection->name);
        g_assert_nonnull(connection->destination);
        g_assert_true(g_str_has_prefix(connection->api_token, "env:") ||
                      g_str_has_prefix(connection->api_token, "file:"));
        config_error(config, i, "tables", &error, "x");
        g_assert_true(g_str_has_prefix(error->message, FILE_NAME ":"));
        g_assert_false(g_str_has_prefix(error->message, FILE_NAME ":0"));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct config *config = NULL;
    g_autoptr(GError) error = NULL;

    if (size > 65536)
        return 0;
    if (config_parse(FILE_NAME, (const char *)data, size, &config, &error)) {
        check_config(config);
        config_free(config);
        return 0;
    }
    g_assert_null(config);
    g_assert_error(error, PENSTOCK_ERROR, PENSTOCK_ERROR_CONFIG);
    g_assert_true(g_str_has_prefix(error->message, FILE_NAME ":"));
    g_assert_true(g_ascii_isdigit(error->message[strlen(FILE_NAME ":")]));
    g_assert_true(g_utf8_validate(error->message, -1, NULL));
    return 0;
}
