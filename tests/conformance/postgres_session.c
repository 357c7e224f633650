/* PostgreSQL's servers: ways to them, rights, settings. */
#include <stdio.h>
#include <string.h>

#include "fixture.h"

/* ── Other ways to the server ── */

/* The URL with something else in the place of a part. The caller frees. */
static char *url_with(const struct fixture *f, const char *part, const char *other)
{
    g_autoptr(GString) url = g_string_new(f->url);
    g_assert_cmpuint(g_string_replace(url, part, other, 1), ==, 1);
    return g_string_free(g_steal_pointer(&url), false);
}

static const char *database_of(const struct fixture *f)
{
    return strrchr(f->url, '/') + 1;
}

static GError *error_of(const struct fixture *f, const char *url, bool read_only, bool probe)
{
    struct destination_settings settings = {
        .url = url, .read_only = read_only, .probe = probe, .lock_timeout_ms = 100};
    struct destination *dest = NULL;
    GError *error = NULL;
    g_assert_false(destination_open(f->subject->ops, &settings, &dest, &error));
    return error;
}

static void check_opens(struct fixture *f, const char *url)
{
    struct destination_settings settings = {.url = url, .read_only = true};
    struct destination *dest = NULL;
    GError *error = NULL;
    bool ok = destination_open(f->subject->ops, &settings, &dest, &error);
    g_assert_no_error(error);
    g_assert_true(ok);
    struct destination *first = f->dest;
    f->dest = dest;
    check_dump(f, f->deals, "id", "1\n");
    f->dest = first;
    destination_close(dest);
}

static void urls(struct fixture *f)
{
    prepare(f, f->deals);
    put(f, f->deals, "id", "1");
    g_autofree char *long_scheme = url_with(f, "postgres://", "postgresql://");
    check_opens(f, long_scheme);
    g_autofree char *capitals = url_with(f, "postgres://", "Postgres://");
    check_opens(f, capitals);
    g_autofree char *options =
        g_strconcat(f->url, "?connect_timeout=3&client_encoding=LATIN1", NULL);
    check_opens(f, options);
    const char *port = strrchr(f->url, ':') + 1;
    g_autofree char *words =
        g_strdup_printf("postgres:host=127.0.0.1 user=postgres port=%.*s dbname=%s",
                        (int)strcspn(port, "/"), port, database_of(f));
    check_opens(f, words);
    g_autofree char *folder = f->subject->query(f->url, "SHOW unix_socket_directories");
    g_autofree char *local = g_strdup_printf("postgres:///%s?host=%s&port=%.*s&user=postgres",
                                             database_of(f), folder, (int)strcspn(port, "/"), port);
    check_opens(f, local);
}

static void wrong_urls(struct fixture *f)
{
    g_autofree char *nowhere = url_with(f, database_of(f), "nowhere");
    check_error(error_of(f, nowhere, true, false), PENSTOCK_ERROR_CONFIG, "nowhere",
                "CREATE DATABASE", NULL);
    check_error(error_of(f, "postgres://u:secret@127.0.0.1:1/crm", false, false),
                PENSTOCK_ERROR_STORAGE, "127.0.0.1:1/crm", "run again", NULL);
    static const char *const bad[] = {"postgres://u:sec%ret@host/db",
                                      "postgres://u:secret@host:x/db",
                                      "postgres://u:secret@h/db?secret=1", "postgres:secret"};
    for (unsigned i = 0; i < G_N_ELEMENTS(bad); i++) {
        GError *error = error_of(f, bad[i], true, false);
        g_assert_null(strstr(error->message, "ret@"));
        g_assert_null(strstr(error->message, "%ret"));
        check_error(error, PENSTOCK_ERROR_CONFIG, "postgres://USER@HOST", NULL);
    }
    check_error(open_error(f, "pg_mine", false), PENSTOCK_ERROR_CONFIG, "pg_mine", NULL);
    check_error(open_error(f, "", false), PENSTOCK_ERROR_CONFIG, "schema", NULL);
}

/* ── Rights ── */

/* A user of its own; the caller frees its URL. */
static char *make_user(struct fixture *f, const char *name, const char *options)
{
    g_autofree char *sql = g_strdup_printf("CREATE ROLE %s_%s %s", database_of(f), name, options);
    f->subject->execute(f->url, sql);
    g_autofree char *user = g_strdup_printf("//%s_%s@", database_of(f), name);
    return url_with(f, "//postgres@", user);
}

static void drop_user(struct fixture *f, const char *name)
{
    g_autofree char *sql = g_strdup_printf("DROP OWNED BY %s_%s CASCADE; DROP ROLE %s_%s",
                                           database_of(f), name, database_of(f), name);
    f->subject->execute(f->url, sql);
}

static void rights(struct fixture *f)
{
    g_autofree char *url = make_user(f, "guest", "LOGIN");
    destination_close(f->dest);
    check_error(error_of(f, url, false, false), PENSTOCK_ERROR_STORAGE, "GRANT USAGE, CREATE",
                "pipedrive", "_guest", NULL);
    check_error(error_of(f, url, true, true), PENSTOCK_ERROR_STORAGE, "GRANT", NULL);
    f->subject->execute(f->url, "DROP SCHEMA pipedrive CASCADE");
    check_error(error_of(f, url, false, false), PENSTOCK_ERROR_STORAGE, "CREATE SCHEMA",
                "AUTHORIZATION", NULL);
    g_autofree char *owned = g_strdup_printf("CREATE SCHEMA pipedrive; "
                                             "GRANT USAGE, CREATE ON SCHEMA pipedrive TO %s_guest",
                                             database_of(f));
    f->subject->execute(f->url, owned);
    g_autofree char *administrator = f->url;
    f->url = url;
    f->dest = open_or_fail(f, NULL); /* the schema is somebody else's, and writable */
    prepare(f, f->deals);
    put(f, f->deals, "id", "1");
    destination_close(f->dest);
    f->dest = NULL;
    f->url = g_steal_pointer(&administrator);
    drop_user(f, "guest");
}

static void no_login(struct fixture *f)
{
    g_autofree char *url = make_user(f, "nobody", "NOLOGIN");
    check_error(error_of(f, url, true, false), PENSTOCK_ERROR_CONFIG, "password", NULL);
    drop_user(f, "nobody");
}

/* Whether the server asks this user for a password by now. */
static bool is_asked(struct fixture *f, const char *url)
{
    struct destination_settings settings = {.url = url, .read_only = true};
    struct destination *dest = NULL;
    bool ok = destination_open(f->subject->ops, &settings, &dest, NULL);
    destination_close(dest);
    return !ok;
}

static void demand_password(struct fixture *f, const char *name, const char *url)
{
    g_autofree char *path = f->subject->query(f->url, "SHOW hba_file");
    g_autofree char *old = NULL;
    g_assert_true(g_file_get_contents(path, &old, NULL, NULL));
    FILE *file = fopen(path, "w"); /* not replaced: the server's user owns it */
    g_assert_nonnull(file);
    fprintf(file, "host all %s_%s all scram-sha-256\n%s", database_of(f), name, old);
    g_assert_cmpint(fclose(file), ==, 0);
    f->subject->execute(f->url, "SELECT pg_reload_conf()");
    while (!is_asked(f, url))
        g_usleep(1000);
}

static void passwords(struct fixture *f)
{
    prepare(f, f->deals);
    put(f, f->deals, "id", "1");
    g_autofree char *url = make_user(f, "bo", "LOGIN SUPERUSER PASSWORD 's3cret'");
    demand_password(f, "bo", url);
    check_error(error_of(f, url, true, false), PENSTOCK_ERROR_CONFIG, "password", NULL);
    g_autofree char *user = g_strconcat(database_of(f), "_bo", NULL);
    g_autofree char *part = g_strdup_printf("//%s:s3crets@", user);
    g_autofree char *wrong = url_with(f, "//postgres@", part);
    GError *error = error_of(f, wrong, true, false);
    g_assert_null(strstr(error->message, "s3cret"));
    check_error(error, PENSTOCK_ERROR_CONFIG, user, "password", NULL);
    g_setenv("PGPASSWORD", "s3cret", true);
    check_opens(f, url);
    g_unsetenv("PGPASSWORD");
    drop_user(f, "bo");
}

static void probing(struct fixture *f)
{
    destination_close(f->dest);
    f->subject->execute(f->url, "DROP SCHEMA pipedrive CASCADE");
    struct destination_settings settings = {.url = f->url, .read_only = true};
    GError *error = NULL;
    for (int probe = 0; probe < 2; probe++) {
        settings.probe = probe;
        g_assert_true(destination_open(f->subject->ops, &settings, &f->dest, &error));
        check_dump(f, f->deals, "id", "");
        destination_close(f->dest);
    }
    f->dest = NULL;
    g_autofree char *schemas =
        f->subject->query(f->url, "SELECT count(*) FROM pg_namespace WHERE nspname = 'pipedrive'");
    g_assert_cmpstr(schemas, ==, "0");
}

/* ── The server's settings ── */

static void set_default(struct fixture *f, const char *setting)
{
    g_autofree char *sql = g_strdup_printf("ALTER DATABASE %s SET %s", database_of(f), setting);
    f->subject->execute(f->url, sql);
}

static void wrong_defaults(struct fixture *f)
{
    static const char *const settings[] = {
        "timezone = 'Asia/Kolkata'",
        "datestyle = 'German'",
        "search_path = ''",
        "synchronous_commit = off",
        "default_transaction_isolation = 'serializable'",
        "standard_conforming_strings = off",
        "client_encoding = 'LATIN1'",
        "statement_timeout = '1ms'",
        "lock_timeout = '1h'",
        "extra_float_digits = 0",
        "bytea_output = 'escape'",
        "array_nulls = off",
    };
    for (unsigned i = 0; i < G_N_ELEMENTS(settings); i++)
        set_default(f, settings[i]);
    reopen(f);
    g_autoptr(Table) t = replicated("types", "id integer key, d decimal, ts timestamp, da date, "
                                             "ti time, te text");
    prepare(f, t);
    for (int round = 0; round < 2; round++) {
        put(f, t, "id", "1", "d", "0.1", "ts", "2026-11-02 08:15:30", "da", "2026-02-28", "ti",
            "23:59:59", "te", "Grüße \\ 漢");
        check_counts(f, round == 0, round == 1);
    }
    check_dump(f, t, "id,d,ts,da,ti,te,_synced_at",
               "1|0.1|2026-11-02 08:15:30|2026-02-28|23:59:59|Grüße \\ 漢|" T0_TEXT "\n");
    g_autoptr(Table) wide = replicated("types", "id integer key, ts text, da text, ti text");
    prepare(f, wide);
    check_dump(f, wide, "ts,da,ti", "2026-11-02 08:15:30|2026-02-28|23:59:59\n");
}

/* Between two pages a session is idle as long as Pipedrive takes. */
static void long_pauses(struct fixture *f)
{
    prepare(f, f->deals);
    set_default(f, "idle_session_timeout = '1s'");
    reopen(f);
    g_autofree char *idle = NULL;
    do {
        g_free(idle);
        idle = f->subject->query(
            f->url, "SELECT clock_timestamp() - state_change > '1.2s' FROM pg_stat_activity "
                    "WHERE datname = current_database() AND application_name = 'penstock'");
    } while (g_strcmp0(idle, "f") == 0);
    put(f, f->deals, "id", "1");
}

/* A page that was there already is refused by a COPY first, which must not end the session. */
static void errors_that_end_sessions(struct fixture *f)
{
    set_default(f, "exit_on_error = on");
    reopen(f);
    prepare(f, f->deals);
    for (unsigned round = 0; round < 2; round++) {
        struct batch *batch = batch_of(f->deals);
        for (unsigned i = 0; i < 10; i++)
            cell_set_int(batch, &batch_add_row(batch)->cells[0], i);
        apply(f, batch);
        check_counts(f, round == 0 ? 10 : 0, round == 0 ? 0 : 10);
    }
}

static void read_only_server(struct fixture *f)
{
    prepare(f, f->deals);
    put(f, f->deals, "id", "1");
    destination_close(f->dest);
    f->dest = NULL;
    set_default(f, "default_transaction_read_only = on");
    check_error(open_error(f, NULL, false), PENSTOCK_ERROR_STORAGE, "read-only",
                "default_transaction_read_only", NULL);
    check_error(error_of(f, f->url, true, true), PENSTOCK_ERROR_STORAGE, "read-only", NULL);
    check_opens(f, f->url); /* to look at */
}

static void check_encoding(struct fixture *f, const char *encoding)
{
    g_autofree char *name = g_strdup_printf("%s_%s", database_of(f), encoding);
    g_autofree char *create = g_strdup_printf(
        "CREATE DATABASE %s ENCODING '%s' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0", name,
        encoding);
    f->subject->execute(f->url, create);
    g_autofree char *url = url_with(f, database_of(f), name);
    check_error(error_of(f, url, false, false), PENSTOCK_ERROR_CONFIG, "UTF8", "CREATE DATABASE",
                NULL);
    f->subject->discard(url);
}

static void other_encodings(struct fixture *f)
{
    check_encoding(f, "latin1");
    check_encoding(f, "sql_ascii");
}

const struct test_case postgres_session_cases[] = {
    {"urls", urls},
    {"wrong-urls", wrong_urls},
    {"rights", rights},
    {"no-login", no_login},
    {"passwords", passwords},
    {"probing", probing},
    {"wrong-defaults", wrong_defaults},
    {"long-pauses", long_pauses},
    {"errors-that-end-sessions", errors_that_end_sessions},
    {"read-only-server", read_only_server},
    {"other-encodings", other_encodings},
    {0},
};
