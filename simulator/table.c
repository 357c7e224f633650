#include "table.h"

#include <glib.h>
#include <stdlib.h>
#include <string.h>

void table_reserve(struct table *t, uint32_t rows)
{
    if (rows <= t->cap)
        return;
    t->cap = MAX(rows, t->cap + t->cap / 2);
    t->rows = g_renew(struct record, t->rows, t->cap);
}

struct record *table_append(struct table *t, const struct record *r)
{
    g_assert(t->n == 0 || r->id > t->rows[t->n - 1].id);
    table_reserve(t, t->n + 1);
    t->rows[t->n] = *r;
    return &t->rows[t->n++];
}

struct record *table_find(const struct table *t, int64_t id)
{
    uint32_t low = 0, high = t->n;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (t->rows[middle].id < id)
            low = middle + 1;
        else
            high = middle;
    }
    if (low == t->n || t->rows[low].id != id || (t->rows[low].flags & REC_PURGED))
        return NULL;
    return &t->rows[low];
}

void table_invalidate(struct table *t)
{
    for (int i = 0; i < N_SORT_KEYS; i++)
        t->orders[i].valid = false;
}

static int compare_rows(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

/* Where (key, row) belongs in an order by update_time that holds only rows that stand still. */
static uint32_t insertion_point(const struct table *t, const uint32_t *rows, uint32_t n,
                                uint32_t key, uint32_t row)
{
    uint32_t low = 0, high = n;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        uint32_t there = t->rows[rows[middle]].update_time;
        if (there < key || (there == key && rows[middle] < row))
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* Takes the marked rows out of an order and merges them in again at their new time, in one pass
 * over it. */
static void order_move(struct table *t, struct order *o, const uint32_t *moved, uint32_t n,
                       uint32_t time)
{
    uint32_t kept = 0, nulls = 0;
    o->rows = g_renew(uint32_t, o->rows, o->n + n);
    for (uint32_t i = 0; i < o->n; i++)
        if (!(t->rows[o->rows[i]].flags & REC_MOVING))
            o->rows[kept++] = o->rows[i];
    for (uint32_t i = 0; i < n; i++)
        t->rows[moved[i]].update_time = time;

    uint32_t end = kept + n, from = kept;
    for (uint32_t i = n; i-- > 0;) { /* from the back, so that the tail moves once */
        uint32_t at = insertion_point(t, o->rows, from, time, moved[i]);
        memmove(o->rows + at + i + 1, o->rows + at, (from - at) * sizeof *o->rows);
        o->rows[at + i] = moved[i];
        from = at;
    }
    o->n = end;
    while (nulls < end && t->rows[o->rows[nulls]].update_time == 0)
        nulls++;
    o->n_null = nulls;
}

void table_touch(struct table *t, const uint32_t *rows, uint32_t n, uint32_t update_time)
{
    struct order *by_time = &t->orders[SORT_UPDATE_TIME];
    bool keep = by_time->valid;
    g_autofree uint32_t *sorted = g_memdup2(rows, n * sizeof *rows);

    if (n == 0)
        return;
    qsort(sorted, n, sizeof *sorted, compare_rows);
    for (uint32_t i = 0; i < n; i++)
        t->rows[sorted[i]].flags |= REC_MOVING;
    if (keep)
        order_move(t, by_time, sorted, n, update_time);
    for (uint32_t i = 0; i < n; i++) {
        t->rows[sorted[i]].update_time = update_time;
        t->rows[sorted[i]].flags &= (uint8_t)~REC_MOVING;
    }
    table_invalidate(t);
    by_time->valid = keep;
}

const char *record_edit(const struct record *r, const char *name)
{
    for (const struct edit *e = r->edits; e; e = e->next)
        if (strcmp(e->name, name) == 0)
            return e->literal;
    return NULL;
}

void record_set_edit(struct record *r, const char *name, const char *literal)
{
    for (struct edit **at = &r->edits; *at; at = &(*at)->next) {
        struct edit *e = *at;
        if (strcmp(e->name, name) != 0)
            continue;
        g_free(e->literal);
        if (literal) {
            e->literal = g_strdup(literal);
        } else {
            *at = e->next;
            g_free(e);
        }
        return;
    }
    if (!literal)
        return;
    struct edit *e = g_malloc(sizeof *e + strlen(name) + 1);
    strcpy(e->name, name);
    e->literal = g_strdup(literal);
    e->next = r->edits;
    r->edits = e;
}

void table_done(struct table *t)
{
    for (uint32_t i = 0; i < t->n; i++)
        while (t->rows[i].edits) {
            struct edit *e = t->rows[i].edits;
            t->rows[i].edits = e->next;
            g_free(e->literal);
            g_free(e);
        }
    for (int i = 0; i < N_SORT_KEYS; i++)
        g_free(t->orders[i].rows);
    g_free(t->rows);
    *t = (struct table){0};
}
