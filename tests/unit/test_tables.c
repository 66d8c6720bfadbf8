#include "proto/complete.h"

#include "proto/resources.h"
#include "tests/unit/test.h"

static struct arena *arena;

static const struct field good_fields[] = {{"id", F_ID}, {"name", F_TEXT, REQUIRED}, {0}};

static struct resource good(void)
{
    return (struct resource){.name = "thing",
                             .path = "/api/things",
                             .service = "crm",
                             .table = "crm.things",
                             .label = "Thing",
                             .order = "t.id",
                             .read = ROLE_VISITOR,
                             .write = ROLE_MEMBER,
                             .remove = ROLE_MEMBER,
                             .fields = good_fields,
                             .summary = "A thing"};
}

/* The one fault of the resource contains the words. */
static void assert_fault(const struct resource *resource, const char *words)
{
    struct buf out;
    buf_init(&out, arena);
    size_t n = resource_faults(&out, resource);
    if (n != 1 || strstr(out.data, words) == NULL)
        fail_msg("%zu faults, wanted one with \"%s\":\n%s", n, words, out.data);
}

static void assert_field_fault(struct field field, const char *words)
{
    const struct field fields[] = {field, {0}};
    struct resource resource = good();
    resource.fields = fields;
    assert_fault(&resource, words);
}

static void test_every_table_is_complete(void **state)
{
    (void)state;
    struct buf out;
    buf_init(&out, arena);
    if (tables_faults(&out) != 0)
        fail_msg("%s", out.data);
}

static void test_a_good_resource_has_no_fault(void **state)
{
    (void)state;
    struct buf out;
    buf_init(&out, arena);
    struct resource resource = good();
    assert_int_equal(resource_faults(&out, &resource), 0);
}

static void test_what_is_missing_is_named(void **state)
{
    (void)state;
    struct resource r = good();
    r.path = "/things";
    assert_fault(&r, "thing.path");
    r = good();
    r.service = "shop";
    r.table = "shop.things";
    assert_fault(&r, "thing.service");
    r = good();
    r.table = "billing.things";
    assert_fault(&r, "thing.table");
    r = good();
    r.read = ROLE_NONE;
    assert_fault(&r, "thing.read");
    r = good();
    r.order = NULL;
    assert_fault(&r, "thing.order");
    r = good();
    r.scope = SCOPE_ASSIGNEE;
    assert_fault(&r, "thing.scope");
    r = good();
    r.mine = "t.user_id = 1";
    assert_fault(&r, "thing.mine");
}

static void test_fields_that_contradict_themselves_are_named(void **state)
{
    (void)state;
    static const char *const values[] = {"a", "b", NULL};
    assert_field_fault((struct field){"f", F_ENUM, 0}, "enum without values");
    assert_field_fault((struct field){"f", F_ENUM, 0, .values = values, .def = "c"}, "default");
    assert_field_fault((struct field){"f", F_REF, 0}, "without .ref");
    assert_field_fault((struct field){"f", F_COMPUTED, READONLY}, "without .sql");
    assert_field_fault((struct field){"f", F_TEXT, 0, .min = 5, .max = 4}, "above");
    assert_field_fault((struct field){"f", F_INT, 0, .scale = 2}, ".scale");
    assert_field_fault((struct field){"f", F_TEXT, REQUIRED | READONLY}, "read only");
}

static void test_doubled_fields_and_poor_parameters_are_named(void **state)
{
    (void)state;
    const struct field twice[] = {{"a", F_TEXT}, {"a", F_INT}, {0}};
    struct resource r = good();
    r.fields = twice;
    assert_fault(&r, "stands twice");
    const struct param params[] = {{"p", "t.a = 1", false, "help", F_TEXT}, {0}};
    r = good();
    r.params = params;
    assert_fault(&r, "without %s");
    const struct relation relations[] = {{"name", IN_ITEM, "null", ROLE_NONE}, {0}};
    r = good();
    r.relations = relations;
    assert_fault(&r, "an embed and a shown field");
}

static void test_roles_have_names_and_groups(void **state)
{
    (void)state;
    for (int role = ROLE_VISITOR; role <= ROLE_OWNER; role++)
        assert_int_equal(role_of(role_name((enum role)role)), role);
    assert_int_equal(role_of("none"), ROLE_NONE);
    assert_int_equal(role_of("Owner"), ROLE_NONE);
    assert_string_equal(role_group(ROLE_OWNER), "admin");
    assert_string_equal(role_group(ROLE_MANAGER), "member");
    assert_string_equal(role_group(ROLE_USER), "member");
    assert_string_equal(role_group(ROLE_VISITOR), "visitor");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_table_is_complete),
        cmocka_unit_test(test_a_good_resource_has_no_fault),
        cmocka_unit_test(test_what_is_missing_is_named),
        cmocka_unit_test(test_fields_that_contradict_themselves_are_named),
        cmocka_unit_test(test_doubled_fields_and_poor_parameters_are_named),
        cmocka_unit_test(test_roles_have_names_and_groups),
    };
    arena = arena_new(4096);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    arena_destroy(arena);
    return failed;
}
