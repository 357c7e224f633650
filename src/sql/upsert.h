/* Upsert: the statements that write rows, as text.
 *
 * What a row may overwrite (destination.h, write) is decided inside the statement, so that the rule
 * holds whatever else writes to the table. Built once per set of present columns; drivers cache. */
#ifndef PENSTOCK_SQL_UPSERT_H
#define PENSTOCK_SQL_UPSERT_H

#include "sql/dialect.h"

#include <stdint.h>

/* One byte a column of the table: what the rows of a statement carry. */
enum presence {
    PRESENCE_ABSENT = 0, /* keeps what is stored */
    PRESENCE_GIVEN,
    PRESENCE_REVIVE, /* only _deleted_at: a null, which revives a row under a condition */
};

/* Parameters are numbered: one for each column that is not absent, in the table's order; then, for
 * TABLE_REPLICATED, _synced_at, _run_id and the text of batch->asked_at (null = unknown; there is
 * none unless _deleted_at is PRESENCE_REVIVE). The driver's columns themselves must be absent. */
void upsert_statement(GString *sql, const struct dialect *dialect, const struct table *table,
                      const char *name, const uint8_t *presence);
/* The same from what FROM can name, a relation with the columns that are not absent, under the same
 * names, and no key twice. Parameters: _synced_at, _run_id, batch->asked_at. filtered: rows that
 * change nothing are left out beforehand; slower where most rows do, but a conflict alone locks the
 * stored row, which writes to it. */
void upsert_from_statement(GString *sql, const struct dialect *dialect, const struct table *table,
                           const char *name, const uint8_t *presence, const char *source,
                           bool filtered);
/* Parameters: the key columns in order, then, where versioned, the row's version (null = unknown):
 * what is stored with a newer one stays. */
void upsert_delete_statement(GString *sql, const struct dialect *dialect, const struct table *table,
                             const char *name, bool versioned);

#endif
