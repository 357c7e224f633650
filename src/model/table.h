/* Table: what a destination stores, described as data.
 *
 * Replicated tables and Penstock's own system tables are the same thing here; flags tell them
 * apart. A table is built by the Pipedrive side (catalog plus custom fields) and read by decoder,
 * DDL and loader. May not know: SQL, HTTP. */
#ifndef PENSTOCK_MODEL_TABLE_H
#define PENSTOCK_MODEL_TABLE_H

#include <glib.h>
#include <stdbool.h>

/* What a column holds; each destination maps it to its own type. Cells are text in the form given
 * here. */
enum column_type {
    COLUMN_INTEGER,   /* 64 bits: -?[0-9]+ */
    COLUMN_DECIMAL,   /* exact: a JSON number with its digits as sent */
    COLUMN_BOOLEAN,   /* "0" or "1" */
    COLUMN_TIMESTAMP, /* UTC: "2026-11-02 08:15:30", ".ffffff" only when there is a fraction */
    COLUMN_DATE,      /* "2026-11-02", a date that exists */
    COLUMN_TIME,      /* "08:15:30" */
    COLUMN_TEXT,      /* UTF-8, may hold zero bytes */
    COLUMN_JSON,      /* a JSON document, as sent */
};

const char *column_type_name(enum column_type type); /* "integer", "decimal" … */
bool column_type_from_name(const char *name, enum column_type *ret);
/* The narrowest type that holds every value of both, without loss: integer+decimal = decimal,
 * anything else = text. */
enum column_type column_type_widen(enum column_type a, enum column_type b);

struct column {
    const char *name; /* in the destination; interned or owned by the table */
    enum column_type type;
    const char *comment; /* the Pipedrive key or name behind it; may be NULL */
    bool is_system;      /* _synced_at and its like: not part of "does the row differ" */
    bool is_indexed;     /* rows are looked up by it (a sweep's scope): prepare() adds an index */
    bool is_derived; /* the database computes it: true while the table's deleted_at column is not
                      * null; never written */
};

/* How the rows of a table behave when written. */
enum table_kind {
    TABLE_REPLICATED, /* versioned upsert, tombstones, system columns last */
    TABLE_SYSTEM,     /* plain: insert or replace by key, no versions, no extra columns */
};

#define TABLE_MAX_KEYS 3

struct table {
    char *name;
    enum table_kind kind;
    GArray *columns;               /* struct column; order = order in the destination */
    unsigned keys[TABLE_MAX_KEYS]; /* column indexes of the primary key */
    unsigned key_count;
    int version; /* column whose value orders versions of a row (update_time), or -1 */
    /* TABLE_REPLICATED: indexes of the system columns, which table_add_system_columns() sets; -1 =
     * there is none. Their names differ by style: ask the column. */
    int synced_at, deleted_at, run_id, extra;
    char *comment;
};

typedef struct table Table; /* for g_autoptr(Table) */
struct table *table_new(const char *name, enum table_kind kind);
/* Accepts NULL. */
void table_free(struct table *table);
/* Copies name and comment. Returns the index. */
unsigned table_add_column(struct table *table, const char *name, enum column_type type,
                          const char *comment);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Table, table_free)
/* Which names the system columns have: those that a user's queries know from another connector. */
enum metadata_style {
    METADATA_NATIVE, /* _synced_at, _deleted_at, _run_id, _extra */
    METADATA_STITCH,
    METADATA_FIVETRAN,
    METADATA_AIRBYTE,
    METADATA_NONE, /* no system columns: rows that go can only be removed */
};
const char *metadata_style_name(enum metadata_style style); /* "native" … */
bool metadata_style_from_name(const char *name, enum metadata_style *ret);
/* Appends the system columns; after all others. */
void table_add_system_columns(struct table *table, enum metadata_style style);
/* Marks a column that rows are looked up by. */
void table_index_column(struct table *table, unsigned index);
/* Is the column part of the primary key? */
bool table_is_key(const struct table *table, unsigned index);
/* Index or -1; exact, case-sensitive. */
int table_find_column(const struct table *table, const char *name);

static inline const struct column *table_column(const struct table *table, unsigned index)
{
    return &g_array_index(table->columns, struct column, index);
}

#endif
