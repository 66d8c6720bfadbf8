/*
 * complete.h - what a resource's table must say to be served. routes_open() refuses to start on an
 * incomplete one, so that a slip in a table is found by the first test and never by a caller.
 */
#ifndef PROTO_COMPLETE_H
#define PROTO_COMPLETE_H

#include "common/buf.h"
#include "proto/resource.h"

/* Appends one line a fault ("client.status: an enum without values"); returns how many. */
size_t resource_faults(struct buf *out, const struct resource *resource);
/* The same for all of resources[], with doubled names and paths, and references that lead nowhere:
   what routes_open() asks. */
size_t tables_faults(struct buf *out);

#endif
