/* disconnect.c - letting an account go: what it gave us is given back as far as it answers. */
#include "common/clock.h"
#include "common/log.h"
#include "services/core/service.h"
#include "services/sync/google.h"
#include "services/sync/ops.h"
#include "services/sync/secrets.h"

enum { ASK_MS = 4000, CHANNELS_MAX = 50 };

/* Best effort: what the provider says changes nothing here. */
static void revoke(struct call *call, const struct provider *p, const struct tokens *tokens)
{
    const struct endpoint *e = provider_endpoint(p);
    struct buf form;
    struct http_reply reply;
    if (e->revoke_url == NULL) /* Microsoft takes none back: they end by themselves */
        return;
    buf_init(&form, call->arena);
    http_form(&form, "token", tokens->refresh != NULL ? tokens->refresh : tokens->access);
    http_form(&form, "client_id", e->client_id);
    http_form(&form, "client_secret", e->client_secret);
    struct http *http = http_new();
    http_send(http, call->arena,
              &(struct http_request){.method = "POST",
                                     .url = e->revoke_url,
                                     .body = form.data,
                                     .type = "application/x-www-form-urlencoded",
                                     .timeout_ms = ASK_MS},
              &reply);
    http_free(http);
    if (reply.fate != HTTP_ANSWERED || reply.status >= 300)
        log_event(LOG_INFO, "revoke_failed", call->request->id, "provider", p->key, NULL);
}

struct leaving {
    const struct provider *provider;
    struct tokens tokens;
    bool held; /* there were tokens to give back */
    struct channel channels[CHANNELS_MAX];
    int channels_n;
};

/* Google shall ring no more. With tokens that work, which those we have may no longer be. */
static void close_channels(struct call *call, struct leaving *l)
{
    struct http_reply reply;
    const char *scope;
    if (l->channels_n == 0)
        return;
    struct http *http = http_new();
    if (l->tokens.expires_ms != 0 && l->tokens.expires_ms < clock_unix_ms() + 10000 &&
        l->tokens.refresh != NULL) {
        secrets_ask_renewal(http, call->arena, l->provider, l->tokens.refresh, &reply, ASK_MS);
        if (reply.status != 200 ||
            !secrets_read_answer(call->arena, reply.object, &l->tokens, &scope))
            log_event(LOG_INFO, "channel_open", NULL, "reason", "no tokens to close it with", NULL);
    }
    for (int i = 0; i < l->channels_n && call_left_ms(call) > 2 * ASK_MS; i++)
        google_stop(http, call->arena, l->tokens.access, &l->channels[i]);
    http_free(http);
}

static enum err read_channels(struct call *call, struct leaving *l)
{
    struct sql sql;
    struct pg_result *rows;
    sql_init(&sql, call->arena);
    sql_printf(&sql,
               "SELECT channel_id, channel_resource FROM sync.calendars WHERE organization_id ="
               " core.org() AND integration_id = $%d::bigint AND channel_until > now()"
               " AND channel_id IS NOT NULL AND channel_resource IS NOT NULL LIMIT %d",
               sql_bind_int(&sql, call->request->row), (int)CHANNELS_MAX);
    enum err err = call_run(call, &sql, &rows);
    for (int i = 0; err == ERR_OK && i < pg_rows(rows); i++)
        l->channels[l->channels_n++] = (struct channel){pg_text(rows, i, 0), pg_text(rows, i, 1)};
    return err;
}

enum err oauth_disconnect(struct call *call)
{
    struct leaving *l = arena_alloc(call->arena, sizeof *l);
    struct sql sql;
    struct pg_result *rows;
    sql_init(&sql, call->arena);
    sql_printf(&sql,
               "SELECT provider, account, sealed, (extract(epoch FROM expires_at) * 1000)::bigint"
               " FROM sync.integrations WHERE organization_id = core.org() AND id = $%d::bigint"
               " AND deleted_at IS NULL FOR UPDATE",
               sql_bind_int(&sql, call->request->row));
    enum err err = ops_find(call, &sql, "Integration not found.", &rows);
    if (err != ERR_OK)
        return err;
    l->channels_n = 0;
    l->provider = provider_find(pg_text(rows, 0, 0));
    l->held = l->provider != NULL && provider_is_configured(l->provider) &&
              secrets_open_tokens(call->arena, call->request->who.organization_id, l->provider->key,
                                  pg_text(rows, 0, 1), pg_text(rows, 0, 2), &l->tokens);
    l->tokens.expires_ms = pg_int(rows, 0, 3);
    err = read_channels(call, l);
    if (err != ERR_OK)
        return err;
    call->service = l;
    (void)ops_text(call, "{\"message\":\"Integration disconnected\"}");
    sql_init(&sql, call->arena);
    sql_printf(&sql, "SELECT sync.disconnect($%d::bigint)", sql_bind_int(&sql, call->request->row));
    return call_run(call, &sql, &rows);
}

void oauth_disconnected(struct call *call)
{
    struct leaving *l = call->service;
    if (!l->held)
        return;
    close_channels(call, l);
    revoke(call, l->provider, &l->tokens);
}
