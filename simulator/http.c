#include "http.h"

#include <microhttpd.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "admin.h"
#include "api.h"
#include "request.h"
#include "times.h"

enum {
    POST_MAX = 64 << 20,
    SLOW_TICK_US = 50000
};

struct http {
    struct sim *sim;
    struct MHD_Daemon *daemon;
};

/* One request; made when its URI arrives, freed when it is complete. */
struct exchange {
    char *uri;
    struct buf post;
    bool started;
};

static void *note_uri(void *cls, const char *uri, struct MHD_Connection *connection)
{
    struct exchange *x = g_new0(struct exchange, 1);
    (void)cls, (void)connection;
    x->uri = g_strdup(uri);
    return x;
}

static void completed(void *cls, struct MHD_Connection *connection, void **state,
                      enum MHD_RequestTerminationCode how)
{
    struct exchange *x = *state;
    (void)cls, (void)connection, (void)how;
    if (!x)
        return;
    g_free(x->uri);
    buf_done(&x->post);
    g_free(x);
    *state = NULL;
}

static const char *argument(void *from, const char *name)
{
    return MHD_lookup_connection_value(from, MHD_GET_ARGUMENT_KIND, name);
}

static enum MHD_Result look_for_unknown(void *cls, enum MHD_ValueKind kind, const char *key,
                                        const char *value)
{
    const char **unknown = cls;
    (void)kind, (void)value;
    if (!*unknown && param_by_name(key) < 0 && strcmp(key, "api_token") != 0)
        *unknown = key;
    return MHD_YES;
}

static const char *unknown_argument(void *from)
{
    const char *unknown = NULL;
    MHD_get_connection_values(from, MHD_GET_ARGUMENT_KIND, look_for_unknown, &unknown);
    return unknown;
}

static const char *token_of(struct MHD_Connection *connection)
{
    const char *token = MHD_lookup_connection_value(connection, MHD_HEADER_KIND, "x-api-token");
    if (token)
        return token;
    const char *bearer = MHD_lookup_connection_value(connection, MHD_HEADER_KIND, "Authorization");
    if (bearer && g_str_has_prefix(bearer, "Bearer "))
        return bearer + 7;
    return argument(connection, "api_token");
}

/* --- bodies that arrive in a strange way --- */

struct stream {
    struct sim *sim;
    struct buf body;
    uint64_t total;   /* Content-Length */
    uint64_t stop_at; /* then the connection breaks */
    int64_t bytes_per_second;
    int socket; /* to reset; -1: just close */
};

/* Dissolving the association of a connected TCP socket sends RST at once (Linux). The library,
 * which owns the socket, would send FIN first if it were left to close it. */
static void reset_now(int socket)
{
    struct sockaddr nobody = {.sa_family = AF_UNSPEC};
    if (connect(socket, &nobody, sizeof nobody) != 0)
        g_warning("cannot reset a connection");
}

static ssize_t read_stream(void *cls, uint64_t position, char *to, size_t max)
{
    struct stream *s = cls;
    if (position >= s->stop_at) {
        if (s->socket >= 0)
            reset_now(s->socket);
        return MHD_CONTENT_READER_END_WITH_ERROR;
    }
    uint64_t n = MIN(max, s->stop_at - position);
    if (s->bytes_per_second) {
        n = MIN(n, (uint64_t)MAX(s->bytes_per_second * SLOW_TICK_US / 1000000, 1));
        sim_sleep_us(s->sim, (int64_t)n * 1000000 / s->bytes_per_second);
        if (g_atomic_int_get(&s->sim->stopping))
            return MHD_CONTENT_READER_END_WITH_ERROR;
    }
    uint64_t real = position < s->body.len ? MIN(n, s->body.len - position) : 0;
    if (real)
        memcpy(to, s->body.data + position, real);
    memset(to + real, ' ', n - real);
    return (ssize_t)n;
}

static void free_stream(void *cls)
{
    struct stream *s = cls;
    buf_done(&s->body);
    g_free(s);
}

static struct MHD_Response *stream_response(struct sim *sim, struct reply *reply,
                                            struct MHD_Connection *connection)
{
    const struct fault *f = &reply->fault;
    struct stream *s = g_new0(struct stream, 1);
    s->sim = sim;
    s->body = reply->body;
    s->total = s->stop_at = s->body.len;
    s->socket = -1;
    reply->body = (struct buf){0};
    if (f->kind == FAULT_PAD)
        s->total = s->stop_at = MAX(s->total, (uint64_t)f->amount);
    if (f->kind == FAULT_SLOW)
        s->bytes_per_second = MAX(f->amount, 1);
    if (f->kind == FAULT_TRUNCATE || f->kind == FAULT_RESET_BODY)
        s->stop_at = (uint64_t)((double)s->total * CLAMP(f->fraction, 0.0, 1.0));
    if (f->kind == FAULT_RESET_BODY) {
        const union MHD_ConnectionInfo *info =
            MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
        s->socket = info ? info->connect_fd : -1;
    }
    return MHD_create_response_from_callback(s->total, 32768, read_stream, s, free_stream);
}

static bool is_streamed(enum fault_kind kind)
{
    return kind == FAULT_PAD || kind == FAULT_SLOW || kind == FAULT_TRUNCATE ||
           kind == FAULT_RESET_BODY;
}

static enum MHD_Result send_reply(struct sim *sim, struct MHD_Connection *connection,
                                  struct reply *reply)
{
    struct MHD_Response *response;
    if (is_streamed(reply->fault.kind)) {
        response = stream_response(sim, reply, connection);
    } else {
        response = MHD_create_response_from_buffer(reply->body.len, reply->body.data,
                                                   MHD_RESPMEM_MUST_FREE);
        reply->body = (struct buf){0};
    }
    MHD_add_response_header(response, "Content-Type", reply->content_type);
    for (int i = 0; i < reply->n_headers; i++)
        MHD_add_response_header(response, reply->headers[i].name, reply->headers[i].value);
    enum MHD_Result result = MHD_queue_response(connection, (unsigned)reply->status, response);
    MHD_destroy_response(response);
    return result;
}

/* --- requests --- */

static enum MHD_Result break_off(struct sim *sim, struct MHD_Connection *connection,
                                 const struct fault *fault)
{
    if (fault->kind == FAULT_HANG) {
        sim_sleep_us(sim, fault->amount * 1000);
    } else {
        const union MHD_ConnectionInfo *info =
            MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
        if (info)
            reset_now(info->connect_fd);
    }
    return MHD_NO;
}

static enum MHD_Result serve_api(struct sim *sim, struct MHD_Connection *connection,
                                 const char *method, const char *path, const struct exchange *x)
{
    struct reply reply = {0};
    const char *mark = strchr(x->uri, '?');
    struct api_call call = {
        .method = method,
        .path = path,
        .query = mark ? mark + 1 : NULL,
        .token = token_of(connection),
        .arg = argument,
        .unknown = unknown_argument,
        .from = connection,
    };
    api_answer(sim, &call, &reply);
    enum MHD_Result result;
    if (reply.fault.kind == FAULT_RESET || reply.fault.kind == FAULT_HANG)
        result = break_off(sim, connection, &reply.fault);
    else
        result = send_reply(sim, connection, &reply);
    buf_done(&reply.body);
    return result;
}

static enum MHD_Result serve_admin(struct sim *sim, struct MHD_Connection *connection,
                                   const char *method, const char *path, struct exchange *x)
{
    struct reply reply = {.status = 200, .content_type = "application/json; charset=utf-8"};
    if (strcmp(method, "POST") == 0)
        reply.status =
            admin_post(sim, path + strlen("/_sim/"), buf_cstr(&x->post), x->post.len, &reply.body);
    else
        reply.status = admin_get(sim, path + strlen("/_sim/"), argument, connection, &reply.body);
    char date[40];
    time_http(date, sim_now(sim));
    reply_header(&reply, "Date", "%s", date);
    return send_reply(sim, connection, &reply);
}

static enum MHD_Result handle(void *cls, struct MHD_Connection *connection, const char *path,
                              const char *method, const char *version, const char *upload,
                              size_t *upload_size, void **state)
{
    struct sim *sim = cls;
    struct exchange *x = *state;
    (void)version;

    if (!x->started) {
        x->started = true;
        return MHD_YES;
    }
    if (*upload_size) {
        if (x->post.len + *upload_size > POST_MAX)
            return MHD_NO;
        buf_bytes(&x->post, upload, *upload_size);
        *upload_size = 0;
        return MHD_YES;
    }
    if (g_str_has_prefix(path, "/_sim/"))
        return serve_admin(sim, connection, method, path, x);
    return serve_api(sim, connection, method, path, x);
}

struct http *http_start(struct sim *sim, int port)
{
    struct sockaddr_in address = {
        .sin_family = AF_INET,
        .sin_port = htons((uint16_t)port),
        .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
    };
    unsigned flags = MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_THREAD_PER_CONNECTION |
                     MHD_USE_POLL | MHD_USE_SUPPRESS_DATE_NO_CLOCK;
    struct MHD_Daemon *daemon = MHD_start_daemon(
        flags, 0, NULL, NULL, handle, sim, MHD_OPTION_SOCK_ADDR, &address,
        MHD_OPTION_URI_LOG_CALLBACK, note_uri, NULL, MHD_OPTION_NOTIFY_COMPLETED, completed, NULL,
        MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)131072, MHD_OPTION_END);
    if (!daemon)
        return NULL;
    struct http *h = g_new0(struct http, 1);
    h->sim = sim;
    h->daemon = daemon;
    return h;
}

int http_port(const struct http *h)
{
    const union MHD_DaemonInfo *info = MHD_get_daemon_info(h->daemon, MHD_DAEMON_INFO_BIND_PORT);
    return info ? info->port : 0;
}

void http_stop(struct http *h)
{
    MHD_stop_daemon(h->daemon);
    g_free(h);
}
