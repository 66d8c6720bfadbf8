#include "common/buf.h"

#include "common/utf8.h"
#include "tests/unit/test.h"

static struct arena *arena;

static void test_it_grows_and_stays_terminated(void **state)
{
    (void)state;
    struct buf buf;
    buf_init(&buf, arena);
    assert_string_equal(buf.data, "");
    for (int i = 0; i < 5000; i++) {
        buf_putc(&buf, (char)('a' + i % 26));
        assert_int_equal(buf.data[buf.len], '\0');
    }
    assert_int_equal(buf.len, 5000);
    for (size_t i = 0; i < buf.len; i++)
        assert_int_equal(buf.data[i], 'a' + (int)(i % 26));
}

static void test_formatted_text_of_every_length_around_the_capacity(void **state)
{
    (void)state;
    for (int width = 240; width < 270; width++) {
        struct buf buf;
        buf_init(&buf, arena);
        buf_printf(&buf, "%*d|%s", width, 5, "x");
        assert_int_equal(buf.len, (size_t)width + 2);
        assert_string_equal(buf.data + width - 1, "5|x");
    }
}

static const char *json_of(const char *data, size_t len)
{
    struct buf buf;
    buf_init(&buf, arena);
    buf_put_json(&buf, data, len);
    return buf.data;
}

static void test_json_strings_are_escaped(void **state)
{
    (void)state;
    assert_string_equal(json_of("", 0), "\"\"");
    assert_string_equal(json_of("a\"b\\c/", 6), "\"a\\\"b\\\\c/\"");
    assert_string_equal(json_of("\n\r\t\b\x1f\x7f", 6), "\"\\n\\r\\t\\u0008\\u001f\\u007f\"");
    assert_string_equal(json_of("a\0b", 3), "\"a\\u0000b\"");
    assert_string_equal(json_of("é€😀", 9), "\"é€😀\"");
    struct buf buf;
    buf_init(&buf, arena);
    buf_puts_json(&buf, NULL);
    assert_string_equal(buf.data, "null");
}

static void test_bytes_that_are_no_utf8_are_replaced(void **state)
{
    (void)state;
    assert_string_equal(json_of("a\xffz", 3), "\"a\xEF\xBF\xBDz\"");
    assert_string_equal(json_of("\xc3", 1), "\"\xEF\xBF\xBD\"");
    assert_string_equal(json_of("\xc0\xaf", 2), "\"\xEF\xBF\xBD\xEF\xBF\xBD\"");
}

static void test_which_sequences_are_utf8(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        size_t left, len;
    } cases[] = {
        {"a", 1, 1},
        {"\x7f", 1, 1},
        {"\x80", 1, 0},
        {"\xc2\x80", 2, 2},
        {"\xc1\xbf", 2, 0},
        {"\xe0\xa0\x80", 3, 3},
        {"\xe0\x9f\xbf", 3, 0},
        {"\xed\x9f\xbf", 3, 3},
        {"\xed\xa0\x80", 3, 0},
        {"\xf0\x90\x80\x80", 4, 4},
        {"\xf0\x8f\xbf\xbf", 4, 0},
        {"\xf4\x8f\xbf\xbf", 4, 4},
        {"\xf4\x90\x80\x80", 4, 0},
        {"\xf5\x80\x80\x80", 4, 0},
        {"\xf0\x90\x80\x80", 3, 0},
        {"\xe2\x28\xa1", 3, 0},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++)
        if (utf8_len((const unsigned char *)cases[i].text, cases[i].left) != cases[i].len)
            fail_msg("case %zu", i);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_it_grows_and_stays_terminated),
        cmocka_unit_test(test_formatted_text_of_every_length_around_the_capacity),
        cmocka_unit_test(test_json_strings_are_escaped),
        cmocka_unit_test(test_bytes_that_are_no_utf8_are_replaced),
        cmocka_unit_test(test_which_sequences_are_utf8),
    };
    arena = arena_new(4096);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    arena_destroy(arena);
    return failed;
}
