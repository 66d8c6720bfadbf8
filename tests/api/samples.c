#include "tests/api/samples.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What the tables cannot say. */
static const struct {
    const char *resource, *field, *json;
} special[] = {
    {"time_block", "start_time", "\"2026-03-02T09:00:00+00:00\""},
    {"time_block", "end_time", "\"2026-03-02T10:30:00+00:00\""},
    {"event", "start_date", "\"2026-03-02 09:00:00\""},
    {"event", "end_date", "\"2026-03-04 18:00:00\""},
    {"custom_field", "resource", "\"clients\""},
    {"custom_field", "type", "\"Text\""},
};

static const struct {
    const char *resource, *query;
} queries[] = {
    {"time_block", "start=2026-03-01&end=2026-03-31"},
};

/* Fields with laws of their own, tried by cases: the checks derived from the table leave them out.
 */
static const struct {
    const char *resource, *field;
} lawful[] = {
    {"custom_field", "field_id"}, {"custom_field", "resource"},  /* never change */
    {"custom_field", "type"},                                    /* one of 14 words */
    {"park", "person_id"},        {"park", "company_id"},        /* judged, not stored */
    {"time_block", "user_id"},    {"time_block", "calendar_id"}, /* must be there */
};

bool has_own_law(const struct resource *resource, const struct field *field)
{
    for (size_t i = 0; i < COUNT_OF(lawful); i++)
        if (strcmp(lawful[i].resource, resource->name) == 0 &&
            strcmp(lawful[i].field, field->name) == 0)
            return true;
    return false;
}

bool is_checked_id(const struct resource *resource, const struct field *field)
{
    return field->type == F_INT && has_own_law(resource, field);
}

bool is_writable(const struct field *field)
{
    return (field->flags & READONLY) == 0 && field->type != F_ID && field->type != F_COMPUTED;
}

const char *sample_query(const struct resource *resource)
{
    for (size_t i = 0; i < COUNT_OF(queries); i++)
        if (strcmp(queries[i].resource, resource->name) == 0)
            return queries[i].query;
    return "";
}

static json_t *special_value(const struct resource *resource, const struct field *field)
{
    for (size_t i = 0; i < COUNT_OF(special); i++)
        if (strcmp(special[i].resource, resource->name) == 0 &&
            strcmp(special[i].field, field->name) == 0)
            return json_loads(special[i].json, JSON_DECODE_ANY, NULL);
    return NULL;
}

/* Letters only, different each time: fits every class of characters. */
static const char *letters(struct arena *arena, size_t n)
{
    char *text = arena_strdup(arena, unique_text(arena));
    for (char *at = text; *at != '\0'; at++)
        if (*at >= '0' && *at <= '9')
            *at = (char)('z' - (*at - '0'));
    size_t len = strlen(text);
    char *out = arena_alloc(arena, n + 1);
    for (size_t i = 0; i < n; i++)
        out[i] = i < len ? text[i] : 'x';
    return out;
}

json_t *sample_text(struct arena *arena, const struct field *field, int64_t characters)
{
    (void)field;
    return json_string(letters(arena, (size_t)characters));
}

static json_t *text_value(struct arena *arena, const struct field *field)
{
    int64_t n = 12;
    if (n < field->min)
        n = field->min;
    if (field->max > 0 && n > field->max)
        n = field->max;
    return sample_text(arena, field, n);
}

static int64_t number_value(const struct field *field)
{
    int64_t value = 3;
    if (field->min == 0 && field->max == 0)
        return value;
    if (value < field->min)
        value = field->min;
    return value > field->max ? field->max : value;
}

static json_t *ref_value(struct sampler *sampler, const struct field *field)
{
    int64_t id = sample_parent(sampler, field->ref);
    return id == 0 ? json_null() : json_integer(id);
}

json_t *sample_value(struct sampler *sampler, const struct resource *resource,
                     const struct field *field)
{
    struct arena *arena = sampler->arena;
    json_t *fixed = special_value(resource, field);
    if (fixed != NULL)
        return fixed;
    switch (field->type) {
    case F_INT:
    case F_DECIMAL:
        return json_integer(number_value(field));
    case F_BOOL:
        return json_true();
    case F_EMAIL:
        return json_string(arena_printf(arena, "%s@example.test", letters(arena, 12)));
    case F_PHONE:
        return json_string("+33123456789");
    case F_URL:
        return json_string(arena_printf(arena, "https://%s.example.test/", letters(arena, 12)));
    case F_COLOR:
        return json_string("#3366cc");
    case F_DATE:
        return json_string("2026-03-02");
    case F_TIME:
        return json_string(resource->dialect == DIALECT_ROBERT ? "2026-03-02 09:00:00"
                                                               : "2026-03-02T09:00:00+00:00");
    case F_ENUM:
        return json_string(field->values[0]);
    case F_REF:
        return ref_value(sampler, field);
    case F_ZONE:
        return json_string("Europe/Brussels");
    case F_JSON:
        return json_object();
    case F_LIST:
        return json_array();
    case F_TEXT:
    case F_ID:
    case F_COMPUTED:
        break;
    }
    return text_value(arena, field);
}

json_t *sample_body(struct sampler *sampler, const struct resource *resource)
{
    json_t *body = json_object();
    for (const struct field *f = resource->fields; f->name != NULL; f++)
        if ((f->flags & REQUIRED) != 0 && is_writable(f))
            json_object_set_new(body, f->name, sample_value(sampler, resource, f));
    return body;
}

json_t *answer_record(const struct resource *resource, json_t *root)
{
    return resource->dialect == DIALECT_ROBERT ? root : json_object_get(root, "data");
}

/* The first id of a list: for what cannot be created (countries). */
static int64_t first_of_list(struct sampler *sampler, const struct resource *resource)
{
    struct answer answer = api_json(
        sampler->arena, sampler->base, sampler->token, "GET",
        arena_printf(sampler->arena, "%s?%s", resource->path, sample_query(resource)), NULL);
    json_t *root = json_loads(answer.body, 0, NULL);
    json_t *row = json_array_get(json_object_get(root, "data"), 0);
    int64_t id = json_integer_value(json_object_get(row, "id"));
    json_decref(root);
    return id;
}

static int64_t make_parent(struct sampler *sampler, const struct resource *resource)
{
    if ((resource->without & NO_CREATE) != 0)
        return first_of_list(sampler, resource);
    json_t *body = sample_body(sampler, resource);
    char *text = json_dumps(body, JSON_COMPACT);
    struct answer answer =
        api_json(sampler->arena, sampler->base, sampler->token, "POST", resource->path, text);
    json_t *root = json_loads(answer.body, 0, NULL);
    int64_t id = json_integer_value(json_object_get(answer_record(resource, root), "id"));
    if (id == 0)
        printf("# no %s could be made: %ld %.300s\n", resource->name, answer.status, answer.body);
    json_decref(root);
    json_decref(body);
    free(text);
    return id;
}

int64_t sample_parent(struct sampler *sampler, const char *resource)
{
    if (strcmp(resource, "user") == 0)
        return atoll(sampler->owner_id);
    for (size_t i = 0; resources[i] != NULL && i < COUNT_OF(sampler->parents); i++) {
        if (strcmp(resources[i]->name, resource) != 0)
            continue;
        if (sampler->parents[i] == 0 && sampler->depth < 4) {
            sampler->depth++;
            sampler->parents[i] = make_parent(sampler, resources[i]);
            sampler->depth--;
        }
        return sampler->parents[i];
    }
    return 0;
}
