/* Tables appear, grow and widen; what a person did to them stays. */
#include <string.h>

#include "fixture.h"

static struct table_info inspect(struct fixture *f, const struct table *t)
{
    struct table_info info;
    GError *error = NULL;
    bool ok = destination_inspect(f->dest, t, &info, &error);
    g_assert_no_error(error);
    g_assert_true(ok);
    return info;
}

static void check_info(struct fixture *f, const struct table *t, bool exists, const char *nonce,
                       int64_t live_rows)
{
    struct table_info info = inspect(f, t);
    g_assert_cmpint(info.exists, ==, exists);
    g_assert_cmpstr(info.nonce, ==, nonce);
    g_assert_cmpint(info.live_rows, ==, live_rows);
    table_info_done(&info);
}

static void check_ours(struct fixture *f, const struct table *t, bool ours)
{
    struct table_info info = inspect(f, t);
    g_assert_cmpint(info.is_ours, ==, ours);
    table_info_done(&info);
}

static GError *prepare_error(struct fixture *f, const struct table *t)
{
    GError *error = NULL;
    g_assert_false(destination_prepare(f->dest, t, "nonce-2", &error));
    return error;
}

static void inspect_and_nonce(struct fixture *f)
{
    check_info(f, f->deals, false, NULL, 0);
    check_dump(f, f->deals, "id", ""); /* no table, no rows */
    check_ours(f, f->deals, false);
    prepare(f, f->deals);
    check_ours(f, f->deals, true);
    check_info(f, f->deals, true, "nonce-1", 0);
    put(f, f->deals, "id", "1", "_deleted_at", T0_TEXT);
    put(f, f->deals, "id", "2");
    check_info(f, f->deals, true, "nonce-1", 1);
    struct table_info info = inspect(f, f->deals);
    g_assert_cmpint(info.rows, ==, 2);
    table_info_done(&info);
    reopen(f);
    GError *error = NULL;
    g_assert_true(destination_prepare(f->dest, f->deals, "nonce-2", &error));
    check_info(f, f->deals, true, "nonce-1", 1); /* stored on creation only */
}

static void dropped_between_runs(struct fixture *f)
{
    prepare(f, f->deals);
    put(f, f->deals, "id", "1");
    f->subject->execute(f->url, "DROP TABLE deals");
    check_info(f, f->deals, false, NULL, 0);
    GError *error = NULL;
    g_assert_true(destination_prepare(f->dest, f->deals, "nonce-2", &error));
    check_info(f, f->deals, true, "nonce-2", 0);
    put(f, f->deals, "id", "2");
    check_dump(f, f->deals, "id", "2\n");
}

static void dropped_during_a_run(struct fixture *f)
{
    prepare(f, f->deals);
    put(f, f->deals, "id", "1");
    f->subject->execute(f->url, "DROP TABLE deals");
    struct batch *batch = batch_of(f->deals);
    add(batch, "id", "2", NULL);
    GError *error = NULL;
    g_assert_true(destination_begin(f->dest, &error));
    g_assert_false(destination_write(f->dest, batch, &f->counts, &error));
    check_error(error, PENSTOCK_ERROR_STORAGE, "deals", "run again", NULL);
    destination_rollback(f->dest);
    batch_release(batch);
}

static void column_dropped_during_a_run(struct fixture *f)
{
    prepare(f, f->deals);
    put(f, f->deals, "id", "1", "deal_id", "5");
    f->subject->execute(f->url, "ALTER TABLE deals DROP COLUMN deal_id");
    GError *error = NULL;
    const int64_t deal = 5;
    struct sweep sweep = {
        .table = f->deals, .scope = 3, .scopes = &deal, .scope_count = 1, .deleted_at = T0};
    struct sweep_counts counts;
    g_assert_true(destination_begin(f->dest, &error));
    g_assert_false(destination_sweep(f->dest, &sweep, &counts, &error));
    check_error(error, PENSTOCK_ERROR_STORAGE, "deals", "run again", NULL);
    destination_rollback(f->dest);
    error = NULL;
    struct batch *batch = batch_of(f->deals);
    add(batch, "id", "1", "deal_id", "6", NULL);
    g_assert_true(destination_begin(f->dest, &error));
    g_assert_false(destination_write(f->dest, batch, &f->counts, &error));
    check_error(error, PENSTOCK_ERROR_STORAGE, "deals", "run again", NULL);
    destination_rollback(f->dest);
    batch_release(batch);
    prepare(f, f->deals);
    put(f, f->deals, "id", "1", "deal_id", "7");
    check_dump(f, f->deals, "id,deal_id,_deleted_at", "1|7|~\n");
}

static void truncated(struct fixture *f)
{
    prepare(f, f->deals);
    put(f, f->deals, "id", "1");
    f->subject->execute(f->url, "DELETE FROM deals");
    check_info(f, f->deals, true, "nonce-1", 0);
}

static void made_by_somebody_else(struct fixture *f)
{
    f->subject->execute(f->url, "CREATE TABLE deals (id INTEGER PRIMARY KEY, owner TEXT)");
    f->subject->execute(f->url, "INSERT INTO deals VALUES (7, 'me')");
    check_info(f, f->deals, true, NULL, 1);
    check_ours(f, f->deals, false);
    check_error(prepare_error(f, f->deals), PENSTOCK_ERROR_CONFIG, "deals", "rename", "schema",
                NULL);
    GError *error = NULL;
    g_assert_false(destination_drop(f->dest, f->deals, &error));
    check_error(error, PENSTOCK_ERROR_CONFIG, "deals", NULL);
    g_autofree char *owner = f->subject->query(f->url, "SELECT owner FROM deals");
    g_assert_cmpstr(owner, ==, "me");
    f->subject->execute(f->url, "DROP TABLE deals");
    f->subject->execute(f->url, "CREATE VIEW deals AS SELECT 1 AS id, 1 AS _synced_at, "
                                "1 AS _deleted_at, 1 AS _run_id, 1 AS _extra");
    check_ours(f, f->deals, false);
    check_error(prepare_error(f, f->deals), PENSTOCK_ERROR_CONFIG, "view deals", NULL);
}

static void replaced_by_somebody_else(struct fixture *f)
{
    prepare(f, f->deals);
    f->subject->execute(f->url, "DROP TABLE deals");
    g_autofree char *sql =
        g_strdup_printf("CREATE TABLE deals (id INTEGER PRIMARY KEY, update_time %s)",
                        f->subject->dialect->types[COLUMN_TEXT]);
    f->subject->execute(f->url, sql);
    check_info(f, f->deals, true, NULL, 0); /* the nonce went with our table */
    g_autoptr(Table) text = replicated("deals", "id integer key, update_time text");
    g_assert_cmpint(inspected_type(f, text, "update_time"), ==, COLUMN_TEXT); /* and the types */
    check_error(prepare_error(f, f->deals), PENSTOCK_ERROR_CONFIG, "deals", NULL);
}

static void new_columns(struct fixture *f)
{
    g_autoptr(Table) old = replicated("deals", "id integer key, title text");
    prepare(f, old);
    put(f, old, "id", "1", "title", "a");
    prepare(f, f->deals);
    put(f, f->deals, "id", "1", "value", "1.5", "update_time", "2026-01-02 00:00:00");
    check_dump(f, f->deals, "id,title,value,update_time", "1|a|1.5|2026-01-02 00:00:00\n");
    g_assert_cmpint(inspected_type(f, f->deals, "value"), ==, COLUMN_DECIMAL);
    put(f, old, "id", "1", "title", "b"); /* an older description still writes */
    check_dump(f, f->deals, "id,title,value", "1|b|1.5\n");
    prepare(f, old); /* never narrows */
    check_dump(f, f->deals, "id,title,value", "1|b|1.5\n");
}

static void persons_column(struct fixture *f)
{
    prepare(f, f->deals);
    f->subject->execute(f->url, "ALTER TABLE deals ADD COLUMN remark TEXT");
    put(f, f->deals, "id", "1", "title", "a");
    f->subject->execute(f->url, "UPDATE deals SET remark = 'mine'");
    f->subject->execute(f->url, "CREATE INDEX remark_index ON deals (remark)");
    f->subject->execute(f->url, "CREATE VIEW v AS SELECT id, title, value, remark FROM deals");
    reopen(f);
    prepare(f, f->deals);
    put(f, f->deals, "id", "1", "title", "b");
    g_autoptr(Table) wider = replicated("deals", "id integer key, title text, value text, "
                                                 "deal_id text, update_time text version");
    if (f->subject->views_hold_types) {
        check_error(prepare_error(f, wider), PENSTOCK_ERROR_CONFIG, "view", "value", "deals",
                    "drop the view", NULL);
        g_assert_cmpint(inspected_type(f, f->deals, "update_time"), ==, COLUMN_TIMESTAMP);
        f->subject->execute(f->url, "DROP VIEW v");
    }
    prepare(f, wider); /* a rebuild where types cannot be changed in place */
    if (f->subject->views_hold_types)
        f->subject->execute(f->url, "CREATE VIEW v AS SELECT id, title, value, remark FROM deals");
    put(f, wider, "id", "1", "title", "c", "value", "x");
    g_autofree char *remark = f->subject->query(f->url, "SELECT remark FROM deals");
    g_assert_cmpstr(remark, ==, "mine");
    g_autofree char *view = f->subject->query(f->url, "SELECT value FROM v WHERE remark = 'mine'");
    g_assert_cmpstr(view, ==, "x");
    check_info(f, wider, true, "nonce-1", 1);
}

static void persons_column_in_the_way(struct fixture *f)
{
    prepare(f, f->deals);
    g_autofree char *sql = g_strdup_printf("ALTER TABLE deals ADD COLUMN score %s",
                                           f->subject->dialect->types[COLUMN_INTEGER]);
    f->subject->execute(f->url, sql);
    g_autofree char *text = g_strdup_printf("ALTER TABLE deals ADD COLUMN remark %s",
                                            f->subject->dialect->types[COLUMN_TEXT]);
    f->subject->execute(f->url, text);
    f->subject->execute(f->url, "ALTER TABLE deals ADD COLUMN weight REAL");
    g_autoptr(Table) clash = replicated("deals", "id integer key, weight timestamp");
    check_error(prepare_error(f, clash), PENSTOCK_ERROR_CONFIG, "deals", "weight", "rename", NULL);
    g_autoptr(Table) fits = replicated("deals", "id integer key, score integer, remark text");
    prepare(f, fits); /* the same type: taken over */
    put(f, fits, "id", "1", "score", "5", "remark", "x");
    check_dump(f, fits, "id,score,remark", "1|5|x\n");
}

static void renamed_column(struct fixture *f)
{
    prepare(f, f->deals);
    put(f, f->deals, "id", "1", "title", "a");
    f->subject->execute(f->url, "ALTER TABLE deals RENAME COLUMN title TO name");
    prepare(f, f->deals); /* ours comes back, theirs stays */
    put(f, f->deals, "id", "1", "title", "b");
    g_autofree char *name = f->subject->query(f->url, "SELECT name FROM deals");
    g_assert_cmpstr(name, ==, "a");
    check_dump(f, f->deals, "id,title", "1|b\n");
    g_assert_cmpint(inspected_type(f, f->deals, "update_time"), ==, COLUMN_TIMESTAMP);
}

/* Every pair of types, with data, in one table each. */
static const char *const samples[] = {
    [COLUMN_INTEGER] = "7",       [COLUMN_DECIMAL] = "0.1",
    [COLUMN_BOOLEAN] = "1",       [COLUMN_TIMESTAMP] = "2026-01-02 03:04:05",
    [COLUMN_DATE] = "2026-01-02", [COLUMN_TIME] = "03:04:05",
    [COLUMN_TEXT] = "text",       [COLUMN_JSON] = "[1, 2]",
};

static void widen(struct fixture *f, enum column_type from, enum column_type to)
{
    g_autofree char *name =
        g_strdup_printf("w_%s_%s", column_type_name(from), column_type_name(to));
    g_autofree char *before =
        g_strdup_printf("id integer key, x %s, y decimal", column_type_name(from));
    g_autofree char *after =
        g_strdup_printf("id integer key, x %s, y decimal", column_type_name(to));
    g_autoptr(Table) t1 = replicated(name, before);
    g_autoptr(Table) t2 = replicated(name, after);
    prepare(f, t1);
    put(f, t1, "id", "1", "x", samples[from], "y", "1.5");
    put(f, t1, "id", "2", "x", null_cell);
    prepare(f, t2);
    enum column_type wide = column_type_widen(from, to);
    g_assert_cmpint(inspected_type(f, t2, "x"), ==, (int)wide);
    g_autofree char *kept =
        g_strdup_printf("1|%s|1.5|" T0_TEXT "\n2|~|~|" T0_TEXT "\n", samples[from]);
    check_dump(f, t2, "id,x,y,_synced_at", kept);
    put(f, t2, "id", "2", "x", samples[to]);
    prepare(f, t1);
    put(f, t1, "id", "1", "x", samples[from]);
    check_counts(f, 0, 1); /* the old value in the new type is still the same */
    g_autofree char *both = g_strdup_printf("1|%s\n2|%s\n", samples[from], samples[to]);
    check_dump(f, t2, "id,x", both);
}

static void every_widening(struct fixture *f)
{
    for (int from = 0; from <= COLUMN_JSON; from++) {
        for (int to = 0; to <= COLUMN_JSON; to++)
            widen(f, (enum column_type)from, (enum column_type)to);
    }
}

static void widening_loses_no_digit(struct fixture *f)
{
    static const char *const values[] = {"0.30000000000000004", "12345678901234.567890123",
                                         "9007199254740993", "-9223372036854775808", "0.1"};
    g_autoptr(Table) narrow = replicated("n", "id integer key, x decimal");
    g_autoptr(Table) wide = replicated("n", "id integer key, x text");
    prepare(f, narrow);
    g_autoptr(GString) expected = g_string_new(NULL);
    for (unsigned i = 0; i < G_N_ELEMENTS(values); i++) {
        g_autofree char *id = g_strdup_printf("%u", i);
        put(f, narrow, "id", id, "x", values[i]);
        g_string_append_printf(expected, "%u|%s\n", i, values[i]);
    }
    prepare(f, wide);
    check_dump(f, wide, "id,x", expected->str);
}

static void widened_keys(struct fixture *f)
{
    g_autoptr(Table) narrow = replicated("k", "id integer key, x text");
    g_autoptr(Table) wide = replicated("k", "id text key, x text");
    prepare(f, narrow);
    put(f, narrow, "id", "7", "x", "a");
    prepare(f, wide);
    put(f, wide, "id", "7", "x", "b");
    put(f, wide, "id", "7a", "x", "c");
    check_dump(f, wide, "id,x", "7|b\n7a|c\n");
}

static void prepared_inside_a_transaction(struct fixture *f)
{
    if (!f->subject->ops->caps.transactional_ddl)
        return;
    GError *error = NULL;
    prepare(f, f->deals);
    put(f, f->deals, "id", "1", "title", "a", "value", "0.1");
    g_autoptr(Table) wider = replicated("deals", "id integer key, title text, value text, n text");
    for (int round = 0; round < 2; round++) {
        struct batch *batch = batch_of(wider);
        add(batch, "id", "1", "value", "x", "n", "y", NULL);
        g_assert_true(destination_begin(f->dest, &error));
        g_assert_true(destination_prepare(f->dest, wider, "nonce-1", &error));
        g_assert_true(destination_write(f->dest, batch, &f->counts, &error));
        batch_release(batch);
        if (round == 0) {
            destination_rollback(f->dest);
            g_assert_cmpint(inspected_type(f, wider, "n"), ==, -2);
            put(f, f->deals, "id", "1", "value", "0.2");
            check_dump(f, f->deals, "id,title,value", "1|a|0.2\n");
        } else {
            g_assert_true(destination_commit(f->dest, &error));
        }
    }
    check_dump(f, wider, "id,title,value,n", "1|a|x|y\n");
}

static void drop(struct fixture *f)
{
    GError *error = NULL;
    g_assert_true(destination_drop(f->dest, f->deals, &error)); /* nothing there: fine */
    prepare(f, f->deals);
    put(f, f->deals, "id", "1");
    g_assert_true(destination_drop(f->dest, f->deals, &error));
    check_info(f, f->deals, false, NULL, 0);
    prepare(f, f->deals);
    put(f, f->deals, "id", "1");
}

static void schemas_are_apart(struct fixture *f)
{
    prepare(f, f->deals);
    put(f, f->deals, "id", "1", "title", "main");
    struct destination *first = f->dest;
    f->dest = open_or_fail(f, "acme"); /* another writer, another schema */
    prepare(f, f->deals);
    put(f, f->deals, "id", "1", "title", "acme");
    check_dump(f, f->deals, "id,title", "1|acme\n");
    destination_close(f->dest);
    f->dest = first;
    check_dump(f, f->deals, "id,title", "1|main\n");
    put(f, f->deals, "id", "1", "title", "again");
}

static void collect(const struct cell *cells, void *opaque)
{
    g_string_append_len(opaque, cells[0].text, cells[0].length);
    g_string_append_c(opaque, ' ');
}

static void queries(struct fixture *f)
{
    prepare(f, f->deals);
    for (int i = 1; i <= 9; i++) {
        g_autofree char *id = g_strdup_printf("%d", i);
        g_autofree char *deal_id = g_strdup_printf("%d", i % 3);
        put(f, f->deals, "id", id, "deal_id", deal_id, "value", i == 4 ? "0.1" : id, "_deleted_at",
            i == 5 ? T0_TEXT : null_cell);
    }
    struct cell values[2] = {{.text = "1", .length = 1, .kind = CELL_VALUE},
                             {.text = "2", .length = 1, .kind = CELL_VALUE}};
    unsigned column = 0;
    struct read_query query = {.table = f->deals,
                               .columns = &column,
                               .column_count = 1,
                               .where = 3,
                               .values = values,
                               .value_count = 2,
                               .live_only = true,
                               .order_by = 0,
                               .limit = 4};
    g_autoptr(GString) got = g_string_new(NULL);
    GError *error = NULL;
    g_assert_true(destination_read(f->dest, &query, collect, got, &error));
    g_assert_cmpstr(got->str, ==, "1 2 4 7 ");
    query.value_count = 0;
    g_string_truncate(got, 0);
    g_assert_true(destination_read(f->dest, &query, collect, got, &error));
    g_assert_cmpstr(got->str, ==, "");
    query.value_count = 1;
    query.where = 2;
    values[0] = (struct cell){.text = "0.1", .length = 3, .kind = CELL_VALUE};
    g_assert_true(destination_read(f->dest, &query, collect, got, &error));
    g_assert_cmpstr(got->str, ==, "4 ");
}

static void indexed_column(struct fixture *f)
{
    table_index_column(f->deals, 3);
    prepare(f, f->deals);
    prepare(f, f->deals);
    g_autoptr(Table) wide = replicated("deals", "id integer key, deal_id text");
    prepare(f, wide);
    put(f, wide, "id", "1", "deal_id", "x");
    check_dump(f, wide, "id,deal_id", "1|x\n");
}

const struct test_case schema_cases[] = {
    {"inspect-and-nonce", inspect_and_nonce},
    {"dropped-between-runs", dropped_between_runs},
    {"dropped-during-a-run", dropped_during_a_run},
    {"column-dropped-during-a-run", column_dropped_during_a_run},
    {"truncated", truncated},
    {"made-by-somebody-else", made_by_somebody_else},
    {"replaced-by-somebody-else", replaced_by_somebody_else},
    {"new-columns", new_columns},
    {"persons-column", persons_column},
    {"persons-column-in-the-way", persons_column_in_the_way},
    {"renamed-column", renamed_column},
    {"every-widening", every_widening},
    {"widening-loses-no-digit", widening_loses_no_digit},
    {"widened-keys", widened_keys},
    {"prepared-inside-a-transaction", prepared_inside_a_transaction},
    {"drop", drop},
    {"schemas-are-apart", schemas_are_apart},
    {"queries", queries},
    {"indexed-column", indexed_column},
    {0},
};
