/* Changes of a company's records, for the admin API. All run under the company's lock. An error is
 * a text to free; NULL is success. */
#ifndef SIM_EDIT_H
#define SIM_EDIT_H

#include <json-glib/json-glib.h>

#include "company.h"

enum touch {
    TOUCH_NOW,
    TOUCH_NOT,
    TOUCH_AT
};

struct change_request {
    JsonObject *attributes, *raw; /* either may be NULL */
    enum touch touch;
    int64_t touch_time; /* for TOUCH_AT; 0: null */
    int64_t now;
    int user; /* who is logged */
    bool bulk;
};

/* A JSON node as text; numbers in their shortest exact form. */
char *node_literal(JsonNode *node);
/* Sets the attributes of one record, without moving update_time. */
char *edit_record(struct company *c, enum entity e, struct record *r,
                  const struct change_request *q);
/* Moves update_time of rows as the request says. */
void edit_touch(struct company *c, enum entity e, const uint32_t *rows, uint32_t n,
                const struct change_request *q);
/* A new record; `id` 0: the next one. */
char *edit_add(struct company *c, enum entity e, int64_t id, const struct change_request *q,
               int32_t *ret_id);
char *edit_delete(struct company *c, enum entity e, int64_t id, bool deleted, int64_t now);
char *edit_purge(struct company *c, enum entity e, int64_t id);
char *edit_archive(struct company *c, int64_t id, bool archived, int64_t now);
char *edit_merge(struct company *c, enum entity e, int64_t winner, int64_t loser, int64_t now);

#endif
