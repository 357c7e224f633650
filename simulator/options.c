#include "options.h"

#include <glib.h>
#include <stdio.h>
#include <stdlib.h>

#include "times.h"

/* Rows by --size: about 1,000, 50,000 and 500,000 with the product lines that deals bring along. */
struct entity_row {
    const char *name;
    const char *other_name; /* the path of the API, where it differs */
    bool option;
    int32_t rows[3];
};

static const struct entity_row entities[N_ENTITIES] = {
    [E_ACTIVITY] = {"activities", NULL, true, {250, 15000, 160000}},
    [E_DEAL] = {"deals", NULL, true, {150, 8000, 80000}},
    [E_PERSON] = {"persons", NULL, true, {140, 7500, 70000}},
    [E_ORG] = {"organizations", NULL, true, {80, 4500, 45000}},
    [E_PRODUCT] = {"products", NULL, true, {30, 500, 3000}},
    [E_PIPELINE] = {"pipelines", NULL, true, {3, 5, 8}},
    [E_STAGE] = {"stages", NULL, false, {0, 0, 0}},
    [E_NOTE] = {"notes", NULL, true, {80, 3000, 26000}},
    [E_FILE] = {"files", NULL, true, {60, 1500, 18000}},
    [E_FILTER] = {"filters", NULL, true, {10, 40, 100}},
    [E_USER] = {"users", NULL, true, {8, 25, 100}},
    [E_ACTIVITY_TYPE] = {"activity_types", "activityTypes", false, {9, 9, 9}},
    [E_CURRENCY] = {"currencies", "currency", false, {16, 16, 16}},
    [E_LINE] = {"deal_products", NULL, false, {0, 0, 0}},
};

static const char *const plans[N_PLANS] = {"lite", "growth", "premium", "ultimate"};

int entity_by_name(const char *name)
{
    for (int e = 0; e < N_ENTITIES; e++)
        if (strcmp(entities[e].name, name) == 0 ||
            (entities[e].other_name && strcmp(entities[e].other_name, name) == 0))
            return e;
    return -1;
}

const char *entity_name(enum entity e)
{
    return entities[e].name;
}

int plan_by_name(const char *name)
{
    for (int p = 0; p < N_PLANS; p++)
        if (strcmp(plans[p], name) == 0)
            return p;
    return -1;
}

const char *plan_name(enum plan plan)
{
    return plans[plan];
}

struct number_option {
    const char *name;
    size_t offset; /* of an int in struct options */
    int min, max;
};

#define NUMBER(option, field, min, max)                                                            \
    {                                                                                              \
        option, offsetof(struct options, field), min, max                                          \
    }

static const struct number_option numbers[] = {
    NUMBER("port", port, 0, 65535),
    NUMBER("companies", companies, 1, 200),
    NUMBER("deals-with-products", deals_with_products, 0, 100),
    NUMBER("archived", archived, 0, 100),
    NUMBER("deleted", deleted, 0, 100),
    NUMBER("deleted-deals", deleted_deals, 0, 100000000),
    NUMBER("null-update-time", null_update_time, 0, 100000000),
    NUMBER("custom-fields", custom_fields, 0, 1000),
    NUMBER("big-deal-lines", big_deal_lines, 0, 100000),
    NUMBER("seats", seats, 1, SEATS_MAX),
    NUMBER("burst", burst, 1, 1000000),
    NUMBER("latency-ms", latency_ms, 0, 600000),
    NUMBER("jitter-ms", jitter_ms, 0, 600000),
};

static bool complain(const char *option, const char *value)
{
    fprintf(stderr, "pipedrive-sim: bad option or value: --%s %s\n", option, value ? value : "");
    return false;
}

static bool parse_int(const char *value, long min, long max, long *ret)
{
    char *end;
    *ret = strtol(value, &end, 10);
    return end != value && !*end && *ret >= min && *ret <= max;
}

/* 1: taken; 0: not such an option; -1: bad value. */
static int take_number(struct options *o, const char *name, const char *value)
{
    long n;
    for (size_t i = 0; i < G_N_ELEMENTS(numbers); i++) {
        if (strcmp(numbers[i].name, name) != 0)
            continue;
        if (!parse_int(value, numbers[i].min, numbers[i].max, &n))
            return -1;
        *(int *)((char *)o + numbers[i].offset) = (int)n;
        return 1;
    }
    for (int e = 0; e < N_ENTITIES; e++) {
        if (!entities[e].option || strcmp(entities[e].name, name) != 0)
            continue;
        if (!parse_int(value, e == E_USER ? 2 : 0, 100000000, &n))
            return -1;
        o->rows[e] = (int32_t)n;
        return 1;
    }
    return 0;
}

static bool take_tie(struct options *o, const char *value)
{
    g_auto(GStrv) parts = g_strsplit(value, "=", 2);
    long percent;
    if (!parts[0] || !parts[1] || !parse_int(parts[1], 0, 100, &percent))
        return false;
    int e = entity_by_name(parts[0]);
    if (e < 0)
        return false;
    o->tie_percent[e] = (int)percent;
    return true;
}

static bool take_size(struct options *o, const char *value)
{
    static const char *const sizes[] = {"small", "medium", "large"};
    for (int s = 0; s < 3; s++) {
        if (strcmp(sizes[s], value) != 0)
            continue;
        for (int e = 0; e < N_ENTITIES; e++)
            if (o->rows[e] < 0)
                o->rows[e] = -2 - s; /* settled when all options are known */
        return true;
    }
    return false;
}

static bool take_value(struct options *o, const char *name, const char *value)
{
    int number = take_number(o, name, value);
    if (number)
        return number > 0;
    if (strcmp(name, "size") == 0)
        return take_size(o, value);
    if (strcmp(name, "seed") == 0) {
        long seed;
        bool ok = parse_int(value, G_MINLONG + 1, G_MAXLONG - 1, &seed);
        o->seed = seed;
        return ok;
    }
    if (strcmp(name, "now") == 0)
        return time_parse_any(value, &o->now);
    if (strcmp(name, "plan") == 0) {
        int plan = plan_by_name(value);
        o->plan = (enum plan)MAX(plan, 0);
        return plan >= 0;
    }
    if (strcmp(name, "tie-share") == 0)
        return take_tie(o, value);
    if (strcmp(name, "set") == 0) {
        g_auto(GStrv) parts = g_strsplit(value, "=", 2);
        return parts[0] && parts[1] && switches_set(&o->switches, parts[0], parts[1]);
    }
    return false;
}

static bool take_flag(struct options *o, const char *name)
{
    if (strcmp(name, "frozen-clock") == 0)
        o->frozen_clock = true;
    else if (strcmp(name, "no-limits") == 0)
        o->no_limits = true;
    else if (strcmp(name, "quiet") == 0)
        o->quiet = true;
    else
        return false;
    return true;
}

static bool settle_rows(struct options *o)
{
    for (int e = 0; e < N_ENTITIES; e++)
        if (o->rows[e] < 0)
            o->rows[e] = entities[e].rows[o->rows[e] == -1 ? 0 : -o->rows[e] - 2];
    if (o->rows[E_DEAL] && !o->rows[E_PIPELINE])
        return complain("pipelines", "0 with deals");
    return true;
}

bool options_parse(struct options *o, int argc, char **argv)
{
    *o = (struct options){
        .companies = 1,
        .seed = 1,
        .deals_with_products = 40,
        .archived = 20,
        .deleted = 2,
        .deleted_deals = -1,
        .custom_fields = 20,
        .plan = PLAN_GROWTH,
        .seats = 5,
    };
    for (int e = 0; e < N_ENTITIES; e++)
        o->rows[e] = -1;
    time_parse("2026-11-20T12:00:00Z", &o->now);
    switches_init(&o->switches);

    for (int i = 1; i < argc; i++) {
        if (strncmp(argv[i], "--", 2) != 0)
            return complain(argv[i], NULL);
        g_auto(GStrv) parts = g_strsplit(argv[i] + 2, "=", 2);
        if (!parts[1] && take_flag(o, parts[0]))
            continue;
        const char *value = parts[1];
        if (!value && i + 1 < argc)
            value = argv[++i];
        if (!value || !take_value(o, parts[0], value))
            return complain(parts[0], value);
    }
    return settle_rows(o);
}
