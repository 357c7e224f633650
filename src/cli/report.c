#include "cli/report.h"
#include "cli/format.h"

#include <libsmartcols.h>
#include <string.h>
#include <unistd.h>

struct row {
    char **cells; /* one a column, never NULL */
    const char *color;
};

struct report {
    const struct ui *ui;
    const struct report_column *columns;
    unsigned count;
    GArray *rows; /* struct row */
};

static void row_clear(gpointer pointer)
{
    g_strfreev(((struct row *)pointer)->cells);
}

struct report *report_new(const struct ui *ui, const struct report_column *columns, unsigned count)
{
    struct report *report = g_new0(struct report, 1);
    *report = (struct report){ui, columns, count, g_array_new(FALSE, TRUE, sizeof(struct row))};
    g_array_set_clear_func(report->rows, row_clear);
    return report;
}

void report_free(struct report *report)
{
    g_array_unref(report->rows);
    g_free(report);
}

void report_add(struct report *report, const char *const *cells)
{
    struct row row = {.cells = g_new0(char *, report->count + 1)};
    for (unsigned i = 0; i < report->count; i++)
        row.cells[i] = text_clean(cells[i] != NULL ? cells[i] : "");
    g_array_append_val(report->rows, row);
}

void report_color_last(struct report *report, const char *color)
{
    g_array_index(report->rows, struct row, report->rows->len - 1).color = color;
}

static size_t column_width(const struct report *report, unsigned column)
{
    size_t width = text_width(report->columns[column].title);
    for (unsigned i = 0; i < report->rows->len; i++)
        width = MAX(width, text_width(g_array_index(report->rows, struct row, i).cells[column]));
    return width;
}

/* Which columns fit: bit i of the result. */
static unsigned fitting(const struct report *report, unsigned terminal_columns)
{
    unsigned shown = (1u << report->count) - 1;
    for (;;) {
        size_t width = 0;
        int drop = -1;
        for (unsigned i = 0; i < report->count; i++) {
            if (!(shown >> i & 1))
                continue;
            width += column_width(report, i) + (width > 0 ? 1 : 0);
            if (report->columns[i].priority > 0 &&
                (drop < 0 || report->columns[i].priority >= report->columns[drop].priority))
                drop = (int)i;
        }
        if (terminal_columns == 0 || width <= terminal_columns || drop < 0)
            return shown;
        shown &= ~(1u << drop);
    }
}

static void fill(const struct report *report, struct libscols_table *table, unsigned shown)
{
    for (unsigned i = 0; i < report->count; i++) {
        const struct report_column *column = &report->columns[i];
        if (shown >> i & 1)
            scols_table_new_column(table, column->title, 0,
                                   column->right ? SCOLS_FL_RIGHT : SCOLS_FL_TRUNC);
    }
    for (unsigned r = 0; r < report->rows->len; r++) {
        const struct row *row = &g_array_index(report->rows, struct row, r);
        struct libscols_line *line = scols_table_new_line(table, NULL);
        if (row->color != NULL)
            scols_line_set_color(line, row->color);
        for (unsigned i = 0, at = 0; i < report->count; i++)
            if (shown >> i & 1)
                scols_line_set_data(line, at++, row->cells[i]);
    }
}

/* smartcols pads the last column; nobody needs blanks at the ends of lines. */
static void print_trimmed(const char *text)
{
    g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
    for (char **line = lines; *line != NULL; line++)
        if (line[1] != NULL || **line != '\0')
            printf("%s\n", g_strchomp(*line));
}

void report_print(struct report *report)
{
    unsigned columns, rows;
    terminal_size(STDOUT_FILENO, &columns, &rows);
    struct libscols_table *table = scols_new_table();
    if (table == NULL)
        g_error("out of memory");
    scols_table_set_termforce(table, columns > 0 ? SCOLS_TERMFORCE_ALWAYS : SCOLS_TERMFORCE_NEVER);
    if (columns > 0)
        scols_table_set_termwidth(table, columns);
    scols_table_enable_colors(table, report->ui->color_out);
    scols_table_enable_noencoding(table, 1); /* the cells are clean; bytes of UTF-8 stay */
    fill(report, table, fitting(report, columns));
    char *text = NULL;
    if (report->rows->len > 0 && scols_print_table_to_string(table, &text) == 0)
        print_trimmed(text);
    free(text);
    scols_unref_table(table);
}
