/* hooks.h - what is special about projects and time blocks; see call.h for the contract. */
#ifndef BILLING_HOOKS_H
#define BILLING_HOOKS_H

#include "services/core/call.h"

extern const struct hooks time_block_hooks, project_hooks;

/* The faults a row of billing.block_refs() tells; its column REFERENCES_CLIENT is the client that
   the write ends up with. */
enum { REFERENCES_CLIENT = 5 };
enum err references_say(struct call *call, const struct pg_result *result);
/* Puts a time column of the write, when it is there, into its own zone and whole seconds. */
void settle_time(struct call *call, const char *column, const char *zone);

enum err time_block_sync(struct call *call);
enum err time_report(struct call *call);
enum err locked_list(struct call *call);
enum err locked_create(struct call *call);
enum err locked_delete(struct call *call);
enum err timer_current(struct call *call);
enum err timer_start(struct call *call);
enum err timer_update(struct call *call);
enum err timer_stop(struct call *call);
enum err timer_discard(struct call *call);
enum err planner_feed_list(struct call *call);
enum err planner_feed_create(struct call *call);
enum err planner_feed_delete(struct call *call);
enum err planner_feed_read(struct call *call);
enum err unbilled_hours(struct call *call);
enum err hours_bill(struct call *call);
enum err hours_unbill(struct call *call);
enum err terms_get(struct call *call);
enum err terms_update(struct call *call);

#endif
