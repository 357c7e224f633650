/* What can be wrong with a file; SQLite only. */
#include <fcntl.h>
#include <glib/gstdio.h>
#include <signal.h>
#include <sqlite3.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fixture.h"

static const char *path_of(const struct fixture *f)
{
    return f->url + strlen("sqlite:");
}

static void set_url(struct fixture *f, const char *directory, const char *name)
{
    g_free(f->url);
    f->url = g_strdup_printf("sqlite:%s/%s", directory, name);
}

static unsigned count_files(const char *directory)
{
    unsigned count = 0;
    GDir *dir = g_dir_open(directory, 0, NULL);
    while (g_dir_read_name(dir))
        count++;
    g_dir_close(dir);
    return count;
}

/* Runs the check with another URL and the fixture's own back in place afterwards. */
static void with_url(struct fixture *f, void (*check)(struct fixture *, const char *directory))
{
    g_autofree char *url = g_strdup(f->url);
    g_autofree char *directory = g_path_get_dirname(path_of(f));
    check(f, directory);
    g_free(f->url);
    f->url = g_steal_pointer(&url);
}

static void check_not_a_database(struct fixture *f, const char *directory)
{
    set_url(f, directory, "text.db");
    g_assert_true(
        g_file_set_contents(path_of(f), "Dear diary, this is a file of some length.", -1, NULL));
    check_error(open_error(f, NULL, false), PENSTOCK_ERROR_STORAGE, "text.db",
                "not an SQLite database", "another path", NULL);
    g_autofree char *text = NULL;
    g_file_get_contents(path_of(f), &text, NULL, NULL);
    g_assert_cmpstr(text, ==, "Dear diary, this is a file of some length.");
}

static void check_paths(struct fixture *f, const char *directory)
{
    set_url(f, directory, "missing/crm.db");
    check_error(open_error(f, NULL, false), PENSTOCK_ERROR_STORAGE, "missing/crm.db",
                "does not exist", NULL);
    set_url(f, directory, ".");
    check_error(open_error(f, NULL, false), PENSTOCK_ERROR_STORAGE, "directory", NULL);
    set_url(f, directory, "crm.db/x");
    check_error(open_error(f, NULL, false), PENSTOCK_ERROR_STORAGE, "crm.db/x", NULL);
    static const char *const urls[] = {"sqlite:", "sqlite://crm.db", "sqlite::memory:"};
    for (unsigned i = 0; i < G_N_ELEMENTS(urls); i++) {
        g_free(f->url);
        f->url = g_strdup(urls[i]);
        check_error(open_error(f, NULL, false), PENSTOCK_ERROR_CONFIG, "sqlite:", NULL);
    }
    check_error(open_error(f, "a/b", true), PENSTOCK_ERROR_CONFIG, NULL);
    set_url(f, directory, "x.db");
    check_error(open_error(f, "a/b", false), PENSTOCK_ERROR_CONFIG, "a/b", NULL);
    check_error(open_error(f, "SQLite", false), PENSTOCK_ERROR_CONFIG, NULL);
    g_assert_false(g_file_test(path_of(f), G_FILE_TEST_EXISTS));
}

static void check_reader_creates_nothing(struct fixture *f, const char *directory)
{
    reopen(f);
    prepare(f, f->deals);
    put(f, f->deals, "id", "1");
    destination_close(f->dest);
    f->dest = NULL;
    unsigned files = count_files(directory);
    struct destination_settings settings = {.url = f->url, .read_only = true};
    GError *error = NULL;
    g_assert_true(destination_open(f->subject->ops, &settings, &f->dest, &error));
    check_dump(f, f->deals, "id", "1\n");
    destination_close(f->dest);
    g_assert_cmpuint(count_files(directory), ==, files);
    set_url(f, directory, "none.db");
    settings.url = f->url;
    g_assert_true(destination_open(f->subject->ops, &settings, &f->dest, &error));
    check_dump(f, f->deals, "id", "");
    destination_close(f->dest);
    g_assert_cmpuint(count_files(directory), ==, files);
    f->dest = NULL;
}

/* Permissions do not bind root, so the check runs as nobody. */
static void in_child(struct fixture *f, void (*check)(struct fixture *), bool as_nobody)
{
    pid_t pid = fork();
    if (pid == 0) {
        if (as_nobody && geteuid() == 0)
            g_assert_cmpint(setuid(65534), ==, 0);
        check(f);
        _exit(0);
    }
    int status;
    waitpid(pid, &status, 0);
    g_assert_cmpint(status, ==, 0);
}

static void readonly_in_child(struct fixture *f)
{
    check_error(open_error(f, "other", false), PENSTOCK_ERROR_STORAGE, "crm.db", "not writable",
                NULL);
}

static void readonly_directory_in_child(struct fixture *f)
{
    check_error(open_error(f, "other", false), PENSTOCK_ERROR_STORAGE, "crm.db", "must be able",
                NULL);
}

static void check_readonly(struct fixture *f, const char *directory)
{
    g_chmod(directory, 0755);
    g_chmod(path_of(f), 0444);
    in_child(f, readonly_in_child, true);
    g_chmod(path_of(f), 0666);
    g_chmod(directory, 0555); /* its owner, who runs the tests, may not write there either */
    in_child(f, readonly_directory_in_child, true);
    g_chmod(directory, 0755);
}

static void grow_until_full(struct fixture *f)
{
    g_autofree char *text = g_strnfill(20000, 'x');
    for (unsigned page = 0; page < 1000; page++) {
        struct batch *batch = batch_of(f->deals);
        for (unsigned i = 0; i < 50; i++) {
            struct row *row = add(batch, "title", text, NULL);
            cell_set_int(batch, &row->cells[0], page * 50 + i);
        }
        GError *error = NULL;
        if (try_to_apply(f, batch, &error))
            continue;
        check_error(error, PENSTOCK_ERROR_STORAGE, path_of(f), "disk", "run again", NULL);
        g_autofree char *left = f->subject->query(f->url, "SELECT count(*) FROM deals");
        g_autofree char *expected = g_strdup_printf("%u", page * 50);
        g_assert_cmpstr(left, ==, expected); /* whole pages only */
        return;
    }
    g_assert_not_reached();
}

static void full_disk_in_child(struct fixture *f)
{
    signal(SIGXFSZ, SIG_IGN);
    struct rlimit limit = {.rlim_cur = 4 << 20, .rlim_max = 4 << 20};
    setrlimit(RLIMIT_FSIZE, &limit);
    f->dest = open_or_fail(f, NULL);
    grow_until_full(f);
}

static void check_full_disk(struct fixture *f, const char *directory)
{
    (void)directory;
    prepare(f, f->deals);
    destination_close(f->dest);
    f->dest = NULL;
    in_child(f, full_disk_in_child, false);
}

static void check_full_tmpfs(struct fixture *f, const char *directory)
{
    g_autofree char *mounted = g_build_filename(directory, "small", NULL);
    g_mkdir(mounted, 0700);
    if (mount("none", mounted, "tmpfs", 0, "size=4m") != 0) {
        /* Only root may; for others the case before, a file that may not grow, stands in. */
        g_test_message("cannot mount a tmpfs");
        g_rmdir(mounted);
        return;
    }
    destination_close(f->dest);
    set_url(f, mounted, "crm.db");
    f->dest = open_or_fail(f, NULL);
    prepare(f, f->deals);
    grow_until_full(f);
    destination_close(f->dest);
    f->dest = NULL;
    umount(mounted);
    g_rmdir(mounted);
}

static void check_corrupt(struct fixture *f, const char *directory)
{
    prepare(f, f->deals);
    put(f, f->deals, "id", "1");
    destination_close(f->dest);
    f->dest = NULL;
    g_autofree char *text = NULL;
    gsize length;
    g_assert_true(g_file_get_contents(path_of(f), &text, &length, NULL));
    memset(text + 100, 0x55, length - 100); /* the header survives */
    set_url(f, directory, "broken.db");
    g_assert_true(g_file_set_contents(path_of(f), text, (gssize)length, NULL));
    check_error(open_error(f, NULL, false), PENSTOCK_ERROR_STORAGE, "broken.db", "damaged", NULL);
}

static void check_lock_file(struct fixture *f, const char *directory)
{
    g_autofree char *path = g_strconcat(path_of(f), "-main.penstock-lock", NULL);
    g_autofree char *text = NULL;
    g_assert_true(g_file_get_contents(path, &text, NULL, NULL));
    g_assert_nonnull(strstr(text, "\"connection\": \"test\""));
    /* Another spelling of the path is the same database. */
    g_autofree char *link_path = g_build_filename(directory, "link.db", NULL);
    g_assert_cmpint(symlink(path_of(f), link_path), ==, 0);
    set_url(f, directory, "link.db");
    check_error(open_error(f, NULL, false), PENSTOCK_ERROR_FENCED, NULL);
    destination_close(f->dest);
    f->dest = NULL;
    g_assert_false(g_file_test(path, G_FILE_TEST_EXISTS));
}

/* What a person sees in the database: real types, and our marks. */
static void check_schema_text(struct fixture *f, const char *directory)
{
    (void)directory;
    prepare(f, f->deals);
    g_autofree char *sql =
        f->subject->query(f->url, "SELECT sql FROM sqlite_schema WHERE name = 'deals'");
    g_test_message("%s", sql);
    g_assert_nonnull(strstr(sql, "\"id\" INTEGER NOT NULL"));
    g_assert_nonnull(strstr(sql, "STRICT"));
    put(f, f->deals, "id", "1", "value", "0.5");
    put(f, f->deals, "id", "2", "value", "7");
    put(f, f->deals, "id", "3", "value", "12345678901234.567890123");
    g_autofree char *types =
        f->subject->query(f->url, "SELECT group_concat(typeof(value)) FROM deals");
    g_assert_cmpstr(types, ==, "real,integer,text");
    f->subject->execute(f->url, "VACUUM; ALTER TABLE deals RENAME TO d; "
                                "ALTER TABLE d RENAME TO deals");
    GError *error = NULL;
    struct table_info info;
    g_assert_true(destination_inspect(f->dest, f->deals, &info, &error));
    g_assert_cmpstr(info.nonce, ==, "nonce-1");
    table_info_done(&info);
}

static void check_odd_definitions(struct fixture *f, const char *directory)
{
    (void)directory;
    prepare(f, f->deals);
    put(f, f->deals, "id", "1", "value", "0.1", "deal_id", "5");
    f->subject->execute(
        f->url,
        "ALTER TABLE deals ADD COLUMN [my, (col] TEXT DEFAULT 'a,b)' CHECK ([my, (col] <> 'x"
        "-- no') /* , value INTEGER */;"
        "ALTER TABLE deals ADD COLUMN twice ANY AS (deal_id * 2) VIRTUAL;"
        "CREATE TABLE log (id INTEGER);"
        "CREATE TRIGGER t AFTER UPDATE ON deals BEGIN INSERT INTO log VALUES (new.id); END;"
        "CREATE VIEW v AS SELECT value FROM deals; CREATE INDEX i ON deals (value)");
    g_autoptr(Table) wide = replicated("deals", "id integer key, value text, deal_id decimal");
    prepare(f, wide);
    put(f, wide, "id", "1", "value", "x");
    g_autofree char *got = f->subject->query(
        f->url, "SELECT value || \"my, (col\" || twice || (SELECT count(*) FROM log) || "
                "(SELECT count(*) FROM v) || (SELECT count(*) FROM sqlite_schema WHERE name = 'i') "
                "FROM deals");
    g_assert_cmpstr(got, ==, "xa,b)10111");
    g_autofree char *integrity = f->subject->query(f->url, "PRAGMA integrity_check");
    g_assert_cmpstr(integrity, ==, "ok");
}

/* "deal" + "products" and no schema + "deal_products" are the same name in the file. */
static void check_prefix_clash(struct fixture *f, const char *directory)
{
    (void)directory;
    g_autoptr(Table) lines = replicated("deal_products", "id integer key");
    g_autoptr(Table) products = replicated("products", "id integer key");
    prepare(f, lines);
    struct destination *first = f->dest;
    f->dest = open_or_fail(f, "deal");
    GError *error = NULL;
    g_assert_false(destination_prepare(f->dest, products, "n", &error));
    check_error(error, PENSTOCK_ERROR_CONFIG, "deal_products", "schema", NULL);
    destination_close(f->dest);
    f->dest = first;
}

/* Storage types are few: a person's number must not become a timestamp. */
static void check_persons_number(struct fixture *f, const char *directory)
{
    (void)directory;
    prepare(f, f->deals);
    f->subject->execute(f->url, "ALTER TABLE deals ADD COLUMN score INTEGER");
    g_autoptr(Table) clash = replicated("deals", "id integer key, score timestamp");
    GError *error = NULL;
    g_assert_false(destination_prepare(f->dest, clash, "n", &error));
    check_error(error, PENSTOCK_ERROR_CONFIG, "deals", "score", "rename", NULL);
}

/* A copy has our columns but not our key, nor STRICT. */
static void check_copied_table(struct fixture *f, const char *directory)
{
    (void)directory;
    prepare(f, f->deals);
    put(f, f->deals, "id", "1", "value", "0.1");
    f->subject->execute(f->url, "CREATE TABLE d2 AS SELECT * FROM deals; DROP TABLE deals;"
                                "ALTER TABLE d2 RENAME TO deals");
    GError *error = NULL;
    g_assert_false(destination_prepare(f->dest, f->deals, "n", &error));
    check_error(error, PENSTOCK_ERROR_CONFIG, "deals", "primary key", NULL);
    error = NULL;
    g_assert_true(destination_drop(f->dest, f->deals, &error)); /* it was ours enough to reset */
    f->subject->execute(f->url,
                        "CREATE TABLE deals (id INTEGER PRIMARY KEY, title TEXT, value ANY, "
                        "_synced_at TEXT, _deleted_at TEXT, _run_id TEXT, _extra TEXT)");
    g_assert_false(destination_prepare(f->dest, f->deals, "n", &error));
    check_error(error, PENSTOCK_ERROR_CONFIG, "value", NULL); /* would keep 15 digits */
    f->subject->execute(f->url, "ALTER TABLE deals DROP COLUMN value");
    prepare(f, f->deals); /* everything that is needed is there */
    put(f, f->deals, "id", "1", "value", "0.30000000000000004");
}

/* Statements over many columns are large; each row has another set. */
static void check_statement_memory(struct fixture *f, const char *directory)
{
    (void)directory;
    enum {
        COLUMNS = 1500
    };
    struct table *t = table_new("wide", TABLE_REPLICATED);
    t->keys[t->key_count++] = table_add_column(t, "id", COLUMN_INTEGER, NULL);
    for (unsigned i = 1; i < COLUMNS; i++) {
        g_autofree char *name = g_strdup_printf("column_%u", i);
        table_add_column(t, name, COLUMN_TEXT, NULL);
    }
    table_add_system_columns(t, METADATA_NATIVE);
    prepare(f, t);
    struct batch *batch = batch_of(t);
    for (unsigned row = 0; row < 60; row++) {
        struct cell *cells = batch_add_row(batch)->cells;
        cell_set_int(batch, &cells[0], row);
        for (unsigned i = 1; i < COLUMNS; i++) {
            if (i != row + 1)
                cell_set(&cells[i], "x", 1);
        }
    }
    sqlite3_memory_highwater(1);
    apply(f, batch);
    check_counts(f, 60, 0);
    g_assert_cmpint(sqlite3_memory_highwater(0), <, 24 << 20);
    table_free(t);
}

#define CASE(name)                                                                                 \
    static void name(struct fixture *f)                                                            \
    {                                                                                              \
        with_url(f, check_##name);                                                                 \
    }
CASE(not_a_database)
CASE(paths)
CASE(reader_creates_nothing)
CASE(readonly)
CASE(full_disk)
CASE(full_tmpfs)
CASE(corrupt)
CASE(lock_file)
CASE(schema_text)
CASE(odd_definitions)
CASE(prefix_clash)
CASE(persons_number)
CASE(copied_table)
CASE(statement_memory)

const struct test_case sqlite_cases[] = {
    {"not-a-database", not_a_database},
    {"paths", paths},
    {"reader-creates-nothing", reader_creates_nothing},
    {"readonly", readonly},
    {"full-disk", full_disk},
    {"full-tmpfs", full_tmpfs},
    {"corrupt", corrupt},
    {"lock-file", lock_file},
    {"schema-text", schema_text},
    {"odd-definitions", odd_definitions},
    {"prefix-clash", prefix_clash},
    {"persons-number", persons_number},
    {"copied-table", copied_table},
    {"statement-memory", statement_memory},
    {0},
};
