#include "base/arena.h"

#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#define ALIGNMENT ((size_t)16)

#if defined(__SANITIZE_ADDRESS__)
#define PIECE_PER_MALLOC 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define PIECE_PER_MALLOC 1
#endif
#endif

static size_t round_up(size_t size)
{
    if (size > SIZE_MAX / 2)
        g_error("arena: %zu bytes asked for", size);
    /* Even nothing takes a piece, so that its pointer is unique. */
    return size ? (size + ALIGNMENT - 1) & ~(ALIGNMENT - 1) : ALIGNMENT;
}

#ifdef PIECE_PER_MALLOC

struct arena {
    GPtrArray *pieces;
    size_t used_bytes;
};

struct arena *arena_new(void)
{
    struct arena *arena = g_new0(struct arena, 1);

    arena->pieces = g_ptr_array_new_with_free_func(g_free);
    return arena;
}

void arena_free(struct arena *arena)
{
    if (!arena)
        return;
    g_ptr_array_unref(arena->pieces);
    g_free(arena);
}

void arena_reset(struct arena *arena)
{
    g_ptr_array_set_size(arena->pieces, 0);
    arena->used_bytes = 0;
}

void *arena_alloc(struct arena *arena, size_t size)
{
    void *piece = g_malloc(size ? size : 1);

    g_ptr_array_add(arena->pieces, piece);
    arena->used_bytes += round_up(size);
    return piece;
}

#else

/* Small enough to be cheap for a page of ten rows; later blocks grow with what the batch needs. */
#define FIRST_BLOCK_BYTES   ((size_t)32 << 10)
#define LARGEST_BLOCK_BYTES ((size_t)1 << 20)

struct block {
    struct block *older;
    size_t capacity; /* bytes after this header */
    size_t taken;
    _Alignas(16) unsigned char bytes[];
};

struct arena {
    struct block *newest; /* pieces are cut from it */
    struct block *large;  /* blocks of one piece, too big to share */
    size_t next_capacity;
    size_t used_bytes;
};

static struct block *block_new(size_t capacity, struct block *older)
{
    struct block *block = g_malloc(sizeof(*block) + capacity);

    block->older = older;
    block->capacity = capacity;
    block->taken = 0;
    return block;
}

static void free_blocks(struct block *block)
{
    while (block) {
        struct block *older = block->older;
        g_free(block);
        block = older;
    }
}

struct arena *arena_new(void)
{
    struct arena *arena = g_new0(struct arena, 1);

    arena->next_capacity = FIRST_BLOCK_BYTES;
    return arena;
}

void arena_free(struct arena *arena)
{
    if (!arena)
        return;
    free_blocks(arena->newest);
    free_blocks(arena->large);
    g_free(arena);
}

void arena_reset(struct arena *arena)
{
    free_blocks(g_steal_pointer(&arena->large));
    if (arena->newest) {
        free_blocks(g_steal_pointer(&arena->newest->older));
        arena->newest->taken = 0;
    }
    arena->used_bytes = 0;
}

static void *take_piece_of_new_block(struct arena *arena, size_t size)
{
    /* A large piece gets a block of its own; the rest of the shared one stays in use. */
    if (size > arena->next_capacity / 4) {
        arena->large = block_new(size, arena->large);
        return arena->large->bytes;
    }
    arena->newest = block_new(arena->next_capacity, arena->newest);
    arena->next_capacity = MIN(arena->next_capacity * 2, LARGEST_BLOCK_BYTES);
    arena->newest->taken = size;
    return arena->newest->bytes;
}

void *arena_alloc(struct arena *arena, size_t size)
{
    struct block *block = arena->newest;

    size = round_up(size);
    arena->used_bytes += size;
    if (G_UNLIKELY(!block || block->capacity - block->taken < size))
        return take_piece_of_new_block(arena, size);
    void *piece = block->bytes + block->taken;
    block->taken += size;
    return piece;
}

#endif

void *arena_alloc0(struct arena *arena, size_t size)
{
    return memset(arena_alloc(arena, size), 0, size);
}

char *arena_strndup(struct arena *arena, const char *bytes, size_t length)
{
    char *copy = arena_alloc(arena, length + 1);

    if (length)
        memcpy(copy, bytes, length);
    copy[length] = '\0';
    return copy;
}

char *arena_printf(struct arena *arena, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    g_autofree char *text = g_strdup_vprintf(format, arguments);
    va_end(arguments);
    return arena_strndup(arena, text, strlen(text));
}

size_t arena_used_bytes(const struct arena *arena)
{
    return arena->used_bytes;
}
