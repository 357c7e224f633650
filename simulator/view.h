/* How one request wants records to look, and the tables of attributes that render them. An
 * attribute is a row: its name, the function that writes its value, when it appears. */
#ifndef SIM_VIEW_H
#define SIM_VIEW_H

#include "company.h"

enum shape {
    SHAPE_LIST, /* the current shape: v2 where v2 exists, else v1 */
    SHAPE_OLD,  /* the v1 shape of entities that moved to v2 */
};

struct view {
    const struct company *company;
    enum entity entity;
    enum shape shape;
    int user;          /* whose token asks */
    int64_t now;       /* of the simulated clock */
    uint64_t includes; /* bit n: the n-th optional attribute of the entity */
    bool option_labels, labels;
    bool conditions, field_codes; /* of filters, by id only */
    bool recent;                  /* for recents */
    const GPtrArray *custom_keys; /* char *; NULL: all custom fields */
};

struct attr;
typedef void attr_fn(struct buf *b, const struct view *v, const struct record *r, int arg);

enum attr_when {
    WHEN_ALWAYS,
    WHEN_INCLUDED, /* only with include_fields */
    WHEN_LABELS,   /* only with include_labels */
    WHEN_FILTER_BY_ID,
    WHEN_NOT_RECENT, /* of v1 lists, but not in recents */
};

/* Where the admin API's edit of the attribute goes. */
enum attr_store {
    STORE_EDIT, /* kept beside the record */
    STORE_NEVER,
    STORE_LINK0,
    STORE_LINK1,
    STORE_LINK2,
    STORE_LINK3,
    STORE_VISIBLE_TO,
    STORE_STATUS,
    STORE_DONE,
    STORE_ADD_TIME,
    STORE_UPDATE_TIME,
    STORE_DELETED,     /* true: deleted */
    STORE_NOT_DELETED, /* active_flag */
    STORE_ARCHIVED,
    STORE_PIPELINE, /* of a deal: moves to that pipeline's first stage */
};

struct attr {
    const char *name;
    attr_fn *fn;
    int arg;
    enum attr_store store;
    enum attr_when when;
    int gate;           /* switch that must be on, plus 1; 0: none */
    bool may_be_absent; /* with the switch unset=absent a null is left out */
    const char *alias;  /* the name under which edits are kept, if it differs */
};

/* Ends with a row without name. NULL when the entity has no such shape. */
const struct attr *attrs_of(enum entity e, enum shape shape);
const struct attr *attr_find(enum entity e, const char *name);
/* Bit of an optional attribute; -1: there is none of that name. */
int attr_include_bit(enum entity e, const char *name);
/* All bits. */
uint64_t attr_include_all(enum entity e);

/* One whole record as a JSON object. */
void view_record(struct buf *b, const struct view *v, const struct record *r);
/* One attribute's value; false: no such attribute. */
bool view_attribute(struct buf *b, const struct view *v, const struct record *r, const char *name);
/* The attribute of another record, null when it is unknown. */
void view_other(struct buf *b, const struct view *v, enum entity e, int32_t id, const char *name);

#endif
