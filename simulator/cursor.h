/* v2 cursors: base64url of {"field","fieldValue","sortDirection","id"}, a keyset marker
 * (openapi-v2.yaml, 2026-08-18). */
#ifndef SIM_CURSOR_H
#define SIM_CURSOR_H

#include "request.h"

struct cursor {
    int64_t id;
    bool null;      /* fieldValue is null */
    int64_t number; /* fieldValue of all keys but names */
    char *name;     /* of SORT_NAME; free it */
};

/* False: it is no cursor, or one of another field or direction. */
bool cursor_parse(const char *text, enum sort_key key, bool descending, struct cursor *ret);
/* Appends the JSON string (with quotes) of the marker behind a record. */
void cursor_write(struct buf *b, const struct company *c, enum entity e, const struct record *r,
                  enum sort_key key, bool descending);

#endif
