/* A walk driven by hand: requests are looked at, answers are texts, no I/O. */
#ifndef PENSTOCK_TESTS_UNIT_WALKS_H
#define PENSTOCK_TESTS_UNIT_WALKS_H

#include "pages.h"
#include "pipedrive/walk.h"

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
/* As if the process had been killed after the last answer was committed: the state travels through
 * its JSON, and the same leg goes on. */
void walks_restart(struct walks *w);
/* Builds the decoder anew, after the state learned that names are gated. */
void walks_build_decoder(struct walks *w);

/* path, and the parameters in any order: "limit=500 sort=id%20ASC". */
void walks_assert_request(const struct walks *w, const char *path, const char *parameters);
char *walks_request(const struct walks *w);
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
