#include "proto/resources.h"

static const char *const roundings[] = {"up", "nearest", "down", NULL};

static const struct field fields[] = {
    {"id", F_ID, SORT},
    {"name", F_TEXT, REQUIRED | SORT | SEARCH | FILTER, .min = 1, .max = 255},
    {"description", F_TEXT, 0, .max = 5000},
    {"color", F_COLOR, 0},
    {"hourly_rate", F_DECIMAL, SORT | RANGE | FILTER, .min = 0, .max = 9999999999, .scale = 2},
    {"external_id", F_TEXT, FILTER | UNIQUE, .max = 255},
    {"is_active", F_BOOL, FILTER | NOT_NULL, .def = "true"},
    {"rounding_minutes", F_INT, 0, .min = 0, .max = 240},
    {"rounding", F_ENUM, NOT_NULL, .values = roundings, .def = "up"},
    {"client_id", F_REF, FILTER, .ref = "client"},
    {"created_at", F_TIME, READONLY | SORT | RANGE},
    {"updated_at", F_TIME, READONLY | SORT | RANGE},
    {0},
};

static const struct relation relations[] = {
    {"client", IN_LIST | IN_ITEM | IN_WRITE, "billing.client_embed(t.client_id)", ROLE_NONE},
    {0},
};

static const struct param params[] = {
    {"client_id", "t.client_id::text = %s", false, "only projects of this client", F_INT},
    {"active", "t.is_active = %s::boolean", false, "true or false", F_BOOL},
    {0},
};

/* Projects of the planner. Source: seed 001, "Client & Project Endpoints". */
const struct resource project_resource = {
    .name = "project",
    .path = "/api/projects",
    .service = "billing",
    .table = "billing.projects",
    .label = "Project",
    .dialect = DIALECT_LARAVEL,
    .lifecycle = DELETE_SOFT,
    .scope = SCOPE_ORG,
    .order = "t.created_at DESC, t.id DESC",
    .read = ROLE_USER,
    .write = ROLE_MEMBER,
    .remove = ROLE_MEMBER,
    .fields = fields,
    .relations = relations,
    .params = params,
    .custom = "projects",
    .summary = "Work for a client, with its hourly rate",
    .audit = true,
};
