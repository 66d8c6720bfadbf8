/* Custom fields that may not repeat within an organization. There is no index to rely on, so
   writers of such values take turns: the lock first, then, in a statement of its own, a look. */
#include <string.h>

#include "proto/resources.h"
#include "services/core/check.h"
#include "services/core/custom_field.h"
#include "services/core/sql.h"

static size_t unique_ids(const struct call *call, const char **ids)
{
    size_t n, found = 0;
    const struct custom_field *fields = custom_fields(call, &n);
    for (size_t i = 0; i < n && found < CUSTOM_FIELDS_MAX; i++)
        if (fields[i].unique && fields[i].type != CUSTOM_OPTIONS)
            ids[found++] = fields[i].field.name;
    return found;
}

bool custom_has_unique(const struct call *call)
{
    const char *ids[CUSTOM_FIELDS_MAX];
    return unique_ids(call, ids) > 0;
}

static enum err take_turn(struct call *call)
{
    struct sql sql;
    struct pg_result *result;
    sql_init(&sql, call->arena);
    sql_printf(&sql, "SELECT pg_advisory_xact_lock(hashtextextended($%d::text, $%d::bigint))",
               sql_bind(&sql, call->resource->custom),
               sql_bind_int(&sql, call->request->who.organization_id));
    return call_run(call, &sql, &result);
}

/* values: the body's, or NULL for those of the row itself. */
static void put_taken(struct call *call, struct sql *sql, const char *values)
{
    const char *ids[CUSTOM_FIELDS_MAX], *table = call->resource->table;
    size_t n = unique_ids(call, ids);
    int row = sql_bind_int(sql, call->created ? 0 : call->request->row);
    sql_printf(sql,
               "SELECT d.id FROM unnest($%d::text[]) d (id) WHERE EXISTS (SELECT 1 FROM %s t"
               " WHERE lower(t.custom ->> d.id) = lower(",
               sql_bind(sql, sql_array(call->arena, ids, n)), table);
    if (values != NULL)
        sql_printf(sql, "$%d::jsonb", sql_bind(sql, values));
    else
        sql_printf(sql,
                   "(SELECT r.custom FROM %s r WHERE r.organization_id = core.org()"
                   " AND r.id = $%d::bigint)",
                   table, row);
    sql_printf(sql, " ->> d.id) AND t.id <> $%d::bigint", row);
    sql_scope(call, sql, TRASH_NOT);
    sql_puts(sql, ")");
}

static enum err refuse_taken(struct call *call, const char *values)
{
    struct sql sql;
    struct pg_result *result;
    enum err err = take_turn(call);
    sql_init(&sql, call->arena);
    put_taken(call, &sql, values);
    if (err == ERR_OK)
        err = call_run(call, &sql, &result);
    if (err != ERR_OK)
        return err;
    for (int i = 0; i < pg_rows(result); i++) {
        const struct custom_field *custom = custom_find(call, pg_text(result, i, 0));
        if (custom != NULL)
            fault_add(call, &custom->field, RULE_UNIQUE, NULL, NULL);
    }
    return call->reply->faults == NULL ? ERR_OK : ERR_INVALID;
}

enum err custom_check_unique(struct call *call)
{
    const char *values = call_value(call, "custom");
    return values != NULL && custom_has_unique(call) ? refuse_taken(call, values) : ERR_OK;
}

const struct resource *custom_owner(const struct resource *resource)
{
    if (resource->custom != NULL || resource->table == NULL)
        return resource;
    for (size_t i = 0; resources[i] != NULL; i++)
        if (resources[i]->custom != NULL && resources[i]->table != NULL &&
            strcmp(resources[i]->table, resource->table) == 0)
            return resources[i];
    return resource;
}

enum err custom_check_restored(struct call *call)
{
    const struct resource *asked = call->resource;
    call->resource = custom_owner(asked);
    enum err err = custom_load(call);
    if (err == ERR_OK && custom_has_unique(call))
        err = refuse_taken(call, NULL);
    call->resource = asked;
    return err;
}
