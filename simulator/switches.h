/* The switches: one for each thing that the API's documentation leaves open. Values are small
 * numbers. */
#ifndef SIM_SWITCHES_H
#define SIM_SWITCHES_H

#include <stdbool.h>

enum switch_id {
    SW_ARCHIVE_MOVES,
    SW_MERGE_MOVES,
    SW_ARCHIVED_LINES,
    SW_DELETED_LINES,
    SW_INVISIBLE,
    SW_FLOW_ORDER,
    SW_LIMIT_OVER_MAX,
    SW_PAGE_MAX,
    SW_WINDOWS,
    SW_GATED_INCLUDES,
    SW_DELETED_STATUS,
    SW_DELETED_GET,
    SW_LIST_DELETED,
    SW_NULL_SORT,
    SW_EMPTY_V1,
    SW_V1_PAGING,
    SW_DAILY_HEADERS,
    SW_FAILED_COST,
    SW_OLD_V1,
    SW_CLOSED,
    SW_ZONE_OFFSET,
    SW_BLOCK_AFTER,
    SW_BLOCK_SECONDS,
    SW_BLOCK_GRACE,
    SW_TIME_FRACTION,
    SW_UNSET,
    SW_CONTACT_SYNC,
    SW_ORG_PROFILE,
    SW_REVENUE_FIELDS,
    SW_ACTIVITY_OUTCOME,
    SW_NUL_CHARS,
    N_SWITCHES,
};

/* Values by name, in the order of the table in switches.c. */
enum {
    ON = 1,
    OFF = 0
};
enum {
    FIRST = 0,
    LAST = 1
};
enum {
    HEEDED,
    IGNORED
};
enum {
    PAGING_SPEC,
    PAGING_WRAPPED,
    PAGING_FLAT
};
enum {
    OLD_GONE,
    OLD_MISSING,
    OLD_ANSWERS
};

struct switches {
    int value[N_SWITCHES];
};

void switches_init(struct switches *s);
/* False when the name or the value is unknown. */
bool switches_set(struct switches *s, const char *name, const char *value);
const char *switch_name(enum switch_id id);
/* The value's word; numbers are written into `number`. */
const char *switch_word(const struct switches *s, enum switch_id id, char number[16]);

#endif
