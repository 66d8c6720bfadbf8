/*
 * engine.h - a call of the resource engine for unit tests: a resource of every field type in each
 * dialect, a body as JSON, a query as text, and what became of it.
 */
#ifndef TESTS_UNIT_ENGINE_H
#define TESTS_UNIT_ENGINE_H

#include <stdio.h>

#include "common/clock.h"
#include "common/json.h"
#include "services/core/crud.h"
#include "tests/unit/engine_tables.h"
#include "tests/unit/test.h"

struct engine_call {
    struct call call;
    struct request request;
    struct reply reply;
    struct pair pairs[32];
};

static inline void engine_body(struct engine_call *e, const char *json)
{
    struct buf bytes;
    struct json_fault fault;
    const msgpack_object *body;
    buf_init(&bytes, e->call.arena);
    if (json == NULL)
        return;
    assert_int_equal(json_to_mp(e->call.arena, (struct slice){json, strlen(json)}, &bytes, &fault),
                     ERR_OK);
    assert_int_equal(mp_read(e->call.arena, (struct slice){bytes.data, bytes.len}, &body), ERR_OK);
    e->call.body = body->type == MSGPACK_OBJECT_MAP ? body : NULL;
}

/* "a=1&b=2", not encoded. */
static inline void engine_query(struct engine_call *e, const char *query)
{
    char *text = arena_strdup(e->call.arena, query == NULL ? "" : query);
    while (*text != '\0' && e->request.query_n < COUNT_OF(e->pairs)) {
        char *end = text + strcspn(text, "&"), *next = *end == '\0' ? end : end + 1;
        *end = '\0';
        char *equals = strchr(text, '=');
        if (equals != NULL)
            *equals = '\0';
        e->pairs[e->request.query_n++] = (struct pair){text, equals == NULL ? "" : equals + 1};
        text = next;
    }
}

static inline struct engine_call *engine_new(struct arena *arena, const struct resource *resource,
                                             const char *op, const char *query, const char *json)
{
    struct engine_call *e = arena_alloc(arena, sizeof *e);
    e->call.arena = arena;
    e->call.request = &e->request;
    e->call.reply = &e->reply;
    e->call.resource = resource;
    e->call.created = strcmp(op, "create") == 0;
    e->call.deadline_us = clock_mono_us() + 10000000;
    e->request.op = op;
    e->request.id = "unit";
    e->request.resource = resource->name;
    e->request.query = e->pairs;
    e->request.left_ms = 10000;
    e->request.who = (struct caller){.user_id = 7,
                                     .organization_id = 1,
                                     .role = ROLE_OWNER,
                                     .zone = "Europe/Paris",
                                     .org_zone = "America/Toronto",
                                     .language = "EN"};
    engine_query(e, query);
    engine_body(e, json);
    return e;
}

/* "name: must …; name: …" of all faults. */
static inline const char *engine_faults(struct engine_call *e)
{
    struct buf out;
    buf_init(&out, e->call.arena);
    for (const struct fault *f = e->reply.faults; f != NULL; f = f->next) {
        buf_printf(&out, "%s%s: ", out.len == 0 ? "" : "; ", f->field);
        rule_say(&out, f, e->call.resource->dialect, LANGUAGE_EN);
    }
    return out.data;
}

#endif
