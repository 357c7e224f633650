/* What the files of the HTTP client share: client.c drives the requests, client_origin.c judges the
 * origin, client_answer.c knows what comes in and what a failure means. */
#ifndef PENSTOCK_HTTP_CLIENT_PRIVATE_H
#define PENSTOCK_HTTP_CLIENT_PRIVATE_H

#include <curl/curl.h>
#include <stdatomic.h>

#include "http/client.h"

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
    bool is_sent;
    int64_t started_ms;
    int64_t last_byte_ms; /* of the answer; the start before there is one */
    char curl_text[CURL_ERROR_SIZE];
};

/* --- client_origin.c --- */

/* Sets origin, host and is_tls; CONFIG when no client may go there. */
MUST_USE bool client_set_origin(struct http_client *client, const char *text, GError **error);

/* --- client_answer.c --- */

/* Curl's callbacks; opaque is the request. */
size_t request_on_header(char *line, size_t size, size_t count, void *opaque);
size_t request_on_body(char *bytes, size_t size, size_t count, void *opaque);
/* Status and headers of the last answer, once nothing more comes. */
void request_read_head(struct request *request);
/* Ends the answer with an error and without a body. */
void request_fail_curl(struct request *request, CURLcode code);
void request_fail_stalled(struct request *request);
/* Gives back what the body does not need, but for its padding. */
void request_finish_body(struct request *request);

#endif
