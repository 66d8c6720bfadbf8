/* pages.h - the envelopes of lists: links and meta (Laravel), pagination (Robert). Pure. */
#ifndef PROTO_PAGES_H
#define PROTO_PAGES_H

#include "proto/dialect.h"

/* {"data":[…],"links":{…},"meta":{…}}. With a query parameter `cursor` (also an empty one) the
   links carry cursors and nothing is counted; so they do when the reply says by_cursor.
   Source: crm.md 2.5, 5.4. */
void pages_laravel(struct buf *out, const struct saying *saying, const struct reply *reply);
/* {"pagination":{11 keys},"data":[…]}. Source: rentals.md 1.3. */
void pages_robert(struct buf *out, const struct saying *saying, const struct reply *reply);

#endif
