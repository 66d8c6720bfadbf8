/* A statement under construction. */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "services/core/pg.h"

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
    return sql_bind(sql, arena_printf(sql->text.arena, "%" PRId64, value));
}

void sql_puts(struct sql *sql, const char *text) { buf_puts(&sql->text, text); }

void sql_printf(struct sql *sql, const char *format, ...)
{
    va_list args, again;
    va_start(args, format);
    va_copy(again, args);
    int len = vsnprintf(NULL, 0, format, args);
    va_end(args);
    char *text = arena_alloc(sql->text.arena, (len > 0 ? (size_t)len : 0) + 1);
    vsnprintf(text, (len > 0 ? (size_t)len : 0) + 1, format, again);
    va_end(again);
    buf_put(&sql->text, text, len > 0 ? (size_t)len : 0);
}
