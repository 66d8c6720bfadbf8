#include "services/core/listing.h"

#include <string.h>

#include "services/core/custom_field.h"

enum { PLAIN_ROWS = 10000 };

/* Pages count from 1; anything else is the first. */
static int64_t page_number(struct call *call)
{
    bool wide;
    const char *text = query_find(call->request, "page");
    const char *number = text == NULL ? NULL : integer_read(call->arena, text, &wide);
    int64_t page = 0;
    if (number == NULL || number[0] == '-')
        return 1;
    for (; *number != '\0' && page < 1000000000; number++)
        page = page * 10 + (*number - '0');
    return page < 1 ? 1 : page;
}

static enum err read_cursor(struct call *call, struct listing *listing)
{
    const char *text = query_find(call->request, "cursor");
    listing->cursor_total = -1;
    if (text == NULL || call->resource->dialect == DIALECT_ROBERT)
        return ERR_OK;
    listing->by_cursor = true;
    listing->page = 1;
    if (listing->filtered || listing->trash != TRASH_NOT)
        cursor_bind(call, listing);
    return text[0] == '\0' ? ERR_OK : cursor_read(call, listing, text);
}

enum err listing_read(struct call *call, struct listing *listing)
{
    const struct resource *r = call->resource;
    bool laravel = r->dialect == DIALECT_LARAVEL;
    *listing = (struct listing){.page = page_number(call), .place = ""};
    sql_init(&listing->where, call->arena);
    params_add(call, listing);
    enum err err = laravel ? listing_laravel(call, listing) : listing_robert(call, listing);
    if (err == ERR_OK && call->reply->faults != NULL)
        err = ERR_INVALID;
    if (err != ERR_OK)
        return err;
    size_t asked = listing->where.text.len;
    sql_scope(call, &listing->where, listing->trash);
    listing->scope = arena_strdup(call->arena, listing->where.text.data + asked);
    if (sql_is_narrowed(call)) {
        sql_puts(&listing->where, " AND ");
        sql_mine(call, &listing->where, false);
        listing->filtered = true;
    }
    if (call->hooks != NULL && call->hooks->narrow != NULL) {
        size_t before = listing->where.text.len;
        err = call->hooks->narrow(call, &listing->where);
        listing->filtered = listing->filtered || listing->where.text.len > before;
    }
    if (err != ERR_OK)
        return err;
    sort_finish(call, listing);
    if ((r->without & PLAIN_LIST) != 0) {
        listing->page = 1;
        listing->size = PLAIN_ROWS;
    }
    return read_cursor(call, listing);
}

static void put_total(struct call *call, struct listing *listing, struct sql *sql)
{
    const struct resource *r = call->resource;
    if (listing->cursor_total >= 0)
        sql_printf(sql, "$%d::bigint", sql_bind_int(&listing->where, listing->cursor_total));
    else if (!listing->filtered && listing->trash == TRASH_NOT && r->count_sql != NULL)
        sql_printf(sql, "(SELECT (%s))", r->count_sql);
    else if (listing->searched)
        sql_puts(sql, "(SELECT count(*) FROM few)");
    else
        sql_printf(sql, "(SELECT count(*) FROM %s t WHERE true%s)", r->table,
                   listing->where.text.data);
}

static void put_meta(struct call *call, struct listing *listing, struct sql *sql)
{
    const struct resource *r = call->resource;
    if (r->meta_sql == NULL)
        sql_puts(sql, ", NULL");
    else
        sql_printf(sql, ", (SELECT (%s) FROM (SELECT t.* FROM %s t WHERE true%s) f)", r->meta_sql,
                   r->table, listing->where.text.data);
}

/* The page's rows as they are; what is embedded is worked out for these only. */
static void put_page(struct call *call, const struct listing *listing, struct sql *sql)
{
    sql_puts(sql, "(SELECT t.* FROM ");
    if (listing->searched)
        search_page_sql(call, listing, sql);
    else
        sql_printf(sql, "%s t WHERE true%s", call->resource->table, listing->where.text.data);
    sql_puts(sql, listing->searched ? " t" : "");
    sort_sql(listing, sql);
    sql_printf(sql, " LIMIT %lld", (long long)listing->size);
    if (listing->page > 1)
        sql_printf(sql, " OFFSET $%d::bigint",
                   sql_bind_int(sql, (listing->page - 1) * listing->size));
    sql_puts(sql, ") t");
}

/* What embeds share, joined with the page; sql_row has it inside. */
static void put_beside(const struct call *call, struct sql *sql)
{
    if (call->resource->beside != NULL)
        sql_printf(sql, ", LATERAL %s", call->resource->beside);
}

static void put_rows(struct call *call, struct listing *listing, struct sql *sql)
{
    size_t customs;
    custom_fields(call, &customs);
    if (customs == 0) {
        sql_puts(sql, ", (SELECT coalesce(json_agg(q), '[]') FROM (SELECT ");
        sql_columns(call, sql, IN_LIST);
        sql_puts(sql, " FROM ");
        put_page(call, listing, sql);
        put_beside(call, sql);
        sql_puts(sql, ") q)");
        return;
    }
    sql_puts(sql, ", (SELECT coalesce(json_agg(");
    sql_row(call, sql, IN_LIST);
    sql_puts(sql, "), '[]') FROM ");
    put_page(call, listing, sql);
    sql_puts(sql, ")");
}

void listing_keys_sql(const struct listing *listing, struct sql *sql)
{
    sql_puts(sql, "json_build_array(");
    for (size_t i = 0; i < listing->keys_n; i++)
        sql_printf(sql, "%s(%s)::text", i == 0 ? "" : ", ", listing->keys[i].sql);
    sql_puts(sql, ")::text");
}

static void put_cursor_rows(struct call *call, struct listing *listing, struct sql *sql)
{
    sql_puts(sql, ", p.rows, p.keys, p.n FROM (SELECT coalesce(json_agg(x.j), '[]') AS rows,"
                  " (array_agg(x.k))[count(*)] AS keys, count(*) AS n FROM (SELECT ");
    sql_row(call, sql, IN_LIST);
    sql_puts(sql, " AS j, ");
    listing_keys_sql(listing, sql);
    sql_puts(sql, " AS k FROM ");
    put_page(call, listing, sql);
    sql_puts(sql, ") x) p");
}

void listing_sql(struct call *call, struct listing *listing, struct sql *sql)
{
    struct sql head;
    sql_init(&head, call->arena);
    put_total(call, listing, &head);
    put_meta(call, listing, &head);
    sql_puts(&head, listing->searched ? ", true" : ", false");
    size_t place = listing->where.text.len;
    if (listing->cursor_set)
        cursor_where(listing);
    listing->place = arena_strdup(call->arena, listing->where.text.data + place);
    *sql = listing->where; /* its parameters come first; its text is part of the statement */
    buf_init(&sql->text, call->arena);
    if (listing->searched)
        search_ways_sql(call, listing, sql);
    sql_printf(sql, "SELECT %s", head.text.data);
    if (listing->by_cursor)
        put_cursor_rows(call, listing, sql);
    else
        put_rows(call, listing, sql);
}
