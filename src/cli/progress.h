/* Progress: what a run does, on standard error while it runs.
 *
 * On a terminal a display that is redrawn in place, at most ten times a second; log lines step it
 * aside. Elsewhere plain lines: one every ten seconds a table and one at its end. Time is passed
 * in. Standard output is never touched. Thread: main; log lines of other threads only hide and show
 * the display, under its lock. */
#ifndef PENSTOCK_CLI_PROGRESS_H
#define PENSTOCK_CLI_PROGRESS_H

#include "cli/ui.h"
#include "sync/event.h"

#define PROGRESS_TICK_MS   100
#define PROGRESS_PLAIN_MS  10000
#define PROGRESS_SETTLE_MS 500

struct progress;

/* with_connection: lines begin with the connection's name. tables: how many will run, for the bar.
 */
struct progress *progress_new(const struct ui *ui, bool with_connection, unsigned tables,
                              int64_t now_ms);
/* Everything but EVENT_DONE. */
void progress_event(struct progress *progress, const struct event *event, int64_t now_ms);
/* A sentence above the display ("stopping …"), in plain form a line. note stays in the display's
 * last line. */
void progress_say(struct progress *progress, const char *text, const char *note);
/* Redraws if it is time to. */
void progress_tick(struct progress *progress, int64_t now_ms);
/* Takes the display away. Accepts NULL. */
void progress_free(struct progress *progress);

/* For tests: the display's lines for a terminal of that size, joined by '\n'. g_free() it. */
char *progress_picture(struct progress *progress, unsigned columns, unsigned rows, int64_t now_ms);

#endif
