#include "proto/resources.h"

static const char *const types[] = {"string", "integer", "float", "boolean", NULL};

static const struct field fields[] = {
    {"id", F_ID, SORT},
    {"name", F_TEXT, REQUIRED | SORT | SEARCH, .min = 2, .max = 64, .chars = CHARS_ALPHA},
    {"type", F_ENUM, REQUIRED | SORT, .values = types},
    {"unit", F_TEXT, SORT, .min = 1, .max = 8},
    {"max_length", F_INT, SORT, .min = 0, .max = 65535},
    {"created_at", F_TIME, READONLY | SORT},
    {"updated_at", F_TIME, READONLY | SORT},
    {"deleted_at", F_TIME, READONLY | SORT},
    {0},
};

/* What a house records about its materials. Source: seed 003, "Attributes"; rentals.md 4.8. */
const struct resource attribute_resource = {
    .name = "attribute",
    .path = "/api/attributes",
    .service = "rentals",
    .table = "rentals.attributes",
    .label = "Attribute",
    .dialect = DIALECT_ROBERT,
    .lifecycle = DELETE_TWO_STEP,
    .scope = SCOPE_ORG,
    .order = "t.id",
    .read = ROLE_VISITOR,
    .write = ROLE_ADMIN,
    .remove = ROLE_ADMIN,
    .fields = fields,
    .summary = "A typed value that materials may have",
    .audit = true,
};
