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

/* ── What is wrong with the part that names a server ── */

#define ESCAPES                                                                                    \
    "in a user's name or password write @ as %40, : as %3A, / as %2F, # as %23, ? as %3F and % "   \
    "as %25"

/* host, host:port, [::1]:port, or several with commas. */
static bool has_good_ports(const char *hosts)
{
    g_auto(GStrv) each = g_strsplit(hosts, ",", -1);
    for (unsigned i = 0; each[i]; i++) {
        const char *bracket = strrchr(each[i], ']');
        const char *colon = strchr(bracket ? bracket : each[i], ':');
        guint64 port;
        if (colon && colon[1] && !g_ascii_string_to_unsigned(colon + 1, 10, 1, 65535, &port, NULL))
            return false;
    }
    return true;
}

static bool has_good_escapes(const char *text)
{
    for (; (text = strchr(text, '%')); text++) {
        if (!g_ascii_isxdigit(text[1]) || !g_ascii_isxdigit(text[2]))
            return false;
    }
    return true;
}

/* Libraries read a password that holds one of :/?#@ as something else, try to reach the host that
 * comes out, and then name a part of it. */
static const char *problem_of(const char *authority)
{
    g_autofree char *text = g_strndup(authority, strcspn(authority, "/?#"));
    const char *at = strchr(text, '@'), *rest = authority + strlen(text);
    g_autofree char *path = g_strndup(rest, strcspn(rest, "?#"));
    bool colon = strchr(text, ':') != NULL;
    for (const char *c = authority; *c; c++) {
        if (g_ascii_isspace(*c) && c < rest)
            return "has a space in it";
    }
    if ((at && strchr(at + 1, '@')) || strchr(path, '@') || (!at && colon && strchr(rest, '@')))
        return "has an @ too many, or a password with one of @/?# in it: " ESCAPES;
    if (!has_good_escapes(text))
        return "has a % that is not followed by two hexadecimal digits: " ESCAPES;
    if (!has_good_ports(at ? at + 1 : text))
        return "has a port that is no number from 1 to 65535; if that is a part of a password: "
               "" ESCAPES;
    return NULL;
}

static bool check_url(const char *url, const struct destination_ops *ops, GError **error)
{
    const char *rest = strchr(url, ':') + 1;
    bool names_server = g_str_has_prefix(rest, "//") && strstr(ops->url_help, "HOST");
    const char *problem = names_server ? problem_of(rest + 2) : NULL;
    if (!problem)
        return true;
    error_setf(error, PENSTOCK_ERROR_CONFIG, "the destination's URL %s. It is written %s", problem,
               ops->url_help);
    return false;
}

const struct destination_ops *destination_for_url(const char *url, GError **error)
{
    size_t length = scheme_length(url);
    for (unsigned i = 0; destinations[i] && length; i++) {
        if (is_scheme(destinations[i]->scheme, url, length) ||
            is_scheme(destinations[i]->alias, url, length))
            return check_url(url, destinations[i], error) ? destinations[i] : NULL;
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
