#include "proto/identity.h"

#include "common/crypto.h"
#include "tests/unit/test.h"

static struct arena *arena;

static enum err read_text(const char *text, struct identity *out)
{
    return identity_read(arena, (struct slice){text, strlen(text)}, out);
}

static void test_an_identity_comes_back_whole(void **state)
{
    (void)state;
    struct membership of[] = {{5, ROLE_OWNER, "Europe/Paris", 12}, {9, ROLE_USER, NULL, 0}};
    struct identity in = {
        7, 3, 1700000000123, 9, IDENTITY_JWT, "FR", "Asia/Tokyo", "read,clients:write", of, 2};
    struct identity out;
    struct buf text;
    buf_init(&text, arena);
    identity_write(&text, &in);
    assert_string_equal(text.data, "2 7 3 1700000000123 jwt FR Asia/Tokyo read,clients:write 9 "
                                   "5:owner:Europe/Paris:12,9:user:UTC:0");
    assert_int_equal(read_text(text.data, &out), ERR_OK);
    assert_int_equal(out.user_id, 7);
    assert_int_equal(out.kind, IDENTITY_JWT);
    assert_true(out.expires_ms == 1700000000123);
    assert_string_equal(out.abilities, "read,clients:write");
    assert_int_equal(out.memberships_n, 2);
    assert_int_equal(out.memberships[0].role, ROLE_OWNER);
    assert_string_equal(out.memberships[1].zone, "UTC");
    assert_true(out.memberships[0].custom == 12);
}

static void test_no_ability_never_reads_as_all(void **state)
{
    (void)state;
    struct identity in = {.user_id = 1, .abilities = ""}, out;
    struct buf text;
    buf_init(&text, arena);
    identity_write(&text, &in);
    assert_int_equal(read_text(text.data, &out), ERR_OK);
    assert_string_equal(out.abilities, "none");
    assert_int_equal(out.memberships_n, 0);
    assert_string_equal(out.zone, "UTC");
    assert_null(identity_in(&out, 0));
}

static void test_broken_lines_are_malformed(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "",
        "2",
        "1 7 0 0 token EN UTC * 0 -",
        "2 0 0 0 token EN UTC * 0 -",
        "2 -7 0 0 token EN UTC * 0 -",
        "2 9223372036854775808 0 0 token EN UTC * 0 -",
        "2 7 0 0 cookie EN UTC * 0 -",
        "2 7 0 0 token EN UTC * 0",
        "2 7 0 0 token EN UTC * 0 ",
        "2 7 0 0 token EN UTC  0 -",
        "2 7 0 0 token EN UTC * 0 5:owner:UTC",
        "2 7 0 0 token EN UTC * 0 5:king:UTC:1",
        "2 7 0 0 token EN UTC * 0 5:owner:UTC:1:x",
        "2 7 0 0 token EN UTC * 0 5:owner:UTC:1,",
        "2 7 0 0 token EN UTC * 0 0:owner:UTC:1",
        "2 7 0 0 token EN UTC * 0 5:owner:UTC:-1",
        "2 7 0 0 token EN UTC * 0 5:none:UTC:1",
    };
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        struct identity out;
        if (read_text(bad[i], &out) != ERR_MALFORMED)
            fail_msg("taken: %s", bad[i]);
    }
}

static void test_at_most_64_organizations(void **state)
{
    (void)state;
    struct membership of[IDENTITY_ORGANIZATIONS + 3];
    for (size_t i = 0; i < COUNT_OF(of); i++)
        of[i] = (struct membership){(int64_t)i + 1, ROLE_MEMBER, "UTC", 1};
    struct identity in = {.user_id = 1, .abilities = "*", .memberships = of}, out;
    in.memberships_n = COUNT_OF(of);
    struct buf text;
    buf_init(&text, arena);
    identity_write(&text, &in);
    assert_int_equal(read_text(text.data, &out), ERR_OK);
    assert_int_equal(out.memberships_n, IDENTITY_ORGANIZATIONS);
    buf_puts(&text, ",99:member:UTC:1");
    assert_int_equal(read_text(text.data, &out), ERR_MALFORMED);
}

static void test_the_organization_of_a_call(void **state)
{
    (void)state;
    struct identity identity;
    assert_int_equal(read_text("2 7 0 0 session EN UTC * 9 5:user:UTC:1,9:admin:UTC:1", &identity),
                     0);
    assert_int_equal(identity_in(&identity, 0)->organization_id, 9);
    assert_int_equal(identity_in(&identity, 5)->role, ROLE_USER);
    assert_null(identity_in(&identity, 6));
    identity.current_organization = 6; /* left it since */
    assert_int_equal(identity_in(&identity, 0)->organization_id, 5);
}

static void test_the_csrf_token_belongs_to_its_session(void **state)
{
    (void)state;
    uint8_t key[32] = {1};
    char a[44], b[44];
    csrf_token(key, (struct slice){"session-a", 9}, a);
    csrf_token(key, (struct slice){"session-b", 9}, b);
    assert_int_equal(strlen(a), 43);
    assert_string_not_equal(a, b);
    assert_null(strpbrk(a, "+/="));
    key[31] = 1;
    csrf_token(key, (struct slice){"session-a", 9}, b);
    assert_string_not_equal(a, b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_an_identity_comes_back_whole),
        cmocka_unit_test(test_no_ability_never_reads_as_all),
        cmocka_unit_test(test_broken_lines_are_malformed),
        cmocka_unit_test(test_at_most_64_organizations),
        cmocka_unit_test(test_the_organization_of_a_call),
        cmocka_unit_test(test_the_csrf_token_belongs_to_its_session),
    };
    if (!crypto_open())
        return 1;
    arena = arena_new(4096);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    arena_destroy(arena);
    return failed;
}
