/* What rental houses ask for beyond document 003: inventories of an event, utilisation by day. */
#include <stdio.h>
#include <string.h>

#include "services/core/check.h"
#include "services/rentals/hooks.h"
#include "services/rentals/lists.h"

enum { DAYS_MAX = 366 };

enum err event_inventories(struct call *call)
{
    struct sql sql;
    sql_init(&sql, call->arena);
    sql_printf(&sql,
               "SELECT rentals.inventories_json(id) FROM rentals.events"
               " WHERE organization_id = core.org() AND id = $%d::bigint AND deleted_at IS NULL",
               sql_bind_int(&sql, call->request->row));
    return call_json(call, &sql);
}

/* said: "row member most". */
static enum err refuse_count(struct call *call, const char *said)
{
    unsigned row = 0;
    char member[16] = "";
    long long most = 0;
    if (sscanf(said, "%u %15s %lld", &row, member, &most) != 3)
        return call_fail(call, ERR_INTERNAL, NULL);
    return call_fault(call, arena_printf(call->arena, "materials.%u.%s", row, member), RULE_MAX,
                      arena_printf(call->arena, "%lld", most), NULL);
}

/* One statement about the route's event: "SELECT function($1, …)" with what was bound before. */
static enum err ask(struct call *call, struct sql *sql, const char *text, const char **said)
{
    struct pg_result *result;
    sql_puts(sql, text);
    enum err err = call_run(call, sql, &result);
    if (err == ERR_OK)
        *said = pg_text(result, 0, 0);
    return err;
}

static enum err state_of(struct call *call, const char **state)
{
    struct sql sql;
    sql_init(&sql, call->arena);
    (void)sql_bind_int(&sql, call->request->row);
    return ask(call, &sql, "SELECT rentals.inventory_state($1::bigint)", state);
}

static enum err count(struct call *call, const char *kind, const char *rows)
{
    struct sql sql;
    const char *said = NULL;
    sql_init(&sql, call->arena);
    (void)sql_bind_int(&sql, call->request->row);
    (void)sql_bind(&sql, kind);
    (void)sql_bind(&sql, rows);
    enum err err =
        ask(call, &sql, "SELECT rentals.count_inventory($1::bigint, $2::text, $3::jsonb)", &said);
    if (err != ERR_OK || strcmp(said, "ok") == 0)
        return err;
    if (strcmp(said, "material") == 0)
        return call_fault(call, "materials", RULE_EXISTS, NULL, NULL);
    return refuse_count(call, said);
}

static enum err log_count(struct call *call, const char *before)
{
    const struct caller *who = &call->request->who;
    struct sql sql;
    const char *nothing;
    sql_init(&sql, call->arena);
    (void)sql_bind_int(&sql, call->request->row);
    (void)sql_bind(&sql, before);
    (void)sql_bind_int(&sql, who->user_id);
    (void)sql_bind_int(&sql, who->token_id);
    (void)sql_bind(&sql, call->request->id);
    return ask(call, &sql,
               "SELECT rentals.log_inventory($1::bigint, $2::jsonb, $3::bigint, $4::bigint,"
               " $5::text)",
               &nothing);
}

static enum err keep_inventory(struct call *call, const char *kind)
{
    const char *rows, *before = NULL;
    enum err err = list_counts(call, "materials", &rows);
    if (err != ERR_OK)
        return err;
    if (rows == NULL)
        return call_fault(call, "materials", RULE_MISSING, NULL, NULL);
    err = state_of(call, &before);
    if (err == ERR_OK && before == NULL)
        return call_fail(call, ERR_NOT_FOUND, NULL);
    if (err == ERR_OK)
        err = count(call, kind, rows);
    if (err == ERR_OK)
        err = log_count(call, before);
    return err == ERR_OK ? event_inventories(call) : err;
}

enum err event_departure(struct call *call) { return keep_inventory(call, "departure"); }

enum err event_return(struct call *call) { return keep_inventory(call, "return"); }

/* A day of the query. Errors: INVALID with its fault. */
static enum err day_of(struct call *call, const char *name, const char **out)
{
    const char *text = query_find(call->request, name);
    if (text == NULL || text[0] == '\0')
        return call_fault(call, name, RULE_MISSING, NULL, NULL);
    *out = date_read(call->arena, text);
    return *out == NULL ? call_fault(call, name, RULE_DATE, NULL, NULL) : ERR_OK;
}

/* NULL when the parameter is absent or switched off. */
static const char *filter_of(struct call *call, const char *name)
{
    const char *text = query_find(call->request, name);
    return text == NULL || text[0] == '\0' || strcmp(text, "0") == 0 ? NULL : text;
}

enum err utilization(struct call *call)
{
    const char *from = NULL, *to = NULL;
    enum err start = day_of(call, "start", &from), end = day_of(call, "end", &to);
    if (from == NULL || to == NULL)
        return start != ERR_OK ? start : end;
    if (strcmp(from, to) > 0)
        return call_fault(call, "end", RULE_AFTER, "start", NULL);
    struct sql sql;
    struct pg_result *result;
    sql_init(&sql, call->arena);
    int first = sql_bind(&sql, from), last = sql_bind(&sql, to);
    int park = sql_bind(&sql, filter_of(call, "park"));
    int category = sql_bind(&sql, filter_of(call, "category"));
    sql_printf(&sql,
               "SELECT CASE WHEN $%d::date - $%d::date < %d THEN json_build_object('data',"
               " rentals.utilization($%d::date, $%d::date, rentals.id_or_null($%d::text),"
               " rentals.id_or_null($%d::text))) END",
               last, first, DAYS_MAX, first, last, park, category);
    enum err err = call_run(call, &sql, &result);
    if (err != ERR_OK)
        return err;
    const char *json = pg_text(result, 0, 0);
    if (json == NULL)
        return call_fault_said(call, "end",
                               "At most %d days can be asked for." IN_FRENCH(
                                   "Au plus %d jours peuvent être demandés."),
                               DAYS_MAX, DAYS_MAX);
    call->reply->json = (struct slice){json, strlen(json)};
    call->reply->bare = true;
    return ERR_OK;
}
