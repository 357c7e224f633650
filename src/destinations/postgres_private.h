/* The PostgreSQL driver's own parts, shared between its files and with nobody else.
 *
 * postgres.c opens, begins and commits; postgres_connect.c reaches the server and sets up the
 * session; postgres_send.c sends statements and waits for what becomes of them; postgres_error.c
 * says what went wrong; postgres_lock.c keeps a second writer out; postgres_schema.c knows what is
 * in the database, postgres_prepare.c changes it; postgres_view.c makes views; postgres_write.c
 * plans how rows go in, postgres_rows.c puts them in, postgres_statement.c keeps the statements for
 * it, postgres_copy.c encodes values; postgres_sweep.c and postgres_read.c do what their names say.
 */
#ifndef PENSTOCK_DESTINATIONS_POSTGRES_PRIVATE_H
#define PENSTOCK_DESTINATIONS_POSTGRES_PRIVATE_H

#include <libpq-fe.h>

#include "destinations/postgres_copy.h"
#include "model/destination.h"

#define POSTGRES_MIN_VERSION 120000
#define POSTGRES_NAME_BYTES  63 /* the server cuts longer names, silently */

struct postgres {
    struct destination base;
    PGconn *conn;
    char *label;  /* "postgres://host:port/database": what messages call it */
    char *schema; /* settings.schema or "pipedrive" */
    char *quoted_schema;
    char *epoch_name; /* quoted and qualified */
    bool read_only;
    int64_t lock_timeout_ms;
    int64_t epoch;      /* 0 = no writer yet */
    bool locked;        /* our advisory lock is held */
    bool unsynced;      /* something was committed that the server may not have flushed yet */
    bool owes_begin;    /* BEGIN goes with the first statement */
    GPtrArray *sent;    /* struct sent: statements whose outcome nobody has asked for */
    uint64_t rollbacks; /* counts them: a type made before one may be gone */
    GHashTable *tables; /* name → struct postgres_table, of those that exist */
    GHashTable *loads;  /* name → struct postgres_load */
    /* Readable views that were dropped to be made anew: name → the statements that give back what
     * people were granted. */
    GHashTable *view_grants;
    GPtrArray *statements; /* struct postgres_statement, a bounded cache */
    unsigned numbers;      /* of statements made */
    uint64_t uses;         /* of statements: which is the oldest */
    struct copy_buffer buffer;
};

typedef PGresult PgResult;
G_DEFINE_AUTOPTR_CLEANUP_FUNC(PgResult, PQclear)

/* ── postgres.c ── */

/* A transaction of the driver's own, which a commit of a fenced writer ends too. */
void postgres_begin_write(struct postgres *p);
bool postgres_commit_write(struct postgres *p, GError **error);
void postgres_rollback_write(struct postgres *p);

/* ── postgres_send.c ── */

/* What a prepared statement is given, as libpq takes it. */
struct postgres_values {
    const char *const *texts;
    const int *lengths, *formats;
    unsigned count;
};

GPtrArray *postgres_sent_new(void);
/* One statement with text parameters, not waited for: should it fail, the next call that waits says
 * so, with this `what`, and nothing that was sent behind it has been done. */
bool postgres_send(struct postgres *p, const char *sql, unsigned count, const char *const *values,
                   const char *what, GError **error);
/* The same with the types of the parameters. */
bool postgres_send_typed(struct postgres *p, const char *sql, unsigned count, const Oid *oids,
                         const char *const *values, const char *what, GError **error);
/* The same for a prepared one. rows: once it is settled, what it changed is added; must live until
 * then; may be NULL. */
bool postgres_send_prepared(struct postgres *p, const char *name,
                            const struct postgres_values *values, const char *what, unsigned *rows,
                            GError **error);
/* Waits for all that was sent. */
bool postgres_settle(struct postgres *p, GError **error);
/* The same; the last statement's result. NULL on error. */
PGresult *postgres_settle_last(struct postgres *p, GError **error);
/* The same; the rows of the last statement come one at a time (PGRES_SINGLE_TUPLE), then the end or
 * what is wrong. Memory is bounded whatever their number. */
typedef bool (*postgres_take_func)(const PGresult *result, void *opaque, GError **error);
bool postgres_settle_rows(struct postgres *p, postgres_take_func take, void *opaque,
                          GError **error);
/* The same before a rollback: whatever becomes of it. */
void postgres_discard(struct postgres *p);
/* One or more statements in one text; the last result. NULL on error. */
PGresult *postgres_run(struct postgres *p, const char *sql, const char *what, GError **error);
bool postgres_execute(struct postgres *p, const char *sql, const char *what, GError **error);
/* One statement with text parameters (NULL = null); rows come back as text. NULL on error. */
PGresult *postgres_query(struct postgres *p, const char *sql, unsigned count,
                         const char *const *values, const char *what, GError **error);
/* COPY of what `put` appends to the buffer for each of the items; flushes it when it is large.
 * *ret_duplicate: a key was there already; may be NULL, then that is an error. */
typedef bool (*postgres_put_func)(struct copy_buffer *buffer, size_t index, void *opaque,
                                  GError **error);
bool postgres_copy(struct postgres *p, const char *sql, size_t count, postgres_put_func put,
                   void *opaque, const char *what, bool *ret_duplicate, GError **error);

/* ── postgres_error.c ── */

/* Sets the error for a failed result (not freed; NULL: the connection's own), always returns false.
 * what: "writing to deals". */
bool postgres_fail(struct postgres *p, const PGresult *result, const char *what, GError **error);
bool postgres_fail_connect(const char *label, PGconn *conn, GError **error);
/* Does the result have this SQLSTATE? */
bool postgres_failed_with(const PGresult *result, const char *state);
bool postgres_config_error(GError **error, char *message);

/* ── postgres_connect.c ── */

bool postgres_connect(struct postgres *p, const char *url, bool writes, GError **error);

/* ── postgres_lock.c ── */

/* Schema, epoch table, advisory lock and a new epoch; with `probe` all but the last two, undone. */
bool postgres_become_writer(struct postgres *p, const char *connection, bool probe, GError **error);
/* Fails unless the epoch is still ours. */
char *postgres_epoch_statement(const struct postgres *p);
/* Is it not? After a rollback. */
bool postgres_is_fenced(struct postgres *p);
/* Says who took over; always returns false. */
bool postgres_set_fenced_error(struct postgres *p, GError **error);
void postgres_unlock(struct postgres *p);

/* ── postgres_schema.c ── */

struct postgres_column {
    char *name;
    int type; /* enum column_type, -1: one that Penstock does not write */
    int number;
    bool key, generated;
};

/* What the database has under a name. */
struct postgres_table {
    char *name;
    char *quoted; /* with its schema */
    bool exists;
    char *oid;       /* as text, for parameters */
    char kind;       /* pg_class.relkind */
    char *key_name;  /* constraint of the primary key; NULL = none */
    char *nonce;     /* NULL: somebody else made it */
    GArray *columns; /* struct postgres_column */
};

/* Whether a table's first rows can be copied straight into it. */
struct postgres_load {
    bool empty; /* it was when this session first wrote to it */
    unsigned strikes;
};

/* NULL on error; owned by p until it is forgotten. */
struct postgres_table *postgres_table_get(struct postgres *p, const struct table *table,
                                          GError **error);
/* The same, read from the database again. */
struct postgres_table *postgres_table_reload(struct postgres *p, const struct table *table,
                                             GError **error);
void postgres_table_free(struct postgres_table *t);
void postgres_forget_tables(struct postgres *p);
const struct postgres_column *postgres_table_column(const struct postgres_table *t,
                                                    const char *name);
/* What a column, -1 = none, is stored as; otherwise where it is not there, or not of our types. */
int postgres_stored_type(const struct postgres_table *t, const struct table *table, int column,
                         int otherwise);
void postgres_describe(const struct postgres_table *t, const struct table *table,
                       struct table_info *ret);
bool postgres_set_missing_error(const struct postgres *p, const struct postgres_table *t,
                                GError **error);
bool postgres_inspect(struct destination *d, const struct table *table, struct table_info *ret,
                      GError **error);
Oid postgres_type_oid(enum column_type type);
Oid postgres_array_oid(enum column_type type);

/* ── postgres_read.c ── */

/* Appends the condition that a row of a table with one key has one of an array's values in an
 * indexed column. parameter: the array's number; type: what the column is stored as. */
void postgres_append_one_of(GString *sql, const struct postgres_table *t, const struct table *table,
                            unsigned column, unsigned parameter, enum column_type type);

/* ── postgres_prepare.c ── */

bool postgres_prepare(struct destination *d, const struct table *table, const char *nonce,
                      GError **error);
bool postgres_drop(struct destination *d, const struct table *table, GError **error);

/* ── postgres_view.c ── */

bool postgres_replace_view(struct destination *d, struct view *view, enum view_result *ret,
                           GError **error);
bool postgres_drop_view(struct destination *d, const char *name, bool *ret_dropped, GError **error);
/* A view of ours, by its oid and its quoted name; its grants are kept for the next one. */
bool postgres_drop_own_view(struct postgres *p, const char *oid, const char *quoted,
                            const char *what, GError **error);

/* ── postgres_statement.c ── */

#define POSTGRES_STATEMENT_BYTES 32

/* What is prepared for rows with the same present columns. */
enum postgres_way {
    WAY_ROW,         /* one of them, or a deletion */
    WAY_PAGE,        /* an array of rows */
    WAY_SIFTED_PAGE, /* the same, for one of which most are as stored */
    POSTGRES_WAYS,
};

struct postgres_statement {
    char *signature; /* everything that the texts depend on */
    size_t signature_length;
    unsigned number;
    uint64_t used;             /* p->uses when last used */
    unsigned count;            /* of cells that are sent */
    unsigned *columns;         /* of the table, one a cell */
    enum column_type *to;      /* what the database stores, one a cell */
    uint8_t *presence;         /* one byte a column; NULL: the deletion */
    char *type;                /* name of the type of a row */
    Oid type_oid, array_oid;   /* of that type, and of arrays of it */
    uint64_t made;             /* p->rollbacks + 1 when it was made; 0 = never */
    bool ready[POSTGRES_WAYS]; /* the session has it prepared */
    bool changes_little;       /* most rows of the last page were as stored */
};

/* What stays the same for the rows of a batch. */
struct postgres_writing {
    struct postgres *p;
    const struct postgres_table *table;
    struct batch *batch;
    const char *what;
    char now[INSTANT_TEXT_BYTES];
    char asked_at[INSTANT_TEXT_BYTES]; /* "" = unknown */
};

/* presence: one byte a column (sql/upsert.h); NULL: the deletion. NULL on error. */
struct postgres_statement *postgres_statement_get(const struct postgres_writing *w,
                                                  const uint8_t *presence, GError **error);
void postgres_statement_name(const struct postgres_statement *statement, enum postgres_way way,
                             char ret[POSTGRES_STATEMENT_BYTES]);
/* Both only if need be. */
bool postgres_statement_make_type(const struct postgres_writing *w,
                                  struct postgres_statement *statement, GError **error);
bool postgres_statement_prepare(const struct postgres_writing *w,
                                struct postgres_statement *statement, enum postgres_way way,
                                unsigned count, const Oid *oids, GError **error);
void postgres_statement_free(struct postgres_statement *statement);
/* A column is not what it was; always returns false. */
bool postgres_set_column_error(const struct postgres_writing *w, unsigned column, GError **error);

/* ── postgres_rows.c ── */

/* Rows with different keys; *ret is how many changed something (of a system table: all). */
bool postgres_write_page(const struct postgres_writing *w, struct postgres_statement *statement,
                         struct row *const *rows, unsigned count, unsigned *ret, GError **error);
/* One by one; deletions too. */
bool postgres_write_rows(const struct postgres_writing *w, struct postgres_statement *statement,
                         struct row *const *rows, unsigned count, unsigned *ret, GError **error);
/* Straight into the table; *ret_duplicate: a key was there already and nothing was written, without
 * an error. */
bool postgres_write_straight(const struct postgres_writing *w, struct postgres_statement *statement,
                             struct row *const *rows, unsigned count, bool *ret_duplicate,
                             GError **error);

/* ── postgres_write.c, postgres_sweep.c, postgres_read.c ── */

bool postgres_write(struct destination *d, struct batch *batch, struct write_counts *ret,
                    GError **error);
bool postgres_sweep(struct destination *d, const struct sweep *sweep, struct sweep_counts *ret,
                    GError **error);
bool postgres_read(struct destination *d, const struct read_query *query, destination_row_func func,
                   void *opaque, GError **error);

#endif
