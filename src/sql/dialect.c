#include "sql/dialect.h"

#include <string.h>

/* Types: a STRICT table knows five. DECIMAL is ANY, which keeps each value as it was bound, so that
 * the driver chooses the number that loses no digit. */
const struct dialect dialect_sqlite = {
    .name = "sqlite",
    .quote = '"',
    .placeholder = "?",
    .types =
        {
            [COLUMN_INTEGER] = "INTEGER",
            [COLUMN_DECIMAL] = "ANY",
            [COLUMN_BOOLEAN] = "INTEGER",
            [COLUMN_TIMESTAMP] = "TEXT",
            [COLUMN_DATE] = "TEXT",
            [COLUMN_TIME] = "TEXT",
            [COLUMN_TEXT] = "TEXT",
            [COLUMN_JSON] = "TEXT",
        },
    .create_suffix = " STRICT",
    .create_suffix_system_key = " STRICT, WITHOUT ROWID",
    .folds_case = true,
    .upsert = UPSERT_ON_CONFLICT,
    .derived = "GENERATED ALWAYS AS (%s IS NOT NULL) VIRTUAL",
    .differs = "IS NOT",
};

/* PostgreSQL tells all eight apart by itself. inside_row: a value of variable length moves out of
 * the row when room is short, unless it has less than 25 bytes with its header (the server's
 * access/heap/heaptoast.c); those of fixed width count with the padding before them. */
const struct dialect dialect_postgres = {
    .name = "postgres",
    .quote = '"',
    .placeholder = "$",
    .types =
        {
            [COLUMN_INTEGER] = "bigint",
            [COLUMN_DECIMAL] = "numeric",
            [COLUMN_BOOLEAN] = "boolean",
            [COLUMN_TIMESTAMP] = "timestamptz",
            [COLUMN_DATE] = "date",
            [COLUMN_TIME] = "time",
            [COLUMN_TEXT] = "text",
            [COLUMN_JSON] = "jsonb",
        },
    .create_suffix = "",
    .create_suffix_system_key = "",
    .folds_case = false, /* every name is quoted, and quoted names keep their case */
    .upsert = UPSERT_ON_CONFLICT,
    .derived = "GENERATED ALWAYS AS (%s IS NOT NULL) STORED",
    .differs = "IS DISTINCT FROM",
    .inside_row =
        {
            [COLUMN_INTEGER] = {.bytes = 15},
            [COLUMN_DECIMAL] = {.bytes = 24, .grows = true, .header = 4},
            [COLUMN_BOOLEAN] = {.bytes = 1},
            [COLUMN_TIMESTAMP] = {.bytes = 15},
            [COLUMN_DATE] = {.bytes = 7},
            [COLUMN_TIME] = {.bytes = 15},
            [COLUMN_TEXT] = {.bytes = 24, .grows = true, .header = 1},
            [COLUMN_JSON] = {.bytes = 24},
        },
};

void dialect_quote(const struct dialect *dialect, GString *sql, const char *identifier)
{
    g_string_append_c(sql, dialect->quote);
    for (const char *p = identifier; *p; p++) {
        if (*p == dialect->quote)
            g_string_append_c(sql, *p);
        g_string_append_c(sql, *p);
    }
    g_string_append_c(sql, dialect->quote);
}

void dialect_placeholder(const struct dialect *dialect, GString *sql, unsigned number)
{
    g_string_append_printf(sql, "%s%u", dialect->placeholder, number);
}

bool dialect_same_identifier(const struct dialect *dialect, const char *a, const char *b)
{
    /* Databases that fold do it for ASCII only, or at least for ASCII. */
    return dialect->folds_case ? g_ascii_strcasecmp(a, b) == 0 : strcmp(a, b) == 0;
}
