/* invitation.c - what an invitation is about, and joining by it. */
#include <string.h>
#include <strings.h>

#include "services/accounts/form.h"
#include "services/accounts/hooks.h"
#include "services/accounts/secret.h"

static const char *const missing = "Invitation not found.";

static void bind_token(struct call *call, struct sql *sql)
{
    char hash[65];
    const char *token = call->request->arg[0];
    secret_hash(token != NULL ? token : "", hash);
    sql_init(sql, call->arena);
    (void)sql_bind(sql, arena_strdup(call->arena, hash));
}

enum err invitation_get(struct call *call)
{
    struct sql sql;
    struct pg_result *result;
    bind_token(call, &sql);
    sql_puts(&sql, "SELECT json_build_object('email', email, 'role', role, 'organization',"
                   " json_build_object('id', organization_id, 'name', name, 'slug', slug),"
                   " 'invited_by', invited_by, 'expires_at', core.iso(expires_at))"
                   " FROM accounts.invitation_of($1::text)");
    enum err err = row_of(call, &sql, missing, &result);
    if (err == ERR_OK)
        answer(call, pg_text(result, 0, 0));
    return err;
}

/* Makes her a member of the organization the call is in now; a trashed place is taken up again. */
static enum err join(struct call *call, const char *role)
{
    struct sql sql;
    struct pg_result *result;
    sql_init(&sql, call->arena);
    sql_printf(&sql,
               "INSERT INTO accounts.members AS m (user_id, role) VALUES (core.usr(), $%d::text)"
               " ON CONFLICT (organization_id, user_id) DO UPDATE SET role = excluded.role,"
               " joined_at = now(), deleted_at = NULL WHERE m.deleted_at IS NOT NULL"
               " RETURNING m.user_id",
               sql_bind(&sql, role));
    enum err err = call_run(call, &sql, &result);
    if (err == ERR_OK && pg_rows(result) == 0)
        return call_fail(call, ERR_CONFLICT, "You are already a member of this organization.");
    return err;
}

/* The invitation is used up; the address is proven by it. */
static enum err close_invitation(struct call *call, int64_t id)
{
    struct sql sql;
    struct pg_result *result;
    sql_init(&sql, call->arena);
    sql_printf(&sql,
               "WITH u AS (UPDATE accounts.users SET email_verified_at = coalesce("
               "email_verified_at, now()), current_organization_id = coalesce("
               "current_organization_id, core.org()) WHERE id = core.usr())"
               " DELETE FROM accounts.invitations WHERE organization_id = core.org()"
               " AND id = $%d::bigint RETURNING id",
               sql_bind_int(&sql, id));
    return row_of(call, &sql, missing, &result);
}

enum err invitation_accept(struct call *call)
{
    struct sql sql;
    struct pg_result *found;
    bind_token(call, &sql);
    sql_puts(&sql, "SELECT i.id, i.organization_id, i.role, i.email, u.email::text"
                   " FROM accounts.invitation_of($1::text) i, accounts.users u"
                   " WHERE u.id = core.usr()");
    enum err err = row_of(call, &sql, missing, &found);
    if (err != ERR_OK)
        return err;
    int64_t user = call->request->who.user_id;
    if (strcasecmp(pg_text(found, 0, 3), pg_text(found, 0, 4)) != 0)
        return call_fail(call, ERR_FORBIDDEN, "This invitation was sent to another address.");
    err = act_as(call, user, pg_int(found, 0, 1));
    if (err == ERR_OK)
        err = join(call, pg_text(found, 0, 2));
    if (err == ERR_OK)
        err = close_invitation(call, pg_int(found, 0, 0));
    if (err != ERR_OK)
        return err;
    forget_user(call, user);
    sql_init(&sql, call->arena);
    sql_puts(&sql,
             "SELECT json_build_object('message', 'Joined ' || o.name, 'organization',"
             " json_build_object('id', o.id, 'name', o.name, 'slug', o.slug, 'role', m.role))"
             " FROM accounts.organizations o JOIN accounts.members m"
             " ON m.organization_id = o.id AND m.user_id = core.usr() WHERE o.id = core.org()");
    return call_json(call, &sql);
}
