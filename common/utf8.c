#include "common/utf8.h"

size_t utf8_len(const unsigned char *data, size_t left)
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
