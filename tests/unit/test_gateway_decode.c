#include "gateway/decode.h"
#include "tests/unit/test.h"

static void test_escapes_become_text(void **state)
{
    (void)state;
    struct arena *arena = arena_new(1024);
    assert_string_equal(decode_percent(arena, (struct slice){"a%20b+c%C3%A9", 13}, true), "a b cé");
    assert_string_equal(decode_percent(arena, (struct slice){"a+b", 3}, false), "a+b");
    assert_string_equal(decode_percent(arena, (struct slice){"", 0}, true), "");
    assert_string_equal(decode_segment(arena, (struct slice){"a.b%2e", 6}), "a.b.");
    arena_destroy(arena);
}

static void test_what_hides_something_is_refused(void **state)
{
    (void)state;
    static const char *const segments[] = {"%2f", "%5C", "%00", "..", "%2e%2e", ".", "%0a"};
    static const char *const texts[] = {"%", "%1", "%zz", "%ff", "%c0%af", "%ed%a0%80", "%00"};
    struct arena *arena = arena_new(1024);
    for (size_t i = 0; i < COUNT_OF(segments); i++)
        assert_null(decode_segment(arena, (struct slice){segments[i], strlen(segments[i])}));
    for (size_t i = 0; i < COUNT_OF(texts); i++)
        assert_null(decode_percent(arena, (struct slice){texts[i], strlen(texts[i])}, true));
    arena_destroy(arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_escapes_become_text),
        cmocka_unit_test(test_what_hides_something_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
