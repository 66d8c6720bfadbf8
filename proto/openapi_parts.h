/* openapi_parts.h - between the files of the document generator: JSON helpers and schemas. */
#ifndef PROTO_OPENAPI_PARTS_H
#define PROTO_OPENAPI_PARTS_H

#include "common/buf.h"
#include "proto/endpoints_schema.h"

/* `"name":`, with a comma when something stands before it in the same object. */
void doc_key(struct buf *out, const char *name);
/* A comma when something stands before it in the same array. */
void doc_next(struct buf *out);
/* `"name":"text"` */
void doc_text(struct buf *out, const char *name, const char *text);
/* `"name":` and JSON written as it is. */
void doc_json(struct buf *out, const char *name, const char *json);

/* components.schemas, members only; custom as openapi_write() takes it */
void doc_schemas(struct buf *out, const char *custom_or_null);
/* Schemas of bodies: of a resource, with its custom fields (partial: nothing is required), or of an
   endpoint. */
void doc_resource_body(struct buf *out, const struct resource *resource, bool partial);
void doc_endpoint_body(struct buf *out, const struct endpoint_schema *schema, enum dialect dialect);
/* Items of the array of parameters of an operation. */
void doc_parameters(struct buf *out, const struct route *route);
/* components.parameters and components.headers, members only */
void doc_shared_parameters(struct buf *out);
void doc_shared_headers(struct buf *out);
/* `"responses":{…}` of an operation, and components.responses, members only */
void doc_responses(struct buf *out, const struct route *route);
void doc_shared_responses(struct buf *out);

bool doc_is_op(const struct route *route, const char *op);

#endif
