/* DDL: statement texts that create and extend tables, and the difference between what is wanted
 * and what is there. Relations ("name" below) come quoted and qualified from the driver. */
#ifndef PENSTOCK_SQL_DDL_H
#define PENSTOCK_SQL_DDL_H

#include "base/error.h"
#include "model/destination.h"
#include "sql/dialect.h"

/* One step from a table that exists to the one that is wanted. */
struct ddl_change {
    unsigned column;           /* index in the wanted table */
    bool add;                  /* the column is missing; else its type is too narrow */
    enum column_type from, to; /* types; from only when !add */
};

/* note (may be NULL) goes into a comment behind the opening parenthesis; must not hold "*" "/". */
void ddl_create_table(GString *sql, const struct dialect *dialect, const struct table *table,
                      const char *name, const char *note);
void ddl_add_column(GString *sql, const struct dialect *dialect, const struct table *table,
                    unsigned column, const char *name);
/* A column as it stands in both: its name, its type, and what makes it derived. */
void ddl_column(GString *sql, const struct dialect *dialect, const struct table *table,
                unsigned column);
/* The part of it that makes the table's derived column so. */
void ddl_derive(GString *sql, const struct dialect *dialect, const struct table *table);
/* Appends the struct ddl_change that lead from info to table. What info has beyond is left alone.
 * CONFIG when a column of that name has a type that Penstock does not write. */
MUST_USE bool ddl_diff(const struct dialect *dialect, const struct table *table,
                       const struct table_info *info, GArray *changes, GError **error);
/* The key is one integer column (a rowid in SQLite; an identity elsewhere). */
bool ddl_has_integer_key(const struct table *table);

#endif
