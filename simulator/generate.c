/* Fills the tables of a company. Pure functions of (seed, entity, id) come first: histories call
 * them again later. */
#include "company.h"

#include "times.h"

/* Purposes of the dice, unique within this file and far from those of the attribute files. */
enum {
    DICE_AGE = 1000,
    DICE_TIE,
    DICE_NEWS,
    DICE_WEEK,
    DICE_STATUS,
    DICE_STAGE,
    DICE_VISIBLE,
    DICE_LINK, /* + link number */
    DICE_HAS_LINK = 1020,
    DICE_DELETED = 1040,
    DICE_ARCHIVED,
    DICE_LINES,
    DICE_MOVE,
};

enum {
    YEARS_OF_DATA_S = 3 * 365 * DAY_S,
    TIE_BACK_S = 45 * DAY_S,
    IDS_PER_GAP = 9, /* ids have holes, as real ones do */
};

int32_t generated_id(uint32_t index)
{
    return (int32_t)(index + 1 + index / IDS_PER_GAP);
}

static uint64_t dice(const struct company *c, enum entity e, int32_t id, uint32_t purpose)
{
    struct record r = {.id = id};
    return record_hash(c, e, &r, purpose);
}

static void born_times(const struct company *c, enum entity e, int32_t id, int64_t *ret_add,
                       int64_t *ret_update)
{
    uint64_t age = dice(c, e, id, DICE_AGE);
    int64_t add = c->born - 3600 - (int64_t)(age % YEARS_OF_DATA_S);
    int64_t tie = c->born - TIE_BACK_S;

    if (chance(dice(c, e, id, DICE_TIE), (uint32_t)c->tie_percent[e])) {
        *ret_add = tie - (int64_t)(age % (2 * 365 * DAY_S));
        *ret_update = tie;
        return;
    }
    uint64_t news = dice(c, e, id, DICE_NEWS);
    int64_t span = c->born - 60 - add;
    int64_t update = add + (int64_t)((news >> 20 & 0xffff) * (uint64_t)span >> 16);
    if (chance(news, 20)) { /* never edited */
        update = add;
    } else if (chance(news, 25)) { /* a weekly bulk edit: small natural tie groups */
        int64_t week = c->born - (1 + pick(dice(c, e, id, DICE_WEEK), 30)) * (int64_t)(7 * DAY_S);
        update = MAX(add, week);
    }
    *ret_add = add;
    *ret_update = update;
}

int64_t born_update_time(const struct company *c, enum entity e, int32_t id)
{
    int64_t add, update;
    born_times(c, e, id, &add, &update);
    return update;
}

int32_t born_stage(const struct company *c, const struct record *deal)
{
    const struct table *stages = &c->tables[E_STAGE];
    if (!stages->n)
        return 0;
    uint64_t hash = dice(c, E_DEAL, deal->id, DICE_STAGE);
    return stages->rows[pick(hash, stages->n)].id;
}

int64_t born_stage_change(const struct company *c, const struct record *deal)
{
    const struct record *stage = company_find(c, E_STAGE, born_stage(c, deal));
    int64_t add, update;
    if (!stage || stage->link[STAGE_ORDER] <= 1)
        return 0;
    born_times(c, E_DEAL, deal->id, &add, &update);
    uint64_t part = dice(c, E_DEAL, deal->id, DICE_MOVE) % 1000;
    return add + (int64_t)part * (update - add) / 1000;
}

static uint8_t some_status(enum entity e, uint64_t hash)
{
    uint32_t part = pick(hash, 10);
    if (e == E_DEAL)
        return part < 5 ? DEAL_OPEN : part < 8 ? DEAL_WON : DEAL_LOST;
    return part < 6; /* done */
}

uint8_t born_status(const struct company *c, const struct record *deal)
{
    return some_status(E_DEAL, dice(c, E_DEAL, deal->id, DICE_STATUS));
}

/* A random row of another table, or 0. */
static int32_t some_id(const struct company *c, enum entity of, enum entity e, int32_t id,
                       uint32_t link, uint32_t percent)
{
    const struct table *t = &c->tables[of];
    if (!t->n || !chance(dice(c, e, id, DICE_HAS_LINK + link), percent))
        return 0;
    return t->rows[pick(dice(c, e, id, DICE_LINK + link), t->n)].id;
}

static void link_record(const struct company *c, enum entity e, struct record *r)
{
    r->link[LINK_OWNER] = some_id(c, E_USER, e, r->id, 0, 100);
    switch (e) {
    case E_PERSON:
        r->link[PERSON_ORG] = some_id(c, E_ORG, e, r->id, 1, 75);
        break;
    case E_DEAL:
        r->link[DEAL_PERSON] = some_id(c, E_PERSON, e, r->id, 1, 85);
        r->link[DEAL_ORG] = some_id(c, E_ORG, e, r->id, 2, 80);
        r->link[DEAL_STAGE] = born_stage(c, r);
        break;
    case E_ACTIVITY:
    case E_NOTE:
    case E_FILE:
        r->link[LINK_DEAL] = some_id(c, E_DEAL, e, r->id, 1, 60);
        r->link[LINK_PERSON] = some_id(c, E_PERSON, e, r->id, 2, 70);
        r->link[LINK_ORG] = some_id(c, E_ORG, e, r->id, 3, 50);
        break;
    default:
        break;
    }
}

static uint8_t some_visibility(uint64_t hash)
{
    uint32_t part = pick(hash, 100);
    return part < 10 ? 1 : part < 75 ? 3 : part < 85 ? 5 : 7;
}

static void delete_born(const struct company *c, enum entity e, struct record *r)
{
    r->flags |= REC_DELETED;
    uint64_t ago = dice(c, e, r->id, DICE_DELETED) % (29 * DAY_S);
    r->update_time = (uint32_t)(c->born - 60 - (int64_t)ago);
    r->add_time = MIN(r->add_time, r->update_time);
}

static void fill_table(struct company *c, const struct options *o, enum entity e, uint32_t n)
{
    struct table *t = &c->tables[e];
    table_reserve(t, n);
    for (uint32_t i = 0; i < n; i++) {
        struct record r = {.id = generated_id(i)};
        int64_t add, update;
        born_times(c, e, r.id, &add, &update);
        r.add_time = (uint32_t)add;
        r.update_time = (uint32_t)update;
        r.visible_to = some_visibility(dice(c, e, r.id, DICE_VISIBLE));
        r.status = some_status(e, dice(c, e, r.id, DICE_STATUS));
        link_record(c, e, &r);
        if (e == E_DEAL) {
            if (chance(dice(c, e, r.id, DICE_ARCHIVED), (uint32_t)o->archived))
                r.flags |= REC_ARCHIVED;
        } else if (e != E_FILTER && chance(dice(c, e, r.id, DICE_DELETED), (uint32_t)o->deleted)) {
            delete_born(c, e, &r);
        }
        table_append(t, &r);
    }
}

/* Exactly `wanted` of the deals, spread evenly. */
static void delete_deals(struct company *c, const struct options *o)
{
    struct table *t = &c->tables[E_DEAL];
    uint32_t wanted = o->deleted_deals < 0 ? t->n / 50 : MIN((uint32_t)o->deleted_deals, t->n);
    for (uint32_t i = 0; i < wanted; i++) {
        uint32_t row = (uint32_t)(((uint64_t)i * 2 + 1) * t->n / (2 * (uint64_t)wanted));
        delete_born(c, E_DEAL, &t->rows[row]);
    }
}

/* That many live rows, from the second on: the first shows ordinary times. */
static void clear_update_times(struct table *t, int n)
{
    for (uint32_t i = 1; i < t->n && n > 0; i++)
        if (!(t->rows[i].flags & (REC_DELETED | REC_PURGED))) {
            t->rows[i].update_time = 0;
            n--;
        }
}

static void fill_fixed(struct company *c, enum entity e, uint32_t n, int32_t first_id)
{
    for (uint32_t i = 0; i < n; i++) {
        int64_t add = c->born - YEARS_OF_DATA_S + (int64_t)i * 60;
        int64_t update = add + (int64_t)(dice(c, e, (int32_t)i, DICE_NEWS) % (700 * DAY_S));
        struct record r = {
            .id = first_id + (int32_t)i,
            .add_time = (uint32_t)add,
            .update_time = (uint32_t)update,
            .visible_to = 7,
        };
        table_append(&c->tables[e], &r);
    }
}

static void fill_stages(struct company *c)
{
    struct table *pipelines = &c->tables[E_PIPELINE];
    struct table *stages = &c->tables[E_STAGE];
    fill_fixed(c, E_STAGE, pipelines->n * STAGES_PER_PIPELINE, 1);
    for (uint32_t i = 0; i < pipelines->n; i++)
        pipelines->rows[i].link[STAGE_ORDER] = (int32_t)i + 1;
    for (uint32_t i = 0; i < stages->n; i++) {
        stages->rows[i].link[STAGE_PIPELINE] = pipelines->rows[i / STAGES_PER_PIPELINE].id;
        stages->rows[i].link[STAGE_ORDER] = (int32_t)(i % STAGES_PER_PIPELINE) + 1;
        if (i % 3 == 2) /* a stage that was never edited has no update_time (spec, 2026-08-18) */
            stages->rows[i].update_time = 0;
    }
}

/* Products that were sold and then purged: tombstones that only lines still name. */
static void bury_products(struct company *c, uint32_t alive)
{
    struct table *t = &c->tables[E_PRODUCT];
    uint32_t dead = alive ? alive / 10 + 1 : 0;
    for (uint32_t i = 0; i < dead; i++) {
        struct record r = {.id = generated_id(alive + i), .flags = REC_PURGED};
        table_append(t, &r);
    }
}

static void add_line(struct company *c, const struct record *deal, int order)
{
    struct table *t = &c->tables[E_LINE];
    const struct table *products = &c->tables[E_PRODUCT];
    int32_t id = generated_id(t->n);
    int64_t add = (int64_t)deal->add_time + pick(dice(c, E_LINE, id, DICE_AGE), 3600);
    uint64_t hash = dice(c, E_LINE, id, DICE_LINK);
    struct record r = {
        .id = id,
        .add_time = (uint32_t)MIN(add, c->born),
        .update_time = (uint32_t)MAX(MIN(add, c->born), born_update_time(c, E_DEAL, deal->id)),
        .link = {deal->id, products->rows[pick(hash, products->n)].id, order, 0},
    };
    table_append(t, &r);
}

static void fill_lines(struct company *c, const struct options *o)
{
    const struct table *deals = &c->tables[E_DEAL];
    if (!c->tables[E_PRODUCT].n)
        return;
    for (uint32_t i = 0; i < deals->n; i++) {
        const struct record *deal = &deals->rows[i];
        int lines = i == 0 ? o->big_deal_lines : 0;
        if (!lines &&
            chance(dice(c, E_DEAL, deal->id, DICE_LINES), (uint32_t)o->deals_with_products))
            lines = 1 + (int)pick(dice(c, E_DEAL, deal->id, DICE_LINES + 50), 5);
        for (int n = 1; n <= lines; n++)
            add_line(c, deal, n);
    }
}

static const enum entity nullable_times[] = {E_ACTIVITY, E_DEAL, E_PERSON, E_ORG, E_PRODUCT};

void company_generate(struct company *c, const struct options *o)
{
    const int32_t *rows = o->rows;
    fill_fixed(c, E_USER, (uint32_t)rows[E_USER], c->admin_id);
    fill_fixed(c, E_ACTIVITY_TYPE, (uint32_t)rows[E_ACTIVITY_TYPE], 1);
    fill_fixed(c, E_CURRENCY, (uint32_t)rows[E_CURRENCY], 1);
    fill_fixed(c, E_PIPELINE, (uint32_t)rows[E_PIPELINE], 1);
    fill_stages(c);

    static const enum entity in_order[] = {E_ORG,      E_PERSON, E_PRODUCT, E_DEAL,
                                           E_ACTIVITY, E_NOTE,   E_FILE,    E_FILTER};
    for (size_t i = 0; i < G_N_ELEMENTS(in_order); i++)
        fill_table(c, o, in_order[i], (uint32_t)rows[in_order[i]]);
    delete_deals(c, o);
    bury_products(c, (uint32_t)rows[E_PRODUCT]);
    fill_lines(c, o);
    for (size_t i = 0; i < G_N_ELEMENTS(nullable_times); i++)
        clear_update_times(&c->tables[nullable_times[i]], o->null_update_time);
}
