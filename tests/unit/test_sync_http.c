/* Where requests may go, and how long a provider's wait is. */
#include "services/sync/http.h"

#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/unit/test.h"

enum { NOW_S = 1800000000 };
static const int64_t now_ms = (int64_t)NOW_S * 1000;

static void test_wait(void **state)
{
    (void)state;
    assert_int_equal(http_wait_ms("", now_ms), 0);
    assert_int_equal(http_wait_ms("nonsense", now_ms), 0);
    assert_int_equal(http_wait_ms("7", now_ms), 7000);
    /* Moneybird: a time, not a delay. */
    assert_int_equal(http_wait_ms("1800000090", now_ms), 90000);
    /* One that has passed, or is absurd. */
    assert_int_equal(http_wait_ms("1700000000", now_ms), 1000);
    assert_int_equal(http_wait_ms("0", now_ms), 1000);
    assert_int_equal(http_wait_ms("-5", now_ms), 1000);
    assert_int_equal(http_wait_ms("9999999999999", now_ms), 86400000);
    assert_int_equal(http_wait_ms("Fri, 15 Jan 2027 08:00:30 GMT", now_ms), 30000);
}

static void test_allowed(void **state)
{
    (void)state;
    assert_true(http_url_allowed("https://moneybird.com/api/v2"));
    assert_true(http_url_allowed("http://127.0.0.1:9000/x"));
    assert_true(http_url_allowed("http://localhost/x"));
    assert_true(http_url_allowed("http://[::1]:80/"));
    assert_false(http_url_allowed("http://moneybird.com/api/v2"));
    assert_false(http_url_allowed("http://127.0.0.1.evil.test/"));
    assert_false(http_url_allowed("http://127.0.0.1@evil.test/"));
    assert_false(http_url_allowed("http://localhost.evil.test/"));
    assert_false(http_url_allowed("https://"));
    assert_false(http_url_allowed("file:///etc/passwd"));
    assert_false(http_url_allowed(""));
}

/* A name or number that leads to a private address is refused before anything is sent. */
static void test_guard(void **state)
{
    static const char *const urls[] = {
        "https://2130706433:9/", "https://[::ffff:127.0.0.1]:9/", "https://0:9/",
        "https://10.0.0.1:9/",   "https://169.254.169.254/",      "https://192.168.1.1:9/",
        "https://[fd00::1]:9/",  "https://[fe80::1]:9/",          "https://[::10.0.0.1]:9/",
    };
    (void)state;
    struct arena *arena = arena_new(4096);
    struct http *http = http_new();
    for (size_t i = 0; i < COUNT_OF(urls); i++) {
        struct http_reply reply;
        struct http_request request = {.method = "GET", .url = urls[i], .timeout_ms = 3000};
        http_send(http, arena, &request, &reply);
        assert_int_equal(reply.fate, HTTP_NOT_SENT);
        assert_string_equal(reply.reason, "the address is not allowed");
    }
    http_free(http);
    arena_destroy(arena);
}

static void refuse(struct http *http, struct arena *arena, const char *url)
{
    struct http_reply reply;
    struct http_request request = {
        .method = "GET", .url = url, .timeout_ms = 3000, .outside = true};
    http_send(http, arena, &request, &reply);
    assert_int_equal(reply.fate, HTTP_NOT_SENT);
    assert_string_equal(reply.reason, "the address is not allowed");
}

/* What the resolver says counts, not what the name looks like; loopback, too, when the address came
   from outside. */
static void test_names(void **state)
{
    static const char *const urls[] = {
        "https://localhost:9/",       "https://127.0.0.1:9/",        "https://[::1]:9/",
        "https://127.1:9/",           "https://0x7f000001:9/",       "https://0177.0.0.1:9/",
        "https://[::ffff:7f00:1]:9/", "https://[64:ff9b::a00:1]:9/", "https://[2002:7f00:1::]:9/",
        "https://[2001::1]:9/",       "https://[ff02::1]:9/",        "https://224.0.0.1:9/",
        "https://100.64.0.1:9/",      "https://192.0.2.1:9/",
    };
    char name[256], url[300];
    struct addrinfo *found = NULL, hints = {.ai_family = AF_INET, .ai_socktype = SOCK_STREAM};
    (void)state;
    struct arena *arena = arena_new(4096);
    struct http *http = http_new();
    for (size_t i = 0; i < COUNT_OF(urls); i++)
        refuse(http, arena, urls[i]);
    /* This machine's own name leads to itself or into its network, nearly everywhere. */
    assert_int_equal(gethostname(name, sizeof name), 0);
    if (getaddrinfo(name, NULL, &hints, &found) == 0) {
        struct sockaddr_in in;
        memcpy(&in, found->ai_addr, sizeof in);
        uint32_t a = ntohl(in.sin_addr.s_addr);
        snprintf(url, sizeof url, "https://%s:9/", name);
        if (a >> 24 == 127 || a >> 24 == 10 || a >> 20 == 0xac1 || a >> 16 == 0xc0a8)
            refuse(http, arena, url);
        freeaddrinfo(found);
    }
    http_free(http);
    arena_destroy(arena);
}

static void test_form(void **state)
{
    (void)state;
    struct arena *arena = arena_new(4096);
    struct buf form;
    buf_init(&form, arena);
    http_form(&form, "a", "x y&z");
    http_form(&form, "b", "é=~");
    assert_string_equal(form.data, "a=x%20y%26z&b=%C3%A9%3D~");
    arena_destroy(arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_wait),  cmocka_unit_test(test_allowed), cmocka_unit_test(test_guard),
        cmocka_unit_test(test_names), cmocka_unit_test(test_form),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
