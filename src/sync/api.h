/* Api: one connection's way to the API: client, parser, burst governor, the server's clock and what
 * was spent.
 *
 * The I/O thread of a sync drives it asynchronously (api_send, api_judge); commands ask one thing
 * at a time (api_get). One thread. */
#ifndef PENSTOCK_SYNC_API_H
#define PENSTOCK_SYNC_API_H

#include "http/client.h"
#include "pipedrive/fields.h"
#include "sync/governor.h"
#include "sync/retry.h"
#include "sync/sharers.h"
#include "sync/sync.h"
#include "json/json.h"

struct api {
    struct http_client *client;
    struct json_parser *parser;
    struct governor governor;
    struct sharers *sharers; /* of the token */
    const struct secret *token;
    struct retry_policy policy;
    int64_t requests, tokens;
    /* Of the newest answers; -1 = never told. */
    int64_t burst_limit, daily_limit, daily_remaining;
    /* The server's clock: the Date that was furthest behind, and when it arrived here. */
    instant_t date;
    int64_t date_ms;
};

MUST_USE bool api_open(struct api *api, const struct sync_settings *settings, GError **error);
void api_close(struct api *api);

/* The server's time now, a lower bound; INSTANT_NONE before the first answer. */
instant_t api_now(const struct api *api);
/* Milliseconds until the burst limit, divided by who shares the token, lets the next request go. */
int64_t api_wait_ms(struct api *api, int64_t now_ms);
/* Sends, and counts the price. */
void api_send(struct api *api, const char *path, int cost_tokens, size_t ceiling_bytes,
              void *opaque);
/* Learns from the headers, parses the body, and tells success from failure. On success *ret_root
 * lives until the next answer is judged: json_keep() it. Its texts live in the arena and in the
 * body, which stays the answer's. */
MUST_USE bool api_judge(struct api *api, const struct http_answer *answer, struct arena *arena,
                        const struct json_value **ret_root, GError **error);

/* One request with retries, waiting for the answer. The body moves into the arena. cancelled may be
 * NULL. */
MUST_USE bool api_get(struct api *api, const char *path, int cost_tokens, struct arena *arena,
                      const int *cancelled, const struct json_value **ret_root, GError **error);

/* Who the token belongs to. */
struct identity {
    int64_t user_id, company_id;
    char *user_name, *company_name, *company_domain;
    char *access; /* JSON text of access[], as sent */
    bool is_admin;
};
MUST_USE bool api_who(struct api *api, const int *cancelled, struct identity *ret, GError **error);
void identity_done(struct identity *identity);

/* Reads a stream's list of custom fields into fields; names that they already have stay. */
MUST_USE bool api_fields(struct api *api, const struct stream *stream, struct fields *fields,
                         GError **error);

#endif
