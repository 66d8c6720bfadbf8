/* decode.h - percent-decoding and UTF-8, for paths, queries and forms. Pure. */
#ifndef GATEWAY_DECODE_H
#define GATEWAY_DECODE_H

#include "common/arena.h"

/* Decoded copy, terminated; NULL when a percent sign is not followed by two hex digits, a byte is
   a control character, or the result is not UTF-8. plus: '+' is a space (queries, forms). */
char *decode_percent(struct arena *arena, struct slice text, bool plus);
/* The same for one segment of a path, which may not hide a slash, a backslash or be "." or "..". */
char *decode_segment(struct arena *arena, struct slice text);
bool utf8_is_valid(const char *data, size_t len);

#endif
