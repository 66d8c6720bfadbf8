/* The chain of the log of changes: sealing it in the background, and checking it. */
#include <inttypes.h>
#include <stdio.h>

#include "common/log.h"
#include "common/stop.h"
#include "services/core/audit.h"

enum { SEAL_ROWS = 2000, SEAL_EVERY_MS = 500 };

bool audit_seal(struct pg *pg)
{
    struct arena *arena = arena_new(4096);
    struct sql sql;
    struct pg_result *rows;
    struct pg_fault fault;
    sql_init(&sql, arena);
    sql_printf(&sql, "SELECT core.audit_seal($%d::integer)", sql_bind_int(&sql, SEAL_ROWS));
    enum err err = pg_run(pg, arena, &sql, &rows, &fault);
    if (err != ERR_OK)
        log_say(LOG_WARN, "audit_seal_failed", "%s", fault.message);
    bool more = err == ERR_OK && pg_int(rows, 0, 0) == SEAL_ROWS;
    arena_destroy(arena);
    return more;
}

void *audit_main(void *connection)
{
    struct pg *pg = connection;
    while (!stop_wait_ms(SEAL_EVERY_MS))
        while (audit_seal(pg))
            ;
    return NULL;
}

int64_t audit_verify(struct pg *pg)
{
    struct arena *arena = arena_new(65536);
    struct sql sql;
    struct pg_result *rows;
    struct pg_fault fault;
    int64_t broken = -1;
    sql_init(&sql, arena);
    sql_puts(&sql, "SELECT organization_id, seq, id, fault FROM core.audit_verify()"
                   " ORDER BY 1, 2 LIMIT 1000");
    if (pg_run(pg, arena, &sql, &rows, &fault) != ERR_OK) {
        fprintf(stderr, "cannot read core.audit: %s\n", fault.message);
    } else {
        broken = pg_rows(rows);
        for (int i = 0; i < pg_rows(rows); i++)
            fprintf(stderr, "organization %s, change %s (row %s): %s\n", pg_text(rows, i, 0),
                    pg_text(rows, i, 1), pg_text(rows, i, 2), pg_text(rows, i, 3));
    }
    arena_destroy(arena);
    return broken;
}

int audit_verify_main(struct pg *pg)
{
    int64_t broken = audit_verify(pg);
    if (broken == 0)
        printf("every chain of changes is whole\n");
    return broken == 0 ? 0 : 1;
}
