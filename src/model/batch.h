/* Batch: rows of one table on their way from a page to a commit, and the credit that bounds memory.
 *
 * A batch owns one arena that holds the page's body, strings and cells. Cells are rows × columns,
 * row-major, and may be text that points into the body. The pool counts bytes: a request may start
 * only after a batch with room for its answer was acquired, so memory is bounded by construction.
 * Threads: a batch has one owner at a time (I/O thread, then loader thread); the pool is
 * thread-safe. */
#ifndef PENSTOCK_MODEL_BATCH_H
#define PENSTOCK_MODEL_BATCH_H

#include "base/arena.h"
#include "base/clock.h"
#include "base/error.h"
#include "model/table.h"

enum cell_kind {
    CELL_ABSENT = 0, /* not in the answer: what is stored stays */
    CELL_NULL,
    CELL_VALUE,
};

/* 16 bytes. */
struct cell {
    const char *text; /* in the column type's form (table.h); not zero-terminated */
    uint32_t length;
    uint8_t kind; /* enum cell_kind */
};

struct row {
    struct cell *cells; /* one a column of the batch's table, system columns included (they stay
                         * absent: the destination fills _synced_at and _run_id; _deleted_at and
                         * _extra are the decoder's) */
    bool remove; /* delete the row with this key; TABLE_REPLICATED: unless a newer version is stored
                  */
};

struct batch {
    const struct table *table;
    struct arena *arena;
    struct row *rows; /* in the arena */
    unsigned row_count;
    unsigned row_room;
    instant_t
        asked_at; /* server's time when the request was sent, a lower bound: guards tombstones */
    unsigned rejected;       /* cells that did not fit their column and went to _extra */
    unsigned skipped;        /* records without a usable key */
    struct batch_pool *pool; /* NULL for batches outside a pool */
    size_t credit_bytes;     /* what it holds of the pool */
    char *body;              /* the page's bytes that cells point into; g_free'd with the batch */
    size_t body_bytes;       /* what body occupies; set by whoever sets body */
};

struct batch_pool;

struct batch_pool *batch_pool_new(size_t capacity_bytes);
/* All batches must be back. */
void batch_pool_free(struct batch_pool *pool);
/* Called on release, from the releasing thread: wakes the I/O thread. */
void batch_pool_on_release(struct batch_pool *pool, void (*wake)(void *), void *opaque);
/* NULL when credit is short (never when nothing is out: one batch always may go). Does not block.
 */
struct batch *batch_acquire(struct batch_pool *pool, size_t credit_bytes);
/* Grows or shrinks the credit to what the batch turned out to need; growing never fails, it makes
 * the pool wait. */
void batch_adjust_credit(struct batch *batch, size_t credit_bytes);
size_t batch_pool_used_bytes(struct batch_pool *pool);

/* A batch without a pool. */
struct batch *batch_new(void);
/* Sets the table and makes room; row count becomes 0. */
void batch_prepare(struct batch *batch, const struct table *table, unsigned row_room);
/* Appends a row whose cells are all absent; grows when room runs out. */
struct row *batch_add_row(struct batch *batch);
/* Appends a row that is a copy of cells, one a column, texts included. */
void batch_copy_row(struct batch *batch, const struct cell *cells);
void batch_drop_last_row(struct batch *batch);
/* Bytes that it really occupies: arena and body. */
size_t batch_used_bytes(const struct batch *batch);
/* Gives memory and credit back. Accepts NULL. */
void batch_release(struct batch *batch);

static inline void cell_set(struct cell *cell, const char *text, size_t length)
{
    *cell = (struct cell){.text = text, .length = (uint32_t)length, .kind = CELL_VALUE};
}
static inline void cell_set_null(struct cell *cell)
{
    *cell = (struct cell){.kind = CELL_NULL};
}
/* Copies into the batch's arena. NULL text = null. */
void cell_set_string(struct batch *batch, struct cell *cell, const char *text);
void cell_set_int(struct batch *batch, struct cell *cell, int64_t value);
/* NONE = null. */
void cell_set_instant(struct batch *batch, struct cell *cell, instant_t instant);
bool cell_int64(const struct cell *cell, int64_t *ret);
bool cell_is(const struct cell *cell, const char *text);

#endif
