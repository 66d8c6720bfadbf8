#include "services/core/validate.h"

#include <assert.h>
#include <string.h>

#include "proto/endpoints_schema.h"
#include "services/core/check.h"
#include "services/core/custom_field.h"

static bool is_writable(const struct field *field)
{
    return (field->flags & READONLY) == 0 && field->type != F_ID && field->type != F_COMPUTED &&
           field->type != F_LIST;
}

static void take(struct call *call, const struct field *field, const struct checked *checked)
{
    if (call->columns_n == COUNT_OF(call->columns))
        return;
    call->columns[call->columns_n++] =
        (struct column){field, field_column(field), checked->text, checked->cast};
}

/* White space alone counts as nothing, except where every character matters. */
static bool is_blank(struct call *call, const struct field *field, const msgpack_object *value)
{
    if (mp_is_null(value))
        return true;
    if (value->type != MSGPACK_OBJECT_STR)
        return false;
    const char *text = mp_text(call->arena, value);
    return (field->flags & EXACT) != 0 ? text[0] == '\0' && (field->flags & REQUIRED) != 0
                                       : text_trim(call->arena, text)[0] == '\0';
}

/* A null: the default on create, a fault on update when the column has one, else SQL NULL. */
static void take_null(struct call *call, const struct field *field, enum rule rule)
{
    if ((field->flags & NOT_NULL) == 0) {
        take(call, field, &(struct checked){NULL, field_cast(field)});
        return;
    }
    if (!call->created)
        fault_add(call, field, rule, NULL, NULL);
}

static void take_laravel(struct call *call, const struct field *field)
{
    const msgpack_object *value = mp_find(call->body, field->name);
    bool required = (field->flags & REQUIRED) != 0;
    if (value == NULL && !(required && call->created))
        return;
    bool empty = is_blank(call, field, value) ||
                 (required && value->type == MSGPACK_OBJECT_ARRAY && value->via.array.size == 0);
    if (empty && required) {
        fault_add(call, field, RULE_MISSING, NULL, NULL);
        return;
    }
    if (empty) {
        take_null(call, field, RULE_MISSING);
        return;
    }
    struct checked checked = {0};
    if (check_laravel(call, field, value, &checked))
        take(call, field, &checked);
}

/* Arrays where a single value belongs count as not sent: they change nothing. */
static bool is_dropped(const struct field *field, const msgpack_object *value)
{
    return value != NULL && field->type != F_JSON &&
           (value->type == MSGPACK_OBJECT_ARRAY || value->type == MSGPACK_OBJECT_MAP);
}

static void take_robert(struct call *call, const struct field *field)
{
    const msgpack_object *value = mp_find(call->body, field->name);
    bool required = (field->flags & REQUIRED) != 0, dropped = is_dropped(field, value);
    bool sent = value != NULL && (required || !dropped);
    if (dropped || (sent && is_blank(call, field, value)))
        value = NULL;
    if (!sent && !(required && call->created))
        return;
    if (value == NULL && !required) {
        take_null(call, field, field->type == F_BOOL ? RULE_BOOLEAN : RULE_MISSING);
        return;
    }
    struct checked checked = {0};
    if (check_robert(call, field, value, &checked))
        take(call, field, &checked);
}

static bool is_nothing(const msgpack_object *body)
{
    return body == NULL || body->type != MSGPACK_OBJECT_MAP || body->via.map.size == 0;
}

/* An update would take [1] or "x" for no change at all. Nothing, null and [] (an empty object of
   PHP) are none. */
static bool is_no_object(const msgpack_object *body)
{
    bool empty =
        mp_is_null(body) || (body->type == MSGPACK_OBJECT_ARRAY && body->via.array.size == 0);
    return !empty && body->type != MSGPACK_OBJECT_MAP;
}

enum err validate(struct call *call)
{
    const struct resource *r = call->resource;
    bool robert = r->dialect == DIALECT_ROBERT;
    call->columns_n = 0;
    if (robert && is_nothing(call->body))
        return call_fail(call, ERR_MALFORMED, "Missing request data to process validation");
    if (!robert && !call->created && is_no_object(call->body))
        return call_fail(call, ERR_MALFORMED, "The body must be a JSON object.");
    for (const struct field *field = r->fields; field->name != NULL; field++) {
        if (!is_writable(field))
            continue;
        if (robert)
            take_robert(call, field);
        else
            take_laravel(call, field);
    }
    if (r->custom != NULL)
        custom_validate(call);
    return call->reply->faults == NULL ? ERR_OK : ERR_INVALID;
}

enum err validate_endpoint(struct call *call, const char *service)
{
    const struct endpoint_schema *schema = endpoint_schema_find(service, call->request->op);
    assert(schema != NULL && schema->body != NULL);
    const struct resource form = {
        .name = "form", .dialect = DIALECT_LARAVEL, .fields = schema->body};
    const struct resource *asked = call->resource;
    call->resource = &form;
    call->created = !schema->partial; /* what is required must be there */
    enum err err = validate(call);
    call->resource = asked;
    call->created = false;
    return err;
}
