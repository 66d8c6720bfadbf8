#include "services/core/listing.h"

#include "common/crypto.h"
#include "services/core/service.h"
#include "tests/unit/engine.h"

static struct arena *arena;

static int open_arena(void **state)
{
    (void)state;
    arena = arena_new(1 << 16);
    service_settings.secret_key = "a key for unit tests only";
    return crypto_open() ? 0 : -1;
}

static int close_arena(void **state)
{
    (void)state;
    arena_destroy(arena);
    return 0;
}

/* The statement with its parameters put in as {value}. */
static const char *spelled(const struct sql *sql)
{
    struct buf out;
    buf_init(&out, arena);
    for (const char *c = sql->text.data; *c != '\0'; c++) {
        if (*c != '$') {
            buf_putc(&out, *c);
            continue;
        }
        int n = 0;
        while (c[1] >= '0' && c[1] <= '9')
            n = n * 10 + (*++c - '0');
        assert_in_range(n, 1, sql->n);
        const char *value = sql->params[n - 1];
        buf_printf(&out, "{%s}", value == NULL ? "NULL" : value);
    }
    return out.data;
}

static const char *where_of(const struct resource *resource, const char *query)
{
    struct listing listing;
    struct engine_call *e = engine_new(arena, resource, "list", query, NULL);
    enum err err = listing_read(&e->call, &listing);
    if (err == ERR_INVALID)
        return engine_faults(e);
    return err == ERR_OK ? spelled(&listing.where) : e->reply.message;
}

static void assert_where(const struct resource *resource, const char *query, const char *wanted)
{
    const char *got = where_of(resource, query);
    if (strstr(got, wanted) == NULL)
        fail_msg("%s\n  gave   %s\n  wanted %s", query, got, wanted);
}

static void test_laravel_filters(void **state)
{
    (void)state;
    static const char *const rows[][2] = {
        {"", " AND t.organization_id = {1}::bigint AND t.deleted_at IS NULL"},
        {"filter[name]=a,b'\"", "AND (t.name = ANY ({{\"a\",\"b'\\\"\"}}::text[]))"},
        {"filter[name]=null", "AND (false OR t.name IS NULL)"},
        {"filter[state]=open,null", "(t.state = ANY ({{\"open\"}}::text[]) OR t.state IS NULL)"},
        {"filter[count]=5,x,99999999999999999999", "t.count = ANY ({{\"5\"}}::bigint[])"},
        {"filter[count]=x", "AND (false)"},
        {"filter[is_open]=yes", "t.is_open = ANY ({{\"true\"}}::boolean[])"},
        {"filter[amount][gte]=1.5", "AND t.amount >= {1.5}::numeric"},
        {"filter[amount][lt]=x", "amount: The amount field must be a number."},
        {"filter[at][lte]=2024-01-31",
         "AND t.at < {2024-01-31 00:00:00 Europe/Paris}::timestamptz + interval '1 day'"},
        {"filter[at][gte]=2024-13-01", "at: The at field must be a valid date."},
        {"filter[trashed]=only", "AND t.deleted_at IS NOT NULL"},
        {"parent=5", "AND (t.parent_id = {5}::text::bigint)"},
        {"parent=x", "AND false"},
        {"names[]=a&names[]=b", "AND (t.name = ANY ({{\"a\",\"b\"}}::text[]))"},
        {"open=maybe", "open: The open field must be true or false."},
        {"active=maybe", "t.organization_id"}, /* no is_active here */
        {"cursor=zzz", "cursor: The selected cursor is invalid."},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        assert_where(&engine_thing, rows[i][0], rows[i][1]);
}

static void test_unknown_filters_leave_no_trace(void **state)
{
    (void)state;
    const char *plain = arena_strdup(arena, where_of(&engine_thing, ""));
    static const char *const queries[] = {
        "filter[zzz]=1", "filter[email]=a@b", "filter=abc",          "filter[name]=",
        "filter[name=a", "filter[]=1",        "filter[name][gte]=a", "zzz=1",
        "sort=",         "filter[t.id]=1",    "sort=;DROP"};
    for (size_t i = 0; i < COUNT_OF(queries); i++)
        assert_string_equal(where_of(&engine_thing, queries[i]), plain);
}

static void test_searches_are_bound_and_escaped(void **state)
{
    (void)state;
    assert_where(&engine_thing, "filter[search]=50% a_b",
                 " AND (core.fold((t.name)::text) LIKE '%' || core.like_escape(core.fold({50%}"
                 "::text)) || '%' OR core.fold((t.email)::text) LIKE");
    assert_where(&engine_thing, "filter[search]=50% a_b", "core.fold({a_b}::text)");
    assert_where(&engine_thing, "q=x&search_fields=name:=;email:like&search_match=and",
                 "core.fold((t.name)::text) = core.fold({x}::text) AND core.fold((t.email)::text)"
                 " LIKE '%'");
    assert_where(&engine_part, "search= x ", "AND (core.fold((t.name)::text) LIKE");
    assert_where(&engine_part, "search=x&searchBy=serial", "AND (core.fold((t.serial)::text) LIKE");
    assert_where(&engine_part, "search=x&searchBy=price", "Search field « price » not allowed.");
    assert_where(&engine_part, "orderBy=zzz", "Order field « zzz » not allowed. Allowed: id, name");
    assert_where(&engine_part, "deleted=false", "t.deleted_at IS NOT NULL");
    assert_where(&engine_part, "deleted=0", "t.deleted_at IS NULL");
}

static const char *order_of(const struct resource *resource, const char *query)
{
    struct listing listing;
    struct sql sql;
    struct engine_call *e = engine_new(arena, resource, "list", query, NULL);
    assert_int_equal(listing_read(&e->call, &listing), ERR_OK);
    sql_init(&sql, arena);
    sort_sql(&listing, &sql);
    return sql.text.data;
}

static void test_orders_are_total(void **state)
{
    (void)state;
    static const struct {
        const struct resource *resource;
        const char *query, *wanted;
    } rows[] = {
        {&engine_thing, "", " ORDER BY t.created_at DESC, t.id DESC"},
        {&engine_thing, "sort=-name,zzz,amount", " ORDER BY t.name DESC, t.amount, t.id"},
        {&engine_thing, "sort=zzz", " ORDER BY t.created_at DESC, t.id DESC"},
        {&engine_thing, "order=name|desc", " ORDER BY t.name DESC, t.id DESC"},
        {&engine_thing, "sort=id", " ORDER BY t.id"},
        {&engine_part, "", " ORDER BY core.fold(t.name), t.id"},
        {&engine_part, "ascending=0", " ORDER BY core.fold(t.name) DESC, t.id DESC"},
        {&engine_part, "orderBy=reference&ascending=false",
         " ORDER BY core.fold(t.reference), t.id"},
        {&engine_part, "orderBy=created_at&ascending=", " ORDER BY t.created_at DESC, t.id DESC"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        assert_string_equal(order_of(rows[i].resource, rows[i].query), rows[i].wanted);
}

static void test_pages(void **state)
{
    (void)state;
    static const struct {
        const char *query;
        int64_t page, size;
    } rows[] = {
        {"", 1, 15},
        {"page=3&per_page=7", 3, 7},
        {"page=0", 1, 15},
        {"page=-2", 1, 15},
        {"page=1.5", 1, 15},
        {"page=x", 1, 15},
        {"per_page=0", 1, 15},
        {"per_page=x", 1, 15},
        {"per_page=1.5", 1, 15},
        {"per_page=-1", 1, 15},
        {"per_page=101", 1, 100},
        {"per_page=99999999999999999999", 1, 100},
        {"@organization=1", 1, 1000},
        {"active=1", 1, 1000},
        {"search=", 1, 1000},
        {"@organization=1&page=2", 2, 15},
        {"search=x&per_page=3", 1, 3},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct listing listing;
        struct engine_call *e = engine_new(arena, &engine_thing, "list", rows[i].query, NULL);
        assert_int_equal(listing_read(&e->call, &listing), ERR_OK);
        if (listing.page != rows[i].page || listing.size != rows[i].size)
            fail_msg("%s: page %d of %d", rows[i].query, (int)listing.page, (int)listing.size);
    }
}

/* A user sees her own rows in lists; the others all. */
static void test_only_the_role_user_is_narrowed(void **state)
{
    (void)state;
    struct listing listing;
    struct engine_call *e = engine_new(arena, &engine_thing, "list", "", NULL);
    e->request.who.role = ROLE_USER;
    assert_int_equal(listing_read(&e->call, &listing), ERR_OK);
    assert_non_null(strstr(spelled(&listing.where), "(t.assigned_to = {7}::bigint)"));
    assert_null(strstr(where_of(&engine_thing, ""), "assigned_to"));
}

static void test_a_cursor_is_good_for_its_list_only(void **state)
{
    (void)state;
    struct listing listing;
    struct engine_call *e = engine_new(arena, &engine_thing, "list", "sort=-amount&cursor=", NULL);
    assert_int_equal(listing_read(&e->call, &listing), ERR_OK);
    assert_true(listing.by_cursor && !listing.cursor_set);
    const char *cursor = cursor_write(&e->call, &listing, 42, "[null,\"5\"]");
    const char *query = arena_printf(arena, "sort=-amount&cursor=%s", cursor);
    e = engine_new(arena, &engine_thing, "list", query, NULL);
    assert_int_equal(listing_read(&e->call, &listing), ERR_OK);
    assert_true(listing.cursor_set);
    assert_int_equal(listing.cursor_total, 42);
    cursor_where(&listing);
    const char *where = spelled(&listing.where);
    if (strstr(where,
               " AND ((t.amount IS NOT NULL) OR (t.amount IS NULL AND t.id < {5}::bigint))") ==
        NULL)
        fail_msg("%s", where);
    /* Another order, other conditions, another organization, one changed letter. */
    assert_where(&engine_thing, arena_printf(arena, "sort=amount&cursor=%s", cursor),
                 "belongs to another list");
    assert_where(&engine_thing, arena_printf(arena, "filter[count]=5&%s", query),
                 "belongs to another list");
    e = engine_new(arena, &engine_thing, "list", query, NULL);
    e->request.who.organization_id = 2;
    assert_int_equal(listing_read(&e->call, &listing), ERR_INVALID);
    char *changed = arena_strdup(arena, query);
    changed[strlen(changed) - 3] ^= 1;
    assert_where(&engine_thing, changed, "invalid");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_laravel_filters),
        cmocka_unit_test(test_unknown_filters_leave_no_trace),
        cmocka_unit_test(test_searches_are_bound_and_escaped),
        cmocka_unit_test(test_orders_are_total),
        cmocka_unit_test(test_pages),
        cmocka_unit_test(test_only_the_role_user_is_narrowed),
        cmocka_unit_test(test_a_cursor_is_good_for_its_list_only),
    };
    return cmocka_run_group_tests(tests, open_arena, close_arena);
}
