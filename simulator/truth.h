/* Whole tables without paging, for oracles. Under the company's lock. */
#ifndef SIM_TRUTH_H
#define SIM_TRUTH_H

#include "view.h"

/* JSON lines of all field rows of an entity, in the v1 shape (list_fields.c). */
void truth_fields(struct buf *b, const struct company *c, enum entity e);
/* JSON lines of all changes of a deal, custom-field changes included (flow.c). */
void truth_flow(struct buf *b, const struct view *v, const struct record *deal);

#endif
