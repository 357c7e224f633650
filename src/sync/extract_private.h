/* The I/O thread, shared by its three chapters: extract_begin.c (who, where, what is owed),
 * extract.c (the loop) and extract_end.c (how it ended). */
#ifndef PENSTOCK_SYNC_EXTRACT_PRIVATE_H
#define PENSTOCK_SYNC_EXTRACT_PRIVATE_H

#include "sync/api.h"
#include "sync/job.h"
#include "sync/lead.h"
#include "sync/loader.h"
#include "sync/purse.h"
#include "sync/sync_private.h"

struct extract {
    struct sync *sync;
    const struct sync_settings *settings;
    struct api api;
    struct loader *loader;
    size_t memory_bytes;
    struct batch_pool *pool;
    struct job_context context;
    struct table *fields_table, *options_table;
    struct job *jobs[STREAM_COUNT]; /* NULL: not wanted */
    struct identity who;
    struct purse purse;
    enum budget_verdict held; /* why a request could not be paid for, in the pass under way; */
    unsigned held_jobs;       /* of which streams, a bit each; */
    int64_t held_wait_s;      /* when it may be, -1 = unknown; */
    int held_cost;            /* and its price */
    bool ledger_warned;
    GString *path;
    char run_id[40];
    unsigned pages_with_loader;
    struct lead lead;
    unsigned works; /* with the loader, of no job */
    int64_t started_ms;
    int64_t told_until_ms; /* the wait that the world knows about */
    bool waits_for_burst;
    bool stopping;
    bool parked;
    GError *error; /* why the run stopped early */
};

struct event *extract_event(struct extract *x, enum event_kind kind, char *text);
void extract_send(struct extract *x, struct event *event);
void extract_warn(void *extract, const char *table, const char *text);
/* The callbacks of jobs and loader. */
void extract_job_changed(void *extract, struct job *job);
instant_t extract_now(void *extract);
void extract_push(void *extract, struct work *work);
void extract_wake(void *sync);
/* A commit of deals flags their product lines too: those count for the lines' table. */
void extract_count_lines(struct extract *x, const struct reply *reply);
/* What the loader wants a person to know. */
void extract_tell_remark(struct extract *x, const struct reply *reply);

/* Ends the run early; the first reason counts. Takes the error. */
void extract_stop(struct extract *x, GError *error, bool parks);
/* Asks for the list of what the budget allows: extract_budget.c. */
MUST_USE bool extract_may_ask_who(const struct extract *x, GError **error);
void extract_open_purse(struct extract *x);
/* states: name → JSON text, as the destination holds them. */
void extract_restore_budget(struct extract *x, GHashTable *states);
/* The request of a task that may go: true when it is paid for. */
bool extract_may_send(struct extract *x, struct task *task);
/* Will so many more calls of the job's first list be paid for, as far as is known now? */
bool extract_affords(const struct extract *x, const struct job *job, unsigned calls);
/* What changed today was read, and only the budget holds the rest: children need not wait. */
bool extract_is_held_in_pass(const struct extract *x, const struct job *job);
/* It was paid for, and could not be sent. */
void extract_not_sent(struct extract *x, const struct task *task);
void extract_paid_answer(struct extract *x, const struct task *task,
                         const struct http_answer *answer);
/* After a look at all tasks, which would wait for wait_ms (-1: to be woken). Stops the run when
 * nothing but the budget holds it. */
int64_t extract_wait_for_budget(struct extract *x, int64_t wait_ms);
/* The time of the next try, into the message of a run that was parked. */
void extract_say_when(struct extract *x);
/* Does the run end because nothing more may be sent for now? */
bool extract_is_parked(const struct extract *x);
/* Before the loader is closed. */
void extract_close_purse(struct extract *x);

/* Learns who the token belongs to, opens the destination, makes the jobs. */
MUST_USE bool extract_begin(struct extract *x, GError **error);
/* Writes what is in hand, closes the destination, fills the result. */
void extract_end(struct extract *x);

#endif
