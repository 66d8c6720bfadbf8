#include "services/core/degressive.h"
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

static void test_a_setting_holds_for_every_number_of_days(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        enum degressive_fault fault;
        int64_t days;
    } cases[] = {
        {"((daysCount - 1) * 0.75) + 1", DEGRESSIVE_OK, 366},
        {"daysCount - 1", DEGRESSIVE_OK, 366}, /* 0 counts as 1 */
        {"1 / (daysCount - 367)", DEGRESSIVE_RANGE, 1},
        {"1/0", DEGRESSIVE_RANGE, 1},
        {"999999.9", DEGRESSIVE_OK, 366},
        {"1000000", DEGRESSIVE_RANGE, 1},
        {"daysCount * 10000", DEGRESSIVE_RANGE, 100},
        {"3 - daysCount", DEGRESSIVE_RANGE, 4},
        {"1 / (366 - daysCount)", DEGRESSIVE_RANGE, 366},
        {"400 - daysCount", DEGRESSIVE_OK, 366},
        {"daysCounts", DEGRESSIVE_SYNTAX, 1},
        {"()", DEGRESSIVE_SYNTAX, 1},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        int64_t days = 0;
        assert_int_equal(degressive_judge(cases[i].text, &days), cases[i].fault);
        assert_int_equal(days, cases[i].days);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_expressions_are_exact_fractions),
        cmocka_unit_test(test_what_is_no_bounded_expression_is_refused),
        cmocka_unit_test(test_a_setting_holds_for_every_number_of_days),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
