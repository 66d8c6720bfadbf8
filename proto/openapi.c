#include "proto/openapi.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "proto/openapi_parts.h"
#include "proto/resources.h"

static const char description[] =
    "Clients, contacts, projects, time, rentals and bills of several organizations. Two dialects "
    "are spoken, chosen by the route: lists of the one carry `data`, `links` and `meta`, those of "
    "the other `pagination` and `data`. Every write takes an `Idempotency-Key`.";

void doc_next(struct buf *out)
{
    char last = out->len == 0 ? '{' : out->data[out->len - 1];
    if (last != '{' && last != '[' && last != ':')
        buf_putc(out, ',');
}

void doc_key(struct buf *out, const char *name)
{
    doc_next(out);
    buf_puts_json(out, name);
    buf_putc(out, ':');
}

void doc_text(struct buf *out, const char *name, const char *text)
{
    doc_key(out, name);
    buf_puts_json(out, text);
}

void doc_json(struct buf *out, const char *name, const char *json)
{
    doc_key(out, name);
    buf_puts(out, json);
}

bool doc_is_op(const struct route *route, const char *op) { return strcmp(route->op, op) == 0; }

/* Unique over the document: a second route of the same operation is told apart by its number. */
static void put_operation_id(struct buf *out, size_t index)
{
    const struct route *route = routes_at(index);
    size_t before = 0;
    for (size_t i = 0; i < index; i++)
        before += routes_at(i)->resource == route->resource && doc_is_op(routes_at(i), route->op);
    const char *id = route->op;
    if (route->resource != NULL)
        id = arena_printf(out->arena, "%s_%s", route->op, route->resource->name);
    doc_text(out, "operationId",
             before == 0 ? id : arena_printf(out->arena, "%s_%zu", id, before + 1));
}

static void put_security(struct buf *out, const struct route *route)
{
    doc_json(out, "security",
             (route->flags & ACTION_PUBLIC) != 0 ? "[]" : "[{\"bearer\":[]},{\"session\":[]}]");
}

static void put_body_open(struct buf *out, const char *type, bool required)
{
    doc_key(out, "requestBody");
    buf_printf(out,
               "{\"required\":%s,\"content\":{\"%s\":{\"schema\":", required ? "true" : "false",
               type);
}

static bool has_external_id(const struct resource *r)
{
    for (const struct field *f = r->fields; f->name != NULL; f++)
        if (strcmp(f->name, "external_id") == 0)
            return true;
    return false;
}

/* Up to 1000 records, or for DELETE their ids. */
static void put_bulk_body(struct buf *out, const struct route *route)
{
    put_body_open(out, "application/json", true);
    buf_puts(out, "{\"type\":\"object\",\"properties\":{\"atomic\":{\"type\":\"boolean\"},");
    if (doc_is_op(route, "bulk_delete")) {
        buf_puts(out, "\"ids\":{\"type\":\"array\",\"maxItems\":1000,\"items\":{\"type\":"
                      "\"integer\"}}}}");
    } else {
        buf_puts(out, "\"records\":{\"type\":\"array\",\"maxItems\":1000,\"items\":");
        doc_resource_body(out, route->resource, doc_is_op(route, "bulk_update"));
        buf_puts(out, doc_is_op(route, "bulk_create") && has_external_id(route->resource)
                          ? "},\"upsert\":{\"type\":[\"boolean\",\"string\"],\"description\":"
                            "\"true or external_id: a record whose external_id is known is changed."
                            "\"}}}"
                          : "}}}");
    }
    buf_puts(out, "}}}");
}

static void put_request_body(struct buf *out, const struct route *route)
{
    const struct resource *r = route->resource;
    const struct endpoint_schema *schema = endpoint_schema_find(route->service, route->op);
    bool writes = strcmp(route->verb, "POST") == 0 || strcmp(route->verb, "PUT") == 0;
    if (r != NULL && (doc_is_op(route, "create") || doc_is_op(route, "update"))) {
        put_body_open(out, "application/json", true);
        doc_resource_body(out, r, doc_is_op(route, "update"));
        buf_puts(out, "}}}");
    } else if (r != NULL && strncmp(route->op, "bulk_", 5) == 0) {
        put_bulk_body(out, route);
    } else if (r != NULL && doc_is_op(route, "import")) {
        put_body_open(out, "text/csv", true);
        buf_puts(out, "{\"type\":\"string\"}}}}");
    } else if (schema != NULL && (schema->body != NULL || schema->more != NULL)) {
        put_body_open(out, "application/json", !schema->partial);
        doc_endpoint_body(out, schema, route->dialect);
        buf_puts(out, "}}}");
    } else if (writes && !doc_is_op(route, "restore") && (schema == NULL || !schema->no_body)) {
        put_body_open(out, "application/json", false);
        buf_puts(out, "{}}}}");
    }
}

static const char *summary_of(struct arena *arena, const struct route *route)
{
    if (route->resource == NULL || strlen(route->summary) > 12)
        return route->summary;
    return arena_printf(arena, "%s: %s", route->resource->label, route->summary);
}

static void put_description(struct buf *out, const struct route *route)
{
    struct buf text;
    buf_init(&text, out->arena);
    buf_printf(&text, "%s.", route->summary);
    if ((route->flags & ACTION_PUBLIC) != 0)
        buf_puts(&text, " Open to everybody.");
    else if (route->least == ROLE_NONE)
        buf_puts(&text, " Open to everybody who is signed in.");
    else
        buf_printf(&text, " Least role: `%s`.", role_name(route->least));
    doc_text(out, "description", text.data);
}

static void put_operation(struct buf *out, size_t index)
{
    const struct route *route = routes_at(index);
    char verb[8] = "";
    for (size_t i = 0; i < sizeof verb - 1 && route->verb[i] != '\0'; i++)
        verb[i] = (char)tolower((unsigned char)route->verb[i]);
    doc_key(out, verb);
    buf_putc(out, '{');
    put_operation_id(out, index);
    doc_text(out, "summary", summary_of(out->arena, route));
    put_description(out, route);
    doc_key(out, "tags");
    buf_putc(out, '[');
    buf_puts_json(out, route->tag);
    buf_putc(out, ']');
    put_security(out, route);
    doc_key(out, "parameters");
    buf_putc(out, '[');
    doc_parameters(out, route);
    buf_putc(out, ']');
    put_request_body(out, route);
    doc_responses(out, route);
    buf_putc(out, '}');
}

static bool seen_pattern(size_t index)
{
    for (size_t i = 0; i < index; i++)
        if (strcmp(routes_at(i)->pattern, routes_at(index)->pattern) == 0)
            return true;
    return false;
}

static void put_paths(struct buf *out)
{
    for (size_t i = 0; i < routes_count(); i++) {
        if (seen_pattern(i))
            continue;
        doc_key(out, routes_at(i)->pattern);
        buf_putc(out, '{');
        for (size_t k = i; k < routes_count(); k++)
            if (strcmp(routes_at(k)->pattern, routes_at(i)->pattern) == 0)
                put_operation(out, k);
        buf_putc(out, '}');
    }
}

static void put_tags(struct buf *out)
{
    for (size_t i = 0; i < routes_count(); i++) {
        const struct route *route = routes_at(i);
        bool seen = false;
        for (size_t k = 0; k < i && !seen; k++)
            seen = strcmp(routes_at(k)->tag, route->tag) == 0;
        if (seen)
            continue;
        doc_next(out);
        buf_putc(out, '{');
        doc_text(out, "name", route->tag);
        doc_text(out, "description",
                 route->resource != NULL
                     ? route->resource->summary
                     : arena_printf(out->arena, "Routes of the group %s", route->tag));
        buf_putc(out, '}');
    }
}

static void put_components(struct buf *out, const char *custom)
{
    doc_key(out, "components");
    buf_puts(out,
             "{\"securitySchemes\":{\"bearer\":{\"type\":\"http\",\"scheme\":\"bearer\","
             "\"description\":\"A personal access token (`12|…`) or a JWT.\"},\"session\":{"
             "\"type\":\"apiKey\",\"in\":\"cookie\",\"name\":\"bureau_session\",\"description\":"
             "\"The cookie of /login; unsafe verbs need X-XSRF-TOKEN too.\"}},\"headers\":{");
    doc_shared_headers(out);
    buf_puts(out, "},\"parameters\":{");
    doc_shared_parameters(out);
    buf_puts(out, "},\"responses\":{");
    doc_shared_responses(out);
    buf_puts(out, "},\"schemas\":{");
    doc_schemas(out, custom);
    buf_puts(out, "}}");
}

void openapi_write(struct buf *out, const char *custom_or_null)
{
    buf_puts(out, "{\"openapi\":\"3.1.0\",\"info\":{");
    doc_text(out, "title", "Bureau");
    doc_text(out, "version", BUREAU_VERSION);
    doc_text(out, "description", description);
    doc_json(out, "contact", "{\"name\":\"The operator of this installation\"}");
    doc_json(out, "license", "{\"name\":\"Bureau\",\"identifier\":\"LicenseRef-Bureau\"}");
    buf_puts(out, "},\"servers\":[{\"url\":\"/\"}],\"tags\":[");
    put_tags(out);
    buf_puts(out, "],\"paths\":{");
    put_paths(out);
    buf_putc(out, '}');
    put_components(out, custom_or_null);
    buf_putc(out, '}');
}
