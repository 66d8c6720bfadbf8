#include "gateway/admit.h"

#include <inttypes.h>
#include <string.h>

#include "common/clock.h"
#include "gateway/config.h"
#include "proto/resources.h"

static bool is_public(const struct exchange *x)
{
    return x->match.route != NULL && (x->match.route->flags & ACTION_PUBLIC) != 0;
}

void admit_ask(struct exchange *x, struct redis_ask *ask)
{
    const struct route *route = x->match.route;
    *ask = (struct redis_ask){.arena = x->arena, .caller_most = config.limit};
    bool usable = x->credential.kind != CREDENTIAL_NONE && x->credential.fault == NULL;
    if (x->known) {
        ask->key[0] = arena_printf(x->arena, "rl:u:%" PRId64, x->identity.user_id);
        ask->most[0] = config.limit;
    } else if (usable) {
        ask->identity = x->credential.key;
    } else {
        ask->key[0] = arena_printf(x->arena, "rl:a:%s", x->address);
        ask->most[0] = config.limit_guest;
    }
    if (route != NULL && (route->flags & ACTION_LOGIN) != 0) {
        ask->key[1] =
            arena_printf(x->arena, "rl:l:%s:%s", x->address, x->account == NULL ? "" : x->account);
        ask->most[1] = config.limit_login;
    }
}

bool admit_identity(struct exchange *x, struct slice text)
{
    if (identity_read(x->arena, text, &x->identity) != ERR_OK)
        return false;
    const struct identity *who = &x->identity;
    const struct credential *c = &x->credential;
    bool expired = who->expires_ms != 0 && who->expires_ms <= clock_unix_ms();
    bool other = c->kind == CREDENTIAL_TOKEN && who->token_id != c->id;
    x->known = !expired && !other;
    if (!x->known)
        x->credential.fault = expired ? "Expired token" : "Token not found.";
    return true;
}

static enum err refuse_role(struct exchange *x)
{
    return exchange_fail(x, x->dialect == DIALECT_ROBERT ? ERR_ACL : ERR_FORBIDDEN, NULL);
}

/* Whether one ability ("read", "clients:write", …) covers the call. */
static bool covers(struct slice ability, const char *verb, struct slice subject)
{
    bool reads = strcmp(verb, "GET") == 0 || strcmp(verb, "HEAD") == 0;
    bool deletes = strcmp(verb, "DELETE") == 0;
    const char *colon = memchr(ability.data, ':', ability.len);
    struct slice what = ability;
    if (colon != NULL) {
        struct slice name = {ability.data, (size_t)(colon - ability.data)};
        if (name.len != subject.len || memcmp(name.data, subject.data, name.len) != 0)
            return false;
        what = (struct slice){colon + 1, ability.len - name.len - 1};
    }
    if (what.len == 1 && *what.data == '*')
        return true;
    if (colon != NULL && deletes)
        return what.len == 6 && memcmp(what.data, "delete", 6) == 0;
    return reads ? what.len == 4 && memcmp(what.data, "read", 4) == 0
                 : what.len == 5 && memcmp(what.data, "write", 5) == 0;
}

bool admit_able(const char *abilities, const char *verb, const char *path)
{
    if (strcmp(abilities, "*") == 0)
        return true;
    /* Its own end and its own name are every token's; making tokens is only the full one's. */
    if (strcmp(path, "/api/user") == 0 || strcmp(path, "/logout") == 0 ||
        strcmp(path, "/api/tokens/revoke") == 0)
        return true;
    const char *subject = strncmp(path, "/api/", 5) == 0 ? path + 5 : path + 1;
    struct slice name = {subject, strcspn(subject, "/")};
    bool tokens = name.len == 6 && memcmp(name.data, "tokens", 6) == 0;
    if (tokens && strcmp(verb, "GET") != 0 && strcmp(verb, "HEAD") != 0)
        return false;
    for (const char *at = abilities; *at != '\0';) {
        size_t len = strcspn(at, ", ");
        if (len > 0 && covers((struct slice){at, len}, verb, name))
            return true;
        at += len;
        at += strspn(at, ", ");
    }
    return false;
}

static char *spaced(struct arena *arena, const char *abilities)
{
    char *copy = arena_strdup(arena, abilities);
    for (char *c = copy; *c != '\0'; c++)
        if (*c == ',')
            *c = ' ';
    return copy;
}

static void fill_who(struct exchange *x, const struct membership *m)
{
    const struct identity *i = &x->identity;
    x->who = (struct caller){.user_id = i->user_id,
                             .token_id = i->token_id,
                             .organization_id = m == NULL ? 0 : m->organization_id,
                             .role = m == NULL ? ROLE_NONE : m->role,
                             .abilities = spaced(x->arena, i->abilities),
                             .zone = i->zone,
                             .org_zone = m == NULL ? "" : m->zone,
                             .custom = m == NULL ? 0 : m->custom,
                             .language = i->language,
                             .session = x->credential.kind == CREDENTIAL_SESSION};
}

static enum err refuse_guest(struct exchange *x)
{
    const char *fault = x->credential.fault != NULL ? x->credential.fault : "Token not found.";
    return exchange_fail(x, ERR_UNAUTHENTICATED, x->dialect == DIALECT_ROBERT ? fault : NULL);
}

/* A caller who may read but not change a record hears of a missing or hidden one first: 404, then
   its own 403, then the verb's. The service is asked to show the record instead. Source:
   decisions.md 2. */
static bool may_probe(const struct exchange *x)
{
    const struct route *route = x->match.route;
    const struct resource *r = route->resource;
    return r != NULL && x->dialect == DIALECT_LARAVEL && (r->without & NO_GET) == 0 &&
           x->who.role >= r->read &&
           (strcmp(route->op, "update") == 0 || strcmp(route->op, "delete") == 0);
}

/* Source: decisions.md 2 and 8: 419, 401, organization, role, abilities. */
enum err admit_caller(struct exchange *x)
{
    const struct route *route = x->match.route;
    x->who = (struct caller){.abilities = "", .zone = "", .org_zone = "", .language = ""};
    if (x->csrf_missing && !(x->known && x->credential.bearer))
        return exchange_fail(x, ERR_CSRF, NULL);
    if (!x->known)
        return is_public(x) ? ERR_OK : refuse_guest(x);
    const struct membership *m =
        identity_in(&x->identity, x->organization > 0 ? x->organization : 0);
    fill_who(x, m);
    if (is_public(x))
        return ERR_OK;
    if (x->organization < 0)
        return exchange_fail(x, ERR_INVALID,
                             "The X-Organization-Id header must be a positive "
                             "integer.");
    bool needs = (route->flags & ACTION_NO_ORG) == 0;
    if (m == NULL && (needs || x->organization > 0))
        return refuse_role(x);
    x->probes = needs && x->who.role < route->least && may_probe(x);
    if (needs && x->who.role < route->least && !x->probes)
        return refuse_role(x);
    if (!admit_able(x->identity.abilities, x->verb, x->path))
        return x->dialect == DIALECT_ROBERT
                   ? refuse_role(x)
                   : exchange_fail(x, ERR_FORBIDDEN, "Invalid ability provided.");
    return ERR_OK;
}

/* A verified answer of accounts, kept for the next calls. */
static void keep(struct exchange *x, struct slice text)
{
    int64_t life = IDENTITY_TTL_S * 1000, now = clock_unix_ms();
    if (x->identity.expires_ms != 0 && x->identity.expires_ms - now < life)
        life = x->identity.expires_ms - now;
    if (x->known && life > 0)
        redis_keep(x->credential.key, x->identity.user_id, text, life);
}

static size_t put_question(struct exchange *x, struct pair *query)
{
    static const char *const kinds[] = {
        [CREDENTIAL_TOKEN] = "token", [CREDENTIAL_JWT] = "jwt", [CREDENTIAL_SESSION] = "session"};
    const struct credential *c = &x->credential;
    size_t n = 0;
    query[n++] = (struct pair){"kind", kinds[c->kind]};
    query[n++] = (struct pair){"hash", c->key + 4};
    if (c->kind == CREDENTIAL_TOKEN)
        query[n++] = (struct pair){"id", arena_printf(x->arena, "%" PRId64, c->id)};
    if (c->kind == CREDENTIAL_JWT) {
        query[n++] = (struct pair){"user", arena_printf(x->arena, "%" PRId64, c->user)};
        query[n++] = (struct pair){"iat", arena_printf(x->arena, "%" PRId64, c->issued)};
        query[n++] =
            (struct pair){"organization", arena_printf(x->arena, "%" PRId64, c->organization)};
    }
    return n;
}

enum err admit_resolve(struct exchange *x)
{
    struct pair query[5];
    struct request request = {.id = x->id,
                              .trace = x->trace,
                              .op = "identity",
                              .resource = "",
                              .query = query,
                              .address = x->address,
                              .path = x->path};
    struct reply *reply = NULL;
    request.who = (struct caller){.abilities = "", .zone = "", .org_zone = "", .language = ""};
    request.query_n = put_question(x, query);
    int64_t left = (x->deadline_us - clock_mono_us()) / 1000;
    enum err err = upstream_ask(x->arena, "accounts", &request, left, &reply);
    if (err == ERR_OK && admit_identity(x, reply->json)) {
        keep(x, reply->json);
        return ERR_OK;
    }
    if (err == ERR_OK || (!err_is_transient(err) && err != ERR_UNAUTHENTICATED))
        return ERR_INTERNAL;
    if (err == ERR_UNAUTHENTICATED)
        x->credential.fault = "Token not found.";
    return err == ERR_UNAUTHENTICATED ? ERR_OK : err;
}
