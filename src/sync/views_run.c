/* The command `views`: makes the readable views, or drops them, and remembers which it was. */
#include "sync/commands.h"
#include "sync/memory.h"
#include "sync/system.h"

#include <string.h>

static bool put_wish(struct memory *memory, bool wanted, GError **error)
{
    struct batch *batch = batch_new();
    struct write_counts counts;
    struct row *row;
    bool good;

    batch_prepare(batch, memory->state_table, 1);
    row = batch_add_row(batch);
    row->remove = !wanted;
    cell_set_string(batch, &row->cells[STATE_NAME], VIEWS_STATE);
    if (wanted)
        cell_set_string(batch, &row->cells[STATE_VALUE], "{\"wanted\":true}");
    good = destination_write(memory->dest, batch, &counts, error);
    batch_release(batch);
    return good;
}

/* Without a table there is nothing to look at, and no wish is kept. */
static bool check_any(const GArray *reports, GError **error)
{
    for (unsigned i = 0; i < reports->len; i++)
        if (g_array_index(reports, struct view_report, i).result != VIEW_MISSING)
            return true;
    error_setf(error, PENSTOCK_ERROR_CONFIG,
               "nothing is replicated yet, so there is nothing to make views of: run penstock sync "
               "first");
    return false;
}

static bool make_inside(struct memory *memory, struct views *views, GArray *reports, GError **error)
{
    bool ddl = memory->dest->ops->caps.transactional_ddl;

    return views_write_options(views, error) && put_wish(memory, true, error) &&
           (!ddl || (views_replace(views, NULL, reports, error) && check_any(reports, error)));
}

/* The wish comes first where DDL is not transactional: killed in between, the next sync makes what
 * is missing. */
static bool make(struct memory *memory, struct views *views, GArray *reports, GError **error)
{
    g_autoptr(Table) options = fields_options_table();

    if (!destination_prepare(memory->dest, memory->state_table, "system", error) ||
        !destination_prepare(memory->dest, options, "system", error) ||
        !destination_begin(memory->dest, error))
        return false;
    if (!make_inside(memory, views, reports, error) || !destination_commit(memory->dest, error)) {
        destination_rollback(memory->dest);
        return false;
    }
    return memory->dest->ops->caps.transactional_ddl ||
           (views_replace(views, NULL, reports, error) && check_any(reports, error));
}

static bool drop(struct memory *memory, struct views *views, unsigned *ret_dropped, GError **error)
{
    bool ddl = memory->dest->ops->caps.transactional_ddl;

    if (!destination_begin(memory->dest, error))
        return false;
    if (!put_wish(memory, false, error) || (ddl && !views_drop(views, ret_dropped, error)) ||
        !destination_commit(memory->dest, error)) {
        destination_rollback(memory->dest);
        return false;
    }
    return ddl || views_drop(views, ret_dropped, error);
}

bool views_run(const struct sync_settings *settings, bool drops, struct views_report *ret,
               GError **error)
{
    struct views *views;
    struct memory memory;
    bool empty, good;

    *ret = (struct views_report){0};
    if (!memory_look(settings, &empty, error))
        return false;
    ret->views = g_array_new(FALSE, TRUE, sizeof(struct view_report));
    g_array_set_clear_func(ret->views, view_report_clear);
    if (empty && (drops || !check_any(ret->views, error)))
        good = drops;
    else if ((good = memory_open(&memory, settings, false, error))) {
        views = views_new(memory.dest, memory.metadata);
        views_learn(views, memory.fields);
        good = drops ? drop(&memory, views, &ret->dropped, error)
                     : make(&memory, views, ret->views, error);
        if (good && views->remarks->len)
            ret->remark = g_strdup(views->remarks->str);
        views_free(views);
        memory_close(&memory);
    }
    if (!good)
        views_report_done(ret);
    return good;
}

void views_report_done(struct views_report *report)
{
    g_clear_pointer(&report->views, g_array_unref);
    g_free(report->remark);
    *report = (struct views_report){0};
}
