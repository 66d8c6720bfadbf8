#include "services/core/crud.h"

#include "tests/unit/engine_database.h"

static const char *const odd_values[] = {"null",
                                         "true",
                                         "false",
                                         "0",
                                         "1",
                                         "-1",
                                         "1.5",
                                         "1e3",
                                         "1e-9",
                                         "1e400",
                                         "-1e59",
                                         "[]",
                                         "[1]",
                                         "[null]",
                                         "{}",
                                         "{\"a\":1}",
                                         "\"\"",
                                         "\" \"",
                                         "\"0\"",
                                         "\"x\"",
                                         "\"1e400\"",
                                         "\"NaN\"",
                                         "\"infinity\"",
                                         "\"-infinity\"",
                                         "\"now\"",
                                         "\"0001-01-01\"",
                                         "\"9999-12-31T23:59:59-15:00\"",
                                         "\"2024-02-30\"",
                                         "\"2024-03-31 02:30\"",
                                         "\"24:00\"",
                                         "\"@9999999999\"",
                                         "\"@-99999999999\"",
                                         "9223372036854775807",
                                         "9223372036854775808",
                                         "-9223372036854775809",
                                         "99999999999999999999999999999999999999",
                                         "\"9223372036854775808\"",
                                         "\"\\\\\"",
                                         "\"'\"",
                                         "\"$1\"",
                                         "\"%\"",
                                         "\"\\ud83d\\ude00\"",
                                         "0.000000000000000000000000000001",
                                         "999999.999",
                                         "\"Europe/Paris\"",
                                         "\"Etc/GMT+12\"",
                                         "\"a@b\"",
                                         "\"http://[::1]/\"",
                                         "\"#fff\""};

static const char *const odd_queries[] = {"",
                                          "0",
                                          "1",
                                          "-1",
                                          "x",
                                          "null",
                                          "1,2,null",
                                          "'",
                                          "\\",
                                          "%_",
                                          "9223372036854775808",
                                          "1e400",
                                          "2024-01-01",
                                          "NaN",
                                          "true",
                                          "\xff\xfe",
                                          "{}",
                                          "\",\"",
                                          "0001-01-01",
                                          "\xe2\x82\xac"};

static const char *const query_names[] = {"filter[%s]",
                                          "filter[%s][gte]",
                                          "filter[%s][lt]",
                                          "filter[%s][zz]",
                                          "sort",
                                          "page",
                                          "per_page",
                                          "search",
                                          "filter[search]",
                                          "q",
                                          "parent",
                                          "names[]",
                                          "open",
                                          "cursor",
                                          "deleted",
                                          "searchBy",
                                          "orderBy",
                                          "select",
                                          "include",
                                          "active",
                                          "filter[trashed]",
                                          "order"};

/* Bad input gets its documented status, never an error of the database. */
static void test_no_value_of_any_field_is_an_error(void **state)
{
    (void)state;
    NEEDS_DATABASE();
    const struct {
        const struct resource *resource;
        const char *body;
    } tested[] = {{&engine_thing, "{\"name\":\"odd\"}"},
                  {&engine_part, PART_BODY},
                  {resource_find("client"), "{\"name\":\"odd\"}"},
                  {resource_find("contact"), "{\"first_name\":\"o\",\"last_name\":\"d\"}"},
                  {resource_find("tag"), "{\"name\":\"odd\"}"},
                  {resource_find("communication"), "{\"type\":\"note\",\"subject\":\"odd\"}"}};
    int64_t tried = 0, taken = 0;
    for (size_t r = 0; r < COUNT_OF(tested); r++) {
        const struct resource *resource = tested[r].resource;
        int64_t id = id_in(ask(resource, "create", 0, tested[r].body));
        for (const struct field *f = resource->fields; f->name != NULL; f++)
            for (size_t v = 0; v < COUNT_OF(odd_values); v++) {
                const char *body = arena_printf(arena, "{\"%s\":%s}", f->name, odd_values[v]);
                enum err err = run(prepare(resource, "update", id, NULL, body));
                if (err != ERR_OK && err != ERR_INVALID && err != ERR_CONFLICT)
                    fail_msg("%s %s: %s", resource->name, body, err_name(err));
                taken += err == ERR_OK;
                tried++;
            }
    }
    assert_in_range(taken, tried / 10, tried);
}

static void test_no_query_is_an_error(void **state)
{
    (void)state;
    NEEDS_DATABASE();
    const struct resource *const tested[] = {&engine_thing, &engine_part};
    for (size_t r = 0; r < COUNT_OF(tested); r++)
        for (const struct field *f = tested[r]->fields; f->name != NULL; f++)
            for (size_t i = 0; i < COUNT_OF(query_names) * COUNT_OF(odd_queries); i++) {
                const char *form = query_names[i / COUNT_OF(odd_queries)],
                           *hole = strstr(form, "%s");
                if (hole == NULL && f != tested[r]->fields)
                    continue;
                const char *name =
                    hole == NULL ? form : arena_printf(arena, "filter[%s%s", f->name, hole + 2);
                const char *query =
                    arena_printf(arena, "%s=%s", name, odd_queries[i % COUNT_OF(odd_queries)]);
                enum err err = run(prepare(tested[r], "list", 0, query, NULL));
                if (err != ERR_OK && err_status(err) >= 500)
                    fail_msg("%s?%s: %s", tested[r]->name, query, err_name(err));
            }
}

static void test_every_filter_runs_on_the_database(void **state)
{
    (void)state;
    NEEDS_DATABASE();
    static const char *const queries[] = {
        "filter[name]=a,null&filter[count]=1&filter[is_open]=1&filter[state]=open",
        "filter[amount][gte]=1&filter[amount][lt]=5&filter[day][lte]=2024-01-01&filter[at][gt]="
        "2024-01-01&filter[at][lte]=2024-01-01T10:00",
        "filter[search]=a% _\\ b'&sort=-amount,day,state,at",
        "parent=5&names[]=a&names[1]=b&open=true&select=name&include=shadow",
        "q=x&search_fields=name:=;email:like&search_match=and&order=name|desc",
        "q=x&search_fields=zzz:=",
        "filter[trashed]=with&filter[parent_id]=99999999999999999999",
    };
    for (size_t i = 0; i < COUNT_OF(queries); i++) {
        struct engine_call *e = prepare(&engine_thing, "list", 0, queries[i], NULL);
        if (run(e) != ERR_OK)
            fail_msg("%s: %s %s", queries[i], err_name(e->reply.err), engine_faults(e));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_no_value_of_any_field_is_an_error),
        cmocka_unit_test(test_no_query_is_an_error),
        cmocka_unit_test(test_every_filter_runs_on_the_database),
    };
    return cmocka_run_group_tests(tests, open_all, close_all);
}
