/* Memory: what a destination remembers, read without writing. For the commands that only look. */
#ifndef PENSTOCK_SYNC_MEMORY_H
#define PENSTOCK_SYNC_MEMORY_H

#include "pipedrive/fields.h"
#include "pipedrive/state.h"
#include "sync/sync.h"

struct identity;

struct memory {
    struct destination *dest;
    GHashTable *states;   /* name → JSON text */
    struct batch *fields; /* every row of _penstock_fields */
    struct table *fields_table, *state_table;
    enum metadata_style metadata; /* of its tables */
    struct json_parser *parser;
    struct arena *arena; /* parsed states live here */
};

MUST_USE bool memory_open(struct memory *memory, const struct sync_settings *settings,
                          bool read_only, GError **error);
/* Read-only too, but fails where a sync could not write. */
MUST_USE bool memory_probe(struct memory *memory, const struct sync_settings *settings,
                           GError **error);
void memory_close(struct memory *memory);
/* Is nothing remembered? A look before a change: opening to write would create what is not there.
 */
MUST_USE bool memory_look(const struct sync_settings *settings, bool *ret_empty, GError **error);
/* The parsed value of a state, NULL if there is none. */
const struct json_value *memory_state(struct memory *memory, const char *name);
/* A stream's state, empty where nothing is remembered; stream_state_done() it. */
MUST_USE bool memory_stream(struct memory *memory, const struct stream *stream,
                            struct stream_state *ret, GError **error);
/* Deals that wait for a child. */
MUST_USE bool memory_backlog(struct memory *memory, const char *child, int64_t *ret,
                             GError **error);
/* CONFIG when the destination holds another company than the token's. */
MUST_USE bool memory_check_company(struct memory *memory, const struct identity *who,
                                   GError **error);
bool memory_is_selected(const struct sync_settings *settings, const struct stream *stream);
enum fields_mode memory_fields_mode(const struct sync_settings *settings);
/* None yet, and no column of theirs will be called as one of the database's own. */
struct fields *memory_fields_new(const struct sync_settings *settings, const struct stream *stream);

#endif
