/*
 * secret.h - the random texts that prove who somebody is, and the cookies they travel in. Pure but
 * for the randomness. Source: crm.md 5.1, decisions.md 3, proto/identity.h.
 */
#ifndef ACCOUNTS_SECRET_H
#define ACCOUNTS_SECRET_H

#include "common/crypto.h"

enum { SECRET_TOKEN = 48, SECRET_SESSION = 64, SECRET_LINK = 40 };

/* 40 random characters and their CRC-32 as 8 hex digits, which lets a scanner tell a leaked token
   from other text. */
void secret_token(char out[SECRET_TOKEN + 1]);
/* SHA-256 of a text as hex: all that is kept of it. */
void secret_hash(const char *text, char out[65]);
/* Value of a cookie in a Cookie header, or NULL. */
const char *cookie_find(struct arena *arena, const char *header_or_null, const char *name);
/* A Set-Cookie value. age_s 0 ends the cookie; script: readable by scripts. */
const char *cookie_make(struct arena *arena, const char *name, const char *value, int64_t age_s,
                        bool secure, bool script);
/* HS256 token of document 003: {"iat","exp","user":{"id"},"organization","jti"}. */
struct jwt_claims {
    int64_t iat, exp, user_id, organization_id; /* seconds; organization 0: none */
};
const char *secret_jwt(struct arena *arena, const char *master, const struct jwt_claims *claims);

#endif
