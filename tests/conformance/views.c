/* Readable views: what they show, that they stand in nobody's way, and whose they are. */
#include <string.h>

#include "fixture.h"

/* deals with everything that a view computes from, users, and two labels. */
static struct table *deals_table(const char *more)
{
    g_autofree char *columns = g_strdup_printf(
        "id integer key, title text, owner_id integer, status text, choice integer, "
        "label_ids json, mixed text, emails json%s, update_time timestamp version",
        more);
    return replicated("deals", columns);
}

static struct table *users_table(void)
{
    return replicated("users", "id integer key, name text, code text");
}

static struct table *options_table(void)
{
    return system_table(OPTIONS_TABLE, OPTIONS_OF
                        " text key, " OPTIONS_COLUMN " text key, " OPTIONS_ID
                        " text key, " OPTIONS_LABEL " text, " OPTIONS_DELETED " boolean");
}

static void add_to(struct view *view, const char *name, enum view_column_kind kind,
                   const char *source, enum column_type type)
{
    struct view_column column = {
        .name = (char *)name, .kind = kind, .source = (char *)source, .type = type};
    if (kind == VIEW_LOOKUP) {
        column.table = (char *)"users";
        column.key = (char *)"id";
        column.shown = (char *)"name";
    }
    view_add(view, &column);
}

static struct view *deals_view(void)
{
    struct view *view = view_new("deals_view", "deals", "_deleted_at");
    add_to(view, "id", VIEW_PLAIN, "id", COLUMN_INTEGER);
    add_to(view, "title", VIEW_PLAIN, "title", COLUMN_TEXT);
    add_to(view, "owner_id", VIEW_PLAIN, "owner_id", COLUMN_INTEGER);
    add_to(view, "owner_name", VIEW_LOOKUP, "owner_id", COLUMN_INTEGER);
    add_to(view, "status_label", VIEW_OPTION, "status", COLUMN_TEXT);
    add_to(view, "choice", VIEW_PLAIN, "choice", COLUMN_INTEGER);
    add_to(view, "choice_label", VIEW_OPTION, "choice", COLUMN_INTEGER);
    add_to(view, "labels", VIEW_OPTIONS, "label_ids", COLUMN_JSON);
    add_to(view, "mixed_label", VIEW_OPTIONS, "mixed", COLUMN_TEXT);
    add_to(view, "primary_email", VIEW_PRIMARY, "emails", COLUMN_JSON);
    return view;
}

static enum view_result replace(struct fixture *f, struct view *view)
{
    GError *error = NULL;
    enum view_result result;
    bool ok = destination_replace_view(f->dest, view, &result, &error);
    g_assert_no_error(error);
    g_assert_true(ok);
    view_free(view);
    return result;
}

static bool drop_view(struct fixture *f, const char *name)
{
    GError *error = NULL;
    bool dropped;
    bool ok = destination_drop_view(f->dest, name, &dropped, &error);
    g_assert_no_error(error);
    g_assert_true(ok);
    return dropped;
}

static void check(struct fixture *f, const char *column, const char *where, const char *expected)
{
    g_autofree char *sql = g_strdup_printf("SELECT %s FROM deals_view WHERE %s", column, where);
    g_autofree char *got = f->subject->query(f->url, sql);
    g_assert_cmpstr(got, ==, expected);
}

static void put_option(struct fixture *f, const char *column, const char *id, const char *label)
{
    g_autoptr(Table) options = options_table();
    put(f, options, OPTIONS_OF, "deals", OPTIONS_COLUMN, column, OPTIONS_ID, id, OPTIONS_LABEL,
        label, OPTIONS_DELETED, "0");
}

/* Tables, labels, a user, and no deal yet. */
static struct table *set_up(struct fixture *f)
{
    struct table *deals = deals_table("");
    g_autoptr(Table) users = users_table(), options = options_table();
    prepare(f, deals);
    prepare(f, users);
    prepare(f, options);
    put(f, users, "id", "7", "name", "Bo", "code", "b");
    put_option(f, "status", "open", "Open");
    put_option(f, "choice", "12", "Twelve");
    put_option(f, "label_ids", "1", "Hot");
    put_option(f, "label_ids", "2", "Cold, \"later\"");
    put_option(f, "mixed", "1", "One");
    put_option(f, "mixed", "2", "Two");
    return deals;
}

static void shows_labels_and_names(struct fixture *f)
{
    g_autoptr(Table) deals = set_up(f);
    put(f, deals, "id", "1", "title", "It's", "owner_id", "7", "status", "open", "choice", "12",
        "label_ids", "[2,1]", "mixed", "[1,2]");
    put(f, deals, "id", "2", "owner_id", "8", "status", "odd", "choice", "13", "label_ids", "[1,9]",
        "mixed", "2");
    put(f, deals, "id", "3", "label_ids", "[]", "mixed", "some words");
    g_assert_cmpint(replace(f, deals_view()), ==, VIEW_REPLACED);
    check(f, "title", "id = 1", "It's");
    check(f, "owner_name", "id = 1", "Bo");
    check(f, "status_label", "id = 1", "Open");
    check(f, "choice_label", "id = 1", "Twelve");
    check(f, "labels", "id = 1", "Cold, \"later\", Hot"); /* in the order of the list */
    check(f, "mixed_label", "id = 1", "One, Two");
    /* What has no label stands for itself; what has no name is null. */
    check(f, "owner_name", "id = 2", NULL);
    check(f, "status_label", "id = 2", "odd");
    check(f, "choice_label", "id = 2", "13");
    check(f, "labels", "id = 2", "Hot, 9");
    check(f, "mixed_label", "id = 2", "Two");
    check(f, "status_label", "id = 3", NULL);
    check(f, "choice_label", "id = 3", NULL);
    check(f, "labels", "id = 3", NULL);
    check(f, "mixed_label", "id = 3", "some words");
    check(f, "count(*)", "1 = 1", "3");
    /* A new label needs no new view. */
    put_option(f, "choice", "12", "Zwölf");
    check(f, "choice_label", "id = 1", "Zwölf");
}

static void shows_the_primary_entry(struct fixture *f)
{
    static const struct {
        const char *id, *emails, *expected;
    } rows[] = {
        {"1", "[{\"value\":\"a\",\"primary\":false},{\"value\":\"b\",\"primary\":true}]", "b"},
        {"2", "[{\"value\":\"a\",\"primary\":false},{\"value\":\"b\",\"primary\":false}]", "a"},
        {"3", "[{\"value\":\"\",\"primary\":true},{\"value\":\"b\"}]", "b"},
        {"4", "[]", NULL},
        {"5", "null", NULL},
        {"6", "\"text\"", NULL},
        {"7", "[1,null,[2],\"x\",{\"value\":\"c\"}]", "c"},
        {"8", "{\"value\":\"a\"}", NULL},
        {"9", null_cell, NULL},
    };
    g_autoptr(Table) deals = set_up(f);
    for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++)
        put(f, deals, "id", rows[i].id, "emails", rows[i].emails);
    replace(f, deals_view());
    for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autofree char *where = g_strdup_printf("id = %s", rows[i].id);
        check(f, "primary_email", where, rows[i].expected);
    }
}

/* Lists that are none, in a column that holds any text. */
static void broken_lists_break_nothing(struct fixture *f)
{
    static const char *const texts[] = {"{bad", "[1,", "]", "[", "\"", "", "null", "[[1]]", "{}"};
    g_autoptr(Table) deals = set_up(f);
    for (unsigned i = 0; i < G_N_ELEMENTS(texts); i++) {
        g_autofree char *id = g_strdup_printf("%u", i + 1);
        put(f, deals, "id", id, "mixed", texts[i], "label_ids", i % 2 ? "{\"a\":1}" : "\"1\"");
    }
    replace(f, deals_view());
    check(f, "count(mixed_label) >= 0 AND count(labels) >= 0", "1 = 1",
          strcmp(f->subject->ops->scheme, "postgres") == 0 ? "t" : "1");
    check(f, "labels", "id = 1", "Hot"); /* one id instead of a list */
    check(f, "mixed_label", "id = 1", "{bad");
}

static void shows_rows_that_are_alive(struct fixture *f)
{
    g_autoptr(Table) deals = set_up(f);
    put(f, deals, "id", "1", "_deleted_at", T0_TEXT);
    put(f, deals, "id", "2");
    replace(f, deals_view());
    check(f, "min(id)", "1 = 1", "2");
    g_autoptr(Table) users = users_table(); /* a name outlives its row */
    put(f, deals, "id", "2", "owner_id", "7");
    put(f, users, "id", "7", "_deleted_at", T0_TEXT);
    check(f, "owner_name", "id = 2", "Bo");
}

static void replaced_only_when_it_changes(struct fixture *f)
{
    g_autoptr(Table) deals = set_up(f);
    g_assert_cmpint(replace(f, deals_view()), ==, VIEW_REPLACED);
    g_assert_cmpint(replace(f, deals_view()), ==, VIEW_SAME);
    reopen(f);
    g_assert_cmpint(replace(f, deals_view()), ==, VIEW_SAME);
    struct view *shorter = deals_view();
    view_remove(shorter, 0);
    view_remove(shorter, 0);
    g_assert_cmpint(replace(f, shorter), ==, VIEW_REPLACED);
    g_assert_cmpint(replace(f, deals_view()), ==, VIEW_REPLACED);
    f->subject->execute(f->url, "DROP VIEW deals_view");
    g_assert_cmpint(replace(f, deals_view()), ==, VIEW_REPLACED);
    g_assert_true(drop_view(f, "deals_view"));
    g_assert_false(drop_view(f, "deals_view"));
}

static void fits_what_is_there(struct fixture *f)
{
    g_autoptr(Table) deals = deals_table("");
    g_assert_cmpint(replace(f, deals_view()), ==, VIEW_MISSING);
    prepare(f, deals);
    put(f, deals, "id", "1", "owner_id", "7", "status", "open");
    struct view *view = deals_view();
    enum view_result result;
    add_to(view, "later", VIEW_PLAIN, "later", COLUMN_TEXT);
    g_assert_true(destination_replace_view(f->dest, view, &result, NULL));
    g_assert_cmpint(result, ==, VIEW_REPLACED);
    g_assert_null(view_find(view, "owner_name")); /* no users, no options, no such column */
    g_assert_null(view_find(view, "status_label"));
    g_assert_null(view_find(view, "later"));
    g_assert_nonnull(view_find(view, "title"));
    view_free(view);
    check(f, "owner_id", "id = 1", "7");
    /* A key that has become text is no longer one. */
    g_autoptr(Table) users = users_table();
    prepare(f, users);
    g_assert_cmpint(replace(f, deals_view()), ==, VIEW_REPLACED);
    g_autoptr(Table) wide = replicated("deals", "id integer key, owner_id text");
    prepare(f, wide);
    view = deals_view();
    g_assert_true(destination_replace_view(f->dest, view, &result, NULL));
    g_assert_null(view_find(view, "owner_name"));
    view_free(view);
    check(f, "owner_id", "id = 1", "7");
}

static void does_not_stop_a_column_from_changing(struct fixture *f)
{
    static const char *const types[] = {"decimal", "text"};
    g_autoptr(Table) deals = set_up(f);
    put(f, deals, "id", "1", "choice", "12", "owner_id", "7", "label_ids", "[1]");
    replace(f, deals_view());
    for (unsigned i = 0; i < G_N_ELEMENTS(types); i++) {
        g_autofree char *columns = g_strdup_printf(
            "id integer key, owner_id decimal, choice %s, label_ids text, update_time "
            "timestamp version",
            types[i]);
        g_autoptr(Table) wide = replicated("deals", columns);
        prepare(f, wide);
        replace(f, deals_view());
        check(f, "choice_label", "id = 1", "Twelve");
        check(f, "labels", "id = 1", "Hot");
        check(f, "owner_name", "id = 1", "Bo");
    }
    g_autoptr(Table) users = replicated("users", "id integer key, name text, code json");
    prepare(f, users); /* a table that the view only looks into */
    replace(f, deals_view());
    check(f, "owner_name", "id = 1", "Bo");
}

static void follows_new_columns(struct fixture *f)
{
    g_autoptr(Table) deals = set_up(f);
    put(f, deals, "id", "1");
    replace(f, deals_view());
    g_autoptr(Table) more = deals_table(", size decimal");
    prepare(f, more);
    put(f, more, "id", "1", "size", "1.5");
    struct view *view = deals_view();
    add_to(view, "size", VIEW_PLAIN, "size", COLUMN_DECIMAL);
    g_assert_cmpint(replace(f, view), ==, VIEW_REPLACED);
    check(f, "CASE WHEN size = 1.5 THEN 'yes' END", "id = 1", "yes");
}

static void commits_with_the_column(struct fixture *f)
{
    if (!f->subject->ops->caps.transactional_ddl)
        return;
    g_autoptr(Table) deals = set_up(f);
    put(f, deals, "id", "1", "choice", "12");
    replace(f, deals_view());
    g_autoptr(Table) wide = replicated("deals", "id integer key, choice text");
    for (int commits = 0; commits < 2; commits++) {
        GError *error = NULL;
        g_assert_true(destination_begin(f->dest, &error));
        prepare(f, wide);
        replace(f, deals_view());
        if (commits)
            g_assert_true(destination_commit(f->dest, &error));
        else
            destination_rollback(f->dest);
        check(f, "choice_label", "id = 1", "Twelve");
        g_assert_cmpint(inspected_type(f, wide, "choice"), ==,
                        commits ? COLUMN_TEXT : COLUMN_INTEGER);
    }
}

static void does_not_stop_a_table_from_going(struct fixture *f)
{
    g_autoptr(Table) deals = set_up(f);
    g_autoptr(Table) users = users_table();
    GError *error = NULL;
    put(f, deals, "id", "1", "owner_id", "7", "choice", "12");
    replace(f, deals_view());
    g_assert_true(destination_drop(f->dest, users, &error));
    replace(f, deals_view());
    check(f, "choice_label", "id = 1", "Twelve");
    prepare(f, users);
    put(f, users, "id", "7", "name", "Bob");
    replace(f, deals_view());
    check(f, "owner_name", "id = 1", "Bob");
    g_assert_true(destination_drop(f->dest, deals, &error));
    g_assert_no_error(error);
    g_assert_cmpint(replace(f, deals_view()), ==, VIEW_MISSING);
    f->subject->execute(f->url, "CREATE VIEW deals_view AS SELECT 1 AS id"); /* the name is free */
}

static void leaves_a_persons_view_alone(struct fixture *f)
{
    g_autoptr(Table) deals = set_up(f);
    f->subject->execute(f->url, "CREATE VIEW deals_view AS SELECT 1 AS id, 'mine' AS title");
    g_assert_cmpint(replace(f, deals_view()), ==, VIEW_TAKEN);
    g_assert_false(drop_view(f, "deals_view"));
    check(f, "title", "1 = 1", "mine");
    f->subject->execute(f->url, "DROP VIEW deals_view");
    f->subject->execute(f->url, "CREATE TABLE deals_view (id INTEGER PRIMARY KEY, title TEXT)");
    g_assert_cmpint(replace(f, deals_view()), ==, VIEW_TAKEN);
    g_assert_false(drop_view(f, "deals_view"));
    check(f, "count(*)", "1 = 1", "0");
}

/* What people build on a view goes on answering, whether the view may follow or has to wait. */
static void keeps_what_is_built_on_it(struct fixture *f)
{
    g_autoptr(Table) deals = set_up(f);
    put(f, deals, "id", "1", "title", "a");
    replace(f, deals_view());
    f->subject->execute(f->url, "CREATE VIEW report AS SELECT title FROM deals_view");
    struct view *view = deals_view();
    view_remove(view, 0);
    enum view_result result = replace(f, view);
    g_assert_true(result == VIEW_REPLACED || result == VIEW_HELD);
    g_autofree char *title = f->subject->query(f->url, "SELECT title FROM report");
    g_assert_cmpstr(title, ==, "a");
}

static void stands_beside_its_table(struct fixture *f)
{
    g_autoptr(Table) deals = deals_table("");
    destination_close(f->dest);
    f->dest = open_or_fail(f, "acme");
    prepare(f, deals);
    put(f, deals, "id", "1", "title", "a");
    g_assert_cmpint(replace(f, deals_view()), ==, VIEW_REPLACED);
    g_assert_cmpint(replace(f, deals_view()), ==, VIEW_SAME);
    g_assert_true(drop_view(f, "deals_view"));
}

const struct test_case view_cases[] = {
    {"shows labels and names", shows_labels_and_names},
    {"shows the primary entry", shows_the_primary_entry},
    {"broken lists break nothing", broken_lists_break_nothing},
    {"shows rows that are alive", shows_rows_that_are_alive},
    {"replaced only when it changes", replaced_only_when_it_changes},
    {"fits what is there", fits_what_is_there},
    {"does not stop a column from changing", does_not_stop_a_column_from_changing},
    {"follows new columns", follows_new_columns},
    {"commits with the column", commits_with_the_column},
    {"does not stop a table from going", does_not_stop_a_table_from_going},
    {"leaves a person's view alone", leaves_a_persons_view_alone},
    {"keeps what is built on it", keeps_what_is_built_on_it},
    {"stands beside its table", stands_beside_its_table},
    {NULL, NULL},
};
