/* Percent-decoding gives terminated UTF-8 without control characters, or nothing. */
#include <stdlib.h>
#include <string.h>

#include "gateway/decode.h"
#include "proto/rules.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const char *text, bool segment)
{
    if (text == NULL)
        return;
    if (!utf8_is_valid(text, strlen(text)))
        abort();
    for (const char *c = text; *c != '\0'; c++)
        if ((unsigned char)*c < 0x20 && segment)
            abort();
    if (segment && (strpbrk(text, "/\\") != NULL || strcmp(text, "..") == 0))
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct arena *arena;
    if (arena == NULL)
        arena = arena_new(1 << 16);
    struct slice text = {(const char *)data, size};
    check(decode_percent(arena, text, true), false);
    check(decode_percent(arena, text, false), false);
    check(decode_segment(arena, text), true);
    enum language language = language_of(arena_strndup(arena, text.data, text.len));
    if (language != LANGUAGE_EN && language != LANGUAGE_FR)
        abort();
    arena_reset(arena);
    return 0;
}
