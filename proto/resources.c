#include "proto/resources.h"

#include <string.h>

#define RESOURCE(name) &name##_resource,
const struct resource *const resources[] = {
#include "proto/resources.def"
    NULL,
};
#undef RESOURCE

static const char *const roles[] = {"none",    "visitor", "user", "member",
                                    "manager", "admin",   "owner"};

const struct resource *resource_find(const char *name)
{
    for (size_t i = 0; resources[i] != NULL; i++)
        if (strcmp(resources[i]->name, name) == 0)
            return resources[i];
    return NULL;
}

const struct field *field_find(const struct resource *resource, const char *name)
{
    for (const struct field *f = resource->fields; f->name != NULL; f++)
        if (strcmp(f->name, name) == 0)
            return f;
    return NULL;
}

const char *field_column(const struct field *field)
{
    return field->column != NULL ? field->column : field->name;
}

const char *role_name(enum role role) { return roles[role]; }

enum role role_of(const char *name)
{
    for (size_t i = 1; i < COUNT_OF(roles); i++)
        if (strcmp(roles[i], name) == 0)
            return (enum role)i;
    return ROLE_NONE;
}

const char *role_group(enum role role)
{
    if (role >= ROLE_ADMIN)
        return "admin";
    return role >= ROLE_USER ? "member" : "visitor";
}
