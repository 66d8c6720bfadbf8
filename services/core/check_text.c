#include "services/core/check.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>
#include <wctype.h>

/* Bytes of the sequence that starts with c; 0 when none can. */
static int sequence_of(unsigned char c)
{
    if (c < 0x80)
        return 1;
    if (c >= 0xC2 && c < 0xE0)
        return 2;
    if (c >= 0xE0 && c < 0xF0)
        return 3;
    return c >= 0xF0 && c < 0xF5 ? 4 : 0;
}

uint32_t text_next(const char **text)
{
    static const unsigned char mask[] = {0, 0x7F, 0x1F, 0x0F, 0x07};
    const unsigned char *at = (const unsigned char *)*text;
    int n = sequence_of(*at);
    uint32_t code = *at & mask[n];
    for (int i = 1; i < n && (at[i] & 0xC0) == 0x80; i++)
        code = code << 6 | (at[i] & 0x3F);
    *text += n == 0 ? 1 : n;
    return code;
}

int64_t text_length(const char *text)
{
    int64_t length = 0;
    for (const char *at = text; *at != '\0'; length++) {
        int n = sequence_of((unsigned char)*at);
        for (int i = 1; i < n; i++)
            if (((unsigned char)at[i] & 0xC0) != 0x80)
                return -1;
        const char *next = at;
        uint32_t code = text_next(&next);
        bool overlong = (n == 3 && code < 0x800) || (n == 4 && (code < 0x10000 || code > 0x10FFFF));
        if (n == 0 || overlong || (code >= 0xD800 && code <= 0xDFFF))
            return -1;
        at = next;
    }
    return length;
}

/* Unicode White_Space, and the zero-width characters that come along when text is pasted. */
static bool is_space(uint32_t c)
{
    return (c >= 9 && c <= 13) || c == ' ' || c == 0x85 || c == 0xA0 || c == 0x1680 ||
           (c >= 0x2000 && c <= 0x200B) || c == 0x2028 || c == 0x2029 || c == 0x202F ||
           c == 0x205F || c == 0x3000 || c == 0xFEFF;
}

const char *text_trim(struct arena *arena, const char *text)
{
    const char *start = text, *end = text;
    bool begun = false;
    for (const char *at = text; *at != '\0';) {
        const char *here = at;
        bool space = is_space(text_next(&at));
        if (!space && !begun) {
            start = here;
            begun = true;
        }
        if (!space)
            end = at;
    }
    if (!begun)
        return "";
    return *end == '\0' ? start : arena_strndup(arena, start, (size_t)(end - start));
}

bool text_is_email(const char *text)
{
    const char *at = strrchr(text, '@');
    size_t local = at == NULL ? 0 : (size_t)(at - text);
    if (local == 0 || local > 64 || at[1] == '\0' || strlen(at + 1) > 253)
        return false;
    if (text[0] == '.' || at[-1] == '.' || strstr(text, "..") != NULL)
        return false;
    for (const char *c = text; c < at; c++)
        if ((unsigned char)*c <= ' ' || *c == 127 || strchr("()<>[]:;@\\,\"", *c) != NULL)
            return false;
    for (const char *c = at + 1; *c != '\0'; c++)
        if ((unsigned char)*c < 0x80 && !isalnum((unsigned char)*c) && *c != '-' && *c != '.')
            return false;
    char last = at[strlen(at) - 1];
    return at[1] != '-' && at[1] != '.' && last != '-' && last != '.';
}

bool text_is_url(const char *text)
{
    const char *colon = strstr(text, "://");
    if (colon == NULL || colon == text || !isalpha((unsigned char)text[0]))
        return false;
    for (const char *c = text; c < colon; c++)
        if (!isalnum((unsigned char)*c) && strchr("+-.", *c) == NULL)
            return false;
    if (strncasecmp(text, "javascript", 10) == 0 || strncasecmp(text, "data:", 5) == 0)
        return false;
    const char *host = colon + 3;
    size_t authority = strcspn(host, "/?#");
    const char *user = memchr(host, '@', authority);
    if (user != NULL) {
        authority -= (size_t)(user + 1 - host);
        host = user + 1;
    }
    if (authority == 0 || host[0] == '.' || host[0] == ':' || host[0] == '-')
        return false;
    for (const char *c = text; *c != '\0'; c++)
        if ((unsigned char)*c <= ' ' || *c == 127 || strchr("<>\"\\^`{|}", *c) != NULL)
            return false;
    return true;
}

bool text_is_color(const char *text)
{
    size_t len = strlen(text);
    return text[0] == '#' && (len == 4 || len == 7) &&
           strspn(text + 1, "0123456789abcdefABCDEF") == len - 1;
}

/* The zone database decides; without one, a name of the right shape is believed. */
bool text_is_zone(const char *text)
{
    char path[128];
    size_t len = strlen(text);
    for (const char *c = text; *c != '\0'; c++)
        if (!isalnum((unsigned char)*c) && strchr("/_+-", *c) == NULL)
            return false;
    if (len == 0 || len > 64 || !isupper((unsigned char)text[0]) || text[len - 1] == '/')
        return false;
    if (strcmp(text, "Factory") == 0)
        return false;
    if (access("/usr/share/zoneinfo/Etc/UTC", R_OK) != 0)
        return true;
    snprintf(path, sizeof path, "/usr/share/zoneinfo/%s", text);
    FILE *file = fopen(path, "rbe");
    if (file == NULL)
        return false;
    char magic[4] = "";
    bool is = fread(magic, 1, sizeof magic, file) == sizeof magic && memcmp(magic, "TZif", 4) == 0;
    fclose(file);
    return is;
}

/* Digits in order, with what may part them dropped; the dialling prefix may stand in front. */
bool text_is_phone(struct arena *arena, const char *text)
{
    char *digits = arena_alloc(arena, strlen(text) + 1);
    size_t n = 0;
    int open = 0;
    bool plus = false;
    for (const char *at = text; *at != '\0';) {
        const char *here = at;
        if (is_space(text_next(&at)))
            continue;
        char c = *here;
        if (c == '+' && n == 0 && !plus && open == 0)
            plus = true;
        else if (isdigit((unsigned char)c))
            digits[n++] = c;
        else if (c == '(' && open == 0)
            open = 1;
        else if (c == ')' && open == 1)
            open = 2;
        else if ((c != '.' && c != '-') || n == 0)
            return false;
    }
    char last = n == 0 ? '\0' : text[strlen(text) - 1];
    return open != 1 && n >= 7 && n <= 15 && last != '.' && last != '-';
}

/* A letter of any script, by exclusion: what Unicode's blocks of signs hold is none. */
static bool is_letter(uint32_t c)
{
    if (c < 0x80)
        return isalpha((int)c);
    if (c < 0xC0)
        return c == 0xAA || c == 0xB5 || c == 0xBA;
    if (c == 0xD7 || c == 0xF7 || is_space(c))
        return false;
    return !((c >= 0x2000 && c <= 0x206F) || (c >= 0x20A0 && c <= 0x2BFF) ||
             (c >= 0x2E00 && c <= 0x2E7F) || (c >= 0x3000 && c <= 0x3004) ||
             (c >= 0x3007 && c <= 0x3030) || (c >= 0xE000 && c <= 0xF8FF) ||
             (c >= 0xFE00 && c <= 0xFE0F) || (c >= 0xFF01 && c <= 0xFF20) ||
             (c >= 0xFFF0 && c <= 0xFFFF) || (c >= 0x1F000 && c <= 0x1FAFF) || c >= 0xE0000);
}

static bool is_one_of(uint32_t c, const char *set)
{
    while (*set != '\0')
        if (text_next(&set) == c)
            return true;
    return false;
}

bool text_is_of(const char *text, enum chars chars)
{
    static const char *const extra[] = {
        [CHARS_ANY] = "",           [CHARS_ALPHA] = "-_.'’,&/",
        [CHARS_ALNUM] = "-_.'’,&/", [CHARS_REFERENCE] = ".,-/_",
        [CHARS_SERIAL] = "-/*.",    [CHARS_NAME] = "-_.'’,&/()",
    };
    bool ascii = chars == CHARS_REFERENCE || chars == CHARS_SERIAL;
    while (*text != '\0') {
        uint32_t c = text_next(&text);
        bool digit = c < 0x80 && isdigit((int)c);
        bool letter = ascii ? c < 0x80 && isalpha((int)c) : is_letter(c);
        bool good =
            letter || is_space(c) || (digit && chars != CHARS_ALPHA) || is_one_of(c, extra[chars]);
        if (!good && chars != CHARS_ANY)
            return false;
    }
    return true;
}
