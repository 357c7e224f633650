#include "throttle.h"

#include "company.h"
#include "times.h"

/* Docs, page of 2026-09-17: requests per 2 s for an API token, and the multiplier of the daily
 * budget. */
static const int windows[N_PLANS] = {20, 40, 100, 120};
static const int multipliers[N_PLANS] = {1, 2, 5, 7};

void limits_init(struct limits *l, int burst)
{
    l->burst = burst;
    l->room = burst;
    for (int p = 0; p < N_PLANS; p++)
        l->room = MAX(l->room, windows[p]);
    l->of_admin.at_us = g_new0(int64_t, (size_t)l->room);
    l->of_member.at_us = g_new0(int64_t, (size_t)l->room);
}

void limits_done(struct limits *l)
{
    g_free(l->of_admin.at_us);
    g_free(l->of_member.at_us);
}

static struct burst *burst_of(const struct company *c, int user)
{
    struct limits *l = (struct limits *)&c->limits;
    return user == c->admin_id ? &l->of_admin : &l->of_member;
}

int limits_window(const struct company *c)
{
    return c->limits.burst ? c->limits.burst : windows[c->plan];
}

int64_t limits_budget(const struct company *c)
{
    return (int64_t)DAY_TOKENS * multipliers[c->plan] * c->seats;
}

static int64_t day_of(const struct company *c, int64_t now)
{
    return (now + company_switch(c, SW_ZONE_OFFSET) * (int64_t)60) / DAY_S;
}

static void new_day(struct company *c, int64_t now)
{
    int64_t day = day_of(c, now);
    if (day == c->limits.day)
        return;
    c->limits.day = day;
    c->limits.used_today = 0;
}

int64_t limits_left(struct company *c, int64_t now)
{
    new_day(c, now);
    return MAX(limits_budget(c) - c->limits.used_today, 0);
}

void limits_charge(struct company *c, int64_t now, int tokens)
{
    new_day(c, now);
    c->limits.used_today += tokens;
}

int64_t limits_day_reset(const struct company *c, int64_t now)
{
    int64_t local = now + company_switch(c, SW_ZONE_OFFSET) * (int64_t)60;
    return DAY_S - local % DAY_S;
}

static void forget_old(const struct company *c, struct burst *b, int64_t now_us)
{
    while (b->n && now_us - b->at_us[b->first] >= BURST_WINDOW_US) {
        b->first = (b->first + 1) % c->limits.room;
        b->n--;
    }
}

int limits_window_left(const struct company *c, int user, int64_t now_us)
{
    struct burst *b = burst_of(c, user);
    forget_old(c, b, now_us);
    return MAX(limits_window(c) - b->n, 0);
}

int limits_window_reset(const struct company *c, int user, int64_t now_us)
{
    struct burst *b = burst_of(c, user);
    forget_old(c, b, now_us);
    int64_t left = b->n ? b->at_us[b->first] + BURST_WINDOW_US - now_us : BURST_WINDOW_US;
    return (int)MAX((left + 999999) / 1000000, 1);
}

/* A request inside the wait that an earlier refusal stated. Those that may have been in flight do
 * not count. */
static void note_ignored(struct company *c, struct burst *b, int64_t now_us)
{
    int64_t grace_us = company_switch(c, SW_BLOCK_GRACE) * (int64_t)1000;
    if (now_us >= b->wait_until_us) {
        b->ignored = 0;
        return;
    }
    if (now_us - b->refused_us < grace_us)
        return;
    int after = company_switch(c, SW_BLOCK_AFTER);
    if (after && ++b->ignored >= after) {
        b->blocked_until_us = now_us + company_switch(c, SW_BLOCK_SECONDS) * (int64_t)1000000;
        b->ignored = 0;
        b->wait_until_us = 0;
    }
}

static enum verdict refuse_burst(struct company *c, struct burst *b, int user, int64_t now_us)
{
    if (now_us >= b->wait_until_us) { /* a first refusal; later ones don't prolong the grace */
        b->refused_us = now_us;
        b->wait_until_us = now_us + limits_window_reset(c, user, now_us) * (int64_t)1000000;
    }
    return VERDICT_BURST;
}

enum verdict limits_ask(struct company *c, int user, int64_t now, int64_t now_us, bool enforce)
{
    struct burst *b = burst_of(c, user);
    if (!enforce) {
        b->n = 0;
        return VERDICT_GO;
    }
    forget_old(c, b, now_us);
    if (now_us < b->blocked_until_us)
        return VERDICT_BLOCKED;
    note_ignored(c, b, now_us);
    if (now_us < b->blocked_until_us)
        return VERDICT_BLOCKED;
    if (b->n >= limits_window(c))
        return refuse_burst(c, b, user, now_us);
    if (limits_left(c, now) == 0)
        return VERDICT_DAILY;
    b->at_us[(b->first + b->n++) % c->limits.room] = now_us;
    return VERDICT_GO;
}
