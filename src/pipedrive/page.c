#include "pipedrive/page.h"

#include <string.h>

enum slot_kind {
    SLOT_COLUMN,
    SLOT_CUSTOM,
    SLOT_CUSTOM_JSON,
    SLOT_FIELD
};

/* What a key of a record, or of its custom fields, becomes. */
struct slot {
    const char *key;
    size_t length;
    enum slot_kind kind;
    int column;
    enum column_type type;
    const struct field *field;
    int *columns;  /* of the field, one a part */
    unsigned then; /* index of the slot whose key came next, the last time */
};

/* Records of a list have their keys in one order, so each is expected before it is looked up. */
struct slots {
    GArray *list;       /* struct slot */
    GHashTable *by_key; /* key → index + 1 */
    unsigned first;     /* as slot.then */
};

struct decoder {
    const struct stream *stream;
    const struct fields *fields;
    const struct table *table;
    struct slots members, custom;
    uint8_t *defaults; /* a column: CELL_NULL or CELL_ABSENT when the record doesn't say */
    int id, time, add_time, deleted; /* columns; -1 = none */
    int changed; /* when a deleted record was: a table that is read whole has no `time` */
    GString *extra, *custom_extra; /* the _extra of the row under way */
    struct json_writer extra_writer, custom_writer;
    GHashTable *ignored; /* keys of custom fields that nobody knows; may be NULL */
    bool learn;
    unsigned active_fields; /* custom fields that every record should carry */
};

static void clear_slot(void *data)
{
    g_free(((struct slot *)data)->columns);
}

static void slots_init(struct slots *slots)
{
    slots->list = g_array_new(FALSE, TRUE, sizeof(struct slot));
    g_array_set_clear_func(slots->list, clear_slot);
    slots->by_key = g_hash_table_new(g_str_hash, g_str_equal);
}

static void slots_done(struct slots *slots)
{
    g_array_unref(slots->list);
    g_hash_table_unref(slots->by_key);
}

static void slots_add(struct slots *slots, struct slot slot)
{
    slot.length = strlen(slot.key);
    slot.then = slots->list->len + 1;
    g_array_append_val(slots->list, slot);
    g_hash_table_insert(slots->by_key, (void *)slot.key, GUINT_TO_POINTER(slots->list->len));
}

/* *expected: where the guess at the next key is kept; it is corrected and moved on. */
static const struct slot *slots_find(const struct slots *slots, const struct json_value *key,
                                     unsigned **expected)
{
    struct slot *slot;
    char text[128];
    unsigned found = **expected;

    if (found < slots->list->len) {
        slot = &g_array_index(slots->list, struct slot, found);
        if (slot->length == key->length && memcmp(slot->key, key->text, key->length) == 0) {
            *expected = &slot->then;
            return slot;
        }
    }
    if (key->length >= sizeof text)
        return NULL;
    memcpy(text, key->text, key->length);
    text[key->length] = '\0';
    found = GPOINTER_TO_UINT(g_hash_table_lookup(slots->by_key, text));
    if (found == 0)
        return NULL;
    slot = &g_array_index(slots->list, struct slot, found - 1);
    if (slot->length != key->length) /* a zero byte in the key cut it short */
        return NULL;
    **expected = found - 1;
    *expected = &slot->then;
    return slot;
}

/* The table begins with the catalog's columns, in its order, whatever they are called there. */
static int standard_column(const struct stream *stream, const char *key)
{
    for (unsigned i = 0; key && i < stream->column_count; i++)
        if (strcmp(stream->columns[i].name, key) == 0)
            return (int)i;
    return -1;
}

static void add_custom_field(struct decoder *decoder, const struct field *field)
{
    int *columns = g_new(int, field->parts->len + 1);

    for (unsigned i = 0; i < field->parts->len; i++) {
        columns[i] = table_find_column(decoder->table,
                                       g_array_index(field->parts, struct field_part, i).column);
        /* A field that Pipedrive no longer lists: its columns keep what they have. */
        if (columns[i] >= 0 && !field->active)
            decoder->defaults[columns[i]] = CELL_ABSENT;
    }
    decoder->active_fields += field->active;
    slots_add(&decoder->custom, (struct slot){.key = field->key,
                                              .kind = SLOT_FIELD,
                                              .column = -1,
                                              .field = field,
                                              .columns = columns});
}

static void add_custom_slots(struct decoder *decoder)
{
    int json_column = table_find_column(decoder->table, "custom_fields");
    g_autoptr(GPtrArray) list = NULL;

    if (!decoder->fields)
        return;
    if (json_column >= 0) {
        slots_add(&decoder->members, (struct slot){.key = "custom_fields",
                                                   .kind = SLOT_CUSTOM_JSON,
                                                   .column = json_column,
                                                   .type = COLUMN_JSON});
        return;
    }
    slots_add(&decoder->members,
              (struct slot){.key = "custom_fields", .kind = SLOT_CUSTOM, .column = -1});
    list = fields_list(decoder->fields);
    for (unsigned i = 0; i < list->len; i++) {
        const struct field *field = list->pdata[i];

        if (field->is_custom)
            add_custom_field(decoder, field);
    }
}

struct decoder *decoder_new(const struct stream *stream, const struct fields *fields,
                            const struct table *table, bool gated)
{
    struct decoder *decoder = g_new0(struct decoder, 1);

    decoder->stream = stream;
    decoder->fields = fields;
    decoder->table = table;
    slots_init(&decoder->members);
    slots_init(&decoder->custom);
    decoder->defaults = g_malloc(table->columns->len);
    decoder->extra = g_string_new(NULL);
    decoder->custom_extra = g_string_new(NULL);
    memset(decoder->defaults, CELL_NULL, table->columns->len);
    for (unsigned i = 0; i < stream->column_count; i++) {
        const struct stream_column *column = &stream->columns[i];

        slots_add(&decoder->members, (struct slot){.key = column->name,
                                                   .kind = SLOT_COLUMN,
                                                   .column = (int)i,
                                                   .type = column->type});
        if (column->source == SOURCE_GATED && gated)
            decoder->defaults[i] = CELL_ABSENT;
    }
    add_custom_slots(decoder);
    for (unsigned i = 0; i < table->columns->len; i++)
        if (table_column(table, i)->is_system)
            decoder->defaults[i] = CELL_ABSENT;
    decoder->id = (int)table->keys[0];
    decoder->time = standard_column(stream, stream->replication_key);
    decoder->add_time = standard_column(stream, "add_time");
    decoder->deleted = standard_column(stream, stream->deleted_key);
    decoder->changed = standard_column(stream, "update_time");
    if (decoder->changed < 0)
        decoder->changed = standard_column(stream, "modified");
    return decoder;
}

void decoder_free(struct decoder *decoder)
{
    if (!decoder)
        return;
    slots_done(&decoder->members);
    slots_done(&decoder->custom);
    g_free(decoder->defaults);
    g_string_free(decoder->extra, TRUE);
    g_string_free(decoder->custom_extra, TRUE);
    g_free(decoder);
}

void decoder_ignore(struct decoder *decoder, GHashTable *ignored, bool learn)
{
    decoder->ignored = ignored;
    decoder->learn = learn;
}

static void meet_unknown_field(struct decoder *decoder, const char *key, size_t length,
                               struct page_facts *facts)
{
    g_autofree char *name = g_strndup(key, length);

    if (decoder->ignored && g_hash_table_contains(decoder->ignored, name))
        return;
    if (decoder->ignored && decoder->learn)
        g_hash_table_add(decoder->ignored, g_steal_pointer(&name));
    else
        facts->unknown_field = true;
}

const struct table *decoder_table(const struct decoder *decoder)
{
    return decoder->table;
}

/* --- _extra --- */

static void put_extra(struct json_writer *writer, GString *out, const struct json_value *key,
                      const struct json_value *value)
{
    if (out->len == 0) {
        *writer = (struct json_writer){.out = out};
        json_begin_object(writer, NULL);
    }
    /* Keys come from the API and may hold anything; json_put_value() escapes them as it does
     * values. */
    {
        g_autofree char *name = g_strndup(key->text, key->length);

        json_put_value(writer, name, value);
    }
}

static void close_extra(struct decoder *decoder, struct batch *batch, struct cell *cell)
{
    if (decoder->custom_extra->len > 0) {
        json_end_object(&decoder->custom_writer);
        if (decoder->extra->len == 0) {
            decoder->extra_writer = (struct json_writer){.out = decoder->extra};
            json_begin_object(&decoder->extra_writer, NULL);
        }
        json_put_raw(&decoder->extra_writer, "custom_fields", decoder->custom_extra->str,
                     decoder->custom_extra->len);
    }
    if (decoder->extra->len == 0) {
        cell_set_null(cell);
        return;
    }
    json_end_object(&decoder->extra_writer);
    cell_set(cell, arena_strndup(batch->arena, decoder->extra->str, decoder->extra->len),
             decoder->extra->len);
}

/* --- one record --- */

/* One part of a custom value; false when it does not fit. */
static bool decode_part(const struct field_part *part, const struct json_value *value,
                        struct batch *batch, struct cell *cell)
{
    if (!part->member) { /* a column that was widened to text takes documents too */
        bool nested = value->kind == JSON_ARRAY || value->kind == JSON_OBJECT;

        return page_convert(value, nested ? COLUMN_JSON : part->type, batch, cell);
    }
    if (*part->member == '\0' || value->kind == JSON_NULL)
        return page_convert(value, part->type, batch, cell);
    if (value->kind == JSON_OBJECT) {
        const struct json_value *member = json_member(value, part->member);

        if (!member) {
            cell_set_null(cell);
            return true;
        }
        return page_convert(member, part->type, batch, cell);
    }
    /* A plain value where an object is usual (v1's habit): it is the main part. */
    if (strcmp(part->member, "value") == 0)
        return page_convert(value, part->type, batch, cell);
    cell_set_null(cell);
    return true;
}

static void decode_custom(struct decoder *decoder, const struct json_value *object,
                          struct batch *batch, struct cell *cells, struct page_facts *facts)
{
    unsigned met = 0, *expected = &decoder->custom.first;

    for (json_each_member(key, value, object)) {
        const struct slot *slot = slots_find(&decoder->custom, key, &expected);
        const struct field *field;
        bool fits = true;

        if (!slot) {
            meet_unknown_field(decoder, key->text, key->length, facts);
            if (value->kind != JSON_NULL)
                put_extra(&decoder->custom_writer, decoder->custom_extra, key, value);
            continue;
        }
        field = slot->field;
        met += field->active;
        for (unsigned i = 0; i < field->parts->len; i++) {
            const struct field_part *part = &g_array_index(field->parts, struct field_part, i);

            int column = slot->columns[i];

            if (column < 0 || decode_part(part, value, batch, &cells[column]))
                continue;
            cell_set_null(&cells[column]);
            batch->rejected++;
            fits = false;
        }
        if (!fits)
            put_extra(&decoder->custom_writer, decoder->custom_extra, key, value);
    }
    /* Lists carry every field, unset ones as null: one that is missing was deleted, unless the list
     * of fields, asked once, knows it still. */
    if (met < decoder->active_fields && object->kind == JSON_OBJECT)
        meet_unknown_field(decoder, "", 0, facts);
}

static bool is_empty(const struct json_value *value)
{
    return value->kind == JSON_NULL || (value->kind == JSON_OBJECT && value->count == 0);
}

static void decode_member(struct decoder *decoder, const struct json_value *key,
                          const struct json_value *value, struct batch *batch, struct cell *cells,
                          struct page_facts *facts, unsigned **expected)
{
    const struct slot *slot = slots_find(&decoder->members, key, expected);

    if (!slot) {
        if (!is_empty(value))
            put_extra(&decoder->extra_writer, decoder->extra, key, value);
        return;
    }
    if (slot->kind == SLOT_CUSTOM && (value->kind == JSON_OBJECT || value->kind == JSON_NULL)) {
        decode_custom(decoder, value, batch, cells, facts);
        return;
    }
    if (slot->column >= 0 && page_convert(value, slot->type, batch, &cells[slot->column]))
        return;
    if (slot->column >= 0)
        cell_set_null(&cells[slot->column]);
    batch->rejected++;
    put_extra(&decoder->extra_writer, decoder->extra, key, value);
}

static instant_t cell_time(const struct cell *cells, int column)
{
    instant_t time;

    if (column < 0 || cells[column].kind != CELL_VALUE ||
        !instant_parse(cells[column].text, cells[column].length, &time))
        return INSTANT_NONE;
    return time;
}

static void mark_deleted(const struct decoder *decoder, struct batch *batch, struct row *row)
{
    int column = decoder->table->deleted_at;
    struct cell *cells = row->cells, *flag = column >= 0 ? &cells[column] : NULL;
    bool deleted = decoder->deleted >= 0 &&
                   cell_is(&cells[decoder->deleted], decoder->stream->deleted_when ? "1" : "0");

    if (!flag)
        row->remove = deleted;
    else if (!deleted)
        cell_set_null(flag);
    else if (decoder->changed >= 0 && cells[decoder->changed].kind == CELL_VALUE)
        *flag = cells[decoder->changed];
    else
        cell_set_instant(batch, flag, batch->asked_at == INSTANT_NONE ? 0 : batch->asked_at);
}

/* What the walk wants to know of each record, rows or not. */
static instant_t note_facts(const struct decoder *decoder, const struct cell *cells,
                            struct page_facts *facts)
{
    instant_t time = cell_time(cells, decoder->time);
    int64_t id;

    if (decoder->time >= 0 && time == INSTANT_NONE)
        facts->null_time = true;
    else if (facts->first_time == INSTANT_NONE)
        facts->first_time = time;
    if (time != INSTANT_NONE)
        facts->last_time = time;
    facts->newest_time = MAX(facts->newest_time, time);
    if (cell_int64(&cells[decoder->id], &id)) {
        if (facts->first_id == 0)
            facts->first_id = id;
        facts->last_id = id;
    }
    return time != INSTANT_NONE ? time : cell_time(cells, decoder->add_time);
}

static struct row *decode_row(struct decoder *decoder, const struct json_value *record,
                              struct batch *batch, struct page_facts *facts)
{
    struct row *row = batch_add_row(batch);
    struct cell *cells = row->cells;
    unsigned *expected = &decoder->members.first;

    for (unsigned i = 0; i < decoder->table->columns->len; i++)
        cells[i].kind = decoder->defaults[i];
    g_string_truncate(decoder->extra, 0);
    g_string_truncate(decoder->custom_extra, 0);
    for (json_each_member(key, value, record))
        decode_member(decoder, key, value, batch, cells, facts, &expected);
    if (cells[decoder->id].kind != CELL_VALUE) {
        batch_drop_last_row(batch);
        batch->skipped++;
        return NULL;
    }
    if (decoder->table->extra >= 0)
        close_extra(decoder, batch, &cells[decoder->table->extra]);
    mark_deleted(decoder, batch, row);
    return row;
}

bool page_decode_record(struct decoder *decoder, const struct json_value *record,
                        struct batch *batch, struct page_facts *facts)
{
    struct row *row =
        record->kind == JSON_OBJECT ? decode_row(decoder, record, batch, facts) : NULL;

    if (row)
        note_facts(decoder, row->cells, facts);
    return row != NULL;
}

static bool is_outside(const struct page_bounds *bounds, instant_t time)
{
    if (!bounds || time == INSTANT_NONE)
        return false;
    return (bounds->from != INSTANT_NONE && time < bounds->from) ||
           (bounds->until != INSTANT_NONE && time >= bounds->until);
}

bool page_decode(struct decoder *decoder, const struct json_value *root,
                 const struct page_bounds *bounds, struct batch *batch, struct page_facts *ret,
                 GError **error)
{
    const struct json_value *data = json_member(root, "data");

    if (!data || (data->kind != JSON_ARRAY && data->kind != JSON_NULL)) {
        error_setf(error, PENSTOCK_ERROR_DATA,
                   "the answer has no \"data\" array: run again later; if it stays so, report it");
        return false;
    }
    *ret = (struct page_facts){
        .first_time = INSTANT_NONE, .last_time = INSTANT_NONE, .newest_time = INSTANT_NONE};
    ret->records = data->kind == JSON_ARRAY ? data->count : 0;
    batch_prepare(batch, decoder->table, MAX(ret->records, 1));
    batch->rejected = batch->skipped = 0;
    for (json_each_item(record, data)) {
        struct row *row;

        if (record->kind != JSON_OBJECT) {
            error_setf(
                error, PENSTOCK_ERROR_DATA,
                "an item of \"data\" is not a record: run again later; if it stays so, report it");
            return false;
        }
        row = decode_row(decoder, record, batch, ret);
        if (row && is_outside(bounds, note_facts(decoder, row->cells, ret)))
            batch_drop_last_row(batch);
    }
    return true;
}
