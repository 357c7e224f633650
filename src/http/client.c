/* See client.h. One curl multi handle; every request is an easy handle from a small free list.
 *
 * Facts about libcurl are from its 7.88 manual pages. */
#include <string.h>

#include "http/client_private.h"

#define CONNECT_TIMEOUT_MS INT64_C(10000)
#define STALL_TIMEOUT_MS   INT64_C(30000)
#define TOTAL_TIMEOUT_MS   INT64_C(300000)

/* One request under way needs one handle; more than this idle ones are not worth their memory. */
#define IDLE_HANDLES_MAX 32
/* Kept open between requests (HTTP/1.1; HTTP/2 needs one). Curl's own limit is four times the
 * requests under way at this instant, which closes most of them whenever a wave of requests ends.
 */
#define IDLE_CONNECTIONS_MAX 128L
/* Curl's read buffer, one a request under way: larger than its 16 KiB, for fewer system calls a
 * page. */
#define READ_BUFFER_BYTES 65536L
/* The longest single poll; the loop around it goes on. */
#define POLL_MS_MAX 60000

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
    if (!token_check(settings->token, error) ||
        !client_set_origin(client, settings->origin, error)) {
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

/* --- how a request ends --- */

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
    request_finish_body(request);
    answer->took_ms = clock_monotonic_ms() - request->started_ms;
    g_queue_push_tail(&client->finished, answer);
    must_multi(curl_multi_remove_handle(client->multi, request->easy));
    handle_retire(client, request->easy);
    g_ptr_array_remove_fast(client->under_way, request);
    g_free(request);
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

/* Curl would ask again by itself where a connection that it had used before breaks without a byte.
 * But the server may have taken the first request, and whoever counts requests must count both. */
static int stop_second_try(void *opaque, char *remote, char *local, int remote_port, int local_port)
{
    struct request *request = opaque;

    (void)remote, (void)local, (void)remote_port, (void)local_port;
    if (request->is_sent)
        return CURL_PREREQFUNC_ABORT;
    request->is_sent = true;
    return CURL_PREREQFUNC_OK;
}

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
    must(curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, request_on_header));
    must(curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, request_on_body));
    must(curl_easy_setopt(easy, CURLOPT_PREREQFUNCTION, stop_second_try));
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
    must(curl_easy_setopt(easy, CURLOPT_PREREQDATA, request));
    must(curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, request->curl_text));
    /* Ends early when Content-Length alone is over the ceiling; request_on_body counts what is
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
