/* The run itself, shared by sync.c (the outside) and extract.c (the I/O thread). */
#ifndef PENSTOCK_SYNC_PRIVATE_H
#define PENSTOCK_SYNC_PRIVATE_H

#include "sync/sync.h"

struct http_client;

struct sync {
    struct sync_settings settings; /* own copies of every text */
    GThread *thread;
    GAsyncQueue *events;        /* struct event; I/O thread → caller */
    int cancelled;              /* atomic */
    GMutex lock;                /* guards client: wakers come from any thread */
    struct http_client *client; /* while the I/O thread runs */
    struct sync_result result;  /* written by the I/O thread before EVENT_DONE */
    bool done;                  /* EVENT_DONE was taken */
};

/* A body may be so much of the credit: with its cells, two of them fit. */
#define SYNC_PAGE_SHARE 3

/* Credit for pages under way. */
static inline size_t sync_memory_bytes(const struct sync_settings *settings)
{
    return settings->memory_bytes ? settings->memory_bytes : (size_t)24 << 20;
}

/* The I/O thread's function. */
void *extract_run(void *sync);
/* The I/O thread: what sync_wake() wakes; NULL before it goes. */
void sync_set_client(struct sync *sync, struct http_client *client);
/* Any thread: interrupts the I/O thread's wait. */
void sync_wake(struct sync *sync);
void sync_settings_copy(struct sync_settings *ret, const struct sync_settings *settings);
void sync_settings_done(struct sync_settings *settings);

#endif
