/* http/client.c against a tiny loopback server whose behaviour is chosen by the request's path. */
#include "http/client.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define TOKEN   "0123456789abcdef0123456789abcdef01234567"
#define CEILING ((size_t)1 << 20)

/* --- the server --- */

struct server {
    int listener;
    unsigned port;
    GThread *thread;
    GPtrArray *connection_threads; /* accept thread until it is joined */
    atomic_int connections;
    atomic_int proxied; /* enum proxied */
};

enum proxied {
    NOT_PROXIED,
    PROXIED,
    PROXIED_WITH_TOKEN
};

struct connection {
    struct server *server;
    int fd;
};

static void put(int fd, const char *bytes, size_t length)
{
    while (length > 0) {
        ssize_t written = send(fd, bytes, length, MSG_NOSIGNAL);
        if (written <= 0)
            return;
        bytes += written;
        length -= (size_t)written;
    }
}

static void put_text(int fd, const char *text)
{
    put(fd, text, strlen(text));
}

/* Until the client closes. */
static void hold(int fd)
{
    char byte;
    while (recv(fd, &byte, 1, 0) > 0)
        continue;
}

static void put_answer(int fd, const char *headers, const char *body, size_t length)
{
    g_autofree char *head =
        g_strdup_printf("HTTP/1.1 200 OK\r\n%scontent-length: %zu\r\n\r\n", headers, length);
    put_text(fd, head);
    put(fd, body, length);
}

/* gzip -9 of {"success":true} */
static const char gzip_small[] =
    "\x1f\x8b\x08\x00\x00\x00\x00\x00\x02\x03\xab\x56\x2a\x2e\x4d\x4e\x4e\x2d\x2e\x56\xb2\x2a\x29"
    "\x2a\x4d\xad\x05\x00\xdf\xf7\xf6\x66\x10\x00\x00\x00";
/* gzip -9 of 65,536 times "a": 97 bytes */
static const char gzip_bomb_head[] =
    "\x1f\x8b\x08\x00\x00\x00\x00\x00\x02\x03\xed\xc1\x81\x00\x00\x00\x00\x80\x20\xd6\xfd\x25\x16"
    "\xa9\x0a";
static const char gzip_bomb_tail[] = "\x6a\xff\x91\x20\xc3\x00\x00\x01\x00";

static void serve_bomb(int fd)
{
    char bomb[97] = {0};
    memcpy(bomb, gzip_bomb_head, sizeof gzip_bomb_head - 1);
    memcpy(bomb + sizeof bomb - (sizeof gzip_bomb_tail - 1), gzip_bomb_tail,
           sizeof gzip_bomb_tail - 1);
    put_answer(fd, "content-encoding: gzip\r\n", bomb, sizeof bomb);
}

static const char good_headers[] = "date: Tue, 24 Nov 2026 19:17:00 GMT\r\n"
                                   "Content-Type: application/json; charset=utf-8\r\n"
                                   "X-RateLimit-Limit: 20\r\n"
                                   "x-ratelimit-remaining: 7\r\n"
                                   "x-ratelimit-reset: 2\r\n"
                                   "x-daily-ratelimit-token-limit: 30000\r\n"
                                   "x-daily-ratelimit-token-remaining: 0\r\n"
                                   "retry-after: 1000000000000\r\n"
                                   "x-correlation-id: 5d3c7c5e-9f7e-4a2b\r\n";

static const char absurd_headers[] = "date: 24.11.2026\r\n"
                                     "x-ratelimit-limit: -20\r\n"
                                     "x-ratelimit-remaining: many\r\n"
                                     "x-ratelimit-reset: 2.5\r\n"
                                     "x-daily-ratelimit-token-limit: 1000000000001\r\n"
                                     "x-daily-ratelimit-token-remaining: "
                                     "99999999999999999999999999999999999999\r\n"
                                     "retry-after: Tue, 24 Nov 2026 19:17:00 GMT\r\n"
                                     "x-correlation-id: caf\xc3\xa9\r\n"
                                     "content-type:\r\n";

static void serve_many_headers(int fd)
{
    char line[1024];
    memset(line, 'x', sizeof line);
    memcpy(line, "x-a: ", 5);
    memcpy(line + sizeof line - 2, "\r\n", 2);
    put_text(fd, "HTTP/1.1 200 OK\r\n");
    for (int i = 0; i < 1000; i++)
        put(fd, line, sizeof line);
    put_text(fd, "content-length: 0\r\n\r\n");
}

static void serve_large(int fd)
{
    g_autofree char *body = g_malloc(200000);
    for (size_t i = 0; i < 200000; i++)
        body[i] = (char)('a' + i % 26);
    put_answer(fd, "", body, 200000);
}

static void reset(int fd)
{
    struct linger now = {.l_onoff = 1, .l_linger = 0};
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
}

/* A byte every 100 ms: slow, but never silent for long. */
static void serve_slow(int fd)
{
    put_text(fd, "HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\n");
    for (int i = 0; i < 10; i++) {
        put(fd, "s", 1);
        g_usleep(100000);
    }
}

static void serve_stall(int fd)
{
    put_text(fd, "HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{");
    hold(fd);
}

static void serve_reset(int fd)
{
    put_text(fd, "HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{");
    g_usleep(20000);
    reset(fd);
}

/* With a trailer that looks like a header. */
static void serve_chunked(int fd)
{
    put_text(fd, "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n");
    g_usleep(20000);
    put_text(fd, "6\r\n world\r\n0\r\nx-ratelimit-limit: 99\r\n\r\n");
}

static void serve_large_chunked(int fd)
{
    g_autofree char *filler = g_strnfill(1001, 'c');
    put_text(fd, "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3e9\r\n");
    put_text(fd, filler);
    put_text(fd, "\r\n0\r\n\r\n");
}

static void serve_ok(int fd)
{
    put_answer(fd, good_headers, "{\"success\":true}", 16);
}

static void serve_absurd(int fd)
{
    put_answer(fd, absurd_headers, "x", 1);
}

static void serve_gzip(int fd)
{
    put_answer(fd, "content-encoding: gzip\r\n", gzip_small, sizeof gzip_small - 1);
}

/* text is sent as it is, or run does the talking. The connection stays open after keep. */
static const struct route {
    const char *path;
    bool keep;
    const char *text;
    void (*run)(int fd);
} routes[] = {
    {"/ok", true, NULL, serve_ok},
    {"/absurd", true, NULL, serve_absurd},
    {"/slow", true, NULL, serve_slow},
    {"/chunked", true, NULL, serve_chunked},
    {"/gzip", true, NULL, serve_gzip},
    {"/empty", true, "HTTP/1.1 204 No Content\r\n\r\n", NULL},
    {"/interim", true,
     "HTTP/1.1 103 Early Hints\r\nx-ratelimit-limit: 99\r\n\r\n"
     "HTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\nx",
     NULL},
    {"/redirect", true, "HTTP/1.1 302 Found\r\nlocation: /ok\r\ncontent-length: 0\r\n\r\n", NULL},
    {"/chunked-cut", false, "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n",
     NULL},
    {"/cut", false, "HTTP/1.1 200 OK\r\nx-correlation-id: cut-1\r\ncontent-length: 100\r\n\r\n{",
     NULL},
    {"/cut-in-headers", false, "HTTP/1.1 200 OK\r\ncontent-le", NULL},
    {"/banner", false, "SSH-2.0-OpenSSH_9.2p1\r\n", NULL},
    {"/gzip-damaged", false,
     "HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: 8\r\n\r\nnot gzip", NULL},
    {"/missing", false, "HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\nconnection: close\r\n\r\n",
     NULL},
    {"/reset", false, NULL, serve_reset},
    {"/stall", false, NULL, serve_stall},
    {"/silent", false, NULL, hold},
    {"/large", false, NULL, serve_large},
    {"/large-chunked", false, NULL, serve_large_chunked},
    {"/bomb", false, NULL, serve_bomb},
    {"/headers", false, NULL, serve_many_headers},
};

static bool serve_proxy(struct server *server, int fd, const char *head)
{
    atomic_store(&server->proxied, strstr(head, TOKEN) == NULL ? PROXIED : PROXIED_WITH_TOKEN);
    put_text(fd, "HTTP/1.1 407 Proxy Authentication Required\r\ncontent-length: 0\r\n\r\n");
    return false;
}

/* False: the connection ends. */
static bool serve(struct server *server, int fd, const char *path, const char *head)
{
    if (g_str_has_prefix(head, "CONNECT "))
        return serve_proxy(server, fd, head);
    for (size_t i = 0; i < G_N_ELEMENTS(routes); i++) {
        if (strcmp(path, routes[i].path) != 0)
            continue;
        if (routes[i].text != NULL)
            put_text(fd, routes[i].text);
        else
            routes[i].run(fd);
        return routes[i].keep;
    }
    if (g_str_has_prefix(path, "/part"))
        g_usleep(20000);
    const char *body = g_str_has_prefix(path, "/echo") ? head : path;
    put_answer(fd, "", body, strlen(body));
    return true;
}

/* The request line and headers, or NULL when the client closed. */
static char *read_head(int fd)
{
    char head[4096];
    for (size_t length = 0; length < sizeof head - 1; length++) {
        if (recv(fd, head + length, 1, 0) <= 0)
            return NULL;
        head[length + 1] = '\0';
        if (g_str_has_suffix(head, "\r\n\r\n"))
            return g_strdup(head);
        if (head[0] == 0x16 && length == 0) /* a TLS hello */
            put_text(fd, "HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n");
    }
    return NULL;
}

static void *connection_run(void *opaque)
{
    struct connection *connection = opaque;
    bool keep = true;
    while (keep) {
        g_autofree char *head = read_head(connection->fd);
        if (head == NULL)
            break;
        g_auto(GStrv) words = g_strsplit(head, " ", 3);
        keep = serve(connection->server, connection->fd, words[1], head);
    }
    close(connection->fd);
    g_free(connection);
    return NULL;
}

static void *server_run(void *opaque)
{
    struct server *server = opaque;
    int fd;
    while ((fd = accept(server->listener, NULL, NULL)) >= 0) {
        int one = 1;
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
        atomic_fetch_add(&server->connections, 1);
        struct connection *connection = g_new(struct connection, 1);
        *connection = (struct connection){server, fd};
        g_ptr_array_add(server->connection_threads,
                        g_thread_new("connection", connection_run, connection));
    }
    return NULL;
}

static void server_start(struct server *server)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof address;
    server->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    g_assert_cmpint(bind(server->listener, (struct sockaddr *)&address, length), ==, 0);
    g_assert_cmpint(listen(server->listener, 128), ==, 0);
    g_assert_cmpint(getsockname(server->listener, (struct sockaddr *)&address, &length), ==, 0);
    server->port = ntohs(address.sin_port);
    server->connection_threads = g_ptr_array_new();
    server->thread = g_thread_new("server", server_run, server);
}

static void server_stop(struct server *server)
{
    shutdown(server->listener, SHUT_RDWR);
    g_thread_join(server->thread);
    close(server->listener);
    for (guint i = 0; i < server->connection_threads->len; i++)
        g_thread_join(g_ptr_array_index(server->connection_threads, i));
    g_ptr_array_free(server->connection_threads, TRUE);
}

/* --- fixture --- */

struct fixture {
    struct server server;
    struct secret *token;
    struct http_client *client;
    const char *host; /* as messages name it */
};

static struct http_client_settings settings_of(const struct fixture *f, const char *origin)
{
    return (struct http_client_settings){.origin = origin,
                                         .token = f->token,
                                         .user_agent = "penstock/test",
                                         .connect_timeout_ms = 5000,
                                         .stall_timeout_ms = 20000,
                                         .total_timeout_ms = 20000};
}

static void tear_down(struct fixture *f, const void *unused)
{
    (void)unused;
    http_client_free(f->client);
    server_stop(&f->server);
    secret_free(f->token);
}

static struct http_client *client_of(const struct fixture *f, const char *origin)
{
    struct http_client_settings settings = settings_of(f, origin);
    struct http_client *client = NULL;
    g_autoptr(GError) error = NULL;
    g_assert_true(http_client_new(&settings, &client, &error));
    g_assert_no_error(error);
    return client;
}

static void set_up(struct fixture *f, const void *unused)
{
    (void)unused;
    server_start(&f->server);
    f->token = secret_new(TOKEN);
    g_autofree char *origin = g_strdup_printf("http://127.0.0.1:%u/", f->server.port);
    f->host = "127.0.0.1";
    f->client = client_of(f, origin);
}

/* Replaces the fixture's client, whose patience never ends on a busy machine. */
static void make_impatient(struct fixture *f, int64_t stall_timeout_ms)
{
    g_autofree char *origin = g_strdup_printf("http://localhost:%u", f->server.port);
    struct http_client_settings settings = settings_of(f, origin);
    g_autoptr(GError) error = NULL;
    settings.stall_timeout_ms = stall_timeout_ms;
    f->host = "localhost";
    http_client_free(f->client);
    g_assert_true(http_client_new(&settings, &f->client, &error));
}

static struct http_answer *next(struct http_client *client)
{
    struct http_answer *answer;
    while ((answer = http_client_take(client)) == NULL)
        http_client_wait(client, -1);
    return answer;
}

static struct http_answer *get_within(struct fixture *f, const char *path, size_t ceiling_bytes)
{
    http_client_start(f->client, path, ceiling_bytes, NULL);
    g_assert_cmpuint(http_client_in_flight(f->client), ==, 1);
    struct http_answer *answer = next(f->client);
    g_assert_cmpuint(http_client_in_flight(f->client), ==, 0);
    return answer;
}

static struct http_answer *get(struct fixture *f, const char *path)
{
    return get_within(f, path, CEILING);
}

static void assert_body(const struct http_answer *answer, const char *text)
{
    g_assert_no_error(answer->error);
    g_assert_cmpuint(answer->body_bytes, ==, strlen(text));
    g_assert_cmpstr(answer->body, ==, text); /* the spare zero bytes end it */
    for (size_t i = 0; i < HTTP_BODY_PADDING; i++)
        g_assert_cmpint(answer->body[answer->body_bytes + i], ==, 0);
}

/* Fails with this code, in a message that names the host and not the token; half a body is not
 * there. */
static void assert_fails(struct fixture *f, const char *path, enum penstock_error code)
{
    g_test_message("%s", path);
    struct http_answer *answer = get(f, path);
    g_assert_error(answer->error, PENSTOCK_ERROR, (int)code);
    g_assert_nonnull(strstr(answer->error->message, f->host));
    g_assert_null(strstr(answer->error->message, TOKEN));
    g_assert_null(answer->body);
    g_assert_cmpuint(answer->body_bytes, ==, 0);
    http_answer_free(answer);
}

/* --- cases --- */

static void normal(struct fixture *f, const void *unused)
{
    (void)unused;
    struct http_answer *answer = get(f, "/ok");
    const struct http_headers *headers = &answer->headers;
    g_assert_cmpint(answer->status, ==, 200);
    assert_body(answer, "{\"success\":true}");
    /* 1,795,547,820 = date -ud '2026-11-24 19:17' +%s */
    g_assert_cmpint(headers->date, ==, INT64_C(1795547820) * INSTANT_SECOND);
    g_assert_cmpint(headers->burst_limit, ==, 20);
    g_assert_cmpint(headers->burst_remaining, ==, 7);
    g_assert_cmpint(headers->burst_reset_s, ==, 2);
    g_assert_cmpint(headers->daily_limit, ==, 30000);
    g_assert_cmpint(headers->daily_remaining, ==, 0);
    g_assert_cmpint(headers->retry_after_s, ==, INT64_C(1000000000000));
    g_assert_cmpstr(headers->request_id, ==, "5d3c7c5e-9f7e-4a2b");
    g_assert_cmpstr(headers->content_type, ==, "application/json; charset=utf-8");
    char *body = http_answer_take_body(answer);
    g_assert_null(answer->body);
    g_assert_cmpuint(answer->body_bytes, ==, 16);
    g_free(body);
    http_answer_free(answer);
}

static void absurd(struct fixture *f, const void *unused)
{
    (void)unused;
    struct http_answer *answer = get(f, "/absurd");
    const struct http_headers *headers = &answer->headers;
    g_assert_no_error(answer->error);
    g_assert_cmpint(headers->date, ==, INSTANT_NONE);
    g_assert_cmpint(headers->burst_limit, ==, -1);
    g_assert_cmpint(headers->burst_remaining, ==, -1);
    g_assert_cmpint(headers->burst_reset_s, ==, -1);
    g_assert_cmpint(headers->daily_limit, ==, -1);
    g_assert_cmpint(headers->daily_remaining, ==, -1);
    g_assert_cmpint(headers->retry_after_s, ==, -1);
    g_assert_cmpstr(headers->request_id, ==, "");
    g_assert_cmpstr(headers->content_type, ==, "");
    http_answer_free(answer);
}

static void interim(struct fixture *f, const void *unused)
{
    (void)unused;
    struct http_answer *answer = get(f, "/interim");
    g_assert_cmpint(answer->status, ==, 200);
    g_assert_cmpint(answer->headers.burst_limit, ==, -1);
    assert_body(answer, "x");
    http_answer_free(answer);
}

static void token_in_header_only(struct fixture *f, const void *unused)
{
    (void)unused;
    struct http_answer *answer = get(f, "/echo?limit=500&sort_by=id");
    g_assert_no_error(answer->error);
    g_assert_true(g_str_has_prefix(answer->body, "GET /echo?limit=500&sort_by=id HTTP/1.1\r\n"));
    g_assert_nonnull(strstr(answer->body, "\r\nx-api-token: " TOKEN "\r\n"));
    g_assert_nonnull(strstr(answer->body, "\r\nUser-Agent: penstock/test\r\n"));
    g_assert_nonnull(strstr(answer->body, "gzip"));
    g_assert_null(strstr(answer->body, "Authorization"));
    http_answer_free(answer);
}

static void chunked(struct fixture *f, const void *unused)
{
    (void)unused;
    struct http_answer *answer = get(f, "/chunked");
    assert_body(answer, "hello world");
    g_assert_cmpint(answer->headers.burst_limit, ==, -1); /* trailers do not count */
    http_answer_free(answer);
}

static void empty(struct fixture *f, const void *unused)
{
    (void)unused;
    struct http_answer *answer = get(f, "/empty");
    g_assert_no_error(answer->error);
    g_assert_cmpint(answer->status, ==, 204);
    g_assert_cmpuint(answer->body_bytes, ==, 0);
    http_answer_free(answer);
}

static void cut(struct fixture *f, const void *unused)
{
    (void)unused;
    struct http_answer *answer = get(f, "/cut");
    g_assert_error(answer->error, PENSTOCK_ERROR, PENSTOCK_ERROR_RETRY);
    g_assert_cmpint(answer->status, ==, 200);
    g_assert_cmpint(error_detail(answer->error)->origin_code, ==, 200);
    g_assert_cmpstr(error_detail(answer->error)->request_id, ==, "cut-1");
    http_answer_free(answer);
    assert_fails(f, "/cut", PENSTOCK_ERROR_RETRY);
    assert_fails(f, "/cut-in-headers", PENSTOCK_ERROR_RETRY);
    assert_fails(f, "/chunked-cut", PENSTOCK_ERROR_RETRY);
    assert_fails(f, "/reset", PENSTOCK_ERROR_RETRY);
    assert_fails(f, "/banner", PENSTOCK_ERROR_RETRY);
    assert_fails(f, "/headers", PENSTOCK_ERROR_RETRY);
    assert_fails(f, "/gzip-damaged", PENSTOCK_ERROR_RETRY);
}

/* On a handle that has seen an answer: nothing of that answer may reappear. */
static void nobody_listens(void)
{
    struct fixture f = {0};
    set_up(&f, NULL);
    struct http_answer *answer = get(&f, "/missing");
    g_assert_no_error(answer->error);
    g_assert_cmpint(answer->status, ==, 404);
    http_answer_free(answer);
    server_stop(&f.server);
    answer = get(&f, "/ok");
    g_assert_error(answer->error, PENSTOCK_ERROR, PENSTOCK_ERROR_RETRY);
    g_assert_cmpint(answer->status, ==, 0);
    g_assert_cmpint(error_detail(answer->error)->origin_code, ==, ECONNREFUSED);
    http_answer_free(answer);
    http_client_free(f.client);
    secret_free(f.token);
}

static void stall(struct fixture *f, const void *unused)
{
    (void)unused;
    make_impatient(f, 500);
    int64_t start_ms = clock_monotonic_ms();
    assert_fails(f, "/stall", PENSTOCK_ERROR_RETRY);
    assert_fails(f, "/silent", PENSTOCK_ERROR_RETRY);
    int64_t took_ms = clock_monotonic_ms() - start_ms;
    g_assert_cmpint(took_ms, >=, 1000);
    g_assert_cmpint(took_ms, <, 10000);
    /* twice that in all, but never so much of silence */
    struct http_answer *answer = get(f, "/slow");
    assert_body(answer, "ssssssssss");
    g_assert_cmpint(answer->took_ms, >=, 800);
    http_answer_free(answer);
}

/* The owner was away for longer than the stall time-out, before and after the request was sent. */
static void late_owner(struct fixture *f, const void *unused)
{
    (void)unused;
    make_impatient(f, 1000);
    http_client_start(f->client, "/ok", CEILING, NULL);
    g_usleep(1200000);
    http_client_wait(f->client, 0);
    g_usleep(1200000);
    struct http_answer *answer = next(f->client);
    assert_body(answer, "{\"success\":true}");
    http_answer_free(answer);
}

static void total_timeout(struct fixture *f, const void *unused)
{
    (void)unused;
    g_autofree char *origin = g_strdup_printf("http://localhost:%u", f->server.port);
    struct http_client_settings settings = settings_of(f, origin);
    settings.total_timeout_ms = 200;
    struct http_client *client;
    g_autoptr(GError) error = NULL;
    g_assert_true(http_client_new(&settings, &client, &error));
    http_client_start(client, "/slow", CEILING, NULL);
    struct http_answer *answer = next(client);
    g_assert_error(answer->error, PENSTOCK_ERROR, PENSTOCK_ERROR_RETRY);
    http_answer_free(answer);
    http_client_free(client);
}

static void assert_too_large(struct fixture *f, const char *path, size_t ceiling_bytes)
{
    struct http_answer *answer = get_within(f, path, ceiling_bytes);
    g_assert_error(answer->error, PENSTOCK_ERROR, PENSTOCK_ERROR_TOO_LARGE);
    g_assert_cmpint(answer->status, ==, 200);
    g_assert_null(answer->body);
    http_answer_free(answer);
}

static void too_large(struct fixture *f, const void *unused)
{
    (void)unused;
    assert_too_large(f, "/large", 199999);
    assert_too_large(f, "/large-chunked", 1000);
    assert_too_large(f, "/bomb", 65535);
    struct http_answer *answer = get_within(f, "/large", 200000);
    g_assert_no_error(answer->error);
    g_assert_cmpuint(answer->body_bytes, ==, 200000);
    for (size_t i = 0; i < answer->body_bytes; i++)
        g_assert_cmpint(answer->body[i], ==, (char)('a' + i % 26));
    http_answer_free(answer);
    answer = get_within(f, "/large-chunked", 1001);
    g_assert_no_error(answer->error);
    g_assert_cmpuint(answer->body_bytes, ==, 1001);
    http_answer_free(answer);
}

static void compressed(struct fixture *f, const void *unused)
{
    (void)unused;
    struct http_answer *answer = get(f, "/gzip");
    assert_body(answer, "{\"success\":true}");
    http_answer_free(answer);
    answer = get_within(f, "/bomb", 65536);
    g_assert_no_error(answer->error);
    g_assert_cmpuint(answer->body_bytes, ==, 65536);
    g_assert_cmpint(answer->body[65535], ==, 'a');
    http_answer_free(answer);
}

static void redirect_is_an_answer(struct fixture *f, const void *unused)
{
    (void)unused;
    struct http_answer *answer = get(f, "/redirect");
    g_assert_no_error(answer->error);
    g_assert_cmpint(answer->status, ==, 302);
    g_assert_cmpuint(answer->body_bytes, ==, 0);
    http_answer_free(answer);
}

#define PARALLEL 40

static void wave(struct fixture *f)
{
    g_autoptr(GHashTable) missing = g_hash_table_new(NULL, NULL);
    for (int i = 1; i <= PARALLEL; i++) {
        g_autofree char *path = g_strdup_printf("/part/%d", i);
        http_client_start(f->client, path, CEILING, GINT_TO_POINTER(i));
        g_hash_table_add(missing, GINT_TO_POINTER(i));
    }
    g_assert_cmpuint(http_client_in_flight(f->client), ==, PARALLEL);
    while (g_hash_table_size(missing) > 0) {
        struct http_answer *answer = next(f->client);
        g_autofree char *path = g_strdup_printf("/part/%d", GPOINTER_TO_INT(answer->opaque));
        assert_body(answer, path);
        g_assert_true(g_hash_table_remove(missing, answer->opaque));
        http_answer_free(answer);
    }
}

static void many_at_once(struct fixture *f, const void *unused)
{
    (void)unused;
    wave(f);
    g_assert_cmpint(atomic_load(&f->server.connections), >, 1);
    g_assert_cmpint(atomic_load(&f->server.connections), <=, PARALLEL);
    wave(f);
    wave(f);
    g_assert_cmpint(atomic_load(&f->server.connections), <=, PARALLEL);
}

static void *wake_soon(void *client)
{
    g_usleep(50000);
    http_client_wake(client);
    return NULL;
}

static void wake(struct fixture *f, const void *unused)
{
    (void)unused;
    /* idle, without a time limit */
    GThread *thread = g_thread_new("waker", wake_soon, f->client);
    http_client_wait(f->client, -1);
    g_thread_join(thread);
    /* before the wait: not lost */
    http_client_wake(f->client);
    http_client_wait(f->client, -1);
    /* with a request under way, which goes on */
    http_client_start(f->client, "/slow", CEILING, NULL);
    thread = g_thread_new("waker", wake_soon, f->client);
    http_client_wait(f->client, -1);
    g_thread_join(thread);
    g_assert_cmpuint(http_client_in_flight(f->client), ==, 1);
    struct http_answer *answer = next(f->client);
    assert_body(answer, "ssssssssss");
    http_answer_free(answer);
    /* taken once */
    int64_t start_ms = clock_monotonic_ms();
    http_client_wait(f->client, 100);
    g_assert_cmpint(clock_monotonic_ms() - start_ms, >=, 99);
}

static void free_while_under_way(struct fixture *f, const void *unused)
{
    (void)unused;
    http_client_start(f->client, "/silent", CEILING, NULL);
    http_client_start(f->client, "/ok", CEILING, NULL);
    http_client_start(f->client, "/stall", CEILING, NULL);
    http_client_wait(f->client, 1000);
}

static void path_cannot_add_headers(struct fixture *f, const void *unused)
{
    (void)unused;
    assert_fails(f, "/echo\r\nx-more: 1", PENSTOCK_ERROR_BUG);
    g_assert_cmpint(atomic_load(&f->server.connections), ==, 0);
}

/* A server that speaks no TLS where https:// was asked for. */
static void tls_needed(struct fixture *f, const void *unused)
{
    (void)unused;
    g_autofree char *origin = g_strdup_printf("https://127.0.0.1:%u", f->server.port);
    struct http_client *client = client_of(f, origin);
    http_client_start(client, "/ok", CEILING, NULL);
    struct http_answer *answer = next(client);
    g_assert_error(answer->error, PENSTOCK_ERROR, PENSTOCK_ERROR_CONFIG);
    g_assert_cmpint(answer->status, ==, 0);
    http_answer_free(answer);
    http_client_free(client);
}

/* https goes through the proxy of the environment, which does not get the token; http (this
 * machine) does not. */
static void proxy(struct fixture *f, const void *unused)
{
    (void)unused;
    g_autofree char *url = g_strdup_printf("http://127.0.0.1:%u", f->server.port);
    setenv("https_proxy", url, 1);
    setenv("http_proxy", "http://127.0.0.1:1", 1);
    struct http_client *client = client_of(f, "https://penstock-test.invalid");
    http_client_start(client, "/ok", CEILING, NULL);
    struct http_answer *answer = next(client);
    g_assert_error(answer->error, PENSTOCK_ERROR, PENSTOCK_ERROR_CONFIG);
    g_assert_nonnull(strstr(answer->error->message, "https_proxy"));
    g_assert_cmpint(answer->status, ==, 0);
    g_assert_cmpint(atomic_load(&f->server.proxied), ==, PROXIED);
    http_answer_free(answer);
    http_client_free(client);
    answer = get(f, "/ok");
    assert_body(answer, "{\"success\":true}");
    http_answer_free(answer);
    unsetenv("https_proxy");
    unsetenv("http_proxy");
}

/* --- settings --- */

static void assert_origin(const char *origin, bool is_good)
{
    g_autoptr(GError) error = NULL;
    struct secret *token = secret_new(TOKEN);
    struct http_client_settings settings = {
        .origin = origin, .token = token, .user_agent = "penstock/test"};
    struct http_client *client = NULL;
    g_test_message("%s", origin);
    g_assert_cmpint(http_client_new(&settings, &client, &error), ==, is_good);
    if (!is_good) {
        g_assert_error(error, PENSTOCK_ERROR, PENSTOCK_ERROR_CONFIG);
        g_assert_nonnull(strstr(error->message, "the API URL"));
        g_assert_null(strstr(error->message, "hunter2"));
        g_assert_null(client);
    }
    http_client_free(client);
    secret_free(token);
}

static void origins(void)
{
    assert_origin("https://api.pipedrive.com", true);
    assert_origin("https://acme-12ab34.pipedrive.com/", true);
    assert_origin("HTTPS://API.PIPEDRIVE.COM:443", true);
    assert_origin("http://127.0.0.1:8080", true);
    assert_origin("http://127.8.9.10", true);
    assert_origin("http://localhost:8080", true);
    assert_origin("http://[::1]:8080", true);
    assert_origin("http://api.pipedrive.com", false);
    assert_origin("http://128.0.0.1", false);
    assert_origin("http://localhost.example.com", false);
    assert_origin("http://127.0.0.1.example.com", false);
    assert_origin("http://[::2]:8080", false);
    assert_origin("ftp://api.pipedrive.com", false);
    assert_origin("file:///etc/passwd", false);
    assert_origin("api.pipedrive.com", false);
    assert_origin("", false);
    assert_origin("https://", false);
    assert_origin("https://bo:hunter2@api.pipedrive.com", false);
    assert_origin("https://api.pipedrive.com@evil.example/", false);
    assert_origin("https://api.pipedrive.com/api/v2", false);
    assert_origin("https://api.pipedrive.com/?api_token=hunter2", false);
    assert_origin("https://api.pipedrive.com#x", false);
}

static void assert_token_refused(const char *text)
{
    g_autoptr(GError) error = NULL;
    struct secret *token = secret_new(text);
    struct http_client_settings settings = {
        .origin = "https://api.pipedrive.com", .token = token, .user_agent = "penstock/test"};
    struct http_client *client = NULL;
    g_assert_false(http_client_new(&settings, &client, &error));
    g_assert_error(error, PENSTOCK_ERROR, PENSTOCK_ERROR_CONFIG);
    g_assert_null(strstr(error->message, "0123456789"));
    secret_free(token);
}

static void tokens(void)
{
    assert_token_refused("");
    assert_token_refused("0123456789\r\nx-more: 1");
    assert_token_refused("0123456789 0123456789");
    assert_token_refused("0123456789\xc3\xa9");
}

static void unknown_host(void)
{
    g_autoptr(GError) error = NULL;
    struct secret *token = secret_new(TOKEN);
    struct http_client_settings settings = {.origin = "https://penstock-test.invalid",
                                            .token = token,
                                            .user_agent = "penstock/test",
                                            .connect_timeout_ms = 3000};
    struct http_client *client;
    g_assert_true(http_client_new(&settings, &client, &error));
    http_client_start(client, "/ok", CEILING, NULL);
    struct http_answer *answer = next(client);
    /* A name server says that there is no such host; without one nobody can tell, and trying again
     * is right. */
    g_assert_true(error_is(answer->error, PENSTOCK_ERROR_CONFIG) ||
                  error_is(answer->error, PENSTOCK_ERROR_RETRY));
    g_assert_nonnull(strstr(answer->error->message, "penstock-test.invalid"));
    http_answer_free(answer);
    http_client_free(client);
    secret_free(token);
}

#define ADD(name, function)                                                                        \
    g_test_add("/http/" name, struct fixture, NULL, set_up, function, tear_down)

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    static const char *const proxies[] = {"http_proxy", "https_proxy", "HTTPS_PROXY", "all_proxy",
                                          "ALL_PROXY",  "no_proxy",    "NO_PROXY"};
    for (size_t i = 0; i < G_N_ELEMENTS(proxies); i++)
        g_unsetenv(proxies[i]);
    ADD("normal", normal);
    ADD("absurd-headers", absurd);
    ADD("interim-answer", interim);
    ADD("token-in-header-only", token_in_header_only);
    ADD("chunked", chunked);
    ADD("empty", empty);
    ADD("cut", cut);
    ADD("stall", stall);
    ADD("late-owner", late_owner);
    ADD("total-timeout", total_timeout);
    ADD("too-large", too_large);
    ADD("compressed", compressed);
    ADD("redirect-is-an-answer", redirect_is_an_answer);
    ADD("many-at-once", many_at_once);
    ADD("wake", wake);
    ADD("free-while-under-way", free_while_under_way);
    ADD("path-cannot-add-headers", path_cannot_add_headers);
    ADD("tls-needed", tls_needed);
    ADD("proxy", proxy);
    g_test_add_func("/http/nobody-listens", nobody_listens);
    g_test_add_func("/http/origins", origins);
    g_test_add_func("/http/tokens", tokens);
    g_test_add_func("/http/unknown-host", unknown_host);
    return g_test_run();
}
