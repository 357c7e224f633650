#include "sql/dialect.h"
#include "sql/view.h"

#include <string.h>

/* Types: a STRICT table knows five. DECIMAL is ANY, which keeps each value as it was bound, so that
 * the driver chooses the number that loses no digit. */
const struct dialect dialect_sqlite = {
    .name = "sqlite",
    .quote = '"',
    .parameter = "?",
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
    .views = &view_forms_sqlite,
};

/* PostgreSQL tells all eight apart by itself. inside_row: a value of variable length moves out of
 * the row when room is short, unless it has less than 25 bytes with its header (the server's
 * access/heap/heaptoast.c); those of fixed width count with the padding before them. */
const struct dialect dialect_postgres = {
    .name = "postgres",
    .quote = '"',
    .parameter = "$",
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
    .views = &view_forms_postgres,
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

/* Types: those that people expect, each wide enough for every value; what identifies them again is
 * written in mysql_schema.c. Texts get charset and collation from the driver, because the collation
 * that compares exactly has another name in each server. JSON is text on purpose: the type JSON of
 * MySQL turns numbers into doubles, and that of MariaDB is text.
 * inside_row: InnoDB (ROW_FORMAT=DYNAMIC) keeps up to 40 bytes of a text in the row, with one byte
 * of length; a longer one leaves a pointer of 20 bytes, with two. Nulls take nothing. */
const struct dialect dialect_mysql = {
    .name = "mysql",
    .quote = '`',
    .parameter = "?",
    .types =
        {
            [COLUMN_INTEGER] = "bigint",
            [COLUMN_DECIMAL] = "decimal(65,30)",
            [COLUMN_BOOLEAN] = "tinyint(1)",
            [COLUMN_TIMESTAMP] = "datetime(6)",
            [COLUMN_DATE] = "date",
            [COLUMN_TIME] = "time",
            [COLUMN_TEXT] = "longtext",
            [COLUMN_JSON] = "longtext",
        },
    .folds_case = true,
    .upsert = UPSERT_ON_DUPLICATE,
    .views = &view_forms_mysql,
    .derived = "GENERATED ALWAYS AS (%s IS NOT NULL) VIRTUAL",
    .inside_row =
        {
            [COLUMN_INTEGER] = {.bytes = 8},
            [COLUMN_DECIMAL] = {.bytes = 30},
            [COLUMN_BOOLEAN] = {.bytes = 1},
            [COLUMN_TIMESTAMP] = {.bytes = 8},
            [COLUMN_DATE] = {.bytes = 3},
            [COLUMN_TIME] = {.bytes = 3},
            [COLUMN_TEXT] = {.bytes = 41, .grows = true, .header = 1, .pointer = 22},
            [COLUMN_JSON] = {.bytes = 41, .grows = true, .header = 1, .pointer = 22},
        },
    .plain_identifiers = true,
};

/* Four letters for the four bytes of a character: names keep their length in bytes, and different
 * ones stay different. */
static void append_plain(GString *plain, gunichar c)
{
    static const char digits[] = "0123456789abcdefghijklmnopqrstuvwxyz";
    for (gunichar power = 36 * 36 * 36; power; power /= 36)
        g_string_append_c(plain, digits[c / power % 36]);
}

char *dialect_identifier(const struct dialect *dialect, const char *name)
{
    if (!dialect->plain_identifiers)
        return g_strdup(name);
    g_autoptr(GString) plain = g_string_new(NULL);
    for (const char *p = name; *p; p = g_utf8_next_char(p)) {
        gunichar c = g_utf8_get_char(p);
        if (c > 0xffff)
            append_plain(plain, c);
        else
            g_string_append_unichar(plain, c);
    }
    for (size_t i = plain->len; i > 0 && plain->str[i - 1] == ' '; i--)
        plain->str[i - 1] = '_';
    return g_string_free(g_steal_pointer(&plain), false);
}

void dialect_quote(const struct dialect *dialect, GString *sql, const char *identifier)
{
    g_autofree char *name = dialect_identifier(dialect, identifier);
    g_string_append_c(sql, dialect->quote);
    for (const char *p = name; *p; p++) {
        if (*p == dialect->quote)
            g_string_append_c(sql, *p);
        g_string_append_c(sql, *p);
    }
    g_string_append_c(sql, dialect->quote);
}

void dialect_parameter(const struct dialect *dialect, GString *sql, unsigned number)
{
    g_string_append_printf(sql, "%s%u", dialect->parameter, number);
}

/* Is the name the same in every database? */
static bool is_plain(const char *name)
{
    return g_str_is_ascii(name) && !g_str_has_suffix(name, " ");
}

bool dialect_same_identifier(const struct dialect *dialect, const char *a, const char *b)
{
    if (dialect->plain_identifiers && !(is_plain(a) && is_plain(b))) {
        /* Those fold every letter. */
        g_autofree char *one = dialect_identifier(dialect, a);
        g_autofree char *other = dialect_identifier(dialect, b);
        g_autofree char *folded = g_utf8_casefold(one, -1), *with = g_utf8_casefold(other, -1);
        return strcmp(folded, with) == 0;
    }
    /* Databases that fold do it for ASCII only, or at least for ASCII. */
    return dialect->folds_case ? g_ascii_strcasecmp(a, b) == 0 : strcmp(a, b) == 0;
}
