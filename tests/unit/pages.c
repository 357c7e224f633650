#include "pages.h"

#include <string.h>

struct pages {
    struct json_parser *parser;
    struct arena *arena;
    GPtrArray *bytes;
};

struct pages *pages_new(void)
{
    struct pages *pages = g_new0(struct pages, 1);

    pages->parser = json_parser_new();
    pages->arena = arena_new();
    pages->bytes = g_ptr_array_new_with_free_func(g_free);
    return pages;
}

void pages_free(struct pages *pages)
{
    if (!pages)
        return;
    json_parser_free(pages->parser);
    arena_free(pages->arena);
    g_ptr_array_unref(pages->bytes);
    g_free(pages);
}

const struct json_value *pages_parse_raw(struct pages *pages, const char *text)
{
    size_t length = strlen(text);
    char *bytes = g_malloc0(length + JSON_PADDING);
    const struct json_value *root = NULL;
    g_autoptr(GError) error = NULL;

    memcpy(bytes, text, length);
    g_ptr_array_add(pages->bytes, bytes);
    if (!json_parse(pages->parser, bytes, length, pages->arena, &root, &error))
        g_error("%s: %s", text, error->message);
    return root;
}

const struct json_value *pages_parse(struct pages *pages, const char *format, ...)
{
    g_autofree char *text = NULL;
    va_list list;

    va_start(list, format);
    text = g_strdup_vprintf(format, list);
    va_end(list);
    return pages_parse_raw(pages, g_strdelimit(text, "'", '"'));
}

char *cell_text(const struct cell *cell)
{
    switch ((enum cell_kind)cell->kind) {
    case CELL_ABSENT:
        return g_strdup(IS_ABSENT);
    case CELL_NULL:
        return g_strdup(IS_NULL);
    case CELL_VALUE:
        return g_strndup(cell->text, cell->length);
    }
    g_assert_not_reached();
}

void assert_cell(const struct batch *batch, unsigned row, const char *column, const char *expected)
{
    int index = table_find_column(batch->table, column);
    g_autofree char *found = NULL;

    if (index < 0)
        g_error("the table has no column %s", column);
    g_assert_cmpuint(row, <, batch->row_count);
    found = cell_text(&batch->rows[row].cells[index]);
    if (strcmp(found, expected) != 0)
        g_error("row %u, %s: found %s, expected %s", row, column, found, expected);
}

instant_t at(const char *text)
{
    instant_t instant;

    if (!instant_parse(text, strlen(text), &instant))
        g_error("no instant: %s", text);
    return instant;
}

char *instant_text(instant_t instant)
{
    char text[INSTANT_TEXT_BYTES];

    instant_format_rfc3339(instant, text);
    return g_strdup(instant == INSTANT_NONE ? "none" : text);
}
