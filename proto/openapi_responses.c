#include <string.h>

#include "proto/dialect.h"
#include "proto/openapi_parts.h"
#include "proto/resources.h"

static const char header_refs[] =
    "{\"X-Request-Id\":{\"$ref\":\"#/components/headers/X-Request-Id\"},"
    "\"X-RateLimit-Limit\":{\"$ref\":\"#/components/headers/X-RateLimit-Limit\"},"
    "\"X-RateLimit-Remaining\":{\"$ref\":\"#/components/headers/X-RateLimit-Remaining\"},"
    "\"X-RateLimit-Reset\":{\"$ref\":\"#/components/headers/X-RateLimit-Reset\"}}";

/* When an error can be the answer. */
enum when { ALWAYS, SIGNED_IN, WITH_ROW, ON_WRITE, ON_ROW_WRITE };

static const struct {
    enum err err;
    enum when when;
    bool laravel, robert;
} errors[] = {
    {ERR_MALFORMED, ON_WRITE, true, false},  {ERR_UNAUTHENTICATED, SIGNED_IN, true, true},
    {ERR_FORBIDDEN, SIGNED_IN, true, false}, {ERR_NOT_FOUND, WITH_ROW, true, true},
    {ERR_CONFLICT, ON_WRITE, true, true},    {ERR_STALE, ON_ROW_WRITE, true, true},
    {ERR_TOO_LARGE, ON_WRITE, true, true},   {ERR_CSRF, ON_WRITE, true, true},
    {ERR_INVALID, ALWAYS, true, true},       {ERR_RATE_LIMITED, ALWAYS, true, true},
    {ERR_INTERNAL, ALWAYS, true, true},      {ERR_UNAVAILABLE, ALWAYS, true, true},
    {ERR_TIMEOUT, ALWAYS, true, true},
};

static bool applies(enum when when, const struct route *route)
{
    bool writes = strcmp(route->verb, "GET") != 0;
    bool row = strchr(route->pattern, '{') != NULL;
    switch (when) {
    case ALWAYS:
        return true;
    case SIGNED_IN:
        return (route->flags & ACTION_PUBLIC) == 0 || route->resource != NULL ||
               doc_is_op(route, "signup"); /* open to invitations, else for admins */
    case WITH_ROW:
        return row;
    case ON_WRITE:
        return writes;
    case ON_ROW_WRITE:
        return writes && row && route->resource != NULL;
    }
    return false;
}

static bool speaks(size_t error, enum dialect dialect)
{
    return dialect == DIALECT_LARAVEL ? errors[error].laravel : errors[error].robert;
}

static struct saying saying_in(enum dialect dialect)
{
    return (struct saying){
        .dialect = dialect, .path = "/api/x", .base = "", .role = ROLE_VISITOR, .verb = "POST"};
}

static int status_of(struct arena *arena, size_t error, enum dialect dialect)
{
    struct buf unused;
    buf_init(&unused, arena);
    struct saying saying = saying_in(dialect);
    return dialect_say(&unused, &saying, &(struct reply){.err = errors[error].err});
}

static const char *prefix_of(enum dialect dialect)
{
    return dialect == DIALECT_LARAVEL ? "Laravel" : "Robert";
}

static const char *error_schema(size_t error, enum dialect dialect)
{
    if (errors[error].err == ERR_CSRF)
        return "LaravelMessage";
    if (dialect == DIALECT_ROBERT)
        return "RobertError";
    return errors[error].err == ERR_INVALID ? "LaravelInvalid" : "LaravelMessage";
}

static void put_error(struct buf *out, size_t error, enum dialect dialect)
{
    struct fault fault = {.field = "name", .rule = RULE_MISSING};
    struct saying saying = saying_in(dialect);
    struct reply reply = {.err = errors[error].err,
                          .faults = errors[error].err == ERR_INVALID ? &fault : NULL};
    doc_key(out, arena_printf(out->arena, "%s%d", prefix_of(dialect),
                              status_of(out->arena, error, dialect)));
    buf_putc(out, '{');
    doc_text(out, "description", err_meaning(errors[error].err));
    doc_json(out, "headers", header_refs);
    buf_printf(out,
               ",\"content\":{\"application/json\":{\"schema\":{\"$ref\":\"#/components/schemas/%s"
               "\"},\"example\":",
               error_schema(error, dialect));
    (void)dialect_say(out, &saying, &reply);
    buf_puts(out, "}}}");
}

void doc_shared_responses(struct buf *out)
{
    for (size_t i = 0; i < COUNT_OF(errors); i++)
        if (speaks(i, DIALECT_LARAVEL))
            put_error(out, i, DIALECT_LARAVEL);
    for (size_t i = 0; i < COUNT_OF(errors); i++)
        if (speaks(i, DIALECT_ROBERT))
            put_error(out, i, DIALECT_ROBERT);
}

static void put_list_schema(struct buf *out, const struct resource *r)
{
    const char *rows = arena_printf(
        out->arena,
        "\"data\":{\"type\":\"array\",\"items\":{\"$ref\":\"#/components/schemas/%s\"}}", r->name);
    if (r->dialect == DIALECT_LARAVEL)
        buf_printf(
            out,
            "{\"type\":\"object\",\"required\":[\"data\",\"links\",\"meta\"],\"properties\":{"
            "%s,\"links\":{\"$ref\":\"#/components/schemas/LaravelLinks\"},\"meta\":{"
            "\"$ref\":\"#/components/schemas/LaravelMeta\"}}}",
            rows);
    else if ((r->without & PLAIN_LIST) != 0)
        buf_printf(out, "{\"type\":\"object\",\"required\":[\"data\"],\"properties\":{%s}}", rows);
    else
        buf_printf(out,
                   "{\"type\":\"object\",\"required\":[\"pagination\",\"data\"],\"properties\":{"
                   "\"pagination\":{\"$ref\":\"#/components/schemas/RobertPagination\"},%s}}",
                   rows);
}

static void put_item_schema(struct buf *out, const struct route *route)
{
    const struct resource *r = route->resource;
    const char *ref = arena_printf(out->arena, "{\"$ref\":\"#/components/schemas/%s\"}", r->name);
    if (r->dialect == DIALECT_ROBERT)
        buf_puts(out, ref);
    else if (doc_is_op(route, "get"))
        buf_printf(
            out, "{\"type\":\"object\",\"required\":[\"data\"],\"properties\":{\"data\":%s}}", ref);
    else
        buf_printf(out,
                   "{\"type\":\"object\",\"required\":[\"message\",\"data\"],\"properties\":{"
                   "\"message\":{\"type\":\"string\"},\"data\":%s}}",
                   ref);
}

static bool is_item_op(const struct route *route)
{
    return doc_is_op(route, "get") || doc_is_op(route, "create") || doc_is_op(route, "update") ||
           doc_is_op(route, "restore");
}

static void put_success_schema(struct buf *out, const struct route *route)
{
    const struct resource *r = route->resource;
    bool bare = r == NULL || (route->flags & ACTION_RAW) != 0;
    if (!bare && doc_is_op(route, "list"))
        put_list_schema(out, r);
    else if (!bare && is_item_op(route))
        put_item_schema(out, route);
    else if (!bare && doc_is_op(route, "delete") && r->dialect == DIALECT_LARAVEL)
        buf_puts(out, "{\"$ref\":\"#/components/schemas/LaravelMessage\"}");
    else
        buf_puts(out, "{}");
}

static void put_success(struct buf *out, const struct route *route)
{
    const struct endpoint_schema *schema = endpoint_schema_find(route->service, route->op);
    const char *type = schema != NULL && schema->type != NULL ? schema->type : "application/json";
    bool later = route->resource != NULL && doc_is_op(route, "import");
    if (doc_is_op(route, "csrf_cookie")) { /* only its cookie is of interest */
        doc_key(out, "204");
        buf_putc(out, '{');
        doc_text(out, "description", "The cookie is set");
        doc_json(out, "headers", header_refs);
        buf_putc(out, '}');
        return;
    }
    doc_key(out, (route->flags & ACTION_CREATED) != 0 ? "201" : later ? "202" : "200");
    buf_putc(out, '{');
    doc_text(out, "description", (route->flags & ACTION_CREATED) != 0 ? "Made" : "Done");
    doc_json(out, "headers", header_refs);
    doc_key(out, "content");
    buf_printf(out, "{\"%s\":{\"schema\":", type);
    put_success_schema(out, route);
    if (schema != NULL && schema->answer != NULL)
        doc_json(out, "example", schema->answer);
    buf_puts(out, "}");
    if (route->resource != NULL && route->resource->audit && doc_is_op(route, "list"))
        buf_puts(out, ",\"text/csv\":{\"schema\":{\"type\":\"string\"}}");
    buf_puts(out, "}}");
}

void doc_responses(struct buf *out, const struct route *route)
{
    doc_key(out, "responses");
    buf_putc(out, '{');
    put_success(out, route);
    for (size_t i = 0; i < COUNT_OF(errors); i++) {
        if (!speaks(i, route->dialect) || !applies(errors[i].when, route))
            continue;
        int status = status_of(out->arena, i, route->dialect);
        doc_key(out, arena_printf(out->arena, "%d", status));
        buf_printf(out, "{\"$ref\":\"#/components/responses/%s%d\"}", prefix_of(route->dialect),
                   status);
    }
    buf_putc(out, '}');
}
