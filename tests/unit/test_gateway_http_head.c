#include "gateway/http_head.h"
#include "tests/unit/test.h"

#define GET "GET /a?b HTTP/1.1\r\nHost: h\r\n"

static int read_text(const char *text, struct http_head *head)
{
    const char *why = NULL;
    int status = http_head_read((struct slice){text, strlen(text)}, head, &why);
    if (status > 0)
        assert_non_null(why);
    return status;
}

static void test_a_good_head_is_taken_apart(void **state)
{
    (void)state;
    struct http_head head;
    const char *text =
        "\r\nPOST /x HTTP/1.1\r\nhost:h\r\nContent-Length: 12 \r\nX:\t a b \r\n\r\nrest";
    assert_int_equal(read_text(text, &head), 0);
    assert_int_equal(head.content_length, 12);
    assert_int_equal(head.bytes, strlen(text) - 4);
    assert_true(head.keep_alive);
    assert_int_equal(head.headers_n, 3);
    struct slice value = http_header_find(&head, "x");
    assert_int_equal(value.len, 3);
    assert_memory_equal(value.data, "a b", 3);
    assert_null(http_header_find(&head, "y").data);
}

static void test_every_beginning_of_a_head_is_incomplete(void **state)
{
    (void)state;
    static const char text[] = GET "Accept: x\r\n\r\n";
    struct http_head head;
    const char *why = NULL;
    for (size_t len = 0; len < sizeof text - 1; len++)
        assert_int_equal(http_head_read((struct slice){text, len}, &head, &why), -1);
    assert_int_equal(http_head_read((struct slice){text, sizeof text - 1}, &head, &why), 0);
}

static void test_what_could_be_read_in_two_ways_is_refused(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int status;
    } cases[] = {
        {GET "Host: i\r\n\r\n", 400},
        {GET "A : b\r\n\r\n", 400},
        {GET "A: b\r\n c\r\n\r\n", 400},
        {GET "A: b\n\r\n", 400},
        {GET "A: b\rc\r\n\r\n", 400},
        {GET ": b\r\n\r\n", 400},
        {GET "A: \x01\r\n\r\n", 400},
        {GET "Content-Length: 1\r\nContent-Length: 1\r\n\r\n", 400},
        {GET "Content-Length: 1, 1\r\n\r\n", 400},
        {GET "Content-Length: -1\r\n\r\n", 400},
        {GET "Content-Length:\r\n\r\n", 400},
        {GET "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", 400},
        {GET "Transfer-Encoding: identity\r\n\r\n", 400},
        {GET "Transfer-Encoding: chunked, chunked\r\n\r\n", 400},
        {"GET / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", 400},
        {GET "Expect: tea\r\n\r\n", 417},
        {"GET / HTTP/1.1\r\n\r\n", 400},
        {"GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", 400},
        {"GET / HTTP/1.2\r\nHost: a\r\n\r\n", 505},
        {"GET / http/1.1\r\nHost: a\r\n\r\n", 400},
        {"GET  / HTTP/1.1\r\nHost: a\r\n\r\n", 400},
        {"GET / HTTP/1.1 \r\nHost: a\r\n\r\n", 400},
        {"G@T / HTTP/1.1\r\nHost: a\r\n\r\n", 400},
        {"GET x HTTP/1.1\r\nHost: a\r\n\r\n", 400},
        {"GET * HTTP/1.1\r\nHost: a\r\n\r\n", 400},
        {"GET /\xc3\xa9 HTTP/1.1\r\nHost: a\r\n\r\n", 400},
        {"GET /#a HTTP/1.1\r\nHost: a\r\n\r\n", 400},
        {"GET ftp://b/x HTTP/1.1\r\nHost: a\r\n\r\n", 400},
        {"GET file:///x HTTP/1.1\r\nHost: a\r\n\r\n", 400},
        {"GET http:///x HTTP/1.1\r\nHost: a\r\n\r\n", 400},
        {"GET http:// HTTP/1.1\r\nHost: a\r\n\r\n", 400},
        {"GET http:/b/x HTTP/1.1\r\nHost: a\r\n\r\n", 400},
        {"GET http://u:p@b/x HTTP/1.1\r\nHost: a\r\n\r\n", 400},
        {"GET http://b/x HTTP/1.1\r\n\r\n", 400},
        {"CONNECT b:80 HTTP/1.1\r\nHost: b:80\r\n\r\n", 400},
    };
    struct http_head head;
    for (size_t i = 0; i < COUNT_OF(cases); i++)
        if (read_text(cases[i].text, &head) != cases[i].status)
            fail_msg("%s", cases[i].text);
}

static bool is_text(struct slice slice, const char *text)
{
    return slice.len == strlen(text) && memcmp(slice.data, text, slice.len) == 0;
}

/* Proxies ask so; the host of the target wins. Source: RFC 9112 3.2.2 and 3.2.4. */
static void test_an_absolute_target_names_host_and_path(void **state)
{
    (void)state;
    static const struct {
        const char *line, *host, *target;
    } cases[] = {
        {"GET http://b.test:81/x/y?z=1 HTTP/1.1\r\nHost: a", "b.test:81", "/x/y?z=1"},
        {"GET HTTPS://b/ HTTP/1.1\r\nHost: a", "b", "/"},
        {"GET http://b HTTP/1.1\r\nHost: a", "b", "/"},
        {"GET http://[::1]:8080?q HTTP/1.1\r\nHost: a", "[::1]:8080", "?q"},
        {"OPTIONS http://b HTTP/1.1\r\nHost: a", "b", "*"},
        {"GET http://b/x HTTP/1.0", "b", "/x"},
        {"GET /http://b/x HTTP/1.1\r\nHost: a", "a", "/http://b/x"},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct http_head head;
        char text[160];
        snprintf(text, sizeof text, "%s\r\n\r\n", cases[i].line);
        if (read_text(text, &head) != 0 || !is_text(head.target, cases[i].target) ||
            !is_text(http_header_find(&head, "Host"), cases[i].host))
            fail_msg("%s", cases[i].line);
    }
}

static void test_connection_is_obeyed(void **state)
{
    (void)state;
    struct http_head head;
    assert_int_equal(read_text(GET "Connection: x, Close\r\n\r\n", &head), 0);
    assert_false(head.keep_alive);
    assert_int_equal(read_text("GET / HTTP/1.0\r\n\r\n", &head), 0);
    assert_false(head.keep_alive);
    assert_int_equal(read_text("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", &head), 0);
    assert_true(head.keep_alive);
}

/* Feeds the text in pieces of `step` bytes; the status of the last call. */
static int feed(const char *text, size_t step, char *out, size_t *len)
{
    struct chunks chunks = {.max = 64};
    char data[256];
    size_t total = strlen(text);
    const char *why = NULL;
    int status = -1;
    for (size_t had = 0; status == -1 && had < total;) {
        size_t n = had + step < total ? had + step : total;
        memcpy(data + had, text + had, n - had);
        status = http_chunks_read(&chunks, data, n, &why);
        had = n;
    }
    memcpy(out, data, chunks.out);
    *len = chunks.out;
    return status;
}

static void test_chunks_are_put_together_however_they_arrive(void **state)
{
    (void)state;
    static const char text[] = "3\r\nabc\r\nA;x=y\r\n0123456789\r\n0\r\n\r\n";
    char out[256];
    size_t len = 0;
    for (size_t step = 1; step <= sizeof text; step++) {
        assert_int_equal(feed(text, step, out, &len), 0);
        assert_int_equal(len, 13);
        assert_memory_equal(out, "abc0123456789", 13);
    }
}

static void test_bad_chunks_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int status;
    } cases[] = {
        {"-1\r\na", 400},     {"g\r\n", 400},         {"\r\n", 400},   {"1\r\nab\r\n", 400},
        {"1\nab", 400},       {"fffffffff\r\n", 400}, {"41\r\n", 413}, {"0\r\nX: y\r\n", 400},
        {"1 \r\na\r\n", 400}, {"1\r\na\r\n", -1},     {"0\r\n", -1},   {"0", -1},
    };
    char out[256];
    size_t len = 0;
    for (size_t i = 0; i < COUNT_OF(cases); i++)
        if (feed(cases[i].text, 256, out, &len) != cases[i].status)
            fail_msg("%s", cases[i].text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_good_head_is_taken_apart),
        cmocka_unit_test(test_every_beginning_of_a_head_is_incomplete),
        cmocka_unit_test(test_what_could_be_read_in_two_ways_is_refused),
        cmocka_unit_test(test_an_absolute_target_names_host_and_path),
        cmocka_unit_test(test_connection_is_obeyed),
        cmocka_unit_test(test_chunks_are_put_together_however_they_arrive),
        cmocka_unit_test(test_bad_chunks_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
