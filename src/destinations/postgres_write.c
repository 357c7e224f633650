/* Which rows of a batch go together, and by which way.
 *
 * Rows with different keys may be written in any order, so they are grouped by the columns that
 * they carry; a key's second row is in a later round than its first. */
#include <string.h>

#include "destinations/postgres_private.h"
#include "sql/fit.h"
#include "sql/upsert.h"

#define ROWS_ONE_BY_ONE 4 /* so few are not worth a type and another statement */
#define STRIKES_MAX     3

/* ── Rounds ── */

struct key {
    const struct cell *cells[TABLE_MAX_KEYS];
    unsigned count;
    unsigned rows; /* with this key so far */
};

static unsigned key_hash(gconstpointer data)
{
    const struct key *key = data;
    unsigned hash = 2166136261u; /* FNV-1a */
    for (unsigned i = 0; i < key->count; i++) {
        const struct cell *cell = key->cells[i];
        for (unsigned c = 0; c < cell->length; c++)
            hash = (hash ^ (unsigned char)cell->text[c]) * 16777619u;
        hash = (hash ^ 0xff) * 16777619u;
    }
    return hash;
}

static int key_equal(gconstpointer a, gconstpointer b)
{
    const struct key *left = a, *right = b;
    for (unsigned i = 0; i < left->count; i++) {
        const struct cell *l = left->cells[i], *r = right->cells[i];
        if (l->length != r->length || memcmp(l->text, r->text, l->length) != 0)
            return false;
    }
    return true;
}

/* How many rows with the same key came before. */
static unsigned round_of(GHashTable *seen, struct key *key, const struct table *table,
                         const struct row *row)
{
    *key = (struct key){.count = table->key_count};
    for (unsigned i = 0; i < table->key_count; i++) {
        key->cells[i] = &row->cells[table->keys[i]];
        g_assert(key->cells[i]->kind == CELL_VALUE); /* the decoder skips records without */
    }
    struct key *known = g_hash_table_lookup(seen, key);
    if (known)
        return known->rows++;
    key->rows = 1;
    g_hash_table_add(seen, key);
    return 0;
}

/* ── Groups ── */

struct group {
    unsigned round;
    uint8_t *presence; /* NULL: rows to delete */
    GPtrArray *rows;   /* struct row */
};

static void group_free(void *item)
{
    struct group *group = item;
    g_free(group->presence);
    g_ptr_array_unref(group->rows);
    g_free(group);
}

static bool has_presence(const struct group *group, unsigned round, const uint8_t *presence,
                         unsigned columns)
{
    if (group->round != round || !group->presence != !presence)
        return false;
    return !presence || memcmp(group->presence, presence, columns) == 0;
}

/* Rows of a page mostly carry the same columns: the newest group is looked at first. */
static struct group *group_for(GPtrArray *groups, unsigned round, const uint8_t *presence,
                               unsigned columns)
{
    for (unsigned i = groups->len; i-- > 0;) {
        struct group *group = g_ptr_array_index(groups, i);
        if (has_presence(group, round, presence, columns))
            return group;
    }
    struct group *group = g_new0(struct group, 1);
    group->round = round;
    group->presence = presence ? g_memdup2(presence, columns) : NULL;
    group->rows = g_ptr_array_new();
    g_ptr_array_add(groups, group);
    return group;
}

static void note_presence(const struct table *table, const struct row *row, uint8_t *ret)
{
    for (unsigned i = 0; i < table->columns->len; i++) {
        bool sent = row->cells[i].kind != CELL_ABSENT && !table_column(table, i)->is_derived;
        ret[i] = sent ? PRESENCE_GIVEN : PRESENCE_ABSENT;
    }
    if (table->kind != TABLE_REPLICATED)
        return;
    if (table->synced_at >= 0)
        ret[table->synced_at] = PRESENCE_ABSENT;
    if (table->run_id >= 0)
        ret[table->run_id] = PRESENCE_ABSENT;
    if (table->deleted_at >= 0 && row->cells[table->deleted_at].kind == CELL_NULL)
        ret[table->deleted_at] = PRESENCE_REVIVE;
}

static int compare_rounds(gconstpointer a, gconstpointer b)
{
    const struct group *left = *(struct group *const *)a, *right = *(struct group *const *)b;
    return (left->round > right->round) - (left->round < right->round);
}

static GPtrArray *plan_groups(const struct batch *batch)
{
    const struct table *table = batch->table;
    unsigned columns = table->columns->len;
    GPtrArray *groups = g_ptr_array_new_with_free_func(group_free);
    g_autoptr(GHashTable) seen = g_hash_table_new(key_hash, key_equal);
    g_autofree struct key *keys = g_new(struct key, batch->row_count);
    g_autofree uint8_t *presence = g_new(uint8_t, columns);
    for (unsigned i = 0; i < batch->row_count; i++) {
        struct row *row = &batch->rows[i];
        unsigned round = round_of(seen, &keys[i], table, row);
        if (!row->remove)
            note_presence(table, row, presence);
        struct group *group = group_for(groups, round, row->remove ? NULL : presence, columns);
        g_ptr_array_add(group->rows, row);
    }
    g_ptr_array_sort(groups, compare_rounds);
    return groups;
}

/* ── The first load ── */

static struct postgres_load *load_of(const struct postgres_writing *w, GError **error)
{
    struct postgres_load *load = g_hash_table_lookup(w->p->loads, w->table->name);
    if (load)
        return load;
    g_autofree char *sql = g_strdup_printf("SELECT 1 FROM %s LIMIT 1", w->table->quoted);
    g_autoptr(PgResult) result = postgres_query(w->p, sql, 0, NULL, w->what, error);
    if (!result)
        return NULL;
    load = g_new0(struct postgres_load, 1);
    load->empty = PQntuples(result) == 0;
    g_hash_table_insert(w->p->loads, g_strdup(w->table->name), load);
    return load;
}

/* Into a table that was empty, rows are copied straight: a key that is there already costs the
 * attempt, and after a few of those no more are made. */
static bool try_straight(const struct postgres_writing *w, struct postgres_statement *statement,
                         const struct group *group, bool *ret_done, GError **error)
{
    *ret_done = false;
    if (w->batch->table->kind != TABLE_REPLICATED)
        return true;
    struct postgres_load *load = load_of(w, error);
    if (!load)
        return false;
    if (!load->empty || load->strikes >= STRIKES_MAX || group->round > 0)
        return true;
    bool duplicate;
    if (!postgres_write_straight(w, statement, (struct row *const *)group->rows->pdata,
                                 group->rows->len, &duplicate, error))
        return false;
    load->strikes = duplicate ? load->strikes + 1 : 0;
    *ret_done = !duplicate;
    return true;
}

/* ── Writing ── */

static bool write_many(const struct postgres_writing *w, struct postgres_statement *statement,
                       const struct group *group, unsigned *ret, GError **error)
{
    bool done;
    *ret = group->rows->len;
    if (!try_straight(w, statement, group, &done, error))
        return false;
    return done || postgres_write_page(w, statement, (struct row *const *)group->rows->pdata,
                                       group->rows->len, ret, error);
}

static bool write_group(const struct postgres_writing *w, const struct group *group,
                        struct write_counts *counts, GError **error)
{
    struct postgres_statement *statement = postgres_statement_get(w, group->presence, error);
    if (!statement)
        return false;
    unsigned written;
    bool ok = group->presence && group->rows->len > ROWS_ONE_BY_ONE
                  ? write_many(w, statement, group, &written, error)
                  : postgres_write_rows(w, statement, (struct row *const *)group->rows->pdata,
                                        group->rows->len, &written, error);
    if (!ok)
        return false;
    written = MIN(written, group->rows->len);
    counts->inserted_or_updated += written;
    counts->unchanged += group->rows->len - written;
    return true;
}

static bool write_groups(const struct postgres_writing *w, struct write_counts *counts,
                         GError **error)
{
    g_autoptr(GPtrArray) groups = plan_groups(w->batch);
    for (unsigned i = 0; i < groups->len; i++) {
        if (!write_group(w, g_ptr_array_index(groups, i), counts, error))
            return false;
    }
    return true;
}

bool postgres_write(struct destination *d, struct batch *batch, struct write_counts *ret,
                    GError **error)
{
    struct postgres *p = (struct postgres *)d;
    struct write_counts counts = {.rejected = fit_batch(batch, &d->ops->caps, &dialect_postgres)};
    struct postgres_writing w = {.p = p, .batch = batch};
    w.table = postgres_table_get(p, batch->table, error);
    if (!w.table)
        return false;
    if (!w.table->exists)
        return postgres_set_missing_error(p, w.table, error);
    g_autofree char *what = g_strdup_printf("writing to %s", w.table->name);
    w.what = what;
    if (d->now != INSTANT_NONE)
        instant_format_sql(d->now, w.now);
    if (batch->asked_at != INSTANT_NONE)
        instant_format_sql(batch->asked_at, w.asked_at);
    if (!write_groups(&w, &counts, error))
        return false;
    *ret = counts;
    return true;
}
