#include <inttypes.h>
#include <string.h>

#include "proto/openapi_parts.h"
#include "proto/resources.h"

static const char local_time[] = "^[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2}:[0-9]{2}$";

static const char *json_type(const struct field *field)
{
    switch (field->type) {
    case F_ID:
    case F_INT:
    case F_REF:
        return "integer";
    case F_DECIMAL:
        return field->as_text ? "string" : "number";
    case F_BOOL:
        return "boolean";
    case F_LIST: /* or one id, by another name than its column's */
        return field->ref != NULL ? "integer" : "array";
    case F_TEXT:
    case F_EMAIL:
    case F_PHONE:
    case F_URL:
    case F_COLOR:
    case F_DATE:
    case F_TIME:
    case F_ENUM:
    case F_ZONE:
        return "string";
    case F_JSON:
    case F_COMPUTED:
        return NULL; /* any */
    }
    return NULL;
}

static void put_type(struct buf *out, const char *type, bool nullable)
{
    if (type == NULL)
        return;
    doc_key(out, "type");
    buf_printf(out, nullable ? "[\"%s\",\"null\"]" : "\"%s\"", type);
    if (strcmp(type, "array") == 0)
        doc_json(out, "items", "{}");
}

static void put_values(struct buf *out, const struct field *field, bool nullable)
{
    doc_key(out, "enum");
    buf_putc(out, '[');
    for (const char *const *v = field->values; *v != NULL; v++) {
        doc_next(out);
        buf_puts_json(out, *v);
    }
    buf_puts(out, nullable ? ",null]" : "]");
}

static void put_bound(struct buf *out, const char *name, int64_t value)
{
    doc_key(out, name);
    buf_printf(out, "%" PRId64, value);
}

/* What the checker holds a written value to. */
static void put_bounds(struct buf *out, const struct field *field)
{
    const char *type = json_type(field);
    if (type == NULL || (field->min == 0 && field->max == 0))
        return;
    bool text = strcmp(type, "string") == 0, list = strcmp(type, "array") == 0;
    bool decimal = field->type == F_DECIMAL && text;
    if (decimal)
        return;
    const char *low = text ? "minLength" : list ? "minItems" : "minimum";
    const char *high = text ? "maxLength" : list ? "maxItems" : "maximum";
    if (field->min != 0 || !(text || list))
        put_bound(out, low, field->min);
    if (field->max != 0)
        put_bound(out, high, field->max);
}

static void put_format(struct buf *out, const struct field *field, enum dialect dialect, bool shown)
{
    if (field->type == F_DATE)
        doc_text(out, "format", "date");
    else if (field->type == F_TIME && dialect == DIALECT_LARAVEL && shown)
        doc_text(out, "format", "date-time");
    else if (field->type == F_TIME && dialect == DIALECT_ROBERT && shown)
        doc_text(out, "pattern", local_time);
    else if (field->type == F_EMAIL && !shown)
        doc_text(out, "format", "email");
    else if (field->type == F_ID || field->type == F_REF || field->type == F_INT)
        doc_text(out, "format", "int64");
}

/* A field as answers show it. */
static void put_shown(struct buf *out, const struct field *field, enum dialect dialect)
{
    bool sure =
        field->type == F_ID || ((field->flags & (REQUIRED | NOT_NULL)) != 0 && field->sql == NULL);
    buf_putc(out, '{');
    put_type(out, json_type(field), !sure);
    if (field->type == F_ENUM)
        put_values(out, field, !sure);
    put_format(out, field, dialect, true);
    if ((field->flags & READONLY) != 0)
        doc_json(out, "readOnly", "true");
    buf_putc(out, '}');
}

bool doc_is_shown(const struct field *field)
{
    return (field->flags & (HIDDEN | WRITEONLY)) == 0 && field->type != F_LIST;
}

static void put_custom_ref(struct buf *out, const char *custom)
{
    if (custom == NULL)
        return;
    doc_key(out, "allOf");
    buf_printf(out, "[{\"$ref\":\"#/components/schemas/custom_%s\"}]", custom);
}

static void put_item(struct buf *out, const struct resource *r)
{
    doc_key(out, r->name);
    buf_putc(out, '{');
    put_type(out, "object", false);
    doc_text(out, "description", r->summary);
    put_custom_ref(out, r->custom);
    doc_key(out, "properties");
    buf_putc(out, '{');
    for (const struct field *f = r->fields; f->name != NULL; f++)
        if (doc_is_shown(f)) {
            doc_key(out, f->name);
            put_shown(out, f, r->dialect);
        }
    for (const struct relation *x = r->relations; x != NULL && x->key != NULL; x++)
        doc_json(out, x->key, "{}");
    if (doc_also(r) != NULL)
        doc_shape_members(out, doc_also(r));
    buf_puts(out, "}}");
}

bool doc_is_written(const struct field *field)
{
    return (field->flags & READONLY) == 0 && field->type != F_ID && field->type != F_COMPUTED;
}

/* A field as bodies may bring it: in one that creates, null stands for a default. */
static void put_written(struct buf *out, const struct field *field, enum dialect dialect,
                        bool partial)
{
    bool nullable = (field->flags & (partial ? REQUIRED | NOT_NULL : REQUIRED)) == 0;
    buf_putc(out, '{');
    if (field->type == F_DECIMAL)
        doc_json(out, "type",
                 nullable ? "[\"number\",\"string\",\"null\"]" : "[\"number\",\"string\"]");
    else
        put_type(out, json_type(field), nullable);
    if (field->type == F_ENUM)
        put_values(out, field, nullable);
    else
        put_bounds(out, field);
    put_format(out, field, dialect, false);
    if (field->ref != NULL)
        doc_text(out, "description", arena_printf(out->arena, "Id of a %s.", field->ref));
    if ((field->flags & EXACT) != 0)
        doc_json(out, "writeOnly", "true");
    buf_putc(out, '}');
}

/* The names of what is required, behind what `any` says is there. */
static void put_required(struct buf *out, const struct field *fields, bool *any)
{
    for (const struct field *f = fields; f != NULL && f->name != NULL; f++) {
        if (!doc_is_written(f) || (f->flags & REQUIRED) == 0)
            continue;
        if (!*any)
            doc_json(out, "required", "[");
        *any = true;
        doc_next(out);
        buf_puts_json(out, f->name);
    }
}

/* Opens the schema of a body of one or two tables and says what is required. */
static void open_body(struct buf *out, const struct field *fields, const struct field *more,
                      bool partial)
{
    bool any = false;
    buf_putc(out, '{');
    put_type(out, "object", false);
    if (partial)
        return;
    put_required(out, fields, &any);
    put_required(out, more, &any);
    if (any)
        buf_putc(out, ']');
}

static void put_properties(struct buf *out, const struct field *fields, enum dialect dialect,
                           bool partial)
{
    for (const struct field *f = fields; f != NULL && f->name != NULL; f++)
        if (doc_is_written(f)) {
            doc_key(out, f->name);
            put_written(out, f, dialect, partial);
        }
}

void doc_endpoint_body(struct buf *out, const struct endpoint_schema *schema, enum dialect dialect)
{
    open_body(out, schema->body, schema->more, schema->partial);
    doc_json(out, "properties", "{");
    put_properties(out, schema->body, dialect, schema->partial);
    put_properties(out, schema->more, dialect, schema->partial);
    buf_puts(out, "}}");
}

void doc_resource_body(struct buf *out, const struct resource *r, bool partial)
{
    open_body(out, r->fields, NULL, partial);
    put_custom_ref(out, r->custom);
    doc_json(out, "properties", "{");
    put_properties(out, r->fields, r->dialect, partial);
    buf_puts(out, "}}");
}

static const char envelopes[] =
    "\"LaravelMessage\":{\"type\":\"object\",\"required\":[\"message\"],\"properties\":{"
    "\"message\":{\"type\":\"string\"}}},"
    "\"LaravelInvalid\":{\"type\":\"object\",\"required\":[\"message\",\"errors\"],\"properties\":{"
    "\"message\":{\"type\":\"string\"},\"errors\":{\"type\":\"object\",\"additionalProperties\":{"
    "\"type\":\"array\",\"items\":{\"type\":\"string\"}}}}},"
    "\"LaravelLinks\":{\"type\":\"object\",\"required\":[\"first\",\"last\",\"prev\",\"next\"],"
    "\"properties\":{\"first\":{\"type\":[\"string\",\"null\"]},\"last\":{\"type\":[\"string\","
    "\"null\"]},\"prev\":{\"type\":[\"string\",\"null\"]},\"next\":{\"type\":[\"string\",\"null\"]}"
    "}},"
    "\"LaravelMeta\":{\"type\":\"object\",\"required\":[\"path\",\"per_page\"],\"properties\":{"
    "\"current_page\":{\"type\":\"integer\"},\"from\":{\"type\":[\"integer\",\"null\"]},"
    "\"last_page\":{\"type\":\"integer\"},\"links\":{\"type\":\"array\",\"items\":{\"type\":"
    "\"object\"}},\"path\":{\"type\":\"string\"},\"per_page\":{\"type\":\"integer\"},\"to\":{"
    "\"type\":[\"integer\",\"null\"]},\"total\":{\"type\":\"integer\"},\"next_cursor\":{\"type\":["
    "\"string\",\"null\"]},\"prev_cursor\":{\"type\":[\"string\",\"null\"]},\"total_is_at_least\":{"
    "\"type\":\"boolean\"}}},"
    "\"RobertError\":{\"type\":\"object\",\"properties\":{\"success\":{\"const\":false},\"error\":{"
    "\"type\":[\"object\",\"string\"],\"properties\":{\"code\":{\"type\":\"integer\"},"
    "\"message\":{\"type\":\"string\"},\"details\":{\"type\":[\"object\",\"array\",\"null\"],"
    "\"items\":{}}}}},"
    "\"required\":[\"error\"]},"
    "\"RobertPagination\":{\"type\":\"object\",\"required\":[\"current_page\",\"first_page_url\","
    "\"from\",\"last_page\",\"last_page_url\",\"next_page_url\",\"path\",\"per_page\","
    "\"prev_page_url\",\"to\",\"total\"],\"properties\":{\"current_page\":{\"type\":\"integer\"},"
    "\"first_page_url\":{\"type\":\"string\"},\"from\":{\"type\":[\"integer\",\"null\"]},"
    "\"last_page\":{\"type\":\"integer\"},\"last_page_url\":{\"type\":\"string\"},"
    "\"next_page_url\":{\"type\":[\"string\",\"null\"]},\"path\":{\"type\":\"string\"},"
    "\"per_page\":{\"type\":\"integer\"},\"prev_page_url\":{\"type\":[\"string\",\"null\"]},"
    "\"to\":{\"type\":[\"integer\",\"null\"]},\"total\":{\"type\":\"integer\"}}}";

/* The JSON value that starts at text ends where its brackets close; texts are skipped. */
static size_t value_length(const char *text)
{
    size_t i = 0, depth = 0;
    for (; text[i] != '\0'; i++) {
        if (text[i] == '"')
            for (i++; text[i] != '\0' && text[i] != '"'; i++)
                i += text[i] == '\\' && text[i + 1] != '\0' ? 1 : 0;
        else if (text[i] == '{' || text[i] == '[')
            depth++;
        else if ((text[i] == '}' || text[i] == ']') && --depth == 0)
            return i + 1;
        if (text[i] == '\0')
            break;
    }
    return i;
}

bool doc_member(const char **at, struct slice *name, struct slice *value)
{
    const char *key = *at == NULL ? NULL : *at + strspn(*at, "{, \t\r\n");
    if (key == NULL || *key != '"')
        return false;
    size_t len = strcspn(key + 1, "\"");
    const char *object = strchr(key + 1 + len, '{');
    if (object == NULL)
        return false;
    *name = (struct slice){key + 1, len};
    *value = (struct slice){object, value_length(object)};
    *at = object + value->len;
    return true;
}

struct slice doc_custom(const char *custom_or_null, const char *resource_custom)
{
    struct slice name, value;
    while (doc_member(&custom_or_null, &name, &value))
        if (name.len == strlen(resource_custom) &&
            memcmp(name.data, resource_custom, name.len) == 0)
            return value;
    return (struct slice){"{}", 2};
}

static bool custom_seen(size_t index)
{
    for (size_t i = 0; i < index; i++)
        if (resources[i]->custom != NULL &&
            strcmp(resources[i]->custom, resources[index]->custom) == 0)
            return true;
    return false;
}

/* The custom fields are the organization's own: without one the schema is an open object. */
static void put_custom(struct buf *out, const char *custom, const char *name)
{
    struct slice fields = doc_custom(custom, name);
    doc_key(out, arena_printf(out->arena, "custom_%s", name));
    buf_putc(out, '{');
    put_type(out, "object", false);
    doc_text(out, "description", "Custom fields of the organization, by their field_id");
    doc_key(out, "properties");
    buf_put(out, fields.data, fields.len);
    buf_putc(out, '}');
}

void doc_schemas(struct buf *out, const char *custom_or_null)
{
    buf_puts(out, envelopes);
    doc_shapes(out);
    for (size_t i = 0; resources[i] != NULL; i++)
        if ((resources[i]->without & NO_CRUD) != NO_CRUD)
            put_item(out, resources[i]);
    for (size_t i = 0; resources[i] != NULL; i++)
        if (resources[i]->custom != NULL && !custom_seen(i))
            put_custom(out, custom_or_null, resources[i]->custom);
}
