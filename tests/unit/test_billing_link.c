#include "common/crypto.h"
#include "services/billing/link.h"
#include "tests/unit/test.h"

static const char master[] = "a key for unit tests only";
static struct arena *arena;

static void test_a_link_is_good_for_its_bill_and_hour(void **state)
{
    (void)state;
    const struct link link = {.organization_id = 3, .bill = 8, .expires_s = 1000000};
    char signature[44];
    link_sign(&link, master, signature);
    assert_true(link_is_good(&link, master, signature, 1000000 - LINK_LIFE_S));
    assert_true(link_is_good(&link, master, signature, 999999));
    assert_false(link_is_good(&link, master, signature, 1000000));
    /* Nobody gave a link for so long. */
    assert_false(link_is_good(&link, master, signature, 1000000 - LINK_LIFE_S - 1));
    const struct link others[] = {{4, 8, 1000000}, {3, 9, 1000000}, {3, 8, 1000001}, {38, 1000000}};
    for (size_t i = 0; i < COUNT_OF(others); i++)
        assert_false(link_is_good(&others[i], master, signature, 999999));
    assert_false(link_is_good(&link, "another key", signature, 999999));
}

static void test_no_other_signature_is_good(void **state)
{
    (void)state;
    const struct link link = {.organization_id = 3, .bill = 8, .expires_s = 1000000};
    char signature[44];
    link_sign(&link, master, signature);
    assert_false(link_is_good(&link, master, "", 999999));
    assert_false(link_is_good(&link, master, "AAAA", 999999));
    for (size_t i = 0; i + 1 < sizeof signature; i++) {
        char kept = signature[i];
        signature[i] = kept == 'A' ? 'B' : 'A';
        assert_false(link_is_good(&link, master, signature, 999999));
        signature[i] = kept;
    }
    assert_true(link_is_good(&link, master, signature, 999999));
}

static const char *rows(const char *json)
{
    const struct link link = {.organization_id = 3, .expires_s = 1000000};
    struct slice out =
        link_rows(arena, (struct slice){json, strlen(json)}, "http://x", master, &link);
    assert_int_equal(strlen(out.data), out.len);
    return out.data;
}

static const char *with_link(const char *begin, int64_t bill, const char *end)
{
    const struct link link = {.organization_id = 3, .bill = bill, .expires_s = 1000000};
    return arena_printf(arena, "%s\"pdf_url\":\"%s\"}%s", begin,
                        link_write(arena, "http://x", master, &link), end);
}

static void test_rows_get_their_links(void **state)
{
    (void)state;
    assert_string_equal(rows("{\"id\":8,\"pdf_url\":null}"), with_link("{\"id\":8,", 8, ""));
    const char *two = with_link("[{\"id\":12,\"m\":[{\"n\":\"}{\\\"\"}],", 12, "");
    two = arena_printf(arena, "%s, %s", two, with_link("{\"id\":13,", 13, "]"));
    assert_string_equal(rows("[{\"id\":12,\"m\":[{\"n\":\"}{\\\"\"}],\"pdf_url\":null},"
                             " {\"id\":13,\"pdf_url\":null}]"),
                        two);
}

static void test_other_json_stays(void **state)
{
    (void)state;
    static const char *const cases[] = {"[]",
                                        "{}",
                                        "{\"id\":1}",
                                        "",
                                        "{\"id\":1,\"n\":\"\\\"pdf_url\\\":null}\"}",
                                        "{\"destroyed\":true}",
                                        "[{\"id\":1",
                                        "{\"a\":\"\\"};
    for (size_t i = 0; i < COUNT_OF(cases); i++)
        assert_string_equal(rows(cases[i]), cases[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_link_is_good_for_its_bill_and_hour),
        cmocka_unit_test(test_no_other_signature_is_good),
        cmocka_unit_test(test_rows_get_their_links),
        cmocka_unit_test(test_other_json_stays),
    };
    if (!crypto_open())
        return 1;
    arena = arena_new(1 << 16);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    arena_destroy(arena);
    return failed;
}
