#include "proto/addresses.h"

#include "common/buf.h"
#include "tests/unit/test.h"

static struct arena *arena;

static void test_without_a_setting_there_is_one_socket(void **state)
{
    (void)state;
    const char *out[ADDRESSES_MAX];
    assert_int_equal(addresses_of(arena, NULL, "/data", "crm", out), 1);
    assert_string_equal(out[0], "ipc:///data/run/crm.ipc");
    assert_int_equal(addresses_of(arena, "", "./var", "sync", out), 1);
    assert_string_equal(out[0], "ipc://./var/run/sync.ipc");
}

static void test_a_name_may_stand_several_times(void **state)
{
    (void)state;
    const char *out[ADDRESSES_MAX];
    const char *list = "crm=tcp://a:1, sync=tcp://s:3 ,,crm = tcp://b:2,crmx=tcp://c:4";
    assert_int_equal(addresses_of(arena, list, "", "crm", out), 2);
    assert_string_equal(out[0], "tcp://a:1");
    assert_string_equal(out[1], "tcp://b:2");
    assert_int_equal(addresses_of(arena, list, "", "sync", out), 1);
    assert_string_equal(out[0], "tcp://s:3");
    assert_int_equal(addresses_of(arena, list, "", "billing", out), 0);
}

static void test_more_than_sixteen_are_cut(void **state)
{
    (void)state;
    const char *out[ADDRESSES_MAX];
    struct buf list;
    buf_init(&list, arena);
    for (int i = 1; i < 20; i++)
        buf_printf(&list, "crm=tcp://h:%d,", i);
    assert_int_equal(addresses_of(arena, list.data, "", "crm", out), ADDRESSES_MAX);
    const char *reason;
    assert_false(addresses_check(list.data, &reason));
    assert_non_null(strstr(reason, "17th"));
}

static void test_the_slow_twin(void **state)
{
    (void)state;
    static const struct {
        const char *address, *slow;
    } twins[] = {
        {"ipc:///run/crm.ipc", "ipc:///run/crm.ipc.slow"},
        {"tcp://crm:7001", "tcp://crm:7002"},
        {"tcp://[::1]:7001", "tcp://[::1]:7002"},
        {"ws://crm:80/path:9", "ws://crm:81/path:9"},
        {"tls+tcp://crm:65534", "tls+tcp://crm:65535"},
        {"inproc://x:1", "inproc://x:1.slow"},
    };
    for (size_t i = 0; i < COUNT_OF(twins); i++)
        assert_string_equal(address_slow(arena, twins[i].address), twins[i].slow);
}

static void test_faults_of_the_setting_are_named(void **state)
{
    (void)state;
    static const struct {
        const char *list, *words;
    } bad[] = {
        {"shop=tcp://a:1", "\"shop\" is no service"},
        {"tcp://a:1", "is no service"},
        {"crm", "is no ipc://"},
        {"crm=http://a:1", "is no ipc://"},
        {"crm=ipc://", "names nothing"},
        {"crm=tcp://a", "has no port"},
        {"crm=tcp://[::1]", "has no port"},
        {"crm=tcp://a:", "needs a port"},
        {"crm=tcp://a:70x", "needs a port"},
        {"crm=tcp://a:65535", "needs a port"},
        {"accounts=tcp://a:1,crm=tcp://a:0", "crm:"},
        {"crm=ipc:///0123456789012345678901234567890123456789012345678901234567890123456789"
         "0123456789012345678901234567890123456789",
         "too long"},
    };
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        const char *reason = "";
        if (addresses_check(bad[i].list, &reason) || strstr(reason, bad[i].words) == NULL)
            fail_msg("%s: \"%s\" without \"%s\"", bad[i].list, reason, bad[i].words);
    }
}

static void test_good_settings_pass(void **state)
{
    (void)state;
    const char *reason;
    assert_true(addresses_check("", &reason));
    assert_true(addresses_check("accounts=tcp://accounts:7001,crm=ipc:///x/y.ipc,", &reason));
    assert_true(addresses_check("sync=ws://[fe80::1]:8080/nng", &reason));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_without_a_setting_there_is_one_socket),
        cmocka_unit_test(test_a_name_may_stand_several_times),
        cmocka_unit_test(test_more_than_sixteen_are_cut),
        cmocka_unit_test(test_the_slow_twin),
        cmocka_unit_test(test_faults_of_the_setting_are_named),
        cmocka_unit_test(test_good_settings_pass),
    };
    arena = arena_new(4096);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    arena_destroy(arena);
    return failed;
}
