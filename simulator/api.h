/* One API request from token to answer: credentials, limits, faults, routing, price. Knows no HTTP
 * library; the transport faults that it decides on are carried out in http.c. */
#ifndef SIM_API_H
#define SIM_API_H

#include "sim.h"

enum {
    REPLY_HEADERS = 12
};

struct reply {
    int status;
    struct buf body;
    const char *content_type;
    struct {
        const char *name;
        char value[48];
    } headers[REPLY_HEADERS];
    int n_headers;
    struct fault fault; /* what the transport has to do; kind FAULT_NONE: send it */
    int64_t latency_ms;
};

struct api_call {
    const char *method, *path, *query; /* path without query; query raw, for matching and notes */
    const char *token;                 /* NULL: none sent */
    /* The value of a query parameter, decoded; NULL: absent. */
    const char *(*arg)(void *from, const char *name);
    /* The first parameter whose name no endpoint knows; NULL: none. */
    const char *(*unknown)(void *from);
    void *from;
};

void api_answer(struct sim *sim, const struct api_call *call, struct reply *reply);
void reply_header(struct reply *reply, const char *name, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

#endif
