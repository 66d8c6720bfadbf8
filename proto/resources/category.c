#include "proto/resources.h"
#include "proto/rules.h"

static const struct field fields[] = {
    {"id", F_ID, SORT},
    {"name", F_TEXT, REQUIRED | SORT | SEARCH | UNIQUE, .min = 2, .max = 96,
     .sort_sql = "core.fold(t.name)"},
    {"created_at", F_TIME, READONLY | SORT},
    {"updated_at", F_TIME, READONLY | SORT},
    {"deleted_at", F_TIME, READONLY | SORT},
    {0},
};

static const struct relation relations[] = {
    {"sub_categories", IN_LIST | IN_ITEM | IN_WRITE,
     "(SELECT coalesce(json_agg(json_build_object('id', s.id, 'name', s.name,"
     " 'category_id', s.category_id) ORDER BY core.fold(s.name), s.id), '[]')"
     " FROM rentals.sub_categories s WHERE s.organization_id = t.organization_id"
     " AND s.category_id = t.id AND s.deleted_at IS NULL)",
     ROLE_NONE},
    {0},
};

/* What materials are sorted into. Source: seed 003, "Categories"; rentals.md 4.6. */
const struct resource category_resource = {
    .name = "category",
    .path = "/api/categories",
    .service = "rentals",
    .table = "rentals.categories",
    .label = "Category",
    .dialect = DIALECT_ROBERT,
    .lifecycle = DELETE_TWO_STEP,
    .scope = SCOPE_ORG,
    .order = "core.fold(t.name), t.id",
    .read = ROLE_VISITOR,
    .write = ROLE_MEMBER,
    .remove = ROLE_MEMBER,
    .fields = fields,
    .relations = relations,
    .duplicate =
        "A category with this name exists already." IN_FRENCH("Une catégorie porte déjà ce nom."),
    .summary = "Tidies up materials",
    .audit = true,
};
