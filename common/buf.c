#include "common/buf.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "common/utf8.h"

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
    size_t room = buf->cap - buf->len;
    int len = vsnprintf(buf->data + buf->len, room, format, args);
    va_end(args);
    if (len > 0 && (size_t)len >= room) {
        reserve(buf, (size_t)len);
        vsnprintf(buf->data + buf->len, (size_t)len + 1, format, again);
    }
    if (len > 0)
        buf->len += (size_t)len;
    va_end(again);
}

/* The letter behind the backslash, 0 when it takes the long form. */
static char short_escape(unsigned char c)
{
    static const char from[] = "\"\\\n\r\t", to[] = "\"\\nrt";
    const char *at = c == '\0' ? NULL : strchr(from, c);
    return at == NULL ? '\0' : to[at - from];
}

static void put_escaped(struct buf *buf, unsigned char c)
{
    static const char hex[] = "0123456789abcdef";
    char letter = short_escape(c);
    char text[] = {'\\', letter, '0', '0', hex[c >> 4], hex[c & 15]};
    if (letter == '\0')
        text[1] = 'u';
    buf_put(buf, text, letter == '\0' ? 6 : 2);
}

void buf_put_json(struct buf *buf, const char *data, size_t len)
{
    const unsigned char *bytes = (const unsigned char *)data;
    if (len == 0) { /* data may be NULL then */
        buf_puts(buf, "\"\"");
        return;
    }
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
