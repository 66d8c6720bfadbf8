/*
 * google_channel.c - Google tells us that a calendar changed, where it can reach us.
 *
 * A notification says nothing but "look": the calendar is then read as it is by the clock. Its
 * address carries a secret of the channel; only the hash is kept. Channels end after a week and are
 * opened anew on their last day; the one before is closed, and stays known for what is under way.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "common/crypto.h"
#include "common/log.h"
#include "services/core/service.h"
#include "services/sync/google.h"
#include "services/sync/ops.h"

enum { SECRET_CHARS = 40, LIFE_S = 604800, STOP_MS = 3000 };

bool google_can_reach(const char *url)
{
    static const char *const inner[] = {".local", ".localhost", ".internal", ".lan", ".home.arpa"};
    if (url == NULL || strncmp(url, "https://", 8) != 0)
        return false;
    const char *host = url + 8;
    size_t len = strcspn(host, ":/?#");
    if (memchr(host, '.', len) == NULL || strspn(host, "0123456789.") >= len)
        return false; /* a name of this network, or an address */
    for (size_t i = 0; i < COUNT_OF(inner); i++) {
        size_t n = strlen(inner[i]);
        if (len >= n && strncmp(host + len - n, inner[i], n) == 0)
            return false;
    }
    return true;
}

/* Whether a channel is open, which, and whether one shall be asked for. */
static bool read_channel(struct task *task, struct channel *old, bool *open, bool *wanted)
{
    struct sql sql;
    struct pg_result *rows;
    sql_init(&sql, task->arena);
    sql_printf(&sql,
               "SELECT coalesce(channel_until > now(), false), coalesce(channel_until < now() +"
               " interval '1 day', true) AND coalesce(channel_asked_at < now() - interval '1 hour',"
               " true), channel_id, channel_resource FROM sync.calendars WHERE organization_id = "
               "core.org() AND id = $%d::bigint",
               sql_bind_int(&sql, task->record_id));
    if (!deliver_sql(task, &sql, &rows))
        return false;
    *open = pg_true(rows, 0, 0);
    *wanted = pg_true(rows, 0, 1);
    *old = (struct channel){pg_text(rows, 0, 2), pg_text(rows, 0, 3)};
    return true;
}

/* Before it is asked for: it may ring before its answer is here. */
static bool expect(struct task *task, const char *token)
{
    struct sql sql;
    struct pg_result *rows;
    char hash[65];
    crypto_sha256_hex(token, strlen(token), hash);
    sql_init(&sql, task->arena);
    int hashed = sql_bind(&sql, hash);
    sql_printf(&sql,
               "UPDATE sync.calendars SET channel_old_hash = channel_hash, channel_hash ="
               " $%d::text, channel_asked_at = now() WHERE organization_id = core.org()"
               " AND id = $%d::bigint",
               hashed, sql_bind_int(&sql, task->record_id));
    return deliver_sql(task, &sql, &rows);
}

static bool keep(struct task *task, const struct channel *c, const char *expiration)
{
    struct sql sql;
    struct pg_result *rows;
    sql_init(&sql, task->arena);
    int until = sql_bind(&sql, expiration);
    int named = sql_bind(&sql, c->id), resource = sql_bind(&sql, c->resource);
    sql_printf(&sql,
               "UPDATE sync.calendars SET channel_until = to_timestamp($%d::bigint / 1000.0),"
               " channel_id = $%d::text, channel_resource = $%d::text"
               " WHERE organization_id = core.org() AND id = $%d::bigint",
               until, named, resource, sql_bind_int(&sql, task->record_id));
    return deliver_sql(task, &sql, &rows);
}

static const char *stop_json(struct arena *arena, const struct channel *c)
{
    struct buf out;
    buf_init(&out, arena);
    buf_puts(&out, "{\"id\":");
    buf_puts_json(&out, c->id);
    buf_puts(&out, ",\"resourceId\":");
    buf_puts_json(&out, c->resource);
    buf_putc(&out, '}');
    return out.data;
}

static const char *stop_url(struct arena *arena)
{
    return arena_printf(arena, "%s/channels/stop",
                        provider_endpoint(provider_find("google_calendar"))->api_url);
}

void google_stop(struct http *http, struct arena *arena, const char *access,
                 const struct channel *channel)
{
    struct http_reply reply;
    http_send(http, arena,
              &(struct http_request){.method = "POST",
                                     .url = stop_url(arena),
                                     .bearer = access,
                                     .body = stop_json(arena, channel),
                                     .type = "application/json",
                                     .timeout_ms = STOP_MS},
              &reply);
    if (reply.fate != HTTP_ANSWERED || (reply.status >= 300 && reply.status != 404))
        log_event(LOG_INFO, "channel_open", NULL, "reason",
                  reply.fate == HTTP_ANSWERED ? google_reason(arena, &reply) : reply.reason, NULL);
}

static const char *watch_json(struct task *task, const char *id, const char *token)
{
    struct buf out;
    buf_init(&out, task->arena);
    buf_printf(&out, "{\"id\":\"%s\",\"type\":\"web_hook\",\"params\":{\"ttl\":\"%d\"},", id,
               (int)LIFE_S);
    buf_puts(&out, "\"address\":");
    buf_puts_json(&out, arena_printf(task->arena, "%s/integrations/google_calendar/changes/%s",
                                     service_settings.public_url, token));
    buf_putc(&out, '}');
    return out.data;
}

bool google_watch(struct task *task, const char *calendar, bool *open)
{
    struct http_reply reply;
    char secret[SECRET_CHARS + 1], id[37];
    struct channel old;
    bool wanted;
    *open = false;
    if (!google_can_reach(service_settings.public_url))
        return true;
    if (!read_channel(task, &old, open, &wanted))
        return false;
    if (!wanted)
        return true;
    crypto_random_text(secret, SECRET_CHARS);
    const char *token = arena_printf(task->arena, "%" PRId64 "-%s", task->organization_id, secret);
    crypto_uuid(id);
    struct ask ask = {"POST", google_url(task, calendar, "watch", ""), watch_json(task, id, token),
                      NULL};
    if (!expect(task, token) || !deliver_ask(task, &ask, &reply))
        return false;
    const char *until = mp_text(task->arena, mp_find(reply.object, "expiration"));
    size_t digits = until == NULL ? 0 : strspn(until, "0123456789");
    if (reply.status == 200 && digits > 0 && digits < 18 && until[digits] == '\0') {
        if (*open && old.id != NULL && old.resource != NULL)
            google_stop(task->http, task->arena, task->tokens.access, &old);
        *open = true;
        return keep(
            task, &(struct channel){id, mp_text(task->arena, mp_find(reply.object, "resourceId"))},
            until);
    }
    log_event(LOG_INFO, "watch_refused", NULL, "reason", google_reason(task->arena, &reply), NULL);
    return true; /* some calendars cannot be watched: they are looked at by the clock */
}

/* ---- it rings ---- */

enum err google_notified(struct call *call)
{
    const char *token = call->request->arg[0];
    struct sql sql;
    struct pg_result *rows;
    char *end, hash[65];
    int64_t organization = strtoll(token, &end, 10);
    if (token[0] < '1' || token[0] > '9' || end - token > 18 || *end != '-' ||
        strlen(end + 1) != SECRET_CHARS)
        return call_fail(call, ERR_NOT_FOUND, "Channel not found.");
    crypto_sha256_hex(token, strlen(token), hash);
    pg_become(call->pg, &(struct pg_who){organization, 0, NULL, NULL, call_left_ms(call)});
    sql_init(&sql, call->arena);
    sql_printf(&sql, "SELECT sync.channel_rang($%d::text)",
               sql_bind(&sql, arena_strdup(call->arena, hash)));
    enum err err = call_run(call, &sql, &rows);
    if (err != ERR_OK)
        return err;
    if (!pg_true(rows, 0, 0))
        return call_fail(call, ERR_NOT_FOUND, "Channel not found.");
    return ops_text(call, "{}");
}
