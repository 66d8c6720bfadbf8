/* body.h - bodies and queries of the endpoints here that are no resource, and who writes. */
#ifndef BILLING_BODY_H
#define BILLING_BODY_H

#include "services/core/call.h"

/* Fills call->columns from the body by the op's table in proto/endpoints_schema.c.
   Errors: INVALID with faults. */
enum err body_read(struct call *call) MUST_USE;
/* The column, or NULL: then the fault is added when it was required. A day as "2024-01-08". */
enum err query_day(struct call *call, const char *name, bool required, const char **out) MUST_USE;
/* *start and *end in order, or the fault of end. */
enum err query_days(struct call *call, bool required, const char **start,
                    const char **end) MUST_USE;
/* An id of the query; NULL when it is not given. */
enum err query_id(struct call *call, const char *name, const char **out) MUST_USE;

/* The caller as billing.actor, for the log of changes. */
void put_actor(struct call *call, struct sql *sql);

#endif
