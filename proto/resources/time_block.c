#include "proto/resources.h"

static const struct field fields[] = {
    {"id", F_ID, SORT},
    {"title", F_TEXT, REQUIRED | SORT | SEARCH, .min = 1, .max = 255},
    {"description", F_TEXT, 0, .max = 5000},
    {"start_time", F_TIME, REQUIRED | SORT, .sql = "billing.iso_in(t.start_time, t.timezone)"},
    {"end_time", F_TIME, REQUIRED | SORT, .sql = "billing.iso_in(t.end_time, t.timezone)"},
    {"timezone", F_ZONE, NOT_NULL},
    {"color", F_COLOR, 0},
    {"is_billable", F_BOOL, FILTER | NOT_NULL, .def = "true"},
    {"user_id", F_INT, FILTER | HIDDEN, .min = 1, .max = INT64_MAX},
    {"client_id", F_REF, FILTER | HIDDEN, .ref = "client"},
    {"project_id", F_REF, FILTER | HIDDEN, .ref = "project"},
    {"calendar_id", F_INT, FILTER | HIDDEN, .min = 1, .max = INT64_MAX},
    {"origin", F_TEXT, READONLY | FILTER},
    {"billed_at", F_TIME, READONLY | SORT, .sql = "billing.iso_in(t.billed_at, t.timezone)"},
    {"billed_reference", F_TEXT, READONLY | FILTER},
    {"created_at", F_TIME, READONLY | SORT, .sql = "billing.iso_in(t.created_at, t.timezone)"},
    {"updated_at", F_TIME, READONLY | SORT, .sql = "billing.iso_in(t.updated_at, t.timezone)"},
    {0},
};

enum { EVERYWHERE = IN_LIST | IN_ITEM | IN_WRITE };

static const struct relation relations[] = {
    {"client", EVERYWHERE, "b.client", ROLE_NONE},
    {"project", EVERYWHERE, "b.project", ROLE_NONE},
    {"user", EVERYWHERE, "b.person", ROLE_NONE},
    {"calendar_sync_status", EVERYWHERE, "coalesce(b.calendar_status, 'none')", ROLE_NONE},
    {"invoicing_sync_status", EVERYWHERE, "coalesce(b.invoicing_status, 'none')", ROLE_NONE},
    {"calendar_sync_error", EVERYWHERE, "b.calendar_error", ROLE_NONE},
    {"invoicing_sync_error", EVERYWHERE, "b.invoicing_error", ROLE_NONE},
    {"external_ids", EVERYWHERE,
     "json_build_object('calendar_event_id', b.event_id, 'invoicing_entry_id', b.entry_id)",
     ROLE_NONE},
    {0},
};

#define CARD "(SELECT json_build_object('id', x.id, 'name', x.name) AS j FROM "
#define SIDE(type)                                                                                 \
    "(SELECT x.* FROM sync.block_sides x WHERE x.record_id = t.id AND x.provider_type = '" type    \
    "' ORDER BY x.is_idle, x.updated_at DESC LIMIT 1) "
/* Each part is limited to a row, so that it stays a look-up by id whose answers are remembered for
   the next rows, and the page keeps its order. */
#define BESIDE                                                                                     \
    "(SELECT c.j AS client, p.j AS project, u.j AS person, k.status AS calendar_status, k.error"   \
    " AS calendar_error, k.external_id AS event_id, i.status AS invoicing_status, i.error"         \
    " AS invoicing_error, i.external_id AS entry_id FROM (SELECT) o"                               \
    " LEFT JOIN LATERAL " CARD "crm.client_card x WHERE x.id = t.client_id"                        \
    " AND x.deleted_at IS NULL LIMIT 1) c ON true"                                                 \
    " LEFT JOIN LATERAL " CARD "billing.project_card x WHERE x.id = t.project_id"                  \
    " AND x.deleted_at IS NULL LIMIT 1) p ON true"                                                 \
    " LEFT JOIN LATERAL " CARD "accounts.user_card x WHERE x.id = t.user_id LIMIT 1) u ON true"    \
    " LEFT JOIN LATERAL " SIDE("calendar") "k ON true"                                             \
                                           " LEFT JOIN LATERAL " SIDE("invoicing") "i ON true) b"

static const struct param params[] = {
    {"start", NULL, false, "first day or instant of the window (required)", F_TEXT},
    {"end", NULL, false, "last day or instant of the window, inclusive (required)", F_TEXT},
    {"user_id", "t.user_id::text = %s", false, "only blocks of this user", F_INT},
    {"client_id", "t.client_id::text = %s", false, "only blocks of this client", F_INT},
    {"project_id", "t.project_id::text = %s", false, "only blocks of this project", F_INT},
    {"calendar_id", "t.calendar_id::text = %s", false, "only blocks of this calendar", F_INT},
    {"calendars", "t.calendar_id::text = ANY (string_to_array(%s, ','))", false,
     "only blocks of these calendars, separated by commas", F_TEXT},
    {0},
};

static const struct action actions[] = {
    {"POST", "/{id}/sync", "sync", ROLE_USER, "Send the block to its integrations again", 0},
    {0},
};

/* The planner's blocks of time. Source: seed 001, "Time Block Endpoints". */
const struct resource time_block_resource = {
    .name = "time_block",
    .path = "/api/time-blocks",
    .service = "billing",
    .table = "billing.time_blocks",
    .label = "Time block",
    .dialect = DIALECT_LARAVEL,
    .lifecycle = DELETE_SOFT,
    .scope = SCOPE_ORG | SCOPE_ASSIGNEE,
    .mine = "t.user_id = %s",
    .order = "t.start_time, t.id",
    .read = ROLE_USER,
    .write = ROLE_USER,
    .remove = ROLE_USER,
    .fields = fields,
    .relations = relations,
    .beside = BESIDE,
    .params = params,
    .actions = actions,
    .said_created = "Time block created. Syncing to integrations...",
    .said_updated = "Time block updated. Syncing to integrations...",
    .said_deleted = "Time block deleted.",
    .summary = "Planned and worked time",
    .audit = true,
};
