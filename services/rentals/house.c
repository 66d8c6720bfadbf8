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

static enum err keep_inventory(struct call *call, const char *kind)
{
    const char *rows;
    enum err err = list_counts(call, "materials", &rows);
    if (err != ERR_OK)
        return err;
    if (rows == NULL)
        return call_fault(call, "materials", RULE_MISSING, NULL, NULL);
    struct sql sql;
    struct pg_result *result;
    sql_init(&sql, call->arena);
    int row = sql_bind_int(&sql, call->request->row), of = sql_bind(&sql, kind);
    sql_printf(&sql, "SELECT rentals.count_inventory($%d::bigint, $%d::text, $%d::jsonb)", row, of,
               sql_bind(&sql, rows));
    err = call_run(call, &sql, &result);
    if (err != ERR_OK)
        return err;
    const char *said = pg_text(result, 0, 0);
    if (strcmp(said, "event") == 0)
        return call_fail(call, ERR_NOT_FOUND, NULL);
    if (strcmp(said, "material") == 0)
        return call_fault(call, "materials", RULE_EXISTS, NULL, NULL);
    return strcmp(said, "ok") == 0 ? event_inventories(call) : refuse_count(call, said);
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
    if (start != ERR_OK || end != ERR_OK)
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
