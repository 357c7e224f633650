/* SQLite as a subject of the cases: a file in a directory of its own. */
#include <glib/gstdio.h>
#include <sqlite3.h>
#include <string.h>

#include "destinations/sqlite.h"
#include "fixture.h"

static char *sqlite_fresh(void)
{
    g_autofree char *directory = g_dir_make_tmp("penstock-XXXXXX", NULL);
    return g_strdup_printf("sqlite:%s/crm.db", directory);
}

static void sqlite_discard(const char *url)
{
    g_autofree char *directory = g_path_get_dirname(url + strlen("sqlite:"));
    GDir *dir = g_dir_open(directory, 0, NULL);
    for (const char *name; (name = g_dir_read_name(dir));) {
        g_autofree char *path = g_build_filename(directory, name, NULL);
        g_remove(path);
    }
    g_dir_close(dir);
    g_assert_cmpint(g_rmdir(directory), ==, 0);
}

static sqlite3 *sqlite_connect(const char *url)
{
    sqlite3 *db;
    g_assert_cmpint(sqlite3_open(url + strlen("sqlite:"), &db), ==, SQLITE_OK);
    return db;
}

static void sqlite_run(const char *url, const char *sql)
{
    sqlite3 *db = sqlite_connect(url);
    char *message = NULL;
    sqlite3_exec(db, sql, NULL, NULL, &message);
    g_assert_cmpstr(message, ==, NULL);
    sqlite3_close(db);
}

static char *sqlite_query(const char *url, const char *sql)
{
    sqlite3 *db = sqlite_connect(url);
    sqlite3_stmt *statement = NULL;
    if (sqlite3_prepare_v2(db, sql, -1, &statement, NULL) != SQLITE_OK)
        g_error("%s: %s", sql, sqlite3_errmsg(db));
    sqlite3_step(statement);
    char *text = g_strdup((const char *)sqlite3_column_text(statement, 0));
    sqlite3_finalize(statement);
    sqlite3_close(db);
    return text;
}

static void *sqlite_lock(const char *url)
{
    sqlite3 *db = sqlite_connect(url);
    g_assert_cmpint(sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL), ==, SQLITE_OK);
    return db;
}

static void sqlite_unlock(void *db)
{
    sqlite3_close(db);
}

const struct subject sqlite_subject = {
    .ops = &sqlite_destination,
    .dialect = &dialect_sqlite,
    .locks_database = true,
    .fresh = sqlite_fresh,
    .discard = sqlite_discard,
    .execute = sqlite_run,
    .query = sqlite_query,
    .lock = sqlite_lock,
    .unlock = sqlite_unlock,
};
