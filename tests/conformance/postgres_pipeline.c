/* Statements that PostgreSQL was sent and whose outcome nobody has asked for yet. */
#include "fixture.h"

enum {
    PAGE_ROWS = 100,
    TALK_ROWS = 8000, /* 16 MB each way */
};

static struct batch *page_of(const struct table *table)
{
    struct batch *batch = batch_of(table);
    for (unsigned i = 0; i < PAGE_ROWS; i++) {
        struct row *row = batch_add_row(batch);
        cell_set_int(batch, &row->cells[0], i);
        cell_set_string(batch, &row->cells[1], "same");
    }
    return batch;
}

static struct table *state_table(void)
{
    return system_table("_penstock_state", "name text key, value text");
}

/* ── One of them fails ── */

static bool write_a_page(struct fixture *f, GError **error)
{
    struct batch *batch = page_of(f->deals);
    bool ok = destination_write(f->dest, batch, &f->counts, error);
    batch_release(batch);
    return ok;
}

static bool sweep_many(struct fixture *f, GError **error)
{
    static const int64_t seen[2000] = {1, 2};
    struct sweep sweep = {.table = f->deals,
                          .scope = -1,
                          .seen = seen,
                          .seen_count = G_N_ELEMENTS(seen),
                          .deleted_at = T0};
    struct sweep_counts counts;
    return destination_sweep(f->dest, &sweep, &counts, error);
}

static void no_row(const struct cell *cells, void *opaque)
{
    (void)cells;
    (void)opaque;
    g_assert_not_reached();
}

static bool read_all(struct fixture *f, GError **error)
{
    struct read_query query = {.table = f->deals, .where = -1, .order_by = -1};
    return destination_read(f->dest, &query, no_row, NULL, error);
}

static bool inspect(struct fixture *f, GError **error)
{
    struct table_info info = {0};
    bool ok = destination_inspect(f->dest, f->deals, &info, error);
    table_info_done(&info);
    return ok;
}

static bool commit_it(struct fixture *f, GError **error)
{
    return destination_commit(f->dest, error);
}

/* With a row that is refused: alone, or in a page. */
static struct batch *bad_state(const struct table *state, unsigned count)
{
    struct batch *batch = batch_of(state);
    for (unsigned i = 0; i < count; i++) {
        struct row *row = batch_add_row(batch);
        cell_set_int(batch, &row->cells[0], i);
        cell_set_string(batch, &row->cells[1], i == count / 2 ? "bad" : "good");
    }
    return batch;
}

static void begin_and_refuse(struct fixture *f, const struct table *state, unsigned count)
{
    struct batch *batch = bad_state(state, count);
    GError *error = NULL;
    g_assert_true(destination_begin(f->dest, &error));
    g_assert_true(inspect(f, &error)); /* what is known of the table needs no look any more */
    g_assert_true(destination_write(f->dest, batch, &f->counts, &error));
    batch_release(batch);
}

static void remove_all(struct fixture *f)
{
    struct batch *batch = page_of(f->deals);
    for (unsigned i = 0; i < batch->row_count; i++)
        batch->rows[i].remove = true;
    apply(f, batch);
}

/* A row of the state is not waited for: whatever comes next tells that it was refused, and which it
 * was; after the rollback the session is as good as new. */
static void refused_unseen(struct fixture *f)
{
    static bool (*const steps[])(struct fixture *, GError **) = {
        write_a_page, sweep_many, read_all, inspect, commit_it,
    };
    g_autoptr(Table) state = state_table();
    prepare(f, f->deals);
    prepare(f, state);
    f->subject->execute(f->url, "ALTER TABLE _penstock_state ADD CHECK (value <> 'bad')");
    put(f, f->deals, "id", "1000");
    reopen(f); /* pages are not copied straight: the table was not empty */
    for (unsigned i = 0; i < 2 * G_N_ELEMENTS(steps); i++) {
        for (unsigned page = 0; page < 2; page++)
            apply(f, page_of(f->deals));
        check_counts(f, 0, 100);
        remove_all(f);
        begin_and_refuse(f, state, 1);
        destination_rollback(f->dest); /* nobody asks */
        begin_and_refuse(f, state, i % 2 ? 50 : 1);
        GError *error = NULL;
        g_assert_false(steps[i / 2](f, &error));
        check_error(error, PENSTOCK_ERROR_STORAGE, "writing to _penstock_state", "constraint",
                    NULL);
        destination_rollback(f->dest);
        check_dump(f, state, "name", "");
    }
}

/* ── Both sides are full ── */

/* The server says more than the connection holds while it is still being sent to: who only sends
 * then, or only waits, waits for ever. */
static void both_talk(struct fixture *f)
{
    g_autoptr(Table) state = state_table();
    g_autofree char *text = g_strnfill(2000, 'x');
    prepare(f, state);
    f->subject->execute(f->url, "CREATE FUNCTION tell() RETURNS trigger LANGUAGE plpgsql AS "
                                "'BEGIN RAISE WARNING ''%'', new.value; RETURN new; END'; "
                                "CREATE TRIGGER tell BEFORE INSERT ON _penstock_state "
                                "FOR EACH ROW EXECUTE FUNCTION tell()");
    GError *error = NULL;
    g_assert_true(destination_begin(f->dest, &error));
    for (unsigned i = 0; i < TALK_ROWS; i++) {
        struct batch *batch = batch_of(state);
        struct row *row = batch_add_row(batch);
        cell_set_int(batch, &row->cells[0], i);
        cell_set_string(batch, &row->cells[1], text);
        g_assert_true(destination_write(f->dest, batch, &f->counts, &error));
        batch_release(batch);
    }
    g_assert_true(destination_commit(f->dest, &error));
    g_autofree char *count = f->subject->query(f->url, "SELECT count(*) FROM _penstock_state");
    g_assert_cmpint(g_ascii_strtoll(count, NULL, 10), ==, TALK_ROWS);
}

const struct test_case postgres_pipeline_cases[] = {
    {"refused-unseen", refused_unseen},
    {"both-talk", both_talk},
    {0},
};
