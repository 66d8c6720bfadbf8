#include "proto/resources.h"
#include "proto/resources/sides.h"

static const char *const types[] = {"email", "phone", "meeting", "note", "task", NULL};
static const char *const directions[] = {"inbound", "outbound", "internal", NULL};
static const char *const statuses[] = {"pending", "in_progress", "completed", "cancelled", NULL};
/* "normal" is what the original's database calls medium; taken, never shown. */
static const char *const priorities[] = {"low", "medium", "high", "urgent", "normal", NULL};

/* The default of status depends on the type: a trigger knows (pending for tasks). */
static const struct field fields[] = {
    {"id", F_ID, SORT},
    {"uuid", F_TEXT, READONLY},
    {"type", F_ENUM, REQUIRED | SORT | FILTER, .values = types},
    {"direction", F_ENUM, SORT | FILTER | NOT_NULL, .values = directions, .def = "internal"},
    {"subject", F_TEXT, REQUIRED | SORT | FILTER | SEARCH, .min = 1, .max = 255},
    {"content", F_TEXT, SEARCH, .max = 65535},
    {"client_id", F_REF, SORT | FILTER, .ref = "client"},
    {"contact_id", F_REF, SORT | FILTER, .ref = "contact"},
    {"due_at", F_TIME, SORT | FILTER | RANGE},
    {"completed_at", F_TIME, SORT | FILTER | RANGE},
    {"priority", F_ENUM, SORT | FILTER | NOT_NULL, .values = priorities, .def = "medium",
     .sort_sql = "array_position(ARRAY['low', 'medium', 'high', 'urgent'], t.priority)"},
    {"status", F_ENUM, SORT | FILTER | NOT_NULL, .values = statuses},
    {"is_task", F_BOOL, READONLY | NOT_NULL | FILTER | SORT, .sql = "(t.type = 'task')"},
    {"is_overdue", F_BOOL, READONLY | NOT_NULL | FILTER | SORT,
     .sql = "crm.is_overdue(t.due_at, t.completed_at)"},
    {"external_id", F_TEXT, SORT | FILTER | UNIQUE, .min = 1, .max = 255},
    {"created_by", F_INT, READONLY | SORT | FILTER},
    {"assigned_to", F_REF, SORT | FILTER, .ref = "user"},
    {"created_at", F_TIME, READONLY | SORT | RANGE},
    {"updated_at", F_TIME, READONLY | SORT | RANGE},
    {0},
};

static const struct relation relations[] = {
    {"client", IN_LIST | IN_ITEM, "b.client", ROLE_NONE},
    {"contact", IN_LIST | IN_ITEM, "b.contact", ROLE_NONE},
    {"created_by_user", IN_ITEM | ON_REQUEST, "crm.user_json(t.created_by)", ROLE_NONE},
    {"assigned_user", IN_ITEM | ON_REQUEST, "crm.user_json(t.assigned_to)", ROLE_NONE},
    {0},
};

static const struct param params[] = {
    {"search", "t.search_text LIKE crm.text_pattern(%s)", false, "part of the subject or content",
     F_TEXT},
    {0},
};

static const struct action actions[] = {
    {"POST", "/import", "import", ROLE_USER,
     "Import a CSV file: the body, as text/csv, whatever its size", ACTION_SLOW},
    {0},
};

/* What was said and what is to be done. Source: seed 000, "Communications"; crm.md 2.3, 2.8. */
const struct resource communication_resource = {
    .name = "communication",
    .path = "/api/communications",
    .service = "crm",
    .table = "crm.communications",
    .label = "Communication",
    .dialect = DIALECT_LARAVEL,
    .lifecycle = DELETE_SOFT,
    .scope = SCOPE_ORG | SCOPE_ASSIGNEE,
    .order = "t.created_at DESC, t.id DESC",
    .mine = "t.assigned_to = %s OR t.created_by = %s",
    .read = ROLE_USER,
    .write = ROLE_USER,
    .remove = ROLE_USER,
    .fields = fields,
    .relations = relations,
    .beside =
        "(SELECT c.j AS client, p.j AS contact FROM " CRM_BLANKS CRM_CLIENT_SIDE CRM_CONTACT_SIDE
        ") b",
    .params = params,
    .actions = actions,
    .custom = "communications",
    .search_sql = "t.search_text",
    .count_sql = "(SELECT coalesce(sum(n), 0)::bigint FROM crm.counters"
                 " WHERE organization_id = core.org() AND kind = 'communications')",
    .summary = "E-mails, calls, meetings, notes and tasks",
    .audit = true,
};
