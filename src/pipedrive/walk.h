/* Walk: the way through one list. It says which request is next and what an answer means for the
 * state; it does no I/O.
 *
 *     loop: walk_request → (send) → walk_decode → walk_advance, until step.done
 *
 * walk_decode() changes nothing but the batch, so an answer may be decoded again (after a new
 * custom field was learned). walk_advance() moves the state; the caller commits rows and state
 * together. Owner: I/O thread. */
#ifndef PENSTOCK_PIPEDRIVE_WALK_H
#define PENSTOCK_PIPEDRIVE_WALK_H

#include "pipedrive/page.h"
#include "pipedrive/state.h"

/* Which walk of a time-ordered list. */
enum leg {
    LEG_HEAD,    /* first load, or what changed since the bookmark */
    LEG_AGAIN,   /* after a first load: the archived deals a second time */
    LEG_STRETCH, /* what a lowered start date uncovered */
    LEG_PASS,    /* one walk of a full pass, which brings what moves no update_time */
    LEG_CONFIRM, /* the end of a full pass: rows that it did not see are asked for, one by one */
};

/* A deal whose children are to be read, as the queue holds it. */
struct parent {
    int64_t id;
    int64_t count;  /* products_count; -1 = unknown */
    instant_t time; /* its update_time */
    int64_t tries;
    int64_t priority;
};

/* One parent whose answer is complete. */
struct walk_group {
    int64_t parent;
    bool replace; /* lines that were not seen are to be flagged */
    GArray *seen; /* int64_t */
};

/* What one answer brought, beside rows. */
struct walk_step {
    struct page_facts facts;
    bool done;          /* this walk has nothing more to ask, */
    bool ends_leg;      /* and neither have those of the other windows */
    bool is_given_back; /* a window that the server does not heed: its neighbour reads it */
    bool discard_rows;  /* a probe: its rows are not to be written */
    bool sweep;         /* done, and what walk_seen() doesn't hold is gone */
    bool found_gated;   /* the plan does not allow the gated names: they were left out */
    GArray *groups;     /* struct walk_group; NULL = none */
    GArray *ask_alone;  /* struct parent: their lines differ from their count */
};
void walk_step_done(struct walk_step *step);

struct walk;

/* A list of the catalog: the first window of the leg that is not done. state outlives the walk and
 * is what it moves. */
struct walk *walk_new_list(const struct stream *stream, unsigned list, enum leg leg,
                           struct stream_state *state);
/* The walk of the next window that is not done; NULL = there is none. */
struct walk *walk_new_next(const struct walk *walk);
/* Prepares the state of a leg that begins now; a walk that is under way goes on instead. from: the
 * start date. */
void walk_begin_leg(const struct stream *stream, unsigned list, enum leg leg,
                    struct stream_state *state, instant_t from);
/* What the leg moves: its first window. */
const struct walk_state *walk_leg_state(unsigned list, enum leg leg,
                                        const struct stream_state *state);
/* The time up to which the leg will have read when it ends; NONE = it has not begun to. */
instant_t walk_leg_t0(unsigned list, enum leg leg, const struct stream_state *state);
/* Cuts the longest window of the walk's leg and returns the walk of its later half. NULL where that
 * does not pay: all cuts of a leg cost at most 2 % more calls, or one. */
struct walk *walk_cut(const struct walk *walk);

/* Reading ahead, in lists by offset: pages are asked for side by side, and decoded and advanced
 * over in their turn, as if each had been asked for then.
 *
 * The start of a page to ask for now, while the walk's own request is under way. False where none
 * pays: what comes to nothing is at most 2 % of the calls, or one. most: pages that are asked
 * for at a time. */
MUST_USE bool walk_ahead(struct walk *walk, unsigned most, int64_t *ret_start);
void walk_request_ahead(const struct walk *walk, int64_t start, GString *path);
/* Its answer came, and shows how long the list is. False: it lies behind the end, and is forgotten.
 */
bool walk_glimpse(struct walk *walk, int64_t start, const struct json_value *root);
enum walk_place {
    PLACE_NEXT,  /* it brings what walk_request() asks for */
    PLACE_LATER, /* its turn will come */
    PLACE_NONE,  /* it brings nothing */
};
enum walk_place walk_place_of(const struct walk *walk, int64_t start);
/* What is decoded and advanced over now is this page, which is here and next. */
void walk_ahead_take(struct walk *walk, int64_t start);
/* It never will be. */
void walk_ahead_drop(struct walk *walk, int64_t start);

/* Lines of up to 100 deals, or of one alone. Copies parents. */
struct walk *walk_new_lines(const struct stream *stream, const struct parent *parents,
                            unsigned count);
/* One record, asked for by its id. */
struct walk *walk_new_record(const struct stream *stream, int64_t id, struct stream_state *state);
struct walk *walk_new_flow(const struct stream *stream, const struct parent *parent);
/* Accepts NULL. */
void walk_free(struct walk *walk);

/* Appends path and query of the next request. */
void walk_request(const struct walk *walk, GString *path);
/* false: DATA. Bounds the rows to the walk's range. */
MUST_USE bool walk_decode(const struct walk *walk, struct decoder *decoder,
                          const struct json_value *root, struct batch *batch,
                          struct page_facts *ret, GError **error);
/* date: the answer's Date. ret is initialised by the call; walk_step_done() it on success. */
MUST_USE bool walk_advance(struct walk *walk, const struct json_value *root,
                           const struct page_facts *facts, const struct batch *batch,
                           instant_t date, struct walk_step *ret, GError **error);
/* An error that the walk can live with: drops gated names or a stale cursor, and true: ask again.
 */
bool walk_refused(struct walk *walk, const GError *error);
/* The page was too large: ask for half. False when one row is already the limit. */
bool walk_ask_less(struct walk *walk);

/* The lists that a full pass reads, in order; deals change between theirs meanwhile, so one comes
 * twice. Returns how many, at most PASS_MAX_WALKS; 0: the stream is read whole anyway, or deal by
 * deal. */
#define PASS_MAX_WALKS 3
unsigned walk_pass_lists(const struct stream *stream, unsigned ret[PASS_MAX_WALKS]);

unsigned walk_list(const struct walk *walk);
int walk_cost(const struct walk *walk);
/* The id that walk_new_record() was given; 0 for all others. */
int64_t walk_record(const struct walk *walk);
/* WALK_WHOLE: ids of all rows so far. */
const GArray *walk_seen(const struct walk *walk);
/* WALK_LINES, WALK_FLOW: the parents that it reads. */
const struct parent *walk_parents(const struct walk *walk, unsigned *ret_count);

#endif
