/* Reading the log of changes. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "proto/resources.h"
#include "services/core/audit.h"
#include "services/core/check.h"
#include "services/core/sql.h"

enum { HISTORY_ROWS = 200, AUDIT_ROWS = 50 };

static void put_entry(struct call *call, struct sql *sql)
{
    sql_printf(
        sql,
        "SELECT a.id, a.op, a.user_id, a.token_id, %s(a.at) AS at, CASE a.op WHEN 'create' THEN"
        " core.audit_diff(NULL, a.changes, '{}') ELSE a.changes END AS changes, a.request_id,"
        " a.resource, a.row_id, a.seq, encode(a.hash, 'hex') AS hash",
        call->resource != NULL && call->resource->dialect == DIALECT_ROBERT ? "core.local"
                                                                            : "core.iso");
}

/* Whether the record may be seen, or, when it is gone for good, whether the caller sees all. */
static void put_visible(struct call *call, struct sql *sql)
{
    sql_printf(sql, "(SELECT CASE WHEN ");
    if (sql_is_narrowed(call))
        sql_mine(call, sql, true);
    else
        sql_puts(sql, "true");
    sql_printf(sql, " THEN 0 ELSE %d END FROM %s t WHERE t.id = $%d::bigint", ROW_FORBIDDEN,
               call->resource->table, sql_bind_int(sql, call->request->row));
    sql_scope(call, sql, TRASH_WITH);
    sql_puts(sql, ")");
}

/* 'contact','person': rows of one table are one record, whichever dialect wrote them. */
static void put_names(const struct call *call, struct sql *sql)
{
    const struct resource *own = call->resource;
    sql_printf(sql, "'%s'", own->name);
    for (size_t i = 0; resources[i] != NULL; i++)
        if (resources[i] != own && resources[i]->table != NULL &&
            strcmp(resources[i]->table, own->table) == 0)
            sql_printf(sql, ",'%s'", resources[i]->name);
}

enum err audit_history(struct call *call)
{
    struct sql sql;
    struct pg_result *result;
    sql_init(&sql, call->arena);
    sql_puts(&sql, "SELECT ");
    put_visible(call, &sql);
    sql_puts(&sql, ", (SELECT coalesce(json_agg(q), '[]') FROM (");
    put_entry(call, &sql);
    sql_printf(&sql, " FROM core.audit a WHERE a.organization_id = $%d::bigint AND a.resource IN (",
               sql_bind_int(&sql, call->request->who.organization_id));
    put_names(call, &sql);
    sql_printf(&sql, ") AND a.row_id = $%d::bigint ORDER BY a.id DESC LIMIT %d) q)",
               sql_bind_int(&sql, call->request->row), HISTORY_ROWS);
    enum err err = call_run(call, &sql, &result);
    if (err != ERR_OK)
        return err;
    const char *seen = pg_text(result, 0, 0), *rows = pg_text(result, 0, 1);
    bool gone = seen == NULL && (sql_is_narrowed(call) || rows[1] == ']');
    bool hidden = seen != NULL && pg_int(result, 0, 0) != ROW_OK;
    if (gone || (hidden && call->resource->dialect == DIALECT_ROBERT))
        return call_fail(call, ERR_NOT_FOUND, NULL);
    if (hidden)
        return call_fail(call, ERR_FORBIDDEN, "You do not have access to this record.");
    call->reply->json = (struct slice){rows, pg_len(result, 0, 1)};
    return ERR_OK;
}

static int64_t page_of(struct call *call)
{
    const char *text = query_find(call->request, "page");
    long long page = text == NULL ? 1 : strtoll(text, NULL, 10);
    return page < 1 || page > 1000000 ? 1 : page;
}

static void put_conditions(struct call *call, struct sql *sql)
{
    static const char *const names[] = {"resource", "op"};
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        const char *value = query_find(call->request, names[i]);
        if (value != NULL && value[0] != '\0')
            sql_printf(sql, " AND a.%s = $%d::text", names[i], sql_bind(sql, value));
    }
    static const char *const ids[] = {"row_id", "user_id"};
    for (size_t i = 0; i < COUNT_OF(ids); i++) {
        bool wide = true;
        const char *value = query_find(call->request, ids[i]);
        const char *id = value == NULL ? NULL : integer_read(call->arena, value, &wide);
        if (id != NULL && !wide)
            sql_printf(sql, " AND a.%s = $%d::bigint", ids[i], sql_bind(sql, id));
    }
}

enum err audit_list(struct call *call)
{
    struct sql where, sql;
    struct pg_result *result;
    int64_t page = page_of(call);
    sql_init(&where, call->arena);
    sql_printf(&where, " FROM core.audit a WHERE a.organization_id = $%d::bigint",
               sql_bind_int(&where, call->request->who.organization_id));
    put_conditions(call, &where);
    sql = where;
    buf_init(&sql.text, call->arena);
    sql_printf(&sql, "SELECT (SELECT count(*)%s), (SELECT coalesce(json_agg(q), '[]') FROM (",
               where.text.data);
    put_entry(call, &sql);
    sql_printf(&sql, "%s ORDER BY a.id DESC LIMIT %d OFFSET %" PRId64 ") q)", where.text.data,
               AUDIT_ROWS, (page - 1) * AUDIT_ROWS);
    enum err err = call_run(call, &sql, &result);
    if (err != ERR_OK)
        return err;
    int64_t total = pg_int(result, 0, 0), rows = total - (page - 1) * AUDIT_ROWS;
    rows = rows < 0 ? 0 : rows > AUDIT_ROWS ? AUDIT_ROWS : rows;
    call->reply->page = (struct page){page, AUDIT_ROWS, total, rows, NULL, false};
    call->reply->json = (struct slice){pg_text(result, 0, 1), pg_len(result, 0, 1)};
    return ERR_OK;
}
