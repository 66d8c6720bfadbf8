#include "proto/envelope.h"

#include "tests/unit/test.h"

static struct arena *arena;

static struct slice bytes_of(const struct buf *buf) { return (struct slice){buf->data, buf->len}; }

static struct buf batch(uint32_t n)
{
    struct buf out;
    buf_init(&out, arena);
    mp_put_array(&out, n);
    return out;
}

static const struct pair query[] = {{"page", "2"}, {"tags[]", "a"}, {"tags[]", "é&"}, {"z", ""}};

static struct request full_request(void)
{
    return (struct request){
        .index = 7,
        .id = "req-1",
        .trace = "00-ab-cd-01",
        .op = "update",
        .resource = "client",
        .row = INT64_MAX,
        .arg = {"one", NULL, "three"},
        .query = query,
        .query_n = COUNT_OF(query),
        .body = {"\x80", 1},
        .raw = {"a;b\0c", 5},
        .who = {-1, 2, 3, ROLE_ADMIN, "*", "Europe/Paris", "UTC", "FR", true},
        .left_ms = 4000,
        .address = "127.0.0.1",
        .headers = {[HEADER_IF_MATCH] = "\"5\""},
        .path = "/api/clients/1",
    };
}

static void test_a_request_comes_back_whole(void **state)
{
    (void)state;
    struct buf out = batch(1);
    struct request in = full_request(), *got;
    size_t n;
    request_write(&out, &in);
    assert_int_equal(requests_read(arena, bytes_of(&out), &got, &n), ERR_OK);
    assert_int_equal(n, 1);
    assert_int_equal(got->index, 7);
    assert_string_equal(got->op, "update");
    assert_true(got->row == INT64_MAX);
    assert_string_equal(got->arg[0], "one");
    assert_null(got->arg[1]);
    assert_string_equal(got->arg[2], "three");
    assert_int_equal(got->query_n, 4);
    assert_string_equal(got->query[2].value, "é&");
    assert_int_equal(got->raw.len, 5);
    assert_memory_equal(got->raw.data, "a;b\0c", 5);
    assert_true(got->who.user_id == -1 && got->who.role == ROLE_ADMIN && got->who.session);
    assert_string_equal(got->who.zone, "Europe/Paris");
    assert_null(got->headers[HEADER_IDEMPOTENCY_KEY]);
    assert_string_equal(got->headers[HEADER_IF_MATCH], "\"5\"");
    assert_int_equal(got->left_ms, 4000);
}

static void test_texts_that_are_promised_are_never_null(void **state)
{
    (void)state;
    struct buf out = batch(1);
    struct request in = {0}, *got;
    size_t n;
    request_write(&out, &in);
    assert_int_equal(requests_read(arena, bytes_of(&out), &got, &n), ERR_OK);
    assert_string_equal(got->op, "");
    assert_string_equal(got->resource, "");
    assert_string_equal(got->path, "");
    assert_string_equal(got->who.abilities, "");
    assert_string_equal(got->who.language, "");
    assert_null(got->arg[0]);
}

static void test_a_reply_comes_back_whole(void **state)
{
    (void)state;
    struct fault second = {"tags.0", RULE_SAID, "so", NULL, NULL, NULL};
    struct fault first = {"name", RULE_LENGTH, "2", "96", "the name", &second};
    struct reply in = {.index = 3,
                       .err = ERR_INVALID,
                       .faults = &first,
                       .message = "",
                       .json = {"[1]", 3},
                       .meta = "{}",
                       .page = {2, 15, 31, 15, "abc", true, true},
                       .status = 207,
                       .bare = true,
                       .type = "text/csv",
                       .headers = {{"ETag", "x"}, {"Location", "/y"}},
                       .forget = "user:1",
                       .retry_after_s = 9,
                       .sql_us = 77};
    struct reply *got;
    size_t n;
    struct buf out = batch(2);
    reply_write(&out, &in);
    reply_write(&out, &(struct reply){0});
    assert_int_equal(replies_read(arena, bytes_of(&out), &got, &n), ERR_OK);
    assert_int_equal(n, 2);
    assert_int_equal(got->err, ERR_INVALID);
    assert_string_equal(got->message, "");
    assert_string_equal(got->faults->label, "the name");
    assert_int_equal(got->faults->next->rule, RULE_SAID);
    assert_null(got->faults->next->b);
    assert_null(got->faults->next->next);
    assert_memory_equal(got->json.data, "[1]", 3);
    assert_true(got->page.total == 31 && got->page.plain && got->page.by_cursor);
    assert_string_equal(got->headers[1].value, "/y");
    assert_null(got->headers[2].name);
    assert_int_equal(got->status, 207);
    assert_true(got[1].err == ERR_OK && got[1].message == NULL && got[1].json.len == 0);
}

static void test_a_reply_of_many_reads_alone(void **state)
{
    (void)state;
    static char text[70000]; /* lengths of one, two and four bytes stand between the replies */
    struct reply *got, *alone;
    size_t n;
    struct buf out = batch(20);
    memset(text, 'x', sizeof text - 1);
    for (uint32_t i = 0; i < 20; i++)
        reply_write(&out, &(struct reply){.index = 19 - i,
                                          .message = i % 3 == 0 ? NULL : text + (i % 3 - 1) * 69700,
                                          .json = {text, i * 40}});
    assert_int_equal(replies_read(arena, bytes_of(&out), &got, &n), ERR_OK);
    assert_int_equal(n, 20);
    for (uint32_t i = 0; i < 20; i++) {
        struct slice message = reply_alone(arena, got[i].bytes);
        assert_int_equal(replies_read(arena, message, &alone, &n), ERR_OK);
        assert_int_equal(n, 1);
        assert_int_equal(alone->index, 19 - i);
        assert_int_equal(alone->json.len, i * 40);
        assert_true((alone->message == NULL) == (got[i].message == NULL));
    }
}

static void test_every_cut_message_is_refused(void **state)
{
    (void)state;
    struct buf out = batch(1);
    struct request in = full_request(), *got;
    size_t n;
    request_write(&out, &in);
    for (size_t len = 0; len < out.len; len++)
        assert_int_equal(requests_read(arena, (struct slice){out.data, len}, &got, &n),
                         ERR_MALFORMED);
    buf_putc(&out, '\0');
    assert_int_equal(requests_read(arena, bytes_of(&out), &got, &n), ERR_MALFORMED);
}

/* A batch of one map with the version, and one more pair that the caller writes. */
static struct buf one_pair(int64_t version, const char *key)
{
    struct buf out = batch(1);
    mp_put_map(&out, 2);
    mp_put_text(&out, "v");
    mp_put_int(&out, version);
    mp_put_text(&out, key);
    return out;
}

static void assert_request(const struct buf *out, enum err err)
{
    struct request *got;
    size_t n;
    assert_int_equal(requests_read(arena, bytes_of(out), &got, &n), err);
}

static void test_wrong_types_and_ranges_are_refused(void **state)
{
    (void)state;
    struct buf out = one_pair(1, "n");
    mp_put_text(&out, "12");
    assert_request(&out, ERR_MALFORMED);
    out = one_pair(1, "i");
    mp_put_int(&out, -1);
    assert_request(&out, ERR_MALFORMED);
    out = one_pair(1, "i");
    mp_put_int(&out, (int64_t)UINT32_MAX + 1);
    assert_request(&out, ERR_MALFORMED);
    out = one_pair(1, "o");
    mp_put_str(&out, "a\0b", 3);
    assert_request(&out, ERR_MALFORMED);
    out = one_pair(1, "q");
    mp_put_array(&out, 1);
    mp_put_text(&out, "odd");
    assert_request(&out, ERR_MALFORMED);
    out = one_pair(1, "a");
    mp_put_array(&out, 4);
    for (int i = 0; i < 4; i++)
        mp_put_text(&out, "x");
    assert_request(&out, ERR_MALFORMED);
    out = one_pair(1, "b");
    mp_put_text(&out, "no bytes");
    assert_request(&out, ERR_MALFORMED);
}

static void test_version_and_unknown_keys(void **state)
{
    (void)state;
    struct buf out = one_pair(2, "n");
    mp_put_int(&out, 1);
    assert_request(&out, ERR_MALFORMED);
    out = one_pair(1, "?");
    mp_put_array(&out, 0);
    assert_request(&out, ERR_OK);
    out = batch(1);
    mp_put_map(&out, 0);
    assert_request(&out, ERR_MALFORMED);
    out = one_pair(1, "v");
    mp_put_int(&out, 2);
    assert_request(&out, ERR_OK); /* the first one counts; "v" itself is no member */
}

static void test_a_member_twice_is_refused(void **state)
{
    (void)state;
    struct buf out = batch(1);
    mp_put_map(&out, 3);
    mp_put_text(&out, "v");
    mp_put_int(&out, 1);
    for (int i = 0; i < 2; i++) {
        mp_put_text(&out, "o");
        mp_put_text(&out, "list");
    }
    assert_request(&out, ERR_MALFORMED);
}

static void test_unknown_errors_become_internal(void **state)
{
    (void)state;
    struct reply *got;
    size_t n;
    struct buf out = one_pair(1, "e");
    mp_put_int(&out, 9999);
    assert_int_equal(replies_read(arena, bytes_of(&out), &got, &n), ERR_OK);
    assert_int_equal(got->err, ERR_INTERNAL);
}

static void test_rules_of_a_later_version_are_said_in_general(void **state)
{
    (void)state;
    struct reply *got;
    size_t n;
    struct buf out = one_pair(1, "f");
    mp_put_array(&out, 1);
    mp_put_map(&out, 2);
    mp_put_text(&out, "f");
    mp_put_text(&out, "name");
    mp_put_text(&out, "r");
    mp_put_int(&out, 9999);
    assert_int_equal(replies_read(arena, bytes_of(&out), &got, &n), ERR_OK);
    assert_string_equal(got->faults->field, "name");
    assert_int_equal(got->faults->rule, RULE_FORMAT);
}

static void test_the_last_query_value_wins(void **state)
{
    (void)state;
    struct request request = full_request();
    assert_string_equal(query_find(&request, "tags[]"), "é&");
    assert_string_equal(query_find(&request, "z"), "");
    assert_null(query_find(&request, "tags"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_request_comes_back_whole),
        cmocka_unit_test(test_texts_that_are_promised_are_never_null),
        cmocka_unit_test(test_a_reply_comes_back_whole),
        cmocka_unit_test(test_a_reply_of_many_reads_alone),
        cmocka_unit_test(test_every_cut_message_is_refused),
        cmocka_unit_test(test_wrong_types_and_ranges_are_refused),
        cmocka_unit_test(test_version_and_unknown_keys),
        cmocka_unit_test(test_a_member_twice_is_refused),
        cmocka_unit_test(test_unknown_errors_become_internal),
        cmocka_unit_test(test_rules_of_a_later_version_are_said_in_general),
        cmocka_unit_test(test_the_last_query_value_wins),
    };
    arena = arena_new(4096);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    arena_destroy(arena);
    return failed;
}
