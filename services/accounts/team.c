/* team.c - who belongs to the organization. Source: seed 001 "Team Management Endpoints". */
#include <string.h>

#include "services/accounts/form.h"
#include "services/accounts/hooks.h"
#include "services/accounts/mail_text.h"
#include "services/accounts/member.h"
#include "services/accounts/secret.h"
#include "services/core/service.h"

static const char *const missing = "User not found.";

enum err team_list(struct call *call)
{
    struct sql sql;
    sql_init(&sql, call->arena);
    sql_puts(&sql,
             "SELECT json_build_object('data', (SELECT coalesce(json_agg(json_build_object('id',"
             " u.id, 'name', u.name, 'email', u.email::text, 'role', m.role, 'joined_at',"
             " core.iso(m.joined_at)) ORDER BY m.joined_at, u.id), '[]') FROM accounts.members m"
             " JOIN accounts.users u ON u.id = m.user_id WHERE m.organization_id = core.org()"
             " AND m.deleted_at IS NULL), 'pending_invitations', (SELECT coalesce(json_agg("
             "json_build_object('email', i.email::text, 'role', i.role, 'invited_at',"
             " core.iso(i.invited_at), 'expires_at', core.iso(i.expires_at))"
             " ORDER BY i.invited_at, i.id), '[]') FROM accounts.invitations i"
             " WHERE i.organization_id = core.org() AND i.expires_at > now()))");
    return call_json(call, &sql);
}

static enum err refuse_member(struct call *call, const char *email)
{
    struct sql sql;
    struct pg_result *result;
    sql_init(&sql, call->arena);
    sql_printf(&sql,
               "SELECT FROM accounts.members m JOIN accounts.users u ON u.id = m.user_id"
               " WHERE m.organization_id = core.org() AND m.deleted_at IS NULL"
               " AND u.email = $%d::text::citext",
               sql_bind(&sql, email));
    enum err err = call_run(call, &sql, &result);
    if (err == ERR_OK && pg_rows(result) > 0)
        return call_fault_said(call, "email",
                               "This person is already a member of the organization.");
    return err;
}

/* The organization's name, the inviter's, and the language to write in. */
static enum err plan_mail(struct call *call, const char *token, struct mail_text *text)
{
    struct sql sql;
    struct pg_result *result;
    sql_init(&sql, call->arena);
    sql_puts(&sql, "SELECT o.name, u.name, accounts.org_setting('language')"
                   " FROM accounts.organizations o, accounts.users u"
                   " WHERE o.id = core.org() AND u.id = core.usr()");
    enum err err = row_of(call, &sql, NULL, &result);
    if (err == ERR_OK)
        *text = mail_invitation(call->arena, pg_text(result, 0, 2), service_settings.public_url,
                                pg_text(result, 0, 0), pg_text(result, 0, 1), token);
    return err;
}

/* A second invitation of the same person takes the place of the first. */
static enum err invite(struct call *call, const struct form *form)
{
    char secret[SECRET_LINK + 1], hash[65];
    struct mail_text text;
    struct sql sql;
    crypto_random_text(secret, SECRET_LINK);
    secret_hash(secret, hash);
    enum err err = plan_mail(call, secret, &text);
    if (err != ERR_OK)
        return err;
    sql_init(&sql, call->arena);
    int email = sql_bind(&sql, form_text(form, "email"));
    int role = sql_bind(&sql, form_text(form, "role"));
    int key = sql_bind(&sql, arena_strdup(call->arena, hash));
    int subject = sql_bind(&sql, text.subject), body = sql_bind(&sql, text.body);
    sql_printf(&sql,
               "WITH i AS (INSERT INTO accounts.invitations (email, role, hash, invited_by,"
               " expires_at) VALUES ($%d::text, $%d::text, $%d::text, core.usr(),"
               " now() + interval '7 days') ON CONFLICT (organization_id, email) DO UPDATE SET"
               " role = excluded.role, hash = excluded.hash, invited_by = excluded.invited_by,"
               " invited_at = now(), expires_at = excluded.expires_at RETURNING *),"
               " m AS (INSERT INTO accounts.mail (address, subject, body)"
               " VALUES ($%d::text, $%d::text, $%d::text))"
               " SELECT json_build_object('message', 'Invitation sent to ' || $%d::text,"
               " 'invitation', json_build_object('email', $%d::text, 'role', i.role,"
               " 'expires_at', core.iso(i.expires_at))) FROM i",
               email, role, key, email, subject, body, email, email);
    return call_json(call, &sql);
}

enum err team_invite(struct call *call)
{
    struct form form;
    enum err err = form_read(call, call->body, &form);
    if (err != ERR_OK)
        return err;
    if (role_of(form_text(&form, "role")) > call->request->who.role)
        return call_fail(call, ERR_FORBIDDEN, NULL);
    err = refuse_member(call, form_text(&form, "email"));
    return err != ERR_OK ? err : invite(call, &form);
}

enum err team_update(struct call *call)
{
    struct form form;
    enum role from;
    int64_t user = call->request->row;
    enum err err = member_role(call, user, false, missing, &from);
    if (err == ERR_OK)
        err = form_read(call, call->body, &form);
    if (err != ERR_OK)
        return err;
    enum role to = role_of(form_text(&form, "role"));
    err = member_may_become(call, user, from, to);
    if (err == ERR_OK)
        err = member_set_role(call, user, to);
    if (err != ERR_OK)
        return err;
    struct sql sql;
    sql_init(&sql, call->arena);
    sql_printf(&sql,
               "SELECT json_build_object('message', 'Role updated', 'user', json_build_object('id',"
               " u.id, 'name', u.name, 'role', m.role)) FROM accounts.members m"
               " JOIN accounts.users u ON u.id = m.user_id WHERE m.organization_id = core.org()"
               " AND m.user_id = $%d::bigint",
               sql_bind_int(&sql, user));
    return call_json(call, &sql);
}

enum err team_remove(struct call *call)
{
    enum role from;
    struct sql sql;
    struct pg_result *result;
    int64_t user = call->request->row;
    const struct caller *who = &call->request->who;
    if (user != who->user_id && who->role < ROLE_ADMIN)
        return call_fail(call, ERR_FORBIDDEN, NULL);
    enum err err = member_role(call, user, false, missing, &from);
    if (err == ERR_OK)
        err = member_may_become(call, user, from, ROLE_NONE);
    if (err != ERR_OK)
        return err;
    sql_init(&sql, call->arena);
    sql_printf(&sql,
               "WITH u AS (UPDATE accounts.users SET current_organization_id = NULL"
               " WHERE id = $%d::bigint AND current_organization_id = core.org())"
               " DELETE FROM accounts.members WHERE organization_id = core.org()"
               " AND user_id = $1::bigint",
               sql_bind_int(&sql, user));
    forget_user(call, user);
    answer(call, user == who->user_id ? "{\"message\":\"You have left the organization\"}"
                                      : "{\"message\":\"Member removed\"}");
    return call_run(call, &sql, &result);
}
