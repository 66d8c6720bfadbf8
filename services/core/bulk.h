/*
 * bulk.h - many records in one request: POST, PUT and DELETE /bulk of every audited resource.
 *
 * Body: {"records": [{…}, …]} (PUT: each with its "id"; POST with
 * "upsert": true or "external_id", or ?upsert=1: one whose external_id a live record has changes
 * that one), or {"ids": […]} for DELETE; "atomic": true
 * (or ?atomic=true) for all or nothing. At most 1000. Each record gets a result with its index and
 * status. Without atomic, good records are kept and the answer is 200 whatever became of the rest.
 */
#ifndef CORE_BULK_H
#define CORE_BULK_H

#include "services/core/call.h"

enum { BULK_MAX = 1000 };

enum err bulk_create(struct call *call) MUST_USE;
enum err bulk_update(struct call *call) MUST_USE;
enum err bulk_delete(struct call *call) MUST_USE;

#endif
