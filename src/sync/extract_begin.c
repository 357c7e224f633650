#include "sync/extract_private.h"
#include "sync/memory.h"
#include "sync/price.h"

#include <string.h>

static void start_loader(struct extract *x)
{
    const struct sync_settings *settings = x->settings;
    struct loader_settings loader = {
        .driver = settings->driver,
        .destination = {.url = settings->destination_url,
                        .schema = settings->schema,
                        .connection = settings->connection,
                        .lock_timeout_ms = settings->lock_timeout_ms},
        .metadata = settings->metadata,
        .deletes = settings->deletes,
        .run_id = x->run_id,
        .wake = extract_wake,
        .wake_opaque = x->sync,
    };

    for (unsigned i = 0; i < STREAM_COUNT; i++)
        loader.selected[i] = memory_is_selected(settings, &catalog[i]);
    loader.queue = (struct queue_settings){
        .lines = loader.selected[STREAM_DEAL_PRODUCTS],
        .flow = loader.selected[STREAM_DEALFLOW],
        .flow_all = settings->dealflow == DEALFLOW_ALL,
        .deals_table = loader.selected[STREAM_DEALS],
    };
    x->loader = loader_new(&loader);
}

static void make_run_id(struct extract *x)
{
    g_autofree char *uuid = g_uuid_string_random();
    char text[INSTANT_TEXT_BYTES];

    instant_format_rfc3339(api_now(&x->api), text);
    g_snprintf(x->run_id, sizeof x->run_id, "%s-%.8s", text, uuid);
}

static void setup_context(struct extract *x)
{
    const struct sync_settings *settings = x->settings;

    x->fields_table = fields_table();
    x->options_table = fields_options_table();
    x->context = (struct job_context){
        .settings = settings,
        .schedule = {.now = api_now(&x->api),
                     .start_date = settings->start_date,
                     .all_now = settings->all_now,
                     .refresh_every_s = settings->refresh_every_s >= 0 ? settings->refresh_every_s
                                                                       : SCHEDULE_REFRESH_S},
        .full_every_s = schedule_full_every_s(settings->all_now, settings->full_every_s),
        .fields_table = x->fields_table,
        .is_admin = x->who.is_admin,
        .options_table = x->options_table,
        .has_deals_table = memory_is_selected(settings, &catalog[STREAM_DEALS]),
        .now = extract_now,
        .push = extract_push,
        .warn = extract_warn,
        .changed = extract_job_changed,
        .opaque = x,
    };
    schedule_intervals(settings->every_s, x->context.schedule.every_s);
}

static char *connection_json(const struct identity *who, enum metadata_style metadata)
{
    GString *text = g_string_new(NULL);
    struct json_writer writer = {.out = text};

    json_begin_object(&writer, NULL);
    json_put_int(&writer, "company_id", who->company_id);
    json_put_string(&writer, "company", who->company_name);
    json_put_int(&writer, "user_id", who->user_id);
    json_put_bool(&writer, "is_admin", who->is_admin);
    json_put_raw(&writer, "access", who->access, strlen(who->access));
    json_put_string(&writer, "metadata_columns", metadata_style_name(metadata));
    json_end_object(&writer);
    return g_string_free(text, FALSE);
}

/* What the user may do, whatever the order of keys in which a destination gives it back. */
static void append_rights(GString *out, const struct json_value *access)
{
    static const char *const keys[] = {"app", "admin", "permission_set_id"};
    struct json_writer writer = {.out = out};

    for (json_each_item(entry, access))
        for (unsigned i = 0; i < G_N_ELEMENTS(keys); i++) {
            const struct json_value *value = json_member(entry, keys[i]);

            if (value)
                json_put_value(&writer, NULL, value);
            g_string_append_c(out, i + 1 < G_N_ELEMENTS(keys) ? ' ' : '\n');
        }
}

/* Does the token belong to another user than the state remembers, or to one with other rights? */
static bool is_other_user(struct extract *x, const struct json_value *remembered,
                          struct arena *arena)
{
    g_autoptr(GString) before = g_string_new(NULL), now = g_string_new(NULL);
    const struct json_value *access;
    int64_t user = 0;

    append_rights(before, json_member(remembered, "access"));
    if (json_parse_copy(x->api.parser, x->who.access, strlen(x->who.access), arena, &access, NULL))
        append_rights(now, access);
    return !json_int64(json_member(remembered, "user_id"), &user) || user != x->who.user_id ||
           !g_string_equal(before, now);
}

/* Other names would be new columns, empty for every row that is there. */
static bool check_metadata(const struct extract *x, const struct json_value *remembered,
                           GError **error)
{
    g_autofree char *name = json_dup_string(json_member(remembered, "metadata_columns"));
    const char *wanted = metadata_style_name(x->settings->metadata);

    if (!name || strcmp(name, wanted) == 0)
        return true;
    error_setf(error, PENSTOCK_ERROR_CONFIG,
               "the tables were made with metadata_columns: %s, not %s: go back to %s, or reset "
               "the connection to load it anew",
               name, wanted, name);
    return false;
}

/* A destination belongs to one company for ever: another company's token would mix two CRMs. */
static bool check_connection(struct extract *x, const struct opened *opened, GError **error)
{
    const char *text = g_hash_table_lookup(opened->states, "connection");
    const struct json_value *root;
    struct arena *arena;
    int64_t company = 0;
    bool good = true;

    if (!text)
        return true;
    arena = arena_new();
    if (json_parse_copy(x->api.parser, text, strlen(text), arena, &root, NULL)) {
        json_int64(json_member(root, "company_id"), &company);
        x->context.other_user = is_other_user(x, root, arena);
        good = check_metadata(x, root, error);
    }
    arena_free(arena);
    if (!good)
        return false;
    if (company == x->who.company_id)
        return true;
    error_setf(error, PENSTOCK_ERROR_CONFIG,
               "the destination holds company %" G_GINT64_FORMAT
               ", but the token belongs to %s (company %" G_GINT64_FORMAT
               "): use that company's token, or another destination or schema",
               company, x->who.company_name ? x->who.company_name : "?", x->who.company_id);
    return false;
}

/* Another user is remembered once a person said that what this one doesn't see may go. */
static void put_identity(struct extract *x)
{
    struct work *work;

    if (x->context.other_user && !x->settings->assume_yes)
        return;
    work = work_new(WORK_COMMIT, NULL, NULL);
    work->now = api_now(&x->api);
    work->state_name = g_strdup("connection");
    work->state = connection_json(&x->who, x->settings->metadata);
    x->works++;
    loader_push(x->loader, work);
}

static bool restore_job(struct extract *x, const struct opened *opened, struct job *job,
                        GError **error)
{
    const char *state = g_hash_table_lookup(opened->states, job->state_name);
    const GPtrArray *columns = opened->columns[job->stream->id];

    job->is_new = !state && !opened->lost[job->stream->id] && (!columns || columns->len == 0);
    job->is_unended = opened->unended[job->stream->id];

    for (unsigned i = 0; job->fields && columns && i < columns->len; i++)
        fields_reserve(job->fields, columns->pdata[i]);
    if (job->selected && opened->lost[job->stream->id]) {
        g_autofree char *text =
            g_strdup_printf("the table is loaded anew: %s", opened->lost[job->stream->id]);

        extract_warn(x, job->stream->name, text);
        state = NULL;
    }
    return job_restore(job, state, opened->fields, error);
}

static bool is_wanted(const struct extract *x, const struct stream *stream, bool *ret_selected)
{
    *ret_selected = memory_is_selected(x->settings, stream);
    if (stream->id == STREAM_DEALS)
        return *ret_selected || memory_is_selected(x->settings, &catalog[STREAM_DEAL_PRODUCTS]) ||
               memory_is_selected(x->settings, &catalog[STREAM_DEALFLOW]);
    return *ret_selected;
}

/* A child that was chosen later than the walk without a table began needs that walk from its
 * beginning. */
static void reconsider_parents(struct extract *x)
{
    struct job *deals = x->jobs[STREAM_DEALS];
    const struct job *lines = x->jobs[STREAM_DEAL_PRODUCTS], *flow = x->jobs[STREAM_DEALFLOW];

    if (!deals || deals->selected)
        return;
    if ((lines && !lines->state.seeded) || (flow && !flow->state.seeded)) {
        stream_state_done(&deals->state);
        stream_state_init(&deals->state);
    }
}

/* Names the tables whose full pass was begun before; NULL = none. */
static char *open_passes(const struct extract *x)
{
    GString *names = g_string_new(NULL);

    for (unsigned i = 0; i < STREAM_COUNT; i++)
        if (x->jobs[i] && x->jobs[i]->selected && x->jobs[i]->state.pass.open)
            g_string_append_printf(names, "%s%s", names->len > 0 ? ", " : "", catalog[i].name);
    return g_string_free(names, names->len == 0);
}

/* A refresh is a debt: noted for all tables in one commit, it is paid by this run and, if that ends
 * early, by those that follow. So a second one goes on with the first. */
static void owe_passes(struct extract *x)
{
    g_autofree char *open = open_passes(x);
    struct work *work;

    if (!x->settings->refresh_now)
        return;
    if (open) {
        g_autofree char *text =
            g_strdup_printf("a full pass that was begun before goes on: %s", open);

        extract_warn(x, NULL, text);
        return;
    }
    work = work_new(WORK_COMMIT, NULL, NULL);
    work->now = api_now(&x->api);
    work->states = g_ptr_array_new_with_free_func(g_free);
    for (unsigned i = 0; i < STREAM_COUNT; i++)
        if (x->jobs[i])
            job_owe_pass(x->jobs[i], work->states);
    x->works++;
    loader_push(x->loader, work);
}

static void tell_clock(struct extract *x)
{
    for (unsigned i = 0; i < STREAM_COUNT; i++)
        if (x->jobs[i] && x->jobs[i]->clock_went_back) {
            extract_warn(x, NULL,
                         "the server's clock is behind what an earlier run was told: one of the "
                         "two is wrong, so what may have changed since is read again");
            return;
        }
}

static bool make_jobs(struct extract *x, const struct opened *opened, GError **error)
{
    for (unsigned i = 0; i < STREAM_COUNT; i++) {
        bool selected;

        if (!is_wanted(x, &catalog[i], &selected))
            continue;
        x->jobs[i] = job_new(&x->context, &catalog[i], selected);
        if (!restore_job(x, opened, x->jobs[i], error))
            return false;
    }
    tell_clock(x);
    reconsider_parents(x);
    if (x->jobs[STREAM_DEALS])
        x->jobs[STREAM_DEALS]->feeds_children =
            x->jobs[STREAM_DEAL_PRODUCTS] || x->jobs[STREAM_DEALFLOW] ||
            opened_knows(opened, STREAM_DEAL_PRODUCTS) || opened_knows(opened, STREAM_DEALFLOW);
    owe_passes(x);
    for (unsigned i = 0; i < STREAM_COUNT; i++) {
        if (!x->jobs[i])
            continue;
        if (x->jobs[i]->selected && opened->refused[i]) {
            x->jobs[i]->table_refused = true;
            job_fail(x->jobs[i], opened->refused[i]);
        } else {
            job_begin(x->jobs[i]);
        }
    }
    return true;
}

static bool open_destination(struct extract *x, GError **error)
{
    struct work *work = work_new(WORK_OPEN, NULL, NULL);
    struct reply *reply;
    bool good;

    work->now = api_now(&x->api);
    loader_push(x->loader, work);
    reply = loader_wait(x->loader);
    extract_tell_remark(x, reply);
    if (reply->error) {
        g_propagate_error(error, g_steal_pointer(&reply->error));
        good = false;
    } else {
        good = check_connection(x, reply->opened, error);
        if (good) {
            put_identity(x);
            extract_restore_budget(x, reply->opened->states);
        }
        good = good && make_jobs(x, reply->opened, error);
    }
    reply_free(reply);
    return good;
}

static void announce(struct extract *x)
{
    const struct identity *who = &x->who;

    extract_send(x, extract_event(x, EVENT_CONNECTED,
                                  g_strdup_printf("%s (%s) as %s%s",
                                                  who->company_name ? who->company_name : "?",
                                                  who->company_domain ? who->company_domain : "?",
                                                  who->user_name ? who->user_name : "?",
                                                  who->is_admin ? ", administrator" : "")));
    if (!who->is_admin)
        extract_warn(
            x, NULL,
            "the token's user is not an administrator: records that this user may not see are "
            "missing without a trace. "
            "Use an administrator's token");
    if (x->settings->start_date > api_now(&x->api))
        extract_warn(x, NULL,
                     "the start date is in the future, so a first load finds nothing: see that its "
                     "year is right");
}

/* Bookmarks are set by the server's clock alone. */
static bool server_tells_time(const struct extract *x, GError **error)
{
    if (api_now(&x->api) != INSTANT_NONE)
        return true;
    error_setf(error, PENSTOCK_ERROR_DATA,
               "the server does not say what time it is (no Date in its answer), so nobody could "
               "tell later what was read: check the API URL and what stands between (proxy)");
    return false;
}

bool extract_begin(struct extract *x, GError **error)
{
    if (!api_open(&x->api, x->settings, error))
        return false;
    sync_set_client(x->sync, x->api.client);
    if (!extract_may_ask_who(x, error) || !api_who(&x->api, &x->sync->cancelled, &x->who, error))
        return false;
    extract_open_purse(x);
    if (!server_tells_time(x, error))
        return false;
    announce(x);
    make_run_id(x);
    setup_context(x);
    x->memory_bytes = sync_memory_bytes(x->settings);
    x->pool = batch_pool_new(x->memory_bytes);
    batch_pool_on_release(x->pool, extract_wake, x->sync);
    start_loader(x);
    if (!open_destination(x, error))
        return false;
    price_tell(x);
    return true;
}
