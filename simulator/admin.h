/* The admin API under /_sim/: JSON in, JSON out, no token. Knows no HTTP library. */
#ifndef SIM_ADMIN_H
#define SIM_ADMIN_H

#include "sim.h"

/* `what` is the path behind /_sim/. Both write the answer and return the status. */
int admin_post(struct sim *sim, const char *what, const char *body, size_t n, struct buf *ret);
int admin_get(struct sim *sim, const char *what, const char *(*arg)(void *, const char *),
              void *from, struct buf *ret);

#endif
