/* Loader: the thread that owns the destination. It turns works into transactions, one after the
 * other.
 *
 * Rows, the state that they justify, the queue of parents and the run log commit together or not at
 * all. A guard stops its table, and so does what stands in a table's place; after any other failure
 * nothing more is written, and later works are answered with an error. */
#ifndef PENSTOCK_SYNC_LOADER_H
#define PENSTOCK_SYNC_LOADER_H

#include "sync/message.h"
#include "sync/queue.h"
#include "sync/sync.h"

struct loader;

struct loader_settings {
    const struct destination_ops *driver;
    struct destination_settings destination; /* texts outlive the loader */
    bool selected[STREAM_COUNT];             /* tables that are replicated */
    enum metadata_style metadata;
    struct queue_settings queue;
    enum deletes_mode deletes;
    const char *run_id;
    void (*wake)(void *); /* after each reply; any thread may call it */
    void *wake_opaque;
};

/* Starts the thread. Nothing is opened before WORK_OPEN. */
struct loader *loader_new(const struct loader_settings *settings);
/* Any thread. Takes the work. */
void loader_push(struct loader *loader, struct work *work);
/* The I/O thread: next reply or NULL. */
struct reply *loader_take(struct loader *loader);
/* As loader_take(), waits. */
struct reply *loader_wait(struct loader *loader);
/* After the reply to WORK_CLOSE was taken (or nothing was ever pushed): joins. Accepts NULL. */
void loader_free(struct loader *loader);

#endif
