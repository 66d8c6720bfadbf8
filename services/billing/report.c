/* Reports over worked time, as JSON and as CSV, and the periods in which it may no longer change.
 */
#include <string.h>

#include "services/billing/body.h"
#include "services/billing/hooks.h"
#include "services/core/check.h"
#include "services/core/export.h"

/* What a report may group by; each is an expression over w, billing.worked(). */
static const struct {
    const char *name, *key;
} groupings[] = {
    {"client", "w.client_id::text"},
    {"project", "w.project_id::text"},
    {"user", "w.user_id::text"},
    {"day", "w.day::text"},
};

/* What was asked: checked values, or NULL. */
struct report {
    const char *start, *end, *user, *client, *project;
    const char *billable; /* "true", "false" */
    int group;
    bool csv;
};

static int grouping_of(const char *name)
{
    for (size_t i = 0; i < COUNT_OF(groupings); i++)
        if (strcmp(groupings[i].name, name) == 0)
            return (int)i;
    return -1;
}

/* false: the word is none of both. */
static bool read_flag(const char *text, const char **out)
{
    bool yes = text != NULL && (strcmp(text, "true") == 0 || strcmp(text, "1") == 0);
    bool no = text != NULL && (strcmp(text, "false") == 0 || strcmp(text, "0") == 0);
    *out = yes ? "true" : no ? "false" : NULL;
    return yes || no || text == NULL || text[0] == '\0';
}

static enum err read_format(struct call *call, struct report *report)
{
    const char *format = query_find(call->request, "format");
    const char *accept = call->request->headers[HEADER_ACCEPT];
    bool given = format != NULL && format[0] != '\0';
    report->csv =
        given ? strcmp(format, "csv") == 0 : accept != NULL && strncmp(accept, "text/csv", 8) == 0;
    if (given && !report->csv && strcmp(format, "json") != 0)
        return call_fault(call, "format", RULE_IN, NULL, NULL);
    return ERR_OK;
}

static enum err read_report(struct call *call, struct report *report)
{
    const char *by = query_find(call->request, "group_by");
    const struct {
        const char *name, **value;
    } ids[] = {{"user_id", &report->user},
               {"client_id", &report->client},
               {"project_id", &report->project}};
    enum err err = query_days(call, true, &report->start, &report->end);
    for (size_t i = 0; i < COUNT_OF(ids); i++)
        if (query_id(call, ids[i].name, ids[i].value) != ERR_OK)
            err = ERR_INVALID;
    report->group = grouping_of(by != NULL && by[0] != '\0' ? by : "project");
    if (report->group < 0)
        err = call_fault(call, "group_by", RULE_IN, NULL, NULL);
    if (!read_flag(query_find(call->request, "billable"), &report->billable))
        err = call_fault(call, "billable", RULE_BOOLEAN, NULL, NULL);
    if (read_format(call, report) != ERR_OK)
        err = ERR_INVALID;
    return err;
}

/* WITH … g (key, name, raw, rounded, billable, worth), seconds and money × 3600, unrounded. A user
   sees her own work alone, whoever she asks for. */
static void put_groups(const struct call *call, const struct report *report, struct sql *sql)
{
    const struct caller *who = &call->request->who;
    int from = sql_bind(sql, report->start), to = sql_bind(sql, report->end);
    int zone = sql_bind(sql, caller_zone(call)), user = sql_bind(sql, report->user);
    int client = sql_bind(sql, report->client), project = sql_bind(sql, report->project);
    sql_printf(sql,
               "WITH w AS (SELECT * FROM billing.worked($%d::date, $%d::date, $%d::text,"
               " $%d::bigint, $%d::bigint, $%d::bigint) WHERE true",
               from, to, zone, user, client, project);
    if (who->role <= ROLE_USER)
        sql_printf(sql, " AND user_id = $%d::bigint", sql_bind_int(sql, who->user_id));
    if (report->billable != NULL)
        sql_printf(sql, " AND is_billable = $%d::boolean", sql_bind(sql, report->billable));
    sql_printf(sql,
               "), s AS (SELECT %s AS key, sum(w.raw) AS raw, sum(w.rounded) AS rounded,"
               " coalesce(sum(w.rounded) FILTER (WHERE w.is_billable), 0) AS billable,"
               " coalesce(sum(w.rounded * w.rate) FILTER (WHERE w.is_billable), 0) AS worth"
               " FROM w GROUP BY 1), g AS (SELECT s.*, billing.group_name('%s', s.key) AS name"
               " FROM s) ",
               groupings[report->group].key, groupings[report->group].name);
}

static enum err answer_json(struct call *call, const struct report *report, struct sql *sql)
{
    int start = sql_bind(sql, report->start), end = sql_bind(sql, report->end);
    sql_printf(sql,
               "SELECT json_build_object('data', coalesce(json_agg(json_build_object("
               "'key', g.key, 'name', g.name, 'raw_hours', billing.hours(g.raw),"
               " 'hours', billing.hours(g.rounded), 'billable_hours', billing.hours(g.billable),"
               " 'amount', trim_scale(round(g.worth / 3600, 2))) ORDER BY g.name, g.key), '[]'),"
               " 'meta', json_build_object('start', $%d::text, 'end', $%d::text, 'group_by', '%s',"
               " 'raw_hours', billing.hours(sum(g.raw)), 'hours', billing.hours(sum(g.rounded)),"
               " 'billable_hours', billing.hours(sum(g.billable)), 'amount',"
               " trim_scale(round(coalesce(sum(g.worth), 0) / 3600, 2)),"
               " 'currency', billing.setting('currency'))) FROM g",
               start, end, groupings[report->group].name);
    call->reply->bare = true;
    return call_json(call, sql);
}

static enum err answer_csv(struct call *call, const struct report *report, struct sql *sql)
{
    struct pg_result *rows;
    struct buf out;
    sql_puts(sql, "SELECT g.key, g.name, billing.hours(g.raw), billing.hours(g.rounded),"
                  " billing.hours(g.billable), trim_scale(round(g.worth / 3600, 2))"
                  " FROM g ORDER BY g.name, g.key");
    enum err err = call_run(call, sql, &rows);
    if (err != ERR_OK)
        return err;
    buf_init(&out, call->arena);
    buf_printf(&out, "\xEF\xBB\xBF%s,name,raw_hours,hours,billable_hours,amount\r\n",
               groupings[report->group].name);
    for (int row = 0; row < pg_rows(rows); row++)
        for (int i = 0; i < 6; i++) {
            const char *text = pg_text(rows, row, i);
            csv_put(&out, text == NULL ? "" : text, pg_len(rows, row, i));
            buf_puts(&out, i < 5 ? "," : "\r\n");
        }
    call->reply->json = (struct slice){out.data, out.len};
    call->reply->type = "text/csv; charset=UTF-8";
    call_header(call, "Content-Disposition",
                arena_printf(call->arena, "attachment; filename=\"time_%s_%s_%s.csv\"",
                             groupings[report->group].name, report->start, report->end));
    return ERR_OK;
}

enum err time_report(struct call *call)
{
    struct report report;
    struct sql sql;
    enum err err = read_report(call, &report);
    if (err != ERR_OK)
        return err;
    sql_init(&sql, call->arena);
    put_groups(call, &report, &sql);
    return report.csv ? answer_csv(call, &report, &sql) : answer_json(call, &report, &sql);
}

enum err locked_list(struct call *call)
{
    struct sql sql;
    sql_init(&sql, call->arena);
    sql_puts(&sql,
             "SELECT coalesce(json_agg(json_build_object('id', id, 'start_date', start_date,"
             " 'end_date', end_date) ORDER BY start_date, id), '[]') FROM billing.locked_periods"
             " WHERE organization_id = core.org()");
    return call_json(call, &sql);
}

enum err locked_create(struct call *call)
{
    enum err err = body_read(call);
    if (err != ERR_OK)
        return err;
    const char *start = call_value(call, "start_date"), *end = call_value(call, "end_date");
    if (strcmp(start, end) > 0)
        return call_fault_said(call, "end_date",
                               "The end date field must be a date after or equal to start date.");
    struct sql sql;
    struct pg_result *result;
    sql_init(&sql, call->arena);
    sql_puts(&sql, "SELECT billing.lock_periods(true)"); /* after the writes that are under way */
    err = call_run(call, &sql, &result);
    if (err != ERR_OK)
        return err;
    sql_init(&sql, call->arena);
    int from = sql_bind(&sql, start);
    sql_printf(&sql,
               "INSERT INTO billing.locked_periods (start_date, end_date)"
               " VALUES ($%d::date, $%d::date) RETURNING json_build_object('id', id,"
               " 'start_date', start_date, 'end_date', end_date)",
               from, sql_bind(&sql, end));
    call->reply->message = "Period locked.";
    return call_json(call, &sql);
}

enum err locked_delete(struct call *call)
{
    struct sql sql;
    sql_init(&sql, call->arena);
    sql_printf(&sql,
               "DELETE FROM billing.locked_periods"
               " WHERE organization_id = core.org() AND id = $%d::bigint"
               " RETURNING json_build_object('message', 'Period unlocked.')",
               sql_bind_int(&sql, call->request->row));
    call->reply->bare = true;
    enum err err = call_json(call, &sql);
    return err == ERR_NOT_FOUND ? call_fail(call, err, "Locked period not found.") : err;
}
