/* Config: penstock.yaml, a list of connections.
 *
 * The shape is one libcyaml schema (config_schema.c). libcyaml fills the structs; config_lint.c
 * walks the same schema over libyaml's document first, because a person needs the line, the
 * connection and the known keys. No message repeats a value under api_token, nor anything that
 * could be a token in a wrong place. May not know: which destinations and tables exist (settings.c
 * asks the engine). Thread: main only. */
#ifndef PENSTOCK_CLI_CONFIG_H
#define PENSTOCK_CLI_CONFIG_H

#include "base/clock.h"
#include "base/error.h"
#include "sync/budget.h"

#define CONFIG_DEFAULT_FILE "penstock.yaml"
/* A longer file is no configuration. */
#define CONFIG_MAX_BYTES (1024 * 1024)

enum gateway {
    GATEWAY_NONE
};

struct config_every {
    char *hot, *archived, *full;
};

/* "20%" or a number of tokens; budget.h says what they mean. */
struct config_budget {
    char *per_day, *reserve, *backfill, *tokens;
};

/* As written in the file; what is not there is NULL or 0. */
struct config_connection {
    char *name;
    char *api_token; /* "env:NAME" or "file:PATH" */
    char *destination;
    char *schema;
    char *start_date;
    char *api_url;
    int gateway; /* enum gateway */
    char **tables;
    unsigned table_count;
    int custom_fields; /* enum custom_fields_mode */
    int dealflow;      /* enum dealflow_mode */
    int metadata;      /* enum metadata_style */
    struct config_every every;
    int deletes; /* enum deletes_mode */
    char *full_every;
    char *refresh_every;
    struct config_budget budget;
};

struct config_document {
    struct config_connection *connections;
    unsigned connection_count;
};

/* What the texts of a connection mean. */
struct config_values {
    instant_t start_date; /* INSTANT_NONE = not given */
    int64_t every_s[3]; /* hot, archived, full: the order of enum interval_class; -1 = not given */
    int64_t full_every_s;    /* -1 = not given */
    int64_t refresh_every_s; /* 0 = never, -1 = not given */
    struct budget_settings budget;
};

struct config {
    char *path;
    struct config_document *document;
    struct config_values *values; /* one a connection */
    GHashTable *lines;            /* "connections[0].schema" → line */
};

/* CONFIG errors read 'penstock.yaml:7: connection "acme": unknown key "tabels"; …'. */
MUST_USE bool config_load(const char *path, struct config **ret, GError **error);
/* path is only for messages. */
MUST_USE bool config_parse(const char *path, const char *bytes, size_t length, struct config **ret,
                           GError **error);
void config_free(struct config *config);

/* A CONFIG error at the line of a connection's key ("tables"), or of the connection when the key is
 * not there. */
void config_error(const struct config *config, unsigned connection, const char *key, GError **error,
                  const char *format, ...) G_GNUC_PRINTF(5, 6);

#endif
