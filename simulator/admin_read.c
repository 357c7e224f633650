/* What can be read under /_sim/: statistics, counts, and whole tables for oracles. */
#include <stdlib.h>

#include "admin.h"
#include "times.h"
#include "truth.h"

struct reading {
    struct sim *sim;
    struct company *company; /* locked */
    const char *rest;        /* of the path */
    const char *(*arg)(void *, const char *);
    void *from;
    struct buf *ret;
};

static int read_stats(struct reading *r)
{
    struct sim *sim = r->sim;
    struct buf *b = r->ret;
    BUF_LIT(b, "{\"now\":");
    time_write(b, sim_now(sim), TIME_V2);
    buf_printf(b, ",\"faults\":%lld,", (long long)faults_fired(&sim->faults));
    stats_write(&sim->stats, b);
    BUF_LIT(b, ",\"companies\":[");
    for (int i = 0; i < sim->n_companies; i++) {
        struct company *c = sim->companies[i];
        bool other = c != r->company;
        if (other)
            g_mutex_lock(&c->lock);
        int64_t left = limits_left(c, sim_now(sim));
        buf_printf(b,
                   "%s{\"company_id\":%d,\"plan\":\"%s\",\"seats\":%d,\"tokens_today\":%lld,"
                   "\"budget\":%lld,\"left\":%lld,",
                   i ? "," : "", c->id, plan_name(c->plan), c->seats,
                   (long long)c->limits.used_today, (long long)limits_budget(c), (long long)left);
        if (other)
            g_mutex_unlock(&c->lock);
        stats_write_company(&sim->stats, b, c->id);
        buf_char(b, '}');
    }
    BUF_LIT(b, "]}");
    return 200;
}

static int read_requests(struct reading *r)
{
    const char *last = r->arg(r->from, "last");
    stats_write_requests(&r->sim->stats, r->ret, last ? atoll(last) : 100);
    return 200;
}

static int read_count(struct reading *r)
{
    int64_t now = sim_now(r->sim);
    buf_char(r->ret, '{');
    for (int e = 0; e < N_ENTITIES; e++) {
        const struct table *t = &r->company->tables[e];
        uint32_t rows = 0, deleted = 0, archived = 0, nulls = 0;
        for (uint32_t i = 0; i < t->n; i++) {
            const struct record *record = &t->rows[i];
            if (record_gone(record, now))
                continue;
            rows++;
            deleted += record_deleted(record);
            archived += (record->flags & REC_ARCHIVED) != 0;
            nulls += record->update_time == 0;
        }
        buf_printf(r->ret,
                   "%s\"%s\":{\"rows\":%u,\"deleted\":%u,\"archived\":%u,\"null_update_time\":%u}",
                   e ? "," : "", entity_name((enum entity)e), rows, deleted, archived, nulls);
    }
    buf_char(r->ret, '}');
    return 200;
}

static int read_switches(struct reading *r)
{
    char word[16];
    buf_char(r->ret, '{');
    for (int i = 0; i < N_SWITCHES; i++)
        buf_printf(r->ret, "%s\"%s\":\"%s\"", i ? "," : "", switch_name((enum switch_id)i),
                   switch_word(&r->company->switches, (enum switch_id)i, word));
    buf_char(r->ret, '}');
    return 200;
}

static uint64_t includes_of(enum entity e, const char *names)
{
    uint64_t bits = 0;
    if (!names)
        return 0;
    if (strcmp(names, "all") == 0)
        return attr_include_all(e);
    g_auto(GStrv) parts = g_strsplit(names, ",", -1);
    for (int i = 0; parts[i]; i++) {
        int bit = attr_include_bit(e, parts[i]);
        if (bit >= 0)
            bits |= 1ull << bit;
    }
    return bits;
}

static void write_table(struct reading *r, enum entity e, bool flow)
{
    const struct table *t = &r->company->tables[e];
    struct view v = {
        .company = r->company,
        .entity = e,
        .user = r->company->admin_id,
        .now = sim_now(r->sim),
        .includes = includes_of(e, r->arg(r->from, "include_fields")),
    };
    for (uint32_t i = 0; i < t->n; i++) {
        if (record_gone(&t->rows[i], v.now))
            continue;
        if (flow) {
            truth_flow(r->ret, &v, &t->rows[i]);
            continue;
        }
        view_record(r->ret, &v, &t->rows[i]);
        buf_char(r->ret, '\n');
    }
}

static int read_truth(struct reading *r)
{
    static const char *const field_tables[N_ENTITIES] = {
        [E_DEAL] = "deal_fields",         [E_PERSON] = "person_fields",
        [E_ORG] = "organization_fields",  [E_PRODUCT] = "product_fields",
        [E_ACTIVITY] = "activity_fields", [E_NOTE] = "note_fields",
    };
    for (int e = 0; e < N_ENTITIES; e++)
        if (field_tables[e] && strcmp(field_tables[e], r->rest) == 0) {
            truth_fields(r->ret, r->company, (enum entity)e);
            return 200;
        }
    bool flow = strcmp(r->rest, "dealflow") == 0;
    int e = flow ? E_DEAL : entity_by_name(r->rest);
    if (e < 0) {
        BUF_LIT(r->ret, "{\"ok\":false,\"error\":\"unknown table\"}");
        return 404;
    }
    write_table(r, (enum entity)e, flow);
    return 200;
}

struct reading_row {
    const char *name;
    int (*fn)(struct reading *r);
};

static const struct reading_row readings[] = {
    {"stats", read_stats},       {"requests", read_requests}, {"count", read_count},
    {"switches", read_switches}, {"truth/", read_truth},
};

int admin_get(struct sim *sim, const char *what, const char *(*arg)(void *, const char *),
              void *from, struct buf *ret)
{
    const char *id = arg(from, "company");
    struct company *c = sim_company(sim, id ? atoll(id) : 0);
    for (size_t i = 0; c && i < G_N_ELEMENTS(readings); i++) {
        if (!g_str_has_prefix(what, readings[i].name))
            continue;
        struct reading r = {sim, c, what + strlen(readings[i].name), arg, from, ret};
        g_mutex_lock(&sim->admin_lock);
        g_mutex_lock(&c->lock);
        int status = readings[i].fn(&r);
        g_mutex_unlock(&c->lock);
        g_mutex_unlock(&sim->admin_lock);
        return status;
    }
    buf_str(ret, c ? "{\"ok\":false,\"error\":\"unknown path\"}"
                   : "{\"ok\":false,\"error\":\"unknown company\"}");
    return 404;
}
