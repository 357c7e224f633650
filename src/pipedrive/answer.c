#include "pipedrive/answer.h"

#include <string.h>

/* What a message quotes of the server's own words. */
#define QUOTE_BYTES 200
/* The burst window; its 429s ask for this at least (API.md section 4). */
#define BURST_WAIT_S 2
/* A burst never takes longer than this: a retry-after above it speaks of the daily budget (3939 was
 * seen live, 2026-07), and no server-stated wait is followed for longer while a run lasts. */
#define PASSING_WAIT_S 60
/* The daily budget is new at midnight of some time zone: no wait for it is longer. */
#define DAY_S INT64_C(86400)

/* --- the server's words --- */

/* Control characters move a terminal's cursor, format characters turn text around: neither is
 * quoted. */
static bool may_be_quoted(gunichar c)
{
    return !g_unichar_iscntrl(c) && g_unichar_type(c) != G_UNICODE_FORMAT;
}

/* " (the text)" cut to QUOTE_BYTES, or "" when there is none. The token goes before the cut, which
 * would leave a part of it that nobody finds any more. */
static char *quote(const struct answer_facts *facts, const struct json_value *root)
{
    g_autofree char *text = json_dup_string(json_member(root, "error"));
    GString *out = g_string_new(" (");
    if (text != NULL && facts->token != NULL)
        secret_redact(facts->token, text);
    g_autofree char *valid = g_utf8_make_valid(text != NULL ? text : "", -1);
    for (const char *at = valid; *at != '\0'; at = g_utf8_next_char(at)) {
        gunichar c = g_utf8_get_char(at);
        if (out->len - 2 + (gsize)g_unichar_to_utf8(c, NULL) > QUOTE_BYTES)
            break;
        if (may_be_quoted(c))
            g_string_append_unichar(out, c);
    }
    if (out->len == 2)
        g_string_truncate(out, 0);
    else
        g_string_append_c(out, ')');
    return g_string_free(out, FALSE);
}

static bool is_object(const struct json_value *root)
{
    return root != NULL && root->kind == JSON_OBJECT;
}

/* --- failing --- */

static int64_t stated_ms(int64_t wait_s, int64_t most_s)
{
    return CLAMP(wait_s, 0, most_s) * 1000;
}

static bool fail(const struct answer_facts *facts, enum penstock_error code, int64_t retry_after_ms,
                 const char *message, const struct json_value *root, GError **error)
{
    g_autofree char *words = quote(facts, root);
    struct error_detail detail = {.origin_code = facts->status, .retry_after_ms = retry_after_ms};
    if (facts->request_id != NULL)
        g_strlcpy(detail.request_id, facts->request_id, sizeof detail.request_id);
    bool has_id = detail.request_id[0] != '\0';
    GError *own =
        g_error_new(PENSTOCK_ERROR, (int)code, "HTTP %d%s: %s%s%s%s", facts->status, words, message,
                    has_id ? " [request " : "", detail.request_id, has_id ? "]" : "");
    error_set_detail(own, &detail);
    g_propagate_error(error, own);
    return false;
}

/* A passing fault; the server may say how long it takes. */
static bool fail_passing(const struct answer_facts *facts, const char *message,
                         const struct json_value *root, GError **error)
{
    return fail(facts, PENSTOCK_ERROR_RETRY, stated_ms(facts->retry_after_s, PASSING_WAIT_S),
                message, root, error);
}

static bool fail_refused(const struct answer_facts *facts, const struct json_value *root,
                         GError **error)
{
    return fail(facts, PENSTOCK_ERROR_REFUSED, 0,
                "Pipedrive refuses this request: report it, or leave the table out", root, error);
}

/* --- statuses --- */

static bool fail_no_json(const struct answer_facts *facts, GError **error)
{
    g_autofree char *message =
        g_strdup_printf("the answer is %s: run again later; if it stays so, check the API URL and "
                        "what stands between (proxy, firewall)",
                        facts->not_json != NULL ? facts->not_json : "empty");
    return fail_passing(facts, message, NULL, error);
}

/* API.md section 2: rare server faults answer 200 with success false, or null (flow). */
static bool check_success(const struct answer_facts *facts, const struct json_value *root,
                          GError **error)
{
    const struct json_value *success = json_member(root, "success");
    if (json_is_true(success))
        return true;
    if (root == NULL)
        return fail_no_json(facts, error);
    if (root->kind == JSON_NULL || (success != NULL && success->kind == JSON_FALSE))
        return fail_passing(facts, "Pipedrive could not answer: run again later", root, error);
    return fail(facts, PENSTOCK_ERROR_DATA, 0,
                "the answer is not in Pipedrive's envelope: check the API URL, or run again later",
                root, error);
}

/* From behind the API comes JSON; a page of HTML is Cloudflare's, after 429s that somebody ignored.
 */
static bool fail_forbidden(const struct answer_facts *facts, const struct json_value *root,
                           GError **error)
{
    if (!is_object(root))
        return fail(facts, PENSTOCK_ERROR_PARKED, stated_ms(facts->retry_after_s, DAY_S),
                    "Pipedrive's firewall blocks this token or address for some time: wait, and "
                    "look for other programs that use the same token",
                    NULL, error);
    return fail(facts, PENSTOCK_ERROR_AUTH, 0,
                "the token's user may not read this: give the user the right in Pipedrive, use an "
                "administrator's token, or leave the table out",
                root, error);
}

static bool is_budget_gone(const struct answer_facts *facts, const struct json_value *root)
{
    g_autofree char *text = json_dup_string(json_member(root, "error"));
    g_autofree char *lower = g_ascii_strdown(text != NULL ? text : "", -1);
    return strstr(lower, "daily request budget exceeded") != NULL || facts->daily_remaining == 0 ||
           facts->retry_after_s > PASSING_WAIT_S;
}

static bool fail_too_many(const struct answer_facts *facts, const struct json_value *root,
                          GError **error)
{
    if (is_budget_gone(facts, root))
        return fail(facts, PENSTOCK_ERROR_PARKED, stated_ms(facts->retry_after_s, DAY_S),
                    "the company's API budget of today is used up: the next run goes on from here "
                    "when the budget is new",
                    root, error);
    int64_t wait_s = MAX(MAX(facts->retry_after_s, facts->burst_reset_s), BURST_WAIT_S);
    return fail(facts, PENSTOCK_ERROR_THROTTLED, stated_ms(wait_s, PASSING_WAIT_S),
                "too many requests in a short time: run again later, and look for other programs "
                "that use the same token",
                root, error);
}

static bool check_client_fault(const struct answer_facts *facts, const struct json_value *root,
                               GError **error)
{
    switch (facts->status) {
    case 401:
        return fail(facts, PENSTOCK_ERROR_AUTH, 0,
                    "the API token was refused: copy it again from Pipedrive (Personal "
                    "preferences, API); making a new token there ends the old one",
                    root, error);
    case 402:
        return fail(facts, PENSTOCK_ERROR_AUTH, 0,
                    "the company's Pipedrive account is not open (trial over or unpaid): look at "
                    "the billing settings in Pipedrive",
                    root, error);
    case 403:
        return fail_forbidden(facts, root, error);
    case 404:
    case 410:
        return fail(facts, PENSTOCK_ERROR_GONE, 0,
                    "there is nothing at this address: the record is gone, or the API URL is wrong",
                    root, error);
    case 408:
        return fail_passing(facts, "the request took too long: run again later", root, error);
    case 429:
        return fail_too_many(facts, root, error);
    }
    return fail_refused(facts, root, error);
}

bool answer_check(const struct answer_facts *facts, const struct json_value *root, GError **error)
{
    switch (facts->status / 100) {
    case 2:
        return check_success(facts, root, error);
    case 3:
        return fail(facts, PENSTOCK_ERROR_CONFIG, 0,
                    "the API URL leads somewhere else, where the token is not sent: use "
                    "https://api.pipedrive.com or https://COMPANY.pipedrive.com",
                    NULL, error);
    case 4:
        return check_client_fault(facts, root, error);
    case 5:
        if (facts->status == 501)
            return fail_refused(facts, root, error);
        return fail_passing(facts, "Pipedrive has a fault or is under maintenance: run again later",
                            root, error);
    }
    return fail_passing(facts, "the answer has no status that means anything: check the API URL",
                        NULL, error);
}
