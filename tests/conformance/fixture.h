/* What the cases share: a fresh database of a subject, and short ways to write and read tables.
 *
 * A case is written once and runs for every subject (a row in main.c). It speaks to the database
 * through the destination's contract, and as "somebody else" through plain SQL that every subject
 * understands. */
#ifndef PENSTOCK_TESTS_CONFORMANCE_FIXTURE_H
#define PENSTOCK_TESTS_CONFORMANCE_FIXTURE_H

#include "model/destination.h"
#include "sql/dialect.h"

struct subject {
    const struct destination_ops *ops;
    const struct dialect *dialect; /* types that somebody else writes */
    bool locks_database;           /* lock() stops every writer; else those of one table */
    bool views_hold_types;         /* a column that a view uses cannot be widened */
    const char *lock_waited;       /* for 100 ms; NULL: those */
    const char *ends_session;      /* what an administrator runs to; NULL: there are none */
    /* URL of a database that does not exist yet or is empty. */
    char *(*fresh)(void);
    void (*discard)(const char *url);
    /* Somebody else's statements; names without a schema are of the destination's tables. */
    void (*execute)(const char *url, const char *sql);
    /* Somebody else's view: first column of the first row, NULL for null or none. */
    char *(*query)(const char *url, const char *sql);
    /* Another process holds the write lock of the database, or of the table deals, from lock() to
     * unlock(). */
    void *(*lock)(const char *url);
    void (*unlock)(void *);
    /* Ends every session of the database from the server's side. NULL: there is no server. */
    void (*cut)(const char *url);
};

struct fixture {
    const struct subject *subject;
    char *url;
    struct destination *dest;   /* opened */
    struct write_counts counts; /* of the last apply() */
    struct table *deals;        /* see deals_new() */
};

typedef void (*case_func)(struct fixture *f);
struct test_case {
    const char *name;
    case_func func;
};
extern const struct test_case value_cases[], upsert_cases[], agreement_cases[], schema_cases[],
    sweep_cases[], transaction_cases[], connection_cases[], view_cases[], sqlite_cases[],
    postgres_cases[], postgres_session_cases[], postgres_pipeline_cases[], mysql_cases[];
extern const struct subject sqlite_subject, postgres_subject, mysql_subject;

#define T0      INSTANT_SECOND *INT64_C(1800000000) /* 2027-01-15 08:00:00 */
#define T0_TEXT "2027-01-15 08:00:00"

/* "id integer key, title text, update_time timestamp version": columns of a replicated table, to
 * which the system columns are added; a name may be quoted with ' to hold spaces and commas. */
struct table *replicated(const char *name, const char *columns);
/* The same with the system columns of a style. */
struct table *replicated_as(const char *name, const char *columns, enum metadata_style style);
struct table *system_table(const char *name, const char *columns);
/* id, title, value decimal, deal_id integer, update_time version. */
struct table *deals_new(void);

struct destination *open_or_fail(struct fixture *f, const char *schema);
/* The error that opening gives. */
GError *open_error(struct fixture *f, const char *schema, bool read_only);
void reopen(struct fixture *f);

/* A batch outside a pool. */
struct batch *batch_of(const struct table *table);
extern const char null_cell[]; /* stands for a null in add() */
/* Pairs of column and text, ended by NULL; what is not named stays absent. */
struct row *add(struct batch *batch, ...) G_GNUC_NULL_TERMINATED;
/* begin, write, commit; frees the batch. What failed is rolled back. */
bool try_to_apply(struct fixture *f, struct batch *batch, GError **error);
/* For what must work, and for what must not. */
void apply(struct fixture *f, struct batch *batch);
GError *apply_error(struct fixture *f, struct batch *batch);
/* One row, applied. */
#define put(f, table, ...)                                                                         \
    do {                                                                                           \
        struct batch *put_batch = batch_of(table);                                                 \
        add(put_batch, __VA_ARGS__, NULL);                                                         \
        apply((f), put_batch);                                                                     \
    } while (0)

void prepare(struct fixture *f, const struct table *table);
/* Rows by key as "1|a|~\n": columns by name, "," between, ~ for null. */
char *dump(struct fixture *f, const struct table *table, const char *columns);
void check_dump(struct fixture *f, const struct table *table, const char *columns,
                const char *expected);
/* The same number, whatever its spelling. */
void check_number(const char *got, const char *expected);
void check_counts(const struct fixture *f, unsigned written, unsigned unchanged);
int inspected_type(struct fixture *f, const struct table *table, const char *column);
/* Fails unless the error has the code and its message every word; frees it. */
void check_error(GError *error, enum penstock_error code, ...) G_GNUC_NULL_TERMINATED;

#endif
