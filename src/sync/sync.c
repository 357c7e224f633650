#include "sync/sync.h"

#include "base/handover.h"
#include "http/client.h"
#include "pipedrive/catalog.h"
#include "sync/sync_private.h"

#include <string.h>

bool sync_settings_check(const struct sync_settings *settings, GError **error)
{
    for (char **name = settings->tables; name && *name; name++) {
        g_autoptr(GString) known = NULL;

        if (catalog_find(*name))
            continue;
        known = g_string_new(NULL);
        for (unsigned i = 0; i < STREAM_COUNT; i++)
            g_string_append_printf(known, "%s%s", i ? ", " : "", catalog[i].name);
        error_setf(error, PENSTOCK_ERROR_CONFIG, "there is no table \"%s\"; the tables are %s",
                   *name, known->str);
        return false;
    }
    if (settings->tables && !settings->tables[0]) {
        error_setf(error, PENSTOCK_ERROR_CONFIG,
                   "no table is chosen: name at least one, or leave the choice out for all");
        return false;
    }
    return true;
}

bool sync_api_url_check(const char *api_url, GError **error)
{
    return http_origin_check(api_url, error);
}

void sync_settings_copy(struct sync_settings *ret, const struct sync_settings *settings)
{
    *ret = *settings;
    ret->connection = g_intern_string(settings->connection ? settings->connection : "default");
    ret->api_url = g_strdup(settings->api_url);
    ret->token = settings->token ? secret_copy(settings->token) : NULL;
    ret->destination_url = g_strdup(settings->destination_url);
    ret->schema = g_strdup(settings->schema);
    ret->state_dir = g_strdup(settings->state_dir);
    ret->tables = g_strdupv(settings->tables);
}

void sync_settings_done(struct sync_settings *settings)
{
    g_free((char *)settings->api_url);
    secret_free((struct secret *)settings->token);
    g_free((char *)settings->destination_url);
    g_free((char *)settings->schema);
    g_free((char *)settings->state_dir);
    g_strfreev(settings->tables);
}

static void table_result_clear(void *data)
{
    g_free(((struct table_result *)data)->message);
}

struct sync *sync_new(const struct sync_settings *settings)
{
    struct sync *sync = g_new0(struct sync, 1);

    sync_settings_copy(&sync->settings, settings);
    sync->events = g_async_queue_new_full((GDestroyNotify)event_free);
    g_mutex_init(&sync->lock);
    sync->result.connection = sync->settings.connection;
    sync->result.tables = g_array_new(FALSE, TRUE, sizeof(struct table_result));
    g_array_set_clear_func(sync->result.tables, table_result_clear);
    return sync;
}

void sync_start(struct sync *sync)
{
    handover_give(sync);
    sync->thread = g_thread_new("io", extract_run, sync);
}

void sync_set_client(struct sync *sync, struct http_client *client)
{
    g_mutex_lock(&sync->lock);
    handover_take(&sync->lock);
    sync->client = client;
    handover_give(&sync->lock);
    g_mutex_unlock(&sync->lock);
}

void sync_wake(struct sync *sync)
{
    g_mutex_lock(&sync->lock);
    handover_take(&sync->lock);
    if (sync->client)
        http_client_wake(sync->client);
    handover_give(&sync->lock);
    g_mutex_unlock(&sync->lock);
}

void sync_cancel(struct sync *sync)
{
    g_atomic_int_set(&sync->cancelled, 1);
    sync_wake(sync);
}

struct event *sync_next_event(struct sync *sync, int64_t timeout_ms)
{
    struct event *event = timeout_ms <= 0
                              ? g_async_queue_try_pop(sync->events)
                              : g_async_queue_timeout_pop(sync->events, (guint64)timeout_ms * 1000);

    handover_take(event);
    if (event && event->kind == EVENT_DONE)
        sync->done = true;
    return event;
}

const struct sync_result *sync_result(struct sync *sync)
{
    return &sync->result;
}

void sync_free(struct sync *sync)
{
    if (!sync)
        return;
    if (sync->thread) {
        sync_cancel(sync);
        g_thread_join(sync->thread);
    }
    g_async_queue_unref(sync->events);
    g_mutex_clear(&sync->lock);
    g_array_unref(sync->result.tables);
    g_free(sync->result.message);
    sync_settings_done(&sync->settings);
    g_free(sync);
}
