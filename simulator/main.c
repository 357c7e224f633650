#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include "http.h"

static void print_ready(const struct sim *sim, int port)
{
    struct buf b = {0};
    buf_printf(&b, "{\"url\":\"http://127.0.0.1:%d\",\"companies\":[", port);
    for (int i = 0; i < sim->n_companies; i++) {
        struct company *c = sim->companies[i];
        g_mutex_lock(&c->lock); /* a client may be there already */
        buf_printf(&b,
                   "%s{\"company_id\":%d,\"domain\":\"%s\",\"token\":\"%s\",\"user_id\":%d,"
                   "\"member_token\":\"%s\"}",
                   i ? "," : "", c->id, c->domain, c->admin_token, c->admin_id, c->member_token);
        g_mutex_unlock(&c->lock);
    }
    BUF_LIT(&b, "]}");
    puts(buf_cstr(&b));
    fflush(stdout);
    buf_done(&b);
}

static void sim_init(struct sim *sim)
{
    const struct options *o = &sim->options;
    g_mutex_init(&sim->clock.lock);
    g_mutex_init(&sim->admin_lock);
    sim_set_clock(sim, o->now, o->frozen_clock);
    sim->no_limits = o->no_limits;
    faults_init(&sim->faults, (uint64_t)o->seed);
    stats_init(&sim->stats);
    sim->n_companies = o->companies;
    sim->companies = g_new0(struct company *, (size_t)o->companies);
    for (int i = 0; i < o->companies; i++)
        sim->companies[i] = company_new(o, i);
}

static void sim_done(struct sim *sim)
{
    for (int i = 0; i < sim->n_companies; i++)
        company_free(sim->companies[i]);
    g_free(sim->companies);
    faults_done(&sim->faults);
    stats_done(&sim->stats);
    g_mutex_clear(&sim->clock.lock);
    g_mutex_clear(&sim->admin_lock);
}

int main(int argc, char **argv)
{
    static struct sim sim;
    sigset_t signals;
    int signal;

    if (!options_parse(&sim.options, argc, argv))
        return 2;
    /* Blocked in every thread, awaited in this one. */
    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGINT);
    pthread_sigmask(SIG_BLOCK, &signals, NULL);

    sim_init(&sim);
    struct http *http = http_start(&sim, sim.options.port);
    if (!http) {
        fprintf(stderr, "pipedrive-sim: cannot listen on port %d\n", sim.options.port);
        return 1;
    }
    /* The clock starts when requests can come, however long the data took to make. */
    sim_set_clock(&sim, sim.options.now, sim.options.frozen_clock);
    print_ready(&sim, http_port(http));
    sigwait(&signals, &signal);
    g_atomic_int_set(&sim.stopping, 1);
    http_stop(http);
    sim_done(&sim);
    return 0;
}
