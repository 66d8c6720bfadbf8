/* integration.c - integrations, calendars and jobs as document 001 shows them. */
#include <string.h>

#include "services/core/check.h"
#include "services/core/validate.h"
#include "services/sync/ops.h"
#include "services/sync/provider.h"

#define ISO(column) "to_char(" column " AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"')"

#define CALENDAR_JSON                                                                              \
    "json_build_object('id', c.id, 'name', c.name, 'color', c.color, 'is_enabled', c.is_enabled,"  \
    " 'sync_direction', c.sync_direction, 'is_primary', c.is_primary, 'timezone', c.zone,"         \
    " 'access', c.access, 'last_error', c.last_error, 'last_sync_at', " ISO("c.last_sync_at") ")"

/* Document 001 shows an invoicing integration without account_email and calendars. */
#define INTEGRATION_JSON                                                                           \
    "CASE i.provider_type WHEN 'calendar' THEN json_build_object('id', i.id, 'provider',"          \
    " i.provider, 'provider_type', i.provider_type, 'name', i.name, 'account_email',"              \
    " i.account_email, 'is_active', i.is_active, 'needs_reconnect', i.needs_reconnect,"            \
    " 'last_error', i.last_error, 'last_sync_at', " ISO(                                           \
        "i.last_sync_at") ", 'calendars',"                                                         \
                          " (SELECT coalesce(json_agg(json_build_object('id', c.id, 'name', "      \
                          "c.name, 'color', c.color,"                                              \
                          " 'is_enabled', c.is_enabled) ORDER BY c.is_primary DESC, c.id), '[]') " \
                          "FROM sync.calendars c"                                                  \
                          " WHERE c.organization_id = i.organization_id AND c.integration_id = "   \
                          "i.id"                                                                   \
                          " AND c.deleted_at IS NULL)) ELSE json_build_object('id', i.id, "        \
                          "'provider', i.provider,"                                                \
                          " 'provider_type', i.provider_type, 'name', i.name, 'is_active', "       \
                          "i.is_active,"                                                           \
                          " 'needs_reconnect', i.needs_reconnect, 'last_error', i.last_error, "    \
                          "'last_sync_at', " ISO("i.last_sync_at") ") END"

enum err integration_list(struct call *call)
{
    struct sql sql;
    sql_init(&sql, call->arena);
    sql_puts(&sql, "SELECT json_build_object('data', coalesce(json_agg(" INTEGRATION_JSON
                   " ORDER BY i.id), '[]')) FROM sync.integrations i"
                   " WHERE i.organization_id = core.org() AND i.deleted_at IS NULL");
    return ops_row(call, &sql, "");
}

static void put_provider(struct buf *out, const struct provider *p)
{
    const struct {
        const char *key, *value;
    } texts[] = {
        {"key", p->key}, {"name", p->name}, {"description", p->description}, {"icon", p->icon}};
    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        buf_printf(out, "%c\"%s\":", i == 0 ? '{' : ',', texts[i].key);
        buf_puts_json(out, texts[i].value);
    }
    const char *client = provider_endpoint(p)->client_id;
    bool on = provider_is_configured(p), offered = client != NULL && client[0] != '\0';
    if (on && p->planned)
        buf_puts(out, ",\"available\":true");
    else if (!on && p->planned && !offered)
        buf_puts(out, ",\"available\":false,\"coming_soon\":true");
    else if (!on)
        buf_puts(out, ",\"available\":false,\"configured\":false");
    buf_putc(out, '}');
}

enum err integration_available(struct call *call)
{
    static const char *const types[] = {"calendar", "invoicing"};
    struct buf out;
    buf_init(&out, call->arena);
    buf_puts(&out, "{\"data\":");
    for (size_t i = 0; i < COUNT_OF(types); i++) {
        bool first = true;
        buf_printf(&out, "%s\"%s\":[", i == 0 ? "{" : ",", types[i]);
        for (const struct provider *p = providers; p->key != NULL; p++) {
            if (strcmp(p->type, types[i]) != 0)
                continue;
            buf_puts(&out, first ? "" : ",");
            first = false;
            put_provider(&out, p);
        }
        buf_putc(&out, ']');
    }
    buf_puts(&out, "}}");
    return ops_text(call, out.data);
}

enum err integration_calendars(struct call *call)
{
    struct sql sql;
    sql_init(&sql, call->arena);
    sql_printf(&sql,
               "SELECT json_build_object('data', (SELECT coalesce(json_agg(" CALENDAR_JSON
               " ORDER BY c.is_primary DESC, c.id), '[]') FROM sync.calendars c"
               " WHERE c.organization_id = core.org() AND c.integration_id = i.id"
               " AND c.deleted_at IS NULL)) FROM sync.integrations i WHERE i.organization_id ="
               " core.org() AND i.id = $%d::bigint AND i.deleted_at IS NULL",
               sql_bind_int(&sql, call->request->row));
    return ops_row(call, &sql, "Integration not found.");
}

/* ---- settings of a calendar ---- */

static enum err queue_pull(struct call *call, bool urgent)
{
    struct sql sql;
    struct pg_result *rows;
    sql_init(&sql, call->arena);
    sql_printf(&sql,
               "SELECT sync.add_job(c.integration_id, 'pull', c.id, 0::smallint, interval '%s')"
               " FROM sync.calendars c WHERE c.organization_id = core.org() AND c.id = $%d::bigint"
               " AND c.is_enabled AND c.sync_direction <> 'push'",
               urgent ? "0" : "1 second", sql_bind_int(&sql, call->request->row));
    return call_run(call, &sql, &rows);
}

struct seen {
    bool connected, push_only, read_only, is_on;
};

/* The calendar must be there before its body is looked at. */
static enum err calendar_seen(struct call *call, struct seen *seen)
{
    struct sql sql;
    struct pg_result *rows;
    sql_init(&sql, call->arena);
    sql_printf(&sql,
               "SELECT i.is_active AND NOT i.needs_reconnect, i.provider,"
               " c.access NOT IN ('owner', 'writer'), c.is_enabled FROM sync.calendars c"
               " JOIN sync.integrations i ON i.organization_id = c.organization_id"
               " AND i.id = c.integration_id WHERE c.organization_id = core.org()"
               " AND c.id = $%d::bigint AND c.deleted_at IS NULL AND i.deleted_at IS NULL",
               sql_bind_int(&sql, call->request->row));
    enum err err = ops_find(call, &sql, "Calendar not found.", &rows);
    if (err != ERR_OK)
        return err;
    const struct provider *p = provider_find(pg_text(rows, 0, 1));
    *seen = (struct seen){.connected = pg_true(rows, 0, 0),
                          .push_only = p != NULL && p->push_only,
                          .read_only = pg_true(rows, 0, 2),
                          .is_on = pg_true(rows, 0, 3)};
    return ERR_OK;
}

/* What the calendar cannot do is not promised. */
static enum err check_use(struct call *call, const struct seen *seen, const char *enabled,
                          const char *direction)
{
    if (enabled != NULL && strcmp(enabled, "true") == 0 && seen->push_only && seen->read_only)
        return call_fault_said(call, "is_enabled", "This calendar can only be read.");
    if (direction != NULL && seen->push_only && strcmp(direction, "push") != 0)
        return call_fault_said(call, "sync_direction", "This calendar can only be written to.");
    if (direction != NULL && seen->read_only && strcmp(direction, "push") == 0)
        return call_fault_said(call, "sync_direction", "This calendar can only be read.");
    return ERR_OK;
}

/* What a calendar missed while it was off; nothing while it is off. */
static enum err catch_up(struct call *call)
{
    struct sql sql;
    struct pg_result *rows;
    sql_init(&sql, call->arena);
    sql_printf(&sql, "SELECT sync.calendar_on($%d::bigint)",
               sql_bind_int(&sql, call->request->row));
    return call_run(call, &sql, &rows);
}

enum err calendar_update(struct call *call)
{
    struct seen seen;
    struct sql sql;
    enum err err = calendar_seen(call, &seen);
    if (err == ERR_OK)
        err = validate_endpoint(call, "sync");
    const char *direction_said = err == ERR_OK ? call_value(call, "sync_direction") : NULL;
    if (err == ERR_OK)
        err = check_use(call, &seen, call_value(call, "is_enabled"), direction_said);
    if (err != ERR_OK)
        return err;
    sql_init(&sql, call->arena);
    int enabled = sql_bind(&sql, call_value(call, "is_enabled"));
    int direction = sql_bind(&sql, direction_said);
    sql_printf(&sql,
               "UPDATE sync.calendars c SET is_enabled = coalesce($%d::boolean, is_enabled),"
               " sync_direction = coalesce($%d::text, sync_direction), updated_at = now()"
               " WHERE c.organization_id = core.org() AND c.id = $%d::bigint RETURNING"
               " json_build_object('message', 'Calendar settings updated', 'calendar',"
               " json_build_object('id', c.id, 'name', c.name, 'is_enabled', c.is_enabled,"
               " 'sync_direction', c.sync_direction))",
               enabled, direction, sql_bind_int(&sql, call->request->row));
    err = ops_row(call, &sql, "Calendar not found.");
    if (err == ERR_OK && !seen.is_on)
        err = catch_up(call);
    return err == ERR_OK ? queue_pull(call, false) : err;
}

enum err calendar_sync(struct call *call)
{
    struct seen seen;
    enum err err = calendar_seen(call, &seen);
    if (err != ERR_OK)
        return err;
    if (!seen.connected)
        return call_fail(call, ERR_CONFLICT, "The account must be connected again first.");
    err = queue_pull(call, true);
    return err == ERR_OK ? ops_text(call, "{\"message\":\"Sync initiated\"}") : err;
}

enum err integration_sync(struct call *call)
{
    struct sql sql;
    struct pg_result *rows;
    sql_init(&sql, call->arena);
    sql_printf(&sql,
               "SELECT sync.force(id), needs_reconnect FROM sync.integrations"
               " WHERE organization_id = core.org() AND id = $%d::bigint AND deleted_at IS NULL",
               sql_bind_int(&sql, call->request->row));
    enum err err = ops_find(call, &sql, "Integration not found.", &rows);
    if (err != ERR_OK)
        return err;
    if (pg_true(rows, 0, 1))
        return call_fail(call, ERR_CONFLICT, "The account must be connected again first.");
    return ops_text(call, "{\"message\":\"Sync initiated\"}");
}

/* ---- jobs ---- */

#define JOB_JSON                                                                                   \
    "json_build_object('id', j.id, 'integration_id', j.integration_id, 'provider', l.provider,"    \
    " 'kind', j.kind, 'record', CASE j.kind WHEN 'push' THEN 'time_block' WHEN 'pull' THEN"        \
    " 'calendar' END, 'record_id', nullif(j.record_id, 0), 'status', CASE WHEN j.state = 'failed'" \
    " THEN 'failed' WHEN l.job_id = j.id AND l.lease_until > now() THEN 'running' ELSE 'pending'"  \
    " END, 'attempts', j.attempt, 'error', j.error, 'run_at', core.iso(j.run_at), 'created_at',"   \
    " core.iso(j.created_at), 'updated_at', core.iso(j.updated_at))"

enum err query_status(struct call *call, const char *const *known, const char **status)
{
    *status = query_find(call->request, "status");
    if (*status == NULL || (*status)[0] == '\0')
        return ERR_OK;
    for (size_t i = 0; known[i] != NULL; i++)
        if (strcmp(known[i], *status) == 0)
            return ERR_OK;
    return call_fault(call, "status", RULE_IN, NULL, NULL);
}

/* Newest first; page, per_page. */
enum err job_list(struct call *call)
{
    static const char *const known[] = {"failed", "pending", "running", NULL};
    const char *wanted;
    struct sql sql;
    enum err err = query_status(call, known, &wanted);
    if (err != ERR_OK)
        return err;
    sql_init(&sql, call->arena);
    int status = sql_bind(&sql, wanted);
    int page = sql_bind(&sql, query_find(call->request, "page"));
    int size = sql_bind(&sql, query_find(call->request, "per_page"));
    sql_printf(&sql, "SELECT sync.job_page($%d::text, $%d::text, $%d::text)", status, page, size);
    return ops_row(call, &sql, "");
}

enum err job_retry(struct call *call)
{
    struct sql sql;
    sql_init(&sql, call->arena);
    sql_printf(&sql,
               "WITH again AS (UPDATE sync.jobs SET state = 'available', attempt = 0, error = NULL,"
               " run_at = now(), first_at = now(), priority = 0, updated_at = now()"
               " WHERE organization_id = core.org() AND id = $%d::bigint RETURNING *), shown AS"
               " (UPDATE sync.links k SET status = 'pending', error = NULL, updated_at = now()"
               " FROM again a WHERE a.kind = 'push' AND k.organization_id = a.organization_id"
               " AND k.integration_id = a.integration_id AND k.record_id = a.record_id)"
               " SELECT json_build_object('message', 'Job queued again', 'data', " JOB_JSON
               ") FROM again j JOIN sync.lanes l ON l.organization_id = j.organization_id"
               " AND l.integration_id = j.integration_id",
               sql_bind_int(&sql, call->request->row));
    return ops_row(call, &sql, "Job not found.");
}

/* ---- the change feed ---- */

/* A parameter as a number of at most `max`, or its fault. */
static enum err read_number(struct call *call, const struct field *field, const char *def,
                            const char **out)
{
    const char *text = query_find(call->request, field->name);
    *out = def;
    if (text == NULL || text[0] == '\0')
        return ERR_OK;
    size_t digits = strspn(text, "0123456789");
    if (text[digits] != '\0' || digits > 18) {
        fault_add(call, field, RULE_INTEGER, NULL, NULL);
        return ERR_INVALID;
    }
    *out = text;
    return ERR_OK;
}

enum err change_list(struct call *call)
{
    static const struct field after_field = {"after", F_INT, 0}, limit_field = {"limit", F_INT, 0};
    const char *after, *limit;
    struct sql sql;
    enum err err = read_number(call, &after_field, "0", &after);
    if (read_number(call, &limit_field, "100", &limit) != ERR_OK)
        err = ERR_INVALID;
    if (err != ERR_OK)
        return err;
    sql_init(&sql, call->arena);
    int from = sql_bind(&sql, after);
    sql_printf(
        &sql, "SELECT sync.change_page($%d::bigint, least(greatest($%d::bigint, 1), 500)::integer)",
        from, sql_bind(&sql, limit));
    return ops_row(call, &sql, "");
}
