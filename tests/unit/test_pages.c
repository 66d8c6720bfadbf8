#include "proto/pages.h"

#include <stdio.h>

#include "tests/unit/test.h"

static struct arena *arena;
static const struct resource thing = {.label = "Thing"};
static const struct route list = {.op = "list", .resource = &thing};

static const char *say(enum dialect dialect, const char *path, const struct pair *query, size_t n,
                       const struct reply *reply)
{
    struct saying s = {.dialect = dialect,
                       .route = &list,
                       .path = path,
                       .base = "http://h",
                       .query = query,
                       .query_n = n,
                       .verb = "GET"};
    struct buf out;
    buf_init(&out, arena);
    assert_int_equal(dialect_say(&out, &s, reply), 200);
    return out.data;
}

static struct reply reply_of(int64_t number, int64_t size, int64_t total, int64_t rows)
{
    return (struct reply){.json = {"[0]", 3},
                          .page = {.number = number, .size = size, .total = total, .rows = rows}};
}

static void test_laravel_links_keep_the_other_parameters(void **state)
{
    (void)state;
    static const struct pair query[] = {{"filter[a]", "x y"}, {"page", "2"}, {"per_page", "2"}};
    struct reply reply = reply_of(2, 2, 5, 2);
    reply.meta = " { \"sum\": 1 } ";
    assert_string_equal(
        say(DIALECT_LARAVEL, "/api/things/", query, COUNT_OF(query), &reply),
        "{\"data\":[0],\"links\":{"
        "\"first\":\"http://h/api/things?page=1&filter%5Ba%5D=x%20y&per_page=2\","
        "\"last\":\"http://h/api/things?page=3&filter%5Ba%5D=x%20y&per_page=2\","
        "\"prev\":\"http://h/api/things?page=1&filter%5Ba%5D=x%20y&per_page=2\","
        "\"next\":\"http://h/api/things?page=3&filter%5Ba%5D=x%20y&per_page=2\"},"
        "\"meta\":{\"current_page\":2,\"from\":3,\"last_page\":3,\"links\":["
        "{\"url\":\"http://h/api/things?page=1&filter%5Ba%5D=x%20y&per_page=2\","
        "\"label\":\"&laquo; Previous\",\"page\":1,\"active\":false},"
        "{\"url\":\"http://h/api/things?page=1&filter%5Ba%5D=x%20y&per_page=2\","
        "\"label\":\"1\",\"page\":1,\"active\":false},"
        "{\"url\":\"http://h/api/things?page=2&filter%5Ba%5D=x%20y&per_page=2\","
        "\"label\":\"2\",\"page\":2,\"active\":true},"
        "{\"url\":\"http://h/api/things?page=3&filter%5Ba%5D=x%20y&per_page=2\","
        "\"label\":\"3\",\"page\":3,\"active\":false},"
        "{\"url\":\"http://h/api/things?page=3&filter%5Ba%5D=x%20y&per_page=2\","
        "\"label\":\"Next &raquo;\",\"page\":3,\"active\":false}],"
        "\"path\":\"http://h/api/things\",\"per_page\":2,\"to\":4,\"total\":5,\"sum\": 1 }}");
}

static void test_an_empty_laravel_list(void **state)
{
    (void)state;
    struct reply reply = reply_of(1, 15, 0, 0);
    reply.json = (struct slice){0};
    assert_string_equal(
        say(DIALECT_LARAVEL, "/t", NULL, 0, &reply),
        "{\"data\":[],\"links\":{\"first\":\"http://h/t?page=1\",\"last\":\"http://h/t?page=1\","
        "\"prev\":null,\"next\":null},\"meta\":{\"current_page\":1,\"from\":null,\"last_page\":1,"
        "\"links\":[{\"url\":null,\"label\":\"&laquo; Previous\",\"page\":null,\"active\":false},"
        "{\"url\":\"http://h/t?page=1\",\"label\":\"1\",\"page\":1,\"active\":true},"
        "{\"url\":null,\"label\":\"Next &raquo;\",\"page\":null,\"active\":false}],"
        "\"path\":\"http://h/t\",\"per_page\":15,\"to\":null,\"total\":0}}");
}

/* The labels between Previous and Next, "..." for gaps, "[n]" for the page shown. */
static const char *window(int64_t current, int64_t last)
{
    struct reply reply = reply_of(current, 1, last, current > last ? 0 : 1);
    const char *at = strstr(say(DIALECT_LARAVEL, "/t", NULL, 0, &reply), "\"links\":[");
    struct buf out;
    buf_init(&out, arena);
    while ((at = strstr(at, "\"label\":\"")) != NULL) {
        at += 9;
        if (*at == '&' || *at == 'N')
            continue;
        const char *end = strchr(at, '"');
        const char *object_end = strchr(end, '}');
        bool active = memmem(end, (size_t)(object_end - end), "true", 4) != NULL;
        buf_printf(&out, active ? " [%.*s]" : " %.*s", (int)(end - at), at);
    }
    return out.data;
}

static void test_the_window_of_page_numbers(void **state)
{
    (void)state;
    assert_string_equal(window(1, 1), " [1]");
    assert_string_equal(window(13, 13), " 1 2 3 4 5 6 7 8 9 10 11 12 [13]");
    assert_string_equal(window(1, 14), " [1] 2 3 4 5 6 7 8 9 10 ... 13 14");
    assert_string_equal(window(7, 20), " 1 2 3 4 5 6 [7] 8 9 10 ... 19 20");
    assert_string_equal(window(8, 20), " 1 2 ... 5 6 7 [8] 9 10 11 ... 19 20");
    assert_string_equal(window(13, 20), " 1 2 ... 10 11 12 [13] 14 15 16 ... 19 20");
    assert_string_equal(window(14, 20), " 1 2 ... 11 12 13 [14] 15 16 17 18 19 20");
    assert_string_equal(window(20, 20), " 1 2 ... 11 12 13 14 15 16 17 18 19 [20]");
    assert_string_equal(window(99, 20), " 1 2 ... 11 12 13 14 15 16 17 18 19 20");
}

static void test_cursor_links(void **state)
{
    (void)state;
    static const struct pair query[] = {{"cursor", ""}, {"sort", "-name"}};
    struct reply reply = reply_of(1, 2, 0, 2);
    reply.page.next_cursor = "a+b";
    assert_string_equal(say(DIALECT_LARAVEL, "/t", query, 2, &reply),
                        "{\"data\":[0],\"links\":{\"first\":null,\"last\":null,\"prev\":null,"
                        "\"next\":\"http://h/t?cursor=a%2Bb&sort=-name\"},\"meta\":{\"path\":"
                        "\"http://h/t\",\"per_page\":2,\"next_cursor\":\"a+b\","
                        "\"prev_cursor\":null}}");
    reply.page.next_cursor = NULL;
    assert_non_null(strstr(say(DIALECT_LARAVEL, "/t", query, 2, &reply), "\"next\":null"));
}

static void test_robert_pagination(void **state)
{
    (void)state;
    static const struct pair query[] = {{"tags[]", "é"}, {"page", "2"}, {"tags[]", "a/b"},
                                        {"z", ""},       {"k", "1"},    {"k", "2"}};
    struct reply reply = reply_of(2, 100, 250, 100);
#define OTHERS "tags%5B0%5D=%C3%A9&tags%5B1%5D=a%2Fb&z=&k=2&page="
    assert_string_equal(say(DIALECT_ROBERT, "/api/t/", query, COUNT_OF(query), &reply),
                        "{\"pagination\":{\"current_page\":2,"
                        "\"first_page_url\":\"/api/t/?" OTHERS "1\",\"from\":101,\"last_page\":3,"
                        "\"last_page_url\":\"/api/t/?" OTHERS "3\","
                        "\"next_page_url\":\"/api/t/?" OTHERS "3\",\"path\":\"/api/t/\","
                        "\"per_page\":100,\"prev_page_url\":\"/api/t/?" OTHERS "1\",\"to\":200,"
                        "\"total\":250},\"data\":[0]}");
}

static void test_an_empty_robert_list(void **state)
{
    (void)state;
    struct reply reply = reply_of(0, 100, 0, 0);
    reply.json = (struct slice){"[]", 2};
    assert_string_equal(say(DIALECT_ROBERT, "/t", NULL, 0, &reply),
                        "{\"pagination\":{\"current_page\":1,\"first_page_url\":\"/t?page=1\","
                        "\"from\":null,\"last_page\":1,\"last_page_url\":\"/t?page=1\","
                        "\"next_page_url\":null,\"path\":\"/t\",\"per_page\":100,"
                        "\"prev_page_url\":null,\"to\":null,\"total\":0},\"data\":[]}");
}

static void test_pages_that_have_no_numbers(void **state)
{
    (void)state;
    struct reply reply = reply_of(1, 2, 0, 2);
    reply.json = (struct slice){"[1,2]", 5};
    reply.page.by_cursor = true;
    reply.page.next_cursor = "abc";
    static const char said[] =
        "{\"data\":[1,2],\"links\":{\"first\":null,\"last\":null,\"prev\":null,"
        "\"next\":\"http://h/t?cursor=abc\"},\"meta\":{\"path\":\"http://h/t\",\"per_page\":2,"
        "\"next_cursor\":\"abc\",\"prev_cursor\":null}}";
    assert_string_equal(say(DIALECT_LARAVEL, "/t", NULL, 0, &reply), said);
    assert_string_equal(say(DIALECT_ROBERT, "/t", NULL, 0, &reply), said);
}

static void test_a_page_beyond_all_bounds(void **state)
{
    (void)state;
    struct reply reply = reply_of(INT64_MAX, 100, 5, 0);
    const char *said = say(DIALECT_ROBERT, "/t", NULL, 0, &reply);
    assert_non_null(strstr(said, "\"current_page\":9223372036854775807"));
    assert_non_null(strstr(said, "\"next_page_url\":null"));
    assert_non_null(strstr(said, "\"from\":null"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_laravel_links_keep_the_other_parameters),
        cmocka_unit_test(test_an_empty_laravel_list),
        cmocka_unit_test(test_the_window_of_page_numbers),
        cmocka_unit_test(test_cursor_links),
        cmocka_unit_test(test_robert_pagination),
        cmocka_unit_test(test_an_empty_robert_list),
        cmocka_unit_test(test_pages_that_have_no_numbers),
        cmocka_unit_test(test_a_page_beyond_all_bounds),
    };
    arena = arena_new(4096);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    arena_destroy(arena);
    return failed;
}
