#include "sync/message.h"

struct work *work_new(enum work_kind kind, const struct stream *stream, void *tag)
{
    struct work *work = g_new0(struct work, 1);

    work->kind = kind;
    work->stream = stream;
    work->tag = tag;
    work->now = work->since = INSTANT_NONE;
    return work;
}

void work_free(struct work *work)
{
    if (!work)
        return;
    batch_release(work->batch);
    batch_release(work->fields);
    batch_release(work->options);
    g_free(work->state_name);
    g_free(work->state);
    for (unsigned i = 0; work->groups && i < work->groups->len; i++)
        g_array_unref(g_array_index(work->groups, struct walk_group, i).seen);
    g_clear_pointer(&work->seen, g_array_unref);
    g_clear_pointer(&work->states, g_ptr_array_unref);
    g_clear_pointer(&work->answered, g_array_unref);
    g_clear_pointer(&work->groups, g_array_unref);
    g_clear_pointer(&work->parents, g_array_unref);
    g_clear_pointer(&work->retry, g_array_unref);
    g_free(work->run.message);
    g_free(work);
}

static void opened_free(struct opened *opened)
{
    g_hash_table_unref(opened->states);
    batch_release(opened->fields);
    for (unsigned i = 0; i < STREAM_COUNT; i++) {
        g_free(opened->lost[i]);
        g_clear_error(&opened->refused[i]);
        g_clear_pointer(&opened->columns[i], g_ptr_array_unref);
    }
    g_free(opened);
}

void reply_free(struct reply *reply)
{
    if (!reply)
        return;
    g_clear_error(&reply->error);
    g_clear_pointer(&reply->parents, g_array_unref);
    g_clear_pointer(&reply->suspects, g_array_unref);
    g_clear_pointer(&reply->opened, opened_free);
    g_free(reply->remark);
    g_free(reply);
}

void event_free(struct event *event)
{
    if (!event)
        return;
    g_free(event->text);
    g_free(event);
}

const char *outcome_name(enum outcome outcome)
{
    static const char *const names[] = {
        [OUTCOME_RUNNING] = "running", [OUTCOME_WAITING] = "waiting", [OUTCOME_DONE] = "done",
        [OUTCOME_NOT_DUE] = "not due", [OUTCOME_STOPPED] = "stopped", [OUTCOME_PARKED] = "parked",
        [OUTCOME_FAILED] = "failed",
    };

    return names[outcome];
}

bool opened_knows(const struct opened *opened, enum stream_id id)
{
    return g_hash_table_contains(opened->states, catalog[id].name);
}
