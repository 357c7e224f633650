#include "pipedrive/reread.h"

#include "pipedrive/walk_private.h"

static void append_list(const struct reread *reread, unsigned limit, GString *path)
{
    const struct stream_list *list = &reread->stream->lists[reread->list];

    g_string_append_printf(path, "%s?limit=%u%s", list->path, limit, list->query);
}

void reread_ids(const struct reread *reread, const int64_t *ids, unsigned count, GString *path)
{
    append_list(reread, count, path);
    g_string_append(path, "&ids=");
    for (unsigned i = 0; i < count; i++)
        g_string_append_printf(path, "%s%" G_GINT64_FORMAT, i ? "," : "", ids[i]);
    append_includes(reread->stream, reread->gated, '&', path);
}

void reread_newest(const struct reread *reread, GString *path)
{
    append_list(reread, reread->limit, path);
    if (reread->stream->paging == PAGING_OFFSET) {
        g_string_append(path, "&start=0&sort=update_time%20DESC");
        return;
    }
    g_string_append(path, "&sort_by=update_time&sort_direction=desc");
    append_includes(reread->stream, reread->gated, '&', path);
}

void reread_since(const struct reread *reread, instant_t since, GString *path)
{
    append_list(reread, reread->limit, path);
    g_string_append(path, "&sort_by=update_time&sort_direction=asc");
    append_instant(path, "updated_since", since);
    append_includes(reread->stream, reread->gated, '&', path);
}

void reread_offset(const struct reread *reread, int64_t start, GString *path)
{
    append_list(reread, reread->limit, path);
    g_string_append_printf(path, "&start=%" G_GINT64_FORMAT "&sort=id%%20ASC", start);
}

bool reread_has_more(const struct stream *stream, const struct json_value *root)
{
    const struct json_value *next =
        json_member(json_member(root, "additional_data"), "next_cursor");

    return stream->paging == PAGING_CURSOR ? next && next->kind != JSON_NULL : page_has_more(root);
}
