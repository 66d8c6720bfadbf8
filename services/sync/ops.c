/* ops.c - how operations of the sync service begin and end. */
#include "services/sync/ops.h"

#include <string.h>

enum err ops_find(struct call *call, struct sql *sql, const char *missing, struct pg_result **rows)
{
    enum err err = call_run(call, sql, rows);
    if (err != ERR_OK)
        return err;
    return pg_rows(*rows) > 0 ? ERR_OK : call_fail(call, ERR_NOT_FOUND, "%s", missing);
}

static enum err answer(struct call *call, struct slice json)
{
    call->reply->json = json;
    call->reply->bare = true;
    return ERR_OK;
}

enum err ops_row(struct call *call, struct sql *sql, const char *missing)
{
    struct pg_result *rows;
    enum err err = ops_find(call, sql, missing, &rows);
    if (err == ERR_OK && pg_text(rows, 0, 0) == NULL)
        err = call_fail(call, ERR_NOT_FOUND, "%s", missing);
    return err == ERR_OK ? answer(call, (struct slice){pg_text(rows, 0, 0), pg_len(rows, 0, 0)})
                         : err;
}

enum err ops_text(struct call *call, const char *json)
{
    return answer(call, (struct slice){json, strlen(json)});
}
