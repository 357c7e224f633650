/* HTTP client: many GET requests at once on one thread. The only place that knows libcurl.
 *
 * The owner (the I/O thread of a sync) starts requests, waits, and takes finished ones. Redirects
 * are not followed, so the credential never leaves the configured origin. HTTP/2 and compression
 * are used where the server has them, connections are reused. May not know: Pipedrive, retries,
 * budgets. */
#ifndef PENSTOCK_HTTP_CLIENT_H
#define PENSTOCK_HTTP_CLIENT_H

#include "base/clock.h"
#include "base/error.h"
#include "base/secret.h"

/* Spare zero bytes behind a body: JSON_PADDING of json/json.h, which this folder may not include.
 */
#define HTTP_BODY_PADDING 64

struct http_client;

/* TLS trusts the system's authorities, or those of the file that SSL_CERT_FILE names. */
struct http_client_settings {
    const char *origin; /* "https://api.pipedrive.com"; http:// only to loopback, else CONFIG */
    const struct secret *token; /* sent as x-api-token */
    const char *user_agent;     /* "penstock/0.1" */
    int64_t connect_timeout_ms; /* 0 = 10 s */
    int64_t stall_timeout_ms;   /* no byte for this long ends the request with RETRY; 0 = 30 s */
    int64_t total_timeout_ms;   /* 0 = 300 s */
};

/* Values of -1 / INSTANT_NONE / "" mean: the header was missing or absurd. */
struct http_headers {
    instant_t date;          /* Date */
    int64_t burst_limit;     /* x-ratelimit-limit, requests a window */
    int64_t burst_remaining; /* x-ratelimit-remaining */
    int64_t burst_reset_s;   /* x-ratelimit-reset */
    int64_t daily_limit;     /* x-daily-ratelimit-token-limit */
    int64_t daily_remaining; /* x-daily-ratelimit-token-remaining */
    int64_t retry_after_s;   /* retry-after, seconds form only */
    char request_id[64];     /* x-correlation-id, printable ASCII only */
    char content_type[64];
};

/* A finished request. The body is complete only when error is NULL; the status says nothing about
 * its content. */
struct http_answer {
    void *opaque;  /* what http_client_start() was given */
    GError *error; /* transport: RETRY (network, cut, time-out), TOO_LARGE (over the ceiling),
                      CONFIG (TLS, host unknown) */
    int status;    /* 0 when there was no status line */
    struct http_headers headers;
    char *body; /* heap, with JSON_PADDING spare zero bytes behind it; may be NULL when empty */
    size_t body_bytes;
    int64_t took_ms;
};

/* Whether a client would take this origin; CONFIG otherwise. */
MUST_USE bool http_origin_check(const char *origin, GError **error);

MUST_USE bool http_client_new(const struct http_client_settings *settings, struct http_client **ret,
                              GError **error);
/* Accepts NULL; aborts what is in flight. */
void http_client_free(struct http_client *client);

/* path_and_query begins with '/'. ceiling_bytes bounds the decompressed body. */
void http_client_start(struct http_client *client, const char *path_and_query, size_t ceiling_bytes,
                       void *opaque);
/* Drives transfers until one finished, someone called http_client_wake(), or timeout_ms passed (-1
 * = no limit). */
void http_client_wait(struct http_client *client, int64_t timeout_ms);
/* Takes one finished request; NULL when there is none. http_answer_free() it. */
struct http_answer *http_client_take(struct http_client *client);
unsigned http_client_in_flight(const struct http_client *client);
/* Any thread. */
void http_client_wake(struct http_client *client);

/* Moves the body out: g_free() it. */
char *http_answer_take_body(struct http_answer *answer);
void http_answer_free(struct http_answer *answer);

#endif
