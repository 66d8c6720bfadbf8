#include "common/crypto.h"

#include <pthread.h>
#include <semaphore.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <zlib.h>

enum { HASH_OPS = 2, HASH_BYTES = 19 << 20, HASHES_AT_ONCE = 2 };

static sem_t hashing; /* each hash takes 19 MiB: the bound keeps the process small */
static char nobody[128];

bool crypto_open(void) { return sodium_init() >= 0 && sem_init(&hashing, 0, HASHES_AT_ONCE) == 0; }

/* A signal may end the wait early; the bound must hold all the same. */
static void enter(void)
{
    while (sem_wait(&hashing) != 0)
        continue;
}

void crypto_random(void *out, size_t len) { randombytes_buf(out, len); }

void crypto_random_text(char *out, size_t n)
{
    static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
    for (size_t i = 0; i < n; i++)
        out[i] = alphabet[randombytes_uniform(sizeof alphabet - 1)];
    out[n] = '\0';
}

void crypto_uuid(char *out)
{
    /* One system call for many: ids name things, they keep no secret. */
    static _Thread_local uint8_t pool[1024];
    static _Thread_local size_t left;
    if (left == 0) {
        randombytes_buf(pool, sizeof pool);
        left = sizeof pool;
    }
    left -= 16;
    uint8_t *b = pool + left;
    b[6] = (uint8_t)((b[6] & 0x0f) | 0x40);
    b[8] = (uint8_t)((b[8] & 0x3f) | 0x80);
    snprintf(out, 37, "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x", b[0],
             b[1], b[2], b[3], b[4], b[5], b[6], b[7], b[8], b[9], b[10], b[11], b[12], b[13],
             b[14], b[15]);
}

void crypto_sha256(const void *data, size_t len, uint8_t out[CRYPTO_SHA256])
{
    crypto_hash_sha256(out, data, len);
}

void crypto_sha256_hex(const void *data, size_t len, char out[65])
{
    uint8_t digest[CRYPTO_SHA256];
    crypto_sha256(data, len, digest);
    sodium_bin2hex(out, 65, digest, sizeof digest);
}

void crypto_hmac_sha256(struct slice key, struct slice text, uint8_t out[CRYPTO_SHA256])
{
    crypto_auth_hmacsha256_state state;
    crypto_auth_hmacsha256_init(&state, (const unsigned char *)key.data, key.len);
    crypto_auth_hmacsha256_update(&state, (const unsigned char *)text.data, text.len);
    crypto_auth_hmacsha256_final(&state, out);
}

void crypto_derive(const char *master, const char *purpose, uint8_t out[32])
{
    crypto_hmac_sha256((struct slice){master, strlen(master)},
                       (struct slice){purpose, strlen(purpose)}, out);
}

bool crypto_same(const void *a, const void *b, size_t len) { return sodium_memcmp(a, b, len) == 0; }

uint32_t crypto_crc32b(const void *data, size_t len) { return (uint32_t)crc32(0, data, (uInt)len); }

static void put_base64(struct buf *out, const void *data, size_t len, int variant)
{
    size_t room = sodium_base64_encoded_len(len, variant);
    char *text = arena_alloc(out->arena, room);
    sodium_bin2base64(text, room, data, len, variant);
    buf_puts(out, text);
}

void crypto_base64url(struct buf *out, const void *data, size_t len)
{
    put_base64(out, data, len, sodium_base64_VARIANT_URLSAFE_NO_PADDING);
}

void crypto_base64url_of_32(const uint8_t bytes[32], char out[44])
{
    sodium_bin2base64(out, 44, bytes, 32, sodium_base64_VARIANT_URLSAFE_NO_PADDING);
}

void crypto_base64(struct buf *out, const void *data, size_t len)
{
    put_base64(out, data, len, sodium_base64_VARIANT_ORIGINAL);
}

bool crypto_base64url_read(struct arena *arena, struct slice text, struct slice *out)
{
    unsigned char *bytes = arena_alloc(arena, text.len + 1);
    size_t len;
    if (sodium_base642bin(bytes, text.len, text.data, text.len, NULL, &len, NULL,
                          sodium_base64_VARIANT_URLSAFE_NO_PADDING) != 0)
        return false;
    *out = (struct slice){(const char *)bytes, len};
    return true;
}

enum err crypto_password_hash(const char *password, char hash[128])
{
    enter();
    int failed = crypto_pwhash_str(hash, password, strlen(password), HASH_OPS, HASH_BYTES);
    sem_post(&hashing);
    return failed ? ERR_UNAVAILABLE : ERR_OK;
}

static void make_nobody(void)
{
    char password[33];
    crypto_random_text(password, 32);
    if (crypto_password_hash(password, nobody) != ERR_OK)
        nobody[0] = '\0';
}

bool crypto_password_verify(const char *hash_or_null, const char *password)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    if (hash_or_null == NULL)
        pthread_once(&once, make_nobody);
    const char *hash = hash_or_null == NULL ? nobody : hash_or_null;
    enter();
    bool same = crypto_pwhash_str_verify(hash, password, strlen(password)) == 0;
    sem_post(&hashing);
    return same && hash_or_null != NULL;
}

enum {
    NONCE = crypto_aead_xchacha20poly1305_ietf_NPUBBYTES,
    MAC = crypto_aead_xchacha20poly1305_ietf_ABYTES,
};

void crypto_seal(struct buf *out, const uint8_t key[32], const char *associated, struct slice plain)
{
    unsigned char *box = arena_alloc(out->arena, NONCE + plain.len + MAC);
    unsigned long long len;
    randombytes_buf(box, NONCE);
    crypto_aead_xchacha20poly1305_ietf_encrypt(box + NONCE, &len, (const unsigned char *)plain.data,
                                               plain.len, (const unsigned char *)associated,
                                               strlen(associated), NULL, box, key);
    crypto_base64url(out, box, NONCE + (size_t)len);
}

bool crypto_unseal(struct arena *arena, const uint8_t key[32], const char *associated,
                   const char *sealed, struct slice *plain)
{
    struct slice box;
    if (!crypto_base64url_read(arena, (struct slice){sealed, strlen(sealed)}, &box) ||
        box.len < NONCE + MAC)
        return false;
    unsigned char *text = arena_alloc(arena, box.len);
    unsigned long long len;
    const unsigned char *bytes = (const unsigned char *)box.data;
    if (crypto_aead_xchacha20poly1305_ietf_decrypt(text, &len, NULL, bytes + NONCE, box.len - NONCE,
                                                   (const unsigned char *)associated,
                                                   strlen(associated), bytes, key) != 0)
        return false;
    *plain = (struct slice){(const char *)text, (size_t)len};
    return true;
}

static const char *const jwt_headers[] = {"{\"typ\":\"JWT\",\"alg\":\"HS256\"}",
                                          "{\"alg\":\"HS256\",\"typ\":\"JWT\"}"};

void crypto_jwt(struct buf *out, struct slice key, const char *claims_json)
{
    size_t start = out->len;
    uint8_t mac[CRYPTO_SHA256];
    crypto_base64url(out, jwt_headers[0], strlen(jwt_headers[0]));
    buf_putc(out, '.');
    crypto_base64url(out, claims_json, strlen(claims_json));
    crypto_hmac_sha256(key, (struct slice){out->data + start, out->len - start}, mac);
    buf_putc(out, '.');
    crypto_base64url(out, mac, sizeof mac);
}

enum jwt_fault crypto_jwt_read(struct arena *arena, struct slice key, const char *token,
                               struct slice *payload)
{
    const char *first = strchr(token, '.');
    const char *second = first == NULL ? NULL : strchr(first + 1, '.');
    if (second == NULL || strchr(second + 1, '.') != NULL)
        return JWT_SEGMENTS;
    struct slice header, mac;
    if (!crypto_base64url_read(arena, (struct slice){token, (size_t)(first - token)}, &header) ||
        !crypto_base64url_read(arena, (struct slice){first + 1, (size_t)(second - first - 1)},
                               payload) ||
        !crypto_base64url_read(arena, (struct slice){second + 1, strlen(second + 1)}, &mac))
        return JWT_SYNTAX;
    bool known = false;
    for (size_t i = 0; i < COUNT_OF(jwt_headers); i++)
        known = known || (header.len == strlen(jwt_headers[i]) &&
                          memcmp(header.data, jwt_headers[i], header.len) == 0);
    if (!known)
        return JWT_SYNTAX;
    uint8_t expected[CRYPTO_SHA256];
    crypto_hmac_sha256(key, (struct slice){token, (size_t)(second - token)}, expected);
    if (mac.len != sizeof expected || !crypto_same(mac.data, expected, sizeof expected))
        return JWT_SIGNATURE;
    return JWT_OK;
}
