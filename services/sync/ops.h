/* ops.h - what the sync service answers; see call.h for the contract. */
#ifndef SYNC_OPS_H
#define SYNC_OPS_H

#include "services/core/call.h"

/* oauth.c */
enum err oauth_connect(struct call *call);
enum err oauth_callback(struct call *call);
enum err oauth_page(struct call *call);

/* disconnect.c */
enum err oauth_disconnect(struct call *call);
void oauth_disconnected(struct call *call); /* afterwards: gives back what it gave us */

/* integration.c */
enum err integration_list(struct call *call);
enum err integration_available(struct call *call);
enum err integration_calendars(struct call *call);
enum err integration_sync(struct call *call);
enum err calendar_update(struct call *call);
enum err calendar_sync(struct call *call);
enum err job_list(struct call *call);
enum err job_retry(struct call *call);
enum err change_list(struct call *call);
/* ?status= of a list of deliveries: one of the known (they end with NULL), or nothing. */
enum err query_status(struct call *call, const char *const *known, const char **status) MUST_USE;

/* administration.c */
enum err administration_list(struct call *call);
enum err administration_choose(struct call *call);

/* google_channel.c */
enum err google_notified(struct call *call);

/* webhook.c */
enum err webhook_list(struct call *call);
enum err webhook_get(struct call *call);
enum err webhook_create(struct call *call);
enum err webhook_update(struct call *call);
enum err webhook_delete(struct call *call);
enum err webhook_rotate(struct call *call);
enum err webhook_test(struct call *call);
enum err webhook_rewind(struct call *call);
enum err webhook_deliveries(struct call *call);
enum err webhook_replay(struct call *call);

/* webhook_send.c: starts the threads that send. */
void webhook_start(void);

/* worker.c: delivers until asked to stop. */
void worker_background(struct pg *pg);

#endif
