/* fake_office.c - Microsoft's consent and tokens and the calendars of Graph, by their rules. Each
   account has its default calendar, a team's, and birthdays it may only read. */
#include "tests/fakes/fake.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/crypto.h"

static json_t *codes, *access_tokens, *refresh_tokens; /* text → facts; access: account */
static json_t *events;                                 /* id → event; deleted ones are gone */
static char account[64];
static bool dead, refuse_twins; /* a transactionId that is known answers 409, not the event */
static int64_t serial;

void office_reset(void)
{
    json_decref(codes);
    json_decref(access_tokens);
    json_decref(refresh_tokens);
    json_decref(events);
    codes = json_object();
    access_tokens = json_object();
    refresh_tokens = json_object();
    events = json_object();
    snprintf(account, sizeof account, "satya");
    dead = refuse_twins = false;
}

bool office_set(const char *name, const char *value)
{
    if (strcmp(name, "office_account") == 0)
        snprintf(account, sizeof account, "%s", value);
    else if (strcmp(name, "office_dead") == 0)
        dead = value[0] == '1';
    else if (strcmp(name, "office_twins") == 0)
        refuse_twins = value[0] == '1';
    else if (strcmp(name, "office_expire") == 0)
        json_object_clear(access_tokens);
    else if (strcmp(name, "office_remove") == 0)
        json_object_del(events, value);
    else
        return false;
    return true;
}

void office_error(struct exchange *x, int status, const char *code)
{
    answer(x, status,
           json_pack("{s:{s:s,s:s}}", "error", "code", code, "message", "The request is refused."));
}

/* ---- consent and tokens ---- */

static void consent(struct exchange *x)
{
    char id[64], uri[512], scope[512], state[256], challenge[128], method[16], url[2048],
        given[512];
    bool good = param(x->query, "client_id", id, sizeof id) &&
                param(x->query, "redirect_uri", uri, sizeof uri) &&
                param(x->query, "scope", scope, sizeof scope) &&
                param(x->query, "state", state, sizeof state) &&
                param(x->query, "code_challenge", challenge, sizeof challenge) &&
                param(x->query, "code_challenge_method", method, sizeof method) &&
                strcmp(id, "office-client") == 0 && strcmp(method, "S256") == 0 &&
                is_word_of(scope, "offline_access") &&
                only_params(x, "client_id redirect_uri response_type scope state prompt "
                               "code_challenge code_challenge_method");
    if (!good) {
        violation(x, "a request for consent that is none");
        answer(x, 400, json_pack("{s:s}", "error", "invalid_request"));
        return;
    }
    oauth_granted(scope, given, sizeof given);
    snprintf(url, sizeof url, "M.C%lld", (long long)++serial);
    json_object_set_new(codes, url,
                        json_pack("{s:s,s:s,s:s,s:s}", "account", account, "uri", uri, "challenge",
                                  challenge, "scope", given));
    answer(x, 302, NULL);
    snprintf(x->headers, sizeof x->headers, "Location: %s?code=M.C%lld&state=%s\r\n", uri,
             (long long)serial, state);
}

/* Every renewal gives another refresh token. offline_access is not named among what was granted. */
static void give(struct exchange *x, const char *who, const char *scope)
{
    char access[64], refresh[64], named[512] = "";
    bool lasting = is_word_of(scope, "offline_access");
    for (const char *at = scope; *at != '\0';) {
        size_t len = strcspn(at, " "), n = strlen(named);
        if (strncmp(at, "offline_access", len) != 0)
            snprintf(named + n, sizeof named - n, "%s%.*s", n > 0 ? " " : "", (int)len, at);
        at += len;
        at += *at == ' ';
    }
    serial++;
    snprintf(access, sizeof access, "eyJ0.office-%lld", (long long)serial);
    snprintf(refresh, sizeof refresh, "0.office-refresh-%lld", (long long)serial);
    json_object_set_new(access_tokens, access, json_string(who));
    json_t *out = json_pack("{s:s,s:s,s:i,s:s}", "token_type", "Bearer", "scope", named,
                            "expires_in", 3599, "access_token", access);
    if (lasting) {
        json_object_set_new(refresh_tokens, refresh,
                            json_pack("{s:s,s:s}", "account", who, "scope", scope));
        json_object_set_new(out, "refresh_token", json_string(refresh));
    }
    answer(x, 200, out);
}

static bool verifies(const json_t *code, const char *verifier)
{
    uint8_t hash[CRYPTO_SHA256];
    char text[44];
    crypto_sha256(verifier, strlen(verifier), hash);
    crypto_base64url_of_32(hash, text);
    return strcmp(text, json_string_value(json_object_get(code, "challenge"))) == 0;
}

static void give_by(struct exchange *x, const json_t *grant)
{
    char who[64], scope[512];
    snprintf(who, sizeof who, "%s", json_string_value(json_object_get(grant, "account")));
    snprintf(scope, sizeof scope, "%s", json_string_value(json_object_get(grant, "scope")));
    give(x, who, scope);
}

static void token(struct exchange *x)
{
    char grant[64] = "", id[64] = "", secret[64] = "", code[64] = "", uri[512] = "",
         verifier[160] = "", refresh[128] = "";
    param(x->raw, "grant_type", grant, sizeof grant);
    param(x->raw, "client_id", id, sizeof id);
    param(x->raw, "client_secret", secret, sizeof secret);
    param(x->raw, "code", code, sizeof code);
    param(x->raw, "redirect_uri", uri, sizeof uri);
    param(x->raw, "code_verifier", verifier, sizeof verifier);
    param(x->raw, "refresh_token", refresh, sizeof refresh);
    const json_t *held = json_object_get(refresh_tokens, refresh),
                 *c = json_object_get(codes, code);
    answer(x, 400, json_pack("{s:s}", "error", "invalid_grant"));
    if (strcmp(id, "office-client") != 0 || strcmp(secret, "office-secret") != 0) {
        violation(x, "wrong client or secret");
        answer(x, 401, json_pack("{s:s}", "error", "invalid_client"));
    } else if (strcmp(grant, "refresh_token") == 0 && held != NULL && !dead) {
        give_by(x, held);
    } else if (strcmp(grant, "authorization_code") == 0 && c != NULL && verifies(c, verifier) &&
               strcmp(uri, json_string_value(json_object_get(c, "uri"))) == 0) {
        give_by(x, c);
        json_object_del(codes, code);
    }
}

/* ---- calendars and events ---- */

static void list_calendars(struct exchange *x)
{
    static const char *const names[] = {"Calendar", "Team", "Birthdays"};
    json_t *items = json_array();
    for (int i = 0; i < 3; i++) {
        char id[32];
        snprintf(id, sizeof id, "AAMk%s=", names[i]);
        json_array_append_new(items, json_pack("{s:s,s:s,s:s,s:b,s:b}", "id", id, "name", names[i],
                                               "hexColor", i == 0 ? "" : "#0078d4", "canEdit",
                                               i < 2, "isDefaultCalendar", i == 0));
    }
    answer(x, 200, json_pack("{s:o}", "value", items));
}

static bool is_time(const json_t *t)
{
    const char *at = json_string_value(json_object_get(t, "dateTime"));
    const char *zone = json_string_value(json_object_get(t, "timeZone"));
    return only_keys(t, "dateTime timeZone") && at != NULL && zone != NULL && strlen(at) == 19 &&
           strcmp(zone, "UTC") == 0;
}

static bool is_event(const json_t *e, bool creating)
{
    const json_t *start = json_object_get(e, "start"), *end = json_object_get(e, "end");
    return only_keys(e, creating ? "subject body start end showAs isReminderOn transactionId "
                                   "singleValueExtendedProperties"
                                 : "subject body start end showAs") &&
           (!creating || (start != NULL && end != NULL)) && (start == NULL || is_time(start)) &&
           (end == NULL || is_time(end));
}

static json_t *twin_of(const char *transaction)
{
    const char *id;
    json_t *e;
    json_object_foreach(events, id, e)
    {
        const char *have = json_string_value(json_object_get(e, "transactionId"));
        if (have != NULL && transaction != NULL && strcmp(have, transaction) == 0)
            return e;
    }
    return NULL;
}

static void create(struct exchange *x, const char *calendar)
{
    char id[64];
    json_t *twin = twin_of(json_string_value(json_object_get(x->body, "transactionId")));
    if (!is_event(x->body, true)) {
        violation(x, "no event");
        office_error(x, 400, "ErrorInvalidRequest");
    } else if (twin != NULL && refuse_twins) {
        office_error(x, 409, "ErrorDuplicateTransactionId");
    } else if (twin != NULL) {
        answer(x, 201, json_incref(twin));
    } else {
        snprintf(id, sizeof id, "AAkEvent%lld==", (long long)++serial);
        json_t *e = json_deep_copy(x->body);
        json_object_set_new(e, "id", json_string(id));
        json_object_set_new(e, "_calendar", json_string(calendar));
        json_object_set(events, id, e);
        answer(x, 201, e);
    }
}

/* Only the filter by our property is known. */
static void find(struct exchange *x, const char *calendar)
{
    char filter[512] = "", value[128] = "";
    json_t *found = json_array();
    param(x->query, "$filter", filter, sizeof filter);
    const char *at = strstr(filter, "p/value eq '");
    if (at == NULL || sscanf(at, "p/value eq '%127[^']", value) != 1)
        violation(x, "a filter that is none");
    json_t *e = twin_of(value);
    if (e != NULL && strcmp(json_string_value(json_object_get(e, "_calendar")), calendar) == 0)
        json_array_append_new(found, json_pack("{s:O}", "id", json_object_get(e, "id")));
    answer(x, 200, json_pack("{s:o}", "value", found));
}

static void one_event(struct exchange *x, const char *id)
{
    json_t *e = json_object_get(events, id);
    if (e == NULL) {
        office_error(x, 404, "ErrorItemNotFound");
    } else if (strcmp(x->method, "DELETE") == 0) {
        json_object_del(events, id);
        answer(x, 204, NULL);
    } else if (strcmp(x->method, "PATCH") != 0 || !is_event(x->body, false)) {
        violation(x, "no change of an event");
        office_error(x, 400, "ErrorInvalidRequest");
    } else {
        note_version(json_object_get(e, "subject"), json_object_get(x->body, "subject"));
        json_object_update(e, x->body);
        answer(x, 200, json_incref(e));
    }
}

static void calendar(struct exchange *x, const char *rest)
{
    char id[128];
    size_t len = strcspn(rest, "/");
    snprintf(id, sizeof id, "%.*s", (int)len, rest);
    rest += len;
    const char *prefer = header(x, "Prefer");
    if (prefer == NULL || strcmp(prefer, "IdType=\"ImmutableId\"") != 0)
        violation(x, "ids that do not last");
    if (strcmp(id, "AAMkCalendar=") != 0 && strcmp(id, "AAMkTeam=") != 0)
        office_error(x, 404, "ErrorItemNotFound");
    else if (strcmp(rest, "/events") == 0 && strcmp(x->method, "POST") == 0)
        create(x, id);
    else if (strcmp(rest, "/events") == 0)
        find(x, id);
    else if (strncmp(rest, "/events/", 8) == 0)
        one_event(x, rest + 8);
    else
        office_error(x, 404, "ErrorItemNotFound");
}

const char *office_who(struct exchange *x)
{
    const char *bearer = header(x, "Authorization");
    return bearer == NULL || strncmp(bearer, "Bearer ", 7) != 0
               ? NULL
               : json_string_value(json_object_get(access_tokens, bearer + 7));
}

static void graph(struct exchange *x, const char *rest)
{
    const char *who = office_who(x);
    if (who == NULL)
        office_error(x, 401, "InvalidAuthenticationToken");
    else if (strcmp(rest, "me") == 0)
        answer(x, 200,
               json_pack("{s:s,s:s,s:n,s:s}", "id", who, "displayName", "Satya", "mail",
                         "userPrincipalName", "satya@office.test"));
    else if (strcmp(rest, "me/calendars") == 0)
        list_calendars(x);
    else if (strncmp(rest, "me/calendars/", 13) == 0)
        calendar(x, rest + 13);
    else
        office_error(x, 404, "ResourceNotFound");
}

bool office_serve(struct exchange *x)
{
    if (strncmp(x->path, "/v1.0/", 6) == 0)
        graph(x, x->path + 6);
    else if (strcmp(x->path, "/common/oauth2/v2.0/authorize") == 0)
        consent(x);
    else if (strcmp(x->path, "/common/oauth2/v2.0/token") == 0)
        token(x);
    else
        return false;
    return true;
}

json_t *office_state(void)
{
    json_t *live = json_array(), *e;
    const char *id;
    json_object_foreach(events, id, e) json_array_append(live, e);
    return live;
}
