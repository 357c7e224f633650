/* What only PostgreSQL has, in and beside the tables. */
#include <string.h>

#include "fixture.h"

/* ── What people put beside our tables ── */

static void other_relations(struct fixture *f)
{
    static const struct {
        const char *kind, *create, *drop;
    } relations[] = {
        {"view", "CREATE VIEW deals AS SELECT 1 AS id", "DROP VIEW deals"},
        {"materialized view", "CREATE MATERIALIZED VIEW deals AS SELECT 1 AS id",
         "DROP MATERIALIZED VIEW deals"},
        {"partitioned table", "CREATE TABLE deals (id bigint) PARTITION BY RANGE (id)",
         "DROP TABLE deals"},
        {"sequence", "CREATE SEQUENCE deals", "DROP SEQUENCE deals"},
        {"index", "CREATE TABLE other (id bigint); CREATE INDEX deals ON other (id)",
         "DROP TABLE other"},
        {"composite type", "CREATE TYPE deals AS (id bigint)", "DROP TYPE deals"},
        {"table", "CREATE TABLE deals (id bigint PRIMARY KEY)", "DROP TABLE deals"},
    };
    g_autoptr(Table) bare = table_new("deals", TABLE_REPLICATED);
    bare->keys[bare->key_count++] = table_add_column(bare, "id", COLUMN_INTEGER, NULL);
    table_add_system_columns(bare, METADATA_NONE);
    for (unsigned i = 0; i < G_N_ELEMENTS(relations); i++) {
        g_autofree char *name = g_strconcat("a ", relations[i].kind, " deals", NULL);
        f->subject->execute(f->url, relations[i].create);
        GError *error = NULL;
        g_assert_false(destination_prepare(f->dest, f->deals, "n", &error));
        check_error(error, PENSTOCK_ERROR_CONFIG, name, "rename", "schema", NULL);
        error = NULL; /* nor is it ours by having a key and no system columns */
        g_assert_false(destination_prepare(f->dest, bare, "n", &error));
        check_error(error, PENSTOCK_ERROR_CONFIG, name, NULL);
        f->subject->execute(f->url, relations[i].drop);
    }
}

static void own_views(struct fixture *f)
{
    prepare(f, f->deals);
    f->subject->execute(f->url, "CREATE VIEW v AS SELECT value FROM deals; "
                                "COMMENT ON VIEW v IS 'Penstock view of deals'; "
                                "CREATE VIEW w AS SELECT title FROM deals");
    g_autoptr(Table) wide = replicated("deals", "id integer key, value text");
    prepare(f, wide); /* ours goes, theirs is not touched */
    g_autofree char *left = f->subject->query(
        f->url, "SELECT string_agg(viewname, ',') FROM pg_views WHERE schemaname = 'pipedrive'");
    g_assert_cmpstr(left, ==, "w");
    GError *error = NULL;
    g_assert_false(destination_drop(f->dest, f->deals, &error));
    check_error(error, PENSTOCK_ERROR_CONFIG, "deals", "view", "w", "drop", NULL);
    f->subject->execute(f->url, "DROP VIEW w");
    error = NULL;
    g_assert_true(destination_drop(f->dest, f->deals, &error));
}

static void comments(struct fixture *f)
{
    g_autoptr(Table) t = table_new("notes", TABLE_REPLICATED);
    t->comment = g_strdup("Pipedrive's notes");
    t->keys[t->key_count++] = table_add_column(t, "id", COLUMN_INTEGER, "id");
    table_add_column(t, "content", COLUMN_TEXT, "what's \\in it");
    table_add_system_columns(t, METADATA_NATIVE);
    prepare(f, t);
    g_autofree char *table_comment =
        f->subject->query(f->url, "SELECT obj_description('notes'::regclass)");
    g_assert_cmpstr(table_comment, ==, "Pipedrive's notes");
    g_autofree char *column_comment =
        f->subject->query(f->url, "SELECT col_description('notes'::regclass, 2)");
    g_assert_cmpstr(column_comment, ==, "what's \\in it");
    f->subject->execute(f->url, "COMMENT ON TABLE notes IS 'mine'; "
                                "COMMENT ON COLUMN notes.content IS 'mine too'");
    g_autoptr(Table) more = table_new("notes", TABLE_REPLICATED);
    more->comment = g_strdup("Pipedrive's notes");
    more->keys[more->key_count++] = table_add_column(more, "id", COLUMN_INTEGER, "id");
    table_add_column(more, "content", COLUMN_TEXT, "content");
    table_add_column(more, "lead", COLUMN_TEXT, "a new one");
    table_add_system_columns(more, METADATA_NATIVE);
    prepare(f, more);
    g_autofree char *all = f->subject->query(
        f->url, "SELECT obj_description('notes'::regclass) || '|' || string_agg("
                "col_description(attrelid, attnum), '|' ORDER BY attnum) FROM pg_attribute "
                "WHERE attrelid = 'notes'::regclass");
    g_assert_cmpstr(all, ==, "mine|id|mine too|a new one");
}

static void check_nonce(struct fixture *f, const struct table *table, const char *expected)
{
    struct table_info info;
    GError *error = NULL;
    g_assert_true(destination_inspect(f->dest, table, &info, &error));
    g_assert_cmpstr(info.nonce, ==, expected);
    table_info_done(&info);
}

static void nonce(struct fixture *f)
{
    prepare(f, f->deals);
    f->subject->execute(f->url, "ALTER TABLE deals RENAME TO d");
    check_nonce(f, f->deals, NULL);
    f->subject->execute(f->url, "ALTER TABLE d RENAME TO deals; "
                                "COMMENT ON TABLE deals IS 'mine'");
    f->subject->execute(f->url, "VACUUM FULL deals");
    check_nonce(f, f->deals, "nonce-1");
    g_autoptr(Table) wide = replicated("deals", "id text key");
    prepare(f, wide); /* the key is built anew */
    check_nonce(f, wide, "nonce-1");
    f->subject->execute(f->url, "CREATE TABLE copy AS SELECT * FROM deals; DROP TABLE deals; "
                                "ALTER TABLE copy RENAME TO deals; "
                                "ALTER TABLE deals ADD PRIMARY KEY (id)");
    check_nonce(f, wide, NULL);
}

static void run_shell(const char *format, const char *url, const char *other)
{
    g_autofree char *command = g_strdup_printf(format, url, other);
    int status;
    GError *error = NULL;
    const char *words[] = {"/bin/sh", "-c", command, NULL};
    g_spawn_sync(NULL, (char **)words, NULL, G_SPAWN_DEFAULT, NULL, NULL, NULL, NULL, &status,
                 &error);
    g_assert_no_error(error);
    g_assert_cmpint(status, ==, 0);
}

static void dumped_and_restored(struct fixture *f)
{
    prepare(f, f->deals);
    put(f, f->deals, "id", "1", "value", "0.10");
    char *first = f->url;
    f->url = f->subject->fresh();
    run_shell("pg_dump '%s' | psql -q -v ON_ERROR_STOP=1 '%s' >/dev/null", first, f->url);
    destination_close(f->dest);
    f->dest = open_or_fail(f, NULL);
    check_nonce(f, f->deals, "nonce-1");
    prepare(f, f->deals);
    put(f, f->deals, "id", "2");
    check_dump(f, f->deals, "id,value", "1|0.10\n2|~\n");
    destination_close(f->dest);
    f->dest = NULL;
    f->subject->discard(f->url);
    g_free(f->url);
    f->url = first;
}

/* ── Triggers and constraints of a person ── */

static struct batch *rows_of(const struct table *table, unsigned first, unsigned count)
{
    struct batch *batch = batch_of(table);
    for (unsigned i = 0; i < count; i++) {
        struct row *row = batch_add_row(batch);
        cell_set_int(batch, &row->cells[0], first + i);
        cell_set_string(batch, &row->cells[1], "same");
    }
    return batch;
}

static struct batch *rows_from(struct fixture *f, unsigned first, unsigned count)
{
    return rows_of(f->deals, first, count);
}

static void persons_constraints(struct fixture *f)
{
    prepare(f, f->deals);
    f->subject->execute(f->url, "CREATE UNIQUE INDEX titles ON deals (title)");
    check_error(apply_error(f, rows_from(f, 0, 100)), PENSTOCK_ERROR_STORAGE, "deals", "constraint",
                NULL);
    f->subject->execute(f->url,
                        "DROP INDEX titles; ALTER TABLE deals ADD CONSTRAINT titles UNIQUE (title) "
                        "DEFERRABLE INITIALLY DEFERRED");
    check_error(apply_error(f, rows_from(f, 0, 100)), PENSTOCK_ERROR_STORAGE, "committing",
                "constraint", NULL);
    f->subject->execute(f->url,
                        "ALTER TABLE deals DROP CONSTRAINT titles; "
                        "CREATE FUNCTION late() RETURNS trigger LANGUAGE plpgsql AS "
                        "'BEGIN PERFORM 1 / 0; RETURN NULL; END'; CREATE CONSTRAINT TRIGGER late "
                        "AFTER INSERT ON deals DEFERRABLE INITIALLY DEFERRED FOR EACH ROW "
                        "EXECUTE FUNCTION late()");
    check_error(apply_error(f, rows_from(f, 0, 100)), PENSTOCK_ERROR_STORAGE, "committing",
                "division", NULL);
    f->subject->execute(f->url, "DROP TRIGGER late ON deals; "
                                "CREATE FUNCTION stop() RETURNS trigger LANGUAGE plpgsql AS "
                                "'BEGIN RAISE EXCEPTION ''no way''; END'; "
                                "CREATE TRIGGER stop BEFORE INSERT ON deals "
                                "FOR EACH ROW EXECUTE FUNCTION stop()");
    check_error(apply_error(f, rows_from(f, 0, 100)), PENSTOCK_ERROR_STORAGE, "no way", "trigger",
                NULL);
    f->subject->execute(f->url, "DROP TRIGGER stop ON deals; CREATE TABLE seen (id bigint); "
                                "CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS "
                                "'BEGIN INSERT INTO seen VALUES (new.id); RETURN new; END'; "
                                "CREATE TRIGGER note BEFORE INSERT ON deals "
                                "FOR EACH ROW EXECUTE FUNCTION note()");
    for (unsigned count = 1; count <= 100; count += 99)
        check_error(apply_error(f, rows_from(f, 0, count)), PENSTOCK_ERROR_STORAGE, "seen",
                    "trigger", "schema", NULL);
    f->subject->execute(f->url, "DROP TRIGGER note ON deals");
    check_dump(f, f->deals, "id", "");
    apply(f, rows_from(f, 0, 100));
    check_counts(f, 100, 0);
}

/* What a server says when it is in trouble, said by a trigger. */
static void troubles(struct fixture *f)
{
    static const struct {
        const char *state, *says, *next;
        enum penstock_error code;
    } rows[] = {
        {"53100", "disk is full", "free some space", PENSTOCK_ERROR_STORAGE},
        {"53200", "lacks memory", "run again", PENSTOCK_ERROR_STORAGE},
        {"40P01", "in the way", "run again", PENSTOCK_ERROR_STORAGE},
        {"55P03", "locked by another process", "run again", PENSTOCK_ERROR_STORAGE},
        {"57014", "cancelled", "run again", PENSTOCK_ERROR_STORAGE},
        {"42501", "lacks a right", "GRANT", PENSTOCK_ERROR_STORAGE},
        {"25006", "read-only", "primary", PENSTOCK_ERROR_STORAGE},
        {"58030", "disk refuses", "log", PENSTOCK_ERROR_STORAGE},
        {"XX001", "damaged", "log", PENSTOCK_ERROR_STORAGE},
        {"54000", "too large", "report", PENSTOCK_ERROR_STORAGE},
        {"99999", "what happened", "report this if it stays", PENSTOCK_ERROR_STORAGE},
    };
    prepare(f, f->deals);
    f->subject->execute(f->url, "CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS "
                                "'BEGIN RAISE EXCEPTION ''what happened'' USING ERRCODE = "
                                "TG_ARGV[0], DETAIL = ''a value of a row''; END'");
    for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autofree char *sql = g_strdup_printf("CREATE OR REPLACE TRIGGER fail BEFORE INSERT ON "
                                               "deals FOR EACH ROW EXECUTE FUNCTION fail('%s')",
                                               rows[i].state);
        f->subject->execute(f->url, sql);
        for (unsigned count = 1; count <= 100; count += 99) {
            GError *error = apply_error(f, rows_from(f, 0, count));
            g_assert_null(strstr(error->message, "a value of a row"));
            check_error(error, rows[i].code, "deals", rows[i].says, rows[i].next, NULL);
        }
    }
}

/* The server ends the session in the middle of a statement. */
static void lost_within_a_statement(struct fixture *f)
{
    prepare(f, f->deals);
    f->subject->execute(f->url, "CREATE FUNCTION cut() RETURNS trigger LANGUAGE plpgsql AS "
                                "'BEGIN PERFORM pg_terminate_backend(pg_backend_pid()); "
                                "RETURN new; END'; CREATE TRIGGER cut BEFORE INSERT ON deals "
                                "FOR EACH ROW WHEN (new.id = 150) EXECUTE FUNCTION cut()");
    for (unsigned count = 1; count <= 400; count += 399) { /* by a parameter, by COPY */
        check_error(apply_error(f, rows_from(f, 150, count)), PENSTOCK_ERROR_STORAGE, "lost",
                    "run again", NULL);
        reopen(f);
        check_dump(f, f->deals, "id", "");
    }
    put(f, f->deals, "id", "1"); /* not empty any more: no COPY */
    check_error(apply_error(f, rows_from(f, 150, 400)), PENSTOCK_ERROR_STORAGE, "lost", "run again",
                NULL);
    reopen(f);
    check_dump(f, f->deals, "id", "1\n");
}

/* Not even a lock, which would be written into each row and to the log. */
static void identical_pages(struct fixture *f)
{
    static const char locks[] = "SELECT string_agg(xmax::text, ' ' ORDER BY id) FROM deals";
    prepare(f, f->deals);
    for (unsigned round = 0; round < 2; round++) /* the first that is identical is a surprise */
        apply(f, rows_from(f, 0, 100));
    g_autofree char *before = f->subject->query(f->url, locks);
    apply(f, rows_from(f, 0, 100));
    check_counts(f, 0, 100);
    g_autofree char *after = f->subject->query(f->url, locks);
    g_assert_cmpstr(after, ==, before);
}

/* Closes, and waits until the server has counted what the session read. */
static int64_t rows_read(struct fixture *f)
{
    g_autofree char *left = NULL, *read = NULL;
    destination_close(f->dest);
    do {
        g_free(left);
        left = f->subject->query(f->url, "SELECT count(*) FROM pg_stat_activity WHERE datname = "
                                         "current_database() AND application_name = 'penstock'");
    } while (strcmp(left, "0") != 0);
    f->dest = open_or_fail(f, NULL);
    read = f->subject->query(f->url, "SELECT seq_tup_read + idx_tup_fetch FROM pg_stat_user_tables "
                                     "WHERE relname = 'deals'");
    return g_ascii_strtoll(read, NULL, 10);
}

/* The columns that are absent in rows_of() are null. */
static struct batch *whole_rows_of(const struct table *table, unsigned first, unsigned count)
{
    struct batch *batch = rows_of(table, first, count);
    for (unsigned i = 0; i < count; i++) {
        for (unsigned c = 2; c < table->columns->len; c++)
            cell_set_null(&batch->rows[i].cells[c]);
    }
    return batch;
}

/* With so many columns the server estimates less than a row a page, and cuts that to none: until
 * somebody analyzes the table it plans for an empty one. That must not make it read the whole table
 * for each row of a page. */
static void wide_pages_find_their_rows(struct fixture *f)
{
    g_autoptr(GString) columns = g_string_new("id integer key");
    for (unsigned i = 0; i < 400; i++)
        g_string_append_printf(columns, ", c%u text", i);
    g_autoptr(Table) wide = replicated("deals", columns->str);
    prepare(f, wide);
    f->subject->execute(f->url, "ALTER TABLE deals SET (autovacuum_enabled = off)");
    for (unsigned page = 0; page < 15; page++)
        apply(f, whole_rows_of(wide, page % 5 * 200, 200));
    check_counts(f, 0, 200);
    struct batch *gone = rows_of(wide, 0, 200);
    for (unsigned i = 0; i < gone->row_count; i++)
        gone->rows[i].remove = true;
    apply(f, gone);
    check_counts(f, 200, 0);
    g_assert_cmpint(rows_read(f), <, 10 * 3200);
}

static void take_nothing(const struct cell *cells, void *opaque)
{
    (void)cells;
    (void)opaque;
}

static void read_sets(struct fixture *f, const struct table *table, unsigned first, unsigned count)
{
    g_autofree struct cell *values = g_new0(struct cell, count);
    struct batch *scratch = batch_of(table);
    struct read_query query = {
        .table = table, .where = 1, .values = values, .value_count = count, .order_by = -1};
    for (unsigned i = 0; i < count; i++)
        cell_set_int(scratch, &values[i], first + i);
    g_assert_true(destination_read(f->dest, &query, take_nothing, NULL, NULL));
    batch_release(scratch);
}

static void replace_sets(struct fixture *f, const struct table *table, unsigned first,
                         unsigned count)
{
    g_autofree int64_t *deals = g_new(int64_t, count);
    for (unsigned i = 0; i < count; i++)
        deals[i] = first + i;
    struct sweep sweep = {.table = table,
                          .scope = 1,
                          .scopes = deals,
                          .scope_count = count,
                          .deleted_at = f->dest->now};
    struct sweep_counts counts;
    g_assert_true(destination_begin(f->dest, NULL));
    g_assert_true(destination_sweep(f->dest, &sweep, &counts, NULL));
    g_assert_true(destination_commit(f->dest, NULL));
    g_assert_cmpint(counts.flagged, ==, 2 * count);
}

/* Until somebody analyzes the table the server takes a hundred deals for half of it. */
static void sets_are_found_by_their_index(struct fixture *f)
{
    g_autoptr(Table) lines = replicated("deals", "id integer key, deal_id integer");
    table_index_column(lines, 1);
    prepare(f, lines);
    f->subject->execute(f->url, "ALTER TABLE deals SET (autovacuum_enabled = off)");
    struct batch *batch = batch_of(lines);
    for (unsigned i = 0; i < 20000; i++) {
        struct row *row = batch_add_row(batch);
        cell_set_int(batch, &row->cells[0], i);
        cell_set_int(batch, &row->cells[1], i / 2);
    }
    apply(f, batch);
    int64_t before = rows_read(f);
    read_sets(f, lines, 1000, 100);
    replace_sets(f, lines, 1000, 100);
    g_assert_cmpint(rows_read(f) - before, <, 10 * 200);
}

static void changed_under_us(struct fixture *f)
{
    prepare(f, f->deals);
    apply(f, rows_from(f, 0, 100));
    f->subject->execute(f->url, "ALTER TABLE deals ALTER title TYPE bigint USING 5");
    check_error(apply_error(f, rows_from(f, 0, 100)), PENSTOCK_ERROR_STORAGE, "deals", "run again",
                NULL);
    check_error(apply_error(f, rows_from(f, 0, 1)), PENSTOCK_ERROR_STORAGE, "deals", "run again",
                NULL);
    prepare(f, f->deals); /* widens it back */
    apply(f, rows_from(f, 0, 100));
    check_counts(f, 100, 0);
    f->subject->execute(f->url, "TRUNCATE deals");
    apply(f, rows_from(f, 0, 100));
    check_counts(f, 100, 0);
}

/* ── Readable views: what people hang on them ── */

static struct view *small_view(bool more, bool other)
{
    struct view *view = view_new("deals_view", "deals", "_deleted_at");
    const char *const names[] = {"id", more ? "value" : NULL, "title", other ? "deal_id" : NULL};
    for (unsigned i = 0; i < G_N_ELEMENTS(names); i++) {
        struct view_column column = {
            .name = (char *)names[i], .kind = VIEW_PLAIN, .source = (char *)names[i]};
        if (names[i])
            view_add(view, &column);
    }
    return view;
}

static void make_view(struct fixture *f, struct view *view)
{
    enum view_result result;
    GError *error = NULL;
    g_assert_true(destination_replace_view(f->dest, view, &result, &error));
    g_assert_no_error(error);
    g_assert_cmpint(result, ==, VIEW_REPLACED);
    view_free(view);
}

static void check_view(struct fixture *f, const char *columns)
{
    g_autofree char *got = f->subject->query(
        f->url, "SELECT string_agg(column_name, ' ' ORDER BY ordinal_position) FROM "
                "information_schema.columns WHERE table_name = 'deals_view'");
    g_assert_cmpstr(got, ==, columns);
    g_autofree char *granted = f->subject->query(
        f->url, "SELECT string_agg(grantee || ' ' || privilege_type || ' ' || is_grantable, ', ' "
                "ORDER BY grantee) FROM information_schema.table_privileges "
                "WHERE table_name = 'deals_view' AND grantee <> grantor");
    g_assert_cmpstr(granted, ==, "PUBLIC SELECT NO, pg_monitor SELECT YES");
}

/* In place where columns are added; made anew where one goes or changes its type. */
static void a_view_keeps_its_grants(struct fixture *f)
{
    prepare(f, f->deals);
    make_view(f, small_view(false, false));
    f->subject->execute(f->url, "GRANT SELECT ON deals_view TO PUBLIC");
    f->subject->execute(f->url, "GRANT SELECT ON deals_view TO pg_monitor WITH GRANT OPTION");
    make_view(f, small_view(true, false));
    check_view(f, "id title value");
    make_view(f, small_view(false, true));
    check_view(f, "id title deal_id");
    g_autoptr(Table) wide = replicated("deals", "id integer key, deal_id text");
    prepare(f, wide);
    make_view(f, small_view(false, true));
    check_view(f, "id title deal_id");
}

static void a_view_with_another_on_it_grows(struct fixture *f)
{
    prepare(f, f->deals);
    make_view(f, small_view(false, false));
    f->subject->execute(f->url, "CREATE VIEW report AS SELECT title FROM deals_view");
    make_view(f, small_view(true, false));
    struct view *view = small_view(false, true); /* value would have to go */
    enum view_result result;
    g_assert_true(destination_replace_view(f->dest, view, &result, NULL));
    g_assert_cmpint(result, ==, VIEW_HELD);
    view_free(view);
}

const struct test_case postgres_cases[] = {
    {"other-relations", other_relations},
    {"own-views", own_views},
    {"comments", comments},
    {"nonce", nonce},
    {"dumped-and-restored", dumped_and_restored},
    {"persons-constraints", persons_constraints},
    {"troubles", troubles},
    {"lost-within-a-statement", lost_within_a_statement},
    {"identical-pages", identical_pages},
    {"wide-pages-find-their-rows", wide_pages_find_their_rows},
    {"sets-are-found-by-their-index", sets_are_found_by_their_index},
    {"changed-under-us", changed_under_us},
    {"a-view-keeps-its-grants", a_view_keeps_its_grants},
    {"a-view-with-another-on-it-grows", a_view_with_another_on_it_grows},
    {0},
};
