/* Verify: the requests of one table. */
#include "sync/verify_private.h"

#include <string.h>

/* One answer and what it decoded to. */
struct page {
    struct arena *arena;
    struct batch *batch;
    const struct json_value *root;
    struct page_facts facts;
};

static void page_done(struct page *page)
{
    batch_release(page->batch);
    if (page->arena)
        arena_free(page->arena);
    *page = (struct page){0};
}

/* What concerns this table alone; everything else ends the run. */
static bool is_of_table(const GError *failure)
{
    return error_is(failure, PENSTOCK_ERROR_REFUSED) || error_is(failure, PENSTOCK_ERROR_GONE) ||
           error_is(failure, PENSTOCK_ERROR_DATA) || error_is(failure, PENSTOCK_ERROR_RETRY) ||
           error_is(failure, PENSTOCK_ERROR_TOO_LARGE) ||
           (error_is(failure, PENSTOCK_ERROR_AUTH) && error_detail(failure)->origin_code == 403);
}

static bool fail(struct target *target, GError *failure, GError **error)
{
    if (!is_of_table(failure)) {
        g_propagate_error(error, failure);
        return false;
    }
    target_stop(target, !error_is(failure, PENSTOCK_ERROR_TOO_LARGE), "not compared: %s",
                failure->message);
    g_error_free(failure);
    return true;
}

/* False: the table's share of the price is spent. More has come into the list than was stored. */
static bool may_ask(struct target *target)
{
    if (target->requests_left > 0) {
        target->requests_left--;
        return true;
    }
    target_stop(target, false, "not read to its end: that would cost more than announced");
    return false;
}

/* The company has custom fields that the destination has not heard of. */
static bool learn_fields(struct target *target, GError **error)
{
    GError *failure = NULL;

    if (!may_ask(target))
        return true;
    target->fields_read = true;
    if (!api_fields(&target->verify->api, target->stream, target->fields, &failure))
        return fail(target, failure, error);
    target_build(target);
    return true;
}

static bool decode(struct target *target, const struct walk *walk, struct page *page,
                   GError **error)
{
    batch_release(page->batch);
    page->batch = batch_new();
    page->batch->asked_at = INSTANT_NONE;
    return walk ? walk_decode(walk, target->decoder, page->root, page->batch, &page->facts, error)
                : page_decode(target->decoder, page->root, NULL, page->batch, &page->facts, error);
}

/* Asks and decodes; without a batch afterwards when the table was stopped. False stops the run. */
static bool ask(struct target *target, const struct walk *walk, const char *path, int cost,
                struct page *ret, GError **error)
{
    GError *failure = NULL;

    *ret = (struct page){0};
    if (!may_ask(target))
        return true;
    ret->arena = arena_new();
    if (!api_get(&target->verify->api, path, cost, ret->arena, NULL, &ret->root, &failure) ||
        !decode(target, walk, ret, &failure)) {
        page_done(ret);
        return fail(target, failure, error);
    }
    if (!ret->facts.unknown_field || target->fields_read)
        return true;
    if (!learn_fields(target, error) || target->stopped || !decode(target, walk, ret, &failure)) {
        page_done(ret);
        return failure ? fail(target, failure, error) : target->stopped;
    }
    return true;
}

/* A page of a list: asked, compared, forgotten. */
static bool check_page(struct target *target, unsigned list, const char *path, bool *ret_more,
                       struct page_facts *ret_facts, GError **error)
{
    struct page page;
    bool good;

    *ret_more = true;
    *ret_facts = (struct page_facts){0};
    if (!ask(target, NULL, path, target->stream->lists[list].cost_tokens, &page, error))
        return false;
    if (!page.batch)
        return true;
    *ret_more = reread_has_more(target->stream, page.root);
    *ret_facts = page.facts;
    good = target_judge(target, list, page.batch, error);
    page_done(&page);
    return good;
}

/* --- walks: whole tables and children --- */

static bool check_walk(struct target *target, struct walk *walk, bool *ret_done, GError **error)
{
    g_autoptr(GString) path = g_string_new(NULL);
    bool good = true;

    *ret_done = false;
    while (good && !*ret_done && !target->stopped) {
        struct walk_step step;
        struct page page;
        GError *failure = NULL;

        g_string_truncate(path, 0);
        walk_request(walk, path);
        good = ask(target, walk, path->str, walk_cost(walk), &page, error);
        if (!good || !page.batch)
            break;
        good = target_judge(target, 0, page.batch, error);
        if (good && walk_advance(walk, page.root, &page.facts, page.batch,
                                 api_now(&target->verify->api), &step, &failure)) {
            *ret_done = step.done;
            walk_step_done(&step);
        }
        if (failure)
            good = fail(target, failure, error);
        page_done(&page);
    }
    return good;
}

static bool check_whole(struct target *target, GError **error)
{
    struct stream_state state;
    struct walk *walk;
    bool done, good;

    stream_state_init(&state);
    walk_begin_leg(target->stream, 0, LEG_HEAD, &state, INSTANT_NONE);
    walk = walk_new_list(target->stream, 0, LEG_HEAD, &state);
    good = check_walk(target, walk, &done, error);
    if (good && done) {
        target->row.whole = true;
        good = target_judge_gone(target, -1, NULL, 0, error);
    }
    walk_free(walk);
    stream_state_done(&state);
    return good;
}

static bool check_lines(struct target *target, GError **error)
{
    int column = table_find_column(target->table, target->stream->parent_column);
    const int64_t *deals = (const int64_t *)(void *)target->chosen->data;

    for (unsigned i = 0; i < target->chosen->len && !target->stopped; i += 100) {
        struct parent parents[100];
        unsigned count = MIN(100, target->chosen->len - i);
        struct walk *walk;
        bool done, good;

        for (unsigned j = 0; j < count; j++)
            parents[j] = (struct parent){.id = deals[i + j], .count = -1};
        walk = walk_new_lines(target->stream, parents, count);
        good = check_walk(target, walk, &done, error);
        walk_free(walk);
        if (good && done)
            good = target_judge_gone(target, column, deals + i, count, error);
        if (!good)
            return false;
    }
    return true;
}

static void take_newest(const struct cell *cells, void *opaque)
{
    struct target *target = opaque;
    instant_t time;

    if (cells[0].kind == CELL_VALUE && instant_parse(cells[0].text, cells[0].length, &time) &&
        (target->flow_read == INSTANT_NONE || time > target->flow_read))
        target->flow_read = time;
}

/* A log is only read again when its deal is new or moves stage; lines after that are not here. */
static bool read_newest(struct target *target, int64_t deal, GError **error)
{
    g_autofree char *text = g_strdup_printf("%" G_GINT64_FORMAT, deal);
    unsigned time = (unsigned)target->table->version;
    struct cell value = {.text = text, .length = (uint32_t)strlen(text), .kind = CELL_VALUE};
    struct read_query query = {.table = target->table,
                               .columns = &time,
                               .column_count = 1,
                               .where =
                                   table_find_column(target->table, target->stream->parent_column),
                               .values = &value,
                               .value_count = 1,
                               .order_by = -1};

    target->flow_read = INSTANT_NONE;
    return destination_read(target->verify->memory.dest, &query, take_newest, target, error);
}

static bool check_flows(struct target *target, GError **error)
{
    int column = table_find_column(target->table, target->stream->parent_column);

    for (unsigned i = 0; i < target->chosen->len && !target->stopped; i++) {
        struct parent parent = {.id = g_array_index(target->chosen, int64_t, i), .count = -1};
        struct walk *walk;
        bool done, good;

        if (!read_newest(target, parent.id, error))
            return false;
        walk = walk_new_flow(target->stream, &parent);
        good = check_walk(target, walk, &done, error);
        walk_free(walk);
        if (good && done)
            good = target_judge_gone(target, column, &parent.id, 1, error);
        if (!good)
            return false;
    }
    return true;
}

/* --- v2 lists --- */

/* The newest records, and a page from a random time on: shows what should be here. */
static bool look_around(struct target *target, unsigned list, bool *ret_complete, GError **error)
{
    g_autoptr(GString) path = g_string_new(NULL);
    struct reread reread = {.stream = target->stream,
                            .list = list,
                            .gated = target->state.gated,
                            .limit = MIN(target->stream->page_rows, VERIFY_PAGE_ROWS)};
    struct page_facts facts;
    bool more;

    reread_newest(&reread, path);
    if (!check_page(target, list, path->str, &more, &facts, error))
        return false;
    *ret_complete = !more;
    if (!more || target->stopped || target->window == INSTANT_NONE)
        return true;
    g_string_truncate(path, 0);
    reread_since(&reread, target->window, path);
    return check_page(target, list, path->str, &more, &facts, error);
}

/* Chosen records that no answer has shown yet. */
static GArray *unseen(const struct target *target)
{
    GArray *ids = g_array_new(FALSE, FALSE, sizeof(int64_t));

    for (unsigned i = 0; i < target->chosen->len; i++) {
        int64_t id = g_array_index(target->chosen, int64_t, i);

        if (!g_hash_table_contains(target->seen, ID_KEY(id)))
            g_array_append_val(ids, id);
    }
    return ids;
}

static bool ask_for_ids(struct target *target, unsigned list, const GArray *ids, GError **error)
{
    g_autoptr(GString) path = g_string_new(NULL);
    struct reread reread = {.stream = target->stream, .list = list, .gated = target->state.gated};
    const int64_t *first = (const int64_t *)(void *)ids->data;

    for (unsigned i = 0; i < ids->len && !target->stopped; i += target->stream->ids_a_call) {
        struct page_facts facts;
        bool more;

        g_string_truncate(path, 0);
        reread_ids(&reread, first + i, MIN(target->stream->ids_a_call, ids->len - i), path);
        if (!check_page(target, list, path->str, &more, &facts, error))
            return false;
    }
    return true;
}

static bool judge_unseen(struct target *target, GError **error)
{
    GArray *ids = unseen(target);
    bool good =
        ids->len == 0 || target_judge_gone(target, (int)target->table->keys[0],
                                           (const int64_t *)(void *)ids->data, ids->len, error);

    g_array_unref(ids);
    return good;
}

static bool check_list(struct target *target, GError **error)
{
    bool all = true, complete = false;

    for (unsigned i = 0; i < target->stream->list_count && !target->stopped; i++) {
        if (!look_around(target, i, &complete, error))
            return false;
        all &= complete;
    }
    if (all && !target->stopped) {
        target->row.whole = true;
        return target_judge_gone(target, -1, NULL, 0, error);
    }
    for (unsigned i = 0; i < target->stream->list_count && !target->stopped; i++) {
        GArray *ids = unseen(target);
        bool good = ask_for_ids(target, i, ids, error);

        g_array_unref(ids);
        if (!good)
            return false;
    }
    return target->stopped || judge_unseen(target, error);
}

/* --- v1 lists by offset --- */

/* Pages in the order of ids: what lies between their first and last id is all there is. */
static bool check_stretch(struct target *target, GError **error)
{
    g_autoptr(GString) path = g_string_new(NULL);
    struct reread reread = {.stream = target->stream,
                            .limit = MIN(target->stream->page_rows, VERIFY_PAGE_ROWS)};
    int64_t start = target->start;
    bool more = true;

    for (unsigned i = 0; i < target->pages && more && !target->stopped; i++) {
        struct page_facts facts;

        g_string_truncate(path, 0);
        reread_offset(&reread, start, path);
        if (!check_page(target, 0, path->str, &more, &facts, error))
            return false;
        if (facts.records > 0 && !target_judge_gap(target, facts.first_id, facts.last_id, error))
            return false;
        start += facts.records;
    }
    return true;
}

static bool check_offset_list(struct target *target, GError **error)
{
    g_autoptr(GString) path = g_string_new(NULL);
    struct reread reread = {.stream = target->stream,
                            .limit = MIN(target->stream->page_rows, VERIFY_PAGE_ROWS)};
    struct page_facts facts;
    bool more;

    reread_newest(&reread, path);
    if (!check_page(target, 0, path->str, &more, &facts, error))
        return false;
    if (target->stopped)
        return true;
    if (more)
        return check_stretch(target, error);
    target->row.whole = true;
    return target_judge_gone(target, -1, NULL, 0, error);
}

bool target_check(struct target *target, GError **error)
{
    switch (target->stream->walk) {
    case WALK_WHOLE:
        return check_whole(target, error);
    case WALK_CURSOR_TIME:
        return check_list(target, error);
    case WALK_NOTES:
    case WALK_FILES:
        return check_offset_list(target, error);
    case WALK_LINES:
        return check_lines(target, error);
    case WALK_FLOW:
        return check_flows(target, error);
    }
    g_assert_not_reached();
}
