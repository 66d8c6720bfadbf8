/* Operations that every resource has beside CRUD. */
#include "services/core/audit.h"
#include "services/core/bulk.h"
#include "services/core/crud.h"
#include "services/core/export.h"

const struct op core_ops[] = {
    {"audit_list", "", audit_list, false}, /* GET /api/audit: no resource */
    {"history", "", audit_history, false},
    {"export", "", export_list, false}, /* a list asked for as text/csv */
    {"bulk_create", "", bulk_create, true, .alone = true},
    {"bulk_update", "", bulk_update, true, .alone = true},
    {"bulk_delete", "", bulk_delete, true, .alone = true},
    {0},
};
