/*
 * conformance.c - what every resource owes its callers, tried from the tables that serve it; no
 * resource is named. One TAP line a check. usage: bureau-conformance [--base URL] [RESOURCE…]
 */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/api/conform.h"

static int passed, failed;

void check(struct subject *s, bool fits, const char *format, ...)
{
    char what[300];
    va_list args;
    va_start(args, format);
    vsnprintf(what, sizeof what, format, args);
    va_end(args);
    printf("%s - %s: %s\n", fits ? "ok" : "not ok", s->resource->name, what);
    if (fits) {
        passed++;
        return;
    }
    failed++;
    printf("#   %s\n#   answered %ld: %.500s\n", s->asked, s->answer.status,
           s->answer.body == NULL ? "" : s->answer.body);
}

long ask(struct subject *s, const char *token, const char *verb, const char *target, json_t *body)
{
    char *text = body == NULL ? NULL : json_dumps(body, JSON_COMPACT);
    s->answer = api_json(s->arena, s->base, token, verb, target, text);
    s->asked = arena_printf(s->arena, "%s %s %.400s", verb, target, text == NULL ? "" : text);
    free(text);
    json_decref(body);
    json_decref(s->root);
    s->root = json_loads(s->answer.body, JSON_DECODE_ANY | JSON_REJECT_DUPLICATES, NULL);
    bool defect = s->answer.status >= 500 || s->answer.status == 0;
    bool dumb = s->root == NULL;
    if (defect || dumb)
        check(s, false, defect ? "no answer is a defect of ours" : "every answer is JSON");
    return s->answer.status;
}

json_t *record(const struct subject *s) { return answer_record(s->resource, s->root); }

int64_t record_id(const struct subject *s)
{
    return json_integer_value(json_object_get(record(s), "id"));
}

const char *item_path(const struct subject *s, int64_t id)
{
    return arena_printf(s->arena, "%s/%" PRId64, s->resource->path, id);
}

const char *list_path(const struct subject *s, const char *query)
{
    const char *needed = sample_query(s->resource);
    return arena_printf(s->arena, "%s?%s%s%s", s->resource->path, needed,
                        *needed != '\0' && *query != '\0' ? "&" : "", query);
}

bool robert(const struct subject *s) { return s->resource->dialect == DIALECT_ROBERT; }

long invalid(const struct subject *s) { return robert(s) ? 400 : 422; }

/* Whether the refusal names the field. */
bool blames(const struct subject *s, const char *field)
{
    json_t *errors = robert(s) ? json_object_get(json_object_get(s->root, "error"), "details")
                               : json_object_get(s->root, "errors");
    return json_array_size(json_object_get(errors, field)) > 0;
}

int64_t make(struct subject *s)
{
    long status =
        ask(s, s->owner, "POST", s->resource->path, sample_body(&s->sampler, s->resource));
    return status == 201 ? record_id(s) : 0;
}

/* A body with one value changed; value NULL: left out. Takes value. */
json_t *body_with(struct subject *s, const char *name, json_t *value)
{
    json_t *body = sample_body(&s->sampler, s->resource);
    if (value == NULL) {
        json_object_del(body, name);
        json_object_set_new(body, "unknown_key",
                            json_true()); /* an empty body has its own answer */
    } else {
        json_object_set_new(body, name, value);
    }
    return body;
}

static bool open_subject(struct subject *s, const struct resource *resource, const char *base)
{
    const char *fault = NULL;
    struct people *people = people_new(s->arena, base);
    s->resource = resource;
    s->base = base;
    s->people = people;
    s->asked = "";
    s->owner = people_find(people, "owner", &fault);
    s->stranger = people_find(people, "stranger", &fault);
    s->user = people_find(people, "user", &fault);
    s->visitor = people_find(people, "visitor", &fault);
    const char *owner_id = people_find(people, "owner_id", &fault);
    s->sampler =
        (struct sampler){.arena = s->arena, .base = base, .token = s->owner, .owner_id = owner_id};
    s->foreign =
        (struct sampler){.arena = s->arena, .base = base, .token = s->stranger, .owner_id = "0"};
    check(s, fault == NULL, "its people can be made%s%s", fault == NULL ? "" : ": ",
          fault == NULL ? "" : fault);
    return fault == NULL;
}

static void try_resource(const struct resource *resource, const char *base)
{
    struct subject s = {.arena = arena_new(1 << 20)};
    if (open_subject(&s, resource, base)) {
        conform_access(&s);
        if ((resource->without & NO_CREATE) == 0) {
            conform_writes(&s);
            conform_lists(&s);
            conform_life(&s);
        }
    }
    json_decref(s.root);
    arena_destroy(s.arena);
    fflush(stdout);
}

static bool is_wanted(const struct resource *resource, int argc, char **argv, int first)
{
    for (int i = first; i < argc; i++)
        if (strcmp(argv[i], resource->name) == 0)
            return true;
    return first >= argc;
}

int main(int argc, char **argv)
{
    const char *port = getenv("BUREAU_PORT");
    char base[200];
    int first = 1;
    snprintf(base, sizeof base, "http://127.0.0.1:%s", port == NULL ? "8080" : port);
    if (argc > 2 && strcmp(argv[1], "--base") == 0) {
        snprintf(base, sizeof base, "%s", argv[2]);
        first = 3;
    }
    for (size_t i = 0; resources[i] != NULL; i++)
        if ((resources[i]->without & NO_CRUD) != NO_CRUD &&
            is_wanted(resources[i], argc, argv, first))
            try_resource(resources[i], base);
    printf("# %d passed, %d failed\n", passed, failed);
    return failed == 0 && passed > 0 ? 0 : 1;
}
