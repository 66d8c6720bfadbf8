/* Time blocks: their order, locks and overlaps, the window and totals of a list, forced sync. */
#include <ctype.h>
#include <string.h>

#include "services/billing/hooks.h"
#include "services/core/crud.h"

static const char *asking_zone(const struct call *call)
{
    const struct caller *who = &call->request->who;
    if (who->zone != NULL && who->zone[0] != '\0')
        return who->zone;
    return who->org_zone != NULL && who->org_zone[0] != '\0' ? who->org_zone : "UTC";
}

/* The zone that times without offset of this write are in: the body's, the stored block's, hers. */
static enum err zone_of_write(struct call *call, const char **zone)
{
    *zone = call_value(call, "timezone");
    if (*zone != NULL)
        return ERR_OK;
    if (call->created) {
        *zone = asking_zone(call);
        call_set(call, "timezone", *zone, "text");
        return ERR_OK;
    }
    struct sql sql;
    struct pg_result *result;
    sql_init(&sql, call->arena);
    sql_printf(&sql, "SELECT timezone FROM billing.time_blocks WHERE id = $%d::bigint",
               sql_bind_int(&sql, call->request->row));
    enum err err = call_run(call, &sql, &result);
    if (err == ERR_OK)
        *zone = pg_rows(result) > 0 ? pg_text(result, 0, 0) : asking_zone(call);
    return err;
}

/* The checker has put the caller's zone behind a local time ("2024-01-08 09:00:00 Europe/Paris");
   a block's local times are in the block's own zone. */
static void put_zone(struct call *call, const char *column, const char *zone)
{
    const char *value = call_value(call, column);
    const char *space = value != NULL ? strrchr(value, ' ') : NULL;
    if (space == NULL || !isalpha((unsigned char)space[1]))
        return;
    call_set(call, column, arena_printf(call->arena, "%.*s %s", (int)(space - value), value, zone),
             "timestamptz");
}

static enum err judge(struct call *call, const char *zone)
{
    struct sql sql;
    struct pg_result *result;
    sql_init(&sql, call->arena);
    int id = call->created ? sql_bind(&sql, NULL) : sql_bind_int(&sql, call->request->row);
    int user = sql_bind(&sql, call_value(call, "user_id"));
    int start = sql_bind(&sql, call_value(call, "start_time"));
    int end = sql_bind(&sql, call_value(call, "end_time"));
    sql_printf(&sql,
               "SELECT billing.judge_block($%d::bigint, $%d::bigint, $%d::timestamptz,"
               " $%d::timestamptz, $%d::text)",
               id, user, start, end, sql_bind(&sql, zone));
    enum err err = call_run(call, &sql, &result);
    if (err != ERR_OK)
        return err;
    const char *said = pg_text(result, 0, 0);
    if (said == NULL || strcmp(said, "ok") == 0)
        return ERR_OK;
    if (strcmp(said, "external") == 0)
        return call_fail(call, ERR_FORBIDDEN, "External events are read-only.");
    if (strcmp(said, "locked") == 0)
        return call_fault_said(call, "start_time", "The period of this time block is locked.");
    if (strcmp(said, "overlap") == 0)
        return call_fault_said(call, "start_time", "The time block overlaps another one.");
    return call_fault_said(call, "start_time", "The start time must be before end time.");
}

static enum err check(struct call *call)
{
    const struct caller *who = &call->request->who;
    const char *own = arena_printf(call->arena, "%lld", (long long)who->user_id);
    if (call->created && call_value(call, "user_id") == NULL)
        call_set(call, "user_id", own, "bigint");
    if (who->role <= ROLE_USER && call_has(call, "user_id") &&
        strcmp(call_value(call, "user_id") != NULL ? call_value(call, "user_id") : "", own) != 0)
        return call_fault(call, "user_id", RULE_IN, NULL, NULL);
    const char *zone;
    enum err err = zone_of_write(call, &zone);
    if (err != ERR_OK)
        return err;
    put_zone(call, "start_time", zone);
    put_zone(call, "end_time", zone);
    return judge(call, zone);
}

static enum err enqueue(struct call *call, int64_t id, const char *what)
{
    struct sql sql;
    struct pg_result *result;
    sql_init(&sql, call->arena);
    int row = sql_bind_int(&sql, id);
    sql_printf(&sql, "SELECT billing.enqueue($%d::bigint, $%d::text)", row, sql_bind(&sql, what));
    return call_run(call, &sql, &result);
}

static enum err after_write(struct call *call, int64_t id) { return enqueue(call, id, "upsert"); }

static enum err after_delete(struct call *call, int64_t id) { return enqueue(call, id, "delete"); }

/* Both ends of the asked window as instants, or faults. */
static enum err window(struct call *call, const char *ends[2])
{
    static const char *const names[] = {"start", "end"};
    struct sql sql;
    struct pg_result *result;
    sql_init(&sql, call->arena);
    enum err err = ERR_OK;
    int bound[2] = {0, 0};
    for (int i = 0; i < 2; i++) {
        const char *text = query_find(call->request, names[i]);
        if (text == NULL || text[0] == '\0')
            err = call_fault(call, names[i], RULE_MISSING, NULL, NULL);
        bound[i] = sql_bind(&sql, text);
    }
    if (err != ERR_OK)
        return err;
    int zone = sql_bind(&sql, asking_zone(call));
    sql_printf(&sql,
               "SELECT billing.window_at($%d::text, $%d::text, false),"
               " billing.window_at($%d::text, $%d::text, true)",
               bound[0], zone, bound[1], zone);
    err = call_run(call, &sql, &result);
    for (int i = 0; i < 2 && err != ERR_INTERNAL && err != ERR_UNAVAILABLE; i++) {
        ends[i] = pg_text(result, 0, i);
        if (ends[i] == NULL)
            err = call_fault(call, names[i], RULE_DATE, NULL, NULL);
    }
    return err;
}

static enum err narrow(struct call *call, struct sql *where)
{
    const char *ends[2];
    enum err err = window(call, ends);
    if (err != ERR_OK)
        return err;
    sql_printf(where, " AND t.start_time < $%d::timestamptz", sql_bind(where, ends[1]));
    sql_printf(where, " AND t.end_time > $%d::timestamptz", sql_bind(where, ends[0]));
    return ERR_OK;
}

/* The filters of a list again, for its totals. */
static void add_filters(const struct call *call, struct sql *sql)
{
    static const struct {
        const char *name, *where;
    } filters[] = {
        {"user_id", " AND t.user_id::text = $%d"},
        {"client_id", " AND t.client_id::text = $%d"},
        {"project_id", " AND t.project_id::text = $%d"},
        {"calendar_id", " AND t.calendar_id::text = $%d"},
        {"calendars", " AND t.calendar_id::text = ANY (string_to_array($%d, ','))"},
    };
    for (size_t i = 0; i < COUNT_OF(filters); i++) {
        const char *value = query_find(call->request, filters[i].name);
        if (value == NULL || value[0] == '\0')
            continue;
        char part[96];
        const char *hole = strstr(filters[i].where, "%d");
        snprintf(part, sizeof(part), "%.*s%d%s", (int)(hole - filters[i].where), filters[i].where,
                 sql_bind(sql, value), hole + 2);
        sql_puts(sql, part);
    }
    if (call->request->who.role <= ROLE_USER)
        sql_printf(sql, " AND t.user_id = $%d::bigint",
                   sql_bind_int(sql, call->request->who.user_id));
}

/* total_hours, billable_hours and by_day over every block of the window, whatever the page. */
static enum err totals(struct call *call)
{
    const char *ends[2];
    enum err err = window(call, ends);
    if (err != ERR_OK)
        return err;
    struct sql sql;
    struct pg_result *result;
    sql_init(&sql, call->arena);
    int from = sql_bind(&sql, ends[0]), to = sql_bind(&sql, ends[1]);
    int zone = sql_bind(&sql, asking_zone(call));
    sql_printf(&sql,
               "WITH days AS (SELECT d.day, d.seconds, t.is_billable FROM billing.time_blocks t,"
               " LATERAL billing.day_seconds(t.start_time, t.end_time, $%d::timestamptz,"
               " $%d::timestamptz, $%d::text) d WHERE t.deleted_at IS NULL AND t.origin = 'bureau'"
               " AND t.start_time < $%d::timestamptz AND t.end_time > $%d::timestamptz",
               from, to, zone, to, from);
    add_filters(call, &sql);
    sql_puts(&sql,
             "), sums AS (SELECT day, sum(seconds) AS s FROM days GROUP BY day)"
             " SELECT json_build_object("
             "'total_hours', coalesce((SELECT trim_scale(round(sum(s) / 3600, 4)) FROM sums), 0),"
             "'billable_hours', coalesce((SELECT trim_scale(round(sum(seconds) / 3600, 4))"
             " FROM days WHERE is_billable), 0),"
             "'by_day', coalesce((SELECT json_object_agg(day, trim_scale(round(s / 3600, 4))"
             " ORDER BY day) FROM sums), '{}'))");
    err = call_run(call, &sql, &result);
    if (err == ERR_OK)
        call->reply->meta = pg_text(result, 0, 0);
    return err;
}

static enum err list(struct call *call)
{
    enum err err = crud_list(call);
    return err == ERR_OK ? totals(call) : err;
}

const struct hooks time_block_hooks = {
    .resource = "time_block",
    .check = check,
    .after_write = after_write,
    .after_delete = after_delete,
    .after_restore = after_write,
    .list = list,
    .narrow = narrow,
};

enum err time_block_sync(struct call *call)
{
    int64_t id = call->request->row;
    enum err err = crud_item(call, id);
    if (err == ERR_OK)
        err = enqueue(call, id, "again");
    if (err != ERR_OK)
        return err;
    struct sql sql;
    sql_init(&sql, call->arena);
    int row = sql_bind_int(&sql, id);
    sql_printf(&sql,
               "SELECT json_build_object('message', 'Sync initiated', 'sync_status',"
               " json_build_object("
               "'calendar', replace(billing.sync_text($%d::bigint, 'calendar_status'), 'pending',"
               " 'syncing'), 'invoicing', replace(billing.sync_text($%d::bigint,"
               " 'invoicing_status'), 'pending', 'syncing')))",
               row, row);
    call->reply->bare = true;
    return call_json(call, &sql);
}
