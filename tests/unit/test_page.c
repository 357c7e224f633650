/* pipedrive/page.c: exact values, no row dropped for one of them; complete records; absent is
 * not null. */
#include "pages.h"
#include "pipedrive/page.h"

#include <string.h>

struct fixture {
    struct pages *pages;
    const struct stream *stream;
    struct fields *fields;
    struct table *table;
    struct decoder *decoder;
    struct batch *batch;
    struct page_facts facts;
};

#define SOURCE "aa11bb22cc33dd44ee55ff66aa77bb88cc99dd00"
#define BUDGET "b00bb00bb00bb00bb00bb00bb00bb00bb00bb00b"
#define SITE   "c0ffee0c0ffee0c0ffee0c0ffee0c0ffee0c0ffe"
#define TAGS   "eeee0000eeee0000eeee0000eeee0000eeee0000"
#define OTHER  "0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f"

#define FIELD(key, name, type)                                                                     \
    "{'field_code':'" key "','field_name':'" name "','field_type':'" type                          \
    "','options':null,'is_custom_field':true}"
#define SOURCE_FIELD FIELD(SOURCE, "Source", "varchar")
#define BUDGET_FIELD FIELD(BUDGET, "Budget", "monetary")
#define SITE_FIELD   FIELD(SITE, "Site", "address")
#define TAGS_FIELD   FIELD(TAGS, "Tags", "set")

static void list_fields(struct fixture *f, const char *list)
{
    g_autofree char *cursor = NULL;
    g_autoptr(GError) error = NULL;
    bool changed;

    fields_begin_list(f->fields);
    g_assert_true(
        fields_take_page(f->fields, pages_parse(f->pages, "{'data':[%s]}", list), &cursor, &error));
    fields_end_list(f->fields, &changed);
}

static void build_decoder(struct fixture *f, bool gated)
{
    decoder_free(f->decoder);
    table_free(f->table);
    f->table = fields_build_table(f->stream, f->fields, METADATA_NATIVE);
    f->decoder = decoder_new(f->stream, f->fields, f->table, gated);
}

static void choose(struct fixture *f, enum stream_id id, enum fields_mode mode, const char *list)
{
    fields_free(f->fields);
    f->fields = NULL;
    f->stream = &catalog[id];
    if (f->stream->fields != FIELDS_NONE)
        f->fields = fields_new(f->stream, mode);
    if (list)
        list_fields(f, list);
    build_decoder(f, false);
}

static void set_up(struct fixture *f, const void *unused)
{
    (void)unused;
    f->pages = pages_new();
    f->batch = batch_new();
    choose(f, STREAM_DEALS, FIELDS_AS_NAMES,
           SOURCE_FIELD "," BUDGET_FIELD "," SITE_FIELD "," TAGS_FIELD);
}

static void tear_down(struct fixture *f, const void *unused)
{
    (void)unused;
    batch_release(f->batch);
    decoder_free(f->decoder);
    fields_free(f->fields);
    table_free(f->table);
    pages_free(f->pages);
}

/* Decodes a page of these records. */
static void decode_within(struct fixture *f, const struct page_bounds *bounds, const char *records)
{
    const struct json_value *root =
        pages_parse(f->pages, "{'success':true,'data':[%s],'additional_data':null}", records);
    g_autoptr(GError) error = NULL;

    if (!page_decode(f->decoder, root, bounds, f->batch, &f->facts, &error))
        g_error("%s", error->message);
    g_assert_no_error(error);
}

static void decode(struct fixture *f, const char *records)
{
    decode_within(f, NULL, records);
}

static void assert_first(const struct fixture *f, const char *column, const char *expected)
{
    assert_cell(f->batch, 0, column, expected);
}

static void assert_counts(const struct fixture *f, unsigned rows, unsigned rejected,
                          unsigned skipped)
{
    g_assert_cmpuint(f->batch->row_count, ==, rows);
    g_assert_cmpuint(f->batch->rejected, ==, rejected);
    g_assert_cmpuint(f->batch->skipped, ==, skipped);
}

/* --- promise 3: exact values --- */

static void digits_arrive_as_sent(struct fixture *f, const void *unused)
{
    (void)unused;
    decode(f, "{'id':9007199254740993,'value':12345678901234567890.10,"
              "'probability':0.30000000000000004,'arr':1e3,'mrr':0.0,'acv':-0,"
              "'custom_fields':{'" BUDGET "':{'value':0.10000000000000001,'currency':'EUR'}}}");
    assert_first(f, "id", "9007199254740993");
    assert_first(f, "value", "12345678901234567890.10");
    assert_first(f, "probability", "0.30000000000000004");
    assert_first(f, "arr", "1e3");
    assert_first(f, "mrr", "0.0");
    assert_first(f, "acv", "-0");
    assert_first(f, "budget", "0.10000000000000001");
    assert_first(f, "_extra", IS_NULL);
    assert_counts(f, 1, 0, 0);
}

static void refused_values_move_to_extra(struct fixture *f, const void *unused)
{
    (void)unused;
    decode(f, "{'id':1,'title':'kept','owner_id':{'id':7},'value':'much','won_time':'soon',"
              "'expected_close_date':'2026-02-29','is_archived':'maybe','status':'open'},"
              "{'id':2,'title':'also kept'}");
    assert_counts(f, 2, 5, 0);
    assert_first(f, "title", "kept");
    assert_first(f, "status", "open");
    assert_first(f, "owner_id", IS_NULL);
    assert_first(f, "value", IS_NULL);
    assert_first(f, "won_time", IS_NULL);
    assert_first(f, "expected_close_date", IS_NULL);
    assert_first(f, "is_archived", IS_NULL);
    assert_first(f, "_extra",
                 "{\"owner_id\":{\"id\":7},\"value\":\"much\",\"won_time\":\"soon\","
                 "\"expected_close_date\":\"2026-02-29\",\"is_archived\":\"maybe\"}");
    assert_cell(f->batch, 1, "title", "also kept");
    assert_cell(f->batch, 1, "_extra", IS_NULL);
}

/* Numbers in _extra keep their digits too. */
static void originals_are_kept_as_sent(struct fixture *f, const void *unused)
{
    (void)unused;
    decode(f, "{'id':1,'owner_id':1.50,'person_id':99999999999999999999,'org_id':[ 1 , 2.0 ],"
              "'title':{ 'a' : 'b\\u0041' }}");
    assert_counts(f, 1, 4, 0);
    assert_first(f, "_extra",
                 "{\"owner_id\":1.50,\"person_id\":99999999999999999999,\"org_id\":[ 1 , 2.0 ],"
                 "\"title\":{ \"a\" : \"b\\u0041\" }}");
}

static void unknown_keys_move_to_extra(struct fixture *f, const void *unused)
{
    (void)unused;
    decode(f, "{'id':1,'labels':[{'id':3,'label':'Hot'}],'weighted_value':100.50,'title':'t',"
              "'new\\nkey':'x','nothing':null}");
    assert_counts(f, 1, 0, 0); /* no cell was refused */
    assert_first(f, "title", "t");
    assert_first(f, "_extra",
                 "{\"labels\":[{\"id\":3,\"label\":\"Hot\"}],\"weighted_value\":100.50,"
                 "\"new\\nkey\":\"x\"}");
}

/* What one record has too much is not found in the next. */
static void extra_belongs_to_its_row(struct fixture *f, const void *unused)
{
    (void)unused;
    decode(f, "{'id':1,'x':1,'custom_fields':{'" OTHER "':1}},{'id':2},{'id':3,'y':2}");
    assert_cell(f->batch, 0, "_extra", "{\"x\":1,\"custom_fields\":{\"" OTHER "\":1}}");
    assert_cell(f->batch, 1, "_extra", IS_NULL);
    assert_cell(f->batch, 2, "_extra", "{\"y\":2}");
}

static void order_of_keys_does_not_matter(struct fixture *f, const void *unused)
{
    (void)unused;
    decode(f, "{'mrr':3,'custom_fields':{'" SOURCE "':'web'},'status':'won','unknown':1,'acv':4,"
              "'title':'t','id':5},{'id':6,'title':'u','owner_id':7,'mrr':8}");
    assert_cell(f->batch, 0, "id", "5");
    assert_cell(f->batch, 0, "title", "t");
    assert_cell(f->batch, 0, "status", "won");
    assert_cell(f->batch, 0, "acv", "4");
    assert_cell(f->batch, 0, "mrr", "3");
    assert_cell(f->batch, 0, "source", "web");
    assert_cell(f->batch, 1, "id", "6");
    assert_cell(f->batch, 1, "owner_id", "7");
    assert_cell(f->batch, 1, "mrr", "8");
}

static void last_of_duplicates_wins(struct fixture *f, const void *unused)
{
    (void)unused;
    decode(f, "{'id':1,'title':'a','value':1,'title':'b','id':2,'value':null}");
    assert_first(f, "id", "2");
    assert_first(f, "title", "b");
    assert_first(f, "value", IS_NULL);
}

static void odd_keys_are_only_unknown(struct fixture *f, const void *unused)
{
    g_autofree char *name = g_strnfill(5000, 'k');
    g_autofree char *record =
        g_strdup_printf("{'id':1,'title':'t','%s':1,'title\\u0000':'not it','':2}", name);
    g_autofree char *custom =
        g_strdup_printf("{'id':1,'custom_fields':{'%s':1,'" SOURCE "\\u0000':'x','':2}}", name);

    (void)unused;
    decode(f, record);
    assert_counts(f, 1, 0, 0);
    assert_first(f, "title", "t");
    decode(f, custom);
    assert_counts(f, 1, 0, 0);
    assert_first(f, "source", IS_NULL);
}

static void nested_values_are_kept_as_sent(struct fixture *f, const void *unused)
{
    (void)unused;
    choose(f, STREAM_PERSONS, FIELDS_AS_NAMES, NULL);
    decode(f, "{'id':1,'emails':[{'value':'a@b.c', 'primary':true}],'phones':[],'label_ids':[3,7],"
              "'postal_address':{'value':'x','country':null},'im':null}");
    assert_first(f, "emails", "[{\"value\":\"a@b.c\", \"primary\":true}]");
    assert_first(f, "phones", "[]");
    assert_first(f, "label_ids", "[3,7]");
    assert_first(f, "postal_address", "{\"value\":\"x\",\"country\":null}");
    assert_first(f, "im", IS_NULL);
}

/* v1 writes "not set" in three ways; none of them is a fault. */
static void unset_times_are_null(struct fixture *f, const void *unused)
{
    (void)unused;
    choose(f, STREAM_FILES, FIELDS_AS_NAMES, NULL);
    decode(f, "{'id':1,'add_time':'','update_time':'0000-00-00 00:00:00','file_name':'',"
              "'remote_id':'','description':null}");
    assert_counts(f, 1, 0, 0);
    assert_first(f, "add_time", IS_NULL);
    assert_first(f, "update_time", IS_NULL);
    assert_first(f, "file_name", "");
    assert_first(f, "remote_id", "");
    assert_first(f, "description", IS_NULL);
    assert_first(f, "_extra", IS_NULL);
}

static void records_without_id_are_counted(struct fixture *f, const void *unused)
{
    (void)unused;
    choose(f, STREAM_DEAL_PRODUCTS, FIELDS_AS_NAMES, NULL);
    decode(f, "{'id':3,'product_id':null,'name':'purged'},{'id':null,'product_id':9},"
              "{'name':'no id'},{'id':'x'},{'id':{}},{'id':4}");
    assert_counts(f, 2, f->batch->rejected, 4);
    assert_cell(f->batch, 0, "id", "3");
    assert_cell(f->batch, 0, "product_id", IS_NULL);
    assert_cell(f->batch, 1, "id", "4");
    assert_cell(f->batch, 1, "name", IS_NULL); /* nothing of the records before it */
    g_assert_cmpuint(f->facts.records, ==, 6);
}

/* --- promise 4: complete records, absent is not null --- */

static void missing_keys_of_a_complete_record_are_null(struct fixture *f, const void *unused)
{
    (void)unused;
    decode(f, "{'id':1}"); /* a reopened deal loses its won_time */
    for (unsigned i = 0; i < f->table->columns->len; i++) {
        const struct column *column = table_column(f->table, i);
        bool left_to_others =
            strcmp(column->name, "_synced_at") == 0 || strcmp(column->name, "_run_id") == 0;

        if (strcmp(column->name, "id") != 0)
            assert_first(f, column->name, left_to_others ? IS_ABSENT : IS_NULL);
    }
}

static void columns_of_a_deleted_field_stay(struct fixture *f, const void *unused)
{
    (void)unused;
    list_fields(f, SOURCE_FIELD "," TAGS_FIELD);
    build_decoder(f, false);
    decode(f, "{'id':1,'custom_fields':{'" SOURCE "':'web','" TAGS "':null}},"
              "{'id':2,'custom_fields':{'" SOURCE "':null,'" TAGS "':null,"
              "'" BUDGET "':{'value':5,'currency':'EUR'}}}");
    assert_cell(f->batch, 0, "source", "web");
    assert_cell(f->batch, 0, "tags", IS_NULL);
    assert_cell(f->batch, 0, "budget", IS_ABSENT);
    assert_cell(f->batch, 0, "budget_currency", IS_ABSENT);
    assert_cell(f->batch, 0, "site", IS_ABSENT);
    assert_cell(f->batch, 0, "site_postal_code", IS_ABSENT);
    assert_cell(f->batch, 0, "site_parts", IS_ABSENT);
    assert_cell(f->batch, 1, "budget", "5"); /* what is sent is taken all the same */
    assert_cell(f->batch, 1, "budget_currency", "EUR");
    g_assert_false(f->facts.unknown_field);
}

static void gated_columns_are_absent_when_not_asked_for(struct fixture *f, const void *unused)
{
    (void)unused;
    choose(f, STREAM_PERSONS, FIELDS_AS_NAMES, NULL);
    decode(f, "{'id':1}");
    assert_first(f, "marketing_status", IS_NULL);
    assert_first(f, "doi_status", IS_NULL);
    build_decoder(f, true);
    decode(f, "{'id':1},{'id':2,'marketing_status':'subscribed'}");
    assert_cell(f->batch, 0, "marketing_status", IS_ABSENT);
    assert_cell(f->batch, 0, "doi_status", IS_ABSENT);
    assert_cell(f->batch, 0, "smart_bcc_email", IS_NULL); /* asked for */
    assert_cell(f->batch, 1, "marketing_status", "subscribed");
}

/* --- deletes --- */

static void deleted_records_are_marked(struct fixture *f, const void *unused)
{
    (void)unused;
    decode(f, "{'id':1,'is_deleted':true,'update_time':'2026-11-02T08:15:30Z','status':'open'},"
              "{'id':2,'is_deleted':false,'update_time':'2026-11-02T08:15:30Z'},{'id':3}");
    assert_cell(f->batch, 0, "_deleted_at", "2026-11-02 08:15:30");
    assert_cell(f->batch, 1, "_deleted_at", IS_NULL);
    assert_cell(f->batch, 2, "_deleted_at", IS_NULL);
    choose(f, STREAM_NOTES, FIELDS_AS_NAMES, NULL);
    decode(f, "{'id':1,'active_flag':false,'update_time':'2026-11-10 16:40:05'},"
              "{'id':2,'active_flag':true,'update_time':'2026-11-10 16:40:05'},{'id':3}");
    assert_cell(f->batch, 0, "_deleted_at", "2026-11-10 16:40:05");
    assert_cell(f->batch, 1, "_deleted_at", IS_NULL);
    assert_cell(f->batch, 2, "_deleted_at", IS_NULL);
}

static void deletion_without_update_time_is_when_it_was_asked(struct fixture *f, const void *unused)
{
    (void)unused;
    f->batch->asked_at = at("2026-11-24T19:17:00Z");
    decode(f, "{'id':1,'is_deleted':true}");
    assert_first(f, "_deleted_at", "2026-11-24 19:17:00");
    choose(f, STREAM_USERS, FIELDS_AS_NAMES, NULL);
    decode(f, "{'id':1,'is_deleted':true}");
    assert_first(f, "_deleted_at", "2026-11-24 19:17:00");
    f->batch->asked_at = INSTANT_NONE;
    decode(f, "{'id':1,'is_deleted':true}");
    g_assert_cmpint(f->batch->rows[0].cells[f->table->deleted_at].kind, ==, CELL_VALUE);
}

/* Lists that are read whole show it again every day: the flag must not move with them. */
static void deletion_in_a_whole_list_is_the_last_change(struct fixture *f, const void *unused)
{
    (void)unused;
    f->batch->asked_at = at("2026-11-24T19:17:00Z");
    choose(f, STREAM_USERS, FIELDS_AS_NAMES, NULL);
    decode(f, "{'id':1,'is_deleted':true,'modified':'2020-01-01 00:00:00'}");
    assert_first(f, "_deleted_at", "2020-01-01 00:00:00");
    choose(f, STREAM_STAGES, FIELDS_AS_NAMES, NULL);
    decode(f, "{'id':1,'is_deleted':true,'update_time':'2026-11-02T08:15:30Z'}");
    assert_first(f, "_deleted_at", "2026-11-02 08:15:30");
    choose(f, STREAM_FILTERS, FIELDS_AS_NAMES, NULL);
    decode(f, "{'id':1,'active_flag':false,'update_time':'2026-11-02 08:15:30'}");
    assert_first(f, "_deleted_at", "2026-11-02 08:15:30");
}

/* --- custom fields --- */

static void parts_become_columns(struct fixture *f, const void *unused)
{
    (void)unused;
    decode(f, "{'id':1,'custom_fields':{'" SOURCE "':'web','" TAGS "':[2,1],"
              "'" BUDGET "':{'value':2300.50,'currency':'EUR'},"
              "'" SITE "':{'value':'5 Rue X, Paris','street_number':'5','route':'Rue X',"
              "'sublocality':null,'locality':'Paris','country':'France','postal_code':'75007'}}}");
    assert_first(f, "source", "web");
    assert_first(f, "tags", "[2,1]");
    assert_first(f, "budget", "2300.50");
    assert_first(f, "budget_currency", "EUR");
    assert_first(f, "site", "5 Rue X, Paris");
    assert_first(f, "site_street_number", "5");
    assert_first(f, "site_sublocality", IS_NULL);
    assert_first(f, "site_subpremise", IS_NULL);
    assert_first(f, "site_postal_code", "75007");
    assert_first(f, "site_parts",
                 "{\"value\":\"5 Rue X, Paris\",\"street_number\":\"5\",\"route\":\"Rue X\","
                 "\"sublocality\":null,\"locality\":\"Paris\",\"country\":\"France\","
                 "\"postal_code\":\"75007\"}");
    assert_first(f, "_extra", IS_NULL);
    assert_counts(f, 1, 0, 0);
}

static void unset_parts_are_null(struct fixture *f, const void *unused)
{
    (void)unused;
    decode(f, "{'id':1,'custom_fields':{'" BUDGET "':null,'" SITE "':null,'" TAGS "':null}},"
              "{'id':2,'custom_fields':{'" BUDGET "':{'value':5,'currency':null}}},"
              "{'id':3,'custom_fields':{'" BUDGET "':{}}},{'id':4,'custom_fields':null}");
    assert_cell(f->batch, 0, "budget", IS_NULL);
    assert_cell(f->batch, 0, "budget_currency", IS_NULL);
    assert_cell(f->batch, 0, "site_parts", IS_NULL);
    assert_cell(f->batch, 0, "tags", IS_NULL);
    assert_cell(f->batch, 1, "budget", "5");
    assert_cell(f->batch, 1, "budget_currency", IS_NULL);
    assert_cell(f->batch, 2, "budget", IS_NULL);
    assert_cell(f->batch, 3, "budget", IS_NULL);
    assert_counts(f, 4, 0, 0);
}

static void plain_values_of_v1_are_the_main_part(struct fixture *f, const void *unused)
{
    (void)unused;
    decode(f, "{'id':1,'custom_fields':{'" BUDGET "':2300,'" SITE "':'5 Rue X'}}");
    assert_first(f, "budget", "2300");
    assert_first(f, "budget_currency", IS_NULL);
    assert_first(f, "site", "5 Rue X");
    assert_first(f, "site_route", IS_NULL);
    assert_counts(f, 1, 0, 0);
}

static void refused_parts_keep_the_whole_value(struct fixture *f, const void *unused)
{
    (void)unused;
    decode(f, "{'id':1,'stray':1,'custom_fields':{'" BUDGET "':{'value':'much','currency':'EUR'},"
              "'" SOURCE "':['a','b']}}");
    assert_first(f, "budget", IS_NULL);
    assert_first(f, "budget_currency", "EUR");
    assert_first(f, "source", IS_NULL);
    assert_first(f, "_extra",
                 "{\"stray\":1,\"custom_fields\":{"
                 "\"" BUDGET "\":{\"value\":\"much\",\"currency\":\"EUR\"},"
                 "\"" SOURCE "\":[\"a\",\"b\"]}}");
    assert_counts(f, 1, 2, 0);
}

static void block_of_another_shape_is_kept(struct fixture *f, const void *unused)
{
    (void)unused;
    decode(f, "{'id':1,'custom_fields':[1,2]},{'id':2,'custom_fields':'x'}");
    assert_cell(f->batch, 0, "_extra", "{\"custom_fields\":[1,2]}");
    assert_cell(f->batch, 1, "_extra", "{\"custom_fields\":\"x\"}");
    assert_cell(f->batch, 0, "source", IS_NULL);
    assert_counts(f, 2, 2, 0);
}

/* Lists carry every field, unset ones as null. */
#define ALL_UNSET "'" SOURCE "':null,'" BUDGET "':null,'" SITE "':null,'" TAGS "':null"

static void unknown_field_asks_for_the_list(struct fixture *f, const void *unused)
{
    (void)unused;
    decode(f, "{'id':1,'custom_fields':{" ALL_UNSET "}}");
    g_assert_false(f->facts.unknown_field);
    decode(f,
           "{'id':1,'custom_fields':{" ALL_UNSET ",'" OTHER "':null}}"); /* new, unset everywhere */
    g_assert_true(f->facts.unknown_field);
    decode(f, "{'id':1,'custom_fields':{" ALL_UNSET ",'" OTHER "':7}}");
    g_assert_true(f->facts.unknown_field);
    list_fields(f, SOURCE_FIELD "," FIELD(OTHER, "Other", "int"));
    build_decoder(f, false);
    decode(f, "{'id':1,'custom_fields':{" ALL_UNSET ",'" OTHER "':7}}");
    g_assert_false(f->facts.unknown_field);
    assert_first(f, "other", "7");
    assert_first(f, "_extra", IS_NULL);
}

/* A field that is not sent any more may have been deleted. */
static void missing_field_asks_for_the_list(struct fixture *f, const void *unused)
{
    (void)unused;
    decode(f, "{'id':1,'custom_fields':{'" SOURCE "':null,'" BUDGET "':null,'" SITE "':null}}");
    g_assert_true(f->facts.unknown_field);
    list_fields(f, SOURCE_FIELD "," BUDGET_FIELD "," SITE_FIELD);
    build_decoder(f, false);
    decode(f, "{'id':1,'custom_fields':{'" SOURCE "':null,'" BUDGET "':null,'" SITE "':null}}");
    g_assert_false(f->facts.unknown_field);
    assert_first(f, "site", IS_NULL);
    assert_first(f, "tags", IS_ABSENT);
}

/* The newest list doesn't know it either: it goes to _extra and is no news any more. */
static void stubborn_unknown_field_is_ignored(struct fixture *f, const void *unused)
{
    g_autoptr(GHashTable) ignored = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    static const char record[] = "{'id':1,'custom_fields':{" ALL_UNSET ",'" OTHER "':7}}";

    (void)unused;
    decoder_ignore(f->decoder, ignored, false);
    decode(f, record);
    g_assert_true(f->facts.unknown_field);
    g_assert_cmpuint(g_hash_table_size(ignored), ==, 0);
    decoder_ignore(f->decoder, ignored, true);
    decode(f, record);
    g_assert_false(f->facts.unknown_field);
    g_assert_true(g_hash_table_contains(ignored, OTHER));
    decoder_ignore(f->decoder, ignored, false);
    decode(f, record);
    g_assert_false(f->facts.unknown_field);
    assert_first(f, "_extra", "{\"custom_fields\":{\"" OTHER "\":7}}");
}

static void names_may_be_keys_or_one_document(struct fixture *f, const void *unused)
{
    static const char record[] =
        "{'id':1,'custom_fields':{'" BUDGET "':{'value':5.0,'currency':'EUR'},'" OTHER "':1}}";

    (void)unused;
    choose(f, STREAM_DEALS, FIELDS_AS_KEYS, BUDGET_FIELD "," FIELD(OTHER, "Other", "int"));
    decode(f, record);
    assert_first(f, BUDGET, "5.0");
    assert_first(f, BUDGET "_currency", "EUR");
    assert_first(f, OTHER, "1");
    choose(f, STREAM_DEALS, FIELDS_AS_JSON, NULL);
    decode(f, record);
    assert_first(f, "custom_fields",
                 "{\"" BUDGET "\":{\"value\":5.0,\"currency\":\"EUR\"},\"" OTHER "\":1}");
    assert_first(f, "_extra", IS_NULL);
    g_assert_false(f->facts.unknown_field);
}

/* "Value std" is a legal name, and no place for the standard column. */
static void custom_name_is_not_mistaken_for_a_moved_standard(struct fixture *f, const void *unused)
{
    (void)unused;
    choose(f, STREAM_DEALS, FIELDS_AS_NAMES, FIELD(OTHER, "Value std", "varchar"));
    decode(f, "{'id':1,'value':12.50,'custom_fields':{'" OTHER "':'x'}}");
    assert_first(f, "value", "12.50");
    assert_first(f, "value_std", "x");
}

/* A single option that became a multiple one: the column is text now and takes both. */
static void widened_text_takes_documents(struct fixture *f, const void *unused)
{
    (void)unused;
    choose(f, STREAM_DEALS, FIELDS_AS_NAMES, FIELD(OTHER, "Kind", "enum"));
    list_fields(f, FIELD(OTHER, "Kind", "set"));
    build_decoder(f, false);
    decode(f, "{'id':1,'custom_fields':{'" OTHER "':[12,13]}},"
              "{'id':2,'custom_fields':{'" OTHER "':null}},"
              "{'id':3,'custom_fields':{'" OTHER "':12}}");
    g_assert_cmpint(
        (int)table_column(f->table, (unsigned)table_find_column(f->table, "kind"))->type, ==,
        COLUMN_TEXT);
    assert_cell(f->batch, 0, "kind", "[12,13]");
    assert_cell(f->batch, 1, "kind", IS_NULL);
    assert_cell(f->batch, 2, "kind", "12");
    assert_counts(f, 3, 0, 0);
}

/* An address that became a text: the columns of its parts stay, and nothing fills them. */
static void parts_of_the_type_before_are_null(struct fixture *f, const void *unused)
{
    (void)unused;
    choose(f, STREAM_DEALS, FIELDS_AS_NAMES, FIELD(OTHER, "Place", "address"));
    list_fields(f, FIELD(OTHER, "Place", "varchar"));
    build_decoder(f, false);
    decode(f, "{'id':1,'custom_fields':{'" OTHER "':'Lisbon'}}");
    assert_first(f, "place", "Lisbon");
    assert_first(f, "place_parts", IS_NULL);
    assert_counts(f, 1, 0, 0);
}

/* --- the page --- */

static void assert_data_error(struct fixture *f, const char *document)
{
    g_autoptr(GError) error = NULL;

    g_test_message("%s", document);
    g_assert_false(page_decode(f->decoder, pages_parse(f->pages, "%s", document), NULL, f->batch,
                               &f->facts, &error));
    g_assert_error(error, PENSTOCK_ERROR, PENSTOCK_ERROR_DATA);
}

static void empty_pages(struct fixture *f, const void *unused)
{
    g_autoptr(GError) error = NULL;

    (void)unused;
    decode(f, "");
    assert_counts(f, 0, 0, 0);
    g_assert_cmpuint(f->facts.records, ==, 0);
    g_assert_cmpint(f->facts.first_id, ==, 0);
    g_assert_cmpint(f->facts.last_id, ==, 0);
    g_assert_false(f->facts.null_time);
    g_assert_true(page_decode(f->decoder, pages_parse(f->pages, "{'data':null}"), NULL, f->batch,
                              &f->facts, &error));
    assert_counts(f, 0, 0, 0);
    g_assert_cmpuint(f->facts.records, ==, 0);
    g_assert_cmpint(f->facts.first_time, ==, INSTANT_NONE);
    g_assert_cmpint(f->facts.last_time, ==, INSTANT_NONE);
}

static void pages_of_another_shape(struct fixture *f, const void *unused)
{
    static const char *const documents[] = {
        "{}",
        "{'success':true}",
        "{'data':{}}",
        "{'data':{'id':1}}",
        "{'data':'x'}",
        "{'data':7}",
        "{'data':true}",
        "{'data':[1]}",
        "{'data':[null]}",
        "{'data':[[]]}",
        "{'data':[{'id':1},'x']}",
        "[]",
        "[{'id':1}]",
        "null",
        "7",
    };

    (void)unused;
    for (size_t i = 0; i < G_N_ELEMENTS(documents); i++)
        assert_data_error(f, documents[i]);
}

static void bounds_choose_rows(struct fixture *f, const void *unused)
{
    struct page_bounds both = {at("2026-01-01T00:00:00Z"), at("2026-02-01T00:00:00Z")};
    struct page_bounds from = {both.from, INSTANT_NONE}, until = {INSTANT_NONE, both.until};
    struct page_bounds none = {INSTANT_NONE, INSTANT_NONE};
    static const char records[] =
        "{'id':1,'update_time':'2025-12-31T23:59:59Z'},"
        "{'id':2,'update_time':'2026-01-01T00:00:00Z'},"
        "{'id':3,'update_time':'2026-01-31T23:59:59Z'},"
        "{'id':4,'update_time':'2026-02-01T00:00:00Z'},"
        "{'id':5,'update_time':null,'add_time':'2025-06-01T00:00:00Z'},"
        "{'id':6,'add_time':'2026-01-15T00:00:00Z'},"
        "{'id':7,'update_time':null,'add_time':'2026-06-01T00:00:00Z'},"
        "{'id':8,'update_time':'2026-06-01T00:00:00Z','add_time':'2026-01-15T00:00:00Z'},"
        "{'id':9}";
    const struct {
        const struct page_bounds *bounds;
        const char *ids;
    } cases[] = {
        {&both, "2 3 6 9 "},           {&from, "2 3 4 6 7 8 9 "},    {&until, "1 2 3 5 6 9 "},
        {&none, "1 2 3 4 5 6 7 8 9 "}, {NULL, "1 2 3 4 5 6 7 8 9 "},
    };

    (void)unused;
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(GString) ids = g_string_new(NULL);

        decode_within(f, cases[i].bounds, records);
        for (unsigned row = 0; row < f->batch->row_count; row++) {
            g_autofree char *id = cell_text(&f->batch->rows[row].cells[f->table->keys[0]]);

            g_string_append_printf(ids, "%s ", id);
        }
        g_assert_cmpstr(ids->str, ==, cases[i].ids);
        g_assert_cmpuint(f->facts.records, ==, 9); /* the walk hears of all of them */
        g_assert_cmpint(f->facts.last_id, ==, 9);
    }
}

static void facts_speak_of_records(struct fixture *f, const void *unused)
{
    (void)unused;
    decode(f, "{'id':31,'update_time':'2026-11-01T00:00:00Z'},"
              "{'id':7,'update_time':'2026-11-02T00:00:00Z'},"
              "{'id':12,'update_time':'2026-11-03T00:00:00Z'}");
    g_assert_cmpuint(f->facts.records, ==, 3);
    g_assert_cmpint(f->facts.first_id, ==, 31);
    g_assert_cmpint(f->facts.last_id, ==, 12);
    assert_instant(f->facts.first_time, "2026-11-01T00:00:00Z");
    assert_instant(f->facts.last_time, "2026-11-03T00:00:00Z");
    g_assert_false(f->facts.null_time);
    decode(f, "{'id':1,'update_time':null,'add_time':'2020-01-01T00:00:00Z'},"
              "{'id':2,'update_time':'2026-11-02T00:00:00Z'},{'id':3}");
    g_assert_true(f->facts.null_time);
    assert_instant(f->facts.first_time, "2026-11-02T00:00:00Z");
    assert_instant(f->facts.last_time, "2026-11-02T00:00:00Z");
    decode(f, "{'id':2,'update_time':'2026-02-29T00:00:00Z'}"); /* no time that exists */
    g_assert_true(f->facts.null_time);
    assert_instant(f->facts.first_time, "none");
}

/* An answer may be decoded again, after a field was learned. */
static void decoding_again_gives_the_same(struct fixture *f, const void *unused)
{
    static const char records[] = "{'id':1,'value':'x'},{'id':2,'stray':1},{'title':'no id'}";

    (void)unused;
    for (int i = 0; i < 3; i++) {
        decode(f, records);
        assert_counts(f, 2, 1, 1);
        assert_cell(f->batch, 0, "_extra", "{\"value\":\"x\"}");
        assert_cell(f->batch, 1, "_extra", "{\"stray\":1}");
    }
}

static void single_records(struct fixture *f, const void *unused)
{
    (void)unused;
    f->facts = (struct page_facts){.first_time = INSTANT_NONE, .last_time = INSTANT_NONE};
    batch_prepare(f->batch, f->table, 1);
    g_assert_true(page_decode_record(f->decoder, pages_parse(f->pages, "{'id':1,'title':'a'}"),
                                     f->batch, &f->facts));
    g_assert_false(page_decode_record(f->decoder, pages_parse(f->pages, "{'title':'b'}"), f->batch,
                                      &f->facts));
    g_assert_false(
        page_decode_record(f->decoder, pages_parse(f->pages, "[1]"), f->batch, &f->facts));
    g_assert_true(page_decode_record(f->decoder, pages_parse(f->pages, "{'id':2,'title':'c'}"),
                                     f->batch, &f->facts));
    g_assert_cmpuint(f->batch->row_count, ==, 2);
    assert_cell(f->batch, 0, "title", "a");
    assert_cell(f->batch, 1, "title", "c");
    g_assert_cmpint(f->facts.first_id, ==, 1);
    g_assert_cmpint(f->facts.last_id, ==, 2);
    g_assert_true(f->facts.null_time);
}

#define add(path, function) g_test_add(path, struct fixture, NULL, set_up, function, tear_down)

static void add_values(void)
{
    add("/page/values/digits", digits_arrive_as_sent);
    add("/page/values/refused", refused_values_move_to_extra);
    add("/page/values/originals", originals_are_kept_as_sent);
    add("/page/values/unknown-keys", unknown_keys_move_to_extra);
    add("/page/values/extra-of-its-row", extra_belongs_to_its_row);
    add("/page/values/any-order", order_of_keys_does_not_matter);
    add("/page/values/duplicates", last_of_duplicates_wins);
    add("/page/values/odd-keys", odd_keys_are_only_unknown);
    add("/page/values/nested", nested_values_are_kept_as_sent);
    add("/page/values/unset-times", unset_times_are_null);
    add("/page/values/no-id", records_without_id_are_counted);
    add("/page/complete/missing", missing_keys_of_a_complete_record_are_null);
    add("/page/complete/deleted-field", columns_of_a_deleted_field_stay);
    add("/page/complete/gated", gated_columns_are_absent_when_not_asked_for);
    add("/page/deleted/marked", deleted_records_are_marked);
    add("/page/deleted/without-time", deletion_without_update_time_is_when_it_was_asked);
    add("/page/deleted/whole-list", deletion_in_a_whole_list_is_the_last_change);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    add_values();
    add("/page/custom/parts", parts_become_columns);
    add("/page/custom/unset", unset_parts_are_null);
    add("/page/custom/plain", plain_values_of_v1_are_the_main_part);
    add("/page/custom/refused", refused_parts_keep_the_whole_value);
    add("/page/custom/shape", block_of_another_shape_is_kept);
    add("/page/custom/unknown", unknown_field_asks_for_the_list);
    add("/page/custom/missing", missing_field_asks_for_the_list);
    add("/page/custom/ignored", stubborn_unknown_field_is_ignored);
    add("/page/custom/modes", names_may_be_keys_or_one_document);
    add("/page/custom/std", custom_name_is_not_mistaken_for_a_moved_standard);
    add("/page/custom/widened", widened_text_takes_documents);
    add("/page/custom/type-before", parts_of_the_type_before_are_null);
    add("/page/empty", empty_pages);
    add("/page/shape", pages_of_another_shape);
    add("/page/bounds", bounds_choose_rows);
    add("/page/facts", facts_speak_of_records);
    add("/page/again", decoding_again_gives_the_same);
    add("/page/single", single_records);
    return g_test_run();
}
