/* google.h - the parts of Google Calendar: one event (google.c), what is read (google_pull.c), and
 * being told that there is something to read (google_channel.c).
 */
#ifndef SYNC_GOOGLE_H
#define SYNC_GOOGLE_H

#include "services/sync/deliver.h"

/* The first reason of an error, or "". */
const char *google_reason(struct arena *arena, const struct http_reply *reply);
/* FAILED with Google's words; always false. */
bool google_fail(struct task *task, const struct http_reply *reply);
/* Of a calendar's events, or one of them; query begins with ? or is "". */
const char *google_url(struct task *task, const char *calendar, const char *event,
                       const char *query);

void google_calendars(struct task *task);
void google_pull(struct task *task);

/* google_channel.c: has Google tell us of changes of the calendar, where it can reach us. open: it
   does; false with the result set. */
bool google_watch(struct task *task, const char *calendar, bool *open) MUST_USE;
/* Best effort: a channel that cannot be closed ends within a week. */
struct channel {
    const char *id, *resource;
};
void google_stop(struct http *http, struct arena *arena, const char *access,
                 const struct channel *channel);
bool google_can_reach(const char *url); /* https, and a name of the public network. Pure. */

#endif
