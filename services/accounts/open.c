#include "services/accounts/open.h"

#include <string.h>

#include "proto/identity.h"
#include "services/accounts/secret.h"
#include "services/core/service.h"

enum { SESSION_AGE_S = 30 * 86400 }; /* the cookie's; the row ends 12 h after its last use */

enum err open_token(struct call *call, const char *name, const char **token)
{
    char secret[SECRET_TOKEN + 1], hash[65];
    struct sql sql;
    struct pg_result *result;
    secret_token(secret);
    secret_hash(secret, hash);
    sql_init(&sql, call->arena);
    int title = sql_bind(&sql, name);
    sql_printf(&sql,
               "INSERT INTO accounts.tokens (kind, name, hash) VALUES ('signin', $%d::text,"
               " $%d::text) RETURNING id",
               title, sql_bind(&sql, arena_strdup(call->arena, hash)));
    enum err err = call_run(call, &sql, &result);
    if (err == ERR_OK)
        *token = arena_printf(call->arena, "%s|%s", pg_text(result, 0, 0), secret);
    return err;
}

void put_cookies(struct call *call, const char *session, int64_t age_s)
{
    uint8_t key[32];
    char csrf[44];
    bool secure = service_settings.public_url != NULL &&
                  strncmp(service_settings.public_url, "https:", 6) == 0;
    crypto_derive(service_settings.secret_key, KEY_CSRF, key);
    csrf_token(key, (struct slice){session, strlen(session)}, csrf);
    call_header(call, "Set-Cookie",
                cookie_make(call->arena, COOKIE_SESSION, session, age_s, secure, false));
    call_header(call, "Set-Cookie",
                cookie_make(call->arena, COOKIE_CSRF, age_s == 0 ? "" : csrf, age_s, secure, true));
}

enum err open_session(struct call *call)
{
    char secret[SECRET_SESSION + 1], hash[65];
    struct sql sql;
    struct pg_result *result;
    crypto_random_text(secret, SECRET_SESSION);
    secret_hash(secret, hash);
    sql_init(&sql, call->arena);
    int key = sql_bind(&sql, arena_strdup(call->arena, hash));
    sql_printf(&sql,
               "INSERT INTO accounts.sessions (hash, address, expires_at) VALUES ($%d::text,"
               " $%d::text, now() + interval '12 hours')",
               key, sql_bind(&sql, call->request->address));
    enum err err = call_run(call, &sql, &result);
    if (err == ERR_OK)
        put_cookies(call, arena_strdup(call->arena, secret), SESSION_AGE_S);
    return err;
}
