/* The records of one entity of one company, with their sorted orders. Rows lie in order of id and
 * are never moved, so a row number names a record for good; purged rows stay as tombstones. Knows
 * the shape of a record, not its meaning (company.h says what the links are). Not thread-safe: the
 * company's lock guards it. */
#ifndef SIM_TABLE_H
#define SIM_TABLE_H

#include <stdbool.h>
#include <stdint.h>

enum entity {
    E_ACTIVITY,
    E_DEAL,
    E_PERSON,
    E_ORG,
    E_PRODUCT,
    E_PIPELINE,
    E_STAGE,
    E_NOTE,
    E_FILE,
    E_FILTER,
    E_USER,
    E_ACTIVITY_TYPE,
    E_CURRENCY,
    E_LINE,
    N_ENTITIES,
};

enum record_flag {
    REC_DELETED = 1,
    REC_ARCHIVED = 2,
    REC_PURGED = 4,
    REC_ADDED = 8,   /* by the admin API: custom fields are null unless set */
    REC_MOVING = 16, /* scratch for table_touch() */
};

/* An attribute whose value was set by hand: JSON text, sent verbatim. */
struct edit {
    struct edit *next;
    char *literal;
    char name[];
};

enum {
    LINKS = 4
};

/* 40 bytes: five million of them fit in 200 MB. */
struct record {
    int32_t id;
    uint32_t add_time;    /* seconds since 1970 */
    uint32_t update_time; /* 0: null */
    int32_t link[LINKS];  /* ids of other records; 0: none */
    uint8_t flags;
    uint8_t visible_to; /* 1, 3, 5, 7 */
    uint8_t status;     /* of deals, done of activities */
    uint8_t version;    /* counts edits without a value: changes the made-up texts */
    struct edit *edits;
};

enum sort_key {
    SORT_ID,
    SORT_UPDATE_TIME,
    SORT_ADD_TIME,
    SORT_DUE_DATE,
    SORT_ORDER_NR,
    SORT_DEAL_ID,
    SORT_NAME,
    N_SORT_KEYS,
};

/* Row numbers sorted by (key, id), those without a key first. */
struct order {
    uint32_t *rows;
    uint32_t n, n_null;
    bool valid;
};

struct table {
    struct record *rows;
    uint32_t n, cap;
    struct order orders[N_SORT_KEYS];
};

void table_reserve(struct table *t, uint32_t rows);
/* `r->id` must be greater than all ids. Returns the row; pointers into `rows` die. */
struct record *table_append(struct table *t, const struct record *r);
/* NULL when unknown or purged. */
struct record *table_find(const struct table *t, int64_t id);
/* Sets the update_time of all these rows and keeps the order by update_time. */
void table_touch(struct table *t, const uint32_t *rows, uint32_t n, uint32_t update_time);
/* Other orders are rebuilt when they are next used. */
void table_invalidate(struct table *t);
void table_done(struct table *t);

static inline uint32_t table_row(const struct table *t, const struct record *r)
{
    return (uint32_t)(r - t->rows);
}

const char *record_edit(const struct record *r, const char *name); /* NULL: not edited */
/* `literal` NULL removes the edit. */
void record_set_edit(struct record *r, const char *name, const char *literal);

#endif
