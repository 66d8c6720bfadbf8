#include "services/accounts/member.h"

#include "services/accounts/form.h"

enum err member_role(struct call *call, int64_t user, bool trashed, const char *missing,
                     enum role *role)
{
    struct sql sql;
    struct pg_result *result;
    sql_init(&sql, call->arena);
    int who = sql_bind_int(&sql, user);
    sql_printf(&sql,
               "SELECT role FROM accounts.members WHERE organization_id = core.org()"
               " AND user_id = $%d::bigint AND (deleted_at IS NOT NULL) = $%d::boolean FOR UPDATE",
               who, sql_bind(&sql, trashed ? "true" : "false"));
    enum err err = row_of(call, &sql, missing, &result);
    if (err == ERR_OK)
        *role = role_of(pg_text(result, 0, 0));
    return err;
}

enum err member_may_become(struct call *call, int64_t user, enum role from, enum role to)
{
    enum role own = call->request->who.role;
    if ((from == ROLE_OWNER || to == ROLE_OWNER) && own != ROLE_OWNER)
        return call_fail(call, ERR_FORBIDDEN, NULL);
    if (from != ROLE_OWNER || to == ROLE_OWNER)
        return ERR_OK;
    struct sql sql;
    struct pg_result *result;
    sql_init(&sql, call->arena);
    sql_printf(&sql, "SELECT accounts.other_owners($%d::bigint)", sql_bind_int(&sql, user));
    enum err err = call_run(call, &sql, &result);
    if (err == ERR_OK && pg_int(result, 0, 0) == 0)
        return call_fail(call, ERR_CONFLICT, "The last owner of an organization has to stay.");
    return err;
}

enum err member_set_role(struct call *call, int64_t user, enum role to)
{
    struct sql sql;
    struct pg_result *result;
    sql_init(&sql, call->arena);
    int who = sql_bind_int(&sql, user);
    sql_printf(&sql,
               "UPDATE accounts.members SET role = $%d::text WHERE organization_id = core.org()"
               " AND user_id = $%d::bigint",
               sql_bind(&sql, role_name(to)), who);
    forget_user(call, user);
    return call_run(call, &sql, &result);
}
