#include "services/core/export.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "common/clock.h"
#include "services/core/custom_field.h"
#include "services/core/listing.h"

enum { EXPORT_ROWS = 250, EXPORT_BYTES = 1 << 20 };

/* Does a spreadsheet compute it? Apostrophes in front do not matter. */
static bool is_formula(const char *data, size_t len)
{
    size_t at = 0;
    while (at < len && data[at] == '\'')
        at++;
    return at < len && data[at] != '\0' && strchr("=+-@\t\r", data[at]) != NULL;
}

const char *csv_plain(const char *cell)
{
    return cell[0] == '\'' && is_formula(cell, strlen(cell)) ? cell + 1 : cell;
}

static bool wants_quotes(const char *data, size_t len)
{
    if (len > 0 && (data[0] == ' ' || data[len - 1] == ' '))
        return true;
    for (size_t i = 0; i < len; i++)
        if (data[i] == '"' || data[i] == ',' || data[i] == ';' || (unsigned char)data[i] < ' ')
            return true;
    return false;
}

void csv_put(struct buf *out, const char *data, size_t len)
{
    const char *guard = is_formula(data, len) ? "'" : "";
    if (!wants_quotes(data, len)) {
        buf_puts(out, guard);
        buf_put(out, data, len);
        return;
    }
    buf_putc(out, '"');
    buf_puts(out, guard);
    for (const char *quote; (quote = memchr(data, '"', len)) != NULL;) {
        size_t part = (size_t)(quote - data) + 1;
        buf_put(out, data, part);
        buf_putc(out, '"');
        data += part;
        len -= part;
    }
    buf_put(out, data, len);
    buf_putc(out, '"');
}

/* Embeds and what is worked out from other cells stay out: the file is made to come back. */
static bool is_cell(const struct field *field)
{
    bool inner = (field->flags & HIDDEN) != 0 && (field->flags & READONLY) != 0;
    return (field->flags & WRITEONLY) == 0 && !inner && field->type != F_COMPUTED &&
           field->type != F_LIST && field->type != F_JSON;
}

static size_t put_header(struct call *call, struct buf *out)
{
    size_t n, cells = 0;
    const struct custom_field *customs = custom_fields(call, &n);
    for (const struct field *f = call->resource->fields; f->name != NULL; f++)
        if (is_cell(f))
            buf_printf(out, "%s%s", cells++ == 0 ? "" : ",", f->name);
    for (size_t i = 0; i < n; i++)
        buf_printf(out, ",%s", customs[i].field.name);
    buf_puts(out, "\r\n");
    return cells + n;
}

/* As the dialect's JSON shows it, as text. */
static void put_cell(struct sql *sql, const struct resource *r, const struct field *field)
{
    if (field->type == F_TIME && field->sql == NULL && r->dialect == DIALECT_LARAVEL) {
        sql_printf(sql, "core.iso(t.%s)", field_column(field));
        return;
    }
    sql_puts(sql, "(");
    sql_shown(sql, r, field);
    sql_puts(sql, ")::text");
}

static void put_cells(struct call *call, struct sql *sql)
{
    size_t n;
    const char *comma = "";
    const struct custom_field *customs = custom_fields(call, &n);
    for (const struct field *f = call->resource->fields; f->name != NULL; f++) {
        if (!is_cell(f))
            continue;
        sql_puts(sql, comma);
        put_cell(sql, call->resource, f);
        comma = ", ";
    }
    for (size_t i = 0; i < n; i++)
        sql_printf(sql, ", t.custom ->> $%d::text", sql_bind(sql, customs[i].field.name));
}

static void put_statement(struct call *call, struct listing *listing, struct sql *sql)
{
    if (listing->cursor_set)
        cursor_where(listing);
    *sql = listing->where; /* its parameters come first; its text is part of the statement */
    buf_init(&sql->text, call->arena);
    sql_puts(sql, "SELECT ");
    put_cells(call, sql);
    sql_puts(sql, ", ");
    listing_keys_sql(listing, sql);
    sql_printf(sql, " FROM (SELECT t.* FROM %s t WHERE true%s", call->resource->table,
               listing->where.text.data);
    sort_sql(listing, sql);
    sql_printf(sql, " LIMIT %d) t", EXPORT_ROWS);
}

/* Rows until the piece is large enough; how many. */
static int put_rows(const struct pg_result *result, int cells, struct buf *out)
{
    int row = 0;
    for (; row < pg_rows(result) && (row == 0 || out->len < EXPORT_BYTES); row++) {
        for (int i = 0; i < cells; i++) {
            const char *text = pg_text(result, row, i);
            if (i > 0)
                buf_putc(out, ',');
            if (text != NULL)
                csv_put(out, text, pg_len(result, row, i));
        }
        buf_puts(out, "\r\n");
    }
    return row;
}

/* attachment; filename="clients_2026-11-25_101500.csv", in UTC */
static void name_file(struct call *call)
{
    char when[24];
    struct tm parts;
    time_t now = (time_t)(clock_unix_ms() / 1000);
    const char *slash = strrchr(call->resource->path, '/');
    gmtime_r(&now, &parts);
    strftime(when, sizeof when, "%Y-%m-%d_%H%M%S", &parts);
    call_header(call, "Content-Disposition",
                arena_printf(call->arena, "attachment; filename=\"%s_%s.csv\"", slash + 1, when));
}

static enum err read_query(struct call *call, struct listing *listing)
{
    const char *after = query_find(call->request, EXPORT_AFTER);
    enum err err = custom_load(call);
    if (err == ERR_OK)
        err = listing_read(call, listing);
    if (err != ERR_OK)
        return err;
    listing->by_cursor = true;
    listing->cursor_set = false;
    listing->conditions = NULL; /* the gateway repeats the query itself */
    if (after != NULL && cursor_read(call, listing, after) != ERR_OK)
        return call_fail(call, ERR_MALFORMED, NULL);
    return ERR_OK;
}

enum err export_list(struct call *call)
{
    struct listing listing;
    struct sql sql;
    struct pg_result *result;
    struct buf out;
    bool first = query_find(call->request, EXPORT_AFTER) == NULL;
    enum err err = read_query(call, &listing);
    if (err != ERR_OK)
        return err;
    put_statement(call, &listing, &sql);
    err = call_run(call, &sql, &result);
    if (err != ERR_OK)
        return err;
    buf_init(&out, call->arena);
    buf_puts(&out, "\xEF\xBB\xBF");
    size_t cells = put_header(call, &out), skip = first ? 0 : out.len;
    int rows = put_rows(result, (int)cells, &out);
    if (rows > 0 && (rows < pg_rows(result) || rows == EXPORT_ROWS))
        call->reply->page.next_cursor =
            cursor_write(call, &listing, 0, pg_text(result, rows - 1, (int)cells));
    call->reply->json = (struct slice){out.data + skip, out.len - skip};
    call->reply->type = "text/csv; charset=UTF-8";
    if (first)
        name_file(call);
    return ERR_OK;
}
