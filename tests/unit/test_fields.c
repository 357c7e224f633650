/* pipedrive/fields.c: the columns of custom fields. Names are permanent: they are made
 * once and survive renames, deletions, type changes and reset. */
#include "pages.h"
#include "pipedrive/fields.h"

#include <string.h>

struct fixture {
    struct pages *pages;
    struct fields *fields;
    struct table *definition; /* of _penstock_fields */
    struct batch *stored;
};

#define KEY_A "aaaa1111aaaa1111aaaa1111aaaa1111aaaa1111"
#define KEY_B "bbbb2222bbbb2222bbbb2222bbbb2222bbbb2222"
#define KEY_C "cccc3333cccc3333cccc3333cccc3333cccc3333"

#define FIELD_WITH(key, name, type, options, custom)                                               \
    "{'field_code':'" key "','field_name':'" name "','field_type':'" type "','options':" options   \
    ",'is_custom_field':" custom "}"
#define FIELD(key, name, type) FIELD_WITH(key, name, type, "null", "true")
#define OPTION(id, label)      "{'id':" id ",'label':'" label "'}"
#define LIST2(a, b)            a "," b
#define LIST3(a, b, c)         a "," b "," c
#define LIST4(a, b, c, d)      a "," b "," c "," d

static void set_up(struct fixture *f, const void *unused)
{
    (void)unused;
    f->pages = pages_new();
    f->fields = fields_new(&catalog[STREAM_DEALS], FIELDS_AS_NAMES);
    f->definition = fields_table();
}

static void tear_down(struct fixture *f, const void *unused)
{
    (void)unused;
    batch_release(f->stored);
    table_free(f->definition);
    fields_free(f->fields);
    pages_free(f->pages);
}

static void start_anew(struct fixture *f, enum stream_id id, enum fields_mode mode)
{
    fields_free(f->fields);
    f->fields = fields_new(&catalog[id], mode);
}

static void take_page(struct fixture *f, const char *list)
{
    g_autofree char *cursor = NULL;
    g_autoptr(GError) error = NULL;

    g_assert_true(
        fields_take_page(f->fields, pages_parse(f->pages, "{'data':[%s]}", list), &cursor, &error));
    g_assert_null(cursor);
}

/* Reads a list anew; true if that changed anything. */
static bool read_list(struct fixture *f, const char *list)
{
    bool changed;

    fields_begin_list(f->fields);
    take_page(f, list);
    fields_end_list(f->fields, &changed);
    return changed;
}

static const struct field *find(const struct fixture *f, const char *key)
{
    const struct field *field = fields_find(f->fields, key, strlen(key));

    g_assert_nonnull(field);
    return field;
}

static const struct field_part *find_part(const struct fixture *f, const char *key,
                                          const char *name)
{
    const struct field *field = find(f, key);

    for (unsigned i = 0; i < field->parts->len; i++)
        if (strcmp(g_array_index(field->parts, struct field_part, i).name, name) == 0)
            return &g_array_index(field->parts, struct field_part, i);
    g_error("%s has no part \"%s\"", key, name);
}

static void assert_column(const struct fixture *f, const char *key, const char *part,
                          const char *column)
{
    g_assert_cmpstr(find_part(f, key, part)->column, ==, column);
}

/* --- names --- */

static void slugs(void)
{
    static const struct {
        const char *name, *slug;
    } cases[] = {
        {"Deal source", "deal_source"},
        {"deal_source", "deal_source"},
        {"  Deal -- source!  ", "deal_source"},
        {"ARR (EUR)", "arr_eur"},
        {"50% done?", "f_50_done"}, /* not a digit first */
        {"2026", "f_2026"},
        {"Größe", "größe"},
        {"ÉTÉ", "été"},
        {"E\xcc\x81te\xcc\x81", "été"}, /* decomposed: the same name to the eye */
        {"Сумма сделки", "сумма_сделки"},
        {"客户 类型", "客户_类型"},
        {"ﬁeld №1", "field_no1"}, /* compatibility forms */
        {"a😀b", "a_b"},
        {"x;drop table deals;--", "x_drop_table_deals"},
        {"\"quoted\"", "quoted"},
        {"", "field_aaaa1111"},
        {"!!!", "field_aaaa1111"},
        {"😀", "field_aaaa1111"},
        {"_extra", "extra"},
    };

    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *slug = fields_slug(cases[i].name, KEY_A);

        g_assert_cmpstr(slug, ==, cases[i].slug);
    }
}

/* PostgreSQL has 63 bytes for a name, and none of a character's middle. */
static void assert_names_fit(const struct fixture *f)
{
    g_autoptr(Table) table = fields_build_table(&catalog[STREAM_DEALS], f->fields, METADATA_NATIVE);
    g_autoptr(GHashTable) names = g_hash_table_new(g_str_hash, g_str_equal);

    for (unsigned i = 0; i < table->columns->len; i++) {
        const char *name = table_column(table, i)->name;

        g_assert_cmpuint(strlen(name), <=, 63);
        g_assert_true(g_utf8_validate(name, -1, NULL));
        g_assert_true(g_hash_table_add(names, (void *)name));
    }
}

#define LONG_NAME "A name that nobody would think of, and that says everything there is to say"
#define WIDE_NAME "客户类型客户类型客户类型客户类型客户类型客户类型客户类型"

static void long_names_fit_every_destination(struct fixture *f, const void *unused)
{
    (void)unused;
    g_assert_true(
        read_list(f, LIST3(FIELD(KEY_A, LONG_NAME, "address"), FIELD(KEY_B, LONG_NAME, "address"),
                           FIELD(KEY_C, LONG_NAME, "timerange"))));
    assert_names_fit(f);
    g_assert_true(read_list(
        f, LIST2(FIELD(KEY_A, WIDE_NAME, "address"), FIELD(KEY_B, WIDE_NAME, "address"))));
    start_anew(f, STREAM_DEALS, FIELDS_AS_NAMES);
    g_assert_true(read_list(
        f, LIST2(FIELD(KEY_A, WIDE_NAME, "address"), FIELD(KEY_B, WIDE_NAME, "address"))));
    assert_names_fit(f);
    start_anew(f, STREAM_DEALS, FIELDS_AS_KEYS);
    g_assert_true(read_list(f, FIELD(KEY_A, WIDE_NAME, "address")));
    assert_names_fit(f);
}

static void ties_go_by_key(struct fixture *f, const void *unused)
{
    (void)unused;
    read_list(f, LIST3(FIELD(KEY_B, "Source", "varchar"), FIELD(KEY_A, "source", "varchar"),
                       FIELD(KEY_C, "SOURCE!", "varchar")));
    assert_column(f, KEY_A, "", "source");
    assert_column(f, KEY_B, "", "source_bbbb");
    assert_column(f, KEY_C, "", "source_cccc");
}

/* Keys that begin alike are told apart by more of them. */
static void suffixes_are_as_long_as_it_takes(struct fixture *f, const void *unused)
{
    (void)unused;
    read_list(f, LIST3(FIELD("abcd1111x", "Source", "varchar"),
                       FIELD("abcd2222y", "Source", "varchar"),
                       FIELD("abcd2222z", "Source", "varchar")));
    assert_column(f, "abcd1111x", "", "source");
    assert_column(f, "abcd2222y", "", "source_abcd");
    assert_column(f, "abcd2222z", "", "source_abcd2222");
}

static void taken_names_get_a_suffix(struct fixture *f, const void *unused)
{
    (void)unused;
    read_list(f, LIST3(FIELD(KEY_A, "Status", "varchar"), FIELD(KEY_B, "Custom fields", "varchar"),
                       FIELD(KEY_C, "Expected close date", "date")));
    assert_column(f, KEY_A, "", "status_aaaa");
    assert_column(f, KEY_B, "", "custom_fields_bbbb");
    assert_column(f, KEY_C, "", "expected_close_date_cccc");
    assert_names_fit(f);
}

/* Every part counts: "budget" is free, but its currency's column is not. */
static void parts_keep_one_base(struct fixture *f, const void *unused)
{
    (void)unused;
    read_list(
        f, LIST2(FIELD(KEY_A, "Budget currency", "varchar"), FIELD(KEY_B, "Budget", "monetary")));
    assert_column(f, KEY_A, "", "budget_currency");
    assert_column(f, KEY_B, "", "budget_bbbb");
    assert_column(f, KEY_B, "currency", "budget_bbbb_currency");
    assert_names_fit(f);
}

static void modes(struct fixture *f, const void *unused)
{
    g_autoptr(Table) named = NULL, keyed = NULL, whole = NULL;

    (void)unused;
    read_list(f, FIELD(KEY_A, "Budget", "monetary"));
    named = fields_build_table(&catalog[STREAM_DEALS], f->fields, METADATA_NATIVE);
    g_assert_cmpint(table_find_column(named, "budget_currency"), >=, 0);
    g_assert_cmpint(table_find_column(named, "custom_fields"), ==, -1);
    start_anew(f, STREAM_DEALS, FIELDS_AS_KEYS);
    read_list(f, FIELD(KEY_A, "Budget", "monetary"));
    keyed = fields_build_table(&catalog[STREAM_DEALS], f->fields, METADATA_NATIVE);
    g_assert_cmpint(table_find_column(keyed, KEY_A), >=, 0);
    g_assert_cmpint(table_find_column(keyed, KEY_A "_currency"), >=, 0);
    g_assert_cmpint(table_find_column(keyed, "budget"), ==, -1);
    start_anew(f, STREAM_DEALS, FIELDS_AS_JSON);
    g_assert_cmpint((int)fields_mode(f->fields), ==, FIELDS_AS_JSON);
    whole = fields_build_table(&catalog[STREAM_DEALS], f->fields, METADATA_NATIVE);
    g_assert_cmpint(table_find_column(whole, "custom_fields"), >=, 0);
}

/* --- types --- */

static void types_become_columns(struct fixture *f, const void *unused)
{
    static const struct {
        const char *type, *part;
        enum column_type column;
    } cases[] = {
        {"varchar", "", COLUMN_TEXT},
        {"varchar_auto", "", COLUMN_TEXT},
        {"text", "", COLUMN_TEXT},
        {"phone", "", COLUMN_TEXT}, /* a string, not the array of persons.phones */
        {"double", "", COLUMN_DECIMAL},
        {"int", "", COLUMN_INTEGER},
        {"boolean", "", COLUMN_BOOLEAN},
        {"enum", "", COLUMN_INTEGER},
        {"set", "", COLUMN_JSON},
        {"user", "", COLUMN_INTEGER},
        {"org", "", COLUMN_INTEGER},
        {"people", "", COLUMN_INTEGER},
        {"date", "", COLUMN_DATE},
        {"daterange", "", COLUMN_DATE},
        {"daterange", "until", COLUMN_DATE},
        {"monetary", "", COLUMN_DECIMAL},
        {"monetary", "currency", COLUMN_TEXT},
        {"time", "", COLUMN_TIME},
        {"time", "timezone_id", COLUMN_INTEGER},
        {"timerange", "until", COLUMN_TIME},
        {"timerange", "timezone_id", COLUMN_INTEGER},
        {"timerange", "timezone_name", COLUMN_TEXT},
        {"address", "", COLUMN_TEXT},
        {"address", "subpremise", COLUMN_TEXT},
        {"address", "admin_area_level_2", COLUMN_TEXT},
        {"address", "formatted_address", COLUMN_TEXT},
        {"address", "parts", COLUMN_JSON},
        {"status", "", COLUMN_JSON}, /* whatever it is: as sent */
        {"invented_tomorrow", "", COLUMN_JSON},
        {"", "", COLUMN_JSON},
    };

    (void)unused;
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *list =
            g_strdup_printf("{'field_code':'" KEY_A "','field_name':'F','field_type':'%s',"
                            "'options':null,'is_custom_field':true}",
                            cases[i].type);

        start_anew(f, STREAM_DEALS, FIELDS_AS_NAMES);
        read_list(f, list);
        g_assert_cmpint((int)find_part(f, KEY_A, cases[i].part)->type, ==, (int)cases[i].column);
    }
}

static void tables_hold_catalog_custom_system(struct fixture *f, const void *unused)
{
    const struct stream *deals = &catalog[STREAM_DEALS];
    g_autoptr(Table) table = NULL;

    (void)unused;
    read_list(f, LIST2(FIELD(KEY_B, "Budget", "monetary"), FIELD(KEY_A, "Zone", "varchar")));
    table = fields_build_table(deals, f->fields, METADATA_NATIVE);
    g_assert_cmpstr(table->name, ==, "deals");
    g_assert_cmpuint(table->columns->len, ==, deals->column_count + 3 + 4);
    for (unsigned i = 0; i < deals->column_count; i++)
        g_assert_cmpstr(table_column(table, i)->name, ==, deals->columns[i].name);
    g_assert_cmpstr(table_column(table, deals->column_count)->name, ==, "zone");
    g_assert_cmpstr(table_column(table, deals->column_count)->comment, ==, "Zone (" KEY_A ")");
    g_assert_cmpstr(table_column(table, deals->column_count + 2)->comment, ==,
                    "Budget (" KEY_B ", currency)");
    g_assert_cmpuint(table->key_count, ==, 1);
    g_assert_cmpstr(table_column(table, table->keys[0])->name, ==, "id");
    g_assert_cmpstr(table_column(table, (unsigned)table->version)->name, ==, "update_time");
    g_assert_cmpint(table->extra, ==, (int)table->columns->len - 1);
}

/* Contact sync fields and the like: their values stand in the record itself. */
static void standard_fields_get_no_columns(struct fixture *f, const void *unused)
{
    (void)unused;
    start_anew(f, STREAM_PERSONS, FIELDS_AS_NAMES);
    read_list(f,
              LIST4(FIELD_WITH("birthday", "Birthday", "date", "null", "true"),
                    FIELD_WITH("im", "IM", "set", "[" OPTION("1", "skype") "]", "true"),
                    FIELD_WITH("phone", "Phone", "phone", "null", "false"),
                    FIELD_WITH("label_ids", "Labels", "set", "[" OPTION("5", "Hot") "]", "false")));
    g_autoptr(Table) table =
        fields_build_table(&catalog[STREAM_PERSONS], f->fields, METADATA_NATIVE);

    g_assert_cmpuint(table->columns->len, ==, catalog[STREAM_PERSONS].column_count + 4);
    g_assert_null(fields_find(f->fields, "phone", 5));
    g_assert_null(fields_find(f->fields, "birthday", 8));
    g_assert_false(find(f, "im")->is_custom);
    g_assert_false(find(f, "label_ids")->is_custom); /* kept for the labels of its options */
    g_assert_cmpuint(find(f, "label_ids")->options->len, ==, 1);
}

/* --- what happens to a field in Pipedrive --- */

static void renames_move_no_column(struct fixture *f, const void *unused)
{
    (void)unused;
    read_list(f, FIELD(KEY_A, "Source", "monetary"));
    g_assert_true(read_list(f, FIELD(KEY_A, "Origin", "monetary")));
    assert_column(f, KEY_A, "", "source");
    assert_column(f, KEY_A, "currency", "source_currency");
    g_assert_cmpstr(find(f, KEY_A)->name, ==, "Origin");
    g_assert_true(
        read_list(f, LIST2(FIELD(KEY_A, "Origin", "monetary"), FIELD(KEY_B, "Source", "varchar"))));
    assert_column(f, KEY_B, "", "source_bbbb"); /* the name is not free again */
}

static void deletions_keep_the_column(struct fixture *f, const void *unused)
{
    g_autoptr(Table) table = NULL;

    (void)unused;
    read_list(f, LIST2(FIELD(KEY_A, "Source", "varchar"), FIELD(KEY_B, "Zone", "varchar")));
    g_assert_true(read_list(f, FIELD(KEY_B, "Zone", "varchar")));
    g_assert_false(find(f, KEY_A)->active);
    g_assert_true(find(f, KEY_B)->active);
    table = fields_build_table(&catalog[STREAM_DEALS], f->fields, METADATA_NATIVE);
    g_assert_cmpint(table_find_column(table, "source"), >=, 0);
    g_assert_false(read_list(f, FIELD(KEY_B, "Zone", "varchar")));
    g_assert_true(read_list(f, LIST2(FIELD(KEY_A, "Source", "varchar"),
                                     FIELD(KEY_B, "Zone", "varchar")))); /* undeleted */
    g_assert_true(find(f, KEY_A)->active);
    assert_column(f, KEY_A, "", "source");
}

static void same_list_changes_nothing(struct fixture *f, const void *unused)
{
    static const char list[] =
        LIST2(FIELD(KEY_A, "Source", "address"),
              FIELD_WITH(KEY_B, "Kind", "enum",
                         "[" LIST2(OPTION("1", "One"), OPTION("2", "Two")) "]", "true"));

    (void)unused;
    g_assert_true(read_list(f, list));
    g_assert_false(read_list(f, list));
    g_assert_false(read_list(
        f, LIST2(FIELD_WITH(KEY_B, "Kind", "enum",
                            "[" LIST2(OPTION("2", "Two"), OPTION("1", "One")) "]", "true"),
                 FIELD(KEY_A, "Source", "address"))));
}

static const struct field_option *option(const struct fixture *f, const char *key, const char *id)
{
    const struct field *field = find(f, key);

    for (unsigned i = 0; i < field->options->len; i++)
        if (strcmp(g_array_index(field->options, struct field_option, i).id, id) == 0)
            return &g_array_index(field->options, struct field_option, i);
    g_error("%s has no option %s", key, id);
}

static void deleted_options_stay(struct fixture *f, const void *unused)
{
    (void)unused;
    read_list(f, FIELD_WITH(KEY_A, "Kind", "enum",
                            "[" LIST3(OPTION("12", "Old"), OPTION("13", "Kept"),
                                      OPTION("'abc'", "Text id")) "]",
                            "true"));
    g_assert_true(read_list(
        f, FIELD_WITH(KEY_A, "Kind", "enum",
                      "[" LIST2(OPTION("13", "Relabelled"), OPTION("14", "New")) "]", "true")));
    g_assert_cmpuint(find(f, KEY_A)->options->len, ==, 4);
    g_assert_true(option(f, KEY_A, "12")->deleted);
    g_assert_cmpstr(option(f, KEY_A, "12")->label, ==, "Old");
    g_assert_true(option(f, KEY_A, "\"abc\"")->deleted);
    g_assert_false(option(f, KEY_A, "13")->deleted);
    g_assert_cmpstr(option(f, KEY_A, "13")->label, ==, "Relabelled");
    g_assert_false(option(f, KEY_A, "14")->deleted);
    g_assert_true(
        read_list(f, FIELD_WITH(KEY_A, "Kind", "enum", "[" OPTION("12", "Old") "]", "true")));
    g_assert_false(option(f, KEY_A, "12")->deleted); /* back again */
}

static void type_changes_only_widen(struct fixture *f, const void *unused)
{
    (void)unused;
    read_list(f, LIST2(FIELD(KEY_A, "Size", "int"), FIELD(KEY_B, "Day", "date")));
    g_assert_true(
        read_list(f, LIST2(FIELD(KEY_A, "Size", "double"), FIELD(KEY_B, "Day", "varchar"))));
    g_assert_cmpint((int)find_part(f, KEY_A, "")->type, ==, COLUMN_DECIMAL);
    g_assert_cmpint((int)find_part(f, KEY_B, "")->type, ==, COLUMN_TEXT);
    g_assert_true(read_list(f, LIST2(FIELD(KEY_A, "Size", "int"), FIELD(KEY_B, "Day", "date"))));
    g_assert_cmpint((int)find_part(f, KEY_A, "")->type, ==, COLUMN_DECIMAL); /* never narrows */
    g_assert_cmpint((int)find_part(f, KEY_B, "")->type, ==, COLUMN_TEXT);
    assert_column(f, KEY_A, "", "size");
}

static void type_changes_bring_parts(struct fixture *f, const void *unused)
{
    (void)unused;
    read_list(f, LIST2(FIELD(KEY_A, "Budget", "double"), FIELD(KEY_B, "Period", "date")));
    read_list(f, LIST2(FIELD(KEY_A, "Budget", "monetary"), FIELD(KEY_B, "Period", "daterange")));
    assert_column(f, KEY_A, "", "budget");
    assert_column(f, KEY_A, "currency", "budget_currency");
    g_assert_cmpint((int)find_part(f, KEY_A, "")->type, ==, COLUMN_DECIMAL);
    g_assert_cmpstr(find_part(f, KEY_A, "")->member, ==, "value");
    assert_column(f, KEY_B, "until", "period_until");
    g_assert_true(
        read_list(f, LIST2(FIELD(KEY_A, "Budget", "double"), FIELD(KEY_B, "Period", "date"))));
    assert_column(f, KEY_A, "currency", "budget_currency"); /* nothing is dropped */
}

static void new_parts_avoid_taken_names(struct fixture *f, const void *unused)
{
    (void)unused;
    read_list(f,
              LIST2(FIELD(KEY_A, "Budget", "double"), FIELD(KEY_B, "Budget currency", "varchar")));
    read_list(
        f, LIST2(FIELD(KEY_A, "Budget", "monetary"), FIELD(KEY_B, "Budget currency", "varchar")));
    assert_column(f, KEY_B, "", "budget_currency");
    assert_column(f, KEY_A, "currency", "budget_currency_aaaa1111");
    read_list(f, LIST2(FIELD(KEY_A, LONG_NAME, "address"), FIELD(KEY_C, LONG_NAME, "double")));
    assert_names_fit(f);
}

/* A custom field called "Score" was here first; then Pipedrive invents a standard key score. */
static void younger_standard_columns_make_way(struct fixture *f, const void *unused)
{
    struct stream_column columns[] = {{"id", COLUMN_INTEGER, SOURCE_ALWAYS},
                                      {"score", COLUMN_DECIMAL, SOURCE_ALWAYS},
                                      {"update_time", COLUMN_TIMESTAMP, SOURCE_ALWAYS}};
    struct stream younger = catalog[STREAM_DEALS];
    g_autoptr(Table) table = NULL;

    (void)unused;
    younger.columns = columns;
    younger.column_count = G_N_ELEMENTS(columns);
    read_list(f, LIST2(FIELD(KEY_A, "Score", "double"), FIELD(KEY_B, "Score std", "varchar")));
    assert_column(f, KEY_A, "", "score");
    table = fields_build_table(&younger, f->fields, METADATA_NATIVE);
    g_assert_cmpstr(table_column(table, 0)->name, ==, "id");
    g_assert_true(g_str_has_prefix(table_column(table, 1)->name, "score_std"));
    g_assert_cmpstr(table_column(table, 1)->comment, ==, "score");
    g_assert_cmpint(table_find_column(table, "score"), ==, 3);
    for (unsigned i = 0; i < table->columns->len; i++) /* each name once */
        g_assert_cmpint(table_find_column(table, table_column(table, i)->name), ==, (int)i);
}

/* --- the stored list --- */

static void store(struct fixture *f)
{
    batch_release(f->stored);
    f->stored = batch_new();
    batch_prepare(f->stored, f->definition, 4);
    fields_write(f->fields, f->stored);
}

static void restore(struct fixture *f, enum stream_id id)
{
    start_anew(f, id, FIELDS_AS_NAMES);
    for (unsigned i = 0; i < f->stored->row_count; i++)
        fields_restore(f->fields, f->stored->rows[i].cells);
}

static void rows_are_one_a_part(struct fixture *f, const void *unused)
{
    (void)unused;
    read_list(
        f, LIST2(FIELD(KEY_A, "Budget", "monetary"),
                 FIELD_WITH(KEY_B, "Kind", "enum", "[" OPTION("12", "A \\\"q\\\"") "]", "true")));
    store(f);
    g_assert_cmpuint(f->stored->row_count, ==, 3);
    assert_cell(f->stored, 0, "table", "deals");
    assert_cell(f->stored, 0, "key", KEY_A);
    assert_cell(f->stored, 0, "part", "");
    assert_cell(f->stored, 0, "column", "budget");
    assert_cell(f->stored, 0, "column_type", "decimal");
    assert_cell(f->stored, 0, "name", "Budget");
    assert_cell(f->stored, 0, "type", "monetary");
    assert_cell(f->stored, 0, "is_active", "1");
    assert_cell(f->stored, 0, "is_custom", "1");
    assert_cell(f->stored, 0, "options", IS_NULL);
    assert_cell(f->stored, 1, "part", "currency");
    assert_cell(f->stored, 1, "column", "budget_currency");
    assert_cell(f->stored, 2, "column", "kind");
    assert_cell(f->stored, 2, "options", "[{\"id\":12,\"label\":\"A \\\"q\\\"\"}]");
}

static void names_survive_a_restart(struct fixture *f, const void *unused)
{
    static const char list[] =
        LIST3(FIELD(KEY_A, "Source", "varchar"), FIELD(KEY_B, "Source", "address"),
              FIELD_WITH(KEY_C, "Kind", "set",
                         "[" LIST3(OPTION("12", "Old"), OPTION("'x\\u0022y'", "Text"),
                                   OPTION("13", "Kept")) "]",
                         "true"));

    (void)unused;
    read_list(f, list);
    read_list(f, LIST2(FIELD(KEY_B, "Renamed", "address"),
                       FIELD_WITH(KEY_C, "Kind", "set", "[" OPTION("13", "Kept") "]", "true")));
    store(f);
    restore(f, STREAM_DEALS);
    g_assert_false(find(f, KEY_A)->active);
    assert_column(f, KEY_A, "", "source");
    assert_column(f, KEY_B, "", "source_bbbb");
    assert_column(f, KEY_B, "postal_code", "source_bbbb_postal_code");
    g_assert_cmpstr(find(f, KEY_B)->name, ==, "Renamed");
    g_assert_cmpstr(find_part(f, KEY_B, "postal_code")->member, ==, "postal_code");
    g_assert_null(find_part(f, KEY_B, "parts")->member);
    g_assert_cmpuint(find(f, KEY_C)->options->len, ==, 3);
    g_assert_true(option(f, KEY_C, "12")->deleted);
    g_assert_true(option(f, KEY_C, "\"x\\\"y\"")->deleted);
    g_assert_false(option(f, KEY_C, "13")->deleted);
    g_assert_false(read_list(
        f, LIST2(FIELD(KEY_B, "Renamed", "address"),
                 FIELD_WITH(KEY_C, "Kind", "set", "[" OPTION("13", "Kept") "]", "true"))));
    g_assert_true(read_list(f, list)); /* undeleted, renamed back: the same columns */
    assert_column(f, KEY_A, "", "source");
    assert_column(f, KEY_B, "", "source_bbbb");
}

/* Rows come in any order, and those of other tables too. */
static void restoring_ignores_what_is_foreign(struct fixture *f, const void *unused)
{
    (void)unused;
    read_list(f, LIST2(FIELD(KEY_A, "Source", "varchar"), FIELD(KEY_B, "Source", "monetary")));
    store(f);
    start_anew(f, STREAM_DEALS, FIELDS_AS_NAMES);
    for (unsigned i = f->stored->row_count; i-- > 0;)
        fields_restore(f->fields, f->stored->rows[i].cells);
    assert_column(f, KEY_B, "currency", "source_bbbb_currency");
    assert_column(f, KEY_A, "", "source");
    restore(f, STREAM_PERSONS);
    g_assert_null(fields_find(f->fields, KEY_A, strlen(KEY_A)));
    read_list(f, FIELD(KEY_B, "Source", "varchar"));
    assert_column(f, KEY_B, "", "source");
}

/* A row that a person damaged is as if it weren't there. */
static void restoring_survives_damage(struct fixture *f, const void *unused)
{
    static const char *const columns[] = {"key",  "part",    "column",    "column_type", "name",
                                          "type", "options", "is_active", "is_custom"};
    static const char *const bad[] = {NULL, "", "[", "{\"id\":1}", "[{}]", "[1]", "\xff"};

    (void)unused;
    for (size_t i = 0; i < G_N_ELEMENTS(columns); i++)
        for (size_t j = 0; j < G_N_ELEMENTS(bad); j++) {
            g_autoptr(Table) table = NULL;
            int column = table_find_column(f->definition, columns[i]);

            start_anew(f, STREAM_DEALS, FIELDS_AS_NAMES);
            read_list(f, FIELD(KEY_A, "Budget", "monetary"));
            store(f);
            cell_set_string(f->stored, &f->stored->rows[0].cells[column], bad[j]);
            restore(f, STREAM_DEALS);
            read_list(f, FIELD(KEY_A, "Budget", "monetary"));
            table = fields_build_table(&catalog[STREAM_DEALS], f->fields, METADATA_NATIVE);
            g_assert_cmpint(table_find_column(table, "budget_currency"), >=, 0);
        }
}

static void widened_types_survive_a_restart(struct fixture *f, const void *unused)
{
    (void)unused;
    read_list(f, LIST2(FIELD(KEY_A, "Budget", "monetary"), FIELD(KEY_B, "Kind", "enum")));
    read_list(f, LIST2(FIELD(KEY_A, "Budget", "varchar"), FIELD(KEY_B, "Kind", "set")));
    store(f);
    restore(f, STREAM_DEALS);
    g_assert_cmpint((int)find_part(f, KEY_A, "")->type, ==, COLUMN_TEXT);
    assert_column(f, KEY_A, "currency", "budget_currency"); /* of the type before */
    g_assert_cmpint((int)find_part(f, KEY_B, "")->type, ==, COLUMN_TEXT);
    g_assert_null(find_part(f, KEY_B, "")->member);
    g_assert_false(
        read_list(f, LIST2(FIELD(KEY_A, "Budget", "varchar"), FIELD(KEY_B, "Kind", "set"))));
    g_assert_true(
        read_list(f, LIST2(FIELD(KEY_A, "Budget", "monetary"), FIELD(KEY_B, "Kind", "set"))));
    assert_column(f, KEY_A, "currency", "budget_currency");
    g_assert_cmpstr(find_part(f, KEY_A, "currency")->member, ==, "currency");
}

/* --- the list as it comes --- */

static void lists_come_in_pages(struct fixture *f, const void *unused)
{
    g_autofree char *cursor = NULL, *last = NULL;
    g_autoptr(GError) error = NULL;
    bool changed;

    (void)unused;
    read_list(f, FIELD(KEY_C, "Old", "varchar"));
    fields_begin_list(f->fields);
    g_assert_true(fields_take_page(
        f->fields,
        pages_parse(f->pages, "{'data':[%s],'additional_data':{'next_cursor':'abc'}}",
                    FIELD(KEY_A, "Source", "varchar")),
        &cursor, &error));
    g_assert_cmpstr(cursor, ==, "abc");
    g_assert_null(fields_find(f->fields, KEY_A, strlen(KEY_A))); /* only the end changes anything */
    g_assert_true(find(f, KEY_C)->active);
    g_assert_true(fields_take_page(
        f->fields,
        pages_parse(f->pages, "{'data':[%s],'additional_data':{'next_cursor':null}}",
                    FIELD(KEY_B, "Zone", "varchar")),
        &last, &error));
    g_assert_null(last);
    fields_end_list(f->fields, &changed);
    g_assert_true(changed);
    assert_column(f, KEY_A, "", "source");
    assert_column(f, KEY_B, "", "zone");
    g_assert_false(find(f, KEY_C)->active);
}

/* A list that broke off and began again counts once. */
static void beginning_again_forgets_the_rest(struct fixture *f, const void *unused)
{
    bool changed;

    (void)unused;
    fields_begin_list(f->fields);
    take_page(f, FIELD(KEY_A, "Source", "varchar"));
    fields_begin_list(f->fields);
    take_page(f, FIELD(KEY_B, "Zone", "varchar"));
    fields_end_list(f->fields, &changed);
    g_assert_null(fields_find(f->fields, KEY_A, strlen(KEY_A)));
    g_assert_nonnull(fields_find(f->fields, KEY_B, strlen(KEY_B)));
}

static void odd_lists(struct fixture *f, const void *unused)
{
    static const char *const refused[] = {"{}", "{'data':{}}", "{'data':'x'}", "[]", "null"};

    (void)unused;
    fields_begin_list(f->fields);
    for (size_t i = 0; i < G_N_ELEMENTS(refused); i++) {
        g_autofree char *cursor = NULL;
        g_autoptr(GError) error = NULL;

        g_assert_false(
            fields_take_page(f->fields, pages_parse(f->pages, "%s", refused[i]), &cursor, &error));
        g_assert_error(error, PENSTOCK_ERROR, PENSTOCK_ERROR_DATA);
    }
    read_list(f, "null,1,'x',[],{},{'field_code':7},{'field_code':'','is_custom_field':true},"
                 "{'field_code':'" KEY_A "','is_custom_field':true,'options':{'id':1}},"
                 "{'field_code':'" KEY_B "','field_name':null,'field_type':null,"
                 "'is_custom_field':true,'options':[null,1,{},{'label':'x'},{'id':1}]}");
    assert_column(f, KEY_A, "", "field_aaaa1111");
    assert_column(f, KEY_B, "", "field_bbbb2222");
    g_assert_cmpuint(find(f, KEY_B)->options->len, ==, 1);
    assert_names_fit(f);
}

static void finding_takes_any_bytes(struct fixture *f, const void *unused)
{
    g_autofree char *name = g_strnfill(5000, 'a');

    (void)unused;
    read_list(f, FIELD(KEY_A, "Source", "varchar"));
    g_assert_nonnull(fields_find(f->fields, KEY_A "tail", strlen(KEY_A)));
    g_assert_null(fields_find(f->fields, KEY_A, strlen(KEY_A) - 1));
    g_assert_null(fields_find(f->fields, KEY_A, strlen(KEY_A) + 1)); /* its zero byte */
    g_assert_null(fields_find(f->fields, "", 0));
    g_assert_null(fields_find(f->fields, name, 5000));
}

#define add(path, function) g_test_add(path, struct fixture, NULL, set_up, function, tear_down)

static void add_changes(void)
{
    add("/fields/change/rename", renames_move_no_column);
    add("/fields/change/delete", deletions_keep_the_column);
    add("/fields/change/none", same_list_changes_nothing);
    add("/fields/change/options", deleted_options_stay);
    add("/fields/change/widen", type_changes_only_widen);
    add("/fields/change/parts", type_changes_bring_parts);
    add("/fields/change/parts-taken", new_parts_avoid_taken_names);
    add("/fields/change/std", younger_standard_columns_make_way);
    add("/fields/stored/rows", rows_are_one_a_part);
    add("/fields/stored/restart", names_survive_a_restart);
    add("/fields/stored/foreign", restoring_ignores_what_is_foreign);
    add("/fields/stored/damage", restoring_survives_damage);
    add("/fields/stored/widened", widened_types_survive_a_restart);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/fields/name/slug", slugs);
    add("/fields/name/long", long_names_fit_every_destination);
    add("/fields/name/ties", ties_go_by_key);
    add("/fields/name/suffixes", suffixes_are_as_long_as_it_takes);
    add("/fields/name/taken", taken_names_get_a_suffix);
    add("/fields/name/parts", parts_keep_one_base);
    add("/fields/name/modes", modes);
    add("/fields/type/columns", types_become_columns);
    add("/fields/type/table", tables_hold_catalog_custom_system);
    add("/fields/type/standard", standard_fields_get_no_columns);
    add_changes();
    add("/fields/list/pages", lists_come_in_pages);
    add("/fields/list/again", beginning_again_forgets_the_rest);
    add("/fields/list/odd", odd_lists);
    add("/fields/list/find", finding_takes_any_bytes);
    return g_test_run();
}
