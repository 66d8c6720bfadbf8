#include "proto/resources.h"

static const struct field fields[] = {
    {"id", F_ID, SORT},
    {"name", F_TEXT, READONLY | SORT | SEARCH},
    {"code", F_TEXT, READONLY | SORT | SEARCH_BY},
    {"created_at", F_TIME, READONLY},
    {"updated_at", F_TIME, READONLY},
    {"deleted_at", F_TIME, READONLY},
    {0},
};

/* Countries, the same for everybody. Source: rentals.md 4.1. */
const struct resource country_resource = {
    .name = "country",
    .path = "/api/countries",
    .service = "crm",
    .table = "crm.countries",
    .label = "Country",
    .dialect = DIALECT_ROBERT,
    .lifecycle = DELETE_HARD,
    .scope = SCOPE_NONE,
    .without = NO_CREATE | NO_UPDATE | NO_DELETE | NO_RESTORE | PLAIN_LIST,
    .order = "t.id",
    .read = ROLE_VISITOR,
    .write = ROLE_OWNER,
    .remove = ROLE_OWNER,
    .fields = fields,
    .summary = "Countries of addresses",
};
