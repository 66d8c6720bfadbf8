#include "proto/resources.h"

static const char *const types[] = {"company",    "individual", "organisation",
                                    "government", "non_profit", NULL};
static const char *const statuses[] = {"prospect", "active", "inactive", "archived", NULL};

/* type, status and is_active have their defaults in a trigger, which also keeps status and
   is_active in step: crm.md 6.1. */
static const struct field fields[] = {
    {"id", F_ID, SORT},
    {"uuid", F_TEXT, READONLY},
    {"name", F_TEXT, REQUIRED | SORT | FILTER | SEARCH, .min = 1, .max = 255,
     .sort_sql = "core.fold(t.name)"},
    {"trading_name", F_TEXT, SORT | FILTER | SEARCH, .max = 255},
    {"display_name", F_COMPUTED, READONLY | SORT,
     .sql = "coalesce(nullif(t.trading_name, ''), t.name)"},
    {"registration_number", F_TEXT, SORT | FILTER, .max = 50},
    {"vat_number", F_TEXT, SORT | FILTER, .max = 50},
    {"type", F_ENUM, SORT | FILTER | NOT_NULL, .values = types},
    {"status", F_ENUM, SORT | FILTER | NOT_NULL, .values = statuses},
    {"is_active", F_BOOL, SORT | FILTER | NOT_NULL},
    {"email", F_EMAIL, SORT | FILTER | SEARCH, .max = 255},
    {"phone", F_TEXT, SORT | FILTER | SEARCH, .max = 50},
    {"website", F_URL, SORT | FILTER, .max = 255},
    {"address_line_1", F_TEXT, HIDDEN | SORT | FILTER, .max = 255, .label = "address line 1"},
    {"address_line_2", F_TEXT, HIDDEN | SORT | FILTER, .max = 255, .label = "address line 2"},
    {"city", F_TEXT, HIDDEN | SORT | FILTER, .max = 100},
    {"county", F_TEXT, HIDDEN | SORT | FILTER, .max = 100},
    {"postcode", F_TEXT, HIDDEN | SORT | FILTER, .max = 20},
    {"country", F_TEXT, HIDDEN | SORT | FILTER, .max = 100},
    {"industry", F_TEXT, SORT | FILTER, .max = 100},
    {"employee_count", F_INT, SORT | FILTER | RANGE, .min = 0, .max = INT32_MAX},
    {"annual_revenue", F_DECIMAL, SORT | FILTER | RANGE, .min = 0, .max = 9999999999999, .scale = 2,
     .as_text = true},
    {"notes", F_TEXT, 0, .max = 65535},
    {"external_id", F_TEXT, SORT | FILTER | SEARCH | UNIQUE, .min = 1, .max = 255},
    {"assigned_to", F_REF, SORT | FILTER, .ref = "user"},
    {"organization_id", F_INT, READONLY},
    {"projects_count", F_INT, READONLY | NOT_NULL},
    {"contacts_count", F_INT, READONLY | NOT_NULL},
    {"communications_count", F_INT, READONLY | NOT_NULL},
    {"created_at", F_TIME, READONLY | SORT | RANGE},
    {"updated_at", F_TIME, READONLY | SORT | RANGE},
    {0},
};

static const struct relation relations[] = {
    {"address", IN_LIST | IN_ITEM | IN_WRITE,
     "ROW(t.address_line_1, t.address_line_2, t.city, t.county, t.postcode, t.country,"
     " concat_ws(', ', nullif(t.address_line_1, ''), nullif(t.address_line_2, ''),"
     " nullif(t.city, ''), nullif(t.county, ''), nullif(t.postcode, ''),"
     " nullif(t.country, '')))::crm.address",
     ROLE_NONE},
    {"contacts", IN_ITEM | ON_REQUEST,
     "CASE WHEN t.contacts_count = 0 THEN '[]'::json ELSE crm.client_contacts(t.id) END",
     ROLE_NONE},
    {"communications", IN_ITEM | ON_REQUEST,
     "CASE WHEN t.communications_count = 0 THEN '[]'::json ELSE crm.client_communications(t.id) "
     "END",
     ROLE_USER},
    {"projects", ON_REQUEST, "crm.projects_json(t.id)", ROLE_USER},
    {"assigned_user", ON_REQUEST, "crm.user_json(t.assigned_to)", ROLE_NONE},
    {0},
};

static const struct param params[] = {
    {"active", "t.is_active = %s::boolean", false, "true or false: active or not", F_BOOL},
    {"search", "t.search_text LIKE crm.name_pattern(%s)", false, "part of the name or trading name",
     F_TEXT},
    {0},
};

static const struct action actions[] = {
    {"GET", "/duplicates", "duplicates", ROLE_VISITOR,
     "Clients that share a name, an e-mail address or a telephone number", ACTION_SLOW},
    {"POST", "/import", "import", ROLE_USER,
     "Import a CSV file: the body, as text/csv, whatever its size", ACTION_SLOW},
    {0},
};

/* Clients: the superset of documents 000 and 001. Source: crm.md 2.3, 6; decisions.md 4. */
const struct resource client_resource = {
    .name = "client",
    .path = "/api/clients",
    .service = "crm",
    .table = "crm.clients",
    .label = "Client",
    .dialect = DIALECT_LARAVEL,
    .lifecycle = DELETE_SOFT,
    .scope = SCOPE_ORG | SCOPE_ASSIGNEE,
    .order = "t.created_at DESC, t.id DESC",
    .read = ROLE_VISITOR,
    .write = ROLE_USER,
    .remove = ROLE_USER,
    .fields = fields,
    .relations = relations,
    .params = params,
    .actions = actions,
    .custom = "clients",
    .search_sql = "t.search_text",
    .count_sql = "(SELECT coalesce(sum(n), 0)::bigint FROM crm.counters"
                 " WHERE organization_id = core.org() AND kind = 'clients')",
    .summary = "Companies and people one works for",
    .audit = true,
};
