/* Errors: one GError domain whose codes say what the caller can *do* about them.
 *
 * The code is the policy class, the message says what happened and what a person does next; layers
 * prefix where (g_prefix_error). Details that a log or a retry needs ride along in the extended
 * error: the origin's own code, the request id and the wait that a server asked for. Policy lives
 * in sync/retry.c alone. May not know: HTTP, SQL, Pipedrive. */
#ifndef PENSTOCK_BASE_ERROR_H
#define PENSTOCK_BASE_ERROR_H

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

#define MUST_USE __attribute__((warn_unused_result))

#define PENSTOCK_ERROR (penstock_error_quark())

enum penstock_error {
    PENSTOCK_ERROR_RETRY,     /* passing fault of the other side: try again with backoff */
    PENSTOCK_ERROR_THROTTLED, /* too fast: wait retry_after_ms, then go on slower */
    PENSTOCK_ERROR_PARKED,  /* the budget of the day is gone: end the run, come back later (exit 75)
                             */
    PENSTOCK_ERROR_AUTH,    /* credentials or rights (exit 4) */
    PENSTOCK_ERROR_GONE,    /* this one record does not exist: skip it */
    PENSTOCK_ERROR_REFUSED, /* the server refuses this request as asked (other 4xx) */
    PENSTOCK_ERROR_TOO_LARGE, /* the answer is over the ceiling: ask for less */
    PENSTOCK_ERROR_DATA,      /* bytes that do not mean what they should */
    PENSTOCK_ERROR_CONFIG,    /* the person must change a setting (exit 2) */
    PENSTOCK_ERROR_STORAGE,   /* the destination failed: full, unreachable, not writable */
    PENSTOCK_ERROR_FENCED,    /* another writer owns this connection now (exit 75) */
    PENSTOCK_ERROR_GUARD,     /* a safety guard asks a person before deleting */
    PENSTOCK_ERROR_CANCELLED, /* asked to stop (exit 75) */
    PENSTOCK_ERROR_BUG,       /* our own fault */
};

/* What rides along with an error; zeroed when unknown. */
struct error_detail {
    int origin_code;        /* HTTP status, SQLite or SQLSTATE code, errno */
    int64_t retry_after_ms; /* what the server asked for; 0 = nothing said */
    char request_id[64];    /* x-correlation-id of the answer */
};

GQuark penstock_error_quark(void);

/* Never NULL; a static zeroed record for errors of other domains. */
const struct error_detail *error_detail(const GError *error);
/* Sets details on an error of our domain, no-op on others. */
void error_set_detail(GError *error, const struct error_detail *detail);
/* True when *error is of our domain with this code. */
bool error_is(const GError *error, enum penstock_error code);
/* "retry", "throttled" …: the fixed word for logs and JSON; "other" for an error of another domain,
 * or none. */
const char *error_code_name(const GError *error);

#define error_setf(error, code, ...) g_set_error(error, PENSTOCK_ERROR, code, __VA_ARGS__)

#endif
