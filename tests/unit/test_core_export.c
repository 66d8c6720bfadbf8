#include "services/core/export.h"

#include <string.h>

#include "tests/unit/test.h"

static void put(struct arena *arena, const char *cell, const char *expected)
{
    struct buf out;
    buf_init(&out, arena);
    csv_put(&out, cell, strlen(cell));
    assert_string_equal(out.data, expected);
}

static void test_plain_cells_stay(void **state)
{
    struct arena *arena = arena_new(1024);
    (void)state;
    put(arena, "", "");
    put(arena, "Acme", "Acme");
    put(arena, "l'eau", "l'eau");
    put(arena, "'quoted'", "'quoted'");
    put(arena, "a=b", "a=b");
    arena_destroy(arena);
}

static void test_formulas_are_guarded(void **state)
{
    struct arena *arena = arena_new(1024);
    (void)state;
    put(arena, "=1+1", "'=1+1");
    put(arena, "+33 1", "'+33 1");
    put(arena, "-5", "'-5");
    put(arena, "@sum", "'@sum");
    put(arena, "\tx", "\"'\tx\"");
    put(arena, "\rx", "\"'\rx\"");
    put(arena, "'=1", "''=1");
    put(arena, "''@", "'''@");
    arena_destroy(arena);
}

static void test_quotes(void **state)
{
    struct arena *arena = arena_new(1024);
    (void)state;
    put(arena, "a,b", "\"a,b\"");
    put(arena, "a;b", "\"a;b\"");
    put(arena, "say \"hi\"", "\"say \"\"hi\"\"\"");
    put(arena, "one\r\ntwo", "\"one\r\ntwo\"");
    put(arena, " led", "\" led\"");
    put(arena, "=\"x\"", "\"'=\"\"x\"\"\"");
    arena_destroy(arena);
}

/* What was guarded is exactly what comes back. */
static void test_guard_comes_off(void **state)
{
    static const char *const cells[] = {"",   "a",   "'", "''", "'a",  "=",    "'=",  "''=",
                                        "-5", "'-5", "@", "\t", "'\r", "l'e=", "'''", "'+'"};
    struct arena *arena = arena_new(1024);
    (void)state;
    for (size_t i = 0; i < COUNT_OF(cells); i++) {
        struct buf out;
        buf_init(&out, arena);
        csv_put(&out, cells[i], strlen(cells[i]));
        char *cell = out.data;
        if (cell[0] == '"') { /* as a reader of CSV sees it */
            cell[out.len - 1] = '\0';
            cell++;
        }
        assert_string_equal(csv_plain(cell), cells[i]);
    }
    arena_destroy(arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_plain_cells_stay),
        cmocka_unit_test(test_formulas_are_guarded),
        cmocka_unit_test(test_quotes),
        cmocka_unit_test(test_guard_comes_off),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
