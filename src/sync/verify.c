/* Verify: which tables are compared, what the sync promised to have of them, and the price. */
#include "sync/queue.h"
#include "sync/schedule.h"
#include "sync/system.h"
#include "sync/verify_private.h"

#include <string.h>

const char *finding_name(enum verify_finding finding)
{
    static const char *const names[] = {
        [FINDING_DIFFERENT] = "different", [FINDING_DRIFT] = "drift",
        [FINDING_MISSING] = "missing",     [FINDING_FLAGGED] = "flagged",
        [FINDING_DELETED] = "deleted",     [FINDING_GONE] = "gone",
    };

    return names[finding];
}

void target_stop(struct target *target, bool failed, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    g_free(target->row.note);
    target->row.note = g_strdup_vprintf(format, arguments);
    va_end(arguments);
    target->row.failed |= failed;
    target->stopped = true;
}

/* --- a table --- */

static void target_free(void *data)
{
    struct target *target = data;

    stream_state_done(&target->state);
    decoder_free(target->decoder);
    g_ptr_array_unref(target->old_tables);
    fields_free(target->fields);
    g_hash_table_unref(target->ignored);
    g_hash_table_unref(target->stored);
    g_hash_table_unref(target->waiting);
    g_hash_table_unref(target->seen);
    g_array_unref(target->columns);
    g_array_unref(target->chosen);
    g_free(target->row.note);
    g_free(target);
}

static struct target *target_new(struct verify *verify, const struct stream *stream)
{
    struct target *target = g_new0(struct target, 1);

    target->verify = verify;
    target->stream = stream;
    target->row.table = stream->name;
    target->old_tables = g_ptr_array_new_with_free_func((GDestroyNotify)table_free);
    target->ignored = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    target->stored = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    target->waiting = g_hash_table_new(NULL, NULL);
    target->seen = g_hash_table_new(NULL, NULL);
    target->columns = g_array_new(FALSE, FALSE, sizeof(unsigned));
    target->chosen = g_array_new(FALSE, FALSE, sizeof(int64_t));
    target->oldest = target->window = target->flow_read = INSTANT_NONE;
    stream_state_init(&target->state);
    return target;
}

bool target_is_child(const struct target *target)
{
    return target->stream->walk == WALK_LINES || target->stream->walk == WALK_FLOW;
}

void target_build(struct target *target)
{
    decoder_free(target->decoder);
    target->table =
        fields_build_table(target->stream, target->fields, target->verify->memory.metadata);
    g_ptr_array_add(target->old_tables, target->table);
    target->decoder =
        decoder_new(target->stream, target->fields, target->table, target->state.gated);
    decoder_ignore(target->decoder, target->ignored, target->fields_read);
    g_array_set_size(target->columns, 0);
    for (unsigned i = 0; i < target->table->columns->len; i++)
        if (g_hash_table_contains(target->stored, table_column(target->table, i)->name))
            g_array_append_val(target->columns, i);
}

/* The mode that the rows were stored in, whatever the settings say now. */
static void build_fields(struct target *target)
{
    const struct memory *memory = &target->verify->memory;
    enum fields_mode mode = memory_fields_mode(target->verify->settings);
    GHashTableIter names;
    void *name;

    if (target->stream->fields != FIELDS_NONE) {
        if (target->state.as_json)
            mode = FIELDS_AS_JSON;
        else if (mode == FIELDS_AS_JSON)
            mode = FIELDS_AS_NAMES;
        target->fields = fields_new(target->stream, mode);
        g_hash_table_iter_init(&names, target->stored);
        while (g_hash_table_iter_next(&names, &name, NULL))
            fields_reserve(target->fields, name);
        for (unsigned i = 0; i < memory->fields->row_count; i++)
            fields_restore(target->fields, memory->fields->rows[i].cells);
    }
    target_build(target);
}

static bool look_at_table(struct target *target, GError **error)
{
    g_autoptr(Table) table =
        fields_build_table(target->stream, NULL, target->verify->memory.metadata);
    struct table_info info;

    if (!destination_inspect(target->verify->memory.dest, table, &info, error))
        return false;
    target->row.rows = info.live_rows;
    target->row.deleted = info.rows - info.live_rows;
    for (unsigned i = 0; info.columns && i < info.columns->len; i++)
        g_hash_table_add(target->stored,
                         g_strdup(g_array_index(info.columns, struct table_info_column, i).name));
    if (!info.exists)
        target_stop(target, false, "never loaded");
    table_info_done(&info);
    return true;
}

/* --- what the sync promises to have --- */

/* Children are complete up to where the deals were read, those apart that wait in the queue. */
static bool parents_bookmark(struct verify *verify, instant_t *ret, GError **error)
{
    static const char *const names[] = {"deals", "deals#parents"};

    *ret = INSTANT_NONE;
    for (unsigned i = 0; i < G_N_ELEMENTS(names); i++) {
        const struct json_value *root = memory_state(&verify->memory, names[i]);
        struct stream_state state;
        instant_t bookmark;
        bool good = true;

        if (!root)
            continue;
        stream_state_init(&state);
        good = stream_state_read(&state, &catalog[STREAM_DEALS], root, error);
        bookmark = good ? stream_state_bookmark(&state, &catalog[STREAM_DEALS]) : INSTANT_NONE;
        stream_state_done(&state);
        if (!good)
            return false;
        if (bookmark != INSTANT_NONE && (*ret == INSTANT_NONE || bookmark < *ret))
            *ret = bookmark;
    }
    return true;
}

static void take_waiting(const struct cell *cells, void *opaque)
{
    int64_t id;

    if (cell_int64(&cells[PARENT_DEAL], &id))
        g_hash_table_add(opaque, ID_KEY(id));
}

static bool read_waiting(struct target *target, GError **error)
{
    g_autoptr(Table) parents = system_parents_table();
    struct cell child;
    struct read_query query = {.table = parents,
                               .where = PARENT_CHILD,
                               .values = &child,
                               .value_count = 1,
                               .order_by = -1};

    cell_set(&child, target->stream->name, strlen(target->stream->name));
    return destination_read(target->verify->memory.dest, &query, take_waiting, target->waiting,
                            error);
}

static bool read_promises(struct target *target, GError **error)
{
    for (unsigned i = 0; i < STREAM_MAX_LISTS; i++)
        target->bookmark[i] = target->state.lists[i].bookmark;
    if (target_is_child(target))
        return parents_bookmark(target->verify, &target->bookmark[0], error) &&
               read_waiting(target, error);
    if (schedule_is_first_load(target->stream, &target->state) && !target->stopped)
        target_stop(target, false, "its first load is not complete");
    return true;
}

/* --- the price: an upper bound, retries apart --- */

static void add_price(struct target *target, int64_t requests, int cost)
{
    target->requests_high += requests;
    target->tokens_high += requests * cost;
}

static int64_t pages_of(int64_t rows, unsigned page_rows)
{
    return page_rows == 0 ? 1 : rows / page_rows + 1;
}

static void price(struct target *target)
{
    const struct stream *stream = target->stream;
    int64_t chosen = target->chosen->len;

    switch (stream->walk) {
    case WALK_WHOLE:
        add_price(target, pages_of(target->row.rows, stream->page_rows),
                  stream->lists[0].cost_tokens);
        break;
    case WALK_CURSOR_TIME: /* newest, a window, and the chosen ones wherever they are */
        for (unsigned i = 0; i < stream->list_count; i++)
            add_price(target,
                      (target->window != INSTANT_NONE ? 2 : 1) +
                          (chosen + stream->ids_a_call - 1) / stream->ids_a_call,
                      stream->lists[i].cost_tokens);
        break;
    case WALK_NOTES:
    case WALK_FILES:
        add_price(target, 1 + target->pages, stream->lists[0].cost_tokens);
        break;
    case WALK_LINES: /* a hundred deals may have more lines than a page */
        add_price(target, 2 * ((chosen + 99) / 100), stream->lists[0].cost_tokens);
        break;
    case WALK_FLOW:
        add_price(target, 2 * chosen, stream->lists[0].cost_tokens);
        break;
    }
    if (target->fields && fields_mode(target->fields) != FIELDS_AS_JSON)
        add_price(target, 1, CATALOG_FIELDS_COST);
    target->requests_left = target->requests_high;
}

/* --- all of them --- */

static bool add_target(struct verify *verify, const struct stream *stream, GError **error)
{
    struct target *target = target_new(verify, stream);

    g_ptr_array_add(verify->targets, target);
    stream_state_done(&target->state);
    if (!memory_stream(&verify->memory, stream, &target->state, error)) {
        stream_state_init(&target->state);
        return false;
    }
    if (!look_at_table(target, error) || !read_promises(target, error))
        return false;
    build_fields(target);
    if (target->stopped)
        return true;
    if (!target_choose(target, error))
        return false;
    price(target);
    return true;
}

static void announce(struct verify *verify)
{
    struct verify_report *report = verify->report;

    report->requests_high = 1;
    report->tokens_high = CATALOG_ME_COST;
    for (unsigned i = 0; i < verify->targets->len; i++) {
        const struct target *target = verify->targets->pdata[i];

        report->requests_high += target->requests_high;
        report->tokens_high += target->tokens_high;
    }
    if (verify->how->announce)
        verify->how->announce(verify->how->opaque, report->requests_high, report->tokens_high);
}

static bool check_token(struct verify *verify, GError **error)
{
    struct identity who = {0};
    bool good = api_who(&verify->api, NULL, &who, error) &&
                memory_check_company(&verify->memory, &who, error);

    verify->report->is_admin = who.is_admin;
    if (good) {
        verify->company_id = who.company_id;
        outlook_book(&verify->api, verify->settings, who.company_id, verify->report->tokens_high);
    }
    identity_done(&who);
    return good;
}

static bool check_all(struct verify *verify, GError **error)
{
    for (unsigned i = 0; i < STREAM_COUNT; i++)
        if (memory_is_selected(verify->settings, &catalog[i]) &&
            !add_target(verify, &catalog[i], error))
            return false;
    announce(verify);
    if (!check_token(verify, error))
        return false;
    for (unsigned i = 0; i < verify->targets->len; i++) {
        struct target *target = verify->targets->pdata[i];

        if (!target->stopped && !target_check(target, error)) {
            g_prefix_error(error, "%s: ", target->stream->name);
            return false;
        }
    }
    return true;
}

static void difference_clear(void *data)
{
    struct verify_difference *difference = data;

    g_free(difference->column);
    g_free(difference->stored);
    g_free(difference->sent);
}

static void table_clear(void *data)
{
    g_free(((struct verify_table *)data)->note);
}

static void add_up(struct verify *verify)
{
    struct verify_report *report = verify->report;

    report->same = true;
    for (unsigned i = 0; i < verify->targets->len; i++) {
        struct target *target = verify->targets->pdata[i];

        report->same &= !target->row.failed && target->row.different + target->row.missing == 0;
        g_array_append_val(report->tables, target->row);
        target->row.note = NULL;
    }
    report->requests = verify->api.requests;
    report->tokens = verify->api.tokens;
}

bool verify_run(const struct sync_settings *settings, const struct verify_settings *how,
                struct verify_report *ret, GError **error)
{
    struct verify verify = {.settings = settings, .how = how, .report = ret};
    bool good;

    *ret = (struct verify_report){
        .tables = g_array_new(FALSE, TRUE, sizeof(struct verify_table)),
        .differences = g_array_new(FALSE, TRUE, sizeof(struct verify_difference)),
    };
    g_array_set_clear_func(ret->tables, table_clear);
    g_array_set_clear_func(ret->differences, difference_clear);
    good = memory_open(&verify.memory, settings, true, error);
    if (good) {
        verify.targets = g_ptr_array_new_with_free_func(target_free);
        verify.comparer = (struct comparer){.parser = verify.memory.parser,
                                            .zero_bytes = verify.memory.dest->ops->caps.zero_bytes};
        good = api_open(&verify.api, settings, error) && check_all(&verify, error);
        if (good)
            add_up(&verify);
        if (verify.company_id) /* more than the price when requests were repeated */
            outlook_book(&verify.api, settings, verify.company_id,
                         verify.api.tokens - ret->tokens_high);
        api_close(&verify.api);
        g_ptr_array_unref(verify.targets);
        memory_close(&verify.memory);
    }
    if (!good)
        verify_report_done(ret);
    return good;
}

void verify_report_done(struct verify_report *report)
{
    g_clear_pointer(&report->tables, g_array_unref);
    g_clear_pointer(&report->differences, g_array_unref);
}
