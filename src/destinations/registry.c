#include "destinations/registry.h"

#include <string.h>

#include "destinations/mysql.h"
#include "destinations/postgres.h"
#include "destinations/sqlite.h"

const struct destination_ops *const destinations[] = {
    &sqlite_destination,
    &postgres_destination,
    &mysql_destination,
    NULL,
};

static char *known_urls(void)
{
    g_autoptr(GString) text = g_string_new(NULL);
    for (unsigned i = 0; destinations[i]; i++)
        g_string_append_printf(text, "%s%s", i ? ", " : "", destinations[i]->url_help);
    return g_string_free(g_steal_pointer(&text), false);
}

/* The part of a URL that may be shown: what follows the scheme may hold a password. */
static size_t scheme_length(const char *url)
{
    size_t length = strspn(url, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+-");
    return url[length] == ':' ? length : 0;
}

static bool is_scheme(const char *scheme, const char *url, size_t length)
{
    return scheme && strlen(scheme) == length && g_ascii_strncasecmp(url, scheme, length) == 0;
}

const struct destination_ops *destination_for_url(const char *url, GError **error)
{
    size_t length = scheme_length(url);
    for (unsigned i = 0; destinations[i] && length; i++) {
        if (is_scheme(destinations[i]->scheme, url, length) ||
            is_scheme(destinations[i]->alias, url, length))
            return destinations[i];
    }
    g_autofree char *known = known_urls();
    if (length)
        error_setf(error, PENSTOCK_ERROR_CONFIG,
                   "no destination is called \"%.*s\": choose one of %s", (int)length, url, known);
    else if (strchr(url, '@'))
        error_setf(error, PENSTOCK_ERROR_CONFIG, "the destination is not a URL: choose one of %s",
                   known);
    else
        error_setf(error, PENSTOCK_ERROR_CONFIG,
                   "the destination \"%s\" is not a URL: for an SQLite database write sqlite:%s "
                   "(known are %s)",
                   url, *url ? url : "crm.db", known);
    return NULL;
}
