#include "base/error.h"

#include <string.h>

static GError *throttled(void)
{
    GError *error = NULL;

    error_setf(&error, PENSTOCK_ERROR_THROTTLED, "GET /api/v2/%s: too fast", "deals");
    error_set_detail(error, &(struct error_detail){
                                .origin_code = 429, .retry_after_ms = 2000, .request_id = "d6f3"});
    return error;
}

static void assert_details(const GError *error)
{
    g_assert_cmpint(error_detail(error)->origin_code, ==, 429);
    g_assert_cmpint(error_detail(error)->retry_after_ms, ==, 2000);
    g_assert_cmpstr(error_detail(error)->request_id, ==, "d6f3");
}

static void details_survive_prefix_copy_and_propagation(void)
{
    GError *inner = throttled();
    g_autoptr(GError) outer = NULL;

    g_prefix_error(&inner, "connection %s: ", "acme");
    g_propagate_prefixed_error(&outer, inner, "sync: ");
    g_autoptr(GError) copy = g_error_copy(outer);
    g_assert_cmpstr(copy->message, ==, "sync: connection acme: GET /api/v2/deals: too fast");
    assert_details(outer);
    assert_details(copy);
}

static void details_are_zero_until_set(void)
{
    g_autoptr(GError) error = g_error_new(PENSTOCK_ERROR, PENSTOCK_ERROR_DATA, "x");

    g_assert_cmpint(error_detail(error)->origin_code, ==, 0);
    g_assert_cmpint(error_detail(error)->retry_after_ms, ==, 0);
    g_assert_cmpstr(error_detail(error)->request_id, ==, "");
}

static void request_id_always_ends(void)
{
    g_autoptr(GError) error = g_error_new(PENSTOCK_ERROR, PENSTOCK_ERROR_DATA, "x");
    struct error_detail detail = {.origin_code = 500};

    memset(detail.request_id, 'r', sizeof(detail.request_id));
    error_set_detail(error, &detail);
    g_assert_cmpuint(strlen(error_detail(error)->request_id), ==, sizeof(detail.request_id) - 1);
}

static void other_domains_have_no_details(void)
{
    g_autoptr(GError) error =
        g_error_new(G_CONVERT_ERROR, G_CONVERT_ERROR_FAILED, "not one of ours");

    error_set_detail(error, &(struct error_detail){.origin_code = 7});
    g_assert_cmpint(error_detail(error)->origin_code, ==, 0);
    g_assert_cmpint(error_detail(NULL)->origin_code, ==, 0);
    g_assert_cmpstr(error_code_name(error), ==, "other");
    g_assert_cmpstr(error_code_name(NULL), ==, "other");
}

static void error_is_knows_domain_and_code(void)
{
    g_autoptr(GError) error = throttled();
    g_autoptr(GError) foreign =
        g_error_new(G_CONVERT_ERROR, (int)PENSTOCK_ERROR_THROTTLED, "same number");

    g_assert_true(error_is(error, PENSTOCK_ERROR_THROTTLED));
    g_assert_false(error_is(error, PENSTOCK_ERROR_RETRY));
    g_assert_false(error_is(foreign, PENSTOCK_ERROR_THROTTLED));
    g_assert_false(error_is(NULL, PENSTOCK_ERROR_RETRY));
}

static void every_code_has_its_word(void)
{
    static const char *const words[] = {
        [PENSTOCK_ERROR_RETRY] = "retry",         [PENSTOCK_ERROR_THROTTLED] = "throttled",
        [PENSTOCK_ERROR_PARKED] = "parked",       [PENSTOCK_ERROR_AUTH] = "auth",
        [PENSTOCK_ERROR_GONE] = "gone",           [PENSTOCK_ERROR_REFUSED] = "refused",
        [PENSTOCK_ERROR_TOO_LARGE] = "too_large", [PENSTOCK_ERROR_DATA] = "data",
        [PENSTOCK_ERROR_CONFIG] = "config",       [PENSTOCK_ERROR_STORAGE] = "storage",
        [PENSTOCK_ERROR_FENCED] = "fenced",       [PENSTOCK_ERROR_GUARD] = "guard",
        [PENSTOCK_ERROR_CANCELLED] = "cancelled", [PENSTOCK_ERROR_BUG] = "bug",
    };

    for (size_t i = 0; i < G_N_ELEMENTS(words); i++) {
        g_autoptr(GError) error = g_error_new(PENSTOCK_ERROR, (int)i, "x");
        g_assert_cmpstr(error_code_name(error), ==, words[i]);
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/error/travel", details_survive_prefix_copy_and_propagation);
    g_test_add_func("/error/zero", details_are_zero_until_set);
    g_test_add_func("/error/request-id", request_id_always_ends);
    g_test_add_func("/error/foreign", other_domains_have_no_details);
    g_test_add_func("/error/is", error_is_knows_domain_and_code);
    g_test_add_func("/error/names", every_code_has_its_word);
    return g_test_run();
}
