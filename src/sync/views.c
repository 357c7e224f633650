#include "sync/views.h"

#include "pipedrive/views.h"

struct views *views_new(struct destination *dest, enum metadata_style metadata)
{
    struct views *views = g_new0(struct views, 1);

    views->dest = dest;
    views->metadata = metadata;
    views->remarks = g_string_new(NULL);
    views->told = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    return views;
}

void views_free(struct views *views)
{
    if (!views)
        return;
    for (unsigned i = 0; i < STREAM_COUNT; i++)
        fields_free(views->fields[i]);
    g_string_free(views->remarks, TRUE);
    g_hash_table_unref(views->told);
    g_free(views);
}

/* Whether a batch speaks of a stream at all. */
static bool has_rows_of(const struct batch *fields, const struct stream *stream)
{
    for (unsigned i = 0; i < fields->row_count; i++)
        if (fields_row_is_of(fields->rows[i].cells, stream))
            return true;
    return false;
}

void views_learn(struct views *views, const struct batch *fields)
{
    for (unsigned i = 0; i < STREAM_COUNT; i++) {
        if (catalog[i].fields == FIELDS_NONE || !has_rows_of(fields, &catalog[i]))
            continue;
        fields_free(views->fields[i]);
        views->fields[i] = fields_new(&catalog[i], FIELDS_AS_NAMES);
        for (unsigned j = 0; j < fields->row_count; j++)
            fields_restore(views->fields[i], fields->rows[j].cells);
    }
}

void view_report_clear(void *report)
{
    g_free(((struct view_report *)report)->name);
}

static void add_report(GArray *reports, const struct stream *stream, const struct view *view,
                       enum view_result result)
{
    struct view_report report = {
        .name = g_strdup(view->name), .table = stream->name, .result = result};

    for (unsigned i = 0; i < view->columns->len; i++)
        switch (view_column(view, i)->kind) {
        case VIEW_OPTION:
        case VIEW_OPTIONS:
            report.labels++;
            break;
        case VIEW_LOOKUP:
            report.names++;
            break;
        case VIEW_PLAIN:
        case VIEW_PRIMARY:
            break;
        }
    report.columns = view->columns->len;
    g_array_append_val(reports, report);
}

static void add_remark(struct views *views, const struct view *view, enum view_result result)
{
    const char *why = NULL;

    if (result == VIEW_TAKEN)
        why = "somebody else's table or view has that name: rename it";
    else if (result == VIEW_HELD)
        why = "it is kept as it was, because a view of somebody else's is built on it: drop that "
              "one";
    if (why && g_hash_table_add(views->told, g_strdup(view->name)))
        g_string_append_printf(views->remarks, "%sview %s: %s, then run penstock views",
                               views->remarks->len ? "; " : "", view->name, why);
}

static bool replace_one(struct views *views, const struct stream *stream,
                        const struct stream *changed, GArray *reports, GError **error)
{
    const struct fields *fields = views->fields[stream->id];
    g_autoptr(Table) table = fields_build_table(stream, fields, views->metadata);
    g_autoptr(View) view = views_build(stream, table, fields);
    enum view_result result;

    if (changed && !view_reads(view, changed->name))
        return true;
    if (!destination_replace_view(views->dest, view, &result, error)) {
        g_prefix_error(error, "view %s: ", view->name);
        return false;
    }
    add_remark(views, view, result);
    if (reports)
        add_report(reports, stream, view, result);
    return true;
}

bool views_replace(struct views *views, const struct stream *changed, GArray *reports,
                   GError **error)
{
    for (unsigned i = 0; i < STREAM_COUNT; i++)
        if (!replace_one(views, &catalog[i], changed, reports, error))
            return false;
    return true;
}

bool views_drop(struct views *views, unsigned *ret_dropped, GError **error)
{
    *ret_dropped = 0;
    for (unsigned i = 0; i < STREAM_COUNT; i++) {
        g_autofree char *name = views_name(&catalog[i]);
        bool dropped;

        if (!destination_drop_view(views->dest, name, &dropped, error))
            return false;
        *ret_dropped += dropped;
    }
    return true;
}

bool views_write_options(struct views *views, GError **error)
{
    g_autoptr(Table) table = fields_options_table();
    struct batch *batch = batch_new();
    struct write_counts counts;
    bool good;

    batch_prepare(batch, table, 64);
    for (unsigned i = 0; i < STREAM_COUNT; i++)
        if (views->fields[i])
            fields_write_options(views->fields[i], batch);
    good = batch->row_count == 0 || destination_write(views->dest, batch, &counts, error);
    batch_release(batch);
    return good;
}
