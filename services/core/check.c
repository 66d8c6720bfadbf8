#include "services/core/check.h"

#include <string.h>

#include "services/core/check_parts.h"

void fault_add(struct call *call, const struct field *field, enum rule rule, const char *a,
               const char *b)
{
    struct fault *fault = arena_alloc(call->arena, sizeof *fault);
    *fault = (struct fault){field->name, rule, a, b, field->label, NULL};
    struct fault **end = &call->reply->faults;
    while (*end != NULL)
        end = &(*end)->next;
    *end = fault;
}

const char *field_cast(const struct field *field)
{
    switch (field->type) {
    case F_ID:
    case F_INT:
    case F_REF:
        return "bigint";
    case F_DECIMAL:
        return "numeric";
    case F_BOOL:
        return "boolean";
    case F_DATE:
        return "date";
    case F_TIME:
        return "timestamptz";
    case F_JSON:
    case F_LIST:
        return "jsonb";
    case F_TEXT:
    case F_EMAIL:
    case F_PHONE:
    case F_URL:
    case F_COLOR:
    case F_ENUM:
    case F_ZONE:
    case F_COMPUTED:
        break;
    }
    return "text";
}

const char *number_text(struct call *call, int64_t number)
{
    return arena_printf(call->arena, "%lld", (long long)number);
}

const char *caller_zone(const struct call *call)
{
    const struct caller *who = &call->request->who;
    bool robert = call->resource != NULL && call->resource->dialect == DIALECT_ROBERT;
    const char *first = robert ? who->org_zone : who->zone;
    const char *second = robert ? who->zone : who->org_zone;
    if (first != NULL && first[0] != '\0')
        return first;
    return second != NULL && second[0] != '\0' ? second : "UTC";
}

bool check_zone(struct call *call, const struct field *field, const char *text)
{
    if (text_is_zone(text))
        return true;
    fault_add(call, field, RULE_ZONE, NULL, NULL);
    return false;
}

/* A stored document: bounded, since it is kept and sent back whole. */
bool check_json(struct call *call, const struct field *field, const msgpack_object *value,
                const char **out)
{
    enum { JSON_MAX = 65536 };
    struct buf json;
    buf_init(&json, call->arena);
    mp_put_json(&json, value);
    int64_t max = field->max > 0 ? field->max : JSON_MAX;
    if ((int64_t)json.len > max) {
        fault_add(call, field, RULE_MAX_CHARS, number_text(call, max), NULL);
        return false;
    }
    /* jsonb refuses what it cannot hold: U+0000 and numbers beyond numeric's range. */
    if (strstr(json.data, "\\u0000") != NULL) {
        fault_add(call, field, RULE_FORMAT, NULL, NULL);
        return false;
    }
    *out = json.data;
    return true;
}

bool is_in(const char *const *values, const char *text)
{
    for (; values != NULL && *values != NULL; values++)
        if (strcmp(*values, text) == 0)
            return true;
    return false;
}
