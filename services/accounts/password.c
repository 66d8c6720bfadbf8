/* password.c - a forgotten password, and a new one by the mailed secret. */
#include <string.h>

#include "common/crypto.h"
#include "services/accounts/form.h"
#include "services/accounts/hooks.h"
#include "services/accounts/mail_text.h"
#include "services/accounts/secret.h"
#include "services/core/service.h"

enum { RESET_MINUTES = 60 };

static const char *const no_reset = "This password reset token is invalid.";

enum err forgot_password(struct call *call)
{
    struct form form;
    struct sql sql;
    struct pg_result *result;
    char token[SECRET_LINK + 1], hash[65];
    enum err err = form_read(call, call->body, &form);
    if (err != ERR_OK)
        return err;
    const char *email = form_text(&form, "email"), *base = service_settings.public_url;
    crypto_random_text(token, SECRET_LINK);
    secret_hash(token, hash);
    sql_init(&sql, call->arena);
    int address = sql_bind(&sql, email), key = sql_bind(&sql, arena_strdup(call->arena, hash));
    int subjects[3], bodies[3]; /* accounts.reset_start takes those of her language */
    static const char *const languages[3] = {"EN", "FR", "NL"};
    for (size_t i = 0; i < COUNT_OF(languages); i++) {
        struct mail_text text =
            mail_reset(call->arena, languages[i], base, email, token, RESET_MINUTES);
        subjects[i] = sql_bind(&sql, text.subject);
        bodies[i] = sql_bind(&sql, text.body);
    }
    sql_printf(&sql,
               "SELECT accounts.reset_start($%d::text, $%d::text,"
               " ARRAY[$%d::text, $%d::text, $%d::text],"
               " ARRAY[$%d::text, $%d::text, $%d::text])",
               address, key, subjects[0], subjects[1], subjects[2], bodies[0], bodies[1],
               bodies[2]);
    answer(call, "{\"message\":\"We have emailed your password reset link.\"}");
    return call_run(call, &sql, &result);
}

static enum err find_reset(struct call *call, const struct form *form, const char *hash,
                           int64_t *user)
{
    struct sql sql;
    struct pg_result *result;
    sql_init(&sql, call->arena);
    int email = sql_bind(&sql, form_text(form, "email"));
    sql_printf(&sql, "SELECT accounts.reset_of($%d::text, $%d::text)", email, sql_bind(&sql, hash));
    enum err err = call_run(call, &sql, &result);
    if (err != ERR_OK)
        return err;
    *user = pg_int(result, 0, 0);
    return *user == 0 ? call_fault_said(call, "email", "%s", no_reset) : ERR_OK;
}

static enum err use_reset(struct call *call, int64_t user, const char *hash, const char *password)
{
    char secret[128];
    struct sql sql;
    struct pg_result *result;
    enum err err = crypto_password_hash(password, secret);
    if (err != ERR_OK)
        return call_fail(call, err, NULL);
    sql_init(&sql, call->arena);
    int who = sql_bind_int(&sql, user), key = sql_bind(&sql, hash);
    sql_printf(&sql, "SELECT accounts.reset_use($%d::bigint, $%d::text, $%d::text)", who, key,
               sql_bind(&sql, arena_strdup(call->arena, secret)));
    err = call_run(call, &sql, &result);
    if (err == ERR_OK && !pg_true(result, 0, 0))
        return call_fault_said(call, "email", "%s", no_reset);
    return err;
}

enum err reset_password(struct call *call)
{
    struct form form;
    char text[65];
    int64_t user = 0;
    const char *password;
    enum err err = form_read(call, call->body, &form);
    enum err second = form_password(call, true, &password);
    if (err != ERR_OK || second != ERR_OK)
        return ERR_INVALID;
    secret_hash(form_text(&form, "token"), text);
    const char *hash = arena_strdup(call->arena, text);
    err = find_reset(call, &form, hash, &user);
    if (err == ERR_OK)
        err = use_reset(call, user, hash, password);
    if (err != ERR_OK)
        return err;
    forget_user(call, user);
    answer(call, "{\"message\":\"Your password has been reset.\"}");
    return ERR_OK;
}
