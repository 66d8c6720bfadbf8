#include "proto/resources.h"

static const struct field fields[] = {
    {"id", F_ID, SORT},
    {"user_id", F_REF, REQUIRED | SORT, .ref = "user"},
    {"title", F_TEXT, REQUIRED | SORT | SEARCH, .min = 2, .max = 255,
     .sort_sql = "core.fold(t.title)"},
    {"description", F_TEXT, SORT, .max = 255},
    {"start_date", F_TIME, REQUIRED | SORT},
    {"end_date", F_TIME, REQUIRED | SORT},
    {"is_confirmed", F_BOOL, SORT | NOT_NULL, .def = "false"},
    {"location", F_TEXT, SORT | SEARCH, .min = 2, .max = 64},
    {"is_billable", F_BOOL, SORT | NOT_NULL, .def = "true"},
    {"expires_at", F_TIME, SORT},
    {"created_at", F_TIME, READONLY | SORT},
    {"updated_at", F_TIME, READONLY | SORT},
    {"deleted_at", F_TIME, READONLY | SORT},
    {0},
};

enum { WHOLE = IN_ITEM | IN_CHANGE };

/* Whole in get, create and update; lists, delete and restore show the columns alone. */
static const struct relation relations[] = {
    {"user", WHOLE, "rentals.user_json(t.user_id)", ROLE_NONE},
    {"assignees", WHOLE, "rentals.assignees_json(t.id)", ROLE_NONE,
     .fresh = "rentals.assignees_now(t.id)"},
    {"beneficiaries", WHOLE, "rentals.beneficiaries_json(t.id)", ROLE_NONE,
     .fresh = "rentals.beneficiaries_now(t.id)"},
    {"materials", WHOLE, "rentals.event_materials_json(t.id)", ROLE_NONE,
     .fresh = "rentals.event_materials_now(t.id)"},
    {"bills", WHOLE, "rentals.bills_json(t.id)", ROLE_USER, "'[]'::json"},
    {0},
};

static const struct param params[] = {
    {"start", NULL, false, "first instant of the window; 1 January when only end is given", F_TEXT},
    {"end", NULL, false, "last instant of the window; 31 December when only start is given",
     F_TEXT},
    {0},
};

static const struct action actions[] = {
    {"GET", "/{id}/missing-materials", "missing_materials", ROLE_VISITOR,
     "What the event books beyond the stock", ACTION_RAW},
    {"GET", "/{id}/inventories", "inventories", ROLE_VISITOR, "What left and what came back", 0},
    {"PUT", "/{id}/departure", "departure", ROLE_MEMBER,
     "Record what leaves: at most what is booked", 0},
    {"PUT", "/{id}/return", "return", ROLE_MEMBER,
     "Record what came back, at most what is booked; broken and missing pieces go out of order", 0},
    {0},
};

/* Where and when materials and people are. Source: seed 003, "Events"; rentals.md 4.10. */
const struct resource event_resource = {
    .name = "event",
    .path = "/api/events",
    .service = "rentals",
    .table = "rentals.events",
    .label = "Event",
    .dialect = DIALECT_ROBERT,
    .lifecycle = DELETE_TWO_STEP,
    .scope = SCOPE_ORG,
    .order = "t.start_date, t.id",
    .read = ROLE_VISITOR,
    .write = ROLE_MEMBER,
    .remove = ROLE_MEMBER,
    .fields = fields,
    .relations = relations,
    .params = params,
    .actions = actions,
    .custom = "events",
    .summary = "Materials and people at a place for a time",
    .audit = true,
};
