/* A statement under construction. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "services/core/pg.h"

enum { PART_MAX = 512 };

void sql_init(struct sql *sql, struct arena *arena)
{
    buf_init(&sql->text, arena);
    sql->n = 0;
    sql->planned_anew = false;
}

int sql_bind(struct sql *sql, const char *text_or_null)
{
    if (sql->n == PG_PARAMS)
        abort(); /* what a caller can send is bounded far below */
    sql->params[sql->n++] = text_or_null;
    return sql->n;
}

enum { DIGITS_MAX = 24 };

/* The decimal digits of value at the end of room; returns where they begin. */
static const char *digits_of(int64_t value, char room[DIGITS_MAX], size_t *len)
{
    size_t at = DIGITS_MAX;
    uint64_t left = value < 0 ? -(uint64_t)value : (uint64_t)value;
    do
        room[--at] = (char)('0' + left % 10);
    while ((left /= 10) > 0);
    if (value < 0)
        room[--at] = '-';
    *len = DIGITS_MAX - at;
    return room + at;
}

int sql_bind_int(struct sql *sql, int64_t value)
{
    char room[DIGITS_MAX];
    size_t len;
    const char *digits = digits_of(value, room, &len);
    return sql_bind(sql, arena_strndup(sql->text.arena, digits, len));
}

void sql_puts(struct sql *sql, const char *text) { buf_puts(&sql->text, text); }

PRINTF(2, 0) static void put_formatted(struct sql *sql, const char *format, va_list args)
{
    char text[PART_MAX];
    va_list again;
    va_copy(again, args);
    int len = vsnprintf(text, sizeof text, format, args);
    size_t size = len > 0 ? (size_t)len : 0;
    char *whole = text;
    if (size >= sizeof text) {
        whole = arena_alloc(sql->text.arena, size + 1);
        vsnprintf(whole, size + 1, format, again);
    }
    va_end(again);
    buf_put(&sql->text, whole, size);
}

/* Every request writes its statement anew, in dozens of small parts: %s and %d are put directly,
   which is a third of what vsnprintf takes; from the first other conversion on that does it. */
void sql_printf(struct sql *sql, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    for (;;) {
        size_t plain = (size_t)(strchrnul(format, '%') - format);
        char kind = format[plain] == '\0' ? '\0' : format[plain + 1];
        if (kind != '\0' && kind != 's' && kind != 'd')
            break;
        buf_put(&sql->text, format, plain);
        if (kind == '\0')
            break;
        format += plain + 2;
        char room[DIGITS_MAX];
        size_t len;
        const char *text =
            kind == 's' ? va_arg(args, const char *) : digits_of(va_arg(args, int), room, &len);
        if (kind == 's')
            len = strlen(text);
        buf_put(&sql->text, text, len);
    }
    if (*strchrnul(format, '%') != '\0')
        put_formatted(sql, format, args);
    va_end(args);
}
