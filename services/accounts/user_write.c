/* user_write.c - making and changing document 003's users. Source: seed 003 "User sign up". */
#include <string.h>
#include <strings.h>

#include "common/crypto.h"
#include "proto/rules.h"
#include "services/accounts/form.h"
#include "services/accounts/hooks.h"
#include "services/accounts/member.h"
#include "services/accounts/secret.h"
#include "services/accounts/user.h"
#include "services/core/check.h"
#include "services/core/service.h"

static const char *const groups[] = {"admin", "member", "visitor", NULL};
static const char *const missing_body = "Missing request data to process validation";

/* A user's fields. The shortest password is a setting, so the table is filled in when used. */
struct user_fields {
    struct field list[5];
};

static struct user_fields user_fields(bool with_group)
{
    return (struct user_fields){
        .list = {
            {"pseudo", F_TEXT, REQUIRED, .min = 4, .max = 100, .chars = CHARS_ALNUM},
            {"email", F_EMAIL, REQUIRED, .min = 5, .max = 191},
            {"password", F_TEXT, REQUIRED | EXACT, .min = service_settings.password_min,
             .max = 255},
            {with_group ? "group_id" : NULL, F_ENUM, REQUIRED, .values = groups},
            {0},
        }};
}

/* A taken value is a conflict that names its field. */
static enum err refuse_taken(struct call *call, const char *field, const char *value, int64_t but)
{
    struct sql sql;
    struct pg_result *result;
    if (value == NULL)
        return ERR_OK;
    sql_init(&sql, call->arena);
    int name = sql_bind(&sql, field), text = sql_bind(&sql, value);
    sql_printf(&sql, "SELECT accounts.is_taken($%d::text, $%d::text, $%d::bigint)", name, text,
               sql_bind_int(&sql, but));
    enum err err = call_run(call, &sql, &result);
    if (err == ERR_OK && pg_true(result, 0, 0))
        return call_fail(
            call, ERR_CONFLICT,
            "Duplicate entry: %s must be unique" IN_FRENCH("Doublon : %s doit être unique"), field,
            field);
    return err;
}

static enum err hash_of(struct call *call, const char *password, const char **hash)
{
    char secret[128];
    if (crypto_password_hash(password, secret) != ERR_OK)
        return call_fail(call, ERR_UNAVAILABLE, NULL);
    *hash = arena_strdup(call->arena, secret);
    return ERR_OK;
}

/* Who lets her in: an admin of the organization, or an invitation. */
struct welcome {
    int64_t organization, invitation; /* invitation 0: by an admin */
    const char *role, *email;         /* of the invitation */
};

static enum err read_invitation(struct call *call, const char *token, struct welcome *welcome)
{
    char hash[65];
    struct sql sql;
    struct pg_result *result;
    secret_hash(token, hash);
    sql_init(&sql, call->arena);
    sql_printf(&sql,
               "SELECT id, organization_id, role, email FROM accounts.invitation_of($%d::text)",
               sql_bind(&sql, arena_strdup(call->arena, hash)));
    enum err err = call_run(call, &sql, &result);
    if (err != ERR_OK)
        return err;
    if (pg_rows(result) == 0)
        return call_fault(call, "invitation_token", RULE_IN, NULL, NULL);
    *welcome = (struct welcome){pg_int(result, 0, 1), pg_int(result, 0, 0), pg_text(result, 0, 2),
                                pg_text(result, 0, 3)};
    return ERR_OK;
}

static enum err find_welcome(struct call *call, struct welcome *welcome)
{
    const struct caller *who = &call->request->who;
    const msgpack_object *token = mp_find(call->body, "invitation_token");
    *welcome = (struct welcome){.organization = who->organization_id};
    if (!mp_is_null(token)) {
        const char *text = mp_text(call->arena, token);
        return text != NULL ? read_invitation(call, text, welcome)
                            : call_fault(call, "invitation_token", RULE_STRING, NULL, NULL);
    }
    if (who->user_id == 0)
        return call_fail(call, ERR_UNAUTHENTICATED, NULL);
    return who->role >= ROLE_ADMIN ? ERR_OK : call_fail(call, ERR_ACL, NULL);
}

static enum err insert_member(struct call *call, int64_t user, const struct welcome *welcome,
                              const char *group)
{
    struct sql sql;
    struct pg_result *result;
    sql_init(&sql, call->arena);
    int who = sql_bind_int(&sql, user);
    int role = sql_bind(&sql, welcome->invitation != 0 ? welcome->role : group);
    sql_printf(&sql,
               "WITH i AS (DELETE FROM accounts.invitations WHERE organization_id = core.org()"
               " AND id = $%d::bigint) INSERT INTO accounts.members (user_id, role)"
               " VALUES ($%d::bigint, $%d::text)",
               sql_bind_int(&sql, welcome->invitation), who, role);
    return call_run(call, &sql, &result);
}

static enum err create(struct call *call, const struct form *form, const char *name,
                       const struct welcome *welcome, int64_t *user)
{
    struct sql sql;
    struct pg_result *result;
    const char *hash = NULL, *pseudo = form_text(form, "pseudo");
    enum err err = hash_of(call, form_text(form, "password"), &hash);
    if (err != ERR_OK)
        return err;
    sql_init(&sql, call->arena);
    int title = sql_bind(&sql, name != NULL ? name : pseudo);
    int email = sql_bind(&sql, form_text(form, "email"));
    int nick = sql_bind(&sql, pseudo), secret = sql_bind(&sql, hash);
    sql_printf(&sql,
               "SELECT accounts.user_create($%d::text, $%d::text, $%d::text, $%d::text,"
               " $%d::boolean)",
               title, email, nick, secret,
               sql_bind(&sql, welcome->invitation != 0 ? "true" : "false"));
    err = call_run(call, &sql, &result);
    if (err == ERR_OK)
        *user = pg_int(result, 0, 0);
    return err;
}

/* Created answers have no deleted_at, and their keys in the order of the document. */
static enum err show_created(struct call *call, int64_t user)
{
    struct sql sql;
    sql_init(&sql, call->arena);
    sql_printf(&sql,
               "SELECT json_build_object('pseudo', u.pseudo::text, 'email', u.email::text,"
               " 'group_id', accounts.group_of(m.role), 'updated_at', core.local(u.updated_at),"
               " 'created_at', core.local(u.created_at), 'id', u.id, 'person',"
               " accounts.person_of(u.id)) FROM accounts.users u JOIN accounts.members m"
               " ON m.user_id = u.id AND m.organization_id = core.org() WHERE u.id = $%d::bigint",
               sql_bind_int(&sql, user));
    return call_json(call, &sql);
}

static enum err judge_signup(struct call *call, const struct welcome *welcome,
                             const struct form *form)
{
    const char *email = form_text(form, "email");
    if (welcome->invitation != 0 && strcasecmp(email, welcome->email) != 0)
        return call_fault(call, "email", RULE_EQUALS, welcome->email, NULL);
    enum err err = refuse_taken(call, "pseudo", form_text(form, "pseudo"), 0);
    return err != ERR_OK ? err : refuse_taken(call, "email", email, 0);
}

enum err signup_op(struct call *call)
{
    struct welcome welcome;
    struct form form;
    const char *person, *name;
    int64_t user = 0;
    enum err err = find_welcome(call, &welcome);
    if (err != ERR_OK)
        return err;
    if (call->body == NULL || call->body->via.map.size == 0)
        return call_fail(call, ERR_MALFORMED, "%s", missing_body);
    struct user_fields fields = user_fields(welcome.invitation == 0);
    err = form_robert(call, call->body, fields.list, false, &form);
    enum err second = user_person(call, false, &person, &name);
    if (err == ERR_OK)
        err = second;
    if (err == ERR_OK)
        err = judge_signup(call, &welcome, &form);
    if (err == ERR_OK)
        err = act_as(call, call->request->who.user_id, welcome.organization);
    if (err == ERR_OK)
        err = create(call, &form, name, &welcome, &user);
    if (err == ERR_OK)
        err = insert_member(call, user, &welcome,
                            welcome.invitation == 0 ? form_text(&form, "group_id") : NULL);
    if (err == ERR_OK)
        err = user_person_set(call, user, person);
    return err != ERR_OK ? err : show_created(call, user);
}

/* A group other than her own changes the role; within a group the finer role stays. */
static enum err change_group(struct call *call, int64_t user, enum role from, const char *group)
{
    if (group == NULL || strcmp(role_group(from), group) == 0)
        return ERR_OK;
    if (call->request->who.role < ROLE_ADMIN)
        return call_fail(call, ERR_ACL, NULL);
    enum role to = role_of(group);
    enum err err = member_may_become(call, user, from, to);
    return err != ERR_OK ? err : member_set_role(call, user, to);
}

static enum err change_password(struct call *call, int64_t user, const char *password)
{
    struct sql sql;
    struct pg_result *result;
    const char *hash = NULL;
    if (password == NULL)
        return ERR_OK;
    enum err err = hash_of(call, password, &hash);
    if (err != ERR_OK)
        return err;
    bool own = user == call->request->who.user_id;
    sql_init(&sql, call->arena);
    int who = sql_bind_int(&sql, user), secret = sql_bind(&sql, hash);
    int token = sql_bind_int(&sql, own ? call->request->who.token_id : 0);
    sql_printf(&sql,
               "SELECT accounts.password_set($%d::bigint, $%d::text, nullif($%d::bigint, 0),"
               " $%d::text)",
               who, secret, token, sql_bind(&sql, own ? credential_of(call) : NULL));
    forget_user(call, user);
    return call_run(call, &sql, &result);
}

static enum err change_names(struct call *call, int64_t user, const struct form *form,
                             const char *name)
{
    struct sql sql;
    struct pg_result *result;
    sql_init(&sql, call->arena);
    int who = sql_bind_int(&sql, user), title = sql_bind(&sql, name);
    int email = sql_bind(&sql, form_text(form, "email"));
    /* her name in another organization is not this one's admin's to change: only its person is */
    sql_printf(&sql,
               "SELECT accounts.user_rename($%d::bigint, CASE WHEN $%d::bigint = core.usr() OR NOT"
               " accounts.is_elsewhere($%d::bigint) THEN $%d::text END, $%d::text, $%d::text)",
               who, who, who, title, email, sql_bind(&sql, form_text(form, "pseudo")));
    return call_run(call, &sql, &result);
}

/* What proves who she is may be changed by an admin only when she works nowhere else, and an
   owner's by owners alone: else one organization's admin could take over another's account. */
static enum err may_change_proof(struct call *call, int64_t user, enum role role,
                                 const struct form *form)
{
    const struct caller *who = &call->request->who;
    bool touched = form_text(form, "pseudo") != NULL || form_text(form, "email") != NULL ||
                   form_text(form, "password") != NULL;
    if (touched && who->abilities != NULL && who->abilities[0] != '\0' &&
        strcmp(who->abilities, "*") != 0) /* else a narrow token could open the whole account */
        return call_fail(call, ERR_ACL, NULL);
    if (!touched || user == who->user_id)
        return ERR_OK;
    if (role == ROLE_OWNER && who->role != ROLE_OWNER)
        return call_fail(call, ERR_ACL, NULL);
    struct sql sql;
    struct pg_result *result;
    sql_init(&sql, call->arena);
    sql_printf(&sql, "SELECT accounts.is_elsewhere($%d::bigint)", sql_bind_int(&sql, user));
    enum err err = call_run(call, &sql, &result);
    if (err == ERR_OK && pg_true(result, 0, 0))
        return call_fail(
            call, ERR_CONFLICT,
            "This user works in another organization too: only she"
            " can change her pseudo, email and password." IN_FRENCH(
                "Cet utilisateur travaille aussi dans une autre organisation : lui seul"
                " peut changer son pseudo, son e-mail et son mot de passe."));
    return err;
}

static enum err has_person(struct call *call, int64_t user, bool *has)
{
    struct sql sql;
    struct pg_result *result;
    sql_init(&sql, call->arena);
    sql_printf(&sql, "SELECT accounts.person_of($%d::bigint) IS NOT NULL",
               sql_bind_int(&sql, user));
    enum err err = call_run(call, &sql, &result);
    *has = err == ERR_OK && pg_true(result, 0, 0);
    return err;
}

/* An empty password means: leave it. form keeps a pointer to the fields. */
static enum err read_update(struct call *call, struct user_fields *fields, struct form *form,
                            const char **person, const char **name)
{
    bool has;
    *fields = user_fields(true);
    if (call->body == NULL || call->body->via.map.size == 0)
        return call_fail(call, ERR_MALFORMED, "%s", missing_body);
    const msgpack_object *password = mp_find(call->body, "password");
    if (password != NULL && (mp_is_null(password) || mp_same(password, "")))
        fields->list[2].flags = EXACT;
    enum err err = has_person(call, call->request->row, &has);
    if (err != ERR_OK)
        return err;
    err = form_robert(call, call->body, fields->list, true, form);
    enum err second = user_person(call, has, person, name);
    return err != ERR_OK ? err : second;
}

enum err user_update(struct call *call)
{
    struct user_fields fields;
    struct form form;
    enum role role;
    const char *person, *name;
    int64_t user = call->request->row;
    enum err err = user_allowed(call, user);
    if (err == ERR_OK)
        err = member_role(call, user, false, NULL, &role);
    if (err == ERR_OK)
        err = read_update(call, &fields, &form, &person, &name);
    if (err == ERR_OK)
        err = may_change_proof(call, user, role, &form);
    if (err == ERR_OK)
        err = refuse_taken(call, "pseudo", form_text(&form, "pseudo"), user);
    if (err == ERR_OK)
        err = refuse_taken(call, "email", form_text(&form, "email"), user);
    if (err == ERR_OK)
        err = change_group(call, user, role, form_text(&form, "group_id"));
    if (err == ERR_OK)
        err = change_names(call, user, &form, name);
    if (err == ERR_OK)
        err = change_password(call, user, form_text(&form, "password"));
    if (err == ERR_OK)
        err = user_person_set(call, user, person);
    return err != ERR_OK ? err : user_show(call, user);
}
