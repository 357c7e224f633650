/* Upsert by INSERT … ON DUPLICATE KEY UPDATE: the dialect of MariaDB and MySQL.
 *
 * The rule of what a row may overwrite is the same as in upsert.h, but this statement has no WHERE:
 * each assignment decides for itself. They are evaluated from left to right, and one that comes
 * later sees what the earlier ones stored; so the columns stand in the order in which the rule
 * needs the stored values: key, _synced_at and _run_id, all others, the version.
 * The server takes any unique index for the key, also one that a person added; a row that meets
 * another row's unique value must not overwrite that row. So the first assignment makes the key
 * null where it is not the row's own, which the server refuses. */
#ifndef PENSTOCK_SQL_UPSERT_DUPLICATE_H
#define PENSTOCK_SQL_UPSERT_DUPLICATE_H

#include "sql/upsert.h"

/* User variables of the session that the statements read: the same for all rows of a batch. */
#define UPSERT_NOW   "@penstock_now"
#define UPSERT_RUN   "@penstock_run"
#define UPSERT_ASKED "@penstock_asked_at" /* null = unknown */

/* Parameters: for each of so many rows, one for each column that is not absent, in the table's
 * order. A null in _deleted_at
 * revives under the rule of PRESENCE_REVIVE, so rows that flag and rows that revive share a
 * statement. The driver's columns and derived ones must be absent. */
void upsert_duplicate_statement(GString *sql, const struct dialect *dialect,
                                const struct table *table, const char *name,
                                const uint8_t *presence, unsigned rows);
/* Parameters: the key columns in order, then the version if the table has one (null = unknown). */
void upsert_duplicate_delete_statement(GString *sql, const struct dialect *dialect,
                                       const struct table *table, const char *name);

#endif
