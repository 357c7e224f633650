#include "sync/plan_price.h"

#include <math.h>

/* A walk by time that is cut into windows, or one by id that is read ahead, may cost so much more,
 * and a call at least for the first of a table's lists; shorter ones are read in one piece. */
#define WINDOWS_SHARE 0.02
#define WORTH_A_CUT   6
/* Deals whose lines one call asks for. */
#define LINES_A_CALL 100
/* Lines of a hundred deals fill a page more or less: from here on, a second one is likely. */
#define CROWDED_LINES 400
#define CROWDED_SLACK 0.2

/* --- sums --- */

/* step: calls that a page more or less makes. */
static void add_calls(struct price *price, struct estimate calls, double step, int cost_tokens)
{
    price->calls = estimate_add_joint(price->calls, calls);
    price->tokens = estimate_add_joint(price->tokens, estimate_scale(calls, cost_tokens));
    if (calls.low < calls.high) {
        price->page_calls = hypot(price->page_calls, step);
        price->page_tokens = hypot(price->page_tokens, step * cost_tokens);
    }
}

void price_add_calls(struct price *price, struct estimate calls, int cost_tokens)
{
    add_calls(price, calls, 1, cost_tokens);
}

void price_add_more(struct price *price, double calls, int cost_tokens)
{
    price->more_calls += calls;
    price->more_tokens += calls * cost_tokens;
}

static struct price sum(struct price a, struct price b,
                        struct estimate (*add)(struct estimate, struct estimate))
{
    return (struct price){.calls = add(a.calls, b.calls),
                          .tokens = add(a.tokens, b.tokens),
                          .more_calls = a.more_calls + b.more_calls,
                          .more_tokens = a.more_tokens + b.more_tokens,
                          .page_calls = hypot(a.page_calls, b.page_calls),
                          .page_tokens = hypot(a.page_tokens, b.page_tokens)};
}

struct price price_sum(struct price a, struct price b)
{
    return sum(a, b, estimate_add);
}

struct price price_sum_joint(struct price a, struct price b)
{
    return sum(a, b, estimate_add_joint);
}

static struct estimate total(struct estimate apart, struct estimate joint, double page)
{
    struct estimate narrow = estimate_narrow(apart);

    narrow.low = narrow.value - hypot(narrow.value - narrow.low, page);
    narrow.high = narrow.value + hypot(narrow.high - narrow.value, page);
    return (struct estimate){MAX(narrow.low, joint.low), narrow.value,
                             MIN(narrow.high, joint.high)};
}

struct price price_total(const struct price *prices, unsigned count)
{
    struct price apart = {0}, joint = {0};

    for (unsigned i = 0; i < count; i++) {
        apart = price_sum(apart, prices[i]);
        joint = price_sum_joint(joint, prices[i]);
    }
    apart.calls = total(apart.calls, joint.calls, apart.page_calls);
    apart.tokens = total(apart.tokens, joint.tokens, apart.page_tokens);
    return apart;
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

/* Rules for the lower limit and the likely value, and for the upper limit. */
static struct estimate map_rules(struct estimate rows, double (*map)(double, const void *),
                                 const struct paging_rule *few, const struct paging_rule *many)
{
    return (struct estimate){map(rows.low, few), map(rows.value, few), map(rows.high, many)};
}

void price_first_load(struct price *price, const struct stream *stream, unsigned list,
                      const struct census *census, bool bounded, bool again)
{
    struct paging_rule few = {.stream = stream, .bounded = bounded, .again = again}, many = few;
    struct estimate rows = census_estimate(census, CENSUS_ROWS), calls;
    double step;

    fit_page(&few, census, 1 - WIDTH_SLACK);
    fit_page(&many, census, 1 + WIDTH_SLACK);
    if (stream->walk == WALK_NOTES && bounded) {
        double mean;
        unsigned longer;

        census_ties(census, rows.high, stream->page_rows, &mean, &longer);
        few.overlap = 1;
        many.overlap = MIN(2 + 2 * mean, many.page_rows / 2);
        many.longer = longer;
    }
    calls = map_rules(rows, first_pages, &few, &many);
    step = first_pages(few.page_rows + 1, &few) - first_pages(few.page_rows, &few);
    if (rows.low > few.page_rows)
        step = again ? 2 : 1;
    add_calls(price, calls, step, stream->lists[list].cost_tokens);
    if (calls.high >= WORTH_A_CUT)
        price_add_more(
            price, (1 + many.refused) * MAX(list == 0 ? 1 : 0, floor(WINDOWS_SHARE * calls.high)),
            stream->lists[list].cost_tokens);
}

void price_walk(struct price *price, const struct stream *stream, unsigned list,
                const struct census *census, struct estimate rows)
{
    struct paging_rule few = {.stream = stream}, many = few;

    fit_page(&few, census, 1 - WIDTH_SLACK);
    fit_page(&many, census, 1 + WIDTH_SLACK);
    price_add_calls(price, map_rules(rows, walk_pages, &few, &many),
                    stream->lists[list].cost_tokens);
}

/* --- children of deals --- */

static double groups(double deals, const void *opaque)
{
    (void)opaque;
    return ceil(deals / LINES_A_CALL);
}

void price_lines(struct price *price, struct estimate deals, double lines_mean)
{
    const struct stream *lines = &catalog[STREAM_DEAL_PRODUCTS];
    double page = lines->page_rows;
    struct estimate calls = estimate_map(deals, groups, NULL);

    if (lines_mean * LINES_A_CALL > CROWDED_LINES) {
        calls.low = MAX(calls.low, floor((1 - CROWDED_SLACK) * deals.low * lines_mean / page));
        calls.value = MAX(calls.value, ceil(deals.value * lines_mean / page));
        calls.high += ceil((1 + CROWDED_SLACK) * deals.high * lines_mean / page);
    }
    price_add_calls(price, calls, lines->lists[0].cost_tokens);
}

void price_histories(struct price *price, struct estimate deals)
{
    price_add_calls(price, deals, catalog[STREAM_DEALFLOW].lists[0].cost_tokens);
}
