/*
 * oauth.c - connecting an account; disconnect.c lets it go. Source: RFC 6749, RFC 7636,
 * planner-and-sync.md B1 and C1, decisions.md 8.
 *
 * The state is "<organization>-<secret>"; only its hash is stored. It is single use and belongs to
 * who began: a browser session must come back itself; what a token began may come back without
 * credentials (the browser that consents has none), but not with somebody else's. The PKCE verifier
 * is derived from the state, so nothing of it is stored.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "common/crypto.h"
#include "common/log.h"
#include "proto/identity.h"
#include "services/core/service.h"
#include "services/sync/ops.h"
#include "services/sync/secrets.h"

enum { STATE_CHARS = 43, EXCHANGE_MS = 8000 };

static const char *redirect_uri(struct call *call, const struct provider *provider)
{
    return arena_printf(call->arena, "%s/integrations/%s/callback", service_settings.public_url,
                        provider->key);
}

static const char *verifier_of(struct arena *arena, const char *state)
{
    uint8_t key[32], mac[CRYPTO_SHA256];
    char text[44];
    crypto_derive(service_settings.secret_key, "pkce", key);
    crypto_hmac_sha256((struct slice){(const char *)key, sizeof key},
                       (struct slice){state, strlen(state)}, mac);
    crypto_base64url_of_32(mac, text);
    return arena_strdup(arena, text);
}

/* SHA-256 hex of the browser session's cookie, or NULL. */
static const char *session_hash(struct call *call)
{
    static const char name[] = COOKIE_SESSION "=";
    const char *cookies = call->request->headers[HEADER_COOKIE];
    for (const char *at = cookies; at != NULL && *at != '\0';) {
        at += strspn(at, "; ");
        size_t len = strcspn(at, ";");
        if (strncmp(at, name, sizeof name - 1) == 0) {
            char hex[65];
            crypto_sha256_hex(at + sizeof name - 1, len - (sizeof name - 1), hex);
            return arena_strdup(call->arena, hex);
        }
        at += len;
    }
    return NULL;
}

static bool wants_html(const struct call *call)
{
    const char *accept = call->request->headers[HEADER_ACCEPT];
    return accept != NULL && strstr(accept, "text/html") != NULL;
}

static void redirect(struct call *call, const char *url)
{
    call_header(call, "Location", url);
    call_header(call, "Cache-Control", "no-store");
    call->reply->status = 302;
    call->reply->bare = true;
    call->reply->json = (struct slice){"", 0};
    call->reply->type = "text/html; charset=utf-8";
}

static void put_challenge(struct buf *url, const char *verifier)
{
    uint8_t hash[CRYPTO_SHA256];
    char text[44];
    crypto_sha256(verifier, strlen(verifier), hash);
    crypto_base64url_of_32(hash, text);
    http_form(url, "code_challenge", text);
    http_form(url, "code_challenge_method", "S256");
}

static const char *consent_url(struct call *call, const struct provider *p, const char *state)
{
    const struct endpoint *e = provider_endpoint(p);
    struct buf url;
    buf_init(&url, call->arena);
    buf_puts(&url, e->auth_url);
    buf_putc(&url, strchr(e->auth_url, '?') == NULL ? '?' : '&');
    http_form(&url, "client_id", e->client_id);
    http_form(&url, "redirect_uri", redirect_uri(call, p));
    http_form(&url, "response_type", "code");
    http_form(&url, "scope", p->scopes);
    http_form(&url, "state", state);
    if (p->asked_more != NULL)
        buf_printf(&url, "&%s", p->asked_more);
    if (p->pkce)
        put_challenge(&url, verifier_of(call->arena, state));
    return url.data;
}

static enum err keep_state(struct call *call, const struct provider *p, const char *state)
{
    struct sql sql;
    struct pg_result *rows;
    char hash[65];
    crypto_sha256_hex(state, strlen(state), hash);
    sql_init(&sql, call->arena);
    int kept = sql_bind(&sql, hash), key = sql_bind(&sql, p->key);
    int session = sql_bind(&sql, call->request->who.session ? session_hash(call) : NULL);
    sql_printf(&sql,
               "WITH old AS (DELETE FROM sync.oauth_states WHERE organization_id = core.org()"
               " AND created_at < now() - interval '10 minutes')"
               " INSERT INTO sync.oauth_states (hash, user_id, provider, session)"
               " VALUES ($%d::text, core.usr(), $%d::text, $%d::text)",
               kept, key, session);
    return call_run(call, &sql, &rows);
}

enum err oauth_connect(struct call *call)
{
    char secret[STATE_CHARS + 1];
    struct buf json;
    const struct provider *p = provider_find(call->request->arg[0]);
    if (p == NULL)
        return call_fail(call, ERR_NOT_FOUND, "Provider not found.");
    if (!provider_is_configured(p))
        return call_fail(call, ERR_INVALID, "%s is not configured.", p->name);
    crypto_random_text(secret, STATE_CHARS);
    const char *state =
        arena_printf(call->arena, "%" PRId64 "-%s", call->request->who.organization_id, secret);
    enum err err = keep_state(call, p, state);
    if (err != ERR_OK)
        return err;
    const char *url = consent_url(call, p, state);
    if (wants_html(call)) {
        redirect(call, url);
        return ERR_OK;
    }
    buf_init(&json, call->arena);
    buf_puts(&json, "{\"url\":");
    buf_puts_json(&json, url);
    buf_putc(&json, '}');
    call_header(call, "Cache-Control", "no-store");
    return ops_text(call, json.data);
}

/* ---- coming back ---- */

struct visit {
    const struct provider *provider;
    const char *state, *hash, *session;
    int64_t organization, user;
    bool known; /* the state was ours, fresh, and this caller's */
    struct tokens tokens;
    const char *scope;
    struct account account;
};

static void act_as(struct call *call, const struct visit *v)
{
    pg_become(call->pg, &(struct pg_who){v->organization, v->user, NULL, NULL, call_left_ms(call)});
}

/* Uses the state up, whatever becomes of the rest. */
static enum err take_state(struct call *call)
{
    struct visit *v = call->service;
    struct sql sql;
    struct pg_result *rows;
    act_as(call, v);
    sql_init(&sql, call->arena);
    int hash = sql_bind(&sql, v->hash), provider = sql_bind(&sql, v->provider->key);
    sql_printf(&sql,
               "WITH used AS (DELETE FROM sync.oauth_states WHERE organization_id = core.org()"
               " AND hash = $%d::text AND provider = $%d::text"
               " RETURNING user_id, session, created_at)"
               " SELECT u.user_id, u.session FROM used u JOIN accounts.user_card c"
               " ON c.id = u.user_id AND c.deleted_at IS NULL AND c.role IN ('owner', 'admin')"
               " WHERE u.created_at > now() - interval '10 minutes'",
               hash, provider);
    enum err err = call_run(call, &sql, &rows);
    if (err != ERR_OK || pg_rows(rows) == 0)
        return err;
    v->user = pg_int(rows, 0, 0);
    const char *session = pg_text(rows, 0, 1);
    const char *here = session_hash(call);
    int64_t caller = call->request->who.user_id;
    v->known = session != NULL ? here != NULL && strcmp(session, here) == 0
                               : caller == 0 || caller == v->user;
    return ERR_OK;
}

static bool read_state(struct call *call, struct visit *v)
{
    char hash[65], *end;
    v->state = query_find(call->request, "state");
    if (v->state == NULL || v->state[0] < '1' || v->state[0] > '9')
        return false;
    v->organization = strtoll(v->state, &end, 10);
    if (end - v->state > 18 || *end != '-' || strlen(end + 1) != STATE_CHARS)
        return false;
    crypto_sha256_hex(v->state, strlen(v->state), hash);
    v->hash = arena_strdup(call->arena, hash);
    return true;
}

/* NULL, or the words of the refusal. */
static const char *exchange(struct call *call, struct http *http, struct visit *v)
{
    const struct endpoint *e = provider_endpoint(v->provider);
    struct buf form;
    struct http_reply reply;
    buf_init(&form, call->arena);
    http_form(&form, "grant_type", "authorization_code");
    http_form(&form, "code", query_find(call->request, "code"));
    http_form(&form, "redirect_uri", redirect_uri(call, v->provider));
    http_form(&form, "client_id", e->client_id);
    http_form(&form, "client_secret", e->client_secret);
    if (v->provider->pkce)
        http_form(&form, "code_verifier", verifier_of(call->arena, v->state));
    http_send(http, call->arena,
              &(struct http_request){.method = "POST",
                                     .url = e->token_url,
                                     .body = form.data,
                                     .type = "application/x-www-form-urlencoded",
                                     .timeout_ms = EXCHANGE_MS},
              &reply);
    if (reply.fate != HTTP_ANSWERED)
        return "The provider could not be reached. Please try again.";
    if (reply.status != 200 ||
        !secrets_read_answer(call->arena, reply.object, &v->tokens, &v->scope))
        return "The provider did not accept the connection. Please try again.";
    return NULL;
}

static bool has_word(const char *words, const char *word, size_t len)
{
    for (const char *at = words; *at != '\0';) {
        at += strspn(at, " ");
        size_t n = strcspn(at, " ");
        if (n == len && strncmp(at, word, len) == 0)
            return true;
        at += n;
    }
    return false;
}

/* Consent may be given to a part only. An answer without scopes gave what was asked. */
static bool scopes_suffice(const struct visit *v)
{
    if (v->scope == NULL)
        return true;
    for (const char *const *need = v->provider->required; *need != NULL; need++) {
        bool found = false;
        for (const char *at = *need; !found && *at != '\0'; at += at[0] == '|') {
            size_t len = strcspn(at, "|");
            found = has_word(v->scope, at, len);
            at += len;
        }
        if (!found)
            return false;
    }
    return true;
}

static void bind_account(struct call *call, const struct visit *v, struct sql *sql)
{
    const char *sealed = secrets_seal(call->arena, v->organization, v->provider->key,
                                      v->account.account, &v->tokens);
    const char *values[] = {v->provider->key,
                            v->provider->type,
                            v->account.account,
                            v->account.name,
                            v->account.email,
                            v->scope == NULL ? "" : v->scope,
                            secrets_key_id(),
                            sealed,
                            v->account.facts == NULL ? "{}" : v->account.facts,
                            v->account.choices};
    for (size_t i = 0; i < COUNT_OF(values); i++)
        (void)sql_bind(sql, values[i]); /* $1 to $10 */
    if (v->tokens.expires_ms == 0)
        (void)sql_bind(sql, NULL);
    else
        (void)sql_bind_int(sql, v->tokens.expires_ms);
}

/* The same account again is the same integration, whatever it was meanwhile. A renewed consent
   that brings no refresh token keeps the one we have: that is rare, so it is asked anew instead. */
static enum err store(struct call *call)
{
    struct visit *v = call->service;
    struct sql sql;
    struct pg_result *rows;
    act_as(call, v);
    sql_init(&sql, call->arena);
    bind_account(call, v, &sql);
    sql_puts(&sql,
             "INSERT INTO sync.integrations AS i (provider, provider_type, account, name,"
             " account_email, scopes, key_id, sealed, facts, choices, expires_at, user_id)"
             " VALUES ($1::text, $2::text, $3::text, $4::text, $5::text, $6::text, $7::text,"
             " $8::text, $9::jsonb, $10::jsonb, to_timestamp($11::bigint / 1000.0), core.usr())"
             " ON CONFLICT (organization_id, provider, account) DO UPDATE SET name = excluded.name,"
             " account_email = excluded.account_email, scopes = excluded.scopes,"
             " key_id = excluded.key_id, sealed = excluded.sealed, facts = excluded.facts,"
             " choices = excluded.choices, facts_at = NULL, expires_at = excluded.expires_at, "
             "is_active = true,"
             " needs_reconnect = false, last_error = NULL, deleted_at = NULL, updated_at = now(),"
             " user_id = excluded.user_id RETURNING i.id");
    enum err err = call_run(call, &sql, &rows);
    if (err != ERR_OK)
        return err;
    int64_t id = pg_int(rows, 0, 0);
    sql_init(&sql, call->arena);
    sql_printf(&sql, "SELECT sync.resume($%d::bigint)", sql_bind_int(&sql, id));
    return call_run(call, &sql, &rows);
}

/* NULL, or the words of the refusal. */
static const char *complete(struct call *call, struct visit *v)
{
    struct http *http = http_new();
    const char *said = exchange(call, http, v);
    if (said == NULL && !scopes_suffice(v))
        said = "Not everything that is needed was allowed. Connect again and allow all of it.";
    if (said == NULL && v->provider->offline && v->tokens.refresh == NULL)
        said = "The provider gave no lasting access. Please connect again.";
    if (said == NULL)
        said = v->provider->identify(http, call->arena, v->tokens.access, &v->account);
    http_free(http);
    if (said == NULL && call_transaction(call, store) != ERR_OK)
        said = "The connection could not be stored. Please try again.";
    return said;
}

/* Browsers go back to the application; who asked for JSON is told by status. */
static enum err finish(struct call *call, const struct visit *v, const char *said)
{
    struct buf url;
    const char *to = sync_settings.app_url;
    if (said != NULL)
        log_event(LOG_INFO, "connect_refused", call->request->id, "provider",
                  v->provider == NULL ? "" : v->provider->key, "reason", said, NULL);
    if (said != NULL && !wants_html(call))
        return call_fail(call, ERR_INVALID, "%s", said);
    buf_init(&url, call->arena);
    if (to != NULL && to[0] != '\0')
        buf_puts(&url, to);
    else
        buf_printf(&url, "%s/integrations/done", service_settings.public_url);
    buf_putc(&url, strchr(url.data, '?') == NULL ? '?' : '&');
    http_form(&url, "provider", v->provider->key);
    http_form(&url, "status", said == NULL ? "connected" : "failed");
    if (said != NULL)
        http_form(&url, "reason", said);
    else if (v->account.choices != NULL)
        http_form(&url, "message",
                  arena_printf(call->arena,
                               "Several administrations were allowed; %s is used. Another can be"
                               " chosen.",
                               v->account.name));
    call->reply->err = ERR_OK;
    call->reply->message = NULL;
    call->reply->faults = NULL;
    redirect(call, url.data);
    return ERR_OK;
}

enum err oauth_callback(struct call *call)
{
    struct visit *v = arena_alloc(call->arena, sizeof *v);
    v->provider = provider_find(call->request->arg[0]);
    if (v->provider == NULL || !provider_is_configured(v->provider))
        return call_fail(call, ERR_NOT_FOUND, "Provider not found.");
    call->service = v;
    if (read_state(call, v)) {
        enum err err = call_transaction(call, take_state);
        if (err != ERR_OK)
            return err;
    }
    if (!v->known)
        return finish(call, v, "This connection was not begun here, or it took too long.");
    if (query_find(call->request, "error") != NULL)
        return finish(call, v, "The access was not allowed.");
    const char *code = query_find(call->request, "code");
    if (code == NULL || code[0] == '\0')
        return finish(call, v, "The provider sent no code.");
    return finish(call, v, complete(call, v));
}

enum err oauth_page(struct call *call)
{
    const struct provider *p = provider_find(query_find(call->request, "provider"));
    const char *status = query_find(call->request, "status");
    bool good = status != NULL && strcmp(status, "connected") == 0;
    const char *page = arena_printf(
        call->arena,
        "<!doctype html>\n<html lang=\"en\"><meta charset=\"utf-8\"><title>Bureau"
        "</title><body><h1>%s %s</h1><p>You can close this window.</p></body></html>\n",
        p == NULL ? "The account" : p->name, good ? "is connected" : "was not connected");
    call_header(call, "Content-Security-Policy", "default-src 'none'");
    call->reply->json = (struct slice){page, strlen(page)};
    call->reply->type = "text/html; charset=utf-8";
    call->reply->bare = true;
    return ERR_OK;
}
