/* Jobs: what one run owes each stream, as states that the I/O thread moves. No sockets, no threads
 * here.
 *
 * A job reads its field list, walks its legs, or drains the queue of parents; each request under
 * way is a task. Answers go in, works for the loader come out, the loader's replies go in again. */
#ifndef PENSTOCK_SYNC_JOB_H
#define PENSTOCK_SYNC_JOB_H

#include "sync/message.h"
#include "sync/retry.h"
#include "sync/schedule.h"
#include "sync/sync.h"

enum job_phase {
    JOB_WAITING,  /* children: for deals, which are still being read */
    JOB_FIELDS,   /* the list of custom fields */
    JOB_LEGS,     /* walking */
    JOB_SEEDING,  /* children: every stored deal goes into the queue */
    JOB_QUEUE,    /* children: waiting for the loader to read the queue */
    JOB_CHILDREN, /* children: reading */
    JOB_SUSPECTS, /* full pass: waiting for the loader to name the rows that it did not see */
    JOB_ASKING,   /* full pass: asking for them */
    JOB_DRAINING, /* everything asked; commits are under way */
    JOB_ENDED,
};

enum task_phase {
    TASK_READY, /* its next request may go */
    TASK_SENT,
    TASK_HELD,    /* its answer waits for a newer field list; of a page read ahead: for its turn */
    TASK_WAITING, /* for the loader's word on its sweep */
    TASK_STRAYED, /* sent, and nobody wants its answer any more */
};

struct job;

struct task {
    struct job *job;
    struct walk *walk; /* NULL: it reads the field list */
    bool is_ahead;     /* it reads a page ahead for this walk, which another task owns, */
    int64_t start;     /* from here */
    enum task_phase phase;
    struct retry_history history;
    int64_t not_before_ms;   /* monotonic */
    int cost_tokens;         /* of the request under way, */
    enum budget_class class; /* and who paid for it */
    struct batch *batch;     /* the credit of the request under way; holds the page while HELD */
    const struct json_value *held;
    instant_t held_date;
    char *fields_cursor;
    bool confirming; /* a small table is read a second time before half of it is flagged */
    bool doubts_ids; /* the page under way came with records without an id */
    bool lost_ids;   /* of a whole table: records came without an id, so absence means nothing */
};

/* What all jobs of a run share. */
struct job_context {
    const struct sync_settings *settings;
    struct schedule_settings schedule;
    int64_t full_every_s;
    const struct table *fields_table;  /* of _penstock_fields */
    const struct table *options_table; /* of _penstock_options */
    bool has_deals_table;
    bool is_admin;   /* the token's user is an administrator, who sees everything */
    bool other_user; /* the token's user or rights are not those of the rows that are there */
    instant_t (*now)(void *);            /* the server's time */
    void (*push)(void *, struct work *); /* to the loader */
    void (*warn)(void *, const char *table, const char *text);
    void (*changed)(void *, struct job *); /* its progress changed */
    void *opaque;
};

/* Those of the schedule, a second reading of a full pass, and a walk that catches up. */
#define JOB_MAX_LEGS (SCHEDULE_MAX_LEGS + PASS_MAX_WALKS + 1 + 1)

/* What became of the rows that a full pass asked for. */
struct pass_counts {
    int64_t asked, deleted, missing, flagged, forbidden, failed;
};

struct job {
    const struct job_context *context;
    const struct stream *stream;
    bool selected; /* false: deals without a table, walked for their children */
    enum job_phase phase;
    struct stream_state state;
    char *state_name;
    struct fields *fields;
    bool fields_dirty; /* rows of _penstock_fields go with the next commit */
    GHashTable *ignored_fields;
    struct table *table;
    struct decoder *decoder;
    GPtrArray *old_tables; /* definitions that batches under way may still use */
    struct schedule_leg legs[JOB_MAX_LEGS];
    unsigned leg_count, leg;
    bool backfill_leg;   /* the leg is part of a first load */
    instant_t leg_since; /* its lower bound when it began */
    bool resumed;        /* the leg goes on from an earlier run's T0 */
    GPtrArray *tasks;    /* struct task, owned */
    GPtrArray *ahead;    /* struct task, owned: pages that are read ahead */
    unsigned works;      /* with the loader */
    size_t page_bytes;   /* what a page of it needs, as seen */
    bool clears_seen;    /* the next commit forgets what a full pass saw */
    GArray *suspects;    /* int64_t: full pass, rows to ask for */
    unsigned suspect;    /* the next of them */
    struct pass_counts pass;
    bool is_new;          /* nothing of it is stored, nor ever was */
    bool clock_went_back; /* the state speaks of times that are still to come */
    bool is_unended;      /* no run ended it yet */
    bool feeds_children;  /* deals: its pages fill the queue */
    unsigned fed;         /* how many of their commits did; children: those that they heard of */
    bool is_begun;        /* children: they know what they owe */
    bool is_first;        /* children: they never were begun before this run */
    bool has_more;        /* children: the queue holds what they did not look at */
    bool takes_rest;      /* children: no more deals come, the round need not be whole calls */
    GArray *recent;       /* deals without a table: read within the overlap, for the next run */
    struct table_progress progress;
    char *message;
    GError *error;
    bool table_refused; /* what stands in the table's place is not ours */
    int64_t failed_parents;
    char *failure;              /* of the parent that was given up last */
    struct retry_streak streak; /* of children that fail one after another */
    bool gave_up;               /* the rest of them waits for another run */
    bool read_some;             /* of them */
};

struct job *job_new(const struct job_context *context, const struct stream *stream, bool selected);
void job_free(struct job *job);
/* From what the destination remembers. stored: rows of _penstock_fields. DATA when the state is
 * damaged. */
MUST_USE bool job_restore(struct job *job, const char *state_text, const struct batch *stored,
                          GError **error);
/* Before job_begin(): a full pass is to be made. Adds the name and the value of the state that says
 * so.
 */
void job_owe_pass(struct job *job, GPtrArray *states);
/* After all jobs were restored: what is owed. */
void job_begin(struct job *job);
/* Children, again and again: reads what the job of the deals has put into the queue, and when that
 * has ended (or waits for another day), the rest. */
void job_follow_parents(struct job *job, const struct job *deals, bool deals_ended);

/* The next task whose request may be sent now, or NULL; *ret_soonest_ms is lowered to when one may.
 */
struct task *job_next_task(struct job *job, int64_t now_ms, int64_t *ret_soonest_ms);
/* One more request could be under way: cuts what the job reads, where that pays. */
bool job_cut(struct job *job);
/* The same, in a list by offset: reads a page ahead. most: so many at a time, and none is farther
 * away than JOB_FARTHEST_AHEAD times as many pages. */
#define JOB_FARTHEST_AHEAD 3
bool job_read_ahead(struct job *job, unsigned most);
/* Gives up what was read ahead and waits for its turn: others need the credit. False: there is
 * none. */
bool job_drop_ahead(struct job *job);
/* Path and price of its request. */
void task_request(const struct task *task, GString *path, int *ret_cost);
/* Bytes of credit that it needs. */
size_t task_credit(const struct task *task);
/* An answer. Takes task->batch, which holds the body. Errors are dealt with inside, except those
 * that stop the run: then false. */
MUST_USE bool task_take(struct task *task, const struct json_value *root, instant_t date,
                        GError **error);
/* A failure. random: uniform in [0, 1). True: dealt with; false: stops the run, and *ret_parks says
 * how. */
MUST_USE bool task_fail(struct task *task, const GError *failure, const struct retry_policy *policy,
                        double random, bool *ret_parks);
/* The loader's reply to a work of this job. False: stops the run. */
MUST_USE bool job_take_reply(struct job *job, struct reply *reply, GError **error);
/* After a reply was counted: the last commit of a job that asked for everything ends it. */
void job_note_drained(struct job *job);
/* The table cannot be read or written in this run; others go on. The first failure counts. */
void job_fail(struct job *job, const GError *failure);
/* Ends the job where it stands. */
void job_stop(struct job *job, enum outcome outcome, const char *message);
bool job_is_ended(const struct job *job);
/* It is read deal by deal, from the queue of parents. */
bool job_is_child(const struct job *job);

#endif
