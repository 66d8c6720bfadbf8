/*
 * validate.h - a body becomes accepted columns, or all of its faults in field order.
 *
 * Unknown keys are ignored. On update only the keys present are looked at. F_LIST fields are left
 * to the resource's hooks. Source: specs crm.md 2.2 and 5.3, rentals.md 1.2, decisions.md 8.
 */
#ifndef CORE_VALIDATE_H
#define CORE_VALIDATE_H

#include "services/core/call.h"

/* Fills call->columns from call->body by the resource's fields, call->created being set.
   Errors: INVALID with the reply's faults; MALFORMED (Robert: nothing was sent). */
enum err validate(struct call *call) MUST_USE;

/* The same for a route that is no resource's: by the fields that proto/endpoints_schema.h has for
   the service and the request's op. Afterwards call->created is false. */
enum err validate_endpoint(struct call *call, const char *service) MUST_USE;

#endif
