/* register.c - a new person with an organization of her own, and the first owner of all. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/crypto.h"
#include "services/accounts/form.h"
#include "services/accounts/hooks.h"
#include "services/accounts/open.h"
#include "services/accounts/settings.h"
#include "services/core/check.h"
#include "services/core/service.h"

static enum err refuse_taken(struct call *call, const struct form *form)
{
    struct sql sql;
    struct pg_result *result;
    sql_init(&sql, call->arena);
    sql_printf(&sql, "SELECT accounts.is_taken('email', $%d::text, NULL)",
               sql_bind(&sql, form_text(form, "email")));
    enum err err = call_run(call, &sql, &result);
    if (err == ERR_OK && pg_true(result, 0, 0))
        return call_fault(call, "email", RULE_UNIQUE, NULL, NULL);
    return err;
}

static enum err read_registration(struct call *call, struct form *form, const char **password)
{
    enum err err = form_read(call, call->body, form);
    enum err second = form_password(call, true, password);
    if (form_text(form, "email") != NULL) {
        enum err third = refuse_taken(call, form);
        if (third != ERR_OK)
            return third;
    }
    return err != ERR_OK ? err : second;
}

static enum err create(struct call *call, const struct form *form, const char *hash)
{
    struct sql sql;
    struct pg_result *result;
    sql_init(&sql, call->arena);
    int name = sql_bind(&sql, form_text(form, "name"));
    int email = sql_bind(&sql, form_text(form, "email"));
    int secret = sql_bind(&sql, hash);
    int organization = sql_bind(&sql, form_text(form, "organization_name"));
    sql_printf(&sql,
               "SELECT user_id, organization_id FROM accounts.register($%d::text, $%d::text, NULL,"
               " $%d::text, $%d::text, $%d::text)",
               name, email, secret, organization, sql_bind(&sql, form_text(form, "timezone")));
    enum err err = call_run(call, &sql, &result);
    return err != ERR_OK ? err : act_as(call, pg_int(result, 0, 0), pg_int(result, 0, 1));
}

enum err register_op(struct call *call)
{
    struct form form;
    const char *password, *token;
    char hash[128];
    enum err err = read_registration(call, &form, &password);
    if (err == ERR_OK)
        err = crypto_password_hash(password, hash);
    if (err == ERR_OK)
        err = create(call, &form, arena_strdup(call->arena, hash));
    if (err == ERR_OK)
        err = open_token(call, "register", &token);
    if (err == ERR_OK)
        err = open_session(call);
    if (err != ERR_OK)
        return err;
    struct sql sql;
    sql_init(&sql, call->arena);
    sql_printf(&sql,
               "SELECT json_build_object('user', json_build_object('id', u.id, 'name', u.name,"
               " 'email', u.email::text), 'organization', json_build_object('id', o.id, 'name',"
               " o.name, 'slug', o.slug), 'token', $%d::text) FROM accounts.users u,"
               " accounts.organizations o WHERE u.id = core.usr() AND o.id = core.org()",
               sql_bind(&sql, token));
    return call_json(call, &sql);
}

const char *const owner_options[] = {"--ensure-owner", NULL};

/* NULL: somebody is there already; text with the error otherwise. */
static const char *make_owner(struct pg *pg, struct arena *arena, const char *password, bool *made)
{
    char hash[128];
    struct sql sql;
    struct pg_result *result;
    struct pg_fault fault = {0};
    if (crypto_password_hash(password, hash) != ERR_OK)
        return "not enough memory to hash the password";
    sql_init(&sql, arena);
    int email = sql_bind(&sql, owner_settings.email);
    int pseudo = sql_bind(&sql, owner_settings.pseudo);
    int secret = sql_bind(&sql, hash);
    sql_printf(&sql, "SELECT accounts.first_owner($%d::text, $%d::text, $%d::text, $%d::text)",
               email, pseudo, secret, sql_bind(&sql, owner_settings.organization));
    if (pg_begin(pg, 0, 0, 60000) != ERR_OK || pg_run(pg, arena, &sql, &result, &fault) != ERR_OK)
        return fault.message != NULL ? fault.message : "no database";
    *made = pg_text(result, 0, 0) != NULL;
    return pg_commit(pg, &fault) == ERR_OK ? NULL : "the database did not commit";
}

static bool is_empty(struct pg *pg, struct arena *arena)
{
    struct sql sql;
    struct pg_result *result;
    struct pg_fault fault = {0};
    sql_init(&sql, arena);
    sql_puts(&sql, "SELECT accounts.is_empty()");
    return pg_run(pg, arena, &sql, &result, &fault) != ERR_OK || pg_true(result, 0, 0);
}

static const char *judge_settings(struct arena *arena, const char *password)
{
    if (!text_is_email(owner_settings.email))
        return "BUREAU_ADMIN_EMAIL is no e-mail address";
    int64_t pseudo = text_length(owner_settings.pseudo);
    if (pseudo < 4 || pseudo > 100 || !text_is_of(owner_settings.pseudo, CHARS_ALNUM))
        return "BUREAU_ADMIN_PSEUDO has to be 4 to 100 letters and digits";
    int64_t name = text_length(owner_settings.organization);
    if (name < 1 || name > 255)
        return "BUREAU_ADMIN_ORGANIZATION has to be 1 to 255 characters";
    if (password != NULL && text_length(password) < service_settings.password_min)
        return arena_printf(arena,
                            "BUREAU_ADMIN_PASSWORD is shorter than BUREAU_PASSWORD_MIN (%lld)",
                            (long long)service_settings.password_min);
    return NULL;
}

int owner_option(const char *option, int argc, char **argv)
{
    (void)option, (void)argc, (void)argv;
    struct arena *arena = arena_new(1 << 16);
    char generated[21];
    bool made = false;
    bool given = owner_settings.password != NULL && owner_settings.password[0] != '\0';
    const char *password = given ? owner_settings.password : NULL;
    const char *reason = judge_settings(arena, password);
    struct pg *pg = reason == NULL ? service_connect("bureau-accounts owner") : NULL;
    crypto_random_text(generated, sizeof(generated) - 1);
    if (pg != NULL && !pg_connected(pg))
        reason = pg_reason(pg);
    if (reason == NULL && is_empty(pg, arena))
        reason = make_owner(pg, arena, password != NULL ? password : generated, &made);
    if (reason != NULL)
        fprintf(stderr, "bureau-accounts: %s\n", reason);
    else if (made && password == NULL)
        printf("admin %s password %s\n", owner_settings.email, generated);
    if (pg != NULL)
        pg_close(pg);
    arena_destroy(arena);
    return reason == NULL ? 0 : 1;
}
