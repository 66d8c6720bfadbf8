#include <inttypes.h>
#include <string.h>

#include "tests/api/conform.h"

static void check_no_token(struct subject *s)
{
    check(s, ask(s, NULL, "GET", list_path(s, ""), NULL) == 401, "a list without a token is 401");
    check(s, ask(s, "1|nonsense", "GET", list_path(s, ""), NULL) == 401, "a wrong token is 401");
    if ((s->resource->without & NO_CREATE) == 0)
        check(s, ask(s, NULL, "POST", s->resource->path, json_object()) == 401,
              "a create without a token is 401");
}

/* Below the least role: 403, in the Robert dialect the ACL's 401. */
static void check_role(struct subject *s, enum role role, const char *token)
{
    long refusal = robert(s) ? 401 : 403;
    const struct resource *r = s->resource;
    if ((r->without & NO_LIST) == 0)
        check(s, ask(s, token, "GET", list_path(s, ""), NULL) == (role >= r->read ? 200 : refusal),
              "a %s's list is as her role says", role_name(role));
    if ((r->without & NO_CREATE) == 0 && role < r->write)
        check(s, ask(s, token, "POST", r->path, sample_body(&s->sampler, r)) == refusal,
              "a %s may not create", role_name(role));
}

static void check_stranger(struct subject *s, int64_t id)
{
    const char *item = item_path(s, id);
    const struct resource *r = s->resource;
    check(s, ask(s, s->stranger, "GET", item, NULL) == 404, "another organization's get is 404");
    if ((r->without & NO_UPDATE) == 0)
        check(s, ask(s, s->stranger, "PUT", item, sample_body(&s->sampler, r)) == 404,
              "another organization's update is 404");
    if ((r->without & NO_DELETE) == 0)
        check(s, ask(s, s->stranger, "DELETE", item, NULL) == 404,
              "another organization's delete is 404");
    check(s, ask(s, s->owner, "GET", item, NULL) == 200, "and the record is untouched");
    ask(s, s->stranger, "GET", list_path(s, ""), NULL);
    bool seen = false;
    size_t i;
    json_t *row;
    json_array_foreach(json_object_get(s->root, "data"), i, row) seen =
        seen || json_integer_value(json_object_get(row, "id")) == id;
    check(s, s->answer.status == 200 && !seen, "another organization's list does not show it");
}

/* Text in the header that is no organization of the caller. */
static void check_organization(struct subject *s, const char *id, long status, const char *what)
{
    const char *headers[] = {arena_printf(s->arena, "Authorization: Bearer %s", s->owner),
                             arena_printf(s->arena, "X-Organization-Id: %s", id), NULL};
    s->answer = api_send(s->arena, s->base, "GET", list_path(s, ""), headers, NULL);
    s->asked = arena_printf(s->arena, "GET %s with X-Organization-Id: %s", s->resource->path, id);
    check(s, s->answer.status == status, "%s", what);
}

static void check_organizations(struct subject *s)
{
    const char *fault = NULL;
    check_organization(s, people_find(s->people, "org", &fault), 200,
                       "her organization in the header is hers");
    check_organization(s, people_find(s->people, "stranger_org", &fault), robert(s) ? 401 : 403,
                       "another's organization in the header is refused");
    check_organization(s, "-1", invalid(s), "what is no organization's id is invalid");
}

static void check_verbs(struct subject *s, int64_t id)
{
    long status = ask(s, s->owner, "POST", item_path(s, id), json_object());
    check(s, status == (robert(s) ? 404 : 405), "a wrong verb is %d", robert(s) ? 404 : 405);
    const char *allow = answer_header(s->arena, &s->answer, "Allow", 0);
    if (!robert(s))
        check(s, allow != NULL && strstr(allow, "GET") != NULL, "and Allow names the right ones");
}

static void check_ids(struct subject *s)
{
    static const char *const ids[] = {"999999999999", "0",   "99999999999999999999", "abc", "-1",
                                      "1%27",         "1%00"};
    for (size_t i = 0; i < COUNT_OF(ids); i++) {
        const char *path = arena_printf(s->arena, "%s/%s", s->resource->path, ids[i]);
        long status = ask(s, s->owner, "GET", path, NULL);
        check(s, status == 404 || (status == 405 && !robert(s)) || (status == 400 && i == 6),
              "id %s is not found", ids[i]);
    }
}

/* A `user` sees what is hers only; a record the owner keeps for herself is refused. */
static void check_scope(struct subject *s, int64_t id)
{
    long status = ask(s, s->user, "GET", item_path(s, id), NULL);
    check(s, status == (robert(s) ? 404 : 403), "a user may not see what is not hers");
    ask(s, s->user, "GET", list_path(s, ""), NULL);
    check(s, json_array_size(json_object_get(s->root, "data")) == 0, "nor does her list show it");
}

void conform_access(struct subject *s)
{
    const struct resource *r = s->resource;
    if ((r->without & NO_LIST) == 0) {
        check_no_token(s);
        check_organizations(s);
    }
    check_role(s, ROLE_VISITOR, s->visitor);
    check_role(s, ROLE_USER, s->user);
    if ((r->without & NO_GET) == 0)
        check_ids(s);
    if ((r->without & (NO_CREATE | NO_GET | NO_LIST)) != 0)
        return;
    int64_t id = make(s);
    if (id == 0)
        return; /* conform_writes says so */
    if ((r->scope & SCOPE_ORG) != 0)
        check_stranger(s, id);
    check_verbs(s, id);
    if ((r->scope & SCOPE_ASSIGNEE) != 0 && r->read <= ROLE_USER)
        check_scope(s, id);
}
