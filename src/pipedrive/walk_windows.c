/* Windows: one walk by time, cut so that its parts are read side by side.
 *
 * A cut costs at most one call: the last page before it reaches over it, or what lies behind it is
 * empty. updated_since is inclusive, so nothing depends on updated_until: the earlier window stops
 * by itself at the first row that is not its own. */
#include "pipedrive/walk_private.h"

/* How much dearer than a serial walk a leg may become by being cut. */
#define CUT_SHARE 0.02
/* Pages that are only expected may not come: rows were deleted, or lie closer at the beginning. */
#define EXPECTED_SHARE 0.75
/* What is shorter is read before a cut pays. */
#define PAGES_WORTH_A_CUT 4

instant_t windows_reached(const struct walk_state *head)
{
    instant_t reached = INSTANT_NONE;

    for (const struct walk_state *window = head; window; window = window->next) {
        if (!window->done)
            return window->at != INSTANT_NONE ? window->at : reached;
        if (window->until != INSTANT_NONE)
            reached = window->until;
        else if (window->t0 != INSTANT_NONE)
            reached = window->t0 - STATE_OVERLAP;
    }
    return reached;
}

bool windows_are_done(const struct walk_state *head)
{
    while (head && head->done)
        head = head->next;
    return !head;
}

/* --- what a page shows --- */

static bool is_by_time(const struct walk_state *range)
{
    return range->mode == MODE_TIME && range->probe == PROBE_NONE;
}

static void note_sight(struct walk *walk, const struct page_facts *facts)
{
    struct walk_state *range = walk->range;
    struct window_sight *seen = &range->seen;
    instant_t before = seen->last_time != INSTANT_NONE ? seen->last_time : facts->first_time;

    bool is_page =
        is_by_time(range) || (range->probe == PROBE_FIRST && range->from == INSTANT_NONE);

    seen->highest_id = MAX(seen->highest_id, MAX(facts->first_id, facts->last_id));
    if (!is_page || facts->last_time == INSTANT_NONE)
        return;
    seen->page_span = seen->pages == 0 ? facts->last_time - before
                                       : (seen->page_span + facts->last_time - before) / 2;
    seen->page_rows = MAX(seen->page_rows, facts->records);
    seen->last_time = facts->last_time;
    seen->pages++;
    walk->state->pages++;
}

/* The window before this one. */
static struct walk_state *left_of(const struct walk *walk)
{
    struct walk_state *window = walk->head;

    while (window && window->next != walk->range)
        window = window->next;
    return window;
}

/* A window that the server does not heed shows the rows of all: whoever reads what lies before it
 * goes on to its end. */
static bool give_back(struct walk *walk)
{
    struct walk_state *left = left_of(walk);

    if (!left || left->done)
        return false;
    walk_state_rejoin(left);
    walk->head->seen.is_whole = true;
    walk->range = walk->head;
    return true;
}

static bool is_older_than_asked(const struct walk *walk, const struct page_facts *facts)
{
    const struct walk_state *range = walk->range;

    return is_by_time(range) && !walk->cursor && range->since != INSTANT_NONE &&
           facts->first_time != INSTANT_NONE && !facts->null_time &&
           facts->first_time < range->since / INSTANT_SECOND * INSTANT_SECOND;
}

bool window_look(struct walk *walk, const struct page_facts *facts, struct walk_step *step,
                 GError **error)
{
    if (is_older_than_asked(walk, facts)) {
        if (walk->range->seen.pages == 0 && give_back(walk)) {
            step->done = step->discard_rows = step->is_given_back = true;
            return true;
        }
        error_setf(error, PENSTOCK_ERROR_DATA,
                   "the server answers records that are older than was asked for, so it does not "
                   "heed updated_since: nothing was lost, run again later; if it stays so, report "
                   "it to Pipedrive");
        return false;
    }
    note_sight(walk, facts);
    return true;
}

/* --- where a cut pays --- */

/* Pages until its end if they reach as far as the newest ones did; 0 where nobody knows. */
static double pages_ahead(const struct walk_state *window)
{
    instant_t end = window->until != INSTANT_NONE ? window->until : window->t0;

    if (window->done || !is_by_time(window) || window->seen.pages == 0 ||
        window->at == INSTANT_NONE || window->t0 == INSTANT_NONE || end <= window->at)
        return 0;
    return (double)(end - window->at) / (double)MAX(window->seen.page_span, INSTANT_SECOND);
}

struct prospect {
    double read, ahead; /* pages; ahead as the pages' times say */
    double most;        /* pages of the whole list, as its ids say */
    unsigned cuts;
    struct walk_state *longest;
};

static struct prospect look_ahead(struct walk_state *head)
{
    struct prospect prospect = {0};
    unsigned page_rows = 1;
    int64_t highest = 0;

    for (struct walk_state *window = head; window; window = window->next) {
        double ahead = pages_ahead(window);

        prospect.read += window->seen.pages;
        prospect.ahead += ahead;
        prospect.cuts += window->next != NULL;
        highest = MAX(highest, window->seen.highest_id);
        page_rows = MAX(page_rows, window->seen.page_rows);
        if (ahead > 0 && (!prospect.longest || ahead > pages_ahead(prospect.longest)))
            prospect.longest = window;
    }
    prospect.most = (double)highest / page_rows;
    return prospect;
}

/* Pages of a list that was read before and will be read again: archived deals. */
static double pages_again(const struct walk *walk, const struct prospect *prospect)
{
    bool comes_again = walk->leg == LEG_HEAD && walk->list == 0 && walk->stream->list_count > 1 &&
                       !walk->state->again_done;

    return comes_again ? walk->state->pages - prospect->read : 0;
}

/* All cuts of a table together may cost so much; the one that is always allowed is kept for its
 * first list. */
static bool cut_is_allowed(const struct walk *walk, const struct prospect *prospect, double ahead)
{
    bool one_at_least = walk->list == 0 && walk->leg != LEG_AGAIN;
    double calls = walk->state->pages + EXPECTED_SHARE * ahead + pages_again(walk, prospect);
    unsigned cuts = MAX(walk->state->cuts, prospect->cuts);

    return cuts + 1 <= MAX(CUT_SHARE * calls, one_at_least ? 1 : 0);
}

static bool cut_pays(const struct walk *walk, const struct prospect *prospect)
{
    double ahead = MIN(prospect->ahead, MAX(prospect->most - prospect->read, 0));

    return prospect->longest && cut_is_allowed(walk, prospect, ahead) &&
           pages_ahead(prospect->longest) * ahead / prospect->ahead >= PAGES_WORTH_A_CUT;
}

struct walk *walk_cut(const struct walk *walk)
{
    struct prospect prospect;
    struct walk_state *left;
    instant_t end, middle;

    if (!walk->head || walk->stream->walk == WALK_WHOLE || walk->head->seen.is_whole)
        return NULL;
    prospect = look_ahead(walk->head);
    left = prospect.longest;
    if (!cut_pays(walk, &prospect))
        return NULL;
    end = left->until != INSTANT_NONE ? left->until : left->t0;
    middle = (left->at + (end - left->at) / 2) / INSTANT_SECOND * INSTANT_SECOND;
    if (middle <= left->at || middle > left->t0 - STATE_OVERLAP)
        return NULL;
    walk->state->cuts++;
    return walk_new_window(walk->stream, walk->list, walk->leg, walk->state,
                           walk_state_cut(left, middle));
}
