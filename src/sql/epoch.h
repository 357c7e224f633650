/* Epoch: one row per writer's scope, which every writer increases when it opens and touches when it
 * commits. A commit that does not find its own epoch has been fenced. */
#ifndef PENSTOCK_SQL_EPOCH_H
#define PENSTOCK_SQL_EPOCH_H

#include "sql/dialect.h"

#define EPOCH_TABLE "_penstock_epoch"

/* Columns: name, epoch, holder (text for people). The caller frees. */
struct table *epoch_table_new(void);
/* Parameters: name, holder. Gives back the new epoch as one row. */
void epoch_take_statement(GString *sql, const struct dialect *dialect, const char *table);
/* Parameters: name, epoch. Must touch one row, or the writer is fenced. */
void epoch_hold_statement(GString *sql, const struct dialect *dialect, const char *table);
/* Parameter: name. Gives back the holder. */
void epoch_holder_statement(GString *sql, const struct dialect *dialect, const char *table);

#endif
