/* See client.h. One curl multi handle; every request is an easy handle from a small free list.
 *
 * Facts about libcurl are from its 7.88 manual pages. */
#include "http/client.h"

#include <arpa/inet.h>
#include <curl/curl.h>
#include <stdatomic.h>
#include <string.h>

#define CONNECT_TIMEOUT_MS INT64_C(10000)
#define STALL_TIMEOUT_MS   INT64_C(30000)
#define TOTAL_TIMEOUT_MS   INT64_C(300000)

/* One request under way needs one handle; more than this idle ones are not worth their memory. */
#define IDLE_HANDLES_MAX 32
/* Kept open between requests (HTTP/1.1; HTTP/2 needs one). Curl's own limit is four times the
 * requests under way at this instant, which closes most of them whenever a wave of requests ends.
 */
#define IDLE_CONNECTIONS_MAX 128L
/* Interim and final headers of one answer together; Pipedrive sends about 2 KiB. */
#define HEADER_BYTES_MAX ((size_t)256 * 1024)
#define BODY_BYTES_FIRST ((size_t)16 * 1024)
/* Curl's read buffer, one a request under way: larger than its 16 KiB, for fewer system calls a
 * page. */
#define READ_BUFFER_BYTES 65536L
/* A header number above this means nothing: no limit, budget or wait is that large. */
#define HEADER_NUMBER_MAX INT64_C(1000000000000)
/* The longest single poll; the loop around it goes on. */
#define POLL_MS_MAX 60000

/* Owner of every field but woken: the thread that calls start, wait and take. */
struct http_client {
    CURLM *multi;
    char *origin; /* scheme, host, port; no slash at the end */
    char *host;   /* for messages */
    bool is_tls;
    struct secret *token;
    struct curl_slist *request_headers; /* holds the token: wiped before it is freed */
    char *user_agent;
    char *authorities; /* file of those that are trusted; NULL = the system's */
    int64_t connect_timeout_ms, stall_timeout_ms, total_timeout_ms;
    GPtrArray *idle;      /* CURL *, configured, not in the multi handle */
    GPtrArray *under_way; /* struct request *, no order */
    GQueue finished;      /* struct http_answer *, oldest first */
    int64_t left_ms;      /* when the last wait ended */
    bool reached;         /* an answer came once: name and certificate were right */
    atomic_bool woken;    /* any thread sets it, wait takes it */
};

struct request {
    struct http_client *client;
    CURL *easy;
    struct http_answer *answer;
    size_t ceiling_bytes;
    size_t capacity_bytes; /* of answer->body */
    size_t header_bytes;
    bool is_head_whole; /* the blank line came: curl takes a connection that ends before it for an
                           answer */
    bool is_too_large;
    int64_t started_ms;
    int64_t last_byte_ms; /* of the answer; the start before there is one */
    char curl_text[CURL_ERROR_SIZE];
};

G_DEFINE_AUTOPTR_CLEANUP_FUNC(CURLU, curl_url_cleanup)

/* Curl refuses an option only when it was built without it or out of memory: neither is survivable.
 */
static void must(CURLcode code)
{
    if (code != CURLE_OK)
        g_error("libcurl: %s", curl_easy_strerror(code));
}

static void must_multi(CURLMcode code)
{
    if (code != CURLM_OK)
        g_error("libcurl: %s", curl_multi_strerror(code));
}

/* --- origin --- */

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

static bool origin_set(struct http_client *client, const char *text, GError **error)
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
    bool good = origin_set(&unused, origin, error);
    g_free(unused.origin);
    g_free(unused.host);
    return good;
}

/* --- client --- */

/* A line break in a token would add headers of somebody else's choice. */
static bool token_check(const struct secret *token, GError **error)
{
    const char *text = secret_reveal(token);
    bool is_plain = text[0] != '\0';
    for (const char *at = text; *at != '\0'; at++)
        is_plain = is_plain && g_ascii_isgraph(*at);
    if (!is_plain)
        error_setf(error, PENSTOCK_ERROR_CONFIG,
                   "the API token is empty or holds characters that no token has: copy it again "
                   "from Pipedrive (Personal preferences, API)");
    return is_plain;
}

static void wipe(char *text)
{
    explicit_bzero(text, strlen(text));
}

static void request_headers_set(struct http_client *client)
{
    char *line = g_strconcat("x-api-token: ", secret_reveal(client->token), NULL);
    client->request_headers = curl_slist_append(NULL, line);
    curl_slist_append(client->request_headers, "accept: application/json");
    wipe(line);
    g_free(line);
}

static void *curl_start(void *unused)
{
    (void)unused;
    must(curl_global_init(CURL_GLOBAL_DEFAULT));
    return NULL;
}

static void settings_copy(struct http_client *client, const struct http_client_settings *settings)
{
    client->token = secret_copy(settings->token);
    client->user_agent = g_strdup(settings->user_agent);
    client->authorities = g_strdup(g_getenv("SSL_CERT_FILE")); /* as the program curl does */
    client->connect_timeout_ms =
        settings->connect_timeout_ms > 0 ? settings->connect_timeout_ms : CONNECT_TIMEOUT_MS;
    client->stall_timeout_ms =
        settings->stall_timeout_ms > 0 ? settings->stall_timeout_ms : STALL_TIMEOUT_MS;
    client->total_timeout_ms =
        settings->total_timeout_ms > 0 ? settings->total_timeout_ms : TOTAL_TIMEOUT_MS;
}

bool http_client_new(const struct http_client_settings *settings, struct http_client **ret,
                     GError **error)
{
    static GOnce once = G_ONCE_INIT;
    g_once(&once, curl_start, NULL);

    struct http_client *client = g_new0(struct http_client, 1);
    client->idle = g_ptr_array_new_with_free_func(curl_easy_cleanup);
    client->under_way = g_ptr_array_new();
    if (!token_check(settings->token, error) || !origin_set(client, settings->origin, error)) {
        http_client_free(client);
        return false;
    }
    settings_copy(client, settings);
    request_headers_set(client);
    client->multi = curl_multi_init();
    if (client->multi == NULL)
        g_error("libcurl: out of memory");
    must_multi(curl_multi_setopt(client->multi, CURLMOPT_MAXCONNECTS, IDLE_CONNECTIONS_MAX));
    *ret = client;
    return true;
}

static void request_abandon(struct request *request)
{
    must_multi(curl_multi_remove_handle(request->client->multi, request->easy));
    curl_easy_cleanup(request->easy);
    http_answer_free(request->answer);
    g_free(request);
}

void http_client_free(struct http_client *client)
{
    if (client == NULL)
        return;
    for (guint i = 0; i < client->under_way->len; i++)
        request_abandon(g_ptr_array_index(client->under_way, i));
    g_ptr_array_free(client->under_way, TRUE);
    g_queue_clear_full(&client->finished, (GDestroyNotify)http_answer_free);
    g_ptr_array_free(client->idle, TRUE);
    curl_multi_cleanup(client->multi); /* takes NULL: returns an error that means nothing here */
    for (struct curl_slist *line = client->request_headers; line != NULL; line = line->next)
        wipe(line->data);
    curl_slist_free_all(client->request_headers);
    secret_free(client->token);
    g_free(client->user_agent);
    g_free(client->authorities);
    g_free(client->origin);
    g_free(client->host);
    g_free(client);
}

/* --- what comes in --- */

/* Values are read with curl_easy_header() at the end, which knows interim answers and trailers. */
static size_t on_header(char *line, size_t size, size_t count, void *opaque)
{
    struct request *request = opaque;
    size_t length = size * count;
    request->last_byte_ms = clock_monotonic_ms();
    request->header_bytes += length;
    if (length >= 5 && memcmp(line, "HTTP/", 5) == 0)
        request->is_head_whole = false;
    else if (length > 0 && (line[0] == '\r' || line[0] == '\n'))
        request->is_head_whole = true;
    return request->header_bytes <= HEADER_BYTES_MAX ? length : 0;
}

/* What Content-Length says, as far as the ceiling allows; of a compressed body that is too little.
 */
static size_t announced_bytes(const struct request *request)
{
    curl_off_t announced = -1;
    curl_easy_getinfo(request->easy, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &announced);
    return announced > 0 ? MIN((size_t)announced, request->ceiling_bytes) : 0;
}

static void body_reserve(struct request *request, size_t body_bytes)
{
    size_t needed = body_bytes + HTTP_BODY_PADDING;
    if (needed <= request->capacity_bytes)
        return;
    size_t capacity = request->capacity_bytes
                          ? request->capacity_bytes * 2
                          : MAX(announced_bytes(request) + HTTP_BODY_PADDING, BODY_BYTES_FIRST);
    request->capacity_bytes = MAX(capacity, needed);
    request->answer->body = g_realloc(request->answer->body, request->capacity_bytes);
}

static size_t on_body(char *bytes, size_t size, size_t count, void *opaque)
{
    struct request *request = opaque;
    struct http_answer *answer = request->answer;
    size_t length = size * count;
    request->last_byte_ms = clock_monotonic_ms();
    if (length > request->ceiling_bytes - answer->body_bytes) {
        request->is_too_large = true;
        return 0; /* fewer than given: curl ends the transfer */
    }
    body_reserve(request, answer->body_bytes + length);
    memcpy(answer->body + answer->body_bytes, bytes, length);
    answer->body_bytes += length;
    return length;
}

static const char *header_text(CURL *easy, const char *name)
{
    struct curl_header *header = NULL;
    /* -1: of the last answer, when interim ones came before it */
    CURLHcode code = curl_easy_header(easy, name, 0, CURLH_HEADER, -1, &header);
    return code == CURLHE_OK ? header->value : NULL;
}

/* Digits and nothing else, up to HEADER_NUMBER_MAX; -1 otherwise. */
static int64_t header_number(CURL *easy, const char *name)
{
    const char *text = header_text(easy, name);
    int64_t number = 0;
    if (text == NULL || text[0] == '\0')
        return -1;
    for (; *text != '\0'; text++) {
        if (!g_ascii_isdigit(*text))
            return -1;
        number = number * 10 + (*text - '0');
        if (number > HEADER_NUMBER_MAX)
            return -1;
    }
    return number;
}

/* Printable ASCII that fits; "" otherwise. */
static void header_copy(CURL *easy, const char *name, char *ret, size_t size)
{
    const char *text = header_text(easy, name);
    ret[0] = '\0';
    if (text == NULL || strlen(text) >= size)
        return;
    for (const char *at = text; *at != '\0'; at++)
        if (!g_ascii_isprint(*at))
            return;
    g_strlcpy(ret, text, size);
}

/* Names: API.md section 4 (burst and daily headers seen live), section 2 (correlation id); 2026-09.
 */
static void headers_read(CURL *easy, struct http_headers *ret)
{
    const char *date = header_text(easy, "date");
    if (date == NULL || !instant_parse_http(date, &ret->date))
        ret->date = INSTANT_NONE;
    ret->burst_limit = header_number(easy, "x-ratelimit-limit");
    ret->burst_remaining = header_number(easy, "x-ratelimit-remaining");
    ret->burst_reset_s = header_number(easy, "x-ratelimit-reset");
    ret->daily_limit = header_number(easy, "x-daily-ratelimit-token-limit");
    ret->daily_remaining = header_number(easy, "x-daily-ratelimit-token-remaining");
    ret->retry_after_s = header_number(easy, "retry-after");
    header_copy(easy, "x-correlation-id", ret->request_id, sizeof ret->request_id);
    header_copy(easy, "content-type", ret->content_type, sizeof ret->content_type);
}

/* --- how a request ends --- */

/* What curl's result means for the caller. passes: wrong settings the first time, but a passing
 * fault once this client had an answer from the same host (a laptop that lost its network has no
 * DNS either). */
static const struct fault {
    CURLcode code;
    enum penstock_error kind;
    bool passes;
    const char *advice;
} faults[] = {
    {CURLE_COULDNT_RESOLVE_HOST, PENSTOCK_ERROR_CONFIG, true,
     "the host name is unknown: check the API URL and this machine's network and DNS"},
    {CURLE_COULDNT_RESOLVE_PROXY, PENSTOCK_ERROR_CONFIG, true,
     "the proxy's name is unknown: check the variables https_proxy and all_proxy"},
    {CURLE_SSL_CONNECT_ERROR, PENSTOCK_ERROR_CONFIG, true,
     "no secure connection: check the API URL and what stands between (proxy, firewall)"},
    {CURLE_PEER_FAILED_VERIFICATION, PENSTOCK_ERROR_CONFIG, false,
     "the server's certificate is not trusted: check the API URL and this machine's clock; behind "
     "a company proxy add its certificate to the system's (update-ca-certificates), or name a file "
     "with it in SSL_CERT_FILE"},
    {CURLE_SSL_CACERT_BADFILE, PENSTOCK_ERROR_CONFIG, false,
     "this machine's certificates cannot be read: check SSL_CERT_FILE, or install the package "
     "ca-certificates"},
    {CURLE_SSL_CERTPROBLEM, PENSTOCK_ERROR_CONFIG, false,
     "the certificate was refused: check the API URL and this machine's TLS settings"},
    {CURLE_SSL_CIPHER, PENSTOCK_ERROR_CONFIG, false,
     "no common cipher: check the API URL and this machine's TLS settings"},
    {CURLE_FILESIZE_EXCEEDED, PENSTOCK_ERROR_TOO_LARGE, false, "the answer is over the ceiling"},
    {CURLE_URL_MALFORMAT, PENSTOCK_ERROR_BUG, false, "a request path is malformed: report this"},
    {CURLE_COULDNT_CONNECT, PENSTOCK_ERROR_RETRY, false,
     "no connection: check the network, or wait until the server is back"},
    {CURLE_OPERATION_TIMEDOUT, PENSTOCK_ERROR_RETRY, false,
     "timed out: check the network, or wait until the server is faster"},
    {CURLE_PARTIAL_FILE, PENSTOCK_ERROR_RETRY, false, "the answer was cut off"},
    {CURLE_GOT_NOTHING, PENSTOCK_ERROR_RETRY, false, "the connection closed without an answer"},
    {CURLE_BAD_CONTENT_ENCODING, PENSTOCK_ERROR_RETRY, false, "the compressed answer is damaged"},
    /* the scheme was checked before: this is a first line that is not HTTP */
    {CURLE_UNSUPPORTED_PROTOCOL, PENSTOCK_ERROR_RETRY, false,
     "the answer is not HTTP: check the API URL"},
};

static const struct fault fault_other = {CURLE_OK, PENSTOCK_ERROR_RETRY, false,
                                         "the connection broke: check the network"};
static const struct fault fault_headers = {CURLE_OK, PENSTOCK_ERROR_RETRY, false,
                                           "the answer has too many headers"};
static const struct fault fault_large = {CURLE_OK, PENSTOCK_ERROR_TOO_LARGE, false,
                                         "the answer is over the ceiling"};
static const struct fault fault_proxy = {CURLE_OK, PENSTOCK_ERROR_CONFIG, false,
                                         "the proxy refused: check the variables https_proxy and "
                                         "no_proxy, and the proxy's user name and password"};

static const struct fault *fault_find(const struct request *request, CURLcode code)
{
    long connect_status = 0; /* of the proxy's own answer to CONNECT */
    curl_easy_getinfo(request->easy, CURLINFO_HTTP_CONNECTCODE, &connect_status);
    if (request->is_too_large)
        return &fault_large;
    if (request->header_bytes > HEADER_BYTES_MAX)
        return &fault_headers;
    if (connect_status >= 400 && connect_status < 500)
        return &fault_proxy;
    for (size_t i = 0; i < G_N_ELEMENTS(faults); i++)
        if (faults[i].code == code)
            return &faults[i];
    return &fault_other;
}

static void detail_set(const struct request *request, GError *error)
{
    struct error_detail detail = {.origin_code = request->answer->status};
    long os_error = 0;
    curl_easy_getinfo(request->easy, CURLINFO_OS_ERRNO, &os_error);
    if (detail.origin_code == 0)
        detail.origin_code = (int)os_error;
    g_strlcpy(detail.request_id, request->answer->headers.request_id, sizeof detail.request_id);
    error_set_detail(error, &detail);
}

/* Takes message. Half a body is dropped, so that nobody reads it by accident. */
static void request_fail(struct request *request, enum penstock_error kind, char *message)
{
    struct http_answer *answer = request->answer;
    secret_redact(request->client->token, message);
    answer->error = g_error_new_literal(PENSTOCK_ERROR, (int)kind, message);
    detail_set(request, answer->error);
    g_clear_pointer(&answer->body, g_free);
    answer->body_bytes = 0;
    g_free(message);
}

static void request_fail_curl(struct request *request, CURLcode code)
{
    const struct http_client *client = request->client;
    const struct fault *fault = fault_find(request, code);
    const char *text =
        request->curl_text[0] != '\0' ? request->curl_text : curl_easy_strerror(code);
    bool is_passing = fault->passes && client->reached;
    char *message = fault->kind == PENSTOCK_ERROR_TOO_LARGE
                        ? g_strdup_printf("%s: %s of %zu bytes", client->host, fault->advice,
                                          request->ceiling_bytes)
                        : g_strdup_printf("%s: %s (%s)", client->host, fault->advice, text);
    request_fail(request, is_passing ? PENSTOCK_ERROR_RETRY : fault->kind, message);
}

static void request_fail_stalled(struct request *request)
{
    const struct http_client *client = request->client;
    request_fail(request, PENSTOCK_ERROR_RETRY,
                 g_strdup_printf("%s: nothing was received for %" G_GINT64_FORMAT
                                 " ms: check the network, or wait until the server is faster",
                                 client->host, client->stall_timeout_ms));
}

static void body_finish(struct request *request)
{
    struct http_answer *answer = request->answer;
    if (answer->body == NULL)
        return;
    /* give back what doubling took too much: bodies wait in memory until they are parsed */
    answer->body = g_realloc(answer->body, answer->body_bytes + HTTP_BODY_PADDING);
    memset(answer->body + answer->body_bytes, 0, HTTP_BODY_PADDING);
}

static void handle_retire(struct http_client *client, CURL *easy)
{
    if (client->idle->len >= IDLE_HANDLES_MAX) {
        curl_easy_cleanup(easy);
        return;
    }
    must(curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, NULL));
    must(curl_easy_setopt(easy, CURLOPT_PRIVATE, NULL));
    g_ptr_array_add(client->idle, easy);
}

/* From under_way to finished; the handle goes back to the free list. Frees request. */
static void request_end(struct request *request)
{
    struct http_client *client = request->client;
    struct http_answer *answer = request->answer;
    client->reached = client->reached || answer->status != 0;
    body_finish(request);
    answer->took_ms = clock_monotonic_ms() - request->started_ms;
    g_queue_push_tail(&client->finished, answer);
    must_multi(curl_multi_remove_handle(client->multi, request->easy));
    handle_retire(client, request->easy);
    g_ptr_array_remove_fast(client->under_way, request);
    g_free(request);
}

static void request_read_head(struct request *request)
{
    long status = 0;
    curl_easy_getinfo(request->easy, CURLINFO_RESPONSE_CODE, &status);
    request->answer->status = (int)status;
    headers_read(request->easy, &request->answer->headers);
}

static void collect_done(struct http_client *client)
{
    CURLMsg *message;
    int left;
    while ((message = curl_multi_info_read(client->multi, &left)) != NULL) {
        struct request *request = NULL;
        CURLcode code = message->data.result; /* CURLMSG_DONE is the only message there is */
        curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &request);
        request_read_head(request);
        if (code == CURLE_OK && !request->is_head_whole)
            code = CURLE_PARTIAL_FILE;
        if (code != CURLE_OK)
            request_fail_curl(request, code);
        request_end(request);
    }
}

/* Curl's own low-speed limit works on an average over five seconds, and in whole seconds: too
 * blunt. */
static void end_stalled(struct http_client *client)
{
    int64_t now_ms = clock_monotonic_ms();
    for (guint i = client->under_way->len; i > 0; i--) {
        struct request *request = g_ptr_array_index(client->under_way, i - 1);
        if (now_ms - request->last_byte_ms < client->stall_timeout_ms)
            continue;
        request_read_head(request);
        request_fail_stalled(request);
        request_end(request);
    }
}

/* --- start, wait, take --- */

static CURL *handle_new(const struct http_client *client)
{
    CURL *easy = curl_easy_init();
    if (easy == NULL)
        g_error("libcurl: out of memory");
    must(curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L));
    must(curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, client->is_tls ? "https" : "http"));
    /* A redirect is an answer like any other; the credential stays with the origin. */
    must(curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L));
    must(curl_easy_setopt(easy, CURLOPT_HTTPHEADER, client->request_headers));
    must(curl_easy_setopt(easy, CURLOPT_HEADEROPT, (long)CURLHEADER_SEPARATE)); /* not to a proxy */
    must(curl_easy_setopt(easy, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L));
    /* Without TLS the origin is this machine: a proxy would carry the token in the clear. */
    if (!client->is_tls)
        must(curl_easy_setopt(easy, CURLOPT_NOPROXY, "*"));
    must(curl_easy_setopt(easy, CURLOPT_USERAGENT, client->user_agent));
    must(curl_easy_setopt(easy, CURLOPT_ACCEPT_ENCODING, "")); /* all that curl knows */
    must(curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_2TLS));
    /* Rather wait for the first handshake and share the connection than open one a request. */
    must(curl_easy_setopt(easy, CURLOPT_PIPEWAIT, client->is_tls ? 1L : 0L));
    if (client->authorities && *client->authorities)
        must(curl_easy_setopt(easy, CURLOPT_CAINFO, client->authorities));
    must(curl_easy_setopt(easy, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2));
    must(curl_easy_setopt(easy, CURLOPT_TCP_KEEPALIVE, 1L));
    must(curl_easy_setopt(easy, CURLOPT_BUFFERSIZE, READ_BUFFER_BYTES));
    must(curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, (long)client->connect_timeout_ms));
    must(curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, (long)client->total_timeout_ms));
    must(curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_header));
    must(curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body));
    return easy;
}

static CURL *handle_take(struct http_client *client)
{
    if (client->idle->len == 0)
        return handle_new(client);
    return g_ptr_array_steal_index_fast(client->idle, client->idle->len - 1);
}

static void handle_aim(struct request *request, const char *url)
{
    CURL *easy = request->easy;
    must(curl_easy_setopt(easy, CURLOPT_URL, url));
    must(curl_easy_setopt(easy, CURLOPT_PRIVATE, request));
    must(curl_easy_setopt(easy, CURLOPT_HEADERDATA, request));
    must(curl_easy_setopt(easy, CURLOPT_WRITEDATA, request));
    must(curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, request->curl_text));
    /* Ends early when Content-Length alone is over the ceiling; on_body counts what is
     * decompressed. 0 would mean no limit. */
    must(curl_easy_setopt(easy, CURLOPT_MAXFILESIZE_LARGE,
                          (curl_off_t)CLAMP(request->ceiling_bytes, 1, (size_t)G_MAXINT64)));
}

void http_client_start(struct http_client *client, const char *path_and_query, size_t ceiling_bytes,
                       void *opaque)
{
    g_assert(path_and_query[0] == '/');
    struct request *request = g_new0(struct request, 1);
    request->client = client;
    request->ceiling_bytes = ceiling_bytes;
    request->started_ms = request->last_byte_ms = clock_monotonic_ms();
    request->answer = g_new0(struct http_answer, 1);
    request->answer->opaque = opaque;
    request->easy = handle_take(client);
    g_autofree char *url = g_strconcat(client->origin, path_and_query, NULL);
    handle_aim(request, url);
    g_ptr_array_add(client->under_way, request);
    must_multi(curl_multi_add_handle(client->multi, request->easy));
}

/* Until the caller's deadline or the first moment at which a request counts as stalled. */
static int64_t poll_ms(const struct http_client *client, int64_t now_ms, int64_t deadline_ms)
{
    int64_t until_ms = MIN(deadline_ms, now_ms + POLL_MS_MAX);
    for (guint i = 0; i < client->under_way->len; i++) {
        const struct request *request = g_ptr_array_index(client->under_way, i);
        until_ms = MIN(until_ms, request->last_byte_ms + client->stall_timeout_ms);
    }
    return MAX(until_ms - now_ms, 0);
}

/* While the owner was elsewhere nothing could be received: that time is no silence of the server.
 */
static void forgive_absence(struct http_client *client, int64_t now_ms)
{
    int64_t absence_ms = now_ms - client->left_ms;
    for (guint i = 0; i < client->under_way->len; i++) {
        struct request *request = g_ptr_array_index(client->under_way, i);
        request->last_byte_ms = MIN(request->last_byte_ms + absence_ms, now_ms);
    }
}

/* True when the caller of wait should look. */
static bool drive(struct http_client *client)
{
    int running;
    must_multi(curl_multi_perform(client->multi, &running));
    collect_done(client);
    end_stalled(client);
    return atomic_exchange(&client->woken, false) || !g_queue_is_empty(&client->finished);
}

void http_client_wait(struct http_client *client, int64_t timeout_ms)
{
    int64_t now_ms = clock_monotonic_ms();
    int64_t deadline_ms =
        timeout_ms < 0 || timeout_ms > G_MAXINT64 - now_ms ? G_MAXINT64 : now_ms + timeout_ms;
    forgive_absence(client, now_ms);
    while (!drive(client) && (now_ms = clock_monotonic_ms()) < deadline_ms)
        must_multi(curl_multi_poll(client->multi, NULL, 0,
                                   (int)poll_ms(client, now_ms, deadline_ms), NULL));
    client->left_ms = clock_monotonic_ms();
}

struct http_answer *http_client_take(struct http_client *client)
{
    return g_queue_pop_head(&client->finished);
}

unsigned http_client_in_flight(const struct http_client *client)
{
    return client->under_way->len;
}

void http_client_wake(struct http_client *client)
{
    atomic_store(&client->woken, true);
    must_multi(curl_multi_wakeup(client->multi));
}

/* --- answer --- */

char *http_answer_take_body(struct http_answer *answer)
{
    return g_steal_pointer(&answer->body);
}

void http_answer_free(struct http_answer *answer)
{
    if (answer == NULL)
        return;
    g_clear_error(&answer->error);
    g_free(answer->body);
    g_free(answer);
}
