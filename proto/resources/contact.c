#include "proto/resources.h"
#include "proto/resources/sides.h"

static const char *const statuses[] = {"active", "inactive", "archived", NULL};

static const struct field fields[] = {
    {"id", F_ID, SORT},
    {"uuid", F_TEXT, READONLY},
    {"first_name", F_TEXT, REQUIRED | SORT | FILTER | SEARCH, .min = 1, .max = 100,
     .sort_sql = "core.fold(t.first_name)"},
    {"last_name", F_TEXT, REQUIRED | SORT | FILTER | SEARCH, .min = 1, .max = 100,
     .sort_sql = "core.fold(t.last_name)"},
    {"full_name", F_COMPUTED, READONLY | SORT, .sql = "btrim(t.first_name || ' ' || t.last_name)"},
    {"initials", F_COMPUTED, READONLY, .sql = "crm.initials(t.first_name, t.last_name)"},
    {"email", F_EMAIL, SORT | FILTER | SEARCH, .max = 255},
    {"phone", F_TEXT, SORT | FILTER | SEARCH, .max = 50},
    {"mobile", F_TEXT, SORT | FILTER | SEARCH, .max = 50},
    {"job_title", F_TEXT, SORT | FILTER, .max = 100},
    {"department", F_TEXT, SORT | FILTER, .max = 100},
    {"client_id", F_REF, SORT | FILTER, .ref = "client"},
    {"is_primary_contact", F_BOOL, SORT | FILTER | NOT_NULL, .def = "false"},
    {"address_line_1", F_TEXT, HIDDEN | SORT | FILTER, .max = 255, .label = "address line 1"},
    {"address_line_2", F_TEXT, HIDDEN | SORT | FILTER, .max = 255, .label = "address line 2"},
    {"city", F_TEXT, HIDDEN | SORT | FILTER, .max = 100},
    {"county", F_TEXT, HIDDEN | SORT | FILTER, .max = 100},
    {"postcode", F_TEXT, HIDDEN | SORT | FILTER, .max = 20},
    {"country", F_TEXT, HIDDEN | SORT | FILTER, .max = 100},
    {"linkedin_url", F_URL, SORT | FILTER, .max = 255},
    {"status", F_ENUM, SORT | FILTER | NOT_NULL, .values = statuses, .def = "active"},
    {"notes", F_TEXT, 0, .max = 65535},
    {"external_id", F_TEXT, SORT | FILTER | UNIQUE, .min = 1, .max = 255},
    {"assigned_to", F_REF, SORT | FILTER, .ref = "user"},
    {"user_id", F_LIST, WRITEONLY, .ref = "user"},
    {"phones", F_LIST, WRITEONLY},
    {"tags", F_LIST, WRITEONLY},
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
    {"client", IN_LIST | IN_ITEM, "b.client", ROLE_NONE},
    {"communications", IN_ITEM | ON_REQUEST, "crm.contact_communications(t.id)", ROLE_USER},
    {"assigned_user", ON_REQUEST, "crm.user_json(t.assigned_to)", ROLE_NONE},
    {0},
};

static const struct param params[] = {
    {"search", "t.search_text LIKE crm.text_pattern(%s)", false,
     "part of the name, e-mail address or a telephone number", F_TEXT},
    {"filter[is_primary]",
     "t.is_primary_contact = (lower(btrim(%s)) IN ('1', 'true', 'on', 'yes'))", false,
     "1, true, on or yes: primary contacts; anything else: the others", F_TEXT},
    {0},
};

static const struct action actions[] = {
    {"POST", "/import", "import", ROLE_USER,
     "Import a CSV file: the body, as text/csv, whatever its size", ACTION_SLOW},
    {0},
};

/* People one talks to. Source: seed 000, "Contacts"; crm.md 2.3. */
const struct resource contact_resource = {
    .name = "contact",
    .path = "/api/contacts",
    .service = "crm",
    .table = "crm.contacts",
    .label = "Contact",
    .dialect = DIALECT_LARAVEL,
    .lifecycle = DELETE_SOFT,
    .scope = SCOPE_ORG | SCOPE_ASSIGNEE,
    .order = "t.created_at DESC, t.id DESC",
    .read = ROLE_VISITOR,
    .write = ROLE_USER,
    .remove = ROLE_USER,
    .fields = fields,
    .relations = relations,
    .beside = "(SELECT c.j AS client FROM " CRM_BLANKS CRM_CLIENT_SIDE ") b",
    .params = params,
    .actions = actions,
    .custom = "contacts",
    .search_sql = "t.search_text",
    .count_sql = "(SELECT coalesce(sum(n), 0)::bigint FROM crm.counters"
                 " WHERE organization_id = core.org() AND kind = 'contacts')",
    .summary = "People, mostly of a client",
    .audit = true,
};
