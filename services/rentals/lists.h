/*
 * lists.h - the lists inside the bodies of materials and events, as texts for PostgreSQL.
 *
 * Each reads one key of call->body. *out is NULL when the key is absent or null: leave the list as
 * it is. A list of the wrong shape adds its faults and answers INVALID. Texts live in the arena.
 * Source: rentals.md 4.9 and 4.10.
 */
#ifndef RENTALS_LISTS_H
#define RENTALS_LISTS_H

#include "services/core/call.h"

/* [5, "6"] → "{5,6}" for bigint[]. */
enum err list_ids(struct call *call, const char *key, const char **out) MUST_USE;
/* [{"id": 3, "quantity": 2}] → "[[3,2]]" for jsonb; quantities of 0 and less are left out. */
enum err list_materials(struct call *call, const char *key, const char **out) MUST_USE;
/* [{"id": 3, "quantity": 2, "broken": 1, "missing": 0}] → "[[3,2,1,0]]" for jsonb; what is left out
   is 0, nothing may be negative. */
enum err list_counts(struct call *call, const char *key, const char **out) MUST_USE;
/* [{"id": 1, "value": 3.5}] → "[[1,\"3.5\"]]" for jsonb; empty values are left out. */
enum err list_values(struct call *call, const char *key, const char **out) MUST_USE;
/* ["Brand new", {"name": "x"}] → the same names as a JSON array; null is the empty list. */
enum err list_tags(struct call *call, const char *key, const char **out) MUST_USE;

#endif
