#include "proto/routes.h"

#include "proto/complete.h"
#include "proto/resources.h"
#include "tests/unit/test.h"

static struct slice slice_of(const char *text) { return (struct slice){text, strlen(text)}; }

static enum err ask(const char *verb, const char *path, struct route_match *match)
{
    return route_match(verb, slice_of(path), match);
}

static void test_crud_is_found_with_its_id(void **state)
{
    (void)state;
    struct route_match match;
    assert_int_equal(ask("GET", "/api/projects", &match), ERR_OK);
    assert_string_equal(match.route->op, "list");
    assert_int_equal(ask("POST", "/api/projects", &match), ERR_OK);
    assert_string_equal(match.route->op, "create");
    assert_true((match.route->flags & ACTION_CREATED) != 0);
    assert_int_equal(ask("GET", "/api/projects/17", &match), ERR_OK);
    assert_string_equal(match.route->op, "get");
    assert_int_equal(match.id, 17);
    assert_string_equal(match.route->service, "billing");
    assert_int_equal(ask("POST", "/api/projects/3/restore", &match), ERR_OK);
    assert_string_equal(match.route->op, "restore");
    assert_int_equal(ask("PUT", "/api/bills/restore/3", &match), ERR_OK);
    assert_int_equal(match.id, 3);
}

static void test_a_trailing_slash_head_and_patch_are_taken(void **state)
{
    (void)state;
    struct route_match match;
    assert_int_equal(ask("GET", "/api/projects/", &match), ERR_OK);
    assert_int_equal(ask("HEAD", "/api/projects/5/", &match), ERR_OK);
    assert_string_equal(match.route->verb, "GET");
    assert_int_equal(ask("PATCH", "/api/projects/5", &match), ERR_OK);
    assert_string_equal(match.route->op, "update");
    assert_int_equal(ask("GET", "/api/projects//", &match), ERR_NO_ROUTE);
    assert_int_equal(ask("GET", "/api//projects", &match), ERR_NO_ROUTE);
}

static void test_ids_are_one_to_nineteen_digits(void **state)
{
    (void)state;
    struct route_match match;
    assert_int_equal(ask("GET", "/api/projects/9223372036854775807", &match), ERR_OK);
    assert_true(match.id == INT64_MAX);
    static const char *const bad[] = {"9223372036854775808",
                                      "10000000000000000000000",
                                      "-1",
                                      "+1",
                                      "1a",
                                      "0x1",
                                      "1.0",
                                      " 1",
                                      "%31"};
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        char path[64];
        snprintf(path, sizeof path, "/api/projects/%s", bad[i]);
        assert_int_equal(ask("GET", path, &match), ERR_NO_ROUTE);
        assert_string_equal(match.meant->label, "Project");
    }
    assert_int_equal(ask("GET", "/api/projects//", &match), ERR_NO_ROUTE);
    assert_null(match.meant);
    assert_int_equal(ask("GET", "/api/nothing/abc", &match), ERR_NO_ROUTE);
    assert_null(match.meant);
}

static void test_a_wrong_verb_names_the_right_ones(void **state)
{
    (void)state;
    struct route_match match;
    assert_int_equal(ask("DELETE", "/api/projects", &match), ERR_METHOD);
    assert_string_equal(match.allow, "GET, HEAD, POST");
    assert_int_equal(ask("POST", "/api/projects/4", &match), ERR_METHOD);
    assert_string_equal(match.allow, "GET, HEAD, PUT, PATCH, DELETE");
    assert_int_equal(ask("PATCH", "/api/projects", &match), ERR_METHOD);
    assert_int_equal(ask("GET", "/login", &match), ERR_METHOD);
    assert_string_equal(match.allow, "POST");
}

static void test_wrong_verbs_of_robert_routes_are_unknown(void **state)
{
    (void)state;
    struct route_match match;
    assert_int_equal(ask("POST", "/api/bills", &match), ERR_NO_ROUTE);
    assert_int_equal(ask("PUT", "/api/token", &match), ERR_NO_ROUTE);
    assert_int_equal(ask("PATCH", "/api/tags/1", &match), ERR_NO_ROUTE);
    assert_null(match.allow);
}

static void test_named_parts_are_handed_over(void **state)
{
    (void)state;
    struct route_match match;
    assert_int_equal(ask("POST", "/api/invitations/abc-9/accept", &match), ERR_OK);
    assert_int_equal(match.arg[0].len, 5);
    assert_memory_equal(match.arg[0].data, "abc-9", 5);
    assert_int_equal(ask("POST", "/api/invitations//accept", &match), ERR_NO_ROUTE);
}

static void test_odd_paths_match_nothing(void **state)
{
    (void)state;
    struct route_match match;
    static const char *const odd[] = {"",
                                      "/",
                                      "x",
                                      "//",
                                      "/api",
                                      "/api/",
                                      "/api/projectsx",
                                      "/api/project",
                                      "/api/projects/1/2/3/4/5/6/7/8/9"};
    for (size_t i = 0; i < COUNT_OF(odd); i++)
        assert_int_equal(ask("GET", odd[i], &match), ERR_NO_ROUTE);
}

static void test_the_dialect_of_an_unknown_route_comes_from_its_head(void **state)
{
    (void)state;
    assert_int_equal(route_dialect(slice_of("/api/bills/1/nothing")), DIALECT_ROBERT);
    assert_int_equal(route_dialect(slice_of("/api/projects/1/nothing")), DIALECT_LARAVEL);
    assert_int_equal(route_dialect(slice_of("/api/nothing")), DIALECT_LARAVEL);
}

static void test_audited_resources_have_bulk_and_history(void **state)
{
    (void)state;
    struct route_match match;
    assert_int_equal(ask("PUT", "/api/projects/bulk", &match), ERR_OK);
    assert_string_equal(match.route->op, "bulk_update");
    assert_true((match.route->flags & ACTION_SLOW) != 0);
    assert_int_equal(ask("GET", "/api/projects/8/history", &match), ERR_OK);
    assert_string_equal(match.route->op, "history");
}

static void test_a_path_names_its_verbs(void **state)
{
    (void)state;
    assert_string_equal(route_verbs(slice_of("/login")), "POST");
    assert_string_equal(route_verbs(slice_of("/api/invitations/abc")), "GET, HEAD");
    assert_string_equal(route_verbs(slice_of("/api/projects/")), "GET, HEAD, POST");
    assert_string_equal(route_verbs(slice_of("/api/projects/7")), "GET, HEAD, PUT, PATCH, DELETE");
    assert_string_equal(route_verbs(slice_of("/api/tags/7")), "GET, HEAD, PUT, DELETE");
    assert_null(route_verbs(slice_of("/api/projects/x")));
    assert_null(route_verbs(slice_of("/api/nothing")));
    assert_null(route_verbs(slice_of("")));
}

/* Each route must be reachable by its own pattern: none may hide behind an earlier one. */
static void test_every_route_answers_to_its_pattern(void **state)
{
    (void)state;
    assert_true(routes_count() > 60);
    for (size_t i = 0; i < routes_count(); i++) {
        const struct route *route = routes_at(i);
        char path[200] = "";
        size_t n = 0;
        for (const char *c = route->pattern; *c != '\0'; c++) {
            if (*c != '{') {
                path[n++] = *c;
                continue;
            }
            path[n++] = '7';
            c = strchr(c, '}');
        }
        struct route_match match;
        assert_int_equal(ask(route->verb, path, &match), ERR_OK);
        assert_ptr_equal(match.route, route);
        assert_non_null(route->summary);
        assert_non_null(route->tag);
        assert_true((route->flags & ACTION_PUBLIC) == 0 || route->least == ROLE_NONE);
    }
}

int main(void)
{
    routes_open();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_crud_is_found_with_its_id),
        cmocka_unit_test(test_a_trailing_slash_head_and_patch_are_taken),
        cmocka_unit_test(test_ids_are_one_to_nineteen_digits),
        cmocka_unit_test(test_a_wrong_verb_names_the_right_ones),
        cmocka_unit_test(test_wrong_verbs_of_robert_routes_are_unknown),
        cmocka_unit_test(test_named_parts_are_handed_over),
        cmocka_unit_test(test_odd_paths_match_nothing),
        cmocka_unit_test(test_the_dialect_of_an_unknown_route_comes_from_its_head),
        cmocka_unit_test(test_audited_resources_have_bulk_and_history),
        cmocka_unit_test(test_a_path_names_its_verbs),
        cmocka_unit_test(test_every_route_answers_to_its_pattern),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
