/* buf.h - text or bytes growing in an arena. Always terminated by a NUL that len does not count. */
#ifndef COMMON_BUF_H
#define COMMON_BUF_H

#include "common/arena.h"

struct buf {
    struct arena *arena;
    char *data; /* never NULL after buf_init */
    size_t len, cap;
};

void buf_init(struct buf *buf, struct arena *arena) NONNULL;
void buf_put(struct buf *buf, const void *data, size_t len);
void buf_puts(struct buf *buf, const char *text) NONNULL;
void buf_putc(struct buf *buf, char c) NONNULL;
void buf_printf(struct buf *buf, const char *format, ...) PRINTF(2, 3);
/* A JSON string, quotes included; invalid UTF-8 becomes U+FFFD. */
void buf_put_json(struct buf *buf, const char *data, size_t len);
void buf_puts_json(struct buf *buf, const char *text_or_null); /* NULL prints null */

#endif
