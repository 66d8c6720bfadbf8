#include <string.h>

#include "proto/openapi_parts.h"
#include "proto/resources.h"

enum kind { SHAPE, ANSWER, ALSO, META };

/* answers.def as text. Its order is that of the document. */
static const struct {
    enum kind kind;
    const char *service, *name, *shape;
} rows[] = {
#define SHAPE(name_, ...)            {SHAPE, "", #name_, #__VA_ARGS__},
#define ANSWER(service_, name_, ...) {ANSWER, service_, name_, #__VA_ARGS__},
#define ALSO(name_, ...)             {ALSO, "", name_, #__VA_ARGS__},
#define META(name_, ...)             {META, "", name_, #__VA_ARGS__},
#include "proto/answers.def"
#undef SHAPE
#undef ANSWER
#undef ALSO
#undef META
};

static const char *find(enum kind kind, const char *service, const char *name)
{
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        if (rows[i].kind == kind && strcmp(rows[i].name, name) == 0 &&
            strcmp(rows[i].service, service) == 0)
            return rows[i].shape;
    return NULL;
}

const char *doc_shape(const char *schema) { return find(SHAPE, "", schema); }
const char *doc_also(const struct resource *resource) { return find(ALSO, "", resource->name); }
const char *doc_meta(const struct resource *resource) { return find(META, "", resource->name); }

/* What every resource has, by dialect. */
static const char *shared_name(struct arena *arena, const struct route *route)
{
    bool bulk = strncmp(route->op, "bulk_", 5) == 0;
    return arena_printf(arena, "%s%s", route->dialect == DIALECT_ROBERT ? "robert " : "",
                        bulk ? "bulk" : route->op);
}

const char *doc_answer(struct arena *arena, const struct route *route)
{
    const struct resource *r = route->resource;
    const char *shape = NULL;
    if (r != NULL)
        shape = find(ANSWER, route->service, arena_printf(arena, "%s %s", r->name, route->op));
    if (shape == NULL)
        shape = find(ANSWER, route->service, route->op);
    if (shape == NULL && r != NULL)
        shape = find(ANSWER, "", shared_name(arena, route));
    return shape;
}

void doc_shapes(struct buf *out)
{
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        if (rows[i].kind == SHAPE) {
            doc_key(out, rows[i].name);
            doc_shape_schema(out, rows[i].shape);
        }
}
