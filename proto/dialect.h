/*
 * dialect.h - a reply becomes an HTTP status and a JSON body in the words of the route's dialect.
 * Pure: no I/O. Source: decisions.md sections 1 and 8, seeds 000, 001, 003.
 */
#ifndef PROTO_DIALECT_H
#define PROTO_DIALECT_H

#include "proto/envelope.h"
#include "proto/routes.h"

struct saying {
    enum dialect dialect;
    enum language language;
    const struct route *route; /* or NULL: no route was found */
    const char *path;          /* as requested, without query */
    const char *base;          /* "https://host" for absolute links (Laravel) */
    const struct pair *query;
    size_t query_n;
    enum role role;    /* names the group in ACL refusals */
    const char *allow; /* METHOD */
    const char *verb;
};

/* Writes the body; returns the HTTP status. */
int dialect_say(struct buf *out, const struct saying *saying, const struct reply *reply);

#endif
