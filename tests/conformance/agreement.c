/* What a batch leaves is what its rows, applied one by one, leave: each driver has several ways to
 * write, and all of them are to mean the same. */
#include <string.h>

#include "fixture.h"

/* One of three texts, or null; of a partial row maybe absent. */
static void set_random(struct batch *batch, struct row *row, bool partial, const char *column,
                       const char *const texts[3])
{
    struct cell *cell = &row->cells[table_find_column(batch->table, column)];
    int choice = g_test_rand_int_range(0, partial ? 8 : 4);
    if (choice < 3)
        cell_set_string(batch, cell, texts[choice]);
    else if (choice == 3)
        cell_set_null(cell);
}

/* Most carry the same columns, so that they make a page. */
static void add_random(struct batch *batch)
{
    static const char *const titles[] = {"a", "b", ""};
    static const char *const values[] = {"1.50", "-0.0000001", "2e20"};
    static const char *const times[] = {"2026-01-02 00:00:00", "2026-01-03 00:00:00",
                                        "2026-01-03 00:00:00.000001"};
    static const char *const flags[] = {"2027-01-15 07:59:59", T0_TEXT, "2027-01-15 08:00:01"};
    static const char *const extras[] = {"{}", "[1, null]", "\"\\\"\""};
    struct row *row = batch_add_row(batch);
    bool partial = g_test_rand_int_range(0, 4) == 0;
    cell_set_int(batch, &row->cells[batch->table->keys[0]], g_test_rand_int_range(0, 80));
    row->remove = g_test_rand_int_range(0, 20) == 0;
    set_random(batch, row, partial, "title", titles);
    set_random(batch, row, partial, "value", values);
    set_random(batch, row, partial, "update_time", times);
    set_random(batch, row, partial, "_deleted_at", flags);
    set_random(batch, row, partial, "_extra", extras);
}

static struct batch *copy_of(const struct batch *batch, unsigned first, unsigned count,
                             const struct table *table)
{
    struct batch *copy = batch_of(table);
    copy->asked_at = batch->asked_at;
    for (unsigned i = first; i < first + count; i++) {
        struct row *row = batch_add_row(copy);
        row->remove = batch->rows[i].remove;
        memcpy(row->cells, batch->rows[i].cells, table->columns->len * sizeof *row->cells);
    }
    return copy;
}

/* The second time nearly all is as stored: drivers may take another way then. */
static void apply_both(struct fixture *f, const struct batch *batch, const struct table *twins)
{
    for (unsigned round = 0; round < 2; round++) {
        struct write_counts sum = {0};
        for (unsigned i = 0; i < batch->row_count; i++) {
            apply(f, copy_of(batch, i, 1, twins));
            sum.inserted_or_updated += f->counts.inserted_or_updated;
            sum.unchanged += f->counts.unchanged;
        }
        apply(f, copy_of(batch, 0, batch->row_count, f->deals));
        check_counts(f, sum.inserted_or_updated, sum.unchanged);
        f->dest->now += INSTANT_SECOND;
    }
}

static void pages_and_rows_agree(struct fixture *f)
{
    static const char columns[] = "id,title,value,update_time,_deleted_at,_extra,_synced_at";
    g_autoptr(Table) twins = replicated("twins", "id integer key, title text, value decimal, "
                                                 "deal_id integer, update_time timestamp version");
    prepare(f, f->deals);
    prepare(f, twins);
    for (unsigned i = 0; i < 12; i++) {
        struct batch *batch = batch_of(f->deals);
        batch->asked_at = i % 4 ? T0 + (i % 4 - 2) * INSTANT_SECOND : INSTANT_NONE;
        for (unsigned r = 0; r < 120; r++)
            add_random(batch);
        apply_both(f, batch, twins);
        batch_release(batch);
        g_autofree char *expected = dump(f, twins, columns);
        check_dump(f, f->deals, columns, expected);
    }
}

const struct test_case agreement_cases[] = {
    {"pages-and-rows", pages_and_rows_agree},
    {0},
};
