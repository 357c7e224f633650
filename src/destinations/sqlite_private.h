/* The SQLite driver's own parts, shared between its files and with nobody else.
 *
 * sqlite.c opens, begins and commits; sqlite_lock.c keeps a second writer out; sqlite_schema.c
 * knows what is in the database, sqlite_rebuild.c changes types; sqlite_view.c makes views;
 * sqlite_write.c, sqlite_sweep.c and sqlite_read.c move rows; sqlite_value.c turns digits into
 * numbers and back without loss. */
#ifndef PENSTOCK_DESTINATIONS_SQLITE_PRIVATE_H
#define PENSTOCK_DESTINATIONS_SQLITE_PRIVATE_H

#include <sqlite3.h>

#include "model/destination.h"

/* The types of Penstock's columns, which STRICT's five storage types cannot tell apart; by table
 * and nonce, so that a table that somebody else put in the place of ours does not inherit them. */
#define SQLITE_COLUMNS_TABLE "_penstock_columns"

struct sqlite_lock {
    int fd; /* -1 = not held */
    char *path;
};

struct sqlite {
    struct destination base;
    sqlite3 *db;  /* NULL: opened read-only and there is no such file */
    char *path;   /* as the person wrote it */
    char *prefix; /* settings.schema or "" */
    char *scope;  /* names our epoch and lock: the prefix in lower case, or "main" */
    bool read_only;
    int64_t lock_timeout_ms;
    int64_t epoch;
    struct sqlite_lock lock;
    int64_t schema_version; /* that tables and statements were read under */
    GHashTable *tables;     /* name → struct sqlite_table */
    GPtrArray *statements;  /* struct sqlite_statement, a bounded cache */
    size_t statement_bytes;
    uint64_t uses; /* counts uses of statements: which is the oldest */
};

/* ── sqlite.c ── */

/* Sets the error for the database's last failure, always returns false. what: "writing deals". */
bool sqlite_fail(struct sqlite *s, const char *what, GError **error);
bool sqlite_execute(struct sqlite *s, const char *sql, const char *what, GError **error);
/* NULL on error. The caller finalizes (g_autoptr(SqliteStmt) does). */
sqlite3_stmt *sqlite_prepare(struct sqlite *s, const char *sql, const char *what, GError **error);
/* SQLITE_ROW or SQLITE_DONE, or -1 with the error set. */
int sqlite_step(struct sqlite *s, sqlite3_stmt *statement, const char *what, GError **error);
void sqlite_bind_text(sqlite3_stmt *statement, int number, const char *text);
/* BEGIN IMMEDIATE; forgets what is cached when somebody changed the schema. */
bool sqlite_begin_write(struct sqlite *s, GError **error);
bool sqlite_commit_write(struct sqlite *s, GError **error);
void sqlite_rollback_write(struct sqlite *s);
/* Forgets the cache when another process changed the schema since. */
bool sqlite_refresh(struct sqlite *s, GError **error);

typedef sqlite3_stmt SqliteStmt;
G_DEFINE_AUTOPTR_CLEANUP_FUNC(SqliteStmt, sqlite3_finalize)

/* ── sqlite_lock.c ── */

/* FENCED when another process holds it. */
bool sqlite_lock_take(struct sqlite_lock *lock, const char *database, const char *scope,
                      const char *connection, GError **error);
void sqlite_lock_release(struct sqlite_lock *lock);
/* "2026-11-02 08:15:30 UTC": this machine's clock, only ever shown to people. */
char *sqlite_wall_clock_text(void);

/* ── sqlite_value.c ── */

enum sqlite_storage {
    STORE_MISSING, /* the database has no such column */
    STORE_INTEGER,
    STORE_NUMBER, /* ANY: integer, real or text, whichever keeps every digit */
    STORE_TEXT,
};

#define SQLITE_REAL_TEXT_BYTES 32

/* The shortest digits that read back as the same double. */
void sqlite_real_format(double value, char ret[SQLITE_REAL_TEXT_BYTES]);
/* False when no double is numerically equal to its own shortest form and to these digits. */
bool sqlite_real_parse(const char *text, size_t length, double *ret);
/* Without copying: the cell's text must live until the statement was stepped. False for an integer
 * that is none (a bug of the decoder). */
bool sqlite_bind_cell(sqlite3_stmt *statement, int number, enum sqlite_storage storage,
                      const struct cell *cell);
/* SQL function penstock_text(x): x as text without loss, as sqlite_real_format writes it. */
bool sqlite_register_text_function(sqlite3 *db);

/* ── sqlite_schema.c ── */

struct sqlite_column {
    char *name;
    char *declared; /* as in the CREATE TABLE */
    int recorded;   /* enum column_type that Penstock noted, -1 = none */
    int key;        /* position in the primary key from 1; 0 = not in it */
    bool generated;
};

/* What the database has under a name, and the cache of what a session knows about it. */
struct sqlite_table {
    char *name; /* in the database: prefix and table's name */
    char *quoted;
    bool exists;
    bool is_view;
    bool is_strict;
    char *sql;       /* its CREATE TABLE */
    char *nonce;     /* from the comment in sql; NULL: somebody else made it */
    char *schema;    /* likewise, whose prefix it was made for */
    GArray *columns; /* struct sqlite_column */
    /* Kept by sqlite_write.c and sqlite_sweep.c: */
    struct table *layout;         /* copy of the table that storage and statements belong to */
    enum sqlite_storage *storage; /* by column of layout */
    int indexed_scope;            /* column of layout known to have an index, -1 = none */
};

/* NULL on error; owned by s and valid until the schema changes. */
struct sqlite_table *sqlite_table_get(struct sqlite *s, const struct table *table, GError **error);
struct sqlite_table *sqlite_table_named(struct sqlite *s, const char *name, GError **error);
void sqlite_table_free(struct sqlite_table *t);
/* Forgets every table and statement. */
void sqlite_forget_tables(struct sqlite *s);
const struct sqlite_column *sqlite_table_column(const struct sqlite_table *t, const char *name);
enum sqlite_storage sqlite_column_storage(const struct sqlite_column *column);
bool sqlite_ensure_index(struct sqlite *s, const struct sqlite_table *t, const char *column,
                         GError **error);
bool sqlite_create_columns_table(struct sqlite *s, GError **error);
bool sqlite_inspect(struct destination *d, const struct table *table, struct table_info *ret,
                    GError **error);
bool sqlite_prepare_table(struct destination *d, const struct table *table, const char *nonce,
                          GError **error);
bool sqlite_drop(struct destination *d, const struct table *table, GError **error);

/* ── sqlite_rebuild.c ── */

/* A column and the storage type that it gets. */
struct sqlite_retype {
    const char *column;
    const char *type;
};
/* Copies the table into one whose columns have the new types. Inside a transaction. */
bool sqlite_rebuild(struct sqlite *s, const struct sqlite_table *t,
                    const struct sqlite_retype *retypes, size_t count, GError **error);
/* The CREATE TABLE text under another name (quoted) and with other types; NULL when not understood.
 */
char *sqlite_edit_create(const char *sql, const char *name, const struct sqlite_retype *retypes,
                         size_t count);

/* ── sqlite_view.c ── */

bool sqlite_replace_view(struct destination *d, struct view *view, enum view_result *ret,
                         GError **error);
bool sqlite_drop_view(struct destination *d, const char *name, bool *ret_dropped, GError **error);

/* ── sqlite_write.c, sqlite_sweep.c, sqlite_read.c ── */

bool sqlite_write(struct destination *d, struct batch *batch, struct write_counts *ret,
                  GError **error);
bool sqlite_sweep(struct destination *d, const struct sweep *sweep, struct sweep_counts *ret,
                  GError **error);
bool sqlite_read(struct destination *d, const struct read_query *query, destination_row_func func,
                 void *opaque, GError **error);
/* With the layout of this table; STORAGE when the database has none of that name. */
struct sqlite_table *sqlite_table_to_write(struct sqlite *s, const struct table *table,
                                           GError **error);
/* Of one table; NULL = all. */
void sqlite_forget_statements(struct sqlite *s, const struct sqlite_table *t);

#endif
