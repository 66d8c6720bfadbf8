/* base.h - the few macros and the one slice type that every file may use. */
#ifndef COMMON_BASE_H
#define COMMON_BASE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define COUNT_OF(array)   (sizeof(array) / sizeof((array)[0]))
#define MUST_USE          __attribute__((warn_unused_result))
#define NONNULL           __attribute__((nonnull))
#define NEVER_NULL        __attribute__((returns_nonnull))
#define NORETURN          __attribute__((noreturn))
#define PRINTF(at, first) __attribute__((format(printf, at, first)))

/* Bytes that somebody else owns; not terminated. */
struct slice {
    const char *data;
    size_t len;
};

#endif
