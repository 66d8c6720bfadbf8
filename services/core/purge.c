/* The hourly clean-up of kept answers. */
#include "common/log.h"
#include "common/stop.h"
#include "services/core/worker.h"

enum { HOUR_MS = 3600 * 1000, FIRST_MS = 60 * 1000 };

void *purge_main(void *connection)
{
    struct pg *pg = connection;
    struct arena *arena = arena_new(4096);
    int64_t wait = FIRST_MS;
    while (!stop_wait_ms(wait)) {
        struct sql sql;
        struct pg_result *rows;
        struct pg_fault fault;
        sql_init(&sql, arena);
        sql_puts(&sql, "DELETE FROM core.idempotency"
                       " WHERE created_at < now() - interval '24 hours'");
        if (pg_run(pg, arena, &sql, &rows, &fault) != ERR_OK)
            log_say(LOG_WARN, "purge_failed", "%s", fault.message);
        arena_reset(arena);
        pg_disconnect(pg); /* an idle connection for an hour is one too many */
        wait = HOUR_MS;
    }
    arena_destroy(arena);
    return NULL;
}
