#include <inttypes.h>
#include <string.h>

#include "proto/openapi_parts.h"
#include "proto/resources.h"

/* Values by name: of one resource, or of all (NULL). What is not here follows from its type. */
static const struct {
    const char *resource, *field, *json;
} values[] = {
    {"time_block", "start_time", "\"2026-03-02T09:00:00+00:00\""},
    {"time_block", "end_time", "\"2026-03-02T10:30:00+00:00\""},
    {"event", "start_date", "\"2026-03-02 09:00:00\""},
    {"event", "end_date", "\"2026-03-04 18:00:00\""},
    {"custom_field", "field_id", "\"shoe_size\""},
    {"custom_field", "name", "\"Shoe size\""},
    {"custom_field", "resource", "\"clients\""},
    {"custom_field", "type", "\"Number\""},
    {"bill", "degressive_rate", "1.75"},
    {"communication", "subject", "\"Call about the opening\""},
    {"material", "name", "\"Projector PAR56\""},
    {"material", "reference", "\"PAR56\""},
    {"park", "name", "\"North hall\""},
    {"tag", "name", "\"Fragile\""},
    {"category", "name", "\"Lights\""},
    {"subcategory", "name", "\"Projectors\""},
    {"attribute", "name", "\"Weight\""},
    {NULL, "name", "\"Northlight Films\""},
    {NULL, "legal_name", "\"Southlight Films\""},
    {NULL, "trading_name", "\"Northlight\""},
    {NULL, "organization_name", "\"Park Rentals\""},
    {NULL, "first_name", "\"Ada\""},
    {NULL, "last_name", "\"Park\""},
    {NULL, "nickname", "\"Countess\""},
    {NULL, "full_name", "\"Ada Park\""},
    {NULL, "pseudo", "\"adapark\""},
    {NULL, "title", "\"Opening night\""},
    {NULL, "identifier", "\"ada@example.org\""},
    {NULL, "password", "\"Correct-horse9\""},
    {NULL, "password_confirmation", "\"Correct-horse9\""},
    {NULL, "currency", "\"EUR\""},
    {NULL, "country", "\"BE\""},
    {NULL, "locality", "\"Brussels\""},
    {NULL, "city", "\"Brussels\""},
    {NULL, "postal_code", "\"1000\""},
    {NULL, "postcode", "\"1000\""},
    {NULL, "street", "\"1 Market Square\""},
    {NULL, "address_line_1", "\"1 Market Square\""},
    {NULL, "phone", "\"+3225551234\""},
    {NULL, "reference", "\"2026-00017\""},
    {NULL, "serial_number", "\"A-1234\""},
    {NULL, "unit", "\"kg\""},
    {NULL, "degressive_rate", "\"daysCount\""},
    {NULL, "work_hours_start", "\"09:00\""},
    {NULL, "work_hours_end", "\"17:30\""},
    {NULL, "work_days", "[1, 2, 3, 4, 5]"},
    {NULL, "reminder_time", "\"09:00\""},
    {NULL, "start_date", "\"2026-01-01\""},
    {NULL, "end_date", "\"2026-01-31\""},
    {NULL, "vat_number", "\"BE0123456789\""},
    {NULL, "materials", "[{\"id\": 1, \"quantity\": 1}]"},
    {NULL, "abilities", "[\"clients:read\"]"},
    {NULL, "url", "\"https://example.org/bureau\""},
};

static const char *value_of(const char *resource, const struct field *field)
{
    for (size_t i = 0; i < COUNT_OF(values); i++)
        if (strcmp(values[i].field, field->name) == 0 &&
            (values[i].resource == NULL ||
             (resource != NULL && strcmp(values[i].resource, resource) == 0)))
            return values[i].json;
    return NULL;
}

/* Words of the field's own name, long and short enough. */
static void put_words(struct buf *out, const struct field *field)
{
    const char *name = field->label != NULL ? field->label : field->name;
    char text[32] = "";
    size_t len = 0, most = field->max > 0 && field->max < 31 ? (size_t)field->max : 31;
    for (; name[len] != '\0' && len < most; len++)
        text[len] = name[len] == '_' ? ' ' : name[len];
    for (; len < most && (int64_t)len < field->min; len++)
        text[len] = 'x';
    buf_puts_json(out, text);
}

static void put_number(struct buf *out, const struct field *field)
{
    int64_t value = field->min > 1 ? field->min : field->max > 0 && field->max < 1 ? field->max : 1;
    if (field->type == F_DECIMAL && field->as_text)
        buf_printf(out, "\"%" PRId64 ".50\"", value);
    else if (field->type == F_DECIMAL && field->scale > 0)
        buf_printf(out, "%" PRId64 ".5", value);
    else
        buf_printf(out, "%" PRId64, value);
}

static void put_value(struct buf *out, const char *resource, const struct field *field,
                      enum dialect dialect)
{
    const char *known = value_of(resource, field);
    if (known != NULL) {
        buf_puts(out, known);
        return;
    }
    switch (field->type) {
    case F_ID:
    case F_INT:
    case F_REF:
    case F_DECIMAL:
        put_number(out, field);
        break;
    case F_BOOL:
        buf_puts(out, "true");
        break;
    case F_EMAIL:
        buf_puts(out, "\"ada@example.org\"");
        break;
    case F_PHONE:
        buf_puts(out, "\"+3225551234\"");
        break;
    case F_URL:
        buf_puts(out, "\"https://example.org/\"");
        break;
    case F_COLOR:
        buf_puts(out, "\"#3366cc\"");
        break;
    case F_DATE:
        buf_puts(out, "\"2026-03-02\"");
        break;
    case F_TIME:
        buf_puts(out, dialect == DIALECT_ROBERT ? "\"2026-03-02 09:00:00\""
                                                : "\"2026-03-02T09:00:00+00:00\"");
        break;
    case F_ENUM:
        buf_puts_json(out, field->values[0]);
        break;
    case F_ZONE:
        buf_puts(out, "\"Europe/Brussels\"");
        break;
    case F_LIST:
        buf_puts(out, field->ref != NULL ? "1" : "[]");
        break;
    case F_JSON:
        buf_puts(out, "{}");
        break;
    case F_COMPUTED:
        buf_puts(out, "null");
        break;
    case F_TEXT:
        put_words(out, field);
        break;
    }
}

static bool is_empty_when_new(const struct field *field)
{
    return strcmp(field->name, "deleted_at") == 0;
}

static void put_resource(struct buf *out, const struct resource *r)
{
    buf_putc(out, '{');
    for (const struct field *f = r->fields; f->name != NULL; f++) {
        if (!doc_is_shown(f) || f->type == F_COMPUTED)
            continue;
        doc_key(out, f->name);
        if (is_empty_when_new(f))
            buf_puts(out, "null");
        else
            put_value(out, r->name, f, r->dialect);
    }
    buf_putc(out, '}');
}

static const char links[] = "{\"first\":\"/api/clients?page=1\",\"last\":\"/api/clients?page=1\","
                            "\"prev\":null,\"next\":null}";
static const char meta[] = "{\"current_page\":1,\"from\":1,\"last_page\":1,\"links\":[],\"path\":"
                           "\"/api/clients\",\"per_page\":15,\"to\":1,\"total\":1}";
static const char pagination[] =
    "{\"current_page\":1,\"first_page_url\":\"/api/tags?page=1\",\"from\":1,\"last_page\":1,"
    "\"last_page_url\":\"/api/tags?page=1\",\"next_page_url\":null,\"path\":\"/api/tags\","
    "\"per_page\":100,\"prev_page_url\":null,\"to\":1,\"total\":1}";

void doc_schema_example(struct buf *out, const char *schema)
{
    const char *shape = doc_shape(schema);
    if (shape != NULL)
        doc_shape_example(out, shape);
    else if (strcmp(schema, "LaravelLinks") == 0)
        buf_puts(out, links);
    else if (strcmp(schema, "LaravelMeta") == 0)
        buf_puts(out, meta);
    else if (strcmp(schema, "RobertPagination") == 0)
        buf_puts(out, pagination);
    for (size_t i = 0; resources[i] != NULL; i++)
        if (strcmp(resources[i]->name, schema) == 0)
            put_resource(out, resources[i]);
}

void doc_type_example(struct buf *out, const char *type)
{
    const char *text =
        strcmp(type, "text/csv") == 0        ? "id,name\r\n1,Northlight Films\r\n"
        : strcmp(type, "text/calendar") == 0 ? "BEGIN:VCALENDAR\r\nEND:VCALENDAR\r\n"
        : strcmp(type, "text/html") == 0     ? "<!DOCTYPE html>"
        : strcmp(type, "application/xml") == 0
            ? "<Invoice xmlns=\"urn:oasis:names:specification:ubl:schema:xsd:Invoice-2\"/>"
        : strncmp(type, "text/plain", 10) == 0 ? "bureau_up 1\n"
                                               : "%PDF-1.7";
    buf_puts_json(out, text);
}

/* A short body: what is required, and texts that stand for themselves. */
static bool is_in_example(const struct field *field, bool partial)
{
    bool list = field->type == F_LIST || field->type == F_JSON;
    if (!doc_is_written(field) || (list && value_of(NULL, field) == NULL))
        return false;
    bool required = (field->flags & REQUIRED) != 0;
    bool plain = field->type == F_TEXT || field->type == F_ENUM;
    return required ? !partial || plain : partial && plain && (field->flags & UNIQUE) == 0;
}

static void put_body(struct buf *out, const char *resource, const struct field *fields,
                     enum dialect dialect, bool partial)
{
    for (const struct field *f = fields; f != NULL && f->name != NULL; f++)
        if (is_in_example(f, partial)) {
            doc_key(out, f->name);
            put_value(out, resource, f, dialect);
        }
}

void doc_resource_body_example(struct buf *out, const struct resource *r, bool partial)
{
    buf_putc(out, '{');
    put_body(out, r->name, r->fields, r->dialect, partial);
    buf_putc(out, '}');
}

/* A file of one row, with what is required. */
void doc_import_example(struct buf *out, const struct resource *r)
{
    struct buf head, row;
    buf_init(&head, out->arena);
    buf_init(&row, out->arena);
    for (const struct field *f = r->fields; f->name != NULL; f++)
        if ((f->flags & REQUIRED) != 0 && f->type != F_REF) {
            const char *known = value_of(r->name, f);
            const char *comma = head.len == 0 ? "" : ",";
            buf_printf(&head, "%s%s", comma, f->name);
            buf_printf(&row, "%s%s", comma,
                       f->type == F_ENUM ? f->values[0]
                       : known == NULL   ? f->name
                                         : arena_strndup(out->arena, known + 1, strlen(known) - 2));
        }
    buf_puts_json(out, arena_printf(out->arena, "%s\r\n%s\r\n", head.data, row.data));
}

void doc_endpoint_body_example(struct buf *out, const struct endpoint_schema *schema,
                               enum dialect dialect)
{
    buf_putc(out, '{');
    put_body(out, NULL, schema->body, dialect, schema->partial);
    put_body(out, NULL, schema->more, dialect, schema->partial);
    buf_putc(out, '}');
}
