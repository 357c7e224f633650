/* Edits made through the admin API, kept for flow and changelog. Guarded by the company's lock. */
#ifndef SIM_CHANGES_H
#define SIM_CHANGES_H

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

struct change {
    int64_t id;
    int64_t time;
    int entity; /* enum entity */
    int32_t item;
    int user;
    const char *key;                   /* field key as the log names it */
    const char *old_value, *new_value; /* JSON scalars */
    bool custom, bulk;
};

struct change_log {
    GHashTable *by_item; /* entity and id -> GArray of struct change, oldest first */
    GStringChunk *texts;
    int64_t last_id;
};

void change_log_init(struct change_log *log);
void change_log_done(struct change_log *log);
/* Copies the texts; sets the id. */
void change_log_add(struct change_log *log, struct change change);
/* Drops what is known of an item. */
void change_log_forget(struct change_log *log, int entity, int32_t item);
/* May be NULL. */
const GArray *change_log_of(const struct change_log *log, int entity, int32_t item);

#endif
