/* One record, asked for by its id: how a full pass learns what became of a row that no list showed.
 */
#include "pipedrive/walk_private.h"

static void request_record(const struct walk *walk, GString *path)
{
    g_string_append_printf(path, "%s/%" G_GINT64_FORMAT, walk->stream->lists[0].path, walk->record);
    append_includes(walk->stream, walk->state->gated, '?', path);
}

static bool decode_record(const struct walk *walk, struct decoder *decoder,
                          const struct json_value *root, struct batch *batch,
                          struct page_facts *ret, GError **error)
{
    const struct json_value *data = json_member(root, "data");

    *ret = (struct page_facts){.first_time = INSTANT_NONE, .last_time = INSTANT_NONE};
    batch_prepare(batch, decoder_table(decoder), 1);
    batch->rejected = batch->skipped = 0;
    if (data && data->kind == JSON_OBJECT && page_decode_record(decoder, data, batch, ret) &&
        ret->first_id == walk->record)
        return true;
    error_setf(error, PENSTOCK_ERROR_DATA,
               "the answer is not the record %" G_GINT64_FORMAT
               " that was asked for: run again later; if it stays so, report it",
               walk->record);
    return false;
}

static bool advance_record(struct walk *walk, const struct json_value *root,
                           const struct page_facts *facts, const struct batch *batch,
                           instant_t date, struct walk_step *step, GError **error)
{
    (void)walk, (void)root, (void)facts, (void)batch, (void)date, (void)error;
    step->done = true;
    return true;
}

static const struct walk_ops record_ops = {
    .request = request_record, .decode = decode_record, .advance = advance_record};

struct walk *walk_new_record(const struct stream *stream, int64_t id, struct stream_state *state)
{
    struct walk *walk = walk_alloc(&record_ops, stream);

    walk->state = state; /* for what the plan allows to ask; a record moves nothing in it */
    walk->record = id;
    walk->limit = 1;
    return walk;
}

unsigned walk_pass_lists(const struct stream *stream, unsigned ret[PASS_MAX_WALKS])
{
    unsigned count = 0;

    if (stream->get_tokens == 0)
        return 0;
    for (unsigned i = stream->list_count; i-- > 0;)
        ret[count++] = i;
    if (stream->list_count > 1)
        ret[count++] = stream->list_count - 1;
    return count;
}
