#include "tests/unit/test.h"

#include "services/accounts/setting_rules.h"

static void a_currency_is_three_capitals(void **state)
{
    static const char *const good[] = {"EUR", "CHF"}, *const bad[] = {"", "eu", "eur", "EURO",
                                                                      "E1R"};
    (void)state;
    for (size_t i = 0; i < COUNT_OF(good); i++)
        assert_true(setting_is_currency(good[i]));
    for (size_t i = 0; i < COUNT_OF(bad); i++)
        assert_false(setting_is_currency(bad[i]));
}

static void a_clock_time_has_five_characters(void **state)
{
    static const char *const good[] = {"00:00", "08:30", "23:59", "24:00"};
    static const char *const bad[] = {"",      "8:30",  "08:60", "24:01", "25:00",
                                      "08-30", "08:3x", "-1:00", "08:300"};
    (void)state;
    for (size_t i = 0; i < COUNT_OF(good); i++)
        assert_true(setting_is_clock(good[i]));
    for (size_t i = 0; i < COUNT_OF(bad); i++)
        assert_false(setting_is_clock(bad[i]));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_currency_is_three_capitals),
        cmocka_unit_test(a_clock_time_has_five_characters),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
