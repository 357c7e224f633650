#include "sync/price.h"

#include "base/format.h"
#include "sync/outlook.h"

/* Tables of a call or two are not worth a word; children come with their deals. */
static bool is_long(enum walk_kind walk)
{
    return walk == WALK_CURSOR_TIME || walk == WALK_NOTES || walk == WALK_FILES;
}

static bool is_first_load(const struct extract *x)
{
    for (unsigned i = 0; i < STREAM_COUNT; i++)
        if (x->jobs[i] && x->jobs[i]->selected && x->jobs[i]->phase != JOB_ENDED &&
            x->jobs[i]->progress.first_load && is_long(catalog[i].walk))
            return true;
    return false;
}

static bool tells_histories(const struct extract *x)
{
    const struct job *flow = x->jobs[STREAM_DEALFLOW];

    return flow && !flow->state.seeded;
}

/* One try: a load does not fail, and does not wait, because its price is not known. */
static bool ask_once(struct extract *x, const char *path, int cost, struct arena *arena,
                     const struct json_value **ret_root)
{
    const struct retry_policy once = {.max_tries = 1, .max_data_tries = 1, .max_throttles = 1};
    struct retry_policy usual = x->api.policy;
    g_autoptr(GError) error = NULL;
    bool good;

    x->api.policy = once;
    good = api_get(&x->api, path, cost, arena, &x->sync->cancelled, ret_root, &error);
    x->api.policy = usual;
    purse_answer(&x->purse, clock_monotonic_ms(), cost, x->api.daily_limit, x->api.daily_remaining);
    return good;
}

/* -1: not known. */
static int64_t highest_deal(struct extract *x)
{
    const struct stream_list *list = &catalog[STREAM_DEALS].lists[0];
    g_autofree char *path =
        g_strdup_printf("%s?limit=1&sort_by=id&sort_direction=desc%s", list->path, list->query);
    g_autoptr(GError) error = NULL;
    struct arena *arena = arena_new();
    const struct json_value *root;
    enum budget_verdict verdict;
    int64_t id = -1, wait_s;

    if (!x->settings->budget.run.is_set &&
        purse_pay(&x->purse, BUDGET_BACKFILL, list->cost_tokens, false, &verdict, &wait_s,
                  &error) &&
        verdict == BUDGET_GO && ask_once(x, path, list->cost_tokens, arena, &root)) {
        id = 0;
        for (json_each_item(record, json_member(root, "data")))
            json_int64(json_member(record, "id"), &id);
    }
    arena_free(arena);
    return id;
}

/* What makes a first load dear; the lists are some tokens for hundreds of rows. */
static void append_histories(struct extract *x, GString *text, int64_t a_day)
{
    int64_t deals = highest_deal(x);
    int64_t tokens = deals * catalog[STREAM_DEALFLOW].lists[0].cost_tokens;
    int64_t days = outlook_days(deals, 0, a_day, catalog[STREAM_DEALFLOW].lists[0].cost_tokens);

    if (deals <= 0)
        return;
    g_string_append_printf(text, ", and at most %s for the histories of %s deals",
                           COUNT_TEXT(tokens), COUNT_TEXT(deals));
    if (days > 0)
        g_string_append_printf(text, " (%s day%s)", COUNT_TEXT(days), days == 1 ? "" : "s");
}

void price_tell(struct extract *x)
{
    int64_t a_day = budget_backfill_share(&x->purse.budget);
    GString *text;

    if (!x->settings->tell_price || !is_first_load(x) || a_day == 0)
        return;
    text = g_string_new("first load: 10 or 20 tokens for 500 rows of a list");
    if (tells_histories(x))
        append_histories(x, text, a_day);
    g_string_append_printf(text, "; it may spend %s a day", COUNT_TEXT(a_day));
    extract_send(x, extract_event(x, EVENT_NOTE, g_string_free(text, FALSE)));
}
