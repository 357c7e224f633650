#include "sync/census.h"

#include <string.h>

static bool is_since(instant_t time, instant_t since)
{
    return time != INSTANT_NONE && time >= since;
}

void tally_row(struct tally *tally, const struct census_row *row, instant_t late)
{
    bool sold = !row->deleted && row->products != 0;
    bool changed = is_since(row->updated, late);

    tally->of[CENSUS_ROWS]++;
    tally->of[CENSUS_ALIVE] += !row->deleted;
    tally->of[CENSUS_SOLD] += sold;
    tally->of[CENSUS_RECENT] += changed;
    tally->of[CENSUS_RECENT_SOLD] += changed && sold;
    tally->of[CENSUS_NEW] += is_since(row->added, late);
    tally->of[CENSUS_MOVED] +=
        !row->deleted && (is_since(row->added, late) || is_since(row->moved, late));
    tally->lines += sold ? MAX(row->products, 1) : 0;
}

void tally_add(struct tally *tally, const struct tally *more)
{
    for (unsigned i = 0; i < CENSUS_KINDS; i++)
        tally->of[i] += more->of[i];
    tally->lines += more->lines;
}

void census_done(struct census *census)
{
    g_clear_pointer(&census->seconds, g_array_unref);
}

static bool is_recent(enum census_kind kind)
{
    return kind == CENSUS_RECENT || kind == CENSUS_RECENT_SOLD || kind == CENSUS_NEW ||
           kind == CENSUS_MOVED;
}

/* Nobody asked. Older rows are like the known ones; how many of them changed is known for those at
 * most that are as new. */
static struct estimate guess(const struct census *census, const struct stretch *stretch,
                             enum census_kind kind)
{
    double rows = (double)census->known.of[CENSUS_ROWS], of = (double)census->known.of[kind];
    double ids = (double)stretch->ids, share = rows > 0 ? of / rows : 1;

    if (is_recent(kind) && census->week_growth > 0) {
        double growth = MAX(census->week_growth * share - of, 0);

        return (struct estimate){0, MIN(growth, ids), MIN(2 * growth + of, ids)};
    }
    if (census->paired) /* ids that the other list does not have: of this one, or gone */
        return (struct estimate){0, estimate_guess(stretch->ids, census->density).value / 2,
                                 estimate_guess(stretch->ids, census->density).high};
    if (census->bounded)
        return (struct estimate){0, census->density * share * (double)stretch->ids / 2,
                                 (double)stretch->ids};
    return estimate_guess(stretch->ids, census->density * share);
}

static struct estimate estimate_stretch(const struct census *census, const struct stretch *stretch,
                                        enum census_kind kind)
{
    if (stretch->ids == 0)
        return estimate_exact(0);
    if (stretch->asked == 0)
        return guess(census, stretch, kind);
    return estimate_share(stretch->ids, stretch->asked, stretch->found.of[kind]);
}

/* Samples miss to all sides; guesses may all be wrong in the same way. */
static struct estimate add_unknown(struct estimate a, bool asked_a, struct estimate b, bool asked_b)
{
    return asked_a && asked_b ? estimate_add(a, b) : estimate_add_joint(a, b);
}

static bool is_asked(const struct stretch *stretch)
{
    return stretch->ids == 0 || stretch->asked > 0;
}

struct estimate census_estimate(const struct census *census, enum census_kind kind)
{
    struct estimate older = estimate_stretch(census, &census->older, kind);
    struct estimate gaps = estimate_stretch(census, &census->gaps, kind);

    return estimate_add(
        estimate_exact((double)census->known.of[kind]),
        add_unknown(older, is_asked(&census->older), gaps, is_asked(&census->gaps)));
}

static void add_seen(struct tally *tally, const struct census *census)
{
    tally_add(tally, &census->known);
    tally_add(tally, &census->older.found);
    tally_add(tally, &census->gaps.found);
}

double census_lines_mean(const struct census *first, const struct census *second)
{
    struct tally all = {0};

    add_seen(&all, first);
    add_seen(&all, second);
    return all.of[CENSUS_SOLD] > 0 ? (double)all.lines / (double)all.of[CENSUS_SOLD] : 0;
}

static void join_stretch(struct stretch *ret, const struct stretch *a, const struct stretch *b)
{
    *ret = (struct stretch){.ids = MAX(a->ids, b->ids), .asked = MAX(a->asked, b->asked)};
    tally_add(&ret->found, &a->found);
    tally_add(&ret->found, &b->found);
}

/* Asked for the same ids: what is in one of the lists is not in the other. */
static struct estimate estimate_pair(const struct census *a, const struct census *b,
                                     enum census_kind kind)
{
    struct census both = {.density = MIN(a->density + b->density, 1),
                          .week_growth = a->week_growth + b->week_growth,
                          .bounded = a->bounded};

    tally_add(&both.known, &a->known);
    tally_add(&both.known, &b->known);
    join_stretch(&both.older, &a->older, &b->older);
    join_stretch(&both.gaps, &a->gaps, &b->gaps);
    return census_estimate(&both, kind);
}

struct estimate census_estimate_both(const struct census *first, const struct census *second,
                                     enum census_kind kind)
{
    if (second->paired && second->seen)
        return estimate_pair(first, second, kind);
    return add_unknown(census_estimate(first, kind), is_asked(&first->older),
                       census_estimate(second, kind), is_asked(&second->older));
}

/* --- rows of one second --- */

static int compare_instants(gconstpointer a, gconstpointer b)
{
    instant_t x = *(const instant_t *)a, y = *(const instant_t *)b;

    return (x > y) - (x < y);
}

void census_ties(const struct census *census, double rows, unsigned page_rows, double *ret_overlap,
                 unsigned *ret_long)
{
    const GArray *seconds = census->seconds;

    *ret_overlap = 0;
    *ret_long = 0;
    if (!seconds)
        return;
    g_array_sort(census->seconds, compare_instants);
    for (unsigned i = 0, count; i < seconds->len; i += count) {
        instant_t second = g_array_index(seconds, instant_t, i) / INSTANT_SECOND;
        double share, size;

        for (count = 1; i + count < seconds->len &&
                        g_array_index(seconds, instant_t, i + count) / INSTANT_SECOND == second;)
            count++;
        share = (double)count / seconds->len;
        size = share * rows; /* of the second, in the whole list */
        if (size >= page_rows)
            ++*ret_long;
        else if (count > 1) /* the page's end falls anywhere within it */
            *ret_overlap += share * size / 2;
    }
}
