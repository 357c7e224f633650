#include "sync/plan_price.h"

#include <math.h>
#include <string.h>

/* A walk by time that is cut into windows, or one by id that is read ahead, may cost so much more,
 * and a call at least for the first of a table's lists. Long walks that are shorter are read in one
 * piece; how long a walk through what changed is, it cannot know before. */
#define WINDOWS_SHARE       0.02
#define WORTH_A_CUT         6
#define CHANGES_WORTH_A_CUT 2
/* Deals whose lines one call asks for. */
#define LINES_A_CALL 100
/* Lines of a hundred deals fill a page more or less: from here on, a second one is likely. */
#define CROWDED_LINES 400
#define CROWDED_SLACK 0.2

/* Of a sum that is left out of its limits, on either side. */
#define TAIL 0.02

/* --- sums --- */

/* at: the calls as a distribution. */
static void add_calls(struct price *price, struct estimate calls, const double *at, int cost_tokens)
{
    price->calls = estimate_add_joint(price->calls, calls);
    price->tokens = estimate_add_joint(price->tokens, estimate_scale(calls, cost_tokens));
    for (unsigned i = 0; i < ESTIMATE_POINTS; i++) {
        price->calls_at[i] += at[i];
        price->tokens_at[i] += at[i] * cost_tokens;
    }
}

void price_add_calls(struct price *price, struct estimate calls, int cost_tokens)
{
    double at[ESTIMATE_POINTS];

    for (unsigned i = 0; i < ESTIMATE_POINTS; i++)
        at[i] = estimate_at(calls, i);
    add_calls(price, calls, at, cost_tokens);
}

void price_add_more(struct price *price, double calls, int cost_tokens)
{
    price->more_calls += calls;
    price->more_tokens += calls * cost_tokens;
}

struct price price_sum_joint(struct price a, struct price b)
{
    a.calls = estimate_add_joint(a.calls, b.calls);
    a.tokens = estimate_add_joint(a.tokens, b.tokens);
    a.more_calls += b.more_calls;
    a.more_tokens += b.more_tokens;
    for (unsigned i = 0; i < ESTIMATE_POINTS; i++) {
        a.calls_at[i] += b.calls_at[i];
        a.tokens_at[i] += b.tokens_at[i];
    }
    return a;
}

static struct estimate total(double (*at)[ESTIMATE_POINTS], unsigned count, double value)
{
    struct estimate sum = estimate_total(at, count, TAIL);

    return (struct estimate){MIN(sum.low, value), value, MAX(sum.high, value)};
}

struct price price_total(const struct price *prices, unsigned count)
{
    g_autofree double(*at)[ESTIMATE_POINTS] = g_malloc_n(count, sizeof *at);
    struct price all = {0};

    for (unsigned i = 0; i < count; i++)
        all = price_sum_joint(all, prices[i]);
    for (unsigned i = 0; i < count; i++)
        memcpy(at[i], prices[i].calls_at, sizeof at[i]);
    all.calls = total(at, count, all.calls.value);
    for (unsigned i = 0; i < count; i++)
        memcpy(at[i], prices[i].tokens_at, sizeof at[i]);
    all.tokens = total(at, count, all.tokens.value);
    return all;
}

/* --- pages of lists --- */

/* Rows are more or less wide: the mean of a page is known to about this. */
#define WIDTH_SLACK 0.1

struct paging_rule {
    const struct stream *stream;
    double page_rows, refused; /* that fit into an answer, and pages that were too large before */
    bool bounded, again;
    double overlap; /* notes: rows that a page reads again */
    double longer;  /* notes: pages more, for seconds that are longer than a page */
};

/* A page that is too large is asked for by halves, which a walk learns once. */
static void fit_page(struct paging_rule *rule, const struct census *census, double width)
{
    rule->page_rows = rule->stream->page_rows;
    rule->refused = 0;
    while (rule->page_rows > 1 && census->page_bytes > 0 &&
           rule->page_rows * census->row_bytes * width > census->page_bytes) {
        rule->page_rows = floor(rule->page_rows / 2);
        rule->refused++;
    }
}

/* Each page but the first begins with `overlap` rows of the one before. */
static double pages(double rows, const struct paging_rule *rule, double overlap)
{
    double page_rows = rule->page_rows;

    if (rows <= page_rows)
        return 1;
    return 1 + ceil((rows - page_rows) / MAX(page_rows - overlap, 1)) + rule->refused;
}

static double walk_pages(double rows, const void *opaque)
{
    const struct paging_rule *rule = opaque;
    enum paging paging = rule->stream->paging;

    return paging == PAGING_NONE ? 1 : pages(rows, rule, paging == PAGING_OFFSET ? 1 : 0);
}

static bool is_by_id(const struct stream *stream, bool bounded)
{
    return stream->walk == WALK_FILES || (stream->walk == WALK_NOTES && !bounded);
}

/* The look at both ends for rows without update_time: the first page serves as one of them, unless
 * there is a start date. What fits into one page needs no other look. */
static double first_pages(double rows, const void *opaque)
{
    const struct paging_rule *rule = opaque;
    double walk, looks = 0;

    if (is_by_id(rule->stream, rule->bounded))
        return walk_pages(rows, rule);
    walk = pages(rows, rule, rule->overlap);
    if (rule->bounded)
        looks = 2;
    else if (rows > rule->page_rows)
        looks = 1;
    return walk + looks + (rows > rule->page_rows ? rule->longer : 0) + (rule->again ? walk : 0);
}

/* Calls for rows. The lower limit and the likely value are counted by the one rule, the upper limit
 * by the other, what is in between partly by it. */
static struct estimate add_rows(struct price *price, struct estimate rows,
                                double (*map)(double, const void *), const struct paging_rule *few,
                                const struct paging_rule *many, int cost_tokens)
{
    struct estimate calls = {map(rows.low, few), map(rows.value, few), map(rows.high, many)};
    double at[ESTIMATE_POINTS];

    for (unsigned i = 0; i < ESTIMATE_POINTS; i++) {
        double here = round(estimate_at(rows, i)), most = MAX(estimate_reach(i), 0);

        at[i] = map(here, few) + most * (map(here, many) - map(here, few));
    }
    add_calls(price, calls, at, cost_tokens);
    return calls;
}

/* How the list pages: few and many rows a page, as far as it is in doubt. */
static void begin_rules(const struct stream *stream, const struct census *census,
                        struct paging_rule *few, struct paging_rule *many)
{
    *few = *many = (struct paging_rule){.stream = stream};
    fit_page(few, census, 1 - WIDTH_SLACK);
    fit_page(many, census, 1 + WIDTH_SLACK);
}

/* Notes by time: each page begins at the second of the last row. */
static void add_ties(const struct census *census, double rows, struct paging_rule *few,
                     struct paging_rule *many)
{
    double mean;
    unsigned longer;

    census_ties(census, rows, few->stream->page_rows, &mean, &longer);
    few->overlap = 1;
    many->overlap = MIN(2 + 2 * mean, many->page_rows / 2);
    many->longer = longer;
}

static void add_windows(struct price *price, const struct stream *stream, unsigned list,
                        struct estimate calls, double refused)
{
    double cuts = MAX(list == 0 ? 1 : 0, floor(WINDOWS_SHARE * calls.high));

    price_add_more(price, (1 + refused) * cuts, stream->lists[list].cost_tokens);
}

void price_first_load(struct price *price, const struct stream *stream, unsigned list,
                      const struct census *census, bool bounded, bool again)
{
    struct paging_rule few, many;
    struct estimate rows = census_estimate(census, CENSUS_ROWS), calls;

    begin_rules(stream, census, &few, &many);
    few.bounded = many.bounded = bounded;
    few.again = many.again = again;
    if (stream->walk == WALK_NOTES && bounded)
        add_ties(census, rows.high, &few, &many);
    calls = add_rows(price, rows, first_pages, &few, &many, stream->lists[list].cost_tokens);
    if (calls.high >= WORTH_A_CUT)
        add_windows(price, stream, list, calls, many.refused);
}

/* Files: the walk ends with a row that did not change, if there is one. */
static double changed_pages(double rows, const void *opaque)
{
    const struct paging_rule *rule = opaque;

    return pages(rows, rule, rule->stream->walk == WALK_FILES ? 1 : rule->overlap) +
           (rows > rule->page_rows ? rule->longer : 0);
}

void price_changes(struct price *price, const struct stream *stream, unsigned list,
                   const struct census *census, struct estimate rows)
{
    struct paging_rule few, many;
    struct estimate calls;

    if (stream->walk == WALK_FILES)
        rows = (struct estimate){rows.low, rows.value + 1, rows.high + 1};
    begin_rules(stream, census, &few, &many);
    if (stream->walk == WALK_NOTES)
        add_ties(census, rows.high, &few, &many);
    calls = add_rows(price, rows, changed_pages, &few, &many, stream->lists[list].cost_tokens);
    if (stream->walk != WALK_FILES && calls.high >= CHANGES_WORTH_A_CUT)
        add_windows(price, stream, list, calls, many.refused);
}

void price_walk(struct price *price, const struct stream *stream, unsigned list,
                const struct census *census, struct estimate rows)
{
    struct paging_rule few, many;
    struct estimate calls;

    begin_rules(stream, census, &few, &many);
    calls = add_rows(price, rows, walk_pages, &few, &many, stream->lists[list].cost_tokens);
    if (is_by_id(stream, false) && calls.high >= WORTH_A_CUT)
        add_windows(price, stream, list, calls, many.refused);
}

/* --- children of deals --- */

/* lines_mean: of a deal. slack: how much more or less a page may hold. */
struct lines_rule {
    double lines_mean, slack;
};

static double groups(double deals, const struct lines_rule *rule)
{
    const struct stream *lines = &catalog[STREAM_DEAL_PRODUCTS];
    double calls = ceil(deals / LINES_A_CALL);
    double pages = deals * rule->lines_mean * (1 + rule->slack) / lines->page_rows;

    if (rule->lines_mean * LINES_A_CALL <= CROWDED_LINES)
        return calls;
    if (rule->slack < 0)
        return MAX(calls, floor(pages));
    return rule->slack > 0 ? calls + ceil(pages) : MAX(calls, ceil(pages));
}

void price_lines(struct price *price, struct estimate deals, double lines_mean)
{
    const struct lines_rule few = {lines_mean, -CROWDED_SLACK}, likely = {lines_mean, 0},
                            many = {lines_mean, CROWDED_SLACK};
    struct estimate calls = {groups(deals.low, &few), groups(deals.value, &likely),
                             groups(deals.high, &many)};
    double at[ESTIMATE_POINTS];

    for (unsigned i = 0; i < ESTIMATE_POINTS; i++) {
        double here = round(estimate_at(deals, i)), reach = estimate_reach(i);
        const struct lines_rule *end = reach < 0 ? &few : &many;

        at[i] = groups(here, &likely) + fabs(reach) * (groups(here, end) - groups(here, &likely));
    }
    add_calls(price, calls, at, catalog[STREAM_DEAL_PRODUCTS].lists[0].cost_tokens);
}

void price_histories(struct price *price, struct estimate deals)
{
    double at[ESTIMATE_POINTS];

    for (unsigned i = 0; i < ESTIMATE_POINTS; i++)
        at[i] = round(estimate_at(deals, i));
    add_calls(price, (struct estimate){floor(deals.low), round(deals.value), ceil(deals.high)}, at,
              catalog[STREAM_DEALFLOW].lists[0].cost_tokens);
}
