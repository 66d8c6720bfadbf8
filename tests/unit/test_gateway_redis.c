#include <hiredis/hiredis.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/clock.h"
#include "common/crypto.h"
#include "gateway/redis.h"
#include "tests/unit/test.h"

/* On a real Redis: BUREAU_TEST_REDIS_URL. Keys are random, so that nothing needs cleaning. */

static struct arena *arena;
static struct redis *redis;
static char nonce[17];

static const char *key(const char *name) { return arena_printf(arena, "test:%s:%s", name, nonce); }

static struct redis_ask ask_key(const char *name, int64_t most)
{
    return (struct redis_ask){.arena = arena, .key = {key(name)}, .most = {most}};
}

static void ask(struct redis_ask *one)
{
    redis_ask_all(redis, &one, 1);
    assert_true(one->answered);
}

static void test_a_batch_passes_exactly_its_limit(void **state)
{
    (void)state;
    struct redis_ask asks[8], *list[8];
    int64_t refused = 0;
    for (int i = 0; i < 8; i++) {
        asks[i] = ask_key("batch", 5);
        list[i] = &asks[i];
    }
    redis_ask_all(redis, list, 8);
    for (int i = 0; i < 8; i++) {
        assert_true(asks[i].answered);
        assert_int_equal(asks[i].limit.most, 5);
        assert_int_equal(asks[i].limit.left, i < 5 ? 4 - i : 0);
        refused += asks[i].limit.refused ? 1 : 0;
    }
    assert_int_equal(refused, 3);
    assert_in_range(asks[7].limit.retry_s, 59, 60);
}

static void test_the_tightest_of_two_windows_is_told(void **state)
{
    (void)state;
    for (int i = 0; i < 3; i++) {
        struct redis_ask both = ask_key("wide", 100);
        both.key[1] = key("narrow");
        both.most[1] = 2;
        ask(&both);
        assert_int_equal(both.limit.most, 2);
        assert_int_equal(both.limit.refused, i == 2);
    }
    /* What the narrow one refused was not counted in the wide one. */
    struct redis_ask wide = ask_key("wide", 100);
    ask(&wide);
    assert_int_equal(wide.limit.left, 97);
}

static void test_a_limit_of_zero_limits_nothing(void **state)
{
    (void)state;
    struct redis_ask off = ask_key("off", 0);
    ask(&off);
    assert_int_equal(off.limit.most, 0);
    assert_false(off.limit.refused);
}

static struct redis_ask ask_identity(const char *name, int64_t most)
{
    struct redis_ask one = {.arena = arena, .identity = name, .caller_most = most};
    ask(&one);
    return one;
}

/* One command past the module, on a connection of the test's own. */
static void command(const char *text)
{
    const char *url = getenv("BUREAU_TEST_REDIS_URL");
    assert_memory_equal(url, "unix://", 7);
    redisContext *own = redisConnectUnix(url + 7);
    assert_non_null(own);
    redisReply *reply = redisCommand(own, text);
    assert_non_null(reply);
    assert_int_not_equal(reply->type, REDIS_REPLY_ERROR);
    freeReplyObject(reply);
    redisFree(own);
}

static void pass_ms(int64_t ms)
{
    for (int64_t end = clock_mono_us() + ms * 1000; clock_mono_us() < end;)
        continue;
}

static void test_the_window_slides_by_the_instant(void **state)
{
    (void)state;
    int64_t now = clock_unix_ms();
    command(arena_printf(arena, "RPUSH %s %" PRId64 " %" PRId64 " %" PRId64, key("slide"),
                         now - 59700, now - 30000, now - 1000));
    struct redis_ask full = ask_key("slide", 3), next, over;
    ask(&full);
    assert_true(full.limit.refused);
    assert_int_equal(full.limit.retry_s, 1);
    pass_ms(400); /* the oldest is a minute old now: one place, no more */
    next = over = ask_key("slide", 3);
    ask(&next);
    assert_false(next.limit.refused);
    assert_int_equal(next.limit.left, 0);
    ask(&over);
    assert_true(over.limit.refused);
    assert_in_range(over.limit.retry_s, 29, 30);
}

static void test_a_lowered_limit_waits_for_enough_places(void **state)
{
    (void)state;
    int64_t now = clock_unix_ms();
    command(arena_printf(arena, "RPUSH %s %" PRId64 " %" PRId64 " %" PRId64, key("lower"),
                         now - 50000, now - 30000, now - 10000));
    struct redis_ask one = ask_key("lower", 1);
    ask(&one);
    assert_true(one.limit.refused);
    assert_in_range(one.limit.retry_s, 49, 50); /* when the youngest of the three is gone */
}

/* What is to be forgotten while Redis is away is forgotten before it is trusted again. */
static void test_forgetting_waits_for_redis(void **state)
{
    (void)state;
    uint32_t user = 0;
    crypto_random(&user, sizeof user);
    const char *name = arena_printf(arena, "tok:late%s", nonce);
    const char *text = arena_printf(arena, "1 %u 7 0 token EN UTC * 3 3:owner:UTC", user);
    redis_keep(name, user, (struct slice){text, strlen(text)}, 60000);
    assert_false(ask_identity(name, 10).missed);
    assert_true(redis_open("unix:///nowhere/redis.sock"));
    command("CLIENT KILL TYPE normal SKIPME yes");
    redis_forget(arena_printf(arena, "user:%u", user));
    assert_false(redis_alive());
    struct redis_ask away = {.arena = arena, .identity = name, .caller_most = 10}, *list = &away;
    redis_ask_all(redis, &list, 1);
    assert_false(away.answered);
    assert_true(redis_open(getenv("BUREAU_TEST_REDIS_URL")));
    redis_maintain();
    assert_true(redis_alive());
    assert_true(ask_identity(name, 10).missed);
}

static void test_an_identity_is_kept_until_it_is_forgotten(void **state)
{
    (void)state;
    uint32_t user = 0;
    crypto_random(&user, sizeof user);
    const char *name = arena_printf(arena, "tok:%s", nonce);
    const char *text = arena_printf(arena, "1 %u 7 0 token EN UTC * 3 3:owner:UTC", user);
    struct slice whole = {text, strlen(text)};
    assert_true(ask_identity(name, 10).missed);
    redis_keep(name, user, whole, 60000);
    struct redis_ask found = ask_identity(name, 10);
    assert_false(found.missed);
    assert_int_equal(found.text.len, whole.len);
    assert_memory_equal(found.text.data, text, whole.len);
    assert_int_equal(found.limit.left, 9); /* the miss was not counted */
    redis_forget(arena_printf(arena, "tok:other user:%u", user));
    assert_true(ask_identity(name, 10).missed);
    redis_keep(name, user, whole, 60000); /* an answer from before: comes too late */
    assert_true(ask_identity(name, 10).missed);
}

static void test_addresses_of_redis_are_read(void **state)
{
    (void)state;
    static const char *const good[] = {"redis://h:1/2", "redis://h", "redis://:pw@h:6379/0",
                                       "unix:///a/b", "unix:///a/b?db=3"};
    static const char *const bad[] = {"http://h", "redis://", "unix://", "h:6379"};
    for (size_t i = 0; i < COUNT_OF(good); i++)
        assert_true(redis_open(good[i]));
    for (size_t i = 0; i < COUNT_OF(bad); i++)
        assert_false(redis_open(bad[i]));
}

int main(void)
{
    const char *url = getenv("BUREAU_TEST_REDIS_URL");
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_batch_passes_exactly_its_limit),
        cmocka_unit_test(test_the_tightest_of_two_windows_is_told),
        cmocka_unit_test(test_a_limit_of_zero_limits_nothing),
        cmocka_unit_test(test_an_identity_is_kept_until_it_is_forgotten),
        cmocka_unit_test(test_the_window_slides_by_the_instant),
        cmocka_unit_test(test_a_lowered_limit_waits_for_enough_places),
        cmocka_unit_test(test_forgetting_waits_for_redis),
        cmocka_unit_test(test_addresses_of_redis_are_read),
    };
    if (url == NULL || !crypto_open() || !redis_open(url)) {
        fprintf(stderr, "BUREAU_TEST_REDIS_URL must name a Redis\n");
        return 1;
    }
    signal(SIGPIPE, SIG_IGN);
    arena = arena_new(4096);
    redis = redis_new();
    crypto_random_text(nonce, 16);
    redis_maintain();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
