#include "services/core/validate.h"

#include "services/core/check.h"
#include "tests/unit/engine.h"

static struct arena *arena;

static int open_arena(void **state)
{
    (void)state;
    arena = arena_new(1 << 16);
    return 0;
}

static int close_arena(void **state)
{
    (void)state;
    arena_destroy(arena);
    return 0;
}

/* A body and its faults, or, when there are none, its accepted columns as "name=value". */
struct row {
    const char *op, *body, *wanted;
};

static const char *columns_of(struct engine_call *e)
{
    struct buf out;
    buf_init(&out, arena);
    for (size_t i = 0; i < e->call.columns_n; i++)
        buf_printf(&out, "%s%s=%s", i == 0 ? "" : " ", e->call.columns[i].name,
                   e->call.columns[i].value == NULL ? "NULL" : e->call.columns[i].value);
    return out.data;
}

static void judge(const struct resource *resource, const struct row *rows, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        struct engine_call *e = engine_new(arena, resource, rows[i].op, NULL, rows[i].body);
        enum err err = validate(&e->call);
        const char *got = err == ERR_OK        ? columns_of(e)
                          : err == ERR_INVALID ? engine_faults(e)
                                               : e->reply.message;
        if (strcmp(got, rows[i].wanted) != 0)
            fail_msg("%s %s\n  gave   %s\n  wanted %s", rows[i].op, rows[i].body, got,
                     rows[i].wanted);
    }
}

static void test_laravel_texts(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {"create", "{\"name\":\" \\u00a0Anna\\u3000 \"}", "name=Anna"},
        {"create", "{\"name\":\"éééééééééé\"}", "name=éééééééééé"},
        {"create", "{\"name\":\"ééééééééééé\"}",
         "name: The name field must not be greater than 10 characters."},
        {"create", "{}", "name: The name field is required."},
        {"create", NULL, "name: The name field is required."},
        {"create", "{\"name\":[]}", "name: The name field is required."},
        {"create", "{\"name\":[1]}", "name: The name field must be a string."},
        {"create", "{\"name\":\"  \"}", "name: The name field is required."},
        {"create", "{\"name\":5}", "name: The name field must be a string."},
        {"create", "{\"name\":\"a\",\"id\":9,\"upper\":\"x\",\"created_at\":\"x\",\"zzz\":1}",
         "name=a"},
        {"create", "{\"name\":\"a\",\"code\":\"\"}", "name=a code=NULL"},
        {"create", "{\"name\":\"a\",\"secret\":\" x \"}", "name=a secret= x "},
        {"update", "{}", ""},
        {"update", NULL, ""},
        {"update", "{\"name\":null}", "name: The name field is required."},
        {"update", "{\"code\":\"x\"}", "code=x"},
    };
    judge(&engine_thing, rows, COUNT_OF(rows));
}

static void test_laravel_shapes(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {"update", "{\"email\":\"a@b\"}", "email=a@b"},
        {"update", "{\"email\":\"a b@c.d\"}",
         "email: The email field must be a valid email address."},
        {"update", "{\"email\":{}}", "email: The email field must be a valid email address."},
        {"update", "{\"site\":\"FTP://Acme.com/x\"}", "site=FTP://Acme.com/x"},
        {"update", "{\"site\":\"acme.com\"}", "site: The site field must be a valid URL."},
        {"update", "{\"site\":\"javascript://x\"}", "site: The site field must be a valid URL."},
        {"update", "{\"color\":\"#aBc\"}", "color=#aBc"},
        {"update", "{\"color\":\"#abcd\"}",
         "color: The color field must be a valid hexadecimal color."},
        {"update", "{\"zone\":\"Europe/Paris\"}", "zone=Europe/Paris"},
        {"update", "{\"zone\":\"../etc/passwd\"}",
         "zone: The zone field must be a valid timezone."},
        {"update", "{\"state\":\"closed\"}", "state=closed"},
        {"update", "{\"state\":[\"closed\"]}", "state: The selected state is invalid."},
        {"update", "{\"state\":null}", "state: The state field is required."},
        {"create", "{\"name\":\"a\",\"state\":null}", "name=a"},
        {"update", "{\"is_open\":\"0\"}", "is_open=false"},
        {"update", "{\"is_open\":1}", "is_open=true"},
        {"update", "{\"is_open\":\"yes\"}", "is_open: The is open field must be true or false."},
        {"update", "{\"parent_id\":\"12\"}", "parent_id=12"},
        {"update", "{\"parent_id\":[12]}", "parent_id: The selected parent id is invalid."},
        {"update", "{\"parent_id\":0}", "parent_id: The selected parent id is invalid."},
        {"update", "{\"parent_id\":99999999999999999999}",
         "parent_id: The selected parent id is invalid."},
        {"update", "{\"notes\":{\"a\":[1,2.50]}}", "notes={\"a\":[1,2.50]}"},
    };
    judge(&engine_thing, rows, COUNT_OF(rows));
}

static void test_laravel_numbers(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {"update", "{\"count\":\"12\"}", "count=12"},
        {"update", "{\"count\":1.0}", "count=1"},
        {"update", "{\"count\":\"1.5\"}", "count: The count field must be an integer."},
        {"update", "{\"count\":-1}", "count: The count field must be at least 0."},
        {"update", "{\"count\":101}", "count: The count field must not be greater than 100."},
        {"update", "{\"count\":99999999999999999999}",
         "count: The count field must not be greater than 100."},
        {"update", "{\"count\":{}}", "count: The count field must be an integer."},
        {"update", "{\"amount\":\"1e2\"}", "amount=100"},
        {"update", "{\"amount\":0.005}", "amount=0.01"},
        {"update", "{\"amount\":12.344}", "amount=12.34"},
        {"update", "{\"amount\":999.99}", "amount=999.99"},
        {"update", "{\"amount\":999.995}",
         "amount: The amount field must not be greater than 999."},
        {"update", "{\"amount\":-0.01}", "amount: The amount field must be at least 0."},
        {"update", "{\"amount\":\"x\"}", "amount: The amount field must be a number."},
        {"update", "{\"amount\":1e999}", "amount: The amount field must be a number."},
        {"update", "{\"amount\":true}", "amount: The amount field must be a number."},
    };
    judge(&engine_thing, rows, COUNT_OF(rows));
}

static void test_times_take_the_callers_zone(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {"update", "{\"at\":\"2024-01-08T09:00\"}", "at=2024-01-08 09:00:00 Europe/Paris"},
        {"update", "{\"at\":\"2024-01-08\"}", "at=2024-01-08 00:00:00 Europe/Paris"},
        {"update", "{\"at\":\"2024-01-08T09:00:00.123456Z\"}",
         "at=2024-01-08 09:00:00.123456+00:00"},
        {"update", "{\"at\":\"2024-01-08 09:00:00+0530\"}", "at=2024-01-08 09:00:00+05:30"},
        {"update", "{\"at\":\"@1700000000\"}", "at=2023-11-14 22:13:20+00:00"},
        {"update", "{\"at\":\"01/02/2026 3:04 pm\"}", "at=2026-01-02 15:04:00 Europe/Paris"},
        {"update", "{\"day\":\"1 January 2026\"}", "day=2026-01-01"},
        {"update", "{\"day\":\"Feb 29, 2024\"}", "day=2024-02-29"},
        {"update", "{\"day\":\"2026-01\"}", "day=2026-01-01"},
        {"update", "{\"day\":\"2026-02-30\"}", "day: The day field must be a valid date."},
        {"update", "{\"day\":\"10:00\"}", "day: The day field must be a valid date."},
        {"update", "{\"day\":\"tomorrow\"}", "day: The day field must be a valid date."},
        {"update", "{\"day\":\"1700000000\"}", "day: The day field must be a valid date."},
        {"update", "{\"day\":20260101}", "day: The day field must be a valid date."},
        {"update", "{\"at\":\"2024-01-08T25:00\"}", "at: The at field must be a valid date."},
        {"update", "{\"at\":\"2024-01-08 09:00 '; DROP\"}",
         "at: The at field must be a valid date."},
    };
    judge(&engine_thing, rows, COUNT_OF(rows));
}

#define GOOD  "\"category_id\":1,\"price\":1,\"stock\":1,\"confirmed\":true,\"start\":\"2024-1-1\""
#define EXTRA "\"\"-_. ÇçàÀâÂäÄåÅèÈéÉêÊëËíÍìÌîÎïÏòÒóÓôÔöÖðÐõÕøØúÚùÙûÛüÜýÝÿŸŷŶøØæÆœŒñÑßÞ\"\""

static void test_robert_says_every_rule_of_a_chain(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {"create", NULL, "Missing request data to process validation"},
        {"create", "{}", "Missing request data to process validation"},
        {"update", "{}", "Missing request data to process validation"},
        {"create", "{\"name\":\"\",\"reference\":\"ab\"," GOOD "}",
         "name: name must not be empty; name: name must contain only letters (a-z) and " EXTRA
         "; name: name must have a length between 2 and 10"},
        {"update", "{\"reference\":\"é\"}",
         "reference: reference must contain only letters (a-z), digits (0-9) and \".,-/_ \"; "
         "reference: reference must have a length between 2 and 8"},
        {"update", "{\"serial\":\"é\"}",
         "serial: All of the required rules must pass for serial; "
         "serial: serial must contain only letters (a-z), digits (0-9) and \"-/*.\"; "
         "serial: serial must have a length between 2 and 8"},
        {"update", "{\"serial\":\"\"}", "serial=NULL"},
        {"update", "{\"name\":\"Łódź d'Or\"}", "name=Łódź d'Or"},
        {"update", "{\"name\":\"R2D2\"}", "name: name must contain only letters (a-z) and " EXTRA},
        {"update", "{\"kind\":\"x\"}",
         "kind: At least one of these rules must pass for kind; kind: kind must be equals "
         "\"open\"; kind: kind must be equals \"closed\""},
    };
    judge(&engine_part, rows, COUNT_OF(rows));
}

static void test_robert_numbers_and_flags(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {"update", "{\"category_id\":\"\"}",
         "category_id: category_id must not be empty; category_id: category_id must be numeric"},
        {"update", "{\"category_id\":\"x\"}", "category_id: category_id must be numeric"},
        {"update", "{\"category_id\":99999999999999999999}",
         "category_id: category_id does not exist"},
        {"update", "{\"price\":\"x\"}", "price: price must be a float number"},
        {"update", "{\"price\":null}",
         "price: price must be a float number; price: price must be less than or equal to "
         "999999.99"},
        {"update", "{\"price\":999999.99}", "price=999999.99"},
        {"update", "{\"price\":1000000}", "price: price must be less than or equal to 999999.99"},
        {"update", "{\"price\":\"12.345\"}", "price=12.35"},
        {"update", "{\"stock\":1.5}", "stock: stock must be an integer number"},
        {"update", "{\"stock\":\"12\"}", "stock=12"},
        {"update", "{\"stock\":100001}", "stock: stock must be less than or equal to 100000"},
        {"update", "{\"stock\":-99999999999999999999}", "stock: stock must be an integer number"},
        {"update", "{\"confirmed\":null}",
         "confirmed: confirmed must not be optional; confirmed: confirmed must be a boolean"},
        {"update", "{\"confirmed\":1}", "confirmed: confirmed must be a boolean"},
        {"update", "{\"is_hidden\":null}", "is_hidden: is_hidden must be a boolean"},
        {"update", "{\"phone\":\"+33 1 23 45 67 89\"}", "phone=+33123456789"},
        {"update", "{\"phone\":\"abc\"}", "phone: phone must be a valid telephone number"},
        {"update", "{\"start\":\"2019-06-22\"}", "start=2019-06-22 00:00:00 America/Toronto"},
        {"update", "{\"start\":\"\"}",
         "start: start must not be empty; start: start must be a valid date"},
    };
    judge(&engine_part, rows, COUNT_OF(rows));
}

/* As the original drops them: they are not sent, and never take for null what is stored. */
static void test_robert_drops_arrays_where_one_value_belongs(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {"update", "{\"serial\":[\"x\"],\"kind\":{},\"phone\":[[]],\"is_hidden\":[true]}", ""},
        {"update", "{\"serial\":{\"a\":1},\"stock\":3}", "stock=3"},
        {"create",
         "{\"name\":\"ab\",\"reference\":\"ab\",\"serial\":[1],\"is_hidden\":{}," GOOD "}",
         "name=ab reference=ab category_id=1 price=1 stock=1 confirmed=true start=2024-01-01 "
         "00:00:00 "
         "America/Toronto"},
        {"update", "{\"stock\":[3]}",
         "stock: stock must be an integer number; stock: stock must be less than or equal to "
         "100000"},
        {"update", "{\"start\":[]}",
         "start: start must not be empty; start: start must be a valid date"},
    };
    judge(&engine_part, rows, COUNT_OF(rows));
}

static void test_decimals_are_exact(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int scale;
        const char *wanted;
    } rows[] = {
        {"0", 2, "0"},         {"-0.00", 2, "0"},
        {"1.005", 2, "1.01"},  {"-1.005", 2, "-1.01"},
        {"9.995", 2, "10"},    {"0.1", -1, "0.1"},
        {"1e-3", -1, "0.001"}, {"12.50", -1, "12.5"},
        {"00012", -1, "12"},   {".5", -1, "0.5"},
        {"0.0004", 2, "0"},    {"1e3", -1, "1000"},
        {"1.2e1", -1, "12"},   {"", -1, NULL},
        {".", -1, NULL},       {"1.2.3", -1, NULL},
        {"0x10", -1, NULL},    {"1e99", -1, NULL},
        {"12 ", -1, NULL},     {"99999999999999999999.99", 2, "99999999999999999999.99"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        const char *got = decimal_read(arena, rows[i].text, rows[i].scale);
        if (got != rows[i].wanted &&
            (got == NULL || rows[i].wanted == NULL || strcmp(got, rows[i].wanted) != 0))
            fail_msg("%s gave %s", rows[i].text, got == NULL ? "nothing" : got);
    }
}

static void test_texts_are_counted_in_code_points(void **state)
{
    (void)state;
    assert_int_equal(text_length("a\xC3\xA9\xF0\x9F\x98\x80"), 3);
    assert_int_equal(text_length("\xC0\xAF"), -1);
    assert_int_equal(text_length("\xED\xA0\x80"), -1);
    assert_int_equal(text_length("\xF4\x90\x80\x80"), -1);
    assert_int_equal(text_length("a\xC3"), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_laravel_texts),
        cmocka_unit_test(test_laravel_shapes),
        cmocka_unit_test(test_laravel_numbers),
        cmocka_unit_test(test_times_take_the_callers_zone),
        cmocka_unit_test(test_robert_says_every_rule_of_a_chain),
        cmocka_unit_test(test_robert_numbers_and_flags),
        cmocka_unit_test(test_robert_drops_arrays_where_one_value_belongs),
        cmocka_unit_test(test_decimals_are_exact),
        cmocka_unit_test(test_texts_are_counted_in_code_points),
    };
    return cmocka_run_group_tests(tests, open_arena, close_arena);
}
