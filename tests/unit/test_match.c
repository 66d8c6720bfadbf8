#include "tests/unit/test.h"

#include "tests/api/match.h"

/* One row a claim: a pattern, an answer, and where they part ("" : they fit). */
static const struct {
    const char *want, *got, *why;
} cases[] = {
    {"{\"a\": 1, \"b\": [true, null]}", "{\"b\": [true, null], \"a\": 1}", ""},
    {"{\"a\": 1}", "{\"a\": \"1\"}", "a: expected 1, got \"1\""},
    {"{\"a\": 1}", "{\"a\": 1, \"b\": 2}", "body: expected no key \"b\""},
    {"{\"a\": 1, \"...\": 0}", "{\"a\": 1, \"b\": 2}", ""},
    {"{\"a\": 1, \"b\": 2}", "{\"a\": 1}", "b: expected 2, got nothing"},
    {"{\"a\": \"<any>\"}", "{}", "a: expected <any>, got nothing"},
    {"{\"a\": {\"b\": [0, {\"c\": 1}]}}", "{\"a\": {\"b\": [0, {\"c\": 2}]}}",
     "a.b[1].c: expected 1"},
    {"[1, \"...\"]", "[1, 2, 3]", ""},
    {"[1]", "[1, 2]", "body: expected 1 elements, not 2"},
    {"[1, 2, \"...\"]", "[1]", "body: expected 2 elements or more, not 1"},
    {"[]", "{}", "body: expected an array"},
    {"{}", "[]", "body: expected an object"},
    {"\"<int>\"", "7", ""},
    {"\"<int>\"", "7.5", "body: expected <int>, got 7.5"},
    {"\"<number>\"", "7.5", ""},
    {"\"<int|null>\"", "null", ""},
    {"\"<int|null>\"", "\"x\"", "body: expected <int|null>"},
    {"\"<time>\"", "\"2026-11-21T22:03:04+00:00\"", ""},
    {"\"<time>\"", "\"2026-11-21 22:03:04\"", "body: expected <time>"},
    {"\"<localtime>\"", "\"2026-11-21 22:03:04\"", ""},
    {"\"<localtime>\"", "\"2026-11-21 22:03\"", "body: expected <localtime>"},
    {"\"<~^a(b|c)$>\"", "\"ac\"", ""},
    {"\"<~^a(b|c)$>\"", "\"ad\"", "body: expected <~^a(b|c)$>"},
    {"\"<unknown>\"", "\"<unknown>\"", ""},
    {"75.55", "75.55", ""},
    {"10", "10.0", ""},
    {"75.55", "75.5", "body: expected 75.55"},
    {"9007199254740993", "9007199254740992", "body: expected 9007199254740993"},
    {"null", "false", "body: expected null, got false"},
};

static void test_patterns_fit_or_say_where_they_part(void **state)
{
    (void)state;
    struct arena *arena = arena_new(4096);
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct variables variables = {.arena = arena};
        struct buf why;
        buf_init(&why, arena);
        json_t *want = json_loads(cases[i].want, JSON_DECODE_ANY, NULL);
        json_t *got = json_loads(cases[i].got, JSON_DECODE_ANY, NULL);
        assert_non_null(want);
        assert_non_null(got);
        bool fits = match_json(&variables, want, got, &why);
        if (fits != (cases[i].why[0] == '\0') || strstr(why.data, cases[i].why) != why.data)
            fail_msg("%s against %s: \"%s\"", cases[i].want, cases[i].got, why.data);
        json_decref(want);
        json_decref(got);
    }
    arena_destroy(arena);
}

static void test_holes_keep_what_they_caught(void **state)
{
    (void)state;
    struct arena *arena = arena_new(4096);
    struct variables variables = {.arena = arena};
    struct buf why;
    buf_init(&why, arena);
    json_t *want = json_loads("{\"a\": \"<int:id>\", \"b\": \"<string|null:name>\"}", 0, NULL);
    json_t *got = json_loads("{\"a\": 12, \"b\": \"x y\"}", 0, NULL);
    assert_true(match_json(&variables, want, got, &why));
    assert_string_equal(variable_find(&variables, "id"), "12");
    assert_string_equal(variable_find(&variables, "name"), "x y");
    assert_null(variable_find(&variables, "other"));
    json_decref(want);
    json_decref(got);
    arena_destroy(arena);
}

static void test_a_regex_gives_its_group(void **state)
{
    (void)state;
    struct arena *arena = arena_new(4096);
    const char *group = NULL;
    assert_true(match_regex(arena, "^s=([^;]+)", "s=abc; Path=/", &group));
    assert_string_equal(group, "abc");
    assert_false(match_regex(arena, "^(", "(", &group));
    arena_destroy(arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_patterns_fit_or_say_where_they_part),
        cmocka_unit_test(test_holes_keep_what_they_caught),
        cmocka_unit_test(test_a_regex_gives_its_group),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
