/* Answers of the API: any bytes become rows or an error of ours, and whatever becomes a cell has
 * the form that its column promises (model/table.h), so that no database ever has to refuse one.
 *
 * The first byte chooses: bits 0-3 the stream, 4-5 the mode of custom fields (3: gated), 6 whether
 * the first load is over, 7 the second list. */
#include "fuzz.h"
#include "pipedrive/walk.h"

#include <string.h>

struct subject {
    const struct stream *stream;
    struct stream_state state;
    struct fields *fields;
    struct table *table;
    struct decoder *decoder;
    struct batch *batch;
    struct walk *walk;
    struct json_parser *parser;
};

/* --- what the answer is for --- */

/* A field of every shape, with keys that a fuzzer finds. */
static const char *const field_types[][2] = {
    {"a", "address"},    {"b", "boolean"}, {"c", "double"},   {"d", "date"},      {"e", "enum"},
    {"f", "daterange"},  {"i", "int"},     {"m", "monetary"}, {"s", "set"},       {"t", "time"},
    {"u", "unheard of"}, {"v", "varchar"}, {"value", "text"}, {"w", "timerange"},
};

static char *field_list(void)
{
    GString *text = g_string_new("{\"data\":[");

    for (size_t i = 0; i < G_N_ELEMENTS(field_types); i++)
        g_string_append_printf(text,
                               "{\"field_code\":\"%s\",\"field_name\":\"%s\","
                               "\"field_type\":\"%s\",\"is_custom_field\":true},",
                               field_types[i][0], field_types[i][0], field_types[i][1]);
    g_string_append(text, "{}]}");
    return g_string_free(text, FALSE);
}

static void take_fields(struct subject *s)
{
    struct arena *arena = arena_new();
    g_autofree char *text = field_list(), *cursor = NULL;
    size_t length = strlen(text);
    g_autofree char *bytes = g_malloc0(length + JSON_PADDING);
    const struct json_value *root;
    bool changed;

    memcpy(bytes, text, length);
    g_assert_true(json_parse(s->parser, bytes, length, arena, &root, NULL));
    fields_begin_list(s->fields);
    g_assert_true(fields_take_page(s->fields, root, &cursor, NULL));
    fields_end_list(s->fields, &changed);
    arena_free(arena);
}

static struct walk *new_walk(struct subject *s, bool loaded, bool second)
{
    static const struct parent parents[] = {{.id = 1, .count = 1}, {.id = 2, .count = -1}};
    unsigned list = second ? s->stream->list_count - 1 : 0;

    if (s->stream->walk == WALK_LINES)
        return walk_new_lines(s->stream, parents, second ? 1 : G_N_ELEMENTS(parents));
    if (s->stream->walk == WALK_FLOW)
        return walk_new_flow(s->stream, parents);
    s->state.lists[list].loaded = loaded;
    s->state.lists[list].bookmark = loaded ? INT64_C(1700000000) * INSTANT_SECOND : INSTANT_NONE;
    walk_begin_leg(s->stream, list, LEG_HEAD, &s->state, INSTANT_NONE);
    return walk_new_list(s->stream, list, LEG_HEAD, &s->state);
}

static void open_subject(struct subject *s, uint8_t choice)
{
    static const enum fields_mode modes[] = {FIELDS_AS_NAMES, FIELDS_AS_KEYS, FIELDS_AS_JSON,
                                             FIELDS_AS_NAMES};
    unsigned mode = choice >> 4 & 3;

    *s = (struct subject){.stream = &catalog[choice % STREAM_COUNT]};
    s->parser = json_parser_new();
    s->batch = batch_new();
    stream_state_init(&s->state);
    if (s->stream->fields != FIELDS_NONE) {
        s->fields = fields_new(s->stream, modes[mode]);
        take_fields(s);
    }
    s->table = fields_build_table(s->stream, s->fields, METADATA_NATIVE);
    s->decoder = decoder_new(s->stream, s->fields, s->table, mode == 3);
    s->walk = new_walk(s, choice & 64, choice & 128);
}

static void close_subject(struct subject *s)
{
    walk_free(s->walk);
    decoder_free(s->decoder);
    table_free(s->table);
    fields_free(s->fields);
    batch_release(s->batch);
    stream_state_done(&s->state);
    json_parser_free(s->parser);
}

/* --- what became of it --- */

static bool is_json(struct subject *s, const char *text, size_t length)
{
    struct arena *arena = arena_new();
    g_autofree char *bytes = g_malloc0(length + JSON_PADDING);
    const struct json_value *root;
    bool good;

    memcpy(bytes, text, length);
    good = json_parse(s->parser, bytes, length, arena, &root, NULL);
    arena_free(arena);
    return good;
}

static bool is_timestamp(const struct cell *cell)
{
    char text[INSTANT_TEXT_BYTES];
    instant_t instant;

    if (!instant_parse(cell->text, cell->length, &instant))
        return false;
    instant_format_sql(instant, text);
    return cell_is(cell, text);
}

static bool has_form(struct subject *s, const struct cell *cell, enum column_type type)
{
    int64_t number;

    switch (type) {
    case COLUMN_INTEGER:
        return cell_int64(cell, &number);
    case COLUMN_DECIMAL:
        return is_json(s, cell->text, cell->length) &&
               (*cell->text == '-' || g_ascii_isdigit(*cell->text));
    case COLUMN_BOOLEAN:
        return cell_is(cell, "0") || cell_is(cell, "1");
    case COLUMN_TIMESTAMP:
        return is_timestamp(cell);
    case COLUMN_DATE:
        return date_is_valid(cell->text, cell->length);
    case COLUMN_TIME:
        return cell->length == 8 && time_of_day_is_valid(cell->text, cell->length);
    case COLUMN_TEXT: /* may hold zero bytes, which GLib's check does not take */
        return true;
    case COLUMN_JSON:
        return is_json(s, cell->text, cell->length);
    }
    g_assert_not_reached();
}

static void check_rows(struct subject *s)
{
    for (unsigned i = 0; i < s->batch->row_count; i++) {
        const struct cell *cells = s->batch->rows[i].cells;

        g_assert_cmpint(cells[s->table->keys[0]].kind, ==, CELL_VALUE);
        g_assert_cmpint(cells[s->table->synced_at].kind, ==, CELL_ABSENT);
        g_assert_cmpint(cells[s->table->run_id].kind, ==, CELL_ABSENT);
        for (unsigned j = 0; j < s->table->columns->len; j++)
            if (cells[j].kind == CELL_VALUE)
                g_assert_true(has_form(s, &cells[j], table_column(s->table, j)->type));
    }
}

static void check_counts(const struct subject *s, const struct page_facts *facts)
{
    unsigned gone = s->batch->skipped;

    g_assert_cmpuint(s->batch->row_count, <=, facts->records);
    g_assert_cmpuint(s->batch->row_count + gone, <=, facts->records);
}

/* The state that a walk leaves behind is one that the next run can read. */
static void check_state(struct subject *s)
{
    struct arena *arena = arena_new();
    g_autoptr(GString) text = g_string_new(NULL);
    const struct json_value *root;
    struct stream_state back;
    size_t length;

    stream_state_write(&s->state, s->stream, text);
    length = text->len;
    g_string_set_size(text, length + JSON_PADDING);
    memset(text->str + length, 0, JSON_PADDING);
    stream_state_init(&back);
    g_assert_true(json_parse(s->parser, text->str, length, arena, &root, NULL));
    g_assert_true(stream_state_read(&back, s->stream, root, NULL));
    stream_state_done(&back);
    arena_free(arena);
}

static void check_data_error(const GError *error)
{
    g_assert_error(error, PENSTOCK_ERROR, PENSTOCK_ERROR_DATA);
}

/* False when there is nothing more to ask. */
static bool take_answer(struct subject *s, const struct json_value *root)
{
    instant_t date = INT64_C(1795521600) * INSTANT_SECOND;
    struct page_facts facts;
    struct walk_step step;
    g_autoptr(GError) error = NULL;
    g_autoptr(GString) request = g_string_new(NULL);

    if (!walk_decode(s->walk, s->decoder, root, s->batch, &facts, &error)) {
        check_data_error(error);
        return true;
    }
    check_rows(s);
    check_counts(s, &facts);
    if (!walk_advance(s->walk, root, &facts, s->batch, date, &step, &error)) {
        check_data_error(error);
        return true;
    }
    check_state(s);
    if (!step.done)
        walk_request(s->walk, request);
    walk_step_done(&step);
    return !step.done;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    g_autofree char *bytes = NULL;
    const struct json_value *root;
    struct arena *arena;
    struct subject s;

    if (size == 0)
        return 0;
    bytes = g_malloc0(size - 1 + JSON_PADDING);
    memcpy(bytes, data + 1, size - 1);
    arena = arena_new();
    open_subject(&s, data[0]);
    if (json_parse(s.parser, bytes, size - 1, arena, &root, NULL))
        (void)(take_answer(&s, root) && take_answer(&s, root)); /* a server that repeats itself */
    close_subject(&s);
    arena_free(arena);
    return 0;
}
