/* Help: what --help and a bare "penstock" print, and the generated man page and completion; all
 * from options.h. */
#ifndef PENSTOCK_CLI_HELP_H
#define PENSTOCK_CLI_HELP_H

#include "cli/options.h"

#include <stdio.h>

/* "penstock" alone: a few lines. */
void help_short(FILE *out);
/* COMMAND_NONE: all commands. Folded to the terminal. */
void help_print(FILE *out, enum command command);

/* "man", "completion": reads the frame from standard input, replaces its @COMMANDS@, @OPTIONS@ …
 * lines. "connections": the names in the configuration file. Exit code. */
int generate(const struct options *options);

#endif
