/*
 * stream.h - what is too large to be held: files that leave piece by piece.
 *
 * A list asked for with Accept: text/csv is op "export" of its service. Its reply is a piece and a
 * cursor; the next piece is asked for only after the last one has left, so that memory is bounded
 * whatever the list holds. An export that cannot go on ends without its last chunk, which every
 * client takes for what it is: incomplete.
 */
#ifndef GATEWAY_STREAM_H
#define GATEWAY_STREAM_H

#include "gateway/exchange.h"

/* Is it a list that may be exported, and was CSV asked for? */
bool stream_is_export(const struct exchange *x);
/* Does more follow behind this reply? */
bool stream_goes_on(const struct exchange *x);
/* Sends the first piece, which stands in the reply, and all others. */
void stream_send(struct exchange *x, void *connection);

#endif
