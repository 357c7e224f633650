#include "sync/budget.h"

#include <string.h>

/* Hundredths of a percent. */
#define WHOLE  INT64_C(10000)
#define PLENTY (INT64_MAX / 2)
#define HOUR_S INT64_C(3600)

/* --- settings --- */

static bool digits_parse(const char **text, int64_t most, int64_t *ret)
{
    int64_t value = 0;
    const char *at = *text;

    for (; g_ascii_isdigit(*at); at++) {
        value = value * 10 + (*at - '0');
        if (value > most)
            return false;
    }
    *ret = value;
    return at != *text && (*text = at);
}

bool budget_amount_parse(const char *text, bool may_be_percent, struct budget_amount *ret)
{
    int64_t whole, part = 0;

    if (!digits_parse(&text, BUDGET_TOKENS_MAX, &whole))
        return false;
    *ret = (struct budget_amount){.is_set = true, .value = whole};
    if (*text == '\0')
        return true;
    if (*text == '.' && g_ascii_isdigit(text[1])) {
        part = (text[1] - '0') * 10;
        text += 2;
        if (g_ascii_isdigit(*text))
            part += *text++ - '0';
    }
    *ret = (struct budget_amount){true, true, whole * 100 + part};
    return may_be_percent && strcmp(text, "%") == 0 && ret->value <= WHOLE;
}

static int64_t amount_of(struct budget_amount amount, struct budget_amount otherwise, int64_t whole)
{
    struct budget_amount a = amount.is_set ? amount : otherwise;

    /* No overflow: whole is at most BUDGET_TOKENS_MAX. */
    return a.is_percent ? whole * a.value / WHOLE : a.value;
}

/* --- the log --- */

void budget_log_init(struct budget_log *log)
{
    log->entries = g_array_new(FALSE, TRUE, sizeof(struct budget_entry));
}

void budget_log_done(struct budget_log *log)
{
    g_clear_pointer(&log->entries, g_array_unref);
}

static struct budget_entry *entry_at(const struct budget_log *log, unsigned i)
{
    return &g_array_index(log->entries, struct budget_entry, i);
}

static void merge_into_next(struct budget_log *log, unsigned i)
{
    struct budget_entry *entry = entry_at(log, i), *next = entry_at(log, i + 1);

    next->daily += entry->daily;
    next->backfill += entry->backfill;
    g_array_remove_index(log->entries, i);
}

/* The two that are nearest in time. */
static void merge_nearest(struct budget_log *log)
{
    unsigned best = 0;
    int64_t least_s = INT64_MAX;

    for (unsigned i = 0; i + 1 < log->entries->len; i++) {
        int64_t apart_s = entry_at(log, i + 1)->second - entry_at(log, i)->second;

        if (apart_s < least_s) {
            least_s = apart_s;
            best = i;
        }
    }
    merge_into_next(log, best);
}

bool budget_log_heed_clock(struct budget_log *log, int64_t now_s)
{
    bool heeded = false;

    for (unsigned i = 0; i < log->entries->len; i++) {
        struct budget_entry *entry = entry_at(log, i);

        heeded |= entry->second > now_s;
        entry->second = MIN(entry->second, now_s);
    }
    return heeded;
}

void budget_log_tidy(struct budget_log *log, int64_t now_s)
{
    unsigned old = 0;

    while (old < log->entries->len && entry_at(log, old)->second <= now_s - BUDGET_COUNTS_S)
        old++;
    if (old > 0)
        g_array_remove_range(log->entries, 0, old);
    for (unsigned i = log->entries->len; i-- > 1;)
        if (entry_at(log, i - 1)->second == entry_at(log, i)->second)
            merge_into_next(log, i - 1);
    while (log->entries->len > BUDGET_ENTRIES_MAX)
        merge_nearest(log);
}

static int64_t *purse_of(struct budget_entry *entry, enum budget_class class)
{
    return class == BUDGET_CHECK || class == BUDGET_INCREMENTAL ? &entry->daily : &entry->backfill;
}

static void give_back(struct budget_log *log, int64_t second, enum budget_class class,
                      int64_t tokens)
{
    for (unsigned i = log->entries->len; tokens > 0 && i-- > 0;) {
        int64_t *purse = purse_of(entry_at(log, i), class);
        int64_t back = entry_at(log, i)->second > second ? 0 : MIN(tokens, *purse);

        *purse -= back;
        tokens -= back;
    }
}

void budget_log_add(struct budget_log *log, int64_t second, enum budget_class class, int64_t tokens)
{
    struct budget_entry entry = {.second = second};
    unsigned at = log->entries->len;

    if (tokens < 0) {
        give_back(log, second, class, -tokens);
        return;
    }
    *purse_of(&entry, class) = tokens;
    while (at > 0 && entry_at(log, at - 1)->second > second)
        at--;
    if (at > 0 && entry_at(log, at - 1)->second == second)
        *purse_of(entry_at(log, at - 1), class) += tokens;
    else
        g_array_insert_val(log->entries, at, entry);
}

int64_t budget_log_used(const struct budget_log *log, bool backfill_only)
{
    int64_t used = 0;

    for (unsigned i = 0; i < log->entries->len; i++)
        used += entry_at(log, i)->backfill + (backfill_only ? 0 : entry_at(log, i)->daily);
    return used;
}

/* --- the pool --- */

void budget_init(struct budget *budget, const struct budget_settings *settings)
{
    *budget = (struct budget){.settings = *settings, .left = -1, .left_ms = INT64_MIN};
}

int64_t budget_pool(const struct budget *budget)
{
    if (budget->limit > 0)
        return budget->limit;
    if (budget->settings.pool.is_set)
        return budget->settings.pool.value;
    return budget->remembered > 0 ? budget->remembered : BUDGET_POOL_DEFAULT;
}

int64_t budget_reserve(const struct budget *budget)
{
    return amount_of(budget->settings.reserve,
                     (struct budget_amount){.value = BUDGET_RESERVE_DEFAULT}, budget_pool(budget));
}

int64_t budget_share(const struct budget *budget)
{
    int64_t pool = budget_pool(budget);
    int64_t share = amount_of(budget->settings.per_day,
                              (struct budget_amount){true, true, BUDGET_PER_DAY_DEFAULT}, pool);

    return CLAMP(share, 0, MAX(pool - budget_reserve(budget), 0));
}

int64_t budget_backfill_share(const struct budget *budget)
{
    int64_t share = budget_share(budget);

    return MIN(share,
               amount_of(budget->settings.backfill,
                         (struct budget_amount){true, true, BUDGET_BACKFILL_DEFAULT}, share));
}

static bool is_backfill(enum budget_class class)
{
    return class == BUDGET_RECONCILE || class == BUDGET_BACKFILL;
}

/* What others, and for backfill the daily runs, may still want of what is left. */
static int64_t kept_back(const struct budget *budget, const struct budget_log *log,
                         enum budget_class class)
{
    int64_t daily = budget_share(budget) - budget_backfill_share(budget);
    int64_t used = budget_log_used(log, false) - budget_log_used(log, true);

    return budget_reserve(budget) + (is_backfill(class) ? MAX(daily - used, 0) : 0);
}

enum budget_verdict budget_ask(const struct budget *budget, const struct budget_log *log,
                               enum budget_class class, int64_t tokens)
{
    const struct budget_amount *run = &budget->settings.run;

    if (run->is_set && budget->spent + tokens > run->value)
        return BUDGET_RUN_SPENT;
    /* A reserve that leaves nothing of any day is a matter of the share, not of today. */
    if (class != BUDGET_CHECK && budget->left >= 0 &&
        budget_pool(budget) - budget_reserve(budget) >= tokens &&
        budget->left - budget->in_flight - tokens < kept_back(budget, log, class))
        return BUDGET_POOL_SPENT;
    return BUDGET_GO;
}

int64_t budget_room(const struct budget *budget, const struct budget_log *log,
                    enum budget_class class, enum budget_verdict *ret_why)
{
    int64_t room = budget_share(budget) - budget_log_used(log, false);
    int64_t backfill = budget_backfill_share(budget) - budget_log_used(log, true);

    *ret_why = BUDGET_SHARE_SPENT;
    if (class == BUDGET_CHECK)
        return PLENTY;
    if (is_backfill(class) && backfill < room) {
        *ret_why = BUDGET_BACKFILL_SPENT;
        return MAX(backfill, 0);
    }
    return MAX(room, 0);
}

int64_t budget_wait_s(const struct budget *budget, const struct budget_log *log,
                      enum budget_class class, int64_t tokens, int64_t now_s)
{
    int64_t room = budget_share(budget) - budget_log_used(log, false);
    int64_t backfill =
        is_backfill(class) ? budget_backfill_share(budget) - budget_log_used(log, true) : PLENTY;

    if (class == BUDGET_CHECK || (room >= tokens && backfill >= tokens))
        return 0;
    for (unsigned i = 0; i < log->entries->len; i++) {
        const struct budget_entry *entry = entry_at(log, i);

        room += entry->daily + entry->backfill;
        backfill += is_backfill(class) ? entry->backfill : 0;
        if (room >= tokens && backfill >= tokens)
            return CLAMP(entry->second + BUDGET_COUNTS_S - now_s, 1, BUDGET_COUNTS_S);
    }
    return -1;
}

int64_t budget_new_day_s(int64_t now_s)
{
    return HOUR_S - now_s % HOUR_S;
}

void budget_sent(struct budget *budget, int64_t tokens)
{
    budget->in_flight += tokens;
    budget->spent += tokens;
}

void budget_answer(struct budget *budget, int64_t sent_ms, int64_t tokens, int64_t limit,
                   int64_t left)
{
    budget->in_flight = MAX(budget->in_flight - tokens, 0);
    if (limit > 0 && limit <= BUDGET_TOKENS_MAX && sent_ms >= budget->left_ms)
        budget->limit = limit;
    if (left < 0 || left > (budget->limit > 0 ? budget->limit : BUDGET_TOKENS_MAX)) {
        if (budget->left >= 0)
            budget->left = MAX(budget->left - tokens, 0);
        return;
    }
    /* Answers overtake each other. One that departed earlier may know of less that was spent; of
     * two that departed together the smaller number is the later. */
    if (sent_ms > budget->left_ms || budget->left < 0)
        budget->left = left;
    else if (sent_ms == budget->left_ms)
        budget->left = MIN(budget->left, left);
    else
        return;
    budget->left_ms = sent_ms;
}
