/* Answer: did Pipedrive do what it was asked? Sorts status, headers and envelope into success or an
 * error whose code says what to do next. A pure function; what follows from the code is decided in
 * sync/retry.c.
 *
 *   2xx   success true: good · success false, a literal null, no JSON: RETRY · other JSON: DATA
 *   3xx   CONFIG: not the API's address · 400 and other 4xx: REFUSED
 *   401   AUTH · 402 AUTH · 403 JSON: AUTH, no JSON: PARKED (Cloudflare's block) · 404, 410 GONE ·
 * 408 RETRY 429   daily budget: PARKED · burst: THROTTLED 5xx   RETRY, 501 REFUSED
 *
 * error_detail(): origin_code is the status, request_id is copied, retry_after_ms as far as it was
 * stated. Source: API.md sections 2 and 4, 2026-09. May not know: HTTP client, tables. */
#ifndef PENSTOCK_PIPEDRIVE_ANSWER_H
#define PENSTOCK_PIPEDRIVE_ANSWER_H

#include "base/error.h"
#include "base/secret.h"
#include "json/json.h"

/* What the headers said; -1, "" or NULL where they said nothing. (What the body is, root says:
 * content types lie.) */
struct answer_facts {
    int status;
    int64_t retry_after_s;   /* retry-after */
    int64_t burst_reset_s;   /* x-ratelimit-reset */
    int64_t daily_remaining; /* x-daily-ratelimit-token-remaining */
    const char *request_id;  /* x-correlation-id */
    const char *not_json;    /* why the body could not be parsed; NULL: it is empty or was parsed */
    const struct secret *token; /* what no message may quote; NULL: nothing */
};

/* root: the parsed body, NULL when it is empty or no JSON. The messages may quote what the server
 * wrote (cut to 200 bytes, without control characters and the token). */
MUST_USE bool answer_check(const struct answer_facts *facts, const struct json_value *root,
                           GError **error);

#endif
