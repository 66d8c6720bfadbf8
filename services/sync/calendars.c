/* calendars.c - the list of an account's calendars, and what every event says. */
#include "services/sync/calendars.h"

#include <string.h>

enum { DAY_MS = 86400000, ROUNDS = 5 };

/* Has its provider closed the calendar where the block belongs? Then the block is not unwanted: it
   waits, with the reason, for the calendar to be switched on again. */
static bool is_closed(struct task *task, const char **reason)
{
    struct sql sql;
    struct pg_result *rows;
    sql_init(&sql, task->arena);
    int integration = sql_bind_int(&sql, task->integration_id);
    sql_printf(&sql,
               "SELECT c.last_error FROM sync.calendars c JOIN billing.time_block_card b"
               " ON c.id = b.calendar_id OR (b.calendar_id IS NULL AND c.is_primary)"
               " WHERE c.organization_id = core.org() AND c.integration_id = $%d::bigint"
               " AND b.id = $%d::bigint AND b.deleted_at IS NULL AND c.deleted_at IS NULL"
               " AND c.off_at IS NOT NULL AND NOT c.is_enabled AND NOT EXISTS"
               " (SELECT FROM sync.calendar_of(b.calendar_id, b.user_id))",
               integration, sql_bind_int(&sql, task->record_id));
    *reason = NULL;
    if (!deliver_sql(task, &sql, &rows))
        return false;
    if (pg_rows(rows) > 0)
        *reason = pg_text(rows, 0, 0);
    return true;
}

void calendars_push(struct task *task, const struct calendar_way *way)
{
    struct block b;
    const char *closed = NULL;
    if (!deliver_load(task, &b) || (!b.wanted && !is_closed(task, &closed)))
        return;
    if (closed != NULL) {
        deliver_stop(task, OUTCOME_FAILED, "%s", closed);
        return;
    }
    bool stays = b.wanted && b.place != NULL && strcmp(b.place, b.place_wanted) == 0;
    bool lies = b.place != NULL && (b.external_id != NULL || b.attempted);
    if (lies && !stays && !way->take_away(task, &b))
        return;
    if (!b.wanted) {
        if (deliver_keep(task, &b, "none", false))
            deliver_stop(task, OUTCOME_DONE, NULL);
        return;
    }
    enum step step = STEP_AGAIN;
    for (int i = 0; i < ROUNDS && step == STEP_AGAIN; i++)
        step = b.is_there ? way->change(task, &b) : way->create(task, &b);
    if (step == STEP_AGAIN)
        deliver_stop(task, OUTCOME_RETRY, "The answers of %s contradict each other.",
                     task->provider->name);
    else if (step == STEP_DONE && deliver_keep(task, &b, "synced", false))
        deliver_stop(task, OUTCOME_DONE, NULL);
}

const char *calendars_begin(struct task *task)
{
    struct sql sql;
    struct pg_result *rows;
    sql_init(&sql, task->arena);
    sql_puts(&sql, "SELECT clock_timestamp()");
    return deliver_sql(task, &sql, &rows) ? pg_text(rows, 0, 0) : NULL;
}

bool calendars_take(struct task *task, const struct calendar *c)
{
    struct sql sql;
    struct pg_result *rows;
    sql_init(&sql, task->arena);
    int integration = sql_bind_int(&sql, task->integration_id), external = sql_bind(&sql, c->id);
    int named = sql_bind(&sql, c->name == NULL || c->name[0] == '\0' ? c->id : c->name);
    int color = sql_bind(&sql, c->color), zone = sql_bind(&sql, c->zone);
    int role = sql_bind(&sql, c->access), first = sql_bind(&sql, c->primary ? "true" : "false");
    int direction = sql_bind(&sql, task->provider->push_only ? "push" : "both");
    sql_printf(&sql,
               "INSERT INTO sync.calendars AS c (integration_id, external_id, name, color, zone,"
               " access, is_primary, is_enabled, sync_direction) VALUES ($%d::bigint, $%d::text,"
               " $%d::text, $%d::text, $%d::text, $%d::text, $%d::boolean, $%d::boolean, $%d::text)"
               " ON CONFLICT (organization_id, integration_id, external_id) DO UPDATE SET name ="
               " excluded.name, color = excluded.color, zone = excluded.zone, access ="
               " excluded.access, is_primary = excluded.is_primary, deleted_at = NULL,"
               " updated_at = clock_timestamp()",
               integration, external, named, color, zone, role, first, first, direction);
    return deliver_sql(task, &sql, &rows);
}

/* What was not listed any more is gone; the rest is looked at by the clock. */
void calendars_finish(struct task *task, const char *since)
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
    if (!deliver_sql(task, &sql, &rows))
        return;
    deliver_stop(task, OUTCOME_LATER, NULL);
    task->result.wait_ms = DAY_MS;
}

bool calendars_gone(struct task *task, const struct block *b)
{
    struct sql sql;
    struct pg_result *rows;
    sql_init(&sql, task->arena);
    int integration = sql_bind_int(&sql, task->integration_id);
    sql_printf(&sql,
               "UPDATE sync.calendars SET is_enabled = false, off_at = coalesce(off_at, now()), "
               "last_error = 'The calendar is gone, or"
               " may no longer be written to.' WHERE organization_id = core.org()"
               " AND integration_id = $%d::bigint AND external_id = $%d::text",
               integration, sql_bind(&sql, b->place));
    if (deliver_sql(task, &sql, &rows))
        deliver_stop(task, OUTCOME_FAILED,
                     "The calendar is gone from %s, or may no longer be written to.",
                     task->provider->name);
    return false;
}

void calendars_put_description(struct task *task, struct buf *out, const struct block *b)
{
    struct buf text;
    buf_init(&text, task->arena);
    if (b->description != NULL)
        buf_puts(&text, b->description);
    if (b->client != NULL)
        buf_printf(&text, "%sClient: %s", text.len > 0 ? "\n\n" : "", b->client);
    if (b->project != NULL)
        buf_printf(&text, "%sProject: %s", text.len > 0 ? "\n" : "", b->project);
    buf_puts_json(out, text.data);
}
