/* Plan: what the children of deals cost, which are read from the queue of deals that changed. */
#include "sync/plan_private.h"

#include "sync/plan_stored.h"

/* The call for the highest id of the deals, by which a sync tells its price (price.c). */
#define TELL_COST 10

/* Deals that one of the runs reads, by what is known of them. */
struct reading {
    enum census_kind all, recent; /* kinds that count */
    int64_t backlog;              /* wait already */
    struct estimate first, day, next;
};

/* Of both lists, whoever counted them. */
static struct estimate count_deals(const struct subject *deals, const struct census *lists,
                                   enum census_kind kind)
{
    return deals->stream ? census_estimate_both(&lists[0], &lists[1], kind) : estimate_exact(0);
}

/* Will all deals be queued again (job_children.c)? */
static bool all_are_due(const struct planning *planning, const struct subject *subject)
{
    const struct sync_settings *settings = planning->settings;

    if (!subject->state.seeded)
        return true;
    return subject->stream->walk == WALK_LINES && plan_is_selected(planning, STREAM_DEALS) &&
           schedule_is_due(&planning->schedule, subject->state.full_at,
                           schedule_full_every_s(settings->all_now, settings->full_every_s));
}

/* Deals that the next sync will queue, because they changed: those since its last walk began; those
 * of the minute before it may have been queued then. */
static struct estimate news(const struct subject *deals, const struct reading *reading)
{
    struct estimate recent, rows, since;

    if (!deals->stream || deals->first_load)
        return (struct estimate){0, 0, reading->day.high};
    recent = count_deals(deals, deals->changes, reading->recent);
    rows = count_deals(deals, deals->changes, CENSUS_ROWS);
    since = count_deals(deals, deals->changes, CENSUS_RECENT);
    recent.high += MAX(rows.value - since.value, 0);
    return recent;
}

/* Those that wait, and what is new meanwhile, or all. What is new may be among those that wait. */
static struct estimate next_deals(const struct planning *planning, const struct subject *subject,
                                  const struct reading *reading)
{
    double waiting = (double)reading->backlog;
    struct estimate all = reading->first, next = estimate_exact(waiting), more;

    if (all_are_due(planning, subject))
        next = (struct estimate){MAX(all.low, waiting), MAX(all.value, waiting),
                                 MAX(all.high, waiting)};
    if (!subject->state.seeded)
        return next;
    more = news(&planning->subjects[STREAM_DEALS], reading);
    return (struct estimate){MAX(next.low, more.low), MAX(next.value, more.value),
                             next.high + more.high};
}

static bool count_reading(struct planning *planning, const struct subject *subject,
                          struct reading *ret, GError **error)
{
    const struct subject *deals = &planning->subjects[STREAM_DEALS];
    bool lines = subject->stream->walk == WALK_LINES;

    *ret = (struct reading){.all = lines ? CENSUS_SOLD : CENSUS_ALIVE, .recent = CENSUS_MOVED};
    if (lines)
        ret->recent = CENSUS_RECENT_SOLD;
    else if (planning->settings->dealflow == DEALFLOW_ALL)
        ret->recent = CENSUS_RECENT;
    if (!memory_backlog(&planning->memory, subject->stream->name, &ret->backlog, error))
        return false;
    ret->first = count_deals(deals, deals->lists, ret->all);
    ret->day = plan_day_of(count_deals(deals, deals->lists, ret->recent));
    ret->next = next_deals(planning, subject, ret);
    return true;
}

/* All lines, and of the deals that changed those that had none. */
static bool price_lines_of(struct planning *planning, struct subject *subject,
                           const struct reading *reading, GError **error)
{
    const struct subject *deals = &planning->subjects[STREAM_DEALS];
    double mean = deals->stream ? census_lines_mean(&deals->lists[0], &deals->lists[1]) : 0;
    struct estimate all = reading->first;
    int64_t sold = 0;

    if (subject->state.seeded) {
        if (!stored_sold(&planning->memory, &sold, error))
            return false;
        all = estimate_exact((double)sold);
    }
    price_lines(&subject->price[NEXT], reading->next, mean);
    price_lines(&subject->price[DAY], reading->day, mean);
    price_lines(&subject->price[PASS], all, mean);
    subject->row.note = subject->state.seeded && reading->next.low > reading->day.high &&
                                all_are_due(planning, subject)
                            ? "all deals, as every week"
                            : "100 deals a call";
    return true;
}

static void price_histories_of(struct subject *subject, const struct reading *reading)
{
    price_histories(&subject->price[NEXT], reading->next);
    price_histories(&subject->price[DAY], reading->day);
    if (!subject->state.seeded)
        price_add_more(&subject->price[NEXT], 1, TELL_COST);
    subject->row.note = "one deal a call";
}

bool plan_price_children(struct planning *planning, struct subject *subject, GError **error)
{
    struct price *refresh = &subject->price[REFRESH], *pass = &subject->price[PASS];
    struct reading reading;

    if (!count_reading(planning, subject, &reading, error))
        return false;
    if (subject->stream->walk == WALK_FLOW)
        price_histories_of(subject, &reading);
    else if (!price_lines_of(planning, subject, &reading, error))
        return false;
    subject->row.first_load = !subject->state.seeded;
    *refresh = price_sum_joint(subject->price[subject->state.seeded ? NEXT : DAY], *pass);
    refresh->calls.low = pass->calls.low;
    refresh->tokens.low = pass->tokens.low;
    return true;
}
