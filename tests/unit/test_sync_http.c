/* Where requests may go, and how long a provider's wait is. */
#include "services/sync/http.h"

#include <arpa/inet.h>
#include <dlfcn.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/unit/test.h"

enum { NOW_S = 1800000000 };
static const int64_t now_ms = (int64_t)NOW_S * 1000;

/* ---- a resolver and a network of ours: libcurl calls these by name ---- */

enum { ANSWERS = 4, REACHED = 16 };
static const char *answers[ANSWERS]; /* of "trial.test": addresses of one lookup; NULL ends */
static const char *later;            /* the only one from the second lookup on, or NULL */
static int lookups;
static char reached[REACHED][INET6_ADDRSTRLEN]; /* what was connected to; nothing is let through */
static int reached_n;

static struct addrinfo *address_of(const char *text, uint16_t port, struct addrinfo *next)
{
    struct {
        struct addrinfo info;
        struct sockaddr_storage at;
    } *a = calloc(1, sizeof *a);
    assert_non_null(a);
    bool six = strchr(text, ':') != NULL;
    struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_port = htons(port)};
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_port = htons(port)};
    assert_int_equal(inet_pton(six ? AF_INET6 : AF_INET, text,
                               six ? (void *)&v6.sin6_addr : (void *)&v4.sin_addr),
                     1);
    memcpy(&a->at, six ? (void *)&v6 : (void *)&v4, six ? sizeof v6 : sizeof v4);
    a->info = (struct addrinfo){.ai_family = six ? AF_INET6 : AF_INET,
                                .ai_socktype = SOCK_STREAM,
                                .ai_protocol = IPPROTO_TCP,
                                .ai_addrlen = six ? sizeof v6 : sizeof v4,
                                .ai_addr = (struct sockaddr *)&a->at,
                                .ai_next = next};
    return &a->info;
}

int getaddrinfo(const char *restrict name, const char *restrict service,
                const struct addrinfo *restrict hints, struct addrinfo **restrict out)
{
    static int (*real)(const char *, const char *, const struct addrinfo *, struct addrinfo **);
    if (real == NULL)
        *(void **)&real = dlsym(RTLD_NEXT, "getaddrinfo");
    if (name == NULL || strcmp(name, "trial.test") != 0)
        return real(name, service, hints, out);
    uint16_t port = service == NULL ? 0 : (uint16_t)strtol(service, NULL, 10);
    *out = NULL;
    if (lookups++ > 0 && later != NULL)
        *out = address_of(later, port, NULL);
    else
        for (int i = ANSWERS - 1; i >= 0; i--)
            if (answers[i] != NULL)
                *out = address_of(answers[i], port, *out);
    return 0;
}

int connect(int fd, __CONST_SOCKADDR_ARG address, socklen_t len)
{
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
    (void)fd;
    (void)len;
    const struct sockaddr *to = address.__sockaddr__;
    bool six = to->sa_family == AF_INET6;
    memcpy(six ? (void *)&v6 : (void *)&v4, to, six ? sizeof v6 : sizeof v4);
    if (reached_n < REACHED)
        inet_ntop(to->sa_family, six ? (void *)&v6.sin6_addr : (void *)&v4.sin_addr,
                  reached[reached_n++], INET6_ADDRSTRLEN);
    errno = ECONNREFUSED;
    return -1;
}

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
        "https://100.64.0.1:9/",      "https://192.0.2.1:9/",        "https://0.1.2.3:9/",
        "https://172.31.255.255:9/",  "https://192.0.0.170:9/",      "https://198.18.0.1:9/",
        "https://240.0.0.1:9/",       "https://255.255.255.255:9/",  "https://[::]:9/",
        "https://[2001:db8::1]:9/",   "https://[2001:1::1]:9/",      "https://[3fff::1]:9/",
        "https://[64:ff9b:1::1]:9/",  "https://[::ffff:0:a00:1]:9/", "https://[fec0::1]:9/",
        "https://[5f00::1]:9/",       "https://1.1.1.1@10.0.0.1:9/",
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

static void ask(struct http *http, struct arena *arena, struct http_reply *reply)
{
    reached_n = 0;
    http_send(
        http, arena,
        &(struct http_request){
            .method = "GET", .url = "https://trial.test/", .timeout_ms = 3000, .outside = true},
        reply);
}

/* A name may have several addresses, and others the next time. Each is judged when it is connected
   to, by the very answer that is connected to: there is no second look-up in between. */
static void test_resolver(void **state)
{
    struct http_reply reply;
    (void)state;
    struct arena *arena = arena_new(4096);
    struct http *http = http_new();
    answers[0] = "10.0.0.1", answers[1] = "fd00::1", answers[2] = "::ffff:127.0.0.1";
    ask(http, arena, &reply);
    assert_string_equal(reply.reason, "the address is not allowed");
    assert_int_equal(reached_n, 0);
    http_free(http);

    http = http_new();
    answers[0] = "127.0.0.1", answers[1] = "1.2.3.4", answers[2] = "169.254.169.254";
    ask(http, arena, &reply);
    assert_int_equal(reply.fate, HTTP_NOT_SENT);
    assert_string_not_equal(reply.reason,
                            "the address is not allowed"); /* a good one did not answer */
    assert_int_equal(reached_n, 1);
    assert_string_equal(reached[0], "1.2.3.4");
    http_free(http);

    http = http_new();
    answers[0] = "1.2.3.4", answers[1] = answers[2] = NULL;
    later = "127.0.0.1";
    lookups = 0;
    ask(http, arena, &reply);
    assert_int_equal(lookups, 1);
    assert_int_equal(reached_n, 1);
    assert_string_equal(reached[0], "1.2.3.4");
    http_free(http);
    http = http_new(); /* what it remembered of names is gone */
    ask(http, arena, &reply);
    assert_int_equal(lookups, 2);
    assert_string_equal(reply.reason, "the address is not allowed");
    assert_int_equal(reached_n, 0);
    http_free(http);
    arena_destroy(arena);
}

static void test_plain(void **state)
{
    static const char *const bad[] = {"https://user@hooks.test/",
                                      "https://user:word@hooks.test/",
                                      "https://:word@hooks.test/",
                                      "https://hooks.test/#part",
                                      "https://hooks.test:99999/",
                                      "https://hooks.test:port/",
                                      "https://[::1/",
                                      "https://hooks test/",
                                      "https://10.0.0.1\\@hooks.test/",
                                      "https://hooks.test\n/"};
    (void)state;
    for (size_t i = 0; i < COUNT_OF(bad); i++)
        if (http_url_plain(bad[i]))
            fail_msg("%s", bad[i]);
    assert_true(http_url_plain("https://hooks.test:8443/a?b=c@d"));
    assert_true(http_url_plain("https://[2606:4700::1]/"));
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
        cmocka_unit_test(test_wait),  cmocka_unit_test(test_allowed),  cmocka_unit_test(test_guard),
        cmocka_unit_test(test_names), cmocka_unit_test(test_resolver), cmocka_unit_test(test_plain),
        cmocka_unit_test(test_form),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
