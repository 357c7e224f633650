/* Every example answer of the official OpenAPI documents (tests/data/openapi) becomes rows that a
 * person wrote down here, column by column, from reading the example. */
#include "pages.h"
#include "pipedrive/walk.h"

#include <string.h>

/* A row as "column=value" lines, in the table's order; what is null or absent has no line. */
struct expected {
    enum stream_id stream;
    unsigned list;
    const char *file;   /* the list */
    const char *single; /* one record by its id, or NULL */
    const char *rows[2];
};

#define ADDRESS(subpremise)                                                                        \
    "{\"value\":\"123 Main St\",\"country\":\"USA\",\"admin_area_level_1\":\"CA\","                \
    "\"admin_area_level_2\":\"Santa Clara\",\"locality\":\"Sunnyvale\","                           \
    "\"sublocality\":\"Downtown\",\"route\":\"Main St\",\"street_number\":\"123\","                \
    "\"subpremise\":\"" subpremise "\",\"postal_code\":\"94085\"}"

#define DEAL(is_archived)                                                                          \
    "id=1\n"                                                                                       \
    "title=Deal Title\n"                                                                           \
    "owner_id=1\n"                                                                                 \
    "person_id=1\n"                                                                                \
    "org_id=1\n"                                                                                   \
    "pipeline_id=1\n"                                                                              \
    "stage_id=1\n"                                                                                 \
    "value=200\n"                                                                                  \
    "currency=USD\n"                                                                               \
    "add_time=2021-01-01 00:00:00\n"                                                               \
    "update_time=2021-01-01 00:00:00\n"                                                            \
    "stage_change_time=2021-01-01 00:00:00\n"                                                      \
    "is_deleted=0\n"                                                                               \
    "is_archived=" is_archived "\n"                                                                \
    "status=open\n"                                                                                \
    "probability=90\n"                                                                             \
    "lost_reason=Lost Reason\n"                                                                    \
    "visible_to=7\n"                                                                               \
    "close_time=2021-01-01 00:00:00\n"                                                             \
    "won_time=2021-01-01 00:00:00\n"                                                               \
    "lost_time=2021-01-01 00:00:00\n"                                                              \
    "expected_close_date=2021-01-01\n"                                                             \
    "label_ids=[1,2,3]\n"                                                                          \
    "origin=ManuallyCreated\n"                                                                     \
    "channel=52\n"                                                                                 \
    "channel_id=Jun23 Billboards\n"                                                                \
    "source_lead_id=35b0d604-eb0d-42d0-be11-eac8832051f0\n"                                        \
    "arr=120\n"                                                                                    \
    "mrr=10\n"                                                                                     \
    "acv=120\n"                                                                                    \
    "creator_user_id=1\n"                                                                          \
    "archive_time=2021-01-01 00:00:00\n"                                                           \
    "local_won_date=2021-01-01\n"                                                                  \
    "local_lost_date=2021-01-01\n"                                                                 \
    "local_close_date=2021-01-01\n"

#define ACCESS(app, admin, set)                                                                    \
    "{\"app\":\"" app "\",\"admin\":" admin ",\"permission_set_id\":\"" set "\"}"
#define GLOBAL ACCESS("global", "true", "233b7976-39bd-43a9-b305-ef3a2b0998e5")

static const char activity_type_4[] = "id=4\n"
                                      "name=Deadline\n"
                                      "icon_key=deadline\n"
                                      "color=FFFFFF\n"
                                      "order_nr=1\n"
                                      "key_string=deadline\n"
                                      "active_flag=1\n"
                                      "is_custom_flag=0\n"
                                      "add_time=2019-10-04 16:24:55\n"
                                      "update_time=2020-03-11 13:53:01\n";

static const char activity_type_5[] = "id=5\n"
                                      "name=Call\n"
                                      "icon_key=call\n"
                                      "color=FFFFFF\n"
                                      "order_nr=2\n"
                                      "key_string=call\n"
                                      "active_flag=1\n"
                                      "is_custom_flag=0\n"
                                      "add_time=2019-12-21 19:44:01\n"
                                      "update_time=2019-12-21 19:44:01\n";

static const char currency_1[] = "id=1\n"
                                 "code=EUR\n"
                                 "name=Euro\n"
                                 "decimal_points=2\n"
                                 "symbol=€\n"
                                 "active_flag=1\n"
                                 "is_custom_flag=0\n";

static const char currency_2[] = "id=2\n"
                                 "code=USD\n"
                                 "name=US Dollar\n"
                                 "decimal_points=2\n"
                                 "symbol=$\n"
                                 "active_flag=1\n"
                                 "is_custom_flag=0\n";

static const char filter_1[] = "id=1\n"
                               "name=All open deals\n"
                               "is_editable=1\n"
                               "active_flag=1\n"
                               "type=deals\n"
                               "user_id=927097\n"
                               "add_time=2019-10-15 11:01:53\n"
                               "update_time=2019-10-15 11:01:53\n"
                               "visible_to=7\n";

static const char pipeline_1[] = "id=1\n"
                                 "name=Pipeline Name\n"
                                 "order_nr=1\n"
                                 "is_deleted=0\n"
                                 "is_deal_probability_enabled=1\n"
                                 "add_time=2024-01-01 00:00:00\n"
                                 "update_time=2024-01-01 00:00:00\n";

static const char stage_1[] = "id=1\n"
                              "order_nr=1\n"
                              "name=Stage Name\n"
                              "is_deleted=0\n"
                              "deal_probability=100\n"
                              "pipeline_id=1\n"
                              "is_deal_rot_enabled=1\n"
                              "days_to_rotten=2\n"
                              "add_time=2024-01-01 00:00:00\n"
                              "update_time=2024-01-01 00:00:00\n";

/* What John and Jane may do. */
#define ACCESS_1                                                                                   \
    "[" ACCESS("sales", "true", "62cc4d7f-4038-4352-abf3-a8c1c822b631") "," GLOBAL "," ACCESS(     \
        "account_settings", "true", "982c5ce5-b8ba-4b47-b102-9da024f4b990") "]"
#define ACCESS_2 "[" ACCESS("sales", "false", "f07d229d-088a-4144-a40f-1fe64295d180") "," GLOBAL "]"
#define ICON_1                                                                                     \
    "https://upload.wikimedia.org/wikipedia/en/thumb/e/e0/WPVG_icon_2016.svg/"                     \
    "1024px-WPVG_icon_2016.svg.png"

static const char user_1[] = "id=1\n"
                             "name=John Doe\n"
                             "default_currency=EUR\n"
                             "locale=et_EE\n"
                             "lang=1\n"
                             "email=john@pipedrive.com\n"
                             "phone=0000-0001\n"
                             "activated=1\n"
                             "last_login=2019-11-21 08:45:56\n"
                             "created=2018-11-13 09:16:26\n"
                             "modified=2019-11-21 08:45:56\n"
                             "has_created_company=1\n"
                             "access=" ACCESS_1 "\n"
                             "active_flag=1\n"
                             "timezone_name=Europe/Berlin\n"
                             "timezone_offset=+03:00\n"
                             "role_id=1\n"
                             "icon_url=" ICON_1 "\n"
                             "is_you=1\n"
                             "is_deleted=0\n";

static const char user_2[] = "id=2\n"
                             "name=Jane Doe\n"
                             "default_currency=EUR\n"
                             "locale=et_EE\n"
                             "lang=1\n"
                             "email=jane@pipedrive.com\n"
                             "phone=0000-0002\n"
                             "activated=1\n"
                             "last_login=2019-09-11 11:43:54\n"
                             "created=2019-01-22 10:43:47\n"
                             "modified=2019-11-21 09:49:50\n"
                             "has_created_company=0\n"
                             "access=" ACCESS_2 "\n"
                             "active_flag=1\n"
                             "timezone_name=Europe/Berlin\n"
                             "timezone_offset=+03:00\n"
                             "role_id=1\n"
                             "is_you=0\n"
                             "is_deleted=0\n";

static const char deal_field_1[] = "id=1\n"
                                   "key=title\n"
                                   "name=Title\n"
                                   "order_nr=2\n"
                                   "field_type=varchar\n"
                                   "add_time=2019-02-04 13:58:03\n"
                                   "update_time=2019-02-04 13:58:03\n"
                                   "last_updated_by_user_id=1\n"
                                   "created_by_user_id=1\n"
                                   "active_flag=1\n"
                                   "edit_flag=0\n"
                                   "index_visible_flag=1\n"
                                   "details_visible_flag=1\n"
                                   "add_visible_flag=1\n"
                                   "important_flag=0\n"
                                   "bulk_edit_allowed=1\n"
                                   "searchable_flag=0\n"
                                   "filtering_allowed=1\n"
                                   "sortable_flag=1\n"
                                   "mandatory_flag=1\n";

static const char deal_field_2[] =
    "id=2\n"
    "key=9dc80c50d78a15643bfc4ca79d76156a73a1ca0e\n"
    "name=Customer Type\n"
    "order_nr=1\n"
    "field_type=enum\n"
    "add_time=2019-02-04 13:58:03\n"
    "update_time=2019-02-04 13:58:03\n"
    "last_updated_by_user_id=1\n"
    "created_by_user_id=1\n"
    "active_flag=1\n"
    "edit_flag=1\n"
    "index_visible_flag=1\n"
    "details_visible_flag=1\n"
    "add_visible_flag=0\n"
    "important_flag=0\n"
    "bulk_edit_allowed=1\n"
    "searchable_flag=0\n"
    "filtering_allowed=1\n"
    "sortable_flag=1\n"
    "mandatory_flag=1\n"
    "options=[{\"id\":190,\"label\":\"Private person\"},{\"id\":191,\"label\":\"Company\"},"
    "{\"id\":192,\"label\":\"Government\"}]\n";

static const char person_1[] =
    "id=1\n"
    "name=Person Name\n"
    "first_name=Person\n"
    "last_name=Name\n"
    "owner_id=1\n"
    "org_id=1\n"
    "add_time=2021-01-01 00:00:00\n"
    "update_time=2021-01-01 00:00:00\n"
    "emails=[{\"value\":\"email1@email.com\",\"primary\":true,\"label\":\"work\"},"
    "{\"value\":\"email2@email.com\",\"primary\":false,\"label\":\"home\"}]\n"
    "phones=[{\"value\":\"12345\",\"primary\":true,\"label\":\"work\"},"
    "{\"value\":\"54321\",\"primary\":false,\"label\":\"home\"}]\n"
    "is_deleted=0\n"
    "visible_to=7\n"
    "label_ids=[1,2,3]\n"
    "picture_id=1\n"
    "postal_address=" ADDRESS(
        "Apt 1") "\n"
                 "notes=Notes from contact sync\n"
                 "im=[{\"value\":\"skypeusername\",\"primary\":true,\"label\":\"skype\"},"
                 "{\"value\":\"whatsappusername\",\"primary\":false,\"label\":\"whatsapp\"}]\n"
                 "birthday=2000-12-31\n"
                 "job_title=Manager\n";

/* The example has a stray org_id, which no schema knows. */
static const char organization_1[] =
    "id=1\n"
    "name=Organization Name\n"
    "owner_id=1\n"
    "add_time=2021-01-01 00:00:00\n"
    "update_time=2021-01-01 00:00:00\n"
    "is_deleted=0\n"
    "visible_to=7\n"
    "address=" ADDRESS("123A") "\n"
                               "label_ids=[1,2,3]\n"
                               "website=https://www.company.com\n"
                               "linkedin=https://linkedin.com/company\n"
                               "industry=2\n"
                               "annual_revenue=0\n"
                               "employee_count=10\n"
                               "_extra={\"org_id\":1}\n";

static const char activity_1[] =
    "id=1\n"
    "subject=Activity Subject\n"
    "type=activity_type\n"
    "owner_id=1\n"
    "creator_user_id=1\n"
    "is_deleted=0\n"
    "add_time=2021-01-01 00:00:00\n"
    "update_time=2021-01-01 00:00:00\n"
    "deal_id=5\n"
    "lead_id=abc-def\n"
    "person_id=6\n"
    "org_id=7\n"
    "project_id=8\n"
    "due_date=2021-01-01\n"
    "due_time=15:00:00\n"
    "duration=01:00:00\n"
    "busy=1\n"
    "done=1\n"
    "marked_as_done_time=2021-01-01 00:00:00\n"
    "location=" ADDRESS("Apt 1") "\n"
                                 "participants=[{\"person_id\":1,\"primary\":true}]\n"
                                 "attendees=[{\"email\":\"some@email.com\",\"name\":\"Some "
                                 "Name\",\"status\":\"accepted\","
                                 "\"is_organizer\":true,\"person_id\":1,\"user_id\":1}]\n"
                                 "conference_meeting_client=google_meet\n"
                                 "conference_meeting_url=https://meet.google.com/abc-xyz\n"
                                 "conference_meeting_id=abc-xyz\n"
                                 "public_description=Public Description\n"
                                 "priority=263\n"
                                 "note=Note\n";

/* Its custom fields are a schema that slipped into the example: fields that nobody knows. */
static const char product_1[] =
    "id=1\n"
    "name=Mechanical Pencil\n"
    "code=MPENCIL\n"
    "unit=\n"
    "tax=0\n"
    "is_deleted=0\n"
    "is_linkable=1\n"
    "visible_to=3\n"
    "owner_id=1234\n"
    "add_time=2019-12-19 11:36:49\n"
    "update_time=2019-12-19 11:36:49\n"
    "description=Product description\n"
    "category=Retail\n"
    "billing_frequency=monthly\n"
    "billing_frequency_cycles=4\n"
    "prices=[{\"product_id\":1,\"price\":5,\"currency\":\"EUR\",\"cost\":2,\"direct_cost\":1,"
    "\"notes\":\"this is a note\"}]\n"
    "_extra={\"custom_fields\":{\"type\":\"object\",\"description\":\"A map of custom fields with "
    "hash-based keys\",\"additionalProperties\":{\"oneOf\":[{\"type\":\"string\"},"
    "{\"type\":\"number\"},{\"type\":\"object\",\"additionalProperties\":true}]}}}\n";

static const char note_1[] =
    "id=1\n"
    "active_flag=1\n"
    "add_time=2019-12-09 13:59:21\n"
    "content=abc\n"
    "deal={\"title\":\"Deal title\"}\n"
    "lead_id=adf21080-0e10-11eb-879b-05d71fb426ec\n"
    "deal_id=1\n"
    "last_update_user_id=1\n"
    "org_id=1\n"
    "organization={\"name\":\"Organization name\"}\n"
    "person={\"name\":\"Person name\"}\n"
    "person_id=1\n"
    "project_id=1\n"
    "project={\"title\":\"Project name\"}\n"
    "pinned_to_deal_flag=1\n"
    "pinned_to_organization_flag=0\n"
    "pinned_to_person_flag=0\n"
    "pinned_to_project_flag=0\n"
    "update_time=2019-12-09 14:26:11\n"
    "user={\"email\":\"user@email.com\","
    "\"icon_url\":\"https://iconurl.net/profile_120x120_123.jpg\",\"is_you\":true,"
    "\"name\":\"User Name\"}\n"
    "user_id=1\n"
    "pinned_to_lead_flag=0\n";

#define FILE_ROW(id, person, name, description)                                                    \
    "id=" id "\n"                                                                                  \
    "user_id=456\n"                                                                                \
    "deal_id=1\n"                                                                                  \
    "person_id=" person "\n"                                                                       \
    "org_id=1\n"                                                                                   \
    "product_id=1\n"                                                                               \
    "activity_id=1\n"                                                                              \
    "lead_id=adf21080-0e10-11eb-879b-05d71fb426ec\n"                                               \
    "project_id=1\n"                                                                               \
    "add_time=2020-02-20 14:36:35\n"                                                               \
    "update_time=2020-02-20 14:57:33\n"                                                            \
    "file_name=IMG_8189_52233498214699de9579e7b304a81b157b2eb2137e8062.jpg\n"                      \
    "file_size=7801780\n"                                                                          \
    "active_flag=1\n"                                                                              \
    "inline_flag=0\n"                                                                              \
    "remote_location=googledocs\n"                                                                 \
    "remote_id=1mT6jshiv6537IirwOExXJuG1jdR4F0FQ\n"                                                \
    "cid=\n"                                                                                       \
    "s3_bucket=\n"                                                                                 \
    "mail_message_id=\n"                                                                           \
    "mail_template_id=\n"                                                                          \
    "deal_name=\n"                                                                                 \
    "person_name=Person\n"                                                                         \
    "org_name=\n"                                                                                  \
    "product_name=\n"                                                                              \
    "lead_name=Test lead name\n"                                                                   \
    "project_name=My project\n"                                                                    \
    "url=https://2a7f.pipedrive.com/v1/files/" id "/download\n"                                    \
    "name=" name "\n"                                                                              \
    "description=" description "\n"                                                                \
    "file_type=img\n"

static const char deal_product_3[] = "id=3\n"
                                     "sum=90\n"
                                     "tax=0\n"
                                     "deal_id=1\n"
                                     "name=Mechanical Pencil\n"
                                     "product_id=1\n"
                                     "order_nr=50\n"
                                     "add_time=2019-12-19 11:36:49\n"
                                     "update_time=2019-12-19 11:36:49\n"
                                     "comments=\n"
                                     "currency=USD\n"
                                     "discount=0\n"
                                     "discount_type=percentage\n"
                                     "quantity=1\n"
                                     "item_price=90\n"
                                     "tax_method=inclusive\n"
                                     "is_enabled=1\n"
                                     "billing_frequency=one-time\n"
                                     "billing_start_date=2019-12-19\n";

/* Of the three objects of that log only the first is a change of the deal. */
static const char change_1300[] =
    "id=1300\n"
    "item_id=120\n"
    "user_id=8877\n"
    "field_key=value\n"
    "old_value=50\n"
    "new_value=100\n"
    "log_time=2020-09-25 09:21:55\n"
    "change_source=app\n"
    "change_source_user_agent=Mozilla/5.0 (Macintosh; Intel Mac OS X 10_14_6) AppleWebKit/537.36 "
    "(KHTML like Gecko) Chrome/84.0.4147.135 Safari/537.36\n"
    "additional_data=[]\n";

static const struct expected expectations[] = {
    {STREAM_ACTIVITY_TYPES, 0, "v1/activityTypes", NULL, {activity_type_4, activity_type_5}},
    {STREAM_CURRENCY, 0, "v1/currencies", NULL, {currency_1, currency_2}},
    {STREAM_FILTERS, 0, "v1/filters", NULL, {filter_1}},
    {STREAM_PIPELINES, 0, "v2/pipelines", "v2/pipelines-id", {pipeline_1}},
    {STREAM_STAGES, 0, "v2/stages", "v2/stages-id", {stage_1}},
    {STREAM_USERS, 0, "v1/users", NULL, {user_1, user_2}},
    {STREAM_DEAL_FIELDS, 0, "v1/dealFields", NULL, {deal_field_1, deal_field_2}},
    {STREAM_DEALS, 0, "v2/deals", "v2/deals-id", {DEAL("0")}},
    {STREAM_DEALS, 1, "v2/deals-archived", NULL, {DEAL("1")}},
    {STREAM_PERSONS, 0, "v2/persons", "v2/persons-id", {person_1}},
    {STREAM_ORGANIZATIONS, 0, "v2/organizations", "v2/organizations-id", {organization_1}},
    {STREAM_ACTIVITIES, 0, "v2/activities", "v2/activities-id", {activity_1}},
    {STREAM_PRODUCTS, 0, "v2/products", "v2/products-id", {product_1}},
    {STREAM_NOTES, 0, "v1/notes", "v1/notes-id", {note_1}},
    {STREAM_FILES,
     0,
     "v1/files",
     "v1/files-id",
     {FILE_ROW("123", "789", "test file name", "test file description"),
      FILE_ROW("123321", "789987", "second test file name", "second test file description")}},
    {STREAM_DEAL_PRODUCTS, 0, "v2/deals-products", NULL, {deal_product_3}},
    {STREAM_DEALFLOW, 0, "v1/deals-id-flow", NULL, {change_1300}},
};

/* --- reading the documents --- */

struct fixture {
    struct pages *pages;
    const struct stream *stream;
    struct stream_state state;
    struct fields *fields;
    struct table *table;
    struct decoder *decoder;
    struct batch *batch;
    struct walk *walk;
};

static const struct json_value *first_example(struct fixture *f, const char *name)
{
    g_autofree char *file = g_strconcat(name, ".json", NULL), *text = NULL;
    g_autofree char *path = g_test_build_filename(G_TEST_DIST, "data", "openapi", file, NULL);
    g_autoptr(GError) error = NULL;
    const struct json_value *examples;

    if (!g_file_get_contents(path, &text, NULL, &error))
        g_error("%s", error->message);
    examples = json_member(pages_parse_raw(f->pages, text), "examples");
    g_assert_nonnull(examples);
    g_assert_cmpuint(examples->count, ==, 1); /* a second one would want its expectations too */
    return json_first(examples, JSON_ARRAY);
}

/* The custom fields are those of the examples too. */
static void read_fields(struct fixture *f)
{
    static const char *const files[] = {[FIELDS_DEAL] = "v2/dealFields",
                                        [FIELDS_PERSON] = "v2/personFields",
                                        [FIELDS_ORGANIZATION] = "v2/organizationFields",
                                        [FIELDS_PRODUCT] = "v2/productFields"};
    g_autofree char *cursor = NULL;
    g_autoptr(GError) error = NULL;
    bool changed;

    if (f->stream->fields == FIELDS_NONE)
        return;
    f->fields = fields_new(f->stream, FIELDS_AS_NAMES);
    fields_begin_list(f->fields);
    g_assert_true(
        fields_take_page(f->fields, first_example(f, files[f->stream->fields]), &cursor, &error));
    g_assert_nonnull(cursor); /* the examples are first pages */
    fields_end_list(f->fields, &changed);
    g_assert_true(changed);
}

static struct walk *new_walk(struct fixture *f, unsigned list)
{
    const struct parent parent = {.id = 1, .count = -1};

    switch (f->stream->walk) {
    case WALK_LINES:
        return walk_new_lines(f->stream, &parent, 1);
    case WALK_FLOW:
        return walk_new_flow(f->stream, &parent);
    case WALK_CURSOR_TIME:
    case WALK_NOTES:
    case WALK_FILES:
    case WALK_WHOLE:
        break;
    }
    walk_begin_leg(f->stream, list, LEG_HEAD, &f->state, INSTANT_NONE);
    return walk_new_list(f->stream, list, LEG_HEAD, &f->state);
}

static void open_fixture(struct fixture *f, enum stream_id id, unsigned list)
{
    *f = (struct fixture){.pages = pages_new(), .stream = &catalog[id], .batch = batch_new()};
    stream_state_init(&f->state);
    read_fields(f);
    f->table = fields_build_table(f->stream, f->fields, METADATA_NATIVE);
    f->decoder = decoder_new(f->stream, f->fields, f->table, false);
    f->walk = new_walk(f, list);
}

static void close_fixture(struct fixture *f)
{
    walk_free(f->walk);
    batch_release(f->batch);
    decoder_free(f->decoder);
    table_free(f->table);
    fields_free(f->fields);
    stream_state_done(&f->state);
    pages_free(f->pages);
}

/* --- comparing --- */

static char *row_text(const struct batch *batch, unsigned row)
{
    GString *text = g_string_new(NULL);

    for (unsigned i = 0; i < batch->table->columns->len; i++) {
        const struct cell *cell = &batch->rows[row].cells[i];
        g_autofree char *value = cell_text(cell);

        if (cell->kind == CELL_VALUE)
            g_string_append_printf(text, "%s=%s\n", table_column(batch->table, i)->name, value);
    }
    return g_string_free(text, FALSE);
}

static void assert_row(const struct batch *batch, unsigned row, const char *expected)
{
    g_autofree char *found = NULL;

    g_assert_cmpuint(row, <, batch->row_count);
    found = row_text(batch, row);
    g_assert_cmpstr(found, ==, expected);
}

/* --- the tests --- */

static void check_list(const void *data)
{
    const struct expected *expected = data;
    struct page_facts facts;
    struct fixture f;
    g_autoptr(GError) error = NULL;
    unsigned count = expected->rows[1] ? 2 : 1;

    open_fixture(&f, expected->stream, expected->list);
    g_assert_true(
        walk_decode(f.walk, f.decoder, first_example(&f, expected->file), f.batch, &facts, &error));
    g_assert_no_error(error);
    g_assert_cmpuint(f.batch->row_count, ==, count);
    g_assert_cmpuint(f.batch->rejected, ==, 0);
    g_assert_cmpuint(f.batch->skipped, ==, 0);
    for (unsigned i = 0; i < count; i++)
        assert_row(f.batch, i, expected->rows[i]);
    close_fixture(&f);
}

/* A record that is asked for by its id has the shape of the list's. */
static void check_single(const void *data)
{
    const struct expected *expected = data;
    struct page_facts facts = {.first_time = INSTANT_NONE, .last_time = INSTANT_NONE};
    struct fixture f;

    open_fixture(&f, expected->stream, expected->list);
    batch_prepare(f.batch, f.table, 1);
    g_assert_true(page_decode_record(
        f.decoder, json_member(first_example(&f, expected->single), "data"), f.batch, &facts));
    assert_row(f.batch, 0, expected->rows[0]);
    close_fixture(&f);
}

/* What the walk makes of the examples' paging: a cursor, or more by offset, is no end. */
static void check_advance(const void *data)
{
    const struct expected *expected = data;
    const struct json_value *root;
    struct page_facts facts;
    struct walk_step step;
    struct fixture f;
    g_autoptr(GError) error = NULL;
    g_autoptr(GString) request = g_string_new(NULL);

    open_fixture(&f, expected->stream, expected->list);
    root = first_example(&f, expected->file);
    g_assert_true(walk_decode(f.walk, f.decoder, root, f.batch, &facts, &error));
    g_assert_true(
        walk_advance(f.walk, root, &facts, f.batch, at("2026-11-24T12:00:00Z"), &step, &error));
    g_assert_no_error(error);
    g_assert_cmpint(step.done, ==,
                    f.stream->paging == PAGING_NONE || f.stream->id == STREAM_DEAL_FIELDS);
    if (!step.done)
        walk_request(f.walk, request);
    walk_step_done(&step);
    close_fixture(&f);
}

/* The columns of the custom fields of the examples. */
static void custom_fields(void)
{
    static const struct {
        enum stream_id stream;
        const char *columns; /* name:type, between the catalog's and the system's */
    } cases[] = {
        {STREAM_DEALS, "priority:integer"},
        {STREAM_PERSONS, "lead_source:integer"},
        {STREAM_ORGANIZATIONS, "industry_40ch:integer"}, /* organizations.industry is taken */
        {STREAM_PRODUCTS, "categories:json price:decimal price_currency:text"},
    };

    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(GString) found = g_string_new(NULL);
        struct fixture f;

        open_fixture(&f, cases[i].stream, 0);
        for (unsigned j = f.stream->column_count; j < (unsigned)f.table->synced_at; j++)
            g_string_append_printf(found, "%s%s:%s", found->len ? " " : "",
                                   table_column(f.table, j)->name,
                                   column_type_name(table_column(f.table, j)->type));
        g_assert_cmpstr(found->str, ==, cases[i].columns);
        close_fixture(&f);
    }
}

/* An old v1 record where a v2 one belongs: whatever happens to the API, the row stays, what fits is
 * there, the rest is kept. */
static void another_shape_loses_nothing(void)
{
    struct page_facts facts;
    struct fixture f;
    g_autoptr(GError) error = NULL;

    open_fixture(&f, STREAM_DEALS, 1);
    g_assert_true(page_decode(f.decoder, first_example(&f, "v1/deals-archived"), NULL, f.batch,
                              &facts, &error));
    g_assert_cmpuint(f.batch->row_count, ==, 1);
    g_assert_cmpuint(f.batch->rejected, ==, 3); /* creator, person and organization are objects */
    assert_cell(f.batch, 0, "id", "1");
    assert_cell(f.batch, 0, "title", "Deal One");
    assert_cell(f.batch, 0, "visible_to", "1"); /* sent as text */
    assert_cell(f.batch, 0, "update_time", "2019-11-28 16:19:50");
    assert_cell(f.batch, 0, "products_count", "2");
    assert_cell(f.batch, 0, "person_id", IS_NULL);
    g_autofree char *extra = cell_text(&f.batch->rows[0].cells[f.table->extra]);
    const struct json_value *kept = pages_parse_raw(f.pages, extra);
    int64_t id;
    g_assert_true(json_int64(json_member(json_member(kept, "person_id"), "value"), &id));
    g_assert_cmpint(id, ==, 1101);
    g_assert_true(json_text_is(json_member(kept, "formatted_value"), "€5,000"));
    g_assert_true(json_text_is(json_member(kept, "label"), "11"));
    close_fixture(&f);
}

static void add_cases(void)
{
    for (size_t i = 0; i < G_N_ELEMENTS(expectations); i++) {
        g_autofree char *list = g_strdup_printf("/examples/list/%s", expectations[i].file);
        g_autofree char *advance = g_strdup_printf("/examples/advance/%s", expectations[i].file);
        g_autofree char *single = g_strdup_printf("/examples/single/%s", expectations[i].single);

        g_test_add_data_func(list, &expectations[i], check_list);
        g_test_add_data_func(advance, &expectations[i], check_advance);
        if (expectations[i].single)
            g_test_add_data_func(single, &expectations[i], check_single);
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    add_cases();
    g_test_add_func("/examples/custom-fields", custom_fields);
    g_test_add_func("/examples/another-shape", another_shape_loses_nothing);
    return g_test_run();
}
