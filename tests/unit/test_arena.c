#include "base/arena.h"

#include <stdint.h>
#include <string.h>

static void pieces_are_aligned_and_apart(void)
{
    struct arena *arena = arena_new();
    const size_t sizes[] = {1, 15, 16, 17, 1000, 0, 0, 40000, 8, 3000000, 5};
    unsigned char *pieces[G_N_ELEMENTS(sizes)];

    for (size_t i = 0; i < G_N_ELEMENTS(sizes); i++) {
        pieces[i] = arena_alloc(arena, sizes[i]);
        g_assert_nonnull(pieces[i]);
        g_assert_cmpuint((uintptr_t)pieces[i] % 16, ==, 0);
        memset(pieces[i], (int)i, sizes[i]);
    }
    for (size_t i = 0; i < G_N_ELEMENTS(sizes); i++) {
        for (size_t j = 0; j < sizes[i]; j++)
            g_assert_cmpint(pieces[i][j], ==, (int)i);
        for (size_t j = 0; j < i; j++)
            g_assert_true(pieces[i] != pieces[j]);
    }
    arena_free(arena);
}

static void many_small_pieces_keep_their_bytes(void)
{
    struct arena *arena = arena_new();
    enum {
        ROUNDS = 3,
        PIECES = 20000
    };
    uint32_t **pieces = g_new(uint32_t *, PIECES);

    for (uint32_t round = 0; round < ROUNDS; round++) {
        for (uint32_t i = 0; i < PIECES; i++) {
            pieces[i] = arena_new_array(arena, uint32_t, i % 50 + 1);
            pieces[i][i % 50] = i * 7 + round;
        }
        for (uint32_t i = 0; i < PIECES; i++)
            g_assert_cmpuint(pieces[i][i % 50], ==, i * 7 + round);
        arena_reset(arena);
    }
    g_free(pieces);
    arena_free(arena);
}

static void zeroed_pieces_are_zero_after_reuse(void)
{
    struct arena *arena = arena_new();

    memset(arena_alloc(arena, 5000), 0xff, 5000);
    arena_reset(arena);
    const char *piece = arena_alloc0(arena, 5000);
    for (size_t i = 0; i < 5000; i++)
        g_assert_cmpint(piece[i], ==, 0);
    arena_free(arena);
}

static void copies_end_in_a_zero_byte(void)
{
    struct arena *arena = arena_new();

    g_assert_cmpstr(arena_strndup(arena, "stream", 3), ==, "str");
    g_assert_cmpstr(arena_strndup(arena, NULL, 0), ==, "");
    g_assert_cmpint(memcmp(arena_strndup(arena, "a\0b", 3), "a\0b", 4), ==, 0);
    g_assert_cmpstr(arena_printf(arena, "%s/%d", "deals", 42), ==, "deals/42");
    arena_free(arena);
}

static void long_texts_are_not_cut(void)
{
    struct arena *arena = arena_new();
    g_autofree char *text = g_strnfill(100000, 'x');

    g_assert_cmpuint(strlen(arena_printf(arena, "<%s>", text)), ==, 100002);
    arena_free(arena);
}

static void used_bytes_count_from_the_last_reset(void)
{
    struct arena *arena = arena_new();

    g_assert_cmpuint(arena_used_bytes(arena), ==, 0);
    (void)arena_alloc(arena, 100);
    (void)arena_alloc(arena, 2000000);
    g_assert_cmpuint(arena_used_bytes(arena), >=, 2000100);
    g_assert_cmpuint(arena_used_bytes(arena), <, 2000200);
    arena_reset(arena);
    g_assert_cmpuint(arena_used_bytes(arena), ==, 0);
    arena_free(arena);
}

static void free_accepts_null(void)
{
    arena_free(NULL);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/arena/aligned", pieces_are_aligned_and_apart);
    g_test_add_func("/arena/many", many_small_pieces_keep_their_bytes);
    g_test_add_func("/arena/zeroed", zeroed_pieces_are_zero_after_reuse);
    g_test_add_func("/arena/copies", copies_end_in_a_zero_byte);
    g_test_add_func("/arena/long", long_texts_are_not_cut);
    g_test_add_func("/arena/used", used_bytes_count_from_the_last_reset);
    g_test_add_func("/arena/null", free_accepts_null);
    return g_test_run();
}
