/*
 * json.h - JSON text to msgpack bytes, once, strictly; and back.
 *
 * Refused: duplicate keys, depth over 32, more than 200 keys in one object, bad or overlong UTF-8,
 * lone surrogates, NUL inside strings, trailing bytes, NaN, raw control characters. Integers that
 * fit int64 become msgpack integers; every other number keeps its text as ext type MP_NUMBER and
 * never meets a double. Not recursive.
 */
#ifndef COMMON_JSON_H
#define COMMON_JSON_H

#include "common/buf.h"
#include "common/err.h"

struct json_fault {
    size_t at;          /* byte offset in the text */
    const char *reason; /* borrowed or in the arena: "duplicate key \"name\"" */
};

/* Appends msgpack to out. Errors: MALFORMED with *fault filled. */
enum err json_to_mp(struct arena *arena, struct slice text, struct buf *out,
                    struct json_fault *fault) MUST_USE NONNULL;

#endif
