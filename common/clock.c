#include "common/clock.h"

#include <stdatomic.h>
#include <time.h>

static _Atomic int64_t frozen_ms; /* written by tests only */

int64_t clock_unix_ms(void)
{
    int64_t frozen = frozen_ms;
    if (frozen != 0)
        return frozen;
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int64_t clock_mono_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

void clock_set(int64_t unix_ms) { frozen_ms = unix_ms; }

static char *put_digits(char *at, int64_t value, int digits)
{
    for (int i = digits - 1; i >= 0; i--, value /= 10)
        at[i] = (char)('0' + value % 10);
    return at + digits;
}

/* Year, month and day of a day count since 1970, in the proleptic Gregorian calendar. Years are
   counted from March, so that the leap day is a year's last. */
static void civil(int64_t days, int64_t *year, int64_t *month, int64_t *day)
{
    days += 719468; /* since 0000-03-01 */
    int64_t era = (days >= 0 ? days : days - 146096) / 146097;
    int64_t in_era = days - era * 146097;
    int64_t y = (in_era - in_era / 1460 + in_era / 36524 - in_era / 146096) / 365;
    int64_t in_year = in_era - (365 * y + y / 4 - y / 100);
    int64_t m = (5 * in_year + 2) / 153;
    *day = in_year - (153 * m + 2) / 5 + 1;
    *month = m < 10 ? m + 3 : m - 9;
    *year = y + era * 400 + (*month <= 2 ? 1 : 0);
}

void clock_iso(int64_t unix_ms, char *out)
{
    enum { DAY_MS = 86400000 };
    int64_t days = unix_ms / DAY_MS, ms = unix_ms % DAY_MS, year, month, day;
    if (ms < 0) {
        ms += DAY_MS;
        days--;
    }
    civil(days, &year, &month, &day);
    char *at = put_digits(out, year, 4);
    const int64_t parts[] = {month, day, ms / 3600000, ms / 60000 % 60, ms / 1000 % 60};
    for (size_t i = 0; i < COUNT_OF(parts); i++) {
        *at++ = "--T::"[i];
        at = put_digits(at, parts[i], 2);
    }
    *at++ = '.';
    at = put_digits(at, ms % 1000, 3);
    *at++ = 'Z';
    *at = '\0';
}
