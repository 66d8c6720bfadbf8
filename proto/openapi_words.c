/* What the document says of an operation in words: a summary, and what its kind does. */
#include <ctype.h>
#include <string.h>

#include "proto/openapi_parts.h"

/* many: its summary speaks of records, not of one. */
struct kind {
    const char *op, *begins;
    bool many;
    const char *description;
};

static const struct kind kinds[] = {
    {"list", "List", true, "What the caller may see, a page at a time; filtered and sorted."},
    {"get", "Show", false,
     "The answer has an `ETag`: with it in `If-None-Match` an unchanged record is a 304."},
    {"create", "Create", false,
     "`dry_run=1` checks everything and keeps nothing; with an `Idempotency-Key` a repeat is "
     "answered as the first time."},
    {"update", "Update", false,
     "With the record's `ETag` in `If-Match` a change made meanwhile is a 412 and not lost."},
    {"restore", "Restore", false, "Takes it out of the trash again."},
    {"bulk_create", "Create many", true, NULL},
    {"bulk_update", "Update many", true, NULL},
    {"bulk_delete", "Delete many", true, NULL},
    {"delete", "Delete", false, NULL},
};

static const char bulk[] = "Up to 1,000, each with a result of its own; `atomic=true` makes it all "
                           "or nothing.";

/* By enum lifecycle. */
static const char *const deletions[] = {
    [DELETE_SOFT] = "Moves it to the trash, out of which it can be restored.",
    [DELETE_TWO_STEP] = "The first time it goes to the trash, the second time it is destroyed.",
    [DELETE_HARD] = "Destroys it at once.",
};

static const struct kind *kind_of(const struct route *route)
{
    for (size_t i = 0; route->resource != NULL && i < COUNT_OF(kinds); i++)
        if (strcmp(kinds[i].op, route->op) == 0)
            return &kinds[i];
    return NULL;
}

/* "clients", "time blocks", "sub-categories": the path's end, parted as the label is. */
static const char *many_of(struct arena *arena, const struct resource *r)
{
    char *words = arena_strdup(arena, strrchr(r->path, '/') + 1);
    for (char *p = words; *p != '\0'; p++)
        if (*p == '_' || (*p == '-' && strchr(r->label, '-') == NULL))
            *p = ' ';
    return words;
}

/* "a client", "an event"; a label in U begins like "you". */
static const char *one_of(struct arena *arena, const struct resource *r)
{
    char *label = arena_strdup(arena, r->label);
    label[0] = (char)tolower((unsigned char)label[0]);
    return arena_printf(arena, "%s %s", strchr("aeio", label[0]) != NULL ? "an" : "a", label);
}

const char *doc_summary(struct arena *arena, const struct route *route)
{
    const struct kind *kind = kind_of(route);
    if (kind == NULL)
        return route->summary;
    const char *what =
        kind->many ? many_of(arena, route->resource) : one_of(arena, route->resource);
    return arena_printf(arena, "%s %s", kind->begins, what);
}

const char *doc_description(struct arena *arena, const struct route *route)
{
    const struct kind *kind = kind_of(route);
    if (kind == NULL)
        return arena_printf(arena, "%s.", route->summary);
    if (kind->description != NULL)
        return kind->description;
    return strncmp(kind->op, "bulk_", 5) == 0 ? bulk : deletions[route->resource->lifecycle];
}
