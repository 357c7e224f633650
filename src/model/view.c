#include "model/view.h"

#include <string.h>

static void column_done(void *item)
{
    struct view_column *column = item;
    g_free(column->name);
    g_free(column->source);
    g_free(column->table);
    g_free(column->key);
    g_free(column->shown);
}

struct view *view_new(const char *name, const char *table, const char *live)
{
    struct view *view = g_new0(struct view, 1);
    view->name = g_strdup(name);
    view->table = g_strdup(table);
    view->live = g_strdup(live);
    view->columns = g_array_new(false, true, sizeof(struct view_column));
    g_array_set_clear_func(view->columns, column_done);
    return view;
}

void view_free(struct view *view)
{
    if (!view)
        return;
    g_free(view->name);
    g_free(view->table);
    g_free(view->live);
    g_array_unref(view->columns);
    g_free(view);
}

void view_add(struct view *view, const struct view_column *column)
{
    struct view_column copy = {
        .name = g_strdup(column->name),
        .kind = column->kind,
        .source = g_strdup(column->source),
        .type = column->type,
        .table = g_strdup(column->table),
        .key = g_strdup(column->key),
        .shown = g_strdup(column->shown),
    };
    g_array_append_val(view->columns, copy);
}

void view_remove(struct view *view, unsigned index)
{
    g_array_remove_index(view->columns, index);
}

const struct view_column *view_find(const struct view *view, const char *name)
{
    for (unsigned i = 0; i < view->columns->len; i++) {
        if (g_ascii_strcasecmp(view_column(view, i)->name, name) == 0)
            return view_column(view, i);
    }
    return NULL;
}

bool view_reads(const struct view *view, const char *table)
{
    if (strcmp(view->table, table) == 0)
        return true;
    for (unsigned i = 0; i < view->columns->len; i++) {
        if (g_strcmp0(view_column(view, i)->table, table) == 0)
            return true;
    }
    return false;
}
