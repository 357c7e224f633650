/* The MySQL driver's own parts, shared between its files and with nobody else.
 *
 * mysql.c opens, begins and commits; mysql_connect.c makes a session that depends on no setting of
 * the server; mysql_error.c says what a person does about a failure; mysql_schema.c knows what is
 * in the database, mysql_prepare.c changes it, mysql_view.c makes views; mysql_write.c,
 * mysql_sweep.c and mysql_read.c move rows. Names begin with mysqldb_, since libmariadb's begin
 * with mysql_. */
#ifndef PENSTOCK_DESTINATIONS_MYSQL_PRIVATE_H
#define PENSTOCK_DESTINATIONS_MYSQL_PRIVATE_H

#include <mysql.h>

#include "model/destination.h"

struct mysqldb {
    struct destination base;
    MYSQL *session;
    char *database;  /* as the server spells it */
    char *place;     /* "database crm on db.example.com": all of the URL that a message may show */
    bool is_mariadb; /* else MySQL */
    bool is_missing; /* opened read-only and there is no such database */
    bool read_only;
    bool sends_arrays;     /* many rows in one message: MariaDB only */
    bool lost;             /* the connection is gone: nothing more is sent */
    unsigned lock_wait_s;  /* the server counts in seconds */
    size_t packet_bytes;   /* largest message that the server takes */
    const char *collation; /* compares exactly, without padding */
    int64_t epoch;
    GHashTable *tables;     /* name → struct mysqldb_table */
    GHashTable *statements; /* text → struct mysqldb_statement, a bounded cache */
    size_t statement_bytes; /* of their texts */
    uint64_t uses;          /* counts uses of statements: which is the oldest */
    char *variables;        /* SET of the variables that statements read, as last sent */
};

/* ── mysql_error.c ── */

/* Sets the error for the session's last failure, always returns false. what: "writing to deals". */
bool mysqldb_fail(struct mysqldb *s, const char *what, GError **error);
bool mysqldb_fail_statement(struct mysqldb *s, MYSQL_STMT *statement, const char *what,
                            GError **error);
/* Takes the message. */
bool mysqldb_error(enum penstock_error code, int origin, char *message, GError **error);

/* ── mysql.c: statements ── */

bool mysqldb_execute(struct mysqldb *s, const char *sql, const char *what, GError **error);
/* The first row's columns, NULL for null, or *ret NULL for no row; the caller frees it. */
bool mysqldb_row(struct mysqldb *s, const char *sql, const char *what, GStrv *ret, GError **error);
/* Rows one by one as they arrive; func may not use the session. */
typedef void (*mysqldb_row_func)(char *const *values, const unsigned long *lengths, void *opaque);
bool mysqldb_each(struct mysqldb *s, const char *sql, const char *what, mysqldb_row_func func,
                  void *opaque, GError **error);
/* 'text', escaped. */
void mysqldb_literal(struct mysqldb *s, GString *sql, const char *text, size_t length);
int64_t mysqldb_affected(struct mysqldb *s);

/* ── mysql_connect.c ── */

/* Connects, checks the server, sets the session up, and goes to the database; a writer creates it.
 */
bool mysqldb_connect(struct mysqldb *s, const struct destination_settings *settings,
                     GError **error);
/* Would a writer be allowed to write? Changes nothing. */
bool mysqldb_probe(struct mysqldb *s, GError **error);

/* ── mysql_schema.c ── */

struct mysqldb_column {
    char *name;
    char *declared;  /* "bigint(20)" */
    char *collation; /* NULL where there is none */
    char *comment;
    int type;     /* enum column_type, -1: none of ours */
    int becoming; /* texts that are still in the form of this type; -1: none */
    bool is_key;
    bool is_nullable;
    bool generated;
};

/* What the database has under a name. */
struct mysqldb_table {
    char *name;
    char *quoted;
    bool exists;
    bool is_view;
    char *engine;
    char *comment;
    char *nonce;     /* from the comment; NULL: somebody else made it */
    GArray *columns; /* struct mysqldb_column */
};

/* Reads it anew. The caller owns it. */
struct mysqldb_table *mysqldb_table_load(struct mysqldb *s, const char *name, GError **error);
/* From the cache if it is there; owned by s until mysqldb_forget_tables(). */
struct mysqldb_table *mysqldb_table_get(struct mysqldb *s, const struct table *table,
                                        GError **error);
void mysqldb_table_free(struct mysqldb_table *t);
void mysqldb_forget_tables(struct mysqldb *s);
const struct mysqldb_column *mysqldb_table_column(const struct mysqldb_table *t, const char *name);
/* For ddl_diff(); table_info_done() by the caller. */
void mysqldb_describe(const struct mysqldb_table *t, const struct table *table,
                      struct table_info *ret);
/* A comment's text without our marks, then with the marks that a column of this type needs. */
char *mysqldb_column_comment(const char *comment, int type, int becoming);
char *mysqldb_table_comment(const char *comment, const char *nonce);
bool mysqldb_inspect(struct destination *d, const struct table *table, struct table_info *ret,
                     GError **error);

typedef struct mysqldb_table MysqldbTable; /* for g_autoptr(MysqldbTable) */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(MysqldbTable, mysqldb_table_free)

/* ── mysql_prepare.c ── */

bool mysqldb_prepare_table(struct destination *d, const struct table *table, const char *nonce,
                           GError **error);
bool mysqldb_drop(struct destination *d, const struct table *table, GError **error);

/* ── mysql_view.c ── */

bool mysqldb_replace_view(struct destination *d, struct view *view, enum view_result *ret,
                          GError **error);
bool mysqldb_drop_view(struct destination *d, const char *name, bool *ret_dropped, GError **error);

/* ── mysql_write.c, mysql_sweep.c, mysql_read.c ── */

bool mysqldb_write(struct destination *d, struct batch *batch, struct write_counts *ret,
                   GError **error);
bool mysqldb_sweep(struct destination *d, const struct sweep *sweep, struct sweep_counts *ret,
                   GError **error);
bool mysqldb_read(struct destination *d, const struct read_query *query, destination_row_func func,
                  void *opaque, GError **error);
void mysqldb_forget_statements(struct mysqldb *s);

#endif
