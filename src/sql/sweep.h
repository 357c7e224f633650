/* Sweep: the statements that flag or remove the rows that a full read did not see, as text. */
#ifndef PENSTOCK_SQL_SWEEP_H
#define PENSTOCK_SQL_SWEEP_H

#include "model/destination.h"
#include "sql/dialect.h"

/* How many rows are alive in the sweep's scope. Parameter: the scope's value, where there is one.
 * name: quoted and qualified. */
void sweep_count_statement(GString *sql, const struct dialect *dialect, const struct sweep *sweep,
                           const char *name);
/* seen: a relation with one column id, or NULL when nothing was seen. Parameters: unless rows are
 * removed deleted_at, synced_at and run_id; then the scope's value, where there is one. */
void sweep_statement(GString *sql, const struct dialect *dialect, const struct sweep *sweep,
                     const char *name, const char *seen);

#endif
