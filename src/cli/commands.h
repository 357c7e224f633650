/* The commands of the command line, one file each; all give the exit code. */
#ifndef PENSTOCK_CLI_COMMANDS_H
#define PENSTOCK_CLI_COMMANDS_H

#include "cli/connections.h"
#include "cli/ui.h"

int cmd_check(const struct ui *ui);
int cmd_discover(const struct ui *ui);
int cmd_plan(const struct ui *ui);
int cmd_sync(const struct ui *ui);
int cmd_status(const struct ui *ui);
int cmd_refresh(const struct ui *ui);
int cmd_views(const struct ui *ui);
int cmd_verify(const struct ui *ui);
int cmd_reset(const struct ui *ui);

/* One connection of a command that takes any number. */
typedef int (*connection_func)(const struct ui *ui, const struct connection *connection);
/* Runs it for each connection that is meant; the worst exit code. */
int for_each_connection(const struct ui *ui, unsigned needs, connection_func run);

/* The line above a result for people, when there are several connections or it is not the default
 * one. */
void print_title(const struct connection *connection, const char *text);

#endif
