/* Reports over worked time, and the periods in which it may no longer change. */
#include <string.h>

#include "services/billing/hooks.h"

/* What a report may group by; each is an expression over b (block) giving key and name. */
static const struct {
    const char *name, *key, *label;
} groupings[] = {
    {"client", "b.client_id::text", "billing.client_embed(b.client_id) ->> 'name'"},
    {"project", "b.project_id::text", "billing.project_embed(b.project_id) ->> 'name'"},
    {"user", "b.user_id::text", "billing.user_embed(b.user_id) ->> 'name'"},
    {"day", "b.day::text", "b.day::text"},
};

static const char *zone_of(const struct call *call)
{
    const char *zone = call->request->who.zone;
    return zone != NULL && zone[0] != '\0' ? zone : "UTC";
}

static enum err need(struct call *call, const char *name, const char **value)
{
    *value = query_find(call->request, name);
    if (*value != NULL && strspn(*value, "0123456789-") == strlen(*value) && strlen(*value) == 10)
        return ERR_OK;
    bool absent = *value == NULL || (*value)[0] == '\0';
    return call_fault(call, name, absent ? RULE_MISSING : RULE_DATE, NULL, NULL);
}

static int grouping_of(const char *name)
{
    for (size_t i = 0; i < COUNT_OF(groupings); i++)
        if (strcmp(groupings[i].name, name) == 0)
            return (int)i;
    return -1;
}

/* Rounding is applied to each block at report time; the raw times stay as they are. */
static void add_rows(const struct call *call, struct sql *sql, const char *start, const char *end)
{
    int zone = sql_bind(sql, zone_of(call));
    int from = sql_bind(sql, start), to = sql_bind(sql, end);
    sql_printf(sql,
               "WITH b AS (SELECT t.client_id, t.project_id, t.user_id, t.is_billable, d.day,"
               " d.seconds / 3600 AS raw, CASE WHEN p.rounding_minutes > 0 THEN"
               " ceil(d.seconds / (60 * p.rounding_minutes)) * p.rounding_minutes / 60"
               " ELSE d.seconds / 3600 END AS hours, coalesce(p.hourly_rate, 0) AS rate"
               " FROM billing.time_blocks t LEFT JOIN billing.projects p ON p.id = t.project_id,"
               " LATERAL billing.day_seconds(t.start_time, t.end_time,"
               " $%d::date::timestamp AT TIME ZONE $%d, ($%d::date + 1)::timestamp"
               " AT TIME ZONE $%d, $%d) d WHERE t.deleted_at IS NULL AND t.origin = 'bureau'"
               " AND t.start_time < ($%d::date + 1)::timestamp AT TIME ZONE $%d"
               " AND t.end_time > $%d::date::timestamp AT TIME ZONE $%d",
               from, zone, to, zone, zone, to, zone, from, zone);
    if (call->request->who.role <= ROLE_USER)
        sql_printf(sql, " AND t.user_id = $%d::bigint",
                   sql_bind_int(sql, call->request->who.user_id));
    sql_puts(sql, ")");
}

enum err time_report(struct call *call)
{
    const char *start, *end, *by = query_find(call->request, "group_by");
    enum err err = need(call, "start", &start);
    enum err second = need(call, "end", &end);
    int group = grouping_of(by != NULL ? by : "project");
    if (group < 0)
        return call_fault(call, "group_by", RULE_IN, NULL, NULL);
    if (err != ERR_OK || second != ERR_OK)
        return err != ERR_OK ? err : second;
    struct sql sql;
    sql_init(&sql, call->arena);
    add_rows(call, &sql, start, end);
    sql_printf(
        &sql,
        ", g AS (SELECT %s AS key, %s AS name, trim_scale(round(sum(raw), 4)) AS raw_hours,"
        " trim_scale(round(sum(hours), 4)) AS hours, trim_scale(round(coalesce(sum(hours)"
        " FILTER (WHERE is_billable), 0), 4)) AS billable_hours,"
        " trim_scale(round(coalesce(sum(hours * rate) FILTER (WHERE is_billable), 0), 2))"
        " AS amount FROM b GROUP BY 1, 2) SELECT coalesce(json_agg(g ORDER BY g.name, g.key),"
        " '[]') FROM g",
        groupings[group].key, groupings[group].label);
    return call_json(call, &sql);
}

enum err locked_list(struct call *call)
{
    struct sql sql;
    sql_init(&sql, call->arena);
    sql_puts(&sql,
             "SELECT coalesce(json_agg(json_build_object('id', id, 'start_date', start_date,"
             " 'end_date', end_date) ORDER BY start_date), '[]') FROM billing.locked_periods");
    return call_json(call, &sql);
}

enum err locked_create(struct call *call)
{
    static const char *const names[] = {"start_date", "end_date"};
    struct sql sql;
    sql_init(&sql, call->arena);
    enum err err = ERR_OK;
    for (int i = 0; i < 2; i++) {
        const char *text = mp_text(call->arena, mp_find(call->body, names[i]));
        if (text == NULL || text[0] == '\0')
            err = call_fault(call, names[i], RULE_MISSING, NULL, NULL);
        else if (strlen(text) != 10 || strspn(text, "0123456789-") != 10)
            err = call_fault(call, names[i], RULE_DATE, NULL, NULL);
        (void)sql_bind(&sql, text);
    }
    if (err != ERR_OK)
        return err;
    sql_puts(&sql, "INSERT INTO billing.locked_periods (start_date, end_date)"
                   " VALUES ($1::date, $2::date) RETURNING json_build_object('id', id,"
                   " 'start_date', start_date, 'end_date', end_date)");
    call->reply->message = "Period locked.";
    return call_json(call, &sql);
}

enum err locked_delete(struct call *call)
{
    struct sql sql;
    sql_init(&sql, call->arena);
    sql_printf(&sql,
               "DELETE FROM billing.locked_periods WHERE id = $%d::bigint"
               " RETURNING json_build_object('message', 'Period unlocked.')",
               sql_bind_int(&sql, call->request->row));
    call->reply->bare = true;
    return call_json(call, &sql);
}
