/* The I/O thread and the budget: which class a request belongs to, what happens when nothing may
 * be sent any more, and what is said about it. */
#include "base/format.h"
#include "sync/extract_private.h"

#include <string.h>

/* Tokens of the share that become free within this time are waited for: so a run at the same time
 * each day can follow the one of the day before. When the company's day is new is a guess, which
 * only a request could confirm: the next run's. */
#define PATIENCE_S 120
/* Whoever had one burst 429 after the other competes with somebody who will not be done at once. */
#define BUSY_S INT64_C(60)
/* How long the firewall blocks is not known (API.md section 4): an hour hammers nobody. */
#define BLOCK_S INT64_C(3600)

/* --- the purse --- */

static void tell_warning(struct extract *x)
{
    g_autofree char *text = g_steal_pointer(&x->purse.warning);

    if (text && !x->ledger_warned)
        extract_warn(x, NULL, text);
    x->ledger_warned |= text != NULL;
}

bool extract_may_ask_who(const struct extract *x, GError **error)
{
    const struct budget_amount *run = &x->settings->budget.run;

    if (!run->is_set || run->value >= CATALOG_ME_COST)
        return true;
    error_setf(error, PENSTOCK_ERROR_PARKED,
               "--max-tokens %" G_GINT64_FORMAT " is less than the %d that a run costs at least: "
               "allow it more",
               run->value, CATALOG_ME_COST);
    return false;
}

void extract_open_purse(struct extract *x)
{
    int64_t now_ms = clock_monotonic_ms();

    purse_open(&x->purse, &x->settings->budget, x->settings->state_dir, x->who.company_id,
               api_now(&x->api));
    purse_answer(&x->purse, now_ms, 0, x->api.daily_limit, x->api.daily_remaining);
    if (ledger_is_file(x->purse.ledger))
        purse_note(&x->purse, x->api.tokens);
    tell_warning(x);
}

void extract_restore_budget(struct extract *x, GHashTable *states)
{
    const char *text = g_hash_table_lookup(states, "budget");

    if (ledger_is_file(x->purse.ledger))
        return;
    if (text && !ledger_take_text(x->purse.ledger, text))
        extract_warn(x, NULL,
                     "what was spent in the last 24 hours is not known: its record in "
                     "_penstock_state was damaged");
    purse_note(&x->purse, x->api.tokens);
}

static void push_state(struct extract *x, const char *name, char *text)
{
    struct work *work = work_new(WORK_COMMIT, NULL, NULL);

    work->now = api_now(&x->api);
    work->state_name = g_strdup(name);
    work->state = text;
    x->works++;
    loader_push(x->loader, work);
}

/* A ledger in memory survives in the destination, a commit behind: a kill may forget a block. */
static void keep_ledger(struct extract *x)
{
    tell_warning(x);
    if (!x->purse.changed || ledger_is_file(x->purse.ledger))
        return;
    x->purse.changed = false;
    push_state(x, "budget", ledger_text(x->purse.ledger));
}

void extract_close_purse(struct extract *x)
{
    if (!purse_is_open(&x->purse))
        return;
    purse_close(&x->purse);
    if (x->loader)
        keep_ledger(x);
}

/* --- one request --- */

static enum budget_class class_of_leg(const struct job *job)
{
    enum leg leg = job->leg < job->leg_count ? job->legs[job->leg].leg : LEG_HEAD;

    switch (leg) {
    case LEG_HEAD:
        return job->backfill_leg ? BUDGET_BACKFILL : BUDGET_INCREMENTAL;
    case LEG_AGAIN:
    case LEG_STRETCH:
        return BUDGET_BACKFILL;
    case LEG_PASS:
    case LEG_CONFIRM:
        return BUDGET_RECONCILE;
    }
    g_assert_not_reached();
}

static enum budget_class class_of(const struct job *job)
{
    switch (job->stream->walk) {
    case WALK_FLOW:
        return BUDGET_BACKFILL;
    case WALK_LINES:
        break;
    case WALK_CURSOR_TIME:
    case WALK_NOTES:
    case WALK_FILES:
    case WALK_WHOLE:
        if (job->phase != JOB_FIELDS)
            return class_of_leg(job);
    }
    return job->progress.first_load ? BUDGET_BACKFILL : BUDGET_INCREMENTAL;
}

/* Histories of deals are dear and can wait: they leave half of the backfill to first loads and full
 * passes. */
static bool is_late(const struct extract *x, const struct job *job)
{
    if (job->stream->walk != WALK_FLOW)
        return false;
    for (unsigned i = 0; i < STREAM_COUNT; i++) {
        const struct job *other = x->jobs[i];

        if (other && other != job && !job_is_ended(other) &&
            (other->progress.first_load || class_of(other) == BUDGET_RECONCILE))
            return true;
    }
    return false;
}

static int cost_of(const struct task *task)
{
    return task->walk ? walk_cost(task->walk) : CATALOG_FIELDS_COST;
}

/* The nearest hope counts; a run's own limit before all, since the next run may go at once. */
static void note_held(struct extract *x, enum budget_verdict why, int64_t wait_s, int cost)
{
    bool is_nearer = wait_s >= 0 && (x->held_wait_s < 0 || wait_s < x->held_wait_s);

    if (x->held != BUDGET_GO &&
        (x->held == BUDGET_RUN_SPENT || (why != BUDGET_RUN_SPENT && !is_nearer)))
        return;
    x->held = why;
    x->held_wait_s = wait_s;
    x->held_cost = cost;
}

bool extract_may_send(struct extract *x, struct task *task)
{
    enum budget_class class = class_of(task->job);
    enum budget_verdict why;
    GError *error = NULL;
    int64_t wait_s;

    task->cost_tokens = cost_of(task);
    if (!purse_pay(&x->purse, class, task->cost_tokens, is_late(x, task->job), &why, &wait_s,
                   &error)) {
        extract_stop(x, error, true);
        return false;
    }
    keep_ledger(x);
    task->class = class;
    if (why != BUDGET_GO) {
        note_held(x, why, wait_s, task->cost_tokens);
        x->held_jobs |= 1u << task->job->stream->id;
    }
    return why == BUDGET_GO;
}

bool extract_affords(const struct extract *x, const struct job *job, unsigned calls)
{
    return purse_affords(&x->purse, class_of(job),
                         (int64_t)calls * job->stream->lists[0].cost_tokens);
}

void extract_not_sent(struct extract *x, const struct task *task)
{
    purse_refund(&x->purse, task->class, task->cost_tokens);
}

void extract_paid_answer(struct extract *x, const struct task *task,
                         const struct http_answer *answer)
{
    purse_hear_time(&x->purse, answer->headers.date);
    purse_answer(&x->purse, clock_monotonic_ms() - answer->took_ms, task->cost_tokens,
                 answer->headers.daily_limit, answer->headers.daily_remaining);
}

/* --- nothing may be sent --- */

static void append_left(const struct extract *x, GString *text)
{
    const char *before = "; left to do: ";

    for (unsigned i = 0; i < STREAM_COUNT; i++) {
        const struct job *job = x->jobs[i];

        if (!job || !job->selected || job_is_ended(job))
            continue;
        g_string_append_printf(text, "%s%s", before, job->stream->name);
        if (job->progress.queue > 0)
            g_string_append_printf(text, " (%s deals)", COUNT_TEXT(job->progress.queue));
        before = ", ";
    }
}

/* A run that is let go on asks first who the token belongs to. */
static int64_t least_of_a_run(const struct extract *x)
{
    return CATALOG_ME_COST + x->held_cost;
}

static bool another_run_helps(const struct extract *x)
{
    return x->held == BUDGET_RUN_SPENT && x->purse.budget.settings.run.value >= least_of_a_run(x);
}

static void append_run_spent(const struct extract *x, GString *text)
{
    int64_t most = x->purse.budget.settings.run.value;

    if (another_run_helps(x))
        g_string_append_printf(text, "stopped at --max-tokens %" G_GINT64_FORMAT, most);
    else
        g_string_append_printf(text,
                               "--max-tokens %" G_GINT64_FORMAT
                               " is less than a run with one request costs: allow it at least "
                               "%" G_GINT64_FORMAT,
                               most, least_of_a_run(x));
}

static void append_reason(const struct extract *x, GString *text)
{
    const struct budget *budget = &x->purse.budget;
    int64_t share = budget_share(budget), backfill = budget_backfill_share(budget);
    bool for_backfill = x->held == BUDGET_BACKFILL_SPENT && share >= x->held_cost;
    int64_t most = for_backfill ? backfill : share;
    int64_t pool = budget_pool(budget), reserve = budget_reserve(budget);

    switch (x->held) {
    case BUDGET_RUN_SPENT:
        append_run_spent(x, text);
        return;
    case BUDGET_POOL_SPENT:
        g_string_append_printf(
            text,
            "the company has %s tokens left of its day, and the rest is kept for people and for "
            "daily runs (budget: reserve, backfill)",
            COUNT_TEXT(budget->left));
        return;
    case BUDGET_SHARE_SPENT:
    case BUDGET_BACKFILL_SPENT:
    case BUDGET_GO:
        break;
    }
    if (share < x->held_cost && pool - reserve < x->held_cost) {
        g_string_append_printf(text,
                               "the company has %s tokens a day, of which %s are kept for others: "
                               "lower that (budget: reserve)",
                               COUNT_TEXT(pool), COUNT_TEXT(reserve));
        return;
    }
    g_string_append_printf(text, "the budget of %s tokens in 24 hours%s ", COUNT_TEXT(most),
                           for_backfill ? " for first loads, full passes and histories" : "");
    if (most < x->held_cost)
        g_string_append_printf(text, "is less than a request costs (%d): raise it (%s)",
                               x->held_cost,
                               for_backfill ? "budget: backfill" : "--budget, or budget: per_day");
    else
        g_string_append_printf(text, "is used up (budget: %s)",
                               for_backfill ? "per_day, backfill" : "per_day");
}

static GError *parked_error(const struct extract *x)
{
    GString *text = g_string_new(NULL);
    struct error_detail detail = {.retry_after_ms = MAX(x->held_wait_s, 0) * 1000};
    GError *error;

    append_reason(x, text);
    append_left(x, text);
    if (another_run_helps(x))
        g_string_append(text, "; run again to go on from here");
    error = g_error_new_literal(PENSTOCK_ERROR, PENSTOCK_ERROR_PARKED, text->str);
    error_set_detail(error, &detail);
    g_string_free(text, TRUE);
    return error;
}

/* Something under way will wake us, and may change what is left. */
static bool is_quiet(const struct extract *x)
{
    unsigned works = x->works;

    for (unsigned i = 0; i < STREAM_COUNT; i++)
        works += x->jobs[i] ? x->jobs[i]->works : 0;
    return works == 0 && http_client_in_flight(x->api.client) == 0;
}

bool extract_is_held_in_pass(const struct extract *x, const struct job *job)
{
    return x->held_jobs >> job->stream->id & 1 && job->works == 0 &&
           class_of(job) == BUDGET_RECONCILE;
}

static bool some_child_may_start(const struct extract *x)
{
    const struct job *deals = x->jobs[STREAM_DEALS];
    const struct job *lines = x->jobs[STREAM_DEAL_PRODUCTS], *flow = x->jobs[STREAM_DEALFLOW];

    return deals && extract_is_held_in_pass(x, deals) &&
           ((lines && lines->phase == JOB_WAITING) || (flow && flow->phase == JOB_WAITING));
}

int64_t extract_wait_for_budget(struct extract *x, int64_t wait_ms)
{
    if (x->held == BUDGET_GO || wait_ms >= 0 || !is_quiet(x))
        return wait_ms;
    if (some_child_may_start(x))
        return 0;
    if ((x->held == BUDGET_SHARE_SPENT || x->held == BUDGET_BACKFILL_SPENT) &&
        x->held_wait_s >= 0 && x->held_wait_s <= PATIENCE_S)
        return (x->held_wait_s + 1) * 1000;
    extract_stop(x, parked_error(x), true);
    return 0;
}

/* --- when to come back --- */

/* Milliseconds; 0: it depends on a person. */
static int64_t worth_waiting_ms(const GError *error, int64_t now_s)
{
    const struct error_detail *detail = error_detail(error);

    if (error_is(error, PENSTOCK_ERROR_THROTTLED))
        return MAX(detail->retry_after_ms, BUSY_S * 1000);
    if (detail->retry_after_ms > 0)
        return detail->retry_after_ms;
    switch (detail->origin_code) {
    case 403:
        return BLOCK_S * 1000;
    case 429:
        return budget_new_day_s(now_s) * 1000;
    }
    return 0;
}

bool extract_is_parked(const struct extract *x)
{
    return x->parked || error_is(x->error, PENSTOCK_ERROR_PARKED) ||
           error_is(x->error, PENSTOCK_ERROR_THROTTLED);
}

void extract_say_when(struct extract *x)
{
    int64_t now_s = api_now(&x->api) / INSTANT_SECOND;
    struct error_detail detail;
    char at[INSTANT_TEXT_BYTES];

    if (!extract_is_parked(x) || api_now(&x->api) == INSTANT_NONE)
        return;
    detail = *error_detail(x->error);
    detail.retry_after_ms = worth_waiting_ms(x->error, now_s);
    if (detail.retry_after_ms <= 0)
        return;
    error_set_detail(x->error, &detail);
    instant_format_rfc3339((now_s + detail.retry_after_ms / 1000) * INSTANT_SECOND, at);
    g_autofree char *before = g_steal_pointer(&x->error->message);
    x->error->message = g_strdup_printf("%s; next try: %s", before, at);
}
