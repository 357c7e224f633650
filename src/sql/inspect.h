/* Inspect: what a driver found under a table's name (struct table_info), compared with the table:
 * whether it is Penstock's, whether its rows can be told apart, how many there are. */
#ifndef PENSTOCK_SQL_INSPECT_H
#define PENSTOCK_SQL_INSPECT_H

#include "model/destination.h"
#include "sql/dialect.h"

/* NULL: it has no such column. */
const struct table_info_column *inspect_column(const struct dialect *dialect,
                                               const struct table_info *info, const char *name);
/* A nonce says so, or all system columns are there (a person's copy, a restored backup). */
bool inspect_is_ours(const struct dialect *dialect, const struct table *table,
                     const struct table_info *info);
/* Its primary key is the table's, columns in any order. */
bool inspect_has_key(const struct dialect *dialect, const struct table *table,
                     const struct table_info *info);
/* A statement that counts all rows, and in a second column those that are not flagged, in one pass.
 * name: quoted and qualified. */
void inspect_count_statement(GString *sql, const struct dialect *dialect, const struct table *table,
                             const struct table_info *info, const char *name);

#endif
