/* check_parts.h - what both dialects' checkers share; see check.h. */
#ifndef CORE_CHECK_PARTS_H
#define CORE_CHECK_PARTS_H

#include "services/core/check.h"

const char *number_text(struct call *call, int64_t number) NEVER_NULL;
bool check_zone(struct call *call, const struct field *field, const char *text) MUST_USE;
bool check_json(struct call *call, const struct field *field, const msgpack_object *value,
                const char **out) MUST_USE;
bool is_in(const char *const *values, const char *text);

#endif
