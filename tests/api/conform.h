/*
 * conform.h - shared by the conformance checks: one resource under trial, and how it is asked. The
 * checks: conform_access.c (who may), conform_writes.c (fields), conform_lists.c, conform_life.c
 * (update, delete, restore).
 */
#ifndef TESTS_CONFORM_H
#define TESTS_CONFORM_H

#include "tests/api/samples.h"

struct subject {
    struct arena *arena;
    const struct resource *resource;
    const char *base;
    struct people *people;
    const char *owner, *stranger, *user, *visitor; /* tokens */
    struct sampler sampler, foreign;               /* ours, and the other organization's */
    struct answer answer;                          /* the last one */
    json_t *root;                                  /* its JSON, or NULL */
    const char *asked;
};

/* One TAP line; the last request and answer are shown when it does not fit. */
void check(struct subject *s, bool fits, const char *format, ...) PRINTF(3, 4);
/* Asks and keeps the answer; any 5xx, lost or non-JSON answer is a failed check of its own. Takes
   body (may be NULL). Returns the status. */
long ask(struct subject *s, const char *token, const char *verb, const char *target, json_t *body);
json_t *record(const struct subject *s);    /* of the last answer; borrowed */
int64_t record_id(const struct subject *s); /* 0: none */
const char *item_path(const struct subject *s, int64_t id);
const char *list_path(const struct subject *s, const char *query);
bool robert(const struct subject *s);
long invalid(const struct subject *s); /* 422, or 400 in the Robert dialect */
bool blames(const struct subject *s, const char *field);
int64_t make(struct subject *s); /* a minimal record as the owner; 0 when refused */
json_t *body_with(struct subject *s, const char *name, json_t *value);

void conform_access(struct subject *s);
void conform_writes(struct subject *s);
void conform_lists(struct subject *s);
void conform_life(struct subject *s);

#endif
