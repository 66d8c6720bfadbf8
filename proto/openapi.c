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
static void put_operation_id(struct buf *out, size_t index, bool patch)
{
    const struct route *route = routes_at(index);
    size_t before = 0;
    for (size_t i = 0; i < index; i++)
        before += routes_at(i)->resource == route->resource && doc_is_op(routes_at(i), route->op);
    const char *id = route->op;
    if (route->resource != NULL)
        id = arena_printf(out->arena, "%s_%s", route->op, route->resource->name);
    if (patch)
        id = arena_printf(out->arena, "patch_%s", id);
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

/* Behind the schema: the example that was written into `example`. */
static void put_body_close(struct buf *out, const struct buf *example)
{
    doc_json(out, "example", example->data);
    buf_puts(out, "}}}");
}

/* Up to 1000 records, or for DELETE their ids. With upsert a record need not be whole. */
static void put_bulk_body(struct buf *out, const struct route *route, struct buf *example)
{
    bool creates = doc_is_op(route, "bulk_create"), changes = doc_is_op(route, "bulk_update");
    bool upserts = creates && has_external_id(route->resource);
    buf_puts(out, "{\"type\":\"object\",\"properties\":{\"atomic\":{\"type\":\"boolean\"},");
    if (doc_is_op(route, "bulk_delete")) {
        buf_puts(out, "\"ids\":{\"type\":\"array\",\"maxItems\":1000,\"items\":{\"type\":"
                      "\"integer\"}}}}");
        buf_puts(example, "{\"ids\":[1]}");
        return;
    }
    buf_puts(out, "\"records\":{\"type\":\"array\",\"maxItems\":1000,\"items\":");
    doc_resource_body(out, route->resource, changes || upserts);
    buf_puts(out, upserts ? "},\"upsert\":{\"type\":[\"boolean\",\"string\"],\"description\":"
                            "\"true or external_id: a record whose external_id is known is changed."
                            "\"}}}"
                          : "}}}");
    buf_puts(example, "{\"records\":[");
    doc_resource_body_example(example, route->resource, changes);
    if (changes)
        buf_puts(example, "]}");
    else
        buf_puts(example, "],\"atomic\":true}");
}

static void put_plain_body(struct buf *out, const struct route *route, struct buf *example)
{
    const struct endpoint_schema *schema = endpoint_schema_find(route->service, route->op);
    put_body_open(out, "application/json", !schema->partial);
    doc_endpoint_body(out, schema, route->dialect);
    doc_endpoint_body_example(example, schema, route->dialect);
}

static void put_request_body(struct buf *out, const struct route *route)
{
    const struct resource *r = route->resource;
    const struct endpoint_schema *schema = endpoint_schema_find(route->service, route->op);
    bool update = doc_is_op(route, "update");
    struct buf example;
    buf_init(&example, out->arena);
    if (r != NULL && (doc_is_op(route, "create") || update)) {
        put_body_open(out, "application/json", true);
        doc_resource_body(out, r, update);
        doc_resource_body_example(&example, r, update);
    } else if (r != NULL && strncmp(route->op, "bulk_", 5) == 0) {
        put_body_open(out, "application/json", true);
        put_bulk_body(out, route, &example);
    } else if (r != NULL && doc_is_op(route, "import")) {
        put_body_open(out, "text/csv", true);
        buf_puts(out, "{\"type\":\"string\"}");
        doc_import_example(&example, r);
    } else if (schema != NULL && (schema->body != NULL || schema->more != NULL)) {
        put_plain_body(out, route, &example);
    } else {
        return;
    }
    put_body_close(out, &example);
}

static void put_description(struct buf *out, const struct route *route)
{
    struct buf text;
    buf_init(&text, out->arena);
    buf_puts(&text, doc_description(out->arena, route));
    if ((route->flags & ACTION_PUBLIC) != 0)
        buf_puts(&text, " Open to everybody.");
    else if (route->least == ROLE_NONE)
        buf_puts(&text, " Open to everybody who is signed in.");
    else
        buf_printf(&text, " Least role: `%s`.", role_name(route->least));
    doc_text(out, "description", text.data);
}

/* PATCH is PUT by another name (routes.h). */
static void put_operation(struct buf *out, size_t index, bool patch, const char *custom)
{
    const struct route *route = routes_at(index);
    char verb[8] = "";
    for (size_t i = 0; i < sizeof verb - 1 && route->verb[i] != '\0'; i++)
        verb[i] = (char)tolower((unsigned char)route->verb[i]);
    doc_key(out, patch ? "patch" : verb);
    buf_putc(out, '{');
    put_operation_id(out, index, patch);
    doc_text(out, "summary", doc_summary(out->arena, route));
    put_description(out, route);
    doc_key(out, "tags");
    buf_putc(out, '[');
    buf_puts_json(out, route->tag);
    buf_putc(out, ']');
    put_security(out, route);
    doc_key(out, "parameters");
    buf_putc(out, '[');
    doc_parameters(out, route, custom);
    buf_putc(out, ']');
    put_request_body(out, route);
    doc_responses(out, route);
    buf_putc(out, '}');
}

static bool takes_patch(const struct route *route)
{
    return strcmp(route->verb, "PUT") == 0 && route->dialect != DIALECT_ROBERT;
}

static bool seen_pattern(size_t index)
{
    for (size_t i = 0; i < index; i++)
        if (strcmp(routes_at(i)->pattern, routes_at(index)->pattern) == 0)
            return true;
    return false;
}

static void put_paths(struct buf *out, const char *custom)
{
    for (size_t i = 0; i < routes_count(); i++) {
        if (seen_pattern(i))
            continue;
        doc_key(out, doc_path(out->arena, routes_at(i)->pattern));
        buf_putc(out, '{');
        for (size_t k = i; k < routes_count(); k++)
            if (strcmp(routes_at(k)->pattern, routes_at(i)->pattern) == 0) {
                put_operation(out, k, false, custom);
                if (takes_patch(routes_at(k)))
                    put_operation(out, k, true, custom);
            }
        doc_page_of(out, routes_at(i)->pattern);
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
    doc_next(out);
    buf_puts(out, "{\"name\":\"System\",\"description\":\"What the gateway answers by itself\"}");
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
    put_paths(out, custom_or_null);
    doc_pages(out);
    buf_putc(out, '}');
    put_components(out, custom_or_null);
    buf_putc(out, '}');
}
