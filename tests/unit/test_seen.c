/* sync/seen.c over a real database: what a full pass has seen, and whom it has not. */
#include "destinations/sqlite.h"
#include "pages.h"
#include "pipedrive/fields.h"
#include "sync/seen.h"
#include "sync/system.h"

#include <glib/gstdio.h>
#include <string.h>

struct fixture {
    char *folder, *url;
    struct destination *dest;
    struct table *persons;
    struct seen seen;
};

static void prepare(struct fixture *f, const struct table *table)
{
    g_autoptr(GError) error = NULL;

    if (!destination_prepare(f->dest, table, "nonce", &error))
        g_error("%s", error->message);
}

static void set_up(struct fixture *f, const void *unused)
{
    struct destination_settings settings = {.connection = "test"};
    g_autoptr(GError) error = NULL;

    (void)unused;
    f->folder = g_dir_make_tmp("penstock-seen-XXXXXX", NULL);
    f->url = g_strdup_printf("sqlite:%s/test.db", f->folder);
    settings.url = f->url;
    if (!destination_open(&sqlite_destination, &settings, &f->dest, &error))
        g_error("%s", error->message);
    f->dest->now = at("2026-11-24T12:00:00Z");
    f->persons = fields_build_table(&catalog[STREAM_PERSONS], NULL, METADATA_NATIVE);
    f->seen = (struct seen){.dest = f->dest, .table = system_seen_table()};
    prepare(f, f->persons);
    prepare(f, f->seen.table);
}

static void tear_down(struct fixture *f, const void *unused)
{
    g_autoptr(GDir) folder = g_dir_open(f->folder, 0, NULL);

    (void)unused;
    destination_close(f->dest);
    table_free(f->persons);
    table_free(f->seen.table);
    for (const char *name; folder && (name = g_dir_read_name(folder));) {
        g_autofree char *file = g_build_filename(f->folder, name, NULL);

        g_remove(file);
    }
    g_rmdir(f->folder);
    g_free(f->folder);
    g_free(f->url);
}

static void begin(struct fixture *f)
{
    g_autoptr(GError) error = NULL;

    g_assert_true(destination_begin(f->dest, &error));
}

static void commit(struct fixture *f)
{
    g_autoptr(GError) error = NULL;

    g_assert_true(destination_commit(f->dest, &error));
}

/* Rows, of which those above zero are alive. */
static struct batch *rows(struct fixture *f, const int64_t *ids, unsigned count)
{
    struct batch *batch = batch_new();

    batch_prepare(batch, f->persons, count);
    for (unsigned i = 0; i < count; i++) {
        struct cell *cells = batch_add_row(batch)->cells;

        cell_set_int(batch, &cells[f->persons->keys[0]], ABS(ids[i]));
        if (ids[i] < 0)
            cell_set_instant(batch, &cells[f->persons->deleted_at], f->dest->now);
    }
    return batch;
}

static void store(struct fixture *f, const int64_t *ids, unsigned count)
{
    struct batch *batch = rows(f, ids, count);
    struct write_counts counts;
    g_autoptr(GError) error = NULL;

    begin(f);
    g_assert_true(destination_write(f->dest, batch, &counts, &error));
    batch_release(batch);
    commit(f);
}

static void note(struct fixture *f, const char *name, const int64_t *ids, unsigned count)
{
    g_autoptr(GArray) list = g_array_new(FALSE, FALSE, sizeof(int64_t));
    g_autoptr(GError) error = NULL;

    g_array_append_vals(list, ids, count);
    begin(f);
    g_assert_true(seen_note(&f->seen, name, list, &error));
    g_assert_no_error(error);
    commit(f);
}

static void assert_suspects(struct fixture *f, unsigned limit, const char *ids, int64_t total,
                            int64_t alive)
{
    g_autoptr(GString) text = g_string_new(NULL);
    g_autoptr(GError) error = NULL;
    struct suspects found;

    g_assert_true(seen_suspects(&f->seen, f->persons, limit, &found, &error));
    for (unsigned i = 0; i < found.ids->len; i++)
        g_string_append_printf(text, "%s%" G_GINT64_FORMAT, i ? " " : "",
                               g_array_index(found.ids, int64_t, i));
    g_assert_cmpstr(text->str, ==, ids);
    g_assert_cmpint(found.total, ==, total);
    g_assert_cmpint(found.alive, ==, alive);
    g_array_unref(found.ids);
}

#define LIST(...) (const int64_t[]){__VA_ARGS__}, G_N_ELEMENTS(((const int64_t[]){__VA_ARGS__}))

static void rows_that_were_not_seen(struct fixture *f, const void *unused)
{
    (void)unused;
    store(f, LIST(1, 2, 3, 4095, 4096, 4097, 8192, -5, INT64_MAX));
    assert_suspects(f, 100, "1 2 3 4095 4096 4097 8192 9223372036854775807", 8, 8);
    note(f, "persons", LIST(2, 4096, 77, INT64_MAX));
    note(f, "persons", LIST(1, 4095)); /* what was noted before stays */
    assert_suspects(f, 100, "3 4097 8192", 3, 8);
    assert_suspects(f, 2, "3 4097", 3, 8); /* the rest is counted */
    note(f, "persons", LIST(3, 4097, 8192));
    assert_suspects(f, 100, "", 0, 8);
}

static void tables_are_told_apart(struct fixture *f, const void *unused)
{
    g_autoptr(GError) error = NULL;

    (void)unused;
    store(f, LIST(1, 2));
    note(f, "deals", LIST(1, 2));
    assert_suspects(f, 100, "1 2", 2, 2);
    note(f, "persons", LIST(1));
    begin(f);
    g_assert_true(seen_clear(&f->seen, "deals", &error));
    commit(f);
    assert_suspects(f, 100, "2", 1, 2);
    begin(f);
    g_assert_true(seen_clear(&f->seen, "persons", &error));
    commit(f);
    assert_suspects(f, 100, "1 2", 2, 2);
}

static void a_page_is_noted_whole(struct fixture *f, const void *unused)
{
    const int64_t ids[] = {7, -8, 900000};
    struct batch *batch = rows(f, ids, G_N_ELEMENTS(ids));
    g_autoptr(GError) error = NULL;

    (void)unused;
    store(f, LIST(7, 8, 9, 900000));
    begin(f);
    g_assert_true(seen_note_batch(&f->seen, batch, &error));
    commit(f);
    batch_release(batch);
    assert_suspects(f, 100, "9", 1, 4);
}

/* Noted in the transaction of the page: without its commit nothing was seen. */
static void what_is_rolled_back_was_not_seen(struct fixture *f, const void *unused)
{
    g_autoptr(GArray) list = g_array_new(FALSE, FALSE, sizeof(int64_t));
    const int64_t id = 1;
    g_autoptr(GError) error = NULL;

    (void)unused;
    store(f, LIST(1));
    g_array_append_val(list, id);
    begin(f);
    g_assert_true(seen_note(&f->seen, "persons", list, &error));
    destination_rollback(f->dest);
    assert_suspects(f, 100, "1", 1, 1);
}

/* Whoever damages it makes the pass ask for more, and lose nothing. */
static void damage_counts_as_not_seen(struct fixture *f, const void *unused)
{
    struct batch *batch = batch_new();
    struct write_counts counts;
    struct cell *cells;
    g_autoptr(GError) error = NULL;

    (void)unused;
    store(f, LIST(1, 5000));
    note(f, "persons", LIST(1, 5000));
    batch_prepare(batch, f->seen.table, 1);
    cells = batch_add_row(batch)->cells;
    cell_set_int(batch, &cells[SEEN_CHUNK], 0);
    cell_set_string(batch, &cells[SEEN_TABLE], "persons");
    cell_set_string(batch, &cells[SEEN_IDS], "%%%");
    begin(f);
    g_assert_true(destination_write(f->dest, batch, &counts, &error));
    commit(f);
    batch_release(batch);
    assert_suspects(f, 100, "1", 1, 2);
}

/* Every id of many, against a set that is kept the plain way. */
static void many_at_random(struct fixture *f, const void *unused)
{
    g_autoptr(GRand) random = g_rand_new_with_seed(20261124);
    g_autoptr(GArray) stored = g_array_new(FALSE, FALSE, sizeof(int64_t));
    g_autoptr(GString) expected = g_string_new(NULL);
    int64_t missing = 0;

    (void)unused;
    for (int64_t id = 1; stored->len < 3000; id += g_rand_int_range(random, 1, 40))
        g_array_append_val(stored, id);
    store(f, (const int64_t *)(void *)stored->data, stored->len);
    for (unsigned i = 0; i < stored->len; i++) {
        int64_t id = g_array_index(stored, int64_t, i);

        if (g_rand_int_range(random, 0, 30) > 0) {
            note(f, "persons", &id, 1);
            continue;
        }
        missing++;
        g_string_append_printf(expected, "%s%" G_GINT64_FORMAT, expected->len ? " " : "", id);
    }
    assert_suspects(f, 5000, expected->str, missing, stored->len);
}

#define add(path, function)                                                                        \
    g_test_add("/seen/" path, struct fixture, NULL, set_up, function, tear_down)

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    add("suspects", rows_that_were_not_seen);
    add("tables", tables_are_told_apart);
    add("page", a_page_is_noted_whole);
    add("rollback", what_is_rolled_back_was_not_seen);
    add("damage", damage_counts_as_not_seen);
    add("many", many_at_random);
    return g_test_run();
}
