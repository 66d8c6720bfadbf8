/* Values by the rule chains of document 003: every failing rule of a chain is said, in its order.
   Source: specs rentals.md 1.2 and 4; decisions.md 8. */
#include <string.h>

#include "services/core/check_parts.h"

enum { CHAIN_MAX = 12 };

/* The rules of one field, and those that failed. */
struct chain {
    struct call *call;
    const struct field *field;
    int rules, failed;
    struct {
        enum rule rule;
        const char *a, *b;
    } faults[CHAIN_MAX];
};

static void judge(struct chain *chain, bool good, enum rule rule, const char *a, const char *b)
{
    chain->rules++;
    if (good || chain->failed == CHAIN_MAX)
        return;
    chain->faults[chain->failed].rule = rule;
    chain->faults[chain->failed].a = a;
    chain->faults[chain->failed].b = b;
    chain->failed++;
}

/* A group of several optional rules that all failed is introduced by a line of its own. */
static bool settle(struct chain *chain)
{
    bool optional = (chain->field->flags & REQUIRED) == 0;
    if (optional && chain->failed == chain->rules && chain->rules > 1)
        fault_add(chain->call, chain->field, RULE_ALL_OF, NULL, NULL);
    for (int i = 0; i < chain->failed; i++)
        fault_add(chain->call, chain->field, chain->faults[i].rule, chain->faults[i].a,
                  chain->faults[i].b);
    return chain->failed == 0;
}

/* Null, "", 0, "0", false, [] are empty to the original. */
static bool is_empty(const msgpack_object *value, const char *text)
{
    if (value == NULL || value->type == MSGPACK_OBJECT_NIL || value->type == MSGPACK_OBJECT_ARRAY ||
        value->type == MSGPACK_OBJECT_MAP)
        return true;
    if (value->type == MSGPACK_OBJECT_BOOLEAN)
        return !value->via.boolean;
    return text == NULL || text[0] == '\0' || strcmp(text, "0") == 0;
}

static void judge_required(struct chain *chain, const msgpack_object *value, const char *text)
{
    if ((chain->field->flags & REQUIRED) != 0)
        judge(chain, !is_empty(value, text), RULE_MISSING, NULL, NULL);
}

static void judge_chars(struct chain *chain, const char *text)
{
    enum chars chars = chain->field->chars;
    bool good = text != NULL && text[0] != '\0' && text_is_of(text, chars);
    switch (chars) {
    case CHARS_ANY:
        break;
    case CHARS_ALPHA:
        judge(chain, good, RULE_ALPHA_EXTRA,
              "-_. ÇçàÀâÂäÄåÅèÈéÉêÊëËíÍìÌîÎïÏòÒóÓôÔöÖðÐõÕøØúÚùÙûÛüÜýÝÿŸŷŶøØæÆœŒñÑßÞ", NULL);
        break;
    case CHARS_NAME:
        judge(chain, good, RULE_ALPHA, NULL, NULL);
        break;
    case CHARS_ALNUM:
        judge(chain, good, RULE_ALNUM, NULL, NULL);
        break;
    case CHARS_REFERENCE:
        judge(chain, good, RULE_ALNUM_EXTRA, ".,-/_ ", NULL);
        break;
    case CHARS_SERIAL:
        judge(chain, good, RULE_ALNUM_EXTRA, "-/*.", NULL);
        break;
    }
}

static void judge_length(struct chain *chain, const char *text)
{
    const struct field *field = chain->field;
    int64_t length = text == NULL ? 0 : text_length(text);
    bool good = length >= field->min && (field->max == 0 || length <= field->max);
    const char *min = number_text(chain->call, field->min);
    const char *max = number_text(chain->call, field->max);
    if (field->min > 0 && field->max > 0)
        judge(chain, good, RULE_LENGTH, min, max);
    else if (field->max > 0)
        judge(chain, good && length >= 0, RULE_MAX_CHARS, max, NULL);
    else if (field->min > 0)
        judge(chain, good, RULE_MIN_CHARS, min, NULL);
    else
        judge(chain, length >= 0, RULE_STRING, NULL, NULL);
}

static void judge_text(struct chain *chain, const msgpack_object *value, const char *text)
{
    const struct field *field = chain->field;
    bool boolean = value != NULL && value->type == MSGPACK_OBJECT_BOOLEAN;
    const char *known = boolean ? NULL : text;
    judge_required(chain, value, text);
    if (boolean && (field->flags & REQUIRED) == 0 && field->min == 0)
        judge(chain, false, RULE_STRING, NULL, NULL);
    if (field->type == F_EMAIL)
        judge(chain, known != NULL && text_is_email(known), RULE_EMAIL, NULL, NULL);
    if (field->type == F_PHONE)
        judge(chain, known != NULL && text_is_phone(chain->call->arena, known), RULE_PHONE, NULL,
              NULL);
    if (field->type == F_URL)
        judge(chain, known != NULL && text_is_url(known), RULE_URL, NULL, NULL);
    if (field->type == F_COLOR)
        judge(chain, known != NULL && text_is_color(known), RULE_COLOR, NULL, NULL);
    if (field->type == F_ZONE)
        judge(chain, known != NULL && text_is_zone(known), RULE_ZONE, NULL, NULL);
    judge_chars(chain, known);
    /* A phone or e-mail that is no such thing is not also told its length, unless one is asked. */
    if (field->min != 0 || field->max != 0 || field->type == F_TEXT)
        judge_length(chain, known);
}

/* 999999 with two decimals means 999999.99, and is said so. */
static const char *limit_text(struct chain *chain, int64_t limit)
{
    struct buf text;
    buf_init(&text, chain->call->arena);
    buf_puts(&text, number_text(chain->call, limit));
    for (int i = 0; i < chain->field->scale; i++)
        buf_puts(&text, i == 0 ? ".9" : "9");
    return text.data;
}

static const char *judge_number(struct chain *chain, const char *text)
{
    const struct field *field = chain->field;
    bool wide = false, whole = field->type == F_INT;
    const char *number = NULL;
    if (text != NULL && whole)
        number = integer_read(chain->call->arena, text, &wide);
    else if (text != NULL)
        number = decimal_read(chain->call->arena, text, field->scale > 0 ? field->scale : -1);
    if (wide && number[0] == '-') { /* below every integer there is */
        number = NULL;
        wide = false;
    }
    judge(chain, number != NULL, whole ? RULE_INTEGER : RULE_FLOAT, NULL, NULL);
    bool bounded = field->min != 0 || field->max != 0;
    /* A text that is no number is told so once; only a missing one is told the limit as well. */
    if (bounded || wide) {
        int64_t max = bounded ? field->max : INT64_MAX;
        bool above = number != NULL && (wide || decimal_above(number, max, field->scale > 0));
        above = above && number[0] != '-';
        judge(chain, !above && (number != NULL || text != NULL), RULE_MAX, limit_text(chain, max),
              NULL);
    }
    if (bounded && number != NULL && decimal_below(number, field->min))
        judge(chain, false, RULE_MIN, number_text(chain->call, field->min), NULL);
    return number;
}

static const char *judge_reference(struct chain *chain, const msgpack_object *value,
                                   const char *text)
{
    bool wide = false;
    const char *number = text == NULL ? NULL : integer_read(chain->call->arena, text, &wide);
    judge_required(chain, value, text);
    bool numeric = text != NULL && decimal_read(chain->call->arena, text, -1) != NULL;
    judge(chain, numeric, RULE_NUMERIC, NULL, NULL);
    if (numeric && chain->failed == 0 && (number == NULL || wide || number[0] == '-'))
        judge(chain, false, RULE_EXISTS, NULL, NULL);
    return number;
}

static const char *judge_time(struct chain *chain, const msgpack_object *value, const char *text)
{
    struct call *call = chain->call;
    const char *read = NULL;
    bool string = value != NULL && value->type == MSGPACK_OBJECT_STR;
    if (text != NULL && string && chain->field->type == F_DATE)
        read = date_read(call->arena, text);
    else if (text != NULL && string)
        read = instant_read(call->arena, text, caller_zone(call));
    judge_required(chain, value, text);
    judge(chain, read != NULL, RULE_DATE, NULL, NULL);
    return read;
}

static void judge_enum(struct chain *chain, const msgpack_object *value, const char *text)
{
    judge_required(chain, value, text);
    if (text != NULL && is_in(chain->field->values, text))
        return;
    judge(chain, false, RULE_ONE_OF, NULL, NULL);
    for (const char *const *v = chain->field->values; v != NULL && *v != NULL; v++)
        judge(chain, false, RULE_EQUALS, *v, NULL);
    chain->rules = CHAIN_MAX + 1; /* one group: no further line in front of it */
}

static const char *judge_boolean(struct chain *chain, const msgpack_object *value)
{
    bool is = value != NULL && value->type == MSGPACK_OBJECT_BOOLEAN;
    if ((chain->field->flags & REQUIRED) != 0)
        judge(chain, !mp_is_null(value), RULE_NOT_OPTIONAL, NULL, NULL);
    judge(chain, is, RULE_BOOLEAN, NULL, NULL);
    return is && value->via.boolean ? "true" : "false";
}

/* Spaces inside a phone number are no part of it. */
static const char *without_spaces(struct call *call, const char *text)
{
    char *out = arena_alloc(call->arena, strlen(text) + 1), *end = out;
    for (; *text != '\0'; text++)
        if (*text != ' ')
            *end++ = *text;
    return out;
}

static void judge_value(struct chain *chain, const msgpack_object *value, const char *text,
                        struct checked *out)
{
    out->text = text;
    switch (chain->field->type) {
    case F_INT:
    case F_DECIMAL:
        out->text = judge_number(chain, text);
        break;
    case F_REF:
        out->text = judge_reference(chain, value, text);
        break;
    case F_BOOL:
        out->text = judge_boolean(chain, value);
        break;
    case F_DATE:
    case F_TIME:
        out->text = judge_time(chain, value, text);
        break;
    case F_ENUM:
        judge_enum(chain, value, text);
        break;
    case F_TEXT:
    case F_EMAIL:
    case F_PHONE:
    case F_URL:
    case F_COLOR:
    case F_ZONE:
        judge_text(chain, value, text);
        break;
    case F_ID:
    case F_JSON:
    case F_LIST:
    case F_COMPUTED:
        break;
    }
}

bool check_robert(struct call *call, const struct field *field, const msgpack_object *value,
                  struct checked *out)
{
    struct chain chain = {.call = call, .field = field};
    out->cast = field_cast(field);
    if (field->type == F_JSON && !mp_is_null(value))
        return check_json(call, field, value, &out->text);
    const char *text = value == NULL ? NULL : mp_text(call->arena, value);
    if (text != NULL && (field->flags & EXACT) == 0)
        text = text_trim(call->arena, text);
    if (text != NULL && field->type == F_PHONE)
        text = without_spaces(call, text);
    if (text == NULL && value != NULL)
        text = mp_number(call->arena, value);
    judge_value(&chain, value, text, out);
    return settle(&chain);
}
