/* Report: a table on standard output by libsmartcols, that fits the terminal.
 *
 * On a terminal that is too narrow, columns leave by priority (the highest number first), then
 * texts are cut; in a pipe everything is there. Thread: main only. */
#ifndef PENSTOCK_CLI_REPORT_H
#define PENSTOCK_CLI_REPORT_H

#include "cli/ui.h"

struct report_column {
    const char *title;
    bool right;        /* numbers */
    unsigned priority; /* 0 stays always */
};

struct report;

/* columns must live as long as the report. */
struct report *report_new(const struct ui *ui, const struct report_column *columns, unsigned count);
/* One text a column; NULL is empty. Cells are copied and cleaned. Texts of a row may be NULL or
 * freed afterwards. */
void report_add(struct report *report, const char *const *cells);
/* ANSI colour name of libsmartcols ("red") for the last row; only where colours are wanted. */
void report_color_last(struct report *report, const char *color);
void report_print(struct report *report);
void report_free(struct report *report);

#endif
