/*
 * endpoints_schema.h - bodies of the routes that are no plain operation of a resource,
 * by service and op. The services check bodies by these tables, the document generator shows them.
 * Optional: a route without an entry takes any JSON. What they answer is in
 * answers.def.
 */
#ifndef PROTO_ENDPOINTS_SCHEMA_H
#define PROTO_ENDPOINTS_SCHEMA_H

#include "proto/routes.h"

struct endpoint_schema {
    const char *service, *op;
    const struct field *body;  /* what the service reads by the table; ends with {0}, or NULL */
    const struct field *more;  /* keys that the op checks in its own way: only shown; or NULL */
    const struct param *query; /* what the op reads of the query; ends with {0}, or NULL */
    bool no_body;              /* a write that takes none */
    bool partial;              /* nothing is required (updates) */
    const char *type;          /* content type of the answer when it is not JSON, or NULL */
};

/* Or NULL. */
const struct endpoint_schema *endpoint_schema_find(const char *service, const char *op) MUST_USE;

#endif
