#include "proto/dialect.h"

#include "tests/unit/test.h"

static struct arena *arena;

static const struct resource client = {.label = "Client", .dialect = DIALECT_LARAVEL};
static const struct resource park = {
    .label = "Park", .dialect = DIALECT_ROBERT, .duplicate = "Name must be unique"};

static struct route route_of(const struct resource *resource, const char *op, unsigned flags)
{
    return (struct route){
        .op = op, .resource = resource, .dialect = resource->dialect, .flags = flags};
}

static struct saying saying_of(const struct route *route, const char *verb, const char *path)
{
    return (struct saying){.dialect = route->dialect,
                           .route = route,
                           .path = path,
                           .base = "https://b.example",
                           .role = ROLE_VISITOR,
                           .verb = verb};
}

static void assert_said(const struct saying *saying, struct reply reply, int status,
                        const char *body)
{
    struct buf out;
    buf_init(&out, arena);
    int got = dialect_say(&out, saying, &reply);
    assert_string_equal(out.data, body);
    assert_int_equal(got, status);
}

static struct slice json(const char *text) { return (struct slice){text, strlen(text)}; }

#define OK(text)   ((struct reply){.json = json(text)})
#define FAIL(name) ((struct reply){.err = ERR_##name})

static void test_laravel_writes_say_what_was_done(void **state)
{
    (void)state;
    struct route route = route_of(&client, "create", ACTION_CREATED);
    struct saying s = saying_of(&route, "POST", "/api/clients");
    assert_said(&s, OK("{\"id\":1}"), 201,
                "{\"message\":\"Client created successfully.\",\"data\":{\"id\":1}}");
    route.op = "update";
    route.flags = 0;
    assert_said(&s, OK("{}"), 200, "{\"message\":\"Client updated successfully.\",\"data\":{}}");
    route.op = "delete";
    assert_said(&s, OK("{\"id\":1}"), 200, "{\"message\":\"Client deleted successfully.\"}");
    route.op = "restore";
    assert_said(&s, (struct reply){0}, 200, "{\"message\":\"Client restored successfully.\"}");
    route.op = "get";
    s.verb = "GET";
    assert_said(&s, OK("{\"id\":1}"), 200, "{\"data\":{\"id\":1}}");
}

static void test_a_resource_may_have_its_own_words(void **state)
{
    (void)state;
    struct resource block = client;
    block.said_created = "Block made.";
    struct route route = route_of(&block, "create", ACTION_CREATED);
    struct saying s = saying_of(&route, "POST", "/x");
    assert_said(&s, OK("1"), 201, "{\"message\":\"Block made.\",\"data\":1}");
    assert_said(&s, (struct reply){.message = "From the service", .status = 202}, 202,
                "{\"message\":\"From the service\"}");
}

static void test_robert_answers_bare_rows(void **state)
{
    (void)state;
    struct route route = route_of(&park, "create", ACTION_CREATED);
    struct saying s = saying_of(&route, "POST", "/api/parks");
    assert_said(&s, OK("{\"id\":1}"), 201, "{\"id\":1}");
    route.op = "delete";
    route.flags = 0;
    assert_said(&s, OK("{\"id\":1}"), 200, "{\"id\":1}");
    assert_said(&s, OK("{\"destroyed\":true}"), 200, "{\"destroyed\":true}");
    assert_said(&s, (struct reply){0}, 200, "{\"destroyed\":true}");
    route.op = "list";
    assert_said(&s, (struct reply){.json = json("[1]"), .page = {.plain = true}}, 200,
                "{\"data\":[1]}");
}

static void test_raw_answers_are_sent_as_they_are(void **state)
{
    (void)state;
    struct route route = route_of(&client, "x", ACTION_RAW);
    struct saying s = saying_of(&route, "POST", "/x");
    assert_said(&s, OK("[1,2]"), 200, "[1,2]");
    assert_said(&s, (struct reply){.status = 204}, 204, "");
    assert_said(&s, (struct reply){.message = "Left."}, 200, "{\"message\":\"Left.\"}");
    route.flags = 0;
    assert_said(&s, (struct reply){.json = json("a;b"), .type = "text/csv"}, 200, "a;b");
    assert_said(&s, (struct reply){.json = json("7"), .bare = true}, 200, "7");
}

static void test_laravel_errors(void **state)
{
    (void)state;
    struct route route = route_of(&client, "get", 0);
    struct saying s = saying_of(&route, "GET", "/api/clients/9");
    assert_said(&s, FAIL(UNAUTHENTICATED), 401, "{\"message\":\"Unauthenticated.\"}");
    assert_said(&s, FAIL(FORBIDDEN), 403,
                "{\"message\":\"You do not have permission to perform this action.\"}");
    assert_said(&s, FAIL(ACL), 403,
                "{\"message\":\"You do not have permission to perform this action.\"}");
    assert_said(&s, FAIL(NOT_FOUND), 404, "{\"message\":\"Client not found.\"}");
    assert_said(&s, FAIL(CSRF), 419, "{\"message\":\"CSRF token mismatch.\"}");
    assert_said(&s, FAIL(RATE_LIMITED), 429, "{\"message\":\"Too Many Attempts.\"}");
    assert_said(&s, (struct reply){.err = ERR_INTERNAL, .message = "relation t is gone"}, 500,
                "{\"message\":\"An error occurred. Please try again.\"}");
    assert_said(&s, (struct reply){.err = ERR_MALFORMED, .message = "at byte 3: x"}, 400,
                "{\"message\":\"at byte 3: x\"}");
    s.route = NULL;
    assert_said(&s, FAIL(NO_ROUTE), 404,
                "{\"message\":\"The route api/clients/9 could not be found.\"}");
    s.allow = "GET, HEAD";
    s.verb = "POST";
    assert_said(&s, FAIL(METHOD), 405,
                "{\"message\":\"The POST method is not supported for route api/clients/9. "
                "Supported methods: GET, HEAD.\"}");
}

static void test_robert_errors(void **state)
{
    (void)state;
    struct route route = route_of(&park, "get", 0);
    struct saying s = saying_of(&route, "GET", "/api/parks/9");
    static const char not_found[] =
        "{\"success\":false,\"error\":{\"code\":404,\"message\":\"The required resource was not "
        "found.\",\"details\":[\"The required resource was not found.\"]}}";
    static const char acl[] = "{\"error\":\"Unauthorized by ACL: users of group 'visitor' are not "
                              "allowed to access this API endpoint.\"}";
    assert_said(&s, FAIL(NOT_FOUND), 404, not_found);
    assert_said(&s, FAIL(NO_ROUTE), 404, not_found);
    assert_said(&s, FAIL(METHOD), 404, not_found);
    assert_said(&s, FAIL(ACL), 401, acl);
    assert_said(&s, FAIL(FORBIDDEN), 401, acl);
    assert_said(&s, FAIL(CONFLICT), 409,
                "{\"success\":false,\"error\":{\"code\":409,\"message\":\"Name must be unique\","
                "\"details\":[]}}");
    struct fault taken = {.field = "reference", .rule = RULE_UNIQUE};
    assert_said(&s, (struct reply){.err = ERR_CONFLICT, .faults = &taken}, 409,
                "{\"success\":false,\"error\":{\"code\":409,\"message\":\"reference must be "
                "unique\",\"details\":[]}}");
    assert_said(&s, (struct reply){.err = ERR_UNAUTHENTICATED, .message = "Expired token"}, 401,
                "{\"success\":false,\"error\":{\"message\":\"Expired token\",\"details\":null}}");
    assert_said(
        &s, FAIL(UNAUTHENTICATED), 401,
        "{\"success\":false,\"error\":{\"message\":\"Token not found.\",\"details\":null}}");
    assert_said(&s,
                (struct reply){.err = ERR_INVALID,
                               .message = "Missing request data to process "
                                          "validation"},
                400,
                "{\"success\":false,\"error\":{\"code\":400,\"message\":\"Missing request data to "
                "process validation\"}}");
}

static void test_faults_are_grouped_in_the_order_given(void **state)
{
    (void)state;
    struct fault third = {.field = "name", .rule = RULE_MAX_CHARS, .a = "5"};
    struct fault second = {.field = "", .rule = RULE_ARRAY, .next = &third};
    struct fault first = {.field = "name", .rule = RULE_MISSING, .next = &second};
    struct reply reply = {.err = ERR_INVALID, .faults = &first};
    struct route route = route_of(&client, "create", ACTION_CREATED);
    struct saying s = saying_of(&route, "POST", "/x");
    assert_said(&s, reply, 422,
                "{\"message\":\"The given data was invalid.\",\"errors\":{\"name\":[\"The name "
                "field is required.\"],\"body\":[\"The body field must be an array.\"]}}");
    route = route_of(&park, "create", ACTION_CREATED);
    s = saying_of(&route, "POST", "/x");
    assert_said(&s, reply, 400,
                "{\"success\":false,\"error\":{\"code\":400,\"message\":\"Validation failed. See "
                "error[details] for more informations.\",\"details\":{\"name\":[\"name must not be "
                "empty\",\"name must have a length lower than 5\"],\"body\":[\"body must be an "
                "array\"]}}}");
}

static void test_a_late_read_is_told_apart_from_a_late_write(void **state)
{
    (void)state;
    struct route route = route_of(&client, "get", 0);
    struct saying s = saying_of(&route, "GET", "/x");
    assert_said(&s, FAIL(TIMEOUT), 504,
                "{\"message\":\"The request took too long and was given up. Please try again in a "
                "moment.\"}");
    s.verb = "POST";
    struct buf out;
    buf_init(&out, arena);
    assert_int_equal(dialect_say(&out, &s, &FAIL(TIMEOUT)), 504);
    assert_non_null(strstr(out.data, "Idempotency-Key"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_laravel_writes_say_what_was_done),
        cmocka_unit_test(test_a_resource_may_have_its_own_words),
        cmocka_unit_test(test_robert_answers_bare_rows),
        cmocka_unit_test(test_raw_answers_are_sent_as_they_are),
        cmocka_unit_test(test_laravel_errors),
        cmocka_unit_test(test_robert_errors),
        cmocka_unit_test(test_faults_are_grouped_in_the_order_given),
        cmocka_unit_test(test_a_late_read_is_told_apart_from_a_late_write),
    };
    arena = arena_new(4096);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    arena_destroy(arena);
    return failed;
}
