#include "proto/openapi.h"

#include "proto/openapi_parts.h"
#include "proto/routes.h"
#include "tests/unit/test.h"

enum { OWN_PAGES = 7 }; /* openapi_pages.c */

static struct arena *arena;
static const char *document;

static const char *quoted(const char *before, const char *text, const char *after)
{
    return arena_printf(arena, "%s\"%s\"%s", before, text, after);
}

static size_t count_of(const char *needle)
{
    size_t n = 0;
    for (const char *at = document; (at = strstr(at, needle)) != NULL; at++)
        n++;
    return n;
}

static void test_every_route_is_described_once(void **state)
{
    (void)state;
    for (size_t i = 0; i < routes_count(); i++)
        if (count_of(quoted("", doc_path(arena, routes_at(i)->pattern), ":{")) != 1)
            fail_msg("%s", routes_at(i)->pattern);
    size_t patches = count_of("\"operationId\":\"patch_");
    assert_true(patches > 0);
    assert_int_equal(count_of("\"operationId\":"), routes_count() + patches + OWN_PAGES);
}

/* What a route's own table says it reads of the query. */
static void test_queries_of_endpoints_are_shown(void **state)
{
    (void)state;
    static const char *const paths[] = {"/bills/{id}/pdf", "/api/bills/{id}/pdf"};
    static const char *const names[] = {"organization", "expires", "signature"};
    for (size_t i = 0; i < COUNT_OF(paths); i++) {
        const char *at = strstr(document, quoted("", paths[i], ":{"));
        assert_non_null(at);
        const char *end = strstr(at, "\"responses\"");
        for (size_t k = 0; k < COUNT_OF(names); k++) {
            const char *name = strstr(at, quoted("\"name\":", names[k], ""));
            assert_true(name != NULL && name < end);
        }
    }
}

static void test_operation_ids_are_unique(void **state)
{
    (void)state;
    for (const char *at = document; (at = strstr(at, "\"operationId\":\"")) != NULL;) {
        size_t len = strcspn(at + 15, "\"") + 16;
        const char *id = arena_strndup(arena, at, len);
        assert_int_equal(count_of(id), 1);
        at += len;
    }
}

/* "#/components/schemas/client" leads to a member "client" behind "schemas":{ of components. */
static void test_every_reference_leads_somewhere(void **state)
{
    (void)state;
    const char *components = strstr(document, "\"components\":{");
    assert_non_null(components);
    for (const char *at = document; (at = strstr(at, "\"$ref\":\"#/components/")) != NULL; at++) {
        const char *kind = at + 21;
        const char *name = strchr(kind, '/') + 1;
        const char *section = strstr(
            components, quoted("", arena_strndup(arena, kind, (size_t)(name - kind - 1)), ":{"));
        assert_non_null(section);
        const char *member = quoted("", arena_strndup(arena, name, strcspn(name, "\"")), ":{");
        if (strstr(section, member) == NULL)
            fail_msg("%.80s", at);
    }
}

/* A route that is no plain operation of a resource needs its line in answers.def. */
static void test_every_answer_has_a_schema(void **state)
{
    (void)state;
    const char *open = strstr(document, "\"schema\":{}");
    if (open != NULL)
        fail_msg("%.300s", open);
}

static void schema_is(const char *shape, const char *schema)
{
    struct buf out;
    buf_init(&out, arena);
    doc_shape_schema(&out, shape);
    assert_string_equal(out.data, schema);
}

static void example_is(const char *shape, const char *example)
{
    struct buf out;
    buf_init(&out, arena);
    doc_shape_example(&out, shape);
    assert_string_equal(out.data, example);
}

static void test_a_shape_becomes_schema_and_example(void **state)
{
    (void)state;
    schema_is("{\"a\": 1, \"b?\": \"x\", \"c~\": [true], \"*d\": null}",
              "{\"type\":\"object\",\"properties\":{\"a\":{\"type\":\"integer\"},\"b\":{\"type\":["
              "\"string\","
              "\"null\"]},\"c\":{\"type\":\"array\",\"items\":{\"type\":\"boolean\"}}},"
              "\"required\":[\"a\","
              "\"b\"],\"additionalProperties\":{}}");
    schema_is(
        "{\"at~?\": \"2026-03-02T09:00:00+00:00\", \"n\": 1.5}",
        "{\"type\":\"object\",\"properties\":{\"at\":{\"type\":[\"string\",\"null\"],\"format\":"
        "\"date-time\"},\"n\":{\"type\":\"number\"}},\"required\":[\"n\"]}");
    schema_is("[\"@client\"]",
              "{\"type\":\"array\",\"items\":{\"$ref\":\"#/components/schemas/client\"}}");
    schema_is("{}", "{\"type\":\"object\",\"properties\":{}}");
    example_is("{\"a~?\": [\"x, \\\"y\\\": z\"], \"*d\": null}",
               "{\"a\":[\"x, \\\"y\\\": z\"],\"d\":null}");
    example_is("{\"data\": \"@Destroyed\"}", "{\"data\":{\"destroyed\":true}}");
}

/* Braces and brackets close in order, and no comma stands where none may. */
static void test_it_is_balanced(void **state)
{
    (void)state;
    char open[64];
    size_t depth = 0;
    for (const char *c = document; *c != '\0'; c++) {
        if (*c == '"') {
            for (c++; *c != '"'; c++)
                c += *c == '\\' ? 1 : 0;
        } else if (*c == '{' || *c == '[') {
            assert_true(depth < sizeof open);
            open[depth++] = *c == '{' ? '}' : ']';
            assert_int_not_equal(c[1], ',');
        } else if (*c == '}' || *c == ']') {
            assert_true(depth > 0 && open[--depth] == *c);
        } else if (*c == ',') {
            assert_null(strchr(",}]", c[1]));
        }
    }
    assert_int_equal(depth, 0);
}

static void test_examples_are_in_the_words_of_the_dialects(void **state)
{
    (void)state;
    assert_int_equal(count_of("\"example\":{\"message\":\"Unauthenticated.\"}"), 1);
    assert_int_equal(count_of("\"details\":{\"name\":[\"name must not be empty\"]}}}"), 1);
    assert_int_equal(
        count_of("invalid.\",\"errors\":{\"name\":[\"The name field is required.\"]}}}}"), 1);
}

static void test_custom_fields_of_an_organization_are_shown(void **state)
{
    (void)state;
    struct buf out;
    buf_init(&out, arena);
    openapi_write(&out, "{\"events\":{\"clients\":{\"type\":\"string\"}}, \"clients\":{"
                        "\"size\":{\"type\":\"integer\"}}}");
    const char *schema = strstr(out.data, "\"custom_clients\":{");
    assert_non_null(schema);
    assert_non_null(strstr(schema, "\"properties\":{\"size\":{\"type\":\"integer\"}}}"));
    assert_non_null(strstr(strstr(document, "\"custom_clients\":{"), "\"properties\":{}}"));
}

/* From `from` to the next `to`. */
static const char *part(const char *text, const char *from, const char *to)
{
    const char *start = strstr(text, from);
    assert_non_null(start);
    const char *end = strstr(start, to);
    assert_non_null(end);
    return arena_strndup(arena, start, (size_t)(end - start));
}

static void test_custom_fields_filter_and_sort_the_lists(void **state)
{
    (void)state;
    struct buf out;
    buf_init(&out, arena);
    openapi_write(&out, "{\"clients\" : { \"size\" : {\"type\": [\"integer\", \"null\"],"
                        " \"description\": \"Number, required\"}, \"tier\" : {\"description\":"
                        " \"Checkbox: 1 Gold\"}}, \"events\" : { \"born\" :"
                        " {\"description\": \"Date\"}}}");
    const char *clients = part(out.data, "\"/api/clients\":{", "\"post\":{");
    assert_non_null(strstr(clients, ",\"size\":{\"type\":[\"object\",\"string\"]},"
                                    "\"tier\":{\"type\":\"string\"}"));
    assert_non_null(strstr(clients, "updated_at size\""));
    assert_null(strstr(clients, "born"));
    const char *events = part(out.data, "\"/api/events\":{", "\"post\":{");
    assert_non_null(strstr(events, "\"properties\":{\"born\":{\"type\":[\"object\""));
    assert_null(strstr(part(document, "\"/api/events\":{", "\"post\":{"), "\"filter\""));
    assert_null(strstr(part(document, "\"/api/clients\":{", "\"post\":{"), "size"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_route_is_described_once),
        cmocka_unit_test(test_queries_of_endpoints_are_shown),
        cmocka_unit_test(test_operation_ids_are_unique),
        cmocka_unit_test(test_every_reference_leads_somewhere),
        cmocka_unit_test(test_every_answer_has_a_schema),
        cmocka_unit_test(test_a_shape_becomes_schema_and_example),
        cmocka_unit_test(test_it_is_balanced),
        cmocka_unit_test(test_examples_are_in_the_words_of_the_dialects),
        cmocka_unit_test(test_custom_fields_of_an_organization_are_shown),
        cmocka_unit_test(test_custom_fields_filter_and_sort_the_lists),
    };
    routes_open();
    arena = arena_new(1 << 16);
    struct buf out;
    buf_init(&out, arena);
    openapi_write(&out, NULL);
    document = out.data;
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    arena_destroy(arena);
    return failed;
}
