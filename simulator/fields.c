#include "fields.h"

#include <stdio.h>

#include "company.h"
#include "hash.h"
#include "times.h"

static const char *const type_names[N_FIELD_TYPES] = {
    [F_VARCHAR] = "varchar",
    [F_VARCHAR_AUTO] = "varchar_auto",
    [F_TEXT] = "text",
    [F_DOUBLE] = "double",
    [F_MONETARY] = "monetary",
    [F_SET] = "set",
    [F_ENUM] = "enum",
    [F_USER] = "user",
    [F_ORG] = "org",
    [F_PEOPLE] = "people",
    [F_PHONE] = "phone",
    [F_TIME] = "time",
    [F_TIMERANGE] = "timerange",
    [F_DATE] = "date",
    [F_DATERANGE] = "daterange",
    [F_ADDRESS] = "address",
    [F_INT] = "int",
    [F_BOOLEAN] = "boolean",
    [F_VISIBLE_TO] = "visible_to",
    [F_STATUS] = "status",
    [F_STAGE] = "stage",
    [F_PICTURE] = "picture",
    [F_DEAL] = "deal",
    [F_PRICE_LIST] = "price_list",
    [F_BILLING_FREQUENCY] = "billing_frequency",
    [F_VARCHAR_OPTIONS] = "varchar_options",
};

const char *field_type_name(enum field_type type)
{
    return type_names[type];
}

int field_type_by_name(const char *name)
{
    for (int i = 0; i < N_FIELD_TYPES; i++)
        if (strcmp(type_names[i], name) == 0)
            return i;
    return -1;
}

bool field_type_has_options(enum field_type type)
{
    return type == F_SET || type == F_ENUM;
}

const char *const *field_subfields(enum field_type type)
{
    static const char *const monetary[] = {"currency", NULL};
    static const char *const range[] = {"until", NULL};
    static const char *const time[] = {"timezone_id", NULL};
    static const char *const timerange[] = {"until", "timezone_id", NULL};
    static const char *const address[] = {"subpremise",
                                          "street_number",
                                          "route",
                                          "sublocality",
                                          "locality",
                                          "admin_area_level_1",
                                          "admin_area_level_2",
                                          "country",
                                          "postal_code",
                                          "formatted_address",
                                          NULL};
    switch ((int)type) {
    case F_MONETARY:
        return monetary;
    case F_DATERANGE:
        return range;
    case F_TIME:
        return time;
    case F_TIMERANGE:
        return timerange;
    case F_ADDRESS:
        return address;
    default:
        return NULL;
    }
}

struct standard_field {
    enum entity entity;
    const char *key, *name;
    enum field_type type;
    const char *options; /* labels with | between, ids from 1 */
    bool mandatory, optional_response;
};

#define OPTIONAL(e, k, n, t)                                                                       \
    {                                                                                              \
        e, k, n, t, NULL, false, true                                                              \
    }
static const char label_names[] = "Hot|Warm|Cold \"later\"|Новый|顧客";
static const char visible_names[] =
    "Owner only|Owner's group|Owner's group and sub-groups|All users";

static const struct standard_field standard[] = {
    {E_DEAL, "id", "ID", F_INT, NULL, false, false},
    {E_DEAL, "title", "Title", F_VARCHAR, NULL, true, false},
    {E_DEAL, "creator_user_id", "Creator", F_USER, NULL, false, false},
    {E_DEAL, "owner_id", "Owner", F_USER, NULL, false, false},
    {E_DEAL, "value", "Value", F_MONETARY, NULL, false, false},
    {E_DEAL, "person_id", "Contact person", F_PEOPLE, NULL, false, false},
    {E_DEAL, "org_id", "Organization", F_ORG, NULL, false, false},
    {E_DEAL, "pipeline_id", "Pipeline", F_DOUBLE, NULL, false, false},
    {E_DEAL, "stage_id", "Stage", F_STAGE, NULL, false, false},
    {E_DEAL, "status", "Status", F_STATUS, "Open|Won|Lost|Deleted", false, false},
    {E_DEAL, "add_time", "Deal created", F_DATE, NULL, false, false},
    {E_DEAL, "update_time", "Update time", F_DATE, NULL, false, false},
    {E_DEAL, "stage_change_time", "Last stage change", F_DATE, NULL, false, false},
    {E_DEAL, "won_time", "Won time", F_DATE, NULL, false, false},
    {E_DEAL, "lost_time", "Lost time", F_DATE, NULL, false, false},
    {E_DEAL, "close_time", "Deal closed on", F_DATE, NULL, false, false},
    {E_DEAL, "lost_reason", "Lost reason", F_VARCHAR_OPTIONS, NULL, false, false},
    {E_DEAL, "visible_to", "Visible to", F_VISIBLE_TO, visible_names, false, false},
    {E_DEAL, "expected_close_date", "Expected close date", F_DATE, NULL, false, false},
    {E_DEAL, "probability", "Probability", F_INT, NULL, false, false},
    {E_DEAL, "label_ids", "Label", F_SET, label_names, false, false},
    {E_DEAL, "origin", "Source origin", F_VARCHAR, NULL, false, false},
    {E_DEAL, "channel", "Source channel", F_ENUM, "Ads|Fair|Web", false, false},
    OPTIONAL(E_DEAL, "products_count", "Number of products", F_INT),
    OPTIONAL(E_DEAL, "activities_count", "Total activities", F_INT),
    OPTIONAL(E_DEAL, "first_won_time", "First won time", F_DATE),
    {E_PERSON, "id", "ID", F_INT, NULL, false, false},
    {E_PERSON, "name", "Name", F_VARCHAR, NULL, true, false},
    {E_PERSON, "first_name", "First name", F_VARCHAR, NULL, false, false},
    {E_PERSON, "last_name", "Last name", F_VARCHAR, NULL, false, false},
    {E_PERSON, "owner_id", "Owner", F_USER, NULL, false, false},
    {E_PERSON, "org_id", "Organization", F_ORG, NULL, false, false},
    {E_PERSON, "emails", "Email", F_VARCHAR, NULL, false, false},
    {E_PERSON, "phones", "Phone", F_PHONE, NULL, false, false},
    {E_PERSON, "add_time", "Person created", F_DATE, NULL, false, false},
    {E_PERSON, "update_time", "Update time", F_DATE, NULL, false, false},
    {E_PERSON, "visible_to", "Visible to", F_VISIBLE_TO, visible_names, false, false},
    {E_PERSON, "label_ids", "Label", F_SET, label_names, false, false},
    {E_PERSON, "picture_id", "Profile picture", F_PICTURE, NULL, false, false},
    {E_PERSON, "postal_address", "Postal address", F_ADDRESS, NULL, false, false},
    {E_PERSON, "notes", "Notes", F_TEXT, NULL, false, false},
    {E_PERSON, "im", "Instant messenger", F_VARCHAR, NULL, false, false},
    {E_PERSON, "birthday", "Birthday", F_DATE, NULL, false, false},
    {E_PERSON, "job_title", "Job title", F_VARCHAR, NULL, false, false},
    OPTIONAL(E_PERSON, "open_deals_count", "Open deals", F_INT),
    {E_ORG, "id", "ID", F_INT, NULL, false, false},
    {E_ORG, "name", "Name", F_VARCHAR, NULL, true, false},
    {E_ORG, "owner_id", "Owner", F_USER, NULL, false, false},
    {E_ORG, "address", "Address", F_ADDRESS, NULL, false, false},
    {E_ORG, "add_time", "Organization created", F_DATE, NULL, false, false},
    {E_ORG, "update_time", "Update time", F_DATE, NULL, false, false},
    {E_ORG, "visible_to", "Visible to", F_VISIBLE_TO, visible_names, false, false},
    {E_ORG, "label_ids", "Label", F_SET, label_names, false, false},
    {E_ORG, "website", "Website", F_VARCHAR, NULL, false, false},
    {E_ORG, "linkedin", "LinkedIn profile", F_VARCHAR, NULL, false, false},
    {E_ORG, "industry", "Industry", F_ENUM, "IT|Retail|Mining|Farming", false, false},
    {E_ORG, "annual_revenue", "Annual revenue", F_INT, NULL, false, false},
    {E_ORG, "employee_count", "Number of employees", F_INT, NULL, false, false},
    OPTIONAL(E_ORG, "people_count", "People", F_INT),
    {E_PRODUCT, "id", "ID", F_INT, NULL, false, false},
    {E_PRODUCT, "name", "Name", F_VARCHAR, NULL, true, false},
    {E_PRODUCT, "code", "Product code", F_VARCHAR, NULL, false, false},
    {E_PRODUCT, "description", "Description", F_TEXT, NULL, false, false},
    {E_PRODUCT, "unit", "Unit", F_VARCHAR, NULL, false, false},
    {E_PRODUCT, "tax", "Tax", F_DOUBLE, NULL, false, false},
    {E_PRODUCT, "category", "Category", F_ENUM, "Retail|Dienstleistung", false, false},
    {E_PRODUCT, "owner_id", "Owner", F_USER, NULL, false, false},
    {E_PRODUCT, "prices", "Unit prices", F_PRICE_LIST, NULL, false, false},
    {E_PRODUCT, "billing_frequency", "Billing frequency", F_BILLING_FREQUENCY, NULL, false, false},
    {E_PRODUCT, "add_time", "Product created", F_DATE, NULL, false, false},
    {E_PRODUCT, "update_time", "Update time", F_DATE, NULL, false, false},
    {E_ACTIVITY, "id", "ID", F_INT, NULL, false, false},
    {E_ACTIVITY, "subject", "Subject", F_VARCHAR, NULL, true, false},
    {E_ACTIVITY, "type", "Type", F_ENUM, "Call|Meeting|Task", false, false},
    {E_ACTIVITY, "owner_id", "Assigned to user", F_USER, NULL, false, false},
    {E_ACTIVITY, "deal_id", "Deal", F_DEAL, NULL, false, false},
    {E_ACTIVITY, "person_id", "Contact person", F_PEOPLE, NULL, false, false},
    {E_ACTIVITY, "org_id", "Organization", F_ORG, NULL, false, false},
    {E_ACTIVITY, "due_date", "Due date", F_DATE, NULL, false, false},
    {E_ACTIVITY, "due_time", "Due time", F_TIME, NULL, false, false},
    {E_ACTIVITY, "duration", "Duration", F_TIME, NULL, false, false},
    {E_ACTIVITY, "done", "Done", F_BOOLEAN, NULL, false, false},
    {E_ACTIVITY, "location", "Location", F_ADDRESS, NULL, false, false},
    {E_ACTIVITY, "note", "Note", F_TEXT, NULL, false, false},
    {E_ACTIVITY, "priority", "Priority", F_ENUM, "Low|Medium|High", false, false},
    {E_NOTE, "id", "ID", F_INT, NULL, false, false},
    {E_NOTE, "content", "Content", F_TEXT, NULL, true, false},
    {E_NOTE, "user_id", "User", F_USER, NULL, false, false},
    {E_NOTE, "deal_id", "Deal", F_DEAL, NULL, false, false},
    {E_NOTE, "person_id", "Person", F_PEOPLE, NULL, false, false},
    {E_NOTE, "org_id", "Organization", F_ORG, NULL, false, false},
    {E_NOTE, "add_time", "Added", F_DATE, NULL, false, false},
};

/* Names of the custom fields: the first are traps (see README), then plain ones. */
static const char *custom_name(enum entity e, int number, char buffer[48])
{
    static const char *const traps[] = {
        "Region",
        "Region",
        "Title",
        "Größe (m²)",
        "予算 💰",
        "Owner",
        "Deal \"source\"",
        "select; drop",
        "Update time",
        "ID",
        ("A very long name of a custom field that goes on well beyond the sixty-three bytes that a "
         "database may hold for a column, и дальше"),
        "  spaces  ",
        "Case",
        "CASE",
    };
    if (e != E_DEAL && number == 2)
        return "Name";
    if ((size_t)number < G_N_ELEMENTS(traps))
        return traps[number];
    snprintf(buffer, 48, "Field %d", number);
    return buffer;
}

static void option_free(gpointer data)
{
    g_free(((struct field_option *)data)->label);
}

static void field_free(gpointer data)
{
    struct field *f = data;
    g_free(f->name);
    if (f->options)
        g_array_unref(f->options);
    g_free(f);
}

struct field_option *field_option(const struct field *field, int id)
{
    for (guint i = 0; field->options && i < field->options->len; i++) {
        struct field_option *o = &g_array_index(field->options, struct field_option, i);
        if (o->id == id)
            return o;
    }
    return NULL;
}

static void append_option(struct field *f, int id, const char *label, int64_t now)
{
    static const char *const colours[] = {"green", "red", NULL, "blue"};
    if (!f->options) {
        f->options = g_array_new(FALSE, FALSE, sizeof(struct field_option));
        g_array_set_clear_func(f->options, option_free);
    }
    struct field_option o = {id, g_strdup(label), colours[id % 4], now, now, false};
    g_array_append_val(f->options, o);
}

int field_add_option(struct field_set *set, struct field *field, const char *label, int64_t now)
{
    append_option(field, ++set->last_option, label, now);
    field->update_time = now;
    return set->last_option;
}

struct field *field_set_find(const struct field_set *set, const char *key)
{
    for (guint i = 0; i < set->list->len; i++) {
        struct field *f = set->list->pdata[i];
        if (strcmp(f->key, key) == 0)
            return f;
    }
    return NULL;
}

struct field *field_set_find_id(const struct field_set *set, int id)
{
    for (guint i = 0; i < set->list->len; i++) {
        struct field *f = set->list->pdata[i];
        if (f->id == id)
            return f;
    }
    return NULL;
}

struct field *field_set_add(struct field_set *set, struct company *c, enum entity e,
                            const char *name, enum field_type type, const char *key, int64_t now)
{
    struct field *f = g_new0(struct field, 1);
    f->id = ++set->last_id;
    f->name = g_strdup(name);
    f->type = type;
    f->custom = true;
    f->add_time = f->update_time = now;
    if (key) {
        g_strlcpy(f->key, key, sizeof f->key);
    } else {
        g_autofree char *from =
            g_strdup_printf("field %llu %d %d", (unsigned long long)c->seed, (int)e, f->id);
        g_autofree char *hex = g_compute_checksum_for_string(G_CHECKSUM_SHA1, from, -1);
        g_strlcpy(f->key, hex, sizeof f->key);
    }
    g_ptr_array_add(set->list, f);
    return f;
}

void field_set_remove(struct field_set *set, struct field *field)
{
    g_ptr_array_remove(set->list, field);
}

static void add_standard(struct field_set *set, struct company *c, enum entity e)
{
    for (size_t i = 0; i < G_N_ELEMENTS(standard); i++) {
        const struct standard_field *s = &standard[i];
        if (s->entity != e)
            continue;
        int64_t when = c->born - 3 * 365 * DAY_S;
        struct field *f = field_set_add(set, c, e, s->name, s->type, s->key, when);
        f->custom = false;
        f->mandatory = s->mandatory;
        f->optional_response = s->optional_response;
        if (i % 4 == 3)
            f->update_time = 0;
        g_auto(GStrv) labels = g_strsplit(s->options ? s->options : "", "|", -1);
        for (int n = 0; labels[n]; n++)
            append_option(f, n + 1, labels[n], when);
    }
}

static void add_custom(struct field_set *set, struct company *c, enum entity e, int number)
{
    static const char *const labels[] = {"Private", "Company", "Ω \"omega\"", "政府", "Retired"};
    char buffer[48];
    int64_t when =
        c->born - (int64_t)(mix3(c->seed, (uint64_t)e, (uint64_t)number) % (900 * DAY_S));
    enum field_type type = (enum field_type)(number % N_CREATABLE_TYPES);
    struct field *f =
        field_set_add(set, c, e, custom_name(e, number, buffer), type, NULL, when - 86400);
    f->fill = number % 5 == 4 ? 5 : 50;
    if (number % 6 == 5)
        f->update_time = 0;
    else
        f->update_time = when;
    if (field_type_has_options(type))
        for (size_t i = 0; i < G_N_ELEMENTS(labels); i++) {
            append_option(f, ++set->last_option, labels[i], when);
            g_array_index(f->options, struct field_option, i).deleted = i == 4;
        }
}

void field_set_init(struct field_set *set, struct company *c, enum entity e, int custom_fields)
{
    set->list = g_ptr_array_new_with_free_func(field_free);
    set->last_id = 12000 + (int)e * 1000;
    set->last_option = 180;
    add_standard(set, c, e);
    int n = e == E_DEAL                                     ? custom_fields
            : e == E_PERSON || e == E_ORG || e == E_PRODUCT ? MIN(custom_fields, N_CREATABLE_TYPES)
                                                            : 0;
    set->first_custom = set->last_id + 1;
    set->born_customs = n;
    for (int i = 0; i < n; i++)
        add_custom(set, c, e, i);
}

void field_set_done(struct field_set *set)
{
    g_ptr_array_unref(set->list);
}
