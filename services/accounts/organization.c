/* organization.c - the organizations of a person. Source: seed 001 "Organization Endpoints". */
#include <string.h>

#include "services/accounts/form.h"
#include "services/accounts/hooks.h"

static const char *const missing = "Organization not found.";

enum err org_list(struct call *call)
{
    struct sql sql;
    sql_init(&sql, call->arena);
    sql_puts(&sql,
             "SELECT coalesce(json_agg(json_build_object('id', o.id, 'name', o.name, 'slug',"
             " o.slug, 'role', m.role, 'is_current', o.id = h.id) ORDER BY m.joined_at, o.id),"
             " '[]') FROM (SELECT accounts.home_of(core.usr()) AS id) h,"
             " accounts.members m JOIN accounts.organizations o ON o.id = m.organization_id"
             " WHERE m.user_id = core.usr() AND m.deleted_at IS NULL AND o.deleted_at IS NULL");
    return call_json(call, &sql);
}

/* The organization the call is in now. */
static enum err show(struct call *call)
{
    struct sql sql;
    sql_init(&sql, call->arena);
    sql_puts(&sql,
             "SELECT json_build_object('id', o.id, 'name', o.name, 'slug', o.slug,"
             " 'timezone', s.timezone, 'billing_email', s.billing_email,"
             " 'subscription_status', o.subscription_status, 'role', m.role,"
             " 'is_current', o.id = accounts.home_of(core.usr()),"
             " 'created_at', core.iso(o.created_at), 'updated_at', core.iso(o.updated_at))"
             " FROM accounts.organizations o JOIN accounts.organization_settings s"
             " ON s.organization_id = o.id JOIN accounts.members m"
             " ON m.organization_id = o.id AND m.user_id = core.usr() WHERE o.id = core.org()");
    return call_json(call, &sql);
}

/* The call goes on in the organization of the path. Errors: NOT_FOUND when it is not hers,
   FORBIDDEN below the least role. */
static enum err enter(struct call *call, enum role least)
{
    struct sql sql;
    struct pg_result *result;
    sql_init(&sql, call->arena);
    sql_printf(&sql, "SELECT accounts.my_role($%d::bigint)",
               sql_bind_int(&sql, call->request->row));
    enum err err = call_run(call, &sql, &result);
    if (err != ERR_OK)
        return err;
    const char *role = pg_text(result, 0, 0);
    if (role == NULL)
        return call_fail(call, ERR_NOT_FOUND, "%s", missing);
    if (role_of(role) < least)
        return call_fail(call, ERR_FORBIDDEN, NULL);
    return act_as(call, call->request->who.user_id, call->request->row);
}

static enum err forget_members(struct call *call)
{
    struct sql sql;
    struct pg_result *result;
    sql_init(&sql, call->arena);
    sql_puts(&sql, "SELECT accounts.members_to_forget()");
    enum err err = call_run(call, &sql, &result);
    if (err == ERR_OK)
        call->reply->forget = pg_text(result, 0, 0);
    return err;
}

enum err org_create(struct call *call)
{
    struct form form;
    struct sql sql;
    struct pg_result *result;
    enum err err = form_read(call, call->body, &form);
    if (err != ERR_OK)
        return err;
    int64_t user = call->request->who.user_id;
    sql_init(&sql, call->arena);
    int who = sql_bind_int(&sql, user), name = sql_bind(&sql, form_text(&form, "name"));
    int zone = sql_bind(&sql, form_text(&form, "timezone"));
    sql_printf(
        &sql,
        "WITH o AS (SELECT accounts.organization_create($%d::bigint, $%d::text,"
        " coalesce($%d::text, (SELECT zone FROM accounts.users WHERE id = core.usr()))) AS id)"
        " SELECT o.id FROM o",
        who, name, zone);
    err = call_run(call, &sql, &result);
    if (err == ERR_OK)
        err = act_as(call, user, pg_int(result, 0, 0));
    if (err != ERR_OK)
        return err;
    if (form_text(&form, "billing_email") != NULL) {
        sql_init(&sql, call->arena);
        sql_printf(&sql,
                   "UPDATE accounts.organization_settings SET billing_email = $%d::text"
                   " WHERE organization_id = core.org()",
                   sql_bind(&sql, form_text(&form, "billing_email")));
        err = call_run(call, &sql, &result);
    }
    if (err != ERR_OK)
        return err;
    forget_user(call, user);
    call->reply->message = "Organization created successfully.";
    return show(call);
}

enum err org_get(struct call *call)
{
    enum err err = enter(call, ROLE_VISITOR);
    return err != ERR_OK ? err : show(call);
}

static enum err change(struct call *call, const struct form *form)
{
    struct sql sql;
    struct pg_result *result;
    sql_init(&sql, call->arena);
    int name = sql_bind(&sql, form_text(form, "name"));
    int zone = sql_bind(&sql, form_text(form, "timezone"));
    int billed = sql_bind(&sql, form_has(form, "billing_email") ? "true" : "false");
    sql_printf(&sql,
               "WITH s AS (UPDATE accounts.organization_settings SET"
               " timezone = coalesce($%d::text, timezone), billing_email ="
               " CASE WHEN $%d::boolean THEN $%d::text ELSE billing_email END,"
               " updated_at = clock_timestamp() WHERE organization_id = core.org())"
               " UPDATE accounts.organizations SET name = coalesce($%d::text, name),"
               " updated_at = clock_timestamp() WHERE id = core.org()",
               zone, billed, sql_bind(&sql, form_text(form, "billing_email")), name);
    return call_run(call, &sql, &result);
}

enum err org_update(struct call *call)
{
    struct form form;
    enum err err = enter(call, ROLE_ADMIN);
    if (err == ERR_OK)
        err = form_read(call, call->body, &form);
    if (err == ERR_OK)
        err = change(call, &form);
    if (err == ERR_OK)
        err = forget_members(call);
    if (err != ERR_OK)
        return err;
    call->reply->message = "Organization updated successfully.";
    return show(call);
}

enum err org_delete(struct call *call)
{
    struct sql sql;
    struct pg_result *result;
    enum err err = enter(call, ROLE_OWNER);
    if (err == ERR_OK)
        err = forget_members(call);
    if (err != ERR_OK)
        return err;
    sql_init(&sql, call->arena);
    sql_puts(&sql, "SELECT accounts.organization_delete()");
    answer(call, "{\"message\":\"Organization deleted successfully.\"}");
    return call_run(call, &sql, &result);
}

enum err org_switch(struct call *call)
{
    struct sql sql;
    struct pg_result *result;
    enum err err = enter(call, ROLE_VISITOR);
    if (err != ERR_OK)
        return err;
    sql_init(&sql, call->arena);
    sql_puts(&sql, "UPDATE accounts.users SET current_organization_id = core.org()"
                   " WHERE id = core.usr()");
    err = call_run(call, &sql, &result);
    if (err != ERR_OK)
        return err;
    forget_user(call, call->request->who.user_id);
    sql_init(&sql, call->arena);
    sql_puts(&sql, "SELECT json_build_object('message', 'Switched to ' || name, 'organization',"
                   " json_build_object('id', id, 'name', name, 'slug', slug))"
                   " FROM accounts.organizations WHERE id = core.org()");
    return call_json(call, &sql);
}
