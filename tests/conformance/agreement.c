/* What a batch leaves is what its rows, applied one by one, leave: each driver has several ways to
 * write, and all of them are to mean the same. */
#include <string.h>

#include "fixture.h"

#define COLUMNS                                                                                    \
    "id integer key, count integer, value decimal, won boolean, update_time timestamp version, "   \
    "due date, starts time, title text, prices json"
#define COLUMN_NAMES                                                                               \
    "id,count,value,won,update_time,due,starts,title,prices,_synced_at,_deleted_at,_extra"

static const struct {
    const char *column, *texts[3];
} choices[] = {
    {"count", {"0", "-9223372036854775808", "9223372036854775807"}},
    {"value", {"1.50", "-0.0000001", "2e20"}},
    {"won", {"0", "1", "1"}},
    {"update_time", {"2026-01-02 00:00:00", "2026-01-03 00:00:00", "2026-01-03 00:00:00.000001"}},
    {"due", {"1970-01-01", "2000-02-29", "2026-12-31"}},
    {"starts", {"00:00:00", "12:30:00", "23:59:59"}},
    {"title", {"a", "b\\,{}\"'\t(", ""}},
    {"prices", {"{}", "[1, null]", "\"\\\"\""}},
    {"_deleted_at", {"2027-01-15 07:59:59", T0_TEXT, "2027-01-15 08:00:01"}},
    {"_extra", {"{\"a\": 1}", "{\"a\": 2}", "{}"}},
};

/* One of three texts, or null; of a partial row maybe absent. */
static void choose(struct batch *batch, struct row *row, unsigned c, bool partial)
{
    struct cell *cell = &row->cells[table_find_column(batch->table, choices[c].column)];
    int choice = g_test_rand_int_range(0, partial ? 8 : 4);
    if (choice < 3)
        cell_set_string(batch, cell, choices[c].texts[choice]);
    else if (choice == 3)
        cell_set_null(cell);
}

/* Most carry the same columns, so that they make a page. */
static struct batch *random_batch(const struct table *table)
{
    struct batch *batch = batch_of(table);
    for (unsigned i = 0; i < 120; i++) {
        struct row *row = batch_add_row(batch);
        bool partial = g_test_rand_int_range(0, 4) == 0;
        cell_set_int(batch, &row->cells[table->keys[0]], g_test_rand_int_range(0, 80));
        row->remove = g_test_rand_int_range(0, 20) == 0;
        for (unsigned c = 0; c < G_N_ELEMENTS(choices); c++)
            choose(batch, row, c, partial);
    }
    return batch;
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

/* In one transaction; adds up what they changed. */
static void apply_each(struct fixture *f, const struct batch *batch, const struct table *rows,
                       struct write_counts *ret)
{
    GError *error = NULL;
    g_assert_true(destination_begin(f->dest, &error));
    for (unsigned i = 0; i < batch->row_count; i++) {
        struct batch *row = copy_of(batch, i, 1, rows);
        g_assert_true(destination_write(f->dest, row, &f->counts, &error));
        ret->inserted_or_updated += f->counts.inserted_or_updated;
        ret->unchanged += f->counts.unchanged;
        batch_release(row);
    }
    g_assert_true(destination_commit(f->dest, &error));
}

/* The second time nearly all is as stored: drivers may take another way then. */
static void apply_both(struct fixture *f, const struct batch *batch, const struct table *rows)
{
    for (unsigned round = 0; round < 2; round++) {
        struct write_counts sum = {0};
        apply_each(f, batch, rows, &sum);
        apply(f, copy_of(batch, 0, batch->row_count, batch->table));
        check_counts(f, sum.inserted_or_updated, sum.unchanged);
        f->dest->now += INSTANT_SECOND;
    }
}

static void pages_and_rows_agree(struct fixture *f)
{
    g_autoptr(Table) pages = replicated("pages", COLUMNS), rows = replicated("rows", COLUMNS);
    prepare(f, pages);
    prepare(f, rows);
    for (unsigned i = 0; i < 8; i++) {
        struct batch *batch = random_batch(pages);
        batch->asked_at = i % 4 ? T0 + (i % 4 - 2) * INSTANT_SECOND : INSTANT_NONE;
        apply_both(f, batch, rows);
        batch_release(batch);
        g_autofree char *expected = dump(f, rows, COLUMN_NAMES);
        check_dump(f, pages, COLUMN_NAMES, expected);
    }
}

const struct test_case agreement_cases[] = {
    {"pages-and-rows", pages_and_rows_agree},
    {0},
};
