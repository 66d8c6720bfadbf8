#include "gateway/decode.h"

#include <string.h>

static int nibble(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

/* Length of the sequence at data, 0 when it is none. Source: Unicode, table 3-7. */
static size_t sequence(const unsigned char *data, size_t left)
{
    unsigned char c = data[0], low = 0x80, high = 0xbf;
    size_t n = c < 0x80 ? 1 : c >= 0xc2 && c <= 0xdf ? 2 : c >= 0xe0 && c <= 0xef ? 3 : 4;
    if (n == 4 && (c < 0xf0 || c > 0xf4))
        return 0;
    if (n > left)
        return 0;
    if (c == 0xe0)
        low = 0xa0;
    if (c == 0xed)
        high = 0x9f;
    if (c == 0xf0)
        low = 0x90;
    if (c == 0xf4)
        high = 0x8f;
    for (size_t i = 1; i < n; i++) {
        if (data[i] < low || data[i] > high)
            return 0;
        low = 0x80;
        high = 0xbf;
    }
    return n;
}

bool utf8_is_valid(const char *data, size_t len)
{
    for (size_t i = 0; i < len;) {
        size_t n = sequence((const unsigned char *)data + i, len - i);
        if (n == 0)
            return false;
        i += n;
    }
    return true;
}

char *decode_percent(struct arena *arena, struct slice text, bool plus)
{
    char *out = arena_alloc(arena, text.len + 1);
    size_t n = 0;
    for (size_t i = 0; i < text.len; i++) {
        char c = text.data[i];
        if (c == '%') {
            int high = i + 2 < text.len ? nibble(text.data[i + 1]) : -1;
            int low = high < 0 ? -1 : nibble(text.data[i + 2]);
            if (low < 0)
                return NULL;
            c = (char)(high * 16 + low);
            i += 2;
        } else if (c == '+' && plus) {
            c = ' ';
        }
        bool blank = c == '\t' || c == '\n' || c == '\r';
        if (((unsigned char)c < 0x20 && !(plus && blank)) || c == 0x7f)
            return NULL;
        out[n++] = c;
    }
    return utf8_is_valid(out, n) ? out : NULL;
}

char *decode_segment(struct arena *arena, struct slice text)
{
    char *out = decode_percent(arena, text, false);
    if (out == NULL || strpbrk(out, "/\\") != NULL || strcmp(out, ".") == 0 ||
        strcmp(out, "..") == 0)
        return NULL;
    return out;
}
