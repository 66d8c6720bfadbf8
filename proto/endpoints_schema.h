/*
 * endpoints_schema.h - bodies and answers of the routes that are no plain operation of a resource,
 * by service and op. The document generator reads it; a service may check bodies with the same
 * tables. Optional: a route without an entry takes and gives any JSON.
 */
#ifndef PROTO_ENDPOINTS_SCHEMA_H
#define PROTO_ENDPOINTS_SCHEMA_H

#include "proto/routes.h"

struct endpoint_schema {
    const char *service, *op;
    const struct field *body; /* ends with {0}; NULL: no table */
    bool no_body;             /* a write that takes none */
    bool partial;             /* nothing is required (updates) */
    const char *answer;       /* JSON of a typical success body, or NULL */
    const char *type;         /* content type of the answer when it is not JSON, or NULL */
};

/* Or NULL. */
const struct endpoint_schema *endpoint_schema_of(const struct route *route) MUST_USE;

#endif
