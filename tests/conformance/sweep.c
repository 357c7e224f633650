/* A sweep flags what is alive in its scope and was not seen, and nothing else. */
#include "fixture.h"

static void fill(struct fixture *f)
{
    prepare(f, f->deals);
    struct batch *batch = batch_of(f->deals);
    for (int i = 1; i <= 6; i++) {
        struct row *row = batch_add_row(batch);
        cell_set_int(batch, &row->cells[0], i);
        cell_set_int(batch, &row->cells[3], i % 2);
    }
    apply(f, batch);
    f->dest->now = T0 + 5 * INSTANT_SECOND;
    g_strlcpy(f->dest->run_id, "run-2", sizeof f->dest->run_id);
}

static void run_sweep(struct fixture *f, const struct sweep *s, int64_t alive_before,
                      int64_t flagged)
{
    struct sweep_counts counts;
    GError *error = NULL;
    bool ok = destination_begin(f->dest, &error) &&
              destination_sweep(f->dest, s, &counts, &error) && destination_commit(f->dest, &error);
    g_assert_no_error(error);
    g_assert_true(ok);
    g_assert_cmpint(counts.alive_before, ==, alive_before);
    g_assert_cmpint(counts.flagged, ==, flagged);
}

static void sweep(struct fixture *f, int scope, int64_t value, const int64_t *seen, size_t count,
                  int64_t alive_before, int64_t flagged)
{
    struct sweep s = {.table = f->deals,
                      .scope = scope,
                      .scopes = &value,
                      .scope_count = 1,
                      .seen = seen,
                      .seen_count = count,
                      .deleted_at = T0 + 3 * INSTANT_SECOND};
    run_sweep(f, &s, alive_before, flagged);
}

#define GONE "2027-01-15 08:00:03|2027-01-15 08:00:05|run-2\n"
#define HERE "~|" T0_TEXT "|run-1\n"

static void whole_table(struct fixture *f)
{
    static const int64_t seen[] = {6, 1, 3, 1, 99};
    fill(f);
    sweep(f, -1, 0, seen, G_N_ELEMENTS(seen), 6, 3);
    check_dump(f, f->deals, "id,_deleted_at,_synced_at,_run_id",
               "1|" HERE "2|" GONE "3|" HERE "4|" GONE "5|" GONE "6|" HERE);
    sweep(f, -1, 0, seen, G_N_ELEMENTS(seen), 3, 0); /* again: nothing is left to flag */
    sweep(f, -1, 0, seen + 2, 1, 3, 2);              /* the ids of the sweep before are forgotten */
}

static void one_scope(struct fixture *f)
{
    static const int64_t seen[] = {2, 3};
    fill(f);
    sweep(f, 3, 0, seen, 2, 3, 2);
    check_dump(f, f->deals, "id,_deleted_at,_synced_at,_run_id",
               "1|" HERE "2|" HERE "3|" HERE "4|" GONE "5|" HERE "6|" GONE);
    sweep(f, 3, 42, seen, 2, 0, 0);
}

static void several_scopes(struct fixture *f)
{
    static const int64_t scopes[] = {42, 0, 1}, seen[] = {2, 3};
    fill(f);
    put(f, f->deals, "id", "7", "deal_id", "2");
    struct sweep s = {.table = f->deals,
                      .scope = 3,
                      .scopes = scopes,
                      .scope_count = G_N_ELEMENTS(scopes),
                      .seen = seen,
                      .seen_count = G_N_ELEMENTS(seen),
                      .deleted_at = T0 + 3 * INSTANT_SECOND};
    run_sweep(f, &s, 6, 4);
    check_dump(f, f->deals, "id,_deleted_at",
               "1|2027-01-15 08:00:03\n2|~\n3|~\n4|2027-01-15 08:00:03\n"
               "5|2027-01-15 08:00:03\n6|2027-01-15 08:00:03\n7|~\n");
    run_sweep(f, &s, 2, 0);
}

static void nothing_seen(struct fixture *f)
{
    fill(f);
    sweep(f, 3, 1, NULL, 0, 3, 3);
    sweep(f, -1, 0, NULL, 0, 3, 3);
    sweep(f, -1, 0, NULL, 0, 0, 0);
}

static void revived_after_a_sweep(struct fixture *f)
{
    fill(f);
    sweep(f, -1, 0, NULL, 0, 6, 6);
    struct batch *batch = batch_of(f->deals);
    batch->asked_at = T0 + 3 * INSTANT_SECOND;
    add(batch, "id", "2", "_deleted_at", null_cell, NULL);
    apply(f, batch);
    sweep(f, -1, 0, NULL, 0, 1, 1);
}

static void rolled_back(struct fixture *f)
{
    static const int64_t deal = 1, seen[] = {1};
    fill(f);
    struct sweep s = {.table = f->deals,
                      .scope = 3,
                      .scopes = &deal,
                      .scope_count = 1,
                      .seen = seen,
                      .seen_count = 1,
                      .deleted_at = T0};
    struct sweep_counts counts;
    GError *error = NULL;
    for (int i = 0; i < 2; i++) {
        g_assert_true(destination_begin(f->dest, &error));
        g_assert_true(destination_sweep(f->dest, &s, &counts, &error));
        g_assert_cmpint(counts.flagged, ==, 2);
        destination_rollback(f->dest);
    }
    sweep(f, 3, 1, seen, 1, 3, 2);
}

static void many_ids(struct fixture *f)
{
    enum {
        COUNT = 20000
    };
    prepare(f, f->deals);
    struct batch *batch = batch_of(f->deals);
    g_autofree int64_t *seen = g_new(int64_t, COUNT);
    for (int i = 0; i < COUNT; i++) {
        cell_set_int(batch, &batch_add_row(batch)->cells[0], i);
        seen[i] = COUNT - i * 2; /* half of them, and ids that do not exist */
    }
    apply(f, batch);
    sweep(f, -1, 0, seen, COUNT, COUNT, COUNT / 2);
}

/* Rows go; those that were flagged before are not its business. */
static void removing(struct fixture *f)
{
    static const int64_t even = 0, seen[] = {2, 3};
    fill(f);
    put(f, f->deals, "id", "6", "_deleted_at", T0_TEXT);
    struct sweep s = {.table = f->deals,
                      .scope = 3,
                      .scopes = &even,
                      .scope_count = 1,
                      .seen = seen,
                      .seen_count = 2,
                      .deleted_at = T0,
                      .remove = true};
    run_sweep(f, &s, 2, 1);
    check_dump(f, f->deals, "id", "1\n2\n3\n5\n6\n");
    s.scope = -1;
    s.seen_count = 0;
    run_sweep(f, &s, 4, 4);
    check_dump(f, f->deals, "id", "6\n");
}

static void without_system_columns(struct fixture *f)
{
    static const int64_t none = 0, seen[] = {2};
    g_autoptr(Table) t = replicated_as("bare", "id integer key, deal_id integer", METADATA_NONE);
    prepare(f, t);
    for (int i = 1; i <= 4; i++) {
        g_autofree char *id = g_strdup_printf("%d", i), *deal = g_strdup_printf("%d", i % 2);
        put(f, t, "id", id, "deal_id", deal);
    }
    put(f, t, "id", "4", "deal_id", "0");
    check_counts(f, 0, 1);
    struct sweep s = {.table = t,
                      .scope = 1,
                      .scopes = &none,
                      .scope_count = 1,
                      .seen = seen,
                      .seen_count = 1,
                      .deleted_at = T0,
                      .remove = true};
    run_sweep(f, &s, 2, 1);
    check_dump(f, t, "id", "1\n2\n3\n");
    s.scope = -1;
    run_sweep(f, &s, 3, 2);
    check_dump(f, t, "id", "2\n");
    s.seen_count = 0;
    run_sweep(f, &s, 1, 1);
    check_dump(f, t, "id", "");
}

const struct test_case sweep_cases[] = {
    {"removing", removing},
    {"without-system-columns", without_system_columns},
    {"whole-table", whole_table},
    {"one-scope", one_scope},
    {"several-scopes", several_scopes},
    {"nothing-seen", nothing_seen},
    {"revived-after-a-sweep", revived_after_a_sweep},
    {"rolled-back", rolled_back},
    {"many-ids", many_ids},
    {0},
};
