/* Reading the log of changes. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "proto/resources.h"
#include "services/core/audit.h"
#include "services/core/check.h"
#include "services/core/listing.h"
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

static bool has_bound(const struct call *call, const char *name)
{
    const char *value = query_find(call->request, name);
    return value != NULL && value[0] != '\0';
}

static void add_bound(struct call *call, struct listing *listing, const struct field *field,
                      const char *op)
{
    if (has_bound(call, field->name))
        range_add(call, listing, field, "a.at",
                  &(struct pair){op, query_find(call->request, field->name)});
}

/* The newest first. Some days of the organization are found by an index of their own, in its order.
 */
static void set_order(struct call *call, struct listing *listing)
{
    bool days = call->resource == NULL && (has_bound(call, "from") || has_bound(call, "to"));
    if (days)
        listing->keys[listing->keys_n++] =
            (struct sort_key){.sql = "a.at", .cast = "timestamptz", .descending = true};
    listing->keys[listing->keys_n++] =
        (struct sort_key){.sql = "a.id", .cast = "bigint", .descending = true};
}

/* From the cursor on. */
static enum err read_place(struct call *call, struct listing *listing, int64_t rows)
{
    static const struct field from = {.name = "from", .type = F_TIME};
    static const struct field to = {.name = "to", .type = F_TIME};
    const char *text = query_find(call->request, "cursor");
    set_order(call, listing);
    listing->size = query_count(call, "per_page", rows, HISTORY_ROWS);
    listing->page = query_count(call, "page", 1, 1000000);
    listing->by_cursor = text != NULL;
    add_bound(call, listing, &from, "gte");
    add_bound(call, listing, &to, "lte");
    cursor_bind(call, listing);
    enum err err = text == NULL || text[0] == '\0' ? ERR_OK : cursor_read(call, listing, text);
    return call->reply->faults == NULL ? err : ERR_INVALID;
}

/* Columns: rows, keys (of the last of them), n. */
static void put_rows(struct call *call, const struct listing *listing, int64_t offset,
                     struct sql *sql)
{
    sql_puts(sql, "(SELECT coalesce(json_agg(q), '[]') AS rows, (array_agg(a.k))[count(*)] AS keys,"
                  " count(*) AS n FROM (SELECT a.*, ");
    listing_keys_sql(listing, sql);
    sql_printf(sql, " AS k%s", listing->where.text.data);
    sort_sql(listing, sql);
    sql_printf(sql, " LIMIT %" PRId64 " OFFSET %" PRId64 ") a, LATERAL (", listing->size, offset);
    put_entry(call, sql);
    sql_puts(sql, ") q) p");
}

/* column: the first of put_rows'. */
static void set_page(struct call *call, const struct listing *listing,
                     const struct pg_result *result, int column)
{
    int64_t rows = pg_int(result, 0, column + 2);
    struct page *page = &call->reply->page;
    *page = (struct page){.number = listing->page,
                          .size = listing->size,
                          .rows = rows,
                          .by_cursor = listing->by_cursor};
    if (listing->by_cursor && rows == listing->size)
        page->next_cursor = cursor_write(call, listing, 0, pg_text(result, 0, column + 1));
}

/* What the record's row (NULL: none, else a row state) and its entries allow. */
static enum err may_read(struct call *call, const char *seen, bool any)
{
    bool gone = seen == NULL && (sql_is_narrowed(call) || !any);
    bool hidden = seen != NULL && strtol(seen, NULL, 10) != ROW_OK;
    if (gone || (hidden && call->resource->dialect == DIALECT_ROBERT))
        return call_fail(call, ERR_NOT_FOUND, NULL);
    if (hidden)
        return call_fail(call, ERR_FORBIDDEN, "You do not have access to this record.");
    return ERR_OK;
}

/* Document 003's clients get the bare array they always got, unless they ask for a cursor. */
static bool is_bare(const struct call *call, const struct listing *listing)
{
    return !listing->by_cursor && call->resource->dialect == DIALECT_ROBERT;
}

enum err audit_history(struct call *call)
{
    enum { SEEN, ANY, ROWS };
    struct listing listing = {0};
    struct sql sql, *where = &listing.where;
    struct pg_result *result;
    sql_init(where, call->arena);
    sql_printf(where,
               " FROM core.audit a WHERE a.organization_id = $%d::bigint AND a.resource IN (",
               sql_bind_int(where, call->request->who.organization_id));
    put_names(call, where);
    sql_printf(where, ") AND a.row_id = $%d::bigint", sql_bind_int(where, call->request->row));
    const char *whole = arena_strdup(call->arena, where->text.data);
    enum err err = read_place(call, &listing, HISTORY_ROWS);
    if (err != ERR_OK)
        return err;
    if (listing.cursor_set)
        cursor_where(&listing);
    sql = listing.where; /* its parameters come first */
    buf_init(&sql.text, call->arena);
    sql_puts(&sql, "SELECT ");
    put_visible(call, &sql);
    sql_printf(&sql, ", EXISTS (SELECT%s), p.rows, p.keys, p.n FROM ", whole);
    put_rows(call, &listing, 0, &sql);
    err = call_run(call, &sql, &result);
    if (err == ERR_OK)
        err = may_read(call, pg_text(result, 0, SEEN), pg_text(result, 0, ANY)[0] == 't');
    if (err != ERR_OK)
        return err;
    bool bare = is_bare(call, &listing);
    listing.by_cursor = true;
    if (!bare)
        set_page(call, &listing, result, ROWS);
    call->reply->json = (struct slice){pg_text(result, 0, ROWS), pg_len(result, 0, ROWS)};
    return ERR_OK;
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
    enum { TOTAL, ROWS };
    struct listing listing = {0};
    struct sql sql, *where = &listing.where;
    struct pg_result *result;
    sql_init(where, call->arena);
    sql_printf(where, " FROM core.audit a WHERE a.organization_id = $%d::bigint",
               sql_bind_int(where, call->request->who.organization_id));
    put_conditions(call, where);
    enum err err = read_place(call, &listing, AUDIT_ROWS);
    if (err != ERR_OK)
        return err;
    if (listing.cursor_set)
        cursor_where(&listing);
    sql = listing.where; /* its parameters come first */
    buf_init(&sql.text, call->arena);
    if (listing.by_cursor) /* nothing is counted */
        sql_puts(&sql, "SELECT 0");
    else
        sql_printf(&sql, "SELECT (SELECT count(*)%s)", where->text.data);
    sql_puts(&sql, ", p.rows, p.keys, p.n FROM ");
    put_rows(call, &listing, listing.by_cursor ? 0 : (listing.page - 1) * listing.size, &sql);
    err = call_run(call, &sql, &result);
    if (err != ERR_OK)
        return err;
    set_page(call, &listing, result, ROWS);
    call->reply->page.total = pg_int(result, 0, TOTAL);
    call->reply->json = (struct slice){pg_text(result, 0, ROWS), pg_len(result, 0, ROWS)};
    return ERR_OK;
}
