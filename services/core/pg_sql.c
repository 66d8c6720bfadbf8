/* A statement under construction. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "services/core/pg.h"

enum { PART_MAX = 512 };

void sql_init(struct sql *sql, struct arena *arena)
{
    buf_init(&sql->text, arena);
    sql->n = 0;
}

int sql_bind(struct sql *sql, const char *text_or_null)
{
    if (sql->n == PG_PARAMS)
        abort(); /* what a caller can send is bounded far below */
    sql->params[sql->n++] = text_or_null;
    return sql->n;
}

int sql_bind_int(struct sql *sql, int64_t value)
{
    char digits[24];
    size_t at = sizeof digits;
    uint64_t left = value < 0 ? -(uint64_t)value : (uint64_t)value;
    do
        digits[--at] = (char)('0' + left % 10);
    while ((left /= 10) > 0);
    if (value < 0)
        digits[--at] = '-';
    return sql_bind(sql, arena_strndup(sql->text.arena, digits + at, sizeof digits - at));
}

void sql_puts(struct sql *sql, const char *text) { buf_puts(&sql->text, text); }

void sql_printf(struct sql *sql, const char *format, ...)
{
    char text[PART_MAX]; /* nearly every part is shorter: formatted once */
    va_list args, again;
    va_start(args, format);
    va_copy(again, args);
    int len = vsnprintf(text, sizeof text, format, args);
    va_end(args);
    size_t size = len > 0 ? (size_t)len : 0;
    char *whole = text;
    if (size >= sizeof text) {
        whole = arena_alloc(sql->text.arena, size + 1);
        vsnprintf(whole, size + 1, format, again);
    }
    va_end(again);
    buf_put(&sql->text, whole, size);
}
