/* What the budget means for a connection, as plan and status show it. */
#ifndef PENSTOCK_CLI_BUDGET_REPORT_H
#define PENSTOCK_CLI_BUDGET_REPORT_H

#include "sync/outlook.h"

/* One line, and one about dealflow where deals wait. */
void print_budget(const struct outlook *outlook);
/* Members "budget" and "dealflow" of the object that is being written. */
void put_budget(struct json_writer *json, const struct outlook *outlook);

#endif
