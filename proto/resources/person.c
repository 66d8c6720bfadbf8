#include "proto/resources.h"
#include "proto/rules.h"

static const struct field fields[] = {
    {"id", F_ID, SORT},
    {"user_id", F_REF, SORT, .ref = "user"},
    {"first_name", F_TEXT, REQUIRED | SORT | SEARCH_BY, .min = 2, .max = 96, .chars = CHARS_ALPHA,
     .sort_sql = "core.fold(t.first_name)"},
    {"last_name", F_TEXT, REQUIRED | SORT | SEARCH_BY, .min = 2, .max = 96, .chars = CHARS_ALPHA,
     .sort_sql = "core.fold(t.last_name)"},
    {"nickname", F_TEXT, SORT | SEARCH_BY, .max = 96, .sort_sql = "core.fold(t.nickname)"},
    {"email", F_EMAIL, SORT | SEARCH_BY, .max = 191},
    {"phone", F_PHONE, SORT, .max = 24},
    {"street", F_TEXT, SORT, .max = 191, .column = "address_line_1"},
    {"postal_code", F_TEXT, SORT, .max = 10, .column = "postcode"},
    {"locality", F_TEXT, SORT, .max = 191, .column = "city"},
    {"country_id", F_REF, SORT, .ref = "country"},
    {"company_id", F_REF, SORT, .ref = "company", .column = "client_id"},
    {"note", F_TEXT, 0, .max = 65535, .column = "notes"},
    {"created_at", F_TIME, READONLY | SORT},
    {"updated_at", F_TIME, READONLY | SORT},
    {"deleted_at", F_TIME, READONLY | SORT},
    {"full_name", F_COMPUTED, READONLY | SORT | SEARCH,
     .sql = "btrim(t.first_name || ' ' || t.last_name)"},
    {"country", F_COMPUTED, READONLY, .sql = "crm.country_json(t.country_id)"},
    {"company", F_COMPUTED, READONLY | SORT, .sql = "crm.company_json(t.client_id)",
     .sort_sql = "(SELECT core.fold(c.name) FROM crm.clients c"
                 " WHERE c.organization_id = t.organization_id AND c.id = t.client_id)"},
    {"tags", F_LIST, WRITEONLY},
    {0},
};

#define TAGGED                                                                                     \
    "EXISTS (SELECT FROM crm.contact_tags l JOIN crm.tags g"                                       \
    " ON g.organization_id = l.organization_id AND g.id = l.tag_id"                                \
    " WHERE l.organization_id = t.organization_id AND l.contact_id = t.id"                         \
    " AND g.deleted_at IS NULL AND core.fold(btrim(g.name)) = ANY"                                 \
    " (SELECT core.fold(btrim(n)) FROM unnest(%s) n))"

static const struct param params[] = {
    {"tags", TAGGED, true, "only persons that have one of these tags", F_TEXT},
    {"tag", TAGGED, true, "the same as tags", F_TEXT},
    {0},
};

static const struct action actions[] = {
    {"GET", "/{id}/tags", "tags", ROLE_VISITOR, "Tags of a person", ACTION_RAW},
    {0},
};

/* Contacts as document 003 sees them. Source: seed 003, "Persons"; rentals.md 4.3;
   decisions.md 4. */
const struct resource person_resource = {
    .name = "person",
    .path = "/api/persons",
    .service = "crm",
    .table = "crm.contacts",
    .label = "Person",
    .dialect = DIALECT_ROBERT,
    .lifecycle = DELETE_TWO_STEP,
    .scope = SCOPE_ORG | SCOPE_ASSIGNEE,
    .order = "core.fold(t.last_name), core.fold(t.first_name), t.id",
    .mine = "t.assigned_to = %s",
    .read = ROLE_VISITOR,
    .write = ROLE_USER,
    .remove = ROLE_USER,
    .fields = fields,
    .params = params,
    .search_within = "t.search_text",
    .actions = actions,
    .count_sql = "(SELECT coalesce(sum(n), 0)::bigint FROM crm.counters"
                 " WHERE organization_id = core.org() AND kind = 'contacts')",
    .duplicate = "A person with this name and e-mail address exists already." IN_FRENCH(
        "Une personne porte déjà ce nom et cette adresse e-mail."),
    .summary = "People: beneficiaries, technicians, users",
    .audit = true,
};
