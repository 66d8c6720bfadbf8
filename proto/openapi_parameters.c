#include <string.h>

#include "proto/endpoints_schema.h"
#include "proto/openapi_parts.h"

struct shared {
    const char *name, *json;
};

static const struct shared headers[] = {
    {"X-Request-Id", "{\"description\":\"Names the request in our logs\",\"schema\":{\"type\":"
                     "\"string\"}}"},
    {"X-RateLimit-Limit", "{\"description\":\"Requests a minute\",\"schema\":{\"type\":"
                          "\"integer\"}}"},
    {"X-RateLimit-Remaining", "{\"description\":\"Requests left now\",\"schema\":{\"type\":"
                              "\"integer\"}}"},
    {"X-RateLimit-Reset", "{\"description\":\"When all are free again, Unix seconds\",\"schema\":{"
                          "\"type\":\"integer\"}}"},
};

static const struct shared parameters[] = {
    {"organization",
     "{\"name\":\"X-Organization-Id\",\"in\":\"header\",\"description\":\"Organization of the "
     "call; else the current one\",\"schema\":{\"type\":\"integer\",\"minimum\":1}}"},
    {"idempotency",
     "{\"name\":\"Idempotency-Key\",\"in\":\"header\",\"description\":\"The same key again is "
     "answered from memory for 24 hours\",\"schema\":{\"type\":\"string\",\"maxLength\":255}}"},
    {"match",
     "{\"name\":\"If-Match\",\"in\":\"header\",\"description\":\"ETag of the row as it was read: "
     "412 when it changed since\",\"schema\":{\"type\":\"string\"}}"},
    {"page", "{\"name\":\"page\",\"in\":\"query\",\"description\":\"Page, from 1\",\"schema\":{"
             "\"type\":\"integer\",\"minimum\":1,\"default\":1}}"},
    {"per_page", "{\"name\":\"per_page\",\"in\":\"query\",\"description\":\"Rows of a page\","
                 "\"schema\":{\"type\":\"integer\",\"minimum\":1,\"maximum\":100,\"default\":15}}"},
    {"cursor", "{\"name\":\"cursor\",\"in\":\"query\",\"description\":\"Empty for the first page "
               "by cursor, then meta.next_cursor, with the same filters and "
               "sort\",\"schema\":{\"type\":\"string\"}}"},
    {"select", "{\"name\":\"select\",\"in\":\"query\",\"description\":\"Fields to show, parted by "
               "semicolons\",\"schema\":{\"type\":\"string\"}}"},
    {"search", "{\"name\":\"search\",\"in\":\"query\",\"description\":\"Part of a searched field\","
               "\"schema\":{\"type\":\"string\"}}"},
    {"searchBy", "{\"name\":\"searchBy\",\"in\":\"query\",\"description\":\"Field to search in\","
                 "\"schema\":{\"type\":\"string\"}}"},
    {"orderBy", "{\"name\":\"orderBy\",\"in\":\"query\",\"description\":\"Field to sort by\","
                "\"schema\":{\"type\":\"string\"}}"},
    {"ascending", "{\"name\":\"ascending\",\"in\":\"query\",\"description\":\"0 sorts downwards\","
                  "\"schema\":{\"type\":\"string\"}}"},
    {"deleted", "{\"name\":\"deleted\",\"in\":\"query\",\"description\":\"1 lists the trash\","
                "\"schema\":{\"type\":\"string\"}}"},
};

static void put_shared(struct buf *out, const struct shared *list, size_t n)
{
    for (size_t i = 0; i < n; i++)
        doc_json(out, list[i].name, list[i].json);
}

void doc_shared_headers(struct buf *out) { put_shared(out, headers, COUNT_OF(headers)); }

void doc_shared_parameters(struct buf *out) { put_shared(out, parameters, COUNT_OF(parameters)); }

static void refer(struct buf *out, const char *name)
{
    doc_next(out);
    buf_printf(out, "{\"$ref\":\"#/components/parameters/%s\"}", name);
}

static void refer_all(struct buf *out, const char *const *names)
{
    for (; *names != NULL; names++)
        refer(out, *names);
}

#define RESTORE "/restore/{id}"

const char *doc_path(struct arena *arena, const char *pattern)
{
    const char *at = strstr(pattern, RESTORE);
    return at == NULL ? pattern
                      : arena_printf(arena, "%.*s/{restore}/{id}", (int)(at - pattern), pattern);
}

static const char *path_schema(const char *name)
{
    if (strcmp(name, "id") == 0)
        return "{\"type\":\"integer\",\"format\":\"int64\",\"minimum\":1}";
    if (strcmp(name, "restore") == 0)
        return "{\"type\":\"string\",\"enum\":[\"restore\"],\"default\":\"restore\"}";
    return "{\"type\":\"string\"}";
}

/* One for each {name} of the path. */
static void put_path_parameters(struct buf *out, const char *pattern)
{
    const char *path = doc_path(out->arena, pattern);
    for (const char *at = strchr(path, '{'); at != NULL; at = strchr(at + 1, '{')) {
        const char *name = arena_strndup(out->arena, at + 1, strcspn(at + 1, "}"));
        doc_next(out);
        buf_puts(out, "{\"in\":\"path\",\"required\":true");
        doc_text(out, "name", name);
        doc_json(out, "schema", path_schema(name));
        buf_putc(out, '}');
    }
}

static const char ranged[] = "{\"type\":[\"object\",\"string\"]}";

/* The kind of custom field that its schema's description begins with (crm.custom_schema). */
static bool is_kind(struct slice schema, const char *const *kinds)
{
    static const char before[] = "\"description\": \"";
    const char *at = memmem(schema.data, schema.len, before, sizeof before - 1);
    for (; at != NULL && *kinds != NULL; kinds++) {
        const char *kind = at + sizeof before - 1;
        size_t len = strlen(*kinds);
        if (strncmp(kind, *kinds, len) == 0 && strchr("\",:", kind[len]) != NULL)
            return true;
    }
    return false;
}

static void put_custom_filters(struct buf *out, struct slice custom)
{
    static const char *const ranges[] = {"Number", "Numeric", "Date", "DateTime", NULL};
    const char *at = custom.data;
    struct slice name, schema;
    while (at < custom.data + custom.len && doc_member(&at, &name, &schema))
        doc_json(out, arena_strndup(out->arena, name.data, name.len),
                 is_kind(schema, ranges) ? ranged : "{\"type\":\"string\"}");
}

/* filter[name]= as one deep object. Document 003's lists take it for custom fields. */
static void put_filter(struct buf *out, const struct resource *r, struct slice custom)
{
    doc_next(out);
    buf_puts(out, "{\"name\":\"filter\",\"in\":\"query\",\"style\":\"deepObject\",\"explode\":true,"
                  "\"description\":\"A value, or several parted by commas; ranges take gte and lte"
                  "\",\"schema\":{\"type\":\"object\",\"properties\":{");
    bool laravel = r->dialect == DIALECT_LARAVEL;
    if (laravel)
        doc_json(out, "search", "{\"type\":\"string\"}");
    for (const struct field *f = r->fields; laravel && f->name != NULL; f++) {
        if ((f->flags & RANGE) != 0)
            doc_json(out, f->name, ranged);
        else if ((f->flags & FILTER) != 0)
            doc_json(out, f->name, "{\"type\":\"string\"}");
    }
    put_custom_filters(out, custom);
    if (laravel && r->lifecycle != DELETE_HARD)
        doc_json(out, "trashed", "{\"enum\":[\"only\",\"with\"]}");
    buf_puts(out, "}}}");
}

static void put_sort(struct buf *out, const struct resource *r, struct slice custom)
{
    static const char *const lists[] = {"Checkbox", "MultiSelect", NULL};
    const char *at = custom.data;
    struct slice name, schema;
    struct buf text;
    buf_init(&text, out->arena);
    buf_puts(&text, "Keys parted by commas, each with - in front to sort downwards:");
    for (const struct field *f = r->fields; f->name != NULL; f++)
        if ((f->flags & SORT) != 0)
            buf_printf(&text, " %s", f->name);
    while (at < custom.data + custom.len && doc_member(&at, &name, &schema))
        if (!is_kind(schema, lists))
            buf_printf(&text, " %.*s", (int)name.len, name.data);
    doc_next(out);
    buf_puts(out, "{\"name\":\"sort\",\"in\":\"query\",\"schema\":{\"type\":\"string\"}");
    doc_text(out, "description", text.data);
    buf_putc(out, '}');
}

static void put_include(struct buf *out, const struct resource *r)
{
    struct buf keys;
    buf_init(&keys, out->arena);
    for (const struct relation *x = r->relations; x != NULL && x->key != NULL; x++)
        if ((x->where & ON_REQUEST) != 0)
            buf_printf(&keys, "%s%s", keys.len == 0 ? "" : ", ", x->key);
    if (keys.len == 0)
        return;
    doc_next(out);
    buf_puts(out, "{\"name\":\"include\",\"in\":\"query\",\"schema\":{\"type\":\"string\"}");
    doc_text(out, "description", arena_printf(out->arena, "Embeds to add: %s", keys.data));
    buf_putc(out, '}');
}

/* Robert's lists all take these: a table may name them again for its hooks. */
static bool is_shared(const struct resource *r, const char *name)
{
    static const char names[] = " page search searchBy orderBy ascending deleted ";
    return r->dialect == DIALECT_ROBERT && memmem(names, sizeof names, name, strlen(name)) != NULL;
}

/* Help says what cannot be left out: those have an example, too. */
static void put_needed(struct buf *out, const struct param *param)
{
    static const char *const examples[][2] = {{"start", "2026-03-01"},
                                              {"end", "2026-03-31"},
                                              {"reference", "2026-00017"},
                                              {"q", "north"}};
    bool needed =
        strstr(param->help, "needed") != NULL || strstr(param->help, "(required)") != NULL;
    if (!needed)
        return;
    doc_json(out, "required", "true");
    for (size_t i = 0; i < COUNT_OF(examples); i++)
        if (strcmp(examples[i][0], param->name) == 0)
            doc_text(out, "example", examples[i][1]);
}

static void put_params(struct buf *out, const struct resource *r, const struct param *p)
{
    for (; p != NULL && p->name != NULL; p++) {
        if (r != NULL && is_shared(r, p->name))
            continue;
        const char *name = p->list ? arena_printf(out->arena, "%s[]", p->name) : p->name;
        doc_next(out);
        buf_puts(out, "{\"in\":\"query\"");
        doc_text(out, "name", name);
        doc_text(out, "description", p->help);
        put_needed(out, p);
        doc_json(out, "schema",
                 p->list ? "{\"type\":\"array\",\"items\":{\"type\":\"string\"}}"
                         : "{\"type\":\"string\"}");
        buf_putc(out, '}');
    }
}

static void put_list_parameters(struct buf *out, const struct resource *r, const char *custom)
{
    struct slice fields = {"{}", 2};
    if (r->custom != NULL)
        fields = doc_custom(custom, r->custom);
    static const char *const laravel[] = {"page", "per_page", "cursor", "select", NULL};
    static const char *const robert[] = {"page",      "search",  "searchBy", "orderBy",
                                         "ascending", "deleted", NULL};
    refer_all(out, r->dialect == DIALECT_LARAVEL ? laravel : robert);
    if (r->dialect == DIALECT_LARAVEL || fields.len > 2) {
        put_sort(out, r, fields);
        put_filter(out, r, fields);
    }
    if (r->dialect == DIALECT_LARAVEL)
        put_include(out, r);
    put_params(out, r, r->params);
}

void doc_parameters(struct buf *out, const struct route *route, const char *custom_or_null)
{
    put_path_parameters(out, route->pattern);
    if ((route->flags & (ACTION_PUBLIC | ACTION_NO_ORG)) == 0)
        refer(out, "organization");
    if (strcmp(route->verb, "GET") != 0)
        refer(out, "idempotency");
    const struct endpoint_schema *schema = endpoint_schema_find(route->service, route->op);
    bool own = route->resource != NULL && doc_is_op(route, "search"); /* not GET /api/search */
    if (schema != NULL && !own)
        put_params(out, NULL, schema->query);
    if (route->resource == NULL)
        return;
    if (doc_is_op(route, "update") || doc_is_op(route, "delete"))
        refer(out, "match");
    if (doc_is_op(route, "list"))
        put_list_parameters(out, route->resource, custom_or_null);
}
