#include "api.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "request.h"
#include "times.h"

void reply_header(struct reply *reply, const char *name, const char *format, ...)
{
    if (reply->n_headers == REPLY_HEADERS)
        return;
    va_list args;
    va_start(args, format);
    vsnprintf(reply->headers[reply->n_headers].value, sizeof reply->headers[0].value, format, args);
    va_end(args);
    reply->headers[reply->n_headers++].name = name;
}

static const char block_page[] =
    "<!DOCTYPE html><html><head><title>Access denied | api.pipedrive.com used Cloudflare to "
    "restrict "
    "access</title></head><body><h1>Error 1015</h1><p>You are being rate limited</p></body></html>";

static void plain(struct reply *reply, int status, const char *body)
{
    reply->status = status;
    reply->body.len = 0;
    buf_str(&reply->body, body);
}

/* Bodies as observed: the gateway's 401 (2026-09), the daily 429 (2026-07); the burst one is
 * inferred. */
static void refuse_unauthorized(struct reply *reply)
{
    plain(reply, 401,
          "{\"success\":false,\"error\":\"unauthorized access\",\"errorCode\":401,"
          "\"error_info\":\"Please check developers.pipedrive.com\"}");
    reply_header(reply, "x-401-by-gw", "true");
}

static void refuse_burst(struct reply *reply)
{
    plain(reply, 429,
          "{\"success\":false,\"error\":\"Request over limit\",\"errorCode\":429,"
          "\"error_info\":\"Please check developers.pipedrive.com\"}");
}

static void refuse_daily(struct reply *reply, int64_t retry_after)
{
    plain(reply, 429,
          "{\"success\":false,\"error\":\"daily request budget exceeded\",\"errorCode\":429,"
          "\"error_info\":\"Please check developers.pipedrive.com\"}");
    reply_header(reply, "retry-after", "%lld", (long long)retry_after);
}

static void refuse_blocked(struct reply *reply)
{
    plain(reply, 403, block_page);
    reply->content_type = "text/html; charset=UTF-8";
}

static struct company *find_token(struct sim *sim, const char *token, int *ret_user)
{
    for (int i = 0; token && i < sim->n_companies; i++) {
        struct company *c = sim->companies[i];
        g_mutex_lock(&c->lock);
        bool admin = strcmp(token, c->admin_token) == 0;
        bool member = strcmp(token, c->member_token) == 0;
        g_mutex_unlock(&c->lock);
        if (admin || member) {
            *ret_user = admin ? c->admin_id : c->member_id;
            return c;
        }
    }
    return NULL;
}

static void write_limit_headers(struct reply *reply, struct company *c, int user, int64_t now)
{
    int64_t now_us = g_get_monotonic_time();
    reply_header(reply, "x-ratelimit-limit", "%d", limits_window(c));
    reply_header(reply, "x-ratelimit-remaining", "%d", limits_window_left(c, user, now_us));
    reply_header(reply, "x-ratelimit-reset", "%d", limits_window_reset(c, user, now_us));
    reply_header(reply, "x-daily-requests-left", "%d", 10000);
    if (company_switch(c, SW_DAILY_HEADERS)) {
        reply_header(reply, "x-daily-ratelimit-token-limit", "%lld", (long long)limits_budget(c));
        reply_header(reply, "x-daily-ratelimit-token-remaining", "%lld",
                     (long long)limits_left(c, now));
    }
}

/* Refusals that a fault feigns. True: nothing is left to do. */
static bool feign_refusal(struct reply *reply, struct company *c, int64_t now,
                          struct request_note *note)
{
    const struct fault *f = &reply->fault;
    switch ((int)f->kind) {
    case FAULT_STATUS: {
        struct answer a = {.body = reply->body};
        answer_error(&a, (int)f->amount, NULL, "Simulated error %d", (int)f->amount);
        reply->body = a.body;
        reply->status = a.status;
        return true;
    }
    case FAULT_BURST429:
        refuse_burst(reply);
        if (f->amount)
            reply_header(reply, "retry-after", "%lld", (long long)f->amount);
        note->refusal = NOTE_BURST429;
        return true;
    case FAULT_DAILY429:
        refuse_daily(reply, f->amount ? f->amount : limits_day_reset(c, now));
        note->refusal = NOTE_DAILY429;
        return true;
    case FAULT_BLOCK403:
        refuse_blocked(reply);
        note->refusal = NOTE_BLOCKED;
        return true;
    default:
        return false;
    }
}

static bool refused_by_limits(struct sim *sim, struct reply *reply, struct company *c, int user,
                              int64_t now, struct request_note *note)
{
    bool enforce = !g_atomic_int_get(&sim->no_limits);
    switch (limits_ask(c, user, now, g_get_monotonic_time(), enforce)) {
    case VERDICT_GO:
        return false;
    case VERDICT_BURST:
        refuse_burst(reply);
        note->refusal = NOTE_BURST429;
        break;
    case VERDICT_DAILY:
        refuse_daily(reply, limits_day_reset(c, now));
        note->refusal = NOTE_DAILY429;
        break;
    case VERDICT_BLOCKED:
        refuse_blocked(reply);
        note->refusal = NOTE_BLOCKED;
        break;
    }
    return true;
}

static bool parse_key(struct request *q)
{
    if (!q->key)
        return true;
    char *end;
    q->id = strtoll(q->key, &end, 10);
    if (strstr(q->endpoint->path, "{field_code}"))
        return true;
    return end != q->key && (*end == '\0' || *end == '/');
}

static void run_handler(const struct api_call *call, struct request *q)
{
    for (int p = 0; p < N_PARAMS; p++)
        q->args[p] = call->arg(call->from, param_name((enum param)p));
    q->unknown = call->unknown(call->from);
    if (!parse_key(q))
        answer_error(q->answer, 400,
                     endpoint_is_v2(q->endpoint) ? "ERR_SCHEMA_VALIDATION_FAILED" : NULL,
                     "Validation failed: id: invalid value");
    else if (request_validate(q))
        q->endpoint->handler(q);
}

/* /api/v1/x is /v1/x. */
static const char *normal_path(const char *path)
{
    return g_str_has_prefix(path, "/api/v1/") ? path + 4 : path;
}

static void route(const struct api_call *call, struct reply *reply, struct company *c, int user,
                  int64_t now, struct request_note *note)
{
    struct answer answer = {.body = reply->body};
    struct request q = {.company = c, .user = user, .now = now, .answer = &answer};

    q.endpoint = endpoint_find(normal_path(call->path), &q.key);
    if (!q.endpoint) {
        answer_error(&answer, 404, NULL, "Unknown method.");
    } else if (strcmp(call->method, "GET") != 0 && strcmp(call->method, "HEAD") != 0) {
        note->pattern = q.endpoint->path;
        answer_error(&answer, 405, NULL, "Method not allowed");
    } else {
        note->pattern = q.endpoint->path;
        note->tokens = q.endpoint->cost;
        run_handler(call, &q);
    }
    note->rows = answer.rows;
    reply->status = answer.status;
    reply->body = answer.body;
}

static void answer_known(struct sim *sim, const struct api_call *call, struct reply *reply,
                         struct company *c, int user, struct request_note *note)
{
    int64_t now = sim_now(sim);
    g_mutex_lock(&c->lock);
    if (company_switch(c, SW_CLOSED)) {
        note->tokens = 0;
        plain(reply, 402,
              "{\"success\":false,\"error\":\"Payment required: company account is not open\","
              "\"errorCode\":402,\"error_info\":\"Please check developers.pipedrive.com\"}");
    } else if (!refused_by_limits(sim, reply, c, user, now, note) &&
               !feign_refusal(reply, c, now, note)) {
        route(call, reply, c, user, now, note);
        fault_change_body(&reply->fault, &reply->body, call->arg(call->from, "cursor"));
        if (reply->fault.kind == FAULT_HTML) {
            reply->status = (int)reply->fault.amount;
            reply->content_type = "text/html; charset=UTF-8";
        }
    }
    bool failed = reply->status >= 400 || reply->fault.kind != FAULT_NONE;
    if (note->refusal != NOTE_PLAIN || (failed && !company_switch(c, SW_FAILED_COST)))
        note->tokens = 0;
    limits_charge(c, now, note->tokens);
    write_limit_headers(reply, c, user, now);
    g_mutex_unlock(&c->lock);
}

void api_answer(struct sim *sim, const struct api_call *call, struct reply *reply)
{
    struct request_note note = {
        .pattern = "other", .method = call->method, .path = call->path, .query = call->query};
    int user = 0;

    stats_enter(&sim->stats);
    struct company *c = find_token(sim, call->token, &user);
    const char *key;
    const struct endpoint *endpoint = endpoint_find(normal_path(call->path), &key);
    if (endpoint) {
        note.pattern = endpoint->path;
        note.tokens = c ? endpoint->cost : 0;
    }
    note.company = c ? c->id : 0;
    reply->content_type = "application/json; charset=utf-8";
    reply->fault =
        faults_take(&sim->faults, call->path, call->query, note.company, &reply->latency_ms);
    const struct options *o = &sim->options;
    reply->latency_ms += o->latency_ms;
    if (o->jitter_ms)
        reply->latency_ms += g_random_int_range(0, o->jitter_ms + 1);

    /* Waits before it looks at the data, and outside every lock. */
    sim_sleep_us(sim, reply->latency_ms * 1000);
    if (c)
        answer_known(sim, call, reply, c, user, &note);
    else
        refuse_unauthorized(reply);
    char date[40];
    time_http(date, sim_now(sim));
    reply_header(reply, "Date", "%s", date);
    g_autofree char *uuid = g_uuid_string_random();
    reply_header(reply, "x-correlation-id", "%s", uuid);
    note.status = reply->status;
    note.bytes = reply->body.len;
    stats_leave(&sim->stats, &note);
}
