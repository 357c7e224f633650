/* What progress.c keeps and progress_draw.c draws; nobody else includes it. */
#ifndef PENSTOCK_CLI_PROGRESS_STATE_H
#define PENSTOCK_CLI_PROGRESS_STATE_H

#include "cli/progress.h"

struct progress_table {
    const char *connection; /* interned */
    struct table_progress now;
    int64_t started_ms, ended_ms; /* 0 = not yet */
    int64_t mark_ms, mark_rows;   /* where the rate was last measured */
    double rate;                  /* rows a second, smoothed */
    int64_t said_ms;              /* plain form: last line */
    bool owes_line;     /* plain form: ended, and the line that says so is not yet written */
    int64_t changed_ms; /* last event */
};

struct progress_total {
    const char *connection; /* interned */
    int64_t rows, tokens;
    char *wait; /* why nothing is sent, or NULL */
    int64_t wait_until_ms;
};

struct progress {
    const struct ui *ui;
    bool with_connection;
    unsigned table_count;
    int64_t started_ms, drawn_ms;
    GArray *tables; /* struct progress_table, in the order of their first event */
    GArray *totals; /* struct progress_total, one a connection */
    char *note;     /* replaces the wait in the last line */
    unsigned frame; /* of the spinner */

    GMutex lock;     /* the fields below; log lines come from any thread */
    GString *screen; /* bytes that draw the display */
    GArray *widths;  /* size_t, of its lines: a narrower terminal folds them */
    bool is_drawn;
};

bool outcome_is_final(enum outcome outcome);

/* One line of the display. */
struct picture_line {
    char *text;
    const char *color; /* of its first character; NULL = none */
};
/* At most `rows` lines of at most `columns`; the last one holds the totals. GArray of struct
 * picture_line. */
GArray *progress_draw(const struct progress *progress, unsigned columns, unsigned rows,
                      int64_t now_ms);

#endif
