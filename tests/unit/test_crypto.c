#include "common/crypto.h"

#include <pthread.h>

#include "tests/unit/test.h"

static struct arena *arena;

static struct slice slice_of(const char *text) { return (struct slice){text, strlen(text)}; }

static void test_known_digests(void **state)
{
    (void)state;
    char hex[65];
    crypto_sha256_hex("abc", 3, hex);
    assert_string_equal(hex, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    assert_int_equal(crypto_crc32b("123456789", 9), 0xcbf43926);
    /* RFC 4231, test case 2 */
    uint8_t mac[CRYPTO_SHA256];
    crypto_hmac_sha256(slice_of("Jefe"), slice_of("what do ya want for nothing?"), mac);
    static const uint8_t wanted[4] = {0x5b, 0xdc, 0xc1, 0x46};
    assert_memory_equal(mac, wanted, sizeof wanted);
}

static void test_derived_keys_differ_by_purpose(void **state)
{
    (void)state;
    uint8_t a[32], b[32], again[32];
    crypto_derive("master", "jwt", a);
    crypto_derive("master", "csrf", b);
    crypto_derive("master", "jwt", again);
    assert_false(crypto_same(a, b, 32));
    assert_true(crypto_same(a, again, 32));
}

static void test_random_texts_have_their_alphabet(void **state)
{
    (void)state;
    char text[41], other[41], uuid[37];
    crypto_random_text(text, 40);
    crypto_random_text(other, 40);
    assert_int_equal(strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"),
                     40);
    assert_string_not_equal(text, other);
    crypto_uuid(uuid);
    assert_int_equal(strlen(uuid), 36);
    assert_int_equal(uuid[14], '4');
    assert_non_null(strchr("89ab", uuid[19]));
}

static void test_base64url_is_read_strictly(void **state)
{
    (void)state;
    struct slice out;
    struct buf buf;
    buf_init(&buf, arena);
    crypto_base64url(&buf, "\xfb\xff\xfe", 3);
    assert_string_equal(buf.data, "-__-");
    assert_true(crypto_base64url_read(arena, slice_of("-__-"), &out));
    assert_int_equal(out.len, 3);
    assert_memory_equal(out.data, "\xfb\xff\xfe", 3);
    static const char *const bad[] = {"+//+", "QQ==", "Q", "QR", "QQ ", "QQ\n", "Q Q"};
    for (size_t i = 0; i < COUNT_OF(bad); i++)
        if (crypto_base64url_read(arena, slice_of(bad[i]), &out))
            fail_msg("taken: %s", bad[i]);
    uint8_t bytes[32] = {0};
    char text[44];
    crypto_base64url_of_32(bytes, text);
    assert_string_equal(text, "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA");
}

static void test_passwords(void **state)
{
    (void)state;
    char hash[128], other[128];
    assert_int_equal(crypto_password_hash("correct horse", hash), ERR_OK);
    assert_int_equal(crypto_password_hash("correct horse", other), ERR_OK);
    assert_string_not_equal(hash, other);
    assert_int_equal(strncmp(hash, "$argon2id$v=19$m=19456,t=2,p=1$", 31), 0);
    assert_true(crypto_password_verify(hash, "correct horse"));
    assert_false(crypto_password_verify(hash, "correct horse "));
    assert_false(crypto_password_verify(hash, ""));
    assert_false(crypto_password_verify(NULL, "correct horse"));
    assert_false(crypto_password_verify("", "x"));
    assert_false(crypto_password_verify("$2y$10$abc", "x"));
}

static void *hash_some(void *failed)
{
    char hash[128];
    for (int i = 0; i < 3; i++)
        if (crypto_password_hash("p", hash) != ERR_OK || !crypto_password_verify(hash, "p"))
            *(bool *)failed = true;
    return NULL;
}

static void test_many_threads_may_hash(void **state)
{
    (void)state;
    pthread_t threads[6];
    bool failed[COUNT_OF(threads)] = {false};
    for (size_t i = 0; i < COUNT_OF(threads); i++)
        assert_int_equal(pthread_create(&threads[i], NULL, hash_some, &failed[i]), 0);
    for (size_t i = 0; i < COUNT_OF(threads); i++) {
        pthread_join(threads[i], NULL);
        assert_false(failed[i]);
    }
}

static void test_sealed_texts_open_only_as_they_were(void **state)
{
    (void)state;
    uint8_t key[32] = {7}, other[32] = {8};
    struct buf sealed;
    struct slice plain;
    buf_init(&sealed, arena);
    crypto_seal(&sealed, key, "integration:5", slice_of("secret"));
    assert_true(crypto_unseal(arena, key, "integration:5", sealed.data, &plain));
    assert_int_equal(plain.len, 6);
    assert_memory_equal(plain.data, "secret", 6);
    assert_false(crypto_unseal(arena, key, "integration:6", sealed.data, &plain));
    assert_false(crypto_unseal(arena, other, "integration:5", sealed.data, &plain));
    for (size_t i = 0; i < sealed.len; i++) {
        char was = sealed.data[i];
        sealed.data[i] = was == 'A' ? 'B' : 'A';
        assert_false(crypto_unseal(arena, key, "integration:5", sealed.data, &plain));
        sealed.data[i] = was;
    }
    assert_false(crypto_unseal(arena, key, "", "", &plain));
    assert_false(crypto_unseal(arena, key, "", "AAAA", &plain));
}

static enum jwt_fault read_jwt(const char *token, struct slice *payload)
{
    return crypto_jwt_read(arena, slice_of("key"), token, payload);
}

static void test_a_jwt_comes_back(void **state)
{
    (void)state;
    struct buf token;
    struct slice payload;
    buf_init(&token, arena);
    crypto_jwt(&token, slice_of("key"), "{\"user\":1}");
    assert_int_equal(read_jwt(token.data, &payload), JWT_OK);
    assert_int_equal(payload.len, 10);
    assert_memory_equal(payload.data, "{\"user\":1}", 10);
    assert_int_equal(crypto_jwt_read(arena, slice_of("yek"), token.data, &payload), JWT_SIGNATURE);
    token.data[token.len - 1] = token.data[token.len - 1] == 'A' ? 'Q' : 'A';
    assert_int_not_equal(read_jwt(token.data, &payload), JWT_OK);
}

/* A token signed rightly, whatever its header says. */
static const char *signed_with(const char *header)
{
    struct buf token;
    uint8_t mac[CRYPTO_SHA256];
    buf_init(&token, arena);
    crypto_base64url(&token, header, strlen(header));
    buf_puts(&token, ".");
    crypto_base64url(&token, "{}", 2);
    crypto_hmac_sha256(slice_of("key"), (struct slice){token.data, token.len}, mac);
    buf_puts(&token, ".");
    crypto_base64url(&token, mac, sizeof mac);
    return token.data;
}

static void test_only_hs256_headers_are_taken(void **state)
{
    (void)state;
    struct slice payload;
    assert_int_equal(read_jwt(signed_with("{\"alg\":\"HS256\",\"typ\":\"JWT\"}"), &payload),
                     JWT_OK);
    static const char *const bad[] = {"{\"typ\":\"JWT\",\"alg\":\"none\"}",
                                      "{\"typ\":\"JWT\",\"alg\":\"HS512\"}",
                                      "{\"typ\":\"JWT\",\"alg\":\"hs256\"}",
                                      "{\"alg\":\"HS256\"}",
                                      "{\"typ\":\"JWT\",\"alg\":\"HS256\",\"kid\":\"../../x\"}",
                                      "",
                                      "[]"};
    for (size_t i = 0; i < COUNT_OF(bad); i++)
        assert_int_equal(read_jwt(signed_with(bad[i]), &payload), JWT_SYNTAX);
}

static void test_other_shapes_are_no_jwt(void **state)
{
    (void)state;
    struct slice payload;
    assert_int_equal(read_jwt("", &payload), JWT_SEGMENTS);
    assert_int_equal(read_jwt("a.b", &payload), JWT_SEGMENTS);
    assert_int_equal(read_jwt("a.b.c.d", &payload), JWT_SEGMENTS);
    assert_int_equal(read_jwt("..", &payload), JWT_SYNTAX);
    assert_int_equal(read_jwt("!.b.c", &payload), JWT_SYNTAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_known_digests),
        cmocka_unit_test(test_derived_keys_differ_by_purpose),
        cmocka_unit_test(test_random_texts_have_their_alphabet),
        cmocka_unit_test(test_base64url_is_read_strictly),
        cmocka_unit_test(test_passwords),
        cmocka_unit_test(test_many_threads_may_hash),
        cmocka_unit_test(test_sealed_texts_open_only_as_they_were),
        cmocka_unit_test(test_a_jwt_comes_back),
        cmocka_unit_test(test_only_hs256_headers_are_taken),
        cmocka_unit_test(test_other_shapes_are_no_jwt),
    };
    if (!crypto_open())
        return 1;
    arena = arena_new(4096);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    arena_destroy(arena);
    return failed;
}
