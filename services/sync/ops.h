/* ops.h - what the sync service answers; see call.h for the contract. */
#ifndef SYNC_OPS_H
#define SYNC_OPS_H

#include "services/core/call.h"

/* oauth.c */
enum err oauth_connect(struct call *call);
enum err oauth_callback(struct call *call);
enum err oauth_disconnect(struct call *call);
enum err oauth_page(struct call *call);

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

/* worker.c: delivers until asked to stop. */
void worker_background(struct pg *pg);

#endif
