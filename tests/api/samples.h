/*
 * samples.h - bodies that every resource accepts, made from its table: a value by each field's type
 * and bounds, parents made first. What a table cannot say (an end after a start) is a row in
 * samples.c.
 */
#ifndef TESTS_SAMPLES_H
#define TESTS_SAMPLES_H

#include <jansson.h>

#include "proto/resources.h"
#include "tests/api/api.h"

/* One organization's point of view. Ids of parents are kept. */
struct sampler {
    struct arena *arena;
    const char *base, *token;
    const char *owner_id; /* of the organization's owner */
    int64_t parents[64];  /* by index in resources[]; 0: not made yet */
    unsigned depth;
};

/* Whether a client may write the field. */
bool is_writable(const struct field *field);
bool has_own_law(const struct resource *resource, const struct field *field);
/* A plain number that must be the id of something: none can be made up. */
bool is_checked_id(const struct resource *resource, const struct field *field);
/* "start=…&end=…" that a list of it needs, or "". */
const char *sample_query(const struct resource *resource) NEVER_NULL;
/* A valid value, different at each call where values differ. New reference. */
json_t *sample_value(struct sampler *sampler, const struct resource *resource,
                     const struct field *field);
/* A text of exactly so many characters that the field's class allows. New reference. */
json_t *sample_text(struct arena *arena, const struct field *field, int64_t characters);
/* The least body that creates one. New reference. */
json_t *sample_body(struct sampler *sampler, const struct resource *resource);
/* The id of a row of that resource, made when needed; 0 when that fails. */
int64_t sample_parent(struct sampler *sampler, const char *resource);
/* The record inside an answer's envelope; borrowed. */
json_t *answer_record(const struct resource *resource, json_t *root);

#endif
