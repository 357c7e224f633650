/* Events: what a sync tells while it runs. Terminal, log and (later) server read the same ones.
 *
 * Numbers are running totals of this run, so that a lost or merged event does no harm. */
#ifndef PENSTOCK_SYNC_EVENT_H
#define PENSTOCK_SYNC_EVENT_H

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

enum event_kind {
    EVENT_CONNECTED, /* text: "Acme (acme-12ab34) as Bo Berg, administrator" */
    EVENT_NOTE,      /* text: what a person may want to know before it happens */
    EVENT_TABLE,     /* a table's progress changed: state and counts */
    EVENT_WAITING,   /* nothing can be sent for wait_ms; text says why ("burst window", "retry of
                        deals: HTTP 503") */
    EVENT_WARNING,   /* text: something a person should know; table may be NULL */
    EVENT_DONE,      /* the last event: the result is ready */
};

enum outcome {
    OUTCOME_RUNNING = 0,
    OUTCOME_WAITING, /* its turn has not come */
    OUTCOME_DONE,
    OUTCOME_NOT_DUE, /* its interval has not passed, nothing was asked */
    OUTCOME_STOPPED, /* asked to stop; what was read is kept */
    OUTCOME_PARKED,  /* the day's budget is gone; goes on from here */
    OUTCOME_FAILED,
};
const char *
outcome_name(enum outcome outcome); /* "done", "not due" … fixed words, also in --json */

struct table_progress {
    const char *table; /* interned */
    enum outcome outcome;
    bool first_load;
    int64_t rows;     /* inserted or updated */
    int64_t deleted;  /* newly flagged */
    int64_t missing;  /* full pass: the API answers nothing about them, nor that they are deleted */
    int64_t rejected; /* values that did not fit and went to _extra */
    int64_t requests;
    int64_t tokens;
    int64_t queue;     /* children: deals still waiting */
    char bookmark[32]; /* RFC 3339, "" where there is none */
};

struct event {
    enum event_kind kind;
    const char *connection;         /* interned */
    char *text;                     /* may be NULL */
    int64_t wait_ms;                /* EVENT_WAITING */
    struct table_progress progress; /* EVENT_TABLE; .table also for EVENT_WARNING (may be NULL) */
    int64_t requests, tokens, rows; /* totals of the run */
};
void event_free(struct event *event);

#endif
