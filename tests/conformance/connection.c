/* The connection goes, at each step in turn: an error that says so, no wait, and nothing of the
 * transaction remains. For destinations that have one. */
#include "fixture.h"

/* Some send BEGIN with what comes next. */
static bool step_begin(struct fixture *f, GError **error)
{
    return destination_begin(f->dest, error) && destination_commit(f->dest, error);
}

static bool write_rows(struct fixture *f, unsigned count, GError **error)
{
    struct batch *batch = batch_of(f->deals);
    for (unsigned i = 0; i < count; i++)
        cell_set_int(batch, &batch_add_row(batch)->cells[0], 100 + i);
    bool ok = destination_write(f->dest, batch, &f->counts, error);
    batch_release(batch);
    return ok;
}

static bool step_write_one(struct fixture *f, GError **error)
{
    return write_rows(f, 1, error);
}

static bool step_write_many(struct fixture *f, GError **error)
{
    return write_rows(f, 500, error);
}

static bool step_sweep(struct fixture *f, GError **error)
{
    struct sweep sweep = {.table = f->deals, .scope = -1, .deleted_at = T0};
    struct sweep_counts counts;
    return destination_sweep(f->dest, &sweep, &counts, error);
}

static void ignore(const struct cell *cells, void *opaque)
{
    (void)cells;
    (void)opaque;
}

static bool step_read(struct fixture *f, GError **error)
{
    struct read_query query = {.table = f->deals, .where = -1, .order_by = -1};
    return destination_read(f->dest, &query, ignore, NULL, error);
}

static bool step_commit(struct fixture *f, GError **error)
{
    return destination_commit(f->dest, error);
}

static bool step_inspect(struct fixture *f, GError **error)
{
    struct table_info info = {0};
    bool ok = destination_inspect(f->dest, f->deals, &info, error);
    table_info_done(&info);
    return ok;
}

static bool step_prepare(struct fixture *f, GError **error)
{
    return destination_prepare(f->dest, f->deals, "nonce-2", error);
}

static bool step_drop(struct fixture *f, GError **error)
{
    return destination_drop(f->dest, f->deals, error);
}

static const struct {
    const char *name;
    bool inside; /* a transaction that has written */
    bool (*step)(struct fixture *, GError **);
} steps[] = {
    {"begin", false, step_begin},
    {"read", false, step_read},
    {"inspect", false, step_inspect},
    {"prepare", false, step_prepare},
    {"drop", false, step_drop},
    {"write one", true, step_write_one},
    {"write many", true, step_write_many},
    {"sweep", true, step_sweep},
    {"read", true, step_read},
    {"commit", true, step_commit},
};

static void lose_before(struct fixture *f, unsigned i)
{
    GError *error = NULL;
    g_test_message("%s", steps[i].name);
    if (steps[i].inside) {
        g_assert_true(destination_begin(f->dest, &error));
        g_assert_true(write_rows(f, 2, &error));
    }
    f->subject->cut(f->url);
    int64_t start = clock_monotonic_ms();
    g_assert_false(steps[i].step(f, &error));
    check_error(error, PENSTOCK_ERROR_STORAGE, "connection", "lost", "run again", NULL);
    destination_rollback(f->dest);
    error = NULL;
    g_assert_false(step_begin(f, &error)); /* does not come back by itself */
    check_error(error, PENSTOCK_ERROR_STORAGE, "lost", NULL);
    g_assert_cmpint(clock_monotonic_ms() - start, <, 5000);
    reopen(f);
    check_dump(f, f->deals, "id", "1\n");
}

static void lost(struct fixture *f)
{
    prepare(f, f->deals);
    put(f, f->deals, "id", "1");
    for (unsigned i = 0; f->subject->cut && i < G_N_ELEMENTS(steps); i++)
        lose_before(f, i);
}

const struct test_case connection_cases[] = {
    {"lost", lost},
    {0},
};
