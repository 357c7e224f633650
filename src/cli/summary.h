/* Summary: what a sync did, on standard output, when it is over. Thread: main. */
#ifndef PENSTOCK_CLI_SUMMARY_H
#define PENSTOCK_CLI_SUMMARY_H

#include "cli/ui.h"
#include "sync/sync.h"

/* A table, totals and remarks; failures go to standard error, last. with_name: several connections.
 */
void summary_print(const struct ui *ui, const struct sync_result *result, bool with_name);
/* One object on one line. */
void summary_print_json(const struct sync_result *result);
/* The same object as text, for tests. */
char *summary_json(const struct sync_result *result);

#endif
