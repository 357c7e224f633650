#include <string.h>

#include "model/destination.h"

/* ── Tables ── */

static void names_of_types(void)
{
    for (int i = 0; i <= COLUMN_JSON; i++) {
        enum column_type type;
        g_assert_true(column_type_from_name(column_type_name((enum column_type)i), &type));
        g_assert_cmpint((int)type, ==, i);
    }
    enum column_type untouched = COLUMN_TEXT;
    g_assert_false(column_type_from_name("varchar", &untouched));
    g_assert_cmpint((int)untouched, ==, COLUMN_TEXT);
}

static void widening(void)
{
    for (int a = 0; a <= COLUMN_JSON; a++) {
        for (int b = 0; b <= COLUMN_JSON; b++) {
            bool numbers = a + b == COLUMN_INTEGER + COLUMN_DECIMAL && a != b;
            int expected = a == b ? a : numbers ? COLUMN_DECIMAL : COLUMN_TEXT;
            g_assert_cmpint((int)column_type_widen((enum column_type)a, (enum column_type)b), ==,
                            expected);
        }
    }
}

static void columns(void)
{
    g_autoptr(Table) table = table_new("deals", TABLE_REPLICATED);
    char name[] = "id";
    g_assert_cmpuint(table_add_column(table, name, COLUMN_INTEGER, "the key"), ==, 0);
    name[0] = 'x'; /* was copied */
    g_assert_cmpuint(table_add_column(table, "title", COLUMN_TEXT, NULL), ==, 1);
    table_add_system_columns(table, METADATA_NATIVE);
    g_assert_cmpint(table_find_column(table, "id"), ==, 0);
    g_assert_cmpint(table_find_column(table, "ID"), ==, -1);
    g_assert_cmpint(table_find_column(table, "_extra"), ==, table->extra);
    g_assert_cmpint(table->extra, ==, (int)table->columns->len - 1);
    g_assert_true(table_column(table, (unsigned)table->synced_at)->is_system);
    g_assert_false(table_column(table, 1)->is_system);
    table_index_column(table, 1);
    g_assert_true(table_column(table, 1)->is_indexed);
    g_assert_cmpint(table->version, ==, -1);
}

/* ── Cells ── */

static void check_int(const char *text, bool ok, int64_t expected)
{
    struct cell cell;
    cell_set(&cell, text, strlen(text));
    int64_t value = 0;
    g_assert_cmpint(cell_int64(&cell, &value), ==, ok);
    g_assert_cmpint(value, ==, expected);
}

static void integers(void)
{
    check_int("0", true, 0);
    check_int("-0", true, 0);
    check_int("42", true, 42);
    check_int("999999999999999999", true, INT64_C(999999999999999999));
    check_int("9223372036854775807", true, INT64_MAX);
    check_int("-9223372036854775808", true, INT64_MIN);
    check_int("9223372036854775808", false, 0);
    check_int("-9223372036854775809", false, 0);
    check_int("18446744073709551617", false, 0);
    check_int("00000000000000000000000000000000000000000001", true, 1);
    check_int("99999999999999999999999999999999999999999999", false, 0);
    check_int("", false, 0);
    check_int("-", false, 0);
    check_int("+1", false, 0);
    check_int("1 ", false, 0);
    check_int("1.0", false, 0);
    check_int("1e3", false, 0);
    struct cell null_cell;
    cell_set_null(&null_cell);
    int64_t value;
    g_assert_false(cell_int64(&null_cell, &value));
}

static void cells(void)
{
    struct batch *batch = batch_new();
    struct cell cell;
    cell_set_string(batch, &cell, "abc");
    g_assert_true(cell_is(&cell, "abc"));
    g_assert_false(cell_is(&cell, "ab"));
    g_assert_false(cell_is(&cell, "abd"));
    cell_set_string(batch, &cell, NULL);
    g_assert_cmpint(cell.kind, ==, CELL_NULL);
    g_assert_false(cell_is(&cell, ""));
    cell_set_int(batch, &cell, INT64_MIN);
    g_assert_true(cell_is(&cell, "-9223372036854775808"));
    cell_set_instant(batch, &cell, INSTANT_SECOND * INT64_C(1800000000) + 250);
    g_assert_true(cell_is(&cell, "2027-01-15 08:00:00.000250"));
    cell_set_instant(batch, &cell, INSTANT_NONE);
    g_assert_cmpint(cell.kind, ==, CELL_NULL);
    batch_release(batch);
}

/* ── Batches ── */

static void rows(void)
{
    g_autoptr(Table) table = table_new("t", TABLE_SYSTEM);
    table_add_column(table, "a", COLUMN_TEXT, NULL);
    table_add_column(table, "b", COLUMN_TEXT, NULL);
    struct batch *batch = batch_new();
    batch_prepare(batch, table, 0);
    for (int i = 0; i < 100; i++)
        cell_set_int(batch, &batch_add_row(batch)->cells[1], i);
    for (unsigned i = 0; i < 100; i++) { /* survived the growing */
        int64_t value;
        g_assert_cmpint(batch->rows[i].cells[0].kind, ==, CELL_ABSENT);
        g_assert_true(cell_int64(&batch->rows[i].cells[1], &value));
        g_assert_cmpint(value, ==, i);
    }
    batch->rows[99].remove = true;
    batch_drop_last_row(batch);
    struct row *row = batch_add_row(batch);
    g_assert_cmpuint(batch->row_count, ==, 100);
    g_assert_cmpint(row->cells[1].kind, ==, CELL_ABSENT); /* nothing of the dropped row */
    g_assert_false(row->remove);
    batch->body = g_strdup("0123456789");
    batch->body_bytes = 11;
    g_assert_cmpuint(batch_used_bytes(batch), >=, 100 * 2 * sizeof(struct cell) + 11);
    batch_prepare(batch, table, 5);
    g_assert_cmpuint(batch->row_count, ==, 0);
    batch_release(batch);
}

static void count_wake(void *opaque)
{
    g_atomic_int_inc((int *)opaque);
}

static void pool_credit(void)
{
    int wakes = 0;
    struct batch_pool *pool = batch_pool_new(100);
    batch_pool_on_release(pool, count_wake, &wakes);
    struct batch *big = batch_acquire(pool, 1000); /* one may always go */
    g_assert_nonnull(big);
    g_assert_null(batch_acquire(pool, 1));
    batch_adjust_credit(big, 60);
    g_assert_cmpint(wakes, ==, 1);
    g_assert_null(batch_acquire(pool, 41));
    struct batch *second = batch_acquire(pool, 40);
    g_assert_nonnull(second);
    g_assert_cmpuint(batch_pool_used_bytes(pool), ==, 100);
    batch_adjust_credit(second, 90); /* growing never fails */
    g_assert_cmpuint(batch_pool_used_bytes(pool), ==, 150);
    g_assert_cmpint(wakes, ==, 1);
    batch_release(big);
    g_assert_cmpint(wakes, ==, 2);
    g_assert_null(batch_acquire(pool, 11));
    batch_release(second);
    g_assert_cmpuint(batch_pool_used_bytes(pool), ==, 0);
    batch_release(NULL);
    batch_pool_free(pool);
    batch_pool_free(NULL);
}

static void *churn(void *opaque)
{
    for (int i = 0; i < 2000; i++)
        batch_release(batch_acquire(opaque, (size_t)(i % 60)));
    return NULL;
}

static void pool_threads(void)
{
    int wakes = 0;
    struct batch_pool *pool = batch_pool_new(100);
    batch_pool_on_release(pool, count_wake, &wakes);
    GThread *threads[4];
    for (unsigned i = 0; i < G_N_ELEMENTS(threads); i++)
        threads[i] = g_thread_new("churn", churn, pool);
    for (unsigned i = 0; i < G_N_ELEMENTS(threads); i++)
        g_thread_join(threads[i]);
    g_assert_cmpuint(batch_pool_used_bytes(pool), ==, 0);
    batch_pool_free(pool);
}

/* ── The wrappers ── */

static bool fake_open(const struct destination_settings *settings, struct destination **ret,
                      GError **error);
static bool begin_works(struct destination *d, GError **error)
{
    (void)d, (void)error;
    return true;
}
static bool write_fails(struct destination *d, struct batch *batch, struct write_counts *ret,
                        GError **error)
{
    (void)d, (void)batch, (void)ret;
    error_setf(error, PENSTOCK_ERROR_STORAGE, "full");
    return false;
}
static void ignore(struct destination *d)
{
    (void)d;
}

static const struct destination_ops fake = {
    .open = fake_open,
    .begin = begin_works,
    .write = write_fails,
    .commit = begin_works,
    .rollback = ignore,
    .close = ignore,
};
static struct destination fake_destination = {.ops = &fake, .now = 1};

static bool fake_open(const struct destination_settings *settings, struct destination **ret,
                      GError **error)
{
    (void)settings, (void)error;
    *ret = &fake_destination;
    return true;
}

static struct destination *fake_begun(void)
{
    struct destination_settings settings = {.url = "fake:"};
    struct destination *d;
    GError *error = NULL;
    g_assert_true(destination_open(&fake, &settings, &d, &error));
    g_assert_true(destination_begin(d, &error));
    return d;
}

static void failed_write(struct destination *d)
{
    g_autoptr(Table) table = table_new("t", TABLE_SYSTEM);
    struct batch *batch = batch_new();
    batch_prepare(batch, table, 1);
    struct write_counts counts;
    GError *error = NULL;
    g_assert_false(destination_write(d, batch, &counts, &error));
    g_clear_error(&error);
    batch_release(batch);
}

static void only_rollback_follows_a_failure(void)
{
    if (g_test_subprocess()) {
        struct destination *d = fake_begun();
        failed_write(d);
        g_assert_true(destination_commit(d, NULL));
        return;
    }
    struct destination *d = fake_begun();
    failed_write(d);
    destination_rollback(d);
    GError *error = NULL;
    g_assert_true(destination_begin(d, &error));
    g_assert_true(destination_commit(d, &error));
    g_assert_false(d->in_transaction);
    destination_close(d);
    destination_close(NULL);
    g_test_trap_subprocess(NULL, 0, 0);
    g_test_trap_assert_failed();
}

static void no_second_begin(void)
{
    if (g_test_subprocess()) {
        g_assert_true(destination_begin(fake_begun(), NULL));
        return;
    }
    g_test_trap_subprocess(NULL, 0, 0);
    g_test_trap_assert_failed();
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/table/names-of-types", names_of_types);
    g_test_add_func("/table/widening", widening);
    g_test_add_func("/table/columns", columns);
    g_test_add_func("/cell/integers", integers);
    g_test_add_func("/cell/setters", cells);
    g_test_add_func("/batch/rows", rows);
    g_test_add_func("/batch/pool-credit", pool_credit);
    g_test_add_func("/batch/pool-threads", pool_threads);
    g_test_add_func("/destination/only-rollback-follows-a-failure",
                    only_rollback_follows_a_failure);
    g_test_add_func("/destination/no-second-begin", no_second_begin);
    return g_test_run();
}
