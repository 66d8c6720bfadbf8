/*
 * google_pull.c - what is read from Google: the list of calendars, and the changes of one.
 *
 * A whole list first, then only what changed since (syncToken). The token is kept only when the
 * last page was taken, so a list that breaks off is read again from where it began.
 */
#include <string.h>

#include "services/sync/calendars.h"
#include "services/sync/google.h"

enum {
    PAGES = 40,
    TOLD = 12,
    /* a calendar Google tells us of is looked at so much less often */ BACK_DAYS = 60
};

static bool is_set(const msgpack_object *item, const char *key)
{
    const msgpack_object *flag = mp_find(item, key);
    return flag != NULL && flag->type == MSGPACK_OBJECT_BOOLEAN && flag->via.boolean;
}

static bool keep_calendar(struct task *task, const msgpack_object *item)
{
    struct arena *a = task->arena;
    const char *name = mp_text(a, mp_find(item, "summaryOverride"));
    const char *access = mp_text(a, mp_find(item, "accessRole"));
    struct calendar c = {.id = mp_text(a, mp_find(item, "id")),
                         .name = name != NULL ? name : mp_text(a, mp_find(item, "summary")),
                         .color = mp_text(a, mp_find(item, "backgroundColor")),
                         .zone = mp_text(a, mp_find(item, "timeZone")),
                         .access = access == NULL ? "reader" : access,
                         .primary = is_set(item, "primary")};
    return c.id == NULL || is_set(item, "deleted") || calendars_take(task, &c);
}

void google_calendars(struct task *task)
{
    struct http_reply reply;
    const char *page = NULL, *since = calendars_begin(task);
    if (since == NULL)
        return;
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
    calendars_finish(task, since);
}

/* ---- the changes of one calendar ---- */

struct pull {
    const char *calendar, *token, *since, *from; /* token: NULL for a whole list */
    bool wanted;
};

static bool read_pull(struct task *task, struct pull *pull)
{
    struct sql sql;
    struct pg_result *rows;
    sql_init(&sql, task->arena);
    sql_printf(&sql,
               "SELECT external_id, sync_token, clock_timestamp(),"
               " to_char(now() AT TIME ZONE 'UTC' - interval '%d days',"
               " 'YYYY-MM-DD\"T\"00:00:00\"Z\"') FROM sync.calendars WHERE organization_id ="
               " core.org() AND id = $%d::bigint AND deleted_at IS NULL AND is_enabled"
               " AND sync_direction <> 'push'",
               (int)BACK_DAYS, sql_bind_int(&sql, task->record_id));
    if (!deliver_sql(task, &sql, &rows))
        return false;
    pull->wanted = pg_rows(rows) > 0;
    pull->calendar = pg_text(rows, 0, 0);
    pull->token = pg_text(rows, 0, 1);
    pull->since = pg_text(rows, 0, 2);
    pull->from = pg_text(rows, 0, 3);
    return true;
}

static void put_pair(struct buf *out, const char *key, const char *value)
{
    buf_printf(out, ",\"%s\":", key);
    buf_puts_json(out, value);
}

static const char *when(struct task *task, const msgpack_object *event, const char *key)
{
    const msgpack_object *time = mp_find(event, key);
    const char *at = mp_text(task->arena, mp_find(time, "dateTime"));
    return at != NULL ? at : mp_text(task->arena, mp_find(time, "date"));
}

/* Birthdays, working places and the like are no appointments. */
static bool is_plain(const msgpack_object *event)
{
    const msgpack_object *type = mp_find(event, "eventType");
    return mp_is_null(type) || mp_same(type, "default");
}

static void put_event(struct task *task, struct buf *out, const msgpack_object *event)
{
    struct arena *a = task->arena;
    const char *id = mp_text(a, mp_find(event, "id"));
    const msgpack_object *marks = mp_find(mp_find(event, "extendedProperties"), "private");
    if (id == NULL || !is_plain(event))
        return;
    buf_printf(out, "%s{\"ours\":%s", out->len > 1 ? "," : "",
               mp_same(mp_find(marks, "app"), "bureau") ? "true" : "false");
    put_pair(out, "block", mp_text(a, mp_find(marks, "block_id")));
    put_pair(out, "org", mp_text(a, mp_find(marks, "org_id")));
    put_pair(out, "id", id);
    put_pair(out, "etag", mp_text(a, mp_find(event, "etag")));
    put_pair(out, "status", mp_text(a, mp_find(event, "status")));
    put_pair(out, "summary", mp_text(a, mp_find(event, "summary")));
    put_pair(out, "description", mp_text(a, mp_find(event, "description")));
    put_pair(out, "start", when(task, event, "start"));
    put_pair(out, "end", when(task, event, "end"));
    put_pair(out, "zone", mp_text(a, mp_find(mp_find(event, "start"), "timeZone")));
    buf_putc(out, '}');
}

/* A page at once: a calendar of many thousand events must be read within one lease. */
static bool take_events(struct task *task, const msgpack_object *items)
{
    struct buf all;
    struct sql sql;
    struct pg_result *rows;
    if (items == NULL || items->type != MSGPACK_OBJECT_ARRAY || items->via.array.size == 0)
        return true;
    buf_init(&all, task->arena);
    buf_putc(&all, '[');
    for (uint32_t i = 0; i < items->via.array.size; i++)
        put_event(task, &all, &items->via.array.ptr[i]);
    buf_putc(&all, ']');
    sql_init(&sql, task->arena);
    int calendar = sql_bind_int(&sql, task->record_id);
    sql_printf(&sql,
               "SELECT count(sync.take_event($%d::bigint, e)) FROM jsonb_array_elements($%d::jsonb)"
               " e",
               calendar, sql_bind(&sql, all.data));
    return deliver_sql(task, &sql, &rows);
}

static bool keep_token(struct task *task, const struct pull *pull, const char *token)
{
    struct sql sql;
    struct pg_result *rows;
    sql_init(&sql, task->arena);
    int calendar = sql_bind_int(&sql, task->record_id), next = sql_bind(&sql, token);
    sql_printf(&sql,
               "UPDATE sync.calendars SET sync_token = $%d::text, last_sync_at = now(), last_error"
               " = CASE WHEN last_error LIKE 'Many events%%' THEN last_error END"
               " WHERE organization_id = core.org() AND id = $%d::bigint",
               next, calendar);
    if (!deliver_sql(task, &sql, &rows))
        return false;
    if (pull->token != NULL || token == NULL)
        return true;
    sql_init(&sql, task->arena);
    calendar = sql_bind_int(&sql, task->record_id);
    int since = sql_bind(&sql, pull->since), from = sql_bind(&sql, pull->from);
    sql_printf(&sql, "SELECT sync.forget_unseen($%d::bigint, $%d::timestamptz, $%d::timestamptz)",
               calendar, since, from);
    return deliver_sql(task, &sql, &rows);
}

static const char *list_url(struct task *task, const struct pull *pull, const char *page)
{
    struct buf url;
    buf_init(&url, task->arena);
    buf_puts(&url, google_url(task, pull->calendar, NULL, "?"));
    http_form(&url, "singleEvents", "true");
    http_form(&url, "maxResults", "1000"); /* one transaction, of a second or so */
    if (pull->token != NULL)
        http_form(&url, "syncToken", pull->token);
    else
        http_form(&url, "timeMin", pull->from);
    if (page != NULL)
        http_form(&url, "pageToken", page);
    return url.data;
}

/* false with the result set; *next: the page behind, or NULL, then *token is there. */
static bool take_page(struct task *task, const struct pull *pull, const char **next,
                      const char **token)
{
    struct http_reply reply;
    struct ask ask = {"GET", list_url(task, pull, *next), NULL, NULL};
    if (!deliver_ask(task, &ask, &reply))
        return false;
    if (reply.status == 410) { /* too old: the whole list again */
        if (keep_token(task, pull, NULL)) {
            deliver_stop(task, OUTCOME_LATER, NULL);
            task->result.wait_ms = 1;
        }
        return false;
    }
    if (reply.status != 200 || reply.object == NULL)
        return google_fail(task, &reply);
    if (!take_events(task, mp_find(reply.object, "items")))
        return false;
    *next = mp_text(task->arena, mp_find(reply.object, "nextPageToken"));
    *token = mp_text(task->arena, mp_find(reply.object, "nextSyncToken"));
    return true;
}

void google_pull(struct task *task)
{
    struct pull pull;
    const char *page = NULL, *token = NULL;
    if (!read_pull(task, &pull))
        return;
    if (!pull.wanted) {
        deliver_stop(task, OUTCOME_DONE, NULL);
        return;
    }
    int pages = 0;
    bool told;
    if (!google_watch(task, pull.calendar, &told)) /* first: what changes meanwhile is told */
        return;
    do {
        if (!take_page(task, &pull, &page, &token))
            return;
    } while (page != NULL && ++pages < PAGES);
    if (token == NULL) {
        deliver_stop(task, OUTCOME_RETRY, "Google's list of events has no end.");
        return;
    }
    if (!keep_token(task, &pull, token))
        return;
    deliver_stop(task, OUTCOME_LATER, NULL);
    task->result.wait_ms = sync_settings.poll_s * 1000 * (told ? TOLD : 1);
}
