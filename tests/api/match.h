/*
 * match.h - compares an answer's JSON with a pattern that has holes, and keeps what holes caught.
 *
 * Same keys in any order, same types, equal values, except for holes: strings "<int>", "<string>",
 * "<time>" (2026-11-21T22:03:04 with an offset or Z), "<localtime>" (2026-11-21 22:03:04),
 * "<number>", "<bool>", "<null>",
 * "<any>", several parted by |, or "<~regex>" (POSIX extended, on a string's text or a scalar's
 * JSON). "<int:name>" keeps the value as a variable. A member "...": 0 allows more keys; a last
 * element "..." allows more elements.
 */
#ifndef TESTS_MATCH_H
#define TESTS_MATCH_H

#include <jansson.h>

#include "common/buf.h"

struct variable {
    const char *name, *value;
    struct variable *next;
};

/* Names and values live in the arena. */
struct variables {
    struct arena *arena;
    struct variable *first;
};

void variable_set(struct variables *variables, const char *name, const char *value);
const char *variable_find(const struct variables *variables, const char *name); /* or NULL */

/* True when it fits. Else `why` gets the first difference: "data.id: expected <int>, got "7"". */
bool match_json(struct variables *variables, const json_t *want, const json_t *got,
                struct buf *why) MUST_USE;
/* POSIX extended; false too for a pattern that does not compile. group_or_null: group 1. */
bool match_regex(struct arena *arena, const char *pattern, const char *text,
                 const char **group_or_null) MUST_USE;

#endif
