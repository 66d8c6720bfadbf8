#include "services/core/audit.h"

#include "services/core/sql.h"

bool audit_is_on(const struct call *call)
{
    return call->resource->audit && resource_has_organization(call->resource);
}

void audit_old_sql(struct call *call, struct sql *sql, int row)
{
    if (!audit_is_on(call))
        return;
    sql_printf(sql, "old AS (SELECT t.* FROM %s t WHERE t.id = $%d::bigint", call->resource->table,
               row);
    sql_scope(call, sql, TRASH_NOT);
    sql_puts(sql, " FOR UPDATE), ");
}

/* Columns whose values stay out of the log: what is written but never shown. */
static const char *secrets(const struct call *call)
{
    const char *names[16];
    size_t n = 0;
    for (const struct field *f = call->resource->fields; f->name != NULL && n < 16; f++)
        if ((f->flags & WRITEONLY) != 0)
            names[n++] = field_column(f);
    return sql_array(call->arena, names, n);
}

void audit_sql(struct call *call, struct sql *sql, enum audit_op op, const char *cte)
{
    static const char *const names[] = {[AUDIT_CREATE] = "create",
                                        [AUDIT_UPDATE] = "update",
                                        [AUDIT_DELETE] = "delete",
                                        [AUDIT_RESTORE] = "restore",
                                        [AUDIT_DESTROY] = "destroy"};
    const struct caller *who = &call->request->who;
    if (!audit_is_on(call))
        return;
    bool whole = op == AUDIT_UPDATE || op == AUDIT_DESTROY;
    sql_printf(sql,
               ", log_%s AS (INSERT INTO core.audit (organization_id, resource, row_id, op,"
               " user_id, token_id, request_id, changes) SELECT t.organization_id, '%s', t.id,"
               " '%s', $%d::bigint, $%d::bigint, $%d::text, ",
               names[op], call->resource->name, names[op], sql_bind_int(sql, who->user_id),
               sql_bind_int(sql, who->token_id), sql_bind(sql, call->request->id));
    if (op == AUDIT_CREATE)
        sql_printf(sql, "core.audit_row(to_jsonb(t), $%d::text[])", sql_bind(sql, secrets(call)));
    else if (whole)
        sql_printf(sql, "core.audit_diff(%s, %s, $%d::text[])",
                   op == AUDIT_UPDATE ? "to_jsonb(old)" : "to_jsonb(t)",
                   op == AUDIT_UPDATE ? "to_jsonb(t)" : "NULL", sql_bind(sql, secrets(call)));
    else
        sql_puts(sql, "'{}'");
    sql_printf(sql, " FROM %s t%s)", cte, op == AUDIT_UPDATE ? " JOIN old ON old.id = t.id" : "");
}

enum err audit_lists_read(struct call *call, int64_t id, const char **out)
{
    struct sql sql;
    struct pg_result *result;
    sql_init(&sql, call->arena);
    sql_printf(&sql, "SELECT (%s)::text FROM %s t WHERE t.id = $%d::bigint", call->hooks->lists_sql,
               call->resource->table, sql_bind_int(&sql, id));
    sql_scope(call, &sql, TRASH_NOT);
    enum err err = call_run(call, &sql, &result);
    if (err == ERR_OK)
        *out = pg_rows(result) == 0 ? NULL : pg_text(result, 0, 0);
    return err;
}

enum err audit_lists(struct call *call, int64_t id, const char *before)
{
    const struct caller *who = &call->request->who;
    struct sql sql;
    struct pg_result *result;
    sql_init(&sql, call->arena);
    sql_printf(
        &sql,
        "WITH log AS (INSERT INTO core.audit (organization_id, resource, row_id, op, user_id,"
        " token_id, request_id, changes) SELECT x.organization_id, '%s', x.id, 'update', "
        "$%d::bigint,"
        " $%d::bigint, $%d::text, x.changes FROM (SELECT t.organization_id, t.id,",
        call->resource->name, sql_bind_int(&sql, who->user_id), sql_bind_int(&sql, who->token_id),
        sql_bind(&sql, call->request->id));
    sql_printf(&sql,
               " core.audit_diff($%d::jsonb, (%s), '{}') AS changes FROM %s t"
               " WHERE t.id = $%d::bigint",
               sql_bind(&sql, before), call->hooks->lists_sql, call->resource->table,
               sql_bind_int(&sql, id));
    sql_scope(call, &sql, TRASH_NOT);
    sql_printf(&sql,
               ") x WHERE x.changes <> '{}' RETURNING organization_id, row_id) UPDATE %s AS t"
               " SET updated_at = clock_timestamp() FROM log"
               " WHERE t.organization_id = log.organization_id AND t.id = log.row_id",
               call->resource->table);
    return call_run(call, &sql, &result);
}
