/* See client_private.h: what comes in, and what curl's results mean for the caller.
 *
 * Facts about libcurl are from its 7.88 manual pages. */
#include <string.h>

#include "http/client_private.h"

/* Interim and final headers of one answer together; Pipedrive sends about 2 KiB. */
#define HEADER_BYTES_MAX ((size_t)256 * 1024)
#define BODY_BYTES_FIRST ((size_t)16 * 1024)
/* A header number above this means nothing: no limit, budget or wait is that large. */
#define HEADER_NUMBER_MAX INT64_C(1000000000000)

/* --- what comes in --- */

/* Values are read with curl_easy_header() at the end, which knows interim answers and trailers. */
size_t request_on_header(char *line, size_t size, size_t count, void *opaque)
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

size_t request_on_body(char *bytes, size_t size, size_t count, void *opaque)
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

void request_read_head(struct request *request)
{
    long status = 0;
    curl_easy_getinfo(request->easy, CURLINFO_RESPONSE_CODE, &status);
    request->answer->status = (int)status;
    headers_read(request->easy, &request->answer->headers);
}

/* --- how a request fails --- */

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

void request_fail_curl(struct request *request, CURLcode code)
{
    const struct http_client *client = request->client;
    bool is_second_try = code == CURLE_ABORTED_BY_CALLBACK; /* stopped: what broke was the first */
    if (is_second_try)
        code = CURLE_GOT_NOTHING;
    const struct fault *fault = fault_find(request, code);
    const char *text = request->curl_text[0] != '\0' && !is_second_try ? request->curl_text
                                                                       : curl_easy_strerror(code);
    bool is_passing = fault->passes && client->reached;
    char *message = fault->kind == PENSTOCK_ERROR_TOO_LARGE
                        ? g_strdup_printf("%s: %s of %zu bytes", client->host, fault->advice,
                                          request->ceiling_bytes)
                        : g_strdup_printf("%s: %s (%s)", client->host, fault->advice, text);
    request_fail(request, is_passing ? PENSTOCK_ERROR_RETRY : fault->kind, message);
}

void request_fail_stalled(struct request *request)
{
    const struct http_client *client = request->client;
    request_fail(request, PENSTOCK_ERROR_RETRY,
                 g_strdup_printf("%s: nothing was received for %" G_GINT64_FORMAT
                                 " ms: check the network, or wait until the server is faster",
                                 client->host, client->stall_timeout_ms));
}

void request_finish_body(struct request *request)
{
    struct http_answer *answer = request->answer;
    if (answer->body == NULL)
        return;
    /* give back what doubling took too much: bodies wait in memory until they are parsed */
    answer->body = g_realloc(answer->body, answer->body_bytes + HTTP_BODY_PADDING);
    memset(answer->body + answer->body_bytes, 0, HTTP_BODY_PADDING);
}

/* --- the answer, for its taker --- */

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
