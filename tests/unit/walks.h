/* A walk driven by hand: requests are looked at, answers are texts, no I/O. */
#ifndef PENSTOCK_TESTS_UNIT_WALKS_H
#define PENSTOCK_TESTS_UNIT_WALKS_H

#include "pages.h"
#include "pipedrive/walk.h"

#define T0      "2026-11-24T12:00:00Z"
#define OVERLAP "2026-11-24T11:59:00Z" /* T0 less 60 s: the most that a bookmark may say */

#define ROW(id, time) "{'id':" #id ",'update_time':'" time "'}"
/* A row that was never changed. */
#define NEW(id, time) "{'id':" #id ",'update_time':null,'add_time':'" time "'}"

#define V2(rows, cursor)                                                                           \
    "{'success':true,'data':[" rows "],'additional_data':{'next_cursor':" cursor "}}"
#define LAST(rows)       V2(rows, "null")
#define MORE(rows, name) V2(rows, "'" name "'")
#define V1(rows, more)                                                                             \
    "{'success':true,'data':[" rows "],'additional_data':{'pagination':{'start':0,'limit':100,"    \
    "'more_items_in_collection':" more "}}}"

struct walks {
    struct pages *pages;
    const struct stream *stream;
    struct stream_state state;
    struct table *table;
    struct decoder *decoder;
    struct batch *batch; /* of the last answer */
    struct walk *walk;
    unsigned list;
    enum leg leg;
    instant_t from; /* the start date */
    instant_t date; /* the Date of the next answer */
    struct walk_step step;
    GError *error;
};

void walks_init(struct walks *w);
void walks_done(struct walks *w);
/* Chooses the stream, with a state that knows nothing. */
void walks_choose(struct walks *w, enum stream_id id);
/* Begins a leg as the sync does. */
void walks_begin(struct walks *w, unsigned list, enum leg leg, instant_t from);
/* What changed since the bookmark, or a first load of everything. */
void walks_begin_head(struct walks *w);
/* A start date that was lowered from floor. */
void walks_begin_stretch(struct walks *w, const char *floor, instant_t from);
/* The first load is over; everything up to this time was read. */
void walks_pretend_loaded(struct walks *w, const char *bookmark);
/* As if the process had been killed after the last answer was committed: the state travels through
 * its JSON, and the same leg goes on. */
void walks_restart(struct walks *w);
/* Builds the decoder anew, after the state learned that names are gated. */
void walks_build_decoder(struct walks *w);

/* path, and the parameters in any order: "limit=500 sort=id%20ASC". */
void walks_assert_request(const struct walks *w, const char *path, const char *parameters);
char *walks_request(const struct walks *w);
/* Does the request hold this text? */
bool walks_asks_for(const struct walks *w, const char *text);
/* Takes an answer; false when decoding or advancing failed. Single quotes stand for double ones. */
bool walks_try(struct walks *w, const char *document);
/* Asserts that it is taken. */
void walks_answer(struct walks *w, const char *format, ...) G_GNUC_PRINTF(2, 3);
/* A failure with this HTTP status. */
bool walks_refused(struct walks *w, enum penstock_error code, int status);

struct list_state *walks_list(struct walks *w);
struct walk_state *walks_range(struct walks *w);
/* The ids of the last answer's rows: "1 2 3". */
void walks_assert_rows(const struct walks *w, const char *ids);

#define assert_step(w, is_done, discards)                                                          \
    G_STMT_START                                                                                   \
    {                                                                                              \
        g_assert_cmpint((w)->step.done, ==, is_done);                                              \
        g_assert_cmpint((w)->step.discard_rows, ==, discards);                                     \
    }                                                                                              \
    G_STMT_END

#endif
