/* A client's hours: what is not billed yet, what was billed with which invoice, and her terms. */
#include <string.h>

#include "services/billing/body.h"
#include "services/billing/hooks.h"
#include "services/core/audit.h"
#include "services/core/check.h"

static const char missing[] = "Client not found.";

static enum err find_client(struct call *call)
{
    struct sql sql;
    struct pg_result *result;
    sql_init(&sql, call->arena);
    sql_printf(&sql, "SELECT FROM crm.client_card WHERE id = $%d::bigint AND deleted_at IS NULL",
               sql_bind_int(&sql, call->request->row));
    enum err err = call_run(call, &sql, &result);
    return err == ERR_OK && pg_rows(result) == 0 ? call_fail(call, ERR_NOT_FOUND, missing) : err;
}

enum err unbilled_hours(struct call *call)
{
    const char *start, *end;
    struct sql sql;
    enum err err = find_client(call);
    if (err == ERR_OK)
        err = query_days(call, false, &start, &end);
    if (err != ERR_OK)
        return err;
    sql_init(&sql, call->arena);
    int client = sql_bind_int(&sql, call->request->row), from = sql_bind(&sql, start);
    int to = sql_bind(&sql, end);
    sql_printf(&sql, "SELECT billing.unbilled_hours($%d::bigint, $%d::date, $%d::date, $%d::text)",
               client, from, to, sql_bind(&sql, caller_zone(call)));
    return call_json(call, &sql);
}

/* WITH old AS (…): the blocks to be changed, by the condition over t that the caller puts next. */
static void begin_change(struct call *call, struct sql *sql)
{
    call->resource = resource_find("time_block");
    sql_puts(sql, "WITH old AS (SELECT t.* FROM billing.time_blocks t"
                  " WHERE t.organization_id = core.org()");
}

/* They become so, and each change is kept, as one by the resource's own routes would be. */
static void end_change(struct call *call, const char *set, struct sql *sql)
{
    sql_printf(sql,
               " ORDER BY t.id FOR UPDATE), new AS (UPDATE billing.time_blocks AS t SET %s,"
               " updated_at = clock_timestamp() FROM old WHERE t.organization_id = core.org()"
               " AND t.id = old.id RETURNING t.*)",
               set);
    audit_sql(call, sql, AUDIT_UPDATE, "new");
    call->resource = NULL;
}

/* Whole blocks that ended by the end of the day; they may not change any more. */
enum err hours_bill(struct call *call)
{
    struct sql sql;
    enum err err = find_client(call);
    if (err == ERR_OK)
        err = body_read(call);
    if (err != ERR_OK)
        return err;
    const char *start = call_value(call, "start"), *end = call_value(call, "end");
    if (start != NULL && strcmp(start, end) > 0)
        return call_fault_said(call, "end",
                               "The end field must be a date after or equal to start.");
    sql_init(&sql, call->arena);
    int client = sql_bind_int(&sql, call->request->row);
    int from = sql_bind(&sql, start), to = sql_bind(&sql, end);
    int reference = sql_bind(&sql, call_value(call, "reference"));
    int zone = sql_bind(&sql, caller_zone(call));
    begin_change(call, &sql);
    sql_printf(
        &sql,
        " AND t.client_id = $%d::bigint"
        " AND t.deleted_at IS NULL AND t.origin = 'bureau' AND t.is_billable"
        " AND t.billed_at IS NULL"
        " AND t.end_time <= billing.day_start($%d::date + 1, $%d::text)"
        " AND ($%d::date IS NULL OR t.start_time >= billing.day_start($%d::date, $%d::text))",
        client, to, zone, from, from, zone);
    end_change(
        call,
        arena_printf(call->arena, "billed_at = now(), billed_reference = $%d::text", reference),
        &sql);
    sql_printf(&sql,
               " SELECT json_build_object('reference', $%d::text, 'blocks', count(*), 'block_ids',"
               " coalesce(json_agg(t.id ORDER BY t.id), '[]')) FROM new t",
               reference);
    call->reply->message = "Hours marked as billed.";
    return call_json(call, &sql);
}

enum err hours_unbill(struct call *call)
{
    const char *reference = query_find(call->request, "reference");
    struct sql sql;
    enum err err = find_client(call);
    if (err != ERR_OK)
        return err;
    if (reference == NULL || reference[0] == '\0')
        return call_fault(call, "reference", RULE_MISSING, NULL, NULL);
    sql_init(&sql, call->arena);
    begin_change(call, &sql);
    int client = sql_bind_int(&sql, call->request->row);
    sql_printf(&sql, " AND t.client_id = $%d::bigint AND t.billed_reference = $%d::text", client,
               sql_bind(&sql, reference));
    end_change(call, "billed_at = NULL, billed_reference = NULL", &sql);
    sql_puts(&sql, " SELECT json_build_object('message', 'Hours are open again.', 'blocks',"
                   " count(*)) FROM new t");
    call->reply->bare = true;
    return call_json(call, &sql);
}

enum err terms_get(struct call *call)
{
    struct sql sql;
    enum err err = find_client(call);
    if (err != ERR_OK)
        return err;
    sql_init(&sql, call->arena);
    sql_printf(&sql,
               "SELECT json_build_object('client_id', i.id, 'hourly_rate',"
               " trim_scale(t.hourly_rate), 'rounding_minutes', t.rounding_minutes, 'rounding',"
               " coalesce(t.rounding, 'up')) FROM (SELECT $%d::bigint AS id) i"
               " LEFT JOIN billing.client_terms t"
               " ON t.organization_id = core.org() AND t.client_id = i.id",
               sql_bind_int(&sql, call->request->row));
    return call_json(call, &sql);
}

/* Two changes take turns, so that what is noted of each is what it changed. */
static enum err lock_terms(struct call *call)
{
    struct sql sql;
    struct pg_result *none;
    sql_init(&sql, call->arena);
    sql_printf(&sql,
               "SELECT FROM billing.client_terms WHERE organization_id = core.org()"
               " AND client_id = $%d::bigint FOR UPDATE",
               sql_bind_int(&sql, call->request->row));
    return call_run(call, &sql, &none);
}

/* What is not sent stays. */
enum err terms_update(struct call *call)
{
    struct sql sql;
    struct pg_result *result;
    enum err err = find_client(call);
    if (err == ERR_OK)
        err = body_read(call);
    if (err == ERR_OK)
        err = lock_terms(call);
    if (err != ERR_OK)
        return err;
    sql_init(&sql, call->arena);
    int client = sql_bind_int(&sql, call->request->row);
    int rate = sql_bind(&sql, call_value(call, "hourly_rate"));
    int minutes = sql_bind(&sql, call_value(call, "rounding_minutes"));
    int how = sql_bind(&sql, call_value(call, "rounding"));
    sql_printf(&sql,
               "WITH old AS (SELECT to_jsonb(t) AS j FROM billing.client_terms t WHERE"
               " organization_id = core.org() AND client_id = $%d::bigint), new AS ("
               "INSERT INTO billing.client_terms AS t (client_id, hourly_rate, rounding_minutes,"
               " rounding) VALUES ($%d::bigint, $%d::numeric, $%d::integer,"
               " coalesce($%d::text, 'up')) ON CONFLICT ON CONSTRAINT client_terms_pkey"
               " DO UPDATE SET updated_at = clock_timestamp()",
               client, client, rate, minutes, how);
    if (call_has(call, "hourly_rate"))
        sql_puts(&sql, ", hourly_rate = excluded.hourly_rate");
    if (call_has(call, "rounding_minutes"))
        sql_puts(&sql, ", rounding_minutes = excluded.rounding_minutes");
    if (call_has(call, "rounding"))
        sql_puts(&sql, ", rounding = excluded.rounding");
    /* A change of the client: her history tells who made it. Without a row these terms held. */
    sql_puts(&sql, " RETURNING t.*) SELECT billing.note('client', client_id, coalesce((SELECT j"
                   " FROM old), '{\"hourly_rate\": null, \"rounding_minutes\": null,"
                   " \"rounding\": \"up\"}'), to_jsonb(new) - '{client_id,updated_at}'::text[], ");
    put_actor(call, &sql);
    sql_puts(&sql, ") FROM new");
    err = call_run(call, &sql, &result);
    if (err == ERR_OK)
        call->reply->message = "Terms updated.";
    return err == ERR_OK ? terms_get(call) : err;
}
