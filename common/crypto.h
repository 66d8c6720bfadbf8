/*
 * crypto.h - the only home of libsodium: random, hashes, HMAC, base64url, sealing, passwords.
 * crypto_open() once before any thread; everything else is thread-safe.
 */
#ifndef COMMON_CRYPTO_H
#define COMMON_CRYPTO_H

#include "common/buf.h"
#include "common/err.h"

enum { CRYPTO_SHA256 = 32 };

bool crypto_open(void) MUST_USE;
void crypto_random(void *out, size_t len);
/* n characters of [A-Za-z0-9], terminated: out has n + 1 bytes. */
void crypto_random_text(char *out, size_t n);
/* Random version 4 UUID as 36 characters, terminated: out[37]. */
void crypto_uuid(char *out);
void crypto_sha256(const void *data, size_t len, uint8_t out[CRYPTO_SHA256]);
void crypto_sha256_hex(const void *data, size_t len, char out[65]);
void crypto_hmac_sha256(struct slice key, struct slice text, uint8_t out[CRYPTO_SHA256]);
/* Derives 32 bytes for one purpose from the master key text. */
void crypto_derive(const char *master, const char *purpose, uint8_t out[32]);
bool crypto_same(const void *a, const void *b, size_t len) MUST_USE; /* constant time */
uint32_t crypto_crc32b(const void *data, size_t len);
/* base64url without padding. */
void crypto_base64url(struct buf *out, const void *data, size_t len);
/* Exactly 32 bytes: 43 characters, terminated. */
void crypto_base64url_of_32(const uint8_t bytes[32], char out[44]);
bool crypto_base64url_read(struct arena *arena, struct slice text, struct slice *out) MUST_USE;
void crypto_base64(struct buf *out, const void *data, size_t len); /* with padding */
/* argon2id, t=2 m=19 MiB; bounded to 2 at once in a process. hash has 128 bytes. */
enum err crypto_password_hash(const char *password, char hash[128]) MUST_USE;
/* Constant work also when hash is NULL (unknown account): false then. */
bool crypto_password_verify(const char *hash_or_null, const char *password) MUST_USE;
/* XChaCha20-Poly1305 with associated text; sealed = nonce + box, base64url. */
void crypto_seal(struct buf *out, const uint8_t key[32], const char *associated,
                 struct slice plain);
bool crypto_unseal(struct arena *arena, const uint8_t key[32], const char *associated,
                   const char *sealed, struct slice *plain) MUST_USE;
/* JWT HS256. claims is a JSON object text; the reader accepts only {"typ":"JWT","alg":"HS256"} in
   either order and returns the payload's JSON without judging exp. */
void crypto_jwt(struct buf *out, struct slice key, const char *claims_json);
enum jwt_fault { JWT_OK, JWT_SEGMENTS, JWT_SYNTAX, JWT_SIGNATURE };
enum jwt_fault crypto_jwt_read(struct arena *arena, struct slice key, const char *token,
                               struct slice *payload) MUST_USE;

#endif
