/* Counters of requests by path and company, and a ring of the last requests. Guards itself. */
#ifndef SIM_STATS_H
#define SIM_STATS_H

#include <glib.h>
#include <stdint.h>

#include "buf.h"

struct request_note {
    const char *pattern; /* static */
    int company;         /* 0: unknown token */
    const char *method, *path, *query;
    int status, tokens;
    uint64_t bytes;
    uint32_t rows;
    enum {
        NOTE_PLAIN,
        NOTE_BURST429,
        NOTE_DAILY429,
        NOTE_BLOCKED
    } refusal;
};

struct stats {
    GMutex lock;
    GHashTable *paths;     /* pattern -> struct counters * */
    GHashTable *companies; /* id -> struct counters * */
    GPtrArray *ring;
    int64_t started_us, n;
    int in_flight, max_in_flight;
};

void stats_init(struct stats *s);
void stats_done(struct stats *s);
void stats_enter(struct stats *s);
void stats_leave(struct stats *s, const struct request_note *note);
void stats_reset(struct stats *s);
/* `"requests":…,…,"paths":{…}` without braces around. */
void stats_write(struct stats *s, struct buf *b);
/* `"requests":…,"tokens":…,…` of one company. */
void stats_write_company(struct stats *s, struct buf *b, int company);
/* JSON array of the last requests, oldest first. */
void stats_write_requests(struct stats *s, struct buf *b, int64_t last);

#endif
