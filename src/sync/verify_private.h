/* Verify, shared by its four chapters: verify.c (which tables, and the price), verify_choose.c
 * (which rows), verify_read.c (requests) and verify_rows.c (what an answer says about the stored
 * rows). One thread; writes nothing. */
#ifndef PENSTOCK_SYNC_VERIFY_PRIVATE_H
#define PENSTOCK_SYNC_VERIFY_PRIVATE_H

#include "pipedrive/reread.h"
#include "pipedrive/walk.h"
#include "sync/api.h"
#include "sync/commands.h"
#include "sync/compare.h"
#include "sync/memory.h"

struct verify {
    const struct sync_settings *settings;
    const struct verify_settings *how;
    struct api api;
    struct memory memory;
    struct comparer comparer;
    GPtrArray *targets; /* struct target */
    struct verify_report *report;
    int64_t company_id; /* 0: not known yet */
};

/* One table under comparison. */
struct target {
    struct verify *verify;
    const struct stream *stream;
    struct stream_state state;
    struct fields *fields; /* NULL: the stream has none */
    struct table *table;
    GPtrArray *old_tables; /* definitions that came before a new list of fields */
    struct decoder *decoder;
    GHashTable *ignored; /* custom fields that nobody lists */
    GHashTable *stored;  /* names of columns that the destination has */
    GArray *columns;     /* unsigned: indexes of the table's columns that the destination has */
    GArray *chosen;      /* int64_t: ids, of children: ids of deals */
    instant_t oldest;    /* of the stored rows that have a time; NONE */
    instant_t window;    /* where the random page begins; NONE = there is none */
    int64_t start;       /* the same for offset lists */
    unsigned pages;      /* offset lists: pages from there on */
    GHashTable *waiting; /* children: deals in the queue */
    instant_t bookmark[STREAM_MAX_LISTS]; /* what is older has been read; NONE = nothing has */
    instant_t flow_read;                  /* dealflow: the newest stored line of the deal in hand */
    GHashTable *seen;                     /* ids that answers showed */
    int64_t requests_left, requests_high, tokens_high;
    bool fields_read, stopped;
    struct verify_table row;
};

/* A page that is only looked at: wide records must stay below the ceiling of a single answer. */
#define VERIFY_PAGE_ROWS 200u

/* An id as a key of a set. */
#define ID_KEY(id) ((void *)(intptr_t)(id))

/* The table, its columns and decoder, as fields say now. */
void target_build(struct target *target);
/* Notes why the table is not compared (further). */
void target_stop(struct target *target, bool failed, const char *format, ...) G_GNUC_PRINTF(3, 4);

/* Product lines and histories, which are asked for by their deals. */
bool target_is_child(const struct target *target);
/* Draws the sample and the random page. */
MUST_USE bool target_choose(struct target *target, GError **error);

/* Asks and compares. False: the run cannot go on; what concerns one table is noted there. */
MUST_USE bool target_check(struct target *target, GError **error);

/* Compares a page of a list with the stored rows. */
MUST_USE bool target_judge(struct target *target, unsigned list, const struct batch *page,
                           GError **error);
/* Live rows where column (-1 = any) is one of ids, which the answers did not show, are gone. */
MUST_USE bool target_judge_gone(struct target *target, int column, const int64_t *ids,
                                unsigned count, GError **error);
/* The same for the stretch of ids [first, last]. */
MUST_USE bool target_judge_gap(struct target *target, int64_t first, int64_t last, GError **error);

#endif
