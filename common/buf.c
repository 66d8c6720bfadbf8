#include "common/buf.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void buf_init(struct buf *buf, struct arena *arena)
{
    buf->arena = arena;
    buf->cap = 256;
    buf->len = 0;
    buf->data = arena_alloc(arena, buf->cap);
}

static void reserve(struct buf *buf, size_t more)
{
    if (buf->cap - buf->len > more)
        return;
    size_t cap = buf->cap;
    while (cap - buf->len <= more)
        cap *= 2;
    char *data = arena_alloc(buf->arena, cap);
    memcpy(data, buf->data, buf->len);
    buf->data = data;
    buf->cap = cap;
}

void buf_put(struct buf *buf, const void *data, size_t len)
{
    reserve(buf, len);
    if (len > 0)
        memcpy(buf->data + buf->len, data, len);
    buf->len += len;
    buf->data[buf->len] = '\0';
}

void buf_puts(struct buf *buf, const char *text) { buf_put(buf, text, strlen(text)); }
void buf_putc(struct buf *buf, char c) { buf_put(buf, &c, 1); }

void buf_printf(struct buf *buf, const char *format, ...)
{
    va_list args, again;
    va_start(args, format);
    va_copy(again, args);
    int len = vsnprintf(NULL, 0, format, args);
    va_end(args);
    if (len > 0) {
        reserve(buf, (size_t)len);
        vsnprintf(buf->data + buf->len, (size_t)len + 1, format, again);
        buf->len += (size_t)len;
    }
    va_end(again);
}

/* Bytes of the valid UTF-8 sequence at data, 0 when it is none. */
static size_t utf8_len(const unsigned char *data, size_t left)
{
    unsigned char c = data[0];
    if (c < 0x80)
        return 1;
    size_t n = c >= 0xF0 ? 4 : c >= 0xE0 ? 3 : 2;
    if (c < 0xC2 || c > 0xF4 || left < n)
        return 0;
    for (size_t i = 1; i < n; i++)
        if ((data[i] & 0xC0) != 0x80)
            return 0;
    if ((c == 0xE0 && data[1] < 0xA0) || (c == 0xED && data[1] > 0x9F) ||
        (c == 0xF0 && data[1] < 0x90) || (c == 0xF4 && data[1] > 0x8F))
        return 0;
    return n;
}

static void put_escaped(struct buf *buf, unsigned char c)
{
    switch (c) {
    case '"':
        buf_puts(buf, "\\\"");
        break;
    case '\\':
        buf_puts(buf, "\\\\");
        break;
    case '\n':
        buf_puts(buf, "\\n");
        break;
    case '\r':
        buf_puts(buf, "\\r");
        break;
    case '\t':
        buf_puts(buf, "\\t");
        break;
    default:
        buf_printf(buf, "\\u%04x", c);
    }
}

void buf_put_json(struct buf *buf, const char *data, size_t len)
{
    const unsigned char *bytes = (const unsigned char *)data;
    buf_putc(buf, '"');
    size_t from = 0;
    for (size_t i = 0; i < len;) {
        size_t n = utf8_len(bytes + i, len - i);
        if (n > 0 && bytes[i] >= 0x20 && bytes[i] != '"' && bytes[i] != '\\' && bytes[i] != 0x7F) {
            i += n;
            continue;
        }
        buf_put(buf, data + from, i - from);
        if (n == 0)
            buf_puts(buf, "\xEF\xBF\xBD");
        else
            put_escaped(buf, bytes[i]);
        from = ++i;
    }
    buf_put(buf, data + from, len - from);
    buf_putc(buf, '"');
}

void buf_puts_json(struct buf *buf, const char *text)
{
    if (text == NULL)
        buf_puts(buf, "null");
    else
        buf_put_json(buf, text, strlen(text));
}
