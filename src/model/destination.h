/* Destination: the contract that every database driver fulfils.
 *
 * A driver embeds `struct destination` first in its own struct and offers a const table of
 * functions. Callers use the destination_*() wrappers below, which assert the grammar of calls:
 *
 *     open (inspect | read | prepare | replace_view | drop_view |
 *           begin (write | sweep | read)* (commit | rollback))* close
 *
 * Everything of one begin … commit becomes durable together or not at all. Penstock's state, its
 * queue of parents, its list of fields and its run log are tables like any other (TABLE_SYSTEM),
 * written by write() in the same transaction as the rows that they speak of; so a driver knows
 * nothing of their content. Thread: one at a time; the sync gives each destination to its loader
 * thread. May not know: Pipedrive, HTTP. */
#ifndef PENSTOCK_MODEL_DESTINATION_H
#define PENSTOCK_MODEL_DESTINATION_H

#include "model/batch.h"
#include "model/view.h"

struct destination;

struct destination_caps {
    unsigned identifier_bytes; /* longest table or column name */
    unsigned max_columns;      /* of one table */
    bool folds_case;           /* Name and name are the same column */
    bool transactional_ddl;    /* prepare() inside begin … commit is rolled back with it */
    bool keeps_json_text; /* JSON comes back as sent; else as the database writes that document */
    bool zero_bytes;      /* texts and JSON may hold U+0000; else it becomes U+FFFD */
    /* Most digits of a decimal, before and after the point; 0 = any. What has more does not fit. */
    unsigned decimal_integer_digits, decimal_scale;
    size_t row_bytes; /* of values that must stay inside a row; 0 = any. What is too much does not
                         fit */
    /* Names, in lower case, that the database keeps for columns of its own; ends with NULL. NULL =
     * none */
    const char *const *own_columns;
};

struct destination_settings {
    const char *url;        /* "sqlite:crm.db" */
    const char *schema;     /* where the tables go; SQLite: a prefix of table names; may be NULL */
    const char *connection; /* name, for locks and messages */
    bool read_only; /* check, status, discover: takes no lock, creates nothing; a database that does
                     * not exist opens as empty */
    bool probe;     /* with read_only: fails where a writer could not write (check) */
    int64_t lock_timeout_ms; /* how long another process may hold the database: 0 = 10 s */
};

/* What the destination has under a table's name. */
struct table_info {
    bool exists;
    bool is_ours; /* Penstock made it, or it has all of the table's system columns */
    char *nonce;  /* that prepare() stored when it created the table; NULL: somebody else made it */
    int64_t rows; /* all, flagged ones too: only a person's hand makes it smaller */
    int64_t live_rows; /* rows not flagged deleted; all rows for TABLE_SYSTEM */
    GArray *columns;   /* struct table_info_column */
};
struct table_info_column {
    char *name;
    int type;    /* enum column_type, -1: a type that Penstock doesn't write */
    bool is_key; /* part of the primary key */
};
void table_info_done(struct table_info *info);

struct write_counts {
    unsigned inserted_or_updated; /* rows that were written because they differed */
    unsigned unchanged;           /* identical, or older than what is stored */
    unsigned
        rejected; /* values that this database cannot hold: null there, kept in the row's _extra */
};

/* One stored row, given to a reader callback. Cells as in batch.h, one a requested column, valid
 * during the call; the callback may not use the destination, since rows may still be on their way.
 */
typedef void (*destination_row_func)(const struct cell *cells, void *opaque);

/* A query's values travel as parameters, of which no database takes any number. */
#define READ_MAX_VALUES 10000

struct read_query {
    const struct table *table; /* its name, and columns by index */
    const unsigned *columns;   /* indexes to read; NULL = all */
    unsigned column_count;
    int where; /* column index that must equal one of `values`; -1 = no condition */
    const struct cell *values;
    unsigned value_count; /* at most READ_MAX_VALUES */
    bool live_only;       /* TABLE_REPLICATED: skip flagged rows */
    int order_by;         /* column index, ascending; -1 = any order */
    unsigned limit;       /* 0 = no limit */
};

/* Which rows a sweep looks at and which it spares. */
struct sweep {
    const struct table *table;
    int scope; /* column index (deal_id) that must equal one of `scopes`; -1: the whole table */
    const int64_t *scopes;
    size_t scope_count;
    const int64_t
        *seen; /* ids (the key must be one integer column) that stay; any order, repeats allowed */
    size_t seen_count;
    instant_t deleted_at; /* becomes _deleted_at of the rows that go */
    bool remove; /* they are deleted instead; so it is where the table has no _deleted_at */
};
struct sweep_counts {
    int64_t alive_before; /* rows of the scope not flagged before */
    int64_t flagged;      /* of them, now flagged or removed */
};

enum view_result {
    VIEW_SAME,     /* it was there, just so */
    VIEW_REPLACED, /* created or replaced */
    VIEW_MISSING,  /* its table does not exist: there is no view (an older one was dropped) */
    VIEW_TAKEN,    /* somebody else's table or view has the name: left alone */
    VIEW_HELD,     /* what somebody else built on it stands in the way: left as it was */
};

struct destination_ops {
    const char *scheme;   /* selects the driver in a URL: "sqlite" */
    const char *alias;    /* another scheme that does; may be NULL */
    const char *url_help; /* for help texts: "sqlite:PATH" */
    struct destination_caps caps;
    /* Errors: CONFIG (URL), STORAGE (not writable, not a database), FENCED (another process writes;
     * says since when). On success the caller owns *ret. Takes the writer's lock unless read_only,
     * and a new epoch. */
    bool (*open)(const struct destination_settings *, struct destination **ret, GError **);
    bool (*inspect)(struct destination *, const struct table *, struct table_info *ret, GError **);
    /* Creates the table, or adds the columns it lacks and widens those that are too narrow; never
     * narrows, never drops. Idempotent. nonce is stored on creation. A table that Penstock did not
     * make and that lacks the system columns is an error (CONFIG) that names it and the next step.
     * Where DDL is not transactional it is called outside begin. */
    bool (*prepare)(struct destination *, const struct table *, const char *nonce, GError **);
    /* What keeps a transaction from beginning may be told by the next call instead. */
    bool (*begin)(struct destination *, GError **);
    /* TABLE_REPLICATED, a row with an existing key: written unless its version is older than the
     * stored one (equal or unknown: written), and only if a present cell differs from what is
     * stored; then _synced_at = now, _run_id = run. Absent cells keep what is stored. _deleted_at:
     * a present non-null cell flags the row; a null cell revives a flagged row only if
     * batch->asked_at is not before the stored _deleted_at (or unknown). TABLE_SYSTEM: insert or
     * replace (absent cells keep what is stored here too), and the counts say nothing. row.remove
     * deletes, of TABLE_REPLICATED only what is not newer (counted under inserted_or_updated). A
     * batch may hold the same key twice: the later row is applied after the earlier. Values that
     * the database cannot hold (caps) are moved to _extra, in the batch too. */
    bool (*write)(struct destination *, struct batch *, struct write_counts *ret, GError **);
    bool (*sweep)(struct destination *, const struct sweep *, struct sweep_counts *ret, GError **);
    /* Rows in the order of the query; inside a transaction it sees the transaction's own writes. A
     * table that does not exist has no rows. */
    bool (*read)(struct destination *, const struct read_query *, destination_row_func,
                 void *opaque, GError **);
    /* Durable, or an error and nothing of it remains. FENCED when another writer took a newer
     * epoch. */
    bool (*commit)(struct destination *, GError **);
    void (*rollback)(struct destination *); /* safe at any time */
    /* Views. They never stand in the way: where a view would keep prepare() from changing a column,
     * or drop() from dropping a table, those two drop it, if it is ours, and the caller replaces it
     * in the same transaction. Like prepare(), outside begin where DDL is not transactional.
     * replace_view: what the database lacks (columns, tables that are looked up) is taken out of
     * *view first; an unchanged view is not touched. A view that Penstock made carries a mark and
     * only that is ever replaced or dropped. */
    bool (*replace_view)(struct destination *, struct view *view, enum view_result *ret, GError **);
    /* Whether there is one or not. What is not ours stays, without an error. */
    bool (*drop_view)(struct destination *, const char *name, bool *ret_dropped, GError **);
    /* Drops the table if it exists (reset). */
    bool (*drop)(struct destination *, const struct table *, GError **);
    void (*close)(struct destination *); /* accepts NULL; gives the lock back */
};

struct destination {
    const struct destination_ops *ops;
    char run_id[40]; /* what _run_id gets */
    instant_t now;   /* server's time, what _synced_at gets; set by the loader before each begin */
    bool in_transaction; /* kept by the wrappers */
    bool failed; /* kept by the wrappers: a call failed inside the transaction, rollback must follow
                  */
};

MUST_USE bool destination_open(const struct destination_ops *ops,
                               const struct destination_settings *settings,
                               struct destination **ret, GError **error);
MUST_USE bool destination_inspect(struct destination *, const struct table *,
                                  struct table_info *ret, GError **);
MUST_USE bool destination_prepare(struct destination *, const struct table *, const char *nonce,
                                  GError **);
MUST_USE bool destination_begin(struct destination *, GError **);
MUST_USE bool destination_write(struct destination *, struct batch *, struct write_counts *ret,
                                GError **);
MUST_USE bool destination_sweep(struct destination *, const struct sweep *,
                                struct sweep_counts *ret, GError **);
MUST_USE bool destination_read(struct destination *, const struct read_query *,
                               destination_row_func, void *opaque, GError **);
MUST_USE bool destination_commit(struct destination *, GError **);
void destination_rollback(struct destination *);
MUST_USE bool destination_replace_view(struct destination *, struct view *view,
                                       enum view_result *ret, GError **);
MUST_USE bool destination_drop_view(struct destination *, const char *name, bool *ret_dropped,
                                    GError **);
MUST_USE bool destination_drop(struct destination *, const struct table *, GError **);
void destination_close(struct destination *);

#endif
