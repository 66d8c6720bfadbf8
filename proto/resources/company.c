#include "proto/resources.h"
#include "proto/rules.h"

static const struct field fields[] = {
    {"id", F_ID, SORT},
    {"legal_name", F_TEXT, REQUIRED | SORT | SEARCH, .min = 1, .max = 255, .column = "name",
     .sort_sql = "core.fold(t.name)"},
    {"street", F_TEXT, SORT, .max = 191, .column = "address_line_1"},
    {"postal_code", F_TEXT, SORT, .max = 10, .column = "postcode"},
    {"locality", F_TEXT, SORT, .max = 191, .column = "city"},
    {"country_id", F_REF, SORT, .ref = "country"},
    {"phone", F_PHONE, SORT, .max = 24},
    {"note", F_TEXT, 0, .max = 65535, .column = "notes"},
    {"created_at", F_TIME, READONLY | SORT},
    {"updated_at", F_TIME, READONLY | SORT},
    {"deleted_at", F_TIME, READONLY | SORT},
    {"country", F_COMPUTED, READONLY, .sql = "crm.country_json(t.country_id)"},
    {"persons", F_LIST, WRITEONLY},
    {"tags", F_LIST, WRITEONLY},
    {0},
};

#define TAGGED                                                                                     \
    "EXISTS (SELECT FROM crm.client_tags l JOIN crm.tags g"                                        \
    " ON g.organization_id = l.organization_id AND g.id = l.tag_id"                                \
    " WHERE l.organization_id = t.organization_id AND l.client_id = t.id"                          \
    " AND g.deleted_at IS NULL AND core.fold(btrim(g.name)) = ANY"                                 \
    " (SELECT core.fold(btrim(n)) FROM unnest(%s) n))"

static const struct param params[] = {
    {"tags", TAGGED, true, "only companies that have one of these tags", F_TEXT},
    {"tag", TAGGED, true, "the same as tags", F_TEXT},
    {0},
};

static const struct action actions[] = {
    {"GET", "/search", "search", ROLE_VISITOR, "Companies whose name contains ?legal_name=", 0},
    {"GET", "/{id}/persons", "persons", ROLE_VISITOR, "Persons of a company", 0},
    {0},
};

/* Clients of type company as document 003 sees them. Source: seed 003, "Companies";
   rentals.md 4.4; decisions.md 4. */
const struct resource company_resource = {
    .name = "company",
    .path = "/api/companies",
    .service = "crm",
    .table = "crm.clients",
    .label = "Company",
    .dialect = DIALECT_ROBERT,
    .lifecycle = DELETE_TWO_STEP,
    .scope = SCOPE_ORG | SCOPE_ASSIGNEE,
    .where = "t.type = 'company'",
    .order = "core.fold(t.name), t.id",
    .mine = "t.assigned_to = %s",
    .read = ROLE_VISITOR,
    .write = ROLE_USER,
    .remove = ROLE_USER,
    .fields = fields,
    .params = params,
    .search_within = "t.search_text",
    .actions = actions,
    .count_sql = "(SELECT coalesce(sum(n), 0)::bigint FROM crm.counters"
                 " WHERE organization_id = core.org() AND kind = 'companies')",
    .duplicate = "A company with this legal name exists already." IN_FRENCH(
        "Une société porte déjà cette raison sociale."),
    .summary = "Companies that persons belong to",
    .audit = true,
};
