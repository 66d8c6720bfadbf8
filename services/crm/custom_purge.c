/* Deleted custom fields go for good: asked for by a manager, done in the background. */
#include <inttypes.h>

#include "common/log.h"
#include "services/core/audit.h"
#include "services/core/sql.h"
#include "services/crm/hooks.h"

enum { STEP_ROWS = 5000, STEP_MS = 30000 };

enum err custom_purge(struct call *call)
{
    struct sql sql;
    struct pg_result *hit;
    sql_init(&sql, call->arena);
    sql_printf(&sql,
               "WITH gone AS (UPDATE crm.custom_fields t SET purged_at = now()"
               " WHERE t.id = $%d::bigint",
               sql_bind_int(&sql, call->request->row));
    sql_scope(call, &sql, TRASH_ONLY);
    sql_puts(&sql, " RETURNING t.*)");
    audit_sql(call, &sql, AUDIT_DESTROY, "gone");
    sql_puts(&sql, " SELECT 1 FROM gone");
    enum err err = call_run(call, &sql, &hit);
    if (err == ERR_OK && pg_rows(hit) == 0)
        return call_fail(call, ERR_NOT_FOUND, NULL);
    call->reply->message = "Custom field purged.";
    return err;
}

/* A failed step is tried again when the job comes by the next time. */
static void step(struct pg *pg, struct arena *arena, int64_t organization, int64_t id)
{
    struct sql sql;
    struct pg_result *none;
    struct pg_fault fault;
    if (pg_begin(pg, organization, 0, STEP_MS) != ERR_OK)
        return;
    sql_init(&sql, arena);
    sql_printf(&sql, "SELECT crm.custom_purge($%d::bigint, %d)", sql_bind_int(&sql, id), STEP_ROWS);
    if (pg_run(pg, arena, &sql, &none, &fault) != ERR_OK) {
        log_say(LOG_WARN, "custom_purge_failed", "field %" PRId64 ": %s", id, fault.message);
        pg_rollback(pg);
    } else if (pg_commit(pg, &fault) != ERR_OK) {
        log_say(LOG_WARN, "custom_purge_failed", "field %" PRId64 ": %s", id, fault.message);
    }
}

void custom_purge_work(struct pg *pg, struct arena *arena)
{
    struct sql sql;
    struct pg_result *next;
    struct pg_fault fault;
    arena_reset(arena);
    sql_init(&sql, arena);
    sql_puts(&sql, "SELECT organization_id, id FROM crm.custom_purge_next()");
    pg_become(pg, &(struct pg_who){.timeout_ms = STEP_MS});
    if (pg_run(pg, arena, &sql, &next, &fault) == ERR_OK && pg_rows(next) > 0)
        step(pg, arena, pg_int(next, 0, 0), pg_int(next, 0, 1));
}
