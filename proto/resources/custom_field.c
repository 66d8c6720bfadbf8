#include "proto/resources.h"

static const char *const sets[] = {"clients", "contacts", "communications", "projects", "materials",
                                   "events",  NULL};

/* type is text because its case does not matter; the hook knows the fourteen. */
static const struct field fields[] = {
    {"id", F_ID, SORT},
    {"resource", F_ENUM, REQUIRED | SORT | FILTER, .values = sets},
    {"field_id", F_TEXT, REQUIRED | SORT | FILTER | UNIQUE, .min = 1, .max = 63},
    {"label", F_TEXT, REQUIRED | SORT | SEARCH, .min = 1, .max = 255},
    {"type", F_TEXT, REQUIRED | SORT | FILTER, .min = 1, .max = 20},
    {"options", F_JSON, NOT_NULL},
    {"required", F_BOOL, SORT | FILTER | NOT_NULL, .def = "false"},
    {"unique", F_BOOL, SORT | FILTER | NOT_NULL, .def = "false", .column = "is_unique"},
    {"position", F_INT, SORT | NOT_NULL, .min = 0, .max = 100000, .def = "0"},
    {"created_at", F_TIME, READONLY | SORT | RANGE},
    {"updated_at", F_TIME, READONLY | SORT | RANGE},
    {0},
};

static const struct param params[] = {
    {"resource", "t.resource = %s", false, "only the fields of clients, contacts, …", F_TEXT},
    {0},
};

static const struct action actions[] = {
    {"DELETE", "/{id}/purge", "purge", ROLE_MANAGER,
     "Remove a deleted custom field and its values for good", 0},
    {0},
};

/* What an organization adds to its records. Source: seed 002, "Custom Fields"; decisions.md 8. */
const struct resource custom_field_resource = {
    .name = "custom_field",
    .path = "/api/custom-fields",
    .service = "crm",
    .table = "crm.custom_fields",
    .label = "Custom field",
    .dialect = DIALECT_LARAVEL,
    .lifecycle = DELETE_SOFT,
    .scope = SCOPE_ORG,
    .where = "t.purged_at IS NULL",
    .order = "t.resource, t.position, t.id",
    .read = ROLE_VISITOR,
    .write = ROLE_MANAGER,
    .remove = ROLE_MANAGER,
    .fields = fields,
    .params = params,
    .actions = actions,
    .summary =
        "Fields of one's own on clients, contacts, communications, projects, materials, events",
    .audit = true,
};
