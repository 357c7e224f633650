/* One simulated company: its records, fields, users, plan and switches. Owner: everything in it,
 * its lock included; each request and each admin operation holds the lock. Knows nothing of HTTP.
 */
#ifndef SIM_COMPANY_H
#define SIM_COMPANY_H

#include <glib.h>

#include "changes.h"
#include "fields.h"
#include "options.h"
#include "table.h"
#include "throttle.h"

/* What the links of a record mean, by entity. Zero is "none". */
enum {
    LINK_OWNER = 0,
    /* activities, notes, files */
    LINK_DEAL = 1,
    LINK_PERSON = 2,
    LINK_ORG = 3,
    /* deals */
    DEAL_PERSON = 1,
    DEAL_ORG = 2,
    DEAL_STAGE = 3,
    /* persons */
    PERSON_ORG = 1,
    /* deal products */
    LINE_DEAL = 0,
    LINE_PRODUCT = 1,
    LINE_ORDER = 2,
    /* pipelines and stages */
    STAGE_PIPELINE = 0,
    STAGE_ORDER = 1,
};

enum deal_status {
    DEAL_OPEN,
    DEAL_WON,
    DEAL_LOST
};

enum {
    TOKEN_CHARS = 40,
    LABELS = 5,
    STAGES_PER_PIPELINE = 5
};

struct company {
    GMutex lock;
    int number; /* 0, 1, … */
    int id;     /* 7001, 7002, … */
    char domain[32];
    uint64_t seed;
    int64_t born; /* --now: no made-up time is later */
    char admin_token[TOKEN_CHARS + 1], member_token[TOKEN_CHARS + 1];
    int admin_id, member_id; /* users */
    unsigned token_generation;
    struct table tables[N_ENTITIES];
    struct field_set fields[N_ENTITIES];
    struct change_log log;
    struct limits limits;
    struct switches switches;
    enum plan plan;
    int seats;
    int tie_percent[N_ENTITIES];
};

struct company *company_new(const struct options *o, int number);
void company_free(struct company *c);

static inline struct table *company_table(const struct company *c, enum entity e)
{
    return (struct table *)&c->tables[e];
}

static inline int company_switch(const struct company *c, enum switch_id id)
{
    return c->switches.value[id];
}

static inline struct record *company_find(const struct company *c, enum entity e, int64_t id)
{
    return table_find(&c->tables[e], id);
}

/* The order of a table by a key; rebuilt if something changed. The pointer lives until the next
 * change. */
const struct order *company_order(const struct company *c, enum entity e, enum sort_key key);
/* A record's number for a key; false: it has none (null). Not for SORT_NAME. */
bool company_sort_value(const struct company *c, enum entity e, const struct record *r,
                        enum sort_key key, int64_t *ret);
/* The name by which SORT_NAME sorts, appended to `b`. */
void company_sort_name(const struct company *c, enum entity e, const struct record *r,
                       struct buf *b);
/* Rows of an order by SORT_DEAL_ID that belong to a deal: [*ret_from, returned end). */
uint32_t company_of_deal(const struct company *c, enum entity e, int32_t deal, uint32_t *ret_from);

void company_make_token(struct company *c, bool admin);

/* Gone: purged, or deleted more than 30 days ago (docs: permanent deletion of six core entities).
 */
bool record_gone(const struct record *r, int64_t now);
static inline bool record_deleted(const struct record *r)
{
    return r->flags & REC_DELETED;
}

/* The rule for `user`: see README. */
bool company_sees(const struct company *c, int user, enum entity e, const struct record *r);

/* Dice of one record: differs by purpose, stays over edits. */
static inline uint64_t record_hash(const struct company *c, enum entity e, const struct record *r,
                                   uint32_t purpose);

#include "hash.h"

static inline uint64_t record_hash(const struct company *c, enum entity e, const struct record *r,
                                   uint32_t purpose)
{
    return mix3(c->seed + (uint64_t)e * 1000003u, (uint64_t)r->id, purpose);
}

/* As record_hash(), but an edit without a value changes it. */
static inline uint64_t record_text_hash(const struct company *c, enum entity e,
                                        const struct record *r, uint32_t purpose)
{
    return mix(record_hash(c, e, r, purpose), r->version);
}

int64_t activity_due_day(const struct company *c, const struct record *r); /* days since 1970 */
int32_t record_deal(enum entity e, const struct record *r);
int32_t deal_pipeline(const struct company *c, const struct record *deal);
/* generate.c: fills the tables. */
void company_generate(struct company *c, const struct options *o);
/* The update_time a record was born with (never null), for histories that must not move with later
 * edits. */
int64_t born_update_time(const struct company *c, enum entity e, int32_t id);
/* The stage a deal was born in. */
int32_t born_stage(const struct company *c, const struct record *deal);
/* open, won or lost at birth. */
uint8_t born_status(const struct company *c, const struct record *deal);
/* When it reached that stage; 0 if it never left its first one. */
int64_t born_stage_change(const struct company *c, const struct record *deal);
int32_t generated_id(uint32_t index);

#endif
