/* Reading ahead: pages of a list by offset and in order of id, asked for side by side and taken one
 * after the other.
 *
 * Whichever page the server read first, each is an unbroken stretch of the list as it was at some
 * time after T0. So one that begins at the last id that was read, or before it, leaves none out,
 * and what was created, edited or brought back since T0 is read by the next walk. Where rows went
 * meanwhile a page begins behind that id: it waits until the walk itself has asked for what slipped
 * away.
 *
 * By time it would not do: a row that is edited moves, and rows of one second may stand in another
 * order each time, so that two pages which share a row of it may leave out another one. Such walks
 * are cut into windows.
 *
 * Pages are sure where the list was seen to reach over them. Behind that one guess leaps ahead,
 * farther each time, and what lies before it is sure when it comes; one that finds nothing tells
 * where the end is. */
#include "pipedrive/walk_private.h"

/* Calls that came to nothing, of all calls, or one. */
#define LOSS_SHARE 0.02
/* Shorter lists are read page after page, since most lists are short. */
#define PAGES_BEFORE 5
#define LEAP_FIRST   4
#define LEAPS_MOST   5

/* --- what was asked for --- */

static unsigned count_asked(const struct ahead *ahead)
{
    return ahead->asked ? ahead->asked->len : 0;
}

static struct page_ahead *asked_at(const struct ahead *ahead, unsigned index)
{
    return &g_array_index(ahead->asked, struct page_ahead, index);
}

static struct page_ahead *find_asked(const struct ahead *ahead, int64_t start)
{
    for (unsigned i = 0; i < count_asked(ahead); i++)
        if (asked_at(ahead, i)->start == start)
            return asked_at(ahead, i);
    return NULL;
}

static void forget(struct ahead *ahead, int64_t start)
{
    for (unsigned i = count_asked(ahead); i-- > 0;)
        if (asked_at(ahead, i)->start == start)
            g_array_remove_index_fast(ahead->asked, i);
}

void walk_ahead_drop(struct walk *walk, int64_t start)
{
    walk->ahead.lost += find_asked(&walk->ahead, start) != NULL;
    forget(&walk->ahead, start);
}

void walk_ahead_take(struct walk *walk, int64_t start)
{
    walk->range->start = start;
    forget(&walk->ahead, start);
}

enum walk_place walk_place_of(const struct walk *walk, int64_t start)
{
    const struct page_ahead *page = find_asked(&walk->ahead, start);
    const struct walk_state *range = walk->range;

    if (!page || (page->is_here ? page->last <= range->anchor : start < range->start))
        return PLACE_NONE;
    if (page->is_here)
        return page->first <= range->anchor ? PLACE_NEXT : PLACE_LATER;
    return start == range->start ? PLACE_NEXT : PLACE_LATER;
}

/* --- what pages show --- */

static void note_reach(struct ahead *ahead, int64_t reach)
{
    ahead->reach = MAX(ahead->reach, reach);
    if (ahead->reach > ahead->end)
        ahead->end = 0;
}

void walk_ahead_note(struct walk *walk, const struct page_facts *facts)
{
    struct ahead *ahead = &walk->ahead;

    ahead->pages++;
    ahead->stride = (int64_t)facts->records - 1;
    note_reach(ahead, walk->range->start + facts->records + 1);
}

/* Without one a page joins nothing, and the walk asks itself. */
static int64_t id_of(const struct json_value *record)
{
    int64_t id;

    return json_int64(json_member(record, "id"), &id) ? id : INT64_MAX;
}

/* Returns how many records it has. */
static int64_t look_at(struct page_ahead *page, const struct json_value *root)
{
    int64_t rows = 0;

    for (json_each_item(record, json_member(root, "data"))) {
        if (rows++ == 0)
            page->first = id_of(record);
        page->last = id_of(record);
    }
    page->is_here = true;
    return rows;
}

bool walk_glimpse(struct walk *walk, int64_t start, const struct json_value *root)
{
    struct ahead *ahead = &walk->ahead;
    int64_t rows = look_at(find_asked(ahead, start), root);

    if (rows > 0 && page_has_more(root)) {
        if (start + rows >= ahead->reach)
            ahead->leaps++;
        note_reach(ahead, start + rows + 1);
        return true;
    }
    ahead->end = start + rows;
    ahead->reach = rows > 0 ? ahead->end : MIN(ahead->reach, ahead->end);
    if (rows > 1)
        return true;
    ahead->missed++;
    forget(ahead, start);
    return false;
}

/* --- what to ask for --- */

/* It begins with the last row of the page before, and there is one more. */
static bool is_sure(const struct ahead *ahead, int64_t start)
{
    return start + 1 < ahead->reach;
}

/* One at a time. */
static bool may_guess(const struct ahead *ahead)
{
    for (unsigned i = 0; i < count_asked(ahead); i++)
        if (!is_sure(ahead, asked_at(ahead, i)->start))
            return false;
    return ahead->missed + ahead->lost + 1 <= MAX(LOSS_SHARE * ahead->pages, 1);
}

static bool may_read_ahead(const struct walk *walk)
{
    const struct walk_state *range = walk->range;
    const struct ahead *ahead = &walk->ahead;

    return range && !range->done && range->mode == MODE_ID && range->t0 != INSTANT_NONE &&
           walk->stream->paging == PAGING_OFFSET && range->anchor && ahead->stride > 0 &&
           ahead->pages >= PAGES_BEFORE && ahead->lost <= MAX(LOSS_SHARE * ahead->pages, 1);
}

/* Strides to the nearest page that is not sure. */
static int64_t first_unsure(const struct walk *walk)
{
    int64_t rows = walk->ahead.reach - 1 - walk->range->start, stride = walk->ahead.stride;

    return MAX((rows + stride - 1) / stride, 1);
}

/* Strides to the next guess. Where one went too far, to the middle of what is left; 0 = nothing is.
 */
static int64_t guess(const struct walk *walk, int64_t most)
{
    const struct ahead *ahead = &walk->ahead;
    int64_t leap = LEAP_FIRST << MIN(ahead->leaps, LEAPS_MOST), first = first_unsure(walk);
    int64_t last = (ahead->end - 2 - walk->range->start) / ahead->stride;
    int64_t farthest = first + MIN(leap, most) - 1;

    if (!may_guess(ahead) || first > 2 * most)
        return 0;
    if (!ahead->end)
        return farthest;
    return last < first ? 0 : MIN(farthest, first + (last - first) / 2);
}

/* The nearest that is sure and was not asked for. */
static int64_t fill(const struct walk *walk)
{
    int64_t strides = 1, end = first_unsure(walk);

    while (strides < end &&
           find_asked(&walk->ahead, walk->range->start + strides * walk->ahead.stride))
        strides++;
    return strides < end ? strides : 0;
}

bool walk_ahead(struct walk *walk, unsigned most, int64_t *ret_start)
{
    struct ahead *ahead = &walk->ahead;
    struct page_ahead page = {0};
    int64_t strides;

    if (!may_read_ahead(walk) || count_asked(ahead) >= 2 * most)
        return false;
    strides = guess(walk, most);
    if (strides == 0)
        strides = fill(walk);
    if (strides == 0)
        return false;
    page.start = walk->range->start + strides * ahead->stride;
    if (!ahead->asked)
        ahead->asked = g_array_new(FALSE, FALSE, sizeof page);
    g_array_append_val(ahead->asked, page);
    *ret_start = page.start;
    return true;
}
