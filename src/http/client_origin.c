/* See client_private.h: where a client may send its token. */
#include <arpa/inet.h>
#include <string.h>

#include "http/client_private.h"

G_DEFINE_AUTOPTR_CLEANUP_FUNC(CURLU, curl_url_cleanup)

static char *url_part(CURLU *url, CURLUPart part)
{
    char *text = NULL;
    if (curl_url_get(url, part, &text, 0) != CURLUE_OK)
        return NULL;
    char *copy = g_strdup(text);
    curl_free(text);
    return copy;
}

static bool url_has(CURLU *url, CURLUPart part)
{
    g_autofree char *text = url_part(url, part);
    return text != NULL;
}

/* host as curl normalises it: 127.1 arrives as 127.0.0.1, IPv6 in brackets. Curl itself answers for
 * "localhost", without asking DNS. */
static bool host_is_loopback(const char *host)
{
    struct in_addr v4;
    if (inet_pton(AF_INET, host, &v4) == 1)
        return ntohl(v4.s_addr) >> 24 == 127;
    return g_ascii_strcasecmp(host, "localhost") == 0 || strcmp(host, "[::1]") == 0;
}

/* The messages never repeat the URL: it may hold a password. */
static bool origin_check(CURLU *url, GError **error)
{
    g_autofree char *path = url_part(url, CURLUPART_PATH);
    if (url_has(url, CURLUPART_USER) || url_has(url, CURLUPART_PASSWORD)) {
        error_setf(
            error, PENSTOCK_ERROR_CONFIG,
            "the API URL holds a user name or password: remove it, the token is the credential");
        return false;
    }
    if (g_strcmp0(path, "/") != 0 || url_has(url, CURLUPART_QUERY) ||
        url_has(url, CURLUPART_FRAGMENT)) {
        error_setf(
            error, PENSTOCK_ERROR_CONFIG,
            "the API URL has more than scheme and host: write it like https://api.pipedrive.com");
        return false;
    }
    return true;
}

static bool scheme_check(const char *scheme, const char *host, GError **error)
{
    if (strcmp(scheme, "https") == 0 || (strcmp(scheme, "http") == 0 && host_is_loopback(host)))
        return true;
    if (strcmp(scheme, "http") == 0)
        error_setf(error, PENSTOCK_ERROR_CONFIG,
                   "the API URL sends the token to %s without encryption: use https:// (http:// is "
                   "for this machine only)",
                   host);
    else
        error_setf(error, PENSTOCK_ERROR_CONFIG, "the API URL begins with %s://: use https://",
                   scheme);
    return false;
}

bool client_set_origin(struct http_client *client, const char *text, GError **error)
{
    g_autoptr(CURLU) url = curl_url();
    if (text == NULL || curl_url_set(url, CURLUPART_URL, text, 0) != CURLUE_OK) {
        error_setf(error, PENSTOCK_ERROR_CONFIG,
                   "the API URL cannot be read: write it like https://api.pipedrive.com");
        return false;
    }
    g_autofree char *scheme = url_part(url, CURLUPART_SCHEME);
    g_autofree char *host = url_part(url, CURLUPART_HOST);
    g_autofree char *port = url_part(url, CURLUPART_PORT);
    if (!origin_check(url, error) || !scheme_check(scheme, host, error))
        return false;
    client->is_tls = strcmp(scheme, "https") == 0;
    client->origin = port == NULL ? g_strdup_printf("%s://%s", scheme, host)
                                  : g_strdup_printf("%s://%s:%s", scheme, host, port);
    client->host = g_steal_pointer(&host);
    return true;
}

bool http_origin_check(const char *origin, GError **error)
{
    struct http_client unused = {0};
    bool good = client_set_origin(&unused, origin, error);
    g_free(unused.origin);
    g_free(unused.host);
    return good;
}
