#include "gateway/scrape.h"

#include "gateway/upstream.h"
#include "tests/unit/test.h"

/* Who would be asked. */
const char *const upstream_services[SERVICES] = {"accounts", "crm", "rentals", "billing", "sync"};

static const char *answers[SERVICES][2]; /* of two addresses each */

const char *upstream_address(struct arena *arena, const char *service, size_t index)
{
    return index < 2 ? arena_printf(arena, "tcp://\"%s:%zu", service, index) : NULL;
}

enum err upstream_ask_at(struct arena *arena, const char *service, size_t index,
                         struct request *request, int64_t timeout_ms, struct reply **out)
{
    assert_string_equal(request->op, "metrics");
    assert_true(timeout_ms > 0 && index < 2);
    for (size_t i = 0; i < SERVICES; i++) {
        const char *answer = answers[i][index];
        if (strcmp(service, upstream_services[i]) != 0 || answer == NULL)
            continue;
        *out = arena_alloc(arena, sizeof **out);
        **out = (struct reply){.json = {answer, strlen(answer)}};
        return ERR_OK;
    }
    return ERR_UNAVAILABLE;
}

static void test_a_family_of_several_services_stands_together(void **state)
{
    (void)state;
    struct arena *arena = arena_new(4096);
    struct exchange x = {.arena = arena, .id = "", .trace = "", .address = "", .path = ""};
    struct buf out;
    buf_init(&out, arena);
    answers[0][0] = "# HELP a_total Of a.\n# TYPE a_total counter\na_total{op=\"x\"} 1\na_total 2\n"
                    "# HELP pg Connections.\n# TYPE pg gauge\npg 3\n";
    answers[0][1] = "# HELP pg Connections.\n# TYPE pg gauge\npg 4\n";
    answers[3][0] = "# HELP pg Connections.\n# TYPE pg gauge\npg 5\n"
                    "# HELP pg_lost Lost.\n# TYPE pg_lost counter\npg_lost 7\n";
    scrape_services(&x, &out);
    assert_string_equal(out.data,
                        "# HELP a_total Of a.\n# TYPE a_total counter\n"
                        "a_total{service=\"accounts\",instance=\"tcp://_accounts:0\",op=\"x\"} 1\n"
                        "a_total{service=\"accounts\",instance=\"tcp://_accounts:0\"} 2\n"
                        "# HELP pg Connections.\n# TYPE pg gauge\n"
                        "pg{service=\"accounts\",instance=\"tcp://_accounts:0\"} 3\n"
                        "pg{service=\"accounts\",instance=\"tcp://_accounts:1\"} 4\n"
                        "pg{service=\"billing\",instance=\"tcp://_billing:0\"} 5\n"
                        "# HELP pg_lost Lost.\n# TYPE pg_lost counter\n"
                        "pg_lost{service=\"billing\",instance=\"tcp://_billing:0\"} 7\n");
    arena_destroy(arena);
}

static void test_what_is_no_family_is_left_out(void **state)
{
    (void)state;
    struct arena *arena = arena_new(4096);
    static const char *const names[] = {"service=\"crm\""};
    static const struct slice odd[] = {{"# HELP", 6}};
    struct buf out;
    buf_init(&out, arena);
    scrape_merge(&out, odd, names, 1);
    assert_int_equal(out.len, 0);
    arena_destroy(arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_family_of_several_services_stands_together),
        cmocka_unit_test(test_what_is_no_family_is_left_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
