/* Dialect: what differs between SQL databases, as data.
 *
 * A flavour is a row; ddl.c, upsert.c and epoch.c build their texts from it, drivers only run them.
 * May not know: connections, Pipedrive. */
#ifndef PENSTOCK_SQL_DIALECT_H
#define PENSTOCK_SQL_DIALECT_H

#include "model/table.h"

#include <stdint.h>

enum dialect_upsert {
    UPSERT_ON_CONFLICT,  /* INSERT … ON CONFLICT (key) DO UPDATE SET … WHERE … */
    UPSERT_ON_DUPLICATE, /* INSERT … ON DUPLICATE KEY UPDATE …: upsert_duplicate.h */
};

/* What a value takes inside its row, of which caps.row_bytes may not hold enough: so many bytes, or
 * at most so many where it grows with the text; a longer text may be moved outside, which leaves a
 * pointer. */
struct inside_row {
    uint16_t bytes;
    bool grows;
    uint8_t header;   /* beside the text's length, of one that grows */
    uint16_t pointer; /* 0: a longer text counts as `bytes` */
};

struct view_forms; /* sql/view.h */

struct dialect {
    const char *name;
    char quote;                           /* around identifiers; doubled inside */
    const char *parameter;                /* before a parameter's number: "?" gives ?1 */
    const char *types[COLUMN_JSON + 1];   /* by enum column_type */
    const char *create_suffix;            /* after the closing parenthesis of CREATE TABLE */
    const char *create_suffix_system_key; /* the same for a TABLE_SYSTEM without one integer key */
    bool folds_case;                      /* Name and name are the same identifier */
    enum dialect_upsert upsert;
    const char
        *derived; /* after the type of a column that is true while another, %s, is not null */
    const char *differs; /* null-safe "not equal", also between row values */
    struct inside_row inside_row[COLUMN_JSON + 1]; /* not needed where rows have no limit */
    bool plain_identifiers; /* no character above U+FFFF, no space at the end */
    const struct view_forms *views;
};

extern const struct dialect dialect_sqlite, dialect_postgres, dialect_mysql;

/* The name as the database takes it. The caller frees. */
char *dialect_identifier(const struct dialect *dialect, const char *name);
/* "deals" → "\"deals\"". */
void dialect_quote(const struct dialect *dialect, GString *sql, const char *identifier);
/* The number'th parameter, counted from 1. */
void dialect_parameter(const struct dialect *dialect, GString *sql, unsigned number);
bool dialect_same_identifier(const struct dialect *dialect, const char *a, const char *b);

#endif
