#include "sync/retry.h"

static struct retry_policy policy_filled(const struct retry_policy *policy)
{
    struct retry_policy filled = *policy;
    filled.base_ms = filled.base_ms > 0 ? filled.base_ms : 500;
    filled.cap_ms = filled.cap_ms > 0 ? filled.cap_ms : 60000;
    filled.max_tries = filled.max_tries > 0 ? filled.max_tries : 6;
    filled.max_data_tries = filled.max_data_tries > 0 ? filled.max_data_tries : 3;
    filled.max_throttles = filled.max_throttles > 0 ? filled.max_throttles : 20;
    return filled;
}

/* failures ≥ 1. Full jitter: many requests that failed together do not come back together. */
static int64_t backoff_ms(const struct retry_policy *policy, unsigned failures, double random)
{
    int64_t most_ms = policy->base_ms;
    for (unsigned i = 1; i < failures && most_ms < policy->cap_ms; i++)
        most_ms *= 2;
    return (int64_t)(random * (double)MIN(most_ms, policy->cap_ms));
}

static int64_t stated_ms(const struct retry_policy *policy, const GError *error)
{
    return CLAMP(error_detail(error)->retry_after_ms, 0, policy->cap_ms);
}

static struct retry_decision stop_run(bool parks)
{
    return (struct retry_decision){.action = RETRY_STOP_RUN, .parks = parks};
}

/* The request is lost: what that costs depends on what it was for. */
static struct retry_decision lose(enum call_scope scope)
{
    return (struct retry_decision){.action = scope == CALL_RECORD ? RETRY_GIVE_UP_REQUEST
                                                                  : RETRY_STOP_TABLE};
}

static struct retry_decision again(const struct retry_policy *policy, enum call_scope scope,
                                   struct retry_history *history, unsigned max_tries,
                                   const GError *error, double random)
{
    history->throttles = 0;
    history->failures++;
    if (history->failures >= max_tries)
        return lose(scope);
    int64_t wait_ms = backoff_ms(policy, history->failures, random);
    return (struct retry_decision){.action = RETRY_AFTER,
                                   .wait_ms = MAX(wait_ms, stated_ms(policy, error))};
}

static struct retry_decision throttled(const struct retry_policy *policy,
                                       struct retry_history *history, const GError *error,
                                       double random)
{
    history->throttles++;
    if (history->throttles >= policy->max_throttles)
        return stop_run(true);
    int64_t jitter_ms = (int64_t)(random * (double)policy->base_ms);
    return (struct retry_decision){.action = RETRY_AFTER,
                                   .wait_ms = stated_ms(policy, error) + jitter_ms};
}

struct retry_decision retry_decide(const struct retry_policy *policy, enum call_scope scope,
                                   struct retry_history *history, const GError *error,
                                   double random)
{
    struct retry_policy filled = policy_filled(policy);
    if (error->domain != PENSTOCK_ERROR)
        return stop_run(false);
    switch ((enum penstock_error)error->code) {
    case PENSTOCK_ERROR_RETRY:
        return again(&filled, scope, history, filled.max_tries, error, random);
    case PENSTOCK_ERROR_DATA:
        return again(&filled, scope, history, filled.max_data_tries, error, random);
    case PENSTOCK_ERROR_THROTTLED:
        return throttled(&filled, history, error, random);
    case PENSTOCK_ERROR_TOO_LARGE:
        return (struct retry_decision){.action = RETRY_SMALLER};
    case PENSTOCK_ERROR_GONE:
    case PENSTOCK_ERROR_REFUSED:
        return lose(scope);
    case PENSTOCK_ERROR_GUARD:
        return (struct retry_decision){.action = RETRY_STOP_TABLE};
    case PENSTOCK_ERROR_PARKED:
        return stop_run(true);
    case PENSTOCK_ERROR_AUTH:
    case PENSTOCK_ERROR_CONFIG:
    case PENSTOCK_ERROR_STORAGE:
    case PENSTOCK_ERROR_FENCED:
    case PENSTOCK_ERROR_CANCELLED:
    case PENSTOCK_ERROR_BUG:
        break;
    }
    return stop_run(false);
}

#define HOPELESS_RECORDS 5

void retry_streak_success(struct retry_streak *streak)
{
    *streak = (struct retry_streak){0};
}

void retry_streak_failure(struct retry_streak *streak, bool gave_up)
{
    streak->in_doubt = true;
    streak->given_up += gave_up;
}

bool retry_streak_is_hopeless(const struct retry_streak *streak)
{
    return streak->given_up >= (streak->was_hopeless ? 1 : HOPELESS_RECORDS);
}

const char *retry_action_name(enum retry_action action)
{
    switch (action) {
    case RETRY_AFTER:
        return "retry";
    case RETRY_SMALLER:
        return "smaller";
    case RETRY_GIVE_UP_REQUEST:
        return "give up request";
    case RETRY_STOP_TABLE:
        return "stop table";
    case RETRY_STOP_RUN:
        return "stop run";
    }
    g_return_val_if_reached("?");
}
