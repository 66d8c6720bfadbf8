#include <string.h>

#include "proto/openapi_parts.h"

/* What the gateway answers by itself (gateway/health.c, docs.c, people.c). */
static const struct {
    const char *path, *id, *summary, *type;
    const char *shape;   /* of JSON; NULL: the type's */
    int other;           /* a second status, or 0 */
    const char *meaning; /* of that */
} pages[] = {
    {"/healthz", "healthz", "Whether the gateway lives", "application/json",
     "{\"status\":\"ok\",\"version\":\"1.0.0\"}", 0, NULL},
    {"/readyz", "readyz", "Whether every part answers, with reasons when not", "application/json",
     "{\"ready\":true,\"parts\":{\"*gateway\":{\"ready\":true,\"reason~\":\"no answer\"}}}", 503,
     "A part does not answer"},
    {"/metrics", "metrics", "Counters for Prometheus, for the networks of BUREAU_METRICS_ALLOW",
     "text/plain", NULL, 403, "Asked from elsewhere"},
    {"/api/openapi.json", "openapi", "This document, with the custom fields of who asks",
     "application/json", "{\"openapi\":\"3.1.0\",\"*info\":null}", 401, "The token is not good"},
    {"/docs", "docs", "This document, to read and to try", "text/html", NULL, 0, NULL},
    {"/reset-password", "reset_password_page", "Where a mailed link to a new password leads",
     "text/html", NULL, 0, NULL},
    {"/invitation", "invitation_page", "Where a mailed invitation leads", "text/html", NULL, 0,
     NULL},
};

static void put_content(struct buf *out, size_t page)
{
    doc_key(out, pages[page].type);
    buf_putc(out, '{');
    doc_key(out, "schema");
    if (pages[page].shape == NULL)
        buf_puts(out, "{\"type\":\"string\"}");
    else
        doc_shape_schema(out, pages[page].shape);
    doc_key(out, "example");
    if (pages[page].shape == NULL)
        doc_type_example(out, pages[page].type);
    else
        doc_shape_example(out, pages[page].shape);
    buf_putc(out, '}');
}

static void put_other(struct buf *out, size_t page)
{
    doc_key(out, arena_printf(out->arena, "%d", pages[page].other));
    buf_putc(out, '{');
    doc_text(out, "description", pages[page].meaning);
    doc_json(out, "content", "{");
    if (pages[page].other == 503)
        put_content(out, page);
    else
        buf_puts(out, "\"application/json\":{\"schema\":{\"$ref\":\"#/components/schemas/"
                      "LaravelMessage\"},\"example\":{\"message\":\"Not allowed.\"}}");
    buf_puts(out, "}}");
}

static void put_page(struct buf *out, size_t page)
{
    doc_json(out, "get", "{");
    doc_text(out, "operationId", pages[page].id);
    doc_text(out, "summary", pages[page].summary);
    doc_text(out, "description", arena_printf(out->arena, "%s.", pages[page].summary));
    doc_json(out, "tags",
             "[\"System\"],\"security\":[],\"parameters\":[],\"responses\":{\"200\":{");
    doc_text(out, "description", "Done");
    doc_json(out, "content", "{");
    put_content(out, page);
    buf_puts(out, "}}");
    if (pages[page].other != 0)
        put_other(out, page);
    buf_puts(out, ",\"400\":{\"$ref\":\"#/components/responses/Laravel400\"}}}");
}

static bool has_route(const char *path)
{
    for (size_t i = 0; i < routes_count(); i++)
        if (strcmp(routes_at(i)->pattern, path) == 0)
            return true;
    return false;
}

void doc_page_of(struct buf *out, const char *path)
{
    for (size_t i = 0; i < COUNT_OF(pages); i++)
        if (strcmp(pages[i].path, path) == 0)
            put_page(out, i);
}

void doc_pages(struct buf *out)
{
    for (size_t i = 0; i < COUNT_OF(pages); i++) {
        if (has_route(pages[i].path))
            continue;
        doc_key(out, pages[i].path);
        buf_putc(out, '{');
        put_page(out, i);
        buf_putc(out, '}');
    }
}
