/*
 * openapi.h - the OpenAPI 3.1 document of everything served, derived from resources.def and
 * endpoints.def. routes_open() must have run.
 */
#ifndef PROTO_OPENAPI_H
#define PROTO_OPENAPI_H

#include "common/buf.h"

/*
 * Compact JSON. custom, or NULL: custom fields of the asking organization, as one JSON object that
 * maps a resource's .custom name to an object of JSON Schemas by field id:
 * {"clients":{"shoe_size":{"type":"integer"}}}; they become
 * part of the schemas of its resources.
 */
void openapi_write(struct buf *out, const char *custom_or_null);

#endif
