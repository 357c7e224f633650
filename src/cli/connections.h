/* Connections: what a command works on: settings for the engine, made from options, environment and
 * configuration. Thread: main only. */
#ifndef PENSTOCK_CLI_CONNECTIONS_H
#define PENSTOCK_CLI_CONNECTIONS_H

#include "cli/options.h"
#include "sync/sync.h"

/* The environment variable that holds the token when there is no configuration file. */
#define TOKEN_VARIABLE "PIPEDRIVE_API_TOKEN"

struct connection {
    struct sync_settings settings; /* points into the fields below */
    char *name;
    char *destination;    /* the URL without its password, for people; NULL = none given */
    char *destination_id; /* equal for two connections that write into the same database */
    char *token_reference, *url, *schema, *api_url, *state_dir;
    char **tables;
    struct secret *token; /* NULL where the command needs none and none was found */
};

enum connection_needs {
    NEEDS_DESTINATION = 1,
    NEEDS_TOKEN = 2,
    WANTS_TOKEN = 4,    /* discover: takes one if there is one */
    NEEDS_ONE_NAME = 8, /* reset: never all by accident */
};

/* The connections that the person means, in the file's order; GPtrArray of struct connection. Names
 * that are left over (tables of a reset) are in the connection's settings. Errors: CONFIG. */
MUST_USE bool connections_new(const struct options *options, unsigned needs, GPtrArray **ret,
                              GError **error);

/* Names of all connections in the configuration file, for the completion; no file is an empty list.
 */
char **connection_names(const struct options *options);

#endif
