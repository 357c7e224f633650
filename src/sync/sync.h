/* Sync: one run of one connection, from the API into its destination. A library without globals:
 * several can run in one process, each in its own threads, each can be cancelled.
 *
 * sync_start() makes an I/O thread (requests, parsing) and a loader thread (the destination).
 * Events come out of a queue that the caller drains; the result is there after EVENT_DONE. */
#ifndef PENSTOCK_SYNC_SYNC_H
#define PENSTOCK_SYNC_SYNC_H

#include "base/clock.h"
#include "base/error.h"
#include "base/secret.h"
#include "model/destination.h"
#include "sync/budget.h"
#include "sync/event.h"

enum custom_fields_mode {
    CUSTOM_FIELDS_NAMES,
    CUSTOM_FIELDS_KEYS,
    CUSTOM_FIELDS_JSON
};
enum dealflow_mode {
    DEALFLOW_STAGES,
    DEALFLOW_ALL,
    DEALFLOW_OFF
};

/* What becomes of a row that is deleted in Pipedrive. */
enum deletes_mode {
    DELETES_FLAG,   /* _deleted_at says since when */
    DELETES_REMOVE, /* it goes */
    DELETES_IGNORE, /* nothing: it stays as it was last seen */
};

/* Everything is copied by sync_new() and the functions of the commands. */
struct sync_settings {
    const char *connection; /* name; "default" without a configuration file */
    const char *api_url;    /* NULL = https://api.pipedrive.com */
    const struct secret *token;
    const struct destination_ops *driver; /* of the destination's URL: the caller looks it up */
    const char *destination_url;
    const char *schema;   /* may be NULL */
    char **tables;        /* NULL-terminated names; NULL = all sixteen */
    instant_t start_date; /* INSTANT_NONE = everything */
    bool all_now;         /* ignore the intervals */
    bool assume_yes;      /* the person confirmed a guarded delete */
    enum custom_fields_mode custom_fields;
    enum dealflow_mode dealflow;
    enum metadata_style metadata; /* names of the system columns */
    enum deletes_mode deletes;
    bool refresh_now;   /* a full pass of every table, now; or the rest of one that was begun */
    int64_t every_s[3]; /* per interval class (enum interval_class in pipedrive/catalog.h); -1 = its
                           default */
    struct budget_settings budget;
    const char *state_dir;   /* where what was spent is remembered; NULL = ledger.h's default */
    bool tell_price;         /* a first load says its price before it spends */
    int64_t full_every_s;    /* all deals with products are read again; -1 = a week */
    int64_t refresh_every_s; /* full passes; 0 = never by itself, -1 = 14 days */
    size_t memory_bytes;     /* credit for pages under way; 0 = 24 MiB */
    int64_t retry_base_ms;   /* 0 = 500 */
    int64_t timeout_ms;      /* of connecting and of silence, half of a request's; 0 = client.c's */
    int64_t lock_timeout_ms; /* 0 = 10 s */
};

/* NULL = all right; else a CONFIG error that names the unknown table and lists the known ones. */
MUST_USE bool sync_settings_check(const struct sync_settings *settings, GError **error);

/* Whether api_url may be asked: scheme, host and port alone, and no token in the clear. */
MUST_USE bool sync_api_url_check(const char *api_url, GError **error);

struct sync_result {
    const char *connection;
    enum outcome outcome;   /* DONE, STOPPED, PARKED, FAILED */
    int exit_code;          /* 0, 1, 2, 3, 4, 75 */
    char *message;          /* what went wrong and the next step; NULL when done */
    const char *error_code; /* error_code_name() of the failure, or NULL */
    int64_t resume_s;       /* PARKED: seconds until it is worth trying again; 0 = unknown */
    int64_t requests, tokens, rows, wall_ms;
    GArray *tables; /* struct table_result, in the catalog's order */
};
struct table_result {
    struct table_progress progress;
    char *message; /* why it failed, or a remark; NULL otherwise */
};

struct sync;
struct sync *sync_new(const struct sync_settings *settings);
void sync_start(struct sync *sync);
/* Any thread, also from a signal-handling loop (not from a handler). Pages in hand are committed
 * first. */
void sync_cancel(struct sync *sync);
/* Waits at most timeout_ms; NULL when nothing came. event_free() it. */
struct event *sync_next_event(struct sync *sync, int64_t timeout_ms);
/* After EVENT_DONE. Owned by the sync. */
const struct sync_result *sync_result(struct sync *sync);
/* Cancels and joins if it still runs. Accepts NULL. */
void sync_free(struct sync *sync);

#endif
