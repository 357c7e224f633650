/* The tables of attributes by file, and the words in which they are written; attrs_of() in view.h
 * joins them. */
#ifndef SIM_SHAPES_H
#define SIM_SHAPES_H

#include "view.h"

extern const struct attr deal_attrs[], activity_attrs[], org_attrs[], person_attrs[],
    product_attrs[], line_attrs[], pipeline_attrs[], stage_attrs[];
/* Entities that live on v1. */
const struct attr *attrs_v1(enum entity e);
/* The v1 shape of entities that moved to v2; NULL: has none. */
const struct attr *attrs_old(enum entity e);
/* The members that only users/me has, each with a comma in front. */
void write_me_members(struct buf *b, const struct view *v);

#define ATTR(n, f, a)                                                                              \
    {                                                                                              \
        .name = n, .fn = f, .arg = a                                                               \
    }
#define FIXED(n, f, a)                                                                             \
    {                                                                                              \
        .name = n, .fn = f, .arg = a, .store = STORE_NEVER                                         \
    }
#define STORED(n, f, a, s)                                                                         \
    {                                                                                              \
        .name = n, .fn = f, .arg = a, .store = s                                                   \
    }
#define INCLUDE(n, f, a)                                                                           \
    {                                                                                              \
        .name = n, .fn = f, .arg = a, .when = WHEN_INCLUDED                                        \
    }
#define GATED(n, f, a, g)                                                                          \
    {                                                                                              \
        .name = n, .fn = f, .arg = a, .gate = (g) + 1                                              \
    }
#define END                                                                                        \
    {                                                                                              \
        .name = NULL                                                                               \
    }
#define ID FIXED("id", attr_id, 0)
#define TIMES                                                                                      \
    STORED("add_time", attr_add_time, 0, STORE_ADD_TIME),                                          \
        STORED("update_time", attr_update_time, 0, STORE_UPDATE_TIME)

#endif
