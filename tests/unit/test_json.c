#include "common/json.h"

#include "common/mp.h"
#include "tests/unit/test.h"

static struct arena *arena;

/* The text after a way through msgpack and back; NULL when it was refused. */
static const char *through(const char *text, size_t len, struct json_fault *fault)
{
    struct buf mp, out;
    const msgpack_object *object;
    buf_init(&mp, arena);
    buf_init(&out, arena);
    if (json_to_mp(arena, (struct slice){text, len}, &mp, fault) != ERR_OK)
        return NULL;
    assert_int_equal(mp_read(arena, (struct slice){mp.data, mp.len}, &object), ERR_OK);
    mp_put_json(&out, object);
    return out.data;
}

static void assert_same(const char *text, const char *wanted)
{
    struct json_fault fault = {0};
    const char *got = through(text, strlen(text), &fault);
    if (got == NULL)
        fail_msg("%s: %s at %zu", text, fault.reason, fault.at);
    assert_string_equal(got, wanted);
}

static void assert_refused(const char *text, size_t len, const char *words)
{
    struct json_fault fault = {0};
    if (through(text, len, &fault) != NULL)
        fail_msg("taken: %s", text);
    if (strstr(fault.reason, words) == NULL || fault.at > len)
        fail_msg("%s: \"%s\" at %zu, wanted \"%s\"", text, fault.reason, fault.at, words);
}

static void test_values_come_back(void **state)
{
    (void)state;
    assert_same(" [true,false,null,{}, [],\"\"] ", "[true,false,null,{},[],\"\"]");
    assert_same("{\"b\":1,\"a\":{\"b\":2}}", "{\"b\":1,\"a\":{\"b\":2}}");
    assert_same("\"\\u00e9\\ud83d\\ude00\\n\\/\"", "\"é😀\\n/\"");
    assert_same("\"\\\\ud800\"", "\"\\\\ud800\""); /* an escaped backslash, no surrogate */
}

static void test_numbers_are_exact(void **state)
{
    (void)state;
    static const char *const numbers[] = {"0",      "-1",   "9223372036854775807",
                                          "12.50",  "1e3",  "-9223372036854775808",
                                          "-0",     "0.10", "123456789012345678901234567890.12",
                                          "1E+999", "-0.0", "9223372036854775808"};
    for (size_t i = 0; i < COUNT_OF(numbers); i++)
        assert_same(numbers[i], numbers[i]);
}

static void test_absurd_numbers_are_refused(void **state)
{
    (void)state;
    assert_refused("1e1000", 6, "too long");
    char digits[70];
    memset(digits, '7', sizeof digits);
    struct json_fault fault;
    assert_non_null(through(digits, 64, &fault));
    assert_refused(digits, 65, "too long");
}

static void test_broken_texts_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *text, *words;
    } bad[] = {
        {"", "ends too early"},    {"{", "ends too early"},
        {"[1,]", "syntax"},        {"{\"a\":1,}", "syntax"},
        {"{a:1}", "syntax"},       {"'a'", "syntax"},
        {"[01]", "syntax"},        {"+1", "syntax"},
        {".5", "syntax"},          {"[1.]", "syntax"},
        {"NaN", "syntax"},         {"Infinity", "syntax"},
        {"[1] [2]", "syntax"},     {"[1]x", "syntax"},
        {"\"a\nb\"", "syntax"},    {"\"\\x\"", "syntax"},
        {"/* c */ 1", "syntax"},   {"[1}", "syntax"},
        {"\"\\u12g4\"", "syntax"}, {"\"abc", "ends too early"},
        {"tru", "ends too early"},
    };
    for (size_t i = 0; i < COUNT_OF(bad); i++)
        assert_refused(bad[i].text, strlen(bad[i].text), bad[i].words);
}

static void test_bad_characters_are_refused(void **state)
{
    (void)state;
    assert_refused("\"\xff\"", 3, "UTF-8");
    assert_refused("\"\xc0\x80\"", 4, "UTF-8");
    assert_refused("\"\xed\xa0\x80\"", 5, "UTF-8");
    assert_refused("\"\\ud800\"", 8, "surrogate");
    assert_refused("\"\\udc00\"", 8, "surrogate");
    assert_refused("\"\\ud800\\u0041\"", 14, "surrogate");
    assert_refused("\"\\u0000\"", 8, "NUL");
    assert_refused("{\"\\u0000\":1}", 12, "NUL");
    assert_refused("\xEF\xBB\xBF{}", 5, "syntax");
}

static void test_duplicate_keys_are_refused_where_they_stand(void **state)
{
    (void)state;
    static const char text[] = "{\"a\":1,\"b\":{\"a\":2},\"\\u0061\":3}";
    assert_refused(text, strlen(text), "duplicate key \"a\"");
    struct json_fault fault;
    assert_null(through(text, strlen(text), &fault));
    assert_true(fault.at >= 19 && fault.at <= 27);
}

static const char *nested(int depth)
{
    struct buf buf;
    buf_init(&buf, arena);
    for (int i = 0; i < depth; i++)
        buf_puts(&buf, i % 2 == 0 ? "[" : "{\"k\":");
    buf_puts(&buf, "1");
    for (int i = depth - 1; i >= 0; i--)
        buf_putc(&buf, i % 2 == 0 ? ']' : '}');
    return buf.data;
}

static void test_depth_32_is_the_most(void **state)
{
    (void)state;
    assert_same(nested(32), nested(32));
    assert_refused(nested(33), strlen(nested(33)), "deeper than 32");
}

static void test_200_keys_are_the_most(void **state)
{
    (void)state;
    struct buf buf;
    buf_init(&buf, arena);
    for (int i = 0; i < 200; i++)
        buf_printf(&buf, "%s\"k%d\":%d", i == 0 ? "{" : ",", i, i);
    size_t len = buf.len;
    buf_putc(&buf, '}');
    assert_same(buf.data, buf.data);
    buf.len = len;
    buf_puts(&buf, ",\"one more\":1}");
    assert_refused(buf.data, buf.len, "more than 200 keys");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_values_come_back),
        cmocka_unit_test(test_numbers_are_exact),
        cmocka_unit_test(test_absurd_numbers_are_refused),
        cmocka_unit_test(test_broken_texts_are_refused),
        cmocka_unit_test(test_bad_characters_are_refused),
        cmocka_unit_test(test_duplicate_keys_are_refused_where_they_stand),
        cmocka_unit_test(test_depth_32_is_the_most),
        cmocka_unit_test(test_200_keys_are_the_most),
    };
    arena = arena_new(4096);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    arena_destroy(arena);
    return failed;
}
