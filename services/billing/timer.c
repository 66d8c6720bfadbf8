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
static enum err check_references(struct call *call, const char *of_client, const char *in_project,
                                 const char **client)
{
    struct sql sql;
    struct pg_result *result;
    sql_init(&sql, call->arena);
    int of = sql_bind(&sql, of_client), in = sql_bind(&sql, in_project);
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

/* What a statement over timers t says of a start: in the future, too long ago for a block. */
#define START_FAULTS                                                                               \
    "t.start_time > clock_timestamp(), t.start_time < clock_timestamp() - interval '366 days'"

/* The timer of the row (its JSON, START_FAULTS) is answered, or why it cannot be. */
static enum err answer(struct call *call, const struct pg_result *result, const char *message)
{
    if (pg_true(result, 0, 1))
        return call_fault_said(call, "start_time", "The start time must not be in the future.");
    if (pg_true(result, 0, 2))
        return call_fault(call, "start_time", RULE_DATE, NULL, NULL);
    call->reply->json = (struct slice){pg_text(result, 0, 0), pg_len(result, 0, 0)};
    call->reply->message = message;
    return ERR_OK;
}

/* The row, unless one is running already or it would start in the future. */
static void put_insert(struct call *call, const char *client, const char *zone, struct sql *sql)
{
    int start = sql_bind(sql, call_value(call, "start_time"));
    int title = sql_bind(sql, call_value(call, "title"));
    int text = sql_bind(sql, call_value(call, "description"));
    int in = sql_bind(sql, zone);
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
               " RETURNING billing.timer_json(t), " START_FAULTS,
               start, title, text, in, color, billable, of, project, calendar);
}

enum err timer_start(struct call *call)
{
    const char *client;
    struct sql sql;
    struct pg_result *result;
    enum err err = body_read(call);
    if (err == ERR_OK)
        err = check_references(call, call_value(call, "client_id"), call_value(call, "project_id"),
                               &client);
    if (err != ERR_OK)
        return err;
    const char *zone = call_value(call, "timezone");
    zone = zone != NULL ? zone : caller_zone(call);
    settle_time(call, "start_time", zone);
    sql_init(&sql, call->arena);
    put_insert(call, client, zone, &sql);
    err = call_run(call, &sql, &result);
    if (err != ERR_OK)
        return err;
    if (pg_rows(result) == 0)
        return call_fail(call, ERR_CONFLICT, "A timer is running already.");
    return answer(call, result, "Timer started.");
}

/* ---- a running timer changes ---- */

static const char not_running[] = "No timer is running.";

/* The client that a change ends up with, by the rules of blocks: a project that is named brings its
   own, one that is taken away takes it along. What is not named may be in the trash by now. */
static enum err settle_client(struct call *call, const char *client, const char *project)
{
    bool of = call_has(call, "client_id"), in = call_has(call, "project_id");
    if (!of && !in && !call_has(call, "calendar_id"))
        return ERR_OK;
    if (of || in) {
        client = of ? call_value(call, "client_id") : NULL;
        project = in ? call_value(call, "project_id") : project;
    } else {
        client = project = NULL; /* only the calendar is looked at */
    }
    enum err err = check_references(call, client, project, &client);
    if (err == ERR_OK && (of || in))
        call_set(call, "client_id", client, "bigint");
    return err;
}

static void put_update(struct call *call, struct sql *sql)
{
    sql_puts(sql, "UPDATE billing.timers t SET user_id = t.user_id"); /* the body may be empty */
    for (size_t i = 0; i < call->columns_n; i++) {
        const struct column *column = &call->columns[i];
        sql_printf(sql, ", %s = $%d::%s", column->name, sql_bind(sql, column->value), column->cast);
    }
    sql_puts(sql, " WHERE t.organization_id = core.org() AND t.user_id = core.usr()"
                  " RETURNING billing.timer_json(t), " START_FAULTS);
}

enum err timer_update(struct call *call)
{
    struct sql sql;
    struct pg_result *old, *result;
    sql_init(&sql, call->arena);
    sql_puts(&sql, "SELECT timezone, client_id, project_id FROM billing.timers"
                   " WHERE organization_id = core.org() AND user_id = core.usr() FOR UPDATE");
    enum err err = call_run(call, &sql, &old);
    if (err == ERR_OK && pg_rows(old) == 0)
        return call_fail(call, ERR_NOT_FOUND, not_running);
    if (err == ERR_OK)
        err = body_read(call);
    if (err == ERR_OK && call_has(call, "start_time") && call_value(call, "start_time") == NULL)
        err = call_fault(call, "start_time", RULE_MISSING, NULL, NULL);
    if (err == ERR_OK)
        err = settle_client(call, pg_text(old, 0, 1), pg_text(old, 0, 2));
    if (err != ERR_OK)
        return err;
    const char *zone = call_value(call, "timezone");
    settle_time(call, "start_time", zone != NULL ? zone : pg_text(old, 0, 0));
    sql_init(&sql, call->arena);
    put_update(call, &sql);
    err = call_run(call, &sql, &result);
    return err == ERR_OK ? answer(call, result, "Timer updated.") : err;
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
        return call_fail(call, ERR_NOT_FOUND, not_running);
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
