/*
 * feed.c - events as iCalendar (RFC 5545) at secret addresses that can be revoked.
 *
 * /calendars/<organization>-<secret>.ics; only the SHA-256 of the secret is stored.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/crypto.h"
#include "services/core/check.h"
#include "services/core/service.h"
#include "services/rentals/hooks.h"

enum { SECRET_CHARS = 40, LINE_OCTETS = 75 };

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
    char secret[SECRET_CHARS + 1], hash[65];
    const char *park, *user;
    enum err err = id_of(call, "park_id", &park);
    if (err == ERR_OK)
        err = id_of(call, "user_id", &user);
    if (err == ERR_OK)
        err = check_targets(call, park, user);
    if (err != ERR_OK)
        return err;
    crypto_random_text(secret, SECRET_CHARS);
    crypto_sha256_hex(secret, SECRET_CHARS, hash);
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

/* ---- iCalendar ---- */

/* One content line, folded: no line is longer than 75 octets, none is cut inside a character. */
static void put_line(struct buf *out, const char *line)
{
    size_t left = strlen(line), room = LINE_OCTETS;
    while (left > room) {
        size_t cut = room;
        while (cut > 1 && ((unsigned char)line[cut] & 0xC0) == 0x80)
            cut--;
        buf_put(out, line, cut);
        buf_puts(out, "\r\n ");
        line += cut;
        left -= cut;
        room = LINE_OCTETS - 1;
    }
    buf_put(out, line, left);
    buf_puts(out, "\r\n");
}

/* A TEXT value: what separates values is escaped, other control characters are dropped. */
static void put_text(struct call *call, struct buf *out, const char *name, const char *text)
{
    struct buf line;
    if (text == NULL)
        return;
    buf_init(&line, call->arena);
    buf_printf(&line, "%s:", name);
    for (; *text != '\0'; text++) {
        if (*text == '\n')
            buf_puts(&line, "\\n");
        else if (strchr("\\;,", *text) != NULL)
            buf_printf(&line, "\\%c", *text);
        else if ((unsigned char)*text >= ' ' && *text != 127)
            buf_putc(&line, *text);
    }
    put_line(out, line.data);
}

static void put_event(struct call *call, struct buf *out, const struct pg_result *rows, int row,
                      const char *organization)
{
    static const struct {
        const char *name;
        int column;
    } times[] = {{"DTSTAMP", 6}, {"LAST-MODIFIED", 6}, {"DTSTART", 4}, {"DTEND", 5}};
    put_line(out, "BEGIN:VEVENT");
    put_line(out, arena_printf(call->arena, "UID:event-%s-%s@bureau", organization,
                               pg_text(rows, row, 0)));
    for (size_t i = 0; i < COUNT_OF(times); i++)
        put_line(out, arena_printf(call->arena, "%s:%s", times[i].name,
                                   pg_text(rows, row, times[i].column)));
    put_text(call, out, "SUMMARY", pg_text(rows, row, 1));
    put_text(call, out, "DESCRIPTION", pg_text(rows, row, 2));
    put_text(call, out, "LOCATION", pg_text(rows, row, 3));
    put_line(out, pg_true(rows, row, 7) ? "STATUS:CONFIRMED" : "STATUS:TENTATIVE");
    put_line(out, "END:VEVENT");
}

/* "7-SECRET.ics" → organization and hash of the secret; false when it is nothing of the kind. */
static bool read_address(struct call *call, const char **organization, char hash[65])
{
    const char *address = call->request->arg[0];
    size_t digits = address == NULL ? 0 : strspn(address, "0123456789");
    if (digits == 0 || digits > 18 || address[digits] != '-')
        return false;
    const char *secret = address + digits + 1;
    if (strlen(secret) != SECRET_CHARS + 4 || strcmp(secret + SECRET_CHARS, ".ics") != 0)
        return false;
    crypto_sha256_hex(secret, SECRET_CHARS, hash);
    *organization = arena_strndup(call->arena, address, digits);
    return true;
}

enum err feed_read(struct call *call)
{
    const char *organization;
    char hash[65];
    if (!read_address(call, &organization, hash))
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
    put_line(&out, "BEGIN:VCALENDAR");
    put_line(&out, "VERSION:2.0");
    put_line(&out, "PRODID:-//Bureau//Rentals//EN");
    put_text(call, &out, "X-WR-CALNAME", pg_text(rows, 0, 1));
    for (int row = 1; row < pg_rows(rows); row++)
        put_event(call, &out, rows, row, organization);
    put_line(&out, "END:VCALENDAR");
    call->reply->json = (struct slice){out.data, out.len};
    call->reply->type = "text/calendar; charset=utf-8";
    call->reply->bare = true;
    return ERR_OK;
}
