#include "services/core/degressive.h"

#include <string.h>

enum { DEPTH_MAX = 64, TEXT_MAX = 200, DECIMALS_MAX = 6 };

__extension__ typedef __int128 wide;

struct parser {
    const char *at;
    int64_t days;
    int depth;
    enum degressive_fault fault;
};

static struct fraction sum(struct parser *p);

static struct fraction fail(struct parser *p, enum degressive_fault fault)
{
    if (p->fault == DEGRESSIVE_OK)
        p->fault = fault;
    return (struct fraction){0, 1};
}

static wide gcd(wide a, wide b)
{
    while (b != 0) {
        wide rest = a % b;
        a = b;
        b = rest;
    }
    return a < 0 ? -a : a;
}

static struct fraction reduced(struct parser *p, wide num, wide den)
{
    if (den == 0)
        return fail(p, DEGRESSIVE_RANGE);
    wide common = gcd(num, den);
    if (den < 0)
        common = -common;
    num /= common;
    den /= common;
    if (num > INT64_MAX || num < -INT64_MAX || den > INT64_MAX)
        return fail(p, DEGRESSIVE_RANGE);
    return (struct fraction){(int64_t)num, (int64_t)den};
}

static bool take(struct parser *p, char c)
{
    while (*p->at == ' ')
        p->at++;
    if (*p->at != c)
        return false;
    p->at++;
    return true;
}

static bool take_word(struct parser *p, const char *word)
{
    while (*p->at == ' ')
        p->at++;
    size_t len = strlen(word);
    if (strncmp(p->at, word, len) != 0)
        return false;
    p->at += len;
    return true;
}

static struct fraction number(struct parser *p)
{
    int64_t value = 0, scale = 1;
    int digits = 0, decimals = -1;
    for (;; p->at++) {
        if (*p->at == '.' && decimals < 0) {
            decimals = 0;
            continue;
        }
        if (*p->at < '0' || *p->at > '9')
            break;
        if (++digits > 15)
            return fail(p, DEGRESSIVE_RANGE);
        value = value * 10 + (*p->at - '0');
        if (decimals >= 0) {
            if (++decimals > DECIMALS_MAX)
                return fail(p, DEGRESSIVE_RANGE);
            scale *= 10;
        }
    }
    return digits > 0 ? reduced(p, value, scale) : fail(p, DEGRESSIVE_SYNTAX);
}

static bool is_less(struct fraction a, struct fraction b)
{
    return (wide)a.num * b.den < (wide)b.num * a.den;
}

static struct fraction choice(struct parser *p, bool smaller)
{
    if (!take(p, '('))
        return fail(p, DEGRESSIVE_SYNTAX);
    struct fraction a = sum(p);
    if (!take(p, ','))
        return fail(p, DEGRESSIVE_SYNTAX);
    struct fraction b = sum(p);
    if (!take(p, ')'))
        return fail(p, DEGRESSIVE_SYNTAX);
    return is_less(a, b) == smaller ? a : b;
}

static struct fraction primary(struct parser *p)
{
    if (p->fault != DEGRESSIVE_OK || ++p->depth > DEPTH_MAX)
        return fail(p, DEGRESSIVE_SYNTAX);
    struct fraction value;
    if (take(p, '(')) {
        value = sum(p);
        if (!take(p, ')'))
            return fail(p, DEGRESSIVE_SYNTAX);
    } else if (take(p, '-')) {
        value = primary(p);
        value.num = -value.num;
    } else if (take_word(p, "daysCount")) {
        value = (struct fraction){p->days, 1};
    } else if (take_word(p, "min")) {
        value = choice(p, true);
    } else if (take_word(p, "max")) {
        value = choice(p, false);
    } else {
        value = number(p);
    }
    p->depth--;
    return value;
}

static struct fraction product(struct parser *p)
{
    struct fraction left = primary(p);
    while (p->fault == DEGRESSIVE_OK) {
        if (take(p, '*')) {
            struct fraction right = primary(p);
            left = reduced(p, (wide)left.num * right.num, (wide)left.den * right.den);
        } else if (take(p, '/')) {
            struct fraction right = primary(p);
            left = reduced(p, (wide)left.num * right.den, (wide)left.den * right.num);
        } else {
            break;
        }
    }
    return left;
}

static struct fraction sum(struct parser *p)
{
    struct fraction left = product(p);
    while (p->fault == DEGRESSIVE_OK) {
        bool minus = take(p, '-');
        if (!minus && !take(p, '+'))
            break;
        struct fraction right = product(p);
        wide other = (wide)right.num * left.den;
        left = reduced(p, (wide)left.num * right.den + (minus ? -other : other),
                       (wide)left.den * right.den);
    }
    return left;
}

enum degressive_fault degressive_rate(const char *expression, int64_t days, struct fraction *out)
{
    if (strlen(expression) > TEXT_MAX)
        return DEGRESSIVE_SYNTAX;
    struct parser parser = {.at = expression, .days = days};
    struct fraction value = sum(&parser);
    if (parser.fault == DEGRESSIVE_OK && !take(&parser, '\0'))
        return DEGRESSIVE_SYNTAX;
    if (parser.fault != DEGRESSIVE_OK)
        return parser.fault;
    if (value.num < 0 || value.num / value.den >= DEGRESSIVE_MAX)
        return DEGRESSIVE_RANGE;
    *out = value.num == 0 ? (struct fraction){1, 1} : value;
    return DEGRESSIVE_OK;
}

enum degressive_fault degressive_judge(const char *expression, int64_t *days)
{
    struct fraction rate;
    enum degressive_fault fault = DEGRESSIVE_OK;
    for (*days = 0; fault == DEGRESSIVE_OK && *days < DEGRESSIVE_DAYS;)
        fault = degressive_rate(expression, ++*days, &rate);
    return fault;
}
