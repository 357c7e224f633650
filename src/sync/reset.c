#include "sync/commands.h"
#include "sync/memory.h"
#include "sync/queue.h"
#include "sync/seen.h"
#include "sync/system.h"

#include <string.h>

static bool write_batch(struct memory *memory, struct batch *batch, GError **error)
{
    struct write_counts counts;
    bool good = batch->row_count == 0 || destination_write(memory->dest, batch, &counts, error);

    batch_release(batch);
    return good;
}

static void remove_state(struct batch *batch, const char *name)
{
    struct row *row = batch_add_row(batch);

    row->remove = true;
    cell_set_string(batch, &row->cells[STATE_NAME], name);
}

static void remove_states(struct batch *batch, const struct stream *stream)
{
    g_autofree char *table = g_strdup_printf("table:%s", stream->name);
    g_autofree char *parents = g_strdup_printf("%s#parents", stream->name);

    remove_state(batch, stream->name);
    remove_state(batch, table);
    remove_state(batch, parents);
}

static bool drop_table(struct memory *memory, const struct stream *stream, unsigned *dropped,
                       GError **error)
{
    g_autoptr(Table) table = fields_build_table(stream, NULL, memory->metadata);
    struct table_info info;
    bool exists;

    if (!destination_inspect(memory->dest, table, &info, error))
        return false;
    exists = info.exists;
    table_info_done(&info);
    *dropped += exists;
    return !exists || destination_drop(memory->dest, table, error);
}

/* Views of what is gone go too, and others lose the names that it gave them. The wish for views
 * stays, as the names of custom fields do. */
static bool follow_views(struct memory *memory, GError **error)
{
    struct views *views;
    bool good;

    if (!g_hash_table_contains(memory->states, VIEWS_STATE))
        return true;
    views = views_new(memory->dest, memory->metadata);
    views_learn(views, memory->fields);
    good = views_replace(views, NULL, NULL, error);
    views_free(views);
    return good;
}

/* What is still to be read, and what a full pass saw. */
static bool forget_work(struct memory *memory, const struct sync_settings *settings, GError **error)
{
    g_autoptr(Table) pass = system_seen_table();
    struct seen seen = {.dest = memory->dest, .table = pass};
    struct queue queue;
    bool good = true;

    queue_init(&queue);
    queue.dest = memory->dest;
    for (unsigned i = 0; good && i < STREAM_COUNT; i++)
        if (memory_is_selected(settings, &catalog[i]))
            good = queue_clear(&queue, catalog[i].name, error) &&
                   seen_clear(&seen, catalog[i].name, error);
    queue_done(&queue);
    return good;
}

/* State first and in one commit, tables after: killed in between, the next sync finds tables
 * without a state and loads them anew. */
static bool reset_all(struct memory *memory, const struct sync_settings *settings,
                      unsigned *dropped, GError **error)
{
    struct batch *states = batch_new();
    bool everything = true, good;

    batch_prepare(states, memory->state_table, 64);
    for (unsigned i = 0; i < STREAM_COUNT; i++) {
        if (memory_is_selected(settings, &catalog[i]))
            remove_states(states, &catalog[i]);
        else
            everything = false;
    }
    if (everything)
        remove_state(states, "connection");
    if (!destination_begin(memory->dest, error)) {
        batch_release(states);
        return false;
    }
    good = write_batch(memory, states, error) && forget_work(memory, settings, error);
    if (!good || !destination_commit(memory->dest, error)) {
        destination_rollback(memory->dest);
        return false;
    }
    for (unsigned i = 0; good && i < STREAM_COUNT; i++)
        if (memory_is_selected(settings, &catalog[i]))
            good = drop_table(memory, &catalog[i], dropped, error);
    return good && follow_views(memory, error);
}

bool reset_run(const struct sync_settings *settings, unsigned *ret_dropped, GError **error)
{
    struct memory memory;
    bool empty, good;

    *ret_dropped = 0;
    if (!memory_look(settings, &empty, error))
        return false;
    if (empty)
        return true;
    if (!memory_open(&memory, settings, false, error))
        return false;
    good =
        g_hash_table_size(memory.states) == 0 || reset_all(&memory, settings, ret_dropped, error);
    memory_close(&memory);
    return good;
}
