/* Plan probes: which lists are asked, and where the rest of the allowance goes. */
#include "sync/plan_probe_private.h"

#include "sync/plan_price.h"

#include <math.h>

/* Doubt about the whole price that is not worth a call: a part of it, or tokens. */
#define DOUBT_SHARE  0.03
#define DOUBT_TOKENS 20
/* Where nobody asked what changed: at most all rows, and as many new ones. */
#define CHANGES_MOST 2
/* Without a table nobody knows how many may have: enough for the list to be asked. */
#define CHANGES_UNKNOWN 100000
/* What is expected to be so much of a page will fit into one. */
#define PAGE_SHARE 0.95
/* Whether archived deals are more than one page is most of what there is to know of two. */
#define ARCHIVED_PAGES 2
/* An offset takes most of the doubt away where rows are many pages. */
#define OFFSET_LEAVES 0.1
/* A sample of archived deals leaves so much of the doubt. */
#define PAIR_LEAVES 0.3
/* One call for archived deals holds the ids that were not there in all samples, and some others. */
#define ABSENT_SHARE 0.8

bool probe_may_ask(const struct probing *probing, const struct list_probe *list)
{
    return probing->api->tokens + probe_list_of(list)->cost_tokens <= probing->settings->tokens_max;
}

const struct stream_list *probe_list_of(const struct list_probe *list)
{
    return &list->stream->lists[list->list];
}

/* --- what is in doubt --- */

static struct price price_of(const struct probing *probing, const struct list_probe *list)
{
    const struct probe_settings *settings = probing->settings;
    const struct census none = {0};
    struct price price = {0};

    if (list->changes)
        price_changes(&price, list->stream, list->list, list->census,
                      census_estimate(list->census, CENSUS_ROWS));
    else
        price_first_load(&price, list->stream, list->list, list->census,
                         list->since != INSTANT_NONE, list->list > 0);
    if (list->stream->id == STREAM_DEALS && settings->lines)
        price_lines(&price, census_estimate(list->census, CENSUS_SOLD),
                    census_lines_mean(list->census, &none));
    if (list->stream->id == STREAM_DEALS && settings->flow)
        price_histories(&price, census_estimate(list->census, list->changes ? settings->flow_changes
                                                                            : CENSUS_ALIVE));
    return price;
}

static double width(struct estimate estimate)
{
    return estimate.high - estimate.low;
}

static double older_rows(const struct list_probe *list)
{
    return census_estimate(list->census, CENSUS_ROWS).value -
           (double)list->census->known.of[CENSUS_ROWS];
}

static double tokens_a_row(const struct list_probe *list)
{
    return (double)probe_list_of(list)->cost_tokens / list->stream->page_rows;
}

/* --- what one more probe would do --- */

enum probe_way {
    WAY_NONE,     /* nothing is left to ask */
    WAY_NEWEST,   /* what changed: the first call */
    WAY_PAGE,     /* the next page by id, which is the last */
    WAY_SAMPLE,   /* a hundred ids */
    WAY_OFFSET,   /* a page far away */
    WAY_ARCHIVED, /* archived deals: a page, if they fit; else a sample that pairs with the deals'
                   */
};

static struct list_probe *deals_of(struct probing *probing)
{
    return &probing->lists[STREAM_DEALS][0];
}

/* As the newest page promises it: ids that no normal deal has. */
static bool archived_fit_a_page(const struct list_probe *deals)
{
    double absent = (1 - deals->census->density) *
                    (double)(deals->highest - deals->floor + 1 + deals->census->older.ids);

    return absent <= ARCHIVED_PAGES * deals->limit;
}

static bool needs_deals_first(const struct list_probe *deals)
{
    return !archived_fit_a_page(deals) && deals->census->older.ids > 0 &&
           deals->census->older.asked == 0;
}

/* Archived deals wait for their call. */
static bool is_unasked_pair(const struct probing *probing)
{
    const struct list_probe *archived = &probing->lists[STREAM_DEALS][1];

    return archived->stream && archived->census->paired && !archived->census->seen;
}

/* Would another sample bring more absent ids than one call for archived deals holds? */
static bool has_enough_absent(const struct list_probe *deals)
{
    double samples = (double)deals->census->older.asked / deals->stream->ids_a_call;

    return samples > 0 &&
           deals->absent->len * (samples + 1) / samples > ABSENT_SHARE * deals->stream->ids_a_call;
}

static enum probe_way way_of(struct probing *probing, const struct list_probe *list)
{
    const struct stretch *older = &list->census->older;
    bool too_absent =
        list == deals_of(probing) && is_unasked_pair(probing) && has_enough_absent(list);

    if (list->settled || too_absent)
        return WAY_NONE;
    if (list->changes && !list->census->seen)
        return WAY_NEWEST;
    if (list->census->paired)
        return WAY_ARCHIVED;
    if (older->ids == older->asked)
        return WAY_NONE;
    if (list->stream->ids_a_call == 0)
        return WAY_OFFSET;
    return list->cursor && older->asked == 0 && older_rows(list) <= PAGE_SHARE * list->limit
               ? WAY_PAGE
               : WAY_SAMPLE;
}

static int cost_of(struct probing *probing, const struct list_probe *list, enum probe_way way)
{
    const struct list_probe *deals = deals_of(probing);
    int cost = probe_list_of(list)->cost_tokens;

    return way == WAY_ARCHIVED && needs_deals_first(deals)
               ? cost + probe_list_of(deals)->cost_tokens
               : cost;
}

/* A sample of so many, which finds what the density promises; or the root of so many more. */
static double width_after_sample(const struct list_probe *list, double now)
{
    const struct stretch *older = &list->census->older;
    int64_t asked = MIN(older->asked + list->stream->ids_a_call, older->ids);
    double share = CLAMP(list->census->density, 0, 1);

    if (asked == older->ids)
        return 0;
    if (older->asked > 0)
        return now * sqrt((double)older->asked / (double)asked);
    return MIN(now, tokens_a_row(list) *
                        width(estimate_share(older->ids, asked, (int64_t)(share * (double)asked))));
}

/* How far the price would still be in doubt. */
static double width_after(struct probing *probing, const struct list_probe *list,
                          enum probe_way way, double now)
{
    switch (way) {
    case WAY_NONE:
        return now;
    case WAY_NEWEST:
    case WAY_PAGE:
        return 0;
    case WAY_SAMPLE:
        return width_after_sample(list, now);
    case WAY_OFFSET:
        return older_rows(list) <= list->limit ? 0 : OFFSET_LEAVES * now;
    case WAY_ARCHIVED:
        return archived_fit_a_page(deals_of(probing)) ? 0 : PAIR_LEAVES * now;
    }
    return now;
}

/* The squared doubt that one token takes away. */
static double gain(struct probing *probing, const struct list_probe *list)
{
    enum probe_way way = list->stream ? way_of(probing, list) : WAY_NONE;
    double now, then;
    int cost;

    if (way == WAY_NONE)
        return 0;
    cost = cost_of(probing, list, way);
    if (probing->api->tokens + cost > probing->settings->tokens_max)
        return 0;
    now = width(price_of(probing, list).tokens);
    then = width_after(probing, list, way, now);
    return (now * now - then * then) / cost;
}

static bool is_narrow_enough(const struct probing *probing)
{
    double doubt = 0, tokens = 0;

    for (unsigned i = 0; i < STREAM_COUNT; i++)
        for (unsigned j = 0; j < STREAM_MAX_LISTS; j++)
            if (probing->lists[i][j].stream) {
                struct price price = price_of(probing, &probing->lists[i][j]);

                doubt = hypot(doubt, width(price.tokens));
                tokens += price.tokens.value;
            }
    return doubt <= MAX(DOUBT_SHARE * tokens, DOUBT_TOKENS);
}

/* but: leave this one out. */
static struct list_probe *most_in_doubt(struct probing *probing, const struct list_probe *but)
{
    struct list_probe *best = NULL;
    double most = 0;

    if (is_narrow_enough(probing))
        return NULL;
    for (unsigned i = 0; i < STREAM_COUNT; i++)
        for (unsigned j = 0; j < STREAM_MAX_LISTS; j++) {
            struct list_probe *list = &probing->lists[i][j];
            double here = list != but ? gain(probing, list) : 0;

            if (here > most) {
                most = here;
                best = list;
            }
        }
    return best;
}

/* Would the deals be asked once more if archived ones were not, and are there tokens for both? */
static bool deals_go_on(struct probing *probing, const struct list_probe *archived)
{
    const struct list_probe *deals = deals_of(probing);
    int cost = probe_list_of(deals)->cost_tokens + probe_list_of(archived)->cost_tokens;

    return probing->api->tokens + cost <= probing->settings->tokens_max &&
           most_in_doubt(probing, archived) == deals;
}

/* The sample pairs with those of the other deals: of the same ids, what is not there. So it waits
 * for all of them. */
static bool ask_archived(struct probing *probing, struct list_probe *archived, GError **error)
{
    struct list_probe *deals = deals_of(probing);

    if (archived_fit_a_page(deals)) {
        *archived->census = (struct census){0};
        return probe_newest(probing, archived, error);
    }
    return needs_deals_first(deals) || deals_go_on(probing, archived)
               ? probe_sample(probing, deals, error)
               : probe_archived(probing, error);
}

static bool ask_more(struct probing *probing, struct list_probe *list, GError **error)
{
    switch (way_of(probing, list)) {
    case WAY_NONE:
        break;
    case WAY_NEWEST:
        *list->census = (struct census){.seconds = list->census->seconds};
        return probe_newest(probing, list, error);
    case WAY_PAGE:
        return probe_next_page(probing, list, error);
    case WAY_SAMPLE:
        return probe_sample(probing, list, error);
    case WAY_OFFSET:
        return probe_offset(probing, list, error);
    case WAY_ARCHIVED:
        return ask_archived(probing, list, error);
    }
    return true;
}

/* --- all of it --- */

static void list_probe_init(struct list_probe *list, const struct stream *stream, unsigned index,
                            struct census *census)
{
    *list = (struct list_probe){
        .stream = stream,
        .list = index,
        .census = census,
        .since = INSTANT_NONE,
        .oldest = INSTANT_NONE,
        .limit = stream->page_rows,
        .newest = g_hash_table_new(NULL, NULL),
        .drawn = g_hash_table_new(NULL, NULL),
        .absent = g_array_new(FALSE, FALSE, sizeof(int64_t)),
    };
    if (stream->walk == WALK_NOTES)
        census->seconds = g_array_new(FALSE, FALSE, sizeof(instant_t));
}

static void list_probe_done(struct list_probe *list)
{
    g_clear_pointer(&list->cursor, g_free);
    g_clear_pointer(&list->newest, g_hash_table_unref);
    g_clear_pointer(&list->drawn, g_hash_table_unref);
    g_clear_pointer(&list->absent, g_array_unref);
}

static void begin_changes(struct list_probe *list, const struct probe_changes *changes)
{
    struct census *census = list->census;

    list->changes = census->bounded = true;
    list->since = changes->since;
    list->recent = changes->read_at;
    census->older.ids = changes->rows < 0 ? CHANGES_UNKNOWN : CHANGES_MOST * changes->rows;
    if (census->older.ids > 0)
        census->density = 2 * changes->expected / (double)census->older.ids;
}

/* A first load is bounded by the start date, but files are walked whole. */
static void begin_load(struct list_probe *list, const struct probe_settings *settings)
{
    if (list->stream->walk != WALK_FILES)
        list->since = settings->start_date;
    list->recent = settings->now - CENSUS_WEEK_S * INSTANT_SECOND;
}

static void begin_list(struct probing *probing, enum stream_id id, unsigned index,
                       struct probe_result *ret)
{
    const struct probe_settings *settings = probing->settings;
    struct list_probe *list = &probing->lists[id][index];

    if (settings->wish[id][index] == WISH_NONE)
        return;
    list_probe_init(list, &catalog[id], index, &ret->lists[id][index]);
    if (settings->wish[id][index] == WISH_CHANGES)
        begin_changes(list, &settings->changes[id][index]);
    else
        begin_load(list, settings);
}

/* A call for each list of a first load; archived deals come after the others. */
static bool probe_all(struct probing *probing, GError **error)
{
    bool pair = probing->settings->wish[STREAM_DEALS][1] == WISH_LOAD;

    for (unsigned i = 0; i < STREAM_COUNT; i++) {
        struct list_probe *list = &probing->lists[i][0];

        if (list->stream && !list->changes && !probe_newest(probing, list, error))
            return false;
    }
    if (pair && deals_of(probing)->highest == 0) { /* all of them are archived, or there are none */
        if (!probe_newest(probing, &probing->lists[STREAM_DEALS][1], error))
            return false;
    } else if (pair) {
        probe_begin_archived(probing);
    }
    for (struct list_probe *list; (list = most_in_doubt(probing, NULL));) {
        if (!ask_more(probing, list, error))
            return false;
        if (is_unasked_pair(probing))
            probe_begin_archived(probing); /* it knows more now */
    }
    return true;
}

bool probe_lists(struct api *api, const struct probe_settings *settings, struct probe_result *ret,
                 GError **error)
{
    struct probing probing = {.api = api, .settings = settings};
    bool good;

    *ret = (struct probe_result){0};
    probing.dice = g_rand_new_with_seed((guint32)settings->company_id);
    for (unsigned i = 0; i < STREAM_COUNT; i++)
        for (unsigned j = 0; j < STREAM_MAX_LISTS; j++)
            begin_list(&probing, i, j, ret);
    good = probe_all(&probing, error);
    for (unsigned i = 0; i < STREAM_COUNT; i++)
        for (unsigned j = 0; j < STREAM_MAX_LISTS; j++)
            list_probe_done(&probing.lists[i][j]);
    g_rand_free(probing.dice);
    return good;
}

void probe_result_done(struct probe_result *result)
{
    for (unsigned i = 0; i < STREAM_COUNT; i++)
        for (unsigned list = 0; list < STREAM_MAX_LISTS; list++)
            census_done(&result->lists[i][list]);
}
