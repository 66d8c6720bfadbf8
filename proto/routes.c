#include "proto/routes.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "proto/complete.h"
#include "proto/resources.h"

enum { ROUTES_MAX = 1024, BUCKETS = 256 };

static struct route routes[ROUTES_MAX];
static size_t routes_n;
/* Routes by their head ("/api/clients"), chained in the order they were added. */
static uint16_t heads[BUCKETS], next[ROUTES_MAX];

static const struct route endpoints[] = {
#define ENDPOINT(verb_, pattern_, service_, op_, dialect_, least_, flags_, tag_, summary_)         \
    {.verb = verb_,                                                                                \
     .pattern = pattern_,                                                                          \
     .op = op_,                                                                                    \
     .service = service_,                                                                          \
     .dialect = dialect_,                                                                          \
     .least = least_,                                                                              \
     .flags = flags_,                                                                              \
     .summary = summary_,                                                                          \
     .tag = tag_},
#include "proto/endpoints.def"
#undef ENDPOINT
};

/* Length of "/api/clients" or "/login": the constant start that routes are hashed by. */
static size_t head_length(struct slice path)
{
    size_t slashes = 0, i = 0;
    size_t wanted = path.len > 5 && memcmp(path.data, "/api/", 5) == 0 ? 3 : 2;
    for (; i < path.len; i++)
        if (path.data[i] == '/' && ++slashes == wanted)
            break;
    return i;
}

static size_t bucket_of(struct slice path)
{
    uint32_t hash = 2166136261U;
    size_t len = head_length(path);
    for (size_t i = 0; i < len; i++)
        hash = (hash ^ (unsigned char)path.data[i]) * 16777619U;
    return hash % BUCKETS;
}

NORETURN static void refuse(const char *what, const char *where)
{
    fprintf(stderr, "routes: %s\n%s\n", what, where);
    abort();
}

/* An action may stand in for a plain operation of the same verb and path: the first one counts. */
static void add(const struct route *route)
{
    size_t bucket = bucket_of((struct slice){route->pattern, strlen(route->pattern)});
    uint16_t *link = &heads[bucket];
    for (; *link != 0; link = &next[*link])
        if (strcmp(routes[*link].pattern, route->pattern) == 0 &&
            strcmp(routes[*link].verb, route->verb) == 0)
            return;
    if (routes_n + 1 == ROUTES_MAX)
        refuse("too many; raise ROUTES_MAX", route->pattern);
    size_t at = ++routes_n; /* 0 ends a chain */
    routes[at] = *route;
    *link = (uint16_t)at;
}

/* Patterns live until the process ends. */
static const char *join(const char *path, const char *below)
{
    size_t len = strlen(path) + strlen(below) + 1;
    char *text = malloc(len);
    if (text == NULL)
        abort();
    snprintf(text, len, "%s%s", path, below);
    return text;
}

static void add_for(const struct resource *r, const char *verb, const char *below, const char *op,
                    enum role least, unsigned flags, const char *summary)
{
    add(&(struct route){.verb = verb,
                        .pattern = join(r->path, below),
                        .op = op,
                        .service = r->service,
                        .resource = r,
                        .dialect = r->dialect,
                        .least = least,
                        .flags = flags,
                        .summary = summary,
                        .tag = r->label});
}

static void add_crud(const struct resource *r)
{
    bool laravel = r->dialect == DIALECT_LARAVEL;
    if ((r->without & NO_LIST) == 0)
        add_for(r, "GET", "", "list", r->read, 0, "List");
    if ((r->without & NO_CREATE) == 0)
        add_for(r, "POST", "", "create", r->write, ACTION_CREATED, "Create");
    if ((r->without & NO_GET) == 0)
        add_for(r, "GET", "/{id}", "get", r->read, 0, "Show");
    if ((r->without & NO_UPDATE) == 0)
        add_for(r, "PUT", "/{id}", "update", r->write, 0, "Update");
    if ((r->without & NO_DELETE) == 0)
        add_for(r, "DELETE", "/{id}", "delete", r->remove, 0, "Delete");
    if ((r->without & (NO_RESTORE | NO_DELETE)) == 0 && r->lifecycle != DELETE_HARD)
        add_for(r, laravel ? "POST" : "PUT", laravel ? "/{id}/restore" : "/restore/{id}", "restore",
                r->remove, 0, "Restore");
}

/* Bulk writes and the history exist for what the change chain keeps. */
static void add_beside(const struct resource *r)
{
    if (!r->audit)
        return;
    add_for(r, "GET", "/{id}/history", "history", r->read, 0, "Who changed what and when");
    if ((r->without & NO_CREATE) == 0)
        add_for(r, "POST", "/bulk", "bulk_create", r->write, ACTION_SLOW, "Create many");
    if ((r->without & NO_UPDATE) == 0)
        add_for(r, "PUT", "/bulk", "bulk_update", r->write, ACTION_SLOW, "Update many");
    if ((r->without & NO_DELETE) == 0)
        add_for(r, "DELETE", "/bulk", "bulk_delete", r->remove, ACTION_SLOW, "Delete many");
}

static void check_tables(void)
{
    struct arena *arena = arena_new(4096);
    struct buf faults;
    buf_init(&faults, arena);
    if (tables_faults(&faults) > 0)
        refuse("a resource's table is incomplete:", faults.data);
    arena_destroy(arena);
}

void routes_open(void)
{
    if (routes_n != 0)
        return;
    check_tables();
    for (size_t i = 0; i < COUNT_OF(endpoints); i++)
        add(&endpoints[i]);
    for (size_t i = 0; resources[i] != NULL; i++) {
        const struct resource *r = resources[i];
        for (const struct action *a = r->actions; a != NULL && a->verb != NULL; a++)
            add_for(r, a->verb, a->below, a->op, a->least, a->flags, a->summary);
        add_beside(r);
        add_crud(r);
    }
}

size_t routes_count(void) { return routes_n; }

const struct route *routes_at(size_t index) { return &routes[index + 1]; }

/* The next segment of a path that starts with '/'; advances. */
static struct slice segment(struct slice *path)
{
    const char *start = path->data + 1, *end = path->data + path->len;
    const char *slash = memchr(start, '/', (size_t)(end - start));
    const char *stop = slash == NULL ? end : slash;
    path->len = (size_t)(end - stop);
    path->data = stop;
    return (struct slice){start, (size_t)(stop - start)};
}

/* 1..19 digits that fit int64; anything else is no id. */
static bool read_id(struct slice text, int64_t *id)
{
    uint64_t value = 0;
    if (text.len == 0 || text.len > 19)
        return false;
    for (size_t i = 0; i < text.len; i++) {
        if (text.data[i] < '0' || text.data[i] > '9')
            return false;
        value = value * 10 + (uint64_t)(text.data[i] - '0');
    }
    if (value > INT64_MAX)
        return false;
    *id = (int64_t)value;
    return true;
}

static bool fits(const struct route *route, struct slice path, struct route_match *match)
{
    struct slice pattern = {route->pattern, strlen(route->pattern)};
    size_t args = 0;
    match->id = 0;
    match->odd_id = false;
    memset(match->arg, 0, sizeof match->arg);
    while (pattern.len > 0 && path.len > 0) {
        struct slice want = segment(&pattern), have = segment(&path);
        if (want.len == 4 && memcmp(want.data, "{id}", 4) == 0) {
            if (have.len == 0)
                return false;
            if (!read_id(have, &match->id))
                match->odd_id = true;
        } else if (want.len > 0 && want.data[0] == '{') {
            if (have.len == 0 || args == ROUTE_ARGS)
                return false;
            match->arg[args++] = have;
        } else if (want.len != have.len || memcmp(want.data, have.data, want.len) != 0) {
            return false;
        }
    }
    return pattern.len == 0 && path.len == 0;
}

/* Adds to "GET, HEAD, PUT, PATCH": HEAD comes with GET and PATCH, but for document 003, with PUT.
 */
static void add_allowed(char *allow, size_t room, const struct route *route)
{
    size_t len = strlen(allow);
    bool patch = strcmp(route->verb, "PUT") == 0 && route->dialect != DIALECT_ROBERT;
    const char *with = strcmp(route->verb, "GET") == 0 ? ", HEAD" : patch ? ", PATCH" : "";
    if (strstr(allow, route->verb) == NULL)
        snprintf(allow + len, room - len, "%s%s%s", len == 0 ? "" : ", ", route->verb, with);
}

const char *route_verbs(struct slice path)
{
    static _Thread_local char allow[64];
    struct route_match trial = {0};
    allow[0] = '\0';
    if (path.len > 1 && path.data[path.len - 1] == '/')
        path.len--;
    if (path.len == 0 || path.data[0] != '/')
        return NULL;
    for (size_t i = heads[bucket_of(path)]; i != 0; i = next[i])
        if (fits(&routes[i], path, &trial) && !trial.odd_id)
            add_allowed(allow, sizeof allow, &routes[i]);
    return allow[0] == '\0' ? NULL : allow;
}

enum err route_match(const char *verb, struct slice path, struct route_match *match)
{
    static _Thread_local char allow[64];
    bool robert = false, patch = strcmp(verb, "PATCH") == 0;
    allow[0] = '\0';
    *match = (struct route_match){0};
    if (path.len > 1 && path.data[path.len - 1] == '/')
        path.len--;
    if (path.len == 0 || path.data[0] != '/')
        return ERR_NO_ROUTE;
    const char *asked = patch ? "PUT" : strcmp(verb, "HEAD") == 0 ? "GET" : verb;
    for (size_t i = heads[bucket_of(path)]; i != 0; i = next[i]) {
        struct route_match trial = *match;
        if (!fits(&routes[i], path, &trial))
            continue;
        if (trial.odd_id) { /* no route, but a record of this one is what was meant */
            if (strcmp(routes[i].verb, asked) == 0)
                match->meant = routes[i].resource;
            continue;
        }
        bool known = !patch || routes[i].dialect != DIALECT_ROBERT; /* document 003 has no PATCH */
        if (known && strcmp(routes[i].verb, asked) == 0) {
            *match = trial;
            match->route = &routes[i];
            return ERR_OK;
        }
        robert = robert || routes[i].dialect == DIALECT_ROBERT;
        add_allowed(allow, sizeof allow, &routes[i]);
    }
    if (allow[0] == '\0' || robert)
        return ERR_NO_ROUTE;
    match->allow = allow;
    return ERR_METHOD;
}

enum dialect route_dialect(struct slice path)
{
    for (size_t i = heads[bucket_of(path)]; i != 0; i = next[i]) {
        size_t len = head_length((struct slice){routes[i].pattern, strlen(routes[i].pattern)});
        if (len == head_length(path) && memcmp(routes[i].pattern, path.data, len) == 0)
            return routes[i].dialect;
    }
    return DIALECT_LARAVEL;
}
