/* Projects: their client must be there, and not in the trash. */
#include "services/billing/hooks.h"

static enum err check(struct call *call)
{
    struct sql sql;
    struct pg_result *result;
    if (call_value(call, "client_id") == NULL)
        return ERR_OK;
    sql_init(&sql, call->arena);
    int client = sql_bind(&sql, call_value(call, "client_id"));
    int row = call->created ? sql_bind(&sql, NULL) : sql_bind_int(&sql, call->request->row);
    sql_printf(&sql,
               "SELECT billing.client_is_live($%d::bigint) OR EXISTS (SELECT FROM billing.projects"
               " WHERE organization_id = core.org() AND id = $%d::bigint"
               " AND client_id = $%d::bigint)",
               client, row, client);
    enum err err = call_run(call, &sql, &result);
    if (err == ERR_OK && !pg_true(result, 0, 0))
        return call_fault(call, "client_id", RULE_EXISTS, NULL, NULL);
    return err;
}

const struct hooks project_hooks = {.resource = "project", .check = check};
