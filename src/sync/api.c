#include "sync/api.h"

#include "base/log.h"
#include "pipedrive/answer.h"
#include "pipedrive/catalog.h"

#include <string.h>

#define DEFAULT_URL "https://api.pipedrive.com"
/* Enough for every answer that is asked for one at a time. */
#define SINGLE_CEILING_BYTES (8u << 20)

bool api_open(struct api *api, const struct sync_settings *settings, GError **error)
{
    struct http_client_settings client = {
        .origin = settings->api_url ? settings->api_url : DEFAULT_URL,
        .token = settings->token,
        .user_agent = "penstock/" PENSTOCK_VERSION,
        .connect_timeout_ms = settings->timeout_ms,
        .stall_timeout_ms = settings->timeout_ms,
        .total_timeout_ms = 2 * settings->timeout_ms,
    };

    *api = (struct api){.token = settings->token,
                        .burst_limit = -1,
                        .daily_limit = -1,
                        .daily_remaining = -1,
                        .date = INSTANT_NONE,
                        .policy = {.base_ms = settings->retry_base_ms}};
    governor_init(&api->governor);
    api->sharers = sharers_join(settings->state_dir, settings->token, clock_monotonic_ms());
    api->parser = json_parser_new();
    return http_client_new(&client, &api->client, error);
}

/* The first request of the next command needs room. */
static void leave_window(struct api *api)
{
    int64_t now_ms = clock_monotonic_ms();

    sharers_tell_wait(api->sharers, now_ms + governor_room_wait_ms(&api->governor, now_ms));
    sharers_leave(api->sharers);
}

void api_close(struct api *api)
{
    http_client_free(api->client);
    json_parser_free(api->parser);
    if (api->sharers)
        leave_window(api);
    api->client = NULL;
    api->parser = NULL;
    api->sharers = NULL;
}

instant_t api_now(const struct api *api)
{
    if (api->date == INSTANT_NONE)
        return INSTANT_NONE;
    return api->date + (clock_monotonic_ms() - api->date_ms) * 1000;
}

int64_t api_wait_ms(struct api *api, int64_t now_ms)
{
    governor_divide(&api->governor, sharers_count(api->sharers, now_ms));
    governor_hold(&api->governor, sharers_quiet_until_ms(api->sharers));
    return governor_wait_ms(&api->governor, now_ms);
}

void api_send(struct api *api, const char *path, int cost_tokens, size_t ceiling_bytes,
              void *opaque)
{
    api->requests++;
    api->tokens += cost_tokens;
    governor_sent(&api->governor, clock_monotonic_ms());
    log_trace("request", "path", path, NULL);
    http_client_start(api->client, path, ceiling_bytes, opaque);
}

/* A clock that was ahead for one answer would let bookmarks pass by what was not read: the earliest
 * opinion counts. Too early a time costs a few rows that are read again. */
static void learn_date(struct api *api, instant_t date, int64_t now_ms)
{
    if (date == INSTANT_NONE || (api->date != INSTANT_NONE && date >= api_now(api)))
        return;
    api->date = date;
    api->date_ms = now_ms;
}

static void learn(struct api *api, const struct http_answer *answer)
{
    const struct http_headers *headers = &answer->headers;
    int64_t now_ms = clock_monotonic_ms();

    learn_date(api, headers->date, now_ms);
    if (headers->burst_limit >= 0)
        api->burst_limit = headers->burst_limit;
    if (headers->daily_limit >= 0)
        api->daily_limit = headers->daily_limit;
    if (headers->daily_remaining >= 0)
        api->daily_remaining = headers->daily_remaining;
    governor_answer(&api->governor, now_ms - answer->took_ms, now_ms, headers->burst_limit,
                    headers->burst_remaining, headers->burst_reset_s);
}

/* Whatever a server or a library wrote into a message, the token is not in it. */
static void redact(const struct api *api, GError **error)
{
    if (error && *error)
        secret_redact(api->token, (*error)->message);
}

static void heed_refusal(struct api *api, int64_t took_ms, int64_t retry_after_ms)
{
    int64_t now_ms = clock_monotonic_ms();

    governor_throttled(&api->governor, now_ms - took_ms, now_ms, retry_after_ms);
    sharers_tell_wait(api->sharers, governor_held_until_ms(&api->governor));
}

bool api_judge(struct api *api, const struct http_answer *answer, struct arena *arena,
               const struct json_value **ret_root, GError **error)
{
    struct answer_facts facts = {
        .status = answer->status,
        .retry_after_s = answer->headers.retry_after_s,
        .burst_reset_s = answer->headers.burst_reset_s,
        .daily_remaining = answer->headers.daily_remaining,
        .request_id = answer->headers.request_id,
        .token = api->token,
    };
    const struct json_value *root = NULL;
    g_autoptr(GError) parse_error = NULL;
    bool good;

    learn(api, answer);
    if (answer->error) {
        g_propagate_error(error, g_error_copy(answer->error));
        error_set_detail(*error, error_detail(answer->error));
        redact(api, error);
        return false;
    }
    if (answer->body_bytes > 0 && !json_parse_briefly(api->parser, answer->body, answer->body_bytes,
                                                      arena, &root, &parse_error))
        root = NULL;
    facts.not_json = parse_error ? parse_error->message : NULL;
    good = answer_check(&facts, root, error);
    if (!good) {
        if (error_is(*error, PENSTOCK_ERROR_THROTTLED))
            heed_refusal(api, answer->took_ms, error_detail(*error)->retry_after_ms);
        redact(api, error);
        return false;
    }
    *ret_root = root;
    return true;
}

/* Waits for the one request that is out, or until the caller cancels. */
static struct http_answer *wait_for_answer(struct api *api, const int *cancelled)
{
    for (;;) {
        struct http_answer *answer = http_client_take(api->client);

        if (answer || (cancelled && g_atomic_int_get(cancelled)))
            return answer;
        http_client_wait(api->client, 200);
    }
}

static void wait_ms(struct api *api, int64_t ms, const int *cancelled)
{
    int64_t until = clock_monotonic_ms() + ms;

    while (clock_monotonic_ms() < until && !(cancelled && g_atomic_int_get(cancelled)))
        http_client_wait(api->client, MIN(until - clock_monotonic_ms(), 200));
}

static bool try_once(struct api *api, const char *path, int cost_tokens, struct arena *arena,
                     const int *cancelled, const struct json_value **ret_root, GError **error)
{
    struct http_answer *answer;
    bool good;

    wait_ms(api, api_wait_ms(api, clock_monotonic_ms()), cancelled);
    api_send(api, path, cost_tokens, SINGLE_CEILING_BYTES, NULL);
    answer = wait_for_answer(api, cancelled);
    if (!answer) {
        error_setf(error, PENSTOCK_ERROR_CANCELLED, "stopped as asked; run again");
        return false;
    }
    if (answer->body) { /* the caller's arena outlives the answer */
        char *copy = arena_alloc0(arena, answer->body_bytes + JSON_PADDING);

        memcpy(copy, answer->body, answer->body_bytes);
        g_free(answer->body);
        answer->body = copy;
    }
    good = api_judge(api, answer, arena, ret_root, error);
    if (good)
        *ret_root = json_keep(*ret_root, arena);
    answer->body = NULL;
    http_answer_free(answer);
    return good;
}

bool api_get(struct api *api, const char *path, int cost_tokens, struct arena *arena,
             const int *cancelled, const struct json_value **ret_root, GError **error)
{
    struct retry_history history = {0};

    for (;;) {
        GError *failure = NULL;
        struct retry_decision decision;

        if (try_once(api, path, cost_tokens, arena, cancelled, ret_root, &failure))
            return true;
        decision = retry_decide(&api->policy, CALL_PAGE, &history, failure, g_random_double());
        if (decision.action != RETRY_AFTER) {
            if (error_is(failure, PENSTOCK_ERROR_TOO_LARGE))
                g_prefix_error(&failure, "is the API URL right? ");
            g_propagate_error(error, failure);
            return false;
        }
        g_clear_error(&failure);
        wait_ms(api, decision.wait_ms, cancelled);
    }
}

/* An administrator is whoever administers the account or everything; the spec's other flag is gone
 * (2026-08-18). */
static bool is_admin(const struct json_value *data)
{
    for (json_each_item(entry, json_member(data, "access"))) {
        const struct json_value *app = json_member(entry, "app");

        if (json_is_true(json_member(entry, "admin")) &&
            (json_text_is(app, "global") || json_text_is(app, "account_settings")))
            return true;
    }
    return false;
}

bool api_who(struct api *api, const int *cancelled, struct identity *ret, GError **error)
{
    struct arena *arena = arena_new();
    const struct json_value *root, *data, *access;
    bool good = api_get(api, CATALOG_ME_PATH, CATALOG_ME_COST, arena, cancelled, &root, error);

    *ret = (struct identity){0};
    if (good) {
        data = json_member(root, "data");
        access = json_member(data, "access");
        good = json_int64(json_member(data, "id"), &ret->user_id) &&
               json_int64(json_member(data, "company_id"), &ret->company_id);
        if (!good)
            error_setf(
                error, PENSTOCK_ERROR_DATA,
                "users/me does not say who the token belongs to: is the API's address right?");
        ret->user_name = json_dup_string(json_member(data, "name"));
        ret->company_name = json_dup_string(json_member(data, "company_name"));
        ret->company_domain = json_dup_string(json_member(data, "company_domain"));
        ret->access = access ? g_strndup(access->text, access->length) : g_strdup("null");
        ret->is_admin = is_admin(data);
    }
    arena_free(arena);
    return good;
}

void identity_done(struct identity *identity)
{
    g_free(identity->user_name);
    g_free(identity->company_name);
    g_free(identity->company_domain);
    g_free(identity->access);
    *identity = (struct identity){0};
}

bool api_fields(struct api *api, const struct stream *stream, struct fields *fields, GError **error)
{
    struct arena *arena = arena_new();
    g_autofree char *cursor = NULL;
    bool good = true, changed;

    fields_begin_list(fields);
    do {
        g_autoptr(GString) path = g_string_new(NULL);
        const struct json_value *root;

        g_string_printf(path, "%s?limit=%d", catalog_fields_path(stream->fields),
                        CATALOG_FIELDS_PAGE);
        if (cursor) {
            g_string_append(path, "&cursor=");
            g_string_append_uri_escaped(path, cursor, NULL, FALSE);
        }
        g_clear_pointer(&cursor, g_free);
        good = api_get(api, path->str, CATALOG_FIELDS_COST, arena, NULL, &root, error) &&
               fields_take_page(fields, root, &cursor, error);
    } while (good && cursor);
    if (good)
        fields_end_list(fields, &changed);
    arena_free(arena);
    return good;
}
