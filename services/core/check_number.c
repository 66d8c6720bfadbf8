#include "services/core/check.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

enum { DIGITS_MAX = 60 };

/* A number taken apart: 0.digits × 10^point. */
struct parts {
    char digits[DIGITS_MAX + 2]; /* room for a carry */
    int n, point;
    bool negative;
};

static bool read_exponent(const char *text, int *out)
{
    bool negative = *text == '-';
    if (*text == '-' || *text == '+')
        text++;
    if (!isdigit((unsigned char)*text))
        return false;
    int value = 0;
    for (; isdigit((unsigned char)*text) && value < 1000; text++)
        value = value * 10 + (*text - '0');
    *out = negative ? -value : value;
    return *text == '\0' && value <= DIGITS_MAX;
}

static bool add_digit(struct parts *parts, char c)
{
    if (parts->n == 0 && c == '0')
        return true;
    if (parts->n == DIGITS_MAX)
        return false;
    parts->digits[parts->n++] = c;
    return true;
}

static bool take_apart(const char *text, struct parts *parts)
{
    *parts = (struct parts){.negative = *text == '-'};
    bool any = false, dot = false;
    if (*text == '-' || *text == '+')
        text++;
    for (; isdigit((unsigned char)*text) || (*text == '.' && !dot); text++) {
        if (*text == '.') {
            dot = true;
            continue;
        }
        any = true;
        if (!add_digit(parts, *text))
            return false;
        if (!dot && parts->n > 0)
            parts->point++;
        if (dot && parts->n == 0)
            parts->point--;
    }
    int exponent = 0;
    if (any && (*text == 'e' || *text == 'E')) {
        if (!read_exponent(text + 1, &exponent))
            return false;
        text = "";
    }
    parts->point += exponent;
    return any && *text == '\0';
}

/* Keeps `keep` digits, half away from zero. */
static void round_to(struct parts *parts, int keep)
{
    if (keep >= parts->n)
        return;
    bool up = keep >= 0 && parts->digits[keep] >= '5';
    parts->n = keep < 0 ? 0 : keep;
    int at = parts->n - 1;
    while (up && at >= 0 && parts->digits[at] == '9')
        parts->digits[at--] = '0';
    if (up && at >= 0) {
        parts->digits[at]++;
    } else if (up) {
        memmove(parts->digits + 1, parts->digits, (size_t)parts->n);
        parts->digits[0] = '1';
        parts->n++;
        parts->point++;
    }
}

const char *decimal_read(struct arena *arena, const char *text, int scale)
{
    struct parts parts;
    if (strlen(text) > 400 || !take_apart(text, &parts))
        return NULL;
    if (scale >= 0)
        round_to(&parts, parts.point + scale);
    while (parts.n > 0 && parts.digits[parts.n - 1] == '0' && parts.n > parts.point)
        parts.n--;
    if (parts.n == 0)
        return "0";
    struct buf out;
    buf_init(&out, arena);
    if (parts.negative)
        buf_putc(&out, '-');
    if (parts.point <= 0)
        buf_putc(&out, '0');
    for (int i = parts.point < 0 ? parts.point : 0; i < parts.n || i < parts.point; i++) {
        if (i == parts.point)
            buf_putc(&out, '.');
        buf_putc(&out, i < 0 || i >= parts.n ? '0' : parts.digits[i]);
    }
    return out.data;
}

/* Whole part as a number, saturating; *rest: something follows the point. */
static int64_t whole_of(const char *decimal, bool *rest)
{
    const char *at = decimal + (*decimal == '-');
    int64_t value = 0;
    for (; isdigit((unsigned char)*at); at++)
        value = value > (INT64_MAX - 9) / 10 ? INT64_MAX : value * 10 + (*at - '0');
    *rest = *at == '.';
    return *decimal == '-' ? -value : value;
}

bool decimal_above(const char *decimal, int64_t max, bool fraction_allowed)
{
    bool rest;
    int64_t whole = whole_of(decimal, &rest);
    if (*decimal == '-')
        return whole > max;
    return whole > max || (whole == max && rest && !fraction_allowed);
}

bool decimal_below(const char *decimal, int64_t min)
{
    bool rest;
    int64_t whole = whole_of(decimal, &rest);
    if (*decimal == '-')
        return whole < min || (whole == min && rest);
    return whole < min;
}

const char *integer_read(struct arena *arena, const char *text, bool *wide)
{
    *wide = false;
    const char *plain = decimal_read(arena, text, -1);
    if (plain == NULL || strchr(plain, '.') != NULL)
        return NULL;
    size_t digits = strlen(plain) - (*plain == '-');
    const char *limit = *plain == '-' ? "9223372036854775808" : "9223372036854775807";
    *wide = digits > 19 || (digits == 19 && strcmp(plain + (*plain == '-'), limit) > 0);
    return plain;
}
