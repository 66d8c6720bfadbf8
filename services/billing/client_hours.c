/* A client's hours: what is not billed yet, what was billed with which invoice, and her terms. */
#include "services/billing/body.h"
#include "services/billing/hooks.h"
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

/* Whole blocks that ended by the end of the day; they may not change any more. */
enum err hours_bill(struct call *call)
{
    struct sql sql;
    enum err err = find_client(call);
    if (err == ERR_OK)
        err = body_read(call);
    if (err != ERR_OK)
        return err;
    sql_init(&sql, call->arena);
    int client = sql_bind_int(&sql, call->request->row);
    int from = sql_bind(&sql, call_value(call, "start"));
    int to = sql_bind(&sql, call_value(call, "end"));
    int reference = sql_bind(&sql, call_value(call, "reference"));
    int zone = sql_bind(&sql, caller_zone(call));
    sql_printf(&sql,
               "WITH b AS (UPDATE billing.time_blocks t SET billed_at = now(),"
               " billed_reference = $%d::text, updated_at = clock_timestamp()"
               " WHERE t.organization_id = core.org() AND t.client_id = $%d::bigint"
               " AND t.deleted_at IS NULL AND t.origin = 'bureau' AND t.is_billable"
               " AND t.billed_at IS NULL"
               " AND t.end_time <= billing.day_start($%d::date + 1, $%d::text)"
               " AND ($%d::date IS NULL OR t.start_time >= billing.day_start($%d::date, $%d::text))"
               " RETURNING t.id) SELECT json_build_object('reference', $%d::text, 'blocks',"
               " count(*), 'block_ids', coalesce(json_agg(b.id ORDER BY b.id), '[]')) FROM b",
               reference, client, to, zone, from, from, zone, reference);
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
    int client = sql_bind_int(&sql, call->request->row);
    sql_printf(&sql,
               "WITH b AS (UPDATE billing.time_blocks SET billed_at = NULL,"
               " billed_reference = NULL, updated_at = clock_timestamp()"
               " WHERE organization_id = core.org() AND client_id = $%d::bigint"
               " AND billed_reference = $%d::text RETURNING id)"
               " SELECT json_build_object('message', 'Hours are open again.', 'blocks', count(*))"
               " FROM b",
               client, sql_bind(&sql, reference));
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

/* What is not sent stays. */
enum err terms_update(struct call *call)
{
    struct sql sql;
    struct pg_result *result;
    enum err err = find_client(call);
    if (err == ERR_OK)
        err = body_read(call);
    if (err != ERR_OK)
        return err;
    sql_init(&sql, call->arena);
    int client = sql_bind_int(&sql, call->request->row);
    int rate = sql_bind(&sql, call_value(call, "hourly_rate"));
    int minutes = sql_bind(&sql, call_value(call, "rounding_minutes"));
    int how = sql_bind(&sql, call_value(call, "rounding"));
    sql_printf(&sql,
               "INSERT INTO billing.client_terms AS t (client_id, hourly_rate, rounding_minutes,"
               " rounding) VALUES ($%d::bigint, $%d::numeric, $%d::integer,"
               " coalesce($%d::text, 'up')) ON CONFLICT ON CONSTRAINT client_terms_pkey"
               " DO UPDATE SET updated_at = clock_timestamp()",
               client, rate, minutes, how);
    if (call_has(call, "hourly_rate"))
        sql_puts(&sql, ", hourly_rate = excluded.hourly_rate");
    if (call_has(call, "rounding_minutes"))
        sql_puts(&sql, ", rounding_minutes = excluded.rounding_minutes");
    if (call_has(call, "rounding"))
        sql_puts(&sql, ", rounding = excluded.rounding");
    err = call_run(call, &sql, &result);
    if (err == ERR_OK)
        call->reply->message = "Terms updated.";
    return err == ERR_OK ? terms_get(call) : err;
}
