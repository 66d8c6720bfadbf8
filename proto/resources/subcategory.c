#include "proto/resources.h"
#include "proto/rules.h"

static const struct field fields[] = {
    {"id", F_ID, SORT},
    {"name", F_TEXT, REQUIRED | SORT | SEARCH | UNIQUE, .min = 2, .max = 96,
     .sort_sql = "core.fold(t.name)"},
    {"category_id", F_REF, REQUIRED | SORT, .ref = "category"},
    {"created_at", F_TIME, READONLY | SORT},
    {"updated_at", F_TIME, READONLY | SORT},
    {"deleted_at", F_TIME, READONLY | SORT},
    {0},
};

static const struct param params[] = {
    {"category", "t.category_id::text = %s", false, "only sub-categories of this category", F_INT},
    {0},
};

/* Parts of a category. Source: seed 003, "Sub Categories"; rentals.md 4.6. */
const struct resource subcategory_resource = {
    .name = "subcategory",
    .path = "/api/subcategories",
    .service = "rentals",
    .table = "rentals.sub_categories",
    .label = "Sub-category",
    .dialect = DIALECT_ROBERT,
    .lifecycle = DELETE_TWO_STEP,
    .scope = SCOPE_ORG,
    .order = "core.fold(t.name), t.id",
    .read = ROLE_VISITOR,
    .write = ROLE_MEMBER,
    .remove = ROLE_MEMBER,
    .fields = fields,
    .params = params,
    .duplicate = "A sub-category with this name exists already in this category." IN_FRENCH(
        "Une sous-catégorie de cette catégorie porte déjà ce nom."),
    .summary = "A part of a category",
    .audit = true,
};
