#include <inttypes.h>
#include <string.h>

#include "tests/api/conform.h"

static void check_minimal(struct subject *s)
{
    long status =
        ask(s, s->owner, "POST", s->resource->path, sample_body(&s->sampler, s->resource));
    check(s, status == 201 && record_id(s) > 0, "the least body makes one");
}

static void refuse(struct subject *s, const struct field *f, json_t *value, const char *what)
{
    long status = ask(s, s->owner, "POST", s->resource->path, body_with(s, f->name, value));
    check(s, status == invalid(s) && blames(s, f->name), "%s: %s is refused by name", f->name,
          what);
}

static void accept(struct subject *s, const struct field *f, json_t *value, const char *what)
{
    long status = ask(s, s->owner, "POST", s->resource->path, body_with(s, f->name, value));
    check(s, status == 201, "%s: %s is accepted", f->name, what);
}

static void check_required(struct subject *s, const struct field *f)
{
    refuse(s, f, NULL, "left out");
    refuse(s, f, json_null(), "null");
}

/* The Robert dialect drops arrays before it looks: an optional field then counts as left out. */
static void check_array(struct subject *s, const struct field *f)
{
    if (!robert(s) || (f->flags & REQUIRED) != 0) {
        refuse(s, f, json_pack("[s]", "x"), "an array");
        return;
    }
    long status =
        ask(s, s->owner, "POST", s->resource->path, body_with(s, f->name, json_pack("[s]", "x")));
    check(s, status == 201 && !json_is_array(json_object_get(record(s), f->name)),
          "%s: an array counts as left out", f->name);
}

/* Texts too large for one message are left to the limits of the body. */
static void check_text_bounds(struct subject *s, const struct field *f)
{
    if (f->max > 0 && f->max <= 5000) {
        accept(s, f, sample_text(s->arena, f, f->max), "the longest");
        refuse(s, f, sample_text(s->arena, f, f->max + 1), "one character more than the longest");
    }
    if (f->min > 1)
        refuse(s, f, sample_text(s->arena, f, f->min - 1), "one character less than the shortest");
    check_array(s, f);
}

static void check_number_bounds(struct subject *s, const struct field *f)
{
    if (f->max != 0 && f->max < INT64_MAX) {
        if (f->type == F_INT)
            accept(s, f, json_integer(f->max), "the largest");
        refuse(s, f, json_integer(f->max + 1), "one more than the largest");
    }
    if ((f->min != 0 || f->max != 0) && f->min > INT64_MIN)
        refuse(s, f, json_integer(f->min - 1), "one less than the least");
    refuse(s, f, json_string("many"), "a word");
}

static void check_enum(struct subject *s, const struct field *f)
{
    refuse(s, f, json_string("no such thing"), "an unknown value");
    for (size_t i = 0; f->values[i] != NULL; i++)
        accept(s, f, json_string(f->values[i]), f->values[i]);
}

static void check_ref(struct subject *s, const struct field *f)
{
    refuse(s, f, json_integer(INT64_C(9000000000000000)), "the id of nothing");
    if (strcmp(f->ref, "user") == 0 || strcmp(f->ref, "country") == 0)
        return;
    int64_t theirs = sample_parent(&s->foreign, f->ref);
    if (theirs > 0)
        refuse(s, f, json_integer(theirs), "the id of another organization's record");
}

static void check_type(struct subject *s, const struct field *f)
{
    switch (f->type) {
    case F_TEXT:
        check_text_bounds(s, f);
        break;
    case F_INT:
    case F_DECIMAL:
        check_number_bounds(s, f);
        break;
    case F_ENUM:
        check_enum(s, f);
        break;
    case F_REF:
        check_ref(s, f);
        break;
    case F_EMAIL:
        refuse(s, f, json_string("not an address"), "what is no address");
        break;
    case F_COLOR:
        refuse(s, f, json_string("#12345g"), "what is no colour");
        break;
    case F_DATE:
    case F_TIME:
        refuse(s, f, json_string("2026-02-30"), "a day that does not exist");
        break;
    case F_BOOL:
        refuse(s, f, json_string("perhaps"), "neither true nor false");
        break;
    case F_ZONE:
        refuse(s, f, json_string("Mars/Olympus"), "no time zone of earth");
        break;
    case F_URL:
        refuse(s, f, json_string("no url"), "what is no address of the web");
        break;
    case F_PHONE:
    case F_JSON:
    case F_LIST:
    case F_ID:
    case F_COMPUTED:
        break;
    }
}

/* Read-only fields in a body are ignored, not obeyed. */
static void check_readonly(struct subject *s)
{
    long status = ask(s, s->owner, "POST", s->resource->path,
                      body_with(s, "id", json_integer(INT64_C(8999999999))));
    check(s, status == 201 && record_id(s) != INT64_C(8999999999),
          "an id in the body is not obeyed");
    json_t *body = body_with(s, "organization_id", json_integer(1));
    check(s, ask(s, s->owner, "POST", s->resource->path, body) == 201,
          "a foreign organization_id in the body is not obeyed");
    if (record_id(s) > 0)
        check(s, ask(s, s->owner, "GET", item_path(s, record_id(s)), NULL) == 200,
              "and the record stays ours");
}

static void check_bodies(struct subject *s)
{
    const char *path = s->resource->path;
    long status = ask(s, s->owner, "POST", path, json_pack("[i]", 1));
    check(s, status == 400 || status == invalid(s), "an array as the body is refused");
    s->answer = api_json(s->arena, s->base, s->owner, "POST", path, "{\"name\": ");
    check(s, s->answer.status == 400, "half a JSON text is 400");
    s->answer = api_json(s->arena, s->base, s->owner, "POST", path, "{\"a\": 1, \"a\": 2}");
    check(s, s->answer.status == 400, "a doubled key is 400");
    s->answer = api_json(s->arena, s->base, s->owner, "POST", path, "{\"name\": \"\xC3\x28\"}");
    check(s, s->answer.status == 400, "invalid UTF-8 is 400");
    status = ask(s, s->owner, "POST", path, json_object());
    check(s, status == 201 || status == invalid(s), "an empty body is judged by the fields");
}

void conform_writes(struct subject *s)
{
    check_minimal(s);
    check_bodies(s);
    check_readonly(s);
    for (const struct field *f = s->resource->fields; f->name != NULL; f++) {
        if (!is_writable(f))
            continue;
        if ((f->flags & REQUIRED) != 0)
            check_required(s, f);
        if (!has_own_law(s->resource, f))
            check_type(s, f);
    }
}
