/* session.c - ending what a call came with, the CSRF cookie, and who a call is. */
#include <string.h>

#include "proto/identity.h"
#include "services/accounts/end.h"
#include "services/accounts/form.h"
#include "services/accounts/hooks.h"
#include "services/accounts/open.h"
#include "services/accounts/secret.h"

static const char *session_cookie(const struct call *call)
{
    return cookie_find(call->arena, call->request->headers[HEADER_COOKIE], COOKIE_SESSION);
}

static enum err end_session(struct call *call)
{
    const char *cookie = session_cookie(call);
    if (cookie == NULL)
        return ERR_OK;
    char hash[65];
    struct sql sql;
    struct pg_result *result;
    secret_hash(cookie, hash);
    sql_init(&sql, call->arena);
    sql_printf(&sql, "DELETE FROM accounts.sessions WHERE hash = $%d::text",
               sql_bind(&sql, arena_strdup(call->arena, hash)));
    put_cookies(call, "", 0);
    call->reply->forget = arena_printf(call->arena, "tok:%s", hash);
    return call_run(call, &sql, &result);
}

static enum err end_token(struct call *call)
{
    struct sql sql;
    struct pg_result *result;
    sql_init(&sql, call->arena);
    sql_printf(&sql, "DELETE FROM accounts.tokens WHERE id = $%d::bigint AND user_id = core.usr()",
               sql_bind_int(&sql, call->request->who.token_id));
    return call_run(call, &sql, &result);
}

static enum err end_jwt(struct call *call, const char *hash)
{
    struct sql sql;
    struct pg_result *result;
    sql_init(&sql, call->arena);
    sql_printf(&sql,
               "INSERT INTO accounts.jwts (hash, state, forget_at) VALUES ($%d::text, 'revoked',"
               " now() + interval '32 days') ON CONFLICT (hash) DO UPDATE SET state = 'revoked'",
               sql_bind(&sql, hash));
    return call_run(call, &sql, &result);
}

enum err end_credential(struct call *call)
{
    const struct caller *who = &call->request->who;
    const char *hash = credential_of(call);
    enum err err = ERR_OK;
    if (who->token_id != 0)
        err = end_token(call);
    else if (!who->session && hash != NULL)
        err = end_jwt(call, hash);
    if (err == ERR_OK) /* a browser may hold both a token and a session */
        err = end_session(call);
    if (hash != NULL)
        call->reply->forget = arena_printf(call->arena, "%s%stok:%s",
                                           call->reply->forget != NULL ? call->reply->forget : "",
                                           call->reply->forget != NULL ? " " : "", hash);
    forget_user(call, who->user_id);
    return err;
}

enum err logout_op(struct call *call)
{
    answer(call, "{\"message\":\"Logged out successfully.\"}");
    return end_credential(call);
}

/* A visitor without a session gets a random value that stands for nobody: it is enough to carry
   the pair of cookies until she signs in, when both are made anew. */
enum err csrf_cookie(struct call *call)
{
    const char *cookie = session_cookie(call);
    if (cookie == NULL || strlen(cookie) != SECRET_SESSION) {
        char value[SECRET_SESSION + 1];
        crypto_random_text(value, SECRET_SESSION);
        cookie = arena_strdup(call->arena, value);
    }
    put_cookies(call, cookie, 7200);
    call->reply->status = 204;
    answer(call, "");
    return ERR_OK;
}

enum err me_op(struct call *call)
{
    struct sql sql;
    sql_init(&sql, call->arena);
    sql_printf(
        &sql,
        "SELECT json_build_object('id', u.id, 'name', u.name, 'email', u.email::text,"
        " 'pseudo', u.pseudo::text, 'email_verified_at', core.iso(u.email_verified_at),"
        " 'created_at', core.iso(u.created_at), 'updated_at', core.iso(u.updated_at),"
        " 'role', accounts.role_word(m.role), 'role_id', NULL, 'language', u.language,"
        " 'timezone', u.zone, 'organization', CASE WHEN o.id IS NOT NULL THEN"
        " json_build_object('id', o.id, 'name', o.name, 'slug', o.slug, 'role', m.role) END)"
        " FROM accounts.users u LEFT JOIN accounts.organizations o ON o.id ="
        " coalesce(nullif($%d::bigint, 0), accounts.home_of(u.id)) LEFT JOIN accounts.members m"
        " ON m.organization_id = o.id AND m.user_id = u.id WHERE u.id = core.usr()",
        sql_bind_int(&sql, call->request->who.organization_id));
    return call_json(call, &sql);
}
