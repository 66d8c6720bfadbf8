/*
 * mp.h - reading and writing msgpack. The only home of msgpack-c; others see its object type and
 * take objects apart with the functions here.
 *
 * mp_read checks sizes before unpacking, so that a lying header cannot make it allocate: every
 * array or map header must be covered by the bytes that follow. Objects live in the arena.
 */
#ifndef COMMON_MP_H
#define COMMON_MP_H

#include <msgpack.h>

#include "common/buf.h"
#include "common/err.h"

enum { MP_NUMBER = 1 }; /* ext type: a decimal number as its JSON text, "12.50" or "1e3" */

/* One whole object, nothing behind it. Errors: MALFORMED. Strings point into `bytes`. */
enum err mp_read(struct arena *arena, struct slice bytes, const msgpack_object **out) MUST_USE;

/* The members of an array or map as bytes: mp_inside is what stands behind its header, mp_cut takes
   the first object off. {NULL, 0} when there is none or it is not whole. */
struct slice mp_inside(struct slice bytes) MUST_USE;
struct slice mp_cut(struct slice *rest) MUST_USE NONNULL;

/* Member of a map, or NULL when absent or not a map. */
const msgpack_object *mp_find(const msgpack_object *map, const char *key) MUST_USE;
/* NULL or nil. */
static inline bool mp_is_null(const msgpack_object *object)
{
    return object == NULL || object->type == MSGPACK_OBJECT_NIL;
}
/* Copies; NULL when it is no string. */
const char *mp_text(struct arena *arena, const msgpack_object *object) MUST_USE;
/* Integer or decimal text of a number, NULL when it is none: exact. */
const char *mp_number(struct arena *arena, const msgpack_object *object) MUST_USE;
/* false when it is no integer in range. */
bool mp_int(const msgpack_object *object, int64_t *out) MUST_USE;
bool mp_same(const msgpack_object *object, const char *text); /* a string equal to text */

/* Writing into a buf. */
void mp_put_map(struct buf *buf, uint32_t pairs);
void mp_put_array(struct buf *buf, uint32_t items);
void mp_put_text(struct buf *buf, const char *text_or_null); /* NULL puts nil */
void mp_put_str(struct buf *buf, const char *data, size_t len);
void mp_put_bin(struct buf *buf, const void *data, size_t len);
void mp_put_int(struct buf *buf, int64_t value);
void mp_put_bool(struct buf *buf, bool value);
void mp_put_nil(struct buf *buf);
void mp_put_object(struct buf *buf, const msgpack_object *object);
/* msgpack to JSON text, numbers verbatim; bin is written as it is (already JSON). */
void mp_put_json(struct buf *out, const msgpack_object *object);

#endif
