/* Ui: where the commands speak to: standard output for results, standard error for everything else.
 * Thread: main only, except that log lines may come from any thread. */
#ifndef PENSTOCK_CLI_UI_H
#define PENSTOCK_CLI_UI_H

#include "cli/options.h"

#include <stdio.h>

struct ui {
    const struct options *options;
    bool live; /* a progress display can be drawn on standard error */
    bool utf8; /* the locale can show more than ASCII */
    bool color_out, color_err;
    bool json_log;
};

void ui_init(struct ui *ui, const struct options *options);

/* Columns and rows of a terminal; 0 columns when the descriptor is none. */
void terminal_size(int descriptor, unsigned *ret_columns, unsigned *ret_rows);

/* One line on standard error: "penstock: …", or a log line with --log-format json. */
void ui_error(const struct ui *ui, const char *connection, const char *code, const char *message);
void ui_warning(const struct ui *ui, const char *connection, const char *table,
                const char *message);
void ui_note(const struct ui *ui, const char *connection, const char *message);
/* Says it and gives the exit code that belongs to it. connection may be NULL. */
int ui_fail(const struct ui *ui, const char *connection, const GError *error);

int exit_code_for(const GError *error);
/* The code of several connections together: the first of 4, 2, 1, 3, 75, 0 that one of them ended
 * with. */
int exit_code_worst(int a, int b);

/* What was printed so far can be seen, before something is said on standard error. */
void ui_show(void);
/* A sentence and a line end on standard output; a terminal gets it folded at blanks. */
void ui_say(const char *format, ...) G_GNUC_PRINTF(1, 2);
/* A JSON document with a line end on standard output. Takes text. */
void ui_print_json(GString *text);
/* Standard output is a promise too: a full disk turns 0 into 1. A reader that went away (| head)
 * has seen what it wanted. */
int ui_flush(const struct ui *ui, int exit_code);

#endif
