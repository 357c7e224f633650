/* Views: keeps the readable views of a destination as its tables and fields are.
 *
 * A person asks for them once (the command `views`); the row "views" of the state remembers it, and
 * from then on the loader replaces them in the commits that change what they show. Every entry is
 * harmless to repeat. Thread: that of the destination. */
#ifndef PENSTOCK_SYNC_VIEWS_H
#define PENSTOCK_SYNC_VIEWS_H

#include "model/destination.h"
#include "pipedrive/fields.h"

#define VIEWS_STATE "views" /* name of the state's row */

struct views {
    struct destination *dest;
    enum metadata_style metadata;        /* of its tables */
    struct fields *fields[STREAM_COUNT]; /* copies; NULL where a stream has none */
    GString *remarks;                    /* what a person should know, a sentence; "" = nothing */
    GHashTable *told;                    /* names of views that it spoke of */
};

struct views *views_new(struct destination *dest, enum metadata_style metadata);
/* Accepts NULL. */
void views_free(struct views *views);
/* Rows of _penstock_fields, newer than what was learned before. */
void views_learn(struct views *views, const struct batch *fields);

/* One view as it was made. */
struct view_report {
    char *name;
    const char *table;
    enum view_result result;
    unsigned columns, labels, names; /* all; of them labels of options, names behind ids */
};

/* Replaces those that show anything of the stream's table (NULL: every one). Inside a transaction
 * where DDL is transactional. reports (may be NULL): appends a struct view_report a view. */
MUST_USE bool views_replace(struct views *views, const struct stream *changed, GArray *reports,
                            GError **error);
MUST_USE bool views_drop(struct views *views, unsigned *ret_dropped, GError **error);
/* All rows of _penstock_options anew. */
MUST_USE bool views_write_options(struct views *views, GError **error);
void view_report_clear(void *report);

#endif
