/*
 * api.h - asking a running stack over HTTP, and organizations with people of every role, made
 * through the public API when somebody first asks for them.
 */
#ifndef TESTS_API_H
#define TESTS_API_H

#include "common/buf.h"

struct answer {
    long status;         /* 0: no answer; body then says why */
    const char *headers; /* as received, lines end in \r\n */
    const char *body;    /* terminated */
    size_t len;
};

/* One request. headers_or_null: "Name: value" lines, ends with NULL. body_or_null: none is sent.
   target is sent as it is. Bounded to 30 s. The answer lives in the arena. */
struct answer api_send(struct arena *arena, const char *base, const char *verb, const char *target,
                       const char *const *headers_or_null, const char *body_or_null);
/* JSON in and out with a bearer token (or NULL). */
struct answer api_json(struct arena *arena, const char *base, const char *token, const char *verb,
                       const char *target, const char *body_or_null);
/* The index-th header of that name, trimmed, or NULL. */
const char *answer_header(struct arena *arena, const struct answer *answer, const char *name,
                          size_t index);

/* An organization of its own. */
struct people;

/* base: "http://127.0.0.1:8080"; lives as long as the arena. Nothing is asked yet. */
struct people *people_new(struct arena *arena, const char *base);
/*
 * What test cases name: "owner" … "visitor" (tokens), "owner_id", "owner_email", "jwt_owner",
 * "password", "org", "unique", "stranger" and "stranger_org" (owner of another organization). NULL:
 * no such name. When making somebody fails, *fault says how and the value is "".
 */
const char *people_find(struct people *people, const char *name, const char **fault);
/* Random lower-case letters and digits. */
const char *unique_text(struct arena *arena) NEVER_NULL;

#endif
