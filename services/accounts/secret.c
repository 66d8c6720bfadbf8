#include "services/accounts/secret.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "proto/identity.h"

enum { RANDOM = 40 };

void secret_token(char out[SECRET_TOKEN + 1])
{
    crypto_random_text(out, RANDOM);
    snprintf(out + RANDOM, SECRET_TOKEN - RANDOM + 1, "%08" PRIx32, crypto_crc32b(out, RANDOM));
}

void secret_hash(const char *text, char out[65]) { crypto_sha256_hex(text, strlen(text), out); }

const char *cookie_find(struct arena *arena, const char *header, const char *name)
{
    size_t len = strlen(name);
    while (header != NULL && *header != '\0') {
        header += strspn(header, " ;");
        size_t end = strcspn(header, ";");
        if (end > len && strncmp(header, name, len) == 0 && header[len] == '=')
            return arena_strndup(arena, header + len + 1, end - len - 1);
        header += end;
    }
    return NULL;
}

const char *cookie_make(struct arena *arena, const char *name, const char *value, int64_t age_s,
                        bool secure, bool script)
{
    /* The date is for clients that do not know Max-Age. */
    const char *end = age_s > 0 ? "" : "; Expires=Thu, 01 Jan 1970 00:00:00 GMT";
    return arena_printf(arena, "%s=%s; Path=/; Max-Age=%lld%s; SameSite=Lax%s%s", name, value,
                        (long long)age_s, end, script ? "" : "; HttpOnly",
                        secure ? "; Secure" : "");
}

const char *secret_jwt(struct arena *arena, const char *master, const struct jwt_claims *claims)
{
    uint8_t key[32];
    char id[23];
    struct buf out;
    crypto_derive(master, KEY_JWT, key);
    crypto_random_text(id, sizeof(id) - 1); /* two sign-ins of one second stay apart */
    buf_init(&out, arena);
    crypto_jwt(&out, (struct slice){(const char *)key, sizeof key},
               arena_printf(arena,
                            "{\"iat\":%lld,\"exp\":%lld,\"user\":{\"id\":%lld},"
                            "\"organization\":%lld,\"jti\":\"%s\"}",
                            (long long)claims->iat, (long long)claims->exp,
                            (long long)claims->user_id, (long long)claims->organization_id, id));
    return out.data;
}
