/*
 * spool.h - bodies too large for memory (files to import): bytes go to an unnamed file in
 * BUREAU_DATA as they arrive. All of them together are bounded.
 */
#ifndef GATEWAY_SPOOL_H
#define GATEWAY_SPOOL_H

#include "gateway/connection.h"

/* Bytes of one body, and of all that are on their way. */
#define SPOOL_MAX     ((int64_t)1 << 30)
#define SPOOL_ALL_MAX ((int64_t)4 << 30)

/* Is the body of this request one? */
bool spool_wanted(const struct http_head *head);
/* Takes what has come of the body out of the connection's buffer. */
enum fill spool_take(struct connection *c) MUST_USE;
void spool_drop(struct connection *c); /* the file, if there is one */

#endif
