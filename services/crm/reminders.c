/* Reminders of tasks, in the background; what and when is crm.remind()'s to know. */
#include <inttypes.h>

#include "common/clock.h"
#include "common/log.h"
#include "common/metrics.h"
#include "services/crm/hooks.h"

enum { EVERY_US = 10000000, TIMEOUT_MS = 20000 };

static void remind(struct pg *pg, struct arena *arena, int64_t organization, int64_t user)
{
    struct sql sql;
    struct pg_result *sent;
    struct pg_fault fault;
    if (pg_begin(pg, organization, user, TIMEOUT_MS) != ERR_OK)
        return;
    sql_init(&sql, arena);
    sql_puts(&sql, "SELECT crm.remind()");
    enum err err = pg_run(pg, arena, &sql, &sent, &fault);
    if (err != ERR_OK) {
        log_say(LOG_WARN, "reminder_failed", "user %" PRId64 ": %s", user, fault.message);
        pg_rollback(pg);
        return;
    }
    int64_t n = pg_int(sent, 0, 0);
    if (pg_commit(pg, &fault) == ERR_OK && n > 0)
        metrics_count("bureau_reminders_total", "Reminders of tasks that were mailed.", "", n);
}

void reminders_work(struct pg *pg, struct arena *arena)
{
    static int64_t last; /* one thread */
    struct sql sql;
    struct pg_result *due;
    struct pg_fault fault;
    int64_t now = clock_mono_us();
    if (last != 0 && now - last < EVERY_US)
        return;
    last = now;
    sql_init(&sql, arena);
    sql_puts(&sql, "SELECT organization_id, user_id FROM crm.reminders_due()");
    pg_become(pg, &(struct pg_who){.timeout_ms = TIMEOUT_MS});
    if (pg_run(pg, arena, &sql, &due, &fault) != ERR_OK)
        return;
    for (int i = 0; i < pg_rows(due); i++)
        remind(pg, arena, pg_int(due, i, 0), pg_int(due, i, 1));
}
