/* The command line. Parsed once, read-only afterwards. */
#ifndef SIM_OPTIONS_H
#define SIM_OPTIONS_H

#include "switches.h"
#include "table.h"

enum plan {
    PLAN_LITE,
    PLAN_GROWTH,
    PLAN_PREMIUM,
    PLAN_ULTIMATE,
    N_PLANS
};

enum {
    SEATS_MAX = 100000
};

struct options {
    int port;
    int companies;
    int64_t seed;
    int64_t now;              /* seconds since 1970 */
    int32_t rows[N_ENTITIES]; /* -1: by size */
    int tie_percent[N_ENTITIES];
    int deals_with_products, archived, deleted; /* percent */
    int deleted_deals;                          /* -1: 2 % */
    int null_update_time;                       /* rows per table */
    int custom_fields, big_deal_lines;
    enum plan plan;
    int seats;
    int burst; /* requests per window; 0: the plan's */
    int latency_ms, jitter_ms;
    bool frozen_clock, no_limits, quiet;
    struct switches switches;
};

/* On a bad option prints why on stderr and returns false. */
bool options_parse(struct options *o, int argc, char **argv);
/* "deals", "dealFields"…: the entity of a table name, or -1. */
int entity_by_name(const char *name);
const char *entity_name(enum entity e);
int plan_by_name(const char *name);
const char *plan_name(enum plan plan);

#endif
