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
/* Items of the array of parameters of an operation; custom as openapi_write() takes it. */
void doc_parameters(struct buf *out, const struct route *route, const char *custom_or_null);
/* Members of an object of objects, one after the other: at begins as the object's text and moves
   on. false: there are no more. */
bool doc_member(const char **at, struct slice *name, struct slice *value);
/* The custom fields of a resource, "{}" when there are none. */
struct slice doc_custom(const char *custom_or_null, const char *resource_custom);
/* components.parameters and components.headers, members only */
void doc_shared_parameters(struct buf *out);
void doc_shared_headers(struct buf *out);
/* `"responses":{…}` of an operation, and components.responses, members only */
void doc_responses(struct buf *out, const struct route *route);
void doc_shared_responses(struct buf *out);

/* Shapes, as answers.def writes them: of an answer, or NULL; of a named schema, or NULL; what a
   resource's answers and its list's meta show besides, or NULL. */
const char *doc_answer(struct arena *arena, const struct route *route);
const char *doc_shape(const char *schema);
const char *doc_also(const struct resource *resource);
const char *doc_meta(const struct resource *resource);
/* Schema and example of a shape; its members alone. */
void doc_shape_schema(struct buf *out, const char *shape);
void doc_shape_members(struct buf *out, const char *shape);
void doc_shape_example(struct buf *out, const char *shape);
/* components.schemas of answers.def, members only */
void doc_shapes(struct buf *out);

/* Examples: of a schema in components, of bodies. */
void doc_schema_example(struct buf *out, const char *schema);
void doc_type_example(struct buf *out, const char *type);
void doc_import_example(struct buf *out, const struct resource *resource);
void doc_resource_body_example(struct buf *out, const struct resource *resource, bool partial);
void doc_endpoint_body_example(struct buf *out, const struct endpoint_schema *schema,
                               enum dialect dialect);
bool doc_is_shown(const struct field *field);
bool doc_is_written(const struct field *field);

/* The pattern as the document shows it: "/api/tags/{restore}/{id}", whose {restore} has one value,
   so that no tool takes it for an /api/tags/{id}/{...}. */
const char *doc_path(struct arena *arena, const char *pattern);
/* What the gateway answers by itself: the `"get":{…}` of a path that is a route's too, and members
   of paths for the others. */
void doc_page_of(struct buf *out, const char *path);
void doc_pages(struct buf *out);

/* What an operation is called, and what calls of its kind do: whole sentences. */
const char *doc_summary(struct arena *arena, const struct route *route);
const char *doc_description(struct arena *arena, const struct route *route);

bool doc_is_op(const struct route *route, const char *op);

#endif
