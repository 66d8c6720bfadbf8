#include "proto/complete.h"

#include <string.h>

#include "proto/resources.h"

/* Where faults of one resource go. */
struct judge {
    struct buf *out;
    const struct resource *resource;
    size_t faults;
};

static void blame(struct judge *j, bool wrong, const char *part, const char *reason)
{
    if (!wrong)
        return;
    buf_printf(j->out, "%s.%s: %s\n", j->resource->name == NULL ? "?" : j->resource->name,
               part == NULL ? "?" : part, reason);
    j->faults++;
}

static bool is_blank(const char *text) { return text == NULL || *text == '\0'; }

static bool is_service(const char *name)
{
    static const char *const services[] = {"accounts", "crm", "rentals", "billing", "sync"};
    for (size_t i = 0; i < COUNT_OF(services); i++)
        if (strcmp(services[i], name) == 0)
            return true;
    return false;
}

static bool is_value(const struct field *field, const char *text)
{
    for (const char *const *v = field->values; v != NULL && *v != NULL; v++)
        if (strcmp(*v, text) == 0)
            return true;
    return false;
}

static void judge_head(struct judge *j)
{
    const struct resource *r = j->resource;
    blame(j, is_blank(r->name), "name", "missing");
    blame(j, r->path == NULL || strncmp(r->path, "/api/", 5) != 0, "path", "not below /api/");
    blame(j, is_blank(r->service) || !is_service(r->service), "service", "none of the five");
    bool inside = !is_blank(r->table) && !is_blank(r->service) &&
                  strncmp(r->table, r->service, strlen(r->service)) == 0 &&
                  r->table[strlen(r->service)] == '.';
    blame(j, (r->without & NO_CRUD) != NO_CRUD && !inside, "table", "not in the service's schema");
    blame(j, is_blank(r->label), "label", "missing");
    blame(j, (r->without & NO_LIST) == 0 && is_blank(r->order), "order", "missing");
    blame(j, is_blank(r->summary), "summary", "missing");
    blame(j, r->read == ROLE_NONE, "read", "no role");
    blame(j, (r->without & (NO_CREATE | NO_UPDATE)) != (NO_CREATE | NO_UPDATE) && r->write == 0,
          "write", "no role");
    blame(j, (r->without & NO_DELETE) == 0 && r->remove == ROLE_NONE, "remove", "no role");
    blame(j, r->dialect == DIALECT_LARAVEL && r->lifecycle == DELETE_TWO_STEP, "lifecycle",
          "two steps are the Robert dialect's");
    blame(j, r->mine != NULL && strstr(r->mine, "%s") == NULL, "mine", "without %s");
    blame(j,
          (r->scope & SCOPE_ASSIGNEE) != 0 && r->mine == NULL && r->fields != NULL &&
              field_find(r, "assigned_to") == NULL,
          "scope", "by assignee, but neither .mine nor a field assigned_to");
}

static void judge_field(struct judge *j, const struct field *f)
{
    unsigned flags = f->flags;
    blame(j, f->type == F_ENUM && (f->values == NULL || f->values[0] == NULL), f->name,
          "an enum without values");
    blame(j, f->type == F_ENUM && f->def != NULL && !is_value(f, f->def), f->name,
          "its default is none of its values");
    blame(j, f->type == F_REF && is_blank(f->ref), f->name, "a reference without .ref");
    blame(j, f->type != F_REF && f->type != F_LIST && f->ref != NULL, f->name,
          "has .ref but is no F_REF");
    blame(j, f->type == F_COMPUTED && f->sql == NULL, f->name, "computed without .sql");
    blame(j, f->min > f->max && f->max != 0, f->name, ".min is above .max");
    blame(j, f->scale != 0 && f->type != F_DECIMAL, f->name, ".scale on what is no F_DECIMAL");
    blame(j, f->as_text && f->type != F_DECIMAL, f->name, ".as_text on what is no F_DECIMAL");
    blame(j, (flags & READONLY) != 0 && (flags & (REQUIRED | WRITEONLY)) != 0, f->name,
          "read only, and required or write only");
    for (const struct field *other = j->resource->fields; other != f; other++)
        blame(j, strcmp(other->name, f->name) == 0, f->name, "stands twice");
}

static void judge_relations(struct judge *j)
{
    for (const struct relation *x = j->resource->relations; x != NULL && x->key != NULL; x++) {
        const struct field *same = field_find(j->resource, x->key);
        blame(j, is_blank(x->sql), x->key, "an embed without .sql");
        blame(j, x->where == 0, x->key, "an embed that is shown nowhere");
        blame(j, same != NULL && (same->flags & (HIDDEN | WRITEONLY)) == 0 && same->type != F_LIST,
              x->key, "an embed and a shown field");
    }
}

static void judge_params(struct judge *j)
{
    for (const struct param *p = j->resource->params; p != NULL && p->name != NULL; p++) {
        blame(j, p->where != NULL && strstr(p->where, "%s") == NULL, p->name, "where without %s");
        blame(j, is_blank(p->help), p->name, "a parameter without .help");
    }
}

static void judge_actions(struct judge *j)
{
    static const char verbs[] = "GET POST PUT DELETE";
    for (const struct action *a = j->resource->actions; a != NULL && a->verb != NULL; a++) {
        blame(j, strstr(verbs, a->verb) == NULL, a->verb, "no verb of a route");
        blame(j, a->below == NULL || (*a->below != '/' && *a->below != '\0'), "action",
              ".below does not begin with /");
        blame(j, is_blank(a->op), a->below, "an action without .op");
        blame(j, is_blank(a->summary), a->below, "an action without .summary");
    }
}

size_t resource_faults(struct buf *out, const struct resource *resource)
{
    struct judge judge = {.out = out, .resource = resource};
    judge_head(&judge);
    blame(&judge, resource->fields == NULL || resource->fields[0].name == NULL, "fields", "none");
    if (resource->fields == NULL)
        return judge.faults;
    for (const struct field *f = resource->fields; f->name != NULL; f++)
        judge_field(&judge, f);
    judge_relations(&judge);
    judge_params(&judge);
    judge_actions(&judge);
    return judge.faults;
}

/* Users belong to the accounts service and are no resource; members may be referred to all the
 * same. */
static void judge_references(struct judge *j)
{
    for (const struct field *f = j->resource->fields; f != NULL && f->name != NULL; f++)
        blame(j, f->ref != NULL && strcmp(f->ref, "user") != 0 && resource_find(f->ref) == NULL,
              f->name, "refers to no resource");
}

size_t tables_faults(struct buf *out)
{
    size_t faults = 0;
    for (size_t i = 0; resources[i] != NULL; i++) {
        struct judge judge = {.out = out, .resource = resources[i]};
        faults += resource_faults(out, resources[i]);
        judge_references(&judge);
        for (size_t k = 0; k < i; k++) {
            blame(&judge, strcmp(resources[k]->name, resources[i]->name) == 0, "name", "doubled");
            blame(&judge, strcmp(resources[k]->path, resources[i]->path) == 0, "path", "doubled");
        }
        faults += judge.faults;
    }
    return faults;
}
