#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "common/clock.h"
#include "common/crypto.h"
#include "common/json.h"
#include "gateway/config.h"
#include "gateway/decode.h"
#include "gateway/exchange.h"

enum { SECRET_MAX = 4096, SKEW_MS = 60000 /* between the clocks of two gateways */ };

static void set_key(struct credential *c, const char *secret, size_t len)
{
    memcpy(c->key, "tok:", 4);
    crypto_sha256_hex(secret, len, c->key + 4);
}

static const char *early(struct arena *arena, int64_t issued)
{
    time_t at = (time_t)issued;
    struct tm tm;
    char text[40] = "";
    if (gmtime_r(&at, &tm) != NULL)
        strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S+0000", &tm);
    return arena_printf(arena, "Cannot handle token prior to %s", text);
}

/* What the JWT says, once its signature is good. Source: the messages of document 003. */
static const char *read_claims(struct exchange *x, struct slice payload)
{
    struct credential *c = &x->credential;
    struct buf bytes;
    struct json_fault fault;
    const msgpack_object *claims = NULL;
    int64_t expires = 0;
    buf_init(&bytes, x->arena);
    if (json_to_mp(x->arena, payload, &bytes, &fault) != ERR_OK ||
        mp_read(x->arena, (struct slice){bytes.data, bytes.len}, &claims) != ERR_OK)
        return "Syntax error, malformed JSON";
    const msgpack_object *user = mp_find(claims, "user");
    if (!mp_int(mp_find(claims, "exp"), &expires) || !mp_int(mp_find(claims, "iat"), &c->issued) ||
        !mp_int(mp_find(user, "id"), &c->user))
        return "Syntax error, malformed JSON";
    if (!mp_int(mp_find(claims, "organization"), &c->organization))
        c->organization = 0;
    if (c->issued * 1000 > clock_unix_ms() + SKEW_MS)
        return early(x->arena, c->issued);
    return expires * 1000 <= clock_unix_ms() ? "Expired token" : NULL;
}

static void read_jwt(struct exchange *x, const char *token)
{
    struct credential *c = &x->credential;
    struct slice key = {(const char *)config.key_jwt, sizeof config.key_jwt}, payload;
    c->kind = CREDENTIAL_JWT;
    switch (crypto_jwt_read(x->arena, key, token, &payload)) {
    case JWT_OK:
        c->fault = read_claims(x, payload);
        break;
    case JWT_SEGMENTS:
        c->fault = "Wrong number of segments";
        break;
    case JWT_SYNTAX:
        c->fault = "Syntax error, malformed JSON";
        break;
    case JWT_SIGNATURE:
        c->fault = "Signature verification failed";
        break;
    }
    set_key(c, token, strlen(token));
}

/* "12|secret" or a JWT. */
static void read_secret(struct exchange *x, const char *text)
{
    struct credential *c = &x->credential;
    const char *bar = strchr(text, '|');
    if (*text == '\0' || strlen(text) > SECRET_MAX) {
        c->kind = CREDENTIAL_TOKEN;
        c->fault = "Token not found.";
    } else if (bar == NULL) {
        read_jwt(x, text);
    } else {
        char *end = NULL;
        c->kind = CREDENTIAL_TOKEN;
        c->id = strtoll(text, &end, 10);
        if (end != bar || c->id <= 0 || bar - text > 18 || *text < '0' || *text > '9')
            c->fault = "Token not found.";
        set_key(c, bar + 1, strlen(bar + 1));
    }
}

static bool read_bearer(struct exchange *x)
{
    const char *header = exchange_header(x, "Authorization");
    if (header == NULL)
        return false;
    bool bearer = strncasecmp(header, "Bearer", 6) == 0 && (header[6] == ' ' || header[6] == '\0');
    x->credential.bearer = true;
    read_secret(x, bearer ? header + 6 + strspn(header + 6, " ") : "");
    return true;
}

static void read_cookies(struct exchange *x)
{
    struct credential *c = &x->credential;
    struct slice jwt = exchange_cookie(x, COOKIE_JWT);
    if (c->session.len > 0) {
        c->kind = CREDENTIAL_SESSION;
        set_key(c, c->session.data, c->session.len);
    } else if (jwt.len > 0) {
        const char *text = decode_percent(x->arena, jwt, true);
        if (text == NULL)
            text = "";
        bool scheme = strncasecmp(text, "Bearer ", 7) == 0;
        read_jwt(x, scheme ? text + 7 : text);
    }
}

/* "https://host:port/path" to "host:port"; NULL when it is no web origin. */
static const char *host_of(struct arena *arena, const char *url)
{
    const char *host = url == NULL ? NULL : strstr(url, "://");
    if (host == NULL)
        return NULL;
    host += 3;
    return arena_strndup(arena, host, strcspn(host, "/?#"));
}

bool session_token_fits(const struct exchange *x, const char *token)
{
    char want[44];
    if (x->credential.session.len == 0 || strlen(token) != sizeof want - 1)
        return false;
    csrf_token(config.key_csrf, x->credential.session, want);
    return crypto_same(token, want, sizeof want - 1);
}

static bool token_fits(struct exchange *x)
{
    const char *given = exchange_header(x, "X-XSRF-TOKEN");
    if (given == NULL)
        given = exchange_header(x, "X-CSRF-TOKEN");
    if (given != NULL)
        given = decode_percent(x->arena, (struct slice){given, strlen(given)}, false);
    return given != NULL && session_token_fits(x, given);
}

/* A browser says where an unsafe call comes from, if only "null" (a sandboxed frame). */
static bool is_browser(const struct exchange *x)
{
    return x->origin != NULL || exchange_header(x, "Referer") != NULL ||
           exchange_header(x, "Sec-Fetch-Site") != NULL;
}

/* Source: decisions.md 3 and 8: an unsafe call from a page of ours, or one that relies on a
   cookie, brings the token of its session. */
static void judge_csrf(struct exchange *x)
{
    struct credential *c = &x->credential;
    const char *from =
        host_of(x->arena, x->origin != NULL ? x->origin : exchange_header(x, "Referer"));
    bool page = from != NULL && host_is_stateful(from);
    bool cookie = !c->bearer && c->kind != CREDENTIAL_NONE;
    bool public = x->match.route != NULL && (x->match.route->flags & ACTION_PUBLIC) != 0;
    if (exchange_is_safe(x) || (!page && !cookie) || token_fits(x))
        return;
    if (c->kind == CREDENTIAL_JWT && !c->bearer && !is_browser(x))
        return; /* document 003's clients keep the cookie themselves */
    if (public && !page)
        *c = (struct credential){.session = c->session}; /* the call does not rely on the cookie */
    else
        x->csrf_missing = true;
}

void session_read(struct exchange *x)
{
    x->credential.session = exchange_cookie(x, COOKIE_SESSION);
    if (!read_bearer(x))
        read_cookies(x);
    judge_csrf(x);
}
