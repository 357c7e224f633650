/* pipedrive/views.c: what the view of a stream shows; sql/view.c: how it fits a database and how it
 * is written. */
#include "pages.h"
#include "pipedrive/views.h"
#include "sql/view.h"

#include <string.h>

#define KEY_A "aaaa1111aaaa1111aaaa1111aaaa1111aaaa1111"
#define KEY_B "bbbb2222bbbb2222bbbb2222bbbb2222bbbb2222"
#define KEY_C "cccc3333cccc3333cccc3333cccc3333cccc3333"

#define FIELD(key, name, type, options, custom)                                                    \
    "{'field_code':'" key "','field_name':'" name "','field_type':'" type "','options':" options   \
    ",'is_custom_field':" custom "}"
#define CUSTOM(key, name, type) FIELD(key, name, type, "null", "true")
#define OPTIONS                 "[{'id':1,'label':'One'},{'id':'two','label':'Two'}]"

static struct fields *fields_of(enum stream_id id, const char *list)
{
    struct pages *pages = pages_new();
    struct fields *fields = fields_new(&catalog[id], FIELDS_AS_NAMES);
    g_autofree char *cursor = NULL;
    g_autoptr(GError) error = NULL;
    bool changed;

    fields_begin_list(fields);
    g_assert_true(
        fields_take_page(fields, pages_parse(pages, "{'data':[%s]}", list), &cursor, &error));
    fields_end_list(fields, &changed);
    pages_free(pages);
    return fields;
}

/* With a list of fields; "" = none. */
static struct view *build(enum stream_id id, const char *list)
{
    struct fields *fields = *list ? fields_of(id, list) : NULL;
    g_autoptr(Table) table = fields_build_table(&catalog[id], fields, METADATA_NATIVE);
    struct view *view = views_build(&catalog[id], table, fields);

    fields_free(fields);
    return view;
}

static const struct view_column *find(const struct view *view, const char *name)
{
    const struct view_column *column = view_find(view, name);

    if (!column)
        g_error("%s has no column %s", view->name, name);
    return column;
}

static void check_lookup(const struct view *view, const char *name, const char *source,
                         const char *table, const char *key, const char *shown)
{
    const struct view_column *column = find(view, name);

    g_assert_cmpint(column->kind, ==, VIEW_LOOKUP);
    g_assert_cmpstr(column->source, ==, source);
    g_assert_cmpstr(column->table, ==, table);
    g_assert_cmpstr(column->key, ==, key);
    g_assert_cmpstr(column->shown, ==, shown);
}

static void check_kind(const struct view *view, const char *name, enum view_column_kind kind,
                       const char *source)
{
    const struct view_column *column = find(view, name);

    g_assert_cmpint(column->kind, ==, kind);
    g_assert_cmpstr(column->source, ==, source);
}

static void every_column_of_the_table(void)
{
    for (unsigned i = 0; i < STREAM_COUNT; i++) {
        g_autoptr(View) view = build((enum stream_id)i, "");
        g_autofree char *name = g_strconcat(catalog[i].name, "_view", NULL);

        g_assert_cmpstr(view->name, ==, name);
        g_assert_cmpstr(view->table, ==, catalog[i].name);
        g_assert_cmpstr(view->live, ==, "_deleted_at");
        for (unsigned j = 0; j < catalog[i].column_count; j++)
            check_kind(view, catalog[i].columns[j].name, VIEW_PLAIN, catalog[i].columns[j].name);
        g_assert_null(view_find(view, "_extra"));
        g_assert_null(view_find(view, "_synced_at"));
    }
}

/* No two streams' views and tables may meet. */
static void names_meet_no_table(void)
{
    for (unsigned i = 0; i < STREAM_COUNT; i++) {
        g_autofree char *name = views_name(&catalog[i]);

        g_assert_null(catalog_find(name));
    }
}

static void names_behind_ids(void)
{
    g_autoptr(View) deals = build(STREAM_DEALS, "");
    g_autoptr(View) activities = build(STREAM_ACTIVITIES, "");
    g_autoptr(View) notes = build(STREAM_NOTES, "");
    g_autoptr(View) flow = build(STREAM_DEALFLOW, "");

    check_lookup(deals, "owner_name", "owner_id", "users", "id", "name");
    check_lookup(deals, "creator_name", "creator_user_id", "users", "id", "name");
    check_lookup(deals, "stage_name", "stage_id", "stages", "id", "name");
    check_lookup(deals, "pipeline_name", "pipeline_id", "pipelines", "id", "name");
    check_lookup(deals, "org_name", "org_id", "organizations", "id", "name");
    check_lookup(deals, "person_name", "person_id", "persons", "id", "name");
    check_lookup(activities, "type_name", "type", "activity_types", "key_string", "name");
    check_lookup(activities, "deal_title", "deal_id", "deals", "id", "title");
    check_lookup(notes, "user_name", "user_id", "users", "id", "name");
    check_lookup(flow, "deal_title", "item_id", "deals", "id", "title");
    g_assert_true(view_reads(deals, "users") && view_reads(deals, "deals"));
    g_assert_false(view_reads(deals, "products"));
}

static void behind_its_id(void)
{
    g_autoptr(View) deals = build(STREAM_DEALS, "");
    unsigned i = 0;

    while (strcmp(view_column(deals, i)->name, "owner_id") != 0)
        i++;
    g_assert_cmpstr(view_column(deals, i + 1)->name, ==, "owner_name");
}

/* files have person_name of the API. */
static void no_second_name(void)
{
    g_autoptr(View) files = build(STREAM_FILES, "");

    check_kind(files, "person_name", VIEW_PLAIN, "person_name");
    g_assert_null(view_find(files, "person_name_2"));
    check_lookup(files, "deal_title", "deal_id", "deals", "id", "title");
}

static void primary_entries(void)
{
    g_autoptr(View) persons = build(STREAM_PERSONS, "");

    check_kind(persons, "primary_email", VIEW_PRIMARY, "emails");
    check_kind(persons, "primary_phone", VIEW_PRIMARY, "phones");
}

static void labels_of_options(void)
{
    g_autoptr(View) deals =
        build(STREAM_DEALS,
              FIELD("status", "Status", "status", OPTIONS, "false") "," FIELD(
                  "label_ids", "Label", "set", OPTIONS,
                  "false") "," FIELD(KEY_A, "Source", "enum", OPTIONS,
                                     "true") "," FIELD(KEY_B, "Tags", "set", OPTIONS,
                                                       "true") "," FIELD(KEY_C, "Yes", "boolean",
                                                                         OPTIONS, "true"));

    check_kind(deals, "status_label", VIEW_OPTION, "status");
    check_kind(deals, "labels", VIEW_OPTIONS, "label_ids");
    check_kind(deals, "source", VIEW_PLAIN, "source");
    check_kind(deals, "source_label", VIEW_OPTION, "source");
    check_kind(deals, "tags_label", VIEW_OPTIONS, "tags");
    check_kind(deals, "yes", VIEW_PLAIN, "yes");
    g_assert_null(view_find(deals, "yes_label"));
    g_assert_null(view_find(deals, "channel_label")); /* no options, no label */
}

static void custom_fields_that_are_ids(void)
{
    g_autoptr(View) deals =
        build(STREAM_DEALS, CUSTOM(KEY_A, "Engineer", "user") "," CUSTOM(
                                KEY_B, "Partner", "org") "," CUSTOM(KEY_C, "Price", "monetary"));

    check_lookup(deals, "engineer_name", "engineer", "users", "id", "name");
    check_lookup(deals, "partner_name", "partner", "organizations", "id", "name");
    check_kind(deals, "price_currency", VIEW_PLAIN, "price_currency");
}

/* Columns of the table keep their names. */
static void names_that_are_taken(void)
{
    g_autoptr(View) deals = build(
        STREAM_DEALS,
        CUSTOM(KEY_A, "Owner name", "varchar") "," CUSTOM(KEY_B, "owner_id", "monetary") "," FIELD(
            KEY_C, "Status label", "enum", OPTIONS, "true") "," FIELD("status", "Status", "status",
                                                                      OPTIONS, "false"));

    check_kind(deals, "owner_name", VIEW_PLAIN, "owner_name");
    check_lookup(deals, "owner_name_2", "owner_id", "users", "id", "name");
    check_kind(deals, "status_label", VIEW_PLAIN, "status_label");
    check_kind(deals, "status_label_2", VIEW_OPTION, "status");
    check_kind(deals, "status_label_label", VIEW_OPTION, "status_label");
    for (unsigned i = 0; i < deals->columns->len; i++)
        for (unsigned j = 0; j < i; j++)
            g_assert_cmpstr(view_column(deals, i)->name, !=, view_column(deals, j)->name);
}

/* A stored row of _penstock_fields: a choice, in this column. */
static void restore_choice(struct fields *fields, const char *column)
{
    const char *values[] = {"deals", KEY_A,  "",  column, "integer",
                            "Name",  "enum", "1", "1",    "[{\"id\":1,\"label\":\"One\"}]"};
    g_autoptr(Table) definition = fields_table();
    struct batch *row = batch_new();
    struct cell *cells;

    batch_prepare(row, definition, 1);
    cells = batch_add_row(row)->cells;
    for (unsigned i = 0; i < G_N_ELEMENTS(values); i++)
        cell_set_string(row, &cells[i], values[i]);
    fields_restore(fields, cells);
    batch_release(row);
}

/* A standard column that is younger than a custom field of its name. */
static void standard_columns_that_made_way(void)
{
    struct fields *fields = fields_new(&catalog[STREAM_DEALS], FIELDS_AS_NAMES);

    restore_choice(fields, "owner_id");
    g_autoptr(Table) table = fields_build_table(&catalog[STREAM_DEALS], fields, METADATA_NATIVE);
    g_autoptr(View) view = views_build(&catalog[STREAM_DEALS], table, fields);
    check_kind(view, "owner_id_label", VIEW_OPTION, "owner_id");
    check_lookup(view, "owner_id_std_name", "owner_id_std", "users", "id", "name");
    g_assert_null(view_find(view, "owner_name"));
    fields_free(fields);
}

static void names_are_short_enough(void)
{
    struct fields *fields = fields_new(&catalog[STREAM_DEALS], FIELDS_AS_NAMES);
    /* 31 letters of two bytes each: 62 bytes, and no room for _label. */
    g_autoptr(GString) column = g_string_new(NULL);
    for (int i = 0; i < 31; i++)
        g_string_append(column, "ж");
    restore_choice(fields, column->str);
    g_autoptr(Table) with = fields_build_table(&catalog[STREAM_DEALS], fields, METADATA_NONE);
    g_autoptr(View) view = views_build(&catalog[STREAM_DEALS], with, fields);
    unsigned labels = 0;
    for (unsigned i = 0; i < view->columns->len; i++) {
        const struct view_column *c = view_column(view, i);
        g_assert_cmpuint(strlen(c->name), <=, 63);
        g_assert_true(g_utf8_validate(c->name, -1, NULL));
        labels += c->kind == VIEW_OPTION;
    }
    g_assert_cmpuint(labels, ==, 1);
    g_assert_null(view->live); /* METADATA_NONE: no row is flagged */
    fields_free(fields);
}

static void options_as_rows(void)
{
    struct fields *fields =
        fields_of(STREAM_DEALS, FIELD(KEY_A, "Source", "enum", OPTIONS, "true"));
    g_autoptr(Table) table = fields_options_table();
    struct batch *batch = batch_new();
    static const char *const expected[][5] = {{"deals", "source", "1", "One", "0"},
                                              {"deals", "source", "two", "Two", "0"}};

    batch_prepare(batch, table, 4);
    fields_write_options(fields, batch);
    g_assert_cmpuint(batch->row_count, ==, 2);
    for (unsigned i = 0; i < 2; i++)
        for (unsigned j = 0; j < 5; j++)
            g_assert_true(cell_is(&batch->rows[i].cells[j], expected[i][j]));
    batch_release(batch);
    fields_free(fields);
}

/* ── sql/view.c ── */

/* A database that has "table.column type" rows, ended by NULL. */
static bool type_of(void *opaque, const char *table, const char *column, int *ret, GError **error)
{
    g_autofree char *name = g_strdup_printf("%s.%s ", table, column);

    (void)error;
    *ret = *(const char *const *)opaque ? VIEW_TYPE_ABSENT : VIEW_NO_TABLE;
    for (const char *const *row = opaque; *row; row++) {
        enum column_type type;
        if (!g_str_has_prefix(*row, name))
            continue;
        *ret = column_type_from_name(*row + strlen(name), &type) ? (int)type : VIEW_TYPE_FOREIGN;
    }
    return true;
}

static void fit(struct view *view, const char *const *rows, unsigned most)
{
    struct destination_caps caps = {.max_columns = most};
    g_autoptr(GError) error = NULL;

    g_assert_true(view_fit(view, &caps, type_of, (void *)rows, &error));
}

static char *columns_of(const struct view *view)
{
    GString *names = g_string_new(NULL);

    for (unsigned i = 0; i < view->columns->len; i++)
        g_string_append_printf(names, "%s%s", i ? " " : "", view_column(view, i)->name);
    return g_string_free(names, FALSE);
}

static void check_fit(const char *const *rows, unsigned most, const char *expected)
{
    g_autoptr(View) view =
        build(STREAM_DEALS, FIELD("status", "Status", "status", OPTIONS, "false"));
    g_autofree char *names = NULL;

    fit(view, rows, most);
    names = columns_of(view);
    g_assert_cmpstr(names, ==, expected);
}

static void fits_a_database(void)
{
    static const char *const no_table[] = {NULL};
    static const char *const some[] = {"deals.id integer", "deals.owner_id integer",
                                       "deals.status text", NULL};
    static const char *const more[] = {"deals.id integer",
                                       "deals.owner_id decimal",
                                       "deals.status strange",
                                       "users.id integer",
                                       "users.name text",
                                       "deals.stage_id text",
                                       "_penstock_options.label text",
                                       NULL};
    static const char *const all[] = {"deals.id integer",
                                      "deals.owner_id integer",
                                      "deals.status text",
                                      "users.id integer",
                                      "users.name text",
                                      "_penstock_options.label text",
                                      NULL};

    check_fit(no_table, 0, "");
    check_fit(some, 0, "id owner_id status");
    /* Numbers compare with numbers; a type that is not ours is shown and nothing more. */
    check_fit(more, 0, "id owner_id owner_name stage_id status");
    check_fit(all, 0, "id owner_id owner_name status status_label");
    check_fit(all, 4, "id owner_id owner_name status"); /* computed ones go first */
    check_fit(all, 3, "id owner_id status");
}

/* A field that was a choice of one and is now one of several, and the other way. */
static void follows_the_type_that_is_there(void)
{
    static const char *const lists[] = {"deals.source json", "_penstock_options.label text", NULL};
    static const char *const single[] = {"deals.source integer", "_penstock_options.label text",
                                         NULL};
    g_autoptr(View) one = build(STREAM_DEALS, FIELD(KEY_A, "Source", "enum", OPTIONS, "true"));
    g_autoptr(View) several = build(STREAM_DEALS, FIELD(KEY_A, "Source", "set", OPTIONS, "true"));

    fit(one, lists, 0);
    check_kind(one, "source_label", VIEW_OPTIONS, "source");
    fit(several, single, 0);
    check_kind(several, "source_label", VIEW_OPTION, "source");
}

static void append_relation(void *opaque, GString *sql, const char *table)
{
    g_string_append_printf(sql, "<%s%s>", (const char *)opaque, table);
}

static char *definition(const struct dialect *dialect, const struct view *view, char **ret_mark)
{
    const struct view_place place = {dialect, append_relation, (void *)"s.", "utf8mb4_bin"};
    GString *sql = g_string_new(NULL);

    *ret_mark = view_mark(&place, view);
    view_definition(sql, &place, view, *ret_mark);
    return g_string_free(sql, FALSE);
}

static void written_with_quotes(void)
{
    g_autoptr(View) view = view_new("v", "ta'ble", "go\"ne");
    struct view_column plain = {
        .name = (char *)"na\"me", .kind = VIEW_PLAIN, .source = (char *)"so'ur\"ce"};
    struct view_column label = {.name = (char *)"label",
                                .kind = VIEW_OPTION,
                                .source = (char *)"so'ur\"ce",
                                .type = COLUMN_INTEGER};
    g_autofree char *mark = NULL, *sql = NULL;

    view_add(view, &plain);
    view_add(view, &label);
    sql = definition(&dialect_sqlite, view, &mark);
    g_assert_nonnull(strstr(sql, "t.\"so'ur\"\"ce\" AS \"na\"\"me\""));
    g_assert_nonnull(strstr(sql, "o.table_name = 'ta''ble' AND o.column_name = 'so''ur\"ce'"));
    g_assert_nonnull(strstr(sql, "FROM <s.ta'ble> t"));
    g_assert_nonnull(strstr(sql, "FROM <s._penstock_options> o"));
    g_assert_nonnull(strstr(sql, "WHERE t.\"go\"\"ne\" IS NULL"));
    g_assert_nonnull(strstr(sql, mark));
}

/* A backslash in a literal is an escape to MariaDB alone. */
static void written_with_backslashes(void)
{
    g_autoptr(View) view = view_new("v", "t", NULL);
    struct view_column label = {
        .name = (char *)"label", .kind = VIEW_OPTION, .source = (char *)"a\\b"};
    struct dialect mysql = {.name = "mysql", .quote = '`', .views = &view_forms_mysql};
    g_autofree char *mark = NULL, *other = NULL, *one = NULL, *two = NULL;

    view_add(view, &label);
    one = definition(&dialect_sqlite, view, &mark);
    two = definition(&mysql, view, &other);
    g_assert_nonnull(strstr(one, "'a\\b'"));
    g_assert_nonnull(strstr(two, "'a\\\\b'"));
    g_assert_nonnull(strstr(two, other));
    g_assert_nonnull(strstr(two, "COLLATE utf8mb4_bin"));
}

static void marked_by_what_it_says(void)
{
    g_autoptr(View) view = build(STREAM_DEALS, ""), same = build(STREAM_DEALS, "");
    g_autoptr(View) other = build(STREAM_DEALS, CUSTOM(KEY_A, "Size", "double"));
    g_autofree char *a = NULL, *b = NULL, *c = NULL, *one = NULL, *two = NULL, *three = NULL;

    one = definition(&dialect_sqlite, view, &a);
    two = definition(&dialect_sqlite, same, &b);
    three = definition(&dialect_sqlite, other, &c);
    g_assert_true(g_str_has_prefix(a, VIEW_MARK));
    g_assert_cmpstr(a, ==, b);
    g_assert_cmpstr(a, !=, c);
    g_assert_cmpstr(one, ==, two);
    g_assert_cmpstr(one, !=, three);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/views/every column of the table", every_column_of_the_table);
    g_test_add_func("/views/names meet no table", names_meet_no_table);
    g_test_add_func("/views/names behind ids", names_behind_ids);
    g_test_add_func("/views/behind its id", behind_its_id);
    g_test_add_func("/views/no second name", no_second_name);
    g_test_add_func("/views/primary entries", primary_entries);
    g_test_add_func("/views/labels of options", labels_of_options);
    g_test_add_func("/views/custom fields that are ids", custom_fields_that_are_ids);
    g_test_add_func("/views/names that are taken", names_that_are_taken);
    g_test_add_func("/views/standard columns that made way", standard_columns_that_made_way);
    g_test_add_func("/views/names are short enough", names_are_short_enough);
    g_test_add_func("/views/options as rows", options_as_rows);
    g_test_add_func("/sql/fits a database", fits_a_database);
    g_test_add_func("/sql/follows the type that is there", follows_the_type_that_is_there);
    g_test_add_func("/sql/written with quotes", written_with_quotes);
    g_test_add_func("/sql/written with backslashes", written_with_backslashes);
    g_test_add_func("/sql/marked by what it says", marked_by_what_it_says);
    return g_test_run();
}
