/* resources.h - every resource, from resources.def. */
#ifndef PROTO_RESOURCES_H
#define PROTO_RESOURCES_H

#include "proto/resource.h"

#define RESOURCE(name) extern const struct resource name##_resource;
#include "proto/resources.def"
#undef RESOURCE

/* Ends with NULL, in the order of the .def. */
extern const struct resource *const resources[];

const struct resource *resource_find(const char *name) MUST_USE; /* or NULL */
const struct field *field_find(const struct resource *resource, const char *name) MUST_USE;
const char *field_column(const struct field *field) NEVER_NULL;
const char *role_name(enum role role) NEVER_NULL;  /* "owner" */
enum role role_of(const char *name);               /* ROLE_NONE when unknown */
const char *role_group(enum role role) NEVER_NULL; /* Robert: admin, member, visitor */

#endif
