/* ops.h - what the sync service answers; see call.h for the contract. */
#ifndef SYNC_OPS_H
#define SYNC_OPS_H

#include "services/core/call.h"

/* ops.c. Runs a statement that finds something: no row is a 404 with these words. */
enum err ops_find(struct call *call, struct sql *sql, const char *missing,
                  struct pg_result **rows) MUST_USE;
/* The JSON of its first column is the whole answer; NULL is as good as no row. */
enum err ops_row(struct call *call, struct sql *sql, const char *missing) MUST_USE;
/* This JSON is the whole answer; it lives as long as the call. */
enum err ops_text(struct call *call, const char *json);

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
