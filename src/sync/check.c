#include "sync/api.h"
#include "sync/commands.h"
#include "sync/memory.h"
#include "sync/outlook.h"

static void add_gated(struct memory *memory, struct check_report *report)
{
    for (unsigned i = 0; i < STREAM_COUNT; i++) {
        const struct stream *stream = &catalog[i];

        if (!json_is_true(json_member(memory_state(memory, stream->name), "gated")))
            continue;
        for (unsigned j = 0; j < stream->column_count; j++)
            if (stream->columns[j].source == SOURCE_GATED)
                g_ptr_array_add(report->gated,
                                g_strdup_printf("%s.%s", stream->name, stream->columns[j].name));
    }
}

static void look_at_destination(const struct sync_settings *settings, struct check_report *report)
{
    const struct json_value *connection;
    struct memory memory;
    int64_t company;

    report->destination_ok = memory_probe(&memory, settings, &report->destination_error);
    if (!report->destination_ok)
        return;
    connection = memory_state(&memory, "connection");
    report->destination =
        g_strdup_printf("%s: writable, %s", settings->destination_url,
                        connection ? "holds an earlier sync" : "nothing synced yet");
    report->other_company = connection &&
                            json_int64(json_member(connection, "company_id"), &company) &&
                            company != report->company_id;
    add_gated(&memory, report);
    memory_close(&memory);
}

bool check_run(const struct sync_settings *settings, struct check_report *ret, GError **error)
{
    struct identity who = {0};
    struct api api = {0};
    bool good;

    *ret = (struct check_report){0};
    good = api_open(&api, settings, error) && api_who(&api, NULL, &who, error);
    if (good) {
        ret->user_id = who.user_id;
        ret->company_id = who.company_id;
        ret->user_name = g_steal_pointer(&who.user_name);
        ret->company_name = g_steal_pointer(&who.company_name);
        ret->company_domain = g_steal_pointer(&who.company_domain);
        ret->is_admin = who.is_admin;
        ret->burst_limit = api.burst_limit;
        ret->daily_limit = api.daily_limit;
        ret->daily_remaining = api.daily_remaining;
        ret->tokens = api.tokens;
        outlook_book(&api, settings, ret->company_id, api.tokens);
        ret->gated = g_ptr_array_new_with_free_func(g_free);
        if (settings->driver)
            look_at_destination(settings, ret);
    }
    identity_done(&who);
    api_close(&api);
    return good;
}

void check_report_done(struct check_report *report)
{
    g_free(report->user_name);
    g_free(report->company_name);
    g_free(report->company_domain);
    g_free(report->destination);
    g_clear_error(&report->destination_error);
    g_clear_pointer(&report->gated, g_ptr_array_unref);
    *report = (struct check_report){0};
}
