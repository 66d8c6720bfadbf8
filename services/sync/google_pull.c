/* google_pull.c - what is read from Google: the list of calendars. */
#include <string.h>

#include "services/sync/google.h"

enum { DAY_MS = 86400000, PAGES = 40 };

static bool keep_calendar(struct task *task, const msgpack_object *item)
{
    struct arena *a = task->arena;
    struct sql sql;
    struct pg_result *rows;
    const char *id = mp_text(a, mp_find(item, "id"));
    const char *name = mp_text(a, mp_find(item, "summaryOverride"));
    if (name == NULL)
        name = mp_text(a, mp_find(item, "summary"));
    const msgpack_object *primary = mp_find(item, "primary");
    const msgpack_object *gone = mp_find(item, "deleted");
    bool is_primary =
        primary != NULL && primary->type == MSGPACK_OBJECT_BOOLEAN && primary->via.boolean;
    if (id == NULL || (gone != NULL && gone->type == MSGPACK_OBJECT_BOOLEAN && gone->via.boolean))
        return true;
    const char *access = mp_text(a, mp_find(item, "accessRole"));
    sql_init(&sql, a);
    int integration = sql_bind_int(&sql, task->integration_id), external = sql_bind(&sql, id);
    int named = sql_bind(&sql, name == NULL || name[0] == '\0' ? id : name);
    int color = sql_bind(&sql, mp_text(a, mp_find(item, "backgroundColor")));
    int zone = sql_bind(&sql, mp_text(a, mp_find(item, "timeZone")));
    int role = sql_bind(&sql, access == NULL ? "reader" : access);
    int first = sql_bind(&sql, is_primary ? "true" : "false");
    sql_printf(&sql,
               "INSERT INTO sync.calendars AS c (integration_id, external_id, name, color, zone,"
               " access, is_primary, is_enabled) VALUES ($%d::bigint, $%d::text, $%d::text,"
               " $%d::text, $%d::text, $%d::text, $%d::boolean, $%d::boolean)"
               " ON CONFLICT (organization_id, integration_id, external_id) DO UPDATE SET name ="
               " excluded.name, color = excluded.color, zone = excluded.zone, access ="
               " excluded.access, is_primary = excluded.is_primary, deleted_at = NULL,"
               " updated_at = clock_timestamp()",
               integration, external, named, color, zone, role, first, first);
    return deliver_sql(task, &sql, &rows);
}

/* What was not listed any more is gone; the rest is looked at by the clock. */
static bool finish_calendars(struct task *task, const char *since)
{
    struct sql sql;
    struct pg_result *rows;
    sql_init(&sql, task->arena);
    int integration = sql_bind_int(&sql, task->integration_id), from = sql_bind(&sql, since);
    sql_printf(&sql,
               "WITH gone AS (UPDATE sync.calendars SET deleted_at = now(), is_enabled = false"
               " WHERE organization_id = core.org() AND integration_id = $%d::bigint"
               " AND deleted_at IS NULL AND updated_at < $%d::timestamptz RETURNING id)"
               " SELECT sync.add_job(c.integration_id, 'pull', c.id, 2::smallint, interval '0')"
               " FROM sync.calendars c WHERE c.organization_id = core.org() AND c.integration_id ="
               " $%d::bigint AND c.deleted_at IS NULL AND c.is_enabled AND c.sync_direction <>"
               " 'push' AND c.updated_at >= $%d::timestamptz",
               integration, from, integration, from);
    return deliver_sql(task, &sql, &rows);
}

void google_calendars(struct task *task)
{
    struct sql sql;
    struct pg_result *rows;
    struct http_reply reply;
    const char *page = NULL;
    sql_init(&sql, task->arena);
    sql_puts(&sql, "SELECT clock_timestamp()");
    if (!deliver_sql(task, &sql, &rows))
        return;
    const char *since = pg_text(rows, 0, 0);
    for (int i = 0; i < PAGES; i++) {
        struct buf url;
        buf_init(&url, task->arena);
        buf_printf(&url, "%s/users/me/calendarList?maxResults=250",
                   provider_endpoint(task->provider)->api_url);
        if (page != NULL)
            http_form(&url, "pageToken", page);
        if (!deliver_ask(task, &(struct ask){"GET", url.data, NULL, NULL}, &reply))
            return;
        if (reply.status != 200) {
            google_fail(task, &reply);
            return;
        }
        const msgpack_object *items = mp_find(reply.object, "items");
        for (uint32_t k = 0;
             items != NULL && items->type == MSGPACK_OBJECT_ARRAY && k < items->via.array.size; k++)
            if (!keep_calendar(task, &items->via.array.ptr[k]))
                return;
        page = mp_text(task->arena, mp_find(reply.object, "nextPageToken"));
        if (page == NULL)
            break;
    }
    if (finish_calendars(task, since)) {
        deliver_stop(task, OUTCOME_LATER, NULL);
        task->result.wait_ms = DAY_MS;
    }
}

void google_pull(struct task *task) { deliver_stop(task, OUTCOME_DONE, NULL); }
