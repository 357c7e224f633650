/* What only a MariaDB server has: limits of its rows and definitions, DDL that commits by itself,
 * defaults of the server that must not matter, rights, and messages that must not be too long. */
#include <glib/gstdio.h>
#include <stdlib.h>
#include <string.h>

#include "destinations/registry.h"
#include "fixture.h"

/* ── Short ways ── */

G_GNUC_PRINTF(2, 3) static void execute(struct fixture *f, const char *format, ...)
{
    va_list list;
    va_start(list, format);
    g_autofree char *sql = g_strdup_vprintf(format, list);
    va_end(list);
    f->subject->execute(f->url, sql);
}

static void check_query(struct fixture *f, const char *expected, const char *sql)
{
    g_autofree char *got = f->subject->query(f->url, sql);
    g_assert_cmpstr(got, ==, expected);
}

/* The test's URL with another user, database or parameters behind it. */
static char *url_with(struct fixture *f, const char *user, const char *rest)
{
    const char *host = strchr(f->url, '@') + 1;
    return g_strdup_printf("mysql://%s@%.*s%s", user, (int)strcspn(host, "/"), host, rest);
}

static GError *open_url(const char *url, bool read_only, bool probe, struct destination **ret)
{
    struct destination_settings settings = {.url = url,
                                            .connection = "test",
                                            .lock_timeout_ms = 100,
                                            .read_only = read_only,
                                            .probe = probe};
    GError *error = NULL;
    *ret = NULL;
    const struct destination_ops *ops = destination_for_url(url, &error); /* refuses some itself */
    bool ok = ops && destination_open(ops, &settings, ret, &error);
    g_assert_cmpint(ok, ==, error == NULL);
    if (*ret) {
        g_strlcpy((*ret)->run_id, "run-1", sizeof(*ret)->run_id);
        (*ret)->now = T0;
    }
    return error;
}

static GError *url_error(const char *url)
{
    struct destination *dest;
    GError *error = open_url(url, false, false, &dest);
    g_assert_null(dest);
    return error;
}

/* The fixture's destination is opened anew, with parameters or after the server's defaults changed.
 */
static void reopen_with(struct fixture *f, const char *parameters)
{
    g_autofree char *url = g_strconcat(f->url, parameters, NULL);
    destination_close(f->dest);
    g_assert_no_error(open_url(url, false, false, &f->dest));
}

/* ── Wide tables ── */

enum {
    CUSTOM_FIELDS = 350
};

/* Standard columns, and for each custom field a column of its kind and one more (a currency, an
 * end, a part of an address), with names and comments as people give them. */
static struct table *wide_table(void)
{
    static const enum column_type kinds[] = {COLUMN_TEXT,    COLUMN_DECIMAL,  COLUMN_DATE,
                                             COLUMN_INTEGER, COLUMN_JSON,     COLUMN_TIME,
                                             COLUMN_BOOLEAN, COLUMN_TIMESTAMP};
    struct table *t = table_new("wide", TABLE_REPLICATED);
    t->keys[t->key_count++] = table_add_column(t, "id", COLUMN_INTEGER, "id");
    t->version = (int)table_add_column(t, "update_time", COLUMN_TIMESTAMP, "update_time");
    for (unsigned i = 0; i < CUSTOM_FIELDS; i++) {
        g_autofree char *name = g_strdup_printf("a_custom_field_of_a_company_no_%u", i);
        g_autofree char *part = g_strdup_printf("a_custom_field_of_a_company_no_%u_part", i);
        g_autofree char *comment = g_strdup_printf(
            "dcf558aac1ae4e8c4f849ba5e668430d8df9be%u: A custom field no. %u", i, i);
        table_add_column(t, name, kinds[i % G_N_ELEMENTS(kinds)], comment);
        table_add_column(t, part, COLUMN_TEXT, comment);
    }
    table_add_system_columns(t, METADATA_NATIVE);
    return t;
}

static const char *const wide_values[] = {
    [COLUMN_INTEGER] = "9223372036854775807",
    [COLUMN_DECIMAL] = "12345678901234.567890123",
    [COLUMN_BOOLEAN] = "1",
    [COLUMN_TIMESTAMP] = "2026-01-02 03:04:05",
    [COLUMN_DATE] = "2026-01-02",
    [COLUMN_TIME] = "03:04:05",
    [COLUMN_TEXT] = "forty bytes of text stay within the row.", /* the worst that there is */
    [COLUMN_JSON] = "[\"forty bytes of JSON within the row...\"]",
};

static struct batch *wide_batch(const struct table *t, const char *text)
{
    struct batch *batch = batch_of(t);
    struct row *row = add(batch, "id", "1", "update_time", "2026-01-02 00:00:00", NULL);
    for (unsigned i = 2; i < 2 + 2 * CUSTOM_FIELDS; i++) {
        enum column_type type = table_column(t, i)->type;
        cell_set_string(batch, &row->cells[i],
                        type == COLUMN_TEXT && text ? text : wide_values[type]);
    }
    return batch;
}

static void wide_rows(struct fixture *f)
{
    g_autoptr(Table) t = wide_table();
    g_autofree char *long_text = g_strnfill(3000, 'x');
    prepare(f, t);
    apply(f, wide_batch(t, long_text)); /* 393 texts of 3,000 bytes stand outside the row */
    check_counts(f, 1, 0);
    apply(f, wide_batch(t, NULL)); /* and as many that are too short for that */
    check_counts(f, 1, 0);
    g_assert_cmpuint(f->counts.rejected, >, 0);
    apply(f, wide_batch(t, NULL));
    check_counts(f, 0, 1);
    check_query(f, "forty bytes of text stay within the row.",
                "SELECT a_custom_field_of_a_company_no_0 FROM wide");
    check_query(f, wide_values[COLUMN_TEXT],
                "SELECT json_value(_extra, '$.a_custom_field_of_a_company_no_349_part') FROM wide");
    g_autofree char *lost = f->subject->query(
        f->url, "SELECT json_length(_extra) + (SELECT count(*) FROM information_schema.columns "
                "WHERE table_schema = DATABASE() AND table_name = 'wide') FROM wide");
    g_assert_cmpint(atoi(lost), >, (int)t->columns->len);
    apply(f, wide_batch(t, "")); /* room again */
    g_assert_cmpuint(f->counts.rejected, ==, 0);
    reopen(f);
    prepare(f, t);
    for (unsigned i = 0; i < t->columns->len; i++)
        g_assert_cmpint(inspected_type(f, t, table_column(t, i)->name), ==,
                        (int)table_column(t, i)->type);
}

/* Every value of every column differs, in one row of 1,000 columns: the server's undo log too has a
 * limit. */
static void widest_update(struct fixture *f)
{
    g_autoptr(Table) t = table_new("widest", TABLE_REPLICATED);
    t->keys[t->key_count++] = table_add_column(t, "id", COLUMN_INTEGER, NULL);
    for (unsigned i = 1; i < f->subject->ops->caps.max_columns - 4; i++) {
        g_autofree char *name = g_strdup_printf("c%u", i);
        table_add_column(t, name, COLUMN_TEXT, NULL);
    }
    table_add_system_columns(t, METADATA_NATIVE);
    prepare(f, t);
    for (unsigned round = 0; round < 4; round++) {
        static const unsigned lengths[] = {6, 41, 6, 5000};
        g_autofree char *text = g_strnfill(lengths[round], (char)('a' + round));
        struct batch *batch = batch_of(t);
        struct row *row = add(batch, "id", "1", NULL);
        for (unsigned i = 1; i < t->columns->len - 4; i++)
            cell_set_string(batch, &row->cells[i], text);
        apply(f, batch);
        check_counts(f, 1, 0);
    }
}

/* The server keeps a table's definition in 64 KiB. */
static void long_comments(struct fixture *f)
{
    g_autofree char *long_comment = g_strnfill(5000, 'x');
    g_autoptr(Table) t = table_new("noted", TABLE_REPLICATED);
    t->comment = g_strdup(long_comment);
    t->keys[t->key_count++] = table_add_column(t, "id", COLUMN_INTEGER, "Ident 'it' \\ \"y\"");
    for (unsigned i = 1; i < 900; i++) {
        g_autofree char *name = g_strdup_printf("a_column_with_a_long_name_%u", i);
        table_add_column(t, name, i % 2 ? COLUMN_DECIMAL : COLUMN_TEXT, long_comment);
    }
    table_add_column(t, "j", COLUMN_JSON, long_comment);
    table_add_system_columns(t, METADATA_NATIVE);
    prepare(f, t);
    g_assert_cmpint(inspected_type(f, t, "j"), ==, COLUMN_JSON);
    check_query(f, "Ident 'it' \\ \"y\"",
                "SELECT column_comment FROM information_schema.columns WHERE table_schema = "
                "DATABASE() AND table_name = 'noted' AND column_name = 'id'");
    struct table_info info;
    GError *error = NULL;
    g_assert_true(destination_inspect(f->dest, t, &info, &error));
    g_assert_cmpstr(info.nonce, ==, "nonce-1");
    table_info_done(&info);
    table_add_column(t, "another", COLUMN_TEXT, long_comment);
    prepare(f, t);
    put(f, t, "id", "1", "another", "x");
    check_dump(f, t, "id,another", "1|x\n");
}

/* ── Names ── */

static void long_and_odd_names(struct fixture *f)
{
#define SIXTY_FOUR "a234567890123456789012345678901234567890123456789012345678901234"
    g_autoptr(Table) t =
        replicated("group", "id integer key, '" SIXTY_FOUR "' text, 'ends with a space ' integer, "
                            "'rocket 🚀 𠮷' text, 'backtick`s' text, key text, values text, "
                            "'penstock_now' text, 'Größe' decimal, ' begins' text");
    table_index_column(t, 2);
    prepare(f, t);
    for (int i = 0; i < 2; i++) {
        put(f, t, "id", "1", SIXTY_FOUR, "a", "ends with a space ", "2", "rocket 🚀 𠮷", "c",
            "backtick`s", "d", "key", "e", "values", "f", "penstock_now", "g", "Größe", "1.5",
            " begins", "h");
        check_counts(f, i == 0, i == 1);
    }
    reopen(f);
    prepare(f, t);
    check_dump(f, t,
               "id," SIXTY_FOUR ",ends with a space ,rocket 🚀 𠮷,backtick`s,key,values,"
               "penstock_now,Größe, begins",
               "1|a|2|c|d|e|f|g|1.5|h\n");
    check_query(f, "1", "SELECT \"ends with a space_\" = 2 FROM \"group\"");
    const int64_t deal = 2;
    struct sweep sweep = {
        .table = t, .scope = 2, .scopes = &deal, .scope_count = 1, .deleted_at = T0};
    struct sweep_counts counts;
    GError *error = NULL;
    g_assert_true(destination_begin(f->dest, &error));
    g_assert_true(destination_sweep(f->dest, &sweep, &counts, &error));
    g_assert_cmpint(counts.flagged, ==, 1);
    destination_rollback(f->dest);
}

/* ── DDL commits by itself ── */

/* The column has its new type, and the process was killed before its texts got Penstock's form, or
 * before the mark of that went. */
static void killed_while_widening(struct fixture *f)
{
    g_autoptr(Table) narrow =
        replicated("n", "id integer key, d decimal, ts timestamp, j json, kept text");
    g_autoptr(Table) wide = replicated("n", "id integer key, d text, ts text, j text, kept text");
    prepare(f, narrow);
    put(f, narrow, "id", "1", "d", "1.50", "ts", "2026-01-02 03:04:05", "j", "{\"a\":1.50}", "kept",
        "1.50");
    put(f, narrow, "id", "2", "d", "200", "ts", "2026-01-02 03:04:05.500000", "j", "[]");
    put(f, narrow, "id", "3", "d", null_cell, "kept", "2.000");
    execute(f, "ALTER TABLE n MODIFY d LONGTEXT COMMENT 'sum (decimal becoming text)', "
               "MODIFY ts LONGTEXT COMMENT '(timestamp becoming text)'");
    check_query(f, "1.500000000000000000000000000000", "SELECT d FROM n WHERE id = 1");
    g_assert_cmpint(inspected_type(f, narrow, "d"), ==, COLUMN_TEXT);
    for (int i = 0; i < 2; i++) {
        prepare(f, i ? wide : narrow); /* whichever description comes next */
        check_dump(f, wide, "id,d,ts,j,kept",
                   "1|1.5|2026-01-02 03:04:05|{\"a\":1.50}|1.50\n"
                   "2|200|2026-01-02 03:04:05.500000|[]|~\n3|~|~|~|2.000\n");
        check_query(f, "0",
                    "SELECT count(*) FROM information_schema.columns WHERE table_schema = "
                    "DATABASE() AND table_name = 'n' AND column_comment LIKE '%becoming%'");
    }
    put(f, wide, "id", "1", "d", "1.50"); /* a text that was sent keeps its zeros */
    prepare(f, wide);
    check_dump(f, wide, "d", "1.50\n200\n~\n");
    execute(f, "ALTER TABLE n MODIFY d LONGTEXT COMMENT '(decimal becoming text)'");
    prepare(f, wide);
    check_query(f, "",
                "SELECT column_comment FROM information_schema.columns WHERE table_schema = "
                "DATABASE() AND table_name = 'n' AND column_name = 'd'");
}

/* The whole change of a table is one statement: after a failure nothing of it is there. */
static void refused_ddl(struct fixture *f)
{
    prepare(f, f->deals);
    put(f, f->deals, "id", "1", "title", "a", "deal_id", "5");
    execute(f, "CREATE INDEX mine ON deals (deal_id)");
    execute(f, "CREATE TABLE child (deal BIGINT, FOREIGN KEY (deal) REFERENCES deals (deal_id))");
    g_autoptr(Table) wider = replicated("deals", "id integer key, title text, extra json, "
                                                 "deal_id text");
    GError *error = NULL;
    g_assert_false(destination_prepare(f->dest, wider, "nonce-1", &error));
    check_error(error, PENSTOCK_ERROR_CONFIG, "deals", "child", "drop that foreign key", NULL);
    g_assert_cmpint(inspected_type(f, wider, "extra"), ==, -2);
    g_assert_cmpint(inspected_type(f, wider, "deal_id"), ==, COLUMN_INTEGER);
    error = NULL;
    put(f, f->deals, "id", "1", "deal_id", "6");
    g_assert_false(destination_drop(f->dest, f->deals, &error));
    check_error(error, PENSTOCK_ERROR_CONFIG, "deals", "drop that foreign key", NULL);
    execute(f, "DROP TABLE child");
    prepare(f, wider); /* the person's index stays, over the first characters */
    check_query(f, "1",
                "SELECT count(*) FROM information_schema.statistics WHERE table_schema = "
                "DATABASE() AND table_name = 'deals' AND index_name = 'mine'");
    check_dump(f, wider, "id,deal_id,extra", "1|6|~\n");
}

/* Somebody's transaction that has read the table keeps its definition as it is. */
static void table_in_use(struct fixture *f)
{
    prepare(f, f->deals);
    void *lock = f->subject->lock(f->url);
    g_autoptr(Table) wider = replicated("deals", "id integer key, another text");
    GError *error = NULL;
    g_assert_false(destination_prepare(f->dest, wider, "nonce-1", &error));
    check_error(error, PENSTOCK_ERROR_STORAGE, "deals", "locked by another process (waited 1 s)",
                NULL);
    f->subject->unlock(lock);
    prepare(f, wider);
}

static void counted_by_an_index(struct fixture *f)
{
    prepare(f, f->deals);
    check_query(f, "1",
                "SELECT count(*) FROM information_schema.statistics WHERE table_schema = "
                "DATABASE() AND table_name = 'deals' AND column_name = '_deleted_at'");
    execute(f, "DROP INDEX _penstock__deleted_at ON deals");
    prepare(f, f->deals);
    check_query(f, "1",
                "SELECT count(*) FROM information_schema.statistics WHERE table_schema = "
                "DATABASE() AND table_name = 'deals' AND column_name = '_deleted_at'");
}

static void comments_edited(struct fixture *f)
{
    g_autoptr(Table) t = replicated("noted", "id integer key, j json, te text");
    prepare(f, t);
    put(f, t, "id", "1", "j", "[1]", "te", "x");
    execute(f, "ALTER TABLE noted COMMENT = 'mine', MODIFY j LONGTEXT COMMENT 'also mine'");
    prepare(f, t); /* still ours by its system columns; a text holds documents too */
    put(f, t, "id", "1", "j", "[2]", "te", "y");
    check_dump(f, t, "id,j,te", "1|[2]|y\n");
    execute(f, "ALTER TABLE noted ENGINE = Aria");
    GError *error = NULL;
    g_assert_false(destination_prepare(f->dest, t, "nonce-1", &error));
    check_error(error, PENSTOCK_ERROR_CONFIG, "noted", "Aria", "ENGINE=InnoDB", NULL);
}

/* ── Values ── */

static void exact_comparison(struct fixture *f)
{
    g_autoptr(Table) t = replicated("texts", "code text key, te text, j json");
    prepare(f, t);
    put(f, t, "code", "a", "te", "x", "j", "[1]");
    put(f, t, "code", "a ", "te", "x");
    put(f, t, "code", "A", "te", "x");
    put(f, t, "code", "ä", "te", "x");
    check_query(f, "4", "SELECT count(*) FROM texts");
    put(f, t, "code", "a", "te", "x ");
    check_counts(f, 1, 0);
    put(f, t, "code", "a", "te", "X ");
    check_counts(f, 1, 0);
    put(f, t, "code", "a", "j", "[1] ");
    check_counts(f, 1, 0);
    put(f, t, "code", "a", "j", "[1] ");
    check_counts(f, 0, 1);
}

/* A person wants to search without minding case; what differs in case only stays different. */
static void collation_changed(struct fixture *f)
{
    g_autoptr(Table) t = replicated("currency", "code text key, name text");
    prepare(f, t);
    put(f, t, "code", "EUR", "name", "euro");
    execute(f, "ALTER TABLE currency CONVERT TO CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci");
    prepare(f, t);
    put(f, t, "code", "EUR", "name", "Euro");
    check_counts(f, 1, 0);
    check_dump(f, t, "code,name", "EUR|Euro\n");
    struct batch *batch = batch_of(t);
    add(batch, "code", "eur", "name", "another", NULL);
    check_error(apply_error(f, batch), PENSTOCK_ERROR_STORAGE, "currency", "unique index", NULL);
    check_dump(f, t, "code,name", "EUR|Euro\n");
}

static void limits_of_values(struct fixture *f)
{
    g_autoptr(Table) t = replicated("limits", "id integer key, ts timestamp, da date, ti time, "
                                              "d decimal, j json");
    g_autofree char *open = g_strnfill(40, '['), *close = g_strnfill(40, ']');
    g_autofree char *deep = g_strconcat(open, close, NULL);
    g_autofree char *expected =
        g_strdup_printf("1|0001-01-01 00:00:00|0001-01-01|00:00:00|~|%s\n"
                        "2|9999-12-31 23:59:59.999999|9999-12-31|23:59:59|"
                        "99999999999999999999999999999999999.999999999999999999999999999999|1.10\n",
                        deep);
    prepare(f, t);
    put(f, t, "id", "1", "ts", "0001-01-01 00:00:00", "da", "0001-01-01", "ti", "00:00:00", "d",
        "1e400", "j", deep);
    g_assert_cmpuint(f->counts.rejected, ==, 1);
    check_dump(f, t, "_extra", "{\"d\":1e400}\n");
    put(f, t, "id", "2", "ts", "9999-12-31 23:59:59.999999", "da", "9999-12-31", "ti", "23:59:59",
        "d", "99999999999999999999999999999999999.999999999999999999999999999999", "j", "1.10");
    check_dump(f, t, "id,ts,da,ti,d,j", expected);
    g_autofree char *long_key = g_strnfill(256, 'k');
    g_autoptr(Table) keys = replicated("keyed", "code text key");
    prepare(f, keys);
    struct batch *batch = batch_of(keys);
    add(batch, "code", long_key, NULL);
    check_error(apply_error(f, batch), PENSTOCK_ERROR_STORAGE, "keyed", "does not fit", NULL);
}

/* 93 rows: statements of 64, 16, 4, 4, 4 and 1. */
static void write_93(struct fixture *f, const char *title, unsigned from)
{
    struct batch *batch = batch_of(f->deals);
    for (unsigned i = 0; i < 93; i++) {
        struct row *row = batch_add_row(batch);
        cell_set_int(batch, &row->cells[0], i);
        cell_set_string(batch, &row->cells[1], i >= from ? title : "first");
    }
    apply(f, batch);
}

/* MySQL takes no arrays of rows; with bulk=no MariaDB gets what MySQL would. */
static void rows_without_arrays(struct fixture *f)
{
    reopen_with(f, "?bulk=no");
    struct table *t = f->deals;
    prepare(f, t);
    for (int round = 0; round < 3; round++) {
        struct batch *batch = batch_of(t);
        add(batch, "id", "1", "title", round < 2 ? "a" : "b", "value", "1.50", "deal_id", null_cell,
            "update_time", "2026-01-02 00:00:00", NULL);
        add(batch, "id", "2", "title", "", "value", null_cell, "deal_id", "7", "update_time",
            "2026-01-02 00:00:00", NULL);
        add(batch, "id", "2", "update_time", "2026-01-01 00:00:00", NULL)->remove = true;
        add(batch, "id", "3", "title", "x", NULL);
        add(batch, "id", "3", NULL)->remove = true;
        apply(f, batch);
        check_counts(f, round == 0 ? 4 : round == 1 ? 2 : 3, round == 0 ? 1 : round == 1 ? 3 : 2);
    }
    check_dump(f, t, "id,title,value,deal_id,update_time",
               "1|b|1.5|~|2026-01-02 00:00:00\n2||~|7|2026-01-02 00:00:00\n");
    execute(f, "DELETE FROM deals");
    write_93(f, "first", 0);
    check_counts(f, 93, 0);
    write_93(f, "second", 50);
    check_counts(f, 43, 50);
    write_93(f, "second", 50);
    check_counts(f, 0, 93);
    check_query(f, "43", "SELECT count(*) FROM deals WHERE title = 'second' AND id >= 50");
}

/* ── The server's defaults ── */

static void hostile_defaults(struct fixture *f)
{
    static const char *const defaults[][2] = {
        {"time_zone", "'+05:00'"},
        {"sql_mode", "'NO_BACKSLASH_ESCAPES'"},
        {"character_set_server", "latin1"},
        {"collation_server", "latin1_german1_ci"},
        {"autocommit", "0"},
        {"innodb_strict_mode", "1"},
        {"tx_isolation", "'SERIALIZABLE'"},
        {"default_storage_engine", "'Aria'"},
        {"innodb_default_row_format", "2"},
    };
    for (unsigned i = 0; i < G_N_ELEMENTS(defaults); i++)
        execute(f, "SET GLOBAL %s = %s", defaults[i][0], defaults[i][1]);
    destination_close(f->dest);
    g_autofree char *name = g_path_get_basename(f->url);
    execute(f, "ALTER DATABASE %s CHARACTER SET latin1", name);
    f->dest = open_or_fail(f, NULL);
    g_autoptr(Table) t = replicated("t", "code text key, te text, ts timestamp, j json");
    prepare(f, t);
    put(f, t, "code", "ключ", "te", "漢字 🚰 it's \\ \"so\"", "ts", "2026-03-29 02:30:00", "j",
        "{\"a\":\"\\\\\"}");
    check_counts(f, 1, 0);
    put(f, t, "code", "ключ", "te", "漢字 🚰 it's \\ \"so\"", "ts", "2026-03-29 02:30:00");
    check_counts(f, 0, 1);
    check_dump(f, t, "code,te,ts,j,_synced_at",
               "ключ|漢字 🚰 it's \\ \"so\"|2026-03-29 02:30:00|{\"a\":\"\\\\\"}|" T0_TEXT "\n");
    for (unsigned i = 0; i < G_N_ELEMENTS(defaults); i++)
        execute(f, "SET GLOBAL %s = DEFAULT", defaults[i][0]);
}

static void small_packets(struct fixture *f)
{
    g_autoptr(Table) t = replicated("texts", "id integer key, te text");
    g_autofree char *text = g_strnfill(100000, 'x'), *long_text = g_strnfill(2000000, 'x');
    execute(f, "SET GLOBAL max_allowed_packet = 1048576");
    reopen(f);
    prepare(f, t);
    struct batch *batch = batch_of(t);
    for (unsigned i = 0; i < 30; i++) { /* three times what fits */
        g_autofree char *id = g_strdup_printf("%u", i);
        add(batch, "id", id, "te", text, NULL);
    }
    apply(f, batch);
    check_counts(f, 30, 0);
    batch = batch_of(t);
    add(batch, "id", "1", "te", long_text, NULL);
    check_error(apply_error(f, batch), PENSTOCK_ERROR_STORAGE, "texts", "2000", "1048576",
                "SET GLOBAL max_allowed_packet", NULL);
    put(f, t, "id", "1", "te", "short"); /* the session lives */
    execute(f, "SET GLOBAL max_allowed_packet = DEFAULT");
}

static void foreign_unique_index(struct fixture *f)
{
    prepare(f, f->deals);
    execute(f, "ALTER TABLE deals ADD UNIQUE INDEX one_deal (deal_id)");
    put(f, f->deals, "id", "1", "deal_id", "5", "title", "a");
    struct batch *batch = batch_of(f->deals); /* must not become an update of row 1 */
    add(batch, "id", "2", "deal_id", "5", "title", "b", NULL);
    check_error(apply_error(f, batch), PENSTOCK_ERROR_STORAGE, "deals", "unique index", NULL);
    check_dump(f, f->deals, "id,deal_id,title", "1|5|a\n");
    put(f, f->deals, "id", "1", "deal_id", "6");
    put(f, f->deals, "id", "2", "deal_id", "5");
    check_dump(f, f->deals, "id,deal_id,title", "1|6|a\n2|5|~\n");
}

/* ── Rights, and URLs ── */

static void rights(struct fixture *f)
{
    struct destination *dest;
    g_autofree char *name = g_path_get_basename(f->url);
    g_autofree char *user = g_strdup_printf("u%.8s", name + strlen("penstock_"));
    g_autofree char *login = g_strdup_printf("%s:s3cret%%40word", user);
    g_autofree char *rest = g_strdup_printf("/%s_own", name);
    g_autofree char *url = url_with(f, login, rest);
    execute(f, "CREATE USER %s IDENTIFIED BY 's3cret@word'", user);
    check_error(url_error(url), PENSTOCK_ERROR_STORAGE, "GRANT ALL PRIVILEGES ON `", user, NULL);
    GError *error = open_url(url, true, true, &dest);
    check_error(error, PENSTOCK_ERROR_STORAGE, "GRANT ALL PRIVILEGES ON `", user, NULL);
    execute(f, "GRANT SELECT ON %s_own.* TO %s", name, user);
    error = open_url(url, true, true, &dest); /* enough to look, not to write */
    check_error(error, PENSTOCK_ERROR_STORAGE, "GRANT ALL PRIVILEGES ON `", user, NULL);
    g_assert_no_error(open_url(url, true, false, &dest));
    destination_close(dest);
    execute(f, "GRANT ALL PRIVILEGES ON %s_own.* TO %s", name, user);
    g_assert_no_error(open_url(url, true, true, &dest));
    destination_close(dest);
    g_assert_no_error(open_url(url, false, false, &dest)); /* creates the database */
    struct destination *first = f->dest;
    f->dest = dest;
    prepare(f, f->deals);
    put(f, f->deals, "id", "1");
    f->dest = first;
    destination_close(dest);
    g_assert_no_error(open_url(url, true, true, &dest));
    destination_close(dest);
    execute(f, "SET GLOBAL read_only = 1");
    check_error(open_url(url, true, true, &dest), PENSTOCK_ERROR_STORAGE, "read-only", "primary",
                NULL);
    check_error(url_error(url), PENSTOCK_ERROR_STORAGE, "read-only", "primary", NULL);
    execute(f, "SET GLOBAL read_only = 0");
    execute(f, "DROP USER %s", user);
    execute(f, "DROP DATABASE %s_own", name);
}

static void check_secret(const char *url, enum penstock_error code, const char *word)
{
    GError *error = url_error(url);
    g_assert_null(strstr(error->message, "s3cret"));
    check_error(error, code, word, NULL);
}

static void urls(struct fixture *f)
{
    g_autofree char *wrong = url_with(f, "root:s3cret", "/x");
    g_autofree char *parameter = url_with(f, "root:s3cret", "/x?s3cret=1&color=red");
    g_autofree char *encrypted = url_with(f, "root", "/x?ssl-mode=required");
    check_secret(wrong, PENSTOCK_ERROR_CONFIG, "user or password");
    check_secret("mysql://root:s3cret@word@/x", PENSTOCK_ERROR_CONFIG, "%40");
    check_secret("mysql://root:1/s3cret@h", PENSTOCK_ERROR_CONFIG, "%2F");
    check_secret("mysql://root:1?s3cret@h/x", PENSTOCK_ERROR_CONFIG, "%3F");
    check_secret("mysql://h/x?s3cret", PENSTOCK_ERROR_CONFIG, "mysql://USER");
    check_secret("mysql:root:s3cret", PENSTOCK_ERROR_CONFIG, "mysql://USER");
    check_secret("mysql://root:s3cret#@h/x", PENSTOCK_ERROR_CONFIG, "%23");
    check_secret("mysql://root:s3cret@h:port/x", PENSTOCK_ERROR_CONFIG, "mysql://USER");
    check_secret("mysql://root:s3cret@127.0.0.1:1/x", PENSTOCK_ERROR_STORAGE, "no server answers");
    check_secret("mysql://root:s3cret@127.0.0.1:1/x?color=red", PENSTOCK_ERROR_CONFIG, "color");
    check_secret("mysql://root:s3cret@127.0.0.1:1/mysql", PENSTOCK_ERROR_CONFIG, "schema");
    check_secret("mysql://root:s3cret@127.0.0.1:1/a/b", PENSTOCK_ERROR_CONFIG, "mysql://USER");
    check_error(url_error(encrypted), PENSTOCK_ERROR_CONFIG, "ssl-mode", NULL);
    g_assert_true(destination_for_url("mariadb://h/x", NULL) == f->subject->ops);
}

/* What the URL leaves out comes from MYSQL_PWD or ~/.my.cnf, whose character set must not matter.
 */
static void option_files(struct fixture *f)
{
    static const char options[] = "[client]\nuser=%s\ndefault-character-set=latin1\n"
                                  "[penstock]\npassword=s3cret\n";
    g_autofree char *name = g_path_get_basename(f->url);
    g_autofree char *user = g_strdup_printf("u%.8s", name + strlen("penstock_"));
    g_autofree char *home = g_dir_make_tmp("penstock-XXXXXX", NULL);
    g_autofree char *file = g_build_filename(home, ".my.cnf", NULL);
    g_autofree char *text = g_strdup_printf(options, user);
    g_autofree char *old_home = g_strdup(g_getenv("HOME"));
    g_autofree char *url = g_strdup_printf("mysql://%s", strchr(f->url, '@') + 1);
    g_autofree char *with_user = url_with(f, user, strrchr(f->url, '/'));
    execute(f, "CREATE USER %s IDENTIFIED BY 's3cret'", user);
    execute(f, "GRANT ALL PRIVILEGES ON %s.* TO %s", name, user);
    g_assert_true(g_file_set_contents(file, text, -1, NULL));
    g_assert_cmpint(g_chmod(file, 0600), ==, 0);
    destination_close(f->dest);
    g_setenv("HOME", home, true);
    g_assert_no_error(open_url(url, false, false, &f->dest));
    prepare(f, f->deals);
    put(f, f->deals, "id", "1", "title", "ключ 🚰");
    check_dump(f, f->deals, "id,title", "1|ключ 🚰\n");
    check_query(f, "ключ 🚰", "SELECT title FROM deals");
    destination_close(f->dest);
    g_assert_cmpint(g_remove(file), ==, 0);
    check_error(url_error(with_user), PENSTOCK_ERROR_CONFIG, "MYSQL_PWD", NULL);
    g_setenv("MYSQL_PWD", "s3cret", true);
    g_assert_no_error(open_url(with_user, false, false, &f->dest));
    g_unsetenv("MYSQL_PWD");
    g_setenv("HOME", old_home ? old_home : "/", true);
    g_assert_cmpint(g_rmdir(home), ==, 0);
    execute(f, "DROP USER %s", user);
}

static void through_a_socket(struct fixture *f)
{
    prepare(f, f->deals);
    put(f, f->deals, "id", "1");
    g_autofree char *path = f->subject->query(f->url, "SELECT @@socket");
    g_autofree char *escaped = g_uri_escape_string(path, NULL, false);
    g_autofree char *name = g_path_get_basename(f->url);
    g_autofree char *url = g_strdup_printf("mariadb://root@localhost/%s?socket=%s", name, escaped);
    destination_close(f->dest);
    g_assert_no_error(open_url(url, false, false, &f->dest));
    check_dump(f, f->deals, "id", "1\n");
}

static void missing_database(struct fixture *f)
{
    struct destination *dest;
    g_autofree char *name = g_path_get_basename(f->url);
    g_autofree char *rest = g_strdup_printf("/%s_missing", name);
    g_autofree char *url = url_with(f, "root", rest);
    g_assert_no_error(open_url(url, true, true, &dest));
    struct destination *first = f->dest;
    f->dest = dest;
    check_dump(f, f->deals, "id", "");
    g_assert_cmpint(inspected_type(f, f->deals, "id"), ==, -2);
    f->dest = first;
    destination_close(dest);
    g_autofree char *sql = g_strdup_printf("SELECT count(*) FROM information_schema.schemata WHERE "
                                           "schema_name = '%s_missing'",
                                           name);
    check_query(f, "0", sql);
}

const struct test_case mysql_cases[] = {
    {"wide-rows", wide_rows},
    {"widest-update", widest_update},
    {"long-comments", long_comments},
    {"long-and-odd-names", long_and_odd_names},
    {"killed-while-widening", killed_while_widening},
    {"refused-ddl", refused_ddl},
    {"table-in-use", table_in_use},
    {"counted-by-an-index", counted_by_an_index},
    {"comments-edited", comments_edited},
    {"exact-comparison", exact_comparison},
    {"collation-changed", collation_changed},
    {"limits-of-values", limits_of_values},
    {"rows-without-arrays", rows_without_arrays},
    {"hostile-defaults", hostile_defaults},
    {"small-packets", small_packets},
    {"foreign-unique-index", foreign_unique_index},
    {"rights", rights},
    {"urls", urls},
    {"option-files", option_files},
    {"through-a-socket", through_a_socket},
    {"missing-database", missing_database},
    {0},
};
