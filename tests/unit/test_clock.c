#include "common/clock.h"

#include <unistd.h>

#include "common/err.h"
#include "tests/unit/test.h"

static void test_iso_texts(void **state)
{
    (void)state;
    static const struct {
        int64_t ms;
        const char *text;
    } cases[] = {
        {0, "1970-01-01T00:00:00.000Z"},
        {1, "1970-01-01T00:00:00.001Z"},
        {-1, "1969-12-31T23:59:59.999Z"},
        {951782400000, "2000-02-29T00:00:00.000Z"},
        {951868799999, "2000-02-29T23:59:59.999Z"},
        {4107542400000, "2100-03-01T00:00:00.000Z"},
        {1795513083123, "2026-11-24T09:38:03.123Z"},
        {-2208988800000, "1900-01-01T00:00:00.000Z"},
        {253402300799999, "9999-12-31T23:59:59.999Z"},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        char text[32];
        clock_iso(cases[i].ms, text);
        assert_string_equal(text, cases[i].text);
    }
}

static void test_the_wall_clock_can_be_frozen(void **state)
{
    (void)state;
    clock_set(1234);
    assert_int_equal(clock_unix_ms(), 1234);
    clock_set(0);
    assert_true(clock_unix_ms() > 1600000000000);
}

static void test_monotonic_time_goes_on_in_microseconds(void **state)
{
    (void)state;
    clock_set(1234);
    int64_t before = clock_mono_us();
    usleep(2000);
    int64_t passed = clock_mono_us() - before;
    clock_set(0);
    assert_true(passed >= 2000 && passed < 5000000);
}

static void test_errors_have_their_status(void **state)
{
    (void)state;
    assert_int_equal(err_status(ERR_OK), 200);
    assert_int_equal(err_status(ERR_INVALID), 422);
    assert_int_equal(err_status(ERR_TIMEOUT), 504);
    assert_true(err_is_transient(ERR_UNAVAILABLE) && !err_is_transient(ERR_CONFLICT));
    assert_string_equal(err_name(ERR_NOT_FOUND), "NOT_FOUND");
    assert_int_equal(err_of(ERR_STALE), ERR_STALE);
    assert_int_equal(err_of(-1), ERR_INTERNAL);
    assert_int_equal(err_of(ERR_TIMEOUT + 1), ERR_INTERNAL);
    assert_int_equal(err_of(INT64_MAX), ERR_INTERNAL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_iso_texts),
        cmocka_unit_test(test_the_wall_clock_can_be_frozen),
        cmocka_unit_test(test_monotonic_time_goes_on_in_microseconds),
        cmocka_unit_test(test_errors_have_their_status),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
