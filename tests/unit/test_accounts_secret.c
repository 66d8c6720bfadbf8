#include "tests/unit/test.h"

#include "common/crypto.h"
#include "services/accounts/secret.h"

static void a_token_ends_with_the_checksum_of_its_random_part(void **state)
{
    char token[SECRET_TOKEN + 1], again[SECRET_TOKEN + 1], sum[9];
    (void)state;
    secret_token(token);
    secret_token(again);
    assert_int_equal(strlen(token), 48);
    assert_string_not_equal(token, again);
    snprintf(sum, sizeof sum, "%08x", crypto_crc32b(token, 40));
    assert_string_equal(token + 40, sum);
}

static void a_cookie_is_found_by_its_whole_name(void **state)
{
    static const struct {
        const char *header, *name, *value;
    } cases[] = {
        {"a=1; session=xyz; b=2", "session", "xyz"},
        {"session=xyz", "session", "xyz"},
        {"other_session=no; session=yes", "session", "yes"},
        {"sessions=no", "session", NULL},
        {"session", "session", NULL},
        {"a=1;session=x=y ; b", "session", "x=y "},
        {"session=", "session", ""},
        {"", "session", NULL},
        {NULL, "session", NULL},
        {"; ; ;", "session", NULL},
    };
    struct arena *arena = *state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        const char *found = cookie_find(arena, cases[i].header, cases[i].name);
        if (cases[i].value == NULL)
            assert_null(found);
        else
            assert_string_equal(found, cases[i].value);
    }
}

static void a_session_cookie_is_kept_from_scripts(void **state)
{
    const char *cookie = cookie_make(*state, "s", "v", 60, true, false);
    assert_string_equal(cookie, "s=v; Path=/; Max-Age=60; SameSite=Lax; HttpOnly; Secure");
    cookie = cookie_make(*state, "x", "v", 60, false, true);
    assert_string_equal(cookie, "x=v; Path=/; Max-Age=60; SameSite=Lax");
    assert_non_null(strstr(cookie_make(*state, "s", "", 0, false, false), "Max-Age=0; Expires="));
}

static void a_jwt_is_read_back_and_no_two_are_the_same(void **state)
{
    const struct jwt_claims claims = {
        .iat = 100, .exp = 200, .user_id = 9007199254740993, .organization_id = 3};
    const char *master = "a master key of tests", *first = secret_jwt(*state, master, &claims);
    struct slice payload;
    uint8_t key[32];
    assert_string_not_equal(first, secret_jwt(*state, master, &claims));
    crypto_derive(master, "jwt", key);
    assert_int_equal(
        crypto_jwt_read(*state, (struct slice){(const char *)key, 32}, first, &payload), JWT_OK);
    static const char start[] =
        "{\"iat\":100,\"exp\":200,\"user\":{\"id\":9007199254740993},\"organization\":3,\"jti\":\"";
    assert_memory_equal(payload.data, start, strlen(start));
}

static int open_arena(void **state)
{
    *state = arena_new(4096);
    return crypto_open() ? 0 : 1;
}

static int close_arena(void **state)
{
    arena_destroy(*state);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_token_ends_with_the_checksum_of_its_random_part),
        cmocka_unit_test(a_cookie_is_found_by_its_whole_name),
        cmocka_unit_test(a_session_cookie_is_kept_from_scripts),
        cmocka_unit_test(a_jwt_is_read_back_and_no_two_are_the_same),
    };
    return cmocka_run_group_tests(tests, open_arena, close_arena);
}
