/* Loading alone: the same rows through a destination's driver, in pages as a sync brings them, each
 * committed with its state. The database's own bulk tool gets them as files (bench/run).
 *
 *   bench-load files DIRECTORY ROWS    first.tsv, changed.tsv, columns (names, one a line)
 *   bench-load load URL ROWS           first load, then the changed rows:
 *                                      {"first": S, "changed": S}
 *
 * Rows are those of deals, made from their number; every tenth is changed. */
#include <stdio.h>
#include <string.h>

#include "destinations/registry.h"
#include "pipedrive/fields.h"
#include "tsv.h"

#define PAGE_ROWS 500
#define T0        (INSTANT_SECOND * INT64_C(1790000000))

struct bench {
    struct table *table;
    struct batch *batch;
    struct destination *dest;
    struct table *state;
    int64_t rows;
};

static void fail(const char *what, const GError *error)
{
    fprintf(stderr, "bench-load: %s%s%s\n", what, error ? ": " : "", error ? error->message : "");
    exit(1);
}

/* ── Rows ── */

static char *value_of(enum column_type type, unsigned column, int64_t row, bool changed)
{
    uint64_t mixed = ((uint64_t)row * 2654435761u + column * 40503u) % 1000003u;
    char text[INSTANT_TEXT_BYTES];
    switch (type) {
    case COLUMN_INTEGER:
        return g_strdup_printf("%" G_GUINT64_FORMAT, mixed);
    case COLUMN_DECIMAL:
        return g_strdup_printf("%" G_GUINT64_FORMAT ".%02u", mixed, (unsigned)(mixed % 100));
    case COLUMN_BOOLEAN:
        return g_strdup(mixed % 2 ? "1" : "0");
    case COLUMN_TIMESTAMP:
        instant_format_sql(T0 + (int64_t)mixed * INSTANT_SECOND, text);
        return g_strdup(text);
    case COLUMN_DATE:
        return g_strdup_printf("2026-%02u-%02u", (unsigned)(mixed % 12 + 1),
                               (unsigned)(mixed % 28 + 1));
    case COLUMN_TIME:
        return g_strdup_printf("%02u:%02u:00", (unsigned)(mixed % 24), (unsigned)(mixed % 60));
    case COLUMN_TEXT:
        return g_strdup_printf("%s %s of row %" G_GINT64_FORMAT, changed ? "New" : "Old",
                               column % 2 ? "text" : "a longer text, as people write them,", row);
    case COLUMN_JSON:
        return g_strdup_printf("[{\"value\": %" G_GUINT64_FORMAT ", \"primary\": true}]", mixed);
    }
    g_assert_not_reached();
}

/* A third of what is neither key nor version is null. */
static void add_row(struct bench *b, int64_t number, bool changed)
{
    struct cell *cells = batch_add_row(b->batch)->cells;
    for (unsigned i = 0; i < b->table->columns->len; i++) {
        const struct column *column = table_column(b->table, i);
        if (column->is_system)
            continue;
        if (table_is_key(b->table, i)) {
            cell_set_int(b->batch, &cells[i], number);
        } else if ((int)i == b->table->version) {
            cell_set_instant(b->batch, &cells[i],
                             T0 + (number + (changed ? b->rows : 0)) * INSTANT_SECOND);
        } else if ((i + (unsigned)number) % 3 == 0) {
            cell_set_null(&cells[i]);
        } else {
            g_autofree char *text = value_of(column->type, i, number, changed);
            cell_set_string(b->batch, &cells[i], text);
        }
    }
    cell_set_null(&cells[b->table->deleted_at]);
    cell_set_null(&cells[b->table->extra]);
}

/* ── Files ── */

/* ── Both phases, page by page ── */

typedef void (*page_func)(struct bench *, void *);

static void each_page(struct bench *b, bool changed, page_func func, void *opaque)
{
    int64_t step = changed ? 10 : 1;
    for (int64_t next = 1; next <= b->rows;) {
        b->batch = batch_new();
        batch_prepare(b->batch, b->table, PAGE_ROWS);
        for (unsigned i = 0; i < PAGE_ROWS && next <= b->rows; i++, next += step)
            add_row(b, next, changed);
        func(b, opaque);
        batch_release(b->batch);
    }
}

static void write_page(struct bench *b, void *file)
{
    tsv_write_rows(file, b->batch);
}

static void write_file(struct bench *b, const char *directory, const char *name, bool changed)
{
    g_autofree char *path = g_build_filename(directory, name, NULL);
    FILE *file = fopen(path, "w");
    if (!file)
        fail(path, NULL);
    each_page(b, changed, write_page, file);
    if (fclose(file) != 0)
        fail(path, NULL);
}

static void write_columns(const struct bench *b, const char *directory)
{
    g_autofree char *names = tsv_columns(b->table);
    g_autofree char *path = g_build_filename(directory, "columns", NULL);
    if (!g_file_set_contents(path, names, -1, NULL))
        fail(path, NULL);
}

struct loading {
    int64_t spent_us;
    unsigned written;
};

static bool load_batch(struct bench *b, struct batch *state, struct write_counts *counts,
                       GError **error)
{
    struct write_counts ignored;
    return destination_begin(b->dest, error) &&
           destination_write(b->dest, b->batch, counts, error) &&
           destination_write(b->dest, state, &ignored, error) && destination_commit(b->dest, error);
}

static void load_page(struct bench *b, void *opaque)
{
    struct loading *loading = opaque;
    struct write_counts counts;
    struct batch *state = batch_new();
    batch_prepare(state, b->state, 1);
    struct cell *cells = batch_add_row(state)->cells;
    cell_set_string(state, &cells[0], "deals");
    cell_set_int(state, &cells[1], loading->written);
    GError *error = NULL;
    int64_t began = g_get_monotonic_time();
    if (!load_batch(b, state, &counts, &error))
        fail("loading", error);
    loading->spent_us += g_get_monotonic_time() - began;
    loading->written += counts.inserted_or_updated;
    batch_release(state);
}

static double load_phase(struct bench *b, bool changed)
{
    struct loading loading = {0};
    each_page(b, changed, load_page, &loading);
    if (loading.written != (changed ? (b->rows + 9) / 10 : b->rows))
        fail("another number of rows was written", NULL);
    return (double)loading.spent_us / 1e6;
}

static struct table *state_table_new(void)
{
    struct table *table = table_new("_penstock_state", TABLE_SYSTEM);
    table->keys[table->key_count++] = table_add_column(table, "name", COLUMN_TEXT, NULL);
    table_add_column(table, "value", COLUMN_JSON, NULL);
    return table;
}

static void load_all(struct bench *b, const char *url)
{
    GError *error = NULL;
    const struct destination_ops *ops = destination_for_url(url, &error);
    struct destination_settings settings = {.url = url, .connection = "bench"};
    b->state = state_table_new();
    if (!ops || !destination_open(ops, &settings, &b->dest, &error) ||
        !destination_prepare(b->dest, b->state, "system", &error) ||
        !destination_prepare(b->dest, b->table, "bench", &error))
        fail("opening", error);
    g_strlcpy(b->dest->run_id, "bench", sizeof b->dest->run_id);
    b->dest->now = T0;
    double first = load_phase(b, false), changed = load_phase(b, true);
    printf("{\"first\": %.4f, \"changed\": %.4f}\n", first, changed);
    destination_close(b->dest);
    table_free(b->state);
}

int main(int argc, char **argv)
{
    if (argc != 4 || (strcmp(argv[1], "files") != 0 && strcmp(argv[1], "load") != 0))
        fail("bench-load files DIRECTORY ROWS | bench-load load URL ROWS", NULL);
    struct bench b = {.rows = g_ascii_strtoll(argv[3], NULL, 10)};
    b.table = fields_build_table(&catalog[STREAM_DEALS], NULL, METADATA_NATIVE);
    if (strcmp(argv[1], "files") == 0) {
        write_file(&b, argv[2], "first.tsv", false);
        write_file(&b, argv[2], "changed.tsv", true);
        write_columns(&b, argv[2]);
    } else {
        load_all(&b, argv[2]);
    }
    table_free(b.table);
    return 0;
}
