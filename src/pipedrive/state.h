/* What a stream remembers between runs, as a record and as the JSON that _penstock_state keeps.
 *
 * Bookmarks are watermarks: everything up to them has been read, whatever happens later; every one
 * of them is at most the server's time at the beginning of its walk (T0) less STATE_OVERLAP. A
 * cursor is only ever a hint beside one. Owner: I/O thread; serialised into the commit of the rows
 * that it speaks of. */
#ifndef PENSTOCK_PIPEDRIVE_STATE_H
#define PENSTOCK_PIPEDRIVE_STATE_H

#include "base/clock.h"
#include "pipedrive/catalog.h"
#include "json/json.h"

/* Time that a change may take to become visible in lists: read again by the next walk. */
#define STATE_OVERLAP (60 * INSTANT_SECOND)
/* A record that was younger than this when it was read may have changed once more within the second
 * of its update_time: when the overlap brings it again, its children are read again too. */
#define STATE_UNSETTLED (10 * INSTANT_SECOND)

enum walk_mode {
    MODE_TIME,   /* ascending update_time from a watermark */
    MODE_ID,     /* ascending id, once: for rows that have no update_time, and for files */
    MODE_NEWEST, /* descending update_time down to the bookmark: files */
};

/* The look for rows without update_time, which a first load takes at both ends of the list. */
enum walk_probe {
    PROBE_NONE,
    PROBE_FIRST, /* one page from the old end */
    PROBE_LAST,  /* one row from the new end */
};

/* What this run saw of a window, to judge whether a cut pays. Not kept. */
struct window_sight {
    unsigned pages;
    unsigned page_rows;  /* of the fullest */
    int64_t highest_id;  /* about as many rows does the list have at most */
    instant_t last_time; /* of the newest page; NONE = no page yet */
    instant_t page_span; /* how far a page reaches in time, the newest counting most */
    bool is_whole;       /* the server does not heed the bounds: cut no more */
};

/* A walk under way. By time, it may be cut into windows that are walked side by side: each ends
 * where the next one begins, and the leg is over when all of them are done. */
struct walk_state {
    bool active;
    bool done; /* this window was read to its end, others were not */
    enum walk_mode mode;
    enum walk_probe probe; /* the next request is this one */
    instant_t from;        /* inclusive lower bound; NONE = from the beginning */
    instant_t until;       /* exclusive upper bound; NONE = up to T0 */
    instant_t since;       /* MODE_TIME: updated_since of the requests under way */
    instant_t at;          /* watermark: read up to here */
    instant_t t0;          /* the server's time when it began */
    char *cursor;          /* hint: MODE_ID, or a tie group larger than a page */
    int64_t start;         /* offset lists: within `since` (notes) or from the beginning */
    int64_t anchor; /* offset lists: id of the row that the next page must begin with; 0 = any */
    struct walk_state *next; /* the window behind this one, owned; NULL = this is the last */
    struct window_sight seen;
};

struct list_state {
    bool loaded;        /* the first load is complete */
    bool has_nulls;     /* the first load met rows without update_time: only a walk by id has all */
    instant_t floor;    /* what the first load was bounded by; NONE = everything */
    instant_t bookmark; /* NONE = nothing yet */
    instant_t done_at;  /* T0 of the last walk that ended */
    instant_t newest;   /* time of the newest row; NONE = none is known */
    struct walk_state walk;
    struct walk_state stretch; /* a lowered start date: [walk.from, walk.until) */
};

/* How far a full pass is. */
enum pass_step {
    PASS_WALK,  /* reading the lists */
    PASS_JUDGE, /* they are read: how many stored rows did it not see? */
    PASS_ASK,   /* asking for those one by one */
};

/* A full pass: it reads a table's lists from end to end, whatever the bookmarks say. Its walks move
 * no bookmark; the ids that it saw are kept by the sync, beside this state. */
struct pass_state {
    bool open;
    enum pass_step step;
    bool twice;   /* a small table that seems to have lost more than half is read a second time */
    unsigned leg; /* how many of its walks are complete */
    instant_t t0; /* the server's time when it began */
    instant_t refused_at; /* when the guard first asked a person; NONE = it did not */
    int64_t rows;         /* that its walks brought */
    struct walk_state walk;
};

/* A parent read within the overlap: it will be read again, and is no news then. */
struct recent_row {
    int64_t list; /* that showed it */
    int64_t id;
    instant_t time;
};

struct stream_state {
    struct list_state lists[STREAM_MAX_LISTS];
    bool again_done;     /* deals: the archived list was read a second time after the first load */
    bool gated;          /* gated include fields were refused */
    bool as_json;        /* its rows hold the custom fields as JSON */
    bool hopeless;       /* children: the last run gave up, one answer after another failed */
    bool seeded;         /* children: the queue holds or held every parent of before */
    instant_t fields_at; /* when the list of custom fields was last read */
    instant_t full_at;   /* deal_products: when all deals were last queued */
    struct pass_state pass;
    instant_t
        pass_at;    /* T0 of the last full pass that ended; of the first load, which is one too */
    GArray *recent; /* struct recent_row; deals without a table only */
    /* Of this run alone, over all lists: pages that were read by time, and cuts. Not kept. */
    unsigned pages, cuts;
};

void stream_state_init(struct stream_state *state);
void stream_state_done(struct stream_state *state);
/* Frees what a walk holds, the windows behind it too, and makes it inactive. */
void walk_state_clear(struct walk_state *walk);
/* Cuts a window in two: it ends at `at` now. Returns the one that begins there. */
struct walk_state *walk_state_cut(struct walk_state *walk, instant_t at);
/* Undoes the cut behind this window, whose neighbour is forgotten. */
void walk_state_rejoin(struct walk_state *walk);
/* The last of its windows, maybe itself. */
struct walk_state *walk_state_last(struct walk_state *walk);
/* Forgets a full pass. */
void pass_state_clear(struct pass_state *pass);

/* Appends the JSON. */
void stream_state_write(const struct stream_state *state, const struct stream *stream,
                        GString *out);
/* From JSON that stream_state_write() made; DATA for anything else. state must be initialised. */
MUST_USE bool stream_state_read(struct stream_state *state, const struct stream *stream,
                                const struct json_value *root, GError **error);

/* Before a run's walks begin. Where the state speaks of times that are still to come, the server's
 * clock was ahead when it was written: nothing waits until then, and bookmarks go back to what rows
 * prove, or, without any, a full pass is due. True where it was so. */
bool stream_state_heed_clock(struct stream_state *state, const struct stream *stream,
                             instant_t now);

/* The bookmark of the whole stream: the oldest of its lists'; NONE while one has none. */
instant_t stream_state_bookmark(const struct stream_state *state, const struct stream *stream);

#endif
