/*
 * login.c - the three ways to sign in with a password: documents 001, 000 and 003.
 */
#include <string.h>

#include "services/accounts/form.h"
#include "services/accounts/hooks.h"
#include "services/accounts/open.h"
#include "services/accounts/prove.h"
#include "services/accounts/secret.h"
#include "services/core/check.h"
#include "services/core/service.h"

/* For the ops' run, once admit has seen the password: what the token is to be called, or NULL. */
struct opening {
    const char *name;
};

static enum err prove_email(struct call *call, const char *refusal)
{
    struct opening *opening = arena_alloc(call->arena, sizeof *opening);
    struct form form;
    enum err err = form_read(call, call->body, &form);
    if (err != ERR_OK)
        return err;
    struct proof proof = {.identifier = form_text(&form, "email"),
                          .password = form_text(&form, "password")};
    err = prove(call, &proof);
    if (err == ERR_OK && proof.user_id == 0)
        err = call_fault_said(call, "email", "%s", refusal);
    opening->name = form_text(&form, "device_name");
    call->proven = proof.user_id;
    call->service = opening;
    return err;
}

static enum err open_named(struct call *call, const char *otherwise, const char **token)
{
    const struct opening *opening = call->service;
    enum err err = act_as(call, call->proven, 0);
    return err != ERR_OK
               ? err
               : open_token(call, opening->name != NULL ? opening->name : otherwise, token);
}

enum err login_admit(struct call *call)
{
    return prove_email(call, "These credentials do not match our records.");
}

enum err login_op(struct call *call)
{
    const char *token;
    struct sql sql;
    enum err err = open_named(call, "login", &token);
    if (err == ERR_OK)
        err = open_session(call);
    if (err != ERR_OK)
        return err;
    sql_init(&sql, call->arena);
    sql_printf(&sql,
               "SELECT json_build_object('user', json_build_object('id', id, 'name', name,"
               " 'email', email::text), 'token', $%d::text) FROM accounts.users"
               " WHERE id = core.usr()",
               sql_bind(&sql, token));
    return call_json(call, &sql);
}

enum err token_admit(struct call *call)
{
    return prove_email(call, "The provided credentials are incorrect.");
}

enum err token_login(struct call *call)
{
    const char *token;
    struct sql sql;
    enum err err = open_named(call, "api-token", &token);
    if (err != ERR_OK)
        return err;
    sql_init(&sql, call->arena);
    sql_printf(&sql,
               "SELECT json_build_object('token', $%d::text, 'user', json_build_object('id', id,"
               " 'name', name, 'email', email::text, 'role', accounts.role_word((SELECT role FROM"
               " accounts.members WHERE user_id = core.usr() AND organization_id ="
               " accounts.home_of(core.usr()))))) FROM accounts.users WHERE id = core.usr()",
               sql_bind(&sql, token));
    return call_json(call, &sql);
}

/* A key without a fault of its own stands there with an empty list: clients read both. */
static enum err say_signin(struct call *call, const char *key, const char *first,
                           const char *second)
{
    if (first[0] != '\0' || second[0] == '\0')
        (void)call_fault_said(call, key, "%s", first);
    if (second[0] != '\0')
        (void)call_fault_said(call, key, "%s", second);
    return ERR_INVALID;
}

/* Source: document 003's bound and its newest words, never translated (rentals.md 2). The least
   length of new passwords has no say here: raising it must lock nobody out. */
static enum err read_signin(struct call *call, struct proof *proof)
{
    enum { IDENTIFIER_MAX = 1024, PASSWORD_MIN = 4 /* itself included */ };
    const msgpack_object *secret = mp_find(call->body, "password");
    const char *name = mp_text(call->arena, mp_find(call->body, "identifier"));
    const char *password = mp_text(call->arena, secret);
    proof->identifier = name == NULL ? "" : text_trim(call->arena, name);
    proof->password = password == NULL ? "" : password;
    bool nameless = proof->identifier[0] == '\0';
    bool endless = strlen(proof->identifier) > IDENTIFIER_MAX;
    bool empty = proof->password[0] == '\0';
    bool brief = secret != NULL && text_length(proof->password) < PASSWORD_MIN;
    if (!nameless && !endless && !empty && !brief)
        return ERR_OK;
    (void)say_signin(call, "identifier", nameless ? "Identifier must not be empty" : "",
                     endless ? "Identifier must have a length lower than 1024" : "");
    return say_signin(call, "password", empty ? "Password must not be empty" : "",
                      brief ? "Password must have a length greater than 4" : "");
}

enum err signin_admit(struct call *call)
{
    struct proof proof = {.pseudo_too = true};
    enum err err = read_signin(call, &proof);
    if (err == ERR_OK)
        err = prove(call, &proof);
    if (err == ERR_OK && proof.user_id == 0)
        err = call_fail(call, ERR_NOT_FOUND, NULL);
    call->proven = proof.user_id;
    return err;
}

enum err signin_op(struct call *call)
{
    struct sql sql;
    struct pg_result *result;
    sql_init(&sql, call->arena);
    sql_printf(&sql,
               "SELECT coalesce(accounts.home_of($%d::bigint), 0), iat, hours"
               " FROM accounts.jwt_start($1::bigint)",
               sql_bind_int(&sql, call->proven));
    enum err err = call_run(call, &sql, &result);
    if (err != ERR_OK)
        return err;
    struct jwt_claims claims = {.iat = pg_int(result, 0, 1),
                                .exp = pg_int(result, 0, 1) + pg_int(result, 0, 2) * 3600,
                                .user_id = call->proven,
                                .organization_id = pg_int(result, 0, 0)};
    const char *token = secret_jwt(call->arena, service_settings.secret_key, &claims);
    err = act_as(call, call->proven, claims.organization_id);
    if (err == ERR_OK)
        err = open_session(call);
    if (err != ERR_OK)
        return err;
    call_header(call, "Cache-Control", "private, no-cache");
    sql_init(&sql, call->arena);
    sql_printf(&sql,
               "SELECT json_build_object('user', accounts.signin_json(core.usr()), 'token',"
               " $%d::text)",
               sql_bind(&sql, token));
    return call_json(call, &sql);
}
