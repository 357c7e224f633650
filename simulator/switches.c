#include "switches.h"

#include <glib.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct row {
    const char *name;
    const char *words; /* value 0|value 1|…; NULL: a number */
    int initial;
};

static const struct row rows[N_SWITCHES] = {
    [SW_ARCHIVE_MOVES] = {"archive_moves_update_time", "off|on", ON},
    [SW_MERGE_MOVES] = {"merge_moves_children", "off|on", OFF},
    [SW_ARCHIVED_LINES] = {"archived_lines", "off|on", ON},
    [SW_DELETED_LINES] = {"deleted_lines", "off|on", OFF},
    [SW_INVISIBLE] = {"invisible", NULL, 404},
    [SW_FLOW_ORDER] = {"flow_order", "newest|oldest", 0},
    [SW_LIMIT_OVER_MAX] = {"limit_over_max", "clamp|reject", 0},
    [SW_PAGE_MAX] = {"page_max", NULL, 0},
    [SW_WINDOWS] = {"windows", "heeded|ignored", HEEDED},
    [SW_GATED_INCLUDES] = {"gated_includes", NULL, 0},
    [SW_DELETED_STATUS] = {"deleted_status", "deleted|kept", 0},
    [SW_DELETED_GET] = {"deleted_get", NULL, 200},
    [SW_LIST_DELETED] = {"list_deleted", "off|on", OFF},
    [SW_NULL_SORT] = {"null_sort", "first|last", FIRST},
    [SW_EMPTY_V1] = {"empty_v1", "null|array", 0},
    [SW_V1_PAGING] = {"v1_paging", "spec|wrapped|flat", PAGING_SPEC},
    [SW_DAILY_HEADERS] = {"daily_headers", "off|on", ON},
    [SW_FAILED_COST] = {"failed_calls_cost", "off|on", ON},
    [SW_OLD_V1] = {"old_v1", "gone|missing|answers", OLD_GONE},
    [SW_CLOSED] = {"closed", "off|on", OFF},
    [SW_ZONE_OFFSET] = {"zone_offset_minutes", NULL, 0},
    [SW_BLOCK_AFTER] = {"block_after", NULL, 3},
    [SW_BLOCK_SECONDS] = {"block_seconds", NULL, 10},
    [SW_BLOCK_GRACE] = {"block_grace_ms", NULL, 250},
    [SW_TIME_FRACTION] = {"time_fraction", "off|on", OFF},
    [SW_UNSET] = {"unset", "null|absent", 0},
    [SW_CONTACT_SYNC] = {"contact_sync", "off|on", ON},
    [SW_ORG_PROFILE] = {"org_profile", "off|on", ON},
    [SW_REVENUE_FIELDS] = {"revenue_fields", "off|on", ON},
    [SW_ACTIVITY_OUTCOME] = {"activity_outcome", "off|on", ON},
    [SW_NUL_CHARS] = {"nul_chars", "off|on", OFF},
};

void switches_init(struct switches *s)
{
    for (int i = 0; i < N_SWITCHES; i++)
        s->value[i] = rows[i].initial;
}

static int find_row(const char *name)
{
    for (int i = 0; i < N_SWITCHES; i++)
        if (strcmp(rows[i].name, name) == 0)
            return i;
    return -1;
}

/* A number, or `off` for 0. */
static bool parse_number(const char *value, int *ret)
{
    char *end;
    if (strcmp(value, "off") == 0) {
        *ret = 0;
        return true;
    }
    long n = strtol(value, &end, 10);
    if (end == value || *end || n < -100000 || n > 1000000)
        return false;
    *ret = (int)n;
    return true;
}

bool switches_set(struct switches *s, const char *name, const char *value)
{
    int i = find_row(name);
    if (i < 0)
        return false;
    if (!rows[i].words)
        return parse_number(value, &s->value[i]);
    g_auto(GStrv) words = g_strsplit(rows[i].words, "|", -1);
    for (int w = 0; words[w]; w++)
        if (strcmp(words[w], value) == 0) {
            s->value[i] = w;
            return true;
        }
    return false;
}

const char *switch_name(enum switch_id id)
{
    return rows[id].name;
}

const char *switch_word(const struct switches *s, enum switch_id id, char number[16])
{
    if (!rows[id].words) {
        snprintf(number, 16, "%d", s->value[id]);
        return number;
    }
    g_auto(GStrv) words = g_strsplit(rows[id].words, "|", -1);
    snprintf(number, 16, "%s", words[s->value[id]]);
    return number;
}
