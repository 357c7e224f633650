/* Plan: the sums over all tables, as people and machines are told. */
#include "sync/plan_private.h"

#include <math.h>

struct plan_range plan_whole(struct estimate estimate, double more)
{
    return (struct plan_range){.low = (int64_t)floor(MAX(estimate.low, 0)),
                               .likely = llround(estimate.value),
                               .high = (int64_t)ceil(estimate.high + more)};
}

static struct plan_price report_price(const struct planning *planning, const struct price *price)
{
    int64_t burst =
        planning->api.burst_limit > 0 ? planning->api.burst_limit : GOVERNOR_LIMIT_FIRST;
    struct plan_price ret = {.calls = plan_whole(price->calls, price->more_calls),
                             .tokens = plan_whole(price->tokens, price->more_tokens)};

    ret.seconds.low = ret.calls.low * GOVERNOR_SERVER_WINDOW_MS / 1000 / burst;
    ret.seconds.likely = ret.calls.likely * GOVERNOR_WINDOW_MS / 1000 / burst;
    ret.seconds.high = ret.calls.high * GOVERNOR_WINDOW_MS / 1000 / burst;
    return ret;
}

/* Samples of first loads miss to all sides. (Deals and their children were seen in one sample and
 * err together a little; but where there are children, theirs is nearly all of the doubt.) What
 * changes does not: a busy day is busy everywhere. */
static struct plan_price report_run(const struct planning *planning, enum run run)
{
    struct price samples[STREAM_COUNT] = {0}, others = {0}, all;

    price_add_calls(&others, estimate_exact(1), CATALOG_ME_COST);
    for (unsigned i = 0; i < STREAM_COUNT; i++) {
        const struct subject *subject = &planning->subjects[i];

        if (!subject->stream)
            continue;
        if (run == NEXT && subject->row.first_load)
            samples[i] = subject->price[run];
        else
            others = price_sum_joint(others, subject->price[run]);
    }
    all = price_sum_joint(price_total(samples, G_N_ELEMENTS(samples)), others);
    return report_price(planning, &all);
}

/* Soon after another run only the lists are asked that are asked every time. */
static struct price price_idle(const struct planning *planning)
{
    struct price idle = {0};

    price_add_calls(&idle, estimate_exact(1), CATALOG_ME_COST);
    for (unsigned i = 0; i < STREAM_COUNT; i++) {
        const struct stream *stream = planning->subjects[i].stream;

        for (unsigned list = 0; stream && !plan_is_child(stream) && list < stream->list_count;
             list++)
            if (planning->schedule.every_s[stream->lists[list].interval] == 0)
                price_add_calls(&idle, estimate_exact(1), stream->lists[list].cost_tokens);
    }
    return idle;
}

static void report_table(const struct planning *planning, struct subject *subject)
{
    struct plan_table *row = &subject->row;

    row->next = report_price(planning, &subject->price[NEXT]);
    row->day = report_price(planning, &subject->price[DAY]);
    row->refresh = report_price(planning, &subject->price[REFRESH]);
    row->pass = report_price(planning, &subject->price[PASS]);
    planning->report->pass_tokens += row->pass.tokens.high;
    g_array_append_val(planning->report->tables, *row);
}

void plan_fill_report(struct planning *planning)
{
    struct plan_report *report = planning->report;
    const struct price idle = price_idle(planning);

    for (unsigned i = 0; i < STREAM_COUNT; i++)
        if (planning->subjects[i].stream)
            report_table(planning, &planning->subjects[i]);
    report->next = report_run(planning, NEXT);
    report->day = report_run(planning, DAY);
    report->refresh = report_run(planning, REFRESH);
    report->idle = report_price(planning, &idle);
    report->burst_limit = planning->api.burst_limit;
    report->daily_limit = planning->api.daily_limit;
    report->daily_remaining = planning->api.daily_remaining;
    report->days = report->daily_limit > 0
                       ? (double)report->next.tokens.high / (double)report->daily_limit
                       : -1;
    report->spent_tokens = planning->api.tokens;
}
