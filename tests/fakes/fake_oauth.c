/* fake_oauth.c - consent, codes and tokens of both providers, by their rules. */
#include "tests/fakes/fake.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/crypto.h"

enum { CODE_MS = 60000, ACCESS_S = 3599 };

static json_t *codes, *access_tokens, *refresh_tokens; /* text → facts */
static char account[64];                               /* who consents next */
static char scope_drop[128];                           /* a scope she does not allow */
static bool deny, dead;                                /* dead: refresh tokens are no good */
static int64_t life_s, serial;

void oauth_reset(void)
{
    json_decref(codes);
    json_decref(access_tokens);
    json_decref(refresh_tokens);
    codes = json_object();
    access_tokens = json_object();
    refresh_tokens = json_object();
    snprintf(account, sizeof account, "john");
    scope_drop[0] = '\0';
    deny = dead = false;
    life_s = ACCESS_S;
}

bool oauth_set(const char *name, const char *value)
{
    if (strcmp(name, "account") == 0)
        snprintf(account, sizeof account, "%s", value);
    else if (strcmp(name, "drop_scope") == 0)
        snprintf(scope_drop, sizeof scope_drop, "%s", value);
    else if (strcmp(name, "deny") == 0)
        deny = value[0] == '1';
    else if (strcmp(name, "dead") == 0)
        dead = value[0] == '1';
    else if (strcmp(name, "life_s") == 0)
        life_s = strtoll(value, NULL, 10);
    else if (strcmp(name, "expire") == 0)
        json_object_clear(access_tokens);
    else
        return false;
    return true;
}

static bool is_google(const char *path) { return strncmp(path, "/oauth/", 7) != 0; }

/* ---- consent: at once ---- */

static void put_escaped(char *out, size_t size, const char *text)
{
    size_t at = 0;
    for (; *text != '\0' && at + 4 < size; text++)
        if (strchr("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~", *text))
            out[at++] = *text;
        else
            at += (size_t)snprintf(out + at, size - at, "%%%02X", (unsigned char)*text);
    out[at] = '\0';
}

void oauth_granted(const char *asked, char *out, size_t size)
{
    out[0] = '\0';
    for (const char *at = asked; *at != '\0';) {
        size_t len = strcspn(at, " "), n = strlen(out);
        if (strncmp(at, scope_drop, len) != 0 || strlen(scope_drop) != len)
            snprintf(out + n, size - n, "%s%.*s", n > 0 ? " " : "", (int)len, at);
        at += len;
        at += *at == ' ';
    }
}

static void consent(struct exchange *x, bool google)
{
    char id[128], uri[512], type[32], scope[512], state[256],
        challenge[128] = "", method[16] = "", offline[16] = "", given[512], code[64], url[2048],
        part[1024];
    const char *known = google ? "client_id redirect_uri response_type scope state access_type "
                                 "prompt code_challenge code_challenge_method login_hint"
                               : "client_id redirect_uri response_type scope state";
    bool good = param(x->query, "client_id", id, sizeof id) &&
                param(x->query, "redirect_uri", uri, sizeof uri) &&
                param(x->query, "response_type", type, sizeof type) &&
                param(x->query, "scope", scope, sizeof scope) &&
                param(x->query, "state", state, sizeof state) && strcmp(type, "code") == 0 &&
                strcmp(id, google ? "google-client" : "moneybird-client") == 0;
    param(x->query, "code_challenge", challenge, sizeof challenge);
    param(x->query, "code_challenge_method", method, sizeof method);
    param(x->query, "access_type", offline, sizeof offline);
    if (!good || !only_params(x, known) || (challenge[0] != '\0' && strcmp(method, "S256") != 0)) {
        violation(x, "a request for consent that is none");
        answer(x, 400, json_pack("{s:s}", "error", "invalid_request"));
        return;
    }
    oauth_granted(scope, given, sizeof given);
    snprintf(code, sizeof code, "code-%lld", (long long)++serial);
    json_object_set_new(codes, code,
                        json_pack("{s:s,s:s,s:s,s:s,s:I,s:b,s:b}", "account", account, "uri", uri,
                                  "scope", given, "challenge", challenge, "until",
                                  (json_int_t)(now_ms() + CODE_MS), "google", google, "offline",
                                  !google || strcmp(offline, "offline") == 0));
    put_escaped(part, sizeof part, state);
    snprintf(url, sizeof url, "%s?%s%s&state=%s", uri,
             deny ? "error=" : "code=", deny ? "access_denied" : code, part);
    answer(x, 302, NULL);
    snprintf(x->headers, sizeof x->headers, "Location: %s\r\n", url);
}

/* ---- tokens ---- */

static bool pkce_fits(const char *verifier, const char *challenge)
{
    uint8_t hash[CRYPTO_SHA256];
    char text[44];
    if (challenge[0] == '\0')
        return true;
    if (strlen(verifier) < 43 || strlen(verifier) > 128)
        return false;
    crypto_sha256(verifier, strlen(verifier), hash);
    crypto_base64url_of_32(hash, text);
    return strcmp(text, challenge) == 0;
}

static void give(struct exchange *x, const json_t *facts, bool google, bool with_refresh)
{
    char access[80], refresh[80];
    serial++;
    snprintf(access, sizeof access, google ? "ya29.access-%lld" : "aaaa%lldbbbb",
             (long long)serial);
    snprintf(refresh, sizeof refresh, google ? "1//refresh-%lld" : "rrrr%lldssss",
             (long long)serial);
    json_t *kept = json_deep_copy(facts);
    json_object_set_new(kept, "until", json_integer(google ? now_ms() + life_s * 1000 : INT64_MAX));
    json_object_set_new(access_tokens, access, kept);
    json_t *out = json_pack("{s:s,s:s,s:O}", "access_token", access, "token_type",
                            google ? "Bearer" : "bearer", "scope", json_object_get(facts, "scope"));
    if (google)
        json_object_set_new(out, "expires_in", json_integer(life_s));
    else
        json_object_set_new(out, "created_at", json_integer(now_ms() / 1000));
    if (with_refresh) {
        json_object_set_new(refresh_tokens, refresh, json_deep_copy(facts));
        json_object_set_new(out, "refresh_token", json_string(refresh));
    }
    answer(x, 200, out);
}

static void oauth_error(struct exchange *x, int status, const char *error)
{
    answer(x, status, json_pack("{s:s,s:s}", "error", error, "error_description", "Bad Request"));
}

static void token(struct exchange *x, bool google)
{
    char grant[64] = "", id[64] = "", secret[64] = "", code[128] = "", uri[512] = "",
         verifier[160] = "", refresh[128] = "";
    param(x->raw, "grant_type", grant, sizeof grant);
    param(x->raw, "client_id", id, sizeof id);
    param(x->raw, "client_secret", secret, sizeof secret);
    param(x->raw, "code", code, sizeof code);
    param(x->raw, "redirect_uri", uri, sizeof uri);
    param(x->raw, "code_verifier", verifier, sizeof verifier);
    param(x->raw, "refresh_token", refresh, sizeof refresh);
    if (strcmp(id, google ? "google-client" : "moneybird-client") != 0 ||
        strcmp(secret, google ? "google-secret" : "moneybird-secret") != 0) {
        violation(x, "wrong client or secret");
        oauth_error(x, 401, "invalid_client");
        return;
    }
    if (strcmp(grant, "refresh_token") == 0) {
        const json_t *facts = json_object_get(refresh_tokens, refresh);
        if (facts == NULL || dead)
            oauth_error(x, 400, "invalid_grant");
        else
            give(x, facts, google, !google); /* Moneybird may rotate, Google does not */
        return;
    }
    json_t *facts = json_incref(json_object_get(codes, code));
    json_object_del(codes, code);
    if (strcmp(grant, "authorization_code") != 0)
        oauth_error(x, 400, "unsupported_grant_type");
    else if (facts == NULL || json_integer_value(json_object_get(facts, "until")) < now_ms() ||
             strcmp(json_string_value(json_object_get(facts, "uri")), uri) != 0 ||
             json_is_true(json_object_get(facts, "google")) != google ||
             !pkce_fits(verifier, json_string_value(json_object_get(facts, "challenge"))))
        oauth_error(x, 400, "invalid_grant");
    else
        give(x, facts, google, json_is_true(json_object_get(facts, "offline")));
    json_decref(facts);
}

const char *oauth_account(struct exchange *x, const char *provider)
{
    const char *bearer = header(x, "Authorization");
    bool google = strcmp(provider, "google") == 0;
    const json_t *facts = bearer == NULL || strncmp(bearer, "Bearer ", 7) != 0
                              ? NULL
                              : json_object_get(access_tokens, bearer + 7);
    if (facts != NULL && json_is_true(json_object_get(facts, "google")) == google &&
        json_integer_value(json_object_get(facts, "until")) > now_ms())
        return json_string_value(json_object_get(facts, "account"));
    if (google)
        google_error(x, 401, "authError", "Invalid Credentials");
    else
        answer(x, 401, json_pack("{s:s}", "error", "The access token is invalid"));
    return NULL;
}

const char *oauth_who(struct exchange *x)
{
    const char *bearer = header(x, "Authorization");
    const json_t *facts = bearer == NULL || strncmp(bearer, "Bearer ", 7) != 0
                              ? NULL
                              : json_object_get(access_tokens, bearer + 7);
    return json_string_value(json_object_get(facts, "account"));
}

static void userinfo(struct exchange *x)
{
    char email[96], name[64];
    const char *who = oauth_account(x, "google");
    if (who == NULL)
        return;
    snprintf(email, sizeof email, "%s@gmail.test", who);
    snprintf(name, sizeof name, "%c%s", who[0] >= 'a' && who[0] <= 'z' ? who[0] - 32 : who[0],
             who + 1);
    answer(x, 200,
           json_pack("{s:s,s:s,s:b,s:s}", "sub", who, "email", email, "email_verified", 1, "name",
                     name));
}

static void revoke(struct exchange *x)
{
    char given[128] = "";
    param(x->raw, "token", given, sizeof given);
    json_object_del(refresh_tokens, given);
    json_object_del(access_tokens, given);
    answer(x, 200, json_object());
}

bool oauth_serve(struct exchange *x)
{
    static const struct {
        const char *method, *path;
    } routes[] = {{"GET", "/o/oauth2/v2/auth"}, {"GET", "/oauth/authorize"},
                  {"POST", "/token"},           {"POST", "/oauth/token"},
                  {"POST", "/revoke"},          {"POST", "/oauth/revoke"},
                  {"GET", "/v1/userinfo"}};
    size_t i = 0, n = sizeof routes / sizeof routes[0];
    while (i < n &&
           (strcmp(routes[i].path, x->path) != 0 || strcmp(routes[i].method, x->method) != 0))
        i++;
    if (i == n)
        return false;
    if (i < 2)
        consent(x, is_google(x->path));
    else if (i < 4)
        token(x, is_google(x->path));
    else if (i < 6)
        revoke(x);
    else
        userinfo(x);
    return true;
}
