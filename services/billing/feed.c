/*
 * feed.c - a user's time blocks as iCalendar at secret addresses that can be revoked:
 * /planner/<organization>-<secret>.ics
 */
#include "services/billing/body.h"
#include "services/billing/hooks.h"
#include "services/core/ical.h"
#include "services/core/service.h"

#define SHOWN                                                                                      \
    "'id', f.id, 'user_id', f.of_user_id, 'created_at', core.iso(date_trunc('second',"             \
    " f.created_at))"

enum err planner_feed_list(struct call *call)
{
    struct sql sql;
    sql_init(&sql, call->arena);
    sql_puts(&sql, "SELECT coalesce(json_agg(json_build_object(" SHOWN ") ORDER BY f.id), '[]')"
                   " FROM billing.feeds f"
                   " WHERE f.organization_id = core.org() AND f.user_id = core.usr()");
    return call_json(call, &sql);
}

/* Whose blocks: hers, or for members anybody's of the organization. */
static enum err read_user(struct call *call, const char **user)
{
    const struct caller *who = &call->request->who;
    enum err err = body_read(call);
    if (err != ERR_OK)
        return err;
    const char *own = arena_printf(call->arena, "%lld", (long long)who->user_id);
    *user = call_value(call, "user_id");
    if (*user == NULL)
        *user = own;
    struct sql sql;
    struct pg_result *result;
    sql_init(&sql, call->arena);
    int of = sql_bind(&sql, *user);
    sql_printf(&sql,
               "SELECT EXISTS (SELECT FROM accounts.user_card WHERE id = $%d::bigint"
               " AND deleted_at IS NULL), $%d::bigint = core.usr()",
               of, of);
    err = call_run(call, &sql, &result);
    bool seen = who->role > ROLE_USER || (err == ERR_OK && pg_true(result, 0, 1));
    if (err == ERR_OK && (!pg_true(result, 0, 0) || !seen))
        return call_fault(call, "user_id", RULE_EXISTS, NULL, NULL);
    return err;
}

enum err planner_feed_create(struct call *call)
{
    char secret[ICAL_SECRET_CHARS + 1], hash[65];
    const char *user;
    enum err err = read_user(call, &user);
    if (err != ERR_OK)
        return err;
    ical_secret(secret, hash);
    struct sql sql;
    sql_init(&sql, call->arena);
    int of = sql_bind(&sql, user), kept = sql_bind(&sql, hash);
    int base = sql_bind(&sql, service_settings.public_url);
    sql_printf(&sql,
               "INSERT INTO billing.feeds AS f (of_user_id, hash) VALUES ($%d::bigint, $%d::text)"
               " RETURNING json_build_object(" SHOWN ", 'url', $%d::text || '/planner/'"
               " || f.organization_id || '-' || $%d::text || '.ics')",
               of, kept, base, sql_bind(&sql, secret));
    call->reply->message = "Calendar feed created. Its address is shown only now.";
    return call_json(call, &sql);
}

enum err planner_feed_delete(struct call *call)
{
    struct sql sql;
    sql_init(&sql, call->arena);
    sql_printf(&sql,
               "DELETE FROM billing.feeds WHERE organization_id = core.org() AND id = $%d::bigint"
               " AND user_id = core.usr()"
               " RETURNING json_build_object('message', 'Calendar feed revoked.')",
               sql_bind_int(&sql, call->request->row));
    call->reply->bare = true;
    enum err err = call_json(call, &sql);
    return err == ERR_NOT_FOUND ? call_fail(call, err, "Calendar feed not found.") : err;
}

static void put_block(struct buf *out, const struct pg_result *rows, int row,
                      const char *organization)
{
    struct ical_event event = {
        .uid = arena_printf(out->arena, "block-%s-%s@bureau", organization, pg_text(rows, row, 0)),
        .summary = pg_text(rows, row, 1),
        .description = pg_text(rows, row, 2),
        .starts = pg_text(rows, row, 3),
        .ends = pg_text(rows, row, 4),
        .changed = pg_text(rows, row, 5),
        .status = "CONFIRMED",
    };
    ical_event(out, &event);
}

enum err planner_feed_read(struct call *call)
{
    static const char missing[] = "Calendar feed not found.";
    const char *organization;
    char hash[65];
    struct sql sql;
    struct pg_result *rows;
    struct buf out;
    if (!ical_address(call->arena, call->request->arg[0], &organization, hash))
        return call_fail(call, ERR_NOT_FOUND, missing);
    sql_init(&sql, call->arena);
    int of = sql_bind(&sql, organization);
    sql_printf(&sql, "SELECT * FROM billing.feed_read($%d::bigint, $%d::text)", of,
               sql_bind(&sql, hash));
    enum err err = call_run(call, &sql, &rows);
    if (err != ERR_OK)
        return err;
    if (pg_rows(rows) == 0)
        return call_fail(call, ERR_NOT_FOUND, missing);
    buf_init(&out, call->arena);
    ical_begin(&out, "Planner", pg_text(rows, 0, 1));
    for (int row = 1; row < pg_rows(rows); row++)
        put_block(&out, rows, row, organization);
    ical_end(&out);
    call->reply->json = (struct slice){out.data, out.len};
    call->reply->type = "text/calendar; charset=utf-8";
    call->reply->bare = true;
    return ERR_OK;
}
