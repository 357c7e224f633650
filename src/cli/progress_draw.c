#include "cli/format.h"
#include "cli/progress_state.h"

#include <string.h>

/* A line has these cells; on a narrow terminal the last ones of `leaving` are gone first. */
enum cell_kind {
    CELL_NAME,
    CELL_STATE,
    CELL_ROWS,
    CELL_RATE,
    CELL_TOKENS,
    CELL_NOTE,
    CELLS
};
static const bool cell_is_right[CELLS] = {
    [CELL_ROWS] = true, [CELL_RATE] = true, [CELL_TOKENS] = true};
static const enum cell_kind leaving[] = {CELL_NOTE, CELL_STATE, CELL_TOKENS, CELL_RATE, CELL_ROWS};

struct cells {
    char *text[CELLS];
    const char *color;
};

static void cells_clear(gpointer pointer)
{
    struct cells *cells = pointer;
    for (unsigned i = 0; i < CELLS; i++)
        g_free(cells->text[i]);
}

static void line_clear(gpointer pointer)
{
    g_free(((struct picture_line *)pointer)->text);
}

/* --- tables --- */

static const char *mark_of(const struct progress *progress, enum outcome outcome)
{
    static const char *const braille[] = {"⠋", "⠙", "⠹", "⠸", "⠼", "⠴", "⠦", "⠧", "⠇", "⠏"};
    static const char *const ascii[] = {"|", "/", "-", "\\"};
    bool utf8 = progress->ui->utf8;
    switch (outcome) {
    case OUTCOME_RUNNING:
        return utf8 ? braille[progress->frame % G_N_ELEMENTS(braille)]
                    : ascii[progress->frame % G_N_ELEMENTS(ascii)];
    case OUTCOME_DONE:
    case OUTCOME_NOT_DUE:
        return utf8 ? "✓" : "+";
    case OUTCOME_FAILED:
        return utf8 ? "✗" : "x";
    case OUTCOME_STOPPED:
    case OUTCOME_PARKED:
        return utf8 ? "■" : "#";
    case OUTCOME_WAITING:
        return utf8 ? "·" : ".";
    }
    g_assert_not_reached();
}

static const char *color_of(enum outcome outcome)
{
    switch (outcome) {
    case OUTCOME_RUNNING:
    case OUTCOME_WAITING:
        return "36";
    case OUTCOME_DONE:
    case OUTCOME_NOT_DUE:
        return "32";
    case OUTCOME_STOPPED:
    case OUTCOME_PARKED:
        return "33";
    case OUTCOME_FAILED:
        return "31";
    }
    g_assert_not_reached();
}

static char *note_of(const struct table_progress *now)
{
    char count[FORMAT_BYTES];
    if (now->queue > 0)
        return g_strdup_printf("%s deals waiting", format_count(now->queue, count));
    return g_strdup(now->first_load && now->outcome == OUTCOME_RUNNING ? "first load" : "");
}

static void describe(const struct progress *progress, const struct progress_table *table,
                     struct cells *ret)
{
    char text[FORMAT_BYTES];
    const struct table_progress *now = &table->now;
    const char *mark = mark_of(progress, now->outcome);
    ret->color = color_of(now->outcome);
    ret->text[CELL_NAME] = progress->with_connection
                               ? g_strdup_printf("%s %s/%s", mark, table->connection, now->table)
                               : g_strdup_printf("%s %s", mark, now->table);
    ret->text[CELL_STATE] = g_strdup(outcome_name(now->outcome));
    ret->text[CELL_ROWS] = format_plural(now->rows, "row");
    ret->text[CELL_RATE] = table->rate >= 1
                               ? g_strdup_printf("%s/s", format_count((int64_t)table->rate, text))
                               : g_strdup("");
    ret->text[CELL_TOKENS] = g_strdup_printf("%s tokens", format_count(now->tokens, text));
    ret->text[CELL_NOTE] = note_of(now);
}

static bool is_shown(const struct progress_table *table)
{
    return table->now.outcome == OUTCOME_RUNNING ||
           (outcome_is_final(table->now.outcome) && table->now.outcome != OUTCOME_NOT_DUE);
}

/* Which tables have a line: all that run or ran; where there is no room, those that ended first
 * have none. */
static GPtrArray *choose(const struct progress *progress, unsigned room)
{
    GPtrArray *chosen = g_ptr_array_new();
    for (unsigned i = 0; i < progress->tables->len; i++) {
        struct progress_table *table = &g_array_index(progress->tables, struct progress_table, i);
        if (is_shown(table))
            g_ptr_array_add(chosen, table);
    }
    while (chosen->len > room) {
        unsigned oldest = 0;
        int64_t least_ms = INT64_MAX;
        for (unsigned i = 0; i < chosen->len; i++) {
            const struct progress_table *table = chosen->pdata[i];
            if (table->ended_ms > 0 && table->ended_ms < least_ms) {
                least_ms = table->ended_ms;
                oldest = i;
            }
        }
        g_ptr_array_remove_index(chosen, oldest);
    }
    return chosen;
}

/* Widths of the cells; 0 = the column is not shown. */
static void fit(const GArray *rows, unsigned columns, size_t ret_widths[CELLS])
{
    size_t total = 0;
    memset(ret_widths, 0, CELLS * sizeof *ret_widths);
    for (unsigned c = 0; c < CELLS; c++) {
        for (unsigned r = 0; r < rows->len; r++)
            ret_widths[c] =
                MAX(ret_widths[c], text_width(g_array_index(rows, struct cells, r).text[c]));
        total += ret_widths[c] + (c > 0 && ret_widths[c] > 0 ? 2 : 0);
    }
    for (unsigned i = 0; i < G_N_ELEMENTS(leaving) && total > columns; i++)
        if (ret_widths[leaving[i]] > 0) {
            total -= ret_widths[leaving[i]] + 2;
            ret_widths[leaving[i]] = 0;
        }
}

static char *join(const struct cells *cells, const size_t widths[CELLS], unsigned columns)
{
    g_autoptr(GString) line = g_string_new(NULL);
    for (unsigned c = 0; c < CELLS; c++) {
        if (widths[c] == 0)
            continue;
        int blank = (int)(widths[c] - text_width(cells->text[c]));
        g_string_append_printf(line, "%s%*s%s%*s", c > 0 ? "  " : "", cell_is_right[c] ? blank : 0,
                               "", cells->text[c], cell_is_right[c] ? 0 : blank, "");
    }
    char *text = g_strchomp(g_strdup(line->str));
    text_cut(text, columns);
    return text;
}

static void draw_tables(const struct progress *progress, GArray *lines, unsigned columns,
                        unsigned room)
{
    g_autoptr(GPtrArray) chosen = choose(progress, room);
    g_autoptr(GArray) rows = g_array_new(FALSE, TRUE, sizeof(struct cells));
    g_array_set_clear_func(rows, cells_clear);
    for (unsigned i = 0; i < chosen->len; i++) {
        struct cells cells = {0};
        describe(progress, chosen->pdata[i], &cells);
        g_array_append_val(rows, cells);
    }
    size_t widths[CELLS];
    fit(rows, columns, widths);
    for (unsigned i = 0; i < rows->len; i++) {
        const struct cells *cells = &g_array_index(rows, struct cells, i);
        struct picture_line line = {join(cells, widths, columns), cells->color};
        g_array_append_val(lines, line);
    }
}

/* --- totals --- */

static char *bar(const struct progress *progress, unsigned done, unsigned total)
{
    enum {
        WIDTH = 16
    };
    unsigned full = total > 0 ? MIN(done * WIDTH / total, WIDTH) : 0;
    g_autoptr(GString) text = g_string_new(progress->ui->utf8 ? "" : "[");
    for (unsigned i = 0; i < WIDTH; i++)
        g_string_append(text, progress->ui->utf8 ? (i < full ? "━" : "╌") : (i < full ? "=" : "."));
    g_string_append(text, progress->ui->utf8 ? "" : "]");
    return g_strdup(text->str);
}

static char *wait_text(const struct progress *progress, int64_t now_ms)
{
    char text[FORMAT_BYTES];
    if (progress->note != NULL)
        return g_strdup(progress->note);
    for (unsigned i = 0; i < progress->totals->len; i++) {
        const struct progress_total *total =
            &g_array_index(progress->totals, struct progress_total, i);
        int64_t left_ms = total->wait_until_ms - now_ms;
        if (total->wait != NULL && left_ms > 0)
            return g_strdup_printf("waits %s: %s%s%s",
                                   format_duration((left_ms + 999) / 1000, text),
                                   progress->with_connection ? total->connection : "",
                                   progress->with_connection ? ": " : "", total->wait);
    }
    return g_strdup("");
}

/* Joined by two blanks as long as there is room; the last one may be cut. */
static char *join_parts(char **parts, const unsigned *leave_order, unsigned columns)
{
    for (unsigned step = 0;; step++) {
        g_autoptr(GString) line = g_string_new(NULL);
        for (char **part = parts; *part != NULL; part++)
            if (**part != '\0')
                g_string_append_printf(line, "%s%s", line->len > 0 ? "  " : "", *part);
        if (text_width(line->str) <= columns || leave_order[step] == UINT_MAX) {
            text_cut(line->str, columns);
            return g_strdup(line->str);
        }
        *parts[leave_order[step]] = '\0';
    }
}

static char *draw_totals(const struct progress *progress, unsigned columns, int64_t now_ms)
{
    /* bar, tables, rows, tokens, elapsed, wait */
    static const unsigned leave_order[] = {0, 3, 2, UINT_MAX};
    char text[FORMAT_BYTES];
    unsigned done = 0;
    int64_t rows = 0, tokens = 0;
    for (unsigned i = 0; i < progress->tables->len; i++)
        done +=
            outcome_is_final(g_array_index(progress->tables, struct progress_table, i).now.outcome);
    for (unsigned i = 0; i < progress->totals->len; i++) {
        rows += g_array_index(progress->totals, struct progress_total, i).rows;
        tokens += g_array_index(progress->totals, struct progress_total, i).tokens;
    }
    unsigned total = MAX(progress->table_count, progress->tables->len);
    g_auto(GStrv) parts = g_new0(char *, 7);
    parts[0] = bar(progress, done, total);
    parts[1] = g_strdup_printf("%u/%u tables", done, total);
    parts[2] = format_plural(rows, "row");
    parts[3] = format_plural(tokens, "token");
    parts[4] = g_strdup(format_elapsed(now_ms - progress->started_ms, text));
    parts[5] = wait_text(progress, now_ms);
    return join_parts(parts, leave_order, columns);
}

GArray *progress_draw(const struct progress *progress, unsigned columns, unsigned rows,
                      int64_t now_ms)
{
    GArray *lines = g_array_new(FALSE, TRUE, sizeof(struct picture_line));
    g_array_set_clear_func(lines, line_clear);
    draw_tables(progress, lines, columns, rows > 1 ? rows - 1 : 0);
    struct picture_line last = {draw_totals(progress, columns, now_ms), NULL};
    g_array_append_val(lines, last);
    return lines;
}
