#include "common/arena.h"

#include "tests/unit/test.h"

static void test_memory_is_zeroed_and_aligned(void **state)
{
    (void)state;
    struct arena *arena = arena_new(128);
    for (size_t round = 0; round < 3; round++) {
        for (size_t bytes = 0; bytes < 300; bytes += 7) {
            unsigned char *memory = arena_alloc(arena, bytes);
            assert_int_equal((uintptr_t)memory % _Alignof(max_align_t), 0);
            for (size_t i = 0; i < bytes; i++)
                assert_int_equal(memory[i], 0);
            memset(memory, 0xAA, bytes);
        }
        arena_reset(arena); /* what was written must not show after it */
    }
    arena_destroy(arena);
}

static void test_allocations_do_not_overlap(void **state)
{
    (void)state;
    struct arena *arena = arena_new(64);
    char *parts[40];
    for (size_t i = 0; i < COUNT_OF(parts); i++) {
        size_t len = i % 5 == 0 ? 200 : 10;
        parts[i] = arena_alloc(arena, len);
        memset(parts[i], (int)i + 1, len);
    }
    for (size_t i = 0; i < COUNT_OF(parts); i++)
        for (size_t k = 0; k < (i % 5 == 0 ? 200U : 10U); k++)
            assert_int_equal(parts[i][k], (int)i + 1);
    arena_destroy(arena);
}

static void test_a_large_piece_leaves_the_room_of_its_block(void **state)
{
    (void)state;
    struct arena *arena = arena_new(1024);
    char *first = arena_alloc(arena, 16);
    char *large = arena_alloc(arena, 5000);
    char *second = arena_alloc(arena, 16);
    assert_non_null(large);
    assert_ptr_equal(second, first + 16);
    arena_destroy(arena);
}

static void test_texts_are_copied(void **state)
{
    (void)state;
    struct arena *arena = arena_new(64);
    assert_string_equal(arena_strdup(arena, ""), "");
    assert_string_equal(arena_strndup(arena, "abcdef", 3), "abc");
    assert_string_equal(arena_strndup(arena, NULL, 0), "");
    char *long_text = arena_printf(arena, "%0200d-%s", 7, "end");
    assert_int_equal(strlen(long_text), 204);
    assert_string_equal(long_text + 199, "7-end");
    arena_destroy(arena);
}

static char order[8];

static void note(void *what)
{
    size_t len = strlen(order);
    order[len] = *(const char *)what;
    order[len + 1] = '\0';
}

static void test_deferred_releases_run_last_first_and_once(void **state)
{
    (void)state;
    char a = 'a', b = 'b', c = 'c';
    struct arena *arena = arena_new(64);
    arena_defer(arena, note, &a);
    arena_defer(arena, note, &b);
    arena_reset(arena);
    assert_string_equal(order, "ba");
    arena_reset(arena);
    assert_string_equal(order, "ba");
    arena_defer(arena, note, &c);
    arena_destroy(arena);
    assert_string_equal(order, "bac");
    arena_destroy(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_memory_is_zeroed_and_aligned),
        cmocka_unit_test(test_allocations_do_not_overlap),
        cmocka_unit_test(test_a_large_piece_leaves_the_room_of_its_block),
        cmocka_unit_test(test_texts_are_copied),
        cmocka_unit_test(test_deferred_releases_run_last_first_and_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
