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
enum when { ALWAYS, SIGNED_IN, WITH_ROW, ON_WRITE, ON_ROW_WRITE, ON_BODY };

static const struct {
    enum err err;
    enum when when;
    bool laravel, robert;
    int status; /* 0: the dialect's */
    const char *message;
} errors[] = {
    {ERR_MALFORMED, ALWAYS, true, false},
    {ERR_UNAUTHENTICATED, SIGNED_IN, true, true},
    {ERR_FORBIDDEN, SIGNED_IN, true, false},
    {ERR_NOT_FOUND, WITH_ROW, true, true},
    {ERR_CONFLICT, ON_WRITE, true, true},
    {ERR_STALE, ON_ROW_WRITE, true, true},
    {ERR_TOO_LARGE, ON_WRITE, true, true},
    {ERR_CSRF, ON_WRITE, true, true},
    {ERR_INVALID, ALWAYS, true, true},
    {ERR_RATE_LIMITED, ALWAYS, true, true},
    {ERR_INTERNAL, ALWAYS, true, true},
    {ERR_UNAVAILABLE, ALWAYS, true, true},
    {ERR_TIMEOUT, ALWAYS, true, true},
    {ERR_MALFORMED, ON_BODY, true, true, 415,
     "The body's Content-Encoding (gzip) is not taken here."},
    {ERR_CONFLICT, ON_WRITE, false, true, 422,
     "This Idempotency-Key was used for another request."},
};

/* Routes that answer what others of their kind do not. */
static const struct {
    const char *op;
    enum err err;
} special[] = {
    {"bill_pdf", ERR_UNAUTHENTICATED}, {"signin", ERR_NOT_FOUND},
    {"timer_stop", ERR_NOT_FOUND},     {"timer_discard", ERR_NOT_FOUND},
    {"timer_update", ERR_NOT_FOUND},
};

static bool is_special(const struct route *route, enum err err)
{
    for (size_t i = 0; i < COUNT_OF(special); i++)
        if (special[i].err == err && doc_is_op(route, special[i].op))
            return true;
    return false;
}

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
    case ON_BODY:
        return writes && strcmp(route->verb, "DELETE") != 0;
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
    if (errors[error].status != 0)
        return errors[error].status;
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
                          .status = errors[error].status,
                          .message = errors[error].message,
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

/* The pages, and what a resource's list tells besides. */
static const char *meta_schema(struct arena *arena, const struct resource *r)
{
    static const char pages[] = "{\"$ref\":\"#/components/schemas/LaravelMeta\"}";
    struct buf out;
    if (doc_meta(r) == NULL)
        return pages;
    buf_init(&out, arena);
    buf_printf(&out, "{\"type\":\"object\",\"allOf\":[%s],\"properties\":{", pages);
    doc_shape_members(&out, doc_meta(r));
    buf_puts(&out, "}}");
    return out.data;
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
            "%s,\"links\":{\"$ref\":\"#/components/schemas/LaravelLinks\"},\"meta\":%s}}",
            rows, meta_schema(out->arena, r));
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

static bool is_two_step_delete(const struct route *route)
{
    return route->resource != NULL && route->dialect == DIALECT_ROBERT &&
           doc_is_op(route, "delete");
}

static const char *type_of(const struct endpoint_schema *schema)
{
    return schema != NULL && schema->type != NULL ? schema->type : "application/json";
}

static void put_success_schema(struct buf *out, const struct route *route)
{
    const struct resource *r = route->resource;
    const struct endpoint_schema *schema = endpoint_schema_find(route->service, route->op);
    const char *shape = doc_answer(out->arena, route);
    if (schema != NULL && schema->type != NULL)
        buf_puts(out, "{\"type\":\"string\"}");
    else if (shape != NULL)
        doc_shape_schema(out, shape);
    else if (r == NULL)
        buf_puts(out, doc_is_op(route, "user_delete")
                          ? "{\"anyOf\":[{\"$ref\":\"#/components/schemas/User\"},{\"$ref\":"
                            "\"#/components/schemas/Destroyed\"}]}"
                          : "{}");
    else if (doc_is_op(route, "list"))
        put_list_schema(out, r);
    else if (is_item_op(route))
        put_item_schema(out, route);
    else if (is_two_step_delete(route))
        buf_printf(out,
                   "{\"anyOf\":[{\"$ref\":\"#/components/schemas/%s\"},{\"$ref\":"
                   "\"#/components/schemas/Destroyed\"}]}",
                   r->name);
    else if (doc_is_op(route, "delete"))
        buf_puts(out, "{\"$ref\":\"#/components/schemas/LaravelMessage\"}");
    else
        buf_puts(out, "{}");
}

static void put_list_example(struct buf *out, const struct resource *r)
{
    bool plain = (r->without & PLAIN_LIST) != 0, laravel = r->dialect == DIALECT_LARAVEL;
    const char *shape = laravel ? "{\"data\":[\"@%s\"],\"links\":\"@LaravelLinks\",\"meta\":"
                                  "\"@LaravelMeta\"}"
                        : plain ? "{\"data\":[\"@%s\"]}"
                                : "{\"pagination\":\"@RobertPagination\",\"data\":[\"@%s\"]}";
    const char *at = strchr(shape, '%');
    doc_shape_example(
        out, arena_printf(out->arena, "%.*s%s%s", (int)(at - shape), shape, r->name, at + 2));
}

static void put_item_example(struct buf *out, const struct route *route)
{
    const struct resource *r = route->resource;
    bool laravel = r->dialect == DIALECT_LARAVEL;
    if (!laravel) {
        doc_schema_example(out, r->name);
        return;
    }
    buf_putc(out, '{');
    if (!doc_is_op(route, "get"))
        doc_text(out, "message", arena_printf(out->arena, "%s saved.", r->label));
    doc_key(out, "data");
    doc_schema_example(out, r->name);
    buf_putc(out, '}');
}

static void put_success_example(struct buf *out, const struct route *route)
{
    const struct endpoint_schema *schema = endpoint_schema_find(route->service, route->op);
    const char *shape = doc_answer(out->arena, route);
    doc_key(out, "example");
    if (schema != NULL && schema->type != NULL)
        doc_type_example(out, schema->type);
    else if (shape != NULL)
        doc_shape_example(out, shape);
    else if (route->resource == NULL)
        doc_schema_example(out, "User");
    else if (doc_is_op(route, "list"))
        put_list_example(out, route->resource);
    else if (is_item_op(route) || is_two_step_delete(route))
        put_item_example(out, route);
    else
        buf_printf(out, "{\"message\":\"%s deleted successfully.\"}", route->resource->label);
}

static void put_no_content(struct buf *out)
{
    doc_key(out, "204");
    buf_putc(out, '{');
    doc_text(out, "description", "The cookie is set");
    doc_json(out, "headers", header_refs);
    buf_putc(out, '}');
}

/* Some answers are files too, when Accept or format asks for one. */
static bool is_also_csv(const struct route *route)
{
    bool exported = route->resource != NULL && route->resource->audit && doc_is_op(route, "list");
    return exported || doc_is_op(route, "time_report");
}

static void put_success(struct buf *out, const struct route *route)
{
    const struct endpoint_schema *schema = endpoint_schema_find(route->service, route->op);
    bool later = route->resource != NULL && doc_is_op(route, "import");
    bool made = (route->flags & ACTION_CREATED) != 0;
    if (doc_is_op(route, "csrf_cookie")) { /* only its cookie is of interest */
        put_no_content(out);
        return;
    }
    doc_key(out, made ? "201" : later ? "202" : "200");
    buf_putc(out, '{');
    doc_text(out, "description", made ? "Made" : "Done");
    doc_json(out, "headers", header_refs);
    doc_key(out, "content");
    buf_printf(out, "{\"%s\":{\"schema\":", type_of(schema));
    put_success_schema(out, route);
    put_success_example(out, route);
    buf_putc(out, '}');
    if (is_also_csv(route)) {
        buf_puts(out, ",\"text/csv\":{\"schema\":{\"type\":\"string\"}");
        doc_key(out, "example");
        doc_type_example(out, "text/csv");
        buf_putc(out, '}');
    }
    buf_puts(out, "}}");
}

void doc_responses(struct buf *out, const struct route *route)
{
    doc_key(out, "responses");
    buf_putc(out, '{');
    put_success(out, route);
    for (size_t i = 0; i < COUNT_OF(errors); i++) {
        bool applicable = applies(errors[i].when, route) || is_special(route, errors[i].err);
        if (!speaks(i, route->dialect) || !applicable)
            continue;
        int status = status_of(out->arena, i, route->dialect);
        doc_key(out, arena_printf(out->arena, "%d", status));
        buf_printf(out, "{\"$ref\":\"#/components/responses/%s%d\"}", prefix_of(route->dialect),
                   status);
    }
    buf_putc(out, '}');
}
