/* Values by the rules of documents 000, 001 and 002. Source: specs crm.md 5.3. */
#include <string.h>

#include "services/core/check_parts.h"

static bool refuse(struct call *call, const struct field *field, enum rule rule)
{
    fault_add(call, field, rule, NULL, NULL);
    return false;
}

/* Text of a string or a number; NULL for anything else. */
static const char *scalar_text(struct call *call, const msgpack_object *value)
{
    const char *text = mp_text(call->arena, value);
    if (text != NULL)
        return text_trim(call->arena, text);
    return mp_number(call->arena, value);
}

static bool read_bounds(struct call *call, const struct field *field, const char *decimal)
{
    bool bounded = field->min != 0 || field->max != 0;
    if (bounded && decimal_below(decimal, field->min)) {
        fault_add(call, field, RULE_MIN, number_text(call, field->min), NULL);
        return false;
    }
    if (bounded && decimal_above(decimal, field->max, field->scale > 0)) {
        fault_add(call, field, RULE_MAX, number_text(call, field->max), NULL);
        return false;
    }
    return true;
}

static bool read_integer(struct call *call, const struct field *field, const msgpack_object *value,
                         struct checked *out)
{
    bool wide;
    const char *text = scalar_text(call, value);
    text = text == NULL ? NULL : integer_read(call->arena, text, &wide);
    if (text == NULL)
        return refuse(call, field, RULE_INTEGER);
    if (!read_bounds(call, field, text))
        return false;
    if (wide)
        return refuse(call, field, RULE_INTEGER);
    out->text = text;
    return true;
}

static bool read_reference(struct call *call, const struct field *field,
                           const msgpack_object *value, struct checked *out)
{
    bool wide;
    const char *text = scalar_text(call, value);
    text = text == NULL ? NULL : integer_read(call->arena, text, &wide);
    if (text == NULL || wide || text[0] == '-' || strcmp(text, "0") == 0)
        return refuse(call, field, RULE_EXISTS);
    out->text = text;
    return true;
}

static bool read_decimal(struct call *call, const struct field *field, const msgpack_object *value,
                         struct checked *out)
{
    const char *text = scalar_text(call, value);
    text =
        text == NULL ? NULL : decimal_read(call->arena, text, field->scale > 0 ? field->scale : -1);
    if (text == NULL)
        return refuse(call, field, RULE_NUMERIC);
    out->text = text;
    return read_bounds(call, field, text);
}

static bool read_boolean(struct call *call, const struct field *field, const msgpack_object *value,
                         struct checked *out)
{
    int64_t number;
    bool one = mp_same(value, "1") || (mp_int(value, &number) && number == 1);
    bool zero = mp_same(value, "0") || (mp_int(value, &number) && number == 0);
    if (value->type == MSGPACK_OBJECT_BOOLEAN) {
        one = value->via.boolean;
        zero = !one;
    }
    if (!one && !zero)
        return refuse(call, field, RULE_BOOLEAN);
    out->text = one ? "true" : "false";
    return true;
}

static bool check_length(struct call *call, const struct field *field, const char *text)
{
    int64_t length = text_length(text);
    if (length < 0)
        return refuse(call, field, RULE_STRING);
    if (field->max > 0 && length > field->max) {
        fault_add(call, field, RULE_MAX_CHARS, number_text(call, field->max), NULL);
        return false;
    }
    if (length < field->min) {
        fault_add(call, field, RULE_MIN_CHARS, number_text(call, field->min), NULL);
        return false;
    }
    return true;
}

static bool check_shape(struct call *call, const struct field *field, const char *text)
{
    if (field->type == F_EMAIL && !text_is_email(text))
        return refuse(call, field, RULE_EMAIL);
    if (field->type == F_URL && !text_is_url(text))
        return refuse(call, field, RULE_URL);
    if (field->type == F_COLOR && !text_is_color(text))
        return refuse(call, field, RULE_COLOR);
    if (field->type == F_ZONE)
        return check_zone(call, field, text);
    return true;
}

/* What a value that is no string is told, by type. */
static enum rule not_text(enum field_type type)
{
    return type == F_EMAIL   ? RULE_EMAIL
           : type == F_URL   ? RULE_URL
           : type == F_COLOR ? RULE_COLOR
           : type == F_ZONE  ? RULE_ZONE
                             : RULE_STRING;
}

static bool read_text(struct call *call, const struct field *field, const msgpack_object *value,
                      struct checked *out)
{
    const char *text = mp_text(call->arena, value);
    if (text == NULL)
        return refuse(call, field, not_text(field->type));
    if ((field->flags & EXACT) == 0)
        text = text_trim(call->arena, text);
    out->text = text;
    bool shaped = check_shape(call, field, text);
    return check_length(call, field, text) && shaped;
}

static bool read_time(struct call *call, const struct field *field, const msgpack_object *value,
                      struct checked *out)
{
    const char *text = mp_text(call->arena, value);
    if (text != NULL)
        text = text_trim(call->arena, text);
    if (text != NULL && field->type == F_DATE)
        text = date_read(call->arena, text);
    else if (text != NULL)
        text = instant_read(call->arena, text, caller_zone(call));
    if (text == NULL)
        return refuse(call, field, RULE_DATE);
    out->text = text;
    return true;
}

static bool read_enum(struct call *call, const struct field *field, const msgpack_object *value,
                      struct checked *out)
{
    const char *text = scalar_text(call, value);
    if (text == NULL || !is_in(field->values, text))
        return refuse(call, field, RULE_IN);
    out->text = text;
    return true;
}

bool check_laravel(struct call *call, const struct field *field, const msgpack_object *value,
                   struct checked *out)
{
    out->cast = field_cast(field);
    switch (field->type) {
    case F_INT:
        return read_integer(call, field, value, out);
    case F_REF:
        return read_reference(call, field, value, out);
    case F_DECIMAL:
        return read_decimal(call, field, value, out);
    case F_BOOL:
        return read_boolean(call, field, value, out);
    case F_DATE:
    case F_TIME:
        return read_time(call, field, value, out);
    case F_ENUM:
        return read_enum(call, field, value, out);
    case F_JSON:
        return check_json(call, field, value, &out->text);
    case F_TEXT:
    case F_EMAIL:
    case F_PHONE:
    case F_URL:
    case F_COLOR:
    case F_ZONE:
        return read_text(call, field, value, out);
    case F_ID:
    case F_LIST:
    case F_COMPUTED:
        break;
    }
    return true;
}
