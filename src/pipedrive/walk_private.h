/* What the kinds of walks share among themselves. */
#ifndef PENSTOCK_PIPEDRIVE_WALK_PRIVATE_H
#define PENSTOCK_PIPEDRIVE_WALK_PRIVATE_H

#include "pipedrive/walk.h"

struct walk_ops {
    void (*request)(const struct walk *, GString *path);
    bool (*decode)(const struct walk *, struct decoder *, const struct json_value *, struct batch *,
                   struct page_facts *, GError **);
    bool (*advance)(struct walk *, const struct json_value *, const struct page_facts *,
                    const struct batch *, instant_t, struct walk_step *, GError **);
};

/* A page that was asked for ahead, and once it is here the ids of its first and last row. */
struct page_ahead {
    int64_t start;
    bool is_here;
    int64_t first, last;
};

/* What a walk by offset knows about what lies ahead. Of this run alone. */
struct ahead {
    GArray *asked;   /* struct page_ahead: asked for, and neither taken nor dropped */
    int64_t stride;  /* rows from a page's start to the next one's; 0 = no page yet */
    int64_t reach;   /* so many rows does the list have at least, */
    int64_t end;     /* and at most; 0 = unknown */
    unsigned leaps;  /* guesses that found something */
    unsigned pages;  /* that were taken */
    unsigned missed; /* pages that lay behind the end */
    unsigned lost;   /* that brought nothing for another reason */
};

struct walk {
    const struct walk_ops *ops;
    const struct stream *stream;
    unsigned list;
    enum leg leg;
    struct stream_state *state;
    struct walk_state *head, *range; /* of a list: the leg's first window, and the one it reads */
    instant_t until;  /* upper bound of its requests: it stays, or cursors would not fit */
    bool knows_gated; /* its requests leave the gated names out */
    unsigned limit;   /* rows a page, halved when pages are too large */
    char *cursor;     /* of the next page */
    char *marker;     /* a cursor seen before: Brent's way to notice that they go in a circle */
    unsigned pages, marker_due;
    bool suspects_gated;   /* the gated names were dropped, and no answer has proved it right yet */
    instant_t anchor_time; /* files, newest first: update_time of the anchor */
    instant_t newest_time; /* of the rows that it read, in whatever order; NONE */
    GArray *seen;          /* WALK_WHOLE: int64_t */
    GArray *parents;       /* struct parent */
    int64_t start;         /* WALK_FLOW: offset of the next page */
    GArray *group;         /* WALK_LINES: ids of the deal under way */
    int64_t group_parent;  /* 0 = none yet */
    int64_t record;        /* the record that is asked for by id; 0 = none */
    GHashTable *finished;  /* WALK_LINES: deals whose set is complete */
    struct ahead ahead;
};

struct walk *walk_alloc(const struct walk_ops *ops, const struct stream *stream);
/* additional_data.next_cursor, or NULL; DATA when the cursors go in a circle. */
bool walk_next_cursor(struct walk *walk, const struct json_value *root, char **ret, GError **error);
/* v1: is there more, wherever the answer says so. */
bool page_has_more(const struct json_value *root);
/* The next page begins with the last row of this one, which then shows that nothing moved. */
void overlap_pages(struct walk_state *range, const struct page_facts *facts);
/* "include_fields=…", behind this separator, without those that the plan refuses if gated; nothing
 * where the stream has none. */
void append_includes(const struct stream *stream, bool gated, char separator, GString *path);
void append_instant(GString *path, const char *parameter, instant_t instant);
struct walk_state *walk_range(const struct walk *walk);

extern const struct walk_ops walk_cursor_ops, walk_notes_ops, walk_files_ops, walk_whole_ops;

/* Shared by notes and files: ascending by id with offsets, pages overlapping by one row. */
bool advance_by_id(struct walk *walk, const struct json_value *root, const struct page_facts *facts,
                   struct walk_step *step);
/* The walk of a window ended: with the last of them ends the leg, which moves the bookmark and
 * forgets its walks. */
void finish_window(struct walk *walk);
/* Rows up to `time` were read. */
void move_watermark(struct walk *walk, instant_t time);
/* --- walk_windows.c --- */
struct walk *walk_new_window(const struct stream *stream, unsigned list, enum leg leg,
                             struct stream_state *state, struct walk_state *range);
/* Up to where all was read, without a gap; NONE = nowhere. */
instant_t windows_reached(const struct walk_state *head);
bool windows_are_done(const struct walk_state *head);
/* Looks at an answer before the walk moves. False: DATA, the server does not heed the bounds. */
bool window_look(struct walk *walk, const struct page_facts *facts, struct walk_step *step,
                 GError **error);
/* --- walk_ahead.c --- */
/* A page by id was taken that has more behind it; the walk has not moved yet. */
void walk_ahead_note(struct walk *walk, const struct page_facts *facts);

#endif
