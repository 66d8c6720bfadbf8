#include "tests/api/api.h"

#include <curl/curl.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/random.h>

#include "proto/resources.h"
#include "tests/api/exchanges.h"

#define PASSWORD "Correct-horse9"

static size_t keep(char *data, size_t size, size_t n, void *buf)
{
    buf_put(buf, data, size * n);
    return size * n;
}

/* One handle for the whole program: connections are kept alive between requests. */
static CURL *the_handle(void)
{
    static CURL *handle;
    if (handle == NULL) {
        curl_global_init(CURL_GLOBAL_DEFAULT);
        handle = curl_easy_init();
    }
    curl_easy_reset(handle);
    return handle;
}

static bool names_header(const char *const *headers, const char *name)
{
    size_t len = strlen(name);
    for (; headers != NULL && *headers != NULL; headers++)
        if (strncasecmp(*headers, name, len) == 0 && (*headers)[len] == ':')
            return true;
    return false;
}

static struct curl_slist *header_list(struct arena *arena, const char *const *headers,
                                      const char *body)
{
    struct curl_slist *list = curl_slist_append(NULL, "Expect:");
    bool json = body != NULL && (body[0] == '{' || body[0] == '[');
    if (!names_header(headers, "Content-Type"))
        list = curl_slist_append(list, json ? "Content-Type: application/json" : "Content-Type:");
    for (; headers != NULL && *headers != NULL; headers++) {
        size_t len = strlen(*headers);
        bool empty = len > 0 && (*headers)[len - 1] == ':'; /* curl's way to send an empty one */
        list = curl_slist_append(list, empty ? arena_printf(arena, "%.*s;", (int)len - 1, *headers)
                                             : *headers);
    }
    return list;
}

static void set_body(CURL *curl, const char *verb, const char *body)
{
    bool plain = strcmp(verb, "GET") == 0 || strcmp(verb, "HEAD") == 0 ||
                 strcmp(verb, "OPTIONS") == 0 || strcmp(verb, "DELETE") == 0;
    if (body != NULL || !plain) {
        curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE,
                         (curl_off_t)(body == NULL ? 0 : strlen(body)));
        curl_easy_setopt(curl, CURLOPT_POSTFIELDS, body == NULL ? "" : body);
    }
    if (strcmp(verb, "HEAD") == 0)
        curl_easy_setopt(curl, CURLOPT_NOBODY, 1L);
    else
        curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, verb);
}

struct answer api_send(struct arena *arena, const char *base, const char *verb, const char *target,
                       const char *const *headers_or_null, const char *body_or_null)
{
    struct answer answer = {0};
    struct buf head, body;
    CURL *curl = the_handle();
    struct curl_slist *headers = header_list(arena, headers_or_null, body_or_null);
    buf_init(&head, arena);
    buf_init(&body, arena);
    curl_easy_setopt(curl, CURLOPT_URL, base);
    curl_easy_setopt(curl, CURLOPT_REQUEST_TARGET, target);
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(curl, CURLOPT_TIMEOUT, 30L);
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_PROXY, "");
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, keep);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, &body);
    curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, keep);
    curl_easy_setopt(curl, CURLOPT_HEADERDATA, &head);
    set_body(curl, verb, body_or_null);
    CURLcode code = curl_easy_perform(curl);
    if (code == CURLE_OK)
        curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &answer.status);
    else
        buf_printf(&body, "(no answer: %s)", curl_easy_strerror(code));
    curl_slist_free_all(headers);
    answer.headers = head.data;
    answer.body = body.data;
    answer.len = body.len;
    exchange_keep(arena, verb, target, body_or_null, &answer);
    return answer;
}

struct answer api_json(struct arena *arena, const char *base, const char *token, const char *verb,
                       const char *target, const char *body_or_null)
{
    const char *headers[2] = {
        token == NULL ? NULL : arena_printf(arena, "Authorization: Bearer %s", token), NULL};
    return api_send(arena, base, verb, target, headers, body_or_null);
}

const char *answer_header(struct arena *arena, const struct answer *answer, const char *name,
                          size_t index)
{
    size_t len = strlen(name);
    for (const char *line = answer->headers; line != NULL && *line != '\0';) {
        const char *end = strstr(line, "\r\n");
        if (end == NULL)
            return NULL;
        if (strncasecmp(line, name, len) == 0 && line[len] == ':' && index-- == 0) {
            const char *value = line + len + 1;
            while (*value == ' ')
                value++;
            return arena_strndup(arena, value, (size_t)(end - value));
        }
        line = end + 2;
    }
    return NULL;
}

const char *unique_text(struct arena *arena)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyz012345";
    unsigned char bytes[12];
    char text[13] = "";
    if (getrandom(bytes, sizeof bytes, 0) != (ssize_t)sizeof bytes)
        abort();
    for (size_t i = 0; i < sizeof bytes; i++)
        text[i] = letters[bytes[i] % 32];
    return arena_strdup(arena, text);
}

/* --- people ------------------------------------------------------------------------------------
 */

struct person {
    const char *token, *id, *email, *jwt;
};

struct people {
    struct arena *arena;
    const char *base, *unique, *org;
    struct person of[ROLE_OWNER + 1];
    struct people *strangers;
    const char *fault;
};

struct people *people_new(struct arena *arena, const char *base)
{
    struct people *people = arena_alloc(arena, sizeof *people);
    people->arena = arena;
    people->base = base;
    people->unique = unique_text(arena);
    return people;
}

/* Text of a member found by "a.b" in a JSON answer, or NULL. */
static const char *pick(struct arena *arena, const struct answer *answer, const char *first,
                        const char *second)
{
    json_t *root = json_loads(answer->body, 0, NULL);
    const json_t *at = json_object_get(root, first);
    if (second != NULL)
        at = json_object_get(at, second);
    const char *text = NULL;
    if (json_is_string(at))
        text = arena_strdup(arena, json_string_value(at));
    else if (json_is_integer(at))
        text = arena_printf(arena, "%" JSON_INTEGER_FORMAT, json_integer_value(at));
    json_decref(root);
    return text;
}

static struct answer ask(struct people *p, const char *token, const char *verb, const char *target,
                         const char *body, long wanted)
{
    struct answer answer = api_json(p->arena, p->base, token, verb, target, body);
    if (answer.status != wanted && p->fault == NULL)
        p->fault = arena_printf(p->arena, "%s %s answered %ld, not %ld: %.300s", verb, target,
                                answer.status, wanted, answer.body);
    return answer;
}

static void make_owner(struct people *p)
{
    struct person *owner = &p->of[ROLE_OWNER];
    owner->email = arena_printf(p->arena, "owner.%s@example.test", p->unique);
    const char *body = arena_printf(p->arena,
                                    "{\"name\":\"Olive Owner\",\"email\":\"%s\",\"password\":"
                                    "\"" PASSWORD "\",\"password_confirmation\":\"" PASSWORD "\","
                                    "\"organization_name\":\"Org %s\"}",
                                    owner->email, p->unique);
    struct answer answer = ask(p, NULL, "POST", "/register", body, 201);
    owner->token = pick(p->arena, &answer, "token", NULL);
    owner->id = pick(p->arena, &answer, "user", "id");
    p->org = pick(p->arena, &answer, "organization", "id");
    if (owner->token == NULL || owner->id == NULL || p->org == NULL)
        p->fault = arena_printf(p->arena,
                                "POST /register answered %ld without token, user.id or "
                                "organization.id: %.300s",
                                answer.status, answer.body);
}

/* An admin signs her up, then gives her the very role. */
static void make_member(struct people *p, enum role role)
{
    struct person *person = &p->of[role];
    const char *name = role_name(role), *owner = p->of[ROLE_OWNER].token;
    person->email = arena_printf(p->arena, "%s.%s@example.test", name, p->unique);
    const char *group = role >= ROLE_ADMIN ? "admin" : role == ROLE_VISITOR ? "visitor" : "member";
    const char *body = arena_printf(p->arena,
                                    "{\"pseudo\":\"%s%s\",\"email\":\"%s\",\"password\":"
                                    "\"" PASSWORD "\",\"group_id\":\"%s\"}",
                                    name, p->unique, person->email, group);
    struct answer answer = ask(p, owner, "POST", "/api/users/signup", body, 201);
    person->id = pick(p->arena, &answer, "id", NULL);
    if (person->id == NULL)
        return;
    if (role == ROLE_MANAGER || role == ROLE_USER)
        ask(p, owner, "PUT", arena_printf(p->arena, "/api/team/%s", person->id),
            arena_printf(p->arena, "{\"role\":\"%s\"}", name), 200);
    body =
        arena_printf(p->arena, "{\"email\":\"%s\",\"password\":\"" PASSWORD "\"}", person->email);
    answer = ask(p, NULL, "POST", "/api/tokens/create", body, 200);
    person->token = pick(p->arena, &answer, "token", NULL);
}

static struct person *person_of(struct people *p, enum role role)
{
    if (p->of[ROLE_OWNER].email == NULL)
        make_owner(p);
    if (p->of[role].email == NULL && p->of[ROLE_OWNER].token != NULL)
        make_member(p, role);
    return &p->of[role];
}

static const char *jwt_of(struct people *p, enum role role)
{
    struct person *person = person_of(p, role);
    if (person->jwt == NULL && person->email != NULL) {
        const char *body = arena_printf(
            p->arena, "{\"identifier\":\"%s\",\"password\":\"" PASSWORD "\"}", person->email);
        struct answer answer = ask(p, NULL, "POST", "/api/token", body, 200);
        person->jwt = pick(p->arena, &answer, "token", NULL);
    }
    return person->jwt;
}

/* "member_id" → role and the rest; NULL when it begins with no role. */
static const char *split_role(const char *name, enum role *role)
{
    for (enum role r = ROLE_VISITOR; r <= ROLE_OWNER; r++) {
        size_t len = strlen(role_name(r));
        if (strncmp(name, role_name(r), len) == 0 && (name[len] == '\0' || name[len] == '_')) {
            *role = r;
            return name + len;
        }
    }
    return NULL;
}

static const char *find_person(struct people *p, const char *name, bool *known)
{
    enum role role = ROLE_NONE;
    bool jwt = strncmp(name, "jwt_", 4) == 0;
    const char *what = split_role(jwt ? name + 4 : name, &role);
    *known = what != NULL && (*what == '\0' || (!jwt && strcmp(what, "_id") == 0) ||
                              (!jwt && strcmp(what, "_email") == 0));
    if (!*known)
        return NULL;
    if (jwt)
        return jwt_of(p, role);
    struct person *person = person_of(p, role);
    if (*what == '\0')
        return person->token;
    return strcmp(what, "_id") == 0 ? person->id : person->email;
}

const char *people_find(struct people *p, const char *name, const char **fault)
{
    bool known = true;
    const char *value = NULL;
    if (strcmp(name, "password") == 0)
        return PASSWORD;
    if (strcmp(name, "unique") == 0)
        return p->unique;
    if (strncmp(name, "stranger", 8) == 0 && (name[8] == '\0' || strcmp(name + 8, "_org") == 0)) {
        if (p->strangers == NULL)
            p->strangers = people_new(p->arena, p->base);
        return people_find(p->strangers, name[8] == '\0' ? "owner" : "org", fault);
    }
    if (strcmp(name, "org") == 0) {
        person_of(p, ROLE_OWNER);
        value = p->org;
    } else {
        value = find_person(p, name, &known);
    }
    if (!known)
        return NULL;
    if (p->fault != NULL)
        *fault = p->fault;
    return value == NULL ? "" : value;
}
