#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "tests/api/conform.h"

/* The first field whose change shows: writable, of a simple type, shown as written. */
static const struct field *changeable(const struct resource *r)
{
    for (const struct field *f = r->fields; f->name != NULL; f++)
        if (is_writable(f) && !has_own_law(r, f) && (f->type == F_TEXT || f->type == F_INT) &&
            f->ref == NULL && (f->flags & (WRITEONLY | HIDDEN)) == 0 && f->sql == NULL)
            return f;
    return NULL;
}

static json_t *changed_value(struct subject *s, const struct field *f)
{
    if (f->type == F_INT)
        return json_integer(f->max > 0 && f->max < 4 ? f->max : 4);
    return sample_value(&s->sampler, s->resource, f);
}

/* Keys that a write may change by itself. */
static bool moves_by_itself(const struct resource *r, const char *key)
{
    const struct field *f = field_find(r, key);
    return strcmp(key, "updated_at") == 0 || (f != NULL && f->type == F_COMPUTED);
}

static void compare_rest(struct subject *s, json_t *before, const char *changed)
{
    const char *key;
    json_t *value;
    json_object_foreach(before, key, value)
    {
        if (strcmp(key, changed) == 0 || moves_by_itself(s->resource, key))
            continue;
        bool same = json_equal(value, json_object_get(record(s), key)) != 0;
        if (!same)
            check(s, false, "an update of %s leaves %s alone", changed, key);
    }
}

static void check_update(struct subject *s, int64_t id)
{
    const struct field *f = changeable(s->resource);
    if (f == NULL)
        return;
    ask(s, s->owner, "GET", item_path(s, id), NULL);
    json_t *before = json_incref(record(s));
    json_t *value = changed_value(s, f), *body = json_object();
    json_object_set(body, f->name, value);
    check(s, ask(s, s->owner, "PUT", item_path(s, id), body) == 200, "an update of %s is 200",
          f->name);
    ask(s, s->owner, "GET", item_path(s, id), NULL);
    check(s, json_equal(json_object_get(record(s), f->name), value) != 0, "%s has its new value",
          f->name);
    compare_rest(s, before, f->name);
    body = json_object();
    json_object_set(body, f->name, value);
    check(s, ask(s, s->owner, "PUT", item_path(s, INT64_C(987654321987)), body) == 404,
          "an update of nothing is 404");
    json_decref(value);
    json_decref(before);
}

static bool list_shows(struct subject *s, const char *query, int64_t id)
{
    size_t i;
    json_t *row;
    ask(s, s->owner, "GET", list_path(s, query), NULL);
    json_array_foreach(json_object_get(s->root, "data"), i,
                       row) if (json_integer_value(json_object_get(row, "id")) == id) return true;
    return false;
}

static void check_restore(struct subject *s, int64_t id)
{
    bool two = robert(s);
    const char *trash = two ? "deleted=1" : "filter[trashed]=only&per_page=100";
    const char *path =
        two ? arena_printf(s->arena, "%s/restore/%" PRId64, s->resource->path, id)
            : arena_printf(s->arena, "%s/%" PRId64 "/restore", s->resource->path, id);
    if ((s->resource->without & NO_LIST) == 0)
        check(s, list_shows(s, trash, id), "the list of what is deleted shows it");
    check(s, ask(s, s->stranger, two ? "PUT" : "POST", path, NULL) == 404,
          "another organization's restore is 404");
    check(s, ask(s, s->owner, two ? "PUT" : "POST", path, NULL) == 200, "restore is 200");
    check(s, ask(s, s->owner, "GET", item_path(s, id), NULL) == 200, "and it is back");
    check(s, ask(s, s->owner, two ? "PUT" : "POST", path, NULL) == 404,
          "restore of what is not deleted is 404");
}

static void check_destroy(struct subject *s, int64_t id)
{
    check(s, ask(s, s->owner, "DELETE", item_path(s, id), NULL) == 200, "the first delete is 200");
    check(s, ask(s, s->owner, "DELETE", item_path(s, id), NULL) == 200, "the second is 200");
    check(s, json_is_true(json_object_get(s->root, "destroyed")), "and destroys");
    check(s, ask(s, s->owner, "DELETE", item_path(s, id), NULL) == 404, "the third is 404");
}

static void check_delete(struct subject *s, int64_t id)
{
    const struct resource *r = s->resource;
    check(s, ask(s, s->owner, "DELETE", item_path(s, id), NULL) == 200, "delete is 200");
    if ((r->without & NO_GET) == 0)
        check(s, ask(s, s->owner, "GET", item_path(s, id), NULL) == 404, "then it is not found");
    if ((r->without & NO_LIST) == 0)
        check(s, !list_shows(s, robert(s) ? "" : "per_page=100", id), "nor listed");
    if ((r->without & NO_UPDATE) == 0)
        check(s, ask(s, s->owner, "PUT", item_path(s, id), sample_body(&s->sampler, r)) == 404,
              "nor changed");
    if (r->lifecycle != DELETE_TWO_STEP)
        check(s, ask(s, s->owner, "DELETE", item_path(s, id), NULL) == 404,
              "a second delete is 404");
    if (r->lifecycle != DELETE_HARD && (r->without & NO_RESTORE) == 0)
        check_restore(s, id);
    if (r->lifecycle == DELETE_TWO_STEP)
        check_destroy(s, id);
}

static const struct field *unique_field(const struct resource *r)
{
    for (const struct field *f = r->fields; f->name != NULL; f++)
        if ((f->flags & UNIQUE) != 0 && is_writable(f) && f->type == F_TEXT)
            return f;
    return NULL;
}

static void check_unique(struct subject *s)
{
    const struct field *f = unique_field(s->resource);
    if (f == NULL)
        return;
    json_t *value = sample_value(&s->sampler, s->resource, f);
    check(s,
          ask(s, s->owner, "POST", s->resource->path, body_with(s, f->name, json_incref(value))) ==
              201,
          "a new %s is taken", f->name);
    long status =
        ask(s, s->owner, "POST", s->resource->path, body_with(s, f->name, json_incref(value)));
    check(s, status == (robert(s) ? 409 : 422), "the same %s again is refused", f->name);
    json_t *theirs = sample_body(&s->foreign, s->resource);
    json_object_set_new(theirs, f->name, value);
    if (s->sampler.depth == 0)
        check(s, ask(s, s->stranger, "POST", s->resource->path, theirs) == 201,
              "another organization may use the same %s", f->name);
}

void conform_life(struct subject *s)
{
    check_unique(s);
    int64_t id = make(s);
    if (id == 0)
        return;
    if ((s->resource->without & (NO_UPDATE | NO_GET)) == 0)
        check_update(s, id);
    if ((s->resource->without & NO_DELETE) == 0)
        check_delete(s, id);
}
