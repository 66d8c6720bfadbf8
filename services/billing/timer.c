/* Running timers: each user has at most one; stopping it makes a time block by the usual rules. */
#include <string.h>

#include "services/billing/body.h"
#include "services/billing/hooks.h"
#include "services/core/check.h"
#include "services/core/crud.h"

enum err timer_current(struct call *call)
{
    struct sql sql;
    sql_init(&sql, call->arena);
    sql_puts(&sql, "SELECT (SELECT billing.timer_json(t) FROM billing.timers t"
                   " WHERE t.organization_id = core.org() AND t.user_id = core.usr())");
    return call_json(call, &sql);
}

/* Client, project and calendar are there and fit; a project brings its client. */
static enum err check_references(struct call *call, const char **client)
{
    struct sql sql;
    struct pg_result *result;
    sql_init(&sql, call->arena);
    int of = sql_bind(&sql, call_value(call, "client_id"));
    int in = sql_bind(&sql, call_value(call, "project_id"));
    sql_printf(&sql,
               "SELECT * FROM billing.block_refs(NULL, NULL, $%d::bigint, $%d::bigint,"
               " $%d::bigint, 'cp')",
               of, in, sql_bind(&sql, call_value(call, "calendar_id")));
    enum err err = call_run(call, &sql, &result);
    if (err != ERR_OK)
        return err;
    *client = pg_text(result, 0, REFERENCES_CLIENT);
    return references_say(call, result);
}

/* The row, unless one is running already or it would start in the future. */
static void put_insert(struct call *call, const char *client, struct sql *sql)
{
    const char *zone = call_value(call, "timezone");
    int start = sql_bind(sql, call_value(call, "start_time"));
    int title = sql_bind(sql, call_value(call, "title"));
    int text = sql_bind(sql, call_value(call, "description"));
    int in = sql_bind(sql, zone != NULL ? zone : caller_zone(call));
    int color = sql_bind(sql, call_value(call, "color"));
    int billable = sql_bind(sql, call_value(call, "is_billable"));
    int of = sql_bind(sql, client), project = sql_bind(sql, call_value(call, "project_id"));
    int calendar = sql_bind(sql, call_value(call, "calendar_id"));
    sql_printf(sql,
               "INSERT INTO billing.timers AS t (start_time, title, description, timezone, color,"
               " is_billable, client_id, project_id, calendar_id) VALUES (date_trunc('second',"
               " coalesce($%d::timestamptz, clock_timestamp())), $%d::text, $%d::text, $%d::text,"
               " $%d::text, coalesce($%d::boolean, true), $%d::bigint, $%d::bigint, $%d::bigint)"
               " ON CONFLICT ON CONSTRAINT timers_pkey DO NOTHING"
               " RETURNING billing.timer_json(t), t.start_time > clock_timestamp(),"
               " t.start_time < clock_timestamp() - interval '366 days'",
               start, title, text, in, color, billable, of, project, calendar);
}

enum err timer_start(struct call *call)
{
    const char *client;
    struct sql sql;
    struct pg_result *result;
    enum err err = body_read(call);
    if (err == ERR_OK)
        err = check_references(call, &client);
    if (err != ERR_OK)
        return err;
    sql_init(&sql, call->arena);
    put_insert(call, client, &sql);
    err = call_run(call, &sql, &result);
    if (err != ERR_OK)
        return err;
    if (pg_rows(result) == 0)
        return call_fail(call, ERR_CONFLICT, "A timer is running already.");
    if (pg_true(result, 0, 1))
        return call_fault_said(call, "start_time", "The start time must not be in the future.");
    if (pg_true(result, 0, 2))
        return call_fault(call, "start_time", RULE_DATE, NULL, NULL);
    call->reply->json = (struct slice){pg_text(result, 0, 0), pg_len(result, 0, 0)};
    call->reply->message = "Timer started.";
    return ERR_OK;
}

/* Takes the timer away; whoever else stops it meanwhile waits and then finds none. */
static enum err take(struct call *call, struct pg_result **result)
{
    struct sql sql;
    sql_init(&sql, call->arena);
    sql_puts(&sql, "DELETE FROM billing.timers t"
                   " WHERE t.organization_id = core.org() AND t.user_id = core.usr()"
                   " RETURNING coalesce(t.title, billing.project_embed(t.project_id) ->> 'name',"
                   " billing.client_embed(t.client_id) ->> 'name', 'Work'), t.description,"
                   " core.iso(t.start_time), core.iso(greatest(t.start_time + interval '1 second',"
                   " date_trunc('second', clock_timestamp()))), t.timezone, t.color, t.is_billable,"
                   " t.client_id, t.project_id, t.calendar_id");
    enum err err = call_run(call, &sql, result);
    if (err == ERR_OK && pg_rows(*result) == 0)
        return call_fail(call, ERR_NOT_FOUND, "No timer is running.");
    return err;
}

enum err timer_discard(struct call *call)
{
    struct pg_result *result;
    enum err err = take(call, &result);
    if (err == ERR_OK)
        call->reply->message = "Timer discarded.";
    return err;
}

/* The body of the new block: what the call says, else what the timer knows. */
static enum err block_body(struct call *call, const struct pg_result *timer,
                           const msgpack_object **body)
{
    static const char *const keys[] = {"title",      "description", "start_time",  "end_time",
                                       "timezone",   "color",       "is_billable", "client_id",
                                       "project_id", "calendar_id"};
    struct buf packed;
    buf_init(&packed, call->arena);
    mp_put_map(&packed, COUNT_OF(keys));
    for (size_t i = 0; i < COUNT_OF(keys); i++) {
        const msgpack_object *said = mp_find(call->body, keys[i]);
        int column = (int)i;
        mp_put_text(&packed, keys[i]);
        if (!mp_is_null(said))
            mp_put_object(&packed, said);
        else if (pg_text(timer, 0, column) == NULL)
            mp_put_nil(&packed);
        else if (strcmp(keys[i], "is_billable") == 0)
            mp_put_bool(&packed, pg_true(timer, 0, column));
        else if (column > 6)
            mp_put_int(&packed, pg_int(timer, 0, column));
        else
            mp_put_text(&packed, pg_text(timer, 0, column));
    }
    return mp_read(call->arena, (struct slice){packed.data, packed.len}, body);
}

enum err timer_stop(struct call *call)
{
    struct pg_result *timer;
    enum err err = take(call, &timer);
    if (err != ERR_OK)
        return err;
    struct request *request = arena_alloc(call->arena, sizeof(*request));
    struct call *create = arena_alloc(call->arena, sizeof(*create));
    *request = *call->request;
    request->op = "create";
    request->resource = "time_block";
    *create = *call;
    create->request = request;
    create->resource = resource_find("time_block");
    create->hooks = &time_block_hooks;
    err = block_body(call, timer, &create->body);
    if (err == ERR_OK)
        err = crud_create(create);
    call->again = create->again;
    if (err == ERR_OK)
        call->reply->message = "Timer stopped. Syncing to integrations...";
    return err;
}
