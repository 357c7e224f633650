/* pipedrive/answer.c. Bodies and rules are from API.md sections 2 and 4. */
#include "pipedrive/answer.h"

#include <string.h>

struct fixture {
    struct arena *arena;
    struct json_parser *parser;
    char body[4096]; /* with room for JSON_PADDING */
    struct answer_facts facts;
    GError *error;
};

static void set_up(struct fixture *f, const void *unused)
{
    (void)unused;
    f->arena = arena_new();
    f->parser = json_parser_new();
}

static void tear_down(struct fixture *f, const void *unused)
{
    (void)unused;
    g_clear_error(&f->error);
    json_parser_free(f->parser);
    arena_free(f->arena);
}

static const struct answer_facts silent = {
    .retry_after_s = -1, .burst_reset_s = -1, .daily_remaining = -1, .request_id = "5d3c7c5e-9f7e"};

static bool check_facts(struct fixture *f, const struct answer_facts *facts, const char *body)
{
    const struct json_value *root = NULL;
    g_assert_cmpuint(strlen(body), <, sizeof f->body - JSON_PADDING);
    memset(f->body, 0, sizeof f->body);
    strcpy(f->body, body);
    if (!json_parse(f->parser, f->body, strlen(body), f->arena, &root, NULL))
        root = NULL;
    g_clear_error(&f->error);
    f->facts = *facts;
    return answer_check(&f->facts, root, &f->error);
}

/* Fails with code and says all that a person needs. */
static void assert_fails(struct fixture *f, const struct answer_facts *facts, const char *body,
                         enum penstock_error code)
{
    g_autofree char *status = g_strdup_printf("%d", facts->status);
    g_test_message("%d %s", facts->status, body);
    g_assert_false(check_facts(f, facts, body));
    g_assert_error(f->error, PENSTOCK_ERROR, (int)code);
    g_assert_cmpint(error_detail(f->error)->origin_code, ==, facts->status);
    g_assert_cmpstr(error_detail(f->error)->request_id, ==, "5d3c7c5e-9f7e");
    g_assert_nonnull(strstr(f->error->message, status));
}

static void assert_status(struct fixture *f, int status, const char *body, enum penstock_error code)
{
    struct answer_facts facts = silent;
    facts.status = status;
    assert_fails(f, &facts, body, code);
}

static void assert_wait(struct fixture *f, int64_t wait_ms)
{
    g_assert_cmpint(error_detail(f->error)->retry_after_ms, ==, wait_ms);
}

static const char html[] = "<!DOCTYPE html><html><body>Cloudflare</body></html>";

static void success(struct fixture *f, const void *unused)
{
    (void)unused;
    struct answer_facts facts = silent;
    for (facts.status = 200; facts.status <= 201; facts.status++) {
        g_assert_true(check_facts(f, &facts, "{\"success\":true,\"data\":[{\"id\":1}]}"));
        g_assert_no_error(f->error);
        g_assert_true(check_facts(f, &facts, "{\"success\": true, \"data\": null}"));
        g_assert_no_error(f->error);
    }
}

static void server_faults_with_200(struct fixture *f, const void *unused)
{
    (void)unused;
    assert_status(f, 200, "{\"success\":false,\"error\":\"try later\"}", PENSTOCK_ERROR_RETRY);
    g_assert_nonnull(strstr(f->error->message, "try later"));
    assert_status(f, 200, "null", PENSTOCK_ERROR_RETRY); /* flow */
    assert_status(f, 200, "", PENSTOCK_ERROR_RETRY);
    assert_status(f, 204, "", PENSTOCK_ERROR_RETRY);
    assert_status(f, 200, html, PENSTOCK_ERROR_RETRY);
    assert_status(f, 200, "{\"success\":true,\"data\":[{\"id\":1}", PENSTOCK_ERROR_RETRY);
}

static void another_shape(struct fixture *f, const void *unused)
{
    (void)unused;
    assert_status(f, 200, "[]", PENSTOCK_ERROR_DATA);
    assert_status(f, 200, "{}", PENSTOCK_ERROR_DATA);
    assert_status(f, 200, "7", PENSTOCK_ERROR_DATA);
    assert_status(f, 200, "{\"success\":\"true\"}", PENSTOCK_ERROR_DATA);
    assert_status(f, 200, "{\"success\":null}", PENSTOCK_ERROR_DATA);
}

static void refused(struct fixture *f, const void *unused)
{
    (void)unused;
    static const int statuses[] = {400, 405, 406, 413, 414, 415, 418, 422, 431, 451, 499, 501};
    for (size_t i = 0; i < G_N_ELEMENTS(statuses); i++) {
        assert_status(f, statuses[i],
                      "{\"success\":false,\"error\":\"Parameter 'type' is not allowed\","
                      "\"code\":\"ERR_SCHEMA_VALIDATION_FAILED\"}",
                      PENSTOCK_ERROR_REFUSED);
        g_assert_nonnull(strstr(f->error->message, "Parameter 'type' is not allowed"));
    }
    assert_status(f, 400, html, PENSTOCK_ERROR_REFUSED);
    g_assert_null(strstr(f->error->message, "<"));
}

static void credentials(struct fixture *f, const void *unused)
{
    (void)unused;
    assert_status(f, 401,
                  "{\"success\":false,\"error\":\"unauthorized access\",\"errorCode\":401,"
                  "\"error_info\":\"Please check developers.pipedrive.com\"}",
                  PENSTOCK_ERROR_AUTH);
    g_assert_nonnull(strstr(f->error->message, "token was refused"));
    g_assert_nonnull(strstr(f->error->message, "unauthorized access"));
    assert_status(f, 401, html, PENSTOCK_ERROR_AUTH);
    assert_status(f, 402, "{\"success\":false,\"error\":\"company account is not open\"}",
                  PENSTOCK_ERROR_AUTH);
    g_assert_nonnull(strstr(f->error->message, "billing"));
    assert_status(f, 403,
                  "{\"success\":false,\"error\":\"Scope and URL mismatch\",\"errorCode\":403,"
                  "\"error_info\":\"...\"}",
                  PENSTOCK_ERROR_AUTH);
}

static void firewall(struct fixture *f, const void *unused)
{
    (void)unused;
    struct answer_facts facts = silent;
    facts.status = 403;
    assert_fails(f, &facts, html, PENSTOCK_ERROR_PARKED);
    assert_wait(f, 0); /* nothing said: unknown */
    facts.retry_after_s = 7200;
    assert_fails(f, &facts, html, PENSTOCK_ERROR_PARKED);
    assert_wait(f, 7200 * 1000);
    facts.retry_after_s = INT64_C(1000000000000);
    assert_fails(f, &facts, "", PENSTOCK_ERROR_PARKED);
    assert_wait(f, 86400 * 1000); /* not for years */
}

static void gone(struct fixture *f, const void *unused)
{
    (void)unused;
    assert_status(f, 404, "{\"success\":false,\"error\":\"Deal not found\"}", PENSTOCK_ERROR_GONE);
    g_assert_nonnull(strstr(f->error->message, "Deal not found"));
    assert_status(f, 410, "{\"success\":false}", PENSTOCK_ERROR_GONE);
    assert_status(f, 404, html, PENSTOCK_ERROR_GONE);
}

static void passing(struct fixture *f, const void *unused)
{
    (void)unused;
    static const int statuses[] = {408, 500, 502, 503, 504, 520, 521, 522, 523, 524, 599};
    for (size_t i = 0; i < G_N_ELEMENTS(statuses); i++) {
        assert_status(f, statuses[i], html, PENSTOCK_ERROR_RETRY);
        assert_wait(f, 0);
        assert_status(f, statuses[i], "{\"success\":false,\"error\":\"x\"}", PENSTOCK_ERROR_RETRY);
    }
    struct answer_facts facts = silent;
    facts.status = 503;
    facts.retry_after_s = 30;
    assert_fails(f, &facts, html, PENSTOCK_ERROR_RETRY);
    assert_wait(f, 30000);
    facts.retry_after_s = 3600; /* a stated wait is capped */
    assert_fails(f, &facts, html, PENSTOCK_ERROR_RETRY);
    assert_wait(f, 60000);
}

static const char burst[] =
    "{\"success\":false,\"error\":\"Request over limit\",\"errorCode\":429}";
static const char daily[] =
    "{\"success\":false,\"error\":\"daily request budget exceeded\",\"errorCode\":429,"
    "\"error_info\":\"Please check developers.pipedrive.com\"}";

static void assert_throttled(struct fixture *f, int64_t retry_after_s, int64_t reset_s,
                             int64_t wait_ms)
{
    struct answer_facts facts = silent;
    facts.status = 429;
    facts.retry_after_s = retry_after_s;
    facts.burst_reset_s = reset_s;
    facts.daily_remaining = 17;
    assert_fails(f, &facts, burst, PENSTOCK_ERROR_THROTTLED);
    assert_wait(f, wait_ms);
}

static void too_fast(struct fixture *f, const void *unused)
{
    (void)unused;
    assert_throttled(f, -1, -1, 2000);
    assert_throttled(f, 0, 0, 2000);
    assert_throttled(f, 5, 1, 5000);
    assert_throttled(f, 1, 7, 7000);
    assert_throttled(f, 60, -1, 60000);
    assert_throttled(f, -1, 3600, 60000);
    assert_status(f, 429, html, PENSTOCK_ERROR_THROTTLED);
}

static void day_is_over(struct fixture *f, const void *unused)
{
    (void)unused;
    struct answer_facts facts = silent;
    facts.status = 429;
    assert_fails(f, &facts, daily, PENSTOCK_ERROR_PARKED); /* by the text alone */
    assert_wait(f, 0);
    facts.retry_after_s = 3939; /* seen live */
    assert_fails(f, &facts, daily, PENSTOCK_ERROR_PARKED);
    assert_wait(f, 3939000);
    assert_fails(f, &facts, burst, PENSTOCK_ERROR_PARKED); /* by the wait alone */
    facts.retry_after_s = 1;
    facts.daily_remaining = 0; /* by the header alone */
    assert_fails(f, &facts, burst, PENSTOCK_ERROR_PARKED);
    facts.retry_after_s = 999999999;
    assert_fails(f, &facts, "", PENSTOCK_ERROR_PARKED);
    assert_wait(f, 86400 * 1000);
}

static void elsewhere(struct fixture *f, const void *unused)
{
    (void)unused;
    assert_status(f, 301, html, PENSTOCK_ERROR_CONFIG);
    assert_status(f, 302, "", PENSTOCK_ERROR_CONFIG);
    assert_status(f, 308, "{\"success\":true}", PENSTOCK_ERROR_CONFIG);
    g_assert_nonnull(strstr(f->error->message, "API URL"));
    assert_status(f, 0, "", PENSTOCK_ERROR_RETRY);
    assert_status(f, 199, "", PENSTOCK_ERROR_RETRY);
    assert_status(f, 600, "", PENSTOCK_ERROR_RETRY);
    assert_status(f, 999, "{\"success\":true}", PENSTOCK_ERROR_RETRY);
}

static void words_of_the_server(struct fixture *f, const void *unused)
{
    (void)unused;
    /* cursor moves, C1 controls, text direction, line breaks */
    assert_status(f, 400, "{\"error\":\"a\\u001b[2Jb\\u0085c\\u202ed\\r\\ne\\u0000f\"}",
                  PENSTOCK_ERROR_REFUSED);
    g_assert_null(strpbrk(f->error->message, "\x1b\r\n"));
    g_assert_nonnull(strstr(f->error->message, "a[2Jbcde"));
    /* cut between characters, not inside one: 199 bytes and a character of two */
    g_autofree char *filler = g_strnfill(199, 'x');
    g_autofree char *body = g_strdup_printf("{\"error\":\"%s\xc3\xa9 and more\"}", filler);
    assert_status(f, 400, body, PENSTOCK_ERROR_REFUSED);
    g_assert_true(g_utf8_validate(f->error->message, -1, NULL));
    g_assert_nonnull(strstr(f->error->message, filler));
    g_assert_null(strstr(f->error->message, "\xc3"));
    g_assert_null(strstr(f->error->message, "more"));
    /* no text at all */
    assert_status(f, 400, "{\"error\":{\"a\":1}}", PENSTOCK_ERROR_REFUSED);
    assert_status(f, 400, "{\"error\":\"\"}", PENSTOCK_ERROR_REFUSED);
    g_assert_null(strstr(f->error->message, "("));
}

#define ADD(name, function)                                                                        \
    g_test_add("/answer/" name, struct fixture, NULL, set_up, function, tear_down)

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    ADD("success", success);
    ADD("server-faults-with-200", server_faults_with_200);
    ADD("another-shape", another_shape);
    ADD("refused", refused);
    ADD("credentials", credentials);
    ADD("firewall", firewall);
    ADD("gone", gone);
    ADD("passing", passing);
    ADD("too-fast", too_fast);
    ADD("day-is-over", day_is_over);
    ADD("elsewhere", elsewhere);
    ADD("words-of-the-server", words_of_the_server);
    return g_test_run();
}
