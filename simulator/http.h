/* The listener: the only user of libmicrohttpd. Turns connections into API requests and admin
 * operations. */
#ifndef SIM_HTTP_H
#define SIM_HTTP_H

#include "sim.h"

struct http;

/* NULL when the port cannot be had. */
struct http *http_start(struct sim *sim, int port);
int http_port(const struct http *h);
/* Closes the listener and every connection. */
void http_stop(struct http *h);

#endif
