#include "model/batch.h"

#include "base/handover.h"

#include <string.h>

/* Thread-safe by its mutex. Only sums are kept: a batch's memory goes back to the allocator on
 * release, so that one wide page does not hold its blocks for the rest of the run. */
struct batch_pool {
    GMutex mutex;
    size_t capacity_bytes;
    size_t used_bytes;
    unsigned out; /* batches not yet back */
    void (*wake)(void *opaque);
    void *wake_opaque;
};

static void pool_lock(struct batch_pool *pool)
{
    g_mutex_lock(&pool->mutex);
    handover_take(pool);
}

static void pool_unlock(struct batch_pool *pool)
{
    handover_give(pool);
    g_mutex_unlock(&pool->mutex);
}

struct batch_pool *batch_pool_new(size_t capacity_bytes)
{
    struct batch_pool *pool = g_new0(struct batch_pool, 1);
    g_mutex_init(&pool->mutex);
    pool->capacity_bytes = capacity_bytes;
    return pool;
}

void batch_pool_free(struct batch_pool *pool)
{
    if (!pool)
        return;
    g_assert(pool->out == 0);
    g_mutex_clear(&pool->mutex);
    g_free(pool);
}

void batch_pool_on_release(struct batch_pool *pool, void (*wake)(void *), void *opaque)
{
    pool_lock(pool);
    pool->wake = wake;
    pool->wake_opaque = opaque;
    pool_unlock(pool);
}

/* One batch may always go, however large, or a page over the capacity would never be read. */
static bool take_credit(struct batch_pool *pool, size_t credit_bytes)
{
    pool_lock(pool);
    size_t room =
        pool->capacity_bytes > pool->used_bytes ? pool->capacity_bytes - pool->used_bytes : 0;
    bool ok = pool->out == 0 || credit_bytes <= room;
    if (ok) {
        pool->out++;
        pool->used_bytes += credit_bytes;
    }
    pool_unlock(pool);
    return ok;
}

struct batch *batch_acquire(struct batch_pool *pool, size_t credit_bytes)
{
    if (!take_credit(pool, credit_bytes))
        return NULL;
    struct batch *batch = batch_new();
    batch->pool = pool;
    batch->credit_bytes = credit_bytes;
    return batch;
}

static void wake(struct batch_pool *pool)
{
    pool_lock(pool);
    void (*func)(void *) = pool->wake;
    void *opaque = pool->wake_opaque;
    pool_unlock(pool);
    if (func) /* outside the lock: it may call back into the pool */
        func(opaque);
}

void batch_adjust_credit(struct batch *batch, size_t credit_bytes)
{
    struct batch_pool *pool = batch->pool;
    size_t before = batch->credit_bytes;
    batch->credit_bytes = credit_bytes;
    if (!pool || credit_bytes == before)
        return;
    pool_lock(pool);
    pool->used_bytes = pool->used_bytes - before + credit_bytes;
    pool_unlock(pool);
    if (credit_bytes < before)
        wake(pool);
}

size_t batch_pool_used_bytes(struct batch_pool *pool)
{
    pool_lock(pool);
    size_t used = pool->used_bytes;
    pool_unlock(pool);
    return used;
}

struct batch *batch_new(void)
{
    struct batch *batch = g_new0(struct batch, 1);
    batch->arena = arena_new();
    batch->asked_at = INSTANT_NONE;
    return batch;
}

void batch_prepare(struct batch *batch, const struct table *table, unsigned row_room)
{
    batch->table = table;
    batch->row_count = 0;
    batch->row_room = row_room;
    batch->rows = arena_new_array(batch->arena, struct row, row_room);
}

static void make_room(struct batch *batch)
{
    unsigned room = MAX(16, batch->row_room * 2);
    struct row *rows = arena_new_array(batch->arena, struct row, room);
    if (batch->row_count)
        memcpy(rows, batch->rows, sizeof(struct row) * batch->row_count);
    batch->rows = rows;
    batch->row_room = room;
}

struct row *batch_add_row(struct batch *batch)
{
    if (batch->row_count == batch->row_room)
        make_room(batch);
    struct row *row = &batch->rows[batch->row_count++];
    size_t columns = batch->table->columns->len;
    if (row->cells) /* of a row that was dropped */
        memset(row->cells, 0, columns * sizeof(struct cell));
    else
        row->cells = arena_new_array(batch->arena, struct cell, columns);
    row->remove = false;
    return row;
}

void batch_copy_row(struct batch *batch, const struct cell *cells)
{
    struct row *row = batch_add_row(batch);

    for (unsigned i = 0; i < batch->table->columns->len; i++) {
        row->cells[i] = cells[i];
        if (cells[i].kind == CELL_VALUE)
            row->cells[i].text = arena_strndup(batch->arena, cells[i].text, cells[i].length);
    }
}

void batch_drop_last_row(struct batch *batch)
{
    g_assert(batch->row_count > 0);
    batch->row_count--;
}

size_t batch_used_bytes(const struct batch *batch)
{
    return arena_used_bytes(batch->arena) + batch->body_bytes;
}

static void return_credit(struct batch_pool *pool, size_t credit_bytes)
{
    pool_lock(pool);
    pool->out--;
    pool->used_bytes -= credit_bytes;
    pool_unlock(pool);
    wake(pool);
}

void batch_release(struct batch *batch)
{
    if (!batch)
        return;
    struct batch_pool *pool = batch->pool;
    size_t credit_bytes = batch->credit_bytes;
    arena_free(batch->arena);
    g_free(batch->body);
    g_free(batch);
    if (pool)
        return_credit(pool, credit_bytes);
}

void cell_set_string(struct batch *batch, struct cell *cell, const char *text)
{
    if (!text) {
        cell_set_null(cell);
        return;
    }
    size_t length = strlen(text);
    cell_set(cell, arena_strndup(batch->arena, text, length), length);
}

void cell_set_int(struct batch *batch, struct cell *cell, int64_t value)
{
    char text[24];
    int length = g_snprintf(text, sizeof text, "%" G_GINT64_FORMAT, value);
    cell_set(cell, arena_strndup(batch->arena, text, (size_t)length), (size_t)length);
}

void cell_set_instant(struct batch *batch, struct cell *cell, instant_t instant)
{
    if (instant == INSTANT_NONE) {
        cell_set_null(cell);
        return;
    }
    char text[INSTANT_TEXT_BYTES];
    instant_format_sql(instant, text);
    cell_set_string(batch, cell, text);
}

bool cell_int64(const struct cell *cell, int64_t *ret)
{
    if (cell->kind != CELL_VALUE || cell->length == 0)
        return false;
    const char *p = cell->text, *end = p + cell->length;
    bool negative = *p == '-';
    if (negative && ++p == end)
        return false;
    bool is_short = end - p <= 18; /* cannot overflow: spares a division per digit */
    uint64_t limit = negative ? (uint64_t)INT64_MAX + 1 : INT64_MAX;
    uint64_t value = 0;
    for (; p < end; p++) {
        unsigned digit = (unsigned)(unsigned char)*p - '0';
        if (digit > 9 || (!is_short && value > (limit - digit) / 10))
            return false;
        value = value * 10 + digit;
    }
    *ret = negative ? (int64_t)(0 - value) : (int64_t)value;
    return true;
}

bool cell_is(const struct cell *cell, const char *text)
{
    return cell->kind == CELL_VALUE && strlen(text) == cell->length &&
           memcmp(cell->text, text, cell->length) == 0;
}
