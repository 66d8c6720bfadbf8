#include "services/core/check.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <time.h>

/* A point in time as it was written. */
struct moment {
    int year, month, day, hour, minute, second;
    char fraction[8]; /* ".123456" or "" */
    char offset[16];  /* "+02:00", or "" when none was given */
};

/* Reads min..max digits; advances. */
static bool number(const char **at, int min, int max, int *out)
{
    int n = 0, value = 0;
    for (; n < max && isdigit((unsigned char)(*at)[n]); n++)
        value = value * 10 + ((*at)[n] - '0');
    if (n < min || isdigit((unsigned char)(*at)[n]))
        return false;
    *at += n;
    *out = value;
    return true;
}

static bool sign(const char **at, const char *set)
{
    if (**at == '\0' || strchr(set, **at) == NULL)
        return false;
    (*at)++;
    return true;
}

static bool month_name(const char **at, int *month)
{
    static const char *const names[] = {"january",   "february", "march",    "april",
                                        "may",       "june",     "july",     "august",
                                        "september", "october",  "november", "december"};
    size_t len = 0;
    while (isalpha((unsigned char)(*at)[len]))
        len++;
    for (int i = 0; i < 12; i++)
        if (len >= 3 && len <= strlen(names[i]) && strncasecmp(*at, names[i], len) == 0) {
            *at += len;
            *month = i + 1;
            return true;
        }
    return false;
}

static void skip_spaces(const char **at)
{
    while (**at == ' ' || **at == ',')
        (*at)++;
}

/* "1 January 2026", "January 1, 2026" */
static bool worded_date(const char **at, struct moment *m)
{
    bool named = month_name(at, &m->month);
    skip_spaces(at);
    if (!number(at, 1, 2, &m->day))
        return false;
    skip_spaces(at);
    if (!named && !month_name(at, &m->month))
        return false;
    skip_spaces(at);
    return number(at, 4, 4, &m->year);
}

/* "2026-01-02", "2026/01/02", "2026-01", "20260102" */
static bool year_first(const char **at, struct moment *m)
{
    const char *start = *at;
    m->day = 1;
    if (strspn(start, "0123456789") == 8) {
        *at += 8;
        return sscanf(start, "%4d%2d%2d", &m->year, &m->month, &m->day) == 3;
    }
    if (!number(at, 4, 4, &m->year) || !sign(at, "-/") || !number(at, 1, 2, &m->month))
        return false;
    return !sign(at, "-/") || number(at, 1, 2, &m->day);
}

/* "01/02/2026" is month first, "02-01-2026" and "02.01.2026" day first. */
static bool year_last(const char **at, struct moment *m)
{
    int first, second;
    if (!number(at, 1, 2, &first))
        return false;
    bool american = **at == '/';
    if (!sign(at, "/-.") || !number(at, 1, 2, &second) || !sign(at, "/-.") ||
        !number(at, 4, 4, &m->year))
        return false;
    m->month = american ? first : second;
    m->day = american ? second : first;
    return true;
}

static bool read_day(const char **at, struct moment *m)
{
    static bool (*const forms[])(const char **, struct moment *) = {year_first, year_last,
                                                                    worded_date};
    for (size_t i = 0; i < COUNT_OF(forms); i++) {
        const char *trial = *at;
        if (forms[i](&trial, m)) {
            *at = trial;
            return true;
        }
    }
    return false;
}

static bool read_fraction(const char **at, struct moment *m)
{
    if (!sign(at, "."))
        return true;
    size_t n = strspn(*at, "0123456789"), keep = n < 6 ? n : 6;
    snprintf(m->fraction, sizeof m->fraction, ".%.*s", (int)keep, *at);
    *at += n;
    return n > 0 && n <= 12;
}

static bool read_half(const char **at, struct moment *m)
{
    const char *word = *at + (**at == ' ');
    bool pm = strncasecmp(word, "pm", 2) == 0;
    if (!pm && strncasecmp(word, "am", 2) != 0)
        return true;
    *at = word + 2;
    if (m->hour < 1 || m->hour > 12)
        return false;
    m->hour = m->hour % 12 + (pm ? 12 : 0);
    return true;
}

static bool read_offset(const char **at, struct moment *m)
{
    if (**at == ' ')
        (*at)++;
    bool named = strcasecmp(*at, "UTC") == 0 || strcasecmp(*at, "GMT") == 0;
    if (named || **at == 'Z' || **at == 'z') {
        *at += named ? 3 : 1;
        snprintf(m->offset, sizeof m->offset, "+00:00");
        return true;
    }
    char direction = **at;
    if (!sign(at, "+-"))
        return direction == '\0';
    int hours, minutes = 0;
    if (strspn(*at, "0123456789") == 4) {
        if (sscanf(*at, "%2d%2d", &hours, &minutes) != 2)
            return false;
        *at += 4;
    } else if (!number(at, 1, 2, &hours) || (sign(at, ":") && !number(at, 2, 2, &minutes))) {
        return false;
    }
    snprintf(m->offset, sizeof m->offset, "%c%02d:%02d", direction, hours % 100, minutes % 100);
    return hours <= 15 && minutes < 60;
}

static bool read_clock(const char **at, struct moment *m)
{
    if (**at == '\0')
        return true;
    if (!sign(at, "Tt "))
        return false;
    skip_spaces(at);
    if (!number(at, 1, 2, &m->hour) || !sign(at, ":") || !number(at, 2, 2, &m->minute))
        return false;
    if (sign(at, ":") && (!number(at, 2, 2, &m->second) || !read_fraction(at, m)))
        return false;
    if (!read_half(at, m) || !read_offset(at, m))
        return false;
    return m->hour < 24 && m->minute < 60 && m->second < 60;
}

static bool exists(const struct moment *m)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = (m->year % 4 == 0 && m->year % 100 != 0) || m->year % 400 == 0;
    if (m->year < 1 || m->month < 1 || m->month > 12)
        return false;
    int last = days[m->month - 1] + (leap && m->month == 2 ? 1 : 0);
    return m->day >= 1 && m->day <= last;
}

/* "@1700000000": seconds since 1970. */
static bool read_unix(const char *text, struct moment *m)
{
    long long seconds;
    char rest;
    struct tm tm;
    if (strlen(text) > 13 || sscanf(text, "@%lld%c", &seconds, &rest) != 1 ||
        strspn(text + 1, "-0123456789") != strlen(text + 1))
        return false;
    time_t t = (time_t)seconds;
    if (gmtime_r(&t, &tm) == NULL || tm.tm_year < -1899 || tm.tm_year > 8099)
        return false;
    *m = (struct moment){tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday, tm.tm_hour,
                         tm.tm_min,         tm.tm_sec,     "",         "+00:00"};
    return true;
}

static bool read_moment(const char *text, struct moment *m)
{
    *m = (struct moment){0};
    if (strlen(text) > 64)
        return false;
    if (text[0] == '@')
        return read_unix(text, m);
    return read_day(&text, m) && read_clock(&text, m) && *text == '\0' && exists(m);
}

const char *instant_read(struct arena *arena, const char *text, const char *zone)
{
    struct moment m;
    if (!read_moment(text, &m))
        return NULL;
    return arena_printf(arena, "%04d-%02d-%02d %02d:%02d:%02d%s%s%s", m.year, m.month, m.day,
                        m.hour, m.minute, m.second, m.fraction, m.offset[0] == '\0' ? " " : "",
                        m.offset[0] == '\0' ? zone : m.offset);
}

const char *date_read(struct arena *arena, const char *text)
{
    struct moment m;
    if (!read_moment(text, &m))
        return NULL;
    return arena_printf(arena, "%04d-%02d-%02d", m.year, m.month, m.day);
}

const char *utc_read(struct arena *arena, const char *text)
{
    struct moment m;
    int hours = 0, minutes = 0;
    if (!read_moment(text, &m))
        return NULL;
    if (m.offset[0] != '\0' && sscanf(m.offset + 1, "%2d:%2d", &hours, &minutes) != 2)
        return NULL;
    int shift = (hours * 60 + minutes) * (m.offset[0] == '-' ? 1 : -1);
    struct tm tm = {.tm_year = m.year - 1900,
                    .tm_mon = m.month - 1,
                    .tm_mday = m.day,
                    .tm_hour = m.hour,
                    .tm_min = m.minute + shift,
                    .tm_sec = m.second};
    time_t t = timegm(&tm);
    if (gmtime_r(&t, &tm) == NULL || tm.tm_year < -1899 || tm.tm_year > 8099)
        return NULL;
    return arena_printf(arena, "%04d-%02d-%02d %02d:%02d:%02d", tm.tm_year + 1900, tm.tm_mon + 1,
                        tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec);
}
