/*
 * feed.c - events as iCalendar (RFC 5545) at secret addresses that can be revoked.
 *
 * /calendars/<organization>-<secret>.ics; only the SHA-256 of the secret is stored.
 */
#include "services/core/check.h"
#include "services/core/ical.h"
#include "services/core/service.h"
#include "services/rentals/hooks.h"

enum err feed_list(struct call *call)
{
    struct sql sql;
    sql_init(&sql, call->arena);
    sql_puts(&sql,
             "SELECT json_build_object('data', coalesce(json_agg(json_build_object('id', id,"
             " 'park_id', park_id, 'user_id', of_user_id, 'created_at', core.local(created_at))"
             " ORDER BY id), '[]')) FROM rentals.feeds"
             " WHERE organization_id = core.org() AND user_id = core.usr()");
    call->reply->bare = true;
    return call_json(call, &sql);
}

/* An id of the body, or NULL when absent. Errors: INVALID with its fault. */
static enum err id_of(struct call *call, const char *key, const char **out)
{
    const msgpack_object *value = mp_find(call->body, key);
    int64_t id;
    *out = NULL;
    if (mp_is_null(value))
        return ERR_OK;
    if (!mp_int(value, &id) || id < 1)
        return call_fault(call, key, RULE_NUMERIC, NULL, NULL);
    *out = mp_number(call->arena, value);
    return ERR_OK;
}

/* Whether the park and the user are there to be followed. */
static enum err check_targets(struct call *call, const char *park, const char *user)
{
    struct sql sql;
    struct pg_result *result;
    sql_init(&sql, call->arena);
    int place = sql_bind(&sql, park), person = sql_bind(&sql, user);
    sql_printf(&sql,
               "SELECT $%d::bigint IS NULL OR EXISTS (SELECT FROM rentals.parks"
               " WHERE organization_id = core.org() AND id = $%d::bigint AND deleted_at IS NULL),"
               " $%d::bigint IS NULL OR EXISTS (SELECT FROM accounts.user_card"
               " WHERE id = $%d::bigint AND deleted_at IS NULL)",
               place, place, person, person);
    enum err err = call_run(call, &sql, &result);
    if (err == ERR_OK && !pg_true(result, 0, 0))
        err = call_fault(call, "park_id", RULE_EXISTS, NULL, NULL);
    if (err == ERR_OK && !pg_true(result, 0, 1))
        err = call_fault(call, "user_id", RULE_EXISTS, NULL, NULL);
    return err;
}

enum err feed_create(struct call *call)
{
    char secret[ICAL_SECRET_CHARS + 1], hash[65];
    const char *park, *user;
    enum err err = id_of(call, "park_id", &park);
    if (err == ERR_OK)
        err = id_of(call, "user_id", &user);
    if (err == ERR_OK)
        err = check_targets(call, park, user);
    if (err != ERR_OK)
        return err;
    ical_secret(secret, hash);
    struct sql sql;
    sql_init(&sql, call->arena);
    int place = sql_bind(&sql, park), person = sql_bind(&sql, user);
    int kept = sql_bind(&sql, hash), base = sql_bind(&sql, service_settings.public_url);
    int told = sql_bind(&sql, secret);
    sql_printf(&sql,
               "INSERT INTO rentals.feeds AS f (park_id, of_user_id, hash)"
               " VALUES ($%d::bigint, $%d::bigint, $%d::text) RETURNING json_build_object("
               "'id', f.id, 'park_id', f.park_id, 'user_id', f.of_user_id, 'url',"
               " $%d::text || '/calendars/' || f.organization_id || '-' || $%d::text || '.ics',"
               " 'created_at', core.local(f.created_at))",
               place, person, kept, base, told);
    call->reply->bare = true;
    return call_json(call, &sql);
}

enum err feed_delete(struct call *call)
{
    struct sql sql;
    sql_init(&sql, call->arena);
    sql_printf(&sql,
               "DELETE FROM rentals.feeds WHERE organization_id = core.org() AND id = $%d::bigint"
               " AND user_id = core.usr() RETURNING json_build_object('destroyed', true)",
               sql_bind_int(&sql, call->request->row));
    call->reply->bare = true;
    return call_json(call, &sql);
}

static void put_event(struct buf *out, const struct pg_result *rows, int row,
                      const char *organization)
{
    struct ical_event event = {
        .uid = arena_printf(out->arena, "event-%s-%s@bureau", organization, pg_text(rows, row, 0)),
        .summary = pg_text(rows, row, 1),
        .description = pg_text(rows, row, 2),
        .location = pg_text(rows, row, 3),
        .starts = pg_text(rows, row, 4),
        .ends = pg_text(rows, row, 5),
        .changed = pg_text(rows, row, 6),
        .status = pg_true(rows, row, 7) ? "CONFIRMED" : "TENTATIVE",
    };
    ical_event(out, &event);
}

enum err feed_read(struct call *call)
{
    const char *organization;
    char hash[65];
    if (!ical_address(call->arena, call->request->arg[0], &organization, hash))
        return call_fail(call, ERR_NOT_FOUND, NULL);
    struct sql sql;
    struct pg_result *rows;
    struct buf out;
    sql_init(&sql, call->arena);
    int of = sql_bind(&sql, organization);
    sql_printf(&sql, "SELECT * FROM rentals.feed_read($%d::bigint, $%d::text)", of,
               sql_bind(&sql, hash));
    enum err err = call_run(call, &sql, &rows);
    if (err != ERR_OK)
        return err;
    if (pg_rows(rows) == 0)
        return call_fail(call, ERR_NOT_FOUND, NULL);
    buf_init(&out, call->arena);
    ical_begin(&out, "Rentals", pg_text(rows, 0, 1));
    for (int row = 1; row < pg_rows(rows); row++)
        put_event(&out, rows, row, organization);
    ical_end(&out);
    call->reply->json = (struct slice){out.data, out.len};
    call->reply->type = "text/calendar; charset=utf-8";
    call->reply->bare = true;
    return ERR_OK;
}
