#include "common/clock.h"
#include "gateway/redis.h"
#include "tests/unit/test.h"

/* The bound a gateway keeps alone while Redis is away, on a clock that stands still. */

static const int64_t start = 1800000000000 / LIMIT_WINDOW_MS * LIMIT_WINDOW_MS;

static struct limit ask(const char *key, int64_t most)
{
    struct redis_ask one = {.key = {key}, .most = {most}};
    local_limit(&one);
    return one.limit;
}

static int passes(const char *key, int64_t most, int tries)
{
    int n = 0;
    for (int i = 0; i < tries; i++)
        n += ask(key, most).refused ? 0 : 1;
    return n;
}

static void test_a_window_lets_its_limit_through(void **state)
{
    (void)state;
    clock_set(start);
    for (int64_t left = 4; left >= 0; left--) {
        struct limit limit = ask("a", 5);
        assert_int_equal(limit.most, 5);
        assert_int_equal(limit.left, left);
        assert_false(limit.refused);
    }
    struct limit over = ask("a", 5);
    assert_true(over.refused);
    assert_int_equal(over.left, 0);
    assert_int_equal(over.retry_s, 60);
    assert_int_equal(over.reset_s, start / 1000 + 60);
    assert_int_equal(passes("b", 5, 9), 5); /* another caller has its own */
}

static void test_the_window_before_still_weighs(void **state)
{
    (void)state;
    clock_set(start + 10 * LIMIT_WINDOW_MS);
    assert_int_equal(passes("c", 10, 20), 10);
    clock_set(start + 11 * LIMIT_WINDOW_MS);
    assert_int_equal(passes("c", 10, 20), 0);
    clock_set(start + 11 * LIMIT_WINDOW_MS + LIMIT_WINDOW_MS / 2);
    assert_int_equal(passes("c", 10, 20), 5);
    clock_set(start + 14 * LIMIT_WINDOW_MS);
    assert_int_equal(passes("c", 10, 20), 10);
}

static void test_two_windows_are_both_kept(void **state)
{
    (void)state;
    clock_set(start + 20 * LIMIT_WINDOW_MS);
    int n = 0;
    for (int i = 0; i < 9; i++) {
        struct redis_ask both = {.key = {"wide", "narrow"}, .most = {100, 3}};
        local_limit(&both);
        assert_int_equal(both.limit.most, 3);
        n += both.limit.refused ? 0 : 1;
    }
    assert_int_equal(n, 3);
}

/* More callers than places: some are forgotten, none is bound by another's calls. */
static void test_a_crowd_is_never_refused_at_its_first_call(void **state)
{
    (void)state;
    clock_set(start + 30 * LIMIT_WINDOW_MS);
    for (int i = 0; i < 30000; i++) {
        char key[32];
        snprintf(key, sizeof key, "crowd:%d", i);
        assert_false(ask(key, 1).refused);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_window_lets_its_limit_through),
        cmocka_unit_test(test_the_window_before_still_weighs),
        cmocka_unit_test(test_two_windows_are_both_kept),
        cmocka_unit_test(test_a_crowd_is_never_refused_at_its_first_call),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
