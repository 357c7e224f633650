/* Plan probes, inside: the lists that are asked, and what was seen of each. The parts: one page and
 * what its records say (plan_page.c), a sample of ids (plan_sample.c), what is asked in which order
 * (plan_probe.c). */
#ifndef PENSTOCK_SYNC_PLAN_PROBE_PRIVATE_H
#define PENSTOCK_SYNC_PLAN_PROBE_PRIVATE_H

#include "sync/plan_probe.h"

/* Ids as keys of a set. */
#define ID_KEY(id) ((void *)(intptr_t)(id))

struct list_probe {
    const struct stream *stream; /* NULL: not wanted */
    unsigned list;
    struct census *census;
    bool changes;       /* a walk through what changed is to be priced; else a first load */
    instant_t since;    /* what is older is not read; NONE = everything is */
    instant_t recent;   /* what changed since then counts as such */
    unsigned limit;     /* rows a page, as they fit into an answer */
    int64_t highest;    /* id */
    int64_t floor;      /* ids before it are not on the newest pages */
    instant_t oldest;   /* add_time on the newest pages */
    char *cursor;       /* behind the newest pages; NULL = none */
    GHashTable *newest; /* ids of the newest pages */
    GHashTable *drawn;  /* ids that were asked for */
    GArray *absent;     /* int64_t: of them, those that are not there */
    int64_t beyond;     /* an offset where there were no rows; 0 = none was met */
    bool settled;       /* nothing more is to be asked of it */
};

struct probing {
    struct api *api;
    const struct probe_settings *settings;
    GRand *dice;
    struct list_probe lists[STREAM_COUNT][STREAM_MAX_LISTS];
};

bool probe_may_ask(const struct probing *probing, const struct list_probe *list);
const struct stream_list *probe_list_of(const struct list_probe *list);

/* --- plan_page.c --- */

struct probe_page {
    struct arena *arena; /* the answer; arena_free() it */
    const struct json_value *root;
    bool more;
};
MUST_USE bool probe_read_page(struct probing *probing, const struct list_probe *list,
                              const char *path, struct probe_page *ret, GError **error);
/* Of deals, their number of products is asked for. */
void probe_append_include(const struct list_probe *list, GString *path);
int64_t probe_id_of(const struct json_value *record);
/* Counts a record if the walk would read it. */
void probe_take_record(const struct list_probe *list, const struct json_value *record,
                       struct tally *tally);
/* The newest rows by id (files that changed: by time, since no filter brings them); then the page
 * behind those that were read, by their cursor. */
MUST_USE bool probe_newest(struct probing *probing, struct list_probe *list, GError **error);
MUST_USE bool probe_next_page(struct probing *probing, struct list_probe *list, GError **error);
/* Lists by offset: the rows before it are counted by the page that begins there. */
MUST_USE bool probe_offset(struct probing *probing, struct list_probe *list, GError **error);

/* --- plan_sample.c --- */

/* A hundred of the older ids. */
MUST_USE bool probe_sample(struct probing *probing, struct list_probe *list, GError **error);
/* Archived deals, after the newest page of the others: what is known of them without a call. */
void probe_begin_archived(struct probing *probing);
/* Of the ids that the other deals were asked for those that were not there. */
MUST_USE bool probe_archived(struct probing *probing, GError **error);

#endif
