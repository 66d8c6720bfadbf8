#include "services/core/crud.h"

#include "services/core/audit.h"
#include "tests/unit/engine_database.h"

static void test_a_record_lives_and_comes_back(void **state)
{
    (void)state;
    NEEDS_DATABASE();
    struct engine_call *e =
        ask(&engine_thing, "create", 0,
            "{\"name\":\"Anna\",\"amount\":10.50,\"price\":10,\"at\":\"2024-07-01 12:00\","
            "\"day\":\"2024-07-01\",\"notes\":{\"a\":1.50},\"secret\":\"s\"}");
    int64_t id = id_in(e);
    assert_string_equal(e->reply.message, "Unit thing created successfully.");
    assert_has(e, "\"amount\":10.5,\"price\":\"10.00\"");
    assert_has(e, "\"at\":\"2024-07-01T10:00:00+00:00\"");
    assert_has(e, "\"day\":\"2024-07-01\"");
    assert_has(e, "\"state\":\"open\"");
    assert_has(e, "\"upper\":\"ANNA\"");
    assert_null(strstr(json_of(e), "secret"));
    assert_null(strstr(json_of(e), "children"));
    assert_has(ask(&engine_thing, "get", id, NULL), "\"children\":0");
    e = ask(&engine_thing, "update", id, "{\"name\":\"Bea\"}");
    assert_has(e, "\"name\":\"Bea\",");
    assert_has(e, "\"amount\":10.5");
    e = ask(&engine_thing, "delete", id, NULL);
    assert_string_equal(json_of(e), "");
    assert_string_equal(e->reply.message, "Unit thing deleted successfully.");
    assert_int_equal(run(prepare(&engine_thing, "get", id, NULL, NULL)), ERR_NOT_FOUND);
    assert_int_equal(run(prepare(&engine_thing, "update", id, NULL, "{}")), ERR_NOT_FOUND);
    assert_int_equal(run(prepare(&engine_thing, "delete", id, NULL, NULL)), ERR_NOT_FOUND);
    assert_has(ask(&engine_thing, "restore", id, NULL), "\"name\":\"Bea\"");
    assert_int_equal(run(prepare(&engine_thing, "restore", id, NULL, NULL)), ERR_NOT_FOUND);
}

static void test_foreign_rows_do_not_exist(void **state)
{
    (void)state;
    NEEDS_DATABASE();
    static const char *const ops[] = {"get", "update", "delete", "restore"};
    int64_t id = make("{\"name\":\"mine\"}");
    for (size_t i = 0; i < COUNT_OF(ops); i++) {
        struct engine_call *e = prepare(&engine_thing, ops[i], id, NULL, "{\"name\":\"x\"}");
        e->request.who.organization_id = 2;
        assert_int_equal(run(e), ERR_NOT_FOUND);
    }
    assert_has(ask(&engine_thing, "get", id, NULL), "\"name\":\"mine\"");
}

/* 404, then 403, then what is wrong with the body. */
static void test_a_missing_row_comes_before_its_faults(void **state)
{
    (void)state;
    NEEDS_DATABASE();
    int64_t id = make("{\"name\":\"faulty\",\"assigned_to\":8}");
    struct engine_call *e = prepare(&engine_thing, "update", 987654, NULL, "{\"name\":null}");
    assert_int_equal(run(e), ERR_NOT_FOUND);
    assert_null(e->reply.faults);
    e = prepare(&engine_thing, "update", id, NULL, "{\"name\":null}");
    assert_int_equal(run(e), ERR_INVALID);
    assert_string_equal(engine_faults(e), "name: The name field is required.");
    e->request.who.role = ROLE_USER;
    e->reply = (struct reply){0};
    assert_int_equal(run(e), ERR_FORBIDDEN);
    e = prepare(&engine_part, "update", 987654, NULL, "{}");
    assert_int_equal(run(e), ERR_NOT_FOUND);
    assert_null(e->reply.message);
}

static void test_others_rows_are_forbidden_to_a_user(void **state)
{
    (void)state;
    NEEDS_DATABASE();
    static const char *const ops[] = {"get", "update", "delete"};
    int64_t id = make("{\"name\":\"theirs\",\"assigned_to\":8}");
    int64_t own = make("{\"name\":\"own\",\"assigned_to\":7}");
    for (size_t i = 0; i < COUNT_OF(ops); i++) {
        struct engine_call *e = prepare(&engine_thing, ops[i], id, NULL, "{\"name\":\"x\"}");
        e->request.who.role = ROLE_USER;
        assert_int_equal(run(e), ERR_FORBIDDEN);
        assert_string_equal(e->reply.message, "You do not have access to this unit thing.");
        assert_int_equal(e->reply.json.len, 0);
        e = prepare(&engine_thing, ops[i], own, NULL, "{\"name\":\"x\"}");
        e->request.who.role = ROLE_USER;
        assert_int_equal(run(e), ERR_OK);
    }
    assert_has(ask(&engine_thing, "get", id, NULL), "\"name\":\"theirs\"");
}

static void test_a_stale_tag_is_refused(void **state)
{
    (void)state;
    NEEDS_DATABASE();
    int64_t id = make("{\"name\":\"tagged\"}");
    struct engine_call *e = ask(&engine_thing, "get", id, NULL);
    const char *tag = arena_strdup(arena, e->reply.headers[0].value);
    assert_string_equal(e->reply.headers[0].name, "ETag");
    e = prepare(&engine_thing, "get", id, NULL, NULL);
    e->request.headers[HEADER_IF_NONE_MATCH] = tag;
    assert_int_equal(run(e), ERR_OK);
    assert_int_equal(e->reply.status, 304);
    for (int i = 0; i < 2; i++) {
        e = prepare(&engine_thing, "update", id, NULL, "{\"count\":1}");
        e->request.headers[HEADER_IF_MATCH] = tag;
        assert_int_equal(run(e), i == 0 ? ERR_OK : ERR_STALE);
    }
    e = prepare(&engine_thing, "delete", id, NULL, NULL);
    e->request.headers[HEADER_IF_MATCH] = tag;
    assert_int_equal(run(e), ERR_STALE);
    e->request.headers[HEADER_IF_MATCH] = "*";
    assert_int_equal(run(e), ERR_OK);
}

static void test_a_taken_value_is_a_fault(void **state)
{
    (void)state;
    NEEDS_DATABASE();
    (void)make("{\"name\":\"a\",\"code\":\"one\"}");
    struct engine_call *e =
        prepare(&engine_thing, "create", 0, NULL, "{\"name\":\"b\",\"code\":\"one\"}");
    assert_int_equal(run(e), ERR_INVALID);
    assert_string_equal(engine_faults(e), "code: The code has already been taken.");
}

/* A reference within the service is to a live row, unless it stands there already. */
static void test_a_trashed_target_is_refused(void **state)
{
    (void)state;
    NEEDS_DATABASE();
    const struct resource *tags = resource_find("tag");
    int64_t tag = id_in(ask(tags, "create", 0, "{\"name\":\"target\"}"));
    const char *body = arena_printf(arena, "{\"name\":\"r\",\"parent_id\":%lld}", (long long)tag);
    int64_t id = make(body);
    (void)ask(tags, "delete", tag, NULL);
    assert_int_equal(run(prepare(&engine_thing, "update", id, NULL, body)), ERR_OK);
    struct engine_call *e = prepare(&engine_thing, "create", 0, NULL, body);
    assert_int_equal(run(e), ERR_INVALID);
    assert_string_equal(engine_faults(e), "parent_id: The selected parent id is invalid.");
    id = make("{\"name\":\"other\"}");
    assert_int_equal(run(prepare(&engine_thing, "update", id, NULL, body)), ERR_INVALID);
    assert_has(ask(&engine_thing, "get", id, NULL), "\"name\":\"other\"");
}

static void test_two_steps_destroy(void **state)
{
    (void)state;
    NEEDS_DATABASE();
    struct engine_call *e = ask(&engine_part, "create", 0, PART_BODY);
    int64_t id = id_in(e);
    assert_has(e, "\"price\":1.01,\"stock\":2");
    assert_has(ask(&engine_part, "delete", id, NULL), "\"deleted_at\":\"20");
    assert_int_equal(run(prepare(&engine_part, "get", id, NULL, NULL)), ERR_NOT_FOUND);
    assert_has(ask(&engine_part, "restore", id, NULL), "\"deleted_at\":null");
    (void)ask(&engine_part, "delete", id, NULL);
    assert_string_equal(json_of(ask(&engine_part, "delete", id, NULL)), "{\"destroyed\":true}");
    assert_int_equal(run(prepare(&engine_part, "delete", id, NULL, NULL)), ERR_NOT_FOUND);
}

static void test_cursors_walk_every_row_once(void **state)
{
    (void)state;
    NEEDS_DATABASE();
    (void)database_ask(database_url,
                       "INSERT INTO public.things (organization_id, name, amount, email)"
                       " SELECT 1, 'walk' || i, CASE WHEN i % 3 > 0 THEN i % 4 END, 'walk@x'"
                       " FROM generate_series(1, 23) i");
    static const char *const sorts[] = {"amount", "-amount", "name", "-created_at"};
    for (size_t i = 0; i < COUNT_OF(sorts); i++) {
        const char *cursor = "";
        int64_t rows = 0;
        int64_t seen = 0;
        for (int page = 0; cursor != NULL && page < 10; page++) {
            struct engine_call *e =
                prepare(&engine_thing, "list", 0,
                        arena_printf(arena, "filter[search]=walk@&per_page=5&sort=%s&cursor=%s",
                                     sorts[i], cursor),
                        NULL);
            assert_int_equal(run(e), ERR_OK);
            assert_int_equal(e->reply.page.total, 23);
            rows += e->reply.page.rows;
            for (const char *at = json_of(e); (at = strstr(at, "\"name\":\"walk")) != NULL;
                 at += 12)
                seen |= 1LL << strtol(at + 12, NULL, 10);
            cursor = e->reply.page.next_cursor;
        }
        assert_int_equal(rows, 23);
        assert_int_equal(seen, (1LL << 24) - 2);
    }
}

static void test_searches_are_counted_up_to_a_bound(void **state)
{
    (void)state;
    NEEDS_DATABASE();
    (void)database_ask(database_url, "INSERT INTO public.things (organization_id, name)"
                                     " SELECT 3, 'many' FROM generate_series(1, 10050)");
    struct engine_call *e = prepare(&engine_thing, "list", 0, "filter[search]=many", NULL);
    e->request.who.organization_id = 3;
    assert_int_equal(run(e), ERR_OK);
    assert_int_equal(e->reply.page.total, 1000);
    assert_string_equal(e->reply.meta, "{\"total_is_at_least\":true}");
    e = prepare(&engine_thing, "list", 0, "filter[name]=many", NULL);
    e->request.who.organization_id = 3;
    assert_int_equal(run(e), ERR_OK);
    assert_int_equal(e->reply.page.total, 10050);
}

/* The names a search shows, in their order, as "a,b,". */
static const char *found(const char *query, const char **cursor)
{
    struct engine_call *e = prepare(&engine_thing, "list", 0, query, NULL);
    struct buf names;
    buf_init(&names, arena);
    e->request.who.organization_id = 5;
    assert_int_equal(run(e), ERR_OK);
    for (const char *at = json_of(e); (at = strstr(at, "\"name\":\"")) != NULL; at += 8)
        buf_printf(&names, "%.*s,", (int)strcspn(at + 8, "\""), at + 8);
    *cursor = e->reply.page.next_cursor;
    return names.data;
}

/* Few matches, many at the front of the order, many behind more rows than are walked. */
static void test_each_way_to_a_searched_page_is_right(void **state)
{
    (void)state;
    NEEDS_DATABASE();
    (void)database_ask(database_url,
                       "INSERT INTO public.things (organization_id, name, deleted_at) SELECT 5,"
                       " CASE WHEN i <= 6000 THEN 'a' ELSE 'z' END || lpad(i::text, 6, '0'),"
                       " CASE WHEN i % 10 = 1 THEN now() END FROM generate_series(7600, 1, -1) i");
    static const char *const words[] = {"a00001", "a0", "z0", "0"};
    static const char *const sorts[] = {"name", "-name"};
    for (size_t i = 0; i < COUNT_OF(words) * COUNT_OF(sorts); i++) {
        const char *word = words[i / 2], *sort = sorts[i % 2], *cursor, *after;
        const char *all = database_ask(
            database_url, arena_printf(arena,
                                       "SELECT string_agg(name || ',', '' ORDER BY name %s)"
                                       " FROM public.things WHERE organization_id = 5"
                                       " AND deleted_at IS NULL AND name LIKE '%%%s%%'",
                                       i % 2 == 0 ? "" : "DESC", word));
        const char *rest = all;
        for (int page = 1; page <= 2; page++) {
            const char *names =
                found(arena_printf(arena, "filter[search]=%s&per_page=5&sort=%s&page=%d", word,
                                   sort, page),
                      &after);
            assert_true(strncmp(rest, names, strlen(names)) == 0);
            rest += strlen(names);
        }
        rest = all;
        cursor = "";
        for (int page = 1; page <= 2 && cursor != NULL; page++, cursor = after) {
            const char *names =
                found(arena_printf(arena, "filter[search]=%s&per_page=5&sort=%s&cursor=%s", word,
                                   sort, cursor),
                      &after);
            assert_true(names[0] != 0);
            assert_true(strncmp(rest, names, strlen(names)) == 0);
            rest += strlen(names);
        }
    }
}

static void test_custom_fields_are_checked_shown_and_unique(void **state)
{
    (void)state;
    NEEDS_DATABASE();
    (void)database_ask(database_url,
                       "INSERT INTO accounts.organizations (id, name, slug) VALUES (4, 'c', 'c');"
                       "INSERT INTO accounts.users (id, name, email, password)"
                       " VALUES (7, 'u', 'u@x', 'x');"
                       "INSERT INTO accounts.members (organization_id, user_id, role)"
                       " VALUES (4, 7, 'owner');"
                       "INSERT INTO crm.custom_fields (organization_id, resource, field_id, label,"
                       " type, options, is_unique, required) VALUES"
                       " (4, 'clients', 'vat', 'VAT', 'Text', '[]', true, true),"
                       " (4, 'clients', 'tier', 'Tier', 'MultiSelect',"
                       " '[{\"id\": 5, \"name\": \"gold\"}]', false, false)");
    static const struct {
        const char *body, *wanted;
    } rows[] = {
        {"{\"name\":\"A\"}", "vat: The VAT field is required."},
        {"{\"name\":\"A\",\"vat\":\"x1\",\"tier\":[5,6]}", "tier: The selected Tier is invalid."},
        {"{\"name\":\"A\",\"vat\":\"x1\",\"tier\":5}", "tier: The Tier field must be an array."},
        {"{\"name\":\"A\",\"vat\":\"x1\",\"tier\":[5]}", ""},
        {"{\"name\":\"B\",\"vat\":\"X1\"}", "vat: The VAT has already been taken."},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct engine_call *e = prepare(resource_find("client"), "create", 0, NULL, rows[i].body);
        e->request.who.organization_id = 4;
        (void)run(e);
        assert_string_equal(engine_faults(e), rows[i].wanted);
        if (rows[i].wanted[0] == '\0')
            assert_has(e, "\"vat\" : \"x1\", \"tier\" : [5]");
    }
    struct engine_call *e =
        prepare(resource_find("client"), "list", 0, "filter[tier]=5,9&sort=-vat", NULL);
    e->request.who.organization_id = 4;
    assert_int_equal(run(e), ERR_OK);
    assert_int_equal(e->reply.page.total, 1);
}

/* Document 002's fourteen: what is taken, how it is shown, found and refused. */
static const struct {
    const char *type, *sent, *shown, *filter, *bad, *fault;
} types[] = {
    {"Boolean", "\"1\"", "true", "true", "\"maybe\"", "The F field must be true or false."},
    {"ColorSwatch", "\"#333333\"", "\"#333333\"", "#333333", "\"red\"",
     "The F field must be a valid hexadecimal color."},
    {"Checkbox", "[5]", "[5]", "9,5", "[6]", "The selected F is invalid."},
    {"Date", "\"2020-11-26\"", "\"2020-11-26\"", "2020-11-26", "\"2020-02-30\"",
     "The F field must be a valid date."},
    {"DateTime", "\"2020-11-26T07:00:00+01:00\"", "\"2020-11-26 06:00:00\"", "2020-11-26T06:00:00Z",
     "\"soon\"", "The F field must be a valid date."},
    {"MultiSelect", "[\"10\",5]", "[10, 5]", "10", "5", "The F field must be an array."},
    {"Number", "\"200\"", "200", "200", "1.5", "The F field must be an integer."},
    {"Numeric", "1250.330", "1250.33", "1250.33", "\"many\"", "The F field must be a number."},
    {"Radio", "5", "5", "5", "6", "The selected F is invalid."},
    {"URL", "\"https://a.example\"", "\"https://a.example\"", "https://a.example", "\"nowhere\"",
     "The F field must be a valid URL."},
    {"Select", "\"10\"", "10", "10", "[10]", "The selected F is invalid."},
    {"Text", "\" Sample \"", "\"Sample\"", "Sample", "[\"x\"]", "The F field must be a string."},
    {"Textarea", "\"a\\nb\"", "\"a\\nb\"", "a\nb", "5", "The F field must be a string."},
    {"Timezone", "\"America/Toronto\"", "\"America/Toronto\"", "America/Toronto",
     "\"Mars/Olympus\"", "The F field must be a valid timezone."},
};

static struct engine_call *in_five(const char *op, const char *query, const char *field,
                                   const char *value)
{
    const char *body =
        field == NULL ? NULL : arena_printf(arena, "{\"name\":\"A\",\"%s\":%s}", field, value);
    struct engine_call *e = prepare(resource_find("client"), op, 0, query, body);
    e->request.who.organization_id = 5;
    (void)run(e);
    return e;
}

static void test_each_type_of_custom_field(void **state)
{
    (void)state;
    NEEDS_DATABASE();
    (void)database_ask(database_url,
                       "INSERT INTO accounts.organizations (id, name, slug) VALUES (5, 'd', 'd');"
                       "INSERT INTO accounts.users (id, name, email, password)"
                       " VALUES (7, 'u', 'u@x', 'x') ON CONFLICT DO NOTHING;"
                       "INSERT INTO accounts.members (organization_id, user_id, role)"
                       " VALUES (5, 7, 'owner')");
    for (size_t i = 0; i < COUNT_OF(types); i++)
        (void)database_ask(
            database_url,
            arena_printf(arena,
                         "INSERT INTO crm.custom_fields (organization_id, resource, field_id,"
                         " label, type, options) VALUES (5, 'clients', 'f%zu', 'F', '%s',"
                         " '[{\"id\": 5, \"name\": \"a\"}, {\"id\": 10, \"name\": \"b\"}]')",
                         i, types[i].type));
    for (size_t i = 0; i < COUNT_OF(types); i++) {
        const char *id = arena_printf(arena, "f%zu", i);
        struct engine_call *e = in_five("create", NULL, id, types[i].sent);
        assert_has(e, arena_printf(arena, "\"%s\" : %s", id, types[i].shown));
        e = in_five("list", arena_printf(arena, "filter[%s]=%s&sort=-%s", id, types[i].filter, id),
                    NULL, NULL);
        assert_int_equal(e->reply.page.total, 1);
        e = in_five("list", arena_printf(arena, "filter[%s]=null", id), NULL, NULL);
        assert_int_equal(e->reply.page.total, i);
        e = in_five("create", NULL, id, types[i].bad);
        assert_string_equal(engine_faults(e), arena_printf(arena, "%s: %s", id, types[i].fault));
    }
}

static void test_a_page_past_the_end_is_empty(void **state)
{
    (void)state;
    NEEDS_DATABASE();
    struct engine_call *e = prepare(&engine_thing, "list", 0, "page=999", NULL);
    assert_int_equal(run(e), ERR_OK);
    assert_string_equal(json_of(e), "[]");
    assert_true(e->reply.page.total > 0);
    assert_int_equal(e->reply.page.rows, 0);
}

static void test_changes_are_kept_and_sealed(void **state)
{
    (void)state;
    NEEDS_DATABASE();
    int64_t id = make("{\"name\":\"log\",\"secret\":\"hush\"}");
    (void)ask(&engine_thing, "update", id, "{\"name\":\"log2\"}");
    struct engine_call *e = ask(&engine_thing, "history", id, NULL);
    assert_has(e, "\"name\": [\"log\", \"log2\"]");
    assert_null(strstr(json_of(e), "hush"));
    struct pg *accounts = pg_open_as(database_url, "unit-audit", "bureau_accounts");
    while (audit_seal(accounts))
        ;
    assert_int_equal(audit_verify(accounts), 0);
    (void)database_ask(database_url, "SET session_replication_role = replica;"
                                     "UPDATE core.audit SET changes = '{}'"
                                     " WHERE organization_id = 1 AND seq = 2");
    assert_int_equal(audit_verify(accounts), 1);
    pg_close(accounts);
}

static void test_bulk_keeps_what_is_good(void **state)
{
    (void)state;
    NEEDS_DATABASE();
    struct engine_call *e = prepare(
        &engine_thing, "bulk_create", 0, NULL,
        "{\"records\":[{\"name\":\"b1\",\"code\":\"b\"},{},{\"name\":\"b2\",\"code\":\"b\"},"
        "{\"name\":\"b3\"}]}");
    assert_int_equal(run(e), ERR_OK);
    assert_string_equal(e->reply.message, "2 done, 2 refused.");
    assert_has(e, "{\"index\":1,\"status\":422,\"message\":\"The given data was invalid.\","
                  "\"errors\":{\"name\":[\"The name field is required.\"]}}");
    assert_has(e, "\"errors\":{\"code\":[\"The code has already been taken.\"]}");
    e = prepare(&engine_thing, "bulk_create", 0, NULL,
                "{\"atomic\":true,\"records\":[{\"name\":\"none\"},{}]}");
    assert_int_equal(run(e), ERR_INVALID);
    assert_string_equal(e->reply.faults->field, "records.1.name");
    assert_string_equal(
        database_ask(database_url, "SELECT count(*) FROM public.things WHERE name = 'none'"), "0");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_record_lives_and_comes_back),
        cmocka_unit_test(test_foreign_rows_do_not_exist),
        cmocka_unit_test(test_a_missing_row_comes_before_its_faults),
        cmocka_unit_test(test_others_rows_are_forbidden_to_a_user),
        cmocka_unit_test(test_a_stale_tag_is_refused),
        cmocka_unit_test(test_a_taken_value_is_a_fault),
        cmocka_unit_test(test_a_trashed_target_is_refused),
        cmocka_unit_test(test_two_steps_destroy),
        cmocka_unit_test(test_cursors_walk_every_row_once),
        cmocka_unit_test(test_each_way_to_a_searched_page_is_right),
        cmocka_unit_test(test_searches_are_counted_up_to_a_bound),
        cmocka_unit_test(test_custom_fields_are_checked_shown_and_unique),
        cmocka_unit_test(test_each_type_of_custom_field),
        cmocka_unit_test(test_a_page_past_the_end_is_empty),
        cmocka_unit_test(test_changes_are_kept_and_sealed),
        cmocka_unit_test(test_bulk_keeps_what_is_good),
    };
    return cmocka_run_group_tests(tests, open_all, close_all);
}
