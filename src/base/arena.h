/* Arena: many small allocations, one reset.
 *
 * Every batch owns one; body, strings and cells of a page live in it and die together. Pieces are
 * never freed alone. Under AddressSanitizer each piece is a malloc of its own, so that overruns and
 * stale pointers are seen. Not thread-safe: whoever holds the batch holds the arena. Allocation
 * failure aborts (GLib's way). */
#ifndef PENSTOCK_BASE_ARENA_H
#define PENSTOCK_BASE_ARENA_H

#include <glib.h>
#include <stddef.h>

struct arena;

struct arena *arena_new(void);
/* Accepts NULL. */
void arena_free(struct arena *arena);
/* Frees every piece but keeps one block for reuse. */
void arena_reset(struct arena *arena);

/* 16-byte aligned, not zeroed. size may be 0 (a unique non-NULL pointer comes back). */
void *arena_alloc(struct arena *arena, size_t size) __attribute__((malloc, returns_nonnull));
void *arena_alloc0(struct arena *arena, size_t size) __attribute__((malloc, returns_nonnull));
/* Copy with a zero byte appended. */
char *arena_strndup(struct arena *arena, const char *bytes, size_t length);
char *arena_printf(struct arena *arena, const char *format, ...) G_GNUC_PRINTF(2, 3);

/* Bytes handed out since the last reset: what the batch's credit counts. */
size_t arena_used_bytes(const struct arena *arena);

#define arena_new_array(arena, type, count)                                                        \
    ((type *)arena_alloc0((arena), sizeof(type) * (size_t)(count)))

#endif
