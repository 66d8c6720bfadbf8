#include "proto/rules.h"

#include "tests/unit/test.h"

static struct arena *arena;

static void assert_words(struct fault fault, enum dialect dialect, enum language language,
                         const char *words)
{
    struct buf out;
    buf_init(&out, arena);
    rule_say(&out, &fault, dialect, language);
    assert_string_equal(out.data, words);
}

static void test_each_dialect_has_its_words(void **state)
{
    (void)state;
    struct fault f = {.field = "category_id", .rule = RULE_NUMERIC};
    assert_words(f, DIALECT_LARAVEL, LANGUAGE_FR, "The category id field must be a number.");
    assert_words(f, DIALECT_ROBERT, LANGUAGE_EN, "category_id must be numeric");
    assert_words(f, DIALECT_ROBERT, LANGUAGE_FR, "category_id doit être numérique");
}

static void test_arguments_are_put_in(void **state)
{
    (void)state;
    struct fault f = {.field = "name", .rule = RULE_LENGTH, .a = "2", .b = "96"};
    assert_words(f, DIALECT_ROBERT, LANGUAGE_EN, "name must have a length between 2 and 96");
    assert_words(f, DIALECT_LARAVEL, LANGUAGE_EN,
                 "The name field must be between 2 and 96 characters.");
    f.a = f.b = NULL;
    assert_words(f, DIALECT_ROBERT, LANGUAGE_EN, "name must have a length between  and ");
    f.a = "{b}";
    f.b = "{a}";
    assert_words(f, DIALECT_ROBERT, LANGUAGE_EN, "name must have a length between {b} and {a}");
}

static void test_a_label_speaks_in_laravel_only(void **state)
{
    (void)state;
    struct fault f = {.field = "sz", .rule = RULE_IN, .label = "shoe_size"};
    assert_words(f, DIALECT_LARAVEL, LANGUAGE_EN, "The selected shoe size is invalid.");
    assert_words(f, DIALECT_ROBERT, LANGUAGE_EN, "sz is invalid");
}

static void test_whole_sentences_and_the_body(void **state)
{
    (void)state;
    assert_words((struct fault){.field = "x", .rule = RULE_SAID, .a = "As it is, 100 %."},
                 DIALECT_LARAVEL, LANGUAGE_EN, "As it is, 100 %.");
    assert_words((struct fault){.field = "", .rule = RULE_ARRAY}, DIALECT_ROBERT, LANGUAGE_EN,
                 "body must be an array");
    assert_words((struct fault){.field = "tags.0", .rule = RULE_STRING}, DIALECT_LARAVEL,
                 LANGUAGE_EN, "The tags.0 field must be a string.");
}

static void test_the_best_language_is_taken(void **state)
{
    (void)state;
    static const struct {
        const char *accept;
        enum language language;
    } cases[] = {
        {NULL, LANGUAGE_EN},
        {"", LANGUAGE_EN},
        {"fr", LANGUAGE_FR},
        {"fr-CA", LANGUAGE_FR},
        {"FR;q=0.5, en;q=0.4", LANGUAGE_FR},
        {"fr;q=0.4,en;q=0.5", LANGUAGE_EN},
        {"de,fr;q=0.1", LANGUAGE_FR},
        {"de, nl", LANGUAGE_EN},
        {"fr;q=0", LANGUAGE_EN},
        {"fra, en;q=0.2", LANGUAGE_EN},
        {"friulian", LANGUAGE_EN},
        {"en;q=0.8,fr;q=0.9;x=1", LANGUAGE_FR},
        {"fr ; q=0.2, en ; q=0.3", LANGUAGE_EN},
        {",,;;q=,fr;q=abc", LANGUAGE_EN},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++)
        if (language_of(cases[i].accept) != cases[i].language)
            fail_msg("%s", cases[i].accept);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_dialect_has_its_words),
        cmocka_unit_test(test_arguments_are_put_in),
        cmocka_unit_test(test_a_label_speaks_in_laravel_only),
        cmocka_unit_test(test_whole_sentences_and_the_body),
        cmocka_unit_test(test_the_best_language_is_taken),
    };
    arena = arena_new(4096);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    arena_destroy(arena);
    return failed;
}
