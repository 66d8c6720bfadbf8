#include "proto/resources.h"
#include "proto/rules.h"

/* Over the park's living materials. */
#define PARK_SUM(sum)                                                                              \
    "SELECT " sum " FROM rentals.materials m WHERE m.organization_id = t.organization_id"          \
    " AND m.park_id = t.id AND m.deleted_at IS NULL"

static const struct field fields[] = {
    {"id", F_ID, SORT},
    {"name", F_TEXT, REQUIRED | SORT | SEARCH | UNIQUE, .min = 4, .max = 96, .chars = CHARS_NAME,
     .sort_sql = "core.fold(t.name)"},
    {"person_id", F_REF, SORT, .ref = "person"},
    {"company_id", F_REF, SORT, .ref = "company"},
    {"street", F_TEXT, SORT, .max = 191},
    {"postal_code", F_TEXT, SORT, .max = 10},
    {"locality", F_TEXT, SORT, .max = 191},
    {"country_id", F_REF, SORT, .ref = "country"},
    {"opening_hours", F_TEXT, SORT, .max = 255},
    {"note", F_TEXT, 0, .max = 65535},
    {"total_items", F_COMPUTED, READONLY, .sql = PARK_SUM("count(*)")},
    {"total_amount", F_COMPUTED, READONLY,
     .sql = PARK_SUM("trim_scale(coalesce(sum(m.replacement_price), 0))")},
    {"created_at", F_TIME, READONLY | SORT},
    {"updated_at", F_TIME, READONLY | SORT},
    {"deleted_at", F_TIME, READONLY | SORT},
    {0},
};

static const struct action actions[] = {
    {"GET", "/{id}/materials", "park_materials", ROLE_VISITOR, "Materials of a park", 0},
    {0},
};

/* Where materials are kept. Source: seed 003, "Parks"; rentals.md 4.7. */
const struct resource park_resource = {
    .name = "park",
    .path = "/api/parks",
    .service = "rentals",
    .table = "rentals.parks",
    .label = "Park",
    .dialect = DIALECT_ROBERT,
    .lifecycle = DELETE_TWO_STEP,
    .scope = SCOPE_ORG,
    .order = "core.fold(t.name), t.id",
    .read = ROLE_VISITOR,
    .write = ROLE_MEMBER,
    .remove = ROLE_MEMBER,
    .fields = fields,
    .actions = actions,
    .duplicate = "A park with this name exists already." IN_FRENCH("Un parc porte déjà ce nom."),
    .summary = "A set of materials in one place",
    .audit = true,
};
