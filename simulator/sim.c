#include "sim.h"

int64_t sim_now(struct sim *sim)
{
    struct sim_clock *clock = &sim->clock;
    g_mutex_lock(&clock->lock);
    int64_t now = clock->start;
    if (!clock->frozen)
        now += (g_get_monotonic_time() - clock->started_us) / 1000000;
    g_mutex_unlock(&clock->lock);
    return now;
}

bool sim_clock_frozen(struct sim *sim)
{
    g_mutex_lock(&sim->clock.lock);
    bool frozen = sim->clock.frozen;
    g_mutex_unlock(&sim->clock.lock);
    return frozen;
}

void sim_set_clock(struct sim *sim, int64_t now, bool frozen)
{
    struct sim_clock *clock = &sim->clock;
    g_mutex_lock(&clock->lock);
    clock->start = now;
    clock->started_us = g_get_monotonic_time();
    clock->frozen = frozen;
    g_mutex_unlock(&clock->lock);
}

struct company *sim_company(struct sim *sim, int64_t id)
{
    if (id == 0)
        return sim->companies[0];
    for (int i = 0; i < sim->n_companies; i++)
        if (sim->companies[i]->id == id)
            return sim->companies[i];
    return NULL;
}

void sim_sleep_us(struct sim *sim, int64_t us)
{
    int64_t end = g_get_monotonic_time() + us;
    for (int64_t left = us; left > 0 && !g_atomic_int_get(&sim->stopping);
         left = end - g_get_monotonic_time())
        g_usleep((gulong)MIN(left, 50000));
}
