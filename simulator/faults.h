/* Faults on request: which request is hit, and how. Guards itself; knows no HTTP library. */
#ifndef SIM_FAULTS_H
#define SIM_FAULTS_H

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

#include "buf.h"

enum fault_kind {
    FAULT_NONE,
    FAULT_STATUS,
    FAULT_TRUNCATE,
    FAULT_RESET,
    FAULT_RESET_BODY,
    FAULT_SLOW,
    FAULT_HTML,
    FAULT_NULL,
    FAULT_EMPTY,
    FAULT_GARBAGE,
    FAULT_BAD_UTF8,
    FAULT_DEEP,
    FAULT_PAD,
    FAULT_NO_ID,
    FAULT_REPEAT_CURSOR,
    FAULT_BURST429,
    FAULT_DAILY429,
    FAULT_BLOCK403,
    FAULT_WRONG_SHAPE,
    FAULT_SUCCESS_FALSE,
    FAULT_LATENCY,
    FAULT_HANG,
    N_FAULT_KINDS,
};

struct fault {
    enum fault_kind kind;
    int number;
    char *path, *query; /* prefix of the path; text within the query; NULL: any */
    int company;        /* 0: any */
    int64_t nth, count; /* count 0: for ever */
    double probability; /* < 0: by count */
    int64_t seen, fired;
    /* arguments, by kind */
    int64_t amount;  /* status, depth, bytes, ms, bytes per second, retry_after */
    double fraction; /* of the body */
    char *shape;
};

struct faults {
    GMutex lock;
    GPtrArray *list;
    int last_number;
    uint64_t dice;
    int64_t total_fired;
};

void faults_init(struct faults *f, uint64_t seed);
void faults_done(struct faults *f);
int fault_kind_by_name(const char *name); /* -1: unknown */
/* What `amount` is called for a kind, and its default. */
const char *fault_amount_name(enum fault_kind kind, int64_t *ret_default);
/* Takes the fault; returns its number. */
int faults_add(struct faults *f, struct fault *fault);
void faults_clear(struct faults *f);
int64_t faults_fired(struct faults *f);
/* The fault that hits this request, as a copy with borrowed texts (kind FAULT_NONE: none), and its
 * latency. */
struct fault faults_take(struct faults *f, const char *path, const char *query, int company,
                         int64_t *ret_latency_ms);
/* Changes a finished body as the kind says; `cursor` is the cursor that the client sent, or NULL.
 */
void fault_change_body(const struct fault *fault, struct buf *body, const char *cursor);

#endif
