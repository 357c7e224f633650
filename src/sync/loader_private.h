/* The loader's own parts, shared between its files and with nobody else.
 *
 * loader_open.c opens the destination and reads what it remembers; loader_fill.c writes what one
 * transaction holds; loader.c prepares tables, begins and commits, and is the thread. */
#ifndef PENSTOCK_SYNC_LOADER_PRIVATE_H
#define PENSTOCK_SYNC_LOADER_PRIVATE_H

#include "sync/loader.h"
#include "sync/seen.h"
#include "sync/views.h"

struct loader {
    struct loader_settings settings;
    GThread *thread;
    GAsyncQueue *works, *replies;
    struct destination *dest;
    struct table *state_table, *runs_table, *fields_table, *options_table;
    struct views *views; /* NULL: nobody asked for them */
    bool views_are_healed;
    struct queue queue;
    struct seen seen;
    const struct table *prepared[STREAM_COUNT]; /* newest definition that the destination has */
    char *nonces[STREAM_COUNT];
    GPtrArray *known; /* struct table: definitions made here */
    instant_t started;
    /* Committed by this run, a table. */
    int64_t rows[STREAM_COUNT], deleted[STREAM_COUNT], rejected[STREAM_COUNT];
    int64_t noted[STREAM_COUNT];    /* rows that the state says a table has; -1 = it says nothing */
    bool is_as_noted[STREAM_COUNT]; /* it had exactly those when the run began */
    char *noted_nonces[STREAM_COUNT];
    bool anew[STREAM_COUNT]; /* the table is loaded anew: the next commit forgets what was noted */
    bool broken;
    bool tidied;                /* the run log was, in a commit of this run */
    bool refused[STREAM_COUNT]; /* its table is not ours to write: nothing of it is, in this run */
};

/* ── loader_open.c ── */

/* WORK_OPEN. */
bool loader_open(struct loader *loader, const struct work *work, struct reply *reply,
                 GError **error);
/* Heals what a kill, a reset or a person's hand left of the views. Not before the first commit:
 * until then the run may turn out to be of another company or style. */
bool loader_heal_views(struct loader *loader, GError **error);
/* The state's name for what was noted about a stream's table. The caller frees. */
char *loader_table_state_name(const struct stream *stream);

/* ── loader_fill.c ── */

/* All that a work's transaction holds, tables being prepared. */
bool loader_fill(struct loader *loader, const struct work *work, struct reply *reply,
                 GError **error);
bool loader_put_state(struct loader *loader, const char *name, const char *value, GError **error);
/* Names of custom fields and their options. */
bool loader_write_fields(struct loader *loader, const struct work *work, GError **error);

#endif
