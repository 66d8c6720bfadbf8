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
    const char *billable;                         /* "true", "false" */
    const char *by;                               /* "client,day" */
    size_t groups[COUNT_OF(groupings)], groups_n; /* each once */
    bool csv;
};

static const char *group_name(const struct report *report, size_t i)
{
    return groupings[report->groups[i]].name;
}

/* Adds a grouping by its name; false when there is none such, or it is there already. */
static bool group_add(struct report *report, const char *name, size_t len)
{
    for (size_t i = 0; i < COUNT_OF(groupings); i++) {
        if (strlen(groupings[i].name) != len || strncmp(groupings[i].name, name, len) != 0)
            continue;
        for (size_t k = 0; k < report->groups_n; k++)
            if (report->groups[k] == i)
                return false;
        report->groups[report->groups_n++] = i;
        return true;
    }
    return false;
}

/* "client,day": rows of each client, by day. */
static enum err read_groups(struct call *call, struct report *report)
{
    const char *text = query_find(call->request, "group_by");
    report->by = text != NULL && text[0] != '\0' ? text : "project";
    report->groups_n = 0;
    for (const char *at = report->by;; at++) {
        size_t len = strcspn(at, ",");
        if (!group_add(report, at, len))
            return call_fault(call, "group_by", RULE_IN, NULL, NULL);
        at += len;
        if (*at == '\0')
            return ERR_OK;
    }
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
    const struct {
        const char *name, **value;
    } ids[] = {{"user_id", &report->user},
               {"client_id", &report->client},
               {"project_id", &report->project}};
    enum err err = query_days(call, true, &report->start, &report->end);
    for (size_t i = 0; i < COUNT_OF(ids); i++)
        if (query_id(call, ids[i].name, ids[i].value) != ERR_OK)
            err = ERR_INVALID;
    if (read_groups(call, report) != ERR_OK)
        err = ERR_INVALID;
    if (!read_flag(query_find(call->request, "billable"), &report->billable))
        err = call_fault(call, "billable", RULE_BOOLEAN, NULL, NULL);
    if (read_format(call, report) != ERR_OK)
        err = ERR_INVALID;
    return err;
}

/* WITH … g (k0, n0, k1, n1 …: keys and names; raw, rounded, billable, worth: seconds, and money ×
   3600, unrounded). A user sees her own work alone, whoever she asks for. */
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
    sql_puts(sql, "), s AS (SELECT ");
    for (size_t i = 0; i < report->groups_n; i++)
        sql_printf(sql, "%s AS k%zu, ", groupings[report->groups[i]].key, i);
    sql_puts(sql, "sum(w.raw) AS raw, sum(w.rounded) AS rounded,"
                  " coalesce(sum(w.rounded) FILTER (WHERE w.is_billable), 0) AS billable,"
                  " coalesce(sum(w.rounded * w.rate) FILTER (WHERE w.is_billable), 0) AS worth"
                  " FROM w GROUP BY ");
    for (size_t i = 0; i < report->groups_n; i++)
        sql_printf(sql, "%s%zu", i > 0 ? ", " : "", i + 1);
    sql_puts(sql, "), g AS (SELECT s.*");
    for (size_t i = 0; i < report->groups_n; i++)
        sql_printf(sql, ", billing.group_name('%s', s.k%zu) AS n%zu", group_name(report, i), i, i);
    sql_puts(sql, " FROM s) ");
}

static void put_order(const struct report *report, struct sql *sql)
{
    sql_puts(sql, " ORDER BY ");
    for (size_t i = 0; i < report->groups_n; i++)
        sql_printf(sql, "%sg.n%zu, g.k%zu", i > 0 ? ", " : "", i, i);
}

/* Of one grouping: "key", "name". Of several: an object of both for each, by its name. */
static void put_keys(const struct report *report, struct sql *sql)
{
    if (report->groups_n == 1) {
        sql_puts(sql, "'key', g.k0, 'name', g.n0");
        return;
    }
    for (size_t i = 0; i < report->groups_n; i++)
        sql_printf(sql, "%s'%s', json_build_object('key', g.k%zu, 'name', g.n%zu)",
                   i > 0 ? ", " : "", group_name(report, i), i, i);
}

static enum err answer_json(struct call *call, const struct report *report, struct sql *sql)
{
    int start = sql_bind(sql, report->start), end = sql_bind(sql, report->end);
    int by = sql_bind(sql, report->by);
    sql_puts(sql, "SELECT json_build_object('data', coalesce(json_agg(json_build_object(");
    put_keys(report, sql);
    sql_puts(sql, ", 'raw_hours', billing.hours(g.raw), 'hours', billing.hours(g.rounded),"
                  " 'billable_hours', billing.hours(g.billable),"
                  " 'amount', trim_scale(round(g.worth / 3600, 2)))");
    put_order(report, sql);
    sql_printf(sql,
               "), '[]'), 'meta', json_build_object('start', $%d::text, 'end', $%d::text,"
               " 'group_by', $%d::text,"
               " 'raw_hours', billing.hours(sum(g.raw)), 'hours', billing.hours(sum(g.rounded)),"
               " 'billable_hours', billing.hours(sum(g.billable)), 'amount',"
               " trim_scale(round(coalesce(sum(g.worth), 0) / 3600, 2)),"
               " 'currency', billing.setting('currency'))) FROM g",
               start, end, by);
    call->reply->bare = true;
    return call_json(call, sql);
}

/* The file's first line and the first columns below it; their number. A day's name is the day. */
static int put_csv_keys(const struct report *report, struct buf *out, struct sql *sql)
{
    int columns = 0;
    sql_puts(sql, "SELECT ");
    buf_puts(out, "\xEF\xBB\xBF");
    for (size_t i = 0; i < report->groups_n; i++) {
        const char *name = group_name(report, i);
        bool alone = report->groups_n == 1;
        buf_printf(out, "%s,", name);
        sql_printf(sql, "g.k%zu, ", i);
        columns++;
        if (!alone && strcmp(name, "day") == 0)
            continue;
        buf_printf(out, "%s%sname,", alone ? "" : name, alone ? "" : "_");
        sql_printf(sql, "g.n%zu, ", i);
        columns++;
    }
    buf_puts(out, "raw_hours,hours,billable_hours,amount\r\n");
    return columns;
}

static void name_file(struct call *call, const struct report *report)
{
    struct buf name;
    buf_init(&name, call->arena);
    buf_puts(&name, "attachment; filename=\"time");
    for (size_t i = 0; i < report->groups_n; i++)
        buf_printf(&name, "_%s", group_name(report, i));
    buf_printf(&name, "_%s_%s.csv\"", report->start, report->end);
    call_header(call, "Content-Disposition", name.data);
}

static enum err answer_csv(struct call *call, const struct report *report, struct sql *sql)
{
    struct pg_result *rows;
    struct buf out;
    buf_init(&out, call->arena);
    int columns = put_csv_keys(report, &out, sql) + 4;
    sql_puts(sql, "billing.hours(g.raw), billing.hours(g.rounded), billing.hours(g.billable),"
                  " trim_scale(round(g.worth / 3600, 2)) FROM g");
    put_order(report, sql);
    enum err err = call_run(call, sql, &rows);
    if (err != ERR_OK)
        return err;
    for (int row = 0; row < pg_rows(rows); row++)
        for (int i = 0; i < columns; i++) {
            const char *text = pg_text(rows, row, i);
            csv_put(&out, text == NULL ? "" : text, pg_len(rows, row, i));
            buf_puts(&out, i < columns - 1 ? "," : "\r\n");
        }
    call->reply->json = (struct slice){out.data, out.len};
    call->reply->type = "text/csv; charset=UTF-8";
    name_file(call, report);
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
               "WITH new AS (INSERT INTO billing.locked_periods (start_date, end_date)"
               " VALUES ($%d::date, $%d::date) RETURNING *) SELECT json_build_object('id', id,"
               " 'start_date', start_date, 'end_date', end_date) FROM new, billing.note("
               "'locked_period', id, NULL, to_jsonb(new), ",
               from, sql_bind(&sql, end));
    put_actor(call, &sql);
    sql_puts(&sql, ")");
    call->reply->message = "Period locked.";
    return call_json(call, &sql);
}

enum err locked_delete(struct call *call)
{
    struct sql sql;
    sql_init(&sql, call->arena);
    sql_printf(&sql,
               "WITH gone AS (DELETE FROM billing.locked_periods"
               " WHERE organization_id = core.org() AND id = $%d::bigint RETURNING *)"
               " SELECT json_build_object('message', 'Period unlocked.') FROM gone, billing.note("
               "'locked_period', id, to_jsonb(gone), NULL, ",
               sql_bind_int(&sql, call->request->row));
    put_actor(call, &sql);
    sql_puts(&sql, ")");
    call->reply->bare = true;
    enum err err = call_json(call, &sql);
    return err == ERR_NOT_FOUND ? call_fail(call, err, "Locked period not found.") : err;
}
