/* Messages between the I/O thread and the loader thread. A message has one owner at a time: whoever
 * took it from the queue. The loader answers every work with one reply, in the order of the works.
 */
#ifndef PENSTOCK_SYNC_MESSAGE_H
#define PENSTOCK_SYNC_MESSAGE_H

#include "model/destination.h"
#include "pipedrive/walk.h"
#include "sync/event.h"

enum work_kind {
    WORK_OPEN,     /* open the destination, read what it remembers */
    WORK_COMMIT,   /* one transaction: rows, state, queue */
    WORK_QUEUE,    /* read parents that wait for a child */
    WORK_SEED,     /* queue every stored deal for a child (first time, weekly) */
    WORK_SUSPECTS, /* which rows did the full pass not see? */
    WORK_CLOSE,    /* write the run's end, close, end the thread */
};

/* What the run log gets for a table; a snapshot. */
struct run_row {
    struct table_progress progress;
    char *message;
    bool ended;
};

struct work {
    enum work_kind kind;
    void *tag;                   /* the I/O thread's, comes back in the reply */
    const struct stream *stream; /* NULL: the work concerns no table */
    instant_t now;               /* server's time */
    /* WORK_COMMIT; every part may be missing */
    const struct table *table; /* as decoded; prepared before rows are written */
    struct batch *batch;
    bool rows_are_stored;     /* false: deals without a table, read for their children only */
    struct batch *fields;     /* rows of _penstock_fields */
    struct batch *options;    /* rows of _penstock_options, which come with those */
    char *state_name, *state; /* row of _penstock_state */
    /* char *: names and values of more of them, whose full passes begin */
    GPtrArray *states;
    bool queue_parents;    /* the batch is deals: put those that changed into the queue */
    bool is_backfill;      /* first load or stretch: queued behind what changes today */
    instant_t since;       /* without a table: what is older than this is no news */
    bool sweep;            /* rows not in seen are gone */
    bool sweep_confirmed;  /* the guard was answered: by a second pass or by a person */
    bool sweep_other_user; /* the rows are those that another user saw */
    GArray *seen;          /* int64_t */
    GArray *groups;        /* struct walk_group */
    GArray *parents;       /* struct parent: what the groups were read for */
    GArray *retry;         /* struct parent: back into the queue, with backoff */
    bool clear_seen;       /* a full pass begins, or is over: what it saw is forgotten */
    bool note_seen;        /* a full pass is under way: the batch's rows were seen */
    GArray *answered;      /* int64_t: rows that the pass did not see and that were asked for */
    bool finds_drift;      /* of a full pass: rows may differ though their update_time does not */
    bool is_record;        /* the batch is one of those, as it is now */
    bool is_missing;       /* the batch flags one of those, about which nothing is known */
    int64_t rejected;      /* values and records of the page that fit no column */
    bool ends_table;       /* note the number of rows, for the next run's look */
    struct run_row run;
    /* WORK_QUEUE, WORK_SUSPECTS */
    unsigned limit;
    unsigned multiple; /* WORK_QUEUE: so many parents, or twice as many … */
};

struct work *work_new(enum work_kind kind, const struct stream *stream, void *tag);
void work_free(struct work *work);

/* What WORK_OPEN found. */
struct opened {
    GHashTable *states;            /* name → JSON text */
    struct batch *fields;          /* every row of _penstock_fields */
    GError *refused[STREAM_COUNT]; /* why a table cannot even be looked at; NULL = it can */
    char *lost[STREAM_COUNT];   /* why a loaded table must be loaded anew; NULL = it is as it was */
    bool unended[STREAM_COUNT]; /* something was loaded, but no run ended the table: nothing says
                                   how many rows it has */
    GPtrArray *columns[STREAM_COUNT]; /* names that the table has, a person's too; NULL = not looked
                                         at */
};
/* Was the table ever replicated into this destination? */
bool opened_knows(const struct opened *opened, enum stream_id id);

struct reply {
    enum work_kind kind;
    void *tag;
    const struct stream *stream;
    GError *error;
    bool had_page;         /* the work held a page's rows */
    int64_t took_us;       /* loading it */
    int64_t lines_flagged; /* rows of deal_products that were flagged with their deals */
    int64_t rows, deleted; /* written, newly flagged */
    int64_t rejected;      /* the work's own, and values that the database cannot hold */
    int64_t removed;       /* of the work's own table, rows that went at most: see `deletes` */
    int64_t queue;         /* parents that wait, after the commit; -1 = not counted */
    bool of_table;         /* with an error: this table cannot be written, others can */
    int64_t alive;    /* with a GUARD error, and of WORK_SUSPECTS: rows that were alive before */
    GArray *suspects; /* WORK_SUSPECTS: int64_t, the first of them */
    int64_t suspects_total; /* all of them */
    GArray *parents;        /* WORK_QUEUE: struct parent */
    int64_t not_due;        /* WORK_QUEUE: entries whose backoff has not passed */
    struct opened *opened;  /* WORK_OPEN */
    char *remark;           /* what a person should know; NULL = nothing */
};
void reply_free(struct reply *reply);

#endif
