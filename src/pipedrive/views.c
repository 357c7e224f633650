#include "pipedrive/views.h"

#include <string.h>

/* The shortest limit of a name in a database (PostgreSQL). */
#define NAME_BYTES 63

/* What a standard column of that name is the key of, in any table. */
static const struct lookup {
    const char *column;
    enum stream_id stream; /* that has the name */
    const char *key, *shown;
    const char *name; /* of the view's column; NULL: made from the two names */
} lookups[] = {
    {"owner_id", STREAM_USERS, "id", "name", NULL},
    {"user_id", STREAM_USERS, "id", "name", NULL},
    {"creator_user_id", STREAM_USERS, "id", "name", "creator_name"},
    {"last_update_user_id", STREAM_USERS, "id", "name", NULL},
    {"created_by_user_id", STREAM_USERS, "id", "name", NULL},
    {"last_updated_by_user_id", STREAM_USERS, "id", "name", NULL},
    {"pipeline_id", STREAM_PIPELINES, "id", "name", NULL},
    {"stage_id", STREAM_STAGES, "id", "name", NULL},
    {"org_id", STREAM_ORGANIZATIONS, "id", "name", NULL},
    {"person_id", STREAM_PERSONS, "id", "name", NULL},
    {"deal_id", STREAM_DEALS, "id", "title", NULL},
    {"product_id", STREAM_PRODUCTS, "id", "name", NULL},
    {"activity_id", STREAM_ACTIVITIES, "id", "subject", NULL},
    {"next_activity_id", STREAM_ACTIVITIES, "id", "subject", NULL},
    {"last_activity_id", STREAM_ACTIVITIES, "id", "subject", NULL},
};

/* Columns that mean it in one table only. */
static const struct {
    enum stream_id of;
    struct lookup lookup;
} own_lookups[] = {
    {STREAM_ACTIVITIES, {"type", STREAM_ACTIVITY_TYPES, "key_string", "name", "type_name"}},
    {STREAM_DEALFLOW, {"item_id", STREAM_DEALS, "id", "title", "deal_title"}},
};

/* What a custom field of that type is the key of. */
static const struct {
    const char *type;
    enum stream_id stream;
    const char *shown;
} field_lookups[] = {
    {"user", STREAM_USERS, "name"},     {"org", STREAM_ORGANIZATIONS, "name"},
    {"people", STREAM_PERSONS, "name"}, {"deal", STREAM_DEALS, "title"},
    {"stage", STREAM_STAGES, "name"},   {"activity", STREAM_ACTIVITIES, "subject"},
};

static const struct {
    enum stream_id of;
    const char *column, *name;
} primaries[] = {
    {STREAM_PERSONS, "emails", "primary_email"},
    {STREAM_PERSONS, "phones", "primary_phone"},
};

struct building {
    const struct stream *stream;
    const struct table *table;
    const struct fields *fields;
    struct view *view;
    GHashTable *taken;     /* names of the view, in lower case */
    GHashTable *by_column; /* column → struct field whose value or ids it holds */
    GHashTable *custom;    /* columns of custom fields, parts included */
};

/* ── Names ── */

char *views_name(const struct stream *stream)
{
    return g_strdup_printf("%s_view", stream->name);
}

/* A name in at most so many bytes, whole characters. */
static char *cut_name(const char *name, size_t bytes)
{
    const char *end = name + MIN(strlen(name), bytes);
    while (end > name && ((unsigned char)*end & 0xc0) == 0x80)
        end--;
    return g_strndup(name, (size_t)(end - name));
}

static bool take_name(struct building *b, const char *name)
{
    return g_hash_table_add(b->taken, g_utf8_strdown(name, -1));
}

/* Columns of the table have theirs already. */
static char *free_name(struct building *b, const char *wanted)
{
    char *name = cut_name(wanted, NAME_BYTES);
    for (unsigned n = 2; !take_name(b, name); n++) {
        g_autofree char *base = cut_name(wanted, NAME_BYTES - 4);
        g_free(name);
        name = g_strdup_printf("%s_%u", base, n);
    }
    return name;
}

/* owner_id and name: owner_name. */
static char *lookup_name(const char *column, const char *shown)
{
    size_t length = strlen(column) - (g_str_has_suffix(column, "_id") ? strlen("_id") : 0);
    return g_strdup_printf("%.*s_%s", (int)length, column, shown);
}

/* status: status_label; label_ids: labels. */
static char *label_name(const char *column)
{
    if (g_str_has_suffix(column, "_ids"))
        return g_strdup_printf("%.*ss", (int)(strlen(column) - strlen("_ids")), column);
    return g_strdup_printf("%s_label", column);
}

/* ── Columns ── */

static void add_computed(struct building *b, const char *name, struct view_column column)
{
    g_autofree char *own = free_name(b, name);
    column.name = own;
    view_add(b->view, &column);
}

static bool is_standard(const struct stream *stream, const char *name)
{
    for (unsigned i = 0; i < stream->column_count; i++) {
        if (strcmp(stream->columns[i].name, name) == 0)
            return true;
    }
    return false;
}

static void add_lookup(struct building *b, const struct column *source, const struct lookup *lookup)
{
    g_autofree char *made = lookup_name(source->name, lookup->shown);
    const char *name = lookup->name ? lookup->name : made;
    if (is_standard(b->stream, name)) /* files tell the names of what they hang on */
        return;
    add_computed(b, name,
                 (struct view_column){.kind = VIEW_LOOKUP,
                                      .source = (char *)source->name,
                                      .type = source->type,
                                      .table = (char *)catalog[lookup->stream].name,
                                      .key = (char *)lookup->key,
                                      .shown = (char *)lookup->shown});
}

static void add_standard_lookups(struct building *b, const struct column *source, const char *key)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(own_lookups); i++) {
        if (own_lookups[i].of == b->stream->id && strcmp(own_lookups[i].lookup.column, key) == 0)
            add_lookup(b, source, &own_lookups[i].lookup);
    }
    for (unsigned i = 0; i < G_N_ELEMENTS(lookups); i++) {
        if (strcmp(lookups[i].column, key) == 0)
            add_lookup(b, source, &lookups[i]);
    }
}

static void add_field_lookup(struct building *b, const struct column *source,
                             const struct field *field)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(field_lookups); i++) {
        struct lookup lookup = {source->name, field_lookups[i].stream, "id", field_lookups[i].shown,
                                NULL};
        if (strcmp(field_lookups[i].type, field->type) == 0)
            add_lookup(b, source, &lookup);
    }
}

static void add_label(struct building *b, const struct column *source, const struct field *field)
{
    /* Yes and no need no label, and databases write them in different ways. */
    if (field->options->len == 0 || source->type == COLUMN_BOOLEAN)
        return;
    /* A custom field that once was a set may hold lists and single ids. */
    bool several = source->type == COLUMN_JSON || (source->type == COLUMN_TEXT && field->is_custom);
    g_autofree char *name = label_name(source->name);
    add_computed(b, name,
                 (struct view_column){.kind = several ? VIEW_OPTIONS : VIEW_OPTION,
                                      .source = (char *)source->name,
                                      .type = source->type});
}

static void add_primary(struct building *b, const struct column *source, const char *key)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(primaries); i++) {
        if (primaries[i].of == b->stream->id && strcmp(primaries[i].column, key) == 0)
            add_computed(b, primaries[i].name,
                         (struct view_column){.kind = VIEW_PRIMARY,
                                              .source = (char *)source->name,
                                              .type = source->type});
    }
}

static void add_column(struct building *b, const struct column *source)
{
    const struct field *field = g_hash_table_lookup(b->by_column, source->name);
    struct view_column plain = {.name = (char *)source->name,
                                .kind = VIEW_PLAIN,
                                .source = (char *)source->name,
                                .type = source->type};
    view_add(b->view, &plain);
    if (g_hash_table_contains(b->custom, source->name)) {
        if (field)
            add_field_lookup(b, source, field);
    } else {
        /* Its key in the API, where its name is another. */
        const char *key = source->comment ? source->comment : source->name;
        add_primary(b, source, key);
        add_standard_lookups(b, source, key);
    }
    if (field)
        add_label(b, source, field);
}

/* ── The whole ── */

static void note_field(struct building *b, struct field *field)
{
    char *column = fields_main_column(b->fields, field);
    if (column)
        g_hash_table_insert(b->by_column, column, field);
    for (unsigned i = 0; field->is_custom && i < field->parts->len; i++)
        g_hash_table_add(b->custom, g_array_index(field->parts, struct field_part, i).column);
}

static void note_fields(struct building *b)
{
    g_autoptr(GPtrArray) list = b->fields ? fields_list(b->fields) : NULL;
    for (unsigned i = 0; list && i < list->len; i++)
        note_field(b, list->pdata[i]);
}

/* What the rows of the other mode of custom fields hold. */
static void add_custom_json(struct building *b)
{
    struct view_column column = {.name = (char *)"custom_fields",
                                 .kind = VIEW_PLAIN,
                                 .source = (char *)"custom_fields",
                                 .type = COLUMN_JSON};
    if (b->stream->fields != FIELDS_NONE && take_name(b, column.name))
        view_add(b->view, &column);
}

struct view *views_build(const struct stream *stream, const struct table *table,
                         const struct fields *fields)
{
    g_autofree char *name = views_name(stream);
    g_autoptr(GHashTable) taken = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    g_autoptr(GHashTable) by_column = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    g_autoptr(GHashTable) custom = g_hash_table_new(g_str_hash, g_str_equal);
    const char *live =
        table->deleted_at >= 0 ? table_column(table, (unsigned)table->deleted_at)->name : NULL;
    struct building b = {stream, table,     fields, view_new(name, table->name, live),
                         taken,  by_column, custom};
    for (unsigned i = 0; i < table->columns->len; i++)
        take_name(&b, table_column(table, i)->name);
    note_fields(&b);
    for (unsigned i = 0; i < table->columns->len; i++) {
        if (!table_column(table, i)->is_system)
            add_column(&b, table_column(table, i));
    }
    add_custom_json(&b);
    return b.view;
}
