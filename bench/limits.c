/* The three limits of a first load, each measured with nothing else: downloading the pages, parsing
 * them, loading their rows.
 *
 *   bench-limits save     URL DIRECTORY TABLE…   walks the lists and keeps the pages
 *   bench-limits download URL DIRECTORY TABLE…   walks them again, side by side, drops the bytes
 *   bench-limits parse    URL DIRECTORY TABLE…   kept pages to rows
 *   bench-limits insert   URL DIRECTORY TABLE…   kept rows into SQLite by plain prepared INSERTs,
 *                                                a transaction a page
 *   bench-limits rows     URL DIRECTORY TABLE…   kept rows to TABLE-PAGE.tsv and TABLE.columns,
 *                                                for other databases' bulk tools
 *
 * The token comes from PIPEDRIVE_API_TOKEN. Prints {"rows": N, "seconds": S}. */
#include "http/client.h"
#include "pipedrive/walk.h"
#include "tsv.h"
#include "json/json.h"

#include <sqlite3.h>
#include <stdio.h>
#include <string.h>

#define CEILING_BYTES ((size_t)64 << 20)

struct table_run {
    const struct stream *stream;
    struct stream_state state;
    struct fields *fields;
    struct table *table;
    struct decoder *decoder;
    GString *path; /* without cursor */
    unsigned pages;
};

struct bench {
    const char *directory;
    struct http_client *client;
    struct json_parser *parser;
    struct table_run runs[STREAM_COUNT];
    unsigned run_count;
    uint64_t rows;
};

static void fail(const char *what)
{
    fprintf(stderr, "bench-limits: %s\n", what);
    exit(1);
}

static char *page_file(const struct bench *bench, const struct table_run *run, const char *name,
                       unsigned page)
{
    return g_strdup_printf("%s/%s-%s%05u.json", bench->directory, run->stream->name, name, page);
}

static void keep(const char *file, const char *bytes, size_t length)
{
    if (!g_file_set_contents(file, bytes, (gssize)length, NULL))
        fail("cannot write a page");
}

/* NULL where there is no such file. The caller frees it. */
static char *load(const char *file, size_t *ret_length)
{
    g_autofree char *bytes = NULL;
    char *padded;

    if (!g_file_get_contents(file, &bytes, ret_length, NULL))
        return NULL;
    padded = g_malloc0(*ret_length + JSON_PADDING);
    memcpy(padded, bytes, *ret_length);
    return padded;
}

/* The cursor is searched for in the last bytes: parsing is another limit. */
static char *next_cursor(const char *body, size_t length)
{
    static const char key[] = "\"next_cursor\":\"";
    size_t tail = MIN(length, 2048);
    const char *found = memmem(body + length - tail, tail, key, sizeof key - 1), *end;

    if (!found)
        return NULL;
    found += sizeof key - 1;
    end = memchr(found, '"', (size_t)(body + length - found));
    return end ? g_strndup(found, (gsize)(end - found)) : NULL;
}

static void request(struct bench *bench, struct table_run *run, const char *cursor)
{
    g_autoptr(GString) path = g_string_new(run->path->str);

    if (cursor) {
        g_string_append(path, "&cursor=");
        g_string_append_uri_escaped(path, cursor, NULL, FALSE);
    }
    http_client_start(bench->client, path->str, CEILING_BYTES, run);
}

static void walk_lists(struct bench *bench, bool save)
{
    unsigned open = bench->run_count;

    for (unsigned i = 0; i < bench->run_count; i++)
        request(bench, &bench->runs[i], NULL);
    while (open > 0) {
        struct http_answer *answer = http_client_take(bench->client);
        struct table_run *run;
        g_autofree char *cursor = NULL;

        if (!answer) {
            http_client_wait(bench->client, -1);
            continue;
        }
        if (answer->error || answer->status != 200)
            fail("the simulator did not answer 200");
        run = answer->opaque;
        if (save) {
            g_autofree char *file = page_file(bench, run, "", run->pages);

            keep(file, answer->body, answer->body_bytes);
        }
        run->pages++;
        cursor = next_cursor(answer->body, answer->body_bytes);
        http_answer_free(answer);
        if (cursor)
            request(bench, run, cursor);
        else
            open--;
    }
}

static void save_fields(struct bench *bench, struct table_run *run)
{
    g_autofree char *path = NULL, *file = page_file(bench, run, "fields", 0);
    struct http_answer *answer;

    if (run->stream->fields == FIELDS_NONE)
        return;
    path = g_strdup_printf("%s?limit=500", catalog_fields_path(run->stream->fields));
    http_client_start(bench->client, path, CEILING_BYTES, run);
    while (!(answer = http_client_take(bench->client)))
        http_client_wait(bench->client, -1);
    if (answer->error || answer->status != 200)
        fail("no field list");
    keep(file, answer->body, answer->body_bytes);
    http_answer_free(answer);
}

static double save(struct bench *bench)
{
    for (unsigned i = 0; i < bench->run_count; i++)
        save_fields(bench, &bench->runs[i]);
    walk_lists(bench, true);
    return 0;
}

static double drop(struct bench *bench)
{
    int64_t start = g_get_monotonic_time();

    walk_lists(bench, false);
    return (double)(g_get_monotonic_time() - start) / 1e6;
}

static void load_fields(struct bench *bench, struct table_run *run)
{
    g_autofree char *file = page_file(bench, run, "fields", 0), *cursor = NULL, *bytes = NULL;
    struct arena *arena = arena_new();
    const struct json_value *root;
    size_t length;
    bool changed;

    if (run->stream->fields != FIELDS_NONE && (bytes = load(file, &length))) {
        run->fields = fields_new(run->stream, FIELDS_AS_NAMES);
        fields_begin_list(run->fields);
        if (!json_parse(bench->parser, bytes, length, arena, &root, NULL) ||
            !fields_take_page(run->fields, root, &cursor, NULL))
            fail("the field list cannot be read");
        fields_end_list(run->fields, &changed);
    }
    run->table = fields_build_table(run->stream, run->fields, METADATA_NATIVE);
    run->decoder = decoder_new(run->stream, run->fields, run->table, false);
    arena_free(arena);
}

/* The batch of a kept page, or NULL after the last. */
static struct batch *decode_page(struct bench *bench, struct table_run *run, unsigned page,
                                 double *seconds)
{
    g_autofree char *file = page_file(bench, run, "", page);
    struct batch *batch = batch_new();
    const struct json_value *root;
    struct page_facts facts;
    int64_t start;

    batch->body = load(file, &batch->body_bytes);
    if (!batch->body) {
        batch_release(batch);
        return NULL;
    }
    start = g_get_monotonic_time();
    if (!json_parse(bench->parser, batch->body, batch->body_bytes, batch->arena, &root, NULL) ||
        !page_decode(run->decoder, root, NULL, batch, &facts, NULL))
        fail("a page cannot be decoded");
    *seconds += (double)(g_get_monotonic_time() - start) / 1e6;
    bench->rows += batch->row_count;
    return batch;
}

static double parse(struct bench *bench)
{
    double seconds = 0;

    for (unsigned i = 0; i < bench->run_count; i++) {
        struct batch *batch;

        for (unsigned page = 0; (batch = decode_page(bench, &bench->runs[i], page, &seconds));
             page++)
            batch_release(batch);
    }
    return seconds;
}

/* --- plain SQLite --- */

static void execute(sqlite3 *db, const char *sql)
{
    if (sqlite3_exec(db, sql, NULL, NULL, NULL) != SQLITE_OK)
        fail(sqlite3_errmsg(db));
}

static sqlite3_stmt *create_and_prepare(sqlite3 *db, const struct table *table)
{
    g_autoptr(GString) create = g_string_new("CREATE TABLE ");
    g_autoptr(GString) insert = g_string_new("INSERT INTO ");
    sqlite3_stmt *statement;

    g_string_append_printf(create, "\"%s\" (", table->name);
    g_string_append_printf(insert, "\"%s\" VALUES (", table->name);
    for (unsigned i = 0; i < table->columns->len; i++) {
        const struct column *column = table_column(table, i);
        bool whole = column->type == COLUMN_INTEGER || column->type == COLUMN_BOOLEAN;

        g_string_append_printf(create, "%s\"%s\" %s%s", i ? ", " : "", column->name,
                               whole                            ? "INTEGER"
                               : column->type == COLUMN_DECIMAL ? "ANY"
                                                                : "TEXT",
                               i == table->keys[0] ? " PRIMARY KEY" : "");
        g_string_append(insert, i ? ", ?" : "?");
    }
    g_string_append(create, ") STRICT");
    g_string_append(insert, ")");
    execute(db, create->str);
    if (sqlite3_prepare_v2(db, insert->str, -1, &statement, NULL) != SQLITE_OK)
        fail(sqlite3_errmsg(db));
    return statement;
}

static void bind(sqlite3_stmt *statement, int index, const struct column *column,
                 const struct cell *cell)
{
    int64_t number;

    if (cell->kind != CELL_VALUE)
        sqlite3_bind_null(statement, index);
    else if ((column->type == COLUMN_INTEGER || column->type == COLUMN_BOOLEAN) &&
             cell_int64(cell, &number))
        sqlite3_bind_int64(statement, index, number);
    else if (column->type == COLUMN_DECIMAL)
        sqlite3_bind_double(statement, index, g_ascii_strtod(cell->text, NULL));
    else
        sqlite3_bind_text(statement, index, cell->text, (int)cell->length, SQLITE_STATIC);
}

static void insert_page(sqlite3 *db, sqlite3_stmt *statement, const struct batch *batch)
{
    execute(db, "BEGIN IMMEDIATE");
    for (unsigned i = 0; i < batch->row_count; i++) {
        for (unsigned j = 0; j < batch->table->columns->len; j++)
            bind(statement, (int)j + 1, table_column(batch->table, j), &batch->rows[i].cells[j]);
        if (sqlite3_step(statement) != SQLITE_DONE)
            fail(sqlite3_errmsg(db));
        sqlite3_reset(statement);
    }
    execute(db, "COMMIT");
}

static double insert(struct bench *bench)
{
    g_autofree char *file = g_strdup_printf("%s/plain.db", bench->directory);
    double seconds = 0, parsing = 0;
    int64_t start;
    sqlite3 *db;

    if (sqlite3_open(file, &db) != SQLITE_OK)
        fail("cannot open the database");
    execute(db, "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;"
                "PRAGMA cache_size = -8192; PRAGMA wal_autocheckpoint = 16000"); /* as the driver */
    for (unsigned i = 0; i < bench->run_count; i++) {
        struct table_run *run = &bench->runs[i];
        sqlite3_stmt *statement = create_and_prepare(db, run->table);
        struct batch *batch;

        for (unsigned page = 0; (batch = decode_page(bench, run, page, &parsing)); page++) {
            start = g_get_monotonic_time();
            insert_page(db, statement, batch);
            seconds += (double)(g_get_monotonic_time() - start) / 1e6;
            batch_release(batch);
        }
        sqlite3_finalize(statement);
    }
    start = g_get_monotonic_time();
    sqlite3_close(db); /* the last checkpoint is part of loading */
    return seconds + (double)(g_get_monotonic_time() - start) / 1e6;
}

/* --- files for other databases --- */

static void write_page(const struct bench *bench, const struct table_run *run, unsigned page,
                       struct batch *batch)
{
    g_autofree char *file =
        g_strdup_printf("%s/%s-%05u.tsv", bench->directory, run->stream->name, page);
    FILE *rows = fopen(file, "w");

    if (!rows)
        fail("cannot write rows");
    tsv_write_rows(rows, batch);
    if (fclose(rows) != 0)
        fail("cannot write rows");
}

static double write_rows(struct bench *bench)
{
    double parsing = 0;

    for (unsigned i = 0; i < bench->run_count; i++) {
        struct table_run *run = &bench->runs[i];
        g_autofree char *file =
            g_strdup_printf("%s/%s.columns", bench->directory, run->stream->name);
        g_autofree char *names = tsv_columns(run->table);
        struct batch *batch;

        keep(file, names, strlen(names));
        for (unsigned page = 0; (batch = decode_page(bench, run, page, &parsing)); page++) {
            write_page(bench, run, page, batch);
            batch_release(batch);
        }
    }
    return parsing;
}

/* --- */

static const struct mode {
    const char *name;
    double (*run)(struct bench *);
    bool from_network;
} modes[] = {
    {"save", save, true},      {"download", drop, true},    {"parse", parse, false},
    {"insert", insert, false}, {"rows", write_rows, false},
};

static const struct mode *mode_find(const char *name)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(modes); i++)
        if (strcmp(modes[i].name, name) == 0)
            return &modes[i];
    return NULL;
}

static void open_run(struct bench *bench, const char *name)
{
    struct table_run *run = &bench->runs[bench->run_count++];
    struct walk *walk;

    run->stream = catalog_find(name);
    if (!run->stream || run->stream->walk != WALK_CURSOR_TIME)
        fail("the tables are deals, persons, organizations, activities and products");
    stream_state_init(&run->state);
    walk_begin_leg(run->stream, 0, LEG_HEAD, &run->state, INSTANT_NONE);
    walk = walk_new_list(run->stream, 0, LEG_HEAD, &run->state);
    run->path = g_string_new(NULL);
    walk_request(walk, run->path);
    walk_free(walk);
}

static void close_run(struct table_run *run)
{
    decoder_free(run->decoder);
    table_free(run->table);
    fields_free(run->fields);
    stream_state_done(&run->state);
    g_string_free(run->path, TRUE);
}

int main(int argc, char **argv)
{
    const char *token = g_getenv("PIPEDRIVE_API_TOKEN");
    const struct mode *mode = argc > 1 ? mode_find(argv[1]) : NULL;
    struct bench bench = {0};
    struct secret *secret;
    double seconds;

    if (argc < 5 || !mode || !token)
        fail("usage: PIPEDRIVE_API_TOKEN=… bench-limits save|download|parse|insert|rows URL "
             "DIRECTORY TABLE…");
    secret = secret_new(token);
    bench.directory = argv[3];
    bench.parser = json_parser_new();
    if (!http_client_new(&(struct http_client_settings){.origin = argv[2], .token = secret},
                         &bench.client, NULL))
        fail("cannot make a client");
    for (int i = 4; i < argc; i++)
        open_run(&bench, argv[i]);
    for (unsigned i = 0; i < bench.run_count && !mode->from_network; i++)
        load_fields(&bench, &bench.runs[i]);
    seconds = mode->run(&bench);
    printf("{\"rows\": %" G_GUINT64_FORMAT ", \"seconds\": %.6f}\n", bench.rows, seconds);
    for (unsigned i = 0; i < bench.run_count; i++)
        close_run(&bench.runs[i]);
    http_client_free(bench.client);
    json_parser_free(bench.parser);
    secret_free(secret);
    return 0;
}
