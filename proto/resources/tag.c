#include "proto/resources.h"
#include "proto/rules.h"

static const struct field fields[] = {
    {"id", F_ID, SORT},
    {"name", F_TEXT, REQUIRED | SORT | SEARCH | UNIQUE, .min = 1, .max = 48, .chars = CHARS_ALNUM,
     .sort_sql = "core.fold(t.name)"},
    {"created_at", F_TIME, READONLY | SORT},
    {"updated_at", F_TIME, READONLY | SORT},
    {"deleted_at", F_TIME, READONLY | SORT},
    {0},
};

static const struct action actions[] = {
    {"GET", "/search", "search", ROLE_VISITOR, "Tags whose name contains ?name=", 0},
    {"GET", "/{id}/persons", "persons", ROLE_VISITOR, "Persons that have the tag", 0},
    {"GET", "/{id}/materials", "materials", ROLE_VISITOR, "Materials that have the tag", 0},
    {0},
};

/* Tags of persons, companies and materials. Source: seed 003, "Tags"; rentals.md 4.5. */
const struct resource tag_resource = {
    .name = "tag",
    .path = "/api/tags",
    .service = "crm",
    .table = "crm.tags",
    .label = "Tag",
    .dialect = DIALECT_ROBERT,
    .lifecycle = DELETE_TWO_STEP,
    .scope = SCOPE_ORG,
    .order = "core.fold(t.name), t.id",
    .read = ROLE_VISITOR,
    .write = ROLE_MEMBER,
    .remove = ROLE_MEMBER,
    .fields = fields,
    .actions = actions,
    .duplicate =
        "A tag with this name exists already." IN_FRENCH("Une étiquette porte déjà ce nom."),
    .summary = "Tidies up materials and persons",
    .audit = true,
};
