#include "services/billing/degressive.h"
#include "tests/unit/test.h"

static void test_expressions_are_exact_fractions(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t days, num, den;
    } cases[] = {
        {"((daysCount - 1) * 0.75) + 1", 2, 7, 4},
        {"((daysCount - 1) * 0.75) + 1", 1, 1, 1},
        {"daysCount", 3, 3, 1},
        {"1 / 3", 1, 1, 3},
        {"min(daysCount, 5)", 9, 5, 1},
        {"max(daysCount, 5) / 2", 9, 9, 2},
        {"0", 4, 1, 1},
        {"-(-2)", 1, 2, 1},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct fraction out = {0, 0};
        assert_int_equal(degressive_rate(cases[i].text, cases[i].days, &out), DEGRESSIVE_OK);
        assert_int_equal(out.num, cases[i].num);
        assert_int_equal(out.den, cases[i].den);
    }
}

static void test_what_is_no_bounded_expression_is_refused(void **state)
{
    (void)state;
    static const char *const cases[] = {
        "",
        "1 +",
        "system('x')",
        "daysCount daysCount",
        "1/0",
        "1.0000001",
        "-1",
        "((((1))",
        "9999999999999999",
        "$1",
        "1;2",
        "min(1)",
        "((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((1"
        "))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))",
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct fraction out = {0, 0};
        assert_int_not_equal(degressive_rate(cases[i], 2, &out), DEGRESSIVE_OK);
        assert_int_equal(out.den, 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_expressions_are_exact_fractions),
        cmocka_unit_test(test_what_is_no_bounded_expression_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
