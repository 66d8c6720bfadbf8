/*
 * crud.h - list, get, create, update, delete, restore: the only CRUD there is.
 *
 * Every function answers into call->reply. Writes expect to be inside the call's transaction
 * (service.c opens it). crud_item reads the row back as the dialect shows it.
 */
#ifndef CORE_CRUD_H
#define CORE_CRUD_H

#include "services/core/call.h"

/*
 * The same in two halves, so that service.c can run a whole batch in one pipeline: crud_plan checks
 * the request and writes the one statement that answers it; crud_finish turns its result into the
 * reply. crud_is_single: the request's op is one statement, without hooks that need more (then, and
 * only then, plan and finish may be used; the functions below do the same with call_run).
 */
bool crud_is_single(const struct call *call) MUST_USE;
enum err crud_plan(struct call *call, struct sql *sql) MUST_USE;
enum err crud_finish(struct call *call, const struct pg_result *result) MUST_USE;

/* A list hook may put this pair into a copy of the request: the rows of a page, Robert dialect. No
   client can, its pairs never begin with @. */
#define ROWS_ASKED "@rows"

enum err crud_list(struct call *call) MUST_USE;
enum err crud_get(struct call *call) MUST_USE;
enum err crud_create(struct call *call) MUST_USE;
enum err crud_update(struct call *call) MUST_USE;
enum err crud_delete(struct call *call) MUST_USE;
enum err crud_restore(struct call *call) MUST_USE;
/* Ops every resource has beside these (history, bulk_*); ends with {0}, resource "". */
extern const struct op core_ops[];
/* The row as get shows it becomes the reply's data. Errors: NOT_FOUND, FORBIDDEN. */
enum err crud_item(struct call *call, int64_t id) MUST_USE;

#endif
