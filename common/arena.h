/*
 * arena.h - memory that lives exactly as long as one request.
 *
 * Every byte a request needs comes from its arena and is given back at once by arena_reset().
 * Nothing allocated here is freed alone. One arena belongs to one thread.
 *
 * Allocation never returns NULL: running out of memory ends the process (the supervisor starts
 * another). What a caller can send is bounded before it reaches an arena.
 */
#ifndef COMMON_ARENA_H
#define COMMON_ARENA_H

#include <stdarg.h>

#include "common/base.h"

struct arena;

struct arena *arena_new(size_t block_bytes) MUST_USE NEVER_NULL;
void arena_destroy(struct arena *arena); /* takes NULL */

/* Runs the deferred releases and forgets every allocation; keeps the first block. */
void arena_reset(struct arena *arena) NONNULL;

/* Zeroed, aligned for any type. Lives until arena_reset(). */
void *arena_alloc(struct arena *arena, size_t bytes) MUST_USE NONNULL NEVER_NULL;
char *arena_strdup(struct arena *arena, const char *text) MUST_USE NONNULL NEVER_NULL;
/* A terminated copy of len bytes. */
char *arena_strndup(struct arena *arena, const char *data, size_t len) MUST_USE NEVER_NULL;
char *arena_printf(struct arena *arena, const char *format, ...) MUST_USE NEVER_NULL PRINTF(2, 3);
char *arena_vprintf(struct arena *arena, const char *format, va_list args) MUST_USE NEVER_NULL
    PRINTF(2, 0);

/* Runs `release(what)` at the next reset, last registered first: for a PGresult, a CURL handle. */
void arena_defer(struct arena *arena, void (*release)(void *what), void *what);

#endif
