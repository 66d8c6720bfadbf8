#include "gateway/config.h"

#include "gateway/redis.h"
#include "tests/unit/test.h"

/* A good configuration to start from; each test spoils or fills one thing. */
static void fresh(void)
{
    config = (struct gateway_config){.listen = "127.0.0.1",
                                     .data = "/nowhere",
                                     .port = 8080,
                                     .stateful = "localhost,127.0.0.1",
                                     .proxies = "",
                                     .metrics_allow = "",
                                     .cors = "*"};
}

static bool trusts(const char *proxies, const char *address)
{
    fresh();
    config.proxies = proxies;
    assert_true(gateway_config_judge());
    return address_is_in(&config.trusted, address);
}

static void test_networks_hold_their_addresses_only(void **state)
{
    (void)state;
    assert_true(trusts("10.0.0.0/8", "10.255.0.1"));
    assert_false(trusts("10.0.0.0/8", "11.0.0.1"));
    assert_true(trusts("192.168.4.0/22", "192.168.7.255"));
    assert_false(trusts("192.168.4.0/22", "192.168.8.0"));
    assert_true(trusts("127.0.0.1", "127.0.0.1"));
    assert_false(trusts("127.0.0.1", "127.0.0.2"));
    assert_true(trusts("0.0.0.0/0", "203.0.113.9"));
    assert_false(trusts("", "127.0.0.1"));
    assert_false(trusts("10.0.0.0/8", "10.0.0.1, 10.0.0.2"));
    assert_false(trusts("10.0.0.0/8", "localhost"));
}

static void test_networks_of_ipv6(void **state)
{
    (void)state;
    assert_true(trusts("2001:db8::/33", "2001:db8:7fff::1"));
    assert_false(trusts("2001:db8::/33", "2001:db8:8000::1"));
    assert_true(trusts("::1", "::1"));
    assert_false(trusts("::1", "127.0.0.1"));
    assert_true(trusts("fd00::/8,10.0.0.0/8", "fdff::1"));
    assert_true(trusts("fd00::/8,10.0.0.0/8", "10.1.1.1"));
    /* An IPv4 address as IPv6 writes it is the same address. */
    assert_true(trusts("10.0.0.0/8", "::ffff:10.1.1.1"));
    assert_false(trusts("0.0.0.0/0", "2001:db8::1"));
}

static void test_wholes_are_judged(void **state)
{
    (void)state;
    struct {
        const char **setting, *value;
        bool good;
    } all[] = {
        {&config.proxies, "10.0.0.0/33", false},
        {&config.proxies, "10.0.0.0/", false},
        {&config.proxies, "10.0.0/8", false},
        {&config.proxies, "::/129", false},
        {&config.proxies, "proxy.example.com", false},
        {&config.proxies, " 10.0.0.1 , ::1 ", true},
        {&config.metrics_allow, "10.0.0.0/-1", false},
        {&config.metrics_allow, "10.0.0.0/8,fd00::/8", true},
        {&config.public_url, "ftp://example.com", false},
        {&config.public_url, "https://", false},
        {&config.public_url, "https://example.com?x", false},
        {&config.public_url, "https://exa mple.com", false},
        {&config.public_url, "https://[::1]:8443/bureau", true},
        {&config.cors, "app.example.com", false},
        {&config.cors, "https://app.example.com/", false},
        {&config.cors, "https://a.example.com, http://b:3000", true},
        {&config.services, "crm=foo", false},
        {&config.services, "other=tcp://x:1", false},
        {&config.services, "crm=tcp://x:1,crm=tcp://y:1", true},
        {&config.listen, "::1", false},
    };
    for (size_t i = 0; i < COUNT_OF(all); i++) {
        fresh();
        *all[i].setting = all[i].value;
        if (gateway_config_judge() != all[i].good)
            fail_msg("%s", all[i].value);
    }
}

static void test_stateful_domains(void **state)
{
    (void)state;
    fresh();
    config.public_url = "https://App.Example.com:8443/bureau";
    config.stateful = "localhost, spa.test:3000";
    config.secret_key = "0123456789abcdef0123456789abcdef";
    assert_true(gateway_config_judge() && gateway_config_open());
    /* Without a port: every port. With one: that alone. */
    assert_true(host_is_stateful("localhost"));
    assert_true(host_is_stateful("LOCALHOST:5173"));
    assert_true(host_is_stateful("spa.test:3000"));
    assert_false(host_is_stateful("spa.test:3001"));
    assert_false(host_is_stateful("spa.test"));
    assert_true(host_is_stateful("app.example.com:8443"));
    assert_false(host_is_stateful("app.example.com"));
    assert_false(host_is_stateful("localhost.evil.test"));
    assert_false(host_is_stateful("evil-localhost"));
    assert_false(host_is_stateful(""));
}

static void test_redis_urls(void **state)
{
    (void)state;
    static const char *const good[] = {"redis://h", "redis://h:6380/2", "redis://:p@h:1/0",
                                       "unix:///a/b", "unix:///a/b?db=3"};
    static const char *const bad[] = {
        "",         "redis://",     "redis://:6379", "rediss://h",      "redis://h:x", "unix://",
        "http://h", "redis://h:1x", "redis://h:0",   "redis://h:70000", "redis://h/x"};
    for (size_t i = 0; i < COUNT_OF(good); i++)
        if (!redis_open(good[i]))
            fail_msg("%s", good[i]);
    for (size_t i = 0; i < COUNT_OF(bad); i++)
        if (redis_open(bad[i]))
            fail_msg("%s", bad[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_networks_hold_their_addresses_only),
        cmocka_unit_test(test_networks_of_ipv6),
        cmocka_unit_test(test_wholes_are_judged),
        cmocka_unit_test(test_stateful_domains),
        cmocka_unit_test(test_redis_urls),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
