#include "sync/seen.h"

#include "sync/system.h"

#include <string.h>

#define CHUNK_SHIFT 12
#define CHUNK_IDS   (1 << CHUNK_SHIFT)
#define CHUNK_BYTES (CHUNK_IDS / 8)

/* Chunks by number, each CHUNK_BYTES of bits. */
static GHashTable *chunks_new(void)
{
    return g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free, g_free);
}

static guint8 *chunk_of(GHashTable *chunks, int64_t number)
{
    guint8 *bits = g_hash_table_lookup(chunks, &number);

    if (!bits) {
        bits = g_malloc0(CHUNK_BYTES);
        g_hash_table_insert(chunks, g_memdup2(&number, sizeof number), bits);
    }
    return bits;
}

static unsigned bit_of(int64_t id)
{
    return (unsigned)(id & (CHUNK_IDS - 1));
}

static void set_bit(guint8 *bits, unsigned bit)
{
    bits[bit / 8] |= (guint8)(1u << bit % 8);
}

static bool has_bit(const guint8 *bits, unsigned bit)
{
    return bits[bit / 8] >> bit % 8 & 1;
}

/* --- what is stored --- */

struct loading {
    const char *name;
    GHashTable *chunks;
};

/* Joins what is stored to what is there. A row that somebody damaged counts as not seen: then more
 * is asked for, and nothing is lost. */
static void take_chunk(const struct cell *cells, void *opaque)
{
    const struct loading *loading = opaque;
    const struct cell *ids = &cells[SEEN_IDS];
    g_autofree guchar *stored = NULL;
    g_autofree char *text = NULL;
    guint8 *bits;
    int64_t number;
    gsize length;

    if (!cell_is(&cells[SEEN_TABLE], loading->name) || ids->kind != CELL_VALUE ||
        !cell_int64(&cells[SEEN_CHUNK], &number))
        return;
    text = g_strndup(ids->text, ids->length);
    stored = g_base64_decode(text, &length);
    if (length != CHUNK_BYTES)
        return;
    bits = chunk_of(loading->chunks, number);
    for (unsigned i = 0; i < CHUNK_BYTES; i++)
        bits[i] |= stored[i];
}

static bool load_all(const struct seen *seen, const char *name, GHashTable *chunks, GError **error)
{
    struct loading loading = {name, chunks};
    struct cell value = {.text = name, .length = (uint32_t)strlen(name), .kind = CELL_VALUE};
    struct read_query query = {.table = seen->table,
                               .where = SEEN_TABLE,
                               .values = &value,
                               .value_count = 1,
                               .order_by = -1};

    return destination_read(seen->dest, &query, take_chunk, &loading, error);
}

/* Only the chunks that are in the table of chunks already. */
static bool load_same(const struct seen *seen, const char *name, GHashTable *chunks,
                      struct batch *scratch, GError **error)
{
    struct loading loading = {name, chunks};
    unsigned count = 0;
    g_autofree struct cell *values = g_new0(struct cell, g_hash_table_size(chunks));
    struct read_query query = {
        .table = seen->table, .where = SEEN_CHUNK, .values = values, .order_by = -1};
    GHashTableIter iter;
    void *number;

    g_hash_table_iter_init(&iter, chunks);
    while (g_hash_table_iter_next(&iter, &number, NULL))
        cell_set_int(scratch, &values[count++], *(int64_t *)number);
    query.value_count = count;
    return count == 0 || destination_read(seen->dest, &query, take_chunk, &loading, error);
}

static void add_chunk(struct batch *batch, const char *name, int64_t number, const guint8 *bits)
{
    struct row *row = batch_add_row(batch);
    g_autofree char *text = bits ? g_base64_encode(bits, CHUNK_BYTES) : NULL;

    cell_set_int(batch, &row->cells[SEEN_CHUNK], number);
    cell_set_string(batch, &row->cells[SEEN_TABLE], name);
    if (bits)
        cell_set_string(batch, &row->cells[SEEN_IDS], text);
    row->remove = !bits;
}

/* The numbers of all chunks; bits only where they are to stay. */
static void add_chunks(struct batch *batch, const char *name, GHashTable *chunks, bool remove)
{
    GHashTableIter iter;
    void *number, *bits;

    g_hash_table_iter_init(&iter, chunks);
    while (g_hash_table_iter_next(&iter, &number, &bits))
        add_chunk(batch, name, *(int64_t *)number, remove ? NULL : bits);
}

static bool write_batch(const struct seen *seen, struct batch *batch, GError **error)
{
    struct write_counts counts;

    return batch->row_count == 0 || destination_write(seen->dest, batch, &counts, error);
}

/* --- noting --- */

bool seen_note(const struct seen *seen, const char *name, const GArray *ids, GError **error)
{
    g_autoptr(GHashTable) chunks = chunks_new();
    struct batch *batch = batch_new();
    bool good;

    batch_prepare(batch, seen->table, 16);
    for (unsigned i = 0; i < ids->len; i++) {
        int64_t id = g_array_index(ids, int64_t, i);

        set_bit(chunk_of(chunks, id >> CHUNK_SHIFT), bit_of(id));
    }
    good = load_same(seen, name, chunks, batch, error);
    if (good) {
        add_chunks(batch, name, chunks, false);
        good = write_batch(seen, batch, error);
    }
    batch_release(batch);
    return good;
}

bool seen_note_batch(const struct seen *seen, const struct batch *batch, GError **error)
{
    g_autoptr(GArray) ids = g_array_sized_new(FALSE, FALSE, sizeof(int64_t), batch->row_count);

    for (unsigned i = 0; i < batch->row_count; i++) {
        int64_t id;

        if (cell_int64(&batch->rows[i].cells[batch->table->keys[0]], &id))
            g_array_append_val(ids, id);
    }
    return seen_note(seen, batch->table->name, ids, error);
}

bool seen_clear(const struct seen *seen, const char *name, GError **error)
{
    g_autoptr(GHashTable) chunks = chunks_new();
    struct batch *batch;
    bool good;

    if (!load_all(seen, name, chunks, error))
        return false;
    batch = batch_new();
    batch_prepare(batch, seen->table, 16);
    add_chunks(batch, name, chunks, true);
    good = write_batch(seen, batch, error);
    batch_release(batch);
    return good;
}

/* --- who is missing --- */

struct searching {
    GHashTable *chunks;
    struct suspects *suspects;
    unsigned limit;
};

static void look_at_row(const struct cell *cells, void *opaque)
{
    struct searching *searching = opaque;
    const guint8 *bits;
    int64_t id, number;

    searching->suspects->alive++;
    if (!cell_int64(&cells[0], &id))
        return;
    number = id >> CHUNK_SHIFT;
    bits = g_hash_table_lookup(searching->chunks, &number);
    if (bits && has_bit(bits, bit_of(id)))
        return;
    searching->suspects->total++;
    if (searching->suspects->ids->len < searching->limit)
        g_array_append_val(searching->suspects->ids, id);
}

bool seen_suspects(const struct seen *seen, const struct table *table, unsigned limit,
                   struct suspects *ret, GError **error)
{
    g_autoptr(GHashTable) chunks = chunks_new();
    struct searching searching = {chunks, ret, limit};
    struct read_query query = {.table = table,
                               .columns = table->keys,
                               .column_count = 1,
                               .where = -1,
                               .live_only = true,
                               .order_by = (int)table->keys[0]};

    *ret = (struct suspects){.ids = g_array_new(FALSE, FALSE, sizeof(int64_t))};
    if (load_all(seen, table->name, chunks, error) &&
        destination_read(seen->dest, &query, look_at_row, &searching, error))
        return true;
    g_clear_pointer(&ret->ids, g_array_unref);
    return false;
}
