/* clock.h - now (replaceable in tests) and monotonic deadlines. */
#ifndef COMMON_CLOCK_H
#define COMMON_CLOCK_H

#include "common/base.h"

int64_t clock_unix_ms(void);     /* wall time, milliseconds since 1970 UTC */
int64_t clock_mono_us(void);     /* monotonic microseconds */
void clock_set(int64_t unix_ms); /* tests only: freezes the wall clock; 0 thaws it */
/* "2026-11-24T09:38:00.123Z" into out[32]; years 0 to 9999. */
void clock_iso(int64_t unix_ms, char *out);

#endif
